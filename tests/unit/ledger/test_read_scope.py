"""For which agencies somebody reads, by which it is told whose supervisors are told (A11)."""

from __future__ import annotations

from datetime import date

import pytest

from ledger.reads.scope import ReadScope, for_whom, scope_of
from ledger.regulation.case.state import present_agency
from ledger.regulation.registry.registry import Registry
from tests.builders import a_registry, an_id, enter
from tests.unit.regulation.test_told_totals import OVERSEER, hired

DAY = date(2024, 6, 12)
AFTER = date(2025, 7, 2)
"""Behind the merger of two provinces."""


def _ordered(registry: Registry, *readers: str) -> str:
    """An order of the overseer's by which these read a case; its `act_id`."""
    until = "2030-12-31T17:00:00+07:00"
    facts = {
        "cases": [f"case/{an_id('a case')}"],
        "agencies": None,
        "period_from": "2024-06-01",
        "period_to": "2024-06-30",
        "readers": [
            {"officer": one, "agency": OVERSEER, "post": "chuyen-vien", "until": until}
            for one in readers
        ],
        "until": until,
    }
    return enter(registry, "InspectionOrdered", facts, stream=f"agency/{OVERSEER}").act_id


@pytest.mark.parametrize(
    ("agency", "powers", "every", "agencies"),
    [
        (OVERSEER, ("AUDITOR",), True, {OVERSEER}),
        (OVERSEER, ("SUPERVISOR",), False, {OVERSEER}),
        (OVERSEER, ("INSPECTION_HEAD",), False, set()),
        (OVERSEER, (), False, set()),
        ("bacninh.stttt", ("AUDITOR",), False, {"bacninh.stttt"}),
        ("bacninh.h-g", ("SUPERVISOR",), False, {"bacninh.h-g"}),
        ("bacninh.stttt", (), False, set()),
    ],
)
def test_of_whose_reads_an_officer_is_told(
    agency: str, powers: tuple[str, ...], agencies: set[str], *, every: bool
) -> None:
    """Of an agency's whoever supervises or audits it, of everybody's an overseer's auditor."""
    registry = a_registry()
    scope = scope_of(hired(registry, agency, *powers), registry, DAY)
    assert (scope.every, set(scope.agencies)) == (every, agencies)


def test_nobody_is_told_of_an_inspection_by_a_second_post_of_its_reader() -> None:
    """D2: only in the body that inspects, while the reader is in post there."""
    registry = a_registry()
    both = hired(registry, OVERSEER)
    second = {
        "officer": both, "agency": "bacninh.h-g", "post": "chuyen-vien", "powers": [],
        "capacities": ["TRUC_TIEP"], "valid_from": "2023-03-21", "basis_document": "QĐ",
    }  # fmt: skip
    enter(registry, "OfficerAppointed", second, stream=f"officer/{both}")
    elsewhere = hired(registry, "bacninh.h-g", "SUPERVISOR")
    via = _ordered(registry, both, elsewhere)
    of = {one: ReadScope(frozenset(), frozenset({one})) for one in (OVERSEER, "bacninh.h-g")}
    assert of[OVERSEER].tells_of(both, via, registry, DAY)
    assert not of["bacninh.h-g"].tells_of(both, via, registry, DAY)
    assert not of[OVERSEER].tells_of(elsewhere, via, registry, DAY), "in no post there"
    everybody = ReadScope(frozenset({OVERSEER}), frozenset())
    assert everybody.tells_of(elsewhere, via, registry, DAY)


def test_whoever_carries_on_for_the_body_is_told_as_well() -> None:
    """Its reads do not go with its name."""
    registry = a_registry()
    heir = present_agency(registry, OVERSEER, AFTER)
    assert heir != OVERSEER
    reader = hired(registry, OVERSEER)
    via = _ordered(registry, reader)
    assert for_whom(reader, via, registry, DAY) == {OVERSEER}
    assert for_whom(reader, via, registry, AFTER) == {OVERSEER, heir}


def test_by_a_grant_it_is_the_work_of_every_post() -> None:
    """Also where the grant stands in a case, or in the stream of another agency (A7)."""
    registry = a_registry()
    reader = hired(registry, "bacninh.stttt")
    for stream, scope in (("agency/bacninh.syt", "AGENCY"), (f"case/{an_id('a case')}", "CASE")):
        facts = {
            "officer": reader,
            "scope": scope,
            "may": "READ",
            "ground": "Phân công",
            "until": "2030-12-31T17:00:00+07:00",
        }
        granted = enter(registry, "ParticipationGranted", facts, stream=stream)
        assert for_whom(reader, granted.act_id, registry, DAY) == {"bacninh.stttt"}, scope
    assert for_whom(reader, an_id("no grant"), registry, DAY) == set()
