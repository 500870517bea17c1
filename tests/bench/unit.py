"""The machine's unit: what one Ed25519 check and one INSERT take here, in processor time.

A goal in milliseconds was set on one machine and is asked of another. Told in times of the unit,
taken in the same run, it asks the same of both (ADR 106).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tests.bench import plain
from tests.bench.durable import rounds
from tests.bench.plain import PlainOpening
from tests.bench.row import Row
from tests.bench.run import SUBMITTERS, Run

_WHEN_SET_MS: Final = 0.155
"""The unit of the machine on which the goals in milliseconds and seconds were set."""
_MS: Final = {"ms": 1.0, "s": 1000.0}


def unit_ms(run: Run, group: str) -> float:
    """Milliseconds of processors, the server's too, at 16 submitters, beside a group's figures."""
    dsn = run.database(f"unit_{group}")
    plain.prepare(dsn)
    officer, origin = run.main.officers[0], run.main.facts.origin
    sides = {"checked": PlainOpening(dsn, officer, origin, check=True)}
    return rounds(run, group, sides, (SUBMITTERS,)).cpu_us("checked", SUBMITTERS) / 1000


def in_units(row: Row, unit: float) -> Row:
    """The same figure beside the unit (`unit_ms`), and its goal as it was where it was set.

    Args:
        row: A time with a goal, in ms or s, beside which nothing stands.
        unit: The unit here.
    """
    assert row.goal is not None
    assert row.theirs is None
    each = _MS[row.unit]
    return replace(
        row, against="one Ed25519 check and one INSERT, processor", theirs=unit / each,
        goal=round(row.goal * each / _WHEN_SET_MS), note="",
    )  # fmt: skip
