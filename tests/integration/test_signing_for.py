"""Who signed instead of an officer named: in the audit, the views, the work that waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ledger.audit.audit import audit
from ledger.audit.findings import Damage
from ledger.audit.report import Report
from ledger.regulation.case.state import fold
from projections.views.acts import signeds, stream_rows
from tests.builders import an_act
from tests.fixtures.postgres import Database
from tests.fixtures.projected import Case, made
from tests.memory_log import VN, Person
from tests.played_log import PlayedLog, played

pytestmark = pytest.mark.postgres
TAKEDOWN = 8
"""The step of SC17 that waits for the deputy."""


def waiting() -> tuple[PlayedLog, dict[str, Any]]:
    """SC17 up to a take-down that its drafter has signed, and the act's payload."""
    log = played("SC17")
    named = log.player.acts[TAKEDOWN]
    at = next(n for n, s in enumerate(log.log.statements) if s.members["act_id"] == named)
    log.log.rows, log.log.statements = log.log.rows[: at + 1], log.log.statements[: at + 1]
    for one in log.log.statements:
        log.log.heads[one.members["stream"]] = (one.seq, one.digest_b64)
    return log, dict(log.log.statements[at].members)


def person(log: PlayedLog, alias: str) -> Person:
    """An officer of the cast, with the key."""
    who = log.player.cast[alias]
    return Person(who.officer, who.key, who.post)


def lets_sign(log: PlayedLog) -> None:
    """The deputy, on leave, lets the director sign."""
    deputy, director = person(log, "pgd"), person(log, "gd")
    facts = {
        "officer": director.uuid, "post": director.post, "capacity": "TUQ", "ground": "LEAVE",
        "scope": "Ký văn bản đang chờ.", "valid_from": "2024-06-04", "valid_to": "2024-06-14",
        "basis_document": "Giấy ủy quyền (hư cấu)",
    }  # fmt: skip
    act = an_act(
        "DelegationGiven", when=log.log.clock.astimezone(VN), stream="agency/bacninh.stttt",
        facts=facts, exact=True, agency="bacninh.stttt", post=deputy.post,
        signers=[{"officer": deputy.uuid, "post": deputy.post, "role": "AUTHOR"}],
    )  # fmt: skip
    log.log.sign(dict(act.signed), deputy)


def signs_instead(log: PlayedLog, members: dict[str, Any], alias: str) -> None:
    """An officer signs in the place of the deputy."""
    by = person(log, alias)
    stand_in = {"officer": by.uuid, "post": by.post, "capacity": "TUQ"}
    log.log.sign(members, by, "APPROVER", stand_in=stand_in)


def audited(log: PlayedLog) -> Report:
    """The whole log, by the rules."""
    told = log.log
    return audit(told, origin=told.origin, vkeys=[], kek=told.kek, genesis=told.genesis)


def test_what_a_delegate_signed_is_shown_as_signed_so(database: Database) -> None:
    """By whom, in which post and capacity, instead of the one named; and the act stands."""
    log, members = waiting()
    lets_sign(log)
    before = len(log.log.rows)
    signs_instead(log, members, "gd")
    assert audited(log).ok
    log.log.rows, later = log.log.rows[:before], log.log.rows[before:]
    case = made(database, log)
    director, named = person(log, "gd").uuid, person(log, "pgd").uuid
    at = log.log.clock + timedelta(minutes=1)
    assert [task.act_id for task in _work(case, director, at)] == [members["act_id"]]
    assert [task.act_id for task in _work(case, named, at)] == [members["act_id"]]
    assert _work(case, person(log, "cv").uuid, at) == []
    log.log.rows += later
    log.fill(database.admin, start=before)
    case.project()
    case = replace(case, now=at + timedelta(hours=1))
    first, second = case.queries.acts.told(members["act_id"], case.now).statements
    assert (second.verdict, second.outcome) == ("VALID", "VALID")
    assert first.signer is not None
    assert second.signer is not None
    shown = [(s["officer"], s["post"], s["capacity"], s["stands_in"])
             for s in (first.signer, second.signer)]  # fmt: skip
    assert shown == [
        (person(log, "tp").uuid, "truong-phong", "TRUC_TIEP", False),
        (director, "giam-doc", "TUQ", True),
    ]
    assert _signers(case, log, members["act_id"]) == [
        (person(log, "tp").uuid, None),
        (director, named),
    ]
    assert case.file(case.now)["pending"] == []
    assert _work(case, director, case.now) == []
    assert case.queries.verifications.of(case.stream)[1].outcome == "VALID"


def test_whoever_takes_over_nothing_is_set_aside(database: Database) -> None:
    """Past the door, with a key that is good: neither audit nor views take it for a signature."""
    log, members = waiting()
    signs_instead(log, members, "gd")
    report = audited(log)
    assert not report.ok
    (found,) = [one for one in report.findings if one.kind is Damage.AGAINST_THE_RULES]
    assert found.index == len(log.log.rows) - 1
    assert "STAND_IN_ENTITLED" in found.message
    case = made(database, log)
    assert [one["act_id"] for one in case.file(case.now)["pending"]] == [members["act_id"]]
    assert case.queries.acts.told(members["act_id"], case.now).statements[1].row.aside


def _signers(case: Case, log: PlayedLog, act_id: str) -> list[tuple[str, str | None]]:
    """Who signed an act, each with whom instead of, in the fold of the views' rows."""
    with case.reading() as connection:
        rows = stream_rows(connection, case.stream)
    taken = [signed for _, signed in signeds(rows, log.player.registry) if signed is not None]
    assert len(taken) == len(rows)
    entry = fold(case.stream, taken).entries[act_id]
    return [(one.officer, one.instead_of) for one in entry.act.signers]


def _work(case: Case, officer: str, at: Any) -> list[Any]:  # noqa: ANN401
    return case.queries.worklists.of(officer, at)[1].sign
