"""The registry as the log stands, kept up with what every process records.

architecture.md §3.4. A registry once handed out never changes: a newer one takes its place, so that
whoever judges by it may go on. The index it was current at travels with the judgement and is
checked under the lock of the append. Nothing changes the registry that the rules, by the registry
before it, do not take: whoever can append without the door enrols nobody, and stops nobody.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from ledger.admission.judge import Judge, event_of
from ledger.errors import VerificationError
from ledger.ports import RecordStore, StoredRecord
from ledger.regulation.acts.act import Act
from ledger.regulation.registry.registry import Registry
from ledger.streams.event import Event, PositionPassed, StatementRecorded
from ledger.streams.kept import BoundedCache
from ledger.streams.kinds import begin
from ledger.streams.record_reader import Reader
from ledger.streams.stream import Stream

_MOST_STATEMENTS: Final = 20_000
"""Statements of streams with registry acts that are kept folded, about 70 MiB."""
_APART: Final = 256
"""Acts between two registries of the past that are kept; the others are made from these."""
_KEPT: Final = 8
"""Registries of the past that were asked for last, a few hundred KiB each."""


@dataclass(frozen=True, slots=True)
class FollowedAct:
    """An act by which the registry changed, and where it took effect."""

    index: int
    recorded_at: datetime
    act: Act

    def to(self, registry: Registry) -> None:
        """Changes a registry by it."""
        registry.apply(self.act, index=self.index, recorded_at=self.recorded_at)


@dataclass(frozen=True, slots=True)
class Current:
    """A registry, the index of the last record that changed it (-1: none), and all that did.

    The index is that of the last record that says so: one that is set aside changed nothing.
    """

    registry: Registry
    index: int
    acts: tuple[FollowedAct, ...] = ()


@dataclass(slots=True)
class _History:
    """The registry as it grows, and as it was before any record."""

    registry: Registry
    acts: list[FollowedAct]
    marks: list[Registry] = field(default_factory=list)
    kept: OrderedDict[int, Registry] = field(default_factory=OrderedDict)

    def grow(self, applied: FollowedAct) -> None:
        if len(self.acts) % _APART == 0:
            self.marks.append(self.registry.copy())
        applied.to(self.registry)
        self.acts.append(applied)

    def before(self, index: int) -> Registry:
        """The registry as record `index` found it; not to be changed, nor kept while it grows."""
        known = bisect_left(self.acts, index, key=lambda one: one.index)
        if known == len(self.acts):
            return self.registry
        made = self.kept.get(known)
        if made is None:
            made = self.marks[known // _APART].copy()
            for applied in self.acts[known - known % _APART : known]:
                applied.to(made)
            self.kept[known] = made
            if len(self.kept) > _KEPT:
                self.kept.popitem(last=False)
        return made


class RegistryFollower:
    """Follows the registry records of one log.

    Args:
        store: Where they lie.
        reader: Opens them; what is read here is parsed as strictly as at the door.
        founded: The registry before record 0; the shipped edition where left out.
    """

    def __init__(self, store: RecordStore, reader: Reader, founded: Registry | None = None) -> None:
        reader, founded = reader.for_judges(), founded or Registry.founded()
        self._store = store
        self._reader = reader
        self._judge = Judge(store, reader, reader.origin, reader.level, self.before)
        self._lock = threading.RLock()  # whoever follows asks for the past on the way
        self._follows = False
        self._seen = 0  # records of the log, up to which nothing can have been missed
        self._current = Current(founded, -1)
        self._history = _History(founded.copy(), [])
        self._streams: BoundedCache[UUID, Stream] = BoundedCache(_MOST_STATEMENTS)
        self._lost: set[UUID] = set()  # streams with an erased record before one of the registry

    @property
    def current(self) -> Current:
        """The newest registry this process has seen."""
        return self._current

    def catch_up(self, index: int | None = None) -> Current:
        """The registry with every registry record that is committed and stands.

        Args:
            index: Index that `log_head` shows, where it is known: nothing is read if this process
                is that far.

        Raises:
            VerificationError: Record 0 does not open the log, or the content of a registry record
                is gone: what it said of a key nobody can tell any more. What else is gone of its
                stream stops nobody: it is judged alone.
        """
        with self._lock:
            if index is None or index > self._current.index:
                self._follow()
            return self._current

    def forget(self) -> None:
        """Lets go of every stream it keeps; the registry holds nothing that is ever erased."""
        with self._lock:
            self._streams.clear()
            self._judge.foldings.clear()

    def reach(self, index: int) -> Current:
        """The registry with every registry record up to one that has been seen in the log."""
        if index >= self._seen:
            head = self._store.head()
            self.catch_up(head.registry_index)
            self._seen = head.size
        return self._current

    def stands(self, index: int) -> bool:
        """Whether record `index` is one by which the registry changed."""
        acts = self.reach(index).acts
        at = bisect_left(acts, index, key=lambda one: one.index)
        return at < len(acts) and acts[at].index == index

    def before(self, index: int) -> Registry:
        """The registry as record `index` found it, of what this process has seen."""
        with self._lock:
            found = self._history.before(index)
            grows = found is self._history.registry and not self._follows
            return self._current.registry if grows else found

    def settled(self, stream: Stream, event: Event) -> Event:
        """A record of a stream if it stands, else its position, set aside.

        Args:
            stream: As the record found it.
            event: Of `judge.event_of`; this process has seen the registry before it.
        """
        if event.index is None:
            raise ValueError("only what is recorded is judged again")
        return self._judge.settled(stream, event, self.before(event.index))

    def signed(self, event: Event) -> Event:
        """A record behind an erased one of its stream, as `Judge.signed`."""
        if event.index is None:
            raise ValueError("only what is recorded is judged again")
        return self._judge.signed(event, self.before(event.index))

    def _follow(self) -> None:
        rows, reached = self._store.registry(self._current.index), self._current.index
        self._follows = True
        try:
            for row in rows:
                event = self._reached(row)
                if row.index == 0:
                    _require_opened(event)
                if isinstance(event, StatementRecorded) and event.registry:
                    self._history.grow(FollowedAct(row.index, row.recorded_at, event.act))
                reached = row.index
        finally:
            self._follows = False
            if reached != self._current.index:
                acts = tuple(self._history.acts)
                self._current = Current(self._history.registry.copy(), reached, acts)

    def _reached(self, row: StoredRecord) -> Event:
        """A registry record, judged where its stream is folded up to it.

        Raises:
            VerificationError: `erased`: its own content is gone.
        """
        event, registry = event_of(self._reader, row), self._history.before(row.index)
        stream = self._upto(row)
        if stream is None:
            return self._judge.alone(event, registry)
        event = self._judge.settled(stream, event, registry)
        event.mutate(stream)
        self._streams.put(row.stream_id, stream, stream.state.weight)
        return event

    def _upto(self, row: StoredRecord) -> Stream | None:
        """The stream of a registry record as that found it; None where what was there is erased."""
        if row.stream_id in self._lost:
            return None
        stream = self._streams.take(row.stream_id) or begin(row.stream_id, row.stream)
        if row.seq == stream.version + 1:
            return stream
        for earlier in self._store.stream(row.stream_id, stream.version):
            if earlier.seq >= row.seq:
                break
            try:
                event = event_of(self._reader, earlier)
            except VerificationError:  # erased by law, or lost: what comes behind goes on
                self._lost.add(row.stream_id)
                return None
            registry = self._history.before(earlier.index)
            self._judge.settled(stream, event, registry).mutate(stream)
        return stream


def _require_opened(event: Event) -> None:
    """Record 0 is never set aside: without it there is no log (formats.md §3)."""
    if isinstance(event, PositionPassed):
        why = "" if event.aside is None else f": {event.aside.text}"
        raise VerificationError("registry", f"record 0 does not open the log{why}", 0)
