"""Each rule of access.md A1-A28 and S1-S10 is broken once, and tests fail (V10).

What is broken, and how: `tests/mutation/rules.py`. All of it in `make attack`; on a push a few, by
tests that start nothing.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import settings

from tests.attacks import attack
from tests.examples import USUAL, share
from tests.mutation.rules import RULES, UNIT, Broken

ROOT = Path(__file__).parents[2]
RULE = re.compile(r"^\| (A\d+) \|", re.MULTILINE)
SEPARATION = re.compile(r"\*\*(S\d+)\*\*")


def _tried() -> Sequence[Broken]:
    if settings().max_examples > USUAL:
        return RULES
    return share([broken for broken in RULES if broken.found_by[-1].startswith(UNIT)], 32, "rules")


def _found_by(broken: Broken) -> Sequence[str]:
    if settings().max_examples > USUAL:
        return broken.found_by
    return [test for test in broken.found_by if test.startswith(UNIT)]


def test_every_rule_is_broken() -> None:
    """Those of the table of access.md §4, and of its list of what is kept apart."""
    page = (ROOT / "docs/spec/access.md").read_text(encoding="utf-8")
    said = {*RULE.findall(page), *SEPARATION.findall(page)}
    assert {"A1", "A27", "S1", "S10"} <= said
    assert said == {broken.code for broken in RULES}


@attack(
    "a rule of access is no longer kept by the code",
    stopped_by="-",
    noticed_by="the suite: each test that the table names fails then (V10)",
)
@pytest.mark.parametrize("broken", _tried(), ids=lambda broken: broken.rule)
def test_a_broken_rule_is_found(broken: Broken) -> None:
    """Each test that the table names fails."""
    with tempfile.TemporaryDirectory() as folder:  # a socket's path has room for no long name
        command = [
            *(sys.executable, "-m", "pytest", "-q", "-n0", "--tb=no", "-rf"),
            *("-p", "no:cacheprovider", "-p", "tests.mutation.rules"),
            *("--break-rule", broken.rule, "--basetemp", f"{folder}/t"),
        ]
        run = subprocess.run(
            [*command, *_found_by(broken)], cwd=ROOT, capture_output=True, text=True, check=False
        )
    failed = re.findall(r"^FAILED (\S+)", run.stdout, re.MULTILINE)
    missing = [
        test for test in _found_by(broken) if not any(one.startswith(test) for one in failed)
    ]
    assert not missing, f"{broken.rule}, {broken.what}: not found by {missing}\n{run.stdout}"
