"""Who may approve: the power that each act type asks of its approver, in whose agency (Q1, Q2)."""

from __future__ import annotations

from datetime import date

import pytest

from ledger.regulation.acts.catalogue import load
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.edition import first_edition
from ledger.regulation.guards.table import guards_in
from ledger.regulation.participation.narrowing import EVERYTHING, Ended, narrowings
from ledger.regulation.registry.registry import Registry
from tests.builders import (
    Story,
    a_case_in,
    a_registry,
    a_token,
    at,
    breaks,
    enter,
    found,
    hire,
    holds,
    key,
    officer,
    person,
)

#: Types whose signers guards of their own choose: who opens a reporter, erases, inspects, voids.
BY_GUARDS = {
    "BreakGlassOpened",
    "CaseCustodyTransferred",
    "Declassified",
    "InspectionOrdered",
    "KeyCeremonyRecorded",
    "LogRecovered",
    "RecordErased",
    "RecordVoided",
    "ReporterIdentityDisclosed",
    "SecretDelivered",
    "SecretDestroyed",
}


def test_every_act_type_that_is_approved_says_by_whom() -> None:
    """Q1: no approver is any post of the agency; what is left has guards of its own."""
    types = load().types
    approved = {name for name, kind in types.items() if "APPROVER" in kind.signer_roles}
    stated = {name for name in approved if types[name].signer_powers.get("APPROVER")}
    assert approved - stated == BY_GUARDS


@pytest.mark.parametrize("alias", ["hotline", "cv2", "pc", "ttv"])
def test_a_clerk_approves_no_result(alias: str) -> None:
    """Q1: an accountant, an archivist, a hotline: a post of the agency is not enough."""
    case = a_case_in("HANDLING")
    holds("SIGNER_POWERS", case.asks("ResultDetermined", also=["gd"]))
    breaks("SIGNER_POWERS", case.asks("ResultDetermined", also=[alias]), "/signers/1")


def test_the_first_edition_asks_no_power_of_an_approver() -> None:
    """What was recorded under it stands as it stood."""
    case = a_case_in("HANDLING")
    case.registry.go_on_by(first_edition(), 0)
    question = case.asks("ResultDetermined", also=["pc"])
    assert question.kind.signer_powers == {}
    holds("SIGNER_POWERS", question)


def test_a_power_of_a_post_has_dates_and_a_kind_of_agency() -> None:
    """Q1: the head of an editorial office approves, by a dated line and not by an appointment."""
    registry = a_registry()
    held = registry.holds_code(
        "HEAD", "bacninh.bao", "tong-bien-tap", officer("bao"), date(2024, 6, 4)
    )
    assert held
    for agency, post, day in (
        ("bacninh.bao", "bien-tap", date(2024, 6, 4)),
        ("bacninh.syt", "tong-bien-tap", date(2024, 6, 4)),
        ("bacninh.bao", "tong-bien-tap", date(2023, 3, 20)),
    ):
        assert not registry.holds_code("HEAD", agency, post, officer("bao"), day)


REGISTERED = {
    "OfficerAppointed": f"officer/{officer('cv2')}",
    "KeyEnrolled": f"officer/{officer('cv2')}",
    "PersonLinked": f"officer/{officer('cv2')}",
    "FunctionAssigned": "agency/bacninh.stttt",
    "AgencyRegistered": "agency/bacninh.moi",
    "RegistryLinesAdded": "ledger",
}


@pytest.mark.parametrize("act", REGISTERED)
def test_what_is_registered_is_approved_by_the_personnel_officer(act: str) -> None:
    """Q2: nobody makes a chairman with a clerk's signature, nor with another registrar's."""
    story = Story(REGISTERED[act])
    holds("SIGNER_POWERS", story.asks(act, by="keeper", also=["tc"]))
    for also in ("cv", "keeper2", "pc", "gd"):
        breaks("SIGNER_POWERS", story.asks(act, by="keeper", also=[also]), "/signers/1")
    breaks("SIGNER_POWERS", story.asks(act, by="cv", also=["tc"]), "/signers/0")
    succession = Story("programme/qd90").asks("AgencySuccessionRecorded")
    holds("SIGNER_POWERS", succession)
    two = Story("programme/qd90").asks("AgencySuccessionRecorded", also=["keeper2", "gd"])
    breaks("SIGNER_POWERS", two, "/signers/1")


@pytest.mark.parametrize("act", ["ClockRuleSet", "InstrumentRegistered"])
def test_clocks_and_law_are_approved_by_the_legal_officer(act: str) -> None:
    """Q2: a registrar writes, the legal officer approves what everybody is judged by."""
    ledger = Story("ledger")
    holds("SIGNER_POWERS", ledger.asks(act, by="keeper", also=["pc"]))
    for also in ("cv", "keeper2", "tc", "gd"):
        breaks("SIGNER_POWERS", ledger.asks(act, by="keeper", also=[also]), "/signers/1")
    breaks("SIGNER_POWERS", ledger.asks(act, by="cv", also=["pc"]), "/signers/0")


def ended(registry: Registry, *aliases: str) -> None:
    """Revokes the keys of these."""
    for alias in aliases:
        facts = {
            "officer": officer(alias),
            "kid": key(alias).kid,
            "reason": "LOST",
            "invalid_from": "2024-06-03T08:00:00+07:00",
        }
        enter(registry, "KeyRevoked", facts, stream=f"officer/{officer(alias)}")


def test_while_nobody_is_personnel_officer_the_head_approves_then_a_registrar() -> None:
    """Q2: whoever loses the personnel officer's key is not the one who replaces them."""
    registry = a_registry()
    story = Story(REGISTERED["OfficerAppointed"], registry=registry)

    def allowed(*aliases: str) -> None:
        for alias in ("tc", "gd", "keeper2", "tp", "ct"):
            question = story.asks("OfficerAppointed", by="keeper", also=[alias])
            (holds if alias in aliases else breaks)("SIGNER_POWERS", question)
        assert not registry.founding(date(2024, 6, 4))

    allowed("tc")
    ended(registry, "tc")
    allowed("tc", "gd")  # of a key that is revoked the signature is refused elsewhere
    ended(registry, "gd", "pgd")
    allowed("tc", "gd", "keeper2")


def test_the_founder_is_not_alone_again_because_keys_are_revoked() -> None:
    """Q2: a registrar revokes any key alone, and gains nothing by it while a head can sign."""
    registry = Registry.founded()
    found(registry)
    day = date(2024, 6, 4)
    assert registry.founding(day)
    hire(registry, "gd")
    assert registry.founding(day), "a head alone ends no founding: the cast is still entered"
    hire(registry, "tc")
    assert not registry.founding(day)
    ended(registry, "tc")
    assert not registry.founding(day)
    ended(registry, "gd")
    assert registry.founding(day), "nobody is left: the log is not lost"


def test_what_ends_a_right_stays_quick() -> None:
    """Q2: a key is revoked by one signature, a post ended by two registrars."""
    kind = load().type("KeyRevoked")
    assert (kind.signature_class, kind.signer_powers) == (1, {})
    story = Story(REGISTERED["OfficerAppointed"])
    for also in ("tc", "keeper2"):
        holds("SIGNER_POWERS", story.asks("OfficerEnded", by="keeper", also=[also]))


def test_an_approver_sits_in_the_agency_of_the_author() -> None:
    """Q1, D16: another agency approves only where the act type names it, whatever power it has."""
    case = a_case_in("RESULT_RECORDED")
    holds("OFFICER_IN_POST", case.asks("ResultNotified", also=["gd"]))
    stranger = case.asks("ResultNotified", also=["yt"])
    breaks("OFFICER_IN_POST", stranger, "/signers/1")
    assert guards_in(first_edition()).by_code["OFFICER_IN_POST"].check(stranger) is None
    breaks("OFFICER_IN_POST", case.asks("ResultNotified", also=["hct"]), "/signers/1")
    ledger = Story("ledger")
    holds("OFFICER_IN_POST", ledger.asks("RecordVoided", by="keeper", also=["keeper2"]))


# -- persons --------------------------------------------------------------------------------------


def test_an_id_is_entered_with_the_token_of_its_person() -> None:
    """Q3: a new token would part an id from those that it is linked with."""
    story = Story(f"officer/{officer('cv2')}")
    own = {"officer": officer("cv2"), "person": person("cv2")}
    holds("PERSON_KEPT", story.asks("OfficerAppointed", facts=own))
    other = own | {"person": a_token("somebody else")}
    breaks("PERSON_KEPT", story.asks("OfficerAppointed", facts=other), "/facts/person")
    story.then("PersonLinked", facts={"officer": officer("cv2"), "other": officer("ytcv")})
    joined = own | {"person": person("ytcv")}
    holds("PERSON_KEPT", story.asks("OfficerAppointed", facts=joined))


def test_two_ids_found_to_be_one_person_are_one_signer() -> None:
    """Q3, D08: nobody approves themselves, by whatever token the ids were entered with."""
    registry = a_registry()
    story = Story(f"officer/{officer('tp')}", registry=registry)
    case = a_case_in("SCREENING", registry=registry)
    holds("DISTINCT_SIGNERS", case.asks("CompetenceDetermined", by="cv", also=["tp"]))
    story.then("PersonLinked", facts={"officer": officer("tp"), "other": officer("cv")})
    breaks("DISTINCT_SIGNERS", case.asks("CompetenceDetermined", by="cv", also=["tp"]), "/signers")
    hire(registry, "cv2", person=person("cv"))
    assert registry.same_person(officer("tp"), officer("cv2")), "by the token that was joined"
    assert {*registry.officers.ids_of(officer("tp"))} >= {officer("cv"), officer("cv2")}


def test_the_founder_is_joined_by_id_and_registers_nothing_of_their_own() -> None:
    """Q3: the first record gives no token, so the id stands for the person."""
    registry = Registry.founded()
    found(registry)
    hire(registry, "keeper")
    hire(registry, "cv")
    registry.officers.join(officer("cv"), officer("founder"))
    assert registry.same_person(officer("founder"), officer("cv"))
    registry.officers.join(officer("keeper"), officer("cv"))
    assert registry.same_person(officer("founder"), officer("keeper"))
    assert registry.copy().same_person(officer("founder"), officer("keeper"))
    story = Story(f"officer/{officer('tp')}", registry=registry)
    facts = {"officer": officer("tp"), "person": person("cv")}
    breaks("REGISTRAR_NOT_SELF", story.asks("OfficerAppointed", by="keeper", facts=facts))


def test_what_is_linked_are_two_officers_of_the_log_once() -> None:
    """Q3: of whom the registry does not know it yet."""
    story = Story(f"officer/{officer('cv2')}")
    facts = {"officer": officer("cv2"), "other": officer("ytcv")}
    holds("PERSON_LINK_NEW", story.asks("PersonLinked", facts=facts))
    for other in ("cv2", "nobody"):
        wrong = facts | {"other": officer(other)}
        breaks("PERSON_LINK_NEW", story.asks("PersonLinked", facts=wrong), "/facts/other")
    elsewhere = Story(f"officer/{officer('tp')}")
    breaks("PERSON_LINK_NEW", elsewhere.asks("PersonLinked", facts=facts), "/facts/officer")
    story.then("PersonLinked", facts=facts)
    breaks("PERSON_LINK_NEW", story.asks("PersonLinked", facts=facts), "/facts/other")


def test_whoever_is_found_to_be_one_human_sees_nothing_until_it_is_folded() -> None:
    """access.md G18: one of the two may be excluded, so both wait for the audience."""
    registry = a_registry()
    facts = {"officer": officer("cv2"), "other": officer("ytcv")}
    act = Story(f"officer/{officer('cv2')}", registry=registry).act("PersonLinked", facts=facts)
    for _ in range(2):
        taken = [*narrowings(act, registry, act.day)]
        assert taken == [Ended(officer(one), EVERYTHING) for one in ("cv2", "ytcv")]
        registry.officers.join(officer("cv2"), officer("ytcv"))


# -- days (Q7) ------------------------------------------------------------------------------------


def late_clerk() -> Story:
    """A case in a log whose registry enters a clerk on the tenth, in post from that day."""
    case = a_case_in("SCREENING", registry=a_registry())
    facts = {
        "officer": officer("newcomer"),
        "agency": "bacninh.stttt",
        "post": "chuyen-vien",
        "capacities": ["TRUC_TIEP"],
        "person": person("newcomer"),
        "valid_from": "2024-06-10",
        "basis_document": "Quyết định bổ nhiệm",
    }
    stream = f"officer/{officer('newcomer')}"
    enter(
        case.registry, "OfficerAppointed", facts, stream=stream,
        occurred_at="2024-06-10T08:00:00+07:00",
    )  # fmt: skip
    return case


def by_newcomer(case: Story, name: str) -> GuardInput:
    """The question that the newcomer puts on the tenth, about an act of the fifth."""
    signers = [{"officer": officer("newcomer"), "post": "chuyen-vien", "role": "AUTHOR"}]
    act = case.act(name, by="cv", also=[], signers=signers, when=at("2024-06-05 09:00"))
    return case.question(act, 0, day=at("2024-06-10 09:00"))


def test_who_records_is_judged_on_the_day_of_recording() -> None:
    """Q7: a clerk in post since the tenth enters a letter of the fifth, and decides nothing."""
    case = late_clerk()
    holds("OFFICER_IN_POST", by_newcomer(case, "ReportReceived"))
    breaks("OFFICER_IN_POST", by_newcomer(case, "CaseLinked"), "/signers/0")
    gone = case.act(
        "ReportReceived", by="cv", also=[], when=at("2024-06-05 09:00"),
        signers=[{"officer": officer("nobody"), "post": "chuyen-vien", "role": "AUTHOR"}],
    )  # fmt: skip
    breaks("OFFICER_IN_POST", case.question(gone, 0, day=at("2024-06-10 09:00")))


def test_a_post_that_was_entered_after_its_use_shows() -> None:
    """Q7: an appointment dated back lets an act stand, and no longer unseen."""
    case = a_case_in("SCREENING", registry=a_registry())
    holds("APPOINTED_LATE", case.asks("CaseLinked", by="cv"))
    facts = {
        "officer": officer("cv"), "agency": "bacninh.stttt", "post": "chuyen-vien",
        "capacities": ["TRUC_TIEP"], "person": person("cv"), "valid_from": "2024-06-01",
        "basis_document": "Quyết định bổ nhiệm",
    }  # fmt: skip
    enter(
        case.registry, "OfficerAppointed", facts, stream=f"officer/{officer('cv')}",
        occurred_at="2024-06-20T08:00:00+07:00",
    )  # fmt: skip
    breaks("APPOINTED_LATE", case.asks("CaseLinked", by="cv"), "/signers/0")
    holds("APPOINTED_LATE", case.asks("ReportReceived", by="cv"))
