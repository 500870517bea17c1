"""Sealed files (formats.md §5, versions 0x03 and, in steps of length, 0x04).

Chunks of 64 KiB, sealed and opened as they pass, in constant memory. A chunk's nonce counts it and
says whether it is the last, and its AAD names the file by its digest: what is cut short, reordered,
or another file's does not open. That the bytes have this digest is the caller's to check; no store
is known. In steps each chunk says how many of its bytes are the file's, and the rest are zeros: a
file has one sealed form in either version, and of its length the second tells the step alone.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keys.errors import Malformed, Unsealable

CHUNK_BYTES: Final = 65_536
KEY_BYTES: Final = 32
_VERSION: Final = 0x03
_STEPPED: Final = 0x04
LEAST_STEP: Final = 4_096
"""The shortest room of a file that is sealed in steps."""
_COUNT_BYTES: Final = 4
_PREFIX_BYTES: Final = 7
_HEAD_BYTES: Final = 1 + _PREFIX_BYTES
_TAG_BYTES: Final = 16
_SEALED_CHUNK: Final = CHUNK_BYTES + _TAG_BYTES
_MOST_CHUNKS: Final = 2**32


def new_key() -> bytes:
    """A DEK for one file, 32 bytes: seal with it once, wrap it, forget it."""
    return AESGCM.generate_key(256)


def seal(
    parts: Iterable[bytes], dek: bytes, *, digest: str, stepped: bool = False
) -> Iterator[bytes]:
    """The sealed form of a file, part by part; what `parts` raises comes through.

    Args:
        parts: The file's bytes, in parts of any size.
        dek: Of `new_key`, used for nothing else.
        digest: `sha-256:` + b64 of the file's bytes (formats.md §2).
        stepped: In steps of length, which take up to a sixteenth more room.
    """
    return _seal_with(dek, os.urandom(_PREFIX_BYTES), parts, digest, stepped=stepped)


def _seal_with(
    dek: bytes, prefix: bytes, parts: Iterable[bytes], digest: str, *, stepped: bool = False
) -> Iterator[bytes]:
    version = _STEPPED if stepped else _VERSION
    gcm, aad = AESGCM(dek), _aad(version, digest)
    yield bytes((version,)) + prefix
    chunks = _regrouped(parts, CHUNK_BYTES)
    for n, (chunk, last) in enumerate(_in_steps(chunks) if stepped else chunks):
        if n >= _MOST_CHUNKS:
            raise Malformed("a file has at most 2^32 chunks")
        yield gcm.encrypt(_nonce(prefix, n, last=last), chunk, aad)


def _in_steps(chunks: Iterator[tuple[bytes, bool]]) -> Iterator[tuple[bytes, bool]]:
    """Each chunk behind how many of its bytes are the file's, then zeros up to the next step."""
    size = begun = 0
    for chunk, last in chunks:
        size += len(chunk)
        rooms = _rooms(size, begun) if last else iter([CHUNK_BYTES])
        for room in rooms:
            begun += room
            said = len(chunk).to_bytes(_COUNT_BYTES) + chunk.ljust(room, b"\0")
            chunk = b""  # noqa: PLW2901 - behind the end of the file stands nothing
            yield said, last and begun == step_of(size)


def _rooms(size: int, begun: int) -> Iterator[int]:
    """How many bytes each chunk from here on has room for, in a file of this size."""
    while begun < step_of(size):
        yield (room := min(CHUNK_BYTES, step_of(size) - begun))
        begun += room


def open_sealed(sealed: Iterable[bytes], dek: bytes, *, digest: str) -> Iterator[bytes]:
    """The file's bytes, chunk by chunk; none of a chunk before its tag is checked.

    Args:
        sealed: What `seal` gave, in parts of any size.
        dek: The key it was sealed with.
        digest: The digest it was sealed for.

    Raises:
        Unsealable: Another version, key or file, changed bytes, or an end that is not the end.
    """
    parts = iter(sealed)
    head, rest = _head(parts)
    gcm, aad, prefix = AESGCM(dek), _aad(head[0], digest), head[1:]
    taken = _Unstepped() if head[0] == _STEPPED else None
    length = _SEALED_CHUNK + (_COUNT_BYTES if taken else 0)
    for n, (chunk, last) in enumerate(_regrouped(chain([rest], parts), length)):
        # One file has one sealed form: only the empty file ends in an empty chunk.
        if n >= _MOST_CHUNKS or len(chunk) < _TAG_BYTES or (n and len(chunk) == _TAG_BYTES):
            raise Unsealable("the sealed file ends where sealing never ends")
        try:
            plain = gcm.decrypt(_nonce(prefix, n, last=last), chunk, aad)
        except InvalidTag as error:
            raise Unsealable(f"chunk {n} of the file does not open") from error
        yield plain if taken is None else taken.of(plain, last=last)


class _Unstepped:
    """Reads the chunks of a file in steps, which have one form."""

    def __init__(self) -> None:
        self._size = self._room = 0
        self._over = False

    def of(self, plain: bytes, *, last: bool) -> bytes:
        """The file's bytes of a chunk. Raises: Unsealable: sealing never writes it so."""
        said = int.from_bytes(plain[:_COUNT_BYTES])
        room = plain[_COUNT_BYTES:]
        if not room or said > len(room) or room[said:].strip(b"\0"):
            raise Unsealable("a chunk of the file says more than it has, or hides something")
        if self._over and said:
            raise Unsealable("the file goes on behind its end")
        self._over = said < len(room)
        self._size, self._room = self._size + said, self._room + len(room)
        if last and self._room != step_of(self._size):
            raise Unsealable("the sealed file is not as long as one of its size")
        return room[:said]


def step_of(size: int) -> int:
    """The step that a length is told as: Padmé (Nikitin et al. 2019), a sixteenth more at most."""
    least = max(size, LEAST_STEP)
    exponent = least.bit_length() - 1
    bits = exponent - exponent.bit_length()
    return -(-least >> bits) << bits


def sealed_bytes(size: int, *, stepped: bool = False) -> int:
    """How long the sealed form of a file of this size is."""
    room = step_of(size) if stepped else size
    chunks = max(1, -(-room // CHUNK_BYTES))
    return _HEAD_BYTES + room + chunks * (_TAG_BYTES + (_COUNT_BYTES if stepped else 0))


def key_beside(dek: bytes, n: int) -> bytes:
    """The DEK of the n-th file of a mirrored record (formats.md §11): as long as the record's is.

    Whoever opens the record opens its files, and with its wrap their keys are gone.

    Args:
        dek: The record's.
        n: Place of the file in the act's list, from 0.
    """
    label = b"socai/mirror-file/1\0" + n.to_bytes(4)
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=label).derive(dek)


def lookup_tag(key: bytes, *, officer: str, digest: str) -> bytes:
    """What an upload is found by: 32 bytes that tell nobody without the key of whom, or of what.

    Args:
        key: 32 random bytes of one enclave, kept wrapped, used for nothing else.
        officer: Who uploaded it.
        digest: Of the file.
    """
    if len(key) != KEY_BYTES:
        raise Malformed("a lookup key has 32 bytes")
    named = b"\0".join((b"socai/blob-tag/1", officer.encode(), digest.encode()))
    return hmac.digest(key, named, "sha256")


def _aad(version: int, digest: str) -> bytes:
    label = b"socai/blob/2" if version == _STEPPED else b"socai/blob/1"
    return b"\0".join((label, digest.encode()))


def _nonce(prefix: bytes, n: int, *, last: bool) -> bytes:
    return prefix + n.to_bytes(4) + (b"\x01" if last else b"\x00")


def _head(parts: Iterator[bytes]) -> tuple[bytes, bytes]:
    """Version and prefix, and what came after them in the same part."""
    gathered = b""
    for part in parts:
        gathered += part
        if len(gathered) >= _HEAD_BYTES:
            break
    if len(gathered) < _HEAD_BYTES or gathered[0] not in (_VERSION, _STEPPED):
        raise Unsealable("not a sealed file of a known version")
    return gathered[:_HEAD_BYTES], gathered[_HEAD_BYTES:]


def _regrouped(parts: Iterable[bytes], size: int) -> Iterator[tuple[bytes, bool]]:
    """(block, last): every block of `size` bytes but the last, which is empty only if all is."""
    held = bytearray()
    for part in parts:
        held += part
        start = 0
        while len(held) - start > size:  # strictly: a full block at the end is the last
            yield bytes(held[start : start + size]), False
            start += size
        del held[:start]
    yield bytes(held), True
