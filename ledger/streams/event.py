"""What a stream is made of: a statement was recorded, or a position is passed over.

Both are read from records of one topic; the act type is data inside. The topic is wire format:
never renamed, only followed by a `.v2` with an upcast.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final, Protocol, Self
from uuid import UUID

from ledger.log.statement import Statement
from ledger.message import Text
from ledger.regulation.acts.act import Act
from ledger.regulation.edition import Edition
from ledger.values import frozen_value

TOPIC: Final = "socai.statement.v1"


@dataclass(frozen=True, slots=True)
class SetAside:
    """Why a record is set aside: no rule can explain it (formats.md §3).

    Attributes:
        code: Kind of damage, or of the refusal (`guard`, `unknown_key` …).
        text: What is wrong with it.
        guard: Code of the guard that refuses it, if one does.
        unread: Whether nobody can read what it says: it may have been damaged since.
    """

    code: str
    text: Text
    guard: str | None = None
    unread: bool = False


class Grows(Protocol):
    """What an event is added to: an aggregate of `stream.py`."""

    def add(self, event: StatementRecorded) -> Self:
        """The stream after this statement, changed in place."""

    def pass_over(self, event: PositionPassed) -> Self:
        """The stream after this position, changed in place."""


@frozen_value(frozen=True, slots=True)
class StatementRecorded:
    """A statement in its place; eventsourcing's domain event for all five kinds of stream.

    Attributes:
        originator_id: Id of the stream.
        originator_version: `seq` of the statement.
        stream: Name of the stream.
        statement: As received.
        act: Its payload, parsed; once judged, with whoever signed instead of somebody it names.
        author: Whether it is the first statement of its payload.
        registry: Whether it brings a registry act into effect.
        unit: What access to it is granted by.
        edition: The rules by which it moves its stream; None until it is judged.
        index: Leaf index; None before it is recorded, as are the next two.
        recorded_at: When the log took it.
        entry: What the leaf commits to (formats.md §4).
    """

    TOPIC: ClassVar[str] = TOPIC

    originator_id: UUID
    originator_version: int
    stream: str
    statement: Statement
    act: Act
    author: bool
    registry: bool
    unit: UUID
    edition: Edition | None = None
    index: int | None = None
    recorded_at: datetime | None = None
    entry: bytes | None = None

    @property
    def named(self) -> UUID:
        """The act it belongs to."""
        return UUID(self.act.act_id)

    def recorded(self, index: int, recorded_at: datetime, entry: bytes) -> StatementRecorded:
        """The same event with its place in the log."""
        # `replace` costs the audit of a long log as much as three guards
        return StatementRecorded(
            self.originator_id,
            self.originator_version,
            self.stream,
            self.statement,
            self.act,
            self.author,
            self.registry,
            self.unit,
            self.edition,
            index,
            recorded_at,
            entry,
        )

    def under(self, edition: Edition, act: Act | None = None) -> StatementRecorded:
        """The same event, known to stand by these rules.

        Args:
            edition: The rules.
            act: With whoever signed instead of somebody it names; None: as it is.
        """
        return StatementRecorded(
            self.originator_id,
            self.originator_version,
            self.stream,
            self.statement,
            self.act if act is None else act,
            self.author,
            self.registry,
            self.unit,
            edition,
            self.index,
            self.recorded_at,
            self.entry,
        )

    def mutate(self, aggregate: Grows) -> Grows:
        """Eventsourcing's seam: the aggregate after this event.

        Raises:
            ValueError: It does not continue the stream, or has no place in the log yet.
        """
        return aggregate.add(self)


@dataclass(frozen=True, slots=True)
class ServiceSaid:
    """A service statement on its way in; in its place it is a position passed over.

    Attributes:
        originator_id: Id of the stream.
        originator_version: `seq` of the statement.
        stream: Name of the stream.
        statement: As signed.
        event_id: Its id.
        unit: What access to it is granted by.
    """

    TOPIC: ClassVar[str] = TOPIC
    author: ClassVar[bool] = True
    registry: ClassVar[bool] = False

    originator_id: UUID
    originator_version: int
    stream: str
    statement: Statement
    event_id: str
    unit: UUID

    @property
    def named(self) -> UUID:
        """What it is, unique in the log."""
        return UUID(self.event_id)

    def recorded(self, index: int, recorded_at: datetime, entry: bytes) -> PositionPassed:
        """Its place in the log."""
        return PositionPassed(
            originator_id=self.originator_id,
            originator_version=self.originator_version,
            stream=self.stream,
            digest=self.statement.digest_b64,
            index=index,
            recorded_at=recorded_at,
            entry=entry,
        )


@frozen_value(frozen=True, slots=True)
class PositionPassed:
    """A position of a stream that holds no act: it is counted, and moves nothing.

    A service statement stands there, or a record that is set aside (formats.md §3).

    Attributes:
        originator_id: Id of the stream.
        originator_version: The position.
        stream: Name of the stream.
        digest: b64 digest that the next `prev` names; None: the one before stays.
        index: Leaf index.
        recorded_at: When the log took it.
        entry: What the leaf commits to.
        statement: The service statement.
        registry: Whether the row says that the registry changed by it, which it never did.
        aside: Why it is set aside; None for a service statement that stands.
    """

    TOPIC: ClassVar[str] = TOPIC

    originator_id: UUID
    originator_version: int
    stream: str
    digest: str | None
    index: int
    recorded_at: datetime
    entry: bytes = b""
    statement: Statement | None = None
    registry: bool = False
    aside: SetAside | None = None

    def mutate(self, aggregate: Grows) -> Grows:
        """Eventsourcing's seam: the aggregate after this event.

        Raises:
            ValueError: It does not continue the stream.
        """
        return aggregate.pass_over(self)


@dataclass(frozen=True, slots=True)
class ContentErased:
    """A record whose content was destroyed by law: for whoever follows the log, never for a stream.

    Its place and its proof stay; what stands behind it in its stream nobody can tell in full.

    Attributes:
        originator_id: Id of the stream.
        originator_version: Position in it.
        stream: Name of the stream.
        index: Leaf index.
        recorded_at: When the log took it.
        entry: What the leaf commits to.
    """

    TOPIC: ClassVar[str] = TOPIC

    originator_id: UUID
    originator_version: int
    stream: str
    index: int
    recorded_at: datetime
    entry: bytes


Event = StatementRecorded | PositionPassed
Said = StatementRecorded | ServiceSaid
