"""The ports in memory, with a hook for faults; held to their promises by `tests/contract`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from ledger.audit.rules.token_owners import RawToken
from ledger.errors import Conflict, Fatal, NotFound
from ledger.log import merkle
from ledger.message import Wording
from ledger.ports import (
    NIL_UNIT,
    Appended,
    Draft,
    LogHead,
    NewestTree,
    NotAppended,
    Pruned,
    StoredRecord,
    Uncovered,
)
from ledger.steps import Steps, finished

Fault = Callable[[str], None]


def no_fault(point: str) -> None:
    """Nothing fails."""
    del point


class MemoryRecordStore:
    """`RecordStore`, `Appender`, `TileStore` and `CheckpointStore` of one log in one process.

    Args:
        fault: Called at `append`, `appended`, `read`, `seal` and `sealed`; what it raises the
            caller gets. At `appended` and `sealed` the write has landed already: the answer was
            lost.
    """

    def __init__(self, fault: Fault = no_fault) -> None:
        self.fault = fault
        self._lock = threading.RLock()
        self._records: list[StoredRecord] = []
        self._seqs: dict[UUID, int] = {}
        self._authored: set[UUID] = set()
        self._head = LogHead(0, None, -1)
        self._tiles: dict[tuple[int, int, int], bytes] = {}
        self._notes: dict[int, bytes] = {}
        self._tokens: dict[bytes, tuple[UUID, int]] = {}
        self._news = threading.Condition()

    # -- a database can be copied, and a copy put in its place -------------------------------------

    def backup(self) -> dict[str, Any]:
        """Everything that is stored."""
        kept = ("_records", "_seqs", "_authored", "_head", "_tiles", "_notes", "_tokens")
        return {name: copy(getattr(self, name)) for name in kept}

    def restore(self, backup: Mapping[str, Any]) -> None:
        """It is as it was then."""
        for name, value in backup.items():
            setattr(self, name, copy(value))

    # -- Appender ----------------------------------------------------------------------------------

    def append(self, draft: Draft) -> Appended:
        """See `Appender`."""
        self.fault("append")
        with self._lock:
            at = draft.at
            if self._head.recorded_at is not None and at < self._head.recorded_at:
                at = self._head.recorded_at
            self._refuse(draft, at)
            sealed = draft.seal(at)
            index = self._head.size
            self._records.append(
                StoredRecord(
                    index=index,
                    stream_id=draft.stream_id,
                    seq=draft.seq,
                    act_id=draft.act_id,
                    author=draft.author,
                    topic=draft.topic,
                    state=sealed.state,
                    entry=sealed.entry,
                    recorded_at=at,
                    wrap=sealed.wrap,
                    stream=draft.stream,
                    unit=draft.unit,
                    registry=draft.registry,
                )
            )
            self._seqs[draft.stream_id] = draft.seq
            if draft.author:
                self._authored.add(draft.act_id)
            for tag in draft.tags:
                self._tokens.setdefault(tag, (draft.stream_id, index))
            registry = index if draft.registry else self._head.registry_index
            self._head = LogHead(index + 1, at, registry)
            answer = Appended(index, at, sealed.entry, self._head)
        with self._news:
            self._news.notify_all()
        self.fault("appended")
        return answer

    def append_judged(self, draft: Steps[Draft]) -> Appended:
        """See `Appender`: a group of one."""
        return self.append(finished(draft))

    def _refuse(self, draft: Draft, at: datetime) -> None:
        if draft.seq != self._seqs.get(draft.stream_id, 0) + 1:
            raise NotAppended("stale", self._head)
        if draft.author and draft.act_id in self._authored:
            raise NotAppended("taken", self._head)
        if draft.registry_index != self._head.registry_index or self._moved(draft):
            raise NotAppended("judge_again", self._head)
        if draft.latest is not None and at > draft.latest:
            raise NotAppended("late", self._head)

    def _moved(self, draft: Draft) -> bool:
        """Whether a stream that was asked about has grown, or a token stands elsewhere by now."""
        for of, known in draft.asked.items():
            if of == NIL_UNIT:
                news = (r.stream for r in self._records[known + 1 :])
                if any(name.startswith("programme/") for name in news):
                    return True
            elif self._seqs.get(of, 0) > known:
                return True
        noted = (self._tokens.get(tag) for tag in draft.tags)
        return any(one is not None and one[0] != draft.stream_id for one in noted)

    # -- RecordStore -------------------------------------------------------------------------------

    def head(self) -> LogHead:
        """See `RecordStore`."""
        self.fault("read")
        return self._head

    def read(self, start: int, limit: int) -> Sequence[StoredRecord]:
        """See `RecordStore`."""
        self.fault("read")
        return self._records[start : start + limit]

    def cases(self, start: int, end: int, digits: str) -> Sequence[StoredRecord]:
        """See `RecordStore`."""
        return [
            row
            for row in self.read(start, end - start)
            if row.registry
            or not row.stream.startswith("case/")
            or (row.stream[-1] if row.stream[-1] in "0123456789abcdef" else "0") in digits
        ]

    def stream(self, stream_id: UUID, after_seq: int = 0) -> Sequence[StoredRecord]:
        """See `RecordStore`."""
        self.fault("read")
        return [r for r in self._records if r.stream_id == stream_id and r.seq > after_seq]

    def registry(self, after_index: int) -> Sequence[StoredRecord]:
        """See `RecordStore`."""
        self.fault("read")
        return [r for r in self._records if r.registry and r.index > after_index]

    def act(self, act_id: UUID) -> Sequence[StoredRecord]:
        """See `RecordStore`."""
        self.fault("read")
        return [r for r in self._records if r.act_id == act_id]

    def entries(self, start: int, end: int) -> Sequence[bytes]:
        """See `RecordStore`."""
        self.fault("read")
        return [r.entry for r in self._records[start:end]]

    def token(self, tag: bytes) -> tuple[UUID, int] | None:
        """See `RecordStore`."""
        return self._tokens.get(tag)

    def tokens(self) -> Sequence[RawToken]:
        """See `Evidence`."""
        return [RawToken(tag, of.bytes, at) for tag, (of, at) in self._tokens.items()]

    # -- TileStore, CheckpointStore ----------------------------------------------------------------

    def tile(self, level: int, n: int, width: int) -> bytes:
        """See `TileStore`."""
        for place, data in sorted(self._tiles.items()):
            if place[:2] == (level, n) and place[2] >= width:
                return data[: 32 * width]
        raise NotFound(f"no tile {level}/{n} of width {width}")

    def latest(self) -> tuple[int, bytes] | None:
        """See `CheckpointStore`."""
        self.fault("read")
        with self._lock:
            return max(self._notes.items(), default=None)

    def at(self, size: int) -> bytes | None:
        """See `CheckpointStore`."""
        return self._notes.get(size)

    def latest_with(self, known: int, groups: Sequence[tuple[int, int]]) -> NewestTree | None:
        """See `Checkpoints`."""
        found = self.latest()
        if found is None:
            return None
        edge = [
            (level, count // 256, count % 256, data[: 32 * (count % 256)])
            for level in range(8)
            if (count := found[0] >> 8 * level) % 256 and count != known >> 8 * level
            for data in self._wide(level, count // 256, count % 256)
        ]
        asked = [
            (level, n, data[512 * (n % 16) : 512 * (n % 16) + 512] + self.middles(data))
            for level, n in groups
            if n // 16 < found[0] >> 8 * level >> 8
            for data in self._wide(level, n // 16, 256)
        ]
        return NewestTree(*found, edge, asked)

    def middles(self, data: bytes) -> bytes:
        """The nodes over each sixteen hashes of a full tile."""
        return b"".join(merkle.subtree(data[at : at + 512]) for at in range(0, len(data), 512))

    def _wide(self, level: int, n: int, width: int) -> list[bytes]:
        """The tile in the least width that is as wide, where there is one."""
        wide = [place for place in self._tiles if place[:2] == (level, n) and place[2] >= width]
        return [self._tiles[place] for place in sorted(wide)[:1]]

    def uncovered(self, start: int, most: int) -> Uncovered:
        """See `CheckpointStore`."""
        with self._lock:
            head = self.head().size
            return Uncovered(self.latest(), head, self.entries(start, min(head, start + most)))

    def advance(
        self,
        old_size: int | None,
        size: int,
        root: bytes,
        note: bytes,
        tiles: Sequence[tuple[int, int, int, bytes]],
    ) -> None:
        """See `CheckpointStore`."""
        del root
        self.fault("seal")
        with self._lock:
            if max(self._notes, default=None) != old_size or size <= (old_size or 0):
                raise Conflict("checkpoint_moved", Wording("", "the newest checkpoint is another"))
            grown = {(level, n, width): data for level, n, width, data in tiles}
            if any(self._tiles.get(key, data) != data for key, data in grown.items()):
                raise Fatal("a tile stands there already with other bytes")
            self._tiles |= grown
            self._notes[size] = note
        with self._news:
            self._news.notify_all()
        self.fault("sealed")

    def prune(self, most: int) -> Pruned:
        """See `CheckpointStore`: what may go need not."""
        del most
        return Pruned(0, more=False, apart=False)

    # -- Notices -----------------------------------------------------------------------------------

    @contextmanager
    def listen(
        self, channel: Literal["records", "checkpoint", "shreds"]
    ) -> Iterator[Callable[[float], bool]]:
        """See `Notices`; one bell for both channels."""
        del channel

        def wait(timeout_s: float) -> bool:
            with self._news:
                return self._news.wait(timeout_s)

        yield wait

    @contextmanager
    def giving(
        self, channel: Literal["records", "checkpoint", "shreds"]
    ) -> Iterator[Callable[[], None]]:
        """See `Notices`; the bell has rung already."""
        del channel
        yield lambda: None


class MemorySeen:
    """`SeenStore` in one process.

    Args:
        fault: Called at `keep` and `kept`; at `kept` the note has landed already.
    """

    def __init__(self, fault: Fault = no_fault) -> None:
        self.fault = fault
        self.note: bytes | None = None
        self._lock = threading.Lock()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """See `SeenStore`."""
        with self._lock:
            yield

    def read(self) -> bytes | None:
        """See `SeenStore`."""
        return self.note

    def write(self, note: bytes) -> None:
        """See `SeenStore`."""
        self.fault("keep")
        self.note = note
        self.fault("kept")


class MemorySessions:
    """`Sessions` in one process.

    Args:
        now: Its clock.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.challenges: dict[str, tuple[str, datetime]] = {}
        self.counted: dict[str, tuple[datetime, int]] = {}

    def put(self, challenge: str, kid: str, life_s: int) -> None:
        """See `Sessions`."""
        life = timedelta(seconds=min(life_s, 600))
        self.challenges[challenge] = (kid, self._now() + life)

    def take(self, challenge: str) -> str | None:
        """See `Sessions`."""
        now = self._now()
        kid, expires_at = self.challenges.pop(challenge, ("", now))
        return kid if now < expires_at else None

    def attempt(self, subject: str, window_s: int, limit: int) -> bool:
        """See `Sessions`."""
        now = self._now()
        since, counted = self.counted.get(subject, (now, 0))
        if since <= now - timedelta(seconds=window_s):
            since, counted = now, 0
        self.counted[subject] = (since, counted + 1)
        return counted + 1 <= limit
