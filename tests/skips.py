"""A test is skipped only for what a machine may lack, and every run says at its end for what.

A plugin of pytest. Any other reason to skip is a failure: a test that nobody runs shows nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator
from typing import Final

import pytest

KNOWN: Final = (
    r"asks /proc",
    r"Chromium is not on this machine \(.*\)",
    r"curl is not on this machine",
    r"(?:go|node|openssl) is not on this machine \(.*\); .*",
    r"golang\.org/x/mod is not on this machine \(.*\)",
    r"npm jose is not installed: .*",
    r"npm axe-core is not installed: .*",
    r"the npm tools of tests/third_party/openapi are not installed: .*",
    r"this openssl does not know ML-DSA yet .*",
    r"this Python has other tables of Unicode than 14\.0",
    r"no Docker engine is here: .*",
    r"no image registry is reached: .*",
    r"no package registry is reached: .*",
    r"this machine writes no core dumps, whatever a process says",
    r"there is no mount here",
    r"mounting a file system is not allowed here",
    r"SoftHSM is not on this machine: .*",
    r"Spin or a C compiler is not here: .*",
    r"PgBouncer is not on this machine",
    r"PostgreSQL (15|17) is not on this machine",
    r"promtool is not on this machine",
    r"Patroni, etcd or HAProxy is not on this machine",
    r"nginx is not on this machine",
    r"uv is not here: .*",
)
"""What a machine may lack; each the whole of a reason."""


def is_known(reason: str) -> bool:
    """Whether a machine may lack this."""
    return any(re.fullmatch(known, reason) for known in KNOWN)


def reason_of(report: pytest.TestReport | pytest.CollectReport) -> str | None:
    """Why it was skipped; None where it was not, or is one that is expected to fail."""
    if not report.skipped or hasattr(report, "wasxfail"):
        return None
    said = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return said.removeprefix("Skipped: ")


def _held(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = reason_of(report)
    if reason is not None and not is_known(reason):
        report.outcome = "failed"
        report.longrepr = f"skipped for a reason that tests/skips.py does not know: {reason}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test, once it is known whether it was expected to fail."""
    report = yield
    _held(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A module that skips itself as a whole."""
    report = yield
    _held(report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each thing that was lacking."""
    reports = terminalreporter.stats.get("skipped", ())
    reasons = Counter(reason for report in reports if (reason := reason_of(report)) is not None)
    for reason, number in sorted(reasons.items()):
        tests = "1 test" if number == 1 else f"{number} tests"
        terminalreporter.write_line(f"not checked: {reason} ({tests})")
