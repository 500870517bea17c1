"""Sealed segments of a mirror (formats.md §11, version 0x05): one text, a fixed number of slots.

A segment goes up to whoever holds the private half of one of the slots. It always has as many slots
as its level says, so that nothing tells which of them anybody can open; its text is padded in
steps. What the text says is not known here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keys.errors import Malformed, Unsealable
from keys.hpke import OVERHEAD, OpeningKey, SealingKey

STEP_BYTES: Final = 65_536
MOST_STEPS: Final = 256
KEY_BYTES: Final = 32
SLOT_BYTES: Final = KEY_BYTES + OVERHEAD
_VERSION: Final = 0x05
_LENGTH_BYTES: Final = 8
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_MOST_SLOTS: Final = 8
MOST_TEXT_BYTES: Final = STEP_BYTES * MOST_STEPS - _LENGTH_BYTES
"""The longest text of a segment."""
MOST_BYTES: Final = (
    3 + 255 + _MOST_SLOTS * SLOT_BYTES + _NONCE_BYTES + STEP_BYTES * MOST_STEPS + _TAG_BYTES
)
"""No segment is longer; whoever reads one stops there."""


@dataclass(frozen=True, slots=True)
class SegmentHead:
    """What stands in the open.

    Attributes:
        origin: The log that the segment says it is of.
        slots: The content key, sealed to each slot in turn.
        signed: The bytes that all of this is, which the seal of the text covers.
    """

    origin: str
    slots: tuple[bytes, ...]
    signed: bytes


def frame(text: bytes) -> bytes:
    """The length, the text, and zeros up to the next power of two times 64 KiB.

    Raises:
        Malformed: Longer than a segment may be.
    """
    if len(text) > MOST_TEXT_BYTES:
        raise Malformed(f"a segment's text of {len(text)} bytes")
    framed = len(text).to_bytes(_LENGTH_BYTES) + text
    size = STEP_BYTES
    while size < len(framed):
        size *= 2
    return framed.ljust(size, b"\0")


def unframe(framed: bytes) -> bytes:
    """Strict inverse of `frame`. Raises: Unsealable."""
    length = int.from_bytes(framed[:_LENGTH_BYTES])
    text = framed[_LENGTH_BYTES : _LENGTH_BYTES + length]
    # One text has one framed form.
    if len(text) != length or length > MOST_TEXT_BYTES or frame(text) != framed:
        raise Unsealable("the padding of the segment is not what sealing writes")
    return text


def seal(text: bytes, *, origin: str, slots: Sequence[SealingKey]) -> bytes:
    """The segment to publish.

    Args:
        text: What it says.
        origin: Origin of the log it is of.
        slots: The public keys, used or not, in their order.

    Raises:
        Malformed: Longer than a segment may be, or a key to which nothing can be sealed.
    """
    key = AESGCM.generate_key(256)
    sealed = [slot.seal(key, info=_slot_info(origin, n)) for n, slot in enumerate(slots)]
    return _seal_with(key, os.urandom(_NONCE_BYTES), sealed, text, origin)


def _seal_with(key: bytes, nonce: bytes, slots: Sequence[bytes], text: bytes, origin: str) -> bytes:
    name = origin.encode()
    head = bytes((_VERSION, len(name))) + name + bytes((len(slots),)) + b"".join(slots)
    return head + nonce + AESGCM(key).encrypt(nonce, frame(text), _aad(head))


def head_of(segment: bytes) -> SegmentHead:
    """What stands in the open, before anything is opened. Raises: Malformed."""
    if len(segment) > MOST_BYTES:
        raise Malformed("longer than any segment")
    if not segment or segment[0] != _VERSION:
        raise Malformed("not a segment of a known version")
    at = 2 + int.from_bytes(segment[1:2])
    slots = segment[at] if len(segment) > at else 0
    end = at + 1 + slots * SLOT_BYTES
    if not 1 <= slots <= _MOST_SLOTS or len(segment) < end + _NONCE_BYTES + _TAG_BYTES + STEP_BYTES:
        raise Malformed("cut short")
    try:
        origin = segment[2:at].decode("ascii")
    except UnicodeDecodeError as error:
        raise Malformed("the name of the log is no text") from error
    parts = range(at + 1, end, SLOT_BYTES)
    return SegmentHead(origin, tuple(segment[n : n + SLOT_BYTES] for n in parts), segment[:end])


def is_cut(segment: bytes) -> bool:
    """Whether it may be the beginning of a segment of which the rest is not there (yet)."""
    if segment[:1] not in (b"", bytes((_VERSION,))) or len(segment) > MOST_BYTES:
        return False
    try:
        head = head_of(segment)
    except Malformed:
        return True
    steps = len(segment) - len(head.signed) - _NONCE_BYTES - _TAG_BYTES
    return steps not in {STEP_BYTES << n for n in range(MOST_STEPS.bit_length())}


def open_segment(segment: bytes, keys: Iterable[OpeningKey]) -> bytes:
    """The framed text, with the first of these keys that a slot is sealed to.

    Raises:
        Malformed: As `head_of`.
        Unsealable: No slot is sealed to any of the keys, or changed bytes.
    """
    head = head_of(segment)
    key = _content_key(head, keys)
    nonce = segment[len(head.signed) : len(head.signed) + _NONCE_BYTES]
    sealed = segment[len(head.signed) + _NONCE_BYTES :]
    try:
        return AESGCM(key).decrypt(nonce, sealed, _aad(head.signed))
    except (InvalidTag, ValueError) as error:
        raise Unsealable("the segment was changed on its way") from error


class NotAddressed(Unsealable):
    """No slot opens with any of the keys."""


def _content_key(head: SegmentHead, keys: Iterable[OpeningKey]) -> bytes:
    for own in keys:
        for n, slot in enumerate(head.slots):
            try:
                key = own.open(slot, info=_slot_info(head.origin, n))
            except Unsealable:
                continue
            if len(key) == KEY_BYTES:
                return key
    raise NotAddressed("no slot of the segment is sealed to a key of this enclave")


def _slot_info(origin: str, slot: int) -> bytes:
    return b"\0".join((b"socai/segment-key/1", origin.encode(), bytes((slot,))))


def _aad(head: bytes) -> bytes:
    return b"socai/segment/1\0" + head
