"""Migrations: once, in order, and never edited."""

from __future__ import annotations

import gzip
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from api.cli.main import main
from api.home import Home, write_private
from api.ops import database as databases
from api.ops.embedded_postgres import Embedded
from api.ops.wiring.checkpointer import open_checkpointer
from api.ops.wiring.enclave import Enclave
from api.ops.wiring.projector import open_projector
from api.settings import Settings
from ledger.checkpoints.seen_file import DoubtMark
from ledger.errors import Conflict, Fatal, Unavailable
from ledger.log import merkle
from ledger.message import Wording
from ledger.postgres import definitions, migrate
from tests.contract.append import a_draft
from tests.fixtures.app import Service, found
from tests.fixtures.postgres import Database, install_database, make_database
from tests.source_files import ROOT
from tests.waiting import until

pytestmark = pytest.mark.postgres


@pytest.fixture
def database(postgres_server: Embedded) -> Iterator[Database]:
    """Installed for the test: how that is done is the subject."""
    made = install_database(postgres_server)
    yield made
    made.close()


@pytest.fixture
def copied(postgres_server: Embedded) -> Iterator[Database]:
    """For who looks at its tables and not at its roles."""
    made = make_database(postgres_server)
    yield made
    made.close()


@pytest.fixture
def service(still: Service) -> Service:
    """An enclave; no loop of it is asked anything here."""
    return still


def _as_owner(database: Database, statement: str) -> None:
    with psycopg.connect(database.admin) as connection:
        connection.execute("SET session_replication_role = replica")  # past the triggers
        connection.execute(statement.encode())


def _migrate(database: Database, *, rehearsal: bool = True) -> list[int]:
    return migrate.migrate(database.dsn("migrator"), database.slug, rehearsal=rehearsal)


def test_installing_again_changes_nothing(database: Database) -> None:
    """`init` may be repeated, also by several at once."""
    threads = [threading.Thread(target=_migrate, args=(database,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    migrate.install(database.server.dsn(), database.slug, database.passwords, rehearsal=True)
    assert _migrate(database) == []
    with psycopg.connect(database.dsn("reader")) as connection:
        migrate.check(connection)


def test_an_edited_migration_is_refused(database: Database) -> None:
    """What was applied is remembered by its SHA-256."""
    _as_owner(database, "UPDATE log.migrations SET sha256 = sha256('edited') WHERE number = 1")
    with pytest.raises(Fatal, match="0001_first_schema"):
        _migrate(database)
    with psycopg.connect(database.dsn("reader")) as connection, pytest.raises(Fatal):
        migrate.check(connection)


_NEXT = migrate.shipped()[-1].number + 1
_LATER = (
    migrate.Migration(_NEXT, f"{_NEXT:04}_later.sql", b"CREATE TABLE log.later (one int)"),
    migrate.Migration(_NEXT + 1, f"{_NEXT + 1:04}_last.sql", b"ALTER TABLE log.later ADD two int"),
)


def _ship(monkeypatch: pytest.MonkeyPatch, *more: migrate.Migration) -> None:
    files = [*migrate.shipped(), *more]
    monkeypatch.setattr(migrate, "shipped", lambda: files)


def _columns(database: Database) -> list[str]:
    with psycopg.connect(database.admin) as connection:
        rows = connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass('log.later')"
            " AND attnum > 0 ORDER BY attnum"
        )
        return [str(name) for (name,) in rows]


def test_later_migrations_are_applied_once_and_in_order(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that ships more brings an enclave in use up to date; the older one then stops."""
    before = migrate.shipped()
    _ship(monkeypatch, *_LATER)
    assert _migrate(database) == [_NEXT, _NEXT + 1]
    assert _migrate(database) == []
    assert _columns(database) == ["one", "two"]
    monkeypatch.setattr(migrate, "shipped", lambda: before)
    with pytest.raises(Fatal, match="newer"):
        _migrate(database)


def test_a_service_that_runs_is_stopped_before_what_ends_its_programs(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old projector that ran on stopped its views; one that may go on is in nobody's way."""
    rolled = replace(_LATER[0], name=f"{_NEXT:04}_later.from_{_NEXT - 1:04}.sql")

    def installed() -> list[str]:
        admin, slug = database.server.dsn(), database.slug
        migrate.install(admin, slug, database.passwords, rehearsal=True, dbname=database.name)
        return _columns(database)

    with psycopg.connect(database.dsn("projector")):
        _ship(monkeypatch, rolled)
        assert installed() == ["one"]
        _ship(monkeypatch, _LATER[1])
        with pytest.raises(Conflict, match=f"still_served.*{database.slug}_projector are"):
            installed()
        assert _columns(database) == ["one"]

    def goes_on() -> bool:
        with suppress(Conflict):  # a session that was ended is gone a moment later
            return installed() == ["one", "two"]
        return False

    until(goes_on)


def test_a_migration_that_fails_leaves_what_came_before_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is a transaction of its own: half of one is never there, and the next run goes on."""
    _, last = _LATER
    broken = replace(last, text=last.text + b"; SELECT 1/0")
    before = migrate.shipped()
    _ship(monkeypatch, _LATER[0], broken)
    with pytest.raises(psycopg.errors.DivisionByZero):
        _migrate(database)
    assert _columns(database) == ["one"]
    monkeypatch.setattr(migrate, "shipped", lambda: [*before, *_LATER])
    assert _migrate(database) == [_NEXT + 1]
    assert _columns(database) == ["one", "two"]


def test_a_migration_waits_for_a_lock_for_five_seconds_and_is_run_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever writes waits behind it: it gives up before they do, and nothing is half done."""
    with migrate.owning(database.dsn("migrator"), database.slug) as connection:
        assert connection.execute("SHOW lock_timeout").fetchone() == ("5s",)
    monkeypatch.setattr(migrate, "_PATIENCE", migrate._PATIENCE.replace("5s", "200ms"))
    locks = replace(_LATER[0], text=_LATER[0].text + b"; LOCK TABLE log.records")
    _ship(monkeypatch, locks)
    with psycopg.connect(database.admin) as busy:
        busy.execute("LOCK TABLE log.records IN ROW EXCLUSIVE MODE")
        with pytest.raises(Unavailable):
            _migrate(database)
        assert _columns(database) == []
    assert _migrate(database) == [_NEXT]


def test_what_went_on_behind_its_founding_is_never_taken_away(database: Database) -> None:
    """`init` takes away what one before it left; a home that lost `enclave.json` looks like it."""
    asked = database.server.dsn(), database.slug, database.name
    for number in range(2):
        database.appender().append(a_draft(f"case/{number}"))
    _as_owner(database, "INSERT INTO log.checkpoints VALUES (2, sha256('root'), 'given away')")
    with pytest.raises(Fatal, match="is signed over 2 records, so it is no unfinished enclave"):
        migrate.uninstall(*asked)
    _as_owner(database, "DELETE FROM log.checkpoints")
    database.appender().append(a_draft("case/2"))
    with pytest.raises(Fatal, match="holds 3 records, so it is no unfinished enclave"):
        migrate.uninstall(*asked)
    with psycopg.connect(database.dsn("reader")) as connection:
        migrate.check(connection)


def test_what_an_enclave_is_stays(database: Database) -> None:
    """A real enclave becomes no rehearsal, whose senders set the time, by migrating it again."""
    database.end_rehearsal()
    with pytest.raises(Fatal, match="made for a real enclave"):
        _migrate(database, rehearsal=True)
    assert _migrate(database, rehearsal=False) == []


def test_an_enclave_stays_at_its_level(database: Database) -> None:
    """It is written once: the same database serves no other level by another file of facts."""
    with pytest.raises(Fatal, match="of level ordinary, not a rehearsal of level mat"):
        migrate.migrate(database.dsn("migrator"), database.slug, rehearsal=True, level="mat")
    with psycopg.connect(database.dsn("reader")) as connection:
        assert connection.execute("SELECT level FROM log.enclave").fetchall() == [("ordinary",)]


_RELEASED = ROOT / "tests" / "vectors" / "releases" / "0001_of_the_first.sql.gz"


@pytest.mark.parametrize("released", [False, True])
def test_an_enclave_of_before_need_to_know_is_brought_up_to_date(
    postgres_server: Embedded, monkeypatch: pytest.MonkeyPatch, *, released: bool
) -> None:
    """Its records stay, no reader sees a case unasked, and its full tiles have their middles.

    Also where the first release made it, by another 0001: afterwards its definitions are ours.
    """
    slug = f"t{secrets.token_hex(6)}"
    database = Database(
        postgres_server, slug, dict.fromkeys(migrate.WITH_PASSWORD, "of-this-test"), slug
    )
    first, *later = migrate.shipped()
    with monkeypatch.context() as patched:
        if released:
            first = replace(first, text=gzip.decompress(_RELEASED.read_bytes()))
            told = "INSERT INTO log.enclave (rehearsal) SELECT %s WHERE %s <> ''"
            patched.setattr(migrate, "_SAY_KIND", told)
            patched.setattr(migrate, "_KIND", "SELECT rehearsal, 'ordinary' FROM log.enclave")
        patched.setattr(migrate, "shipped", lambda: [first])
        migrate.install(postgres_server.dsn(), slug, database.passwords, rehearsal=True)
    with psycopg.connect(database.dsn("reader")) as connection, pytest.raises(Fatal, match="older"):
        migrate.check(connection)
    database.appender().append(a_draft())
    full = secrets.token_bytes(32 * 256)
    with psycopg.connect(database.admin) as owner:
        owner.execute(
            "INSERT INTO log.tiles VALUES (0, 0, 256, %s), (1, 0, 1, %s)", [full, full[:32]]
        )
    assert _migrate(database) == [migration.number for migration in later]
    database.install()
    with psycopg.connect(database.dsn("reader")) as connection:
        made = connection.execute("SELECT middles FROM log.tiles ORDER BY n").fetchall()
    middles = b"".join(merkle.subtree(full[at : at + 512]) for at in range(0, len(full), 512))
    assert made == [(middles,), (None,)]
    with psycopg.connect(database.dsn("reader")) as connection:
        assert connection.execute("SELECT count(*) FROM log.records").fetchone() == (0,)
    with psycopg.connect(database.dsn("projector")) as connection:
        assert connection.execute("SELECT count(*) FROM log.records").fetchone() == (1,)
        assert definitions.altered(connection, slug) == []
    database.close()


def test_a_newer_database_is_left_alone(copied: Database) -> None:
    """An old program does not write to tables it does not know."""
    _as_owner(copied, "INSERT INTO log.migrations VALUES (99, '0099_later.sql', sha256('x'))")
    with pytest.raises(Fatal, match="newer"):
        _migrate(copied)


_LAST = migrate.shipped()[-1].number
_COMPATIBLE = f"0099_made_up.from_{_LAST:04}.sql"


def _newer(database: Database, name: str) -> None:
    """As a newer program leaves the database."""
    _as_owner(database, f"INSERT INTO log.migrations VALUES (99, '{name}', sha256('x'))")  # noqa: S608 - of this file
    _as_owner(database, "CREATE TABLE log.made_up (one int)")


@pytest.mark.parametrize(
    "name", ["0099_made_up.sql", f"0099_made_up.from_{_LAST + 1:04}.sql", "0099_made up.from_0001"]
)
def test_a_newer_database_that_does_not_say_so_is_not_served(copied: Database, name: str) -> None:
    """Neither one that says nothing, nor one for programs that are newer than this."""
    _newer(copied, name)
    with psycopg.connect(copied.dsn("reader")) as connection, pytest.raises(Fatal, match="newer"):
        migrate.check(connection)
    with pytest.raises(Fatal, match="newer"):
        migrate.ahead(copied.server.dsn(), copied.name)


@pytest.mark.parametrize("opened", [Enclave.open, open_checkpointer, open_projector])
def test_an_older_program_serves_a_newer_schema_that_says_so(
    opened: Callable[[Settings], object], service: Service
) -> None:
    """A release is rolled back by putting the older program in place, and nothing else."""
    _newer(service.database, _COMPATIBLE)
    made = opened(service.settings)
    if isinstance(made, tuple):
        made[-1].close()
    else:
        made.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("lang", "said"), [("en", "left as it is"), ("vi", "được giữ nguyên")])
@pytest.mark.parametrize(
    "words", [["migrate"], ["init", "--deployment", "a.example", "--if-missing"]]
)
def test_migrate_of_an_older_program_changes_nothing_and_says_so(
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lang: str,
    said: str,
    words: list[str],
) -> None:
    """No role, no right, no view and no password: the newer program's stand."""
    settings = found(database, tmp_path / "home")
    monkeypatch.setattr(databases, "admin_dsn", lambda *_: database.server.dsn())
    _newer(database, _COMPATIBLE)
    monkeypatch.setattr(migrate, "install", lambda *_, **__: pytest.fail("it migrates"))
    env = {"SOCAI_HOME": str(settings.home)}
    done = CliRunner().invoke(main, ["--lang", lang, *words], env=env)
    assert done.exit_code == 0, done.output
    assert said in done.output
    assert _COMPATIBLE in done.output.replace("\n", "")


def test_an_older_program_s_audit_says_that_the_definitions_are_a_newer_one_s(
    service: Service,
) -> None:
    """It fails, since it cannot tell; and nobody is told to migrate with it."""
    _newer(service.database, _COMPATIBLE)
    DoubtMark(Home(service.settings).seen_folder("checkpointer")).leave(Wording("vì", "since"))
    env = {"SOCAI_HOME": str(service.settings.home)}
    audit = ["log", "audit", "--no-views", "--workers", "0"]
    for lang, said, planted in (
        ("en", "says that a newer program", "somebody else wrote it there"),
        ("vi", "chương trình mới hơn", "người khác đã ghi"),
    ):
        for words in (audit, ["log", "resume"]):
            done = CliRunner().invoke(main, ["--lang", lang, *words], env=env)
            assert done.exit_code == 1, done.output
            told = " ".join((done.output + done.stderr).split())
            assert said in told
            assert planted in told, "whoever owns the database can write such a row"
            assert _COMPATIBLE in told.replace(" ", "")
            assert "socai migrate" not in told


@pytest.mark.parametrize("lang", ["en", "vi"])
def test_a_server_that_is_away_is_one_sentence_to_whoever_migrates(
    service: Service, lang: str
) -> None:
    """Of several hosts too; nothing is changed."""
    away = "postgresql://postgres@127.0.0.1:1,127.0.0.1:2/postgres"
    write_private(service.settings.secrets_dir / "postgres.password", b"x")
    env = {"SOCAI_HOME": str(service.settings.home), "SOCAI_DATABASE_URL": away}
    done = CliRunner().invoke(main, ["--lang", lang, "migrate"], env=env)
    assert done.exit_code == 1, done.output
    assert isinstance(done.exception, SystemExit)
    assert len(done.output.strip().splitlines()) == 1


def test_nobodys_rights_vanish_while_it_is_migrated(database: Database) -> None:
    """Each login reads what is its own, again and again, while roles and rights are made anew."""
    over, failed, asked = threading.Event(), list[str](), Counter[str]()

    def read(login: str, query: str) -> None:
        while not over.is_set():
            try:
                with psycopg.connect(database.dsn(login), autocommit=True) as connection:
                    connection.execute(query.encode())
                    asked[login] += 1
            except psycopg.Error as error:
                failed.append(f"{login}: {error}")

    threads = [
        threading.Thread(target=read, args=one)
        for one in (
            ("reader", "SELECT count(*) FROM log.records"),
            ("writer", "SELECT count(*) FROM log.tokens"),
            ("auditor", "SELECT count(*) FROM pg_roles"),
            ("projector", "SELECT pg_export_snapshot()"),
        )
    ]
    for thread in threads:
        thread.start()
    for _ in range(3):
        migrate.install(database.server.dsn(), database.slug, database.passwords, rehearsal=True)
        database.install()
    over.set()
    for thread in threads:
        thread.join()
    assert failed == []
    assert min(asked.values()) > 1
    assert len(asked) == len(threads)


@pytest.mark.parametrize("opened", [Enclave.open, open_checkpointer, open_projector])
def test_an_older_database_is_noticed_before_it_is_used(
    opened: Callable[[Settings], object], service: Service
) -> None:
    """Migrate first, then serve: no process begins on tables that it does not know."""
    last = migrate.shipped()[-1].number
    _as_owner(service.database, f"DELETE FROM log.migrations WHERE number = {last}")  # noqa: S608 - constants of this file
    with pytest.raises(Fatal, match=r"older.*socai migrate"):
        opened(service.settings)


@pytest.mark.parametrize("slug", ["", "Upper", "a-b", 'x"; DROP', "9a", "a" * 50])
def test_a_slug_is_a_plain_word(slug: str) -> None:
    """It becomes part of names in SQL."""
    with pytest.raises(ValueError, match="lower-case"):
        migrate.install("host=nowhere.invalid", slug, {}, rehearsal=False)


def test_migrations_are_numbered_without_a_gap() -> None:
    """From 1, in the order of their files."""
    assert [m.number for m in migrate.shipped()] == list(range(1, len(migrate.shipped()) + 1))
