"""What each act type gives to whom (`data/participation.json`), checked as it is loaded."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Final

from ledger.regulation.acts.catalogue import Catalogue, catalogue_of
from ledger.regulation.edition import Edition, load_edition, optional_date, within

STATED: Final = "STATED"
EFFECT: Final = "EFFECT"
OF_THE_REGISTRY: Final = frozenset({"AGENCY", "GRANT", "INSPECTION", "UNIT"})
"""Scopes that give no row of a case: the registry answers them, or a log above ordinary."""
UNIT: Final = "UNIT"
"""The scope of a document or annex: above ordinary it gives the acts of it."""
NAMED: Final = "NAMED"
"""The end that the act names, for each of those whom it means."""

#: Selectors that name nothing, functions or powers, and members of the act.
_PLAIN: Final = frozenset({"signers", "signing_agencies", "author_agency"})
_OF_ROLES: Final = frozenset({"to", "post", "any_post"})
_OF_FACTS: Final = frozenset(
    {"fact", "officer", "officers", "issuer_of", "superior_of", "handler_of", "successors_of"}
)
_OUTSIDE_FACTS: Final = frozenset({"corrects", "refers_to"})
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Gift:
    """One line: whom an act lets take part, in how much, until when.

    Attributes:
        who: Selector.
        members: What it names: members of the facts, a function or a power.
        scope: CASE, ACT, ALONE, or one of `OF_THE_REGISTRY`.
        until: Code of its end.
        begins: STATED with the author's statement, EFFECT with the last signature.
        when: Fact and value without which it gives nothing.
    """

    who: str
    members: tuple[str, ...]
    scope: str
    until: str
    begins: str
    when: tuple[str, Any] | None

    def meets(self, facts: Mapping[str, Any]) -> bool:
        """Whether it gives anything by an act with these facts."""
        return self.when is None or facts.get(self.when[0]) == self.when[1]


@dataclass(frozen=True, slots=True)
class ParticipationRule:
    """What an act type gives on the days from `valid_from` to `valid_to`, None: open.

    Attributes:
        gifts: Those of the type, after those of every act.
        withholds: Facts that name acts to which it leads nobody it is sent to.
        whole_for_countersigners: Whether who countersigns sees what the author's agency sees.
        vi: Why, in Vietnamese.
        en: Why, in English.
    """

    act: str
    valid_from: date | None
    valid_to: date | None
    gifts: tuple[Gift, ...]
    withholds: frozenset[str]
    whole_for_countersigners: bool
    vi: str
    en: str


@dataclass(frozen=True)
class ParticipationRules:
    """The rules of an edition by act type, oldest first, and what codes mean in (vi, en).

    `countersigners`: why who signs next sees what the author's agency sees.
    """

    by_act: Mapping[str, tuple[ParticipationRule, ...]]
    countersigners: tuple[str, str]
    scopes: Mapping[str, tuple[str, str]]
    ends: Mapping[str, tuple[str, str]]

    def on(self, act: str, day: date) -> ParticipationRule | None:
        """The rule of an act type on a day; None for a type that this edition does not know."""
        return next(
            (r for r in self.by_act.get(act, ()) if within(r.valid_from, r.valid_to, day)), None
        )


def load() -> ParticipationRules:
    """The rules of the newest shipped edition, for pages and labels."""
    return rules_of(load_edition())


def rules_of(edition: Edition) -> ParticipationRules:
    """The rules of an edition, checked once.

    Raises:
        ValueError: As of `compile_rules`.
    """
    return edition.of(_of)


def _of(edition: Edition) -> ParticipationRules:
    return compile_rules(edition, catalogue_of(edition))


def compile_rules(edition: Edition, catalogue: Catalogue) -> ParticipationRules:
    """The rules of an edition.

    Raises:
        ValueError: An act type has no rule on some day, or two; a rule is for no act type; a line
            names a selector, member, function, power, scope or end that is not known.
    """
    data = edition.participation
    scopes, ends = _words(data["scopes"]), _words(data["ends"])
    every = tuple(_gift(line) for line in data["every_act"])
    by_act: dict[str, tuple[ParticipationRule, ...]] = {}
    for entry in data["acts"]:
        by_act[entry["act"]] = (*by_act.get(entry["act"], ()), _rule(entry, every))
    why = data["countersigners"]
    rules = ParticipationRules(by_act, (why["vi"], why["en"]), scopes, ends)
    faults = list(_faults(rules, catalogue))
    if faults:
        raise ValueError("participation.json: " + "; ".join(faults))
    return rules


def _words(entries: Sequence[Mapping[str, str]]) -> dict[str, tuple[str, str]]:
    return {entry["code"]: (entry["vi"], entry["en"]) for entry in entries}


def _rule(entry: Mapping[str, Any], every: tuple[Gift, ...]) -> ParticipationRule:
    return ParticipationRule(
        act=entry["act"],
        valid_from=optional_date(entry["from"]),
        valid_to=optional_date(entry["to"]),
        gifts=(*every, *(_gift(line) for line in entry["gives"])),
        withholds=frozenset(entry.get("withholds", ())),
        whole_for_countersigners=entry.get("countersigners") != "ACT",
        vi=entry["vi"],
        en=entry["en"],
    )


def _gift(line: Mapping[str, Any]) -> Gift:
    who, _, members = line["who"].partition(":")
    when = line.get("when")
    return Gift(
        who=who,
        members=tuple(members.split(",")) if members else (),
        scope=line["scope"],
        until=line["until"],
        begins=line.get("begins", EFFECT),
        when=None if when is None else (when["fact"], when["equals"]),
    )


def _faults(rules: ParticipationRules, catalogue: Catalogue) -> Iterator[str]:
    for act in catalogue.types.keys() - rules.by_act.keys():
        yield f"{act} has no entry"
    for act, dated in rules.by_act.items():
        if act not in catalogue.types:
            yield f"{act} is no act type"
            continue
        yield from _gaps(act, dated)
        for rule in dated:
            for gift in rule.gifts:
                yield from (f"{act}: {fault}" for fault in _wrong(gift, rules, catalogue, act))
            missing = rule.withholds - catalogue.types[act].facts.keys()
            yield from (f"{act} withholds {name}, which is no fact" for name in missing)


def _gaps(act: str, dated: Sequence[ParticipationRule]) -> Iterator[str]:
    """One rule for each day: the first and the last are open, and each begins as one ends."""
    if dated[0].valid_from is not None or dated[-1].valid_to is not None:
        yield f"{act} has days without a rule"
    for one, other in pairwise(dated):
        if one.valid_to is None or other.valid_from != one.valid_to + _DAY:
            yield f"{act}: the rule from {other.valid_from} does not follow on the one before"


def _wrong(gift: Gift, rules: ParticipationRules, catalogue: Catalogue, act: str) -> Iterator[str]:
    facts = catalogue.types[act].facts
    if gift.scope not in rules.scopes:
        yield f"no scope {gift.scope}"
    if gift.until not in rules.ends:
        yield f"no end {gift.until}"
    if gift.begins not in (STATED, EFFECT):
        yield f"no beginning {gift.begins}"
    if gift.when is not None and gift.when[0] not in facts:
        yield f"no fact {gift.when[0]}"
    yield from _wrong_selector(gift, catalogue, facts.keys() | _OUTSIDE_FACTS)


def _wrong_selector(gift: Gift, catalogue: Catalogue, facts: Collection[str]) -> Iterator[str]:
    if gift.who in _OF_FACTS:
        unknown = [name for name in gift.members if name not in facts]
    elif gift.who in _OF_ROLES:
        unknown = [name for name in gift.members if name not in catalogue.roles]
    else:
        unknown = [] if gift.who in _PLAIN else [gift.who]
    named = gift.who in _OF_FACTS | _OF_ROLES - {"to"}
    if bool(gift.members) != named and gift.who != "to":
        yield f"{gift.who} and what it names do not fit"
    yield from (f"{gift.who} names {name}, which is not known" for name in unknown)
