"""What waits for whom, by which clock."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timedelta

import pytest

from ledger.postgres.records import PostgresRecords
from projections.views import worklist
from tests.attacks import attack
from tests.fixtures.postgres import Database
from tests.fixtures.projected import Case, made
from tests.played_log import played

pytestmark = pytest.mark.postgres


def test_worklist_shows_whose_turn_it_is(database: Database) -> None:
    """The next signer has it to sign, the one after sees it coming.

    The author has nothing to do, and finds what was begun, with the post that it waits for; whoever
    supervises both is told once.
    """
    log = played("SC1")
    at = max(i for i, s in enumerate(log.log.statements) if len(s.members["signers"]) == 2)
    members = log.log.statements[at].members
    assert log.log.statements[at].role == "APPROVER"
    log.log.rows = log.log.rows[:at]
    case = made(database, log)
    author, approver = (s["officer"] for s in members["signers"])
    _, mine = case.queries.worklists.of(approver, case.now)
    assert [t.act_id for t in mine.sign] == [members["act_id"]]
    _, theirs = case.queries.worklists.of(author, case.now)
    assert theirs.sign == []
    (begun,) = theirs.started
    assert (begun.act_id, begun.officer) == (members["act_id"], author)
    assert (begun.post, begun.role) == (members["signers"][1]["post"], "APPROVER")
    _, team = case.queries.worklists.of(author, case.now, team=[members["agency"]])
    assert [t.act_id for t in team.sign] == [members["act_id"]]
    _, head = case.queries.worklists.of(approver, case.now, team=[members["agency"]])
    assert (head.started, [t.act_id for t in head.sign]) == ([], [members["act_id"]])


def test_what_was_begun_is_told_until_all_have_signed(sc1: Case) -> None:
    """No act of the play waits at its end, and nobody is told of one."""
    officers = {signer.officer for signer in sc1.played.player.cast.values()}
    lists = [sc1.queries.worklists.of(officer, sc1.now)[1] for officer in officers]
    assert [one.started for one in lists] == [[]] * len(officers)


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
    at = PostgresRecords(database.pool("writer")).read(received, 1)[0].recorded_at
    _, team = case.queries.worklists.of(officer, at)
    waiting = [task for part in fields(team) for task in getattr(team, part.name)]
    (register,) = (task for task in waiting if task.code == "REGISTER_CASE")
    assert (register.case_number, register.register_no) == (None, "0412/TN")


@attack(
    "acts that wait for a signature are begun in one case until its tasks cannot be numbered",
    stopped_by="there are more numbers than a case can have tasks",
    noticed_by="-",
)
def test_no_number_of_tasks_in_a_case_stops_the_worklist(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may write in one case stops nobody's list; 2^15 is some minutes of one officer's."""
    log = played("SC1")
    first = next(
        i for i, s in enumerate(log.log.statements) if s.members.get("act") == "ReportReceived"
    )
    log.log.rows = log.log.rows[: first + 1]
    asked, many = worklist.tasks_of, 2**15 + 1
    monkeypatch.setattr(worklist, "tasks_of", lambda *of: list(asked(*of)) * many)
    case = made(database, log)
    officer = log.log.statements[first].members["signers"][0]["officer"]
    _, team = case.queries.worklists.of(officer, case.now)
    waiting = [task for part in fields(team) for task in getattr(team, part.name)]
    assert len(waiting) >= many


def test_overdue_work_says_by_which_rule(sc1: Case) -> None:
    """Every clock names its source; a limit that has passed raises a task and does nothing else."""
    officer = sc1.played.player.cast["dtv"].officer
    later = sc1.now + timedelta(days=60)
    _, before = sc1.queries.worklists.of(officer, sc1.now)
    _, after = sc1.queries.worklists.of(officer, later)
    assert before.overdue == []
    assert [t.code for t in after.overdue] == [t.code for t in before.running] == ["CRIME_REPORT"]
    assert after.overdue[0].source
    assert after.overdue[0].status(later) == "OVERDUE"


def test_a_referral_that_was_acknowledged_is_the_investigators_and_its_sender_waits(
    sc1: Case,
) -> None:
    """The investigating body has it to do, by the letter that it was sent; who sent it sees so."""
    cast, later = sc1.played.player.cast, sc1.now + timedelta(days=60)
    _, theirs = sc1.queries.worklists.of(cast["dtv"].officer, later)
    (task,) = theirs.overdue
    assert (task.code, task.agency, task.waits_for) == ("CRIME_REPORT", "bacninh.csdt", None)
    _, senders = sc1.queries.worklists.of(cast["cv"].officer, later)
    assert senders.overdue == []
    (waits,) = senders.awaited
    assert (waits.code, waits.agency, waits.waits_for, waits.due_at) == (
        "CRIME_REPORT", "bacninh.stttt", "bacninh.csdt", task.due_at,
    )  # fmt: skip
    assert waits.status(later) == "OVERDUE"


def test_what_waits_for_a_signature_names_the_post(database: Database) -> None:
    """An officer may hold several: it says in which of them the act is to be signed."""
    log = played("SC1")
    at = max(i for i, s in enumerate(log.log.statements) if len(s.members["signers"]) == 2)
    members = log.log.statements[at].members
    log.log.rows = log.log.rows[:at]
    case = made(database, log)
    approver = members["signers"][1]
    _, mine = case.queries.worklists.of(approver["officer"], case.now)
    assert [task.post for task in mine.sign] == [approver["post"]]


def test_an_auditor_is_told_of_an_emergency_opening_at_once(database: Database) -> None:
    """access.md A19: by the fold that opens the case, wherever the post is."""
    log = played("SC11")
    acts = [statement.members.get("act") for statement in log.log.statements]
    end = acts.index("BreakGlassReviewed")
    opened = log.log.statements[end - 1].members
    log.log.rows, log.log.statements = log.log.rows[:end], log.log.statements[:end]
    (auditor,) = log.hire(("giamsat", "AUDITOR"))
    case = made(database, log)
    at = datetime.fromisoformat(opened["occurred_at"]) + timedelta(hours=1)

    def told(officer: str) -> list[tuple[str, str | None, str | None]]:
        _, tasks = case.queries.worklists.of(officer, at)
        found = [t for part in fields(tasks) for t in getattr(tasks, part.name)]
        return [(t.act_id, t.power, t.agency) for t in found if t.code == "BREAK_GLASS_REVIEW"]

    assert (opened["act_id"], "AUDITOR", None) in told(auditor.uuid)
    assert told(log.player.cast["gdn"].officer) == [(opened["act_id"], None, opened["agency"])]
    assert told(log.player.cast["tttv"].officer) == []


def test_work_of_an_agency_that_has_ended_goes_to_its_successor(sc6: Case) -> None:
    """Tasks name the agency as of their act; who carries on finds them."""
    officer = next(
        p.officer for p in sc6.played.player.cast.values() if p.agency == "bacninh.stttt"
    )
    _, then = sc6.queries.worklists.of(officer, sc6.now)
    _, later = sc6.queries.worklists.of(officer, sc6.now + timedelta(days=365))
    assert later.cases == later.overdue == later.running == []
    assert then.returned == []
