"""Backups by `socai backup`, and the way back by `socai restore`, of a cluster in use."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
import signal
import tarfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson
import psycopg
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from api.home import Home
from api.ops.backup import repository, repository_key, taking
from api.ops.backup.repository import CLUSTER, HOME, MANIFEST, BaseCopy, Repository, wal_number
from api.ops.embedded_postgres import CONFIGURATION, Embedded
from api.ops.role_lock import Lock
from api.ops.wiring.logins import role_dsn
from api.settings import Settings
from ledger.errors import Unavailable
from ledger.postgres.connect import Connection, connect
from ledger.postgres.copying import epoch, replication
from ledger.postgres.copying.replication import Replication, WalGone
from tests.a_ledger import a_report
from tests.attacks import attack
from tests.fixtures.app import Service, found, open_service
from tests.fixtures.postgres import make_database

pytestmark = pytest.mark.postgres
_SOON_S: Final = 60
FROM_FILES: Final = "SELECT name FROM pg_settings WHERE source = 'configuration file'"


def socai(settings: Settings, *words: str, lang: str = "en") -> Result:
    """One call of the command for a home, in this process."""
    env = {"SOCAI_HOME": str(settings.home), "SOCAI_MIN_FREE_MIB": "0"}
    if settings.backup_dir is not None:
        env["SOCAI_BACKUP_DIR"] = str(settings.backup_dir)
    return CliRunner().invoke(main, ["--lang", lang, *words], env=env)


def told(result: Result, status: int = 0) -> Any:  # noqa: ANN401 - JSON
    """What a command says with --json."""
    assert result.exit_code == status, result.output + result.stderr
    return orjson.loads(result.stdout or result.stderr)


@dataclass
class Kept:
    """An enclave whose WAL is kept as it is written.

    Attributes:
        service: The enclave.
        settings: Its home, with the repository.
        server: The cluster.
        folder: For other homes.
    """

    service: Service
    settings: Settings
    server: Embedded
    folder: Path
    stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def stream(self) -> None:
        """Begins to keep WAL, as `socai backup stream` does."""
        self.stop.clear()
        arguments = (self.settings, self.stop, lambda _: None)
        self._thread = threading.Thread(target=taking.stream, args=arguments, daemon=True)
        self._thread.start()

    def break_off(self) -> None:
        """Stops keeping WAL."""
        self.stop.set()
        if self._thread is not None:
            self._thread.join()

    def report(self, number: int) -> int:
        """A report, durable and covered by a checkpoint; its index."""
        act = a_report(number, self.service.step(minutes=1))
        return int(self.service.say(act, "hotline")["index"])

    def elsewhere(self, name: str) -> Settings:
        """Another machine: keys and secrets were brought, nothing else, and no memory."""
        home = self.folder / name
        settings = replace(Settings.at(home, min_free_mib=0), backup_dir=self.settings.backup_dir)
        shutil.copytree(self.settings.keys_dir, settings.keys_dir)
        shutil.copytree(self.settings.secrets_dir, settings.secrets_dir)
        shutil.copy(self.server._password_file, settings.secrets_dir / "postgres.password")
        return settings


@pytest.fixture(scope="module")
def kept(own_server: Embedded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """With a full backup, some acts behind it, and the stream broken off."""
    folder = tmp_path_factory.mktemp("b")
    with psycopg.connect(own_server.dsn(), autocommit=True) as admin:
        admin.execute("ALTER SYSTEM SET synchronous_commit = on")  # what is acknowledged is there
        admin.execute("SELECT pg_reload_conf()")
    with closing(make_database(own_server)) as database:
        settings = replace(found(database, folder / "home"), backup_dir=folder / "repository")
        (folder / "repository").mkdir()
        service = open_service(settings, database)
        service.start()
        service.hire("hotline", "cv")
        made = Kept(service, settings, own_server, folder)
        assert socai(settings, "backup", "key").exit_code == 0
        yield made
        made.break_off()
        service.stop()


@pytest.fixture
def copied(kept: Kept) -> None:
    """There is a full backup and an act behind it, whichever test ran before."""
    if not Repository.of(kept.settings).bases():
        kept.stream()
        _full_backup(kept)
        kept.report(40)
        assert told(_followed(kept)) == {"ok": True, "faults": []}
        kept.break_off()


def _metrics(file: Path) -> dict[str, float]:
    """What a file of metrics says, by name and labels."""
    lines = [line.rpartition(" ") for line in file.read_text("utf-8").splitlines()]
    return {name: float(value) for name, _, value in lines if not name.startswith("#")}


def test_what_was_acknowledged_comes_back_on_another_machine(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy, and behind it what the stream kept: every act, sound, and the same root.

    What a check finds stands in a file of metrics too, for whoever asks nobody.
    """
    monkeypatch.setenv("SOCAI_METRICS_FILE", str(file := kept.folder / "backup.prom"))
    kept.stream()
    none = socai(kept.settings, "health", "--role", "archiver")
    assert (none.exit_code, "there is no full backup" in none.stderr) == (1, True), none.output
    taken = told(socai(kept.settings, "backup", "run", "--json"))
    last = [kept.report(number) for number in range(20)][-1]
    assert told(socai(kept.settings, "backup", "check", "--json")) == {"ok": True, "faults": []}
    assert {name.partition("{")[0] for name, value in _metrics(file).items() if not value} == {
        "socai_backup_fault"
    }
    assert told(socai(kept.settings, "health", "--role", "archiver", "--json"))["ok"]
    kept.break_off()
    lost = kept.report(20)
    behind = told(socai(kept.settings, "backup", "check", "--json"), 1)
    assert [one["code"] for one in behind["faults"]] == ["behind"], "what is not kept is said"
    assert {name for name, value in _metrics(file).items() if "fault" in name and value} == {
        'socai_backup_fault{code="behind"}'
    }
    asked = socai(kept.settings, "health", "--role", "archiver")
    assert (asked.exit_code, "KiB of WAL are not kept" in asked.stderr) == (1, True), asked.output

    note = kept.folder / "kept.checkpoint"
    _checkpoint(kept, last + 1, note)
    other = kept.elsewhere("o")
    back = told(socai(other, "restore", "--to-latest", "--checkpoint", str(note), "--json"))
    assert (back["backup"], back["records"]) == (taken["backup"], last + 1)
    assert _recorded_at(kept, last) == datetime.fromisoformat(back["last_at"])
    assert lost == last + 1
    audit = told(socai(other, "log", "audit", "--json", "--workers", "0"))
    assert (audit["ok"], audit["records"]) == (True, last + 1)
    forked = told(socai(other, "backup", "check", "--json"), 1)
    assert [one["code"] for one in forked["faults"]] == ["other_timeline"]
    left = told(socai(other, "restore", "--to-latest", "--checkpoint", str(note), "--json"), 2)
    assert "is not empty" in left["error"]["message"], "what is there is evidence, and stays"


def _recorded_at(kept: Kept, index: int) -> datetime:
    """When a record was taken."""
    asked = "SELECT recorded_at FROM log.records WHERE index = %s"
    with psycopg.connect(kept.service.database.admin) as admin:
        ((at,),) = admin.execute(asked, [index]).fetchall()
    assert isinstance(at, datetime)
    return at


def _checkpoint(kept: Kept, size: int, path: Path) -> None:
    """The log's checkpoint of that size, as somebody kept it."""
    with psycopg.connect(kept.service.database.admin) as admin:
        row = admin.execute("SELECT note FROM log.checkpoints WHERE size = %s", [size]).fetchone()
    assert row is not None
    path.write_bytes(bytes(row[0]))


@attack(
    "a backup from before is restored as if it were the last",
    stopped_by="a checkpoint that is known, without which no restore begins",
    noticed_by="`socai restore`, exit 1, and every start",
)
@pytest.mark.usefixtures("copied")
def test_a_log_shorter_than_what_is_known_of_it_is_not_served(kept: Kept) -> None:
    """It says what is gone, and a start refuses too, without a memory to agree with."""
    base = Repository.of(kept.settings).bases()[0]
    newest = kept.service.size()
    note = kept.folder / "newest.checkpoint"
    _checkpoint(kept, newest, note)
    other = kept.elsewhere("s")
    said = told(
        socai(other, "restore", "--to-time", base.ended_at, "--checkpoint", str(note), "--json"), 1
    )
    assert said["error"]["code"] == "in_doubt"
    assert f"{newest} records are signed over" in said["error"]["message"]
    assert "newer WAL" in said["error"]["message"]
    refused = told(socai(other, "serve", "--role", "checkpointer", "--json"), 2)
    assert "no checkpoint seen" in refused["error"]["message"]


@pytest.mark.usefixtures("copied")
def test_nothing_is_restored_under_a_service_that_runs(kept: Kept) -> None:
    """It would go on with the server that was moved away, and then take the new one for it."""
    note = kept.folder / "served.checkpoint"
    _checkpoint(kept, kept.service.size(), note)
    other = kept.elsewhere("r")
    with closing(Lock(other.home)) as lock:
        lock.take("api")
        said = told(socai(other, "restore", "--to-latest", "--checkpoint", str(note), "--json"), 2)
    assert "is running (api" in said["error"]["message"]
    assert not (other.home / "pg").exists()


@attack(
    "the repository of backups is stolen",
    stopped_by="each part is sealed to a key that is apart",
    noticed_by="-",
)
@pytest.mark.usefixtures("copied")
def test_nothing_in_the_repository_can_be_read(kept: Kept) -> None:
    """Views lie in the open in the cluster and its WAL: here not, nor any key or secret."""
    repository = Repository.of(kept.settings)
    with closing(Replication(role_dsn(kept.settings, _facts(kept), "archiver"))) as line:
        copy = b"".join(data for part, data in line.base("here") if part == "tar")
    shown = [b"PG_VERSION", b"rehearsal.", kept.service.database.slug.encode()]
    assert all(word in copy for word in shown), "what is sealed would show these"
    sealed = [path for path in repository.folder.rglob("*") if path.is_file()]
    there = [path for path in sealed if path.name != "base.json"]
    assert len(there) > 3
    for path in there:
        assert not any(word in path.read_bytes() for word in shown), path
    names = {path.name for path in sealed}
    assert not any(name.endswith((".socaikey", ".socaikek", ".password")) for name in names)


def _facts(kept: Kept) -> Any:  # noqa: ANN401 - facts of an enclave
    return Home(kept.settings).facts()


@attack(
    "the login that takes backups is taken",
    stopped_by="no database lets it in",
    noticed_by="-",
)
def test_whoever_takes_backups_enters_no_database(kept: Kept) -> None:
    """No database lets it in, no slot decodes for it, and it is no superuser."""
    dsn = role_dsn(kept.settings, _facts(kept), "archiver")
    for dbname in (kept.service.database.name, "postgres", "template1"):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(dsn, dbname=dbname)
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(dsn, replication="database")
    with psycopg.connect(kept.service.database.admin) as admin:
        rows = admin.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication"
            " FROM pg_roles WHERE rolname = %s",
            [f"{kept.service.database.slug}_archiver"],
        ).fetchall()
    assert rows == [(False, False, False, False, True)]


@attack(
    "a thief of the archiver's login drops the slot of the stream, and fills every place for one",
    stopped_by="– ; whoever owns the server drops those, and the stream goes on from what is kept",
    noticed_by="the stream, `backup check`, `health --role archiver`",
)
@pytest.mark.usefixtures("copied")
def test_a_stream_whose_slot_was_taken_says_so(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    """What such a thief leaves is slots: they outlive the password, and hold WAL in bounds."""
    dsn, slot = role_dsn(kept.settings, _facts(kept), "archiver"), taking.slot_of(_facts(kept))
    with psycopg.connect(kept.server.dsn(), autocommit=True) as admin:
        admin.execute("ALTER SYSTEM SET wal_keep_size = '1GB'")  # no checkpoint comes between
        admin.execute("SELECT pg_reload_conf()")
        with closing(Replication(dsn)) as thief:
            thief._row(f'DROP_REPLICATION_SLOT "{slot}"'.encode())
            planted = list(_as_many_slots_as_there_are(thief))
        kept.report(60)
        kept.stream()
        try:
            _said(caplog, "slots are in use")
            due = told(socai(kept.settings, "backup", "check", "--json"), 1)
            assert [one["code"] for one in due["faults"]] == ["behind"]
            for name in planted:
                admin.execute("SELECT pg_drop_replication_slot(%s)", [name])
            assert told(_followed(kept)) == {"ok": True, "faults": []}
        finally:
            kept.break_off()
            admin.execute("ALTER SYSTEM RESET wal_keep_size")
            admin.execute("SELECT pg_reload_conf()")


def _as_many_slots_as_there_are(thief: Replication) -> Iterator[str]:
    for n in range(100):
        try:
            thief.slot(f"planted_{n}")
        except Unavailable:
            return
        yield f"planted_{n}"
    raise AssertionError("there are more")


@attack(
    "what was erased is read from a backup of before, with its key",
    stopped_by="the key of backups turns with the epoch",
    noticed_by="`socai backup check`, until a full backup follows",
)
@pytest.mark.usefixtures("copied")
def test_after_a_turn_of_the_epoch_a_full_backup_follows_and_older_ones_go(kept: Kept) -> None:
    """With the key before them: what an erasure was to reach can be read from none."""
    settings, keys = kept.settings, kept.settings.keys_dir
    before = Repository.of(settings).bases()
    old = (keys / "backup.socaikey").read_bytes()
    turned = socai(settings, "key", "epoch", "turn", "--no-sweep")
    assert turned.exit_code == 0, turned.output
    due = told(socai(settings, "backup", "check", "--json"), 1)
    assert "epoch_turned" in [one["code"] for one in due["faults"]]

    kept.stream()
    taken = told(socai(settings, "backup", "run", "--json"))
    assert (taken["turned"], taken["gone"]) == (True, [base.name for base in before])
    assert told(socai(settings, "backup", "check", "--open", "--json"))["ok"], (
        "by the new key alone"
    )
    kept.break_off()
    assert sorted(path.name for path in keys.glob("backup*")) == ["backup.socaikey"]
    assert (keys / "backup.socaikey").read_bytes() != old
    assert len(taken["destroyed"]) == 1
    again = told(socai(settings, "backup", "key", "--json"), 2)
    assert "turns with the epoch" in again["error"]["message"]


@attack(
    "whoever writes in the repository puts a copy there whose server runs what they say",
    stopped_by="a restored server is told what to do by us, and by nothing in the copy",
    noticed_by="what it was told lies beside, as `.from-backup`",
)
@pytest.mark.usefixtures("copied")
def test_a_restored_server_runs_nothing_that_the_copy_says(kept: Kept, tmp_path: Path) -> None:
    """Neither as it recovers nor later; its settings are those of one that was made new."""
    ran = tmp_path / "ran"
    planted = [
        f"recovery_end_command = 'touch {ran}'", f"archive_command = 'touch {ran}'",
        "archive_mode = 'always'", "shared_preload_libraries = 'auto_explain'",
        f"ssl_passphrase_command = 'touch {ran}'",
    ]  # fmt: skip
    repository = Repository.of(kept.settings)
    forged = _forged(kept, repository, planted)
    note = tmp_path / "known.checkpoint"
    _checkpoint(kept, 1, note)
    other = kept.elsewhere("f")
    server = Embedded(other.home)
    try:
        back = told(socai(other, "restore", "--to-latest", "--checkpoint", str(note), "--json"))
        assert back["backup"] == forged.name
        server.stop()
        with psycopg.connect(server.start()) as admin:
            names = {str(name).lower() for (name,) in admin.execute(FROM_FILES).fetchall()}
        assert names == {line.split(" = ")[0] for line in CONFIGURATION["postgresql.conf"]}
        aside = other.home / "pg" / "data" / "postgresql.auto.conf.from-backup"
        assert planted[0] in aside.read_text()
    finally:
        server.stop()
        shutil.rmtree(repository.folder / "base" / forged.name)
    assert not ran.exists()


def _forged(kept: Kept, repository: Repository, planted: list[str]) -> BaseCopy:
    """A newer copy, sealed to the public half, of a cluster that was told something else."""
    keys = repository_key.opening_keys(kept.settings, None, None)
    true = repository.bases()[-1]
    forged = replace(true, name="20990101T000000Z")
    place = repository.begin(forged.name)
    cluster = b"".join(repository.read(true, CLUSTER, keys))
    told_else = b"".join(_told_else(cluster, planted))
    listed = _listed_else(b"".join(repository.read(true, MANIFEST, keys)), told_else)
    parts = {HOME: repository.read(true, HOME, keys), MANIFEST: [listed], CLUSTER: [told_else]}
    for what, data in parts.items():
        repository.write(place, what, data, repository_key.sealing_key(kept.settings).public)
    repository.finish(place, forged)
    return forged


def _told_else(cluster: bytes, planted: list[str]) -> Iterator[bytes]:
    """The same cluster, told something else."""
    made = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(cluster)) as tar,
        tarfile.open(fileobj=made, mode="w") as new,
    ):
        for member in tar:
            data = tar.extractfile(member).read() if member.isfile() else b""  # type: ignore[union-attr]
            if member.name in ("postgresql.conf", "postgresql.auto.conf"):
                data += "".join(f"{line}\n" for line in planted).encode()
                member.size = len(data)
            new.addfile(member, io.BytesIO(data))
    yield made.getvalue()


def _listed_else(manifest: bytes, cluster: bytes) -> bytes:
    """The list of files that goes with it: it is sealed to the same public half."""
    made = orjson.loads(manifest)
    assert {one["Checksum-Algorithm"] for one in made["Files"]} == {"SHA256"}
    with tarfile.open(fileobj=io.BytesIO(cluster)) as tar:
        for one in made["Files"]:
            if one["Path"] in ("postgresql.conf", "postgresql.auto.conf"):
                data = tar.extractfile(one["Path"]).read()  # type: ignore[union-attr]
                one.update(Size=len(data), Checksum=hashlib.sha256(data).hexdigest())
    return orjson.dumps(made)


@pytest.mark.usefixtures("copied")
def test_a_gap_is_said_and_a_damaged_part_is_named(kept: Kept) -> None:
    """Before it is needed, and not when it is."""
    repository = Repository.of(kept.settings)
    newest = repository.bases()[-1]
    sealed = repository.folder / "base" / newest.name / "manifest.sealed"
    whole = sealed.read_bytes()
    sealed.write_bytes(bytes(len(whole)))
    said = told(socai(kept.settings, "backup", "check", "--open", "--json"), 1)
    assert "unopened" in [one["code"] for one in said["faults"]]
    other = kept.elsewhere("damaged")
    remembered = kept.folder / "known.checkpoint"
    remembered.write_bytes((kept.settings.seen_dir / "checkpointer" / "checkpoint").read_bytes())
    refused = socai(other, "restore", "--to-latest", "--checkpoint", str(remembered), "--json")
    text = told(refused, 1)["error"]["message"]
    assert f"Nothing was restored: base/{newest.name}/manifest is not a sealed part" in text
    assert "restore again from what is left" in text
    sealed.write_bytes(whole[:-2])  # without a key too
    said = told(socai(kept.settings, "backup", "check", "--json"), 1)
    assert [one["text"] for one in said["faults"] if one["code"] == "unopened"] == [
        f"full backup {newest.name} is cut short: run socai backup run"
    ]
    sealed.write_bytes(whole)
    beyond = repository.segment(f"{newest.next_wal[:16]}{int(newest.next_wal[16:], 16) + 9:08X}")
    beyond.touch()
    said = told(socai(kept.settings, "backup", "check", "--json"), 1)
    assert "gap" in [one["code"] for one in said["faults"]]
    beyond.unlink()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["restore"], "either --to-latest or --to-time"),
        (["restore", "--to-latest", "--to-time", "2026-01-01T00:00:00Z"], "either"),
        (["restore", "--to-time", "2001-01-01T00:00:00Z"], "no full backup was over by then"),
        (["restore", "--to-time", "9999-01-01T00:00:00Z"], "is yet to come"),
        (["restore", "--to-latest"], "bring keys and secrets first"),
    ],
)
@pytest.mark.usefixtures("copied")
def test_a_restore_that_cannot_be_is_one_sentence(kept: Kept, words: list[str], says: str) -> None:
    """And nothing is made."""
    nowhere = replace(kept.settings, home=kept.folder / "nowhere")
    with suppress(FileNotFoundError):
        shutil.rmtree(nowhere.home)
    nowhere.home.mkdir()
    key = ["--key", str(kept.settings.keys_dir / "backup.socaikey")] if words[1:] else []
    secret = ["--passphrase-file", str(kept.settings.secrets_dir / "backup.passphrase")]
    result = socai(nowhere, *words, *key, *(secret if key else []))
    assert result.exit_code == 2
    assert says in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert list(nowhere.home.iterdir()) == []


@pytest.mark.usefixtures("copied")
def test_a_wrong_passphrase_of_backups_is_a_call_that_was_wrong(kept: Kept, tmp_path: Path) -> None:
    """Status 2 and the file's name: nothing is damaged, and nothing is laid down."""
    key = kept.settings.keys_dir / "backup.socaikey"
    wrong = tmp_path / "wrong"
    wrong.write_text("another\n", "ascii")
    wrong.chmod(0o600)
    opened = ["--key", str(key), "--passphrase-file", str(wrong), "--json"]
    checked = told(socai(kept.settings, "backup", "check", "--open", *opened), 2)
    assert checked["error"]["code"] == "wrong_passphrase"
    other = kept.elsewhere("wrong")
    remembered = tmp_path / "kept.checkpoint"
    remembered.write_bytes((kept.settings.seen_dir / "checkpointer" / "checkpoint").read_bytes())
    restored = ["restore", "--to-latest", "--checkpoint", str(remembered), *opened]
    assert told(socai(other, *restored), 2) == checked
    assert not (other.home / "pg").exists()


@pytest.mark.usefixtures("copied")
def test_without_a_memory_no_restore_begins(kept: Kept) -> None:
    """Nothing else tells whether all came back."""
    other = kept.elsewhere("m")
    said = told(socai(other, "restore", "--to-latest", "--json"), 2)
    assert "has seen no checkpoint" in said["error"]["message"]
    assert not (other.home / "pg").exists()


@pytest.mark.parametrize("word", ["run", "list", "check", "expire", "stream"])
def test_without_a_repository_or_a_key_it_is_one_sentence(kept: Kept, word: str) -> None:
    """Wrong use, status 2."""
    unset = socai(replace(kept.settings, backup_dir=None), "backup", word)
    assert (unset.exit_code, "set SOCAI_BACKUP_DIR" in unset.stderr) == (2, True)
    if word in ("run", "check", "stream"):
        aside = kept.settings.home / "backup.aside"
        (kept.settings.home / "backup.pub").rename(aside)
        keyless = socai(kept.settings, "backup", word)
        aside.rename(kept.settings.home / "backup.pub")
        assert (keyless.exit_code, "run `socai backup key`" in keyless.stderr) == (2, True)


@pytest.mark.parametrize(("lang", "who"), [("en", "the server's owner"), ("vi", "chủ máy chủ")])
def test_where_the_archiver_may_not_replicate_it_says_whose_move_it_is(
    kept: Kept, lang: str, who: str
) -> None:
    """As on a managed server, whose administrator made an enclave without it."""
    login = f"{kept.service.database.slug}_archiver"
    with psycopg.connect(kept.service.database.admin, autocommit=True) as admin:
        admin.execute(f'ALTER ROLE "{login}" NOREPLICATION')
        try:
            refused = socai(kept.settings, "backup", "run", lang=lang)
        finally:
            admin.execute(f'ALTER ROLE "{login}" REPLICATION')
    assert refused.exit_code == 1, refused.output
    assert who in refused.stderr
    assert f"ALTER ROLE {login} REPLICATION" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("lang", ["en", "vi"])
def test_a_full_disk_is_one_sentence_with_the_file_and_leaves_nothing(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, lang: str
) -> None:
    """Least of all half a copy, which would keep the disk full for the stream beside it."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    copies = Repository.of(kept.settings).folder / "base"
    before = sorted(copies.glob("*"))  # where no test before took one, there is no folder yet
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        done = socai(kept.settings, "backup", "run", lang=lang)
    assert done.exit_code == 1
    assert "cluster.sealed" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert sorted(copies.glob("*")) == before


def test_a_stream_waits_for_room_and_goes_on(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What was acknowledged meanwhile is kept too, from where the stream had stopped."""
    _full_backup(kept)
    real, left = repository._write_all, [3]

    def full(handle: int, data: bytes) -> None:
        if left[0]:
            left[0] -= 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle, data)

    monkeypatch.setattr(repository, "_write_all", full)
    kept.stream()
    kept.report(30)
    assert told(_followed(kept)) == {"ok": True, "faults": []}
    assert not left[0]
    assert caplog.text.count("No space left") == 1  # it may take the whole night
    kept.break_off()


def test_a_stream_goes_on_behind_a_server_that_was_killed(kept: Kept) -> None:
    """It says nothing of its end: the stream ended with a trace, and what came was on one disk."""
    _full_backup(kept)
    kept.stream()
    kept.report(50)
    assert told(_followed(kept)) == {"ok": True, "faults": []}
    os.kill(int((kept.server._data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    kept.server.start()
    kept.service.require_ready()
    kept.report(51)
    assert told(_followed(kept)) == {"ok": True, "faults": []}
    kept.break_off()


@pytest.mark.parametrize("lang", ["en", "vi"])
@pytest.mark.parametrize("stops", ["at the copy", "at the log"])
def test_a_server_that_hangs_ends_a_copy_in_one_sentence_and_leaves_nothing(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, lang: str, stops: str
) -> None:
    """In the middle of what it sends: neither half a copy is there then, nor a slot of it."""
    threading.Event().wait(1.0)  # a copy is named by its second, and the test before took one
    copies = Repository.of(kept.settings).folder / "base"
    before, slots = sorted(copies.glob("*")), _slots(kept)
    hung = _hung(monkeypatch, stops)
    with ThreadPoolExecutor(1) as beside:
        running = beside.submit(socai, kept.settings, "backup", "run", lang=lang)
        try:
            done = running.result(_SOON_S)
        finally:
            for process in hung:
                os.kill(process, signal.SIGCONT)
    assert hung, done.output
    assert done.exit_code == 1
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert sorted(copies.glob("*")) == before
    assert _slots(kept) == slots
    monkeypatch.undo()
    told(socai(kept.settings, "--json", "backup", "run"))


def _hung(monkeypatch: pytest.MonkeyPatch, stops: str) -> list[int]:
    """Has the server's process stopped that a copy asks there; which it was."""
    hung: list[int] = []
    base = Replication.base

    def hang(process: int) -> None:
        os.kill(process, signal.SIGSTOP)
        hung.append(process)

    def hangs_in_the_copy(line: Replication, label: str) -> Iterator[tuple[str, bytes]]:
        for part, data in base(line, label):
            if part == "tar" and not hung:
                hang(line._conn.backend_pid)
                # not before: a machine at work is silent for two seconds, too
                monkeypatch.setattr(replication, "_SILENT_S", 2.0)
            yield part, data

    def hangs_at_once(dsn: str, *, hung_after_s: float) -> Connection:
        assert hung_after_s == epoch._HUNG_S
        connection = connect(dsn, hung_after_s=5.0)
        hang(connection.info.backend_pid)
        return connection

    if stops == "at the copy":
        monkeypatch.setattr(Replication, "base", hangs_in_the_copy)
    else:
        monkeypatch.setattr(epoch, "connect", hangs_at_once)
    return hung


def _slots(kept: Kept) -> Sequence[object]:
    with psycopg.connect(kept.server.dsn()) as admin:
        return admin.execute("SELECT slot_name FROM pg_replication_slots ORDER BY 1").fetchall()


@pytest.mark.parametrize("fault", [errno.EROFS, errno.EACCES, errno.EIO], ids=errno.errorcode.get)
def test_a_stream_ends_where_waiting_does_not_help(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, fault: int
) -> None:
    """A supervisor sees that it ended; the server keeps WAL for it meanwhile, up to its bound."""
    asked = 0

    def refuses(*_: object) -> None:
        nonlocal asked
        asked += 1
        if asked > 1:
            kept.stop.set()
        raise OSError(fault, os.strerror(fault))

    kept.stop.clear()
    kept.report(31 + fault)
    monkeypatch.setattr(repository, "_write_all", refuses)
    with pytest.raises(OSError, match=os.strerror(fault)) as raised:
        taking.stream(kept.settings, kept.stop, lambda _: None)
    assert asked == 1
    assert str(raised.value.filename).endswith(".part")


def test_a_stream_that_was_away_for_too_long_lets_nobody_go_before_a_full_backup(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    """The server keeps WAL within bounds. An act that waits for its second disk waits on."""
    kept.stream()
    _full_backup(kept)
    with (
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(kept.server.dsn(), autocommit=True) as admin,
        _wal_kept_in_bounds_for_two_disks(admin),
    ):
        last = _kept_whole(kept, admin)
        kept.break_off()
        waits = pool.submit(_written, kept.server.dsn())
        _throw_wal_away(kept, admin, last)
        _set(admin, "4GB", '"socai-archiver"')  # the new one stays, however much is written
        kept.stream()
        _said(caplog, "run socai backup run")
        assert not waits.done(), "what it wrote is on one disk"
        _full_backup(kept)
        waits.result(60)
    kept.report(21)
    assert told(socai(kept.settings, "backup", "check", "--json")) == {"ok": True, "faults": []}


def test_what_is_asked_for_in_vain_moves_no_slot(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a copy is made its slot stands at its begin, and the stream asks for what is gone.

    The server takes what it is told for the slot's place, if it hears of it before it has looked.
    """
    kept.break_off()
    kept.stream()
    _full_backup(kept)
    slot, dsn = taking.slot_of(_facts(kept)), role_dsn(kept.settings, _facts(kept), "archiver")
    places: list[int] = []
    monkeypatch.setattr(Replication, "_tell", lambda _, durable: places.append(durable))
    with (
        psycopg.connect(kept.server.dsn(), autocommit=True) as admin,
        _wal_kept_in_bounds_for_two_disks(admin),
        closing(Replication(dsn)) as line,
    ):
        last = _kept_whole(kept, admin)
        kept.break_off()
        _throw_wal_away(kept, admin, last)
        line.slot_anew(slot)
        places.clear()
        held, standing = line.slot(slot), line.standing()
        wanted = wal_number(f"{last + 1:024X}", standing.segment) * standing.segment
        with pytest.raises(WalGone):
            line.stream(slot, wanted, standing.timeline, lambda *_: 0, lambda: False)
    assert (held > wanted, places) == (True, [])


def _said(caplog: pytest.LogCaptureFixture, words: str) -> None:
    """That the stream says so, some time."""
    for _ in range(600):
        if words in caplog.text:
            break
        threading.Event().wait(0.05)
    assert words in caplog.text


def _followed(kept: Kept) -> Result:
    """What is said of the repository, once the stream has come along."""
    checked = socai(kept.settings, "backup", "check", "--json")
    for _ in range(60):
        if checked.exit_code == 0:
            break
        checked = socai(kept.settings, "backup", "check", "--json")
    return checked


def _full_backup(kept: Kept) -> None:
    """One more; a second has one name."""
    for _ in range(40):
        taken = socai(kept.settings, "backup", "run", "--json")
        if "backup_exists" not in taken.stdout + taken.stderr:
            break
        threading.Event().wait(0.1)
    told(taken)


def _kept_whole(kept: Kept, admin: psycopg.Connection) -> int:
    """The newest whole segment that is kept: behind it the stream would go on."""
    admin.execute("SELECT pg_logical_emit_message(false, 'x', 'x')")
    admin.execute("SELECT pg_switch_wal()")
    for _ in range(600):
        if whole := Repository.of(kept.settings).wal():
            return int(whole[-1], 16)
        threading.Event().wait(0.05)
    raise AssertionError("no segment is kept")


def _throw_wal_away(kept: Kept, admin: psycopg.Connection, last: int) -> None:
    """Has the server write until the slot has lost its WAL, and none leads on from a segment."""
    slot = taking.slot_of(Home(kept.settings).facts())
    for _ in range(20):
        admin.execute("SELECT pg_logical_emit_message(false, 'x', repeat('x', 1 << 24))")
        admin.execute("SELECT pg_switch_wal()")
        admin.execute("CHECKPOINT")
        found = admin.execute(_STANDING, [slot]).fetchone()
        if found is not None and found[0] == "lost" and int(found[1], 16) - last > 1:
            return
    raise AssertionError(found)


_STANDING: Final = """
SELECT wal_status, (SELECT min(name) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$')
FROM pg_replication_slots WHERE slot_name = %s
"""


@contextmanager
def _wal_kept_in_bounds_for_two_disks(admin: psycopg.Connection) -> Iterator[None]:
    """Whatever happens within, nobody waits for a second disk behind it."""
    _set(admin, "16MB", '"socai-archiver"')
    try:
        yield
    finally:
        _set(admin, "4GB", "")


def _set(admin: psycopg.Connection, kept_wal: str, standbys: str) -> None:
    admin.execute(f"ALTER SYSTEM SET max_slot_wal_keep_size = '{kept_wal}'".encode())
    admin.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{standbys}'".encode())
    admin.execute("SELECT pg_reload_conf()")


def _written(dsn: str) -> None:
    """Something that is acknowledged once it is on as many disks as the server was told."""
    with psycopg.connect(dsn) as writing:
        writing.execute("CREATE TABLE public.waited ()")
