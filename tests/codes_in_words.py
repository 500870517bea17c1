"""Finds codes in what people read: of acts, states, values, posts, agencies, members."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from ledger.regulation.edition import load_edition
from ledger.regulation.words import labels

_WORD = re.compile(r"[A-Za-z0-9_]+(?:[-./][A-Za-z0-9_]+)*")
_SHAPES = re.compile(
    r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|/?[a-z]\w*/\d+(?:/\w+)*|/?facts[./]\w+|sealed:\S+"
)
_WORDS_TOO = frozenset({"Q", "TM", "KT", "TL", "TUQ", "GQ", "PRESS", "a", "b", "c", "d", "h", "m"})
"""Codes that are how the thing is written."""


@cache
def codes() -> frozenset[str]:
    """Every code of the newest edition that is no word of a language."""
    edition = load_edition()
    found = {act["act"] for act in edition.acts["acts"]}
    found |= {g["code"] for g in edition.guards["guards"]}
    found |= {line["code"] for name in ("roles", "addressees") for line in edition.acts[name]}
    found |= {line["code"] for name in ("states", "clocks", "limits") for line in _cycle(name)}
    found |= {state for sub in _cycle("sub_processes") for state in sub["states"]}
    found |= {post["code"] for agency in edition.registry["agencies"] for post in agency["posts"]}
    found |= {agency["id"] for agency in edition.registry["agencies"]}
    found |= {name for act in edition.acts["acts"] for name in _members(act["facts"])}
    found |= labels("values").keys()
    coded = re.compile(r"[A-Z0-9_]{3,}|\w*_\w*|[a-z0-9]+(?:[-.][a-z0-9]+)+|(?:[A-Z][a-z]+){2,}")
    return frozenset(code for code in found - _WORDS_TOO if coded.fullmatch(code))


def _cycle(name: str) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = load_edition().life_cycle[name]
    return found


def _members(facts: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, spec in facts.items():
        yield name
        yield from _members(spec.get("fields", {}))


def codes_in(text: str) -> list[str]:
    """The codes that stand in a sentence."""
    named = [word for word in _WORD.findall(text) if word in codes()]
    return [*named, *(word for word in _SHAPES.findall(text) if word not in named)]
