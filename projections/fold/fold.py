"""The fold every view shares: streams, registry and reports after each record, in flat memory.

Streams least lately used are forgotten and folded again from their records when they come up
(architecture.md §5). The fold writes nothing. What changes the registry it believes as every
process does (`ledger.write.registry_follower`). Of all else it asks who signed it, and what costs
little beside that: form, place, turn, class. What it cannot explain, it doubts, and has the stream
judged in full, each record at its index: what the rules refuse is set aside and moves nothing
(formats.md §3).
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final, Protocol
from uuid import UUID

from keys import canonical
from ledger.errors import VerificationError
from ledger.ports import StoredRecord
from ledger.regulation.acts.act import Act
from ledger.regulation.case.guard_input import DecisionContext
from ledger.regulation.case.other_cases_port import REPORTS, report_of
from ledger.regulation.case.registers import KINDS, Number, Register, Registers, register_of
from ledger.regulation.case.state import ERASURE, Entry, Signed, StreamState, apply, awaited
from ledger.regulation.case.state import pass_over as pass_position
from ledger.regulation.decide import raised
from ledger.regulation.edition import Edition
from ledger.regulation.registry.lines import REGISTRY_ACTS
from ledger.regulation.registry.registry import Registry
from ledger.streams.event import SetAside
from ledger.streams.names import stream_id
from ledger.streams.record_reader import NONSENSE, Opened
from ledger.streams.stream import signed_by_turn
from ledger.write.registry_follower import FollowedAct
from projections.fold.reports import Reports
from projections.fold.shard import ALL_SHARDS, CASE, NOBODY, Shard
from projections.fold.statement_check import UNEXPLAINED, Form, orphaned
from projections.fold.step import Status, Step

MOST_STATEMENTS: Final = 20_000
"""Statements kept in memory over all streams; a case of thirty acts weighs about 100 KiB."""
BATCH: Final = 500
END: Final = 2**62
"""Behind every record."""


class Log(Protocol):
    """The records, opened, as the projector reads them."""

    def read(self, start: int, limit: int) -> Sequence[Opened]:
        """Records `start` …, opened. Raises: VerificationError."""

    def stream(self, stream_id: UUID) -> Iterator[Opened]:
        """Records of one stream in order, opened as they are asked for.

        Raises: VerificationError.
        """

    def registry(self) -> Iterable[FollowedAct]:
        """Every act by which the registry changed, in index order. Raises: VerificationError."""

    def stands(self, index: int) -> bool:
        """Whether the registry changed by this record. Raises: VerificationError."""

    def judged(self, stream: str, before: int) -> dict[int, SetAside | None]:
        """Records of a stream before an index at least, in order, each with why it is set aside.

        Ends at an erased record: what stands behind it nobody can tell from the log.
        """

    def aside(self, row: StoredRecord) -> SetAside | None:
        """Why the rules refuse a record; None where they do not, or nobody can tell."""

    def refused(self, stream: str, before: int) -> Sequence[int]:
        """Of these the ones that are set aside, in order."""

    def doubted(self) -> Collection[int]:
        """Records that were set aside when somebody folded them: to be judged in full."""

    def effective(self, acts: Collection[str], upto: int) -> Iterable[Opened]:
        """Records up to an index that made an act of these types effective, in index order.

        Asked for reports of article 9 and erasures (the timeline's index has these).
        """

    def registered(self, upto: int) -> Iterable[tuple[int, Register]]:
        """Records up to an index that are entered in a register, those since erased too."""

    def kept(self) -> Mapping[int, Register]:
        """Erased records that an act of erasure says were entered in a register, by index."""


class Fold:
    """All streams of a log after record `position`.

    Args:
        log: Where records come from.
        origin: Origin of the log.
        level: Its level.
        position: Last record already folded, -1 for none: registry, reports and erasures are
            known up to there, streams when they are asked for.
        share: Which streams' records will come by.
        flags: Whether a view asks what flags are raised; if not, none is.
        lean: Whether its views ask nothing of a stream by a record that does not open: then such a
            record has no stream folded that is not in memory, and costs next to nothing.
        form: What it asks of a record; of folds that go through the same records one and the same.
    """

    def __init__(  # noqa: PLR0913 - the log, its name and six choices
        self,
        log: Log,
        origin: str,
        level: str,
        position: int = -1,
        share: Shard = ALL_SHARDS,
        *,
        flags: bool = True,
        lean: bool = False,
        form: Form | None = None,
    ) -> None:
        self._log = log
        self._origin = origin
        self._level = level
        self._share = share
        self._flags = flags
        self._lean = lean
        self._form = form or Form(origin, level)
        self._streams: OrderedDict[int, StreamState] = OrderedDict()  # by the number of the id
        self._weights: dict[int, int] = {}  # of the same, as they were counted
        self._held = 0
        self._forgotten = 0  # statements forgotten so far
        self.position = position
        self.erased: set[int] = set()
        self._holed: set[int] = set()  # numbers of streams with a record that is erased
        self.registry = Registry.founded()
        self.cases = Reports()
        self.registers = Registers()
        self._kept_numbers: Mapping[int, Register] | None = None  # asked where one is erased
        self._doubted = set(log.doubted())
        self._judged_upto: dict[str, int] = {}  # by stream: the last record judged in full
        if position >= 0:
            self._resume()
        # of a part, what is to come as well: it does not see what others fold, and a number is a
        # place among all
        known = position if share.whole else END
        for index, register in log.registered(known) if known >= 0 else ():
            self.registers.enter(register, index)

    def _resume(self) -> None:
        for applied in self._log.registry():
            if applied.index <= self.position:
                applied.to(self.registry)
        for opened in self._log.effective({*REPORTS, ERASURE}, self.position):
            if self._log.judged(opened.stream, opened.index + 1).get(opened.index) is not None:
                continue
            if opened.act is not None and opened.act.act == ERASURE:
                self.erased.update(_named_by(opened.act))
            elif opened.act is not None:
                self.cases.known.append(report_of(opened.act, opened.index))

    def doubt(self, index: int) -> None:
        """Has a record judged in full when it comes by; what came by already is known."""
        if index > self.position:
            self._doubted.add(index)

    def steps(self, batch: Iterable[Opened]) -> Iterator[Step]:
        """Folds records in index order; the registry moves on when the next step is asked for."""
        for opened in batch:
            if self._elsewhere(opened):
                step = self._passing(opened, stands=self._log.stands(opened.index))
            elif self._is_noise(opened):
                step = self._passing(opened, stands=False)
            else:
                step = self._step(opened)
            yield step
            self._settle(step)
            self.position = opened.index

    @property
    def held(self) -> int:
        """Statements of the streams that it keeps, about."""
        return self._held

    def take_forgotten(self) -> int:
        """Statements forgotten since this was last asked."""
        count, self._forgotten = self._forgotten, 0
        return count

    def _step(self, opened: Opened) -> Step:
        try:
            return self._folded(opened)
        except NONSENSE:
            if self._judged_upto.get(opened.stream) == opened.index:
                raise
        # a guard or the fold stumbled over what no door let in: what it is, the rules say
        self._doubted.add(opened.index)
        self._forget(opened.stream_id.int)
        return self._folded(opened)

    def _folded(self, opened: Opened) -> Step:
        if opened.index == 0:
            self._open(opened)
        stream = self._stream(opened)
        taken_back: dict[int, StreamState] = {}
        if self._doubts(opened, stream):
            opened, stream, taken_back = self._judged(opened, stream)
        signed: Signed | None = None
        flags: tuple[str, ...] = ()
        entry: Entry | None = None
        status: Status = "effective"
        if opened.act is None or orphaned(stream, opened):
            status = pass_over(stream, opened)
            if status == "erased":
                self._holed.add(opened.stream_id.int)
        else:
            signed = signed_of(opened, stream, self.registry.edition)
            if self._flags and completes(stream, opened.act):
                flags = self._raised(opened, stream, signed)
            entry = apply(stream, signed)
            status = entry.status
        self._weigh(opened.stream_id.int, stream)
        effect = entry is not None and entry.effect is signed and signed is not None
        renumbered = self._strike(taken_back, stream)
        number = self._enter(opened, entry if effect else None)
        return Step(
            opened=opened,
            stream=stream,
            signed=signed,
            entry=entry,
            status=status,
            effect=effect,
            flags=flags,
            registry=self.registry,
            cases=self.cases,
            erases=self._erases(entry) if effect and entry is not None else {},
            taken_back=taken_back,
            number=number,
            renumbered=renumbered,
            share=self._share,
            load=partial(self._named, before=opened.index + 1),
            comp=partial(stream_id, self._origin),
            level=self._level,
        )

    def _elsewhere(self, opened: Opened) -> bool:
        """Whether a record is of a case that another process folds."""
        return opened.stream.startswith(CASE) and not self._share.owns(opened.stream)

    def _is_noise(self, opened: Opened) -> bool:
        """Whether a record that does not open is all that anybody asks of."""
        return (
            self._lean
            and opened.aside is not None
            and opened.index > 0
            and opened.stream_id.int not in self._streams
        )

    def _passing(self, opened: Opened, *, stands: bool) -> Step:
        """A record for which no stream is folded: noise, or of another's case.

        What comes by of another's case changes the registry and does no more; of that it is known
        already whether it stands.
        """
        if not stands and opened.aside is None:
            opened = opened.put_aside(UNEXPLAINED)
        return Step(
            opened=opened,
            stream=StreamState(opened.stream),
            signed=None,
            entry=None,
            status="effective" if stands else "set_aside",
            effect=False,
            flags=(),
            registry=self.registry,
            cases=self.cases,
            erases={},
            taken_back={},
            share=self._share,
            load=partial(self._named, before=opened.index + 1),
            comp=partial(stream_id, self._origin),
            level=self._level,
        )

    def _open(self, opened: Opened) -> None:
        """Record 0 makes the registry that it is judged by (formats.md §9)."""
        if opened.act is None or not self._log.stands(0):
            raise VerificationError("registry", "record 0 does not open the log", 0)
        self.registry.apply(opened.act, index=0, recorded_at=opened.recorded_at)

    # -- numbers -------------------------------------------------------------------------------

    def _enter(self, opened: Opened, entry: Entry | None) -> Number | None:
        """The number of an act that takes effect; an erased one keeps its place."""
        register = self._kept_number(opened.index) if opened.erased else None
        if entry is not None:
            register = register_of(entry.act, opened.recorded_at)
        if register is None:
            return None
        number = self.registers.enter(register, opened.index)
        if entry is not None:
            entry.given = number
        return number

    def _kept_number(self, index: int) -> Register | None:
        if self._kept_numbers is None:
            self._kept_numbers = self._log.kept()
        return self._kept_numbers.get(index)

    def _strike(self, back: Collection[int], current: StreamState) -> dict[int, StreamState]:
        """Takes records out of their registers; the streams whose numbers are others now.

        What stood by mistake counts no more, so whatever was entered behind it moves up.
        """
        moved: set[int] = set()
        for opened in self._records(back):
            act = opened.act
            register = None if act is None else register_of(act, opened.recorded_at)
            if register is not None:
                moved.update(self.registers.strike(register, opened.index))
        if not moved:
            return {}
        self._given(current)
        # of a part, what has not come by yet is numbered when it does
        moved = {index for index in moved.difference(back) if index <= self.position}
        found: dict[int, StreamState] = {}
        for opened in self._records(moved):
            if opened.stream == current.name:
                found[opened.index] = current
            elif self._share.owns(opened.stream):
                self._forget(opened.stream_id.int)
                found[opened.index] = self._named(opened.stream, self.position + 1)
        return found

    def _records(self, indices: Iterable[int]) -> Iterator[Opened]:
        for index in sorted(indices):
            yield from self._log.read(index, 1)

    def _given(self, stream: StreamState) -> None:
        """The numbers of a stream that was folded from its records."""
        for entry in stream.effective(*KINDS):
            at = entry.effect
            if at is None or at.index is None or at.recorded_at is None:
                continue
            register = register_of(entry.act, at.recorded_at)
            if register is not None:
                entry.given = self.registers.number(register, at.index)

    # -- what stands ---------------------------------------------------------------------------

    def _doubts(self, opened: Opened, stream: StreamState) -> bool:
        """Whether a record is to be judged in full; one that does not open is known already.

        What stands in no case is little, and everybody goes by it: it always is.
        """
        if opened.aside is not None or opened.erased:
            return False
        if stream.kind != "case" or opened.index in self._doubted:
            return True
        if _changes(opened, stream) != opened.registry:
            return True
        if opened.registry and not self._log.stands(opened.index):
            return True
        return not self._form.explains(opened, stream, self.registry)

    def _judged(
        self, opened: Opened, stream: StreamState
    ) -> tuple[Opened, StreamState, dict[int, StreamState]]:
        """A record that was doubted, its stream as the rules have it, and what is taken back.

        Taken back is what was let stand when it came by: the doubt about this record is the first
        sign that it should not have been.
        """
        found = self._log.judged(opened.stream, opened.index + 1)
        back = self._refused_since(opened) - self._doubted
        if back:
            self._doubted |= back
            stream = self._load(opened.stream_id, opened.stream, opened.index)
        if opened.index in found:
            aside = found[opened.index]
        else:  # behind what is erased: form is all that anybody can ask, but of the registry
            stream.head = None
            changes = _changes(opened, stream)
            if opened.registry:
                fits = changes or orphaned(stream, opened)
                stands = fits and self._log.stands(opened.index)
            else:
                stands = not changes and self._form.explains(
                    opened, stream, self.registry, hole=True
                )
            aside = None if stands else UNEXPLAINED
        if aside is None:
            self._doubted.discard(opened.index)
        else:
            self._doubted.add(opened.index)
            opened = opened.put_aside(aside)
        return opened, stream, dict.fromkeys(back, stream)

    def _refused_since(self, opened: Opened) -> set[int]:
        """What is refused between the last record of the stream that was judged here and this."""
        seen = self._judged_upto.get(opened.stream, -1)
        self._judged_upto[opened.stream] = opened.index
        refused = self._log.refused(opened.stream, opened.index)
        return set(refused[bisect_right(refused, seen) :])

    def _raised(self, opened: Opened, stream: StreamState, signed: Signed) -> tuple[str, ...]:
        """Flags of the statement that makes an act effective, by the log that it found.

        Behind what is erased nobody can tell what it found, and none is raised: a measure would be
        said to stand without the finding that was erased.
        """
        if opened.stream_id.int in self._holed:
            return ()
        ground = DecisionContext(
            registry=self.registry,
            origin=self._origin,
            level=self._level,
            log_size=opened.index,
            cases=self.cases,
            at=opened.recorded_at,
        )
        return raised(
            ground.guard_input(
                stream, signed.act, signed.officer,
                kid=signed.kid, iat=signed.iat, role=signed.role,
            )
        )  # fmt: skip

    def _settle(self, step: Step) -> None:
        act, opened = step.opened.act, step.opened
        if act is None or opened.index == 0:
            return
        if opened.registry and self._log.stands(opened.index):
            self.registry.apply(act, index=opened.index, recorded_at=opened.recorded_at)
        if step.effect and act.act in REPORTS:
            self.cases.known.append(report_of(act, opened.index))

    def look_back(self, row: StoredRecord) -> Step | None:
        """A step that takes back what was let stand and the rules refuse; None where they do not.

        Args:
            row: A record that was folded before, of which no guard may have been asked. Only one
                that is refused is opened.
        """
        aside = self._log.aside(row) if row.stream.startswith(CASE) else None
        if aside is None:
            return None
        (opened,) = self._log.read(row.index, 1)
        if opened.statement is None:  # it does not open, or was erased meanwhile
            return None
        behind, back = self.position + 1, {row.index}
        if opened.index not in self._doubted:  # what is built on it does not stand either
            back.update(self._log.refused(opened.stream, behind))
            self._doubted |= back
            self._forget(opened.stream_id.int)
        stream = self._kept(opened.stream_id) or self._load(opened.stream_id, opened.stream, behind)
        return Step(
            opened=opened.put_aside(aside),
            stream=stream,
            signed=None,
            entry=None,
            status="set_aside",
            effect=False,
            flags=(),
            registry=self.registry,
            cases=self.cases,
            erases={},
            taken_back=dict.fromkeys(back, stream),
            renumbered=self._strike(back, stream),
            share=NOBODY,
            load=partial(self._named, before=behind),
            comp=partial(stream_id, self._origin),
            level=self._level,
        )

    # -- erasure -------------------------------------------------------------------------------

    def _erases(self, entry: Entry) -> Mapping[int, StreamState]:
        """The erased records' streams, folded again without them."""
        if entry.act.act != ERASURE:
            return {}
        indices = _named_by(entry.act)
        self.erased.update(indices)
        found: dict[int, StreamState] = {}
        for index in indices:
            for opened in self._log.read(index, 1):
                if not self._share.owns(opened.stream):
                    continue
                self._forget(opened.stream_id.int)
                found[index] = self._load(opened.stream_id, opened.stream, entry_limit(entry))
        return found

    # -- streams -------------------------------------------------------------------------------

    def _stream(self, opened: Opened) -> StreamState:
        # The first of a stream has nothing before it: that need not be asked.
        return self._kept(opened.stream_id) or self._load(
            opened.stream_id, opened.stream, opened.index, new=opened.seq == 1
        )

    def _named(self, name: str, before: int) -> StreamState:
        of = stream_id(self._origin, name)
        if self._share.owns(name):
            return self._kept(of) or self._load(of, name, before)
        # Its records do not come by here: as the log has it by now, so that nothing that another
        # process folds meanwhile is missed; what comes after all parts are done comes by again.
        return self._load(of, name, sys.maxsize)

    def _kept(self, of: UUID) -> StreamState | None:
        state = self._streams.get(of.int)
        if state is not None:
            self._streams.move_to_end(of.int)
        return state

    def _load(self, of: UUID, name: str, before: int, *, new: bool = False) -> StreamState:
        self._forget(of.int)
        state = StreamState(name)
        if before > 0 and not new:
            for opened in self._log.stream(of):
                if opened.index >= before:
                    break
                if opened.index in self._doubted:
                    # what was doubted behind what is erased is not judged again, and stays doubted
                    aside = self._log.judged(name, before).get(opened.index, UNEXPLAINED)
                    opened = opened if aside is None else opened.put_aside(aside)  # noqa: PLW2901
                try:
                    self._replay(state, opened)
                except NONSENSE:
                    if opened.index in self._doubted:
                        raise
                    self._doubted |= {opened.index, *self._log.refused(name, before)}
                    return self._load(of, name, before)
            self._given(state)
        self._streams[of.int] = state
        self._weigh(of.int, state)
        while self._held > MOST_STATEMENTS and len(self._streams) > 1:
            self._forget(next(iter(self._streams)))
        return state

    def _replay(self, state: StreamState, opened: Opened) -> None:
        erased = opened.erased or opened.index in self.erased
        if erased:
            self._holed.add(opened.stream_id.int)
        replay(state, opened, self.registry.edition_at(opened.index), erased=erased)

    def _forget(self, number: int) -> None:
        state = self._streams.pop(number, None)
        if state is not None:
            self._held -= self._weights.pop(number)
            self._forgotten += state.seq

    def _weigh(self, number: int, state: StreamState) -> None:
        """A stream that is kept has grown."""
        weight = state.weight
        self._held += weight - self._weights.get(number, 0)
        self._weights[number] = weight


def _named_by(erasure: Act) -> list[int]:
    """Indices of the records whose content an act erases."""
    return [named["index"] for named in erasure.facts.get("entries", ())]


def entry_limit(entry: Entry) -> int:
    """Index behind the statement that made an act effective."""
    index = None if entry.effect is None else entry.effect.index
    return 0 if index is None else index + 1


def _changes(opened: Opened, stream: StreamState) -> bool:
    """Whether a record brings an act of the registry into effect, by its form."""
    act = opened.act
    return act is not None and act.act in REGISTRY_ACTS and completes(stream, act)


def completes(stream: StreamState, act: Act) -> bool:
    """Whether the next statement of this act makes it effective."""
    return len(awaited(stream, act)) == 1


def signed_of(opened: Opened, stream: StreamState, edition: Edition) -> Signed:
    """The statement of a record as the fold takes it, under the rules in force there.

    Raises:
        ValueError: There is no act to fold, or nobody is left to sign it.
    """
    statement, act = opened.statement, opened.act
    if statement is None or act is None:
        raise ValueError(f"record {opened.index} has no act")
    return signed_by_turn(stream, statement, act, opened.index, opened.recorded_at, edition)


def pass_over(stream: StreamState, opened: Opened, *, erased: bool = False) -> Status:
    """A record without an act takes its place in the stream and moves nothing.

    Args:
        stream: The fold of its stream.
        opened: The record.
        erased: Whether an act of erasure names it, which still opens until that is carried out.
    """
    if opened.aside is not None:
        unknown = stream.head is None and stream.seq > 0  # behind an erased record
        pass_position(stream, opened.seq, None, (opened.index, canonical.b64(opened.entry)))
        stream.head = None if unknown else stream.head
        return "set_aside"
    stream.seq = opened.seq
    left = None if opened.erased or erased else opened.statement
    stream.head = None if left is None else left.digest_b64
    return "erased" if opened.erased else "service"


def replay(stream: StreamState, opened: Opened, edition: Edition, *, erased: bool = False) -> None:
    """Adds a record to the fold of its stream, as `Fold.steps` did when it first came by."""
    if erased or opened.act is None or orphaned(stream, opened):
        pass_over(stream, opened, erased=erased)
    else:
        apply(stream, signed_of(opened, stream, edition))


def last_recorded(stream: StreamState) -> datetime | None:
    """When the newest statement of a stream was taken."""
    times = [s.recorded_at for e in stream.entries.values() for s in e.signed if s.recorded_at]
    return max(times, default=None)
