"""Whoever may write views lets somebody into a case: lists, and no record (access.md G17)."""

from __future__ import annotations

from typing import Any, Final, LiteralString

import psycopg
import pytest

from ledger.streams.names import stream_id
from tests import builders
from tests.a_ledger import a_report
from tests.attacks import attack
from tests.examples import share
from tests.fixtures.app import REHEARSAL, Service

pytestmark = pytest.mark.postgres

_LET_IN: Final[LiteralString] = (
    "INSERT INTO sec.audience (gen, comp, who, act, via, until) SELECT gen, comp,"
    " %s, '00000000-0000-0000-0000-000000000000', gen_random_uuid(), 'infinity'"
    " FROM sec.audience WHERE comp = %s LIMIT 1"
)
_JOINED: Final[LiteralString] = (
    "INSERT INTO sec.members (gen, officer, who, via, since, until, rule)"
    " SELECT gen, %s, comp, 'planted', '-infinity', 'infinity', 'A1'"
    " FROM sec.audience WHERE comp = %s LIMIT 1"
)
_PLANTED: Final = {"audience": _LET_IN, "members": _JOINED}


@pytest.fixture
def case(service: Service) -> str:
    """A case that the hotline took in; `hcv`, of a district, has nothing to do with it."""
    service.hire("hotline", "hcv")
    service.clock.step(minutes=5)
    act = a_report(1, service.clock.now().astimezone(builders.T0.tzinfo))
    receipt = service.say(act, "hotline")
    case = act.stream.partition("/")[2]
    told = service.get(f"/v1/cases/{case}", by="hotline", at_least=receipt["index"],
                       headers={"Prefer": "wait=20"})  # fmt: skip
    assert told.status_code == 200
    return case


@attack(
    "a stolen projector login lets a stranger into a case",
    stopped_by="what is opened is decided once more from the records",
    noticed_by="log audit",
)
@pytest.mark.parametrize("table", share(list(_PLANTED), 2, "planted rights"))
def test_a_planted_right_opens_no_record(service: Service, case: str, table: str) -> None:
    """Neither by act, nor its bytes, nor any moment of the past, nor verified."""
    stream = f"case/{case}"
    act = service.get(f"/v1/cases/{case}/acts", by="hotline").get_json()["acts"][0]["act_id"]
    paths: tuple[tuple[str, dict[str, Any]], ...] = (
        (f"/v1/cases/{case}/acts", {}),
        (f"/v1/acts/{act}", {}),
        (f"/v1/acts/{act}/raw", {}),
        (f"/v1/cases/{case}", {"as_of": service.size() - 1}),
        (f"/v1/cases/{case}/diff", {"from": 0}),
        (f"/v1/cases/{case}/verification", {}),
        (f"/v1/cases/{case}/participants", {}),
        (f"/v1/cases/{case}/fields/state/history", {}),
    )
    for path, query in paths:
        assert service.get(path, by="hcv", **query).status_code == 404, path
        assert service.get(path, by="hotline", **query).status_code == 200, path
    with psycopg.connect(service.database.dsn("projector"), autocommit=True) as connection:
        comp = stream_id(REHEARSAL, stream)
        connection.execute(_PLANTED[table], [builders.officer("hcv"), comp])
    listed = service.get("/v1/cases", by="hcv").get_json()["cases"]
    assert [one["id"] for one in listed] == [case], "the row is believed where lists are made"
    for path, query in paths:
        assert service.get(path, by="hcv", **query).status_code == 404, path
