"""A disk that is really full, under a real server: the file system says so, nobody pretends.

Two ways it can end: a table cannot grow (SQLSTATE 53100, the server goes on), or the write-ahead
log cannot (the server stops itself). In both nothing that was acknowledged is lost.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from werkzeug.test import TestResponse

from api.ops.embedded_postgres import DiskFull, Embedded, EmbeddedError
from api.ops.service.database_watch import DatabaseWatch
from api.ops.wiring.key_files import open_kek
from ledger.audit.audit import audit
from ledger.errors import Unavailable
from ledger.files.folder_store import FolderBlobs
from ledger.log.statement import Statement
from ledger.ports import Draft, SealedRecord
from ledger.postgres import migrate
from ledger.postgres.connect import connect, open_pool
from ledger.postgres.evidence import PostgresEvidence
from ledger.postgres.recorder import GroupAppender
from ledger.postgres.records import PostgresRecords
from ledger.postgres.ticket import TicketKey, keep_ticket_key
from tests import builders
from tests.builders import an_act
from tests.contract.append import a_draft, entropy
from tests.e2e.test_attachments import DATA, declared, upload
from tests.fixtures.app import Service, found, open_service
from tests.fixtures.postgres import Database, install_database

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.operation]

_SIZE_MIB = 160
_WAIT_S = 300


@dataclass(slots=True)
class Disk:
    """A file system of its own, small enough to be filled."""

    path: Path

    @property
    def free_bytes(self) -> int:
        """What is left on it."""
        found_ = os.statvfs(self.path)
        return found_.f_bavail * found_.f_frsize

    def fill(self, leave_bytes: int) -> None:
        """Something else takes all of it but this."""
        with (self.path / "ballast").open("ab", buffering=0) as ballast:
            while (free := self.free_bytes) > leave_bytes:
                ballast.write(bytes(min(free - leave_bytes, 1 << 20)))

    def make_room(self) -> None:
        """The operator finds what it was and takes it away."""
        (self.path / "ballast").unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Mounted for one test; where that is not allowed there is no small disk to fill."""
    path = tmp_path / "disk"
    path.mkdir()
    size = f"size={_SIZE_MIB}m,mode=0755"
    with _mounted(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(path)], path):
        yield Disk(path)


@contextmanager
def _mounted(command: list[str], path: Path) -> Iterator[None]:
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError:
        pytest.skip("there is no mount here")
    if done.returncode != 0:
        pytest.skip("mounting a file system is not allowed here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(path)], check=True)  # noqa: S607 - what was mounted above


@pytest.fixture
def tight(disk: Disk) -> Iterator[Database]:
    """A database whose server has only that disk."""
    server = Embedded(disk.path / "home")
    server.start()
    made = install_database(server)
    yield made
    made.close()
    server.stop()


def _begin_segment(database: Database) -> None:
    """What is written now begins a file of the write-ahead log, 16 MiB that are taken at once."""
    with psycopg.connect(database.admin, autocommit=True) as connection:
        connection.execute("SELECT pg_switch_wal()")


def _log_of(database: Database) -> str:
    return (database.server._root / "server.log").read_text("utf-8")


def test_who_would_connect_to_a_server_on_a_full_disk_is_told_so(
    tight: Database, disk: Disk
) -> None:
    """It keeps a file for each database, made anew behind any change of the schema.

    An operator was sent to try again in a few seconds, and from `socai migrate` into a trace.
    """
    for path in (tight.server._data).rglob("pg_internal.init"):
        path.unlink()
    disk.fill(leave_bytes=0)
    with closing(open_pool(tight.dsn("reader"))) as pool:
        _assert_told(lambda: PostgresRecords(pool).head())  # by whoever waits for a connection
    for ask in (
        lambda: connect(tight.dsn("reader")),
        lambda: migrate.ahead(tight.admin, tight.slug),
        lambda: keep_ticket_key(tight.dsn("migrator"), tight.slug, TicketKey(bytes(32))),
    ):
        _assert_told(ask)
    disk.make_room()
    connect(tight.dsn("reader")).close()


def _assert_told(ask: Callable[[], object]) -> None:
    with pytest.raises(Unavailable) as refused:
        ask()
    assert refused.value.code == "disk_full"
    assert "No space left on device" in refused.value.why


@pytest.mark.usefixtures("made_clusters")
def test_a_server_that_has_no_room_to_start_is_told_in_a_line(tight: Database, disk: Disk) -> None:
    """At once, and no more; of whatever else is in its way the end of its log is shown."""
    tight.disconnect()
    tight.server.stop()
    for server, leave_bytes in ((Embedded(disk.path / "another"), 3 << 20), (tight.server, 0)):
        disk.fill(leave_bytes)
        with pytest.raises(DiskFull) as refused:
            server.start()
        assert str(refused.value).startswith(f"{server._root}: ")
        assert str(refused.value).endswith("No space left on device")
        assert len(str(refused.value).splitlines()) == 1
    disk.make_room()
    tight.server.start()
    (tight.server._data / "postgresql.auto.conf").write_text("shared_buffers = 'none'\n")
    tight.server.stop()
    with pytest.raises(EmbeddedError, match="shared_buffers") as other:
        tight.server.start()
    assert not isinstance(other.value, DiskFull), "the disk was full, and is no more"
    (tight.server._data / "postgresql.auto.conf").write_text("")
    tight.server.start()


def test_a_service_says_once_that_its_database_has_no_room_to_start(
    tight: Database, disk: Disk
) -> None:
    """It was silent, each time anew, but for another server that it would have started again."""
    settings = found(tight, tight.server._home)
    tight.disconnect()
    tight.server.stop()
    disk.fill(leave_bytes=0)
    ended: list[bool] = []
    said: list[str] = []
    kept = DatabaseWatch(settings, lambda: ended.append(True), lambda text: said.append(str(text)))
    ends = time.monotonic() + 15  # three starts
    while not said or time.monotonic() < ends:
        kept.mend()
        time.sleep(0.05)
    assert len(ended) == len(said) == 1
    assert "does not start" in said[0]
    assert "No space left on device" in said[0]
    disk.make_room()
    while not tight.server.running:
        kept.mend()
        time.sleep(0.05)
    kept.break_off(_WAIT_S)
    assert len(ended) == len(said) == 1


# -- a table that cannot grow --------------------------------------------------------------------


@pytest.fixture
def service(tight: Database, tmp_path: Path) -> Iterator[Service]:
    """An enclave in it, with no limit of its own before the disk's."""
    settings = replace(found(tight, tmp_path / "enclave"), proof_wait_s=1)
    made = open_service(settings, tight)
    made.start()
    yield made
    made.stop()


def _report(service: Service, n: int) -> Statement:
    stream = f"case/{builders.an_id(f'full {n}')}"
    act = an_act("ReportReceived", by="hotline", when=service.clock.now(), stream=stream)
    return service.sign(act, "hotline")


def test_the_api_says_that_the_disk_is_full_and_goes_on_once_there_is_room(
    service: Service, tight: Database, disk: Disk
) -> None:
    """503 and nothing recorded; reading goes on; the same bytes are taken once there is room."""
    _begin_segment(tight)
    service.hire("hotline", proven=False)
    assert service.token("hotline")
    disk.fill(leave_bytes=200_000)
    acknowledged: list[Statement] = []
    for n in range(2_000):
        refused = _report(service, n)
        answer = _answered(service, refused)
        problem = answer.get_json()
        if answer.status_code == 201 or problem["recorded"] == "yes":  # proof_late: it is durable
            acknowledged.append(refused)
            continue
        assert (answer.status_code, problem["code"]) == (503, "disk_full"), problem
        assert problem["recorded"] == "nothing"
        assert int(answer.headers["Retry-After"]) > 0
        break
    else:
        pytest.fail("the disk was never full")
    assert "No space left on device" in _log_of(tight)
    assert service.get("/v1/cases", "hotline").status_code == 200
    disk.fill(leave_bytes=0)
    assert not _writes(service)
    disk.make_room()
    assert _writes(service)
    acknowledged.append(_until_proven(service, refused))
    _assert_sound(service, tight)
    compact = [
        one.statement.compact for one in service.reader.read(0, 10_000) if one.statement is not None
    ]
    assert len(set(compact)) == len(compact)
    assert {one.compact for one in acknowledged} <= set(compact)
    assert len(compact) == 3 + len(acknowledged)  # record 0, an appointment, a key


def _answered(service: Service, statement: Statement) -> TestResponse:
    """The answer, once who takes part is known: a busy machine's projector may be seconds late."""
    ends = time.monotonic() + _WAIT_S
    while "audience_late" in (answer := service.send(statement, "hotline")).text:
        assert time.monotonic() < ends, answer.text
        time.sleep(0.2)
    return answer


def _writes(service: Service) -> bool:
    """Whether readiness says that the database can write."""
    checks = service.readiness("writes").get_json()["checks"]
    return bool(next(one["ok"] for one in checks if one["name"] == "writes"))


@pytest.fixture
def apart(database: Database, disk: Disk, tmp_path: Path) -> Iterator[Service]:
    """An enclave whose files of acts alone lie on that disk."""
    settings = found(database, tmp_path / "enclave")
    settings = replace(settings, blobs=str(disk.path / "blobs"), min_free_mib=1)
    made = open_service(settings, database)
    made.start()
    yield made
    made.stop()


def test_a_disk_of_files_alone_that_is_full_is_told(apart: Service, disk: Disk) -> None:
    """Each file was refused, and nobody who asked whether all is well heard of it; acts go on."""
    apart.hire("hotline")
    assert _room(apart) == (True, "1 MiB or more are free")
    disk.fill(leave_bytes=0)
    for digest in ({}, declared(DATA)):  # sealed once before its digest is known, or at once
        sent = upload(apart, DATA, **digest)
        assert (sent.status_code, sent.get_json()["code"]) == (503, "disk_full"), digest
    with pytest.raises(Unavailable, match="disk_full"):  # where no limit of ours comes before it
        FolderBlobs(disk.path / "blobs").put(UUID(int=1), [DATA])
    assert apart.send(_report(apart, 0), "hotline").status_code == 201
    told, detail = _room(apart)
    assert (told, "where files of acts lie" in detail) == (False, True), detail
    disk.make_room()
    assert upload(apart).status_code == 201
    assert _room(apart)[0]


def test_a_home_alone_that_is_full_stops_nothing_that_runs(
    database: Database, disk: Disk, tmp_path: Path
) -> None:
    """Whoever runs the database and keeps files elsewhere: a note takes the place of the last."""
    settings = found(database, disk.path / "enclave")
    url = database.server.dsn()
    settings = replace(settings, blobs=str(tmp_path / "blobs"), database_url=url)
    made = open_service(settings, database)
    made.start()
    try:
        made.hire("hotline")
        _until_covered(made)
        disk.fill(leave_bytes=0)
        assert upload(made).status_code == 201
        assert made.send(_report(made, 0), "hotline").status_code == 201
        _until_covered(made)
        assert _room(made)[0]
    finally:
        made.stop()


def _until_covered(service: Service) -> None:
    """Waits for a checkpoint of all there is: it is noted in the home before it is stored."""
    ends = time.monotonic() + _WAIT_S
    while (service.enclave.checkpoints.latest() or (0,))[0] < service.size():
        assert time.monotonic() < ends
        time.sleep(0.1)


def _room(service: Service) -> tuple[bool, str]:
    """What readiness says of room on disks."""
    checks = service.readiness("disk", "en").get_json()["checks"]
    return next((one["ok"], one["detail"]) for one in checks if one["name"] == "disk")


def _until_proven(service: Service, statement: Statement) -> Statement:
    ends = time.monotonic() + _WAIT_S
    while (answer := service.send(statement, "hotline")).status_code not in (200, 201):
        assert time.monotonic() < ends, answer.text
        time.sleep(0.2)
    return statement


def _assert_sound(service: Service, database: Database) -> None:
    facts = service.enclave.facts
    with PostgresEvidence(database.dsn("projector")) as evidence:
        report = audit(
            evidence,
            origin=facts.origin,
            vkeys=service.enclave.vkeys,
            kek=open_kek(service.settings),
            genesis=facts.genesis,
        )
    assert report.ok, report.findings


# -- a write-ahead log that cannot grow ----------------------------------------------------------


def _large(n: int) -> Draft:
    """A draft as large as an act with a long text."""
    draft = a_draft(f"case/{n}")

    def seal(at: datetime) -> SealedRecord:
        return replace(draft.seal(at), state=b"\1" + entropy.take(20_000))

    return replace(draft, seal=seal)


def _append_until_refused(appender: GroupAppender) -> tuple[dict[int, Draft], Unavailable]:
    """What was answered, by index, and the refusal that followed."""
    answered: dict[int, Draft] = {}
    for n in range(5_000):
        draft = _large(n)
        try:
            answered[appender.append(draft).index] = draft
        except Unavailable as refused:
            return answered, refused
    pytest.fail("the disk was never full")


@pytest.mark.drill
def test_a_server_that_stops_for_want_of_room_loses_nothing_it_answered(
    tight: Database, disk: Disk
) -> None:
    """Where the write-ahead log is full PostgreSQL ends itself; started again, all is there."""
    appender = tight.appender()
    _begin_segment(tight)
    appender.append(a_draft("case/first"))
    disk.fill(leave_bytes=24 << 20)  # room for the records of one segment, not for the next one
    answered, refused = _append_until_refused(appender)
    assert refused.code == "database_unavailable"
    assert "PANIC" in _log_of(tight)
    assert "No space left on device" in _log_of(tight)
    disk.make_room()
    tight.server.start()
    after = appender.append(_large(5_000)).index
    rows = PostgresRecords(tight.pool("writer")).read(0, 10_000)
    assert [row.index for row in rows] == list(range(after + 1))
    assert all(rows[index].stream_id == draft.stream_id for index, draft in answered.items())
    assert len({row.stream_id for row in rows}) == len(rows)
    assert answered
