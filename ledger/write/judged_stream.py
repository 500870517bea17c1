"""One stream as the rules have it: which of its records stand, and why the others do not.

Judged as far as anybody asks, and gone on with from there.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from ledger.admission.judge import event_of
from ledger.errors import VerificationError
from ledger.ports import RecordStore, StoredRecord
from ledger.streams.event import ContentErased, Event, PositionPassed, SetAside
from ledger.streams.kept import BoundedCache
from ledger.streams.kinds import begin
from ledger.streams.names import stream_id
from ledger.streams.record_reader import Reader
from ledger.write.registry_follower import RegistryFollower

END: Final = 2**62
_MOST_STATEMENTS: Final = 20_000
"""Statements of streams judged in full that are kept, to go on from where they were left."""
_Asked = tuple[bytes, bool, bool, UUID]


class JudgedStream:
    """The records of one stream, each judged at its index.

    Args:
        follower: The registry at every index.
        store: Where records lie.
        reader: Opens them, as strictly as the door parses.
        name: Name of the stream.
    """

    def __init__(
        self, follower: RegistryFollower, store: RecordStore, reader: Reader, name: str
    ) -> None:
        self._follower = follower
        self._store = store
        self._reader = reader
        self._stream = begin(stream_id(reader.origin, name), name)
        self._found: dict[int, SetAside | None] = {}
        self._refused: list[int] = []
        self._asked: dict[int, _Asked] = {}
        self._reached = 0
        self._ended = False

    def upto(self, before: int = END) -> dict[int, SetAside | None]:
        """Why each record before an index is set aside, None where it stands.

        It ends at an erased record: what stands behind one nobody can tell from the log. Where
        somebody has asked further it goes further: no copy is made for each of a long stream.
        """
        if self._ended or before <= self._reached:
            return self._found
        for row in self._store.stream(self._stream.id, self._stream.version):
            if row.index >= before:
                break
            if self._settled(row) is None:
                break
        self._reached = before if before < END else 0
        return self._found

    def aside(self, row: StoredRecord) -> SetAside | None:
        """Why a record is set aside; None where it stands, and where nobody can tell.

        Asked of one after the other, the store is not asked again for what is at hand.
        """
        if row.index not in self._found and row.stream_id == self._stream.id:
            if row.seq != self._stream.version + 1:
                self.upto(row.index)
            if not self._ended and not self.reached(row):
                self._settled(row)
        return self._found.get(row.index)

    def refused(self, before: int) -> Sequence[int]:
        """Records before an index that are set aside, in order."""
        self.upto(before)
        return self._refused[: bisect_left(self._refused, before)]

    def event(self, row: StoredRecord) -> Event | ContentErased:
        """A record of the stream as the rules have it, or what is left of an erased one.

        Behind an erased record of the stream an act is asked only who signed it.
        """
        if row.seq != self._stream.version + 1:
            self.upto(row.index)
        event = None if self._ended else self._settled(row)
        return event or self._alone(row)

    def reached(self, row: StoredRecord) -> bool:
        """Whether it stands behind a record of the stream already."""
        return row.seq <= self._stream.version

    def judges(self, row: StoredRecord) -> bool:
        """Whether it was this record that was judged at its index, and not another."""
        return self._asked.get(row.index) == _asked(row)

    def _settled(self, row: StoredRecord) -> Event | None:
        """The next record, judged; None where its content is erased, and all that follows ends."""
        self._follower.reach(row.index)
        try:
            event = self._follower.settled(self._stream, event_of(self._reader, row))
        except VerificationError:
            self._ended = True
            return None
        event.mutate(self._stream)
        aside = event.aside if isinstance(event, PositionPassed) else None
        self._found[row.index] = aside
        if aside is not None:
            self._refused.append(row.index)
        self._asked[row.index] = _asked(row)
        return event

    def _alone(self, row: StoredRecord) -> Event | ContentErased:
        self._follower.reach(row.index)
        try:
            event = event_of(self._reader, row)
        except VerificationError:
            return ContentErased(
                originator_id=row.stream_id,
                originator_version=row.seq,
                stream=row.stream,
                index=row.index,
                recorded_at=row.recorded_at,
                entry=row.entry,
            )
        return self._follower.signed(event)

    @property
    def weight(self) -> int:
        """What it takes of memory, as `StreamState.weight`."""
        return self._stream.state.weight

    def open(self) -> Mapping[int, str]:
        """Entry in b64, by index, of what is set aside and no act has voided yet."""
        return self._stream.state.aside


def _asked(row: StoredRecord) -> _Asked:
    """What a judgement rests on of a row: its entry, and the columns that no entry is bound to."""
    return row.entry, row.author, row.registry, row.unit


class JudgedStreams:
    """The streams that were asked about last, judged.

    Args:
        follower: The registry at every index.
        store: Where records lie.
        reader: Opens them.
    """

    def __init__(self, follower: RegistryFollower, store: RecordStore, reader: Reader) -> None:
        self._parts = follower, store, reader.for_judges()
        self._kept: BoundedCache[str, JudgedStream] = BoundedCache(_MOST_STATEMENTS)

    def forget(self) -> None:
        """Lets go of every stream it keeps."""
        self._kept.clear()

    def upto(self, stream: str, before: int) -> dict[int, SetAside | None]:
        """As `JudgedStream.upto`, of a stream of this name."""
        judged = self._take(stream)
        found = judged.upto(before)
        self._kept.put(stream, judged, judged.weight)
        return found

    def aside(self, row: StoredRecord) -> SetAside | None:
        """As `JudgedStream.aside`, of the stream of a row."""
        judged = self._take(row.stream)
        found = judged.aside(row)
        self._kept.put(row.stream, judged, judged.weight)
        return found

    def refused(self, stream: str, before: int) -> Sequence[int]:
        """As `JudgedStream.refused`, of a stream of this name."""
        judged = self._take(stream)
        refused = judged.refused(before)
        self._kept.put(stream, judged, judged.weight)
        return refused

    def event(self, row: StoredRecord) -> Event | ContentErased:
        """As `JudgedStream.event`, of the stream of a row."""
        follower, store, reader = self._parts
        if stream_id(reader.origin, row.stream) != row.stream_id:
            return event_of(reader, row)  # of no stream: nobody can read it
        judged = self._take(row.stream)
        if judged.reached(row):  # asked for again: from the beginning
            judged = JudgedStream(follower, store, reader, row.stream)
        event = judged.event(row)
        self._kept.put(row.stream, judged, judged.weight)
        return event

    def _take(self, stream: str) -> JudgedStream:
        return self._kept.take(stream) or JudgedStream(*self._parts, stream)
