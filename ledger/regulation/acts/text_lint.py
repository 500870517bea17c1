"""Lint of free text by dated lists: identifiers of persons, secrecy marks, words that prejudge.

A lint knows patterns (`data/lint.json`), not persons: it stops what can be recognised, and sealed
fields are for the rest. It answers with codes and never repeats what it found, so that no error
text or log carries it on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, Final

from ledger.regulation.acts.expression_needs import CAPITALS, Needs, needs
from ledger.regulation.edition import Edition, optional_date, within
from ledger.values import frozen_value

_UPPER: Final = "A-Z" + "".join(sorted(c for c in CAPITALS if not c.isascii()))
_CAPITAL: Final = re.compile(f"[{_UPPER}]")
_DIGIT: Final = re.compile(r"\d")
_DIGITS: Final = re.compile(r"\d(?:[ .-]?\d){5,}")
_WORDS: Final = re.compile(r"\w+")
_WINDOW: Final = 2_048
_IN_COMMON: Final = 512
_NO_GROUP: Final = 1_000_000
"""Digits that no text has in one group."""
_ANY_CASE: Final = re.compile(r"\(\?i:((?:[\w ]+\|){15,}[\w ]+)\)")
"""A long list of words in small or capital letters, as expressions write it."""


@frozen_value(frozen=True, slots=True)
class Traits:
    """What a text holds, or some that are looked at together: by that most entries are passed by.

    Attributes:
        text: It, or all of them, a line each.
        words: Its words.
        digit: Whether it holds a digit.
        longest: Digits of its longest group.
        capital: Whether a capital letter stands in it, or in one of them, behind the first place.
    """

    text: str
    words: frozenset[str]
    digit: bool
    longest: int
    capital: bool

    def as_one(self) -> Traits:
        """The same of texts that are looked at as one: then each may begin inside it."""
        return Traits(self.text, self.words, self.digit, self.longest, capital=True)


@dataclass(frozen=True, slots=True)
class Pattern:
    """One dated entry. `triggers`, `chars`, `digits` are what must occur before `search` is tried.

    Attributes:
        code: What it finds.
        vi: The same in words.
        en: The same in English.
        valid_from: First day.
        valid_to: Last day; None: open.
        triggers: Words as they stand in the text; empty: none needed.
        chars: A text that must occur; empty: none needed.
        digits: Digits that must stand in one group; 0: none.
        search: The expression.
        masked: Whether it is tried on a text in which names of places, houses and works are blank.
        needs: What the expression cannot match without.
    """

    code: str
    vi: str
    en: str
    valid_from: date
    valid_to: date | None
    triggers: frozenset[str]
    chars: str
    digits: int
    search: re.Pattern[str]
    masked: bool = False
    needs: Needs = field(default=Needs(), repr=False)

    def may_match(self, traits: Traits) -> bool:
        """Whether the expression could match, words and signs aside."""
        needed = self.needs
        return (
            traits.longest >= self.digits
            and (traits.capital or not needed.capital)
            and (traits.digit or not needed.digit)
            and needed.literal in traits.text
        )

    def on(self, day: date | None) -> bool:
        """Whether the entry is in use that day; without a day, whether it is in use still."""
        if day is None:
            return self.valid_to is None
        return within(self.valid_from, self.valid_to, day)


class Family:
    """Entries tried together: most texts hold no trigger of any of them and cost one look."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self.patterns = tuple(patterns)
        self._by_sign = tuple(p for p in patterns if not p.triggers)
        self._always = tuple(p for p in self._by_sign if not (p.digits or p.chars))
        self._shortest = min((p.digits for p in self._by_sign if p.digits), default=_NO_GROUP)
        signs = {p.chars for p in self._by_sign if p.chars}
        self._sign = re.compile("|".join(map(re.escape, sorted(signs)))) if signs else None
        self._by_word: dict[str, list[int]] = {}  # places of the entries that a word triggers
        for place, pattern in enumerate(patterns):
            for word in pattern.triggers:
                self._by_word.setdefault(word, []).append(place)
        self._triggers = frozenset(self._by_word)

    def candidates(self, traits: Traits) -> list[Pattern]:
        """Entries whose expression could match."""
        if traits.longest < self._shortest and not (self._sign and self._sign.search(traits.text)):
            found = [p for p in self._always if p.may_match(traits)]
        else:
            found = [p for p in self._by_sign if p.chars in traits.text and p.may_match(traits)]
        hot = self._triggers & traits.words
        if hot:
            places = {place for word in hot for place in self._by_word[word]}
            named = [self.patterns[place] for place in sorted(places)]
            found += [p for p in named if p.may_match(traits)]
        return found


@frozen_value(frozen=True, slots=True)
class Suspect:
    """What looks like a person in a text.

    Attributes:
        code: What it looks like.
        vi: The same in words.
        en: The same in English.
        start: First character, from 0.
        end: Behind the last one.
    """

    code: str
    vi: str
    en: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Lists:
    """The lists of data/lint.json, compiled.

    Attributes:
        identifiers: What the first edition refuses, and no search asks for.
        sure: Numbers and addresses that are a person's, whatever is meant.
        suspected: What looks like a person, the sure ones among it.
        no_names: Names of places, houses, works and saints, in which no person is looked for.
        never_refused: Act types that are taken whatever their texts say.
        secret_marks: Stamps and marks of state secrets.
        secret_words: The same levels as they are written in a sentence.
        secret: Both.
    """

    identifiers: Family
    sure: Family
    suspected: Family
    no_names: tuple[re.Pattern[str], ...]
    never_refused: frozenset[str]
    secret_marks: Family
    secret_words: Family
    secret: Family
    words: Family
    quoted: re.Pattern[str]


def lists(edition: Edition) -> Lists:
    """The lists of an edition, compiled once."""
    return edition.of(_of)


def _of(edition: Edition) -> Lists:
    data = edition.lint
    macros = {**data["macros"], "UPPER": _UPPER}
    marks = _compile(data["secret_marks"], macros)
    words = _compile(data.get("secret_words", ()), macros)
    return Lists(
        identifiers=_compile(data["identifiers"], macros),
        sure=_compile(data.get("sure", ()), macros),
        suspected=_compile((*data.get("sure", ()), *data.get("suspected", ())), macros),
        no_names=tuple(
            re.compile(_looking_ahead(_expand(one, _expressions(macros))))
            for one in data.get("no_names", ())
        ),
        never_refused=frozenset(data.get("never_refused", ())),
        secret_marks=marks,
        secret_words=words,
        secret=Family((*marks.patterns, *words.patterns)),
        words=_compile(data["words"], macros),
        quoted=re.compile("|".join(data["quotes"])),
    )


def identifiers(text: str, edition: Edition) -> list[str]:
    """Codes of identifiers of a natural person in a text (G14); posts, agencies, offices pass.

    By the list in use today: what enters the log is held to it, however far back it is dated.
    """
    return _find(lists(edition).identifiers, text)


def sure_identifiers(text: str, edition: Edition) -> list[str]:
    """Codes of numbers, addresses and names in a text that are a person's for sure (G14)."""
    listed = lists(edition)
    candidates = [p for p in listed.sure.candidates(_traits(text)) if p.on(None)]
    if not any(next(hits(p.search, text), None) for p in candidates):
        return []
    # a street or a school may be called so
    return [s.code for s in _found(listed.sure, text, listed.no_names)]


def suspects(text: str, edition: Edition) -> list[Suspect]:
    """What looks like a person in a text, with its place, in order; what it says is not repeated.

    By the list in use today, as for `identifiers`.
    """
    listed = lists(edition)
    return _apart(_found(listed.suspected, text, listed.no_names))


def _found(family: Family, text: str, no_names: Sequence[re.Pattern[str]]) -> list[Suspect]:
    candidates = family.candidates(_traits(text))
    if not candidates:
        return []
    masked = _masked(text, no_names) if any(p.masked for p in candidates) else text
    found = {
        Suspect(p.code, p.vi, p.en, *hit.span())
        for p in candidates
        if p.on(None)
        for hit in hits(p.search, masked if p.masked else text)
    }
    return sorted(found, key=lambda s: (s.start, -s.end, s.code, s.vi))


def hits(search: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """What an expression finds, a window of the text at a time, each behind the one before it.

    An expression may go over a run of digits or spaces once from each of them. In one text of the
    length that an act may have that is ten seconds of a processor, for everybody who judges it;
    within a window it is next to nothing. What is longer than two windows have in common may be
    found in part.
    """
    start, last = 0, False
    while not last:
        last = start + _WINDOW >= len(text)
        stop = len(text) if last else start + _WINDOW - _IN_COMMON
        behind = stop
        for hit in search.finditer(text, start, start + _WINDOW):
            if hit.start() >= stop:
                break
            yield hit
            behind = max(behind, hit.end())
        start = behind


def _apart(found: Sequence[Suspect]) -> list[Suspect]:
    """Of what lies in one place the first and longest."""
    kept: list[Suspect] = []
    for one in found:
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return kept


def _masked(text: str, no_names: Sequence[re.Pattern[str]]) -> str:
    """The text with such names blank, every other character in its place."""
    for pattern in no_names:
        text = pattern.sub(lambda hit: " " * len(hit.group()), text)
    return text


def secret_marks(text: str, edition: Edition) -> list[str]:
    """Codes of secrecy markings that the text bears (4.4, G11), by the list in use today."""
    return _find(lists(edition).secret_marks, text)


def secret_words(text: str, edition: Edition) -> list[str]:
    """Codes of words by which a text says of itself that it is of a secret level (4.4, G11)."""
    return _find(lists(edition).secret_words, text)


def words_to_avoid(text: str, day: date, edition: Edition) -> list[str]:
    """Codes of words that prejudge, outside quotation marks (glossary.md §3).

    By the list of the day of the act: the flag is read off the log again and again, and a later
    list changes nothing about an earlier act.
    """
    listed = lists(edition)
    found = _find(listed.words, text, day)
    return _find(listed.words, listed.quoted.sub(" ", text), day) if found else found


def _find(family: Family, text: str, day: date | None = None) -> list[str]:
    candidates = family.candidates(_traits(text))
    if not candidates:
        return []
    return list(dict.fromkeys(p.code for p in candidates if p.on(day) and p.search.search(text)))


@lru_cache(maxsize=4)
def _traits(text: str) -> Traits:
    """What a text holds; the guards of one act ask about one text."""
    return _looked_at(text, capital=_CAPITAL.search(text, 1) is not None)


def traits_of(texts: Sequence[str]) -> Traits:
    """What some texts hold, each for itself: a line break keeps words and digits apart."""
    inside = any(_CAPITAL.search(text, 1) for text in texts)
    return _looked_at("\n".join(texts), capital=inside)


def _looked_at(text: str, *, capital: bool) -> Traits:
    digit = _DIGIT.search(text) is not None
    groups = _DIGITS.findall(text) if digit else ()
    longest = max([sum(map(str.isdigit, group)) for group in groups]) if groups else 0
    return Traits(text, frozenset(_WORDS.findall(text)), digit, longest, capital)


def _compile(
    entries: Sequence[Mapping[str, Any]], macros: Mapping[str, str | Sequence[str]]
) -> Family:
    expressions = _expressions(macros)
    return Family(
        [
            Pattern(
                code=e["code"],
                vi=e["vi"],
                en=e["en"],
                valid_from=date.fromisoformat(e["from"]),
                valid_to=optional_date(e["to"]),
                triggers=_triggers(e, macros),
                chars=e.get("chars", ""),
                digits=e.get("digits", 0),
                search=re.compile(_expand(e["pattern"], expressions)),
                masked=e.get("masked", False),
                needs=_needs(_expand(e["pattern"], expressions), masked=e.get("masked", False)),
            )
            for e in entries
        ]
    )


def _needs(expression: str, *, masked: bool) -> Needs:
    """What an entry needs in the text: of a masked one's blanks there may be none in it."""
    found = needs(expression)
    return found._replace(literal="") if masked else found


def _expressions(macros: Mapping[str, str | Sequence[str]]) -> Mapping[str, str]:
    return {
        name: value if isinstance(value, str) else f"(?:{'|'.join(value)})"
        for name, value in macros.items()
    }


def _triggers(
    entry: Mapping[str, Any], macros: Mapping[str, str | Sequence[str]]
) -> frozenset[str]:
    words: list[str] = list(entry.get("words", ()))
    exact = list(macros[entry["exact"]]) if "exact" in entry else []
    cases = [case for w in words for case in (w, w.capitalize(), w.upper())]
    return frozenset([*cases, *exact, *(w.upper() for w in exact)])


def _expand(pattern: str, macros: Mapping[str, str]) -> str:
    """Replaces `<<X>>`, also inside macros."""
    while (start := pattern.find("<<")) >= 0:
        name = pattern[start + 2 : pattern.index(">>", start)]
        pattern = pattern.replace(f"<<{name}>>", macros[name])
    return pattern


def _looking_ahead(pattern: str) -> str:
    """The same expression, which looks first whether a word of a long list can stand at a place.

    The engine tries each word of `(?i:a|b|…)` in turn at every place of a text. Letter by letter it
    learns with the first or the second that there is none of a hundred.
    """
    return _ANY_CASE.sub(lambda hit: f"(?i:(?={_begun(hit[1].split('|'))})(?:{hit[1]}))", pattern)


def _begun(words: Sequence[str]) -> str:
    """An expression for what begins with one of these words, letter by letter."""
    if "" in words:
        return ""
    behind: dict[str, list[str]] = {}
    for word in words:
        behind.setdefault(word[0].lower(), []).append(word[1:])
    return f"(?:{'|'.join(first + _begun(rest) for first, rest in behind.items())})"
