"""100,000 wraps turn, and whoever turns them is killed ten times on the way (access.md K9)."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from api.ops.wiring.key_files import open_kek
from api.settings import child_environment
from keys import envelope_encryption
from tests.fixtures.app import found
from tests.fixtures.postgres import Database
from tests.many_wraps import dek_of, entry_of, fill

pytestmark = [pytest.mark.soak, pytest.mark.postgres]
WRAPS = 100_000
KILLS = 10


def test_ten_kills_lose_no_wrap_of_a_hundred_thousand(database: Database, tmp_path: Path) -> None:
    """Each is moved once, opens under the new key to what it was, and under the old one no more."""
    settings = found(database, tmp_path / "home")
    old = open_kek(settings).current
    origin = "rehearsal.bacninh.example/ordinary"
    every = fill(database.admin, old, origin, WRAPS)
    command = [sys.executable, "-m", "api.cli.main", "key", "epoch", "turn", "--no-sweep"]
    with psycopg.connect(database.admin, autocommit=True) as admin:
        for kill in range(1, KILLS + 1):
            process = subprocess.Popen(command, env=child_environment(settings))
            wanted = kill * WRAPS // (KILLS + 1)
            while process.poll() is None:
                row = admin.execute("SELECT max(moved) FROM log.epochs").fetchone()
                if row is not None and (row[0] or 0) >= wanted:
                    break
                time.sleep(0.005)
            assert process.poll() is None, "it ended before it could be killed"
            process.kill()
            process.wait()
        done = subprocess.run(command, env=child_environment(settings), check=False, timeout=300)
        assert done.returncode == 0
        left = admin.execute("SELECT count(*) FROM log.wraps WHERE kek_id = %s", [old.kek_id])
        assert left.fetchone() == (0,)
        rows = admin.execute("SELECT index, wrap FROM log.wraps").fetchall()
        wraps: dict[int, bytes] = dict(rows)
        moved = admin.execute("SELECT moved, wraps_before, wraps_after FROM log.epochs").fetchone()
    new = open_kek(settings).current
    assert new != old
    assert moved is not None
    assert len(set(moved)) == 1, moved
    for index in every:
        dek = envelope_encryption.unwrap(new, wraps[index], origin=origin, entry=entry_of(index))
        assert dek == dek_of(index)
