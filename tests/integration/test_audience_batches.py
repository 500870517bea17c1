"""A batch of the view `audience` on a real PostgreSQL: cases that it did not touch follow too.

Steps are made here, of histories that nobody judged, so that one thing changes at a time. What must
come of it is asked of a batch that touches everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
import pytest

from ledger.regulation.case.state import StreamState, apply
from ledger.regulation.participation import principals
from ledger.regulation.registry.registry import Registry
from ledger.streams.names import stream_id
from projections.fold.shard import ALL_SHARDS
from projections.fold.step import Step
from projections.views.audience import AudienceBatch
from projections.views.base import Cursor
from tests.builders import ORIGIN, Others, Story, a_case_in, an_id, officer, signed
from tests.fixtures.postgres import Database
from tests.unit.regulation.test_audience import Entered

pytestmark = pytest.mark.postgres
LIVE: Final = 1
WHOLE: Final = 2

_ROWS: Final[LiteralString] = """
SELECT comp, who, act, via, opened, until::text FROM sec.audience WHERE gen = %s
UNION ALL
SELECT officer, who, NULL, NULL, NULL, via || since::text || until::text || rule FROM sec.members
WHERE gen = %s ORDER BY 1, 2, 3, 4, 5, 6
"""


@dataclass
class Desk:
    """Two cases and a registry, and batches over them.

    Attributes:
        cursor: As the projector.
        registry: The registry, as far as it is applied.
        stories: Cases by name.
    """

    cursor: Cursor
    registry: Registry
    stories: dict[str, Story] = field(default_factory=dict)

    def step(self, stream: StreamState, act: Any = None) -> Step:  # noqa: ANN401 - as much of one as is asked
        """A record of this stream; with an act, one that changes the registry."""
        now = max(story.now for story in self.stories.values())
        opened: Any = SimpleNamespace(registry=act is not None, act=act, recorded_at=now)
        known: Mapping[str, StreamState] = {n: s.stream for n, s in self.stories.items()}
        load: Callable[[str], StreamState] = known.__getitem__
        return Step(
            opened=opened, stream=stream, signed=None, entry=None, status="effective",
            effect=act is not None, flags=(), registry=self.registry, cases=Others(), erases={},
            taken_back={}, share=ALL_SHARDS, load=load, comp=self.comp, level="ordinary",
        )  # fmt: skip

    def comp(self, name: str) -> UUID:
        """The id of a stream."""
        return stream_id(ORIGIN, name)

    def touch(self, *names: str) -> None:
        """A batch with a record of each of these cases."""
        batch = AudienceBatch(self.cursor, LIVE)
        for name in names:
            batch.take(self.step(self.stories[name].stream))
        batch.write()

    def learn(self, name: str, facts: dict[str, Any]) -> None:
        """A batch with one record, by which the registry changes."""
        now = max(story.now for story in self.stories.values())
        version = self.registry.version + 1
        act: Any = Entered(name, an_id(f"{name} {version}"), facts, "agency/bacninh.thanhtra", now)
        batch = AudienceBatch(self.cursor, LIVE)
        batch.take(self.step(StreamState(act.stream), act))
        self.registry.apply(act, index=version, recorded_at=now)
        batch.write()

    def require_whole(self) -> None:
        """The rows are those of a batch that touches everything."""
        batch = AudienceBatch(self.cursor, WHOLE)
        founding: Any = SimpleNamespace(act="LedgerOpened", facts={})
        for story in self.stories.values():
            batch.take(self.step(story.stream))
        batch.take(self.step(StreamState("ledger"), founding))
        batch.write()
        assert self.rows(LIVE) == self.rows(WHOLE)

    def rows(self, gen: int) -> list[tuple[Any, ...]]:
        """Every row of a generation."""
        return self.cursor.execute(_ROWS, [gen, gen]).fetchall()

    def given(self, case: str, who: str) -> int:
        """How many rows of a case a principal has."""
        return sum(row[:2] == (self.comp(case), self.comp(who)) for row in self.rows(LIVE))


@pytest.fixture
def desk(database: Database) -> Iterator[Desk]:
    """A case that is handled, and another that is merged into it."""
    stays = a_case_in("VERIFYING")
    goes = Story(f"case/{an_id('a second case')}", registry=stays.registry)
    goes.then("ReportReceived")
    goes.forced("CaseMerged", facts={"surviving_case": stays.stream.name})
    stories = {story.stream.name: story for story in (stays, goes)}
    with psycopg.connect(database.admin) as connection:
        for name in stories:
            connection.execute(
                "INSERT INTO log.streams VALUES (%s, %s)", [stream_id(ORIGIN, name), name]
            )
    with psycopg.connect(database.dsn("projector")) as connection, connection.cursor() as cursor:
        made = Desk(cursor, stays.registry, stories)
        founding: Any = SimpleNamespace(act="LedgerOpened", facts={})
        batch = AudienceBatch(cursor, LIVE)
        batch.take(made.step(StreamState("ledger"), founding))
        batch.write()
        made.touch(*stories)
        yield made


def test_a_merged_case_follows_who_handles_the_other(desk: Desk) -> None:
    """participation.json, handler_of: its record moves no row of the merged case by itself."""
    stays, goes = desk.stories
    transfer = desk.stories[stays].act(
        "CaseCustodyTransferred", by="cv", also=["yt"], facts={"to_agency": "bacninh.syt"}
    )
    assert desk.given(goes, principals.agency("bacninh.syt")) == 0
    for statement in signed(transfer, desk.stories[stays].stream):
        apply(desk.stories[stays].stream, statement)
    desk.touch(stays)
    assert desk.given(goes, principals.agency("bacninh.syt")) == 1
    desk.require_whole()


def test_an_order_reaches_cases_not_touched_and_leaves_them_when_revoked(
    desk: Desk,
) -> None:
    """access.md A9: by the day they were taken in, also what agencies hold that others succeed."""
    stays, _ = desk.stories
    until = (desk.stories[stays].now + timedelta(days=30)).isoformat(timespec="seconds")
    readers = [
        {"officer": officer("tra"), "agency": "bacninh.thanhtra", "until": until},
        {"officer": officer("btg"), "agency": "bacninh.btg", "until": until},
    ]
    facts = {"readers": readers, "agencies": ["bacninh.stttt"]}
    facts |= {"period_from": "2024-06-01", "period_to": "2024-07-31"}
    desk.learn("InspectionOrdered", facts)
    order = desk.registry.grants()[-1].act_id
    left = {one["officer"] for one in readers}
    while True:
        for reader in (officer("tra"), officer("btg")):
            given = desk.given(stays, principals.order(order, reader, "bacninh.stttt"))
            assert (given > 0) is (reader in left)
        desk.require_whole()
        if not left:
            break
        desk.learn("ParticipationRevoked", {"grant": order, "officer": left.pop()})


@pytest.mark.parametrize("named", [True, False])
def test_an_order_shows_its_reader_no_case_they_took_part_in(desk: Desk, *, named: bool) -> None:
    """access.md S7: those that the batch did not touch too, and by an id that is linked later."""
    stays, goes = desk.stories
    case = desk.stories[stays]
    asked = case.act("VerificationRequested", by="cv", also=["tp"])
    for statement in signed(asked, case.stream):
        apply(case.stream, statement)
    desk.touch(stays)
    until = (case.now + timedelta(days=30)).isoformat(timespec="seconds")
    readers = [
        {"officer": officer(alias), "agency": "bacninh.thanhtra", "until": until}
        for alias in ("tra", "tp")
    ]
    reached: dict[str, Any] = {"cases": [stays, goes]} if named else {"agencies": ["bacninh.stttt"]}
    desk.learn("InspectionOrdered", {
        "readers": readers, "period_from": "2024-06-01", "period_to": "2024-07-31", **reached,
    })  # fmt: skip
    order = desk.registry.grants()[-1].act_id

    def shown(alias: str) -> bool:
        what = stays if named else "bacninh.stttt"
        return desk.given(stays, principals.order(order, officer(alias), what)) > 0

    desk.require_whole()
    assert shown("tra")
    assert not shown("tp")
    link = {"agency": "bacninh.stttt", "post": "van-thu", "capacities": [], "basis_document": "QĐ",
            "powers": [], "valid_from": "2024-01-01", "person": an_id("one person")}  # fmt: skip
    for alias in ("tra", "cv"):
        desk.learn("OfficerAppointed", link | {"officer": officer(alias)})
        desk.require_whole()
    assert not shown("tra")
    desk.learn("OfficerAppointed", link | {"officer": officer("cv"), "person": an_id("another")})
    desk.require_whole()
    assert shown("tra")


def test_an_order_of_another_period_reaches_nothing(desk: Desk) -> None:
    """Cases are of the period by the day of their intake."""
    until = "2024-12-31T00:00:00+07:00"
    facts = {
        "readers": [{"officer": officer("tra"), "agency": "bacninh.thanhtra", "until": until}],
        "agencies": ["bacninh.stttt"],
    }
    before = {row[1] for row in desk.rows(LIVE)}
    desk.learn(
        "InspectionOrdered", facts | {"period_from": "2023-01-01", "period_to": "2023-12-31"}
    )
    order = desk.registry.grants()[-1].act_id
    named = {desk.comp(principals.order(order, officer("tra"), "bacninh.stttt"))}
    assert {row[1] for row in desk.rows(LIVE)} - before == named, "of the officer alone"
    desk.require_whole()


@pytest.mark.parametrize("powers", [[], ["VAULT_KEEPER"]], ids=["a post", "a vault"])
def test_a_post_changes_rows_of_others_where_they_stood_in(desk: Desk, powers: list[str]) -> None:
    """participation.json, post: the lead's keeper stands in until an agency has one of its own."""
    post = {"officer": officer("ytcv"), "agency": "bacninh.syt", "post": "van-thu"}
    desk.learn("OfficerAppointed", post | {
        "capacities": [], "powers": powers, "valid_from": "2024-01-01", "basis_document": "QĐ",
    })  # fmt: skip
    desk.require_whole()
    desk.learn("OfficerEnded", post | {"keys_end": False, "ended_on": "2024-06-01"})
    desk.require_whole()


def test_exclusion_reaches_an_id_that_is_linked_later(desk: Desk) -> None:
    """It is of the natural person, whatever the registry learns when."""
    stays, _ = desk.stories
    link = {"agency": "bacninh.stttt", "post": "van-thu", "capacities": [], "basis_document": "QĐ"}
    link |= {"valid_from": "2024-01-01", "person": an_id("one person")}
    desk.learn("OfficerAppointed", link | {"officer": officer("cv2")})
    desk.stories[stays].then("ParticipationExcluded", facts={"officer": officer("cv2")})
    desk.touch(stays)
    desk.learn("OfficerAppointed", link | {"officer": officer("ytcv")})
    shut = desk.cursor.execute("SELECT officer FROM sec.excluded WHERE gen = %s", [LIVE]).fetchall()
    assert {row[0] for row in shut} == {UUID(officer("cv2")), UUID(officer("ytcv"))}
