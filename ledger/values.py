"""Values that every act makes by the dozen: frozen for the type checkers, quick to make.

A frozen dataclass sets each field through `object.__setattr__`, which takes eight times as long as
to set it. Nobody may set a field of one of these either: both type checkers
refuse it all over the tree, in the tests too, and nothing asks again while it runs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from dataclasses import dataclass as frozen_value
else:
    _T = TypeVar("_T")

    def frozen_value(
        *, frozen: bool, slots: bool, eq: bool = True
    ) -> Callable[[type[_T]], type[_T]]:
        """As `dataclass(frozen=True, slots=True)`: compared and hashed by its fields."""
        if not frozen:
            raise TypeError("a value is frozen")
        return dataclasses.dataclass(slots=slots, eq=eq, unsafe_hash=eq)


__all__ = ["frozen_value"]
