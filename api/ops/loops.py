"""The two loops beside the API, each a process until SIGTERM: checkpointer and projector.

Not: how they are wired (`wiring`), nor what they do with a record.
"""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from threading import Event, Thread
from types import FrameType
from typing import Final

from api.home import Home
from api.ops.child_processes import end_with_any_thread
from api.ops.keeper.serving import KeeperSocket
from api.ops.machine import RealClock
from api.ops.patience import once_there
from api.ops.reads.which_log import ACTS, READS, WhichLog
from api.ops.vault.metrics import VaultMetrics
from api.ops.wiring.checkpointer import open_checkpointer
from api.ops.wiring.keeper import open_keeper
from api.ops.wiring.key_files import log_signers, required_kek
from api.ops.wiring.projector import open_projector
from api.ops.wiring.vault import open_vault
from api.settings import Settings
from api.texts.catalogue import translate
from ledger.checkpoints.seen_file import DoubtMark
from ledger.errors import Doubt, Fatal, LedgerError, Unavailable
from ledger.log.moment import stamp
from ledger.message import Message, Text, Wording
from projections.engine.last_holder import LastHolder

ON_DOUBT: Final = 70
"""Exit status of a loop that found memory and store in disagreement: nobody restarts it unseen."""

_HOLDER: Final = "projector.holder"
"""Beside the lock of the role: the memory may be another home's as well."""
_told_before: Final[list[int]] = []
"""By which signals, since `leave_when_told`."""
_LOOK_S: Final = 0.2
_AGAIN_S: Final = 2.0
_RECKON_LOOK_S: Final = 2.0

_log = logging.getLogger("socai.roles")


def until_told() -> Event:
    """An event that SIGTERM, SIGINT and SIGHUP set, and whatever ends a thread of this process.

    A thread of its own sets it: a handler runs in the main thread, which may hold the event's lock
    as it begins to wait, and would wait for itself for ever. Who puts something in waits for none.
    """
    stop, told = Event(), SimpleQueue[None]()

    def tell(_signal: int, _frame: FrameType | None) -> None:
        told.put(None)

    def hear() -> None:
        told.get()
        stop.set()

    Thread(target=hear, name="told", daemon=True).start()
    _when_told(tell)
    signal.signal(signal.SIGINT, tell)
    end_with_any_thread()
    if _told_before:
        told.put(None)
    return stop


def leave_when_told() -> None:
    """Before `until_told`: SIGTERM and SIGHUP end this process in order, with all it has begun.

    Where it is told within a destructor or a callback, what is raised there is lost: then what
    `until_told` returns is set from the beginning.
    """
    _told_before.clear()

    def leave(number: int, _frame: FrameType | None) -> None:
        _told_before.append(number)
        sys.exit(0)

    _when_told(leave)


def _when_told(then: Callable[[int, FrameType | None], object]) -> None:
    """A terminal that is closed tells by SIGHUP, unless somebody said that this outlives it."""
    signal.signal(signal.SIGTERM, then)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup leaves it
        signal.signal(signal.SIGHUP, then)


def checkpoint(settings: Settings, stop: Event) -> int:
    """Signs checkpoints of both logs until told to stop; its exit status.

    A stop on doubt leaves a mark: who starts it again, by hand or by a supervisor, starts nothing.
    Where the log of reads stops on doubt that of acts goes on, and the status is that of the
    latter; once an operator has resumed that of reads it is signed on. Whatever else ends the
    signing of reads ends both, and is raised here.
    """
    over, ended = Event(), list[Exception]()

    def sign_reads() -> None:
        try:
            while sign(settings, over, READS) == ON_DOUBT and _resumed(settings, over):
                _log.warning("the log of reads is no more in doubt, and is signed on")
        except Exception as error:  # noqa: BLE001  raised below, in the thread that is waited for
            ended.append(error)
            stop.set()

    reads = Thread(target=sign_reads, name="reads", daemon=True)
    reads.start()
    try:
        status = sign(settings, stop, ACTS)
    finally:
        over.set()
        reads.join()
    if ended and status != ON_DOUBT:
        raise ended[0]
    return status


def sign(settings: Settings, stop: Event, which: WhichLog) -> int:
    """Signs checkpoints of one log until told to stop; its exit status."""
    mark = DoubtMark(Home(settings).seen_folder(which.seen))
    if _stopped(mark, f"checkpointer of the log of {which.name}"):
        return ON_DOUBT
    if which is READS and not Home(settings).key_path(READS.keys[0]).exists():
        _log.error("the log of reads has no key here, so nothing of it is signed: socai migrate")
        return 0
    signers = log_signers(settings, which=which)
    opened = once_there(
        partial(open_checkpointer, settings, which=which, signers=signers),
        stop,
        f"the checkpointer of the log of {which.name}",
    )
    if opened is None:
        return 0
    checkpointer, pool = opened
    try:
        checkpointer.run(stop)
    except Fatal as error:
        _log.exception(
            "the checkpointer of the log of %s stops on doubt; nothing more of it is signed until"
            " %s`socai log resume`",
            which.name,
            "`socai log remember FILE`, then " if _unseen(error) else "",
        )
        _leave(mark, error)
        return ON_DOUBT
    finally:
        pool.close()
    return 0


def project(settings: Settings, stop: Event) -> int:
    """Keeps every view up until told to stop; its exit status.

    By whoever holds the lock of the role: it takes over at once from the one before it.

    A stop on doubt leaves a mark, as the checkpointer's does.

    Raises:
        Fatal: The views are not this program's, which `socai migrate` mends.
    """
    mark = DoubtMark(Home(settings).seen_folder("projector"))
    if _stopped(mark, "projector"):
        return ON_DOUBT
    kek = required_kek(settings)
    last = LastHolder(settings.home / _HOLDER)
    opened = once_there(
        partial(open_projector, settings, kek=kek, last=last), stop, "the projector"
    )
    if opened is None:
        return 0
    projector, notices, pool = opened
    try:
        projector.run(stop, notices)
    except Doubt as error:
        _log.exception("the projector stops on doubt; no view moves until `socai log resume`")
        _leave(mark, error)
        return ON_DOUBT
    finally:
        pool.close()
    return 0


def keep_vault(settings: Settings, stop: Event) -> int:
    """Does what the vault is asked until told to stop; its exit status.

    R's key and what was opened stand in this process's memory alone.

    Raises:
        SettingsError: The vault is not founded here, or its key does not open.
    """
    vault, pool, metrics = open_vault(settings)
    try:
        while not stop.is_set():
            if metrics is not None:
                _tell(metrics)
            try:
                busy = vault.step()
            except Unavailable:
                _log.warning(
                    "the vault does not reach its database, and tries again: requests wait until"
                    " that is back"
                )
                stop.wait(_AGAIN_S)
                continue
            if not busy:
                stop.wait(_LOOK_S)
    finally:
        pool.close()
    return 0


def _tell(metrics: VaultMetrics) -> None:
    try:
        metrics.tell()
    except OSError as error:
        _log.warning(
            "the vault's metrics cannot be written, mend what SOCAI_METRICS_FILE names: %s",
            error.strerror,
        )


def keep(settings: Settings, stop: Event) -> int:
    """Opens wraps for the processes beside it until told to stop; its exit status.

    The KEK stands in its memory. A difference that it finds stops every open and not the process,
    so that readiness says so.

    Raises:
        SettingsError: The KEK does not open.
    """
    opened = once_there(
        partial(open_keeper, settings, kek=required_kek(settings)), stop, "the keeper"
    )
    if opened is None:
        return 0
    keeper, kek, pool = opened
    listening = None
    try:
        while not stop.is_set():
            try:
                keeper.reckon_if_due()
            except Unavailable:
                _log.warning(
                    "the keeper does not reach its database, and tries again: nothing is opened"
                    " until that is back"
                )
            else:
                listening = listening or KeeperSocket(settings.keeper_socket, keeper)
            if keeper.doubt is not None:
                _log.error("%s", keeper.doubt)
            kek.look()
            stop.wait(_RECKON_LOOK_S)
    finally:
        if listening is not None:
            listening.close()
        pool.close()
    return 0


def _resumed(settings: Settings, over: Event) -> bool:
    """Waits until the operator has taken the mark of reads away; False where told to stop."""
    mark = DoubtMark(Home(settings).seen_folder(READS.seen))
    while not over.wait(_AGAIN_S):
        if mark.reason() is None:
            return True
    return False


def _unseen(error: Fatal) -> bool:
    return isinstance(error, Doubt) and error.kind == "unseen"


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
