"""Processes and threads that work through items side by side from one moment on, each item timed.

A `Shop` is made inside each process and stays open between rounds; it hands out `Hand`s, one a
thread, with their items made before the clock starts. Items may be paced: then an item's time
counts from when it was due.
"""

from __future__ import annotations

import gc
import threading
import time
from array import array
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Final, Protocol, Self

_LEAD_S: Final = 0.25
_READY: Final = True


@dataclass(slots=True)
class Hand:
    """One thread's work: `do` is called with each item."""

    do: Callable[[Any], None]
    items: Sequence[Any]


class Shop(Protocol):
    """What a process opens once."""

    def hands(self, first: int, count: int, items: int) -> list[Hand]:
        """Hands number `first` … of the crew, each with that many items."""


Opening = Callable[[], Shop]
"""Picklable: a function or a dataclass with `__call__`."""


@dataclass(slots=True)
class Shift:
    """What came of a round.

    Attributes:
        done: Items worked through.
        seconds: From the first item to the last.
        took: Seconds of each.
        cpu: Processor seconds that the crew itself took.
        failed: Items that raised, and the first reason.
    """

    done: int
    seconds: float
    took: list[float]
    cpu: float = 0.0
    failed: int = 0
    reason: str = ""

    @property
    def cpu_us(self) -> float:
        """Processor microseconds an item."""
        return 1e6 * self.cpu / self.done if self.done else 0.0

    @property
    def rate(self) -> float:
        """Items a second."""
        return self.done / self.seconds if self.seconds else 0.0

    def ms(self, quantile: float) -> float:
        """Milliseconds that this part of the items stayed under."""
        ranked = sorted(self.took)
        return 1000 * ranked[min(len(ranked) - 1, int(quantile * len(ranked)))] if ranked else 0.0


@dataclass(slots=True)
class Crew:
    """Several processes of one kind; close it.

    Args:
        opening: Opens the shop in each process.
        processes: How many.
    """

    opening: Opening
    processes: int
    _pipes: list[Connection] = field(default_factory=list)
    _children: list[Any] = field(default_factory=list)

    def __enter__(self) -> Self:
        context = get_context("spawn")
        for _ in range(self.processes):
            here, there = context.Pipe()
            child = context.Process(target=_live, args=(there, self.opening), daemon=True)
            child.start()
            there.close()
            self._pipes.append(here)
            self._children.append(child)
        for pipe in self._pipes:
            _heard(pipe)
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in self._pipes:
            with suppress(OSError):
                pipe.send(None)
                pipe.close()
        for child in self._children:
            child.join(timeout=20)
            if child.is_alive():
                child.kill()

    def work(self, hands: int, items: int, seconds: float, *, rate: float | None = None) -> Shift:
        """One round.

        Args:
            hands: Threads in all, spread evenly over as few processes as there are hands.
            items: Most items of one hand.
            seconds: After this nobody takes another item.
            rate: Items a second of all hands together; None: as fast as they can.
        """
        busy = self._pipes[: min(hands, len(self._pipes))]
        share, more = divmod(hands, len(busy))
        first = 0
        for n, pipe in enumerate(busy):
            count = share + (n < more)
            pace = None if rate is None else hands / rate
            pipe.send((first, count, items, seconds, pace, hands))
            first += count
        for pipe in busy:
            _heard(pipe)
        start = time.monotonic() + _LEAD_S
        for pipe in busy:
            pipe.send(start)
        return _together([_heard(pipe) for pipe in busy], start)


def _together(parts: Sequence[Any], start: float) -> Shift:
    took = [seconds for part in parts for seconds in part[1]]
    end = max(part[0] for part in parts)
    cpu = sum(part[2] for part in parts)
    failed = sum(part[3] for part in parts)
    reason = next((part[4] for part in parts if part[4]), "")
    return Shift(len(took), end - start, took, cpu, failed, reason)


def _heard(pipe: Connection) -> Any:  # noqa: ANN401 - whatever the child tells
    told = pipe.recv()
    if isinstance(told, str):
        raise RuntimeError(  # noqa: TRY004 - not a wrong type: a fallen child
            f"a worker of the bench fell: {told}"
        )
    return told


def _live(pipe: Connection, opening: Opening) -> None:
    """A child's life: open, then round after round until told to go."""
    try:
        shop = opening()
        pipe.send(_READY)
        while (order := pipe.recv()) is not None:
            first, count, items, seconds, pace, hands = order
            ready = shop.hands(first, count, items)
            gc.collect()
            pipe.send(_READY)
            pipe.send(_round(ready, pipe.recv(), seconds, pace, (first, hands)))
    except (EOFError, KeyboardInterrupt):
        return
    except Exception as error:  # noqa: BLE001 - the parent must hear of it, whatever it is
        pipe.send(f"{type(error).__name__}: {error}")


def _round(
    hands: Sequence[Hand], start: float, seconds: float, pace: float | None, place: tuple[int, int]
) -> tuple[float, array[float], float, int, str]:
    ends: list[float] = [start]
    took = array("d")
    failures: list[str] = []
    spent = time.process_time()

    def one(hand: Hand, number: int) -> None:
        mine = array("d")
        due = start + (0.0 if pace is None else pace * number / place[1])
        for n, item in enumerate(hand.items):
            begun = due if pace is None else due + n * pace
            now = time.monotonic()
            if now < begun:
                time.sleep(begun - now)
                now = begun
            if now - start > seconds:
                break
            try:
                hand.do(item)
            except Exception as error:  # noqa: BLE001 - counted and told; the others go on
                failures.append(f"{type(error).__name__}: {error}")
                break
            mine.append(time.monotonic() - (now if pace is None else begun))
        ends.append(time.monotonic())
        took.extend(mine)

    threads = [
        threading.Thread(target=one, args=(hand, place[0] + n)) for n, hand in enumerate(hands)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = time.process_time() - spent
    return max(ends), took, spent, len(failures), failures[0] if failures else ""
