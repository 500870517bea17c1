"""The definitions of a database that nobody has changed, as `log audit` expects them.

`python -m tests.definitions` writes the shipped lists anew, after the schema has changed; that they
are as a fresh database tells them is tested.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import psycopg

from api.ops.embedded_postgres import Embedded
from ledger.postgres import definitions
from tests.fixtures.postgres import Database, install_database

ROOT = Path(__file__).parents[1]
LISTS = {
    ROOT / "ledger/postgres/schema" / definitions.FILE: None,
    ROOT / "projections/schema" / definitions.FILE: "proj",
}


def told(database: Database) -> dict[Path, str]:
    """What a freshly made database says, as the text of each list."""
    texts = {}
    with psycopg.connect(database.dsn("auditor")) as connection:
        for path, schema in LISTS.items():
            lines = definitions.told(connection, database.slug, schema)
            texts[path] = "".join(f"{line}\n" for line in lines).replace(database.slug, "{slug}")
    return texts


def main() -> None:
    """Writes every list."""
    with tempfile.TemporaryDirectory() as home:
        server = Embedded(Path(home) / "server")
        server.start()
        try:
            database = install_database(server)
            for path, text in told(database).items():
                path.write_text(text, encoding="utf-8")
        finally:
            server.stop()


if __name__ == "__main__":
    main()
