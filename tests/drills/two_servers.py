"""A PostgreSQL and its standby, in folders of their own; whoever leads can be killed."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Final
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from api.ops.embedded_postgres import Embedded

_SECRET: Final = Path("secrets") / "postgres.password"


class TwoServers:
    """A primary, and a standby that follows it.

    Args:
        folder: Where both are made.
        synchronous: Whether nothing is acknowledged before the standby has it.
    """

    def __init__(self, folder: Path, *, synchronous: bool) -> None:
        self._folder = folder
        self.first, self.second = Embedded(folder / "a"), Embedded(folder / "b")
        self.first.start()
        self.follow(self.first, self.second)
        if synchronous:
            self.tell(self.first, "synchronous_standby_names", "*")

    @property
    def password(self) -> str:
        """Of the administrator, on both."""
        return (self._folder / "a" / _SECRET).read_text("ascii").strip()

    @property
    def url(self) -> str:
        """Both servers, as `SOCAI_DATABASE_URL` names them."""
        both = (self.first, self.second)
        hosts = ",".join(quote(server.host, safe="") for server in both)
        return f"postgresql://postgres@/postgres?host={hosts}&port=5432,5432"

    def follow(self, leader: Embedded, standby: Embedded) -> None:
        """Makes a standby out of a copy of the leader, and starts it."""
        home = standby._home
        shutil.rmtree(home / "pg", ignore_errors=True)
        (home / "pg").mkdir(parents=True, mode=0o700)
        (home / _SECRET).parent.mkdir(exist_ok=True, mode=0o700)
        shutil.copy(leader._password_file, home / _SECRET)
        account = standby._account()
        if account is not None:
            os.chown(home / "pg", account.uid, account.gid)
        (home / "pg" / "run").mkdir(mode=0o700)
        if account is not None:
            os.chown(home / "pg" / "run", account.uid, account.gid)
        done = standby._execute(
            "pg_basebackup", f"--pgdata={standby._data}", "--write-recovery-conf",
            "--checkpoint=fast", f"--dbname={leader.dsn()}",
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        standby.start()

    def tell(self, server: Embedded, name: str, value: str) -> None:
        """Turns a setting of a server."""
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            query = sql.SQL("ALTER SYSTEM SET {} = {}")
            admin.execute(query.format(sql.Identifier(name), sql.Literal(value)))
            admin.execute("SELECT pg_reload_conf()")

    def pause(self) -> None:
        """The standby gets what the leader writes, and applies none of it: it lags from here on."""
        with psycopg.connect(self.second.dsn(), autocommit=True) as admin:
            admin.execute("SELECT pg_wal_replay_pause()")

    def cut_off(self) -> None:
        """The standby gets nothing any more."""
        self.tell(self.second, "primary_conninfo", "")

    def kill_leader(self) -> None:
        """Every process of the first server at once, as where its machine goes."""
        self._signal_leader(signal.SIGKILL)

    def hang_leader(self) -> None:
        """It stands still, and closes nothing; kill it before the end."""
        self._signal_leader(signal.SIGSTOP)

    def _signal_leader(self, number: signal.Signals) -> None:
        pid = self.first._pid()
        assert pid is not None
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
        for one in (pid, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(one, number)

    def promote(self) -> None:
        """The standby leads, and waits for no other."""
        self.tell(self.second, "synchronous_standby_names", "")
        with psycopg.connect(self.second.dsn(), autocommit=True) as admin:
            admin.execute("SELECT pg_promote(true, 60)")

    def caught_up(self) -> None:
        """Waits until the standby has what the leader has."""
        for _ in range(600):
            with psycopg.connect(self.first.dsn(), autocommit=True) as admin:
                row = admin.execute(
                    "SELECT bool_and(replay_lsn = pg_current_wal_flush_lsn())"
                    " FROM pg_stat_replication"
                ).fetchone()
            if row == (True,):
                return
            Event().wait(0.1)
        raise AssertionError("the standby does not follow")

    def stop(self) -> None:
        """Ends both."""
        for server in (self.first, self.second):
            server.stop()

    def of(self, server: Embedded, dbname: str) -> str:
        """The administrator's connection string to a database of one server alone."""
        return make_conninfo(server.dsn(), dbname=dbname)
