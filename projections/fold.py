"""The fold every view shares: streams, registry and reports after each record, in flat memory.

Streams least lately used are forgotten and folded again from their records when they come up
(architecture.md §5). The fold writes nothing. What changes the registry it believes as every
process does (`ledger.standing`). Of all else it asks who signed it, and what costs little beside
that: form, place, turn, class. What it cannot explain, it doubts, and has the stream judged in
full, each record at its index: what the rules refuse is set aside and moves nothing (formats.md
§3).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final, Protocol
from uuid import UUID

from keys import canonical
from ledger import service
from ledger.errors import VerificationError
from ledger.log.statement import COUNTERSIGNERS, RETURNER, Statement, require_log
from ledger.ports import NIL_UNIT
from ledger.reader import NONSENSE, Opened
from ledger.regulation.act import Act
from ledger.regulation.cases import REPORTS, Report, report_of
from ledger.regulation.catalogue import load as load_catalogue
from ledger.regulation.decide import raised
from ledger.regulation.lifecycle import life_cycle
from ledger.regulation.question import Question
from ledger.regulation.registry import Registry
from ledger.regulation.registry_lines import REGISTRY_ACTS
from ledger.regulation.stream import ERASURE, RECOVERING, VOIDING, Entry, Signed, StreamState, apply
from ledger.regulation.stream import pass_over as pass_position
from ledger.standing import Applied
from ledger.streams.event import Aside
from ledger.streams.names import stream_id
from ledger.submission import Submission
from projections.share import CASE, NOBODY, WHOLE, Share
from projections.view import Status, Step

MOST_STATEMENTS: Final = 20_000
"""Statements kept in memory over all streams; a case of thirty acts weighs about 100 KiB."""
BATCH: Final = 500
WAYS_ON: Final = frozenset({VOIDING, RECOVERING, "ActReturned"})
_UNEXPLAINED: Final = Aside(
    "stale",
    "không nối tiếp được với bản ghi trước trong dòng",
    "it does not follow what stands before it in its stream",
)


class Log(Protocol):
    """The records, opened, as the projector reads them."""

    def read(self, start: int, limit: int) -> Sequence[Opened]:
        """Records `start` …, opened. Raises: VerificationError."""

    def stream(self, stream_id: UUID) -> Iterator[Opened]:
        """Records of one stream in order, opened as they are asked for.

        Raises: VerificationError.
        """

    def registry(self) -> Iterable[Applied]:
        """Every act by which the registry changed, in index order. Raises: VerificationError."""

    def stands(self, index: int) -> bool:
        """Whether the registry changed by this record. Raises: VerificationError."""

    def judged(self, stream: str, before: int) -> dict[int, Aside | None]:
        """Records of a stream before an index, in order, each with why it is set aside.

        Ends at an erased record: what stands behind it nobody can tell from the log.
        """

    def doubted(self) -> Collection[int]:
        """Records that were set aside when somebody folded them: to be judged in full."""

    def effective(self, acts: Collection[str], upto: int) -> Iterable[Opened]:
        """Records up to an index that made an act of these types effective, in index order.

        Asked for reports of article 9 and erasures (the timeline's index has these).
        """


@dataclass(slots=True)
class Reports:
    """`Cases` for flags: of the rest of the log a flag asks for the reports of article 9 only."""

    known: list[Report] = field(default_factory=list)

    def state(self, stream: str) -> str | None:
        """Not asked by a flag."""
        raise NotImplementedError(stream)

    def token_elsewhere(self, token: str, stream: str) -> bool:
        """Not asked by a flag."""
        raise NotImplementedError(token, stream)

    def record(self, index: int, entry: str) -> str | None:
        """Not asked by a flag."""
        raise NotImplementedError(index, entry)

    def running(self, stream: str, at: datetime) -> Sequence[str]:
        """Not asked by a flag."""
        raise NotImplementedError(stream, at)

    def signers(self, stream: str) -> Sequence[str]:
        """Not asked by a flag."""
        raise NotImplementedError(stream)

    def reports(self) -> Sequence[Report]:
        """Reports effective so far."""
        return self.known


class Fold:
    """All streams of a log after record `position`.

    Args:
        log: Where records come from.
        origin: Origin of the log.
        level: Its level.
        position: Last record already folded, -1 for none: registry, reports and erasures are
            known up to there, streams when they are asked for.
        share: Which streams' records will come by.
    """

    def __init__(
        self, log: Log, origin: str, level: str, position: int = -1, share: Share = WHOLE
    ) -> None:
        self._log = log
        self._origin = origin
        self._level = level
        self._share = share
        self._catalogue = load_catalogue()
        self._streams: OrderedDict[int, StreamState] = OrderedDict()  # by the number of the id
        self._held = 0
        self._let_go = 0  # statements forgotten so far
        self.position = position
        self.erased: set[int] = set()
        self.registry = Registry.founded()
        self.cases = Reports()
        self._doubted = set(log.doubted())
        self._judged_upto: dict[str, int] = {}  # by stream: the last record judged in full
        if position >= 0:
            self._resume()

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
        """Has a record judged in full when it comes by."""
        self._doubted.add(index)

    def steps(self, batch: Iterable[Opened]) -> Iterator[Step]:
        """Folds records in index order; the registry moves on when the next step is asked for."""
        for opened in batch:
            step = self._step(opened)
            yield step
            self._settle(step)
            self.position = opened.index

    def take_let_go(self) -> int:
        """Statements forgotten since this was last asked."""
        count, self._let_go = self._let_go, 0
        return count

    def _step(self, opened: Opened) -> Step:
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
        else:
            signed = signed_of(opened, stream)
            if completes(stream, opened.act):
                flags = raised(self._question(opened, stream, signed))
            entry = apply(stream, signed)
            status = entry.status
        self._held += 1
        effect = entry is not None and entry.effect is signed and signed is not None
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
            share=self._share,
            load=partial(self._named, before=opened.index + 1),
        )

    def _open(self, opened: Opened) -> None:
        """Record 0 makes the registry that it is judged by (formats.md §9)."""
        if opened.act is None or not self._log.stands(0):
            raise VerificationError("registry", "record 0 does not open the log", 0)
        self.registry.apply(opened.act, index=0, recorded_at=opened.recorded_at)

    # -- what stands ---------------------------------------------------------------------------

    def _doubts(self, opened: Opened, stream: StreamState) -> bool:
        """Whether a record is to be judged in full; one that does not open is known already.

        What stands in no case is little, and everybody goes by it: it always is.
        """
        if opened.aside is not None or opened.erased:
            return False
        if stream.kind != "case" or opened.index in self._doubted:
            return True
        act = opened.act
        changes = act is not None and act.act in REGISTRY_ACTS and completes(stream, act)
        return changes != opened.registry or not self._explains(opened, stream)

    def _explains(self, opened: Opened, stream: StreamState, *, hole: bool = False) -> bool:
        """Whether a record follows in its stream, moves what it may, and is signed by who is next.

        No guard is asked: that takes ten times as long.

        Args:
            opened: The record.
            stream: As the record found it.
            hole: Whether the stream has a record that nobody can read any more.
        """
        statement, act = opened.statement, opened.act
        try:
            if statement is None or (stream.seq and stream.head and statement.prev != stream.head):
                return False
            if act is None:
                service.admit(statement, self.registry, opened.recorded_at, origin=self._origin)
                return not opened.registry
            if hole and orphaned(stream, opened):
                named = {one.officer for one in act.signers if one.role == statement.role}
                return self._signer(statement, act, opened.recorded_at) in named
            entry = stream.entries.get(act.act_id)
            turn = act.signers[0] if entry is None else entry.waiting_for[0]
            return (
                statement.role in (turn.role, RETURNER)
                and (entry is None or entry.act.members == act.members)
                and (hole or not stream.aside or act.act in WAYS_ON)
                and _in_columns(opened, act, first=entry is None)
                and self._may_move(act, stream, hole=hole)
                and self._signer(statement, act, opened.recorded_at) == turn.officer
            )
        except NONSENSE:
            return False

    def _signer(self, statement: Statement, act: Act, at: datetime) -> str:
        """Who signed, with a key that was good then. Raises: Rejected."""
        require_log(statement, self._origin)
        officer, _ = Submission(statement, act, None).admit(self.registry, at)
        return officer

    def _may_move(self, act: Act, stream: StreamState, *, hole: bool) -> bool:
        """Whether an act of so many signers may stand in a stream of this kind and state.

        Behind a record that nobody can read the state is not known: it may have been that one's.
        """
        kind = self._catalogue.types[act.act]
        least, _ = kind.signature(act, self._level)
        legal, _ = life_cycle().next_state(act.act, act.disposition, stream.state)
        return stream.kind in kind.streams and len(act.signers) >= least and (legal or hole)

    def _judged(
        self, opened: Opened, stream: StreamState
    ) -> tuple[Opened, StreamState, dict[int, StreamState]]:
        """A record that was doubted, its stream as the rules have it, and what is taken back.

        Taken back is what was let stand when it came by: the doubt about this record is the first
        sign that it should not have been.
        """
        found = self._log.judged(opened.stream, opened.index + 1)
        back = self._refused_since(opened, found) - self._doubted
        if back:
            self._doubted |= back
            stream = self._load(opened.stream_id, opened.stream, opened.index)
        if opened.index in found:
            aside = found[opened.index]
        else:  # behind what is erased or damaged: form is all that anybody can ask
            stream.head = None
            aside = None if self._explains(opened, stream, hole=True) else _UNEXPLAINED
        if aside is not None:
            self._doubted.add(opened.index)
            opened = opened.put_aside(aside)
        return opened, stream, dict.fromkeys(back, stream)

    def _refused_since(self, opened: Opened, found: dict[int, Aside | None]) -> set[int]:
        """What is refused between the last record of the stream that was judged here and this."""
        seen = self._judged_upto.get(opened.stream, -1)
        self._judged_upto[opened.stream] = opened.index
        refused: set[int] = set()
        for index, aside in reversed(found.items()):
            if index <= seen:
                break
            if aside is not None and index < opened.index:
                refused.add(index)
        return refused

    def _question(self, opened: Opened, stream: StreamState, signed: Signed) -> Question:
        act = signed.act
        statement = opened.statement
        return Question(
            act=act,
            kind=self._catalogue.types[act.act],
            catalogue=self._catalogue,
            iat=signed.iat,
            role=signed.role,
            seq=signed.seq,
            prev=None if statement is None else statement.prev,
            kid=signed.kid,
            officer=signed.officer,
            stream=stream,
            registry=self.registry,
            origin=self._origin,
            level=self._level,
            log_size=opened.index,
            cases=self.cases,
            at=opened.recorded_at,
        )

    def _settle(self, step: Step) -> None:
        if not step.effect or step.entry is None:
            return
        act, opened = step.entry.act, step.opened
        if opened.index > 0:
            self.registry.apply(act, index=opened.index, recorded_at=opened.recorded_at)
        if act.act in REPORTS:
            self.cases.known.append(report_of(act, opened.index))

    def look_back(self, opened: Opened) -> Step | None:
        """A step that takes back what was let stand and the rules refuse; None where they do not.

        Args:
            opened: A record that was folded before, of which no guard may have been asked.
        """
        if opened.statement is None or not opened.stream.startswith(CASE):
            return None
        behind = self.position + 1
        found = self._log.judged(opened.stream, behind)
        aside, back = found.get(opened.index), {opened.index}
        if aside is None:
            return None
        if opened.index not in self._doubted:  # what is built on it does not stand either
            back |= {index for index, why in found.items() if why is not None}
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
            share=NOBODY,
            load=partial(self._named, before=behind),
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
        return self._kept(of) or self._load(of, name, before)

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
                    aside = self._log.judged(name, before).get(opened.index)
                    opened = opened if aside is None else opened.put_aside(aside)  # noqa: PLW2901
                replay(state, opened, erased=opened.index in self.erased)
        self._streams[of.int] = state
        self._held += state.seq
        while self._held > MOST_STATEMENTS and len(self._streams) > 1:
            self._forget(next(iter(self._streams)))
        return state

    def _forget(self, number: int) -> None:
        state = self._streams.pop(number, None)
        if state is not None:
            self._held -= state.seq
            self._let_go += state.seq


def _named_by(erasure: Act) -> list[int]:
    """Indices of the records whose content an act erases."""
    return [named["index"] for named in erasure.facts.get("entries", ())]


def entry_limit(entry: Entry) -> int:
    """Index behind the statement that made an act effective."""
    index = None if entry.effect is None else entry.effect.index
    return 0 if index is None else index + 1


def completes(stream: StreamState, act: Act) -> bool:
    """Whether the next statement of this act makes it effective."""
    known = stream.entries.get(act.act_id)
    return len(act.signers) == 1 + (0 if known is None else len(known.signed))


def signed_of(opened: Opened, stream: StreamState) -> Signed:
    """The statement of a record as the fold takes it; the officer is the signer whose turn it was.

    Raises:
        ValueError: There is no act to fold, or nobody is left to sign it.
    """
    statement, act = opened.statement, opened.act
    if statement is None or act is None:
        raise ValueError(f"record {opened.index} has no act")
    known = stream.entries.get(act.act_id)
    turn = 0 if known is None else len(known.signed)
    if turn >= len(act.signers):
        raise ValueError(f"record {opened.index}: all signers of {act.act_id} have signed")
    return Signed(
        act=act if known is None else known.act,
        officer=act.signers[turn].officer,
        role=statement.role,
        kid=statement.kid,
        iat=statement.iat,
        seq=opened.seq,
        digest=statement.digest_b64,
        index=opened.index,
        recorded_at=opened.recorded_at,
    )


def pass_over(stream: StreamState, opened: Opened) -> Status:
    """A record without an act takes its place in the stream and moves nothing."""
    if opened.aside is not None:
        unknown = stream.head is None and stream.seq > 0  # behind an erased record
        pass_position(stream, opened.seq, None, (opened.index, canonical.b64(opened.entry)))
        stream.head = None if unknown else stream.head
        return "set_aside"
    stream.seq = opened.seq
    stream.head = None if opened.statement is None else opened.statement.digest_b64
    return "erased" if opened.erased else "service"


def replay(stream: StreamState, opened: Opened, *, erased: bool = False) -> None:
    """Adds a record to the fold of its stream, as `Fold.steps` did when it first came by."""
    if erased or opened.act is None or orphaned(stream, opened):
        pass_over(stream, opened)
    else:
        apply(stream, signed_of(opened, stream))


def _in_columns(opened: Opened, act: Act, *, first: bool) -> bool:
    """Whether the row says what the statement says, but for its effect on the registry."""
    unit = opened.stream_id if opened.stream.startswith(CASE) else NIL_UNIT
    return (
        opened.author is first
        and opened.unit == unit
        and (not opened.registry or act.act in REGISTRY_ACTS)
    )


def orphaned(stream: StreamState, opened: Opened) -> bool:
    """Whether a countersignature stands alone because its author's statement is erased."""
    return (
        opened.act is not None
        and opened.statement is not None
        and opened.statement.role in COUNTERSIGNERS
        and opened.act.act_id not in stream.entries
    )


def last_recorded(stream: StreamState) -> datetime | None:
    """When the newest statement of a stream was taken."""
    times = [s.recorded_at for e in stream.entries.values() for s in e.signed if s.recorded_at]
    return max(times, default=None)
