"""Two roles in one hand, tried at the door: each is refused by the rule that keeps them apart."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ledger.errors import Rejected
from ledger.regulation.acts.act import Act
from tests import builders
from tests.a_ledger import ALedger, appointment, enrolment, in_memory
from tests.attacks import attack
from tests.builders import CAST, MORE_POWERS, Story, a_case_in, an_act, an_id, officer
from tests.fakes import MemoryRecordStore

OFFICERS = (
    "hotline",
    "cv",
    "cv2",
    "tp",
    "pgd",
    "gd",
    "pc",
    "yt",
    "ytcv",
    "thanhtra",
    "tra",
    "trapc",
)


class Door:
    """A ledger with officers in post; stories are told to it as clients would."""

    def __init__(self) -> None:
        self.a = ALedger(in_memory(MemoryRecordStore()))
        self.a.found()
        self.a.clock.step(seconds=1)
        for alias in OFFICERS:
            self.hire(alias)

    def hire(self, alias: str, **facts: Any) -> None:  # noqa: ANN401 - facts are JSON
        """Appoints and enrols an alias by the founder."""
        line = builders.a_registry().agency(CAST[alias][0])
        assert line is not None
        shipped = line.posts[CAST[alias][1]].powers
        facts.setdefault("powers", sorted({*shipped, *MORE_POWERS.get(alias, ())}))
        now = self.a.clock.now()
        self.a.say(appointment(alias, now, **facts), "founder")
        self.a.say(enrolment(alias, now), "founder")

    def case(self) -> Story:
        """A case that is verified, in the log."""
        story = a_case_in("VERIFYING", start=self.a.clock.now().astimezone(builders.T0.tzinfo))
        for entry in story.stream.entries.values():
            self.say(entry.act)
        return story

    def say(self, act: Act) -> None:
        """An act of a story, signed by everybody it names, at its time."""
        self.a.clock.set(max(self.a.clock.now(), act.occurred_at + timedelta(minutes=1)))
        self.a.say(act, *(_alias(s.officer) for s in act.signers))

    def refused(self, act: Act) -> str | None:
        """The guard that refuses an act; nothing of it is recorded."""
        size = self.a.stores.records.head().size
        with pytest.raises(Rejected) as caught:
            self.say(act)
        assert self.a.stores.records.head().size == size
        return caught.value.guard


def _alias(uuid: str) -> str:
    return next(alias for alias in (*CAST, "founder") if officer(alias) == uuid)


@pytest.fixture
def door() -> Door:
    """A ledger that holds nothing but its cast."""
    return Door()


def order(case: Story, alias: str) -> Act:
    """An inspection of a case, read by an alias."""
    reader = {
        "officer": officer(alias), "post": CAST[alias][1], "agency": CAST[alias][0],
        "until": (case.now + timedelta(days=9)).isoformat(timespec="seconds"),
    }  # fmt: skip
    facts = {"cases": [case.stream.name], "readers": [reader]}
    stream = "agency/bacninh.thanhtra"
    return an_act("InspectionOrdered", when=case.now, facts=facts, stream=stream)


@attack(
    "an inspector under order works in the case", stopped_by="INSPECTOR_SIGNS_NOT", noticed_by="-"
)
def test_inspector_who_then_works_in_the_case(door: Door) -> None:
    """access.md S7 at use: the order came first, so no order could refuse it."""
    case = door.case()
    asked = case.act("VerificationRequested", by="cv2", also=["gd"])
    door.say(asked)
    case.then("VerificationRequested", by="cv2", also=["gd"])
    case.later(minutes=10)
    door.say(order(case, "ytcv"))
    case.later(minutes=10)
    answer = case.act("VerificationAnswered", by="ytcv", facts={"request": asked.act_id})
    assert door.refused(answer) == "INSPECTOR_SIGNS_NOT"


@attack("an auditor approves", stopped_by="AUDITOR_SIGNS_NOT", noticed_by="-")
def test_auditor_who_approves_an_inspection(door: Door) -> None:
    """access.md S6: whoever looks at everybody's reads gives nobody access."""
    case = door.case()
    door.hire("giamsat")
    act = an_act(
        "InspectionOrdered",
        when=case.now,
        also=["giamsat"],
        facts=dict(order(case, "tra").facts),
        stream="agency/bacninh.thanhtra",
    )
    assert door.refused(act) == "AUDITOR_SIGNS_NOT"


@attack("a clerk becomes auditor as well", stopped_by="AUDITOR_APART", noticed_by="-")
def test_clerk_who_is_appointed_auditor(door: Door) -> None:
    """access.md S6: under a second id too, since the act names the person."""
    now = door.a.clock.now()
    post: dict[str, Any] = {
        "agency": "bacninh.thanhtra",
        "post": "giam-sat-vien",
        "powers": ["AUDITOR"],
    }
    assert door.refused(appointment("tra", now, **post)) == "AUDITOR_APART"
    door.a.say(appointment("pc", now, valid_from="2023-03-22"), "founder")
    second = appointment("giamsat", now, person=builders.person("pc"))
    assert door.refused(second) == "AUDITOR_APART"


@attack(
    "a clerk is made a custodian of keys, or a custodian is given a post that works",
    stopped_by="KEYS_APART",
    noticed_by="-",
)
def test_clerk_who_is_appointed_to_keep_keys(door: Door) -> None:
    """access.md S5: who opens what is sealed decides nothing of it; under a second id too."""
    now = door.a.clock.now()
    custody: dict[str, Any] = {"powers": ["KEY_CUSTODIAN"]}
    assert door.refused(appointment("cv", now, **custody)) == "KEYS_APART"
    both = ["KEY_CUSTODIAN", "CONTENT_AUTHORITY"]
    assert door.refused(appointment("ubcv", now, powers=both)) == "KEYS_APART"
    door.hire("ubgk", person=builders.a_token("one person"))
    linked = appointment("ubcv", now, person=builders.a_token("one person"))
    assert door.refused(linked) == "KEYS_APART"


@attack(
    "a custodian of keys checks an act of a case, or is let into it",
    stopped_by="KEY_KEEPER_SIGNS_NOT, KEYS_APART",
    noticed_by="-",
)
def test_custodian_who_works_in_a_case(door: Door) -> None:
    """access.md S5 at use and at the grant; the same act without the custodian is taken."""
    case = door.case()
    door.hire("ubgk")
    approved = {"by": "cv2", "facts": dict(case.act("VerificationRequested").facts)}
    act = case.act("VerificationRequested", also=["ubgk", "gd"], **approved)
    assert door.refused(act) == "KEY_KEEPER_SIGNS_NOT"
    reads = {"officer": officer("ubgk"), "may": "READ"}
    assert door.refused(case.act("ParticipationGranted", facts=reads)) == "KEYS_APART"
    assert door.refused(order(case, "ubgk")) == "KEYS_APART"
    case.now = max(case.now, door.a.clock.now().astimezone(builders.T0.tzinfo))
    door.say(case.act("VerificationRequested", also=["gd"], **approved))


@attack("who took a case in approves in it", stopped_by="INTAKE_APPROVES_NOT", noticed_by="-")
def test_intake_officer_who_approves(door: Door) -> None:
    """access.md S2: one hand lets a matter in and lets it through, were it a supervisor's."""
    case = door.case()
    door.a.say(appointment("cv", door.a.clock.now(), powers=["SUPERVISOR"]), "founder")
    assert door.refused(case.act("VerificationRequested", by="cv2", also=["cv"])) == (
        "INTAKE_APPROVES_NOT"
    )


@attack(
    "who wrote the finding approves what follows", stopped_by="HANDLER_APPROVES_NOT", noticed_by="-"
)
def test_handler_who_approves_the_decision(door: Door) -> None:
    """access.md S2: facts and decision in one hand; also by a grant to approve."""
    case = door.case()
    door.say(case.then("VerificationConcluded", by="tp", also=["gd"]).act)
    decided = case.act("HandlingDecided", by="cv2", also=["tp"])
    assert door.refused(decided) == "HANDLER_APPROVES_NOT"
    granted = case.act("ParticipationGranted", facts={"officer": officer("tp"), "may": "APPROVE"})
    assert door.refused(granted) == "GRANT_KEEPS_APART"
    case.now = max(case.now, door.a.clock.now().astimezone(builders.T0.tzinfo))
    door.say(case.act("HandlingDecided", by="cv2", also=["gd"]))


@attack("a supervisor elsewhere revokes a grant", stopped_by="REVOKER_IN_CHARGE", noticed_by="-")
def test_grant_revoked_by_another_agency(door: Door) -> None:
    """access.md A8: else any head of any department blinds whoever works."""
    case = door.case()
    facts = {"officer": officer("ytcv")}
    grant = case.act("ParticipationGranted", facts=facts)
    door.say(grant)
    case.then("ParticipationGranted", facts=facts)
    named = {"grant": grant.act_id, "officer": officer("ytcv")}
    act = case.act("ParticipationRevoked", by="yt", facts=named)
    assert door.refused(act) == "REVOKER_IN_CHARGE"
    door.say(case.act("ParticipationRevoked", by="gd", facts=named))


@attack("one officer handles and approves", stopped_by="GRANT_KEEPS_APART", noticed_by="-")
def test_second_grant_to_approve_what_one_handles(door: Door) -> None:
    """access.md S2 at the grant."""
    case = door.case()
    door.say(case.then("ParticipationGranted", facts=_may("HANDLE")).act)
    assert door.refused(case.act("ParticipationGranted", facts=_may("APPROVE"))) == (
        "GRANT_KEEPS_APART"
    )


def _may(may: str) -> dict[str, Any]:
    return {"officer": officer("ytcv"), "may": may}


@attack("a registrar makes a second id of theirs", stopped_by="REGISTRAR_NOT_SELF", noticed_by="-")
def test_registrar_who_enrols_a_second_self(door: Door) -> None:
    """access.md S10: administrators included."""
    person = builders.a_token("the keeper")
    door.hire("keeper", person=person, powers=["REGISTRY_KEEPER", "PERSONNEL_OFFICER"])
    new = an_id("another id of the keeper")
    signers = [
        {"officer": officer(alias), "post": CAST["keeper"][1], "role": role}
        for alias, role in (("founder", "AUTHOR"), ("keeper", "APPROVER"))
    ]
    first = appointment("cv2", door.a.clock.now(), officer=new, person=person)
    act = an_act(
        "OfficerAppointed", by="keeper", when=first.occurred_at, stream=f"officer/{new}",
        agency=first.agency, facts=dict(first.facts), exact=True, signers=signers,
    )  # fmt: skip
    assert door.refused(act) == "REGISTRAR_NOT_SELF"
