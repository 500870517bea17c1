"""A server that answers otherwise than it says: one sentence and status 2, by whatever table.

The answers are the OpenAPI document's examples, served over a socket, with one member made another.
"""

from __future__ import annotations

import copy
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from api.client import answer_shapes as held
from api.client.client import Client
from api.http.answer_shapes import answer_shapes
from api.http.app import openapi
from api.http.framework.openapi_examples import examples
from keys.custody.file import write_key
from tests import builders
from tests.examples import share

SPEC: Final = openapi()
ANSWERS: Final[Mapping[str, Any]] = examples()["answers"]
_ACT: Final = ANSWERS["get_act"]["act_id"]
_CASE: Final = ANSWERS["get_case"]["id"]
_DIGEST: Final = "sha-256:" + "A" * 43
_SIGN_IN: Final = frozenset({"get_log", "create_challenge", "create_token"})
COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "list_cases": ("case", "list"),
    "get_case": ("case", "show", _CASE),
    "get_case_relations": ("case", "relations", _CASE),
    "list_case_acts": ("case", "history", _CASE),
    "list_participants": ("case", "who", _CASE),
    "get_case_durations": ("case", "times", _CASE),
    "list_copies": ("case", "copies", _CASE),
    "get_case_diff": ("case", "diff", _CASE, "1"),
    "get_field_history": ("case", "why", _CASE, "state"),
    "get_worklist": ("worklist",),
    "list_affected": ("keys", "affected", builders.key("hotline").kid),
    "list_acts": ("acts",),
    "get_statistics": ("stats",),
    "list_agencies": ("registry", "agencies"),
    "list_officers": ("registry", "officers"),
    "list_keys": ("registry", "keys"),
    "list_instruments": ("registry", "instruments"),
    "list_openings": ("registry", "openings"),
    "list_reads": ("reads",),
    "get_act": ("act", "show", _ACT),
    "get_attachment_custody": ("attachment", "custody", _ACT, _DIGEST),
    "get_act_records": ("record", "entries", _ACT),
}
"""Of each answer a command that shows it."""
OTHERS: Final[tuple[object, ...]] = (
    7, "x", None, [], {}, [None], [7], {"a": 7}, True, 1.5, [{}], "\x1b[2J\u202e",
)  # fmt: skip


@dataclass
class Liar:
    """A server of the examples, and a terminal that asks it."""

    home: Path
    url: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def ask(self, *words: str) -> Result:
        """One call of the command line; never a trace."""
        who = ("--key", str(self.home / "k.socaikey"), "--server", self.url)
        env = {
            "SOCAI_HOME": str(self.home),
            "SOCAI_PASSPHRASE_FILE": str(self.home / "passphrase"),
            "COLUMNS": "80",
        }
        log = ANSWERS["get_log"]["origin"]
        return CliRunner().invoke(main, ["--lang", "en", *words, *who, "--log", log], env=env)


_CALLS: Final = sorted(
    (
        (path.count("{"), method.upper(), re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), call)
        for path, calls in SPEC["paths"].items()
        for method, call in calls.items()
        if isinstance(call, dict) and "operationId" in call
    ),
    key=lambda one: one[0],
)


def _named(method: str, path: str) -> str:
    return next(
        (
            str(call["operationId"])
            for _, by, called, call in _CALLS
            if by == method and called.fullmatch(path)
        ),
        "",
    )


@pytest.fixture(scope="module")
def liar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Liar]:
    """As honest as the examples, until a test changes an answer."""
    home = tmp_path_factory.mktemp("liar")
    (home / "passphrase").write_bytes(b"x")
    (home / "passphrase").chmod(0o600)
    write_key(home / "k.socaikey", builders.key("hotline"), b"x")
    found = Liar(home)

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Nothing is told."""

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            name = _named(self.command, self.path.partition("?")[0])
            found.asked.append(name)
            missing = {"code": "not_found", "title": "Not found"}
            body = found.answers.get(name, missing)
            self.send_response(404 if body is missing else 200)
            data = body.encode() if isinstance(body, str) else orjson.dumps(body)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _answer  # noqa: N815  http.server's

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        found.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _honest(liar: Liar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Client, "known", None)  # the examples are of no one log
    honest = copy.deepcopy(dict(ANSWERS))
    for body in honest.values():
        if isinstance(body, dict):
            body.pop("next", None)  # one page
    honest["create_token"]["access_token"] = "abc"  # noqa: S105  of nobody
    liar.answers, liar.asked = honest, []


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401  any JSON
    yield at
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _places(inner, (*at, name))
    elif isinstance(value, list) and value:
        yield from _places(value[0], (*at, 0))


def _with(value: Any, at: tuple[Any, ...], other: object) -> Any:  # noqa: ANN401  any JSON
    if not at:
        return other
    changed = copy.deepcopy(value)
    inner = changed
    for step in at[:-1]:
        inner = inner[step]
    inner[at[-1]] = other
    return changed


@pytest.mark.parametrize("name", COMMANDS)
def test_a_member_of_another_type_ends_in_one_sentence(liar: Liar, name: str) -> None:
    """Whatever stands in its place: exit 2 and what is strange, or what was said is shown."""
    said = liar.ask(*COMMANDS[name])
    assert name in liar.asked
    assert said.exit_code in (0, 1), said.output  # of an act, proofs of another log
    honest = liar.answers[name]
    forms = [(at, other) for at in _places(honest) for other in OTHERS]
    strange = 0
    for at, other in (((), []), *share(forms, 400, name)):
        liar.answers[name] = _with(honest, at, other)
        said = liar.ask(*COMMANDS[name])
        assert said.exception is None or isinstance(said.exception, SystemExit), (at, other)
        assert said.exit_code in (0, 1, 2), (at, other)
        assert "\x1b" not in said.output, "a terminal would obey it"
        strange += said.exit_code == 2 and "This is no socai server" in said.stderr
    assert strange


@pytest.mark.parametrize(
    ("name", "at", "other"),
    [
        ("list_copies", ("copies", 0, "file"), None),
        ("get_case_diff", ("changes", 0, "pointer"), "x"),
        ("get_statistics", ("of",), "x"),
        ("list_reads", ("of",), "x"),
        ("get_case_relations", ("cases", 0, "kind"), "x"),
        ("list_openings", ("openings", 0, "review"), "x"),
    ],
)
def test_nor_does_a_word_of_the_right_type(
    liar: Liar, name: str, at: tuple[Any, ...], other: object
) -> None:
    """That a server may say elsewhere and not here: each of these once ended in a trace."""
    liar.answers[name] = _with(liar.answers[name], at, other)
    said = liar.ask(*COMMANDS[name])
    assert said.exit_code == 2, said.output
    assert "This is no socai server" in said.stderr


@pytest.mark.parametrize("name", sorted(_SIGN_IN))
def test_nor_does_whoever_signs_in(liar: Liar, name: str) -> None:
    """A challenge, a token or a log that is of no form: nothing is signed or sent by it."""
    honest = liar.answers[name]
    for at, other in share([(at, o) for at in _places(honest) for o in OTHERS], 30, name):
        liar.answers[name] = _with(honest, at, other)
        said = liar.ask("registry", "agencies")
        assert said.exception is None or isinstance(said.exception, SystemExit), (at, other)
    liar.answers = {**liar.answers, name: honest, "create_token": ANSWERS["create_token"]}
    said = liar.ask("registry", "agencies")  # its token is an ellipsis, which fits in no header
    assert (said.exit_code, said.stderr[:24]) == (2, "This is no socai server,")


def test_the_client_holds_answers_to_what_the_document_says() -> None:
    """Its shapes are the document's of today (`make openapi`), and every example has its own."""
    assert held._read() == answer_shapes(SPEC)
    for _, method, called, call in _CALLS:
        name = call["operationId"]
        if name not in ANSWERS or isinstance(ANSWERS[name], str):
            continue
        path = called.pattern.replace("[^/]+", "x")
        held.require_shape(ANSWERS[name], held.shape_of(method, f"/mounted{path}"))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/cases/by-number/2024/0001", "CaseFile"),
        ("/v1/cases/x/fields/handler/agency/history", "FieldHistory"),
        ("/v1/streams/case/x/head", "StreamHead"),
    ],
)
def test_what_has_slashes_is_one_parameter(path: str, name: str) -> None:
    """Numbers of cases, places in a file and names of streams, as the server takes them."""
    assert held.shape_of("GET", path) == {"ref": name}


def test_a_problem_of_another_shape_is_no_problem(liar: Liar) -> None:
    """What says no must say it in the form of a problem."""
    liar.answers.pop("list_agencies")
    assert liar.ask("registry", "agencies").exit_code == 1
