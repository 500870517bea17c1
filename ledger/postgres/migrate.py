"""Installs an enclave's database and brings its schema up to date.

`install` is the administrator's step: roles, database, schemas (access.md §3). `migrate` is the
migrator's: numbered files, each in a transaction of its own and remembered with its SHA-256, so
that an edited file is refused. A file whose name ends in `.from_0009` says that programs whose
last migration is 0009 go on serving what it makes (docs/operate/upgrade.md). Two migrators wait for
each other by a lock on the table of migrations, which no other login can take. What the tables are
for is said in the files; who answers requests is not known here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final, LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from ledger.errors import Conflict, Fatal, Unavailable
from ledger.message import Message
from ledger.postgres.connect import (
    as_administrator,
    of_database,
    reaching,
    takes_logins,
    translated,
)

LOGINS: Final = (
    "migrator", "writer", "checkpointer", "projector", "reader", "auditor", "backup", "keeper",
    "vault", "publisher", "importer", "public",
)  # fmt: skip
"""Who enters the enclave's database."""
ARCHIVER: Final = "archiver"
"""Takes base copies and WAL, and enters no database."""
WITH_PASSWORD: Final = (*LOGINS, ARCHIVER)
OWNERS: Final = ("owner", "views")
"""Who owns the tables of the log and those of the views; nobody logs in as one of them."""
_SLUG: Final = re.compile(r"[a-z][a-z0-9_]{0,40}")
_NUMBERED: Final = re.compile(r"([0-9]{4})_[a-z_]+(?:\.from_([0-9]{4}))?\.sql")
_RELEASED: Final = bytes.fromhex("70cce7cd1ce24978205273d0e5e9e6f0f74e5f2aca7be119448eba603826138b")
"""Of 0001 as the first release shipped it; `_BRIDGE`, before 0002, makes today's of that."""
_BRIDGE: Final = "first_schema_of_the_first_release.sql"
_FOUNDING: Final = 2  # records that founding writes: record 0, and the key of the service
_LOCK: Final = 0x736F6361  # one installer at a time, in a database that no enclave's login enters

_HAS_ROLE: Final[LiteralString] = "SELECT 1 FROM pg_roles WHERE rolname = %s"
_HAS_DATABASE: Final[LiteralString] = "SELECT 1 FROM pg_database WHERE datname = %s"
_ADMINISTRATOR: Final[LiteralString] = (
    "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb FROM pg_roles"
    " WHERE rolname = current_user"
)
_MAY_LOCK: Final[LiteralString] = (
    "SELECT has_function_privilege('pg_catalog.pg_advisory_lock(bigint)', 'EXECUTE')"
)
_PASSES_BY: Final[LiteralString] = "SELECT FROM pg_roles WHERE rolname = %s AND rolbypassrls"
_REPLICATES: Final[LiteralString] = "SELECT FROM pg_roles WHERE rolname = %s AND rolreplication"
# Before 16 a superuser alone alters a role that replicates, also its password.
_OUT_OF_REACH: Final[LiteralString] = """
SELECT FROM pg_roles
WHERE rolname = %s AND rolreplication AND current_setting('server_version_num')::int < 160000
  AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
"""
_MIGRATIONS: Final[LiteralString] = """
CREATE TABLE IF NOT EXISTS log.migrations (
  number int PRIMARY KEY CHECK (number >= 1),
  name text NOT NULL,
  sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
  applied_at timestamptz NOT NULL DEFAULT now()
)
"""
# Readers may hold ACCESS SHARE as long as they like: it is not in the way of this.
_ALONE: Final[LiteralString] = "LOCK TABLE log.migrations IN EXCLUSIVE MODE"
_PATIENCE: Final[LiteralString] = "SET lock_timeout = '5s'; SET statement_timeout = '30min'"
_IS_THERE: Final[LiteralString] = "SELECT to_regclass(%s) IS NOT NULL"
_IS_TABLE: Final[LiteralString] = "SELECT relkind = 'r' FROM pg_class WHERE oid = to_regclass(%s)"
_GONE_ON: Final[LiteralString] = """
SELECT h.size, (SELECT max(c.size) FROM log.checkpoints c) FROM log.log_head h
"""
_LOOSE: Final[LiteralString] = """
SELECT has_function_privilege('public', 'pg_catalog.pg_advisory_lock(bigint)', 'EXECUTE') OR p.proleakproof
FROM pg_proc p WHERE p.oid = 'pg_catalog.text_lt(text, text)'::regprocedure
"""  # noqa: E501 - one line a thing
_APPLIED: Final[LiteralString] = "SELECT number, name, sha256 FROM log.migrations ORDER BY number"
_NOTE: Final[LiteralString] = (
    "INSERT INTO log.migrations (number, name, sha256) VALUES (%s, %s, %s)"
)
_SAY_KIND: Final[LiteralString] = (
    "INSERT INTO log.enclave (rehearsal, level) VALUES (%s, %s) ON CONFLICT DO NOTHING"
)
_KIND: Final[LiteralString] = "SELECT rehearsal, level FROM log.enclave"
# Whose programs write or open what is stored.
_PROGRAMS: Final = ("writer", "checkpointer", "projector", "reader", "keeper", "vault")
_MAY_LOOK: Final[LiteralString] = (
    "SELECT has_table_privilege('pg_catalog.pg_stat_activity', 'SELECT')"
)
_CONNECTED: Final[LiteralString] = """
SELECT DISTINCT usename FROM pg_stat_activity
WHERE datname = current_database() AND usename = ANY(%s) ORDER BY usename
"""
# What every cluster begins with: whoever may log in may come in there, unless told not to.
_OPEN_TO_ALL: Final[LiteralString] = """
SELECT d.datname FROM pg_database d
WHERE d.datname IN ('postgres', 'template1') AND has_database_privilege('public', d.oid, 'CONNECT')
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file of `schema/`.

    Attributes:
        number: From 1, without a gap.
        name: File name.
        text: Its bytes, with `{slug}` where a role's prefix goes.
    """

    number: int
    name: str
    text: bytes

    @property
    def served_from(self) -> int | None:
        """The last migration of the oldest program that serves what this one makes."""
        return served_from(self.name)

    @property
    def sha256(self) -> bytes:
        """Of the file as shipped, before the slug is filled in."""
        return hashlib.sha256(self.text).digest()


def shipped() -> list[Migration]:
    """The migrations of this version, in order."""
    found = [
        Migration(int(match[1]), file.name, file.read_bytes())
        for file in _schema().iterdir()
        if (match := _NUMBERED.fullmatch(file.name))
    ]
    return sorted(found, key=lambda migration: migration.number)


def served_from(name: str) -> int | None:
    """As `Migration.served_from`, by the name that the database noted; None: only its own."""
    match = _NUMBERED.fullmatch(name)
    return int(match[2]) if match is not None and match[2] is not None else None


def ahead(admin_dsn: str, dbname: str, slug: str | None = None) -> list[str]:
    """Migrations of a newer program that this one may serve all the same, by name.

    Args:
        admin_dsn: The administrator's connection string, to any database of the cluster.
        dbname: The enclave's database; it need not be there.
        slug: Prefix of its roles; None takes the name.

    Raises:
        Fatal: The database is newer, and this program may not serve it; or a file was edited.
    """
    with _administering(admin_dsn) as admin:
        if admin.execute(_HAS_DATABASE, [dbname]).fetchone() is None:
            return []
        with (
            _owning_for_a_while(admin, slug or dbname),
            _inside(admin, admin_dsn, dbname) as inside,
        ):
            if not _tables(inside, "log.migrations"):
                return []
            return _refuse_edited(_applied(inside), shipped())


def install(
    admin_dsn: str,
    slug: str,
    passwords: Mapping[str, str],
    *,
    rehearsal: bool,
    level: str = "ordinary",
    dbname: str | None = None,
) -> str:
    """Makes roles, database and schema of an enclave, or brings them up to date; may be repeated.

    Args:
        admin_dsn: Connection string of who makes roles and databases, to any database of the
            cluster; see `lacking` for what only a superuser does.
        slug: Prefix of the enclave's roles, `[a-z][a-z0-9_]{0,40}`.
        passwords: Of each login in `WITH_PASSWORD`.
        rehearsal: See `migrate`.
        level: Likewise.
        dbname: Name of the database; None takes the slug.

    Returns:
        The name of the database.

    Raises:
        Conflict: `still_served`: programs of before are connected, and what is missing ends them.
        Fatal: See `migrate`.
        ValueError: The slug or the database name is not plain, or a password is missing.
    """
    database = slug if dbname is None else dbname
    if not _SLUG.fullmatch(slug) or not _SLUG.fullmatch(database):
        raise ValueError("slug and database are lower-case letters, digits and underscores")
    if missing := [login for login in WITH_PASSWORD if not passwords.get(login)]:
        raise ValueError(f"passwords missing: {', '.join(missing)}")
    # A cluster made without a locale says SQL_ASCII, and the driver would give names as bytes.
    with _administering(admin_dsn) as admin:
        _wait_for_others(admin)
        _make_roles(admin, slug, passwords)
        _close_to_all(admin)
        with _owning_for_a_while(admin, slug):
            if admin.execute(_HAS_DATABASE, [database]).fetchone() is None:
                new = "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'"
                names = sql.Identifier(database), sql.Identifier(f"{slug}_owner")
                admin.execute(sql.SQL(new).format(*names))
            with _inside(admin, admin_dsn, database) as inside:
                _refuse_served(inside, slug)
                inside.execute(filled(_schema().joinpath("roles.sql").read_bytes(), slug, database))
    dsn = login_dsn(admin_dsn, slug, "migrator", passwords["migrator"], dbname=database)
    migrate(dsn, slug, rehearsal=rehearsal, level=level)
    return database


def uninstall(admin_dsn: str, slug: str, dbname: str | None = None) -> None:
    """Takes database and roles of an enclave away that was never founded; may be repeated.

    Args:
        admin_dsn: Of who made them.
        slug: Prefix of the roles.
        dbname: Name of the database; None takes the slug.

    Raises:
        Fatal: It holds what founding did not write, or somebody is in it: nothing was taken away.
    """
    database = slug if dbname is None else dbname
    if not _SLUG.fullmatch(slug) or not _SLUG.fullmatch(database):
        raise ValueError("slug and database are lower-case letters, digits and underscores")
    with _administering(admin_dsn) as admin:
        _wait_for_others(admin)
        there = [r for r in _every_role(slug) if admin.execute(_HAS_ROLE, [r]).fetchone()]
        if f"{slug}_owner" in there and f"{slug}_views" in there:
            with _owning_for_a_while(admin, slug):
                _refuse_founded(admin, admin_dsn, database)
                gone = sql.SQL("DROP DATABASE IF EXISTS {}")
                try:
                    admin.execute(gone.format(sql.Identifier(database)))
                except psycopg.errors.ObjectInUse as error:
                    raise Fatal(
                        f"the database {database} is in use: nothing of it was taken away"
                    ) from error
        for role in reversed(there):
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def require_unfounded(admin_dsn: str, slug: str) -> None:
    """That the enclave's database, where it is there, holds no more than founding wrote.

    Args:
        admin_dsn: Of a superuser.
        slug: Prefix of the roles, and the database's name.

    Raises:
        Fatal: It does.
    """
    with _administering(admin_dsn) as admin:
        _refuse_founded(admin, admin_dsn, slug)


def _refuse_founded(
    admin: psycopg.Connection[tuple[object, ...]], admin_dsn: str, database: str
) -> None:
    """That its log ends where founding ends, and nobody was given a checkpoint of it.

    A database without a log has no end.
    """
    if admin.execute(_HAS_DATABASE, [database]).fetchone() is None:
        return
    with _inside(admin, admin_dsn, database) as inside:
        if not _tables(inside, "log.log_head", "log.checkpoints"):
            return
        row = inside.execute(_GONE_ON).fetchone()
    size, signed = row if row is not None else (0, None)
    if int(str(size)) > _FOUNDING or signed is not None:
        why = f"holds {size} records" if signed is None else f"is signed over {signed} records"
        raise Fatal(
            f"the log in {database} {why}, so it is no unfinished enclave: nothing of it was taken"
            " away; bring enclave.json back"
        )


@dataclass(frozen=True, slots=True)
class Administrator:
    """Who is to make roles and databases.

    Attributes:
        name: The login.
        missing: What it would need, as SQL calls it: empty where it may make an enclave.
        version: Of the server, its first number.
    """

    name: str
    missing: tuple[str, ...]
    version: int


class NotLetIn(Exception):
    """A server answers and does not let the administrator in; its own words."""


def administrator(admin_dsn: str) -> Administrator:
    """Who this is, asked before anything is made.

    Raises:
        NotLetIn: The server answers, and does not let him in.
        Unavailable: It cannot be reached.
    """
    whole = make_conninfo(reaching(admin_dsn), connect_timeout="5", client_encoding="utf8")
    there = takes_logins(whole)  # one that comes up between two looks has refused nobody yet
    try:
        with psycopg.connect(whole) as admin:
            row = admin.execute(_ADMINISTRATOR).fetchone()
            version = admin.info.server_version // 10_000
    except psycopg.OperationalError as error:
        said = next(iter(str(error).strip().splitlines()), "–")
        if there and takes_logins(whole):
            raise NotLetIn(said) from error
        raise Unavailable(
            "database_unavailable",
            Message("Nothing was made: the server cannot be reached ({said}).", said=said),
        ) from error
    name, superuser, roles, databases = row or ("", False, False, False)
    lacks = (
        ()
        if superuser
        else tuple(
            word for word, has in (("CREATEROLE", roles), ("CREATEDB", databases)) if not has
        )
    )
    return Administrator(str(name), lacks, version)


def lacking(admin_dsn: str, reader_dsn: str, slug: str) -> list[str]:
    """Statements that only a superuser, or the server's owner, could run, and did not.

    Args:
        admin_dsn: Of the administrator.
        reader_dsn: Of a login of the enclave, to its database.
        slug: Prefix of the enclave's roles.
    """
    found = []
    asked: tuple[tuple[str, str, LiteralString], ...] = (
        ("backup", "BYPASSRLS", _PASSES_BY),
        (ARCHIVER, "REPLICATION", _REPLICATES),
    )
    with _administering(admin_dsn) as admin:
        for login, attribute, query in asked:
            if admin.execute(query, [f"{slug}_{login}"]).fetchone() is None:
                found.append(f"ALTER ROLE {slug}_{login} {attribute};")
        if admin.execute(_OUT_OF_REACH, [f"{slug}_{ARCHIVER}"]).fetchone() is not None:
            found.append(f"-- the password of {slug}_{ARCHIVER}: socai migrate, by a superuser")
        for (name,) in admin.execute(_OPEN_TO_ALL).fetchall():
            if name == admin.info.dbname:  # by PUBLIC's right alone it would not come in again
                found.append(f"GRANT CONNECT ON DATABASE {name} TO {_quoted(admin)};")
            found.append(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC;")
    with psycopg.connect(reaching(reader_dsn)) as inside:
        if belt_is_loose(inside):
            found.append("-- what PUBLIC may ask of pg_catalog: socai migrate, by a superuser")
    return found


def _quoted(admin: psycopg.Connection[tuple[object, ...]]) -> str:
    return sql.Identifier(admin.info.user).as_string(admin)


def migrate(migrator_dsn: str, slug: str, *, rehearsal: bool, level: str = "ordinary") -> list[int]:
    """Applies what is missing, as the owner.

    Args:
        migrator_dsn: Connection string of `<slug>_migrator`.
        slug: Prefix of the enclave's roles.
        rehearsal: Whether the senders set the time, as record 0 says. Kept the first time, and no
            login can change it: elsewhere `log.append` takes no time but the machine's.
        level: Of the enclave, as record 0 says; kept likewise.

    Returns:
        Numbers of the migrations that were applied now.

    Raises:
        Fatal: An applied file has been edited, the database is newer than this program may serve,
            or it was made for another kind of enclave.
    """
    with owning(migrator_dsn, slug) as connection:
        connection.execute(_MIGRATIONS)
        done = list(_apply_missing(connection, slug, level))
        connection.execute(_SAY_KIND, [rehearsal, level])
        found = connection.execute(_KIND).fetchone()
        if found != (rehearsal, level):
            raise Fatal(
                f"the database was made for {_kind(found)}, not {_kind((rehearsal, level))}"
            )
        return done


@contextmanager
def making_views(migrator_dsn: str, slug: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A transaction as the owner of the views' schema, alone among migrators.

    Args:
        migrator_dsn: Connection string of `<slug>_migrator`.
        slug: Prefix of the enclave's roles.
    """
    views = sql.Identifier(f"{slug}_views")
    with owning(migrator_dsn, slug) as connection, connection.transaction():
        connection.execute(_ALONE)
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(views))
        yield connection


@contextmanager
def owning(dsn: str, slug: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A connection of the migrator's as the owner of the log's and the session's schema.

    Args:
        dsn: Connection string of `<slug>_migrator`.
        slug: Prefix of the enclave's roles.

    Raises:
        Unavailable: The server is away, or has no room.
    """
    owner = sql.Identifier(f"{slug}_owner")
    try:
        with psycopg.connect(reaching(dsn), autocommit=True) as connection:
            connection.execute(sql.SQL("SET ROLE {}").format(owner))
            connection.execute(_PATIENCE)
            yield connection
    except psycopg.OperationalError as error:
        raise translated(error) from error


def belt_is_loose(connection: psycopg.Connection[tuple[object, ...]]) -> bool:
    """Whether any login may take advisory locks, or texts are compared before row policies.

    A managed server keeps its functions to itself. Nothing of ours waits for such a lock, and what
    the reader's login is shown stays the same, so it goes on; whoever operates should know.
    """
    row = connection.execute(_LOOSE).fetchone()
    return row is not None and bool(row[0])


def check(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Whether this program may serve the database: its own schema, or a newer one that says so.

    Raises:
        Fatal: It is older, newer, or was made by files that have been edited since.
    """
    applied = _applied(connection)
    files = shipped()
    _refuse_edited(applied, files)
    if len(applied) < len(files):
        raise Fatal("the database is older than this program; run: socai migrate")


def login_dsn(dsn: str, slug: str, login: str, password: str, *, dbname: str) -> str:
    """The connection string of one login of an enclave on the server that `dsn` names."""
    return make_conninfo(
        dsn,
        dbname=dbname,
        user=f"{slug}_{login}",
        password=password,
        application_name=f"socai-{login}",
    )


@contextmanager
def _administering(admin_dsn: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A connection of the administrator's; what he may not do is one sentence.

    Raises:
        Fatal: He may not do something.
        Unavailable: The server is away, or has no room.
    """
    try:
        with psycopg.connect(reaching(admin_dsn), autocommit=True, client_encoding="utf8") as admin:
            yield admin
    except psycopg.errors.InsufficientPrivilege as error:
        said = str(error).splitlines()[0]
        raise Fatal(f"the administrator may not do this on this server: {said}") from error
    except psycopg.OperationalError as error:
        raise translated(error) from error


def _wait_for_others(admin: psycopg.Connection[tuple[object, ...]]) -> None:
    """One installer at a time; where the belt is fastened only a superuser may ask for the lock."""
    if admin.execute(_MAY_LOCK).fetchone() == (True,):
        admin.execute("SELECT pg_advisory_lock(%s)", [_LOCK])


@contextmanager
def _owning_for_a_while(admin: psycopg.Connection[tuple[object, ...]], slug: str) -> Iterator[None]:
    """Who is no superuser makes in an owner's name only what that owner lends him.

    He could lend it to himself again at any time, as a superuser could; but a login that is always
    in an owner's place owns what it never made.
    """
    if admin.execute("SELECT current_setting('is_superuser')").fetchone() == ("on",):
        yield
        return
    owners = sql.SQL(", ").join(sql.Identifier(f"{slug}_{owner}") for owner in OWNERS)
    admin.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(owners))
    try:
        yield
    finally:
        admin.execute(sql.SQL("REVOKE {} FROM CURRENT_USER").format(owners))


@contextmanager
def _inside(
    admin: psycopg.Connection[tuple[object, ...]], admin_dsn: str, dbname: str
) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A transaction of the administrator's in the enclave's database.

    What its owner had set for whoever enters is taken back before: sessions that may not write, or
    that nobody may begin, kept out whoever mends it.
    """
    name = sql.Identifier(dbname)
    admin.execute(sql.SQL("ALTER DATABASE {} RESET ALL").format(name))
    admin.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT -1").format(name))
    with as_administrator(of_database(admin_dsn, dbname)) as inside:
        yield inside


def _tables(inside: psycopg.Connection[tuple[object, ...]], *names: str) -> bool:
    """Whether these are there; held as they are until the transaction ends.

    Raises:
        Fatal: One is no table: a view in its place would run as the administrator who reads it.
    """
    for name in names:
        if inside.execute(_IS_THERE, [name]).fetchone() != (True,):
            return False
        inside.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(_qualified(name)))
        if inside.execute(_IS_TABLE, [name]).fetchone() != (True,):
            raise Fatal(
                f"{name} is no table: somebody put something in its place, and nothing was done"
            )
    return True


def _qualified(name: str) -> sql.Identifier:
    return sql.Identifier(*name.split("."))


def _every_role(slug: str) -> list[str]:
    return [f"{slug}_{name}" for name in (*OWNERS, *WITH_PASSWORD)]


def _make_roles(
    admin: psycopg.Connection[tuple[object, ...]], slug: str, passwords: Mapping[str, str]
) -> None:
    owners = [f"{slug}_{owner}" for owner in OWNERS]
    for owner in owners:
        if admin.execute(_HAS_ROLE, [owner]).fetchone() is None:
            admin.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(owner)))
    for login in WITH_PASSWORD:
        role = f"{slug}_{login}"
        if admin.execute(_HAS_ROLE, [role]).fetchone() is None:
            admin.execute(sql.SQL("CREATE ROLE {} LOGIN NOINHERIT").format(sql.Identifier(role)))
        if admin.execute(_OUT_OF_REACH, [role]).fetchone() is not None:
            continue  # it is listed as lacking
        # The server, and its log, see only the SCRAM verifier.
        verifier = admin.pgconn.encrypt_password(
            passwords[login].encode(), role.encode(), b"scram-sha-256"
        )
        admin.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                sql.Identifier(role), sql.Literal(verifier.decode())
            )
        )
    for owner in owners:
        admin.execute(
            sql.SQL("GRANT {} TO {}").format(
                sql.Identifier(owner), sql.Identifier(f"{slug}_migrator")
            )
        )


def _close_to_all(admin: psycopg.Connection[tuple[object, ...]]) -> None:
    """Takes `postgres` and `template1` from PUBLIC: an enclave's login enters its own database."""
    for (name,) in admin.execute(_OPEN_TO_ALL).fetchall():
        admin.execute(
            sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(str(name)))
        )


def _apply_missing(
    connection: psycopg.Connection[tuple[object, ...]], slug: str, level: str
) -> Iterator[int]:
    """The missing files in order; another migrator may do some of them meanwhile."""
    files = shipped()
    while True:
        with connection.transaction():
            connection.execute(_ALONE)
            applied = _applied(connection)
            _refuse_edited(applied, files)
            if len(applied) >= len(files):
                return
            migration = files[len(applied)]
            if [row[2] for row in applied] == [_RELEASED]:
                bridge = _schema().joinpath(_BRIDGE).read_bytes()
                connection.execute(filled(bridge, slug).replace(b"{level}", level.encode()))
            connection.execute(filled(migration.text, slug))
            connection.execute(_NOTE, [migration.number, migration.name, migration.sha256])
        yield migration.number


def _refuse_served(inside: psycopg.Connection[tuple[object, ...]], slug: str) -> None:
    """That no program of before is there which may not go on: it asks only as it starts."""
    before = len(_applied(inside)) if _tables(inside, "log.migrations") else 0
    missing = shipped()[before:] if before else []
    ends = [one.name for one in missing if not 0 < (one.served_from or 0) <= before]
    if not ends or inside.execute(_MAY_LOOK).fetchone() != (True,):
        return
    programs = [f"{slug}_{login}" for login in _PROGRAMS]
    there = [str(login) for (login,) in inside.execute(_CONNECTED, [programs]).fetchall()]
    if there:
        raise Conflict(
            "still_served",
            Message(
                "Nothing was migrated: {logins} are connected, and no program of before may go on"
                " with {name}. Stop the service, and a pooler that keeps its connections, then run"
                " it again.",
                logins=", ".join(there),
                name=ends[0],
            ),
        )


def _applied(connection: psycopg.Connection[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return connection.execute(_APPLIED).fetchall()


def as_shipped(row: tuple[object, ...], first: Migration) -> tuple[object, ...]:
    """A row of `log.migrations`; of the first release's 0001 as of today's, which is made of it."""
    released = row == (first.number, first.name, _RELEASED)
    return (first.number, first.name, first.sha256) if released else row


def _refuse_edited(applied: list[tuple[object, ...]], files: list[Migration]) -> list[str]:
    """Names of what a newer program applied, where this one may serve it."""
    for row, migration in zip(applied, files, strict=False):
        if as_shipped(row, files[0]) != (migration.number, migration.name, migration.sha256):
            raise Fatal(f"migration {row[1]} was edited after it was applied")
    newer = [str(row[1]) for row in applied[len(files) :]]
    for name in newer:
        oldest = served_from(name)
        if oldest is None or oldest > files[-1].number:
            raise Fatal(
                f"the database is newer than this program, which may not serve {name};"
                " use the program that migrated it"
            )
    return newer


def _schema() -> Traversable:
    return resources.files("ledger.postgres").joinpath("schema")


def _kind(row: tuple[object, ...] | None) -> str:
    """What a row of `log.enclave` says, in words."""
    if row is None:
        return "nobody"
    return f"{'a rehearsal' if row[0] else 'a real enclave'} of level {row[1]}"


def filled(text: bytes, slug: str, dbname: str = "") -> bytes:
    """DDL with the names it leaves open; both are plain words, checked by `install`."""
    if not _SLUG.fullmatch(slug):
        raise ValueError("not a slug")
    return text.replace(b"{slug}", slug.encode()).replace(b"{dbname}", dbname.encode())
