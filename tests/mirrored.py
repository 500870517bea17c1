"""A lower log in memory with its publisher, and what takes its segments in above it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from keys import canonical, sealed_file, sealed_segment
from keys.envelope_encryption import Kek, unwrap
from keys.hpke import OpeningKey
from ledger.errors import Conflict
from ledger.message import Message
from ledger.mirror import segment as segments
from ledger.mirror.ports import Claimed, Standing, Taken, TakenSegment
from ledger.mirror.publishing import Publisher
from ledger.mirror.segment import Segment
from ledger.mirror.taking_in import Lower, Mirror
from ledger.mirror.unit import ref_of
from ledger.ports import Entropy, LogHead, NoRecords, StoredRecord
from ledger.streams.record_reader import Opened, Reader
from tests import builders
from tests.a_ledger import ORIGIN, ALedger, appointment, enrolment, in_memory
from tests.builders import an_act
from tests.fakes import MemoryRecordStore

EVERY_S = 3_600
FIRST = 1_700_000_000 // EVERY_S * EVERY_S


@cache
def _slots() -> tuple[OpeningKey, ...]:
    return tuple(OpeningKey.generate() for _ in range(3))


@dataclass(slots=True)
class Below:
    """A lower log, as its publisher sees it.

    Attributes:
        a: Its ledger.
        store: Its rows, tiles and notes.
        shredded: What is erased there: index to act and its last index.
        published: How many records are.
        notes: The checkpoints that went up.
        at: The last turn of the clock.
        keys: The private halves of its slots, of which a deployment has at most one.
        most_bytes: The longest text of a segment.
        files: What was uploaded there, by digest.
    """

    a: ALedger
    store: MemoryRecordStore
    shredded: dict[int, tuple[UUID, int]] = field(default_factory=dict)
    published: int = 0
    notes: tuple[bytes, ...] = ()
    at: int = FIRST
    keys: tuple[OpeningKey, ...] = field(default_factory=_slots)
    most_bytes: int = sealed_segment.MOST_TEXT_BYTES
    files: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def founded(cls, origin: str = ORIGIN, *, entropy: Entropy | None = None) -> Below:
        """A log with officers in post, and those who may erase."""
        store = MemoryRecordStore()
        a = ALedger(in_memory(store), origin=origin, entropy=entropy)
        a.found()
        a.clock.step(seconds=1)
        a.hire("hotline", "cv", "gd")
        registry = builders.a_registry()
        for alias in builders.SIGNERS["RecordErased"]:
            agency, post = builders.CAST[alias]
            line = registry.agency(agency)
            assert line is not None
            powers = {*line.posts[post].powers, *builders.MORE_POWERS.get(alias, ())}
            a.say(appointment(alias, a.clock.now(), powers=sorted(powers)), "founder")
            a.say(enrolment(alias, a.clock.now()), "founder")
        made = cls(a, store)
        made.checkpoint()
        return made

    # -- what happens there ------------------------------------------------------------------------

    def checkpoint(self) -> None:
        """Signs everything recorded so far."""
        self.a.checkpointer().checkpoint_once()

    def case(self, number: int, *also: str, files: Sequence[bytes] = ()) -> int:
        """A case of a report, with files that it lists, and more; index of the report."""
        story = builders.Story(
            f"case/{builders.an_id(f'below {number}')}", start=self.a.clock.now()
        )
        listed = [self.upload(one) for one in files] or None
        for name in ("ReportReceived", *also):
            story.then(name, attachments=listed if name == "ReportReceived" else None)
        return self.tell(story)

    def tell(self, story: builders.Story, after: int = 0, upto: int | None = None) -> int:
        """The statements of a story behind seq `after`, up to another; index of the first."""
        index = self.a.stores.records.head().size
        by_uuid = {builders.officer(alias): alias for alias in (*builders.CAST, "founder")}
        every = [one for entry in story.stream.entries.values() for one in entry.signed]
        for one in sorted(every, key=lambda signed: signed.seq)[after:upto]:
            moment = datetime.fromtimestamp(one.iat, UTC)
            if moment > self.a.clock.now():
                self.a.clock.set(moment)
            alias = by_uuid[one.officer]
            self.a.send(self.a.sign(one.act, alias, role=one.role), by=alias)
        self.checkpoint()
        return index

    def erase(self, index: int, *, carried_out: bool = True, act_id: str | None = None) -> UUID:
        """A lawful act of erasure of one record, and what it does; its id."""
        self.a.clock.step(days=120)
        row = self.store.read(index, 1)[0]
        entry = canonical.b64(row.entry)
        self.a.others.records[index, entry] = row.stream
        named = [{"index": index, "entry": entry}]
        act = an_act(
            "RecordErased", when=self.a.clock.now(), facts={"entries": named},
            act_id=act_id or builders.an_id(f"erasure of {entry}"),
        )  # fmt: skip
        self.a.say(act, *builders.SIGNERS["RecordErased"])
        self.checkpoint()
        if carried_out:
            self.shred(index, UUID(act.act_id))
        return UUID(act.act_id)

    def upload(self, data: bytes) -> dict[str, Any]:
        """A file is uploaded there: as an act lists it."""
        digest = segments.file_digest(data)
        self.files[digest] = data
        named = {"media_type": "application/pdf", "name": "bien-ban.pdf"}
        return {"digest": digest, "size": len(data), **named}

    def shred(self, index: int, act_id: UUID) -> None:
        """Destroys the key of a record."""
        self.store._records[index] = replace(self.store._records[index], wrap=None)
        self.shredded[index] = act_id, self.store.head().size - 1

    # -- Published, TileStore ----------------------------------------------------------------------

    def read(self, start: int, limit: int) -> Sequence[StoredRecord]:
        """See `Published`."""
        return self.store.read(start, limit)

    def newest(self) -> int:
        """See `Published`."""
        return max(self.store._notes, default=0)

    def covering(self, size: int) -> tuple[int, bytes] | None:
        """See `Published`."""
        sizes = [one for one in self.store._notes if one >= size]
        return None if not sizes else (min(sizes), self.store._notes[min(sizes)])

    def erased(self, start: int, end: int) -> Mapping[int, tuple[UUID, int]]:
        """See `Published`."""
        return {n: one for n, one in self.shredded.items() if start <= n < end}

    # -- PublishedFiles --------------------------------------------------------------------------

    def file(self, record: Opened, listed: Mapping[str, Any]) -> bytes | None:
        """See `PublishedFiles`."""
        del record
        return self.files.get(str(listed["digest"]))

    # -- publishing --------------------------------------------------------------------------------

    def segment(self) -> Segment:
        """What comes next, not signed or sealed yet."""
        reader = Reader(NoRecords(), self.a.keys.kek, self.a.origin, self.a.level)
        publisher = Publisher(self, self.store, reader, self, most_bytes=self.most_bytes)
        self.at += EVERY_S
        return publisher.next(self.published, self.at, self.notes)

    def publish(self) -> bytes:
        """The next segment, sealed."""
        made = self.segment()
        self.published, self.notes = made.end, (*self.notes, made.checkpoint)
        return self.sealed(made)

    def sealed(self, made: Segment) -> bytes:
        """A segment, signed and sealed as it is published."""
        text = segments.build(made, self.a.keys.log)
        slots = [one.public for one in self.keys]
        return sealed_segment.seal(text, origin=self.a.origin, slots=slots)

    @property
    def lower(self) -> Lower:
        """What whoever is above trusts."""
        return Lower(self.a.origin, self.a.level, self.store.read(0, 1)[0].entry)


class MemoryMirror:
    """`MirrorStore` in memory."""

    def __init__(self, origin: str = ORIGIN) -> None:
        self._origin = origin
        self.rows: list[StoredRecord] = []
        self.named: list[UUID] = []
        self.aside: dict[int, str] = {}
        self.claimed: dict[int, tuple[UUID, int]] = {}
        self.gone: dict[int, UUID] = {}
        self.files: dict[int, list[bytes | None]] = {}
        self.tokens: dict[bytes, tuple[UUID, int]] = {}
        self.brought: list[TakenSegment] = []
        self._at = -1
        self._note: bytes | None = None

    def standing(self) -> Standing:
        """See `MirrorStore`."""
        waiting = [
            Claimed(n, self.rows[n].entry, act, at)
            for n, (act, at) in sorted(self.claimed.items())
            if self.gone.get(n) != act
        ]
        return Standing(len(self.rows), self._at, self._note, tuple(waiting))

    def asides(self) -> Mapping[int, str]:
        """See `MirrorStore`."""
        return self.aside

    def segments(self) -> Sequence[TakenSegment]:
        """See `MirrorStore`."""
        return self.brought

    def refs(self, start: int, limit: int) -> Sequence[UUID]:
        """See `MirrorStore`."""
        return self.named[start : start + limit]

    def erasures(self) -> Mapping[int, UUID]:
        """See `MirrorStore`."""
        return self.gone

    def file(self, index: int, n: int) -> bytes | None:
        """See `MirrorStore`."""
        return self.files[index][n]

    def listed(self, start: int, end: int) -> Mapping[int, int]:
        """See `MirrorStore`."""
        return {n: len(one) for n, one in self.files.items() if start <= n < end}

    def heads(self, stream_ids: Collection[UUID]) -> Mapping[UUID, int]:
        """See `MirrorStore`."""
        found: dict[UUID, int] = {}
        for row in self.rows:
            if row.stream_id in stream_ids and row.seq:
                found[row.stream_id] = row.seq
        return found

    def take(self, taken: Taken) -> None:
        """See `MirrorStore`."""
        if taken.start != len(self.rows) or taken.at <= self._at:
            raise Conflict("moved", Message("another import was first"))
        for one in taken.rows:
            self.rows.append(one.row)
            self.named.append(ref_of(self._origin, one.row.act_id))
            if one.aside is not None:
                self.aside[one.row.index] = one.aside
            if one.erased_by is not None:
                self.claimed[one.row.index] = one.erased_by
            if one.files:
                self.files[one.row.index] = list(one.files)
            for tag in one.tags:
                self.tokens.setdefault(tag, (one.row.stream_id, one.row.index))
        for index, act in taken.erased:
            self.rows[index] = replace(self.rows[index], wrap=None)
            self.gone[index] = act
            self.files.pop(index, None)
        at = datetime.fromtimestamp(taken.at, UTC)
        self.brought.append(TakenSegment(taken.at, len(self.rows), taken.root, at))
        self._at, self._note = taken.at, taken.checkpoint

    def head(self) -> LogHead:
        """See `RecordStore`."""
        registry = max((row.index for row in self.rows if row.registry), default=-1)
        return LogHead(len(self.rows), self.rows[-1].recorded_at if self.rows else None, registry)

    def read(self, start: int, limit: int) -> Sequence[StoredRecord]:
        """See `RecordStore`."""
        return self.rows[start : start + limit]

    def cases(self, start: int, end: int, digits: str) -> Sequence[StoredRecord]:
        """See `RecordStore`."""
        del digits
        return self.rows[start:end]

    def stream(self, stream_id: UUID, after_seq: int = 0) -> Sequence[StoredRecord]:
        """See `RecordStore`."""
        return [row for row in self.rows if row.stream_id == stream_id and row.seq > after_seq]

    def registry(self, after_index: int) -> Sequence[StoredRecord]:
        """See `RecordStore`."""
        return [row for row in self.rows if row.registry and row.index > after_index]

    def act(self, act_id: UUID) -> Sequence[StoredRecord]:
        """See `RecordStore`."""
        return [row for row in self.rows if row.act_id == act_id]

    def entries(self, start: int, end: int) -> Sequence[bytes]:
        """See `RecordStore`."""
        return [row.entry for row in self.rows[start:end]]

    def token(self, tag: bytes) -> tuple[UUID, int] | None:
        """See `RecordStore`."""
        return self.tokens.get(tag)


@dataclass(slots=True)
class Above:
    """What takes the segments of one lower log in."""

    below: Below
    store: MemoryMirror = field(default_factory=MemoryMirror)
    kek: Kek = field(default_factory=Kek.generate)
    slot: int = 1
    level: str = "mat"

    def mirror(self) -> Mirror:
        """Another process's."""
        return Mirror(self.store, self.kek, self.below.lower, self.level, self.now)

    def now(self) -> datetime:
        """The clock above."""
        return datetime.fromtimestamp(self.below.at, UTC) + timedelta(minutes=1)

    def file(self, index: int, n: int) -> bytes | None:
        """A file that was taken in, by the key of its record; None where it is not here."""
        (row,) = self.store.read(index, 1)
        sealed = self.store.file(index, n)
        act = self.reader().open(row).act
        if sealed is None or act is None:
            return None
        dek = unwrap(self.kek, row.wrap or b"", origin=self.below.a.origin, entry=row.entry)
        key, digest = sealed_file.key_beside(dek, n), str(act.attachments[n]["digest"])
        return b"".join(sealed_file.open_sealed([sealed], key, digest=digest))

    def opened(self, sealed: bytes) -> Segment:
        """A segment as it comes out of the child process."""
        framed = sealed_segment.open_segment(sealed, [self.below.keys[self.slot]])
        parsed = segments.parse(sealed_segment.unframe(framed))
        return segments.unpacked(segments.packed(parsed))

    def reader(self) -> Reader:
        """Opens what is stored."""
        return Reader(self.store, self.kek, self.below.a.origin, self.below.a.level)
