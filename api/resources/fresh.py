"""Freshness and the past: `at_least`, `Prefer: wait`, moments as queries name them (api.md §6)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from api.problems import Problem
from api.resources.request import enclave, malformed, wait_s
from ledger.regulation.shape import parse_time


def require(asked: Mapping[str, Any], *views: str) -> None:
    """Waits until the views have folded `at_least`; never an old answer that looks new.

    Raises:
        Problem: `projection_late`.
    """
    at_least = asked.get("at_least")
    if at_least is None:
        return
    reached = enclave().inquiry.wait(at_least, float(wait_s() or 0), *views)
    if reached < at_least:
        raise Problem("projection_late", members={"index": reached}, headers={"Retry-After": "1"})


def moment(text: str | None, name: str = "as_of") -> int | datetime | None:
    """An index or a time; None where none is asked for."""
    if text is None:
        return None
    if text.isdigit():
        return int(text)
    try:
        return parse_time(text)
    except ValueError as error:
        raise malformed(name, "không có thời điểm này", "there is no such moment") from error
