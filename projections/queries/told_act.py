"""One act with all that a reader asks of it: in words, what it changed, what it has to do with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ledger.message import Text
from ledger.regulation import act_in_words
from ledger.regulation.act_in_words import FactInWords, GroundInWords, Reference
from ledger.regulation.acts.act import Act
from ledger.regulation.acts.catalogue import ActType, load
from ledger.regulation.registry.registry import Registry
from projections.queries.diff import Change
from projections.queries.signature_verdicts import StatementVerdict
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
class ToldAct:
    """One act.

    Attributes:
        statements: Its statements with their verdicts.
        registry: The registry now; it is asked for the day of the act.
        rows: The statements of its case that are shown to the reader, in order.
        changes: What it changed in the file of its case.
        whole: Whether the reader sees the whole case, and so what it changed.
    """

    statements: Sequence[StatementVerdict]
    registry: Registry
    rows: Sequence[ActRow] = ()
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

    @property
    def facts(self) -> list[FactInWords]:
        """Its facts."""
        return [] if self.act is None else act_in_words.facts(self.act, self.kind, self.registry)

    @property
    def names(self) -> list[Relation]:
        """Acts that it names."""
        if self.act is None:
            return []
        found = act_in_words.references(self.act, self.kind)
        return [Relation(one.pointer, one.act_id, self._first(one.act_id)) for one in found]

    @property
    def named_by(self) -> list[Relation]:
        """Acts of its case that name it, a line for each place in which one does."""
        own = self.statements[0].row.act_id
        return [
            Relation(one.pointer, row.act_id, row)
            for row in self._authored()
            for one in _references(row)
            if one.act_id == own
        ]

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
        authored = self._authored()
        own = self.statements[0].row.act_id
        place = next((n for n, row in enumerate(authored) if row.act_id == own), None)
        if place is None or not 0 <= place + step < len(authored):
            return None
        return authored[place + step]

    def _first(self, act_id: str) -> ActRow | None:
        return next((row for row in self.rows if row.act_id == act_id), None)

    def _authored(self) -> list[ActRow]:
        """The first statement of each act, in order."""
        return list({row.act_id: row for row in reversed(self.rows)}.values())[::-1]


def _references(row: ActRow) -> list[Reference]:
    act = act_of(row)
    return [] if act is None else act_in_words.references(act, load().types.get(act.act))
