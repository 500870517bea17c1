"""Case and register numbers over the whole enclave: receipts, views, an erasure, a rebuild."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from api.ops.wiring.projector import open_projector
from keys import canonical
from tests.builders import an_act, an_id
from tests.fixtures.app import Service
from tests.fixtures.erasable import Erasable, registered

pytestmark = [pytest.mark.postgres, pytest.mark.slow]
OWN = ["TRUC_TIEP"]


@pytest.fixture
def one(service: Service) -> Erasable:
    """A report and its case, by form 1: they have signed their numbers and are counted."""
    return Erasable.made(service)


def _taken_in(service: Service, name: str, when: Callable[[], Any]) -> tuple[str, Any, Any]:
    """A report and its case by form 2: stream, and the two receipts."""
    stream = f"case/{an_id(f'given {name}')}"
    report = an_act("ReportReceived", when=when(), stream=stream, capacities=OWN)
    came = service.say(report, "hotline")
    opened = an_act(
        "CaseRegistered", when=when(), stream=stream, capacities=OWN,
        facts={"intake": [report.act_id]},
    )  # fmt: skip
    return stream, came, service.say(opened, "cv")


def test_the_log_gives_numbers_and_they_stay(one: Erasable) -> None:
    """In the receipt, the case file, the list and the act; also after an erasure and a rebuild."""
    service = one.service

    def when() -> Any:  # noqa: ANN401 - of the clock
        return service.step(minutes=1)

    year = service.clock.now().year
    first, came, opened = _taken_in(service, "a", when)
    assert (came["number"], opened["number"]) == (f"0002/TN-{year}", f"{year}/0002")
    second, came, opened = _taken_in(service, "b", when)
    assert (came["number"], opened["number"]) == (f"0003/TN-{year}", f"{year}/0003")

    def shown() -> list[tuple[Any, Any]]:
        for view in ("acts", "audience", "case_file"):
            service.enclave.queries.positions.wait(service.size() - 1, 120.0, view)
        files = [service.get(f"/v1/cases/{s.partition('/')[2]}", "cv") for s in (first, second)]
        return [(f.get_json()["register_no"], f.get_json()["case_number"]) for f in files]

    assert shown() == (numbers := [(f"000{n}/TN-{year}", f"{year}/000{n}") for n in (2, 3)])
    lines = service.get("/v1/cases", "cv", sort="-case_number").get_json()["cases"]
    assert [line["case_number"] for line in lines][1:] == [f"{year}/0003", f"{year}/0002"]
    act = service.get(f"/v1/acts/{opened['act_id']}", "cv").get_json()
    assert act["number"] == f"{year}/0003"

    # the first report of all is erased: whoever comes next is not given its number, nor another's
    gone = _erased(one)
    refused = one.socai("log", "shred", gone(registered=None), "--yes", "--json")
    assert (refused.exit_code, "in which register" in refused.output) == (1, True), refused.output
    told = one.socai("log", "shred", gone(), "--yes", "--json")
    assert told.exit_code == 0, told.output
    service.halt()
    projector, _, pool = open_projector(service.settings)
    for view in ("acts", "case_file", "worklist"):
        projector.rebuild(view)
    projector.close()
    pool.close()
    service.start()
    assert shown() == numbers
    _, came, opened = _taken_in(service, "c", when)
    assert (came["number"], opened["number"]) == (f"0004/TN-{year}", f"{year}/0004")


def _erased(one: Erasable) -> Callable[..., str]:
    """Signs an erasure of what is to go, rightly or wrongly; its id."""
    service = one.service

    def sign(**facts: Any) -> str:  # noqa: ANN401 - facts
        rows = service.records.act(UUID(one.act.act_id))
        entries = [{"index": row.index, "entry": canonical.b64(row.entry)} for row in rows]
        said = {
            "entries": entries,
            "registered": registered(service, [row.index for row in rows]),
            "attachments": [one.digest],
            **facts,
        }
        act = an_act("RecordErased", when=service.step(minutes=1), facts=said)
        service.say(act, "ct", "ubgk", "giamsat")
        return act.act_id

    return sign
