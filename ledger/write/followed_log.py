"""The log as an application of eventsourcing that others follow and nobody writes to.

Its stock tools follow it: `ProjectionRunner` with any projection and tracking recorder, a
`NotificationLogReader`. They are told what stands by the rules, as every process of ours is: each
record is judged in full at its index before it is handed on, since who keeps a position of his own
can be told of nothing later; of an act behind an erased record of its stream, where nobody can
judge in full, it is asked only whether one of its signers signed it. Our own views do not come this
way (architecture.md §5).

Nothing is handed out of another log than the one that was seen: with each section of it the log is
held to the newest checkpoint that the follower's home has seen, and to the last record handed out.
Records ahead of every checkpoint are held to as long as the process lives; started again, a
follower knows of them how many they were (`subscribe`), until a checkpoint covers them.

A follower ends at the first error, also where the database is away, and goes on behind the last
record that it has tracked when it is started again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent
from eventsourcing.utils import Environment, EnvType

from ledger.errors import Doubt
from ledger.message import Message
from ledger.ports import Notices, RecordStore, StoredRecord, Watch
from ledger.streams.event import ContentErased, Event
from ledger.streams.record_reader import Reader
from ledger.write.eventsourcing_adapter import (
    LogReading,
    RecordEvent,
    RecordNotification,
    cut_short,
)
from ledger.write.forgetting import Forgetting
from ledger.write.judged_stream import JudgedStreams
from ledger.write.registry_follower import RegistryFollower


class WatchedReading(LogReading):
    """A log that is read while it is the one that was seen.

    Args:
        store: Where records lie.
        watch: Asked behind each reading and before anything of it is handed out.
        notices: Hints that there is more; without them followers poll.
        forgetting: Asked with the watch whether something was shredded.
    """

    def __init__(
        self,
        store: RecordStore,
        watch: Watch,
        notices: Notices | None,
        forgetting: Forgetting | None = None,
    ) -> None:
        super().__init__(store, notices)
        self._watch = watch
        self._forgetting = forgetting
        self._handed_out: StoredRecord | None = None  # the furthest

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[RecordEvent]:
        """Rows of one stream. Raises: Doubt: of another log."""
        found = super().select_events(originator_id, gt=gt, lte=lte, desc=desc, limit=limit)
        self._hold()
        return found

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[RecordNotification]:
        """A section of the log.

        Raises:
            Doubt: `shorter` or `forked`: not of the log that was seen, or followed so far.
            VerificationError: `gap`: a record is missing.
        """
        found = super().select_notifications(
            start, limit, stop, topics, inclusive_of_start=inclusive_of_start
        )
        self._hold()
        if found and (self._handed_out is None or found[-1].row.index > self._handed_out.index):
            self._handed_out = found[-1].row
        return found

    def _hold(self) -> None:
        self._watch.look()
        self._watch.require()
        if self._forgetting is not None:
            self._forgetting.look()
        last = self._handed_out
        if last is None:
            return
        size = self._store.head().size
        if size <= last.index:
            raise cut_short(size, last.index + 1)
        if list(self._store.entries(last.index, last.index + 1)) != [last.entry]:
            raise Doubt(
                "forked",
                Message("record {index} is another than the one followed", index=last.index),
            )


class JudgingMapper(Mapper[UUID]):
    """Rows to events that stand, and positions of those that do not.

    Args:
        judged: Judge each record of a stream at its index.
    """

    def __init__(self, judged: JudgedStreams) -> None:
        super().__init__(JSONTranscoder())
        self._judged = judged

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> NoReturn:
        """Not here: acts come in by the door, signed. Raises: TypeError."""
        raise TypeError(f"a log that is followed takes no {type(domain_event).__name__}")

    def to_domain_event(self, stored_event: StoredEvent) -> Event | ContentErased:
        """A record as the rules have it.

        Returns:
            `StatementRecorded` for an act that stands; `PositionPassed` for what the service says,
            and with `aside` for a record that is set aside; `ContentErased` for an erased one.
        """
        if not isinstance(stored_event, (RecordEvent, RecordNotification)):
            raise TypeError("only rows of this log become events")
        return self._judged.event(stored_event.row)


class FollowedLog(Application[UUID]):
    """A log to be followed: `ProjectionRunner` makes one of a subclass that knows its parts.

        class BacNinh(FollowedLog):
            def __init__(self, env=None):
                super().__init__(records, reader, watch, notices, env)

        ProjectionRunner(application_class=BacNinh, projection_class=…, view_class=…, env=…)

    Its name is the origin of the log: a position in one log is never taken for one in another.

    Args:
        store: Where records lie.
        reader: Opens them.
        watch: Holds the log to what the follower's home has seen of it.
        notices: Hints that there is more; without them followers poll.
        env: Settings of eventsourcing; the machine's environment is not read.
        shreds: How many acts of erasure were carried out: asked at every read, so that what is gone
            is kept in no memory.
        always: Done at every read with that: what else leaves this process, as a KEK whose file is
            gone.
    """

    def __init__(  # noqa: PLR0913  the ports, and what leaves memory
        self,
        store: RecordStore,
        reader: Reader,
        watch: Watch,
        notices: Notices | None = None,
        env: EnvType | None = None,
        *,
        shreds: Callable[[], int] | None = None,
        always: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = reader.origin
        follower = RegistryFollower(store, reader)
        streams = JudgedStreams(follower, store, reader)
        self._mapper = JudgingMapper(streams)
        forgetting = None
        if shreds is not None:
            forgotten = [follower.forget, streams.forget]
            forgetting = Forgetting(shreds, forgotten, always=always, after_s=0)
        self._recorder = WatchedReading(store, watch, notices, forgetting)
        super().__init__(env)

    def construct_env(self, name: str, env: EnvType | None = None) -> Environment:
        """Nothing of the machine's environment, and nothing of the follower's own store."""
        del env
        return Environment(name, {})

    def construct_mapper(self) -> JudgingMapper:
        """Judges what it opens."""
        return self._mapper

    def construct_recorder(self) -> WatchedReading:
        """Reads, and holds the log to what was seen."""
        return self._recorder
