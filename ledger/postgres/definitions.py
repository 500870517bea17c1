"""What the database says of its own definitions, against what this program ships.

Whoever owns a database can give `log.append` another body, switch a trigger off or grant himself a
right, and no row is touched. The server tells its definitions as lines, one a thing
(`schema/definitions.sql`); the lines of a database that nobody has changed are shipped beside the
schema, and a test makes them anew. Nothing that the database has stored about itself is believed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib import resources
from typing import Final, Literal, LiteralString

import psycopg

from ledger.postgres import migrate

FILE: Final = "definitions.txt"
PINNED: Final[LiteralString] = "SELECT set_config('search_path', 'pg_catalog', true)"
_LENT: Final = ("bypasses row security", "replicates")
_APPLIED: Final[LiteralString] = "SELECT number, name, sha256 FROM log.migrations"


@dataclass(frozen=True, slots=True)
class Altered:
    """One line that the database and this program do not share.

    Attributes:
        where: `missing` in the database, or `extra` in it.
        line: The thing.
        migration: Number and name, where it is a migration that the database has noted.
    """

    where: Literal["missing", "extra"]
    line: str
    migration: tuple[int, str] | None = None


def told(
    connection: psycopg.Connection[tuple[object, ...]],
    slug: str,
    schema: str | None = None,
) -> list[str]:
    """The definitions as they stand; anybody may ask.

    Args:
        connection: Of any login.
        slug: Prefix of the enclave's roles.
        schema: Of this schema; None: of all but that of the views, with the enclave's roles and
            what runs, or gives a name another meaning, without being asked.
    """
    text = resources.files("ledger.postgres").joinpath("schema", "definitions.sql").read_bytes()
    arguments = {"schema": schema, "slug": slug}
    with connection.transaction():
        connection.execute(PINNED)
        rows = connection.execute(text, arguments).fetchall()
    return sorted(str(row[0]) for row in rows)


def shipped(text: bytes, slug: str) -> list[str]:
    """Lines as they are shipped, with the names they leave open."""
    return text.decode().replace("{slug}", slug).splitlines()


def own(slug: str) -> list[str]:
    """The lines of the database but for its views, and of the roles."""
    return shipped(resources.files("ledger.postgres").joinpath("schema", FILE).read_bytes(), slug)


def compared(expected: Iterable[str], found: Iterable[str]) -> list[Altered]:
    """What one side has and the other has not, each in the order of its lines."""
    wanted, there = Counter(expected), Counter(found)
    return [
        *(Altered("missing", line) for line in sorted((wanted - there).elements())),
        *(Altered("extra", line) for line in sorted((there - wanted).elements())),
    ]


def altered(connection: psycopg.Connection[tuple[object, ...]], slug: str) -> list[Altered]:
    """Where the log's own schemas, its roles and its migrations are not as shipped."""
    expected = own(slug)
    found = _as_strong(expected, told(connection, slug))
    differences = compared(expected, found)
    if any(d.line.startswith("relation log.migrations ") for d in differences):
        return differences
    files = migrate.shipped()
    rows = [migrate.as_shipped(row, files[0]) for row in connection.execute(_APPLIED).fetchall()]
    noted = {_migration(*row): _named(*row) for row in rows}
    applied = [_migration(*row) for row in rows]
    expected = [_migration(m.number, m.name, m.sha256) for m in files]
    behind = compared(expected, applied)
    return differences + [replace(one, migration=noted.get(one.line)) for one in behind]


def of_a_newer_program(found: Iterable[Altered]) -> list[str]:
    """Migrations among the differences that are behind this program's last: by name, in order.

    What they made is not as this program ships it. So the program that has them is to be asked,
    and where none has, somebody wrote them there.
    """
    last = migrate.shipped()[-1].number
    noted = (one.migration for one in found if one.migration is not None)
    return [name for number, name in noted if number > last]


def _as_strong(expected: Iterable[str], found: Iterable[str]) -> list[str]:
    """The lines as found; a role that lacks what only a superuser could give it is as shipped."""
    weaker = {line.replace(f"{what} t", f"{what} f"): line for what in _LENT for line in expected}
    return [weaker.get(line, line) for line in found]


def _migration(number: object, name: object, sha256: object) -> str:
    digest = sha256.hex() if isinstance(sha256, bytes) else str(sha256)
    return f"migration {number} {name} {digest}"


def _named(number: object, name: object, _sha256: object) -> tuple[int, str] | None:
    """Number and name, whatever was made of the columns; the number stands for no name."""
    return (number, str(name or number)) if isinstance(number, int) else None
