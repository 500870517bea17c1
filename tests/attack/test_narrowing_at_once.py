"""What takes sight away takes it at once; what is not known shows nothing (access.md A7, A8).

The loop of the views is kept asleep by a lease that is somebody else's, and what it said last is
made to hold on: the worst that a late projector can be. Then an officer loses what they had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from time import sleep
from typing import Any, Final

import orjson
import psycopg
import pytest

from api.client.connection import JOSE
from api.ops.embedded_postgres import Embedded
from ledger.log.statement import flattened
from ledger.regulation.acts.act import Act, parse_act
from tests import builders
from tests.a_ledger import ending, revocation
from tests.attacks import attack
from tests.builders import CAST, an_act, officer
from tests.fixtures.app import found, open_service
from tests.fixtures.compartments import STRANGER, WHOLE, Compartments, open_compartments
from tests.fixtures.postgres import make_database

pytestmark = pytest.mark.postgres

GRANTED: Final = ("btg", "bo", "dtv", "nm", "ubcv")
"""Of agencies that have nothing to do with the case: each is granted it by name."""
_CASES: Final = (
    "/v1/cases", "/v1/worklist", "/v1/statistics", "/v1/feed?limit=200", "/v1/cases/{case}",
    "/v1/cases/{case}/acts", "/v1/cases/{case}/participants", "/v1/cases/{case}/verification",
    "/v1/acts/{act}", "/v1/cases/{case}/acts/1", "/v1/acts/{act}/raw",
    "/v1/streams/case/{case}/head", "/v1/verification?cases={case}",
    "/v1/acts/{act}/attachments/{digest}",
)  # fmt: skip
_REGISTRY: Final = ("/v1/agencies", "/v1/officers", "/v1/keys", "/v1/keys/jwks", "/v1/instruments")
#: The loop has asked for its lease, and does nothing without.
_LOOKED: Final = (
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle'"
    " AND query LIKE '%%INTO proj.lease AS l%%' AND query_start > %s"
)
_ASLEEP: Final = (
    "INSERT INTO proj.lease"
    " VALUES (true, gen_random_uuid(), clock_timestamp() + interval '10 minutes')"
    " ON CONFLICT (one) DO UPDATE SET holder = excluded.holder, until = excluded.until"
)


@pytest.fixture(scope="module")
def world(
    postgres_server: Embedded, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Compartments]:
    """The two cases, and five officers who are granted the first."""
    database = make_database(postgres_server)
    home: Path = tmp_path_factory.mktemp("narrowing") / "home"
    service = open_service(found(database, home), database)
    service.start()
    made = open_compartments(service)
    service.hire(*GRANTED, "cv2", "keeper2")
    for alias in GRANTED:
        GRANTS[alias] = grant(made, alias)
    made.fold()
    yield made
    service.stop()
    database.close()


GRANTS: Final[dict[str, Act]] = {}


def grant(world: Compartments, alias: str, **facts: Any) -> Act:  # noqa: ANN401  JSON
    """The whole case, by name."""
    act = said(world, "ParticipationGranted", officer=officer(alias), **facts)
    world.service.say(act, "gd")
    world.service.step(minutes=1)
    return act


def said(world: Compartments, name: str, **facts: Any) -> Act:  # noqa: ANN401  JSON
    """An act of the director's in the first case, dated now."""
    with world.service.enclave.ledger._memory.fresh(world.stream) as current:
        return an_act(
            name, by="gd", when=world.service.clock.now(), within=current.state, facts=facts
        )


def out_of_office(world: Compartments, alias: str) -> Act:
    """The end of a post yesterday, by both registrars."""
    now = world.service.clock.now()
    act = ending(alias, now, now.date() - timedelta(days=1))
    second = {"officer": officer("keeper2"), "post": CAST["keeper2"][1], "role": "APPROVER"}
    return parse_act({**act.signed, "signers": [*act.signed["signers"], second]})


@contextmanager
def asleep(world: Compartments) -> Iterator[None]:
    """Nobody folds, and what was folded is said to be all there is."""
    with psycopg.connect(world.service.database.admin, autocommit=True) as admin:
        try:
            admin.execute(_ASLEEP)
            (since,) = admin.execute("SELECT clock_timestamp()").fetchone() or (None,)
            while not admin.execute(_LOOKED, [since]).fetchall():
                sleep(0.02)  # a batch that was under way ends before the loop looks again
            admin.execute("UPDATE sec.beat SET at = clock_timestamp() + interval '1 hour'")
            yield
        finally:
            admin.execute("UPDATE sec.beat SET at = clock_timestamp()")
            admin.execute("UPDATE proj.lease SET until = '-infinity'")
    world.fold()


def status(world: Compartments, by: str) -> set[int]:
    """How the case answers."""
    hidden = world.hidden
    paths = (f"/v1/cases/{hidden.case}", f"/v1/acts/{hidden.act}", f"/v1/acts/{hidden.act}/raw")
    return {world.service.get(path, by).status_code for path in paths}


def listed(world: Compartments, by: str) -> bool:
    """Whether it is in the officer's list or feed."""
    texts = [
        world.service.client.get(path, headers=world.service.headers(by)).get_data(as_text=True)
        for path in (
            "/v1/cases",
            "/v1/feed?limit=200",
            f"/v1/verification?cases={world.hidden.case}",
        )
    ]
    return any(world.hidden.case in text for text in texts[:2]) or '"missing":[]' in texts[2]


@attack(
    "an officer reads on in the second in which a grant ends, they are shut out or out of office",
    stopped_by="sec.end and sec.exclude before the receipt goes out",
    noticed_by="-",
)
@pytest.mark.parametrize(
    ("alias", "narrow"),
    [
        (
            "btg",
            lambda w: w.service.say(
                said(w, "ParticipationRevoked", grant=GRANTS["btg"].act_id, officer=officer("btg")),
                "gd",
            ),
        ),
        (
            "cv2",
            lambda w: w.service.say(said(w, "ParticipationExcluded", officer=officer("cv2")), "gd"),
        ),
        ("bo", lambda w: w.service.say(out_of_office(w, "bo"), "founder", "keeper2")),
    ],
    ids=["ParticipationRevoked", "ParticipationExcluded", "OfficerEnded"],
)
def test_with_the_projector_asleep_nothing_is_seen_any_more(
    world: Compartments, alias: str, narrow: Callable[[Compartments], object]
) -> None:
    """Seen before, not seen after the receipt; nor when the loop wakes and folds it."""
    assert status(world, alias) == {200}
    assert listed(world, alias)
    with asleep(world):
        assert status(world, alias) == {200}
        narrow(world)
        assert status(world, alias) == {404}
        assert not listed(world, alias)
    assert status(world, alias) == {404}
    assert not listed(world, alias)
    assert status(world, WHOLE) == {200}
    world.service.step(minutes=1)


@attack(
    "a session goes on after its key was revoked",
    stopped_by="a token's key is asked for at each request; sec.ended names it too",
    noticed_by="-",
)
def test_a_revoked_key_reads_nothing(world: Compartments) -> None:
    """The token is no session any more; a ticket that was made before shows nothing either."""
    service = world.service
    token = service.headers("dtv")
    value = service.enclave.token_box.open("token", token["Authorization"].partition(" ")[2])
    assert value is not None
    assert status(world, "dtv") == {200}
    with asleep(world):
        service.say(revocation("dtv", service.clock.now()), "founder")
        with psycopg.connect(service.database.admin) as admin:
            ended = admin.execute(
                "SELECT what FROM sec.ended WHERE officer = %s", [officer("dtv")]
            ).fetchall()
        assert ended == [(builders.key("dtv").kid,)]
        service.enclave.ledger.refresh()
        assert status(world, "dtv") == {401}
    service.step(minutes=1)


def test_a_grant_ends_with_its_term(world: Compartments) -> None:
    """Nobody records or folds anything: ends are compared when they are read."""
    service = world.service
    until = service.clock.now() + timedelta(minutes=5)
    grant(world, "hpct", until=until.astimezone(builders.T0.tzinfo).isoformat(timespec="seconds"))
    world.fold()
    path = f"/v1/cases/{world.hidden.case}"
    for at, expected in ((until - timedelta(seconds=1), 200), (until, 404)):
        answer = service.client.get(path, headers=service.headers("hpct", at))
        assert answer.status_code == expected, (at, answer.text)
    service.step(minutes=6)


@attack(
    "an officer grants a case to themselves, or revokes the grant of another department",
    stopped_by="GRANT_NOT_TO_SELF, GRANT_BY_HOLDER; a stranger's is a case that is not there",
    noticed_by="-",
)
def test_nobody_lets_themselves_in(world: Compartments) -> None:
    """By the director to himself a guard; by a stranger 404, as of a case that never was."""
    service = world.service
    own = service.send(
        service.sign(said(world, "ParticipationGranted", officer=officer("gd")), "gd"), "gd"
    )
    assert (own.status_code, own.get_json()["guard"]) == (422, "GRANT_NOT_TO_SELF")
    answers = []
    for stream in (world.stream, f"case/{world.absent().case}"):
        act = an_act(
            "ParticipationGranted", by=STRANGER, when=service.clock.now(), stream=stream,
            facts={"officer": officer(STRANGER)},
        )  # fmt: skip
        for head in ((2, builders.DIGEST), service.head(stream), (1, None)):
            sent = service.sign(act, STRANGER, head=head)
            answer = service.send(sent, STRANGER)
            told = answer.get_json()
            answers.append((stream, answer.status_code, told.get("code"), told.get("guard")))
    hidden = [one[1:] for one in answers if one[0] == world.stream]
    absent = [one[1:] for one in answers if one[0] != world.stream]
    assert hidden[0] == absent[0] == (404, "not_found", None)
    assert hidden[1][0] == 404
    assert hidden[2] == absent[2]
    assert status(world, STRANGER) == {404}


# -- what is not known -----------------------------------------------------------------------------


def _asked(world: Compartments, paths: tuple[str, ...], by: str) -> Iterator[tuple[str, Any]]:
    for ids in (world.hidden, world.absent(), world.own):
        for path in paths:
            named = path.format(case=ids.case, act=ids.act, digest=ids.digest)
            yield named, world.service.client.get(named, headers=world.service.headers(by))


@attack(
    "the audience is stopped or late, so that old rights go on, or cases look as if they were gone",
    stopped_by="503 audience_late before any look-up; never a list, never a 404",
    noticed_by="readiness",
)
@pytest.mark.parametrize("how", ["stopped", "late"])
def test_where_nobody_knows_who_takes_part_nothing_of_cases_is_answered(
    world: Compartments, how: str
) -> None:
    """For every id and everybody; the registry goes on, and a stolen key can still be revoked."""
    service = world.service
    harm = {
        "stopped": "UPDATE proj.views SET error = 'x' WHERE view = 'audience' AND state = 'live'",
        "late": "UPDATE sec.beat SET at = clock_timestamp() - interval '6 s'",
    }
    with asleep(world), psycopg.connect(service.database.admin, autocommit=True) as admin:
        service.step(minutes=1)
        service.say(
            an_act(
                "ReportReceived", when=service.clock.now(), stream=f"case/{builders.an_id(how)}"
            ),
            "hotline",
        )
        admin.execute(harm[how])
        try:
            for by in (WHOLE, STRANGER):
                for path, answer in _asked(world, _CASES, by):
                    assert answer.status_code == 503, (path, answer.text)
                    assert answer.get_json()["code"] == "audience_late"
                    assert answer.headers["Retry-After"]
            for path in _REGISTRY:
                assert service.get(path, WHOLE).status_code == 200, path
            for path in ("/v1/log", "/logs/acts/checkpoint"):
                assert service.get(path, None).status_code == 200, path
            act = an_act("CompetenceDetermined", when=service.clock.now(), stream=world.stream)
            written = service.send(service.sign(act, WHOLE), WHOLE)
            assert written.get_json()["code"] == "audience_late"
            alias = {"stopped": "nm", "late": "ubcv"}[how]
            revoked = revocation(alias, service.clock.now())
            sent = orjson.dumps(flattened(service.sign(revoked, "founder")))
            headers = {"Prefer": "respond-async"}
            told = service.post(sent, "founder", service.clock.now(), headers)
            assert told.status_code == 202, told.text
            garbled = service.client.get(
                f"/v1/cases/{world.hidden.case}", headers={"Authorization": "Bearer x"}
            )
            assert garbled.status_code == 401
        finally:
            admin.execute("UPDATE proj.views SET error = NULL WHERE view = 'audience'")
    service.step(minutes=1)
    assert status(world, WHOLE) == {200}


@attack(
    "the database does not know the key of the API's tickets, so that every list is empty",
    stopped_by="503 ticket_refused: a session that is good is never answered with nothing",
    noticed_by="the answers",
)
def test_a_ticket_that_is_refused_is_never_an_empty_answer(world: Compartments) -> None:
    """For hidden, absent and own alike; and not to somebody whose session is no good: 401 first."""
    service = world.service
    with psycopg.connect(service.database.admin, autocommit=True) as admin:
        admin.execute("UPDATE sec.ticket_keys SET id = id || '-gone'")
        try:
            for by in (WHOLE, STRANGER):
                for path, answer in _asked(world, (*_CASES, *_REGISTRY), by):
                    assert answer.status_code == 503, (path, answer.text)
                    assert answer.get_json()["code"] == "ticket_refused"
            act = an_act("CompetenceDetermined", when=service.clock.now(), stream=world.stream)
            body = orjson.dumps(flattened(service.sign(act, WHOLE)))
            written = service.client.post(
                "/v1/acts", data=body,
                headers={"Content-Type": JOSE, **service.headers(WHOLE, service.clock.now())},
            )  # fmt: skip
            assert written.get_json()["code"] == "ticket_refused"
            garbled = service.client.get("/v1/cases", headers={"Authorization": "Bearer x"})
            assert garbled.status_code == 401
        finally:
            admin.execute("UPDATE sec.ticket_keys SET id = replace(id, '-gone', '')")
    assert status(world, WHOLE) == {200}
