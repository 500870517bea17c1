"""eventsourcing's mapper, recorder and event store over sealed records.

architecture.md §3. An event becomes a `Draft`: what to store is sealed when its time in the log is
known, by `record` and `envelope_encryption`, bound to log, stream and position. The library's
transcoder, cipher, compressor, snapshots and start-up DDL are not used. What acts are about is not
known here.

The log is also the library's notification log: the id of a record is the size of the log right
behind it, its index and one, so that ids begin at 1 as the library has them, are dense, and a
checkpoint of size n covers every id up to n.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, Final, NoReturn
from uuid import UUID

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    ApplicationRecorder,
    EventStore,
    JSONTranscoder,
    ListenNotifySubscription,
    Mapper,
    Notification,
    StoredEvent,
)

from keys import envelope_encryption
from keys.envelope_encryption import Keks
from ledger.admission.judge import event_of
from ledger.errors import Doubt, VerificationError
from ledger.log import record as records
from ledger.message import Message
from ledger.ports import (
    NIL_UNIT,
    Appended,
    Appender,
    Draft,
    Entropy,
    Grounds,
    Notices,
    RecordStore,
    SealedRecord,
    StoredRecord,
)
from ledger.steps import Steps
from ledger.streams.event import Event, Said
from ledger.streams.names import stream_id
from ledger.streams.record_reader import Reader
from ledger.streams.tokens import token_tag, tokens_of
from ledger.values import frozen_value

POLL_S: Final = 1.0
"""How long a follower may miss what no notice told it of."""


@frozen_value(frozen=True, slots=True)
class Preconditions:
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
class RecordEvent(StoredEvent):
    """An event on its way out, with the whole row."""

    row: StoredRecord

    @classmethod
    def of(cls, row: StoredRecord) -> RecordEvent:
        """The event of a row."""
        return cls(row.stream_id, row.seq, row.topic, row.state, row)


@dataclass(frozen=True)
class RecordNotification(Notification):
    """A record in the order of the log, with the whole row; `state` stays sealed."""

    row: StoredRecord

    @classmethod
    def of(cls, row: StoredRecord) -> RecordNotification:
        """The notification of a row."""
        return cls(row.stream_id, row.seq, row.topic, row.state, row.index + 1, row)


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
        self, reader: Reader, *, origin: str, level: str, kek: Keks, entropy: Entropy
    ) -> None:
        super().__init__(JSONTranscoder())
        self._reader = reader
        self._origin = origin
        self._level = level
        self._kek = kek
        self._entropy = entropy

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> NoReturn:
        """Not here: what is stored is sealed when its time is known. Raises: TypeError."""
        raise TypeError(f"this log stores no {type(domain_event).__name__} as it is")

    def to_domain_event(self, stored_event: StoredEvent) -> Event:
        """A row, opened and compared with its entry; whether it stands is not asked here.

        Raises:
            VerificationError: It is erased: a stream with a hole takes no statement.
        """
        if not isinstance(stored_event, (RecordEvent, RecordNotification)):
            raise TypeError("only rows of this log become events")
        return event_of(self._reader, stored_event.row)

    def seal(self, event: Said, at: datetime) -> SealedRecord:
        """An event of ours as it is stored, with the time that the log gives it."""
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
        return SealedRecord(entry, sealed.state, envelope_encryption.kek_id_of(wrap), wrap)


class LogReading(ApplicationRecorder):
    """The library's recorder of a log that is only read: streams, and the whole in its order.

    Args:
        store: Where records lie; what it gives is committed, without a gap.
        notices: Hints that there is more; without them followers only poll.
    """

    def __init__(self, store: RecordStore, notices: Notices | None = None) -> None:
        self._store = store
        self._notices = notices

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        **kwargs: Any,  # noqa: ANN401 - the library's signature
    ) -> Sequence[int]:
        """Not by whoever only reads. Raises: TypeError."""
        del stored_events, kwargs
        raise TypeError("this log is only read here: acts come in by the door, signed")

    def rows(self, originator_id: UUID, gt: int, lte: int | None) -> Iterator[RecordEvent]:
        """Rows of one stream in order, as they are asked for: in bounded memory."""
        for row in self._store.stream(originator_id, gt):
            if lte is not None and row.seq > lte:
                break
            yield RecordEvent.of(row)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[RecordEvent]:
        """The same at once, as the library's own tools ask for them."""
        key = originator_id if isinstance(originator_id, UUID) else UUID(originator_id)
        found = self.rows(key, gt or 0, lte)
        return list(islice(reversed(list(found)) if desc else found, limit))

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[RecordNotification]:
        """Records in the order of the log; fewer than `limit` only where it ends.

        Args:
            start: Id of the first; None: from record 0.
            limit: How many at most.
            stop: Id of the last.
            topics: Which topics; all if none is named. What has another one is passed by.
            inclusive_of_start: Whether the record of `start` is meant too, or the one behind it.

        Raises:
            VerificationError: `gap`: a record is missing.
        """
        index = max((start or 0) - inclusive_of_start, 0)
        end = self._store.head().size if stop is None else min(stop, self._store.head().size)
        found: list[RecordNotification] = []
        while len(found) < limit and index < end:
            rows = self._store.read(index, min(limit - len(found), end - index))
            if not rows or rows[0].index != index or rows[-1].index != index + len(rows) - 1:
                raise VerificationError("gap", "a record is missing", index)
            found += [RecordNotification.of(row) for row in rows if _of(row, topics)]
            index += len(rows)
        return found

    def max_notification_id(self) -> int | None:
        """Id of the last record, which is the size of the log; None where it is empty."""
        return self._store.head().size or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> LogSubscription:
        """Follows the log on, from behind a record.

        A position says how many records were followed and not which: whether this is the same log
        is for `followed_log.WatchedReading` to ask, with each section.

        Raises:
            Doubt: The log ends before this record: what was followed is not this log any more.
        """
        size = self._store.head().size
        if gt is not None and gt > size:
            raise cut_short(size, gt)
        return LogSubscription(self, self._notices, gt, topics)


Judge = Steps[tuple[Said, Preconditions]]
"""What may stand, and by what it was judged; raises what stands against it."""


class LogRecorder(LogReading):
    """The recorder of the write path: `Appender` to append, `RecordStore` to read."""

    def __init__(self, store: RecordStore, appender: Appender, origin: str) -> None:
        super().__init__(store)
        self._appender = appender
        self._origin = origin

    def append(
        self,
        judge: Judge,
        seal: Callable[[Said, datetime], SealedRecord],
    ) -> tuple[Said, Appended]:
        """Records one event. Raises: NotAppended, Unavailable; see `Appender.append_judged`."""
        events: list[Said] = []

        def draft() -> Steps[Draft]:
            event, judged = yield from judge
            events.append(event)
            yield
            return self._draft(event, judged, partial(seal, event))

        recorded = self._appender.append_judged(draft())
        return events[0], recorded

    def _draft(
        self, event: Said, judged: Preconditions, seal: Callable[[datetime], SealedRecord]
    ) -> Draft:
        return Draft(
            stream_id=event.originator_id,
            stream=event.stream,
            seq=event.originator_version,
            unit=event.unit,
            act_id=event.named,
            author=event.author,
            topic=event.TOPIC,
            registry=event.registry,
            registry_index=judged.registry_index,
            at=judged.at,
            latest=judged.latest,
            asked=self._asked(judged.grounds),
            tags=self._tags(event),
            seal=seal,
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


class LogSubscription(ListenNotifySubscription[LogReading]):
    """Follows the log on. The poll is the truth and a notice a hint, which may be lost.

    Args:
        recorder: Reads the log.
        notices: Hints that there is more; None: it only polls.
        gt: Id behind which it begins; None: from record 0.
        topics: Which topics; all if none is named.
    """

    def __init__(
        self,
        recorder: LogReading,
        notices: Notices | None,
        gt: int | None,
        topics: Sequence[str],
    ) -> None:
        super().__init__(recorder, gt, topics)
        self._notices = notices
        self._ended = threading.Event()
        self._looking = threading.Thread(target=self._look, name="log subscription", daemon=True)
        self._looking.start()

    def __exit__(self, *args: object, **kwargs: Any) -> None:  # noqa: ANN401 - the library's signature
        super().__exit__(*args, **kwargs)
        self._looking.join()

    def stop(self) -> None:
        """Ends it; the threads end within a poll."""
        self._ended.set()
        super().stop()

    def _look(self) -> None:
        """Has the library's thread look again, at each notice and each second."""
        try:
            if self._notices is None:
                self._poll(self._ended.wait)
            else:
                with self._notices.listen("records") as wait:
                    self._poll(wait)
        except Exception as error:  # noqa: BLE001 - else it would sleep for ever, and nobody be told
            self._thread_error = error
            self.stop()

    def _poll(self, wait: Callable[[float], bool]) -> None:
        while not self._ended.is_set():
            wait(POLL_S)
            self._has_been_notified.set()


class StatementStore(EventStore[UUID]):
    """Records one event at a time, once it is judged; reads in bounded memory."""

    mapper: SealingMapper
    recorder: LogRecorder

    def __init__(self, mapper: SealingMapper, recorder: LogRecorder) -> None:
        super().__init__(mapper, recorder)

    def record(self, judge: Judge) -> tuple[Said, Appended]:
        """Records the event that is judged to stand, in its group (`Appender.append_judged`).

        Not the library's `put`: what it makes of each event on its way, nobody asks for.

        Raises:
            NotAppended: With the reason; nothing was recorded.
            Unavailable: Try again later.
        """
        return self.recorder.append(judge, self.mapper.seal)

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
            return super().get(originator_id, gt=gt, lte=lte, desc=desc, limit=limit)
        return map(self.mapper.to_domain_event, self.recorder.rows(originator_id, gt or 0, lte))


def cut_short(size: int, followed: int) -> Doubt:
    """The log ends before what was followed of it."""
    return Doubt(
        "shorter",
        Message("the log has {size} records, and {gt} have been followed", size=size, gt=followed),
        size,
    )


def _of(row: StoredRecord, topics: Sequence[str]) -> bool:
    return not topics or row.topic in topics
