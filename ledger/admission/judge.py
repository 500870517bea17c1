"""Tells what stands in a stream from what is set aside, each record judged at its index.

Whoever has the writer's login and the KEK can append what no rule allows. Such a record keeps its
place in the log and in its stream and moves nothing there (formats.md §3). What a guard asks about
the rest of the log is answered from its records, judged as well, and in favour of the record where
they do not tell: a record is set aside for what it is, never for what was not looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypeVar

from keys import canonical
from keys.errors import Carried
from ledger.admission import service_statements
from ledger.admission.replay import judging
from ledger.admission.submission import Submission, facts_fit
from ledger.errors import Conflict, Rejected, VerificationError
from ledger.log.statement import require_log
from ledger.message import Message, Wording
from ledger.ports import NIL_UNIT, RecordStore, StoredRecord
from ledger.regulation.case.exclusions import is_about
from ledger.regulation.case.other_cases_port import STILL_OPEN, CountedReport, state_told
from ledger.regulation.case.reviews import open_reviews, signers
from ledger.regulation.case.stand_ins import may_stand_in
from ledger.regulation.case.state import StreamState
from ledger.regulation.participation.reach import takes_part
from ledger.regulation.participation.viewpoint import Viewpoint
from ledger.regulation.registry.registry import Registry
from ledger.steps import finished
from ledger.streams.event import Event, PositionPassed, SetAside, StatementRecorded
from ledger.streams.kept import BoundedCache
from ledger.streams.kinds import begin
from ledger.streams.names import is_stream, stream_id
from ledger.streams.record_reader import NONSENSE, Reader, unread
from ledger.streams.stream import Stream
from ledger.streams.tokens import token_tag

_Answer = TypeVar("_Answer")
_COLUMNS: Final = SetAside(
    "columns",
    Message("the columns of the row say something else than what is signed"),
)
_STRANGER: Final = SetAside(
    "signer",
    Message("whoever signed it is no signer of the act"),
)
_MISSHAPEN: Final = SetAside(
    "act",
    Message("no rule fits what it says: {detail}", detail="facts"),
)
_MOST_RULINGS: Final = 200_000
"""Records whose judgement is remembered, about 20 MiB."""
_MOST_STATEMENTS: Final = 20_000
"""Statements of streams that were asked about and are kept folded, about 70 MiB."""
_NOT_JUDGED: Final = SetAside("", Wording("", ""))
_SERVICE: Final = (True, False, NIL_UNIT)
"""What author, registry and unit say of a service statement."""


def event_of(reader: Reader, row: StoredRecord) -> Event:
    """A row as its stream takes it, before it is judged.

    Raises:
        VerificationError: `erased`: its content is gone. Nobody can tell what stands behind it.
    """
    if not is_stream(row.stream):
        return passed(row, None, unread("stream_name", "no stream has such a name"))
    try:
        opened = reader.open(row)
    except VerificationError as error:
        return passed(row, None, unread(error.kind, error.message))
    if opened.statement is None:
        raise VerificationError("erased", "the content of this record is gone", row.index)
    if opened.act is None:
        aside = None if (row.author, row.registry, row.unit) == _SERVICE else _COLUMNS
        return replace(passed(row, None, aside), statement=opened.statement)
    return StatementRecorded(
        originator_id=row.stream_id,
        originator_version=row.seq,
        stream=opened.stream,
        statement=opened.statement,
        act=opened.act,
        author=row.author,
        registry=row.registry,
        unit=row.unit,
        index=row.index,
        recorded_at=row.recorded_at,
        entry=row.entry,
    )


def passed(row: StoredRecord, digest: str | None, aside: SetAside | None = None) -> PositionPassed:
    """The position of a row that holds no act."""
    return PositionPassed(
        originator_id=row.stream_id,
        originator_version=row.seq,
        stream=row.stream,
        digest=digest,
        index=row.index,
        recorded_at=row.recorded_at,
        entry=row.entry,
        registry=row.registry,
        aside=aside,
    )


def stream_at(store: RecordStore, index: int, entry: str) -> str | None:
    """The stream of the record at an index; None where there is none with this entry (b64)."""
    for row in store.read(index, 1):
        if row.index == index and canonical.b64(row.entry) == entry:
            return row.stream
    return None


def registry_at(store: RecordStore, index: int) -> bool:
    """Whether the record at an index says that the registry changed by it."""
    return any(row.index == index and row.registry for row in store.read(index, 1))


@dataclass(frozen=True, slots=True)
class Judge:
    """Asks of each record of a stream what the door asks of a statement.

    Attributes:
        store: Where records lie.
        reader: Opens them, as strictly as the door parses.
        origin: Origin of the log.
        level: Its level.
        before: The registry as a record of the past found it.
        rulings: Why records of streams that were asked about are set aside, None where they stand,
            by index: each is judged once, however many ask.
        foldings: Streams that were asked about, as far as they were: who asks next goes on there.
    """

    store: RecordStore
    reader: Reader
    origin: str
    level: str
    before: Callable[[int], Registry]
    rulings: dict[int, SetAside | None] = field(default_factory=dict)
    foldings: BoundedCache[str, _Folding] = field(
        default_factory=lambda: BoundedCache(_MOST_STATEMENTS)
    )

    def settled(
        self, stream: Stream, event: Event, registry: Registry, *, nested: bool = False
    ) -> Event:
        """The event if it stands, else its position, set aside; pure but for what guards look up.

        Args:
            stream: As the record found it.
            event: Of `event_of`.
            registry: As the record found it.
            nested: Whether a judgement of another stream asks.

        Raises:
            Unfolded: What a guard asks about is to be folded first; only where `nested`.
        """
        if isinstance(event, PositionPassed) and event.aside is not None:
            return event
        try:
            if isinstance(event, PositionPassed):
                return self._service(stream, event, registry)
            found = self._act(stream, event, registry, nested=nested)
            said = (found.author, found.registry, found.unit)
            if said == (event.author, event.registry, event.unit):
                return event if found.edition is None else event.under(found.edition, found.act)
            aside = _COLUMNS
        except Rejected as refused:
            aside = SetAside(refused.code, refused.text, refused.guard)
        except Conflict as conflict:
            hanging = _hanging(stream) if conflict.code == "stale" else None
            aside = hanging or SetAside(conflict.code, conflict.text)
        except NONSENSE as error:  # a guard that stumbles over what no door let in
            aside = _nonsense(error)
        return _put_aside(event, aside)

    def alone(self, event: Event, registry: Registry) -> Event:
        """As `settled`, of a record of the registry before which something of its stream is erased.

        What stood there nobody can tell, so that it stands alone, or does not (`Stream.suppose`).
        What ends no grant changes nothing of the registry, and is asked what any act there is: else
        a permit that was revoked would run again.
        """
        if isinstance(event, PositionPassed):
            return event
        if registry.granted.ends_none(event.act):
            return self._admitted(event, registry)
        stream = begin(event.originator_id, event.stream)
        supposed = stream.suppose(event.statement, event.act, registry)
        return self.settled(supposed, event, registry)

    def signed(self, event: Event, registry: Registry) -> Event:
        """The event if its facts fit and who signed it could then, else its position, set aside.

        All that can be asked of an act behind what is erased, but of the registry (`alone`).
        """
        if isinstance(event, PositionPassed):
            return event
        if event.registry:
            return self.alone(event, registry)
        return self._admitted(event, registry)

    def _admitted(self, event: StatementRecorded, registry: Registry) -> Event:
        try:
            require_log(event.statement, self.origin)
            officer = Submission(event.statement, event.act, None).admit(registry, _at(event))
            if not facts_fit(event.act, registry, self.level):
                return _put_aside(event, _MISSHAPEN)
        except Rejected as refused:
            return _put_aside(event, SetAside(refused.code, refused.text))
        except NONSENSE as error:
            return _put_aside(event, _nonsense(error))
        said, instead = event.statement, event.statement.stand_in
        named = (
            officer in {one.officer for one in event.act.signers}
            if instead is None
            else officer == instead["officer"]
            and may_stand_in(registry, event.act, said.role, instead, said.iat)
        )
        return event if named else _put_aside(event, _STRANGER)

    def again(self, stream: Stream, event: Event, index: int, *, known: bool = False) -> Event:
        """A record of a stream that is asked about, judged unless it was.

        Args:
            stream: As the record found it.
            event: Of `event_of`.
            index: Of the record.
            known: Whether it may not be judged now.

        Raises:
            Unfolded: What is to be folded first; where it is only `known`, this stream.
        """
        aside = self.rulings.get(index, _NOT_JUDGED)
        if aside is _NOT_JUDGED:
            if known:
                raise Unfolded([(stream.name, index + 1)])
            registry = self.before(index)
            settled = self.settled(stream, event, registry, nested=True)
            self.rulings[index] = settled.aside if isinstance(settled, PositionPassed) else None
            return settled
        if aside is not None:
            return _put_aside(event, aside)
        if isinstance(event, StatementRecorded):
            return event.under(self.before(index).edition_at(index))
        if event.statement is not None:
            return replace(event, digest=event.statement.digest_b64)
        return event

    def folded(self, name: str, before: int, *, known: bool = False) -> _Folding:
        """A stream folded up to an index, for whoever asks alone; to be put back by `keep`.

        Args:
            name: Its name.
            before: The index.
            known: Whether nothing may be judged on the way.

        Raises:
            Unfolded: What is to be folded first.
        """
        folding = self.foldings.take(name)
        if folding is None or folding.reached > before:
            folding = _Folding(self, name)
        try:
            folding.go_on(before, known=known)
        except Unfolded:
            self.keep(folding)
            raise
        return folding

    def keep(self, folding: _Folding) -> None:
        """Puts a folded stream where the next one who asks finds it."""
        self.foldings.put(folding.stream.name, folding, folding.stream.state.weight)

    def _service(self, stream: Stream, event: PositionPassed, registry: Registry) -> PositionPassed:
        statement = event.statement
        if statement is None:
            raise ValueError("a position without a statement is one that is set aside")
        service_statements.judged(
            stream, statement, registry, event.recorded_at, origin=self.origin
        )
        return replace(event, digest=statement.digest_b64)

    def _act(
        self, stream: Stream, event: StatementRecorded, registry: Registry, *, nested: bool
    ) -> StatementRecorded:
        index = _index(event)
        cases = Elsewhere(self, index, registry, nested=nested)
        try:
            steps = judging(
                stream,
                event.statement,
                event.act,
                index=index,
                at=_at(event),
                registry=registry,
                cases=cases,
                origin=self.origin,
                level=self.level,
            )
            found, _ = finished(steps)
        finally:
            if cases.unfolded:  # whatever came of it: it was no answer that it went by
                raise Unfolded(cases.unfolded)
        return found


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """`Cases` as of a record: other streams folded from what stands of them before it.

    A stream of which something is erased refuses nothing here. Whose a token is stands beside the
    records, of every moment.

    What is asked on the way to an answer lies before the record that asks, so that there is an end
    to it; it is folded one after the other, not one within the other, and each record is judged
    once: else cases that name one another could be made to cost as much as one likes. Where
    `nested`, what is not folded yet is noted as `unfolded`, and the asking goes on, so that one
    round learns of all that is to be folded first.
    """

    judge: Judge
    before: int
    registry: Registry
    nested: bool = False
    unfolded: list[tuple[str, int]] = field(default_factory=list)

    def state(self, stream: str) -> str | None:
        """Main state of a case then, as `state_told`."""
        return self._told(stream, lambda then: state_told(then) if then else STILL_OPEN)

    def signers(self, stream: str) -> Sequence[str]:
        """Officers who had signed an effective act of a case then."""
        return self._told(stream, lambda then: signers(then) if then else ())

    def is_about(self, stream: str, named: Sequence[str]) -> bool:
        """Whether reports of a case named each of these then as whom it is about."""
        return self._told(stream, lambda then: then is None or is_about(then, named))

    def takes_part(self, stream: str, officer: str, at: datetime, level: str) -> bool:
        """Whether an officer saw all of a case then, by no order and no opening."""
        return self._told(
            stream,
            lambda then: (
                then is None or takes_part(officer, Viewpoint(then, self.registry, at, level))
            ),
        )

    def token_elsewhere(self, token: str, stream: str) -> bool:
        """Whether another case had the token then, or no append was told that this one names it."""
        judge = self.judge
        found = judge.store.token(token_tag(judge.origin, token))
        return (
            found is None or found[0] != stream_id(judge.origin, stream) or found[1] > self.before
        )

    def record(self, index: int, entry: str) -> str | None:
        """The stream of the record at this index, where it has this entry."""
        return None if index >= self.before else stream_at(self.judge.store, index, entry)

    def changes_registry(self, index: int) -> bool:
        """Whether the record says that the registry changed by it."""
        return registry_at(self.judge.store, index)

    def running(self, stream: str, at: datetime) -> Sequence[str]:
        """Complaints, reviews and their windows that ran in a case then."""
        return self._told(
            stream, lambda then: open_reviews(then, self.registry, at) if then else ()
        )

    def reports(self) -> Sequence[CountedReport]:
        """None: they only raise flags."""
        return ()

    def _told(self, name: str, tell: Callable[[StreamState | None], _Answer]) -> _Answer:
        """What a stream then tells; it is None where its records do not say."""
        folding = self._folded(name)
        if folding is None:
            return tell(None)
        try:
            return tell(None if folding.lost else folding.stream.state)
        finally:
            self.judge.keep(folding)

    def _folded(self, name: str) -> _Folding | None:
        """The stream then; None where it is to be folded first."""
        judge = self.judge
        if self.nested:
            try:
                return judge.folded(name, self.before, known=True)
            except Unfolded:
                self.unfolded.append((name, self.before))
                return None
        if len(judge.rulings) > _MOST_RULINGS:
            judge.rulings.clear()
        waiting = [(name, self.before)]
        while True:
            try:
                folding = judge.folded(*waiting[-1])
            except Unfolded as asked:
                waiting += asked.streams
                continue
            waiting.pop()
            if not waiting:
                return folding
            judge.keep(folding)


class _Folding:
    """A stream on its way along the log; it goes on from where it stands.

    Attributes:
        stream: It.
        reached: Index behind the last record that it was folded by.
        lost: Whether its records do not tell what it was at the index that was asked for.
    """

    def __init__(self, judge: Judge, name: str) -> None:
        self._judge = judge
        self.stream = begin(stream_id(judge.origin, name), name)
        self.reached = 0
        self.lost = False
        self._next = 0  # no record lies between the last and this one

    def go_on(self, before: int, *, known: bool = False) -> None:
        """Folds the records before an index, which is none that lies behind.

        Args:
            before: The index.
            known: Whether nothing may be judged on the way.

        Raises:
            Unfolded: What is to be folded first.
        """
        if self.lost or before <= self._next:
            return
        judge = self._judge
        for row in judge.store.stream(self.stream.id, self.stream.version):
            self._next = row.index
            if row.index >= before:
                return
            try:
                event = event_of(judge.reader, row)
                judge.again(self.stream, event, row.index, known=known).mutate(self.stream)
            except (VerificationError, *NONSENSE):
                self.lost = True
            self.reached = row.index + 1
            if self.lost:
                return
        self._next = max(self._next, before)


class Unfolded(Carried):
    """Streams that a judgement asks about, each with an index, are not folded yet."""

    def __init__(self, streams: list[tuple[str, int]]) -> None:
        super().__init__()
        self.streams = streams


def _nonsense(error: Exception) -> SetAside:
    return SetAside("act", Message("no rule fits what it says: {detail}", detail=repr(error)))


def _put_aside(event: Event, aside: SetAside) -> PositionPassed:
    return PositionPassed(
        originator_id=event.originator_id,
        originator_version=event.originator_version,
        stream=event.stream,
        digest=None,
        index=_index(event),
        recorded_at=_at(event),
        entry=event.entry or b"",
        aside=aside,
    )


def _hanging(stream: Stream) -> SetAside | None:
    """Why what is well signed and follows nothing is set aside, where it may follow what is gone.

    Whether the record that nobody can read stood once nobody can tell either: then this one did.
    """
    if stream.unread is None:
        return None
    return SetAside(
        "hanging",
        Message(
            "it follows record {unread}, which cannot be read, or nothing; if that record was"
            " damaged, restore it from a backup before anything is voided",
            unread=stream.unread,
        ),
    )


def _index(event: Event) -> int:
    if event.index is None:
        raise ValueError("only what is recorded is judged again")
    return event.index


def _at(event: Event) -> datetime:
    if event.recorded_at is None:
        raise ValueError("only what is recorded is judged again")
    return event.recorded_at
