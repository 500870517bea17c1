"""Files of acts over HTTP: taken, listed, read and accounted for.

By the officers of one enclave.
"""

from __future__ import annotations

import hashlib
import re
import stat
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
import pytest
from click.testing import CliRunner, Result
from werkzeug.test import TestResponse

from api.cli.main import main
from api.client.client import Client
from api.client.connection import Refused
from api.http.framework.read_budget import AT_ONCE
from api.ops.telemetry import HEAVY_SECONDS
from api.settings import child_environment
from keys.canonical import b64, b64std
from keys.custody.file import write_key
from ledger.errors import VerificationError
from ledger.regulation.acts.act import Act
from tests import builders
from tests.builders import an_act
from tests.fixtures.app import Service
from tests.processes import serving

pytestmark = pytest.mark.postgres

DATA: Final = hashlib.shake_256(b"evidence").digest(150_000)
MIB: Final = 1 << 20
WARMING: Final = 8
_NUMBERS = count()


def raw(data: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(data).digest()


def digest_of(data: bytes) -> str:
    """As an act writes it."""
    return f"sha-256:{b64(raw(data))}"


def declared(data: bytes) -> dict[str, str]:
    """As RFC 9530 writes it."""
    return {"Content-Digest": f"sha-256=:{b64std(raw(data))}:"}


DECLARED: Final = declared(DATA)["Content-Digest"]
OTHER: Final = declared(b"another")["Content-Digest"]


def upload(
    service: Service,
    data: bytes = DATA,
    by: str | None = "hotline",
    *,
    media: str | None = "application/pdf",
    **headers: str,
) -> TestResponse:
    """POST /v1/attachments."""
    sent = {**service.headers(by), **{k.replace("_", "-"): v for k, v in headers.items()}}
    if media is not None:
        sent["Content-Type"] = media
    return service.client.post("/v1/attachments", data=data, headers=sent)


def report(service: Service, *files: dict[str, Any], name: str = "Đơn (bản chụp).pdf") -> Act:
    """A report of a new case that lists files."""
    listed = [{"name": name, **{k: file[k] for k in _LISTED}} for file in files]
    return an_act(
        "ReportReceived",
        by="hotline",
        when=service.clock.now(),
        stream=f"case/{builders.an_id(f'files {next(_NUMBERS)}')}",
        attachments=listed,
    )


_LISTED: Final = ("digest", "media_type", "size")


def attached(service: Service, data: bytes = DATA, **more: str) -> str:
    """Path of a file of a recorded act."""
    told = upload(service, data, media=more.pop("media", "application/pdf")).get_json()
    act = report(service, told, **more)
    service.say(act, "hotline")
    return f"/v1/acts/{act.act_id}/attachments/{digest_of(data)}"


@pytest.mark.parametrize("headers", [{}, declared(DATA)], ids=["undeclared", "declared"])
def test_a_file_is_taken_and_its_digest_answered(shared: Service, headers: dict[str, str]) -> None:
    """With or without a declared digest; a second time the answer is the same."""
    for _ in range(2):
        response = upload(shared, DATA, "hotline", **headers)
        assert response.status_code == 201, response.text
        assert response.get_json() == {
            "digest": digest_of(DATA),
            "size": len(DATA),
            "media_type": "application/pdf",
            "rehearsal": True,
        }


def test_a_file_is_served_as_received_and_to_be_saved(shared: Service) -> None:
    """The bytes, the type the act states, a name that no file system trips over, and no cache."""
    path = attached(shared, media="text/html", name='../Đơn "gấp".html')
    response = shared.get(path)
    assert response.status_code == 200
    assert response.get_data() == DATA
    assert response.headers["Content-Type"] == "text/html"
    assert response.headers["Content-Length"] == str(len(DATA))
    assert response.headers.getlist("X-Content-Type-Options") == ["nosniff"]
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert response.headers["Repr-Digest"] == declared(DATA)["Content-Digest"]
    disposition = response.headers["Content-Disposition"]
    assert disposition.startswith("attachment; filename")
    assert "%C4%90%C6%A1n" in disposition
    assert "/" not in disposition.replace("UTF-8", "")


def test_no_program_takes_metadata_out_of_a_file(shared: Service) -> None:
    """access.md L26: evidence is kept byte for byte, with camera, place and comment in it.

    Whoever takes a file in from a reporter gives the case a copy without them; nothing here does.
    """
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x0f\x01\x02\0\x07\0\0\0\x1a\0\0\0\0\0\0\0Camera\0"
    said = "chụp tại nhà người tố giác".encode()
    parts = [(0xE1, exif), (0xFE, said), (0xDB, bytes(65))]
    photo = b"\xff\xd8" + b"".join(
        bytes((0xFF, kind)) + (len(data) + 2).to_bytes(2, "big") + data for kind, data in parts
    ) + b"\xff\xd9"  # fmt: skip
    answer = shared.get(attached(shared, photo, media="image/jpeg", name="anh.jpg"))
    assert (answer.headers["Content-Type"], answer.get_data()) == ("image/jpeg", photo)


def test_a_caller_who_holds_the_file_is_not_sent_it_again(shared: Service) -> None:
    """304 and HEAD hand out nothing, so the history does not grow by them."""
    path = attached(shared)
    shared.folded()
    etag = shared.get(path).headers["ETag"]
    assert shared.get(path, headers={"If-None-Match": etag}).status_code == 304
    assert shared.get(path, "hotline", headers={"If-None-Match": etag}).status_code == 200
    head = shared.client.head(path, headers=shared.headers("cv"))
    assert (head.status_code, head.get_data()) == (200, b"")
    events = shared.get(f"{path}/custody").get_json()["events"]
    assert [event["event"] for event in events].count("READ") == 2


def test_a_file_is_under_way_until_all_of_it_has_left(shared: Service) -> None:
    """Opening it again while it is sent is work too, and so is one that nobody reads to its end."""
    path = attached(shared)
    before_s = _paid("file")
    as_tp = shared.headers("tp")
    opened = [shared.client.get(path, headers=as_tp) for _ in range(AT_ONCE)]
    assert {answer.status_code for answer in opened} == {200}
    refused = shared.get(path, "tp")
    assert (refused.status_code, refused.get_json()["code"]) == (429, "too_many_requests")
    assert _paid("file") == before_s
    assert shared.get(path, "gd").status_code == 200  # another officer's places are another's
    assert opened[0].get_data() == DATA
    before_s = _paid("file")
    for answer in opened[1:]:
        answer.close()
    assert _paid("file") > before_s
    assert shared.get(path, "tp").get_data() == DATA


def _paid(kind: str) -> float:
    """Seconds of work that heavy reads of a kind have been so far."""
    return HEAVY_SECONDS.labels(kind)._value.get()  # type: ignore[no-any-return]  # as it is told


def test_the_custody_history_tells_who_had_the_file(shared: Service) -> None:
    """Added, attached, read, by whom and when: itself never cached."""
    path = attached(shared)
    shared.get(path, "cv")
    shared.get(path, "tp")
    response = shared.get(f"{path}/custody", "gd")
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    body = response.get_json()
    told = [(event["event"], event["officer"]) for event in body["events"]]
    assert told == [
        ("ADDED", builders.officer("hotline")),
        ("ATTACHED", builders.officer("hotline")),
        ("READ", builders.officer("cv")),
        ("READ", builders.officer("tp")),
    ]
    assert (body["name"], body["size"]) == ("Đơn (bản chụp).pdf", len(DATA))
    act_id = path.split("/")[3]
    assert {event.get("act_id") for event in body["events"][1:]} == {act_id}
    assert body["events"][0]["kid"] == builders.key("hotline").kid


def test_the_custody_history_tells_what_the_log_answers_for(service: Service) -> None:
    """What came before the last anchor is covered by it, what came after is not yet."""
    service.enrol_service()
    service.hire("hotline", "cv")
    path = attached(service)
    asked = f"{path}/custody"
    assert "anchor" not in service.get(asked).get_json()
    service.get(path)
    anchor = service.anchor()
    service.get(path)
    body = service.get(asked).get_json()
    assert body["anchor"]["index"] == anchor.index
    told = [(event["event"], event.get("anchored")) for event in body["events"]]
    assert told == [("ADDED", True), ("ATTACHED", None), ("READ", True), ("READ", False)]


def test_an_act_with_a_file_that_was_never_uploaded_is_a_clear_problem(shared: Service) -> None:
    """422 with a pointer; nothing is recorded, and after the upload the same bytes are taken."""
    data = b"written later"
    file = {"digest": digest_of(data), "size": len(data), "media_type": "text/plain"}
    statement = shared.sign(report(shared, file), "hotline")
    size = shared.size()
    response = shared.send(statement, "hotline")
    assert response.status_code == 422
    problem = response.get_json()
    assert problem["code"] == "attachment_missing"
    assert [error["pointer"] for error in problem["errors"]] == ["/attachments/0"]
    assert shared.size() == size
    assert upload(shared, data).status_code == 201
    assert shared.send(statement, "hotline").status_code == 201


def test_anothers_upload_does_not_serve(shared: Service) -> None:
    """Knowing a digest opens nothing: byte for byte the answer for bytes nobody has (L16)."""
    known, unknown = b"uploaded by cv", b"uploaded by none"
    upload(shared, known, "cv")
    bodies = []
    for data in (known, unknown):
        file = {"digest": digest_of(data), "size": len(data), "media_type": "text/plain"}
        statement = shared.sign(report(shared, file), "hotline")
        response = shared.send(statement, "hotline", headers={"X-Request-Id": "same"})
        bodies.append((response.status_code, response.get_data()))
    assert bodies[0] == bodies[1]
    assert bodies[0][0] == 422


def test_what_is_not_to_be_seen_looks_like_what_is_not(shared: Service) -> None:
    """Absent act, absent file, unlisted file, malformed id and digest: the same 404."""
    path = attached(shared)
    act_id = path.split("/")[3]
    upload(shared, b"unlisted", "cv")
    answers = [
        shared.get(f"/v1/acts/{act}/attachments/{digest}{end}", headers={"X-Request-Id": "same"})
        for act, digest in (
            (builders.an_id("no act"), digest_of(DATA)),
            (act_id, digest_of(b"no file")),
            (act_id, digest_of(b"unlisted")),
            ("no-uuid", digest_of(DATA)),
            (act_id, "sha-256:short"),
            (act_id, digest_of(DATA).removeprefix("sha-256:")),
        )
        for end in ("", "/custody")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.get_data() for answer in answers}) == 1


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Content_Digest": f"sha-256=:{b64std(bytes(32))}:"}, 422, "digest_mismatch"),
        ({"Content_Digest": "sha-256=:AAAA:"}, 400, "malformed_request"),
        ({"Content_Digest": f"sha-512=:{b64std(bytes(64))}:"}, 400, "malformed_request"),
        ({"Content_Digest": "nonsense"}, 400, "malformed_request"),
        ({"Content_Digest": f"{DECLARED}, {OTHER}"}, 400, "malformed_request"),
        ({"Content_Digest": f"{OTHER}, {DECLARED}"}, 400, "malformed_request"),
        ({"Content_Encoding": "gzip"}, 415, "unsupported_media_type"),
        ({"media": "multipart/form-data; boundary=x"}, 415, "unsupported_media_type"),
        ({"media": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
        ({"media": "nonsense"}, 415, "unsupported_media_type"),
        ({"by": None}, 401, "not_signed_in"),
    ],
)
def test_bad_uploads_keep_nothing(
    shared: Service, headers: dict[str, Any], status: int, code: str
) -> None:
    """A clear problem each, and not a byte in the store."""
    folder = Path(shared.settings.blobs)
    before = sum(1 for _ in folder.rglob("*"))
    response = upload(shared, **headers)
    assert (response.status_code, response.get_json()["code"]) == (status, code)
    assert sum(1 for _ in folder.rglob("*")) <= before + 1  # an empty folder may be left


def test_a_file_over_the_limit_is_413(shared: Service) -> None:
    """Whether its length was stated or not."""
    shared.enclave.attachments.limit_bytes, limit = 100_000, shared.enclave.attachments.limit_bytes
    try:
        refused = upload(shared).get_json()
        assert (refused["code"], "100000" in refused["detail"]) == ("too_large", True)
        response = shared.client.post(
            "/v1/attachments",
            headers={**shared.headers("hotline"), "Transfer-Encoding": "chunked"},
            environ_overrides={"wsgi.input": _Endless(), "wsgi.input_terminated": True},
        )
        assert (response.status_code, response.get_json()["code"]) == (413, "too_large")
    finally:
        shared.enclave.attachments.limit_bytes = limit


class _Endless:
    def read(self, size: int = -1) -> bytes:
        """More of it."""
        return bytes(max(size, 1))

    def readinto(self, buffer: bytearray) -> int:
        """More of it."""
        return len(buffer)


def test_a_body_that_stops_half_way_keeps_nothing(shared: Service) -> None:
    """A lost line is not the end of a file."""
    response = shared.client.post(
        "/v1/attachments",
        data=DATA,
        headers=shared.headers("hotline"),
        content_type="image/png",
        environ_overrides={"CONTENT_LENGTH": str(len(DATA) + 10)},
    )
    assert response.status_code == 400


def test_other_calls_keep_their_small_limit(shared: Service) -> None:
    """Only an upload may be long."""
    response = shared.post(bytes(2 * MIB), "hotline")
    assert (response.status_code, response.get_json()["code"]) == (413, "too_large")


def test_a_file_changed_in_the_store_is_never_served(shared: Service) -> None:
    """500 with no byte of it: the alarm names no content, the history no reader."""
    folder = Path(shared.settings.blobs)
    before = set(folder.rglob("*"))
    path = attached(shared, b"a sealed letter" * 9000)
    (kept,) = (file for file in set(folder.rglob("*")) - before if file.is_file())
    sealed = bytearray(kept.read_bytes())
    sealed[70_000] ^= 1
    kept.write_bytes(bytes(sealed))
    response = shared.get(path)
    assert (response.status_code, response.get_json()["code"]) == (500, "evidence_fails")
    assert b"sealed letter" not in response.get_data()
    events = shared.get(f"{path}/custody").get_json()["events"]
    assert "READ" not in [event["event"] for event in events]


# -- the client and the command line, behind a socket ---------------------------------------------


def test_the_client_sends_and_fetches_a_file_unchanged(
    service: Service, url: str, tmp_path: Path
) -> None:
    """Checked on both sides; what was changed on the way never appears under its name.

    A name is signed on one line and composed: a folder may have a line's end in it, or marks apart.
    """
    service.hire("hotline", "cv")
    source = tmp_path / unicodedata.normalize("NFD", "Biên\nbản.pdf")
    source.write_bytes(DATA)
    with Client(url, builders.key("hotline")) as client:
        listed = client.attach(source)
        assert listed == {
            "digest": digest_of(DATA),
            "media_type": "application/pdf",
            "size": len(DATA),
            "name": "Biên bản.pdf",
        }
        act = report(service, listed, name=listed["name"])
        client.record(dict(act.signed), at=service.clock.now())
        into = tmp_path / "copy.pdf"
        assert client.attachment(act.act_id, listed["digest"], into) == len(DATA)
        assert into.read_bytes() == DATA
        assert stat.S_IMODE(into.stat().st_mode) == 0o600
        events = client.custody(act.act_id, listed["digest"])["events"]
        assert [event["event"] for event in events] == ["ADDED", "ATTACHED", "READ"]
        with pytest.raises(Refused, match="not_found"):
            client.attachment(act.act_id, digest_of(b"?"), tmp_path / "no.pdf")
    assert sorted(path.name for path in tmp_path.glob("*.pdf")) == [source.name, "copy.pdf"]
    assert not list(tmp_path.glob(".*"))


def test_a_server_that_lies_about_a_file_is_caught(tmp_path: Path) -> None:
    """The digest is checked where the officer sits, too."""

    def lying(request: httpx.Request) -> httpx.Response:
        del request
        return httpx.Response(200, content=b"not what was signed")

    http = httpx.Client(transport=httpx.MockTransport(lying), base_url="http://x")
    with Client("http://x", http=http) as client, pytest.raises(VerificationError):
        client.attachment(builders.an_id("act"), digest_of(DATA), tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_the_command_line_adds_gets_and_tells(service: Service, url: str, tmp_path: Path) -> None:
    """What an officer types, in both languages, with and without --json."""
    service.hire("hotline")
    source, into = tmp_path / "anh.png", tmp_path / "lai.png"
    source.write_bytes(DATA)
    key = tmp_path / "hotline.socaikey"
    _key_file(service, key)
    told = _cli(service, url, key, "add", str(source))
    listed = orjson.loads(told.stdout)
    assert listed["media_type"] == "image/png"
    act = report(service, listed, name=listed["name"])
    service.say(act, "hotline")
    got = _cli(service, url, key, "get", act.act_id, listed["digest"], "-o", str(into))
    assert "khớp mã băm" in got.stdout
    assert into.read_bytes() == DATA
    again = _cli(service, url, key, "get", act.act_id, listed["digest"], "-o", str(into), status=2)
    assert "đã có" in again.stderr
    table = _cli(service, url, key, "custody", act.act_id, listed["digest"]).stdout
    assert [word for word in ("tải lên", "kèm vào diễn biến", "đọc") if word not in table] == []
    assert max(len(line) for line in table.splitlines()) <= 100
    assert "chưa neo" in table
    service.enrol_service()
    index = service.anchor().index
    table = _cli(service, url, key, "custody", act.act_id, listed["digest"]).stdout
    assert f"Đã neo trong sổ ở bản ghi {index}" in table
    assert f"{builders.officer('hotline')[:8]}" in table
    assert "Trực đường dây nóng" in " ".join(table.split())  # by post, and when as people read it
    assert re.search(r"\b\d\d/\d\d/\d{4} \d\d:\d\d\b", table), table
    as_json = _cli(service, url, key, "custody", act.act_id, listed["digest"], "--json").stdout
    assert '"READ"' in as_json


def _key_file(service: Service, path: Path) -> None:
    write_key(path, builders.key("hotline"), _passphrase(service), t=1, p=1, m_kib=64)


def _passphrase(service: Service) -> bytes:
    return (service.settings.secrets_dir / "passphrase").read_bytes()


def _cli(service: Service, url: str, key: Path, *words: str, status: int = 0) -> Result:
    service.folded()  # as whoever types does, who sees what the one before it recorded
    environment = {**child_environment(service.settings), "SOCAI_LANG": "vi"}
    typed = ["attachment", *words, "--key", str(key), "--server", url]
    result = CliRunner().invoke(main, typed, env=environment)
    assert result.exit_code == status, result.stderr
    return result


# -- memory, in the server that production runs ---------------------------------------------------


@contextmanager
def _gunicorn(service: Service) -> Iterator[tuple[str, int]]:
    """The API as `serve` starts it, with one worker: its address, and the worker's process id."""
    one = replace(service.settings, workers=1, threads=4)
    with serving(one, service.settings.home / "served.log") as served:
        children = Path(f"/proc/{served.pid}/task/{served.pid}/children").read_text("ascii")
        yield served.url, int(children.split()[0])


def _peak_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def _forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5", "ascii")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_files_of_any_size_pass_through_the_same_memory(service: Service, tmp_path: Path) -> None:
    """Sent and fetched through gunicorn, three times as large a file raises no peak.

    A quarter of what it is larger is what the allocator may differ by; the large one comes last,
    since memory that was free once is not always given back.
    """
    service.hire("hotline")
    small, large = 8 * MIB, 24 * MIB
    with _gunicorn(service) as (url, worker), Client(url, builders.key("hotline")) as client:
        for number in range(WARMING):  # what is made once for each thread is made now
            _peak_through(service, client, worker, tmp_path / f"warm{number}", small)
        lower = _peak_through(service, client, worker, tmp_path / "small", small)
        upper = _peak_through(service, client, worker, tmp_path / "large", large)
    grown = upper - lower
    assert grown < (large - small) // 4, f"{grown} bytes more at its peak"


def _peak_through(
    service: Service, client: Client, worker: int, source: Path, size_bytes: int
) -> int:
    """Bytes that the worker holds at most while a new file is sent and fetched again, whole."""
    data = hashlib.shake_256(source.name.encode()).digest(size_bytes)
    source.write_bytes(data)
    into = source.with_suffix(".out")
    _forget_peak(worker)
    _through(service, client, source, into)
    peak = _peak_kib(worker) * 1024
    assert into.read_bytes() == data
    return peak


def _through(service: Service, client: Client, source: Path, into: Path) -> None:
    listed = client.attach(source)
    act = report(service, listed, name=listed["name"])
    client.record(dict(act.signed), at=service.clock.now())
    service.folded()
    client.attachment(act.act_id, listed["digest"], into)
