"""What a view says of a statement, held against the record in the log.

Whoever may write a view can make it say anything. So nothing that is judged, and no moment of the
past, is told from its rows before each was found in the log: opened, with the entry that the tree
commits to. What a statement brought about (status, flags, state) is the fold's, and `log audit`
compares it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import Any, Final
from uuid import UUID

from ledger.admission.judge import registry_at, stream_at
from ledger.errors import VerificationError
from ledger.log.statement import COUNTERSIGNERS
from ledger.ports import RecordStore, StoredRecord
from ledger.regulation.acts.act import ORDINARY, Act
from ledger.regulation.case.registers import Register, register_of
from ledger.regulation.case.state import ERASURE, StreamState
from ledger.streams.event import SetAside
from ledger.streams.kept import BoundedCache
from ledger.streams.names import is_case, stream_id
from ledger.streams.record_reader import Opened, Reader
from ledger.streams.tokens import token_tag
from ledger.write.judged_stream import JudgedStream
from ledger.write.registry_follower import RegistryFollower
from projections.fold.fold import replay
from projections.fold.statement_check import UNEXPLAINED, Form
from projections.views.acts import ActRow

_PAGE: Final = 64
"""Records that are opened at a time."""
_MOST_STATEMENTS: Final = 5_000
"""Statements of streams kept judged, to go on from where they were left, about 20 MiB."""
Due = Callable[[StoredRecord], bool]
Judged = Callable[[str], Mapping[int, SetAside | None]]


class RowEvidence:
    """The records behind the rows of the view `acts`.

    Args:
        records: Stored rows of the log.
        reader: Opens them.
        origin: Origin of the log.
        follower: Follows the registry; asked when a stream is judged.
    """

    def __init__(
        self,
        records: RecordStore,
        reader: Reader,
        origin: str,
        follower: Callable[[], RegistryFollower],
    ) -> None:
        self._records = records
        self._strict = reader.for_judges()
        self._reader = reader.for_folds()
        self._origin = origin
        self._level = reader.level
        self._form = Form(origin, reader.level)
        self._follower = follower
        self._judged: BoundedCache[str, JudgedStream] = BoundedCache(_MOST_STATEMENTS)

    def forget(self) -> None:
        """Lets go of every stream it keeps."""
        self._judged.clear()

    @property
    def level(self) -> str:
        """Of the log."""
        return self._level

    def judged(self, stream: str) -> Mapping[int, SetAside | None]:
        """Why each record of a stream is set aside, None where it stands: judged by the rules now.

        It ends at an erased record: what stands behind one nobody can tell from the log.
        """
        return self._begun(stream).upto()

    def _begun(self, stream: str) -> JudgedStream:
        return JudgedStream(self._follower(), self._records, self._strict, stream)

    def fold(self, stream: str, erased: Mapping[int, str]) -> StreamState:
        """A stream right after its newest record, as the rules have it; empty where there is none.

        Behind what is erased nobody can ask the rules: there it goes by the form of each record, as
        every fold does, so that the door knows at least as much as those who judge it later.

        Args:
            stream: Its name.
            erased: Indices that a view says are erased, each with the act that erased it.

        Raises:
            VerificationError: A record does not open, or is missing; `view`, where the act named
                erased nothing.
        """
        try:
            return self._folded(stream, erased)
        except ValueError as error:  # what is there does not follow
            raise VerificationError("stream", f"{stream}: {error}") from error

    def _folded(self, stream: str, erased: Mapping[int, str]) -> StreamState:
        if not erased and (whole := self._gone_on(stream)) is not None:
            return whole
        judging = cache(self.judged)
        state, judged = StreamState(stream), judging(stream)
        follower = self._follower()
        for record in self._records.stream(stream_id(self._origin, stream)):
            by = erased.get(record.index)
            if by is not None and not self._erases(by, record.index, judging):
                raise _differs(record.index)
            aside = judged.get(record.index)
            one = self._reader.open(record)
            if by is None and record.index not in judged and not one.erased:
                follower.reach(record.index)
                registry = follower.before(record.index)
                stands = self._form.explains(one, state, registry, hole=True)
                aside = None if stands else UNEXPLAINED
            edition = follower.reach(record.index).registry.edition_at(record.index)
            one = one if aside is None else one.put_aside(aside)
            replay(state, one, edition, erased=by is not None)
        return state

    def _gone_on(self, stream: str) -> StreamState | None:
        """A stream of which nothing is erased: every record is opened, the new ones are judged.

        None where one does not open, or is not the one that was judged: then all are judged from
        the first.
        """
        kept = self._judged.take(stream) or self._begun(stream)
        judged, follower, state = kept.upto(), self._follower(), StreamState(stream)
        for record in self._records.stream(stream_id(self._origin, stream)):
            one = self._reader.open(record)
            if one.erased or not kept.judges(record):
                return None
            aside = judged[record.index]
            if aside is None and one.aside is not None:
                return None
            edition = follower.reach(record.index).registry.edition_at(record.index)
            replay(state, one if aside is None else one.put_aside(aside), edition)
        self._judged.put(stream, kept, kept.weight)
        return state

    def token_elsewhere(self, token: str, stream: str) -> bool:
        """Whether another stream has this token."""
        found = self._records.token(token_tag(self._origin, token))
        return found is not None and found[0] != stream_id(self._origin, stream)

    def record(self, index: int, entry: str) -> str | None:
        """The stream of the record at an index; None where its entry is not this one (b64)."""
        return stream_at(self._records, index, entry)

    def changes_registry(self, index: int) -> bool:
        """Whether the record at an index says that the registry changed by it."""
        return registry_at(self._records, index)

    def register(self, index: int) -> Register | None:
        """The register that the record at an index is of, whether or not it stands."""
        for one in self._reader.read(index, 1):
            return None if one.act is None else register_of(one.act, one.recorded_at)
        return None

    def entered(self, register: Register, first: int, last: int) -> int:
        """How many records of a span stand and are entered in a register."""
        found = self._reader.read(first, last + 1 - first) if first <= last else ()
        judging = cache(self.judged)
        return sum(
            judging(one.stream).get(one.index, UNEXPLAINED) is None
            for one in found
            if one.act is not None and register_of(one.act, one.recorded_at) == register
        )

    # -- what no view holds --------------------------------------------------------------------

    def fill_stream(self, stream: str, rows: Sequence[ActRow]) -> list[ActRow]:
        """Rows of one stream with what their records say, where no view holds it (access.md G15).

        At the ordinary level they are as they are.

        Raises:
            VerificationError: A record does not open.
        """
        return self._filled(rows, lambda: self._records.stream(stream_id(self._origin, stream)))

    def fill_act(self, act_id: str, rows: Sequence[ActRow]) -> list[ActRow]:
        """The same of rows of one act. Raises: as `fill_stream`."""
        return self._filled(rows, lambda: self._records.act(UUID(act_id)))

    def fill_span(self, first: int, limit: int, rows: Sequence[ActRow]) -> list[ActRow]:
        """The same of rows from `first` on, at most `limit`, but for who signed. Raises: as above.

        Whose turn it was is told by all statements of an act.
        """
        found = self._filled(rows, lambda: self._records.read(first, limit))
        return [replace(row, officer=None) if is_case(row.stream) else row for row in found]

    def _filled(
        self, rows: Sequence[ActRow], stored: Callable[[], Iterable[StoredRecord]]
    ) -> list[ActRow]:
        """Rows with what the records say; these are not read where a view has it all."""
        if self._level == ORDINARY or not any(_is_bare(row) for row in rows):
            return list(rows)
        turns: Counter[str] = Counter()
        known: dict[int, tuple[Opened, int]] = {}
        records = iter(stored())
        while page := list(islice(records, _PAGE)):
            for one in self._reader.open_each(page):
                known[one.index] = (one, turns[one.act_id])
                turns[one.act_id] += 1
        return [
            _full(row, *known[row.index]) if _is_bare(row) and row.index in known else row
            for row in rows
        ]

    # -- rows against records ------------------------------------------------------------------

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
        for row, one in self._beside(left, stored, due):
            if _place(row) != _place(one) or not self._named(row, one, judged):
                raise _differs(one.index)
            if whole and row.act is not None and not _same(row, one, signed):
                raise _differs(one.index)
            if one.act is not None and not row.aside:
                acts[one.act_id] = one.act
        if left:
            raise _differs(min(left))
        return acts

    def _beside(
        self, left: dict[int, ActRow], stored: Iterable[StoredRecord], due: Due
    ) -> Iterator[tuple[ActRow, Opened]]:
        """Each row with its record, taken out of `left`; of the records a page is opened at once.

        Raises:
            VerificationError: `view`, at a record that must have a row, and has none.
        """
        records = iter(stored)
        while page := list(islice(records, _PAGE)):
            beside = [(left.pop(one.index, None), one) for one in page]
            opened = iter(self._reader.open_each([one for row, one in beside if row is not None]))
            for row, one in beside:
                if row is not None:
                    yield row, next(opened)
                elif due(one):
                    raise _differs(one.index)

    def _named(self, row: ActRow, one: Opened, judged: Judged) -> bool:
        """Whether the act has this type, is erased by the act named for it, or is set aside."""
        if one.statement is not None and row.act is not None:
            return row.act == _name(one)
        kept = (row.act, row.kid, row.protected, row.payload, row.signature)
        if kept != (None,) * len(kept):
            return False
        if row.aside:
            return one.aside is not None or judged(row.stream).get(row.index) is not None
        return one.erased or self._erased(row, judged)

    def _erased(self, row: ActRow, judged: Judged) -> bool:
        """Whether the act that is named did erase the content; its key may still be there."""
        return row.erased_by is not None and self._erases(row.erased_by, row.index, judged)

    def _erases(self, act_id: str, index: int, judged: Judged) -> bool:
        """Whether an act names the record, stands by the rules and is signed by all of its own."""
        rows = list(self._records.act(UUID(act_id)))
        opened = self._reader.open_each(rows)
        act = next((one.act for one in opened if one.act is not None), None)
        if act is None or act.act != ERASURE or len(opened) != len(act.signers):
            return False
        if not any(named["index"] == index for named in act.facts.get("entries", ())):
            return False
        stands = judged(opened[0].stream)
        return all(stands.get(row.index, UNEXPLAINED) is None for row in rows)


def _same(row: ActRow, one: Opened, signed: Counter[str]) -> bool:
    officers = _officers(one, signed[one.act_id])
    signed[one.act_id] += 1
    return row.officer in officers and _said(row) == _recorded(one)


def _is_bare(row: ActRow) -> bool:
    """Whether a view kept a statement that stands without what it says."""
    return is_case(row.stream) and row.payload is None and row.erased_by is None and not row.aside


def _full(row: ActRow, one: Opened, turn: int) -> ActRow:
    """A row with what its record says, signed by whose turn it was."""
    statement, act = one.statement, one.act
    if statement is None or act is None:
        return row
    signers = [signer.officer for signer in act.signers[turn : turn + 1]]
    instead = statement.stand_in
    return replace(
        row,
        act=act.act,
        role=statement.role,
        officer=next(iter(signers), None) if instead is None else instead["officer"],
        kid=statement.kid,
        iat=statement.iat,
        occurred_at=act.occurred_at,
        agency=act.agency,
        late=act.late_reason is not None,
        digest=statement.digest_b64,
        protected=statement.protected,
        payload=statement.payload,
        signature=statement.signature,
    )


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
    if statement.stand_in is not None:
        named: str | None = statement.stand_in["officer"]
        return (None, named) if not turn else (named,)
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
