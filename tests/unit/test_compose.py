"""What `docker-compose.yml` promises an operator: who is given what, and no more."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
import yaml  # type: ignore[import-untyped]

from api.home import Home
from api.http.framework.admission import MAX_BODY_BYTES
from api.ops.embedded_postgres import QUOTES_NO_ROW
from api.ops.reads.which_log import READS
from api.ops.service.roles import REMEMBERING
from api.problems.problem import CONTENT_TYPE, Problem
from api.settings import CALLED, Settings
from ledger.postgres.migrate import WITH_PASSWORD
from tests.attack import test_pages

ROOT: Final = Path(__file__).parents[2]
FILE: Final[Mapping[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: Final[Mapping[str, Mapping[str, Any]]] = FILE["services"]
LASTING: Final = (
    "postgres", "api", "api-2", "proxy", "checkpointer", "projector", "keeper", "vault", "archiver",
)  # fmt: skip
PROXY: Final = (ROOT / FILE["configs"]["proxy"]["file"]).read_text("utf-8")
CALLS: Final = orjson.loads((ROOT / "docs/reference/openapi.json").read_bytes())["paths"]
REPLICAS: Final = ("api", "api-2")
ALONE: Final = ("restore", "place")  # by hand, when there is no database, and reached by nobody
_OTHER_HERE: Final = {
    "workers": "2", "metrics_port": "9464", "profile": "P1", "level": "ordinary",
    "trusted_proxies": "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16", "blobs": "/var/lib/socai/files",
}  # fmt: skip
_OF_THE_FILE: Final = {
    "home", "database_url", "secrets_dir", "keys_dir", "seen_dir", "passphrase_file",
    "keeper_socket", "backup_dir", "metrics_file",  # places inside
    "host",  # the proxy alone is reached
    "port",  # the API's is inside; SOCAI_PORT is that of the proxy
    "pkcs11_module", "pkcs11_token", "pkcs11_pin_file",  # with a library and a device: an override
}  # fmt: skip
_BACK: Final = (
    "docker compose up --detach",
    "docker compose run --rm migrate backup run",
    "docker compose up --detach --wait",
)
KEYS: Final = Path("/var/lib/socai/keys")
SEEN: Final = "/var/lib/socai/seen"


def test_the_services_are_those_of_an_enclave() -> None:
    """Nothing else runs beside them; the vault runs once it is founded, the rehearsal by hand.

    The keeper runs above ordinary; a restore when there is no database.
    """
    assert set(SERVICES) == {*LASTING, "migrate", "rehearsal", *ALONE}
    profiles = {name: service.get("profiles") for name, service in SERVICES.items()}
    named = {name: profile for name, profile in profiles.items() if profile is not None}
    own = {name: [name] for name in ("rehearsal", "vault", "keeper", "archiver", "restore")}
    assert named == {**own, "place": ["restore"]}


def test_the_log_of_the_database_quotes_no_row() -> None:
    """As that of the embedded one (tests/integration/test_embedded.py)."""
    assert QUOTES_NO_ROW.split() == SERVICES["postgres"]["command"][-4:]


def test_only_the_archiver_replicates_and_no_disk_fills_without_it() -> None:
    """By its own password, as the file of the server's doors says; WAL is kept for it in bounds."""
    assert "max_slot_wal_keep_size=4GB" in SERVICES["postgres"]["command"]
    assert "--data-checksums" in SERVICES["postgres"]["environment"]["POSTGRES_INITDB_ARGS"]
    assert SERVICES["restore"]["secrets"] == ["backup.passphrase"], "and no other key opens there"
    doors = (ROOT / FILE["configs"]["hba"]["file"]).read_text("utf-8").splitlines()
    replicate = [line.split()[2:] for line in doors if line.split()[1:2] == ["replication"]]
    assert replicate == [['"/_archiver$"', "all", "scram-sha-256"], ["all", "all", "reject"]]


@pytest.mark.parametrize("name", SERVICES)
def test_nobody_is_root_or_may_become_it(name: str) -> None:
    """A broken process has no rights, and nothing to write to but what it is given.

    But who gives the server its folder: he may read and date what is another's, give it away, and
    reach nobody.
    """
    service = SERVICES[name]
    root = str(service["user"]).partition(":")[0] in ("0", "root", "")
    assert root == (name == "restore")
    assert service.get("cap_add") == (["CHOWN", "DAC_OVERRIDE", "FOWNER"] if root else None)
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert service.get("network_mode") == ("none" if name in ALONE else None)
    assert not {"privileged", "pid", "ipc", "env_file"} & set(service)


def test_the_image_is_no_root_either() -> None:
    """Also where it is run without the compose file."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    users = re.findall(r"^USER (\S+)", text, re.MULTILINE)
    assert users
    assert users[-1] not in ("0", "root", "0:0")


@pytest.mark.parametrize("name", SERVICES)
def test_no_secret_stands_in_an_environment(name: str) -> None:
    """A secret is a file; the environment has only paths to it, and no URL has a password."""
    for variable, value in SERVICES[name]["environment"].items():
        if re.search(r"PASS|SECRET|KEY|TOKEN(?!_TTL_S)", variable):
            assert str(value).startswith("/run/secrets"), variable
        assert not re.search(r"://[^/@]*:[^/@]*@", str(value)), variable


def test_the_servers_image_holds_no_rehearsal() -> None:
    """It is made from the wheel alone, and only a profile's service is made from a checkout."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    stages = re.findall(r"^FROM (\S+) AS (\S+)\n((?:(?!FROM ).*\n)*)", text, re.MULTILINE)
    made = {
        name: (base, re.findall(r"^COPY --from=(.*)$", said, re.MULTILINE))
        for base, name, said in stages
    }
    assert [name for _, name, _ in stages][-1] == "server", "what is built where no target is named"
    assert made["server"] == ("bare", ["build /app/.venv /app/.venv"])
    assert made["bare"][1] == []
    last = next(said for _, name, said in stages if name == "build").rstrip().splitlines()[-1]
    assert "uv sync" in last
    assert "--no-editable" in last
    for name, service in SERVICES.items():
        target = service["build"].get("target") if isinstance(service.get("build"), dict) else None
        assert (target == "rehearsal") == (name == "rehearsal")


def test_no_secret_stands_in_the_image() -> None:
    """Only what is built from is sent to the builder, and nothing secret is among its words."""
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()
    assert ignored[0] == "*"
    assert not {"!secrets", "!.env", "!.socai"} & set(ignored)
    text = (ROOT / "Dockerfile").read_text("utf-8")
    assert not re.search(r"^(?:ARG|ENV).*(?:PASSW|TOKEN|SECRET)", text, re.MULTILINE)


def test_every_secret_is_a_file_that_git_never_sees() -> None:
    """And `make secrets` makes each of them."""
    ignored = (ROOT / ".gitignore").read_text("utf-8").split()
    assert {"/secrets/", "/secrets-*/", "/.env", "/.env.*"} <= set(ignored)
    folder = "${SOCAI_SECRETS:-./secrets}"
    assert FILE["secrets"] == {name: {"file": f"{folder}/{name}"} for name in FILE["secrets"]}
    named = {secret for service in SERVICES.values() for secret in service["secrets"]}
    assert named == set(FILE["secrets"])
    made = re.search(r"^SECRETS := (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert made is not None
    keys = {"session.key", "ticket.key"}
    assert named == {f"{role}.password" for role in made[1].split()} | {
        "passphrase",
        "vault.passphrase",
        "backup.passphrase",
        "mail.json",
        "blobs.json",
        "proxy.crt",
        "proxy.key",
        *keys,
    }


def test_every_setting_reaches_its_process_or_is_the_files_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What an operator writes into `.env` is not ignored in silence."""
    plain = Settings.at(Path("/"))
    given: dict[str, set[str]] = {}
    for service in SERVICES.values():
        for name, value in service["environment"].items():
            given.setdefault(name, set()).add(str(value))
    passed: dict[str, str] = {}
    for field in fields(Settings):
        name = f"SOCAI_{CALLED.get(field.name, field.name).upper()}"
        if field.name in _OF_THE_FILE:
            assert not any("${" in one for one in given.get(name, ())), name
            continue
        said = [one for one in given[name] if one.startswith("${")]
        assert len(said) == 1, name
        assert said[0].startswith(f"${{{name}:-"), name
        passed[name] = said[0].partition(":-")[2].removesuffix("}")
        usual = _OTHER_HERE.get(field.name, getattr(plain, field.name))
        assert passed[name] == ("" if usual is None else str(usual)), name
    page = (ROOT / "docs/operate/install.md").read_text("utf-8")
    unsaid = {name for name in passed if f"`{name}`" not in page}
    assert all(name.startswith("SOCAI_MAIL_") for name in unsaid), unsaid
    assert "`SOCAI_MAIL_*`" in page
    for name, value in passed.items():
        monkeypatch.setenv(name, value)
    assert Settings.from_env().workers == int(_OTHER_HERE["workers"])


def test_commands_answer_in_the_language_of_the_enclave() -> None:
    """No locale of whoever types them reaches a container; the processes' logs stay English."""
    speaking = {name for name, one in SERVICES.items() if "SOCAI_LANG" in one["environment"]}
    assert speaking == {"migrate", "rehearsal", "restore", *REPLICAS}


def test_a_second_level_shares_nothing_with_the_first(tmp_path: Path) -> None:
    """Another project, so other volumes and networks; its own secrets; the level is said once."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for level in ("ordinary", "mat"):
        done = subprocess.run(
            ["make", "secrets", f"LEVEL={level}"],  # noqa: S607 - as an operator runs it
            cwd=tmp_path, check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    own, other = (
        {path.name: path.read_text() for path in (tmp_path / name).iterdir()}
        for name in ("secrets", "secrets-mat")
    )
    assert own.keys() == other.keys() == set(FILE["secrets"])
    assert not {text for name, text in own.items() if not name.endswith(".json")} & set(
        other.values()
    )
    said = dict(line.split("=") for line in (tmp_path / ".env.mat").read_text().split())
    assert said["COMPOSE_PROJECT_NAME"] != FILE["name"]
    assert (said["SOCAI_LEVEL"], said["SOCAI_SECRETS"]) == ("mat", "./secrets-mat")
    assert (said["COMPOSE_PROFILES"], said["SOCAI_KEK_OF_API"]) == ("keeper", "no-key")
    with_kek = {name for name in SERVICES if "key-kek" in {one for one, *_ in _mounts(name, said)}}
    assert with_kek == {"migrate", "projector", "keeper"}, "and not the API (access.md U3)"
    assert not any({"external", "name"} & set(one) for one in FILE["volumes"].values())
    for service in SERVICES.values():
        if service["image"].startswith("socai"):
            assert service["environment"]["SOCAI_LEVEL"] == "${SOCAI_LEVEL:-ordinary}"


def test_what_is_founded_later_is_started_by_every_later_up(tmp_path: Path) -> None:
    """Else whoever types the next block, at night, is left without archiver and vault.

    Behind a restore the archiver is well once there is a full backup: it is waited for after that.
    """
    typed = {
        page.name: re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
        for page in (ROOT / "docs" / "operate").glob("*.md")
    }
    lines = [line for blocks in typed.values() for one in blocks for line in one.splitlines()]
    assert not [one for one in lines if re.search(r"--profile (?!'\*' down)", one)]
    added = {
        f"{one}\n{shown}" for one, shown in pairwise(lines) if one.startswith("sed -i")
    }  # and whoever types it is shown that it is there
    assert len(added) == 2
    shutil.copy(ROOT / "Makefile", tmp_path)
    for level, own in (("ordinary", set[str]()), ("mat", {"keeper"})):
        name = ".env" if level == "ordinary" else f".env.{level}"
        (tmp_path / name).write_text("SOCAI_WORKERS=3", "ascii")  # as some editors leave a file
        assert not any(_typed(one, tmp_path, name) for one in added)
        subprocess.run(["make", "secrets", f"LEVEL={level}"], cwd=tmp_path, check=True)  # noqa: S607
        assert all(_typed(one, tmp_path, name) for one in added)
        said = dict(line.split("=") for line in (tmp_path / name).read_text().split())
        assert said["SOCAI_WORKERS"] == "3"
        profiles = set(said["COMPOSE_PROFILES"].split(",")) - {""}
        assert profiles == {"archiver", "vault"} | own
        assert all([one] == SERVICES[one]["profiles"] for one in profiles)
    ends = [one.splitlines() for one in typed["backup.md"] if "run --rm restore" in one]
    assert len(ends) == 2
    for one in ends:
        started, saved, waited = (one.index(line) for line in _BACK)
        assert started < saved < waited == len(one) - 1
    (exchanged,) = (one for one in typed["upgrade.md"] if "standby" in one)
    assert exchanged.splitlines()[-1] == _BACK[-1]
    assert exchanged.startswith("make secrets "), "the new file may name one more"


def _typed(lines: str, folder: Path, env_file: str) -> bool:
    words, env = ["/bin/sh", "-ec", lines], {"COMPOSE_ENV_FILES": env_file}
    return subprocess.run(words, cwd=folder, check=False, env=env).returncode == 0


def test_a_command_that_is_given_a_file_in_containers_is_given_a_folder() -> None:
    """The host's files are not there, and the container's own folders take nothing."""
    takes = re.compile(r"(?<![\w-])[\w./-]+\.(?:checkpoint|json|socaikey|socaishare|pub|txt)\b")
    for page in (ROOT / "docs" / "operate").glob("*.md"):
        for block in re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                typed = (
                    line.partition("docker compose run")[2].partition(" <")[0].partition(" >")[0]
                )
                named = typed.partition(" migrate ")[2].replace("keys/registrar/registrar.", "own.")
                if (
                    takes.search(named.replace("own.socaikey", ""))
                    and "--entrypoint rm" not in typed
                ):
                    assert re.search(r'-v "\$PWD/(\w+):/\1"', typed), line


def test_each_process_has_only_the_logins_it_works_with() -> None:
    """The administrator's password is the database's own and the migrating step's."""
    given = {
        name: {s for s in service["secrets"] if s.endswith(".password")}
        for name, service in SERVICES.items()
    }
    assert given == {
        "postgres": {"postgres.password"},
        "migrate": {f"{role}.password" for role in ("postgres", *WITH_PASSWORD)},
        **{key: {"writer.password", "reader.password", "public.password"} for key in REPLICAS},
        "proxy": set(),
        "checkpointer": {"checkpointer.password"},
        "projector": {"projector.password"},
        "keeper": {"keeper.password"},
        "vault": {"vault.password"},
        "archiver": {"archiver.password"},
        "rehearsal": set(),
        **{name: set() for name in ALONE},
    }
    opens = {name for name, one in SERVICES.items() if "vault.passphrase" in one["secrets"]}
    assert opens == {"migrate", "vault"}
    assert "passphrase" not in SERVICES["vault"]["secrets"]
    assert SERVICES["archiver"]["secrets"] == ["archiver.password"], "it opens nothing"


def test_each_process_has_only_the_keys_it_works_with() -> None:
    """The checkpointer alone signs for the log; the API never sees the registrar's key."""
    assert {name: _keys(name) for name in SERVICES} == {
        "postgres": set(),
        # it makes them
        "migrate": {
            "log:rw", "pq:rw", "access:rw", "access-pq:rw", "kek:rw", "registrar:rw", "service:rw",
            "vault:rw", "backup:rw",
        },
        **{key: {"kek:ro", "service:ro"} for key in REPLICAS},
        "proxy": set(),
        "checkpointer": {"log:ro", "pq:ro", "access:ro", "access-pq:ro"},
        "projector": {"kek:ro"},
        "keeper": {"kek:ro"},
        # and it has none of the log's content
        "vault": {"vault:ro"},
        "archiver": set(),
        "rehearsal": {"registrar:ro"},
        "restore": {"backup:ro"},
        "place": set(),
    }  # fmt: skip


def test_no_serving_process_writes_the_home_or_reads_officers_keys() -> None:
    """The genesis digest that a process is held to is none it can change."""
    for name in (*REPLICAS, "checkpointer", "projector", "keeper", "vault", "archiver"):
        mounts = {source: (target, mode) for source, target, mode in _mounts(name)}
        assert mounts["home"] == ("/var/lib/socai/home", "ro")
        assert "cast" not in mounts


def test_each_process_remembers_its_log_where_no_other_can_write() -> None:
    """One taken over makes nobody else forget; the operator's commands see them all."""
    seen = {
        name: {t for _, t, mode in _mounts(name) if t.startswith(f"{SEEN}/") and mode == "rw"}
        for name in SERVICES
    }
    own = {name: {f"{SEEN}/{name}"} for name in ("api", "checkpointer", "projector")}
    own["checkpointer"].add(f"{SEEN}/{READS.seen}")  # it keeps both logs
    every = {f"{SEEN}/{role}" for role in (*REMEMBERING, READS.seen)}
    own["api-2"] = own["api"]
    nobody = {
        name: set[str]()
        for name in ("postgres", "proxy", "rehearsal", "keeper", "vault", "archiver", *ALONE)
    }
    assert seen == {**own, **nobody, "migrate": every}
    settings = Settings.at(Path("/var/lib/socai/home"), seen_dir=Path(SEEN))
    roles = (*REMEMBERING, READS.seen)
    assert {str(Home(settings).seen_folder(role)) for role in roles} == seen["migrate"]
    image = (ROOT / "Dockerfile").read_text("utf-8")
    assert f"SOCAI_SEEN_DIR={SEEN}\n" in image
    assert all(re.search(rf"{folder}\b", image) for folder in every)


def test_a_key_with_a_folder_of_its_own_lies_in_it(tmp_path: Path) -> None:
    """What lets every key be a volume; the other keys stay where they were."""
    home = Home(Settings.at(tmp_path))
    (tmp_path / "keys" / "log").mkdir(parents=True)
    assert home.key_path("log") == tmp_path / "keys" / "log" / "log.socaikey"
    assert home.key_path("kek") == tmp_path / "keys" / "kek.socaikek"


@pytest.mark.parametrize("name", LASTING)
def test_each_lasting_process_is_asked_how_it_is_and_starts_again(name: str) -> None:
    """A killed one comes back; one that hangs is seen."""
    service = SERVICES[name]
    asked = service["healthcheck"]["test"]
    others = {"postgres": ["pg_isready"], "proxy": ["bash"]}
    role = "api" if name in REPLICAS else name
    expected = others.get(name, ["socai", "health", "--role", role])
    assert asked[: 1 + len(expected)] == ["CMD", *expected]
    assert service["restart"] == "unless-stopped"


def test_the_workers_of_both_replicas_have_connections_and_memory() -> None:
    """As many as are said, whatever cores the machine has; 40 of each where its level is above."""
    said = str(SERVICES["api"]["environment"]["SOCAI_WORKERS"])
    workers = int(said.removeprefix("${SOCAI_WORKERS:-").removesuffix("}"))
    server = next(one for one in SERVICES["postgres"]["command"] if "max_connections" in one)
    assert len(REPLICAS) * workers * 40 < int(server.partition("=")[2]) - 50
    assert SERVICES["api"]["mem_limit"] == "${SOCAI_MEMORY:-1g}"
    assert workers * 150 + 2 * 256 < 1024


def test_the_migrating_step_is_done_before_anybody_serves() -> None:
    """And the database answers before it begins; it runs once."""
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert SERVICES["migrate"]["restart"] == "no"
    for name in (*REPLICAS, "checkpointer", "projector", "keeper", "vault", "archiver"):
        before = SERVICES[name]["depends_on"]
        assert before == {"migrate": {"condition": "service_completed_successfully"}}
    assert "depends_on" not in SERVICES["proxy"], "it answers 503 until somebody does"


@pytest.mark.parametrize("name", ["checkpointer", "projector"])
def test_a_loop_that_doubts_is_held_not_started_again(name: str) -> None:
    """It stays to be looked at; the mark that it left would hold it after a start too."""
    assert SERVICES[name]["command"] == ["serve", "--role", name, "--hold"]


def test_only_the_proxy_is_reached_from_outside_and_only_on_loopback() -> None:
    """The database has no port of the machine and no way out; the vault hands letters in."""
    assert FILE["networks"]["inside"] == {"internal": True}
    for name, service in SERVICES.items():
        ports = service.get("ports", [])
        assert all(port.startswith("127.0.0.1:") for port in ports)
        assert bool(ports) == (name == "proxy")
        assert ("outside" in service.get("networks", ())) == (name in (*REPLICAS, "proxy", "vault"))
    assert FILE["networks"]["scrape"] == {"internal": True}
    assert [name for name, one in SERVICES.items() if "scrape" in one.get("networks", ())] == [
        *REPLICAS
    ]
    assert "9464" not in PROXY


def test_two_replicas_of_the_api_stand_behind_one_port() -> None:
    """They are one and the same, under one name; the proxy has no key but its own, and no login."""
    one, other = (SERVICES[name] for name in REPLICAS)
    assert one == other
    assert one["networks"]["inside"]["aliases"] == ["replicas"]
    assert "listen unix:/tmp/proxy.sock ssl" in PROXY, "behind 8443, where connections are counted"
    assert "http://$replicas:8000" in PROXY
    assert "proxy_next_upstream error timeout non_idempotent" in PROXY
    assert SERVICES["proxy"]["secrets"] == ["proxy.crt", "proxy.key"]


@pytest.mark.parametrize(
    ("asked", "once"),
    [
        ("/v1/acts/{act_id}/attachments/{digest}/copies", True),
        ("/v1/cases/{case}/print.pdf", True),
        ("/ho-so/{case}/ban-in", True),
        ("/v1/cases/{case}/copies", False),
        ("/v1/acts", False),
    ],
)
def test_what_takes_a_number_of_a_permit_is_sent_to_one_replica_alone(
    asked: str, *, once: bool
) -> None:
    """Sent again by the proxy, one print or copy would take up to three."""
    assert asked in {*CALLS, *test_pages.NAMED}, "it is a call, or a page"
    own = re.findall(r"location ~ (\S+) \{([^}]*)\}", PROXY)
    found = [inside for place, inside in own if re.search(place, re.sub(r"\{\w+\}", "x-1", asked))]
    assert ["proxy_next_upstream off;" in inside for inside in found] == [True] * once


def test_no_body_and_no_answer_fills_the_proxys_memory() -> None:
    """A file goes through as it comes, whatever else is longer is refused, no answer is kept.

    What waits in its folder is within that folder's size, and a sender's share within it too.
    """
    most = re.findall(r"client_max_body_size (\w+);", PROXY)
    assert most == [f"{MAX_BODY_BYTES >> 20}m", "0"]
    streamed = [
        path
        for path, call in CALLS.items()
        for how in call.values()
        if isinstance(how, dict)
        and "application/octet-stream" in how.get("requestBody", {}).get("content", {})
    ]
    places = re.findall(r"location = (/v1/\S+) \{([^}]*)\}", PROXY)
    assert [path for path, _ in places] == streamed
    assert all(
        "proxy_request_buffering off;" in said and "client_max_body_size 0;" in said
        for _, said in places
    )
    assert PROXY.count("proxy_request_buffering") == len(streamed)
    assert "proxy_max_temp_file_size 0;" in PROXY
    (folder,) = SERVICES["proxy"]["tmpfs"]
    size = int(folder.removeprefix("/tmp:size=").removesuffix("m")) << 20  # noqa: S108  not ours
    assert _said("limit_conn addresses") * MAX_BODY_BYTES < size < 1 << 30


def test_what_the_proxy_refuses_itself_is_what_the_api_would_say() -> None:
    """A problem document, whoever refuses; and every status that nginx has a page of its own for.

    But 408: there it closes the connection without a word.
    """
    said = re.findall(r"^ {4}(default|\d{3}) '([^']*)';$", PROXY, re.MULTILINE)
    codes = {}
    for status, answered in said:
        problem = orjson.loads(answered)
        codes[status] = problem["code"]
        assert problem == Problem(problem["code"]).body("vi", "none")
        assert status in ("default", str(problem["status"]))
    assert codes == {
        "default": "malformed_request", "413": "too_large", "414": "uri_too_long",
        "431": "headers_too_large", "503": "no_answer",
    }  # fmt: skip
    led = {
        of: to or of
        for these, to in re.findall(r"error_page ([\d ]+?)(?: =(\d+))? //refused;", PROXY)
        for of in these.split()
    }
    assert led == {
        **dict.fromkeys(("400", "405", "497", "501", "505"), "400"), "413": "413", "414": "414",
        "494": "431", **dict.fromkeys(("500", "502", "503", "504"), "503"),
    }  # fmt: skip
    assert f"default_type {CONTENT_TYPE};" in PROXY


def test_no_wait_for_a_replica_is_cut_off_before_it_is_over() -> None:
    """Whoever asked gets the answer that nobody answered."""
    tries = _said("proxy_next_upstream_tries")
    waits = ("proxy_connect_timeout", "proxy_send_timeout", "proxy_read_timeout")
    (most,) = re.findall(r"\bproxy_timeout (\d+)s;", PROXY)
    longest = sum(int(re.findall(rf"\b{wait} (\d+)s;", PROXY)[0]) for wait in waits)
    assert int(most) > tries * longest


def test_one_address_has_no_more_than_a_share_of_the_proxys_connections() -> None:
    """Counted from the first byte on, where half a request is no request yet (`limit_conn`)."""
    before, behind = PROXY.split("\nhttp {", 1)
    assert "listen 8443;" in before
    assert "limit_conn_zone $binary_remote_addr" in before
    assert "listen 8443" not in behind
    clients = _said("worker_connections") // 4  # there and back, twice
    assert 4 * _said("limit_conn addresses") <= clients
    assert _said("worker_rlimit_nofile") > _said("worker_connections")
    for wait in ("client_header_timeout", "client_body_timeout", "send_timeout"):
        assert re.search(rf"\b{wait} [12]0s;", PROXY), wait


@pytest.mark.parametrize("name", SERVICES)
def test_nobody_takes_the_whole_machine(name: str) -> None:
    """Memory, processors and processes are bounded, and what is said is kept by size."""
    service = SERVICES[name]
    assert {"mem_limit", "cpus", "pids_limit"} <= set(service)
    assert service["logging"]["options"] == {"max-size": "20m", "max-file": "5"}


def _said(word: str) -> int:
    """The number behind a word of the proxy's."""
    found = re.search(rf"^\s*{word} (\d+);", PROXY, re.MULTILINE)
    assert found is not None, word
    return int(found[1])


def _mounts(name: str, said: Mapping[str, str] | None = None) -> list[tuple[str, str, str]]:
    """Source, target and mode of each volume of a service, under what an `.env` says."""
    found = []
    for volume in SERVICES[name]["volumes"]:
        plain = re.sub(
            r"\$\{(\w+):-([\w-]+)\}", lambda v: (said or {}).get(v[1], v[2]), str(volume)
        )
        source, target, *mode = plain.split(":")
        assert source in FILE["volumes"], "a folder of the machine is given to nobody"
        found.append((source, target, mode[0] if mode else "rw"))
    return found


def _keys(name: str) -> set[str]:
    """Which keys a service can open, each with its mode."""
    return {
        f"{Path(target).name}:{mode}"
        for _, target, mode in _mounts(name)
        if Path(target).is_relative_to(KEYS)
    }
