"""How many files of ours one request goes through: whoever follows it has to open each of them."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType

import orjson
import psycopg
import pytest
from werkzeug.test import TestResponse

from api.client.connection import JOSE
from ledger.log.statement import flattened
from ledger.postgres.direct import PreparedStatement
from tests.builders import an_act, an_id
from tests.fixtures.app import Service

_ROOT = Path(__file__).parents[2]
_OURS = tuple(f"{_ROOT / name}/" for name in ("api", "projections", "ledger", "keys"))

pytestmark = [pytest.mark.postgres]


def calls_by_file(ask: Callable[[], object]) -> Counter[str]:
    """Calls of functions by file of ours, while this thread answers a request.

    Where a log line goes is the process's own: a command that ran here before may have set it up.
    """
    calls: Counter[str] = Counter()
    root = logging.getLogger()

    def look(frame: FrameType, event: str, _: object) -> None:
        name = frame.f_code.co_filename
        if event == "call" and name.startswith(_OURS):
            calls[name.removeprefix(f"{_ROOT}/")] += 1

    before, root.handlers = root.handlers, []
    sys.setprofile(look)
    try:
        ask()
    finally:
        sys.setprofile(None)
        root.handlers = before
    return calls


_SENDING = (psycopg.Connection.execute.__code__, PreparedStatement._rows.__code__)


def statements(ask: Callable[[], object]) -> int:
    """How often this thread sends the database something and waits, while it answers."""
    sent = 0

    def look(frame: FrameType, event: str, _: object) -> None:
        nonlocal sent
        sent += event == "call" and frame.f_code in _SENDING

    sys.setprofile(look)
    try:
        ask()
    finally:
        sys.setprofile(None)
    return sent


def _told(what: str, calls: Counter[str]) -> str:
    lines = [f"{what}: {calls.total()} calls in {len(calls)} files"]
    return "\n".join(lines + [f"  {count:4} {name}" for name, count in sorted(calls.items())])


def _post(service: Service, case: str) -> Counter[str]:
    act = an_act(
        "ReportReceived", by="hotline", when=service.step(seconds=1), stream=f"case/{case}"
    )
    body = orjson.dumps(flattened(service.sign(act, "hotline")))
    headers = {"Content-Type": JOSE, **service.headers("hotline")}
    client = service.client
    answers: list[TestResponse] = []
    calls: list[Counter[str]] = []

    def ask() -> TestResponse:
        """Of an answer that nobody could give yet nothing is counted."""
        calls.append(
            calls_by_file(
                lambda: answers.append(client.post("/v1/acts", data=body, headers=headers))
            )
        )
        return answers[-1]

    answer = service._once_known(ask)
    assert answer.status_code == 201, answer.text
    return calls[-1]


@pytest.fixture
def hired(real: Service) -> Service:
    """An enclave that is no rehearsal, with a hotline and a specialist."""
    real.hire("hotline", "cv")
    return real


def _fewest(asked: Iterable[Counter[str]]) -> Counter[str]:
    """Without what only a first request loads, and what is looked up anew once a second."""
    return min(asked, key=len)


def test_a_request_goes_through_no_more_files_than_it_did(hired: Service) -> None:
    """GET of a case, and POST of an act that begins one; the aim is 16 and 45.

    Five and eleven of them are need-to-know: for whom is asked, and what they see.
    """
    cases = [an_id(f"files of request {number}") for number in range(5)]
    post = _fewest([_post(hired, case) for case in cases])
    path, client = f"/v1/cases/{cases[-1]}", hired.client
    ready = hired.get(path, at_least=hired.size() - 1, headers={"Prefer": "wait=20"})
    assert ready.status_code == 200, ready.text
    headers = hired.headers("cv")
    answers: list[TestResponse] = []
    get = _fewest(
        [
            calls_by_file(lambda: answers.append(client.get(path, headers=headers)))
            for _ in range(12)
        ]
    )
    sent = [statements(lambda: answers.append(client.get(path, headers=headers))) for _ in range(6)]
    assert {one.status_code for one in answers} == {200}
    assert min(sent) == 1, "who asks, the file, and by what it is seen are one way there and back"
    sys.stdout.write(f"{_told('GET', get)}\n{_told('POST', post)}\n")
    assert {"api/http/resources/cases.py", "projections/queries/cases/one_case.py"} <= get.keys()
    assert len(get) <= 30, _told("GET", get)
    assert len(post) <= 94, _told("POST", post)
