"""What the read side gives to other systems: tables, events, key sets, pages, links that last."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import httpx
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from api.http.app import openapi
from ledger.log.moment import unstamp
from ledger.regulation.acts.json_shape import fmt_time
from ledger.regulation.registry.calendar import VIETNAM
from tests.fixtures.inspected import DISTRICT, LEAD, OPEN, STRANGER, Inspected

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.xdist_group("inspected"),
]
ROOT = Path(__file__).parents[2]
SPEC = openapi()
PERIOD = {"from": "2023-01-01", "to": "2025-03-07"}


@pytest.fixture
def http(inspected: Inspected) -> Iterator[httpx.Client]:
    """A session of the department that carries on for the lead."""
    token = inspected.token(*LEAD)
    with httpx.Client(
        base_url=inspected.url, headers={"Authorization": f"Bearer {token}"}, timeout=300
    ) as client:
        yield client


@pytest.fixture
def lead(inspected: Inspected) -> Iterator[httpx.Client]:
    """A session of the lead that carries on for the one before it, and sees its cases."""
    token = inspected.token("SC3", "spgd")
    with httpx.Client(
        base_url=inspected.url, headers={"Authorization": f"Bearer {token}"}, timeout=300
    ) as client:
        yield client


def _sheet(data: bytes) -> list[list[str]]:
    """Rows of the first sheet of a workbook, read as any other program would."""
    space = {"x": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        words = [
            "".join(t.text or "" for t in item.iterfind(".//x:t", space))
            for item in ET.fromstring(book.read("xl/sharedStrings.xml"))  # noqa: S314  our own
        ]
        page = ET.fromstring(book.read("xl/worksheets/sheet1.xml"))  # noqa: S314  our own
    return [
        [
            words[int(cell.findtext("x:v", "0", space))]
            if cell.get("t") == "s"
            else cell.findtext("x:v", "", space)
            for cell in row.iterfind("x:c", space)
        ]
        for row in page.iterfind(".//x:row", space)
    ]


@pytest.mark.parametrize(
    "asked",
    [PERIOD, {"of": "province", "from": "2024-01-01", "to": "2024-12-31"}],
    ids=["of what one sees", "of all cases"],
)
def test_statistics_are_the_same_as_json_csv_and_xlsx(
    lead: httpx.Client, asked: dict[str, str]
) -> None:
    """One set of figures; in what is passed on small cells are hidden, and nothing is a formula."""
    json = lead.get("/v1/statistics", params=asked).json()
    table = lead.get("/v1/statistics.csv", params=asked)
    book = lead.get("/v1/statistics.xlsx", params=asked)
    assert table.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = [row for row in csv.reader(io.StringIO(table.content.decode("utf-8-sig"))) if row]
    plain = [[cell.lstrip("'") for cell in row if cell] for row in rows]
    assert plain == [[cell for cell in row if cell] for row in _sheet(book.content)]
    assert [row[1] for row in rows if row[0] == "Hồ sơ được tính"] == [json["of"]]
    shown = {row[1]: tuple(row[3:]) for row in rows if row[0] == "Chỉ báo giám sát"}
    assert shown == {
        figure["code"]: tuple(
            "ẩn" if figure[name] in (None, 1, 2, 3, 4) else str(figure[name])
            for name in ("count", "cases")
        )
        for figure in json["figures"]
    }
    assert any("ẩn" in cells for cells in shown.values())
    assert all((one["count"] is None) <= (json["of"] == "province") for one in json["figures"])
    counts = {row[3] for row in rows if row[0].startswith("Theo ")}
    assert not counts & {"1", "2", "3", "4"}
    for row in rows:
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)


def test_a_small_cell_cannot_be_told_from_its_neighbours(lead: httpx.Client) -> None:
    """Where one cell of a table is hidden, the total less the others does not give it away."""
    asked = {**PERIOD, "agency": "bacninh.stttt"}
    table = lead.get("/v1/statistics.csv", params=asked).content.decode("utf-8-sig")
    rows = [row for row in csv.reader(io.StringIO(table)) if row]
    (total,) = (row[3] for row in rows if row[0] == "Tổng số hồ sơ tiếp nhận")
    for name in {row[0] for row in rows if row[0].startswith("Theo ")}:
        hidden = [row for row in rows if row[0] == name and row[3] == "ẩn"]
        assert len(hidden) != 1 or total == "ẩn", name


def test_whoever_doubts_a_figure_counts_the_cases_behind_it(
    inspected: Inspected, lead: httpx.Client
) -> None:
    """Each address lists as many cases as the figure says, and so does the command."""
    body = lead.get("/v1/statistics", params=PERIOD).json()
    asked = [(one["cases"], one["list"]) for one in body["figures"]]
    asked += [(cell["count"], cell["list"]) for one in body["volumes"].values() for cell in one]
    asked += [(body["total"], body["list"])]
    counted = [(n, path) for n, path in asked if path is not None]
    assert len(counted) > 15
    assert sum(n > 0 for n, _ in counted) > 8
    for n, path in counted:
        found = lead.get(f"{path}&limit=200").json()["cases"]
        assert len(found) == n, path
    late = next(one for one in body["figures"] if one["code"] == "LATE_ENTRY")
    told = inspected.told(
        "case", "list", "--figure", "LATE_ENTRY", "--counted-from", PERIOD["from"],
        "--counted-to", PERIOD["to"], by=("SC3", "spgd"),
    )  # fmt: skip
    assert len(told["cases"]) == late["cases"] > 0
    assert body["index"] >= max(line["last_index"] for line in told["cases"])
    assert all(one["means_vi"] and one["means_en"] for one in body["figures"])
    assert (body["from"], body["to"]) == (PERIOD["from"], PERIOD["to"])


def test_a_hidden_cell_is_not_said_to_be_small(inspected: Inspected, lead: httpx.Client) -> None:
    """Five cases of one agency are hidden beside one of another: nobody calls them fewer than 5."""
    came = lead.get("/v1/cases", params={"agency": "bacninh.stttt"}).json()["cases"]
    assert len(came) >= 5
    table = lead.get("/v1/statistics.csv", params=PERIOD).content.decode("utf-8-sig")
    (row,) = (row for row in csv.reader(io.StringIO(table)) if row[1:2] == ["bacninh.stttt"])
    assert row[3] == "ẩn"
    overseer = ("SC9", "gs")
    said = inspected.cli("stats", "--province", lang="vi", by=overseer).stdout
    assert "“ẩn”: từ 1 đến 4, hoặc ẩn cùng" in said
    assert "dưới 5" not in said + table


def test_feed_is_a_cloudevents_batch_that_can_be_followed(
    inspected: Inspected, http: httpx.Client
) -> None:
    """Every record that is for them once, in order, without the content of an act.

    `Link` leads on behind a span of which nothing is: what is left out are the records of the
    district's case that neither the lead nor its forerunner was sent.
    """
    seen: list[int] = []
    path, following = "", "/v1/feed?limit=7"
    while path != following:
        path = following
        answer = http.get(path)
        assert answer.headers["Content-Type"] == "application/cloudevents-batch+json"
        events = answer.json()
        for event in events:
            assert event["specversion"] == "1.0"
            assert {"id", "source", "type", "time"} <= set(event)
            assert event["type"].startswith("socai.act.")
            assert "payload" not in event.get("data", {})
            assert "facts" not in event.get("data", {})
        seen += [int(event["id"]) for event in events]
        following = answer.links["next"]["url"]
    size = http.get("/v1/log").json()["records"]
    history = f"/v1/cases/{inspected.case('SC9')}/acts"
    theirs, ours = (
        {s["index"] for act in inspected.read(history, by=by, limit=200)["acts"]
         for s in act["statements"]}
        for by in (DISTRICT, LEAD)
    )  # fmt: skip
    assert ours < theirs
    assert seen == sorted(set(range(size)) - (theirs - ours))


def test_long_poll_returns_when_the_next_act_comes(
    inspected: Inspected, http: httpx.Client
) -> None:
    """`Prefer: wait=30` answers at once when there is something, not after half a minute."""
    last = http.get("/v1/log").json()["records"] - 1
    got: list[tuple[float, list[dict[str, str]]]] = []

    def wait() -> None:
        began = time.monotonic()
        answer = http.get("/v1/feed", params={"after": last}, headers={"Prefer": "wait=30"})
        got.append((time.monotonic() - began, answer.json()))

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.5)
    assert not got
    receipt = _another_report(inspected)
    thread.join(timeout=300)
    (waited, events), *_ = got
    assert waited < 30  # before it would have answered that there is nothing
    assert [int(event["id"]) for event in events] == [receipt]


def _another_report(inspected: Inspected) -> int:
    """The reception of the department that carries on takes a report; its index."""
    reception = inspected.client("SC3", "stn")
    model = inspected.read(f"/v1/acts/{inspected.act('SC3', 1)}")["payload"]
    at = (unstamp(reception.log()["now"]) + timedelta(minutes=5)).astimezone(VIETNAM)
    when = fmt_time(at.replace(microsecond=0))
    act = {
        **model,
        "act_id": "4b1e1a64-2f3c-4c5e-8a0d-6f1f0e7d9c21",
        "stream": "case/4b1e1a64-2f3c-4c5e-8a0d-6f1f0e7d9c22",
        "occurred_at": when,
        "agency": "bacninh.svhttdl",
        "signers": [{**model["signers"][0], "officer": inspected.officer("SC3", "stn")}],
        "facts": {**model["facts"], "received_at": when},
    }
    return reception.record(act, at=at).index


def test_a_filter_is_an_address_that_can_be_kept(http: httpx.Client) -> None:
    """Everything asked stands in the URL: the same address tomorrow is the same question."""
    asked = {"outcome": "HANDLED_REMOVED", "sort": "opened_at", "limit": "1"}
    address = f"/v1/cases?{urlencode(asked)}"
    first = http.get(address)
    second = http.get(first.links["next"]["url"])
    numbers = [page.json()["cases"][0]["case_number"] for page in (first, second)]
    assert numbers == ["2024/0002", "2025/0002"]
    assert "next" not in second.json()
    assert http.get(address).headers["ETag"] == first.headers["ETag"]
    unchanged = http.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert unchanged.status_code == 304
    assert unchanged.content == b""


def test_who_takes_part_in_no_case_meets_none(inspected: Inspected) -> None:
    """A ministry in office: empty lists, figures of nothing, and an absent case like a hidden one.

    The registry and its records are everybody's.
    """
    assert inspected.read("/v1/cases", by=STRANGER)["cases"] == []
    assert inspected.read("/v1/cases", by=STRANGER, q="ho chua gia dinh")["cases"] == []
    figures = inspected.read("/v1/statistics", by=STRANGER, from_=PERIOD["from"], to=PERIOD["to"])
    assert figures["total"] == 0
    assert not any(inspected.read("/v1/worklist", by=STRANGER)[name] for name in _TASKS)
    hidden, absent = inspected.case("SC1"), "00000000-0000-4000-8000-000000000000"
    for part in ("", *_PARTS):
        asked = [_problem_of(inspected, f"/v1/cases/{one}{part}") for one in (hidden, absent)]
        assert asked[0] == asked[1], part
        assert asked[0]["code"] == "not_found", part
    registry = [inspected.read("/v1/officers", by=by, limit=200) for by in (STRANGER, LEAD)]
    assert registry[0]["officers"] == registry[1]["officers"]


_TASKS = (
    "sign", "later", "returned", "started", "overdue", "due", "running", "referrals", "cases",
    "held",
)  # fmt: skip


def _problem_of(inspected: Inspected, path: str) -> dict[str, Any]:
    sent = {"Authorization": f"Bearer {inspected.token(*STRANGER)}"}
    problem: dict[str, Any] = httpx.get(inspected.url + path, headers=sent, timeout=300).json()
    return {name: value for name, value in problem.items() if name not in ("instance", "trace_id")}


@pytest.mark.parametrize(
    "words", ["ho chua gia dinh", "HỒ CHỨA Giả Định", "ho\u0302\u0300 chu\u031b\u0301a"]
)
def test_search_finds_with_and_without_tones(
    inspected: Inspected, http: httpx.Client, words: str
) -> None:
    """One case, however its words are typed: bare, in capitals, or with loose marks."""
    found = http.get("/v1/cases", params={"q": words}).json()["cases"]
    assert [line["id"] for line in found] == [inspected.case("SC2")]
    told = inspected.told("search", *words.split())
    assert [line["id"] for line in told["cases"]] == [inspected.case("SC2")]


def test_keys_are_a_jwk_set_with_history(inspected: Inspected, http: httpx.Client) -> None:
    """Any JOSE library reads it; each key says when and by which record it came."""
    answer = http.get("/v1/keys/jwks")
    assert answer.headers["Content-Type"] == "application/jwk-set+json"
    keys = {key["kid"]: key for key in answer.json()["keys"]}
    signer = inspected.signer("SC1", "gd")
    assert {name: keys[signer.kid][name] for name in signer.jwk} == dict(signer.jwk)
    assert keys[signer.kid]["officer"] == inspected.officer("SC1", "gd")
    enrolled = keys[signer.kid]["enrolled_index"]
    before = http.get("/v1/keys/jwks", params={"as_of": enrolled - 1}).json()["keys"]
    assert signer.kid not in {key["kid"] for key in before}


@pytest.mark.drill
def test_one_rebuild_at_a_time_and_readers_wait_for_none(
    inspected: Inspected, http: httpx.Client
) -> None:
    """A second one asked for meanwhile is refused in words; every read in between is answered."""
    case = inspected.case("SC1")
    command = [sys.executable, "-m", "api.cli.main", "projection", "rebuild", "acts"]
    running = [
        subprocess.Popen(
            command, cwd=ROOT, env={"SOCAI_HOME": str(inspected.home)}, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    while any(process.poll() is None for process in running):
        assert http.get(f"/v1/cases/{case}/acts").status_code == 200
        threading.Event().wait(0.05)  # it reads all along, and leaves them the processor
    ended = sorted((process.returncode, process.communicate()[1]) for process in running)
    assert ended[0][0] == 0, ended
    assert ended[1][0] in (0, 1), ended
    if ended[1][0]:
        assert b"acts" in ended[1][1]
        assert b"Traceback" not in ended[1][1]


@pytest.mark.parametrize("first", [0, pytest.param(1, marks=pytest.mark.drill)])
def test_every_answer_is_what_the_document_says(
    inspected: Inspected, http: httpx.Client, first: int
) -> None:
    """Members and headers, with nothing besides: whoever builds on the document misses nothing.

    The parts of each second case on a push, those of the others in the drills.
    """
    cases = [line["id"] for line in http.get("/v1/cases").json()["cases"]]
    paths = [
        *(f"/v1/cases/{case}" for case in cases),
        *(f"/v1/cases/{case}{part}" for case in cases[first::2] for part in _PARTS),
        f"/v1/cases/{inspected.case(OPEN)}?as_of=2025-02-10&clock=occurred",
        "/v1/cases/00000000-0000-4000-8000-000000000000",
        f"/v1/verification?cases={','.join(cases)}",
        *_LISTINGS,
    ]
    for path in paths:
        answer = http.get(path)
        _require_documented(path, answer)
        again = http.get(path, headers={"If-None-Match": answer.headers.get("ETag", '"none"')})
        _require_documented(path, again)
    assert http.get("/docs").headers["Vary"] == "Accept-Language"


_PARTS = (
    "/acts?limit=200",
    "/diff?from=0",
    "/fields/state/history",
    "/verification",
)
_LISTINGS = (
    "/v1/cases",
    "/v1/cases?limit=0",
    "/v1/worklist",
    "/v1/worklist?team=true",
    "/v1/statistics?from=2023-01-01",
    "/v1/statistics.csv",
    "/v1/statistics.xlsx",
    "/v1/agencies?limit=200",
    "/v1/officers?limit=200",
    "/v1/keys?limit=200",
    "/v1/keys/jwks",
    "/v1/instruments?limit=200",
    "/v1/feed?limit=200",
    "/v1/log",
    "/v1/log/proof/inclusion?index=1",
    "/health/ready",
    "/docs",
    "/problems/stale",
    "/spec",
    "/spec/formats",
    "/spec/formats/source",
)
#: Of the server and of the door, which every answer has.
_EVERYWHERE = frozenset(
    {
        "connection", "content-length", "content-type", "date", "referrer-policy", "server",
        "x-content-type-options", "x-frame-options",
    }
)  # fmt: skip


def _require_documented(path: str, answer: httpx.Response) -> None:
    plain = path.partition("?")[0]
    name = next(name for name in SPEC["paths"] if _form(name).fullmatch(plain))
    told = SPEC["paths"][name]["get"]["responses"][str(answer.status_code)]
    if "$ref" in told:
        told = SPEC["components"]["responses"][told["$ref"].rpartition("/")[2]]
    headers = {header.lower() for header in told["headers"]} | _EVERYWHERE
    assert set(answer.headers) <= headers, path
    if not answer.content:
        return
    kind = answer.headers["Content-Type"]
    shape = told["content"][kind]["schema"]
    if "json" in kind:
        whole = {**shape, "components": SPEC["components"]}
        Draft202012Validator(whole).validate(answer.json())


def _form(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))


def test_no_answer_has_room_for_what_is_not_documented() -> None:
    """http.md: every schema refuses unknown members."""
    open_ones = [
        name
        for name, schema in SPEC["components"]["schemas"].items()
        if schema["type"] == "object" and schema.get("additionalProperties") is not False
    ]
    assert open_ones == []
