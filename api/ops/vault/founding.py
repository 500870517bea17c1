"""Founds R: the vault's own key, and the key of identities, split to custodians as it is made.

The private half of the second exists while this runs, and afterwards only as shares.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from api.home import EnclaveFacts, Home
from api.ops.wiring.logins import role_dsn
from api.settings import Settings, SettingsError
from keys.custody.file import read_opening_key, write_durably, write_opening_key
from keys.errors import KeysError
from keys.hpke import OpeningKey, SealingKey
from keys.shares import Named, Share, split
from ledger.message import Message
from ledger.postgres.connect import open_pool
from ledger.postgres.vault.store import PostgresVaultStore
from ledger.vault.identity import Keys


@dataclass(frozen=True, slots=True)
class FoundedVault:
    """What was made.

    Attributes:
        keys: The public halves.
        shares: Files of the three shares, in the order of the custodians.
    """

    keys: Keys
    shares: tuple[Path, ...]


def found(
    settings: Settings, facts: EnclaveFacts, custodians: Sequence[SealingKey], folder: Path
) -> FoundedVault:
    """Makes R's keys and tells the database their public halves, last.

    What a run before this one left half-done is gone over again: a key that no database knows has
    sealed nothing.

    Args:
        settings: Of the home.
        facts: Where its database is.
        custodians: Public halves of three custodians' keys.
        folder: Where the shares go.

    Raises:
        SettingsError: It is founded already, or the custodians are not three.
        OSError: A file cannot be written.
    """
    home = Home(settings)
    with closing(open_pool(role_dsn(settings, facts, "vault"), most=1)) as pool:
        store = PostgresVaultStore(pool)
        if store.founded():
            raise SettingsError(Message("the vault is founded already; its keys are made once"))
        identity = OpeningKey.generate()
        try:
            shares = split(identity.secret(), Named(identity.alg, identity.kid), custodians)
        except KeysError as error:
            raise SettingsError(
                Message("the custodians' keys cannot be split to: {error}", error=error)
            ) from error
        contact = _contact(home)
        paths = write_shares(folder, shares)
        keys = Keys(contact.public, identity.public)
        store.found(keys)
    return FoundedVault(keys, paths)


def write_shares(folder: Path, shares: Sequence[Share]) -> tuple[Path, ...]:
    """One file for each custodian, durable on return, in the place of what a run before left."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    paths = []
    for share in shares:
        path = folder / f"{share.to[:16]}.socaishare"
        path.unlink(missing_ok=True)
        write_durably(path, share.data() + b"\n")
        paths.append(path)
    return tuple(paths)


def _contact(home: Home) -> OpeningKey:
    """The vault's own key, in its file."""
    path = home.key_path("vault")
    home.make_vault_passphrase()
    if path.exists():
        return read_opening_key(path, home.vault_passphrase())
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = OpeningKey.generate()
    write_opening_key(path, key, home.vault_passphrase())
    return key
