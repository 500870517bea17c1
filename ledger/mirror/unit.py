"""Of which document of a case a mirrored record is, and as what a grant above names an act (F13).

Cases of a mirror are not folded, so it is asked of the acts that a record speaks of. What cannot
be read, and what speaks of that, is of a document of its own: whoever takes part in the case is
shown too little rather than what names others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from ledger.ports import StoredRecord
from ledger.regulation.acts.act import Act
from ledger.regulation.edition import Edition
from ledger.regulation.participation.units import unit_of
from ledger.streams.names import stream_id
from ledger.streams.record_reader import NONSENSE


def unit_below(
    act: Act | None,
    act_id: UUID,
    case: UUID,
    rows: Callable[[UUID], Sequence[StoredRecord]],
    edition: Edition,
) -> UUID:
    """The unit of a record of a case, in a log above ordinary.

    Args:
        act: What it says; None where that cannot be read.
        act_id: Of its act.
        case: The case's own unit.
        rows: The records of an act that were taken in before.
        edition: Of the rules below, as the record found them.
    """

    def known(one: str) -> str | None:
        found = rows(UUID(one))
        return None if not found or found[0].unit == case else str(found[0].unit)

    if signed := rows(act_id):
        return signed[0].unit
    if act is None:
        return act_id
    try:
        named = unit_of(act, known, edition)
        return case if named is None else UUID(named)
    except NONSENSE:  # a type that this program does not know, or facts that no door let in
        return act_id


def ref_of(origin: str, act_id: UUID | str) -> UUID:
    """As which the audience above names an act of a lower log: no act has such an id itself.

    Args:
        origin: Of the lower log.
        act_id: The act there.
    """
    return stream_id(origin, f"act/{act_id}")
