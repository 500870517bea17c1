"""What one process knows of its log: how long it is, the registry, and the streams it has read.

eventsourcing's Application with our parts in its seams (architecture.md §3). Memory is never ahead
of the log: it changes after the COMMIT of an append, and by what it reads. What a statement is
judged by is not known here.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, cast
from uuid import UUID

from eventsourcing.application import Application, Cache, Repository
from eventsourcing.utils import Environment, EnvType

from ledger.errors import Fatal, NotFound
from ledger.ports import Appended, LogHead, RecordStore
from ledger.streams.event import Event, ServiceSaid, StatementRecorded
from ledger.streams.kinds import begin
from ledger.streams.names import is_stream, stream_id
from ledger.streams.stream import Place, Stream
from ledger.write.eventsourcing_adapter import (
    Judged,
    RecordedEvent,
    SealingMapper,
    Seams,
    StatementStore,
)
from ledger.write.registry_follower import Current, Standing

CACHED_STREAMS: Final = 256


class _Turns:
    """One lock a stream: two statements of one stream cannot both be next."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[UUID, tuple[threading.Lock, int]] = {}

    @contextmanager
    def hold(self, key: UUID) -> Iterator[None]:
        with self._lock:
            turn, users = self._held.get(key, (threading.Lock(), 0))
            self._held[key] = (turn, users + 1)
        try:
            with turn:
                yield
        finally:
            with self._lock:
                turn, users = self._held.pop(key)
                if users > 1:
                    self._held[key] = (turn, users - 1)


class Memory(Application[UUID]):
    """The log as one process knows it.

    Args:
        store: Reads of the records.
        seams: Mapper, recorder and event store.
        standing: Follows the registry.
        origin: Origin of the log.
    """

    name = "socai"

    def __init__(
        self, store: RecordStore, seams: Seams, standing: Standing, *, origin: str
    ) -> None:
        self._seams = seams
        super().__init__()
        self._store = store
        self._standing = standing
        self._origin = origin
        self._head = LogHead(0, None, -1)
        self._turns = _Turns()

    # -- eventsourcing's seams: our parts, no environment, no copies from the cache ----------------

    def construct_env(self, name: str, env: EnvType | None = None) -> Environment:
        """An empty environment: settings come by argument."""
        return Environment(name, dict(env or {}))

    def construct_factory(self, env: Environment) -> Seams:
        """The parts given."""
        del env
        return self._seams

    def construct_mapper(self) -> SealingMapper:
        """Seals and opens."""
        return self._seams.statement_mapper()

    def construct_event_store(self) -> StatementStore:
        """Puts one judged statement at a time."""
        return self._seams.statement_store()

    def construct_repository(self) -> Repository[UUID]:
        """Streams are changed only by what is recorded, so the cache needs no copies."""
        return Repository(
            self.events,
            cache_maxsize=CACHED_STREAMS,
            fastforward=False,
            deepcopy_from_cache=False,
        )

    # -- the log and its registry ------------------------------------------------------------------

    @property
    def head(self) -> LogHead:
        """The longest log this process has seen."""
        return self._head

    @property
    def current(self) -> Current:
        """The registry as this process last saw it."""
        return self._standing.current

    def saw(self, head: LogHead) -> LogHead:
        """The log only grows: what shows it longer is the newer view."""
        if head.size > self._head.size:
            self._head = head
        return head

    def look(self) -> LogHead:
        """The log as it stands."""
        return self.saw(self._store.head())

    def catch_up(self) -> Current:
        """The registry with every registry record that this process has heard of."""
        return self._standing.catch_up(self._head.registry_index)

    # -- streams -----------------------------------------------------------------------------------

    @contextmanager
    def turn(self, name: str) -> Iterator[UUID]:
        """Alone with the stream of this name; its id."""
        key = stream_id(self._origin, name)
        with self._turns.hold(key):
            yield key

    def cached(self, key: UUID, name: str, seq: int) -> Stream:
        """The stream as this process knows it; of a first statement the append tells."""
        try:
            return self._cache.get(key)
        except KeyError:
            return begin(key, name) if seq == 1 else self._loaded(key, name)

    @contextmanager
    def fresh(self, name: str) -> Iterator[Stream]:
        """The stream with everything that is committed, alone.

        Raises:
            NotFound: No kind of stream has such names.
        """
        if not is_stream(name):
            raise NotFound("no such stream")
        with self.turn(name) as key:
            try:
                stream = self._cache.get(key)
                self._follow(stream)
            except KeyError:
                stream = self._loaded(key, name)
            yield stream

    def moved(self, stream: Stream) -> bool:
        """Whether the stream or the registry was ahead of this process; both are caught up with."""
        before = self.current.index
        self.look()
        registry = self.catch_up()
        return self._follow(stream) or registry.index != before

    def append(self, stream: Stream, event: StatementRecorded, judged: Judged) -> Place:
        """DURABLE when `put` returns; what follows only changes memory.

        Raises:
            NotAppended: With the reason; nothing was recorded.
            Unavailable: Try again later.
        """
        # `save` would first ask what kind of thing this is, which takes longer than sealing it.
        (recording,) = cast("list[RecordedEvent]", self.events.put([event], judged=judged))
        recorded = cast("StatementRecorded", recording.domain_event)
        self.saw(recording.appended.head)
        try:
            stream.add(recorded)
        except ValueError as error:
            raise Fatal(f"the log took what its stream cannot explain: {error}") from error
        self._cache.put(stream.id, stream)
        place = stream.place(recorded.statement)
        if place is None:
            raise Fatal("a statement is not where it was just put")
        return place

    def append_service(self, stream: Stream, said: ServiceSaid, judged: Judged) -> Appended:
        """DURABLE when `put_service` returns, as in `append`. Raises: as `append`."""
        appended = cast("StatementStore", self.events).put_service(said, judged)
        self.saw(appended.head)
        stream.pass_over(said.recorded(appended.index, appended.recorded_at))
        self._cache.put(stream.id, stream)
        return appended

    def _loaded(self, key: UUID, name: str) -> Stream:
        stream = begin(key, name)
        self._follow(stream)
        return stream

    def _follow(self, stream: Stream) -> bool:
        """Takes what is committed, each record judged at its index; whether there was any."""
        fresh = cast("list[Event]", list(self.events.get(stream.id, gt=stream.version)))
        if not fresh:
            return False
        self._standing.reach(fresh[-1].index or 0)
        for event in fresh:
            self._standing.settled(stream, event).mutate(stream)
        self._cache.put(stream.id, stream)
        return True

    @property
    def _cache(self) -> Cache[UUID, Stream]:
        return cast("Cache[UUID, Stream]", self.repository.cache)
