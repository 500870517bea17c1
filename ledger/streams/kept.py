"""What was folded last, as far as memory is given to it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class BoundedCache(Generic[_Key, _Value]):
    """Things by key, those used last; whoever takes one has it alone until it is put back.

    Bounded by what they weigh, not by their number: many small ones cost no more to keep than a few
    large ones, and one that is gone is made again from its first record.

    Args:
        most: What all of them may weigh; one alone may weigh more.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._things: OrderedDict[_Key, tuple[_Value, int]] = OrderedDict()
        self._held = 0

    def take(self, key: _Key) -> _Value | None:
        """Takes one out; None where it is not there."""
        with self._lock:
            value, weight = self._things.pop(key, (None, 0))
            self._held -= weight
            return value

    def clear(self) -> None:
        """Lets go of everything that nobody has taken."""
        with self._lock:
            self._things.clear()
            self._held = 0

    def put(self, key: _Key, value: _Value, weight: int) -> None:
        """Puts one in, in the place of one that is there, as the last that will be let go."""
        with self._lock:
            _, old = self._things.pop(key, (None, 0))
            self._things[key] = value, weight
            self._held += weight - old
            while self._held > self._most and len(self._things) > 1:
                _, (_, gone) = self._things.popitem(last=False)
                self._held -= gone
