"""Clock rules and limits by date; "none stated" is a value (regulation.md §8 row 1, law.md §14)."""

from __future__ import annotations

from datetime import date

import pytest

from ledger.regulation.acts.act import Act
from ledger.regulation.edition import first_edition, load_edition
from ledger.regulation.registry.clock_terms import term
from ledger.regulation.registry.registry import Registry
from tests.builders import a_case_in, a_registry, enter
from tests.unit.regulation.registry_acts import an_act, founded

REGISTRY = Registry.founded()
DAY = date(2024, 6, 4)


def test_every_clock_and_limit_has_a_line() -> None:
    """No act starts a clock of which nothing is known."""
    life_cycle = load_edition().life_cycle
    for entry in [*life_cycle["clocks"], *life_cycle["limits"]]:
        line = REGISTRY.rule(entry["code"], date(2026, 6, 1))
        assert line is not None, entry["code"]
        assert line.kind in {"REGULATION", "LAW", "PRODUCT_RULE"}
        assert line.source, entry["code"]
        if line.kind == "REGULATION":  # "2.1" alone is an article of nobody knows what
            assert line.source.startswith("90/QĐ-UBND "), line


def test_deadline_that_no_text_states_is_a_value() -> None:
    """5.2 says "đồng thời": none stated, and a reminder that is labelled as the product's."""
    line = REGISTRY.rule("NOTIFY_LEAD", DAY)
    assert line is not None
    assert line.none_stated
    assert line.value is None
    assert (line.alarm_value, line.alarm_unit, line.kind) == (24, "h", "REGULATION")


@pytest.mark.parametrize(
    ("code", "value", "unit"),
    [
        ("REGISTER_CASE", 1, "wd"),
        ("EXPLANATION", 5, "wd"),
        ("SANCTION_DECISION", 7, "wd"),
        ("CRIME_REPORT", 20, "d"),
        ("COMPLAINT_LODGE", 90, "d"),
        ("LATE_ENTRY", 24, "h"),
        ("ADVANCE_ENTRY", 5, "min"),
        ("DISCLOSURE_MAX", 24, "h"),
        ("SECRET_TERM_TUYET_MAT", 30, "y"),
        ("SANCTION_CHECKER_BAND", "ABOVE_100M", "band"),
    ],
)
def test_length_is_that_of_the_data(code: str, value: int | str, unit: str) -> None:
    """Rows of law.md §14 and of the limits."""
    line = REGISTRY.limit(code, DAY)
    assert (line.value, line.unit) == (value, unit)


def test_rule_does_not_hold_before_its_first_day() -> None:
    """147/2024/NĐ-CP: 24 hours for a platform from 25/12/2024 on."""
    assert REGISTRY.rule("PLATFORM_REMOVAL", date(2024, 12, 24)) is None
    line = REGISTRY.rule("PLATFORM_REMOVAL", date(2024, 12, 25))
    assert line is not None
    assert line.value == 24
    with pytest.raises(KeyError):
        REGISTRY.limit("PLATFORM_REMOVAL", date(2024, 12, 24))


def test_other_length_for_a_named_case() -> None:
    """15/2012/QH13 Art. 66: a month where an explanation is heard; a variant has dates too."""
    line = REGISTRY.limit("SANCTION_DECISION", DAY)
    longer = line.variant("EXPLANATION_OR_VERIFICATION", DAY)
    assert longer is not None
    assert (longer.value, longer.unit) == (1, "m")
    limitation = REGISTRY.limit("SANCTION_LIMITATION", DAY)
    assert limitation.variant("PASSED_ON_BY_PROCEDURAL_BODY", date(2025, 6, 30)) is None
    assert limitation.variant("PASSED_ON_BY_PROCEDURAL_BODY", date(2025, 7, 1)) is not None


def rule_set(code: str, **facts: object) -> Act:
    """ClockRuleSet."""
    return an_act(
        "ClockRuleSet",
        "ledger",
        {
            "rule": code,
            "unit": "wd",
            "valid_from": "2026-01-01",
            "source_kind": "LAW",
            "certainty": "CONFIRMED",
            **facts,
        },
    )


def test_later_line_begins_where_it_says_and_edits_nothing() -> None:
    """A clock started before the change is judged by the line of its day."""
    book = founded()
    book.take(rule_set("EXPLANATION", value=7, instrument="15/2012/QH13", article="61"))
    before = book.registry.limit("EXPLANATION", date(2025, 12, 31))
    after = book.registry.limit("EXPLANATION", date(2026, 1, 1))
    assert (before.value, before.index) == (5, None)
    assert (after.value, after.index, after.source) == (7, 1, "15/2012/QH13 61")
    assert after.vi == before.vi
    assert after.variants == before.variants
    assert REGISTRY.limit("EXPLANATION", date(2026, 1, 1)).value == 5


def test_of_two_lines_with_one_start_the_later_added_counts() -> None:
    """A correcting act adds a line with the same first day."""
    book = founded()
    book.take(rule_set("EXPLANATION", value=70))
    book.take(rule_set("EXPLANATION", value=7))
    assert book.registry.limit("EXPLANATION", date(2026, 6, 1)).value == 7


def test_rule_may_be_set_to_none_stated() -> None:
    """A length can be taken back without deleting what stood before."""
    book = founded()
    book.take(rule_set("REGISTER_CASE", unit="none"))
    assert book.registry.limit("REGISTER_CASE", date(2026, 1, 1)).none_stated
    assert not book.registry.limit("REGISTER_CASE", date(2025, 12, 31)).none_stated


def test_a_reminder_is_no_later_than_a_length_set_after_it() -> None:
    """Q30, D60: the shorter wins; the first edition shows both as it did."""
    case = a_case_in("SCREENING")
    registry = case.registry = a_registry()
    sent = case.act("ReferralSent", facts={"competent_agency": "bacninh.syt"})
    before = term("ACCEPT_REFERRAL", sent, registry)
    assert before is not None
    assert before.due is None
    assert before.alarm is not None
    facts = {
        "rule": "ACCEPT_REFERRAL",
        "value": 3,
        "unit": "wd",
        "valid_from": "2024-06-01",
        "source_kind": "REGULATION",
        "certainty": "CONFIRMED",
    }
    enter(registry, "ClockRuleSet", facts, stream="ledger")
    after = term("ACCEPT_REFERRAL", sent, registry)
    assert after is not None
    assert after.due is not None
    assert after.alarm == after.due < before.alarm
    registry.go_on_by(first_edition(), 0)
    first = term("ACCEPT_REFERRAL", sent, registry)
    assert first is not None
    assert first.alarm == before.alarm
