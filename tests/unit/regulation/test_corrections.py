"""Corrections correct: from their index on everybody hears what is right, and what stood shows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ledger.regulation.acts.catalogue import load
from ledger.regulation.case.clocks import clock_runs
from ledger.regulation.case_file.render import case_file
from ledger.regulation.edition import first_edition
from projections.views import search_terms
from tests.builders import CONTENT, Story, a_case_in, a_registry, at, refolded
from tests.rows import each, of

Json = dict[str, Any]
NUMBER: Json = {"mark": "ERROR", "member": "facts.case_number", "was": "2024/0187"}


def a_corrected_case() -> Story:
    """A case whose number was put right."""
    case = a_case_in("SCREENING")
    registered = case.stream.last("CaseRegistered")
    assert registered is not None
    facts = {**NUMBER, "now": "2024/0981", "reason": "Gõ nhầm số."}
    case.then("RecordCorrected", facts=facts, corrects=registered.act.act_id)
    return case


def test_head_search_and_fold_hear_what_is_right_and_what_stood_is_shown() -> None:
    """The act as it was signed stays what it is."""
    case = a_corrected_case()
    registered = case.stream.last("CaseRegistered")
    assert registered is not None
    assert registered.act.facts["case_number"] == "2024/0981"
    assert registered.signed[0].act.facts["case_number"] == "2024/0187"
    assert registered.act.signed["facts"]["case_number"] == "2024/0187"
    file = case_file(case.stream, {}, case.registry, case.now)
    assert file["case_number"] == "2024/0981"
    (shown,) = file["corrections"]
    assert (shown["member"], shown["was"], shown["now"]) == (
        "facts.case_number", "2024/0187", "2024/0981",
    )  # fmt: skip
    words = search_terms.vector(search_terms.searchable(case.stream, case.registry))
    assert "0981" in words
    assert "0187" not in words


def test_a_fold_from_the_first_statement_is_the_same() -> None:
    """It stands in the statements, and nowhere else."""
    case = a_corrected_case()
    anew = case_file(refolded(case), {}, case.registry, case.now)
    assert anew == case_file(case.stream, {}, case.registry, case.now)


def test_a_second_correction_starts_from_the_first() -> None:
    """What stands is what was put right last."""
    case = a_corrected_case()
    registered = case.stream.last("CaseRegistered")
    assert registered is not None
    again = {**NUMBER, "was": "2024/0981", "now": "2024/0189"}
    case.then("RecordCorrected", facts=again, corrects=registered.act.act_id)
    assert registered.act.facts["case_number"] == "2024/0189"


def test_a_member_of_a_list_keeps_its_neighbours_and_its_kind() -> None:
    """The title of the second item alone."""
    two = [CONTENT[0], {**CONTENT[0], "title": "Trang thứ hai"}]
    case = Story()
    report = case.then("ReportReceived", facts={"content": two})
    facts = {
        "mark": "ERROR",
        "member": "content.1.title",
        "was": "Trang thứ hai",
        "now": "Trang hai",
    }
    case.then("RecordCorrected", facts=facts, by="hotline", also=["tp"],
              corrects=report.act.act_id)  # fmt: skip
    titles = [one["title"] for one in report.act.facts["content"]]
    assert titles == ["Một trang mạng", "Trang hai"]
    assert two[1]["title"] == "Trang thứ hai"


def test_by_the_first_edition_a_correction_is_told_and_puts_nothing_right() -> None:
    """What was closed by the rules of before is not read otherwise now."""
    registry = a_registry()
    registry.go_on_by(first_edition(), 0)
    case = a_case_in("SCREENING", registry=registry)
    registered = case.stream.last("CaseRegistered")
    assert registered is not None
    case.then("RecordCorrected", facts={**NUMBER, "now": "2024/0981"},
              corrects=registered.act.act_id)  # fmt: skip
    file = case_file(case.stream, {}, case.registry, case.now)
    assert file["case_number"] == "2024/0187"
    assert "now" not in file["corrections"][0]


#: What is found, decided, held or counted, and who and when: in no list, of no act type.
NEVER = frozenset({
    "finding", "limbs", "other_law", "evidence", "contrary_evidence", "decision", "outcome",
    "opinion", "answer", "answers", "conclusion", "forms", "amount_band", "result", "kind",
    "provision", "competence_article", "proportionality", "subject", "reporter", "complainant",
    "handling_agency", "review_at", "end_at", "answer_by", "received_at", "object", "plan",
    "direction", "items", "urgent",
})  # fmt: skip


def test_no_act_type_lets_its_substance_be_corrected() -> None:
    """Nor who did it, when, and on which basis; and what it lists is there."""
    for name in each(load().types):
        with of(name):
            kind = load().types[name]
            for path in kind.correctable:
                assert path[0] in ("facts", "document")
                if path[0] == "facts":
                    assert path[1] not in NEVER
                    fields = kind.facts
                    for step in path[1:]:
                        if step != "*":
                            spec = fields[step]
                            fields = spec.get("fields", {})
                    assert not fields
            assert kind.reconsidered_by is None or kind.reconsidered_by in load().types


# -- answers and their dates --------------------------------------------------------------------


def test_the_clock_follows_an_extension_and_not_a_reminder() -> None:
    """Twice, then the answer stops what runs."""
    case = a_case_in("VERIFYING")
    first = "2024-06-06T17:00:00+07:00"
    sent = case.then("VerificationRequested", facts={"answer_by": first})
    request: Json = {"request": sent.act.act_id}
    to = {"to": ["bacninh.syt"]}
    case.then("ReminderSent", facts=request, **to)
    assert _due(case) == [("RUNNING", at("2024-06-06 17:00"))]
    for day in ("2024-06-14", "2024-06-21"):
        until = {**request, "answer_by": f"{day}T17:00:00+07:00"}
        case.then("AnswerExtended", facts=until, **to)
    assert _due(case) == [
        ("EXTENDED", at("2024-06-06 17:00")),
        ("EXTENDED", at("2024-06-14 17:00")),
        ("RUNNING", at("2024-06-21 17:00")),
    ]
    case.then("VerificationAnswered", facts={**request, "completeness": "FULL"})
    assert [status for status, _ in _due(case)] == ["EXTENDED", "EXTENDED", "STOPPED"]


def _due(case: Story) -> list[tuple[str, Any]]:
    runs = clock_runs(case.stream, case.registry, at("2024-06-04 09:00") + timedelta(0))
    return [(r.status, r.due) for r in runs if r.code == "ANSWER_VERIFICATION"]
