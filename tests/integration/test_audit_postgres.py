"""The audit on a real database, damaged as its owner could: triggers off, constraints dropped."""

# ruff: noqa: E501, ISC004 - one line of SQL is one harm
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from api.ops.embedded_postgres import Embedded
from ledger.audit.audit import audit
from ledger.audit.findings import Damage
from ledger.audit.report import Report
from ledger.errors import Unavailable
from ledger.postgres.evidence import PostgresEvidence
from tests.examples import shared_with_soak
from tests.fixtures.postgres import Database, make_database
from tests.memory_log import MemoryLog, a_log
from tests.played_log import insert

pytestmark = pytest.mark.postgres
AT = 77


def fill(database: Database, log: MemoryLog) -> None:
    """The log's rows, tiles and checkpoints as its service would have stored them."""
    with psycopg.connect(database.admin) as connection:
        insert(connection, log.rows, log.kek)
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO log.tiles (level, n, width, data) VALUES (%s, %s, %s, %s)",
                [(*key, data) for key, data in log.hash_tiles.items()],
            )
            cursor.executemany(
                "INSERT INTO log.checkpoints (size, root, note) VALUES (%s, %s, %s)",
                [(size, *row) for size, row in log.signed.items()],
            )


def audited(database: Database, log: MemoryLog, login: str = "projector") -> Report:
    """An audit as a login."""
    with PostgresEvidence(database.dsn(login)) as source:
        return asked(source, log)


def asked(source: PostgresEvidence, log: MemoryLog) -> Report:
    """An audit of what a connection shows."""
    return audit(
        source,
        origin=log.origin,
        vkeys=log.vkeys,
        kek=log.kek,
        genesis=log.genesis,
        replay=False,
    )


@dataclass(frozen=True, slots=True)
class Harm:
    """What the owner of the database does, and how it must be named."""

    name: str
    sql: tuple[LiteralString, ...]
    index: int | Callable[[MemoryLog], int]
    kind: Damage

    def at(self, log: MemoryLog) -> int:
        """First bad index."""
        return self.index if isinstance(self.index, int) else self.index(log)


def size(log: MemoryLog) -> int:
    """Records."""
    return len(log.rows)


def older_width(log: MemoryLog) -> int:
    """The widest partial first tile."""
    return sorted(w for level, n, w in log.hash_tiles if (level, n) == (0, 0))[-2]


HARMS = (
    Harm(
        "one record edited",
        (
            "UPDATE log.records SET state = set_byte(state, 60, get_byte(state, 60) # 1) WHERE index = 77",
        ),
        AT,
        Damage.STATE_UNREADABLE,
    ),
    Harm(
        "two records swapped",
        (
            "UPDATE log.records SET index = 100000 WHERE index = 77",
            "UPDATE log.records SET index = 77 WHERE index = 79",
            "UPDATE log.records SET index = 79 WHERE index = 100000",
        ),
        AT,
        Damage.ROWS_SWAPPED,
    ),
    Harm(
        "two contents swapped",
        (
            "CREATE TEMPORARY TABLE held AS SELECT index, state FROM log.records WHERE index IN (77, 79)",
            "UPDATE log.records r SET state = h.state FROM held h WHERE r.index = 156 - h.index AND r.index IN (77, 79)",
        ),
        AT,
        Damage.STATES_SWAPPED,
    ),
    Harm(
        "one record deleted",
        ("DELETE FROM log.records WHERE index = 77",),
        AT,
        Damage.RECORD_MISSING,
    ),
    Harm(
        "record 0 deleted", ("DELETE FROM log.records WHERE index = 0",), 0, Damage.RECORD_MISSING
    ),
    Harm(
        "tail cut off",
        ("DELETE FROM log.records WHERE index >= 300",),
        300,
        Damage.TAIL_MISSING,
    ),
    Harm(
        "tail cut off with the head",
        (
            "DELETE FROM log.records WHERE index >= 300",
            "UPDATE log.log_head SET size = 300, recorded_at = (SELECT max(recorded_at) FROM log.records)",
        ),
        300,
        Damage.TAIL_MISSING,
    ),
    Harm(
        "an index twice",
        (
            "ALTER TABLE log.records DROP CONSTRAINT records_pkey",
            "ALTER TABLE log.records DROP CONSTRAINT records_stream_seq",
            "DROP INDEX log.records_act",
            "INSERT INTO log.records SELECT * FROM log.records WHERE index = 77",
        ),
        AT,
        Damage.INDEX_DUPLICATED,
    ),
    Harm(
        "an index below zero",
        (
            "ALTER TABLE log.records DROP CONSTRAINT records_index_check",
            "INSERT INTO log.records SELECT -1, seq + 1000, recorded_at, stream_id, unit, gen_random_uuid(),"
            " author, registry, topic, entry, state FROM log.records WHERE index = 77",
        ),
        0,
        Damage.RECORD_UNDECLARED,
    ),
    Harm(
        "entry edited",
        (
            "UPDATE log.records SET entry = set_byte(entry, 3, get_byte(entry, 3) # 1) WHERE index = 77",
        ),
        AT,
        Damage.ENTRY_WRONG,
    ),
    Harm(
        "time moved",
        ("UPDATE log.records SET recorded_at = recorded_at + interval '1 ms' WHERE index = 77",),
        AT,
        Damage.COLUMN_RECORDED,
    ),
    Harm(
        "place in the stream moved",
        ("UPDATE log.records SET seq = seq + 500 WHERE index = 77",),
        AT,
        Damage.COLUMN_SEQ,
    ),
    Harm(
        "stream renamed",
        (
            "UPDATE log.streams SET name = name || '0' WHERE stream_id = (SELECT stream_id FROM log.records WHERE index = 60)",
        ),
        lambda log: next(r.at for r in log.rows if r.stream_id == log.rows[60].stream_id),
        Damage.STREAM_NAME,
    ),
    Harm(
        "act id changed",
        ("UPDATE log.records SET act_id = gen_random_uuid() WHERE index = 77",),
        AT,
        Damage.COLUMN_ACT,
    ),
    Harm("wrap destroyed", ("DELETE FROM log.wraps WHERE index = 77",), AT, Damage.WRAP_MISSING),
    Harm(
        "wrap of another record",
        (
            "UPDATE log.wraps SET wrap = (SELECT wrap FROM log.wraps WHERE index = 78) WHERE index = 77",
        ),
        AT,
        Damage.WRAP_OTHER_RECORD,
    ),
    Harm(
        "wrap under another KEK",
        (
            "UPDATE log.wraps SET wrap = overlay(wrap PLACING decode(repeat('00', 16), 'hex') FROM 2) WHERE index = 77",
        ),
        AT,
        Damage.WRAP_OTHER_KEK,
    ),
    Harm(
        "tile bit turned",
        (
            "UPDATE log.tiles SET data = set_byte(data, 77 * 32, get_byte(data, 77 * 32) # 1) WHERE level = 0 AND n = 0 AND width = 256",
        ),
        AT,
        Damage.TILE_WRONG,
    ),
    Harm(
        "old tile restored",
        (
            "ALTER TABLE log.tiles DROP CONSTRAINT tiles_check",
            "UPDATE log.tiles SET data = (SELECT data FROM log.tiles WHERE level = 0 AND n = 0 AND width < 256"
            " ORDER BY width DESC LIMIT 1) WHERE level = 0 AND n = 0 AND width = 256",
        ),
        older_width,
        Damage.TILE_OLD,
    ),
    Harm(
        "tile cut short",
        (
            "ALTER TABLE log.tiles DROP CONSTRAINT tiles_check",
            "UPDATE log.tiles SET data = substring(data FROM 1 FOR 100) WHERE level = 0 AND n = 0 AND width = 256",
        ),
        3,
        Damage.TILE_TRUNCATED,
    ),
    Harm(
        "tile gone",
        ("DELETE FROM log.tiles WHERE level = 0 AND n = 0",),
        0,
        Damage.TILE_MISSING,
    ),
    Harm(
        "root of a checkpoint edited",
        (
            "UPDATE log.checkpoints SET root = set_byte(root, 0, get_byte(root, 0) # 1) WHERE size = 46",
        ),
        45,
        Damage.CHECKPOINT_ROOT,
    ),
    Harm(
        "note of a checkpoint edited",
        ("UPDATE log.checkpoints SET note = set_byte(note, 0, 82) WHERE size = 46",),
        45,
        Damage.CHECKPOINT_NAME,
    ),
    Harm(
        "checkpoint replaced by an older one",
        (
            "UPDATE log.checkpoints SET note = (SELECT note FROM log.checkpoints WHERE size = 46) WHERE size = 69",
        ),
        68,
        Damage.CHECKPOINT_SIZE,
    ),
    Harm(
        "checkpoint deleted",
        ("DELETE FROM log.checkpoints WHERE size = 69",),
        68,
        Damage.CHECKPOINT_MISSING,
    ),
    Harm(
        "newest checkpoint deleted",
        ("DELETE FROM log.checkpoints WHERE size = (SELECT max(size) FROM log.checkpoints)",),
        lambda log: sorted(log.signed)[-2],
        Damage.CHECKPOINT_ROLLED_BACK,
    ),
    Harm(
        "head moved on",
        ("UPDATE log.log_head SET size = size + 3",),
        size,
        Damage.TAIL_MISSING,
    ),
    Harm(
        "head names another registry record",
        ("UPDATE log.log_head SET registry_index = registry_index - 1",),
        lambda log: size(log) - 1,
        Damage.HEAD_REGISTRY,
    ),
    Harm(
        "record of a case given to everybody",
        ("UPDATE log.records SET unit = '00000000-0000-0000-0000-000000000000' WHERE index = 77",),
        AT,
        Damage.COLUMN_UNIT,
    ),
    Harm(
        "wrap of a case given to everybody",
        ("UPDATE log.wraps SET unit = '00000000-0000-0000-0000-000000000000' WHERE index = 77",),
        AT,
        Damage.COLUMN_UNIT,
    ),
    Harm(
        "wrap kept under another stream",
        (
            "UPDATE log.wraps SET stream_id = (SELECT stream_id FROM log.records WHERE index = 0) WHERE index = 77",
        ),
        AT,
        Damage.COLUMN_UNIT,
    ),
    Harm(
        "time moved by a microsecond",
        (
            "UPDATE log.records SET recorded_at = recorded_at + interval '1 microsecond' WHERE index = 77",
        ),
        AT,
        Damage.COLUMN_RECORDED,
    ),
    Harm(
        "registry mark removed",
        ("UPDATE log.records SET registry = false WHERE index = 3",),
        3,
        Damage.COLUMN_REGISTRY,
    ),
)


@pytest.fixture(scope="module")
def filled(postgres_server: Embedded) -> Iterator[Database]:
    """The log in a database that every harm finds sound: each is rolled back."""
    made = make_database(postgres_server)
    fill(made, a_log())
    yield made
    made.close()


@pytest.mark.parametrize("name", shared_with_soak([harm.name for harm in HARMS], 2, "harms"))
def test_damage_done_by_the_owner_is_named(filled: Database, name: str) -> None:
    """Neither grants nor triggers bind a superuser; the tree and the signatures do."""
    log, harm = a_log(), next(harm for harm in HARMS if harm.name == name)
    with psycopg.connect(filled.admin) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute("SET LOCAL session_replication_role = replica")
        for statement in harm.sql:
            connection.execute(statement)
        role = sql.Identifier(f"{filled.slug}_projector")
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(role))
        report = asked(PostgresEvidence("", within=connection), log)
        connection.rollback()
    assert (report.first_bad_index, report.kind) == (harm.at(log), harm.kind), report.findings[:5]


def test_sound_database_passes_as_reader_and_as_auditor(database: Database) -> None:
    """The auditor's login reads no content and says what it left out; both see the same tree."""
    log = a_log()
    fill(database, log)
    full, plain = audited(database, log), audited(database, log, "auditor")
    assert full.ok, full.findings
    assert full.skipped == ("rules",)
    assert plain.ok, plain.findings
    assert plain.skipped == ("content", "statements", "signatures", "wraps", "rules", "tokens")
    assert full.root == plain.root


@pytest.mark.parametrize("workers", [0, 2])
def test_audit_is_one_snapshot(database: Database, workers: int) -> None:
    """Records that are appended while it runs are not half in it, whoever reads them."""
    log = a_log()
    fill(database, log)
    with PostgresEvidence(database.dsn("projector")) as source:
        rows = len(log.rows)
        person = log.people[0]
        log.sign(log.act("ReportReceived", f"case/{log.uuid()}", person), person)
        with psycopg.connect(database.admin) as connection:
            insert(connection, log.rows[rows:], log.kek)
        report = audit(
            source, origin=log.origin, vkeys=log.vkeys, kek=log.kek, workers=workers, replay=False
        )
    assert report.ok, report.findings
    assert report.records == rows


def test_processes_read_the_database_themselves_and_find_the_same(database: Database) -> None:
    """Damage is named alike however many read, as projector and as auditor."""
    log = a_log()
    fill(database, log)
    with psycopg.connect(database.admin) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM log.records WHERE index IN (77, 300)")
        connection.execute("UPDATE log.records SET seq = seq + 900 WHERE index = 120")
    for login in ("projector", "auditor"):
        with PostgresEvidence(database.dsn(login)) as source:
            reports = [
                audit(
                    source,
                    origin=log.origin,
                    vkeys=log.vkeys,
                    kek=log.kek,
                    workers=workers,
                    replay=False,
                )
                for workers in (0, 2)
            ]
        assert not reports[0].ok
        assert reports[0] == reports[1]


def test_a_process_that_may_not_connect_says_why(database: Database) -> None:
    """A server whose connections are all taken is named, not a process that ended."""
    log = a_log()
    fill(database, log)
    dsn = database.dsn("projector")
    login = sql.Identifier(str(conninfo_to_dict(dsn)["user"]))
    limit = sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}")
    with (
        PostgresEvidence(dsn) as source,
        psycopg.connect(database.admin, autocommit=True) as connection,
    ):
        connection.execute(limit.format(login, 1))
        try:
            with pytest.raises(Unavailable) as refused:
                audit(
                    source,
                    origin=log.origin,
                    vkeys=log.vkeys,
                    kek=log.kek,
                    workers=2,
                    replay=False,
                )
        finally:
            connection.execute(limit.format(login, -1))
    assert "too many connections" in refused.value.why


def test_notes_of_any_number_stay_in_the_server(database: Database) -> None:
    """Whoever has the checkpointer's login stores one for each record; no audit holds all of them."""
    log = a_log()
    fill(database, log)
    with psycopg.connect(database.admin) as within:
        source = PostgresEvidence(database.admin, within=within)
        notes = iter(source.checkpoints())
        first = next(notes)
        row = within.execute("SELECT count(*) FROM pg_cursors").fetchone()
        assert (row, first.size) == ((1,), min(log.signed))
        again = [one.size for one in source.checkpoints()]  # while the others wait
        assert again == [first.size, *(one.size for one in notes)] == sorted(source.sizes())
