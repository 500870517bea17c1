"""Whom an act names: the selectors of `participation.json`, and the acts it leads to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from ledger.regulation.acts.act import Act
from ledger.regulation.acts.catalogue import catalogue_of
from ledger.regulation.acts.json_shape import parse_time
from ledger.regulation.acts.participation_rules import Gift
from ledger.regulation.case.state import Entry, present_agency
from ledger.regulation.edition import Edition
from ledger.regulation.participation.viewpoint import Viewpoint, effective_at
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.membership import empowered, empowered_anywhere

Kind = Literal["agency", "officer", "power"]


class Holder(NamedTuple):
    """Who holds a part: an agency, an officer, or whose post in an agency has a power.

    Attributes:
        kind: What `id` is; a power is one in the agency `id`.
        id: Agency as the act names it, or officer.
        power: The power, for kind power.
    """

    kind: Kind
    id: str
    power: str | None = None


def holders(gift: Gift, entry: Entry, case: Viewpoint) -> Iterator[Holder]:
    """Whom a line means in an act."""
    yield from _SELECTORS[gift.who](gift.members, entry, case)


def _agencies(found: Iterable[object]) -> Iterator[Holder]:
    """Agencies among these values; tokens, the public and what is missing are nobody."""
    for value in dict.fromkeys(v for v in found if isinstance(v, str)):
        if not value.startswith("sealed:"):
            yield Holder("agency", value)


def _signers(_: tuple[str, ...], entry: Entry, _case: Viewpoint) -> Iterator[Holder]:
    yield from (Holder("officer", s.officer) for s in entry.act.signers)


def _signing(_: tuple[str, ...], entry: Entry, case: Viewpoint) -> Iterator[Holder]:
    yield from _agencies(signing_agencies(entry.act, case))


def signing_agencies(act: Act, case: Viewpoint) -> list[str]:
    """The agencies for which an act is signed: the author's, and where another holds the post."""
    found = [act.agency]
    for signer in act.signers[1:]:
        if case.registry.appointment(signer.officer, act.agency, signer.post, act.day) is None:
            held = case.registry.appointments(signer.officer, act.day)
            found += [a.agency for a in held if a.post == signer.post][:1]
    return list(dict.fromkeys(found))


def _to(functions: tuple[str, ...], entry: Entry, case: Viewpoint) -> Iterator[Holder]:
    day = entry.act.day
    for holder in _agencies(entry.act.to):
        if all(case.registry.holds(holder.id, f, day) for f in functions):
            yield holder


def _author(_: tuple[str, ...], entry: Entry, _case: Viewpoint) -> Iterator[Holder]:
    yield Holder("agency", entry.act.agency)


def _values(names: Iterable[str], act: Act) -> Iterator[Any]:
    """What members name, lists taken apart; `corrects` and `refers_to` stand outside the facts."""
    for name in names:
        outside = {"corrects": act.corrects, "refers_to": act.refers_to}
        value = outside[name] if name in outside else act.facts.get(name)
        yield from value if isinstance(value, (list, tuple)) else (value,)


def _fact(names: tuple[str, ...], entry: Entry, _case: Viewpoint) -> Iterator[Holder]:
    yield from _agencies(_values(names, entry.act))


def _officers(names: tuple[str, ...], entry: Entry, _case: Viewpoint) -> Iterator[Holder]:
    for value in _values(names, entry.act):
        named = value.get("officer") if isinstance(value, Mapping) else value
        if isinstance(named, str):
            yield Holder("officer", named)


def _issuers(names: tuple[str, ...], entry: Entry, case: Viewpoint) -> Iterator[Holder]:
    yield from _agencies(e.act.agency for e in _named(names, entry, case))


def _named(names: tuple[str, ...], entry: Entry, case: Viewpoint) -> Iterator[Entry]:
    """The acts that members name; a sanction stands for what decided on it as well."""
    for value in _values(names, entry.act):
        if not isinstance(value, str):
            continue
        named = case.fold.get(value)
        if named is not None:
            yield named
        sanction = case.fold.sub("sanction", value)
        if sanction is not None:
            yield from (by for by, _ in sanction.moves if by.act.act == "SanctionDecided")


def _superiors(names: tuple[str, ...], entry: Entry, case: Viewpoint) -> Iterator[Holder]:
    issuers = (e.act.agency for e in _named(names, entry, case))
    yield from _agencies(case.registry.parent(a) for a in issuers)


def named_streams(gift: Gift, entry: Entry) -> list[str]:
    """Other cases that an act names where a line means their handlers."""
    return [v for v in _values(gift.members, entry.act) if isinstance(v, str)]


def _handlers(names: tuple[str, ...], entry: Entry, case: Viewpoint) -> Iterator[Holder]:
    streams = (v for v in _values(names, entry.act) if isinstance(v, str))
    yield from _agencies(case.handler_of(s) for s in streams)


def _posts(powers: tuple[str, ...], entry: Entry, case: Viewpoint) -> Iterator[Holder]:
    """Of the author's agency as it is called now, or of the lead where it has no such post."""
    registry, day = case.registry, case.day
    own = present_agency(registry, entry.act.agency, day)
    for power in powers:
        there = any(empowered(own, power, registry, day))
        agency = own if there else registry.lead(day)
        if agency is not None:
            yield Holder("power", agency, power)


def _any_posts(powers: tuple[str, ...], entry: Entry, case: Viewpoint) -> Iterator[Holder]:
    """Officers of whichever agency who had the power when the act took effect.

    Custodians of one key are of several agencies on purpose.
    """
    if entry.effect is None:
        return
    day = local_day(effective_at(entry))
    for power in powers:
        for officer in empowered_anywhere(power, case.registry, day):
            yield Holder("officer", officer)


def _nobody(_: tuple[str, ...], _entry: Entry, _case: Viewpoint) -> Iterator[Holder]:
    yield from ()


_SELECTORS: Final[Mapping[str, Callable[[tuple[str, ...], Entry, Viewpoint], Iterator[Holder]]]] = {
    "signers": _signers,
    "signing_agencies": _signing,
    "to": _to,
    "author_agency": _author,
    "fact": _fact,
    "officer": _officers,
    "officers": _officers,
    "issuer_of": _issuers,
    "superior_of": _superiors,
    "handler_of": _handlers,
    "post": _posts,
    "any_post": _any_posts,
    # on the officers' side, by the registry
    "successors_of": _nobody,
}


def named_ends(gift: Gift, entry: Entry) -> Mapping[str, datetime]:
    """Until when each officer whom a line means holds what it gives, as the act says."""
    found: dict[str, datetime] = {}
    for value in _values(gift.members, entry.act):
        if isinstance(value, Mapping):
            end = parse_time(value["until"])
            found[value["officer"]] = max(end, found.get(value["officer"], end))
    return found


# -- acts led to --------------------------------------------------------------------------------


def led_to(entry: Entry, case: Viewpoint, withheld: frozenset[str]) -> frozenset[str]:
    """Acts of the case that an act names and so leads who is sent it to, one step, and itself."""
    act = entry.act
    found = {act.refers_to, act.corrects}
    for name, spec in catalogue_of(entry.edition).type(act.act).of(_referring).items():
        if name not in withheld:
            found.update(_references(spec, act.facts.get(name)))
    return frozenset({act.act_id} | {i for i in found if i in case.fold.entries and i is not None})


def references(act: Act, edition: Edition) -> Iterator[str]:
    """Acts that the facts of an act name, in the order of its type."""
    for name, spec in catalogue_of(edition).type(act.act).of(_referring).items():
        yield from _references(spec, act.facts.get(name))


def _referring(facts: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Mapping[str, Any]]:
    """Facts that name acts, or hold members that do."""
    return {name: spec for name, spec in facts.items() if _refers(spec)}


def _refers(spec: Mapping[str, Any]) -> bool:
    return "ref" in (spec["type"], spec.get("of")) or any(
        _refers(one) for one in spec.get("fields", {}).values()
    )


def _references(spec: Mapping[str, Any], value: object) -> Iterator[str]:
    if isinstance(value, str) and "ref" in (spec["type"], spec.get("of")):
        yield value
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _references(spec, one)
    elif isinstance(value, Mapping):
        for name, below in spec.get("fields", {}).items():
            if _refers(below):
                yield from _references(below, value.get(name))
