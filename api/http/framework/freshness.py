"""Freshness: `at_least` and `Prefer: wait` (http.md §6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from api.http.framework.request_context import host, malformed, wait_s
from api.http.framework.thread_budget import held
from api.problems.problem import Problem
from ledger.message import Message

_SOON_S: Final = 1.0
_AUDIENCE: Final = "audience"
"""Folded by a loop of its own: a row of another view is seen once this one has its record too."""


def require(params: Mapping[str, Any], *views: str) -> None:
    """Waits until the views have folded `at_least`; never an old answer that looks new.

    Who takes part by that record must be known too: what is not for the caller *yet* would be
    missing as if it never was.

    Raises:
        Problem: `projection_late`; `malformed_request`: the log has no such index.
    """
    at_least = params.get("at_least")
    if at_least is None:
        return
    reached = waited(at_least, *views)
    if reached < at_least:
        require_in_log("at_least", at_least)
        raise late(index=reached)


def require_in_log(name: str, index: int) -> None:
    """That the log has this index; whoever waited for another would wait for ever.

    Args:
        name: Of the parameter.
        index: As it was asked.

    Raises:
        Problem: `malformed_request`.
    """
    if index > host().queries.positions.index():
        raise malformed(
            name,
            Message("the log does not reach this index; has it been put back to an older state?"),
        )


def require_all_of(size: int, *views: str) -> None:
    """That the views have all of a log of this size, for an answer that says it is of all of it.

    Nobody asked for it by name: it is waited for, a second at least.

    Raises:
        Problem: `projection_late`.
    """
    reached = waited(size - 1, *views)
    if reached < size - 1:
        reached = host().queries.positions.wait(size - 1, _SOON_S, *views, _AUDIENCE)
    if reached < size - 1:
        raise late(index=reached)


def late(**members: int) -> Problem:
    """The problem of an answer that a view is too far behind for."""
    return Problem("projection_late", members=members, headers={"Retry-After": "1"})


def waited(index: int, *views: str) -> int:
    """The index reached, once it is this one or the caller has waited as long as preferred.

    Raises:
        Problem: `unavailable`: too many wait already.
    """
    if views:
        views = (*views, _AUDIENCE)
    reached, wait = host().queries.positions.index(*views), wait_s()
    if reached >= index or not wait:
        return reached
    with held():
        return host().queries.positions.wait(index, float(wait), *views)


def await_audience() -> None:
    """Waits until it is known who takes part by every record there is now.

    A second at most, and whoever prefers to wait as long as that.

    Raises:
        Problem: `unavailable`: too many wait already.
    """
    positions, wait = host().queries.positions, float(wait_s() or 0)
    index = positions.index()
    if positions.wait(index, _SOON_S, _AUDIENCE) < index and wait:
        with held():
            positions.wait(index, wait, _AUDIENCE)
