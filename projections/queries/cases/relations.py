"""What a case has to do with others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ledger.regulation.acts.act import Act
from ledger.regulation.case_file.relations import NAMING, custody, named_in, referrals
from ledger.regulation.registry.calendar import local_day
from projections.queries.past.as_of import Past
from projections.queries.sources import Sources
from projections.queries.visibility import Visibility
from projections.views import act_list, case_names
from projections.views.case_names import Called

MOST_RELATED: Final = 200
"""Acts of other cases that are looked through for those that name one."""


@dataclass(frozen=True, slots=True)
class Related:
    """Another case that one has to do with.

    Attributes:
        kind: MERGED or DUPLICATE.
        stream: The other case.
        called: What it is called.
        act: The act that says so.
        by_it: Whether that is an act of the other one.
    """

    kind: str
    stream: str
    called: Called
    act: Act
    by_it: bool


@dataclass(frozen=True, slots=True)
class Relations:
    """What a case has to do with others.

    Attributes:
        index: Newest record in it.
        cases: Of those that the asker sees whole.
        more: Whether more acts name it than were looked through.
        referrals: The way of each.
        custody: By which acts the case itself was handed over.
    """

    index: int
    cases: list[Related]
    more: bool
    referrals: list[dict[str, Any]]
    custody: list[dict[str, Any]]


class RelatedCases:
    """Other cases that one has to do with."""

    def __init__(self, over: Sources, visibility: Visibility, past: Past) -> None:
        self._over, self._visibility, self._past = over, visibility, past

    def to(self, stream: str, now: datetime) -> Relations:
        """What a case has to do with others that the asker sees whole, and its referrals.

        Raises:
            NotFound: There is no such case.
        """
        folded = self._past.folded(stream, now, now, "recorded", "CASE_FILE")
        case, today = folded.stream, local_day(now)
        own = [(entry.act, one) for entry in case.effective(*NAMING) for one in named_in(entry.act)]
        registered = case.last("CaseRegistered")
        number = None if registered is None else registered.register_number
        with self._over.connecting() as connection:
            called = [stream, *([number] if number else ())]
            found = act_list.naming_case(connection, stream, NAMING, called, MOST_RELATED + 1)
            more, found = len(found) > MOST_RELATED, found[:MOST_RELATED]
            others = case_names.called(connection, {one.case for _, one in own})
            others |= case_names.numbered(connection, {one.case for _, one in own})
            others |= case_names.called(connection, {act.stream for _, act in found})
            related = [
                Related(one.kind, other, called_, act, by_it=False)
                for act, one in own
                for other, called_ in others.items()
                if other != stream and one.case in (other, called_.case_number)
            ] + [
                Related(one.kind, act.stream, others[act.stream], act, by_it=True)
                for _, act in found
                if act.stream in others
                for one in named_in(act)
                if one.case in called
            ]
            self._visibility.shows_cases("LIST", {one.stream for one in related})
        return Relations(
            folded.index,
            related,
            more,
            referrals(case, folded.registry, today),
            custody(case, folded.registry, today),
        )
