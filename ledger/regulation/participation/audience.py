"""What a case gives to whom, as rows: `participation.py` without a day and without the officers.

Until when a row runs follows from the log alone, and so does every other word of it; who acts as a
principal on a day is told by `members.py`. A day that begins or ends changes no row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from ledger.regulation.acts.act import ORDINARY
from ledger.regulation.acts.participation_rules import NAMED, Gift
from ledger.regulation.case.exclusions import exclusions
from ledger.regulation.case.reviews import took_part
from ledger.regulation.case.stand_ins import home_of, is_for, named_in, waiting_places
from ledger.regulation.case.state import Entry, present_agency
from ledger.regulation.participation import principals
from ledger.regulation.participation.below import acts_below
from ledger.regulation.participation.ends import end_of
from ledger.regulation.participation.participation import acts_of, gifts_of, rule_of
from ledger.regulation.participation.selectors import holders, led_to, named_ends, named_streams
from ledger.regulation.participation.units import units
from ledger.regulation.participation.viewpoint import Viewpoint, taken_at
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.grants import LowerAct


class AudienceRow(NamedTuple):
    """One thing that a case gives.

    Attributes:
        who: The principal.
        act: The act that is shown; None: the whole case. Of a lower log: the document that it is
            of there, as the mirror knows.
        via: The act that gives it; None: the case itself, to whom a grant names it.
        until: When it is over; None: no end is known.
    """

    who: str
    act: str | LowerAct | None
    via: str | None
    until: datetime | None


class ExcludedRow(NamedTuple):
    """An officer id that is shut out of a case.

    Attributes:
        officer: One of those which the registry links to the officer that the act names.
        via: The act.
        until: When it is over; None: once it is lifted.
        record: Index of the record at which the act took effect.
    """

    officer: str
    via: str
    until: datetime | None
    record: int


@dataclass(frozen=True, slots=True)
class CaseAudience:
    """Everything that a case gives.

    Attributes:
        opened: Day on which it was taken in; None: not yet.
        rows: Of each principal what no other row of it shows for as long.
        excluded: Who is shut out, whatever else lets them in; terms may have passed.
    """

    opened: date | None
    rows: tuple[AudienceRow, ...]
    excluded: tuple[ExcludedRow, ...]


class InspectionReach(NamedTuple):
    """What an inspection order lets one of its readers see.

    Attributes:
        act_id: The order.
        reader: The officer.
        first: First day of its period.
        last: Last day of it.
        cases: Streams it names: then it is for those alone.
        agencies: As acts name them: also those whose heir is one that the order names.
    """

    act_id: str
    reader: str
    first: date
    last: date
    cases: frozenset[str]
    agencies: frozenset[str]


def audience(case: Viewpoint, orders: Sequence[InspectionReach] = ()) -> CaseAudience:
    """What a case gives, by the records there are; `case.at` is not asked.

    Args:
        case: The case; its `handler_of` names another's handler as the acts there do.
        orders: Inspection orders that run or ran, but those revoked.
    """
    opened = case.fold.intake[0].act.day if case.fold.intake else None
    given, named = list(_given(case)), units(case.fold, case.level)
    given += _lent(given, named, case)
    rows = [AudienceRow(case.fold.name, None, None, None), *_widest(given, named)]
    rows += [
        AudienceRow(principals.unit(case.fold.name, unit), act, None, None)
        for act, unit in named.items()
    ]
    rows += [
        AudienceRow(principals.below(case.fold.name, *act), act, None, None)
        for act in acts_below(case)
    ]
    rows += [row for order in orders for row in _shown_to(order, case, rows)]
    return CaseAudience(opened, tuple(rows), tuple(_excluded(case)))


def _given(case: Viewpoint) -> Iterator[AudienceRow]:
    """What acts give, whoever carries on for the agencies that they name."""
    for entry in case.fold.entries.values():
        for rule, gift, _ in gifts_of(entry, case.level):
            shown = sorted(acts_of(gift, entry, rule, case)) or (None,)
            for who, until in _holding(gift, entry, case):
                for act in shown:
                    yield AudienceRow(who, act, entry.act.act_id, until)


def _holding(gift: Gift, entry: Entry, case: Viewpoint) -> Iterator[tuple[str, datetime | None]]:
    """Principals whom a line means, each until when; an end that the act names is an officer's."""
    if gift.until == NAMED:
        for officer, end in named_ends(gift, entry).items():
            yield principals.officer(officer), end
        return
    until = end_of(gift.until, entry, case)
    yield from ((who, until) for who in _principals(gift, entry, case))


def _principals(gift: Gift, entry: Entry, case: Viewpoint) -> Iterator[str]:
    if gift.who == "post":
        yield from (principals.power(entry.act.agency, code) for code in gift.members)
        return
    if gift.who == "handler_of":
        yield from (principals.handler(name) for name in named_streams(gift, entry))
    for holder in holders(gift, entry, case):
        if holder.kind == "officer":
            yield principals.officer(holder.id)
        elif case.level == ORDINARY:
            yield principals.agency(holder.id)


def _lent(
    given: Sequence[AudienceRow], named: Collection[str], case: Viewpoint
) -> list[AudienceRow]:
    """What the author's agency sees, by name to who countersigns while the act waits (W1).

    Of each agency and day once: whoever enters acts without end would have what is given gone over
    for each that waits, at every record of the case, and everybody wait for that.
    """
    found: list[AudienceRow] = []
    sees: dict[tuple[str, date], list[AudienceRow]] = {}
    for entry in case.fold.pending.values():
        rule = rule_of(entry)
        if rule is None or not rule.whole_for_countersigners:
            found += _to_delegates(entry, (), case)
            continue
        author = entry.act.agency, local_day(taken_at(entry.signed[0]))
        if author not in sees:
            of_author = (row._replace(who="") for row in given if _is_of(row, *author, case))
            sees[author] = list(_widest(of_author, named))
        seen = sees[author]
        found += _to_delegates(entry, seen, case)
        for signer in entry.act.signers[1:]:
            who, via = principals.officer(signer.officer), entry.act.act_id
            found += [row._replace(who=who, via=via) for row in seen]
            if case.level != ORDINARY:  # there agencies have nothing to lend
                led = sorted(led_to(entry, case, rule.withholds))
                found += [AudienceRow(who, act, via, None) for act in led]
    return found


def _to_delegates(
    entry: Entry, lent: Iterable[AudienceRow], case: Viewpoint
) -> Iterator[AudienceRow]:
    """What whoever it waits for sees, for those whom they let sign instead; of no named unit."""
    if case.level != ORDINARY or entry.edition.form == 1:
        return
    via = entry.act.act_id
    shown = [row._replace(via=via) for row in lent]
    for rule, gift, _ in gifts_of(entry, case.level):
        if gift.who == "signers":
            acts = sorted(acts_of(gift, entry, rule, case)) or (None,)
            shown += [AudienceRow("", act, via, None) for act in acts]
    for place in waiting_places(entry):
        for who in _delegates(entry, place, case):
            yield from (row._replace(who=who) for row in shown)


def _delegates(entry: Entry, place: int, case: Viewpoint) -> Iterator[str]:
    """Whoever signs instead; the author's agency too may see nothing of an act that waits."""
    act, registry = entry.act, case.registry
    named = named_in(act, place)
    home = home_of(registry, act, named["officer"], named["post"])
    if home is None:
        return
    for kind in ("", act.act):
        yield principals.desk(home, named["officer"], named["post"], kind)
    for line in registry.delegations.all():
        if line.stream == case.fold.name and is_for(line, registry, act, place):
            yield principals.delegate(line.act_id)


def _is_of(row: AudienceRow, author: str, day: date, case: Viewpoint) -> bool:
    """Whether a row is of an author's agency, as agencies were on the day of the signature."""
    agency = row.who.removeprefix(principals.agency(""))
    if agency == row.who:
        return False
    now = present_agency(case.registry, agency, day)
    return now == present_agency(case.registry, author, day)


def _widest(rows: Iterable[AudienceRow], named: Collection[str]) -> Iterator[AudienceRow]:
    """Of each principal and act what runs longest, without acts that the whole case shows too.

    Args:
        rows: All of them.
        named: Acts of units that the whole case does not show.
    """
    longest: dict[tuple[str, str | LowerAct | None], AudienceRow] = {}
    for row in rows:
        known = longest.setdefault((row.who, row.act), row)
        if not _as_long(known, row):
            longest[row.who, row.act] = row
    for (who, act), row in longest.items():
        whole = longest.get((who, None))
        if act is None or act in named or whole is None or not _as_long(whole, row):
            yield row


def _as_long(row: AudienceRow, other: AudienceRow) -> bool:
    """Whether a row runs as long as another."""
    return row.until is None or (other.until is not None and other.until <= row.until)


def _shown_to(
    order: InspectionReach, case: Viewpoint, rows: Iterable[AudienceRow]
) -> list[AudienceRow]:
    """What an order shows a reader: the case it names, or the rows of each agency it reaches.

    Whoever took part in a case reads nothing of it by an order (access.md S7).
    """
    to, intake = reaching(order), case.fold.intake
    if case.fold.name in order.cases:
        found = [AudienceRow(principals.order(*order[:2], case.fold.name), None, None, None)]
    elif order.cases or not intake or not order.first <= intake[0].act.day <= order.last:
        return []
    else:
        found = [row._replace(who=to[row.who]) for row in rows if row.who in to]
    return [] if found and took_part(order.reader, case.fold, case.registry) else found


def reaching(order: InspectionReach) -> dict[str, str]:
    """Principals of agencies, each with the one as which the order's reader sees what it sees."""
    named = () if order.cases else order.agencies
    return {principals.agency(a): principals.order(*order[:2], a) for a in named}


def _excluded(case: Viewpoint) -> Iterator[ExcludedRow]:
    """One row for each id of the natural person."""
    for one in exclusions(case.fold):
        effect, act_id = one.entry.effect, one.entry.act.act_id
        index = 0 if effect is None or effect.index is None else effect.index
        for officer in case.registry.officers.linked(one.officer):
            yield ExcludedRow(officer, act_id, one.until, index)
