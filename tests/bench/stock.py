"""The other side: eventsourcing as it comes, on the same PostgreSQL, unsigned, with the same acts.

Its application with an aggregate of a case, `Application.save` once an act; its projection runner
with a view that keeps one row a case.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import orjson
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

from tests.bench import workload
from tests.bench.crew import Hand
from tests.bench.workload import Officer, SignedAct

POOL: Final = 20


class Case(Aggregate):
    """A case as its acts."""

    @event("Opened")
    def __init__(self, act: dict[str, Any]) -> None:
        self.acts = [act]

    @event("Added")
    def add(self, act: dict[str, Any]) -> None:
        """One more act."""
        self.acts.append(act)


class Cases(Application[UUID]):
    """Stock application of cases."""

    name = "cases"
    is_snapshotting_enabled = False


def environment(dsn: str, *, create: bool = False) -> dict[str, str]:
    """Settings of eventsourcing for a database."""
    place = conninfo_to_dict(dsn)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(place["dbname"]),
        "POSTGRES_HOST": str(place["host"]),
        "POSTGRES_PORT": str(place["port"]),
        "POSTGRES_USER": str(place["user"]),
        "POSTGRES_PASSWORD": str(place["password"]),
        "POSTGRES_POOL_SIZE": str(POOL),
        "POSTGRES_MAX_OVERFLOW": "0",
        "CREATE_TABLE": "y" if create else "n",
    }


def prepare(dsn: str) -> None:
    """Makes the application's tables."""
    Cases(environment(dsn, create=True)).close()


@dataclass(frozen=True, slots=True)
class StockOpening:
    """Opens the stock application in a process of a crew."""

    dsn: str
    officer: Officer
    origin: str

    def __call__(self) -> StockShop:
        """One application a process."""
        return StockShop(Cases(environment(self.dsn)), self.officer, self.origin)


@dataclass(slots=True)
class StockShop:
    """Saves the acts of the workload as events."""

    app: Cases
    officer: Officer
    origin: str

    def hands(self, _first: int, count: int, items: int) -> list[Hand]:
        """Each hand with acts of its own cases."""
        return [
            Hand(_Saver(self.app).save, workload.same_again(self.officer, self.origin, items))
            for _ in range(count)
        ]


@dataclass(slots=True)
class _Saver:
    app: Cases
    case: Case | None = field(default=None)

    def save(self, act: SignedAct) -> None:
        said = orjson.loads(act.statement.payload)
        if act.fresh or self.case is None:
            self.case = Case(said)
        else:
            self.case.add(said)
        self.app.save(self.case)


class CaseRows(PostgresTrackingRecorder):
    """A view with one row a case, as the library's documentation builds one."""

    def __init__(self, datastore: PostgresDatastore, **given: Any) -> None:  # noqa: ANN401 - the library's
        super().__init__(datastore, **given)
        table = (Identifier(self.datastore.schema), Identifier("case_rows"))
        self.sql_create_statements.append(
            SQL(
                "CREATE TABLE IF NOT EXISTS {0}.{1} (id uuid PRIMARY KEY, acts int, last text)"
            ).format(*table)
        )
        self._put = SQL(
            "INSERT INTO {0}.{1} AS c VALUES (%s, 1, %s)"
            " ON CONFLICT (id) DO UPDATE SET acts = c.acts + 1, last = excluded.last"
        ).format(*table)

    def put(self, case: UUID, act: Mapping[str, Any], tracking: Tracking) -> None:
        """One act, with the position, in one transaction."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(self._put, (case, act["act"]), prepare=True)


class CaseProjection(Projection[CaseRows]):
    """Every event is an act of a case."""

    name = "caserows"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:  # noqa: ANN401 - the library's
        """One event."""
        self.view.put(domain_event.originator_id, domain_event.act, tracking)


@dataclass(frozen=True, slots=True)
class Side:
    """A view for the stock runner: what handles an event, and what keeps the rows."""

    projection: type[Projection[Any]]
    rows: type[PostgresTrackingRecorder]


PLAIN: Final = Side(CaseProjection, CaseRows)


def projection_rate(dsn: str, side: Side, seconds: float) -> float:
    """Events a second that the stock runner projects from the start, for at most so long."""
    begun = time.perf_counter()
    with ProjectionRunner(
        application_class=Cases,
        projection_class=side.projection,
        view_class=side.rows,
        env=environment(dsn, create=True),
    ) as runner:
        newest = runner.app.recorder.max_notification_id() or 0
        with suppress(TimeoutError):
            runner.wait(newest, timeout=seconds)
        took = time.perf_counter() - begun
        done = runner.view.max_tracking_id(runner.app.name) or 0
    return done / took
