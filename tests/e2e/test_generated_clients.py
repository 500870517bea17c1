"""Clients that others' generators make of the document work against a started server.

What each does is the same: sign in, list and page, read a case, upload a file, record an act that
lists it, read the file back, follow the feed, and be refused.
"""

from __future__ import annotations

import importlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from keys.canonical import b64
from ledger.log.moment import unstamp
from ledger.log.statement import make_login
from ledger.regulation.acts.json_shape import fmt_time
from tests import builders
from tests.builders import an_act
from tests.fixtures.app import REHEARSAL, Service
from tests.fixtures.arena import served

ROOT: Final = Path(__file__).parents[2]
DOCUMENT: Final = ROOT / "docs" / "reference" / "openapi.json"
TOOLS: Final = ROOT / "tests" / "third_party" / "openapi"
OFFICER: Final = "hotline"
NOBODY: Final = "00000000-0000-4000-8000-000000000000"
TEXT: Final = "Ảnh chụp màn hình\n"

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Met:
    """A started server with three cases, and the enclave in this process to look at it."""

    url: str
    service: Service
    cases: tuple[str, ...]

    @property
    def at(self) -> str:
        """The ledger's time."""
        return fmt_time(self.service.clock.now())

    def act(self, name: str) -> dict[str, Any]:
        """A report that nobody has recorded yet."""
        stream = f"case/{builders.an_id(f'generated {name}')}"
        return dict(_report(self.service, stream).signed)


def _report(service: Service, stream: str) -> Any:  # noqa: ANN401  an act
    return an_act("ReportReceived", by=OFFICER, when=service.clock.now(), stream=stream)


@pytest.fixture(scope="module")
def met(shared: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Met]:
    """Three cases, so that there is something to page through."""
    cases = []
    for number in range(3):
        case = builders.an_id(f"listed {number}")
        receipt = shared.say(_report(shared, f"case/{case}"), OFFICER)
        cases.append(case)
    wait = {"Prefer": "wait=20"}
    assert shared.get("/v1/cases", headers=wait, at_least=receipt["index"]).status_code == 200
    with served(shared, tmp_path_factory.mktemp("generated") / "log") as url:
        yield Met(url, shared, tuple(cases))


def _require(met: Met, found: dict[str, Any], stream: str) -> None:
    """What a client found is what there is."""
    assert set(met.cases) <= set(found["cases"])
    assert found["pages"] == len(found["cases"]) == len(set(found["cases"]))
    assert found["state"] == "RECEIVED"
    assert found["stream"] == stream
    assert found["proof"] is True
    assert found["file"] == TEXT
    head = met.service.enclave.ledger.head(stream)
    assert head.seq == 2
    assert len(found["events"]) == 1
    assert met.service.get(f"/v1/acts/{found['events'][0]}").get_json()["stream"] == stream
    assert found["refused"] == "not_found"


# -- curl ------------------------------------------------------------------------------------------


def test_the_quick_start_works_as_it_is_written(met: Met) -> None:
    """Line by line from the document, with an address and a token of this server's."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not on this machine")
    said = orjson.loads(DOCUMENT.read_bytes())["info"]["description"]
    lines = said.partition("```sh\n")[2].partition("```")[0].splitlines()
    asked = [line for line in lines if line.startswith("curl ")]
    others = [line for line in lines if line not in asked]
    assert len(asked) == 4
    assert all(line.startswith(("export ", "# ", ".venv/bin/socai ")) for line in others)
    numbered = "by-number/2024/0001"  # of the demo; no case of these has a number yet
    assert any(numbered in line for line in asked)
    given = {"PATH": os.defpath, "SOCAI": met.url, "TOKEN": met.service.token("cv")}
    for line in asked:
        typed = line.replace(numbered, met.cases[0])
        done = subprocess.run(["/bin/sh", "-c", typed], capture_output=True, env=given, check=True)
        if typed.endswith('/checkpoint"'):
            assert done.stdout.decode().startswith(met.service.enclave.facts.origin)
            continue
        body = orjson.loads(done.stdout)
        assert isinstance(body, list) or "trace_id" not in body, body


# -- Python ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The package that openapi-python-client makes; it has no warning to give."""
    folder = tmp_path_factory.mktemp("python")
    (folder / "config.json").write_bytes(
        orjson.dumps(
            {
                "post_hooks": [],
                "content_type_overrides": dict.fromkeys(
                    (_XLSX, "application/pdf"), "application/octet-stream"
                ),
            }
        )
    )
    done = subprocess.run(
        [
            Path(sys.executable).with_name("openapi-python-client"), "generate",
            "--path", DOCUMENT, "--output-path", folder / "generated_socai",
            "--meta", "none", "--config", folder / "config.json", "--fail-on-warning",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    try:
        yield "generated_socai"
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.partition(".")[0] == "generated_socai"]:
            del sys.modules[name]


#: A type that the generator does not know; it is bytes.
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Generated:
    """The generated package, by its dotted names."""

    def __init__(self, package: str) -> None:
        self._package = package

    def call(self, operation: str, client: object, **given: object) -> Any:  # noqa: ANN401  as typed
        """An operation, by the name of its module and its own."""
        module = importlib.import_module(f"{self._package}.api.{operation}")
        return module.sync(client=client, **given)

    def client(self, url: str, token: str | None = None) -> Any:  # noqa: ANN401  a class of it
        """Its client, signed in or not."""
        module = importlib.import_module(f"{self._package}.client")
        if token is None:
            return module.Client(base_url=url)
        return module.AuthenticatedClient(base_url=url, token=token)

    def __getattr__(self, model: str) -> Any:  # noqa: ANN401  a class of its models
        return getattr(importlib.import_module(f"{self._package}.models"), model)

    def file(self, data: bytes) -> Any:  # noqa: ANN401  a class of it
        """Bytes to be sent."""
        types = importlib.import_module(f"{self._package}.types")
        return types.File(payload=io.BytesIO(data))


@pytest.mark.drill
def test_a_client_of_openapi_python_client_works(met: Met, generated: str) -> None:
    """All of it through functions and classes that nobody wrote."""
    made, act = Generated(generated), met.act("python")
    with made.client(met.url) as nobody:
        token = _sign_in(made, nobody)
    with made.client(met.url, token.access_token) as client:
        found = _use(made, client, met, act)
    assert token.officer == builders.officer(OFFICER)
    _require(met, found, act["stream"])


def _use(made: Generated, client: object, met: Met, act: dict[str, Any]) -> dict[str, Any]:
    key = builders.key(OFFICER)
    cases, pages = _every_case(made, client)
    shown = made.call("cases.get_case", client, case=met.cases[0])
    kept = made.call(
        "attachments.add_attachment", client, body=made.file(TEXT.encode()), x_rehearsal_time=met.at
    )
    listed = {"digest": kept.digest, "media_type": kept.media_type, "size": kept.size}
    wanted = {"act": act | {"attachments": [listed | {"name": "anh.txt"}]}}
    prepared = made.call(
        "acts.prepare_act",
        client,
        body=made.PrepareRequest.from_dict(wanted),
        x_rehearsal_time=met.at,
    )
    statement = made.StatementShape(
        payload=prepared.payload,
        protected=prepared.protected,
        signature=b64(key.sign(prepared.signing_input.encode())),
    )
    receipt = made.call("acts.record_statement", client, body=statement, x_rehearsal_time=met.at)
    back = made.call(
        "attachments.read_attachment", client, act_id=receipt.act_id, digest=kept.digest
    )
    events = made.call("feed.read_feed", client, after=receipt.index - 1, prefer="wait=20")
    refused = made.call("act.get_act", client, act_id=NOBODY)
    return {
        "pages": pages,
        "cases": cases,
        "state": str(shown.state),
        "stream": receipt.stream,
        "proof": receipt.proof.index == receipt.index,
        "file": back.payload.read().decode(),
        "events": [event.data.act_id for event in events],
        "refused": str(refused.code),
    }


def _sign_in(made: Generated, client: object) -> Any:  # noqa: ANN401  a model of it
    key = builders.key(OFFICER)
    asked = made.call("session.create_challenge", client, body=made.ChallengeRequest(kid=key.kid))
    expires_at = unstamp(asked.expires_at)
    login = make_login(key, challenge=asked.challenge, log=REHEARSAL, expires_at=expires_at)
    return made.call("session.create_token", client, body=made.StatementShape(**login))


def _every_case(made: Generated, client: object) -> tuple[list[str], int]:
    page = made.call("cases.list_cases", client, limit=1)
    cases, pages = [line.id for line in page.cases], 1
    while page.next_:
        page = made.call("cases.list_cases", client, limit=1, cursor=page.next_)
        cases += [line.id for line in page.cases]
        pages += 1
    return cases, pages


# -- TypeScript ------------------------------------------------------------------------------------


def _tool(name: str) -> Path:
    found = TOOLS / "node_modules" / ".bin" / name
    if shutil.which("node") is None or not found.exists():
        pytest.skip(
            "the npm tools of tests/third_party/openapi are not installed: make third-party"
        )
    return found


def _run(*words: str | Path, folder: Path, given: bytes = b"") -> bytes:
    done = subprocess.run(
        words,
        input=given,
        capture_output=True,
        cwd=folder,
        env={"PATH": os.defpath, "HOME": "/nonexistent"},
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return done.stdout


@pytest.mark.drill
def test_a_client_of_openapi_typescript_works(met: Met, tmp_path: Path) -> None:
    """The program compiles under `strict` against the generated types, and does what it says."""
    tools = [_tool(name) for name in ("openapi-typescript", "tsc")]
    (tmp_path / "node_modules").symlink_to(TOOLS / "node_modules")
    (tmp_path / "package.json").write_text('{"type": "module"}', "utf-8")
    shutil.copy(TOOLS / "use_client.ts", tmp_path)
    _run(tools[0], DOCUMENT, "--output", tmp_path / "schema.d.ts", folder=tmp_path)
    _run(
        tools[1], "--strict", "--noUncheckedIndexedAccess", "--target", "es2022",
        "--module", "nodenext", "--types", "node", "use_client.ts", folder=tmp_path,
    )  # fmt: skip
    key, act = builders.key(OFFICER), met.act("typescript")
    private = {**key.jwk, "d": b64((OFFICER.encode() * 32)[:32])}
    given = {"jwk": private, "kid": key.kid, "log": REHEARSAL, "act": act}
    node = shutil.which("node") or "node"
    said = _run(node, "use_client.js", met.url, met.at, folder=tmp_path, given=orjson.dumps(given))
    found = orjson.loads(said)
    assert found["officer"] == builders.officer(OFFICER)
    _require(met, found, act["stream"])
