"""`docker compose up --wait` as the pages say it: each level comes up, serves, and plays a case."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event, Thread
from typing import Final

import httpx
import orjson
import pytest

from tests.fixtures.installed import ROOT
from tests.processes import free_port

pytestmark = [pytest.mark.drill, pytest.mark.slow, pytest.mark.xdist_group("image")]

IMAGES: Final = {"socai": "server", "socai-rehearsal": "rehearsal"}
OF_OTHERS: Final = ("postgres:18", "nginx:1")
CONFIGS: Final = ("docs/operate/proxy.conf", "docs/operate/pg_hba.conf")
_SERVING: Final = {
    "ordinary": {"postgres", "api", "api-2", "proxy", "checkpointer", "projector"},
    "mat": {"postgres", "api", "api-2", "proxy", "checkpointer", "projector", "keeper"},
}
_PLAYED: Final = {"ordinary": "SC1", "mat": "SC12"}


@pytest.fixture(scope="module")
def docker() -> str:
    """A Docker engine with both images built in it."""
    program = shutil.which("docker")
    if program is None or subprocess.run([program, "info"], capture_output=True).returncode:  # noqa: PLW1510
        pytest.skip("no Docker engine is here: the image is not built, and not looked into")
    for tag, target in IMAGES.items():
        words = ["build", "--quiet", "--network", "host", "--target", target, "--tag", tag]
        built = subprocess.run([program, *words, str(ROOT)], capture_output=True, text=True)  # noqa: PLW1510
        if "failed to resolve source metadata" in built.stderr:
            pytest.skip(f"no image registry is reached: {built.stderr.strip().splitlines()[-1]}")
        assert built.returncode == 0, built.stderr
    for image in OF_OTHERS:
        there = subprocess.run([program, "image", "inspect", image], capture_output=True)  # noqa: PLW1510
        if there.returncode:
            pulled = subprocess.run([program, "pull", image], capture_output=True, text=True)  # noqa: PLW1510
            if pulled.returncode:
                pytest.skip(f"no image registry is reached: {pulled.stderr.strip()}")
    return program


class Project:
    """A project of the compose file in a folder of its own.

    Args:
        docker: The program.
        folder: Where its secrets are made.
        level: Of its enclave.
    """

    def __init__(self, docker: str, folder: Path, level: str) -> None:
        self._docker, self._folder, self.level = docker, folder, level
        self._file = ".env" if level == "ordinary" else f".env.{level}"
        (folder / "docs" / "operate").mkdir(parents=True)
        for name in ("docker-compose.yml", "Makefile", *CONFIGS):
            shutil.copy(ROOT / name, folder / name)
        level_named = [] if level == "ordinary" else [f"LEVEL={level}"]
        make = shutil.which("make") or "make"
        subprocess.run([make, "secrets", *level_named], cwd=folder, check=True)
        with (folder / self._file).open("a", encoding="utf-8") as file:
            file.write("SOCAI_DEPLOYMENT=bacninh.example\nSOCAI_INIT=--rehearsal\n")
            self.port = free_port()
            self.certificate = folder / f"secrets{'' if level == 'ordinary' else '-mat'}/proxy.crt"
            file.write(f"SOCAI_PORT={self.port}\n")
            file.write(f"COMPOSE_PROJECT_NAME=socai-tested-{level}\n")

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`docker compose` of this project."""
        command = [self._docker, "compose", "--env-file", self._file, *words]
        done = subprocess.run(
            command, cwd=self._folder, env={"PATH": "/usr/bin:/bin:/usr/local/bin"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, (words, done.stdout, done.stderr)
        return done

    def cut_off(self, service: str) -> None:
        """Takes the network away from under a service."""
        name = f"socai-tested-{self.level}"
        command = [self._docker, "network", "disconnect", f"{name}_inside", f"{name}-{service}-1"]
        subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(params=["ordinary", "mat"])
def project(docker: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Project]:
    """One for each kind of enclave; all of it is gone at the end."""
    made = Project(docker, tmp_path, request.param)
    yield made
    made.run("--profile", "*", "down", "--volumes", "--remove-orphans", check=False)


def test_an_enclave_comes_up_and_plays_in_containers(project: Project) -> None:
    """Every service is well before the command comes back; a case is played, the log is sound."""
    project.run("up", "--detach", "--wait", "--no-build")
    lines = project.run("ps", "--format", "json").stdout.splitlines()
    health = {one["Service"]: one["Health"] for one in map(orjson.loads, lines)}
    assert health == dict.fromkeys(_SERVING[project.level], "healthy")
    kek = project.run("exec", "-T", "api", "ls", "/var/lib/socai/keys/kek").stdout.split()
    assert bool(kek) == (project.level == "ordinary"), "the keeper has it above, and the API not"
    played = project.run(
        "run", "--rm", "-T", "rehearsal", "play", _PLAYED[project.level], "--server",
        "http://api:8000",
    )  # fmt: skip
    assert _PLAYED[project.level] in played.stdout
    assert _refused_while(project, "up", "--detach", "--no-deps", "--no-build", "--wait",
        "--force-recreate", "api") == []  # fmt: skip
    assert _asked_of_a_replica_that_is_cut_off(project) == {200}
    assert _refused_while(project, "kill", "api-2") == []
    _back_up(project)
    audit = project.run("run", "--rm", "-T", "migrate", "log", "audit", "--json")
    assert orjson.loads(audit.stdout)["ok"]


def _back_up(project: Project) -> None:
    """As backup.md says: a key, a copy, the stream behind it; and all of it is there."""
    for word in ("key", "run"):
        project.run("run", "--rm", "-T", "migrate", "backup", word)
    project.run("--profile", "archiver", "up", "--detach", "--wait", "--no-build", "archiver")
    project.run("run", "--rm", "-T", "migrate", "backup", "check")
    opens = project.run("exec", "-T", "archiver", "ls", "/var/lib/socai/keys/backup").stdout
    assert opens.split() == [], "it seals, and opens nothing"


def _asked_of_a_replica_that_is_cut_off(project: Project) -> set[int]:
    """What is answered where a replica has taken requests and its machine is there no more."""
    project.run("pause", "api-2")
    trusted = ssl.create_default_context(cafile=str(project.certificate))
    with (
        httpx.Client(verify=trusted, timeout=30) as http,
        ThreadPoolExecutor(8) as pool,
    ):
        url = f"https://127.0.0.1:{project.port}/health/live"
        asking = [pool.submit(http.get, url) for _ in range(8)]
        wait(asking, timeout=3)
        assert not all(map(Future.done, asking)), "none of them went to it"
        project.cut_off("api-2")
        answered = {one.result().status_code for one in asking}
    project.run("unpause", "api-2")
    return answered


def _refused_while(project: Project, *words: str) -> list[str]:
    """What whoever asks the one port, over TLS, was not answered while a replica is exchanged."""
    over, refused, asked = Event(), list[str](), 0

    def ask() -> None:
        nonlocal asked
        trusted = ssl.create_default_context(cafile=str(project.certificate))
        with httpx.Client(verify=trusted, timeout=30) as http:
            while not over.wait(0.05):
                try:
                    answer = http.get(f"https://127.0.0.1:{project.port}/health/live")
                except httpx.HTTPError as error:
                    refused.append(repr(error))
                else:
                    if answer.status_code != httpx.codes.OK:
                        refused.append(f"{answer.status_code} {answer.text[:200]}")
                asked += 1

    asking = Thread(target=ask)
    asking.start()
    try:
        project.run(*words)
        over.wait(3)  # whoever was taken out is out
    finally:
        over.set()
        asking.join()
    assert asked > 1
    return refused
