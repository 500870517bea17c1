"""The table of drills: what was tried, how it ended, and what was measured."""

from __future__ import annotations

from types import SimpleNamespace

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


def test_what_is_no_drill_is_not_in_the_table() -> None:
    """Another test may record properties of its own."""
    report = SimpleNamespace(nodeid="a::b", duration=1.0, user_properties=[("figure", "1")])
    assert rows(report, "well") == []
