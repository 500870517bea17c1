"""States and legal moves of a case and its sub-processes (life_cycle.json, acts.json).

Pure tables: what a move leads to and whether there is a row for it, never why an act is allowed
(guards/) nor what time does to a measure (clock_terms.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ledger.regulation.edition import Edition, load_edition

#: States in which somebody still has to act (`docs/reference/scenarios.md`, expect_final); None:
#: the sub-process is never open.
OPEN_STATES: Mapping[str, frozenset[str]] = {
    "measure": frozenset({"TAKEN", "CONFIRMED", "NARROWED", "LAPSED"}),
    "verification": frozenset({"REQUESTED", "PARTLY_ANSWERED"}),
    "finding": frozenset(),
    "appraisal": frozenset({"REQUESTED"}),
    "expertise": frozenset(
        {"ORDERED", "COUNCIL_PROPOSED", "COUNCIL_ESTABLISHED", "COUNCIL_REFUSED"}
    ),
    "meeting": frozenset({"CONVENED"}),
    "team": frozenset({"ESTABLISHED"}),
    "secondment": frozenset({"REQUESTED"}),
    "sanction": frozenset(
        {"RECORD_MADE", "EXPLAINED", "PROPOSED", "DECIDED", "SUSPENDED", "AMENDED"}
    ),
    "takedown": frozenset({"PROPOSED", "ACCEPTED", "RESTORATION_ASKED", "LAPSED"}),
    "referral": frozenset({"SENT", "ACCEPTED", "CONFLICT"}),
    "criminal_referral": frozenset({"SENT", "ACKNOWLEDGED", "EXTENDED", "SUSPENDED"}),
    "complaint": frozenset({"RECEIVED", "ACCEPTED"}),
    "review": frozenset({"OPEN"}),
    "classification": frozenset({"CLASSIFIED", "ADJUSTED", "EXTENDED", "PARTLY_DECLASSIFIED"}),
    "public_text": frozenset(),
}

STAYS = "="


@dataclass(frozen=True, slots=True)
class SubMove:
    """What one act does to one kind of sub-process (acts.json, sub_process and also).

    Attributes:
        name: Kind of sub-process.
        id_fact: Fact that names the running one, None where the act opens one.
        target: Fixed target state, `=` or None where a fact decides.
        by: Name of the fact that decides.
        mapping: Value of that fact (JSON text of a boolean) to target.
    """

    name: str
    id_fact: str | None
    target: str | None
    by: str | None
    mapping: Mapping[str, str]

    def to(self, facts: Mapping[str, Any]) -> str | None:
        """Target state for these facts, `=` where it stays; None where no row is for them."""
        if self.by is None:
            return self.target
        value = facts.get(self.by)
        key = ("true" if value else "false") if isinstance(value, bool) else str(value)
        return self.mapping.get(key)

    def ids(self, facts: Mapping[str, Any]) -> tuple[str, ...]:
        """The running sub-processes the facts name; empty where none is named."""
        named = facts.get(self.id_fact) if self.id_fact else None
        if isinstance(named, str):
            return (named,)
        if isinstance(named, (list, tuple)):
            return tuple(n for n in named if isinstance(n, str))
        return ()


ENDED: Final = frozenset({"CLOSED", "ARCHIVED"})
"""States in which a case is over; it may be opened again."""


@dataclass(frozen=True, slots=True)
class LifeCycle:
    """The tables, compiled: main transitions, acts that move nothing, sub-process moves.

    `taken`: by state, the acts that may be recorded in it, in the order of the catalogue.
    `timed`: by kind and state of a sub-process, (clock, state) of what time does to it.
    `asks`: clocks whose move is not of whoever holds the case: of the `ADDRESSEE` or the `AUTHOR`.
    """

    transitions: Mapping[tuple[str, str | None, str | None], str]
    moving: frozenset[str]
    taken: Mapping[str | None, tuple[str, ...]]
    states_from: Mapping[str, frozenset[str | None] | None]
    sub_moves: Mapping[str, tuple[SubMove, ...]]
    rows: Mapping[str, frozenset[tuple[str | None, str, str]]]
    timed: Mapping[tuple[str, str], tuple[tuple[str, str], ...]]
    labels: Mapping[str, tuple[str, str]]
    sub_labels: Mapping[str, tuple[str, str]]
    clock_labels: Mapping[str, tuple[str, str]]
    asks: Mapping[str, str]

    def next_state(
        self, act: str, disposition: str | None, state: str | None
    ) -> tuple[bool, str | None]:
        """Whether the act is legal in this state, and the state after it.

        life_cycle.json, notes 1-3.
        """
        if act in self.moving:
            target = self.transitions.get((act, state, disposition))
            return (True, target) if target is not None else (False, state)
        allowed = self.states_from.get(act)
        legal = disposition is None and (allowed is None or state in allowed)
        return legal, state

    def allowed(self, state: str | None) -> tuple[str, ...]:
        """Act types that may be recorded in this state, in the order of the catalogue."""
        return self.taken.get(state, ())

    def first_steps(self, act: str, state: str | None) -> tuple[str, ...]:
        """Acts that move a case from this state on a shortest way to one that takes an act.

        Empty where it is taken already, or where no way leads to it.
        """
        edges = {(s, by, to) for (by, s, _), to in self.transitions.items() if s != to}
        states = {state, *(s for s, _, _ in edges), *(to for _, _, to in edges)}
        reached = {s for s in states if act in self.allowed(s)}
        if not reached or state in reached:
            return ()
        while True:
            before = {s for s, _, to in edges if to in reached} - reached
            if state in before:
                steps = {by for s, by, to in edges if s == state and to in reached}
                return tuple(a for a in self.states_from if a in steps)
            if not before:
                return ()
            reached |= before

    def has_row(self, name: str, state: str | None, act: str, target: str) -> bool:
        """Whether moves has a row (state, act, target) for this kind of sub-process."""
        return (state, act, target) in self.rows[name]

    def opens(self, name: str, act: str) -> str | None:
        """The state in which this act opens a sub-process of this kind; None: it opens none."""
        for state, by, target in self.rows[name]:
            if state is None and by == act:
                return target
        return None


def _sub_moves(spec: Mapping[str, Any] | None) -> Iterator[SubMove]:
    if spec is None:
        return
    move = spec["move"]
    if isinstance(move, Mapping):
        yield SubMove(
            spec["name"],
            spec["id_fact"],
            None,
            str(move["by"]).removeprefix("facts."),
            dict(move["map"]),
        )
    else:
        yield SubMove(spec["name"], spec["id_fact"], move, None, {})
    for also in spec.get("also", ()):
        yield from _sub_moves(also)


def compile_life_cycle(acts: Sequence[Mapping[str, Any]], tables: Mapping[str, Any]) -> LifeCycle:
    """The compiled life cycle of these acts (acts.json) and tables (life_cycle.json)."""
    return LifeCycle(
        transitions={
            (t["act"], t["from"], t.get("disposition")): t["to"] for t in tables["transitions"]
        },
        taken=_taken(acts, tables["transitions"]),
        moving=frozenset(a["act"] for a in acts if a["moves"] is not None),
        states_from={
            a["act"]: None if a["states_from"] is None else frozenset(a["states_from"])
            for a in acts
        },
        sub_moves={a["act"]: tuple(_sub_moves(a["sub_process"])) for a in acts},
        rows={
            p["name"]: frozenset(
                (m["from"], m["act"], m["to"]) for m in p["moves"] if m["act"] is not None
            )
            for p in tables["sub_processes"]
        },
        timed=_timed(tables["sub_processes"]),
        labels={s["code"]: (s["vi"], s["name_en"]) for s in tables["states"]},
        sub_labels={p["name"]: (p["vi"], p["en"]) for p in tables["sub_processes"]},
        clock_labels={c["code"]: (c["vi"], c["name_en"]) for c in tables["clocks"]},
        asks={c["code"]: c["asks"] for c in tables["clocks"] if "asks" in c},
    )


def _taken(
    acts: Sequence[Mapping[str, Any]], transitions: Sequence[Mapping[str, Any]]
) -> Mapping[str | None, tuple[str, ...]]:
    """Whoever moves the case goes by the transitions, any other act by its own states."""
    moves = {(t["act"], t["from"]) for t in transitions}
    stays = {
        (a["act"], state) for a in acts if a["moves"] is None for state in a["states_from"] or ()
    }
    both = moves | stays
    return {
        state: tuple(a["act"] for a in acts if (a["act"], state) in both)
        for state in {state for _, state in both}
    }


def _timed(
    subs: Sequence[Mapping[str, Any]],
) -> Mapping[tuple[str, str], tuple[tuple[str, str], ...]]:
    found: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {}
    for sub in subs:
        for move in sub["moves"]:
            if move["act"] is None:
                key = sub["name"], move["from"]
                found[key] = (*found.get(key, ()), (move["clock"], move["to"]))
    return found


def life_cycle() -> LifeCycle:
    """The life cycle of the newest shipped edition, for pages, forms and labels."""
    return life_cycle_of(load_edition())


def life_cycle_of(edition: Edition) -> LifeCycle:
    """The life cycle of an edition, compiled once."""
    return edition.of(_of)


def _of(edition: Edition) -> LifeCycle:
    return compile_life_cycle(edition.acts["acts"], edition.life_cycle)
