"""A generation built by several processes on a real PostgreSQL.

The rows are those of one process, whatever dies meanwhile; poison stops the generation visibly.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any, Final, LiteralString

import psycopg
import pytest

from api.ops.embedded_postgres import Embedded
from ledger.errors import LedgerError
from ledger.ports import StoredRecord
from ledger.postgres.records import PostgresRecords
from ledger.streams.record_reader import Reader
from ledger.write.registry_follower import RegistryFollower
from projections.engine import generations
from projections.engine.batch_transaction import BatchTransaction
from projections.engine.projector import Projector
from projections.engine.rebuild_pool import Builders
from projections.engine.rebuild_shard import partition, parts_of
from projections.engine.rebuild_worker import WorkerConfig
from projections.fold.shard import DIGITS, Shard, shares
from projections.views import acts
from projections.views.all_views import VIEWS
from projections.views.base import Cursor, View
from projections.views.case_file import CaseFiles
from projections.views.new_rows import NewRows
from tests.fixtures.postgres import Database
from tests.fixtures.projected import projected
from tests.integration.test_projections import Bench, Poisoned
from tests.memory_log import ORIGIN, unsigned
from tests.played_log import PlayedLog, insert, played

pytestmark = pytest.mark.postgres


@dataclass
class Yard(Bench):
    """A bench whose projector has builders, however short the log is."""

    def building(
        self, number: int = 2, views: Sequence[View] = VIEWS, seen: Path | None = None
    ) -> Projector:
        """A projector that shares every rebuild out; of a home that notes signatures in `seen`."""
        dsn, kek = self.database.dsn("projector"), self.played.log.kek
        records = PostgresRecords(self.database.pool("projector"))
        return Projector(
            self.connect, records, Reader(records, kek, ORIGIN), origin=ORIGIN, views=views,
            builders=Builders(WorkerConfig(dsn, kek, ORIGIN, "ordinary", seen), number, worth=1),
        )  # fmt: skip

    def caught_up(self) -> dict[str, list[str]]:
        """The rows that one process writes."""
        projector = self.projector()
        projector.catch_up()
        projector.close()
        return self.rows()

    def state(self, view: str, gen: int) -> generations.ViewState | None:
        """A generation as it stands."""
        with self.connect() as connection:
            every = generations.states(connection)
        return next((s for s in every if (s.view, s.gen) == (view, gen)), None)


class Pieces(PostgresRecords):
    """Records that count the pieces in which cases are read."""

    pieces = 0

    def cases(self, start: int, end: int, digits: str) -> Sequence[StoredRecord]:
        """As stored."""
        self.pieces += 1
        return super().cases(start, end, digits)


@pytest.fixture
def yard(postgres_server: Embedded) -> Iterator[Yard]:
    """SC1, and every view of it as one process folds it."""
    made = Yard(projected(postgres_server, "SC1"), played("SC1"))
    yield made
    made.database.close()


def test_every_stream_is_in_one_share() -> None:
    """What is written twice or never would be a row too many or too few."""
    for number in range(1, 17):
        parts = shares(number)
        assert sorted("".join(part.digits for part in parts)) == list(DIGITS)
        for stream in (
            "ledger",
            "officer/a",
            "programme/2023",
            *(f"case/…{d}" for d in f"{DIGITS}Fg/"),
        ):
            assert sum(part.owns(stream) for part in parts) == 1


@pytest.mark.parametrize(
    ("scenario", "number", "views"),
    [
        ("SC10", 2, ["audience"]),
        pytest.param("SC10", 2, [view.name for view in VIEWS], marks=pytest.mark.soak),
        pytest.param("SC11", 3, ["audience", "worklist"], marks=pytest.mark.soak),
        pytest.param("SC11", 2, [view.name for view in VIEWS], marks=pytest.mark.soak),
        pytest.param("SC1", 2, [view.name for view in VIEWS], marks=pytest.mark.soak),
    ],
    ids=lambda value: None if isinstance(value, list) else str(value),
)
def test_several_processes_write_the_rows_of_one(
    database: Database,
    scenario: str,
    number: int,
    views: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Restated reports, renamed agencies and an erased record included; who sees what, too."""
    monkeypatch.setattr("projections.engine.rebuild_pool.PART", 30)  # several parts a process
    made = Yard(database, played(scenario))
    _erase_one(made.played)
    made.played.fill(database.admin)
    expected = made.caught_up()
    assert [row for row in expected["acts"] if '"status": "erased"' in row]
    projector = made.building(number)
    for view in views:
        projector.rebuild(view)
        assert made.state(view, 2) is not None, "read now"
        with made.connect() as connection:
            assert parts_of(connection, view, 2) == []
    projector.catch_up()
    projector.close()
    assert made.rows() == expected
    assert made.compared() == []


def test_a_process_folds_its_parts_one_after_the_other(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part is as much as a fold remembers, and there are no more processes than before."""
    expected, parts, processes = yard.rows(), set[int](), set[int]()
    monkeypatch.setattr("projections.engine.rebuild_pool.PART", 5)
    projector = yard.building()

    def look(view: str, _done: int, _total: int) -> None:
        with yard.connect() as connection:
            parts.add(len(parts_of(connection, view, 2)))
        processes.add(len(_children()))

    projector.rebuild("case_file", look)
    projector.catch_up()
    projector.close()
    assert (max(parts), max(processes)) == (len(DIGITS), 2)
    assert yard.rows() == expected
    assert yard.compared() == []


def test_what_a_case_comes_to_is_written_once(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """However far apart its acts lie: a part is read piece by piece, and is one batch."""
    monkeypatch.setattr("projections.engine.batch_transaction.LARGEST", 1)
    written: list[int] = []

    def put(self: NewRows, cursor: Cursor, rows: Collection[Sequence[Any]]) -> None:
        written.append(len(rows))
        _put(self, cursor, rows)

    monkeypatch.setattr(NewRows, "put", put)
    records, kek = Pieces(yard.database.pool("projector")), yard.played.log.kek
    reader = Reader(records, kek, ORIGIN).for_folds()
    size, follower = len(yard.played.log.rows), RegistryFollower(records, reader)
    with yard.connect() as connection:
        generations.ask_rebuild(connection, "case_file", size)
        partition(connection, "case_file", 2, 2, size)
        for part in parts_of(connection, "case_file", 2):
            group = BatchTransaction(
                {"case_file": CaseFiles()}, records, reader, origin=ORIGIN, level="ordinary",
                most=2 * size, follower=follower, share=Shard(part.digits),
            )  # fmt: skip
            assert group.advance(connection, [part], size) == size
            assert group.let_go() > 0
        assert all(part.done for part in parts_of(connection, "case_file", 2))
    assert records.pieces > size // 16
    assert sum(written) == len(yard.rows()["case_file"])
    projector = yard.building()
    projector.catch_up()
    projector.close()
    assert yard.compared() == []


def test_a_timeline_written_piece_by_piece_is_the_same(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an act of the same batch erases is there to be erased."""
    made = Yard(database, played("SC1"))
    _erase_one(made.played)
    made.played.fill(database.admin)
    expected = made.caught_up()
    monkeypatch.setattr("projections.views.acts.AT_ONCE", 2)
    projector = made.projector()
    projector.rebuild("acts")
    projector.catch_up()
    projector.close()
    state = made.state("acts", 2)
    assert state is not None
    assert state.state == "live"
    assert made.rows() == expected


def test_processes_go_by_what_their_home_has_checked_and_by_nothing_else(
    database: Database, tmp_path: Path
) -> None:
    """Each notes the cases of its parts; what lies there since, signed by nobody, is not shown."""
    made = Yard(database, played("SC1"))
    log = made.played.log
    made.played.fill(database.admin)
    expected = made.caught_up()
    projector = made.building(seen=tmp_path)
    for view in ("acts", "case_file"):  # checked and noted by the first, known to the second
        projector.rebuild(view)
    projector.catch_up()
    assert made.rows() == expected
    (file,) = tmp_path.iterdir()
    notes = file.read_bytes()
    cases = [row for row in log.rows if (row.name or "").startswith("case/")]
    assert all(notes[32 * row.at : 32 * row.at + 32] == row.entry for row in cases)

    at = cases[3].at
    log.exchange(at, unsigned(log.statements[at]))
    with psycopg.connect(database.admin) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM log.wraps")
        connection.execute("DELETE FROM log.records")
        insert(connection, log.rows, log.kek)
    projector.rebuild("acts")
    projector.catch_up()
    projector.close()
    (row,) = [row for row in made.rows()["acts"] if f'"index": {at},' in row]
    assert '"status": "set_aside"' in row


def test_a_forged_name_hides_nothing(database: Database) -> None:
    """A writer taken over names a case in upper case: a view has it, however it is built."""
    made = Yard(database, played("SC1"))
    log, stream = made.played.log, "case/90551A4E-F980-4AC6-B51A-16ECAFCC83FA"
    log.sign(log.act("ReportReceived", stream, log.registrar), log.registrar)
    made.played.fill(database.admin)
    expected = made.caught_up()
    assert len(expected["acts"]) == len(log.rows)
    projector = made.building()
    projector.rebuild("acts")
    projector.catch_up()
    projector.close()
    assert made.rows() == expected
    assert made.compared() == []


@pytest.mark.drill
@pytest.mark.parametrize("number", [0, 2])
def test_a_restart_brings_nothing_erased_back(database: Database, number: int) -> None:
    """The key of an erased record may outlive the act that erases it; its content does not."""
    made = Yard(database, played("SC1"))
    _erase_one(made.played)
    made.played.fill(database.admin)
    made.caught_up()
    log, size = made.played.log, len(made.played.log.rows)
    facts = {"mark": "CORRECTED"}
    stream = next(iter(made.played.player.cases.values()))
    log.sign(log.act("RecordCorrected", stream, log.registrar, facts=facts), log.registrar)
    made.played.fill(database.admin, start=size)
    made.caught_up()  # a process that has not seen the erasure
    assert made.compared() == []
    if number:
        projector = made.building(number)
        projector.rebuild("case_file")
        projector.close()
        assert made.compared() == []


@pytest.mark.drill
def test_what_is_recorded_during_a_rebuild_is_in_it(database: Database) -> None:
    """The parts end where the log ended when they began; the loop folds the rest."""
    made = Yard(database, played("SC1"))
    size = len(made.played.log.rows)
    made.played.fill(database.admin, end=size - 5)
    made.caught_up()
    projector = made.building()
    grown: list[int] = []

    def grow(_view: str, done: int, _total: int) -> None:
        if done and not grown:
            made.played.fill(database.admin, start=size - 5)
            grown.append(done)

    projector.rebuild("case_file", grow)
    projector.catch_up()
    projector.close()
    assert grown
    assert made.compared() == []


def _killed(pids: list[int]) -> None:
    os.kill(pids[0], signal.SIGKILL)


def _all_killed(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("harm", [_killed, pytest.param(_all_killed, marks=pytest.mark.soak)])
def test_a_process_that_dies_is_followed_by_another(
    yard: Yard, harm: Callable[[list[int]], None]
) -> None:
    """It goes on where the dead one had committed."""
    expected = yard.rows()
    projector = yard.building()
    harmed: list[int] = []

    def look(_view: str, _done: int, _total: int) -> None:
        pids = _children()
        if pids and not harmed:
            harmed.extend(pids)
            harm(pids)

    projector.rebuild("acts", look)
    projector.catch_up()
    projector.close()
    assert harmed
    assert yard.rows() == expected


@pytest.mark.drill
def test_a_loop_that_ends_takes_its_processes_along_and_the_next_goes_on(
    yard: Yard,
) -> None:
    """Nobody writes into a view behind the back of the loop that follows."""
    expected = yard.rows()
    first = yard.building()
    with yard.connect() as connection:
        generations.ask_rebuild(connection, "acts", 0)
    while not _children():
        first.advance()
    first.close()
    assert _children() == []
    with yard.connect() as connection:
        assert len(parts_of(connection, "acts", 2)) == 2
    second = yard.building()
    second.catch_up()
    second.close()
    assert yard.rows() == expected


def test_a_rebuild_given_up_ends_its_processes(yard: Yard) -> None:
    """And its rows and parts are cleared away."""
    projector = yard.building()
    with yard.connect() as connection:
        generations.ask_rebuild(connection, "acts", 0)
        while not _children():
            projector.advance()
        generations.abandon_rebuild(connection, "acts")
        projector.catch_up()
        assert _children() == []
        assert [s.gen for s in generations.states(connection) if s.view == "acts"] == [1]
        assert parts_of(connection, "acts", 2) == []
    projector.close()


@pytest.mark.drill
def test_who_still_writes_when_a_rebuild_is_given_up_leaves_nothing(yard: Yard) -> None:
    """A process that nobody could end commits while its generation is cleared away."""
    expected = yard.rows()
    projector = yard.building()
    projector.catch_up()
    with yard.connect() as connection, yard.connect() as stray:
        generations.ask_rebuild(connection, "acts", 0)
        partition(connection, "acts", 2, 2, 10)
        with stray.transaction(), stray.cursor() as cursor:
            parts_of(connection, "acts", 2)[0].move(cursor, 5, None)
            cursor.execute(_COPIED)
            generations.abandon_rebuild(connection, "acts")
            clearing = Thread(target=projector.catch_up)
            clearing.start()
            clearing.join(0.5)
        clearing.join()
        (left,) = connection.execute("SELECT count(*) FROM proj.acts WHERE gen = 2").fetchall()
        assert left == (0,)
    projector.rebuild("acts")
    projector.catch_up()
    projector.close()
    assert yard.rows() == expected


def test_a_poisoned_record_stops_the_generation_at_its_index(yard: Yard) -> None:
    """The first bad record is named, and the old generation is still read."""
    views = [view for view in VIEWS if view.name != "worklist"]
    projector = yard.building(views=(*views, Poisoned(20)))
    with pytest.raises(LedgerError, match="stopped at 20: ValueError at"):
        projector.rebuild("worklist")
    projector.catch_up()
    projector.close()
    assert _children() == []
    assert yard.compared() == []


def test_a_log_with_a_hole_is_left_to_one_process(yard: Yard) -> None:
    """Shares cannot see that a record is missing; who reads them all names it."""
    with yard.connect() as connection:
        generations.ask_rebuild(connection, "acts", 0)
    with psycopg.connect(yard.database.admin) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM log.records WHERE index = 30")
    projector = yard.building()
    projector.catch_up()
    projector.close()
    state = yard.state("acts", 2)
    assert state is not None
    assert (state.position, state.error_at) == (29, 30)


_MADE: Final[LiteralString] = """
INSERT INTO proj.acts (gen, index, stream, comp, unit, seq, act_id, recorded_at, status, effect,
  flags, late, registry, entry, register, given)
SELECT gen, i, 'made/' || i, gen_random_uuid(), gen_random_uuid(), 0, gen_random_uuid(), now(),
  'effective', true, '{}', false, false, '\\x00', 'register ' || i %% 2, 1
FROM generate_series(100000, 99999 + %s) AS i, generate_series(1, 2) AS gen
"""


def test_numbers_of_a_generation_nobody_counted_are_given_by_its_key(yard: Yard) -> None:
    """The server takes it for empty: a join read all of it again for each row of it."""
    many = 3_000
    with psycopg.connect(yard.database.admin, autocommit=True) as connection:
        connection.execute("ALTER TABLE proj.acts SET (autovacuum_enabled = off)")
        connection.execute(_MADE, [many])
        connection.execute("DELETE FROM proj.acts WHERE gen = 2")
        connection.execute("VACUUM ANALYZE proj.acts")
        connection.execute("DELETE FROM proj.acts WHERE index >= 100000")
        connection.execute(_MADE, [many])
    with yard.connect() as connection, connection.transaction(), connection.cursor() as cursor:
        acts.renumber(cursor, 2)
        cursor.execute(
            "PREPARE one AS UPDATE proj.acts SET given = $1 WHERE gen = $2 AND index = $3"
        )
        plan = cursor.execute("EXPLAIN EXECUTE one (1, 2, 100000)").fetchall()
        assert [line for (line,) in plan if "Index Cond" in line and "index =" in line], plan
    with psycopg.connect(yard.database.admin) as connection:
        found = connection.execute(
            "SELECT count(*), count(DISTINCT given), min(given), max(given) FROM proj.acts"
            " WHERE gen = 2 GROUP BY register"
        ).fetchall()
    assert found == [(many // 2, many // 2, 1, many // 2)] * 2


_put: Final = NewRows.put
_COPIED: Final[LiteralString] = """
INSERT INTO proj.acts (gen, index, stream, comp, unit, seq, act_id, recorded_at, status, effect,
  flags, late, registry, entry)
SELECT 2, index, stream, comp, unit, seq, act_id, recorded_at, status, effect, flags, late,
  registry, entry
FROM proj.acts WHERE gen = 1
"""


def _erase_one(log: PlayedLog) -> None:
    """A recorded act erases the last statement of a case."""
    streams = [str(statement.members["stream"]) for statement in log.log.statements]
    at = max(index for index, name in enumerate(streams) if name.startswith("case/"))
    log.erase(at)


def _children() -> list[int]:
    """Builders of this process, by the system's own list."""
    me = os.getpid()
    pids = Path(f"/proc/{me}/task/{me}/children").read_text("ascii").split()
    return [int(pid) for pid in pids if b"projections.engine.rebuild_worker" in _words(pid)]


def _words(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
