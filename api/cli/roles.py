"""The two loops beside the API, each a process until SIGTERM: sealer and projector.

Not: how they are wired (`bootstrap`), nor what they do with a record.
"""

from __future__ import annotations

import logging
import signal
from threading import Event
from types import FrameType
from typing import Final

from api.bootstrap import open_projector, open_sealer
from api.settings import Settings
from ledger.errors import Fatal

ON_DOUBT: Final = 70
"""Exit status of a loop that found memory and store in disagreement: nobody restarts it unseen."""

_log = logging.getLogger("socai.roles")


def until_told() -> Event:
    """An event that SIGTERM and SIGINT set."""
    stop = Event()

    def tell(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, tell)
    signal.signal(signal.SIGINT, tell)
    return stop


def seal(settings: Settings, stop: Event) -> int:
    """Seals until told to stop; its exit status."""
    sealer, pool = open_sealer(settings)
    try:
        sealer.run(stop)
    except Fatal:
        _log.exception("the sealer stops on doubt; nothing more is signed until an audit says why")
        return ON_DOUBT
    finally:
        pool.close()
    return 0


def project(settings: Settings, stop: Event) -> int:
    """Keeps every view up until told to stop; its exit status."""
    projector, notices, pool = open_projector(settings)
    try:
        projector.run(stop, notices)
    except Fatal:
        _log.exception("the projector stops: the database is not of this program")
        return ON_DOUBT
    finally:
        pool.close()
    return 0
