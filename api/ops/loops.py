"""The two loops beside the API, each a process until SIGTERM: checkpointer and projector.

Not: how they are wired (`wiring`), nor what they do with a record.
"""

from __future__ import annotations

import logging
import signal
from threading import Event
from types import FrameType
from typing import Final

from api.ops.machine import RealClock
from api.ops.wiring import open_checkpointer, open_projector
from api.settings import Home, Settings
from api.texts.catalogue import translate
from ledger.checkpoints.seen_file import DoubtMark
from ledger.errors import Doubt, Fatal, LedgerError
from ledger.log.moment import stamp
from ledger.message import Message, Text, Wording

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


def checkpoint(settings: Settings, stop: Event) -> int:
    """Signs checkpoints until told to stop; its exit status.

    A stop on doubt leaves a mark: who starts it again, by hand or by a supervisor, starts nothing.
    """
    mark = DoubtMark(Home(settings).seen_folder("checkpointer"))
    if _stopped(mark, "checkpointer"):
        return ON_DOUBT
    checkpointer, pool = open_checkpointer(settings)
    try:
        checkpointer.run(stop)
    except Fatal as error:
        _log.exception(
            "the checkpointer stops on doubt; nothing more is signed until `socai log resume`"
        )
        _leave(mark, error)
        return ON_DOUBT
    finally:
        pool.close()
    return 0


def project(settings: Settings, stop: Event) -> int:
    """Keeps every view up until told to stop; its exit status.

    A stop on doubt leaves a mark, as the checkpointer's does.

    Raises:
        Fatal: The views are not this program's, which `socai migrate` mends.
    """
    mark = DoubtMark(Home(settings).seen_folder("projector"))
    if _stopped(mark, "projector"):
        return ON_DOUBT
    projector, notices, pool = open_projector(settings)
    try:
        projector.run(stop, notices)
    except Doubt as error:
        _log.exception("the projector stops on doubt; no view moves until `socai log resume`")
        _leave(mark, error)
        return ON_DOUBT
    finally:
        pool.close()
    return 0


def _stopped(mark: DoubtMark, role: str) -> bool:
    reason = mark.reason()
    if reason is not None:
        _log.error(
            "the %s stopped on doubt and stays so until `socai log resume`: %s", role, reason
        )
    return reason is not None


def _leave(mark: DoubtMark, error: Fatal) -> None:
    """Marks why it stopped; where even that fails the memory itself still says it."""
    at = stamp(RealClock().now())
    why: Text = Message("database and program do not agree: {error}", error=error)
    if isinstance(error, Doubt):
        why = error.text
    try:
        mark.leave(Wording(f"{at} {translate(why, 'vi')}", f"{at} {error}"))
    except LedgerError:
        _log.exception("no mark of doubt could be left")
