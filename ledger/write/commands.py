"""The use cases of the write path: take, check or prepare a statement, found a log.

Step by step (architecture.md §3): the door and the key as the log stands (`submission`), the
stream's answer, one append (`stream_cache`). Durable is the append's COMMIT and nothing before it.
SQL, HTTP and files are not known here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from keys import canonical
from keys.envelope_encryption import Kek
from ledger.admission import service_statements
from ledger.admission.replay import founded
from ledger.admission.submission import Submission, unknown_key
from ledger.errors import Conflict, Fatal, Fault, Head, Rejected, Unavailable
from ledger.log import record
from ledger.log import statement as statements
from ledger.log.merkle import Frontier
from ledger.log.moment import cut
from ledger.log.statement import AUTHOR, RETURNER, Statement
from ledger.message import Message
from ledger.ports import (
    Appended,
    Appender,
    Asking,
    AttachedFiles,
    Clock,
    Entropy,
    Grounds,
    NotAppended,
    OtherCases,
    RecordStore,
)
from ledger.regulation.acts import invisible_characters
from ledger.regulation.acts.act import Act
from ledger.regulation.acts.catalogue import load
from ledger.regulation.case.guard_input import DecisionContext
from ledger.regulation.case.state import RECOVERING, Entry
from ledger.regulation.decide import Decision
from ledger.regulation.registry.registry import Registry
from ledger.streams.event import ServiceSaid, StatementRecorded
from ledger.streams.record_reader import Reader
from ledger.streams.stream import Stream, taken
from ledger.write import drafting
from ledger.write.eventsourcing_adapter import LogRecorder, Preconditions, SealingMapper
from ledger.write.ledger_clock import Time, by_clock, clock_back, rehearsed
from ledger.write.receipt import Recorded
from ledger.write.registry_follower import RegistryFollower
from ledger.write.stream_cache import StreamCache

_ATTEMPTS: Final = 12
_ENTRIES: Final = 32_768
_MS: Final = timedelta(milliseconds=1)


class _JudgeAgain(Exception):
    """What the statement was judged by has moved meanwhile."""


@dataclass(frozen=True, slots=True)
class _Judgement:
    """A statement that may stand, and how long that is so.

    Attributes:
        event: To be recorded.
        decision: What it brings about.
        ends: When this answer ends: with the key, or with the window of `iat`.
        grounds: What else it was judged by.
    """

    event: StatementRecorded
    decision: Decision
    ends: datetime
    grounds: Grounds


class Ledger:
    """The write path of one log; safe to use from many threads, beside other processes.

    Args:
        store: Reads of the records.
        appender: The one way in.
        kek: Seals and opens records.
        clock: The machine's clock; a rehearsal does not ask it.
        entropy: Blinds and ids.
        cases: What guards may ask about other cases; what they were told goes with the append.
        origin: Origin of the log.
        level: Its level.
        rehearsal: Whether the ledger's time is the sender's to set (http.md §1).
        files: What the files that acts list are asked of; None where no file is kept.
        founded: The registry before record 0; the shipped edition where left out.

    Attributes:
        standing: Follows the registry; for readers too.
    """

    def __init__(  # noqa: PLR0913 - the ports of one process
        self,
        *,
        store: RecordStore,
        appender: Appender,
        kek: Kek,
        clock: Clock,
        entropy: Entropy,
        cases: OtherCases,
        origin: str,
        level: str,
        rehearsal: bool,
        files: AttachedFiles | None = None,
        founded: Registry | None = None,
    ) -> None:
        reader = Reader(store, kek, origin, level)
        mapper = SealingMapper(reader, origin=origin, level=level, kek=kek, entropy=entropy)
        recorder = LogRecorder(store, appender, origin)
        self.standing = RegistryFollower(store, reader, founded)
        self._store = store
        self._memory = StreamCache(store, mapper, recorder, self.standing, origin=origin)
        self._clock = clock
        self._entropy = entropy
        self._cases = cases
        self._files = files
        self._origin = origin
        self._level = level
        self._rehearsal = rehearsal
        self._catalogue = load()

    @property
    def registry(self) -> Registry:
        """The registry as this process last saw it."""
        return self._memory.current.registry

    def refresh(self) -> Registry:
        """The registry as the log stands now."""
        self._memory.look()
        return self._memory.catch_up().registry

    # -- taking ------------------------------------------------------------------------------------

    def record(
        self, body: bytes, *, at: datetime | None = None, signer_officer: str | None = None
    ) -> Recorded:
        """Takes a statement: a new act, a countersignature or a return.

        Args:
            body: Flattened JWS, as received.
            at: The ledger's time in a rehearsal; None: the last `recorded_at`.
            signer_officer: Officer of the session that sent it; None where there is no session.

        Raises:
            Rejected: The sender's move.
            Conflict: `stale`, `taken` or `clock_back`.
            Unavailable: Try again later with the same bytes.
        """
        sent = self._submission(statements.parse_flattened(body), signer_officer)
        with self._memory.turn(sent.act.stream) as key:
            for _ in range(_ATTEMPTS):
                stream = self._memory.cached(key, sent.act.stream, sent.statement.seq)
                place = stream.place(sent.statement)
                if place is not None:
                    sent.require_session(self.registry)
                    return Recorded.at(place, self._origin, created=False)
                try:
                    return self._once(stream, sent, at)
                except (Rejected, Conflict):
                    # By what was this judged? If the stream or the registry has moved, ask again.
                    if not self._memory.moved(stream):
                        raise
                except _JudgeAgain:
                    self._memory.moved(stream)
        raise Unavailable(
            "unavailable",
            Message("The log moves too fast just now; nothing was recorded, send the same again."),
        )

    def found(self, statement: Statement, *, at: datetime) -> Recorded:
        """Writes record 0: LedgerOpened by the founding registrar, judged like any other act.

        Args:
            statement: Of `genesis`, with seq 1.
            at: Time of record 0.

        Raises:
            Rejected: A guard refuses it.
            Conflict: The log is founded already.
        """
        sent, at = self._submission(statement), cut(at)
        registry = founded(self.registry, sent.act, at)
        with self._memory.fresh(sent.act.stream) as stream:
            if self._memory.look().size:
                raise stream.stale(statement)
            found = self._judged(stream, sent, registry, at)
            return self._append(stream, found.event, Preconditions(-1, at, at))

    def serve(self, statement: Statement) -> Appended:
        """Records what the service itself says: the inner door, which nobody reaches from outside.

        Args:
            statement: Of one of `service_statements`, by a key enrolled with custody `SERVICE`.

        Raises:
            Rejected: Form, log, time, key or signature.
            Conflict: `stale` or `taken`: whoever asks looks again whether it is still to be said.
            Unavailable: Try again later.
        """
        with self._memory.fresh(service_statements.STREAM) as stream:
            self._memory.look()
            current, time = self._memory.catch_up(), self._time(None)
            event, ends = service_statements.judged(
                stream, statement, current.registry, time.at, origin=self._origin
            )
            said = ServiceSaid(
                originator_id=stream.id,
                originator_version=statement.seq,
                stream=stream.name,
                statement=statement,
                event_id=event.event_id,
                unit=stream.unit,
            )
            judged = Preconditions(current.index, time.at, _until(time.latest, ends))
            try:
                return self._memory.append(stream, said, judged)
            except NotAppended as refusal:
                self._memory.saw(refusal.head)
                if refusal.status == "taken":
                    raise taken(event.event_id) from refusal
                raise stream.stale(statement) from refusal

    def _submission(self, statement: Statement, signer_officer: str | None = None) -> Submission:
        return Submission.of(
            statement,
            origin=self._origin,
            level=self._level,
            catalogue=self._catalogue,
            session=signer_officer,
        )

    def _once(self, stream: Stream, sent: Submission, at: datetime | None) -> Recorded:
        """Judges by what this process knows, and appends. Raises: _JudgeAgain."""
        time = self._time(at)
        current = self._memory.catch_up()
        found = self._judged(stream, sent, current.registry, time.at)
        judged = Preconditions(
            current.index, time.at, _until(time.latest, found.ends), found.grounds
        )
        try:
            return self._append(stream, found.event, judged)
        except NotAppended as refusal:
            self._memory.saw(refusal.head)
            if refusal.status == "taken":
                raise taken(sent.act.act_id) from refusal
            if refusal.status == "late" and at is not None:
                raise clock_back() from refusal
            raise _JudgeAgain from refusal

    def _append(self, stream: Stream, event: StatementRecorded, judged: Preconditions) -> Recorded:
        """Raises: NotAppended, Unavailable."""
        self._memory.append(stream, event, judged)
        place = stream.place(event.statement)
        if place is None:
            raise Fatal("a statement is not where it was just put")
        return Recorded.at(place, self._origin, created=True)

    def _judged(
        self, stream: Stream, sent: Submission, registry: Registry, at: datetime
    ) -> _Judgement:
        """Every question of the door and of the stream."""
        officer, ends = sent.admit(registry, at)
        asking = self._cases.asking()
        ground = self._ground(registry, at, asking)
        event, decision = stream.decide(sent.statement, sent.act, officer, ground)
        self._require_files(sent.act, stream)
        self._require_prefix(sent.act)
        return _Judgement(event, decision, ends, asking.grounds)

    def _ground(self, registry: Registry, at: datetime, asking: Asking) -> DecisionContext:
        return DecisionContext(
            registry=registry,
            catalogue=self._catalogue,
            origin=self._origin,
            level=self._level,
            log_size=self._memory.head.size,
            cases=asking,
            at=at,
        )

    def _require_files(self, act: Act, stream: Stream) -> None:
        """An act never lists a file that nobody could open."""
        if self._files is not None:
            self._files.require(act, [entry.act for entry in stream.state.entries.values()])

    def _require_prefix(self, act: Act) -> None:
        """A recovery names the root of what is left; no guard sees the tree, so it stands here."""
        if act.act == RECOVERING and act.facts["root"] != self._root(act.facts["size"]):
            raise Rejected(
                "guard",
                Message(
                    "Not recorded: the root is not that of the records that are left. Run socai"
                    " log recover again."
                ),
                guard="RECOVERY_FOLLOWS_PREFIX",
                faults=[Fault("/facts/root", Message("another root"))],
            )

    def _root(self, size: int) -> str:
        frontier = Frontier()
        for start in range(0, size, _ENTRIES):
            for entry in self._store.entries(start, min(start + _ENTRIES, size)):
                frontier.append(record.leaf(entry))
        return canonical.b64(frontier.root())

    def _time(self, at: datetime | None) -> Time:
        if self._rehearsal:
            return rehearsed(at, self._memory.look().recorded_at)
        if at is not None:
            raise Rejected(
                "not_a_rehearsal",
                Message("Only a rehearsal takes its time from the sender."),
            )
        return by_clock(self._clock.now(), self._memory.head.recorded_at)

    # -- before signing ----------------------------------------------------------------------------

    def head(self, stream: str) -> Head:
        """Where the next statement of a stream must stand.

        Raises:
            NotFound: No kind of stream has such names.
        """
        with self._memory.fresh(stream) as current:
            return current.head

    def pending(self, stream: str) -> Sequence[Entry]:
        """Acts of a stream that wait for a signer, whatever else lies there. Raises: NotFound."""
        with self._memory.fresh(stream) as current:
            return list(current.state.pending.values())

    def check(
        self,
        asked: Mapping[str, Any],
        *,
        at: datetime | None = None,
        signer_officer: str | None = None,
    ) -> dict[str, Any]:
        """Every check of `record` without recording.

        Args:
            asked: `{statement}`, a flattened JWS as an object, or `{act}`, the fields of an act
                that the session's officer would sign next.
            at: The ledger's time in a rehearsal.
            signer_officer: Officer of the session.

        Returns:
            `{ok, status, flags, next_state}`.

        Raises:
            Rejected: As `record` would.
            Conflict: As `record` would.
        """
        registry = self.refresh()
        now = self._time(at).at
        if "statement" in asked:
            statement = statements.parse_compact(_compact(asked["statement"]))
            sent = self._submission(statement, signer_officer)
            with self._memory.fresh(sent.act.stream) as stream:
                decision = self._judged(stream, sent, registry, now).decision
        else:
            members = self._filled(asked.get("act", {}), signer_officer, now)
            act = self._catalogue.parse(members, self._level)
            invisible_characters.require_visible(members)
            with self._memory.fresh(act.stream) as stream:
                ground = self._ground(registry, now, self._cases.asking())
                decision = drafting.would_decide(stream, act, signer_officer, ground)
                self._require_files(act, stream)
        return drafting.verdict(decision)

    def prepare(
        self,
        fields: Mapping[str, Any],
        *,
        kid: str,
        role: str = AUTHOR,
        at: datetime | None = None,
    ) -> dict[str, Any]:
        """The bytes for a thin client to show and to sign; nothing is stored.

        Args:
            fields: Members of the act; `v`, `act_id`, `occurred_at`, `precision`, `circulation` and
                a single signer are filled in where they are left out. For a countersignature
                `stream` and `act_id` are enough.
            kid: The key that will sign.
            role: Role of the header.
            at: The ledger's time in a rehearsal.

        Returns:
            `{payload, protected, signing_input, shown, left_out}`; the first two in b64.
            `left_out` names the characters that nobody would see: the payload is without them.

        Raises:
            Rejected: `unknown_key`, `malformed_act` or `unknown_act`.
            NotFound: No such stream, or no such act to countersign.
        """
        keyring = self.refresh().keyring
        now = self._time(at).at
        line = keyring.line(kid)
        if line is None:
            raise unknown_key(Message("this key is not enrolled"))
        stream, left_out = fields.get("stream"), invisible_characters.faults(fields)
        with self._memory.fresh(stream if isinstance(stream, str) else "") as current:
            if role in (AUTHOR, RETURNER):
                members: Mapping[str, Any] = self._filled(
                    invisible_characters.without(fields), line.officer, now
                )
                self._catalogue.parse(members, self._level)
            else:
                members = drafting.standing(current, fields)
            head = current.head
        protected = statements.protected_header(
            alg=keyring.key(kid).alg,
            kid=kid,
            iat=int(now.timestamp()),
            log=self._origin,
            seq=head.seq,
            prev=head.prev,
            role=role,
        )
        return drafting.to_sign(protected, drafting.payload(members), left_out)

    def _filled(
        self, fields: Mapping[str, Any], officer: str | None, at: datetime
    ) -> dict[str, Any]:
        return drafting.filled(fields, officer, act_id=self._entropy.uuid(), at=at)


def _until(latest: datetime | None, ends: datetime) -> datetime:
    """How late it may be recorded: a signature is never judged otherwise at its index."""
    last = ends - _MS
    return last if latest is None else min(latest, last)


def _compact(flattened: Mapping[str, Any]) -> str:
    parts = [flattened.get(name) for name in ("protected", "payload", "signature")]
    return ".".join(part if isinstance(part, str) else "" for part in parts)
