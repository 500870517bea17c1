"""The examples of the OpenAPI document work: every call of it, as it stands, from sign-in on.

The rehearsal is one in which nothing is drawn by chance and the clock stands still until somebody
is signed in, so that even the challenge that is signed is the one that the document shows. The
database, whose clock nobody stops, would take that session for one that is long over: what follows
is asked in a session of today.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

import orjson
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.http.app import create_app, openapi
from api.ops.embedded_postgres import Embedded
from api.ops.machine import RealClock
from api.ops.wiring.enclave import Enclave
from ledger.postgres.vault.store import PostgresVaultStore
from tests import shown_examples
from tests.fixtures.app import Service, found, open_service
from tests.fixtures.clock import CountingEntropy, StepClock
from tests.fixtures.postgres import make_database

SPEC: Final = openapi()
_SIGN_IN: Final = (
    "create_challenge",
    "create_token",
    "create_token application/x-www-form-urlencoded",
)
#: In the order of the quick start; every other call reads.
WRITES: Final = (
    *_SIGN_IN,
    "add_attachment",
    "check_act",
    "prepare_act",
    "record_statement",
    "add_reporter",
)
_DRAWN: Final = frozenset(
    {"access_token", "entry", "proof", "index", "recorded_at", "item", "token"}
)
"""Members of answers that hang on keys made for the test, or on what else the log holds."""
_AS_IT_COMES: Final = frozenset({
    ("get_inclusion_proof", "size"), ("get_consistency_proof", "to"), ("list_acts", "kid"),
    ("verify_cases", "agency"), ("verify_cases", "kid"), ("verify_cases", "changed_since"),
})  # fmt: skip
"""Which sizes have a checkpoint is the checkpointer's pace; left out they are the newest. Acts are
listed by key for supervisors and inspectors, and the officer of these requests is neither; cases
are verified by name or by a scope."""
_NOT_PERMITTED: Final = frozenset({"read_case_print"})
"""Nobody has permitted that a copy leaves."""
_NOT_THERE: Final = frozenset({
    "get_recoveries", "get_access_checkpoint", "get_access_tile", "get_case_by_number",
    "get_public_act", "read_lower_attachment",
})  # fmt: skip
"""Nothing was recovered here, who is no auditor of all is told of no log of reads, the one report
that the document records has no case number yet and is not public, and no lower log is mirrored."""


def _operations() -> dict[str, tuple[str, str, dict[str, Any]]]:
    return {
        call["operationId"]: (path, method, call)
        for path, calls in SPEC["paths"].items()
        for method, call in calls.items()
        if method in ("get", "post")
    }


OPERATIONS: Final = _operations()
READS: Final = [name for name, (_, method, _) in OPERATIONS.items() if method == "get"]


@dataclass
class Reader:
    """Somebody who has nothing but the document.

    Attributes:
        client: Of the rehearsal.
        token: Of the officer, once they have signed in.
        answers: What the calls that write have answered.
    """

    client: FlaskClient
    token: str = ""
    answers: dict[str, Any] = field(default_factory=dict)

    def ask(self, operation: str) -> TestResponse:
        """A call with every example that the document has for it."""
        name, _, kind = operation.partition(" ")
        path, method, call = OPERATIONS[name]
        query: dict[str, Any] = {}
        headers = {"X-Request-Id": "example"}
        shared = SPEC["paths"][path].get("parameters", ())
        for given in (*shared, *call.get("parameters", ())):
            one = _resolved(given)
            if one["in"] == "path":
                path = path.replace(f"{{{one['name']}}}", quote(one["example"], safe="/:"))
            elif "example" in one and (name, one["name"]) not in _AS_IT_COMES:
                (query if one["in"] == "query" else headers)[one["name"]] = one["example"]
        if {"bearer": []} in call["security"]:
            headers["Authorization"] = f"Bearer {self.token}"
        body = _body(call, kind)
        if body is not None:
            headers["Content-Type"] = body[0]
        asked = {one: _text(value) for one, value in query.items()}
        return self.client.open(
            path,
            method=method.upper(),
            query_string=urlencode(asked),
            headers=headers,
            data=body[1] if body else None,
        )


def _resolved(given: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in given:
        return given
    found: dict[str, Any] = SPEC["components"]["parameters"][given["$ref"].rpartition("/")[2]]
    return found


def _body(call: dict[str, Any], kind: str) -> tuple[str, bytes] | None:
    content = call.get("requestBody", {}).get("content", {})
    if not content:
        return None
    sent = kind or next(iter(content))
    example = content[sent]["example"]
    if sent.endswith("x-www-form-urlencoded"):
        return sent, urlencode(example).encode()
    return sent, example.encode() if isinstance(example, str) else orjson.dumps(example)


def _text(value: Any) -> str:  # noqa: ANN401  an example
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.fixture(scope="module")
def reader(postgres_server: Embedded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A rehearsal of one officer, in which the calls that write have been made as shown."""
    database = make_database(postgres_server)
    made: Service = open_service(
        found(database, tmp_path_factory.mktemp("shown") / "home"), database
    )
    made.start()
    PostgresVaultStore(database.pool("vault")).found(shown_examples.reporter_keys())
    made.hire(shown_examples.OFFICER)
    clock = StepClock(shown_examples.AT)
    enclave = Enclave.open(made.settings, clock=clock, entropy=CountingEntropy("examples"))
    asking = Reader(create_app(enclave).test_client())
    try:
        for name in WRITES:
            answer = made._once_known(partial(asking.ask, name))
            assert answer.status_code in (200, 201), (name, answer.text)
            asking.answers[name] = answer.get_json()
            if name == _SIGN_IN[-1]:
                clock.set(RealClock().now())
                asking.token = made.token(shown_examples.OFFICER)
        seen = asking.answers["record_statement"]["index"]
        wait = {"Prefer": "wait=20", "Authorization": f"Bearer {made.token('hotline')}"}
        assert made.client.get(f"/v1/cases?at_least={seen}", headers=wait).status_code == 200
        yield asking
    finally:
        enclave.close()
        made.stop()
        database.close()


def test_the_shown_requests_are_made_by_one_recipe() -> None:
    """Nobody edits a signature by hand: `requests` of examples.json is what this writes."""
    shown = orjson.loads(
        (Path(__file__).parents[2] / "api" / "http" / "examples.json").read_bytes()
    )
    act = shown["requests"]["check_act"]["act"]
    assert shown["requests"] == shown_examples.requests(act)
    assert {name: shown["answers"][name] for name in shown_examples.answers()} == (
        shown_examples.answers()
    )


@pytest.mark.parametrize("name", WRITES)
def test_a_shown_request_brings_the_shown_answer(reader: Reader, name: str) -> None:
    """Sign-in first, then a file, an act checked, prepared and recorded."""
    _, _, call = OPERATIONS[name.partition(" ")[0]]
    status = min(status for status in call["responses"] if status.startswith("2"))
    content = call["responses"]["201" if "201" in call["responses"] else status]["content"]
    shown, brought = next(iter(content.values()))["example"], reader.answers[name]
    kept = {member: value for member, value in brought.items() if member not in _DRAWN}
    assert kept == {member: value for member, value in shown.items() if member not in _DRAWN}


@pytest.mark.parametrize("name", READS)
def test_a_shown_address_leads_somewhere(reader: Reader, name: str) -> None:
    """Path, query and headers as the document has them, after the requests that it shows."""
    answer = reader.ask(name)
    there = 403 if name in _NOT_PERMITTED else 200
    assert answer.status_code == (404 if name in _NOT_THERE else there), answer.text
    answer.close()
