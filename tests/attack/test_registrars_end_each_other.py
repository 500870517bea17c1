"""Two registrars who end each other: somebody always remains who can let others in (G8, ADR 64)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from ledger.errors import Rejected
from ledger.regulation.acts.act import Act, parse_act
from tests import builders
from tests.a_ledger import _by_keeper, appointment, approved, enrolment
from tests.attack.test_replayed_rules import Den, against
from tests.attacks import attack
from tests.builders import CAST
from tests.examples import in_share

_POST = {"founder": CAST["keeper"], "keeper2": CAST["keeper2"]}


@pytest.fixture
def den(request: pytest.FixtureRequest) -> Den:
    """Two registrars, the founder and another one, and a personnel officer."""
    made = Den(spread=in_share(3, request.node.name))
    personnel = appointment("keeper", made.now, powers=["PERSONNEL_OFFICER"])
    made.a.say(personnel, "founder")
    made.a.say(enrolment("keeper", made.now), "founder")
    for line in (appointment, enrolment):
        made.a.say(approved(line("keeper2", made.now), "keeper"), "founder", "keeper")
    made.a.clock.step(minutes=5)
    return made


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


def _today(den: Den) -> date:
    return den.now.astimezone(builders.T0.tzinfo).date()


def _refused(send: Callable[[], object]) -> None:
    with pytest.raises(Rejected) as refused:
        send()
    assert refused.value.guard == "REGISTRAR_LEFT"


@attack(
    "each of two registrars ends the other's post, by an act that waits for its last signature or"
    " by a day to come, so that nobody can be appointed any more",
    stopped_by="REGISTRAR_LEFT, asked again of each signature",
    noticed_by="log audit, which asks the rules again",
)
@pytest.mark.parametrize("days", [0, 3])
def test_two_registrars_do_not_end_each_other(den: Den, days: int) -> None:
    """The one who is left appoints; what was signed past the door is named."""
    last = _today(den) + timedelta(days=days)
    one = ended(den, "keeper2", by="founder", last=last)
    other = ended(den, "founder", by="keeper2", last=last)
    den.a.say(one, "founder")
    den.a.say(other, "keeper2")
    den.a.send(den.a.sign(one, "keeper", role="APPROVER"), by="keeper")
    den.a.clock.step(days=days + 1)
    _refused(lambda: den.a.send(den.a.sign(other, "keeper", role="APPROVER"), by="keeper"))
    assert den.audit().ok
    again = approved(appointment("cv2", den.now), "keeper")
    den.a.say(again, "founder", "keeper")
    index = den.put(other, "keeper", "APPROVER")
    against(den.audit(), index, "REGISTRAR_LEFT")
