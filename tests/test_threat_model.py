"""The threat model names every attack test, and no test that is not there."""

from __future__ import annotations

import ast
import re
from functools import cache

from tests.source_files import ROOT, files_below

PAGE = (ROOT / "docs" / "threat-model.md").read_text("utf-8")
CITED = set(re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE))


@cache
def _attacks() -> frozenset[tuple[str, str]]:
    """File and name of every test that is marked as an attack."""
    found = set()
    for path in files_below(ROOT / "tests", "test_*.py"):
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)) if "attack(" in text else ():
            if isinstance(node, ast.FunctionDef) and any(
                isinstance(mark, ast.Call) and ast.unparse(mark.func) == "attack"
                for mark in node.decorator_list
            ):
                found.add((path.name, node.name))
    assert found
    return frozenset(found)


def test_every_attack_test_stands_in_the_threat_model() -> None:
    """An attack that the page does not know protects a promise that nobody reads."""
    told_elsewhere = {("test_readme.py", "test_demo_and_tour_run_as_written_below_a_closed_folder")}
    assert _attacks() - CITED == told_elsewhere


def test_no_line_cites_a_test_that_is_not_there() -> None:
    """A line without its test is a claim."""
    assert CITED - _attacks() == set()


def test_every_attacker_has_a_test_or_says_that_it_is_not_built() -> None:
    """TH1 to TH12 of access.md."""
    sections = re.split(r"^## (TH\d+) ", PAGE, flags=re.MULTILINE)[1:]
    told = dict(zip(sections[::2], sections[1::2], strict=True))
    assert list(told) == [f"TH{n}" for n in range(1, 13)]
    for code, text in told.items():
        assert "test_" in text or "*Not built yet*" in text, code


_SEEDS = (
    "leaks.py", "attack/test_releases_show_nothing_else.py", "attack/test_guessed_texts.py",
    "attack/test_nothing_below_shows_it_by_sql.py", "soak/test_noninterference.py",
    "soak/test_seeded_leaks.py", "mutation/rules.py",
)  # fmt: skip
_CHANNELS = re.compile(r'"((?:L\d+, )*L\d+): ')
"""As what leaks begins: of which channels it is."""


def test_every_channel_that_is_to_be_seeded_is() -> None:
    """V17: each channel of access.md §8 with an m has a leak that the suite must find."""
    page = (ROOT / "docs" / "spec" / "access.md").read_text("utf-8")
    told = dict(re.findall(r"^\| (L\d+)( m)? \|", page, re.MULTILINE))
    assert list(told) == [f"L{n}" for n in range(1, len(told) + 1)]
    texts = [(ROOT / "tests" / path).read_text("utf-8") for path in _SEEDS]
    seeded = {
        code for text in texts for said in _CHANNELS.findall(text) for code in said.split(", ")
    }
    assert {code for code, marked in told.items() if marked} - seeded == set()
    assert seeded <= told.keys()


DOORS = ("HTTP", "command line", "SQL")


def test_every_rule_of_access_is_tried_at_every_door() -> None:
    """Every rule of access.md §4 that holds at this step."""
    table = PAGE.partition("### Rules and doors")[2].partition("\n\n*Remains")[0]
    head, _, *rows = [line for line in table.splitlines() if line.startswith("|")]
    assert tuple(head.strip("| ").split(" | ")[-len(DOORS) :]) == DOORS
    tried = {row.strip("| ").split(" ")[0]: row.strip("| ").split(" | ") for row in rows}
    assert list(tried) == [f"A{n}" for n in range(1, 29)]
    for rule, cells in tried.items():
        assert all("test_" in cell for cell in cells[-len(DOORS) :]), rule


def test_the_pages_are_a_door_of_their_own() -> None:
    """Every rule of reading that a page could leave out, and what a browser can be made to do."""
    table = PAGE.partition("### The pages as a door")[2].partition("### ")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    rules = {rule for row in rows[1:] for rule in row[0].split(", ")}
    assert rules == {"A1", "A2", "A9", "A12", "U1", "session", "browser"}
    assert all("`test_" in row[-1] for row in rows[1:])
