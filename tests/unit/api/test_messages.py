"""The catalogue is whole: whatever the product says stands in it, translated, and nothing else."""

from __future__ import annotations

import ast
import gettext
import io
import pickle
import re
import string
import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from itertools import chain

import pytest
from babel.messages.catalog import Catalog
from babel.messages.catalog import Message as Entry

from api.cli.commands import mirror
from api.cli.commands.log import discard
from api.http.pages.say import SAY
from api.ops.mirror.outbox import PublishedSegment
from api.texts.catalogue import both, in_each, translate
from ledger.message import Message, Wording, meaning, plural
from ledger.mirror.taking_in import TakenIn
from tests.messages import KEYWORDS, MO, PACKAGES, ROOT, compiled, extracted, stored
from tests.source_files import name_of

_MAKES = re.compile(rf"\b(?:{'|'.join(KEYWORDS)})\(")
DETAIL = "detail"
"""What a library says, in English: a translation may leave it out."""
PAGE = "ledger/regulation/docs/"
"""What makes docs/reference/catalogue.md, the one page that has both languages side by side."""


@cache
def said() -> Catalog:
    """What the code says."""
    return extracted()


@cache
def translated() -> Catalog:
    """What the catalogue has."""
    return stored()


def keys(catalogue: Catalog) -> set[tuple[str | None, str]]:
    """Its messages, by context and by the English they begin with."""
    return {(entry.context, english(entry)[0]) for entry in catalogue if entry.id}


def english(entry: Entry) -> tuple[str, ...]:
    """The English of an entry, in each of its forms."""
    return (entry.id,) if isinstance(entry.id, str) else tuple(entry.id or ())


def vietnamese(entry: Entry) -> tuple[str, ...]:
    """Its Vietnamese, in the one form that the language has."""
    return (entry.string,) if isinstance(entry.string, str) else tuple(entry.string or ())


def holes(text: str) -> set[str]:
    """What is filled into a text."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every place where a message is made."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            place = str(path.relative_to(ROOT))
            if place == "ledger/message.py":
                continue
            text = path.read_text("utf-8")
            for node in ast.walk(ast.parse(text)) if _MAKES.search(text) else ():
                if isinstance(node, ast.Call) and getattr(node.func, "id", None) in KEYWORDS:
                    yield f"{place}:{node.lineno}", node


def test_no_message_is_untranslated_and_none_is_left_over() -> None:
    """`make messages` brings the file up to date; what it leaves empty is to be translated."""
    assert sorted(keys(said()) - keys(translated()), key=str) == []
    assert sorted(keys(translated()) - keys(said()), key=str) == []
    entries = [entry for entry in translated() if entry.id]
    assert len(entries) > 900
    assert [entry.id for entry in entries if not all(map(str.strip, vietnamese(entry)))] == []
    assert [entry.id for entry in entries if entry.fuzzy] == []


def test_what_is_read_at_run_time_is_what_the_reviewed_file_says() -> None:
    """An edit of the .po that was not compiled would change nothing, and nobody would notice."""
    with MO.open("rb") as file:
        read = gettext.GNUTranslations(file)
    fresh = gettext.GNUTranslations(io.BytesIO(compiled(translated())))
    for entry in translated():
        if entry.id:
            for text in english(entry)[:1]:
                asked = [(entry.context, text)]
                assert [_looked(read, *one) for one in asked] == [
                    _looked(fresh, *one) for one in asked
                ]


def test_a_translation_fills_in_what_the_english_does() -> None:
    """A hole that is missing hides a number; one too many would fail before an officer's eyes."""
    for entry in translated():
        if entry.id:
            asked = set(chain.from_iterable(map(holes, english(entry))))
            for text in vietnamese(entry):
                assert asked - {DETAIL} <= holes(text) <= asked, entry.id


def test_only_what_a_library_says_may_be_left_out() -> None:
    """A number, a role or a name of ours is told in both languages: it has a name of its own."""
    said = {
        name
        for _, call in calls()
        for given in call.keywords
        if given.arg == DETAIL
        for name in (one.id for one in ast.walk(given.value) if isinstance(one, ast.Name))
    }
    assert said - {"error", "message", "text", "detail", "repr", "str"} == set()


def test_every_message_is_a_literal_and_gets_what_it_fills_in() -> None:
    """Babel finds literals alone; a parameter misnamed would be found out by the reader."""
    found = list(calls())
    assert len(found) > 800
    for place, call in found:
        texts = [part.value for part in call.args if isinstance(part, ast.Constant)]
        assert len(texts) == len(call.args), f"{place}: a text that is no literal"
        assert len(texts) == (1 if getattr(call.func, "id", "") == "Message" else 2), place
        asked = set(chain.from_iterable(holes(text) for text in texts if isinstance(text, str)))
        assert all(texts), f"{place}: the empty text is the catalogue's head"
        given = {word.arg for word in call.keywords}
        if given:
            assert asked | {"n"} & given == given, f"{place}: {asked} and {given}"


def test_no_vietnamese_stands_in_the_code() -> None:
    """Whoever reviews the texts reads one file, and the rulebook's data for the words of the law.

    A description of an endpoint or a noun stands as `Vietnamese · English` in the one API document.
    """
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            place = str(path.relative_to(ROOT))
            source = path.read_text("utf-8")
            if place.startswith(PAGE) or source.isascii():
                continue
            for line, text in _texts(ast.parse(source)):
                assert not _is_vietnamese(text), f"{place}:{line}: {text!r}"


def _looked(found: gettext.GNUTranslations, context: str | None, text: str) -> str:
    return found.gettext(text) if context is None else found.pgettext(context, text)


def _texts(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Texts of a module that are no docstring and no pattern."""
    nodes = list(ast.walk(module))
    prose = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Call) and name_of(node.func) == "re.compile":
            prose |= {id(part) for part in ast.walk(node)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.lineno, node.value


#: What is found in a text, what an English text quotes, and headings of the one API document.
_LETTERS = ("đ", "Đ")
_QUOTED = ("đ/d", " · ", "Sổ cái diễn biến", "sổ diễn tập", "bản diễn thử", "NĐ-CP", "QĐ-UBND")


def _is_vietnamese(text: str) -> bool:
    letters = any(ord(c) > 127 and unicodedata.name(c, "").startswith("LATIN") for c in text)
    return letters and text not in _LETTERS and not any(known in text for known in _QUOTED)


@pytest.mark.parametrize(("n", "en"), [(0, "0 records"), (1, "1 record"), (2, "2 records")])
def test_a_number_chooses_the_form_of_its_language(n: int, en: str) -> None:
    """English has two forms, Vietnamese one."""
    told = plural("{n} record", "{n} records", n=n)
    assert both(told) == {"vi": f"{n} bản ghi", "en": en}
    assert str(told) == en


def test_what_was_done_to_one_thing_is_told_of_one() -> None:
    """“1 checkpoints” were gone, and “1 records” taken in."""
    done = (
        str(discard._done(1, 1, 7)),
        str(mirror._published(PublishedSegment(0, 6, 7, 9, 0, 1, 0))),
        str(mirror._taken("a", TakenIn(1, 7, 9, 0, 0, 1, 0))),
    )
    assert "1 checkpoint and 1 tile are gone" in done[0]
    assert not [told for told in done if re.search(r"\b1 \w+s\b", told)]


def test_a_text_within_a_text_is_said_in_the_same_language() -> None:
    """No Vietnamese sentence holds an English one."""
    inner = Message("there is no command {name}", name="nope")
    told = Message("Nothing was done: {why}. See: {place} --help", why=inner, place="socai")
    assert both(told) == {
        "vi": "Chưa làm gì: không có lệnh nope. Xem: socai --help",
        "en": "Nothing was done: there is no command nope. See: socai --help",
    }
    law = Message("Nothing was done: {error}", error=Wording("luật", "law"))
    assert both(law) == {"vi": "Chưa làm gì: luật", "en": "Nothing was done: law"}


def test_one_english_word_with_two_meanings_has_two_translations() -> None:
    """What was "returned" is a number in one table and a state in another."""
    told = [translate(meaning(context, "returned"), "vi") for context in ("heading", "standing")]
    assert told == ["trả lại", "bị trả lại"]


def test_dates_and_numbers_are_written_as_in_vietnam() -> None:
    """Day first, a comma before tenths; a time in the offset that it was stated in."""
    at = datetime(2024, 6, 4, 8, 12, tzinfo=timezone(timedelta(hours=7)))
    told = Message("{until} {detail}", until=at, detail=0.5)
    assert both(told) == {"vi": "04/06/2024 08:12 0,5", "en": "04/06/2024 08:12 0.5"}
    assert translate(Message("{until}", until=date(2024, 6, 4)), "en") == "04/06/2024"
    assert translate(Message("{until}", until=at.astimezone(UTC)), "vi") == "04/06/2024 01:12"


def test_two_texts_over_like_errors_are_the_same_text() -> None:
    """Processes that judge alike must agree on why, and no traceback is kept in a fold."""
    alike = [Message("not JSON: {detail}", detail=ValueError("line 1")) for _ in range(2)]
    assert alike[0] == alike[1]
    assert pickle.loads(pickle.dumps(alike[0])) == alike[1]  # noqa: S301  our own


def test_a_brace_in_what_is_filled_in_is_never_read_as_a_hole() -> None:
    """A file name or an officer's words cannot reach into a sentence."""
    told = Message("there is no command {name}", name="{error} {0}")
    assert translate(told, "en") == "there is no command {error} {0}"
    assert in_each(lambda lang: translate(told, lang)).vi == "không có lệnh {error} {0}"


def test_a_supervisor_is_called_one_thing() -> None:
    """`giám sát` is an overseer of the province; whoever answers for an agency is its leader."""
    told = [
        one for one in stored() if isinstance(one.id, str) and "supervisor" in one.id.casefold()
    ]
    assert len(told) > 10
    for one in told:
        assert "lãnh đạo phụ trách" in str(one.string).casefold(), one.id


def test_a_lower_log_is_no_log_of_reads() -> None:
    """`nhật ký` is what reads are noted in; the log of acts, below too, is `sổ`."""
    told = [
        one
        for one in stored()
        if "lower log" in (said := " ".join(english(one))) and "log of reads" not in said
    ]
    assert len(told) > 5
    for one in told:
        assert "nhật ký" not in " ".join(vietnamese(one)).casefold(), one.id


def test_a_page_calls_the_place_of_a_statement_by_its_name() -> None:
    """`entry` is 32 bytes that a tree holds: where a person chooses a place it means nothing."""
    told = sorted(text.text for text in SAY.values())
    assert [one for one in told if re.search(r"\bentr(y|ies)\b", one.casefold())] == []
