"""Threads that clients may hold: half of a process, for slow bodies, waits and slow readers alike.

The other half serves whoever asks properly, however many there are of the first kind. One officer,
or one address where nobody has signed in, has no more of the first half than it leaves free
(`api.http.client_shares.Room`): officers behind one address share nothing with each other or with
strangers there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import request

from api.http.client_shares import Room
from api.problems.problem import Problem


@contextmanager
def held() -> Iterator[None]:
    """Counts this thread among those while it waits for its client (`api.http.worker.Outgoing`).

    Raises:
        Problem: `unavailable`: half of the threads are held, or enough of these by this client.
    """
    link = request.environ.get("gunicorn.socket")
    room: Room | None = getattr(link, "room", None)
    if link is None or room is None:
        yield  # not our worker: nobody counts
        return
    client = link.client
    if not room.take(client):
        raise Problem("unavailable", headers={"Retry-After": "2"})
    try:
        yield
    finally:
        room.leave(client)
