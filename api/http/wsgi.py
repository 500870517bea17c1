"""gunicorn over one enclave: `python -m api.http.wsgi [FD]`, settings from the environment.

`gthread` workers, as many as cores up to four, with threads enough to wait for proofs and commit in
groups. Each worker opens its own pools after the fork. Metrics of all workers stand on one port. FD
is a listening socket that whoever starts this has taken already.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from contextlib import ExitStack, closing, suppress
from functools import partial
from http.client import HTTPConnection, HTTPException
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final, NoReturn

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from gunicorn.errors import AppImportError, HaltServer  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from api.home import Home
from api.http import traces
from api.http.framework.read_budget import Budgets
from api.http.turns import Turns
from api.http.worker import ProblemWorker
from api.loading import collect_rarely, loading
from api.ops.child_processes import (
    BARRED,
    GRACE_S,
    MISUSED,
    end_with_any_thread,
    end_with_parent,
    status_of,
)
from api.ops.metrics_folder import metrics_folder
from api.ops.patience import once_there
from api.ops.role_lock import Lock
from api.ops.service.listening_socket import listen
from api.peer import Proxies
from api.settings import Settings, SettingsError, share_metrics
from api.texts.catalogue import translate
from keys.custody import core_dumps
from keys.errors import TokenError, TokenFault
from ledger.errors import Unavailable
from ledger.message import Message

if TYPE_CHECKING:
    from api.ops.wiring.enclave import Enclave


_PIN: Final = (TokenFault.PIN_WRONG, TokenFault.PIN_LOCKED)
_REFUSED: Final = Message(
    "the token {named} refuses the PIN in SOCAI_PKCS11_PIN_FILE, or is locked: it is not tried"
    " again, since a few wrong ones lock it"
)
_READY_S: Final = 2.5
_POOLS_S: Final = 5.0
_PROOFS_S: Final = GRACE_S - 0.4
"""How long proofs are waited for once the server is told to stop: the rest is for the answers."""


class OneLineLogger(Logger):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn's own words through the root logger: JSON lines like all others."""

    def setup(self, cfg: Any) -> None:  # noqa: ANN401  gunicorn's signature
        """Hands its lines on instead of writing them."""
        super().setup(cfg)
        self.error_log.handlers = []
        self.error_log.propagate = True


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn with our options; nothing of its own is read from the command line.

    Args:
        settings: Of the enclave.
        listener: Descriptor of the listening socket; None takes the one that `settings` name.

    Attributes:
        turns: Of its workers as they open; ended where the token refuses the PIN.

    Raises:
        SettingsError: That one cannot be had.
    """

    def __init__(self, settings: Settings, listener: int | None = None) -> None:
        self._settings = settings
        self.proxies = Proxies(settings.trusted_proxies)
        self._budgets = Budgets(settings.officer_share / 100)
        self.turns = Turns()
        self._first = True
        if listener is None:
            listener = listen(settings.host, settings.port).detach()
        self._listener = listener
        with socket.socket(fileno=os.dup(listener)) as here:  # gunicorn closes what it is given
            self._port: int = here.getsockname()[1]
        super().__init__()

    def load_config(self) -> None:
        """Options of the server; forwarded headers are believed from our own proxies only."""
        options = {
            "bind": f"fd://{self._listener}",
            "worker_class": ProblemWorker,
            "workers": self._settings.workers,
            "threads": self._settings.threads,
            "timeout": 90,
            "keepalive": 15,
            "worker_connections": 800,  # below the usual limit of open files
            "limit_request_line": 8190,
            "limit_request_fields": 64,
            "limit_request_field_size": 8190,
            "forwarded_allow_ips": self._settings.trusted_proxies,
            "forwarder_headers": "",  # a path that a client says beside the one it asks for
            "proc_name": "socai-api",
            "accesslog": None,
            "logger_class": OneLineLogger,
            "control_socket_disable": True,
            "when_ready": self._when_ready,
            "post_fork": self._post_fork,
            "child_exit": self._child_exit,
        }
        for name, value in options.items():
            self.cfg.set(name, value)
        self.cfg.settings["graceful_timeout"].value = GRACE_S  # `set` takes whole seconds alone

    def load(self) -> Any:  # noqa: ANN401  a WSGI application
        """One worker's application, opened after the fork.

        Workers open one after the other: opening a key takes a processor, and memory that a
        container with many of them does not have at once; and the first to answer is waited for.

        Raises:
            AppImportError: A setting, secret or key stops it: gunicorn says that and no trace.
        """
        with self.turns.taken():
            if self.turns.ended:
                sys.exit(Arbiter.APP_LOAD_ERROR)
            try:
                return application(self._settings, self._budgets, tell=self._first)
            except SettingsError as error:
                raise AppImportError(_said(error)) from error
            except TokenError as error:
                if error.fault not in _PIN:
                    raise
                self.turns.end()  # a few wrong ones lock the token: no other worker tries it
                refused = SettingsError(_REFUSED.filled(named=error.named))
                raise AppImportError(_said(refused)) from error

    def end_waits(self) -> None:
        """Called by a worker that begins to stop."""
        self.wsgi().extensions["socai"].proofs.end_waits(_PROOFS_S)

    def _post_fork(self, _arbiter: Any, worker: Any) -> None:  # noqa: ANN401  gunicorn's hook
        """A worker that outlives a killed arbiter holds the port and takes no request.

        Nor does it outlive a thread of its own: what watches the log is one.
        """
        self._first = worker.age == 1
        end_with_parent()
        end_with_any_thread()

    def _child_exit(self, _arbiter: Any, worker: Any) -> None:  # noqa: ANN401  gunicorn's hook
        """An ended worker has nothing now: no reads under way, and what it had is not counted."""
        self._budgets.ended(worker.pid)
        if self._settings.metrics_port:
            from api.ops.telemetry import forget_process  # noqa: PLC0415  as `_load`

            forget_process(worker.pid)

    def _when_ready(self, _: Any) -> None:  # noqa: ANN401  gunicorn's arbiter
        if self._settings.metrics_port:
            from api.ops.telemetry import serve_metrics  # noqa: PLC0415  as `_load`

            serve_metrics(self._settings.metrics_port, self._settings.host, self._ask_readiness)

    def _ask_readiness(self) -> None:
        """Has a worker look at everything; where none answers, the metrics say since when."""
        host = "127.0.0.1" if self._settings.host in ("0.0.0.0", "::", "") else self._settings.host  # noqa: S104  compared, not bound
        line = HTTPConnection(host, self._port, timeout=_READY_S)
        with suppress(OSError, HTTPException), closing(line):
            line.request("GET", "/health/ready")
            line.getresponse().read()


def application(settings: Settings, budgets: Budgets, *, tell: bool) -> Any:  # noqa: ANN401  a WSGI application
    """The WSGI application of one worker; `tell`: it says what is true of all of them."""
    with loading():  # in a process that has not loaded them yet
        from api.http.app import create_app  # noqa: PLC0415
        from api.ops.wiring.enclave import Enclave  # noqa: PLC0415

    collect_rarely()
    enclave = Enclave.wired(settings)
    if settings.metrics_port:
        Thread(target=_tell_pools, args=(enclave,), name="pools", daemon=True).start()
    try:
        _begin(enclave)
    except Unavailable:
        Thread(target=_begin_later, args=(enclave,), name="beginning", daemon=True).start()
    else:
        with suppress(Unavailable):  # what has begun is not begun again for a hint
            if tell:
                tell_connections(enclave)
    app = create_app(enclave, budgets)
    if settings.traces_url:
        traces.begin(app, settings.traces_url)
    return app


def _begin(enclave: Enclave) -> None:
    enclave.start()
    enclave.start_anchoring()


def tell_connections(enclave: Enclave) -> None:
    """Says at the start where all workers together may want more connections than there are.

    Raises:
        Unavailable: The database cannot be asked.
    """
    workers = enclave.settings.workers
    most, there = workers * enclave.connections.most, enclave.connections.of_server()
    if most > there:
        logging.getLogger("socai.roles").warning(
            "SOCAI_WORKERS=%d may take %d connections of the database, which has %d for everybody:"
            " set fewer workers, or a larger max_connections there",
            workers, most, there,
        )  # fmt: skip


def _begin_later(enclave: Enclave) -> None:
    """Until the database is there this worker answers, and serves nobody.

    One that is another's ends it: the next worker says so as it starts.
    """
    try:
        once_there(partial(_begin, enclave), Event(), "the API")
    except Exception:
        logging.getLogger("socai.roles").exception("this worker cannot serve what it found")
        os.kill(os.getpid(), signal.SIGTERM)


def _tell_pools(enclave: Enclave) -> None:
    """For as long as this worker lives; what is asked at a scrape is asked of one worker alone."""
    from api.ops import telemetry  # noqa: PLC0415  as `_load`

    while True:
        for login, stats in enclave.connections.stats().items():
            telemetry.pooled(login, stats)
        Event().wait(_POOLS_S)


def _leave(status: str | int | None) -> NoReturn:
    """Ends this process at once: what was asked is answered, or was given up.

    It owes nobody anything (`api.ops.child_processes`), and an orderly end of the interpreter waits
    five seconds for each thread of a pool that does not hear.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    said = status_of(status)
    os._exit(said if isinstance(said, int) else int(said is not None))


def _load(settings: Settings) -> None:
    """All modules, before anybody is listened to and before the workers are forked.

    A worker, also one that takes the place of one that was killed, only opens what it serves; and
    whoever connects waits for no import. No key is read and no connection opened here.
    """
    with loading():
        import api.http.app  # noqa: PLC0415  nothing is told late of a wrong setting
        import api.ops.wiring.enclave  # noqa: F401, PLC0415  the same
        from api.ops import log_lines, telemetry  # noqa: PLC0415
        from api.problems.types import TYPES  # noqa: PLC0415

    if settings.metrics_port:
        telemetry.count_together()
    log_lines.configure(settings.log_level)
    telemetry.begin_at_zero(TYPES)


def main() -> None:
    """Serves until told to stop."""
    core_dumps.leave_none()
    here, api = os.getpid(), None
    try:
        settings = Settings.from_env()
        if settings.traces_url:
            traces.require(Home(settings).facts().level)
        lock = Lock(settings.home)  # not given back: a worker that ends would, for all of them
        lock.use(Home(settings).seen_folder("api"))
        with ExitStack() as stack:
            if settings.metrics_port:
                share_metrics(stack.enter_context(metrics_folder(settings.home)))
            _load(settings)
            api = Server(settings, int(sys.argv[1]) if sys.argv[1:] else None)
            api.run()
    except SettingsError as error:
        sys.stderr.write(f"{_said(error)}\n")
        sys.exit(MISUSED)
    except HaltServer as halted:  # a second worker could not start while it ended for the first
        _leave(_status(halted.exit_status, here, api))
    except SystemExit as ended:  # of a worker, too
        _leave(_status(ended.code, here, api))


def _said(error: SettingsError) -> str:
    return f"socai: {translate(error.text, 'vi')}\nsocai: {error}"


def _status(status: str | int | None, arbiter: int, api: Server | None) -> str | int | None:
    """Where a worker said why it cannot start, the server ends as one that was called wrongly.

    The worker itself ends with gunicorn's own status, by which the server knows.
    """
    if status != Arbiter.APP_LOAD_ERROR or os.getpid() != arbiter:
        return status
    return BARRED if api is not None and api.turns.ended else MISUSED


if __name__ == "__main__":
    main()
