"""participation.json: one dated entry for each act type, and nothing that is not known loads."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from ledger.regulation.acts.catalogue import load as load_catalogue
from ledger.regulation.acts.participation_rules import OF_THE_REGISTRY, compile_rules, load
from ledger.regulation.edition import Edition, load_edition
from ledger.regulation.participation.ends import _ENDS
from ledger.regulation.participation.selectors import _SELECTORS

EDITION, TYPES = load_edition(), load_catalogue().types
DATA: Any = EDITION.participation


@pytest.mark.parametrize("day", [date(2023, 3, 21), date(2024, 6, 4), date(2053, 1, 1)])
def test_every_act_type_of_the_catalogue_has_one_rule_on_every_day(day: date) -> None:
    """access.md §1: one entry for each act type."""
    assert load().by_act.keys() == TYPES.keys()
    for act in TYPES:
        assert load().on(act, day) is not None


def test_every_line_is_answered_by_code() -> None:
    """No selector, end or scope of the data is only a word."""
    given = [gift for rules in load().by_act.values() for rule in rules for gift in rule.gifts]
    assert {g.who for g in given} == _SELECTORS.keys()
    of_cases = [g for g in given if g.scope not in OF_THE_REGISTRY]
    assert {g.until for g in of_cases} == {*_ENDS, "STAYS"}
    assert {g.scope for g in of_cases} == {"CASE", "ACT", "ALONE"}


def test_every_entry_says_why_in_both_languages() -> None:
    """An official can question each."""
    assert all(entry["vi"] and entry["en"] for entry in DATA["acts"])


def entry(data: Any, act: str) -> Any:  # noqa: ANN401 - JSON
    """The entry of an act type."""
    return next(e for e in data["acts"] if e["act"] == act)


def _gives(act: str, **line: object) -> Callable[[Any], None]:
    def change(data: Any) -> None:  # noqa: ANN401 - JSON
        usual = {"who": "author_agency", "scope": "CASE", "until": "STAYS"}
        entry(data, act)["gives"].append(usual | line)

    return change


def _second_rule(first: str, last: str | None, second: str) -> Callable[[Any], None]:
    def change(data: Any) -> None:  # noqa: ANN401 - JSON
        one = entry(data, "CaseClosed")
        other = deepcopy(one) | {"from": second}
        one |= {"from": first or None, "to": last}
        data["acts"].append(other)

    return change


WRONG: dict[str, tuple[Callable[[Any], None], str]] = {
    "an act type without an entry": (lambda d: d["acts"].pop(0), "has no entry"),
    "an act that is none": (lambda d: d["acts"][0].update(act="CaseSold"), "is no act type"),
    "a selector": (_gives("CaseClosed", who="everybody"), "names everybody"),
    "a fact": (_gives("CaseClosed", who="fact:nobody"), "names nobody"),
    "a power": (_gives("CaseClosed", who="post:KING"), "names KING"),
    "a member where none fits": (_gives("CaseClosed", who="author_agency:x"), "do not fit"),
    "a selector without its member": (_gives("CaseClosed", who="fact"), "do not fit"),
    "a scope": (_gives("CaseClosed", scope="WORLD"), "no scope WORLD"),
    "an end": (_gives("CaseClosed", until="NEVER"), "no end NEVER"),
    "a beginning": (_gives("CaseClosed", begins="BEFORE"), "no beginning BEFORE"),
    "a condition": (_gives("CaseClosed", when={"fact": "x", "equals": 1}), "no fact x"),
    "what is withheld": (
        lambda d: entry(d, "CaseClosed").update(withholds=["x"]),
        "withholds x",
    ),
    "days before the first": (_second_rule("2023-01-01", "2024-12-31", "2025-01-01"), "days"),
    "days between": (_second_rule("", "2024-12-30", "2025-01-01"), "does not follow"),
    "days that overlap": (_second_rule("", "2025-01-01", "2025-01-01"), "does not follow"),
}


def _with(data: Any) -> Edition:  # noqa: ANN401 - JSON
    """The edition with other rules of participation."""
    return replace(EDITION, subjects={**EDITION.subjects, "participation": data})


@pytest.mark.parametrize("named", WRONG)
def test_data_that_says_what_is_not_known_is_not_loaded(named: str) -> None:
    """A slip in the data stops at the start and gives nobody anything."""
    change, words = WRONG[named]
    data = deepcopy(DATA)
    change(data)
    with pytest.raises(ValueError, match=words):
        compile_rules(
            replace(EDITION, subjects={**EDITION.subjects, "participation": data}), load_catalogue()
        )


def test_a_changed_rule_begins_on_its_day() -> None:
    """House rule: a new dated entry, never an edit of a used one."""
    data, day = deepcopy(DATA), date(2027, 1, 1)
    old = entry(data, "CaseRegistered")
    new = deepcopy(old) | {"from": day.isoformat(), "gives": []}
    old["to"] = (day - timedelta(days=1)).isoformat()
    data["acts"].append(new)
    rules = compile_rules(
        replace(EDITION, subjects={**EDITION.subjects, "participation": data}), load_catalogue()
    )
    before, after = (
        rules.on("CaseRegistered", day - timedelta(days=1)),
        rules.on("CaseRegistered", day),
    )
    assert before is not None
    assert after is not None
    assert len(before.gifts) == len(after.gifts) + 1
