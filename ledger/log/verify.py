"""A log as a reader trusts it: checkpoint, then consistency, then inclusion (formats.md §6, §7).

Who fetched the bytes, and where the trusted state is kept, are not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from keys.log_keys import LogKeys
from keys.lost_checkpoint import known
from keys.note import VKey
from ledger.errors import VerificationError
from ledger.log import checkpoint, merkle, proof
from ledger.log.checkpoint import Checkpoint
from ledger.log.proof import Consistency, Inclusion
from ledger.log.recovery import Recovery


@dataclass(frozen=True, slots=True)
class Crossed:
    """A break that a reader went over.

    Attributes:
        recovery: What the log says of it.
        lost: The checkpoint trusted until then, where it covered what is lost.
    """

    recovery: Recovery
    lost: Checkpoint | None


class TrustedLog:
    """The last checkpoint a reader stands by; it moves forward only.

    The one exception is a recovery that the log itself records: `cross` goes over it, and says so.

    Args:
        origin: Name of the log.
        keys: The log's keys, from a trusted place; vkeys are those of a log never recovered.
        trusted: Checkpoint trusted so far; None at first use.
    """

    def __init__(
        self, origin: str, keys: LogKeys | Iterable[VKey], trusted: Checkpoint | None = None
    ) -> None:
        self._origin = origin
        self._keys = keys if isinstance(keys, LogKeys) else LogKeys.of(map(str, keys))
        self._trusted = trusted

    @property
    def trusted(self) -> Checkpoint | None:
        """The checkpoint trusted so far."""
        return self._trusted

    @property
    def keys(self) -> LogKeys:
        """The keys of the log, and the sizes they sign."""
        return self._keys

    def opened(self, note: bytes) -> Checkpoint:
        """A checkpoint under the keys of its size; nothing is trusted by it.

        Raises:
            VerificationError: `checkpoint`: not this log's, or by a key that does not sign there.
        """
        vkeys = known(self._keys.at(checkpoint.unverified(note).size))
        return checkpoint.open_checkpoint(note, vkeys, origin=self._origin).checkpoint

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
        found = self.opened(note)
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

    def left(self, recoveries: Sequence[Recovery]) -> Checkpoint | None:
        """What of the trusted checkpoint a recovered log must still have; None at first use.

        Args:
            recoveries: Every recovery of the log, oldest first.

        Raises:
            VerificationError: `recovery`: none of them ends the keys trusted so far, or what is
                trusted covers more than is said to be lost.
        """
        return self._left(recoveries)[0]

    def cross(
        self,
        recoveries: Sequence[Recovery],
        keys: LogKeys,
        note: bytes,
        consistency: Sequence[bytes] = (),
    ) -> list[Crossed]:
        """Goes over to the tree of a log that was recovered since.

        Args:
            recoveries: Every recovery of the log, oldest first; that they stand in the note's tree,
                over the prefix they name, and are signed by registrars, is verified already.
            keys: The keys of the log by them, from record 0 on.
            note: The signed note, by the keys that the last one names.
            consistency: Hashes from what is `left` to the note's size.

        Returns:
            The breaks gone over, oldest first.

        Raises:
            VerificationError: As `left` and `advance`. The trusted state stays.
        """
        left, lost, new = self._left(recoveries)
        over = TrustedLog(self._origin, keys, left)
        self._trusted = over.advance(note, consistency)
        self._keys = over.keys
        first = [Crossed(new[0], lost)] if new else []
        return [*first, *(Crossed(one, None) for one in new[1:])]

    def _left(
        self, recoveries: Sequence[Recovery]
    ) -> tuple[Checkpoint | None, Checkpoint | None, Sequence[Recovery]]:
        """What is left of the trusted checkpoint, what of it is lost, and the recoveries since."""
        mine, trusted = set(self._keys.current), self._trusted
        ends = [n for n, one in enumerate(recoveries) if mine <= set(one.old_vkeys)]
        if not ends:
            raise VerificationError("recovery", "no recovery ends the keys that are trusted")
        new = recoveries[ends[0] :]
        if trusted is None or trusted.size <= new[0].size:
            return trusted, None, new
        if not new[0].explains(trusted):
            raise VerificationError(
                "recovery",
                f"the checkpoint trusted, of {trusted.size} records, is not said to be lost",
                new[0].size,
            )
        return Checkpoint(self._origin, new[0].size, new[0].root), trusted, new

    def includes(self, given: Inclusion, entry: bytes) -> Checkpoint:
        """That the entry stands in this log, in the tree of the proof's own checkpoint.

        A proof of the trusted size must lead to the trusted root; one of another size stands on its
        signature until `advance` connects it.

        Raises:
            VerificationError: What fails first.
        """
        vkeys = known(self._keys.at(given.size))
        found = proof.verify_inclusion(given, entry, vkeys, origin=self._origin)
        if self._trusted is not None and found.size == self._trusted.size:
            _not_against(self._trusted, found)
        return found


def _not_against(trusted: Checkpoint, found: Checkpoint) -> None:
    if found.size < trusted.size:
        raise VerificationError(
            "rollback", f"signed for {found.size} after {trusted.size}", found.size
        )
    if found.size == trusted.size and found.root != trusted.root:
        raise VerificationError("fork", "two signed roots of one size", found.size)
