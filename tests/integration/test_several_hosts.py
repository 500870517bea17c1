"""An address of several hosts: the one that writes is taken, whoever it is now."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ledger.errors import Unavailable
from ledger.postgres import migrate
from ledger.postgres.connect import connect, open_pool, place_of, reaching
from tests.fixtures.postgres import Database
from tests.rows import each, of

pytestmark = pytest.mark.postgres
_WRITES = "SELECT current_setting('transaction_read_only')"


def _several(dsn: str) -> str:
    """The server behind one that is not there."""
    said = conninfo_to_dict(dsn)
    return make_conninfo(dsn, host=f"/nowhere,{said['host']}", port=f"1,{said['port']}")


def test_the_host_that_is_there_is_taken(database: Database) -> None:
    """By a lone connection, by a pool, and by whoever migrates."""
    with connect(_several(database.dsn("reader"))) as connection:
        assert connection.execute(_WRITES).fetchone() == ("off",)
    with open_pool(_several(database.dsn("reader")), most=1) as pool, pool.connection() as one:
        assert one.execute(_WRITES).fetchone() == ("off",)
    assert migrate.ahead(_several(database.server.dsn()), database.name) == []
    assert migrate.migrate(_several(database.dsn("migrator")), database.slug, rehearsal=True) == []


def test_one_that_does_not_write_is_not_taken(database: Database) -> None:
    """As a standby says of itself; of one host alone it is, since reads go on there."""
    read_only = make_conninfo(database.dsn("reader"), options="-c default_transaction_read_only=on")
    with pytest.raises(Unavailable):
        connect(_several(read_only))
    with connect(read_only) as connection:
        assert connection.execute(_WRITES).fetchone() == ("on",)
    said = make_conninfo(_several(read_only), target_session_attrs="any")
    with connect(said) as connection:
        assert connection.execute(_WRITES).fetchone() == ("on",)


def test_what_an_address_names_is_read_as_the_driver_reads_it() -> None:
    """Hosts and ports, of a URL or of folders of sockets."""
    for url, place in each(
        (
            ("postgresql://a@one:1,two:2/x", ("one,two", "1,2")),
            ("postgresql://a@one/x", ("one", "5432")),
            ("postgresql:///x?host=/run/a,/run/b&port=1,1", ("/run/a,/run/b", "1,1")),
            ("postgresql://a@[::1]:7/x", ("::1", "7")),
        )
    ):
        with of(url):
            assert place_of(url) == place
            several = "," in place[0]
            attrs = conninfo_to_dict(reaching(url)).get("target_session_attrs")
            assert attrs == ("read-write" if several else None)
    with pytest.raises(ValueError, match="host"):
        place_of("postgresql://[::1/x")
