"""Takes segments of lower logs in, from files or a pipe (access.md F12).

Each is opened with the receiving key here, taken apart by a process that has nothing, held against
the log it is of, and stored under the own KEK with the importer's login. One that is refused is
kept apart and told; nothing is ever said to where it came from (F9).
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, Final, NamedTuple

import orjson

from api.home import EnclaveFacts, Home
from api.ops import database
from api.ops.machine import RealClock
from api.ops.mirror.apart import taken_apart
from api.ops.mirror.outbox import ENDING
from api.ops.mirror.slots import mirror_folder, written
from api.ops.patience import once_there
from api.ops.role_lock import Lock
from api.ops.wiring.key_files import open_kek
from api.ops.wiring.logins import require_schema, role_dsn
from api.settings import LEVELS, Settings, SettingsError
from keys import canonical, sealed_segment
from keys.custody.file import read_opening_key, sync_folder, write_opening_key
from keys.custody.key_files import KeyFiles, next_path, old_path
from keys.envelope_encryption import Kek
from keys.errors import KeyAway, KeysError, Malformed, Unsealable
from keys.hpke import OpeningKey
from keys.sealed_segment import NotAddressed
from ledger.errors import Conflict, Unavailable
from ledger.log.moment import stamp
from ledger.message import Message
from ledger.mirror.audit import MirrorFinding, findings
from ledger.mirror.refusal import Kind, SegmentRefused, TakenBefore
from ledger.mirror.taking_in import Lower, Mirror, TakenIn
from ledger.postgres.connect import Pool, open_pool
from ledger.postgres.mirror.mirrored import LowerLog, PostgresMirror, trust, trusted_logs
from projections.engine.gc_pause import GcPause

LOCK: Final = "importer"
KEY: Final = "mirror"
REFUSED: Final = "refused"
_REFUSALS: Final = "refused.jsonl"
_MOST_REFUSALS: Final = 200
_LOOK_S: Final = 5.0
_PATIENCE_S: Final = 30
"""How long an import waits for another, or for the turn of an epoch."""

_log = logging.getLogger("socai.mirror")
_log.addHandler(logging.NullHandler())  # a command says it itself, where nobody takes log lines


@dataclass(frozen=True, slots=True)
class RefusedSegment:
    """A segment that was not taken in.

    Attributes:
        at: When, as records say it.
        name: Of its file.
        sha256: Of its bytes, in hex.
        kind: See `SegmentRefused`.
        why: In English.
    """

    at: str
    name: str
    sha256: str
    kind: str
    why: str


def make_key(settings: Settings) -> tuple[Path, OpeningKey]:
    """A new receiving key of this home, and where its public half is; the one before opens on.

    Raises:
        SettingsError: No passphrase is given.
    """
    home = Home(settings)
    path = home.key_path(KEY)
    before = old_path(path)
    key = OpeningKey.generate()
    new = next_path(path)
    new.unlink(missing_ok=True)
    new.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_opening_key(new, key, home.passphrase())
    # All that a full disk may refuse comes first: whoever is told that it failed runs this again,
    # and by two keys more nothing would open what is on its way to the one that was carried down.
    public = mirror_folder(settings) / f"{KEY}.pub"
    public.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    written(public, canonical.encode(dict(key.public.jwk)) + b"\n")
    if path.exists():
        before.unlink(missing_ok=True)
        try:
            os.link(path, before)  # an importer that runs meets one in force at every moment
        except OSError:  # there are no links here (exFAT, a share): for an instant it waits
            path.rename(before)
    new.replace(path)
    sync_folder(path.parent)
    return public, key


def add_log(settings: Settings, origin: str, genesis: bytes) -> str:
    """Trusts a lower log by its record 0; its level.

    Raises:
        SettingsError: It is no log's name, or not of a level below.
        Conflict: It is trusted by another first record.
    """
    with database.reachable(settings) as facts:
        level = origin.rpartition("/")[2]
        if level not in LEVELS or LEVELS.index(level) >= LEVELS.index(facts.level):
            raise SettingsError(
                Message(
                    "{origin} is no log below {level}: a mirror leads upward only",
                    origin=origin,
                    level=facts.level,
                )
            )
        dsn = role_dsn(settings, facts, "migrator")
        require_schema(dsn)
        with closing(open_pool(dsn, most=1)) as pool:
            trust(pool, origin, level, genesis)
    return level


def standing(settings: Settings) -> tuple[list[LowerLog], list[RefusedSegment]]:
    """Every lower log that is trusted, and what was refused since each was last taken in."""
    with database.reachable(settings) as facts:
        dsn = role_dsn(settings, facts, "importer")
        require_schema(dsn)
        with closing(open_pool(dsn, most=1)) as pool:
            return trusted_logs(pool), refusals(settings)


def audited(settings: Settings) -> Iterator[tuple[LowerLog, list[MirrorFinding]]]:
    """Each lower log that is trusted, and what of it is not what was taken in."""
    with database.reachable(settings) as facts:
        dsn = role_dsn(settings, facts, "importer")
        require_schema(dsn)
        with closing(open_pool(dsn, most=1)) as pool:
            for log in trusted_logs(pool):
                lower = Lower(log.origin, log.level, log.genesis)
                store = PostgresMirror(pool, log.origin)
                yield log, list(findings(store, open_kek(settings), lower, facts.level))


def refusals(settings: Settings) -> list[RefusedSegment]:
    """The last segments that were refused, oldest first."""
    path = mirror_folder(settings) / _REFUSALS
    if not path.exists():
        return []
    return [RefusedSegment(**orjson.loads(line)) for line in path.read_bytes().splitlines()]


class Inbox:
    """The importer of one home, while it has its role.

    Args:
        settings: Of the home.
        facts: Of its enclave.
        pool: Of the importer's login.
        kek: What everything is sealed under here.
        keys: To open segments with; taken up while it runs, as they turn.
    """

    def __init__(
        self,
        settings: Settings,
        facts: EnclaveFacts,
        pool: Pool,
        kek: KeyFiles[Kek],
        keys: KeyFiles[OpeningKey],
    ) -> None:
        self._settings = settings
        self._facts = facts
        self._pool = pool
        self._kek = kek
        self._keys = keys
        self._mirrors: dict[str, Mirror] = {}

    def take(self, sealed: bytes, name: str) -> TakenIn:
        """Takes one segment in.

        Raises:
            SegmentRefused: Nothing of it was stored; it is noted, and said in the log.
            Conflict: Another import was first.
        """
        try:
            return self._take(sealed)
        except TakenBefore:
            raise  # nothing is wrong with it
        except SegmentRefused as refused:
            self._note(sealed, name, refused)
            raise

    def watch(
        self,
        folder: Path,
        stop: Event,
        told: Callable[[str, TakenIn | SegmentRefused], None],
        look_s: float = _LOOK_S,
    ) -> None:
        """Takes in what comes into a folder of the own enclave, until told to stop.

        A file is looked at once it is at two looks as it was at the one before: whoever brings it
        may be at it still. What is taken in goes; what is refused lies in `refused/` beside it, and
        what waits for a segment that is missing stays, as does what is cut short, until it is
        changed. While the database cannot be asked everything waits.
        """
        waiting: set[_Mark] = set()
        seen: dict[str, _Mark] = {}
        while not stop.is_set():
            taken = False
            files = {
                path: mark for path in sorted(folder.glob(f"*{ENDING}")) if (mark := _mark(path))
            }
            for path, mark in files.items():
                if mark in waiting or seen.get(path.name) != mark:
                    continue
                taken = self._watched(path, mark, waiting, told) or taken
                if stop.is_set():
                    return
            seen = {mark.name: mark for mark in files.values()}
            if taken:
                waiting.clear()  # what was missing may be there now
            else:
                stop.wait(look_s)

    def _watched(
        self,
        path: Path,
        mark: _Mark,
        waiting: set[_Mark],
        told: Callable[[str, TakenIn | SegmentRefused], None],
    ) -> bool:
        """Whether a segment was taken in."""
        data = b""
        try:
            data = read_segment(path)
            found = self.take(data, path.name)
        except SegmentRefused as refused:
            told(path.name, refused)
            if isinstance(refused, TakenBefore):
                _away(path, mark, waiting, Path.unlink)
            elif refused.kind == "gap" or sealed_segment.is_cut(data):
                waiting.add(mark)
            else:
                _away(path, mark, waiting, _put_apart)
            return False
        except (Unavailable, Conflict, KeyAway, OSError) as error:
            _log.warning("%s is not taken in yet: %s", path.name, _why(error))
            return False
        told(path.name, found)
        _away(path, mark, waiting, Path.unlink)
        return True

    def _take(self, sealed: bytes) -> TakenIn:
        try:
            head = sealed_segment.head_of(sealed)
        except Malformed as error:
            long = len(sealed) > sealed_segment.MOST_BYTES
            kind: Kind = "oversize" if long else "malformed"
            raise SegmentRefused(kind, Message("it is no segment: {error}", error=error)) from error
        mirror = self._mirror(head.origin)
        self._keys.look()
        try:
            framed = sealed_segment.open_segment(sealed, self._keys.every)
        except NotAddressed as error:
            raise SegmentRefused(
                "recipient", Message("it is sealed to no key of this enclave")
            ) from error
        except (Malformed, Unsealable) as error:
            raise SegmentRefused(
                "damaged", Message("it was changed or cut short on its way")
            ) from error
        return taken_in(framed, mirror)

    def _mirror(self, origin: str) -> Mirror:
        if origin not in self._mirrors:
            every = {one.origin: one for one in trusted_logs(self._pool)}
            found = every.get(origin)
            if found is None:
                raise SegmentRefused(
                    "foreign", Message("it is of {found}, which is not trusted here", found=origin)
                )
            store = PostgresMirror(self._pool, origin)
            lower = Lower(origin, found.level, found.genesis)
            self._mirrors[origin] = Mirror(
                store, self._kek, lower, self._facts.level, RealClock().now
            )
        return self._mirrors[origin]

    def _note(self, sealed: bytes, name: str, refused: SegmentRefused) -> None:
        _log.error("a segment of a lower log was refused (%s): %s", refused.kind, refused.text)
        said: dict[str, Any] = {
            "at": stamp(RealClock().now()),
            "name": name,
            "sha256": hashlib.sha256(sealed).hexdigest(),
            "kind": refused.kind,
            "why": str(refused.text),
        }
        path = mirror_folder(self._settings) / _REFUSALS
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lines = path.read_bytes().splitlines() if path.exists() else []
        lines = [*lines[1 - _MOST_REFUSALS :], orjson.dumps(said)]
        written(path, b"".join(line + b"\n" for line in lines))


def taken_in(framed: bytes, mirror: Mirror) -> TakenIn:
    """Takes a framed text in, taken apart by a process of its own.

    What a segment says is let go of page by page, and nothing of it stands in a cycle: the
    interpreter's search for such would be a tenth of the work.

    Raises:
        SegmentRefused: Nothing of it was stored.
        Conflict: Another import was first.
    """
    with GcPause():
        return mirror.take(taken_apart(framed, mirror.lower.level))


class _Mark(NamedTuple):
    """A file as it was at a look."""

    name: str
    size: int
    changed_ns: int


def _mark(path: Path) -> _Mark | None:
    """How a file is; None where it is gone, or no file: whoever brings them brings anything."""
    try:
        found = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return _Mark(path.name, found.st_size, found.st_mtime_ns)


def _away(path: Path, mark: _Mark, waiting: set[_Mark], put: Callable[[Path], object]) -> None:
    """Out of the way, or it stays and is said: whoever fills the folder may see to that."""
    try:
        put(path)
    except FileNotFoundError:
        return
    except OSError as error:
        waiting.add(mark)
        _log.warning("%s stays where it is: %s", path.name, _why(error))


def _why(error: Exception) -> str:
    """Of a disk what it says, and of which file; of all else the class, which tells enough."""
    if isinstance(error, OSError):
        return f"{error.strerror}: {error.filename}"
    return type(error).__name__


def _put_apart(path: Path) -> None:
    """Into `refused/`, beside what was refused under the same name before: it is evidence."""
    apart = path.parent / REFUSED
    apart.mkdir(exist_ok=True)
    number, to = 1, apart / path.name
    while to.exists():
        number += 1
        to = apart / f"{path.name}.{number}"
    path.rename(to)


def read_segment(path: Path) -> bytes:
    """The bytes of a file, but no more than a segment and one has.

    Raises:
        OSError: It cannot be read, or is no file: at a pipe nobody is waited for.
    """
    with open(path, "rb", opener=_opened) as file:
        return file.read(sealed_segment.MOST_BYTES + 1)


def _opened(path: str, flags: int) -> int:
    found = os.open(path, flags | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(found).st_mode):
        os.close(found)
        raise OSError(errno.EINVAL, "no file", path)
    return found


@contextmanager
def open_inbox(settings: Settings, stop: Event | None = None) -> Iterator[Inbox]:
    """The importer of a home.

    Args:
        settings: Of the home.
        stop: Ends the waiting for a database that is away; None does not wait.

    Raises:
        SettingsError: It has no receiving key, a key does not open, or another imports.
    """
    with ExitStack() as stack:
        facts = stack.enter_context(database.reachable(settings))
        lock = stack.enter_context(closing(Lock(settings.home)))
        lock.take(LOCK)
        dsn = role_dsn(settings, facts, "importer")
        if stop is None:
            require_schema(dsn)
        else:
            once_there(partial(require_schema, dsn), stop, "the importer")
        pool = stack.enter_context(closing(open_pool(dsn, most=2, patience_s=_PATIENCE_S)))
        yield Inbox(settings, facts, pool, open_kek(settings), _keys(settings))


def _keys(settings: Settings) -> KeyFiles[OpeningKey]:
    home = Home(settings)
    try:
        return KeyFiles(home.key_path(KEY), lambda path: read_opening_key(path, home.passphrase()))
    except FileNotFoundError as error:
        raise SettingsError(
            Message("there is no receiving key here: make one, socai mirror key")
        ) from error
    except KeysError as error:
        raise SettingsError(
            Message("the receiving key does not open: {error}", error=error)
        ) from error
