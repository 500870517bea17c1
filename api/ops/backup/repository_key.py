"""The key of the repository: a public half in the home, the private one apart, turned with the KEK.

Backups are sealed to the public half, which every machine may know; what opens them is needed by a
restore alone, under a passphrase of its own. Each epoch of the KEK has its own: with the old one go
the copies and the WAL that hold in the open what an erasure was to reach.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from api.home import Home
from api.ops.mirror.slots import written
from api.settings import Settings, SettingsError
from keys.custody.file import public_part, read_opening_key, write_opening_key
from keys.custody.kek_custody import wipe
from keys.errors import KeysError, Malformed, Unsealable
from keys.hpke import OpeningKey, SealingKey
from ledger.message import Message

NAME: Final = "backup"
PUBLIC: Final = "backup.pub"


@dataclass(frozen=True, slots=True)
class RepositoryKey:
    """What is sealed to.

    Attributes:
        public: The half that seals.
        epoch: The KEK that was in force when it was made, in hex; empty: none had turned.
    """

    public: SealingKey
    epoch: str


def sealing_key(settings: Settings) -> RepositoryKey:
    """The key in force. Raises: SettingsError: There is none, or it is damaged."""
    path = settings.home / PUBLIC
    try:
        members = orjson.loads(path.read_bytes())
        return RepositoryKey(SealingKey.from_jwk(members["jwk"]), str(members["epoch"]))
    except FileNotFoundError:
        raise SettingsError(
            Message("backups have no key in {home}: run `socai backup key`", home=settings.home)
        ) from None
    except (KeysError, LookupError, TypeError, ValueError) as error:
        raise SettingsError(
            Message("{path} is damaged: {error}", path=path, error=error)
        ) from error


def make(settings: Settings, epoch: str) -> RepositoryKey:
    """A new key in the place of the one there is, which is kept to open what it sealed.

    A run that was cut off is run again: what no copy is sealed to yet is made anew.
    """
    home = Home(settings)
    path = home.key_path(NAME)
    home.make_backup_passphrase()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.exists():
        before = public_part(path).kid
        path.rename(path.with_name(f"{NAME}-{before[:16]}{path.suffix}"))
    key = OpeningKey.generate()
    write_opening_key(path, key, home.backup_passphrase(), **home.key_costs())
    said = orjson.dumps({"v": 1, "jwk": dict(key.public.jwk), "epoch": epoch})
    written(settings.home / PUBLIC, said)
    return RepositoryKey(key.public, epoch)


def has_private(settings: Settings) -> bool:
    """Whether the private half lies where keys lie, or an old one whose turn was cut off."""
    return any(True for _ in _own(Home(settings)))


class OpeningFiles:
    """The private halves that are at hand, opened when something asks for one.

    Args:
        paths: Of key files.
        passphrase: Of all of them.
    """

    def __init__(self, paths: list[Path], passphrase: bytes) -> None:
        self._paths, self._passphrase = paths, passphrase
        self._held: dict[bytes, OpeningKey] = {}

    @property
    def every(self) -> tuple[OpeningKey, ...]:
        """As `OpeningKeys`: those that were asked for."""
        return tuple(self._held.values())

    def of(self, kek_id: bytes) -> OpeningKey:
        """As `OpeningKeys`. Raises: Unsealable: None of the files holds it, or it does not open."""
        if kek_id not in self._held:
            for path in self._paths:
                try:
                    key = read_opening_key(path, self._passphrase)
                except (Malformed, OSError):
                    continue
                self._held[key.kek_id] = key
        if kek_id not in self._held:
            raise Unsealable("sealed to a key of backups that is not here")
        return self._held[kek_id]

    def look(self) -> None:
        """As `OpeningKeys`: nothing changes while a command runs."""


def opening_keys(
    settings: Settings, named: Path | None, passphrase_file: Path | None
) -> OpeningFiles:
    """The keys of a restore: those of the keys folder, or one that is brought.

    Raises:
        SettingsError: There is none, or no passphrase.
    """
    home = Home(settings)
    paths = [named] if named is not None else sorted(_own(home))
    if not paths:
        raise SettingsError(
            Message(
                "no key of backups is in {folder}: bring backup.socaikey, or name it with --key",
                folder=home.key_path(NAME).parent,
            )
        )
    return OpeningFiles(paths, home.backup_passphrase(passphrase_file))


def destroy_old(settings: Settings, kept: set[str]) -> list[str]:
    """Overwrites and takes away private halves that seal nothing any more; their names."""
    gone = []
    for path in _own(Home(settings)):
        if path.stem == NAME or public_part(path).kid in kept:
            continue
        wipe(path)
        gone.append(path.name)
    return gone


def _own(home: Home) -> Iterator[Path]:
    folder = home.key_path(NAME).parent
    yield from (path for path in folder.glob(f"{NAME}*.socaikey") if path.is_file())
