"""Proofs as they travel: JSON objects and C2SP tlog-proof files (formats.md §6).

A proof carries its checkpoint, so that it can be checked with the log's key and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from keys import canonical
from keys.errors import KeysError
from keys.note import VKey
from ledger.errors import VerificationError
from ledger.log import checkpoint, merkle, record
from ledger.log.checkpoint import Checkpoint
from ledger.log.merkle import HASH_BYTES

MAGIC: Final = "c2sp.org/tlog-proof@v1"
MAX_HASHES: Final = 63
_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,18})")
_EXTRA: Final = "extra "


@dataclass(frozen=True, slots=True)
class Inclusion:
    """That a leaf stands in a tree; unchecked until `verify_inclusion`.

    Attributes:
        index: Position of the leaf.
        size: Size of the tree, which is the checkpoint's.
        hashes: Siblings, that of the leaf first.
        checkpoint: The signed note.
    """

    index: int
    size: int
    hashes: tuple[bytes, ...]
    checkpoint: str

    def to_json(self) -> dict[str, Any]:
        """The object of formats.md §6."""
        return {
            "index": self.index,
            "size": self.size,
            "hashes": [canonical.b64std(one) for one in self.hashes],
            "checkpoint": self.checkpoint,
        }

    def to_file(self) -> bytes:
        """The tlog-proof file; `extra` is left out."""
        lines = [MAGIC, f"index {self.index}", *map(canonical.b64std, self.hashes)]
        return ("\n".join(lines) + "\n\n" + self.checkpoint).encode()


@dataclass(frozen=True, slots=True)
class Consistency:
    """That one tree is the beginning of another; unchecked until it is verified.

    Attributes:
        old: Size of the smaller tree.
        new: Size of the larger, which is the checkpoint's.
        hashes: RFC 9162 §2.1.4 order.
        checkpoint: The signed note of the larger.
    """

    old: int
    new: int
    hashes: tuple[bytes, ...]
    checkpoint: str

    def to_json(self) -> dict[str, Any]:
        """The object of formats.md §6."""
        return {
            "from": self.old,
            "to": self.new,
            "hashes": [canonical.b64std(one) for one in self.hashes],
            "checkpoint": self.checkpoint,
        }


def inclusion_from_json(members: Mapping[str, Any]) -> Inclusion:
    """Strict inverse of `Inclusion.to_json`. Raises: VerificationError."""
    numbers, hashes, note = _from_json(members, ("index", "size"))
    return Inclusion(*numbers, hashes, note)


def consistency_from_json(members: Mapping[str, Any]) -> Consistency:
    """Strict inverse of `Consistency.to_json`. Raises: VerificationError."""
    numbers, hashes, note = _from_json(members, ("from", "to"))
    return Consistency(*numbers, hashes, note)


def _from_json(
    members: Mapping[str, Any], names: tuple[str, str]
) -> tuple[tuple[int, int], tuple[bytes, ...], str]:
    if members.keys() != {*names, "hashes", "checkpoint"}:
        raise VerificationError("proof", f"a proof has {', '.join(names)}, hashes and checkpoint")
    first, second = (members[name] for name in names)
    if type(first) is not int or type(second) is not int or min(first, second) < 0:
        raise VerificationError("proof", f"{' and '.join(names)} are whole numbers")
    hashes, note = members["hashes"], members["checkpoint"]
    if not isinstance(hashes, list) or not isinstance(note, str):
        raise VerificationError("proof", "hashes is a list and checkpoint a text")
    return (first, second), parse_hashes(hashes), note


def parse_hashes(lines: Sequence[object]) -> tuple[bytes, ...]:
    """At most 63 hashes of 32 bytes in standard base64. Raises: VerificationError."""
    if len(lines) > MAX_HASHES:
        raise VerificationError("proof", f"more than {MAX_HASHES} hashes")
    hashes: list[bytes] = []
    for line in lines:
        try:
            one = canonical.unb64std(line) if isinstance(line, str) else b""
        except KeysError as error:
            raise VerificationError("proof", str(error)) from error
        if len(one) != HASH_BYTES:
            raise VerificationError("proof", "a hash is 32 bytes in standard base64")
        hashes.append(one)
    return tuple(hashes)


def inclusion_from_file(data: bytes) -> Inclusion:
    """Reads a tlog-proof file; an `extra` line is passed over. Nothing is verified.

    Raises:
        VerificationError: `proof` or `checkpoint`.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise VerificationError("proof", "the file is not UTF-8") from error
    head, separator, note = text.partition("\n\n")
    lines = head.split("\n")
    if lines.pop(0) != MAGIC:
        raise VerificationError("proof", f"the first line is not {MAGIC}")
    if not separator:
        raise VerificationError("proof", "no blank line before the checkpoint")
    if lines and lines[0].startswith(_EXTRA):
        _check_extra(lines.pop(0))
    match = _INDEX.fullmatch(lines.pop(0)) if lines else None
    if match is None:
        raise VerificationError("proof", "no index line")
    claimed = checkpoint.unverified(note.encode())
    return Inclusion(int(match[1]), claimed.size, parse_hashes(lines), note)


def _check_extra(line: str) -> None:
    try:
        canonical.unb64std(line.removeprefix(_EXTRA))
    except KeysError as error:
        raise VerificationError("proof", f"the extra line is {error}") from error


def verify_inclusion(
    proof: Inclusion, entry: bytes, vkeys: Iterable[VKey], *, origin: str | None = None
) -> Checkpoint:
    """Checks the checkpoint, then that the entry stands where the proof says.

    Args:
        proof: As received.
        entry: 32 bytes (formats.md §4).
        vkeys: Keys the reader knows.
        origin: The log it must be of; None where the checkpoint's first line decides.

    Returns:
        The verified checkpoint.

    Raises:
        VerificationError: What fails first.
    """
    opened = checkpoint.open_checkpoint(proof.checkpoint.encode(), vkeys, origin=origin)
    found = opened.checkpoint
    if proof.size != found.size:
        raise VerificationError("proof", "the proof is for another size than its checkpoint")
    leaf = record.leaf(entry)
    merkle.verify_inclusion(proof.index, found.size, leaf, proof.hashes, found.root)
    return found
