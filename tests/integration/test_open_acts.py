"""What an officer may begin now, and a draft checked as it is typed; neither writes anything."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.builders import CAST, a_case_in, an_act, an_id, officer
from tests.fixtures.app import Service

pytestmark = pytest.mark.postgres
NEW: Final = f"case/{an_id('a case nobody has begun')}"


def _open(service: Service, stream: str, who: str) -> dict[str, Any]:
    service.known(service.size() - 1)
    told = service.get(f"/v1/streams/{stream}/head", who, acts="true")
    assert told.status_code == 200, told.text
    return {one["act"]: one for one in told.get_json()["acts"]}


def _checked(service: Service, act: dict[str, Any]) -> dict[str, Any]:
    service.known(service.size() - 1)
    headers = service.headers("hotline", service.clock.now())
    told = service.client.post("/v1/acts/check", json={"act": act}, headers=headers)
    assert told.status_code == 200, told.text
    body: dict[str, Any] = told.get_json()
    return body


def test_what_may_be_begun_is_told_by_state_and_by_competence(service: Service) -> None:
    """Of no case the intake; of one taken in what comes next, to whoever may."""
    service.hire("hotline", "cv", "tp", "gd", "hcv")
    size = service.size()
    begin = _open(service, NEW, "hotline")
    assert "ReportReceived" in begin
    assert "CaseRegistered" not in begin
    assert service.get(f"/v1/streams/{NEW}/head", "hotline").get_json()["seq"] == 1
    assert service.size() == size
    story = a_case_in("RECEIVED")
    service.tell(story)
    stream, size = story.stream.name, service.size()
    going_on = _open(service, stream, "cv")
    assert going_on["CaseRegistered"]["vi"] == "Lập hồ sơ vụ việc"
    assert going_on["CaseRegistered"]["post"]
    assert "VerificationConcluded" not in going_on
    assert "SanctionDecided" not in going_on
    assert service.size() == size


def test_a_draft_is_judged_with_every_fault_in_its_place_and_never_recorded(
    service: Service,
) -> None:
    """Half typed, out of form, against a guard or lawful: said by the door's own judge."""
    service.hire("hotline")
    whole = dict(an_act("ReportReceived", when=service.step(minutes=1), stream=NEW).signed)
    size = service.size()
    half = _checked(service, {**whole, "facts": {"petition_kind": "NO_SUCH"}})
    assert (half["ok"], half["guard"]) == (False, "FACTS_INVALID")
    places = {one["pointer"] for one in half["errors"]}
    assert {"/facts/petition_kind", "/facts/summary", "/facts/received_at"} <= places
    assert all(one["detail"] for one in half["errors"])
    bare = _checked(service, {"act": "ReportReceived", "stream": NEW})
    assert (bare["code"], "/basis" in {e["pointer"] for e in bare["errors"]}) == (
        "malformed_act",
        True,
    )
    strange = _checked(service, {**whole, "agency": "khong.co"})
    assert strange["guard"] == "AGENCY_EXISTS"
    assert strange["errors"][0]["pointer"] == "/agency"
    good = _checked(service, whole)
    assert (good["ok"], good["status"], "errors" in good) == (True, "effective", False)
    assert service.size() == size
    assert service.get(f"/v1/streams/{NEW}/head", "hotline").get_json()["seq"] == 1


def test_a_draft_of_other_words_under_the_id_of_what_waits_is_answered(service: Service) -> None:
    """The director lets the clerk sign, who rewords what the clerk signed for them."""
    service.hire("hotline", "cv", "gd")
    story = a_case_in("VERIFYING", start=service.clock.now())
    service.tell(story)
    act = story.act("VerificationConcluded")
    service.clock.set(max(service.clock.now(), act.occurred_at))
    service.say(act, "cv")
    today = service.clock.now().astimezone(act.occurred_at.tzinfo)
    lent = {
        "officer": officer("cv"), "post": CAST["cv"][1], "capacity": "TUQ",
        "valid_from": today.date().isoformat(), "valid_to": today.date().isoformat(),
    }  # fmt: skip
    service.say(an_act("DelegationGiven", by="gd", also=[], when=today, facts=lent), "gd")
    size = service.size()
    told = service.client.post(
        "/v1/acts/check",
        json={"act": {**act.signed, "late_reason": "Ghi muộn."}},
        headers=service.headers("cv", service.clock.now()),
    )
    body = told.get_json()
    assert (told.status_code, body["ok"], body["guard"]) == (200, False, "CORRECT_NOT_EDIT")
    assert [one["pointer"] for one in body["errors"]] == ["/act_id"]
    assert body["errors"][0]["detail"]
    assert service.size() == size


def test_of_a_case_that_is_not_seen_the_same_is_told_as_of_none(service: Service) -> None:
    """Nothing that may be begun says that a case is there (access.md N2)."""
    service.hire("hotline", "cv", "tp", "gd", "hcv")
    story = a_case_in("RECEIVED")
    service.known(service.tell(story)[-1]["index"])
    stranger = _open(service, story.stream.name, "hcv")
    assert stranger == _open(service, NEW, "hcv")
