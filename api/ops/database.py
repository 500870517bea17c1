"""The enclave's database from the operator's side: which server, its administrator, its schema.

The embedded server where no `SOCAI_DATABASE_URL` is set, else the server that names. Not: what the
tables hold.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from api.home import TICKET_KEY, EnclaveFacts, Home, read_private
from api.ops.embedded_postgres import HEARS_S, SUPERUSER, Embedded
from api.ops.role_lock import is_served
from api.ops.wiring.logins import role_dsn, server_url
from api.settings import Settings, SettingsError
from ledger.message import Message, system_fault
from ledger.postgres import migrate
from ledger.postgres.connect import of_database, place_of
from ledger.postgres.migrate import WITH_PASSWORD
from ledger.postgres.ticket import TicketKey, keep_ticket_key
from projections.engine import generations

_PASSWORD_FILE: Final = "postgres.password"  # noqa: S105  its name, not its content
_NOT_PLAIN: Final = re.compile(r"[^a-z0-9]+")
_SLUG_STEM: Final = 26
_OLDEST: Final = 15


def admin_dsn(settings: Settings, password_file: Path | None = None) -> str:
    """The administrator's connection string; starts the embedded server where that is the one.

    Args:
        settings: Which server.
        password_file: Where its administrator's password is; `<secrets>/postgres.password` else.

    Raises:
        SettingsError: The server named needs a password and there is no file with it that is one's
            own, or its address is none; or none is named, and the enclave's database is not the
            home's own.
    """
    if (url := server_url(settings)) is None:
        _require_own(settings)
        return Embedded(settings.home).start()
    path = password_file or settings.secrets_dir / _PASSWORD_FILE
    return _with_password(url, path)


def _require_own(settings: Settings) -> None:
    """No empty server is made in the place of one that an enclave has elsewhere, or has lost."""
    home = Home(settings)
    if home.facts_path.exists() and not (settings.home / "pg").is_dir():
        raise SettingsError(
            Message(
                "the database of this enclave is not in its home: set SOCAI_DATABASE_URL to its"
                " server ({host}), or, where it is lost, restore a backup",
                host=home.facts().database["host"],
            )
        )


def admin_inside(settings: Settings, facts: EnclaveFacts) -> str:
    """As `admin_dsn`, to the enclave's own database."""
    return of_database(admin_dsn(settings), str(facts.database["dbname"]))


def running_facts(settings: Settings, over: Event | None = None) -> EnclaveFacts:
    """The enclave's facts, its database up: the embedded server started, its port noted.

    Args:
        settings: Whose.
        over: As `Embedded.start`.
    """
    home = Home(settings)
    facts = home.facts()
    if settings.database_url is None and (settings.home / "pg").is_dir():
        server = Embedded(settings.home)
        server.start(over)
        facts = _moved(home, facts, server)
    return facts


@contextmanager
def reachable(settings: Settings) -> Iterator[EnclaveFacts]:
    """The facts while the database answers; a server started for this is stopped again."""
    with ExitStack() as needs:
        if settings.database_url is None and (settings.home / "pg").is_dir():
            needs.enter_context(Embedded(settings.home).lent(lambda: is_served(settings.home)))
        yield running_facts(settings)


def embedded_down(settings: Settings) -> bool:
    """Whether this home's own server should answer and does not; False for any other server."""
    if settings.database_url is not None or not (settings.home / "pg").is_dir():
        return False
    return not Embedded(settings.home).listening


def embedded_answers(settings: Settings) -> bool:
    """Whether this home's own server says a word to who comes; False where it hangs."""
    return Embedded(settings.home).answering


def break_off(settings: Settings) -> None:
    """Ends the embedded server of this home while somebody starts it, whom `stop` waits for."""
    Embedded(settings.home).break_off()


def stop_database(settings: Settings, hears_s: float = HEARS_S) -> None:
    """Stops the embedded server of this home (`stop`); any other server is not ours to stop."""
    if settings.database_url is None and (settings.home / "pg").is_dir():
        Embedded(settings.home).stop(hears_s)


def place(settings: Settings, dbname: str) -> dict[str, Any]:
    """Where the database is, for `enclave.json`."""
    if settings.database_url is None:
        server = Embedded(settings.home)
        return {"host": server.host, "port": server.port, "dbname": dbname}
    host, port = place_of(settings.database_url)
    return {"host": host, "port": int(port) if port.isdecimal() else port, "dbname": dbname}


def require_administrator(settings: Settings, password_file: Path | None = None) -> None:
    """That the server is there and its administrator may make an enclave, before anything is made.

    The embedded one is ours.

    Raises:
        SettingsError: It does not let him in, he may not make roles or databases, or the server is
            too old.
        Unavailable: It cannot be reached.
    """
    if settings.database_url is None:
        return
    try:
        found = migrate.administrator(admin_dsn(settings, password_file))
    except migrate.NotLetIn as error:
        raise SettingsError(
            Message("the server does not let the administrator in ({said})", said=error)
        ) from error
    if found.version < _OLDEST:
        raise SettingsError(
            Message(
                "PostgreSQL {version} is too old: {oldest} or newer",
                version=found.version,
                oldest=_OLDEST,
            )
        )
    if found.missing:
        raise SettingsError(
            Message(
                "{name} makes no roles or databases: a superuser runs ALTER ROLE {name} {missing}",
                name=found.name,
                missing=" ".join(found.missing),
            )
        )


def lacking(settings: Settings, facts: EnclaveFacts, password_file: Path | None) -> list[str]:
    """What only a superuser of the server could do, and whoever installed is none."""
    reader = role_dsn(settings, facts, "reader")
    return migrate.lacking(admin_dsn(settings, password_file), reader, facts.slug)


def make_schema(
    settings: Settings, slug: str, password_file: Path | None = None, *, rehearsal: bool, level: str
) -> str:
    """Makes or brings up to date roles, database, schema and views; the database's name.

    Ask `newer_than_this` before, of an enclave that is there.

    Raises:
        Fatal: See `ledger.postgres.migrate.migrate`.
    """
    home = Home(settings)
    for late in (
        "backup",
        "keeper",
        "vault",
        "publisher",
        "importer",
        "public",
        "archiver",
    ):  # came later: a home of before has none
        home.make_password(late)
    passwords = {login: home.password(login) for login in WITH_PASSWORD}
    admin = admin_dsn(settings, password_file)
    dbname = migrate.install(admin, slug, passwords, rehearsal=rehearsal, level=level)
    migrator = migrate.login_dsn(admin, slug, "migrator", passwords["migrator"], dbname=dbname)
    with migrate.making_views(migrator, slug) as connection:
        generations.install(connection, slug)
    home.make_key(TICKET_KEY)
    tell_ticket_key(settings, slug, migrator)
    return dbname


def tell_ticket_key(settings: Settings, slug: str, migrator_dsn: str) -> None:
    """Has the database believe the key of tickets that is in the file, and no turn be half-way."""
    with _key_held(settings):
        keep_ticket_key(migrator_dsn, slug, TicketKey(Home(settings).ticket_key()))


def newer_than_this(settings: Settings, slug: str, password_file: Path | None = None) -> list[str]:
    """Migrations of a newer program in the enclave's database that this one may serve, by name.

    Raises:
        Fatal: It may not.
        SettingsError: As `require_administrator`.
        Unavailable: Likewise.
    """
    require_administrator(settings, password_file)
    return migrate.ahead(admin_dsn(settings, password_file), slug)


def turn_ticket_key(settings: Settings, facts: EnclaveFacts, secret: bytes) -> None:
    """Puts a new key of tickets in the place of the one there is; no request notices.

    It is on the disk before the database knows it, and the database knows it before the file has
    it: what is in the file is always believed, and a turn that was cut off goes on with its key.
    The database believes two: what is in the file is made the newest before the next is, whatever
    a turn that ended half-way left there, so that the next never pushes the API's out. One turn at
    a time: two would take each other's next key. Who waited for another that turned it is done.

    Args:
        settings: Of the home.
        facts: Where its database is.
        secret: 32 random bytes.

    Raises:
        SettingsError: The file cannot be written: the key is as before.
    """
    home = Home(settings)
    migrator = role_dsn(settings, facts, "migrator")
    before = home.ticket_key()
    with _key_held(settings):
        if home.ticket_key() != before:
            return
        after = home.draft_ticket_key(secret)
        keep_ticket_key(migrator, facts.slug, TicketKey(before))
        keep_ticket_key(migrator, facts.slug, TicketKey(after))
        try:
            home.take_ticket_key()
        except SettingsError:
            # Dropped last: killed between the two, the next turn goes on with it.
            keep_ticket_key(migrator, facts.slug, TicketKey(home.ticket_key()))
            home.drop_next_ticket_key()
            raise


@contextmanager
def _key_held(settings: Settings) -> Iterator[None]:
    """Nobody else turns the key of tickets, or tells the database of it, meanwhile.

    By the folder, which may be read-only; in the database any login may hold what it likes.
    """
    path = settings.secrets_dir
    with ExitStack() as stack:
        try:
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            stack.callback(os.close, handle)
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:
            raise SettingsError(
                Message(
                    "{path} cannot be used: {strerror}", path=path, strerror=system_fault(error)
                )
            ) from error
        yield


def slug_of(origin: str, random: bytes) -> str:
    """A plain, unrepeated prefix for the enclave's roles and its database."""
    plain = origin.lower().removeprefix("rehearsal.")
    stem = _NOT_PLAIN.sub("_", plain).strip("_")[:_SLUG_STEM].strip("_")
    return f"e_{stem}_{random.hex()}"


def _moved(home: Home, facts: EnclaveFacts, server: Embedded) -> EnclaveFacts:
    now = {"host": server.host, "port": server.port, "dbname": facts.database["dbname"]}
    if now != facts.database:
        facts = replace(facts, database=now)
        home.write_facts(facts)
    return facts


def _with_password(url: str, path: Path) -> str:
    if not path.exists():
        raise SettingsError(
            Message(
                "put the password of the database's administrator into {path} (mode 0600)",
                path=path,
            ),
        )
    parts = urlsplit(url)
    password = read_private(path).decode("utf-8").strip()
    user = quote(unquote(parts.username or SUPERUSER), safe="")
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}"))
