"""Turns the epoch of an enclave (access.md K9): a new KEK, every wrap moved, the old KEK destroyed.

Whoever was cut off, at whatever point, begins again and goes on: where a turn stands is told by the
key files that are there and by the database. Processes that run take up either KEK as they meet
it. What moves is `ledger.erasure`'s.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from api.home import EnclaveFacts, Home
from api.ops import database
from api.ops.custody import custody_of
from api.ops.machine import RealEntropy
from api.ops.role_lock import Lock
from api.ops.wiring.logins import require_schema, role_dsn
from api.settings import Settings, SettingsError
from keys import canonical
from keys.custody.file import sync_folder
from keys.custody.kek_custody import KekCustody, named, remove
from keys.custody.key_files import KeyFiles, next_path, old_path
from keys.envelope_encryption import Kek
from keys.errors import KeysError
from ledger.erasure.epoch_turn import EpochTurn
from ledger.errors import Unavailable, VerificationError
from ledger.files.attachments import raw_digest
from ledger.files.custody import FileHistory
from ledger.message import Message
from ledger.postgres.connect import Pool, open_pool
from ledger.postgres.files import PostgresFiles
from ledger.postgres.keeping.epochs import PostgresEpochs
from ledger.postgres.keeping.keeper import Epoch, GivenUp, PostgresKeeper
from ledger.postgres.keeping.sweep import require_administrator, sweep

LOCK: Final = "epoch"
_ROUNDS: Final = 1_000
_SPOILT: Final = 5


@dataclass(frozen=True, slots=True)
class Turned:
    """What came of a turn.

    Attributes:
        epoch: As the database has it; closed, unless something does not open.
        unopened: What does not open, and so was not moved.
        swept: Whether pages and WAL were written anew; None: that was not asked for.
        put_back: How many wraps did not open once they had moved, went back, and moved again.
    """

    epoch: Epoch
    unopened: tuple[str, ...]
    swept: bool | None
    put_back: int = 0


def turn(
    settings: Settings,
    moved: Callable[[int, int], None],
    *,
    leave: bool = False,
    sweeps: bool = True,
) -> Turned:
    """Turns the epoch, or goes on with a turn that was cut off.

    Args:
        settings: Of the home.
        moved: Told how many wraps have moved, of how many there are.
        leave: See `EpochTurn.close`.
        sweeps: Whether pages and WAL are written anew at the end.

    Raises:
        SettingsError: Another turn runs here, or a key that the turn needs is not here.
        Conflict: The database knows of another turn.
        Unavailable: Begin again.
        VerificationError: The key of the files does not open.
        TokenError: The token that has the KEK does not work.
    """
    with turning(settings) as here:
        keeper, ends, path, custody = here.keeper, here.ends, here.path, here.custody
        _require_keys(here)
        if sweeps:
            require_administrator(database.admin_inside(settings, here.facts))
        if (over := _over(keeper, path, sweeps=sweeps)) is not None:
            return _ended(settings, here, over.before, over.kek_id, sweeps=sweeps)
        old, new = _keys(ends, path, custody)
        total = keeper.count()
        one = EpochTurn(
            keeper,
            ends,
            old,
            new,
            origin=here.facts.origin,
            digest=partial(_digest, _history(settings, here.facts, here.reader)),
            moved=lambda count: moved(count, total),
        )
        closed = _move(one, leave=leave)
        if not closed:
            return Turned(_found(keeper, new.kek_id), tuple(one.unopened), None)
        done = _ended(settings, here, old.kek_id, new.kek_id, sweeps=sweeps)
        return replace(done, unopened=tuple(one.unopened), put_back=one.put_back)


@dataclass(frozen=True, slots=True)
class Turning:
    """What a turn of the epoch works with.

    Attributes:
        facts: Of the home.
        keeper: Sees and moves wraps.
        ends: Begins and ends turns.
        reader: Pool of the reader's login.
        path: Of the KEK in force.
        custody: Keeps KEKs.
    """

    facts: EnclaveFacts
    keeper: PostgresKeeper
    ends: PostgresEpochs
    reader: Pool
    path: Path
    custody: KekCustody

    @property
    def open_turn(self) -> Epoch | None:
        """The turn that was begun and is not over."""
        return next((one for one in self.keeper.epochs() if one.closed_at is None), None)


@contextmanager
def turning(settings: Settings) -> Iterator[Turning]:
    """One turn at a time in a home. Raises: as `turn`."""
    with closing(Lock(settings.home)) as lock, database.reachable(settings) as facts:
        lock.take(LOCK)
        with ExitStack() as stack:
            require_schema(role_dsn(settings, facts, "keeper"))
            keeper, reader, migrator = (
                stack.enter_context(closing(open_pool(role_dsn(settings, facts, role), most=1)))
                for role in ("keeper", "reader", "migrator")
            )
            path = Home(settings).key_path("kek")
            yield Turning(
                facts,
                PostgresKeeper(keeper),
                PostgresEpochs(migrator),
                reader,
                path,
                _custody(settings, path),
            )


def _custody(settings: Settings, path: Path) -> KekCustody:
    """That of both keys: of whichever file is there, and says so."""
    for file in (path, old_path(path)):
        with suppress(KeysError, OSError):
            return custody_of(settings, file)
    return custody_of(settings, path)


def epochs(settings: Settings) -> tuple[list[Epoch], list[GivenUp]]:
    """Every turn there was, and those that were given up, oldest first. Raises: as `turn`."""
    with database.reachable(settings) as facts:
        dsn = role_dsn(settings, facts, "keeper")
        require_schema(dsn)
        with closing(open_pool(dsn, most=1)) as pool:
            keeper = PostgresKeeper(pool)
            return keeper.epochs(), keeper.given_up()


def ceremony(epoch: Epoch) -> dict[str, Any]:
    """The facts of `KeyCeremonyRecorded` that follow from a turn; the officers add the rest."""
    facts: dict[str, Any] = {
        "kind": "TURN_EPOCH",
        "key_ids": [canonical.b64(epoch.before), canonical.b64(epoch.kek_id)],
        "epoch": canonical.b64(epoch.kek_id),
        "wraps_before": epoch.wraps_before,
    }
    return facts if epoch.wraps_after is None else facts | {"wraps_after": epoch.wraps_after}


def _swept(settings: Settings, facts: EnclaveFacts, ends: PostgresEpochs) -> bool:
    wal = sweep(database.admin_dsn(settings), str(facts.database["dbname"]))
    ends.swept(wal=wal)
    return wal


def names(path: Path, kek_id: bytes) -> bool:
    """Whether a file is there and names this KEK; one that was half destroyed names none."""
    with suppress(KeysError, OSError):
        return named(path) == kek_id
    return False


def _require_keys(here: Turning) -> None:
    """Both KEKs of a turn that was begun are here; whether they open is seen as they are opened."""
    if (one := here.open_turn) is None:
        _drop_second_name(here)
        return
    coming, path, gone = next_path(here.path), here.path, old_path(here.path)
    if not any(names(file, one.before) for file in (path, gone)):
        raise SettingsError(
            Message(
                "a turn of the epoch was begun, and the KEK it began from is neither {file} nor"
                " {gone}: put it back, then run this again; nothing was changed",
                file=path,
                gone=gone,
            )
        )
    if not any(names(file, one.kek_id) for file in (coming, path)):
        raise SettingsError(
            Message(
                "a turn of the epoch was begun, and its new KEK is neither {file} nor {coming}: put"
                " it back, then run this again; where it is lost, give the turn up (socai key epoch"
                " give-up); nothing was changed",
                file=path,
                coming=coming,
            )
        )


def _drop_second_name(here: Turning) -> None:
    """Whoever gave a turn up, and was cut off, may have left the key in force another name."""
    gone = old_path(here.path)
    if gone.exists() and names(gone, named(here.path)):
        remove(gone)


def _ended(
    settings: Settings, here: Turning, before: bytes, kek_id: bytes, *, sweeps: bool
) -> Turned:
    """Once nothing is under the old KEK: destroys it, and writes pages and WAL anew."""
    here.custody.destroy(old_path(here.path))
    here.ends.destroyed(before)
    swept = _swept(settings, here.facts, here.ends) if sweeps else None
    return Turned(_found(here.keeper, kek_id), (), swept)


def _found(keeper: PostgresKeeper, kek_id: bytes) -> Epoch:
    return next(one for one in keeper.epochs() if one.kek_id == kek_id)


def _over(keeper: PostgresKeeper, path: Path, *, sweeps: bool) -> Epoch | None:
    """A turn that was cut off when nothing was left but to destroy the old key, or to sweep.

    What was shredded since it was over needs a turn of its own, which sweeps for both.
    """
    if next_path(path).exists():
        return None
    in_force = named(path)
    found = next((one for one in keeper.epochs() if one.kek_id == in_force), None)
    if found is None or found.closed_at is None:
        return None
    if found.destroyed_at is None or old_path(path).exists():
        return found
    closed, swept = found.closed_at, found.swept_at is not None
    since = any(one.at > closed for one in keeper.shreds())
    return None if swept or since or not sweeps else found


def _move(one: EpochTurn, *, leave: bool) -> bool:
    """Until the database says that nothing is left; what is not to be left ends it."""
    spoilt = 0
    for _ in range(_ROUNDS):
        one.move()
        if one.unopened and not leave:
            return False
        if one.look():
            if one.close(leave=leave):
                return True
        elif (spoilt := spoilt + 1) == _SPOILT:
            raise Unavailable(
                "wraps_spoilt",
                Message(
                    "Not turned: {count} wraps did not open once they had moved, and went back."
                    " Somebody writes noise with the keeper's login: give it another password"
                    " (keeper.password, socai migrate), and run this again. Nothing is lost.",
                    count=one.put_back,
                ),
            )
    return False


def _keys(ends: PostgresEpochs, path: Path, custody: KekCustody) -> tuple[Kek, Kek]:
    """The old KEK and the new one, each in its place.

    The new one is registered before anything can be wrapped under it, and in force before the first
    wrap moves; the old one has its second name before it loses its first.
    """
    coming, gone = next_path(path), old_path(path)
    if not coming.exists() and not gone.exists():
        _make(path, coming, custody)
    if coming.exists():
        new, now = _new(coming, custody), custody.open(path)
        ends.begin(now.kek_id, new.kek_id)
        if not gone.exists():
            os.link(path, gone)
            sync_folder(path.parent)
        coming.replace(path)
        sync_folder(path.parent)
    old, new = custody.open(gone), _new(path, custody)
    ends.begin(old.kek_id, new.kek_id)
    return old, new


def _new(path: Path, custody: KekCustody) -> Kek:
    try:
        return custody.open(path)
    except KeysError as error:
        raise SettingsError(
            Message(
                "the new KEK in {file} does not open ({error}): put it back, then run this again;"
                " where it is lost, give the turn up (socai key epoch give-up); nothing was"
                " changed",
                file=path,
                error=error,
            )
        ) from error


def _make(path: Path, coming: Path, custody: KekCustody) -> None:
    """A new KEK, whole in its place or not there."""
    draft = coming.with_suffix(".draft")
    custody.destroy(draft)
    custody.make(draft, like=path)
    draft.replace(coming)
    sync_folder(coming.parent)


def _history(
    settings: Settings, facts: EnclaveFacts, pool: Pool
) -> tuple[PostgresFiles, FileHistory]:
    files = PostgresFiles(pool)
    path = Home(settings).key_path("kek")
    keks = KeyFiles(path, custody_of(settings, path).open)
    return files, FileHistory(
        files, kek=keks, entropy=RealEntropy(), origin=facts.origin, level=facts.level
    )


def _digest(read: tuple[PostgresFiles, FileHistory], name: UUID) -> bytes:
    """What a file's own key is wrapped for: the digest in the event of its upload."""
    files, history = read
    first = next(iter(files.history(name)), None)
    if first is None or first.wrap is None:
        raise VerificationError("custody", f"file {name} has no upload that can be read")
    return raw_digest(str(history.open(first, None).about["digest"]))
