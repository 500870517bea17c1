"""The case list: search, filters, orders and pages, of every case."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from projections.views.case_file import SORTS, Filter
from tests.examples import shared_with_soak
from tests.fixtures.postgres import Database
from tests.fixtures.projected import Case, made
from tests.played_log import played

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize("q", ["hồ sơ", "ho so", "HO SO", "2024/0187", "0412", "gia mao"])
def test_a_case_is_found_without_tone_marks(sc1: Case, q: str) -> None:
    """`ho so` finds `hồ sơ`; numbers of cases and documents are words too."""
    _, lines = sc1.queries.cases.page(Filter(q=q), limit=10)
    assert [line.case_number for line in lines] == ["2024/0187"]


def test_filters_must_all_hold(sc1: Case) -> None:
    """A filter that does not fit leaves nothing."""
    good = Filter(
        state="CLOSED",
        agency="bacninh.stttt",
        outcome="HANDLED_REMOVED",
        act="CaseRegistered",
        flag="ORAL_UNCONFIRMED",
        opened_from=date(2024, 6, 4),
        opened_to=date(2024, 6, 4),
    )
    assert len(sc1.queries.cases.page(good, limit=5)[1]) == 1
    others: dict[str, Any] = {
        "state": "HANDLING",
        "agency": "bacninh.syt",
        "outcome": "SANCTIONED",
        "act": "ReviewOpened",
        "flag": "SAME_DECIDER",
        "opened_from": date(2024, 6, 5),
        "opened_to": date(2024, 6, 3),
        "q": "khongco",
        "due_before": sc1.at(1),
    }
    for name, value in others.items():
        assert sc1.queries.cases.page(replace(good, **{name: value}), limit=5)[1] == [], name


@pytest.mark.parametrize("scenario", ["SC1", "SC4"])
def test_a_case_is_due_when_its_worklist_says_so(database: Database, scenario: str) -> None:
    """The time to complain about a closed case is nobody's work: no agency is late with it."""
    case = made(database, played(scenario))
    with case.reading() as connection:
        row = connection.execute("SELECT min(due_at) FROM proj.tasks").fetchone()
    assert row is not None
    due = row[0]
    _, (line,) = case.queries.cases.page(Filter(), limit=5)
    assert line.due_at == due
    late = Filter(due_before=case.now + timedelta(days=3650))
    assert len(case.queries.cases.page(late, limit=5)[1]) == (due is not None)


@pytest.mark.parametrize("sort", shared_with_soak(SORTS, 2, "orders"))
def test_pages_fit_together_in_every_order(sc1: Case, sort: str) -> None:
    """Keyset paging: no line twice, none left out, also where it lacks what the order goes by.

    A case without deadline, number or first report is in every list, and `-` turns it round.
    """
    with psycopg.connect(sc1.database.admin) as connection:
        connection.execute(
            "INSERT INTO proj.case_file (gen, stream, comp, case_id, body, raised, at, changes_at,"
            " first_index, last_index, seq, state, outcome, agency, agencies, acts, flags,"
            " case_number, register_no, handler_label, opened_at, last_at, due_at, words)"
            " SELECT gen, 'case/' || id, id, id, body, raised, at, changes_at, first_index,"
            " last_index, seq, state, outcome, agency, agencies, acts, flags,"
            " CASE WHEN n % 4 > 0 THEN '2024/' || n END, register_no, handler_label,"
            " CASE WHEN n % 4 > 0 THEN opened_at + (n / 3) * interval '1 hour' END,"
            " last_at - (n / 4) * interval '1 hour',"
            " CASE WHEN n % 4 > 0 THEN last_at + (n / 5) * interval '1 hour' END, words"
            " FROM proj.case_file,"
            " (SELECT n, gen_random_uuid() AS id FROM generate_series(1, 25) n) x"
        )
    whole = [line.id for line in sc1.queries.cases.page(Filter(sort=sort), limit=200)[1]]
    paged: list[str] = []
    after = None
    while True:
        _, lines = sc1.queries.cases.page(Filter(sort=sort), limit=4, after=after)
        if not lines:
            break
        paged += [line.id for line in lines]
        after = lines[-1].key(sort)
    assert paged == whole
    assert len(whole) == 26
    round_ = sort[1:] if sort[0] == "-" else f"-{sort}"
    turned = sc1.queries.cases.page(Filter(sort=round_), limit=200)[1]
    assert [line.id for line in turned] == whole[::-1]
    assert sc1.queries.cases.page(Filter(sort=sort), limit=4, snapshot=-1)[1] == []
