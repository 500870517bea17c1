"""Makes the next segment of a log: every record behind the last one published (access.md F8).

What is published depends on the log and on the turn of the clock, and on nothing else: whoever is
there to take it in, or nobody, changes no byte of it. Who sealed it to whom is not known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol
from uuid import UUID

from keys import sealed_segment
from keys.note import parse_note
from ledger.errors import Unavailable, VerificationError
from ledger.log import merkle
from ledger.log.checkpoint import Checkpoint, unverified
from ledger.log.tiles import TileNodes, root_from_tiles
from ledger.message import Message
from ledger.mirror.segment import (
    MOST_ITEMS,
    Gone,
    Item,
    Kept,
    RecordPlace,
    Segment,
    SegmentFile,
    Unread,
    bytes_of,
    going_up,
)
from ledger.ports import StoredRecord, TileStore
from ledger.streams.names import is_stream, stream_id
from ledger.streams.record_reader import Opened, Reader

_PAGE: Final = 256
_APART_BYTES: Final = 65_536
"""Room for what is beside the items: the note is some kilobytes."""


class Published(Protocol):
    """The log below, as its publisher reads it."""

    def read(self, start: int, limit: int) -> Sequence[StoredRecord]:
        """Records `start` … in index order, at most `limit`, without a gap."""

    def newest(self) -> int:
        """Size of the newest checkpoint; 0 where there is none."""

    def covering(self, size: int) -> tuple[int, bytes] | None:
        """Size and note of the first checkpoint that covers so many records."""

    def erased(self, start: int, end: int) -> Mapping[int, tuple[UUID, int]]:
        """Those of these records that are shredded: the act, and where its last statement is."""


class PublishedFiles(Protocol):
    """Files of acts below, as the publisher reads them."""

    def file(self, record: Opened, listed: Mapping[str, Any]) -> bytes | None:
        """A file that an act lists; None where nothing below opens to it.

        Raises:
            Unavailable: The store cannot be reached.
        """


class Publisher:
    """The publisher of one log.

    Args:
        log: The log.
        tiles: Its tree.
        reader: Opens its records.
        files: Files of its acts.
        most_bytes: The longest text; what does not fit goes with the next turn.
    """

    def __init__(
        self,
        log: Published,
        tiles: TileStore,
        reader: Reader,
        files: PublishedFiles,
        *,
        most_bytes: int = sealed_segment.MOST_TEXT_BYTES,
    ) -> None:
        self._log = log
        self._tiles = tiles
        self._reader = reader
        self._files = files
        self._room = most_bytes - _APART_BYTES

    def next(self, start: int, at: int, before: Sequence[bytes] = ()) -> Segment:
        """What comes behind the records that were published.

        Args:
            start: How many those are.
            at: The turn of the clock, in seconds since 1970.
            before: Notes that went up, in any order.

        Raises:
            Unavailable: `no_checkpoint`: none covers what was published. The log has just begun, or
                is not the one of which so much went up.
        """
        items, files = self._items(start, self._log.newest())
        end = self._before_other_keys(start, start + len(items), before)
        items, files = items[: end - start], [one for one in files if one.index < end]
        found = self._covering(end, before)
        if found is None:
            raise self._uncovered(start)
        path = merkle.consistency_path(end, found[0], TileNodes(found[0], self._tiles))
        return Segment(
            self._reader.origin, at, start, tuple(items), found[1], tuple(path), files=tuple(files)
        )

    def _uncovered(self, start: int) -> Unavailable:
        newest = self._log.newest()
        if not newest:
            said = Message("No checkpoint covers the log yet; nothing was published. Try again.")
        else:
            said = Message(
                "Nothing was published: it was to go on behind {start} records, and the log is"
                " signed up to {newest}. An older database was put back, or --from is too much:"
                " socai log audit",
                start=start,
                newest=newest,
            )
        return Unavailable("no_checkpoint", said)

    def _covering(self, end: int, before: Sequence[bytes]) -> tuple[int, bytes] | None:
        """The first note that covers so many records: one that went up, as long as it does.

        The log may have forgotten it since. Above, another one for records that it covers would be
        another history: whoever takes them in has no proof from one to the other.
        """
        found = self._log.covering(end)
        if found is None:
            return None
        for known, note in sorted(((unverified(one), one) for one in before), key=_size):
            there = end <= known.size < found[0]
            if there and root_from_tiles(known.size, self._tiles) == known.root:
                return known.size, note
        return found

    def _before_other_keys(self, start: int, end: int, before: Sequence[bytes]) -> int:
        """Where a segment ends: earlier than it might where its checkpoint is by other keys.

        Whoever takes it in knows the keys that its records lead to, and one that ends amid the
        statements of a recovery leads to the old ones, and is covered by the new ones.
        """
        first = self._covering(start + 1, before)
        while first is not None and end > start + 1:
            found = self._covering(end, before)
            if found is None or found[0] == end or self._signed_by(found) == self._signed_by(first):
                break
            end = start + (end - start) // 2
        return end

    def _signed_by(self, noted: tuple[int, bytes]) -> set[bytes]:
        """The log's own key under a note, as notes tell keys apart."""
        signatures = parse_note(noted[1]).signatures
        return {one.key_id for one in signatures if one.name == self._reader.origin}

    def _items(self, start: int, end: int) -> tuple[list[Item], list[SegmentFile]]:
        """The records that fit, each with its files."""
        items: list[Item] = []
        files: list[SegmentFile] = []
        left = self._room
        for row, erased in self._rows(start, min(end, start + MOST_ITEMS)):
            item, brought = self._item(row, erased)
            left -= bytes_of(item, row.index, brought)
            if left < 0:
                break
            items.append(item)
            files += brought
        return items, files

    def _rows(self, start: int, end: int) -> Iterator[tuple[StoredRecord, tuple[UUID, int] | None]]:
        for first in range(start, end, _PAGE):
            rows = self._log.read(first, min(_PAGE, end - first))
            gone = self._log.erased(first, first + len(rows))
            for index, row in enumerate(rows, first):
                if row.index != index:
                    raise VerificationError("gap", f"found index {row.index}", index)
                yield row, gone.get(index)

    def _item(
        self, row: StoredRecord, erased: tuple[UUID, int] | None
    ) -> tuple[Item, list[SegmentFile]]:
        place = self._place(row)
        if row.wrap is None:
            if place is not None and erased is not None:
                return Gone(row.entry, place, *erased), []
            return Unread(row.entry, place), []
        try:
            opened = self._reader.open(row)
        except VerificationError:  # noise, or damage: everybody sets it aside
            return Unread(row.entry, place), []
        return Kept(opened.envelope), self._brought(opened)

    def _place(self, row: StoredRecord) -> RecordPlace | None:
        """Where a row stands; None under a name that is none, or whose id is another.

        Above, a name alone says which stream it is: there such a row would stand in the place of
        a record of the stream that has the name.
        """
        if not is_stream(row.stream) or stream_id(self._reader.origin, row.stream) != row.stream_id:
            return None
        return RecordPlace(row.stream, row.seq, row.act_id) if row.seq >= 1 else None

    def _brought(self, record: Opened) -> list[SegmentFile]:
        """The files of a record's act, each with its bytes where they fit and are there."""
        if record.act is None or record.statement is None:
            return []
        return [
            SegmentFile(record.index, n, self._files.file(record, listed) if fits else None)
            for n, (listed, fits) in enumerate(going_up(record.act, record.statement.role))
        ]


def _size(noted: tuple[Checkpoint, bytes]) -> int:
    return noted[0].size
