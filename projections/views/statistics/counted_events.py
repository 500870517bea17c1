"""Marks: what an overseer counts in one case, read from its fold.

Pure. `statistics.py` stores them, `indicators.py` says what is counted by them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from ledger.regulation.acts.catalogue import catalogue_of
from ledger.regulation.acts.lifecycle import ENDED
from ledger.regulation.case.corrections import COMPLETED
from ledger.regulation.case.roles import CASE_ROLES, INCOMING
from ledger.regulation.case.state import RESULTS, Entry, StreamState
from ledger.regulation.registry.registry import Registry

#: Flags that are counted as they were raised.
COUNTED_FLAGS: Final = (
    "BASIS_MISSING",
    "MEASURE_BEFORE_VERIFICATION",
    "SAME_DECIDER",
    "NO_EXPLANATION_HEARD",
)
#: Corrections that say no error was made.
_NO_ERROR: Final = frozenset({"WRITTEN_CONFIRMATION", "STUB_OPENED", COMPLETED})
#: Codes of `who` that any agency may come to hold.
_OF_CASE: Final = CASE_ROLES | {"ANY_AGENCY", "KEY_HOLDER"}
#: States in which a measure, or a take-down, still holds; what has lapsed says so by its end.
_RESTRICTS: Final[Mapping[str, Collection[str]]] = {
    "measure": ("TAKEN", "CONFIRMED", "NARROWED"),
    "takedown": ("EXECUTED", "RESTORATION_ASKED"),
}
_NO_VIOLATION: Final = frozenset({"NO_VIOLATION", "INSUFFICIENT_BASIS"})


@dataclass(frozen=True, slots=True)
class CountedEvent:
    """One thing an overseer counts; `until` where it only counts once that instant has passed.

    What still is (`holds`) counts until that instant.
    """

    code: str
    entry: Entry
    basis: str | None = None
    until: datetime | None = None
    holds: bool = False

    @property
    def row(self) -> tuple[Any, ...]:
        """Columns behind `n`."""
        act = self.entry.act
        return (
            self.code,
            UUID(act.act_id),
            act.day,
            act.agency,
            self.basis,
            self.until,
            self.holds,
        )


def counted_events_of(
    stream: StreamState, flags: Iterable[tuple[str, str]], registry: Registry
) -> list[CountedEvent]:
    """The marks of one case, sorted."""
    found = list(_marks(stream, registry))
    for code, act_id in set(flags):
        entry = stream.get(act_id)
        if entry is not None:
            found.append(CountedEvent(code, entry))
    return sorted(found, key=lambda m: (m.code, m.entry.number))


def _marks(stream: StreamState, registry: Registry) -> Iterator[CountedEvent]:
    for entry in stream.effective():
        yield from _mark_of(entry, stream)
        if _without_function(entry, registry):
            yield CountedEvent("NO_FUNCTION", entry)
    yield from _measure_marks(stream, registry)
    yield from _open_marks(stream)
    closed = closing(stream)
    if stream.outcome in _NO_VIOLATION and closed is not None:
        yield CountedEvent("NO_VIOLATION", closed)


def closing(stream: StreamState) -> Entry | None:
    """The act that closed a case which is closed."""
    return stream.last("CaseClosed") if stream.state in ENDED else None


def _measure_marks(stream: StreamState, registry: Registry) -> Iterator[CountedEvent]:
    """A measure has lapsed once its review date has passed; until then it may lack a finding."""
    for sub in (*stream.subs_in("measure"), *stream.subs_in("takedown")):
        lapse = stream.lapse(sub, registry)
        end = None if lapse is None else lapse[0]
        if end is not None:
            yield CountedEvent("MEASURE_LAPSED", sub.opened_by, until=end)
        if stream.finding is None and sub.state in _RESTRICTS[sub.name]:
            yield CountedEvent("MEASURE_NO_FINDING", sub.opened_by, until=end, holds=True)


def _open_marks(stream: StreamState) -> Iterator[CountedEvent]:
    """Marks of what nobody has answered yet."""
    for sub in stream.subs_in("referral", "SENT"):
        yield CountedEvent("REFERRAL_NOT_ACCEPTED", sub.opened_by)
    for sub in stream.subs_in("takedown", "PROPOSED"):
        yield CountedEvent("PROPOSAL_UNANSWERED", sub.opened_by)
    for sub in stream.subs_in("expertise", "COUNCIL_PROPOSED"):
        yield CountedEvent("PROPOSAL_UNANSWERED", sub.moves[-1][0])
    if stream.state == "ESCALATED":
        last = stream.last("ProposalSubmitted")
        if last is not None:
            yield CountedEvent("PROPOSAL_UNANSWERED", last)


def _mark_of(entry: Entry, stream: StreamState) -> Iterator[CountedEvent]:
    act = entry.act
    if act.act == "CorrectionPublished" or (
        act.act == "RecordCorrected" and act.facts.get("mark") not in _NO_ERROR
    ):
        yield CountedEvent("CORRECTION", entry)
    if act.late_reason is not None:
        yield CountedEvent("LATE_ENTRY", entry)
    if _overturns(entry):
        yield CountedEvent("OVERTURNED", entry, basis=_ground(entry, stream))
    if act.act == "ReferralReturned":
        yield CountedEvent("REFERRAL_RETURNED", entry)


def _overturns(entry: Entry) -> bool:
    """A review that overturned, or an annulment that no review decided."""
    act = entry.act
    if act.act == "ReviewDecided":
        return act.disposition == "overturned"
    annulled = act.act == "SanctionAnnulled" and act.facts.get("kind") == "ANNULLED"
    return annulled and act.facts.get("ground") != "REVIEW"


def _ground(entry: Entry, stream: StreamState) -> str | None:
    """The ground of the decision that fell: of acts overturned by name, else of the sanction.

    Without either it is that of the last decision before.
    """
    for decided in (*_named(entry, stream), *reversed(_before(entry, stream))):
        for basis in decided.act.basis:
            if basis.role == "SUBSTANCE":
                return f"{basis.instrument} {basis.article}"
    return None


def _named(entry: Entry, stream: StreamState) -> list[Entry]:
    facts = entry.act.facts
    found = [stream.get(i) for i in facts.get("acts_overturned", ())]
    sanction = facts.get("sanction")
    if sanction is not None:
        decided = stream.effective("SanctionDecided")
        found += [e for e in decided if e.act.facts.get("sanction") == sanction]
    return [e for e in found if e is not None]


def _before(entry: Entry, stream: StreamState) -> list[Entry]:
    decisions = stream.effective("HandlingDecided", "SanctionDecided", *RESULTS)
    return [e for e in decisions if e.number < entry.number]


def _without_function(entry: Entry, registry: Registry) -> bool:
    """Whether the registry, as it stands, gives the author's agency no such function that day.

    The door asked the registry as it stood then; a line that was recorded late shows here. Roles
    that come from the acts of a case are not asked again.
    """
    act, day = entry.act, entry.act.day
    if not registry.exists(act.agency, day):
        return True
    kind = catalogue_of(entry.edition).types.get(act.act)
    if kind is None or act.act.endswith(INCOMING) or _OF_CASE & set(kind.who):
        return False
    return not any(
        registry.holds_code(code, act.agency, act.post, act.author.officer, day)
        for code in kind.who
    )
