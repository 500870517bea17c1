"""A guard that asks about another case says nothing of one that the caller does not see (A4, L8).

The caller is of the lead, writes in a case of theirs, and names in it a case, an act, a file or a
token of the department next door: each answer is that of what was never there, to the byte. Each
guard is also shown something that the caller does see, and then answers otherwise: it was asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, get_args

import orjson
import pytest
from werkzeug.test import TestResponse

from api.client.connection import JOSE
from keys.canonical import unb64
from ledger.log.statement import AUTHOR, flattened
from ledger.ports import Sight
from ledger.regulation.acts.act import Act
from ledger.regulation.case.other_cases_port import UNTOLD
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.release_days import RULE, next_release_day
from tests import builders
from tests.attacks import attack
from tests.builders import CAST, an_act, an_id, officer
from tests.fixtures.app import Service
from tests.fixtures.compartments import PART, STRANGER, WHOLE, Compartments

pytestmark = pytest.mark.postgres

OPEN: Final = f"case/{an_id('a second case of the lead')}"
FRESH: Final = f"case/{an_id('a third case of the lead')}"
TOKEN: Final = builders.a_token("a reporter of the second case")
HIDDEN_TOKEN: Final = builders.a_token("a reporter of the hidden case")


@dataclass(frozen=True)
class Named:
    """What an act may name of another case.

    Attributes:
        stream: The case.
        act: An act of it.
        token: A person of it.
    """

    stream: str
    act: str
    token: str


@dataclass(frozen=True)
class World:
    """The cases: the hidden one is the stranger's."""

    compartments: Compartments

    @property
    def hidden(self) -> Named:
        """Of the case next door."""
        ids = self.compartments.own
        return Named(f"case/{ids.case}", ids.act, HIDDEN_TOKEN)

    @property
    def absent(self) -> Named:
        """Of nothing."""
        ids = self.compartments.absent()
        return Named(f"case/{ids.case}", ids.act, builders.a_token("nobody"))


@pytest.fixture(scope="module")
def world(compartments: Compartments) -> World:
    """Two more cases of the lead's, and a reporter in the second and in one next door.

    It is a day of release: on another a released text would be refused for the day.
    """
    service = compartments.service

    def say(name: str, by: str, stream: str, also: str = "", **facts: Any) -> Act:  # noqa: ANN401  JSON
        act = an_act(name, by=by, when=service.step(minutes=1), stream=stream, facts=facts)
        service.say(act, *(who for who in (by, also) if who))
        return act

    report = say("ReportReceived", "hotline", OPEN, identity_given=True, reporter=TOKEN)
    say("ReporterIdentitySealed", "hotline", OPEN, reporter=TOKEN)
    say("CaseRegistered", WHOLE, OPEN, intake=[report.act_id], case_number="2024/0188")
    say("CompetenceDetermined", WHOLE, OPEN, also="gd")
    say("ReportReceived", "hotline", FRESH)
    next_door = f"case/{an_id('a second case next door')}"
    say("ReportReceived", STRANGER, next_door, identity_given=True, reporter=HIDDEN_TOKEN)
    today = local_day(service.step(minutes=1))
    every = service.enclave.queries.registries.at().registry.limit(RULE, today).value
    service.step(days=(next_release_day(today, int(every or 1)) - today).days)
    compartments.fold()
    return World(compartments)


Answer = tuple[int, list[tuple[str, str]], str]
_ID: Final = re.compile(r"(?:sealed:)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def plain(response: TestResponse) -> Answer:
    """Status, headers but the clock's, and body, with ids of cases, acts and persons made one."""
    headers = sorted((name, value) for name, value in response.headers if name != "Date")
    text = response.get_data(as_text=True)
    if "signing_input" in text:
        body = response.get_json()
        for name in ("payload", "protected", "signing_input"):
            body[name] = ".".join(unb64(part).decode() for part in body[name].split("."))
        text = orjson.dumps(body).decode()
    return response.status_code, headers, _ID.sub("ID", text)


# -- asking ----------------------------------------------------------------------------------------

Naming = Callable[[World, Named], tuple[Act, str]]


def _act(name: str, world: World, stream: str, by: str = WHOLE, **more: Any) -> tuple[Act, str]:  # noqa: ANN401
    service = world.compartments.service
    with service.enclave.ledger._memory.fresh(stream) as current:
        act = an_act(
            name, by=by, when=service.clock.now(), within=current.state,
            act_id=an_id(f"naming by {name}"), **more,
        )  # fmt: skip
    return act, by


#: By the guard that answers: what names another case, and how.
NAMING: Final[dict[str, Naming]] = {
    "SURVIVING_CASE_OPEN": lambda w, other: _act(
        "CaseMerged", w, OPEN, facts={"surviving_case": other.stream}
    ),
    "DUPLICATE_NAMES_SURVIVOR": lambda w, other: _act(
        "ResultDetermined", w, OPEN,
        facts={"outcome": "DUPLICATE", "surviving_case": other.stream, "finding_ref": None},
    ),
    "NO_POINTER_UP": lambda w, other: _act(
        "ReleasedTextEntered", w, OPEN,
        facts={
            "title": f"Phụ lục của {other.stream}", "read_again_by_post": builders.CAST["gd"][1],
        },
    ),
    "REFERS_TO_OTHER_CASE": lambda w, other: _act(
        "CaseRegistered", w, FRESH, facts={"intake": [other.act]}
    ),
    "REFERS_TO_OTHER_CASE of a correction": lambda w, other: _act(
        "RecordCorrected", w, OPEN, corrects=other.act
    ),
}  # fmt: skip
#: Those that ask how the other case stands; the rest look into the act's own.
_ASKING: Final = ("SURVIVING_CASE_OPEN", "DUPLICATE_NAMES_SURVIVOR", "NO_POINTER_UP")
_JSON: Final = "application/json"


def _answers(world: World, act: Act, by: str) -> Iterator[TestResponse]:
    return answers_to(world.compartments.service, act, by)


def answers_to(
    service: Service, act: Act, by: str, head: tuple[int, str | None] | None = None
) -> Iterator[TestResponse]:
    """To a check of the act, to bytes to sign, to a check of the statement, to the statement."""
    made = orjson.dumps(flattened(service.sign(act, by, head=head)))
    unsigned = {"act": dict(act.signed)}
    for path, media, body in (
        ("/v1/acts/check", _JSON, orjson.dumps(unsigned)),
        ("/v1/acts/prepare", _JSON, orjson.dumps(
            {**unsigned, "role": AUTHOR, "kid": builders.key(by).kid}
        )),
        ("/v1/acts/check", _JSON, orjson.dumps({"statement": orjson.loads(made)})),
        ("/v1/acts", JOSE, made),
    ):  # fmt: skip
        sent = {**service.headers(by, service.clock.now()), "Content-Type": media}
        yield service.client.post(path, data=body, headers={**sent, "X-Request-Id": "the-same"})


def told(world: World, naming: Naming, other: Named) -> list[Answer]:
    """Every answer to what is named, with ids made one."""
    return [plain(one) for one in _answers(world, *naming(world, other))]


@attack(
    "a case that one does not see is named where a guard asks for another case",
    stopped_by="a guard asks first whether the author sees the other case (A4, L8)",
    noticed_by="-",
)
@pytest.mark.parametrize("name", NAMING)
def test_hidden_and_absent_are_one_answer_of_a_guard(world: World, name: str) -> None:
    """By the guard itself, checked, prepared, checked as signed and sent; nothing is recorded."""
    size = world.compartments.service.size()
    hidden, absent = (told(world, NAMING[name], one) for one in (world.hidden, world.absent))
    assert hidden == absent
    guard = f'"guard":"{name.split(maxsplit=1)[0]}"'
    assert [guard in body for _, _, body in hidden] == [True, False, True, True], hidden[0]
    assert world.compartments.service.size() == size


@pytest.mark.parametrize("name", [name for name in NAMING if " " not in name][:3])
def test_the_same_of_a_case_that_one_sees_is_taken(world: World, name: str) -> None:
    """The test of the test: nothing but which case it is stands in the way above."""
    seen = Named(world.compartments.stream, world.compartments.hidden.act, TOKEN)
    act, by = NAMING[name](world, seen)
    checked = next(_answers(world, act, by))
    assert checked.get_json()["ok"] is True, checked.text


@attack(
    "a token of a hidden case, found somewhere, is tried in a case of one's own",
    stopped_by="the answer is that of a token which stands in any case, and names none (N6, L26)",
    noticed_by="-",
)
def test_a_token_is_told_to_be_used_and_not_where(world: World) -> None:
    """Whoever holds a token learns that the log has it: in a case of theirs or of others alike."""

    def naming(token: str) -> list[Answer]:
        act, by = _act("ReporterIdentitySealed", world, FRESH, "hotline", facts={"reporter": token})
        return [plain(one) for one in _answers(world, act, by)]

    assert naming(HIDDEN_TOKEN) == naming(TOKEN)
    assert "TOKEN_OF_ONE_CASE" in naming(HIDDEN_TOKEN)[0][2]
    assert "TOKEN_MATCHES_REPORT" in naming(builders.a_token("nobody"))[0][2]


@attack(
    "whoever may order or open nothing asks, by an act they draft, who took part in a hidden case",
    stopped_by="who may act is asked first, and who may not is told nothing of other cases (N6)",
    noticed_by="-",
)
@pytest.mark.parametrize("approver", ["gd", "ct"])
def test_whoever_may_open_nothing_learns_nothing_of_who_takes_part(
    compartments: Compartments, approver: str
) -> None:
    """In their own name and in another's: a case next door and none are one answer, to the byte."""
    service = compartments.service
    stood, none = (f"case/{ids.case}" for ids in (compartments.hidden, compartments.absent()))
    when = service.step(minutes=1)
    until = (when + timedelta(hours=2)).isoformat(timespec="seconds")

    def reader(alias: str) -> dict[str, str]:
        agency, post = CAST[alias]
        return {"officer": officer(alias), "agency": agency, "post": post, "until": until}

    def opening(case: str, by: str) -> Act:
        return an_act(
            "BreakGlassOpened", by=by, also=[approver], when=when, stream=f"agency/{CAST[by][0]}",
            act_id=an_id("an opening"), facts={"case": case, "until": until},
        )  # fmt: skip

    def order(case: str, by: str) -> Act:
        said = {"cases": [case], "readers": [reader("cv")], "until": until, "agencies": None}
        return an_act(
            "InspectionOrdered", by=by, also=["trapc"], when=when, facts=said,
            stream=f"agency/{CAST[by][0]}", act_id=an_id("an order"),
        )  # fmt: skip

    for ask in (opening, order):
        for by in (STRANGER, "thanhtra"):
            sent = {**service.headers(STRANGER, when), "Content-Type": _JSON}
            bodies = [orjson.dumps({"act": dict(ask(case, by).signed)}) for case in (stood, none)]
            told = [
                service.client.post("/v1/acts/check", data=body, headers=sent).get_json()
                for body in bodies
            ]
            assert told[0]["ok"] is False
            assert told[0] == told[1]


@attack(
    "whoever was sent one act of a case asks, by an act of a case of their own that names it,"
    " whether it is still open and whom it is about",
    stopped_by="how another case stands is told to whoever sees all of it; of who sees a part, that"
    " it is there (N2)",
    noticed_by="-",
)
def test_who_was_sent_an_act_learns_of_the_case_nothing_by_a_guard_elsewhere(
    compartments: Compartments,
) -> None:
    """Three cases sent one act each: open, open and about an officer, merged: one answer.

    Leaves records.
    """
    service = compartments.service
    about = {"concerns_officer": [officer("tp")]}

    def say(name: str, stream: str, *by: str, **facts: Any) -> Act:  # noqa: ANN401  JSON
        with service.enclave.ledger._memory.fresh(stream) as current:
            when, state = service.step(minutes=1), current.state
            act = an_act(name, by=by[0], when=when, within=state, facts=facts)
        service.say(act, *by)
        return act

    def sent(what: str, **facts: Any) -> Named:  # noqa: ANN401  JSON
        """A case of the lead's of which `yt` is sent one act."""
        stream = f"case/{an_id(f'a case of which an act was sent: {what}')}"
        report = say("ReportReceived", stream, "hotline", **facts)
        say("CaseRegistered", stream, WHOLE, intake=[report.act_id])
        say("CompetenceDetermined", stream, WHOLE, "gd")
        asked = say("VerificationRequested", stream, WHOLE, "gd")
        return Named(stream, asked.act_id, "")

    stand, concerned, merged = sent("open"), sent("about one", **about), sent("merged")
    say("CaseMerged", merged.stream, WHOLE, "gd", surviving_case=stand.stream)
    own = f"case/{an_id('a case of who was sent acts')}"
    say("ReportReceived", own, PART, **about)
    compartments.fold()
    for other in (stand, concerned, merged):
        assert service.get(f"/v1/acts/{other.act}", PART).status_code == 200
    for name in ("CaseMerged", "ResultDetermined"):
        facts = {"outcome": "DUPLICATE", "finding_ref": None} if name[0] == "R" else {}
        answers = []
        for other in (stand, concerned, merged):
            with service.enclave.ledger._memory.fresh(own) as current:
                act = an_act(
                    name, by=PART, when=service.clock.now(), within=current.state,
                    facts={**facts, "surviving_case": other.stream}, act_id=an_id(f"a {name}"),
                )  # fmt: skip
            answers.append([plain(one) for one in answers_to(service, act, PART)])
        assert answers[0] == answers[1] == answers[2], name
    assert _told_elsewhere(service, concerned.stream, about["concerns_officer"]) == {
        "whole": ("VERIFYING", True), "part": (UNTOLD, False), "hidden": (None, False),
        "absent": (None, False),
    }  # fmt: skip


def _told_elsewhere(
    service: Service, case: str, named: list[str]
) -> dict[Sight, tuple[str | None, bool]]:
    """What a guard hears of another case, by what the author sees of it: state, and if about."""
    found: dict[Sight, tuple[str | None, bool]] = {}
    for sight in get_args(Sight):
        asked = service.enclave.ledger._cases.asking({case: sight}.__getitem__)
        found[sight] = (asked.state(case), asked.is_about(case, named))
    return found


@attack(
    "whoever may order no inspection asks, by an order they draft that names no case and no agency,"
    " whether an officer was let into some case to work in it",
    stopped_by="grants that stand in cases are asked of on behalf of whoever is competent (N6)",
    noticed_by="-",
)
def test_whoever_may_order_nothing_learns_of_nobody_s_grant(compartments: Compartments) -> None:
    """Of one officer before and after a grant in a hidden case. Leaves records."""
    service, reader = compartments.service, "hpct"
    agency, post = CAST[reader]

    def told() -> dict[str, Any]:
        when = service.step(minutes=1)
        until = (when + timedelta(days=2)).isoformat(timespec="seconds")
        line = {"officer": officer(reader), "agency": agency, "post": post, "until": until}
        facts = {"cases": None, "agencies": None, "readers": [line], "until": until}
        act = an_act(
            "InspectionOrdered", by=STRANGER, also=["trapc"], when=when, facts=facts,
            stream=f"agency/{CAST[STRANGER][0]}", act_id=an_id("an order of nothing"),
        )  # fmt: skip
        sent = {**service.headers(STRANGER, when), "Content-Type": _JSON}
        body = orjson.dumps({"act": dict(act.signed)})
        found = service.client.post("/v1/acts/check", data=body, headers=sent).get_json()
        assert found["ok"] is False
        return {**found, "errors": [one["pointer"] for one in found["errors"]]}

    before = told()
    assert "/facts/readers" not in before["errors"]
    with service.enclave.ledger._memory.fresh(compartments.stream) as current:
        grant = an_act(
            "ParticipationGranted", by="gd", when=service.step(minutes=1), within=current.state,
            facts={"officer": officer(reader), "may": "HANDLE"},
        )  # fmt: skip
    service.say(grant, "gd")
    assert told() == before
