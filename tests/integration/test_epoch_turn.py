"""The epoch turns under a running service: nothing is lost, and the old KEK opens nothing (K9)."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from itertools import count
from pathlib import Path
from time import sleep
from typing import Any, Final, LiteralString
from uuid import UUID

import orjson
import psycopg
import pytest
from click.testing import CliRunner, Result
from prometheus_client import REGISTRY

from api.cli.main import main
from api.home import Home
from api.ops.epoch import turn as epoch
from api.ops.role_lock import Lock
from api.ops.wiring import followed_log, projector
from api.ops.wiring.genesis import require_genesis
from api.ops.wiring.key_files import open_kek
from api.ops.wiring.logins import role_dsn
from api.settings import Settings, SettingsError
from keys.custody import key_files
from keys.custody.file import read_kek
from keys.custody.key_files import KeyFiles, next_path, old_path
from keys.envelope_encryption import Kek
from keys.errors import Unsealable
from ledger.audit.audit import audit
from ledger.audit.report import Report
from ledger.erasure import epoch_turn
from ledger.errors import Unavailable
from ledger.ports import Draft
from ledger.postgres.evidence import PostgresEvidence
from ledger.postgres.keeping.epochs import PostgresEpochs
from ledger.postgres.keeping.keeper import PostgresKeeper
from ledger.streams.record_reader import Reader
from tests.attacks import attack
from tests.builders import an_act, an_id
from tests.contract.append import a_draft
from tests.fixtures.app import Service

pytestmark = pytest.mark.postgres

_ALONE = b"""
SELECT access.append_one('00000000-0000-5000-8000-000000000001', %s, 1, %s, gen_random_uuid(), %s,
  %s, %s, '')
"""


def socai(service: Service, *words: str) -> Result:
    """One call of the command, in this process."""
    env = {"SOCAI_HOME": str(service.settings.home), "SOCAI_MIN_FREE_MIB": "0"}
    return CliRunner().invoke(main, ["--lang", "en", *words], env=env)


def filled(service: Service) -> str:
    """A case with a file, read once; the file's path."""
    service.enrol_service()
    service.hire("hotline", "cv")
    sent = {**service.headers("hotline"), "Content-Type": "application/pdf"}
    told = service.client.post("/v1/attachments", data=b"a file", headers=sent).get_json()
    listed = {"name": "Đơn.pdf", **{k: told[k] for k in ("digest", "media_type", "size")}}
    index, act_id = report(service, 1, [listed])
    service.known(index)
    path = f"/v1/acts/{act_id}/attachments/{told['digest']}"
    assert service.get(path, by="hotline").get_data() == b"a file"
    return path


def report(service: Service, number: int, files: Sequence[dict[str, Any]] = ()) -> tuple[int, str]:
    """A new case's first act; its index and id."""
    act = an_act(
        "ReportReceived", by="hotline", when=service.clock.now(),
        stream=f"case/{an_id(f'turned {number}')}", attachments=list(files) or None,
    )  # fmt: skip
    return service.say(act, "hotline")["index"], act.act_id


def audited(service: Service) -> Report:
    """What an audit finds with the keys of the home."""
    facts = service.enclave.facts
    with PostgresEvidence(service.database.dsn("projector")) as source:
        return audit(
            source, origin=facts.origin, vkeys=service.enclave.vkeys,
            kek=open_kek(service.settings), genesis=facts.genesis,
        )  # fmt: skip


def ids(service: Service) -> set[bytes]:
    """Which KEKs anything is wrapped under."""
    with psycopg.connect(service.database.admin) as connection:
        return {
            bytes(row[0])
            for row in connection.execute(
                "SELECT kek_id FROM log.wraps UNION SELECT kek_id FROM log.file_wraps"
                " UNION SELECT substring(wrap FROM 2 FOR 16) FROM log.file_key"
                " UNION SELECT kek_id FROM access.wraps"
            ).fetchall()
        }


def in_force(service: Service) -> Kek:
    """The KEK of the home."""
    home = Home(service.settings)
    return read_kek(home.key_path("kek"), home.passphrase())


def test_a_turn_loses_nothing_and_no_process_is_restarted(service: Service) -> None:
    """Both sides are counted; the service reads and writes on; the old key is nowhere."""
    path = filled(service)
    old, key = in_force(service), Home(service.settings).key_path("kek")
    with psycopg.connect(service.database.admin) as connection:  # made up: it keeps no turn open
        connection.execute(
            "INSERT INTO log.wraps_aside VALUES ('read', '', %s, 9, %s)", [UUID(int=1), bytes(77)]
        )
    told = socai(service, "key", "epoch", "turn", "--no-sweep", "--json")
    assert told.exit_code == 0, told.output
    said = orjson.loads(told.stdout)
    new = in_force(service)
    assert ids(service) == {new.kek_id} != {old.kek_id}
    assert said["wraps_before"] == said["moved"] == said["wraps_after"] > 0
    assert said["ceremony"]["key_ids"] == [said["before"], said["epoch"]]
    assert not next_path(key).exists()
    assert not old_path(key).exists()
    # the same processes: what stood is read, what comes is under the new key
    assert service.get(path, by="hotline").get_data() == b"a file"
    service.known(report(service, 2)[0])
    assert ids(service) == {new.kek_id}
    assert service.enclave.reader.read(0, 1)[0].act is not None
    assert audited(service).ok
    shown = orjson.loads(socai(service, "key", "epoch", "status", "--json").stdout)
    assert [one["wraps_after"] for one in shown["epochs"]] == [said["wraps_after"]]


def test_who_follows_and_who_waits_for_the_lease_forget_the_old_key(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A follower of the log, and the projector of a standby: neither is restarted for it."""
    filled(service)
    old, held = in_force(service), list[KeyFiles[Kek]]()

    def opened(settings: Settings) -> KeyFiles[Kek]:
        held.append(open_kek(settings))
        return held[-1]

    monkeypatch.setattr(key_files, "GRACE_S", 0.0)
    for module in (followed_log, projector):
        monkeypatch.setattr(module, "open_kek", opened)
    application: Any = followed_log.followed_log(service.settings)
    waiting, _, pool = projector.open_projector(service.settings)
    with closing(pool), closing(application()) as follower, closing(waiting):
        with psycopg.connect(service.database.admin) as connection:
            connection.execute(
                "UPDATE proj.lease SET holder = gen_random_uuid(),"
                " until = clock_timestamp() + interval '10 minutes'"
            )
        assert not waiting.advance()
        assert follower.recorder.select_notifications(None, 1)
        assert all(old in keks.every for keks in held)
        assert socai(service, "key", "epoch", "turn", "--no-sweep").exit_code == 0
        waiting._looked = 0.0  # a second later
        assert not waiting.advance()
        assert follower.recorder.select_notifications(None, 1)
        kept = [keks.of for keks in held]
        for of in kept:
            with pytest.raises(Unsealable):
                of(old.kek_id)
    assert len(kept) == 2


def under(service: Service, at: datetime, kek_id: bytes) -> Draft:
    """The first statement of a stream, wrapped under a key."""
    late = a_draft(at=at, registry_index=service.enclave.ledger.follower.current.index)
    wrap = b"\1" + kek_id + bytes(60)
    return replace(late, seal=lambda at: replace(late.seal(at), kek_id=kek_id, wrap=wrap))


def none_taken_under(service: Service, kek_id: bytes) -> None:
    """Neither a record, nor an event of a file, nor a row of the log of reads."""
    wrap = b"\1" + kek_id + bytes(60)
    before = service.enclave.records.head(), service.enclave.access_log.stored.head()
    for asked in ({}, {UUID(int=1): 0}):  # as a group, and item by item
        late = replace(under(service, service.clock.now(), kek_id), asked=asked)
        with pytest.raises(Unavailable):
            service.database.appender().append(late)
    keeper = PostgresKeeper(service.database.pool("keeper"))
    file = next(iter(keeper.files(in_force(service).kek_id, (UUID(int=0), 0), 1)))
    event = "SELECT log.note_custody(%s, 3, %s, %s, %s)"
    rows = (
        b"SELECT access.append('00000000-0000-5000-8000-000000000001', %s, 1, %s,"
        b" ARRAY[gen_random_uuid()], ARRAY[%s::bytea], ARRAY[%s::bytea], %s, ARRAY[%s::bytea],"
        b" '{}', '{}')"
    )
    named = "reads/00000000-0000-4000-8000-000000000001", service.clock.now()
    entry, state = bytes(32), b"\1" + bytes(600)
    for login, query, values in (
        ("writer", event, [file[0], bytes(32), b"\1" + bytes(300), wrap]),
        ("reader", rows, [*named, entry, state, kek_id, wrap]),
        ("reader", _ALONE, [*named, entry, state, wrap]),
    ):
        with (
            psycopg.connect(service.database.dsn(login)) as connection,
            pytest.raises(psycopg.errors.LockNotAvailable),
        ):
            connection.execute(query, values)
    assert (service.enclave.records.head(), service.enclave.access_log.stored.head()) == before


@attack(
    "a process that slept through the turn wraps under the key that was destroyed, and its record"
    " can never be read",
    stopped_by="log.append, by the epochs that are over",
    noticed_by="the process: it takes the key in force and tries again",
)
def test_nothing_is_taken_under_a_key_whose_epoch_is_over(service: Service) -> None:
    """And what comes under the one in force is."""
    filled(service)
    old = in_force(service)
    assert socai(service, "key", "epoch", "turn", "--no-sweep").exit_code == 0
    none_taken_under(service, old.kek_id)
    size = service.enclave.records.head().size
    sound = under(service, service.clock.now(), in_force(service).kek_id)
    assert service.database.appender().append(sound).index == size


_WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
_NAMED: Final[Mapping[str, LiteralString]] = {
    "log": "SELECT kek_id FROM log.log_head FOR UPDATE",
    "reads": "SELECT kek_id FROM access.log_head FOR UPDATE",
}


@pytest.mark.parametrize("head", _NAMED)
def test_who_waits_while_an_epoch_ends_is_refused(service: Service, head: str) -> None:
    """A record, or a row of the log of reads, under the very key that the one before it was."""
    filled(service)
    old, before = in_force(service), service.enclave.access_log.stored.head()
    size, now = service.enclave.records.head().size, service.clock.now()
    row = [
        "reads/00000000-0000-4000-8000-000000000001", now, bytes(32),
        b"\1" + bytes(600), b"\1" + old.kek_id + bytes(60),
    ]  # fmt: skip
    with (
        psycopg.connect(service.database.admin) as holding,
        psycopg.connect(service.database.admin, autocommit=True) as watching,
        psycopg.connect(service.database.dsn("reader"), autocommit=True) as reader,
        ThreadPoolExecutor(2) as pool,
    ):

        def late() -> object:
            if head == "log":
                return service.database.appender().append(under(service, now, old.kek_id))
            return reader.execute(_ALONE, row)

        def wait_for(many: int) -> None:
            for _ in range(600):
                if watching.execute(_WAITING).fetchone() == (many,):
                    return
                sleep(0.05)
            pytest.fail("nobody waits")

        named = holding.execute(_NAMED[head]).fetchone()
        assert named == (old.kek_id,)
        turned = pool.submit(socai, service, "key", "epoch", "turn", "--no-sweep")
        wait_for(1)
        told = pool.submit(late)
        wait_for(2)
        holding.rollback()
        assert turned.result().exit_code == 0
        with pytest.raises((psycopg.errors.LockNotAvailable, Unavailable)):
            told.result()
    assert service.enclave.access_log.stored.head() == before
    assert service.enclave.records.head().size == size


class Killed(BaseException):
    """The process ends here."""


def killed_at(monkeypatch: pytest.MonkeyPatch, number: int, run: Callable[[], object]) -> bool:
    """Whether the run was ended at its system call of this number that makes something durable."""
    numbers, me, real = count(1), threading.get_ident(), os.fsync

    def fsync(handle: int) -> None:
        if threading.get_ident() == me and next(numbers) == number:
            raise Killed
        real(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        try:
            run()
        except Killed:
            return True
    return False


def test_whoever_was_killed_at_any_step_goes_on(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every file that is written, moved or destroyed, and between any two batches."""
    filled(service)
    monkeypatch.setattr(epoch_turn, "BATCH", 4)

    def turn(moved: Callable[[int, int], None] = lambda *_: None) -> epoch.Turned:
        return epoch.turn(service.settings, moved, sweeps=False)

    kills = 0
    for number in count(1):
        before = in_force(service)
        cut = killed_at(monkeypatch, number, turn)
        report(service, 100 + number)  # meanwhile the service writes
        if not cut:
            break
        kills += 1
        done = turn()
        assert done.epoch.closed_at is not None
        assert ids(service) == {in_force(service).kek_id}
        assert before.kek_id not in ids(service)
    assert kills >= 7
    for number in range(1, 4):
        left = count(1)

        def moved(_: int, __: int, left: count[int] = left, number: int = number) -> None:
            if next(left) == number:
                raise Killed

        with pytest.raises(Killed):
            turn(moved)
        assert len(ids(service)) == 2
        turn()
        assert len(ids(service)) == 1
    assert audited(service).ok


@attack(
    "a taken writer's login plants wraps that no key opens, so that no epoch can be turned",
    stopped_by="socai key epoch turn --leave-unreadable, which names them",
    noticed_by="log audit",
)
def test_a_wrap_that_opens_under_no_key_stops_the_turn_until_it_is_left(service: Service) -> None:
    """It might be restored from a backup; afterwards it can not. Both keys are kept till then."""
    filled(service)
    index, _ = report(service, 3)
    with psycopg.connect(service.database.admin) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "UPDATE log.wraps SET wrap = set_byte(wrap, 70, get_byte(wrap, 70) # 1)"
            " WHERE index = %s",
            [index],
        )
    key = Home(service.settings).key_path("kek")
    told = socai(service, "key", "epoch", "turn", "--no-sweep")
    assert (told.exit_code, f"record {index}" in told.output) == (1, True), told.output
    assert old_path(key).exists()
    assert socai(service, "key", "epoch", "status").exit_code == 1
    told = socai(service, "key", "epoch", "turn", "--no-sweep", "--leave-unreadable", "--json")
    assert told.exit_code == 0, told.output
    assert orjson.loads(told.stdout)["unreadable"] == [f"record {index}"]
    assert not old_path(key).exists()


def aside(service: Service) -> list[tuple[str, bytes]]:
    """What is kept of before the turn."""
    with psycopg.connect(service.database.admin) as connection:
        return connection.execute("SELECT of, wrap FROM log.wraps_aside ORDER BY 1, 2").fetchall()


_SPOILT = """
WITH moves AS (SELECT {place}, wrap AS old, set_byte(%(new)s || substr(wrap, 18), 70, 7) AS new
  FROM {table} WHERE {kek} = %(old)s)
SELECT {move} FROM moves
"""
#: How whoever has the keeper's login writes noise where something has not moved yet.
SPOILT = {
    "record": _SPOILT.format(
        place="index", table="log.wraps", kek="kek_id",
        move="log.rewrap(array_agg(index), array_agg(old), array_agg(new))",
    ),
    "read": _SPOILT.format(
        place="index", table="access.wraps", kek="kek_id",
        move="log.rewrap_reads(array_agg(index), array_agg(old), array_agg(new))",
    ),
    "file": _SPOILT.format(
        place="name, seq", table="log.file_wraps", kek="kek_id",
        move="log.rewrap_files(array_agg(name), array_agg(seq), array_agg(old), array_agg(new))",
    ),
    "file_key": _SPOILT.format(
        place="one", table="log.file_key", kek="substring(wrap FROM 2 FOR 16)",
        move="log.rewrap_file_key(old, new)",
    ),
}  # fmt: skip


@attack(
    "a taken keeper's login puts noise in the place of everything that has not moved yet, so that"
    " it is lost once the old key is destroyed",
    stopped_by="what stood there is kept until the turn is over, and goes back where what took its"
    " place does not open",
    noticed_by="socai key epoch turn says how many went back",
)
def test_what_was_spoilt_in_a_turn_goes_back_and_moves_again(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records, reads, files and their key: nothing is lost, and of before nothing is left."""
    path = filled(service)
    real, spoilt = epoch_turn.EpochTurn.move, list[int]()

    def move(turn: epoch_turn.EpochTurn) -> None:
        if not spoilt:
            said = {"old": turn._old.kek_id, "new": b"\1" + turn._new.kek_id}
            with psycopg.connect(service.database.dsn("keeper")) as thief:
                for query in SPOILT.values():
                    done = thief.execute(query.encode(), said).fetchone()
                    assert done is not None
                    spoilt.append(done[0])
        real(turn)

    monkeypatch.setattr(epoch_turn.EpochTurn, "move", move)
    told = socai(service, "key", "epoch", "turn", "--no-sweep", "--json")
    assert told.exit_code == 0, told.output
    said = orjson.loads(told.stdout)
    assert all(spoilt)
    assert said["put_back"] == sum(spoilt)
    assert aside(service) == []
    assert ids(service) == {in_force(service).kek_id}
    assert service.get(path, by="hotline").get_data() == b"a file"
    assert audited(service).ok


def test_noise_again_and_again_stops_the_turn_and_loses_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what to do; once the thief is out, the same command ends the turn."""
    filled(service)

    def noise(keeper: PostgresKeeper, moves: Sequence[tuple[int, bytes, bytes]]) -> int:
        return real(keeper, [(i, old, new[:-1] + bytes([new[-1] ^ 1])) for i, old, new in moves])

    real = PostgresKeeper.move_records
    with monkeypatch.context() as patch:
        patch.setattr(PostgresKeeper, "move_records", noise)
        told = socai(service, "key", "epoch", "turn", "--no-sweep")
    assert told.exit_code != 0
    assert "keeper.password" in told.output
    assert old_path(Home(service.settings).key_path("kek")).exists()
    assert socai(service, "key", "epoch", "turn", "--no-sweep").exit_code == 0
    assert aside(service) == []
    assert audited(service).ok


def test_what_was_there_before_stands_until_the_turn_is_over(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off half way, each that moved still opens with the old key; what stands is no other's."""
    filled(service)
    old = in_force(service)
    with psycopg.connect(service.database.admin) as connection:
        before = {row[0] for row in connection.execute("SELECT wrap FROM log.wraps").fetchall()}
    monkeypatch.setattr(epoch_turn.EpochTurn, "close", _dies)
    with pytest.raises(Killed):
        epoch.turn(service.settings, lambda *_: None, sweeps=False)
    kept = {wrap for of, wrap in aside(service) if of == "record"}
    assert kept == before
    assert {wrap[1:17] for wrap in kept} == {old.kek_id}
    keeper = PostgresKeeper(service.database.pool("keeper"))
    nobody = UUID(int=0)
    assert keeper.put_back("record", [("", nobody, 10**9)]) == 0
    assert keeper.put_back("record", [("", nobody, 0), ("", nobody, 1)]) == 2
    monkeypatch.undo()
    assert epoch.turn(service.settings, lambda *_: None, sweeps=False).epoch.closed_at
    assert aside(service) == []
    assert audited(service).ok


def _dies(*_: object, **__: object) -> bool:
    raise Killed


@attack(
    "a taken keeper's login moves a wrap to another KEK than the one whose turn it is, brings one"
    " back, or begins a turn to a key of its own and ends the epoch in force",
    stopped_by="log.rewrap and the trigger of log.wraps; turns are the migrator's",
    noticed_by="-",
)
def test_the_keeper_moves_wraps_by_a_turn_and_no_other_way(service: Service) -> None:
    """Neither to a key of the thief's, nor to what stood there before, nor under a closed epoch."""
    filled(service)
    keeper = PostgresKeeper(service.database.pool("keeper"))
    thief = PostgresEpochs(service.database.pool("keeper"))
    old, mine = in_force(service), Kek.generate()
    rows = keeper.records(old.kek_id, -1, 10)
    forged = [(i, wrap, b"\1" + mine.kek_id + wrap[17:]) for i, _, wrap in rows]
    with pytest.raises(Exception, match="refuses"):
        keeper.move_records(forged)
    in_force_next = Kek.generate().kek_id
    ends = PostgresEpochs(service.database.pool("migrator"))
    for wrong in (
        lambda: thief.begin(old.kek_id, mine.kek_id),
        lambda: thief.close(old.kek_id, keeper.count(), 0),
        lambda: thief.destroyed(old.kek_id),
        lambda: thief.swept(wal=True),
    ):
        with pytest.raises(Exception, match="refuses"):
            wrong()
    assert keeper.epochs() == []
    ends.begin(old.kek_id, in_force_next)
    with pytest.raises(Exception, match="refuses"):
        keeper.move_records(forged)
    assert ends.close(old.kek_id, 0, 0) is False
    moved = [(i, wrap, b"\1" + in_force_next + wrap[17:]) for i, _, wrap in rows[:1]]
    assert keeper.move_records(moved) == 1
    assert keeper.move_records(moved) == 0  # what is not there any more is not moved again
    with pytest.raises(Exception, match="refuses"):
        keeper.move_records([(i, new, wrap) for i, wrap, new in moved])
    with (
        psycopg.connect(role_dsn(service.settings, service.enclave.facts, "keeper")) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("DELETE FROM log.wraps")


def test_a_machine_that_was_not_brought_the_new_key_is_not_ready(service: Service) -> None:
    """It said `ready`, and of each act that the database cannot be reached."""
    before, readiness = in_force(service), service.enclave.readiness
    assert socai(service, "key", "epoch", "turn", "--no-sweep").exit_code == 0
    service.require_ready()
    readiness._kek, kept = before, readiness._kek  # as a copy of keys/ elsewhere has it
    facts = service.enclave.facts
    with pytest.raises(SettingsError, match=r"kek\.socaikek"):  # nor does it start
        require_genesis(Reader(service.records, before, facts.origin, facts.level), facts)
    answer = service.readiness("kek", "en")
    assert answer.status_code == 503
    assert {one["name"] for one in answer.get_json()["checks"] if not one["ok"]} == {"kek"}
    assert "Bring kek.socaikek" in answer.text
    assert REGISTRY.get_sample_value("socai_ready", {"check": "kek"}) == 0
    readiness._kek = kept
    service.require_ready()
    assert REGISTRY.get_sample_value("socai_ready", {"check": "kek"}) == 1, "it rings for ever"


def test_who_cannot_sweep_has_not_turned_the_epoch(service: Service) -> None:
    """It was turned, the old key destroyed, and only then "Nothing was done", for want of him."""
    before = in_force(service).kek_id
    told = socai(service, "key", "epoch", "turn")
    assert (told.exit_code, "Nothing was done" in told.stderr) == (2, True)
    assert in_force(service).kek_id == before
    assert ids(service) <= {before}


def test_a_home_whose_turn_is_not_here_says_so(service: Service, tmp_path: Path) -> None:
    """A turn that was begun elsewhere is gone on with where its keys are, and nowhere else."""
    filled(service)
    PostgresEpochs(service.database.pool("migrator")).begin(
        in_force(service).kek_id, Kek.generate().kek_id
    )
    before = in_force(service)
    with closing(Lock(service.settings.home)) as another:
        another.take(epoch.LOCK)
        told = socai(service, "key", "epoch", "turn", "--no-sweep")
        assert (told.exit_code, "(epoch" in told.output) == (2, True), told.output
    told = socai(service, "key", "epoch", "turn", "--no-sweep")
    assert (told.exit_code, "kek-next.socaikek" in told.output) == (2, True), told.output
    assert in_force(service) == before
    assert list(tmp_path.rglob("*-next*")) == []
