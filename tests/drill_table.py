"""What a drill says of itself, and the table that `make drills` prints.

A plugin of pytest. A figure is for reading and never asserted. It is told at once where somebody
watches, and again in the table: what a worker of a run prints reaches nobody.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import Any, Final

import pytest

Say = Callable[[str], None]
_FIGURE: Final = "figure"
_DRILL: Final = "drill"
_GROUP: Final = re.compile(r"(?<=[\w\]])@[^\]]*\Z")
"""What a run of several workers puts behind a name; it may be a path."""
_WORDS: Final = (
    ("passed", "well"),
    ("skipped", "not run"),
    ("failed", "FAILED"),
    ("error", "FAILED"),
)


@pytest.fixture
def say(record_property: Callable[[str, object], None], capsys: pytest.CaptureFixture[str]) -> Say:
    """Tells a figure past pytest, and keeps it for the table."""

    def told(text: str) -> None:
        record_property(_FIGURE, text)
        with capsys.disabled():
            print(text, flush=True)  # noqa: T201  a report, not a log

    return told


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Leaves on the report what the docstring says: the report travels, the item does not."""
    del call
    report = yield
    if any(map(item.get_closest_marker, ("drill", "operation"))):
        told = getattr(getattr(item, "obj", None), "__doc__", None) or ""
        report.user_properties.append((_DRILL, told.strip().partition("\n")[0]))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table, where drills were asked for: outcome, seconds, what it tries, its figures."""
    if "drill" not in terminalreporter.config.option.markexpr.replace("not drill", ""):
        return
    terminalreporter.section("drills")
    for outcome, word in _WORDS:
        for report in terminalreporter.stats.get(outcome, ()):
            for line in rows(report, word):
                terminalreporter.write_line(line)


def rows(report: Any, word: str) -> list[str]:  # noqa: ANN401  a report of pytest, of any kind
    """The lines of one drill; none where it is no drill."""
    said = list(getattr(report, "user_properties", ()))
    file, _, test = _GROUP.sub("", report.nodeid).partition("::")
    name = f"{file.rpartition('/')[2]}::{test}"
    return [
        line
        for kind, told in said
        if kind == _DRILL
        for line in (
            f"{word:7} {report.duration:6.0f} s  {name}",
            f"        {told}",
            *(
                f"        | {text}"
                for which, figure in said
                if which == _FIGURE
                for text in figure.strip().splitlines()
            ),
        )
    ]
