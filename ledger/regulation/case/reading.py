"""What guards of more than one family read from their input: persons, texts, days and terms.

Nothing here decides; each function answers one question about the act or the fold, by the registry
of that input.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from ledger.message import Wording
from ledger.regulation.acts.json_shape import parse_time
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.state import Entry
from ledger.regulation.registry.calendar import deadline
from ledger.regulation.registry.lines import KEEPER
from ledger.regulation.registry.rules import UNIT_WORDS
from ledger.regulation.words import vocabulary

SHORTEST_REASON = 20
"""Characters below which a text is no reason (PROPORTIONALITY_NOTE, HARM_SHOWN)."""


def filled(value: object) -> bool:
    """Whether a text is there and not blank."""
    return isinstance(value, str) and bool(value.strip())


def day_of(value: object) -> date | None:
    """A date of the facts, None where it is missing."""
    return date.fromisoformat(value) if isinstance(value, str) else None


def time_of(value: object) -> datetime | None:
    """A time of the facts, None where it is missing."""
    return parse_time(value) if isinstance(value, str) else None


def fmt_day(day: date) -> str:
    """A day as an officer reads it, 05/03/2025."""
    return day.strftime("%d/%m/%Y")


def objects(value: object) -> list[Mapping[str, Any]]:
    """The objects of a list among the facts; empty where the list is missing."""
    return [v for v in value if isinstance(v, Mapping)] if isinstance(value, (list, tuple)) else []


def texts(value: object) -> list[str]:
    """The texts of a list among the facts; empty where the list is missing."""
    return [v for v in value if isinstance(v, str)] if isinstance(value, (list, tuple)) else []


# -- persons ------------------------------------------------------------------------------------


def no_registrar(q: GuardInput) -> int | None:
    """Place of the first signer who does not keep the registry on that day; None: all do."""
    for n, signer in enumerate(q.act.signers):
        agency = agency_of(q, signer.officer, signer.post)
        if agency is None or KEEPER not in q.registry.powers(
            signer.officer, agency, signer.post, q.day
        ):
            return n
    return None


def named_as(q: GuardInput, *roles: str) -> tuple[str, ...]:
    """Officers the act names as signers in these roles (in any, where none is given)."""
    return tuple(s.officer for s in q.act.signers if not roles or s.role in roles)


def share_a_person(q: GuardInput, some: Iterable[str], others: Iterable[str]) -> bool:
    """Whether one natural person stands on both sides, by the registry's links."""
    right = tuple(others)
    return any(a == b or q.registry.same_person(a, b) for a in some for b in right)


def signed_in_stream(q: GuardInput, *roles: str) -> tuple[str, ...]:
    """Officers who signed an effective act of the stream in one of these roles, or in any."""
    return tuple(o for e in q.stream.effective() for o in e.signed_by(*roles))


def agency_of(q: GuardInput, officer: str, post: str) -> str | None:
    """The agency where a signer holds the post that day: the author's, else the appointing one."""
    if q.registry.appointment(officer, q.act.agency, post, q.day) is not None:
        return q.act.agency
    held = q.registry.appointments(officer, q.day)
    return next((a.agency for a in held if a.post == post), None)


def founding(q: GuardInput) -> bool:
    """Whether the founder signs alone (REGISTRY_FOUNDING), on the day of the act and today.

    An act dated back does not open the founding again once it has ended.
    """
    return q.registry.founding(q.day) and q.registry.founding(q.day_taken)


# -- agencies -----------------------------------------------------------------------------------


def inherited(q: GuardInput, agency: str, since: date) -> set[str]:
    """Who holds, on the day of the act, what an agency held before: itself or its successors."""
    held = q.registry.functions_of(agency, since)
    heirs = {q.registry.successor(agency, f, q.day) for f in held}
    return {agency} | {h for h in heirs if h is not None}


# -- terms --------------------------------------------------------------------------------------


def term_end(q: GuardInput, code: str, start: datetime) -> datetime | None:
    """The last moment a rule in force that day gives after `start`; None where it gives none."""
    rule = q.registry.rule(code, q.day)
    if rule is None or not isinstance(rule.value, int):
        return None
    return deadline(start, rule.value, rule.unit, q.registry.calendar)


def within(q: GuardInput, code: str, start: datetime, moment: datetime) -> bool:
    """Whether a moment lies after `start` and inside the limit in force that day."""
    end = term_end(q, code, start)
    return start < moment and (end is None or moment <= end)


def limit_words(q: GuardInput, code: str) -> dict[str, str]:
    """A limit as an officer reads it, e.g. `24 giờ` and `24 hours`."""
    rule = q.registry.rule(code, q.day)
    if rule is None:
        return {"limit": "—"}
    unit = UNIT_WORDS.get(rule.unit, Wording(rule.unit, rule.unit))
    return {"limit": f"{rule.value} {unit.vi}", "limit_en": f"{rule.value} {unit.en}"}


# -- findings -----------------------------------------------------------------------------------

SUPPORTS_NOTHING = frozenset({"UNVERIFIABLE", "OPINION_NOT_FACT", "TRUE_NO_BREACH", "OUT_OF_SCOPE"})


def finding_words(finding: Entry | None) -> dict[str, str]:
    """A finding as an officer reads it, and its code in English."""
    code = str(finding.act.facts.get("finding")) if finding is not None else "—"
    return named("finding", "findings", code)


def named(word: str, table: str, code: str) -> dict[str, str]:
    """A code as an officer reads it, for the word of a guard's sentence and its English."""
    found = vocabulary(table).get(code, Wording(code, code))
    return {word: found.vi, f"{word}_en": found.en}


def limbs_met(finding: Entry) -> frozenset[str]:
    """Limbs of 3.3 that a finding holds to be met."""
    limbs = objects(finding.act.facts.get("limbs"))
    return frozenset(str(x.get("limb")) for x in limbs if x.get("result") == "MET")


def supports(finding: Entry) -> bool:
    """Whether a finding carries a measure: a limb is met, or another law broken and named (3.3)."""
    code = finding.act.facts.get("finding")
    if code in SUPPORTS_NOTHING:
        return False
    if code == "TRUE_BUT_BREACH":
        return bool(objects(finding.act.facts.get("other_law")))
    return bool(limbs_met(finding))


def strings(value: Any, pointer: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - JSON
    """Every string of a payload with its pointer."""
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, Mapping):
        for name, member in value.items():
            yield from strings(member, f"{pointer}/{name}")
    elif isinstance(value, (list, tuple)):
        for n, member in enumerate(value):
            yield from strings(member, f"{pointer}/{n}")
