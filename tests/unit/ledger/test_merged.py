"""One history of several logs (access.md F5): the same for every schedule of imports (V3)."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.mirror.merged import LogPlace, merged

LOGS = ("a.example/ordinary", "b.example/ordinary", "a.example/mat", "a.example/toi-mat")
LEVELS = dict(zip(LOGS, (0, 0, 1, 2), strict=True))


def _order(items: list[LogPlace]) -> list[LogPlace]:
    return merged(items, lambda one: one)


def _one(log: int, index: int, **seen: int) -> LogPlace:
    named = {"a": LOGS[0], "b": LOGS[1], "mat": LOGS[2]}
    return LogPlace(LEVELS[LOGS[log]], LOGS[log], index, {named[k]: n for k, n in seen.items()})


LOW = [_one(0, n) for n in range(4)]


@pytest.mark.parametrize(
    ("above", "wanted"),
    [
        ([_one(2, 9, a=2)], [0, 1, "0", 2, 3]),
        ([_one(2, 9)], ["0", 0, 1, 2, 3]),
        ([_one(2, 9, a=99)], [0, 1, 2, 3, "0"]),
        ([_one(2, 5, a=2), _one(2, 6)], [0, 1, "0", "1", 2, 3]),
        ([_one(2, 5, a=3), _one(2, 6, a=1)], [0, 1, 2, "0", "1", 3]),
        ([_one(3, 1, a=2), _one(2, 7, a=2)], [0, 1, "1", "0", 2, 3]),
        ([_one(3, 1, a=2), _one(2, 7, a=2), _one(3, 2, mat=8)], [0, 1, "1", "0", "2", 2, 3]),
        ([_one(2, 7), _one(2, 8), _one(3, 2, mat=8)], ["0", "2", "1", 0, 1, 2, 3]),
        ([_one(2, 7, a=2), _one(2, 8), _one(3, 2, mat=8)], [0, 1, "0", "2", "1", 2, 3]),
    ],
)  # fmt: skip
def test_what_is_above_stands_behind_what_its_author_had_seen(
    above: list[LogPlace], wanted: list[int | str]
) -> None:
    """Numbers are records of the lowest log, texts those above, in the order they are given."""
    found = _order([*above, *LOW])
    assert found == [LOW[n] if isinstance(n, int) else above[int(n)] for n in wanted]


@st.composite
def _histories(draw: st.DrawFn) -> tuple[list[LogPlace], list[int]]:
    """What happened in all logs, in that order, and where in it somebody looked.

    Whoever writes has been shown some of what had been brought up; what was brought is never more
    than there was, and never less than before.
    """
    sizes = dict.fromkeys(LOGS, 0)
    brought: dict[str, dict[str, int]] = {log: {} for log in LOGS}
    found: list[LogPlace] = []
    for _ in range(draw(st.integers(1, 24))):
        log = draw(st.sampled_from(LOGS))
        lower = [one for one in LOGS if LEVELS[one] < LEVELS[log]]
        for one in lower:
            known = brought[log].get(one, 0)
            brought[log][one] = draw(st.integers(known, sizes[one]))
        seen = {one: brought[log][one] for one in lower if draw(st.booleans())}
        found.append(LogPlace(LEVELS[log], log, sizes[log], seen))
        sizes[log] += draw(st.integers(1, 3))  # records of other cases stand between
    return found, draw(st.lists(st.integers(0, len(found)), max_size=3))


@given(_histories(), st.randoms(use_true_random=False))
def test_every_schedule_of_imports_shows_the_same(
    history: tuple[list[LogPlace], list[int]], chance: Random
) -> None:
    """However much had been brought when somebody looked, in whatever pieces (V3)."""
    every, looks = history
    shuffled = list(every)
    chance.shuffle(shuffled)
    whole = _order(every)
    assert _order(shuffled) == whole
    for upto in looks:
        there = every[:upto]  # whoever wrote had been brought what they saw
        assert _order(there) == [one for one in whole if one in there]


@given(_histories())
def test_each_log_keeps_its_order_and_nothing_stands_before_what_it_had_seen(
    history: tuple[list[LogPlace], list[int]],
) -> None:
    """And what came to the log later stands behind it, but for what an earlier one had seen."""
    found = _order(history[0])
    places = {(one.log, one.index): n for n, one in enumerate(found)}
    for log in LOGS:
        own = [one for one in found if one.log == log]
        assert all(a.index < b.index for a, b in pairwise(own))
    for (log, _), n in places.items():
        seen = found[n].seen
        assert all(
            at < n
            for (other, known), at in places.items()
            if other != log and known < seen.get(other, 0)
        )
