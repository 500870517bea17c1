"""The projection loop on a real PostgreSQL.

Any batch, any restart, any rebuild gives the same rows; poison stops visibly.
"""

from __future__ import annotations

import math
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any, LiteralString
from uuid import UUID

import orjson
import psycopg
import pytest
from psycopg import sql

from api.ops.embedded_postgres import Embedded
from keys import envelope_encryption
from ledger.ports import StoredRecord
from ledger.postgres.connect import Hung, Pool, connect
from ledger.postgres.records import PostgresRecords
from ledger.postgres.ticketed import Ticketed
from ledger.regulation.acts.json_shape import fmt_time
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.decide import raised
from ledger.streams.event import Event as LogEvent
from ledger.streams.names import stream_id
from ledger.streams.record_reader import Reader
from ledger.streams.stream import Stream
from ledger.write.registry_follower import RegistryFollower
from projections.checks.rebuild_comparison import compare
from projections.engine import generations
from projections.engine.last_holder import LastHolder
from projections.engine.projector import AHEAD_S, HUNG_BUILD_S, Projector
from projections.fold.step import Step
from projections.queries import registry_as_of as registries
from projections.queries.cases import stored_case_file
from projections.queries.queries import Queries
from projections.views.all_views import VIEWS
from projections.views.base import Connection, View
from tests.attacks import attack
from tests.fixtures.postgres import Database, install_database
from tests.fixtures.projected import projected, reader_of, whole
from tests.memory_log import ORIGIN
from tests.played_log import PlayedLog, played
from tests.processes import stopped
from tests.waiting import until

pytestmark = pytest.mark.postgres

ROWS = (
    "acts", "case_file", "tasks", "counted", "marks",
)  # fmt: skip


class Streams(PostgresRecords):
    """Records that remember which were asked for.

    Attributes:
        asked: Ids of streams, in turn.
        sections: First index and most records of sections, in turn.
    """

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self.asked: list[UUID] = []
        self.sections: list[tuple[int, int]] = []

    def read(self, start: int, limit: int) -> Sequence[StoredRecord]:
        """As stored."""
        self.sections.append((start, limit))
        return super().read(start, limit)

    def stream(self, stream_id: UUID, after_seq: int = 0) -> Iterator[StoredRecord]:
        """As stored."""
        self.asked.append(stream_id)
        return super().stream(stream_id, after_seq)


@dataclass
class Bench:
    """A database with a scenario in it, and a projector over it."""

    database: Database
    played: PlayedLog
    _whole: Ticketed = field(init=False)

    def __post_init__(self) -> None:
        self._whole = whole(self.database)

    def projector(
        self,
        batch: int = 500,
        views: Sequence[View] = VIEWS,
        ahead_s: float = AHEAD_S,
        home: Path | None = None,
    ) -> Projector:
        """A projector of its own process."""
        last = None if home is None else LastHolder(home / "holder")
        records = self.records()
        reader = Reader(records, self.played.log.kek, ORIGIN)
        return Projector(
            self.connect, records, reader, origin=ORIGIN, batch=batch, views=views,
            ahead_s=ahead_s, last=last,
        )  # fmt: skip

    def fold_all(self) -> int:
        """Has every view folded by another process; the position reached."""
        projector = self.projector()
        try:
            return projector.catch_up()
        finally:
            projector.close()

    def records(self) -> Streams:
        """As the projector reads them."""
        return Streams(self.database.pool("projector"))

    def positions(self) -> dict[str, int]:
        """How far each view is folded."""
        with self.connect() as connection:
            return {one.view: one.position for one in generations.states(connection)}

    def connect(self) -> Connection:
        """As the projector."""
        return psycopg.connect(self.database.dsn("projector"), autocommit=True)

    def reading(self) -> AbstractContextManager[Connection]:
        """As somebody who sees the whole level."""
        return self._whole.connection()

    @property
    def queries(self) -> Queries:
        """The reading side."""
        return reader_of(self.database, self.played)

    def audience_rows(self) -> list[tuple[Any, ...]]:
        """Who takes part in which case."""
        with self.connect() as connection:
            return connection.execute("SELECT a::text FROM sec.audience a ORDER BY 1").fetchall()

    def rows(self) -> dict[str, list[str]]:
        """Every row of every live view, without its generation."""
        found: dict[str, list[str]] = {}
        with psycopg.connect(self.database.admin) as connection:
            for table in ROWS:
                query = sql.SQL(
                    "SELECT (to_jsonb(t) - 'gen')::text FROM proj.{} t WHERE gen IN"
                    " (SELECT gen FROM proj.views WHERE state = 'live') ORDER BY 1"
                ).format(sql.Identifier(table))
                found[table] = [row[0] for row in connection.execute(query).fetchall()]
        return found

    def compared(self) -> list[Any]:
        """Differences between the views and a fresh fold."""
        records = PostgresRecords(self.database.pool("projector"))
        reader = Reader(records, self.played.log.kek, ORIGIN)
        with self.connect() as connection:
            return compare(connection, records, reader, origin=ORIGIN)


@pytest.fixture
def bench(database: Database) -> Bench:
    """SC1 in a database, nothing projected yet."""
    made = Bench(database, played("SC1"))
    made.played.fill(database.admin)
    return made


@pytest.fixture
def folded(postgres_server: Embedded) -> Iterator[Bench]:
    """SC1, and every view of it folded by another process."""
    made = Bench(projected(postgres_server, "SC1"), played("SC1"))
    yield made
    made.database.close()


def test_views_hold_what_the_scenario_ends_with(bench: Bench) -> None:
    """The row read over SQL is the case file that the pure fold gives."""
    projector = bench.projector()
    assert projector.catch_up() == len(bench.played.log.rows) - 1
    projector.close()
    player = bench.played.player
    stream = player.cases["C1"]
    with bench.reading() as connection:
        row = stored_case_file.stored(connection, stream)
    assert row is not None
    assert player.now is not None
    seen = orjson.loads(bench.queries.case.file(stream, player.now)[1])
    expected = player.final("C1")
    assert (seen["state"], seen["outcome"]) == (expected["state"], expected["outcome"])
    assert seen["statements"] == expected["statements"]
    assert sorted(f["code"] for f in seen["flags"]) == sorted(f["code"] for f in expected["flags"])
    assert len(seen["open_sub_processes"]) == len(expected["open_sub_processes"])


@pytest.mark.parametrize("batch", [pytest.param(1, marks=pytest.mark.soak), 7])
def test_any_batch_gives_the_same_rows(folded: Bench, batch: int) -> None:
    """How the log was cut into batches must not show."""
    expected = folded.rows()
    for view in VIEWS:
        with folded.connect() as connection:
            generations.ask_rebuild(connection, view.name, 0)
    again = folded.projector(batch=batch)
    again.catch_up()
    again.close()
    assert {t: len(r) for t, r in expected.items()} == {t: len(r) for t, r in folded.rows().items()}
    assert folded.rows() == expected
    assert folded.compared() == []


@pytest.mark.parametrize("batch", [pytest.param(1, marks=pytest.mark.soak), 500])
def test_a_restated_report_ends_the_task(database: Database, batch: int) -> None:
    """Article 9: the task to restate stands until the report that restates the case."""
    bench = Bench(database, played("SC10"))
    programme = bench.played.player.streams["programme/2023"]
    restated = programme.effective("StatisticsSubmitted")[-1].effect
    assert restated is not None
    assert restated.index is not None
    waiting = []
    start = 0
    for end in (restated.index, restated.index + 1):
        bench.played.fill(database.admin, start=start, end=end)
        projector = bench.projector(batch=batch)
        projector.catch_up()
        projector.close()
        assert bench.compared() == []
        waiting.append([row for row in bench.rows()["tasks"] if "STATISTICS_RESTATE" in row])
        start = end
    assert waiting[0]
    assert not waiting[1]


def test_a_report_that_restates_another_one_ends_no_task(database: Database) -> None:
    """Article 9: to be named beside the wrong report is not to be restated."""
    bench = Bench(database, played("SC10"))
    log = bench.played.log
    restating = next(
        index
        for index, said in enumerate(log.statements)
        if said.members["act"] == "StatisticsSubmitted" and "restates" in said.members["facts"]
    )
    told = dict(log.statements[restating].members)
    del log.rows[restating:], log.statements[restating:]
    last = [said for said in log.statements if said.members["stream"] == told["stream"]][-1]
    log.heads[told["stream"]] = (last.seq, last.digest_b64)
    author = {"officer": log.registrar.uuid, "post": log.registrar.post, "role": "AUTHOR"}
    told |= {
        "act_id": log.uuid(),
        "facts": told["facts"] | {"restates": log.uuid()},
        "signers": [author],
    }
    log.sign(told, log.registrar)
    bench.played.fill(database.admin)
    projector = bench.projector()
    projector.catch_up()
    projector.close()
    assert [row for row in bench.rows()["tasks"] if "STATISTICS_RESTATE" in row]
    assert bench.compared() == []


@pytest.mark.drill
def test_a_restart_after_every_batch_gives_the_same_rows(bench: Bench) -> None:
    """Nothing lives in memory that the tables and the log do not give back."""
    whole = bench.projector()
    whole.catch_up()
    whole.close()
    expected = bench.rows()
    for view in VIEWS:
        with bench.connect() as connection:
            generations.ask_rebuild(connection, view.name, 0)
    begun = 0
    while True:
        once = bench.projector(batch=40)
        worked = once.advance()
        once.close()
        if not worked:
            break
        begun += 1
    assert begun > len(VIEWS)
    assert bench.rows() == expected


def test_the_audience_is_folded_before_anything_else_is(bench: Bench) -> None:
    """What is shown waits for it: else a flood makes it twice as late."""
    end = len(bench.played.log.rows) - 1
    patient = bench.projector(batch=5, ahead_s=math.inf)
    turns = 0
    while bench.positions()["audience"] < end:
        assert patient.advance()
        turns += 1
        stood = bench.positions()
        if stood["audience"] < end:
            assert {stood[name] for name in stood if name != "audience"} == {-1}
    patient.close()
    assert turns > 2
    assert bench.fold_all() == end


def test_a_record_that_comes_alone_costs_few_statements(database: Database) -> None:
    """Each is a way there and back, and under a steady load most batches are short."""
    bench, asked = Bench(database, played("SC1")), list[str]()

    class Counting(psycopg.Cursor[tuple[Any, ...]]):
        def execute(self, query: Any, *more: Any, **named: Any) -> Counting:  # noqa: ANN401
            asked.append(str(query))
            super().execute(query, *more, **named)
            return self

    def connect() -> Connection:
        connection = bench.connect()
        connection.cursor_factory = Counting
        return connection

    last = len(bench.played.log.rows) - 1
    assert bench.played.log.statements[last].members["stream"].startswith("case/")
    bench.played.fill(database.admin, end=last)
    records = bench.records()
    reader = Reader(records, bench.played.log.kek, ORIGIN)
    projector = Projector(connect, records, reader, origin=ORIGIN)
    projector.catch_up()
    bench.played.fill(database.admin, start=last)
    asked.clear()
    records.sections.clear()
    assert projector.advance()
    assert set(bench.positions().values()) == {last}
    assert len(asked) <= 16, "\n".join(asked)
    assert records.sections == [(last, 1)]  # opened once, for the audience and the others
    projector.close()


def test_a_look_back_judges_each_record_once_and_opens_none_that_stands(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on beside whoever waits for a proof, so that what it costs is waited for, too.

    What is folded for who takes part and what is folded for the other views are two folds, and the
    rules say the same of a record to both.
    """
    judged, opened = Counter[int](), list[int]()
    settled, open_state = RegistryFollower.settled, envelope_encryption.open_state

    def count(self: RegistryFollower, stream: Stream, event: LogEvent) -> LogEvent:
        judged.update(() if event.index is None else (event.index,))
        return settled(self, stream, event)

    def note(*args: Any, **named: Any) -> bytes:  # noqa: ANN401 - as what it stands for
        opened.append(named["seq"])
        return open_state(*args, **named)

    monkeypatch.setattr(RegistryFollower, "settled", count)
    records = bench.records()
    reader = Reader(records, bench.played.log.kek, ORIGIN)
    projector = Projector(bench.connect, records, reader, origin=ORIGIN)
    projector.catch_up()
    before = judged.total()
    records.asked.clear()
    monkeypatch.setattr(envelope_encryption, "open_state", note)
    while projector.look_back():
        pass
    projector.close()
    with bench.reading() as connection:
        cases = connection.execute(
            "SELECT index, name FROM log.records JOIN log.streams USING (stream_id)"
            " WHERE starts_with(name, 'case/')"
        ).fetchall()
    assert {index: judged[index] for index, _ in cases} == {index: 1 for index, _ in cases}
    assert len(opened) == judged.total() - before > 0
    assert not set(records.asked) & {stream_id(ORIGIN, name) for _, name in cases}


def test_a_flood_does_not_stop_the_other_views(bench: Bench) -> None:
    """They have their turn in between."""
    projector = bench.projector(batch=5, ahead_s=0)
    assert projector.advance()
    projector.close()
    assert set(bench.positions().values()) == {4}


@attack(
    "a stolen writer's login appends noise to case after case, so that the audience falls behind"
    " and nobody is shown anything",
    stopped_by="noise has no case folded for it",
    noticed_by="log audit",
)
def test_noise_has_no_case_folded_for_who_takes_part(folded: Bench) -> None:
    """It gives nobody anything: nothing of the case need be known, however long it is."""
    log, case = folded.played.log, folded.played.player.cases["C1"]
    row = [row for row in log.rows if row.name == case][-1]
    comp, before = UUID(bytes=row.stream_id), folded.audience_rows()
    log.rows += [
        row._replace(
            at=len(log.rows) + n, seq=row.seq + 1 + n, act_id=UUID(int=n).bytes, author=True,
            entry=bytes(31) + bytes([n]), state=b"\1" + bytes(600),
        )
        for n in range(3)
    ]  # fmt: skip
    folded.played.fill(folded.database.admin, start=len(log.rows) - 3)
    records = folded.records()
    reader = Reader(records, log.kek, ORIGIN)
    views = [view for view in VIEWS if view.name == "audience"]
    follower = RegistryFollower(records, reader)
    follower.catch_up()  # which reads the case too: it holds a grant
    records.asked.clear()
    projector = Projector(
        folded.connect, records, reader, origin=ORIGIN, views=views, follower=follower
    )
    projector.catch_up()
    projector.close()
    assert folded.positions()["audience"] == len(log.rows) - 1
    assert comp not in records.asked
    assert folded.audience_rows() == before
    assert folded.fold_all() == len(log.rows) - 1
    assert folded.compared() == []


def test_rebuild_is_read_only_when_it_is_whole(folded: Bench) -> None:
    """No reader sees half a view, and none waits."""
    projector = folded.projector(batch=5)
    stream = folded.played.player.cases["C1"]
    seen: list[tuple[str, int, int]] = []

    def look(view: str, done: int, total: int) -> None:
        seen.append((view, done, total))
        with folded.reading() as connection:
            connection.execute("SET LOCAL statement_timeout = '60s'")  # else for ever
            assert stored_case_file.stored(connection, stream) is not None

    projector.rebuild("case_file", look)
    projector.catch_up()
    projector.close()
    assert len(seen) > 5
    assert folded.compared() == []
    with folded.connect() as connection:
        gens = [s.gen for s in generations.states(connection) if s.view == "case_file"]
    assert gens == [2]


def test_a_rebuild_that_was_broken_off_goes_on_by_the_same_command(folded: Bench) -> None:
    """Ctrl-C in its middle: it was refused from then on, as being under way."""

    def broken_off(_view: str, done: int, _total: int) -> None:
        if done > 5:
            raise KeyboardInterrupt

    with closing(folded.projector(batch=5)) as projector, pytest.raises(KeyboardInterrupt):
        projector.rebuild("acts", broken_off)
    begins: list[int] = []
    with closing(folded.projector(batch=5)) as projector:
        projector.rebuild("acts", lambda _view, done, _total: begins.append(done))
        projector.catch_up()
    assert begins[0] > 5
    assert folded.compared() == []
    with folded.connect() as connection:
        gens = [(s.gen, s.state) for s in generations.states(connection) if s.view == "acts"]
    assert gens == [(2, "live")]


def test_a_second_rebuild_of_the_same_view_is_refused(folded: Bench) -> None:
    """Two at once would race for the switch."""
    with folded.connect() as connection:
        generations.ask_rebuild(connection, "acts", 0)
        with pytest.raises(LookupError, match="under way"):
            generations.ask_rebuild(connection, "acts", 0)
        with pytest.raises(LookupError, match="no such view"):
            generations.ask_rebuild(connection, "nothing", 0)


class Poisoned:
    """A view that cannot take one record."""

    name = "worklist"
    schema = "proj"
    tables = ("tasks",)
    flags = False

    def __init__(self, at: int, error: type[Exception] = ValueError) -> None:
        self.at, self.error = at, error

    def batch(self, _cursor: object, _gen: int) -> Poisoned:
        """Itself."""
        return self

    def take(self, step: Step) -> None:
        """Fails at its record."""
        if step.opened.index == self.at:
            raise self.error("a record nobody foresaw")

    def write(self) -> None:
        """Nothing."""


def test_a_rebuild_raises_flags_for_who_asks_for_them(
    folded: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are a quarter of what a fold costs; whoever keeps all views asks for all."""
    asked: list[GuardInput] = []

    def counted(q: GuardInput) -> tuple[str, ...]:
        asked.append(q)
        return raised(q)

    monkeypatch.setattr("projections.fold.fold.raised", counted)
    expected, projector = folded.rows(), folded.projector()
    told: dict[str, bool] = {}
    for view in VIEWS:
        asked.clear()
        projector.rebuild(view.name)
        told[view.name] = bool(asked)
        projector.catch_up()
    projector.close()
    assert told == {view.name: view.flags for view in VIEWS}
    assert [name for name, some in told.items() if some] == ["acts", "case_file", "statistics"]
    assert folded.rows() == expected
    assert folded.compared() == []


def test_a_poisoned_record_stops_one_view_and_says_where(bench: Bench) -> None:
    """Never silently, and never the others; a program that can fold it builds the view anew."""
    others = [view for view in VIEWS if view.name != "worklist"]
    projector = bench.projector(views=(*others, Poisoned(20)))
    projector.catch_up()
    projector.close()
    states = {s.view: s for s in bench.queries.positions.status()}
    assert states["worklist"].position == 19
    assert states["worklist"].error_at == 20
    assert (states["worklist"].error or "").startswith("ValueError at test_projections.py:")
    last = len(bench.played.log.rows) - 1
    assert {s.position for s in states.values() if s.view != "worklist"} == {last}
    healed = bench.projector()
    healed.rebuild("worklist")
    healed.catch_up()
    healed.close()
    assert {s.position for s in bench.queries.positions.status()} == {last}


def test_memory_that_is_short_stops_no_view(bench: Bench) -> None:
    """It is no record's fault: the process ends where even one is too much; the next goes on."""
    others = [view for view in VIEWS if view.name != "worklist"]
    projector = bench.projector(views=(*others, Poisoned(20, MemoryError)))
    with pytest.raises(MemoryError):
        projector.catch_up()
    projector.close()
    (state,) = [s for s in bench.queries.positions.status() if s.view == "worklist"]
    assert (state.position, state.error_at) == (19, None)
    with closing(bench.projector()) as after:
        after.catch_up()
    assert bench.compared() == []


def test_a_connection_that_may_hang_is_made_anew_before_it_is_asked(
    folded: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where another one of this process was not answered: none is waited for that long again."""
    dsn = folded.database.dsn("projector")
    monkeypatch.setattr(folded, "connect", lambda: connect(dsn, hung_after_s=60))
    with closing(folded.projector()) as projector, connect(dsn, hung_after_s=0.2) as other:
        projector.advance()
        had = projector._connection
        assert had is not None
        projector.advance()
        assert projector._connection is had
        with stopped(other.info.backend_pid), pytest.raises(Hung):
            other.execute("SELECT 1")
        projector.advance()
        assert had.closed
        assert projector._connection is not had


def test_what_nobody_reads_yet_may_take_the_server_longer(
    folded: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A generation is built of more at once than what readers wait for."""
    dsn, waits, build_on = folded.database.dsn("projector"), list[float](), Projector._build_on

    def noted(self: Projector, connection: Connection, *of: Any) -> None:  # noqa: ANN401
        waits.append(connection.hung_after_s)  # type: ignore[attr-defined]
        build_on(self, connection, *of)

    monkeypatch.setattr(folded, "connect", lambda: connect(dsn, hung_after_s=8))
    monkeypatch.setattr(Projector, "_build_on", noted)
    with closing(folded.projector(batch=5)) as projector:
        projector.rebuild("acts")
        assert set(waits) == {HUNG_BUILD_S}
        assert projector._connection is not None
        assert projector._connection.hung_after_s == 8  # type: ignore[attr-defined]


@pytest.mark.parametrize("served", [True, False])
def test_a_rebuild_that_was_stopped_is_begun_anew(folded: Bench, served: bool) -> None:  # noqa: FBT001
    """Whoever watched it was gone: it was under way for ever, or told of what was mended since."""
    others = [view for view in VIEWS if view.name != "worklist"]
    with folded.connect() as connection:
        generations.ask_rebuild(connection, "worklist", 0)
        with closing(folded.projector(views=(*others, Poisoned(20)))) as projector:
            projector.catch_up()
        (stopped,) = [s for s in generations.states(connection) if s.state == "building"]
        assert (stopped.error_at, stopped.gen) == (20, 2)
        if served:
            assert generations.ask_rebuild(connection, "worklist", 0) == 3
        with closing(folded.projector()) as healed:
            if not served:
                healed.rebuild("worklist")
            healed.catch_up()
        gens = [(s.gen, s.state) for s in generations.states(connection) if s.view == "worklist"]
    assert gens == [(3, "live")]
    assert folded.compared() == []


def test_why_a_view_stopped_quotes_no_act(bench: Bench) -> None:
    """The database names the row it refuses, all of it; whoever operates may not read acts."""
    with psycopg.connect(bench.database.admin) as connection:
        connection.execute("ALTER TABLE proj.case_file ADD CONSTRAINT never CHECK (seq < 1)")
        connection.execute("ALTER TABLE proj.acts ADD CONSTRAINT never CHECK (seq > 99)")
    projector = bench.projector()
    projector.catch_up()
    projector.close()
    told = {s.view: s.error for s in bench.queries.positions.status()}
    assert told["case_file"] == "CheckViolation case_file never"
    assert told["acts"] == "CheckViolation acts never"


def test_a_record_that_does_not_open_is_shown_as_such_and_stops_no_view(bench: Bench) -> None:
    """Damage is shown where it is, and what hangs on it; all else is read (formats.md §3)."""
    told = bench.played.log.statements
    at = next(
        n for n, one in enumerate(told) if one.seq == 3 and one.members["stream"][:5] == "case/"
    )
    with psycopg.connect(bench.database.admin) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "UPDATE log.records SET state = set_byte(state, 40, get_byte(state, 40) # 1)"
            " WHERE index = %s",
            [at],
        )
    projector = bench.projector()
    projector.catch_up()
    projector.close()
    states = bench.queries.positions.status()
    assert {(s.position, s.error_at) for s in states} == {(len(bench.played.log.rows) - 1, None)}
    with bench.connect() as connection:
        shown = connection.execute(
            "SELECT index, act, payload FROM proj.acts WHERE status = 'set_aside' ORDER BY index"
        ).fetchall()
    case = told[at].members["stream"]
    hanging = [n for n, one in enumerate(told) if n >= at and one.members["stream"] == case]
    assert shown == [(n, None, None) for n in hanging]


def test_a_view_that_this_program_does_not_know_goes(folded: Bench) -> None:
    """After an upgrade nothing is read, or waited for, that nobody writes any more."""
    with psycopg.connect(folded.database.admin, autocommit=True) as connection:
        connection.execute("INSERT INTO proj.views VALUES ('gone', 1, 'live', 'x', 5)")
        connection.execute("CREATE TABLE proj.gone (gen smallint)")
        connection.execute(f"ALTER TABLE proj.gone OWNER TO {folded.database.slug}_views")
        folded.database.install()
        assert {s.view for s in generations.states(connection)} == {v.name for v in VIEWS}
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT FROM proj.gone")


def test_a_view_that_is_not_there_or_past_the_log_is_named(folded: Bench) -> None:
    """Who owns the views can take one away, or say that it knows what is not recorded yet."""
    with folded.connect() as connection:
        connection.execute("DELETE FROM proj.views WHERE view = 'acts'")
        connection.execute("UPDATE proj.views SET position = 2 ^ 60 WHERE view = 'worklist'")
        connection.execute("UPDATE proj.case_file SET state = 'ARCHIVED'")
        connection.execute("UPDATE proj.views SET error = 'x' WHERE view = 'case_file'")
    found = {(d.view, d.table, d.where) for d in folded.compared()}
    assert {("acts", "views", "missing"), ("worklist", "views", "beyond")} <= found
    assert ("case_file", "case_file", "extra") in found


@pytest.mark.parametrize(
    "harm",
    [
        "CREATE POLICY blind ON proj.case_file AS RESTRICTIVE USING (stream = '')",
        """ALTER TABLE proj.case_file RENAME TO rest;
        CREATE VIEW proj.case_file AS SELECT * FROM proj.rest WHERE current_user LIKE '%projector'
        """,
        """CREATE FUNCTION proj.lie() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.state := 'ARCHIVED'; RETURN NEW; END $$;
        CREATE TRIGGER lie BEFORE INSERT ON proj.case_file FOR EACH ROW EXECUTE FUNCTION proj.lie();
        UPDATE proj.case_file SET state = 'ARCHIVED'""",
        "CREATE TABLE proj.more () INHERITS (proj.case_file)",
        """CREATE COLLATION proj.blind (locale = 'C');
        ALTER TABLE proj.case_file ALTER state TYPE text COLLATE proj.blind""",
    ],
    ids=["policy", "view", "trigger", "child", "collation"],
)
def test_a_table_that_shows_each_login_other_rows_is_named(
    folded: Bench, harm: LiteralString
) -> None:
    """Who owns the views can have them tell the audit the truth and readers something else."""
    with psycopg.connect(folded.database.admin) as connection:
        connection.execute(harm)
    assert "case_file" in {d.table for d in folded.compared() if d.where == "altered"}
    assert "case_file" in folded.queries.positions.altered()


def test_a_function_of_somebodys_own_answers_no_audit(postgres_server: Embedded) -> None:
    """A login may choose where its names are looked up; the audit looks in the catalogue alone."""
    bench = Bench(install_database(postgres_server), played("SC1"))
    bench.played.fill(bench.database.admin)
    projector = bench.projector()
    projector.catch_up()
    projector.close()
    with psycopg.connect(bench.database.admin) as connection:
        connection.execute("UPDATE proj.case_file SET state = 'ARCHIVED'")
        connection.execute(
            "CREATE FUNCTION public.none(smallint, smallint) RETURNS boolean LANGUAGE sql"
            " AS 'SELECT $1 OPERATOR(pg_catalog.=) $2 AND $1 OPERATOR(pg_catalog.>) 99'"
        )
        connection.execute(
            "CREATE OPERATOR public.="
            " (FUNCTION = public.none, LEFTARG = smallint, RIGHTARG = smallint)"
        )
        connection.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")
        connection.execute(
            f"ALTER ROLE {bench.database.slug}_projector IN DATABASE {bench.database.name}"
            " SET search_path = public, pg_catalog"
        )
    assert "case_file" in {d.table for d in bench.compared()}
    bench.database.close()


def test_one_loop_is_active_at_a_time(bench: Bench) -> None:
    """The second waits for the lease and takes over when the first is gone."""
    first, second = bench.projector(batch=10), bench.projector()
    assert first.advance()
    assert not second.advance()
    first.close()
    assert second.advance()
    second.close()


def test_the_next_loop_of_a_home_takes_the_place_of_one_that_was_killed(
    bench: Bench, tmp_path: Path
) -> None:
    """At once, as if it were the same; one that goes on all the same stands by, and spoils none."""
    first, second = (bench.projector(batch=10, home=tmp_path) for _ in range(2))
    assert first.advance()
    assert second.advance()
    assert not first.advance()
    assert second.advance()
    assert not first.advance(), "it does not take it back, though the note was its own"
    second.catch_up()
    assert not bench.compared()
    first.close()
    second.close()


def test_the_lease_of_another_homes_loop_is_waited_for(bench: Bench, tmp_path: Path) -> None:
    """Also by a home that was killed before, and by a copy of the one whose loop it is."""
    ours, others, copied = (tmp_path / name for name in ("ours", "others", "copied"))
    ours.mkdir()
    others.mkdir()
    before = bench.projector(batch=10, home=others)
    assert before.advance()
    before.close()
    first = bench.projector(batch=10, home=ours)
    assert first.advance()
    shutil.copytree(ours, copied)
    waiting = [bench.projector(home=home) for home in (others, copied)]
    assert not any(one.advance() for one in waiting)
    first.close()
    assert waiting[1].advance()
    for one in waiting:
        one.close()


def test_whoever_waits_for_the_lease_says_so_and_when_it_takes_over(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """Who exchanges projectors stops the old one behind that word, or nothing is shown."""
    stop, first, second = Event(), bench.projector(batch=10), bench.projector()
    assert first.advance()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(second.run, stop)
        try:
            until(lambda: _said(caplog) == ["stands by: another projector keeps the views"])
            assert first.advance()
            first.close()
            until(lambda: _said(caplog)[1:] == ["keeps the views"])
        finally:
            stop.set()
        running.result()


def _said(caplog: pytest.LogCaptureFixture) -> Sequence[str]:
    return [one.getMessage() for one in caplog.records if one.name == "socai.projector"]


def test_new_records_are_folded_as_they_come(folded: Bench) -> None:
    """The live loop goes on where it stood."""
    projector = folded.projector()
    log = folded.played.log
    size = len(log.rows)
    person, at = log.registrar, folded.played.player.now
    assert at is not None
    line = next(k for k in _keys(folded) if k["officer"] not in (None, person.uuid))
    log.sign(log.act("KeyRevoked", f"officer/{line['officer']}", person, facts={
        "officer": line["officer"], "kid": line["kid"], "reason": "Mất thiết bị",
        "reason_code": "LOST", "invalid_from": fmt_time(at),
    }), person)  # fmt: skip
    folded.played.fill(folded.database.admin, start=size)
    assert projector.catch_up() == size
    projector.close()
    assert folded.queries.positions.wait(size, 1.0, *(view.name for view in VIEWS)) == size
    assert line["kid"] in _revoked(folded)
    assert line["kid"] not in _revoked(folded, size - 1)
    assert folded.compared() == []


def _keys(bench: Bench, index: int | None = None) -> Sequence[Mapping[str, Any]]:
    """Keys as the registry has them, now or as of an index."""
    now = bench.played.player.now
    assert now is not None
    then = bench.queries.registries.at(index).registry
    return list(registries.keys(then, now + timedelta(days=1)))


def _revoked(bench: Bench, index: int | None = None) -> set[str]:
    return {line["kid"] for line in _keys(bench, index) if line["revoked_index"] is not None}


def test_reader_cannot_write_a_view(folded: Bench) -> None:
    """The API's login reads `proj`, no more."""
    harm: Callable[[Connection], object]
    for harm in (
        lambda c: c.execute("DELETE FROM proj.acts"),
        lambda c: c.execute("UPDATE proj.case_file SET state = 'CLOSED'"),
        lambda c: c.execute("INSERT INTO proj.tasks DEFAULT VALUES"),
    ):
        with (
            psycopg.connect(folded.database.dsn("reader"), autocommit=True) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            harm(connection)
