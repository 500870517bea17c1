"""Catalogue: the act types as data (`data/acts.json`), their facts compiled to fast checks.

Knows what an act type asks for, never the case at hand: whether the act may be taken now is the
guards' question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from ledger.errors import Fault, Rejected
from ledger.message import Message
from ledger.regulation.acts import json_shape
from ledger.regulation.acts.act import ORDINARY, Act, parse_act
from ledger.regulation.edition import Edition, load_edition

_Made = TypeVar("_Made")
MAY_BE_EMPTY: Final = frozenset({"contrary_evidence", "open_clocks"})
"""Required lists that may be empty (acts.json, notes)."""


@dataclass(frozen=True)
class Variant:
    """A signature class that replaces the usual one while `when` holds.

    Attributes:
        when: `{fact, equals}`, `{limit, fact, at_least}`, `{rule}` or `{level}`.
        signature_class: Least number of signers.
        signer_roles: Their roles in order.
        scale: For `at_least`: values of the fact from low to high.
        threshold: For `at_least`: the value of the limit in this edition.
    """

    when: Mapping[str, Any]
    signature_class: int
    signer_roles: tuple[str, ...]
    scale: tuple[str, ...] = ()
    threshold: str | None = None

    def holds(self, facts: Mapping[str, Any], level: str, *, founding: bool) -> bool:
        """Whether this variant replaces the usual class."""
        when = self.when
        if "rule" in when:
            return founding
        if "level" in when:
            return level != ORDINARY
        return facts.get(when["fact"]) in self.values

    @property
    def values(self) -> Sequence[object]:
        """What the fact says where this holds; nothing where it does not hang on a fact."""
        if "at_least" in self.when:
            return self.scale[self._from() :]
        return [self.when["equals"]] if "equals" in self.when else []

    def _from(self) -> int:
        """Position of the threshold; past the end where the limit is not on the scale."""
        known = self.threshold in self.scale
        return self.scale.index(str(self.threshold)) if known else len(self.scale)


@dataclass(frozen=True)
class ActType:
    """One act type; attributes as in acts.json.

    Attributes:
        act: Name, e.g. `ReferralSent`.
        streams: Kinds of stream it is accepted in; `stream` is the usual one.
        who: Codes of which the author's agency or post must hold at least one.
        to: Kinds of addressee; empty where the act is addressed to nobody.
        states_from: Case states it may be taken in; None: any; None inside: before the first act.
        moves: None, a state, `=` or a mapping by disposition.
        requires: Guards of this act alone.
        signer_powers: By signer role, codes of which who signs so must hold one; a role that is
            not there asks for none.
        in_absence: By signer role, further codes in their order, each of which serves while nobody
            else of the log could sign with one of those before it.
        restrictive: Whether it restricts a person.
        sub_process: Moves of sub-processes (life_cycle.json, notes).
        clocks: Codes it starts and stops.
        restarts: The fact that names an act whose clock runs anew by this one; None: it has none.
        correctable: By the path of a member that may be put right (`*` any item of a list), who
            may: WRITER, HANDLER.
        completable: By the path of a text that was left out and may be said later, who may.
        spoken_by: Codes of the body that says or does what the act records; empty: its author.
        recorded: Whether it records what came in from elsewhere: then its author is asked about on
            the day of signing, and not when it came.
        by_concerned: What it leaves to those whom a report of the case is about: AGENCY, OFFICER
            (the officer too), or None.
        public: The facts of it that anybody may read where it circulates as `PUBLIC`; none: it
            speaks to nobody outside (access.md A3).
        reconsidered_by: The act type by which what it says in substance is changed; None: none.
        log: `access` where it is written to the access log, else None.
        facts: The specification of its facts.
        raw: The whole entry as shipped.
    """

    act: str
    vi: str
    en: str
    group: str
    stream: str
    streams: tuple[str, ...]
    who: tuple[str, ...]
    to: tuple[str, ...]
    states_from: tuple[str | None, ...] | None
    moves: str | Mapping[str, str] | None
    requires: frozenset[str]
    signature_class: int
    signer_roles: tuple[str, ...]
    signer_powers: Mapping[str, tuple[str, ...]]
    in_absence: Mapping[str, tuple[str, ...]]
    variants: tuple[Variant, ...]
    sub_process: Mapping[str, Any] | None
    starts: tuple[str, ...]
    stops: tuple[str, ...]
    restarts: str | None
    correctable: Mapping[tuple[str, ...], frozenset[str]]
    completable: Mapping[tuple[str, ...], frozenset[str]]
    public: tuple[str, ...]
    reconsidered_by: str | None
    by_concerned: str | None
    spoken_by: tuple[str, ...]
    recorded: bool
    restrictive: bool
    source: tuple[str, ...]
    origin: str
    law: tuple[str, ...]
    log: str | None
    facts: Mapping[str, Mapping[str, Any]]
    raw: Mapping[str, Any] = field(repr=False)
    _check: json_shape.Check = field(repr=False)
    _made: dict[Callable[[Mapping[str, Any]], Any], Any] = field(repr=False)
    _check_above: json_shape.Check = field(repr=False)
    _texts: json_shape.Texts | None = field(repr=False)

    def of(self, make: Callable[[Mapping[str, Any]], _Made]) -> _Made:
        """What is made of the specification of its facts, once."""
        try:
            found: _Made = self._made[make]
        except KeyError:
            found = self._made[make] = make(self.facts)
        return found

    def check(self, facts: Mapping[str, Any], level: str = ORDINARY) -> list[Fault]:
        """Every fault of the facts, with pointers below `/facts`; empty where they fit."""
        flaws = (self._check if level == ORDINARY else self._check_above)(facts)
        if not flaws:
            return []
        return [Fault(f"/facts{flaw.path}", flaw.text) for flaw in flaws]

    def signature(
        self, act: Act, level: str = ORDINARY, *, founding: bool = False
    ) -> tuple[int, tuple[str, ...]]:
        """Signature class and roles that this act needs, variants applied.

        Args:
            act: The act; only its facts are asked.
            level: Level of the log.
            founding: Whether REGISTRY_FOUNDING holds (`Registry.founding`).
        """
        for variant in self.variants:
            if variant.holds(act.facts, level, founding=founding):
                return variant.signature_class, variant.signer_roles
        return self.signature_class, self.signer_roles

    def texts(self, facts: Mapping[str, Any]) -> list[tuple[str, str]]:
        """(pointer, text) of each free text, for the lint; the facts have passed `check`."""
        out: list[tuple[str, str]] = []
        if self._texts is not None:
            self._texts(facts, "/facts", out)
        return out


_NO_TYPE: Final = Fault("/act", Message("not in the catalogue"))


@dataclass(frozen=True)
class Catalogue:
    """The act types of an edition.

    Attributes:
        types: By name, in the order of acts.json, with the facts of every form of an act.
        form_2: Those of which an act of form 2 has fewer facts: the ledger gives what it leaves
            out (`case/registers.py`).
        above: Facts that an act of any type may have above ordinary.
        roles: Entries of `roles` by code: who may author, with vi and en.
        addressees: Entries of `addressees` by code.
        groups: Entries of `groups` by code.
        notes: How the entries are to be read.
    """

    types: Mapping[str, ActType]
    form_2: Mapping[str, ActType]
    above: Mapping[str, Mapping[str, Any]]
    roles: Mapping[str, Mapping[str, Any]]
    addressees: Mapping[str, Mapping[str, Any]]
    groups: Mapping[str, Mapping[str, Any]]
    notes: tuple[str, ...]

    def type(self, name: str, form: int = 1) -> ActType:
        """The act type of this name, with the facts that an act of a form (formats.md §2) has.

        Raises:
            Rejected: `unknown_act`: this edition has no such type.
        """
        found = self.types.get(name) if form < _FEWER else self.newest(name)
        if found is None:
            raise Rejected(
                "unknown_act",
                Message("The catalogue has no act type “{name}”.", name=name),
                faults=[_NO_TYPE],
                params={"act": name},
            )
        return found

    def newest(self, name: str) -> ActType | None:
        """The act type of this name as acts are written now; None where there is none."""
        return self.form_2.get(name) or self.types.get(name)

    def parse(self, members: Mapping[str, Any], level: str = ORDINARY) -> Act:
        """The act of a payload, with every fault of its form and of its facts named at once.

        Facts of an act that is otherwise in order are left to FACTS_INVALID, which names them too.

        Raises:
            Rejected: `malformed_act` or `unknown_act`.
        """
        try:
            act = parse_act(members, level=level)
        except Rejected as rejected:
            more = self._faults_of(members, level)
            raise Rejected(
                rejected.code,
                rejected.text,
                faults=[*rejected.faults, *more],
                params=rejected.params,
            ) from None
        self.type(act.act)
        return act

    def _faults_of(self, members: Mapping[str, Any], level: str) -> list[Fault]:
        """What else is wrong with a payload that is out of form: its type, its facts."""
        name, facts = members.get("act"), members.get("facts")
        newest = members.get("v") == _FEWER
        known = self.newest if newest else self.types.get
        kind = known(name) if isinstance(name, str) else None
        if kind is None:
            return [_NO_TYPE] if isinstance(name, str) else []
        return kind.check(facts, level) if isinstance(facts, dict) else []


def load() -> Catalogue:
    """The catalogue of the newest shipped edition, for pages, forms and labels.

    No record is judged by it: that is asked of the edition in force (`catalogue_of`).
    """
    return catalogue_of(load_edition())


def catalogue_of(edition: Edition) -> Catalogue:
    """The catalogue of an edition, compiled once."""
    return edition.of(compile_catalogue)


def compile_catalogue(edition: Edition) -> Catalogue:
    """Compiles the act types of an edition.

    Raises:
        ValueError: The data uses a type or a format that `json_shape.py` does not know.
    """
    data = edition.acts
    formats = {
        "clock": json_shape.one_of(_clock_codes(edition)),
        "act_type": json_shape.known_to(
            (e["act"] for e in data["acts"]), Message("an act type of the catalogue")
        ),
    }
    above: Mapping[str, Any] = data["common_facts"]["facts"]
    limits = {limit["code"]: limit["initial"]["value"] for limit in edition.life_cycle["limits"]}
    offices: Mapping[str, Sequence[str]] = edition.lint["offices"]
    anywhere = _correctable(data.get("correctable", {}))

    def compiled(entry: Mapping[str, Any]) -> ActType:
        read = offices.get(entry["act"], ())
        return _compile(entry, above, formats, limits, read, anywhere)

    fewer = {e["act"]: facts for e in data["acts"] if (facts := _of_form_2(e)) != e["facts"]}
    return Catalogue(
        types={e["act"]: compiled(e) for e in data["acts"]},
        form_2={
            e["act"]: compiled({**e, "facts": fewer[e["act"]]})
            for e in data["acts"]
            if e["act"] in fewer
        },
        above=above,
        roles=_by_code(data["roles"]),
        addressees=_by_code(data["addressees"]),
        groups=_by_code(data["groups"]),
        notes=tuple(data["notes"]),
    )


_FEWER: Final = 2
"""The form of an act from which on some facts are given by the ledger."""


def _of_form_2(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """The facts that an act of form 2 says: without those that stand in form 1 alone."""
    return {name: spec for name, spec in entry["facts"].items() if spec.get("forms") != [1]}


def _by_code(entries: Sequence[Mapping[str, Any]]) -> Mapping[str, Mapping[str, Any]]:
    return {entry["code"]: entry for entry in entries}


def _clock_codes(edition: Edition) -> list[str]:
    """Codes of clocks and limits of life_cycle.json, and of rules that only registry.json has."""
    named = [*edition.life_cycle["clocks"], *edition.life_cycle["limits"]]
    return list(dict.fromkeys(e["code"] for e in [*named, *edition.registry["clock_rules"]]))


def _compile(
    entry: Mapping[str, Any],
    above: Mapping[str, Any],
    formats: Mapping[str, json_shape.Check],
    limits: Mapping[str, Any],
    offices: Sequence[str],
    correctable: Mapping[tuple[str, ...], frozenset[str]],
) -> ActType:
    facts: Mapping[str, Mapping[str, Any]] = entry["facts"]
    # what is an office's number or address by definition is not read for a person's
    read = {name: spec for name, spec in facts.items() if name not in offices}
    states = entry["states_from"]
    return ActType(
        act=entry["act"],
        vi=entry["vi"],
        en=entry["en"],
        group=entry["group"],
        stream=entry["stream"],
        streams=tuple(entry.get("streams", (entry["stream"],))),
        who=tuple(entry["who"]),
        to=tuple(entry["to"]),
        states_from=None if states is None else tuple(states),
        moves=entry["moves"],
        requires=frozenset(entry["requires"]),
        signature_class=entry["signature_class"],
        signer_roles=tuple(entry["signer_roles"]),
        signer_powers={r: tuple(c) for r, c in entry.get("signer_powers", {}).items()},
        in_absence={r: tuple(c) for r, c in entry.get("in_absence", {}).items()},
        variants=tuple(_variant(v, facts, limits) for v in entry.get("signature_variants", ())),
        sub_process=entry["sub_process"],
        starts=tuple(entry["clocks"]["starts"]),
        stops=tuple(entry["clocks"]["stops"]),
        restarts=entry["clocks"].get("restarts"),
        correctable={**correctable, **_correctable(entry.get("correctable", {}), "facts")},
        completable=_correctable(entry.get("completable", {}), "facts"),
        public=tuple(entry.get("public", ())),
        reconsidered_by=entry.get("reconsidered_by"),
        by_concerned=entry.get("by_concerned"),
        spoken_by=tuple(entry.get("spoken_by", ())),
        recorded=entry.get("recorded", False),
        restrictive=entry["restrictive"],
        source=tuple(entry["source"]),
        origin=entry["origin"],
        law=tuple(entry.get("law", ())),
        log=entry.get("log"),
        facts=facts,
        raw=entry,
        _check=json_shape.compile_members(facts, formats, MAY_BE_EMPTY),
        _check_above=json_shape.compile_members({**facts, **above}, formats, MAY_BE_EMPTY),
        _texts=json_shape.compile_texts(read),
        _made={},
    )


def _correctable(
    listed: Mapping[str, Sequence[str]], *below: str
) -> Mapping[tuple[str, ...], frozenset[str]]:
    """Paths of members that may be put right, as steps, with who may."""
    return {(*below, *path.split(".")): frozenset(who) for path, who in listed.items()}


def _variant(
    entry: Mapping[str, Any],
    facts: Mapping[str, Mapping[str, Any]],
    limits: Mapping[str, Any],
) -> Variant:
    when = entry["when"]
    ranked = "at_least" in when
    return Variant(
        when=when,
        signature_class=entry["signature_class"],
        signer_roles=tuple(entry["signer_roles"]),
        scale=tuple(facts[when["fact"]]["enum"]) if ranked else (),
        threshold=limits[when["limit"]] if ranked else None,
    )
