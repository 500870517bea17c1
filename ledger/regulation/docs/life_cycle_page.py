"""The state machine of a case as a page for people: docs/spec/life-cycle.md, made from the data.

Diagram and tables say the same rows: a reader without mermaid misses nothing. A test holds the
written file equal to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ledger.regulation.edition import REGULATION, load_edition

Move = Mapping[str, Any]
_START: Final = "[*]"
_HEAD: Final = f"""\
# The life of a case · Vòng đời của một hồ sơ

**Version** · phiên bản: the edition of {REGULATION} that this program ships. Rendered from
`ledger/regulation/data/life_cycle.json` by `socai catalogue life_cycle`, and never edited by hand.

## <a id="s1"></a>1. States and moves · Trạng thái và chuyển trạng thái

One main state. An act that no row names is recorded *in* a state and leaves it as it is;
`docs/reference/catalogue.md` says where each is accepted. In brackets: the act's `disposition`.
An act of signature class 2 or 3 moves nothing until its last signer has signed.
"""
_STAYS: Final = """\
Not drawn: what comes in, and what is recorded by a disposition of its own, and stays in the state
it meets.
"""
_SUB: Final = """\
## <a id="s2"></a>2. Sub-processes · Quy trình con

They run beside the main state, each with its own id (the `act_id` of the act that opened it);
several may be open at once. A move without an act is made by time: the clock ran out with no act
dated before it that stops it.
"""


def page() -> str:
    """The whole of docs/spec/life-cycle.md."""
    data = load_edition().life_cycle
    transitions: list[Move] = data["transitions"]
    stays = [move for move in transitions if move["from"] == move["to"]]
    out = [_HEAD, *_diagram(transitions), "", *_states(data["states"]), ""]
    out += [*_moves(move for move in transitions if move not in stays), "", _STAYS]
    out += [*_stays(stays), "", _SUB]
    for sub in data["sub_processes"]:
        out += [f'### <a id="{sub["name"]}"></a>{sub["en"]} · {sub["vi"]}', ""]
        out += [*_diagram(sub["moves"]), "", *_moves(sub["moves"]), ""]
    return "\n".join(out).rstrip() + "\n"


def _diagram(moves: Iterable[Move]) -> list[str]:
    drawn = [
        f"  {source} --> {target}: {acts}"
        for (source, target), acts in _grouped(moves).items()
        if source != target
    ]
    return ["```mermaid", "stateDiagram-v2", *drawn, "```"]


def _states(states: Iterable[Mapping[str, Any]]) -> list[str]:
    rows = [
        f"| `{state['code']}` | {state['vi']} | {state['name_en']}: {state['en']} "
        f"| {', '.join(state['source']) or 'added'} |"
        for state in states
    ]
    return ["| state | tiếng Việt | English | source |", "|---|---|---|---|", *rows]


def _moves(moves: Iterable[Move]) -> list[str]:
    rows = [
        f"| {'–' if source == _START else f'`{source}`'} | {acts} | `{target}` |"
        for (source, target), acts in _grouped(moves).items()
    ]
    return ["| from | act | to |", "|---|---|---|", *rows]


def _stays(moves: Iterable[Move]) -> list[str]:
    states: dict[str, list[str]] = {}
    for move in moves:
        branch = [b for b in [move.get("disposition")] if b is not None]
        states.setdefault(_with(_act(move), branch), []).append(move["from"])
    rows = [
        f"| {act} | {', '.join(f'`{state}`' for state in met)} |" for act, met in states.items()
    ]
    return ["| act | stays in |", "|---|---|", *rows]


def _grouped(moves: Iterable[Move]) -> dict[tuple[str, str], str]:
    """By states, the acts that move from one to the other, in the order of the data."""
    acts: dict[tuple[str, str], dict[str, list[str]]] = {}
    for move in moves:
        named = acts.setdefault((move["from"] or _START, move["to"]), {})
        named.setdefault(_act(move), []).extend(filter(None, [move.get("disposition")]))
    return {pair: ", ".join(map(_with, named, named.values())) for pair, named in acts.items()}


def _act(move: Move) -> str:
    return str(move["act"]) if move["act"] else f"clock {move['clock']}"


def _with(act: str, branches: list[str]) -> str:
    return f"{act} ({', '.join(branches)})" if branches else act
