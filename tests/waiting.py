"""Waiting in tests: for what comes sooner or later, as long as a busy machine may take."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from time import monotonic, sleep
from typing import Final, TypeVar

_T = TypeVar("_T")
_PATIENCE_S: Final = 120.0


def until(
    true: Callable[[], object],
    otherwise: str = "it did not come",
    *,
    patience_s: float = _PATIENCE_S,
    step_s: float = 0.01,
) -> None:
    """Asks again and again until it is so. Raises: AssertionError: it is not, in all that time."""
    end = monotonic() + patience_s
    while not true():
        assert monotonic() < end, otherwise
        sleep(step_s)


def started(do: Callable[[], _T]) -> Future[_T]:
    """In a thread that nobody waits for in the end: who is left waiting fails the test, no more."""
    told: Future[_T] = Future()

    def run() -> None:
        try:
            told.set_result(do())
        except BaseException as error:  # noqa: BLE001 - as an executor does
            told.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return told
