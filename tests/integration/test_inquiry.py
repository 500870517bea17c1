"""What an inspector asks, answered from the views of played scenarios over the reader's login."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from typing import Any, LiteralString

import orjson
import psycopg
import pytest

from keys.canonical import b64
from ledger.errors import NotFound
from ledger.postgres.records import PostgresRecords
from ledger.reader import Reader
from ledger.regulation.stream import Entry
from projections import changes, current_file, generations, past, timeline
from projections import registry as registries
from projections.answers import ProjectedCases
from projections.case_file import SORTS, Filter
from projections.compare import compare
from projections.effort import TooMuch
from projections.folded import folded_from
from projections.inquiry import Inquiry
from projections.past import BeforeCase, InFuture
from projections.runner import Projector
from projections.verdicts import Verification, judged, verified
from projections.view import Connection
from projections.views import VIEWS
from tests.fixtures.postgres import Database
from tests.memory_log import ORIGIN, a_log
from tests.played_log import PlayedLog, played

pytestmark = pytest.mark.postgres


@dataclass
class Case:
    """A scenario, projected, and the reading side."""

    database: Database
    played: PlayedLog
    inquiry: Inquiry
    stream: str
    now: datetime

    def project(self) -> None:
        """Folds what is there."""
        projector = Projector(self.writing, *self.reading_log(), origin=ORIGIN)
        projector.catch_up()
        projector.close()

    def reading_log(self) -> tuple[PostgresRecords, Reader]:
        """Records and their reader."""
        records = PostgresRecords(self.database.pool("projector"))
        return records, Reader(records, self.played.log.kek, ORIGIN)

    def cases(self) -> ProjectedCases:
        """What guards ask."""
        return self.played.cases(PostgresRecords(self.database.pool("reader")), self.reading)

    def writing(self) -> Connection:
        """As the projector."""
        return psycopg.connect(self.database.dsn("projector"), autocommit=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """As the reader."""
        with psycopg.connect(self.database.dsn("reader"), autocommit=True) as connection:
            yield connection

    def file(self, at: datetime) -> Any:  # noqa: ANN401 - JSON
        """The case file at an instant."""
        return orjson.loads(self.inquiry.case(self.stream, at)[1])

    def at(self, n: int) -> datetime:
        """When step n of the scenario happened."""
        entry = self.entry(n)
        return entry.act.occurred_at

    def entry(self, n: int) -> Entry:
        """The act of step n."""
        act_id = self.played.player.acts[n]
        return self.played.player.streams[self.stream].entries[act_id]

    def index_of(self, n: int) -> int:
        """Index at which step n took effect."""
        with psycopg.connect(self.database.admin) as connection:
            row = connection.execute(
                "SELECT index FROM proj.acts WHERE act_id = %s AND effect",
                [self.entry(n).act.act_id],
            ).fetchone()
        assert row is not None
        return int(row[0])


def reader_of(database: Database, log: PlayedLog) -> Inquiry:
    """The reading side of a played log in a database."""

    @contextmanager
    def reading() -> Iterator[Connection]:
        with psycopg.connect(database.dsn("reader"), autocommit=True) as connection:
            yield connection

    return log.inquiry(PostgresRecords(database.pool("reader")), reading)


def made(database: Database, log: PlayedLog) -> Case:
    """A played log in a database, projected."""
    log.fill(database.admin)
    player = log.player
    assert player.now is not None
    stream = next(iter(player.cases.values()))
    inquiry = reader_of(database, log)
    case = Case(database, log, inquiry, stream, player.now + timedelta(hours=1))
    case.project()
    return case


@pytest.fixture
def sc1(database: Database) -> Case:
    """SC1."""
    return made(database, played("SC1"))


@pytest.fixture
def sc6(database: Database) -> Case:
    """SC6."""
    return made(database, played("SC6"))


def step_of(case: Case, act: str) -> int:
    """Number of the first step with this act in the scenario's case."""
    entries = case.played.player.streams[case.stream].entries
    return next(
        n for n, a in case.played.player.acts.items() if a in entries and entries[a].act.act == act
    )


# -- the file, now and then ---------------------------------------------------------------------


def test_the_case_as_of_an_index_knows_nothing_later(sc1: Case) -> None:
    """What did the file say when the finding was signed?"""
    n = step_of(sc1, "VerificationConcluded")
    index = sc1.index_of(n)
    newest, file = sc1.inquiry.case_as_of(sc1.stream, index, sc1.now)
    assert newest == index
    assert (file["state"], file["outcome"]) == ("ASSESSING", None)
    _, before = sc1.inquiry.case_as_of(sc1.stream, index - 1, sc1.now)
    assert before["state"] == "VERIFYING"
    now = sc1.file(sc1.now)
    assert now["state"] == "CLOSED"


def test_both_clocks_differ_by_late_entries(sc1: Case) -> None:
    """What the ledger knew at a moment, and what had happened by then, are two questions."""
    entries = sc1.played.player.streams[sc1.stream].effective()
    late = next(e for e in entries if len(e.act.signers) > 1)
    between = late.act.occurred_at + timedelta(seconds=30)
    _, recorded = sc1.inquiry.case_as_of(sc1.stream, between, sc1.now)
    _, occurred = sc1.inquiry.case_as_of(sc1.stream, between, sc1.now, "occurred")
    assert (
        occurred["statements"] != recorded["statements"] or occurred["state"] != recorded["state"]
    )


def test_a_moment_before_the_case_or_in_the_future_is_said(sc1: Case) -> None:
    """No empty file that looks like an answer."""
    with pytest.raises(BeforeCase):
        sc1.inquiry.case_as_of(sc1.stream, 0, sc1.now)
    with pytest.raises(BeforeCase):
        sc1.inquiry.case_as_of(sc1.stream, sc1.at(1) - timedelta(days=1), sc1.now)
    with pytest.raises(BeforeCase):
        sc1.inquiry.case_as_of(sc1.stream, sc1.at(1) - timedelta(days=1), sc1.now, "occurred")
    with pytest.raises(InFuture):
        sc1.inquiry.case_as_of(sc1.stream, 10_000, sc1.now)
    with pytest.raises(InFuture):
        sc1.inquiry.case_as_of(sc1.stream, sc1.now + timedelta(days=1), sc1.now)
    with pytest.raises(NotFound):
        sc1.inquiry.case("case/00000000-0000-4000-8000-000000000000", sc1.now)


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
        row = current_file.stored(connection, sc1.stream)
    assert row is not None
    known = sc1.inquiry.registry()
    assert not row.right(later, known)
    assert row.right(sc1.now - timedelta(hours=1), known)
    assert not row.right(sc1.now - timedelta(hours=1), replace(known, renamed=row.last_index + 1))


def test_a_succession_after_the_last_act_is_read_at_once(sc1: Case) -> None:
    """The registry moves on without the case; a reader that knew both is not caught asleep."""
    before = sc1.file(sc1.now)
    with sc1.reading() as connection:
        first = current_file.stored(connection, sc1.stream)
    assert first is not None
    log, agency, at = sc1.played.log, before["handler"]["agency"], len(sc1.played.log.rows)
    log.sign(log.act("AgencySuccessionRecorded", "programme/2024", log.registrar, facts={
        "kind": "ABSORB", "effective_on": "2024-01-15", "predecessors": [agency],
        "successors": ["bacninh.svhttdl"], "basis_document": "2/QĐ", "assumed": False,
        "map": [{"function": "LEAD", "territory": "BACNINH_2023", "from_agency": agency,
                 "to_agency": "bacninh.svhttdl", "assumed": False}],
    }), log.registrar)  # fmt: skip
    sc1.played.fill(sc1.database.admin, start=at)
    sc1.project()
    with sc1.reading() as connection:
        second = current_file.stored(connection, sc1.stream)
    assert second is not None
    assert (second.body, second.registry) == (first.body, at)
    assert (agency, sc1.file(sc1.now)["handler"]["agency"]) == ("bacninh.stttt", "bacninh.svhttdl")


# -- what changed, and why -----------------------------------------------------------------------


def test_difference_of_two_moments_names_the_acts_of_each_change(sc1: Case) -> None:
    """Old, new, and by which act."""
    first = sc1.index_of(step_of(sc1, "HandlingDecided"))
    last = sc1.index_of(step_of(sc1, "CaseClosed"))
    earlier, later, changed = sc1.inquiry.diff(sc1.stream, first, last, sc1.now)
    assert (earlier.index, later.index) == (first, last)
    by_pointer = {c.pointer: c for c in changed}
    state = by_pointer["/state"]
    assert (state.old, state.new) == ("HANDLING", "CLOSED")
    assert [a["act"] for a in state.acts] == ["ResultDetermined", "CaseClosed"]
    outcome = by_pointer["/outcome"]
    assert (outcome.old, outcome.new) == (None, "HANDLED_REMOVED")
    assert [a["act"] for a in outcome.acts] == ["ResultDetermined"]
    assert sc1.inquiry.diff(sc1.stream, last, last, sc1.now)[2] == []


def test_why_a_field_has_its_value_is_a_chain_of_acts(sc1: Case) -> None:
    """From the first value to the last, each with who signed."""
    chain = sc1.inquiry.history(sc1.stream, "/state", sc1.now)
    assert [c.new for c in chain] == [
        "RECEIVED", "SCREENING", "VERIFYING", "ASSESSING", "HANDLING", "RESULT_RECORDED", "CLOSED",
    ]  # fmt: skip
    assert all(c.acts[0]["officer"] for c in chain)
    assert [c.old for c in chain[1:]] == [c.new for c in chain[:-1]]
    with pytest.raises(NotFound):
        sc1.inquiry.history(sc1.stream, "/nothing/here", sc1.now)


def test_a_field_without_a_value_yet_is_there_and_has_no_history(sc1: Case) -> None:
    """Why has this case no outcome? Because no act gave it one: an answer, not a wrong address."""
    early = sc1.index_of(step_of(sc1, "HandlingDecided"))
    assert sc1.inquiry.history(sc1.stream, "/outcome", sc1.now, moment=early) == []
    with pytest.raises(NotFound):
        sc1.inquiry.history(sc1.stream, "/outcome/vi", sc1.now, moment=early)


def test_the_act_of_a_change_has_its_time_as_signed(sc1: Case) -> None:
    """api.md: an act's own times as signed, whatever offset its signer wrote."""
    with sc1.reading() as connection:
        first, *others = timeline.stream_rows(connection, sc1.stream)
        reports = past.reports_for(connection, [first])
    assert first.payload is not None
    signed = first.payload.replace(b"2024-06-04T08:12:00+07:00", b"2024-06-04T01:12:00+00:00")
    rows = [replace(first, payload=signed), *others]
    known = sc1.inquiry.registry()
    folded = folded_from(sc1.stream, rows, known.registry, sc1.now, reports)
    (received, *_) = changes.of_field(folded, "/state")
    assert received.acts[0]["occurred_at"] == "2024-06-04T01:12:00+00:00"


def test_who_decided_and_on_what_basis(sc1: Case) -> None:
    """The acts behind the state name their grounds."""
    decided = sc1.inquiry.history(sc1.stream, "/state", sc1.now)[4].acts[0]
    statements = sc1.inquiry.act(decided["act_id"])
    members = statements[0].row.members
    assert {b["role"] for b in members["basis"]} >= {"COMPETENCE", "SUBSTANCE"}
    assert statements[0].row.role == "AUTHOR"
    assert len({s.row.officer for s in statements}) == len(statements)


def test_a_long_case_is_no_way_to_keep_the_server_busy(database: Database) -> None:
    """A walk through every file of a thousand statements is refused; a part of it is answered."""
    log = PlayedLog(a_log(cases=1, acts=800, every=2_000), [])
    log.fill(database.admin)
    case = Case(database, log, reader_of(database, log), "", log.log.clock)
    case.project()
    with case.reading() as connection:
        (stream,) = {row.stream for row in timeline.rows_after(connection, 10, 20)}
        rows = timeline.stream_rows(connection, stream)
    now, last = rows[-1].recorded_at + timedelta(hours=1), rows[-1].index
    assert len(rows) > 900
    for asked in (
        lambda: case.inquiry.history(stream, "/state", now),
        lambda: case.inquiry.diff(stream, 0, last, now),
    ):
        with pytest.raises(TooMuch):
            asked()
    assert case.inquiry.diff(stream, last - 100, last, now)[2]
    assert case.inquiry.history(stream, "/state", now, moment=rows[500].index)
    many = [stream] * 30
    with pytest.raises(TooMuch):
        list(case.inquiry.verifications(many))
    assert len(list(case.inquiry.verifications(many[:5]))) == 5


# -- verification --------------------------------------------------------------------------------


def test_every_statement_of_a_sound_case_is_valid(sc1: Case) -> None:
    """Verified over the bytes as received, when it is read."""
    _, verification = sc1.inquiry.verification(sc1.stream)
    assert verification.outcome == "VALID"
    assert verification.counts == {"VALID": len(verification.statements)}
    assert len(verification.statements) == sc1.played.player.streams[sc1.stream].seq
    assert all(s.key is not None and s.key["status"] == "ACTIVE" for s in verification.statements)


def told_by_rows(case: Case) -> Verification:
    """The verdict on the rows as they stand; nothing holds them against the log here."""
    with case.reading() as connection:
        rows = timeline.stream_rows(connection, case.stream)
    known = case.inquiry.registry().registry
    return verified(case.stream, [judged(row, known, now=None) for row in rows])


def test_a_gap_in_a_case_is_not_enough_to_conclude(sc1: Case) -> None:
    """Where the log itself has lost a statement, valid ones are left, and the place shows."""
    with psycopg.connect(sc1.database.admin) as connection:
        connection.execute(
            "DELETE FROM proj.acts WHERE stream = %s AND seq IN (1, 5, 6)", [sc1.stream]
        )
    verification = told_by_rows(sc1)
    assert verification.outcome == "NOT_CONCLUDED"
    assert verification.counts == {"VALID": len(verification.statements)}
    told = {s.row.seq: s.reason[1] for s in verification.statements if s.outcome != "VALID"}
    assert told == {
        2: "the case lacks its record 1, right before this one",
        7: "the case lacks its record 5–6, right before this one",
    }


@pytest.mark.parametrize(
    "harm",
    [
        """
        DELETE FROM proj.acts WHERE stream = %(stream)s AND seq = 5;
        UPDATE proj.acts SET seq = seq - 100 WHERE stream = %(stream)s AND seq > 5;
        UPDATE proj.acts SET seq = seq + 99 WHERE stream = %(stream)s AND seq < 0
        """,
        """
        UPDATE proj.acts SET seq = -5 WHERE stream = %(stream)s AND seq = 5;
        UPDATE proj.acts SET seq = 5 WHERE stream = %(stream)s AND seq = 6;
        UPDATE proj.acts SET seq = 6 WHERE stream = %(stream)s AND seq = -5
        """,
    ],
    ids=["taken out and numbered anew", "turned round"],
)
def test_a_statement_that_follows_another_one_is_not_valid(sc1: Case, harm: LiteralString) -> None:
    """Each signature names the statement before it: numbers in a table cannot hide a change."""
    with psycopg.connect(sc1.database.admin, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(harm, {"stream": sc1.stream})
    verification = told_by_rows(sc1)
    assert verification.outcome == "NOT_VALID"
    assert verification.counts == {"VALID": len(verification.statements)}
    first = next(s for s in verification.statements if s.outcome != "VALID")
    assert (first.row.seq, first.reason[0]) == (5, "Không nối tiếp bản ghi ngay trước trong hồ sơ")


def test_bulk_verification_leaves_out_what_is_not_there(sc1: Case) -> None:
    """A list of cases gives a verdict each."""
    missing = "case/00000000-0000-4000-8000-000000000000"
    found = list(sc1.inquiry.verifications([sc1.stream, missing]))
    assert [v.stream for v in found] == [sc1.stream]


# -- lists ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("q", ["hồ sơ", "ho so", "HO SO", "2024/0187", "0412", "gia mao"])
def test_a_case_is_found_without_tone_marks(sc1: Case, q: str) -> None:
    """`ho so` finds `hồ sơ`; numbers of cases and documents are words too."""
    _, lines = sc1.inquiry.cases(Filter(q=q), limit=10)
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
    assert len(sc1.inquiry.cases(good, limit=5)[1]) == 1
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
        assert sc1.inquiry.cases(replace(good, **{name: value}), limit=5)[1] == [], name


@pytest.mark.parametrize("scenario", ["SC1", "SC4"])
def test_a_case_is_due_when_its_worklist_says_so(database: Database, scenario: str) -> None:
    """The time to complain about a closed case is nobody's work: no agency is late with it."""
    case = made(database, played(scenario))
    with case.reading() as connection:
        row = connection.execute("SELECT min(due_at) FROM proj.tasks").fetchone()
    assert row is not None
    due = row[0]
    _, (line,) = case.inquiry.cases(Filter(), limit=5)
    assert line.due_at == due
    late = Filter(due_before=case.now + timedelta(days=3650))
    assert len(case.inquiry.cases(late, limit=5)[1]) == (due is not None)


@pytest.mark.parametrize("sort", SORTS)
def test_pages_fit_together_in_every_order(sc1: Case, sort: str) -> None:
    """Keyset paging: no line twice, none left out, also where it lacks what the order goes by.

    A case without deadline, number or first report is in every list, and `-` turns it round.
    """
    with psycopg.connect(sc1.database.admin) as connection:
        connection.execute(
            "INSERT INTO proj.case_file (gen, stream, case_id, body, raised, at, changes_at,"
            " first_index, last_index, seq, state, outcome, agency, agencies, acts, flags,"
            " case_number, register_no, handler_label, opened_at, last_at, due_at, words)"
            " SELECT gen, 'case/' || id, id, body, raised, at, changes_at, first_index, last_index,"
            " seq, state, outcome, agency, agencies, acts, flags,"
            " CASE WHEN n % 4 > 0 THEN '2024/' || n END, register_no, handler_label,"
            " CASE WHEN n % 4 > 0 THEN opened_at + (n / 3) * interval '1 hour' END,"
            " last_at - (n / 4) * interval '1 hour',"
            " CASE WHEN n % 4 > 0 THEN last_at + (n / 5) * interval '1 hour' END, words"
            " FROM proj.case_file,"
            " (SELECT n, gen_random_uuid() AS id FROM generate_series(1, 25) n) x"
        )
    whole = [line.id for line in sc1.inquiry.cases(Filter(sort=sort), limit=200)[1]]
    paged: list[str] = []
    after = None
    while True:
        _, lines = sc1.inquiry.cases(Filter(sort=sort), limit=4, after=after)
        if not lines:
            break
        paged += [line.id for line in lines]
        after = lines[-1].key(sort)
    assert paged == whole
    assert len(whole) == 26
    round_ = sort[1:] if sort[0] == "-" else f"-{sort}"
    turned = sc1.inquiry.cases(Filter(sort=round_), limit=200)[1]
    assert [line.id for line in turned] == whole[::-1]
    assert sc1.inquiry.cases(Filter(sort=sort), limit=4, snapshot=-1)[1] == []


# -- work, counts, feed, registry ----------------------------------------------------------------


def test_worklist_shows_whose_turn_it_is(database: Database) -> None:
    """The next signer has it to sign, the one after sees it coming.

    The author has nothing to do.
    """
    log = played("SC1")
    at = max(i for i, s in enumerate(log.log.statements) if len(s.members["signers"]) == 2)
    members = log.log.statements[at].members
    if log.log.statements[at].role != "APPROVER":
        pytest.skip("the last act of two signers is not approved last")
    log.log.rows = log.log.rows[:at]
    case = made(database, log)
    author, approver = (s["officer"] for s in members["signers"])
    _, mine = case.inquiry.worklist(approver, case.now)
    assert [t.act_id for t in mine.sign] == [members["act_id"]]
    _, theirs = case.inquiry.worklist(author, case.now)
    assert theirs.sign == []
    _, team = case.inquiry.worklist(author, case.now, team=[members["agency"]])
    assert [t.act_id for t in team.sign] == [members["act_id"]]


def test_work_on_a_case_without_a_number_is_named_by_the_intake_register(
    database: Database,
) -> None:
    """A report waits to be made a case: the number that intake gave it is all there is to find."""
    log = played("SC1")
    first = next(
        i for i, s in enumerate(log.log.statements) if s.members.get("act") == "ReportReceived"
    )
    log.log.rows = log.log.rows[: first + 1]
    case = made(database, log)
    officer = log.log.statements[first].members["signers"][0]["officer"]
    received = log.log.rows[first].at
    at = PostgresRecords(database.pool("reader")).read(received, 1)[0].recorded_at
    _, team = case.inquiry.worklist(officer, at)
    waiting = [task for part in fields(team) for task in getattr(team, part.name)]
    (register,) = (task for task in waiting if task.code == "REGISTER_CASE")
    assert (register.case_number, register.register_no) == (None, "0412/TN")


def test_overdue_work_says_by_which_rule(sc1: Case) -> None:
    """Every clock names its source; a limit that has passed raises a task and does nothing else."""
    officer = sc1.played.player.cast["cv"].officer
    later = sc1.now + timedelta(days=60)
    _, before = sc1.inquiry.worklist(officer, sc1.now)
    _, after = sc1.inquiry.worklist(officer, later)
    assert before.overdue == []
    assert [t.code for t in after.overdue] == [t.code for t in before.running] == ["CRIME_REPORT"]
    assert after.overdue[0].source
    assert after.overdue[0].status(later) == "OVERDUE"


def test_work_of_an_agency_that_has_ended_goes_to_its_successor(sc6: Case) -> None:
    """Tasks name the agency as of their act; who carries on finds them."""
    officer = next(
        p.officer for p in sc6.played.player.cast.values() if p.agency == "bacninh.stttt"
    )
    _, then = sc6.inquiry.worklist(officer, sc6.now)
    _, later = sc6.inquiry.worklist(officer, sc6.now + timedelta(days=365))
    assert later.cases == later.overdue == later.running == []
    assert then.returned == []


def test_statistics_put_oversight_first_and_hide_small_cells(sc1: Case) -> None:
    """One case is a small cell: its figures are hidden unless they are one's own."""
    _, own = sc1.inquiry.statistics(date(2024, 1, 1), date(2024, 12, 31), sc1.now, smallest=1)
    assert own.figures[0].code == "CORRECTIONS"
    assert own.total == 1
    assert {c.key: c.count for c in own.volumes["outcome"]} == {"HANDLED_REMOVED": 1}
    _, shown = sc1.inquiry.statistics(date(2024, 1, 1), date(2024, 12, 31), sc1.now)
    assert shown.total is None
    assert all(c.count is None for c in shown.volumes["outcome"])
    assert shown.median_days == {}


def test_a_case_with_two_marks_of_one_figure_is_one_case(sc1: Case) -> None:
    """A referral sent back and another that waits: two acts, and still one case."""
    with psycopg.connect(sc1.database.admin) as connection:
        connection.execute(
            "INSERT INTO proj.marks (gen, stream, n, code, act_id, on_day, agency)"
            " SELECT c.gen, c.stream, 900 + m.n, m.code, gen_random_uuid(), c.opened_on, c.agency"
            " FROM proj.counted c,"
            " (VALUES (1, 'REFERRAL_RETURNED'), (2, 'REFERRAL_NOT_ACCEPTED')) m (n, code)"
        )
    _, told = sc1.inquiry.statistics(date(2024, 1, 1), date(2024, 12, 31), sc1.now, smallest=1)
    (figure,) = (one for one in told.figures if one.code == "REFERRAL_NOT_ACCEPTED")
    assert (figure.count, figure.cases) == (2, 1)


def test_feed_goes_on_behind_an_index_without_content(sc1: Case) -> None:
    """A system that keeps the last index misses nothing and learns no content."""
    seen: list[str] = []
    after = -1
    while True:
        _, events = sc1.inquiry.feed(after, 7)
        if not events:
            break
        seen += [e["id"] for e in events]
        after = int(events[-1]["id"])
    assert seen == [str(n) for n in range(len(sc1.played.log.rows))]
    assert "facts" not in str(sc1.inquiry.feed(20, 1)[1])


def test_registry_as_of_knows_only_what_was_enrolled(sc1: Case) -> None:
    """Keys and officers over time, by index and by recorded time."""
    now = sc1.inquiry.registry()
    before = sc1.inquiry.registry(2)
    assert len(list(registries.keys(now.registry, sc1.now))) > len(
        list(registries.keys(before.registry, sc1.now))
    )
    last = [row for row in sc1.played.stored() if row.registry][-1]
    just = timedelta(milliseconds=1)
    assert sc1.inquiry.registry(last.recorded_at).registry.version == last.index
    assert sc1.inquiry.registry(last.recorded_at - just).registry.version < last.index
    day = sc1.at(1).date()
    agencies = {a["agency"]: a for a in registries.agencies(now.registry, day)}
    assert "LEAD" in agencies["bacninh.stttt"]["functions"]
    known = registries.agencies(now.registry, date(2025, 3, 5))
    (later,) = (a for a in known if a["agency"] == "bacninh.stttt")
    assert not later["exists"]
    assert "đến 28/02/2025" in later["label"]


def test_guards_are_answered_from_the_views(sc1: Case) -> None:
    """The write path asks of other cases what was last projected."""
    cases = sc1.cases()
    assert cases.state(sc1.stream) == "CLOSED"
    assert cases.state("case/00000000-0000-4000-8000-000000000000") is None
    sealed = "sealed:92e1e431-9c59-4ec3-ac6c-8b0a9aa55c3f"
    assert cases.token_elsewhere(sealed, "case/other")
    assert not cases.token_elsewhere(sealed, sc1.stream)
    assert not cases.token_elsewhere("sealed:00000000-0000-4000-8000-000000000000", "case/other")
    row = sc1.played.log.rows[sc1.index_of(1)]
    assert cases.record(b64(row.entry)) == (row.at, sc1.stream)
    assert cases.record("nonsense!") is None
    assert set(cases.signers(sc1.stream)) == {
        o for e in sc1.played.player.streams[sc1.stream].effective() for o in e.signed_by()
    }
    assert cases.reports() == []
    assert cases.running(sc1.stream, sc1.now) == ["COMPLAINT_LODGE"]
    assert cases.running(sc1.stream, sc1.now + timedelta(days=400)) == []


def test_reports_are_known_to_guards_and_folds(database: Database) -> None:
    """SC3 restates a report: the views and a fold begun again come to the same."""
    case = made(database, played("SC3"))
    reports = case.cases().reports()
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
    person = log.log.registrar
    facts = {
        "entries": [{"index": at, "entry": b64(log.log.rows[at].entry)}],
        "ground": "PERSONAL_DATA",
        "legal_ground": "Thử",
        "epoch": "2024-2",
    }
    log.log.sign(log.log.act("RecordErased", "ledger", person, facts=facts), person)
    case = made(database, log)
    _, verification = case.inquiry.verification(stream)
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
    assert [s.verdict for s in case.inquiry.verification(stream)[1].statements] == [
        s.verdict for s in verification.statements
    ]


def test_one_agencys_statistics_tell_nothing_that_all_agencies_hide(sc1: Case) -> None:
    """Two cells are hidden since the total would tell one: nor does asking for the other alone."""
    with sc1.writing() as connection:
        gen = next(s.gen for s in generations.states(connection) if s.view == "statistics")
        for agency, number in (("bacninh.syt", 2), ("bacninh.sgddt", 6), ("bacninh.ca", 30)):
            for n in range(number):
                connection.execute(
                    "INSERT INTO proj.counted (gen, stream, opened_on, channel, agency, acts)"
                    " VALUES (%s, %s, '2023-05-02', 'PHONE', %s, 1)",
                    [gen, f"case/{agency}/{n}", agency],
                )
                connection.execute(
                    "INSERT INTO proj.marks (gen, stream, n, code, act_id, on_day, agency)"
                    " VALUES (%s, %s, 0, 'CORRECTION', gen_random_uuid(), '2023-05-02', %s)",
                    [gen, f"case/{agency}/{n}", agency],
                )
    span = (date(2023, 5, 1), date(2023, 5, 31), sc1.now)

    def asked(agency: str | None) -> tuple[int | None, int | None, Any, Any]:
        tables = sc1.inquiry.statistics(*span, agency=agency)[1]
        cells = {c.key: c.count for c in tables.volumes["agency"]}
        channels = {c.key: c.count for c in tables.volumes["channel"]}
        return tables.total, tables.figures[0].count, cells, channels

    total, corrections, cells, _ = asked(None)
    assert (total, corrections) == (38, 38)
    assert cells == {"bacninh.syt": None, "bacninh.sgddt": None, "bacninh.ca": 30}
    assert asked("bacninh.ca") == (30, 30, {"bacninh.ca": 30}, {"PHONE": 30})
    for agency in ("bacninh.syt", "bacninh.sgddt"):
        assert asked(agency) == (None, None, {}, {})
