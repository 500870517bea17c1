"""Where the KEKs of an enclave are kept: in files under a passphrase, or on a token (K5, K6).

Either way a `.socaikek` names the key, and moving that file moves the key's part in an epoch; on a
token it holds no secret. What a KEK wraps, and when it is turned, are not known here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from keys import canonical
from keys.custody import file
from keys.custody.file import KEK_ALG
from keys.envelope_encryption import Kek
from keys.errors import Malformed, NotCanonical

FILE: Final = "FILE"
PKCS11: Final = "PKCS11"
_MEMBERS: Final = frozenset({"v", "kid", "alg", "token"})
_TOKEN_MEMBERS: Final = frozenset({"label", "serial"})
_NOISE: Final = (b"\xff", b"\0")


class KekCustody(Protocol):
    """Makes, keeps, opens and destroys KEKs, each by its `.socaikek`."""

    @property
    def name(self) -> str:
        """`FILE` or `PKCS11`."""

    def make(self, path: Path, *, like: Path | None = None) -> Kek:
        """A new KEK, durable on return.

        Args:
            path: Where its `.socaikek` goes.
            like: A KEK that it shall cost as much to open as, where that differs.

        Raises:
            FileExistsError: Something is there.
            TokenError: The token does not work.
        """

    def keep(self, path: Path, kek: Kek) -> Kek:
        """Takes in a KEK that is there already, as custodians recovered it; durable on return.

        Raises:
            FileExistsError: Something is there.
            NotExtractable: It is on a token.
            TokenError: The token does not work.
        """

    def open(self, path: Path) -> Kek:
        """The KEK that a `.socaikek` names.

        Raises:
            Malformed: Not such a file, or of another custody.
            Unsealable: Wrong passphrase, or changed bytes.
            TokenError: The token does not work, or does not have the key.
        """

    def destroy(self, path: Path) -> None:
        """Destroys the KEK and what names it, durably; safe to repeat.

        Raises:
            TokenError: The token does not work: nothing is destroyed, and the file stays.
        """


@dataclass(frozen=True, slots=True)
class OnToken:
    """What a `.socaikek` says of a KEK that is on a token.

    Attributes:
        kek_id: CKA_ID of the key.
        label: Of the token.
        serial: Of the token.
    """

    kek_id: bytes
    label: str
    serial: str


def on_token(path: Path) -> OnToken | None:
    """Where the KEK of a `.socaikek` is, or None where the file holds it itself.

    Raises:
        Malformed: No `.socaikek` at all.
        OSError: It cannot be read.
    """
    try:
        members = canonical.parse(path.read_bytes().removesuffix(b"\n"))
    except NotCanonical as error:
        raise Malformed(f"{path.name} is not a key file: {error}") from error
    if "token" not in members:
        return None
    token = members["token"]
    if members.keys() != _MEMBERS or type(members["v"]) is not int or members["v"] != 1:
        raise Malformed(f"{path.name} does not name a key on a token in version 1")
    if members["alg"] != KEK_ALG or not isinstance(members["kid"], str):
        raise Malformed(f"{path.name} does not name a KEK")
    if not isinstance(token, dict) or token.keys() != _TOKEN_MEMBERS:
        raise Malformed(f"{path.name} does not say which token")
    if not all(isinstance(value, str) and value for value in token.values()):
        raise Malformed(f"{path.name} does not say which token")
    return OnToken(canonical.unb64(members["kid"]), token["label"], token["serial"])


def named(path: Path) -> bytes:
    """The id of the KEK that a `.socaikek` names, without opening anything. Raises: Malformed."""
    there = on_token(path)
    return canonical.unb64(file.public_part(path).kid) if there is None else there.kek_id


def name_on_token(path: Path, there: OnToken) -> None:
    """Writes the `.socaikek` of a KEK that is on a token. Raises: FileExistsError."""
    members: dict[str, Any] = {
        "v": 1,
        "kid": canonical.b64(there.kek_id),
        "alg": KEK_ALG,
        "token": {"label": there.label, "serial": there.serial},
    }
    file.write_durably(path, canonical.encode(members) + b"\n")


@dataclass(frozen=True, slots=True)
class FileCustody:
    """KEKs in files, under one passphrase; implements `KekCustody`.

    Attributes:
        passphrase: Asked where a file is made or opened.
        costs: Argon2id's, of a file that is made; those of a passphrase that somebody chose, if
            left out.
    """

    passphrase: Callable[[], bytes]
    costs: Mapping[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """`FILE`."""
        return FILE

    def make(self, path: Path, *, like: Path | None = None) -> Kek:
        """As the port says."""
        kek = Kek.generate()
        costs = self.costs if like is None else file.costs_of(like)
        file.write_kek(path, kek, self.passphrase(), **costs)
        return kek

    def keep(self, path: Path, kek: Kek) -> Kek:
        """As the port says."""
        file.write_kek(path, kek, self.passphrase())
        return kek

    def open(self, path: Path) -> Kek:
        """As the port says."""
        if on_token(path) is not None:
            raise Malformed(f"{path.name} names a key on a token")
        return file.read_kek(path, self.passphrase())

    def destroy(self, path: Path) -> None:
        """Overwrites and removes the file.

        What a file system keeps elsewhere (snapshots, journals, blocks that a disk has put aside)
        it keeps: a key that must be certain to be gone lies on a token.
        """
        wipe(path)


def wipe(path: Path) -> None:
    """Overwrites a file and takes it away; durable on return, and safe to repeat."""
    with suppress(FileNotFoundError), path.open("r+b", buffering=0) as there:
        length = there.seek(0, os.SEEK_END)
        for byte in _NOISE:
            there.seek(0)
            there.write(byte * length)
            os.fsync(there.fileno())
    remove(path)


def remove(path: Path) -> None:
    """Takes a file without a secret away; durable on return, and safe to repeat."""
    path.unlink(missing_ok=True)
    file.sync_folder(path.parent)


def is_wiped(path: Path) -> bool:
    """Whether `wipe` was cut short here: nothing but its noise is left."""
    left = path.read_bytes()
    return bool(left) and not left.strip(b"".join(_NOISE))
