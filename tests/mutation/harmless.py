"""The reviewed list of mutations that nobody is misled by (`harmless.toml`)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.mutation.kinds import Spec

_ANY = ("*",)


@dataclass(frozen=True, slots=True)
class Harmless:
    """One entry.

    Attributes:
        table: Its table.
        reason: Why it misleads nobody, for a reader to judge.
        kinds: Which kinds of mutation.
        columns: Of which columns.
        log: `rehearsal` or `real`; "" for both.
    """

    table: str
    reason: str
    kinds: tuple[str, ...] = _ANY
    columns: tuple[str, ...] = _ANY
    log: str = ""

    def covers(self, spec: Spec, log: str) -> bool:
        """Whether a mutation is of this entry."""
        return (
            spec.table == self.table
            and self.log in {"", log}
            and (self.kinds == _ANY or spec.kind in self.kinds)
            and (self.columns == _ANY or spec.column in self.columns)
        )


@cache
def entries() -> tuple[Harmless, ...]:
    """The list."""
    text = Path(__file__).with_name("harmless.toml").read_text(encoding="utf-8")
    return tuple(
        Harmless(
            entry["table"],
            entry["reason"].strip(),
            tuple(entry.get("kinds", _ANY)),
            tuple(entry.get("columns", _ANY)),
            entry.get("log", ""),
        )
        for entry in tomllib.loads(text)["harmless"]
    )
