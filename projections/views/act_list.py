"""Acts across cases, of those that the asker sees: by filter, by key, by what they say.

Read off view `acts`, and for how cases are called, what waits and what is counted off the others.
"""

# ruff: noqa: S608 - pieces of SQL are constants of this file (LiteralString)
from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString

import orjson
from psycopg import sql
from psycopg.rows import args_row

from ledger.regulation.acts.act import Act, known_act
from ledger.regulation.case_file.flags import DISPUTED
from projections.views import disputed
from projections.views.acts import NAME
from projections.views.base import Connection, by_values, live, through_all
from projections.views.case_names import Called, called
from projections.views.disputed import Dispute
from projections.views.statistics.behind import MARKED_ACT
from projections.views.statistics.indicators import marks_of

_LIVE: Final = live(NAME)
_OF_CASES: Final[LiteralString] = " AND starts_with(a.stream, 'case/')"
_BY_AUTHOR: Final[LiteralString] = " AND a.role = 'AUTHOR'"
#: By the statement at which it took effect: before the policy no index finds one flag among others.
_BY_FLAG: Final[LiteralString] = " AND a.flags <> '{}' AND a.flags @> ARRAY[%(flag)s]::text[]"
_ACROSS: Final[LiteralString] = (
    "SELECT a.index, a.stream, a.seq, a.act_id::text, a.act, a.agency, a.occurred_at,"
    " a.recorded_at, a.late FROM proj.acts a WHERE a." + _LIVE + " AND a.index <= %(snapshot)s"
)
#: How the acts of a page stand, which their other statements say; and what their cases are called.
_STOOD: Final[LiteralString] = (
    "SELECT o.act_id::text, (array_agg(o.status ORDER BY o.index DESC))[1],"
    " coalesce(array_agg(DISTINCT flag) FILTER (WHERE flag IS NOT NULL), '{}'),"
    " min(convert_from(o.payload, 'UTF8')::json ->> 'precision')"
    " FROM proj.acts o LEFT JOIN LATERAL unnest(o.flags) AS flag ON true"
    " WHERE o." + _LIVE + " AND o.act_id = ANY (%(acts)s::uuid[]) AND o.index <= %(snapshot)s"
    " AND o.status <> 'set_aside' GROUP BY o.act_id"
)
_EACH: Final[LiteralString] = "SELECT set_config('app.by_set', 'off', true)"
#: Which statement of an act its line is of.
_LINE_OF: Final[Mapping[str, LiteralString]] = {
    "": _BY_AUTHOR,
    DISPUTED: disputed.BY_STATEMENT,
}
_PENDING: Final[LiteralString] = (
    " AND a.status = 'pending' AND a.act_id IN (SELECT t.act_id FROM proj.tasks t WHERE t."
    + live("worklist")
    + " AND t.kind = 'SIGN' UNION SELECT n.act_id FROM proj.acts n WHERE n."
    + _LIVE
    + " AND n.index > %(snapshot)s) AND NOT EXISTS (SELECT FROM proj.acts n WHERE n."
    + _LIVE
    + " AND n.act_id = a.act_id AND n.index <= %(snapshot)s"
    " AND n.status NOT IN ('pending', 'set_aside'))"
)
_WANTED: Final[Mapping[str, LiteralString]] = {
    "agency": " AND a.agency = %(agency)s",
    "act": " AND a.act = %(act)s",
    "begins": " AND a.act_id BETWEEN %(lowest)s::uuid AND %(highest)s::uuid"
    " AND starts_with(a.act_id::text, %(begins)s)",
    "late": " AND a.late",
    "pending": _PENDING,
    "figure": MARKED_ACT,
    "kid": " AND a.act_id IN (SELECT k.act_id FROM proj.acts k WHERE k."
    + _LIVE
    + " AND k.kid = %(kid)s AND k.index <= %(snapshot)s)",
}
#: For who sees few: by their cases, instead of all acts until a page is full.
_FEW: Final[LiteralString] = (
    " AND a.stream = ANY (ARRAY(SELECT s.name FROM log.streams s"
    " WHERE s.stream_id IN (SELECT w.comp FROM sec.shown w)))"
)
_ON: Final[Mapping[str, tuple[LiteralString, LiteralString, LiteralString, LiteralString]]] = {
    # clock: (from, to, behind a line, order)
    "recorded": (
        " AND a.recorded_at >= %(from)s",
        " AND a.recorded_at < %(to)s",
        " AND (a.recorded_at, a.index) < (%(after)s, %(after_index)s)",
        " ORDER BY a.recorded_at DESC, a.index DESC",
    ),
    "occurred": (
        " AND a.occurred_at >= %(from)s",
        " AND a.occurred_at < %(to)s",
        " AND (a.occurred_at, a.index) < (%(after)s, %(after_index)s)",
        " ORDER BY a.occurred_at DESC, a.index DESC",
    ),
}


@dataclass(frozen=True, slots=True)
class ActFilter:
    """Which acts of cases a listing asks for; all given must hold. None is by a person.

    Attributes:
        agency: Agency of the author, as the act names it.
        act: Type.
        flag: Raised this flag when it took effect, or of DISPUTED holds such a signature; its line
            is then of that statement.
        begins: Its id begins so. Of all acts that are seen, not of cases alone: an order or an
            opening stands with an agency, and is not overlooked behind another's that is alike.
        late: Says why it is entered late.
        pending: Waits for a signature.
        kid: Has a statement that is signed with this key.
        figure: Is counted by this figure (`OF_ACTS`).
        at: What lapses is judged by this instant.
        start: On the clock, this or later.
        end: Before this.
        clock: `recorded` or `occurred`: what `start`, `end` and the order go by, newest first.
    """

    agency: str | None = None
    act: str | None = None
    flag: str | None = None
    begins: str | None = None
    late: bool = False
    pending: bool = False
    kid: str | None = None
    figure: str | None = None
    at: datetime | None = None
    start: datetime | None = None
    end: datetime | None = None
    clock: str = "recorded"

    @property
    def views(self) -> tuple[str, ...]:
        """Views that answer it."""
        given = (("worklist", self.pending), ("statistics", self.figure is not None))
        return (NAME, *(view for view, asked in given if asked))


@dataclass(frozen=True, slots=True)
class ActLine:
    """One line of a listing of acts: a statement, its author's or the one that raised the flag."""

    index: int
    stream: str
    seq: int
    act_id: str
    act: str
    agency: str
    occurred_at: datetime
    recorded_at: datetime
    late: bool
    status: str
    flags: list[str]
    precision: str | None
    case_number: str | None
    register_no: str | None
    title: str | None

    def key(self, clock: str) -> tuple[str, int]:
        """Where a page that ends with this line goes on."""
        return getattr(self, f"{clock}_at").isoformat(), self.index


def across(  # noqa: PLR0913 - a question, its parts named
    connection: Connection,
    wanted: ActFilter,
    *,
    limit: int,
    snapshot: int,
    after: tuple[str, int] | None = None,
    few: bool = False,
    disputes: Collection[Dispute] = (),
) -> list[ActLine]:
    """One page of acts of all cases that the asker sees, as the log stood at the snapshot.

    Args:
        connection: As reader.
        wanted: Filters and clock.
        limit: Most lines.
        snapshot: Of statements behind this index nothing is told.
        after: `ActLine.key` of the last line of the page before.
        few: Whether the asker sees few cases (`Ways.choose`).
        disputes: Revocations up to the snapshot that may dispute something.
    """
    start, end, behind, order = _ON[wanted.clock]
    given: list[tuple[bool, LiteralString]] = [
        (wanted.start is not None, start),
        (wanted.end is not None, end),
        (after is not None, behind),
        (few and wanted.begins is None, _FEW),
    ]
    parts: list[LiteralString] = [
        _ACROSS + (_OF_CASES if wanted.begins is None else ""),
        _LINE_OF.get(wanted.flag or "", _BY_FLAG),
        *(part for name, part in _WANTED.items() if getattr(wanted, name)),
        *(part for one, part in given if one),
    ]
    if wanted.flag is not None or wanted.pending or wanted.figure is not None:
        through_all(connection)
    elif len(parts) > 2:  # noqa: PLR2004  more than what is asked of every listing
        by_values(connection)
    query = sql.SQL("").join(map(sql.SQL, [*parts, order])) + sql.SQL(" LIMIT {}").format(limit)
    asked: dict[str, Any] = {
        "agency": wanted.agency,
        "act": wanted.act,
        "flag": wanted.flag,
        "kid": wanted.kid,
        "begins": wanted.begins,
        "lowest": _padded(wanted.begins, "0"),
        "highest": _padded(wanted.begins, "f"),
        "marks": marks_of(wanted.figure),
        "counted_at": wanted.at,
        "from": wanted.start,
        "to": wanted.end,
        "snapshot": snapshot,
        "after": None if after is None else datetime.fromisoformat(after[0]),
        "after_index": None if after is None else after[1],
        **disputed.parameters(disputes),
    }
    rows = connection.execute(query, asked).fetchall()
    connection.execute(_EACH)
    asked["acts"] = [row[3] for row in rows]
    stood = {row[0]: row[1:] for row in connection.execute(_STOOD, asked).fetchall()}
    numbers = called(connection, {row[1] for row in rows})
    doubted = disputed.acts(connection, disputes, asked["acts"], snapshot)
    lines: list[tuple[Any, ...]] = []
    for row in rows:
        status, flags, known = stood.get(row[3], ("pending", [], None))
        flags = sorted({*flags, DISPUTED}) if row[3] in doubted else flags
        lines.append((*row, status, flags, known, *numbers.get(row[1], Called())))
    return [ActLine(*line) for line in lines]


def _padded(begins: str | None, digit: str) -> str | None:
    """The first or the last uuid that begins with the first digits of a text, for the index."""
    return None if begins is None else begins.partition("-")[0].ljust(32, digit)


# -- what a key signed -------------------------------------------------------------------------

_SIGNED: Final[LiteralString] = (
    "SELECT index, stream, seq, act_id::text, act, role, occurred_at, recorded_at, effect"
    " FROM proj.acts WHERE "
    + _LIVE
    + " AND kid = %(kid)s AND recorded_at >= %(since)s AND index <= %(upto)s ORDER BY index"
    " LIMIT %(limit)s"
)


@dataclass(frozen=True, slots=True)
class SignedRow:
    """One statement that a key signed, as its row tells."""

    index: int
    stream: str
    seq: int
    act_id: str
    act: str
    role: str
    occurred_at: datetime | None
    recorded_at: datetime
    effect: bool


def signed_with(
    connection: Connection, kid: str, since: datetime, *, upto: int, limit: int
) -> list[SignedRow]:
    """Statements that a key signed, recorded at an instant or later, of those the asker sees."""
    asked = {"kid": kid, "since": since, "upto": upto, "limit": limit}
    by_values(connection)
    with connection.cursor(row_factory=args_row(SignedRow)) as cursor:
        return cursor.execute(_SIGNED, asked).fetchall()


# -- which cases name another -------------------------------------------------------------------

_NAMING_CASE: Final[LiteralString] = (
    "SELECT a.index, a.payload FROM proj.acts a WHERE a."
    + _LIVE
    + _OF_CASES
    + _BY_AUTHOR
    + " AND a.act = ANY (%(acts)s) AND a.stream <> %(stream)s"
    " AND EXISTS (SELECT FROM unnest(%(named)s::bytea[]) AS one"
    " WHERE position(one in a.payload) > 0)"
    " AND EXISTS (SELECT FROM proj.acts e WHERE e."
    + _LIVE
    + " AND e.act_id = a.act_id AND e.effect) ORDER BY a.index LIMIT %(limit)s"
)


def naming_case(
    connection: Connection, stream: str, acts: Sequence[str], named: Sequence[str], limit: int
) -> list[tuple[int, Act]]:
    """Effective acts of other cases, of those that the asker sees, that say one of these texts.

    Args:
        connection: As reader.
        stream: The case that is asked about.
        acts: Types of act.
        named: What they say, as a member of the act's JSON has it.
        limit: Most acts.
    """
    asked = {
        "acts": list(acts),
        "stream": stream,
        "named": [orjson.dumps(one) for one in named],
        "limit": limit,
    }
    rows = connection.execute(_NAMING_CASE, asked).fetchall()
    return [(index, known_act(orjson.loads(payload))) for index, payload in rows]
