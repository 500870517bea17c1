"""Every guard of guards.json has one function, is asked, and is tested both ways."""

from __future__ import annotations

import dis
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import CodeType

import pytest

from ledger.regulation import guards
from ledger.regulation.acts.catalogue import load
from ledger.regulation.edition import load_edition
from ledger.regulation.guards.table import GUARDS, guards_of
from tests.builders import a_case_in, a_value, refolded
from tests.examples import share
from tests.rows import each, of
from tests.source_files import files_below

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


@cache
def _asked() -> dict[str, set[str]]:
    """Codes given to `holds` and `breaks` in the tests beside this one."""
    found: dict[str, set[str]] = {"holds": set(), "breaks": set()}
    for path in files_below(HERE, "test_*.py"):
        text = path.read_text(encoding="utf-8")
        for name, codes in found.items():
            codes |= set(re.findall(rf'\b{name}\(\s*"([A-Z0-9_]+)"', text))
            both = re.findall(r'\(\w+ if [^()]*? else \w+\)\(\s*"([A-Z0-9_]+)"', text)
            codes |= set(both)
    return found


def test_the_list_is_whole_and_in_its_order() -> None:
    """guards.json, notes: the first refusal of the list is named, so the order is part of it."""
    assert len(CODES) == 219
    assert [g.code for g in GUARDS] == CODES


def test_every_guard_is_tested_both_ways() -> None:
    """regulation.md §7: one case that passes and one that is refused or flagged."""
    for code in each(CODES):
        with of(code):
            asked = _asked()
            assert code in asked["breaks"], f"no test breaks {code}"
            assert code in asked["holds"], f"no test lets {code} pass"


def test_every_guard_cites_its_article_or_rule() -> None:
    """regulation.md §7: law is dated data, and every guard cites its clause."""
    for guard in each(GUARDS):
        with of(guard):
            said = inspect.getdoc(guard.check)
            assert said
            if guard.rule is not None:
                assert re.search(rf"\b{guard.rule}\b", said), (
                    f"{guard.code} does not cite {guard.rule}"
                )
            if guard.source:
                assert any(s in said for s in guard.source), (
                    f"{guard.code} cites none of {guard.source}"
                )


def test_every_guard_is_asked_of_some_act() -> None:
    """acts.json, requires: nothing on the list is dead."""
    kinds = load().types.values()
    asked = {g.code for k in kinds for s in k.streams for g in guards_of(k, s)}
    assert asked == set(CODES)


#: What a guard can see the world with though it imports nothing: the built-in functions, and the
#: clock of `datetime`. Which modules it may not import is a contract (pyproject.toml).
BUILT_IN = {"open", "input", "print", "eval", "exec", "compile", "__import__", "__builtins__"}
CLOCK = {"now", "today", "utcnow"}


def _seen(source: str) -> set[str]:
    return set(_world(compile(source, "<guard>", "exec")))


def _world(code: CodeType) -> Iterator[str]:
    """What the code speaks of that shows the world, inner functions included."""
    for step in dis.get_instructions(code):
        forbidden = BUILT_IN | CLOCK if step.opname in ("LOAD_GLOBAL", "LOAD_NAME") else CLOCK
        if step.argval in forbidden and step.opcode in dis.hasname:
            yield step.argval
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _world(inner)


def test_guards_read_no_clock_and_no_file() -> None:
    """guards.json, notes: a guard sees the question and nothing else."""
    for path in each(files_below(Path(guards.__path__[0]), "*.py")):
        with of(path.stem):
            assert _seen(path.read_text("utf-8")) == set()


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("def guard(q): return open('/etc/passwd').read()", {"open"}),
        ("from datetime import datetime as d\ndef guard(q): return d.now() > q.at", {"now"}),
        ("from datetime import date\nguard = lambda q: [date.today() for _ in q]", {"today"}),
        ("def guard(q, read=open): return read('x')", {"open"}),
        ("class Guard:\n    def __call__(self, q): exec('import os')", {"exec"}),
        ("def guard(q): return __builtins__['op' + 'en']('x')", {"__builtins__"}),
        ("import re\ndef guard(q): return re.compile('x').match(q.facts['open'])", set()),
    ],
)
def test_what_reads_the_world_is_seen(source: str, seen: set[str]) -> None:
    """The test above fails where it should."""
    assert _seen(source) == seen


def test_the_shortest_way_to_every_state_is_lawful() -> None:
    """regulation.md §6: each act on the way passes every guard, and the fold agrees."""
    for state in each(STATES):
        with of(state):
            case = a_case_in(state)
            assert case.stream.state == state
            again = refolded(case)
            assert (again.state, again.seq, again.outcome) == (
                state,
                case.stream.seq,
                case.stream.outcome,
            )


def test_no_guard_stumbles_over_facts_that_fit() -> None:
    """A guard answers; it never raises, whatever act is tried in whatever state."""
    for state in each(STATES):
        with of(state):
            case = a_case_in(state)
            for name, kind in share(list(load().types.items()), 3, state):
                every = {n: a_value(n, f, case.now, case.stream) for n, f in kind.facts.items()}
                for facts in ({}, every):
                    question = case.asks(name, facts=facts)
                    assert not kind.check(question.facts), name
                    for guard in GUARDS:
                        if guard.applies_to != "listed" or guard.code in kind.requires:
                            guard.check(question)
