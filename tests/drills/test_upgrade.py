"""A release is rolled in and back again under load (docs/operate/upgrade.md)."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Final, LiteralString

import httpx
import orjson
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from api.home import write_private
from api.ops.embedded_postgres import Embedded
from api.ops.init_enclave import Plan, found
from api.settings import Settings, child_environment
from ledger.postgres.migrate import shipped
from tests import builders
from tests.drill_table import Say
from tests.fixtures.clock import StepClock
from tests.processes import free_port
from tests.soak.book import Book
from tests.soak.enclave import ServedEnclave
from tests.soak.officers import Asker, Reporter, hire_the_hotline
from tests.source_files import PACKAGES, ROOT

pytestmark = [pytest.mark.postgres, pytest.mark.drill, pytest.mark.xdist_group("upgrade")]
_LAST: Final = shipped()[-1].number
_MADE_UP: Final = f"0099_made_up.from_{_LAST:04}.sql"
_DDL: Final = """
CREATE TABLE log.made_up (one int PRIMARY KEY, what text);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON log.made_up EXECUTE FUNCTION log.refuse();
CREATE FUNCTION log.made_up(_one int) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
  AS $$ SELECT m.what FROM log.made_up m WHERE m.one = _one $$;
GRANT SELECT (one, what) ON log.made_up TO {slug}_auditor;
GRANT EXECUTE ON FUNCTION log.made_up(int) TO {slug}_auditor;
"""
_MANY: Final = 12
_OF_MANY: Final = """
CREATE TABLE log.begun_{number} (one int);
SELECT pg_sleep(0.15);
CREATE TABLE log.ended_{number} (one int);
"""
_BEGUN: Final[LiteralString] = """
SELECT count(*) FROM pg_stat_activity WHERE usename = %s
"""
_MADE: Final[LiteralString] = """
SELECT (SELECT count(*) FROM log.migrations WHERE number > %s),
  count(*) FILTER (WHERE relname LIKE 'begun%%'), count(*) FILTER (WHERE relname LIKE 'ended%%')
FROM pg_class WHERE relnamespace = 'log'::regnamespace AND relkind = 'r'
"""
_PARTS: Final = ("api A", "api B", "checkpointer", "projector")


class OnePort(httpx.BaseTransport):
    """Two replicas behind one address, as a proxy has them: whoever is well is asked.

    Attributes:
        well: Their addresses, those alone that are well now.
    """

    def __init__(self, well: list[str]) -> None:
        self.well = well
        self._line = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The first that answers."""
        last: Exception | None = None
        for url in list(self.well):
            place = httpx.URL(url)
            request.url = request.url.copy_with(host=place.host, port=place.port)
            try:
                return self._line.handle_request(request)
            except httpx.TransportError as error:
                last = error
        raise last or httpx.ConnectError("nobody is well", request=request)

    def close(self) -> None:
        """Gives the connections back."""
        self._line.close()


class Rolled(ServedEnclave):
    """Two APIs, checkpointer and projector, each exchanged by itself.

    Args:
        home: Where the enclave is made.
        server: Its database.
    """

    def __init__(self, home: Path, server: Embedded) -> None:
        plain = Settings.at(home, workers=1, threads=16, log_level="warning", attempts=10_000)
        url = f"postgresql://postgres@/postgres?host={server.host}&port={server.port}"
        self.settings = replace(plain, database_url=url, min_free_mib=0, lang="en")
        password = server._password_file.read_bytes()
        write_private(self.settings.secrets_dir / "postgres.password", password)
        self.made = found(
            self.settings, Plan("upgrade.example", "ordinary", rehearsal=True, at=builders.T0)
        )
        self.clock = StepClock(builders.T0)
        self.admin_dsn = make_conninfo(server.dsn(), dbname=self.made.facts.slug)
        self.exchanged: list[tuple[float, str]] = []
        other = home.with_name("beside")  # as in a container of its own
        other.mkdir()
        shutil.copy(self.home.facts_path, other)
        self._homes = [home, other]
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._ports = {name: free_port() for name in ("api A", "api B")}
        self._well: list[str] = []
        self.url = "http://one.port"

    def http(self) -> httpx.Client:
        """A client of the one address; whoever is done closes connections of nobody else."""
        return httpx.Client(transport=OnePort(self._well), base_url=self.url, timeout=30)

    def exchange(self, name: str, python: str) -> None:
        """Takes a process out, and puts another version in its place; back once it is well."""
        self.exchanged.append((monotonic(), name))
        if name == "projector":
            self._exchange_projector(python)
            return
        url = f"http://127.0.0.1:{self._ports.get(name, 0)}"
        if url in self._well:
            self._well.remove(url)
        self._end(name)
        if name in self._ports:
            here = replace(self.settings, port=self._ports[name])
            self._start(name, here, python, "api.http.wsgi")
            self._await(name, f"{url}/v1/log")
            self._well.append(url)
        else:
            self._start(name, self.settings, python, "api.cli.main", "serve", "--role", name)

    def _exchange_projector(self, python: str) -> None:
        """The new one stands by before the old one lets go: without any, nothing is shown."""
        self._homes.append(self._homes.pop(0))
        there = replace(self.settings, home=self._homes[0])
        before, old = self._stood_by(), self._running.pop("projector", None)
        self._start("projector", there, python, "api.cli.main", "serve", "--role", "projector")
        if old is None:
            return
        for _ in range(1200):
            if self._stood_by() > before:
                break
            assert self._running["projector"].poll() is None, self.tail()
            threading.Event().wait(0.1)
        old.terminate()
        old.wait(60)

    def _stood_by(self) -> int:
        """How often a projector said so: what the page has an operator wait for."""
        return self.log_file.read_text("utf-8").count("stands by")

    def _start(self, name: str, settings: Settings, python: str, *words: str) -> None:
        with self.log_file.open("ab") as output:
            self._running[name] = subprocess.Popen(
                [python, "-I", "-m", *words],
                cwd="/",
                env=child_environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def _await(self, name: str, url: str) -> None:
        for _ in range(1200):
            assert self._running[name].poll() is None, self.tail()
            try:
                if httpx.get(url, timeout=10).is_success:
                    return
            except httpx.HTTPError:
                pass
            threading.Event().wait(0.1)
        raise AssertionError(self.tail())

    def _end(self, name: str) -> None:
        if name in self._running:
            self._running[name].terminate()
            self._running.pop(name).wait(60)

    def stop(self) -> None:
        """Ends all of it."""
        for name in list(self._running):
            self._end(name)

    def socai(self, python: str, *words: str) -> subprocess.CompletedProcess[str]:
        """A command of one version."""
        return subprocess.run(
            [python, "-I", "-m", "api.cli.main", "--lang", "en", *words],
            cwd="/", env=child_environment(self.settings), capture_output=True, text=True,
            check=False,
        )  # fmt: skip

    def well(self) -> None:
        """Waits until every part is."""
        with self.http() as http:
            for _ in range(600):
                if http.get("/health/ready").is_success:
                    return
                threading.Event().wait(0.1)
        raise AssertionError(self.tail())


@pytest.fixture
def newer(tmp_path: Path) -> str:
    """The Python of the next version: this program with one migration more."""
    return _next_version(tmp_path, {_MADE_UP: _DDL})


def _next_version(tmp_path: Path, more: Mapping[str, str]) -> str:
    """The Python of this program with more migrations, by name."""
    tree, venv = tmp_path / "next", tmp_path / "venv"
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name, text in more.items():
        (tree / "ledger" / "postgres" / "schema" / name).write_text(text)
    made = [sys.executable, "-m", "venv", "--without-pip", "--symlinks", str(venv)]
    subprocess.run(made, check=True)
    folder = next(venv.glob("lib/python*/site-packages"))
    mine = sysconfig.get_path("purelib")
    (folder / "next.pth").write_text(f"{tree}\nimport site; site.addsitedir({mine!r})\n")
    python = str(venv / "bin" / "python")
    asked = "from ledger.postgres.migrate import shipped; print(shipped()[-1].name)"
    said = subprocess.run([python, "-I", "-c", asked], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == max(more)
    return python


@contextmanager
def _load(enclave: Rolled, book: Book) -> Iterator[Callable[[], None]]:
    stop = threading.Event()
    with ThreadPoolExecutor(4) as pool, ExitStack() as stack:
        stack.callback(stop.set)
        works: list[Callable[[threading.Event], None]] = [
            Reporter(enclave.url, book, n, waits=n > 0, http=enclave.http()).run for n in range(3)
        ]
        works.append(Asker(enclave.url, book, enclave.http()).run)
        running = [pool.submit(partial(work, stop)) for work in works]

        def over() -> None:
            stop.set()
            for one in running:
                one.result()

        yield over


@pytest.fixture
def enclave(tmp_path: Path) -> Iterator[Rolled]:
    """Served by this program."""
    server = Embedded(tmp_path / "server")
    server.start()
    made = Rolled(tmp_path / "home", server)
    try:
        for name in _PARTS:
            made.exchange(name, sys.executable)
        made.well()
        yield made
    finally:
        made.stop()
        server.stop()


def test_a_release_is_rolled_in_and_back_under_load(enclave: Rolled, newer: str, say: Say) -> None:
    """No read is refused and no act lost; the older program changes nothing, and says so."""
    book = Book()
    hire_the_hotline(enclave, book)
    with _load(enclave, book) as over:
        done = enclave.socai(newer, "migrate")
        assert (done.returncode, "up to date" in done.stdout) == (0, True), done
        for python in (newer, sys.executable):
            for name in _PARTS:
                enclave.exchange(name, python)
            enclave.well()
        back = enclave.socai(sys.executable, "migrate")
        over()
    begin, end = book.outage
    unread, read = book.unread
    say(
        f"\nupgrade and back: {len(book.acknowledged)} acts, {book.reads} reads, refused"
        f" {len(book.unread_because)}; longest without a receipt {end - begin:.1f} s,"
        f" without a read {read - unread:.1f} s"
    )
    for what, (since, until) in (("recorded", book.outage), ("read", book.unread)):
        during = [name for at, name in enclave.exchanged if since <= at <= until]
        say(f"exchanged while nothing was {what}: {', '.join(during) or 'nobody'}")
    say(f"said then to who would record: {dict(book.why())}")
    assert back.returncode == 0, back
    assert "left as it is" in " ".join(back.stdout.split())
    assert _MADE_UP in back.stdout.replace("\n", "")
    assert book.unread_because == []
    held = {one.statement.digest_b64 for one in enclave.records() if one.statement}
    assert not set(book.acknowledged) - held, "an acknowledged act is lost"
    # what it made up is not among the definitions that are shipped
    audit = enclave.socai(newer, "log", "audit", "--json", "--no-definitions")
    assert orjson.loads(audit.stdout)["ok"], audit.stdout


def test_a_migration_that_is_killed_again_and_again_is_half_done_nowhere(
    enclave: Rolled, tmp_path: Path, say: Say
) -> None:
    """At any point of files that are missing, under load: each is there whole, or not at all."""
    names = [f"{90 + n:04}_made_up.from_{_LAST:04}.sql" for n in range(_MANY)]
    texts = {one: _OF_MANY.replace("{number}", one[:4]) for one in names}
    python, book = _next_version(tmp_path, texts), Book()
    hire_the_hotline(enclave, book)
    stood = [0]
    with _load(enclave, book) as over:
        for n in range(_MANY):
            _kill_a_migration(enclave, python, 0.05 * (2 * n % 7))
            applied, begun, ended = _made(enclave)
            assert begun == ended == applied
            assert applied >= stood[-1]
            stood.append(applied)
            if applied > _MANY // 2:
                break
        done = enclave.socai(python, "migrate")
        over()
    begin, end = book.outage
    unread, read = book.unread
    say(
        f"\nmigrate killed {len(stood) - 1} times, {_MANY} files missing; there after each:"
        f" {', '.join(map(str, stood[1:]))}; longest without a receipt {end - begin:.1f} s, without"
        f" a read {read - unread:.1f} s"
    )
    assert 0 < max(stood) < _MANY, "none fell in the middle"
    assert (done.returncode, "up to date" in done.stdout) == (0, True), done
    assert _made(enclave) == (_MANY, _MANY, _MANY)
    assert book.unread_because == []
    held = {one.statement.digest_b64 for one in enclave.records() if one.statement}
    assert not set(book.acknowledged) - held, "an acknowledged act is lost"


def _kill_a_migration(enclave: Rolled, python: str, after_s: float) -> None:
    """Once the migrator is in the database, and so long after it; all that it began ends too."""
    words = [python, "-I", "-m", "api.cli.main", "--lang", "en", "migrate"]
    migrator = f"{enclave.made.facts.slug}_migrator"
    with (
        psycopg.connect(enclave.admin_dsn, autocommit=True) as admin,
        subprocess.Popen(
            words, cwd="/", env=child_environment(enclave.settings), stdout=subprocess.DEVNULL
        ) as migrating,
    ):
        while admin.execute(_BEGUN, [migrator]).fetchone() == (0,):
            assert migrating.poll() is None, "it is over"
            threading.Event().wait(0.01)
        threading.Event().wait(after_s)
        migrating.kill()
        migrating.wait()
        while admin.execute(_BEGUN, [migrator]).fetchone() != (0,):
            threading.Event().wait(0.05)


def _made(enclave: Rolled) -> tuple[int, int, int]:
    """Migrations noted, and how many of them have begun and ended."""
    with psycopg.connect(enclave.admin_dsn) as admin:
        row = admin.execute(_MADE, [_LAST]).fetchone()
    assert row is not None
    return row
