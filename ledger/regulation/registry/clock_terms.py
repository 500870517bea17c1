"""How long a clock runs: what the rule of the day makes of the act that starts it.

The rule of that day says how long (registry.json, life_cycle.json, ClockRuleSet), or the act itself
states the end. "None stated" is a value, not a missing one (regulation.md §8, row 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from ledger.regulation.acts.act import Act
from ledger.regulation.registry.calendar import add_months, as_instant, deadline, end_of, local_day
from ledger.regulation.registry.registry import Registry
from ledger.regulation.registry.rules import Rule

#: The fact of the starting act that states the end itself ("as in the letter", life_cycle.json).
DUE_FACTS: Final[Mapping[str, tuple[str, ...]]] = {
    "EXTERNAL_REQUEST_ANSWER": ("answer_by",),
    "REVIEW_MEASURE": ("review_at", "end_at"),
    "REVIEW_TAKEDOWN": ("review_at",),
    "ANSWER_VERIFICATION": ("answer_by",),
    "APPRAISAL_ANSWER": ("answer_by",),
    "EXPERTISE_ANSWER": ("answer_by",),
    "SECONDMENT_ANSWER": ("answer_by",),
    "DIRECTION_CONFIRM": ("confirm_by",),
    "TECHNICAL_REPORT": ("report_by",),
    "CRIME_REPORT": ("until",),
    "EXPLANATION": ("explanation_until",),
    "COPY_RETURN": ("return_by",),
    "STATISTICS_ANSWER": ("answer_by",),
}


_WITHIN: Final = "alarm_within_term"
"""Member of life_cycle.json by which an edition reminds no later than what is due."""


@dataclass(frozen=True, slots=True)
class Term:
    """What a rule makes of one starting act: end, reminder and where they come from."""

    start: datetime
    due: datetime | None
    alarm: datetime | None
    source: str
    kind: str
    certainty: str


def term(code: str, act: Act, registry: Registry) -> Term | None:
    """The term of this clock when this act starts it; None where no rule of that day knows it."""
    if code == "MEASURE_CONFIRM" and act.approver is not None:
        return None  # what somebody approved waits for nobody
    if code == "REVIEW_TAKEDOWN" and "finding_ref" in act.facts:
        return None  # what rests on a finding is not provisional
    rule = registry.rule(code, act.day)
    if code == "REVIEW_MEASURE" and act.act == "MeasureReviewed":
        rule = registry.rule("MEASURE_MAX", act.day)  # a finding may leave the date open
    start, stated = _start(code, act), _stated(code, act.facts)
    if rule is None:
        if stated is None:
            return None
        return Term(start, stated, None, "", "REGULATION", "CONFIRMED")
    due = stated or _length(code, rule, act, start, registry)
    alarm = None if stated else _alarm(rule, start, registry)
    if alarm is not None and due is not None and registry.edition.life_cycle.get(_WITHIN):
        alarm = min(alarm, due)  # a length set later by law is shorter than the product's reminder
    return Term(start, due, alarm, rule.source, rule.kind, rule.certainty)


def ends(code: str, start: datetime, registry: Registry) -> datetime | None:
    """When what began at an instant is over, by the rule of the day of that instant.

    A rule that is set meanwhile changes nothing that runs. None where no length is stated.

    Args:
        code: Clock or limit.
        start: When it began, with the offset it was written in, as `Act.day` is of that offset.
        registry: Rules and working days.
    """
    rule = registry.rule(code, start.date())
    if rule is None or not isinstance(rule.value, int):
        return None
    return deadline(start, rule.value, rule.unit, registry.calendar)


def _stated(code: str, facts: Mapping[str, Any]) -> datetime | None:
    for name in DUE_FACTS.get(code, ()):
        value = facts.get(name)
        if isinstance(value, str):
            return as_instant(value)
    return None


def _start(code: str, act: Act) -> datetime:
    facts = act.facts
    if code == "SANCTION_LIMITATION" and isinstance(facts.get("breach_ended_on"), str):
        # 15/2012/QH13 Art. 6: the limitation runs from the end of the conduct.
        return end_of(date.fromisoformat(facts["breach_ended_on"]))
    if code == "COMPLAINT_ACCEPT" and isinstance(facts.get("received_at"), str):
        return as_instant(facts["received_at"])
    return act.occurred_at


def _length(
    code: str, rule: Rule, act: Act, start: datetime, registry: Registry
) -> datetime | None:
    days = registry.calendar
    if rule.value is None or rule.none_stated:
        return None
    if code == "SANCTION_LIMITATION" and "breach_ended_on" not in act.facts:
        return None
    if rule.before_expiry:
        until = act.facts.get("protect_until")
        return (
            deadline(as_instant(until), -int(rule.value), rule.unit, days)
            if isinstance(until, str)
            else None
        )
    if rule.from_end_of_year:
        # 33/2024/QH15: counted from the end of the year in which the file was closed.
        months = int(rule.value) * (12 if rule.unit == "y" else 1)
        return end_of(add_months(date(local_day(start).year, 12, 31), months))
    value, unit = _variant(code, rule, act)
    return deadline(start, value, unit, days)


#: Decrees on press and publishing, for which 15/2012/QH13 Art. 6 gives two years.
_PRESS_DECREES: Final = frozenset({"119/2020/NĐ-CP"})


def _variant(code: str, rule: Rule, act: Act) -> tuple[int, str]:
    """Length by the case at hand, as far as the facts tell which case it is (variants)."""
    case: str | None = None
    facts = act.facts
    if code == "SANCTION_DECISION" and facts.get("explanation_open"):
        case = "EXPLANATION_OR_VERIFICATION"
    elif (
        code == "SANCTION_LIMITATION"
        and facts.get("provision", {}).get("instrument") in _PRESS_DECREES
    ):
        case = "PRESS_PUBLISHING"
    found = None if case is None else rule.variant(case, act.day)
    if found is not None:
        return found.value, found.unit
    return int(rule.value or 0), str(rule.unit)


def _alarm(rule: Rule, start: datetime, registry: Registry) -> datetime | None:
    if rule.alarm_value is None or rule.alarm_unit is None:
        return None
    return deadline(start, int(rule.alarm_value), rule.alarm_unit, registry.calendar)
