"""Keys on tokens as operator and officer meet them: the KEK (access.md K6), and one's own."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from api.ops.child_processes import MISUSED, python
from api.rehearsal.enclaves import served
from api.settings import Settings, child_environment
from keys.custody.kek_custody import named
from keys.custody.token import Token, TokenPlace, held
from keys.errors import TokenError
from tests import builders
from tests.a_ledger import appointment, enrolment
from tests.builders import an_act
from tests.fixtures.softhsm import KEK_TOKEN, LOCKED, OFFICER_TOKEN, OTHER_PIN, PIN, TWICE, SoftHsm
from tests.processes import free_port
from tests.waiting import until


def _socai(
    home: Path,
    softhsm: SoftHsm,
    *words: str,
    typed: str = "",
    pins: bytes = b"",
    told: Mapping[str, str] | None = None,
) -> Result:
    """One call of the command; `told` are settings."""
    pin = home / "pin"
    home.mkdir(exist_ok=True)
    if not pin.exists():
        pin.write_bytes(PIN + b"\n")
        pin.chmod(0o600)
    env = {
        "SOCAI_HOME": str(home / "enclave"),
        "SOCAI_PKCS11_MODULE": softhsm.module,
        "SOCAI_PKCS11_TOKEN": KEK_TOKEN,
        "SOCAI_PKCS11_PIN_FILE": str(pin),
        **(told or {}),
    }
    if not pins:
        return CliRunner().invoke(main, [*words], env=env, input=typed)
    reading, writing = os.pipe()
    os.write(writing, pins)
    os.close(writing)
    try:
        return CliRunner().invoke(main, [*words, "--pin-fd", str(reading)], env=env)
    finally:
        os.close(reading)


INIT = ("init", "--deployment", "x.example", "--rehearsal", "--custody", "pkcs11")


@pytest.mark.parametrize("lang", ["vi", "en"])
@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"SOCAI_PKCS11_TOKEN": "none such"}, "token_absent"),
        ({"SOCAI_PKCS11_TOKEN": TWICE}, "token_ambiguous"),
        ({"SOCAI_PKCS11_TOKEN": LOCKED, "PIN": OTHER_PIN.decode()}, "pin_wrong"),
        ({"SOCAI_PKCS11_MODULE": "/nowhere/lib.so"}, "no_module"),
        ({"SOCAI_PKCS11_MODULE": ""}, "no_module"),
        ({"SOCAI_PKCS11_TOKEN": ""}, "usage"),
        ({"SOCAI_PKCS11_PIN_FILE": ""}, "usage"),
        ({"SOCAI_PKCS11_PIN_FILE": "/nowhere/pin"}, "usage"),
    ],
)
def test_a_token_that_does_not_work_is_one_sentence(
    softhsm: SoftHsm, tmp_path: Path, told: dict[str, str], code: str, lang: str
) -> None:
    """Exit 2, what was not done and why, in both languages; and no key was made."""
    if "PIN" in told:
        (tmp_path / "pin").write_text(told["PIN"])
        (tmp_path / "pin").chmod(0o600)
    settings = {name: value for name, value in told.items() if name != "PIN"}
    result = _socai(tmp_path, softhsm, "--lang", lang, *INIT, told=settings)
    assert result.exit_code == 2, result.output
    assert result.stderr.count("\n") == 1
    assert ("Chưa làm gì" if lang == "vi" else "Nothing was done") in result.stderr
    assert not list((tmp_path / "enclave").glob("keys/*"))
    again = _socai(tmp_path, softhsm, "--json", *INIT, told=settings)
    assert orjson.loads(again.stdout)["error"]["code"] == code


def test_a_key_is_made_on_a_token_and_shown(softhsm: SoftHsm, tmp_path: Path) -> None:
    """What the registrar enrols; PIN typed, or from a descriptor; both ways the same key."""
    uri = f"pkcs11:token={OFFICER_TOKEN};object=shown%20key"
    words = ("--json", "key", "new", "--token", uri, "--alg", "ES256")
    made = _socai(tmp_path, softhsm, *words, typed=f"{PIN.decode()}\n")
    assert made.exit_code == 0, made.output
    shown = _socai(tmp_path, softhsm, "--json", "key", "show", "--token", uri, pins=PIN + b"\n")
    assert shown.exit_code == 0, shown.output
    told = orjson.loads(shown.stdout)
    assert orjson.loads(made.stdout) == told
    assert (told["alg"], set(told)) == ("ES256", {"kid", "alg", "jwk"})


@pytest.mark.parametrize("lang", ["vi", "en"])
@pytest.mark.parametrize(
    "case",
    [
        (f"pkcs11:token={LOCKED};object=an", OTHER_PIN, "pin_wrong"),
        ("none such", PIN, "token_absent"),
        (TWICE, PIN, "token_ambiguous"),
        (f"pkcs11:token={OFFICER_TOKEN};object=none", PIN, "key_absent"),
        (f"pkcs11:token={OFFICER_TOKEN};id=%00%01", PIN, "key_absent"),
        (f"pkcs11:token={OFFICER_TOKEN}?pin-value=1234", PIN, "usage"),
        ("pkcs11:object=an", PIN, "usage"),
        ("pkcs11:token=a;colour=red", PIN, "usage"),
        (OFFICER_TOKEN, b"", "usage"),
    ],
)
@pytest.mark.parametrize("words", [("act", "sign", "-"), ("case", "list")])
def test_an_officers_token_that_does_not_work_is_one_sentence(
    softhsm: SoftHsm,
    tmp_path: Path,
    case: tuple[str, bytes, str],
    words: tuple[str, ...],
    lang: str,
) -> None:
    """Wrong PIN, no token, no key, a PIN in the words, nobody to type it: exit 2."""
    token, pins, code = case
    named = (*words, "--token", token, "--log", "x.example/ordinary", "--server", "http://x.test")
    done = _socai(tmp_path, softhsm, "--lang", lang, "--json", *named, pins=pins)
    assert done.exit_code == 2, done.output
    error = orjson.loads(done.stdout.splitlines()[-1])["error"]
    assert error["code"] == code
    assert error["message"].startswith("Chưa làm gì" if lang == "vi" else "Nothing was done")


def test_one_way_to_name_a_key(softhsm: SoftHsm, tmp_path: Path) -> None:
    """A token beside a key file would leave open who signs."""
    both = ("--token", OFFICER_TOKEN, "--key", "an.socaikey", "--log", "x.example/ordinary")
    done = _socai(tmp_path, softhsm, "act", "sign", "-", *both, "--server", "http://x.test")
    assert (done.exit_code, "choose one of" in done.stderr) == (2, True)


class Hands:
    """The registrar and one officer at a terminal, each act signed and sent."""

    def __init__(self, home: Path, softhsm: SoftHsm, url: str, registrar: str) -> None:
        self.home, self.softhsm, self.url, self.registrar = home, softhsm, url, registrar
        self.now = datetime.fromisoformat(self.told("log", "status", "--server", url)["now"])

    def told(self, *words: str, pins: bytes = b"") -> Any:  # noqa: ANN401  JSON
        """What one call answers with `--json`."""
        done = _socai(self.home, self.softhsm, "--json", *words, pins=pins)
        assert done.exit_code == 0, (words, done.output)
        return orjson.loads(done.stdout)

    def record(self, members: Mapping[str, Any], *who: str, pins: bytes = b"") -> Any:  # noqa: ANN401  JSON
        """Signs, sends, and checks the proof."""
        path = self.home / "act.json"
        path.write_bytes(orjson.dumps(members))
        named = (*who, "--server", self.url)
        when = ("--iat", self.now.isoformat())
        signed = _socai(self.home, self.softhsm, "act", "sign", str(path), *when, *named, pins=pins)
        assert signed.exit_code == 0, signed.output
        path.write_text(signed.stdout.strip().splitlines()[-1])
        return self.told("act", "submit", str(path), *named, pins=pins)

    def by_registrar(self, members: Mapping[str, Any]) -> None:
        """As the founder, whose key is in the home."""
        self.record({**members, "signers": [{**members["signers"][0], "officer": self.registrar}]})


def _turn(hands: Hands, settings: Settings, softhsm: SoftHsm) -> None:
    """A new KEK on the token; the old one is gone from it (access.md K9)."""
    path = settings.keys_dir / "kek.socaikek"
    before = named(path)
    hands.told("key", "epoch", "turn", "--no-sweep")
    assert named(path) != before
    assert hands.told("log", "audit")["ok"] is True
    with pytest.raises(TokenError, match="key_absent"):
        held(Token(TokenPlace(softhsm.module, KEK_TOKEN), lambda: PIN), before)


@pytest.mark.postgres
@pytest.mark.slow
def test_a_wrong_pin_is_tried_once_by_an_api_that_starts(softhsm: SoftHsm, tmp_path: Path) -> None:
    """By one worker of it, and it is not started again: the third wrong one locks many a token."""
    made = _socai(tmp_path, softhsm, *INIT)
    assert made.exit_code == 0, made.output
    (tmp_path / "pin").write_bytes(OTHER_PIN)
    settings = Settings.at(
        tmp_path / "enclave", workers=3, threads=4, port=0, pkcs11_module=Path(softhsm.module),
        pkcs11_token=KEK_TOKEN, pkcs11_pin_file=tmp_path / "pin", lang="en",
    )  # fmt: skip
    done = subprocess.run(
        python("-m", "api.cli.main", "serve", "--role", "api"),
        env=child_environment(settings), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == MISUSED, done.stderr
    assert done.stderr.count("socai: the token") == 1, done.stderr
    assert "refuses the PIN" in done.stderr
    assert "starting it again" not in done.stderr


@pytest.mark.postgres
@pytest.mark.slow
def test_an_api_that_starts_again_after_the_pin_changed_tries_it_once(
    softhsm: SoftHsm, tmp_path: Path
) -> None:
    """Nobody starts it once more over that: each start was another try, every five seconds.

    Alone it ends with the status after which no service manager does either.
    """
    made = _socai(tmp_path, softhsm, *INIT)
    assert made.exit_code == 0, made.output
    settings = Settings.at(
        tmp_path / "enclave", workers=1, threads=4, port=free_port(), lang="en",
        pkcs11_module=Path(softhsm.module), pkcs11_token=KEK_TOKEN,
        pkcs11_pin_file=tmp_path / "pin",
    )  # fmt: skip
    said = tmp_path / "said"
    with said.open("wb") as output:
        serving = subprocess.Popen(
            python("-m", "api.cli.main", "serve", "--role", "api"),
            env=child_environment(settings), stdout=output, stderr=output,
        )  # fmt: skip
    try:
        until(partial(_lives, settings.port), "it does not serve")
        (tmp_path / "pin").write_bytes(OTHER_PIN)
        children = Path(f"/proc/{serving.pid}/task/{serving.pid}/children")
        (server,) = children.read_text("ascii").split()
        os.kill(int(server), signal.SIGKILL)
        assert serving.wait(120) == 2
    finally:
        serving.terminate()
        serving.wait()
    told = said.read_text("utf-8")
    assert told.count("starting it again") == 1, told
    assert told.count("socai: the token") == 1, told
    assert told.endswith("said why above; mend that, then run socai serve again\n"), told


def _lives(port: int) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"http://127.0.0.1:{port}/health/live", timeout=120).is_success
    return False


@pytest.mark.drill
@pytest.mark.postgres
@pytest.mark.slow
def test_a_whole_log_of_keys_that_never_left_their_tokens(softhsm: SoftHsm, tmp_path: Path) -> None:
    """KEK and officer's key on tokens: founded, enrolled, signed in, signed, proven, audited.

    The epoch turns under the running service. Without the token of the KEK nothing is judged, and
    nothing counts as damaged.
    """
    made = _socai(tmp_path, softhsm, "--json", *INIT)
    assert made.exit_code == 0, made.output
    facts = orjson.loads(made.stdout)
    assert facts["custody"] == "PKCS11"
    settings = Settings.at(
        tmp_path / "enclave", workers=1, threads=4, pkcs11_module=Path(softhsm.module),
        pkcs11_token=KEK_TOKEN, pkcs11_pin_file=tmp_path / "pin",
    )  # fmt: skip
    with served(settings) as url:
        hands = Hands(tmp_path, softhsm, url, facts["registrar"])
        assert hands.told("log", "status", "--server", url)["custody"] == "PKCS11"
        uri = f"pkcs11:token={OFFICER_TOKEN};object=hotline"
        key = hands.told("key", "new", "--token", uri, pins=PIN + b"\n")
        hands.by_registrar(appointment("hotline", hands.now).signed)
        enrolled = enrolment("hotline", hands.now, kid=key["kid"], jwk=key["jwk"], custody="PKCS11")
        hands.by_registrar(enrolled.members)
        case = f"case/{builders.an_id('a case on a token')}"
        report = an_act("ReportReceived", by="hotline", when=hands.now, stream=case)
        receipt = hands.record(report.signed, "--token", uri, pins=PIN + b"\n")
        assert receipt["status"] == "effective"
        found = hands.told("log", "audit")
        assert found["ok"] is True
        assert found["records"] == receipt["index"] + 1
        _turn(hands, settings, softhsm)
    with softhsm.pulled_out():
        without = _socai(tmp_path, softhsm, "--json", "log", "audit")
    assert without.exit_code == 2
    assert orjson.loads(without.stdout)["error"]["code"] in {"token_absent", "token_failed"}
