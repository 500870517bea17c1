"""How many examples a property is tried with that has a number of its own."""

from __future__ import annotations

from typing import Final

from hypothesis import settings

USUAL: Final = 100
"""Of a property that says nothing, in the profile `ci`."""


def examples(usual: int) -> int:
    """So many in the profile `ci`; in another one more or fewer, as of every other property.

    Args:
        usual: In the profile `ci`, where others have `USUAL`.
    """
    return max(1, usual * settings().max_examples // USUAL)
