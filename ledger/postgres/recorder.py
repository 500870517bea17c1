"""The append: judged drafts become records, a group by one SQL call (architecture.md §3.4).

Whoever finds the appender idle leads: it takes all that wait, judges them, a step of all before the
next of any, seals them, calls `log.append` once and hands every caller its own answer. All in one
thread, step by step: the same code of one act after another costs a quarter less than that of many
threads that take turns, one act each. Durable is the COMMIT of that call and nothing else. If the
connection dies before the answer, the same sealed bytes are sent again on a new one; whoever is
then told `stale` reads its place back and compares entries before it believes it. What an act says
is not known here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, Literal, LiteralString, cast

import psycopg

from ledger.errors import Doubt, Fatal, LedgerError, Unavailable
from ledger.message import Message
from ledger.ports import Appended, Clock, Draft, LogHead, NotAppended, SealedRecord
from ledger.postgres import direct
from ledger.postgres.connect import (
    DURABLY,
    Connection,
    connect,
    database_unavailable,
    disk_full,
    is_lost,
    may_hang,
    translated,
)
from ledger.postgres.direct import PreparedStatement
from ledger.postgres.hints import Hints
from ledger.steps import Steps, no_steps
from ledger.work import bill, work_s
from ledger.write.groups import Groups

GROUP_LIMIT: Final = 64
_RESENDS: Final = 4
_RESEND_WAIT_S: Final = 0.25
_HUNG_S: Final = 8.0
"""How long an answer is waited for; what became of a call that hangs is read back."""
_GIVEN_UP_S: Final = 20.0
"""After which a group is not sent again: who leads gives up, and all that wait are told."""
_RESEALS: Final = 3

_APPEND: Final = b"""
SELECT status, place, head_size, head_at, head_registry %s, log.append(
  $1::uuid[], $2::text[], $3::bigint[], $4::uuid[], $5::uuid[], $6::boolean[],
  $7::boolean[], $8::bigint[], $9::text[], $10::timestamptz[],
  $11::bytea[], $12::bytea[], $13::bytea, $14::bytea[],
  $15::bigint[], $16::uuid[], $17::bigint[], $18::bigint[], $19::bytea[])
""" % DURABLY.encode()
_READ_BACK: Final[LiteralString] = """
SELECT r.index, r.entry, r.recorded_at, h.size, h.recorded_at, h.registry_index
FROM log.records r, log.log_head h WHERE r.stream_id = %b AND r.seq = %b
"""


_Status = Literal["ok", "unfit", "stale", "taken", "judge_again", "late", "apart"]
_Answered = tuple[_Status, int | None, LogHead]


class _Ticket:
    """One caller that waits for its draft to be made and recorded.

    Attributes:
        draft: Once it is judged.
        sealed: With the time `sealed_at`.
        answer: What its caller is told; None: nothing yet.
        judging_s: What it took to judge, which is its caller's to pay, however long.
    """

    __slots__ = ("_steps", "answer", "draft", "judging_s", "sealed", "sealed_at")
    draft: Draft
    sealed_at: datetime

    def __init__(self, steps: Steps[Draft]) -> None:
        self._steps = steps
        self.sealed: SealedRecord | None = None
        self.answer: Appended | Exception | None = None
        self.judging_s = 0.0

    def step(self) -> bool:
        """One step towards the draft, and whether there are more; what is raised is the answer."""
        try:
            next(self._steps)
        except StopIteration as end:
            self.draft = end.value
            self.sealed_at = self.draft.at
            return False
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this one's and no other's
            self.answer = error
            return False
        return True

    def date(self, now: datetime) -> None:
        """Moves its time on to now, where the draft may still be recorded then."""
        if self.draft.latest is not None and self.draft.at < now and self.may_be(now):
            self.sealed_at = now

    def may_be(self, at: datetime) -> bool:
        """Whether it may be recorded with this time without being judged again."""
        return self.draft.latest is None or at <= self.draft.latest

    def seal(self, at: datetime) -> SealedRecord:
        """Sealed with this time, and kept: a draft that is sent again must be the same draft."""
        if self.sealed is None or self.sealed_at != at:
            self.sealed = self.draft.seal(at)
            self.sealed_at = at
        return self.sealed


class GroupAppender:
    """The writer's end of the log; implements `Appender`.

    Args:
        dsn: Connection string of the writer's login.
        free_bytes: Room left where the database stores, None where it cannot be asked.
        min_free_bytes: Below it writes are refused before the disk is full; reads go on.
        clock: Dates a group when it is sent, not when its drafts were judged: beside another
            process the log has often moved on meanwhile. None: they are sent as judged.
        admit: Asked of every new connection before anything is recorded over it.
        hung_after_s: How long an answer of the database is waited for before its connection is
            closed.
    """

    def __init__(
        self,
        dsn: str,
        *,
        free_bytes: Callable[[], int] | None = None,
        min_free_bytes: int = 0,
        clock: Clock | None = None,
        admit: Callable[[Connection], None] = lambda _connection: None,
        hung_after_s: float = _HUNG_S,
    ) -> None:
        self._dsn = dsn
        self._hung_after_s = hung_after_s
        self._admit = admit
        self._clock = clock
        self._free_bytes = free_bytes
        self._min_free_bytes = min_free_bytes
        self._connection: Connection | None = None
        self._append = PreparedStatement(b"append", _APPEND)
        self._hints = Hints(dsn, "records")
        self._groups = Groups(self._commit, GROUP_LIMIT, after=self._tell)

    def append(self, draft: Draft) -> Appended:
        """See `Appender.append`; blocks until the draft's group is committed or refused."""
        return self.append_judged(no_steps(draft))

    def append_judged(self, draft: Steps[Draft]) -> Appended:
        """See `Appender.append_judged`; blocks as `append`."""
        ticket = _Ticket(draft)
        error = self._groups.join([ticket])
        bill(ticket.judging_s)
        answer = ticket.answer or error
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            raise database_unavailable()  # whoever led was stopped: the same bytes tell what is
        return answer

    def close(self) -> None:
        """Closes the connections; a later append opens others."""
        self._hints.close()
        self._disconnect()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _tell(self, group: Sequence[_Ticket]) -> None:
        if any(isinstance(ticket.answer, Appended) for ticket in group):
            self._hints.give()

    def _commit(self, group: Sequence[_Ticket]) -> None:
        _judge(group)
        pending = [ticket for ticket in group if ticket.answer is None]
        if not pending:
            return
        if self._free_bytes is not None and self._free_bytes() < self._min_free_bytes:
            raise disk_full()
        if self._clock is not None:
            now = self._clock.now()
            for ticket in pending:
                ticket.date(now)
        # Sealing goes in the order of time, so that it does not go back within the group.
        pending.sort(key=lambda ticket: ticket.sealed_at)
        for _ in range(_RESEALS):
            pending = self._once(pending)
            if not pending:
                return
        for ticket in pending:
            ticket.answer = NotAppended("judge_again", LogHead(0, None, -1))

    def _once(self, pending: Sequence[_Ticket]) -> list[_Ticket]:
        """One call; gives back the tickets that only need a later time, or a call of their own."""
        under = pending[0].seal(pending[0].sealed_at).kek_id  # a call is of one KEK; an epoch turns
        again = [one for one in pending if one.seal(one.sealed_at).kek_id != under]
        pending = [one for one in pending if one not in again] if again else pending
        rows, resent = self._call(pending)
        for ticket, (status, place, head) in zip(pending, rows, strict=True):
            at = head.recorded_at
            sealed = ticket.seal(ticket.sealed_at)
            if status == "ok":
                ticket.answer = Appended(_index(place), ticket.sealed_at, sealed.entry, head)
            elif status == "stale" and resent and (found := self._read_back(ticket, sealed)):
                ticket.answer = found
            elif status == "late" and at is not None and ticket.may_be(at):
                ticket.seal(at)
                again.append(ticket)
            elif status == "apart":
                ticket.answer = clocks_apart()
            elif status == "unfit":
                ticket.answer = Fatal("the log takes no record of this form")
            else:
                ticket.answer = NotAppended(status, head)
        return again

    def _call(self, tickets: Sequence[_Ticket]) -> tuple[list[_Answered], bool]:
        """The rows of `log.append`, and whether an earlier sending may have landed unseen."""
        arguments, end = _arguments(tickets), time.monotonic() + _GIVEN_UP_S
        for attempt in range(_RESENDS + 1):
            try:
                return _answered(self._append.rows(self._connected(), arguments)), attempt > 0
            except (psycopg.Error, LedgerError) as error:
                self._disconnect()
                if attempt and isinstance(error, Doubt):
                    raise database_unavailable() from error  # it may stand in the other database
                over = attempt == _RESENDS or time.monotonic() > end
                if over or not _may_pass(error):
                    raise error if isinstance(error, LedgerError) else translated(error) from error
                time.sleep(_RESEND_WAIT_S * (attempt + 1))
        raise AssertionError("unreachable")

    def _read_back(self, ticket: _Ticket, sealed: SealedRecord) -> Appended | None:
        """What stands at the draft's place, if it is this very draft: the answer was lost."""
        key = [ticket.draft.stream_id, ticket.draft.seq]
        row = cast("Any", self._connected().execute(_READ_BACK, key).fetchone())
        if row is None or row[1] != sealed.entry:
            return None
        return Appended(row[0], row[2], sealed.entry, LogHead(*row[3:]))

    def _connected(self) -> Connection:
        if self._connection is not None and may_hang(self._connection):
            self._disconnect()
        if self._connection is None or self._connection.closed:
            connection = connect(self._dsn, hung_after_s=self._hung_after_s)
            try:
                self._admit(connection)
                self._append.prepare(connection)
            except (psycopg.Error, LedgerError):
                connection.close()
                raise
            self._connection = connection
        return self._connection


def _judge(tickets: Sequence[_Ticket]) -> None:
    """A step of all of them, then the next; each pays its own, and whoever leads none of it."""
    first_s = began_s = work_s()
    try:
        while tickets:
            left = []
            for ticket in tickets:
                while ticket.step():
                    if len(tickets) > 1:
                        left.append(ticket)
                        break
                over_s = work_s()
                ticket.judging_s += over_s - began_s
                began_s = over_s
            tickets = left
    finally:
        bill(first_s - began_s)


def clocks_apart() -> Unavailable:
    """Try again after the operator has set the clocks; a wrong time would be the log's for ever."""
    return Unavailable(
        "clocks_apart",
        Message(
            "The clocks of server and database are more than 5 minutes apart; nothing was recorded."
            " Tell the operator to set the clocks, then send it again."
        ),
        retry_after_s=60,
    )


def _may_pass(error: psycopg.Error | LedgerError) -> bool:
    """Whether sending the group again can help: there was no connection, or it was lost."""
    return not isinstance(error, Fatal) and (not isinstance(error, psycopg.Error) or is_lost(error))


def _index(place: int | None) -> int:
    if place is None:
        raise Fatal("a record was taken without an index")
    return place


def _answered(rows: Sequence[Sequence[bytes | None]]) -> list[_Answered]:
    """Rows of `log.append`: status, index where there is one, and the head as it stands."""
    answers: list[_Answered] = []
    known: Sequence[bytes | None] | None = None
    head = LogHead(0, None, -1)
    for status, place, *shown in rows:
        if shown != known:  # a group that is taken whole shows one
            size, at, registry = known = shown
            head = LogHead(
                direct.bigint(size or b""),
                None if at is None else direct.moment(at),
                direct.bigint(registry or b""),
            )
        told = cast("_Status", (status or b"").decode())
        answers.append((told, None if place is None else direct.bigint(place), head))
    return answers


def _arguments(tickets: Sequence[_Ticket]) -> list[bytes]:
    drafts = [ticket.draft for ticket in tickets]
    sealed = [ticket.seal(ticket.sealed_at) for ticket in tickets]
    asked = [(n, *one) for n, draft in enumerate(drafts, 1) for one in draft.asked.items()]
    tags = [(n, tag) for n, draft in enumerate(drafts, 1) for tag in sorted(draft.tags)]
    return [
        direct.uuids([draft.stream_id for draft in drafts]),
        direct.texts([draft.stream for draft in drafts]),
        direct.bigints([draft.seq for draft in drafts]),
        direct.uuids([draft.unit for draft in drafts]),
        direct.uuids([draft.act_id for draft in drafts]),
        direct.booleans([draft.author for draft in drafts]),
        direct.booleans([draft.registry for draft in drafts]),
        direct.bigints([draft.registry_index for draft in drafts]),
        direct.texts([draft.topic for draft in drafts]),
        direct.moments([ticket.sealed_at for ticket in tickets]),
        direct.byteas([one.entry for one in sealed]),
        direct.byteas([one.state for one in sealed]),
        sealed[0].kek_id,
        direct.byteas([one.wrap for one in sealed]),
        direct.bigints([n for n, _, _ in asked]),
        direct.uuids([stream for _, stream, _ in asked]),
        direct.bigints([seq for _, _, seq in asked]),
        direct.bigints([n for n, _ in tags]),
        direct.byteas([tag for _, tag in tags]),
    ]
