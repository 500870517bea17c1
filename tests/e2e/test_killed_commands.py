"""A command that is killed in its middle is typed again: backup, its key, restore, migrate."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import orjson
import psycopg
import pytest

from api.home import write_private
from api.ops.backup.repository import Repository
from api.ops.embedded_postgres import Embedded
from api.settings import Settings, child_environment
from ledger.postgres import definitions
from tests.e2e.test_backup_commands import Kept, kept, socai, told

pytestmark = [pytest.mark.postgres, pytest.mark.drill]
__all__ = ["kept"]

_KILLED: Final = """
import importlib, os, signal, sys
place, step, when = sys.argv[1:4]
module, _, name = place.partition(":")
owner = importlib.import_module(module)
owner = getattr(owner, name) if name else owner
real = getattr(owner, step)
def killed(*arguments, **named):
    if when == "after":
        real(*arguments, **named)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(owner, step, killed)
from api.cli.main import main
main(["--lang", "en", *sys.argv[4:]])
"""
_REPOSITORY: Final = "api.ops.backup.repository:Repository"
_KEY: Final = "api.ops.backup.repository_key"
_TAKING: Final = "api.ops.backup.taking"
_RESTORING: Final = "api.ops.backup.restoring"
_EMBEDDED: Final = "api.ops.embedded_postgres:Embedded"


_BEFORE_IT_RUNS: Final = (
    (_RESTORING, "_hold_to", "before"),
    (_RESTORING, "_laid", "after"),
    (_EMBEDDED, "_start", "before"),
)


def _killed(settings: Settings, step: tuple[str, str, str], *words: str) -> None:
    """Runs a command until there."""
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, *step, *words],
        env={**child_environment(settings), "SOCAI_MIN_FREE_MIB": "0"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, (done.stdout, done.stderr)


@pytest.mark.parametrize(
    "step",
    [
        (_REPOSITORY, "write", "before"),
        (_REPOSITORY, "write", "after"),
        (_REPOSITORY, "finish", "before"),
        (_REPOSITORY, "finish", "after"),
        (_TAKING, "_copy_files", "after"),
    ],
    ids=" ".join,
)
def test_a_backup_that_was_killed_is_made_again(kept: Kept, step: tuple[str, str, str]) -> None:
    """Nothing of it is taken for a copy, and each copy that there is opens."""
    _killed(kept.settings, step, "backup", "run")
    told(socai(kept.settings, "backup", "run", "--json"))
    repository = Repository.of(kept.settings)
    assert not list((repository.folder / "base").glob("*.part"))
    opened = socai(kept.settings, "backup", "check", "--open", "--json")
    faults = orjson.loads(opened.stdout)["faults"]
    assert not [one for one in faults if one["code"] == "unopened"], faults


@pytest.mark.parametrize(
    "step",
    [
        (_KEY, "write_opening_key", "before"),
        (_KEY, "write_opening_key", "after"),
        (_KEY, "written", "after"),
        (_TAKING, "_copied", "after"),
        (_TAKING, "_let_go", "before"),
        (_KEY, "destroy_old", "before"),
    ],
    ids=" ".join,
)
def test_a_turn_of_the_key_of_backups_that_was_killed_is_made_again(
    kept: Kept, step: tuple[str, str, str]
) -> None:
    """By the same command; only the newest key is left, and all that is there opens by it."""
    public = kept.settings.home / "backup.pub"
    epoch = orjson.loads(public.read_bytes())["epoch"]
    public.write_bytes(orjson.dumps({**orjson.loads(public.read_bytes()), "epoch": "0a"}))
    _killed(kept.settings, step, "backup", "run")
    told(socai(kept.settings, "backup", "run", "--json"))
    assert orjson.loads(public.read_bytes())["epoch"] == epoch
    assert [path.name for path in kept.settings.keys_dir.glob("backup*")] == ["backup.socaikey"]
    opened = orjson.loads(socai(kept.settings, "backup", "check", "--open", "--json").stdout)
    assert not [one for one in opened["faults"] if one["code"] != "behind"], opened


@pytest.mark.parametrize(
    "step",
    [
        *_BEFORE_IT_RUNS,
        (_EMBEDDED, "_start", "after"),
        (_RESTORING, "_forget_recovery", "before"),
        ("api.cli.commands.backup.restore", "_hold", "before"),
    ],
    ids=" ".join,
)
def test_a_restore_that_was_killed_is_made_again(kept: Kept, step: tuple[str, str, str]) -> None:
    """Until its server has recovered by the same command; from then on it says what to move."""
    told(socai(kept.settings, "backup", "run", "--json"))
    other = kept.elsewhere(f"r-{step[1]}-{step[2]}")
    note = _newest(kept, kept.folder / "r.checkpoint")
    words = ("restore", "--to-latest", "--checkpoint", str(note), "--json")
    server = Embedded(other.home)
    try:
        _killed(other, step, *words)
        if step == (_EMBEDDED, "_start", "after"):
            server._await_production()  # by itself; whoever comes meanwhile may have written to it
        if step not in _BEFORE_IT_RUNS:
            said = told(socai(other, *words), 2)
            assert "is not empty" in said["error"]["message"]
            server.stop()
            (other.home / "pg").rename(other.home / "aside")
        back = told(socai(other, *words))
        assert back["records"] == kept.service.size()
        assert not (other.home / "pg" / "data" / "socai.restore.part").exists()
        assert told(socai(other, "log", "audit", "--json", "--workers", "0"))["ok"]
    finally:
        server.stop()


def _newest(kept: Kept, path: Path) -> Path:
    """The newest checkpoint, as somebody keeps it."""
    with psycopg.connect(kept.service.database.admin) as admin:
        row: Any = admin.execute(
            "SELECT note FROM log.checkpoints ORDER BY size DESC LIMIT 1"
        ).fetchone()
    path.write_bytes(bytes(row[0]))
    return path


@pytest.mark.parametrize(
    "step",
    [
        ("ledger.postgres.migrate", "_make_roles", "before"),
        ("ledger.postgres.migrate", "_make_roles", "after"),
        ("ledger.postgres.migrate", "_apply_missing", "before"),
        ("ledger.postgres.migrate", "migrate", "after"),
    ],
    ids=" ".join,
)
def test_a_migration_that_was_killed_is_made_again(kept: Kept, step: tuple[str, str, str]) -> None:
    """And the database is as this program ships it, whoever's right was taken meanwhile."""
    secret = kept.folder / "administrator"
    if not secret.exists():
        write_private(secret, kept.server._password_file.read_bytes())
    place = f"?host={quote(kept.server.host, safe='')}&port={kept.server.port}"
    settings = replace(kept.settings, database_url=f"postgresql://postgres@/postgres{place}")
    words = ("migrate", "--database-password", str(secret))
    _killed(settings, step, *words)
    done = subprocess.run(
        [sys.executable, "-m", "api.cli.main", "--lang", "en", *words],
        env={**child_environment(settings), "SOCAI_MIN_FREE_MIB": "0"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with psycopg.connect(kept.service.database.dsn("projector")) as connection:
        assert definitions.altered(connection, kept.service.database.slug) == []
