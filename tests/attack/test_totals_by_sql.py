"""Totals of all cases by SQL, over the reader's login: for whom, and that no cell tells a case.

Rows of cases are put where the projector puts them, tickets are made as the API makes them, and
what the database tells is held against the figures of somebody who sees everything (access.md A27).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, LiteralString, NamedTuple
from uuid import UUID, uuid5

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

from api.ops.embedded_postgres import Embedded
from api.ops.machine import RealClock
from ledger.ports import NIL_UNIT
from ledger.postgres.ticket import TicketKey, keep_ticket_key
from ledger.regulation.case.counted_reports import SMALLEST
from projections.views.audience import TOTALS
from projections.views.statistics import view
from projections.views.statistics.view import Cell, Tables
from tests.attacks import attack
from tests.examples import examples
from tests.fixtures.postgres import Database, make_database

pytestmark = pytest.mark.postgres

KEY: Final = TicketKey(b"k" * 32)
KID: Final = "kid-of-the-session"
OVERSEER: Final = UUID("11111111-1111-4111-8111-111111111111")
SUBORDINATE: Final = UUID("22222222-2222-4222-8222-222222222222")
STRANGER: Final = UUID("55555555-5555-4555-8555-555555555555")
AGENCY: Final = UUID("33333333-3333-5333-8333-333333333333")
ACT: Final = UUID("44444444-4444-4444-8444-444444444444")
YEAR: Final = 2024
NOW: Final = datetime(2100, 6, 1, 12, tzinfo=UTC)
"""The ledger's time in this rehearsal: no midnight comes between two questions."""
ALL: Final[LiteralString] = "SELECT * FROM proj.totals(2024)"


class Counted(NamedTuple):
    """A case as it is counted, and its marks."""

    opened: date
    agency: str | None
    channel: str | None
    outcome: str | None
    state: str | None
    days: int | None
    marks: tuple[tuple[str, str | None], ...] = ()
    acts: tuple[str, ...] = ()


@dataclass
class Bench:
    """A database in which cases are counted, and who asks for them.

    Attributes:
        database: The enclave.
    """

    database: Database

    @contextmanager
    def login(self, name: str) -> Iterator[psycopg.Connection]:
        """A connection of a login."""
        with psycopg.connect(self.database.dsn(name), autocommit=True) as connection:
            yield connection

    def fill(self, cases: Sequence[Counted]) -> None:
        """These cases, and no others."""
        counted, marks, acts = [], [], list[tuple[Any, ...]]()
        for n, case in enumerate(cases):
            ended = case.outcome is not None and case.days is not None
            result = case.opened + timedelta(days=case.days or 0) if ended else None
            key = (f"case/{n}", uuid5(AGENCY, str(n)))
            counted.append((*key, case.opened, case.channel, case.agency, case.state,
                            case.outcome, result))  # fmt: skip
            for m, (code, basis) in enumerate(case.marks):
                marks.append((*key, m, code, ACT, case.opened, case.agency, basis))
            noon = datetime(case.opened.year, case.opened.month, case.opened.day, 12, tzinfo=UTC)
            acts += [(len(acts) + m, *key, key[1], m, act, noon) for m, act in enumerate(case.acts)]
        with self.login("projector") as projector, projector.transaction():
            projector.execute("DELETE FROM proj.counted")
            projector.execute("DELETE FROM proj.marks")
            projector.execute("DELETE FROM proj.acts")
            cursor = projector.cursor()
            cursor.executemany(
                "INSERT INTO proj.counted (gen, stream, comp, opened_on, channel, agency, state,"
                " outcome, result_on, acts) VALUES (1, %s, %s, %s, %s, %s, %s, %s, %s, 1)",
                counted,
            )
            cursor.executemany(
                "INSERT INTO proj.marks (gen, stream, comp, n, code, act_id, on_day, agency, basis)"
                " VALUES (1, %s, %s, %s, %s, %s, %s, %s, %s)",
                marks,
            )
            cursor.executemany(
                "INSERT INTO proj.acts (gen, index, stream, comp, unit, seq, act_id, act,"
                " occurred_at, recorded_at, status, effect, flags, late, registry, entry) VALUES"
                " (1, %s, %s, %s, %s, %s, gen_random_uuid(), %s, %s, now(), 'effective', true,"
                " '{}', false, false, '')",
                acts,
            )

    def empty(self) -> None:
        """Nobody acts as anybody, and the audience is as it should be."""
        with psycopg.connect(self.database.admin) as admin:
            for table in ("audience", "members", "excluded", "ended"):
                admin.execute(sql.SQL("DELETE FROM sec.{}").format(sql.Identifier(table)))
        self.audience(error=None)

    def member(self, officer: UUID, who: UUID, *, until: str | datetime = "infinity") -> None:
        """The officer acts as the principal."""
        with self.login("projector") as projector:
            projector.execute(
                "INSERT INTO sec.members VALUES (1, %s, %s, 'self', '-infinity', %s, 'A27')",
                [officer, who, until],
            )

    def takes_part(self, who: UUID, case: int) -> None:
        """The principal takes part in the whole case."""
        with self.login("projector") as projector:
            projector.execute(
                "INSERT INTO sec.audience VALUES (1, %s, %s, %s, %s, NULL, 'infinity')",
                [uuid5(AGENCY, str(case)), who, NIL_UNIT, ACT],
            )

    def audience(self, *, error: str | None) -> None:
        """Whether it stopped."""
        with self.login("projector") as projector:
            projector.execute("UPDATE proj.views SET error = %s WHERE view = 'audience'", [error])

    @contextmanager
    def asking(self, officer: UUID | None) -> Iterator[psycopg.Connection]:
        """As the reader, with the officer's ticket."""
        with psycopg.connect(self.database.dsn("reader")) as connection:
            if officer is not None:
                expiry = int(RealClock().now().timestamp()) + 60
                ticket = KEY.ticket(str(officer), KID, expiry)
                connection.execute("SELECT set_config('app.ticket', %s, true)", [ticket])
            connection.execute("SELECT set_config('app.time', %s, true)", [NOW.isoformat()])
            yield connection

    def told(self, officer: UUID | None, query: LiteralString = ALL) -> list[tuple[object, ...]]:
        """What the reader's login is told with the officer's ticket."""
        with self.asking(officer) as connection:
            return connection.execute(query).fetchall()

    def totals(self) -> Tables:
        """What the overseer is told."""
        with self.asking(OVERSEER) as connection:
            found = view.totals(connection, YEAR)
        assert found is not None
        return found

    def everything(self) -> Tables:
        """The figures of a login that sees every case: the projector's."""
        with self.login("projector") as projector:
            return view.tables(projector, date(YEAR, 1, 1), date(YEAR, 12, 31), NOW)


@pytest.fixture(scope="module")
def counting(postgres_server: Embedded) -> Iterator[Bench]:
    """An enclave with one key of tickets."""
    database = make_database(postgres_server)
    keep_ticket_key(database.dsn("migrator"), database.slug, KEY)
    with psycopg.connect(database.admin) as admin:  # a record that an audience in time has to fold
        admin.execute("UPDATE log.log_head SET size = 6, recorded_at = %s", [NOW])
        admin.execute("UPDATE sec.beat SET at = now() + interval '1 hour'")
    yield Bench(database)
    database.close()


@pytest.fixture
def bench(counting: Bench) -> Bench:
    """Forty cases in which nobody takes part, and an overseer."""
    counting.empty()
    counting.fill(FORTY)
    counting.member(OVERSEER, TOTALS)
    counting.member(OVERSEER, OVERSEER)
    return counting


def _acts_of(n: int) -> tuple[str, ...]:
    """Six disclosures in January and nine in February; two withdrawals and seven."""
    return (
        *("ReporterIdentityDisclosed" for _ in range(1) if n % 2 == 0 and n < 12),
        *("ReporterIdentityDisclosed" for _ in range(1) if n % 2 == 1 and n < 18),
        *("ContentWithdrawn" for _ in range(1) if n % 2 == 0 and n < 4),
        *("ContentWithdrawn" for _ in range(1) if n % 2 == 1 and n < 14),
    )


FORTY: Final = [
    Counted(
        date(YEAR, 1 + n % 2, 1 + n % 28),
        "bacninh.stttt" if n % 13 else "bacninh.h-g",
        "PHONE" if n % 3 else "LETTER",
        "HANDLED_REMOVED" if n % 2 else None,
        "CLOSED" if n % 2 else "VERIFYING",
        n,
        (("CORRECTION", None),) if n < 7 else (),
        _acts_of(n),
    )
    for n in range(40)
]


def test_an_overseer_is_told_what_somebody_sees_who_sees_everything(bench: Bench) -> None:
    """Every table and figure, and not one row of a case beside them."""
    shown = bench.totals()
    assert shown == bench.everything()
    assert (shown.total, shown.figures[0].count) == (40, 7)
    assert shown.acts_by_month == {
        "disclosed": (Cell("2024-01", 6), Cell("2024-02", 9)),
        "withdrawn": (Cell("2024-01", None), Cell("2024-02", None)),
        "erased": (),
    }
    assert shown.median_days == {"HANDLED_REMOVED": 19}
    assert bench.told(OVERSEER, "SELECT stream FROM proj.counted") == []
    assert bench.told(OVERSEER, "SELECT stream FROM proj.marks") == []
    assert (
        bench.told(OVERSEER, "SELECT stream FROM proj.acts WHERE starts_with(stream, 'case/')")
        == []
    )


def _lead_of_no_totals(bench: Bench) -> UUID:
    bench.member(SUBORDINATE, SUBORDINATE)
    bench.member(SUBORDINATE, AGENCY)
    for n in range(40):
        bench.takes_part(AGENCY, n)
    return SUBORDINATE


@attack(
    "totals of all cases, asked by SQL with the ticket of somebody who is told none",
    stopped_by="the database's own question of as whom an officer acts",
    noticed_by="-",
)
@pytest.mark.parametrize(
    "who",
    [
        lambda _: None,
        lambda _: STRANGER,
        lambda _: TOTALS,
        _lead_of_no_totals,
    ],
    ids=["nobody", "a stranger", "an officer by the name of the right", "who sees every case"],
)
def test_whoever_is_told_no_totals_gets_no_row(
    bench: Bench, who: Callable[[Bench], UUID | None]
) -> None:
    """No zero and no error either: not even how many tables there are."""
    assert bench.told(who(bench)) == []


@attack(
    "totals asked for after the post or the key has ended, before any view knows",
    stopped_by="what has ended, which the writer says at once",
    noticed_by="-",
)
@pytest.mark.parametrize("what", ["*", KID])
def test_what_ended_tells_no_totals_at_once(bench: Bench, what: str) -> None:
    """The writer says so before its answer goes out; the rows are still there."""
    assert bench.told(OVERSEER)
    with bench.login("writer") as writer:
        writer.execute("SELECT sec.end(%s, %s, 5)", [OVERSEER, what])
    assert bench.told(OVERSEER) == []


def test_a_term_that_is_over_tells_no_totals(bench: Bench) -> None:
    """By the ledger's time, whoever has folded what."""
    bench.empty()
    bench.member(OVERSEER, TOTALS, until=RealClock().now() - timedelta(seconds=1))
    assert bench.told(OVERSEER) == []


def test_an_audience_that_stopped_tells_no_totals(bench: Bench) -> None:
    """As no case is shown, so none is counted (access.md G18)."""
    bench.audience(error="stopped")
    assert bench.told(OVERSEER) == []


def test_who_is_shut_out_of_a_case_is_told_totals_with_it(bench: Bench) -> None:
    """One case more or less in a total tells nothing of it; what else it took part in stays so."""
    bench.takes_part(OVERSEER, 0)
    before = bench.told(OVERSEER)
    with bench.login("writer") as writer:
        writer.execute(
            "SELECT sec.exclude(%s, %s, %s, 'infinity', 5)",
            [uuid5(AGENCY, "0"), OVERSEER, ACT],
        )
    assert bench.told(OVERSEER, "SELECT stream FROM proj.counted") == []
    assert sorted(map(str, bench.told(OVERSEER))) == sorted(map(str, before))


@attack(
    "a small cell of all cases by SQL: asked for as it is, by other spans, over what is counted",
    stopped_by="cells are hidden in the database; a calendar year is all that may be asked for",
    noticed_by="-",
)
def test_no_small_cell_is_told_by_sql(bench: Bench) -> None:
    """The overseer's ticket in other hands: nothing else counts what its officer does not see."""
    told = bench.told(OVERSEER)
    counts = [n for row in told for n in row[2:4] if n is not None]
    assert all(isinstance(n, int) and (n == 0 or n >= SMALLEST) for n in counts)
    assert {row[1]: row[2] for row in told if row[0] == "agency"} == {
        "bacninh.stttt": None,
        "bacninh.h-g": None,
    }
    with bench.login("auditor") as auditor:
        given = auditor.execute(
            "SELECT p.proname, pg_get_function_identity_arguments(p.oid) FROM pg_proc p"
            " WHERE p.pronamespace = 'proj'::regnamespace AND p.prosecdef"
        ).fetchall()
    assert given == [("totals", "_year integer")]
    figures = "SELECT sum(n) FROM proj.figures('2024-01-01', '2024-12-31', now(), '2024-12-31')"
    assert bench.told(OVERSEER, figures) == [(0,)]


@attack(
    "a function in the reader's own search path in the place of one that totals call",
    stopped_by="a pinned search path, and no schema in which the reader makes anything",
    noticed_by="-",
)
def test_the_readers_search_path_is_not_asked(bench: Bench) -> None:
    """What runs as the owner of the views runs what the owner meant."""
    with bench.asking(OVERSEER) as connection:
        for schema in ("public", "pg_temp", "proj", "sec", "log"):
            with (
                pytest.raises(psycopg.errors.InsufficientPrivilege),
                connection.transaction(),
            ):
                connection.execute(
                    f"CREATE FUNCTION {schema}.make_date(int, int, int) RETURNS date"
                    " LANGUAGE sql AS 'SELECT NULL::date'".encode()
                )
        before = connection.execute(ALL).fetchall()
        connection.execute("SET LOCAL search_path = proj, public")
        assert sorted(map(str, connection.execute(ALL).fetchall())) == sorted(map(str, before))


def _cases(days: int | None = 10, **by_outcome: int) -> list[Counted]:
    return [
        Counted(date(YEAR, 3, 1), "bacninh.stttt", "PHONE", outcome, "CLOSED", days)
        for outcome, number in by_outcome.items()
        for _ in range(number)
    ]


@pytest.mark.parametrize(
    ("cases", "outcomes", "medians"),
    [
        (_cases(A=1, B=1, C=1, D=1), {}, {}),
        (_cases(A=1, B=1, C=1), {"A": None, "B": None, "C": None}, {}),
        (_cases(A=6, B=2, C=20), {"A": None, "B": None, "C": 20}, {"C": 10}),
        (_cases(A=5) + _cases(None, A=9, B=5) + _cases(B=4), {"A": 14, "B": 9}, {"A": 10}),
    ],
    ids=["four of one each", "three of one each", "beside a small one", "few with a result"],
)
def test_a_cell_and_its_median_are_hidden_together(
    bench: Bench,
    cases: list[Counted],
    outcomes: dict[str, int | None],
    medians: dict[str, int],
) -> None:
    """Four of one each are not even named; a median is of five or more, in a cell that shows."""
    bench.fill(cases)
    shown = bench.totals()
    assert {cell.key: cell.count for cell in shown.volumes["outcome"]} == outcomes
    assert shown.median_days == medians
    assert shown == bench.everything()


@pytest.mark.parametrize(("age", "old"), [(90, 0), (91, 5)])
def test_an_old_case_is_of_the_age_that_the_figure_names(bench: Bench, age: int, old: int) -> None:
    """As the plain figures have it, whichever year is asked for."""
    opened = (NOW - timedelta(days=age)).date()
    bench.fill([Counted(opened, "bacninh.stttt", "PHONE", None, "VERIFYING", None)] * 5)
    shown = bench.totals()
    assert {one.code: one.count for one in shown.figures}["OLD_CASES"] == old
    assert shown == bench.everything()


CASES: Final = st.lists(
    st.builds(
        Counted,
        st.dates(date(YEAR - 1, 11, 1), date(YEAR + 1, 2, 1)),
        st.sampled_from(["bacninh.stttt", "bacninh.h-g", "bacninh.syt", None]),
        st.sampled_from(["PHONE", "LETTER", None]),
        st.sampled_from(["HANDLED_REMOVED", "NO_VIOLATION", None, None]),
        st.sampled_from(["CLOSED", "VERIFYING", None]),
        st.one_of(st.none(), st.integers(0, 90)),
        st.lists(
            st.tuples(
                st.sampled_from(
                    ["CORRECTION", "OVERTURNED", "REFERRAL_RETURNED", "REFERRAL_NOT_ACCEPTED"]
                ),
                st.sampled_from(["24/2018/QH14 16", "15/2020/NĐ-CP 101", None]),
            ),
            max_size=3,
        ).map(tuple),
        st.lists(
            st.sampled_from(["ContentWithdrawn", "ReporterIdentityDisclosed", "CaseClosed"]),
            max_size=2,
        ).map(tuple),
    ),
    max_size=70,
)


@settings(max_examples=examples(20))
@given(CASES)
def test_the_database_hides_what_the_program_hides(counting: Bench, cases: list[Counted]) -> None:
    """Two ways to the same tables: cells hidden by `proj.totals`, and by `view.suppress`."""
    counting.empty()
    counting.fill(cases)
    counting.member(OVERSEER, TOTALS)
    assert counting.totals() == counting.everything()
