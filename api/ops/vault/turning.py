"""Turns the keys of R: the vault's own by whoever operates, that of identities by two custodians.

What moves is worked out in memory and given to the database in one step, so whoever was cut off
before it has changed nothing, and after it finds what is left to do: where a turn stands is told by
the database and by the key files that are there. The old private half of identities exists while
this runs, and is of two custodians; the new one exists as shares before anything is sealed to it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from api.home import EnclaveFacts, Home
from api.ops import database
from api.ops.role_lock import Lock
from api.ops.vault.founding import write_shares
from api.ops.wiring.logins import require_schema, role_dsn
from api.settings import Settings, SettingsError
from keys import canonical
from keys.custody.file import read_opening_key, sync_folder, write_opening_key
from keys.custody.kek_custody import wipe
from keys.custody.key_files import next_path, old_path
from keys.errors import KeysError
from keys.hpke import OpeningKey, SealingKey
from keys.shares import Named, Share, split
from ledger.errors import Unavailable
from ledger.message import Message
from ledger.postgres.connect import open_pool
from ledger.postgres.vault.turning import KeyOfR, PostgresTurns
from ledger.vault.identity import CONTACT, IDENTITY
from ledger.vault.turn import SealedAnew, moved

LOCK: Final = "vault-turn"
_ROUNDS: Final = 100


@dataclass(frozen=True, slots=True)
class TurnedKey:
    """What came of a turn.

    Attributes:
        key: The key in force, with the counts of its turn; the old one where nothing was turned.
        before: Thumbprint of the key whose place it took.
        left: Items that do not open, and so were not moved; where they may not be left, nothing is
            turned.
        custodians: Thumbprints of those who have shares of it; none of the vault's own.
        shares: Files of the shares.
    """

    key: KeyOfR
    before: str
    left: tuple[str, ...]
    custodians: tuple[str, ...] = ()
    shares: tuple[Path, ...] = ()

    @property
    def ceremony(self) -> dict[str, Any]:
        """Facts of `KeyCeremonyRecorded` that follow from it; the officers add the rest."""
        return {
            "kind": "TURN_EPOCH",
            "key_ids": [self.before, self.key.kid, *self.custodians],
            "epoch": canonical.b64(self.key.kek_id),
            "wraps_before": self.key.wraps_before,
            "wraps_after": self.key.wraps_after,
        }


def keys(settings: Settings) -> list[KeyOfR]:
    """Every key R had, by part, oldest first. Raises: Unavailable, SettingsError."""
    with _turns(settings) as (turns, _):
        return turns.every()


def turn_own(settings: Settings, *, leave: bool = False) -> TurnedKey:
    """Turns the vault's own key, or ends a turn that was cut off.

    Args:
        settings: Of the home.
        leave: Whether what does not open may be left under the old key, for good.

    Raises:
        SettingsError: R is not founded, another turn runs here, or a key file is not R's.
        Conflict: Another key came in force meanwhile.
        Unavailable: Run it again.
    """
    home = Home(settings)
    path = home.key_path("vault")
    coming, gone = next_path(path), old_path(path)
    with _turns(settings) as (turns, facts):
        found = _in_force(turns, CONTACT)
        here = _read(home, path) if path.exists() else None
        if _is(here, found) and found.before is not None and not _destroyed(turns, found.before):
            return _ended(turns, found, path)
        if not coming.exists():
            _require(here, found, path)
            draft = coming.with_suffix(".draft")
            wipe(draft)
            write_opening_key(draft, OpeningKey.generate(), home.vault_passphrase())
            draft.replace(coming)
            sync_folder(path.parent)
        new, left = _read(home, coming), list[str]()
        if not _is(new, found):
            old = _require(here, found, path)
            done = _moved(turns, facts, CONTACT, old, new, leave=leave)
            left = done.left
            if left and not leave:
                return TurnedKey(found, old.kid, tuple(left))
            found = _in_force(turns, CONTACT)
        if path.exists() and not gone.exists():
            os.link(path, gone)
            sync_folder(path.parent)
        coming.replace(path)
        sync_folder(path.parent)
        return _ended(turns, found, path, tuple(left))


def _ended(
    turns: PostgresTurns, found: KeyOfR, path: Path, left: tuple[str, ...] = ()
) -> TurnedKey:
    """Once nothing of R opens with the old key: destroys it."""
    before = _before(turns, found)
    wipe(old_path(path))
    turns.destroyed(before.kek_id)
    return TurnedKey(found, before.kid, left)


def turn_identities(
    settings: Settings,
    old: OpeningKey,
    opened: Sequence[str],
    custodians: Sequence[SealingKey],
    folder: Path,
    *,
    leave: bool = False,
) -> TurnedKey:
    """Turns the key of identities, which two custodians have put together; its shares come first.

    Args:
        settings: Of the home.
        old: The key that goes.
        opened: Thumbprints of the custodians' keys that were opened on this machine.
        custodians: Public halves of the three who get shares of the new key.
        folder: Where the shares go.
        leave: See `turn_own`.

    Raises:
        SettingsError: Also where a share of the new key would go to a key that was opened here.
        Conflict: Another key came in force meanwhile.
        Unavailable: Run it again.
        OSError: A share cannot be written.
    """
    kids = tuple(key.kid for key in custodians)
    if set(kids) & set(opened):
        raise SettingsError(
            Message(
                "nothing was turned: a custodian's key that was opened on this machine gets no"
                " share of the new one. Let that custodian make another elsewhere: socai vault"
                " custodian"
            )
        )
    with _turns(settings) as (turns, facts):
        found = _in_force(turns, IDENTITY)
        if found.before == old.kek_id:  # it was turned, and then cut off
            there = _shares_of(folder, found)
            named = next(iter(there.values())).custodians if there else kids
            return TurnedKey(found, old.kid, (), named, tuple(there))
        if found.kek_id != old.kek_id:
            raise SettingsError(
                Message("nothing was turned: the shares are of another key than R's in force")
            )
        if _shares_of(folder, found):
            raise SettingsError(
                Message(
                    "nothing was turned: {folder} has shares of the key in force, which would be"
                    " written over; name another folder",
                    folder=folder,
                )
            )
        new = OpeningKey.generate()
        paths = write_shares(folder, _split(new, custodians))
        done = _moved(turns, facts, IDENTITY, old, new, leave=leave)
        if done.left and not leave:
            for path in paths:
                path.unlink()
            return TurnedKey(found, old.kid, tuple(done.left))
        return TurnedKey(_in_force(turns, IDENTITY), old.kid, tuple(done.left), kids, paths)


def replace_lost_identities(
    settings: Settings, custodians: Sequence[SealingKey], folder: Path
) -> TurnedKey:
    """Puts a new key of identities in force where nobody can open the one that is; nothing moves.

    Who was sealed to the old one stays so. Cut off behind the database's step, the same words say
    what is done.

    Args:
        settings: Of the home.
        custodians: Public halves of the three who get shares of the new key.
        folder: Where the shares go.

    Raises:
        SettingsError: R is not founded, or the custodians are not three.
        Conflict: Another key came in force meanwhile.
        Unavailable: Run it again.
        OSError: A share cannot be written.
    """
    kids = tuple(key.kid for key in custodians)
    with _turns(settings) as (turns, _):
        found = _in_force(turns, IDENTITY)
        if found.before is not None and (there := _shares_of(folder, found)):
            before = _before(turns, found).kid
            return TurnedKey(found, before, _sealed_to(turns, found.before), kids, tuple(there))
        new = OpeningKey.generate()
        paths = write_shares(folder, _split(new, custodians))
        for _round in range(_ROUNDS):
            left = _sealed_to(turns, found.kek_id)
            if turns.turn(IDENTITY, found.kek_id, new.public, SealedAnew(left=list(left))):
                return TurnedKey(_in_force(turns, IDENTITY), found.kid, left, kids, paths)
    raise Unavailable(
        "vault_busy", Message("Nothing was turned: R changes all the time. Run it again.")
    )


# -- parts ----------------------------------------------------------------------------------------


@contextmanager
def _turns(settings: Settings) -> Iterator[tuple[PostgresTurns, EnclaveFacts]]:
    with closing(Lock(settings.home)) as lock, database.reachable(settings) as facts:
        lock.take(LOCK)
        with ExitStack() as stack:
            require_schema(role_dsn(settings, facts, "migrator"))
            vault, migrator = (
                stack.enter_context(closing(open_pool(role_dsn(settings, facts, role), most=1)))
                for role in ("vault", "migrator")
            )
            yield PostgresTurns(vault, migrator), facts


def _moved(
    turns: PostgresTurns,
    facts: EnclaveFacts,
    part: str,
    old: OpeningKey,
    new: OpeningKey,
    *,
    leave: bool,
) -> SealedAnew:
    """Until the database took all of it at once, or something does not open."""
    for _ in range(_ROUNDS):
        done = moved(
            turns.wraps(part, old.kek_id),
            turns.requests(old.kek_id) if part == CONTACT else [],
            old,
            new,
            origin=facts.origin,
            part=part,
        )
        if (done.left and not leave) or turns.turn(part, old.kek_id, new.public, done):
            return done
    raise Unavailable(
        "vault_busy", Message("Nothing was turned: R changes all the time. Run it again.")
    )


def _split(new: OpeningKey, custodians: Sequence[SealingKey]) -> Sequence[Share]:
    try:
        return split(new.secret(), Named(new.alg, new.kid), custodians)
    except KeysError as error:
        raise SettingsError(
            Message("the custodians' keys cannot be split to: {error}", error=error)
        ) from error


def _sealed_to(turns: PostgresTurns, kek_id: bytes) -> tuple[str, ...]:
    return tuple(one.item for one in turns.wraps(IDENTITY, kek_id))


def _in_force(turns: PostgresTurns, part: str) -> KeyOfR:
    for one in turns.every():
        if one.part == part and one.over_at is None:
            return one
    raise SettingsError(Message("nothing was turned: the vault is not founded yet"))


def _before(turns: PostgresTurns, found: KeyOfR) -> KeyOfR:
    return next(one for one in turns.every() if one.kek_id == found.before)


def _destroyed(turns: PostgresTurns, kek_id: bytes) -> bool:
    return next(one for one in turns.every() if one.kek_id == kek_id).destroyed_at is not None


def _is(key: OpeningKey | None, found: KeyOfR) -> bool:
    return key is not None and key.kek_id == found.kek_id


def _require(here: OpeningKey | None, found: KeyOfR, path: Path) -> OpeningKey:
    """The key of the file, which is the one in force."""
    if here is None or not _is(here, found):
        raise SettingsError(
            Message(
                "nothing was turned: {file} does not hold the key of R that is in force; put back"
                " the file that belongs to this database",
                file=path,
            )
        )
    return here


def _read(home: Home, path: Path) -> OpeningKey:
    try:
        return read_opening_key(path, home.vault_passphrase())
    except KeysError as error:
        raise SettingsError(
            Message("the vault's key does not open: {error}", error=error)
        ) from error


def _shares_of(folder: Path, found: KeyOfR) -> dict[Path, Share]:
    """What lies in the folder of the key in force, in the order of its custodians."""
    there = dict[Path, Share]()
    for path in folder.glob("*.socaishare"):
        with suppress(KeysError):
            there[path] = Share.parse(path.read_bytes().strip())
    every = sorted(there.items(), key=lambda one: one[1].place)
    return {path: share for path, share in every if share.secret.kid == found.kid}
