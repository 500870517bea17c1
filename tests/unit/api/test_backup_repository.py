"""The folder of backups: WAL in its order, tries that broke off, gaps, and what is let go."""

from __future__ import annotations

import errno
import io
import os
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID

import orjson
import pytest

from api.ops.backup import repository as repositories
from api.ops.backup import taking
from api.ops.backup.repository import (
    CLUSTER,
    HOME,
    MANIFEST,
    BaseCopy,
    Repository,
    WalWriter,
    wal_name,
)
from api.ops.backup.restoring import choose
from api.settings import Settings, SettingsError
from keys.hpke import OpeningKey
from ledger.files.folder_store import FolderBlobs
from ledger.log.moment import stamp
from ledger.postgres.copying.replication import ServerStanding
from tests.attacks import attack
from tests.builders import turned

SEGMENT = 1 << 20
KEY = OpeningKey.generate()
A, B, C = "20260101T000000Z", "20260102T000000Z", "20260103T000000Z"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """An empty one."""
    return Repository(tmp_path / "repository").made()


def a_base(
    repository: Repository,
    name: str,
    end: int,
    key: OpeningKey = KEY,
    timeline: int = 1,
    ended_at: str = "2026-01-01T00:00:00.000Z",
) -> BaseCopy:
    """A finished copy whose WAL ends there."""
    place = repository.begin(name)
    size = sum(
        repository.write(place, what, [what.encode()], key.public)
        for what in (CLUSTER, MANIFEST, HOME)
    )
    base = BaseCopy(name, "7", timeline, end - 5, end, ended_at, SEGMENT,
                key.public.kid, "", "x.example/ordinary", size)  # fmt: skip
    repository.finish(place, base)
    return base


def write(repository: Repository, begin: int, *parts: bytes, key: OpeningKey = KEY) -> int:
    """WAL as one connection brings it, and then breaks off."""
    writer = WalWriter(repository, 1, SEGMENT, lambda: key.public)
    for part in parts:
        begin = writer.keep(begin, [part])
    writer.close()
    return begin


def segment(number: int) -> str:
    """Its name."""
    return wal_name(1, number, SEGMENT)


def test_names_are_those_of_postgresql() -> None:
    """As pg_walfile_name says them."""
    assert wal_name(1, 3, 16 << 20) == "000000010000000000000003"
    assert wal_name(2, 256, 16 << 20) == "000000020000000100000000"


def test_wal_comes_back_as_it_came_and_the_last_segment_as_far_as_it_came(
    repository: Repository,
) -> None:
    """Parts may cross from one segment into the next."""
    data = bytes(range(256)) * (SEGMENT // 256) * 2 + b"and so on"
    assert write(repository, 2 * SEGMENT, data[:100], data[100 : SEGMENT + 7], data[SEGMENT + 7 :])
    assert repository.wal() == [segment(2), segment(3)]
    back = b"".join(repository.read_wal(segment(n), KEY) or b"" for n in (2, 3, 4))
    assert back == data
    assert repository.read_wal(segment(5), KEY) is None


def test_a_try_that_broke_off_loses_nothing_that_it_had(repository: Repository) -> None:
    """The next one begins the segment anew; the longest counts until one is whole."""
    write(repository, 0, b"a" * 500_000)
    write(repository, 0, b"a" * 1000)
    assert repository.read_wal(segment(0), KEY) == b"a" * 500_000
    write(repository, 0, b"a" * 2000)
    assert len(repository.growing()[segment(0)]) == 2, "the shorter one went"
    write(repository, 0, b"a" * SEGMENT)
    assert (repository.wal(), repository.growing()) == ([segment(0)], {})


@pytest.mark.parametrize("call", ["_write_all", "sync_folder"])
def test_a_full_disk_is_said_with_the_file_that_was_being_written(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Of a new segment its own, and not the one before, which has its name already."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    writer = WalWriter(repository, 1, SEGMENT, lambda: KEY.public)
    writer.keep(0, [bytes(SEGMENT)])
    monkeypatch.setattr(repositories, call, full)
    with pytest.raises(OSError, match=f"{segment(1)}.1.part"):
        writer.keep(SEGMENT, [b"more"])
    writer.close()


def test_wal_out_of_its_order_is_not_kept(repository: Repository) -> None:
    """Neither from within a segment nor behind a gap."""
    writer = WalWriter(repository, 1, SEGMENT, lambda: KEY.public)
    with pytest.raises(ValueError, match="order"):
        writer.keep(5, [b"x"])
    writer.keep(0, [b"x"])
    with pytest.raises(ValueError, match="order"):
        writer.keep(2, [b"x"])
    writer.close()


def test_a_gap_is_found_and_nothing_behind_it_counts(repository: Repository) -> None:
    """What is there behind it brings nothing back."""
    base = a_base(repository, A, SEGMENT + 5)
    write(repository, 2 * SEGMENT, bytes(3 * SEGMENT + 9))
    assert repository.reach(base).at == 5 * SEGMENT + 9
    assert repository.reach(base).beyond is None
    repository.segment(segment(3)).unlink()
    found = repository.reach(base)
    assert (found.at, found.beyond) == (3 * SEGMENT, segment(4))


def test_an_end_at_the_very_end_of_a_segment_asks_for_the_next(repository: Repository) -> None:
    """PostgreSQL puts the segment of the byte before the end into the copy."""
    assert a_base(repository, A, 2 * SEGMENT).next_wal == segment(2)
    assert a_base(repository, B, 2 * SEGMENT + 1).next_wal == segment(3)


def test_what_no_copy_needs_goes_and_nothing_else(repository: Repository) -> None:
    """The newest stays with all that leads on from it."""
    a_base(repository, A, SEGMENT + 5)
    kept = a_base(repository, B, 3 * SEGMENT + 5)
    write(repository, 2 * SEGMENT, bytes(3 * SEGMENT + 9))
    gone, segments = repository.expire(lambda base: base.name == A)
    assert ([base.name for base in gone], segments) == ([A], 2)
    assert repository.bases() == [kept]
    assert repository.wal() == [segment(4)]
    assert repository.reach(kept).at == 5 * SEGMENT + 9


def test_the_older_of_two_that_stay_keeps_its_wal(repository: Repository) -> None:
    """What leads on from it goes with it, and not before."""
    for name, number in ((A, 1), (B, 3), (C, 5)):
        a_base(repository, name, number * SEGMENT + 5)
    write(repository, 2 * SEGMENT, bytes(5 * SEGMENT))
    repository.expire(lambda base: base.name == A)
    assert repository.wal() == [segment(4), segment(5), segment(6)]


def test_a_copy_that_was_going_when_it_was_killed_is_none(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of its files would be laid down as a whole."""

    def killed(_: Path) -> NoReturn:
        raise KeyboardInterrupt

    a_base(repository, A, SEGMENT + 5)
    kept = a_base(repository, B, 3 * SEGMENT + 5)
    monkeypatch.setattr(shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        repository.expire(lambda base: base.name == A)
    assert repository.bases() == [kept]


def test_to_a_moment_the_newest_is_taken_that_was_over_by_then(repository: Repository) -> None:
    """By the clock that dated each, also where one came while that was ahead."""
    ends = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 9, 3)]
    for name, end, number in zip((A, B, C), ends, range(1, 4), strict=True):
        a_base(repository, name, number * SEGMENT + 5, ended_at=stamp(end))
    with pytest.raises(SettingsError, match=r"the oldest is of 2026-01-01T00:00:00\.000Z"):
        choose(repository, ends[0] - timedelta(seconds=1))
    chosen = {day: choose(repository, datetime(2026, 1, day, tzinfo=UTC)).name for day in (1, 2)}
    assert chosen == {1: A, 2: A}
    assert choose(repository, ends[2]).name == C
    assert choose(repository, None).name == C


def test_no_backup_is_laid_beside_those_of_another_cluster(repository: Repository) -> None:
    """A restore would take whichever is the newest."""
    here = a_base(repository, A, SEGMENT + 5)
    taking._same_cluster(repository, ServerStanding(here.system, 2, 0, SEGMENT))
    with pytest.raises(SettingsError, match="holds backups of another cluster"):
        taking._same_cluster(repository, ServerStanding("8", 1, 0, SEGMENT))


def test_configuration_is_copied_and_no_key_secret_or_memory(tmp_path: Path) -> None:
    """With the KEK and a stolen copy everything could be read: keys are kept apart from both."""
    settings = Settings.at(tmp_path)
    own = ("enclave.json", "vkeys", "vkeys.access", "backup.pub", "mirror/mirror.pub")
    foreign = (
        "keys/kek.socaikek", "keys/log.socaikey", "secrets/reader.password", "seen/api/checkpoint",
        "mirror/mirror.socaikey", "mirror/slots.part", "pg/data/PG_VERSION",
    )  # fmt: skip
    for name in (*own, *foreign):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    with tarfile.open(fileobj=io.BytesIO(taking._configuration(settings))) as tar:
        copied = {member.name for member in tar.getmembers() if member.isfile()}
    assert copied == {*own, "settings"}


@pytest.mark.parametrize("cut", [-1, 0, None])
def test_a_copy_that_is_cut_short_is_none_of_those_that_stay(
    repository: Repository, cut: int | None
) -> None:
    """A disk that was full, or a copy of a repository that broke off: the one before is needed."""
    for number, name in enumerate((A, B, C), 1):
        a_base(repository, name, number * SEGMENT + 5)
    newest = repository.folder / "base" / C / f"{CLUSTER}.sealed"
    if cut is None:
        newest.unlink()
    else:
        os.truncate(newest, newest.stat().st_size + cut if cut else 0)
    settings = replace(Settings.at(repository.folder), backup_dir=repository.folder)
    gone, _ = taking.expire(settings, 1)
    assert [base.name for base in gone] == [A]
    assert [repository.cut_short(base) for base in repository.bases()] == [False, True]


def test_a_copy_of_a_clock_that_was_ahead_is_not_the_newest(repository: Repository) -> None:
    """For years it was what came back, and each copy that was made since went the same night."""
    ahead, since, gone_on = "20310101T000000Z", B, C
    a_base(repository, A, SEGMENT + 5)
    a_base(repository, ahead, 2 * SEGMENT + 5)
    a_base(repository, since, 3 * SEGMENT + 5)
    a_base(repository, gone_on, 2 * SEGMENT + 5, timeline=2)
    assert [base.name for base in repository.bases()] == [A, ahead, since, gone_on]
    settings = replace(Settings.at(repository.folder), backup_dir=repository.folder)
    gone, _ = taking.expire(settings, 2)
    assert [base.name for base in gone] == [A, ahead]
    assert [base.name for base in repository.bases()] == [since, gone_on]


def _breaking_off() -> Iterator[bytes]:
    yield b"half"
    raise ConnectionError


def test_a_file_that_is_held_to_nothing_is_copied_anew_and_an_erased_one_goes(
    repository: Repository,
) -> None:
    """As an older program left it, or a run that was cut off; nothing else is copied twice."""
    settings = Settings.at(repository.folder, blobs=str(repository.folder / "live"))
    live, erased = FolderBlobs(Path(settings.blobs)), UUID(int=3)
    for n in (1, 2, 3):
        live.put(UUID(int=n), [b"sealed"])
    assert taking._copy_files(settings, repository, set()) == 3
    for left in ("sums", "files"):  # cut off behind the one, or before it
        FolderBlobs(repository.folder / left).remove(UUID(int=1))
        assert taking._copy_files(settings, repository, set()) == 1
        assert taking._copy_files(settings, repository, set()) == 0
    live.put(UUID(int=2), [b"sealed anew"])
    with pytest.raises(ConnectionError):  # what stands there by then is held to nothing
        repository.files.keep(UUID(int=2), _breaking_off())
    assert repository.files.held() == {UUID(int=1), erased}
    assert taking._copy_files(settings, repository, set()) == 1
    live.remove(erased)
    assert taking._copy_files(settings, repository, {erased}) == 0
    FolderBlobs(repository.folder / "sums").put(erased, [b"left of a run that was cut off"])
    assert taking._copy_files(settings, repository, {erased}) == 0
    assert repository.files.held() == repository.files.sizes().keys() == {UUID(int=1), UUID(int=2)}


def test_a_repository_whose_disk_is_away_is_not_made_anew(repository: Repository) -> None:
    """Else the backups of that night lie on this machine, and all seems well."""
    away = repository.folder / "mounted" / "socai"
    away.parent.mkdir()
    with pytest.raises(SettingsError, match=r"mounted/socai .* is not there: is its disk mounted"):
        Repository.of(replace(Settings.at(repository.folder), backup_dir=away))
    assert not away.exists()


def test_what_is_under_way_is_never_taken_from_whoever_writes_it(repository: Repository) -> None:
    """A copy that was over in the middle of it needs none of it, and the stream goes on."""
    a_base(repository, A, SEGMENT + 5)
    writer = WalWriter(repository, 1, SEGMENT, lambda: KEY.public)
    writer.keep(SEGMENT, [b"x" * 100])
    repository.expire(lambda _: False)
    assert writer.keep(SEGMENT + 100, [bytes(SEGMENT)]) == 2 * SEGMENT + 100
    writer.close()
    assert repository.wal() == [], "and goes when it is whole: it may be under the key before"
    assert list(repository.growing()) == [segment(2)]


def test_a_copy_that_broke_off_is_none_and_makes_room_for_the_next(repository: Repository) -> None:
    """It has no facts of its own until all of it is there."""
    left = repository.begin(A)
    repository.write(left, CLUSTER, [b"half"], KEY.public)
    assert repository.bases() == []
    a_base(repository, B, 9)
    assert [base.name for base in repository.bases()] == [B]
    assert not left.exists()


def test_a_repository_that_cannot_be_listed_is_not_an_empty_one(repository: Repository) -> None:
    """Another account's, or no folder: whoever restores is not told that there is no backup."""
    (repository.folder / "base").rmdir()
    assert repository.bases() == []
    (repository.folder / "base").touch()
    with pytest.raises(NotADirectoryError):
        repository.bases()


def test_every_part_that_does_not_open_is_named(repository: Repository) -> None:
    """Cut, changed, or sealed to a key that is not here."""
    base = a_base(repository, A, 9)
    a_base(repository, B, 9, key=OpeningKey.generate())
    write(repository, SEGMENT, bytes(SEGMENT))
    path = repository.folder / "base" / base.name / f"{CLUSTER}.sealed"
    path.write_bytes(path.read_bytes()[:-1])
    wal = repository.segment(segment(1))
    wal.write_bytes(turned(wal.read_bytes()))
    assert [name for name, _ in repository.unopened(KEY)] == [
        f"base/{A}/cluster", f"base/{B}/cluster", f"base/{B}/manifest", f"base/{B}/home",
        f"wal/{segment(1)}"
    ]  # fmt: skip


def test_damaged_facts_are_one_sentence(repository: Repository) -> None:
    """Nobody restores from what is not understood."""
    a_base(repository, A, 9)
    (repository.folder / "base" / A / "base.json").write_text("{}")
    with pytest.raises(SettingsError, match="damaged"):
        repository.bases()


@attack(
    "facts of a copy in the repository name another folder, or no place in WAL",
    stopped_by="a copy is called as its folder, and its figures are those of a server",
    noticed_by="every command of backups, by one sentence",
)
@pytest.mark.parametrize(
    "said",
    [
        {"name": ".."},
        {"name": "../../kept"},
        {"name": "{kept}"},
        {"name": B},
        {"name": ""},
        {"name": 7},
        {"segment": 0},
        {"segment": 3},
        {"segment": 1 << 40},
        {"timeline": -1},
        {"timeline": 1 << 32},
        {"end": 0},
        {"end": -1},
        {"end": True},
        {"end": 1 << 63},
        {"ended_at": "then"},
        {"ended_at": "2026-01-01T00:00:00"},
    ],
    ids=str,
)
def test_facts_that_were_planted_remove_nothing(
    repository: Repository, tmp_path: Path, said: dict[str, Any]
) -> None:
    """Neither outside of the repository nor in it."""
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "base.json").touch()
    a_base(repository, A, 9)
    a_base(repository, B, SEGMENT + 9)
    write(repository, 0, bytes(3 * SEGMENT))
    facts = repository.folder / "base" / A / "base.json"
    if said.get("name") == "{kept}":
        said = {"name": str(kept)}
    facts.write_bytes(orjson.dumps({**orjson.loads(facts.read_bytes()), **said}))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SettingsError, match="damaged"):
        repository.expire(lambda _: True)
    assert sorted(tmp_path.rglob("*")) == before
