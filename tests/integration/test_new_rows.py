"""Rows put by arrays are the rows that were given, whatever stands in their texts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import orjson
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.views.new_rows import NewRows
from tests.examples import examples
from tests.fixtures.postgres import Database

pytestmark = pytest.mark.postgres

TABLE = NewRows(
    "given",
    (
        "gen smallint", "n bigint", "name text", "id uuid", "codes text[]", "day date",
        "at timestamptz", "bytes bytea", "shown boolean", "many int", "body json",
        "words tsvector",
    ),
)  # fmt: skip

_text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
_codes = st.lists(_text | st.sampled_from(["NULL", "{}", '"', "\\", ",", ""]), max_size=4)
_times = st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)).map(  # noqa: DTZ001 - strategies want it so
    lambda at: at.replace(tzinfo=UTC)
)
_row = st.tuples(
    st.just(7), st.integers(-(2**63), 2**63 - 1), _text | st.none(), st.uuids() | st.none(), _codes,
    st.dates(date(2000, 1, 1)) | st.none(), _times | st.none(), st.binary(max_size=8) | st.none(),
    st.booleans() | st.none(), st.integers(-(2**31), 2**31 - 1) | st.none(),
    st.dictionaries(_text, _text, max_size=2).map(lambda said: orjson.dumps(said).decode()),
    st.sampled_from(["", "'gia' 'mao'", "'bệnh'"]),
)  # fmt: skip


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection]:
    """With the table."""
    with psycopg.connect(database.admin, autocommit=True) as admin:
        admin.execute(
            "CREATE TABLE proj.given (gen smallint, n bigint, name text, id uuid, codes text[],"
            " day date, at timestamptz, bytes bytea, shown boolean, many int, body json,"
            " words tsvector)"
        )
        yield admin


def test_rows_come_back_as_they_were_given(connection: psycopg.Connection) -> None:
    """Columns of nothing but NULL, arrays of all lengths, quotes and backslashes."""

    @settings(max_examples=examples(20), deadline=None)
    @given(st.lists(_row, max_size=6))
    def law(rows: list[tuple[object, ...]]) -> None:
        connection.execute("TRUNCATE proj.given")
        with connection.cursor() as cursor:
            TABLE.put(cursor, rows)
        found = connection.execute(
            "SELECT gen, n, name, id, codes, day, at, bytes, shown, many, body::text, words::text"
            " FROM proj.given ORDER BY ctid"
        ).fetchall()
        assert [(*row[:6], row[6] and row[6].astimezone(UTC), *row[7:]) for row in found] == rows

    law()
