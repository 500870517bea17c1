"""Where the logins of an enclave find its database, and how long it may be silent."""

from __future__ import annotations

from typing import Final

from psycopg.conninfo import make_conninfo

from api.home import EnclaveFacts, Home
from api.settings import Settings, SettingsError
from ledger.message import Message
from ledger.postgres.connect import connect, place_of, translating
from ledger.postgres.migrate import check, login_dsn

HUNG_WRITE_S: Final = 8.0
"""How long the database may be silent within a statement of whoever writes."""
HUNG_READ_S: Final = 12.0
"""The same of whoever reads, where a statement may take longer."""
POOL_MOST: Final = 12


def require_schema(dsn: str) -> None:
    """Whether the database is this program's; any login may ask. Migrate first, then serve.

    Raises:
        Unavailable: The database cannot be reached.
        Fatal: It is older or newer than this program, or made by files that were edited since.
    """
    with connect(dsn, hung_after_s=HUNG_WRITE_S) as connection, translating():
        check(connection)


def server_url(settings: Settings) -> str | None:
    """The address of the server that is not the embedded one.

    Raises:
        SettingsError: The driver does not understand it.
    """
    url = settings.database_url
    if url is None:
        return None
    try:
        place_of(url)
    except ValueError as error:
        raise SettingsError(
            Message(
                "SOCAI_DATABASE_URL is no address that PostgreSQL's driver understands: {why}",
                why=error,
            )
        ) from error
    return url


def role_dsn(settings: Settings, facts: EnclaveFacts, role: str) -> str:
    """The connection string of one login of this enclave. Raises: SettingsError."""
    place = facts.database
    base = server_url(settings) or make_conninfo(
        host=str(place["host"]), port=str(place["port"]), connect_timeout="5"
    )
    password = Home(settings).password(role)
    return login_dsn(base, facts.slug, role, password, dbname=str(place["dbname"]))
