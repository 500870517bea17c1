"""What whoever keeps a copy of their cases is told by the feed, and what not (http.md §6)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import an_act, officer
from tests.fixtures.compartments import Compartments

pytestmark = pytest.mark.postgres
WHO = "btg"


def test_the_feed_tells_of_records_and_not_of_rights(compartments: Compartments) -> None:
    """What becomes the caller's comes without its past; what ceases to be goes in silence."""
    compartments.service.hire(WHO)
    compartments.fold()
    case = compartments.stream.removeprefix("case/")
    before, after = followed(compartments, -1)
    assert compartments.stream not in {event["subject"] for event in before}
    grant = said(compartments, "ParticipationGranted", {"officer": officer(WHO)})
    told, after = followed(compartments, after)
    assert [event["id"] for event in told] == [str(grant["index"])]
    assert case in listed(compartments)
    ended = {"grant": grant["act_id"], "officer": officer(WHO)}
    last = said(compartments, "ParticipationRevoked", ended)
    told, after = followed(compartments, after)
    assert (told, after) == ([], last["index"])
    assert case not in listed(compartments)
    assert compartments.service.get(f"/v1/cases/{case}", WHO).status_code == 404


def said(world: Compartments, name: str, facts: dict[str, Any]) -> dict[str, Any]:
    """Receipt of an act of the case by its director, once every view has it."""
    with world.service.enclave.ledger._memory.fresh(world.stream) as current:
        now = world.service.step(minutes=1)
        act = an_act(name, by="gd", when=now, within=current.state, facts=facts)
    receipt = world.service.say(act, "gd")
    world.fold()
    return receipt


def followed(world: Compartments, after: int) -> tuple[list[dict[str, Any]], int]:
    """All events behind an index, and where the feed leads to."""
    found, path = list[dict[str, Any]](), "/v1/feed" if after < 0 else f"/v1/feed?after={after}"
    while after < world.service.size() - 1:
        answer = world.service.client.get(path, headers=world.service.headers(WHO))
        found += answer.get_json()
        path = answer.headers["Link"].partition("<")[2].partition(">")[0]
        after = int(path.partition("after=")[2].partition("&")[0])
    return found, after


def listed(world: Compartments) -> set[str]:
    """Cases that the caller is shown in lists."""
    return {one["id"] for one in world.service.get("/v1/cases", WHO).get_json()["cases"]}
