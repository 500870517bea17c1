"""Where the regulation is silent or unclear, and what this ledger does there (regulation.md §8).

Data (`data/silences.json`): each row names the act types, clocks, guards and states where it bites,
and is shown there, so that nobody takes a product rule for the regulation's word.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ledger.message import Wording
from ledger.regulation.acts.act import Act
from ledger.regulation.case.state import StreamState
from ledger.regulation.edition import Edition
from ledger.regulation.words import sentence

ANY: Final = "*"
"""In `only`: any value will do, as long as the fact is there."""


@dataclass(frozen=True, slots=True)
class Silence:
    """One gap and the decision shown.

    Attributes:
        n: Row in regulation.md §8.
        gap_vi: What the regulation doesn't say, as a clause.
        decision_vi: What this ledger does, as a clause.
        bites: Act types, clocks, guards and states where it is shown.
        only: For some of these acts: fact to the values with which they count.
    """

    n: int
    gap_vi: str
    gap_en: str
    decision_vi: str
    decision_en: str
    bites: tuple[str, ...]
    only: Mapping[str, Mapping[str, Collection[Any]]]

    @property
    def vi(self) -> str:
        """The sentence shown."""
        return self._sentence.vi

    @property
    def en(self) -> str:
        """The sentence shown, in English."""
        return self._sentence.en

    @property
    def _sentence(self) -> Wording:
        return sentence(
            "silence",
            {"gap": self.gap_vi, "decision": self.decision_vi},
            {"gap": self.gap_en, "decision": self.decision_en},
        )

    def meets(self, act: Act) -> bool:
        """Whether it bites in this act."""
        if act.act not in self.bites:
            return False
        return all(
            act.facts.get(fact) in values or (ANY in values and fact in act.facts)
            for fact, values in self.only.get(act.act, {}).items()
        )


def silences(edition: Edition) -> tuple[Silence, ...]:
    """The rows in order."""
    return edition.of(_silences)


def _silences(edition: Edition) -> tuple[Silence, ...]:
    return tuple(
        Silence(
            n=row["n"],
            gap_vi=row["gap_vi"],
            gap_en=row["gap_en"],
            decision_vi=row["decision_vi"],
            decision_en=row["decision_en"],
            bites=tuple(row["bites"]),
            only=row.get("only", {}),
        )
        for row in edition.silences["silences"]
    )


def about(code: str, edition: Edition) -> list[Silence]:
    """Rows that bite at an act type, a clock, a guard or a state."""
    return [silence for silence in silences(edition) if code in silence.bites]


def biting(
    stream: StreamState, codes: Collection[str], edition: Edition
) -> Iterator[tuple[Silence, list[str]]]:
    """Rows that bite in a case, each with where.

    Args:
        stream: The fold; its effective acts and its state are asked.
        codes: Clocks and flags that the case file shows.
        edition: By which the case stands.
    """
    candidates = edition.of(_by_code)
    met: dict[int, dict[str, None]] = {}
    for entry in stream.effective():
        for silence in candidates.get(entry.act.act, ()):
            if silence.meets(entry.act):
                met.setdefault(silence.n, {})[entry.act.act] = None
    for code in (*codes, *([stream.state] if stream.state is not None else ())):
        for silence in candidates.get(code, ()):
            met.setdefault(silence.n, {})[code] = None
    for silence in silences(edition):
        if silence.n in met:
            yield silence, list(met[silence.n])


def _by_code(edition: Edition) -> Mapping[str, tuple[Silence, ...]]:
    rows = silences(edition)
    codes = dict.fromkeys(code for silence in rows for code in silence.bites)
    return {code: tuple(s for s in rows if code in s.bites) for code in codes}
