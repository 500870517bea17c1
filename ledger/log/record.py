"""Records: the envelope that the tree commits to, its entry and its leaf (formats.md §4).

Why a statement was taken, and how an envelope is sealed, are not known here.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Any, Final

import orjson

from keys import canonical
from keys.errors import KeysError, Malformed
from ledger.errors import VerificationError
from ledger.log.moment import stamp, unstamp
from ledger.values import frozen_value

BLIND_BYTES: Final = 32
_MEMBERS: Final = frozenset({"v", "log", "recorded_at", "blind", "statement"})
_COMPACT_PARTS: Final = 3
#: Members in canonical order; no character in them needs an escape.
_AS_BUILT: Final = re.compile(
    rb'\{"blind":"([A-Za-z0-9_-]{43})","log":"([!#-\[\]-~]+)","recorded_at":"([0-9T:.Z-]+)'
)
_BEFORE: Final = b'","statement":"'
_BEHIND: Final = b'","v":1}'
_COMPACT: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."


@frozen_value(frozen=True, slots=True)
class Envelope:
    """A statement as the ledger keeps it.

    Attributes:
        log: Origin of the log.
        recorded_at: When the ledger took it, UTC with milliseconds.
        blind: 32 random bytes, so that the entry cannot be guessed.
        statement: The compact form, as received.
    """

    log: str
    recorded_at: datetime
    blind: bytes
    statement: str


def build(*, log: str, recorded_at: datetime, blind: bytes, statement: str) -> bytes:
    """The envelope's canonical bytes; they are never written a second time.

    Raises:
        ValueError: The blind has not 32 bytes, or `recorded_at` has no zone.
    """
    if len(blind) != BLIND_BYTES:
        raise ValueError("a blind has 32 bytes")
    members = {
        "blind": canonical.b64(blind),
        "log": log,
        "recorded_at": stamp(recorded_at),
        "statement": statement,
        "v": 1,
    }
    return canonical.ordered(members)


def parse_envelope(data: bytes, *, log: str | None = None) -> Envelope:
    """Strict inverse of `build`; the statement inside is only looked at for its shape.

    Args:
        data: Envelope bytes.
        log: Origin it must be of; None where the caller asks later.

    Raises:
        VerificationError: `envelope`, with what is wrong.
    """
    try:
        texts = _as_built(data)
        if texts is not None:
            return _envelope(texts, log)
        return _envelope(_texts(canonical.parse(data, limit=None)), log)
    except (KeysError, ValueError) as error:
        raise VerificationError("envelope", str(error)) from error


def recorded(data: bytes, log: str) -> tuple[datetime, str]:
    """When an envelope that has its entry was recorded, and its statement: nothing else is asked.

    `build` made it, and an audit parses it strictly again. For folds, which read it many times.

    Raises:
        ValueError: Of another log, or no envelope.
    """
    members = orjson.loads(data)
    if members["log"] != log:
        raise ValueError("the envelope is of another log")
    return unstamp(members["recorded_at"]), members["statement"]


def _as_built(data: bytes) -> tuple[str, str, str, str] | None:
    """The texts of a sound envelope, whose bytes leave no choice: what fits is canonical."""
    before, _, rest = data.partition(_BEFORE)
    statement = rest[: -len(_BEHIND)]
    found = _AS_BUILT.fullmatch(before)
    if found is None or not rest.endswith(_BEHIND) or statement.translate(None, _COMPACT):
        return None
    blind, origin, recorded_at = found.groups()
    return origin.decode(), recorded_at.decode(), blind.decode(), statement.decode()


def _texts(members: dict[str, Any]) -> tuple[str, str, str, str]:
    if members.keys() != _MEMBERS or type(members["v"]) is not int or members["v"] != 1:
        raise Malformed("an envelope of version 1 has blind, log, recorded_at, statement and v")
    texts = (members["log"], members["recorded_at"], members["blind"], members["statement"])
    if not all(isinstance(text, str) for text in texts):
        raise Malformed("log, recorded_at, blind and statement are text")
    return texts


def _envelope(texts: tuple[str, str, str, str], log: str | None) -> Envelope:
    origin, recorded_at, blind_b64, statement = texts
    if log is not None and origin != log:
        raise Malformed("the envelope is of another log")
    blind = canonical.unb64(blind_b64)
    if len(blind) != BLIND_BYTES:
        raise Malformed("a blind has 32 bytes")
    if statement.count(".") != _COMPACT_PARTS - 1:
        raise Malformed("the statement is not in compact form")
    return Envelope(origin, unstamp(recorded_at), blind, statement)


def entry(envelope: bytes) -> bytes:
    """SHA-256 of the envelope: what a bundle, a tile and a wrap know of a record."""
    return hashlib.sha256(envelope).digest()


def leaf(entry_hash: bytes) -> bytes:
    """Leaf hash of an entry, RFC 9162 §2.1.1: domain byte 0x00."""
    return hashlib.sha256(b"\0" + entry_hash).digest()
