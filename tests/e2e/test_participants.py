"""Who takes part in a case, asked over HTTP and at a terminal, now and as it was."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from api.client.connection import Refused
from tests.fixtures.inspected import DISTRICT, PAST, STRANGER, Inspected

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.xdist_group("inspected"),
]


@pytest.fixture
def http(inspected: Inspected) -> Iterator[httpx.Client]:
    """A session of the district that handles C1 of SC9."""
    token = inspected.token(*DISTRICT)
    with httpx.Client(
        base_url=inspected.url, headers={"Authorization": f"Bearer {token}"}, timeout=300
    ) as client:
        yield client


def test_a_grant_is_there_while_it_runs_and_gone_at_its_revocation(
    inspected: Inspected, http: httpx.Client
) -> None:
    """SC9, steps 34 and 37: the overseer reads by name from one record to the other."""
    case, overseer = inspected.case("SC9"), inspected.officer("SC9", "gs")
    acts = http.get(f"/v1/cases/{case}/acts", params={"limit": 200}).json()["acts"]
    at = {act["act"]: act["statements"][-1]["index"] for act in acts}

    def named(index: int) -> list[str]:
        body = http.get(f"/v1/cases/{case}/participants", params={"as_of": index}).json()
        assert body["view"]["index"] <= index
        return [one["officer"] for one in body["participants"] if one["scope"] == "CASE"]

    granted, revoked = at["ParticipationGranted"], at["ParticipationRevoked"]
    assert overseer not in named(granted - 1)
    assert overseer in named(granted)
    assert overseer in named(revoked - 1)
    assert overseer not in named(revoked)


def test_the_handler_holds_the_case_now(inspected: Inspected, http: httpx.Client) -> None:
    """No `view` beside the case as it is."""
    body = http.get(f"/v1/cases/{inspected.case('SC9')}/participants").json()
    assert "view" not in body
    whole = {one["agency"] for one in body["participants"] if one["scope"] == "CASE"}
    assert "bacninh.h-g" in whole


def test_the_handler_of_the_case_that_goes_on_holds_the_merger(
    inspected: Inspected,
) -> None:
    """SC9, case C2 was merged into C1: its handler sees that act, and no more of the other file.

    The lead is told so who sees C2 whole and of C1 a part: who reads a file hangs on no asker.
    """
    other, merged = inspected.case("SC9"), inspected.case("SC9", "C2")
    with pytest.raises(Refused, match="part_only"):
        inspected.read(f"/v1/cases/{other}")
    body = inspected.read(f"/v1/cases/{merged}/participants")
    held = [one for one in body["participants"] if one["agency"] == "bacninh.h-g"]
    assert [(one["scope"], [g["act"] for g in one["grounds"]]) for one in held] == [
        ("ACT", ["CaseMerged"])
    ]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/cases/0b5f0c52-4c2f-4f0e-8c55-0f6b8a4f9d10/participants", "not_found"),
        ("/v1/cases/{case}/participants?as_of=0", "before_case"),
        ("/v1/cases/{case}/participants?as_of=2099-01-01T00:00:00%2B07:00", "as_of_in_future"),
        ("/v1/cases/{case}/participants?as_of=yesterday", "malformed_request"),
        ("/v1/cases/{case}/participants?clock=occurred", "malformed_request"),
    ],
)
def test_what_cannot_be_answered_is_a_problem(
    inspected: Inspected, http: httpx.Client, path: str, code: str
) -> None:
    """As for the file of the case; there is one clock, that of the ledger."""
    answer = http.get(path.format(case=inspected.case("SC9")))
    assert answer.json()["code"] == code


def test_who_takes_part_is_told_to_who_sees_the_case(inspected: Inspected) -> None:
    """Who sees one act is told that it is a part; for a stranger there is no such case."""
    path = f"/v1/cases/{inspected.case('SC9')}/participants"
    for by, status, code in ((PAST, 403, "part_only"), (STRANGER, 404, "not_found")):
        with pytest.raises(Refused) as refused:
            inspected.read(path, by=by)
        assert (refused.value.status, refused.value.code) == (status, code)


def test_at_a_terminal(inspected: Inspected) -> None:
    """Socai case who CASE, in both languages, by the number that the ledger gave."""
    file = inspected.read(f"/v1/cases/{inspected.case('SC9')}", by=DISTRICT)
    for lang, words in (("vi", "Cả hồ sơ"), ("en", "The whole case")):
        result = inspected.cli("case", "who", file["case_number"], lang=lang, by=DISTRICT)
        assert result.exit_code == 0, result.output
        assert words in result.stdout
        assert max(map(len, result.stdout.splitlines())) <= 80
