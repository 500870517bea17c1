"""A checkpoint stored in the sealer's place: what stops, and how the operator goes on."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from api.bootstrap import open_sealer
from api.cli import database as databases
from api.cli.main import main
from ledger.errors import Fatal
from ledger.postgres.checkpoints import PostgresCheckpoints, discard
from tests.attacks import attack
from tests.builders import an_act, an_id
from tests.fixtures.app import Service
from tests.smuggle import smuggler_into

pytestmark = pytest.mark.postgres


@pytest.fixture
def idle(service: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    """A log with records that no checkpoint covers, and nobody who seals."""
    monkeypatch.setattr(databases, "admin_dsn", lambda *_: service.database.server.dsn())
    service.hire("hotline")
    service.halt()
    for number in range(3):  # no receipt is waited for
        stream, now = f"case/{an_id(f'planted {number}')}", service.clock.now()
        act = an_act("ReportReceived", when=now, stream=stream)
        smuggler_into(service).put(service.sign(act, "hotline"), now)
    return service


def _socai(service: Service, *words: str, lang: str = "en") -> Result:
    env = {"SOCAI_HOME": str(service.settings.home)}
    return CliRunner().invoke(main, ["--lang", lang, *words], env=env)


def _audited(service: Service) -> int:
    return _socai(service, "log", "audit", "--no-views", "--workers", "0").exit_code


def _seal(service: Service) -> int:
    sealer, pool = open_sealer(service.settings)
    try:
        done = sealer.seal_once()
    finally:
        pool.close()
    return 0 if done is None else done.size


def _checkpoints(service: Service) -> PostgresCheckpoints:
    return PostgresCheckpoints(service.database.pool("sealer"))


@attack(
    "a taken sealer login stores checkpoints and tiles of its own, so that nobody ever seals again",
    stopped_by="-",
    noticed_by="the sealer, readiness, log audit; log discard takes away what the log did not sign",
)
@pytest.mark.parametrize("copied", [False, True], ids=["junk", "an older note"])
def test_what_the_log_did_not_sign_is_taken_away(idle: Service, copied: bool) -> None:  # noqa: FBT001 - of the parameters
    """Nothing else is: what it signed stands, and the sealer goes on from there."""
    thief, size = _checkpoints(idle), idle.size()
    stood = thief.latest()
    assert stood is not None
    note = stood[1] if copied else b"none of the log's\n"
    thief.advance(stood[0], size - 1, bytes(32), note, [(0, 0, size - 1, bytes(32 * (size - 1)))])
    thief.advance(size - 1, size, bytes(32), b"another\n", [])
    with pytest.raises(Fatal, match="socai log discard"):
        _seal(idle)
    assert _audited(idle) == 1
    done = _socai(idle, "log", "discard")
    assert (done.exit_code, "2 checkpoints and 1 tiles" in done.output) == (0, True), done.output
    assert thief.latest() == stood
    assert _seal(idle) == size
    assert _audited(idle) == 0
    signed = thief.latest()
    again = _socai(idle, "log", "discard", lang="vi")
    assert (again.exit_code, "Không bỏ gì" in again.output) == (0, True), again.output
    assert thief.latest() == signed


@attack(
    "a taken sealer login stores a checkpoint for each record, each as long as it may be, so that"
    " whoever takes them away runs out of memory",
    stopped_by="log discard, which leaves them in the server; a bound on each",
    noticed_by="the sealer, readiness, log audit",
)
def test_as_many_as_somebody_stored_are_taken_away(
    idle: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few are fetched at a time, and of each nothing but its digest is kept."""
    thief, size = _checkpoints(idle), idle.size()
    stood = thief.latest()
    assert stood is not None
    with pytest.raises(Fatal, match="CheckViolation"):
        thief.advance(stood[0], size - 1, bytes(32), bytes(16_385), [])
    thief.advance(stood[0], size - 1, bytes(32), bytes(16_384), [])
    thief.advance(size - 1, size, bytes(32), b"another\n", [])
    opened: list[psycopg.Connection[Any]] = []
    connect, admin = psycopg.connect, idle.database.server.dsn()

    def kept(*arguments: Any, **more: Any) -> psycopg.Connection[Any]:  # noqa: ANN401 - as `connect`
        opened.append(connect(*arguments, **more))
        return opened[-1]

    waiting: list[object] = []

    def signed(size: int, _: bytes) -> bool:
        waiting.append(opened[-1].execute("SELECT count(*) FROM pg_cursors").fetchone())
        return size == stood[0]

    monkeypatch.setattr(psycopg, "connect", kept)
    dbname = str(idle.enclave.facts.database["dbname"])
    gone, _ = discard(admin, dbname, signed)
    assert waiting == [(1,)] * 3
    assert gone == [
        (size, sha256(b"another\n").hexdigest()),
        (size - 1, sha256(bytes(16_384)).hexdigest()),
    ]


def test_what_the_log_signed_is_never_taken_away(idle: Service) -> None:
    """Not where its row says something else: the audit names that, and somebody has to look."""
    size = _seal(idle)
    with psycopg.connect(idle.database.admin) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE log.checkpoints SET size = size - 1 WHERE size = %s", [size])
    before = _checkpoints(idle).latest()
    assert _socai(idle, "log", "discard").exit_code == 0
    assert _checkpoints(idle).latest() == before
