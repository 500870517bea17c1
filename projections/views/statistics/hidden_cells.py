"""What stands in the place of a count that is not told.

A count is told from `SMALLEST` on; which cells are hidden beside a small one is `view.suppress`.
"""

from __future__ import annotations

from typing import Final

from ledger.message import Message
from ledger.regulation.case.counted_reports import SMALLEST

HIDDEN: Final = Message("hidden")
"""What stands for a hidden cell: which of the two reasons it has is what must not be told."""
HIDDEN_MEANS: Final = Message(
    "from 1 to {smallest}, or hidden beside such a cell so that nobody can work it out",
    smallest=SMALLEST - 1,
)
