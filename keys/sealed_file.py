"""Sealed files (formats.md §5, version 0x03).

Chunks of 64 KiB, sealed and opened as they pass, in constant memory. A chunk's nonce counts it and
says whether it is the last, and its AAD names the file by its digest: what is cut short, reordered,
or another file's does not open. That the bytes have this digest is the caller's to check; no store
is known.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keys.errors import Malformed, Unsealable

CHUNK_BYTES: Final = 65_536
KEY_BYTES: Final = 32
_VERSION: Final = 0x03
_PREFIX_BYTES: Final = 7
_HEAD_BYTES: Final = 1 + _PREFIX_BYTES
_TAG_BYTES: Final = 16
_SEALED_CHUNK: Final = CHUNK_BYTES + _TAG_BYTES
_MOST_CHUNKS: Final = 2**32


def new_key() -> bytes:
    """A DEK for one file, 32 bytes: seal with it once, wrap it, forget it."""
    return AESGCM.generate_key(256)


def seal(parts: Iterable[bytes], dek: bytes, *, digest: str) -> Iterator[bytes]:
    """The sealed form of a file, part by part; what `parts` raises comes through.

    Args:
        parts: The file's bytes, in parts of any size.
        dek: Of `new_key`, used for nothing else.
        digest: `sha-256:` + b64 of the file's bytes (formats.md §2).
    """
    return _seal_with(dek, os.urandom(_PREFIX_BYTES), parts, digest)


def _seal_with(dek: bytes, prefix: bytes, parts: Iterable[bytes], digest: str) -> Iterator[bytes]:
    gcm, aad = AESGCM(dek), _aad(digest)
    yield bytes((_VERSION,)) + prefix
    for n, (chunk, last) in enumerate(_regrouped(parts, CHUNK_BYTES)):
        if n >= _MOST_CHUNKS:
            raise Malformed("a file has at most 2^32 chunks")
        yield gcm.encrypt(_nonce(prefix, n, last=last), chunk, aad)


def open_sealed(sealed: Iterable[bytes], dek: bytes, *, digest: str) -> Iterator[bytes]:
    """The file's bytes, chunk by chunk; none of a chunk before its tag is checked.

    Args:
        sealed: What `seal` gave, in parts of any size.
        dek: The key it was sealed with.
        digest: The digest it was sealed for.

    Raises:
        Unsealable: Another version, key or file, changed bytes, or an end that is not the end.
    """
    gcm, aad = AESGCM(dek), _aad(digest)
    parts = iter(sealed)
    head, rest = _head(parts)
    prefix = head[1:]
    for n, (chunk, last) in enumerate(_regrouped(chain([rest], parts), _SEALED_CHUNK)):
        # One file has one sealed form: only the empty file ends in an empty chunk.
        if n >= _MOST_CHUNKS or len(chunk) < _TAG_BYTES or (n and len(chunk) == _TAG_BYTES):
            raise Unsealable("the sealed file ends where sealing never ends")
        try:
            yield gcm.decrypt(_nonce(prefix, n, last=last), chunk, aad)
        except InvalidTag as error:
            raise Unsealable(f"chunk {n} of the file does not open") from error


def sealed_bytes(size: int) -> int:
    """How long the sealed form of a file of this size is."""
    chunks = max(1, -(-size // CHUNK_BYTES))
    return _HEAD_BYTES + size + chunks * _TAG_BYTES


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


def _aad(digest: str) -> bytes:
    return b"\0".join((b"socai/blob/1", digest.encode()))


def _nonce(prefix: bytes, n: int, *, last: bool) -> bytes:
    return prefix + n.to_bytes(4) + (b"\x01" if last else b"\x00")


def _head(parts: Iterator[bytes]) -> tuple[bytes, bytes]:
    """Version and prefix, and what came after them in the same part."""
    gathered = b""
    for part in parts:
        gathered += part
        if len(gathered) >= _HEAD_BYTES:
            break
    if len(gathered) < _HEAD_BYTES or gathered[0] != _VERSION:
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
