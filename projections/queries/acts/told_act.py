"""One act with all that a reader asks of it: in words, what it changed, what it has to do with.

And a case with all of its acts so, for what is read without a server: a print.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ledger.message import Text
from ledger.regulation import act_in_words
from ledger.regulation.act_in_words import FactInWords, GroundInWords, Reference
from ledger.regulation.acts.act import Act
from ledger.regulation.acts.catalogue import ActType, load
from ledger.regulation.case_file.durations import durations
from ledger.regulation.registry.registry import Registry
from projections.queries.past import diff
from projections.queries.past.case_at import CaseAt
from projections.queries.past.diff import Change
from projections.queries.signature_verdicts import StatementVerdict, Verification
from projections.queries.visibility import PartSeen
from projections.views.acts import ActRow, act_of


@dataclass(frozen=True, slots=True)
class Relation:
    """That one act names another.

    Attributes:
        pointer: Where, as a JSON Pointer into the act that names.
        act_id: The other act.
        row: The first statement of the other act; None where it is not in what is shown.
    """

    pointer: str
    act_id: str
    row: ActRow | None


@dataclass(frozen=True)
class ShownRows:
    """The statements of a case that are shown to a reader, as its acts name each other.

    Attributes:
        rows: In order.
    """

    rows: Sequence[ActRow] = ()

    @cached_property
    def authored(self) -> list[ActRow]:
        """The first statement of each act, in order."""
        return list(self.first.values())

    @cached_property
    def first(self) -> dict[str, ActRow]:
        """The same by act."""
        found: dict[str, ActRow] = {}
        for row in self.rows:
            found.setdefault(row.act_id, row)
        return found

    @cached_property
    def place(self) -> dict[str, int]:
        """Which act in the order of their authors an act is."""
        return {row.act_id: n for n, row in enumerate(self.authored)}

    @cached_property
    def naming(self) -> dict[str, list[Relation]]:
        """By act which others name it, a line for each place in which one does."""
        found: dict[str, list[Relation]] = {}
        for row in self.authored:
            for one in _references(row):
                found.setdefault(one.act_id, []).append(Relation(one.pointer, row.act_id, row))
        return found


@dataclass(frozen=True)
class ToldAct:
    """One act.

    Attributes:
        index: Of the log that it is of.
        statements: Its statements with their verdicts.
        registry: The registry now; it is asked for the day of the act.
        rows: The statements of its case that are shown to the reader.
        changes: What it changed in the file of its case.
        whole: Whether the reader sees the whole case, and so what it changed.
    """

    index: int
    statements: Sequence[StatementVerdict]
    registry: Registry
    rows: ShownRows = ShownRows()
    changes: Sequence[Change] = ()
    whole: bool = False

    @cached_property
    def act(self) -> Act | None:
        """As signed, in the form in force; None where its content is erased."""
        return next((act for one in self.statements if (act := act_of(one.row)) is not None), None)

    @property
    def kind(self) -> ActType | None:
        """Its type, by the newest edition that is shipped; None where that has none such."""
        return None if self.act is None else load().types.get(self.act.act)

    @property
    def sentence(self) -> Text | None:
        """Who did what; None where it is erased."""
        if self.act is None:
            return None
        return act_in_words.sentence(self.act, self.kind, self.registry)

    @property
    def grounds(self) -> list[GroundInWords]:
        """Its legal grounds."""
        return [] if self.act is None else act_in_words.grounds(self.act, self.registry)

    @cached_property
    def facts(self) -> list[FactInWords]:
        """Its facts."""
        return [] if self.act is None else act_in_words.facts(self.act, self.kind, self.registry)

    @cached_property
    def names(self) -> list[Relation]:
        """Acts that it names."""
        if self.act is None:
            return []
        found = act_in_words.references(self.act, self.kind)
        first = self.rows.first
        return [Relation(one.pointer, one.act_id, first.get(one.act_id)) for one in found]

    @property
    def named_by(self) -> list[Relation]:
        """Acts of its case that name it, a line for each place in which one does."""
        return self.rows.naming.get(self.statements[0].row.act_id, [])

    @property
    def related(self) -> list[ActRow]:
        """Rows of other acts that are told of with it."""
        named = [one.row for one in (*self.names, *self.named_by)]
        return [row for row in (*named, self.before, self.after) if row is not None]

    @property
    def before(self) -> ActRow | None:
        """The act of its case that was signed before it, of those that are shown."""
        return self._beside(-1)

    @property
    def after(self) -> ActRow | None:
        """The one that was signed next."""
        return self._beside(1)

    def _beside(self, step: int) -> ActRow | None:
        authored = self.rows.authored
        place = self.rows.place.get(self.statements[0].row.act_id)
        if place is None or not 0 <= place + step < len(authored):
            return None
        return authored[place + step]


def _references(row: ActRow) -> list[Reference]:
    act = act_of(row)
    return [] if act is None else act_in_words.references(act, load().types.get(act.act))


@dataclass(frozen=True, slots=True)
class CaseInFull:
    """A case, looked at from its last statement, so that it reads the same whenever it is asked.

    Attributes:
        index: Of the log that it is of.
        acts: Each with all that is told of it, in the order of their authors.
        file: The case file; None where acts of it alone are shown.
        durations: How long each step took; likewise.
        verification: Every statement judged, by the rules too; likewise.
        part: How little of it is shown; None: all.
    """

    index: int
    acts: Sequence[ToldAct]
    file: dict[str, Any] | None
    durations: dict[str, Any] | None
    verification: Verification | None
    part: PartSeen | None


def in_full(
    index: int,
    statements: Sequence[StatementVerdict],
    registry: Registry,
    folded: CaseAt | None,
    verification: Verification | None,
    part: PartSeen | None,
) -> CaseInFull:
    """The case of these statements.

    Args:
        index: Of the log that it is of.
        statements: Those that are shown, in order.
        registry: The registry now; it is asked for the day of each act.
        folded: The case as of its last statement; None where acts of it alone are shown.
        verification: Likewise.
        part: How little is shown.
    """
    shown = ShownRows([one.row for one in statements])
    by_act: dict[str, list[StatementVerdict]] = {}
    for one in statements:
        by_act.setdefault(one.row.act_id, []).append(one)
    changed = {} if folded is None else diff.of_acts(folded)
    acts = [
        ToldAct(index, of_it, registry, shown, changed.get(act_id, ()), whole=folded is not None)
        for act_id, of_it in by_act.items()
    ]
    if folded is None:
        return CaseInFull(index, acts, None, None, None, part)
    taken = durations(folded.stream, folded.registry, folded.at, folded.reports)
    return CaseInFull(index, acts, folded.file(), taken, verification, part)
