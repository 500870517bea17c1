"""The one break a log may have: its tail was lost, and it went on under other keys (formats.md §7).

A value, as `LogRecovered` says it. That the act was signed by who may, and stands in the tree, is
asked by whoever hands it to a verifier (`ledger.recovery.evidence`, an audit).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from keys import canonical
from keys.errors import KeysError
from keys.log_keys import LogKeys
from keys.lost_checkpoint import LostCheckpoint
from ledger.errors import VerificationError
from ledger.log.checkpoint import Checkpoint

_PREFIX: Final = "sha-256:"


@dataclass(frozen=True, slots=True)
class Recovery:
    """One recovery in effect.

    Attributes:
        index: Record that brought it into effect.
        size: Records that were left; the first one behind them is the act's.
        root: Root over them.
        lost: What the keys that end had signed over more than that, shortest first.
        lost_acts: Index and entry of lost records that are known.
        old_vkeys: Keys that end.
        new_vkeys: Keys that begin.
    """

    index: int
    size: int
    root: bytes
    lost: tuple[LostCheckpoint, ...]
    lost_acts: tuple[tuple[int, bytes], ...]
    old_vkeys: tuple[str, ...]
    new_vkeys: tuple[str, ...]

    @classmethod
    def of(cls, facts: Mapping[str, Any], index: int) -> Self:
        """As an effective act says it. Raises: VerificationError: `recovery`."""
        try:
            lost = sorted(map(LostCheckpoint.of, facts["lost"]), key=lambda one: one.size)
            acts = [(int(a["index"]), _digest(a["entry"])) for a in facts.get("lost_acts", ())]
            return cls(
                index,
                int(facts["size"]),
                _digest(facts["root"]),
                tuple(lost),
                tuple(acts),
                tuple(map(str, facts["old_vkeys"])),
                tuple(map(str, facts["new_vkeys"])),
            )
        except (KeysError, KeyError, TypeError, ValueError) as error:
            raise VerificationError("recovery", f"no recovery: {error}", index) from error

    @property
    def longest(self) -> int:
        """Size of the longest tree that is said to be lost."""
        return max((one.size for one in self.lost), default=self.size)

    def explains(self, held: Checkpoint) -> bool:
        """Whether a checkpoint by the keys that end is said to be lost.

        One that is named is; one that is not named is if it lies before the longest that is named:
        it was signed on the way there. A longer one, or another root of a size that is named, is
        not explained by this recovery.
        """
        named = [one.root for one in self.lost if one.size == held.size]
        if named:
            return held.root in named
        return self.size < held.size < self.longest

    def as_dict(self) -> dict[str, Any]:
        """For reports in JSON."""
        return {
            "index": self.index,
            "size": self.size,
            "root": canonical.b64(self.root),
            "lost": [{"size": one.size, "root": canonical.b64(one.root)} for one in self.lost],
            "lost_acts": [
                {"index": index, "entry": canonical.b64(entry)} for index, entry in self.lost_acts
            ],
            "old_vkeys": list(self.old_vkeys),
            "new_vkeys": list(self.new_vkeys),
        }


def turned(first: Iterable[str], recoveries: Iterable[Recovery]) -> LogKeys:
    """The keys of a log by its recoveries, oldest first.

    Raises:
        VerificationError: `recovery`: one does not end the keys in force, or goes back behind one.
    """
    keys = LogKeys.of(first)
    for one in recoveries:
        if not set(keys.current) <= set(one.old_vkeys):
            raise VerificationError("recovery", "it does not end the keys in force", one.index)
        if set(one.new_vkeys) & {*keys.every, *one.old_vkeys}:
            raise VerificationError("recovery", "a key begins that has signed before", one.index)
        try:
            keys = keys.turned(one.size, one.new_vkeys)
        except ValueError as error:
            raise VerificationError("recovery", str(error), one.index) from error
    return keys


def _digest(text: object) -> bytes:
    return canonical.unb64(str(text).removeprefix(_PREFIX))
