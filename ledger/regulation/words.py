"""What the codes of the regulation are called in a sentence (`data/words.json`).

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


def sentence(name: str, vi: Mapping[str, object], en: Mapping[str, object]) -> Wording:
    """A sentence with what each language fills in."""
    found = vocabulary("sentences")[name]
    return Wording(found.vi.format_map(vi), found.en.format_map(en))
