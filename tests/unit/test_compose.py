"""What `docker-compose.yml` promises an operator: who is given what, and no more."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml  # type: ignore[import-untyped]

from api.ops.supervisor import REMEMBERING
from api.settings import Home, Settings
from ledger.postgres.migrate import LOGINS

ROOT: Final = Path(__file__).parents[2]
FILE: Final[Mapping[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: Final[Mapping[str, Mapping[str, Any]]] = FILE["services"]
LASTING: Final = ("postgres", "api", "checkpointer", "projector")
KEYS: Final = Path("/var/lib/socai/keys")
SEEN: Final = "/var/lib/socai/seen"


def test_the_services_are_those_of_an_enclave() -> None:
    """Nothing else runs beside them; the rehearsal is started by hand alone."""
    assert set(SERVICES) == {*LASTING, "migrate", "rehearsal"}
    assert {name for name in SERVICES if "profiles" in SERVICES[name]} == {"rehearsal"}


@pytest.mark.parametrize("name", SERVICES)
def test_nobody_is_root_or_may_become_it(name: str) -> None:
    """A broken process has no rights, and nothing to write to but what it is given."""
    service = SERVICES[name]
    assert str(service["user"]).partition(":")[0] not in ("0", "root", "")
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert not {"privileged", "cap_add", "pid", "ipc", "network_mode", "env_file"} & set(service)


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
        if re.search(r"PASS|SECRET|KEY|TOKEN", variable):
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
    assert {"/secrets/", "/.env"} <= set(ignored)
    assert FILE["secrets"] == {name: {"file": f"./secrets/{name}"} for name in FILE["secrets"]}
    named = {secret for service in SERVICES.values() for secret in service["secrets"]}
    assert named == set(FILE["secrets"])
    made = re.search(r"^SECRETS := (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert made is not None
    assert named == {f"{role}.password" for role in made[1].split()} | {"passphrase", "session.key"}


def test_each_process_has_only_the_logins_it_works_with() -> None:
    """The administrator's password is the database's own and the migrating step's."""
    given = {
        name: {s for s in service["secrets"] if s.endswith(".password")}
        for name, service in SERVICES.items()
    }
    assert given == {
        "postgres": {"postgres.password"},
        "migrate": {f"{role}.password" for role in ("postgres", *LOGINS)},
        "api": {"writer.password", "reader.password"},
        "checkpointer": {"checkpointer.password"},
        "projector": {"projector.password"},
        "rehearsal": set(),
    }


def test_each_process_has_only_the_keys_it_works_with() -> None:
    """The checkpointer alone signs for the log; the API never sees the registrar's key."""
    assert {name: _keys(name) for name in SERVICES} == {
        "postgres": set(),
        # it makes them
        "migrate": {"log:rw", "pq:rw", "kek:rw", "registrar:rw", "service:rw"},
        "api": {"kek:ro", "service:ro"},
        "checkpointer": {"log:ro", "pq:ro"},
        "projector": {"kek:ro"},
        "rehearsal": {"registrar:ro"},
    }


def test_no_serving_process_writes_the_home_or_reads_officers_keys() -> None:
    """The genesis digest that a process is held to is none it can change."""
    for name in ("api", "checkpointer", "projector"):
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
    every = {f"{SEEN}/{role}" for role in REMEMBERING}
    assert seen == {**own, "postgres": set(), "rehearsal": set(), "migrate": every}
    settings = Settings.at(Path("/var/lib/socai/home"), seen_dir=Path(SEEN))
    assert {str(Home(settings).seen_folder(role)) for role in REMEMBERING} == seen["migrate"]
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
    expected = ["pg_isready"] if name == "postgres" else ["socai", "health", "--role", name]
    assert asked[: 1 + len(expected)] == ["CMD", *expected]
    assert service["restart"] == "unless-stopped"


def test_the_migrating_step_is_done_before_anybody_serves() -> None:
    """And the database answers before it begins; it runs once."""
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert SERVICES["migrate"]["restart"] == "no"
    for name in ("api", "checkpointer", "projector"):
        before = SERVICES[name]["depends_on"]["migrate"]
        assert before == {"condition": "service_completed_successfully"}


@pytest.mark.parametrize("name", ["checkpointer", "projector"])
def test_a_loop_that_doubts_is_held_not_started_again(name: str) -> None:
    """It stays to be looked at; the mark that it left would hold it after a start too."""
    assert SERVICES[name]["command"] == ["serve", "--role", name, "--hold"]


def test_only_the_api_is_reached_from_outside_and_only_on_loopback() -> None:
    """The database has no port of the machine and no way out."""
    assert FILE["networks"]["inside"] == {"internal": True}
    for name, service in SERVICES.items():
        ports = service.get("ports", [])
        assert all(port.startswith("127.0.0.1:") for port in ports)
        assert bool(ports) == (name == "api") == ("outside" in service["networks"])


def _mounts(name: str) -> list[tuple[str, str, str]]:
    """Source, target and mode of each volume of a service."""
    found = []
    for volume in SERVICES[name]["volumes"]:
        source, target, *mode = str(volume).split(":")
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
