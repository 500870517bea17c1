"""Where a function is asked, who may be addressed, and who stands above whom (Q8-Q10, Q33, Q34)."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.regulation.acts.catalogue import load
from ledger.regulation.case.places import stands_below, territories
from ledger.regulation.edition import first_edition, load_edition
from ledger.regulation.guards.table import guards_in
from ledger.regulation.registry.agencies import Asked
from tests.builders import Story, a_case_in, a_registry, a_token, at, breaks, enter, holds

HERE, OTHER = "bacninh.ubnd", "bacgiang.ubnd"


def asked(*places: str, inside: bool = False) -> Asked:
    """Where a function is asked."""
    return Asked(frozenset(places), inside)


@pytest.mark.parametrize(
    ("held", "place", "serves"),
    [
        ("BACNINH_2023", "BACNINH_2023", True),
        ("VN", "BACNINH_2025.X_P", True),
        ("BACNINH_2025", "BACNINH_2025.X_P", True),
        ("BACNINH_2025", "BACNINH_2023.H_G", True),
        ("BACNINH_2023", "BACNINH_2025", True),
        ("BACGIANG_2023", "BACNINH_2023", False),
        ("BACNINH_2025.X_R", "BACNINH_2025", False),
        ("BACNINH_2025.X_R", "BACNINH_2025.X_P", False),
        ("OTHER", "BACNINH_2023", False),
        ("BACNINH_2025", "BACNINH_2025.X_MOI", True),
        ("BACNINH_2025.X_MOI", "BACNINH_2025", False),
    ],
)
def test_a_territory_serves_what_it_contains_and_its_like(
    held: str,
    place: str,
    serves: bool,  # noqa: FBT001
) -> None:
    """Q8: no commune speaks for a province, and no province for another; a new commune is one."""
    agencies = a_registry().agencies
    assert agencies.serves(held, asked(place)) is serves
    inside = place in ("BACNINH_2025", "BACNINH_2023") and held.startswith("BACNINH_2025.X")
    assert agencies.serves(held, asked(place, inside=True)) is (serves or inside)


def test_a_case_is_where_it_was_registered_and_where_it_is_handled() -> None:
    """Line 3: no territory stated means that of the agency that registered it."""
    case = a_case_in("SCREENING")
    registry, act = case.registry, case.act("CompetenceDetermined")
    assert territories(act, case.stream, registry, act.day) == {"BACNINH_2023"}
    stated = a_case_in("RECEIVED")
    stated.then("CaseRegistered", facts={"territory": "BACNINH_2023.H_G"})
    found = territories(act, stated.stream, registry, act.day)
    assert found == {"BACNINH_2023.H_G", "BACNINH_2023"}
    fresh = Story().act("ReportReceived", by="xcv", when=at("2025-09-01 08:00"))
    assert territories(fresh, Story().stream, registry, fresh.day) == {"BACNINH_2025.X_Q"}


def test_a_territory_is_known_and_lies_in_that_of_who_registers() -> None:
    """4.3: nobody shops for the committee of another province."""
    case = a_case_in("RECEIVED")
    holds("TERRITORY_KNOWN", case.asks("CaseRegistered"))
    for code in ("BACNINH_2023", "BACNINH_2023.H_G"):
        holds("TERRITORY_KNOWN", case.asks("CaseRegistered", facts={"territory": code}))
    for code in ("BACGIANG_2023", "VN", "ở đâu đó"):
        wrong = case.asks("CaseRegistered", facts={"territory": code})
        breaks("TERRITORY_KNOWN", wrong, "/facts/territory")


def test_another_province_neither_directs_nor_is_reported_to() -> None:
    """Q8, D15: and the refusal names whose committee it is."""
    case = a_case_in("ESCALATED")
    holds("AGENCY_HOLDS_FUNCTION", case.asks("DirectionReceived", by="ct"))
    stranger = case.asks("DirectionReceived", by="ct", agency=OTHER)
    said = breaks("AGENCY_HOLDS_FUNCTION", stranger, "/agency")
    assert "Ủy ban nhân dân tỉnh Bắc Ninh" in said["competent"]
    assert "Bắc Giang" not in said["competent"]
    up = a_case_in("ASSESSING")
    holds("ADDRESSEE_FITS", up.asks("ProposalSubmitted", to=[HERE]))
    said = breaks("ADDRESSEE_FITS", up.asks("ProposalSubmitted", to=[OTHER]), "/to/0")
    assert "Ủy ban nhân dân tỉnh Bắc Ninh" in said["competent"]


def test_the_first_edition_asks_for_no_territory() -> None:
    """What was recorded under it stands as it stood."""
    case = a_case_in("ESCALATED")
    case.registry.go_on_by(first_edition(), 0)
    stranger = case.asks("DirectionReceived", by="ct", agency=OTHER)
    assert guards_in(first_edition()).by_code["AGENCY_HOLDS_FUNCTION"].check(stranger) is None


def test_what_goes_to_the_wrong_committee_closes_no_case() -> None:
    """Q8, D15: a report to another province is flagged, and the checklist goes on asking."""
    case = a_case_in("RESULT_RECORDED")
    holds("RESULT_NOTICE_BOTH", case.asks("ResultNotified", to=[HERE]))
    breaks("RESULT_NOTICE_BOTH", case.asks("ResultNotified", to=[OTHER]), "/to")
    case.then("ResultNotified", to=[OTHER])
    case.then("ReporterInformed", facts={"reporter": None})
    breaks("CLOSING_CHECKLIST", case.asks("CaseClosed"))
    case.then("ResultNotified", to=[HERE])
    holds("CLOSING_CHECKLIST", case.asks("CaseClosed"))


def test_the_regulation_is_amended_where_it_applies() -> None:
    """Q8, D51: by the committee of the territory that the version names."""
    programme = Story("programme/qd90")
    facts = {"territory": "BACNINH_2023"}
    holds("AGENCY_HOLDS_FUNCTION", programme.asks("RegulationVersionAdopted", facts=facts))
    stranger = programme.asks("RegulationVersionAdopted", facts=facts, agency=OTHER)
    breaks("AGENCY_HOLDS_FUNCTION", stranger, "/agency")


def test_whoever_is_addressed_is_of_a_kind_that_the_act_names() -> None:
    """Q10: a take-down goes to the ministry; persons by token, where persons are meant."""
    case = a_case_in("HANDLING")
    holds("ADDRESSEE_FITS", case.asks("TakedownProposed", to=["tw.btttt"]))
    said = breaks("ADDRESSEE_FITS", case.asks("TakedownProposed", to=["bacninh.syt"]), "/to/0")
    assert "Bộ Thông tin và Truyền thông" in said["competent"]
    token = a_token("somebody")
    breaks("ADDRESSEE_FITS", case.asks("TakedownProposed", to=[token]), "/to/0")
    told = a_case_in("RESULT_RECORDED")
    holds("ADDRESSEE_FITS", told.asks("AffectedPartyInformed", to=[token]))
    holds("ADDRESSEE_FITS", told.asks("CaseClosed"))


def test_an_addressee_that_has_ended_is_told_with_its_successor() -> None:
    """Q34, D39: of the function that is addressed, not of the agency as a whole."""
    case = Story(start=at("2025-03-05 08:00"))
    ended = case.asks("TakedownProposed", by="scv", to=["tw.btttt"])
    said = breaks("ADDRESSEE_EXISTS", ended, "/to/0")
    assert "Bộ Văn hóa, Thể thao và Du lịch" in said["successor"]
    holds("ADDRESSEE_EXISTS", case.asks("TakedownProposed", by="scv", to=["tw.bvhttdl"]))
    lost = case.asks("TakedownProposed", by="scv", to=["khong-co"])
    assert breaks("ADDRESSEE_EXISTS", lost)["successor"] == "chưa ghi nhận cơ quan kế thừa"


def test_where_no_text_names_anybody_the_refusal_says_so() -> None:
    """Q33: no every commune of two provinces, and no nobody."""
    case = a_case_in("ESCALATED")
    registry = a_registry()
    case.registry = registry
    for agency in (HERE, "bacninh.vpubnd", "bacninh.stttt"):
        registry.agencies._end(agency, at("2024-06-01 08:00").date())
    said = breaks("AGENCY_HOLDS_FUNCTION", case.asks("DirectionReceived", by="yt"), "/agency")
    assert said["competent"].startswith("Quy định hiện hành không nêu")


# -- above and below ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("agency", "other", "below"),
    [
        ("bacninh2025.x-r", "bacninh2025.svhttdl", True),
        ("bacninh2025.x-r", "bacninh2025.ubnd", True),
        ("bacninh2025.svhttdl", "bacninh2025.ubnd", True),
        ("bacninh2025.tcd", "bacninh2025.ubnd", True),
        ("bacninh2025.svhttdl", "bacninh2025.syt", False),
        ("bacninh2025.ubnd", "bacninh2025.svhttdl", False),
        ("bacninh2025.svhttdl", "bacninh2025.svhttdl", False),
        ("khong-co", "bacninh2025.ubnd", False),
    ],
)
def test_who_stands_below_whom(agency: str, other: str, below: bool) -> None:  # noqa: FBT001
    """Q9: in line, or by the level of the territory."""
    assert stands_below(agency, other, a_registry()) is below


def lifting(**more: Any) -> Story:  # noqa: ANN401 - members of an act
    """A case in which the department has ordered a technical measure."""
    case = a_case_in("HANDLING", **more)
    case.then("TechnicalMeasureOrdered")
    return case


def test_nobody_below_lifts_or_reviews_what_somebody_issued() -> None:
    """Q9, D34: the issuer, its superior and the inspectorate of the province do."""
    case = lifting()
    holds("NOT_BELOW_ISSUER", case.asks("MeasureLifted", by="tp"))
    holds("NOT_BELOW_ISSUER", case.asks("MeasureLifted", by="ct"))
    holds("NOT_BELOW_ISSUER", case.asks("MeasureLifted", by="thanhtra"))
    said = breaks("NOT_BELOW_ISSUER", case.asks("MeasureLifted", by="hpct"), "/agency")
    assert said["issuer"] == "Sở Thông tin và Truyền thông tỉnh Bắc Ninh"
    breaks("AGENCY_HOLDS_FUNCTION", case.asks("MeasureLifted", by="hpct"), "/agency")
    for act in ("MeasureReviewed", "ReviewDecided", "ComplaintAccepted", "SanctionAnnulled"):
        assert "NOT_BELOW_ISSUER" in load().type(act).requires


def test_one_competent_signature_lifts() -> None:
    """Q9: whoever signed the measure, a supervisor, a head; never an accountant."""
    case = lifting()
    for by in ("tp", "pgd", "gd"):
        holds("LIFTER_COMPETENT", case.asks("MeasureLifted", by=by))
    for by in ("ttv", "pc", "hotline"):
        breaks("LIFTER_COMPETENT", case.asks("MeasureLifted", by=by), "/signers/0")
    taken = a_case_in("SCREENING")
    taken.then("ImmediateMeasureTaken", by="hotline")
    holds("LIFTER_COMPETENT", taken.asks("MeasureLifted", by="hotline"))
    breaks("LIFTER_COMPETENT", taken.asks("MeasureLifted", by="cv"))


def test_a_complaint_is_heard_by_issuer_superior_or_inspectorate() -> None:
    """Q9, D45: a district hears none against the department, whatever it holds elsewhere."""
    case = a_case_in("RESULT_RECORDED")
    result = case.stream.result
    assert result is not None
    facts = {"against": result.act.act_id}
    for by in ("cv", "ubcv", "tra"):
        holds("AGENCY_HOLDS_FUNCTION", case.asks("ComplaintReceived", by=by, facts=facts))
    breaks("AGENCY_HOLDS_FUNCTION", case.asks("ComplaintReceived", by="hcv", facts=facts))
    breaks("AGENCY_HOLDS_FUNCTION", case.asks("ComplaintReceived", by="ytcv", facts=facts))


def test_a_commune_sanctions_where_the_case_is_its_own() -> None:
    """Q9, D34: what is handled by a commune it may sanction; another commune never."""
    registry = a_registry()
    agencies, day = registry.agencies, at("2025-09-01 08:00").date()
    own = asked("BACNINH_2025", "BACNINH_2025.X_Q")
    holder = ("SANCTION_AUTHORITY", day)
    assert agencies.holds_in("bacninh2025.x-q", *holder, own)
    assert not agencies.holds_in("bacninh2025.x-r", *holder, own)
    assert not agencies.holds_in("bacninh2025.x-q", *holder, asked("BACNINH_2025"))
    assert registry.holds_code(
        "SANCTION_AUTHORITY", "bacninh2025.ubnd", "chu-tich", "", day, asked("BACNINH_2025.X_Q")
    )


def test_who_publishes_has_a_part_in_the_case() -> None:
    """8.4.d, D15: a department that has none says nothing about another's case."""
    case = a_case_in("ASSESSING")
    holds("AGENCY_HOLDS_FUNCTION", case.asks("OfficialInformationReleased", by="cv"))
    breaks("AGENCY_HOLDS_FUNCTION", case.asks("OfficialInformationReleased", by="ytcv"))
    case.then("AppraisalRequested", to=["bacninh.syt"])
    holds("AGENCY_HOLDS_FUNCTION", case.asks("OfficialInformationReleased", by="ytcv"))


# -- bodies that nobody held ----------------------------------------------------------------------


def test_a_direction_is_noted_in_any_state_from_who_may_give_it() -> None:
    """Q27, D53; 4.1: it moves nothing, and another province gives none."""
    for state in ("SCREENING", "VERIFYING", "HANDLING", "REFERRED", "CLOSED"):
        case = a_case_in(state)
        holds("STATE_ILLEGAL", case.asks("DirectionNoted", by="cv"))
        assert case.then("DirectionNoted", by="cv").state_after == state
    for giver in (HERE, "bacninh.vpubnd", "bacninh.bcd"):
        holds("DIRECTION_GIVER", case.asks("DirectionNoted", facts={"given_by": giver}))
    for giver in (OTHER, "bacninh.syt", "bacninh2025.bcd"):
        wrong = case.asks("DirectionNoted", facts={"given_by": giver})
        said = breaks("DIRECTION_GIVER", wrong, "/facts/given_by")
        assert "Ủy ban nhân dân tỉnh Bắc Ninh" in said["competent"]


def test_what_was_proposed_while_verifying_goes_back_to_it() -> None:
    """Q27, D53: the department may ask the committee at any time, and goes on where it was."""
    case = a_case_in("VERIFYING")
    assert case.then("ProposalSubmitted").state_after == "ESCALATED"
    holds("DIRECTION_DISPOSITION", case.asks("DirectionReceived", by="ct", disposition="verify"))
    for branch in ("own", "reassess", "refer"):
        wrong = case.asks("DirectionReceived", by="ct", disposition=branch)
        breaks("DIRECTION_DISPOSITION", wrong, "/disposition")
    entry = case.then("DirectionReceived", by="ct", disposition="verify")
    assert entry.state_after == "VERIFYING"
    later = a_case_in("HANDLING")
    later.then("ProposalSubmitted")
    for branch in ("own", "reassess"):
        held = later.asks("DirectionReceived", by="ct", disposition=branch)
        holds("DIRECTION_DISPOSITION", held)
    wrong = later.asks("DirectionReceived", by="ct", disposition="verify")
    breaks("DIRECTION_DISPOSITION", wrong)


def test_an_expert_council_speaks_for_itself() -> None:
    """8.1.h: of the agencies of its members, once it is established in the case."""
    case = a_case_in("VERIFYING")
    ordered = case.then("ExpertiseRequested")
    facts = {"expertise": ordered.act.act_id}
    said = case.asks("ExpertConclusionReceived", by="ytcv", facts=facts)
    breaks("AGENCY_HOLDS_FUNCTION", said, "/agency")
    case.then("ExpertCouncilProposed", facts=facts)
    made = case.act("ExpertCouncilEstablished", facts=facts, to=["bacninh.syt"])
    holds("ADDRESSEE_FITS", case.question(made, 0))
    case.then("ExpertCouncilEstablished", facts=facts)
    holds("AGENCY_HOLDS_FUNCTION", case.asks("ExpertConclusionReceived", by="ytcv", facts=facts))


def test_every_function_is_held_by_somebody_or_answered_by_the_case() -> None:
    """Line 3: no role of who and no kind of to is a word that nobody bears, now or before."""
    registry, held = a_registry(), {h["function"] for h in load_edition().registry["holdings"]}
    families = ("MEDIA", "SANCTION_AUTHORITY")
    for kind in load().types.values():
        for code in (*kind.who, *kind.to):
            if registry.is_function(code) and code not in families:
                assert code in held, f"{kind.act}: nobody holds {code}"


def test_a_function_given_by_an_act_serves_its_territory_alone() -> None:
    """Line 3: lines of the log are asked as those of the edition are."""
    case = a_case_in("ESCALATED")
    registry = a_registry()
    case.registry = registry
    facts = {
        "agency": "bacninh.syt",
        "function": "PPC",
        "territory": "BACGIANG_2023",
        "valid_from": "2024-01-01",
        "basis_document": "QĐ 1",
        "assumed": False,
    }
    enter(registry, "FunctionAssigned", facts, stream="agency/bacninh.syt")
    breaks("AGENCY_HOLDS_FUNCTION", case.asks("DirectionReceived", by="yt"))
    enter(
        registry,
        "FunctionAssigned",
        facts | {"territory": "BACNINH_2023"},
        stream="agency/bacninh.syt",
    )
    holds("AGENCY_HOLDS_FUNCTION", case.asks("DirectionReceived", by="yt"))
