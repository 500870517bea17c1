"""How words are made comparable: no tone marks, đ as d, lower case, when written and when asked.

Only numbers, symbols, titles and abstracts of cases and documents, and names of act types, states
and agencies are searched: never reported content, persons, accounts, links or telephones
(regulation.md §9). Nothing here knows SQL tables; PostgreSQL gets words that are plain already, so
it needs no extension.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import accumulate
from typing import Any, Final

from ledger.regulation.acts.catalogue import catalogue_of
from ledger.regulation.acts.lifecycle import life_cycle_of
from ledger.regulation.acts.text_lint import identifiers
from ledger.regulation.case.state import StreamState
from ledger.regulation.edition import load_edition
from ledger.regulation.registry.registry import Registry

_WORD: Final = re.compile(r"[0-9a-z]+")
_MARKS: Final = re.compile("[\u0300-\u036f]+")
_D: Final = str.maketrans({"đ": "d", "Đ": "d"})
_LONGEST: Final = 64
_MOST: Final = 1_000_000
"""Bytes of all words of a case: a tsvector takes no more than 2^20."""


def plain(text: str) -> str:
    """Lower case without marks.

    `Hồ sơ Đường dây` gives `ho so duong day`, written in NFC or NFD.
    """
    return _MARKS.sub("", unicodedata.normalize("NFD", text.translate(_D).casefold()))


def words(text: str) -> list[str]:
    """The plain words of a text; a number like `2024/0187` gives its parts."""
    return list(_words(text))


@lru_cache(maxsize=8_192)
def _words(text: str) -> tuple[str, ...]:
    return tuple(word[:_LONGEST] for word in _WORD.findall(plain(text)))


def forget() -> None:
    """Lets go of texts that were taken apart: something of the log was shredded."""
    _words.cache_clear()


def vector(texts: Iterable[str]) -> str:
    """Distinct plain words in order, as the text of a tsvector without positions.

    Of a case that says more than one can hold those that come first.
    """
    found = dict.fromkeys(word for text in texts for word in _words(text))
    if sum(map(len, found)) > _MOST:
        ends = accumulate(map(len, found))
        found = dict.fromkeys(word for word, end in zip(found, ends, strict=True) if end <= _MOST)
    return " ".join(sorted(found))


def question(text: str) -> str | None:
    """A tsquery that wants every word, the last one as a beginning; None where there is no word."""
    found = words(_seen(text))
    if not found:
        return None
    return " & ".join([*found[:-1], f"{found[-1]}:*"])


def _seen(text: str) -> str:
    """Without what nobody sees, as a copy from a web page or a document brings it along."""
    return "".join(c for c in text if unicodedata.category(c) != "Cf")


def refused(text: str) -> bool:
    """Whether a search looks like one for a person, an account or a link (regulation.md §9).

    However it is spelled: wide digits and signs, marks apart from their letters, signs not seen.
    """
    seen = unicodedata.normalize("NFKC", _seen(text))
    return (
        bool(identifiers(seen, load_edition()))
        or "@" in seen
        or "://" in seen
        or "www." in seen.lower()
    )


def searchable(stream: StreamState, registry: Registry) -> Iterator[str]:
    """What a case can be found by."""
    since = stream.state_since
    cycle = life_cycle_of(registry.edition if since is None else since.edition)
    yield from cycle.labels.get(stream.state or "", ())
    agencies: set[tuple[str, Any]] = set()
    for entry in stream.effective():
        act = entry.act
        if (number := entry.register_number) is not None:
            yield number
        if act.act == "CaseRegistered" and "title" in act.facts:
            yield str(act.facts["title"])
        if act.document is not None:
            yield from (str(act.document[m]) for m in ("number", "symbol", "type", "abstract"))
        kind = catalogue_of(entry.edition).types.get(act.act)
        if kind is not None:
            yield kind.vi
        agencies.add((act.agency, act.day))
    yield from (registry.name(agency, day) for agency, day in sorted(agencies))
