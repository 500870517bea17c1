"""What a person or their program sends says a member once; else nothing is signed or recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

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
    (tmp_path / "passphrase").write_bytes(b"x")
    (tmp_path / "passphrase").chmod(0o600)
    write_key(tmp_path / "k.socaikey", builders.key("hotline"), b"x")
    said = CliRunner().invoke(
        main,
        [
            "--lang",
            "en",
            "act",
            "sign",
            "-",
            *clean,
            "--key",
            str(tmp_path / "k.socaikey"),
            "--server",
            "http://127.0.0.1:9",
            "--log",
            "a.example/ordinary",
        ],
        env={
            "SOCAI_HOME": str(tmp_path),
            "SOCAI_PASSPHRASE_FILE": str(tmp_path / "passphrase"),
        },
        input='{"act":"ReportReceived","facts":{"title":"a","title":"b"}}',
    )
    assert (said.exit_code, said.stdout) == (2, "")
    assert said.stderr == "Nothing was signed: the act says title twice.\n"


def test_no_file_of_a_command_says_a_member_twice() -> None:
    """An erasure that names two lists, or a reporter with two names, is not signed."""
    with pytest.raises(Refusal):
        _named(b'{"entries":["a"],"entries":["b"]}')
    with pytest.raises(Refusal, match="name is said twice"):
        _identity(b'{"name":"a","name":"b"}')
