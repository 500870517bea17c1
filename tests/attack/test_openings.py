"""Orders and emergency openings over HTTP: what they show, to whom, how long, and who is told.

The officers who are let in are of agencies that have nothing to do with the case (access.md A9,
A19, S7, S8). A case that an opening does not show answers as one that is not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from api.cli.terminal.case_tables import banner
from api.ops.embedded_postgres import Embedded
from api.texts.catalogue import translate
from ledger.regulation.acts.act import Act
from tests import builders
from tests.a_ledger import appointment, enrolment
from tests.attack.test_narrowing_at_once import asleep, said, status
from tests.attacks import attack
from tests.builders import CAST, an_act, officer
from tests.fixtures.app import found, open_service
from tests.fixtures.compartments import Compartments, open_compartments
from tests.fixtures.page_reader import PageReader
from tests.fixtures.postgres import make_database

pytestmark = pytest.mark.postgres

BODY: Final = ("thanhtra", "trapc", "tra", "giamsat")
ASKING: Final = ("nm", "bo", "dtv", "ytcv")
"""Who may ask in an emergency, each once; none has anything to do with the first case."""


@pytest.fixture(scope="module")
def world(
    postgres_server: Embedded, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Compartments]:
    """The two cases, an inspecting body, and officers who may ask in an emergency."""
    database = make_database(postgres_server)
    home: Path = tmp_path_factory.mktemp("openings") / "home"
    service = open_service(found(database, home), database)
    service.start()
    made = open_compartments(service)
    service.hire(*BODY, "tp", "pgd", "cv2")
    for alias in ASKING:
        service.say(appointment(alias, service.clock.now(), powers=["REQUESTER"]), "founder")
        service.say(enrolment(alias, service.clock.now()), "founder")
    made.fold()
    yield made
    service.stop()
    database.close()


def order(world: Compartments, by: str = "thanhtra", also: str = "trapc", **facts: Any) -> Act:  # noqa: ANN401  JSON
    """An inspection of the first case, read by `tra` for an hour."""
    now = world.service.clock.now()
    until = (now + timedelta(hours=1)).isoformat(timespec="seconds")
    agency, post = CAST["tra"]
    reader = {"officer": officer("tra"), "agency": agency, "post": post, "until": until}
    named = {"cases": [world.stream], "readers": [reader], "until": until, "agencies": None}
    return an_act(
        "InspectionOrdered", by=by, also=[also], when=now, stream="agency/bacninh.thanhtra",
        facts=named | {"period_from": "2024-06-01", "period_to": "2024-06-30"} | facts,
    )  # fmt: skip


def ordered(world: Compartments, **facts: Any) -> Act:  # noqa: ANN401  JSON
    """The order, signed and folded."""
    act = order(world, **facts)
    world.service.say(act, "thanhtra", "trapc")
    world.fold()
    return act


def opening(world: Compartments, by: str, also: str = "gd", **facts: Any) -> Act:  # noqa: ANN401  JSON
    """An emergency opening of the first case for two hours."""
    now = world.service.clock.now()
    until = (now + timedelta(hours=2)).isoformat(timespec="seconds")
    return an_act(
        "BreakGlassOpened", by=by, also=[also], when=now, stream=f"agency/{CAST[by][0]}",
        facts={"case": world.stream, "until": until} | facts,
    )  # fmt: skip


def refused(world: Compartments, act: Act, by: str) -> str:
    """The guard that refuses the author's statement."""
    answer = world.service.send(world.service.sign(act, by), by)
    assert answer.status_code == 422, answer.text
    guard: str = answer.get_json()["guard"]
    return guard


def reviewed(world: Compartments, act: Act, by: str) -> Act:
    """The review of an opening, not sent."""
    return an_act(
        "BreakGlassReviewed", by=by, when=world.service.clock.now(), stream=act.stream,
        facts={"opened": act.act_id},
    )  # fmt: skip


@attack(
    "a reader of an inspection order asks for more than it names, or after it was revoked",
    stopped_by="policies by the order's own principals; what ends is said by whoever records it",
    noticed_by="Read-Under on every answer",
)
def test_an_order_shows_what_it_names_and_says_so(world: Compartments) -> None:
    """A case named, and no other; from its record on, and no moment after its revocation."""
    hidden, service = world.hidden, world.service
    assert status(world, "tra") == {404}
    act = ordered(world)
    assert status(world, "tra") == {200}
    assert service.get(f"/v1/cases/{world.own.case}", "tra").status_code == 404
    paths = [f"/v1/cases/{hidden.case}{path}" for path in (
        "", "/acts", "/participants", "/verification", "/fields/state/history",
        "/diff?from=2024-06-04", f"?as_of={service.size() - 1}",
    )]  # fmt: skip
    file = f"/v1/acts/{hidden.act}/attachments/{hidden.digest}"
    paths += [f"/v1/acts/{hidden.act}", f"/v1/acts/{hidden.act}/raw", file, f"{file}/custody"]
    for path in paths:
        answer = service.client.get(path, headers=service.headers("tra"), buffered=True)
        assert answer.status_code == 200, path
        assert answer.headers["Read-Under"].startswith(f"A9; act={act.act_id}; until="), path
        mine = service.client.get(path, headers=service.headers("cv"), buffered=True)
        assert "Read-Under" not in mine.headers
    under = service.get(f"/v1/cases/{hidden.case}", "tra").get_json()["read_under"]
    assert (under["rule"], under["act_id"]) == ("A9", act.act_id)
    assert "INSPECTION ORDER" in translate(banner(under), "en")
    assert "QUYẾT ĐỊNH THANH TRA" in translate(banner(under), "vi")
    assert service.get(f"/v1/cases/{hidden.case}", "cv").get_json()["read_under"] is None
    revoke(world, act)


def revoke(world: Compartments, act: Act) -> None:
    """Ends the order by its issuer; with the projector asleep nothing is seen any more."""
    service = world.service
    revocation = an_act(
        "ParticipationRevoked", by="thanhtra", when=service.clock.now(), stream=act.stream,
        facts={"grant": act.act_id, "officer": officer("tra")},
    )  # fmt: skip
    with asleep(world):
        service.say(revocation, "thanhtra")
        assert status(world, "tra") == {404}


def later(world: Compartments, **by: float) -> None:
    """The ledger's time goes on, which is that of its last record."""
    service = world.service
    service.step(**by)
    stream = f"case/{builders.an_id(f'report {service.size()}')}"
    service.say(an_act("ReportReceived", by="hcv", when=service.clock.now(), stream=stream), "hcv")
    world.fold()


@pytest.mark.parametrize(("first", "shows"), [("2024-06-01", True), ("2023-06-01", False)])
def test_an_order_of_an_agency_is_of_its_period(
    world: Compartments, first: str, *, shows: bool
) -> None:
    """access.md A9: cases that came in before or after are not of it; nor are those of others."""
    facts = {"cases": None, "agencies": ["bacninh.stttt"]}
    act = ordered(world, **facts, period_from=first, period_to=f"{first[:-2]}30")
    assert status(world, "tra") == {200 if shows else 404}
    assert world.service.get(f"/v1/cases/{world.own.case}", "tra").status_code == 404
    revoke(world, act)


def test_an_order_is_over_at_its_end(world: Compartments) -> None:
    """access.md A9: by the ledger's time; the register keeps it."""
    act, service = ordered(world), world.service
    assert status(world, "tra") == {200}
    later(world, hours=1)
    assert status(world, "tra") == {404}
    every = service.get("/v1/openings", "hcv", rule="A9").get_json()["openings"]
    assert act.act_id in {line["act_id"] for line in every}
    runs = service.get("/v1/openings", "hcv", rule="A9", running="true").get_json()["openings"]
    assert runs == []


@attack(
    "an order by whoever may not, for whoever took part, or for oneself",
    stopped_by="AGENCY_HOLDS_FUNCTION, ORDER_BY_BODY, INSPECTOR_SEPARATE",
    noticed_by="-",
)
def test_an_order_is_of_the_inspecting_body_and_apart_from_the_case(world: Compartments) -> None:
    """Refused at the first signature; nothing is recorded, and nobody sees more."""
    size = world.service.size()
    assert refused(world, order(world, by="trapc", also="thanhtra"), "trapc") == (
        "AGENCY_HOLDS_FUNCTION"
    )
    assert refused(world, order(world, also="gd"), "thanhtra") == "ORDER_BY_BODY"
    assert refused(world, order(world, also="tra"), "thanhtra") == "ORDER_BY_BODY"
    agency, post = CAST["cv"]
    until = (world.service.clock.now() + timedelta(hours=1)).isoformat(timespec="seconds")
    worked = {"officer": officer("cv"), "agency": agency, "post": post, "until": until}
    assert refused(world, order(world, readers=[worked]), "thanhtra") == "INSPECTOR_SEPARATE"
    assert world.service.size() == size


@attack(
    "an emergency opening for more than it is for: too long, by whoever has no case, twice, unread",
    stopped_by="BREAK_GLASS_SIGNERS, BREAK_GLASS_LIMIT, BREAK_GLASS_THIRD_PERSON",
    noticed_by="auditors' worklist at once; GET /v1/openings",
)
def test_an_emergency_opens_one_case_and_everybody_is_told(world: Compartments) -> None:
    """access.md A19: for who asked, once a supervisor of the case signs; reviewed by a third."""
    service = world.service
    assert status(world, "nm") == {404}
    assert refused(world, opening(world, "nm", "hpct"), "nm") == "BREAK_GLASS_SIGNERS"
    assert refused(world, opening(world, "nm", "cv2"), "nm") == "BREAK_GLASS_SIGNERS"
    long = (service.clock.now() + timedelta(hours=5)).isoformat(timespec="seconds")
    assert refused(world, opening(world, "nm", until=long), "nm") == "BREAK_GLASS_LIMIT"
    act = opening(world, "nm")
    service.say(act, "nm")
    world.fold()
    assert status(world, "nm") == {404}, "the supervisor has not signed"
    answer = service.send(service.sign(act, "gd", role="APPROVER"), "gd")
    assert answer.status_code == 201, answer.text
    world.fold()
    assert status(world, "nm") == {200}
    assert service.get(f"/v1/cases/{world.own.case}", "nm").status_code == 404
    require_told(world, act)
    assert refused(world, reviewed(world, act, "gd"), "gd") == "BREAK_GLASS_THIRD_PERSON"
    service.say(reviewed(world, act, "giamsat"), "giamsat")
    assert refused(world, opening(world, "nm"), "nm") == "BREAK_GLASS_LIMIT", "the same pair"
    later(world, hours=2)
    assert status(world, "nm") == {404}
    every = service.get("/v1/openings", "hcv").get_json()["openings"]
    (after,) = (one for one in every if one["act_id"] == act.act_id)
    assert (after["running"], after["review"]) == (False, "REVIEWED")


def require_told(world: Compartments, act: Act) -> None:
    """The banner to its reader, the task to the auditor, the line and the count to everybody."""
    service, hidden = world.service, world.hidden
    under = service.get(f"/v1/cases/{hidden.case}", "nm").get_json()["read_under"]
    assert under["rule"] == "A19"
    assert "EMERGENCY" in translate(banner(under), "en")
    assert "MỞ KHẨN CẤP" in translate(banner(under), "vi")
    work = service.get("/v1/worklist", "giamsat").get_json()
    told = [t for part in ("overdue", "due", "running") for t in work[part]]
    assert [(t["act_id"], t["power"]) for t in told] == [(act.act_id, "AUDITOR")]
    listed = service.get("/v1/openings", "giamsat", rule="A19").get_json()
    line = next(one for one in listed["openings"] if one["act_id"] == act.act_id)
    assert (line["officer"], line["cases"], line["running"], line["review"]) == (
        officer("nm"), [world.stream], True, "DUE",
    )  # fmt: skip
    month = act.occurred_at.strftime("%Y-%m")
    assert next(m for m in listed["by_month"] if m["month"] == month)["not_reviewed"] >= 1
    reader, totals = PageReader(service).sign_in("giamsat"), "/thong-ke?of=province"
    assert totals in reader.get("/thong-ke").text
    page = reader.get(totals).text
    counted = page.partition("<caption>Openings, disclosures, erasures and reads")[2]
    assert f">{month[5:]}/{month[:4]}<" in counted.partition("</table>")[0], page


@attack(
    "a supervisor whose emergency opening nobody reviewed lets more people in",
    stopped_by="OPENING_UNREVIEWED",
    noticed_by="auditors' worklist: overdue",
)
def test_whoever_approved_what_nobody_reviewed_lets_nobody_in(world: Compartments) -> None:
    """access.md A19: until a third person reviewed it; what was let in before goes on as it was."""
    service = world.service
    act = opening(world, "bo", "tp")
    service.say(act, "bo", "tp")
    service.step(days=4)
    grant = said(world, "ParticipationGranted", officer=officer("dtv"))
    by_tp = an_act("ParticipationGranted", by="tp", when=service.clock.now(), stream=world.stream,
                   facts=dict(grant.facts))  # fmt: skip
    assert refused(world, by_tp, "tp") == "OPENING_UNREVIEWED"
    assert refused(world, opening(world, "dtv", "tp"), "dtv") == "OPENING_UNREVIEWED"
    service.say(reviewed(world, act, "giamsat"), "giamsat")
    service.say(by_tp, "tp")


@attack(
    "the register asked for who was let into a case, by whoever does not audit",
    stopped_by="grants that stand in cases are listed to auditors alone",
    noticed_by="-",
)
def test_grants_that_stand_in_cases_are_listed_to_auditors_alone(world: Compartments) -> None:
    """access.md A11: metadata without content, and not to everybody."""
    grant = said(world, "ParticipationGranted", officer=officer("ytcv"))
    world.service.say(grant, "gd")
    world.fold()
    asked: dict[str, Any] = {"rule": "A7", "limit": 200}
    seen = world.service.get("/v1/openings", "giamsat", **asked).get_json()
    assert grant.act_id in {line["act_id"] for line in seen["openings"]}
    assert seen["of_cases"]
    others = world.service.get("/v1/openings", "cv", **asked).get_json()
    assert not others["of_cases"]
    assert grant.act_id not in {line["act_id"] for line in others["openings"]}
    assert world.service.get(f"/v1/cases/{world.hidden.case}", "giamsat").status_code == 404
    none = world.service.get("/v1/openings", "cv", as_of=0).get_json()
    assert (none["openings"], none["by_month"]) == ([], [])
