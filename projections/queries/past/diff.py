"""What changed in a case and by which acts: between two moments, or one field since it began."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ledger.log.moment import stamp
from projections.queries import limits
from projections.queries.past.case_at import CaseAt, walk
from projections.queries.past.json_pointers import differing, flatten, resolve
from projections.queries.signature_verdicts import signer_of
from projections.views.acts import ActRow

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


def difference(earlier: CaseAt, later: CaseAt) -> list[Change]:
    """Every field that differs, with the acts that touched it."""
    old, new = earlier.file(), later.file()
    found = {p: seen for p, seen in differing(old, new).items() if not p.startswith(_NOT_COMPARED)}
    touched = _touches(later, {r.index for r in earlier.rows}, found.keys())
    return [
        Change(p, *found[p], tuple(touched.get(p, ())))
        for p in dict.fromkeys([*flatten(old), *flatten(new)])
        if p in found
    ]


def of_field(folded: CaseAt, pointer: str) -> list[Change]:
    """Every change of one field, oldest first; without an act where only time made it."""
    found: list[Change] = []
    value: Any = None

    def note(seen: Any, acts: tuple[Mapping[str, Any], ...]) -> None:  # noqa: ANN401 - JSON
        nonlocal value
        if seen != value:
            found.append(Change(pointer, value, seen, acts))
            value = seen

    told = _Told(folded)
    for n, (row, before, after) in enumerate(_around(folded)):
        if n:  # before its first statement there was no case
            note(resolve(before, pointer), ())
        note(resolve(after, pointer), (told.line(row),))
    note(resolve(folded.file(), pointer), ())
    return found


def of_act(folded: CaseAt, act_id: str) -> list[Change]:
    """What the statements of one act changed in a case, from the first to the last of them."""
    walked = sum(row.act_id == act_id for row in folded.rows)
    limits.within(walked, limits.RENDERED)
    told = _Told(folded)
    old: dict[str, Any] = {}
    new: dict[str, Any] = {}
    lines: dict[str, list[Mapping[str, Any]]] = {}
    before: Mapping[str, Any] = {}
    for state, row, done in walk(folded):
        if row.act_id != act_id:
            continue
        if not done:
            before = state.file()
            continue
        after = state.file()
        for pointer, (was, is_) in differing(before, after).items():
            if not pointer.startswith(_NOT_COMPARED):
                old.setdefault(pointer, was)
                new[pointer] = is_
                lines.setdefault(pointer, []).append(told.line(row))
    return [
        Change(pointer, old[pointer], new[pointer], tuple(lines[pointer]))
        for pointer in sorted(new)
        if old[pointer] != new[pointer]
    ]


def of_acts(folded: CaseAt) -> dict[str, list[Change]]:
    """What each act changed in a case, from its first statement to its last, in one walk.

    What time made of the file between two statements is no act's doing.
    """
    told = _Told(folded)
    found: dict[str, _Changed] = {}
    for row, before, after in _walked(folded):
        of_it = found.setdefault(row.act_id, {})
        for pointer, (was, is_) in differing(before, after).items():
            if not pointer.startswith(_NOT_COMPARED):
                old = of_it[pointer][0] if pointer in of_it else was
                lines = of_it[pointer][2] if pointer in of_it else ()
                of_it[pointer] = (old, is_, (*lines, told.line(row)))
    return {
        act_id: [
            Change(pointer, old, new, lines)
            for pointer, (old, new, lines) in sorted(of_it.items())
            if old != new
        ]
        for act_id, of_it in found.items()
    }


_Changed = dict[str, tuple[Any, Any, tuple[Mapping[str, Any], ...]]]


def _touches(
    later: CaseAt, known: AbstractSet[int], pointers: AbstractSet[str]
) -> dict[str, list[Mapping[str, Any]]]:
    """For each pointer the acts behind the earlier moment that changed its value.

    What time made of the file between two statements is no act's doing.
    """
    touched: dict[str, list[Mapping[str, Any]]] = {}
    told = _Told(later)
    for row, before, after in _around(later, known):
        if found := differing(before, after).keys() & pointers:
            line = told.line(row)
            for pointer in found:
                touched.setdefault(pointer, []).append(line)
    return touched


def _around(
    folded: CaseAt, skipped: AbstractSet[int] = frozenset()
) -> Iterator[tuple[ActRow, Mapping[str, Any], Mapping[str, Any]]]:
    """The file just before each statement and right after it, from when that was recorded.

    It is rendered before a statement only where time has changed it since the one before.

    Raises:
        TooMuch: Files of so many statements in all would be rendered.
    """
    walked = (n for n, row in enumerate(folded.rows, 1) if row.index not in skipped)
    limits.within(sum(walked), limits.RENDERED)
    yield from _walked(folded, skipped)


def _walked(
    folded: CaseAt, skipped: AbstractSet[int] = frozenset()
) -> Iterator[tuple[ActRow, Mapping[str, Any], Mapping[str, Any]]]:
    file: Mapping[str, Any] | None = None
    until: datetime | None = None
    for state, row, done in walk(folded):
        if row.index in skipped:
            continue
        if done:
            before, (file, until) = file or {}, state.file_until()
            yield row, before, file
        elif file is None or state.reports.known or (until and until <= row.recorded_at):
            file, until = state.file_until()


class _Told:
    """How the statement that changed something is told, and who had signed its act by then.

    Each is told once, of however many fields.
    """

    def __init__(self, folded: CaseAt) -> None:
        self._registry = folded.registry
        self._signed: dict[str, list[ActRow]] = {}
        self._lines: dict[int, Mapping[str, Any]] = {}
        for row in folded.rows:
            self._signed.setdefault(row.act_id, []).append(row)

    def line(self, row: ActRow) -> Mapping[str, Any]:
        """Of one statement."""
        found = self._lines.get(row.index)
        if found is None:
            found = self._lines[row.index] = self._line(row)
        return found

    def _line(self, row: ActRow) -> Mapping[str, Any]:
        signed = [one for one in self._signed[row.act_id] if one.index <= row.index]
        return {
            "act_id": row.act_id,
            "act": row.act,
            "index": row.index,
            "seq": row.seq,
            "role": row.role,
            "officer": row.officer,
            "signer": signer_of(row, self._registry),
            "signers": [line for one in signed if (line := self._signer(one)) is not None],
            "agency": row.agency,
            "status": row.status,
            "late": row.late,
            "occurred_at": row.members.get("occurred_at"),
            "recorded_at": stamp(row.recorded_at),
        }

    def _signer(self, row: ActRow) -> dict[str, Any] | None:
        signer = signer_of(row, self._registry)
        return None if signer is None else {"index": row.index, "role": row.role, **signer}
