"""Rules by date: a record is judged, folded and replayed for ever by the edition at its index."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from ledger.errors import Rejected
from ledger.regulation.acts.act import parse_act
from ledger.regulation.acts.catalogue import catalogue_of
from ledger.regulation.case.state import fold
from ledger.regulation.case_file.render import case_file
from ledger.regulation.decide import decide
from ledger.regulation.edition import (
    Edition,
    first_edition,
    load_edition,
    named,
    shipped,
    shipped_as,
)
from ledger.regulation.guards.edition_check import LASTING, faults
from ledger.regulation.guards.table import GuardTable, guards_in
from ledger.regulation.registry.registry import Registry
from tests.builders import Story, a_case_in, a_registry, adopt, key, officer
from tests.source_files import files_below

ROOT = Path(__file__).parents[3]
FIRST = "IdMfgYI6cTitVWGMD7CsNJpSqyU6gBpYL8YEO3p3ghw"
"""Digest of the first edition, which is never another: logs are judged by it that name none."""
Json = dict[str, Any]
#: What the promise names: a transition goes, a fact is asked for, a signature class is another.
CHANGE: Json = {
    "life_cycle": {"transitions": {"-": ["RESULT_RECORDED / CaseClosed / "]}},
    "acts": {
        "acts": {
            "ResultNotified": {
                "facts": {
                    "served_on": {
                        "type": "date",
                        "required": True,
                        "vi": "Ngày tống đạt",
                        "en": "day it was served",
                    }
                }
            },
            "CompetenceDetermined": {
                "signature_class": 3,
                "signer_roles": ["AUTHOR", "CHECKER", "APPROVER"],
            },
        }
    },
}


def file_of(case: Story, registry: Registry) -> bytes:
    """The case file, as bytes, of a day long after."""
    shown = case_file(case.stream, {}, registry, case.now + timedelta(days=400))
    return orjson.dumps(shown)


# -- which edition ------------------------------------------------------------------------------


def test_the_first_edition_is_never_another() -> None:
    """Every log that was opened before there were editions is judged by these bytes."""
    assert first_edition().digest == FIRST
    assert not first_edition().adopts


def test_words_that_are_mended_make_no_other_edition() -> None:
    """A sentence rules nothing; a code, a date, a class, a pattern does."""
    edition = load_edition()
    mended = {"acts": {"acts": {"CaseClosed": {"vi": "Kết thúc hồ sơ vụ việc"}}}}
    assert edition.changed("x", mended).digest == edition.digest
    assert edition.changed("x", CHANGE).digest != edition.digest
    noted = {"acts": {"acts": {"CaseClosed": {"facts": {"note": {"type": "text"}}}}}}
    assert edition.changed("x", noted).digest != edition.digest


def test_a_log_goes_by_the_edition_that_its_first_record_names() -> None:
    """One that names none goes by the first for ever; one that is not known opens no log."""
    registry = Registry.founded()
    registrar: Json = {"officer": officer("founder"), "kid": key("founder").kid}
    registrar |= {"jwk": dict(key("founder").jwk)}
    facts: Json = {
        "log": "a.example/ordinary",
        "vkeys": ["a.example/ordinary+00000000+AA=="],
        "registrar": registrar,
        "level": "ordinary",
        "regulation": {"id": "90/QĐ-UBND", "version": "2023"},
    }
    story = Story("ledger")

    def opened(**more: Any) -> Registry:  # noqa: ANN401 - facts
        made = registry.copy()
        act = story.act("LedgerOpened", by="keeper", facts=facts | more, exact=True)
        made.apply(act, index=0, recorded_at=story.now)
        return made

    assert opened().edition is first_edition()
    for name in ("1", "2"):
        assert opened(edition=named(shipped(name))).edition is shipped(name)
    with pytest.raises(ValueError, match="edition 9 is not known"):
        opened(edition={"id": "9", "digest": "A" * 43})


def test_each_record_has_the_edition_that_was_in_force_where_it_stands() -> None:
    """The record that adopts stands under the edition before; what was asked before stays so."""
    registry = a_registry()
    before, at = registry.edition, registry.version + 1
    after = adopt(registry, CHANGE)
    again = adopt(registry, {"life_cycle": {"transitions": {"-": ["CLOSED / FileArchived / "]}}})
    seen = [registry.edition_at(n) for n in (0, at, at + 1, at + 2, 10_000)]
    assert seen == [before, before, after, again, again]
    assert registry.editions == (before, after, again)
    assert registry.edition_at(None) is again
    assert shipped_as(after.digest) is None


def test_the_lines_that_a_log_added_stand_on_the_next_edition() -> None:
    """An adoption forgets no agency and no clock that registrars have entered."""
    registry = a_registry()
    story = Story("ledger", registry=registry)
    rule = {"rule": "NOTIFY_LEAD", "value": 5, "unit": "d", "valid_from": "2024-01-01"}
    story.then("ClockRuleSet", facts=rule)
    story.forced("AgencyRegistered", facts={"agency": "bacninh.moi"})
    line, name = registry.rule("NOTIFY_LEAD", story.now.date()), registry.agency("bacninh.moi")
    adopt(registry, CHANGE)
    assert registry.rule("NOTIFY_LEAD", story.now.date()) == line
    assert line is not None
    assert line.value == 5
    assert registry.agency("bacninh.moi") == name


# -- old cases ----------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["SCREENING", "RESULT_RECORDED", "CLOSED", "ARCHIVED"])
def test_every_old_case_is_byte_for_byte_what_it_was(state: str) -> None:
    """A transition dropped, a fact added, a class changed: nothing closed reads otherwise."""
    case = a_case_in(state)
    before = file_of(case, case.registry)
    adopt(case.registry, CHANGE)
    statements = [s for e in case.stream.entries.values() for s in e.signed]
    case.stream = fold(case.stream.name, sorted(statements, key=lambda s: s.seq))
    assert file_of(case, case.registry) == before


def test_what_comes_after_is_judged_by_the_new_edition() -> None:
    """A case that was open goes on under it: asked more, signed by more, closed no more."""
    case = a_case_in("RESULT_RECORDED")
    start = a_case_in("SCREENING", registry=case.registry)
    waiting = start.act("CompetenceDetermined")
    start.question(waiting)
    adopt(case.registry, CHANGE)
    with pytest.raises(Rejected) as refused:
        case.then("ResultNotified", facts={"served_on": None})
    assert refused.value.guard == "FACTS_INVALID"
    assert [f.pointer for f in refused.value.faults] == ["/facts/served_on"]
    with pytest.raises(Rejected) as refused:
        start.then("CompetenceDetermined", also=["gd"])
    assert refused.value.guard == "SIGNER_ORDER"
    start.then("CompetenceDetermined", also=["tp", "gd"])
    assert start.stream.state == "VERIFYING"
    case.then("ResultNotified", facts={"served_on": case.now.date().isoformat()}, exact=False)
    with pytest.raises(Rejected) as refused:
        case.then("CaseClosed")
    assert refused.value.guard in ("STATE_ILLEGAL", "FACTS_INVALID")


def test_a_fold_asks_the_edition_of_the_record_and_not_the_newest() -> None:
    """A closing that was lawful moves its case, folded years after its row has gone."""
    case = a_case_in("CLOSED")
    closing = case.stream.last("CaseClosed")
    assert closing is not None
    later = case.registry.edition.changed("x", CHANGE)
    statements = [s for e in case.stream.entries.values() for s in e.signed]
    ordered = sorted(statements, key=lambda s: s.seq)
    assert fold(case.stream.name, ordered).state == "CLOSED"
    by_the_newest = [replace(s, edition=later) for s in ordered]
    assert fold(case.stream.name, by_the_newest).state == "RESULT_RECORDED"


# -- what an edition may change -----------------------------------------------------------------


def faulty(change: Json, base: Edition | None = None) -> list[tuple[str, str]]:
    """Where a change is wrong."""
    edition = base or load_edition()
    return [(f.subject, f.key) for f in faults(edition.changed("x", change), edition)]


def an_act_type(**more: Any) -> Json:  # noqa: ANN401 - JSON
    """A new act type beside the cases."""
    line: Json = {
        "act": "WorkshopHeld", "vi": "Tổ chức tập huấn", "en": "Workshop held",
        "group": "programme", "stream": "programme", "who": ["LEAD"], "to": ["MEDIA", "LEAD"],
        "requires": ["LEAD_ONLY"], "signature_class": 1, "signer_roles": ["AUTHOR"],
        "clocks": {"starts": [], "stops": []}, "restrictive": False, "source": ["8.1.e"],
        "origin": "ADD",
        "facts": {"held_on": {"type": "date", "required": True, "vi": "Ngày", "en": "day"}},
    }  # fmt: skip
    part = {"act": "WorkshopHeld", "gives": [], "vi": "chỉ cơ quan lập", "en": "its agency"}
    return {
        "acts": {"acts": {"WorkshopHeld": line | more}},
        "participation": {"acts": {"WorkshopHeld / ": part}},
    }


def test_a_new_act_type_a_clock_an_end_and_a_holiday_are_a_change_alone() -> None:
    """No release is needed: the log's own editions are data that two officers sign."""
    change = an_act_type() | {
        "registry": {
            "clock_rules": {
                "NOTIFY_LEAD / 2027-01-01": {
                    "code": "NOTIFY_LEAD", "from_act": ["ReportReceived"],
                    "to_act": ["LeadAgencyNotified"], "length": 2, "unit": "wd", "kind": "LAW",
                    "source": "01/2027/NĐ-CP 5", "certainty": "seen", "valid_from": "2027-01-01",
                }
            },
            "agencies": {"bacninh2025.syt": {"valid_to": "2026-12-31"}},
        },
        "holidays": {"years": {"2027": ["01-01", "09-02"]}},
    }  # fmt: skip
    assert faulty(change) == []
    registry = a_registry()
    adopt(registry, change)
    programme = Story("programme/2024", registry=registry)
    other = programme.act("DifficultyReported", by="cv", also=[])
    held = parse_act({**other.members, "act": "WorkshopHeld", "facts": {"held_on": "2024-06-03"}})
    assert decide(programme.question(held)).status == "effective"
    elsewhere = parse_act({**held.members, "agency": "bacninh.syt"})
    with pytest.raises(Rejected):
        decide(programme.question(elsewhere))
    with pytest.raises(Rejected, match="no act type"):
        Story("programme/2024").question(held)
    assert "WorkshopHeld" in catalogue_of(registry.edition).types
    assert "WorkshopHeld" not in catalogue_of(load_edition()).types


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (an_act_type(requires=["NO_SUCH"]), ("acts", "WorkshopHeld")),
        (an_act_type(who=["NOBODY"]), ("acts", "WorkshopHeld")),
        (an_act_type(signature_class=2), ("acts", "WorkshopHeld")),
        (an_act_type(clocks={"starts": ["NO_CLOCK"], "stops": []}), ("acts", "WorkshopHeld")),
        ({"acts": an_act_type()["acts"]}, ("participation", "")),
        ({"guards": {"guards": {"-": ["DISTINCT_SIGNERS"]}}}, ("guards", "DISTINCT_SIGNERS")),
        (
            {"guards": {"guards": {"SIGNER_ORDER": {"kind": "flag"}}}},
            ("guards", "SIGNER_ORDER"),
        ),
        (
            {"acts": {"acts": {"EditionAdopted": {"signature_class": 1}}}},
            ("acts", "EditionAdopted"),
        ),
        (
            {"acts": {"acts": {"OfficerAppointed": {"signer_roles": ["AUTHOR", "CHECKER"]}}}},
            ("acts", "OfficerAppointed"),
        ),
        (
            {"registry": {"instruments": {"24/2018/QH14": {"in_force_from": "2020-01-01"}}}},
            ("registry", "24/2018/QH14"),
        ),
        ({"registry": {"agencies": {"-": ["bacninh.syt"]}}}, ("registry", "bacninh.syt")),
        ({"life_cycle": {"states": {"-": ["SCREENING"]}}}, ("life_cycle", "SCREENING")),
        (
            {"life_cycle": {"transitions": {"CLOSED / NoAct / ": {
                "from": "CLOSED", "act": "NoAct", "to": "SCREENING"}}}},
            ("life_cycle", "CLOSED / NoAct / "),
        ),
        ({"guards": {"guards": {"LEAD_ONLY": {"version": 7}}}}, ("guards", "")),
        ({"lint": {"words": {"KE_XAU": {"pattern": "("}}}}, ("lint", "")),
        ({"lint": {"identifiers": []}}, ("lint", "")),
        (
            {"participation": {"acts": {"ReferralSent / ": {"gives": []}}}},
            ("participation", "ReferralSent / "),
        ),
        ({"participation": {"every_act": []}}, ("participation", "")),
        (
            an_act_type() | {"participation": {"acts": {"WorkshopHeld / ": {
                "act": "WorkshopHeld", "vi": "x", "en": "x",
                "gives": [{"who": "to", "scope": "CASE", "until": "STAYS"}]}}}},
            ("participation", "WorkshopHeld / "),
        ),
    ],
)  # fmt: skip
def test_a_change_that_does_not_hold_together_is_named(
    change: Json, where: tuple[str, str]
) -> None:
    """Codes lead somewhere, lines in use end and are not edited, what keeps the log stays."""
    assert where in faulty(change)


def a_line(subject: str, section: str, key: str, **members: object) -> Json:
    """A change of one line."""
    return {subject: {section: {key: members}}}


def _moves_but(name: str, *left_out: str | None) -> Json:
    """A change by which a sub-process has no moves by some acts, or by time."""
    subs = load_edition().life_cycle["sub_processes"]
    (moves,) = (sub["moves"] for sub in subs if sub["name"] == name)
    kept = [move for move in moves if move["act"] not in left_out]
    return a_line("life_cycle", "sub_processes", name, moves=kept)


def _facts(act: str, **facts: object) -> Json:
    """A change of what an act says."""
    return a_line("acts", "acts", act, facts=facts)


_NEW = {"type": "string", "vi": "Đã xem", "en": "shown"}
_ENDS = ["RESULT_RECORDED / CaseClosed / ", "SCREENING / CaseClosed / "]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (
            a_line("acts", "acts", "ComplaintReceived", clocks={"starts": []}),
            ("acts", "ComplaintReceived"),
        ),
        (
            a_line("acts", "acts", "HandlingDecided", clocks={"stops": ["COMPLAINT_ACCEPT"]}),
            ("acts", "HandlingDecided"),
        ),
        (
            an_act_type(clocks={"starts": [], "stops": ["MEASURE_CONFIRM"]}),
            ("acts", "WorkshopHeld"),
        ),
        (
            a_line("acts", "acts", "ComplaintReceived", states_from=["CLOSED"]),
            ("acts", "ComplaintReceived"),
        ),
        (a_line("acts", "acts", "ComplaintReceived", who=["LEAD"]), ("acts", "ComplaintReceived")),
        (
            a_line("acts", "acts", "MeasureLifted",
                   signature_class=2, signer_roles=["AUTHOR", "APPROVER"]),
            ("acts", "MeasureLifted"),
        ),
        (
            a_line("acts", "acts", "ComplaintReceived", signer_powers={"AUTHOR": ["AUDITOR"]}),
            ("acts", "ComplaintReceived"),
        ),
        (
            a_line("acts", "acts", "ReviewDecided", signer_powers={"APPROVER": ["HEAD"]}),
            ("acts", "ReviewDecided"),
        ),
        (a_line("acts", "acts", "ComplaintReceived", to=["MEDIA"]), ("acts", "ComplaintReceived")),
        (
            a_line("acts", "acts", "ComplaintReceived", requires=["LEAD_ONLY"]),
            ("acts", "ComplaintReceived"),
        ),
        (a_line("guards", "guards", "LEAD_ONLY", applies_to="case_act"), ("acts", "MeasureLifted")),
        (
            a_line("guards", "guards", "COMPLAINT_LATE", kind="refuse"),
            ("acts", "ComplaintReceived"),
        ),
        (
            _facts("ComplaintReceived", shown=_NEW | {"required": True}),
            ("acts", "ComplaintReceived"),
        ),
        (_facts("ComplaintReceived", earlier={"required": True}), ("acts", "ComplaintReceived")),
        (_facts("ComplaintReceived", **{"-": ["earlier"]}), ("acts", "ComplaintReceived")),
        (_facts("ComplaintReceived", instance={"enum": ["FIRST"]}), ("acts", "ComplaintReceived")),
        (_facts("ReviewDecided", reasons={"type": "date"}), ("acts", "ReviewDecided")),
        (
            an_act_type(clocks={"starts": [], "stops": [], "restarts": "held_on"}),
            ("acts", "WorkshopHeld"),
        ),
        (_moves_but("takedown", "TakedownAnswered"), ("life_cycle", "takedown")),
        (_moves_but("complaint", "ComplaintReceived"), ("life_cycle", "complaint")),
        (_moves_but("measure", None), ("life_cycle", "measure")),
        (
            {"life_cycle": {"transitions": {"-": ["CLOSED / ReviewOpened / "]}}},
            ("life_cycle", "CLOSED / ReviewOpened / "),
        ),
        (
            {"life_cycle": {"transitions": {"-": ["UNDER_REVIEW / ReviewDecided / upheld"]}}},
            ("life_cycle", "UNDER_REVIEW / ReviewDecided / upheld"),
        ),
        ({"life_cycle": {"transitions": {"-": _ENDS[:1]}}}, ("life_cycle", _ENDS[0])),
        ({"life_cycle": {"transitions": {"-": _ENDS}}}, ("life_cycle", "HANDLING")),
        (
            {"life_cycle": {"transitions": {"-": ["RECEIVED / CaseRegistered / "]}}},
            ("life_cycle", "RECEIVED"),
        ),
    ],
)  # fmt: skip
def test_no_edition_of_a_log_ends_a_term_by_the_acts_that_begin_or_end_it(
    change: Json, where: tuple[str, str]
) -> None:
    """Its line would stay, and the term be gone: 4.2; regulation.md §9.

    A complaint that nobody must answer, a measure taken alone that never lapses, a case that nobody
    can close.
    """
    assert where in faulty(change)


def test_what_ends_a_term_may_be_let_say_more() -> None:
    """Another value, a fact that nobody must say, one that must be said no more, other words."""
    change = _facts(
        "ComplaintReceived",
        instance={"enum": ["FIRST", "SECOND", "THIRD"]},
        against={"required": False},
        shown=_NEW | {"required": False},
    )
    change["acts"]["acts"]["ComplaintReceived"] |= {"vi": "Nhận khiếu nại", "law": ["x"]}
    assert faulty(change) == []


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (a_line("guards", "guards", "EXCLUDED_SIGNS_NOT", kind="flag"), "EXCLUDED_SIGNS_NOT"),
        ({"guards": {"guards": {"-": ["AUDITOR_SIGNS_NOT"]}}}, "AUDITOR_SIGNS_NOT"),
        (
            a_line("guards", "guards", "HANDLER_APPROVES_NOT", applies_to="listed"),
            "HANDLER_APPROVES_NOT",
        ),
        (a_line("guards", "guards", "BASIS_PRESENT", after="EDITION_KNOWN"), "EDITION_KNOWN"),
        (a_line("acts", "acts", "ClassificationAssigned", requires=[]), "ClassificationAssigned"),
        (
            a_line("acts", "acts", "ReporterIdentityDisclosed",
                   signature_class=1, signer_roles=["AUTHOR"], requires=[]),
            "ReporterIdentityDisclosed",
        ),
        (a_line("acts", "acts", "ContentWithdrawn", who=["INTAKE"]), "ContentWithdrawn"),
        (a_line("acts", "acts", "CaseClosed", public=["ground"]), "CaseClosed"),
        (
            {
                "acts": {"acts": {"-": ["ExportPermitted"]}},
                "participation": {"acts": {"-": ["ExportPermitted / "]}},
            },
            "ExportPermitted",
        ),
        (
            a_line("registry", "agencies", "bacninh2025.syt", posts=[
                {"code": "chuyen-vien", "vi": "Chuyên viên", "roles": ["REGISTRY_KEEPER"],
                 "capacities": ["TRUC_TIEP"]}]),
            "bacninh2025.syt",
        ),
        (
            a_line("registry", "agencies", "bacninh2025.syt", names=[
                {"vi": "Sở khác", "abbr": "SK", "from": "2025-07-01", "to": None}]),
            "bacninh2025.syt",
        ),
    ],
)  # fmt: skip
def test_no_edition_of_a_log_takes_a_safeguard_away(change: Json, where: str) -> None:
    """A bought registrar and legal officer open no case, no identity and no office to themselves.

    Who stands apart, who is let in or shut out, what a post may do, what old files show.
    """
    assert where in {key for _, key in faulty(change)}


_ONE_SIGNS: Json = {"signature_class": 1, "signer_roles": ["AUTHOR"]}
_LINE: Json = {
    "agency_kind": "DEPT",
    "post": "van-thu",
    "up_to": "MAT",
    "basis": "x",
    "certainty": "seen",
}
_TERM: Json = {
    "from_act": ["BreakGlassOpened"], "to_act": ["BreakGlassReviewed"], "source": "x",
    "certainty": "seen", "kind": "PRODUCT", "valid_from": "2027-01-01",
}  # fmt: skip


def a_term(code: str, length: int, unit: str) -> Json:
    """A dated line of a clock or limit."""
    line = {**_TERM, "code": code, "length": length, "unit": unit}
    return a_line("registry", "clock_rules", f"{code} / 2027-01-01", **line)


def a_power(power: str) -> Json:
    """A dated line that gives a clerk a power."""
    key = f"{power} / DEPT / van-thu / 2020-01-01"
    return a_line("registry", "post_powers", key, power=power, **_LINE, **{"from": "2020-01-01"})


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (
            a_line("acts", "acts", "Declassified", **_ONE_SIGNS, signer_powers={}),
            ("acts", "Declassified"),
        ),
        (
            a_line("acts", "acts", "SecretCopyPermitted", **_ONE_SIGNS),
            ("acts", "SecretCopyPermitted"),
        ),
        (
            a_line("acts", "acts", "ClassificationAssigned", **{"-": ["signer_powers"]}),
            ("acts", "ClassificationAssigned"),
        ),
        (
            a_line("acts", "acts", "CaseClosed", signer_powers={"APPROVER": []}),
            ("acts", "CaseClosed"),
        ),
        (
            a_line("acts", "acts", "CaseClosed",
                   signer_powers={"APPROVER": ["SUPERVISOR", "HEAD", "TEAM_HEAD"]}),
            ("acts", "CaseClosed"),
        ),
        (
            a_line("acts", "acts", "CaseClosed", signer_roles=["AUTHOR", "CHECKER"]),
            ("acts", "CaseClosed"),
        ),
        (
            a_line("acts", "acts", "CaseCustodyTransferred", **_ONE_SIGNS),
            ("acts", "CaseCustodyTransferred"),
        ),
        (
            a_line("acts", "acts", "Declassified", signature_variants=[
                {"when": {"level": "above_ordinary"}, **_ONE_SIGNS}]),
            ("acts", "Declassified"),
        ),
        (
            a_line("acts", "acts", "SanctionDecided", **{"-": ["signature_variants"]}),
            ("acts", "SanctionDecided"),
        ),
        (
            a_term("BREAK_GLASS_REVIEW", 9000, "wd"),
            ("registry", "BREAK_GLASS_REVIEW / 2027-01-01"),
        ),
        (a_term("BREAK_GLASS_MAX", 9000, "h"), ("registry", "BREAK_GLASS_MAX / 2027-01-01")),
        (a_term("DISCLOSURE_MAX", 9000, "h"), ("registry", "DISCLOSURE_MAX / 2027-01-01")),
        (a_term("URGENT_REVIEW", 9000, "h"), ("registry", "URGENT_REVIEW / 2027-01-01")),
        (
            a_line("life_cycle", "clocks", "BREAK_GLASS_REVIEW", bound="DUTY"),
            ("life_cycle", "BREAK_GLASS_REVIEW"),
        ),
        (
            a_line("acts", "acts", "SanctionDecided", who=["SANCTION_AUTHORITY", "ANY_AGENCY"]),
            ("acts", "SanctionDecided"),
        ),
        (a_line("acts", "roles", "LEAD", kind="post"), ("acts", "LEAD")),
        (
            a_line("acts", "acts", "VerificationConcluded", correctable={"finding": ["HANDLER"]}),
            ("acts", "VerificationConcluded"),
        ),
        (a_power("LEGAL_OFFICER"), ("registry", "LEGAL_OFFICER / DEPT / van-thu / 2020-01-01")),
        (a_power("AUDITOR"), ("registry", "AUDITOR / DEPT / van-thu / 2020-01-01")),
    ],
    ids=lambda part: part[1] if isinstance(part, tuple) else "",
)  # fmt: skip
def test_no_edition_of_a_log_asks_less_of_who_signs(change: Json, where: tuple[str, str]) -> None:
    """Registrar and legal officer take no signature away, lengthen no review, make no co-signer."""
    edition = load_edition()
    (fault,) = faults(edition.changed("x", change), edition)
    assert (fault.subject, fault.key) == where
    assert "a shipped edition alone" in str(fault.text)


def test_an_edition_of_a_log_may_ask_more_of_who_signs() -> None:
    """A signer more, powers fewer, or named where none were; terms and powers of other work."""
    acts = {
        "CaseClosed": {"signature_class": 3, "signer_roles": ["AUTHOR", "CHECKER", "APPROVER"],
                       "signer_powers": {"APPROVER": ["HEAD"], "CHECKER": ["SUPERVISOR"]}},
    }  # fmt: skip
    assert faulty({"acts": {"acts": acts}}) == []
    assert faulty(a_term("NOTIFY_LEAD", 2, "wd")) == []
    assert faulty(a_line("acts", "acts", "SanctionDecided", who=["SANCTION_AUTHORITY"])) == []
    assert faulty(a_term("COMPLAINT_LODGE", 120, "d")) == []
    assert faulty(a_power("ARCHIVIST")) == []


def days_off(*days: date) -> Json:
    """A change by which nobody works on some days more."""
    years = {
        f"{day.year}": set(load_edition().subjects["holidays"]["years"].get(f"{day.year}", ()))
        for day in days
    }
    for day in days:
        years[f"{day.year}"].add(f"{day:%m-%d}")
    return {"holidays": {"years": {year: sorted(found) for year, found in years.items()}}}


def a_swap(off: str, worked: str) -> Json:
    """A change by which one day is worked for another."""
    line = {"vi": "Nghỉ", "en": "off", "off": [off], "worked": [worked], "certainty": "known"}
    return {"swap_days": {"swaps": [*load_edition().subjects["swap_days"]["swaps"], line]}}


_TODAY = date(2026, 7, 1)
_OCTOBER = [date(2026, 10, 5) + timedelta(days=n) for n in range(9)]


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (days_off(_TODAY + timedelta(days=1)), []),
        (days_off(_TODAY), ["2026-07-01"]),
        (days_off(date(2024, 7, 1), date(2026, 7, 6)), ["2024-07-01"]),
        ({"holidays": {"years": {"2026": []}}}, None),
        ({"swap_days": {"swaps": []}}, None),
        (a_swap("2026-07-06", "2026-07-04"), []),
        (a_swap("2026-07-06", "2026-06-27"), ["2026-06-27"]),
        (days_off(*_OCTOBER[:8]), []),
        (days_off(*_OCTOBER), [f"{day}" for day in _OCTOBER if day.weekday() < 5]),
        (days_off(date(9999, 12, 31)), [""]),
    ],
)
def test_an_edition_of_a_log_keeps_days_that_are_gone_and_puts_no_work_off_for_long(
    change: Json, wrong: list[str] | None
) -> None:
    """Terms that ended by them would run again; a review would wait for a day that was put off."""
    base = load_edition()
    found = [fault.key for fault in faults(base.changed("x", change), base, _TODAY)]
    assert found == wrong if wrong is not None else found


def test_no_edition_of_a_log_makes_a_term_worse_for_a_citizen() -> None:
    """That is entered by ClockRuleSet, which looks at its day."""
    assert faulty(a_term("COMPLAINT_LODGE", 30, "d")) == [
        ("registry", "COMPLAINT_LODGE / 2027-01-01")
    ]
    assert faulty(a_term("INFORM_REPORTER", 30, "wd")) == [
        ("registry", "INFORM_REPORTER / 2027-01-01")
    ]


def test_an_act_type_that_is_dropped_comes_back_as_it_was() -> None:
    """By two editions, one that drops it and one that adds it, no more is done than by one."""
    edition = load_edition()
    line = next(a for a in edition.acts["acts"] if a["act"] == "StubReleased")
    without = edition.changed(
        "x",
        {
            "acts": {"acts": {"-": ["StubReleased"]}},
            "participation": {"acts": {"-": ["StubReleased / "]}},
        },
    )
    assert faults(without, edition) == []

    def back(**otherwise: object) -> list[tuple[str, str]]:
        part = {"act": "StubReleased", "gives": [], "vi": "x", "en": "x"}
        change: Json = {
            "acts": {"acts": {"StubReleased": {**line, **otherwise}}},
            "participation": {"acts": {"StubReleased / ": part}},
        }
        return faulty(change, without.changed("y", {}))

    assert back() == []
    assert back(**_ONE_SIGNS) == [("acts", "StubReleased")]
    assert set(back(requires=[])) == {("acts", "StubReleased")}


@pytest.mark.parametrize(
    "change",
    [
        a_line("acts", "acts", "CaseClosed", group=["result"]),
        {"registry": {"post_powers": "x"}},
        a_line("registry", "post_powers", "SUPERVISOR / DEPT / van-thu / 2027-01-01",
               power="SUPERVISOR", agency_kind="DEPT", post="van-thu", **{"from": "2027-01-01"}),
        a_line("registry", "holdings", "bacninh2025.syt / LEAD / 5 / 2027-01-01",
               agency="bacninh2025.syt", function="LEAD", territory=5, **{"from": "2027-01-01"}),
    ],
    ids=["a code that is a list", "a list that is text", "a line without a member", "a number"],
)  # fmt: skip
def test_a_change_that_could_not_be_read_later_is_no_edition(change: Json) -> None:
    """What the door takes is read for ever: a member that is missing would stop every reader."""
    assert faulty(change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"laws": {}}, "no subject 'laws'"),
        ({"acts": {"acts": {"-": ["NoAct"]}}}, "no line 'NoAct' to drop"),
        ({"acts": {"acts": {"CaseClosed": "x"}}}, "'CaseClosed' must be an object"),
        ({"acts": {"acts": {"CaseClosed": {"act": "Other"}}}}, "is called 'Other'"),
        ({"acts": {"acts": {"CaseClosed": {"after": "NoAct"}}}}, "to follow 'NoAct'"),
        ({"acts": {"acts": {"CaseClosed": {"after": ["NoAct"]}}}}, "to follow"),
        ({"acts": {"acts": {"CaseClosed": {"-": ["colour"]}}}}, "no member 'colour' to drop"),
        ({"acts": {"acts": {"-": "CaseClosed"}}}, "lists names"),
        ({"acts": ["x"]}, "must be an object"),
    ],
)
def test_a_change_that_fits_nothing_is_refused_in_words(change: Json, words: str) -> None:
    """Whoever writes it learns where."""
    with pytest.raises(ValueError, match=words):
        load_edition().changed("x", change)


def test_a_change_leaves_the_edition_before_as_it_was() -> None:
    """Both stand beside one another, for as long as the log is read."""
    edition = load_edition()
    before = deepcopy(edition.subjects)
    edition.changed("x", CHANGE)
    assert edition.subjects == before


# -- guards are code ----------------------------------------------------------------------------


def test_an_edition_names_the_version_of_each_guards_code() -> None:
    """A version without code does not load, so no record is judged by another one's."""
    edition = load_edition()
    old, new = guards_in(first_edition()).by_code, guards_in(edition).by_code
    assert {g.version for g in old.values()} == {1}
    assert (old["LIMBS_TESTED"].version, new["LIMBS_TESTED"].version) == (1, 2)
    assert old["LIMBS_TESTED"].check is not new["LIMBS_TESTED"].check
    seventh = {"guards": {"guards": {"LEAD_ONLY": {"version": 7}}}}
    with pytest.raises(LookupError, match="guard LEAD_ONLY, version 7: 0 functions"):
        GuardTable.of(edition.changed("x", seventh))


def test_the_guards_that_last_are_guards() -> None:
    """A name that is mistyped would keep nothing."""
    assert set(LASTING) <= guards_in(load_edition()).by_code.keys()


NEWEST = re.compile(r"(?<!def )(?<![\w.])(load|life_cycle|load_edition|load_catalogue|guards_of)\(")
#: Where the newest shipped edition is meant: what a log is opened with, pages, and forms.
MEANT = {
    "ledger/regulation/act_in_words.py",
    "projections/queries/acts/told_act.py",
    "ledger/admission/genesis.py",
    "ledger/regulation/edition.py",
    "ledger/regulation/acts/catalogue.py",
    "ledger/regulation/acts/lifecycle.py",
    "ledger/regulation/acts/participation_rules.py",
    "ledger/regulation/registry/lines.py",
    "ledger/regulation/guards/table.py",
    "projections/queries/openings.py",
    "projections/queries/cases/participants.py",
    "projections/views/case_file.py",
    "projections/views/search_terms.py",
}


def test_nothing_that_judges_or_folds_asks_for_the_newest_edition() -> None:
    """It would judge what is old by what is new, and nobody would see it."""
    asking = set()
    for folder in ("ledger", "projections"):
        for path in files_below(ROOT / folder, "*.py"):
            name = str(path.relative_to(ROOT))
            if "/docs/" in name:
                continue
            if NEWEST.search(path.read_text("utf-8")):
                asking.add(name)
    assert asking <= MEANT


def test_the_shipped_change_is_data_of_its_own_folder() -> None:
    """Edition 2 says what it changes, and repeats nothing of edition 1."""
    folder = ROOT / "ledger" / "regulation" / "data" / "2"
    for path in sorted(folder.glob("*.json")):
        said = json.loads(path.read_text("utf-8"))
        assert said, path.name
    whole = shipped("2")
    assert whole.subjects["duties"] is first_edition().subjects["duties"]
    assert faults(whole, whole) == []
