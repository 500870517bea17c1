"""Rules of access by HTTP, and past the door by SQL, where no other test tries them (access.md §4).

Which test tries which rule at which door: docs/threat-model.md, "Rules and doors".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from itertools import product
from typing import Any, Final

import pytest
from werkzeug.test import TestResponse

from ledger.log.statement import AUTHOR, RETURNER
from ledger.regulation.acts.act import Act
from tests import builders
from tests.a_ledger import appointment, enrolment
from tests.attacks import attack
from tests.builders import an_act, an_id, officer
from tests.fixtures.compartments import DIGEST, FILE, PART, STRANGER, WHOLE, Compartments
from tests.smuggle import smuggler_into

pytestmark = pytest.mark.postgres

APPROVER: Final = "APPROVER"
BOSS: Final = "hpct"
"""Supervisor of the district that has nothing to do with the case."""
ABOVE: Final = "ct"
"""Of the committee, above the department: nothing of its cases is theirs by rank (W6)."""


@pytest.fixture(scope="module")
def world(compartments: Compartments) -> Compartments:
    """Beside the two cases somebody who is granted things."""
    compartments.service.hire("btg", "ct", "ubcv")
    return compartments


def said(world: Compartments, name: str, stream: str, by: str, **more: Any) -> Act:  # noqa: ANN401
    """An act now, its references filled from its case."""
    with world.service.enclave.ledger._memory.fresh(stream) as current:
        return an_act(name, by=by, when=world.service.step(minutes=1), within=current.state, **more)


def sent(
    world: Compartments, act: Act | Mapping[str, Any], by: str, role: str = AUTHOR
) -> TestResponse:
    """The answer to one statement."""
    return world.service.send(world.service.sign(act, by, role=role), by)


def guard(answer: TestResponse) -> tuple[int, str | None]:
    """Status, and the guard or code that refuses."""
    told = answer.get_json()
    return answer.status_code, told.get("guard", told["code"])


def sees(world: Compartments, by: str, stream: str) -> int:
    """How the case answers."""
    return world.service.get(f"/v1/cases/{stream.removeprefix('case/')}", by).status_code


# -- A5: a report ---------------------------------------------------------------------------------


@attack(
    "a report is refused because of what stands in a hidden case, or tells who reported",
    stopped_by="no guard asks for a number elsewhere; a name in the open is flagged, and sealed by"
    " the intake alone (A5, N6)",
    noticed_by="-",
)
def test_a_report_is_taken_whatever_is_hidden_and_names_nobody(world: Compartments) -> None:
    """With number, day and words of a report next door; the reporter in a sealed field."""
    service, case = world.service, f"case/{an_id('a report like another')}"
    with service.enclave.ledger._memory.fresh(world.stream) as current:
        hidden = dict(current.state.entries[world.hidden.act].act.facts)
    token = builders.a_token("who reports here")
    like = hidden | {"identity_given": True, "reporter": token}
    act = said(world, "ReportReceived", case, STRANGER, facts=like, exact=True)
    assert sent(world, act, STRANGER).status_code == 201
    named = like | {
        "summary": "Người gọi là nguyen van an, số điện thoại 0912345678, báo có trang giả.",
        "reporter": builders.a_token("another"),
    }
    other = f"case/{an_id('a report with a name')}"
    act = said(world, "ReportReceived", other, STRANGER, facts=named, exact=True)
    assert sent(world, act, STRANGER).status_code == 201
    act = said(world, "ReporterIdentitySealed", case, STRANGER, facts={"reporter": token})
    assert guard(sent(world, act, STRANGER)) == (422, "AGENCY_HOLDS_FUNCTION")


# -- A6: countersigning ---------------------------------------------------------------------------


@attack(
    "an act that waits is signed or returned by somebody it does not name, by its author, over"
    " other bytes",
    stopped_by="the order of the signers; the very bytes of the first statement (A6, S1)",
    noticed_by="-",
)
def test_what_waits_is_signed_and_returned_by_whom_it_names(world: Compartments) -> None:
    """By a colleague, by the author again, by a stranger; and it goes on waiting."""
    service, act = world.service, world.pending
    service.step(minutes=1)
    for by in ("hotline", WHOLE):
        status, why = guard(sent(world, act, by, APPROVER))
        assert (status, why) == (422, "SIGNER_ORDER"), by
    assert guard(sent(world, act, STRANGER, APPROVER)) == (404, "not_found")
    other = dict(act.signed) | {"facts": {**act.facts, "answer_by": "2031-01-01T08:00:00+07:00"}}
    assert sent(world, other, "gd", APPROVER).status_code in (409, 422)
    back = said(world, "ActReturned", world.stream, "hotline", refers_to=act.act_id)
    assert sent(world, back, "hotline", RETURNER).status_code == 422
    back = said(world, "ActReturned", world.stream, STRANGER, refers_to=act.act_id)
    assert guard(sent(world, back, STRANGER, RETURNER)) == (404, "not_found")
    told = service.get(f"/v1/acts/{act.act_id}", WHOLE).get_json()
    assert [one["role"] for one in told["statements"]] == [AUTHOR]


# -- A8: revoking ---------------------------------------------------------------------------------


@attack(
    "a grant is ended by a supervisor of another agency, who sees a part of the case or nothing",
    stopped_by="what one does not see is not there; who sees it: REVOKER_IN_CHARGE (A8, A4)",
    noticed_by="-",
)
def test_a_grant_is_revoked_by_whoever_is_in_charge(world: Compartments) -> None:
    """Who was granted reads on."""
    act = said(world, "ParticipationGranted", world.stream, "gd", facts={"officer": officer("btg")})
    world.service.say(act, "gd")
    world.fold()
    assert sees(world, "btg", world.stream) == 200
    facts = {"grant": act.act_id, "officer": officer("btg")}
    for by in (PART, BOSS):
        ended = said(world, "ParticipationRevoked", world.stream, by, facts=facts)
        assert guard(sent(world, ended, by)) == (404, "not_found")
    world.fold()
    assert sees(world, "btg", world.stream) == 200


# -- S5: who keeps keys ---------------------------------------------------------------------------


@attack(
    "a clerk is made a custodian of keys over HTTP; a custodian is let into a case, or signs in it",
    stopped_by="KEYS_APART, KEY_KEEPER_SIGNS_NOT (S5)",
    noticed_by="-",
)
def test_who_keeps_keys_works_in_no_case(world: Compartments) -> None:
    """Nothing of it is recorded, and the custodian sees nothing; the ceremony is theirs."""
    service, custody = world.service, ["KEY_CUSTODIAN"]
    clerk = appointment("cv", service.step(minutes=1), powers=custody)
    assert guard(sent(world, clerk, "founder")) == (422, "KEYS_APART")
    service.say(appointment("ubgk", service.clock.now(), powers=custody), "founder")
    service.say(enrolment("ubgk", service.clock.now()), "founder")
    named = {"officer": officer("ubgk"), "may": "READ"}
    grant = said(world, "ParticipationGranted", world.stream, "gd", facts=named)
    assert guard(sent(world, grant, "gd")) == (422, "KEYS_APART")
    act = said(world, world.pending.act, world.stream, WHOLE, also=["ubgk", "gd"])
    assert guard(sent(world, act, WHOLE)) == (422, "KEY_KEEPER_SIGNS_NOT")
    world.fold()
    assert sees(world, "ubgk", world.stream) == 404
    ceremony = said(world, "KeyCeremonyRecorded", "ledger", "ubgk", also=["ct"])
    assert sent(world, ceremony, "ubgk").status_code == 201


# -- A22: enrolling and revoking ------------------------------------------------------------------


@attack(
    "a clerk with the director behind them appoints an officer, enrols a key or ends somebody's",
    stopped_by="the registry is its keepers' (A22; SIGNER_POWERS, AGENCY_HOLDS_FUNCTION)",
    noticed_by="-",
)
def test_nobody_but_who_keeps_the_registry_enrols_or_ends(world: Compartments) -> None:
    """Nothing of it is recorded, and the officers are who they were."""
    service, whom = world.service, f"officer/{officer('hotline')}"
    size, key = service.size(), {"kid": builders.key("hotline").kid}
    appointed = {"officer": officer("hotline"), "powers": ["SUPERVISOR"], "post": "truong-phong"}
    enrolled = {
        "officer": officer("hotline"), "kid": builders.key("npgd").kid,
        "jwk": dict(builders.key("npgd").jwk), "custody": "SOFTWARE",
    }  # fmt: skip
    revoked = {"officer": officer("hotline"), **key, "reason": "LOST"}
    for name, facts, also in (
        ("OfficerAppointed", appointed, ["gd"]),
        ("KeyEnrolled", enrolled, ["gd"]),
        ("KeyRevoked", revoked, []),
    ):
        act = said(world, name, whom, WHOLE, also=also, facts=facts)
        assert guard(sent(world, act, WHOLE)) in (
            (422, "SIGNER_POWERS"), (422, "AGENCY_HOLDS_FUNCTION"),
        ), name  # fmt: skip
    assert service.size() == size


# -- A10: supervising -----------------------------------------------------------------------------


@attack(
    "a supervisor elsewhere asks for the work, the delays and the load of a department by its name",
    stopped_by="work and figures are of what the asker sees (A10)",
    noticed_by="-",
)
def test_the_work_of_a_department_is_told_to_its_own(world: Compartments) -> None:
    """Asked for by name, it is told like a department that has no case at all."""
    service = world.service
    world.fold()  # what is told twice is told of one moment
    for path in ("/v1/statistics", "/v1/cases", "/v1/statistics.csv"):
        told = []
        for agency in ("bacninh.stttt", "bacninh.syt"):
            answer = service.get(path, BOSS, agency=agency)
            text = answer.get_data(as_text=True).replace(agency, "AGENCY")
            told.append((answer.status_code, text))
        assert told[0] == told[1], path
    for team in ("true", "false"):
        work = service.get("/v1/worklist", BOSS, team=team).get_data(as_text=True)
        for word in (world.hidden.case, world.asked, world.pending.act_id, "2024/0187"):
            assert word not in work, (team, word)
    assert world.pending.act_id in service.get("/v1/worklist", "gd").get_data(as_text=True)


# -- W2: the door ---------------------------------------------------------------------------------


@attack(
    "a body outside opens a file by writing that somebody complained, then reviews what it finds",
    stopped_by="a receipt gives its own act alone; what is named must be seen (W2, A4)",
    noticed_by="-",
)
def test_a_complaint_that_one_writes_opens_no_file(world: Compartments) -> None:
    """With the id off a letter it is taken, as it must be; the case stays as hidden as it was."""
    service, hidden = world.service, world.hidden
    facts = {"against": hidden.act, "instance": "FIRST", "complainant": builders.a_token("who")}
    act = said(world, "ComplaintReceived", world.stream, ABOVE, facts=facts)
    answer = sent(world, act, ABOVE)
    assert answer.status_code == 201, answer.text
    world.fold()
    for by in (ABOVE, "ubcv"):
        told = service.get(f"/v1/cases/{hidden.case}/acts", by).get_json()["acts"]
        assert [one["act_id"] for one in told] == [act.act_id]
        assert service.get(f"/v1/cases/{hidden.case}", by).get_json()["code"] == "part_only"
        for path in (f"/v1/acts/{hidden.act}", f"/v1/acts/{hidden.act}/raw"):
            assert service.get(path, by).status_code == 404
    review = said(
        world, "ReviewOpened", world.stream, ABOVE, also=["ubcv"],
        facts={"complaint": act.act_id, "under_review": [hidden.act], "ground": "COMPLAINT"},
    )  # fmt: skip
    assert guard(sent(world, review, ABOVE)) == (404, "not_found")
    for path in ("/v1/acts/check", "/v1/acts/prepare"):
        headers = service.headers(ABOVE, service.clock.now())
        body = {"act": dict(review.signed)}
        assert service.client.post(path, json=body, headers=headers).status_code == 404, path


@attack(
    "a file of an act that is hidden from an officer is listed in an act of their own of that case,"
    " to open it, or to ask whether known bytes are there",
    stopped_by="whoever lists a file has uploaded it, or sees an act of the case that lists it",
    noticed_by="-",
)
@pytest.mark.parametrize("by", [PART, ABOVE])
def test_a_file_of_a_hidden_act_is_listed_by_nobody_who_does_not_see_it(
    world: Compartments, by: str
) -> None:
    """By whom one act was sent, and by a body outside with a complaint: as bytes nobody has."""
    service, asked = world.service, {"request": world.asked}
    about = {"against": world.asked, "instance": "FIRST", "complainant": builders.a_token("she")}
    name, facts = {
        PART: ("VerificationAnswered", asked),
        ABOVE: ("ComplaintReceived", about),
    }[by]
    for digest in (DIGEST, world.absent().digest):
        file = {"name": "f.pdf", "digest": digest, "media_type": "application/pdf"}
        listed = [file | {"size": len(FILE)}]
        act = said(world, name, world.stream, by, facts=facts, attachments=listed)
        headers = service.headers(by, service.clock.now())
        checked = service.client.post(
            "/v1/acts/check", json={"act": dict(act.signed)}, headers=headers
        )
        assert checked.get_json()["code"] == "attachment_missing", checked.text
        assert guard(sent(world, act, by)) == (422, "attachment_missing")


@attack(
    "the bytes of a hidden act asked for as if to sign it too, by its id: with one act of the case,"
    " with a complaint, with the key of whoever it waits for",
    stopped_by="bytes to sign of an act that stands are for whom it names, or who sees it",
    noticed_by="-",
)
@pytest.mark.parametrize("by", [PART, ABOVE, STRANGER])
def test_nobody_is_handed_the_bytes_of_a_hidden_act_to_sign(world: Compartments, by: str) -> None:
    """As of an act that is not there, in every role that signs after the author."""
    service = world.service
    headers = service.headers(by, service.clock.now())
    knocking: list[Mapping[str, Any]] = [
        {},
        {"act": "ComplaintReceived", "facts": {"against": world.asked}},
        {"act": "ActReturned", "refers_to": world.pending.act_id},
    ]
    for act_id, more, role, key in product(
        (world.hidden.act, world.pending.act_id), knocking, ("CHECKER", APPROVER), (by, "gd")
    ):
        told = []
        for asked in (act_id, an_id("no act")):
            fields = {"stream": world.stream, "act_id": asked, **more}
            body = {"act": fields, "role": role, "kid": builders.key(key).kid}
            answer = service.client.post("/v1/acts/prepare", json=body, headers=headers)
            told.append((answer.status_code, answer.get_json()["code"]))
        assert told == [(404, "not_found")] * 2, (act_id, more, role, key)


# -- past the door --------------------------------------------------------------------------------


@attack(
    "with the writer's login: a grant to oneself, another's ended, an approval by nobody named",
    stopped_by="what the rules refuse is set aside: it gives nobody anything, and ends nothing"
    " (A4, A6, A7, A8)",
    noticed_by="readiness, log audit",
)
def test_what_is_written_past_the_door_gives_and_ends_nothing(world: Compartments) -> None:
    """Each in a case of its own; signed by bought officers, sealed as the ledger seals."""
    service, smuggler = world.service, smuggler_into(world.service)
    cases = [f"case/{an_id(f'a case to break {n}')}" for n in range(2)]
    for case in cases:
        service.say(said(world, "ReportReceived", case, "hotline"), "hotline")
    into, out_of = cases
    act = said(world, "ParticipationGranted", out_of, "gd", facts={"officer": officer("btg")})
    service.say(act, "gd")
    ended = {"grant": act.act_id, "officer": officer("btg")}
    until = service.clock.now() + timedelta(days=9)
    mine = {"officer": officer(BOSS), "until": until.isoformat(timespec="seconds")}
    junk = [
        (said(world, "ParticipationGranted", into, BOSS, facts=mine), BOSS, AUTHOR),
        (said(world, "ParticipationRevoked", out_of, BOSS, facts=ended), BOSS, AUTHOR),
        (world.pending, "hotline", APPROVER),
    ]
    put = [
        smuggler.put(service.sign(act, by, role=role), service.clock.now()).index
        for act, by, role in junk
    ]
    service.say(said(world, "ReportReceived", f"case/{an_id('goes on')}", "hotline"), "hotline")
    world.fold()
    assert service.get("/v1/log", None).get_json()["set_aside"] == put
    assert sees(world, BOSS, into) == 404
    assert sees(world, "btg", out_of) == 200
    told = service.get(f"/v1/acts/{world.pending.act_id}", WHOLE).get_json()
    assert told["status"] == "pending"
    assert [one["status"] for one in told["statements"]] == ["pending", "set_aside"]
