"""Handling: bases for each chosen act, what is proposed and directed, which team on a day."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import (
    LAW,
    MEMBER,
    POWER,
    Story,
    a_basis,
    a_case_in,
    a_case_in_conflict,
    at,
    breaks,
    enter,
    hire,
    holds,
    officer,
)

ITEM = {"act": "REMINDER", "object": "Một trang mạng", "competence": POWER, "substance": LAW}
REGULATION = {"instrument": "90/QĐ-UBND", "article": "8"}


@pytest.mark.parametrize(
    "plan",
    [
        [{**ITEM, "competence": {"instrument": "45/2025/NĐ-CP", "article": "4"}}],
        [{**ITEM, "competence": REGULATION, "substance": REGULATION}],
        [ITEM, {**ITEM, "act": "NONE"}],
    ],
    ids=["a law of later on", "Decision 90 twice", "nothing beside something"],
)
def test_each_chosen_act_rests_on_bases_of_its_own(plan: object) -> None:
    """5.4, 8.1.d: in force that day, not both the regulation; doing nothing stands alone."""
    case = a_case_in("ASSESSING")
    holds("CHOSEN_ACTS_HAVE_BASES", case.asks("HandlingDecided"))
    alone = {"plan": [{**ITEM, "act": "NONE"}]}
    holds("CHOSEN_ACTS_HAVE_BASES", case.asks("HandlingDecided", facts=alone))
    breaks("CHOSEN_ACTS_HAVE_BASES", case.asks("HandlingDecided", facts={"plan": plan}))


def test_from_screening_only_a_conflict_of_competence_goes_up() -> None:
    """8.1.a, 8.1.d: verification comes before a proposal on the merits."""
    case = a_case_in("SCREENING")
    breaks("PROPOSAL_FROM_SCREENING", case.asks("ProposalSubmitted"))
    holds("PROPOSAL_FROM_SCREENING", a_case_in("ASSESSING").asks("ProposalSubmitted"))
    conflict, referral = a_case_in_conflict()
    named = {"subject_matter": "COMPETENCE_CONFLICT", "referral": referral}
    holds("PROPOSAL_FROM_SCREENING", conflict.asks("ProposalSubmitted", facts=named))
    unnamed = {"subject_matter": "COMPETENCE_CONFLICT"}
    breaks("PROPOSAL_FROM_SCREENING", conflict.asks("ProposalSubmitted", facts=unnamed))


def test_a_direction_answers_what_was_proposed() -> None:
    """8.1.d: handling needs a finding, an assignment needs a conflict, a way back the way there."""
    assessed = a_case_in("ESCALATED")
    for branch in ("own", "refer", "reassess"):
        holds("DIRECTION_DISPOSITION", assessed.asks("DirectionReceived", disposition=branch))
    assign: dict[str, Any] = {"competent_agency": "bacninh.syt"}
    asked = assessed.asks("DirectionReceived", disposition="assign", facts=assign)
    breaks("DIRECTION_DISPOSITION", asked, "/disposition")


def test_the_committee_assigns_a_conflict_and_does_nothing_else_with_it() -> None:
    """8.1.d, 4.3: the referral in conflict and the agency are both named."""
    case, referral = a_case_in_conflict()
    named = {"subject_matter": "COMPETENCE_CONFLICT", "referral": referral}
    case.then("ProposalSubmitted", facts=named)
    assign = {"competent_agency": "bacninh.syt", "referral": referral}
    lawful = case.asks("DirectionReceived", disposition="assign", facts=assign)
    holds("DIRECTION_DISPOSITION", lawful)
    for facts in ({"referral": referral}, {"competent_agency": "bacninh.syt"}):
        asked = case.asks("DirectionReceived", disposition="assign", facts=facts)
        breaks("DIRECTION_DISPOSITION", asked)
    breaks("DIRECTION_DISPOSITION", case.asks("DirectionReceived", disposition="reassess"))


def test_a_departments_thanh_tra_team_dated_after_its_inspectorate_ended_is_refused() -> None:
    """6.3, 8.1.d: department inspectorates ended with the reorganisation of 01/7/2025."""
    holds("TEAM_KIND_BY_DATE", a_case_in("HANDLING").asks("InspectionTeamEstablished"))
    late = Story(start=at("2025-07-02 09:00"))
    params = breaks("TEAM_KIND_BY_DATE", late.asks("InspectionTeamEstablished", by="ncv"))
    assert params == {"date": "02/07/2025", "kind": "thanh tra"}
    holds("TEAM_KIND_BY_DATE", late.asks("InspectionTeamEstablished", by="ncv", facts=CHECK))


CHECK = {"kind": "KIEM_TRA"}


def test_a_check_rests_on_its_decree_once_that_is_in_force() -> None:
    """6.3 (law.md §6): from 05/8/2025 a kiểm tra team cites 217/2025/NĐ-CP."""
    day = Story(start=at("2025-08-05 09:00"))
    breaks("TEAM_KIND_BY_DATE", day.asks("InspectionTeamEstablished", by="ncv", facts=CHECK))
    cited = [
        *a_basis(day.now.date()),
        {"instrument": "217/2025/NĐ-CP", "article": "5", "role": "COMPETENCE"},
    ]
    asked = day.asks("InspectionTeamEstablished", by="ncv", facts=CHECK, basis=cited)
    holds("TEAM_KIND_BY_DATE", asked)


@pytest.mark.parametrize(
    ("day", "thin"),
    [("2025-06-30", False), ("2025-07-01", True), ("2025-08-04", True), ("2025-08-05", False)],
)
def test_a_departments_check_between_the_two_regimes_shows_its_thin_ground(
    day: str, *, thin: bool
) -> None:
    """Added (law.md §6): from the end of inspectorates to the day before the decree."""
    by = "ncv" if day >= "2025-07-01" else "scv"
    asked = Story(start=at(f"{day} 09:00")).asks("InspectionTeamEstablished", by=by, facts=CHECK)
    (breaks if thin else holds)("TEAM_GROUND_THIN", asked)
    other = Story(start=at("2025-07-10 09:00"))
    holds("TEAM_GROUND_THIN", other.asks("InspectionTeamEstablished", by="xcv", facts=CHECK))


@pytest.mark.parametrize("said", [{"conflict": True}, {"conflict_checked": False}])
def test_a_member_with_a_conflict_does_not_join(said: dict[str, bool]) -> None:
    """G8; 8.3.c, 8.4.c: in the list of a team, and when somebody is sent."""
    case = a_case_in("HANDLING")
    holds("SECONDED_NO_CONFLICT", case.asks("InspectionTeamEstablished"))
    listed = {"members": [MEMBER, {**MEMBER, **said}]}
    asked = case.asks("InspectionTeamEstablished", facts=listed)
    breaks("SECONDED_NO_CONFLICT", asked, "/facts/members/1")
    case.then("MemberSecondmentRequested")
    holds("SECONDED_NO_CONFLICT", case.asks("MemberSeconded"))
    breaks("SECONDED_NO_CONFLICT", case.asks("MemberSeconded", facts=said))


def test_a_refusal_to_send_somebody_says_why() -> None:
    """8.3.c, 8.4.c: and whoever is sent is named by post."""
    case = a_case_in("HANDLING")
    case.then("MemberSecondmentRequested")
    refused = {"refused": True, "member_post": None, "conflict": True}
    breaks("SECONDED_NO_CONFLICT", case.asks("MemberSeconded", facts=refused), "/facts/reason")
    reasoned = {**refused, "reason": "Có quan hệ với người được nêu"}
    holds("SECONDED_NO_CONFLICT", case.asks("MemberSeconded", facts=reasoned))
    nameless = {"member_post": None}
    breaks("SECONDED_NO_CONFLICT", case.asks("MemberSeconded", facts=nameless))


def test_nobody_joins_who_is_complained_about_or_a_party() -> None:
    """G8; 8.3.c: by the acts complained of, and by the person token of the registry."""
    case = a_case_in("HANDLING")
    measure = case.then("TechnicalMeasureOrdered", by="tp", also=["gd"])
    case.then("ComplaintReceived", facts={"against": measure.act.act_id})
    for alias in ("tp", "gd"):
        facts = {"members": [{**MEMBER, "officer": officer(alias)}]}
        breaks("SECONDED_NO_CONFLICT", case.asks("InspectionTeamEstablished", facts=facts))
    third = {"members": [{**MEMBER, "officer": officer("ytcv")}]}
    holds("SECONDED_NO_CONFLICT", case.asks("InspectionTeamEstablished", facts=third))
    hire(case.registry, "ytcv", person=measure.act.facts["subject"])
    breaks("SECONDED_NO_CONFLICT", case.asks("InspectionTeamEstablished", facts=third))


def test_a_new_inspectorate_would_need_data_and_no_code() -> None:
    """6.3: which agency may inspect is read from the registry on the day."""
    case = Story(start=at("2025-09-01 09:00"))
    assigned = {
        "agency": "bacninh2025.svhttdl",
        "function": "DEPT_INSPECTORATE",
        "territory": "BACNINH_2025",
        "valid_from": "2025-09-01",
        "basis_document": "Quyết định mới",
        "assumed": False,
    }
    stream = "agency/bacninh2025.svhttdl"
    enter(case.registry, "FunctionAssigned", assigned, stream=stream)
    holds("TEAM_KIND_BY_DATE", case.asks("InspectionTeamEstablished", by="ncv"))
