"""What failed, by what was said: a run of many failures has few causes.

A plugin of pytest. Where a shared server went away, hundreds of tests fail with one sentence; the
server's own last words stand beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest

_MOST: Final = 8
_WIDTH: Final = 200
_SERIOUS: Final = ("FATAL", "PANIC", "signal", "shutting down", "shutdown", "No space", "could not")


def told(reports: Iterable[pytest.TestReport | pytest.CollectReport]) -> list[str]:
    """A line for each sentence that tests failed with, the most frequent first: `3 x sentence`."""
    said = Counter(_sentence(report) for report in reports)
    return [f"{number} x {sentence}" for sentence, number in said.most_common(_MOST)]


def _sentence(report: pytest.TestReport | pytest.CollectReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    words = crash.message if crash is not None else str(report.longrepr)
    return " ".join(words.split())[:_WIDTH]


def last_words(log: Path) -> list[str]:
    """What a PostgreSQL server said last of its own state; nothing where it has no log."""
    if not log.is_file():
        return []
    with log.open(encoding="utf-8", errors="replace") as lines:
        grave = [line.strip() for line in lines if any(word in line for word in _SERIOUS)]
    return [line[:_WIDTH] for line in grave[-_MOST:]]


def failed(reporter: pytest.TerminalReporter) -> list[pytest.TestReport | pytest.CollectReport]:
    """Reports of what failed, also while it was being set up."""
    return [*reporter.stats.get("failed", ()), *reporter.stats.get("error", ())]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """At the end, after every traceback."""
    for line in told(failed(terminalreporter)):
        terminalreporter.write_line(f"failed: {line}")
