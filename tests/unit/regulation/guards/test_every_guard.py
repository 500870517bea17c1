"""Every guard of guards.json has one function, is asked, and is tested both ways."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

from ledger.regulation.acts.catalogue import load
from ledger.regulation.edition import load_edition
from ledger.regulation.guards.families import FAMILIES
from ledger.regulation.guards.table import GUARDS, Guard, guards_of
from tests.builders import a_case_in, a_value, refolded

CODES = [g["code"] for g in load_edition().guards["guards"]]
HERE = Path(__file__).parent
STATES = (
    "RECEIVED",
    "SCREENING",
    "VERIFYING",
    "ASSESSING",
    "ESCALATED",
    "HANDLING",
    "REFERRED",
    "REFERRED_CRIMINAL",
    "RESULT_RECORDED",
    "CLOSED",
    "UNDER_REVIEW",
    "ARCHIVED",
)


def _asked() -> dict[str, set[str]]:
    """Codes given to `holds` and `breaks` in the tests beside this one."""
    found: dict[str, set[str]] = {"holds": set(), "breaks": set()}
    for path in HERE.glob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        for name, codes in found.items():
            codes |= set(re.findall(rf'\b{name}\(\s*"([A-Z0-9_]+)"', text))
            both = re.findall(r'\(\w+ if [^()]*? else \w+\)\(\s*"([A-Z0-9_]+)"', text)
            codes |= set(both)
    return found


def test_the_list_is_whole_and_in_its_order() -> None:
    """guards.json, notes: the first refusal of the list is named, so the order is part of it."""
    assert len(CODES) == 137
    assert [g.code for g in GUARDS] == CODES


@pytest.mark.parametrize("code", CODES)
def test_every_guard_is_tested_both_ways(code: str) -> None:
    """regulation.md §7: one case that passes and one that is refused or flagged."""
    asked = _asked()
    assert code in asked["breaks"], f"no test breaks {code}"
    assert code in asked["holds"], f"no test lets {code} pass"


@pytest.mark.parametrize("guard", GUARDS, ids=CODES)
def test_every_guard_cites_its_article_or_rule(guard: Guard) -> None:
    """regulation.md §7: law is dated data, and every guard cites its clause."""
    said = inspect.getdoc(guard.check)
    assert said
    if guard.rule is not None:
        assert re.search(rf"\b{guard.rule}\b", said), f"{guard.code} does not cite {guard.rule}"
    if guard.source:
        assert any(s in said for s in guard.source), f"{guard.code} cites none of {guard.source}"


def test_every_guard_is_asked_of_some_act() -> None:
    """acts.json, requires: nothing on the list is dead."""
    kinds = load().types.values()
    asked = {g.code for k in kinds for s in k.streams for g in guards_of(k, s)}
    assert asked == set(CODES)


def test_guards_read_no_clock_and_no_file() -> None:
    """guards.json, notes: a guard sees the question and nothing else."""
    for family in FAMILIES:
        tree = ast.parse(inspect.getsource(family))
        names = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
        assert not names & {"now", "today", "utcnow", "open", "environ", "urandom"}, family


@pytest.mark.parametrize("state", STATES)
def test_the_shortest_way_to_every_state_is_lawful(state: str) -> None:
    """regulation.md §6: each act on the way passes every guard, and the fold agrees."""
    case = a_case_in(state)
    assert case.stream.state == state
    again = refolded(case)
    assert (again.state, again.seq, again.outcome) == (state, case.stream.seq, case.stream.outcome)


@pytest.mark.parametrize("state", STATES)
def test_no_guard_stumbles_over_facts_that_fit(state: str) -> None:
    """A guard answers; it never raises, whatever act is tried in whatever state."""
    case = a_case_in(state)
    for name, kind in load().types.items():
        every = {n: a_value(n, f, case.now, case.stream) for n, f in kind.facts.items()}
        for facts in ({}, every):
            question = case.asks(name, facts=facts)
            assert not kind.check(question.facts), name
            for guard in GUARDS:
                if guard.applies_to != "listed" or guard.code in kind.requires:
                    guard.check(question)
