"""What one process knows of its log: how long it is, the registry, and the streams it has read.

eventsourcing's Application with our mapper, recorder and event store (architecture.md §3); its
repository reads a stream, goes on with it and keeps it. Memory is never ahead of the log: it
changes after the COMMIT of an append, and by what it reads. What a statement is judged by is not
known here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import ClassVar, cast
from uuid import UUID

from eventsourcing import popo
from eventsourcing.application import AggregateNotFoundError, Application, Cache, LRUCache
from eventsourcing.utils import Environment, EnvType

from ledger.errors import Fatal, NotFound, Rejected, VerificationError
from ledger.message import Message
from ledger.ports import Appended, LogHead, RecordStore
from ledger.regulation.registry.registry import Registry
from ledger.streams.event import Event
from ledger.streams.kinds import begin
from ledger.streams.names import is_stream, stream_id
from ledger.streams.stream import Stream
from ledger.write.eventsourcing_adapter import Judge, LogRecorder, SealingMapper, StatementStore
from ledger.write.registry_follower import Current, RegistryFollower


class _Turns:
    """One lock a stream: two statements of one stream cannot both be next."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[UUID, tuple[threading.Lock, int]] = {}

    def hold(self, key: UUID) -> _Turn:
        return _Turn(self, key)

    def take(self, key: UUID) -> None:
        with self._lock:
            turn, users = self._held.get(key) or (threading.Lock(), 0)
            self._held[key] = (turn, users + 1)
        try:
            turn.acquire()
        except BaseException:
            self._leave(key)
            raise

    def give(self, key: UUID) -> None:
        self._leave(key).release()

    def _leave(self, key: UUID) -> threading.Lock:
        with self._lock:
            turn, users = self._held.pop(key)
            if users > 1:
                self._held[key] = (turn, users - 1)
        return turn


class _Turn:
    """A turn with one stream: its id, alone. Every act takes one, and a generator costs as much."""

    __slots__ = ("_key", "_turns")

    def __init__(self, turns: _Turns, key: UUID) -> None:
        self._turns = turns
        self._key = key

    def __enter__(self) -> UUID:
        self._turns.take(self._key)
        return self._key

    def __exit__(self, *_: object) -> None:
        self._turns.give(self._key)


class StreamCache(Application[UUID]):
    """The log as one process knows it.

    Args:
        store: Reads of the records.
        mapper: Seals and opens.
        recorder: Appends and reads.
        follower: Follows the registry.
        origin: Origin of the log.
    """

    name = "socai"
    # Streams are changed only by what is recorded, so whoever asks needs no copy.
    env: ClassVar[dict[str, str]] = {
        "PERSISTENCE_MODULE": popo.__name__,
        "AGGREGATE_CACHE_MAXSIZE": "256",
        "DEEPCOPY_FROM_AGGREGATE_CACHE": "n",
    }

    def __init__(
        self,
        store: RecordStore,
        mapper: SealingMapper,
        recorder: LogRecorder,
        follower: RegistryFollower,
        *,
        origin: str,
    ) -> None:
        self._parts = mapper, recorder
        super().__init__()
        self._cache = cast("Cache[UUID, Stream]", self.repository.cache)
        self._store = store
        self._follower = follower
        self._origin = origin
        self._head = LogHead(0, None, -1)
        self._turns = _Turns()

    # -- eventsourcing's seams: our parts in the place of what its factory would make --------------

    def construct_env(self, name: str, env: EnvType | None = None) -> Environment:
        """Nothing of the machine's environment: settings come by argument."""
        return Environment(name, {**type(self).env, **(env or {})})

    def construct_mapper(self) -> SealingMapper:
        """Seals and opens."""
        return self._parts[0]

    def construct_recorder(self) -> LogRecorder:
        """Appends and reads."""
        return self._parts[1]

    def construct_event_store(self) -> StatementStore:
        """Records one judged statement at a time."""
        return StatementStore(*self._parts)

    # -- the log and its registry ------------------------------------------------------------------

    @property
    def head(self) -> LogHead:
        """The longest log this process has seen."""
        return self._head

    @property
    def current(self) -> Current:
        """The registry as this process last saw it."""
        return self._follower.current

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
        return self._follower.catch_up(self._head.registry_index)

    def refresh(self) -> Registry:
        """The registry as the log stands now."""
        self.look()
        return self.catch_up().registry

    def forget(self) -> None:
        """Lets go of every stream it keeps."""
        kept = cast("LRUCache[UUID, Stream]", self._cache)
        for key in list(kept.cache):
            with suppress(KeyError):
                kept.get(key, evict=True)

    # -- streams -----------------------------------------------------------------------------------

    def turn(self, name: str) -> _Turn:
        """Alone with the stream of this name; its id."""
        return self._turns.hold(stream_id(self._origin, name))

    def cached(self, key: UUID, name: str, seq: int) -> Stream:
        """The stream as this process knows it; of a first statement the append tells."""
        try:
            return self._cache.get(key)
        except KeyError:
            return begin(key, name) if seq == 1 else self._followed(key, name)

    @contextmanager
    def fresh(self, name: str, hides: Callable[[str], bool] | None = None) -> Iterator[Stream]:
        """The stream with everything that is committed, alone.

        Args:
            name: Its name.
            hides: Whether the caller does not see it: that it takes no further act is then not
                said, which would tell that it is there.

        Raises:
            NotFound: No kind of stream has such names.
            Rejected: `stream_erased`: it takes no further act (access.md K8).
        """
        if not is_stream(name):
            raise NotFound("no such stream")
        with self.turn(name) as key:
            try:
                found = self._followed(key, name)
            except Rejected:
                if hides is None or not hides(name):
                    raise
                found = begin(key, name)
            yield found

    def moved(self, stream: Stream) -> bool:
        """Whether the stream or the registry was ahead of this process; both are caught up with.

        Whoever asks again takes the stream from here again.
        """
        before, version = self.current.index, stream.version
        self.look()
        registry = self.catch_up()
        followed = self._followed(stream.id, stream.name)
        return followed.version != version or registry.index != before

    def append(self, stream: Stream, judge: Judge) -> Appended:
        """DURABLE when `record` returns; what follows only changes memory.

        Args:
            stream: Whose next event it is; the caller's alone until it is recorded.
            judge: As `Appender.append_judged` has it done.

        Raises:
            NotAppended: With the reason; nothing was recorded.
            Unavailable: Try again later.
        """
        # `save` would first ask what kind of thing this is, which takes longer than sealing it.
        event, recorded = cast("StatementStore", self.events).record(judge)
        self.saw(recorded.head)
        try:
            event.recorded(recorded.index, recorded.recorded_at, recorded.entry).mutate(stream)
        except ValueError as error:
            raise Fatal(f"the log took what its stream cannot explain: {error}") from error
        self._cache.put(stream.id, stream)
        return recorded

    def _followed(self, key: UUID, name: str) -> Stream:
        """The stream with everything that is committed; one that nobody has begun is not kept.

        Raises:
            Rejected: `stream_erased`: it takes no further act (access.md K8).
        """
        try:
            found: Stream = self.repository.get(key, projector_func=partial(self._project, name))
        except AggregateNotFoundError:
            return begin(key, name)
        except VerificationError as error:
            if error.kind != "erased":
                raise
            raise Rejected(
                "stream_erased",
                Message("Content of the stream is erased: it takes no further act."),
            ) from error
        return found

    def _project(self, name: str, stream: Stream | None, events: Iterable[Event]) -> Stream | None:
        """The repository's projector: each record is judged at its index before it moves one.

        Raises:
            VerificationError: `erased`: a stream with a hole takes no statement.
        """
        for event in events:
            stream = stream or begin(event.originator_id, name)
            self._follower.reach(event.index or 0)
            self._follower.settled(stream, event).mutate(stream)
        return stream
