"""What a revoked key touched: a flag of each case from then on, and work for whoever supervises."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from keys.keyring import KeyRecord, Verdict
from ledger.audit.audit import audit
from ledger.errors import NotFound
from ledger.regulation.acts.json_shape import fmt_time
from ledger.regulation.case_file.flags import DISPUTED
from projections.checks.rebuild_comparison import compare
from projections.queries import limits
from projections.views.act_list import ActFilter
from projections.views.case_file import Filter
from projections.views.worklist import TaskRow
from tests.a_ledger import a_report, revocation
from tests.attacks import attack
from tests.builders import an_act, changed, officer
from tests.fixtures.app import Service
from tests.fixtures.projected import Case
from tests.memory_log import ORIGIN

pytestmark = pytest.mark.postgres

Place = tuple[str, int]


def revoke(case: Case, key: KeyRecord, since: datetime) -> None:
    """The registrar's revocation, recorded and folded."""
    log, size = case.played.log, len(case.played.log.rows)
    registrar = log.registrar
    facts = {
        "officer": key.officer, "kid": key.kid, "reason": "Lộ khóa",
        "reason_code": "COMPROMISED", "invalid_from": fmt_time(since),
    }  # fmt: skip
    log.sign(log.act("KeyRevoked", f"officer/{key.officer}", registrar, facts=facts), registrar)
    case.played.fill(case.database.admin, start=size)
    case.project()


def keys(case: Case) -> list[KeyRecord]:
    """Of officers who signed in the case, the registrar's own left alone."""
    _, acts = case.queries.acts.of(case.stream)
    kids = dict.fromkeys(one.row.kid for one in acts)
    ring = case.queries.registries.at().registry.keyring
    lines = [ring.line(kid or "") for kid in kids]
    registrar = case.played.log.registrar.uuid
    return [line for line in lines if line is not None and line.officer != registrar]


def previewed(case: Case, key: KeyRecord, since: datetime | None) -> set[Place]:
    """What `keys affected` names of cases."""
    rows = case.queries.keys.affected(key.kid, since).rows
    return {(row.act_id, row.index) for row in rows if row.stream == case.stream}


def disputed(case: Case) -> set[Place]:
    """What the verification of the case finds."""
    _, acts = case.queries.acts.of(case.stream)
    return {(one.row.act_id, one.row.index) for one in acts if one.verdict is Verdict.DISPUTED}


def flagged(case: Case, now: datetime) -> set[str]:
    """Acts with the flag in the case file."""
    return {one["act_id"] for one in case.file(now)["flags"] if one["code"] == DISPUTED}


def told(case: Case) -> tuple[set[Place], bool, bool]:
    """What the listing of acts and that of cases find by the flag, and what a line says of it."""
    _, acts = case.queries.acts.across(ActFilter(flag=DISPUTED), limit=200)
    _, cases = case.queries.cases.page(Filter(flag=DISPUTED), limit=200)
    _, every = case.queries.cases.page(Filter(), limit=200)
    (line,) = [one for one in every if one.stream == case.stream]
    assert all(DISPUTED in one.flags for one in acts)
    assert all(DISPUTED in one.flags for one in cases)
    found = {(one.act_id, one.index) for one in acts}
    return found, case.stream in {one.stream for one in cases}, DISPUTED in line.flags


@pytest.mark.parametrize("most", [3, pytest.param(None, marks=pytest.mark.drill)])
def test_the_preview_is_what_comes_of_it_by_every_way(sc1: Case, most: int | None) -> None:
    """Key after key, from another moment each: verdicts, file, lists, audit and a fold afresh."""
    now = sc1.now + timedelta(days=1)
    sc1.file(now)  # what is stored was right until now
    every: set[Place] = set()
    found = keys(sc1)
    assert len(found) > 2
    for n, key in enumerate(found[:most]):
        rows = sc1.queries.keys.affected(key.kid, None).rows
        since = rows[n % len(rows)].recorded_at.replace(microsecond=0) + timedelta(seconds=n % 2)
        expected = previewed(sc1, key, since)
        assert not expected & disputed(sc1)
        revoke(sc1, key, since)
        assert previewed(sc1, key, None) == expected
        every |= expected
        assert disputed(sc1) == every
        assert flagged(sc1, now) == {act for act, _ in every}
        assert told(sc1) == (every, bool(every), bool(every))
        report = audit(
            sc1.played.log,
            origin=ORIGIN,
            vkeys=sc1.played.log.vkeys,
            kek=[sc1.played.log.kek],
            replay=False,
        )
        assert sum(one.statements for one in report.disputed) == report.verdicts["DISPUTED"]
        assert {one.kid for one in report.disputed} <= {one.kid for one in found}
    assert every
    records, reader = sc1.reading_log()
    with sc1.writing() as connection:
        assert compare(connection, records, reader, origin=ORIGIN) == []


def test_the_flag_shows_from_the_revocation_on_and_a_late_one_rewrites_nothing(sc1: Case) -> None:
    """As of any record before it the case stands as it was read then."""
    key = keys(sc1)[0]
    before = sc1.queries.positions.index()
    now = sc1.now + timedelta(days=1)
    assert told(sc1) == (set(), False, False)
    revoke(sc1, key, key.valid_from)
    since = sc1.queries.positions.index()
    for moment, shows in ((before, False), (since, True)):
        _, file = sc1.queries.past.file(sc1.stream, moment, now)
        assert (DISPUTED in {one["code"] for one in file["flags"]}) is shows
        _, lines = sc1.queries.cases.page(Filter(flag=DISPUTED), limit=9, snapshot=moment)
        assert bool(lines) is shows
        _, acts = sc1.queries.acts.across(ActFilter(flag=DISPUTED), limit=9, snapshot=moment)
        assert bool(acts) is shows


def test_what_was_signed_before_is_untouched_and_so_is_another_officers(sc1: Case) -> None:
    """A revocation as of now touches nothing, and a key that nobody has is no question."""
    key = keys(sc1)[0]
    revoke(sc1, key, sc1.played.log.clock)
    assert disputed(sc1) == set()
    assert told(sc1) == (set(), False, False)
    assert flagged(sc1, sc1.now + timedelta(days=1)) == set()
    with pytest.raises(NotFound):
        sc1.queries.keys.affected("A" * 43, None)


def work(case: Case, agency: str) -> list[TaskRow]:
    """What the supervisors of an agency are told of disputed signatures."""
    somebody = case.played.player.cast["cv"].officer
    return case.queries.worklists.of(somebody, case.now, supervised=[agency])[1].disputed


def test_both_supervisors_have_it_to_do_until_they_sign_off(sc1: Case) -> None:
    """The agency that holds the case, and that of the key's officer; nobody else."""
    cast = sc1.played.player.cast
    investigator = sc1.queries.registries.at().registry.keyring.lines(cast["dtv"].officer)[0]
    revoke(sc1, investigator, investigator.valid_from)
    assert disputed(sc1)
    holder = sc1.file(sc1.now)["handler"]["agency"]
    assert cast["dtv"].agency != holder
    for agency in (holder, cast["dtv"].agency):
        (task,) = work(sc1, agency)
        assert (task.kind, task.stream, task.agency) == ("DISPUTED", sc1.stream, agency)
        assert task.act_id in {act for act, _ in disputed(sc1)}
        assert task.case_number == sc1.file(sc1.now)["case_number"]
    assert work(sc1, "bacninh.syt") == []
    assert sc1.queries.worklists.of(cast["cv"].officer, sc1.now)[1].disputed == []


def signed_off(service: Service, stream: str, by: str, scope: str) -> None:
    """A supervisor's sign-off, up to the last record there is."""
    size = service.records.head().size
    act = an_act(
        "VerificationSignedOff",
        by=by,
        when=service.clock.now(),
        stream=stream,
        facts={
            "checked_to": size - 1,
            "checkpoint_size": size,
            "verdict": "NOT_CONCLUDED",
            "failures": ["Chữ ký có tranh chấp"],
            "scope": scope,
        },
    )
    service.say(act, by)


def revoked(service: Service, alias: str) -> None:
    """A key revoked as of long before it signed anything."""
    now = service.clock.now()
    act = revocation(alias, now)
    facts = {**act.facts, "invalid_from": fmt_time(now - timedelta(days=400))}
    service.say(changed(act, facts=facts), "founder")


@attack(
    "a key is revoked as of long ago, so that every case is flagged and nobody finds what matters",
    stopped_by="a revocation is one record to fold; a worklist holds the newest hundred cases of an"
    " agency; one sign-off of the agency ends them",
    noticed_by="the flag, `log audit`, the registrar's act",
)
def test_work_goes_by_sign_offs_alone_and_a_flood_is_bounded(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A case's own ends its line, one of the agency ends all, a later revocation begins anew.

    Whoever revokes a key as of long ago touches every case: the worklist holds the first of them,
    and the listing all.
    """
    service.hire("hotline", "cv", "gd", "pgd")
    reports = [a_report(n, service.clock.now()) for n in range(3)]
    for one in reports:
        service.say(one, "hotline")
    streams = {one.stream for one in reports}

    def told(path: str, part: str, by: str, **asked: str) -> set[str]:
        at_least = service.records.head().size - 1
        waiting = {"Prefer": "wait=30"}
        body = service.get(path, by, waiting, at_least=at_least, **asked).get_json()
        assert part in body, body
        return {one["stream"] for one in body[part]}

    def waits(by: str = "gd") -> set[str]:
        return told("/v1/worklist", "disputed", by)

    def flags() -> set[str]:
        return told("/v1/cases", "cases", "gd", flag=DISPUTED)

    assert waits() == flags() == set()
    revoked(service, "hotline")
    assert waits() == flags() == streams
    assert waits("cv") == set()
    monkeypatch.setattr(limits, "DISPUTED", 2)
    assert len(waits()) == 2
    monkeypatch.undo()
    first, *others = sorted(streams)
    signed_off(service, first, "pgd", scope="CASE")
    assert waits() == set(others)
    signed_off(service, "agency/bacninh.stttt", "pgd", scope="LOG")
    assert waits() == set()
    assert flags() == streams
    revoked(service, "pgd")
    assert waits() == {first}


@attack(
    "whoever stole a key revokes it with that key, as of after all that they signed, so that"
    " nobody can say any more that it was stolen before",
    stopped_by="a key that is revoked is revoked once more, as of earlier",
    noticed_by="the flag, `log audit`, the registrar's act",
)
def test_a_thief_who_revokes_the_key_takes_nothing_out_of_dispute(service: Service) -> None:
    """Nor does a holder in a hurry, nor a registrar who is bought: the earliest moment counts.

    What an agency had signed off by then is its work again; the key ended where it ended first.
    """
    service.hire("hotline", "gd")
    report = a_report(1, service.clock.now())
    service.step(minutes=1)
    stolen_at = service.clock.now()
    service.step(minutes=1)
    service.say(report, "hotline")
    service.step(minutes=1)
    now = service.clock.now()
    act, facts = "KeyRevoked", dict(revocation("hotline", now).facts)
    stream = f"officer/{officer('hotline')}"
    service.say(an_act(act, by="hotline", when=now, stream=stream, facts=facts), "hotline")

    def told() -> tuple[bool, bool]:
        """Whether the case has the flag, and is work for its agency."""
        wait, last = {"Prefer": "wait=30"}, service.records.head().size - 1
        work = service.get("/v1/worklist", "gd", wait, at_least=last).get_json()
        path = f"/v1/cases/{report.stream.removeprefix('case/')}"
        flags = service.get(path, "gd", wait, at_least=last).get_json()["flags"]
        return DISPUTED in {one["code"] for one in flags}, bool(work["disputed"])

    assert told() == (False, False)
    signed_off(service, report.stream, "gd", "CASE")
    service.step(minutes=1)
    service.say(revocation("hotline", stolen_at), "founder")
    assert told() == (True, True)
    for moment in (stolen_at, stolen_at + timedelta(seconds=1)):
        no = service.send(service.sign(revocation("hotline", moment), "founder"), "founder")
        assert (no.status_code, no.get_json()["guard"]) == (422, "KEY_KNOWN")
    (line,) = service.enclave.queries.registries.at().registry.keyring.lines(officer("hotline"))
    assert line.invalid_from == stolen_at.replace(microsecond=0)
    assert (line.revoked_index or 0) < (line.doubted_index or 0)
