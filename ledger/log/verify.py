"""A log as a reader trusts it: checkpoint, then consistency, then inclusion (formats.md §6, §7).

Who fetched the bytes, and where the trusted state is kept, are not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from keys.note import VKey
from ledger.errors import VerificationError
from ledger.log import checkpoint, merkle, proof, record
from ledger.log.checkpoint import Checkpoint
from ledger.log.proof import Consistency, Inclusion


class TrustedLog:
    """The last checkpoint a reader stands by; it moves forward only.

    Args:
        origin: Name of the log.
        vkeys: The log's keys, from a trusted place.
        trusted: Checkpoint trusted so far; None at first use.
    """

    def __init__(
        self, origin: str, vkeys: Iterable[VKey], trusted: Checkpoint | None = None
    ) -> None:
        self._origin = origin
        self._vkeys = tuple(vkeys)
        self._trusted = trusted

    @property
    def trusted(self) -> Checkpoint | None:
        """The checkpoint trusted so far."""
        return self._trusted

    def advance(self, note: bytes, consistency: Sequence[bytes] = ()) -> Checkpoint:
        """Takes a newer checkpoint, or the same one again.

        Args:
            note: The signed note.
            consistency: Hashes from the trusted size to the note's.

        Raises:
            VerificationError: `checkpoint`: not this log's; `fork`: another root of the trusted
                size; `rollback`: a smaller size; `consistency`: the trusted tree is not its
                beginning. The trusted state stays.
        """
        found = checkpoint.open_checkpoint(note, self._vkeys, origin=self._origin).checkpoint
        trusted = self._trusted
        if trusted is not None:
            _not_against(trusted, found)
            merkle.verify_consistency(
                trusted.size, found.size, consistency, trusted.root, found.root
            )
        self._trusted = found
        return found

    def extend(self, given: Consistency) -> Checkpoint:
        """Takes the checkpoint that a consistency proof carries. Raises: VerificationError."""
        if self._trusted is not None and given.old != self._trusted.size:
            raise VerificationError("consistency", "the proof begins at another size")
        found = self.advance(given.checkpoint.encode(), given.hashes)
        if found.size != given.new:
            raise VerificationError("consistency", "the proof is for another size than its note")
        return found

    def includes(self, given: Inclusion, entry: bytes) -> Checkpoint:
        """That the entry stands in this log, in the tree of the proof's own checkpoint.

        A proof of the trusted size must lead to the trusted root; one of another size stands on its
        signature until `advance` connects it.

        Raises:
            VerificationError: What fails first.
        """
        found = proof.verify_inclusion(given, entry, self._vkeys, origin=self._origin)
        if self._trusted is not None and found.size == self._trusted.size:
            _not_against(self._trusted, found)
        return found

    def includes_under_trust(self, index: int, entry: bytes, path: Sequence[bytes]) -> None:
        """That the entry stands in the trusted tree itself. Raises: VerificationError."""
        if self._trusted is None:
            raise VerificationError("inclusion", "no checkpoint is trusted yet", index)
        leaf = record.leaf(entry)
        merkle.verify_inclusion(index, self._trusted.size, leaf, path, self._trusted.root)


def _not_against(trusted: Checkpoint, found: Checkpoint) -> None:
    if found.size < trusted.size:
        raise VerificationError(
            "rollback", f"signed for {found.size} after {trusted.size}", found.size
        )
    if found.size == trusted.size and found.root != trusted.root:
        raise VerificationError("fork", "two signed roots of one size", found.size)
