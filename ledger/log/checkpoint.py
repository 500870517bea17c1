"""Checkpoints: the three lines a log signs (formats.md §7, C2SP tlog-checkpoint), and opening them.

That a log never signs two roots of one size is the checkpointer's promise and `verify`'s check; one
note alone cannot show it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from keys import canonical, note
from keys.errors import KeysError
from keys.note import NoteSigner, VerifiedSignature, VKey
from ledger.errors import VerificationError
from ledger.log.merkle import EMPTY_ROOT, HASH_BYTES

MAX_SIZE: Final = 2**63 - 1
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself: so many records, under this root.

    Attributes:
        origin: Name of the log.
        size: Number of records.
        root: 32 bytes.
    """

    origin: str
    size: int
    root: bytes

    def marshal(self) -> str:
        """The signed text: exactly three lines."""
        return note.checkpoint_text(self.origin, self.size, self.root)


@dataclass(frozen=True, slots=True)
class OpenedCheckpoint:
    """A checkpoint whose log signature is good, with everybody known who signed it."""

    checkpoint: Checkpoint
    verified: tuple[VerifiedSignature, ...]
    note: bytes


def unmarshal(text: str, *, check_empty: bool = True) -> Checkpoint:
    """Strict inverse of `Checkpoint.marshal`.

    Args:
        text: The note's text.
        check_empty: Whether size 0 must have the empty root; a witness asks that last.

    Raises:
        VerificationError: `checkpoint`, naming the line at fault.
    """
    lines = text.split("\n")
    # formats.md §7: exactly three lines; C2SP would allow extension lines after them.
    if len(lines) != _LINES + 1 or lines[_LINES]:
        raise VerificationError("checkpoint", "a checkpoint has exactly three lines")
    origin, decimal, root_text = lines[:_LINES]
    if not origin:
        raise VerificationError("checkpoint", "the origin is empty")
    if not _DECIMAL.fullmatch(decimal) or int(decimal) > MAX_SIZE:
        raise VerificationError("checkpoint", "the size is a plain decimal below 2^63")
    try:
        root = canonical.unb64std(root_text)
    except KeysError as error:
        raise VerificationError("checkpoint", f"the root is {error}") from error
    if len(root) != HASH_BYTES:
        raise VerificationError("checkpoint", "the root has 32 bytes")
    if check_empty and decimal == "0" and root != EMPTY_ROOT:
        raise VerificationError("checkpoint", "a tree of size 0 has one root")
    return Checkpoint(origin, int(decimal), root)


def sign(
    checkpoint: Checkpoint, log_key: NoteSigner, pq_key: NoteSigner | None, *, time_s: int
) -> bytes:
    """The signed note: the log's Ed25519 line, then its ML-DSA-44 line.

    Args:
        checkpoint: What to sign. That it may be signed is the caller's to know.
        log_key: Type 0x01 under the origin.
        pq_key: Type 0x06 under `<origin>/pq`; None only where a log has none.
        time_s: Time of signing in seconds, for the second line.

    Raises:
        ValueError: A key of another name or type.
    """
    text = checkpoint.marshal()
    if (log_key.name, log_key.kind) != (checkpoint.origin, note.TYPE_ED25519):
        raise ValueError("the log key signs under the origin, with type 0x01")
    signatures = [log_key.sign(text)]
    if pq_key is not None:
        if (pq_key.name, pq_key.kind) != (f"{checkpoint.origin}/pq", note.TYPE_ML_DSA_44):
            raise ValueError("the second key signs under <origin>/pq, with type 0x06")
        signatures.append(pq_key.sign(text, time_s=time_s))
    return note.format_note(note.Note(text, tuple(signatures)))


def unverified(data: bytes) -> Checkpoint:
    """What a note claims, with no signature checked. Raises: VerificationError."""
    try:
        return unmarshal(note.parse_note(data).text)
    except KeysError as error:
        raise VerificationError("checkpoint", str(error)) from error


def open_checkpoint(
    data: bytes, vkeys: Iterable[VKey], *, origin: str | None = None
) -> OpenedCheckpoint:
    """Verifies a checkpoint.

    Args:
        data: The signed note.
        vkeys: Keys the reader knows; a bad signature of any of them refuses the note.
        origin: The log it must be of; None where its own first line decides.

    Raises:
        VerificationError: `checkpoint`: malformed, a known key's signature is bad, or no type-0x01
            signature under the name of the origin line (formats.md §6).
    """
    try:
        opened = note.verify_note(data, vkeys)
    except KeysError as error:
        raise VerificationError("checkpoint", str(error)) from error
    found = unmarshal(opened.text)
    if origin is not None and found.origin != origin:
        raise VerificationError("checkpoint", f"the checkpoint is of {found.origin}")
    own = (found.origin, note.TYPE_ED25519)
    if not any((good.vkey.name, good.vkey.kind) == own for good in opened.verified):
        raise VerificationError("checkpoint", "the log itself has not signed")
    return OpenedCheckpoint(found, opened.verified, data)
