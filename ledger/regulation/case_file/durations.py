"""How long each step of a case took: its states, and its deadlines with the body they ask.

Read off the fold. Two things are told apart: a state of the case lasts from the act that brought it
to the act that ended it and has no limit of its own; a deadline has its rule, and whoever it asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

from ledger.regulation.acts.json_shape import fmt_time
from ledger.regulation.acts.lifecycle import ENDED, life_cycle_of
from ledger.regulation.case.clocks import WINDOWS, ClockRun, asked, clock_runs
from ledger.regulation.case.other_cases_port import Cases
from ledger.regulation.case.state import StreamState
from ledger.regulation.registry.calendar import local_day, local_time
from ledger.regulation.registry.registry import Registry

Json = dict[str, Any]


def durations(
    stream: StreamState, registry: Registry, at: datetime, cases: Cases | None = None
) -> Json:
    """States and steps in the order in which they began, and the step that took longest.

    Args:
        stream: The fold of the case.
        registry: Rules, names and holidays.
        at: The instant looked from: until when what still runs has taken.
        cases: Reports of article 9, for STATISTICS_RESTATE.
    """
    handler = stream.handler(registry, local_day(at))
    runs = clock_runs(stream, registry, at, cases)
    steps = [_step(run, stream, registry, at, handler) for run in runs]
    return {
        "at": local_time(at),
        "states": list(_states(stream, at)),
        "steps": steps,
        "longest": _longest(steps),
    }


def _states(stream: StreamState, at: datetime) -> Iterator[Json]:
    """Each state that the case was in; an act entered late may leave one no time.

    One that ends the case takes none, until something follows it.
    """
    moves = [one for one in stream.effective() if one.state_after != one.state_before]
    for n, entry in enumerate(moves):
        after = moves[n + 1] if n + 1 < len(moves) else None
        since = entry.act.occurred_at
        over = after is None and entry.state_after in ENDED
        until = at if after is None else after.act.occurred_at
        until = since if over else until
        vi, en = life_cycle_of(entry.edition).labels.get(entry.state_after or "", (None, None))
        yield {
            "state": entry.state_after,
            "vi": vi,
            "en": en,
            "act_id": entry.act.act_id,
            "since": fmt_time(since),
            "until": None if after is None and not over else fmt_time(until),
            "took_s": _seconds(since, until),
        }


def _step(
    run: ClockRun, stream: StreamState, registry: Registry, at: datetime, handler: str | None
) -> Json:
    begun_by = stream.entries[run.act_id]
    vi, en = life_cycle_of(begun_by.edition).clock_labels[run.code]
    day, today = local_day(run.started_at), local_day(at)
    end = _end(run, at)
    took = _seconds(run.started_at, end)
    allowed = None if run.due is None else _seconds(run.started_at, run.due)
    late = 0 if run.due is None or run.code in WINDOWS else _seconds(run.due, end)
    return {
        "code": run.code,
        "vi": vi,
        "en": en,
        "act_id": run.act_id,
        "act": begun_by.act.act,
        "sub_process": run.sub,
        "bodies": [_body(one, day, today, registry) for one in asked(run, stream, handler)],
        "since": local_time(run.started_at),
        "due": None if run.due is None else local_time(run.due),
        "until": None if run.live else local_time(end),
        "ended_by": run.stopped_by,
        "status": run.status,
        "took_s": took,
        "allowed_s": allowed,
        "percent": None if not allowed else 100 * took // allowed,
        "late_s": late,
        "source": run.source,
        "source_kind": run.kind,
        "certainty": run.certainty,
    }


def _end(run: ClockRun, at: datetime) -> datetime:
    """Until when a run has taken: to the act that ended it, of a window to its end, or to now."""
    if run.stopped_at is not None:
        return run.stopped_at
    return run.due if run.due is not None and run.status == "ENDED" else at


def _body(agency: str, day: date, today: date, registry: Registry) -> Json:
    return {"agency": agency, "label": registry.label(agency, day, max(day, today))}


def _seconds(start: datetime, end: datetime) -> int:
    return max(0, int((end - start).total_seconds()))


def _longest(steps: Sequence[Json]) -> Json | None:
    """The step that took most of what it was given, of those with a limit; windows are no steps."""
    found = [one for one in steps if one["percent"] is not None and one["code"] not in WINDOWS]
    if not found:
        return None
    most = max(found, key=lambda one: one["percent"])
    return {"code": most["code"], "act_id": most["act_id"], "percent": most["percent"]}
