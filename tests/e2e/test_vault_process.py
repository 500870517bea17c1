"""The vault as a process: founded and served by commands, and what the others have of it."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from api.home import Home
from api.ops.child_processes import python
from api.ops.machine import RealEntropy
from api.ops.service.roles import ROLES, VAULT, served
from api.ops.wiring.enclave import Enclave
from api.ops.wiring.vault import open_vault
from api.settings import Settings, SettingsError, child_environment
from keys.custody.file import read_opening_key
from keys.errors import Unsealable
from keys.shares import Share
from ledger.postgres.vault.compartment import PostgresCompartment
from ledger.vault.request import Letter, Request
from tests.attacks import attack
from tests.fixtures.app import PASSPHRASE, found
from tests.fixtures.postgres import Database
from tests.fixtures.vault import NOW

pytestmark = pytest.mark.postgres


def _run(settings: Settings, *words: str) -> Result:
    env = {"SOCAI_HOME": str(settings.home), "COLUMNS": "100"}
    return CliRunner().invoke(main, ["--lang", "en", *words], env=env, catch_exceptions=False)


def _custodians(settings: Settings, folder: Path) -> list[str]:
    words: list[str] = []
    for name in ("a", "b", "c"):
        made = _run(settings, "vault", "custodian", str(folder / f"{name}.socaikey"))
        assert made.exit_code == 0, made.output
        words += ["--custodian", str(folder / f"{name}.socaikey.pub")]
    return words


@attack(
    "whoever holds the API's files and passphrase opens the vault's key",
    stopped_by="a passphrase of its own; R's other key is in no file but as shares",
    noticed_by="-",
)
def test_the_vault_is_founded_and_served_by_commands(database: Database, tmp_path: Path) -> None:
    """Three custodians, once; then a process takes what it is asked, and ends when it is told."""
    settings = found(database, tmp_path / "home")
    assert served(settings) == ROLES
    with pytest.raises(SettingsError, match="socai vault found"):
        open_vault(settings)
    unwell = _run(settings, "health", "--role", VAULT)
    assert (unwell.exit_code, "it is not founded" in unwell.stderr) == (1, True)
    words = _custodians(settings, tmp_path)
    two = _run(settings, "vault", "found", *words[:4], "--shares", str(tmp_path / "shares"))
    assert (two.exit_code, "three custodians" in two.output) == (2, True)
    made = _run(settings, "vault", "found", *words, "--shares", str(tmp_path / "shares"), "--json")
    assert made.exit_code == 0, made.output
    shares = [Path(path) for path in orjson.loads(made.stdout)["shares"]]
    assert len({Share.parse(path.read_bytes().strip()).to for path in shares}) == 3
    again = _run(settings, "vault", "found", *words, "--shares", str(tmp_path / "more"))
    assert (again.exit_code, "founded already" in again.output) == (2, True)
    assert served(settings) == (*ROLES, VAULT)

    path = Home(settings).key_path("vault")
    with pytest.raises(Unsealable):
        read_opening_key(path, PASSPHRASE)
    secret = read_opening_key(path, Home(settings).vault_passphrase()).secret()
    files = [one.read_bytes() for one in settings.home.rglob("*") if one.is_file()]
    assert not any(secret in data for data in files)
    _asked_and_answered(settings, database)


def _asked_and_answered(settings: Settings, database: Database) -> None:
    """A process of its own, with the files that a container of its own would have."""
    told = settings.home.parent / "vault.prom"
    alone = replace(settings, passphrase_file=None, metrics_file=told)
    process = subprocess.Popen(
        python("-m", "api.cli.main", "vault", "serve"),
        env=child_environment(alone),
        stderr=subprocess.PIPE,
    )
    try:
        compartment = PostgresCompartment(database.pool("writer"))
        keys = compartment.keys()
        assert keys is not None
        name, origin = str(RealEntropy().uuid()), Home(settings).facts().origin
        letter = Letter(f"sealed:{RealEntropy().uuid()}", str(RealEntropy().uuid()), "?")
        sealed = Request(letter, NOW).seal(keys.contact, origin=origin, request_id=name)
        assert compartment.ask(name, sealed, keys.contact.kek_id)
        enclave = Enclave.open(settings)
        try:
            answer = enclave.desk.answer(name, 30.0)
        finally:
            enclave.close()
        assert answer is not None
        assert answer.outcome == "unknown"
        assert _run(settings, "health", "--role", VAULT).exit_code == 0
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    lines = [line for line in told.read_text("utf-8").splitlines() if not line.startswith("#")]
    assert [line[:12] for line in lines] == ["socai_vault_"] * 4
    assert os.fsencode(name) in said
