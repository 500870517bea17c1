"""When it happened: not in the future, late only with a reason, flagged where out of order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from ledger.regulation.acts.act import Act
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.reading import limit_words
from ledger.regulation.guards.breach import Breach
from ledger.regulation.guards.form import refs
from ledger.regulation.registry.rules import Rule

_SECONDS: Final = {
    "min": 60,
    "h": 3_600,
    **dict.fromkeys(("d", "wd"), 86_400),
    "m": 30 * 86_400,
    "y": 365 * 86_400,
}
"""Of every unit that a limit may be entered in; of none stated there are none."""
#: How much later than occurred_at the act may have happened, by its precision.
_BLUR: Final = {
    "day": timedelta(days=1),
    "hour": timedelta(hours=1),
    "minute": timedelta(minutes=1),
    "second": timedelta(seconds=1),
}


def late_reason(q: GuardInput) -> Breach | None:
    """Entered later than LATE_ENTRY after it happened: a reason is stated (formats.md §2)."""
    if q.act.late_reason is not None and q.act.late_reason.strip():
        return None
    rule = q.registry.limit("LATE_ENTRY", q.day)
    entry = q.standing
    # The author's iat counts, also at a countersignature.
    iat = q.iat if entry is None else entry.signed[0].iat
    if iat - q.act.occurred_at.timestamp() <= _seconds(rule):
        return None
    return Breach(limit_words(q, "LATE_ENTRY"), ("/late_reason",))


def occurred_in_future(q: GuardInput) -> Breach | None:
    """occurred_at lies at most ADVANCE_ENTRY after iat."""
    ahead = q.act.occurred_at.timestamp() - q.iat
    if ahead <= 0:
        return None
    rule = q.registry.limit("ADVANCE_ENTRY", q.day)
    if ahead <= _seconds(rule):
        return None
    return Breach(pointers=("/occurred_at",))


def occurred_out_of_order(q: GuardInput) -> Breach | None:
    """Flag: dated before an act it refers to, or before the act that brought the present state."""
    stream = q.stream
    if stream.latest is None or stream.latest <= q.act.occurred_at:
        return None
    since = stream.state_since
    if since is not None and _is_after(since.act, q):
        return Breach(pointers=("/occurred_at",))
    named = [n for _, n, _ in refs(q.kind, q.facts)]
    named.extend(n for n in (q.act.refers_to, q.act.corrects) if n is not None)
    for act_id in named:
        entry = stream.entries.get(act_id)
        if entry is not None and _is_after(entry.act, q):
            return Breach(pointers=("/occurred_at",))
    return None


def _is_after(other: Act, q: GuardInput) -> bool:
    """Whether another act is dated after the last instant this one can have happened at."""
    own = q.act.occurred_at
    return other.occurred_at > own and other.occurred_at > _latest(own, q.act.precision)


def _latest(at: datetime, precision: str) -> datetime:
    """The last instant the act can have happened at, as exactly as it is known."""
    if precision == "day":
        at = at.replace(hour=0, minute=0, second=0)
    elif precision == "hour":
        at = at.replace(minute=0, second=0)
    elif precision == "minute":
        at = at.replace(second=0)
    return at.astimezone(UTC) + _BLUR[precision] - timedelta(seconds=1)


def _seconds(rule: Rule) -> int:
    return _SECONDS.get(rule.unit, 0) * int(rule.value or 0)
