"""Streams as of the index that a replay is at: folded as they grow, let go, folded again.

A stream is folded from its statements without judging them again: which of them were set aside is
remembered. One of which a record can no longer be read is lost from there on: what it was is not
known, and nobody pretends to.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final
from uuid import UUID

from ledger.audit.content import RawRecord
from ledger.log.moment import EPOCH, of_milliseconds
from ledger.log.statement import SERVICE_TYP, Statement
from ledger.message import Wording
from ledger.regulation.acts.act import known_act
from ledger.regulation.edition import Edition, first_edition
from ledger.streams.event import PositionPassed, SetAside, StatementRecorded
from ledger.streams.kinds import begin
from ledger.streams.record_reader import NONSENSE
from ledger.streams.stream import Stream

MOST_STATEMENTS: Final = 20_000
"""Statements kept in memory over all streams, about 70 MiB."""
_ASIDE: Final = SetAside("", Wording("", ""))
"""Why a record is set aside stands in the finding."""
#: The rows of one stream before an index, each with what it says; None where it cannot be read.
History = Callable[[bytes, int], Iterable[tuple[RawRecord, Statement | None]]]


class Folds:
    """The streams of a log, right before the record that comes next.

    Args:
        history: Where the rows of a stream are read again.

    Attributes:
        lost: Streams that are not known any more, by id, with the index of the record that is why.
        doubted: Streams whose last position cannot be read, by id, with its index: whether it stood
            is said by the next statement, whose `prev` names what stood when it was signed.
        set_aside: Indices of records that move nothing.
        edition_at: The rules in force where a record stands, before the one that comes next; set
            by who judges along the log.
    """

    def __init__(self, history: History) -> None:
        self._history = history
        self._kept: OrderedDict[bytes, Stream] = OrderedDict()
        self._light: dict[bytes, int] = {}  # by stream: positions that weigh nothing
        self._held = 0
        self.lost: dict[bytes, int] = {}
        self.doubted: dict[bytes, int] = {}
        self.set_aside: set[int] = set()
        self.edition_at: Callable[[int], Edition] = lambda _index: first_edition()

    def stream(
        self, stream_id: bytes, name: str, before: int, *, new: bool = False
    ) -> Stream | None:
        """A stream that is not lost, before an index; `new` where there is nothing to read.

        None where its rows are such that no stream can be folded from them: it is lost.
        """
        stream = self._kept.get(stream_id)
        if stream is not None:
            self._kept.move_to_end(stream_id)
            return stream
        try:
            stream = begin(UUID(bytes=stream_id), name)
            for row, statement in () if new else self._history(stream_id, before):
                self._fold(stream, row, statement)
        except NONSENSE:
            self.lose(stream_id, before)
            return None
        self._kept[stream_id] = stream
        self._light[stream_id] = stream.version + 1 - stream.state.weight
        self._held += stream.state.weight
        self._evict()
        return stream

    def _fold(self, stream: Stream, row: RawRecord, statement: Statement | None) -> None:
        if statement is None or row.at in self.set_aside:
            _pass(stream, row, None)  # what nobody can read moves nothing either
        elif statement.typ == SERVICE_TYP:
            _pass(stream, row, statement.digest_b64)
        else:
            stream.add(_event(row, statement, self.edition_at(row.at)))

    def grow(self, stream: Stream, row: RawRecord, event: StatementRecorded) -> None:
        """A statement stands."""
        stream.add(event.recorded(row.at, of_milliseconds(int(row.recorded_ms)), row.entry))
        if row.stream_id in self._kept:  # else let go of while others were judged beside it
            self._held += 1
        self._evict()

    def pass_over(self, stream: Stream, row: RawRecord, digest: str | None = None) -> None:
        """A position is taken by a record that is no act, or by one that moves nothing.

        Args:
            stream: Its stream.
            row: The record.
            digest: Of the statement that the next one follows, where it is this one.
        """
        if digest is None:
            self.set_aside.add(row.at)
        if row.seq == stream.version + 1:
            before = stream.state.weight
            _pass(stream, row, digest)
            if row.stream_id in self._light:
                weighs = stream.state.weight - before  # of junk little is left
                self._held += weighs
                self._light[row.stream_id] += 1 - weighs

    def lose(self, stream_id: bytes, index: int) -> None:
        """From this record on a stream is not known any more."""
        self.lost.setdefault(stream_id, index)
        self.doubted.pop(stream_id, None)
        self.forget(stream_id)

    def forget(self, stream_id: bytes) -> None:
        """Lets a stream go: somebody else has folded it further."""
        gone = self._kept.pop(stream_id, None)
        if gone is not None:
            self._held -= gone.version + 1 - self._light.pop(stream_id)

    def _evict(self) -> None:
        while self._held > MOST_STATEMENTS and len(self._kept) > 1:
            self.forget(next(iter(self._kept)))


def _pass(stream: Stream, row: RawRecord, digest: str | None) -> None:
    stream.pass_over(
        PositionPassed(
            originator_id=stream.id,
            originator_version=row.seq,
            stream=stream.name,
            digest=digest,
            index=row.at,
            recorded_at=EPOCH,  # the row may say anything, and nobody asks
            entry=row.entry,
            aside=_ASIDE if digest is None else None,
        )
    )


def _event(row: RawRecord, statement: Statement, edition: Edition) -> StatementRecorded:
    return StatementRecorded(
        originator_id=UUID(bytes=row.stream_id),
        originator_version=row.seq,
        stream=statement.members["stream"],
        statement=statement,
        act=known_act(statement.members),
        author=row.author,
        registry=row.registry,
        unit=UUID(bytes=row.unit or bytes(16)),
        edition=edition,
        index=row.at,
        recorded_at=of_milliseconds(int(row.recorded_ms)),
        entry=row.entry,
    )
