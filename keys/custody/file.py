"""Private keys and KEKs in files under a passphrase: `.socaikey`, `.socaikek` (formats.md §9).

Argon2id makes the key, AES-256-GCM seals, and every other member of the file is bound as associated
data. What is inside a KEK's wraps, and whose key it is, are not known here.
"""

from __future__ import annotations

import os
import threading
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from keys import canonical
from keys.envelope_encryption import Kek
from keys.errors import Malformed, NotCanonical, WrongPassphrase
from keys.hpke import OpeningKey
from keys.jwk import SoftwareSigner

KEK_ALG: Final = "A256GCM"
OPENING_ALG: Final = OpeningKey.alg
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_MEMBERS: Final = frozenset({"v", "kid", "alg", "kdf", "nonce", "sealed"})
_KDF_MEMBERS: Final = frozenset({"name", "t", "p", "m_kib", "salt"})
# A file is foreign bytes: without ceilings it could ask for all memory before the passphrase is
# even tried.
_CEILING: Final = {"t": 64, "p": 64, "m_kib": 4 * 1024 * 1024}
DRAWN: Final[Mapping[str, int]] = MappingProxyType({"t": 1, "p": 1, "m_kib": 8})
"""Argon2id's costs under a passphrase that was drawn at random: nobody guesses it (ADR 65)."""
# OpenSSL fills the lanes by threads of one pool; two derivations at once wait there for each other,
# and for ever.
_DERIVING: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class PublicPart:
    """What a key file says without its passphrase; bound, but believed only once the file opens.

    Attributes:
        kid: Thumbprint of the key; for a KEK its `kek_id` in b64.
        alg: `Ed25519`, `ES256`, `ML-DSA-65`, `ML-DSA-44`, `MLKEM768-X25519` or `A256GCM`.
    """

    kid: str
    alg: str


def write_key(
    path: Path,
    signer: SoftwareSigner,
    passphrase: bytes,
    *,
    t: int = 3,
    p: int = 4,
    m_kib: int = 65_536,
) -> None:
    """Writes a `.socaikey`, mode 0600, durable on return.

    Args:
        path: A path where nothing is yet.
        signer: The key to keep.
        passphrase: Bytes as typed, or a secret of random bytes.
        t: Argon2id passes.
        p: Argon2id lanes.
        m_kib: Argon2id memory in KiB.

    Raises:
        FileExistsError: Something is there; a key is never overwritten.
    """
    costs = {"t": t, "p": p, "m_kib": m_kib}
    _write(path, PublicPart(signer.kid, signer.alg), signer.pkcs8(), passphrase, costs)


def read_key(path: Path, passphrase: bytes) -> SoftwareSigner:
    """The key inside a `.socaikey`.

    Raises:
        Malformed: Not such a file.
        WrongPassphrase: Or changed bytes.
    """
    if public_part(path).alg in {KEK_ALG, OPENING_ALG}:
        raise Malformed(f"{path.name} holds no key that signs")
    part, plain = _read(path, passphrase)
    signer = SoftwareSigner.from_pkcs8(plain)
    if (signer.kid, signer.alg) != (part.kid, part.alg):
        raise Malformed("the key inside the file is not the one it names")
    return signer


def write_kek(
    path: Path, kek: Kek, passphrase: bytes, *, t: int = 3, p: int = 4, m_kib: int = 262_144
) -> None:
    """Writes a `.socaikek`, mode 0600, durable on return. Raises: FileExistsError."""
    costs = {"t": t, "p": p, "m_kib": m_kib}
    _write(path, PublicPart(canonical.b64(kek.kek_id), KEK_ALG), kek.secret(), passphrase, costs)


def read_kek(path: Path, passphrase: bytes) -> Kek:
    """The KEK inside a `.socaikek`.

    Raises:
        Malformed: Not such a file.
        WrongPassphrase: Or changed bytes.
    """
    _of(path, KEK_ALG, "a KEK")
    part, plain = _read(path, passphrase)
    return Kek(canonical.unb64(part.kid), plain)


def write_opening_key(
    path: Path,
    key: OpeningKey,
    passphrase: bytes,
    *,
    t: int = 3,
    p: int = 4,
    m_kib: int = 262_144,
) -> None:
    """Writes the 32 bytes of a key that is sealed to as a `.socaikey`. Raises: FileExistsError."""
    costs = {"t": t, "p": p, "m_kib": m_kib}
    _write(path, PublicPart(key.kid, key.alg), key.secret(), passphrase, costs)


def read_opening_key(path: Path, passphrase: bytes) -> OpeningKey:
    """The key to open with inside a `.socaikey`.

    Raises:
        Malformed: Not such a file.
        WrongPassphrase: Or changed bytes.
    """
    _of(path, OPENING_ALG, "a key to open with")
    part, plain = _read(path, passphrase)
    key = OpeningKey(plain)
    if key.kid != part.kid:
        raise Malformed("the key inside the file is not the one it names")
    return key


def public_part(path: Path) -> PublicPart:
    """Which key a file says it holds. Raises: Malformed."""
    members = _parse(path)
    return PublicPart(members["kid"], members["alg"])


def _of(path: Path, alg: str, what: str) -> None:
    """Asked before the passphrase costs a second."""
    if public_part(path).alg != alg:
        raise Malformed(f"{path.name} does not hold {what}")


def costs_of(path: Path) -> dict[str, int]:
    """What opening a key file costs: Argon2id's `t`, `p` and `m_kib`. Raises: Malformed."""
    kdf = _parse(path)["kdf"]
    return {name: kdf[name] for name in _CEILING}


def _write(
    path: Path, part: PublicPart, plain: bytes, passphrase: bytes, costs: dict[str, int]
) -> None:
    salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES)
    kdf: dict[str, Any] = {"name": "argon2id", **costs, "salt": canonical.b64(salt)}
    members: dict[str, Any] = {
        "v": 1,
        "kid": part.kid,
        "alg": part.alg,
        "kdf": kdf,
        "nonce": canonical.b64(nonce),
    }
    sealed = AESGCM(_derive(kdf, passphrase)).encrypt(nonce, plain, canonical.encode(members))
    write_durably(path, canonical.encode({**members, "sealed": canonical.b64(sealed)}) + b"\n")


def write_durably(path: Path, data: bytes) -> None:
    """A file of mode 0600 where nothing is yet, durable on return. Raises: FileExistsError."""
    # O_EXCL refuses what is there, a dangling link too; the mode is set before the first byte.
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with whole_or_gone(path):
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """What a disk says of what is written to it, with the name that a call by descriptor lacks."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def whole_or_gone(path: Path) -> Iterator[None]:
    """Of a file that is not written to its end nothing stays, and what the disk says names it.

    Half a key or half a secret would be taken for one that is there when the command is run again.
    """
    try:
        with naming(path):
            yield
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise


def sync_folder(folder: Path) -> None:
    """DURABLE when this returns: the names in it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read(path: Path, passphrase: bytes) -> tuple[PublicPart, bytes]:
    members = _parse(path)
    nonce = canonical.unb64(members["nonce"])
    sealed = canonical.unb64(members["sealed"])
    bound = canonical.encode({name: members[name] for name in members if name != "sealed"})
    for given in _composed(passphrase):
        key = _derive(members["kdf"], given)
        with suppress(InvalidTag, ValueError):
            plain = AESGCM(key).decrypt(nonce, sealed, bound)
            return PublicPart(members["kid"], members["alg"]), plain
    raise WrongPassphrase(path.name)


def _composed(passphrase: bytes) -> Iterator[bytes]:
    """As it was given, then as other keyboards write its letters: `ế` is one character or three.

    Of what is ASCII there is one form.
    """
    yield passphrase
    with suppress(UnicodeDecodeError):
        text = passphrase.decode()
        forms = [unicodedata.normalize(form, text).encode() for form in ("NFC", "NFD")]
        yield from (form for form in dict.fromkeys(forms) if form != passphrase)


def _parse(path: Path) -> dict[str, Any]:
    try:
        members = canonical.parse(path.read_bytes().removesuffix(b"\n"))
    except NotCanonical as error:
        raise Malformed(f"{path.name} is not a key file: {error}") from error
    texts = all(isinstance(members.get(name), str) for name in ("kid", "alg", "nonce", "sealed"))
    if members.keys() != _MEMBERS or members["v"] != 1 or not texts:
        raise Malformed(f"{path.name} is not a key file of version 1")
    _check_kdf(members["kdf"])
    return members


def _check_kdf(kdf: object) -> None:
    if not isinstance(kdf, dict) or kdf.keys() != _KDF_MEMBERS or kdf["name"] != "argon2id":
        raise Malformed("the key file does not use argon2id")
    for name, ceiling in _CEILING.items():
        if type(kdf[name]) is not int or not 1 <= kdf[name] <= ceiling:
            raise Malformed(f"the key file asks for {name} outside 1 to {ceiling}")
    if not isinstance(kdf["salt"], str):
        raise Malformed("the salt of the key file is not text")


def _derive(kdf: dict[str, Any], passphrase: bytes) -> bytes:
    try:
        argon = Argon2id(
            salt=canonical.unb64(kdf["salt"]),
            length=32,
            iterations=kdf["t"],
            lanes=kdf["p"],
            memory_cost=kdf["m_kib"],
        )
    except ValueError as error:
        raise Malformed("the key file's argon2id parameters are refused") from error
    with _DERIVING:
        return argon.derive(passphrase)
