"""What the codes of the regulation are called (`data/labels.json`), in a sentence (`words.json`).

The rulebook's own words, in both languages: they are law's, stand in stored case files, and are no
matter of translation.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from ledger.message import Wording
from ledger.regulation.edition import read_data


@cache
def vocabulary(table: str) -> Mapping[str, Wording]:
    """The words of one table, by code, in its order."""
    entries = read_data("words.json")[table]
    return MappingProxyType({code: Wording(**entry) for code, entry in entries.items()})


@cache
def labels(table: str) -> Mapping[str, Wording]:
    """The labels of one table of `labels.json`, by code."""
    entries = read_data("labels.json")[table]
    return MappingProxyType({code: Wording(**entry) for code, entry in entries.items()})


def label(member: str, code: str) -> Wording | None:
    """What a value of an enumeration is called in a member of this name; None: nobody named it."""
    own = read_labels().get(member, {}).get(code)
    return Wording(**own) if own is not None else labels("values").get(code)


@cache
def read_labels() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """By member, codes that mean something of its own there."""
    found: Mapping[str, Mapping[str, Mapping[str, str]]] = read_data("labels.json")["members"]
    return found


def sentence(name: str, vi: Mapping[str, object], en: Mapping[str, object]) -> Wording:
    """A sentence with what each language fills in."""
    found = vocabulary("sentences")[name]
    return Wording(found.vi.format_map(vi), found.en.format_map(en))
