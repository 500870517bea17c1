"""An act in words: its sentence, its grounds and its facts, by the labels of the catalogue.

Nothing is judged here: whether a ground was in force on the day is asked of the registry and told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Protocol

from ledger.json_pointer import child, names
from ledger.message import Message, Text, Wording, meaning
from ledger.regulation.acts.act import Act, Basis
from ledger.regulation.acts.catalogue import ActType, load
from ledger.regulation.acts.json_shape import parse_date, parse_time
from ledger.regulation.case.state import ERASURE
from ledger.regulation.registry.calendar import VIETNAM
from ledger.regulation.registry.registry import Registry
from ledger.regulation.words import label

SEALED: Final = "sealed:"
_POST: Final = "post"
"""How the name of a fact ends that names a post, by its code: no edition marks it otherwise."""
BASIS_WORDS: Final[Mapping[str, Message]] = {
    "COMPETENCE": Message("competence"),
    "SUBSTANCE": Message("substance"),
    "PROCEDURE": Message("procedure"),
}
_EXPLAINED: Final = re.compile(r"[:;] ")
_AHEAD: Final[Mapping[str, Message]] = {
    ERASURE: Message(
        "Once the content is erased, a case or programme of which this act names a record takes no"
        " further act: no measure in it can be lifted, no complaint and no reporter answered."
        " Record there first whatever is still to be done."
    )
}
_YES, _NO = meaning("fact", "yes"), meaning("fact", "no")
_SEALED: Final = Message("a person whose identity is sealed")


class AgencyNames(Protocol):
    """What agencies and posts are called: the registry, or what a client was told of it."""

    def name(self, agency: str, on: date) -> str:
        """The name of an agency on a day; its id where it has none."""

    def post_name(self, agency: str, post: str) -> str:
        """The name of a post of an agency; its code where it has none."""


@dataclass(frozen=True, slots=True)
class FactInWords:
    """One fact of an act.

    Attributes:
        pointer: JSON Pointer into the act, e.g. `/facts/limbs/0/result`.
        labels: What it is called, outermost first.
        value: A text in both languages, a day or a time, or what was signed as it stands.
    """

    pointer: str
    labels: tuple[Wording, ...]
    value: object


@dataclass(frozen=True, slots=True)
class GroundInWords:
    """One legal ground of an act.

    Attributes:
        basis: As signed.
        role: What it is a ground for.
        title: Title of the instrument; None where the registry has no such instrument.
        in_force: Whether it, or the provision where that has dates of its own, was in force on the
            day of the act.
        valid_from: First day of the instrument; None where it is unknown.
        valid_to: Last day; None: open, or unknown.
    """

    basis: Basis
    role: Text
    title: str | None
    in_force: bool
    valid_from: date | None
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class Reference:
    """That an act names another.

    Attributes:
        pointer: Where, as a JSON Pointer into the act.
        act_id: The act that it names.
    """

    pointer: str
    act_id: str


def sentence(act: Act, kind: ActType | None, registry: AgencyNames) -> Text:
    """Who did what, to whom, by which document: one sentence, filled from the act alone.

    Args:
        act: The act.
        kind: Its type; None where no shipped edition has it.
        registry: Names of agencies, as they were on the day of the act.
    """
    done: Text = Wording(act.act, act.act) if kind is None else Wording(kind.vi, kind.en)
    told: Text = Message("{agency}: {act}", agency=registry.name(act.agency, act.day), act=done)
    addressed = list(dict.fromkeys(addressee(to, act, registry) for to in act.to))
    if addressed:
        told = Message("{told}, to {to}", told=told, to=_listed(addressed))
    if act.document is not None:
        told = Message(
            "{told}, by document {number}/{symbol} of {day}",
            told=told,
            number=act.document["number"],
            symbol=act.document["symbol"],
            day=parse_date(act.document["date"]),
        )
    return told


def ahead(act: str) -> Text | None:
    """What comes of an act that its facts do not say, for whoever is about to sign; mostly nothing.

    Args:
        act: Its type.
    """
    return _AHEAD.get(act)


def addressee(to: str, act: Act, registry: AgencyNames) -> Text:
    """Whom a member of `to` names, as on the day of the act."""
    if to.startswith(SEALED):
        return _SEALED
    name = registry.name(to, act.day)
    return Wording(name, name)


def _listed(names: Iterable[Text]) -> Text:
    first, *others = names
    told = first
    for one in others:
        told = Message("{told}; {more}", told=told, more=one)
    return told


def grounds(act: Act, registry: Registry) -> list[GroundInWords]:
    """The legal grounds of an act, in the order in which it names them."""
    return [_ground(one, act.day, registry) for one in act.basis]


def _ground(basis: Basis, day: date, registry: Registry) -> GroundInWords:
    line = registry.instrument(basis.instrument, day)
    return GroundInWords(
        basis,
        BASIS_WORDS[basis.role],
        None if line is None else line.title,
        registry.in_force(basis.instrument, day, basis.article, basis.clause, basis.point),
        None if line is None else line.valid_from,
        None if line is None else line.valid_to,
    )


def facts(act: Act, kind: ActType | None, registry: AgencyNames) -> list[FactInWords]:
    """The facts of an act, a line for each that holds one thing, in the catalogue's order.

    A fact that the type does not know (an act of an edition that is not shipped) is told as it
    stands.
    """
    known = {} if kind is None else {**kind.facts, **load().above}
    order = sorted(act.facts, key=[*known, *act.facts].index)
    return [
        FactInWords(pointer, labels, _value(pointer, spec, value, act, registry))
        for name in order
        for spec, value, pointer, labels in _facts(
            known.get(name, {}), act.facts[name], f"/facts/{name}", ()
        )
    ]


def _facts(
    spec: Mapping[str, Any], value: object, pointer: str, above: tuple[Wording, ...]
) -> Iterator[tuple[Mapping[str, Any], object, str, tuple[Wording, ...]]]:
    """What stands below one member: its specification, value, pointer and labels, each leaf."""
    name = names(pointer)[-1]
    called = Wording(_label(spec.get("vi", name)), _label(spec.get("en", name)))
    if isinstance(value, list):
        item = {**spec, "type": spec.get("of")}
        for n, one in enumerate(value):
            several = len(value) > 1 and isinstance(one, Mapping)
            told = _counted(called, n + 1) if several else called
            yield from _below(item, one, child(pointer, n), (*above, told))
    else:
        yield from _below(spec, value, pointer, (*above, called))


def _below(
    spec: Mapping[str, Any], value: object, pointer: str, labels: tuple[Wording, ...]
) -> Iterator[tuple[Mapping[str, Any], object, str, tuple[Wording, ...]]]:
    if not isinstance(value, Mapping):
        yield spec, value, pointer, labels
        return
    fields: Mapping[str, Mapping[str, Any]] = spec.get("fields", {})
    for member in sorted(value, key=[*fields, *value].index):
        yield from _facts(fields.get(member, {}), value[member], child(pointer, member), labels)


def _label(told: str) -> str:
    """What a fact is called: the catalogue says it before a colon or semicolon, and explains."""
    return _EXPLAINED.split(told, maxsplit=1)[0]


def _counted(called: Wording, n: int) -> Wording:
    return Wording(f"{called.vi} {n}", f"{called.en} {n}")


def _value(
    pointer: str, spec: Mapping[str, Any], value: object, act: Act, registry: AgencyNames
) -> object:
    if isinstance(value, bool):
        return _YES if value else _NO
    if not isinstance(value, str):
        return value
    match spec.get("type"), spec.get("format"):
        case "datetime", _:
            return parse_time(value).astimezone(VIETNAM)
        case "date", _:
            return parse_date(value)
        case _, "agency":
            return registry.name(value, act.day)
        case _:
            return _post(pointer, value, act, registry) or _coded(pointer, spec, value)


def _post(pointer: str, code: str, act: Act, registry: AgencyNames) -> str | None:
    """A post that a fact names, of the agency beside it, else of the author's own; else None."""
    _, *above, name = names(pointer)
    if not name.endswith(_POST):
        return None
    beside: Any = act.facts
    for step in above:
        beside = beside[int(step)] if isinstance(beside, list) else beside[step]
    whose = name.removesuffix(_POST).removesuffix("_")
    said = (beside.get(member) for member in (whose, f"{whose}_agency", "agency"))
    agency = next((one for one in said if isinstance(one, str) and "." in one), act.agency)
    return registry.post_name(agency, code)


def _coded(pointer: str, spec: Mapping[str, Any], value: str) -> object:
    """The word for a code of an enumeration or of the catalogue; any other text as it stands."""
    coded = "enum" in spec or spec.get("format") == "act_type"
    if coded and (kind := load().types.get(value)) is not None:
        return Wording(kind.vi, kind.en)
    if "enum" not in spec:
        return value
    member = next(name for name in reversed(names(pointer)) if not name.isdecimal())
    return label(member, value) or value


def _names_acts(spec: Mapping[str, Any]) -> bool:
    """Whether a fact may name acts, itself or by what is below it."""
    below: Mapping[str, Mapping[str, Any]] = spec.get("fields", {})
    return "ref" in (spec.get("type"), spec.get("of")) or any(map(_names_acts, below.values()))


def references(act: Act, kind: ActType | None) -> list[Reference]:
    """Every act that an act names: what it corrects, what it refers to, and by its facts."""
    named = [("/corrects", act.corrects), ("/refers_to", act.refers_to)]
    found = [Reference(pointer, act_id) for pointer, act_id in named if act_id is not None]
    if kind is not None:
        found += [
            Reference(pointer, value)
            for name, given in act.facts.items()
            if _names_acts(kind.facts.get(name, {}))
            for spec, value, pointer, _ in _facts(kind.facts[name], given, f"/facts/{name}", ())
            if spec.get("type") == "ref" and isinstance(value, str)
        ]
    return found
