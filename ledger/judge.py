"""Tells what stands in a stream from what is set aside, each record judged at its index.

Whoever has the writer's login and the KEK can append what no rule allows. Such a record keeps its
place in the log and in its stream and moves nothing there (formats.md §3). What a guard asks about
the rest of the log is answered from its records, judged as well, and in favour of the record where
they do not tell: a record is set aside for what it is, never for what was not looked up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from keys import canonical
from ledger import service
from ledger.errors import Conflict, Rejected, VerificationError
from ledger.ports import NIL_UNIT, RecordStore, StoredRecord
from ledger.reader import NONSENSE, Reader, unread
from ledger.regulation.cases import STILL_OPEN, Report, state_told
from ledger.regulation.registry import Registry
from ledger.regulation.reviews import open_reviews, signers
from ledger.replay import judged
from ledger.streams.event import Aside, Event, PositionPassed, StatementRecorded
from ledger.streams.kinds import begin
from ledger.streams.names import is_stream, stream_id
from ledger.streams.stream import Stream
from ledger.streams.tokens import token_tag

_NONSENSE_VI: Final = "nội dung không theo quy định nào"
_COLUMNS: Final = Aside(
    "columns",
    "các cột của bản ghi nói khác nội dung đã ký",
    "the columns of the row say something else than what is signed",
)
_MOST_RULINGS: Final = 200_000
"""Records whose judgement is remembered, about 20 MiB."""
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


def passed(row: StoredRecord, digest: str | None, aside: Aside | None = None) -> PositionPassed:
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
    """

    store: RecordStore
    reader: Reader
    origin: str
    level: str
    before: Callable[[int], Registry]
    rulings: dict[int, Aside | None] = field(default_factory=dict)

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
                return event
            aside = _COLUMNS
        except Rejected as refused:
            aside = Aside(refused.code, refused.vi, refused.en, refused.guard)
        except Conflict as conflict:
            hanging = _hanging(stream) if conflict.code == "stale" else None
            aside = hanging or Aside(conflict.code, conflict.vi, conflict.en)
        except NONSENSE as error:  # a guard that stumbles over what no door let in
            aside = Aside("act", _NONSENSE_VI, repr(error))
        return _put_aside(event, aside)

    def again(self, stream: Stream, event: Event, index: int) -> Event:
        """A record of a stream that is asked about, judged unless it was. Raises: Unfolded."""
        if index not in self.rulings:
            settled = self.settled(stream, event, self.before(index), nested=True)
            self.rulings[index] = settled.aside if isinstance(settled, PositionPassed) else None
            return settled
        aside = self.rulings[index]
        if aside is not None:
            return _put_aside(event, aside)
        if isinstance(event, PositionPassed) and event.statement is not None:
            return replace(event, digest=event.statement.digest_b64)
        return event

    def _service(self, stream: Stream, event: PositionPassed, registry: Registry) -> PositionPassed:
        statement = event.statement
        if statement is None:
            raise ValueError("a position without a statement is one that is set aside")
        service.judged(stream, statement, registry, event.recorded_at, origin=self.origin)
        return replace(event, digest=statement.digest_b64)

    def _act(
        self, stream: Stream, event: StatementRecorded, registry: Registry, *, nested: bool
    ) -> StatementRecorded:
        index = _index(event)
        found, _ = judged(
            stream,
            event.statement,
            event.act,
            index=index,
            at=_at(event),
            registry=registry,
            cases=Elsewhere(self, index, registry, nested=nested),
            origin=self.origin,
            level=self.level,
        )
        return found


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """`Cases` as of a record: other streams folded from what stands of them before it.

    A stream of which something is erased refuses nothing here. Whose a token is stands beside the
    records, of every moment.

    What is asked on the way to an answer lies before the record that asks, so that there is an end
    to it; it is folded one after the other, not one within the other, and each record is judged
    once: else cases that name one another could be made to cost as much as one likes.
    """

    judge: Judge
    before: int
    registry: Registry
    nested: bool = False

    def state(self, stream: str) -> str | None:
        """Main state of a case then, as `state_told`."""
        folded = self._folded(stream)
        return STILL_OPEN if folded is None else state_told(folded.state)

    def signers(self, stream: str) -> Sequence[str]:
        """Officers who had signed an effective act of a case then."""
        folded = self._folded(stream)
        return () if folded is None else signers(folded.state)

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

    def running(self, stream: str, at: datetime) -> Sequence[str]:
        """Complaints, reviews and their windows that ran in a case then."""
        folded = self._folded(stream)
        return () if folded is None else open_reviews(folded.state, self.registry, at)

    def reports(self) -> Sequence[Report]:
        """None: they only raise flags."""
        return ()

    def _folded(self, name: str) -> Stream | None:
        """The stream as its records have it; None where they do not tell.

        Raises:
            Unfolded: Where `nested`, and records of it were not judged yet.
        """
        first = _Folding(self.judge, name, self.before)
        if self.nested:
            return first.done(known=True)
        if len(self.judge.rulings) > _MOST_RULINGS:
            self.judge.rulings.clear()
        waiting = [first]
        while True:
            try:
                stream = waiting[-1].done()
            except Unfolded as asked:
                waiting.append(asked.folding)
                continue
            waiting.pop()
            if not waiting:
                return stream


class _Folding:
    """A stream on its way to an index; it goes on from the record that asked for another one."""

    def __init__(self, judge: Judge, name: str, before: int) -> None:
        self._judge = judge
        of = stream_id(judge.origin, name)
        self._stream = begin(of, name)
        self._rows = deque(row for row in judge.store.stream(of) if row.index < before)

    def done(self, *, known: bool = False) -> Stream | None:
        """The stream there; None where its records do not tell.

        Args:
            known: Whether nothing may be judged on the way.

        Raises:
            Unfolded: What is to be folded first.
        """
        try:
            while self._rows:
                row = self._rows[0]
                event = event_of(self._judge.reader, row)
                if known and row.index not in self._judge.rulings:
                    raise Unfolded(self)
                self._judge.again(self._stream, event, row.index).mutate(self._stream)
                self._rows.popleft()
        except (VerificationError, *NONSENSE):
            return None
        return self._stream


class Unfolded(Exception):
    """A stream that a judgement asks about is not folded yet."""

    def __init__(self, folding: _Folding) -> None:
        super().__init__()
        self.folding = folding


def _put_aside(event: Event, aside: Aside) -> PositionPassed:
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


def _hanging(stream: Stream) -> Aside | None:
    """Why what is well signed and follows nothing is set aside, where it may follow what is gone.

    Whether the record that nobody can read stood once nobody can tell either: then this one did.
    """
    if stream.unread is None:
        return None
    return Aside(
        "hanging",
        f"nối tiếp bản ghi {stream.unread} hoặc một bản ghi không có; bản ghi {stream.unread} không"
        " đọc được. Nếu bản ghi đó bị hỏng, hãy phục hồi từ bản sao lưu trước khi loại bản ghi nào",
        f"it follows record {stream.unread}, which cannot be read, or nothing; if that record was"
        " damaged, restore it from a backup before anything is voided",
    )


def _index(event: Event) -> int:
    if event.index is None:
        raise ValueError("only what is recorded is judged again")
    return event.index


def _at(event: Event) -> datetime:
    if event.recorded_at is None:
        raise ValueError("only what is recorded is judged again")
    return event.recorded_at
