"""The part of a log that one process folds while a view is built by several.

Cases are told apart by the last digit of their id. Whatever is in no case (the registry, reports of
article 9) every process folds, since each needs it, and one of them writes. So it is with what
changes the registry from within a case. A name that ends in no such digit, which no honest door has
taken, counts as one that ends in 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DIGITS: Final = "0123456789abcdef"
CASE: Final = "case/"


@dataclass(frozen=True, slots=True)
class Shard:
    """Cases whose id ends in one of `digits`; with "0" also everything that is in no case."""

    digits: str = DIGITS

    @property
    def whole(self) -> bool:
        """Whether it is all there is."""
        return len(self.digits) == len(DIGITS)

    def owns(self, stream: str) -> bool:
        """Whether rows about this stream are written by who has this share."""
        last = stream[-1] if stream.startswith(CASE) else DIGITS[0]
        return (last if last in DIGITS else DIGITS[0]) in self.digits


ALL_SHARDS: Final = Shard()
NOBODY: Final = Shard("")


def shares(number: int) -> tuple[Shard, ...]:
    """All there is, in so many shares (1 to 16) of about the same size."""
    return tuple(Shard(DIGITS[first::number]) for first in range(number))
