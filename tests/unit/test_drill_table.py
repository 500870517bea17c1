"""The table of drills: what was tried, how it ended, and what was measured."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.drill_table import rows


def test_a_drill_is_told_with_its_figures() -> None:
    """Every line of every figure, in the order in which they were said."""
    report = SimpleNamespace(
        nodeid="tests/drills/test_failover.py::test_one",
        duration=61.4,
        user_properties=[("figure", "\nfirst\nsecond"), ("drill", "What it tries."), ("x", "y")],
    )
    assert rows(report, "well") == [
        "well        61 s  test_failover.py::test_one",
        "        What it tries.",
        "        | first",
        "        | second",
    ]


@pytest.mark.parametrize(
    ("nodeid", "told"),
    [
        ("tests/e2e/test_a.py::test_b@tests/e2e/test_a.py", "test_a.py::test_b"),
        ("tests/e2e/test_a.py::test_b[keys/x write]@image", "test_a.py::test_b[keys/x write]"),
        ("tests/e2e/test_a.py::test_b[c@d/e]", "test_a.py::test_b[c@d/e]"),
    ],
)
def test_it_is_called_as_whoever_runs_it_alone_calls_it(nodeid: str, told: str) -> None:
    """The group of a worker is no part of it, and a slash in a parameter no folder."""
    report = SimpleNamespace(nodeid=nodeid, duration=1.0, user_properties=[("drill", "It.")])
    assert rows(report, "well") == [f"well         1 s  {told}", "        It."]


def test_what_is_no_drill_is_not_in_the_table() -> None:
    """Another test may record properties of its own."""
    report = SimpleNamespace(nodeid="a::b", duration=1.0, user_properties=[("figure", "1")])
    assert rows(report, "well") == []
