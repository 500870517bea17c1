"""For which agencies somebody reads, by which it is told whose supervisors are told (A11)."""

from __future__ import annotations

from datetime import date

from ledger.reads.scope import for_whom
from tests.builders import a_registry, an_id, enter
from tests.unit.regulation.test_told_totals import hired

DAY = date(2024, 6, 12)


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
