"""What a backup is made of, sealed as it comes to whoever holds the private half of one key.

Bytes of any length, known or not, behind a key of their own that is sealed to a public key: whoever
makes backups opens none. Each frame counts itself, says whether it is the last, and names the
object; so what is cut short, reordered or another's does not open, and an object that is still
being written opens as far as it has come, whatever zeros a lost machine left behind that. Whose
bytes they are is not proven here: anybody can seal, and the log's own signatures judge what comes
back. No file is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keys.errors import Unsealable, WrongPassphrase
from keys.hpke import OVERHEAD, OpeningKey, OpeningKeys, SealingKey

MOST_FRAME: Final = 1 << 20
_MAGIC: Final = b"socai-backup/1\n"
_KEY_BYTES: Final = 32
_ID_BYTES: Final = 16
_LENGTH_BYTES: Final = 4
_COUNT_BYTES: Final = 11
_TAG_BYTES: Final = 16
_SEALED_KEY: Final = _KEY_BYTES + OVERHEAD
HEAD_BYTES: Final = len(_MAGIC) + _ID_BYTES + _SEALED_KEY


class FrameWriter:
    """Seals one object, frame after frame.

    Args:
        key: The public half of the key in force.
        name: Of the object, unlike any other's in the repository.
    """

    def __init__(self, key: SealingKey, name: str) -> None:
        dek = AESGCM.generate_key(256)
        self.head = _MAGIC + key.kek_id + key.seal(dek, info=_info(name))
        """What an object begins with."""
        self._gcm, self._aad, self._count = AESGCM(dek), _aad(name), 0

    def frames(self, plain: bytes, *, last: bool = False) -> bytes:
        """The next bytes; behind the last nothing opens."""
        ends = [*range(MOST_FRAME, len(plain), MOST_FRAME), len(plain)]
        begins = [0, *ends[:-1]]
        return b"".join(
            self._frame(plain[begin:end], last=last and end == len(plain))
            for begin, end in zip(begins, ends, strict=True)
        )

    def _frame(self, plain: bytes, *, last: bool) -> bytes:
        sealed = self._gcm.encrypt(_nonce(self._count, last=last), plain, self._aad)
        self._count += 1
        return len(sealed).to_bytes(_LENGTH_BYTES) + bytes((last,)) + sealed


def seal(parts: Iterable[bytes], key: SealingKey, name: str) -> Iterator[bytes]:
    """A whole object; what `parts` raises comes through."""
    writer = FrameWriter(key, name)
    yield writer.head
    for part in parts:
        yield writer.frames(part)
    yield writer.frames(b"", last=True)


def sealed_to(head: bytes) -> bytes:
    """Which key an object is sealed to, as `kek_id`. Raises: Unsealable."""
    if len(head) < HEAD_BYTES or not head.startswith(_MAGIC):
        raise Unsealable("not a sealed part of a backup")
    return head[len(_MAGIC) : len(_MAGIC) + _ID_BYTES]


def open_sealed(
    sealed: Iterable[bytes], keys: OpeningKeys, name: str, *, whole: bool = True
) -> Iterator[bytes]:
    """An object's bytes, frame by frame; none of a frame before its tag is checked.

    Args:
        sealed: As it lies there, in parts of any size.
        keys: What is held.
        name: Of the object.
        whole: Whether it must have its end; else it ends with its last whole frame, behind which
            stands no other.

    Raises:
        Unsealable: Another key or object, changed bytes, or an end that is not the end.
    """
    source = _Source(sealed)
    head = source.take(HEAD_BYTES)
    own = _own(head, keys, name)
    gcm = AESGCM(own.open(head[len(_MAGIC) + _ID_BYTES :], info=_info(name)))
    count, last = 0, False
    while not last:
        try:
            plain, last = _frame(source, gcm, count, name)
        except Unsealable:
            if not whole and source.blank():
                return  # the last that was written, and not to its end
            raise
        count += 1
        yield plain
    if source.take(1):
        raise Unsealable(f"something stands behind the end of {name}")


def _frame(source: _Source, gcm: AESGCM, count: int, name: str) -> tuple[bytes, bool]:
    """The next one, and whether it is the last. Raises: Unsealable."""
    said = source.take(_LENGTH_BYTES + 1)
    if len(said) < _LENGTH_BYTES + 1:
        raise Unsealable(f"{name} is cut short")
    length, last = int.from_bytes(said[:_LENGTH_BYTES]), said[_LENGTH_BYTES] != 0
    if not _TAG_BYTES <= length <= MOST_FRAME + _TAG_BYTES:
        raise Unsealable(f"frame {count} of {name} is of a length that sealing never writes")
    sealed = source.take(length)
    if len(sealed) < length:
        raise Unsealable(f"{name} is cut short")
    try:
        return gcm.decrypt(_nonce(count, last=last), sealed, _aad(name)), last
    except InvalidTag as error:
        raise Unsealable(f"frame {count} of {name} does not open") from error


def _own(head: bytes, keys: OpeningKeys, name: str) -> OpeningKey:
    try:
        return keys.of(sealed_to(head))
    except WrongPassphrase:
        raise
    except Unsealable as error:
        raise Unsealable(f"{name} is {error}") from error


class _Source:
    """Bytes by number out of parts of any size."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = iter(parts)
        self._held = bytearray()

    def take(self, number: int) -> bytes:
        """So many bytes; fewer where there are no more."""
        while len(self._held) < number and (part := next(self._parts, None)) is not None:
            self._held += part
        found = bytes(self._held[:number])
        del self._held[:number]
        return found

    def blank(self) -> bool:
        """Whether nothing but zeros is left; it is taken."""
        return not any(self._held) and not any(map(any, self._parts))


def _nonce(count: int, *, last: bool) -> bytes:
    return count.to_bytes(_COUNT_BYTES) + bytes((last,))


def _info(name: str) -> bytes:
    return b"socai/backup-key/1\0" + name.encode()


def _aad(name: str) -> bytes:
    return b"socai/backup/1\0" + name.encode()
