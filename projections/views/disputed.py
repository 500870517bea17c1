"""Which signatures in cases a revocation disputes, of the rows of view `acts` (formats.md §9).

No row says so: which keys are not to be trusted from when is the registry's to say, as of the index
that is asked about, and a late revocation rewrites nothing. A flood of revocations costs whoever
folds one record each.
"""

# ruff: noqa: S608 - pieces of SQL are constants of this file (LiteralString)
from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString

from projections.views.base import Connection, live, through_all

SIGN_OFF: Final = "VerificationSignedOff"
"""The act by which a supervisor says to have looked."""


@dataclass(frozen=True, slots=True)
class Dispute:
    """A revoked key, and between which records it can have signed what is disputed.

    Attributes:
        kid: The key.
        officer: Whose it is.
        since: From when it is not to be trusted.
        behind: Index of a record from before that instant: the newest of the registry.
        revoked: Index of the revocation, or of the one that dates it back.
        at: When that was recorded.
    """

    kid: str
    officer: str
    since: datetime
    behind: int
    revoked: int
    at: datetime


_KEYS: Final[LiteralString] = (
    "unnest(%(kids)s::text[], %(sinces)s::timestamptz[], %(behinds)s::bigint[],"
    " %(revokeds)s::bigint[]) AS k (kid, since, behind, revoked)"
)
#: A few indices of each key, by the index on keys.
_SIGNED: Final[LiteralString] = (
    _KEYS
    + " JOIN proj.acts d ON d.kid = k.kid AND d.index > k.behind AND d.index < k.revoked"
    + " AND d.recorded_at >= k.since AND starts_with(d.stream, 'case/') AND d."
    + live("acts")
)
IN_CASE: Final[LiteralString] = " AND stream IN (SELECT d.stream FROM " + _SIGNED + ")"
"""Condition on a row of a case."""
BY_STATEMENT: Final[LiteralString] = " AND a.index IN (SELECT d.index FROM " + _SIGNED + ")"
"""Condition on a statement `a`."""
_OF_STREAMS: Final[LiteralString] = (
    "SELECT DISTINCT d.stream FROM "
    + _SIGNED
    + " WHERE d.stream = ANY (%(streams)s) AND d.index <= %(upto)s"
)
_OF_ACTS: Final[LiteralString] = (
    "SELECT DISTINCT d.act_id::text FROM "
    + _SIGNED
    + " WHERE d.act_id = ANY (%(acts)s::uuid[]) AND d.index <= %(upto)s"
)
#: One line a case: its first disputed statement, until the agency signs off the case.
_WAITING: Final[LiteralString] = (
    "SELECT * FROM (SELECT DISTINCT ON (d.stream) d.stream, d.act_id::text, d.act, k.kid,"
    " k.revoked, c.case_number, c.register_no, c.state, c.last_at, c.title FROM "
    + _SIGNED
    + " JOIN proj.case_file c ON c.stream = d.stream AND c."
    + live("case_file")
    + " WHERE (k.kid = ANY (%(own)s) OR c.agencies @> ARRAY[%(agency)s]::text[])"
    + " AND k.revoked > %(checked)s AND NOT EXISTS (SELECT FROM proj.acts s WHERE s."
    + live("acts")
    + " AND s.stream = d.stream AND s.act = %(sign_off)s AND s.effect AND s.agency = %(agency)s"
    + " AND s.index > k.revoked) ORDER BY d.stream, d.index) w"
    + " ORDER BY revoked DESC, stream LIMIT %(limit)s"
)


def parameters(disputes: Collection[Dispute]) -> dict[str, Any]:
    """What the conditions are asked with."""
    return {
        "kids": [one.kid for one in disputes],
        "sinces": [one.since for one in disputes],
        "behinds": [one.behind for one in disputes],
        "revokeds": [one.revoked for one in disputes],
    }


def streams(
    connection: Connection, disputes: Collection[Dispute], of: Collection[str], upto: int
) -> frozenset[str]:
    """Those of some cases that hold a disputed signature, up to a record."""
    return _found(connection, _OF_STREAMS, disputes, {"streams": list(of), "upto": upto})


def acts(
    connection: Connection, disputes: Collection[Dispute], of: Collection[str], upto: int
) -> frozenset[str]:
    """Those of some acts, by id, that hold a disputed signature, up to a record."""
    return _found(connection, _OF_ACTS, disputes, {"acts": list(of), "upto": upto})


def _found(
    connection: Connection,
    query: LiteralString,
    disputes: Collection[Dispute],
    asked: Mapping[str, object],
) -> frozenset[str]:
    if not disputes:
        return frozenset()
    rows = connection.execute(query, {**parameters(disputes), **asked}).fetchall()
    return frozenset(row[0] for row in rows)


@dataclass(frozen=True, slots=True)
class DisputedCase:
    """A case for its agency's or the key's agency's supervisor to look at."""

    stream: str
    act_id: str
    act: str
    kid: str
    revoked: int
    case_number: str | None
    register_no: str | None
    state: str | None
    last_at: datetime
    title: str | None


def waiting(
    connection: Connection,
    disputes: Collection[Dispute],
    agency: str,
    own: Sequence[str],
    *,
    checked: int,
    limit: int,
) -> list[DisputedCase]:
    """Cases that an agency has not signed off since a revocation, of those the asker sees.

    Args:
        connection: As reader.
        disputes: Revocations that may dispute something.
        agency: Holds the case, or is that of the key's officer.
        own: Keys of its officers.
        checked: Up to which record the agency has signed off all its cases.
        limit: Most lines, of the newest revocations.
    """
    if not disputes:
        return []
    through_all(connection)
    asked = parameters(disputes) | {
        "agency": agency,
        "own": list(own),
        "checked": checked,
        "sign_off": SIGN_OFF,
        "limit": limit,
    }
    return [DisputedCase(*row) for row in connection.execute(_WAITING, asked).fetchall()]
