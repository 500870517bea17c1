"""Which document or annex an act is of: its unit, which is granted by name (access.md §1).

Above ordinary a case has annexes that are shown to whom they name, and to nobody for taking part in
the case. An act is of the unit that it names, else of that of an act it speaks of; every other one
is of the case's own, as all are in ordinary. It follows from the stream alone, so that whoever
judges a record says what its column must be.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from typing import Final

from ledger.regulation.acts.act import ORDINARY, Act
from ledger.regulation.case.state import StreamState, apply
from ledger.regulation.edition import Edition
from ledger.regulation.participation.selectors import references

_NAMED: Final = "unit"
_NAMED_ACTS: Final = "records"


def next_unit(act: Act, fold: StreamState, level: str, edition: Edition) -> str | None:
    """The unit of an act of a case that is to be taken, or to be signed once more.

    Args:
        act: The act.
        fold: The case as it stands.
        level: Of the log.
        edition: Of the rules by which a new act is judged.
    """
    if level == ORDINARY or fold.kind != "case":
        return None
    known = units(fold, level)
    if act.act_id in fold.entries:
        return known.get(act.act_id)
    return unit_of(act, known.get, edition)


def units(fold: StreamState, level: str) -> dict[str, str]:
    """The unit of each act of a case that is of one with a name, by act."""
    found: dict[str, str] = {}
    if level == ORDINARY:
        return found
    for entry in fold.entries.values():
        unit = unit_of(entry.act, found.get, entry.edition)
        if unit is not None:
            found[entry.act.act_id] = unit
    return found


def own_part(fold: StreamState, level: str) -> StreamState:
    """A case as it stands to whoever takes part in the whole of it: without what is of a unit.

    What is told of the whole case is made of this. A deadline, a state or a count that an annex
    has a hand in would tell those of it to whom it is not named. Positions stay (D1).
    """
    return _part_of(fold, units(fold, level), ())


def part_asked(act: Act, fold: StreamState, level: str, edition: Edition) -> StreamState:
    """A case as it stands to whoever writes an act: with no document but those it speaks of.

    What a rule says of another document would be told, by a refusal or a flag, to those of whom the
    act is and to whom that document is not named.

    Args:
        act: The act, which may wait in the case already.
        fold: The case before it.
        level: Of the log.
        edition: Of the rules by which the act is judged.
    """
    named = units(fold, level)
    if not named:
        return fold
    spoken_of = {act.act_id, *_spoken_of(act, edition)}
    mine = {named[one] for one in spoken_of if one in named}
    return _part_of(fold, named, mine | {act.facts.get(_NAMED)})


def _part_of(
    fold: StreamState, named: Mapping[str, str], documents: Container[object]
) -> StreamState:
    """A case with what is of no document with a name, or of one of these; itself where that is all.

    Args:
        fold: The case.
        named: The unit of each of its acts that is of one with a name.
        documents: Units.
    """
    left_out = {act_id for act_id, unit in named.items() if unit not in documents}
    if not left_out:
        return fold
    own = StreamState(fold.name)
    entries = (entry for act_id, entry in fold.entries.items() if act_id not in left_out)
    for signed in sorted((one for e in entries for one in e.signed), key=lambda one: one.seq):
        own.seq = signed.seq - 1
        apply(own, signed)
    own.seq, own.head, own.aside = fold.seq, fold.head, fold.aside
    return own


def acts_of_unit(unit: str | None, fold: StreamState, level: str) -> frozenset[str]:
    """The acts of a case that are of a unit; none of no unit."""
    return frozenset(act for act, one in units(fold, level).items() if one == unit)


def unit_of(act: Act, known: Callable[[str], str | None], edition: Edition) -> str | None:
    """What an act names, else what the first of the acts it speaks of is of.

    Args:
        act: The act.
        known: The unit of an act that stands before it, by id; None where it has no name.
        edition: Of the rules by which the act is judged.
    """
    stated = act.facts.get(_NAMED)
    if isinstance(stated, str):
        return stated
    units_spoken_of = (known(one) for one in _spoken_of(act, edition))
    return next((unit for unit in units_spoken_of if unit is not None), None)


def _spoken_of(act: Act, edition: Edition) -> Iterator[str]:
    yield from (one for one in (act.refers_to, act.corrects) if one is not None)
    yield from references(act, edition)
    # a permit names whose files leave as plain ids
    yield from (one for one in act.facts.get(_NAMED_ACTS, ()) if isinstance(one, str))
