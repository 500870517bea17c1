"""Moments, filters and verdicts as readers name them: what could be misread is refused or said."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import httpx
import pytest

from api.problems.problem import CONTENT_TYPE
from tests.fixtures.inspected import DISTRICT, LEAD, Inspected

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.xdist_group("inspected"),
]
LEAD_UNTIL_2025 = "bacninh.stttt"


@pytest.fixture
def http(inspected: Inspected) -> Iterator[httpx.Client]:
    """A session of the department that carries on for the lead, in English."""
    token = inspected.token(*LEAD)
    said = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
    with httpx.Client(base_url=inspected.url, headers=said, timeout=300) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("/v1/cases?state=closed", "/state"),
        ("/v1/cases?outcome=REMOVED", "/outcome"),
        ("/v1/cases?act=ReportRecieved", "/act"),
        ("/v1/cases?flag=LATE", "/flag"),
        ("/v1/cases?agency=bacninh.sttt", "/agency"),
        ("/v1/cases?opened_from=2024-06-05&opened_to=2024-06-04", "/opened_from"),
        ("/v1/cases?q=%3F%21", "/q"),
        ("/v1/agencies?function=LEADER", "/function"),
        ("/v1/statistics?agency=bacninh.sttt", "/agency"),
        ("/v1/feed?after=9007199254740991", "/after"),
        ("/v1/cases/{case}?as_of=160&clock=occurred", "/as_of"),
        ("/v1/cases/{case}/diff?from=1&clock=occurred", "/from"),
        ("/v1/cases/{case}?as_of=2024-02-30", "/as_of"),
        ("/v1/cases/{case}?as_of=2024-06-04T08:12:00Z", "/as_of"),
    ],
)
def test_a_mistyped_filter_never_answers_with_an_empty_list(
    inspected: Inspected, http: httpx.Client, path: str, pointer: str
) -> None:
    """Nothing found and nothing understood are two answers; an inspector must not mix them up."""
    answer = http.get(path.format(case=inspected.case("SC1")))
    assert answer.headers["Content-Type"] == CONTENT_TYPE
    problem = answer.json()
    assert problem["code"] == "malformed_request"
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


@pytest.mark.parametrize("name", ["as_of", "due_before"])
def test_a_plus_that_an_address_took_for_a_space_is_named(
    inspected: Inspected, http: httpx.Client, name: str
) -> None:
    """Told to write it like what they wrote, a developer would look for the fault for an hour."""
    path = f"/v1/cases/{inspected.case('SC1')}" if name == "as_of" else "/v1/cases"
    problem = http.get(f"{path}?{name}=2024-06-04T08:12:00+07:00").json()
    assert problem["code"] == "malformed_request"
    (fault,) = problem["errors"]
    assert fault["pointer"] == f"/{name}"
    assert "%2B" in fault["detail"]
    assert http.get(path, params={name: "2024-06-04T08:12:00+07:00"}).status_code == 200
    spaced = http.get(f"{path}?{name}=2024-06-04+08:12:00").json()["errors"]
    assert "%2B" not in spaced[0]["detail"]


def test_a_moment_is_named_as_answers_write_it(inspected: Inspected, http: httpx.Client) -> None:
    """A `recorded_at` copied from the timeline shows the case right after that record."""
    case = inspected.case("SC1")
    acts = http.get(f"/v1/cases/{case}/acts").json()["acts"]
    line = acts[3]["statements"][-1]
    by_index = http.get(f"/v1/cases/{case}", params={"as_of": line["index"]}).json()
    by_time = http.get(f"/v1/cases/{case}", params={"as_of": line["recorded_at"]}).json()
    assert by_time["view"]["index"] == line["index"]
    assert by_time["view"]["at"] == line["recorded_at"]
    assert {**by_time, "view": None} == {**by_index, "view": None}


def test_a_day_is_its_end_in_vietnam(inspected: Inspected, http: httpx.Client) -> None:
    """What the agency knew on 4 June is what it knew when that day was over, not the next one."""
    case = inspected.case("SC1")
    told = http.get(f"/v1/cases/{case}", params={"as_of": "2024-06-04"}).json()
    statements = [
        line
        for act in http.get(f"/v1/cases/{case}/acts").json()["acts"]
        for line in act["statements"]
    ]
    on_the_day = [s["index"] for s in statements if s["recorded_at"] < "2024-06-04T17:00:00.000Z"]
    assert told["view"]["index"] == max(on_the_day)
    assert told["view"]["at"] == "2024-06-04T16:59:59.999Z"
    assert max(on_the_day) < max(s["index"] for s in statements)


def test_the_registry_as_of_an_index_is_looked_at_from_that_day(
    inspected: Inspected, http: httpx.Client
) -> None:
    """Who led when record 1 of the case was taken, not who leads today."""
    case = inspected.case("SC1")
    first = http.get(f"/v1/cases/{case}/acts").json()["acts"][0]["statements"][0]["index"]
    for moment in (first, "2024-06-04", "2024-06-04T09:00:00+07:00"):
        told = http.get("/v1/agencies", params={"function": "LEAD", "as_of": moment}).json()
        assert [line["agency"] for line in told["agencies"]] == [LEAD_UNTIL_2025], moment
        assert told["index"] <= first + 200
    told = http.get("/v1/agencies", params={"function": "LEAD", "as_of": first}).json()
    assert told["index"] == first
    law = http.get("/v1/instruments", params={"as_of": first, "limit": 200}).json()
    old = next(i for i in law["instruments"] if i["instrument"] == "72/2013/NĐ-CP")
    assert old["in_force"]


def test_two_moments_the_wrong_way_round_are_swapped_and_that_is_said(
    inspected: Inspected, http: httpx.Client
) -> None:
    """Else every change would stand there with no act behind it, as if only time had passed."""
    case = inspected.case("SC1")
    early, late = "2024-06-04T13:00:00+07:00", "2024-06-05T12:00:00+07:00"
    forward = http.get(f"/v1/cases/{case}/diff", params={"from": early, "to": late}).json()
    back = http.get(f"/v1/cases/{case}/diff", params={"from": late, "to": early}).json()
    assert back.pop("swapped") is True
    assert "swapped" not in forward
    assert back == forward
    mixed = http.get(f"/v1/cases/{case}/diff", params={"from": late, "to": forward["from"]}).json()
    assert mixed.pop("swapped") is True
    assert mixed["changes"]


def test_a_verdict_gives_its_reason_and_who_signed_off(
    inspected: Inspected, http: httpx.Client
) -> None:
    """One case or many: the reason in words, the sign-offs there are, and what was not found.

    The district asks, whose case it is. A case that it does not see was not found either, and who
    sees some acts of one gets no verdict of it.
    """
    http.headers["Authorization"] = f"Bearer {inspected.token(*DISTRICT)}"
    case, absent = inspected.case("SC9"), "00000000-0000-4000-8000-000000000000"
    hidden, part = inspected.case("SC4"), inspected.case("SC2")
    one = http.get(f"/v1/cases/{case}/verification").json()
    assert one["outcome"] == "VALID"
    assert one["reason"]["en"] == "every signature is valid, and a checkpoint covers every record"
    (sign_off,) = one["signed_off"]
    assert sign_off["act_id"] == inspected.act("SC9", 36)
    assert sign_off["verdict"] in ("VALID", "NOT_VALID", "NOT_CONCLUDED")
    asked = f"{case},{absent},{case},{hidden},{part}"
    many = http.get("/v1/verification", params={"cases": asked}).json()
    assert many["missing"] == [absent, hidden, part]
    (same,) = many["cases"]
    assert (same["outcome"], same["reason"]) == (one["outcome"], one["reason"])
    assert same["signed_off"] == one["signed_off"]
    assert same["open"] == []


def test_a_printed_table_is_in_the_readers_words(http: httpx.Client) -> None:
    """Every title and key in words, what a figure counts, and up to which record it counts."""
    for lang, word in (("vi", "Theo kênh"), ("en", "By channel")):
        asked = {"from": "2023-01-01", "to": "2025-03-07"}
        answer = http.get("/v1/statistics.csv", params=asked, headers={"Accept-Language": lang})
        assert answer.headers["Content-Language"] == lang
        assert answer.headers["Vary"] == "Accept-Language"
        rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
        assert all(row[2] for row in rows if row[0] == word)
        assert any(row[0] == word for row in rows)
        assert any(row[1] == answer.headers["Ledger-Index"] for row in rows)
        if lang == "vi":
            assert not any(cell in row for row in rows for cell in ("channel", "figures", "total"))


def test_an_empty_batch_leads_on_too(http: httpx.Client) -> None:
    """A follower at the end has the address to ask next."""
    last = http.get("/v1/log").json()["records"] - 1
    answer = http.get("/v1/feed", params={"after": last})
    assert answer.json() == []
    assert answer.links["next"]["url"] == f"/v1/feed?after={last}&limit=100"


def test_what_time_did_is_put_on_no_officer(inspected: Inspected, http: httpx.Client) -> None:
    """The lead changed on 1 March 2025 by the registry; whoever signed next had no part in it."""
    case = inspected.case("SC3")
    told = http.get(f"/v1/cases/{case}/fields/lead/agency/history").json()["changes"]
    assert [bool(change["acts"]) for change in told] == [True, False]
    assert told[1]["old"] == LEAD_UNTIL_2025
    first = http.get(f"/v1/cases/{case}/acts").json()["acts"][0]["statements"][0]["index"]
    changes = http.get(f"/v1/cases/{case}/diff", params={"from": first}).json()["changes"]
    (lead,) = (change for change in changes if change["pointer"] == "/lead/agency")
    assert lead["acts"] == []


def test_a_clock_is_changed_by_what_starts_and_stops_it(
    inspected: Inspected, http: httpx.Client
) -> None:
    """That a limit came near between two acts is no doing of the second."""
    case = inspected.case("SC1")
    clocks = http.get(f"/v1/cases/{case}").json()["clocks"]
    then = http.get(f"/v1/cases/{case}", params={"as_of": http.get("/v1/log").json()["size"] - 1})
    assert then.json()["clocks"] == clocks, "as of now as now"
    told = http.get(f"/v1/cases/{case}/acts", params={"limit": 200}).json()["acts"]
    types = {act["act_id"]: act["act"] for act in told}
    changes = http.get(f"/v1/cases/{case}/diff", params={"from": "2024-06-04T08:12:00+07:00"})
    acts = {
        change["pointer"]: {act["act_id"] for act in change["acts"]}
        for change in changes.json()["changes"]
    }
    judged = 0
    for clock in clocks:
        assert clock["act"] == types[clock["act_id"]], clock["code"]
        pointer = f"/clocks/{clock['act_id']}.{clock['code']}/status"
        if pointer in acts:
            judged += 1
            assert acts[pointer] <= {clock["act_id"], clock["stopped_by"]}, clock["code"]
    assert judged > 3


@pytest.mark.parametrize("path", ["/v1/cases", "/v1/statistics.csv", "/v1/log"])
def test_conditions_are_met_or_said_to_be_failed(http: httpx.Client, path: str) -> None:
    """If-Match on a read names what is there, anything, or something else: 412 with no content."""
    tag = http.get(path).headers["ETag"]
    for good in (tag, "*", f'"x", {tag}'):
        assert http.get(path, headers={"If-Match": good}).status_code == 200
    for other in ('"x"', f"W/{tag}"):
        answer = http.get(path, headers={"If-Match": other, "If-None-Match": tag})
        assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
    for known in (tag, "*", f"W/{tag}"):
        answer = http.get(path, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b"")
