"""`docker compose up --wait` as the pages say it: each level comes up, serves, and plays a case."""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator, Sequence
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
REMEMBERING: Final = "docker compose run --rm -T migrate log remember - < kept.checkpoint\n"
OF_READS: Final = """
import psycopg
from api.ops.wiring.logins import role_dsn
from api.home import Home
from api.settings import Settings
settings = Settings.from_env()
with psycopg.connect(role_dsn(settings, Home(settings).facts(), "auditor")) as own:
    newest = "SELECT note FROM access.checkpoints ORDER BY size DESC LIMIT 1"
    print(bytes(own.execute(newest).fetchone()[0]).decode(), end="")
"""
"""What an overseer's auditor keeps; nobody of a played case is one."""
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
        self._docker, self.folder, self.level = docker, folder, level
        self._file = ".env" if level == "ordinary" else f".env.{level}"
        (folder / "docs" / "operate").mkdir(parents=True)
        for name in ("docker-compose.yml", "Makefile", *CONFIGS):
            shutil.copy(ROOT / name, folder / name)
        level_named = [] if level == "ordinary" else [f"LEVEL={level}"]
        make = shutil.which("make") or "make"
        subprocess.run([make, "secrets", *level_named], cwd=folder, check=True)
        with (folder / self._file).open("a", encoding="utf-8") as file:
            file.write("SOCAI_DEPLOYMENT=bacninh.example\nSOCAI_INIT=--rehearsal\n")
            file.write("SOCAI_LANG=en\n")
            self.port = free_port()
            self.certificate = folder / f"secrets{'' if level == 'ordinary' else '-mat'}/proxy.crt"
            file.write(f"SOCAI_PORT={self.port}\n")
            file.write(f"COMPOSE_PROJECT_NAME=socai-tested-{level}\n")

    def run(
        self, *words: str, check: bool = True, given: bytes = b""
    ) -> subprocess.CompletedProcess[str]:
        """`docker compose` of this project, given something to read."""
        done = self._called(words, given)
        said = (done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
        if check and done.returncode:
            logs = self._called(("logs", "--tail", "20"), b"").stdout.decode(errors="replace")
            raise AssertionError((words, *said, logs))
        return subprocess.CompletedProcess(done.args, done.returncode, *said)

    def away(self) -> None:
        """Containers, networks, volumes: also those of a run that was killed, with its secrets."""
        self.run("--profile", "*", "down", "--volumes", "--remove-orphans")

    def lose(self, volume: str) -> None:
        """One of its volumes, which nobody has."""
        words = [self._docker, "volume", "rm", f"socai-tested-{self.level}_{volume}"]
        subprocess.run(words, check=True, capture_output=True)

    def typed(self, lines: str) -> None:
        """What a page has, in one shell, to the first line that fails."""
        done = subprocess.run(
            ["/bin/sh", "-exc", lines], cwd=self.folder, capture_output=True, text=True,
            check=False, stdin=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin:/usr/local/bin", "COMPOSE_ENV_FILES": self._file},
        )  # fmt: skip
        assert done.returncode == 0, (lines, done.stdout, done.stderr)

    def packed(self, service: str, folder: str) -> bytes:
        """A folder as a service sees it, as a tar."""
        done = self._called(self._tar(service, folder, "-c", "."), b"")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def unpack(self, service: str, folder: str, packed: bytes) -> None:
        """Puts it into the same folder of volumes that are new."""
        done = self._called(self._tar(service, folder, "--wildcards", "-x", "./?*"), packed)
        assert done.returncode == 0, done.stderr

    def _called(self, words: Sequence[str], given: bytes) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [self._docker, "compose", "--env-file", self._file, *words], cwd=self.folder,
            env={"PATH": "/usr/bin:/bin:/usr/local/bin"}, input=given, capture_output=True,
            check=False,
        )  # fmt: skip

    @staticmethod
    def _tar(service: str, folder: str, *how: str) -> Sequence[str]:
        run = ("run", "--rm", "--no-deps", "-T", "--entrypoint", "tar", service)
        return (*run, "-C", folder, *how)

    def scraped(self, service: str) -> str:
        """What Prometheus is told, from the network that is its own."""
        name = f"socai-tested-{self.level}_scrape"
        ask = (
            f"import urllib.request as u; print(u.urlopen('http://{service}:9464').read().decode())"
        )
        words = [self._docker, "run", "--rm", "--network", name, "--entrypoint", "python", "socai"]
        done = subprocess.run([*words, "-c", ask], capture_output=True, text=True, check=True)
        return done.stdout

    def await_said(self, service: str, words: str) -> None:
        """Until a service has said that. Raises: AssertionError."""
        for _ in range(300):
            if words in (said := self.run("logs", service).stdout):
                return
            Event().wait(1)
        raise AssertionError((service, words, said))

    def pause(self, service: str) -> None:
        """Freezes a service; where a process of it waits for a disk, that takes another try."""
        for _ in range(10):
            if self.run("pause", service, check=False).returncode == 0:
                return
        self.run("pause", service)

    def cut_off(self, service: str) -> None:
        """Takes the network away from under a service."""
        name = f"socai-tested-{self.level}"
        command = [self._docker, "network", "disconnect", f"{name}_inside", f"{name}-{service}-1"]
        subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(params=["ordinary", "mat"])
def project(docker: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Project]:
    """One for each kind of enclave; all of it is gone at the end."""
    made = Project(docker, tmp_path, request.param)
    made.away()
    yield made
    made.away()


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
    for replica in ("api", "api-2"):
        assert 'socai_ready{check="log"} 1.0' in project.scraped(replica)
    anew = ("up", "--detach", "--no-deps", "--no-build", "--wait", "--force-recreate")
    assert _refused_while(project, lambda: project.run(*anew, "api")) == []
    short, long = _asked_of_a_replica_that_is_cut_off(project)
    assert short == {200}
    assert long <= {401, 413, 415, 422}, "what it has not taken goes to the next"
    assert _refused_while(project, lambda: project.run("kill", "api-2")) == []
    # what was cut off above has no way back but to be made anew
    project.run(*anew, "api-2")
    _back_up(project)
    before = _audited(project)
    _lost_and_back(project)
    assert _audited(project) >= before
    project.run("run", "--rm", "-T", "migrate", "backup", "run")


@pytest.mark.parametrize("project", ["ordinary"], indirect=True)
def test_a_version_is_exchanged_by_the_page_and_somebody_answers(
    project: Project, docker: str
) -> None:
    """One part after the other, each once; the last line made all of them anew, at once."""
    project.run("up", "--detach", "--wait", "--no-build")
    newer = "FROM socai\nLABEL newer=1\n"
    words = [docker, "build", "--quiet", "--tag", "socai", "-"]
    subprocess.run(words, input=newer, text=True, check=True, capture_output=True)
    (typed,) = _typed_in("In containers", "upgrade.md")
    lines, last, _ = typed.replace("docker compose build\n", "").rpartition(
        "docker compose up --detach --wait\n"
    )
    assert _refused_while(project, lambda: project.typed(lines)) == []
    exchanged = project.run("ps", "--quiet").stdout
    assert _refused_while(project, lambda: project.typed(last)) == []
    assert project.run("ps", "--quiet").stdout == exchanged


def _audited(project: Project) -> int:
    """How many records there are; every one is sound."""
    audit = project.run("run", "--rm", "-T", "migrate", "log", "audit", "--json")
    report = orjson.loads(audit.stdout)
    assert report["ok"], report
    return int(report["records"])


def _lost_and_back(project: Project) -> None:
    """As backup.md has it typed: database, home, and then the whole machine are lost."""
    database, machine = _typed_in("Back in containers")
    (_, home) = _typed_in("Only the home is lost")
    project.run("--profile", "*", "down")
    refused = project.run("run", "--rm", "-T", "restore", check=False)
    assert (refused.returncode, "is not empty" in refused.stderr) == (2, True), refused.stderr
    project.typed(database)
    assert "archiver" in project.run("ps", "--services").stdout.split()

    project.run("--profile", "*", "down")
    project.lose("home")
    refused = project.run("up", "--detach", "--wait", check=False)
    assert refused.returncode == 1
    project.await_said("migrate", "no enclave.json: bring it back")
    project.typed(home)

    who = "" if project.level == "ordinary" else " --key keys/registrar/registrar.socaikey"
    project.typed(f"docker compose run --rm -T migrate log checkpoint{who} > kept.checkpoint")
    reads = project.run("run", "--rm", "-T", "--entrypoint", "python", "migrate", "-c", OF_READS)
    (project.folder / "reads.checkpoint").write_text(reads.stdout, "utf-8")
    keys, rest = machine.split("\n", 1)
    project.typed(keys)
    project.run("--profile", "*", "stop")  # else what is packed grows meanwhile
    repository = project.packed("migrate", "/var/lib/socai/backups")  # on another machine's disk
    project.run("--profile", "*", "down", "--volumes")
    project.unpack("migrate", "/var/lib/socai/backups", repository)
    before, remembering, after = rest.partition(REMEMBERING)
    project.typed(before)
    project.run("up", "--detach")
    for service in ("checkpointer", "projector"):
        project.await_said(service, "no checkpoint seen is in")  # nothing is known of the log here
    project.run("--profile", "*", "down")  # as the page says: else one of the two is met alone
    project.typed(remembering + after)


def _typed_in(heading: str, name: str = "backup.md") -> list[str]:
    """The blocks of a section of a page."""
    page = (ROOT / "docs" / "operate" / name).read_text("utf-8")
    section = page.split(f" {heading}\n", 1)[1].split("\n#", 1)[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def _back_up(project: Project) -> None:
    """As backup.md says: a key, a copy, the stream behind it; and all of it is there."""
    (typed,) = (one for one in _typed_in("Full backups, and what comes after them") if "sed" in one)
    project.typed(typed)
    opens = project.run("exec", "-T", "archiver", "ls", "/var/lib/socai/keys/backup").stdout
    assert opens.split() == [], "it seals, and opens nothing"


def _asked_of_a_replica_that_is_cut_off(project: Project) -> tuple[set[int], set[int]]:
    """What is answered where a replica has taken requests and its machine is there no more.

    Of a long one it has taken what its buffers hold; the rest waits for somebody to take it.
    """
    project.pause("api-2")
    trusted = ssl.create_default_context(cafile=str(project.certificate))
    with (
        httpx.Client(verify=trusted, timeout=30) as http,
        ThreadPoolExecutor(16) as pool,
    ):
        at = f"https://127.0.0.1:{project.port}"
        short = [pool.submit(http.get, f"{at}/health/live") for _ in range(8)]
        body = bytes(1 << 20)  # the most that the proxy takes
        long = [pool.submit(http.post, f"{at}/v1/acts", content=body) for _ in range(8)]
        wait([*short, *long], timeout=5)
        for asking in (short, long):
            assert not all(map(Future.done, asking)), "none of them went to it"
        project.cut_off("api-2")
        answered = [{one.result().status_code for one in asking} for asking in (short, long)]
    project.run("unpause", "api-2")
    return answered[0], answered[1]


def _refused_while(project: Project, done: Callable[[], object]) -> list[str]:
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
        done()
        over.wait(3)  # whoever was taken out is out
    finally:
        over.set()
        asking.join()
    assert asked > 1
    return refused
