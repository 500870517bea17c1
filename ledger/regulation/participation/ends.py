"""Until when an act lets take part: the ends of `participation.json`, read off the fold.

An end is the first instant at which it is over; None: no end is known. It follows the ledger's own
time, when acts were taken and not when they are said to have happened: an act that is dated back
neither ends what ran nor lets it run on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime, time, timedelta
from typing import Final

from ledger.regulation.case.state import Entry, SubProcess
from ledger.regulation.participation.viewpoint import Viewpoint, effective_at
from ledger.regulation.registry.calendar import VIETNAM

AT_REST: Final = frozenset({"CLOSED", "ARCHIVED", "UNDER_REVIEW"})
"""States in which a case that was closed is at work for nobody but who reviews it."""
_HANDLING: Final = ("CaseRegistered", "CaseCustodyTransferred")
_SANCTION_OVER: Final = frozenset({"EXECUTED", "DROPPED", "ANNULLED"})
_COMPLAINT_OVER: Final = frozenset({"DECIDED", "NOT_ACCEPTED", "WITHDRAWN"})
_REFERRAL_BACK: Final = frozenset({"RETURNED", "CONFLICT", "DECIDED"})
_REFERRAL_OVER: Final = frozenset({"RESULT", "OPENED", "NOT_OPENED", "RETURNED_FOR_SANCTION"})
_REVIEW_OVER: Final = frozenset({"DECIDED"})
_TEAM_OVER: Final = frozenset({"CONCLUDED", "DISSOLVED"})


def end_of(code: str, entry: Entry, case: Viewpoint) -> datetime | None:
    """When what an act gave is over, by the code of its end."""
    if code == "STAYS":
        return None
    if entry.status == "returned":
        return None if entry.returned_by is None else effective_at(entry.returned_by)
    return None if entry.status == "pending" else _ENDS[code](entry, case)


def _closed(_: Entry, case: Viewpoint) -> datetime | None:
    """After CaseClosed, unless the case has been at work since, by whichever act."""
    for entry in reversed(case.fold.order):
        if entry.act.act == "CaseClosed":
            return case.after(effective_at(entry))
        if entry.state_after not in AT_REST:
            return None
    return None


def _handles(entry: Entry, case: Viewpoint) -> datetime | None:
    later = _next(entry, case, *_HANDLING)
    return None if later is None else effective_at(later)


def _overlap(entry: Entry, case: Viewpoint) -> datetime | None:
    return case.after(effective_at(entry))


def _referral(entry: Entry, case: Viewpoint) -> datetime | None:
    sub = _moved(entry, "referral", "criminal_referral")
    back = None if sub is None else _over(sub, _REFERRAL_BACK)
    if back is not None:
        return effective_at(back)
    return _after(entry, case, _REFERRAL_OVER, "referral", "criminal_referral")


def _directed(entry: Entry, case: Viewpoint) -> datetime | None:
    later = _next(entry, case, "DirectionReceived")
    return None if later is None else case.after(effective_at(later))


def _team(entry: Entry, case: Viewpoint) -> datetime | None:
    """The secondment's own term, its team's conclusion, or the answer that took its place."""
    sub = _moved(entry, "secondment")
    later = _following(sub, entry) if sub is not None else None
    if later is not None:
        return effective_at(later)
    ends = [e for e in (_term(entry, case), _team_concluded(entry, case)) if e is not None]
    return min(ends, default=None)


def _term(entry: Entry, case: Viewpoint) -> datetime | None:
    last = entry.act.facts.get("period_to")
    if not isinstance(last, str):
        return None
    day = date.fromisoformat(last)
    return case.after(datetime.combine(day, time.min, VIETNAM) + timedelta(days=1))


def _team_concluded(entry: Entry, case: Viewpoint) -> datetime | None:
    """A request names no team: it is over once each that was at work since is."""
    ends: list[datetime] = []
    for sub in case.fold.subs_in("team"):
        over = _over(sub, _TEAM_OVER)
        if over is None:
            return None
        if effective_at(over) > effective_at(entry):
            ends.append(case.after(effective_at(over)))
    return max(ends, default=None)


def _sanction(entry: Entry, case: Viewpoint) -> datetime | None:
    return _after(entry, case, _SANCTION_OVER, "sanction")


def _complaint(entry: Entry, case: Viewpoint) -> datetime | None:
    return _after(entry, case, _COMPLAINT_OVER, "complaint")


def _disclosure(entry: Entry, _: Viewpoint) -> datetime | None:
    return datetime.fromisoformat(str(entry.act.facts["until"]))


def _review(entry: Entry, case: Viewpoint) -> datetime | None:
    return _after(entry, case, _REVIEW_OVER, "review")


_ENDS: Final[Mapping[str, Callable[[Entry, Viewpoint], datetime | None]]] = {
    "CLOSED": _closed,
    "HANDLES": _handles,
    "OVERLAP": _overlap,
    "REFERRAL_ENDS": _referral,
    "SUB_DECIDED": _directed,
    "TEAM_ENDS": _team,
    "SANCTION_ENDS": _sanction,
    "COMPLAINT_ENDS": _complaint,
    "REVIEW_ENDS": _review,
    "DISCLOSURE_ENDS": _disclosure,
}


# -- reading the fold ---------------------------------------------------------------------------


def _next(entry: Entry, case: Viewpoint, *types: str) -> Entry | None:
    """The first act of these types that took effect after this one."""
    seq = 0 if entry.effect is None else entry.effect.seq
    found = case.fold.effective(*types)
    return next((e for e in found if e.effect is not None and e.effect.seq > seq), None)


def _moved(entry: Entry, *names: str) -> SubProcess | None:
    return next((m.sub for m in entry.moved if m.sub.name in names), None)


def _following(sub: SubProcess, entry: Entry) -> Entry | None:
    """The act that moved a sub-process next after this one."""
    moves = [by for by, _ in sub.moves]
    return next(iter(moves[moves.index(entry) + 1 :]), None)


def _over(sub: SubProcess, states: Collection[str]) -> Entry | None:
    """The act since which a sub-process has stayed in these states; None: it is in another."""
    found: Entry | None = None
    for by, state in reversed(sub.moves):
        if state not in states:
            break
        found = by
    return found


def _after(entry: Entry, case: Viewpoint, states: Collection[str], *names: str) -> datetime | None:
    sub = _moved(entry, *names)
    over = None if sub is None else _over(sub, states)
    return None if over is None else case.after(effective_at(over))
