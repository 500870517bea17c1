"""What a copy in the repository may bring: files of a cluster and of a home, and no orders."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from uuid import UUID

import orjson
import pytest
import yaml  # type: ignore[import-untyped]

from api.cli.commands.backup import restore
from api.cli.terminal.shell import Shell
from api.ops.backup.repository import (
    CLUSTER,
    HOME,
    MANIFEST,
    BaseCopy,
    Repository,
    WalWriter,
    wal_name,
)
from api.ops.backup.restoring import by_length_alone, files_of, home_of, lay_down, stands
from api.ops.embedded_postgres import CONFIGURATION
from api.settings import Settings, SettingsError
from keys.errors import Unsealable
from keys.hpke import OpeningKey, OpeningKeys
from ledger.files.folder_store import place_of
from tests.attacks import attack
from tests.builders import turned

ROOT = Path(__file__).parents[3]
SEGMENT = 1 << 20
SEED = bytes(range(32))
KEY = OpeningKey(SEED)
NAME = "20260101T000000Z"
ORDER = b"recovery_end_command = 'touch here'\n"


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="nobody else can give files away")


def _packed(*members: tarfile.TarInfo) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for member in members:
            member.size = len(ORDER) if member.isfile() else 0
            tar.addfile(member, io.BytesIO(ORDER))
    return made.getvalue()


def _listed(*members: tarfile.TarInfo) -> bytes:
    """What a server says it gave."""
    files = [
        {"Path": str(PurePosixPath(one.name)), "Size": len(ORDER), "Checksum-Algorithm": "SHA256",
         "Checksum": hashlib.sha256(ORDER).hexdigest()}
        for one in members if one.isfile()
    ]  # fmt: skip
    return orjson.dumps({"PostgreSQL-Backup-Manifest-Version": 2, "Files": files})


def _file(name: str) -> tarfile.TarInfo:
    return tarfile.TarInfo(name)


def _other(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def a_copy(
    repository: Repository, what: str, *members: tarfile.TarInfo, listed: bytes | None = None
) -> BaseCopy:
    """One that says this of the cluster or of the home."""
    place = repository.begin(NAME)
    for part in (CLUSTER, HOME):
        data = _packed(*members) if part == what else _packed()
        repository.write(place, part, [data], KEY.public)
    manifest = _listed(*(members if what == CLUSTER else ())) if listed is None else listed
    repository.write(place, MANIFEST, [manifest], KEY.public)
    base = BaseCopy(NAME, "7", 1, 4, 9, "2026-01-01T00:00:00.000Z", SEGMENT, KEY.public.kid,
                    "", "x.example/ordinary", 9)  # fmt: skip
    repository.finish(place, base)
    return base


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """An empty one."""
    return Repository(tmp_path / "repository").made()


@pytest.mark.parametrize("prefix", ["", "./"])
def test_what_a_cluster_was_told_stays_aside(
    repository: Repository, tmp_path: Path, prefix: str
) -> None:
    """In whichever file it stood; what it is told instead is ours, and how it recovers."""
    base = a_copy(repository, CLUSTER, *(_file(f"{prefix}{name}") for name in CONFIGURATION))
    data = tmp_path / "data"
    lay_down(repository, base, KEY, data, None)
    for name, lines in CONFIGURATION.items():
        said = (data / name).read_text()
        assert "touch here" not in said
        assert all(line in said for line in lines)
        assert (data / f"{name}.from-backup").read_bytes() == ORDER
    assert "restore_command = 'false'" in (data / "postgresql.auto.conf").read_text()


def test_a_copy_of_a_server_that_was_restored_before_is_laid_down(
    repository: Repository, tmp_path: Path
) -> None:
    """What its restore had laid beside lies in its copies, under names that are needed again."""
    before = [f"{name}.from-backup" for name in CONFIGURATION]
    copied = [_file(name) for name in ("PG_VERSION", *CONFIGURATION, *before)]
    listed = orjson.loads(_listed(*copied))
    for one in listed["Files"]:
        if one["Path"] in before:
            one["Checksum"] = "0" * 64  # of other words than those that take the place
    base = a_copy(repository, CLUSTER, *copied, listed=orjson.dumps(listed))
    data = tmp_path / "data"
    lay_down(repository, base, KEY, data, None)
    for name in CONFIGURATION:
        assert (data / f"{name}.from-backup").read_bytes() == ORDER


@attack(
    "a copy in the repository holds links, places of others, or orders in another dress",
    stopped_by="a server gives files in folders alone",
    noticed_by="one sentence, exit 2, and nothing is laid down",
)
@pytest.mark.parametrize(
    "member",
    [
        _other("pg_tblspc/1", tarfile.SYMTYPE, "/etc"),
        _other("pg_tblspc/1", tarfile.SYMTYPE, "../../keys"),
        _other("base/1", tarfile.SYMTYPE, "2"),
        _other("base/1", tarfile.LNKTYPE, "PG_VERSION"),
        _other("base/1", tarfile.FIFOTYPE),
        _other("base/1", tarfile.CHRTYPE),
        _file("tablespace_map"),
        _file("standby.signal"),
        _file("../outside"),
        _file("base/../postgresql.conf"),
        _file("/outside"),
        _other("postgresql.conf", tarfile.DIRTYPE),
        _other("postgresql.conf", tarfile.SYMTYPE, "base/1"),
        _file("pg_hba.conf/below"),
    ],
    ids=lambda member: f"{member.name} {member.type.decode()} {member.linkname}",
)
def test_what_no_server_gives_is_not_laid_down(
    repository: Repository, tmp_path: Path, member: tarfile.TarInfo
) -> None:
    """And nothing of the rest either."""
    base = a_copy(repository, CLUSTER, _file("PG_VERSION"), member)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SettingsError, match="no copy that `socai backup run` made"):
        lay_down(repository, base, KEY, tmp_path / "data", None)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_copy_that_is_cut_behind_its_last_file_is_not_laid_down(
    repository: Repository, tmp_path: Path
) -> None:
    """What is sealed has an end of its own: nobody is content with the files that came before."""
    base = a_copy(repository, CLUSTER, _file("PG_VERSION"))
    repository.write(
        repository.folder / "base" / NAME, CLUSTER, [_packed(_file("PG_VERSION")), bytes(4 << 20)],
        KEY.public,
    )  # fmt: skip
    sealed = repository.folder / "base" / NAME / f"{CLUSTER}.sealed"
    os.truncate(sealed, sealed.stat().st_size - 1)
    with pytest.raises(Unsealable):
        lay_down(repository, base, KEY, tmp_path / "data", None)
    assert not (tmp_path / "data").exists()


OTHER = _listed(_file("PG_VERSION"), _file("base/1")).replace(
    hashlib.sha256(ORDER).hexdigest().encode(), b"0" * 64, 1
)


@pytest.mark.parametrize(
    ("listed", "named"),
    [
        (_listed(_file("PG_VERSION")), "base/1 is not what the server gave"),
        (_listed(_file("base/1")), "PG_VERSION is not what"),
        (_listed(_file("PG_VERSION"), _file("base/1"), _file("base/2")), "base/2 is not what"),
        (OTHER, "PG_VERSION is not what the server gave"),
        (b"[]", "no copy that `socai backup run` made"),
        (b"\xff", "no copy that `socai backup run` made"),
        (b'{"Files": [{"Path": "PG_VERSION"}]}', "no copy that `socai backup run` made"),
    ],
    ids=["one more", "one that is not listed", "one less", "another", "no list", "no JSON", "bare"],
)
def test_no_server_is_started_on_files_that_are_not_those_it_gave(
    repository: Repository, tmp_path: Path, listed: bytes, named: str
) -> None:
    """Read from the disk they were laid on, and held to what the server said as it gave them."""
    base = a_copy(repository, CLUSTER, _file("PG_VERSION"), _file("base/1"), listed=listed)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SettingsError, match=named):
        lay_down(repository, base, KEY, tmp_path / "data", None)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("hashed", [True, False])
def test_a_list_without_hashes_is_held_to_by_length_and_that_is_known(
    repository: Repository, tmp_path: Path, *, hashed: bool
) -> None:
    """A copy that was made before the server was asked for them is no less needed."""
    listed = _listed(_file("PG_VERSION"))
    listed = listed if hashed else listed.replace(b"SHA256", b"CRC32C")
    base = a_copy(repository, CLUSTER, _file("PG_VERSION"), listed=listed)
    lay_down(repository, base, KEY, tmp_path / "data", None)
    assert by_length_alone(repository, base, KEY) is not hashed


def test_all_wal_that_leads_on_is_laid_beside_and_no_more(
    repository: Repository, tmp_path: Path
) -> None:
    """Up to the segment that is not whole, filled up to its length: what is behind it leads on not.

    To a moment as well: which of it is needed the server finds out.
    """
    base = a_copy(repository, CLUSTER, _file("PG_VERSION"))
    writer = WalWriter(repository, base.timeline, SEGMENT, lambda: KEY.public)
    writer.keep(base.next_number * SEGMENT, [b"a" * SEGMENT, b"b" * SEGMENT, b"c" * 5])
    writer.close()
    writer = WalWriter(repository, base.timeline, SEGMENT, lambda: KEY.public)
    writer.keep((base.next_number + 3) * SEGMENT, [b"d" * SEGMENT])
    writer.close()
    numbers = range(base.next_number, base.next_number + 3)
    wanted = [b"a" * SEGMENT, b"b" * SEGMENT, b"c" * 5 + bytes(SEGMENT - 5)]
    names = [wal_name(base.timeline, number, SEGMENT) for number in numbers]
    for to in (None, datetime(2026, 1, 2, tzinfo=UTC)):
        data = tmp_path / f"data {to}"
        reached = lay_down(repository, base, KEY, data, to)
        assert reached == numbers[-1] * SEGMENT + 5
        laid = {path.name: path.read_bytes() for path in (data / "pg_wal").iterdir()}
        assert laid == dict(zip(names, wanted, strict=True))


class Linking(Repository):
    """One while whose list is read somebody lays links in the folder.

    Attributes:
        data: The folder.
        outside: Where they lead.
    """

    data: Path
    outside: Path

    def read(self, base: BaseCopy, part: str, keys: OpeningKeys) -> Iterator[bytes]:
        """As the repository's."""
        if part == MANIFEST:
            for name in ("backup_manifest", "recovery.signal", *CONFIGURATION):
                (self.data / name).symlink_to(self.outside / name)
        return super().read(base, part, keys)


@attack(
    "the server's account lays links where root, who restores, is about to write",
    stopped_by="each file is made by descriptor, in place of what has its name",
    noticed_by="-",
)
def test_nothing_is_laid_through_a_link(repository: Repository, tmp_path: Path) -> None:
    """Neither what the copy brings nor what we write beside it."""
    base = a_copy(repository, CLUSTER, _file("PG_VERSION"))
    linking = Linking(repository.folder)
    linking.data, linking.outside = tmp_path / "data", tmp_path / "outside"
    linking.outside.mkdir()
    lay_down(linking, base, KEY, linking.data, None)
    assert list(linking.outside.iterdir()) == []
    laid = [linking.data / name for name in ("backup_manifest", "recovery.signal", *CONFIGURATION)]
    assert all(one.is_file() and not one.is_symlink() for one in laid)


LABEL, OLD, MARK = "backup_label", "backup_label.old", "socai.restore.part"


@pytest.mark.parametrize("left", [(MARK,), (MARK, LABEL, "base/1"), (MARK, LABEL, "base/1", OLD)])
def test_what_a_restore_that_was_killed_left_goes_before_the_next(
    repository: Repository, tmp_path: Path, left: tuple[str, ...]
) -> None:
    """It is no evidence: nothing ever ran on it. A mount stays; so does what is there at its end.

    A cluster that had been restored before has `backup_label.old` in each of its copies.
    """
    base = a_copy(repository, CLUSTER, _file(LABEL), _file("PG_VERSION"))
    data = _with(tmp_path, *left)
    here = data.stat().st_ino
    lay_down(repository, base, KEY, data, None)
    assert (data / "PG_VERSION").read_bytes() == ORDER
    assert not (data / "base").exists()
    assert data.stat().st_ino == here
    lay_down(repository, base, KEY, data, None)  # killed before the files of acts were there
    stands(data)
    assert not (data / MARK).exists()
    with pytest.raises(SettingsError, match="is not empty"):
        lay_down(repository, base, KEY, data, None)


@attack(
    "a restore is typed over a cluster that somebody began to use where one before it was killed",
    stopped_by="a server takes the label of a copy away before it writes; without it all stays",
    noticed_by="one sentence, exit 2",
)
@pytest.mark.parametrize(
    "left",
    [
        ("base/1",),
        (LABEL, "base/1"),
        (MARK, "base/1"),
        (MARK, OLD, "base/1"),
        (MARK, LABEL, "postmaster.pid", "base/1"),
    ],
    ids=" ".join,
)
def test_what_a_server_may_have_run_on_stays(
    repository: Repository, tmp_path: Path, left: tuple[str, ...]
) -> None:
    """Also where it was stopped cleanly, and the mark is still there."""
    base = a_copy(repository, CLUSTER, _file("PG_VERSION"))
    data = _with(tmp_path, *left)
    with pytest.raises(SettingsError, match="is not empty"):
        lay_down(repository, base, KEY, data, None)
    assert all((data / name).exists() for name in left)


def _with(tmp_path: Path, *names: str) -> Path:
    """A folder of a cluster that holds these."""
    data = tmp_path / "data"
    (data / "base").mkdir(parents=True)
    for name in names:
        (data / name).touch()
    if "base/1" not in names:
        (data / "base").rmdir()
    return data


@needs_root
def test_what_root_lays_down_belongs_to_whose_the_place_is(
    repository: Repository, tmp_path: Path
) -> None:
    """A server refuses a folder that is another account's."""
    base = a_copy(repository, CLUSTER, _file("PG_VERSION"), _file("base/1"))
    place = tmp_path / "postgresql"
    place.mkdir()
    os.chown(place, 12345, 12346)
    lay_down(repository, base, KEY, place / "18" / "docker", None)
    own = {(one.stat().st_uid, one.stat().st_gid) for one in place.rglob("*")}
    assert own == {(12345, 12346)}


def test_a_file_that_a_disk_has_changed_is_named_and_left_out(
    repository: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its length it was the same; who was to be shown it heard so, and nobody before."""
    one, other, before = (UUID(int=n) for n in (1, 2, 3))
    for name in (one, other):
        repository.files.keep(name, [b"sea", b"led"])
    place = repository.folder / "files" / place_of(other)
    place.write_bytes(turned(place.read_bytes()))
    place.with_name(before.hex).write_bytes(b"copied when nothing was noted of any")
    settings = Settings.at(tmp_path / "home", blobs=str(tmp_path / "blobs"))
    assert [name for name, _ in repository.unopened(KEY)] == [f"files/{place_of(other)}"]
    assert files_of(repository, settings) == (2, [f"files/{place_of(other)}"])
    assert restore._files_of(Shell("en"), repository, settings) == 0
    assert capsys.readouterr().err.startswith(
        f"files/{place_of(other)} is not what was copied, and"
    )
    assert {path.name for path in (tmp_path / "blobs").glob("*/*")} == {one.hex, before.hex}
    assert repository.files.held() == {one, other}, "what is held to nothing is copied anew"
    repository.files.keep(other, [b"sealed"])
    assert list(repository.files.altered()) == []
    assert files_of(repository, settings) == (1, [])


_RESTORE = """
import sys
from pathlib import Path
from api.ops.backup.repository import Repository
from api.ops.backup.restoring import choose, files_of, home_of, lay_down, stands
from api.settings import Settings
from keys.hpke import OpeningKey
repository, data, home = Repository(Path(sys.argv[1])), Path(sys.argv[2]), Path(sys.argv[3])
base, key = choose(repository, None), OpeningKey(bytes.fromhex(sys.stdin.read()))
lay_down(repository, base, key, data, None)
home_of(repository, base, key, home)
files_of(repository, Settings.at(home, blobs=str(home / "blobs")))
stands(data)
"""


@needs_root
def test_a_container_may_do_what_a_restore_needs_and_no_more(
    repository: Repository, tmp_path: Path
) -> None:
    """Its root has only what `docker-compose.yml` leaves it, in volumes that are others'."""
    a_copy(repository, CLUSTER, _file("PG_VERSION"), _file("base/1"))
    repository.files.keep(UUID(int=1), [b"sealed"])
    database, home = tmp_path / "database", tmp_path / "home"
    for folder in (database, home, home / "blobs"):
        folder.mkdir(mode=0o700)
        os.chown(folder, 12345, 12346)
    service = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["restore"]
    left = ",".join(f"+{name.lower()}" for name in service["cap_add"])
    command = ["setpriv", f"--bounding-set=-all,{left}", sys.executable, "-c", _RESTORE]
    places = (repository.folder, database / "18" / "docker", home)
    done = subprocess.run(
        [*command, *map(str, places)],
        input=SEED.hex(), capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = [one.stat() for folder in (database, home) for one in folder.rglob("*")]
    assert {(one.st_uid, one.st_gid) for one in found} == {(12345, 12346)}
    assert (home / "blobs" / "00" / UUID(int=1).hex).read_bytes() == b"sealed"


class _Killed(BaseException):
    """As by SIGKILL: nothing is put right."""


def _at_the_nth(n: int, done: Callable[[], None], patch: pytest.MonkeyPatch) -> None:
    """Something happens before the nth time that root gives anything away."""
    left = [n]

    def hooked(name: str) -> Callable[..., None]:
        real = getattr(os, name)

        def give(*arguments: object, **named: object) -> None:
            left[0] -= 1
            if left[0] == -1:
                done()
            real(*arguments, **named)

        return give

    for name in ("chown", "fchown"):
        patch.setattr(os, name, hooked(name))


def _killed() -> None:
    raise _Killed


@needs_root
@pytest.mark.parametrize("there", [True, False], ids=["there", "made"])
@pytest.mark.parametrize("n", range(6))
@pytest.mark.parametrize("what", ["files", "home"])
def test_what_root_had_not_given_yet_when_it_was_killed_is_given_by_the_next_run(
    repository: Repository, tmp_path: Path, what: str, n: int, *, there: bool
) -> None:
    """Nothing is missing then, and still the service can read it."""
    base = a_copy(repository, HOME, _file("enclave.json"), _file("mirror/slots.json"))
    repository.files.keep(UUID(int=1), [b"sealed"])
    place = tmp_path / "service"
    place.mkdir()
    home = place / "home"
    settings = Settings.at(home, blobs=str(home / "blobs"))
    for folder in (home, home / "mirror", home / "blobs") if there else ():
        folder.mkdir()
    for folder in (place, *place.rglob("*")):
        os.chown(folder, 12345, 12346)

    def run() -> None:
        if what == "files":
            files_of(repository, settings)
        else:
            home_of(repository, base, KEY, home)

    with pytest.MonkeyPatch.context() as patch, suppress(_Killed):
        _at_the_nth(n, _killed, patch)
        run()
    run()
    found = [path for path in home.rglob("*") if not path.name.endswith(".part")]
    assert {path.name for path in found if path.is_file()} == (
        {UUID(int=1).hex} if what == "files" else {"enclave.json", "slots.json"}
    )
    assert {(one.stat().st_uid, one.stat().st_gid) for one in found} == {(12345, 12346)}


@attack(
    "the service's account swaps a folder for a link while root gives away what it laid down",
    stopped_by="everything is given by descriptor, and nothing that has another name elsewhere",
    noticed_by="-",
)
@needs_root
@pytest.mark.parametrize("n", range(8))
@pytest.mark.parametrize("by", ["link", "name"])
def test_root_gives_nothing_away_that_it_did_not_lay_down(
    repository: Repository, tmp_path: Path, n: int, by: str
) -> None:
    """Whichever moment is chosen."""
    base = a_copy(repository, CLUSTER, _file("PG_VERSION"), _file("base/1"))
    roots = tmp_path / "roots"
    roots.mkdir()
    (roots / "1").touch()
    data = tmp_path / "data"
    data.mkdir()
    os.chown(data, 12345, 12346)

    def swap() -> None:
        if by == "link":
            with suppress(FileNotFoundError):  # where it comes before root does
                (data / "base").rename(data / "aside")
            (data / "base").symlink_to(roots)
        else:
            (data / "base").mkdir(exist_ok=True)
            (data / "base" / "1").unlink(missing_ok=True)
            (data / "base" / "1").hardlink_to(roots / "1")

    # it may be seen in time
    with pytest.MonkeyPatch.context() as patch, suppress(SettingsError, OSError):
        _at_the_nth(n, swap, patch)
        lay_down(repository, base, KEY, data, None)
    assert {one.stat().st_uid for one in (roots, roots / "1")} == {0}


@attack(
    "a copy in the repository brings keys, memories or programs of its own into the home",
    stopped_by="only what `backup run` puts there is taken",
    noticed_by="-",
)
def test_a_home_takes_only_what_was_ever_put_there(repository: Repository, tmp_path: Path) -> None:
    """And none that it has."""
    foreign = [
        "keys/log.socaikey", "seen/api/checkpoint", "init.unfinished", "x.py", "mirror/../x",
        "mirror/a.socaikey", "settings", "pg/data/PG_VERSION", "enclave.json/x",
    ]  # fmt: skip
    own = ["enclave.json", "backup.pub", "mirror/slots.json"]
    link = _other("mirror/l", tarfile.SYMTYPE, "../keys")
    base = a_copy(repository, HOME, *map(_file, [*foreign, *own]), link)
    home = tmp_path / "home"
    assert home_of(repository, base, KEY, home) == own
    assert sorted(str(p.relative_to(home)) for p in home.rglob("*") if p.is_file()) == sorted(own)
    assert home_of(repository, base, KEY, home) == []
