"""The API as it runs: gunicorn workers, a port for metrics, and the whole document tried."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from select import select
from threading import Event, Thread
from typing import ClassVar

import httpx
import orjson
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from api.ops.service.fork_server_process import can_fork
from api.settings import child_environment
from tests.builders import a_case_in
from tests.examples import examples
from tests.fixtures.app import Service
from tests.processes import Served, free_port, serving
from tests.waiting import until

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Running:
    """A server of two workers.

    Attributes:
        port: Of the API.
        metrics: Of Prometheus.
        log: What it wrote.
        token: Of the handler `cv`.
        case: A closed case.
    """

    port: int
    metrics: int
    log: Path
    token: str
    case: str

    @property
    def url(self) -> str:
        """Base address."""
        return f"http://127.0.0.1:{self.port}"


class Collector(BaseHTTPRequestHandler):
    """Keeps what is sent to it, and answers only when it is let go.

    Attributes:
        sent: Each body.
        answers: Set once it may answer.
    """

    sent: ClassVar[list[bytes]] = []
    answers: ClassVar[Event] = Event()

    def do_POST(self) -> None:
        """Takes it in, and holds its sender."""
        self.sent.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.answers.wait(60)
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its own name
        """Says nothing."""


@pytest.fixture(scope="module")
def collector() -> Iterator[str]:
    """Address of one that takes spans."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/traces"
    Collector.answers.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def running(
    shared: Service, collector: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """`api.http.wsgi` over the module's enclave, forked as `serve` does."""
    story = a_case_in("CLOSED", start=shared.step(minutes=5))
    shared.tell(story)
    metrics = free_port()
    two = replace(shared.settings, workers=2, threads=8, metrics_port=metrics, traces_url=collector)
    log = tmp_path_factory.mktemp("server") / "log"
    with serving(two, log, forked=can_fork()) as served:
        yield Running(served.port, metrics, log, shared.token("cv"), story.stream.name[5:])


def _ask(running: Running, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", running.port), timeout=120) as line:
        line.sendall(request)
        answer = b""
        while part := line.recv(65_536):
            answer += part
        return answer


def _sent() -> list[ExportTraceServiceRequest]:
    return [ExportTraceServiceRequest.FromString(body) for body in list(Collector.sent)]


def _spans(sent: Sequence[ExportTraceServiceRequest]) -> list[Span]:
    return [
        span
        for body in sent
        for resource in body.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _words() -> bytes:
    """All that was sent but what is drawn or measured, in which any host of two letters stands."""
    sent = _sent()
    for span in _spans(sent):
        for drawn in ("trace_id", "span_id", "parent_span_id"):
            span.ClearField(drawn)
        for measured in (span, *span.events):
            for name in ("start_time_unix_nano", "end_time_unix_nano", "time_unix_nano"):
                if name in measured.DESCRIPTOR.fields_by_name:
                    measured.ClearField(name)
    return b"".join(body.SerializeToString() for body in sent)


def test_a_collector_is_told_of_every_request_its_route_and_nothing_of_whom(
    running: Running,
) -> None:
    """It hears what `api.ops.redaction` names; while it answers nobody, nobody waits for it."""
    # of a client that asks not to be told of
    untold = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
    headers = {"Authorization": f"Bearer {running.token}", "traceparent": untold}
    asked = httpx.Client(base_url=running.url, headers=headers, timeout=120)
    with asked as client:
        for _ in range(200):
            assert client.get(f"/v1/cases/{running.case}?at_least=0").status_code == 200
            routes = {span.name for span in _spans(_sent())}
            if "GET /v1/cases/<case>" in routes:
                break
            Event().wait(0.1)
        assert "GET /v1/cases/<case>" in routes, routes
        assert client.get(f"/v1/cases/{running.case}").status_code == 200, "the collector is slow"
    sent = _words()
    for text in (running.case, running.token, "at_least", "127.0.0.1", socket.gethostname()):
        assert text.encode() not in sent, text
    assert b"socai" in sent
    of_us = (one.resource.attributes for body in _sent() for one in body.resource_spans)
    assert {said.key for one in of_us for said in one} == {"service.name", "service.version"}


def test_what_is_no_request_gets_a_problem_too(running: Running) -> None:
    """The pages of gunicorn itself would name the software and be no problem document."""
    attacks = {
        b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n": b"uri_too_long",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 9000 + b"\r\n\r\n": b"headers_too_large",
        b"GET / HTTP/1.1\r\nHost: x\r\nA b: c\r\n\r\n": b"malformed_request",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n": (
            b"malformed_request"
        ),
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Length: 4\r\n\r\n0\r\n\r\n": b"malformed_request",
    }
    for request, code in attacks.items():
        answer = _ask(running, request)
        assert b"application/problem+json" in answer, request[:60]
        assert b'"code":"' + code + b'"' in answer, request[:60]
        assert b"html" not in answer.lower()


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        ("X-A: b", "thiếu tiêu đề"),
        *(
            (f"Host: {host}", "không phải tên hay địa chỉ máy chủ")
            for host in ("", "a/b", "a, b", "u@a", "a:8x", "[::1", "a b")
        ),
    ],
)
def test_a_request_that_names_no_host_is_refused(running: Running, line: str, detail: str) -> None:
    """HTTP/1.1 asks for it, and a proxy before us could take another one (RFC 9112 §3.2)."""
    answer = _ask(running, f"GET /health/live HTTP/1.1\r\n{line}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400"), answer[:80]
    assert b"application/problem+json" in answer
    assert f'"detail":"Host: {detail}"'.encode() in answer


@pytest.mark.parametrize(
    "head",
    [
        "1.0",
        *(f"1.1\r\nHost: {host}" for host in ("a", "so-cai.gov.vn:443", "[::1]:8000", "10.0.0.1")),
    ],
)
def test_every_way_to_name_a_host_is_taken(running: Running, head: str) -> None:
    """Names, addresses of both kinds, with a port or without; HTTP/1.0 may leave it out."""
    request = f"GET /health/live HTTP/{head}\r\nConnection: close\r\n\r\n"
    assert _ask(running, request.encode()).startswith((b"HTTP/1.1 200", b"HTTP/1.0 200"))


def test_metrics_stand_on_a_port_of_their_own_and_name_no_case(running: Running) -> None:
    """No case, agency or person in any label (http.md §7)."""
    token = {"Authorization": f"Bearer {running.token}"}
    case = f"{running.url}/v1/cases/{running.case}"
    assert httpx.get(case, headers=token, timeout=120).status_code == 200
    assert httpx.get(f"{running.url}/metrics", timeout=120).status_code == 404
    told = httpx.get(f"http://127.0.0.1:{running.metrics}/metrics", timeout=120).text
    assert 'socai_http_requests_total{call="/v1/cases/<case>"' in told
    assert "socai_projection_lag_records" in told
    assert "socai_projection_lag_seconds" in told
    assert "socai_projection_unjudged_records" in told
    assert re.search(r'socai_database_connections\{login="reader",state="open"\} [1-9]', told)
    assert running.case not in told
    assert "bacninh" not in told


def test_what_an_alert_counts_by_is_there_before_it_happens(running: Running) -> None:
    """A series that begins with 1 has no increase, and its alert is silent the first time."""
    told = httpx.get(f"http://127.0.0.1:{running.metrics}/metrics", timeout=120).text
    rules = (ROOT / "docs/operate/alerts/rules.yml").read_text("utf-8")
    counted = re.findall(r'increase\((socai_\w+)\{(\w+)=~?"([\w|]+)"\}', rules)
    assert {name for name, *_ in counted} == {
        "socai_http_problems_total",
        "socai_statement_seconds_count",
    }
    for name, label, values in counted:
        for value in values.split("|"):
            assert re.search(rf'^{name}\{{[^}}]*{label}="{value}"', told, re.MULTILINE), value


def test_metrics_are_as_of_the_scrape(running: Running) -> None:
    """Nobody else asks readiness between the two, and what is told does not stand still."""
    where = f"http://127.0.0.1:{running.metrics}/metrics"

    def told() -> dict[str, str]:
        text = httpx.get(where, timeout=120).text
        return dict(re.findall(r"^(socai_ready\S*) (\S+)$", text, re.MULTILINE))

    at = "socai_ready_timestamp_seconds"
    first, second = told(), told()
    assert float(second[at]) > float(first[at])
    until(lambda: told()['socai_ready{check="database"}'] == "1.0")  # silent for two seconds: 0


def test_a_method_that_a_client_makes_up_adds_no_label(running: Running) -> None:
    """Every label is kept for ever: whoever names methods at random would fill the memory."""
    for method in ("BREW", "BREW-2"):
        assert httpx.request(method, f"{running.url}/v1/log", timeout=120).status_code == 405
    told = httpx.get(f"http://127.0.0.1:{running.metrics}/metrics", timeout=120).text
    assert "BREW" not in told
    assert 'socai_http_requests_total{call="none",method="other",status="405"} 2.0' in told


def test_an_answer_states_its_date_once(running: Running) -> None:
    """Also where it is conditional: a cache that finds two dates may believe either."""
    token = {"Authorization": f"Bearer {running.token}"}
    first = httpx.get(f"{running.url}/v1/cases/{running.case}", headers=token, timeout=120)
    again = httpx.get(
        f"{running.url}/v1/cases/{running.case}",
        headers=token | {"If-None-Match": first.headers["ETag"]},
        timeout=120,
    )
    assert (first.status_code, again.status_code) == (200, 304)
    assert [len(answer.headers.get_list("Date")) for answer in (first, again)] == [1, 1]


def test_a_header_that_comes_twice_is_refused(running: Running) -> None:
    """Two tokens, types or times would mean two things to two readers."""
    for line in (
        "Host: x",
        "Content-Type: application/json",
        f"Authorization: Bearer {running.token}",
        "X-Rehearsal-Time: 2030-01-01T00:00:00+07:00",
    ):
        head = f"GET /v1/log HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{line}\r\n{line}"
        answer = _ask(running, f"{head}\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 400"), answer[:80]
        assert b'"code":"malformed_request"' in answer


def test_every_log_line_is_json_without_content(running: Running) -> None:
    """One line an event, with the trace id; no case, no query, no token."""
    asked = {"Authorization": f"Bearer {running.token}", "X-Request-Id": "a-trace-of-ours"}
    httpx.get(f"{running.url}/v1/cases/{running.case}?as_of=1", headers=asked, timeout=120)
    # an answer may come before its line: the line of what is asked next comes behind it
    for _ in range(2_400):
        whole, _, _ = running.log.read_bytes().rpartition(b"\n")
        lines = [orjson.loads(line) for line in whole.splitlines()]
        if ours := [line for line in lines if line.get("trace_id") == "a-trace-of-ours"]:
            break
        Event().wait(0.05)
    assert [(line["call"], line["status"]) for line in ours] == [("/v1/cases/<case>", 404)]
    text = running.log.read_text("utf-8")
    assert running.case not in text
    assert running.token not in text


@pytest.mark.drill
def test_the_whole_document_holds_under_schemathesis(
    running: Running, request: pytest.FixtureRequest
) -> None:
    """Generated requests, good and bad, against every call: 0 failures.

    In `make drills` the document's own examples and two drawn for each call; with
    `--hypothesis-profile=night`, as `make soak` runs it, a hundred from another seed, every
    boundary of every parameter, and calls that follow from each other.
    """
    drawn = max(2, examples(2))
    phases = "examples,fuzzing" if drawn == 2 else "examples,coverage,fuzzing,stateful"
    seed = request.config.getoption("--hypothesis-seed") or 1
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            "run",
            f"{running.url}/openapi.json",
            "-H",
            f"Authorization: Bearer {running.token}",
            "--checks=all",
            f"--phases={phases}",
            f"--max-examples={drawn}",
            f"--seed={seed}",
            "--workers=1",  # with more, CPython's parser falls over generated code now and then
            "--continue-on-failure",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=7200,
    )
    assert done.returncode == 0, done.stdout[-6000:]


def test_a_log_that_nobody_reads_keeps_no_answer_back(shared: Service, tmp_path: Path) -> None:
    """A pipe to a program that hangs: every answer has a line, and readiness said nothing either.

    It is told what was lost once it reads on.
    """
    log = tmp_path / "log"
    os.mkfifo(log)
    reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    try:
        with (
            serving(replace(shared.settings, workers=1, threads=4), log) as served,
            httpx.Client(base_url=served.url, timeout=60) as http,
        ):
            assert {http.get("/health/live").status_code for _ in range(60)} == {200}
            told = os.read(reader, 1 << 16)
            while b"are lost" not in told:
                http.get("/health/live")
                if select([reader], [], [], 0.1)[0]:
                    told = os.read(reader, 1 << 16)
    finally:
        os.close(reader)


@pytest.mark.drill
def test_no_start_leaves_a_folder_of_metrics(
    shared: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a failing one, nor a server that is told to stop; of a killed one the next clears it.

    The folder of a server that still runs stays, and a worker that ends takes it from nobody.
    """
    temp, log = tmp_path / "t", tmp_path / "log"
    temp.mkdir()
    monkeypatch.setenv("TMPDIR", str(temp))
    one = replace(shared.settings, workers=1, threads=4)
    with serving(replace(one, metrics_port=free_port()), log) as first:
        (held,) = temp.glob("socai-metrics-*")
        (worker,) = _workers(first)
        os.kill(worker, signal.SIGTERM)
        _until_gone(worker)
        with serving(replace(one, metrics_port=free_port()), tmp_path / "second") as second:
            assert len(set(temp.glob("socai-metrics-*")) - {held}) == 1
            assert held.exists(), "of a server that runs"
            (worker,) = _workers(second)
            os.kill(second.pid, signal.SIGKILL)
            _until_gone(worker)
        assert len(list(temp.glob("socai-metrics-*"))) == 2
        environment = child_environment(replace(one, port=first.port, metrics_port=free_port()))
        taken = subprocess.run(
            [sys.executable, "-I", "-m", "api.http.wsgi"],
            env=environment, capture_output=True, check=False, timeout=120,
        )  # fmt: skip
        assert taken.returncode == 2, taken.stderr
        assert list(temp.glob("socai-metrics-*")) == [held]
    assert list(temp.glob("socai-metrics-*")) == []


def _workers(served: Served) -> list[int]:
    children = Path(f"/proc/{served.pid}/task/{served.pid}/children").read_text("ascii")
    return [int(pid) for pid in children.split()]


def _until_gone(pid: int) -> None:
    """Whoever is to bury it may take its time."""
    for _ in range(600):
        with suppress(FileNotFoundError, ProcessLookupError):
            if Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()[0] != "Z":
                Event().wait(0.1)
                continue
        return
    raise AssertionError(pid)
