"""As which principals each officer acts, from when to when: by the registry alone.

Every instant is told at once, so that nothing has to happen when a day begins or ends: days are
those of Vietnam, and grants begin and end to the second.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from ledger.regulation.acts.participation_rules import UNIT, rules_of
from ledger.regulation.case.stand_ins import HEADS, heads
from ledger.regulation.case.state import present_agency
from ledger.regulation.edition import Edition
from ledger.regulation.participation import principals
from ledger.regulation.participation.audience import InspectionReach
from ledger.regulation.registry.calendar import VIETNAM
from ledger.regulation.registry.delegations import CASE, Delegation
from ledger.regulation.registry.grants import Grant
from ledger.regulation.registry.membership import only_administers, stands_apart
from ledger.regulation.registry.officers import Appointment
from ledger.regulation.registry.registry import Registry

SELF: Final = "self"
Rule = Literal["A1", "A7", "A9", "A19", "A27"]
"""By post or by name, by a grant, by an inspection order, by an emergency opening; of totals."""
_GRANTING: Final[Mapping[str, Rule]] = {
    "ParticipationGranted": "A7",
    "InspectionOrdered": "A9",
    "BreakGlassOpened": "A19",
}
_ALWAYS: Final = datetime.min.replace(tzinfo=UTC)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_DAY: Final = timedelta(days=1)


class Membership(NamedTuple):
    """An officer acts as a principal.

    Attributes:
        officer: The officer.
        who: The principal.
        via: The grant or order by which; `self`: in office, by post.
        since: The first instant; None: always.
        until: The first instant after; None: no end is known.
        rule: The rule of access.md §4 by which.
    """

    officer: str
    who: str
    via: str
    since: datetime | None
    until: datetime | None
    rule: Rule


class _Span(NamedTuple):
    """From an instant to before another."""

    since: datetime
    until: datetime

    def within(self, other: _Span) -> _Span:
        """What both have; empty where `until` is not after `since`."""
        return _Span(max(self.since, other.since), min(self.until, other.until))


class _Post(NamedTuple):
    held: Appointment
    span: _Span


@dataclass(frozen=True, slots=True)
class _Carrying:
    """Which agency carries on for which, and when.

    Attributes:
        pieces: Spans in which nothing of any agency changes, each with its first day.
        heirs: By agency as acts name it: who carries on, while that one exists.
    """

    pieces: tuple[tuple[date, _Span], ...]
    heirs: Mapping[str, tuple[tuple[str, _Span], ...]]

    def named(self, agency: str, span: _Span) -> Iterator[tuple[str, _Span]]:
        """Agencies for which this one carries on within a span, itself among them."""
        for name, heirs in self.heirs.items():
            for heir, while_ in heirs:
                if heir == agency:
                    yield name, while_.within(span)

    def by_heir(self) -> dict[str, list[tuple[str, _Span]]]:
        """By who carries on: for which agencies, and when."""
        found: dict[str, list[tuple[str, _Span]]] = {}
        for name, heirs in self.heirs.items():
            for heir, span in heirs:
                found.setdefault(heir, []).append((name, span))
        return found

    def seen_with(self, agency: str, span: _Span) -> Iterator[tuple[str, _Span]]:
        """Agencies that have the same heir as this one, while they have."""
        for heir, while_ in self.heirs.get(agency, ()):
            yield from self.named(heir, while_.within(span))


def members(registry: Registry, officers: Collection[str] | None = None) -> list[Membership]:
    """Every membership there is, was or will be, as the registry stands.

    Args:
        registry: The registry.
        officers: Of these alone; None: of all.
    """
    carrying, found = _carrying(registry), _Found(officers)
    posts = {
        one.uuid: list(_posts(one.uuid, registry, carrying)) for one in registry.officers.all()
    }
    reached = carrying.by_heir()
    for officer, held in posts.items():
        for post in held if found.wants(officer) else ():
            found.add(officer, principals.officer(officer), SELF, post.span)
            seen = () if stands_apart(post.held) else reached.get(post.held.agency, ())
            for name, while_ in seen:
                found.add(officer, principals.agency(name), SELF, while_.within(post.span))
    for code in _powers(registry):
        _empowered(code, posts, registry, carrying, found)
    _told_totals(posts, registry, carrying, found)
    for grant in registry.grants():
        if grant.revoked_at is None and found.wants(grant.officer):
            found.grants(grant)
            _granted(grant, posts.get(grant.officer, ()), carrying, found)
    _delegations(registry, posts, found)
    _next_holders(registry, posts, carrying, found)
    return list(found.rows())


def inspections(registry: Registry) -> list[InspectionReach]:
    """Orders, each for each of its readers, unless revoked for that one."""
    orders = [g for g in registry.grants() if g.scope == "INSPECTION" and g.revoked_at is None]
    if not orders:
        return []
    carrying = _carrying(registry)
    return [
        InspectionReach(
            grant.act_id,
            grant.officer,
            *grant.opened,
            frozenset(grant.cases),
            frozenset(name for name, span in _reach(grant, carrying) if span.since < span.until),
        )
        for grant in orders
        if grant.opened is not None
    ]


def stands_in(officer: str, registry: Registry) -> bool:
    """Whether others act as somebody else where a post of this officer begins or ends."""
    line, powers = registry.officers.get(officer), _powers(registry)
    return line is not None and any(not a.powers.isdisjoint(powers) for a in line.appointments)


def after(officer: str, registry: Registry) -> set[str]:
    """Officers of agencies in which this one holds or held a post, or of who carries on.

    The founder, whose post no appointment made, is always one of them.
    """
    line, founder = registry.officers.get(officer), registry.founder
    if founder is not None and founder.officer == officer:
        return {one.uuid for one in registry.officers.all()}
    turns = registry.agencies.turns()
    agencies = {a.agency for a in line.appointments} if line is not None else set[str]()
    agencies |= {present_agency(registry, a, day) for a in set(agencies) for day in turns}
    found = {
        one.uuid
        for one in registry.officers.all()
        if any(a.agency in agencies for a in one.appointments)
    }
    return found if founder is None else {*found, founder.officer}


# -- posts and powers -----------------------------------------------------------------------------


def _posts(officer: str, registry: Registry, carrying: _Carrying) -> Iterator[_Post]:
    """The posts an officer holds, each while its agency exists (`membership.posts`)."""
    line = registry.officers.get(officer)
    for held in () if line is None else line.appointments:
        agency = registry.agency(held.agency)
        if agency is not None:
            term = _days(held.valid_from, held.valid_to)
            yield _Post(held, term.within(_days(agency.valid_from, agency.valid_to)))
    founder = registry.founder
    if founder is None or founder.officer != officer:
        return
    for day, span in carrying.pieces:
        for post in registry.appointments(officer, day):
            if post.index == 0 and registry.exists(post.agency, day):
                yield _Post(post, span.within(_days(post.valid_from, post.valid_to)))


def _empowered(
    code: str,
    posts: Mapping[str, Iterable[_Post]],
    registry: Registry,
    carrying: _Carrying,
    found: _Found,
) -> None:
    """Whose post has a power in each agency, or in the lead where nobody's there has."""
    having = [
        (officer, post.held.agency, post.span)
        for officer, held in posts.items()
        for post in held
        if code in post.held.powers
    ]
    for day, piece in carrying.pieces:
        lead = registry.lead(day)
        lead = None if lead is None else present_agency(registry, lead, day)
        for part in _cut(piece, [span for *_, span in having]):
            there = [(o, a) for o, a, span in having if span.since <= part.since < span.until]
            agencies = {agency for _, agency in there}
            for name in carrying.heirs if there else ():
                own = present_agency(registry, name, day)
                means = own if own in agencies else lead
                for officer, agency in there:
                    if agency == means and found.wants(officer):
                        found.add(officer, principals.power(name, code), SELF, part)


def _powers(registry: Registry) -> tuple[str, ...]:
    """Powers that give a part of a case, by any edition that the log has had."""
    found = (power for edition in registry.editions for power in edition.of(_giving))
    return tuple(dict.fromkeys(found))


def _giving(edition: Edition) -> tuple[str, ...]:
    rules = (rule for dated in rules_of(edition).by_act.values() for rule in dated)
    return tuple(
        dict.fromkeys(c for r in rules for g in r.gifts if g.who == "post" for c in g.members)
    )


def _told_totals(
    posts: Mapping[str, Iterable[_Post]], registry: Registry, carrying: _Carrying, found: _Found
) -> None:
    """Who is told totals of all cases (access.md A27).

    Officers of the lead and of the committee who read their agency's cases, and those of an
    overseer: of one, also who audits or heads an inspection, since totals are no case.
    """
    for day, piece in carrying.pieces:
        leading, overseeing = overview(registry, day)
        for officer, held in posts.items():
            for post in held if found.wants(officer) else ():
                agency = post.held.agency
                if (agency in leading and not stands_apart(post.held)) or (
                    agency in overseeing and not only_administers(post.held)
                ):
                    found.add(officer, principals.TOTALS, SELF, piece.within(post.span))


def overview(registry: Registry, day: date) -> tuple[frozenset[str], frozenset[str]]:
    """Who leads on a day, with the committee of its province, and who oversees that province."""
    named = registry.lead(day)
    lead = None if named is None else registry.agency(present_agency(registry, named, day))
    if lead is None:
        return frozenset(), frozenset()
    committees = registry.holders("PPC", day, lead.territory)
    overseers = registry.holders("OVERSEER", day, lead.territory)
    return frozenset({lead.id, *committees}), frozenset(overseers)


# -- grants ---------------------------------------------------------------------------------------


def _granted(grant: Grant, held: Iterable[_Post], carrying: _Carrying, found: _Found) -> None:
    """What a grant, an order or an opening adds, while the officer is in office (A7, A9, A19)."""
    term = _Span(grant.starts_at, grant.until)
    spans = [post.span for post in held]
    if grant.scope == "INSPECTION":
        named = [(_order(grant, case), term) for case in grant.cases]
        named += [(_order(grant, a), span) for a, span in _reach(grant, carrying)]
        spans = list(_inspecting(grant, held, carrying))
    elif grant.scope == "AGENCY":
        agency = grant.stream.removeprefix(principals.agency(""))
        named = [(principals.agency(a), s) for a, s in carrying.seen_with(agency, term)]
    elif grant.scope == UNIT:
        named = [(principals.unit(grant.stream, str(grant.unit)), term)]
    else:
        named = [(case, term) for case in grant.cases]
    if grant.below is not None:
        named.append((principals.below(grant.stream, *grant.below), term))
    for who, span in named:
        for office in spans:
            found.add(grant.officer, who, grant.act_id, span.within(term).within(office))


def _order(grant: Grant, reached: str) -> str:
    return principals.order(grant.act_id, grant.officer, reached)


def _inspecting(grant: Grant, held: Iterable[_Post], carrying: _Carrying) -> Iterator[_Span]:
    """While a reader of an order is in office in the body they inspect for, or its heir."""
    for post in held:
        for heir, while_ in carrying.heirs.get(grant.body or "", ()):
            if heir == post.held.agency:
                yield while_.within(post.span)


def _reach(grant: Grant, carrying: _Carrying) -> Iterator[tuple[str, _Span]]:
    """Agencies as acts name them whose heir is one that an order names, and while it is."""
    for agency in () if grant.cases else grant.agencies:
        yield from carrying.seen_with(agency, _Span(_ALWAYS, _NEVER))


# -- delegations ---------------------------------------------------------------------------------


def _delegations(registry: Registry, posts: Mapping[str, Iterable[_Post]], found: _Found) -> None:
    for line in registry.delegations.all():
        if line.ended is None and found.wants(line.taker):
            _delegated(line, posts, found)


def _delegated(line: Delegation, posts: Mapping[str, Iterable[_Post]], found: _Found) -> None:
    """As whom somebody signs instead, in its term and while giver and taker are in post."""
    term = _days(line.valid_from, line.valid_to)
    if line.stream.startswith(CASE):
        named = [principals.delegate(line.act_id)]
    else:
        kinds = sorted(line.acts) or [""]
        named = [principals.desk(line.agency, line.giver, line.from_post, one) for one in kinds]
    giving = _held(posts.get(line.giver, ()), line.agency, line.from_post)
    taking = list(_held(posts.get(line.taker, ()), line.agency, line.to_post))
    for given in giving:
        for taken in taking:
            span = term.within(given).within(taken)
            for who in named:
                found.add(line.taker, who, line.act_id, span)


def _held(posts: Iterable[_Post], agency: str, post: str) -> Iterator[_Span]:
    return (one.span for one in posts if (one.held.agency, one.held.post) == (agency, post))


def _next_holders(
    registry: Registry,
    posts: Mapping[str, Iterable[_Post]],
    carrying: _Carrying,
    found: _Found,
) -> None:
    """As whom the holder of a post signs what waits for one who held it before.

    Of posts with a power alone: a former clerk is every clerk's, and nothing waits for one.
    """
    having = _having_power(registry, posts, found)
    for officer, held in posts.items() if having else ():
        for agency, post in dict.fromkeys((one.held.agency, one.held.post) for one in held):
            who, left = principals.desk(agency, officer, post), _gaps(_held(held, agency, post))
            for heir, while_ in carrying.heirs.get(agency, ()):
                gone = left if heir == agency else [_Span(_ALWAYS, _NEVER)]
                for other, span in _taking_over(having.get(heir, ()), post, rescued=heir != agency):
                    for gap in gone if other != officer else ():
                        found.add(other, who, SELF, gap.within(while_).within(span))


def _having_power(
    registry: Registry, posts: Mapping[str, Iterable[_Post]], found: _Found
) -> Mapping[str, Sequence[_Empowered]]:
    having: dict[str, list[_Empowered]] = {}
    for officer, held in posts.items():
        for post in held if found.wants(officer) else ():
            if not post.held.capacities:  # signs nothing, for nobody (`stand_ins`)
                continue
            heading = list(_heading(officer, post, registry))
            acting = [post.span] if post.held.powers else heading
            if acting:
                one = _Empowered(officer, post.held.post, acting, heading)
                having.setdefault(post.held.agency, []).append(one)
    return having


def _taking_over(
    those: Iterable[_Empowered], post: str, *, rescued: bool
) -> Iterator[tuple[str, _Span]]:
    """Who signs for a post, and when: whoever holds it; where its agency ended, the heir's head."""
    for one in those:
        spans = one.acting if one.post == post else one.heading if rescued else ()
        yield from ((one.officer, span) for span in spans)


class _Empowered(NamedTuple):
    """An officer in a post with a power, or that heads its agency, and when."""

    officer: str
    post: str
    acting: list[_Span]
    heading: list[_Span]


def _heading(officer: str, post: _Post, registry: Registry) -> Iterator[_Span]:
    """While the post heads its agency; lines that say so have days of their own."""
    for part in _cut(post.span, registry.edition.of(_days_of_heads)):
        day = date.min if part.since == _ALWAYS else part.since.astimezone(VIETNAM).date()
        if heads(registry, post.held.agency, post.held.post, officer, day):
            yield part


def _days_of_heads(edition: Edition) -> tuple[_Span, ...]:
    lines = [line for line in edition.registry["post_powers"] if line["power"] in HEADS]
    days = {(line["from"], line["to"]) for line in lines}
    return tuple(
        _days(date.fromisoformat(first), None if last is None else date.fromisoformat(last))
        for first, last in days
    )


def _gaps(spans: Iterable[_Span]) -> list[_Span]:
    """The time behind the first of the spans that none of them covers."""
    first, *rest = sorted(spans)
    end, left = first.until, list[_Span]()
    for span in rest:
        if span.since > end:
            left.append(_Span(end, span.since))
        end = max(end, span.until)
    return left if end == _NEVER else [*left, _Span(end, _NEVER)]


# -- time -----------------------------------------------------------------------------------------


class _Found:
    """Memberships gathered: of one officer, principal and ground, spans that meet are one."""

    def __init__(self, officers: Collection[str] | None) -> None:
        self._officers = officers
        self._spans: dict[tuple[str, str, str], list[_Span]] = {}
        self._rules: dict[str, Rule] = {}

    def wants(self, officer: str) -> bool:
        """Whether this officer's are asked for."""
        return self._officers is None or officer in self._officers

    def grants(self, grant: Grant) -> None:
        """What follows from a grant, an order or an opening does so by its rule."""
        self._rules[grant.act_id] = _GRANTING[grant.act]

    def add(self, officer: str, who: str, via: str, span: _Span) -> None:
        """One more, unless it is of no time."""
        if span.since < span.until:
            self._spans.setdefault((officer, who, via), []).append(span)

    def rows(self) -> Iterator[Membership]:
        """All of them."""
        for (officer, who, via), spans in self._spans.items():
            for span in _joined(spans):
                since = None if span.since == _ALWAYS else span.since
                until = None if span.until == _NEVER else span.until
                rule = self._rules.get(via, "A27" if who == principals.TOTALS else "A1")
                yield Membership(officer, who, via, since, until, rule)


def _joined(spans: list[_Span]) -> Iterator[_Span]:
    if len(spans) == 1:
        yield spans[0]
        return
    first, *rest = sorted(spans)
    for span in rest:
        if span.since > first.until:
            yield first
            first = span
        else:
            first = _Span(first.since, max(first.until, span.until))
    yield first


def _cut(span: _Span, by: Iterable[_Span]) -> Iterator[_Span]:
    """A span in pieces, so that each of the others covers a piece or does not touch it."""
    cuts = {c for other in by for c in other if span.since < c < span.until}
    yield from (_Span(a, b) for a, b in pairwise([span.since, *sorted(cuts), span.until]))


def _days(first: date, last: date | None) -> _Span:
    """Two days and those between; None: no last one."""
    if last is None or last == date.max:
        return _Span(_midnight(first), _NEVER)
    return _Span(_midnight(first), _midnight(last + _DAY))


def _midnight(day: date) -> datetime:
    if day == date.min:
        return _ALWAYS
    return datetime.combine(day, time.min, VIETNAM)


def _carrying(registry: Registry) -> _Carrying:
    turns = registry.agencies.turns()
    ends = [*(_midnight(day) for day in turns[1:]), _NEVER]
    pieces = tuple((day, _Span(_midnight(day), end)) for day, end in zip(turns, ends, strict=True))
    heirs: dict[str, list[tuple[str, _Span]]] = {}
    for agency in registry.agencies.all():
        known = heirs.setdefault(agency.id, [])
        for day, span in pieces:
            heir = present_agency(registry, agency.id, day)
            if not registry.exists(heir, day):
                continue
            if known and known[-1][0] == heir and known[-1][1].until == span.since:
                known[-1] = (heir, _Span(known[-1][1].since, span.until))
            else:
                known.append((heir, span))
    return _Carrying(pieces, {name: tuple(spans) for name, spans in heirs.items()})
