"""Appraisal and expertise: media only on a written request, experts who are no party."""

from __future__ import annotations

import pytest

from tests.builders import MEMBER, a_case_in, breaks, holds, officer

CLEAR = {"conflict_checked": True, "conflict": False}


def test_a_media_appraisal_without_a_written_request_is_refused() -> None:
    """G9; 8.6.b: asked in writing with a document, and answered to that request."""
    case = a_case_in("ASSESSING")
    holds("MEDIA_NEEDS_WRITTEN_REQUEST", case.asks("AppraisalRequested", document=None))
    media = {"to": ["bacninh.bao"]}
    holds("MEDIA_NEEDS_WRITTEN_REQUEST", case.asks("AppraisalRequested", **media))
    asked = case.asks("AppraisalRequested", document=None, **media)
    breaks("MEDIA_NEEDS_WRITTEN_REQUEST", asked, "/document")
    oral = case.asks("AppraisalRequested", facts={"in_writing": False}, **media)
    breaks("MEDIA_NEEDS_WRITTEN_REQUEST", oral)


def test_a_media_body_does_not_appraise_on_somebody_elses_request() -> None:
    """G9; 8.6.b: nor in a meeting, nor when another agency records it for them."""
    case = a_case_in("ASSESSING")
    case.then("AppraisalRequested")
    given = {"given_by": "bacninh.bao"}
    breaks("MEDIA_NEEDS_WRITTEN_REQUEST", case.asks("AppraisalGiven", by="bao", facts=given))
    breaks("MEDIA_NEEDS_WRITTEN_REQUEST", case.asks("AppraisalGiven", by="cv", facts=given))
    holds("MEDIA_NEEDS_WRITTEN_REQUEST", case.asks("AppraisalGiven"))
    case.then("AppraisalRequested", to=["bacninh.bao"])
    holds("MEDIA_NEEDS_WRITTEN_REQUEST", case.asks("AppraisalGiven", by="bao", facts=given))


def test_an_opinion_hangs_on_a_request_or_a_meeting() -> None:
    """Added: nobody volunteers an opinion on a case."""
    case = a_case_in("ASSESSING")
    case.then("AppraisalRequested")
    holds("REQUEST_OR_MEETING", case.asks("AppraisalGiven"))
    met = {"request": None, "meeting": case.then("MeetingConvened").act.act_id}
    holds("REQUEST_OR_MEETING", case.asks("AppraisalGiven", facts=met))
    breaks("REQUEST_OR_MEETING", case.asks("AppraisalGiven", facts={"request": None}))


@pytest.mark.parametrize(
    "said", [{"conflict_checked": False}, {"conflict": True}, {"expert": "bacninh.stttt"}]
)
def test_an_expert_who_is_a_party_is_refused(said: dict[str, object]) -> None:
    """G8; 8.1.h: the conflict was looked for, there is none, and the handler is no expert."""
    case = a_case_in("ASSESSING")
    holds("EXPERT_NOT_PARTY", case.asks("ExpertiseRequested"))
    breaks("EXPERT_NOT_PARTY", case.asks("ExpertiseRequested", facts=said))


def test_a_council_member_who_signed_in_the_case_is_refused() -> None:
    """G8; 8.1.h: members are named, checked, and took no part; a refusal names none."""
    case = a_case_in("ASSESSING")
    holds("EXPERT_NOT_PARTY", case.asks("ExpertCouncilEstablished"))
    for members in (
        None,
        [{**MEMBER, "conflict": True}],
        [{**MEMBER, **CLEAR, "officer": officer("cv")}],
    ):
        asked = case.asks("ExpertCouncilEstablished", facts={"members": members})
        breaks("EXPERT_NOT_PARTY", asked, "/facts/members")
    refused = {"established": False, "members": None}
    holds("EXPERT_NOT_PARTY", case.asks("ExpertCouncilEstablished", facts=refused))
