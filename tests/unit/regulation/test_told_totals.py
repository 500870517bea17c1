"""Who is told totals of all cases: the lead, the committee of its province, its overseers (A27)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from ledger.regulation.participation import principals
from ledger.regulation.participation.members import members
from ledger.regulation.registry.registry import Registry
from tests.builders import a_registry, an_id, at, enter, officer

OVERSEER = "bacninh.thanhtra"


def told(registry: Registry, officer_id: str, when: datetime) -> bool:
    """Whether an officer is told totals at an instant."""
    return any(
        (m.since is None or m.since <= when) and (m.until is None or when < m.until)
        for m in members(registry, [officer_id])
        if m.who == principals.TOTALS
    )


def hired(registry: Registry, agency: str, *powers: str, **facts: Any) -> str:  # noqa: ANN401  facts of an act
    """Somebody new in a post with these powers."""
    new = an_id(f"{agency} {powers} {facts}")
    appointed = {
        "officer": new,
        "agency": agency,
        "post": "chuyen-vien",
        "capacities": ["TRUC_TIEP"],
        "powers": sorted(powers),
        "valid_from": "2023-03-21",
        "basis_document": "Quyết định bổ nhiệm",
    } | facts
    enter(registry, "OfficerAppointed", appointed, stream=f"officer/{new}")
    return new


@pytest.mark.parametrize(
    ("agency", "powers", "is_told"),
    [
        ("bacninh.stttt", (), True),
        ("bacninh.stttt", ("INTAKE",), True),
        ("bacninh.stttt", ("AUDITOR",), False),
        ("bacninh.stttt", ("REGISTRY_KEEPER",), False),
        ("bacninh.ubnd", (), True),
        ("bacninh.ubnd", ("KEY_CUSTODIAN",), False),
        ("bacninh.hdnd", (), True),
        (OVERSEER, ("INSPECTION_HEAD",), True),
        (OVERSEER, ("AUDITOR",), True),
        (OVERSEER, ("AUDITOR", "KEY_CUSTODIAN"), True),
        (OVERSEER, ("KEY_CUSTODIAN",), False),
        (OVERSEER, ("VAULT_KEEPER",), False),
        ("bacninh.h-g", (), False),
        ("bacninh.h-g", ("SUPERVISOR",), False),
        ("bacninh.syt", ("SUPERVISOR",), False),
        ("bacninh.congan", (), False),
        ("bacgiang.ubnd", (), False),
    ],
)
def test_who_leads_governs_or_oversees_is_told(
    agency: str, powers: tuple[str, ...], *, is_told: bool
) -> None:
    """By function and post alone; who administers or keeps keys and identities is not.

    Nor are a department, a district with whoever supervises there, and another province.
    """
    registry = a_registry()
    assert told(registry, hired(registry, agency, *powers), at("2024-06-04 08:00")) is is_told


def test_the_lead_changes_and_the_province_too() -> None:
    """From the day on which the registry says so, without anybody being appointed anew."""
    registry = a_registry()
    old, new = (
        hired(registry, "bacninh.stttt"),
        hired(registry, "bacninh.svhttdl", valid_from="2025-03-01"),
    )
    last, first = at("2025-02-28 23:59"), at("2025-03-01 00:00")
    assert (told(registry, old, last), told(registry, old, first)) == (True, False)
    assert (told(registry, new, last), told(registry, new, first)) == (False, True)
    merged = hired(registry, "bacninh2025.ubnd", valid_from="2025-07-01")
    assert told(registry, merged, at("2025-07-01 00:00"))


def test_it_ends_with_the_post() -> None:
    """An overseer whose post has ended is told nothing the day after."""
    registry = a_registry()
    gone = hired(registry, OVERSEER)
    ended = {"officer": gone, "agency": OVERSEER, "post": "chuyen-vien", "ended_on": "2024-06-03",
             "reason": "TRANSFERRED", "keys_end": False}  # fmt: skip
    enter(registry, "OfficerEnded", ended, stream=f"officer/{gone}")
    assert told(registry, gone, at("2024-06-03 23:59"))
    assert not told(registry, gone, at("2024-06-04 00:00"))


def test_an_overseer_by_an_act_oversees_the_territory_that_it_names() -> None:
    """The function in a district is no mandate over the province."""
    for territory, is_told in (("BACNINH_2023", True), ("BACNINH_2023.H_G", False)):
        registry = a_registry()
        one = hired(registry, "bacninh.h-g")
        assigned = {
            "agency": "bacninh.h-g", "function": "OVERSEER", "territory": territory,
            "valid_from": "2024-01-01", "assumed": False, "basis_document": "12/QĐ-UBND",
        }  # fmt: skip
        enter(registry, "FunctionAssigned", assigned, stream="ledger")
        assert told(registry, one, at("2024-06-04 08:00")) is is_told


def test_no_grant_gives_totals() -> None:
    """Of a case or of an agency: totals hang on functions, not on what one is let into."""
    registry = a_registry()
    one = officer("yt")
    assert registry.officers.get(one) is not None
    given = {"officer": one, "scope": "AGENCY", "may": "READ", "ground": "Rà soát",
             "until": "2030-01-01T00:00:00+07:00"}  # fmt: skip
    enter(registry, "ParticipationGranted", given, stream="agency/bacninh.stttt")
    named = {m.who for m in members(registry, [one])}
    assert principals.agency("bacninh.stttt") in named
    assert principals.TOTALS not in named
    assert registry.lead(date(2024, 6, 4)) == "bacninh.stttt"
