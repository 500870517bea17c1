"""What the service itself says: statements under a key of its own (formats.md §3).

The form of each event, and who may sign it by the log as it stands. They come in by an inner door
alone, never from outside. What an event stands for is for whoever wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from keys import canonical, sealed_anchor
from keys.errors import KeysError, Malformed
from ledger.admission.submission import answer_ends, require_window, unknown_key
from ledger.errors import Fault, Rejected
from ledger.log import statement as statements
from ledger.log.statement import SERVICE_TYP, Statement
from ledger.message import Message
from ledger.regulation.acts.json_shape import UUID4, fmt_time, parse_time
from ledger.regulation.registry.registry import Registry
from ledger.streams.stream import Stream

CUSTODY_ANCHORED: Final = "CustodyAnchored"
STREAM: Final = "ledger"
"""Where every service event of a log stands; everybody of the enclave sees that it does."""
NAMES: Final[Mapping[str, Message]] = {
    CUSTODY_ANCHORED: Message("Custody of files anchored"),
}
"""What people read."""
MOST_EVERY_S: Final = 86_400
"""A day: an anchor that named more would make every gap behind it lawful."""

_UUID: Final = re.compile(UUID4, re.ASCII)
_MEMBERS: Final = frozenset({"v", "event", "event_id", "stream", "occurred_at", "facts"})


@dataclass(frozen=True, slots=True)
class Events:
    """The service events that one log takes.

    Attributes:
        facts: By its type: whether these are facts of it.
        stream: Whether one may stand in a stream of this name.
    """

    facts: Mapping[str, Callable[[object], bool]]
    stream: Callable[[str, str], bool]

    def good(self, name: str, members: Mapping[str, Any]) -> bool:
        """Whether a member is allowed, whatever the facts are."""
        value = members[name]
        if name == "event":
            return isinstance(value, str) and value in self.facts
        if name == "stream":
            return isinstance(value, str) and self.stream(str(members["event"]), value)
        return _CHECKS[name](value)


@dataclass(frozen=True, slots=True)
class ServiceEvent:
    """A service event of good form.

    Attributes:
        event: Its type.
        event_id: Its id, unique among acts and events of the log.
        facts: By its type.
    """

    event: str
    event_id: str
    facts: Mapping[str, Any]


def custody_anchored(
    *, event_id: UUID, at: datetime, sealed: bytes, every_s: int
) -> dict[str, Any]:
    """The members of `CustodyAnchored`.

    Args:
        event_id: Random id.
        at: The ledger's time, with the offset it is written in.
        sealed: Count and digest, of `keys.sealed_anchor.seal`.
        every_s: Within how many seconds the next one follows.
    """
    return {
        "v": 1,
        "event": CUSTODY_ANCHORED,
        "event_id": str(event_id),
        "stream": STREAM,
        "occurred_at": fmt_time(at),
        "facts": {"sealed": canonical.b64(sealed), "every_s": every_s},
    }


def sealed_of(event: ServiceEvent) -> bytes:
    """Sealed count and digest of a `CustodyAnchored`."""
    return canonical.unb64(event.facts["sealed"])


def parse(members: Mapping[str, Any], events: Events | None = None) -> ServiceEvent:
    """A service event from the members of a payload.

    Args:
        members: Of the payload.
        events: Those of the log; of the log of acts, if left out.

    Raises:
        Rejected: `malformed_act`, with the place at fault.
    """
    if members.keys() != _MEMBERS:
        raise _malformed("", Message("a member is missing or too many"))
    events = events or OF_ACTS
    for name in sorted(_MEMBERS - {"facts"}):
        if not events.good(name, members):
            raise _malformed(f"/{name}", Message("{name} is not allowed", name=name))
    event, facts = members["event"], members["facts"]
    if not events.facts[event](facts):
        raise _malformed("/facts", Message("the facts of {event} are others", event=event))
    return ServiceEvent(event, members["event_id"], facts)


def judged(
    stream: Stream,
    statement: Statement,
    registry: Registry,
    at: datetime,
    *,
    origin: str,
    verified: bool = False,
) -> tuple[ServiceEvent, datetime]:
    """Whether the service may say this: asked at the door, and again of every record.

    It moves nothing, so that nothing is built upon what is set aside before it: it is taken there
    too (formats.md §3).

    Args:
        stream: As the statement finds it.
        statement: As parsed.
        registry: As it finds it.
        at: The ledger's time, of a record its `recorded_at`.
        origin: Origin of the log.
        verified: Whether the signature has been checked already with the key of this `kid`.

    Returns:
        What it says, and when this answer ends: with the key, or with the window of `iat`.

    Raises:
        Rejected: `wrong_log`, `malformed_statement`, `clock_off`, `unknown_key` or
            `invalid_signature`.
        Conflict: `stale`: it is well signed, and does not follow in its stream.
    """
    admitted = admit(statement, registry, at, origin=origin, verified=verified)
    if not stream.follows(statement):
        raise stream.stale(statement)
    return admitted


def admit(
    statement: Statement,
    registry: Registry,
    at: datetime,
    *,
    origin: str,
    verified: bool = False,
    events: Events | None = None,
) -> tuple[ServiceEvent, datetime]:
    """`judged` but for its place, of the log of acts or of one whose events are given.

    Raises:
        Rejected: As `judged`.
    """
    statements.require_log(statement, origin)
    if statement.typ != SERVICE_TYP:
        raise _malformed("/typ", Message("it is no service statement"))
    event = parse(statement.members, events)
    require_window(statement, at)
    try:
        line = registry.keyring.usable(statement.kid, index=None, at=at, service=True)
    except KeysError as error:
        raise unknown_key(
            Message("the service key is not enrolled, or not valid now: {detail}", detail=error)
        ) from error
    if not verified:
        statements.check_signature(statement, registry.keyring.key(statement.kid))
    return event, answer_ends(statement, line)


def _anchored(facts: object) -> bool:
    if not isinstance(facts, Mapping) or facts.keys() != {"sealed", "every_s"}:
        return False
    sealed, every_s = facts["sealed"], facts["every_s"]
    if not isinstance(sealed, str) or type(every_s) is not int or not 1 <= every_s <= MOST_EVERY_S:
        return False
    try:
        return len(canonical.unb64(sealed)) == sealed_anchor.SEALED_BYTES
    except Malformed:
        return False


def _is_time(value: object) -> bool:
    try:
        parse_time(value if isinstance(value, str) else "")
    except ValueError:
        return False
    return True


OF_ACTS: Final = Events({CUSTODY_ANCHORED: _anchored}, lambda _, stream: stream == STREAM)
"""What the log of acts takes."""
_CHECKS: Final[Mapping[str, Callable[[object], bool]]] = {
    "v": lambda value: type(value) is int and value == 1,
    "event_id": lambda value: isinstance(value, str) and _UUID.fullmatch(value) is not None,
    "occurred_at": _is_time,
}


def _malformed(pointer: str, what: Message) -> Rejected:
    return Rejected(
        "malformed_statement",
        Message("The service statement is malformed: {what}.", what=what),
        faults=[Fault(pointer, what)],
    )
