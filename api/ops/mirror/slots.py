"""The public keys that an enclave's segments are sealed to: always as many as its level says.

A slot that nobody uses holds a key whose private half was never kept: what the enclave has, and
what it publishes, tells nobody whether anybody is above it (access.md F8). New keys come by hand,
for all slots at once (F15).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from api.settings import Settings, SettingsError
from keys import canonical
from keys.custody.file import sync_folder, whole_or_gone
from keys.errors import KeysError
from keys.hpke import OpeningKey, SealingKey
from ledger.message import Message

SLOTS: Final = {"ordinary": 3, "mat": 2, "toi-mat": 1, "tuyet-mat": 0}
_FILE: Final = "slots.json"


def mirror_folder(settings: Settings) -> Path:
    """Where the mirror keeps what is no secret: slots, how far was published, what was refused."""
    return settings.home / "mirror"


def made(settings: Settings, level: str) -> bool:
    """Makes the slots of an enclave that has none; whether it did."""
    path = mirror_folder(settings) / _FILE
    if path.exists() or not SLOTS[level]:
        return False
    put(settings, level, ())
    return True


def put(settings: Settings, level: str, keys: Sequence[SealingKey]) -> None:
    """Puts other keys in the place of all there are; slots that are left get keys of nobody.

    Raises:
        SettingsError: More keys than the level has slots, or one of them twice.
    """
    count = SLOTS[level]
    if len(keys) > count or len({key.kid for key in keys}) < len(keys):
        raise SettingsError(
            Message("this level has {count} slots, each for another key", count=count)
        )
    every = [*keys, *(OpeningKey.generate().public for _ in range(count - len(keys)))]
    every.sort(key=lambda key: key.kid)  # nor does the order tell which of them are used
    text = canonical.encode({"v": 1, "slots": [dict(key.jwk) for key in every]})
    path = mirror_folder(settings) / _FILE
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    written(path, text + b"\n")


def read(settings: Settings, level: str) -> list[SealingKey]:
    """The keys in their order.

    Raises:
        SettingsError: There are none, or not as many as the level has.
    """
    path = mirror_folder(settings) / _FILE
    try:
        members = canonical.parse(path.read_bytes().strip())
        keys = [SealingKey.from_jwk(one) for one in members["slots"]]
    except FileNotFoundError:
        raise SettingsError(Message("there is no {path}: run socai migrate", path=path)) from None
    except (KeysError, LookupError, TypeError) as error:
        raise SettingsError(
            Message("{path} is damaged: {error}", path=path, error=error)
        ) from error
    if len(keys) != SLOTS[level]:
        raise SettingsError(
            Message("{path} has not the {count} slots of its level", path=path, count=SLOTS[level])
        )
    return keys


def written(path: Path, data: bytes) -> None:
    """DURABLE when this returns: the whole file, or what was there before."""
    part = path.with_name(f".{path.name}.part")
    with whole_or_gone(part):
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    sync_folder(path.parent)
