"""Whoever has formats.md §9 and the files of an edition computes its digest, by no code of ours.

The tables are read from the page; what follows them is written from its words alone.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import rfc8785

from ledger.regulation.edition import first_edition, load_edition

ROOT = Path(__file__).parents[3]
DATA = ROOT / "ledger" / "regulation" / "data"
Json = Any
Lines = list[dict[str, Any]]


@cache
def _page() -> str:
    text = (ROOT / "docs" / "spec" / "formats.md").read_text("utf-8")
    return text[text.index('<a id="s9">') : text.index('<a id="s10">')]


@cache
def _names(after: str, until: str) -> tuple[str, ...]:
    begun = _page().index(after) + len(after)
    return tuple(re.findall(r"`([a-z_]+)`", _page()[begun : _page().index(until, begun)]))


@cache
def _table() -> dict[tuple[str, str], tuple[list[str], list[str]]]:
    rows = re.findall(r"^\| ([a-z_]+) \| ([a-z_]+) \| (`.+`) \| (.+) \|$", _page(), re.MULTILINE)
    named: Callable[[str], list[str]] = re.compile("`([^`]+)`").findall
    return {(subject, name): (named(key), named(null)) for subject, name, key, null in rows}


def _key(line: Mapping[str, Any], members: list[str]) -> str:
    return " / ".join("" if line.get(one) is None else str(line[one]) for one in members)


def _lines(lines: Lines, change: dict[str, Any], members: list[str]) -> Lines:
    gone = change.get("-", [])
    made = [line for line in lines if _key(line, members) not in gone]
    for key, below in change.items():
        if key == "-":
            continue
        keys = [_key(line, members) for line in made]
        line = _merged(made[keys.index(key)] if key in keys else None, _without(below, "after"))
        if "after" in below:
            made = [one for one in made if _key(one, members) != key]
            made.insert([_key(one, members) for one in made].index(below["after"]) + 1, line)
        elif key in keys:
            made[keys.index(key)] = line
        else:
            made.append(line)
    return made


def _without(change: dict[str, Any], member: str) -> dict[str, Any]:
    return {name: value for name, value in change.items() if name != member}


def _merged(stood: Json, change: Json) -> Json:
    if not isinstance(change, dict):
        return change
    made = dict(stood) if isinstance(stood, dict) else {}
    for name in change.get("-", []):
        del made[name]
    for name, below in _without(change, "-").items():
        if name == "posts" and isinstance(below, dict) and isinstance(made.get(name), list):
            made[name] = _lines(made[name], below, ["code"])
        else:
            made[name] = _merged(made.get(name), below)
    return made


def _null(value: Json, path: str) -> Json:
    member, _, below = path.partition(".")
    if isinstance(value, list):
        return [_null(one, path) for one in value]
    if not isinstance(value, dict):
        return value
    if below:
        return value | {member: _null(value[member], below)} if member in value else value
    return {member: None, **value}


def _changed(subjects: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    made = {name: dict(subject) for name, subject in subjects.items()}
    for subject, lists in change.items():
        for name, below in lists.items():
            members, null = _table().get((subject, name), ([], []))
            if not members:
                made[subject][name] = _merged(made[subject].get(name), below)
                continue
            lines = _lines(made[subject].get(name, []), below, members)
            for path in null:
                lines = [_null(line, path) for line in lines]
            made[subject][name] = lines
    return made


def _ruling(value: Json, words: tuple[str, ...]) -> Json:
    if isinstance(value, list):
        return [_ruling(one, words) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _ruling(below, words)
        for name, below in value.items()
        if name not in words or isinstance(below, dict)
    }


def _digest(subjects: dict[str, Any]) -> str:
    left_out = _names("without the members", "at any depth")
    whole = hashlib.sha256(rfc8785.dumps(_ruling(subjects, left_out))).digest()
    return base64.urlsafe_b64encode(whole).rstrip(b"=").decode()


def test_the_page_gives_the_digests_of_both_editions() -> None:
    """An adoption by a `change` is checked by somebody who trusts nobody (formats.md §9)."""
    named = _names("one member for each subject", "each as the edition has it")
    first = {name: orjson.loads((DATA / f"{name}.json").read_bytes()) for name in named}
    assert _digest(first) == first_edition().digest
    assert f"`{_digest(first)}`" in _page()
    changes = sorted((DATA / "2").glob("*.json"))
    assert len(changes) >= 6
    change = {path.stem: orjson.loads(path.read_bytes()) for path in changes}
    assert _digest(_changed(first, change)) == load_edition().digest
