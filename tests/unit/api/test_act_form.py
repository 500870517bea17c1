"""What a person is asked of an act, and what is told of it: no member is forgotten or made up."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast
from uuid import UUID

import pytest
from jinja2 import ChainableUndefined

from api.cli.commands.writing import recording, sign_next
from api.cli.terminal import act_tables, case_tables
from api.cli.terminal.shell import Shell
from api.cli.terminal.writing import questions
from api.cli.terminal.writing.answers import YES, Answers, Misread
from api.cli.terminal.writing.questions import Questions
from api.client.act_form import ENDS, fields_of
from api.client.draft import ActDraft
from api.client.draft_sources import DraftSources
from api.http.pages import all_pages, frame, parts, say
from api.printed.case_sheets import case_pdf
from api.texts import act_words
from api.texts.case_words import PRECISIONS, Speech, flag, happened
from api.texts.labels import LEVEL_BANNERS, PARTS_OF_WORK, word
from api.texts.lang import LANGS, Lang
from ledger.admission.registrar import Keeper
from ledger.log.statement import AUTHOR
from ledger.regulation.acts.act import _MEMBERS
from ledger.regulation.acts.act import PRECISIONS as LAWFUL
from ledger.regulation.acts.channels import CHANNEL_WORDS
from ledger.regulation.case_file.flags import DISPUTED
from ledger.regulation.docs.forms import catalogue
from ledger.regulation.edition import SHIPPED, shipped
from ledger.regulation.guards.table import GUARDS
from ledger.write import drafting
from projections.views.worklist import Tasks
from tests.unit.api.test_printed import a_case, an_act, read

NOW: Final = datetime(2025, 6, 10, 9, 30, tzinfo=UTC)
FOLLOWS: Final = {
    "v": "the form in force",
    "act": "what was chosen",
    "act_id": "a new one",
    "stream": "where it was begun",
    "agency": "that of the author's post",
    "post": "in which the author writes",
    "signers": "who writes, then who signs after: asked by name",
}
"""Members that nobody is asked for, and what they follow from."""
CATALOGUE: Final[dict[str, Any]] = {"members": {}, "dispositions": {}}
KIND: Final[dict[str, Any]] = {
    "act": "AnyAct",
    "facts": {"properties": {"summary": {"type": "string"}}, "required": []},
    "dispositions": ["A"],
    "to": [],
    "restrictive": False,
    "source": [],
}


def _answers() -> Answers:
    nothing = cast("Any", None)
    return Answers(
        cast("DraftSources", nothing), "en", NOW, fresh=nothing, attach=nothing, case=nothing
    )


def _members(**said: str) -> dict[str, Any]:
    """Of a draft in which these were typed."""
    draft = ActDraft(KIND, "case/x", "id", NOW, 2)
    draft.signers.append((Keeper("officer", "agency", "post", ("TRUC_TIEP",)), AUTHOR))
    fields = {field.path: field for field in fields_of(KIND, CATALOGUE)}
    for name, text in said.items():
        draft.values[(name,)] = _answers().read(fields[(name,)].schema, text)
    return draft.members()


def test_a_post_that_is_about_to_be_signed_is_named_before_its_code() -> None:
    """What is signed stands there; a code that nobody has, or a post without a name, alone."""
    sources = DraftSources(cast("Any", None), "case/x")
    head = {"agency": "bn.ca", "post": "HEAD", "post_vi": "Trưởng phòng", "on_day": True}
    plain = {"agency": "bn.ca", "post": "PLAIN", "post_vi": "PLAIN", "on_day": True}
    vars(sources)["officers"] = [{"officer": "a", "posts": [head, plain]}]
    assert sources.post_name("bn.ca", "HEAD") == "Trưởng phòng (HEAD)"
    assert sources.post_name("bn.ca", "PLAIN") == "PLAIN"
    assert sources.post_name("bn.stttt", "HEAD") == "HEAD"


def test_each_member_of_an_act_is_asked_for_or_follows() -> None:
    """Whoever adds a member to formats.md §2 says here whether its author is asked."""
    asked = {field.path[0] for field in fields_of(KIND, CATALOGUE)}
    assert asked | FOLLOWS.keys() == set(_MEMBERS)
    assert not asked & FOLLOWS.keys()


@pytest.mark.parametrize("typed", ["4/6", "04/06/2025", "2025-06-04"])
def test_a_day_alone_says_no_more_than_the_day(typed: str) -> None:
    """Whoever knew the day alone does not sign that it was at midnight, to the minute."""
    made = _members(occurred_at=typed)
    assert (made["occurred_at"], made["precision"]) == ("2025-06-04T00:00:00+07:00", "day")


def test_a_day_alone_by_which_something_ends_is_that_whole_day() -> None:
    """A measure until the 4th lapsed as the 4th began, and an answer by the 4th was late all day.

    Of members that are days the clock counts to the end (calendar.py); `answer_by` is of either.
    """
    moment = {"type": "string", "format": "date-time"}
    reader = {"type": "object", "properties": {"until": moment, "at": moment}, "required": []}
    facts = {"answer_by": moment, "received_at": moment,
             "readers": {"type": "array", "items": reader}}  # fmt: skip
    kind = {**KIND, "facts": {"properties": facts, "required": []}}
    fields = {field.path[-1]: field.schema for field in fields_of(kind, CATALOGUE)}
    end, at = fields["answer_by"], fields["readers"]["items"]["properties"]
    read, last = _answers().read, "2025-06-04T23:59:59+07:00"
    for typed in ("4/6", "04/06/2025", "2025-06-04"):
        assert read(end, typed) == read(at["until"], typed) == last
    assert read(end, "4/6 15:00") == "2025-06-04T15:00:00+07:00"
    assert read(end, "today") == "2025-06-10T23:59:59+07:00"
    assert read(end, "now") == "2025-06-10T16:30:00+07:00"
    for begins in (fields["received_at"], at["at"]):
        assert read(begins, "4/6") == "2025-06-04T00:00:00+07:00"


def test_every_end_of_the_rules_is_taken_as_one() -> None:
    """One that is asked for as any other moment is a day short."""
    ending = re.compile(r".*(_by|_to|until|end_at|review_at)")
    found = {
        name
        for edition in SHIPPED
        for kind in catalogue(shipped(edition))["acts"]
        for name, form in _moments("", kind["facts"])
        if ending.fullmatch(name) and form == "date-time"
    }
    assert found == ENDS


def _moments(name: str, schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every member at any depth that has a format."""
    if "format" in schema:
        yield name, schema["format"]
    if "items" in schema:
        yield from _moments(name, schema["items"])
    for one, member in schema.get("properties", {}).items():
        yield from _moments(one, member)


def test_an_hour_that_was_typed_is_kept_and_a_precision_that_was_said_stands() -> None:
    """Midnight itself may be meant; and nobody is overridden."""
    for said, precision in (
        ({"occurred_at": "4/6 00:00"}, "minute"),
        ({"occurred_at": "4/6 8:12", "precision": "hour"}, "hour"),
        ({"occurred_at": "4/6", "precision": "minute"}, "minute"),
        ({}, "minute"),
    ):
        assert _members(**said)["precision"] == precision, said
    assert _members(occurred_at="today")["occurred_at"] == "2025-06-10T00:00:00+07:00"
    assert _members(occurred_at="now")["occurred_at"] == "2025-06-10T16:30:00+07:00"


def test_every_precision_has_words() -> None:
    """What may be signed may be shown."""
    assert tuple(PRECISIONS) == LAWFUL


def test_an_act_known_to_the_day_shows_no_hour_anywhere(capsys: pytest.CaptureFixture[str]) -> None:
    """Terminal, page and print say the same: the day alone, in its author's own offset."""
    act = an_act(1) | {
        "stream": "case/x",
        "occurred_at": "2024-06-04T00:00:00+09:00",
        "agency": "a",
    }
    act["payload"] = {"precision": "day"}
    act_tables.act(Shell("vi"), act, [])
    case_tables.compact(Shell("vi"), [act])
    told = [
        happened(act),
        capsys.readouterr().out,
        str(parts.of(parts.PageSpeech("vi"))["happened"](act)),
    ]
    told.append("".join(read(case_pdf(a_case(act), "vi"))))
    for one in told:
        assert one is not None
        assert "04/06/2024" in one
        assert "00:00" not in one
        assert "03/06/2024" not in one
    act["payload"] = {"precision": "minute"}
    assert happened(act) == "03/06/2024 22:00", "in Vietnam's time"


def _flat(text: str) -> str:
    """Without what the end of a line does to it, and without the marks of a page."""
    return "".join(html.unescape(re.sub(r"<[^>]*>", "", text)).split())


@pytest.mark.parametrize("lang", LANGS)
def test_paper_page_and_terminal_say_the_same_of_an_act(
    lang: Lang, capsys: pytest.CaptureFixture[str]
) -> None:
    """Head, grounds, facts and files, word for word; a time at least by its day."""
    act = an_act(1) | {
        "stream": "case/x", "late": True, "flags": ["EXTENSION_LATE"],
        "before": None, "after": None,
        "addressees": [{"vi": "Sở Y tế", "en": "Sở Y tế"}, {"vi": "Công an", "en": "Công an"}],
    }  # fmt: skip
    act["payload"] |= {
        "channel": next(iter(CHANNEL_WORDS)),
        "document": {
            "type": "Công văn", "number": "12", "symbol": "SYT-VP", "date": "2024-06-03",
            "abstract": "Về việc trả lời xác minh",
        },
        "attachments": [
            {"name": "bien-ban.pdf", "digest": f"sha-256:{'d' * 43}",
             "media_type": "application/pdf", "size": 5}
        ],
    }  # fmt: skip
    held = {"in_force": True, "clause": "3", "point": "b", "valid_from": "2021-05-01"}
    act["basis"] += [act["basis"][0] | held]
    inside = [{"vi": "nội dung", "en": "content"}]
    act["facts"] += [
        {"pointer": f"/facts/c/{n}", "labels": [*inside, {"vi": n, "en": n}], "vi": n, "en": n}
        for n in ("tên miền", "tài khoản")
    ]
    speech = Speech(lang)
    said = [value for _, value in act_words.head(speech, act)]
    said += [text for pair in act_words.grounds(speech, act) for text in pair]
    said += [
        text
        for _, label, one in act_words.facts_set_in(act["facts"])
        for text in (label[lang], *([] if one is None else [one[lang]]))
    ]
    act_tables.act(Shell(lang), act, [])
    # Only what it says of the act is compared: what is around it may be anything.
    made = frame._templates(lang, utc=False).overlay(undefined=ChainableUndefined, cache_size=0)
    page = made.get_template("act.html").render(
        act=act,
        payload=act["payload"],
        facts=act_words.facts_set_in(act["facts"]),
        level="ordinary",
        here="/",
        related=[],
        named={},
    )
    shown = {
        "terminal": _flat(capsys.readouterr().out),
        "page": _flat(page),
        "print": _flat("".join(read(case_pdf(a_case(act), lang)))),
    }
    assert len(said) > 18
    for text in said:
        time = re.fullmatch(r"(\d\d/\d\d/\d{4}) .*", text)
        for line in (text if time is None else time[1]).split("\n"):
            for where, whole in shown.items():
                word = line.partition(" (")[0] if where == "page" else line
                assert _flat(word) in whole, (where, line)
    for whole in shown.values():
        for one in act["payload"]["attachments"]:
            assert all(_flat(str(one[name])) in whole for name in ("name", "media_type", "digest"))


def test_a_line_of_an_act_known_to_the_day_shows_no_hour(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In the list of acts too; and what was noticed is told in words there, as in the timeline."""
    line = {
        "case_number": "2024/0187", "register_no": None, "seq": 3, "act_vi": "Cấp phép",
        "act_en": "Permit", "occurred_at": "2024-06-04T00:00:00+07:00", "precision": "day",
        "agency": "a", "agency_label": "Sở", "status": "effective", "flags": ["EXTENSION_LATE"],
        "title": None,
    }  # fmt: skip
    case_tables.act_lines(Shell("vi"), [line])
    case_tables.case_lines(Shell("vi"), [{"id": "x", "flags": ["EXTENSION_LATE"]}])
    told = capsys.readouterr().out
    assert "04/06/2024" in told
    assert "00:00" not in told
    assert "EXTENSION_LATE" not in told
    assert "".join(told.split()).count("".join(flag("EXTENSION_LATE", "vi").split())) == 2
    case_tables.act_lines(Shell("vi"), [line | {"precision": "minute"}])
    assert "00:00" in capsys.readouterr().out


def test_the_ledger_fills_in_a_day_alone_as_the_client_does() -> None:
    """Whatever client drafts: a day is no midnight that somebody knew; nobody is overridden."""
    at = datetime(2025, 6, 10, 9, 30, tzinfo=UTC)
    for said, wanted in (
        ({"occurred_at": "2025-06-04"}, ("2025-06-04T00:00:00+07:00", "day")),
        (
            {"occurred_at": "2025-06-04", "precision": "hour"},
            ("2025-06-04T00:00:00+07:00", "hour"),
        ),
        (
            {"occurred_at": "2025-06-04T08:12:00+07:00"},
            ("2025-06-04T08:12:00+07:00", "minute"),
        ),
        ({"occurred_at": "2025-02-30"}, ("2025-02-30", "minute")),
        ({"occurred_at": 5}, (5, "minute")),
        ({}, ("2025-06-10T16:30:00+07:00", "minute")),
    ):
        made = drafting.filled(said, None, act_id=UUID(int=7), at=at, form=2)
        assert (made["occurred_at"], made["precision"]) == wanted


def test_a_letter_does_one_thing_wherever_an_act_is_shown() -> None:
    """`s` changes an answer in `act new`: in `sign-next` it must not sign what cannot be undone."""
    signs = sign_next._SIGN | YES
    assert not signs & (recording._EDIT | recording._BYTES | recording._DROP)
    assert not signs & (sign_next._RETURN | sign_next._BYTES | sign_next._LEAVE | sign_next._END)


def test_every_part_of_the_work_is_shown_and_has_words() -> None:
    """A part that came later would be left out of terminal and page, and nobody would notice."""
    assert sorted(PARTS_OF_WORK) == sorted(part.name for part in fields(Tasks))
    for lang in LANGS:
        for part in PARTS_OF_WORK:
            assert word(part, lang) != part or lang == "en", part


def test_every_flag_is_told_in_words_on_page_paper_and_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A court reads what was noticed; whoever searches finds the code in the JSON and the help."""
    codes = (*(guard.code for guard in GUARDS if guard.kind == "flag"), DISPUTED)
    for lang in LANGS:
        assert all(flag(code, lang) != code for code in codes)
    act = an_act(1) | {"stream": "case/x", "flags": ["EXTENSION_LATE"]}
    act_tables.act(Shell("vi"), act, [])
    told = [capsys.readouterr().out, "".join(read(case_pdf(a_case(act), "vi")))]
    for one in told:
        assert "Gia hạn muộn" in " ".join(one.split())
        assert "EXTENSION_LATE" not in one
    for name in ("act", "cases", "timeline"):
        template = Path(all_pages.__file__).parent / f"templates/{name}.html"
        assert "{{ flag(one) }}" in template.read_text("utf-8")


@pytest.mark.parametrize(
    ("seq", "said"), [(12, "diễn biến đã bị xóa nội dung"), (None, "diễn biến không")]
)
def test_an_act_that_is_erased_is_not_said_to_be_hidden(
    capsys: pytest.CaptureFixture[str], seq: int | None, said: str
) -> None:
    """A withdrawal named “an act that is not in this print”, which stood above it, erased."""
    one = {"act_id": "a", "pointer": "/facts/x", "act": None, "act_vi": None, "act_en": None,
           "seq": seq, "index": seq}  # fmt: skip
    act = an_act(1) | {"stream": "case/x", "names": [one]}
    act_tables.act(Shell("vi"), act, [])
    told = [
        capsys.readouterr().out,
        "".join(read(case_pdf(a_case(act), "vi"))),
        str(parts.of(parts.PageSpeech("vi"))["act_named"](one)),
    ]
    for text in told:
        assert "".join(said.split()) in "".join(text.split())
        assert (seq is None) == ("diễnbiếnkhông" in "".join(text.split()))
    template = Path(all_pages.__file__).parent / "templates/act.html"
    link = '<a href="/lan-ghi/{{ one.act_id }}">{{ act_named(one) }} · {{ one.seq }}</a>'
    assert f"{{% if one.seq is none %}}{{{{ act_named(one) }}}}{{% else %}}{link}" in (
        template.read_text("utf-8")
    )


def test_what_an_act_changed_is_told_without_keys(capsys: pytest.CaptureFixture[str]) -> None:
    """A deadline that it ended and a process that it moved on stood there as an id and a code."""
    id_, review = "e43eddb1-b581-4d3a-b1c4-fba0fe409c5c", "9acfc79d-6716-416c-9301-aa66220828c3"
    changes = [
        {"pointer": f"/clocks/{id_}.COMPLAINT_DECIDE_FIRST/status", "old": "RUNNING",
         "new": "STOPPED", "acts": []},
        {"pointer": f"/sub_processes/{review}/state", "old": "OPEN", "new": "DECIDED", "acts": []},
    ]  # fmt: skip
    names = [{"act_id": review, "pointer": "/facts/review", "act": "ReviewOpened",
              "act_vi": "Mở xem xét lại", "act_en": "Review opened", "seq": 17,
              "index": 78}]  # fmt: skip
    act = an_act(1) | {"stream": "case/x", "changes": changes, "names": names}
    act_tables.act(Shell("vi"), act, [])
    terminal = capsys.readouterr().out.partition("Những gì đã thay đổi")[2]
    paper = "".join(read(case_pdf(a_case(act), "vi")))
    page = parts.of(parts.PageSpeech("vi"))["changed"](changes, act)
    for told in (terminal, paper, "\n".join(one.title for one in page)):
        said = "".join(told.split())
        assert "thờihạn:Giải" in said
        assert "việc:Mởxem" in said
        assert "COMPLAINT_" not in said
    aside: dict[str, Any] = {"pointer": "/silences/0/bites/X", "old": None, "new": "X", "acts": []}
    act_tables.act(Shell("en"), act | {"changes": [aside]}, [])
    assert "It changed nothing in the file of the case." in capsys.readouterr().out
    template = Path(all_pages.__file__).parent / "templates/act.html"
    assert "changed(act.changes, act)" in template.read_text("utf-8")


def test_a_level_has_one_banner_on_page_and_paper() -> None:
    """Two texts of one level make a reader ask which of them is the environment's."""
    for level, banner in LEVEL_BANNERS.items():
        assert say.SAY[f"level_{level.replace('-', '_')}"] is banner
        (sheet, *_) = read(case_pdf(replace(a_case(an_act(1)), level=level), "en"))
        assert banner.text in sheet


def _among(agencies: int) -> Answers:
    """Answers where so many agencies are known; the second is called by a number."""
    lines = {
        f"bn.{called}": {"name": f"Phường {called}", "exists": True, "functions": []}
        for called in ("20", "21", *"abcdefghijklmn"[: agencies - 2])
    }
    sources = SimpleNamespace(agencies=lines, posts=[])
    nothing = cast("Any", None)
    return Answers(
        cast("DraftSources", sources), "en", NOW, fresh=nothing, attach=nothing, case=nothing
    )


def test_a_number_chooses_from_a_list_that_was_shown_and_from_no_other() -> None:
    """Of sixteen agencies none is listed: `7` was the seventh of a list that nobody had seen."""
    schema = {"type": "string", "kind": "addressee"}
    few, many = _among(15), _among(16)
    assert (len(few.options(schema)), few.read(schema, "7")) == (15, "bn.e")
    assert (many.options(schema), many.read(schema, "21")) == ([], "bn.21")
    for typed in ("7", "16"):
        with pytest.raises(Misread):
            many.read(schema, typed)


def test_nobody_is_addressed_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there already is said to be, and not signed once more; a text may come again."""
    typed = iter(["20", "21", "20", "", "a", "a", ""])
    monkeypatch.setattr(questions, "typed", lambda _: next(typed))
    said: list[str] = []
    asking = Questions(Shell("en"), _among(16))
    monkeypatch.setattr(asking, "tell", said.append)
    to = {"type": "array", "items": {"type": "string", "kind": "addressee"}}
    assert asking.value(to, "to", required=False) == ["bn.20", "bn.21"]
    assert said == ["That one is there already; Enter goes on."]
    words = {"type": "array", "items": {"type": "string"}}
    assert asking.value(words, "words", required=False) == ["a", "a"]
