"""The log as an application of eventsourcing that others follow and nobody writes to.

Its stock tools follow it: `ProjectionRunner` with any projection and tracking recorder, a
`NotificationLogReader`. They are told what stands by the rules, as every process of ours is: each
record is judged in full at its index before it is handed on, since who keeps a position of his own
can be told of nothing later; of an act behind an erased record of its stream, where nobody can
judge in full, it is asked only whether one of its signers signed it. Our own views do not come this
way (architecture.md §5).

A follower ends at the first error, also where the database is away, and goes on behind the last
record that it has tracked when it is started again.
"""

from __future__ import annotations

from typing import NoReturn
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent
from eventsourcing.utils import Environment, EnvType

from ledger.ports import Notices, RecordStore
from ledger.streams.event import ContentErased, Event
from ledger.streams.record_reader import Reader
from ledger.write.eventsourcing_adapter import LogReading, RecordEvent, RecordNotification
from ledger.write.judged_stream import Dockets
from ledger.write.registry_follower import RegistryFollower


class JudgingMapper(Mapper[UUID]):
    """Rows to events that stand, and positions of those that do not.

    Args:
        dockets: Judge each record of a stream at its index.
    """

    def __init__(self, dockets: Dockets) -> None:
        super().__init__(JSONTranscoder())
        self._dockets = dockets

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
        return self._dockets.event(stored_event.row)


class FollowedLog(Application[UUID]):
    """A log to be followed: `ProjectionRunner` makes one of a subclass that knows its parts.

        class BacNinh(FollowedLog):
            def __init__(self, env=None):
                super().__init__(records, reader, notices, env)

        ProjectionRunner(application_class=BacNinh, projection_class=…, view_class=…, env=…)

    Its name is the origin of the log: a position in one log is never taken for one in another.

    Args:
        store: Where records lie.
        reader: Opens them.
        notices: Hints that there is more; without them followers poll.
        env: Settings of eventsourcing; the machine's environment is not read.
    """

    def __init__(
        self,
        store: RecordStore,
        reader: Reader,
        notices: Notices | None = None,
        env: EnvType | None = None,
    ) -> None:
        self.name = reader.origin
        self._mapper = JudgingMapper(Dockets(RegistryFollower(store, reader), store, reader))
        self._recorder = LogReading(store, notices)
        super().__init__(env)

    def construct_env(self, name: str, env: EnvType | None = None) -> Environment:
        """Nothing of the machine's environment, and nothing of the follower's own store."""
        del env
        return Environment(name, {})

    def construct_mapper(self) -> JudgingMapper:
        """Judges what it opens."""
        return self._mapper

    def construct_recorder(self) -> LogReading:
        """Reads."""
        return self._recorder
