"""View `acts`: every statement with who, when on both clocks, what it brought about, and its bytes.

Rows are the log's, folded; a verdict is no column, since it is judged when it is read
(formats.md §9). From these rows a stream can be folded again as of any record.
"""

# ruff: noqa: S608 - pieces of SQL are constants of this file (LiteralString)
from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

import orjson
from psycopg.rows import args_row

from keys import canonical
from ledger.errors import VerificationError
from ledger.regulation.acts.act import Act, known_act
from ledger.regulation.case.registers import Number, Register, register_of
from ledger.regulation.case.state import Signed
from ledger.regulation.registry.lines import REGISTRY_ACTS
from ledger.regulation.registry.registry import Registry
from projections.fold.step import Step
from projections.views import disputed
from projections.views.base import Connection, Cursor, live
from projections.views.new_rows import NewRows

NAME: Final = "acts"

_PUT: Final = NewRows(
    "acts",
    (
        "gen smallint", "index bigint", "stream text", "comp uuid", "unit uuid", "seq bigint",
        "act_id uuid", "act text", "role text", "officer text", "kid text", "iat bigint",
        "occurred_at timestamptz", "recorded_at timestamptz", "agency text", "status text",
        "effect boolean", "state_after text", "flags text[]", "late boolean", "registry boolean",
        "digest text", "entry bytea", "protected bytea", "payload bytea", "signature bytea",
        "register text", "given int",
    ),
)  # fmt: skip
#: Content that is erased, or was never to be shown; who is erased keeps the number.
_CLEAR: Final[LiteralString] = """
UPDATE proj.acts SET act = NULL, role = NULL, officer = NULL, kid = NULL, iat = NULL,
  occurred_at = NULL, agency = NULL, status = %s, effect = false, state_after = NULL,
  flags = '{}', late = false, registry = false, digest = NULL, protected = NULL, payload = NULL,
  signature = NULL, erased_by = %s, register = CASE WHEN %s THEN register END,
  given = CASE WHEN %s THEN given END
WHERE gen = %s AND index = ANY (%s)
"""
_VOID: Final[LiteralString] = """
UPDATE proj.acts SET voided_by = %s WHERE gen = %s AND index = ANY (%s)
"""
_MOVE_UP: Final[LiteralString] = """
UPDATE proj.acts SET given = given - 1 WHERE gen = %s AND index = ANY (%s)
"""
_ENTERED: Final[LiteralString] = """
SELECT index, register, given FROM proj.acts WHERE gen = %s AND register IS NOT NULL ORDER BY index
"""
_GIVE: Final[LiteralString] = "UPDATE proj.acts SET given = %s WHERE gen = %s AND index = %s"
_ENTERED_AT_ONCE: Final = 2_000
_LIVE: Final = live(NAME)
_REGISTERED: Final[LiteralString] = (
    "SELECT index, register FROM proj.acts WHERE "
    + _LIVE
    + " AND given IS NOT NULL AND index <= %s ORDER BY index"
)
_GIVEN: Final[LiteralString] = (
    "SELECT given FROM proj.acts WHERE " + _LIVE + " AND index = %s AND given IS NOT NULL"
)
_LAST_GIVEN: Final[LiteralString] = (
    "SELECT coalesce(max(given), 0) FROM proj.acts WHERE "
    + _LIVE
    + " AND register = %s AND index <= %s"
)
_COLUMNS: Final[LiteralString] = (
    "SELECT index, stream, seq, act_id::text, act, role, officer, kid, iat, occurred_at,"
    " recorded_at, agency, status, effect, state_after, flags, late, registry, digest, entry,"
    " protected, payload, signature, erased_by::text, voided_by::text, register, given"
    " FROM proj.acts WHERE " + _LIVE
)
_STREAM: Final[LiteralString] = _COLUMNS + " AND stream = %s AND index <= %s ORDER BY seq LIMIT %s"
_ACT: Final[LiteralString] = _COLUMNS + " AND act_id = %s ORDER BY index"
_AT: Final[LiteralString] = (
    "SELECT act_id::text FROM proj.acts WHERE " + _LIVE + " AND stream = %s AND seq = %s"
)
_BETWEEN: Final[LiteralString] = _COLUMNS + " AND index > %s AND index <= %s ORDER BY index"
_SIGNED_OFF: Final[LiteralString] = (
    _COLUMNS + " AND stream = %s AND act = %s AND effect ORDER BY seq"
)
_EFFECTIVE_ROWS: Final[LiteralString] = _COLUMNS + " AND effect AND act = ANY (%s) ORDER BY index"
_INDEX_AT: Final[LiteralString] = (
    "SELECT max(index) FROM proj.acts WHERE " + _LIVE + " AND stream = %s AND recorded_at <= %s"
)
_TAKEN_AT: Final[LiteralString] = "SELECT recorded_at FROM log.records WHERE index = %s"
_RECORDED_BY: Final[LiteralString] = (
    "SELECT max(recorded_at) FROM proj.acts WHERE " + _LIVE + " AND stream = %s AND index <= %s"
)
_RECORDED: Final[LiteralString] = """
SELECT r.recorded_at FROM log.records r JOIN proj.views v ON r.index <= v.position
WHERE v.view = 'acts' AND v.state = 'live' AND r.index = %s
"""
_EFFECTIVE: Final[LiteralString] = (
    "SELECT index FROM proj.acts WHERE "
    + _LIVE
    + " AND effect AND act = ANY (%s) AND index <= %s ORDER BY index"
)
_ERASURES: Final[LiteralString] = (
    "SELECT index, erased_by::text FROM proj.acts WHERE "
    + _LIVE
    + " AND stream = %s AND erased_by IS NOT NULL"
)
_NEWEST: Final[LiteralString] = (
    """
SELECT r.index, e.index, e.erased_by
FROM (SELECT index FROM log.records WHERE stream_id = %s ORDER BY seq DESC LIMIT 1) r
LEFT JOIN ("""
    + _ERASURES
    + ") e ON true"
)
_OF: Final[LiteralString] = (
    "SELECT stream FROM proj.acts WHERE " + _LIVE + " AND act_id = %s LIMIT 1"
)
_NAMING: Final[LiteralString] = (
    "SELECT index FROM proj.acts WHERE "
    + _LIVE
    + " AND (role = 'AUTHOR' AND position(%s IN payload) > 0 OR role IS NULL AND payload IS NULL"
    " AND erased_by IS NULL AND status NOT IN ('erased', 'set_aside', 'service'))"
    " AND index <> ALL (%s)"
)
_LAST: Final[LiteralString] = "SELECT size - 1 FROM log.log_head"
_PROGRAMMES: Final[LiteralString] = """
SELECT s.name, max(newest.index) FROM log.streams s, LATERAL (
  SELECT r.index FROM log.records r WHERE r.stream_id = s.stream_id ORDER BY r.seq DESC LIMIT 1
) newest
WHERE starts_with(s.name, 'programme/') GROUP BY s.name ORDER BY s.name
"""
_ASIDE: Final[LiteralString] = (
    "SELECT index FROM proj.acts WHERE " + _LIVE + " AND status = 'set_aside' ORDER BY index"
)
_OPEN: Final[LiteralString] = _LIVE + " AND status = 'set_aside' AND voided_by IS NULL"
_UNVOIDED: Final[LiteralString] = (
    "SELECT index FROM proj.acts WHERE " + _OPEN + " ORDER BY index LIMIT %s"
)
_COUNTED: Final[LiteralString] = (
    "SELECT count(*) FROM (SELECT FROM proj.acts WHERE " + _OPEN + " LIMIT %s) AS found"
)
AT_ONCE: Final = 2_000
"""Rows that are written together: each has the bytes of its statement."""
SHOWN: Final = 100
"""Most indices that a list of what is set aside names: anybody may ask for it."""
MOST_COUNTED: Final = 10_000


class Acts:
    """The view `acts`."""

    name = NAME
    schema: LiteralString = "proj"
    tables: tuple[LiteralString, ...] = ("acts",)
    flags = True

    def batch(self, cursor: Cursor, gen: int) -> ActsBatch:
        """Begins a batch."""
        return ActsBatch(cursor, gen)


class ActsBatch:
    """Rows of one batch, written together."""

    def __init__(self, cursor: Cursor, gen: int) -> None:
        self._cursor = cursor
        self._gen = gen
        self._rows: list[tuple[Any, ...]] = []
        self._cleared: list[tuple[str, str | None, list[int]]] = []
        self._voided: list[tuple[str, list[int]]] = []
        self._moved_up: list[list[int]] = []

    def take(self, step: Step) -> None:
        """Gathers one statement."""
        if step.erases:
            self._cleared.append(("erased", step.opened.act_id, list(step.erases)))
        if step.taken_back:
            self._cleared.append(("set_aside", None, list(step.taken_back)))
        if step.voids:
            self._voided.append((step.opened.act_id, list(step.voids)))
        if step.renumbered:
            self._moved_up.append(list(step.renumbered))
        if not step.own:
            return
        if len(self._rows) >= AT_ONCE:
            self._put()
        opened, entry = step.opened, step.entry
        statement, act = (None, None) if step.bare else (opened.statement, opened.act)
        signed = None if step.bare else step.signed
        self._rows.append(
            (
                self._gen,
                opened.index,
                opened.stream,
                opened.stream_id,
                opened.unit,
                opened.seq,
                UUID(opened.act_id),
                None if step.bare else _act_name(step),
                None if statement is None else statement.role,
                None if signed is None else signed.officer,
                None if statement is None else statement.kid,
                None if statement is None else statement.iat,
                None if act is None else act.occurred_at,
                opened.recorded_at,
                None if act is None else act.agency,
                step.status,
                step.effect,
                step.stream.state if entry is not None else None,
                list(step.flags),
                act is not None and act.late_reason is not None,
                step.effect and opened.act is not None and opened.act.act in REGISTRY_ACTS,
                None if step.bare else _digest(step),
                opened.entry,
                None if statement is None else statement.protected,
                None if statement is None else statement.payload,
                None if statement is None else statement.signature,
                None if step.bare or step.number is None else str(step.number.register),
                None if step.number is None else step.number.n,
            )
        )

    def write(self) -> None:
        """The rows, then what the batch erases, takes back or voids."""
        self._put()
        for status, by, indices in self._cleared:
            keeps = status == "erased"
            self._cursor.execute(_CLEAR, [status, by, keeps, keeps, self._gen, indices])
        for by, indices in self._voided:
            self._cursor.execute(_VOID, [by, self._gen, indices])
        for indices in self._moved_up:
            self._cursor.execute(_MOVE_UP, [self._gen, indices])

    def _put(self) -> None:
        _PUT.put(self._cursor, self._rows)
        self._rows = []


def _digest(step: Step) -> str | None:
    if step.signed is not None:
        return step.signed.digest
    statement = step.opened.statement
    return None if statement is None else statement.digest_b64


def _act_name(step: Step) -> str | None:
    if step.opened.act is not None:
        return step.opened.act.act
    statement = step.opened.statement
    return None if statement is None else str(statement.members.get("event"))


@dataclass(frozen=True, slots=True)
class ActRow:
    """One statement as the timeline shows it.

    Attributes:
        index: Leaf index.
        stream: Stream name.
        seq: Position in the stream.
        act_id: Its act.
        act: Act type; None where erased.
        role: Role of the header.
        officer: Who signed.
        kid: With which key.
        iat: When the signer says it signed, in seconds.
        occurred_at: When it happened.
        recorded_at: When the ledger took it.
        agency: Agency of the author.
        status: Status of the act after this statement.
        effect: Whether it made the act effective.
        state_after: State of the case after it.
        flags: Raised when the act took effect here.
        late: Whether the act says why it is entered late.
        registry: Whether it changed the registry.
        digest: Statement digest, b64.
        entry: 32 bytes.
        protected: Header bytes.
        payload: Act bytes.
        signature: Signature bytes.
        erased_by: The act that erased the content.
        voided_by: The act that voids it, where it is set aside.
        register: The register that it is entered in, where this view holds what it says.
        given: Its number there, whether it was given that number or has signed another.
    """

    index: int
    stream: str
    seq: int
    act_id: str
    act: str | None
    role: str | None
    officer: str | None
    kid: str | None
    iat: int | None
    occurred_at: datetime | None
    recorded_at: datetime
    agency: str | None
    status: str
    effect: bool
    state_after: str | None
    flags: list[str]
    late: bool
    registry: bool
    digest: str | None
    entry: bytes
    protected: bytes | None
    payload: bytes | None
    signature: bytes | None
    erased_by: str | None
    voided_by: str | None = None
    register: str | None = None
    given: int | None = None

    @property
    def aside(self) -> bool:
        """Whether it is set aside: recorded against the rules, and moves nothing."""
        return self.status == "set_aside"

    @property
    def members(self) -> Mapping[str, Any]:
        """The payload, parsed; empty where erased."""
        return {} if self.payload is None else orjson.loads(self.payload)

    @property
    def prev(self) -> str | None:
        """Digest of the statement before it in the stream; None in the first, and where erased."""
        return None if self.protected is None else orjson.loads(self.protected).get("prev")

    @property
    def stand_in(self) -> Mapping[str, str] | None:
        """Who signed instead of an officer named (formats.md §3); None: whom the act names did."""
        if self.protected is None or _STAND_IN not in self.protected:
            return None
        found: Mapping[str, str] | None = orjson.loads(self.protected).get("stand_in")
        return found

    @property
    def compact(self) -> str | None:
        """The statement in compact form."""
        if self.protected is None or self.payload is None or self.signature is None:
            return None
        parts = (self.protected, self.payload, self.signature)
        return ".".join(canonical.b64(part) for part in parts)


_NEVER: Final = 2**62
_STAND_IN: Final = b'"stand_in"'


def _rows(connection: Connection, query: LiteralString, asked: Sequence[object]) -> list[ActRow]:
    """In binary: three quarters of a row are bytes."""
    with connection.cursor(binary=True, row_factory=args_row(ActRow)) as cursor:
        return cursor.execute(query, asked).fetchall()


def stream_rows(
    connection: Connection,
    stream: str,
    *,
    upto: int = _NEVER,
    limit: int = _NEVER,
) -> list[ActRow]:
    """Statements of a stream in order, up to an index of the log."""
    return _rows(connection, _STREAM, [stream, upto, limit])


def act_rows(connection: Connection, act_id: str) -> list[ActRow]:
    """Every statement of one act; empty where there is no such act."""
    return _rows(connection, _ACT, [act_id])


def stream_of(connection: Connection, act_id: str) -> str | None:
    """The stream in which an act stands; None: there is none such that is seen."""
    row = connection.execute(_OF, [act_id]).fetchone()
    return None if row is None else row[0]


def act_at(connection: Connection, stream: str, seq: int) -> str | None:
    """The act of which the statement at a place of a stream is; None: none that is seen."""
    row = connection.execute(_AT, [stream, seq]).fetchone()
    return None if row is None else row[0]


def rows_between(connection: Connection, after: int, last: int) -> list[ActRow]:
    """Statements of the whole log behind an index, up to another, as far as the asker sees them."""
    return _rows(connection, _BETWEEN, [after, last])


def index_at(connection: Connection, stream: str, at: datetime) -> int | None:
    """Index of the newest statement of a stream that was recorded by then."""
    row = connection.execute(_INDEX_AT, [stream, at]).fetchone()
    return None if row is None else row[0]


def recorded_at(connection: Connection, index: int) -> datetime | None:
    """When the log took a record; None where the view has not come to it, or it is not seen."""
    row = connection.execute(_RECORDED, [index]).fetchone()
    return None if row is None else row[0]


def taken_at(connection: Connection, index: int) -> datetime | None:
    """When the log took a record that the asker sees, also where no view has come to it."""
    row = connection.execute(_TAKEN_AT, [index]).fetchone()
    return None if row is None else row[0]


def recorded_by(connection: Connection, stream: str, index: int) -> datetime | None:
    """When the newest statement of a stream up to an index was taken, of those that are seen."""
    row = connection.execute(_RECORDED_BY, [stream, index]).fetchone()
    return None if row is None else row[0]


def effective_indices(connection: Connection, acts: Sequence[str], upto: int) -> list[int]:
    """Indices at which acts of these types took effect."""
    return [row[0] for row in connection.execute(_EFFECTIVE, [list(acts), upto]).fetchall()]


def signed_off(connection: Connection, stream: str) -> list[ActRow]:
    """Sign-offs in a stream that have taken effect, in order."""
    return _rows(connection, _SIGNED_OFF, [stream, disputed.SIGN_OFF])


def effective_rows(connection: Connection, acts: Sequence[str]) -> list[ActRow]:
    """Statements at which acts of these types took effect, in order."""
    return _rows(connection, _EFFECTIVE_ROWS, [list(acts)])


def set_aside(connection: Connection) -> list[int]:
    """Records that are set aside, voided or not."""
    return [row[0] for row in connection.execute(_ASIDE).fetchall()]


@dataclass(frozen=True, slots=True)
class Unvoided:
    """What is set aside and no act has voided yet.

    Attributes:
        count: How many there are, at most `MOST_COUNTED`.
        first: Their indices, at most `SHOWN`.
    """

    count: int
    first: Sequence[int]


def unvoided(connection: Connection) -> Unvoided:
    """Records that are set aside and that no act has voided yet."""
    first = [row[0] for row in connection.execute(_UNVOIDED, [SHOWN]).fetchall()]
    if len(first) < SHOWN:
        return Unvoided(len(first), first)
    row = connection.execute(_COUNTED, [MOST_COUNTED]).fetchone()
    return Unvoided(len(first) if row is None else row[0], first)


def erasures(connection: Connection, stream: str) -> dict[int, str]:
    """Indices of a stream whose content is erased, each with the act that erased it."""
    return dict(connection.execute(_ERASURES, [stream]).fetchall())


def newest(connection: Connection, comp: UUID, stream: str) -> tuple[int, dict[int, str]]:
    """Index of the newest record of a stream, -1 for none, and what of it is erased, as there."""
    rows = connection.execute(_NEWEST, [comp, stream]).fetchall()
    erased = {index: by for _, index, by in rows if index is not None}
    return (rows[0][0] if rows else -1), erased


def naming(connection: Connection, digest: str, but: Collection[int]) -> list[int]:
    """Indices of the acts that may have a file's digest anywhere in them, but for some records.

    All of those whose content no view holds, as above ordinary (access.md G15).

    Args:
        connection: Of a login that sees every row.
        digest: Of the file, as acts write it.
        but: Indices of the records that do not count.
    """
    found = connection.execute(_NAMING, [digest.encode(), list(but)]).fetchall()
    return [int(index) for (index,) in found]


def renumber(cursor: Cursor, gen: int) -> None:
    """Numbers a generation that was folded in parts: none of them saw what the others entered.

    Row by row, each by its key. The server has not counted this generation yet and takes it for
    empty: the one statement that joined it to its own numbers read all of them again for each row,
    longer than a server is waited for.
    """
    taken: Counter[str] = Counter()
    with cursor.connection.cursor("entered") as entered:
        entered.execute(_ENTERED, [gen])
        while rows := entered.fetchmany(_ENTERED_AT_ONCE):
            wrong: list[tuple[int, int, int]] = []
            for index, register, number in rows:
                taken[register] += 1
                if number != taken[register]:
                    wrong.append((taken[register], gen, index))
            cursor.executemany(_GIVE, wrong)


def registered(connection: Connection, upto: int) -> list[tuple[int, Register | None]]:
    """Records up to an index that are entered in a register; None where no view holds which."""
    rows = connection.execute(_REGISTERED, [upto]).fetchall()
    return [(index, None if text is None else Register.parse(text)) for index, text in rows]


def given(connection: Connection, index: int) -> int | None:
    """The number in its register of the record at an index; None: it has none, or is not there."""
    row = connection.execute(_GIVEN, [index]).fetchone()
    return None if row is None else row[0]


def last_given(connection: Connection, register: Register, upto: int) -> int:
    """The last number of a register up to an index, 0 for none; where views hold what acts say."""
    row = connection.execute(_LAST_GIVEN, [str(register), upto]).fetchone()
    return 0 if row is None else row[0]


def number_of(row: ActRow, act: Act | None) -> Number | None:
    """The place of a row in its register; None where it is entered in none.

    Raises:
        VerificationError: The row names a register that is none.
    """
    if row.given is None:
        return None
    try:
        register = None if row.register is None else Register.parse(row.register)
    except ValueError as error:
        raise VerificationError("view", "a row names a register that is none", row.index) from error
    if register is None and act is not None:
        register = register_of(act, row.recorded_at)
    return None if register is None else Number(register, row.given)


def programmes(connection: Connection) -> tuple[int, dict[str, int]]:
    """The last record there is, and each programme's stream with its own newest.

    Of the log itself: no view is asked.
    """
    row = connection.execute(_LAST).fetchone()  # first: what comes meanwhile is known and not said
    return -1 if row is None else row[0], dict(connection.execute(_PROGRAMMES).fetchall())


def act_of(row: ActRow) -> Act | None:
    """The act of a row; None where erased or a service statement."""
    members = row.members
    return known_act(members) if "act" in members else None


def signeds(
    rows: Iterable[ActRow], registry: Registry, parsed: Mapping[str, Act] | None = None
) -> list[tuple[ActRow, Signed | None]]:
    """Rows as the fold takes them; an act is parsed once for all its statements.

    Args:
        rows: The rows.
        registry: Of that moment or a later one; it says which rules were in force when.
        parsed: By id, acts that have been parsed already.
    """
    acts: dict[str, Act | None] = {**(parsed or {})}
    found: list[tuple[ActRow, Signed | None]] = []
    signed: Counter[str] = Counter()
    for row in rows:
        if row.aside:
            found.append((row, None))
            continue
        if row.act_id not in acts or row.payload is None:
            acts[row.act_id] = act_of(row)
        act = acts[row.act_id]
        stand_in = row.stand_in
        if act is not None and stand_in is not None:
            act = acts[row.act_id] = act.signed_instead(
                _place(act, row.role, signed[row.act_id]), stand_in
            )
        signed[row.act_id] += 1
        found.append((row, None if act is None else _signed(row, act, registry)))
    return found


def _place(act: Act, role: str | None, before: int) -> int:
    """Of whoever signs an act behind so many statements of it; some may not be among the rows."""
    roles = [signer.role for signer in act.signers]
    return before if before and roles[before] == role else roles.index(role or "APPROVER")


def _signed(row: ActRow, act: Act, registry: Registry) -> Signed | None:
    if row.officer is None or row.role is None or row.kid is None or row.digest is None:
        return None
    return Signed(
        act=act,
        officer=row.officer,
        role=row.role,
        kid=row.kid,
        iat=row.iat or 0,
        seq=row.seq,
        digest=row.digest,
        edition=registry.edition_at(row.index),
        index=row.index,
        recorded_at=row.recorded_at,
    )


def raised_of(rows: Sequence[ActRow]) -> dict[str, tuple[str, ...]]:
    """Flags by act, as they were raised at effect."""
    return {row.act_id: tuple(row.flags) for row in rows if row.flags}
