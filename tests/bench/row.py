"""One measured line; the table a person reads and the JSON a machine keeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from rich.console import Console
from rich.table import Table

TIMES: Final = "\N{MULTIPLICATION SIGN}"
Sense = Literal[">=", "<="]


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured, beside what, and what was hoped for.

    Attributes:
        group: Group it belongs to.
        measure: What was measured.
        ours: The figure.
        unit: Its unit.
        against: What stands beside it; "" where nothing does.
        theirs: That figure, in the same unit.
        sense: Whether `ratio` (or `ours`, where nothing stands beside it) should be at least or at
            most `goal`.
        goal: The goal of architecture.md §8 or of an issue; None: only told.
        note: What belongs to the figure.
    """

    group: str
    measure: str
    ours: float
    unit: str
    against: str = ""
    theirs: float | None = None
    sense: Sense = ">="
    goal: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours by theirs."""
        return None if self.theirs is None or self.theirs == 0 else self.ours / self.theirs

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        if self.goal is None:
            return None
        value = self.ours if self.ratio is None else self.ratio
        return value >= self.goal if self.sense == ">=" else value <= self.goal

    def as_dict(self) -> dict[str, Any]:
        """For the JSON file."""
        return asdict(self) | {"ratio": self.ratio, "met": self.met}


def show(rows: Iterable[Row], console: Console) -> None:
    """Prints the table."""
    table = Table(title="socai bench (architecture.md §8)", title_justify="left", pad_edge=False)
    for name in ("measure", "ours", "", "against", "theirs", "ratio", "goal", "", "note"):
        right = name in ("ours", "theirs", "ratio", "goal")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    last = ""
    for row in rows:
        if last and row.group != last:
            table.add_section()
        last = row.group
        table.add_row(*_cells(row))
    console.print(table)


def _cells(row: Row) -> Sequence[str]:
    by = "" if row.ratio is not None else f" {row.unit}"
    goal = "" if row.goal is None else f"{row.sense} {row.goal:g}{TIMES if row.ratio else by}"
    met = {None: "", True: "yes", False: "NO"}[row.met]
    theirs = "" if row.theirs is None else figure(row.theirs)
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}{TIMES}"
    return (
        row.measure, figure(row.ours), row.unit, row.against, theirs, ratio, goal, met, row.note
    )  # fmt: skip


def figure(value: float) -> str:
    """Three digits that count."""
    if abs(value) >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"
