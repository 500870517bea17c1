"""The use cases of the write path: take, check or prepare a statement, found a log.

Step by step (architecture.md §3): the door and the key as the log stands (`submission`), the
stream's answer, one append (`stream_cache`). Durable is the append's COMMIT and nothing before it.
SQL, HTTP and files are not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final

from keys import canonical
from keys.envelope_encryption import Keks
from ledger.admission import service_statements
from ledger.admission.replay import founded
from ledger.admission.submission import Submission, parsed, unknown_key
from ledger.errors import Conflict, Fatal, Fault, Head, NotFound, Rejected, Unavailable
from ledger.log import record
from ledger.log import statement as statements
from ledger.log.merkle import Frontier
from ledger.log.moment import cut, unstamp
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
    Identities,
    LowerLogs,
    NotAppended,
    OtherCases,
    RecordStore,
    Sight,
    Sights,
    nothing,
)
from ledger.regulation.acts import invisible_characters
from ledger.regulation.acts.act import ORDINARY, Act
from ledger.regulation.acts.text_lint import suspects
from ledger.regulation.case.guard_input import DecisionContext
from ledger.regulation.case.reading import strings
from ledger.regulation.case.registers import FORM_GIVEN, KINDS
from ledger.regulation.case.state import RECOVERING, SEALING, Entry
from ledger.regulation.case.suspected_names import texts_outside
from ledger.regulation.decide import Decision
from ledger.regulation.open_acts import OpenAct, open_acts
from ledger.regulation.participation.narrowing import NARROWING, Narrowing, narrowings
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.membership import keeps_registry
from ledger.regulation.registry.registry import Registry
from ledger.streams.event import Said, ServiceSaid, StatementRecorded
from ledger.streams.names import is_case, stream_id
from ledger.streams.record_reader import Reader
from ledger.streams.stream import Stream, taken
from ledger.values import frozen_value
from ledger.write import drafting
from ledger.write.eventsourcing_adapter import Judge, LogRecorder, Preconditions, SealingMapper
from ledger.write.ledger_clock import Time, by_clock, clock_back, rehearsed
from ledger.write.lower_check import LowerCheck
from ledger.write.receipt import Recorded
from ledger.write.registry_follower import RegistryFollower
from ledger.write.see_check import SeeCheck, first_named, knocks, names_no_stream, unbegun
from ledger.write.stream_cache import StreamCache
from ledger.write.unasked_cases import AsksOthers, UnaskedCases

_ATTEMPTS: Final = 12
_ENTRIES: Final = 32_768
_ASKED_APART: Final = frozenset({RECOVERING, SEALING})
_MS: Final = timedelta(milliseconds=1)


class _JudgeAgain(Exception):
    """What the statement was judged by has moved meanwhile."""


@frozen_value(frozen=True, slots=True)
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
        sights: What callers see of cases; None where whoever writes sees everything.
        narrow: Takes sight away at once, by an act that was recorded at an index.
        founded: The registry before record 0; the shipped edition where left out.
        compartment: Whether an identity is kept that an act names; None where nobody is asked.
        lower: The lower logs that are mirrored here; None where none can be.

    Attributes:
        follower: Follows the registry; for readers too.
    """

    def __init__(  # noqa: PLR0913 - the ports of one process
        self,
        *,
        store: RecordStore,
        appender: Appender,
        kek: Keks,
        clock: Clock,
        entropy: Entropy,
        cases: OtherCases,
        origin: str,
        level: str,
        rehearsal: bool,
        files: AttachedFiles | None = None,
        sights: Sights | None = None,
        narrow: Callable[[Narrowing, int], None] | None = None,
        founded: Registry | None = None,
        compartment: Identities | None = None,
        lower: LowerLogs | None = None,
    ) -> None:
        reader = Reader(store, kek, origin, level)
        mapper = SealingMapper(reader, origin=origin, level=level, kek=kek, entropy=entropy)
        recorder = LogRecorder(store, appender, origin)
        self.follower = RegistryFollower(store, reader, founded)
        self._store = store
        self._memory = StreamCache(store, mapper, recorder, self.follower, origin=origin)
        self._clock = clock
        self._entropy = entropy
        self._cases = cases
        self._files = files
        self._see = SeeCheck(sights, by_name=level != ORDINARY)
        self._narrow = narrow
        self._compartment = compartment
        self._lower = LowerCheck(lower) if level != ORDINARY and lower is not None else None
        self._origin = origin
        self._level = level
        self._rehearsal = rehearsal

    @property
    def registry(self) -> Registry:
        """The registry as this process last saw it."""
        return self._memory.current.registry

    def refresh(self) -> Registry:
        """The registry as the log stands now."""
        self._memory.look()
        return self._memory.catch_up().registry

    def forget(self) -> None:
        """Lets go of everything it keeps of streams: something of the log was shredded."""
        self._cases.forget()
        self._memory.forget()
        self.follower.forget()

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
            NotFound: The sender sees no such case.
            Rejected: The sender's move.
            Conflict: `stale`, `taken` or `clock_back`.
            Unavailable: Try again later with the same bytes; with `answer_late` it is durable.
        """
        sent = self._submission(statements.parse_flattened(body), signer_officer)
        sight = self._require_sight(sent)
        if sight == "hidden":
            raise self._unseen(sent, at)
        try:
            recorded = self._taken(sent, at)
        except Conflict as conflict:
            raise self._see.told(conflict, sent.act.stream, sight) from conflict
        try:
            self._end_sight(sent.act, recorded)
            return self._numbered(sent.act, recorded)
        except Unavailable as late:  # whose own words would say that nothing was recorded
            raise Unavailable(
                "answer_late",
                Message(
                    "Recorded at index {index}; the answer could not be finished.",
                    index=recorded.index,
                ),
                retry_after_s=late.retry_after_s,
            ) from late

    def _numbered(self, act: Act, recorded: Recorded) -> Recorded:
        """With the number that the log gives what it enters in a register (formats.md §8)."""
        given = act.act in KINDS and act.form >= FORM_GIVEN
        if recorded.receipt["status"] != "effective" or not given:
            return recorded
        at = unstamp(recorded.receipt["recorded_at"])
        number = self._cases.number(act, recorded.index, at)
        return recorded if number is None else recorded.with_number(number)

    def _taken(self, sent: Submission, at: datetime | None) -> Recorded:
        """Raises: as `record`."""
        with self._memory.turn(sent.act.stream) as key:
            for attempt in range(_ATTEMPTS):
                stream = self._memory.cached(key, sent.act.stream, sent.statement.seq)
                place = stream.place(sent.statement)
                if place is not None:
                    sent.require_session(self.registry)
                    return Recorded.at(place, self._origin, created=False)
                try:
                    return self._once(stream, sent, at, presuming=not attempt)
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

    def _require_sight(self, sent: Submission) -> Sight:
        """Before life cycle, guards, replay and signature, none of which says that a case is there.

        What these then say of it is for whoever sees all of it.

        Raises:
            NotFound: The sender sees no such case.
        """
        name = sent.act.stream

        def stream() -> Stream:
            with self._memory.fresh(name) as found:
                return found

        sight = self._see.require(sent.act, sent.statement.seq, stream)
        sent.whole = sight != "part"
        return sight

    def _unseen(self, sent: Submission, at: datetime | None) -> NotFound:
        """How what begins a case under the id of one that its sender does not see is refused.

        By the rules in the words of the rules, as where there is no case: to learn that there is
        one, an act has to be sent that is recorded where there is none.

        Raises:
            Rejected: As `record` would, of a case that has not begun.
        """
        registry, now = self.refresh(), self._time(at).at
        with self._memory.fresh(sent.act.stream) as stream:
            self._judged(unbegun(stream), sent, registry, now)
        return NotFound("no such stream")

    def _end_sight(self, act: Act, recorded: Recorded) -> None:
        """Takes away at once what an act ends; sent again, it is done again.

        After the COMMIT and before the answer: whoever is told that it is recorded may rely on it.
        """
        if self._narrow is None or act.act not in NARROWING:
            return
        if recorded.receipt["status"] != "effective":
            return
        day = local_day(unstamp(recorded.receipt["recorded_at"]))
        for one in narrowings(act, self.registry, day):
            self._narrow(one, recorded.index)

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
            return self._append(stream, statement, lambda: (found.event, Preconditions(-1, at, at)))

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
                return self._memory.append(stream, lambda: (said, judged))
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
            registry=self.registry,
            session=signer_officer,
        )

    def _once(
        self, stream: Stream, sent: Submission, at: datetime | None, *, presuming: bool
    ) -> Recorded:
        """Judges by what this process knows, and appends. Raises: _JudgeAgain."""
        time = self._time(at)
        self._memory.catch_up()
        try:
            if presuming and not self._asks_apart(sent):
                with suppress(AsksOthers):
                    return self._append(
                        stream,
                        sent.statement,
                        partial(self._judge, stream, sent, time),
                        partial(sent.check_signature, self.registry),
                    )
            judged = self._judged_apart(stream, sent, time, presuming=presuming)
            return self._append(stream, sent.statement, lambda: judged)
        except NotAppended as refusal:
            self._memory.saw(refusal.head)
            if refusal.status == "taken":
                raise taken(sent.act.act_id) from refusal
            if refusal.status == "late" and at is not None:
                raise clock_back() from refusal
            raise _JudgeAgain from refusal

    def _append(
        self,
        stream: Stream,
        statement: Statement,
        judge: Judge,
        check: Callable[[], None] = nothing,
    ) -> Recorded:
        """Raises: NotAppended, Unavailable, and what `judge` and `check` raise."""
        self._memory.append(stream, judge, check)
        place = stream.place(statement)
        if place is None:
            raise Fatal("a statement is not where it was just put")
        return Recorded.at(place, self._origin, created=True)

    def _asks_apart(self, sent: Submission) -> bool:
        """Whether more is asked of it than what this process knows: of files, vault, tree, logs."""
        act, author = sent.act, sent.statement.role == AUTHOR
        return bool(act.attachments) or act.act in _ASKED_APART or (author and bool(self._lower))

    def _judge(self, stream: Stream, sent: Submission, time: Time) -> tuple[Said, Preconditions]:
        """Judges it in its group, in the thread of whoever leads: nothing is waited for here.

        A token of an author's statement is presumed to stand in no other case, since the append is
        told of it and says otherwise (ADR 37). No refusal and no other statement goes by that.

        Raises:
            AsksOthers: It is for its own thread to judge.
            Conflict: As `record`.
            Rejected: As `record`.
        """
        current, asking = self._memory.current, UnaskedCases()
        officer, ends = sent.admit(current.registry, time.at), sent.ends(current.registry)
        ground = self._ground(current.registry, time.at, asking, whole=sent.whole)
        try:
            event, _ = stream.decide(sent.statement, sent.act, officer, ground)
        except Rejected as refused:
            if asking.presumed:
                raise AsksOthers from refused
            raise
        if asking.presumed and not event.author:
            raise AsksOthers
        return event, Preconditions(current.index, time.at, _until(time.latest, ends))

    def _judged_apart(
        self, stream: Stream, sent: Submission, time: Time, *, presuming: bool
    ) -> tuple[Said, Preconditions]:
        """Judges it in its own thread, which asks whatever there is to ask."""
        current = self._memory.catch_up()
        found = self._judged(stream, sent, current.registry, time.at, presuming=presuming)
        latest = _until(time.latest, found.ends)
        return found.event, Preconditions(current.index, time.at, latest, found.grounds)

    def _judged(
        self,
        stream: Stream,
        sent: Submission,
        registry: Registry,
        at: datetime,
        *,
        presuming: bool = False,
    ) -> _Judgement:
        """Every question of the door and of the stream.

        Where it may, a token of an author's statement is presumed to stand in no other case, since
        the append is told of it and says otherwise (ADR 37). No refusal and no other statement goes
        by that: they are judged by what stands there.
        """
        officer, ends = sent.admit(registry, at), sent.ends(registry)
        seen = self._see.asked_of_others(sent.act)
        asking = self._cases.asking(seen, presuming=presuming and is_case(sent.act.stream))
        ground = self._ground(registry, at, asking, whole=sent.whole)
        try:
            event, decision = stream.decide(sent.statement, sent.act, officer, ground)
        except Rejected:
            if asking.presumed:
                return self._judged(stream, sent, registry, at)
            raise
        if asking.presumed and not event.author:
            return self._judged(stream, sent, registry, at)
        self._require_files(sent.act, stream)
        self._require_identity(sent.act)
        self._require_prefix(sent.act)
        if self._lower is not None and sent.statement.role == AUTHOR:
            self._lower.require(sent.act)
        return _Judgement(event, decision, ends, asking.grounds)

    def _ground(
        self, registry: Registry, at: datetime, asking: Asking, *, whole: bool = True
    ) -> DecisionContext:
        return DecisionContext(
            registry=registry,
            origin=self._origin,
            level=self._level,
            log_size=self._memory.head.size,
            cases=asking,
            at=at,
            whole=whole,
        )

    def _require_files(self, act: Act, stream: Stream) -> None:
        """An act never lists a file that nobody could open, nor one that is hidden from its author.

        It is opened through any act that lists it. Whoever signs after the author is not asked.
        """
        if self._files is None or not act.attachments:
            return
        digests = {listed["digest"] for listed in act.attachments}
        earlier: Sequence[Act] = [
            entry.act
            for entry in stream.state.entries.values()
            if any(listed["digest"] in digests for listed in entry.act.attachments)
        ]
        if act.act_id not in stream.state.entries:
            earlier = self._see.among(act.stream, earlier)
        self._files.require(act, earlier)

    def _require_identity(self, act: Act) -> None:
        """What a sealing names lies in R, sealed for this reporter of this case (access.md A5)."""
        if self._compartment is None or act.act != SEALING:
            return
        item, token = act.facts["vault_item"], act.facts["reporter"]
        if not self._compartment.holds(item, token, stream_id(self._origin, act.stream)):
            raise Rejected(
                "identity_missing",
                Message("Not recorded: the vault has no such identity for this reporter."),
                faults=[Fault("/facts/vault_item", Message("nothing is kept under it"))],
            )

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
            return self._see.head(current)

    def open_acts(
        self, stream: str, officer: str, *, at: datetime | None = None
    ) -> Sequence[OpenAct] | None:
        """Acts that an officer may begin in a stream now; None of a case of which they see a part.

        Nor of any case above ordinary: what may be begun there hangs on acts that are named to
        others. A case that they do not see is as one not begun.

        Args:
            stream: Its name.
            officer: Of the session.
            at: The ledger's time in a rehearsal.

        Raises:
            NotFound: No kind of stream has such names.
        """
        registry = self.refresh()
        others = self._cases.asking(lambda other: self._see.of(other) == "whole")
        ground = self._ground(registry, self._time(at).at, others)
        with self._memory.fresh(stream) as found:
            sight = self._see.of(stream)
            if sight == "part" or (self._level != ORDINARY and is_case(stream)):
                return None
            state = (found if sight == "whole" else unbegun(found)).state
            return list(open_acts(state, officer, ground))

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
            `{ok, status, flags, next_state}`; the state for whoever sees the whole case alone.

        Raises:
            NotFound: As `record` would.
            Rejected: As `record` would.
            Conflict: As `record` would.
        """
        registry = self.refresh()
        now = self._time(at).at
        if "statement" in asked:
            statement = statements.parse_compact(_compact(asked["statement"]))
            sent = self._submission(statement, signer_officer)
            sight = self._require_sight(sent)
            with self._memory.fresh(sent.act.stream) as found:
                stream = unbegun(found) if sight == "hidden" else found
                knows_state = sent.whole
                try:
                    decision = self._judged(stream, sent, registry, now).decision
                except Conflict as conflict:
                    raise self._see.told(conflict, stream.name, sight) from conflict
        else:
            members = self._filled(asked.get("act", {}), signer_officer, now, registry)
            act = parsed(members, registry, self._level)
            invisible_characters.require_visible(members)
            others = self._cases.asking(self._see.asked_of_others(act))
            with (
                self._memory.fresh(act.stream) as found,
                self._see.shown(found, members, signer_officer) as stream,
            ):
                knows_state = stream is not found or self._see.of(act.stream) == "whole"
                ground = self._ground(registry, now, others, whole=knows_state)
                decision = drafting.would_decide(stream, act, signer_officer, ground)
                self._require_files(act, stream)
        return drafting.verdict(decision, knows_state=knows_state)

    def warnings(self, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What seems to name a person in an act that is being typed; nothing of it is repeated.

        Args:
            asked: As for `check`; what is typed so far may be out of form.

        Returns:
            `{pointer, start, end, code, vi, en}` each, in characters of the text at the pointer.

        Raises:
            Rejected: A statement is out of form.
        """
        members = asked.get("act", {})
        if "statement" in asked:
            members = statements.parse_compact(_compact(asked["statement"])).members
        edition = self.refresh().edition
        typed = [*strings(members.get("facts", {}), "/facts"), *texts_outside(members)]
        return [
            {"pointer": pointer, **asdict(suspect)}
            for pointer, text in typed
            for suspect in suspects(text, edition)
        ]

    def prepare(
        self,
        fields: Mapping[str, Any],
        *,
        kid: str,
        role: str = AUTHOR,
        at: datetime | None = None,
        signer_officer: str | None = None,
    ) -> dict[str, Any]:
        """The bytes for a thin client to show and to sign; nothing is stored.

        Args:
            fields: Members of the act; `v`, `act_id`, `occurred_at`, `precision`, `circulation` and
                a single signer are filled in where they are left out. For a countersignature
                `stream` and `act_id` are enough. To a registrar who voids records the stream is
                told by their index and entry (access.md W2).
            kid: The key that will sign.
            role: Role of the header.
            at: The ledger's time in a rehearsal.
            signer_officer: Officer of the session; the key's where there is none.

        Returns:
            `{payload, protected, signing_input, shown, left_out}`; the first two in b64.
            `left_out` names the characters that nobody would see: the payload is without them.

        Raises:
            Rejected: `unknown_key`, `malformed_act` or `unknown_act`.
            NotFound: No such stream, no such act to countersign, or nothing there to be voided.
        """
        registry = self.refresh()
        keyring, now = registry.keyring, self._time(at).at
        line = keyring.line(kid)
        if line is None:
            raise unknown_key(Message("this key is not enrolled"))
        if names_no_stream(fields):
            day, officer = local_day(now), signer_officer or line.officer or ""
            fields = {**fields, "stream": self._set_aside_in(fields, officer, registry, day)}
        stream, left_out = fields.get("stream"), invisible_characters.faults(fields)
        with (
            self._memory.fresh(stream if isinstance(stream, str) else "") as found,
            self._see.shown(found, fields, signer_officer or line.officer) as current,
        ):
            instead = None
            if role in (AUTHOR, RETURNER):
                members: Mapping[str, Any] = self._filled(
                    invisible_characters.without(fields), line.officer, now, registry
                )
                parsed(members, registry, self._level)
            else:
                members = drafting.standing(current, fields)
                self._see.require_shown(current, members, signer_officer or line.officer or "")
                named, day = str(members["act_id"]), local_day(now)
                instead = drafting.stand_in(current, named, line.officer, registry, day)
            head = current.head
        protected = statements.protected_header(
            alg=keyring.key(kid).alg,
            kid=kid,
            iat=int(now.timestamp()),
            log=self._origin,
            seq=head.seq,
            prev=head.prev,
            role=role,
            stand_in=instead,
        )
        return drafting.to_sign(protected, drafting.payload(members), left_out)

    def _set_aside_in(
        self, fields: Mapping[str, Any], officer: str, registry: Registry, day: date
    ) -> str:
        """The stream of records that a registrar names by index and entry.

        Raises:
            NotFound: Somebody else asks, or one of them stands, is voided already or is not there.
        """
        index, name = first_named(fields), ""
        if index is not None and keeps_registry(officer, registry, day):
            found = [row.stream for row in self._store.read(index, 1) if row.index == index]
            name = next(iter(found), "")
        if name:
            with self._memory.fresh(name) as stream:
                if knocks(fields, officer, stream):
                    return name
        raise NotFound("no such stream")

    def _filled(
        self, fields: Mapping[str, Any], officer: str | None, at: datetime, registry: Registry
    ) -> dict[str, Any]:
        form = registry.judging(str(fields.get("act"))).form
        members = drafting.filled(fields, officer, act_id=self._entropy.uuid(), at=at, form=form)
        return members if self._lower is None else self._lower.filled(members)


def _until(latest: datetime | None, ends: datetime) -> datetime:
    """How late it may be recorded: a signature is never judged otherwise at its index."""
    last = ends - _MS
    return last if latest is None else min(latest, last)


def _compact(flattened: Mapping[str, Any]) -> str:
    parts = [flattened.get(name) for name in ("protected", "payload", "signature")]
    return ".".join(part if isinstance(part, str) else "" for part in parts)
