"""What stands of a statement: its verdict by the keys as they stood, and one outcome for a stream.

Judged when it is read, from the stored bytes: a later revocation shows without rewriting a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from keys.errors import KeysError
from keys.keyring import Verdict
from ledger.errors import Rejected
from ledger.log import statement as statements
from ledger.message import Message, Text
from ledger.regulation.case.state import NOTHING
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.registry import Registry
from ledger.streams.event import SetAside
from projections.queries import registry_as_of as registries
from projections.views.acts import ActRow


@dataclass(frozen=True, slots=True)
class StatementVerdict:
    """One statement with its verdict.

    Attributes:
        row: The statement.
        verdict: formats.md §9.
        outcome: `VALID`, `NOT_VALID`, `NOT_CONCLUDED` or `AGAINST_THE_RULES`.
        reason: Why.
        key: What the registry says of the key today.
        signer: Post and agency of who signed, as they were that day.
        guard: The guard that refuses it, where one does.
    """

    row: ActRow
    verdict: Verdict
    outcome: str
    reason: Text
    key: Mapping[str, Any] | None
    signer: Mapping[str, Any] | None = None
    guard: str | None = None

    def against(self, aside: SetAside) -> StatementVerdict:
        """The same statement, which the rules refuse at its index."""
        reason = Message("recorded against the rules: {why}", why=aside.text)
        return replace(
            self, verdict=_AGAINST, outcome=str(_AGAINST), reason=reason, guard=aside.guard
        )


@dataclass(frozen=True, slots=True)
class Verification:
    """Every statement of a case, judged, and the worst of it."""

    stream: str
    outcome: str
    statements: tuple[StatementVerdict, ...]
    counts: Mapping[str, int] = field(default_factory=dict)


_AGAINST: Final = Verdict.AGAINST_THE_RULES
_OUTCOMES: Final[Mapping[Verdict, tuple[str, Text]]] = {
    Verdict.VALID: ("VALID", Message("the signature is valid")),
    Verdict.VALID_KEY_SINCE_REVOKED: (
        "VALID",
        Message("valid when it was recorded; the key was revoked later"),
    ),
    Verdict.DISPUTED: (
        "NOT_CONCLUDED",
        Message("disputed: recorded after the key was no longer to be trusted"),
    ),
    Verdict.ERASED: (
        "NOT_CONCLUDED",
        Message("the content was erased by a recorded act; the signature can no longer be checked"),
    ),
    Verdict.INVALID_SIGNATURE: (
        "NOT_VALID",
        Message("the signature does not fit the content"),
    ),
    Verdict.WRONG_SIGNER: (
        "NOT_VALID",
        Message("not signed by the officer who had to"),
    ),
    Verdict.UNKNOWN_KEY: (
        "NOT_VALID",
        Message("the registry did not know this key when it was recorded"),
    ),
    _AGAINST: (
        str(_AGAINST),
        Message("recorded against the rules; it is of no effect"),
    ),
}
WORST: Final = ("VALID", "NOT_CONCLUDED", "NOT_VALID", "AGAINST_THE_RULES")
"""Outcomes, the worst last."""


def judged(row: ActRow, registry: Registry, *, now: datetime | None) -> StatementVerdict:
    """A statement with its verdict by the registry as it stood at its index (formats.md §9).

    Args:
        row: The statement; its signature is verified here, over the bytes as received.
        registry: The registry now: it remembers what it knew at every index.
        now: For the state of the key today; None: when the statement was recorded.
    """
    line = None if row.kid is None else registry.keyring.line(row.kid)
    if row.aside:
        verdict = _AGAINST
    elif row.kid is None:
        verdict = Verdict.ERASED
    else:
        verdict = registry.keyring.judge(
            row.kid,
            officer=row.officer,
            index=row.index,
            recorded_at=row.recorded_at,
            signature_ok=_holds(row, registry),
        )
    outcome, reason = _OUTCOMES[verdict]
    key = None if line is None else registries.key(line, now or row.recorded_at)
    return StatementVerdict(row, verdict, outcome, reason, key, signer_of(row, registry))


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


def verified(stream: str, rows: Iterable[StatementVerdict]) -> Verification:
    """One outcome for a stream: the worst of its statements, each in its place (formats.md §9).

    Args:
        stream: Its name.
        rows: Every statement in order. Before a gap there is not enough to conclude; one that
            names another as the one before it is not valid. What is set aside is passed over, and
            counts no more once it is voided.
    """
    statements = tuple(rows)
    found = []
    before, standing = None, None
    for one in statements:
        found.append(_in_place(one, before, standing))
        before = one.row
        standing = standing if one.verdict is _AGAINST else one.row
    counts: dict[str, int] = {}
    for one in found:
        counts[one.verdict] = counts.get(one.verdict, 0) + 1
    counting = [one for one in found if one.row.voided_by is None]
    worst = max((WORST.index(one.outcome) for one in counting), default=1)
    return Verification(stream, WORST[worst], tuple(found), counts)


def _in_place(
    one: StatementVerdict, before: ActRow | None, standing: ActRow | None
) -> StatementVerdict:
    """A statement after what is before it; what is not valid by itself stays as it is.

    Args:
        one: The statement.
        before: The record before it in the stream.
        standing: The last one that stands: what its `prev` names.
    """
    if one.outcome in ("NOT_VALID", str(_AGAINST)):
        return one
    first, last = 1 if before is None else before.seq + 1, one.row.seq - 1
    if first <= last:
        missing = f"{first}" if first == last else f"{first}–{last}"
        return replace(
            one,
            outcome="NOT_CONCLUDED",
            reason=Message(
                "the case lacks its record {missing}, right before this one", missing=missing
            ),
        )
    if one.row.protected is None or (standing is not None and standing.digest is None):
        return one  # erased: nothing to compare
    if one.row.prev == _named(standing, one.row.seq):
        return one
    return replace(
        one,
        outcome="NOT_VALID",
        reason=Message("it does not follow the record before it in the case"),
    )


def _named(standing: ActRow | None, seq: int) -> str | None:
    """What `prev` names (formats.md §3)."""
    if standing is not None:
        return standing.digest
    return None if seq == 1 else NOTHING


def signer_of(row: ActRow, registry: Registry) -> dict[str, Any] | None:
    """Who signed a statement, by post and agency as they were that day; None where erased."""
    day = local_day(row.recorded_at)
    return registries.signer(registry, row.members, row.officer, day, row.stand_in)
