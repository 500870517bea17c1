"""What an inspector asks of a case.

Its file now and as of any moment, what changed, why a field says what it says.

Everything is the same pure fold over the same statements (architecture.md §5). Two clocks:
`recorded` is what the ledger knew at a moment, `occurred` what had happened by then as far as is
known today. Who may ask is not decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from time import monotonic, sleep
from typing import Any, Final, Literal
from uuid import UUID

import orjson

from keys.errors import KeysError
from keys.keyring import Verdict
from ledger.errors import NotFound, Rejected
from ledger.log import statement as statements
from ledger.log.record import stamp
from ledger.regulation.act import fmt_time
from ledger.regulation.deadline import VIETNAM, local_day
from ledger.regulation.registry import Registry
from ledger.regulation.stream import Signed, StreamState, apply, present_agency
from projections import case_file, feed, generations, statistics, timeline, worklist
from projections import registry as registries
from projections.answers import Connecting, ProjectedCases
from projections.case_file import CaseLine, CaseRow, Filter
from projections.generations import ViewState
from projections.registry import Known, RegistryReader
from projections.timeline import ActRow
from projections.view import Connection
from projections.worklist import Tasks

Clock = Literal["recorded", "occurred"]
Moment = int | datetime
_STEP_S: Final = 0.01
_MOST_STEP_S: Final = 0.1
_FOREVER: Final = 2**62
_INDEX: Final = re.compile("0|[1-9][0-9]{0,8}")  # of RFC 6901; the rest is a name

#: Members that differ at every moment and say nothing about the case, and those that others repeat.
_NOT_COMPARED: Final = ("/head", "/statements", "/acts", "/open_sub_processes/")


class BeforeCase(NotFound):
    """The case had not begun at the moment asked for."""


class InFuture(Rejected):
    """The moment asked for has not come yet."""

    def __init__(self) -> None:
        super().__init__(
            "as_of_in_future",
            "Thời điểm cần xem chưa tới; hãy chọn thời điểm đã qua.",
            "The moment asked for has not come yet; choose one that has passed.",
        )


@dataclass(slots=True)
class Folded:
    """A case as of a moment.

    Attributes:
        stream: The fold.
        raised: Flags by act.
        registry: The registry of that moment.
        at: The instant it is looked at from.
        index: Newest record in it.
        rows: The statements it was folded from.
    """

    stream: StreamState
    raised: dict[str, tuple[str, ...]]
    registry: Registry
    at: datetime
    index: int
    rows: list[ActRow]

    def file(self, cases: ProjectedCases | None = None) -> dict[str, Any]:
        """The case file."""
        return case_file.rendered(self.stream, self.raised, self.registry, self.at, cases)


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs between two moments.

    Attributes:
        pointer: JSON Pointer into the case file; members of lists by their own id.
        old: Value before, None where it was not there.
        new: Value after, None where it is gone.
        acts: The acts between that touched it; empty where only time did.
    """

    pointer: str
    old: Any
    new: Any
    acts: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """One statement with its verdict.

    Attributes:
        row: The statement.
        verdict: formats.md §9.
        outcome: `VALID`, `NOT_VALID` or `NOT_CONCLUDED`.
        reason: Why, in Vietnamese and English.
        key: What the registry says of the key today.
        signer: Post and agency of who signed, as they were that day.
    """

    row: ActRow
    verdict: Verdict
    outcome: str
    reason: tuple[str, str]
    key: Mapping[str, Any] | None
    signer: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """Every statement of a case, judged, and the worst of it."""

    stream: str
    outcome: str
    statements: tuple[Judged, ...]
    counts: Mapping[str, int] = field(default_factory=dict)


_OUTCOMES: Final[Mapping[Verdict, tuple[str, str, str]]] = {
    Verdict.VALID: ("VALID", "Chữ ký hợp lệ", "the signature is valid"),
    Verdict.VALID_KEY_SINCE_REVOKED: (
        "VALID",
        "Hợp lệ khi ký; khóa bị thu hồi sau đó",
        "valid when it was recorded; the key was revoked later",
    ),
    Verdict.DISPUTED: (
        "NOT_CONCLUDED",
        "Đang tranh chấp: chỉ được ghi sau thời điểm khóa mất hiệu lực",
        "disputed: recorded after the key was no longer to be trusted",
    ),
    Verdict.ERASED: (
        "NOT_CONCLUDED",
        "Nội dung đã xóa theo quyết định; không kiểm lại được chữ ký",
        "the content was erased by a recorded act; the signature can no longer be checked",
    ),
    Verdict.INVALID_SIGNATURE: (
        "NOT_VALID",
        "Chữ ký không khớp nội dung",
        "the signature does not fit the content",
    ),
    Verdict.WRONG_SIGNER: (
        "NOT_VALID",
        "Không đúng người phải ký",
        "not signed by the officer who had to",
    ),
    Verdict.UNKNOWN_KEY: (
        "NOT_VALID",
        "Không có khóa này trong sổ đăng ký khi ghi",
        "the registry did not know this key when it was recorded",
    ),
}
_WORST: Final = ("VALID", "NOT_CONCLUDED", "NOT_VALID")


class Inquiry:
    """Every reading of the views, for one enclave.

    Args:
        connecting: Lends a connection of the reader's login, e.g. `pool.connection`.
        origin: Origin of the log.
        level: Its level.
    """

    def __init__(self, connecting: Connecting, *, origin: str, level: str = "ordinary") -> None:
        self._connecting = connecting
        self._origin = origin
        self.level = level
        self._registries = RegistryReader()
        self.cases_asked = ProjectedCases(connecting)

    def connection(self) -> AbstractContextManager[Connection]:
        """A connection, for readings that are made of several."""
        return self._connecting()

    # -- how far -------------------------------------------------------------------------------

    def status(self) -> list[ViewState]:
        """Every generation of every view."""
        with self._connecting() as connection:
            return generations.states(connection)

    def index(self, *views: str) -> int:
        """Last record folded into all of these views (into every view, where none is named)."""
        with self._connecting() as connection:
            return _index(connection, views)

    def wait(self, index: int, timeout_s: float, *views: str) -> int:
        """Waits until a record is folded; the position reached, which may be short of it."""
        end, step = monotonic() + timeout_s, _STEP_S
        while True:
            reached = self.index(*views)
            if reached >= index or monotonic() >= end:
                return reached
            sleep(min(step, max(0.0, end - monotonic())))
            step = min(2 * step, _MOST_STEP_S)

    # -- cases ---------------------------------------------------------------------------------

    def cases(
        self,
        wanted: Filter,
        *,
        limit: int,
        after: tuple[Any, str] | None = None,
        snapshot: int | None = None,
    ) -> tuple[int, list[CaseLine]]:
        """(snapshot index, lines) of one page of the case list."""
        with self._connecting() as connection:
            index = _index(connection, ("case_file",)) if snapshot is None else snapshot
            lines = case_file.listed(connection, wanted, limit=limit, after=after, snapshot=index)
        return index, lines

    def case(self, stream: str, at: datetime) -> tuple[int, dict[str, Any]]:
        """(index, case file) of a case as it stands at `at`, which is now.

        Raises:
            NotFound: There is no such case.
        """
        with self._connecting() as connection:
            row = case_file.stored(connection, stream)
            if row is None:
                raise NotFound(stream)
            index = row.position
            known = self._registries.newest(connection)
            if row.fresh(at) and row.last_index > known.renamed:
                return index, orjson.loads(row.body)
            folded = self._fold(connection, stream, known, at, row.last_index)
        return index, folded.file(self.cases_asked)

    def stored_case(self, stream: str, at: datetime) -> tuple[int, str] | None:
        """(index, JSON text) where the stored file is right at `at`.

        None where it must be folded.
        """
        with self._connecting() as connection:
            row: CaseRow | None = case_file.stored(connection, stream)
            if row is None or not row.fresh(at):
                return None
            if row.last_index <= self._registries.newest(connection).renamed:
                return None
            return row.position, row.body

    def case_as_of(
        self, stream: str, moment: Moment, now: datetime, clock: Clock = "recorded"
    ) -> tuple[int, dict[str, Any]]:
        """(newest index in it, case file) as of an index or a time on either clock.

        Raises:
            NotFound: There is no such case.
            BeforeCase: It had not begun.
            InFuture: The moment has not come.
        """
        with self._connecting() as connection:
            folded = self._as_of(connection, stream, moment, now, clock)
        return folded.index, folded.file(self.cases_asked)

    def acts(
        self, stream: str, *, limit: int = _FOREVER, after_seq: int = 0
    ) -> tuple[int, list[Judged]]:
        """(index, statements with verdicts) of a stream in order.

        Raises:
            NotFound: There is no such stream.
        """
        with self._connecting() as connection:
            index = _index(connection, ("acts",))
            rows = timeline.stream_rows(connection, stream, after_seq=after_seq, limit=limit)
            if not rows and not timeline.stream_rows(connection, stream, limit=1):
                raise NotFound(stream)
            known = self._registries.newest(connection)
        return index, [judged(row, known.registry, now=None) for row in rows]

    def act(self, act_id: str) -> list[Judged]:
        """Every statement of one act.

        Raises:
            NotFound: There is no such act.
        """
        if not _is_uuid(act_id):
            raise NotFound(act_id)
        with self._connecting() as connection:
            rows = timeline.act_rows(connection, act_id)
            if not rows:
                raise NotFound(act_id)
            known = self._registries.newest(connection)
        return [judged(row, known.registry, now=None) for row in rows]

    # -- what changed, and why -----------------------------------------------------------------

    def diff(
        self,
        stream: str,
        old: Moment,
        new: Moment,
        now: datetime,
        clock: Clock = "recorded",
    ) -> tuple[Folded, Folded, list[Change]]:
        """Both moments and every field that differs, with the acts that touched it.

        Raises:
            NotFound: There is no such case.
            BeforeCase: It had not begun at the later moment.
            InFuture: One of the moments has not come.
        """
        with self._connecting() as connection:
            later = self._as_of(connection, stream, new, now, clock)
            try:
                earlier = self._as_of(connection, stream, old, now, clock)
            except BeforeCase:
                earlier = _nothing(later, old)
        before, after = flat(earlier.file()), flat(later.file())
        pointers = [
            p
            for p in dict.fromkeys([*before, *after])
            if before.get(p) != after.get(p) and not p.startswith(_NOT_COMPARED)
        ]
        touched = _touches(later, from_seq={r.index for r in earlier.rows}, pointers=set(pointers))
        changes = [
            Change(p, before.get(p), after.get(p), tuple(touched.get(p, ()))) for p in pointers
        ]
        return earlier, later, changes

    def history(
        self, stream: str, pointer: str, now: datetime, *, moment: Moment | None = None
    ) -> list[Change]:
        """Why a field says what it says.

        Every change of its value, oldest first, with act and signers.

        Raises:
            NotFound: There is no such case, or the field never had a value.
        """
        with self._connecting() as connection:
            folded = self._as_of(connection, stream, now if moment is None else moment, now)
        found: list[Change] = []
        value: Any = None
        for state, row in _walk(folded):
            seen = pointed(state.file(), pointer)
            if seen != value:
                found.append(Change(pointer, value, seen, (_act_line(row, folded.registry),)))
                value = seen
        last = pointed(folded.file(), pointer)
        if last != value:
            found.append(Change(pointer, value, last, ()))
        if not found:
            raise NotFound(pointer)
        return found

    # -- verification --------------------------------------------------------------------------

    def verification(self, stream: str) -> tuple[int, Verification]:
        """(index, every statement of a stream judged, and one outcome for it).

        Raises:
            NotFound: There is no such stream.
        """
        index, judged_rows = self.acts(stream)
        return index, verified(stream, judged_rows)

    def verifications(self, streams: Iterable[str]) -> Iterator[Verification]:
        """The same for many, one after the other; a stream that is not there is left out."""
        for stream in streams:
            try:
                yield self.verification(stream)[1]
            except NotFound:
                continue

    # -- registry ------------------------------------------------------------------------------

    def registry(self, moment: Moment | None = None) -> Known:
        """The registry now, or as the log stood at an index or a recorded time."""
        with self._connecting() as connection:
            if moment is None:
                return self._registries.newest(connection)
            if isinstance(moment, datetime):
                moment = self._registries.index_at(connection, moment)
            return self._registries.as_of(connection, moment)

    # -- work, counts, feed --------------------------------------------------------------------

    def worklist(self, officer: str, at: datetime, *, team: bool = False) -> tuple[int, Tasks]:
        """(index, what waits for an officer and for the agencies the officer acts for at `at`)."""
        day = local_day(at)
        with self._connecting() as connection:
            index = _index(connection, ("worklist",))
            known = self._registries.newest(connection)
            mine = {a.agency for a in known.registry.appointments(officer, day)}

            def carries(agency: str) -> bool:
                return agency in mine or present_agency(known.registry, agency, day) in mine

            return index, worklist.worklist(connection, officer, carries, at, team=team)

    def statistics(
        self,
        start: date,
        end: date,
        at: datetime,
        *,
        agency: str | None = None,
        smallest: int = statistics.SMALLEST,
        old_days: int = statistics.OLD_CASE_DAYS,
    ) -> tuple[int, statistics.Tables]:
        """(index, tables); arguments as of `statistics.tables`."""
        with self._connecting() as connection:
            index = _index(connection, ("statistics",))
            return index, statistics.tables(
                connection, start, end, at, agency=agency, smallest=smallest, old_days=old_days
            )

    def feed(self, after: int, limit: int) -> tuple[int, list[dict[str, Any]]]:
        """(index, CloudEvents behind an index)."""
        with self._connecting() as connection:
            index = _index(connection, ("acts",))
            rows = timeline.rows_after(connection, after, limit)
        return index, feed.events(rows, self._origin)

    # -- folding -------------------------------------------------------------------------------

    def _fold(
        self,
        connection: Connection,
        stream: str,
        known: Known,
        at: datetime,
        upto: int,
    ) -> Folded:
        rows = timeline.stream_rows(connection, stream, upto=upto)
        return folded_from(stream, rows, known.registry, at)

    def _as_of(
        self,
        connection: Connection,
        stream: str,
        moment: Moment,
        now: datetime,
        clock: Clock = "recorded",
    ) -> Folded:
        first = timeline.stream_rows(connection, stream, limit=1)
        if not first:
            raise NotFound(stream)
        if isinstance(moment, int):
            return self._as_of_index(connection, stream, moment)
        if moment > now:
            raise InFuture
        if clock == "occurred":
            return self._as_of_occurred(connection, stream, moment)
        index = timeline.index_at(connection, stream, moment)
        if index is None:
            raise BeforeCase(stream)
        known = self._registries.as_of(connection, self._registries.index_at(connection, moment))
        return self._fold(connection, stream, known, moment, index)

    def _as_of_index(self, connection: Connection, stream: str, index: int) -> Folded:
        if index > _index(connection, ("acts",)):
            raise InFuture
        rows = timeline.stream_rows(connection, stream, upto=index)
        if not rows:
            raise BeforeCase(stream)
        known = self._registries.as_of(connection, index)
        return folded_from(stream, rows, known.registry, rows[-1].recorded_at)

    def _as_of_occurred(self, connection: Connection, stream: str, moment: datetime) -> Folded:
        """What had happened by then, by everything that is known now; late entries count."""
        every = timeline.stream_rows(connection, stream)
        rows = [row for row in every if row.occurred_at is None or row.occurred_at <= moment]
        if not any(row.occurred_at is not None for row in rows):
            raise BeforeCase(stream)
        known = self._registries.newest(connection)
        return folded_from(stream, rows, known.registry, moment)


def folded_from(stream: str, rows: Sequence[ActRow], registry: Registry, at: datetime) -> Folded:
    """Folds statements that need not be all of the stream; gaps are stepped over."""
    state = StreamState(stream)
    for row, signed in timeline.signeds(rows):
        add(state, row, signed)
    index = rows[-1].index if rows else -1
    return Folded(state, timeline.raised_of(rows), registry, at, index, list(rows))


def add(state: StreamState, row: ActRow, signed: Signed | None) -> None:
    """Adds one statement; an erased one, or one whose author's is missing, only takes its place."""
    state.seq = row.seq - 1
    orphan = row.role in ("CHECKER", "APPROVER") and row.act_id not in state.entries
    if signed is None or orphan:
        state.seq, state.head = row.seq, row.digest
        return
    apply(state, signed)


def _nothing(later: Folded, moment: Moment) -> Folded:
    """The case before it began."""
    at = moment if isinstance(moment, datetime) else later.rows[0].recorded_at
    return Folded(StreamState(later.stream.name), {}, later.registry, at, -1, [])


def _walk(folded: Folded) -> Iterator[tuple[Folded, ActRow]]:
    """The case after each of its statements, looked at from when that was recorded."""
    state, raised, seen = StreamState(folded.stream.name), {}, []
    for row, signed in timeline.signeds(folded.rows):
        add(state, row, signed)
        seen.append(row)
        if row.flags:
            raised[row.act_id] = tuple(row.flags)
        yield Folded(state, raised, folded.registry, row.recorded_at, row.index, seen), row


def _touches(
    later: Folded, *, from_seq: set[int], pointers: set[str]
) -> dict[str, list[Mapping[str, Any]]]:
    """For each pointer the acts of the later moment.

    Not of the earlier one, that changed its value.
    """
    touched: dict[str, list[Mapping[str, Any]]] = {}
    before: Mapping[str, Any] = {}
    for state, row in _walk(later):
        if row.index in from_seq:
            before = {}
            continue
        now = flat(state.file())
        last = before or flat(_before(later, row).file())
        for pointer in pointers:
            if now.get(pointer) != last.get(pointer):
                line = _act_line(row, later.registry)
                touched.setdefault(pointer, []).append(line)
        before = now
    return touched


def _before(later: Folded, row: ActRow) -> Folded:
    """The case just before one of its statements, looked at from the same instant."""
    rows = [r for r in later.rows if r.index < row.index]
    return folded_from(later.stream.name, rows, later.registry, row.recorded_at)


def _signer(row: ActRow, registry: Registry) -> dict[str, Any] | None:
    return registries.signer(registry, row.members, row.officer, local_day(row.recorded_at))


def _act_line(row: ActRow, registry: Registry) -> dict[str, Any]:
    return {
        "act_id": row.act_id,
        "act": row.act,
        "index": row.index,
        "seq": row.seq,
        "role": row.role,
        "officer": row.officer,
        "signer": _signer(row, registry),
        "agency": row.agency,
        "status": row.status,
        "late": row.late,
        "occurred_at": None if row.occurred_at is None else _in_vietnam(row.occurred_at),
        "recorded_at": stamp(row.recorded_at),
    }


# -- pointers ----------------------------------------------------------------------------------

_NAMES: Final = ("id", "act_id", "code", "agency")


def flat(value: Any, pointer: str = "") -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Every leaf of a case file by pointer.

    Members of a list by what names them, so that a new one moves none.
    """
    if isinstance(value, Mapping):
        items: Iterable[tuple[str, Any]] = value.items()
    elif isinstance(value, list):
        items = _named(value)
    else:
        return {pointer: value}
    found: dict[str, Any] = {}
    for name, item in items:
        found |= flat(item, f"{pointer}/{_escaped(name)}")
    return found


def pointed(value: Any, pointer: str) -> Any:  # noqa: ANN401 - JSON
    """What a pointer of `flat` (or of RFC 6901) leads to; None where there is nothing."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list):
            named = dict(_named(value))
            value = _nth(value, int(name)) if _INDEX.fullmatch(name) else named.get(name)
        else:
            return None
    return value


def _nth(items: Sequence[Any], n: int) -> Any:  # noqa: ANN401 - JSON
    return items[n] if n < len(items) else None


def _named(items: Sequence[Any]) -> list[tuple[str, Any]]:
    found: dict[str, Any] = {}
    for n, item in enumerate(items):
        name = str(n)
        if isinstance(item, Mapping):
            parts = [str(item[k]) for k in _NAMES if item.get(k) is not None]
            name = ".".join(dict.fromkeys(parts)) or name
        elif isinstance(item, str):
            name = item
        while name in found:
            name += "'"
        found[name] = item
    return list(found.items())


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


# -- verdicts ----------------------------------------------------------------------------------


def judged(row: ActRow, registry: Registry, *, now: datetime | None) -> Judged:
    """A statement with its verdict by the registry as it stood at its index (formats.md §9).

    Args:
        row: The statement; its signature is verified here, over the bytes as received.
        registry: The registry now: it remembers what it knew at every index.
        now: For the state of the key today; None: when the statement was recorded.
    """
    line = None if row.kid is None else registry.keyring.line(row.kid)
    if row.kid is None:
        verdict = Verdict.ERASED
    else:
        verdict = registry.keyring.judge(
            row.kid,
            officer=row.officer,
            index=row.index,
            recorded_at=row.recorded_at,
            signature_ok=_holds(row, registry),
        )
    outcome, vi, en = _OUTCOMES[verdict]
    key = None if line is None else registries.key(line, now or row.recorded_at)
    return Judged(row, verdict, outcome, (vi, en), key, _signer(row, registry))


def _holds(row: ActRow, registry: Registry) -> bool:
    compact = row.compact
    if compact is None or row.kid is None:
        return False
    try:
        statement = statements.parse_compact(compact)
        statements.check_signature(statement, registry.keyring.key(row.kid))
    except (KeysError, Rejected):
        return False
    return statement.digest_b64 == row.digest


def verified(stream: str, rows: Iterable[Judged]) -> Verification:
    """One outcome for a stream: the worst of its statements."""
    found = tuple(rows)
    counts: dict[str, int] = {}
    for one in found:
        counts[one.verdict] = counts.get(one.verdict, 0) + 1
    worst = max((_WORST.index(one.outcome) for one in found), default=1)
    return Verification(stream, _WORST[worst], found, counts)


# -- small ------------------------------------------------------------------------------------


def _index(connection: Connection, views: Sequence[str]) -> int:
    live = [s for s in generations.states(connection) if s.state == "live"]
    wanted = [s.position for s in live if not views or s.view in views]
    return min(wanted, default=-1)


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _in_vietnam(at: datetime) -> str:
    return fmt_time(at.astimezone(VIETNAM).replace(microsecond=0))
