"""Roles of one natural person that stay apart: when granted, and at each signature afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ledger.errors import Rejected
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.state import apply
from tests.attacks import attack
from tests.builders import (
    CAST,
    REPORTER,
    Story,
    a_case_in,
    an_id,
    breaks,
    enter,
    hire,
    holds,
    officer,
    signed,
)

ELSEWHERE = f"case/{an_id('another case')}"
WORK = {"by": "cv", "also": ["tp"]}


def linked(case: Story, *aliases: str) -> None:
    """The registry says that these ids are one natural person."""
    for alias in aliases:
        hire(case.registry, alias, person=an_id("one person"))


def inspected(case: Story, alias: str, *cases: str) -> Story:
    """An order that names an alias as reader of some cases, in force for thirty days."""
    office = Story("agency/bacninh.thanhtra", registry=case.registry, start=case.now)
    agency, post = CAST[alias]
    reader = {
        "officer": officer(alias),
        "post": post,
        "agency": agency,
        "until": "2024-07-04T08:00:00+07:00",
    }
    office.then("InspectionOrdered", facts={"cases": list(cases), "readers": [reader]})
    case.later(minutes=30)
    return office


# -- S7: who inspects ------------------------------------------------------------------------------


def test_who_inspects_signs_in_no_case_while_the_order_runs() -> None:
    """access.md S7: also in a case that the order does not name; as author or later signer."""
    case = a_case_in("VERIFYING")
    holds("INSPECTOR_SIGNS_NOT", case.asks("VerificationRequested", **WORK))
    inspected(case, "ytcv", ELSEWHERE)
    holds("INSPECTOR_SIGNS_NOT", case.asks("VerificationRequested", **WORK))
    named = case.asks("VerificationRequested", by="cv", also=["ytcv"])
    breaks("INSPECTOR_SIGNS_NOT", named, "/signers/1")
    breaks("INSPECTOR_SIGNS_NOT", case.asks("VerificationAnswered", by="ytcv"), "/signers/0")
    case.later(days=40)
    holds("INSPECTOR_SIGNS_NOT", case.asks("VerificationAnswered", by="ytcv"))


def test_who_inspected_a_case_never_works_in_it() -> None:
    """access.md S7: what was read under the order stays read when it is over."""
    case = a_case_in("VERIFYING")
    case.then("VerificationRequested", by="cv2", also=["gd"])
    inspected(case, "ytcv", case.stream.name)
    case.later(days=40)
    breaks("INSPECTOR_SIGNS_NOT", case.asks("VerificationAnswered", by="ytcv"), "/signers/0")
    with pytest.raises(Rejected) as refused:
        case.then("VerificationAnswered", by="ytcv")
    assert refused.value.guard == "INSPECTOR_SIGNS_NOT"


def test_an_act_dated_into_the_inspection_is_refused_afterwards() -> None:
    """The day of the act is asked as well as the day it is taken."""
    case = a_case_in("VERIFYING")
    inspected(case, "ytcv", ELSEWHERE)
    meant = case.now
    case.later(days=40)
    asked = case.asks("VerificationAnswered", by="ytcv", when=meant)
    breaks("INSPECTOR_SIGNS_NOT", asked, "/signers/0")


def test_another_id_of_who_inspects_signs_no_more_than_the_first() -> None:
    """The same natural person, by whatever post."""
    case = a_case_in("VERIFYING")
    linked(case, "ytcv", "yt")
    inspected(case, "ytcv", ELSEWHERE)
    breaks("INSPECTOR_SIGNS_NOT", case.asks("VerificationAnswered", by="yt"), "/signers/0")


def test_who_inspects_signs_off_a_check_and_returns_what_waits() -> None:
    """The one is inspection, the other keeps the case from standing still."""
    case = a_case_in("VERIFYING")
    act = case.act("VerificationRequested", by="cv", also=["ytcv"])
    apply(case.stream, signed(act, case.stream)[0])
    inspected(case, "ytcv", case.stream.name)
    holds("INSPECTOR_SIGNS_NOT", case.asks("VerificationSignedOff", by="ytcv"))
    back = {"refers_to": act.act_id, "facts": {"reason": "Tôi đang thanh tra hồ sơ này."}}
    holds("INSPECTOR_SIGNS_NOT", case.asks("ActReturned", by="ytcv", **back))


def test_nobody_inspects_the_agency_they_work_for() -> None:
    """access.md S7, at the order: of an agency's cases each of its officers is a reader by post."""
    office = Story("agency/bacninh.thanhtra")
    reader = {
        "officer": officer("ytcv"),
        "post": "chuyen-vien",
        "agency": "bacninh.syt",
        "until": "2024-07-04T08:00:00+07:00",
    }
    order = {"cases": None, "agencies": ["bacninh.stttt"], "readers": [reader]}
    holds("INSPECTOR_SEPARATE", office.asks("InspectionOrdered", facts=order))
    order["agencies"] = ["bacninh.stttt", "bacninh.syt"]
    breaks("INSPECTOR_SEPARATE", office.asks("InspectionOrdered", facts=order), "/facts/readers")
    order["agencies"] = ["bacninh.stttt"]
    linked(office, "ytcv", "cv")
    breaks("INSPECTOR_SEPARATE", office.asks("InspectionOrdered", facts=order), "/facts/readers")


def over_agencies(case: Story, alias: str, *agencies: str, **facts: str) -> None:
    """An order over agencies, for the cases of 2024, in force for thirty days."""
    office = Story("agency/bacninh.thanhtra", registry=case.registry, start=case.now)
    reader = {
        "officer": officer(alias),
        "post": "thanh-tra-vien",
        "agency": "bacninh.thanhtra",
        "until": "2024-07-04T08:00:00+07:00",
    }
    period = {"period_from": "2024-01-01", "period_to": "2024-12-31"} | facts
    order = {"cases": None, "agencies": list(agencies), "readers": [reader], **period}
    office.then("InspectionOrdered", facts=order)


def test_who_inspected_an_agency_works_in_no_case_that_was_open_to_them() -> None:
    """access.md S7: an order that names agencies alone shows the cases of its period."""
    for agencies, facts, barred in (
        (["bacninh.stttt"], {}, True),
        (["bacninh.congan"], {}, False),
        (["bacninh.stttt"], {"period_from": "2023-01-01", "period_to": "2023-12-31"}, False),
    ):
        case = a_case_in("VERIFYING")
        over_agencies(case, "tra", *agencies, **facts)
        case.later(days=40)
        asked = case.asks("VerificationRequested", by="cv2", also=["tra"])
        if barred:
            breaks("INSPECTOR_SIGNS_NOT", asked, "/signers/1")
        else:
            holds("INSPECTOR_SIGNS_NOT", asked)


@pytest.mark.parametrize(
    ("valid_to", "barred"), [("2024-02-01", True), ("2023-12-31", False), (None, True)]
)
def test_nobody_inspects_the_agency_they_served_in_meanwhile(
    valid_to: str | None, *, barred: bool
) -> None:
    """access.md S7: whoever moved to the inspectorate does not look at their own time."""
    office = Story("agency/bacninh.thanhtra")
    moved = {"valid_from": "2023-03-22", "agency": "bacninh.stttt", "post": "chuyen-vien"}
    more = {} if valid_to is None else {"valid_to": valid_to}
    hire(office.registry, "tra", **moved, **more)
    reader = {
        "officer": officer("tra"),
        "post": "thanh-tra-vien",
        "agency": "bacninh.thanhtra",
        "until": "2024-07-04T08:00:00+07:00",
    }
    order = {
        "cases": None, "agencies": ["bacninh.stttt"], "readers": [reader],
        "period_from": "2024-01-01", "period_to": "2024-05-31",
    }  # fmt: skip
    asked = office.asks("InspectionOrdered", facts=order)
    if barred:
        breaks("INSPECTOR_SEPARATE", asked, "/facts/readers")
    else:
        holds("INSPECTOR_SEPARATE", asked)


@attack(
    "registrar and personnel officer date the end of a post back, so that its holder inspects the"
    " agency whose cases they read until then",
    stopped_by="INSPECTOR_SEPARATE, which asks until the day on which the end was said",
    noticed_by="log audit, which asks the rules again",
)
def test_no_end_that_is_dated_back_makes_an_inspector() -> None:
    """access.md S7: until their end is said, whoever holds a post reads the agency's cases."""
    office = Story("agency/bacninh.thanhtra")
    post = {"officer": officer("tra"), "agency": "bacninh.stttt", "post": "chuyen-vien"}
    hire(office.registry, "tra", valid_from="2023-03-22", agency=post["agency"], post=post["post"])
    left = {**post, "ended_on": "2023-03-01", "reason": "MOVED", "keys_end": False}
    stream, said = f"officer/{officer('tra')}", office.now.isoformat()
    enter(office.registry, "OfficerEnded", left, stream=stream, occurred_at=said)
    reader = {
        "officer": officer("tra"), "post": "thanh-tra-vien", "agency": "bacninh.thanhtra",
        "until": "2024-07-04T08:00:00+07:00",
    }  # fmt: skip
    order = {
        "cases": None, "agencies": ["bacninh.stttt"], "readers": [reader],
        "period_from": "2024-01-01", "period_to": "2024-05-31",
    }  # fmt: skip
    asked = office.asks("InspectionOrdered", facts=order)
    breaks("INSPECTOR_SEPARATE", asked, "/facts/readers")
    order["period_from"] = "2025-01-01"
    holds("INSPECTOR_SEPARATE", office.asks("InspectionOrdered", facts=order))


# -- S6: who audits --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["RecordErased", "KeyCeremonyRecorded"])
def test_an_auditor_bears_witness_and_signs_nothing_else(name: str) -> None:
    """access.md S6: a signature under an erasure or a ceremony is no content."""
    ledger = Story("ledger")
    holds("AUDITOR_SIGNS_NOT", ledger.asks(name, also=["keeper2", "giamsat"]))
    case = a_case_in("VERIFYING")
    holds("AUDITOR_SIGNS_NOT", case.asks("VerificationSignedOff", by="giamsat"))
    holds("AUDITOR_SIGNS_NOT", case.asks("VerificationRequested", **WORK))
    approves = case.asks("VerificationRequested", by="cv", also=["giamsat"])
    breaks("AUDITOR_SIGNS_NOT", approves, "/signers/1")
    breaks("AUDITOR_SIGNS_NOT", case.asks("ReportReceived", by="giamsat"), "/signers/0")


@pytest.mark.parametrize(
    ("stream", "act"),
    [
        ("agency/bacninh.thanhtra", "InspectionOrdered"),
        (f"officer/{officer('cv2')}", "KeyEnrolled"),
        ("programme/qd90", "StatisticsSubmitted"),
    ],
)
def test_an_auditor_gives_no_power_enrols_no_key_and_reports_nothing(stream: str, act: str) -> None:
    """access.md S6: any writing or key role, in every stream."""
    story = Story(stream)
    breaks("AUDITOR_SIGNS_NOT", story.asks(act, by="tra", also=["giamsat"]), "/signers/1")


def test_another_id_of_an_auditor_signs_no_more_than_the_first() -> None:
    """Administrators included: the same natural person keeps no registry."""
    case = a_case_in("VERIFYING")
    linked(case, "giamsat", "tp")
    breaks("AUDITOR_SIGNS_NOT", case.asks("VerificationRequested", **WORK), "/signers/1")
    linked(case, "giamsat", "tc")
    registrar = Story(f"officer/{officer('ytcv')}", registry=case.registry)
    breaks("AUDITOR_SIGNS_NOT", registrar.asks("OfficerAppointed"), "/signers/1")


def appointed(alias: str, **facts: Any) -> dict[str, Any]:  # noqa: ANN401 - facts are JSON
    """Facts of an appointment of an alias."""
    return {
        "officer": officer(alias),
        "agency": "bacninh.thanhtra",
        "post": "giam-sat-vien",
        "powers": ["AUDITOR"],
        "valid_from": "2024-06-10",
        **facts,
    }


def test_who_has_a_post_is_not_appointed_auditor_nor_the_reverse() -> None:
    """access.md S6, at the appointment: by any id, for as long as the two would meet."""
    case = Story(f"officer/{officer('cv2')}")
    breaks("AUDITOR_APART", case.asks("OfficerAppointed", facts=appointed("cv2")))
    again = appointed("giamsat")
    holds("AUDITOR_APART", case.asks("OfficerAppointed", facts=again))
    works = appointed("giamsat", agency="bacninh.stttt", post="quan-tri-danh-ba")
    works["powers"] = ["REGISTRY_KEEPER"]
    breaks("AUDITOR_APART", case.asks("OfficerAppointed", facts=works), "/facts/officer")
    before = {**works, "valid_from": "2023-01-01", "valid_to": "2023-03-20"}
    holds("AUDITOR_APART", case.asks("OfficerAppointed", facts=before))
    both = appointed("giamsat", powers=["AUDITOR", "SUPERVISOR"])
    breaks("AUDITOR_APART", case.asks("OfficerAppointed", facts=both), "/facts/powers")


def test_a_second_id_makes_nobody_an_auditor() -> None:
    """The token of the person is read off the very act that would make the second id."""
    case = Story(f"officer/{an_id('a new id')}")
    linked(case, "cv2")
    new = appointed("cv2", officer=an_id("a new id"), person=an_id("one person"))
    breaks("AUDITOR_APART", case.asks("OfficerAppointed", facts=new), "/facts/officer")
    new["person"] = an_id("somebody else")
    holds("AUDITOR_APART", case.asks("OfficerAppointed", facts=new))


# -- S5: who keeps keys ----------------------------------------------------------------------------


def test_who_keeps_keys_signs_what_administrators_sign_and_nothing_else() -> None:
    """access.md S5: custodian and key administrator; ceremonies, erasures and the registry."""
    ledger = Story("ledger")
    holds("KEY_KEEPER_SIGNS_NOT", ledger.asks("RecordErased"))
    holds("KEY_KEEPER_SIGNS_NOT", ledger.asks("RecordErased", also=["keeper2", "giamsat"]))
    holds("KEY_KEEPER_SIGNS_NOT", ledger.asks("KeyCeremonyRecorded", by="ubgk", also=["keeper2"]))
    new = Story(f"officer/{officer('cv2')}")
    holds("KEY_KEEPER_SIGNS_NOT", new.asks("OfficerAppointed", by="keeper", also=["keeper2"]))
    case = a_case_in("VERIFYING")
    for by in ("ubgk", "keeper2"):
        approves = case.asks("VerificationRequested", by="cv", also=[by])
        breaks("KEY_KEEPER_SIGNS_NOT", approves, "/signers/1")
        breaks("KEY_KEEPER_SIGNS_NOT", case.asks("ReportReceived", by=by), "/signers/0")
        breaks("KEY_KEEPER_SIGNS_NOT", case.asks("ContentWithdrawn", also=[by]), "/signers/1")
        opening = Story("agency/bacninh.ubnd", registry=case.registry)
        breaks(
            "KEY_KEEPER_SIGNS_NOT",
            opening.asks("BreakGlassOpened", by=by, also=["tp"]),
            "/signers/0",
        )
    report = Story("programme/qd90").asks("StatisticsSubmitted", by="tp", also=["keeper2"])
    breaks("KEY_KEEPER_SIGNS_NOT", report, "/signers/1")


def test_what_waits_for_who_keeps_keys_is_returned_and_a_lost_key_is_reported() -> None:
    """Nothing stands still, and whoever lost a key says so whatever else they hold."""
    case = a_case_in("VERIFYING")
    act = case.act("VerificationRequested", by="cv", also=["ubgk"])
    apply(case.stream, signed(act, case.stream)[0])
    back = {"refers_to": act.act_id, "facts": {"reason": "Tôi giữ khóa."}}
    holds("KEY_KEEPER_SIGNS_NOT", case.asks("ActReturned", by="ubgk", **back))
    linked(case, "ubgk", "tp")
    own = Story(f"officer/{officer('ubgk')}", registry=case.registry)
    holds("KEY_KEEPER_SIGNS_NOT", own.asks("KeyRevoked", by="ubgk", also=[]))


def test_who_keeps_keys_and_works_does_neither() -> None:
    """access.md S5 at use, by whatever id: the one came before the other was asked about."""
    case = a_case_in("VERIFYING")
    linked(case, "ubgk", "tp")
    breaks("KEY_KEEPER_SIGNS_NOT", case.asks("VerificationRequested", **WORK), "/signers/1")
    ledger = Story("ledger", registry=case.registry)
    ceremony = ledger.asks("KeyCeremonyRecorded", by="ubgk", also=["keeper2"])
    breaks("KEY_KEEPER_SIGNS_NOT", ceremony, "/signers/0")
    breaks("KEY_KEEPER_SIGNS_NOT", ledger.asks("RecordErased"), "/signers/1")
    holds("KEY_KEEPER_SIGNS_NOT", ledger.asks("RecordErased", also=["keeper2", "giamsat"]))


def keeps(alias: str, **facts: Any) -> dict[str, Any]:  # noqa: ANN401 - facts are JSON
    """Facts of an appointment that makes an alias a custodian."""
    post = {"agency": CAST[alias][0], "post": CAST[alias][1], "powers": ["KEY_CUSTODIAN"]}
    return appointed(alias, **{**post, **facts})


def test_who_works_is_not_appointed_to_keep_keys_nor_the_reverse() -> None:
    """access.md S5, at the appointment: by any id, for as long as the two would meet."""
    story = Story(f"officer/{officer('cv2')}")

    def asked(facts: dict[str, Any]) -> GuardInput:
        return story.asks("OfficerAppointed", facts=facts)

    breaks("KEYS_APART", asked(keeps("cv2")), "/facts/officer")
    breaks("KEYS_APART", asked(keeps("vault")), "/facts/officer")
    for powers in (["KEY_CUSTODIAN", "CONTENT_AUTHORITY"], ["KEY_CUSTODIAN", "VAULT_KEEPER"]):
        breaks("KEYS_APART", asked(keeps("keeper", powers=powers)), "/facts/powers")
    breaks("KEYS_APART", asked(keeps("keeper2", powers=["SUPERVISOR"])), "/facts/powers")
    holds("KEYS_APART", asked(keeps("keeper2", powers=["REGISTRY_KEEPER", "KEY_CUSTODIAN"])))
    holds("KEYS_APART", asked(keeps("keeper")))
    works = appointed("ubgk", agency="bacninh.stttt", post="chuyen-vien", powers=[])
    breaks("KEYS_APART", asked(works), "/facts/officer")
    before = {**works, "valid_from": "2023-01-01", "valid_to": "2023-03-20"}
    holds("KEYS_APART", asked(before))
    holds("KEYS_APART", asked(appointed("tp", post="truong-phong", powers=["SUPERVISOR"])))


def test_a_second_id_keeps_no_keys() -> None:
    """The token of the person is read off the very act that would make the second id."""
    story = Story(f"officer/{an_id('a new id')}")
    linked(story, "cv2")
    new = keeps("keeper", officer=an_id("a new id"), person=an_id("one person"))
    breaks("KEYS_APART", story.asks("OfficerAppointed", facts=new), "/facts/officer")
    new["person"] = an_id("somebody else")
    holds("KEYS_APART", story.asks("OfficerAppointed", facts=new))


def test_who_keeps_keys_is_let_into_no_case() -> None:
    """access.md S5: neither by a grant, were it to read, nor by an order or a permit."""
    case = a_case_in("VERIFYING")
    who = {"post": "chuyen-vien", "agency": "bacninh.ubnd", "until": "2024-07-04T08:00:00+07:00"}
    office = Story("agency/bacninh.thanhtra", registry=case.registry)
    for alias, check in (("ubgk", breaks), ("keeper2", breaks), ("ytcv", holds)):
        one = {**who, "officer": officer(alias)}
        grant = {"officer": officer(alias), "may": "READ"}
        check("KEYS_APART", case.asks("ParticipationGranted", facts=grant))
        check("KEYS_APART", case.asks("ExportPermitted", facts={"holder": one}))
        check("KEYS_APART", office.asks("InspectionOrdered", facts={"readers": [one]}))
    linked(case, "ubgk", "tp")
    breaks(
        "KEYS_APART",
        case.asks("ParticipationGranted", facts={"officer": officer("tp"), "may": "READ"}),
    )


# -- S2: who took it in ----------------------------------------------------------------------------


def test_who_took_a_case_in_approves_nothing_in_it() -> None:
    """access.md S2: nor who registered it; writing and checking are left to them."""
    case = a_case_in("VERIFYING")  # taken in by hotline, registered by cv
    for alias in ("hotline", "cv"):
        approves = case.asks("VerificationRequested", by="cv2", also=[alias])
        breaks("INTAKE_APPROVES_NOT", approves, "/signers/1")
    holds("INTAKE_APPROVES_NOT", case.asks("VerificationRequested", by="cv", also=["cv2"]))
    linked(case, "hotline", "tp")
    breaks("INTAKE_APPROVES_NOT", case.asks("VerificationRequested", **WORK), "/signers/1")
    with pytest.raises(Rejected) as refused:
        case.then("VerificationRequested", **WORK)
    assert refused.value.guard == "INTAKE_APPROVES_NOT"


def test_who_took_another_case_in_approves_here() -> None:
    """The rule is of one case."""
    case = a_case_in("VERIFYING", name=ELSEWHERE)
    case.then("VerificationRequested", by="cv", also=["pgd"])


def found_by(alias: str) -> Story:
    """A case whose finding an alias wrote and the director approved."""
    case = a_case_in("VERIFYING")
    case.then("VerificationConcluded", by=alias, also=["gd"])
    return case


def test_who_wrote_a_step_approves_no_later_one_and_no_measure() -> None:
    """access.md S2: the finding in one hand, the decision on it in another; letters are left."""
    case = found_by("tp")
    for name in ("HandlingDecided", "TechnicalMeasureOrdered", "ResultDetermined", "CaseClosed"):
        breaks("HANDLER_APPROVES_NOT", case.asks(name, by="cv2", also=["tp"]), "/signers/1")
        holds("HANDLER_APPROVES_NOT", case.asks(name, by="tp", also=["gd"]))
    holds("HANDLER_APPROVES_NOT", case.asks("AffectedPartyInformed", by="cv2", also=["tp"]))
    holds("HANDLER_APPROVES_NOT", case.asks("ReviewOpened", by="cv2", also=["tp"]))  # S3
    linked(case, "tp", "pgd")
    breaks("HANDLER_APPROVES_NOT", case.asks("HandlingDecided", by="cv2", also=["pgd"]))
    with pytest.raises(Rejected) as refused:
        case.then("HandlingDecided", by="cv2", also=["tp"])
    assert refused.value.guard == "HANDLER_APPROVES_NOT"


def test_who_approved_a_step_may_write_the_next() -> None:
    """access.md S2: as a division's head does between clerk and director; two officers suffice."""
    case = found_by("cv2")
    case.then("HandlingDecided", by="gd", also=["pgd"])
    two = found_by("cv2")
    for name in ("HandlingDecided", "ResultDetermined"):
        two.then(name, by="cv2", also=["gd"])


# -- S9: who keeps identities ----------------------------------------------------------------------


def disclosed() -> Story:
    """A case in which the vault keeper disclosed a reporter."""
    case = Story()
    case.then("ReportReceived", facts={"identity_given": True, "reporter": REPORTER})
    case.then("ReporterIdentitySealed")
    for name in ("CaseRegistered", "CompetenceDetermined"):
        case.then(name)
    case.forced("ReporterIdentityDisclosed")
    return case


def test_who_disclosed_a_reporter_does_not_work_in_the_case() -> None:
    """access.md S9: the reverse, who worked there, is refused by DISCLOSURE_OUTSIDE_SIGNER."""
    case = disclosed()
    holds("DISCLOSER_SIGNS_NOT", case.asks("VerificationRequested", **WORK))
    for by, also, place in (("vault", "tp", 0), ("cv", "vault", 1)):
        asked = case.asks("VerificationRequested", by=by, also=[also])
        breaks("DISCLOSER_SIGNS_NOT", asked, f"/signers/{place}")
    holds("DISCLOSER_SIGNS_NOT", case.asks("ReporterIdentityDisclosed"))
    case.then("VerificationRequested", **WORK)
    breaks("DISCLOSURE_OUTSIDE_SIGNER", case.asks("ReporterIdentityDisclosed", by="tp"))
    linked(case, "vault", "tp")
    breaks("DISCLOSER_SIGNS_NOT", case.asks("VerificationRequested", **WORK), "/signers/1")


# -- at the grant ----------------------------------------------------------------------------------


def grant(alias: str, may: str) -> dict[str, Any]:
    """What a grant to an alias says."""
    return {"facts": {"officer": officer(alias), "may": may}}


def test_a_grant_gives_nobody_a_second_role_in_the_case() -> None:
    """access.md S2, S9: intake and approval, handling and approval, identities and either."""
    case = disclosed()
    for may in ("HANDLE", "APPROVE"):
        asked = case.asks("ParticipationGranted", **grant("vault", may))
        breaks("GRANT_KEEPS_APART", asked, "/facts/officer")
    holds("GRANT_KEEPS_APART", case.asks("ParticipationGranted", **grant("vault", "READ")))
    approves = grant("hotline", "APPROVE")
    breaks("GRANT_KEEPS_APART", case.asks("ParticipationGranted", **approves), "/facts/may")
    holds("GRANT_KEEPS_APART", case.asks("ParticipationGranted", **grant("hotline", "HANDLE")))
    case.then("ParticipationGranted", **grant("ytcv", "HANDLE"))
    breaks("GRANT_KEEPS_APART", case.asks("ParticipationGranted", **grant("ytcv", "APPROVE")))
    holds("GRANT_KEEPS_APART", case.asks("ParticipationGranted", **grant("yt", "APPROVE")))
    linked(case, "ytcv", "yt")
    breaks("GRANT_KEEPS_APART", case.asks("ParticipationGranted", **grant("yt", "APPROVE")))


# -- S10: who registers ----------------------------------------------------------------------------


def test_no_registrar_enrols_themselves_under_a_second_id() -> None:
    """access.md S10: the act that makes the id says whose it is, and is read."""
    new = an_id("a new id")
    case = Story(f"officer/{new}")
    linked(case, "tc")
    facts = {"officer": new, "person": an_id("somebody else")}
    holds("REGISTRAR_NOT_SELF", case.asks("OfficerAppointed", facts=facts))
    facts["person"] = an_id("one person")
    breaks("REGISTRAR_NOT_SELF", case.asks("OfficerAppointed", facts=facts), "/signers")


# -- A8: who revokes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "lawful"),
    [("gd", True), ("tp", True), ("yt", False), ("ct", False), ("sgd", False)],
    ids=["director", "head of division", "the grantee's own", "the chair above", "another"],
)
def test_only_who_granted_or_holds_the_case_revokes(by: str, lawful: bool) -> None:  # noqa: FBT001
    """access.md A8: a supervisor of the agency concerned, not of any."""
    case = a_case_in("VERIFYING")
    given = case.then("ParticipationGranted", **grant("ytcv", "READ"))
    facts = {"grant": given.act.act_id, "officer": officer("ytcv")}
    check: Callable[..., Any] = holds if lawful else breaks
    check("REVOKER_IN_CHARGE", case.asks("ParticipationRevoked", by=by, facts=facts))


def test_the_agency_that_takes_a_case_over_revokes_what_the_last_one_granted() -> None:
    """access.md A8: it answers for who reads the case; who granted still may."""
    case = a_case_in("HANDLING")
    given = case.then("ParticipationGranted", **grant("ytcv", "READ"))
    facts = {"grant": given.act.act_id, "officer": officer("ytcv")}
    case.forced("CaseCustodyTransferred", facts={"to_agency": "bacninh.syt"})
    for by in ("yt", "gd"):
        holds("REVOKER_IN_CHARGE", case.asks("ParticipationRevoked", by=by, facts=facts))
    breaks("REVOKER_IN_CHARGE", case.asks("ParticipationRevoked", by="hct", facts=facts))


def test_before_registration_the_finder_revokes_what_it_granted() -> None:
    """As GRANT_BY_HOLDER: who took the matter in holds it until somebody handles it."""
    case = Story()
    case.then("ReportReceived", by="hcv")
    given = case.then("ParticipationGranted", by="hct", **grant("ytcv", "READ"))
    facts = {"grant": given.act.act_id, "officer": officer("ytcv")}
    holds("REVOKER_IN_CHARGE", case.asks("ParticipationRevoked", by="hct", facts=facts))
    breaks("REVOKER_IN_CHARGE", case.asks("ParticipationRevoked", by="gd", facts=facts))


def test_before_anybody_took_the_matter_in_only_who_granted_revokes() -> None:
    """A case may begin with a grant: nobody holds it then, and nobody else ends the grant."""
    case = Story()
    given = case.forced("ParticipationGranted", by="gd", **grant("ytcv", "READ"))
    facts = {"grant": given.act.act_id, "officer": officer("ytcv")}
    holds("REVOKER_IN_CHARGE", case.asks("ParticipationRevoked", by="gd", facts=facts))
    breaks("REVOKER_IN_CHARGE", case.asks("ParticipationRevoked", by="hct", facts=facts))


def test_whoever_named_an_officer_to_a_unit_ends_it_and_no_other_grant() -> None:
    """access.md A8, from edition 2 on: whoever signed it asks no supervisor, and is none."""
    case = a_case_in("VERIFYING")
    unit = {**grant("ytcv", "READ")["facts"], "scope": "UNIT", "unit": an_id("a unit")}
    for facts, by_whom in ((unit, holds), (grant("ytcv", "READ")["facts"], breaks)):
        given = case.forced("ParticipationGranted", by="cv", facts=facts)
        own = {"grant": given.act.act_id, "officer": officer("ytcv")}
        by_whom("REVOKER_IN_CHARGE", case.asks("ParticipationRevoked", by="cv", facts=own))
        holds("REVOKER_IN_CHARGE", case.asks("ParticipationRevoked", by="tp", facts=own))
        for alias in ("cv2", "yt"):
            breaks("REVOKER_IN_CHARGE", case.asks("ParticipationRevoked", by=alias, facts=own))


def test_no_agency_calls_off_its_own_inspection() -> None:
    """access.md A8, A9: an order is its issuer's, whoever writes into that stream."""
    case = a_case_in("VERIFYING")
    office = inspected(case, "tra", case.stream.name)
    (order,) = office.stream.effective("InspectionOrdered")
    facts = {"grant": order.act.act_id, "officer": officer("tra")}
    breaks("REVOKER_IN_CHARGE", office.asks("ParticipationRevoked", by="gd", facts=facts))
    holds("REVOKER_IN_CHARGE", office.asks("ParticipationRevoked", by="thanhtra", facts=facts))


def test_whose_post_as_auditor_has_ended_works_from_the_next_day_on() -> None:
    """The last day in the post is a day in it."""
    case = a_case_in("VERIFYING")
    line = case.registry.officers.get(officer("giamsat"))
    assert line is not None
    (post,) = line.appointments
    today = case.now.date()
    case.registry.officers.end(officer("giamsat"), post.agency, post.post, today, today)
    asked = {"by": "cv", "also": ["giamsat"]}
    breaks("AUDITOR_SIGNS_NOT", case.asks("VerificationRequested", **asked))
    case.later(days=1)
    holds("AUDITOR_SIGNS_NOT", case.asks("VerificationRequested", **asked))
