"""Sends kill -9 to one process after the other, chosen by a seed."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from random import Random
from time import monotonic
from typing import NamedTuple

from tests.soak.enclave import TARGETS, ServedEnclave

BACK_S = 180.0


class NotBack(AssertionError):
    """A killed process was not started again."""


class Kills(NamedTuple):
    """What is to be done.

    Attributes:
        number: How many; each target comes equally often, in an order drawn from the seed.
        seed: Of that order, of the pauses, and of the choice among several of a kind.
        pause_s: Least and longest time between two kills.
    """

    number: int
    seed: int
    pause_s: tuple[float, float] = (0.3, 4.0)


class Killer:
    """Kills until its list is done; every kill waits until its victim is there to be killed.

    Args:
        enclave: Whose processes.
        kills: How many, and when.
    """

    def __init__(self, enclave: ServedEnclave, kills: Kills) -> None:
        self._enclave = enclave
        self._random = Random(kills.seed)  # noqa: S311 - a test's own stream, repeatable
        self._pause_s = kills.pause_s
        self._list = [TARGETS[n % len(TARGETS)] for n in range(kills.number)]
        self._random.shuffle(self._list)
        self.done: Counter[str] = Counter()
        self.times: list[tuple[float, str]] = []
        self.longest_away: dict[str, float] = {}

    def within(self, begin: float, end: float) -> list[str]:
        """What was killed in that time."""
        return [target for at, target in self.times if begin <= at <= end]

    @property
    def planned(self) -> int:
        """Kills in all."""
        return len(self._list)

    def run(self, stop: threading.Event) -> None:
        """Kills, one after the other.

        Raises:
            NotBack: A target was not there within three minutes.
        """
        for target in self._list:
            if stop.wait(self._random.uniform(*self._pause_s)):
                return
            victim = self._random.choice(self._wait_for(target))
            self.times.append((monotonic(), target))
            self._enclave.kill(victim)
            self.done[target] += 1

    def _wait_for(self, target: str) -> Sequence[int]:
        began = monotonic()
        while not (found := self._enclave.pids()[target]):
            if monotonic() - began > BACK_S:
                raise NotBack(f"no {target} after {BACK_S} s:\n{self._enclave.tail()}")
            threading.Event().wait(0.1)
        away = monotonic() - began
        self.longest_away[target] = max(away, self.longest_away.get(target, 0.0))
        return found
