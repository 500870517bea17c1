"""Who had a case and has it no more learns nothing of what goes on in it (access.md A7, A8, NI3).

They know its ids, its texts and the tags and cursors of what they read. What every call answers is
kept before and after something happens in a case that was never theirs, and before and after the
same happens in theirs: no answer of the second pair differs where one of the first does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from api.ops.embedded_postgres import Embedded
from ledger.regulation.acts.json_shape import fmt_time
from tests import builders
from tests.attacks import attack
from tests.builders import an_act, officer
from tests.examples import share
from tests.fixtures.app import found, open_service
from tests.fixtures.compartments import STRANGER, WHOLE, Compartments, open_compartments
from tests.fixtures.neighbours import X2, X3, without
from tests.fixtures.postgres import make_database

pytestmark = pytest.mark.postgres

GONE: Final = ("btg", "cv2", "bo")
"""Whose grant was revoked, who was shut out, whose grant came to its end."""
_OPEN: Final = frozenset({"Date", "X-Request-Id", "Ledger-Index"})
"""X1, X2 and the size of the log (D2)."""


@pytest.fixture(scope="module")
def world(
    postgres_server: Embedded, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Compartments]:
    """The two cases; three officers had the first, read it, and have it no more."""
    database = make_database(postgres_server)
    home: Path = tmp_path_factory.mktemp("shut-out") / "home"
    service = open_service(found(database, home), database)
    service.start()
    made = open_compartments(service)
    service.hire(*GONE, "nm")
    grants = {alias: said(made, "ParticipationGranted", alias, until=_END) for alias in GONE}
    for act in grants.values():
        service.say(act, "gd")
        service.step(minutes=1)
    made.fold()
    for alias in GONE:
        KNOWN[alias] = told(made, alias)
        assert KNOWN[alias][f"/v1/cases/{made.hidden.case}"][0] == 200
    revoked = said(made, "ParticipationRevoked", "btg", grant=grants["btg"].act_id)
    service.say(revoked, "gd")
    service.step(minutes=1)
    service.say(said(made, "ParticipationExcluded", "cv2"), "gd")
    service.step(hours=5)
    made.fold()
    yield made
    service.stop()
    database.close()


_END: Final = "+4h"
KNOWN: Final[dict[str, dict[str, Any]]] = {}
"""What each was answered while they had the case."""


def said(world: Compartments, name: str, alias: str, **facts: Any) -> Any:  # noqa: ANN401  JSON
    """An act of the director's about somebody, in the first case."""
    now = world.service.clock.now()
    if facts.get("until") == _END:
        end = (now + timedelta(hours=4)).astimezone(builders.T0.tzinfo)
        facts["until"] = end.isoformat(timespec="seconds")
    with world.service.enclave.ledger._memory.fresh(world.stream) as current:
        facts = {"officer": officer(alias), **facts}
        return an_act(name, by="gd", when=now, within=current.state, facts=facts)


def paths(world: Compartments) -> Iterator[str]:
    """Whatever one may ask for: lists, and all that is of the case."""
    yield from (
        "/v1/cases?limit=20", "/v1/cases?limit=3&sort=due", "/v1/cases?q=2024/0187",
        "/v1/cases?q=phan+anh", "/v1/cases?agency=bacninh.stttt", "/v1/worklist",
        "/v1/worklist?team=true", "/v1/statistics", "/v1/statistics.csv", "/v1/officers",
        "/v1/acts?limit=20", "/v1/acts?late=true", "/v1/acts?pending=true", "/v1/acts",
        "/v1/acts?act=ReportReceived", "/v1/acts?clock=occurred", "/v1/agencies", "/v1/keys",
        "/v1/openings", "/v1/public/acts", "/v1/access-log?limit=200", "/v1/lower-logs",
        "/v1/verification?agency=bacninh.stttt", "/v1/verification?changed_since=0",
        "/v1/feed?limit=200", "/v1/cases/by-number/2024%2F0187", "/v1/log", "/health/ready",
    )  # fmt: skip
    for alias in (*GONE, WHOLE, "gd"):
        kid = builders.key(alias).kid
        yield from (f"/v1/acts?kid={kid}", f"/v1/keys/{kid}/affected")
        yield f"/v1/verification?kid={kid}"
    case, seen = world.hidden.case, max(world.times[world.stream])
    now = fmt_time(world.service.clock.now()).replace("+", "%2B")
    for rest in (
        "", "/acts", "/acts?limit=1", "/participants", "/verification", "/fields/state/history",
        "/acts/1", "/acts/99", "/raw", "/durations", "/relations", "/copies", "/evidence",
        f"?as_of={seen}", f"?as_of={now}", f"/diff?from=2024-06-04&to={now}", "/print",
    ):  # fmt: skip
        yield f"/v1/cases/{case}{rest}"
    yield from (f"/v1/streams/case/{case}/head", f"/v1/verification?cases={case}")
    for act in (world.hidden.act, world.asked, world.pending.act_id):
        yield from (f"/v1/acts/{act}", f"/v1/acts/{act}/raw", f"/v1/acts?id={act[:8]}")
        yield f"/v1/acts/{act}/attachments/{world.hidden.digest}"


def asked(world: Compartments, by: str) -> list[str]:
    """What one of them asks: their case, and on a push a third of the rest, together all of it."""
    case, *rest = sorted(paths(world), key=lambda path: not path.endswith(world.hidden.case))
    return [case, *share(rest, 3, f"asked of by {by}")]


def told(world: Compartments, by: str) -> dict[str, Any]:
    """What each call answers at this moment, also with a tag or a cursor of before."""
    service, found = world.service, {}
    moment = service.headers(by, service.clock.now())

    def ask(name: str, path: str, **more: str) -> None:
        headers = {**moment, **more}
        if name.startswith("HEAD"):
            answer = service.client.head(path, headers=headers)
        else:
            answer = service.ask(path, headers)
        text, body = answer.get_data(as_text=True), answer.get_json(silent=True)
        found[name] = (answer.status_code, dict(answer.headers), text, body)

    for path in asked(world, by):
        ask(path, path)
        if path.endswith(world.hidden.case):
            ask(f"HEAD {path}", path)
        if path not in KNOWN.get(by, {}):
            continue
        before = KNOWN[by][path][1]
        if "ETag" in before:
            ask(f"{path}, if it changed", path, **{"If-None-Match": before["ETag"]})
        if 'rel="next"' in before.get("Link", ""):
            ask(f"{path}, from there on", before["Link"].partition("<")[2].partition(">")[0])
    return found


def changed(one: Mapping[str, Any], other: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Where two rounds of answers differ: the call, and what of its answer."""
    assert one.keys() == other.keys()
    found = set()
    for path, (status, headers, text, body) in one.items():
        status_, headers_, text_, body_ = other[path]
        if status != status_:
            found.add((path, "status"))
        for name in (headers.keys() | headers_.keys()) - _OPEN:
            if headers.get(name) != headers_.get(name):
                found.add((path, name))
        if (body is None and text != text_) or _plain(body) != _plain(body_):
            found.add((path, "body"))
    return found


def _plain(body: object) -> object:
    return None if body is None else without(body, X3 | X2)


_HAPPENS: Final = ("CompetenceDetermined", "ParticipationGranted", "ParticipationExcluded", "sign")


@attack(
    "who had a case asks on, by what they know of it, whether anything goes on there",
    stopped_by="sight is of now; what is not seen answers as what is not there",
    noticed_by="-",
)
@pytest.mark.parametrize("happens", share(_HAPPENS, 4, "shut out"))
def test_who_has_a_case_no_more_is_not_told_that_it_goes_on(
    world: Compartments, happens: str
) -> None:
    """Nor by tags, lengths, cursors and codes of refusal."""
    service = world.service
    rounds: list[dict[str, dict[str, Any]]] = []

    def look() -> None:
        world.fold()
        rounds.append({alias: told(world, alias) for alias in (*GONE, WHOLE)})

    look()
    elsewhere = an_act(
        "CompetenceDetermined", by=STRANGER, when=service.clock.now(),
        stream=f"case/{world.own.case}",
    )  # fmt: skip
    service.say(elsewhere, STRANGER)
    look()
    if happens == "sign":
        sent = service.send(service.sign(world.pending, "gd", role="APPROVER"), "gd")
        assert sent.status_code == 201, sent.text
    elif happens == "CompetenceDetermined":
        act = an_act(happens, by=WHOLE, when=service.clock.now(), stream=world.stream)
        service.say(act, WHOLE)
    else:
        about = {"ParticipationGranted": "nm", "ParticipationExcluded": "hotline"}
        service.say(said(world, happens, about[happens]), "gd")
    look()
    for alias in GONE:
        before, between, after = (one[alias] for one in rounds)
        assert after[f"/v1/cases/{world.hidden.case}"][0] == 404
        never, theirs = changed(before, between), changed(between, after)
        assert theirs <= never, sorted(theirs - never)
    assert {path for alias in GONE for path in asked(world, alias)} == {*paths(world)}
    before, between, after = (one[WHOLE] for one in rounds)
    assert changed(between, after) - changed(before, between)  # who has it is told
    service.step(minutes=1)
