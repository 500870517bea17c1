"""Reads tests/vectors: what an independent implementation made of formats.md."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from keys import canonical, jwk

_HERE = Path(__file__).parent / "vectors"


@cache
def load(name: str) -> dict[str, Any]:
    """One file, e.g. `statement` for statement.json."""
    found: dict[str, Any] = json.loads((_HERE / f"{name}.json").read_text("utf-8"))
    return found


def rows(name: str, member: str) -> list[Any]:
    """The rows of one list of a file."""
    found: list[Any] = load(name)[member]
    return found


def name_of(row: object) -> str:
    """A test id for a row: its name, where it has one."""
    if isinstance(row, dict):
        for member in ("name", "path", "index", "from", "size"):
            if member in row:
                return f"{row[member]}-{row['size']}" if member == "index" else str(row[member])
    return str(row)


def signer(name: str) -> jwk.SoftwareSigner:
    """One of the printed test keys of statement.json, with its private part."""
    (row,) = (one for one in rows("statement", "keys") if one["name"] == name)
    private = row["private"]
    return jwk.SoftwareSigner.from_secret(
        row["alg"], canonical.unb64(private.get("d") or private["priv"])
    )


def built(row: dict[str, Any]) -> bytes:
    """The bytes of a canonical.json row, also where they are described by how to build them."""
    if "build" in row:
        how = row["build"]
        return str(how["prefix"] + how["repeat"] * how["count"] + how["suffix"]).encode()
    return bytes.fromhex(row["hex"])
