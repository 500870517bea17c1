"""What was taken in of a lower log, in a real database (access.md F12, F15, G10)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from uuid import UUID

import psycopg
import pytest

from api.ops.embedded_postgres import Embedded
from keys.envelope_encryption import Kek
from ledger.erasure.epoch_turn import EpochTurn
from ledger.errors import Conflict, VerificationError
from ledger.mirror.ports import Taken
from ledger.mirror.segment import Segment
from ledger.mirror.taking_in import Mirror
from ledger.mirror.unit import ref_of
from ledger.ports import NIL_UNIT
from ledger.postgres.connect import Lone
from ledger.postgres.keeping.epochs import PostgresEpochs
from ledger.postgres.keeping.keeper import PostgresKeeper
from ledger.postgres.mirror.mirrored import PostgresMirror, trust, trusted_logs
from ledger.streams.names import stream_id
from ledger.streams.record_reader import Reader
from tests.attack.test_need_to_know_by_sql import OFFICER, OTHER, Bench, Stream, a_ticket
from tests.attacks import attack
from tests.builders import an_id
from tests.fixtures.postgres import Database, make_database
from tests.mirrored import Above, Below

pytestmark = pytest.mark.postgres


@pytest.fixture
def database(postgres_server: Embedded) -> Iterator[Database]:
    """An enclave's, with nothing in it."""
    with closing(make_database(postgres_server)) as made:
        yield made


class AboveInPostgres(Above):
    """Takes in with the importer's login."""

    def __init__(self, below: Below, database: Database) -> None:
        super().__init__(below)
        lower = below.lower
        trust(database.pool("migrator"), lower.origin, lower.level, lower.genesis)
        self.stored = PostgresMirror(database.pool("importer"), lower.origin)

    def mirror(self) -> Mirror:
        """Another process's."""
        return Mirror(self.stored, self.kek, self.below.lower, "mat", self.now)

    def reader(self) -> Reader:
        """Opens what is stored."""
        return Reader(self.stored, self.kek, self.below.a.origin)


def test_a_lower_log_is_stored_and_read_as_any_log_is(database: Database) -> None:
    """Record by record as in memory; what is erased below loses its key with its act."""
    below = Below.founded()
    below.case(1, "CaseRegistered", "CompetenceDetermined")
    erased = below.case(2, files=[b"a file", bytes(9_000_000)])
    above, plain = AboveInPostgres(below, database), Above(below)
    first = above.opened(below.publish())
    assert _warned_of(above, database, first) == []
    plain.mirror().take(first)
    assert above.reader().read(0, 99) == plain.reader().read(0, 99)
    for n in range(2):
        assert (above.stored.file(erased, n) is None) == (plain.store.file(erased, n) is None)
    above.store = above.stored  # type: ignore[assignment]
    assert above.file(erased, 0) == b"a file"
    assert above.stored.listed(0, 99) == {erased: 2}
    (told,) = trusted_logs(database.pool("importer"))
    assert (told.files, told.left_out) == (1, 1)
    act = below.erase(erased)
    second = above.opened(below.publish())
    above.mirror().take(second)
    plain.mirror().take(second)
    assert above.reader().read(0, 99) == plain.reader().read(0, 99)
    assert above.reader().read(erased, 1)[0].erased
    assert above.stored.listed(0, 99) == {}
    assert above.stored.standing() == plain.store.standing()
    for name in ("head", "registry", "act", "stream", "token"):
        _same(name, above.stored, plain, below, str(act))
    (told,) = trusted_logs(database.pool("importer"))
    assert (told.size, told.at, told.erased, told.aside) == (below.newest(), below.at, 1, 0)


def _warned_of(above: Above, database: Database, segment: Segment) -> list[str | None]:
    """Takes a segment in; what the server warns of meanwhile, which its log holds for each."""
    warned: list[str | None] = []
    with psycopg.connect(database.dsn("importer"), autocommit=True) as importing:
        importing.add_notice_handler(lambda said: warned.append(said.message_primary))
        stored = PostgresMirror(Lone(importing), above.below.a.origin)
        Mirror(stored, above.kek, above.below.lower, "mat", above.now).take(segment)
    return warned


def _same(name: str, stored: PostgresMirror, plain: Above, below: Below, act: str) -> None:
    """One question of `RecordStore`, told alike; what seals a record is nobody's to compare."""
    rows = below.read(0, 99)
    stream = stream_id(below.a.origin, rows[-1].stream)
    asked = {"head": (), "registry": (1,), "act": (UUID(act),), "stream": (stream, 1)}
    tag = next(iter(plain.store.tokens), bytes(32))
    arguments = {**asked, "token": (tag,)}[name]

    def told(store: object) -> object:
        found = getattr(store, name)(*arguments)
        if name in {"head", "token"}:
            return found
        return [replace(row, state=b"", wrap=None) for row in found]

    assert told(stored) == told(plain.store)


class _Twice(PostgresMirror):
    """Two processes that have judged one segment."""

    def take(self, taken: Taken) -> None:
        """Stored by the one, and then by the other."""
        super().take(taken)
        super().take(taken)


class _Overtaken(PostgresMirror):
    """Of a process that has sealed a segment under the old KEK as its epoch ends."""

    def __init__(self, turned: Callable[[], None], database: Database, origin: str) -> None:
        super().__init__(database.pool("importer"), origin)
        self._turned = turned

    def take(self, taken: Taken) -> None:
        """Stored once the epoch has ended."""
        self._turned()
        super().take(taken)


def test_two_imports_of_one_segment_store_it_once(database: Database) -> None:
    """The second finds the log further on, and stores nothing."""
    below = Below.founded()
    above = AboveInPostgres(below, database)
    said = above.opened(below.publish())
    above.stored = _Twice(database.pool("importer"), below.a.origin)
    with pytest.raises(Conflict):
        above.mirror().take(said)
    assert above.stored.head().size == len(said.items)


def test_a_log_is_trusted_by_one_first_record(database: Database) -> None:
    """Again is nothing; another record under the same name is another log."""
    pool = database.pool("migrator")
    trust(pool, "a.example/ordinary", "ordinary", bytes(32))
    trust(pool, "a.example/ordinary", "ordinary", bytes(32))
    with pytest.raises(Conflict):
        trust(pool, "a.example/ordinary", "ordinary", b"x" * 32)
    assert [one.origin for one in trusted_logs(database.pool("importer"))] == ["a.example/ordinary"]


def test_what_was_taken_in_is_written_over_by_nobody(database: Database) -> None:
    """Not by the importer, not by the owner: a key goes where an act below erased its record."""
    below = Below.founded()
    below.case(1, files=[b"a file"])
    above = AboveInPostgres(below, database)
    above.mirror().take(above.opened(below.publish()))
    harms = (
        "UPDATE mirror.records SET aside = 'x'",
        "DELETE FROM mirror.wraps",
        "UPDATE mirror.wraps SET wrap = wrap",
        "TRUNCATE mirror.wraps",
        "DELETE FROM mirror.records",
        "DELETE FROM mirror.logs",
        "UPDATE mirror.streams SET name = 'ledger'",
        "DELETE FROM mirror.erased",
        "TRUNCATE mirror.erased",
        "UPDATE mirror.files SET state = ''",
        "DELETE FROM mirror.files",
        "TRUNCATE mirror.files",
    )
    for dsn in (database.dsn("importer"), database.admin):
        with psycopg.connect(dsn, autocommit=True) as connection:
            for harm in harms:
                if dsn == database.admin and harm == "DELETE FROM mirror.erased":
                    continue  # there is no row of it
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(harm.encode())


def test_a_case_of_a_lower_log_is_shown_by_what_is_granted_above(database: Database) -> None:
    """Everybody reads its registry, whoever takes part nowhere no case; no ticket, no case."""
    below = Below.founded()
    below.case(1, "CaseRegistered")
    above = AboveInPostgres(below, database)
    above.mirror().take(above.opened(below.publish()))
    seen = PostgresMirror(database.pool("reader"), below.a.origin)
    shown = seen.read(0, 99)
    assert {row.stream.partition("/")[0] for row in shown} == {"ledger", "officer"}
    assert all(row.wrap for row in shown)


@attack(
    "the importer's login is taken",
    stopped_by="grants: the mirror and nothing of the own log (G10)",
    noticed_by="-",
)
def test_the_importer_has_the_mirror_and_nothing_of_the_own_log(database: Database) -> None:
    """A parser that is taken over, and all that its parent could ask of the database (G10)."""
    with psycopg.connect(database.dsn("importer"), autocommit=True) as connection:
        for table in ("log.records", "log.wraps", "access.records", "r.items", "proj.acts"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT count(*) FROM {table}".encode())  # noqa: S608


def test_what_was_taken_in_turns_with_the_epoch(database: Database) -> None:
    """The old KEK opens nothing of it, and nothing more is taken in under it (K9)."""
    below = Below.founded()
    above = AboveInPostgres(below, database)
    above.mirror().take(above.opened(below.publish()))
    before, old, new = above.reader().read(0, 99), above.kek, Kek.generate()
    keeper = PostgresKeeper(database.pool("keeper"))
    epochs = PostgresEpochs(database.pool("migrator"))
    epochs.begin(old.kek_id, new.kek_id)
    turn = EpochTurn(
        keeper, epochs, old, new, origin="above.example/mat", digest=lambda _: bytes(32)
    )
    below.case(1)
    said, stored = above.opened(below.publish()), above.stored

    def turned() -> None:
        assert keeper.count() == len(before)
        assert not turn.close()
        turn.move()
        assert not turn.close()  # nobody has seen that what moved opens
        assert turn.look()
        assert turn.close()

    above.stored = _Overtaken(turned, database, below.a.origin)
    with pytest.raises(Conflict, match="moved"):
        above.mirror().take(said)
    above.stored = stored
    with pytest.raises(VerificationError):
        above.reader().read(0, 1)
    above.kek = new
    assert above.reader().read(0, 99) == before
    assert above.mirror().take(said).records > 0


HIGHER = Stream(UUID(an_id("a case above")), "", (NIL_UNIT, NIL_UNIT), -1)


@attack(
    "a grant below, or a part in another case, shows a case of the mirror above",
    stopped_by="row policies of the mirror, by the audience above alone (F13)",
    noticed_by="-",
)
def test_a_mirrored_case_is_shown_to_whom_a_grant_above_names(database: Database) -> None:
    """Whole, by any act of it; not the case beside it, and by no id of an act or of the case."""
    below = Below.founded()
    first = below.case(1, "CaseRegistered")
    below.case(2)
    above = AboveInPostgres(below, database)
    above.mirror().take(above.opened(below.publish()))
    row, last = below.read(first, 2)
    bench = _bench(database)
    for act in (NIL_UNIT, row.act_id, row.stream_id, ref_of("x/ordinary", row.act_id)):
        bench.takes_part(OFFICER, act=act)
        assert _cases(database, below, a_ticket()) == []
    bench.takes_part(OFFICER, act=ref_of(below.a.origin, last.act_id))
    for ticket, count in ((a_ticket(), 2), (a_ticket(officer=OTHER), 0), (None, 0)):
        assert _cases(database, below, ticket) == [row.stream] * count


def _bench(database: Database) -> Bench:
    bench = Bench(database, HIGHER, HIGHER, Stream(NIL_UNIT, "", (NIL_UNIT, NIL_UNIT), -2), {})
    bench.empty()
    bench.member(OFFICER)
    return bench


class _Annexed(PostgresMirror):
    """Each second statement of a case is of a document of its own, as above ordinary."""

    def take(self, taken: Taken) -> None:
        """As it would come of a log that has such documents."""
        rows = [
            replace(one, row=replace(one.row, unit=one.row.act_id))
            if one.row.stream.startswith("case/") and one.row.seq > 1
            else one
            for one in taken.rows
        ]
        super().take(replace(taken, rows=rows))


@attack(
    "whoever takes part in a mirrored case reads an annex of it that names others",
    stopped_by="row policies of the mirror: a grant is of one document (access.md A1, F13)",
    noticed_by="-",
)
def test_an_annex_of_a_mirrored_case_is_shown_by_name_alone(database: Database) -> None:
    """The case without it; the annex to whom an act of it was granted, and not the case with it."""
    below = Below.founded()
    first = below.case(1, "CaseRegistered", "CompetenceDetermined")
    above = AboveInPostgres(below, database)
    above.stored = _Annexed(database.pool("importer"), below.a.origin)
    above.mirror().take(above.opened(below.publish()))
    row, annex = below.read(first, 2)
    bench = _bench(database)
    for act, shown in ((annex.act_id, 1), (row.act_id, 2)):
        bench.takes_part(OFFICER, act=ref_of(below.a.origin, act))
        assert _cases(database, below, a_ticket()) == [row.stream] * shown


def _cases(database: Database, below: Below, ticket: str | None) -> list[str]:
    with psycopg.connect(database.dsn("reader")) as connection:
        if ticket is not None:
            connection.execute("SELECT set_config('app.ticket', %s, true)", [ticket])
        found = PostgresMirror(Lone(connection), below.a.origin).read(0, 99)
        assert all(one.wrap for one in found)
        assert len({one.stream for one in found if one.stream.startswith("officer/")}) > 3
        return [one.stream for one in found if one.stream.startswith("case/")]
