"""What stands beside the records, held to the log: head, streams, wraps, cosignatures, enclave.

None of it is in the tree, and each part of it can mislead somebody: a head without a time takes
records of any time, a real enclave that calls itself a rehearsal lets its senders set it, a key of
an erased record opens it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ledger.audit.findings import Damage, Finding
from ledger.audit.tree import NOTHING_PRUNED, PrunedTree


class Misfit(NamedTuple):
    """A row that breaks rules of the shipped schema, and so was put there past them.

    Attributes:
        table: Its table.
        at: Its leaf index, where the table has one.
        broken: The rules.
    """

    table: str
    at: int | None
    broken: tuple[str, ...]


class Beside(NamedTuple):
    """What stands beside the records.

    Attributes:
        heads: Rows of the head.
        rehearsal: What the enclave says it is; None where it says nothing.
        unused: Names of streams that are kept twice, or without a record.
        strays: Indices of wraps without a record.
        cosigned: Witness and size of each cosignature.
        misfits: Rows that the schema would have refused.
        pruned: How far the tree was pruned; None where nothing says so.
    """

    heads: int
    rehearsal: bool | None
    unused: tuple[str, ...] = ()
    strays: tuple[int, ...] = ()
    cosigned: tuple[tuple[str, int], ...] = ()
    misfits: tuple[Misfit, ...] = ()
    pruned: PrunedTree | None = NOTHING_PRUNED


class Reckoning(NamedTuple):
    """What a keeper said when it held opens against rows (access.md U4).

    Attributes:
        upto: Behind the last row that was looked at.
        opened: Wraps that were opened.
        lapsed: Wraps that were noted, and opened by nobody.
        differed: An operator went on behind a difference; then nothing was counted.
    """

    upto: int
    opened: int
    lapsed: int
    differed: bool


def judge(beside: Beside, records: int, *, rehearsal: bool) -> Iterator[Finding]:
    """What is wrong with it.

    Args:
        beside: As stored.
        records: How many records were read: what touches none of them is named at the last.
        rehearsal: Whether the log's origin is that of a rehearsal.
    """
    last = max(records - 1, 0)
    if not beside.heads:
        yield Finding(last, Damage.HEAD_WRONG, "the row of the head is gone")
    if beside.rehearsal is None:
        yield Finding(0, Damage.ENCLAVE_WRONG, "nothing says whether this is a rehearsal")
    elif beside.rehearsal and not rehearsal:
        message = "the database calls a real enclave a rehearsal, whose senders set the time"
        yield Finding(0, Damage.ENCLAVE_WRONG, message)
    for name in beside.unused:
        yield Finding(last, Damage.STREAM_UNUSED, f"{name} is kept twice or has no record")
    for index in beside.strays:
        message = f"a wrapped key is kept for index {index}, where no record is"
        yield Finding(max(index, 0), Damage.WRAP_STRAY, message)
    for witness, size in beside.cosigned:
        message = f"a cosignature of size {size} by {witness}, which is no witness of this log"
        yield Finding(max(size - 1, 0), Damage.COSIGNATURE_UNKNOWN, message)
    for table, at, broken in beside.misfits:
        message = f"{table} has a row that its own rules refuse: {', '.join(broken)}"
        yield Finding(last if at is None else max(at, 0), Damage.ROW_MALFORMED, message)
