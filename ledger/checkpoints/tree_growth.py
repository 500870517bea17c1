"""The tree that entries grow out of a signed one: its new tiles and its root.

The checkpointer signs it. Whoever asks whether a log holds what was signed and never stored makes
it again by the same sums. Not: who signs, and what is stored.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger.checkpoints.seen_checkpoint import forked, shorter
from ledger.errors import Doubt, NotFound
from ledger.log import record, tiles
from ledger.log.checkpoint import Checkpoint
from ledger.log.tiles import Overlay, Tile, TileReader
from ledger.message import Message
from ledger.ports import RecordStore


def grown(
    entries: Sequence[bytes], old: int, edge: TileReader, size: int, origin: str
) -> tuple[list[Tile], Checkpoint]:
    """The tree of the first `size` records.

    Args:
        entries: Of the records from `old` on, as far as they are there.
        old: Size of the tree that is stored.
        edge: Tiles of its right edge.
        size: Size of the new tree, larger than `old`.
        origin: Origin of the log.

    Returns:
        The tiles to store with it, and what there is to sign.

    Raises:
        Doubt: `shorter`: entries or tiles are missing.
    """
    if len(entries) != size - old:
        raise Doubt(
            "shorter",
            Message("records {old} to {size} have a gap", old=old, size=size),
        )
    leaves = [record.leaf(entry) for entry in entries]
    try:
        fresh = tiles.new_tiles(old, leaves, edge)
        root = tiles.root_from_tiles(size, Overlay(fresh, edge))
    except NotFound as error:
        raise Doubt(
            "shorter",
            Message("the tree is incomplete: {error}", error=error),
        ) from error
    return fresh, Checkpoint(origin, size, root)


def late(seen: Checkpoint, records: RecordStore, old: int, edge: TileReader) -> list[Tile]:
    """The tiles of a checkpoint that was signed and not stored: a crash or a stop came between.

    Args:
        seen: What was signed, verified.
        records: Gives the entries.
        old: Size of the tree that is stored.
        edge: Tiles of its right edge.

    Raises:
        Doubt: `shorter` or `forked`: the log does not hold it.
    """
    there = records.head().size
    if there < seen.size:
        raise shorter(seen.size, there)
    fresh, new = grown(records.entries(old, seen.size), old, edge, seen.size, seen.origin)
    if new != seen:
        raise forked(seen.size)
    return fresh
