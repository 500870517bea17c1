"""Clock rules and limits over time; "none stated" is a value.

A line says how long, in which unit, by which source and from when. A later line never edits an
earlier one: it begins, and the earlier one ends there. How a length is counted from an act is
`clock_terms.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final, Literal, Self

from ledger.regulation.edition import REGULATION, Edition, certainty, optional_date, within
from ledger.regulation.registry.calendar import UNITS, bounded
from ledger.regulation.words import vocabulary

NONE_STATED: Final = "none"
_MOST_TOLD: Final = 4_096
"""Answers that are kept."""
_KINDS: Final[Mapping[str, str]] = {
    "REGULATION": "REGULATION",
    "LAW": "LAW",
    "PRODUCT": "PRODUCT_RULE",
    "PRODUCT_RULE": "PRODUCT_RULE",
}
UNIT_WORDS: Final = vocabulary("units")
"""What units of `Rule.unit` are called."""


#: How an initial value names where it comes from: the life cycle gives articles of the regulation.
_SOURCES: Final[Mapping[str, str]] = {
    "REGULATION": f"{REGULATION} {{}}",
    "LAW": "{}",
    "PRODUCT_RULE": vocabulary("sentences")["product_rule"].vi,
}


@dataclass(frozen=True, slots=True)
class RuleVariant:
    """Another length for a named case of the same rule."""

    case: str
    value: int
    unit: str
    valid_from: date | None


@dataclass(frozen=True, slots=True)
class Rule:
    """One dated line of a clock or a limit.

    Attributes:
        code: Code in life_cycle.json or registry.json.
        vi: What it is about, in Vietnamese.
        en: The same in English.
        value: Length, or the band of a band limit; None: none stated.
        unit: `wd` working days, `d`, `h`, `m` months, `y`, `min` minutes, `band` or `none`.
        source: The provision or the words of the source.
        kind: REGULATION, LAW or PRODUCT_RULE: a product rule is never shown as a deadline of law.
        certainty: CONFIRMED, SECONDARY_SOURCE, UNCONFIRMED or OPEN_QUESTION.
        valid_from: First day; None: from the beginning.
        valid_to: Last day; None: open.
        alarm_value: Length after which the product reminds where no deadline is stated.
        alarm_unit: Its unit.
        before_expiry: Counted back from the end of a term.
        from_end_of_year: Counted from the end of the year of the starting act.
        variants: Other lengths by case.
        index: Record that set it, None in the edition.
    """

    code: str
    vi: str
    en: str
    value: int | str | None
    unit: str
    source: str
    kind: str
    certainty: str
    valid_from: date | None = None
    valid_to: date | None = None
    alarm_value: int | None = None
    alarm_unit: str | None = None
    before_expiry: bool = False
    from_end_of_year: bool = False
    variants: tuple[RuleVariant, ...] = ()
    index: int | None = None

    @property
    def none_stated(self) -> bool:
        """Whether the source gives no length."""
        return self.unit == NONE_STATED

    def on(self, day: date) -> bool:
        """Whether the line covers that day."""
        return within(self.valid_from, self.valid_to, day)

    def variant(self, case: str, day: date) -> RuleVariant | None:
        """The other length for a case, where one is in force that day."""
        for variant in self.variants:
            if variant.case == case and (variant.valid_from is None or variant.valid_from <= day):
                return variant
        return None


Bound = Literal["OVERSIGHT", "WINDOW", "DUTY"]


def bounds(edition: Edition) -> Mapping[str, Bound]:
    """Which clocks and limits are not to be changed at will: `bound` of life_cycle.json, by code.

    `OVERSIGHT` holds those who act to account, `WINDOW` is a citizen's to use, `DUTY` is owed to
    one.
    """
    return edition.of(_bounds)


def _bounds(edition: Edition) -> Mapping[str, Bound]:
    cycle = edition.life_cycle
    lines = (*cycle["clocks"], *cycle["limits"])
    return {line["code"]: line["bound"] for line in lines if "bound" in line}


def is_worse(bound: Bound, length: int | None, unit: str, before: Rule | None) -> bool:
    """Whether a length is worse than a line, for those whom the bound is there for.

    Lengths of two units are not compared: the other one is worse.

    Args:
        bound: What the clock or limit is.
        length: How long; None: none stated.
        unit: Its unit.
        before: The line it would take the place of.
    """
    stated = length is not None and unit != NONE_STATED
    if before is None or before.none_stated or not isinstance(before.value, int):
        return bound == "WINDOW" and stated
    if not stated or length is None:
        return bound != "WINDOW"
    if unit != before.unit:
        return True
    return length < before.value if bound == "WINDOW" else length > before.value


class Rules:
    """Lines by code, in the order added; for a day the latest start wins, then the last added."""

    def __init__(self, lines: Mapping[str, tuple[Rule, ...]] | None = None) -> None:
        self._lines = dict(lines or {})
        self._told: dict[tuple[str, date], Rule | None] = {}
        """What was asked before, until a line is added."""

    @classmethod
    def of(cls, edition: Edition) -> Self:
        """Clocks and limits of the edition; lines of registry.json win over initial values."""
        self = cls()
        named: dict[str, tuple[str, str]] = {}
        for entry in [*edition.life_cycle["clocks"], *edition.life_cycle["limits"]]:
            named[entry["code"]] = (entry["vi"], entry["en"])
            if "initial" in entry:
                self.add(_initial(entry))
        for entry in edition.registry["clock_rules"]:
            self.add(_shipped(entry, named.get(entry["code"], (entry["code"], entry["code"]))))
        return self

    def copy(self) -> Self:
        """An independent set of the same lines."""
        return type(self)(self._lines)

    def add(self, rule: Rule) -> None:
        """Adds a line."""
        self._told.clear()
        self._lines[rule.code] = (*self._lines.get(rule.code, ()), rule)

    def set(self, rule: Rule) -> None:
        """Adds a line of ClockRuleSet; what that act cannot say (its cases, its start) is kept."""
        before = self._lines.get(rule.code)
        if before:
            rule = replace(
                before[-1],
                value=rule.value,
                unit=rule.unit,
                source=rule.source,
                kind=rule.kind,
                certainty=rule.certainty,
                valid_from=rule.valid_from,
                valid_to=rule.valid_to,
                index=rule.index,
            )
        self.add(rule)

    def lines(self, code: str) -> tuple[Rule, ...]:
        """Every line of a code."""
        return self._lines.get(code, ())

    def on(self, code: str, day: date) -> Rule | None:
        """The line in force that day; None where the code has none then."""
        key = code, day
        try:
            return self._told[key]
        except KeyError:
            if len(self._told) >= _MOST_TOLD:
                self._told.clear()
        found: Rule | None = None
        for line in self._lines.get(code, ()):
            if line.on(day) and (found is None or _start(line) >= _start(found)):
                found = line
        self._told[key] = found
        return found


def _start(rule: Rule) -> date:
    return rule.valid_from or date.min


def _counted(value: int | str | None, unit: str | None) -> int | str | None:
    """As far as it can be counted: an edition may be a log's own, and says what it likes."""
    return bounded(value, unit) if isinstance(value, int) and unit in UNITS else value


def _initial(entry: Mapping[str, Any]) -> Rule:
    initial = entry["initial"]
    return Rule(
        code=entry["code"],
        vi=entry["vi"],
        en=entry["en"],
        value=_counted(initial["value"], initial["unit"]),
        unit=initial["unit"],
        source=_SOURCES[entry["source_kind"]].format(entry.get("source", "")),
        kind=_KINDS[entry["source_kind"]],
        certainty=entry.get("certainty", "CONFIRMED"),
    )


def _shipped(entry: Mapping[str, Any], named: tuple[str, str]) -> Rule:
    return Rule(
        code=entry["code"],
        vi=named[0],
        en=named[1],
        value=_counted(entry["length"], entry["unit"]),
        unit=entry["unit"] or NONE_STATED,
        source=entry["source"],
        kind=_KINDS[entry["kind"]],
        certainty=certainty(entry),
        valid_from=optional_date(entry["valid_from"]),
        valid_to=optional_date(entry["valid_to"]),
        alarm_value=entry.get("alarm_length"),
        alarm_unit=entry.get("alarm_unit"),
        before_expiry=bool(entry.get("before_expiry", False)),
        from_end_of_year=bool(entry.get("from_end_of_year", False)),
        variants=tuple(
            RuleVariant(
                v["case"],
                bounded(v["length"], v["unit"]),
                v["unit"],
                optional_date(v.get("valid_from")),
            )
            for v in entry.get("variants", ())
        ),
    )
