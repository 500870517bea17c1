"""docs/law/authority.md: each line of who may do what names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_every_line_is_answered_by_tests_that_exist() -> None:
    """Thirty-five lines; a test that was renamed or dropped is missed here."""
    page = (ROOT / "docs" / "law" / "authority.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| (Q\d+) \|.*\| (.+) \|$", page, re.MULTILINE))
    assert list(rows) == [f"Q{n}" for n in range(1, 36)]
    for row, cell in rows.items():
        assert "::test_" in cell, row
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", page)
    assert len(named) > len(rows)
    for file, test in named:
        source = (ROOT / "tests" / file).read_text("utf-8")
        assert re.search(rf"^def {test}\(", source, re.MULTILINE), (file, test)
