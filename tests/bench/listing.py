"""Need-to-know over 50,000 cases, 1 M acts and 2,000 officers: lists, searches, counts, one case.

For four officers, whose agencies take part in nine cases of ten, in every 25th, in every 2,500th
and in none: each question as it is asked for them, by the reader's login under its ticket, beside
the same question of a login that sees everything. The rows are made up (`province`); schema,
policies and questions are the product's. What is told is processor time of the server's process,
which on an idle machine is nearly all of what a caller waits, and on a busy one is still true; what
was waited stands in the note.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg

from api.home import Home
from api.ops.machine import RealClock
from ledger.asker import Asker, asking
from ledger.postgres.connect import Lone, Pool, open_pool
from ledger.postgres.records import PostgresRecords
from ledger.postgres.ticket import TicketKey
from ledger.postgres.ticketed import Ticketed
from ledger.streams.names import stream_id
from projections.queries.cases import stored_case_file
from projections.queries.ways import Ways
from projections.views import act_list, acts, case_file, worklist
from projections.views.act_list import ActFilter
from projections.views.case_file import Filter
from projections.views.statistics import view
from tests.bench.enclave import Founded
from tests.bench.province import ACTS_A_CASE, AGENCIES, MANY, START, Province, fill
from tests.bench.row import Row
from tests.bench.run import Run, each_us, median

GROUP: Final = "listing"
_PAGE: Final = 50
_FEED: Final = 200
_AT: Final = datetime(2024, 6, 1, tzinfo=UTC)
_TICKET_S: Final = 3_600
_WARM: Final = 6
"""A statement is prepared when it is asked for the sixth time."""
_MANY_GOAL: Final = 2.0
_LIST_MS: Final = 150.0

Question = Callable[[psycopg.Connection[Any]], object]


def rows(run: Run) -> Iterator[Row]:
    """Fills, then asks in turns."""
    cases = 5_000 if run.quick else 50_000
    enclave = run.enclave("lists.example", officers=0)
    made = fill(enclave, cases)
    run.tell(f"listing: {cases} cases, {cases * ACTS_A_CASE} acts")
    pool = open_pool(enclave.dsn("reader"), most=1)
    try:
        with psycopg.connect(enclave.dsn("projector"), autocommit=True) as whole:
            took = _measured(run, _Asking(enclave, made, pool, whole))
        yield from _told(made, took)
        yield from _ticketed(enclave, made, pool)
    finally:
        pool.close()


class _Asking:
    """The two sides of every question, each in one transaction of its own."""

    def __init__(
        self, enclave: Founded, made: Province, pool: Pool, whole: psycopg.Connection[Any]
    ) -> None:
        self.made, self.origin = made, enclave.facts.origin
        self._key = TicketKey(Home(enclave.settings).ticket_key())
        self._asked, self._whole = Ticketed(pool), whole

    def asker(self, kind: str) -> Asker:
        return asker(self._key, self.made.officers[kind])

    def shown(self, kind: str, question: Question, times: int) -> _Cost:
        """What it costs for an officer."""
        with asking(self.asker(kind)), self._asked.connection() as connection:
            return _cost(question, connection, times)

    def whole(self, question: Question, times: int) -> _Cost:
        """The same for a login that sees everything."""
        with self._whole.transaction():
            return _cost(question, self._whole, times)


def asker(key: TicketKey, officer: str) -> Asker:
    """An officer, signed in."""
    ends = int(RealClock().now().timestamp()) + _TICKET_S
    return Asker(key.ticket(officer, "kid", ends), officer)


class _Cost(NamedTuple):
    """Milliseconds of one asking: of the server's processor, and until the answer is there."""

    processor: float
    waited: float


def _cost(question: Question, connection: psycopg.Connection[Any], times: int) -> _Cost:
    ask = partial(question, connection)
    for _ in range(_WARM):
        ask()
    before_ns = _processor_ns(connection)
    waited = each_us(ask, times) / 1000
    return _Cost((_processor_ns(connection) - before_ns) / times / 1e6, waited)


def _processor_ns(connection: psycopg.Connection[Any]) -> int:
    """Processor time that the server's process behind a connection has taken."""
    told = Path(f"/proc/{connection.info.backend_pid}/schedstat").read_text("ascii")
    return int(told.split()[0])


def _nothing(_: psycopg.Connection[Any]) -> None:
    """Where everything is seen there is no way to choose."""


def _questions(
    made: Province, origin: str, kind: str, before: Callable[[psycopg.Connection[Any]], object]
) -> Mapping[str, Question]:
    """What is asked; of one case, one that the officer sees, or one that is hidden.

    Args:
        made: The rows.
        origin: Origin of the log.
        kind: Of the officer.
        before: What is said before a list.
    """
    case = made.shown[kind] or made.shown[MANY] or ""
    last = made.first + ACTS_A_CASE * made.cases - 1
    far = ((START + timedelta(minutes=made.cases)).isoformat(), str(UUID(int=0)))

    def listed(wanted: Filter, after: tuple[str, str] | None = None) -> Question:
        def ask(connection: psycopg.Connection[Any]) -> object:
            before(connection)
            return case_file.listed(connection, wanted, limit=_PAGE + 1, after=after, snapshot=last)

        return ask

    def acted(wanted: ActFilter, after: tuple[str, int] | None = None) -> Question:
        def ask(connection: psycopg.Connection[Any]) -> object:
            few = bool(before(connection))
            return act_list.across(
                connection, wanted, limit=_PAGE + 1, snapshot=last, after=after, few=few
            )

        return ask

    def records(connection: psycopg.Connection[Any]) -> object:
        return list(PostgresRecords(Lone(connection)).stream(stream_id(origin, case)))

    def fed(connection: psycopg.Connection[Any]) -> object:
        held = PostgresRecords(Lone(connection)).read(last - _FEED + 1, _FEED)
        return acts.rows_between(connection, last - _FEED, last), held

    def waiting(connection: psycopg.Connection[Any]) -> object:
        own = [AGENCIES[kind]]
        return worklist.worklist(connection, made.officers[kind], own, lambda _: False, (), _AT)

    return {
        "newest first": listed(Filter()),
        "by state": listed(Filter(state="HANDLING")),
        "far page": listed(Filter(), far),
        "due first": listed(Filter(sort="due")),
        "of an agency, due first": listed(Filter(agency="body.7", sort="due")),
        "search, two frequent words": listed(Filter(q="lừa đảo")),
        "search, beginning of a number": listed(Filter(q="2024 0187")),
        "search, a rare pair": listed(Filter(q="xổ số quy hoạch")),
        "acts, newest": acted(ActFilter()),
        "acts, newest, as they happened": acted(ActFilter(clock="occurred")),
        "acts, far page": acted(ActFilter(), (far[0], last)),
        "acts of an agency": acted(ActFilter(agency="body.7")),
        "acts of an agency, as they happened": acted(ActFilter(agency="body.9", clock="occurred")),
        "acts of a frequent type": acted(ActFilter(act="CaseRegistered")),
        "acts of a rare type": acted(ActFilter(act="MeasureLifted")),
        "acts with a frequent flag": acted(ActFilter(flag="ORAL_UNCONFIRMED")),
        "acts with a rare flag": acted(ActFilter(flag="SAME_DECIDER")),
        "late acts of an agency in a quarter": acted(
            ActFilter(agency="body.7", late=True, start=START, end=START + timedelta(days=90))
        ),
        "pending acts": acted(ActFilter(pending=True)),
        "acts of a key": acted(ActFilter(kid="kid7")),
        "statistics of a quarter": lambda c: view.tables(
            c, date(2024, 1, 1), date(2024, 3, 31), _AT
        ),
        "worklist": waiting,
        "records of a case": records,
        "stored file of a case": lambda c: stored_case_file.stored(c, case),
        "feed of 200 indices": fed,
    }


_PAGES: Final = ("newest first", "by state", "far page")
_MOST_MS: Final = {"records of a case": 1.0, "feed of 200 indices": 5.0}
_UNTOLD: Final = ("stored file of a case",)
"""Without a goal of its own: `served` has the route."""

_Took = dict[tuple[str, str], tuple[list[_Cost], list[_Cost]]]


def _measured(run: Run, ask: _Asking) -> _Took:
    took: _Took = {}
    times = 3 if run.quick else 7
    for turn in range(run.rounds):
        for kind in ask.made.officers:
            run.tell(f"listing: round {turn + 1} of {run.rounds}, {kind}")
            ways = partial(Ways().choose, officer=ask.made.officers[kind])
            seen = _questions(ask.made, ask.origin, kind, ways)
            for name, question in _questions(ask.made, ask.origin, kind, _nothing).items():
                shown, whole = took.setdefault((kind, name), ([], []))
                shown.append(ask.shown(kind, seen[name], times))
                whole.append(ask.whole(question, times))
    return took


def _middle(costs: list[_Cost]) -> _Cost:
    return _Cost(median(one.processor for one in costs), median(one.waited for one in costs))


def _told(made: Province, took: _Took) -> Iterator[Row]:
    """The page that suffers most for who sees most; for each question whom it takes longest."""
    many = f"{made.cases} cases made up, {made.cases * ACTS_A_CASE} acts"
    middle = {key: (_middle(shown), _middle(whole)) for key, (shown, whole) in took.items()}
    for name in _PAGES:
        shown, whole = middle[MANY, name]
        yield Row(
            GROUP, f"page of {_PAGE} for who sees {MANY}: {name}", shown.processor, "ms",
            "without policies", whole.processor, sense="<=", goal=_MANY_GOAL, note=many,
        )  # fmt: skip
    for name in {name: None for _, name in middle}:
        cost = {kind: middle[kind, name][0] for kind in made.officers}
        kind = max(cost, key=lambda one: cost[one].processor)
        goal = None if name in _UNTOLD else _MOST_MS.get(name, _LIST_MS)
        told = ", ".join(f"{one} {cost[one].processor:.3g}" for one in made.officers)
        without = middle[kind, name][1].processor
        yield Row(
            GROUP, f"{name}, for whom it costs most", cost[kind].processor, "ms", sense="<=",
            goal=goal,
            note=f"{told}; without policies {without:.3g}; waited {cost[kind].waited:.3g}",
        )  # fmt: skip


def _ticketed(enclave: Founded, made: Province, pool: Pool) -> Iterator[Row]:
    """What it costs to say who asks, beside a question that asks nothing."""
    asked = Ticketed(pool)
    key = TicketKey(Home(enclave.settings).ticket_key())

    def nothing() -> None:
        with asked.connection():
            pass

    def bare() -> None:
        with pool.connection() as connection:
            connection.execute("SELECT 1")

    with asking(asker(key, made.officers[MANY])):
        took = each_us(nothing, 400)
    yield Row(
        GROUP, "a transaction with its ticket, and nothing asked", took, "µs",
        "SELECT 1 over the same pool", each_us(bare, 400), sense="<=",
    )  # fmt: skip
