"""The embedded server under a service: started again once it has ended, named where it hangs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from time import monotonic
from typing import Final

from api.ops import database
from api.ops.embedded_postgres import EmbeddedError
from api.settings import Settings, SettingsError
from ledger.message import Message, Text

_LOOK_S: Final = 0.5
_ASK_S: Final = 5.0
"""How often it is asked something, beside whether it takes connections."""
_SILENT_S: Final = 15.0
"""After how long without an answer it hangs: longer than it waits for a disk that is busy."""
_AGAIN_S: Final = 60.0
"""How often the same is said."""
_PAUSE_S: Final = 5.0
"""Between two starts, where one fails."""
_BROKEN_OFF_S: Final = 0.2
_HANGS: Final = Message(
    "The database takes connections and has not answered for {n} s: it hangs, or its disk does."
    " Nothing is recorded or shown meanwhile. Look at the disk; if it goes on, end socai serve,"
    " which kills it, and start it again: what was recorded stands."
)
_BACK: Final = Message("The database answers again.")
_NOT_STARTED: Final = Message(
    "The database does not start, and is tried again every few seconds: {why}"
)


class DatabaseWatch:
    """The embedded server under a service, which has it looked after every now and then.

    One that hangs is not killed: a disk that hangs is not mended by that, and one that is only slow
    would have to recover as well (ADR 102). Whoever ends the service ends it too.

    Args:
        settings: Of the home; nothing is done where its database is another server.
        ended: Called when it has ended and is started again.
        say: Called with a sentence for whoever operates it, from another thread too.
    """

    def __init__(
        self, settings: Settings, ended: Callable[[], None], say: Callable[[Text], None]
    ) -> None:
        self._settings, self._ended, self._say = settings, ended, say
        self._beside: Thread | None = None
        self._over = Event()
        self._down = False
        self._next_look = 0.0
        self._next_ask = monotonic() + _ASK_S
        self._answered = monotonic()
        self._hangs = False
        self._say_again = 0.0

    def mend(self) -> None:
        """Looks whether it is there, and has it started again; what it had committed is there.

        While it recovers, whoever else has ended is started again.
        """
        if monotonic() < self._next_look or (self._beside is not None and self._beside.is_alive()):
            return
        self._next_look = monotonic() + _LOOK_S
        with suppress(EmbeddedError, SettingsError):
            was, self._down = self._down, database.embedded_down(self._settings)
            if self._down:
                if not was:
                    self._ended()
                self._begin(self._start)
            elif was:  # whoever started it
                self._answered = monotonic()
            elif monotonic() >= self._next_ask:
                self._next_ask = monotonic() + _ASK_S
                self._begin(self._ask)

    def break_off(self, within_s: float) -> None:
        """A server that starts would outlive whoever stops it; nobody needs it any more.

        Args:
            within_s: How long a start that has begun may take to hear it.
        """
        self._over.set()
        if self._beside is None or not self._down:
            return
        self._beside.join(within_s)
        while self._beside.is_alive():  # also one that is not there to be ended yet
            database.break_off(self._settings)
            self._beside.join(_BROKEN_OFF_S)

    def _begin(self, what: Callable[[], None]) -> None:
        self._over.clear()
        beside = Thread(target=what, name="database", daemon=True)
        with suppress(RuntimeError):  # where no thread may be started it is tried at the next look
            beside.start()
            self._beside = beside

    def _start(self) -> None:
        try:
            database.running_facts(self._settings, self._over)
        except (EmbeddedError, SettingsError, OSError) as error:
            self._next_look = monotonic() + _PAUSE_S
            if not self._over.is_set():
                self._said_once(_NOT_STARTED.filled(why=error))

    def _ask(self) -> None:
        try:
            answers = database.embedded_answers(self._settings)
        except EmbeddedError:  # its folder is taken away: nobody serves it any more
            return
        if answers:
            if self._hangs:
                self._say(_BACK)
            self._hangs, self._answered = False, monotonic()
            return
        silent_s = monotonic() - self._answered
        if silent_s >= _SILENT_S:
            self._hangs = True
            self._said_once(_HANGS.filled(n=round(silent_s)))

    def _said_once(self, text: Text) -> None:
        if monotonic() >= self._say_again:
            self._say_again = monotonic() + _AGAIN_S
            self._say(text)
