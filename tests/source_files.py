"""The files that a test reads: whoever looks through nothing finds nothing wrong."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PACKAGES: Final = ("keys", "ledger", "projections", "api")


def files_below(folder: Path, name: str) -> list[Path]:
    """Every file below a folder, at any depth, whose name is of this pattern.

    Raises:
        AssertionError: There is none.
    """
    found = sorted(path for path in folder.rglob(name) if path.is_file())
    assert found, f"no {name} below {folder}"
    return found


def modules(*packages: str) -> list[Path]:
    """Every source file of these packages, of the whole product where none is named.

    Raises:
        AssertionError: One of them has none.
    """
    return [
        path for package in packages or PACKAGES for path in files_below(ROOT / package, "*.py")
    ]


def name_of(node: ast.expr) -> str:
    """`a.b` of an expression that is names alone, empty of every other: no text is made of it."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := name_of(node.value)):
        return f"{before}.{node.attr}"
    return ""
