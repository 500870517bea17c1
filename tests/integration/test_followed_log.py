"""eventsourcing's own tools follow a log on a real PostgreSQL.

The runner, the tracking recorder and the reader are the library's, as shipped; only the view is
ours, as everybody's is. A follower is told what every process of ours believes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.persistence import Tracking
from eventsourcing.popo import POPOTrackingRecorder
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.system import NotificationLogReader
from eventsourcing.utils import get_topic
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from api.ops.wiring.followed_log import followed_log
from keys.jwk import SoftwareSigner
from keys.note import VKey, log_pair
from ledger.checkpoints.log_watch import LogWatch
from ledger.checkpoints.seen_checkpoint import SeenCheckpoint, beginning
from ledger.checkpoints.seen_file import SeenFile
from ledger.checkpoints.verified_checkpoints import SignedCheckpoints
from ledger.errors import Doubt
from ledger.postgres.checkpoints import PostgresCheckpoints
from ledger.postgres.notices import PostgresNotices
from ledger.postgres.records import PostgresRecords
from ledger.postgres.tiles import PostgresTiles
from ledger.streams.event import ContentErased, PositionPassed, StatementRecorded
from ledger.streams.record_reader import Reader
from ledger.write.followed_log import FollowedLog
from projections.engine.projector import Projector
from tests.builders import an_act, an_id
from tests.fixtures.app import Service
from tests.fixtures.postgres import Database
from tests.fixtures.projected import Case, made
from tests.memory_log import ORIGIN, Person
from tests.play_pure import nth_key
from tests.played_log import insert, played

pytestmark = pytest.mark.postgres

_SEEN: LiteralString = "SELECT index, stream, seq, act, digest, status FROM seen ORDER BY index"
_OURS: LiteralString = """
SELECT index, stream, seq, coalesce(act, ''), coalesce(digest, ''),
  CASE status WHEN 'set_aside' THEN 'set aside' WHEN 'erased' THEN 'erased'
  ELSE 'stands' END
FROM proj.acts WHERE gen = (SELECT gen FROM proj.views WHERE view = 'acts' AND state = 'live')
ORDER BY index
"""
Row = tuple[int, str, int, str, str, str]


class Seen(PostgresTrackingRecorder):
    """A row for each record, written with the position in one transaction."""

    def put(self, row: Row, tracking: Tracking) -> None:
        """Takes a record, once."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute("INSERT INTO seen VALUES (%s, %s, %s, %s, %s, %s)", row)


class EventsSeen(Projection[Seen]):
    """Notes what it is told."""

    topics = (get_topic(StatementRecorded),)

    @singledispatchmethod
    def process_event(self, domain_event: Any, tracking: Tracking) -> None:  # noqa: ANN401 - the library's signature
        """Nothing else comes."""
        raise NotImplementedError(type(domain_event), tracking)

    @process_event.register
    def _(self, event: StatementRecorded, tracking: Tracking) -> None:
        assert event.index is not None
        assert tracking == Tracking(ORIGIN, event.index + 1)
        said = event.act.act, event.statement.digest_b64, "stands"
        self.view.put((event.index, event.stream, event.originator_version, *said), tracking)

    @process_event.register
    def _(self, event: PositionPassed, tracking: Tracking) -> None:
        how = "stands" if event.aside is None else "set aside"
        statement = event.statement
        act = "" if statement is None else str(statement.members["event"])
        said = act, event.digest or "", how
        self.view.put((event.index, event.stream, event.originator_version, *said), tracking)

    @process_event.register
    def _(self, event: ContentErased, tracking: Tracking) -> None:
        self.view.put(
            (event.index, event.stream, event.originator_version, "", "", "erased"), tracking
        )


class Follower:
    """Who follows a log from elsewhere: a database of its own, in which it may do anything."""

    def __init__(self, case: Case, dsn: str, folder: Path) -> None:
        self.case = case
        self.memory = SeenFile(folder)
        log_key, pq_key = log_pair(
            ORIGIN, SoftwareSigner.generate("Ed25519"), SoftwareSigner.generate("ML-DSA-44")
        )
        self.vkeys = [log_key.vkey, pq_key.vkey]
        self.memory.write(beginning(log_key, pq_key, time_s=1))
        self.dsn = dsn
        to = conninfo_to_dict(dsn)
        self.env = {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": str(to["dbname"]),
            "POSTGRES_HOST": str(to["host"]),
            "POSTGRES_PORT": str(to["port"]),
            "POSTGRES_USER": str(to["user"]),
            "POSTGRES_PASSWORD": str(to.get("password", "")),
        }

    def log(self) -> type[FollowedLog]:
        """The log, over the projector's login, as the library makes its applications."""
        parts = self._parts()

        class Log(FollowedLog):
            def __init__(self, env: Mapping[str, str] | None = None) -> None:
                super().__init__(*parts, env)

        return Log

    def app(self) -> FollowedLog:
        """One application of it."""
        return FollowedLog(*self._parts())

    def _parts(self) -> tuple[PostgresRecords, Reader, LogWatch, PostgresNotices]:
        records, reader = self.case.reading_log()
        pool = self.case.database.pool("projector")

        def vkeys(_: int) -> list[VKey]:
            return self.vkeys

        watch = LogWatch(
            SeenCheckpoint(self.memory, vkeys, ORIGIN),
            SignedCheckpoints(PostgresCheckpoints(pool), vkeys, ORIGIN, follow=lambda: None),
            records,
            PostgresTiles(pool),
        )
        return records, reader, watch, PostgresNotices(self.case.database.dsn("projector"))

    def runner(self) -> ProjectionRunner[FollowedLog, Seen]:
        """The library's."""
        return ProjectionRunner(
            application_class=self.log(),
            projection_class=EventsSeen,
            view_class=Seen,
            env=self.env,
        )

    def follow(self, size: int) -> None:
        """Until the log has been followed to this size; then the process ends."""
        with self.runner() as runner:
            runner.wait(size, timeout=300)

    def rows(self) -> list[Row]:
        """What was seen."""
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(_SEEN).fetchall()


@contextmanager
def _following(case: Case, folder: Path) -> Iterator[Follower]:
    """A follower of a case's log, with an empty database in the same cluster."""
    name, server = f"{case.database.name}_elsewhere", case.database.server
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    dsn = server.dsn(dbname=name)
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "CREATE TABLE seen (index bigint PRIMARY KEY, stream text, seq bigint, act text,"
            " digest text, status text)"
        )
    yield Follower(case, dsn, folder)
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def follower(sc1: Case, tmp_path: Path) -> Iterator[Follower]:
    """SC1 in its database, and who follows it."""
    with _following(sc1, tmp_path) as follower:
        yield follower


def _ours(case: Case) -> list[Row]:
    """What our projector has made of the same log, once it has looked back."""
    projector = Projector(case.writing, *case.reading_log(), origin=ORIGIN)
    projector.catch_up()
    while projector.look_back():
        pass
    projector.close()
    with case.reading() as connection:
        return connection.execute(_OURS).fetchall()


def test_a_stock_projection_follows_the_log_to_its_end(follower: Follower) -> None:
    """Whoever knows eventsourcing reads our log with its own tools, and believes what we do."""
    size = len(follower.case.played.log.rows)
    follower.follow(size)
    assert len(follower.rows()) == size
    assert follower.rows() == _ours(follower.case)


def test_a_stock_projection_goes_on_where_it_was_stopped(follower: Follower) -> None:
    """A position is committed with its rows: no record comes twice, and none is missed."""
    size = len(follower.case.played.log.rows)
    with follower.runner() as runner:
        runner.wait(size // 2, timeout=300)
    seen = follower.rows()
    assert size // 2 <= len(seen)
    follower.follow(size)
    assert follower.rows() == _ours(follower.case)
    assert follower.rows()[: len(seen)] == seen
    follower.follow(size)  # at the end nothing comes again


def test_a_follower_is_told_what_is_set_aside_and_what_is_erased(
    database: Database, tmp_path: Path
) -> None:
    """Junk by a stolen login moves no follower either, and an erased record stops none.

    The first piece is legal in its state, so that only a guard refuses it; the second is signed
    by nobody, behind an erased record of its case, where guards cannot be asked any more. A
    follower is told so at once, since nothing can be taken back from it.
    """
    log = played("SC1")
    stream = log.player.cases["C1"]
    at = next(
        i
        for i, s in enumerate(log.log.statements)
        if s.members["stream"] == stream and s.members["act"] == "ReporterIdentitySealed"
    )
    log.erase(at)
    registrar = log.log.registrar
    refused = log.log.sign(
        log.log.act("OfficialInformationReleased", f"case/{log.log.uuid()}", registrar), registrar
    )
    for_nobody = log.log.act("ReporterInformed", stream, registrar)
    stranger = Person(registrar.uuid, nth_key(99), registrar.post)
    unsigned = log.log.sign(for_nobody, stranger)
    case = made(database, log)
    with psycopg.connect(database.admin) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM log.wraps WHERE index = %s", [at])
    with _following(case, tmp_path) as follower:
        follower.follow(len(log.log.rows))
        seen = {row[0]: row for row in follower.rows()}
        assert seen[at][5] == "erased"
        assert [seen[row.at][5] for row in (refused, unsigned)] == ["set aside"] * 2
        assert list(seen.values()) == _ours(case)


def test_a_follower_of_a_longer_log_does_not_go_on(follower: Follower) -> None:
    """An old backup in the place of the log: what was followed is not its beginning any more."""
    size = len(follower.case.played.log.rows)
    with pytest.raises(Doubt, match=f"the log has {size} records, and {size + 1}"):
        follower.app().recorder.subscribe(gt=size + 1)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("UPDATE log.log_head SET size = %s", "have been followed"),
        ("UPDATE log.records SET entry = sha256(entry) WHERE index = %s", "another than the one"),
    ],
    ids=["shorter", "another record"],
)
def test_a_log_that_changes_while_it_is_followed_is_not_gone_on_with(
    follower: Follower, harm: LiteralString, said: str
) -> None:
    """No checkpoint covers the last record yet, and it was handed out: it has to stay."""
    last = len(follower.case.played.log.rows) - 1
    recorder = follower.app().recorder
    assert recorder.select_notifications(None, 1_000)[-1].id == last + 1
    assert recorder.select_notifications(last + 2, 1_000) == []
    with psycopg.connect(follower.case.database.admin) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(harm, [last])
    with pytest.raises(Doubt, match=said):
        recorder.select_notifications(last + 2, 1_000)
    with pytest.raises(Doubt, match=said):
        recorder.select_events(UUID(bytes=follower.case.played.log.rows[0].stream_id))


def test_a_follower_that_has_seen_another_log_is_told_nothing(follower: Follower) -> None:
    """Not even the first section, where no position could say so."""
    follower.memory.write(b"of another log\n")
    with pytest.raises(Doubt, match="not of this log"):
        follower.app().recorder.select_notifications(None, 10)


def test_a_reader_of_the_librarys_reads_sections_of_the_log(follower: Follower) -> None:
    """Ids begin at 1 and are dense: id n is the record that makes the log n long."""
    rows = follower.case.played.log.rows
    app = follower.app()
    read = list(NotificationLogReader(app.notification_log).read(start=1))
    assert [(one.id, one.originator_version, one.topic) for one in read] == [
        (row.at + 1, row.seq, get_topic(StatementRecorded)) for row in rows
    ]
    assert app.recorder.max_notification_id() == len(rows)
    assert all(row.state == one.state for row, one in zip(rows, read, strict=True)), "sealed"
    assert app.recorder.select_notifications(None, 5, topics=("another.topic",)) == []
    with pytest.raises(TypeError):
        app.recorder.insert_events([])


def test_a_follower_sees_what_is_recorded_while_it_waits(follower: Follower) -> None:
    """A notice that is lost delays and loses nothing: the poll is the truth."""
    log = follower.case.played.log
    with follower.runner() as runner:
        runner.wait(len(log.rows), timeout=300)
        first = len(log.rows)
        row = log.sign(log.act("AgencyRegistered", "agency/x", log.registrar), log.registrar)
        with psycopg.connect(follower.case.database.admin) as connection:
            insert(connection, [row], log.kek)
        runner.wait(first + 1, timeout=300)
    assert follower.rows()[-1][0] == first


class Told(POPOTrackingRecorder):
    """What a projection was told, in memory: the library's default store."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[object] = []


class Listens(Projection[Told]):
    """Keeps every event."""

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:  # noqa: ANN401 - the library's signature
        """Takes one, with its position."""
        self.view.insert_tracking(tracking)
        self.view.events.append(domain_event)


def test_an_enclave_is_followed_by_its_settings_while_it_records(service: Service) -> None:
    """Acts come in by the door, signed; a follower hears of each, and of what the service says."""
    service.enrol_service()
    service.hire("hotline")
    application = followed_log(service.settings)
    with ProjectionRunner(
        application_class=application, projection_class=Listens, view_class=Told
    ) as runner:
        runner.wait(service.enclave.records.head().size, timeout=300)
        anchor = service.anchor()
        runner.wait(anchor.index + 1, timeout=300)
        now, case = service.clock.now(), f"case/{an_id('followed')}"
        act = an_act("ReportReceived", by="hotline", when=now, stream=case)
        index = service.say(act, "hotline")["index"]
        runner.wait(index + 1, timeout=300)
        events = list(runner.view.events)
    assert len(events) == index + 1
    said, last = events[anchor.index], events[index]
    assert isinstance(said, PositionPassed)
    assert said.statement is not None
    assert (said.aside, said.statement.members["event"]) == (None, "CustodyAnchored")
    assert isinstance(last, StatementRecorded)
    assert (last.act.act_id, last.stream, last.index) == (act.act_id, case, index)
    assert all(
        isinstance(one, StatementRecorded) for n, one in enumerate(events) if n != anchor.index
    )
