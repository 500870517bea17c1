"""What an inspector asks, answered from the views of played scenarios."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import psycopg
import pytest

from keys.canonical import b64
from ledger.errors import NotFound
from ledger.ports import Grounds
from ledger.regulation.registry.registry import Registry
from projections.checks.rebuild_comparison import compare
from projections.engine import generations
from projections.queries import limits
from projections.queries import registry_as_of as registries
from projections.queries.cases import stored_case_file
from projections.queries.guard_lookups import Connecting, LogCases
from projections.queries.limits import TooMuch
from projections.queries.past import as_of, diff
from projections.queries.past.as_of import BeforeCase, InFuture
from projections.queries.past.case_at import folded_from
from projections.queries.row_evidence import RowEvidence
from projections.views import acts
from projections.views.all_views import VIEWS
from tests import builders
from tests.a_ledger import ALedger, in_postgres
from tests.builders import a_case_in
from tests.fixtures.postgres import Database
from tests.fixtures.projected import Case, made, reader_of, step_of
from tests.memory_log import ORIGIN, VN, Person, an_empty_log
from tests.played_log import PlayedLog, played

pytestmark = pytest.mark.postgres


# -- the file, now and then ---------------------------------------------------------------------


def test_the_case_as_of_an_index_knows_nothing_later(sc1: Case) -> None:
    """What did the file say when the finding was signed?"""
    n = step_of(sc1, "VerificationConcluded")
    index = sc1.index_of(n)
    newest, file = sc1.queries.past.file(sc1.stream, index, sc1.now)
    assert newest == index
    assert (file["state"], file["outcome"]) == ("ASSESSING", None)
    _, before = sc1.queries.past.file(sc1.stream, index - 1, sc1.now)
    assert before["state"] == "VERIFYING"
    now = sc1.file(sc1.now)
    assert now["state"] == "CLOSED"


def test_both_clocks_differ_by_late_entries(sc1: Case) -> None:
    """What the ledger knew at a moment, and what had happened by then, are two questions."""
    entries = sc1.played.player.streams[sc1.stream].effective()
    late = next(e for e in entries if len(e.act.signers) > 1)
    between = late.act.occurred_at + timedelta(seconds=30)
    _, recorded = sc1.queries.past.file(sc1.stream, between, sc1.now)
    _, occurred = sc1.queries.past.file(sc1.stream, between, sc1.now, "occurred")
    assert (
        occurred["statements"] != recorded["statements"] or occurred["state"] != recorded["state"]
    )


def test_a_moment_before_the_case_or_in_the_future_is_said(sc1: Case) -> None:
    """No empty file that looks like an answer."""
    with pytest.raises(BeforeCase):
        sc1.queries.past.file(sc1.stream, 0, sc1.now)
    with pytest.raises(BeforeCase):
        sc1.queries.past.file(sc1.stream, sc1.at(1) - timedelta(days=1), sc1.now)
    with pytest.raises(BeforeCase):
        sc1.queries.past.file(sc1.stream, sc1.at(1) - timedelta(days=1), sc1.now, "occurred")
    with pytest.raises(InFuture):
        sc1.queries.past.file(sc1.stream, 10_000, sc1.now)
    with pytest.raises(InFuture):
        sc1.queries.past.file(sc1.stream, sc1.now + timedelta(days=1), sc1.now)
    with pytest.raises(NotFound):
        sc1.queries.case.file("case/00000000-0000-4000-8000-000000000000", sc1.now)


def test_time_alone_changes_the_file_where_a_clock_runs_out(sc1: Case) -> None:
    """A stored row is never shown past the moment from which it is wrong."""
    today = sc1.file(sc1.now)
    later = sc1.now + timedelta(days=400)
    then = sc1.file(later)
    status = {c["code"]: c["status"] for c in today["clocks"]}
    aged = {c["code"]: c["status"] for c in then["clocks"]}
    assert status != aged
    assert "OVERDUE" in aged.values() or "ENDED" in aged.values()
    with sc1.reading() as connection:
        row = stored_case_file.stored(connection, sc1.stream)
    assert row is not None
    known = sc1.queries.registries.at()
    assert not row.right(later, known)
    assert row.right(sc1.now - timedelta(hours=1), known)
    assert not row.right(sc1.now - timedelta(hours=1), replace(known, renamed=row.last_index + 1))


def test_a_succession_after_the_last_act_is_read_at_once(sc1: Case) -> None:
    """The registry moves on without the case; a reader that knew both is not caught asleep."""
    before = sc1.file(sc1.now)
    with sc1.reading() as connection:
        first = stored_case_file.stored(connection, sc1.stream)
    assert first is not None
    log, agency, at = sc1.played.log, before["handler"]["agency"], len(sc1.played.log.rows)
    checker, keeper = sc1.played.hire(("ubcv", "PERSONNEL_OFFICER"), ("ct", "SUPERVISOR"))
    founder = sc1.played.player.cast["_founder"]
    three = [Person(founder.officer, founder.key, founder.post), checker, keeper]
    effective = log.clock.astimezone(VN).date() - timedelta(days=30)
    held = sc1.played.player.registry.agencies.holdings(agency)
    rows = [
        {
            "function": h.function,
            "territory": h.territory,
            "from_agency": agency,
            "to_agency": "bacninh.svhttdl",
            "assumed": False,
        }
        for h in held
    ]
    facts = {
        "kind": "ABSORB",
        "effective_on": effective.isoformat(),
        "predecessors": [agency],
        "successors": ["bacninh.svhttdl"],
        "basis_document": "2/QĐ",
        "assumed": False,
        "map": rows,
    }
    signers = [
        {"officer": one.uuid, "post": one.post, "role": role}
        for one, role in zip(three, ("AUTHOR", "CHECKER", "APPROVER"), strict=True)
    ]
    members = log.act(
        "AgencySuccessionRecorded", "programme/2024", three[0], facts=facts, signers=signers
    )
    for one, signer in zip(three, members["signers"], strict=True):
        log.sign(members, one, signer["role"])
    last = len(log.rows) - 1
    sc1.played.fill(sc1.database.admin, start=at)
    sc1.project()
    with sc1.reading() as connection:
        second = stored_case_file.stored(connection, sc1.stream)
    assert second is not None
    assert (second.body, second.registry) == (first.body, last)
    assert (agency, sc1.file(sc1.now)["handler"]["agency"]) == ("bacninh.stttt", "bacninh.svhttdl")


# -- what changed, and why -----------------------------------------------------------------------


def test_difference_of_two_moments_names_the_acts_of_each_change(sc1: Case) -> None:
    """Old, new, and by which act."""
    first = sc1.index_of(step_of(sc1, "HandlingDecided"))
    last = sc1.index_of(step_of(sc1, "CaseClosed"))
    earlier, later, changed = sc1.queries.past.diff(sc1.stream, first, last, sc1.now)
    assert (earlier.index, later.index) == (first, last)
    by_pointer = {c.pointer: c for c in changed}
    state = by_pointer["/state"]
    assert (state.old, state.new) == ("HANDLING", "CLOSED")
    assert [a["act"] for a in state.acts] == ["ResultDetermined", "CaseClosed"]
    outcome = by_pointer["/outcome"]
    assert (outcome.old, outcome.new) == (None, "HANDLED_REMOVED")
    assert [a["act"] for a in outcome.acts] == ["ResultDetermined"]
    assert sc1.queries.past.diff(sc1.stream, last, last, sc1.now)[2] == []


def test_why_a_field_has_its_value_is_a_chain_of_acts(sc1: Case) -> None:
    """From the first value to the last, each with who signed."""
    chain = sc1.queries.past.history(sc1.stream, "/state", sc1.now)
    assert [c.new for c in chain] == [
        "RECEIVED", "SCREENING", "VERIFYING", "ASSESSING", "HANDLING", "RESULT_RECORDED", "CLOSED",
    ]  # fmt: skip
    assert all(c.acts[0]["officer"] for c in chain)
    assert [c.old for c in chain[1:]] == [c.new for c in chain[:-1]]
    with pytest.raises(NotFound):
        sc1.queries.past.history(sc1.stream, "/nothing/here", sc1.now)


def test_a_field_without_a_value_yet_is_there_and_has_no_history(sc1: Case) -> None:
    """Why has this case no outcome? Because no act gave it one: an answer, not a wrong address."""
    early = sc1.index_of(step_of(sc1, "HandlingDecided"))
    assert sc1.queries.past.history(sc1.stream, "/outcome", sc1.now, moment=early) == []
    with pytest.raises(NotFound):
        sc1.queries.past.history(sc1.stream, "/outcome/vi", sc1.now, moment=early)


def test_the_act_of_a_change_has_its_time_as_signed(sc1: Case) -> None:
    """http.md: an act's own times as signed, whatever offset its signer wrote."""
    with sc1.reading() as connection:
        first, *others = acts.stream_rows(connection, sc1.stream)
        reports = as_of.reports_for(connection, [first])
    assert first.payload is not None
    signed = first.payload.replace(b"2024-06-04T08:12:00+07:00", b"2024-06-04T01:12:00+00:00")
    rows = [replace(first, payload=signed), *others]
    known = sc1.queries.registries.at()
    folded = folded_from(sc1.stream, rows, known.registry, sc1.now, reports)
    (received, *_) = diff.of_field(folded, "/state")
    assert received.acts[0]["occurred_at"] == "2024-06-04T01:12:00+00:00"


def test_who_decided_and_on_what_basis(sc1: Case) -> None:
    """The acts behind the state name their grounds."""
    decided = sc1.queries.past.history(sc1.stream, "/state", sc1.now)[4].acts[0]
    statements = sc1.queries.acts.told(decided["act_id"], sc1.now).statements
    members = statements[0].row.members
    assert {b["role"] for b in members["basis"]} >= {"COMPETENCE", "SUBSTANCE"}
    assert statements[0].row.role == "AUTHOR"
    assert len({s.row.officer for s in statements}) == len(statements)


def _long_case(database: Database, statements: int) -> tuple[Case, str]:
    """A case whose reporter is told again and again, and its name."""
    a = ALedger(in_postgres(database))
    a.found()
    a.clock.step(seconds=1)
    a.hire("hotline", "cv", "gd")
    story = a_case_in("VERIFYING", start=a.clock.now().astimezone(VN))
    for _ in range(statements):
        story.now -= timedelta(minutes=9)
        story.then("ReporterInformed", facts={"reporter": None})
    by = {builders.officer(alias): alias for alias in ("hotline", "cv", "gd")}
    every = [signed for entry in story.stream.entries.values() for signed in entry.signed]
    head: tuple[int, str | None] = (1, None)
    for one in sorted(every, key=lambda signed: signed.seq):
        a.clock.set(max(a.clock.now(), datetime.fromtimestamp(one.iat, UTC)))
        statement = a.sign(one.act, by[one.officer], role=one.role, head=head)
        a.send(statement)
        head = (one.seq + 1, statement.digest_b64)
    log = PlayedLog(an_empty_log(), [])
    log.log.kek = a.keys.kek
    case = Case(database, log, reader_of(database, log), "", a.clock.now())
    case.project()
    return case, story.stream.name


def test_a_case_of_a_thousand_statements_is_long() -> None:
    """The limits as they are; how they work is the next test, with small ones."""
    assert sum(range(920)) > limits.RENDERED > sum(range(820, 920))
    assert 30 * 920 > limits.JUDGED > 2 * 920


@pytest.mark.slow
@pytest.mark.parametrize("statements", [40, pytest.param(100, marks=pytest.mark.drill)])
def test_a_long_case_is_no_way_to_keep_the_server_busy(
    database: Database, monkeypatch: pytest.MonkeyPatch, statements: int
) -> None:
    """A walk through every file of it is refused; a part of it is answered."""
    monkeypatch.setattr("projections.queries.limits.RENDERED", statements * (statements - 10) // 2)
    monkeypatch.setattr("projections.queries.limits.JUDGED", 10 * statements)
    case, stream = _long_case(database, statements)
    with case.reading() as connection:
        rows = acts.stream_rows(connection, stream)
    now, last = rows[-1].recorded_at + timedelta(hours=1), rows[-1].index
    assert len(rows) >= statements
    for asked in (
        lambda: case.queries.past.history(stream, "/state", now),
        lambda: case.queries.past.diff(stream, 0, last, now),
    ):
        with pytest.raises(TooMuch):
            asked()
    assert case.queries.past.diff(stream, last - 10, last, now)[1].index == last
    assert case.queries.past.history(stream, "/state", now, moment=rows[statements // 2].index)
    many = [stream] * 30
    with pytest.raises(TooMuch):
        list(case.queries.verifications.of_each(many))
    assert len(list(case.queries.verifications.of_each(many[:2]))) == 2


# -- counts, feed, registry ----------------------------------------------------------------------


def test_statistics_put_oversight_first_and_hide_small_cells(sc1: Case) -> None:
    """One case is a small cell: its figures are hidden unless they are one's own."""
    year = date(2024, 1, 1), date(2024, 12, 31)
    _, own = sc1.queries.figures.statistics(*year, sc1.now, smallest=1)
    assert own.figures[0].code == "CORRECTIONS"
    assert own.total == 1
    assert {c.key: c.count for c in own.volumes["outcome"]} == {"HANDLED_REMOVED": 1}
    _, shown = sc1.queries.figures.statistics(*year, sc1.now)
    assert shown.total is None
    assert all(c.count is None for c in shown.volumes["outcome"])
    assert shown.median_days == {}


def test_a_case_with_two_marks_of_one_figure_is_one_case(sc1: Case) -> None:
    """A referral sent back and another that waits: two acts, and still one case."""
    with psycopg.connect(sc1.database.admin) as connection:
        connection.execute(
            "INSERT INTO proj.marks (gen, stream, comp, n, code, act_id, on_day, agency)"
            " SELECT c.gen, c.stream, c.comp, 900 + m.n, m.code, gen_random_uuid(), c.opened_on,"
            " c.agency"
            " FROM proj.counted c,"
            " (VALUES (1, 'REFERRAL_RETURNED'), (2, 'REFERRAL_NOT_ACCEPTED')) m (n, code)"
        )
    year = date(2024, 1, 1), date(2024, 12, 31)
    _, told = sc1.queries.figures.statistics(*year, sc1.now, smallest=1)
    (figure,) = (one for one in told.figures if one.code == "REFERRAL_NOT_ACCEPTED")
    assert (figure.count, figure.cases) == (2, 1)


def test_feed_goes_on_behind_an_index_without_content(sc1: Case) -> None:
    """A system that keeps the last index misses nothing and learns no content."""
    seen: list[str] = []
    after = -1
    while True:
        _, last, events = sc1.queries.feed.after(after, 7)
        if last == after:
            break
        seen += [e["id"] for e in events]
        after = last
    assert seen == [str(n) for n in range(len(sc1.played.log.rows))]
    assert "facts" not in str(sc1.queries.feed.after(20, 1)[2])


def test_registry_as_of_knows_only_what_was_enrolled(sc1: Case) -> None:
    """Keys and officers over time, by index and by recorded time."""
    now = sc1.queries.registries.at()
    before = sc1.queries.registries.at(2)
    assert len(list(registries.keys(now.registry, sc1.now))) > len(
        list(registries.keys(before.registry, sc1.now))
    )
    last = [row for row in sc1.played.stored() if row.registry][-1]
    just = timedelta(milliseconds=1)
    assert sc1.queries.registries.at(last.recorded_at).registry.version == last.index
    assert sc1.queries.registries.at(last.recorded_at - just).registry.version < last.index
    day = sc1.at(1).date()
    agencies = {a["agency"]: a for a in registries.agencies(now.registry, day)}
    assert "LEAD" in agencies["bacninh.stttt"]["functions"]
    known = registries.agencies(now.registry, date(2025, 3, 5))
    (later,) = (a for a in known if a["agency"] == "bacninh.stttt")
    assert not later["exists"]
    assert "đến 28/02/2025" in later["label"]


def test_a_token_that_may_be_presumed_new_is_not_looked_for() -> None:
    """The append is told of it and says otherwise; whoever judges knows that nobody looked."""
    connecting = cast("Connecting", None)
    evidence = cast("RowEvidence", None)
    cases = LogCases(connecting, evidence, Registry.founded).asking(presuming=True)
    assert not cases.presumed
    assert not cases.token_elsewhere("sealed:92e1e431-9c59-4ec3-ac6c-8b0a9aa55c3f", "case/other")
    assert cases.presumed


def test_guards_are_answered_from_the_log(sc1: Case) -> None:
    """The write path asks of other cases what stands, and each answer says how far it knew."""
    cases = sc1.cases()
    assert cases.grounds == Grounds()
    assert cases.state(sc1.stream) == "CLOSED"
    assert cases.state("case/00000000-0000-4000-8000-000000000000") is None
    sealed = "sealed:92e1e431-9c59-4ec3-ac6c-8b0a9aa55c3f"
    assert cases.token_elsewhere(sealed, "case/other")
    assert not cases.token_elsewhere(sealed, sc1.stream)
    assert not cases.token_elsewhere("sealed:00000000-0000-4000-8000-000000000000", "case/other")
    assert not cases.presumed
    row = sc1.played.log.rows[sc1.index_of(1)]
    assert cases.record(row.at, b64(row.entry)) == sc1.stream
    assert cases.record(row.at - 1, b64(row.entry)) is None
    assert cases.record(row.at, "nonsense!") is None
    assert cases.record(2**52, b64(row.entry)) is None
    assert set(cases.signers(sc1.stream)) == {
        o for e in sc1.played.player.streams[sc1.stream].effective() for o in e.signed_by()
    }
    assert cases.reports() == []
    assert cases.running(sc1.stream, sc1.now) == ["COMPLAINT_LODGE"]
    assert cases.running(sc1.stream, sc1.now + timedelta(days=400)) == []
    statements = sc1.played.player.streams[sc1.stream].seq
    assert cases.grounds == Grounds(
        streams={sc1.stream: statements, "case/00000000-0000-4000-8000-000000000000": 0},
        programmes=len(sc1.played.log.rows) - 1,
    )


def test_a_report_that_no_view_knows_yet_is_known_to_guards(database: Database) -> None:
    """However far behind the views are: what an act is judged by stands in the log."""
    case = made(database, played("SC10"))
    said = case.cases().reports()
    assert said
    for position in (said[0].index, said[0].index - 1, -1):
        with case.writing() as connection:
            connection.execute(
                "UPDATE proj.views SET position = %s WHERE view = 'acts'", [position]
            )
            connection.execute("DELETE FROM proj.acts WHERE index > %s", [position])
        late = case.cases()
        assert late.reports() == said
        assert late.grounds.programmes == len(case.played.log.rows) - 1


def test_reports_are_known_to_guards_and_folds(database: Database) -> None:
    """SC10 submits one: the views and a fold begun again come to the same."""
    case = made(database, played("SC10"))
    reports = case.cases().reports()
    assert reports
    assert [r.act_id for r in reports] == [r.act_id for r in case.played.player.reports()]
    records, reader = case.reading_log()
    with case.writing() as connection:
        assert compare(connection, records, reader, origin=ORIGIN) == []


# -- erasure -------------------------------------------------------------------------------------


def test_erasure_takes_the_content_out_of_every_view_and_a_rebuild_agrees(
    database: Database,
) -> None:
    """The act that erases is folded like any other; what it names is gone from what is read."""
    log = played("SC1")
    player = log.player
    stream = player.cases["C1"]
    at = next(
        i
        for i, s in enumerate(log.log.statements)
        if s.members["stream"] == stream and s.members["act"] == "ReporterIdentitySealed"
    )
    log.erase(at)
    case = made(database, log)
    _, verification = case.queries.verifications.of(stream)
    erased = [s for s in verification.statements if s.verdict == "ERASED"]
    assert [s.row.index for s in erased] == [at]
    assert erased[0].row.erased_by is not None
    assert verification.outcome == "NOT_CONCLUDED"
    file = case.file(case.now)
    assert file["state"] == "CLOSED"
    assert file["acts"] == len(player.streams[stream].entries) - 1
    # The keeper destroys the key; a rebuild reads what is left.
    with psycopg.connect(database.admin) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM log.wraps WHERE index = %s", [at])
    with case.writing() as connection:
        for view in VIEWS:
            generations.ask_rebuild(connection, view.name, 0)
    case.project()
    again = case.file(case.now)
    assert again == file
    assert [s.verdict for s in case.queries.verifications.of(stream)[1].statements] == [
        s.verdict for s in verification.statements
    ]


@pytest.mark.parametrize(
    "act", ["CaseRegistered", pytest.param("CompetenceDetermined", marks=pytest.mark.soak)]
)
def test_erasing_what_moved_a_case_is_no_damage_and_sets_nothing_aside(
    database: Database, act: str
) -> None:
    """What stands behind it hangs on a state that nobody knows any more, and stood all the same."""
    log = played("SC1")
    stream = log.player.cases["C1"]
    at = next(
        i
        for i, s in enumerate(log.log.statements)
        if s.members["stream"] == stream and s.members["act"] == act
    )
    log.erase(at)
    case = made(database, log)
    with psycopg.connect(database.admin) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM log.wraps WHERE index = %s", [at])
    records, reader = case.reading_log()
    with case.writing() as connection:
        assert compare(connection, records, reader, origin=ORIGIN) == []
        before = "UPDATE proj.acts SET state_after = 'MERGED' WHERE index < %s AND stream = %s"
        behind = "UPDATE proj.acts SET status = 'returned' WHERE index > %s + 1 AND stream = %s"
        gone = "UPDATE proj.acts SET officer = 'nobody' WHERE index = %s AND stream = %s"
        for harm, word in ((before, '"MERGED"'), (behind, '"returned"'), (gone, '"nobody"')):
            assert connection.execute(harm, [at, stream]).rowcount
            found = compare(connection, records, reader, origin=ORIGIN)
            assert any(word in d.row for d in found if d.where == "extra"), harm
        generations.ask_rebuild(connection, "acts", 0)
    case.project()
    with case.writing() as connection:
        assert acts.set_aside(connection) == []
        assert compare(connection, records, reader, origin=ORIGIN) == []


def test_what_was_done_upon_what_is_erased_is_held_against_nobody(database: Database) -> None:
    """regulation.md §7 G13: a rebuild raises no flag that was not, and the audit stays content.

    The finding goes by which measures were taken, and the act that closed the case.
    """
    log = played("SC1")
    stream, gone = log.player.cases["C1"], ("VerificationConcluded", "CaseClosed")
    said = [s.members for s in log.log.statements]
    at = [i for i, m in enumerate(said) if m["stream"] == stream and m["act"] in gone]
    rows = log.log.rows
    log.erase(at[0], entries=[{"index": i, "entry": b64(rows[i].entry)} for i in at])
    case = made(database, log)
    told = case.file(case.now)
    assert "MEASURE_BEFORE_VERIFICATION" not in {flag["code"] for flag in told["flags"]}
    with psycopg.connect(database.admin) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM log.wraps WHERE index = ANY (%s)", [at])
    records, reader = case.reading_log()
    with case.writing() as connection:
        assert compare(connection, records, reader, origin=ORIGIN) == []
        for view in VIEWS:
            generations.ask_rebuild(connection, view.name, 0)
    case.project()
    assert case.file(case.now)["flags"] == told["flags"]
    with case.writing() as connection:
        assert compare(connection, records, reader, origin=ORIGIN) == []
        counted = connection.execute("SELECT code FROM proj.marks").fetchall()
    assert ("MEASURE_BEFORE_VERIFICATION",) not in counted


def test_what_was_told_of_flags_in_time_is_no_damage_once_it_cannot_be_told(
    database: Database,
) -> None:
    """regulation.md §7 G13: the report is erased, and flags were raised behind it before that."""
    log = played("SC4")
    stream = log.player.cases["C1"]
    at = next(i for i, s in enumerate(log.log.statements) if s.members["stream"] == stream)
    log.erase(at)
    case, counted = made(database, log), "SELECT code FROM proj.marks WHERE code = ANY (%s)"
    flags = ["BASIS_MISSING", "MEASURE_BEFORE_VERIFICATION"]
    with psycopg.connect(database.admin) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM log.wraps WHERE index = %s", [at])
    records, reader = case.reading_log()
    with case.writing() as connection:
        assert len(connection.execute(counted, [flags]).fetchall()) == len(flags)
        assert compare(connection, records, reader, origin=ORIGIN) == []
        for view in VIEWS:
            generations.ask_rebuild(connection, view.name, 0)
    case.project()
    with case.writing() as connection:
        assert connection.execute(counted, [flags]).fetchall() == []
        assert compare(connection, records, reader, origin=ORIGIN) == []


def test_one_agencys_statistics_tell_nothing_that_all_agencies_hide(sc1: Case) -> None:
    """Two cells are hidden since the total would tell one: nor does asking for the other alone."""
    with sc1.writing() as connection:
        gen = next(s.gen for s in generations.states(connection) if s.view == "statistics")
        for agency, number in (("bacninh.syt", 2), ("bacninh.sgddt", 6), ("bacninh.ca", 30)):
            for n in range(number):
                connection.execute(
                    "INSERT INTO proj.counted (gen, stream, comp, opened_on, channel, agency, acts)"
                    " VALUES (%s, %s, gen_random_uuid(), '2023-05-02', 'PHONE', %s, 1)",
                    [gen, f"case/{agency}/{n}", agency],
                )
                connection.execute(
                    "INSERT INTO proj.marks (gen, stream, comp, n, code, act_id, on_day, agency)"
                    " VALUES (%s, %s, gen_random_uuid(), 0, 'CORRECTION', gen_random_uuid(),"
                    " '2023-05-02', %s)",
                    [gen, f"case/{agency}/{n}", agency],
                )
    span = (date(2023, 5, 1), date(2023, 5, 31), sc1.now)

    def asked(agency: str | None) -> tuple[int | None, int | None, Any, Any]:
        tables = sc1.queries.figures.statistics(*span, agency=agency)[1]
        cells = {c.key: c.count for c in tables.volumes["agency"]}
        channels = {c.key: c.count for c in tables.volumes["channel"]}
        return tables.total, tables.figures[0].count, cells, channels

    total, corrections, cells, _ = asked(None)
    assert (total, corrections) == (38, 38)
    assert cells == {"bacninh.syt": None, "bacninh.sgddt": None, "bacninh.ca": 30}
    assert asked("bacninh.ca") == (30, 30, {"bacninh.ca": 30}, {"PHONE": 30})
    for agency in ("bacninh.syt", "bacninh.sgddt"):
        assert asked(agency) == (None, None, {}, {})
