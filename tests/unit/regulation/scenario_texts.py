"""Free texts of the shipped scenarios and negatives, as the lint would be asked about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from ledger.regulation.acts.catalogue import load
from tests.play_pure import SCENARIOS
from tests.source_files import files_below


def texts(step: Mapping[str, Any]) -> list[str]:
    """Free facts, abstract and late reason of a step."""
    read = load().type(step["act"]).texts(step["facts"])
    # a reference stands for an id, which the payload holds in its place
    found = [text for _, text in read if not text.startswith("@")]
    if "document" in step:
        found.append(step["document"]["abstract"])
    if "late_reason" in step:
        found.append(step["late_reason"])
    return found


def ordinary_texts() -> Iterator[tuple[str, str]]:
    """(file and step, text) of every step of the ordinary log that is expected to be recorded."""
    for path in files_below(SCENARIOS, "*.json"):
        for step in _recorded(orjson.loads(path.read_bytes())):
            if step["level"] == "ordinary":
                yield from ((f"{path.stem} {step['n']}", text) for text in texts(step))


def _recorded(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if "steps" in data:
        return list(data["steps"])
    out: list[Mapping[str, Any]] = []
    for negative in data["negatives"]:
        out += negative.get("setup", [])
        if negative["expect"].get("refused") not in ("NO_PERSON_IDENTIFIER", "SECRET_MARK_IN_TEXT"):
            out.append(negative["step"])
    return out


def refused_for(guard: str) -> list[list[str]]:
    """Texts of each negative that this guard refuses."""
    data = orjson.loads((SCENARIOS / "negative.json").read_bytes())
    return [texts(n["step"]) for n in data["negatives"] if n["expect"].get("refused") == guard]
