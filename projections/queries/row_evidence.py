"""What a view says of a statement, held against the record in the log.

Whoever may write a view can make it say anything. So nothing that is judged, and no moment of the
past, is told from its rows before each was found in the log: opened, with the entry that the tree
commits to. What a statement brought about (status, flags, state) is the fold's, and `log audit`
compares it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from ledger.admission.judge import stream_at
from ledger.errors import VerificationError
from ledger.log.statement import COUNTERSIGNERS
from ledger.ports import RecordStore, StoredRecord
from ledger.regulation.acts.act import Act
from ledger.regulation.case.state import ERASURE, StreamState
from ledger.streams.event import SetAside
from ledger.streams.names import stream_id
from ledger.streams.record_reader import Opened, Reader
from ledger.streams.tokens import token_tag
from ledger.write.judged_stream import Docket
from ledger.write.registry_follower import RegistryFollower
from projections.fold.fold import replay
from projections.fold.statement_check import UNEXPLAINED, Form
from projections.views.acts import ActRow

Due = Callable[[StoredRecord], bool]
Judged = Callable[[str], Mapping[int, SetAside | None]]


class RowEvidence:
    """The records behind the rows of the view `acts`.

    Args:
        records: Stored rows of the log.
        reader: Opens them.
        origin: Origin of the log.
        standing: Follows the registry; asked when a stream is judged.
    """

    def __init__(
        self,
        records: RecordStore,
        reader: Reader,
        origin: str,
        standing: Callable[[], RegistryFollower],
    ) -> None:
        self._records = records
        self._strict = reader.for_judges()
        self._reader = reader.for_folds()
        self._origin = origin
        self._form = Form(origin, reader.level)
        self._standing = standing

    def judged(self, stream: str) -> Mapping[int, SetAside | None]:
        """Why each record of a stream is set aside, None where it stands: judged by the rules now.

        It ends at an erased record: what stands behind one nobody can tell from the log.
        """
        return Docket(self._standing(), self._records, self._strict, stream).upto()

    def fold(self, stream: str, erased: Mapping[int, str]) -> StreamState:
        """A stream right after its newest record, as the rules have it; empty where there is none.

        Behind what is erased nobody can ask the rules: there it goes by the form of each record, as
        every fold does, so that the door knows at least as much as those who judge it later.

        Args:
            stream: Its name.
            erased: Indices that a view says are erased, each with the act that erased it.

        Raises:
            VerificationError: A record does not open; `view`, where the act named erased nothing.
        """
        state, judged = StreamState(stream), self.judged(stream)
        for record in self._records.stream(stream_id(self._origin, stream)):
            by = erased.get(record.index)
            if by is not None and not self._erases(by, record.index):
                raise _differs(record.index)
            aside = judged.get(record.index)
            one = self._reader.open(record)
            if by is None and record.index not in judged and not one.erased:
                standing = self._standing()
                standing.reach(record.index)
                registry = standing.before(record.index)
                stands = self._form.explains(one, state, registry, hole=True)
                aside = None if stands else UNEXPLAINED
            replay(state, one if aside is None else one.put_aside(aside), erased=by is not None)
        return state

    def token_elsewhere(self, token: str, stream: str) -> bool:
        """Whether another stream has this token."""
        found = self._records.token(token_tag(self._origin, token))
        return found is not None and found[0] != stream_id(self._origin, stream)

    def record(self, index: int, entry: str) -> str | None:
        """The stream of the record at an index; None where its entry is not this one (b64)."""
        return stream_at(self._records, index, entry)

    def hold_stream(self, stream: str, rows: Sequence[ActRow], due: Due) -> Mapping[str, Act]:
        """Rows of one stream are its records.

        Args:
            stream: Its name.
            rows: As the view has them.
            due: Which records the rows must not lack.

        Returns:
            The acts of the rows, by id.

        Raises:
            VerificationError: `view`, with the index of the first record that a row differs from,
                or that there is no row for, or a row without a record.
        """
        return self._hold(rows, self._records.stream(stream_id(self._origin, stream)), due)

    def hold_act(self, act_id: str, rows: Sequence[ActRow], due: Due) -> None:
        """Rows of one act are its records. Raises: as `hold_stream`."""
        self._hold(rows, self._records.act(UUID(act_id)), due)

    def hold_span(self, first: int, limit: int, rows: Sequence[ActRow], due: Due) -> None:
        """Rows are the records from `first` on, at most `limit`, by place and type of act.

        Raises: as `hold_stream`.
        """
        self._hold(rows, self._records.read(first, limit), due, whole=False)

    def _hold(
        self,
        rows: Sequence[ActRow],
        stored: Iterable[StoredRecord],
        due: Due,
        *,
        whole: bool = True,
    ) -> Mapping[str, Act]:
        left = {row.index: row for row in rows}
        signed: Counter[str] = Counter()
        acts: dict[str, Act] = {}
        judged = cache(self.judged)  # once a stream, behind all of the rows
        for record in stored:
            row = left.pop(record.index, None)
            if row is None:
                if due(record):
                    raise _differs(record.index)
                continue
            one = self._reader.open(record)
            if _place(row) != _place(one) or not self._named(row, one, judged):
                raise _differs(one.index)
            if whole and row.act is not None and not _same(row, one, signed):
                raise _differs(one.index)
            if one.act is not None and not row.aside:
                acts[one.act_id] = one.act
        if left:
            raise _differs(min(left))
        return acts

    def _named(self, row: ActRow, one: Opened, judged: Judged) -> bool:
        """Whether the act has this type, is erased by the act named for it, or is set aside."""
        if one.statement is not None and row.act is not None:
            return row.act == _name(one)
        kept = (row.act, row.kid, row.protected, row.payload, row.signature)
        if kept != (None,) * len(kept):
            return False
        if row.aside:
            return one.aside is not None or judged(row.stream).get(row.index) is not None
        return one.erased or self._erased(row)

    def _erased(self, row: ActRow) -> bool:
        """Whether the act that is named did erase the content; its key may still be there."""
        return row.erased_by is not None and self._erases(row.erased_by, row.index)

    def _erases(self, act_id: str, index: int) -> bool:
        opened = (self._reader.open(one).act for one in self._records.act(UUID(act_id)))
        return any(
            act is not None
            and act.act == ERASURE
            and any(named["index"] == index for named in act.facts.get("entries", ()))
            for act in opened
        )


def _same(row: ActRow, one: Opened, signed: Counter[str]) -> bool:
    officers = _officers(one, signed[one.act_id])
    signed[one.act_id] += 1
    return row.officer in officers and _said(row) == _recorded(one)


def _name(one: Opened) -> str | None:
    """Type of the act, or of the service event."""
    if one.act is not None:
        return one.act.act
    return None if one.statement is None else one.statement.members.get("event")


def _differs(index: int) -> VerificationError:
    return VerificationError("view", "a view says something else than the log", index)


def _place(one: ActRow | Opened) -> tuple[Any, ...]:
    return one.index, one.stream, one.seq, one.act_id, one.recorded_at, one.entry


def _officers(one: Opened, turn: int) -> Collection[str | None]:
    """Who may stand there as the officer: the signer whose turn it was.

    A countersignature whose author's statement is erased was written with its officer, and is
    folded anew without.
    """
    act, statement = one.act, one.statement
    if act is None or statement is None:
        return (None,)
    if not turn and statement.role in COUNTERSIGNERS:
        return (None, *(s.officer for s in act.signers if s.role == statement.role))
    return [s.officer for s in act.signers[turn : turn + 1]]


def _said(row: ActRow) -> tuple[Any, ...]:
    how = (row.role, row.kid, row.iat, row.digest)
    return row.protected, row.payload, row.signature, how, row.agency, row.occurred_at


def _recorded(one: Opened) -> tuple[Any, ...]:
    """The same of a record that has a statement."""
    statement, act = one.statement, one.act
    if statement is None:
        return ()
    how = (statement.role, statement.kid, statement.iat, statement.digest_b64)
    parts = (statement.protected, statement.payload, statement.signature)
    if act is None:
        return *parts, how, None, None
    return *parts, how, act.agency, act.occurred_at
