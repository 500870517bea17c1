"""What a person is asked of an act, and what is told of it: no member is forgotten or made up."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import pytest

from api.cli.commands.writing import recording, sign_next
from api.cli.terminal import act_tables, case_tables
from api.cli.terminal.shell import Shell
from api.cli.terminal.writing.answers import YES, Answers
from api.client.act_form import fields_of
from api.client.draft import ActDraft
from api.client.draft_sources import DraftSources
from api.http.pages import all_pages, parts, say
from api.printed.case_sheets import case_pdf
from api.texts.case_words import PRECISIONS, flag, happened
from api.texts.labels import LEVEL_BANNERS, PARTS_OF_WORK, word
from api.texts.lang import LANGS
from ledger.admission.registrar import Keeper
from ledger.log.statement import AUTHOR
from ledger.regulation.acts.act import _MEMBERS
from ledger.regulation.acts.act import PRECISIONS as LAWFUL
from ledger.regulation.case_file.flags import DISPUTED
from ledger.regulation.guards.table import GUARDS
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
    """A court reads what was noticed; the code stands beside it for whoever searches."""
    codes = (*(guard.code for guard in GUARDS if guard.kind == "flag"), DISPUTED)
    for lang in LANGS:
        assert all(flag(code, lang) != code for code in codes)
    act = an_act(1) | {"stream": "case/x", "flags": ["EXTENSION_LATE"]}
    act_tables.act(Shell("vi"), act, [])
    told = [capsys.readouterr().out, "".join(read(case_pdf(a_case(act), "vi")))]
    for one in told:
        assert "Gia hạn muộn (EXTENSION_LATE)" in " ".join(one.split())
    for name in ("act", "cases", "timeline"):
        template = Path(all_pages.__file__).parent / f"templates/{name}.html"
        assert "{{ flag(one) }}" in template.read_text("utf-8")


def test_a_level_has_one_banner_on_page_and_paper() -> None:
    """Two texts of one level make a reader ask which of them is the environment's."""
    for level, banner in LEVEL_BANNERS.items():
        assert say.SAY[f"level_{level.replace('-', '_')}"] is banner
        (sheet, *_) = read(case_pdf(replace(a_case(an_act(1)), level=level), "en"))
        assert banner.text in sheet
