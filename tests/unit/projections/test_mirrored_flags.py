"""Acts of a lower log above ordinary bear its flags, as far as the case is shown whole (F5)."""

from __future__ import annotations

from typing import Any, cast

from ledger.mirror.ports import MirrorStore
from ledger.ports import RecordStore
from ledger.regulation.acts.act import Act
from ledger.streams.record_reader import Reader
from ledger.write.registry_follower import RegistryFollower
from projections.queries.cases.mirrored import Mirrored
from projections.views.base import Connection
from tests import builders
from tests.builders import an_act
from tests.mirrored import Above, Below

ANNEXES = 3


class _Unmarked:
    """A connection on which nothing is said to be set aside or erased."""

    def execute(self, *_: object) -> _Unmarked:
        """Whatever is asked."""
        return self

    def fetchall(self) -> list[Any]:
        """Nothing."""
        return []


def test_flags_of_a_secret_case_are_told_until_a_document_is_missing() -> None:
    """Each is of a document of years before; behind a gap nobody can tell what stood there."""
    below = Below.founded("rehearsal.bacninh.example/mat")
    below.a.clock.set(builders.at("2026-10-13 09:00"))
    below.a.hire("nst", "ctq", "npgd")
    for number in range(ANNEXES):
        below.a.say(_classified(number, below), "nst", "ctq")
        below.a.clock.step(minutes=5)
    below.checkpoint()
    above = Above(below, level="toi-mat")
    above.mirror().take(above.opened(below.publish()))

    def follower(_log: str, reader: Reader) -> RegistryFollower:
        return RegistryFollower(cast("RecordStore", above.store), reader)

    mirrored = Mirrored(lambda _log: cast("MirrorStore", above.store), follower, above.kek)
    rows = [row for row in above.store.rows if row.stream.startswith("case/")]

    def flags(shown: list[Any]) -> list[list[str]]:
        connection = cast("Connection", _Unmarked())
        told = mirrored._told(connection, below.a.origin, "mat", shown)
        return [one.row.flags for one in told if one.row.effect]

    flagged = ["DOCUMENT_DOUBTED"]
    assert flags(rows) == [flagged] * ANNEXES
    assert flags(rows[:2] + rows[4:]) == [flagged, []]
    assert flags(rows[2:]) == [[], []]


def _classified(number: int, below: Below) -> Act:
    agency, post = builders.CAST["npgd"]
    holder = {
        "officer": builders.officer("npgd"), "agency": agency, "post": post,
        "until": "2027-06-30T17:00:00+07:00",
    }  # fmt: skip
    facts = {
        "unit": builders.an_id(f"annex {number}"), "level": "MAT", "reason": "Phu luc",
        "assigned_on": "2026-10-14", "protect_until": "2027-06-30", "first_holders": [holder],
    }  # fmt: skip
    when = below.a.clock.now()
    return an_act(
        "ClassificationAssigned", by="nst", also=["ctq"], level="mat", facts=facts,
        when=when.astimezone(builders.T0.tzinfo),
        stream=f"case/{builders.an_id('a secret case')}", act_id=builders.an_id(f"said {number}"),
        document={**builders.DOCUMENT, "date": "2019-06-04"},
    )  # fmt: skip
