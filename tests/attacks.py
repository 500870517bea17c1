"""What an attack test says of itself, and the table that `make attack` prints.

An attack is an ordinary test: it tries the harm and asserts that it was stopped or noticed. Its
mark says which promise it attacks, in words for the table.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest


def attack(what: str, *, stopped_by: str, noticed_by: str) -> pytest.MarkDecorator:
    """Marks a test as an attack.

    Args:
        what: What the attacker does, in a few words.
        stopped_by: What does not let it happen; "-" where nothing can.
        noticed_by: Who or what names it afterwards; "-" where nothing needs to.
    """
    return pytest.mark.attack(what, stopped_by, noticed_by)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Leaves on the report what the mark says: the report travels, the item does not."""
    del call
    report = yield
    mark = item.get_closest_marker("attack")
    if mark is not None:
        report.user_properties.append(("attack", mark.args))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table, where attacks alone were asked for."""
    if terminalreporter.config.option.markexpr != "attack":
        return
    worst: dict[tuple[str, str, str], str] = {}
    for outcome, word in (
        ("passed", "held"),
        ("skipped", "not run"),
        ("failed", "BROKEN"),
        ("error", "BROKEN"),
    ):
        for report in terminalreporter.stats.get(outcome, ()):
            for name, said in getattr(report, "user_properties", ()):
                if name == "attack":
                    worst[tuple(said)] = word
    terminalreporter.section("attacks")
    for (what, stopped_by, noticed_by), word in worst.items():
        terminalreporter.write_line(f"{word:7} {what}")
        terminalreporter.write_line(f"        stopped by {stopped_by}; noticed by {noticed_by}")
