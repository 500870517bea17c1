"""The catalogue (acts.json): typed facts, signature variants, and act types as data alone."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import orjson
import pytest

from api.texts.catalogue import translate
from ledger.errors import Rejected
from ledger.regulation.acts.act import Act, parse_act
from ledger.regulation.acts.catalogue import Catalogue, compile_catalogue, load
from ledger.regulation.edition import load_edition
from tests.builders import T0, facts_for
from tests.unit.regulation.registry_acts import an_id, members

CATALOGUE: Catalogue = load()
REPORT: dict[str, Any] = {
    "register_no": "12/TN",
    "received_at": "2024-06-04T08:00:00+07:00",
    "intake_point": "Đường dây nóng",
    "summary": "Một bài đăng nói về thuốc.",
    "identity_given": False,
    "petition_kind": "PHAN_ANH",
}


def faults(act: str, facts: dict[str, Any], level: str = "ordinary") -> dict[str, str]:
    """Pointer to English text of each fault."""
    kind = CATALOGUE.type(act)
    return {f.pointer: translate(f.text, "en") for f in kind.check(facts, level)}


def an_act_with(name: str, facts: dict[str, Any]) -> Act:
    """An act whose facts need not be complete: only signatures are asked of it."""
    return parse_act(members(name, f"case/{an_id('case')}", facts))


def test_every_act_type_of_the_edition_compiles() -> None:
    """All 130 act types can be recorded (issue: the whole regulation)."""
    assert len(CATALOGUE.types) == 130
    for kind in CATALOGUE.types.values():
        assert set(kind.who) <= CATALOGUE.roles.keys()
        assert set(kind.to) <= CATALOGUE.roles.keys() | CATALOGUE.addressees.keys()
        assert kind.group in CATALOGUE.groups
        missing = {f"/facts/{n}" for n, spec in kind.facts.items() if spec["required"]}
        assert {f.pointer for f in kind.check({})} == missing


def test_unknown_act_type_is_refused_by_name() -> None:
    """An act of a future catalogue is not half understood."""
    with pytest.raises(Rejected) as refused:
        CATALOGUE.type("ContentCrawled")
    assert refused.value.code == "unknown_act"
    assert refused.value.faults[0].pointer == "/act"


def test_facts_that_fit_have_no_fault() -> None:
    """7.1, 7.2.a: a report from the public is received."""
    assert faults("ReportReceived", REPORT) == {}


def test_all_faults_of_the_facts_are_named_at_once() -> None:
    """Missing, mistyped, unknown and outside the enum: one answer."""
    facts = {
        **REPORT,
        "summary": " \u00a0\u200b",
        "received_at": "2024-06-04",
        "identity_given": "no",
        "petition_kind": "TIN_DON",
        "reporter": "sealed:x",
        "colour": "red",
        "content": [
            {"where": "WEBSITE", "seen_at": "2024-06-04T08:00:00+07:00"},
            {"where": "PUB", "url": "ftp://x"},
        ],
    }
    del facts["register_no"]
    assert list(faults("ReportReceived", facts)) == [
        "/facts/received_at",
        "/facts/summary",
        "/facts/identity_given",
        "/facts/petition_kind",
        "/facts/reporter",
        "/facts/colour",
        "/facts/content/1/where",
        "/facts/content/1/url",
        "/facts/content/1/seen_at",
        "/facts/register_no",
    ]


@pytest.mark.parametrize(
    ("act", "change", "pointer"),
    [
        ("CaseMerged", {"surviving_case": "case/1"}, "/facts/surviving_case"),
        ("CaseMerged", {"reporters_kept": True}, "/facts/reporters_kept"),
        ("CaseMerged", {"reporters_kept": "2"}, "/facts/reporters_kept"),
        ("StatisticsSubmitted", {"restated_because": ["2023/0077"]}, "/facts/restated_because/0"),
        ("KeyRevoked", {"kid": "A" * 42 + "B"}, "/facts/kid"),
        ("KeyRevoked", {"officer": an_id("x").upper()}, "/facts/officer"),
        ("LedgerOpened", {"log": "bacninh.example/secret"}, "/facts/log"),
        ("LedgerOpened", {"registrar": []}, "/facts/registrar"),
        ("LedgerOpened", {"vkeys": []}, "/facts/vkeys"),
        ("ClockRuleSet", {"rule": "MY_CLOCK"}, "/facts/rule"),
        ("FunctionAssigned", {"function": "lead"}, "/facts/function"),
        ("FunctionAssigned", {"valid_from": "2024-02-30"}, "/facts/valid_from"),
        ("FunctionAssigned", {"agency": "Sở TT"}, "/facts/agency"),
        ("InstrumentRegistered", {"instrument": " 1/QĐ"}, "/facts/instrument"),
        ("OfficerAppointed", {"capacities": ["TM", "X"]}, "/facts/capacities/1"),
        ("OfficerAppointed", {"basis_document": "12\0/QĐ"}, "/facts/basis_document"),
        ("OfficerEnded", {"ended_on": "9999-12-31"}, "/facts/ended_on"),
        ("KeyRevoked", {"invalid_from": "0001-01-01T00:00:00+07:00"}, "/facts/invalid_from"),
    ],
)
def test_value_out_of_format_is_named(act: str, change: dict[str, Any], pointer: str) -> None:
    """The formats of acts.json, one defect each."""
    assert pointer in faults(act, change)


def test_required_list_may_be_empty_only_where_the_notes_say_so() -> None:
    """Contrary evidence is looked for and may be none; a question list may not be empty."""
    empty = faults("VerificationConcluded", {"contrary_evidence": [], "evidence": []})
    assert "/facts/contrary_evidence" not in empty
    assert "/facts/open_clocks" not in faults("CaseCustodyTransferred", {"open_clocks": []})
    assert "/facts/questions" in faults("VerificationRequested", {"questions": []})


def test_period_that_ends_before_it_begins_is_refused() -> None:
    """Article 9: a report is about a period."""
    kind = CATALOGUE.type("StatisticsRequested")
    facts = {
        name: {"date": "2024-01-01", "text": "a", "string": "a"}.get(spec["type"], ["a"])
        for name, spec in kind.facts.items()
        if spec["required"]
    }
    backwards = {**facts, "period_from": "2024-02-01", "period_to": "2024-01-31"}
    assert "/facts/period_from" in {f.pointer for f in kind.check(backwards)}
    same_day = {**facts, "period_from": "2024-02-01", "period_to": "2024-02-01"}
    assert "/facts/period_from" not in {f.pointer for f in kind.check(same_day)}


def test_what_a_lower_log_showed_may_be_said_only_above_ordinary() -> None:
    """formats.md §2: facts.seen and facts.low_ref; nothing ever refers upward."""
    seen = [{"log": "bacninh.example/ordinary", "size": 1, "root": "A" * 43}]
    assert faults("ReportReceived", {**REPORT, "seen": seen}) == {
        "/facts/seen": "no such member here"
    }
    assert faults("ReportReceived", {**REPORT, "seen": seen}, "mat") == {}


def test_class_rises_with_the_case_at_hand() -> None:
    """signature_variants of acts.json, each of the four kinds of condition."""
    notified = CATALOGUE.type("LeadAgencyNotified")
    assert notified.signature(an_act_with("LeadAgencyNotified", {}))[0] == 1
    disclaims = an_act_with("LeadAgencyNotified", {"disclaims_competence": True})
    assert notified.signature(disclaims) == (2, ("AUTHOR", "APPROVER"))

    sanction = CATALOGUE.type("SanctionDecided")
    for band, least in [("TO_100M", 2), ("ABOVE_100M", 3), ("NONE", 2)]:
        act = an_act_with("SanctionDecided", {"amount_band": band})
        assert sanction.signature(act)[0] == least
    assert sanction.signature(an_act_with("SanctionDecided", {}))[0] == 2

    granted = CATALOGUE.type("ParticipationGranted")
    grant = an_act_with("ParticipationGranted", {})
    assert granted.signature(grant, "ordinary")[0] == 1
    assert granted.signature(grant, "mat")[0] == 2

    enrolled = CATALOGUE.type("KeyEnrolled")
    key = an_act_with("KeyEnrolled", {})
    assert enrolled.signature(key) == (2, ("AUTHOR", "APPROVER"))
    assert enrolled.signature(key, founding=True) == (1, ("AUTHOR",))


def test_free_texts_are_found_wherever_they_stand() -> None:
    """G14: the lint sees strings in nested lists, and no id, digest or token."""
    facts = {
        **REPORT,
        "reporter": f"sealed:{an_id('r')}",
        "content": [
            {
                "where": "WEBSITE",
                "title": "Bài",
                "url": "https://x.example/a",
                "seen_at": "2024-06-04T08:00:00+07:00",
            }
        ],
    }
    found = dict(CATALOGUE.type("ReportReceived").texts(facts))
    assert found["/facts/content/0/title"] == "Bài"
    assert found["/facts/content/0/url"] == "https://x.example/a"
    assert found["/facts/summary"] == REPORT["summary"]
    assert "/facts/reporter" not in found
    assert "/facts/petition_kind" not in found


def test_number_of_an_office_is_no_number_of_a_person() -> None:
    """7.1: the hotline is published; the fact holds an office's address by definition."""
    kind = CATALOGUE.type("IntakePointPublished")
    facts = {"kind": "HOTLINE", "address": "0912 345 678", "valid_from": "2024-01-01"}
    assert kind.check(facts) == []
    assert kind.texts(facts) == []


def test_newcomer_adds_an_act_type_as_data() -> None:
    """Adding an act type touches acts.json and no code."""
    edition = load_edition()
    entry = deepcopy(next(a for a in edition.acts["acts"] if a["act"] == "DifficultyReported"))
    entry["act"] = "WorkshopHeld"
    entry["facts"] = {
        "held_on": {"type": "date", "required": True, "vi": "Ngày", "en": "day"},
        "notes": {"type": "list", "of": "text", "required": False, "vi": "Ghi", "en": "notes"},
    }
    acts = {**edition.acts, "acts": [*edition.acts["acts"], entry]}
    kind = compile_catalogue(replace(edition, subjects={**edition.subjects, "acts": acts})).type(
        "WorkshopHeld"
    )
    assert kind.check({"held_on": "2024-06-04", "notes": ["Đã họp"]}) == []
    assert [f.pointer for f in kind.check({"held_on": "04/6/2024"})] == ["/facts/held_on"]


def test_data_with_an_unknown_type_does_not_load() -> None:
    """A slip in the data shows at start, not at the first act."""
    edition = load_edition()
    acts = orjson.loads(orjson.dumps(dict(edition.acts)))
    acts["acts"][0]["facts"]["summary"]["type"] = "essay"
    with pytest.raises(ValueError, match="essay"):
        compile_catalogue(replace(edition, subjects={**edition.subjects, "acts": acts}))


def test_a_post_is_entered_with_powers_that_there_are() -> None:
    """A word that no rule asks for gave a post that could sign nothing, and nobody said so."""
    facts = facts_for("OfficerAppointed", T0)
    held = {code for code, role in CATALOGUE.roles.items() if role["kind"] == "post"}
    for power in held - {"SYSTEM", "FOUNDER", "KEY_HOLDER"}:  # what no appointment gives
        assert not faults("OfficerAppointed", {**facts, "powers": [power]}), power
    for typed in ("DEPUTY", "SUPERVIZOR", "PPC"):
        assert set(faults("OfficerAppointed", {**facts, "powers": [typed]})) == {"/facts/powers/0"}
