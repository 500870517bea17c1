"""Cases of lower logs, as whoever a grant above names is told of them (access.md F5, F12, F13).

What was taken in of a lower log is read by the reader's login under the asker's ticket, whose
policies ask for the grant; it is decided once more here by the case above in which that stands
(access.md G17). Nothing of a mirrored case is kept in a view: it is folded when it is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

from keys import sealed_file
from keys.envelope_encryption import Keks
from keys.errors import Unsealable
from ledger.errors import NotFound, Rejected, VerificationError
from ledger.log.statement import AUTHOR
from ledger.message import Message
from ledger.mirror.merged import LogPlace, merged
from ledger.mirror.ports import MirrorStore, TakenSegment
from ledger.mirror.segment import file_digest
from ledger.ports import StoredRecord
from ledger.reads.read import Kind
from ledger.reads.shown import shows_below
from ledger.regulation.acts.act import ORDINARY
from ledger.regulation.case.guard_input import DecisionContext
from ledger.regulation.case.state import StreamState
from ledger.regulation.decide import raised
from ledger.regulation.guards.secrecy import LEVELS
from ledger.regulation.registry.grants import Grant, LowerAct
from ledger.streams.names import is_case, stream_id
from ledger.streams.opener import record_keys
from ledger.streams.record_reader import Opened, Reader
from ledger.write.registry_follower import RegistryFollower
from projections.fold.fold import completes
from projections.fold.reports import Reports
from projections.queries.past.case_at import add
from projections.queries.signature_verdicts import StatementVerdict, judged
from projections.queries.sources import Sources
from projections.views import acts as timeline
from projections.views.acts import ActRow
from projections.views.base import Connection

_SHOWN: Final[LiteralString] = """
SELECT m.origin, l.level, m.comp, array_agg(DISTINCT m.unit) FROM mirror.shown m
JOIN mirror.logs l ON l.origin = m.origin WHERE m.granted_in = %s GROUP BY 1, 2, 3 ORDER BY 1, 3
"""
_LEFT_OUT: Final[LiteralString] = """
SELECT f.index, f.n FROM mirror.files f JOIN mirror.records r USING (origin, index)
WHERE f.origin = %s AND r.stream_id = %s AND f.state = '' ORDER BY 1, 2
"""
_MARKS: Final[LiteralString] = """
SELECT r.index, r.aside, coalesce(e.act_id, r.erased_by)::text FROM mirror.records r
LEFT JOIN mirror.erased e ON e.origin = r.origin AND e.index = r.index
WHERE r.origin = %s AND r.stream_id = %s
"""


class FileLeftOut(Rejected):
    """A file that an act of a lower log lists did not come: too long, or nowhere below."""

    def __init__(self, digest: str, log: str) -> None:
        super().__init__(
            "file_left_out",
            Message(
                "The file {digest} did not come up with its act: it is longer than 8 MiB with those"
                " before it, or was lost below. Ask whoever keeps {log} for it, as for any"
                " document.",
                digest=digest,
                log=log,
            ),
        )


@dataclass(frozen=True, slots=True)
class MirroredCase:
    """A case of a lower log, as far as it is shown and as it was taken in.

    Attributes:
        log: Origin of the log.
        level: Its level.
        stream: The case.
        comp: Id of the stream.
        via: The grant above that shows it.
        statements: What is shown of it, with verdicts by the keys of the log below.
        segments: With which it came, in order.
        left_out: Files of its acts that did not come, each by record and place in its list.
    """

    log: str
    level: str
    stream: str
    comp: UUID
    via: Grant
    statements: Sequence[StatementVerdict]
    segments: Sequence[TakenSegment]
    left_out: Collection[tuple[int, int]] = ()

    def upto(self, size: int) -> MirroredCase:
        """The same as it was when the log was taken in so far."""
        kept = [one for one in self.statements if one.row.index < size]
        return replace(self, statements=kept)

    def taken_at(self, index: int) -> datetime:
        """When a record came."""
        return next(one.taken_at for one in self.segments if index < one.size)

    @property
    def size(self) -> int:
        """How many records of the log are taken in."""
        return self.segments[-1].size


@dataclass(frozen=True, slots=True)
class LowerFile:
    """A file that an act of a lower log lists, as it was taken in.

    Attributes:
        listed: As the act lists it.
        data: The file, byte for byte.
    """

    listed: Mapping[str, Any]
    data: bytes


class Mirrored:
    """What is told of lower logs.

    Args:
        store: A lower log, read over the connection of the question.
        follower: The registry of a lower log, followed over connections of its own.
        kek: What was taken in is sealed under it.
    """

    def __init__(
        self,
        store: Callable[[str], MirrorStore],
        follower: Callable[[str, Reader], RegistryFollower],
        kek: Keks,
    ) -> None:
        self._store = store
        self._follower = follower
        self._kek = kek
        self._followers: dict[str, RegistryFollower] = {}

    def cases(
        self, connection: Connection, comp: UUID, granted: Mapping[LowerAct, Grant]
    ) -> list[MirroredCase]:
        """Cases of lower logs that grants in a case show to whoever asks.

        Args:
            connection: Under their ticket.
            comp: Id of the case above.
            granted: What its grants show them, by its records (access.md G17).
        """
        found = []
        for log, level, below, units in connection.execute(_SHOWN, [comp]).fetchall():
            store = self._store(log)
            rows = [row for row in store.stream(below) if row.unit in units]
            via = _granting(log, rows, granted)
            if via is not None:
                told = self._told(connection, log, level, rows)
                out = connection.execute(_LEFT_OUT, [log, below]).fetchall()
                one = MirroredCase(
                    log, level, rows[0].stream, below, via, told, store.segments(), out
                )
                found.append(one)
        return found

    def file(self, case: MirroredCase, act_id: str, digest: str) -> LowerFile | None:
        """A file of an act of a case that is shown; None where it has none.

        Raises:
            FileLeftOut: It did not come.
            VerificationError: What is stored does not open to what the act lists.
        """
        signed = (one.row for one in case.statements if one.row.act_id == act_id)
        row = next((row for row in signed if row.role == AUTHOR and row.payload is not None), None)
        listed = [] if row is None else row.members.get("attachments", [])
        n = next((n for n, one in enumerate(listed) if one["digest"] == digest), None)
        if row is None or n is None:
            return None
        store = self._store(case.log)
        sealed = store.file(row.index, n)
        if sealed is None:
            raise FileLeftOut(digest, case.log)
        (dek,) = record_keys(self._kek, case.log, store.read(row.index, 1))
        try:
            if isinstance(dek, Unsealable):
                raise dek
            key = sealed_file.key_beside(dek, n)
            data = b"".join(sealed_file.open_sealed([sealed], key, digest=digest))
        except Unsealable as error:
            raise VerificationError("attachment", str(error), row.index) from error
        if file_digest(data) != digest:
            raise VerificationError("attachment", "the file is not the one that the act names")
        return LowerFile(listed[n], data)

    def _told(
        self, connection: Connection, log: str, level: str, rows: Sequence[StoredRecord]
    ) -> list[StatementVerdict]:
        """Statements of a mirrored case with their verdicts.

        With the flags that the lower log raised, by its registry at that index, for as long as no
        statement before is of a document that is not shown: at ordinary always, above it of a case
        whose documents are all shown. What asks other cases is asked of none.
        """
        reader = Reader(self._store(log), self._kek, log, level)
        follower = self._followers.get(log)
        if follower is None:
            follower = self._followers[log] = self._follower(log, reader)
        registry = follower.catch_up(self._store(log).head().registry_index).registry
        marks = {
            index: (aside, erased_by)
            for index, aside, erased_by in connection.execute(
                _MARKS, [log, rows[0].stream_id]
            ).fetchall()
        }
        told = list(_rows(reader.for_folds().open_each(rows), marks))
        state, found = StreamState(rows[0].stream), []
        whole = True
        for row, signed in timeline.signeds(told, registry):
            flags: Sequence[str] = ()
            whole = whole and row.seq == state.seq + 1
            if signed is not None and whole and completes(state, signed.act):
                at = DecisionContext(
                    registry=follower.before(row.index),
                    origin=log,
                    level=level,
                    log_size=row.index,
                    cases=Reports(),
                    at=row.recorded_at,
                )
                flags = raised(
                    at.guard_input(
                        state, signed.act, signed.officer,
                        kid=signed.kid, iat=signed.iat, role=signed.role,
                    )
                )  # fmt: skip
            add(state, row, signed)
            entry = None if signed is None else state.entries.get(row.act_id)
            if entry is not None and signed is not None:
                effect = entry.effect is not None and entry.effect.seq == row.seq
                one = replace(
                    row,
                    status=entry.status,
                    effect=effect,
                    state_after=state.state,
                    flags=list(flags) if effect else [],
                )
            else:
                one = row
            found.append(judged(one, registry, now=None))
        return found


class LowerCases:
    """Cases of lower logs, and their files, as grants in a case above show them."""

    def __init__(self, over: Sources, mirrored: Mirrored) -> None:
        self._over, self._mirrored = over, mirrored

    def below(self, stream: str, kind: Kind = "RECORD") -> list[MirroredCase]:
        """Cases of lower logs that grants in a case show to whoever asks; it shows them the case.

        What they are shown of these is noted too (access.md U1, F7).
        """
        if self._over.level == ORDINARY or not is_case(stream):
            return []
        granted = self._over.rights.below(stream)
        if not granted:
            return []
        with self._over.connecting() as connection:
            found = self._mirrored.cases(connection, stream_id(self._over.origin, stream), granted)
            for one in found:
                shows_below(kind, one.stream, UUID(one.via.act_id), self._purpose(one.via))
        return found

    def file(self, stream: str, act_id: str, digest: str) -> LowerFile:
        """A file of an act of a lower log, in a case that a grant in this one shows the asker.

        Raises:
            NotFound: Nothing of the kind is shown, or the act lists no such file.
            FileLeftOut: It did not come.
            VerificationError: What is stored is not what the act lists.
        """
        at_all = self._over.level != ORDINARY and is_case(stream)
        granted = self._over.rights.below(stream) if at_all else {}
        if granted:
            with self._over.connecting() as connection:
                comp = stream_id(self._over.origin, stream)
                for case in self._mirrored.cases(connection, comp, granted):
                    found = self._mirrored.file(case, act_id, digest)
                    if found is not None:
                        via = UUID(case.via.act_id)
                        shows_below("ATTACHMENT", case.stream, via, self._purpose(case.via))
                        return found
        raise NotFound(act_id)

    def _purpose(self, grant: Grant) -> str:
        """The ground of a grant, as it stands in its case."""
        entry = self._over.rights.case(grant.stream).entries.get(grant.act_id)
        return str(grant.act_id if entry is None else entry.act.facts["ground"])


def history(
    own: Iterable[StatementVerdict], log: str, level: str, cases: Sequence[MirroredCase]
) -> list[tuple[MirroredCase | None, list[StatementVerdict]]]:
    """Acts of a case and of those below that it shows, in one order (access.md F5).

    Args:
        own: Its statements, in order.
        log: Origin of the own log.
        level: Its level.
        cases: Those below.

    Returns:
        Each act's statements, and the case below that it is of; None: of the own one.
    """
    every: list[tuple[MirroredCase | None, list[StatementVerdict]]] = [
        (None, act) for act in grouped(own)
    ]
    every += [(case, act) for case in cases for act in grouped(case.statements)]

    def place(one: tuple[MirroredCase | None, list[StatementVerdict]]) -> LogPlace:
        case, statements = one
        rank = LEVELS.index(level if case is None else case.level)
        index = statements[0].row.index
        return LogPlace(rank, log if case is None else case.log, index, _seen(statements))

    return merged(every, place) if cases else every


def grouped(statements: Iterable[StatementVerdict]) -> list[list[StatementVerdict]]:
    """Statements of a stream by act, in the order in which their authors signed."""
    by_act: dict[str, list[StatementVerdict]] = {}
    for one in statements:
        by_act.setdefault(one.row.act_id, []).append(one)
    return list(by_act.values())


def _seen(statements: Sequence[StatementVerdict]) -> dict[str, int]:
    """What the author of an act was shown of lower logs: how many records of each."""
    facts = (one.row.members.get("facts", {}) for one in statements)
    return {one["log"]: one["size"] for each in facts for one in each.get("seen", ())}


def _granting(
    log: str, rows: Sequence[StoredRecord], granted: Mapping[LowerAct, Grant]
) -> Grant | None:
    """The grant that names an act among these records."""
    acts = dict.fromkeys(str(row.act_id) for row in rows)
    return next((granted[one] for act in acts if (one := LowerAct(log, act)) in granted), None)


def _rows(
    opened: Collection[Opened], marks: Mapping[int, tuple[str | None, str | None]]
) -> Iterator[ActRow]:
    """Records as rows of a timeline, whose effects are not known yet."""
    turns: Counter[str] = Counter()
    for one in opened:
        aside, erased_by = marks.get(one.index, (None, None))
        away = aside is not None or one.aside is not None
        yield _row(one, turns[one.act_id], erased_by, away=away)
        turns[one.act_id] += not away


def _row(one: Opened, turn: int, erased_by: str | None, *, away: bool) -> ActRow:
    statement, act = (None, None) if away else (one.statement, one.act)
    signers = () if act is None else act.signers[turn : turn + 1]
    return ActRow(
        index=one.index,
        stream=one.stream,
        seq=one.seq,
        act_id=one.act_id,
        act=None if act is None else act.act,
        role=None if statement is None else statement.role,
        officer=next((signer.officer for signer in signers), None),
        kid=None if statement is None else statement.kid,
        iat=None if statement is None else statement.iat,
        occurred_at=None if act is None else act.occurred_at,
        recorded_at=one.recorded_at,
        agency=None if act is None else act.agency,
        status="set_aside" if away else "erased" if statement is None else "pending",
        effect=False,
        state_after=None,
        flags=[],
        late=act is not None and act.late_reason is not None,
        registry=one.registry,
        digest=None if statement is None else statement.digest_b64,
        entry=one.entry,
        protected=None if statement is None else statement.protected,
        payload=None if statement is None else statement.payload,
        signature=None if statement is None else statement.signature,
        erased_by=erased_by if statement is None and not away else None,
    )
