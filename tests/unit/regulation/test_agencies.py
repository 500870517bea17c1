"""Agencies over time (law.md §13): both sides of each reorganisation, and who carries on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from ledger.regulation.acts.act import Act
from ledger.regulation.edition import first_edition, load_edition
from ledger.regulation.registry.agencies import Asked
from ledger.regulation.registry.registry import Registry
from tests.unit.regulation.registry_acts import Book, an_act, founded

REGISTRY = Registry.founded()
TODAY = date(2026, 6, 1)
D = date


@pytest.mark.parametrize(
    ("day", "lead"),
    [
        (D(2023, 3, 20), None),
        (D(2023, 3, 21), "bacninh.stttt"),
        (D(2025, 2, 28), "bacninh.stttt"),
        (D(2025, 3, 1), "bacninh.svhttdl"),
        (D(2025, 6, 30), "bacninh.svhttdl"),
        (D(2025, 7, 1), "bacninh2025.svhttdl"),
    ],
)
def test_lead_agency_changes_on_the_day_of_the_reorganisation(day: date, lead: str | None) -> None:
    """Articles 5.2 and 8.1: the lead is who held the function on the day of the act."""
    assert REGISTRY.lead(day) == lead


@pytest.mark.parametrize(
    ("agency", "last"),
    [
        ("bacninh.stttt", D(2025, 2, 28)),
        ("bacninh.skhcn", D(2025, 2, 28)),
        ("bacninh.snnptnt", D(2025, 2, 28)),
        ("bacninh.qltt", D(2025, 2, 28)),
        ("tw.btttt", D(2025, 2, 28)),
        ("bacninh.btg", D(2025, 1, 31)),
        ("bacninh.ubnd", D(2025, 6, 30)),
        ("bacgiang.ubnd", D(2025, 6, 30)),
        ("bacninh.svhttdl", D(2025, 6, 30)),
        ("bacninh.h-g", D(2025, 6, 30)),
        ("bacninh.tapchi", D(2025, 6, 30)),
    ],
)
def test_agency_ends_with_its_last_day(agency: str, last: date) -> None:
    """G3: an act of an abolished agency is refused from the day after its last."""
    after = last + timedelta(days=1)
    assert REGISTRY.exists(agency, last)
    assert not REGISTRY.exists(agency, after)
    assert REGISTRY.functions_of(agency, last)
    assert REGISTRY.functions_of(agency, after) == []


@pytest.mark.parametrize(
    ("agency", "first"),
    [
        ("bacninh.skhcn-2025", D(2025, 3, 1)),
        ("bacninh.btgdv", D(2025, 2, 1)),
        ("bacninh2025.ubnd", D(2025, 7, 1)),
        ("bacninh2025.x-p", D(2025, 7, 1)),
        ("bacninh2025.svhttdl", D(2025, 7, 1)),
    ],
)
def test_agency_begins_with_its_first_day(agency: str, first: date) -> None:
    """G3: nobody acts for a body that does not exist yet."""
    assert not REGISTRY.exists(agency, first - timedelta(days=1))
    assert REGISTRY.exists(agency, first)


def test_two_bodies_of_one_name_are_two_bodies() -> None:
    """law.md §13: never key by name."""
    before, after = "bacninh.ubnd", "bacninh2025.ubnd"
    assert REGISTRY.name(before, D(2025, 6, 30)) == REGISTRY.name(after, D(2025, 7, 1))
    assert not REGISTRY.exists(before, D(2025, 7, 1))


@pytest.mark.parametrize(
    ("agency", "function", "day", "heir"),
    [
        ("bacninh.stttt", "LEAD", D(2025, 2, 28), "bacninh.stttt"),
        ("bacninh.stttt", "LEAD", D(2025, 3, 1), "bacninh.svhttdl"),
        ("bacninh.stttt", "LEAD", D(2025, 7, 1), "bacninh2025.svhttdl"),
        ("bacninh.stttt", "IT_TELECOM", D(2025, 3, 1), "bacninh.skhcn-2025"),
        ("bacninh.stttt", "IT_TELECOM", D(2025, 7, 1), "bacninh2025.skhcn"),
        ("bacninh.stttt", "NETWORK_SECURITY", D(2025, 6, 30), "bacninh.congan"),
        ("bacninh.stttt", "NETWORK_SECURITY", D(2025, 7, 1), "bacninh2025.congan"),
        ("bacninh.snnptnt", "IRRIGATION_DISASTER", D(2026, 1, 1), "bacninh2025.snnmt"),
        ("bacninh.stnmt", "DEPT", D(2025, 3, 1), "bacninh.snnmt"),
        ("bacninh.h-h", "DISTRICT", D(2025, 6, 30), "bacninh.h-h"),
        ("bacninh.h-h", "DISTRICT", D(2025, 7, 1), "bacninh2025.x-q"),
        ("bacninh.h-k", "DISTRICT", D(2025, 7, 1), "bacninh2025.x-r"),
        ("bacgiang.ubnd", "PPC", D(2025, 7, 1), "bacninh2025.ubnd"),
        ("bacninh.tapchi", "MEDIA", D(2025, 7, 1), "bacninh2025.bao"),
        ("bacninh.cong", "MEDIA", D(2025, 7, 1), "bacninh2025.cong"),
        ("bacninh.qltt", "MARKET", D(2025, 3, 1), "bacninh.sct"),
        ("bacninh.qltt", "MARKET", D(2025, 7, 1), "bacninh2025.qltt"),
        ("tw.btttt", "MINISTRY", D(2025, 3, 1), "tw.bvhttdl"),
        ("bacninh.svhttdl", "DEPT_INSPECTORATE", D(2025, 7, 1), None),
        ("bacninh.qltt", "CENTRAL_LINE", D(2025, 3, 1), None),
        ("bacninh.syt", "NO_SUCH_DUTY", D(2025, 7, 1), "bacninh2025.syt"),
    ],
)
def test_duty_moves_by_function_and_territory(
    agency: str, function: str, day: date, heir: str | None
) -> None:
    """law.md §13: open duties move with the function; one that ended has no successor."""
    assert REGISTRY.successor(agency, function, day) == heir


def test_every_body_that_ended_has_an_heir_that_exists() -> None:
    """No case of the edition is left without a holder after 01/7/2025."""
    for agency in REGISTRY.agencies.all():
        if agency.valid_to is not None:
            heir = REGISTRY.heir(agency.id, TODAY)
            assert heir is not None, agency.id
            assert REGISTRY.exists(heir, TODAY), agency.id
        else:
            assert REGISTRY.heir(agency.id, TODAY) == agency.id


@pytest.mark.parametrize(
    ("agency", "day", "today", "label"),
    [
        (
            "bacninh.stttt",
            D(2024, 6, 4),
            D(2025, 2, 28),
            "Sở Thông tin và Truyền thông tỉnh Bắc Ninh",
        ),
        (
            "bacninh.stttt",
            D(2024, 6, 4),
            D(2025, 3, 1),
            (
                "Sở Thông tin và Truyền thông tỉnh Bắc Ninh (đến 28/02/2025; "
                "nay Sở Văn hóa, Thể thao và Du lịch tỉnh Bắc Ninh)"
            ),
        ),
        (
            "bacninh.h-g",
            D(2024, 6, 4),
            TODAY,
            "Ủy ban nhân dân huyện G (đến 30/06/2025; nay Ủy ban nhân dân xã P)",
        ),
        ("khong.co", D(2024, 6, 4), TODAY, "khong.co"),
    ],
)
def test_label_says_who_carries_on(agency: str, day: date, today: date, label: str) -> None:
    """A reader of 2026 sees who acted in 2024 and who answers for it now."""
    assert REGISTRY.label(agency, day, today) == label


def test_holders_are_asked_by_territory() -> None:
    """A commune's duty is its own; a province-wide one reaches into the commune."""
    day = D(2025, 7, 1)
    assert REGISTRY.holders("COMMUNE", day, "BACNINH_2025.X_P") == ["bacninh2025.x-p"]
    assert REGISTRY.holders("COMMUNE", day, "BACNINH_2025") == []
    assert "bacninh2025.syt" in REGISTRY.holders("DEPT", day, "BACNINH_2025.X_P")
    assert REGISTRY.lead(day, "BACNINH_2025.X_P") == "bacninh2025.svhttdl"
    # Decision 90 is taken to reach the territory of 2023 only (assumption TERRITORY_2023)
    assert REGISTRY.lead(day, "BACGIANG_2023") is None


def test_media_is_a_family_of_functions() -> None:
    """acts.json, roles: MEDIA is MEDIA_* of the registry."""
    book = founded()
    book.take(a_function("bacninh.syt", "MEDIA_PORTAL"))
    assert book.registry.holds("bacninh.syt", "MEDIA", D(2024, 1, 1))
    assert "bacninh.syt" in book.registry.holders("MEDIA", D(2024, 1, 1))
    assert not book.registry.holds("bacninh.syt", "DEPT_X", D(2024, 1, 1))


def test_assumed_holding_says_so() -> None:
    """regulation.md §8 row 25: who leads since 2025 is configured, and shown as assumed."""
    assert REGISTRY.assumed("bacninh.svhttdl", "LEAD", D(2025, 3, 1))
    assert not REGISTRY.assumed("bacninh.stttt", "LEAD", D(2025, 2, 28))


def a_function(agency: str, function: str, **facts: object) -> Act:
    """FunctionAssigned."""
    return an_act(
        "FunctionAssigned",
        f"agency/{agency}",
        {
            "agency": agency,
            "function": function,
            "territory": "BACNINH_2023",
            "valid_from": "2023-03-21",
            "basis_document": "1/QĐ",
            "assumed": False,
            **facts,
        },
    )


def registered(agency: str, **facts: object) -> Act:
    """AgencyRegistered."""
    return an_act(
        "AgencyRegistered",
        f"agency/{agency}",
        {
            "agency": agency,
            "name": f"Cơ quan {agency}",
            "tier": "PROVINCE",
            "kind": "STATE",
            "duty_modality": "OBLIGED",
            "territory": "BACNINH_2023",
            "valid_from": "2026-01-01",
            "basis_document": "1/QĐ",
            **facts,
        },
    )


def succession(kind: str, before: str, after: list[str], rows: list[dict[str, Any]]) -> Act:
    """AgencySuccessionRecorded on 2027-01-01."""
    return an_act(
        "AgencySuccessionRecorded",
        "programme/bacninh",
        {
            "kind": kind,
            "effective_on": "2027-01-01",
            "predecessors": [before],
            "successors": after,
            "map": [{"from_agency": before, "assumed": False, **row} for row in rows],
            "basis_document": "2/QĐ",
            "assumed": False,
        },
    )


def reorganised(kind: str) -> Book:
    """bacninh2025.syt hands HEALTH to a new body, which is all it says about its functions."""
    book = founded()
    book.take(registered("bacninh.moi"))
    row = {"function": "HEALTH", "to_agency": "bacninh.moi"}
    book.take(succession(kind, "bacninh2025.syt", ["bacninh.moi"], [row]))
    return book


@pytest.mark.parametrize("kind", ["MERGE", "ABSORB", "DIVIDE", "DISSOLVE"])
def test_recorded_succession_that_ends_the_predecessor(kind: str) -> None:
    """Divide (chia) ends the predecessor: its last day is the day before."""
    registry = reorganised(kind).registry
    last, first = D(2026, 12, 31), D(2027, 1, 1)
    assert registry.holds("bacninh2025.syt", "HEALTH", last)
    assert not registry.exists("bacninh2025.syt", first)
    assert not registry.holds("bacninh2025.syt", "DEPT", first)
    assert not registry.holds("bacninh.moi", "HEALTH", last)
    assert registry.holds("bacninh.moi", "HEALTH", first)
    assert registry.successor("bacninh2025.syt", "HEALTH", first) == "bacninh.moi"
    assert registry.heir("bacninh.syt", first) == "bacninh.moi"


@pytest.mark.parametrize("kind", ["SPLIT", "FUNCTION_TRANSFER", "TERRITORY_CHANGE", "RENAME"])
def test_recorded_succession_that_leaves_the_predecessor(kind: str) -> None:
    """Split (tách) does not: it keeps what is not mapped."""
    registry = reorganised(kind).registry
    first = D(2027, 1, 1)
    assert registry.exists("bacninh2025.syt", first)
    assert registry.holds("bacninh2025.syt", "DEPT", first)
    assert not registry.holds("bacninh2025.syt", "HEALTH", first)
    assert registry.successor("bacninh2025.syt", "HEALTH", first) == "bacninh.moi"
    assert registry.successor("bacninh2025.syt", "DEPT", first) == "bacninh2025.syt"


def test_late_decision_changes_no_earlier_day() -> None:
    """Bitemporal: a decision published late is recorded late, and the past stays what it was."""
    book = reorganised("MERGE")
    assert book.registry.holds("bacninh2025.syt", "HEALTH", D(2026, 6, 1))
    assert Registry.founded().exists("bacninh2025.syt", D(2027, 6, 1))


def test_agency_id_is_never_used_twice() -> None:
    """A second line for an id changes nothing, even after the agency has ended."""
    book = founded()
    book.take(registered("bacninh.stttt", name="Khác"))
    agency = book.registry.agency("bacninh.stttt")
    assert agency is not None
    assert agency.index is None
    assert "Khác" not in agency.names[0].vi


def test_every_id_of_the_edition_that_is_named_exists() -> None:
    """Holdings, parents and successions of the data speak of registered agencies."""
    data = load_edition().registry
    known = {a["id"] for a in data["agencies"]}
    named = {h["agency"] for h in data["holdings"]}
    named |= {a["parent"] for a in data["agencies"] if "parent" in a}
    for entry in data["successions"]:
        named |= {*entry["predecessors"], *entry["successors"]}
        named |= {row["to"] for row in entry["map"] if row["to"]}
    assert named <= known
    territories = {t["code"] for t in data["territories"]}
    assert {h["territory"] for h in data["holdings"]} <= territories


def test_an_answer_that_is_kept_ends_with_the_line_that_changes_it() -> None:
    """Who holds a function and where a place lies is asked again after each registry act."""
    agencies, day = Registry.founded().agencies, D(2026, 1, 1)
    before = agencies.holders("LEAD", day)
    before.append("whoever asks may change their own list")
    assert agencies.holders("LEAD", day) == before[:-1]
    (held,) = [h for h in agencies.holdings(before[0]) if h.function == "LEAD"]
    agencies.assign(replace(held, agency="bacninh2025.stttt-moi"))
    assert agencies.holders("LEAD", day) == [before[0], "bacninh2025.stttt-moi"]
    agencies.succeed(
        kind="DISSOLVE", day=day, predecessors=[before[0]], successors=[], rows=[], basis="x",
        index=9,
    )  # fmt: skip
    assert agencies.holders("LEAD", day) == ["bacninh2025.stttt-moi"]
    asked = Asked(frozenset({"VN-99.1"}))
    assert not agencies.serves("VN-98", asked)
    agencies.place("VN-99.1", ["VN-98"])
    assert agencies.serves("VN-98", asked)
    assert not Registry.founded().agencies.serves("VN-98", asked)


@pytest.mark.parametrize("by", ["succession", "assignment"])
def test_what_an_agency_is_given_ends_with_it(by: str) -> None:
    """A body that has ended leads nothing, and is nobody's addressee, whoever gave it the function.

    Its last day may stand in the registry before: the next holder would come second for ever.
    """
    book, last = founded(), D(2025, 2, 28)
    assert (ended := book.registry.agency("bacninh.stttt")) is not None
    assert ended.valid_to == last
    facts = {"function": "PPC", "territory": "BACNINH_2023", "assumed": False}
    if by == "succession":
        row = {"function": "PPC", "from_agency": "bacninh.ubnd", "to_agency": "bacninh.stttt"}
        book.take(
            an_act(
                "AgencySuccessionRecorded",
                "programme/bacninh",
                {
                    "kind": "FUNCTION_TRANSFER",
                    "effective_on": "2024-07-01",
                    "assumed": False,
                    "predecessors": ["bacninh.ubnd"],
                    "successors": ["bacninh.stttt"],
                    "map": [{**row, "assumed": False}],
                    "basis_document": "2/QĐ",
                },
            )
        )
    else:
        given = {"agency": "bacninh.stttt", "valid_from": "2024-07-01", "basis_document": "2/QĐ"}
        book.take(an_act("FunctionAssigned", "agency/bacninh.stttt", {**facts, **given}))
    next_one = {"agency": "bacninh.syt", "valid_from": "2025-03-01", "basis_document": "3/QĐ"}
    registry = book.take(an_act("FunctionAssigned", "agency/bacninh.syt", {**facts, **next_one}))
    assert "bacninh.stttt" in registry.holders("PPC", last)
    assert registry.holds("bacninh.stttt", "PPC", last)
    assert "bacninh.stttt" not in registry.holders("PPC", last + timedelta(days=1))
    assert not registry.holds("bacninh.stttt", "PPC", last + timedelta(days=1))
    assert "bacninh.syt" in registry.holders("PPC", last + timedelta(days=1))


def test_what_an_agency_was_to_be_given_later_is_not_its_once_it_has_ended() -> None:
    """The rules have it lead from March 2025; it ended before, and whoever carries on is asked."""
    book, first = founded(), D(2025, 3, 1)
    assert book.registry.holders("LEAD", first) == ["bacninh.svhttdl"]
    row = {"from_agency": "bacninh.svhttdl", "to_agency": "bacninh.syt", "assumed": False}
    held = book.registry.functions_of("bacninh.svhttdl", D(2024, 6, 30))
    registry = book.take(
        an_act(
            "AgencySuccessionRecorded",
            "programme/bacninh",
            {
                "kind": "MERGE",
                "effective_on": "2024-07-01",
                "assumed": False,
                "predecessors": ["bacninh.svhttdl"],
                "successors": ["bacninh.syt"],
                "map": [{**row, "function": one} for one in held],
                "basis_document": "2/QĐ",
            },
        )
    )
    assert registry.holders("LEAD", first) == []
    assert not registry.holds("bacninh.svhttdl", "LEAD", first)


def test_by_the_first_edition_an_agency_holds_what_it_was_given() -> None:
    """What stands in a log that is judged by it stays as it was."""
    agencies, day = Registry.founded(first_edition()).copy().agencies, D(2025, 3, 1)
    line = agencies.holdings("bacninh.ubnd")[0]
    agencies.assign(replace(line, agency="bacninh.stttt", function="PPC", valid_to=None))
    assert agencies.holds("bacninh.stttt", "PPC", day)
    agencies.succeed(
        kind="MERGE",
        day=D(2024, 7, 1),
        predecessors=["bacninh.svhttdl"],
        successors=["bacninh.syt"],
        rows=[],
        basis="2/QĐ",
        index=1,
    )
    assert agencies.holders("LEAD", day) == ["bacninh.svhttdl"]
