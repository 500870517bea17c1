"""Asking a witness and answering as one: C2SP tlog-witness `add-checkpoint` (formats.md §7).

The order of checks is here, since it is what the answer means; sockets, and the store that a
witness writes before it answers, are not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from keys import canonical, note
from keys.errors import KeysError
from keys.note import NoteSigner, VKey
from ledger.errors import VerificationError
from ledger.log import checkpoint, merkle, proof
from ledger.log.checkpoint import Checkpoint

_OLD: Final = re.compile(r"old (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A request to cosign.

    Attributes:
        old: Size the witness is believed to have.
        hashes: Consistency from there to the checkpoint.
        checkpoint: The signed note.
    """

    old: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes

    def marshal(self) -> bytes:
        """The request's body."""
        lines = [f"old {self.old}", *map(canonical.b64std, self.hashes)]
        return ("\n".join(lines) + "\n\n").encode() + self.checkpoint


class CosignatureRefused(VerificationError):
    """A witness does not cosign.

    Attributes:
        status: HTTP status of C2SP tlog-witness.
        stored_size: With 409, the size the witness has.
    """

    def __init__(self, status: int, message: str, stored_size: int | None = None) -> None:
        super().__init__("witness", message)
        self.status = status
        self.stored_size = stored_size


MALFORMED: Final = 400
NOT_KNOWN: Final = 404
NOT_SIGNED: Final = 403
CONFLICT: Final = 409
INCONSISTENT: Final = 422


def parse_request(body: bytes) -> AddCheckpoint:
    """Strict inverse of `AddCheckpoint.marshal`; nothing is verified.

    Raises:
        Refused: With status 400.
    """
    head, separator, signed = body.partition(b"\n\n")
    old, *lines = head.decode("ascii", "replace").split("\n")
    match = _OLD.fullmatch(old)
    if not separator or match is None:
        raise CosignatureRefused(
            MALFORMED, "a request is an old line, hashes, a blank line and a note"
        )
    try:
        hashes = proof.parse_hashes(lines)
        checkpoint.unmarshal(note.parse_note(signed).text, check_empty=False)
    except KeysError as error:
        raise CosignatureRefused(MALFORMED, str(error)) from error
    except VerificationError as error:
        raise CosignatureRefused(MALFORMED, error.message) from error
    return AddCheckpoint(int(match[1]), hashes, signed)


def judge(body: bytes, logs: Mapping[str, VKey], stored: Mapping[str, Checkpoint]) -> Checkpoint:
    """What a witness may cosign, in the order of formats.md §7.

    Args:
        body: The request.
        logs: The log key of each origin the witness knows.
        stored: The last checkpoint cosigned for each origin; none at first.

    Returns:
        The checkpoint to store; only then is it cosigned.

    Raises:
        Refused: With the status to answer.
    """
    request = parse_request(body)
    found = checkpoint.unmarshal(note.parse_note(request.checkpoint).text, check_empty=False)
    if found.origin not in logs:
        raise CosignatureRefused(NOT_KNOWN, "the log is not known")
    try:
        note.verify_note(request.checkpoint, [logs[found.origin]])
    except KeysError as error:
        raise CosignatureRefused(NOT_SIGNED, str(error)) from error
    if request.old > found.size:
        raise CosignatureRefused(MALFORMED, "the old size is above the checkpoint's")
    last = stored.get(found.origin, Checkpoint(found.origin, 0, merkle.EMPTY_ROOT))
    if request.old != last.size:
        raise CosignatureRefused(CONFLICT, "the old size is not the stored one", last.size)
    try:
        merkle.verify_consistency(last.size, found.size, request.hashes, last.root, found.root)
        checkpoint.unmarshal(found.marshal())
    except VerificationError as error:
        raise CosignatureRefused(INCONSISTENT, error.message) from error
    return found


def cosign(found: Checkpoint, witness: NoteSigner, *, time_s: int) -> bytes:
    """The answer's body: one cosignature/v1 line. Store `found` durably before calling this."""
    return witness.sign(found.marshal(), time_s=time_s).line.encode()


def add_cosignature(signed: bytes, line: bytes, witness: VKey) -> bytes:
    """The note with a witness's line appended.

    Raises:
        VerificationError: `checkpoint`: the line is not this witness's good cosignature of the
            note.
    """
    joined = signed + line
    try:
        opened = note.verify_note(joined, [witness])
    except KeysError as error:
        raise VerificationError("checkpoint", str(error)) from error
    if opened.text != note.parse_note(signed).text:
        raise VerificationError("checkpoint", "the answer is not signature lines")
    return joined
