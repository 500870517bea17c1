"""Threads that clients may hold: half of a process, for slow bodies, waits and slow readers alike.

The other half serves whoever asks properly, however many there are of the first kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import request

from api.problems import Problem


@contextmanager
def held() -> Iterator[None]:
    """Counts this thread among those while it waits for its client (`api.worker.Outgoing`).

    Raises:
        Problem: `unavailable`: half of the threads are held already.
    """
    room = getattr(request.environ.get("gunicorn.socket"), "room", None)
    if room is None:
        yield  # not our worker: nobody counts
        return
    if not room.acquire(blocking=False):
        raise Problem("unavailable", headers={"Retry-After": "2"})
    try:
        yield
    finally:
        room.release()
