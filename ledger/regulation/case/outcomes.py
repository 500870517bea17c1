"""How a case can end, in words (regulation.md §6, ResultDetermined; closing reasons too)."""

from __future__ import annotations

from typing import Final

from ledger.message import Wording
from ledger.regulation.words import vocabulary

OUTCOMES: Final = vocabulary("outcomes")


def words(outcome: str) -> Wording:
    """What it is called; the code itself where the table has none."""
    return OUTCOMES.get(outcome, Wording(outcome, outcome))
