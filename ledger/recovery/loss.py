"""What a log has lost: its surviving records held against notes and receipts kept elsewhere.

Everything handed in is verified before it counts: a note by the log's keys, a receipt by the proof
it carries. Pure; who kept them, and what is done about it, are not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from keys import canonical, note
from keys.errors import KeysError
from keys.lost_checkpoint import LostCheckpoint
from keys.note import VKey
from ledger.errors import VerificationError
from ledger.log import proof, record
from ledger.log.checkpoint import open_checkpoint
from ledger.log.merkle import Frontier
from ledger.log.recovery import Recovery

MOST_CHECKPOINTS: Final = 64
"""Lost checkpoints that an act names; the longest one explains those before it (formats.md §7)."""
MOST_ACTS: Final = 256
"""Lost records that an act names: with more its payload would pass 64 KiB."""


class Survivors:
    """The records that are left.

    Args:
        entries: Every entry, in index order.
        sizes: Sizes whose roots will be asked for.
    """

    def __init__(self, entries: Iterable[bytes], sizes: Iterable[int]) -> None:
        tree, wanted = Frontier(), set(sizes)
        self._entries: list[bytes] = []
        self.roots: dict[int, bytes] = {0: tree.root()}
        for entry in entries:
            self._entries.append(entry)
            tree.append(record.leaf(entry))
            if tree.size in wanted:
                self.roots[tree.size] = tree.root()
        self.root = tree.root()
        self.size = tree.size
        self.roots[self.size] = self.root

    def entry(self, index: int) -> bytes | None:
        """Entry of a record that is left."""
        return self._entries[index] if index < self.size else None


@dataclass(slots=True)
class Loss:
    """What is known to be lost.

    Attributes:
        left: What survived.
        checkpoints: Lost ones by size and root, each as the log signed it.
        signed_s: When the longest of them was signed, in seconds, as its second signature says.
        acts: Entries of lost records by index.
        claimed: Indices in receipts that carry no proof: nothing shows them.
        doubled: Sizes for which one key has signed two trees: it forked before this.
        forked: What contradicts the survivors instead of going beyond them: a checkpoint by its
            size, a record by its index.
        recoveries: Those that the log which is left says itself, oldest first.
        told: Sizes of checkpoints that one of them says are lost: no loss of today's.
    """

    left: Survivors
    checkpoints: dict[tuple[int, bytes], LostCheckpoint] = field(default_factory=dict)
    signed_s: int | None = None
    acts: dict[int, bytes] = field(default_factory=dict)
    claimed: list[int] = field(default_factory=list)
    doubled: set[int] = field(default_factory=set)
    forked: list[tuple[Literal["checkpoint", "record"], int]] = field(default_factory=list)
    recoveries: Sequence[Recovery] = ()
    told: set[int] = field(default_factory=set)

    @property
    def any(self) -> bool:
        """Whether anything is known to be lost."""
        return bool(self.checkpoints or self.acts or self.forked)

    @property
    def longest(self) -> int:
        """Records there were, as far as is known."""
        return max([self.left.size, *(size for size, _ in self.checkpoints)])

    def facts(self) -> dict[str, Any]:
        """What `LogRecovered` says of it."""
        named = sorted(self.checkpoints)[-MOST_CHECKPOINTS:]
        facts: dict[str, Any] = {
            "size": self.left.size,
            "root": canonical.b64(self.left.root),
            "lost": [self.checkpoints[place].fact() for place in named],
        }
        if self.acts:
            facts["lost_acts"] = [
                {"index": index, "entry": canonical.b64(entry)}
                for index, entry in sorted(self.acts.items())[:MOST_ACTS]
            ]
        return facts


def sizes_of(notes: Iterable[bytes], receipts: Iterable[Mapping[str, Any]]) -> set[int]:
    """Sizes that notes and receipts claim, before anything is verified."""
    carried = [str(one["proof"].get("checkpoint", "")).encode() for one in receipts if _proof(one)]
    sizes = set()
    for data in [*notes, *carried]:
        try:
            sizes.add(int(note.parse_note(data).text.split("\n")[1]))
        except (KeysError, IndexError, ValueError):
            continue  # it is refused when it is opened
    return sizes


def take_note(loss: Loss, origin: str, vkeys: Sequence[VKey], held: bytes) -> Recovery | None:
    """Holds a checkpoint kept elsewhere against what is left.

    Returns:
        The recovery that says already that it is lost, with what it covers behind what was left.

    Raises:
        VerificationError: The log did not sign it: it shows nothing.
    """
    opened = open_checkpoint(held, vkeys, origin=origin)
    found, by = opened.checkpoint, {str(good.vkey) for good in opened.verified}
    ends = next((one for one in loss.recoveries if by & set(one.old_vkeys)), None)
    if ends is not None and found.size > ends.size and ends.explains(found):
        loss.told.add(found.size)
        return ends
    if found.size <= loss.left.size:
        if loss.left.roots.get(found.size) != found.root:
            loss.forked.append(("checkpoint", found.size))
        return None
    signed = [good.time_s for good in opened.verified if good.time_s is not None]
    if found.size >= loss.longest and signed:
        loss.signed_s = max(signed)
    lost = LostCheckpoint.from_note(origin, found.size, found.root, note.parse_note(opened.note))
    for other in loss.checkpoints.values():
        if (other.size, other.key_id) == (lost.size, lost.key_id) and other.root != lost.root:
            loss.doubled.add(lost.size)
    loss.checkpoints[lost.size, lost.root] = lost
    return None


def take_receipt(
    loss: Loss, origin: str, vkeys: Sequence[VKey], receipt: Mapping[str, Any]
) -> None:
    """Holds a receipt against what is left, and the checkpoint that its proof carries.

    Raises:
        VerificationError: It is none of this log, or its proof does not hold: it shows nothing.
    """
    try:
        index, entry = int(receipt["index"]), canonical.unb64(str(receipt["entry"]))
        of_log = receipt["log"] == origin
    except (KeyError, TypeError, ValueError, KeysError) as error:
        raise VerificationError("receipt", "this is no receipt (formats.md §8)") from error
    if not of_log:
        raise VerificationError("receipt", f"the receipt is of {receipt['log']}")
    if not _proof(receipt):
        if loss.left.entry(index) != entry:
            loss.claimed.append(index)
        return
    given = proof.inclusion_from_json(receipt["proof"])
    if given.index != index:
        raise VerificationError("receipt", "the proof is for another index than the receipt")
    proof.verify_inclusion(given, entry, vkeys, origin=origin)
    told = take_note(loss, origin, vkeys, given.checkpoint.encode())
    if told is None or index < told.size:
        _take_entry(loss, index, entry)


def _take_entry(loss: Loss, index: int, entry: bytes) -> None:
    survivor = loss.left.entry(index)
    if survivor is None:
        loss.acts[index] = entry
    elif survivor != entry:
        loss.forked.append(("record", index))


def _proof(receipt: Mapping[str, Any]) -> bool:
    return isinstance(receipt.get("proof"), Mapping)
