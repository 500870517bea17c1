"""Gives a turn of the epoch up, whose new KEK was lost before it was over (access.md K9).

What had moved goes back to what it was, since that stands aside until a turn is over; what came
meanwhile is under the lost KEK alone. Then the old KEK is in force, and the next turn makes a new
one. Whoever was cut off, at whatever point, begins again and goes on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final
from uuid import UUID

from api.ops.epoch.turn import Turning, names, turning
from api.settings import Settings, SettingsError
from keys.custody.file import sync_folder
from keys.custody.kek_custody import KekCustody, remove
from keys.custody.key_files import next_path, old_path
from keys.errors import KeysError, TokenError
from ledger.errors import Unavailable
from ledger.message import Message
from ledger.postgres.keeping.keeper import Epoch, GivenUp, PostgresKeeper

_BATCH: Final = 1_000
_ROUNDS: Final = 100
_FIRST: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class GaveUp:
    """What came of it.

    Attributes:
        turn: As the database has it; None: the turn is still open, since something may not be left.
        put_back: How many wraps went back.
        left: What is under the lost KEK alone, by what it is of.
        kept: Where the file of the lost KEK was put; None: there was none.
    """

    turn: GivenUp | None
    put_back: int
    left: tuple[str, ...]
    kept: Path | None


def given_up_path(path: Path) -> Path:
    """Where the file of a new KEK that does not open is put, in case it is mended."""
    return path.with_name(f"{path.stem}-given-up{path.suffix}")


def give_up(settings: Settings, *, leave: bool = False) -> GaveUp:
    """Gives the open turn up, or goes on with giving it up.

    Args:
        settings: Of the home.
        leave: Whether what is under the lost KEK alone may be left, until that KEK is found.

    Raises:
        SettingsError: No turn is open, its new KEK opens, or its old one is not here.
        Unavailable: Begin again.
        TokenError: The token that has the old KEK does not work.
    """
    with turning(settings) as here:
        if (one := here.open_turn) is None:
            return _cut_off_behind_the_database(here)
        _require_lost(here, one)
        _back_in_force(here, one)
        done = 0
        for _ in range(_ROUNDS):
            done += _put_back(here.keeper)
            left = tuple(_under(here.keeper, one.kek_id))
            if left and not leave:
                return GaveUp(None, done, left, _kept(here))
            if here.ends.give_up(one.kek_id, len(left)):
                _tidied(here)
                return GaveUp(here.keeper.given_up()[-1], done, left, _kept(here))
    raise Unavailable(
        "epoch_busy", Message("The turn is not given up: the log grows all the time. Run it again.")
    )


def _cut_off_behind_the_database(here: Turning) -> GaveUp:
    """A turn that never came to the database, or was given up there: its files are put in order."""
    given_up = here.keeper.given_up()
    last = given_up[-1] if given_up and names(here.path, given_up[-1].before) else None
    coming, gone = next_path(here.path), old_path(here.path)
    if last is None and not coming.exists():
        raise SettingsError(Message("no turn of the epoch is open: there is nothing to give up"))
    if coming.exists():
        _require_shut(here.custody, coming)
    if gone.exists() and not names(gone, here.custody.open(here.path).kek_id):
        raise SettingsError(
            Message(
                "nothing was given up: {file} is another KEK than the one in force, and of a turn"
                " that is over: run socai key epoch turn",
                file=gone,
            )
        )
    _tidied(here)
    return GaveUp(last, 0, (), _kept(here))


def _require_lost(here: Turning, one: Epoch) -> None:
    """The old KEK opens, and the new one does not."""
    path, gone = here.path, old_path(here.path)
    old = next((file for file in (path, gone) if names(file, one.before)), None)
    if old is None:
        raise SettingsError(
            Message(
                "nothing was given up: the KEK from which the turn began is neither {file} nor"
                " {gone}; put it back, then run this again",
                file=path,
                gone=gone,
            )
        )
    here.custody.open(old)  # so that what does not open below is lost, and no passphrase mistyped
    for file in (path, next_path(path)):
        if names(file, one.kek_id):
            _require_shut(here.custody, file)


def _require_shut(custody: KekCustody, file: Path) -> None:
    try:
        custody.open(file)
    except (KeysError, TokenError):
        return
    raise SettingsError(
        Message(
            "nothing was given up: the new KEK is here, in {file}, and opens: run socai key epoch"
            " turn, which goes on where it was cut off",
            file=file,
        )
    )


def _back_in_force(here: Turning, one: Epoch) -> None:
    """The old KEK in its place, so that processes wrap under it; the lost one's file apart."""
    path, gone = here.path, old_path(here.path)
    if names(path, one.before):
        return
    if path.exists():
        kept, draft = given_up_path(path), path.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        os.link(path, draft)
        draft.replace(kept)
        sync_folder(path.parent)
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    os.link(gone, draft)
    draft.replace(path)
    sync_folder(path.parent)


def _put_back(keeper: PostgresKeeper) -> int:
    """Everything that had moved, in batches that are each durable."""
    done = 0
    while rows := keeper.aside(_BATCH):
        before = done
        for of, group in groupby(rows, key=lambda row: row[0]):
            done += keeper.put_back(of, [row[1:] for row in group])
        if done == before:
            raise Unavailable(
                "epoch_busy", Message("The turn is not given up: another process moves wraps.")
            )
    return done


def _under(keeper: PostgresKeeper, kek_id: bytes) -> Iterator[str]:
    """What is under a KEK, by what it is of."""
    for what, read in (("record", keeper.records), ("read", keeper.reads)):
        after = -1
        while rows := read(kek_id, after, _BATCH):
            yield from (f"{what} {row[0]}" for row in rows)
            after = rows[-1][0]
    place = (_FIRST, -1)
    while files := keeper.files(kek_id, place, _BATCH):
        yield from (f"file {row[0]} {row[1]}" for row in files)
        place = files[-1][:2]
    of = ("", -1)
    while mirrored := keeper.mirrored(kek_id, of, _BATCH):
        yield from (f"{row[0]} {row[1]}" for row in mirrored)
        of = mirrored[-1][:2]


def _tidied(here: Turning) -> None:
    """The old KEK has one name again; a lost one's file is kept apart, in case it is mended."""
    coming, gone = next_path(here.path), old_path(here.path)
    if coming.exists():
        coming.replace(given_up_path(here.path))
        sync_folder(coming.parent)
    if gone.exists():
        remove(gone)


def _kept(here: Turning) -> Path | None:
    kept = given_up_path(here.path)
    return kept if kept.exists() else None
