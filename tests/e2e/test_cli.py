"""The command line as a person meets it: exit status, JSON, refusals, an enclave's whole life."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Final, NoReturn

import click
import httpx
import orjson
import psycopg
import pytest
from click.testing import CliRunner, Result

from api.cli.commands.log.kept_checkpoint import CheckpointFile, by_log
from api.cli.commands.writing.judging import CheckAnswer
from api.cli.main import UNTIL_TOLD, main
from api.cli.terminal.shell import Refusal, Shell
from api.client.client import Client
from api.home import EnclaveFacts, Home, write_private
from api.ops import database
from api.ops.embedded_postgres import Embedded
from api.ops.home_notes import running_url
from api.ops.init_enclave import Plan, found
from api.ops.service.supervisor import Supervisor
from api.rehearsal.enclaves import PlayEnclaves, opening, player_at, served, venue_of
from api.rehearsal.scenario import read_file, shipped
from api.rehearsal.tampering_drill import drill
from api.settings import Settings, child_environment
from keys.canonical import b64
from keys.custody.file import DRAWN, costs_of, read_key, write_key
from keys.jwk import SoftwareSigner
from keys.note import NoteSigner
from ledger.errors import Unavailable
from ledger.log.checkpoint import Checkpoint, sign
from ledger.log.sheet import Sheet
from tests.builders import a_token
from tests.fixtures.clusters import recover_for_ten_minutes
from tests.fixtures.founded import founded
from tests.processes import free_port, pids
from tests.waiting import until

ROOT = Path(__file__).parents[2]
CASE = "2024/0001"
"""The case of SC6: the first that the agency registered in 2024. That of the file is a label."""


FIRST_CASE: Final = "2d940a5e-df23-4be4-a43e-6ba44255c8df"


def socai(home: Path, *words: str, lang: str = "en", stdin: bytes | None = None) -> Result:
    """One call of the command, in this process, with its own environment."""
    return CliRunner().invoke(
        main, ["--lang", lang, *words], env={"SOCAI_HOME": str(home)}, input=stdin
    )


def test_every_command_explains_itself_without_a_home(tmp_path: Path) -> None:
    """`--help` starts nothing, and a newcomer asks for it first."""
    listed = socai(tmp_path, "--help")
    assert listed.exit_code == 0
    for name in ("init", "serve", "play", "demo", "log", "case", "catalogue"):
        assert name in listed.output
        assert socai(tmp_path, name, "--help").exit_code == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("case", "list"), "no enclave in"),
        (("token", "--as", "cv"), "no enclave in"),
        (("serve",), "no enclave in"),
        (("log", "audit"), "no enclave in"),
        (("log", "recover"), "no enclave in"),
        (("log", "discard"), "no enclave in"),
        (("log", "resume"), "no enclave in"),
        (("log", "void", "--reason", "x", "--", "-3"), "a whole number, 1 or more"),
        (("play", "absent.json"), "cannot read absent.json"),
        (("play", "SC1", "--server", "http://x", "--keep", "y"), "pick one"),
        (("log", "status", "--server", "http://a..b"), "no address of a server"),
        (("log", "status", "--server", "http://[::1"), "no address of a server"),
        (("log", "checkpoint", "--server", "ftp://x"), "no address of a server"),
        (("case", "list", "--server", "http://" + "é" * 70), "no address of a server"),
        (("play", "SC1", "--server", "127.0.0.1:8000"), "no address of a server"),
        (("catalogue", "act", "Nothing"), "no act Nothing"),
        (("init", "--deployment", "a/b"), "no slash"),
        (("init", "--deployment", "x.example"), "SOCAI_PASSPHRASE_FILE"),
        (("init", "--deployment", "rehearsal.x"), "only a rehearsal"),
        (("init", "--deployment", "x", "--at", "2024-01-01T00:00:00+07:00"), "only a rehearsal"),
        (("init", "--deployment", "x", "--rehearsal", "--at", "yesterday"), "no time"),
    ],
)
def test_wrong_use_ends_with_2_and_one_sentence(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    """What was not done and what to do next, on standard error, never a trace."""
    result = socai(tmp_path, *words)
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert not result.stdout
    assert not (tmp_path / "enclave.json").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--lang", "fr", "case", "list"), "--lang must be one of: vi, en."),
        (("--as", "cv", "case", "list"), "there is no option --as"),
        (("--lang", "vi", "--as", "cv"), "Chưa làm gì: không có tùy chọn --as"),
        (("--as", "cv", "--lang=vi"), "Chưa làm gì: không có tùy chọn --as"),
        (("--lang",), "--lang needs a value"),
    ],
)
def test_a_wrong_option_before_the_command_is_a_sentence_too(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    """The order of options is easily mistaken: in the reader's language, and as JSON."""
    env = {"SOCAI_HOME": str(tmp_path), "SOCAI_LANG": "en"}
    told = CliRunner().invoke(main, list(words), env=env)
    assert (told.exit_code, told.stdout) == (2, "")
    assert said in told.stderr
    assert told.stderr.count("\n") == 1
    as_json = CliRunner().invoke(main, ["--json", *words], env=env)
    assert said in orjson.loads(as_json.stdout)["error"]["message"]


@pytest.mark.parametrize("how", [KeyboardInterrupt, click.Abort])
@pytest.mark.parametrize(("lang", "said"), [("vi", "Đã ngắt giữa chừng"), ("en", "Broken off")])
def test_whoever_breaks_off_is_told_what_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: type[BaseException], lang: str, said: str
) -> None:
    """Ctrl-C, in the reader's language and as JSON too: one sentence and status 1."""

    def pressed(*_: object, **__: object) -> NoReturn:
        raise how

    monkeypatch.setattr(Shell, "table", pressed)
    monkeypatch.setattr(Shell, "give", pressed)
    told = socai(tmp_path, "catalogue", "act", lang=lang)
    assert (told.exit_code, told.stdout) == (1, "")
    assert told.stderr.startswith(said)
    assert told.stderr.count("\n") == 1
    as_json = socai(tmp_path, "--json", "catalogue", "act", lang=lang)
    assert orjson.loads(as_json.stdout)["error"]["code"] == "broken_off"


_BEHIND: Final = {"mirror watch": ["."], "mirror export --every": ["60", "."]}


@pytest.mark.parametrize("command", sorted(UNTIL_TOLD))
def test_what_goes_on_until_it_is_told_to_stop_is_ended_well_before_it_has_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Nothing is broken off: whoever looks after it by its status hears of no failure."""

    def pressed() -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(Settings, "from_env", pressed)
    told = socai(tmp_path, *command.split(), *_BEHIND.get(command, []))
    assert (told.exit_code, told.output) == (0, "")


def test_what_publishes_once_is_broken_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`mirror export` goes on until told to stop by its option alone, whichever way it is typed."""

    def pressed() -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(Settings, "from_env", pressed)
    assert socai(tmp_path, "mirror", "export", ".").exit_code == 1
    assert socai(tmp_path, "mirror", "export", ".", "--every=60").exit_code == 0


def test_no_locale_and_no_full_disk_ends_a_command_in_a_trace(tmp_path: Path) -> None:
    """What an encoding does not have is written as JSON would; what cannot be written is said."""
    called = [sys.executable, "-m", "api.cli.main", "--lang", "vi"]
    base, act = {"SOCAI_HOME": str(tmp_path)}, ("catalogue", "act", "CaseClosed")
    shown = socai(tmp_path, "--json", *act, lang="vi").stdout
    for encoding in ("latin-1", "ascii"):
        done = subprocess.run(
            [*called, "--json", *act],
            env=base | {"PYTHONIOENCODING": encoding},
            capture_output=True,
            check=True,
        )
        assert (b"\\u1ed3" in done.stdout) == (encoding == "latin-1")
        told = done.stdout.decode("latin-1" if encoding == "latin-1" else "utf-8")
        assert orjson.loads(told) == orjson.loads(shown)
    for words in (("--version",), ("--json", *act)):
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                [*called, *words], env=base, stdout=full, stderr=subprocess.PIPE, check=False
            )
        said = done.stderr.decode()
        assert (done.returncode, said.count("\n"), "Traceback" in said) == (1, 1, False), said


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SOCAI_HOST", "a..b"),
        ("SOCAI_HOST", "é" * 70),
        ("SOCAI_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("SOCAI_TRUSTED_PROXIES", "abc"),
        ("SOCAI_PORT", "x"),
        ("SOCAI_WORKERS", "0"),
        ("SOCAI_LOG_LEVEL", "loud"),
    ],
)
@pytest.mark.parametrize("lang", ["vi", "en"])
def test_a_wrong_variable_is_a_sentence(
    tmp_path: Path, variable: str, value: str, lang: str
) -> None:
    """Exit 2 and which one, whichever command reads it first."""
    env = {"SOCAI_HOME": str(tmp_path), variable: value}
    for words in (("serve",), ("log", "status")):
        told = CliRunner().invoke(main, ["--lang", lang, *words], env=env)
        assert told.exit_code == 2, told.output
        assert variable in told.stderr
        assert told.stderr.count("\n") == 1
        assert lang == "en" or "Must" not in told.stderr
        assert "[" not in told.stderr


def test_what_is_no_statement_is_not_sent(tmp_path: Path) -> None:
    """Wrong use, before any server is asked."""
    write_key(tmp_path / "me", SoftwareSigner.generate(), b"x", t=1, p=1, m_kib=64)
    (tmp_path / "pass").write_text("x")
    (tmp_path / "pass").chmod(0o600)
    env = {"SOCAI_HOME": str(tmp_path), "SOCAI_PASSPHRASE_FILE": str(tmp_path / "pass")}
    words = ["act", "submit", "-", "--key", str(tmp_path / "me"), "--log", "x.example/ordinary"]
    told = CliRunner().invoke(main, ["--lang", "en", *words], env=env, input=b"junk")
    assert told.exit_code == 2, told.output
    assert told.stderr.startswith("Nothing was sent.")


@pytest.mark.parametrize("command", [("serve",), ("log", "audit"), ("log", "resume")])
@pytest.mark.parametrize("held", [b"junk\n", b"\xff\x00", None])
def test_a_file_that_is_no_checkpoint_says_nothing_about_the_log(
    tmp_path: Path, command: tuple[str, ...], held: bytes | None
) -> None:
    """A clerk's wrong file is wrong use: never damage, never a doubt about the log."""
    known = tmp_path / "known"
    if held is None:
        known.mkdir()
    else:
        known.write_bytes(held)
    result = socai(tmp_path, *command, "--checkpoint", str(known))
    assert result.exit_code == 2, result.output
    assert "checkpoint" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not result.stdout


def test_another_logs_checkpoint_is_no_damage_of_this_one(tmp_path: Path) -> None:
    """An audit is not held to it, and says which log it is of: a wrong file is wrong use."""
    origin = "rehearsal.x.example/ordinary"
    facts = EnclaveFacts(origin, "ordinary", True, "00" * 32, "x", {})  # noqa: FBT003
    path = tmp_path / "kept"

    def kept(of: str) -> CheckpointFile:
        key = NoteSigner(of, SoftwareSigner.generate())
        return CheckpointFile(str(path), sign(Checkpoint(of, 1, bytes(32)), key, None, time_s=1))

    own, reads = kept(origin), kept(f"{origin}/access")
    assert by_log([own, reads], facts) == ([own.note], [reads.note])
    with pytest.raises(Refusal, match=f"{path} is a checkpoint of log y/ordinary") as refused:
        by_log([own, kept("y/ordinary")], facts)
    assert refused.value.exit_code == 2
    for words in (("log", "audit", "--checkpoint"), ("log", "remember")):
        gone = socai(tmp_path, *words, str(tmp_path / "gone"), lang="vi")
        assert (gone.exit_code, "Invalid" in gone.stderr) == (2, False)


@pytest.mark.parametrize("words", [("serve",), ("migrate",), ("log", "audit")])
def test_a_home_that_lost_its_facts_is_no_place_for_another_enclave(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    """backup.md: nothing starts, and every command says to bring them back, and none to found."""
    write_private(tmp_path / "keys" / "log.socaikey", b"{}")
    told = socai(tmp_path, *words)
    assert (told.exit_code, told.stderr.count("\n")) == (2, 1), told.output
    assert "no enclave.json: bring it back" in told.stderr


@pytest.mark.parametrize("held", [b"", b"\xff\xfe", b"[]", b"5", b"a+00000000+AAAA", b'{"cast":'])
def test_a_damaged_note_of_a_home_is_a_sentence(tmp_path: Path, held: bytes) -> None:
    """Which file it is; and never that its keys are taken from a server's word instead."""
    origin, home = "rehearsal.x.example/ordinary", tmp_path / "home"
    line = Sheet(origin, FIRST_CASE, 1, b64(bytes(32)), 1, b64(bytes(32))).text()
    (home / "cast").mkdir(parents=True)
    Home(Settings.at(home)).write_facts(EnclaveFacts(origin, "ordinary", True, "00" * 32, "x", {}))  # noqa: FBT003
    write_private(home / "secrets" / "passphrase", b"x")
    calls: dict[str, tuple[str, ...]] = {
        "vkeys": ("log", "sheet", line, str(home / "enclave.json")),
        "cast/cast.json": ("case", "list", "--as", "cv", "--server", "http://127.0.0.1:9"),
    }
    for name, words in calls.items():
        (home / name).write_bytes(held)
        result = socai(home, *words)
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.output
        assert f"{home / name} is damaged" in result.stderr
    (home / "serve.json").write_bytes(held)
    settings = replace(Settings.at(home), port=1234)
    assert running_url(settings) == "http://127.0.0.1:1234", "where it would listen"


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_a_home_that_cannot_be_used_is_a_sentence(tmp_path: Path, lang: str) -> None:
    """A read-only or mistaken folder is the operator's to mend, and no trace says so."""
    home = tmp_path / "file"
    home.touch()
    for words in (("log", "resume"), ("log", "recover"), ("log", "audit"), ("serve",)):
        result = socai(home, *words, lang=lang)
        assert result.exit_code == 1, result.output
        assert str(home) in result.stderr
        assert result.stderr.count("\n") == 1


def test_refusals_are_json_where_json_is_asked_for(tmp_path: Path) -> None:
    """A program reads the same refusal a person does."""
    result = socai(tmp_path, "case", "list", "--json")
    assert result.exit_code == 2
    refused = orjson.loads(result.stdout)
    assert refused["ok"] is False
    assert refused["error"]["code"] == "usage"


def test_vietnamese_by_locale_and_by_option(tmp_path: Path) -> None:
    """An officer's machine speaks Vietnamese without being told twice."""
    by_locale = CliRunner().invoke(main, ["--help"], env={"LANG": "vi_VN.UTF-8", "LC_ALL": ""})
    assert "Lập sổ mới" in by_locale.output
    assert "Chưa làm gì" in socai(tmp_path, "case", "list", lang="vi").stderr


def test_key_files_are_made_shown_and_never_overwritten(tmp_path: Path) -> None:
    """A key that is gone cannot sign what is still pending."""
    (tmp_path / "pass").write_text("secret\n")
    (tmp_path / "pass").chmod(0o600)
    env = {"SOCAI_HOME": str(tmp_path), "SOCAI_PASSPHRASE_FILE": str(tmp_path / "pass")}
    file = str(tmp_path / "me.socaikey")
    made = CliRunner().invoke(main, ["--json", "key", "new", file, "--alg", "ES256"], env=env)
    assert made.exit_code == 0, made.output
    shown = CliRunner().invoke(main, ["--json", "key", "show", file], env=env)
    assert orjson.loads(shown.stdout)["kid"] == orjson.loads(made.stdout)["kid"]
    read = CliRunner().invoke(main, ["key", "show", file], env=env).stdout
    assert '"kty": "EC"' in read, "as JSON, which is handed on"
    assert CliRunner().invoke(main, ["key", "new", file], env=env).exit_code == 2
    assert Path(file).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "words", [("vault", "custodian"), ("key", "new", "--alg", "MLKEM768-X25519")]
)
def test_no_private_half_lies_under_the_name_of_a_public_one(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    """A file that ends in .pub is what a custodian gives away."""
    result = socai(tmp_path, *words, str(tmp_path / "me.pub"), stdin=b"x\nx\n")
    assert result.exit_code == 2, result.output
    assert "public half" in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_new_passphrase_is_typed_twice(tmp_path: Path) -> None:
    """A slip of the finger would seal the key under what nobody knows: then nothing is made."""
    file = tmp_path / "me.socaikey"
    words, env = ["--lang", "en", "key", "new", str(file)], {"SOCAI_HOME": str(tmp_path)}
    slip = CliRunner().invoke(main, words, env=env, input="secret\nsercet\n")
    assert (slip.exit_code, "No key was made" in slip.stderr) == (2, True), slip.output
    assert not file.exists()
    assert CliRunner().invoke(main, words, env=env, input="secret\nsecret\n").exit_code == 0
    assert read_key(file, b"secret").kid


def test_a_new_passphrase_is_kept_as_every_keyboard_writes_it(tmp_path: Path) -> None:
    """That of Windows writes `ậ` as `â` and a dot, which is neither NFC nor NFD."""
    file = tmp_path / "me.socaikey"
    words, env = ["--lang", "en", "key", "new", str(file)], {"SOCAI_HOME": str(tmp_path)}
    typed = "m\u00e2\u0323t kh\u00e2\u0309u\nm\u1eadt kh\u1ea9u\n"
    made = CliRunner().invoke(main, words, env=env, input=typed)
    assert made.exit_code == 0, made.output
    for again in ("m\u00e2\u0323t kh\u00e2\u0309u", "mật khẩu"):
        assert read_key(file, again.encode()).kid


def test_catalogue_explains_every_kind_in_json(tmp_path: Path) -> None:
    """The rulebook is data; programs read it too."""
    for kind in ("act", "guard", "state", "agency", "instrument", "clock"):
        listed = orjson.loads(socai(tmp_path, "--json", "catalogue", kind).stdout)
        code = listed[0]["code"]
        assert (
            code
            in orjson.loads(socai(tmp_path, "--json", "catalogue", kind, code).stdout)["markdown"]
        )


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A rehearsal in which SC6 has been played and which is still served."""
    home = tmp_path_factory.mktemp("rehearsal") / "home"
    (play,) = read_file(shipped("SC6"))
    settings = replace(Settings.at(home), threads=12)
    found(settings, Plan(play.deployment, "ordinary", rehearsal=True, at=opening(play)))
    with served(settings) as url:
        with player_at(venue_of(settings, url, None), "en") as player:
            outcome = player.play(play)
        assert outcome.ok, (outcome.trouble, [step.wrong for step in outcome.steps])
        yield home, url


@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.xdist_group("rehearsal")
class TestRehearsal:
    """Everything a reader and an officer do in one enclave."""

    def test_reads_answer_in_json_and_in_tables_of_100_columns(
        self, rehearsal: tuple[Path, str]
    ) -> None:
        """A table wider than the terminal is read by nobody."""
        home, _ = rehearsal
        for words in (
            ("case", "list", "--as", "cv"),
            ("case", "show", CASE, "--as", "cv"),
            ("case", "history", CASE, "--as", "cv"),
            ("case", "verify", CASE, "--as", "cv"),
            ("case", "why", CASE, "state", "--as", "cv"),
            ("case", "diff", CASE, "40", "--as", "cv"),
            ("case", "as-of", CASE, "40", "--as", "cv"),
            ("worklist", "--as", "cv"),
            ("search", "dien", "luc", "--as", "cv"),
            ("stats", "--as", "cv"),
            ("registry", "officers"),
            ("registry", "keys"),
            ("registry", "instruments"),
            ("registry", "agencies"),
            ("log", "status"),
            ("projection", "status"),
        ):
            plain = socai(home, *words)
            assert plain.exit_code == 0, (words, plain.output)
            assert max(map(len, plain.stdout.splitlines())) <= 100 or words[0] == "log", words
            assert orjson.loads(socai(home, *words, "--json").stdout) is not None

    def test_no_key_of_a_rehearsal_is_stretched(self, rehearsal: tuple[Path, str]) -> None:
        """Its passphrase was drawn at random: a newcomer does not wait for it (ADR 65)."""
        home, _ = rehearsal
        files = [path for form in ("key", "kek") for path in home.rglob(f"*.socai{form}")]
        assert len(files) > 10
        for path in files:
            assert costs_of(path) == dict(DRAWN), path

    def test_token_stands_alone_on_its_line(self, rehearsal: tuple[Path, str]) -> None:
        """So that `$(socai token --as cv)` is all one needs."""
        home, url = rehearsal
        token = socai(home, "token", "--as", "cv").stdout
        assert token.count("\n") == 1
        answer = httpx.get(
            f"{url}/v1/worklist",
            headers={"Authorization": f"Bearer {token.strip()}"},
            timeout=120,
        )
        assert answer.status_code == 200
        unknown = socai(home, "token", "--as", "nobody")
        assert unknown.exit_code == 2
        assert "cv" in unknown.stderr

    def test_an_act_is_signed_here_sent_and_its_proof_checked(
        self, rehearsal: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Sign, send, send again: one record. What would be refused is not signed, nor recorded."""
        home, url = rehearsal
        (play,) = read_file(shipped("SC6"))
        step = play.steps[0]
        cast = orjson.loads((home / "cast" / "cast.json").read_bytes())["cast"]
        at = "2025-01-07T08:00:00+07:00"
        fields = {
            **{k: v for k, v in step.members.items() if k != "document"},
            "act": step.act,
            "stream": "case/3d7c1e3a-5b64-4d1b-9a53-111111111111",
            "occurred_at": at,
            "agency": "bacninh.stttt",
            "post": cast[step.author]["post"],
            "facts": {
                **step.facts,
                "received_at": at,
                "register_no": "9999/TN",
                "reporter": a_token("one"),
            },
            "signers": [
                {
                    "officer": cast[step.author]["officer"],
                    "post": cast[step.author]["post"],
                    "role": "AUTHOR",
                }
            ],
        }
        signed = socai(
            home, "act", "sign", "-", "--as", step.author, "--iat", at, stdin=orjson.dumps(fields)
        )
        assert signed.exit_code == 0, signed.output
        line = signed.stdout.encode()
        for again in (False, True):
            sent = socai(
                home, "act", "submit", "-", "--as", step.author, "--at", at, "--json", stdin=line
            )
            assert sent.exit_code == 0, sent.output
            assert orjson.loads(sent.stdout)["status"] in ("effective", "pending"), again
        misread = ("act", "submit", "-", "--as", step.author, "--at", at, "--vkey", "socai")
        wrong = socai(home, *misread, stdin=line)
        assert wrong.exit_code == 2
        assert "--vkey" in wrong.stderr
        fields["signers"][0]["post"] = "giam-doc"
        sign = ("act", "sign", "-", "--as", step.author, "--iat", at)
        unsigned = socai(home, *sign, stdin=orjson.dumps(fields))
        assert (unsigned.exit_code, unsigned.stdout) == (1, "")
        assert "OFFICER_IN_POST" in unsigned.stderr
        lawful = CheckAnswer(ok=True, code="", detail="", faults=(), flags=(), warnings=())
        monkeypatch.setattr("api.cli.commands.officer.judged", lambda *_: lawful)
        wrong = socai(home, *sign, stdin=orjson.dumps(fields))
        size = httpx.get(f"{url}/v1/log", timeout=120).json()["records"]
        refused = socai(
            home, "act", "submit", "-", "--as", step.author, "--at", at, stdin=wrong.stdout.encode()
        )
        assert refused.exit_code == 1
        assert refused.stderr.count("\n") == 1
        assert httpx.get(f"{url}/v1/log", timeout=120).json()["records"] == size

    def test_audit_is_sound_with_and_without_content_and_says_what_it_left_out(
        self, rehearsal: tuple[Path, str]
    ) -> None:
        """The auditor's login reads no state and no wrap, and must not look like a full audit."""
        home, _ = rehearsal
        full = socai(home, "log", "audit", "--json", "--workers", "0")
        assert full.exit_code == 0, full.output
        assert orjson.loads(full.stdout)["skipped"] == []
        light = socai(home, "log", "audit", "--json", "--login", "auditor", "--workers", "0")
        assert light.exit_code == 0, light.output
        assert {"content", "signatures"} <= set(orjson.loads(light.stdout)["skipped"])

    @pytest.mark.parametrize(
        ("dbname", "said"),
        [
            ("restored_yesterdey", {"vi": "không có cơ sở dữ liệu", "en": "has no database"}),
            ("postgres", {"vi": "cấp quyền CONNECT", "en": "may not enter postgres"}),
            ("empty", {"vi": "không chứa sổ nào", "en": "empty holds no log"}),
        ],
    )
    def test_audit_of_a_wrong_database_names_it(
        self, rehearsal: tuple[Path, str], dbname: str, said: dict[str, str]
    ) -> None:
        """A slip in a name is no outage: 2, and one sentence in the reader's language."""
        home, _ = rehearsal
        if dbname == "empty":
            with psycopg.connect(Embedded(home).dsn(), autocommit=True) as connection:
                connection.execute("CREATE DATABASE empty")
        for lang, words in said.items():
            result = socai(home, "log", "audit", "--database", dbname, lang=lang)
            assert result.exit_code == 2, result.output
            assert dbname in result.stderr
            assert words in result.stderr
            assert result.stderr.count("\n") == 1
            assert not result.stdout

    def test_audit_of_a_server_that_is_away_says_so(self, rehearsal: tuple[Path, str]) -> None:
        """An outage is no slip: 1, whatever database was named, and in the driver's words why."""
        home, _ = rehearsal
        away = f"postgresql://127.0.0.1:{free_port()}/postgres"
        result = CliRunner().invoke(
            main,
            ["--lang", "en", "log", "audit", "--database", "copy"],
            env={"SOCAI_HOME": str(home), "SOCAI_DATABASE_URL": away},
        )
        assert result.exit_code == 1, result.output
        assert "cannot be reached" in result.stderr
        assert "Connection refused" in result.stderr

    def test_a_view_is_built_anew_while_it_is_served(self, rehearsal: tuple[Path, str]) -> None:
        """Rebuild beside, then switch: the reader waits for nothing."""
        home, url = rehearsal
        assert socai(home, "projection", "rebuild", "case_file").exit_code == 0
        assert socai(home, "case", "show", CASE, "--as", "cv").exit_code == 0
        until(lambda: httpx.get(f"{url}/health/ready", timeout=60).status_code == 200)
        assert socai(home, "projection", "rebuild", "nothing").exit_code == 2

    def test_a_file_older_than_the_ledger_is_refused_and_nothing_recorded(
        self, rehearsal: tuple[Path, str]
    ) -> None:
        """Files in one enclave are played in the order of their dates."""
        home, url = rehearsal
        size = httpx.get(f"{url}/v1/log", timeout=120).json()["records"]
        late = socai(home, "play", "SC1", "--server", url)
        assert late.exit_code == 1
        assert "DIFFERS" in late.stdout, late.output
        grown = httpx.get(f"{url}/v1/log", timeout=120).json()["records"] - size
        assert grown <= 2 * 13  # at most its cast: no act of the file

    def test_a_database_in_use_is_never_copied(self, rehearsal: tuple[Path, str]) -> None:
        """The drill wants the enclave to itself, and says so."""
        home, _ = rehearsal
        settings = Settings.at(home)
        with pytest.raises(Unavailable, match="database_unavailable"):
            drill(settings, Home(settings).facts(), lambda *_: None)


@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.drill
def test_play_of_a_file_never_seen_and_of_one_that_is_wrong(tmp_path: Path) -> None:
    """A scenario of one's own plays; one that expects another state exits 1 and says which."""
    document = orjson.loads(shipped("SC4").read_bytes())
    document["id"] = "MINE"
    document["steps"] = document["steps"][:3]
    del document["expect_final"]
    document["steps"][2]["expect"]["state"] = "CLOSED"
    (tmp_path / "mine.json").write_bytes(orjson.dumps(document))
    result = socai(tmp_path / "home", "--json", "play", str(tmp_path / "mine.json"))
    assert result.exit_code == 1
    (played,) = orjson.loads(result.stdout)["plays"]
    assert [bool(step["differences"]) for step in played["steps"]] == [False, False, True]
    assert "CLOSED" in played["differences"][0]


@pytest.mark.drill
@pytest.mark.postgres
@pytest.mark.slow
def test_a_kept_enclave_is_audited_drilled_and_served_again(tmp_path: Path) -> None:
    """`--keep` leaves a home like any other, and a forger of its copies is caught every time."""
    (play,) = read_file(shipped("SC4"))
    home = tmp_path / "kept"
    with (
        closing(PlayEnclaves(home)) as stages,
        stages.fresh(play, alone=True) as venue,
        player_at(venue, "en") as player,
    ):
        assert player.play(play).ok
    settings = Settings.at(home)
    try:
        caught = drill(settings, database.running_facts(settings), lambda *_: None)
    finally:
        database.stop_database(settings)
    assert [c.kind for c in caught] == [
        "state_edited",
        "rows_swapped",
        "record_missing",
        "tile_old",
    ]
    assert all(c.ok for c in caught)
    assert socai(home, "log", "audit").exit_code == 0
    assert socai(home, "token", "--as", "cv").exit_code == 1  # nobody serves it now
    assert not Embedded(home).running


@pytest.mark.drill
@pytest.mark.postgres
@pytest.mark.slow
def test_killed_processes_and_the_database_come_back_by_themselves(tmp_path: Path) -> None:
    """A kill -9 of all four: the enclave is ready again, its log whole."""
    settings = founded(replace(Settings.at(tmp_path / "home"), port=free_port(), threads=8))
    database.running_facts(settings)
    fallen: list[str] = []
    supervisor = Supervisor(
        settings,
        output=tmp_path / "serve.log",
        tell=lambda role, _status, _again: fallen.append(role),
    )
    supervisor.start()
    try:
        supervisor.wait_ready()
        for pid in pids(supervisor).values():
            os.kill(pid, signal.SIGKILL)
        postmaster = settings.home / "pg" / "data" / "postmaster.pid"
        os.kill(int(postmaster.read_text().splitlines()[0]), signal.SIGKILL)
        every = {"api", "checkpointer", "projector", "database"}
        for _ in range(6_000):
            supervisor.mend()
            if every <= set(fallen):
                break
            Event().wait(0.05)
        assert every <= set(fallen)
        supervisor.wait_ready()
        signer = read_key(Home(settings).key_path("registrar"), Home(settings).passphrase())
        with closing(Client(supervisor.url, signer)) as client:
            assert client.log()["records"] == 2  # opened, and the key of the service
            assert client.login()
    finally:
        supervisor.stop()
        database.stop_database(settings)


@pytest.fixture
def hang_up_heard() -> Iterator[None]:
    """Whoever began the tests may have said that they outlive a terminal, and all they start."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.usefixtures("hang_up_heard")
@pytest.mark.parametrize(
    ("by", "told"),
    [
        ((), signal.SIGTERM),
        pytest.param((), signal.SIGHUP, marks=pytest.mark.drill),
        pytest.param(("nohup",), signal.SIGTERM, marks=pytest.mark.drill),
    ],
    ids=["told", "hung up", "nohup"],
)
def test_serve_ends_clean_and_leaves_nothing_running(
    tmp_path: Path, by: Sequence[str], told: signal.Signals
) -> None:
    """Told to end, the one process the operator sees ends all of them, the database too.

    By SIGTERM, and by SIGHUP where its terminal is closed; what nohup keeps from that goes on. What
    it notes is lost on a full disk, and nothing else.
    """
    home = tmp_path / "home"
    assert socai(home, "init", "--rehearsal", "--deployment", "x.example").exit_code == 0
    assert socai(home, "init", "--rehearsal", "--deployment", "x.example").exit_code == 2
    port = free_port()
    with _serving(home, port, by) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"Ready: http://127.0.0.1:{port}\n".encode()
        if by:
            process.send_signal(signal.SIGHUP)
            assert httpx.get(f"http://127.0.0.1:{port}/health/live", timeout=120).status_code == 200
        process.send_signal(told)
        assert process.wait(120) == 0
    assert not Embedded(home).running
    assert not (home / "serve.json").exists()
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{port}/health/live", timeout=120)
    recover_for_ten_minutes(Embedded(home))
    with _serving(home, port) as process:
        while not Embedded(home).running:
            Event().wait(0.05)
        process.send_signal(told)
        assert process.wait(120) == 0
    assert not Embedded(home).running
    shutil.rmtree(home)


@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.usefixtures("hang_up_heard")
@pytest.mark.parametrize(
    "told", [signal.SIGHUP, pytest.param(signal.SIGTERM, marks=pytest.mark.drill)]
)
def test_a_command_that_is_told_to_end_stops_the_database_that_it_had_started(
    tmp_path: Path, told: signal.Signals
) -> None:
    """As by Ctrl-C: a timer's time is up, or a terminal is closed, and nobody would stop it."""
    home = tmp_path / "home"
    assert socai(home, "init", "--rehearsal", "--deployment", "x.example").exit_code == 0
    with (home / "pg" / "data" / "postgresql.auto.conf").open("a") as slow:
        slow.write("post_auth_delay = 15\n")  # so that the command waits for its first answer
    server = Embedded(home)
    (server._root / "port").unlink()
    with subprocess.Popen(
        [sys.executable, "-m", "api.cli.main", "--lang", "en", "log", "audit"],
        env=child_environment(Settings.at(home)),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        while not server.was_started and process.poll() is None:  # written once the server is up
            Event().wait(0.05)
        process.send_signal(told)
        assert process.wait(120) == 1
    assert not server.running


@contextmanager
def _serving(home: Path, port: int, by: Sequence[str] = ()) -> Iterator[subprocess.Popen[bytes]]:
    """Killed where the test fails, which would else wait for its end."""
    with (
        Path("/dev/full").open("wb") as full,
        subprocess.Popen(
            [*by, sys.executable, "-m", "api.cli.main", "--lang", "en", "serve", f"--port={port}"],
            env=child_environment(Settings.at(home)),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=full,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()
