"""Totals of all cases, by HTTP and at a terminal: for the lead, its committee, its overseers."""

from __future__ import annotations

import csv
import io
from typing import Any

import httpx
import pytest

from tests.attacks import attack
from tests.fixtures.inspected import Inspected

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.xdist_group("inspected"),
]
PATHS = ("/v1/statistics", "/v1/statistics.csv", "/v1/statistics.xlsx")
OVERSEER = ("SC9", "gs")


def asked(
    inspected: Inspected,
    by: tuple[str, str],
    path: str = "/v1/statistics",
    **query: str,
) -> httpx.Response:
    """An answer to one of the cast."""
    headers = {"Authorization": f"Bearer {inspected.token(*by)}", "Accept-Language": "en"}
    named = {name.rstrip("_"): value for name, value in query.items()}
    return httpx.get(inspected.url + path, params=named, headers=headers, timeout=300)


@pytest.mark.parametrize(
    "by",
    [OVERSEER, ("SC3", "spgd"), ("SC9", "ct")],
    ids=["an overseer", "the lead", "the committee"],
)
def test_totals_are_of_all_cases(inspected: Inspected, by: tuple[str, str]) -> None:
    """The same for each of them, whatever they see; the plain figures say that they are not."""
    body = asked(inspected, by, of="province", from_="2024-01-01", to="2024-12-31").json()
    assert body["of"] == "province"
    assert {"bacninh.h-g", "bacninh.stttt"} <= _keys(body, "agency")
    first = asked(inspected, OVERSEER, of="province", from_="2024-01-01", to="2024-12-31").json()
    assert body["volumes"] == first["volumes"]
    assert body["figures"] == first["figures"]
    assert asked(inspected, by).json()["of"] == "seen"


ACTS = {
    "reviewed_in_time", "reviewed_late", "not_reviewed", "disclosed", "withdrawn", "erased",
}  # fmt: skip
READS = {"read_by_order", "read_by_opening", "copied"}


@attack(
    "whoever is told totals learns from them by month how often an inspected agency is read",
    stopped_by="reads and copies are counted for whoever is told of everybody's reads, and for no"
    " other",
    noticed_by="-",
)
@pytest.mark.parametrize(
    ("by", "codes"),
    [(OVERSEER, ACTS | READS), (("SC3", "spgd"), ACTS), (("SC9", "ct"), ACTS)],
    ids=["an overseer's auditor", "the lead", "the committee"],
)
def test_reads_are_counted_for_whoever_is_told_of_all_reads(
    inspected: Inspected, by: tuple[str, str], codes: set[str]
) -> None:
    """As JSON, as a table and at a terminal; openings, disclosures and erasures for everybody."""
    year = {"of": "province", "from_": "2024-01-01"}
    body = asked(inspected, by, **year).json()
    months = {one["code"]: one["months"] for one in body["access_by_month"]}
    assert months.keys() == codes
    # one disclosure in SC9: a small cell, and in June
    assert [(m["key"], m["count"]) for m in months["disclosed"]] == [("2024-06", None)]
    assert all(months[code] == [] for code in codes - {"disclosed"})
    table = csv.reader(
        io.StringIO(asked(inspected, by, "/v1/statistics.csv", **year).content.decode("utf-8-sig"))
    )
    assert [row[1:] for row in table if row[1].startswith("disclosed ")] == [
        ["disclosed 2024-06", "reporters' identities disclosed: 06/2024", "hidden", ""]
    ]
    assert asked(inspected, by).json()["access_by_month"] == []


def test_an_overseer_sees_none_of_the_cases_in_the_totals(inspected: Inspected) -> None:
    """Figures of what they see are empty, and so is the list: totals open nothing."""
    seen = asked(inspected, OVERSEER, of="seen", from_="2024-01-01", to="2024-12-31").json()
    assert (seen["of"], seen["total"], seen["volumes"]["agency"]) == ("seen", 0, [])
    assert asked(inspected, OVERSEER, "/v1/cases").json()["cases"] == []


@attack(
    "totals of all cases asked for by a district's chair, and by a department",
    stopped_by="403 seen_only, by the database's own question",
    noticed_by="-",
)
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("by", [("SC9", "hct"), ("SC9", "yt")], ids=["a district", "a department"])
def test_who_oversees_nothing_is_told_no_totals(
    inspected: Inspected, by: tuple[str, str], path: str
) -> None:
    """In every form, with a sentence that says for whom they are; the plain figures stay."""
    answer = asked(inspected, by, path, of="province")
    assert (answer.status_code, answer.json()["code"]) == (403, "seen_only")
    assert "the lead, the committee of the province and its overseers" in answer.json()["detail"]
    assert asked(inspected, by, path).status_code == 200


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"of": "all"}, "/of"),
        ({"of": "province", "agency": "bacninh.h-g"}, "/agency"),
        ({"of": "province", "from_": "2024-01-02"}, "/from"),
        ({"of": "province", "to": "2024-11-30"}, "/to"),
        ({"of": "province", "from_": "2024-01-01", "to": "2025-12-31"}, "/to"),
    ],
)
def test_totals_are_of_one_calendar_year_and_nothing_less(
    inspected: Inspected, query: dict[str, str], pointer: str
) -> None:
    """Spans that overlap would tell a cell by their difference: they are not even asked."""
    answer = asked(inspected, OVERSEER, **query)
    assert answer.status_code == 400
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]


def test_totals_are_of_this_year_unless_another_is_named(inspected: Inspected) -> None:
    """By one day of it or by both."""
    spans = [
        (body["from"], body["to"])
        for body in (
            asked(inspected, OVERSEER, of="province", **named).json()
            for named in ({}, {"from_": "2024-01-01"}, {"to": "2024-12-31"})
        )
    ]
    this, last = ("2025-01-01", "2025-12-31"), ("2024-01-01", "2024-12-31")
    assert spans == [this, last, last]


def test_a_table_says_of_which_cases_it_is(inspected: Inspected) -> None:
    """Printed and passed on, it still says so."""
    for of, words in (("seen", "the cases you see"), ("province", "all cases of the province")):
        answer = asked(inspected, OVERSEER, "/v1/statistics.csv", of=of)
        rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
        assert ["Cases counted", of, words, "", ""] in rows


@attack(
    "totals of all cases asked for at a terminal by a district's chair",
    stopped_by="403 seen_only, by the database's own question",
    noticed_by="-",
)
def test_at_a_terminal(inspected: Inspected) -> None:
    """`socai stats --province`: in both languages, and a sentence for whoever is told none."""
    year = ("--from", "2024-01-01")
    for lang, words in (
        ("vi", "Số liệu của toàn bộ hồ sơ trong tỉnh."),
        ("en", "Figures of all cases of the province."),
    ):
        told = inspected.cli("stats", "--province", *year, by=OVERSEER, lang=lang)
        assert (told.exit_code, words in told.stdout) == (0, True), told.output
        assert {"vi": "06/2024", "en": "06/2024"}[lang] in told.stdout
    plain = inspected.cli("stats", *year, by=OVERSEER)
    assert "Figures of the cases you see." in plain.stdout
    refused = inspected.cli("stats", "--province", by=("SC9", "hct"))
    assert refused.exit_code == 1
    assert refused.stderr.startswith("seen_only: ")


def _keys(body: dict[str, Any], table: str) -> set[str]:
    return {cell["key"] for cell in body["volumes"][table]}
