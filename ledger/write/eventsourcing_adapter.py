"""The seams of eventsourcing, turned to sealed records: mapper, recorder, event store.

Architecture §3. An event becomes a `Draft`: what to store is sealed when its time in the log is
known, by `record` and `vault`, bound to log, stream and position. The library's transcoder, cipher,
compressor, snapshots and start-up DDL are not used. What acts are about is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn
from uuid import UUID

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    EventStore,
    InfrastructureFactory,
    JSONTranscoder,
    Mapper,
    Notification,
    ProcessRecorder,
    Recording,
    StoredEvent,
    Subscription,
    TrackingRecorder,
)

from keys import envelope_encryption
from keys.envelope_encryption import Kek
from ledger.admission.judge import event_of
from ledger.log import record as records
from ledger.ports import (
    NIL_UNIT,
    Appended,
    Appender,
    Draft,
    Entropy,
    Grounds,
    RecordStore,
    SealedRecord,
    StoredRecord,
)
from ledger.streams.event import Event, Said, ServiceSaid, StatementRecorded
from ledger.streams.names import stream_id
from ledger.streams.record_reader import Reader
from ledger.streams.tokens import token_tag, tokens_of


@dataclass(frozen=True, slots=True)
class Judged:
    """By what and until when an event was judged; goes with it to the append.

    Attributes:
        registry_index: Last registry record it was judged by.
        at: The time it was judged at.
        latest: Past this time it must be judged again; None: any later time will do.
        grounds: What else it was judged by.
    """

    registry_index: int
    at: datetime
    latest: datetime | None
    grounds: Grounds = field(default_factory=Grounds)


@dataclass(frozen=True)
class DraftEvent(StoredEvent):
    """An event on its way in; `state` stays empty until it is sealed."""

    seal: Callable[[datetime], SealedRecord]


@dataclass(frozen=True)
class RecordEvent(StoredEvent):
    """An event on its way out, with the whole row."""

    row: StoredRecord


class SealingMapper(Mapper[UUID]):
    """Event to draft, row to event.

    Args:
        reader: Opens rows of this log.
        origin: Origin of the log.
        level: Its level; above ordinary states are padded.
        kek: Wraps the key of each record.
        entropy: Gives the blind of each record.
    """

    def __init__(
        self, reader: Reader, *, origin: str, level: str, kek: Kek, entropy: Entropy
    ) -> None:
        super().__init__(JSONTranscoder())
        self._reader = reader
        self._origin = origin
        self._level = level
        self._kek = kek
        self._entropy = entropy

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> DraftEvent:
        """An event of ours, to be sealed with the time that the log gives it."""
        return self.to_draft(_ours(domain_event))

    def to_draft(self, event: Said) -> DraftEvent:
        """A statement, to be sealed with the time that the log gives it."""

        def seal(at: datetime) -> SealedRecord:
            return self._seal(event, at)

        return DraftEvent(event.originator_id, event.originator_version, event.TOPIC, b"", seal)

    def to_domain_event(self, stored_event: StoredEvent) -> Event:
        """A row, opened and compared with its entry; whether it stands is not asked here.

        Raises:
            VerificationError: It is erased: a stream with a hole takes no statement.
        """
        if not isinstance(stored_event, RecordEvent):
            raise TypeError("only rows of this log become events")
        return event_of(self._reader, stored_event.row)

    def _seal(self, event: Said, at: datetime) -> SealedRecord:
        envelope = records.build(
            log=self._origin,
            recorded_at=at,
            blind=self._entropy.take(records.BLIND_BYTES),
            statement=event.statement.compact,
        )
        entry = records.entry(envelope)
        sealed = envelope_encryption.seal(
            envelope,
            origin=self._origin,
            stream=event.stream,
            seq=event.originator_version,
            level=self._level,
        )
        wrap = envelope_encryption.wrap(self._kek, sealed.dek, origin=self._origin, entry=entry)
        return SealedRecord(entry, sealed.state, self._kek.kek_id, wrap)


class LogRecorder(ApplicationRecorder):
    """The library's recorder over the ports: `Appender` to append, `RecordStore` to read."""

    def __init__(self, store: RecordStore, appender: Appender, origin: str) -> None:
        self._store = store
        self._appender = appender
        self._origin = origin

    def append(self, event: Said, draft: DraftEvent, judged: Judged) -> Appended:
        """Records one event. Raises: NotAppended, Unavailable; see `Appender.append`."""
        return self._appender.append(
            Draft(
                stream_id=event.originator_id,
                stream=event.stream,
                seq=event.originator_version,
                unit=event.unit,
                act_id=event.named,
                author=event.author,
                topic=draft.topic,
                registry=event.registry,
                registry_index=judged.registry_index,
                at=judged.at,
                latest=judged.latest,
                asked=self._asked(judged.grounds),
                tags=self._tags(event),
                seal=draft.seal,
            )
        )

    def _asked(self, grounds: Grounds) -> dict[UUID, int]:
        asked = {stream_id(self._origin, name): seq for name, seq in grounds.streams.items()}
        if grounds.programmes is not None:
            asked[NIL_UNIT] = grounds.programmes
        return asked

    def _tags(self, event: Said) -> frozenset[bytes]:
        """A countersignature names nothing that the author's statement did not."""
        named = tokens_of(event.stream, event.statement.payload) if event.author else ()
        return frozenset(token_tag(self._origin, token) for token in named)

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> NoReturn:  # noqa: ANN401 - the library's signature
        """Not the way in: `StatementStore.put` appends one judged event at a time."""
        raise NotImplementedError

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> NoReturn:
        """Not the way out: `StatementStore.get` reads in bounded memory."""
        raise NotImplementedError

    def rows(self, originator_id: UUID, gt: int, lte: int | None) -> Iterator[RecordEvent]:
        """Rows of one stream in order, as they are asked for."""
        for row in self._store.stream(originator_id, gt):
            if lte is not None and row.seq > lte:
                break
            yield _row_event(row)

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Not here: projections run their own loop (architecture.md §5)."""
        raise NotImplementedError

    def max_notification_id(self) -> int | None:
        """Not here, as above."""
        raise NotImplementedError

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        """Not here, as above."""
        raise NotImplementedError


class StatementStore(EventStore[UUID]):
    """Puts one judged event and answers with the event as recorded."""

    mapper: SealingMapper
    recorder: LogRecorder

    def __init__(self, mapper: SealingMapper, recorder: LogRecorder) -> None:
        super().__init__(mapper, recorder)

    def put(
        self,
        domain_events: Sequence[DomainEventProtocol[UUID]],
        **kwargs: Any,  # noqa: ANN401 - the library's signature
    ) -> list[Recording[UUID]]:
        """Records an event; `judged` says by what it was judged.

        Raises:
            NotAppended: With the reason; nothing was recorded.
            Unavailable: Try again later.
        """
        (event,) = map(_ours, domain_events)  # one statement is one transaction's worth of promise
        draft = self.mapper.to_stored_event(event)
        appended = self.recorder.append(event, draft, kwargs["judged"])
        notification = Notification(
            event.originator_id, event.originator_version, draft.topic, b"", appended.index
        )
        recorded = event.recorded(appended.index, appended.recorded_at, appended.entry)
        return [RecordedEvent(recorded, notification, appended)]

    def put_service(self, said: ServiceSaid, judged: Judged) -> Appended:
        """Records what the service says. Raises: as `put`."""
        return self.recorder.append(said, self.mapper.to_draft(said), judged)

    def get(
        self,
        originator_id: UUID,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Iterator[DomainEventProtocol[UUID]]:
        """Events of one stream, opened one by one."""
        if desc or limit is not None:
            raise NotImplementedError
        return map(self.mapper.to_domain_event, self.recorder.rows(originator_id, gt or 0, lte))


@dataclass(frozen=True)
class RecordedEvent(Recording[UUID]):
    """eventsourcing's recording, with the log's own answer."""

    appended: Appended


class Seams(InfrastructureFactory[TrackingRecorder]):
    """What the library's Application takes its parts from: those given, no environment."""

    def __init__(self, mapper: SealingMapper, recorder: LogRecorder) -> None:
        super().__init__({})
        self._mapper = mapper
        self._recorder = recorder

    def application_recorder(self) -> LogRecorder:
        """The log's recorder."""
        return self._recorder

    def statement_mapper(self) -> SealingMapper:
        """The mapper."""
        return self._mapper

    def statement_store(self) -> StatementStore:
        """The event store over it."""
        return StatementStore(self._mapper, self._recorder)

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """Not kept: there are no snapshots."""
        raise NotImplementedError(purpose)

    def tracking_recorder(
        self, tracking_recorder_class: type[TrackingRecorder] | None = None
    ) -> TrackingRecorder:
        """Not kept: a projection saves its own position."""
        raise NotImplementedError

    def process_recorder(self) -> ProcessRecorder:
        """Not kept: no act follows another by itself."""
        raise NotImplementedError


def _ours(event: DomainEventProtocol[UUID]) -> StatementRecorded:
    if not isinstance(event, StatementRecorded):
        raise TypeError("this log records statements only")
    return event


def _row_event(row: StoredRecord) -> RecordEvent:
    return RecordEvent(row.stream_id, row.seq, row.topic, row.state, row)
