"""The officer's client: signs here, retries safely, waits for the proof and checks it."""

from __future__ import annotations

import hashlib
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

import click
import httpx
import orjson
import pytest
from click.testing import CliRunner
from prometheus_client import REGISTRY

from api.cli.commands import access, officer, voiding
from api.cli.commands.signer_options import log_keys
from api.cli.commands.writing import recording
from api.cli.main import main
from api.cli.terminal.shell import Refusal, Shell
from api.client import connection
from api.client.client import Client, Read, verify
from api.client.connection import OtherLog, Refused, Strange, Unreachable, trusted
from api.problems.problem import Problem
from keys import canonical
from keys.jwk import SoftwareSigner
from keys.note import NoteSigner, VKey
from ledger.errors import VerificationError
from ledger.log import record, statement
from ledger.log.verify import TrustedLog
from ledger.regulation.acts.act import Act
from tests import builders
from tests.attacks import attack
from tests.builders import an_act
from tests.fixtures.app import Service
from tests.rows import each, of

_NUMBERS = count()


def _report(service: Service) -> Act:
    stream = f"case/{builders.an_id(f'client {next(_NUMBERS)}')}"
    return an_act("ReportReceived", by="hotline", when=service.clock.now(), stream=stream)


class Losing(httpx.BaseTransport):
    """A line that loses the answers of the first `lost` posts to `path` after they have arrived."""

    def __init__(self, service: Service, lost: int, path: str = "/v1/acts") -> None:
        self._inner = httpx.WSGITransport(app=service.app, raise_app_exceptions=False)
        self.lost = lost
        self._path = path
        self.bodies: list[bytes] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Delivers, and may lose the answer."""
        answer = self._inner.handle_request(request)
        if request.url.path == self._path:
            self.bodies.append(request.content)
            if len(self.bodies) <= self.lost:
                raise httpx.ReadTimeout("lost", request=request)
        return answer


def _client(service: Service, alias: str, transport: httpx.BaseTransport | None = None) -> Client:
    http = (
        service.http()
        if transport is None
        else httpx.Client(transport=transport, base_url="http://socai.test")
    )
    return Client("http://socai.test", builders.key(alias), now=service.clock.now, http=http)


def test_a_lost_answer_is_not_a_second_act(shared: Service) -> None:
    """The same bytes go again and bring the same receipt: one record."""
    line = Losing(shared, lost=2)
    client = _client(shared, "hotline", line)
    client.login()
    before = shared.size()
    sent = client.record(_report(shared).signed, at=shared.clock.now())
    assert shared.size() == before + 1
    assert len(set(line.bodies)) == 1
    assert len(line.bodies) == 3
    assert not sent.created
    assert sent.receipt["proof"]["index"] == sent.index


def test_whoever_has_just_recorded_a_case_finds_it_in_every_list(shared: Service) -> None:
    """At least the index of the receipt is asked for, and waited for: no list is older."""
    client, act = _client(shared, "hotline"), _report(shared)
    made = client.sign(canonical.encode(act.signed), stream=act.stream)
    with click.Context(officer.submit).scope():
        officer.send(client, made, at=shared.clock.now())
    other = _client(shared, "hotline").read(
        "/v1/cases", query={"id": act.stream[5:]}, at_least=shared.size() - 1
    )
    assert [one["state"] for one in other.body["cases"]] == ["RECEIVED"]


def test_statements_are_counted_and_repeats_apart(shared: Service) -> None:
    """Many repeats are answers that are lost on the way: an operator sees them."""

    def counted(outcome: str) -> float:
        return REGISTRY.get_sample_value("socai_statements_total", {"outcome": outcome}) or 0.0

    recorded, repeated = counted("recorded"), counted("repeated")
    client = _client(shared, "hotline", Losing(shared, lost=2))
    client.record(_report(shared).signed, at=shared.clock.now())
    assert (counted("recorded"), counted("repeated")) == (recorded + 1, repeated + 2)


def test_a_receipt_is_checked_with_the_logs_key_and_nothing_else(shared: Service) -> None:
    """The entry is recomputed from the envelope; then signature and inclusion must hold."""
    client = _client(shared, "hotline")
    sent = client.record(_report(shared).signed, at=shared.clock.now())
    raw = client.read(f"/v1/acts/{sent.receipt['act_id']}/raw").body["records"][0]
    envelope = canonical.unb64(raw["envelope"])
    entry = record.entry(envelope)
    assert canonical.b64(entry) == sent.receipt["entry"]
    assert record.parse_envelope(envelope).statement == sent.statement.compact
    vkey = VKey.parse(shared.enclave.vkeys[0])
    origin = shared.enclave.facts.origin
    verify(sent.receipt, [vkey], origin=origin, entry=entry)
    for forged in (
        {**sent.receipt, "log": "other.test/ordinary"},
        {**sent.receipt, "index": sent.index + 1},
    ):
        with pytest.raises(VerificationError):
            verify(forged, [vkey], origin=origin, entry=entry)
    with pytest.raises(VerificationError):
        verify(sent.receipt, [vkey], origin=origin, entry=bytes(32))


def test_nothing_is_signed_for_a_log_that_is_not_meant(shared: Service) -> None:
    """A server that says it is another log gets no sign-in and no act for that one."""
    asked: list[str] = []

    def relay(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        body = {
            "/v1/log": {"origin": "bacninh.example/ordinary"},
            "/v1/auth/challenge": {"challenge": "A" * 43, "expires_at": "2024-06-04T01:00:00.000Z"},
            "/v1/streams/ledger/head": {"seq": 1},
        }
        return httpx.Response(200, json=body[request.url.path])

    http = httpx.Client(transport=httpx.MockTransport(relay), base_url="http://socai.test")
    log = shared.enclave.facts.origin
    client = Client(
        "http://socai.test", builders.key("hotline"), log=log, now=shared.clock.now, http=http
    )
    with pytest.raises(OtherLog, match="is of bacninh"):
        client.login()
    with pytest.raises(OtherLog):
        client.sign(b"{}", stream="ledger", at_head=(1, None))
    assert "/v1/auth/token" not in asked


def test_a_proof_of_another_record_proves_nothing(shared: Service) -> None:
    """A server hands back what was signed, and the receipt of what somebody else had recorded."""
    client, at = _client(shared, "hotline"), shared.clock.now()
    receipt = client.record(_report(shared).signed, at=at).receipt
    report = _report(shared)
    made = client.sign(canonical.encode(report.signed), stream=report.stream, iat=at)
    told = record.build(log=client.origin, recorded_at=at, blind=bytes(32), statement=made.compact)
    line = {"index": receipt["index"], "entry": receipt["entry"], "envelope": canonical.b64(told)}

    class Liar(Client):
        def read(self, path: str, **_: Any) -> Read:  # noqa: ANN401 - any of them
            assert path.endswith("/raw")
            return Read({"records": [line]}, None, None)

    liar = Liar("http://socai.test", http=shared.http())
    with pytest.raises(Refusal, match=f"recorded at index {receipt['index']}, but its proof fails"):
        officer._check_proof(liar, receipt, made, [VKey.parse(shared.enclave.vkeys[0])])


@pytest.mark.parametrize("records", [None, [], [{}], [5], [{"index": 7, "envelope": "=="}]])
def test_a_record_that_is_not_shown_proves_nothing(shared: Service, records: object) -> None:
    """Erased since, or never there: whoever sent a statement is told that nothing was checked."""
    report = _report(shared)
    client = _client(shared, "hotline")
    made = client.sign(
        canonical.encode(report.signed), stream=report.stream, iat=shared.clock.now()
    )

    class Liar(Client):
        def read(self, path: str, **_: Any) -> Read:  # noqa: ANN401 - any of them
            del path
            return Read({"records": records}, None, None)

    liar = Liar("http://socai.test", http=shared.http())
    with pytest.raises((Refusal, Strange)):
        officer._check_proof(liar, {"act_id": report.act_id, "index": 7}, made, [])
    with pytest.raises((Refusal, Strange)):
        officer.payload_of(liar, report.act_id)


def test_the_home_knows_the_key_that_proofs_are_checked_by(
    shared: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that names a key of its own does not vouch for itself where the log is at home."""
    meant = shared.enclave.facts.origin
    own = str(NoteSigner(meant, SoftwareSigner.generate("Ed25519")).vkey)

    class Liar(Client):
        origin = meant

        def log(self) -> dict[str, Any]:
            return {"vkeys": [own]}

    liar = Liar("http://socai.test", http=shared.http())
    monkeypatch.setenv("SOCAI_HOME", str(tmp_path))
    assert [str(key) for key in log_keys(liar, None)] == [own]
    (tmp_path / "vkeys").write_text("\n".join(shared.enclave.vkeys), "ascii")
    assert [str(key) for key in log_keys(liar, None)] == [shared.enclave.vkeys[0]]
    assert [str(key) for key in log_keys(liar, VKey.parse(own))] == [own]


def test_a_countersigner_signs_the_act_that_was_named(shared: Service) -> None:
    """And not another one, whichever the server puts in its place."""
    client = _client(shared, "hotline")
    act = client.record(_report(shared).signed, at=shared.clock.now()).receipt["act_id"]
    other = client.record(_report(shared).signed, at=shared.clock.now()).receipt["act_id"]

    class Liar(Client):
        def read(self, path: str, **more: Any) -> Read:  # noqa: ANN401 - any of them
            return client.read(path.replace(act, other), **more)

    with pytest.raises(Refusal, match="another act"):
        officer.payload_of(Liar("http://socai.test", http=shared.http()), act)
    assert canonical.parse(officer.payload_of(client, act))["act_id"] == act


def test_an_answer_that_points_elsewhere_is_no_answer(shared: Service) -> None:
    """A redirect is neither followed, with the officer's token, nor taken for what was asked."""
    asked: list[str] = []

    def away(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(302, headers={"Location": "http://evil.test/"}, json={"ok": True})

    http = httpx.Client(transport=httpx.MockTransport(away), base_url="http://socai.test")
    client = Client("http://socai.test", builders.key("hotline"), http=http)
    client._token = shared.token("hotline")
    with pytest.raises(Strange):
        client.check({}, at=shared.clock.now())
    assert asked == ["http://socai.test/v1/acts/check"]


def test_a_stranger_follows_the_log_from_checkpoint_to_checkpoint(shared: Service) -> None:
    """Old and new checkpoint are of one history, by the log's key alone."""
    client = Client("http://socai.test", http=shared.http())
    vkey = VKey.parse(client.log()["vkeys"][0])
    trusted = TrustedLog(shared.enclave.facts.origin, [vkey])
    old = trusted.advance(client.checkpoint())
    _client(shared, "hotline").record(_report(shared).signed, at=shared.clock.now())
    note = client.checkpoint()
    size = int(note.split(b"\n")[1])
    told = client.consistency(old.size, size)
    path = [canonical.unb64std(one) for one in told["hashes"]]
    assert trusted.advance(note, path).size == size > old.size


def test_the_client_signs_in_again_when_its_token_has_ended(shared: Service) -> None:
    """An expired session is nothing an officer should notice."""
    client = _client(shared, "cv")
    client.login()
    client._token = "AAAA"  # noqa: S105  what a server would not take
    assert client.read("/v1/worklist").body["officer"] == builders.officer("cv")


def test_a_sign_in_whose_answer_is_lost_is_made_anew(shared: Service) -> None:
    """A challenge is good once: sent again it is refused, so another one is asked for."""
    line = Losing(shared, 2, "/v1/auth/token")
    client = _client(shared, "cv", line)
    client.login()
    assert client.officer == builders.officer("cv")
    assert len(set(line.bodies)) == len(line.bodies) == 3


def test_a_sign_in_waits_as_it_is_told_and_asks_no_more_than_any_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two attempts are two requests where nobody answers, and `Retry-After` is how far apart."""
    asked: list[str] = []
    pauses: list[float] = []
    monkeypatch.setattr(connection, "sleep", pauses.append)

    def full(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        if request.url.path == "/v1/auth/challenge":
            told = {"challenge": "A" * 43, "expires_at": "2024-06-04T01:00:00.000Z"}
            return httpx.Response(200, json=told)
        return httpx.Response(503, json={"code": "unavailable"}, headers={"Retry-After": "5"})

    def nobody(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        raise httpx.ConnectError("refused", request=request)

    def sign_in(line: Callable[[httpx.Request], httpx.Response]) -> list[str]:
        asked.clear()
        http = httpx.Client(transport=httpx.MockTransport(line), base_url="http://x")
        log = "socai.test/mat"  # one that says nothing of itself before a sign-in
        client = Client("http://x", builders.key("cv"), log=log, http=http, attempts=2)
        with pytest.raises((Refused, Unreachable)):
            client.login()
        return [path.rpartition("/")[2] for path in asked]

    assert sign_in(full) == ["challenge", "token"] * 2
    assert pauses == [5.0]
    assert sign_in(nobody) == ["challenge"] * 2


@pytest.mark.parametrize("stated", [b"\xb2", b"-1", b"1e9", b"Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_pause_that_is_no_number_is_none(stated: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever lies before a server writes there: that it refuses is told all the same."""
    monkeypatch.setattr(connection, "sleep", lambda _: None)

    def full(request: httpx.Request) -> httpx.Response:
        del request
        return httpx.Response(503, headers=[(b"Retry-After", stated)])

    http = httpx.Client(transport=httpx.MockTransport(full), base_url="http://x")
    with pytest.raises(Refused) as refused:
        Client("http://x", http=http, attempts=2).log()
    assert (refused.value.status, refused.value.after_s) == (503, None)


def test_a_refusal_carries_guard_and_problem(shared: Service) -> None:
    """What the command line shows comes from here."""
    client = _client(shared, "hotline")
    members = {**_report(shared).signed, "agency": "khong.co"}
    with pytest.raises(Refused) as refused:
        client.record(members, at=shared.clock.now())
    assert (refused.value.status, refused.value.guard) == (422, "AGENCY_EXISTS")
    assert refused.value.problem["recorded"] == "nothing"


def test_an_unknown_key_cannot_sign_in(shared: Service) -> None:
    """And learns no more than that."""
    stranger = SoftwareSigner.generate("Ed25519")
    with pytest.raises(Refused) as refused:
        Client("http://socai.test", stranger, http=shared.http()).login()
    assert refused.value.code == "sign_in_failed"


def test_check_says_before_signing_what_recording_would(shared: Service) -> None:
    """Nothing is recorded, whatever is asked."""
    client, at = _client(shared, "hotline"), shared.clock.now()
    before = shared.size()
    good = client.check(_report(shared).signed, at=at)
    bad = client.check({**_report(shared).signed, "agency": "khong.co"}, at=at)
    assert good["ok"] is True
    assert good["next_state"] == "RECEIVED"
    assert (bad["ok"], bad["guard"]) == (False, "AGENCY_EXISTS")
    assert bad["detail"]
    assert shared.size() == before


def test_prepared_bytes_are_what_a_thin_client_signs(shared: Service) -> None:
    """The server builds, the client shows and signs, and the statement is taken."""
    client, at = _client(shared, "hotline"), shared.clock.now()
    members = dict(_report(shared).signed)
    told = client.prepare(members, at=at)
    assert told["signing_input"] == f"{told['protected']}.{told['payload']}"
    assert told["shown"] == members
    key = builders.key("hotline")
    body = {
        "payload": told["payload"],
        "protected": told["protected"],
        "signature": canonical.b64(key.sign(told["signing_input"].encode())),
    }
    response = shared.post(orjson.dumps(body), "hotline", at)
    assert response.status_code == 201, response.text


def test_pages_are_walked_to_the_end(shared: Service) -> None:
    """Every case once."""
    client = _client(shared, "hotline")
    for _ in range(3):
        sent = client.record(_report(shared).signed, at=shared.clock.now())
    pages = list(client.pages("/v1/cases", query={"limit": 2}, at_least=sent.index))
    ids: list[Any] = [line["id"] for page in pages for line in page["cases"]]
    assert len(ids) == len(set(ids)) >= 3


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b"7", b'[{"data": {}}]', 9 * b"\0\3abc"])
@pytest.mark.parametrize("asks", ["attach", "whole", "entry", "stream"])
def test_what_a_strange_server_answers_is_strange(tmp_path: Path, body: bytes, asks: str) -> None:
    """A file sent, a listing, a record to be voided: never a trace."""
    file = tmp_path / "a.pdf"
    file.write_bytes(b"%PDF")

    def strange(request: httpx.Request) -> httpx.Response:
        del request
        return httpx.Response(200, content=body)

    http = httpx.Client(transport=httpx.MockTransport(strange), base_url="http://socai.test")
    client = Client("http://socai.test", builders.key("hotline"), http=http)
    client._token = "x"  # noqa: S105  as signed in
    client.log = lambda: {"records": 9, "size": 9}  # type: ignore[method-assign]
    calls: dict[str, Callable[[], object]] = {
        "attach": lambda: client.attach(file),
        "whole": lambda: client.whole("/v1/keys", "keys"),
        "entry": lambda: client.entry(3),
        "stream": lambda: voiding._stream(client, {}, 3),
    }
    with pytest.raises(Strange):
        calls[asks]()


def test_a_member_that_a_server_of_another_version_lacks_is_strange() -> None:
    """However deep it is read, and by whatever table: said to be of another version, no trace."""
    lines: list[dict[str, dict[str, str]]] = [{"data": {}}]
    told = {"cases": [{"id": builders.an_id("a"), "read_under": {}}], "records": lines}

    def older(request: httpx.Request) -> httpx.Response:
        found = lines if request.url.path == "/v1/feed" else told
        return httpx.Response(200, json=found, headers={"Link": "</v1/feed?after=1>"})

    http = httpx.Client(transport=httpx.MockTransport(older), base_url="http://socai.test")
    client = Client("http://socai.test", http=http)
    case = client.read("/v1/cases").body["cases"][0]
    reads: list[Callable[[], object]] = [
        lambda: case["title"],
        lambda: case["read_under"]["act"],
        lambda: client.read("/v1/cases").body["next"],
        lambda: client.public("/v1/public/acts")["acts"],
        lambda: client.feed(0)[0][0]["data"]["stream"],
        lambda: client.case_records("a")[0]["index"],
        lambda: client.whole("/v1/cases", "cases")["cases"][0]["title"],
    ]
    for read in reads:
        with pytest.raises(Strange, match="there is no "):
            read()
    assert case.get("title") is None


@pytest.mark.parametrize("takes", ["copy", "print"])
def test_no_number_of_a_permit_is_taken_for_a_file_that_has_no_place(
    tmp_path: Path, takes: str
) -> None:
    """A number is given once (access.md A23): whoever cannot write the file asks for none."""
    asked: list[str] = []

    def given(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200, content=b"%PDF", headers={"Repr-Digest": _PDF_DIGEST})

    http = httpx.Client(transport=httpx.MockTransport(given), base_url="http://socai.test")
    client = Client("http://socai.test", builders.key("hotline"), http=http)
    client._token = "x"  # noqa: S105  as signed in
    named = "sha-256:" + canonical.b64(hashlib.sha256(b"%PDF").digest())
    calls: dict[str, Callable[[Path], tuple[object, ...]]] = {
        "copy": lambda into: client.take_copy("a", named, "p", into),
        "print": lambda into: client.print_case("c", "p", into),
    }
    with pytest.raises(FileNotFoundError):
        calls[takes](tmp_path / "none" / "a.pdf")
    assert asked == []
    long = tmp_path / ("ệ" * 85)  # 255 bytes, the longest name there is
    assert calls[takes](long)[0] == 4
    assert [one.name for one in tmp_path.iterdir()] == [long.name]


_PDF_DIGEST = f"sha-256=:{canonical.b64std(hashlib.sha256(b'%PDF').digest())}:"


@contextmanager
def _port(answer: bytes) -> Iterator[int]:
    """Another program's port: whatever comes in, this goes out, and the line is closed."""

    class Saying(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65_536)
            self.request.sendall(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Saying) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


_PAGE = b"Content-Type: text/html\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>"


@pytest.mark.parametrize(
    ("scheme", "answer"),
    [
        ("http", b"220 mail.example ESMTP\r\n\r\n"),
        ("http", b"\x15\x03\x01\x00\x02\x02\x46"),  # what a port of TLS says to plain HTTP
        ("https", b"HTTP/1.1 400 Bad Request\r\n\r\n"),  # and a plain one to TLS
        ("http", b"HTTP/1.1 200 OK\r\n" + _PAGE),
        ("http", b"HTTP/1.1 500 Internal Server Error\r\n" + _PAGE),
        ("http", b"HTTP/1.1 302 Found\r\nLocation: http://localhost/\r\n" + _PAGE),
        ("http", b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n" + _PAGE),
        ("http", b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"origin": 5}'),
    ],
)
def test_another_programs_port_is_told_from_a_ledger_that_is_away(
    scheme: str, answer: bytes
) -> None:
    """At once, and nothing is signed: sending it again to that address would be of no use."""
    key = builders.key("hotline")
    with _port(answer) as port:
        client = Client(f"{scheme}://127.0.0.1:{port}", key, log="a.example/ordinary")
        with closing(client), pytest.raises(Strange):
            client.login()


def test_a_program_before_the_server_is_no_other_program(tmp_path: Path) -> None:
    """A proxy that finds nobody behind it: said as it is, with status 1, since it may come back."""
    busy = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\n" + _PAGE
    with _port(busy) as port:
        words = ["--lang", "en", "public", "--server", f"http://127.0.0.1:{port}"]
        result = CliRunner().invoke(main, words, env={"SOCAI_HOME": str(tmp_path)})
    assert result.exit_code == 1
    assert result.stderr.startswith("A program before the server failed (HTTP 503)")


def test_over_plain_http_no_certificate_is_believed_and_no_list_of_them_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A command at a terminal does not wait for it; over TLS those of everybody hold."""
    plain, closed = trusted("http://127.0.0.1:8000"), trusted("https://127.0.0.1:8000")
    for context in (plain, closed):
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert [one.cert_store_stats()["x509_ca"] > 0 for one in (plain, closed)] == [False, True]

    def read(*_: object, **__: object) -> NoReturn:
        raise AssertionError

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", read)
    Client("http://127.0.0.1:8000").close()
    with pytest.raises(AssertionError):
        Client("https://127.0.0.1:8000")


def test_nobody_there_is_said_as_it_is() -> None:
    """No answer after every attempt."""

    def gone(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    http = httpx.Client(transport=httpx.MockTransport(gone), base_url="http://socai.test")
    with pytest.raises(Unreachable):
        Client("http://socai.test", http=http, attempts=2).log()


@pytest.mark.parametrize(
    ("code", "raised"), [("proof_late", Refused), ("answer_late", Unreachable)]
)
def test_who_was_told_that_it_is_recorded_is_not_told_at_last_that_nobody_answers(
    code: str, raised: type[Exception]
) -> None:
    """The service is stopped while a proof is waited for; what it said before still holds."""
    answers = [Problem(code).body("en", "none")]

    def stopped(request: httpx.Request) -> httpx.Response:
        if answers:
            return httpx.Response(503, headers={"Retry-After": "0"}, json=answers.pop())
        raise httpx.ConnectError("refused", request=request)

    http = httpx.Client(transport=httpx.MockTransport(stopped), base_url="http://socai.test")
    with pytest.raises(raised):
        Client("http://socai.test", http=http, attempts=3).log()


@pytest.mark.parametrize("later", ["disk_full", None])
def test_who_was_told_that_it_is_recorded_is_not_told_at_last_that_it_is_not(
    later: str | None,
) -> None:
    """A proxy whose service has ended answers, and so does a service that is full by then."""
    body = None if later is None else Problem(later).body("en", "none")
    first = httpx.Response(503, json=Problem("proof_late").body("en", "none"))
    answers = iter([first, *(httpx.Response(502 if body is None else 503, json=body),) * 2])
    http = httpx.Client(
        transport=httpx.MockTransport(lambda _: next(answers)), base_url="http://socai.test"
    )
    with pytest.raises(Refused) as told:
        Client("http://socai.test", http=http, attempts=3).log()
    assert told.value.code == "proof_late"


def test_what_is_refused_at_last_says_nothing_of_what_was_sent_before() -> None:
    """Of the same bytes, sent before without an answer, "nothing was recorded" may be wrong."""
    for first in (None, httpx.Response(502), _told("no_answer"), _told("stopped")):
        for last in ("disk_full", "not_found", "unknown_key"):  # of whom the act has shut out
            error = _at_last(first, _told("too_many_requests"), _told(last))
            assert getattr(error, "recorded", "unknown") == "unknown"
        for code in ("stale", "guard"):  # of whoever looked first whether it is there
            assert getattr(_at_last(first, _told(code)), "code", None) == code
    assert getattr(_at_last(_told("proof_late"), _told("not_found")), "code", None) == "proof_late"


def _at_last(*answers: httpx.Response | None) -> Exception:
    """What is told of these answers, one after the other."""
    coming = iter(answers)

    def answered(request: httpx.Request) -> httpx.Response:
        told = next(coming)
        if told is None:
            raise httpx.ReadError("cut", request=request)
        return told

    http = httpx.Client(transport=httpx.MockTransport(answered), base_url="http://socai.test")
    with pytest.raises((Refused, Unreachable)) as error:
        Client("http://socai.test", http=http, attempts=3).answer(
            "POST", "/v1/acts", content=b"{}", signed_in=False
        )
    return error.value


def _told(code: str) -> httpx.Response:
    problem = Problem(code)
    headers = {"Retry-After": "0"}
    return httpx.Response(problem.type.status, headers=headers, json=problem.body("en", "none"))


class Spoiling(httpx.BaseTransport):
    """A line over which each request arrives, and another answer comes to those of one path."""

    def __init__(self, service: Service, path: str, answer: httpx.Response | None) -> None:
        self._inner = httpx.WSGITransport(app=service.app, raise_app_exceptions=False)
        self._path, self._answer = path, answer

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Delivers, and may answer otherwise; None: whoever waits for it breaks it off."""
        answer = self._inner.handle_request(request)
        if not request.url.path.endswith(self._path):
            return answer
        if self._answer is None:
            raise KeyboardInterrupt
        return self._answer


_SPOILT = {
    "another page": ("/acts", httpx.Response(200, html="<p>Sign in</p>")),
    "points elsewhere": ("/acts", httpx.Response(302, headers={"Location": "http://a.example"})),
    "a proxy's own": ("/acts", httpx.Response(502)),
    "no replica": ("/acts", _told("no_answer")),
    "an error of the server": ("/acts", _told("internal")),
    "no receipt": ("/acts", httpx.Response(200, json={})),
    "broken off": ("/acts", None),
    "a proof that costs too much": ("/raw", _told("too_many_requests")),
    "a proof that is not to be seen": ("/raw", _told("not_found")),
    "no proof": ("/raw", httpx.Response(200, html="<p>Sign in</p>")),
}


def test_what_may_be_recorded_is_kept_and_sent_again(
    shared: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was told otherwise wrote the act anew, and it was recorded twice."""
    monkeypatch.setenv("SOCAI_HOME", str(tmp_path))
    for how, (path, answer) in each(_SPOILT.items()):
        with of(how):
            line = Spoiling(shared, path, answer)
            http = httpx.Client(transport=line, base_url="http://socai.test")
            report, at = _report(shared), shared.clock.now()
            spoilt = Client("http://socai.test", builders.key("hotline"), http=http, attempts=1)
            sending = recording.Recording(spoilt, Shell(), at)
            payload = canonical.encode(report.signed)
            with (
                click.Context(click.Command("new"), obj=sending.shell),
                pytest.raises(Refusal) as told,
            ):
                sending.send(payload, report.stream, (1, None))
            assert "othing was recorded" not in str(told.value.text)
            file = tmp_path / "unsent" / f"{report.act_id}-1.json"
            assert f"socai act submit {file}" in str(told.value.text)
            kept = statement.parse_flattened(file.read_bytes())
            sent = _client(shared, "hotline").submit(kept, at=at)
            assert (sent.created, sent.receipt["act_id"]) == (False, report.act_id)


class Moving(httpx.BaseTransport):
    """A line before whose first statements something else is recorded in their stream."""

    def __init__(self, service: Service, stream: str, times: int) -> None:
        self._service, self._stream, self._left = service, stream, times
        self._inner = httpx.WSGITransport(app=service.app, raise_app_exceptions=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Records first, then delivers."""
        if request.url.path == "/v1/acts" and self._left:
            self._left -= 1
            now = self._service.clock.now()
            other = an_act("ReportReceived", by="hotline", when=now, stream=self._stream)
            self._service.say(other, "hotline")
        return self._inner.handle_request(request)


@attack(
    "one officer records in a case on and on, so that everybody else's acts there are refused,"
    " those too by which that officer is shut out",
    stopped_by="what nobody is asked about again is signed anew, upon the head it is told",
    noticed_by="the case's history",
)
def test_who_records_on_and_on_keeps_nobody_out_of_a_case(shared: Service) -> None:
    """By `act new --yes`, `grant` and its like; who reads what came in between is asked again."""
    at, case = shared.clock.now(), _report(shared)
    shared.say(case, "hotline")
    for way, taken in each((("--yes", 1), ("grant", 1), ("asked", 0))):
        with of(way):
            line = Moving(shared, case.stream, 3)
            http = httpx.Client(transport=line, base_url="http://socai.test")
            client = Client("http://socai.test", builders.key("hotline"), http=http)
            report = an_act("ReportReceived", by="hotline", when=at, stream=case.stream)
            sending = recording.Recording(client, Shell(), at, yes=way == "--yes")
            head, before = client.head(case.stream), shared.size()
            with click.Context(click.Command("new"), obj=sending.shell):
                if way == "grant":
                    access.sign_and_send(client, dict(report.signed), at)
                else:
                    payload = canonical.encode(report.signed)
                    assert sending.send(payload, case.stream, head) is bool(taken)
            assert shared.size() == before + taken * (3 + 1) + (not taken)


def test_a_timeline_is_asked_for_in_as_few_pages_as_there_may_be(service: Service) -> None:
    """Each of them folds the case anew: a thousand acts were twenty of them."""
    service.hire("hotline")
    report = _report(service)
    case, index = report.stream.removeprefix("case/"), service.say(report, "hotline")["index"]
    asked: list[str] = []
    with service.http() as http:
        client = Client("http://socai.test", builders.key("hotline"), http=http)
        client.case_acts(case, at_least=index)
        http.event_hooks["request"].append(lambda request: asked.append(request.url.query.decode()))
        (act,) = client.case_acts(case)["acts"]
    assert (act["act_id"], asked) == (report.act_id, ["limit=200"])


def test_over_a_real_socket(service: Service, url: str) -> None:
    """Challenge, statement, proof and case view over HTTP as officers meet it."""
    service.hire("hotline")
    at = service.clock.now() + timedelta(minutes=1)
    with Client(url, builders.key("hotline"), now=service.clock.now) as client:
        sent = client.record(_report(service).signed, at=at)
        assert sent.created
        case = sent.receipt["stream"].removeprefix("case/")
        assert client.case(case, at_least=sent.index)["state"] == "RECEIVED"
        assert client.verification(case)["outcome"] == "VALID"
        assert [act["act"] for act in client.case_acts(case)["acts"]] == ["ReportReceived"]
