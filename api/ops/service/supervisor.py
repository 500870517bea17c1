"""Runs the processes of one enclave and starts a killed one again.

API (gunicorn), checkpointer and projector are child processes; they end with their parent, however
it ends. A loop that stopped on doubt is not started again, nor one whose token refused the PIN, nor
what cannot start as things are set when it is first started. Not: what the processes do.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Any, Final

import httpx

from api.client.connection import trusted
from api.ops.child_processes import BARRED, GRACE_S, MISUSED, end_group, end_with_parent, python
from api.ops.home_notes import RUNNING, forget_running, url_of, write_running
from api.ops.loops import ON_DOUBT
from api.ops.role_lock import Lock
from api.ops.service.database_watch import DatabaseWatch
from api.ops.service.fork_server import ForkServer, Process
from api.ops.service.listening_socket import listen, require_free
from api.ops.service.roles import API, DATABASE, ROLES, command
from api.settings import Settings, SettingsError, child_environment
from api.version import VERSION, installed
from ledger.message import Message, Text

_STEP_S: Final = 0.2
_LEAST_PAUSE_S: Final = 0.1
_MOST_PAUSE_S: Final = 5.0
_CALM_S: Final = 20.0
_ANSWERED_S: Final = GRACE_S + 0.1
"""How long the API may take to answer what is under way, once it is told to stop, and to end."""
_LOOPS_S: Final = 0.4
"""How long the loops may take after it; each is killed at any point without harm."""
_HEARS_S: Final = 0.2
"""However late the others were: a server that is well is not killed unheard."""
_DATABASE_S: Final = 1.6
"""When the database is waited for no longer: to kill one that hangs takes until two seconds."""
_ASK_S: Final = 2.5
_SHOWN: Final = 600
_NOT_STARTED: Final = Message(
    "{role} cannot be started again now, and is tried again every {n} s: {why}. Where that is said"
    " of resources or memory, this account or its container may start no more processes: raise"
    " that limit (ulimit -u, TasksMax, pids)."
)
_MIXED: Final = Message(
    "socai {new} was installed where {old} runs: what is started from now on is {new}, beside"
    " {old}. Run socai serve again."
)
_AGAIN_S: Final = 0.1
_LOADED_S: Final = 20.0
"""How long the first start waits for the fork server; to be started without it costs more."""
_KILLED_S: Final = 5.0
"""How long the port may be held by what is left of an earlier run that was killed."""


class NotReady(Exception):
    """The processes were started and are not ready; the text says which and what they said last.

    Attributes:
        answer: What readiness answered last; None: nothing did.
    """

    def __init__(self, said: str, answer: httpx.Response | None = None) -> None:
        super().__init__(said)
        self.answer = answer


class CannotStart(SettingsError):
    """A process ended as it first started, since a setting, secret or key of it will not do.

    It said which. No other start mends that, so whoever runs the processes ends too.
    """

    def __init__(self, role: str) -> None:
        super().__init__(
            Message(
                "{role} cannot start, and said why above; mend that, then run socai serve again",
                role=role,
            )
        )


@dataclass(slots=True)
class _Child:
    role: str
    process: Process
    started: float
    falls: int = 0
    again: bool = False
    again_at: float | None = None
    given_up: bool = False


@dataclass(slots=True)
class Supervisor:
    """The processes of one enclave.

    Args:
        settings: What the processes are told; `port` is where the API listens.
        output: Where their output goes; None: this process's own standard error.
        tell: Called with (role, status, again) when one has ended unasked.
        say: Called with a sentence about the database, from another thread too.
        lang: What the processes say to a person in; None: the locale's.
    """

    settings: Settings
    output: Path | None = None
    tell: Callable[[str, int, bool], None] = lambda _role, _status, _again: None
    say: Callable[[Text], None] = lambda _text: None
    lang: str | None = None
    _children: dict[str, _Child] = field(default_factory=dict)
    _database: DatabaseWatch = field(init=False)
    _forks: ForkServer = field(init=False)
    _lock: Lock | None = None
    _listener: socket.socket | None = None
    _told: float | None = None
    _several: bool = False
    _installed: str = VERSION

    def __post_init__(self) -> None:
        """Its database is looked after as long as the processes are."""
        ended = partial(self.tell, DATABASE, -1, True)  # noqa: FBT003  see `tell`
        self._database = DatabaseWatch(self.settings, ended, self.say)
        self._forks = ForkServer(self._begin)

    @property
    def left_s(self) -> float:
        """How long the database may take to hear that it is to stop, once all others have."""
        since = 0.0 if self._told is None else monotonic() - self._told
        return max(_HEARS_S, _DATABASE_S - since)

    @property
    def url(self) -> str:
        """Base of the API."""
        port = self._listener.getsockname()[1] if self._listener else self.settings.port
        return url_of(self.settings.host, port)

    def branch_off(self) -> None:
        """Forks the fork server off a command that has opened nothing yet, before all else.

        Raises:
            Became: In what was forked.
        """
        self._forks.branch_off(child_environment(self.settings))

    def claim(self, roles: Sequence[str] = ROLES) -> None:
        """Takes what only one can have: the roles in this home, and the API's port.

        Nothing is started yet, so that who comes second disturbs nothing.

        Raises:
            SettingsError: Somebody else has it.
        """
        if self._lock is not None:
            return
        lock = Lock(self.settings.home)
        lock.take(*roles)
        try:
            if API in roles:
                self._listener = self._listen()
        except SettingsError:
            lock.close()
            raise
        self._lock = lock
        self._several = len(roles) > 1
        self._mend_forks()

    def start(self, roles: Sequence[str] = ROLES, stop: Event | None = None) -> None:
        """Starts the processes; they may not answer yet. None, where it is told to stop before.

        Raises:
            SettingsError: As `claim`.
        """
        self.claim(roles)
        deadline, told = monotonic() + _LOADED_S, stop or Event()
        while self._forks.loads and monotonic() < deadline and not told.is_set():
            self._forks.await_loaded(_STEP_S)
        if told.is_set():
            return
        for role in roles:
            self._children[role] = self._spawn(role)
        write_running(self.settings, self.url)

    def watch(self, stop: Event) -> None:
        """Starts ended processes again until told to stop, then stops them all.

        Raises:
            CannotStart: As `mend`.
        """
        try:
            while not stop.wait(_STEP_S):
                self.mend()
        finally:
            self.stop()

    def mend(self) -> None:
        """Looks at every process; one that has ended starts again (`pause_s`).

        Raises:
            CannotStart: One cannot, and never could.
        """
        self._database.mend()
        self._mend_forks()
        for child in list(self._children.values()):
            status = child.process.poll()
            if status is None or child.given_up:
                continue
            if child.again_at is None:
                self._fell(child, status)
            elif monotonic() >= child.again_at:
                try:
                    fresh = self._spawn(child.role)
                except OSError as error:  # the others are well, and go on
                    child.again_at = monotonic() + _MOST_PAUSE_S
                    why = error.strerror
                    self.say(_NOT_STARTED.filled(role=child.role, n=int(_MOST_PAUSE_S), why=why))
                    continue
                fresh.falls, fresh.again = child.falls, True
                self._children[child.role] = fresh

    def wait_ready(self, timeout_s: float = 60.0, stop: Event | None = None) -> None:
        """Waits until the API says that everything is ready, or until told to stop.

        Raises:
            NotReady: It does not, or a process stopped on doubt.
            CannotStart: As `mend`.
        """
        deadline, told = monotonic() + timeout_s, stop or Event()
        asking = _Asking(self.url, self.lang)
        asking.start()
        try:
            while monotonic() < deadline and not told.is_set():
                self.mend()
                dead = [c.role for c in self._children.values() if c.given_up]
                if dead and asking.last is not None:  # what only shows goes on without them
                    said = ": ".join(filter(None, (", ".join(dead), self.tail())))
                    raise NotReady(said, asking.last)
                if asking.ready.wait(_STEP_S) and not dead:
                    return
        finally:
            asking.over.set()
        if not told.is_set():
            last = asking.last
            said = "no answer" if last is None else last.text[:_SHOWN]
            raise NotReady(f"{said} {self.tail()}".strip(), last)

    def stop(self) -> None:
        """Ends every process: asked first, killed where it does not hear.

        The API comes first: what it was asked before needs the others to be answered.
        """
        self._told = self._told or monotonic()
        self._forks.close()
        children = {role: child.process for role, child in self._children.items()}
        self._children = {}
        api = [process for role, process in children.items() if role == API]
        _end(api, _ANSWERED_S)
        _end([process for process in children.values() if process not in api], _LOOPS_S)
        if children:
            forget_running(self.settings)
        self._database.break_off(_LOOPS_S)
        self._let_go()

    def tail(self) -> str:
        """The last words of the processes, where they were kept."""
        if self.output is None or not self.output.exists():
            return ""
        lines = self.output.read_text("utf-8", "replace").splitlines()
        return " | ".join(lines[-6:])

    def _mend_forks(self) -> None:
        """One role alone imports what it needs itself, and nothing beside."""
        if self._several:
            self._forks.mend()

    def _listen(self) -> socket.socket:
        settings = self.settings
        if settings.metrics_port:
            require_free(settings.host, settings.metrics_port)
        killed = (settings.home / RUNNING).exists()
        patience_s = _KILLED_S if killed else 0.0
        return listen(settings.host, settings.port, patience_s=patience_s)

    def _let_go(self) -> None:
        if self._listener is not None:
            self._listener.close()
        if self._lock is not None:
            self._lock.close()
        self._listener = self._lock = None

    def _fell(self, child: _Child, status: int) -> None:
        end_group(child.process.pid)
        lived_s = monotonic() - child.started
        first = not child.again and lived_s < _CALM_S
        alone = status == BARRED and not self._several  # nothing goes on that would be ended
        if (first and status in (MISUSED, BARRED)) or alone:
            raise CannotStart(child.role)
        child.falls = 1 if lived_s > _CALM_S else child.falls + 1
        child.given_up = status in (ON_DOUBT, BARRED)
        child.again_at = monotonic() + pause_s(child.falls, lived_s)
        if child.given_up and child.role == API and self._listener is not None:
            self._listener.close()  # whoever connects hears that nobody answers, and waits for none
            self._listener = None
        self.tell(child.role, status, not child.given_up)

    def _spawn(self, role: str) -> _Child:
        listener = self._listener.fileno() if role == API and self._listener else None
        words = command(role, self.lang)
        process: Process | None = self._forks.fork(words, listener)
        if process is None:
            given = [] if listener is None else [listener]
            process = self._begin(python("-m", *words, *map(str, given)), given)
        return _Child(role, process, monotonic())

    def _begin(self, words: Sequence[str], handles: Sequence[int]) -> subprocess.Popen[bytes]:
        """From the files as they are now, which another version may have taken the place of."""
        found = installed() or self._installed
        if found != self._installed:
            self._installed = found
            if found != VERSION:
                self.say(_MIXED.filled(new=found, old=VERSION))
        with contextlib.ExitStack() as stack:
            output: Any = None
            if self.output is not None:
                self.output.parent.mkdir(parents=True, exist_ok=True)
                output = stack.enter_context(self.output.open("ab"))
            return subprocess.Popen(  # noqa: S603  our own modules, nothing from outside
                words,
                pass_fds=handles,
                env=child_environment(self.settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output is not None else None,
                start_new_session=True,
                preexec_fn=end_with_parent,  # noqa: PLW1509  one system call, no lock
            )


class _Asking(Thread):
    """Asks the API whether it is ready, beside whoever waits for that and may be told to stop.

    Attributes:
        ready: It is.
        over: Set by whoever waits no longer.
        last: What it answered last; None: nothing.
    """

    def __init__(self, url: str, lang: str | None) -> None:
        super().__init__(name="asking", daemon=True)
        self._url, self.ready, self.over = url, Event(), Event()
        spoken = {} if lang is None else {"Accept-Language": lang}
        # refused to who waits
        self._http = httpx.Client(timeout=_ASK_S, verify=trusted(url), headers=spoken)
        self.last: httpx.Response | None = None

    def run(self) -> None:
        """Again and again."""
        with self._http as http:
            while not self.over.wait(_AGAIN_S):
                with contextlib.suppress(httpx.TransportError):
                    self.last = http.get(f"{self._url}/health/ready")
                    if self.last.status_code == httpx.codes.OK:
                        self.ready.set()
                        return


def pause_s(falls: int, lived_s: float) -> float:
    """How long until an ended process starts again: starts are rare, not answers.

    What dies as it starts is started ever less often, up to every five seconds. What had worked for
    as long as that was killed by somebody else, and nobody waits for it longer than need be.

    Args:
        falls: How often it ended in a row, each time within twenty seconds; 1 at first.
        lived_s: From its last start to its end.
    """
    between = min(_MOST_PAUSE_S, _LEAST_PAUSE_S * (1 << min(falls - 1, 16)))
    return max(_LEAST_PAUSE_S, between - lived_s)


def _end(processes: Sequence[Process], grace_s: float) -> None:
    """Ends processes that hear within some time, and kills the others with what they started."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
    deadline = monotonic() + grace_s
    for process in processes:
        try:
            process.wait(max(0.0, deadline - monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        end_group(process.pid)
