"""What an edition has judged it judges so for ever: kept logs replayed, guards' code pinned."""

from __future__ import annotations

import pytest

from ledger.regulation.edition import SHIPPED
from tests.stored_editions import Json, code_of_guards, kept, pins, replayed

TOLD = [(edition, told) for edition in SHIPPED for told in kept(edition)]


@pytest.mark.parametrize(
    ("edition", "told"), TOLD, ids=[f"{edition}-{told['name']}" for edition, told in TOLD]
)
def test_a_stored_log_is_judged_as_it_was(edition: str, told: Json) -> None:
    """Every statement has its answer, and every case file its bytes, by the edition of the log."""
    named = told["lines"][0]["act"]["facts"].get("edition", {"id": "1"})
    assert named["id"] == edition
    for was, now in replayed(told):
        assert now == was


def test_every_edition_has_a_stored_log_in_which_guards_refuse() -> None:
    """Both what a guard takes and what it refuses is held."""
    for edition in SHIPPED:
        answers = [line for told in kept(edition) for line in told["lines"]]
        assert any("refused" in line for line in answers)
        assert any("answer" in line for line in answers)


def test_the_code_of_a_released_guard_is_never_changed() -> None:
    """What is to rule otherwise stands beside it, as <name>_v2, and an edition names it.

    Where the same rule is put in other words, the stored logs show that it is the same; then the
    line is taken out of tests/vectors/editions/guards.json, and `python -m tests.stored_editions`
    writes it anew.
    """
    assert code_of_guards() == pins()
