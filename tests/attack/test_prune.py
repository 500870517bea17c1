"""What is said twice is thrown away: nothing else ever is, whoever asks for it and whenever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Final, LiteralString

import psycopg
import pytest

from api.ops.embedded_postgres import Embedded
from ledger.audit.audit import audit
from ledger.audit.findings import Damage
from ledger.audit.report import Report
from ledger.checkpoints.checkpointer import Checkpointer
from ledger.checkpoints.proofs import Proofs
from ledger.errors import NotFound
from ledger.log import merkle, record, tiles
from ledger.log.checkpoint import unverified
from ledger.log.proof import consistency_from_json, inclusion_from_json
from ledger.postgres.checkpoints import _ALONE, discard
from ledger.postgres.evidence import PostgresEvidence
from ledger.postgres.migrate import LOGINS
from tests.a_ledger import ALedger, a_report, all_entries, in_postgres
from tests.attacks import attack
from tests.fakes import MemorySeen
from tests.fixtures.postgres import Database, copy_database, make_database
from tests.leaf_nodes import LeafNodes
from tests.waiting import until

pytestmark = pytest.mark.postgres
_SIZE: Final = 262
_FIRST_DAY: Final = 40
_SEALED: Final = 256
_WITHOUT_FULL: Final = "DELETE FROM log.tiles WHERE (level, n, width) = (0, 0, 256)"
_NO_MORE: Final[tuple[LiteralString, ...]] = (
    _WITHOUT_FULL,
    "DELETE FROM log.tiles WHERE n = 1 AND level = 0",
    "DELETE FROM log.tiles WHERE level = 1",
    "DELETE FROM log.checkpoints WHERE size = (SELECT max(size) FROM log.checkpoints)",
    "DELETE FROM log.checkpoints WHERE size = (SELECT min(size) FROM log.checkpoints)",
    "DELETE FROM log.pruned",
    "UPDATE log.pruned SET upto = 0, kept = 0",
)
_PUT_BACK: Final[tuple[LiteralString, ...]] = (
    "INSERT INTO log.tiles (n, level, width, data) SELECT 0, 0, 9, substr(data, 1, 288)"  # noqa: ISC004
    " FROM log.tiles WHERE (level, n, width) = (0, 0, 256)",
    "INSERT INTO log.checkpoints SELECT 101, root, note FROM log.checkpoints LIMIT 1",
    "UPDATE log.pruned SET kept = kept + 1",
    "UPDATE log.pruned SET upto = 512",
    "ALTER TABLE log.pruned DROP CONSTRAINT pruned_upto_check, DROP CONSTRAINT pruned_check;"  # noqa: ISC004
    " UPDATE log.pruned SET upto = -1, kept = -1",
)


@dataclass
class Grown:
    """A log of one full tile and a few records, of two days, not pruned.

    Attributes:
        database: Where it lies.
        a: Its ledger.
        seen: What its checkpointer remembers.
    """

    database: Database
    a: ALedger
    seen: MemorySeen

    def checkpointer(self) -> Checkpointer:
        """The home's."""
        return self.a.checkpointer(self.seen)

    def say(self, number: int) -> None:
        """One act more."""
        self.a.clock.step(seconds=1)
        self.a.say(a_report(number, self.a.clock.now().astimezone()), "hotline")

    def report(self) -> Report:
        """What an audit finds."""
        with PostgresEvidence(self.database.dsn("projector")) as source:
            return audit(source, origin=self.a.origin, vkeys=self.a.keys.vkeys, kek=self.a.keys.kek)

    def named(self, statement: LiteralString) -> set[Damage]:
        """What an audit without content names once this was done by a superuser; it is undone."""
        with psycopg.connect(self.database.admin) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute(statement)
            source = PostgresEvidence("", within=connection)
            found = audit(source, origin=self.a.origin, vkeys=self.a.keys.vkeys, kek=None).findings
            connection.rollback()
        return {one.kind for one in found}

    def kinds(self) -> set[Damage]:
        """Kinds of what is wrong."""
        return {found.kind for found in self.report().findings}

    def ask(self, query: LiteralString) -> list[tuple[object, ...]]:
        """As the owner of the server."""
        with psycopg.connect(self.database.admin) as connection:
            return connection.execute(query).fetchall()

    def harm(self, statement: LiteralString) -> None:
        """As the owner of the server, past every trigger."""
        with psycopg.connect(self.database.admin) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute(statement)

    def tree(self) -> set[tuple[object, ...]]:
        """The tiles that stand."""
        return set(self.ask("SELECT level, n, width FROM log.tiles"))

    def sizes(self) -> list[int]:
        """The checkpoints that stand."""
        rows = self.ask("SELECT size FROM log.checkpoints ORDER BY 1")
        return [size for (size,) in rows if isinstance(size, int)]


@pytest.fixture(scope="module")
def made(postgres_server: Embedded) -> Iterator[Grown]:
    """What each test has a copy of."""
    database = make_database(postgres_server)
    a = ALedger(in_postgres(database))
    grown = Grown(database, a, a.seen)
    a.found()
    a.clock.step(seconds=1)
    a.hire("hotline")
    checkpointer = a.checkpointer()
    for number in range(_SIZE - len(all_entries(a))):
        if number == _FIRST_DAY:
            a.clock.step(days=1)
        grown.say(number)
        if number % 10 == 0 and len(all_entries(a)) < _SEALED:
            checkpointer.checkpoint_once()
    database.disconnect()
    yield grown
    database.close()


@pytest.fixture
def unsealed(made: Grown) -> Iterator[Grown]:
    """A copy for each test, whose last records no checkpoint covers."""
    database, seen = copy_database(made.database), MemorySeen()
    seen.note = made.seen.note
    yield Grown(database, ALedger(in_postgres(database), clock=made.a.clock), seen)
    database.close()


@pytest.fixture
def grown(unsealed: Grown) -> Grown:
    """The same, with a checkpoint over all."""
    assert unsealed.checkpointer().checkpoint_once() is not None
    return unsealed


def test_what_is_said_twice_goes_and_nothing_else(grown: Grown) -> None:
    """Left: full tiles, of each day its last checkpoint, and all that comes after the full tile."""
    before, sizes = grown.tree(), grown.sizes()
    assert not grown.checkpointer().prune_once()
    gone = before - grown.tree()
    assert gone == {key for key in before if key[0] == 0 and key[1] == 0 and key[2] != 256}
    day = grown.ask(
        "SELECT max(c.size) FROM log.checkpoints c JOIN log.records r ON r.index = c.size - 1"
        " WHERE r.recorded_at < (SELECT max(recorded_at) FROM log.records) - interval '12 hours'"
    )
    assert grown.sizes() == [day[0][0], *(size for size in sizes if size > 256)]
    assert grown.ask("SELECT upto, kept FROM log.pruned") == [(256, 1)]
    assert grown.report().ok
    again = grown.tree(), grown.sizes()
    assert not grown.checkpointer().prune_once()
    assert (grown.tree(), grown.sizes()) == again


def test_what_a_witness_signed_is_kept(grown: Grown) -> None:
    """A cosigned checkpoint stays, and the day's last beside it."""
    cosigned = grown.sizes()[5]
    with psycopg.connect(grown.database.admin) as connection:
        connection.execute("INSERT INTO log.cosignatures VALUES (%s, 'w', 'x', now())", [cosigned])
    grown.checkpointer().prune_once()
    assert grown.sizes()[1] == cosigned
    assert grown.kinds() == {Damage.COSIGNATURE_UNKNOWN}


class _NoTile:
    """No whole tile: what comes with the checkpoint is enough."""

    def tile(self, level: int, n: int, width: int) -> bytes:
        """See `TileStore`."""
        raise NotFound(f"{level}/{n} of width {width}")


def test_every_size_is_proven_after_as_before(grown: Grown) -> None:
    """A receipt of a size whose note and tiles are gone is led to the newest checkpoint."""
    grown.checkpointer().prune_once()
    newest = grown.a.stores.checkpoints.latest()
    assert newest is not None
    proofs = Proofs(grown.a.stores.tiles, grown.a.stores.checkpoints)
    leaves = LeafNodes([record.leaf(entry) for entry in all_entries(grown.a)])
    root = merkle.root(newest[0], leaves)
    lean = Proofs(_NoTile(), grown.a.stores.checkpoints)
    lean.newest()
    for index in (0, 100, 255, 256, newest[0] - 1):
        for one in (proofs, lean):
            told = inclusion_from_json(one.inclusion(index))
            assert list(told.hashes) == merkle.inclusion_path(index, newest[0], leaves)
    for old in (1, 100, 255, 256, 257):
        given = consistency_from_json(proofs.consistency(old))
        held = merkle.root(old, leaves)
        merkle.verify_consistency(old, newest[0], given.hashes, held, root)
    with pytest.raises(NotFound):
        proofs.consistency(1, 100)


@attack(
    "a taken login of any kind throws away what is evidence",
    stopped_by="log.prune, which takes nothing but what is said twice, and is the checkpointer's",
    noticed_by="-",
)
def test_a_login_throws_away_nothing(grown: Grown) -> None:
    """The checkpointer's own: however often and however much it asks, the log stays sound."""
    before = grown.tree(), grown.sizes()
    for login in LOGINS:
        with psycopg.connect(grown.database.dsn(login), autocommit=True) as connection:
            for asked in ("SELECT log.prune(1)", "SELECT access.prune(1)", *_NO_MORE):
                if login == "checkpointer" and "prune(" in asked:
                    continue
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(asked)
    assert (grown.tree(), grown.sizes()) == before
    with psycopg.connect(grown.database.dsn("checkpointer"), autocommit=True) as connection:
        for most in (2147483647, 0, -1, None, 256):
            connection.execute("SELECT log.prune(%s::int), access.prune(%s::int)", [most, most])
    assert (0, 0, 256) in grown.tree()
    assert grown.report().ok


@attack(
    "the owner throws away a full tile, the edge, the newest checkpoint or the last of a day",
    stopped_by="triggers, which ask what prune asks",
    noticed_by="log audit, where a superuser passes by them",
)
def test_the_owner_throws_away_no_more(grown: Grown) -> None:
    """Refused to whoever owns the tables; of a superuser the audit names it."""
    grown.checkpointer().prune_once()
    with psycopg.connect(grown.database.dsn("migrator"), autocommit=True) as owner:
        owner.execute(f"SET ROLE {grown.database.slug}_owner".encode())
        for statement in _NO_MORE:
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
                owner.execute(statement)
    assert grown.report().ok
    assert [one for one in _NO_MORE if not grown.named(one)] == []


@attack(
    "what was thrown away is put back, or counted otherwise, to make two states of one log",
    stopped_by="-",
    noticed_by="log audit, from what it was pruned to",
)
def test_what_is_put_back_is_named(grown: Grown) -> None:
    """Also with the right bytes: nobody has to guess which of two states is the true one."""
    grown.checkpointer().prune_once()
    assert [one for one in _PUT_BACK if not grown.named(one)] == []


@attack(
    "a full tile that lies stands where partial ones are to be thrown away",
    stopped_by="log.prune: nothing goes where a partial tile does not begin the full one",
    noticed_by="log audit; the checkpointer's log",
)
def test_a_lying_full_tile_takes_nothing_with_it(
    grown: Grown, caplog: pytest.LogCaptureFixture
) -> None:
    """What it would have replaced is what shows that it lies."""
    before = grown.tree(), grown.sizes()
    grown.harm(
        "UPDATE log.tiles SET data = set_byte(data, 40, 255 - get_byte(data, 40))"
        " WHERE (level, n, width) = (0, 0, 256)"
    )
    checkpointer = grown.checkpointer()
    assert not checkpointer.prune_once()
    assert (grown.tree(), grown.sizes()) == before
    assert "socai log audit" in caplog.text
    caplog.clear()
    checkpointer.prune_once()
    assert caplog.text == ""  # once
    assert grown.kinds() == {Damage.TILE_WRONG}


def test_a_full_tile_that_is_missing_takes_nothing_with_it(grown: Grown) -> None:
    """Its partial tiles are what is left of it."""
    grown.harm(_WITHOUT_FULL)
    before = grown.tree()
    grown.checkpointer().prune_once()
    assert grown.tree() == before
    assert grown.kinds() == {Damage.TILE_MISSING}


@attack(
    "a prune is killed in the middle",
    stopped_by="one transaction",
    noticed_by="-",
)
def test_a_killed_prune_leaves_everything(grown: Grown) -> None:
    """Whatever it had deleted is there again, and the next one goes through."""
    before = grown.tree(), grown.sizes()
    with psycopg.connect(grown.database.dsn("checkpointer")) as half:
        half.execute("SELECT log.prune(5)")
        with psycopg.connect(grown.database.admin, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(%s)", [half.info.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            half.execute("SELECT 1")
    assert (grown.tree(), grown.sizes()) == before
    assert grown.report().ok
    grown.checkpointer().prune_once()
    assert grown.tree() != before[0]
    assert grown.report().ok


@attack(
    "prunes beside a checkpointer that signs, from more than one side",
    stopped_by="a prune takes what lies below the newest checkpoint, one prune at a time",
    noticed_by="-",
)
def test_prunes_beside_the_checkpointer(grown: Grown) -> None:
    """Each checkpoint is stored, and nothing that it grows from goes."""
    over, failed = Event(), list[Exception]()

    def prune() -> None:
        with psycopg.connect(grown.database.dsn("checkpointer"), autocommit=True) as connection:
            while not over.is_set():
                try:
                    connection.execute("SELECT log.prune(1)")
                except psycopg.Error as error:
                    failed.append(error)

    threads = [Thread(target=prune) for _ in range(2)]
    for thread in threads:
        thread.start()
    checkpointer = grown.checkpointer()
    for number in range(12):
        grown.say(1000 + number)
        assert checkpointer.checkpoint_once() is not None
    over.set()
    for thread in threads:
        thread.join()
    assert failed == []
    assert grown.ask("SELECT upto FROM log.pruned") == [(256,)]
    assert grown.report().ok


@attack(
    "a prune takes long, or is left open",
    stopped_by="it holds nothing that a checkpoint waits for, and is asked for beside the signing",
    noticed_by="-",
)
def test_a_checkpoint_waits_for_no_prune(grown: Grown, monkeypatch: pytest.MonkeyPatch) -> None:
    """Acts are covered meanwhile; only who takes checkpoints away waits, and is waited for."""
    monkeypatch.setattr("ledger.checkpoints.checkpointer.PRUNE_S", 0.0)
    with (
        psycopg.connect(grown.database.dsn("checkpointer")) as left_open,
        psycopg.connect(grown.database.admin, autocommit=True) as admin,
    ):
        left_open.execute("SELECT log.prune(1)")
        with _signing(grown):  # and it prunes at once, which waits
            grown.say(6000)
            until(lambda: grown.sizes()[-1] == len(all_entries(grown.a)))
        with pytest.raises(psycopg.errors.LockNotAvailable):
            admin.execute(_ALONE["log"] + " NOWAIT")
        left_open.rollback()
        with admin.transaction():
            admin.execute(_ALONE["log"])
            left_open.execute("SET lock_timeout = 1")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                left_open.execute("SELECT log.prune(1)")
    assert grown.report().ok


@attack(
    "a taken checkpointer login stores a checkpoint of its own and prunes the honest ones below it",
    stopped_by="-",
    noticed_by="the checkpointer, readiness, log audit; what each home remembers leads back",
)
@pytest.mark.parametrize("left", [True, False], ids=["a day stands", "no day stands"])
def test_pruned_under_a_planted_checkpoint(unsealed: Grown, *, left: bool) -> None:
    """`log discard` cuts out what the last good one needs; what is remembered is stored anew."""
    grown, size = unsealed, len(all_entries(unsealed.a))
    newest, held = grown.sizes()[-1], grown.seen.note
    leaves = [record.leaf(entry) for entry in all_entries(grown.a)[newest:]]
    planted = tiles.new_tiles(newest, leaves, grown.a.stores.tiles)
    grown.a.stores.checkpoints.advance(newest, size, bytes(32), b"planted\n", planted)
    grown.a.stores.checkpoints.prune(9)
    assert newest not in grown.sizes(), "the thief has thrown the newest good one away"
    if not left:  # as where all was of one day
        grown.harm("DELETE FROM log.checkpoints WHERE size < 100; UPDATE log.pruned SET kept = 0")
    gone = discard(
        grown.database.admin,
        grown.database.slug,
        lambda at, note: note != b"planted\n" and unverified(note).size == at,
        lambda *_: None,
        bare=True,
    )
    assert [one for one, _ in gone.gone] == [size]
    assert gone.stands == (grown.sizes()[0] if left else None)
    assert grown.seen.note == held
    checkpointer = grown.checkpointer()
    signed = checkpointer.checkpoint_once()
    assert signed is not None
    assert signed.size == newest, "the very note that is remembered"
    while checkpointer.checkpoint_once():
        pass
    assert grown.report().ok
    checkpointer.prune_once()
    assert grown.report().ok


def test_what_fails_in_a_prune_is_in_nobodys_way(
    grown: Grown, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Checkpoints go on being signed; it is said, and tried again."""
    monkeypatch.setattr("ledger.checkpoints.checkpointer.PRUNE_S", 0.0)
    grown.harm("DELETE FROM log.pruned")
    grown.say(5000)
    with _signing(grown):
        until(lambda: f"{grown.a.origin}: nothing is thrown away" in caplog.text)
        grown.say(5001)
        until(lambda: grown.sizes()[-1] == len(all_entries(grown.a)))


@contextmanager
def _signing(grown: Grown) -> Iterator[None]:
    """The checkpointer's loop runs beside the block."""
    stop = Event()
    running = Thread(target=grown.checkpointer().run, args=(stop,))
    running.start()
    try:
        yield
    finally:
        stop.set()
        running.join()
