"""Attacks on the API as it runs, by who can reach its port."""

from __future__ import annotations

import random
import resource
import selectors
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Final, Self

import httpx
import pytest

from api.http.framework.read_budget import AT_ONCE, FULL_S
from tests.attacks import attack
from tests.builders import a_case_in, an_act, an_id
from tests.examples import examples, share
from tests.fixtures.app import Service
from tests.processes import free_port, serving

pytestmark = pytest.mark.postgres
IDLE: Final = 2_600
SHARE: Final = 200
"""Connections of one address that a worker has at most."""
TRIES: Final = 6
"""Attempts of `api.client.connection` at one request."""
LARGE: Final = 1_000_000
#: Loopback is a whole network: each of these is another client.
ATTACKER, HONEST, PROXY = "127.0.0.66", "127.0.0.1", "127.0.0.99"


@dataclass(frozen=True, slots=True)
class Started:
    """A server.

    Attributes:
        port: Of the API.
        metrics: Of Prometheus.
        case: A closed case.
        file: Path of a file.
        page: Path of a later page of the case list, from before the newest act.
        tokens: Of officers who may read it.
    """

    port: int
    metrics: int
    case: str
    file: str
    page: str
    tokens: Mapping[str, str]

    @property
    def url(self) -> str:
        """Base address."""
        return f"http://127.0.0.1:{self.port}"

    def counted(self, name: str, **labels: str) -> float:
        """A counter of the server, summed over the lines that have these labels."""
        told = httpx.get(f"http://127.0.0.1:{self.metrics}/metrics", timeout=300).text
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(
            float(line.rpartition(" ")[2])
            for line in told.splitlines()
            if line.startswith(name) and all(one in line for one in wanted)
        )

    def connected(self, source: str = HONEST) -> socket.socket:
        """A connection from an address."""
        return socket.create_connection(("127.0.0.1", self.port), 60, (source, 0))

    def slow_reader(self, path: str, source: str, alias: str = "") -> socket.socket:
        """Who asks for much, and reads nothing yet; the kernel keeps next to nothing of it."""
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        line.settimeout(60)
        line.bind((source, 0))
        line.connect(("127.0.0.1", self.port))
        line.sendall(self.head("GET", path, alias) + b"Connection: close\r\n\r\n")
        return line

    def slow_sender(self, path: str, source: str, alias: str = "") -> socket.socket:
        """Who sends nearly all of a large body, and then nothing."""
        line = self.connected(source)
        head = self.head("POST", path, alias) + b"Content-Type: application/json\r\n"
        with suppress(OSError):  # refused before all of it was sent
            line.sendall(head + b"Content-Length: %d\r\n\r\n" % LARGE + b" " * (LARGE - 1))
        return line

    def head(self, method: str, path: str, alias: str) -> bytes:
        """The first lines of a request, of an officer or of nobody."""
        token = f"Authorization: Bearer {self.tokens[alias]}\r\n" if alias else ""
        return f"{method} {path} HTTP/1.1\r\nHost: x\r\n{token}".encode()

    def ask(self, request: bytes, source: str = HONEST) -> bytes:
        """All that comes back for bytes on the wire, behind which nothing more is sent."""
        with self.connected(source) as line:
            line.sendall(request)
            line.shutdown(socket.SHUT_WR)
            answer = b""
            with suppress(ConnectionResetError):
                while part := line.recv(65_536):
                    answer += part
            return answer


@pytest.fixture(scope="module")
def started(shared: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """`api.http.wsgi` over the module's enclave, with two workers."""
    story = a_case_in("CLOSED", start=shared.step(minutes=5))
    shared.tell(story)
    page = _a_later_page(shared)
    file = _a_file(shared)
    tokens = {alias: shared.token(alias) for alias in ("cv", "tp")}
    made = Started(0, free_port(), story.stream.name[5:], file, page, tokens)
    with _serving(made, shared, tmp_path_factory.mktemp("started") / "log", workers=2) as two:
        yield two


@pytest.fixture
def alone(started: Started, shared: Service, tmp_path: Path) -> Iterator[Started]:
    """The same with one worker, whose threads can be counted: clients may hold four."""
    made = replace(started, metrics=free_port())
    with _serving(made, shared, tmp_path / "log", workers=1) as one:
        yield one


@contextmanager
def _serving(made: Started, shared: Service, log: Path, *, workers: int) -> Iterator[Started]:
    settings = replace(
        shared.settings,
        metrics_port=made.metrics,
        workers=workers,
        threads=8,
        trusted_proxies=PROXY,
        officer_share=50,
    )
    with serving(settings, log) as served:
        yield replace(made, port=served.port)
    assert b"Exception in worker process" not in log.read_bytes()


def _a_later_page(service: Service) -> str:
    report = an_act("ReportReceived", when=service.clock.now(), stream=f"case/{an_id('another')}")
    index = service.say(report, "hotline")["index"]
    wait = {"Prefer": "wait=20"}
    return str(service.get("/v1/cases", headers=wait, limit=1, at_least=index).get_json()["next"])


def _a_file(service: Service) -> str:
    sent = {**service.headers("hotline"), "Content-Type": "application/pdf"}
    kept = service.client.post("/v1/attachments", data=bytes(4 << 20), headers=sent).get_json()
    listed = {"name": "Đơn.pdf", **{name: kept[name] for name in ("digest", "media_type", "size")}}
    stream = f"case/{an_id('with a file')}"
    report = an_act("ReportReceived", when=service.clock.now(), stream=stream, attachments=[listed])
    service.say(report, "hotline")
    return f"/v1/acts/{report.act_id}/attachments/{listed['digest']}"


# -- connections -----------------------------------------------------------------------------------


class Idlers(threading.Thread):
    """One client with as many silent connections as it likes, each opened anew as it is closed."""

    def __init__(self, started: Started, source: str, number: int) -> None:
        super().__init__(daemon=True)
        self._server, self._source, self._number = started, source, number
        self._over = Event()
        self.opened = 0
        self.all_there, self.one_anew = Event(), Event()

    def run(self) -> None:
        """Holds them until told to stop."""
        with selectors.DefaultSelector() as poller:
            while not self._over.is_set():
                while len(poller.get_map()) < self._number and not self._over.is_set():
                    self._open(poller)
                self.all_there.set()
                for key, _ in poller.select(0.05):
                    poller.unregister(key.fileobj)
                    self._end(key.fileobj)
            for key in list(poller.get_map().values()):
                self._end(key.fileobj)

    def _open(self, poller: selectors.BaseSelector) -> None:
        line = socket.socket()
        line.bind((self._source, 0))
        line.settimeout(0)
        line.connect_ex(("127.0.0.1", self._server.port))
        poller.register(line, selectors.EVENT_READ)
        self.opened += 1
        if self.opened > self._number:
            self.one_anew.set()

    @staticmethod
    def _end(line: object) -> None:
        assert isinstance(line, socket.socket)
        line.close()

    def stop(self) -> None:
        """Lets them all go."""
        self._over.set()
        self.join(300)


@contextmanager
def idling(started: Started, source: str, number: int = IDLE) -> Iterator[Idlers]:
    """Idle connections while the block runs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * number + 1_000), hard))
    idlers = Idlers(started, source, number)
    idlers.start()
    try:
        assert idlers.all_there.wait(300)
        yield idlers
    finally:
        idlers.stop()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@attack(
    "one client holds 2,600 silent connections and opens each anew as it is closed",
    stopped_by="a share of the places for one address; the oldest silent one makes room",
    noticed_by="-",
)
@pytest.mark.parametrize("honest", share([HONEST, ATTACKER], 2, "idle connections"))
def test_idle_connections_keep_nobody_out(started: Started, honest: str) -> None:
    """Also not who comes from the same address, as everybody in an office may."""
    request = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with idling(started, ATTACKER) as idlers:
        answers = [_asked(started, request, honest) for _ in range(40)]
        assert [answer[:12] for answer in answers] == [b"HTTP/1.1 200"] * 40
        assert 0 < started.counted("socai_http_connections") <= 2 * SHARE + 40
        assert idlers.one_anew.wait(300)  # the server closed one, and it came again


def _asked(started: Started, request: bytes, source: str) -> bytes:
    """The answer, as our client gets it: who is silent among the attacker's own goes with them.

    Between connecting and asking a client is as silent as they are, and may be asked to come again.
    """
    for _ in range(1 if source == HONEST else TRIES):
        with suppress(ConnectionError):
            if answer := started.ask(request, source):
                return answer
    return b""


def test_a_proxy_is_no_client(started: Started) -> None:
    """Its connections carry everybody: they are not held to the share of one."""
    with idling(started, PROXY, 3 * SHARE):
        for _ in range(3_000):
            if started.counted("socai_http_connections") >= 3 * SHARE:
                break
            Event().wait(0.1)
        else:
            pytest.fail("a proxy's connections were closed")
        request = b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"
        assert started.ask(request, PROXY).startswith(b"HTTP/1.1 200")


def test_no_path_but_the_one_that_was_asked_for_is_answered(started: Started) -> None:
    """A proxy that passes on whatever a client says judges another address than is answered."""
    for name in ("SCRIPT_NAME", "PATH_INFO", "Script-Name"):
        request = f"GET /x/health/live HTTP/1.1\r\nHost: x\r\n{name}: /x\r\n\r\n"
        assert started.ask(request.encode(), PROXY).startswith(b"HTTP/1.1 404"), name


# -- bodies ----------------------------------------------------------------------------------------


HEAD: Final = (
    b"POST /v1/auth/challenge HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
GOOD: Final = b'8\r\n{"kid":"\r\n2B;a=b\r\n%s\r\n2\r\n"}\r\n0\r\nX-T: v\r\n\r\n' % (43 * b"a")
BROKEN: Final = (
    b"",
    b"8",
    b"\r\n",
    b"x\r\nabc\r\n0\r\n\r\n",
    b"-1\r\nabc\r\n0\r\n\r\n",
    b"0x3\r\nabc\r\n0\r\n\r\n",
    b"3 \r\nabc\r\n0\r\n\r\n",
    b"+3\r\nabc\r\n0\r\n\r\n",
    b"3\nabc\n0\n\n",
    b"3\r\nabcde\r\n0\r\n\r\n",
    b"3\r\nab\r\n0\r\n\r\n",
    b"3\r\nabc0\r\n\r\n",
    b"3\r\nabc\r\n",
    b"3\r\nabc\r\n0\r\n",
    b"3;\x00\r\nabc\r\n0\r\n\r\n",
    b'3;a="\r\nabc\r\n0\r\n\r\n',
    b"3;" + b"a" * 20_000 + b"\r\nabc\r\n0\r\n\r\n",
    b"f" * 9_000 + b"\r\nabc\r\n0\r\n\r\n",
    b"f" * 4_000 + b"\r\nabc\r\n0\r\n\r\n",
    b"ffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    b"100000\r\nabc",
    b"3\r\nabc\r\n0\r\nbad trailer\r\n\r\n",
    b"3\r\nabc\r\n0\r\nX T: v\r\n\r\n",
    b"3\r\nabc\r\n0\r\nX-T: v\n\r\n",
    b"3\r\nabc\r\n0\r\nX-T: " + b"a" * 300_000 + b"\r\n\r\n",
    b"3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\nx",
)  # fmt: skip


@attack(
    "a body in chunks that are none",
    stopped_by="400, and the connection is closed",
    noticed_by="-",
)
@pytest.mark.parametrize("n", share(range(len(BROKEN)), 2, "broken chunks"))
def test_broken_chunks_are_the_senders_fault(started: Started, n: int) -> None:
    """One answer, a problem document, and no error of ours."""
    answer = started.ask(HEAD + BROKEN[n])
    assert answer.startswith(b"HTTP/1.1 400 "), answer[:200]
    assert b'"code":"malformed_request"' in answer
    assert answer.count(b"HTTP/1.1 ") == 1


@attack(
    "a body in chunks that are none",
    stopped_by="400, and the connection is closed",
    noticed_by="-",
)
def test_mutated_chunks_are_never_an_error_of_ours(started: Started) -> None:
    """A good body with bytes changed, cut, doubled and moved: one answer, below 500."""
    source = random.Random(20_261_126)  # noqa: S311 - the same on every run
    for number in range(examples(100)):
        body = bytearray(GOOD)
        for _ in range(source.randint(0, 3) if number else 0):
            at = source.randrange(len(body) or 1)
            match source.randrange(4):
                case 0:
                    body[at : at + 1] = bytes([source.randrange(256)])
                case 1:
                    del body[at : at + source.randint(1, 9)]
                case 2:
                    body[at:at] = body[at : at + source.randint(1, 9)]
                case _:
                    body[at:at] = source.choice([b"\r\n", b"\n", b"0", b"F" * 17, b";", b"\x00"])
        answer = started.ask(HEAD + bytes(body))
        assert answer[:9] == b"HTTP/1.1 ", (bytes(body), answer[:200])
        assert answer[9:10] in b"24", (bytes(body), answer[:200])
        assert number or answer.startswith(b"HTTP/1.1 200"), answer


@pytest.mark.parametrize("body", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_body_that_nobody_reads_gets_no_second_answer(
    started: Started, body: bytes
) -> None:
    """What stands behind the answer would be taken for that of the next request."""
    head = HEAD.replace(b"POST /v1/auth/challenge", b"GET /health/live")
    answer = started.ask(head + body)
    assert answer.count(b"HTTP/1.1 ") == 1, answer
    assert answer[9:10] in b"24", answer[:200]


# -- threads ---------------------------------------------------------------------------------------


@contextmanager
def _holding(lines: Iterable[socket.socket]) -> Iterator[list[socket.socket]]:
    held = list(lines)
    try:
        yield held
    finally:
        for line in held:
            line.close()


def _refused(lines: Iterable[socket.socket], number: int) -> None:
    """Waits until so many have their answer, which is that there is no thread for them."""
    with selectors.DefaultSelector() as poller:
        for line in lines:
            poller.register(line, selectors.EVENT_READ)
        for _ in range(number):
            [(key, _), *_] = poller.select(60)
            poller.unregister(key.fileobj)
            assert isinstance(key.fileobj, socket.socket)
            assert key.fileobj.recv(12) == b"HTTP/1.1 503"


@attack(
    "one officer holds threads by slow bodies, signed in and not, and by reading slowly",
    stopped_by="a client holds no more threads than it leaves free for the others",
    noticed_by="-",
)
def test_one_client_does_not_hold_all_threads_that_clients_may_hold(alone: Started) -> None:
    """Who has a session counts twice, as officer and as address; others have threads still."""
    with _holding(alone.slow_sender("/v1/acts/check", ATTACKER, "cv") for _ in range(8)) as signed:
        _refused(signed, 6)
        with _holding(alone.slow_reader("/openapi.json", ATTACKER) for _ in range(8)):
            for _ in range(20):
                answer = alone.ask(HEAD + GOOD)
                assert answer.startswith(b"HTTP/1.1 200"), answer[:200]
            with alone.slow_reader(alone.file, HONEST, "tp") as reader:
                assert _whole(reader)


@attack(
    "who has not signed in holds all threads that an office's address may hold",
    stopped_by="whoever has signed in counts for themselves, wherever they are, also as reader",
    noticed_by="-",
)
def test_strangers_keep_no_officer_behind_their_address_out(alone: Started) -> None:
    """Many officers come from one address; what they send and read slowly is theirs."""
    strangers = (alone.slow_sender("/v1/auth/challenge", ATTACKER) for _ in range(8))
    with _holding(strangers) as held:
        _refused(held, 6)
        for alias in ("tp", "cv"):
            with alone.slow_reader(alone.file, ATTACKER, alias) as reader:
                assert _whole(reader)


def _whole(line: socket.socket) -> bool:
    """Whether all that an answer says it has comes."""
    with line.makefile("rb") as answer:
        assert answer.readline().startswith(b"HTTP/1.1 200")
        lines = iter(answer.readline, b"\r\n")
        head = dict(one.decode("latin-1").lower().strip().split(": ", 1) for one in lines)
        size = int(head["content-length"])
        with suppress(ConnectionResetError):
            return len(answer.read(size)) == size
        return False


# -- work ------------------------------------------------------------------------------------------


THREADS: Final = 12


class Hammer:
    """One officer who asks for one thing from many threads, over connections of their own."""

    def __init__(self, started: Started, path: str, token: str, body: object = None) -> None:
        self._started, self._path, self._body = started, path, body
        self._headers = {"Authorization": f"Bearer {token}", "Prefer": "wait=1"}
        self._over = Event()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(THREADS)]
        self.statuses: list[int] = []
        self.told: list[str] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(300)

    def _ask(self) -> None:
        with httpx.Client(base_url=self._started.url, headers=self._headers, timeout=300) as http:
            while not self._over.is_set():
                method = "GET" if self._body is None else "POST"
                answer = http.request(method, self._path, json=self._body)
                self.statuses.append(answer.status_code)
                if answer.status_code == 429:
                    self.told.append(answer.headers["Retry-After"])


#: Kinds of heavy reads, and one of each: on a push a share, in `make attack` all.
HEAVY: Final = (
    ("listing", "/v1/cases?q=benh%20vien&sort=due"),
    ("listing", "/v1/cases?limit=1&cursor={page}"),
    ("past", "/v1/cases/{case}?as_of=20"),
    ("history", "/v1/cases/{case}/acts"),
    ("difference", "/v1/cases/{case}/diff?from=20"),
    ("reasons", "/v1/cases/{case}/fields/state/history"),
    ("verification", "/v1/cases/{case}/verification"),
    ("bulk_verification", "/v1/verification?cases={case}"),
    ("statistics", "/v1/statistics.xlsx"),
    ("worklist", "/v1/worklist"),
    ("registry", "/v1/officers?as_of=9"),
    ("feed", "/v1/feed?after=0"),
    ("file", "{file}"),
    ("wait", "/v1/cases/{case}?at_least=0"),
)


@attack(
    "one officer asks for the dearest lawful read from many threads at full speed",
    stopped_by="a budget an officer, charged before anything is looked up",
    noticed_by="metrics: socai_heavy_reads_refused by kind",
)
@pytest.mark.parametrize(("kind", "path"), share(HEAVY, 14, "heavy reads"))
def test_heavy_reads_of_one_officer_take_a_share(started: Started, kind: str, path: str) -> None:
    """Over all workers; light reads of others and of the same officer go on; budgets fill again."""
    path = path.format(case=started.case, page=started.page, file=started.file)
    before = started.counted("socai_heavy_read_seconds_total")
    began = monotonic()
    with Hammer(started, path, started.tokens["cv"]) as hammer:
        with httpx.Client(base_url=started.url, timeout=300) as others:
            for alias in ("tp", "cv") * 6:
                token = {"Authorization": f"Bearer {started.tokens[alias]}"}
                assert others.get(f"/v1/cases/{started.case}", headers=token).status_code == 200
        for _ in range(600):
            if hammer.statuses.count(429) > 40:
                break
            Event().wait(0.1)
    work_s = started.counted("socai_heavy_read_seconds_total") - before
    assert work_s <= 0.5 * (monotonic() - began) + FULL_S + AT_ONCE
    assert set(hammer.statuses) == {200, 429}
    assert hammer.statuses.count(429) > 40
    assert all(1 <= int(told) <= 60 for told in hammer.told)
    counted = started.counted("socai_heavy_reads_refused_total", kind=kind)
    assert counted >= hammer.statuses.count(429)
    for _ in range(60):
        token = {"Authorization": f"Bearer {started.tokens['cv']}", "Prefer": "wait=1"}
        again = httpx.get(f"{started.url}{path}", headers=token, timeout=300)
        if again.status_code == 200:
            break
        assert again.json()["code"] == "too_many_requests"
        assert (kind == "wait") == ("Prefer: wait" in again.json()["detail"])
        Event().wait(int(again.headers["Retry-After"]))
    else:
        pytest.fail("the budget does not fill again")


@attack(
    "one officer has acts checked, prepared and sent in vain from many threads at full speed",
    stopped_by="a budget an officer of its own, in which what it takes to judge them is paid",
    noticed_by="metrics: socai_heavy_reads_refused by kind",
)
def test_writing_of_one_officer_takes_a_share(started: Started) -> None:
    """Others write, the officer reads what is light; who has paid the debt back writes again."""
    text = "Nội dung phản ánh. " * 1_000
    act = {"act": "ReportReceived", "stream": f"case/{an_id('vain')}", "facts": {"content": text}}
    path, body = "/v1/acts/check", {"act": act}
    tokens = {name: {"Authorization": f"Bearer {told}"} for name, told in started.tokens.items()}
    before = started.counted("socai_heavy_read_seconds_total", kind="writing")
    began = monotonic()
    with Hammer(started, path, started.tokens["cv"], body) as hammer:
        while hammer.statuses.count(429) <= 40:
            assert monotonic() - began < 1_200, hammer.statuses.count(200)
            Event().wait(0.1)
        for who, asked in (("tp", path), ("cv", f"/v1/cases/{started.case}")):
            method = "POST" if asked == path else "GET"
            answer = httpx.request(
                method, started.url + asked, json=body if method == "POST" else None,
                headers=tokens[who], timeout=300,
            )  # fmt: skip
            assert answer.status_code == 200, answer.text
    work_s = started.counted("socai_heavy_read_seconds_total", kind="writing") - before
    assert work_s <= 0.5 * (monotonic() - began) + FULL_S + THREADS
    assert set(hammer.statuses) == {200, 429}
    refused = httpx.post(started.url + path, json=body, headers=tokens["cv"], timeout=300)
    if refused.status_code == 429:
        Event().wait(int(refused.headers["Retry-After"]))
        refused = httpx.post(started.url + path, json=body, headers=tokens["cv"], timeout=300)
    assert refused.status_code == 200
