"""What changed in a case and by which acts: between two moments, or one field since it began."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ledger.log.moment import stamp
from ledger.regulation.act import fmt_time
from ledger.regulation.deadline import VIETNAM
from ledger.regulation.registry import Registry
from projections.folded import Folded, walk
from projections.pointers import flat, pointed
from projections.timeline import ActRow
from projections.verdicts import signer_of

#: Members that differ at every moment and say nothing about the case, and those that others repeat.
_NOT_COMPARED: Final = ("/head", "/statements", "/acts", "/open_sub_processes/")


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs between two moments.

    Attributes:
        pointer: JSON Pointer into the case file; members of lists by their own id.
        old: Value before, None where it was not there.
        new: Value after, None where it is gone.
        acts: The acts between that touched it; empty where only time did.
    """

    pointer: str
    old: Any
    new: Any
    acts: tuple[Mapping[str, Any], ...]


def difference(earlier: Folded, later: Folded) -> list[Change]:
    """Every field that differs, with the acts that touched it."""
    old, new = flat(earlier.file()), flat(later.file())
    pointers = [
        p
        for p in dict.fromkeys([*old, *new])
        if old.get(p) != new.get(p) and not p.startswith(_NOT_COMPARED)
    ]
    touched = _touches(later, from_seq={r.index for r in earlier.rows}, pointers=set(pointers))
    return [Change(p, old.get(p), new.get(p), tuple(touched.get(p, ()))) for p in pointers]


def of_field(folded: Folded, pointer: str) -> list[Change]:
    """Every change of one field, oldest first; without an act where only time made it."""
    found: list[Change] = []
    value: Any = None
    for state, row, done in walk(folded):
        if not state.rows:
            continue  # before its first statement there was no case
        seen = pointed(state.file(), pointer)
        if seen != value:
            acts = (_act_line(row, folded.registry),) if done else ()
            found.append(Change(pointer, value, seen, acts))
            value = seen
    last = pointed(folded.file(), pointer)
    if last != value:
        found.append(Change(pointer, value, last, ()))
    return found


def _touches(
    later: Folded, *, from_seq: set[int], pointers: set[str]
) -> dict[str, list[Mapping[str, Any]]]:
    """For each pointer the acts behind the earlier moment that changed its value.

    What time made of the file between two statements is no act's doing.
    """
    touched: dict[str, list[Mapping[str, Any]]] = {}
    last: Mapping[str, Any] = {}
    for state, row, done in walk(later):
        if row.index in from_seq:
            continue
        seen = flat(state.file())
        if done:
            line = _act_line(row, later.registry)
            for pointer in pointers:
                if seen.get(pointer) != last.get(pointer):
                    touched.setdefault(pointer, []).append(line)
        last = seen
    return touched


def _act_line(row: ActRow, registry: Registry) -> dict[str, Any]:
    return {
        "act_id": row.act_id,
        "act": row.act,
        "index": row.index,
        "seq": row.seq,
        "role": row.role,
        "officer": row.officer,
        "signer": signer_of(row, registry),
        "agency": row.agency,
        "status": row.status,
        "late": row.late,
        "occurred_at": None if row.occurred_at is None else _in_vietnam(row.occurred_at),
        "recorded_at": stamp(row.recorded_at),
    }


def _in_vietnam(at: datetime) -> str:
    return fmt_time(at.astimezone(VIETNAM).replace(microsecond=0))
