"""Where backups lie: base copies, WAL, configuration, files of acts; nothing of it in the open.

`base/TIME/` has the cluster as one sealed tar, `wal/` one sealed object a segment, the one under
way as a `.part` that grows; `files/` and `sums/` the files of acts (`repository_files.py`).
`base.json` stands in the open and is believed by nobody: what opens, and what the log says of
itself, decides. How bytes come here, and who reads them, is not known.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import orjson

from api.ops.backup.repository_files import RepositoryFiles
from api.settings import Settings, SettingsError
from keys import sealed_backup
from keys.custody.file import naming, sync_folder
from keys.errors import Unsealable, WrongPassphrase
from keys.hpke import OpeningKeys, SealingKey
from ledger.message import Message

CLUSTER: Final = "cluster"
MANIFEST: Final = "manifest"
HOME: Final = "home"
_FACTS: Final = "base.json"
_SEGMENT: Final = re.compile(r"[0-9A-F]{24}")
_NAME: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_PART: Final = re.compile(r"([0-9A-F]{24})\.([0-9]+)\.part")
_READ_BYTES: Final = 1 << 20
_FRAME_HEAD: Final = 5
_TAG_BYTES: Final = 16
_PER_LOG: Final = 1 << 32
_SEGMENTS: Final = [1 << bits for bits in range(20, 31)]  # those that initdb takes
_TIMELINES: Final = 1 << 32
_WAL_END: Final = 1 << 63


@dataclass(frozen=True, slots=True)
class BaseCopy:
    """A copy of the whole cluster.

    Attributes:
        name: Of its folder: when it was begun.
        system: Which cluster.
        timeline: Of its WAL.
        begun: WAL position from which it is brought into one state.
        end: WAL position when it was over: the segments up to there are in it, whole.
        ended_at: When, as records say it.
        segment: Bytes of one WAL file.
        kid: The key it is sealed to.
        epoch: The KEK in force, in hex; empty where its epoch has never turned.
        origin: The log it holds.
        size: Bytes of all that is sealed.
    """

    name: str
    system: str
    timeline: int
    begun: int
    end: int
    ended_at: str
    segment: int
    kid: str
    epoch: str
    origin: str
    size: int

    @property
    def next_wal(self) -> str:
        """The first segment that is not whole in it."""
        return wal_name(self.timeline, self.next_number, self.segment)

    @property
    def next_number(self) -> int:
        """The same as a number on its timeline."""
        return (self.end - 1) // self.segment + 1


def wal_name(timeline: int, number: int, segment: int) -> str:
    """The name of a segment, as PostgreSQL calls it."""
    per = _PER_LOG // segment
    return f"{timeline:08X}{number // per:08X}{number % per:08X}"


def wal_number(name: str, segment: int) -> int:
    """Which segment of its timeline it is."""
    return int(name[8:16], 16) * (_PER_LOG // segment) + int(name[16:24], 16)


class Repository:
    """One folder.

    Args:
        folder: Of the repository.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = RepositoryFiles(folder)
        self._bases, self._wal = folder / "base", folder / "wal"

    @classmethod
    def of(cls, settings: Settings) -> Repository:
        """The one that is set, which is there. Raises: SettingsError."""
        if settings.backup_dir is None:
            raise SettingsError(
                Message(
                    "set SOCAI_BACKUP_DIR: the folder of the backups, on another machine's disk"
                )
            )
        if not settings.backup_dir.exists():
            # one that is made here by itself would hide that the other machine's disk is away
            raise SettingsError(
                Message(
                    "{folder} of SOCAI_BACKUP_DIR is not there: is its disk mounted? Where it is"
                    " new, make it",
                    folder=settings.backup_dir,
                )
            )
        return cls(settings.backup_dir)

    def made(self) -> Repository:
        """Itself, with what it has below."""
        for folder in (self._bases, self._wal):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self

    # -- base copies -------------------------------------------------------------------------------

    def bases(self) -> list[BaseCopy]:
        """Every copy that was finished, the oldest first: by the cluster's order, not by a clock.

        One that was taken while the machine's clock was ahead would be the newest for as long.

        Raises: SettingsError, OSError.
        """
        found = []
        try:
            folders = sorted(self._bases.iterdir())  # what may not be listed is not empty
        except FileNotFoundError:
            return []
        for path in (folder / _FACTS for folder in folders):
            if path.parent.suffix == ".part" or not path.exists():
                continue
            try:
                found.append(_understood(path))
            except (TypeError, ValueError) as error:
                raise SettingsError(
                    Message("{path} is damaged: {error}", path=path, error=error)
                ) from error
        return sorted(found, key=lambda base: (base.timeline, base.end))

    def cut_short(self, base: BaseCopy) -> bool:
        """Whether bytes of a copy are missing, by its own word of its length; nothing is opened."""
        parts = [self._sealed(base, what) for what in (CLUSTER, MANIFEST, HOME)]
        return sum(part.stat().st_size for part in parts if part.exists()) < base.size

    def begin(self, name: str) -> Path:
        """A place for a copy that is not there yet; what a broken one left goes."""
        for left in self._bases.glob("*.part"):
            shutil.rmtree(left)
        place = self._bases / f"{name}.part"
        place.mkdir(mode=0o700)
        return place

    def finish(self, place: Path, base: BaseCopy) -> None:
        """Puts it where it is found."""
        (place / _FACTS).write_bytes(orjson.dumps(asdict(base), option=orjson.OPT_INDENT_2))
        _sync_file(place / _FACTS)
        sync_folder(place)
        place.rename(place.with_name(base.name))
        sync_folder(self._bases)

    def write(self, place: Path, what: str, parts: Iterable[bytes], key: SealingKey) -> int:
        """One sealed object of a copy, durable; how long it is."""
        path = place / f"{what}.sealed"
        with naming(path), path.open("wb") as file:
            for part in sealed_backup.seal(parts, key, _of_base(place.stem, what)):
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
            return file.tell()

    def read(self, base: BaseCopy, what: str, keys: OpeningKeys) -> Iterator[bytes]:
        """What was sealed. Raises: Unsealable, OSError."""
        sealed = _parts(self._sealed(base, what))
        return sealed_backup.open_sealed(sealed, keys, _of_base(base.name, what))

    def _sealed(self, base: BaseCopy, what: str) -> Path:
        return self._bases / base.name / f"{what}.sealed"

    # -- WAL ---------------------------------------------------------------------------------------

    def wal(self) -> list[str]:
        """Names of the segments that are whole, in their order."""
        return sorted(path.name for path in self._wal.glob("*") if _SEGMENT.fullmatch(path.name))

    def growing(self) -> dict[str, list[Path]]:
        """Segments under way, by name: what each try to take one has left."""
        found: dict[str, list[Path]] = {}
        for path in sorted(self._wal.glob("*.part")):
            if match := _PART.fullmatch(path.name):
                found.setdefault(match[1], []).append(path)
        return found

    def segment(self, name: str) -> Path:
        """Where a whole one lies."""
        return self._wal / name

    def next_try(self, name: str) -> Path:
        """Where one is written while it grows: never over the longest that others have left."""
        left = sorted(self.growing().get(name, []), key=_plain_bytes)
        tries = [int(path.name.split(".")[1]) for path in left]
        for path in left[:-1]:
            path.unlink()
        return self._wal / f"{name}.{max(tries, default=0) + 1}.part"

    def whole(self, draft: Path, name: str) -> None:
        """It has its end: what other tries left goes, and it too where every copy is behind it."""
        bases = self.bases()
        if bases and name < min(base.next_wal for base in bases):
            draft.unlink()  # it may be sealed to a key that is gone
        else:
            draft.rename(self._wal / name)
        for left in self.growing().get(name, []):
            left.unlink()
        sync_folder(self._wal)

    def read_wal(self, name: str, keys: OpeningKeys) -> bytes | None:
        """A segment as far as it came; None where nothing of it is there. Raises: Unsealable."""
        path = self._wal / name
        if path.exists():
            return b"".join(sealed_backup.open_sealed(_parts(path), keys, of_wal(name)))
        tries = [
            b"".join(sealed_backup.open_sealed(_parts(path), keys, of_wal(name), whole=False))
            for path in self.growing().get(name, [])
            if path.stat().st_size >= sealed_backup.HEAD_BYTES
        ]
        return max(tries, key=len, default=b"") or None

    def reach(self, base: BaseCopy) -> WalReach:
        """How far WAL goes on from a copy without a gap."""
        whole, growing = set(self.wal()), self.growing()
        number = base.next_number
        while (name := wal_name(base.timeline, number, base.segment)) in whole:
            number += 1
        held = max(map(_plain_bytes, growing.get(name, [])), default=0)
        own = f"{base.timeline:08X}"
        beyond = [
            one
            for one in (*whole, *growing)
            if one.startswith(own) and wal_number(one, base.segment) > number
        ]
        return WalReach(number * base.segment + held, min(beyond, default=None))

    # -- letting go --------------------------------------------------------------------------------

    def expire(self, going: Callable[[BaseCopy], bool]) -> tuple[list[BaseCopy], int]:
        """Lets copies go, and the WAL that no copy that stays needs.

        Returns:
            The copies, and how many segments.
        """
        bases = self.bases()
        gone = [base for base in bases if going(base)]
        staying = [base for base in bases if base not in gone]
        for base in gone:
            (self._bases / base.name / _FACTS).unlink()  # from here on it is none
            shutil.rmtree(self._bases / base.name)
        if not staying:
            return gone, 0
        first = min(base.next_wal for base in staying)
        old = [name for name in self.wal() if name < first]
        for name in old:
            (self._wal / name).unlink()
        behind = max(self.wal(), default="")  # what is under way lies before no whole one
        for name, tries in self.growing().items():
            if name < min(first, behind):
                for path in tries:
                    path.unlink(missing_ok=True)
        sync_folder(self._wal)
        return gone, len(old)

    def unopened(self, keys: OpeningKeys) -> Iterator[tuple[str, str]]:
        """Every object that does not open, or is not what was copied, and why; each is read."""
        for base in self.bases():
            for what in (CLUSTER, MANIFEST, HOME):
                yield from _tried(f"base/{base.name}/{what}", self.read(base, what, keys))
        for name in self.wal():
            sealed = sealed_backup.open_sealed(_parts(self._wal / name), keys, of_wal(name))
            yield from _tried(f"wal/{name}", sealed)
        for name in self.files.altered():
            yield (
                name,
                "it is not what was copied; remove it, and the next backup run copies it anew",
            )


@dataclass(frozen=True, slots=True)
class WalReach:
    """How far a copy can be taken.

    Attributes:
        at: WAL position.
        beyond: A segment that is there behind a gap.
    """

    at: int
    beyond: str | None


class WalWriter:
    """Takes WAL in its order, each segment sealed to the key that is in force when it begins.

    Args:
        repository: Where to.
        timeline: Of the WAL.
        segment: Bytes of one file.
        key: The key in force.
    """

    def __init__(
        self, repository: Repository, timeline: int, segment: int, key: Callable[[], SealingKey]
    ) -> None:
        self._repository, self._timeline = repository, timeline
        self._segment, self._key = segment, key
        self._at: int | None = None
        self._file: int | None = None
        self._frames: sealed_backup.FrameWriter | None = None
        self._draft = repository.folder
        self._name = ""

    def keep(self, begin: int, parts: Sequence[bytes]) -> int:
        """Takes what begins at a byte; up to where it is durable.

        Raises:
            ValueError: It does not begin where the last ended.
            OSError: The repository cannot be written, by the name of what is under way.
        """
        if begin != (self._at if self._at is not None else begin // self._segment * self._segment):
            raise ValueError("WAL came out of its order")
        self._at = begin
        plain = memoryview(b"".join(parts))
        while plain:
            room = self._segment - self._at % self._segment
            taken, plain = plain[:room], plain[room:]
            self._write(bytes(taken), last=len(taken) == room)
            self._at += len(taken)
        if self._file is not None:
            with naming(self._draft):
                os.fsync(self._file)
        return self._at

    def close(self) -> None:
        """What is under way stays as it is."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _write(self, plain: bytes, *, last: bool) -> None:
        if self._file is None:
            self._begin()
        assert self._frames is not None  # noqa: S101  begun with the file
        assert self._file is not None  # noqa: S101
        with naming(self._draft):
            _write_all(self._file, self._frames.frames(plain, last=last))
            if last:
                os.fsync(self._file)
        if last:
            self.close()
            self._repository.whole(self._draft, self._name)

    def _begin(self) -> None:
        assert self._at is not None  # noqa: S101  set by `keep`
        self._name = wal_name(self._timeline, self._at // self._segment, self._segment)
        self._draft = self._repository.next_try(self._name)
        self._frames = sealed_backup.FrameWriter(self._key(), of_wal(self._name))
        self._file = os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with naming(self._draft):
            _write_all(self._file, self._frames.head)
            sync_folder(self._draft.parent)


@contextmanager
def or_nothing(place: Path) -> Iterator[None]:
    """Of a copy that fails within nothing stays, least of all on a full disk."""
    try:
        yield
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def of_wal(name: str) -> str:
    """What a segment is sealed as."""
    return f"wal/{name}"


def _understood(path: Path) -> BaseCopy:
    """Facts of a copy: what they say decides where is read and what is removed."""
    said = orjson.loads(path.read_bytes())
    base = BaseCopy(**said)
    for name, kind in BaseCopy.__annotations__.items():
        if type(said[name]).__name__ != kind:
            raise ValueError(name)
    folder = path.parent
    if base.name != folder.name or not _NAME.fullmatch(base.name) or folder.is_symlink():
        raise ValueError("name")
    if base.segment not in _SEGMENTS or not 0 < base.timeline < _TIMELINES:
        raise ValueError("segment, timeline")
    if not 0 <= base.begun <= base.end < _WAL_END or not base.end:
        raise ValueError("begun, end")
    if datetime.fromisoformat(base.ended_at).tzinfo is None:
        raise ValueError("ended_at")
    return base


def _of_base(name: str, what: str) -> str:
    return f"base/{name}/{what}"


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(_READ_BYTES):
            yield part


def _plain_bytes(path: Path) -> int:
    """How many bytes whole frames of an object say they hold; nothing is opened."""
    held = 0
    with path.open("rb") as file:
        size, at = path.stat().st_size, sealed_backup.HEAD_BYTES
        while at + _FRAME_HEAD <= size:
            file.seek(at)
            length = int.from_bytes(file.read(4))
            if length < _TAG_BYTES or at + _FRAME_HEAD + length > size:
                break
            held, at = held + length - _TAG_BYTES, at + _FRAME_HEAD + length
    return held


def _tried(name: str, opened: Iterator[bytes]) -> Iterator[tuple[str, str]]:
    try:
        for _ in opened:
            pass
    except WrongPassphrase:
        raise  # of the call that was made, and no fault of a part
    except (Unsealable, OSError) as error:
        yield name, str(error)


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
