"""The keeper as a process: started, asked, killed and started again, with the files it is given."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner

from api.cli.main import main
from api.client.answer_shapes import require_shape, shape_of
from api.http.app import create_app
from api.ops.child_processes import python
from api.ops.keeper.asking import KeeperLine
from api.ops.service.roles import KEEPER, ROLES, command, served
from api.ops.wiring.enclave import Enclave
from api.settings import Settings, child_environment
from ledger.errors import Unavailable
from ledger.ports import StoredRecord
from ledger.postgres.records import PostgresRecords
from tests.fixtures.above import SECRET, STRANGER, Above
from tests.fixtures.app import Service

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

_PATIENCE_S = 120.0


@contextmanager
def kept(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """A keeper that answers, until the block ends."""
    process = subprocess.Popen(python("-m", *command(KEEPER)), env=child_environment(settings))
    try:
        with closing(KeeperLine(settings.keeper_socket, _PATIENCE_S)) as line:
            assert line.well()
        yield process
    finally:
        process.kill()
        process.wait()


def _health(settings: Settings) -> int:
    ran = CliRunner().invoke(
        main, ["--lang", "en", "health", "--role", KEEPER], env=settings.environment()
    )
    return ran.exit_code


def test_an_api_reads_through_a_keeper_that_was_killed_and_started_again(
    above: Above, tmp_path: Path
) -> None:
    """The API has no KEK; while the keeper is away nothing of a case is opened, and then it is."""
    settings, enclosed = _apart(above, tmp_path)
    assert served(settings) == (KEEPER, *ROLES)
    with kept(settings) as process:
        assert _health(settings) == 0
        with closing(Enclave.open(enclosed, clock=above.service.clock)) as enclave:
            records = PostgresRecords(enclave.connections.writing)
            row = next(records.act(UUID(above.annexes[0].act_id)).__iter__())
            assert SECRET in _text(enclave, row)
            process.kill()
            process.wait()
            assert enclave._line is not None
            enclave._line._patience_s = 0.0
            with pytest.raises(Unavailable):
                enclave.reader.open(row)
            assert _health(settings) == 1
            with kept(settings):
                assert SECRET in _text(enclave, row)


def test_an_api_without_the_kek_says_of_its_log_what_a_client_believes(
    above: Above, tmp_path: Path
) -> None:
    """What keeps the KEK is left out, as nothing of it is there; the rest is as it was."""
    settings, enclosed = _apart(above, tmp_path)
    own, path = above.service, "/v1/log"
    with kept(settings), closing(Enclave.open(enclosed, clock=own.clock)) as enclave:
        other = Service(settings, own.database, enclave, create_app(enclave), own.clock)
        said, whole = (one.get(path, STRANGER).get_json() for one in (other, own))
    require_shape(said, shape_of("GET", path))
    assert whole["custody"] == "FILE"
    assert said.keys() == whole.keys() - {"custody"}


def _apart(above: Above, folder: Path) -> tuple[Settings, Settings]:
    """Settings of a keeper with a socket of its own, and of an API that has every key but one."""
    settings = replace(above.service.settings, keeper_socket=folder / "socket")
    shutil.copytree(settings.keys_dir, folder / "keys")
    (folder / "keys" / "kek.socaikek").unlink()
    return settings, replace(settings, keys_dir=folder / "keys")


def test_a_keeper_that_is_away_is_told_in_one_sentence(tmp_path: Path) -> None:
    """To whoever starts it: what to type, and no trace."""
    asked = python("-m", "api.cli.main", "--lang", "en", "health", "--role", KEEPER)
    ran = subprocess.run(
        asked, env={"SOCAI_HOME": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == (
        "keeper is not well: it does not answer; it is started by socai serve --role keeper\n"
    )


def _text(enclave: Enclave, row: StoredRecord) -> str:
    return str(enclave.reader.open(row).act)
