"""The use cases of the write path: take a statement, found a log.

Step by step (architecture.md §3): the door, the key and the stream's answer as the log stands
(`judging`), one append (`stream_cache`). Durable is the append's COMMIT and nothing before it.
SQL, HTTP and files are not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

from keys.envelope_encryption import Keks
from ledger.admission import service_statements
from ledger.admission.replay import founded
from ledger.admission.submission import Submission
from ledger.errors import Conflict, Fatal, Head, NotFound, Rejected, Unavailable
from ledger.log import statement as statements
from ledger.log.moment import cut, unstamp
from ledger.log.statement import Statement
from ledger.message import Message
from ledger.ports import (
    Appended,
    Appender,
    AttachedFiles,
    Clock,
    Entropy,
    Identities,
    LowerLogs,
    NotAppended,
    OtherCases,
    RecordStore,
    Sights,
)
from ledger.regulation.acts.act import Act
from ledger.regulation.case.registers import FORM_GIVEN, KINDS
from ledger.regulation.case.state import Entry
from ledger.regulation.participation.narrowing import NARROWING, Narrowing, narrowings
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.registry import Registry
from ledger.steps import no_steps
from ledger.streams.event import ServiceSaid
from ledger.streams.record_reader import Reader
from ledger.streams.stream import Stream, taken
from ledger.write.drafting import Drafts
from ledger.write.erasures import Erasures
from ledger.write.eventsourcing_adapter import Judge, LogRecorder, Preconditions, SealingMapper
from ledger.write.judging import Judging, until
from ledger.write.ledger_clock import clock_back
from ledger.write.receipt import Recorded
from ledger.write.registry_follower import RegistryFollower
from ledger.write.see_check import unbegun
from ledger.write.stream_cache import StreamCache
from ledger.write.unasked_cases import AsksOthers

_ATTEMPTS: Final = 12


class _JudgeAgain(Exception):
    """What the statement was judged by has moved meanwhile."""


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
        drafts: What is asked before signing.
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
        self._memory = StreamCache(store, mapper, recorder, self.follower, origin=origin)
        self._cases, self._narrow, self._origin = cases, narrow, origin
        self._judging = Judging(
            self._memory,
            store,
            clock,
            cases,
            Erasures(store, reader, self.follower),
            origin=origin,
            level=level,
            rehearsal=rehearsal,
            files=files,
            sights=sights,
            compartment=compartment,
            lower=lower,
        )
        self._see, self.drafts = self._judging.see, Drafts(self._judging, entropy)

    @property
    def registry(self) -> Registry:
        """The registry as this process last saw it."""
        return self._memory.current.registry

    def refresh(self) -> Registry:
        """The registry as the log stands now."""
        return self._memory.refresh()

    def forget(self) -> None:
        """Lets go of everything it keeps of streams: something of the log was shredded."""
        self._cases.forget()
        self._memory.forget()
        self.follower.forget()

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
        sent = self._judging.submission(statements.parse_flattened(body), signer_officer)
        sight = self._judging.require_sight(sent)
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

    def _unseen(self, sent: Submission, at: datetime | None) -> NotFound:
        """How what begins a case under the id of one that its sender does not see is refused.

        By the rules in the words of the rules, as where there is no case: to learn that there is
        one, an act has to be sent that is recorded where there is none.

        Raises:
            Rejected: As `record` would, of a case that has not begun.
        """
        registry, now = self.refresh(), self._judging.time(at).at
        with self._memory.fresh(sent.act.stream, self._see.hides) as stream:
            self._judging.judged(unbegun(stream), sent, registry, now)
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
        sent, at = self._judging.submission(statement), cut(at)
        registry = founded(self.registry, sent.act, at)
        with self._memory.fresh(sent.act.stream) as stream:
            if self._memory.look().size:
                raise stream.stale(statement)
            found = self._judging.judged(stream, sent, registry, at)
            first = Preconditions(-1, at, at)
            return self._append(stream, statement, no_steps((found.event, first)))

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
            current, time = self._memory.catch_up(), self._judging.time(None)
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
            judged = Preconditions(current.index, time.at, until(time.latest, ends))
            try:
                return self._memory.append(stream, no_steps((said, judged)))
            except NotAppended as refusal:
                self._memory.saw(refusal.head)
                if refusal.status == "taken":
                    raise taken(event.event_id) from refusal
                raise stream.stale(statement) from refusal

    def _once(
        self, stream: Stream, sent: Submission, at: datetime | None, *, presuming: bool
    ) -> Recorded:
        """Judges by what this process knows, and appends. Raises: _JudgeAgain."""
        time = self._judging.time(at)
        self._memory.catch_up()
        try:
            if presuming and not self._judging.asks_apart(sent):
                with suppress(AsksOthers):
                    judge = self._judging.judge(stream, sent, time)
                    return self._append(stream, sent.statement, judge)
            judged = self._judging.judged_apart(stream, sent, time, presuming=presuming)
            return self._append(stream, sent.statement, no_steps(judged))
        except NotAppended as refusal:
            self._memory.saw(refusal.head)
            if refusal.status == "taken":
                raise taken(sent.act.act_id) from refusal
            if refusal.status == "late" and at is not None:
                raise clock_back() from refusal
            raise _JudgeAgain from refusal

    def _append(self, stream: Stream, statement: Statement, judge: Judge) -> Recorded:
        """Raises: NotAppended, Unavailable, and what `judge` raises."""
        self._memory.append(stream, judge)
        place = stream.place(statement)
        if place is None:
            raise Fatal("a statement is not where it was just put")
        return Recorded.at(place, self._origin, created=True)

    def head(self, stream: str) -> Head:
        """Where the next statement of a stream must stand.

        Raises:
            NotFound: No kind of stream has such names.
        """
        with self._memory.fresh(stream, self._see.hides) as current:
            return self._see.head(current)

    def pending(self, stream: str) -> Sequence[Entry]:
        """Acts of a stream that wait for a signer, whatever else lies there. Raises: NotFound."""
        with self._memory.fresh(stream) as current:
            return list(current.state.pending.values())
