"""Behind a real PgBouncer: what works in transaction mode, and what is said of the rest."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from ledger.ports import Appended
from ledger.postgres.connect import open_pool
from ledger.postgres.keeping.vitals import PostgresVitals
from ledger.postgres.notices import PostgresNotices
from ledger.postgres.recorder import GroupAppender
from tests.contract.append import a_draft
from tests.fixtures.postgres import Database
from tests.processes import free_port

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.operation]


@contextmanager
def pooled(database: Database, folder: Path, mode: str) -> Iterator[dict[str, str]]:
    """A pooler before the database's server; how its logins are reached through it."""
    program = shutil.which("pgbouncer")
    if program is None:
        pytest.skip("PgBouncer is not on this machine")
    port, users = free_port(), folder / "users"
    users.write_text(
        "".join(f'"{database.slug}_{one}" "{word}"\n' for one, word in database.passwords.items())
    )
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host={database.server.host} port={database.server.port}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = scram-sha-256\nauth_file = {users}\npool_mode = {mode}\n"
        "default_pool_size = 4\n"
    )
    as_user = [] if os.getuid() else ["-u", "nobody"]  # as root it does not run
    sockets = Path(database.server.host)
    for path in {folder, sockets, *folder.parents, *sockets.parents}:
        if not path.stat().st_mode & 0o001:
            path.chmod(path.stat().st_mode | 0o055)
    words = [program, *as_user, str(settings)]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(words, stdout=log, stderr=log) as process,
    ):
        try:
            yield {"host": "127.0.0.1", "port": str(port)}
        finally:
            process.terminate()


def through(database: Database, login: str, place: dict[str, str]) -> str:
    """A login's connection string by way of the pooler, once that answers."""
    dsn = make_conninfo(database.dsn(login), **place)
    for _ in range(200):
        try:
            psycopg.connect(dsn, connect_timeout=5).close()
        except psycopg.OperationalError:
            Event().wait(0.05)
        else:
            return dsn
    raise AssertionError("the pooler does not answer")


@pytest.mark.parametrize(("mode", "deaf"), [("transaction", True), ("session", False)])
def test_a_pooler_that_keeps_no_sessions_is_told_and_the_log_grows_all_the_same(
    database: Database,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    mode: str,
    deaf: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    """Before, every proof took a second longer, without a word."""
    with pooled(database, tmp_path, mode) as place:
        dsn = through(database, "reader", place)
        notices = PostgresNotices(dsn)
        with notices.listen("records") as wait:
            assert wait(1.0)
        assert notices.deaf is deaf
        assert ("notices are not heard" in caplog.text) is deaf
        with closing(GroupAppender(through(database, "writer", place))) as appender:
            for name in ("case/a", "case/b"):
                assert isinstance(appender.append(a_draft(name)), Appended)
        with closing(open_pool(through(database, "writer", place), most=2)) as pool:
            assert PostgresVitals(pool).writes()
