"""`socai init` on a real server: by who is no superuser, and broken off anywhere."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import orjson
import psycopg
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from api.home import Home, write_private
from api.ops import database, init_enclave
from api.ops.embedded_postgres import Embedded
from tests.other_servers import OWN, server_of

pytestmark = pytest.mark.postgres
PASSWORD: Final = "of the administrator"  # noqa: S105 - of a test
MANAGED: Final = (
    f"CREATE ROLE boss LOGIN CREATEROLE CREATEDB PASSWORD '{PASSWORD}'",
    f"CREATE ROLE nobody_much LOGIN PASSWORD '{PASSWORD}'",
)
STEPS: Final[tuple[tuple[object, str], ...]] = (
    (init_enclave, "_make_keys"),
    (init_enclave, "_remember"),
    (database, "make_schema"),
    (init_enclave, "_open_log"),
    (init_enclave, "_open_reads"),
    (Home, "write_facts"),
)
LONG = pytest.mark.drill


@dataclass
class Managed:
    """A server whose administrator makes roles and databases, and no more.

    Attributes:
        server: The cluster.
        folder: For homes.
    """

    server: Embedded
    folder: Path

    def init(self, name: str, *words: str, user: str = "boss", dbname: str = "postgres") -> Result:
        """`socai init` in a home, with the server in the environment."""
        deployment = () if "--deployment" in words else ("--deployment", "x.example")
        return self.socai(
            name, "init", "--rehearsal", *deployment, *words, user=user, dbname=dbname
        )

    def socai(self, name: str, *words: str, user: str = "boss", dbname: str = "postgres") -> Result:
        """A command in a home."""
        secret = self.folder / "administrator"
        if not secret.exists():
            write_private(secret, PASSWORD.encode())
        host = quote(self.server.host, safe="")
        env = {
            "SOCAI_HOME": str(self.folder / name),
            "SOCAI_DATABASE_URL": f"postgresql://{user}@/{dbname}?host={host}&port={self.server.port}",
        }
        if words[0] in ("init", "migrate"):
            words = (*words, "--database-password", str(secret))
        return CliRunner().invoke(main, ["--lang", "en", *words], env=env)

    def there(self) -> set[str]:
        """Roles and databases of enclaves."""
        with closing(psycopg.connect(self.server.dsn())) as admin:
            rows = admin.execute(
                "SELECT rolname FROM pg_roles UNION SELECT datname FROM pg_database"
            ).fetchall()
        return {name for (name,) in rows if name.startswith("e_")}

    def left(self, name: str) -> list[str]:
        """Files of a home."""
        home = self.folder / name
        return sorted(str(path.relative_to(home)) for path in home.rglob("*"))


def _managed(server: Embedded, folder: Path) -> Managed:
    with closing(psycopg.connect(server.start(), autocommit=True)) as admin:
        for statement in MANAGED:
            admin.execute(statement.encode())
    return Managed(server, folder)


@pytest.fixture(scope="module")
def managed(own_server: Embedded, tmp_path_factory: pytest.TempPathFactory) -> Managed:
    """On the version that comes along."""
    return _managed(own_server, tmp_path_factory.mktemp("i"))


@pytest.fixture(
    params=[OWN, pytest.param(17, marks=LONG), pytest.param(15, marks=LONG)],
    ids=lambda version: f"PostgreSQL {version}",
)
def any_managed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Managed]:
    """On each version that is installed."""
    if request.param == OWN:
        yield request.getfixturevalue("managed")
        return
    server = server_of(request.param, tmp_path_factory.mktemp("v") / "s")
    try:
        yield _managed(server, tmp_path_factory.mktemp("i"))
    finally:
        server.stop()


def test_an_administrator_who_is_no_superuser_makes_an_enclave(any_managed: Managed) -> None:
    """What only a superuser could do is said once, and an audit finds the rest as shipped."""
    made = any_managed.init("home")
    assert made.exit_code == 0, made.output
    notes = made.stderr.strip().splitlines()
    assert "no superuser" in notes[0]
    assert [line.split()[-1] for line in notes[1:3]] == ["BYPASSRLS;", "REPLICATION;"]
    assert len(notes) == len(set(notes))
    audit = any_managed.socai("home", "log", "audit", "--json", "--workers", "0")
    assert audit.exit_code == 0, audit.output
    again = any_managed.socai("home", "migrate")
    assert again.exit_code == 0, again.output
    assert (again.exit_code, again.stdout.strip()) == (0, "The schema is up to date.")
    with closing(psycopg.connect(any_managed.server.dsn())) as admin:
        kept = admin.execute(
            "SELECT count(*) FROM pg_auth_members m WHERE m.member = 'boss'::regrole"
            " AND coalesce((to_jsonb(m)->>'set_option')::bool, true)"
        ).fetchone()
    assert kept == (0,), "the administrator owns nothing of an enclave for good"


def test_what_is_listed_for_a_superuser_is_done_and_the_administrator_goes_on(
    any_managed: Managed,
) -> None:
    """The database that the administrator comes in by is taken from PUBLIC too."""
    made = any_managed.init("listed")
    listed = [line.strip() for line in made.stderr.splitlines() if line.startswith("  ")]
    assert sum(line.startswith("REVOKE ALL ON DATABASE") for line in listed) == 2
    with closing(psycopg.connect(any_managed.server.dsn(), autocommit=True)) as superuser:
        for statement in listed:
            superuser.execute(statement.encode())
        try:
            again = any_managed.socai("listed", "migrate")
            assert again.exit_code == 0, again.stderr
            assert not re.findall("^ +[A-Z].*", again.stderr, re.MULTILINE), "nothing is left to do"
        finally:
            for name in ("postgres", "template1"):
                superuser.execute(f"GRANT CONNECT, TEMPORARY ON DATABASE {name} TO PUBLIC".encode())


def test_no_server_is_made_in_the_place_of_one_that_is_elsewhere(managed: Managed) -> None:
    """A migrate without SOCAI_DATABASE_URL made an empty one in the home, and left it running."""
    assert managed.init("elsewhere", "--deployment", "elsewhere.example").exit_code == 0
    before = managed.left("elsewhere")
    env = {"SOCAI_HOME": str(managed.folder / "elsewhere"), "SOCAI_DATABASE_URL": ""}
    said = CliRunner().invoke(main, ["--lang", "en", "migrate"], env=env)
    assert said.exit_code == 2, said.output
    assert f"set SOCAI_DATABASE_URL to its server ({managed.server.host})" in said.stderr
    assert managed.left("elsewhere") == before


def _rows(managed: Managed, name: str) -> Any:  # noqa: ANN401 - JSON
    told = managed.socai(name, "log", "audit", "--json", "--workers", "0")
    assert told.exit_code == 0, told.output
    return orjson.loads(told.stdout)["records"]


@pytest.mark.parametrize(
    ("where", "step"),
    [
        pytest.param(*step, marks=() if step[1] == "write_facts" else LONG, id=step[1])
        for step in STEPS
    ],
)
def test_an_init_that_fails_leaves_nothing_and_is_run_again(
    managed: Managed,
    monkeypatch: pytest.MonkeyPatch,
    where: object,
    step: str,
) -> None:
    """No role, no database, no key, whichever step it was; what was there before stays."""
    before, home = managed.there(), managed.folder / f"f-{step}"
    (home / "secrets").mkdir(parents=True)
    (home / "secrets" / "mine").write_text("kept")

    def fails(*arguments: Any, **named: Any) -> None:  # noqa: ANN401 - of any step
        if step != "write_facts":  # with these it stands
            real(*arguments, **named)
        raise OSError(28, "No space left on device", "here")

    with monkeypatch.context() as patch:
        real = _of(where, step)
        patch.setattr(where, step, fails)
        failed = managed.init(home.name)
    assert failed.exit_code == 1
    assert len(failed.stderr.strip().splitlines()) == 1
    assert managed.there() == before
    assert managed.left(home.name) == ["init.lock", "secrets", "secrets/mine"]
    assert managed.init(home.name).exit_code == 0
    assert _rows(managed, home.name) == 2


@pytest.mark.parametrize(
    ("where", "step"),
    [
        pytest.param(*step, marks=() if step[1] == "_open_log" else LONG, id=step[1])
        for step in STEPS[:-1]
    ],
)
def test_an_init_that_is_killed_is_run_again(
    managed: Managed,
    monkeypatch: pytest.MonkeyPatch,
    where: object,
    step: str,
) -> None:
    """The next one takes away what it left, and makes an enclave with keys of its own."""
    before, name = managed.there(), f"k-{step}"

    def killed(*arguments: Any, **named: Any) -> None:  # noqa: ANN401 - of any step
        real(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    real = _of(where, step)
    with monkeypatch.context() as patch:
        patch.setattr(where, step, killed)
        child = os.fork()
        if child == 0:
            managed.init(name)
            os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert "init.unfinished" in managed.left(name)
    key = managed.folder / name / "keys" / "log.socaikey"
    old = key.read_bytes()
    assert managed.init(name).exit_code == 0
    assert key.read_bytes() != old
    slugs = {one.rsplit("_", 1)[0] for one in managed.there() - before if one.endswith("_owner")}
    assert len(slugs) == 1, "of the one that was killed nothing is left"
    assert "init.unfinished" not in managed.left(name)
    assert _rows(managed, name) == 2


def test_a_second_init_of_a_home_takes_nothing_from_the_first(
    managed: Managed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sees the note of an enclave on its way, which is not its own."""
    real, refused = init_enclave._make_keys, list[Result]()

    def meanwhile(*arguments: Any) -> Any:  # noqa: ANN401 - of that step
        made = real(*arguments)
        refused.append(managed.init("two"))
        return made

    monkeypatch.setattr(init_enclave, "_make_keys", meanwhile)
    before = managed.there()
    made = managed.init("two")
    assert made.exit_code == 0, made.output
    assert (refused[0].exit_code, "(init, process" in refused[0].stderr) == (2, True)
    assert len({one.rsplit("_", 1)[0] for one in managed.there() - before if "_owner" in one}) == 1
    assert _rows(managed, "two") == 2


def test_a_note_that_was_left_takes_no_enclave_away(managed: Managed) -> None:
    """Killed between its last file and the end of the note, and that file lost much later."""
    assert managed.init("late").exit_code == 0
    home = managed.folder / "late"
    facts = (home / "enclave.json").read_bytes()
    slug = orjson.loads(facts)["slug"]
    kek = home / "keys" / "kek.socaikek"
    assert kek.exists()
    note = home / "init.unfinished"
    left = orjson.dumps({"slug": slug, "files": [str(kek)], "cluster": False})

    note.write_bytes(left)
    again = managed.init("late", "--if-missing")
    assert again.exit_code == 0
    assert orjson.loads(facts)["genesis"] in again.stdout, "to be kept on paper"
    assert not note.exists(), "the enclave stands"
    note.write_bytes(left)
    assert managed.init("late").exit_code == 2
    assert not note.exists(), "the same without --if-missing"

    note.write_bytes(left)
    (home / "enclave.json").unlink()
    for result in _gone_on(managed, slug):
        assert result.exit_code == 1
        assert len(result.stderr.strip().splitlines()) == 1
    assert slug in managed.there()
    assert kek.exists(), "without it nothing can be read again"
    note.unlink()
    noteless = managed.init("late", "--if-missing")
    assert noteless.exit_code == 2
    assert "bring it back" in noteless.stderr, "and nobody is told to take its keys away"


def _gone_on(managed: Managed, slug: str) -> list[Result]:
    """What an init says while somebody is in it, once it was signed over, and once it grew."""
    with psycopg.connect(managed.server.dsn(dbname=slug), autocommit=True) as own:
        said = [managed.init("late", "--if-missing")]
        assert "is in use" in said[-1].stderr, "nobody is thrown out"
        own.execute("ALTER TABLE log.log_head DISABLE TRIGGER USER")
        own.execute("ALTER TABLE log.checkpoints DISABLE TRIGGER USER")
        note = [bytes(32), bytes(1000)]
        own.execute("INSERT INTO log.checkpoints (size, root, note) VALUES (2, %s, %s)", note)
    said.append(managed.init("late", "--if-missing"))
    assert "is signed over 2 records" in said[-1].stderr, "served, and nothing recorded yet"
    with psycopg.connect(managed.server.dsn(dbname=slug), autocommit=True) as own:
        own.execute("DELETE FROM log.checkpoints")
        own.execute("UPDATE log.log_head SET size = 3")
    said.append(managed.init("late", "--if-missing"))
    assert "holds 3 records" in said[-1].stderr
    return said


def _of(where: object, step: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(where, step)
    return found


@pytest.mark.parametrize("name", ["Bắc Ninh", "a b", "", "UPPER.example", "a+b", "a" * 300])
def test_a_bad_name_is_a_sentence_before_anything_is_made(managed: Managed, name: str) -> None:
    """It would be the name of a key."""
    _refused(managed, managed.init("bad", "--deployment", name), "no name of a deployment")


@pytest.mark.parametrize(
    ("user", "dbname", "says"),
    [
        ("nobody_at_all", "postgres", "does not let the administrator in"),
        ("boss", "no_database", "does not let the administrator in"),
        ("nobody_much", "postgres", "ALTER ROLE nobody_much CREATEROLE CREATEDB"),
    ],
)
def test_an_administrator_who_cannot_is_a_sentence_before_anything_is_made(
    managed: Managed, user: str, dbname: str, says: str
) -> None:
    """And what he would need."""
    _refused(managed, managed.init("bad", user=user, dbname=dbname), says)


def test_a_server_that_is_too_old_is_a_sentence_before_anything_is_made(
    managed: Managed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """15 has what the schema asks for, and none of before is here to be tried."""
    monkeypatch.setattr(database, "_OLDEST", 99)
    _refused(managed, managed.init("bad"), "is too old: 99 or newer")


def test_an_unreachable_server_is_a_sentence_before_anything_is_made(
    managed: Managed, tmp_path: Path
) -> None:
    """No file, and no role anywhere."""
    away = Managed(Embedded(tmp_path / "away"), managed.folder)
    (tmp_path / "away" / "pg").mkdir(parents=True)
    (tmp_path / "away" / "pg" / "port").write_text("5432\n")
    _refused(managed, away.init("bad"), "cannot be reached", 1)


def _refused(managed: Managed, result: Result, says: str, status: int = 2) -> None:
    assert result.exit_code == status, result.output
    assert says in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (managed.folder / "bad").exists()


@pytest.mark.parametrize(
    ("lang", "says"), [("en", "serve it by socai serve"), ("vi", "chạy sổ ấy bằng socai serve")]
)
def test_a_home_that_has_an_enclave_says_what_to_do_with_it(
    tmp_path: Path, lang: str, says: str
) -> None:
    """Nothing of it is touched."""
    (tmp_path / "enclave.json").write_text("{}", "ascii")
    words = ["--lang", lang, "init", "--rehearsal", "--deployment", "bacninh.example"]
    env = {"SOCAI_HOME": str(tmp_path)}
    refused = CliRunner().invoke(main, words, env=env)
    assert (refused.exit_code, says in refused.stderr) == (2, True), refused.output
    assert not (tmp_path / "keys").exists()
