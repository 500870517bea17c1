"""The pieces of a section: a value under its name in both languages, and how values are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ledger.regulation.case.silences import about
from ledger.regulation.edition import Edition

NONE: Final = "-"


def bullet(vi: str, en: str, value: str) -> str:
    """One value under its name in both languages."""
    return f"- {vi} · {en}: {value}"


def codes(values: Iterable[str | None]) -> str:
    """Codes side by side; a dash for none."""
    return ", ".join(f"`{v}`" if v is not None else NONE for v in values) or NONE


def sources(entry: Mapping[str, Any]) -> str:
    """Where an entry comes from."""
    cited = [*entry.get("source", ()), *entry.get("law", ())]
    return ", ".join(cited) if cited else f"({entry['origin']})"


def term(first: str | None, last: str | None) -> str:
    """First and last day."""
    return f"{first or '?'} … {last or ''}".rstrip()


def silent(data: Edition, code: str) -> list[str]:
    """Where the regulation is silent and this entry is the ledger's answer (regulation.md §8)."""
    return [
        bullet("Chỗ quy chế không nêu", "silence", f"({s.n}) {s.vi} {s.en}")
        for s in about(code, data)
    ]
