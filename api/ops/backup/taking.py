"""Takes backups: a copy of the whole cluster now and then, and its WAL as it is written.

With a login that can do only that, and another that dumps the log, for the epoch and for files that
are gone. All that is written is sealed; keys and secrets are never in it.
"""

from __future__ import annotations

import errno
import io
import logging
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from typing import Final
from uuid import UUID

from api.home import EnclaveFacts, Home
from api.ops import database
from api.ops.backup import repository_key
from api.ops.backup.repository import (
    CLUSTER,
    HOME,
    MANIFEST,
    BaseCopy,
    Repository,
    WalWriter,
    or_nothing,
    wal_name,
    wal_number,
)
from api.ops.backup.repository_key import RepositoryKey
from api.ops.home_notes import ACCESS_VKEYS, VKEYS
from api.ops.patience import once_there
from api.ops.role_lock import Lock
from api.ops.wiring.blob_store import open_blobs
from api.ops.wiring.logins import role_dsn
from api.settings import Settings, SettingsError
from keys.hpke import SealingKey
from ledger.errors import Unavailable
from ledger.log.moment import stamp
from ledger.message import Message
from ledger.ports import Clock
from ledger.postgres.copying.epoch import epoch_and_shredded
from ledger.postgres.copying.replication import (
    Replication,
    ServerBehind,
    ServerStanding,
    WalGone,
    lsn,
)

RUNNING: Final = "backup"
STREAMING: Final = "archiver"
CONFIGURATION: Final = (VKEYS, ACCESS_VKEYS, repository_key.PUBLIC, "mirror")
"""What a home has besides `enclave.json`, keys and secrets; `mirror` is a folder."""
LEFT_OUT: Final = (".socaikey", ".part")
_SETTINGS: Final = "settings"
_CATCH_UP_S: Final = 5
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)

_log = logging.getLogger("socai.backup")
_log.addHandler(logging.NullHandler())  # a command says it itself, where nobody takes log lines


@dataclass(frozen=True, slots=True)
class TakenBackup:
    """What a run did.

    Attributes:
        base: The copy that was made.
        files: Files of acts that were copied.
        turned: Whether the key of backups was turned first, since the epoch had.
        gone: Copies that were let go with the key before.
        destroyed: Files of old keys that were destroyed here.
    """

    base: BaseCopy
    files: int
    turned: bool
    gone: tuple[str, ...]
    destroyed: tuple[str, ...]


def run(settings: Settings, clock: Clock) -> TakenBackup:
    """A full backup: the cluster, the configuration, and the files of acts that are new.

    Where the epoch of the KEK has turned, so does the key of backups, and what is sealed to the one
    before goes once this copy stands.

    Raises:
        SettingsError: No repository or key, another run is under way, or the repository is of
            another cluster.
        Unavailable: The server gives no copy.
    """
    repository = Repository.of(settings).made()
    with database.reachable(settings) as facts, closing(Lock(settings.home)) as lock:
        lock.take(RUNNING)
        epoch, shredded = epoch_and_shredded(role_dsn(settings, facts, "backup"))
        before = repository_key.sealing_key(settings)
        key = before if before.epoch == epoch else _turned(settings, epoch)
        with closing(Replication(role_dsn(settings, facts, "archiver"))) as line:
            base = _copied(settings, facts, repository, line, key, clock)
    files = _copy_files(settings, repository, shredded)
    gone, destroyed = _let_go(settings, repository, key)
    return TakenBackup(base, files, key != before, gone, destroyed)


def _turned(settings: Settings, epoch: str) -> RepositoryKey:
    if not repository_key.has_private(settings):
        raise SettingsError(
            Message(
                "the epoch of the KEK has turned, so backups need a new key, and theirs is not"
                " here: run `socai backup key` where backup.socaikey is kept, and bring backup.pub"
            )
        )
    return repository_key.make(settings, epoch)


def _copied(
    settings: Settings,
    facts: EnclaveFacts,
    repository: Repository,
    line: Replication,
    key: RepositoryKey,
    clock: Clock,
) -> BaseCopy:
    standing = line.standing()
    _same_cluster(repository, standing)
    line.slot_anew(slot_of(facts))
    now = clock.now()
    name = _named(now)
    if any(base.name == name for base in repository.bases()):
        raise Unavailable("backup_exists", Message("A backup of this second is there; wait one."))
    place = repository.begin(name)
    rest, places = bytearray(), {"begin": b"", "end": b""}

    def cluster() -> Iterator[bytes]:
        for part, data in line.base(f"socai {name}"):
            if part == "tar":
                yield data
            elif part == "manifest":
                rest.extend(data)
            else:
                places[part] = data

    with or_nothing(place):
        size = repository.write(place, CLUSTER, cluster(), key.public)
        size += repository.write(place, MANIFEST, [bytes(rest)], key.public)
        size += repository.write(place, HOME, [_configuration(settings)], key.public)
        base = BaseCopy(
            name=name,
            system=standing.system,
            timeline=standing.timeline,
            begun=lsn(places["begin"].decode()),
            end=lsn(places["end"].decode()),
            ended_at=stamp(clock.now()),
            segment=standing.segment,
            kid=key.public.kid,
            epoch=key.epoch,
            origin=facts.origin,
            size=size,
        )
        repository.finish(place, base)
        return base


def _named(now: datetime) -> str:
    return now.strftime("%Y%m%dT%H%M%SZ")


def _same_cluster(repository: Repository, standing: ServerStanding) -> None:
    other = next((b for b in repository.bases() if b.system != standing.system), None)
    if other is not None:
        raise SettingsError(
            Message(
                "{folder} holds backups of another cluster: name another folder in"
                " SOCAI_BACKUP_DIR",
                folder=repository.folder,
            )
        )


def _configuration(settings: Settings) -> bytes:
    """What makes the home again, but keys, secrets, and what was seen."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        tar.add(Home(settings).facts_path, "enclave.json")
        for name in CONFIGURATION:
            path = settings.home / name
            if path.exists():
                tar.add(path, name, filter=_plain_files)
        told = "".join(f"{n}={v}\n" for n, v in settings.environment().items()).encode()
        member = tarfile.TarInfo(_SETTINGS)
        member.size = len(told)
        tar.addfile(member, io.BytesIO(told))
    return made.getvalue()


def _plain_files(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if member.name.endswith(LEFT_OUT) else member


def _copy_files(settings: Settings, repository: Repository, shredded: set[UUID]) -> int:
    """Files that the copy lacks, as they lie there; those that an erasure destroyed go from it."""
    live, kept = open_blobs(settings), repository.files
    held = kept.held()
    there, copied = kept.sizes(), 0
    for name in there.keys() | held:
        if name in shredded:
            kept.remove(name)
    for name, size in live.sizes().items():
        if name not in shredded and not (name in held and there.get(name) == size):
            kept.keep(name, live.get(name))
            copied += 1
    return copied


def _let_go(
    settings: Settings, repository: Repository, key: RepositoryKey
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    gone, _ = repository.expire(lambda base: base.kid != key.public.kid)
    kept = {base.kid for base in repository.bases()}
    destroyed = repository_key.destroy_old(settings, kept)
    return tuple(base.name for base in gone), tuple(destroyed)


def expire(settings: Settings, keep: int) -> tuple[list[BaseCopy], int]:
    """Lets all but the newest copies go, and the WAL that none of these needs.

    One that is cut short is none of those, and goes when an older one would.
    """
    repository = Repository.of(settings)
    bases = repository.bases()
    staying = [base for base in bases if not repository.cut_short(base)][-keep:]
    going = bases[: bases.index(staying[0])] if staying else []
    return repository.expire(lambda base: base in going)


# -- WAL as it is written --------------------------------------------------------------------------


def stream(settings: Settings, stop: Event, told: Callable[[str], None]) -> None:
    """Keeps WAL as the server writes it until told to stop; a server that is away is waited for.

    So is a disk that is full, which is said once a segment. Any other fault of the repository ends
    it: somebody must look, and whoever watches processes sees it.

    Raises:
        OSError: The repository cannot be written.
        SettingsError: No repository or key, or it is of another cluster, or another streams.
        Unavailable: What the repository holds is ahead of the server: an older copy of it.
    """
    repository = Repository.of(settings).made()
    repository_key.sealing_key(settings)
    begun, full = "", None

    def tell(segment: str) -> None:
        nonlocal begun
        begun = segment
        if begun != full:
            told(segment)

    with closing(Lock(settings.home)) as lock:
        lock.take(STREAMING)
        while not stop.is_set():
            line = once_there(
                lambda: Replication(role_dsn(settings, Home(settings).facts(), "archiver")),
                stop,
                "the archiver",
            )
            if line is None:
                return
            with closing(line):
                try:
                    _stream(settings, repository, line, stop, tell)
                except Unavailable as error:
                    _log.warning("%s", error)
                except WalGone:
                    _log.warning("%s", _wal_gone())
                except OSError as error:
                    full = _full_at(begun, full, error)
            stop.wait(1.0)


def _full_at(segment: str, before: str | None, error: OSError) -> str:
    """Where there was no room, which is said once. Raises: OSError: It is something else."""
    if error.errno not in _FULL:
        raise error
    if segment != before:
        _log.warning("%s", error)
    return segment


def _stream(
    settings: Settings,
    repository: Repository,
    line: Replication,
    stop: Event,
    told: Callable[[str], None],
) -> None:
    standing = line.standing()
    _same_cluster(repository, standing)
    slot = slot_of(Home(settings).facts())
    oldest = line.slot(slot) // standing.segment * standing.segment
    begin = _go_on(repository, standing, oldest)

    def key() -> SealingKey:
        return repository_key.sealing_key(settings).public

    writer = WalWriter(repository, standing.timeline, standing.segment, key)
    told(wal_name(standing.timeline, begin // standing.segment, standing.segment))
    try:
        line.stream(slot, begin, standing.timeline, writer.keep, stop.is_set)
    except WalGone:
        writer.close()
        # what is told to be kept lets go whoever waits for it: not before a copy has all till there
        if not any(base.begun >= oldest for base in repository.bases()):
            raise
        writer = WalWriter(repository, standing.timeline, standing.segment, key)
        line.stream(slot, oldest, standing.timeline, writer.keep, stop.is_set)
    except ServerBehind:
        raise SettingsError(
            Message(
                "the repository holds more of this cluster's WAL than the server has written: an"
                " older copy stands in its place. Stop the service, and see recovery.md"
            )
        ) from None
    finally:
        writer.close()


def _wal_gone() -> Unavailable:
    text = Message("the server has thrown WAL away that was not kept: run socai backup run")
    return Unavailable("wal_gone", text)


def _go_on(repository: Repository, standing: ServerStanding, oldest: int) -> int:
    """Behind the newest whole segment; where there is none, from where the newest copy wants it.

    The server keeps it from there for the slot, if the slot is not a new one.
    """
    own = [name for name in repository.wal() if name.startswith(f"{standing.timeline:08X}")]
    if own:
        return (wal_number(own[-1], standing.segment) + 1) * standing.segment
    wanted = [one.next_number for one in repository.bases() if one.timeline == standing.timeline]
    return min(oldest, max(wanted) * standing.segment) if wanted else oldest


def slot_of(facts: EnclaveFacts) -> str:
    """The replication slot by which the server keeps WAL until it is here."""
    return f"{facts.slug}_archiver"


# -- what there is ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BackupFault:
    """Something about the backups that is to be mended.

    Attributes:
        code: `no_backup`, `other_timeline`, `epoch_turned`, `gap`, `behind`, `unopened`.
        text: What to do.
    """

    code: str
    text: Message


def faults(settings: Settings) -> list[BackupFault]:
    """What would be missing if the machine were lost now.

    Raises:
        SettingsError: No repository or key, or it is of another cluster.
        Unavailable: The server cannot be asked.
    """
    key = repository_key.sealing_key(settings)
    bases = Repository.of(settings).bases()
    if not bases:
        return stream_faults(settings)
    with database.reachable(settings) as facts:
        epoch, _ = epoch_and_shredded(role_dsn(settings, facts, "backup"))
        found = stream_faults(settings)
    if epoch != key.epoch or bases[-1].kid != key.public.kid:
        turned = Message(
            "the epoch of the KEK has turned since the last full backup: run socai backup run"
        )
        found.insert(0, BackupFault("epoch_turned", turned))
    return found


def stream_faults(settings: Settings) -> list[BackupFault]:
    """Of these what the archiver's own login can see: a copy, and WAL that leads on from it.

    Raises: as `faults`; the server must be up.
    """
    repository = Repository.of(settings)
    bases = repository.bases()
    if not bases:
        return [BackupFault("no_backup", Message("there is no full backup: run socai backup run"))]
    newest = bases[-1]
    with closing(Replication(role_dsn(settings, Home(settings).facts(), "archiver"))) as line:
        standing = line.standing()
    _same_cluster(repository, standing)
    if newest.timeline != standing.timeline:
        from_a_copy = Message(
            "the server went on from a copy since the last full backup: run socai backup run"
        )
        return [BackupFault("other_timeline", from_a_copy)]
    found = []
    if repository.cut_short(newest):
        short = Message("full backup {name} is cut short: run socai backup run", name=newest.name)
        found.append(BackupFault("unopened", short))
    reach = repository.reach(newest)
    if reach.beyond is not None:
        missing = Message(
            "WAL is missing before {segment}: run socai backup run", segment=reach.beyond
        )
        found.append(BackupFault("gap", missing))
    if (behind := _behind(repository, newest, standing.at)) > 0:
        not_kept = Message(
            "{kib} KiB of WAL are not kept: is socai backup stream running?",
            kib=max(1, behind >> 10),
        )
        found.append(BackupFault("behind", not_kept))
    return found


def _behind(repository: Repository, base: BaseCopy, at: int) -> int:
    """Bytes of what was written by then that are not kept some seconds later."""
    for _ in range(_CATCH_UP_S * 5):
        if repository.reach(base).at >= at:
            return 0
        Event().wait(0.2)
    return max(0, at - repository.reach(base).at)
