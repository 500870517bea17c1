"""Who signs what waits for somebody else: the post's next holder, its successor, a delegate.

An act waits for a post, and names the officer who held it. While that officer holds it, only a
delegation lets another sign; afterwards whoever holds the post does, in the agency or in the one
that carries on for it, and there its head too: no post of an agency that has ended stays unheld.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple

from ledger.regulation.acts.act import Act, NamedSigner
from ledger.regulation.acts.catalogue import ActType, catalogue_of
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.reading import agency_of
from ledger.regulation.case.state import Entry
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.delegations import Delegation
from ledger.regulation.registry.officers import Appointment
from ledger.regulation.registry.registry import Registry

HEADS: Final = ("AGENCY_HEAD", "HEAD")
"""Powers of heads of agencies, and of deputies who sign in their place."""
MEASURE: Final = "MEASURE"
"""The power by which a post orders what cuts somebody off."""
FOR_ANOTHER: Final = frozenset({"KT", "TUQ", "GQ"})
"""Capacities in which somebody signs what another would sign otherwise."""


class StandIn(NamedTuple):
    """One way in which an officer signs instead of another.

    Attributes:
        officer: uuid.
        post: In which the officer signs.
        capacity: As which.
        agency: Of that post.
        delegation: By which; None: the post has passed on.
    """

    officer: str
    post: str
    capacity: str
    agency: str
    delegation: Delegation | None

    def member(self) -> dict[str, str]:
        """As a statement's header says it (formats.md §3)."""
        return {"officer": self.officer, "post": self.post, "capacity": self.capacity}


def named_in(act: Act, place: int) -> Mapping[str, Any]:
    """The signer in a place as the payload names them, whoever signed instead."""
    named: Mapping[str, Any] = act.signed["signers"][place]
    return named


def may_take_back(registry: Registry, entry: Entry, officer: str, on: date) -> bool:
    """Whether an officer may take back what waits: its author, or whoever has the post since."""
    author = named_in(entry.act, 0)
    return registry.same_person(author["officer"], officer) or any(
        stand_ins(registry, entry.act, 0, officer, on)
    )


def stand_ins_of(registry: Registry, entry: Entry, officer: str, on: date) -> Iterator[StandIn]:
    """As `stand_ins`, of an act that waits; none of one that does not."""
    if entry.status == "pending":
        yield from stand_ins(registry, entry.act, len(entry.signed), officer, on)


def home_of(registry: Registry, act: Act, officer: str, post: str) -> str | None:
    """The agency in which an officer named held the post on the day of the act."""
    if registry.appointment(officer, act.agency, post, act.day) is not None:
        return act.agency
    held = registry.appointments(officer, act.day)
    return next((a.agency for a in held if a.post == post), None)


def waiting_places(entry: Entry) -> range:
    """Places of the signers for whom an act waits, behind its author."""
    return range(max(1, len(entry.signed)), len(entry.act.signed["signers"]))


def is_for(line: Delegation, registry: Registry, act: Act, place: int) -> bool:
    """Whether a delegation, while it runs, is for what waits for the signer in a place."""
    named = named_in(act, place)
    return (
        (line.giver, line.from_post) == (named["officer"], named["post"])
        and line.covers(act.act, act.stream)
        and line.agency == home_of(registry, act, line.giver, line.from_post)
    )


def stand_ins(
    registry: Registry, act: Act, place: int, officer: str, on: date
) -> Iterator[StandIn]:
    """The ways in which an officer may sign on a day what waits for another, the best first.

    Args:
        registry: As the log stands.
        act: The act that waits.
        place: Of the signer for whom it waits.
        officer: Who would sign.
        on: The day of signing.
    """
    named = named_in(act, place)
    if named["officer"] == officer:
        return
    home = home_of(registry, act, named["officer"], named["post"])
    if home is None:
        return
    yield from _next_holder(registry, home, named, officer, on)
    for line in registry.delegations.taken_by(officer):
        if (
            (line.giver, line.from_post, line.agency) == (named["officer"], named["post"], home)
            and line.covers(act.act, act.stream)
            and registry.stands(line, on)
        ):
            yield StandIn(officer, line.to_post, line.capacity, home, line)


def next_holders(registry: Registry, act: Act, place: int, on: date) -> Iterator[str]:
    """Who holds the post since, for which an act waits; one without a power is anybody's."""
    named = named_in(act, place)
    home = home_of(registry, act, named["officer"], named["post"])
    if home is None or not passed_on(registry, home, named, on):
        return
    for one in registry.officers.all():
        ways = _next_holder(registry, home, named, one.uuid, on)
        if any(has_power(registry, way, on) for way in ways):
            yield one.uuid


def has_power(registry: Registry, way: StandIn, on: date) -> bool:
    """Whether the post of a stand-in has a power."""
    held = registry.appointment(way.officer, way.agency, way.post, on)
    powers = held is not None and bool(held.powers)
    return powers or heads(registry, way.agency, way.post, way.officer, on)


def heads(registry: Registry, agency: str, post: str, officer: str, on: date) -> bool:
    """Whether an officer heads an agency that day, in a post, or stands in for its head."""
    return any(registry.holds_code(code, agency, post, officer, on) for code in HEADS)


def passed_on(registry: Registry, home: str, named: Mapping[str, Any], on: date) -> bool:
    """Whether the officer named no longer holds the post, or its agency has ended."""
    lives = registry.exists(home, on)
    return not lives or registry.appointment(named["officer"], home, named["post"], on) is None


def _next_holder(
    registry: Registry, home: str, named: Mapping[str, Any], officer: str, on: date
) -> Iterator[StandIn]:
    if named["officer"] == officer or not passed_on(registry, home, named, on):
        return
    lives = registry.exists(home, on)
    now = home if lives else registry.heir(home, on)
    for held in registry.appointments(officer, on):
        if held.agency != now or not registry.exists(held.agency, on):
            continue
        rescues = not lives and heads(registry, held.agency, held.post, officer, on)
        if held.post == named["post"] or rescues:
            own = sorted(held.capacities, key=lambda one: (one != "TRUC_TIEP", one))
            for capacity in own:
                yield StandIn(officer, held.post, capacity, held.agency, None)


def may_stand_in(
    registry: Registry, act: Act, role: str, stand_in: Mapping[str, str], iat: int
) -> bool:
    """Whether a stand-in has the right in some place of a role, where the turn is not known.

    Args:
        registry: As the log stands.
        act: The act.
        role: In which is signed.
        stand_in: As the header says it.
        iat: When it is signed, seconds since 1970.
    """
    on = day_signed(iat)
    return registry.edition.form > 1 and any(
        way.member() == stand_in
        for place, signer in enumerate(act.signed["signers"])
        if place and signer["role"] == role
        for way in stand_ins(registry, act, place, stand_in["officer"], on)
    )


def day_signed(iat: int) -> date:
    """The day of a signature: Vietnam's, in whatever offset the act says when it happened.

    Terms of posts and of what is lent end there; by an offset of twelve hours west whoever signs
    would be in post nearly a day longer.
    """
    return local_day(datetime.fromtimestamp(iat, UTC))


def signs_for(registry: Registry, officer: str, on: date) -> Callable[[str, str, str], bool]:
    """Whether an officer may sign, on a day, what waits for another officer.

    Returns:
        Asked with that officer, the act's type and its stream. Where a post has passed on it
        answers for the officer, whatever else they held: a worklist shows what may be signed, and
        the rules say what may.
    """
    held = [a for a in registry.appointments(officer, on) if registry.exists(a.agency, on)]
    given = [d for d in registry.delegations.taken_by(officer) if registry.stands(d, on)]

    def asked(other: str, act: str, stream: str) -> bool:
        if any(line.giver == other and line.covers(act, stream) for line in given):
            return True
        known = registry.officer(other)
        return known is not None and any(
            not (was.on(on) and registry.exists(was.agency, on))
            and any(_carries_on(registry, own, was, officer, on) for own in held)
            for was in known.appointments
        )

    return asked


def _carries_on(
    registry: Registry, own: Appointment, was: Appointment, officer: str, on: date
) -> bool:
    lives = registry.exists(was.agency, on)
    if own.agency != (was.agency if lives else registry.heir(was.agency, on)):
        return False
    return own.post == was.post or (
        not lives and heads(registry, own.agency, own.post, officer, on)
    )


# -- asked by guards ------------------------------------------------------------------------------


def signed_on(q: GuardInput) -> date:
    """The day on which the statement was signed (`day_signed`)."""
    found: date | None = q.memo.get("signed_on")
    if found is None:
        found = q.memo["signed_on"] = day_signed(q.iat)
    return found


def signed_before(q: GuardInput) -> int:
    """How many have signed the act."""
    return 0 if q.standing is None else len(q.standing.signed)


def body_of(q: GuardInput, signer: NamedSigner) -> str | None:
    """The agency for which a signer signs: that of the post on the day of the act.

    Who signs instead of somebody may hold the post only since.
    """
    found = agency_of(q, signer.officer, signer.post)
    if found is not None or signer.instead_of is None:
        return found
    held = q.registry.appointments(signer.officer, signed_on(q))
    return next((a.agency for a in held if a.post == signer.post), None)


def delegation_of(q: GuardInput, signer: NamedSigner, on: date) -> Delegation | None:
    """The delegation by which a signer signs in the capacity named; None: by the post alone.

    Who signs instead of an officer does so by that officer's, whoever else lent the same.
    """
    if signer.capacity is None or not q.registry.delegations.taken_by(signer.officer):
        return None
    return q.registry.delegation(
        signer.officer,
        signer.post,
        signer.capacity,
        act=q.act.act,
        stream=q.act.stream,
        on=on,
        giver=signer.instead_of,
    )


def borrows(q: GuardInput, signer: NamedSigner, code: str) -> bool:
    """Whether a signer has a power by delegation: on the day of the act, and on that of signing.

    As the post is asked of both (OFFICER_IN_POST): what was lent is gone when its term is over, and
    no act dated back has it again.
    """
    days = {q.day} if signer.instead_of is None else set[date]()
    if signer.instead_of is not None or signer.officer == q.officer:
        days.add(signed_on(q))
    return all(_lends(q, delegation_of(q, signer, on), code, on) for on in days)


def _lends(q: GuardInput, line: Delegation | None, code: str, on: date) -> bool:
    return line is not None and q.registry.holds_code(
        code, line.agency, line.from_post, line.giver, on
    )


def by_lenders(q: GuardInput) -> GuardInput | None:
    """The question as it were if whoever lent a power to sign were named; None: nobody did.

    Nobody gets past a rule about persons by lending what they could not use themselves.
    """
    lent = [(n, line) for n, signer in enumerate(q.act.signers) if (line := _lent(q, signer))]
    if not lent:
        return None
    signers = list(q.act.signers)
    for n, line in lent:
        signers[n] = signers[n]._replace(officer=line.giver, post=line.from_post)
    act = replace(q.act, signers=tuple(signers))
    stream = q.stream if q.standing is None else q.stream.with_pending(act)
    return replace(q, act=act, stream=stream)


def _lent(q: GuardInput, signer: NamedSigner) -> Delegation | None:
    """The delegation without which a signer would not sign here in this capacity."""
    on = q.day if signer.instead_of is None else signed_on(q)
    given = delegation_of(q, signer, on)
    if given is None or _needs_not(q, q.act, q.kind, signer, given, on):
        return None
    return given


def _needs_not(
    q: GuardInput, act: Act, kind: ActType, signer: NamedSigner, line: Delegation, on: date
) -> bool:
    """Whether a signer would sign here without a delegation.

    Whoever takes the place of an officer named does so by that officer's alone, whatever their own
    post may sign: who is shut out chooses nobody for what waits for them.
    """
    return line.giver != signer.instead_of and (
        _by_own_post(q, kind, signer, line.agency, on)
        and (signer != act.approver or may_order(q, act, line.agency, (signer.post,), on))
    )


def may_order(q: GuardInput, act: Act, agency: str, posts: Iterable[str], on: date) -> bool:
    """Whether one of these posts may order what an act orders: by dated lines, limited by kind.

    A kind that none of them names on the day of the act needs no such line.
    """
    kind = str(act.facts.get("kind"))
    if kind not in q.registry.limited_to(MEASURE, "kinds", act.day):
        return True
    lines = (line for post in posts for line in q.registry.post_lines(MEASURE, agency, post, on))
    return any(kind in line.get("kinds", ()) for line in lines)


def _by_own_post(q: GuardInput, kind: ActType, signer: NamedSigner, agency: str, on: date) -> bool:
    """Whether a signer may sign in this capacity by the post alone, and borrows nothing."""
    own = q.registry.appointment(signer.officer, agency, signer.post, on)
    if own is None or signer.capacity not in own.capacities:
        return False
    codes = kind.signer_powers.get(signer.role, ())
    held = (q.registry.holds_code(c, agency, signer.post, signer.officer, on) for c in codes)
    return not codes or any(held)


def answerable(q: GuardInput, entry: Entry, *roles: str) -> tuple[str, ...]:
    """Who answers for an act that stands: its signers, and whoever lent them the power to sign.

    Args:
        q: The question in which it is asked.
        entry: The act.
        roles: Of the signers meant; all where none is named.
    """
    lent = (
        line.giver
        for place, said in enumerate(entry.signed)
        if not roles or said.role in roles
        for line in _lent_then(q, entry, place)
    )
    return (*entry.signed_by(*roles), *lent)


def _lent_then(q: GuardInput, entry: Entry, place: int) -> Iterator[Delegation]:
    """The delegations without which an act would not have been signed in a place."""
    act, signer, said = entry.act, entry.act.signers[place], entry.signed[place]
    on = act.day if signer.instead_of is None else day_signed(said.iat)
    kind = catalogue_of(entry.edition).type(act.act, act.form)
    for line in q.registry.delegations.taken_by(signer.officer):
        if (
            (line.to_post, line.capacity) == (signer.post, signer.capacity)
            and line.covers(act.act, act.stream)
            and line.ran(on, said.index)
            and q.registry.in_post(line, on)
            and not _needs_not(q, act, kind, signer, line, on)
        ):
            yield line
