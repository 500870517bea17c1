"""PostgreSQL keeps the promises of the log of reads, by the reader's login (access.md G5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from functools import partial
from time import sleep
from typing import Any, Final, LiteralString, cast
from uuid import UUID, uuid4  # noqa: TID251  any id will do

import psycopg
import pytest

from api.ops.embedded_postgres import Embedded
from keys import read_tags
from keys.envelope_encryption import Kek
from keys.jwk import SoftwareSigner
from ledger.admission import service_statements
from ledger.ports import NoRecords
from ledger.postgres.reads.rows import PostgresReads
from ledger.reads.access_logged import OF_READS, HeldPost, origin_of, row_of
from ledger.reads.founding import found
from ledger.reads.read import NotedRead, ReadLog, ReadNotLogged
from ledger.reads.writer import ReadWriter
from ledger.streams.record_reader import Reader
from tests.contract.reads import NotedReads, ReadLogContract, a_copy, a_read
from tests.fixtures.clock import CountingEntropy
from tests.fixtures.postgres import Database
from tests.fixtures.wire import Wire

pytestmark = pytest.mark.postgres

ACTS = "bacninh.example/ordinary"
POSTS = (HeldPost("so-tttt", "thanh-tra-vien"),)
AT = datetime.fromisoformat("2024-06-04T01:00:00+00:00")
_WAITING: Final[LiteralString] = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ~ 'access.append'
"""
_WHOLE: Final = re.compile(r"\{SEQSCAN.*?scanrelid ([0-9]+)", re.DOTALL)
_RELID: Final = re.compile(r":relid ([0-9]+)")
_COUNTED: Final[LiteralString] = """
SELECT (SELECT count(*) FROM access.records), (SELECT count(*) FROM access.wraps),
  (SELECT count(*) FROM access.tags), (SELECT count(*) FROM access.streams)
"""
_OF_A_ROW: Final = ("id", "entry", "state", "wrap")
_STATE: Final = b"\1" + bytes(600)
_END_READERS: Final[LiteralString] = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND usename ~ '_reader$'
"""


class TestPostgresReads(ReadLogContract):
    """Noted by the reader's login, and read back by what opens the gate."""

    @pytest.fixture
    def reads(self, database: Database) -> NotedReads:
        """A log with its first row."""
        key, kek, signer = b"k" * 32, Kek.generate(), SoftwareSigner.generate("Ed25519")
        entropy, pool = CountingEntropy("reads"), database.pool("reader")
        store = PostgresReads(pool, read_tags.gate(key))
        found(
            store,
            acts=ACTS,
            level="ordinary",
            genesis="0" * 64,
            vkeys=["a", "b"],
            signer=signer,
            kek=kek,
            key=key,
            entropy=entropy,
            at=AT,
        )
        log = ReadWriter(
            store=store,
            signer=signer,
            kek=kek,
            key=key,
            entropy=entropy,
            origin=origin_of(ACTS),
            level="ordinary",
            now=lambda: AT,
            posts=lambda _by, _at: POSTS,
        )
        other = PostgresReads(database.pool("reader"), read_tags.gate(key))
        reader = Reader(NoRecords(), kek, origin_of(ACTS))

        def noted() -> list[NotedRead]:
            opened = [reader.open(row) for row in reversed(other.noted([], 2**62, 1000))]
            assert [one.index for one in opened] == list(range(1, len(opened) + 1))
            statements = [one.statement for one in opened]
            events = [service_statements.parse(one.members, OF_READS) for one in statements if one]
            return [row_of(event).read for event in events]

        def refuse() -> None:
            with psycopg.connect(database.admin) as admin:
                admin.execute("REVOKE ALL ON SCHEMA access FROM PUBLIC")
                admin.execute("SELECT set_config('session_replication_role', 'replica', true)")
                admin.execute("DELETE FROM access.log_head")

        return NotedReads(log, noted, refuse)

    def test_of_two_at_once_in_one_place_one_stands(
        self, reads: NotedReads, database: Database
    ) -> None:
        """Both found it free before either wrote: whoever comes second is told so."""
        chain, copied = uuid4(), [replace(a_copy(), purpose=str(n)) for n in range(2)]
        with (
            psycopg.connect(database.admin, autocommit=True) as watching,
            psycopg.connect(database.admin) as admin,
            ThreadPoolExecutor(2) as pool,
        ):
            admin.execute("SELECT FROM access.log_head FOR UPDATE")
            others = _another(reads.log, database)
            told = [
                pool.submit(log.note_at, one, chain, 1, None)
                for log, one in zip((reads.log, others), copied, strict=True)
            ]
            for _ in range(600):
                if watching.execute(_WAITING).fetchone() == (2,):
                    break
                sleep(0.05)
            else:
                pytest.fail("nobody waits")
            admin.rollback()
            assert sorted(one.result() for one in told) == [False, True]
        (stands,) = reads.noted()
        assert told[int(stands.purpose)].result()

    def test_what_is_elsewhere_is_not_noted(self, reads: NotedReads, database: Database) -> None:
        """The row that was seen at an index stands there, or nothing is noted."""
        writer = cast("ReadWriter", reads.log)
        stored = cast("PostgresReads", writer._store)
        (entry,) = stored.entries(0, 1)
        for held, good in (((0, entry), True), ((0, b"x" * 32), False), ((9, entry), False)):
            other = _another(writer, database, partial(_held, held))
            with nullcontext() if good else pytest.raises(ReadNotLogged):
                other.note([a_read()])
        assert len(reads.noted()) == 1

    @pytest.mark.parametrize("form", ["one", "many"])
    def test_what_is_no_row_is_refused_and_nothing_stands(
        self, reads: NotedReads, database: Database, form: str
    ) -> None:
        """By the login that may note: no check of a table asks, so the function does."""
        reads.log.note([a_read()])
        good = _a_row(form)
        with psycopg.connect(database.dsn("reader"), autocommit=True) as thief:
            for bad in _no_rows(form):
                with pytest.raises(psycopg.Error):
                    thief.execute(*_appending(form, good | bad))
            with psycopg.connect(database.admin) as admin:
                assert admin.execute(_COUNTED).fetchone() == (2, 2, 5, 2)
            assert thief.execute(*_appending(form, good)).fetchone() == ("ok",)

    def test_a_connection_that_is_kept_is_lost_without_harm(
        self, reads: NotedReads, database: Database
    ) -> None:
        """A server that began anew while nobody read costs nobody's read."""
        kept = _another(reads.log, database, keeps=True)
        kept.note([a_read()])
        with psycopg.connect(database.admin, autocommit=True) as admin:
            admin.execute(_END_READERS)
        kept.note([a_read()])
        assert len(reads.noted()) == 2
        cast("PostgresReads", kept._store).close()
        kept.note([a_read()])
        cast("PostgresReads", kept._store).close()
        assert len(reads.noted()) == 3

    def test_a_row_whose_answer_is_lost_is_not_written_again(
        self, reads: NotedReads, database: Database, postgres_server: Embedded
    ) -> None:
        """It may stand: nothing is shown, and nobody writes a second row for the same read."""
        wire = Wire(postgres_server.host, postgres_server.port)
        kept = _another(reads.log, database, keeps=True, wire=wire)
        kept.note([a_read()])
        wire.lose_next_answer(b"note")
        with pytest.raises(ReadNotLogged):
            kept.note([a_read()])
        assert (len(reads.noted()), wire.lost) == (2, 1)
        kept.note([a_read()])
        chain = uuid4()
        wire.lose_next_answer(b"note")
        with pytest.raises(ReadNotLogged):
            kept.note_at(a_copy(), chain, 1, None)
        assert (len(reads.noted()), wire.lost) == (4, 2)
        cast("PostgresReads", kept._store).close()
        wire.close()

    def test_a_row_is_planned_once_and_goes_through_no_table(
        self, reads: NotedReads, database: Database
    ) -> None:
        """Over a log that was empty when it was planned."""
        plans: list[str] = []
        other = _another(reads.log, database, keeps=True)
        stored = cast("PostgresReads", other._store)
        stored._kept = kept = stored._pool.getconn()
        kept.execute("SET debug_print_plan = on")
        kept.execute("SET client_min_messages = log")
        kept.add_notice_handler(lambda told: plans.append(told.message_detail or ""))
        kept.execute("SELECT sum(relpages) FROM pg_class")
        assert [len(_gone_through(plan)) for plan in plans] == [1]
        for _ in range(8):
            other.note([a_read()])
            other.note([a_read(), a_read()])
        del plans[0]
        assert plans
        gone_through = [relid for plan in plans for relid in _gone_through(plan)]
        with psycopg.connect(database.admin) as admin:
            named = admin.execute("SELECT unnest(%s::oid[])::regclass::text", [gone_through])
            of_a_few_rows = {"access.log_head", "log.enclave", "log.epochs", "log.epochs_given_up"}
            assert {name for (name,) in named} <= of_a_few_rows
        plans.clear()
        other.note([a_read()])
        other.note([a_read(), a_read(), a_read()])
        stored.close()
        assert plans == []


def _a_row(form: str) -> dict[str, Any]:
    """What either function takes, by the names of its parameters: of form alone, signed by nobody.

    Of many it is two.
    """
    kek, n = b"k" * 16, 1 if form == "one" else 2
    said: dict[str, Any] = {
        "stream": UUID("00000000-0000-5000-8000-000000000001"),
        "name": "reads/00000000-0000-4000-8000-000000000001", "seq": 1, "at": AT,
        "id": [uuid4() for _ in range(n)], "entry": [b"e" * 32] * n, "state": [_STATE] * n,
        "kek": kek, "wrap": [b"\1" + kek + b"w" * 60] * n, "of": [1, n],
        "tags": [b"s" * 32, b"t" * 32],
    }  # fmt: skip
    if form == "one":
        del said["kek"], said["of"]
        said["tags"] = b"".join(said["tags"])
        said |= {name: said[name][0] for name in _OF_A_ROW}
    return said


def _no_rows(form: str) -> Iterator[dict[str, Any]]:
    """Each what is no row by one thing alone; of many the second is none."""
    good = _a_row(form)
    bad: dict[str, Any] = {
        "id": UUID("00000000-0000-5000-8000-000000000002"), "entry": b"e" * 31,
        "state": _STATE[:511], "wrap": b"\1" + b"k" * 16 + b"w" * 59,
    }  # fmt: skip
    bad_too = {"entry": b"e" * 33, "state": b"\2" + _STATE, "wrap": b"\2" + b"k" * 76}
    for name, value in (*bad.items(), *bad_too.items(), *dict.fromkeys(bad).items()):
        yield {name: value if form == "one" else [good[name][0], value]}
    yield {"tags": b"s" * 63 if form == "one" else [b"s" * 32, b"t" * 31]}
    yield {"tags": None}
    yield {"at": "infinity"}
    yield {"at": AT.replace(microsecond=1)}
    yield {"stream": UUID("00000000-0000-4000-8000-000000000001")}
    yield {"name": "reads/1"}
    yield {"name": "ledger"}
    if form == "many":
        yield {"tags": [b"s" * 32, None]}
        yield {"wrap": [good["wrap"][0], b"\1" + b"x" * 16 + b"w" * 60]}
        yield {"kek": b"k" * 15}
        yield {"of": [1, 3]}
        yield {"of": [1]}
        yield {"entry": [good["entry"][0]]}


def _appending(form: str, said: Mapping[str, Any]) -> tuple[bytes, dict[str, Any]]:
    types = {"stream": "uuid", "name": "text", "seq": "bigint", "at": "timestamptz", "id": "uuid",
             "kek": "bytea", "of": "bigint[]"}  # fmt: skip
    each = "" if form == "one" else "[]"
    function = "append_one" if form == "one" else "append"
    casts = [
        f"%({name})s::{types.get(name, 'bytea')}{each if name in (*_OF_A_ROW, 'tags') else ''}"
        for name in said
    ]
    return f"SELECT access.{function}({', '.join(casts)})".encode(), dict(said)


def _gone_through(plan: str) -> list[str]:
    """Ids of the tables that a plan goes through whole."""
    tables = [_RELID.search(one) for one in plan.split("{RANGETBLENTRY")[1:]]
    found = [tables[int(one) - 1] for one in _WHOLE.findall(plan)]
    return [one[1] for one in found if one is not None]


def _held(seen: tuple[int, bytes]) -> tuple[int, bytes]:
    return seen


def _another(
    log: ReadLog,
    database: Database,
    held: Callable[[], tuple[int, bytes] | None] = lambda: None,
    *,
    keeps: bool = False,
    wire: Wire | None = None,
) -> ReadWriter:
    """Another process that notes in the same log."""
    one = cast("ReadWriter", log)
    gate = read_tags.gate(b"k" * 32)
    pool = database.pool("reader", port=None if wire is None else wire.port)
    return ReadWriter(
        store=PostgresReads(pool, gate, held, keeps=keeps),
        signer=one._signer,
        kek=one._kek,
        key=one._key,
        entropy=CountingEntropy(f"other {uuid4()}"),
        origin=one._origin,
        level="ordinary",
        now=lambda: AT,
        posts=lambda _by, _at: POSTS,
    )
