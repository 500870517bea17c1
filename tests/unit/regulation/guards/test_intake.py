"""Intake: what is oral shows so, tokens stay in their case, an identity is opened by others."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ledger.regulation.case.clocks import clock_runs, running
from ledger.regulation.case_file.render import case_file
from ledger.regulation.registry.registry import Registry
from tests.attacks import attack
from tests.builders import (
    DOCUMENT,
    REPORTER,
    Others,
    Story,
    a_case_in,
    a_registry,
    a_token,
    an_id,
    at,
    breaks,
    hire,
    holds,
    officer,
)

OTHER = f"case/{an_id('another case')}"


@pytest.mark.parametrize("channel", ["PHONE", "SMS", "AUDIO", "VIDEO", "MEETING"])
def test_a_report_by_word_of_mouth_shows_until_it_is_confirmed(channel: str) -> None:
    """6.1: oral channels are lawful, and what came by them is marked."""
    holds("ORAL_UNCONFIRMED", Story().asks("ReportReceived", channel="EMAIL"))
    breaks("ORAL_UNCONFIRMED", Story().asks("ReportReceived", channel=channel))


def test_an_oral_direction_and_an_oral_order_show_as_well() -> None:
    """6.1, 8.1.d: the form counts, whatever the channel says."""
    case = a_case_in("ESCALATED")
    holds("ORAL_UNCONFIRMED", case.asks("DirectionReceived", channel="DOCUMENT"))
    breaks("ORAL_UNCONFIRMED", case.asks("DirectionReceived", facts={"form": "ORAL"}))
    first = a_case_in("RECEIVED")
    breaks("ORAL_UNCONFIRMED", first.asks("ImmediateMeasureTaken", facts={"oral_order": True}))


def test_an_outside_request_without_its_document_is_refused() -> None:
    """2.1: an outside authority's request is recorded from its document."""
    holds("EXTERNAL_REQUEST_WRITTEN", Story().asks("ExternalRequestReceived"))
    asked = Story().asks("ExternalRequestReceived", document=None)
    breaks("EXTERNAL_REQUEST_WRITTEN", asked, "/document")


def test_a_token_of_another_report_cannot_be_sealed_here() -> None:
    """Added: the token is that of this case's report."""
    case = Story()
    case.then("ReportReceived", facts={"reporter": REPORTER, "identity_given": True})
    holds("TOKEN_MATCHES_REPORT", case.asks("ReporterIdentitySealed"))
    strange = {"reporter": a_token("somebody else")}
    breaks("TOKEN_MATCHES_REPORT", case.asks("ReporterIdentitySealed", facts=strange))


def test_no_act_names_a_token_of_another_case() -> None:
    """access.md L26: not the report that brings it either, and wherever it stands in the act."""
    case = Story()
    brings = case.asks("ReportReceived", facts={"reporter": REPORTER, "identity_given": True})
    holds("TOKEN_OF_ONE_CASE", brings)
    case.cases = Others(tokens={REPORTER: {OTHER}})
    breaks("TOKEN_OF_ONE_CASE", replace(brings, cases=case.cases), "/facts/reporter")
    addressed = case.asks("CaseRegistered", to=[REPORTER])
    breaks("TOKEN_OF_ONE_CASE", addressed, "/to/0")
    fresh = {"reporter": a_token("a fresh one"), "identity_given": True}
    holds("TOKEN_OF_ONE_CASE", case.asks("ReportReceived", facts=fresh))


def test_an_identity_without_a_token_gets_it_by_the_sealing_that_comes_next() -> None:
    """7.1, regulation.md §9, rule 10: a report is never refused, and its case is not stuck."""
    case = Story()
    report = case.then("ReportReceived", facts={"identity_given": True, "reporter": None})
    breaks("IDENTITY_SEALED_FIRST", case.asks("CaseRegistered"))
    sealing = case.asks("ReporterIdentitySealed", refers_to=report.act.act_id)
    holds("TOKEN_MATCHES_REPORT", sealing)
    holds("IDENTITY_SEALED_FIRST", sealing)
    elsewhere = case.asks("ReporterIdentitySealed", refers_to=an_id("another act"))
    breaks("TOKEN_MATCHES_REPORT", elsewhere, "/facts/reporter")
    case.then("ReporterIdentitySealed", refers_to=report.act.act_id)
    second = {"reporter": a_token("a second one")}
    breaks("TOKEN_MATCHES_REPORT", case.asks("ReporterIdentitySealed", facts=second))
    holds("IDENTITY_SEALED_FIRST", case.asks("CaseRegistered"))


def test_the_reporter_whose_token_came_late_is_answered_by_it_and_the_case_closes() -> None:
    """G7, gap 2: the token of the sealing is that of the report, here and for its clock."""
    case = Story()
    case.then("ReportReceived", facts={"identity_given": True, "reporter": None})
    case.then("ReporterIdentitySealed")
    for name in ("CaseRegistered", "CompetenceDetermined", "VerificationConcluded"):
        case.then(name)
    for name in ("HandlingDecided", "ResultDetermined", "ResultNotified"):
        case.then(name)
    nobody = {"reporter": None}
    case.then("ReporterInformed", facts=nobody)
    breaks("CLOSING_CHECKLIST", case.asks("CaseClosed"))
    assert "INFORM_REPORTER" in {c.code for c in running(case.stream, case.registry, case.now)}
    case.then("ReporterInformed", facts={"reporter": REPORTER})
    assert "INFORM_REPORTER" not in {c.code for c in running(case.stream, case.registry, case.now)}
    case.then("CaseClosed")
    assert case.stream.state == "CLOSED"


def test_who_handles_a_case_cannot_help_to_open_its_reporter() -> None:
    """Added (access.md A18, S9): the checker stands outside, and no signer took part."""
    case = a_case_in("VERIFYING")
    holds("DISCLOSURE_OUTSIDE_SIGNER", case.asks("ReporterIdentityDisclosed"))
    for also in (["pc", "gd"], ["cv", "ct"], ["cv2", "ct"]):
        asked = case.asks("ReporterIdentityDisclosed", also=also)
        breaks("DISCLOSURE_OUTSIDE_SIGNER", asked, "/signers")
    none = case.asks("ReporterIdentityDisclosed", also=["ct"])
    breaks("DISCLOSURE_OUTSIDE_SIGNER", none)


@attack(
    "somebody of the unit reported on helps to open who reported it",
    stopped_by="DISCLOSURE_OUTSIDE_SIGNER",
    noticed_by="`log audit`, which asks the rules again",
)
def test_nobody_of_the_unit_reported_on_opens_the_reporter() -> None:
    """access.md S9: the protection officer, the checker and the head alike."""
    registry = a_registry()
    hire(registry, "pc", unit_code="P.PC")
    case = _sealed_case(registry, {"agency": "bacninh.stttt", "unit_code": "P.PC"})
    breaks("DISCLOSURE_OUTSIDE_SIGNER", case.asks("ReporterIdentityDisclosed"), "/signers/1")
    holds("DISCLOSURE_OUTSIDE_SIGNER", case.asks("ReporterIdentityDisclosed", also=["ytcv", "ct"]))
    whole = _sealed_case(registry, {"agency": "bacninh.ubnd"})
    breaks("DISCLOSURE_OUTSIDE_SIGNER", whole.asks("ReporterIdentityDisclosed"), "/signers/2")


def test_nobody_of_whom_a_report_is_about_opens_the_reporter() -> None:
    """access.md S9: whatever the sealing says, and in whatever post of theirs they sign."""
    registry = a_registry()
    hire(registry, "pc", agency="bacninh.syt", post="chuyen-vien")
    for about in ({"concerns_agency": ["bacninh.syt"]}, {"concerns_officer": [officer("pc")]}):
        case = _sealed_case(registry)
        holds("DISCLOSURE_OUTSIDE_SIGNER", case.asks("ReporterIdentityDisclosed"))
        case.then("ReportReceived", facts=about)
        breaks("DISCLOSURE_OUTSIDE_SIGNER", case.asks("ReporterIdentityDisclosed"), "/signers/1")
    case = _sealed_case(registry)
    case.then("ReportReceived", facts={"concerns_agency": ["bacninh.h-g"]})
    holds("DISCLOSURE_OUTSIDE_SIGNER", case.asks("ReporterIdentityDisclosed"))


def _sealed_case(registry: Registry, *reported: dict[str, str]) -> Story:
    case = Story(registry=registry)
    case.then("ReportReceived", facts={"identity_given": True, "reporter": REPORTER})
    case.then("ReporterIdentitySealed", facts={"reported_units": list(reported)})
    for name in ("CaseRegistered", "CompetenceDetermined"):
        case.then(name)
    return case


def test_an_identity_is_not_open_longer_than_the_limit() -> None:
    """Added: a day at most, and silence towards the reporter needs a provision."""
    case = a_case_in("VERIFYING")
    holds("DISCLOSURE_LIMITED", case.asks("ReporterIdentityDisclosed"))
    long = (case.now + timedelta(hours=25)).isoformat()
    params = breaks(
        "DISCLOSURE_LIMITED", case.asks("ReporterIdentityDisclosed", facts={"until": long})
    )
    assert params["limit"] == "24 giờ"
    untold = {"reporter_told": False}
    breaks("DISCLOSURE_LIMITED", case.asks("ReporterIdentityDisclosed", facts=untold))
    ground = {**untold, "not_told_ground": "Điều 56 Luật Tố cáo"}
    holds("DISCLOSURE_LIMITED", case.asks("ReporterIdentityDisclosed", facts=ground))


def test_a_case_is_not_registered_before_duplicates_were_looked_for() -> None:
    """Added: nor from an intake that is not in its stream."""
    case = a_case_in("RECEIVED")
    holds("DUPLICATES_CHECKED", case.asks("CaseRegistered"))
    breaks("DUPLICATES_CHECKED", case.asks("CaseRegistered", facts={"duplicates_checked": False}))
    elsewhere = {"intake": [an_id("an act of another case")]}
    breaks("DUPLICATES_CHECKED", case.asks("CaseRegistered", facts=elsewhere), "/facts/intake")


@pytest.mark.parametrize("state", [None, "RECEIVED", "RESULT_RECORDED", "CLOSED", "ARCHIVED"])
def test_a_case_is_merged_only_into_another_open_one(state: str | None) -> None:
    """Added: the reporter's answer must come from a file that goes on."""
    case = a_case_in("SCREENING", cases=Others(states={OTHER: "VERIFYING"}))
    holds("SURVIVING_CASE_OPEN", case.asks("CaseMerged"))
    case.cases = Others(states={OTHER: state} if state else {})
    breaks("SURVIVING_CASE_OPEN", case.asks("CaseMerged"), "/facts/surviving_case")
    case.cases = Others(states={case.stream.name: "SCREENING"})
    itself = {"surviving_case": case.stream.name}
    breaks("SURVIVING_CASE_OPEN", case.asks("CaseMerged", facts=itself))


def test_a_missing_oral_record_is_named_with_the_flag() -> None:
    """6.1: the flag says also that there is no signed note and no recording."""
    breaks(
        "ORAL_UNCONFIRMED", Story().asks("ReportReceived", channel="PHONE"), "/facts/oral_record"
    )
    noted = {"oral_record": "SIGNED_NOTE", "oral_record_ref": "Sổ trực 12"}
    asked = Story().asks("ReportReceived", channel="PHONE", facts=noted)
    breaks("ORAL_UNCONFIRMED", asked, "/channel")


def test_units_are_told_apart_by_the_registry_where_it_names_them() -> None:
    """Added (access.md A18): two posts of one registered unit are one unit."""
    registry = a_registry()
    case = a_case_in("VERIFYING", registry=registry)
    hire(registry, "pc", unit_code="P.TTBCXB")
    hire(registry, "cv", unit_code="P.TTBCXB")
    breaks("DISCLOSURE_OUTSIDE_SIGNER", case.asks("ReporterIdentityDisclosed"))


# -- intake as it is ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state",
    ["RECEIVED", "SCREENING", "VERIFYING", "ASSESSING", "ESCALATED", "HANDLING", "REFERRED",
     "REFERRED_CRIMINAL", "RESULT_RECORDED", "UNDER_REVIEW"],
)  # fmt: skip
def test_a_report_joins_a_case_in_any_open_state(state: str) -> None:
    """7.1, 8.1.a: it leaves the case where it is, and its reporter is owed an answer too."""
    case = a_case_in(state)
    for name in ("ReportReceived", "DetectionRecorded", "ExternalRequestReceived"):
        case.then(name)
        assert case.stream.state == state
    clocks = [r for r in clock_runs(case.stream, case.registry, case.now)
              if r.code == "REGISTER_CASE" and r.live]  # fmt: skip
    assert bool(clocks) == (state == "RECEIVED")


def test_a_closed_case_is_joined_by_nobody() -> None:
    """It is opened again first."""
    for state in ("CLOSED", "ARCHIVED"):
        breaks("STATE_ILLEGAL", a_case_in(state).asks("ReportReceived"))


def test_three_hundred_calls_on_one_post_are_one_case() -> None:
    """Each a small statement of its own, each reporter with a token of their own."""
    case = a_case_in("VERIFYING")
    for n in range(300):
        token = {"identity_given": True, "reporter": a_token(f"caller {n}")}
        case.then("ReportReceived", facts=token)
        case.then("ReporterIdentitySealed", facts={"reporter": token["reporter"]})
    assert case.stream.state == "VERIFYING"
    assert len(case.stream.effective("ReportReceived")) == 301
    file = case_file(case.stream, {}, case.registry, case.now)
    assert file["reporters"] == 301


def test_a_report_is_taken_back_once() -> None:
    """And is owed no answer any more."""
    case = a_case_in("SCREENING")
    report = {"report": case.stream.intake[0].act.act_id}
    holds("WITHDRAWN_ONCE", case.asks("ReportWithdrawn", by="hotline", facts=report))
    case.then("ReportWithdrawn", by="hotline", facts=report)
    again = case.asks("ReportWithdrawn", by="hotline", facts=report)
    breaks("WITHDRAWN_ONCE", again, "/facts/report")


def test_a_case_whose_every_report_was_taken_back_may_close() -> None:
    """From screening, by that reason; not while one stands, nor where an officer noticed it."""
    case = a_case_in("SCREENING")
    closing = {"facts": {"reason": "WITHDRAWN"}}
    breaks("CLOSE_FROM_SCREENING", case.asks("CaseClosed", **closing), "/facts/reason")
    for report in list(case.stream.effective("ReportReceived")):
        named = {"report": report.act.act_id}
        case.then("ReportWithdrawn", by="hotline", facts=named)
    holds("CLOSE_FROM_SCREENING", case.asks("CaseClosed", **closing))
    case.then("DetectionRecorded")
    breaks("CLOSE_FROM_SCREENING", case.asks("CaseClosed", **closing), "/facts/reason")
    alone = a_case_in("SCREENING")
    named = {"report": alone.stream.intake[0].act.act_id}
    alone.then("ReportWithdrawn", by="hotline", facts=named)
    alone.then("CaseClosed", **closing)
    assert (alone.stream.state, alone.stream.outcome) == ("CLOSED", "WITHDRAWN")


def test_a_case_is_split_into_and_related_to_another() -> None:
    """Whether that one is there is not asked: it may not have begun."""
    case = a_case_in("SCREENING")
    for name in ("CaseSplit", "CaseLinked"):
        holds("LINK_ELSEWHERE", case.asks(name))
        own = {"other_case": case.stream.name}
        breaks("LINK_ELSEWHERE", case.asks(name, facts=own), "/facts/other_case")
        case.then(name)
    assert case.stream.state == "SCREENING"


def test_a_report_about_the_agency_goes_elsewhere() -> None:
    """4.3: it takes it in and hands it on, and nobody of it decides anything in it."""
    case = Story()
    about = {"concerns_agency": ["bacninh.stttt"]}
    report = case.then("ReportReceived", facts=about)
    own = {"intake": [report.act.act_id]}
    told = breaks("CONCERNED_HANDLES_NOT", case.asks("CaseRegistered", facts=own))
    assert "_" not in told["agency"]
    above = {**own, "handling_agency": "bacninh.ubnd"}
    holds("CONCERNED_HANDLES_NOT", case.asks("CaseRegistered", facts=above))
    case.then("CaseRegistered", facts=above)
    breaks("CONCERNED_SIGNS_NOT", case.asks("CompetenceDetermined"), "/signers/0")
    elsewhere = case.asks("CompetenceDetermined", by="ubcv", also=["ct"])
    holds("CONCERNED_SIGNS_NOT", elsewhere)
    mixed = case.asks("CompetenceDetermined", by="ubcv", also=["gd"])
    breaks("CONCERNED_SIGNS_NOT", mixed, "/signers/1")


def test_who_registers_a_case_makes_no_other_agency_its_handler() -> None:
    """Q11: by a referral that it accepts, or where the report is about whoever registers."""
    case = a_case_in("RECEIVED")
    holds("HANDLER_REGISTERS", case.asks("CaseRegistered"))
    elsewhere = {"handling_agency": "bacninh.syt"}
    told = breaks("HANDLER_REGISTERS", case.asks("CaseRegistered", facts=elsewhere))
    assert told["agency"] == case.registry.name("bacninh.stttt", case.now.date())
    about = Story()
    report = about.then("ReportReceived", facts={"concerns_agency": ["bacninh.stttt"]})
    above = {"intake": [report.act.act_id], "handling_agency": "bacninh.ubnd"}
    holds("HANDLER_REGISTERS", about.asks("CaseRegistered", facts=above))
    # an agency goes by the name it has that day
    case.now = at("2025-03-05 08:00")
    heir = {"handling_agency": "bacninh.stttt"}
    holds("HANDLER_REGISTERS", case.asks("CaseRegistered", by="scv", facts=heir))


def test_a_report_about_an_officer_is_not_that_officers() -> None:
    """The agency goes on without them; whoever joins the case later changes it from there on."""
    case = a_case_in("SCREENING")
    holds("CONCERNED_SIGNS_NOT", case.asks("CompetenceDetermined"))
    case.then("ReportReceived", facts={"concerns_officer": [officer("gd")]})
    breaks("CONCERNED_SIGNS_NOT", case.asks("CompetenceDetermined"), "/signers/1")
    holds("CONCERNED_SIGNS_NOT", case.asks("CompetenceDetermined", also=["tp"]))
    holds("CONCERNED_SIGNS_NOT", case.asks("ReportReceived", by="gd"))


@pytest.mark.parametrize("name", ["CaseMerged", "ResultDetermined", "CaseClosed"])
def test_whom_a_case_is_about_comes_along_to_the_one_that_goes_on(name: str) -> None:
    """4.3, G8: or they sign there what they may not sign here."""
    case = a_case_in("SCREENING")
    goes_on = {"surviving_case": OTHER}
    holds("CONCERNED_COMES_ALONG", case.asks(name, facts=goes_on))
    about = {"concerns_officer": [officer("gd")], "concerns_agency": ["bacninh.syt"]}
    case.then("ReportReceived", facts=about)
    breaks("CONCERNED_COMES_ALONG", case.asks(name, facts=goes_on), "/facts/surviving_case")
    case.cases = Others(about={OTHER: [officer("gd")]})
    breaks("CONCERNED_COMES_ALONG", case.asks(name, facts=goes_on))
    case.cases = Others(about={OTHER: ["bacninh.syt", officer("gd"), officer("cv")]})
    holds("CONCERNED_COMES_ALONG", case.asks(name, facts=goes_on))
    nowhere = {"surviving_case": None if name != "CaseMerged" else case.stream.name}
    holds("CONCERNED_COMES_ALONG", case.asks(name, facts=nowhere))


def test_a_name_in_a_text_is_flagged() -> None:
    """G14: and a report with a telephone in it is recorded all the same."""
    case = Story()
    holds("NAME_SUSPECTED", case.asks("ReportReceived"))
    named = case.asks("ReportReceived", facts={"summary": "Gọi lại số 0912 345 678"})
    breaks("NAME_SUSPECTED", named, "/facts/summary")
    holds("NO_PERSON_IDENTIFIER", named)
    noticed = case.asks("DetectionRecorded", facts={"summary": "Gọi lại số 0912 345 678"})
    breaks("NO_PERSON_IDENTIFIER", noticed, "/facts/summary")
    number = {**DOCUMENT, "number": "0912345678"}
    breaks("NO_PERSON_IDENTIFIER", case.asks("DetectionRecorded", document=number))


def test_an_identity_goes_only_to_whom_the_law_names() -> None:
    """access.md A18: on a ground that is listed, to the body that it names."""
    case = Story()
    case.then("ReportReceived", facts={"identity_given": True, "reporter": REPORTER})
    case.then("ReporterIdentitySealed")
    ground = {"legal_ground": "101/2015/QH13 Điều 56: bảo vệ người báo tin"}
    lawful = case.asks("ReporterIdentityDisclosed", facts=ground, to=["bacninh.csdt"])
    holds("DISCLOSURE_LAWFUL", lawful)
    district = case.asks("ReporterIdentityDisclosed", facts=ground, to=["bacninh.h-g"])
    breaks("DISCLOSURE_LAWFUL", district, "/to")
    nobody = case.asks("ReporterIdentityDisclosed", facts=ground, to=None)
    breaks("DISCLOSURE_LAWFUL", nobody, "/to")
    for other in ("x", "101/2015/QH13 Điều 560"):
        facts = {"legal_ground": other}
        asked = case.asks("ReporterIdentityDisclosed", facts=facts, to=["bacninh.csdt"])
        breaks("DISCLOSURE_LAWFUL", asked, "/facts/legal_ground")
