"""Who takes part is folded by a loop of its own: what it has not reached yet is waited for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import psycopg
import pytest
from click.testing import CliRunner

from api.cli.main import main
from api.client.connection import Connection
from api.http.framework import freshness
from api.ops.wiring.checkpointer import open_checkpointer
from api.ops.wiring.projector import open_projector
from keys.custody.file import write_key
from ledger.log.statement import flattened
from projections.queries.cases import case_list_snapshot
from tests.builders import an_act, an_id, key
from tests.examples import shared_with_soak
from tests.fixtures.app import PASSPHRASE, Service, listening

pytestmark = pytest.mark.postgres


@pytest.fixture
def late(service: Service) -> tuple[int, Callable[[int], None]]:
    """The index of a report that every view has, and what sets the audience back by some records.

    The loops are halted; the beat is fresh, as it is for the seconds in which that is no outage.
    """
    service.hire("hotline", "cv")
    report = an_act("ReportReceived", when=service.clock.now(), stream=f"case/{an_id('late')}")
    index = int(service.say(report, "hotline")["index"])
    wait = {"Prefer": "wait=20"}
    assert service.get("/v1/cases", headers=wait, at_least=index).status_code == 200
    service.halt()

    def set_back(by: int) -> None:
        with psycopg.connect(service.database.admin) as connection:
            connection.execute("UPDATE sec.beat SET at = clock_timestamp() + interval '1 hour'")
            connection.execute(
                "UPDATE proj.views SET position = %s WHERE view = 'audience' AND state = 'live'",
                [index - by],
            )

    return index, set_back


def test_the_feed_leads_past_no_record_before_it_is_known_whose_it_is(
    service: Service, late: tuple[int, Callable[[int], None]]
) -> None:
    """A follower does not come back: what was led past in that second would be missed for good."""
    index, set_back = late
    for behind, seen in ((1, []), (0, [str(index)])):
        set_back(behind)
        answer = service.get("/v1/feed", after=index - 1)
        assert [event["id"] for event in answer.get_json()] == seen
        assert f"after={index - behind}&" in answer.headers["Link"]
        assert answer.headers["Ledger-Index"] == str(index - behind)


@pytest.mark.parametrize("path", ["/v1/cases", "/v1/acts", "/v1/worklist", "/v1/statistics"])
def test_an_answer_of_many_cases_claims_no_record_before_it_is_known_whose_it_is(
    service: Service, late: tuple[int, Callable[[int], None]], path: str
) -> None:
    """Who goes on in the feed from a list's index would never hear of the case it left out."""
    index, set_back = late
    for behind in (1, 0):
        set_back(behind)
        answer = service.get(path)
        assert answer.headers["Ledger-Index"] == str(index - behind)
        told = answer.get_json().get(path.rpartition("/")[2], [])
        lines = [line for line in told if isinstance(line, dict)]
        assert [line["stream"] for line in lines] == [f"case/{an_id('late')}"] * len(lines)
        assert len(lines) == (path in ("/v1/cases", "/v1/acts") and not behind)


def test_what_a_key_touched_is_of_no_record_before_it_is_known_whose_it_is(
    service: Service, late: tuple[int, Callable[[int], None]]
) -> None:
    """Who revokes it by that would think that they have seen all that it signed up to there."""
    index, set_back = late
    for behind in (1, 0):
        set_back(behind)
        answer = service.get(f"/v1/keys/{key('hotline').kid}/affected", "hotline")
        assert answer.headers["Ledger-Index"] == str(index - behind)
        assert [one["id"] for one in answer.get_json()["cases"]] == [an_id("late")] * (1 - behind)


def test_a_first_page_that_is_too_late_to_be_told_is_no_bad_cursor(
    service: Service, late: tuple[int, Callable[[int], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sent no cursor would look for one to leave out: it is the server that is late."""
    index, set_back = late
    report = f"case/{an_id('late')}"
    monkeypatch.setattr(case_list_snapshot, "MOST", 0)
    set_back(1)
    with psycopg.connect(service.database.admin) as connection:
        connection.execute(
            "UPDATE proj.case_file SET first_index = %s WHERE stream = %s", [index - 1, report]
        )
    answer = service.get("/v1/cases")
    assert (answer.status_code, answer.get_json()["code"]) == (503, "projection_late")
    assert answer.headers["Retry-After"]
    set_back(0)
    assert service.get("/v1/cases").status_code == 200


@pytest.mark.parametrize("asked", [{"changed_since": 0}, {"cases": an_id("late")}])
def test_a_verification_is_of_all_of_the_log_that_it_names(
    service: Service,
    late: tuple[int, Callable[[int], None]],
    monkeypatch: pytest.MonkeyPatch,
    asked: dict[str, Any],
) -> None:
    """By its `size` it is signed off: a case that was not there yet would never be looked at."""
    index, set_back = late
    set_back(1)
    answer = service.get("/v1/verification", **asked)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "projection_late")
    assert answer.headers["Retry-After"]
    monkeypatch.setattr(freshness, "_SOON_S", 60.0)
    soon = threading.Timer(0.2, set_back, [0])
    soon.start()  # it is waited for, though nobody asks for that
    told = service.get("/v1/verification", **asked).get_json()
    soon.join()
    assert told["size"] == index + 1
    assert [one["id"] for one in told["cases"]] == [an_id("late")]


@pytest.mark.parametrize(
    "path",
    shared_with_soak(
        ["/v1/cases", "/v1/cases/{case}", "/v1/cases/{case}/acts", "/v1/worklist"], 2, "late"
    ),
)
def test_at_least_waits_for_who_takes_part_too(
    service: Service, late: tuple[int, Callable[[int], None]], path: str
) -> None:
    """503 and come again, never a list without the case that was just taken in."""
    index, set_back = late
    path = path.format(case=an_id("late"))
    set_back(1)
    answer = service.get(path, at_least=index)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "projection_late")
    assert answer.headers["Retry-After"]
    assert answer.get_json()["index"] < index
    set_back(0)
    assert service.get(path, at_least=index).status_code == 200


def test_whoever_sends_an_act_has_its_proof_checked_however_late_the_audience_is(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind by more than a second, the act that was just proven was "not found": status 1."""
    service.hire("hotline")
    service.halt()
    monkeypatch.setattr(freshness, "_SOON_S", 0.0)
    write_key(tmp_path / "hotline", key("hotline"), PASSPHRASE, t=1, p=1, m_kib=64)
    report = an_act("ReportReceived", when=service.clock.now(), stream=f"case/{an_id('late')}")
    statement = orjson.dumps(flattened(service.sign(report, "hotline")))
    checkpointer, pool = open_checkpointer(service.settings)
    projector, _, views = open_projector(service.settings)
    stop, send = threading.Event(), Connection._send
    sealing, soon = (
        threading.Thread(target=checkpointer.run, args=(stop,)),
        threading.Timer(0.3, projector.catch_up),
    )

    def asked(line: Connection, request: httpx.Request, **more: bool) -> httpx.Response:
        if request.url.path.endswith("/raw"):
            soon.start()
        return send(line, request, **more)

    monkeypatch.setattr(Connection, "_send", asked)
    with psycopg.connect(service.database.admin) as connection:
        connection.execute("UPDATE sec.beat SET at = clock_timestamp() + interval '1 hour'")
    sealing.start()
    with listening(service) as url:
        words = ("act", "submit", "-", "--key", str(tmp_path / "hotline"), "--server", url)
        env = {"SOCAI_HOME": str(service.settings.home)}
        told = CliRunner().invoke(main, ["--lang", "en", *words], env=env, input=statement)
    stop.set()
    for thread in (sealing, soon):
        thread.join()
    projector.close()
    for one in (pool, views):
        one.close()
    assert (told.exit_code, "The proof holds" in told.stdout) == (0, True), told.output
