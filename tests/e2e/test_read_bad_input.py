"""Bad input of readers, at a server as it runs: a clear problem each, and others are served on."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import orjson
import pytest

from api.problems.problem import CONTENT_TYPE
from api.problems.types import TYPES
from tests.fixtures.inspected import LEAD, Inspected

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.xdist_group("inspected"),
]
CASE = "SC4"


@pytest.fixture
def http(inspected: Inspected) -> Iterator[httpx.Client]:
    """A session of the department that carries on for the lead, without the client's own care."""
    token = inspected.token(*LEAD)
    with httpx.Client(
        base_url=inspected.url, headers={"Authorization": f"Bearer {token}"}, timeout=120
    ) as client:
        yield client


def _problem(answer: httpx.Response) -> dict[str, Any]:
    """The problem document of an answer, which must be one and be documented."""
    assert answer.headers["Content-Type"] == CONTENT_TYPE
    found: dict[str, Any] = answer.json()
    assert TYPES[found["code"]].status == answer.status_code
    assert found["title"]
    assert found["next"]
    return found


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/cases?colour=red", "malformed_request"),
        ("/v1/cases?limit=201", "malformed_request"),
        ("/v1/cases?limit=999999999999999999999999999", "malformed_request"),
        ("/v1/cases?limit=-1", "malformed_request"),
        ("/v1/cases?limit=%D9%A1", "malformed_request"),
        ("/v1/cases?sort=colour", "malformed_request"),
        ("/v1/cases?opened_from=2024-02-30", "malformed_request"),
        ("/v1/cases?state=CLOSED&state=RECEIVED", "malformed_request"),
        ("/v1/cases?cursor=AAAA", "bad_cursor"),
        ("/v1/cases?q=079123456789", "search_refused"),
        ("/v1/cases/{case}?as_of=2099-01-01T00:00:00%2B07:00", "as_of_in_future"),
        ("/v1/cases/{case}?as_of=9007199254740991", "as_of_in_future"),
        ("/v1/cases/{case}?as_of=2024-01-01T00:00:00%2B07:00", "before_case"),
        ("/v1/cases/{case}?as_of=0", "before_case"),
        ("/v1/cases/{case}?as_of=2024-01-01T00:00:00%2B07:00&clock=occurred", "before_case"),
        ("/v1/cases/{case}?as_of=yesterday", "malformed_request"),
        ("/v1/cases/{case}?clock=wall", "malformed_request"),
        ("/v1/cases/{case}/diff", "malformed_request"),
        ("/v1/cases/{case}/diff?from=2099-01-01T00:00:00%2B07:00", "as_of_in_future"),
        ("/v1/cases/{case}/fields/nothing/history", "not_found"),
        ("/v1/cases/not-a-uuid", "not_found"),
        ("/v1/cases/00000000-0000-4000-8000-000000000000", "not_found"),
        ("/v1/agencies?as_of=2099-01-01T00:00:00%2B07:00", "as_of_in_future"),
        ("/v1/statistics?from=2024-06-01&to=2024-05-01", "malformed_request"),
        ("/v1/feed?after=-1", "malformed_request"),
        ("/v1/verification?cases=x", "malformed_request"),
        ("/v1/verification?changed_since=01", "malformed_request"),
        ("/v1/verification?changed_since=sign_offs", "malformed_request"),
        ("/v1/worklist?team=maybe", "malformed_request"),
        ("/v1/cases?at_least=9007199254740991", "malformed_request"),
    ],
)
def test_a_question_that_cannot_be_answered_is_told_why(
    inspected: Inspected, http: httpx.Client, path: str, code: str
) -> None:
    """Never an empty list that looks like an answer, never another case's, never a 500."""
    answer = http.get(path.format(case=inspected.case(CASE)))
    problem = _problem(answer)
    assert problem["code"] == code
    if code == "malformed_request":
        assert problem["errors"][0]["pointer"].startswith("/")


def test_the_command_line_says_the_same_in_one_sentence(inspected: Inspected) -> None:
    """Exit 1 where the ledger says no, 2 for a wrong call, in the reader's language; JSON too."""
    case = inspected.case(CASE)
    for status, *words in (
        (1, "case", "as-of", case, "2099-01-01T00:00:00+07:00"),
        (1, "case", "as-of", case, "0"),
        (1, "case", "why", case, "nothing"),
        (2, "case", "list", "--sort", "colour"),
        (2, "case", "list", "--opened-from", "2024-02-30"),
        (2, "acts", "--from", "hôm qua"),
        (2, "acts", "--kid", "nothing"),
        (2, "keys", "affected", "nothing"),
        (1, "search", "079123456789"),
    ):
        said = inspected.cli(*words, lang="vi")
        assert said.exit_code == status, words
        assert said.stderr.count("\n") == 1, said.stderr
        assert not said.stdout
        told = inspected.cli(*words, "--json")
        assert orjson.loads(told.stdout)["ok"] is False


def test_a_cursor_belongs_to_its_filters_and_its_listing(http: httpx.Client) -> None:
    """Nobody walks a page of one question with the place of another."""
    first = http.get("/v1/cases?state=CLOSED&limit=1").json()
    cursor = first["next"]
    for path in (
        "/v1/cases?limit=1",
        "/v1/cases?state=ARCHIVED&limit=1",
        "/v1/cases?state=CLOSED&limit=2",
        "/v1/agencies?limit=1",
    ):
        assert _problem(http.get(f"{path}&cursor={cursor}"))["code"] == "bad_cursor", path
    bent = ("A" if cursor[5] != "A" else "B").join((cursor[:5], cursor[6:]))
    address = "/v1/cases?state=CLOSED&limit=1&cursor="
    assert _problem(http.get(address + bent))["code"] == "bad_cursor"
    following = http.get(address + cursor).json()
    assert following["cases"][0]["id"] != first["cases"][0]["id"]
    assert following["index"] == first["index"]


def test_a_timeline_is_walked_in_either_order_and_a_cursor_is_of_one(http: httpx.Client) -> None:
    """By when acts happened, also those entered late; and no page of it by another filter."""

    def happened(act: dict[str, Any]) -> datetime:
        at = act["occurred_at"] or act["statements"][0]["recorded_at"]
        return datetime.fromisoformat(at)

    cases = [f"/v1/cases/{one['id']}/acts" for one in http.get("/v1/cases").json()["cases"]]
    signed = {path: http.get(f"{path}?limit=200").json()["acts"] for path in cases}
    sought = {path: sorted(acts, key=happened) for path, acts in signed.items()}
    path = next(path for path, acts in signed.items() if acts != sought[path])
    page = http.get(f"{path}?clock=occurred&limit=20").json()
    walked, cursor = page["acts"], page["next"]
    while "next" in page:
        page = http.get(f"{path}?clock=occurred&limit=20&cursor={page['next']}").json()
        walked += page["acts"]
    assert walked == sought[path]
    asked = f"{path}?limit=20&cursor={cursor}"
    for other in ("", "&clock=recorded", f"&clock=occurred&act={walked[0]['act']}",
                  f"&clock=occurred&agency={walked[0]['agency']}"):  # fmt: skip
        assert _problem(http.get(asked + other))["code"] == "bad_cursor", other


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/v1/cases", "text/html"),
        ("/v1/statistics.csv", "application/json"),
        ("/v1/statistics.xlsx", "text/csv"),
        ("/v1/feed", "text/event-stream"),
        ("/docs", "application/json"),
    ],
)
def test_nobody_gets_a_type_they_did_not_ask_for(
    http: httpx.Client, path: str, accept: str
) -> None:
    """406, and the problem itself still comes as a problem document."""
    answer = http.get(path, headers={"Accept": accept})
    problem = _problem(answer)
    assert problem["code"] == "not_acceptable"
    kind = http.get(path).headers["Content-Type"].partition(";")[0]
    assert kind in problem["detail"], problem


def test_a_body_of_another_type_is_refused(http: httpx.Client) -> None:
    """What is not JSON is not guessed at; the refusal names what is taken."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json-seq"):
        answer = http.post("/v1/acts/check", content=b"{}", headers={"Content-Type": kind})
        problem = _problem(answer)
        assert problem["code"] == "unsupported_media_type"
        assert answer.headers["Accept-Post"] == "application/json"
        assert "application/json" in problem["detail"]


def _raw(inspected: Inspected, request: bytes) -> bytes:
    """What comes back for bytes on the wire."""
    with socket.create_connection(_address(inspected), timeout=120) as line:
        line.sendall(request)
        answer = b""
        while part := line.recv(65_536):
            answer += part
        return answer


def _address(inspected: Inspected) -> tuple[str, int]:
    return "127.0.0.1", int(inspected.url.rpartition(":")[2])


@pytest.mark.parametrize(
    "lines",
    [
        b"Content-Length: 5\r\nContent-Length: 6",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding: xchunked",
        b"Content-Length: +5",
        b"Content-Length: 0x5",
        b"X-Request-Id: a\r\n b",
        b"X-Request-Id : a",
        b"X-Request-Id: a\x00b",
        b"\r\n".join([b"X-Rehearsal-Time: 2030-01-01T00:00:00+07:00"] * 2),
        b"Authorization: Bearer a\r\nAuthorization: Bearer b",
    ],
)
def test_a_smuggled_header_means_one_thing_or_nothing(inspected: Inspected, lines: bytes) -> None:
    """Two readers could take the request for two: refused, and the connection is closed."""
    request = (
        b"POST /v1/auth/challenge HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Connection: close\r\n"
        + lines
        + b"\r\n\r\n0\r\n\r\nGET /v1/log HTTP/1.1\r\nHost: x\r\n\r\n"
    )
    answer = _raw(inspected, request)
    assert answer.startswith(b"HTTP/1.1 4"), answer[:80]
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"application/problem+json" in answer
