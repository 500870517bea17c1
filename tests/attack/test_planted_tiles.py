"""A tile where the tree has not been yet: who can put it there, and what is done then."""

from __future__ import annotations

import psycopg
import pytest

from ledger.audit.audit import audit
from ledger.audit.findings import Damage
from ledger.checkpoints.checkpointer import Checkpointer
from ledger.errors import Fatal
from ledger.log import tiles
from ledger.log.record import leaf
from ledger.postgres.evidence import PostgresEvidence
from tests.a_ledger import ALedger, a_report, all_entries, in_postgres
from tests.attacks import attack
from tests.builders import an_act
from tests.examples import share
from tests.fixtures.app import Service
from tests.fixtures.postgres import Database

pytestmark = pytest.mark.postgres


@pytest.fixture
def a(database: Database) -> ALedger:
    """A sealed log, and two records that no checkpoint covers yet."""
    made = ALedger(in_postgres(database))
    made.found()
    made.clock.step(seconds=1)
    made.hire("hotline")
    made.checkpointer().checkpoint_once()
    for number in (1, 2):
        made.say(a_report(number), "hotline")
    return made


def _grown(a: ALedger) -> list[tiles.Tile]:
    """The tiles that the next checkpoint will store."""
    latest = a.stores.checkpoints.latest()
    assert latest is not None
    return tiles.new_tiles(
        latest[0], [leaf(entry) for entry in all_entries(a)[latest[0] :]], a.stores.tiles
    )


def _plant(database: Database, planted: list[tiles.Tile]) -> None:
    with psycopg.connect(database.admin) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO log.tiles (level, n, width, data) VALUES (%s, %s, %s, %s)", planted
        )


def _kinds(database: Database, a: ALedger) -> set[tuple[Damage, int]]:
    with PostgresEvidence(database.dsn("projector")) as source:
        report = audit(source, origin=a.origin, vkeys=a.keys.vkeys, kek=a.keys.kek)
    return {(found.kind, found.index) for found in report.findings}


def _sealed(checkpointer: Checkpointer) -> int:
    done = checkpointer.checkpoint_once()
    return 0 if done is None else done.size


@attack(
    "the owner plants a tile where the tree comes by next, to stop the checkpointer for good",
    stopped_by="-",
    noticed_by="log audit; the checkpointer stops, and says which tile",
)
def test_a_planted_tile_with_other_bytes_is_named_and_taken_out(
    database: Database, a: ALedger
) -> None:
    """Nothing is signed over it, and whoever takes it out goes on where the log stood."""
    (level, n, width, data) = _grown(a)[0]
    _plant(database, [(level, n, width, bytes(len(data)))])
    size = len(all_entries(a))
    assert (Damage.TILE_WRONG, size - width) in _kinds(database, a)
    checkpointer = a.checkpointer()
    with pytest.raises(Fatal, match=rf"tile {level}/{n} of width {width} .*socai log audit"):
        checkpointer.checkpoint_once()
    with psycopg.connect(database.admin) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "DELETE FROM log.tiles WHERE (level, n, width) = (%s, %s, %s)", [level, n, width]
        )
    assert _sealed(a.checkpointer()) == size
    assert _kinds(database, a) == set()


def test_a_planted_tile_with_the_right_bytes_stops_nobody(database: Database, a: ALedger) -> None:
    """What stands there is what the checkpointer would have stored."""
    _plant(database, _grown(a))
    assert _sealed(a.checkpointer()) == len(all_entries(a))
    assert _kinds(database, a) == set()


@attack(
    "a taken checkpointer login plants tiles far from what it seals",
    stopped_by="log.checkpoint: only tiles of the growth from the last checkpoint to this one",
    noticed_by="-",
)
@pytest.mark.parametrize(
    ("level", "n", "width"),
    share([(0, 0, 200), (0, 7, 1), (1, 0, 1), (0, 0, 1), (-1, 0, 1), (0, -1, 1)], 2, "tiles"),
)
def test_a_taken_checkpointer_login_plants_nothing(
    database: Database, a: ALedger, level: int, n: int, width: int
) -> None:
    """Beyond the new size, below the old one, or where no tree has a tile."""
    latest = a.stores.checkpoints.latest()
    assert latest is not None
    with pytest.raises(Fatal):
        a.stores.checkpoints.advance(
            latest[0],
            len(all_entries(a)),
            bytes(32),
            b"note",
            [(level, n, width, bytes(32 * width))],
        )
    assert _kinds(database, a) == set()


@attack(
    "the owner has the database alter or lose every tile as it is stored",
    stopped_by="-",
    noticed_by="log audit; no proof is made of it, and whoever records is told that theirs is late",
)
@pytest.mark.parametrize(
    "harm",
    ["NEW.data := sha256(NEW.data) || substring(NEW.data FROM 33); RETURN NEW", "RETURN NULL"],
)
def test_an_act_is_recorded_where_it_cannot_be_proven(service: Service, harm: str) -> None:
    """Its sender is told that it stands and where, and not that there is nothing."""
    service.hire("hotline")
    with psycopg.connect(service.database.admin) as owner:
        body = f"CREATE FUNCTION log.harm() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {harm}; END'"
        owner.execute(body.encode())
        owner.execute(
            "CREATE TRIGGER harm BEFORE INSERT ON log.tiles FOR EACH ROW EXECUTE FUNCTION"
            " log.harm()"
        )
    act = an_act("ReportReceived", when=service.clock.now())
    made = service.sign(act, "hotline")
    answer = service._once_known(lambda: service.send(made, "hotline"))
    assert (answer.status_code, answer.get_json()["code"]) == (503, "proof_late")
    assert answer.get_json()["index"] == service.size() - 1
