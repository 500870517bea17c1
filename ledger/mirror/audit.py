"""Whether a mirror is what was taken in: everything stored is taken in once more, into nothing.

Whoever owns the database above can change a row of it. Each record is opened to its entry, the
entries are held to the newest checkpoint, and what is stored beside a record is what judging it
gives again. The signature of a segment is gone with it: what the log below said without an envelope
is only compared with itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from keys import envelope_encryption, sealed_file
from keys.envelope_encryption import Keks
from keys.errors import Unsealable
from keys.lost_checkpoint import known
from ledger.errors import VerificationError
from ledger.log import checkpoint as checkpoints
from ledger.log import record
from ledger.log.merkle import Frontier
from ledger.mirror.ports import MirrorStore, Standing, Taken, TakenRow, TakenSegment
from ledger.mirror.refusal import SegmentRefused
from ledger.mirror.segment import (
    Gone,
    Item,
    Kept,
    RecordPlace,
    Segment,
    Unread,
    file_digest,
    going_up,
)
from ledger.mirror.taking_in import Lower, TakingIn
from ledger.mirror.unit import ref_of
from ledger.ports import LogHead, StoredRecord
from ledger.streams.names import is_stream
from ledger.streams.record_reader import Reader

_PAGE: Final = 1_024


@dataclass(frozen=True, slots=True)
class MirrorFinding:
    """Something stored that is not what was taken in.

    Attributes:
        kind: `gap`, a kind of `Reader.open`, `columns`, `aside`, `token`, `file`, `erased`,
            `checkpoint`,
            `segment` (what is said of the tree behind one), or a kind of `SegmentRefused`.
        index: Of the record, where it is one's; of a segment: how many records there are then.
    """

    kind: str
    index: int | None = None


class _Upto:
    """A mirror as it was at some size, while it is taken in again."""

    def __init__(self, stored: MirrorStore) -> None:
        self._stored = stored
        self._heads: dict[UUID, int] = {}
        self._registry = -1
        self.size = 0

    def grow(self, rows: Sequence[TakenRow]) -> None:
        """These are taken in again."""
        for one in rows:
            if one.row.seq:
                self._heads[one.row.stream_id] = one.row.seq
            if one.row.registry:
                self._registry = one.row.index
        self.size += len(rows)

    def _kept(self, rows: Iterable[StoredRecord]) -> list[StoredRecord]:
        return [row for row in rows if row.index < self.size]

    def standing(self) -> Standing:
        return replace(self._stored.standing(), size=self.size, checkpoint=None, unexplained=())

    def file(self, index: int, n: int) -> bytes | None:
        return self._stored.file(index, n)

    def listed(self, start: int, end: int) -> Mapping[int, int]:
        return self._stored.listed(start, end)

    def heads(self, stream_ids: Collection[UUID]) -> Mapping[UUID, int]:
        return {one: self._heads[one] for one in stream_ids if one in self._heads}

    def segments(self) -> Sequence[TakenSegment]:
        return ()

    def refs(self, start: int, limit: int) -> Sequence[UUID]:
        return self._stored.refs(start, limit)

    def erasures(self) -> Mapping[int, UUID]:
        return {}

    def asides(self) -> Mapping[int, str]:
        return {}

    def take(self, taken: Taken) -> None:
        del taken
        raise TypeError("an audit stores nothing")

    def head(self) -> LogHead:
        last = self._stored.read(self.size - 1, 1) if self.size else ()
        return LogHead(self.size, last[0].recorded_at if last else None, self._registry)

    def read(self, start: int, limit: int) -> Sequence[StoredRecord]:
        return self._kept(self._stored.read(start, limit))

    def cases(self, start: int, end: int, digits: str) -> Sequence[StoredRecord]:
        return self._kept(self._stored.cases(start, end, digits))

    def stream(self, stream_id: UUID, after_seq: int = 0) -> Iterable[StoredRecord]:
        return self._kept(self._stored.stream(stream_id, after_seq))

    def registry(self, after_index: int) -> Iterable[StoredRecord]:
        return self._kept(self._stored.registry(after_index))

    def act(self, act_id: UUID) -> Sequence[StoredRecord]:
        return self._kept(self._stored.act(act_id))

    def entries(self, start: int, end: int) -> Sequence[bytes]:
        return self._stored.entries(start, min(end, self.size))

    def token(self, tag: bytes) -> tuple[UUID, int] | None:
        found = self._stored.token(tag)
        return found if found is not None and found[1] < self.size else None


def findings(stored: MirrorStore, kek: Keks, lower: Lower, level: str) -> Iterator[MirrorFinding]:
    """What is wrong with a mirror, in the order of its records; nothing where it is sound.

    Args:
        stored: What was taken in.
        kek: The own KEK.
        lower: The log.
        level: The own level.
    """
    size, note = stored.standing().size, stored.standing().checkpoint
    reader, asides = Reader(stored, kek, lower.origin, lower.level), stored.asides()
    again = _Upto(stored)
    folded = TakingIn(again, kek, lower, level)
    named: dict[int, UUID] = {}
    for start in range(0, size, _PAGE):
        rows = stored.read(start, min(_PAGE, size - start))
        if [row.index for row in rows] != list(range(start, min(start + _PAGE, size))):
            yield MirrorFinding("gap", start)
            return
        items: list[Item] = []
        yield from _opened(rows, reader, stored, kek, items)
        try:
            taken = folded.again(Segment(lower.origin, 0, start, tuple(items), b"", ()))
        except (SegmentRefused, ValueError) as refused:
            kind = refused.kind if isinstance(refused, SegmentRefused) else "columns"
            yield MirrorFinding(kind, start)
            return
        refs = stored.refs(start, len(rows))
        for row, one, ref in zip(rows, taken.rows, refs, strict=True):
            if ref != ref_of(lower.origin, row.act_id):
                yield MirrorFinding("columns", row.index)
            yield from _compared(row, one, stored, asides.get(row.index))
        named.update(taken.erased)
        again.grow(taken.rows)
    yield from _segments(stored, size)
    yield from _whole(folded, stored, lower, note, named)


def _segments(stored: MirrorStore, size: int) -> Iterator[MirrorFinding]:
    """What is said of the tree behind each segment: officers above sign that they were shown it."""
    said: dict[int, set[bytes]] = {size: set()} if size else {}
    for one in stored.segments():
        said.setdefault(one.size, set()).add(one.root)
    frontier = Frontier()
    for end in sorted(said):
        for start in range(frontier.size, min(end, size), _PAGE):
            for entry in stored.entries(start, min(start + _PAGE, end, size)):
                frontier.append(record.leaf(entry))
        if frontier.size != end or said[end] != {frontier.root()}:
            yield MirrorFinding("segment", end)


def _whole(
    folded: TakingIn,
    stored: MirrorStore,
    lower: Lower,
    note: bytes | None,
    named: Mapping[int, UUID],
) -> Iterator[MirrorFinding]:
    """What is told by all of the records: who erased what, and the checkpoint."""
    gone = stored.erasures()
    for index in sorted(gone.keys() | named.keys()):
        if gone.get(index) != named.get(index):
            yield MirrorFinding("erased", index)
    if stored.standing().size and list(stored.entries(0, 1)) != [lower.genesis]:
        yield MirrorFinding("genesis", 0)
    if note is None:
        return
    try:
        signed = checkpoints.unverified(note)
        vkeys = known(folded.log_keys.at(signed.size))
        checkpoints.open_checkpoint(note, vkeys, origin=lower.origin)
    except VerificationError:
        yield MirrorFinding("checkpoint")
        return
    if signed.size < folded.frontier.size or (
        signed.size == folded.frontier.size and signed.root != folded.frontier.root()
    ):
        yield MirrorFinding("tree")


def _item(
    row: StoredRecord, reader: Reader, erasures: Mapping[int, UUID]
) -> tuple[Item, str | None]:
    """A stored record as it would come again, and what is wrong with it."""
    named = is_stream(row.stream) and row.seq > 0
    place = RecordPlace(row.stream, row.seq, row.act_id) if named else None
    if row.wrap is None:
        act = erasures.get(row.index)
        if act is None or place is None:
            return Unread(row.entry, place), "wrap"
        return Gone(row.entry, place, act, row.index + 1), None
    if row.wrap == b"":
        return Unread(row.entry, place), None
    try:
        return Kept(reader.open(row).envelope), None
    except VerificationError as error:
        # the act may be of a form that this program does not know: then the envelope is there
        return Unread(row.entry, place), error.kind


def _opened(
    rows: Sequence[StoredRecord], reader: Reader, stored: MirrorStore, kek: Keks, items: list[Item]
) -> Iterator[MirrorFinding]:
    """What is wrong with records of a page by themselves, and with their files."""
    listed = stored.listed(rows[0].index, rows[-1].index + 1)
    erasures = stored.erasures()
    for row in rows:
        item, damage = _item(row, reader, erasures)
        items.append(item)
        if damage is not None:
            yield MirrorFinding(damage, row.index)
        elif not _has_files(row, item, reader, stored, kek, listed.get(row.index, 0)):
            yield MirrorFinding("file", row.index)


def _has_files(
    row: StoredRecord, item: Item, reader: Reader, stored: MirrorStore, kek: Keks, count: int
) -> bool:
    """Whether the files of a record are those its act lists, or were left out."""
    if not isinstance(item, Kept):
        return count == 0
    opened = reader.open(row)
    act, statement = opened.act, opened.statement
    listed = [] if act is None or statement is None else going_up(act, statement.role)
    if count != len(listed):
        return False
    for n, (one, fits) in enumerate(listed):
        sealed = stored.file(row.index, n)
        if sealed is None:
            continue
        try:
            dek = envelope_encryption.unwrap(
                kek, row.wrap or b"", origin=reader.origin, entry=row.entry
            )
            key = sealed_file.key_beside(dek, n)
            data = b"".join(sealed_file.open_sealed([sealed], key, digest=str(one["digest"])))
        except Unsealable:
            return False
        if not fits or (file_digest(data), len(data)) != (one["digest"], one["size"]):
            return False
    return True


def _compared(
    row: StoredRecord, again: TakenRow, stored: MirrorStore, aside: str | None
) -> Iterator[MirrorFinding]:
    if row.wrap is None:
        return
    if replace(row, state=b"", wrap=None) != replace(again.row, state=b"", wrap=None):
        yield MirrorFinding("columns", row.index)
    if aside != again.aside:
        yield MirrorFinding("aside", row.index)
    for tag in again.tags:
        noted = stored.token(tag)
        if noted is None or noted[1] > row.index:
            yield MirrorFinding("token", row.index)
