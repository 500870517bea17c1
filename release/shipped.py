"""Which packages a release brings to whom, as the lock says: by every extra, without tools."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
NAME: Final = "socai"
BASE: Final = "base"


@dataclass(frozen=True, slots=True)
class Package:
    """One package of the lock.

    Attributes:
        name: As the registry spells it.
        version: As locked.
        by: `base`, or the extras that bring it.
    """

    name: str
    version: str
    by: tuple[str, ...]


def project() -> Mapping[str, Any]:
    """The table `project` of pyproject.toml."""
    found: Mapping[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    table: Mapping[str, Any] = found["project"]
    return table


def packages() -> list[Package]:
    """Every package that is shipped, by name."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))
    rows = {row["name"]: row for row in lock["package"]}
    own = rows[NAME]
    wanted = {BASE: own["dependencies"], **own["optional-dependencies"]}
    by: dict[str, list[str]] = {}
    for extra, lines in wanted.items():
        for name in _below(rows, lines):
            by.setdefault(name, []).append(extra)
    return [
        Package(name, rows[name]["version"], (BASE,) if BASE in extras else tuple(extras))
        for name, extras in sorted(by.items())
    ]


def _below(rows: Mapping[str, Any], lines: list[dict[str, Any]]) -> set[str]:
    """All that some requirements bring, on every platform."""
    found: set[tuple[str, tuple[str, ...]]] = set()
    waiting = [*lines]
    while waiting:
        line = waiting.pop()
        key = (line["name"], tuple(line.get("extra", ())))
        if key in found:
            continue
        found.add(key)
        row = rows[line["name"]]
        waiting += row.get("dependencies", [])
        for extra in key[1]:
            waiting += row["optional-dependencies"][extra]
    return {name for name, _ in found}
