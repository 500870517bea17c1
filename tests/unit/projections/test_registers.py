"""Numbers that the fold gives: unique and gapless, the same wherever and however it is folded."""

from __future__ import annotations

from collections import Counter
from datetime import UTC
from functools import cache

import pytest

from ledger.regulation.acts.catalogue import load
from ledger.regulation.case.registers import KINDS, Register, Registers, kept, register_of
from projections.fold.fold import Fold
from projections.fold.shard import shares
from projections.fold.step import Step
from tests.builders import a_case_in
from tests.fold_log import FoldLog, Stored
from tests.memory_log import ORIGIN
from tests.played_log import PlayedLog, played


def rows_of(log: PlayedLog) -> FoldLog:
    """The rows of a played log, as a fold reads them."""
    return FoldLog(Stored(log.stored(), log.log.noted), log.log.kek, ORIGIN)


@cache
def many() -> PlayedLog:
    """Several cases of several agencies in one log."""
    return played("SC16")


def numbers(steps: list[Step]) -> dict[int, str]:
    """Register and place by index, of the steps that are entered in one."""
    return {
        s.opened.index: f"{s.number.register} {s.number.n}" for s in steps if s.number is not None
    }


def folded(log: FoldLog, **how: object) -> list[Step]:
    """Every step."""
    return list(Fold(log, ORIGIN, "ordinary", **how).steps(log.read(0, log.size())))  # type: ignore[arg-type]


def test_each_register_counts_from_one_without_a_gap() -> None:
    """By agency, year and kind, in the order of the log."""
    found = list(numbers(folded(rows_of(many()))).values())
    counted = Counter(text.rpartition(" ")[0] for text in found)
    assert sum(counted.values()) > 8
    wanted = {f"{book} {n}" for book, most in counted.items() for n in range(1, most + 1)}
    assert sorted(found) == sorted(wanted)


def test_who_folds_from_anywhere_gives_the_same_numbers() -> None:
    """A restart, and streams that were forgotten meanwhile."""
    rows = rows_of(many())
    whole = numbers(folded(rows))
    middle = sorted(whole)[len(whole) // 2]
    fold = Fold(rows, ORIGIN, "ordinary", middle - 1)
    rest = numbers(list(fold.steps(rows.read(middle, rows.size()))))
    assert rest == {index: text for index, text in whole.items() if index >= middle}


@pytest.mark.parametrize("number", [2, 5])
def test_a_part_that_does_not_see_the_other_cases_gives_the_same_numbers(number: int) -> None:
    """Each is handed its own cases alone, as a rebuild by several processes hands them."""
    rows = rows_of(many())
    found: dict[int, str] = {}
    for share in shares(number):
        fold = Fold(rows, ORIGIN, "ordinary", share=share)
        mine = [
            one
            for one in rows.read(0, rows.size())
            if not one.stream.startswith("case/") or share.owns(one.stream)
        ]
        found |= numbers([step for step in fold.steps(mine) if step.own])
    assert found == numbers(folded(rows))


def test_an_erased_registration_keeps_its_number_and_what_comes_behind_it_too() -> None:
    """Also for whoever folds the log for the first time when it is gone."""
    log = played("SC16")
    before = numbers(folded(rows_of(log)))
    first = next(
        index
        for index, text in sorted(before.items())
        if text.endswith(" 1") and f"{text[:-1]}2" in before.values()
    )
    register = Register.parse(before[first].rpartition(" ")[0])
    log.erase(first, registered=[kept(first, register)])
    log.log.rows[first] = log.log.rows[first]._replace(wraps=())
    assert numbers(folded(rows_of(log))) == before


def test_an_erasure_that_does_not_say_so_would_move_the_others_up() -> None:
    """So the keeper refuses it (integration/test_shredding); here is what it would do."""
    log = played("SC16")
    before = numbers(folded(rows_of(log)))
    first = next(
        index
        for index, text in sorted(before.items())
        if text.endswith(" 1") and f"{text[:-1]}2" in before.values()
    )
    log.erase(first, registered=[])
    log.log.rows[first] = log.log.rows[first]._replace(wraps=())
    assert numbers(folded(rows_of(log))) != before


def test_what_turns_out_not_to_stand_is_struck_and_the_others_move_up() -> None:
    """The numbers of one register only."""
    registers, book, other = Registers(), Register("CASE", 2026, "a"), Register("CASE", 2026, "b")
    for index in (3, 7, 9):
        registers.enter(book, index)
    registers.enter(other, 8)
    assert registers.strike(book, 7) == [9]
    assert registers.strike(book, 7) == []
    found = [registers.number(book, i) for i in (3, 7, 9)]
    assert [None if one is None else str(one) for one in found] == ["2026/0001", None, "2026/0002"]
    assert registers.number(other, 8) == (other, 1)
    assert str(registers.enter(Register("INTAKE", 2026, "a"), 1)) == "0001/TN-2026"


def test_the_year_is_that_in_which_it_was_recorded_in_vietnam() -> None:
    """A date put back does not open last year's book."""
    case = a_case_in("RECEIVED")
    report = case.stream.intake[0].act
    at = report.occurred_at.replace(month=12, day=31, hour=17, minute=30, tzinfo=None)
    found = register_of(report, at.replace(tzinfo=UTC))
    assert found is not None
    assert found.year == at.year + 1


@pytest.mark.parametrize("name", sorted(KINDS))
def test_an_act_of_form_2_says_no_number(name: str) -> None:
    """Form 1 must, form 2 may not; all of these acts have one signer."""
    catalogue = load()
    member = "case_number" if name == "CaseRegistered" else "register_no"
    assert catalogue.type(name).facts[member]["required"]
    assert member not in catalogue.type(name, 2).facts
    assert catalogue.type(name).signature_class == 1
    faults = catalogue.type(name, 2).check({member: "1"})
    assert f"/facts/{member}" in [fault.pointer for fault in faults]
    missing = catalogue.type(name).check({})
    assert f"/facts/{member}" in [fault.pointer for fault in missing]
