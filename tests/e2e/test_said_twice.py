"""What is sent says a member once and is not too long; else nothing is signed or recorded."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api.cli.commands.record import _named
from api.cli.commands.reporter import _identity
from api.cli.main import main
from api.cli.terminal.shell import Refusal
from api.http.app import openapi
from keys.custody.file import write_key
from tests import builders
from tests.fixtures.app import Service

_TWICE = b'{"act":{"act":"ReportReceived","facts":{"a":1,"\\u0061":2}},"kid":"x"}'


def test_no_call_takes_a_body_that_says_a_member_twice(shared: Service) -> None:
    """The last would win for us, the first for whoever checked it before: a problem names it."""
    taking = [
        path
        for path, calls in openapi()["paths"].items()
        if "application/json" in calls.get("post", {}).get("requestBody", {}).get("content", {})
    ]
    assert {"/v1/acts/check", "/v1/acts/prepare", "/v1/auth/challenge"} < {*taking}
    before = shared.size()
    for path in taking:
        of_an_act = path.replace("{act_id}", builders.an_id("a")).replace("{digest}", "x")
        headers = {**shared.headers("cv"), "Content-Type": "application/json"}
        response = shared.client.post(
            of_an_act, data=_TWICE, headers={**headers, "Accept-Language": "en"}
        )
        told = response.get_json()
        assert (response.status_code, told["code"]) == (400, "malformed_request"), (path, told)
        assert told["errors"] == [{"pointer": "/body", "detail": "it says a twice: say it once"}]
    assert shared.size() == before


@pytest.mark.parametrize("clean", [(), ("--clean",)])
def test_no_act_is_signed_that_says_a_member_twice(tmp_path: Path, clean: tuple[str, ...]) -> None:
    """`socai act sign` asks nobody and says which member."""
    said = _sign(tmp_path, '{"act":"ReportReceived","facts":{"title":"a","title":"b"}}', *clean)
    assert (said.exit_code, said.stdout) == (2, "")
    assert said.stderr == "Nothing was signed: the act says title twice.\n"


def test_no_act_is_signed_that_is_too_long(tmp_path: Path) -> None:
    """The refusal is of the act, not of its signer's key."""
    said = _sign(tmp_path, f'{{"act":"ReportReceived","note":"{"x" * 70_000}"}}')
    assert (said.exit_code, said.stdout) == (2, "")
    assert "bytes long, and 65536 at most are taken. Shorten it" in said.stderr
    assert said.stderr.count("\n") == 1


def test_an_act_whose_letters_a_mac_took_apart_is_signed_composed(tmp_path: Path) -> None:
    """As no statement holds them otherwise; whoever signs says so."""
    act = unicodedata.normalize("NFD", '{"v":2,"act":"X","stream":"ledger","note":"Sổ cái"}')
    said = _sign(tmp_path, act)
    assert (said.exit_code, said.stdout) == (2, "")
    assert "Add --clean" in said.stderr
    (tmp_path / "k.socaikey").unlink()
    assert "several characters" not in _sign(tmp_path, act, "--clean").stderr


def _sign(folder: Path, act: str, *more: str) -> Result:
    (folder / "passphrase").write_bytes(b"x")
    (folder / "passphrase").chmod(0o600)
    write_key(folder / "k.socaikey", builders.key("hotline"), b"x")
    at = ("--server", "http://127.0.0.1:9", "--log", "a.example/ordinary")
    return CliRunner().invoke(
        main,
        ["--lang", "en", "act", "sign", "-", *more, "--key", str(folder / "k.socaikey"), *at],
        env={
            "SOCAI_HOME": str(folder),
            "SOCAI_PASSPHRASE_FILE": str(folder / "passphrase"),
        },
        input=act,
    )


def test_no_file_of_a_command_says_a_member_twice() -> None:
    """An erasure that names two lists, or a reporter with two names, is not signed."""
    with pytest.raises(Refusal):
        _named(b'{"entries":["a"],"entries":["b"]}')
    with pytest.raises(Refusal, match="name is said twice"):
        _identity(b'{"name":"a","name":"b"}')
