"""Logs played under an edition and kept, and the code of its guards, to be held to for ever.

`python -m tests.stored_editions` plays scenario files and negatives by each edition that is not
released, and writes what each statement came to. What was played by a released edition is never
written again. The pin of a guard's code is, by hand, where it says the same in other words: a
reader has to say so, and the plays with them.
"""

from __future__ import annotations

import ast
import gzip
import hashlib
import inspect
import json
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import orjson

from ledger.errors import Rejected
from ledger.regulation.acts.act import Act, parse_act
from ledger.regulation.case.state import Entry
from ledger.regulation.case_file.render import case_file
from ledger.regulation.decide import Decision
from ledger.regulation.edition import SHIPPED, Edition, shipped
from ledger.regulation.guards.table import guards_in
from tests.play_pure import Player, player_for, scenario, steps

KEPT = Path(__file__).parent / "vectors" / "editions"
RELEASED = ("1",)
"""Editions that logs in use name: what was played by them is never written again."""
PLAYED = ("SC1", "SC3", "SC6", "SC8", "SC10", "SC13", "SC16", "SC17", "SC18")
PINS = KEPT / "guards.json"
Json = dict[str, Any]


@dataclass
class Writing(Player):
    """A player that notes what each statement is answered."""

    lines: list[Json] = field(default_factory=list)

    def sign(
        self, act: Act, officer: str, role: str, iat: datetime, kid: str = ""
    ) -> tuple[Entry, Decision]:
        """As the player's, and notes it."""
        line: Json = {
            "act": dict(act.signed), "officer": officer, "role": role, "kid": kid,
            "iat": iat.isoformat(),
        }  # fmt: skip
        self.lines.append(line)
        try:
            entry, decision = super().sign(act, officer, role, iat, kid)
        except Rejected as refused:
            line["refused"] = refused.guard or refused.code
            raise
        line["answer"] = _answer(decision)
        return entry, decision


def _answer(decision: Decision) -> list[Any]:
    return [decision.status, list(decision.flags), decision.next_state]


def played(edition: Edition) -> Iterator[Json]:
    """The files played by an edition, and what each negative is answered."""
    for name in PLAYED:
        file, player = scenario(name), Writing(edition=edition)
        _, aliases = player_for(file, player=player)
        for step in steps(file):
            player.step(step, aliases)
        yield {"name": name, "lines": player.lines, "files": digest(player)}
    for entry in scenario("negative")["negatives"]:
        if entry["scenario"] not in PLAYED:
            continue
        file, player = scenario(entry["scenario"]), Writing(edition=edition)
        _, aliases = player_for(file, entry.get("cast"), player)
        for step in [*steps(file, entry["after_step"]), *entry.get("setup", ())]:
            player.step(step, aliases)
        with suppress(Rejected):
            player.step(entry["step"], aliases)
        yield {"name": entry["id"], "lines": player.lines, "files": digest(player)}


def digest(player: Player) -> str:
    """SHA-256 of every case file of a player, a year on.

    Without the types of the acts from which deadlines run: they came later, and tell what the ids
    tell.
    """
    now = player.now
    assert now is not None
    later = now + timedelta(days=365)
    files = {
        name: case_file(stream, player.raised, player.registry, later, player)
        for name, stream in sorted(player.streams.items())
        if stream.kind == "case"
    }
    for file in files.values():
        for clock in file["clocks"]:
            del clock["act"]
    return hashlib.sha256(orjson.dumps(files, option=orjson.OPT_SORT_KEYS)).hexdigest()


def replayed(told: Json) -> Iterator[tuple[Json, Json]]:
    """Each line of a stored play, as it was kept and as the rules answer it now."""
    player = Player()
    first, *rest = told["lines"]
    opening = parse_act(first["act"])
    player.registry.apply(opening, index=0, recorded_at=_at(first).astimezone(UTC))
    for line in (first, *rest):
        now = {n: v for n, v in line.items() if n not in ("refused", "answer")}
        act = parse_act(line["act"])
        try:
            _, decision = player.sign(act, line["officer"], line["role"], _at(line), line["kid"])
            now["answer"] = _answer(decision)
        except Rejected as refused:
            now["refused"] = refused.guard or refused.code
        yield line, now
    yield {"files": told["files"]}, {"files": digest(player)}


def _at(line: Json) -> datetime:
    return datetime.fromisoformat(line["iat"])


def kept(edition: str) -> list[Json]:
    """The plays kept of an edition."""
    with gzip.open(KEPT / f"{edition}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def write() -> None:
    """Plays every edition that is not released, or of which nothing is kept, and keeps it."""
    KEPT.mkdir(parents=True, exist_ok=True)
    for name in SHIPPED:
        path = KEPT / f"{name}.jsonl.gz"
        if name in RELEASED and path.exists():
            continue
        lines = b"".join(orjson.dumps(one) + b"\n" for one in played(shipped(name)))
        path.write_bytes(gzip.compress(lines, mtime=0))
    pinned = {**code_of_guards(), **(pins() if PINS.exists() else {})}
    PINS.write_bytes(orjson.dumps(dict(sorted(pinned.items())), option=orjson.OPT_INDENT_2) + b"\n")


# -- the code of guards -------------------------------------------------------------------------


def pins() -> dict[str, str]:
    """What is kept of the code of each guard that a released edition names, by code and version."""
    found: dict[str, str] = orjson.loads(PINS.read_bytes())
    return found


def code_of_guards() -> dict[str, str]:
    """SHA-256 of the code of each guard that a released edition names, and of what it calls."""
    guards = [g for name in RELEASED for g in guards_in(shipped(name)).guards]
    return {f"{g.code} {g.version}": _code(g.check) for g in guards}


def _code(function: Callable[..., Any]) -> str:
    """Of a function and of those of the rulebook's own that it names, without their docstrings."""
    seen: dict[str, str] = {}
    waiting = [function]
    while waiting:
        one = waiting.pop()
        name = f"{one.__module__}.{one.__qualname__}"
        if name in seen:
            continue
        seen[name] = _statements(one)
        known = vars(sys.modules[one.__module__])
        called = (known.get(word) for word in _names(one.__code__))
        waiting += [c for c in called if isinstance(c, FunctionType) and _of_rules(c)]
    whole = "\n".join(f"{name} {text}" for name, text in sorted(seen.items()))
    return hashlib.sha256(whole.encode()).hexdigest()


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def _of_rules(function: FunctionType) -> bool:
    """Guards and what they read with; what these stand on is held by the replay."""
    return function.__module__.startswith("ledger.regulation.guards") or (
        function.__module__ == "ledger.regulation.case.reading"
    )


def _statements(function: Callable[..., Any]) -> str:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    made = tree.body[0]
    if isinstance(made, ast.FunctionDef) and ast.get_docstring(made) is not None:
        made.body = made.body[1:]
    return _told(tree)


def _told(node: object) -> str:
    """A tree as every version of Python tells it: without fields that are empty, or new."""
    if isinstance(node, list):
        return f"[{','.join(map(_told, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [f"{n}={_told(v)}" for n, v in ast.iter_fields(node) if v is not None and v != []]
    return f"{type(node).__name__}({','.join(fields)})"


if __name__ == "__main__":
    write()
