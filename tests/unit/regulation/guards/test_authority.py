"""Who may approve: the power that each act type asks of its approver, in whose agency (Q1, Q2)."""

from __future__ import annotations

from datetime import date

import pytest

from ledger.regulation.acts.catalogue import load
from ledger.regulation.edition import first_edition
from ledger.regulation.guards.table import guards_in
from tests.builders import Story, a_case_in, a_registry, breaks, hire, holds, officer

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


@pytest.mark.parametrize("act", ["OfficerAppointed", "FunctionAssigned", "AgencyRegistered"])
def test_a_registrar_with_any_clerk_changes_no_registry(act: str) -> None:
    """Q2: nobody makes a chairman or a second lead with a clerk's signature."""
    registry = a_registry()
    hire(registry, "ttv", powers=["PERSONNEL_OFFICER"])
    stream = {
        "OfficerAppointed": f"officer/{officer('cv2')}",
        "FunctionAssigned": "agency/bacninh.stttt",
        "AgencyRegistered": "agency/bacninh.moi",
    }[act]
    story = Story(stream, registry=registry)
    holds("SIGNER_POWERS", story.asks(act, by="keeper", also=["ttv"]))
    holds("SIGNER_POWERS", story.asks(act, by="keeper", also=["keeper2"]))
    breaks("SIGNER_POWERS", story.asks(act, by="keeper", also=["cv"]), "/signers/1")
    breaks("SIGNER_POWERS", story.asks(act, by="cv", also=["keeper"]), "/signers/0")


@pytest.mark.parametrize("act", ["ClockRuleSet", "InstrumentRegistered"])
def test_two_clerks_set_no_clock_and_register_no_law(act: str) -> None:
    """Q2: the legal officer, or a registrar, approves what everybody is judged by."""
    ledger = Story("ledger")
    holds("SIGNER_POWERS", ledger.asks(act, by="keeper", also=["pc"]))
    holds("SIGNER_POWERS", ledger.asks(act, by="keeper", also=["keeper2"]))
    breaks("SIGNER_POWERS", ledger.asks(act, by="keeper", also=["cv"]), "/signers/1")


def test_what_ends_a_right_stays_quick() -> None:
    """Q2: a key is revoked by one signature."""
    kind = load().type("KeyRevoked")
    assert (kind.signature_class, kind.signer_powers) == (1, {})


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
