"""As of a record, the answers are those of a log that ends with it: nothing later shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

import orjson
import psycopg
import pytest

from ledger.errors import NotFound
from ledger.postgres.records import PostgresRecords
from ledger.regulation.registry.calendar import local_day
from ledger.streams.record_reader import Reader
from projections.engine.projector import Projector
from projections.queries import registry_as_of as registries
from projections.queries.past.diff import Change
from projections.queries.past.json_pointers import flatten
from projections.queries.queries import Queries
from projections.views.base import Connection
from tests.fixtures.postgres import Database, make_database
from tests.fixtures.projected import reader_of
from tests.memory_log import ORIGIN
from tests.played_log import PlayedLog, played

pytestmark = pytest.mark.postgres


@dataclass
class Side:
    """A database that has the first records of a log, projected."""

    database: Database
    log: PlayedLog
    size: int = 0
    queries: Queries = field(init=False)

    def __post_init__(self) -> None:
        self.queries = reader_of(self.database, self.log)
        records = PostgresRecords(self.database.pool("projector"))
        reader = Reader(records, self.log.log.kek, ORIGIN)
        self._projector = Projector(self._writing, records, reader, origin=ORIGIN)

    def grow(self, size: int) -> None:
        """Records up to a size of the log."""
        self.log.fill(self.database.admin, start=self.size, end=size)
        self.size = size
        self._projector.catch_up()

    def close(self) -> None:
        """Gives its connections back."""
        self._projector.close()
        self.database.close()

    def _writing(self) -> Connection:
        return psycopg.connect(self.database.dsn("projector"), autocommit=True)


@dataclass
class Pair:
    """The whole log, asked of the past, and one that grows, asked of now."""

    whole: Side
    cut: Side
    now: datetime

    @property
    def log(self) -> PlayedLog:
        """What both have."""
        return self.whole.log

    def cut_at(self, index: int) -> datetime:
        """Lets the growing one end with a record; when that was taken."""
        self.cut.grow(index + 1)
        return self.log.stored()[index].recorded_at


_LONG: Final = [pytest.param(name, marks=pytest.mark.soak) for name in ("SC3", "SC10", "SC11")]


@pytest.fixture(params=["SC9", *_LONG])
def pair(postgres_server: Any, request: pytest.FixtureRequest) -> Iterator[Pair]:  # noqa: ANN401
    """A scenario twice; these have clocks, flags, restated reports and successions among them."""
    log = played(request.param)
    whole, cut = (Side(make_database(postgres_server), log) for _ in range(2))
    whole.grow(len(log.log.rows))
    yield Pair(whole, cut, log.stored()[-1].recorded_at + timedelta(days=400))
    whole.close()
    cut.close()


def json(value: object) -> Any:  # noqa: ANN401 - JSON
    """As it is sent."""
    return orjson.loads(orjson.dumps(value, default=str))


def told(changes: list[Change]) -> list[Any]:
    """Changes as they are compared."""
    return [json([c.pointer, c.old, c.new, c.acts]) for c in changes]


def past(side: Queries, stream: str, moment: int | datetime, now: datetime) -> Any:  # noqa: ANN401
    """The file as of a moment, None before the case began."""
    try:
        return json(side.past.file(stream, moment, now)[1])
    except NotFound:
        return None


def present(side: Queries, stream: str, now: datetime) -> Any:  # noqa: ANN401 - JSON
    """The file as it stands, None where there is no case."""
    try:
        return orjson.loads(side.case.file(stream, now)[1])
    except NotFound:
        return None


def chain(side: Queries, stream: str, pointer: str, now: datetime, upto: int | None) -> list[Any]:
    """Why a field has its value; nothing where it never had one."""
    try:
        return told(side.past.history(stream, pointer, now, moment=upto))
    except NotFound:
        return []


def lines(side: Queries, moment: int | None, at: datetime) -> Any:  # noqa: ANN401 - JSON
    """All that the registry says, seen from an instant."""
    known, day = side.registries.at(moment).registry, local_day(at)
    return json(
        {
            "agencies": list(registries.agencies(known, day)),
            "officers": list(registries.officers(known, day)),
            "keys": list(registries.keys(known, at)),
            "instruments": list(registries.instruments(known, day)),
        }
    )


@pytest.mark.parametrize("most", [1, pytest.param(10_000, marks=pytest.mark.soak, id="every")])
def test_as_of_a_record_nothing_later_is_known(pair: Pair, most: int) -> None:
    """File, difference, reasons and registry as of k are those of a log that ends with k.

    Of a record of its second half here, and the last, of each in `make soak`.
    """
    random = Random(4)  # noqa: S311 - repeatable
    whole, cut, stored = pair.whole.queries, pair.cut.queries, pair.log.stored()
    judged = 0
    first = 0 if most >= len(stored) else len(stored) // 2  # where there is a case to look at
    tried = random.sample(range(first, len(stored)), min(most, len(stored)))
    for index in sorted({*tried, len(stored) - 1}):
        at = pair.cut_at(index)
        assert lines(whole, index, at) == lines(cut, None, at)
        is_last = index + 1 == len(stored) or stored[index + 1].recorded_at > at
        for stream in pair.log.player.cases.values():
            expected = present(cut, stream, at)
            assert past(whole, stream, index, pair.now) == expected
            if is_last:
                assert past(whole, stream, at, pair.now) == expected
            if expected is None:
                continue
            judged += 1
            since = random.randrange(index + 1)
            changes = whole.past.diff(stream, since, index, pair.now)[2]
            assert told(changes) == told(cut.past.diff(stream, since, index, at)[2])
            values = flatten(expected)
            assert {c.pointer: c.new for c in changes} == {
                c.pointer: values.get(c.pointer) for c in changes
            }
            for pointer in random.sample(sorted(values), 4):
                reasons = chain(whole, stream, pointer, pair.now, index)
                assert reasons == chain(cut, stream, pointer, at, None)
                assert (reasons[-1][2] if reasons else None) == values[pointer]
    assert judged >= 2
