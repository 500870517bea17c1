"""A login of the database that was taken over: what it can make the API say."""

from __future__ import annotations

import re
from typing import LiteralString

import psycopg
import pytest

from api.http.app import openapi
from keys.jwk import SoftwareSigner
from keys.note import NoteSigner
from ledger.log import checkpoint
from ledger.log.checkpoint import Checkpoint
from tests.attacks import attack
from tests.builders import an_act, an_id
from tests.examples import share
from tests.fixtures.app import REHEARSAL, Service

pytestmark = pytest.mark.postgres
SPEC = openapi()


def _forged(size: int) -> bytes:
    """A checkpoint of this log, by a key that is not the log's."""
    key = NoteSigner(REHEARSAL, SoftwareSigner.generate("Ed25519"))
    return checkpoint.sign(Checkpoint(REHEARSAL, size, bytes(32)), key, None, time_s=0)


def _notes(service: Service) -> dict[int, bytes]:
    """Every checkpoint by its size."""
    with psycopg.connect(service.database.admin) as connection:
        return dict(connection.execute("SELECT size, note FROM log.checkpoints").fetchall())


def _documented(path: str, status: int) -> set[str]:
    """Problem codes that the document has for a call and a status."""
    plain = path.partition("?")[0]
    name = next(n for n in SPEC["paths"] if re.fullmatch(re.sub(r"{\w+}", "[^/]+", n), plain))
    told = SPEC["paths"][name]["get"]["responses"][str(status)]
    return set(told["content"]["application/problem+json"]["examples"])


def _shown_case(service: Service) -> str:
    """The address of a case, once what is shown of it is folded."""
    case = an_id("case")
    act = an_act("ReportReceived", by="hotline", when=service.clock.now(), stream=f"case/{case}")
    service.hire("hotline", "cv")
    receipt = service.say(act, "hotline")
    for path in (f"/v1/cases/{case}/acts", f"/v1/cases/{case}"):
        seen = service.get(path, headers={"Prefer": "wait=20"}, at_least=receipt["index"])
        assert seen.status_code == 200, seen.text
    return f"/v1/cases/{case}"


@attack(
    "a taken projector login makes views say more than the log",
    stopped_by="rows are held against the records",
    noticed_by="evidence_fails, readiness, log audit",
)
def test_what_a_taken_projector_does_is_a_documented_answer(service: Service) -> None:
    """Views that say more than the log, or are gone: every code is in the document of its call."""
    case = _shown_case(service)
    paths = [f"{case}/{part}" for part in ("acts", "verification", "diff?from=0")]
    for login, harm in (
        (
            service.database.dsn("projector"),
            "UPDATE proj.acts SET officer = gen_random_uuid() WHERE stream LIKE 'case/%'",
        ),
        (service.database.admin, "DROP TABLE proj.acts"),  # which no login may
    ):
        with psycopg.connect(login) as connection:
            connection.execute(harm)
        for path in paths:
            response = service.client.get(path, headers=service.headers("cv"))
            code = response.get_json()["code"]
            assert code in {"evidence_fails", "stopped"}, (path, code)
            assert code in _documented(path, response.status_code), (path, code)


@attack(
    "a taken projector login writes into views what is of no form: a register that is none, a file"
    " that changes at the end of time",
    stopped_by="what is of no form is no evidence",
    noticed_by="evidence_fails, log audit",
)
def test_what_is_of_no_form_in_a_view_is_a_documented_answer(service: Service) -> None:
    """Never an error of the server's own."""
    path = _shown_case(service)
    harms: list[tuple[LiteralString, str]] = [
        ("UPDATE proj.acts SET register = 'x'", f"{path}/acts"),
        ("UPDATE proj.case_file SET changes_at = 'infinity'", path),
        ("UPDATE proj.case_file SET changes_at = '4000-01-01 BC'", path),
    ]
    for harm, asked in harms:
        with psycopg.connect(service.database.dsn("projector")) as connection:
            connection.execute(harm)
        response = service.client.get(asked, headers=service.headers("cv"))
        assert (response.status_code, response.get_json()["code"]) == (500, "evidence_fails"), harm
        assert "evidence_fails" in _documented(asked, 500)


@attack(
    "a taken checkpointer login stores a checkpoint that the log did not sign",
    stopped_by="the signature, checked before any use",
    noticed_by="readiness, log audit",
)
@pytest.mark.parametrize("harm", share(["junk", "another key", "another size"], 2, "notes"))
def test_a_checkpoint_that_the_log_did_not_sign_covers_nothing(service: Service, harm: str) -> None:
    """The checkpointer's login stores what it likes; no verdict, receipt or fact rests on it."""
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
        assert "evidence_fails" in _documented(path, 500), path
    ready = service.readiness("log", "en")
    told = {one["name"]: one for one in ready.get_json()["checks"]}
    assert (ready.status_code, told["log"]["ok"]) == (503, False)
    assert "the last checkpoint does not hold" in told["log"]["detail"]
