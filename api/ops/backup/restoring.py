"""Brings a cluster back from the repository, to its last moment or to an earlier one.

Into a folder where no cluster is: what was lost stays where it is, as evidence. The WAL that is
kept lies beside the copy before the server begins; nothing is fetched while it recovers. Whether
what came back is all that the log has signed is asked afterwards, and not here.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

import orjson

from api.ops.backup import taking
from api.ops.backup.repository import (
    CLUSTER,
    HOME,
    MANIFEST,
    BaseCopy,
    Repository,
    wal_name,
)
from api.ops.backup.repository_files import NotAsCopied
from api.ops.embedded_postgres import (
    CONFIGURATION,
    UNDER_WAY,
    Embedded,
    EmbeddedError,
    configuration,
    emptied,
    only_laid_down,
)
from api.settings import Settings, SettingsError
from keys.custody.file import naming
from keys.hpke import OpeningKeys
from ledger.files import given
from ledger.files.folder_store import FolderBlobs
from ledger.message import Message

_TARGET: Final = "recovery ended before configured recovery target was reached"
_SIGNAL: Final = "recovery.signal"
_CONF: Final = "postgresql.auto.conf"
_READ_BYTES: Final = 1 << 20
_MARK: Final = b"# socai restore\n"
_FACTS: Final = "enclave.json"
_ASIDE: Final = ".from-backup"
_ASIDE_BEFORE: Final = frozenset(f"{name}{_ASIDE}" for name in CONFIGURATION)
"""What an earlier restore laid beside: the server was told nothing of it; the names are needed."""
_MANIFEST: Final = "backup_manifest"
_HASHED: Final = "SHA256"


def choose(repository: Repository, to: datetime | None) -> BaseCopy:
    """The newest copy, or the newest that was over by a moment. Raises: SettingsError."""
    bases = repository.bases()
    if not bases:
        raise SettingsError(Message("{folder} holds no full backup", folder=repository.folder))
    if to is None:
        return bases[-1]
    by_then = [b for b in bases if datetime.fromisoformat(b.ended_at) <= to]
    if not by_then:
        raise SettingsError(
            Message(
                "no full backup was over by then; the oldest is of {ended}", ended=bases[0].ended_at
            )
        )
    return by_then[-1]


def lay_down(
    repository: Repository, base: BaseCopy, keys: OpeningKeys, data: Path, to: datetime | None
) -> int:
    """The copy and its WAL, as a cluster that recovers when it is started; up to which WAL.

    What a restore before it left half done, which no server ever had, goes first. It stays marked
    as half done until `stands`, or until the embedded server has recovered.

    Raises:
        SettingsError: A cluster is there already, or what was copied is not what the server gave.
        Unsealable: A part does not open; what was laid down is taken away again.
    """
    there = data.exists()
    if only_laid_down(data):
        emptied(data)
    if there and any(data.iterdir()):
        raise SettingsError(
            Message("{data} is not empty: move it away first, it is evidence", data=data)
        )
    try:
        with naming(data), given.opened(data) as own:
            reached = _laid(repository, base, keys, data, own, to)
    except BaseException:
        if there:
            emptied(data)
        else:
            shutil.rmtree(data, ignore_errors=True)
        raise
    return reached


def stands(data: Path) -> None:
    """All that belongs to it is there too: from here on it is moved away, and not laid anew."""
    (data / UNDER_WAY).unlink()


def _laid(
    repository: Repository,
    base: BaseCopy,
    keys: OpeningKeys,
    data: Path,
    own: int,
    to: datetime | None,
) -> int:
    """Every step of it by descriptor: whose the folder is may rename in it what he likes."""
    _put(own, UNDER_WAY)
    source = _Readable(repository.read(base, CLUSTER, keys))
    with (
        _no_copy_of_ours(),
        tarfile.open(fileobj=io.BufferedReader(source, _READ_BYTES), mode="r|") as tar,
    ):
        for member in tar:
            taken = _of_a_cluster(member, str(data))
            if taken is not None and taken.isdir():
                with given.below(own, PurePosixPath(taken.name).parts):
                    pass
            elif taken is not None:
                _put(own, taken.name, tar.extractfile(taken), taken.mode & 0o640)
    source.drain()  # an end that is the end
    manifest = b"".join(repository.read(base, MANIFEST, keys))
    _hold_to(manifest, data)
    _put(own, _MANIFEST, io.BytesIO(manifest))
    number, held = base.next_number, b""
    while True:
        name = wal_name(base.timeline, number, base.segment)
        held = repository.read_wal(name, keys) or b""
        if held:
            _put(own, f"pg_wal/{name}", io.BytesIO(held.ljust(base.segment, b"\0")))
        if len(held) < base.segment:
            break
        number += 1
    for name, told in configuration().items():
        _put(own, name, io.BytesIO(told + (_recovering(to) if name == _CONF else b"")))
    _put(own, _SIGNAL)
    return number * base.segment + len(held)


def _put(own: int, name: str, source: IO[bytes] | None = None, mode: int = 0) -> None:
    """A file in the folder, in place of what has its name; its owner may always read and write."""
    *folders, last = PurePosixPath(name).parts
    with (
        given.below(own, folders) as at,
        os.fdopen(given.begun(at, last, mode | 0o600), "wb") as file,
    ):
        if source is not None:
            shutil.copyfileobj(source, file, _READ_BYTES)


@contextmanager
def _no_copy_of_ours() -> Iterator[None]:
    try:
        yield
    except tarfile.TarError as error:
        raise SettingsError(
            Message("this is no copy that `socai backup run` made: {error}", error=error)
        ) from error


def _of_a_cluster(member: tarfile.TarInfo, data: str) -> tarfile.TarInfo | None:
    """What a server gives of itself: files in folders. What tells it what to do stays aside.

    Raises:
        tarfile.TarError: No server gave this.
    """
    parts = PurePosixPath(member.name).parts
    first = parts[0] if parts else ""
    if parts and member.isfile() and str(PurePosixPath(*parts)) in _ASIDE_BEFORE:
        return None
    told = first in CONFIGURATION
    plain = member.isfile() or (member.isdir() and not told)
    if not plain or ".." in parts or member.name.startswith("/") or (told and len(parts) > 1):
        raise tarfile.TarError(member.name)
    if parts in (("tablespace_map",), ("standby.signal",)):
        raise tarfile.TarError(member.name)
    if told:
        member = member.replace(name=f"{first}{_ASIDE}", deep=False)
    return tarfile.data_filter(member, data)


def _hold_to(manifest: bytes, data: Path) -> None:
    """That every file is on the disk as the server listed it, and no other, before one is run.

    Raises:
        SettingsError: One is not.
    """
    try:
        every = {one["Path"]: one for one in orjson.loads(manifest)["Files"]}
        listed = {name: one for name, one in every.items() if name not in _ASIDE_BEFORE}
        wrong = [name for name, one in listed.items() if not _is(_laid_as(data, name), one)]
    except (ValueError, LookupError, TypeError) as error:
        raise SettingsError(
            Message("this is no copy that `socai backup run` made: {error}", error=error)
        ) from error
    laid = (path.relative_to(data) for path in data.rglob("*") if path.is_file())
    known = {str(_laid_as(Path(), name)) for name in listed} | {UNDER_WAY}
    wrong += [str(path) for path in laid if str(path) not in known and path.parts[0] != "pg_wal"]
    if wrong:
        raise SettingsError(
            Message(
                "{file} is not what the server gave, so nothing of this copy is left here: take an"
                " older one (move its folder out of the repository), or another copy of the"
                " repository",
                file=min(wrong),
            )
        )


def by_length_alone(repository: Repository, base: BaseCopy, keys: OpeningKeys) -> bool:
    """Whether the server listed a file without a SHA-256, before it was asked for one."""
    listed = orjson.loads(b"".join(repository.read(base, MANIFEST, keys)))["Files"]
    return any(one.get("Checksum-Algorithm") != _HASHED for one in listed)


def _laid_as(data: Path, name: str) -> Path:
    return data / (f"{name}{_ASIDE}" if name in CONFIGURATION else name)


def _is(path: Path, listed: Mapping[str, Any]) -> bool:
    """Whether a file is as long as listed, and what is hashed so."""
    if not path.is_file() or path.stat().st_size != listed["Size"]:
        return False
    if listed.get("Checksum-Algorithm") != _HASHED:
        return True  # which is said: `by_length_alone`
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == str(listed["Checksum"])


def _of_a_home(member: tarfile.TarInfo) -> bool:
    """Whether `backup run` would have put it there."""
    parts = PurePosixPath(member.name).parts
    own = parts in {(name,) for name in (_FACTS, *taking.CONFIGURATION)}
    below = parts[:1] == ("mirror",) and ".." not in parts
    return member.isfile() and (own or below) and not member.name.endswith(taking.LEFT_OUT)


def _recovering(to: datetime | None) -> bytes:
    """What the server is told for as long as it recovers."""
    # nobody asks it meanwhile, so it may be larger than the one that recovers it
    lines = ["restore_command = 'false'", "recovery_target_timeline = 'current'"]
    lines += ["hot_standby = 'off'"]
    if to is not None:
        moment = to.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")
        lines += [f"recovery_target_time = '{moment}'", "recovery_target_action = 'promote'"]
    return _MARK + "".join(f"{line}\n" for line in lines).encode()


def _forget_recovery(data: Path) -> None:
    """What only the recovery was told goes again."""
    given.put(data, PurePosixPath(_CONF), configuration()[_CONF], 0o600)


def home_of(repository: Repository, base: BaseCopy, keys: OpeningKeys, home: Path) -> list[str]:
    """Configuration that the home lacks; nothing that is there is written over. Names of it."""
    made = []
    packed = io.BytesIO(b"".join(repository.read(base, HOME, keys)))
    with _no_copy_of_ours(), tarfile.open(fileobj=packed) as tar:
        for member in tar.getmembers():
            if _of_a_home(member) and not (home / member.name).exists():
                file = tar.extractfile(member)
                assert file is not None  # noqa: S101  it is a file
                name = PurePosixPath(member.name)
                given.put(home, name, file.read(), member.mode & 0o755 | 0o600)
                made.append(member.name)
    return made


def files_of(repository: Repository, settings: Settings) -> tuple[int, list[str]]:
    """Files of acts that their store lacks: how many, and those that were left out.

    They are not what was copied, and no file of an act any more.
    """
    if "://" in settings.blobs:
        return 0, []  # an object store keeps its own copies
    with given.opened(Path(settings.blobs)):
        store = FolderBlobs(Path(settings.blobs))
    missing, altered = repository.files.sizes().keys() - store.sizes().keys(), list[str]()
    for name in sorted(missing):
        try:
            store.put(name, repository.files.get(name))
        except NotAsCopied as error:
            altered.append(str(error))
    return len(missing) - len(altered), altered


def embedded(
    repository: Repository,
    base: BaseCopy,
    keys: OpeningKeys,
    settings: Settings,
    to: datetime | None,
) -> int:
    """Into the embedded database of this home, which is started, recovers, and is left running.

    Raises:
        SettingsError: A cluster is there, or the moment is behind all WAL that is kept.
        EmbeddedError: It does not start.
        Unsealable: A part does not open.
    """
    server, found = Embedded(settings.home), dict[str, int]()

    def fill(data: Path) -> None:
        found["to"] = lay_down(repository, base, keys, data, to)

    try:
        server.restore(fill)
    except EmbeddedError as error:
        if to is None or _TARGET not in str(error):
            raise
        raise SettingsError(
            Message(
                "the WAL that is kept ends before that moment: name an earlier one, or --to-latest"
            )
        ) from error
    _forget_recovery(settings.home / "pg" / "data")
    return found["to"]


class _Readable(io.RawIOBase):
    """Parts as a file that is only read forward."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        super().__init__()
        self._parts, self._held = parts, b""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401  any buffer
        """Fills what is given as far as one part goes; 0 at the end."""
        while not self._held and (part := next(self._parts, None)) is not None:
            self._held = part
        taken = self._held[: len(buffer)]
        buffer[: len(taken)], self._held = taken, self._held[len(taken) :]
        return len(taken)

    def drain(self) -> None:
        """Reads on to the end, which must be one. Raises: Unsealable."""
        for _ in self._parts:
            pass
