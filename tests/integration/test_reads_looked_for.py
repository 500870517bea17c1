"""Rows of the log of reads that have several tags, where each tag alone has very many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Final, LiteralString

import psycopg
import pytest

from api.ops.embedded_postgres import Embedded
from ledger.postgres.reads.rows import PostgresReads
from tests.examples import shared_with_soak
from tests.fixtures.postgres import install_database

pytestmark = pytest.mark.postgres

GATE: Final = bytes(32)
MANY: Final = 20_000
"""Rows of a tag from which on two of them are gone through side by side."""
ROWS: Final = 3 * MANY
TAGS: Final[Mapping[str, Callable[[int], bool]]] = {
    "even": lambda i: i % 2 == 0,
    "odd": lambda i: i % 2 == 1,
    "most": lambda i: i % 20 > 0,
    "thirds": lambda i: i % 3 == 0,
    "few": lambda i: i % 4000 == 0,
    "one": lambda i: i == 1234,
    "old": lambda i: i <= MANY,
    "new": lambda i: i > 2 * MANY,
}
GATED: Final[LiteralString] = (
    "INSERT INTO access.gate (digest) VALUES (sha256(decode(repeat('00', 32), 'hex')))"
)
STAND: Final[LiteralString] = """
INSERT INTO access.records (index, seq, recorded_at, stream_id, unit, act_id, author, registry,
    topic, entry, state)
  SELECT i, i, now(), md5('reads')::uuid, '00000000-0000-0000-0000-000000000000',
    md5('read' || i)::uuid, true, false, 'socai.statement.v1', sha256(int8send(i)), ''
  FROM generate_series(1, %s) AS i
"""


def a_tag(name: str) -> bytes:
    """As no key makes one."""
    return sha256(name.encode()).digest()


@pytest.fixture(scope="module")
def noted(postgres_server: Embedded) -> Iterator[PostgresReads]:
    """Rows made up, read by the reader's login."""
    database = install_database(postgres_server)
    try:
        with psycopg.connect(database.admin) as admin:
            admin.execute(GATED)
            admin.execute(STAND, [ROWS])
            with admin.cursor().copy("COPY access.tags (tag, index) FROM STDIN") as copy:
                for name, has in TAGS.items():
                    for index in filter(has, range(1, ROWS + 1)):
                        copy.write_row((a_tag(name), index))
            admin.execute("ANALYZE access.tags, access.records")
        yield PostgresReads(database.pool("reader"), GATE)
    finally:
        database.close()


@pytest.mark.parametrize(
    "names",
    shared_with_soak(
        [
            ("even", "odd"),
            ("even", "most"),
            ("most", "even", "thirds"),
            ("odd", "most", "few"),
            ("old", "new"),
            ("even", "most", "old"),
            ("even", "one"),
            ("one", "few"),
            ("even", "even"),
            ("even",),
        ],
        2,
        "looked for",
    ),
    ids="+".join,
)
@pytest.mark.parametrize("before", [2**62, MANY + 7, 1])
@pytest.mark.parametrize("limit", [1, 101])
def test_the_newest_that_have_all_of_them(
    noted: PostgresReads, names: tuple[str, ...], before: int, limit: int
) -> None:
    """However many have one of them: no more, none twice, newest first."""
    older = range(min(ROWS, before - 1), 0, -1)
    wanted = [i for i in older if all(TAGS[name](i) for name in names)][:limit]
    found = noted.noted([a_tag(name) for name in names], before, limit)
    assert [row.index for row in found] == wanted
