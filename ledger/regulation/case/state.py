"""The fold of one stream: what stands, what is pending.

Which state the case is in and which sub-processes run. One pure function, `fold(statements) ->
StreamState`, for every kind of stream (architecture.md §5). It judges nothing: what it is given has
been taken by the log, and what decides whether it may be taken is `decide.py`. Acts of signature
class 2 and 3 move nothing until their last signer has signed (formats.md §3).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final, Literal

from keys import canonical
from ledger.regulation.acts.act import Act, NamedSigner, stream_kind
from ledger.regulation.acts.catalogue import catalogue_of
from ledger.regulation.acts.lifecycle import OPEN_STATES, STAYS, SubMove, life_cycle_of
from ledger.regulation.case.corrections import corrected
from ledger.regulation.case.registers import Number, signed_number
from ledger.regulation.edition import Edition
from ledger.regulation.registry.clock_terms import term
from ledger.regulation.registry.registry import Registry
from ledger.values import frozen_value

Status = Literal["pending", "effective", "returned"]

VOIDING: Final = "RecordVoided"
"""The act that names a record set aside: two registrars put it out of the way (formats.md §3)."""
SEALING: Final = "ReporterIdentitySealed"
"""The act that says where in R a reporter's identity lies."""
RECOVERING: Final = "LogRecovered"
"""The act by which a log goes on after a loss, behind what is set aside too (formats.md §7)."""
WITHDRAWAL: Final = "ActWithdrawn"
"""The act by which an author takes back what waits."""
CLOSING: Final = "CaseClosed"
"""The act that ends a case, and what it names of what waits there."""
ERASURE: Final = "RecordErased"
"""The act that names a record whose content is destroyed."""
NOTHING: Final = canonical.b64(hashlib.sha256(b"").digest())
"""What `prev` names behind a first record that is set aside: nothing stands before it."""
INTAKE = ("ReportReceived", "DetectionRecorded", "ExternalRequestReceived")
#: States that a result has been reached in, and those in which it no longer stands when a case
#: comes back to them.
AFTER_RESULT = frozenset({"RESULT_RECORDED", "CLOSED", "UNDER_REVIEW", "ARCHIVED"})
BEFORE_RESULT = frozenset({"SCREENING", "VERIFYING", "ASSESSING"})
RESULTS = ("ResultDetermined", "ReferredResultReceived", "CriminalResultReceived", "ReviewDecided")


@frozen_value(frozen=True, slots=True)
class Signed:
    """One statement as the fold sees it.

    Attributes:
        act: The payload.
        officer: The officer who signed.
        role: Role of the protected header.
        kid: Thumbprint of the key.
        iat: When the signer says it signed, seconds since 1970.
        seq: Position in the stream, from 1.
        digest: b64 SHA-256 of the statement's compact form (formats.md §3).
        edition: The rules in force where it stands: by these it moves its stream, for ever.
        index: Leaf index in the log, None while it is not yet recorded.
        recorded_at: When the ledger took it, None while it is not yet recorded.
    """

    act: Act
    officer: str
    role: str
    kid: str
    iat: int
    seq: int
    digest: str
    edition: Edition
    index: int | None = None
    recorded_at: datetime | None = None


@dataclass(slots=True)
class Moved:
    """One move of a sub-process by an act: `before` is None where the act opened it."""

    sub: SubProcess
    before: str | None
    after: str


@dataclass(slots=True)
class Entry:
    """One act with the statements signed so far.

    Attributes:
        act: The payload, with what corrections have put right in it since; `signed` and the
            statements have it as it was signed.
        signed: Statements in order, the author's first.
        status: `pending`, `effective` or `returned`.
        effect: The statement that made it effective.
        state_before: State of the stream before it took effect.
        state_after: State after it took effect.
        moved: What it did to sub-processes.
        number: Position among the acts of the stream by first statement, from 1.
        returned_by: The act that ended it: ActReturned, ActWithdrawn, or CaseClosed that names it.
        named: Whether it seems to name a person, once that was asked (`suspected_names`).
        given: The number that the ledger gives it, where whoever folds knows the whole log.
    """

    act: Act
    signed: list[Signed]
    status: Status
    number: int
    effect: Signed | None = None
    state_before: str | None = None
    state_after: str | None = None
    moved: list[Moved] = field(default_factory=list)
    returned_by: Entry | None = None
    named: bool | None = None
    given: Number | None = None

    @property
    def register_number(self) -> str | None:
        """The number that it says of itself, else the one that it was given; None: it has none."""
        signed = signed_number(self.act)
        return signed or (None if self.given is None else str(self.given))

    @property
    def signers_done(self) -> tuple[NamedSigner, ...]:
        """Signers of the payload who have signed, in order."""
        return self.act.signers[: len(self.signed)]

    @property
    def waiting_for(self) -> tuple[NamedSigner, ...]:
        """Signers who still have to sign, in order; empty unless the act is pending."""
        return self.act.signers[len(self.signed) :] if self.status == "pending" else ()

    @property
    def edition(self) -> Edition:
        """The rules by which it took effect; while it waits, those of its last statement."""
        return (self.effect or self.signed[-1]).edition

    def signed_by(self, *roles: str) -> tuple[str, ...]:
        """Officers who signed in one of these roles (in any, where none is named)."""
        return tuple(s.officer for s in self.signed if not roles or s.role in roles)


@dataclass(slots=True)
class SubProcess:
    """A sub-process of the case; its id is the act_id of the act that opened it.

    `state` is the last recorded one; what time does to it is asked of `StreamState.sub_state`.
    """

    name: str
    id: str
    state: str
    opened_by: Entry
    moves: list[tuple[Entry, str]]


_ASIDE_PER_STATEMENT: Final = 16
"""Records set aside that weigh as much as one that stands: about 200 bytes each against 3.5 KiB."""


class StreamState:
    """The fold of one stream, changed only by `apply`.

    Attributes:
        name: Stream name (formats.md §2), `case/<uuid>` ….
        kind: `case`, `agency`, `officer`, `programme` or `ledger`.
        seq: Statements so far.
        head: b64 digest of the last statement, None at the start.
        entries: act_id to entry, in the order of the authors' statements.
        pending: The entries that wait for a signer.
        state: Main state of a case, None before intake and in other streams.
        state_since: The entry that brought the present state.
        subs: Sub-processes by id, in the order they were opened; one act opens at most one.
        handler_raw: The agency as CaseRegistered or the last custody transfer names it.
        outcome: Outcome by the last result or review.
        result: The act that gave it.
        finding: The VerificationConcluded that is not superseded.
        intake: Intake acts of the case, in order of effect.
        order: Effective acts in the order they took effect; ask `effective`.
        by_type: The same by type.
        corrections: Effective acts by the act they correct; ask `corrected_by`.
        latest: The last instant that any act of it is dated; None at the start.
        aside: Entry in b64, by index, of each record set aside that no act has voided yet.
        supposed: Whether more stood in it, which is erased and nobody can tell (`Stream.suppose`).
    """

    __slots__ = (
        "aside",
        "by_type",
        "corrections",
        "entries",
        "finding",
        "handler_raw",
        "head",
        "intake",
        "kind",
        "latest",
        "name",
        "order",
        "outcome",
        "pending",
        "result",
        "seq",
        "state",
        "state_since",
        "subs",
        "supposed",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.kind = stream_kind(name)
        self.seq = 0
        self.head: str | None = None
        self.entries: dict[str, Entry] = {}
        self.pending: dict[str, Entry] = {}
        self.state: str | None = None
        self.state_since: Entry | None = None
        self.subs: dict[str, SubProcess] = {}
        self.handler_raw: str | None = None
        self.outcome: str | None = None
        self.result: Entry | None = None
        self.finding: Entry | None = None
        self.intake: list[Entry] = []
        self.order: list[Entry] = []
        self.by_type: dict[str, list[Entry]] = {}
        self.corrections: dict[str, list[Entry]] = {}
        self.latest: datetime | None = None
        self.aside: dict[int, str] = {}
        self.supposed = False

    @property
    def weight(self) -> int:
        """What it takes of memory, in statements that stand; an empty stream weighs one.

        Of a record set aside an entry in a map is left, so that junk in many streams does not
        drive all of them out, to be folded again from the first record for each that comes.
        """
        aside = len(self.aside)
        return 1 + self.seq - aside + aside // _ASIDE_PER_STATEMENT

    # -- what stands ------------------------------------------------------------------------------

    def effective(self, *types: str) -> Sequence[Entry]:
        """Effective acts of these types (of any, where none is named) as they took effect."""
        if not types:
            return self.order
        if len(types) == 1:
            return self.by_type.get(types[0], ())
        wanted = frozenset(types)
        return [e for e in self.order if e.act.act in wanted]

    def last(self, *types: str) -> Entry | None:
        """The effective act of these types that took effect last."""
        found = self.effective(*types)
        return found[-1] if found else None

    def get(self, act_id: str, *types: str) -> Entry | None:
        """The effective act of this id, if it is of one of these types; none named means any."""
        entry = self.entries.get(act_id)
        if entry is None or entry.status != "effective":
            return None
        return entry if not types or entry.act.act in types else None

    def corrected_by(self, act_id: str) -> Sequence[Entry]:
        """Effective acts whose `corrects` names this one, in order."""
        return self.corrections.get(act_id, ())

    # -- sub-processes ----------------------------------------------------------------------------

    def sub(self, name: str, act_id: str) -> SubProcess | None:
        """The sub-process of this kind that the act opened."""
        found = self.subs.get(act_id)
        return found if found is not None and found.name == name else None

    def subs_in(self, name: str, *states: str) -> list[SubProcess]:
        """Sub-processes of this kind in the recorded states named; none named means any."""
        return [
            s for s in self.subs.values() if s.name == name and (not states or s.state in states)
        ]

    def sub_state(self, sub: SubProcess, at: datetime, registry: Registry) -> str:
        """State of a sub-process at an instant, with what time has done to it.

        life_cycle.json, notes: a measure that was taken lapses when its review date has passed with
        no act dated before it that stops the clock.
        """
        lapse = self.lapse(sub, registry)
        return lapse[1] if lapse is not None and at > lapse[0] else sub.state

    def lapse(self, sub: SubProcess, registry: Registry) -> tuple[datetime, str] | None:
        """The last instant of a sub-process in its state, and the state behind it; None: no end."""
        timed = life_cycle_of(sub.moves[-1][0].edition).timed.get((sub.name, sub.state), ())
        ends = ((_end_of(clock, sub, registry), target) for clock, target in timed)
        return min(((end, target) for end, target in ends if end is not None), default=None)

    def open_subs(self, at: datetime, registry: Registry) -> list[tuple[SubProcess, str]]:
        """Sub-processes in which somebody has to act, with their state at that instant."""
        found = [(s, self.sub_state(s, at, registry)) for s in self.subs.values()]
        return [(s, state) for s, state in found if state in OPEN_STATES[s.name]]

    def signed_instead(self, act_id: str, stand_in: Mapping[str, str]) -> StreamState:
        """The stream as it would be if a pending act named somebody else whose turn it is.

        A copy that shares all else, to be read and not to be added to; itself where nothing waits.
        """
        entry = self.pending.get(act_id)
        if entry is None:
            return self
        return self.with_pending(entry.act.signed_instead(len(entry.signed), stand_in))

    def with_pending(self, act: Act) -> StreamState:
        """The stream as it would be if a pending act were as given: a copy, only to be read."""
        named = replace(self.pending[act.act_id], act=act)
        other = StreamState(self.name)
        for slot in self.__slots__:
            setattr(other, slot, getattr(self, slot))
        other.entries = {**self.entries, act.act_id: named}
        other.pending = {**self.pending, act.act_id: named}
        return other

    # -- who holds it -----------------------------------------------------------------------------

    @property
    def opened_on(self) -> date | None:
        """The day on which the case was taken in; None: not yet."""
        return self.intake[0].act.day if self.intake else None

    def handler(self, registry: Registry, day: date) -> str | None:
        """The agency that holds the case on a day: registered, then custody, then succession.

        acts.json, HANDLER.
        """
        return None if self.handler_raw is None else present_agency(registry, self.handler_raw, day)

    def finders(self, registry: Registry, day: date) -> frozenset[str]:
        """Agencies that wrote an intake act, each as it is called on that day (FINDER)."""
        return frozenset(present_agency(registry, e.act.agency, day) for e in self.intake)


def _end_of(clock: str, sub: SubProcess, registry: Registry) -> datetime | None:
    """When a clock of a sub-process runs out, as the acts that moved it start and stop it."""
    end: datetime | None = None
    for entry, _ in sub.moves:
        kind = catalogue_of(entry.edition).types.get(entry.act.act)
        if kind is None:
            continue
        if clock in kind.stops:
            end = None
        if clock in kind.starts:
            begun = term(clock, entry.act, registry)
            end = None if begun is None else begun.due
    return end


def awaited(state: StreamState, act: Act) -> tuple[NamedSigner, ...]:
    """Who signs an act from here on, in order: whose turn it is comes first; empty after the last.

    The one answer to whose turn it is, for the door, guards, folds, drafts and worklists; only
    `ledger/audit/chain.py` asks by its own code, on purpose.
    """
    entry = state.entries.get(act.act_id)
    return act.signers if entry is None else entry.waiting_for


def present_agency(registry: Registry, agency: str, day: date) -> str:
    """Who stands for an agency on a day: itself, or who carries on for it (law.md §13)."""
    return registry.heir(agency, day) or agency


def apply(state: StreamState, signed: Signed) -> Entry:
    """Adds one statement to the fold and returns its act's entry.

    Raises:
        ValueError: the statement does not continue the stream; the log took what this fold cannot
            explain.
    """
    if signed.seq != state.seq + 1:
        raise ValueError(f"{state.name}: statement {signed.seq} after {state.seq}")
    entry = state.entries.get(signed.act.act_id)
    if entry is None:
        entry = Entry(signed.act, [signed], "pending", len(state.entries) + 1)
        state.entries[signed.act.act_id] = entry
        state.pending[signed.act.act_id] = entry
        if state.latest is None or signed.act.occurred_at > state.latest:
            state.latest = signed.act.occurred_at
    else:
        entry.act = signed.act  # with whoever signed instead of somebody it names
        entry.signed.append(signed)
    state.seq = signed.seq
    state.head = signed.digest
    if len(entry.signed) == len(entry.act.signers):
        _take_effect(state, entry, signed)
    return entry


def pass_over(
    state: StreamState, seq: int, digest: str | None, aside: tuple[int, str] | None = None
) -> None:
    """A position without an act is counted and moves nothing.

    Args:
        state: The fold of the stream.
        seq: The position, which is the next one.
        digest: What the next `prev` names, in b64; None: the last statement that stands.
        aside: Index and entry in b64, where the record here is set aside.
    """
    state.seq = seq
    state.head = digest or state.head or NOTHING
    if aside is not None:
        state.aside[aside[0]] = aside[1]


def fold(name: str, statements: Iterable[Signed]) -> StreamState:
    """The state of a stream after these statements, in order."""
    state = StreamState(name)
    for signed in statements:
        apply(state, signed)
    return state


def _take_effect(state: StreamState, entry: Entry, signed: Signed) -> None:
    act = entry.act
    state.pending.pop(act.act_id, None)
    entry.status = "effective"
    entry.effect = signed
    state.order.append(entry)
    state.by_type.setdefault(act.act, []).append(entry)
    if act.corrects is not None:
        state.corrections.setdefault(act.corrects, []).append(entry)
        _correct(state, entry)
    if act.act in ("ActReturned", WITHDRAWAL) and act.refers_to is not None:
        _return(state, act.refers_to, entry)
    elif act.act == CLOSING:
        for named in act.facts.get("pending", ()):
            _return(state, named, entry)
    elif act.act == VOIDING:
        for named in act.facts.get("entries", ()):
            state.aside.pop(named.get("index"), None)
    entry.state_before = state.state
    if state.kind == "case":
        _move_case(state, entry)
    entry.state_after = state.state


def _correct(state: StreamState, by: Entry) -> None:
    """From here on everybody who asks the act that is corrected hears what is right."""
    target = state.get(by.act.corrects or "")
    made = None if target is None else corrected(target.act, by.act, by.edition)
    if target is not None and made is not None:
        target.act, target.named = made, None


def _return(state: StreamState, act_id: str, by: Entry) -> None:
    dead = state.pending.pop(act_id, None)
    if dead is not None:
        dead.status = "returned"
        dead.returned_by = by


def _move_case(state: StreamState, entry: Entry) -> None:
    act, cycle = entry.act, life_cycle_of(entry.edition)
    legal, target = cycle.next_state(act.act, act.disposition, state.state)
    if legal and act.act in cycle.moving:
        if target != state.state:
            state.state_since = entry
        state.state = target
    for move in cycle.sub_moves.get(act.act, ()):
        _move_sub(state, entry, move)
    _note(state, entry)


def _move_sub(state: StreamState, entry: Entry, move: SubMove) -> None:
    act = entry.act
    target = move.to(act.facts)
    ids = move.ids(act.facts)
    if target is None:
        return
    if not ids:
        opened = life_cycle_of(entry.edition).opens(move.name, act.act)
        if opened is not None and opened == target:
            sub = SubProcess(move.name, act.act_id, target, entry, [(entry, target)])
            state.subs[act.act_id] = sub
            entry.moved.append(Moved(sub, None, target))
        return
    for named in ids:
        found = state.sub(move.name, named)
        if found is None:
            continue
        before = found.state
        found.state = before if target == STAYS else target
        found.moves.append((entry, found.state))
        entry.moved.append(Moved(found, before, found.state))


def _note(state: StreamState, entry: Entry) -> None:
    """What the fold keeps at hand because guards and views ask for it all the time."""
    act = entry.act
    if act.act in INTAKE:
        state.intake.append(entry)
    elif act.act == "CaseRegistered":
        state.handler_raw = act.facts.get("handling_agency")
    elif act.act == "CaseCustodyTransferred":
        state.handler_raw = act.facts.get("to_agency")
    elif act.act == "VerificationConcluded":
        state.finding = entry
    elif act.act in RESULTS:
        _note_result(state, entry)
    elif act.act == "CaseClosed" and state.outcome is None:
        # Straight from screening there is no result: the reason is the outcome (OUT_OF_SCOPE,
        # DUPLICATE).
        state.outcome = act.facts.get("reason")
    if entry.state_before in AFTER_RESULT and state.state in BEFORE_RESULT:
        state.outcome = None
        state.result = None


#: Outcome of a case whose criminal referral ended it (regulation.md §6; facts.outcome of
#: ResultDetermined).
CRIMINAL_OUTCOME = "CRIMINAL_REFERRED"


def _note_result(state: StreamState, entry: Entry) -> None:
    act = entry.act
    outcome: str | None = None
    if act.act == "ResultDetermined":
        outcome = act.facts.get("outcome")
    elif act.act == "ReferredResultReceived" and act.disposition == "whole":
        outcome = "REFERRED_RESULT"
    elif act.act == "CriminalResultReceived" and act.disposition == "final":
        outcome = CRIMINAL_OUTCOME
    elif act.act == "ReviewDecided":
        outcome = _reviewed(state, entry)
        if outcome is None:
            return
    else:
        return
    state.outcome = outcome
    state.result = entry


def _reviewed(state: StreamState, entry: Entry) -> str | None:
    if entry.act.disposition in ("remanded", "resumed"):
        return None
    stated = entry.act.facts.get("outcome")
    if entry.act.disposition == "overturned":
        return str(stated or "OVERTURNED")
    return str(stated) if stated else state.outcome
