"""A server of the operator's own is backed up and laid down again: Debian's versions too."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import orjson
import psycopg
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from api.ops.backup import taking
from api.settings import Settings
from tests.a_ledger import a_report
from tests.fixtures.app import found, open_service
from tests.fixtures.postgres import Database, begin, install_database
from tests.other_servers import server_of

pytestmark = [pytest.mark.postgres, pytest.mark.drill]


def socai(settings: Settings, *words: str) -> Result:
    """One call of the command for a home, in this process."""
    env = {
        "SOCAI_HOME": str(settings.home),
        "SOCAI_MIN_FREE_MIB": "0",
        "SOCAI_BACKUP_DIR": str(settings.backup_dir),
    }
    return CliRunner().invoke(main, ["--lang", "en", *words, "--json"], env=env)


@pytest.fixture(params=[18, 17], ids=lambda version: f"PostgreSQL {version}")
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[int, Database]]:
    """An enclave's database on a server of that version."""
    server = server_of(request.param, tmp_path / "s")
    begin(server, 60)
    with closing(psycopg.connect(server.dsn(), autocommit=True)) as admin:
        admin.execute("ALTER SYSTEM SET synchronous_commit = on")
        admin.execute("SELECT pg_reload_conf()")
    database = install_database(server)
    yield request.param, database
    database.disconnect()
    server.stop()


def test_a_server_s_folder_is_laid_down_and_recovers_by_itself(
    own: tuple[int, Database], tmp_path: Path
) -> None:
    """With every act that the stream had kept, by programs of the same version."""
    version, database = own
    settings = replace(found(database, tmp_path / "home"), backup_dir=tmp_path / "repository")
    (tmp_path / "repository").mkdir()
    size = _backed_up(settings, database)
    again = server_of(version, tmp_path / "r")
    again._root.mkdir(parents=True)
    laid = socai(settings, "restore", "--to-latest", "--data", str(again._data))
    assert laid.exit_code == 0, laid.output
    assert orjson.loads(laid.stdout)["data"] == str(again._data)
    again._password_file.parent.mkdir(parents=True)
    again._password_file.write_bytes(database.server._password_file.read_bytes())
    again.restore(lambda _: None)  # its folder is given to the server's account, and it starts
    try:
        with closing(psycopg.connect(again.dsn(dbname=database.name))) as admin:
            row = admin.execute("SELECT count(*), pg_is_in_recovery() FROM log.records").fetchone()
        assert row == (size, False)
    finally:
        again.stop()


def _backed_up(settings: Settings, database: Database) -> int:
    """How many records were kept, the last ones by the stream alone."""
    service = open_service(settings, database)
    service.start()
    stop = threading.Event()
    streaming = threading.Thread(target=taking.stream, args=(settings, stop, lambda _: None))
    try:
        service.hire("hotline")
        assert socai(settings, "backup", "key").exit_code == 0
        streaming.start()
        assert socai(settings, "backup", "run").exit_code == 0
        for number in range(5):
            service.say(a_report(number, service.clock.now()), "hotline")
        checked = socai(settings, "backup", "check")
        assert checked.exit_code == 0, checked.output
        return service.size()
    finally:
        stop.set()
        streaming.join()
        service.stop()
