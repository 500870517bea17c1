"""Two registrars who end each other: somebody always remains who can let others in (G8, ADR 64)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest

from ledger.errors import Rejected
from ledger.regulation.acts.act import Act, parse_act
from tests import builders
from tests.a_ledger import _by_keeper, appointment, approved, ending, enrolment, linking
from tests.attack.test_replayed_rules import Den, against
from tests.attacks import attack
from tests.builders import CAST
from tests.examples import in_share

_POST = {"founder": CAST["keeper"], "keeper2": CAST["keeper2"], "tc": CAST["tc"]}


@pytest.fixture
def den(request: pytest.FixtureRequest) -> Den:
    """Two registrars, the founder and another one, and a personnel officer.

    When their department ends in 2025 the latter two are so elsewhere.
    """
    made = Den(spread=in_share(3, request.node.name))
    personnel = appointment("keeper", made.now, powers=["PERSONNEL_OFFICER"])
    made.a.say(personnel, "founder")
    made.a.say(_from_2025("keeper", made.now), "founder")
    made.a.say(enrolment("keeper", made.now), "founder")
    for line in (appointment, enrolment):
        made.a.say(approved(line("keeper2", made.now), "keeper"), "founder", "keeper")
    made.a.say(approved(_from_2025("keeper2", made.now), "keeper"), "founder", "keeper")
    made.a.clock.step(minutes=5)
    return made


def _from_2025(alias: str, when: datetime) -> Act:
    """OfficerAppointed elsewhere, from the day after the last one of the department."""
    there = {"agency": "bacninh.vpdd", "post": "chuyen-vien", "valid_from": "2025-03-01"}
    power = {"keeper": "PERSONNEL_OFFICER", "keeper2": "REGISTRY_KEEPER"}[alias]
    return appointment(alias, when, powers=[power], **there)


def ended(den: Den, alias: str, *, by: str, last: date) -> Act:
    """OfficerEnded of one registrar by the other, to be approved by the personnel officer."""
    agency, post = _POST[alias]
    facts = {
        "officer": builders.officer(alias), "agency": agency, "post": post,
        "ended_on": last.isoformat(), "reason": "MOVED", "keys_end": False,
    }  # fmt: skip
    act = approved(_by_keeper("OfficerEnded", alias, by, facts, den.now), "keeper")
    signers = [{**act.signed["signers"][0], "post": _POST[by][1]}, act.signed["signers"][1]]
    return parse_act({**act.signed, "post": _POST[by][1], "signers": signers})


def _carried_on(den: Den) -> Act:
    """From tomorrow on the province carries on for the agency of all registrars."""
    effective = _today(den) + timedelta(days=1)
    agency, heir = CAST["keeper"][0], CAST["ct"][0]
    held = builders.a_registry().agencies.holdings(agency)
    facts = {
        "kind": "MERGE", "effective_on": effective.isoformat(), "predecessors": [agency],
        "successors": [heir], "basis_document": "Nghị quyết", "assumed": False,
        "map": [
            {"function": f, "from_agency": agency, "to_agency": heir, "assumed": False}
            for f in sorted({line.function for line in held if line.on(effective)})
        ],
    }  # fmt: skip
    also = [
        {"officer": builders.officer(alias), "post": CAST[alias][1], "role": role}
        for alias, role in (("keeper", "CHECKER"), ("gd", "APPROVER"))
    ]
    act = _by_keeper(
        "AgencySuccessionRecorded", "keeper", "keeper2", facts, den.now, "programme/2024", *also
    )
    return parse_act({**_by_second(act).signed, "to": [heir]})


def _by_second(act: Act) -> Act:
    """The same in the post of the second registrar."""
    post = CAST["keeper2"][1]
    signers = [{**act.signed["signers"][0], "post": post}, *act.signed["signers"][1:]]
    return parse_act({**act.signed, "post": post, "signers": signers})


def _today(den: Den) -> date:
    return den.now.astimezone(builders.T0.tzinfo).date()


def _refused(send: Callable[[], object]) -> None:
    with pytest.raises(Rejected) as refused:
        send()
    assert refused.value.guard == "REGISTRAR_LEFT"


@attack(
    "each of two registrars ends the other's post, by an act that waits for its last signature, by"
    " a day to come or by one before it began, so that nobody can be appointed any more",
    stopped_by="REGISTRAR_LEFT, asked again of each signature",
    noticed_by="log audit, which asks the rules again",
)
@pytest.mark.parametrize(
    ("first", "days", "others"),
    [("keeper2", 0, 0), ("keeper2", 3, 3), ("founder", 0, -9999)],
)
def test_two_registrars_do_not_end_each_other(den: Den, first: str, days: int, others: int) -> None:
    """The one who is left appoints; what was signed past the door is named."""
    left = "keeper2" if first == "founder" else "founder"
    one = ended(den, first, by=left, last=_today(den) + timedelta(days=days))
    other = ended(den, left, by=first, last=_today(den) + timedelta(days=others))
    den.a.say(one, left)
    den.a.say(other, first)
    den.a.send(den.a.sign(one, "keeper", role="APPROVER"), by="keeper")
    den.a.clock.step(days=days + 1)
    _refused(lambda: den.a.send(den.a.sign(other, "keeper", role="APPROVER"), by="keeper"))
    assert den.audit().ok
    again = approved(appointment("cv2", den.now, by=left), "keeper")
    den.a.say(again if left == "founder" else _by_second(again), left, "keeper")
    index = den.put(other, "keeper", "APPROVER")
    against(den.audit(), index, "REGISTRAR_LEFT")


@attack(
    "of two registrars one leaves on a day to come, and the other before, so that from that day on"
    " nobody can be appointed any more",
    stopped_by="REGISTRAR_LEFT, which asks of each day to come",
    noticed_by="log audit, which asks the rules again",
)
@pytest.mark.parametrize("first", ["founder", "keeper2"])
def test_who_leaves_on_a_day_to_come_is_not_left(den: Den, first: str) -> None:
    """Whoever stays lets both go, on whatever day."""
    other = "keeper2" if first == "founder" else "founder"
    leaves = ended(den, first, by=other, last=_today(den) + timedelta(days=4))
    den.a.say(leaves, other, "keeper")
    sooner = ended(den, other, by=first, last=_today(den) + timedelta(days=2))
    _refused(lambda: den.a.say(sooner, first, "keeper"))
    another, begins = builders.key("nobody"), "2031-01-01T00:00:00+07:00"
    later = enrolment("tc", den.now, key=another, valid_from=begins)
    for line in (
        appointment("tc", den.now, powers=["REGISTRY_KEEPER"]), later, enrolment("tc", den.now),
    ):  # fmt: skip
        _refused(lambda: den.a.say(sooner, first, "keeper"))
        den.a.say(approved(line, "keeper"), "founder", "keeper")
    den.a.say(sooner, first, "keeper")
    assert den.audit().ok


@attack(
    "the agency of all registrars ends, and the founder has left, so that nobody can be appointed"
    " any more",
    stopped_by="REGISTRAR_LEFT, which asks of an agency's end as well",
    noticed_by="log audit, which asks the rules again",
)
def test_no_reorganisation_locks_the_registry(den: Den) -> None:
    """Where the founder is in post they move with the function; else one is appointed first."""
    den.a.say(ended(den, "founder", by="keeper2", last=_today(den)), "keeper2", "keeper")
    change = _carried_on(den)
    signers = "keeper2", "keeper", "gd"
    there = appointment("ubcv", den.now, by="keeper2", powers=["REGISTRY_KEEPER"])
    for line in (there, enrolment("ubcv", den.now, by="keeper2")):
        _refused(lambda: den.a.say(change, *signers))
        den.a.say(approved(_by_second(line), "keeper"), "keeper2", "keeper")
    den.a.say(change, *signers)
    assert den.audit().ok


@attack(
    "of two registrars one is appointed to their post anew, without its power, and the other has"
    " left by then, so that nobody can be appointed any more",
    stopped_by="REGISTRAR_LEFT, which asks of what a post gives from then on",
    noticed_by="log audit, which asks the rules again",
)
def test_no_registrar_who_is_left_is_appointed_to_less(den: Den) -> None:
    """The act waited for its last signature while the other one left."""
    for line in (appointment("tc", den.now, powers=["REGISTRY_KEEPER"]), enrolment("tc", den.now)):
        den.a.say(approved(line, "keeper"), "founder", "keeper")
    den.a.say(ended(den, "keeper2", by="founder", last=_today(den)), "founder", "keeper")
    less = approved(appointment("tc", den.now, powers=["PERSONNEL_OFFICER"]), "keeper")
    den.a.say(less, "founder")
    den.a.say(ended(den, "founder", by="tc", last=_today(den)), "tc", "keeper")
    den.a.clock.step(days=1)
    _refused(lambda: den.a.send(den.a.sign(less, "keeper", role="APPROVER"), by="keeper"))
    assert den.audit().ok
    index = den.put(less, "keeper", "APPROVER")
    against(den.audit(), index, "REGISTRAR_LEFT")


@pytest.fixture
def alone(den: Den) -> Den:
    """The founder and the heads of their agency have left: one registrar, and who approves."""
    for head in ("gd", "pgd"):
        den.a.say(approved(ending(head, den.now, _today(den)), "keeper"), "founder", "keeper")
    den.a.say(ended(den, "founder", by="keeper2", last=_today(den)), "keeper2", "keeper")
    den.a.clock.step(days=1)
    return den


@attack(
    "the two personnel officers end each other, so that nobody approves what a registrar enters",
    stopped_by="REGISTRAR_LEFT, which asks for a registrar and for another one who approves",
    noticed_by="log audit, which asks the rules again",
)
def test_two_who_approve_do_not_end_each_other(alone: Den) -> None:
    """Of two ends that were begun the second is not approved."""
    den, both = alone, ("tc", "keeper")
    for line in (
        appointment("tc", den.now, by="keeper2", powers=["PERSONNEL_OFFICER"]),
        enrolment("tc", den.now, by="keeper2"),
    ):
        den.a.say(approved(_by_second(line), "keeper"), "keeper2", "keeper")
    one, other = (
        approved(_by_second(ending(who, den.now, _today(den), by="keeper2")), by)
        for who, by in (both, both[::-1])
    )
    for end in (one, other):
        den.a.say(end, "keeper2")
    den.a.send(den.a.sign(one, "keeper", role="APPROVER"), by="keeper")
    _refused(lambda: den.a.send(den.a.sign(other, "tc", role="APPROVER"), by="tc"))
    assert den.audit().ok
    index = den.put(other, "tc", "APPROVER")
    against(den.audit(), index, "REGISTRAR_LEFT")


@attack(
    "the last registrar and the last one who approves say that they are one person, so that"
    " neither signs for the other any more",
    stopped_by="REGISTRAR_LEFT, which asks for two persons",
    noticed_by="log audit, which asks the rules again",
)
@pytest.mark.parametrize("one", ["keeper", "cv"])
def test_the_last_two_are_not_found_to_be_one(alone: Den, one: str) -> None:
    """Another one is appointed first; nor is the registrar found to be one who writes in cases."""
    den = alone
    link = approved(_by_second(linking(one, "keeper2", den.now, by="keeper2")), "keeper")
    _refused(lambda: den.a.say(link, "keeper2", "keeper"))
    index = den.put(link, "keeper2", stands=False)
    against(den.audit(), index, "REGISTRAR_LEFT")


@attack(
    "the last one who approves is said to be one person with an auditor of a few days to come, who"
    " signs nothing then",
    stopped_by="REGISTRAR_LEFT, which asks of each day on which any id of theirs enters or leaves",
    noticed_by="log audit, which asks the rules again",
)
def test_the_last_one_is_not_found_to_audit_some_day(alone: Den) -> None:
    """In another agency, and nobody else enters or leaves on these days."""
    den, first = alone, _today(alone) + timedelta(days=3)
    audits = appointment(
        "ubcv", den.now, by="keeper2", powers=["AUDITOR"], valid_from=first.isoformat(),
        valid_to=(first + timedelta(days=7)).isoformat(),
    )  # fmt: skip
    den.a.say(approved(_by_second(audits), "keeper"), "keeper2", "keeper")
    link = approved(_by_second(linking("keeper", "ubcv", den.now, by="keeper2")), "keeper")
    _refused(lambda: den.a.say(link, "keeper2", "keeper"))
