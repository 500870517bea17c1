"""What is read is what is signed: characters that nobody sees stop at the door, emoji do not."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.texts.catalogue import translate
from keys import canonical
from keys.errors import NotCanonical
from ledger.errors import Rejected
from ledger.regulation.acts.invisible_characters import (
    all_visible,
    faults,
    positions,
    require_visible,
    without,
)

SEEN = (
    "Tiếng Việt có dấu: ờ ữ ậ Đ",
    "dòng một\n\tdòng hai",
    "☎\ufe0f 1022 ❤\ufe0f",
    "1\ufe0f\u20e3 #\ufe0f\u20e3",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f3f3\ufe0f\u200d\U0001f308",
    "\U0001f469\U0001f3fd\u200d\u2695\ufe0f",
    "1 ≤ 5 … “trích” – 30 %, 25 °C",
)
HIDING = {
    "turned round": "t\u1ed1t\u202e u\u1ea5x",
    "isolated": "\u2066abc\u2069",
    "zero width": "12\u200b3",
    "joined letters": "a\u200db",
    "selector after a letter": "a\ufe0f",
    "two selectors": "\u2764\ufe0f\ufe0f",
    "joiner at the end": "\U0001f468\u200d",
    "joiner to a letter": "\U0001f468\u200dx",
    "soft hyphen": "m\u00e3\u00ad",
    "byte order mark": "\ufeffx",
    "tags": "x\U000e0041",
    "filler": "\u3164",
    "escape": "\x1b[2J",
    "carriage return": "a\rb",
    "delete": "a\x7f",
    "C1": "a\x9b31m",
    "line separator": "a\u2028b",
    "grapheme joiner": "a\u034fb",
}


@pytest.mark.parametrize("text", SEEN)
def test_what_a_citizen_writes_is_let_through(text: str) -> None:
    """Vietnamese, line ends, numbers, emoji sequences."""
    assert positions(text) == []
    assert without(text) == text


@pytest.mark.parametrize("text", HIDING.values(), ids=HIDING)
def test_what_hides_or_turns_is_named_with_its_place_and_left_out(text: str) -> None:
    """The fault names the first; the text without it passes."""
    (at, *_) = positions(text)
    (fault,) = faults({"facts": {"summary": ["x", text]}})
    assert fault.pointer == "/facts/summary/1"
    assert f"U+{ord(text[at]):04X} at character {at + 1}" in translate(fault.text, "en")
    assert positions(without(text)) == []
    with pytest.raises(Rejected) as refused:
        require_visible({"facts": {"summary": text}})
    assert refused.value.code == "invisible_characters"


def test_every_control_format_and_separator_of_unicode_is_covered() -> None:
    """By Python's own table, of whatever version that is, as far as Unicode 14 assigns them."""
    missed = [
        hex(code)
        for code in range(sys.maxunicode + 1)
        if (unicodedata.category(chr(code)) in {"Cc", "Cf", "Zl", "Zp"})
        and chr(code) not in "\t\n"
        and not positions(chr(code))
    ]
    assert missed == []


def test_a_name_of_a_member_hides_nothing_either() -> None:
    """Objects of free form (a JWK) have names that are text too."""
    assert [f.pointer for f in faults({"jwk": {"k\u200bty": "x"}})] == ["/jwk"]
    assert without({"jwk": {"k\u200bty": "x"}}) == {"jwk": {"kty": "x"}}


@given(st.text())
def test_without_is_clean_and_keeps_what_is_seen(text: str) -> None:
    """Nothing but hidden characters goes, and once is enough."""
    clean = without(text)
    assert positions(clean) == []
    rest = iter(text)
    assert all(character in rest for character in clean)


@given(st.text(alphabet=st.characters(exclude_categories=("Cs", "Cn")), max_size=12))
def test_bytes_are_told_to_be_sound_only_where_every_text_is(text: str) -> None:
    """The short way at the door lets nothing through that the long one would stop."""
    members = {"facts": {"summary": f"Sự việc {text}", f"n{text}": 1}}
    try:
        payload = canonical.encode(members)
    except NotCanonical:  # not NFC, or newer than the canonical form: no such payload comes in
        return
    assert not (all_visible(payload) and faults(members))


@pytest.mark.parametrize("hidden", [*HIDING.values(), "\x01", "\x9f", "\b", "\\\r"])
def test_no_hidden_character_goes_the_short_way(hidden: str) -> None:
    """Raw in the bytes, or as an escape."""
    assert not all_visible(canonical.encode({"summary": hidden}))


def test_everyday_text_goes_the_short_way() -> None:
    """With line ends, tabs and quotation marks, which stand as escapes."""
    assert all_visible(canonical.encode({"tóm tắt": 'Sự việc:\n\t"đã nêu", ờ ữ ậ Đ – 5'}))
