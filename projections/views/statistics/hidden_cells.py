"""From what size on a count is told, and what stands in the place of one that is not.

Which cells are hidden beside a small one is `view.suppress`.
"""

from __future__ import annotations

from typing import Final

from ledger.message import Message

SMALLEST: Final = 5
"""Cells below this are hidden, and others with them, so that no sum tells one."""
HIDDEN: Final = Message("hidden")
"""What stands for a hidden cell: which of the two reasons it has is what must not be told."""
HIDDEN_MEANS: Final = Message(
    "from 1 to {smallest}, or hidden beside such a cell so that nobody can work it out",
    smallest=SMALLEST - 1,
)
