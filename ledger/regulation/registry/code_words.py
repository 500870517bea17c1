"""What stands for a code in a sentence: nobody is refused in a language that they do not read.

Guards name what they mean by its code, which programs go by; a person is told the word. A post is
called as its agency calls it, an agency as on the day of the act.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Final

from ledger.message import Wording
from ledger.regulation.acts.catalogue import catalogue_of
from ledger.regulation.acts.lifecycle import life_cycle_of
from ledger.regulation.edition import Edition
from ledger.regulation.registry.registry import Registry
from ledger.regulation.words import labels, vocabulary

_ENGLISH: Final = "_en"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_]+(?:[-.][A-Za-z0-9_]+)*")
_CODED: Final = re.compile(
    r"[A-Z0-9]*_[A-Z0-9_]+|[A-Z]{4,}|[a-z0-9]+(?:[-.][a-z0-9]+)+|(?:[A-Z][a-z]+){2,}|MET|MAT"
)
"""How a code is written that is no word of a language."""
_CAPITALS: Final = re.compile(r"[A-Z0-9]*_[A-Z0-9_]+|[A-Z]{3,}|(?:[A-Z][a-z]+){2,}")
_FACTS: Final = "facts."
_OF_EVERY_ACT: Final[Mapping[str, str]] = {
    "occurred_at": "the time of the act",
    "act_id": "id of the act",
    "refers_to": "what it refers to",
    "late_reason": "why it is entered late",
    "signer_roles": "roles of its signers",
    "states_from": "states that it asks for",
    "id_fact": "fact that names the sub-process",
    "sub_process": "sub-process",
}
_TABLES: Final = ("findings", "outcomes", "clocks_in_sentences", "teams")


def in_words(
    params: Mapping[str, str], registry: Registry, edition: Edition, day: date
) -> Mapping[str, str]:
    """What fills a sentence, each code in it put in words; `<name>_en` is for the English one.

    Args:
        params: As a guard gave them.
        registry: As the log stands.
        edition: The rules in force.
        day: Of the act.
    """
    found: dict[str, str] = {}
    for name, value in params.items():
        if name.endswith(_ENGLISH):
            found[name] = _told(value, registry, edition, day, english=True)
        else:
            found[name] = _told(value, registry, edition, day, english=False)
            found.setdefault(
                name + _ENGLISH,
                _told(params.get(name + _ENGLISH, value), registry, edition, day, english=True),
            )
    return found


def _told(text: str, registry: Registry, edition: Edition, day: date, *, english: bool) -> str:
    def word(match: re.Match[str]) -> str:
        code = match[0]
        if not _CODED.fullmatch(code):
            return code
        found = _word(code, registry, edition, day)
        return code if found is None else (found.en if english else found.vi)

    return _TOKEN.sub(word, text)


def in_english(text: str, edition: Edition) -> str:
    """A condition of the rulebook with words for its codes; a guard's is the heading it stands at.

    Args:
        text: As the rulebook has it.
        edition: Whose condition it is.
    """
    members, known = edition.of(_members), edition.of(_known)

    def plain(match: re.Match[str]) -> str:
        name = match[0].removeprefix(_FACTS)
        return members.get(name, name) if "_" in name else match[0]

    def word(match: re.Match[str]) -> str:
        code = match[0].removeprefix(_FACTS)
        if code in members and ("_" in code or code != match[0]):
            return f"“{members[code]}”"
        if code != match[0]:
            return f"“{code}”"
        named = known.get(code) if _CAPITALS.fullmatch(code) else None
        if named is not None and named.en != code:
            return f"“{_TOKEN.sub(plain, named.en)}”"
        return f"`{code}`" if code in edition.of(_guards) else code

    return _TOKEN.sub(word, text)


def _guards(edition: Edition) -> frozenset[str]:
    return frozenset(line["code"] for line in edition.guards["guards"])


def _members(edition: Edition) -> Mapping[str, str]:
    """What members of acts are called in English, those of facts as the first act type says."""
    found = dict(_OF_EVERY_ACT)
    specs = [kind.facts for kind in catalogue_of(edition).types.values()]
    while specs:
        for name, spec in specs.pop(0).items():
            found.setdefault(name, str(spec.get("en", name.replace("_", " "))))
            specs.append(spec.get("fields", {}))
    return found


def _word(code: str, registry: Registry, edition: Edition, day: date) -> Wording | None:
    """The word of a code of any kind; None where it is none."""
    if "." in code and registry.agency(code) is not None:
        name = registry.name(code, day)
        return Wording(name, name)
    known = edition.of(_known).get(code)
    if known is not None:
        return known
    return _post(registry, day, code) if code.islower() else None


def _post(registry: Registry, day: date, code: str) -> Wording | None:
    """A post, as the first agency calls it that has one of this code, of that day if there is."""
    having = [line for line in registry.agencies.all() if code in line.posts]
    of_day = [line for line in having if line.existed(day)]
    called = next((line.posts[code].vi for line in (*of_day, *having)), None)
    return None if called is None else Wording(called, called)


def _known(edition: Edition) -> Mapping[str, Wording]:
    """Everything of an edition that has a code and a word; what is said first is what stands."""
    cycle, catalogue = life_cycle_of(edition), catalogue_of(edition)
    found: dict[str, Wording] = {}
    for table in _TABLES:
        words = vocabulary(table)
        found |= {code: w for code, w in words.items() if code not in found and w.en != code}
    clocks = [*edition.life_cycle["clocks"], *edition.life_cycle["limits"]]
    lines = [*clocks, *edition.acts["roles"], *edition.acts["addressees"]]
    for line in (*edition.registry["functions"], *lines):
        found.setdefault(line["code"], Wording(line["vi"], line.get("en") or line["vi"]))
    for code, (vi, en) in cycle.labels.items():
        found.setdefault(code, Wording(vi, en))
    for code, kind in catalogue.types.items():
        found.setdefault(code, Wording(kind.vi, kind.en))
    for table in ("sub_states", "values", "flags"):
        for code, wording in labels(table).items():
            found.setdefault(code, wording)
    return found
