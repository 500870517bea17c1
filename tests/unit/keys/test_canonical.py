"""The fast encoder is RFC 8785, and the door lets through exactly what it writes."""

from __future__ import annotations

import unicodedata
from enum import StrEnum
from typing import Any

import orjson
import pytest
import rfc8785
from hypothesis import example, given, settings
from hypothesis import strategies as st

from keys import canonical
from keys.errors import Malformed, NotCanonical
from tests.examples import examples

MAX_INTEGER = 2**53 - 1

texts = st.text().filter(
    lambda text: (
        all(canonical.is_assigned(ord(c)) for c in text) and unicodedata.is_normalized("NFC", text)
    )
)
integers = st.integers(-MAX_INTEGER, MAX_INTEGER)
values = st.recursive(
    st.booleans() | integers | texts,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(texts, below, max_size=4),
    max_leaves=20,
)
objects = st.dictionaries(texts, values, max_size=6)


@settings(max_examples=examples(40))
@given(objects)
@example({"\U0001f600": 1, "\uff21": 2, "z": 3})
@example({"\n\u0301": "\n\u0301"})
def test_encoding_is_rfc_8785_and_round_trips(value: dict[str, Any]) -> None:
    """The fast encoder may never differ from the standard's by one byte."""
    data = canonical.encode(value)
    assert data == rfc8785.dumps(value)
    assert canonical.parse(data, limit=None) == value


@settings(max_examples=examples(40))
@given(objects)
@example({"\U0001f600": 1, "\uff21": 2, "z": 3})
@example({"a": "Tiếp nhận phản ánh", "b": "\u2026"})
def test_what_is_written_in_order_is_encoded_alike(value: dict[str, Any]) -> None:
    """Whoever wrote the names in order is spared the sorting, and gets the same bytes."""
    assert canonical.ordered(_in_order(value)) == canonical.encode(value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"a": "e\u0301"}, "NFC"),
        ({"a": "\U0001fae8"}, "U\\+1FAE8"),
        ({"a": MAX_INTEGER + 1}, "no canonical form"),
        ({"a": "\ud800"}, "no canonical form"),
        ({"a": b"x"}, "bytes"),
    ],
)
def test_what_is_written_in_order_is_refused_alike(value: dict[str, Any], reason: str) -> None:
    """A purpose is somebody's text."""
    with pytest.raises(NotCanonical, match=reason):
        canonical.ordered(value)


def _in_order(value: Any) -> Any:  # noqa: ANN401  any JSON
    if isinstance(value, dict):
        return {name: _in_order(value[name]) for name in sorted(value)}
    return [_in_order(item) for item in value] if isinstance(value, list) else value


pieces = st.lists(
    st.sampled_from(
        ['{"a":', '{"', '":', "}", "[", "]", ",", "1", "-0", "1e2", '"é"', "null", " "]
    ),
    max_size=8,
)


@given(st.binary(max_size=60) | pieces.map(lambda some: "".join(some).encode()))
def test_what_passes_the_door_is_written_back_the_same(data: bytes) -> None:
    """`canonical(parse(bytes)) == bytes`, whatever arrives."""
    try:
        value = canonical.parse(data)
    except NotCanonical:
        return
    assert rfc8785.dumps(value) == data


loose = st.recursive(
    st.none() | st.booleans() | integers | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(texts, below, max_size=4),
    max_leaves=12,
)


def _is_strict(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_is_strict, value.values()))
    if isinstance(value, list):
        return all(map(_is_strict, value))
    return isinstance(value, str | int)


@given(st.dictionaries(texts, loose, max_size=4))
@example({"a": ["x", 1.5]})
@example({"a": [[], -1e22]})
@example({"a": 1e22})
@example({"a": ":null", "b": '":1.5'})
def test_null_and_fractions_are_found_wherever_they_stand(value: dict[str, Any]) -> None:
    """The quick look before the strict one may err on one side only."""
    data = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    try:
        canonical.parse(data, limit=None)
    except NotCanonical:
        sound = False
    else:
        sound = True
    assert not sound or _is_strict(value)
    assert sound or not _is_strict(value) or data != rfc8785.dumps(value)


@given(st.text())
def test_text_is_refused_by_the_table_and_by_nfc_alone(text: str) -> None:
    """The quick look for everyday letters lets nothing else through."""
    data = orjson.dumps({"a": text})
    good = all(canonical.is_assigned(ord(c)) for c in text)
    good = good and unicodedata.is_normalized("NFC", text)
    try:
        canonical.parse(data, limit=None)
    except NotCanonical:
        assert not good
    else:
        assert good


def test_everyday_letters_are_assigned_and_nfc_in_any_order() -> None:
    """What the quick look lets through needs neither the table nor the normalizer."""
    everyday = [
        character
        for character in map(chr, (*range(0xD800), *range(0xE000, 0x11_0000)))
        if canonical.is_everyday(character.encode())
    ]
    assert len(everyday) == 0x300 + 0x100 + 0x18
    assert all(canonical.is_assigned(ord(c)) for c in everyday)
    assert not any(map(unicodedata.combining, everyday))
    assert all(unicodedata.is_normalized("NFC", c) for c in everyday)
    # A starter composes with the one before it only if some character is made of the two.
    decomposed = (unicodedata.decomposition(chr(c)) for c in range(0x110000))
    second = {
        chr(int(parts[1], 16))
        for parts in (text.split() for text in decomposed if not text.startswith("<"))
        if len(parts) == len("ab")
    }
    assert not second & set(everyday)


class _Word(StrEnum):
    ONE = "one"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"a": None}, "null"),
        ({"a": [1, None]}, "null"),
        ({"a": 1.0}, "whole number"),
        ({"a": MAX_INTEGER + 1}, "no canonical form"),
        ({"a": "e\u0301"}, "NFC"),
        ({"a": "\u0378"}, "U\\+0378"),
        ({"a": "\ud800"}, "no canonical form"),
        ({"a": b"x"}, "bytes"),
        ({"a": _Word.ONE}, "_Word"),
        ({1: "a"}, "no canonical form"),
    ],
)
def test_a_value_without_canonical_form_is_not_encoded(value: dict[Any, Any], reason: str) -> None:
    """A signer must never sign what no reader will take."""
    with pytest.raises(NotCanonical, match=reason):
        canonical.encode(value)


def _nested(depth: int) -> bytes:
    return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


def test_an_object_may_be_more_than_a_dict() -> None:
    """What a server answered is said again in an act, in a list and in an object."""
    answered = type("Answered", (dict,), {})
    value = {"a": [answered(b=(answered(c=1),))], "d": answered()}
    plain = {"a": [{"b": [{"c": 1}]}], "d": {}}
    assert canonical.encode(answered(value)) == canonical.encode(plain)


def test_nesting_beyond_32_is_refused() -> None:
    """A reader with a small stack must be able to read every act."""
    assert canonical.parse(_nested(32))
    with pytest.raises(NotCanonical, match="32"):
        canonical.parse(_nested(33))


def test_a_code_point_that_unicode_14_does_not_assign_is_refused_by_every_python() -> None:
    """U+1FAE8 came with Unicode 15: a newer Python must not take what an older one refuses."""
    with pytest.raises(NotCanonical, match="U\\+1FAE8"):
        canonical.parse('{"a":"\U0001fae8"}'.encode())


def test_the_table_is_that_of_unicode_14() -> None:
    """The table stands for the oldest Python we run on; there the two must agree."""
    if unicodedata.unidata_version != "14.0.0":
        pytest.skip("this Python has other tables of Unicode than 14.0")
    for code in range(0x110000):
        assert canonical.is_assigned(code) == (unicodedata.category(chr(code)) != "Cn")


@given(st.binary(max_size=100))
def test_base64_round_trip(data: bytes) -> None:
    """Both alphabets are read back as written."""
    assert canonical.unb64(canonical.b64(data)) == data
    assert canonical.unb64std(canonical.b64std(data)) == data


@given(st.text(st.sampled_from("AQZaz09-_+/= \n.é"), max_size=12))
def test_base64_between_dots_is_read_as_each_part_alone(text: str) -> None:
    """A statement's three parts are taken out at once: no form gets in that was refused alone."""
    try:
        alone = [canonical.unb64(part) for part in text.split(".")]
    except Malformed:
        with pytest.raises(Malformed):
            canonical.unb64_dotted(text)
    else:
        assert canonical.unb64_dotted(text) == canonical.known_b64_dotted(text) == alone


@given(st.text(st.sampled_from("AQZaz09-_+/= \n.é"), max_size=8))
def test_base64_has_one_text_for_one_value(text: str) -> None:
    """Otherwise one signature would have several compact forms, and so several digests."""
    for read, write in ((canonical.unb64, canonical.b64), (canonical.unb64std, canonical.b64std)):
        try:
            data = read(text)
        except Malformed:
            continue
        assert write(data) == text
