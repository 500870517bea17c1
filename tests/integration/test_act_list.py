"""Acts across cases: what each filter finds, pages, and what a listing shows of its snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import psycopg
import pytest

from api.ops.embedded_postgres import Embedded
from projections.views.act_list import ActFilter, ActLine
from projections.views.case_file import Filter
from projections.views.statistics.behind import Behind
from tests.fixtures.postgres import Database, make_database
from tests.fixtures.projected import Case, made
from tests.played_log import played

pytestmark = pytest.mark.postgres

CLOCKS = ("recorded", "occurred")


def listed(
    case: Case,
    wanted: ActFilter,
    *,
    limit: int = 200,
    after: tuple[str, int] | None = None,
    snapshot: int | None = None,
) -> list[ActLine]:
    """A page."""
    return case.queries.acts.across(wanted, limit=limit, after=after, snapshot=snapshot)[1]


@pytest.fixture(scope="module")
def sc2(postgres_server: Embedded) -> Iterator[Case]:
    """SC2: flags, a late entry, acts of several agencies; nothing in it is written."""
    database = make_database(postgres_server)
    yield made(database, played("SC2"))
    database.close()


def test_a_measure_without_a_finding_is_listed_while_it_holds(
    sc2: Case, database: Database
) -> None:
    """SC2 before anything was found: until its end its act, and its case; behind it the lapse."""
    measure = sc2.entry(2)
    assert measure.effect is not None
    assert measure.effect.index is not None
    case = made(database, played("SC2"), end=measure.effect.index + 1)
    ends = datetime.fromisoformat(measure.act.facts["review_at"])
    holds, lapsed = "MEASURE_NO_FINDING", "MEASURE_LAPSED"
    day = measure.act.day
    for at, figure in ((ends, holds), (ends + timedelta(seconds=1), lapsed)):
        for one in (holds, lapsed):
            found = listed(case, ActFilter(figure=one, at=at))
            assert [line.act_id for line in found] == [measure.act.act_id] * (one == figure)
            _, cases = case.queries.cases.page(Filter(behind=Behind(one, day, day, at)), limit=9)
            assert [line.stream for line in cases] == [case.stream] * (one == figure)
        _, told = case.queries.figures.statistics(day, day, at, smallest=1)
        counts = {one.code: one.count for one in told.figures if one.code in (holds, lapsed)}
        assert counts == {holds: int(figure == holds), lapsed: int(figure == lapsed)}
    with psycopg.connect(case.database.admin) as connection:
        connection.execute(
            "UPDATE proj.acts SET payload = convert_to(replace(convert_from(payload, 'UTF8'),"
            ' \'"precision":"minute"\', \'"precision":"day"\'), \'UTF8\') WHERE act_id = %s',
            [measure.act.act_id],
        )
    lines = listed(case, ActFilter())
    assert {line.act_id for line in lines if line.precision == "day"} == {measure.act.act_id}
    assert {line.precision for line in lines} == {"day", "minute"}
    for moment in (ends, sc2.now):  # the whole of SC2: it was found out, and lifted
        assert listed(sc2, ActFilter(figure=holds, at=moment)) == []


def test_every_act_of_a_case_is_a_line_however_many_signed_it(sc2: Case) -> None:
    """One line an act, newest first on either clock, called by case and place."""
    entries = sc2.played.player.streams[sc2.stream].entries
    for clock in CLOCKS:
        lines = listed(sc2, ActFilter(clock=clock))
        assert {line.act_id for line in lines} == set(entries)
        assert len(lines) == len(entries)
        keys = [(getattr(line, f"{clock}_at"), line.index) for line in lines]
        assert keys == sorted(keys, reverse=True)
    by_recorded = [line.act_id for line in listed(sc2, ActFilter())]
    assert by_recorded != [line.act_id for line in listed(sc2, ActFilter(clock="occurred"))]
    assert {line.case_number for line in lines} == {sc2.file(sc2.now)["case_number"]}


def test_each_filter_finds_what_the_acts_say(sc2: Case) -> None:
    """Held against the fold: no filter finds more, none less."""
    stream = sc2.played.player.streams[sc2.stream]
    lines = listed(sc2, ActFilter())
    flags = {flag for line in lines for flag in line.flags}
    agencies = {line.agency for line in lines}
    assert flags
    assert len(agencies) > 1
    asked: list[tuple[ActFilter, Callable[[ActLine], object]]] = [
        *((ActFilter(agency=one), lambda line, one=one: line.agency == one) for one in agencies),
        *(
            (ActFilter(act=one), lambda line, one=one: line.act == one)
            for one in {line.act for line in lines}
        ),
        *(
            (ActFilter(begins=one), lambda line, one=one: line.act_id.startswith(one))
            for act_id in (lines[0].act_id, lines[-1].act_id)
            for one in (act_id[:6], act_id[:8], act_id[:9], act_id[:20], act_id)
        ),
        (ActFilter(begins=lines[0].act_id[:6] + "-1"), lambda _: False),
        (ActFilter(late=True), lambda line: stream.entries[line.act_id].act.late_reason),
        (ActFilter(agency="nobody"), lambda _: False),
    ]  # fmt: skip
    for wanted, fits in asked:
        found = [line.act_id for line in listed(sc2, wanted)]
        assert found == [line.act_id for line in lines if fits(line)], wanted
    assert listed(sc2, ActFilter(late=True))
    anywhere = listed(sc2, ActFilter(begins="4"))
    assert {line.act_id for line in lines if line.act_id[0] == "4"} < {o.act_id for o in anywhere}
    assert not all(line.stream.startswith("case/") for line in anywhere), "of agencies too"
    for flag in flags:
        raised = listed(sc2, ActFilter(flag=flag))
        assert {one.act_id for one in raised} == {one.act_id for one in lines if flag in one.flags}
        assert [one.index for one in raised] == sorted((o.index for o in raised), reverse=True)
    for clock in CLOCKS:
        by = listed(sc2, ActFilter(clock=clock))
        at = [getattr(line, f"{clock}_at") for line in by]
        middle = at[len(at) // 2]
        since = listed(sc2, ActFilter(clock=clock, start=middle))
        before = listed(sc2, ActFilter(clock=clock, end=middle))
        assert since == [line for line, when in zip(by, at, strict=True) if when >= middle]
        assert before == [line for line, when in zip(by, at, strict=True) if when < middle]
        assert since
        assert before


def test_a_key_finds_every_act_that_it_signed_as_author_or_not(sc2: Case) -> None:
    """Also those that it only approved."""
    stream = sc2.played.player.streams[sc2.stream]
    signed: dict[str, set[str]] = {}
    for entry in stream.entries.values():
        for one in entry.signed:
            signed.setdefault(one.kid, set()).add(entry.act.act_id)
    assert len(signed) > 1
    for kid, acts in signed.items():
        assert {line.act_id for line in listed(sc2, ActFilter(kid=kid))} == acts


@pytest.mark.parametrize("clock", CLOCKS)
def test_pages_fit_together(sc2: Case, clock: str) -> None:
    """No line twice, none left out, in any filter."""
    for wanted in (ActFilter(clock=clock), ActFilter(clock=clock, agency="bacninh.stttt")):
        whole = listed(sc2, wanted)
        paged: list[ActLine] = []
        after = None
        while page := listed(sc2, wanted, limit=3, after=after):
            paged += page
            after = page[-1].key(clock)
        assert paged == whole
        assert len(whole) > 3


def test_a_listing_shows_how_acts_stood_at_its_snapshot(database: Database) -> None:
    """An act that was signed since is still pending there, and one of later is not there."""
    case = made(database, played("SC1"))
    with psycopg.connect(database.admin) as connection:
        signed = connection.execute(
            "SELECT act_id::text, min(index), max(index) FROM proj.acts WHERE act_id IN"
            " (SELECT act_id FROM proj.acts WHERE role = 'AUTHOR' AND status = 'pending'"
            " AND starts_with(stream, 'case/')) GROUP BY act_id ORDER BY 2"
        ).fetchall()
    assert len(signed) > 2
    pending = ActFilter(pending=True)
    for act_id, first, last in signed:
        assert last > first
        (then,) = listed(case, pending, snapshot=first)
        assert (then.act_id, then.status, then.flags) == (act_id, "pending", [])
        assert act_id not in {line.act_id for line in listed(case, ActFilter(), snapshot=first - 1)}
        after = {line.act_id: line.status for line in listed(case, ActFilter(), snapshot=last)}
        assert after[act_id] == "effective"
        assert listed(case, pending, snapshot=last) == []
    assert listed(case, replace(pending, start=case.now - timedelta(days=3650))) == []
