"""A log that changes its rules on the way: everybody who judges it goes by each record's own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ledger.audit.findings import Damage
from ledger.errors import Rejected, VerificationError
from ledger.regulation.acts.act import Act
from ledger.regulation.case.state import StreamState
from ledger.write.registry_follower import RegistryFollower
from tests import builders
from tests.attack.test_replayed_rules import Den, against
from tests.attacks import attack
from tests.builders import CAST, Story, a_case_in, adoption_facts, an_act, an_id
from tests.examples import in_share
from tests.unit.regulation.test_editions import CHANGE

_CHANGE = {**CHANGE, "life_cycle": {"transitions": {"-": ["HANDLING / ReferralSent / "]}}}
"""Of the shared one the move to a case's end, which no edition of a log's own may take."""
_GONE = "LeadAgencyNotified"
_WITHOUT = {
    "acts": {"acts": {"-": [_GONE]}},
    "participation": {"acts": {"-": [f"{_GONE} / "]}},
}


@pytest.fixture
def den(request: pytest.FixtureRequest) -> Den:
    """A ledger of the newest edition, with a legal officer in post."""
    return Den(spread=in_share(3, request.node.name))


def adoption(den: Den, **facts: Any) -> Act:  # noqa: ANN401 - facts
    """EditionAdopted by the founding registrar and the legal officer."""
    signers = [
        {"officer": builders.officer("founder"), "post": CAST["keeper"][1], "role": "AUTHOR"},
        {"officer": builders.officer("pc"), "post": CAST["pc"][1], "role": "APPROVER"},
    ]
    said = adoption_facts(_CHANGE, den.a.ledger.registry.edition) | facts
    return an_act(
        "EditionAdopted", by="keeper", when=den.now.astimezone(builders.T0.tzinfo),
        stream="ledger", facts={n: v for n, v in said.items() if v is not None}, exact=True,
        signers=signers,
    )  # fmt: skip


def adopted(den: Den, **facts: Any) -> None:  # noqa: ANN401 - facts
    """Adopts through the door."""
    den.a.say(adoption(den, **facts), "founder", "pc")
    den.a.clock.set(den.now + timedelta(minutes=5))


def test_door_follower_fold_and_audit_go_by_the_edition_of_each_record(den: Den) -> None:
    """Referred before by a row that is gone: it stays so for all of them; then it is no way."""
    old = den.tell(a_case_in("REFERRED", start=den.now))
    half = a_case_in("HANDLING", name=f"case/{an_id('half')}", start=den.now)
    den.tell(half)
    adopted(den)
    beside = den.a.beside()
    beside.ledger.refresh()
    assert beside.ledger.registry.edition.name == "2-thu.1"
    half.registry = beside.ledger.registry.copy()
    half.now = den.now
    sending = half.act("ReferralSent")
    with pytest.raises(Rejected) as refused:
        den.a.say(sending, _alias(sending.author.officer))
    assert refused.value.guard == "STATE_ILLEGAL"
    report = den.audit()
    assert report.ok, report.findings
    assert den.set_aside(old) == []
    folded = {step.stream.name: step.stream for step in den.steps()}
    assert isinstance(folded[old.stream.name], StreamState)
    assert folded[old.stream.name].state == "REFERRED"
    assert folded[half.stream.name].state == "HANDLING"


@attack(
    "an act that the edition in force refuses, appended past the door since the one before let it",
    stopped_by="each record is judged by the edition at its index",
    noticed_by="log audit, which asks the rules again",
)
def test_act_by_the_rules_of_before_past_the_door(den: Den) -> None:
    """Lawful the day before; whoever reads the log sees it set aside."""
    case = den.tell(a_case_in("HANDLING", start=den.now))
    lawful = Story(case.stream.name)
    lawful.stream, lawful.now = case.stream, den.now
    sending = lawful.act("ReferralSent")
    adopted(den)
    index = den.junk_of(sending, *(_alias(s.officer) for s in sending.signers[:1]))
    against(den.audit(), index, "STATE_ILLEGAL")
    assert den.set_aside(case) == [index]
    assert {step.opened.index for step in den.steps() if step.status == "set_aside"} == {index}


@attack(
    "an act of a type that the edition in force has no more, appended past the door",
    stopped_by="each record is judged by the edition at its index",
    noticed_by="log audit, though it parses acts before it judges what is before them",
)
def test_act_of_a_type_that_is_gone_past_the_door(den: Den) -> None:
    """Both acts stand in one part of the log."""
    case = den.tell(a_case_in("RESULT_RECORDED", start=den.now))
    lawful = Story(case.stream.name)
    lawful.stream, lawful.now = case.stream, den.now
    told = lawful.act(_GONE)
    adopted(den, change=_WITHOUT, digest=den.a.ledger.registry.edition.changed(
        "2-thu.1", _WITHOUT
    ).digest)  # fmt: skip
    index = den.junk_of(told, *(_alias(s.officer) for s in told.signers[:1]))
    found = [(finding.index, finding.kind) for finding in den.audit().findings]
    assert found == [(index, Damage.ACT_MALFORMED)]


@attack(
    "rules of one's own, adopted by a registrar and any clerk past the door",
    stopped_by="the registry follower",
    noticed_by="log audit, which asks the rules again",
)
def test_edition_that_no_legal_officer_signed(den: Den) -> None:
    """It is judged by the edition in force, not by the one it would bring."""
    act = adoption(den)
    signers = [
        act.signed["signers"][0],
        {"officer": builders.officer("cv"), "post": CAST["cv"][1], "role": "APPROVER"},
    ]
    other = an_act(
        "EditionAdopted", by="keeper", when=act.occurred_at, stream="ledger",
        facts=dict(act.facts), exact=True, signers=signers,
    )  # fmt: skip
    before = den.a.ledger.registry.edition
    index = den.junk_of(other, "founder")
    against(den.audit(), index, "SIGNER_POWERS")
    assert den.a.beside().ledger.refresh().edition is before


@attack(
    "registrar and legal officer lengthen a term by which they are overseen, and widen who acts",
    stopped_by="OVERSIGHT_TERM_KEPT and EDITION_FITS, at the door",
    noticed_by="log audit, which asks the rules again",
)
def test_those_who_are_overseen_loosen_their_own_oversight(den: Den) -> None:
    """By a rule or by an edition, through the door or past it: it is not in force."""
    before = den.a.ledger.registry.edition
    wider = {"acts": {"acts": {"SanctionDecided": {"who": ["SANCTION_AUTHORITY", "ANY_AGENCY"]}}}}
    made = before.changed("2-thu.1", wider).digest
    with pytest.raises(Rejected) as refused:
        adopted(den, change=wider, digest=made)
    assert refused.value.guard == "EDITION_FITS"
    act = adoption(den)
    day = den.now.date()
    term = an_act(
        "ClockRuleSet", by="keeper", when=act.occurred_at, stream="ledger",
        facts={"rule": "BREAK_GLASS_REVIEW", "value": 9000, "unit": "wd",
               "valid_from": day.isoformat()},
        signers=list(act.signed["signers"]),
    )  # fmt: skip
    with pytest.raises(Rejected) as refused:
        den.a.say(term, "founder", "pc")
    assert refused.value.guard == "OVERSIGHT_TERM_KEPT"
    index = den.junk_of(term, "founder")
    against(den.audit(), index, "OVERSIGHT_TERM_KEPT")
    ledger = den.a.beside().ledger.refresh()
    assert ledger.edition is before
    rule = ledger.rule("BREAK_GLASS_REVIEW", day)
    assert rule is not None
    assert (rule.value, rule.unit) == (1, "wd")


@attack(
    "an older program reads a log that has gone on under an edition it does not know",
    stopped_by="it stops at that record, and judges nothing behind it by the rules of before",
    noticed_by="whoever runs it",
)
def test_edition_of_a_newer_program_stops_an_older_one(den: Den) -> None:
    """Set aside, it would let the older program tell another story of the same log."""
    act = adoption(den, change=None, edition="9", digest="A" * 43)
    with pytest.raises(Rejected) as refused:
        den.a.say(act, "founder", "pc")
    assert refused.value.guard == "EDITION_KNOWN"
    den.put(act, "founder")
    den.put(act, "pc", "APPROVER", author=False, registry=True)
    follower = RegistryFollower(den.store, den.a.reader())
    with pytest.raises(VerificationError, match="edition 9 needs a newer program"):
        follower.catch_up()
    with pytest.raises(VerificationError, match="edition 9 needs a newer program"):
        den.audit()


def _alias(uuid: str) -> str:
    return next(name for name in CAST if builders.officer(name) == uuid)
