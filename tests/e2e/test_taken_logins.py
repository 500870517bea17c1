"""A login of the database that was taken over: what it can make the API say."""

from __future__ import annotations

import psycopg
import pytest

from keys.jwk import SoftwareSigner
from keys.note import NoteSigner
from ledger.log import checkpoint
from ledger.log.checkpoint import Checkpoint
from tests.fixtures.app import REHEARSAL, Service

pytestmark = pytest.mark.postgres


def _forged(size: int) -> bytes:
    """A checkpoint of this log, by a key that is not the log's."""
    key = NoteSigner(REHEARSAL, SoftwareSigner.generate("Ed25519"))
    return checkpoint.sign(Checkpoint(REHEARSAL, size, bytes(32)), key, None, time_s=0)


def _notes(service: Service) -> dict[int, bytes]:
    """Every checkpoint by its size."""
    with psycopg.connect(service.database.admin) as connection:
        return dict(connection.execute("SELECT size, note FROM log.checkpoints").fetchall())


@pytest.mark.parametrize("harm", ["junk", "another key", "another size"])
def test_a_checkpoint_that_the_log_did_not_sign_covers_nothing(service: Service, harm: str) -> None:
    """The sealer's login stores what it likes; no verdict, receipt or fact rests on it."""
    service.hire("hotline")
    notes = _notes(service)
    size = max(notes)
    note = {
        "junk": b"\xff", "another key": _forged(size), "another size": notes[min(notes)],
    }[harm]  # fmt: skip
    with psycopg.connect(service.database.admin) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE log.checkpoints SET note = %s WHERE size = %s", [note, size])
    for path in ("/logs/acts/checkpoint", "/v1/log", "/v1/log/proof/inclusion?index=0"):
        response = service.client.get(path)
        assert (response.status_code, response.get_json()["code"]) == (500, "evidence_fails"), path
    assert service.client.get("/health/ready").status_code == 503
