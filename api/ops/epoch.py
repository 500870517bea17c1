"""Turns the epoch of an enclave (access.md K9): a new KEK, every wrap moved, the old KEK destroyed.

Whoever was cut off, at whatever point, begins again and goes on: where a turn stands is told by the
key files that are there and by the database. Processes that run take up either KEK as they meet
it. What moves is `ledger.erasure`'s.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from api.ops import database
from api.ops.custody import custody_of
from api.ops.machine import RealEntropy
from api.ops.role_lock import Lock
from api.ops.wiring import require_schema, role_dsn
from api.settings import EnclaveFacts, Home, Settings, SettingsError
from keys import canonical
from keys.custody.file import sync_folder
from keys.custody.kek_custody import KekCustody, named
from keys.custody.key_files import KeyFiles, next_path, old_path
from keys.envelope_encryption import Kek
from ledger.erasure.epoch_turn import EpochTurn
from ledger.errors import Unavailable, VerificationError
from ledger.files.attachments import raw_digest
from ledger.files.custody import FileHistory
from ledger.message import Message
from ledger.postgres.connect import Pool, open_pool
from ledger.postgres.files import PostgresFiles
from ledger.postgres.keeping.epochs import PostgresEpochs
from ledger.postgres.keeping.keeper import Epoch, PostgresKeeper
from ledger.postgres.keeping.sweep import sweep

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
    with closing(Lock(settings.home)) as lock, database.reachable(settings) as facts:
        lock.take(LOCK)
        with ExitStack() as stack:
            require_schema(role_dsn(settings, facts, "keeper"))
            pools = {
                role: stack.enter_context(
                    closing(open_pool(role_dsn(settings, facts, role), most=1))
                )
                for role in ("keeper", "reader", "migrator")
            }
            keeper, ends = PostgresKeeper(pools["keeper"]), PostgresEpochs(pools["migrator"])
            path = Home(settings).key_path("kek")
            custody = custody_of(settings, path)
            if (over := _over(keeper, path, sweeps=sweeps)) is not None:
                custody.destroy(old_path(path))
                ends.destroyed(over.before)
                swept = _swept(settings, facts, ends) if sweeps else None
                return Turned(_found(keeper, over.kek_id), (), swept)
            old, new = _keys(keeper, ends, path, custody)
            total = keeper.count()
            one = EpochTurn(
                keeper,
                ends,
                old,
                new,
                origin=facts.origin,
                digest=partial(_digest, _history(settings, facts, pools["reader"])),
                moved=lambda count: moved(count, total),
            )
            closed = _move(one, leave=leave)
            if not closed:
                return Turned(_found(keeper, new.kek_id), tuple(one.unopened), None)
            custody.destroy(old_path(path))
            ends.destroyed(old.kek_id)
            swept = _swept(settings, facts, ends) if sweeps else None
            return Turned(_found(keeper, new.kek_id), tuple(one.unopened), swept, one.put_back)


def epochs(settings: Settings) -> list[Epoch]:
    """Every turn there was, oldest first. Raises: as `turn`."""
    with database.reachable(settings) as facts:
        dsn = role_dsn(settings, facts, "keeper")
        require_schema(dsn)
        with closing(open_pool(dsn, most=1)) as pool:
            return PostgresKeeper(pool).epochs()


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


def _keys(
    keeper: PostgresKeeper, ends: PostgresEpochs, path: Path, custody: KekCustody
) -> tuple[Kek, Kek]:
    """The old KEK and the new one, each in its place.

    The new one is registered before anything can be wrapped under it, and in force before the first
    wrap moves; the old one has its second name before it loses its first.
    """
    coming, gone = next_path(path), old_path(path)
    if not coming.exists() and not gone.exists():
        _make(keeper, path, coming, custody)
    if coming.exists():
        new, now = custody.open(coming), custody.open(path)
        ends.begin(now.kek_id, new.kek_id)
        if not gone.exists():
            os.link(path, gone)
            sync_folder(path.parent)
        coming.replace(path)
        sync_folder(path.parent)
    old, new = custody.open(gone), custody.open(path)
    ends.begin(old.kek_id, new.kek_id)
    return old, new


def _make(keeper: PostgresKeeper, path: Path, coming: Path, custody: KekCustody) -> None:
    """A new KEK, whole in its place or not there."""
    for epoch in keeper.epochs():
        if epoch.closed_at is None:
            raise SettingsError(
                Message(
                    "a turn of the epoch was begun, and {file} is not here: put the key files of"
                    " that turn back, then run this again; nothing was changed",
                    file=old_path(path),
                )
            )
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
