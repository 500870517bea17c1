"""A stream as aggregate: it holds the fold of its statements and answers the next one.

The answer is an event or a refusal, and changes nothing: a stream grows only by what the log has
recorded. Sequence, `prev` and the payload of a countersignature are settled here, everything else
by `regulation.decide`. Keys, storage and HTTP are not known here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID

from keys import canonical
from ledger.errors import Conflict, Head
from ledger.log.moment import stamp
from ledger.log.statement import Statement
from ledger.message import Message
from ledger.regulation.acts.act import Act, NamedSigner
from ledger.regulation.case.guard_input import DecisionContext
from ledger.regulation.case.state import Signed, StreamState, apply, awaited, pass_over
from ledger.regulation.decide import Decision, deciding
from ledger.regulation.edition import Edition
from ledger.regulation.registry.lines import REGISTRY_ACTS
from ledger.regulation.registry.registry import Registry
from ledger.steps import Steps, finished
from ledger.streams.event import PositionPassed, StatementRecorded
from ledger.values import frozen_value

NIL_UNIT: Final = UUID(int=0)


@frozen_value(frozen=True, slots=True)
class RecordedStatement:
    """A statement's place in the log, and what it did there: the gist of a receipt."""

    signed: Signed
    entry: bytes
    status: str
    waiting_for: tuple[NamedSigner, ...]


class Stream:
    """The aggregate of one stream, of any kind; what is different for a case is in `kinds.py`.

    Attributes:
        id: eventsourcing's aggregate id.
        name: Name of the stream.
        state: The fold of its statements.
        unread: Index of the first record behind the last one that stands that nobody can read.
    """

    __slots__ = ("_payloads", "_places", "id", "name", "state", "unread")

    def __init__(self, stream_id: UUID, name: str) -> None:
        self.id = stream_id
        self.name = name
        self.state = StreamState(name)
        self.unread: int | None = None
        self._payloads: dict[str, bytes] = {}
        self._places: list[RecordedStatement | None] = []  # by seq - 1; None where no act stands

    @property
    def version(self) -> int:
        """`seq` of the last statement; 0 at the start."""
        return self.state.seq

    @property
    def unit(self) -> UUID:
        """What access to its records is granted by: nil, seen by every session (access.md N6)."""
        return NIL_UNIT

    def unit_of(self, act: Act, level: str, edition: Edition) -> UUID:
        """The same of the records of one act of it."""
        del act, level, edition
        return self.unit

    @property
    def head(self) -> Head:
        """Where the next statement must stand."""
        aside = tuple(sorted(self.state.aside))
        return Head(self.version + 1, self.state.head, self.state.state, aside)

    def follows(self, statement: Statement) -> bool:
        """Whether a statement stands at the head: it is the next, behind the last that stands."""
        return statement.seq == self.version + 1 and statement.prev == self.state.head

    def place(self, statement: Statement) -> RecordedStatement | None:
        """The place of exactly this statement, if it stands here already."""
        if statement.seq > len(self._places):
            return None
        place = self._places[statement.seq - 1]
        if place is None or place.signed.digest != statement.digest_b64:
            return None
        return place

    def since(self, seq: int) -> list[dict[str, Any]]:
        """The statements after `seq`, as whoever has lost touch is told (http.md §3)."""
        return [_told(place) for place in self._places[max(seq, 0) :] if place is not None]

    def payload_members(self, act_id: str) -> Mapping[str, Any] | None:
        """The payload of an act of this stream, for its countersigners."""
        entry = self.state.entries.get(act_id)
        return None if entry is None else entry.act.signed

    def decide(
        self, statement: Statement, act: Act, officer: str, ground: DecisionContext
    ) -> tuple[StatementRecorded, Decision]:
        """Judges the next statement; pure.

        Raises:
            Conflict: `stale`: it does not stand at the head; `taken`: its act id names other bytes.
            Rejected: By the guard named, or because the act has no place here.
        """
        return finished(self.deciding(statement, act, officer, ground))

    def deciding(
        self, statement: Statement, act: Act, officer: str, ground: DecisionContext
    ) -> Steps[tuple[StatementRecorded, Decision]]:
        """As `decide`, step by step."""
        if not self.follows(statement):
            raise self.stale(statement)
        known = self._payloads.get(act.act_id)
        if known is not None and known != _payload_digest(statement):
            raise taken(act.act_id)
        asked = ground.guard_input(
            self.state, act, officer, kid=statement.kid, iat=statement.iat, role=statement.role,
            stand_in=statement.stand_in,
        )  # fmt: skip
        decision = yield from deciding(asked)
        event = StatementRecorded(
            originator_id=self.id,
            originator_version=statement.seq,
            stream=self.name,
            statement=statement,
            act=asked.act,
            author=known is None,
            registry=decision.status == "effective" and act.act in REGISTRY_ACTS,
            unit=self.unit_of(act, ground.level, ground.registry.edition),
            edition=ground.registry.edition,
        )
        return event, decision

    def add(self, event: StatementRecorded) -> Self:
        """The stream after a recorded statement, changed in place.

        Raises:
            ValueError: It does not continue the stream.
        """
        statement, act = event.statement, event.act
        if event.index is None or event.recorded_at is None or event.entry is None:
            raise ValueError("a stream grows by recorded statements only")
        if event.edition is None:
            raise ValueError("a stream grows by what was judged by the rules of its index only")
        if event.originator_version != self.version + 1 or statement.prev != self.state.head:
            raise ValueError(f"{self.name}: statement {event.originator_version} does not follow")
        signed = signed_by_turn(
            self.state, statement, act, event.index, event.recorded_at, event.edition
        )
        apply(self.state, signed)
        self.unread = None
        self._payloads.setdefault(act.act_id, _payload_digest(statement))
        waiting = awaited(self.state, act)
        status = "pending" if waiting else "effective"
        self._places.append(RecordedStatement(signed, event.entry, status, waiting))
        return self

    def suppose(self, statement: Statement, act: Act, registry: Registry) -> Self:
        """An empty stream right before an act's last statement, where nobody knows what it was.

        Nothing stands in it but what the earlier signers of the act must have signed, and the grant
        that the act ends: the registry knows that, and who was let in would else stay in.
        """
        ended = registry.granted.said(str(act.facts.get("grant")), act.stream)
        before = [] if ended is None else [(ended, one) for one in ended.signers]
        before += [(act, one) for one in act.signers[:-1]]
        for n, (one, signer) in enumerate(before, 1):
            said = Signed(one, signer.officer, signer.role, "", 0, n, "", registry.edition)
            apply(self.state, said)
        if len(act.signers) > 1:
            self._payloads[act.act_id] = _payload_digest(statement)
        self.state.seq, self.state.head = statement.seq - 1, statement.prev
        self.state.supposed = True
        return self

    def pass_over(self, event: PositionPassed) -> Self:
        """The stream after a position without an act, changed in place.

        Raises:
            ValueError: It does not continue the stream.
        """
        if event.originator_version != self.version + 1:
            raise ValueError(f"{self.name}: position {event.originator_version} does not follow")
        aside = None if event.aside is None else (event.index, canonical.b64(event.entry))
        pass_over(self.state, event.originator_version, event.digest, aside)
        if event.aside is None:
            self.unread = None
        elif event.aside.unread and self.unread is None:
            self.unread = event.index
        self._places.append(None)
        return self

    def stale(self, statement: Statement) -> Conflict:
        """409 with the head and what has happened since the sender's `prev`."""
        return Conflict(
            "stale",
            Message(
                "The stream has moved on since this was drafted: read what happened, sign"
                " again, send."
            ),
            head=self.head,
            since=self.since(self._known_seq(statement)),
        )

    def _known_seq(self, statement: Statement) -> int:
        """How much of the stream the sender had seen: up to the statement its `prev` names."""
        for place in reversed(self._places):
            if place is not None and place.signed.digest == statement.prev:
                return place.signed.seq
        return 0


def signed_by_turn(
    stream: StreamState,
    statement: Statement,
    act: Act,
    index: int,
    recorded_at: datetime,
    edition: Edition,
) -> Signed:
    """A recorded statement as the fold takes it.

    Its officer is the signer whose turn it was, or who says to sign instead: the door let nobody
    else through, and whoever judges it again says so again.

    Args:
        stream: As the record found it.
        statement: What was signed.
        act: Its payload, parsed; of a countersignature the author's own object is kept.
        index: Of the record.
        recorded_at: When the log took it.
        edition: In force at the index.

    Raises:
        ValueError: Nobody is left to sign the act.
    """
    waiting, known = awaited(stream, act), stream.entries.get(act.act_id)
    if not waiting:
        raise ValueError(f"{stream.name}: act {act.act_id} has one signature too many")
    said, officer = act if known is None else known.act, waiting[0].officer
    if statement.stand_in is not None:
        said = said.signed_instead(len(said.signers) - len(waiting), statement.stand_in)
        officer = statement.stand_in["officer"]
    return Signed(
        act=said,
        officer=officer,
        role=statement.role,
        kid=statement.kid,
        iat=statement.iat,
        seq=statement.seq,
        digest=statement.digest_b64,
        edition=edition,
        index=index,
        recorded_at=recorded_at,
    )


def taken(act_id: str) -> Conflict:
    """409: the act id names another act."""
    return Conflict(
        "taken",
        Message(
            "Act id {act_id} names an act already.",
            act_id=act_id,
        ),
    )


def _payload_digest(statement: Statement) -> bytes:
    return hashlib.sha256(statement.payload).digest()


def _told(place: RecordedStatement) -> dict[str, Any]:
    signed = place.signed
    told: dict[str, Any] = {
        "seq": signed.seq,
        "act": signed.act.act,
        "act_id": signed.act.act_id,
        "officer": signed.officer,
        "role": signed.role,
        "occurred_at": signed.act.members["occurred_at"],
        "status": place.status,
        "digest": signed.digest,
    }
    if signed.index is not None and signed.recorded_at is not None:
        told |= {"index": signed.index, "recorded_at": stamp(signed.recorded_at)}
    return told
