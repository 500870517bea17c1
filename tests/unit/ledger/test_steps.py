"""What is done in steps: alone to its end, or a step of each by turns."""

from __future__ import annotations

import pytest

from ledger.steps import Steps, by_turns, finished, no_steps


def _counted(done: list[str], name: str, steps: int) -> Steps[str]:
    for n in range(steps):
        done.append(f"{name}{n}")
        yield
    return name


def test_a_step_of_each_is_done_before_the_next_of_any() -> None:
    """And what comes of each is told in their order, whoever is done first."""
    done: list[str] = []
    several = [_counted(done, "a", 3), no_steps("b"), _counted(done, "c", 1)]
    assert by_turns(several) == ["a", "b", "c"]
    assert done == ["a0", "c0", "a1", "a2"]
    assert by_turns([]) == []


def test_one_alone_is_done_to_its_end() -> None:
    """Of what is there already there is nothing to do."""
    done: list[str] = []
    assert (finished(_counted(done, "a", 2)), finished(no_steps(7))) == ("a", 7)
    assert done == ["a0", "a1"]


def test_what_a_step_raises_is_raised() -> None:
    """By whoever does it."""

    def fails() -> Steps[str]:
        yield
        raise LookupError

    with pytest.raises(LookupError):
        finished(fails())
    with pytest.raises(LookupError):
        by_turns([no_steps("a"), fails()])
