"""What is released tells its text, and nothing of what was decided above (access.md §7 NI4, V7).

Pairs of histories above that release the same texts in the same slots: on other days, of other
documents and cases, in another order, beside others. Twenty pairs here, a thousand in `make soak`.
"""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.regulation.guards import secrecy
from tests.attacks import attack
from tests.examples import examples, shared_with_soak
from tests.releases import (
    FIRST,
    SLOTS,
    Above,
    Carried,
    Deed,
    Release,
    a_history,
    a_plan,
    in_words,
    played,
    texts_alone,
    values_of,
)
from tests.two_levels import first_difference

SEED = 90
PAIRS = examples(4)


@attack(
    "whoever is below tells from what is released when, in which order and of what it was decided",
    stopped_by="days of release; a text comes down alone (NI4, A15, L22)",
    noticed_by="-",
)
def test_what_is_released_tells_nothing_of_how_it_came_to_be(tmp_path: Path) -> None:
    """Two histories with the same releases look alike below."""
    for n in range(PAIRS):
        told(tmp_path, f"{SEED} {n}")


def told(folder: Path, name: str) -> None:
    """One pair.

    Raises:
        AssertionError: They can be told apart, or a value from above stands below.
    """
    chance = random.Random(name)  # noqa: S311 - a story
    plan = a_plan(chance)
    histories = [a_history(chance, plan) for _ in range(2)]
    (one, above), (other, _) = (
        played(folder / f"{name} {n}", f"history {n}", deeds) for n, deeds in enumerate(histories)
    )
    found = first_difference(one, other)
    assert not found, f"{name}\n{in_words(histories[0])}\n\n{in_words(histories[1])}\n\n{found}"
    below = repr(one.got)
    assert [value for value in values_of(above) if value in below] == []
    entered = [got for got in one.got if isinstance(got, tuple) and str(got[0]).startswith("text")]
    assert len(entered) == len(plan), "a text did not come down"


# -- the test of the test (V17, L22) ---------------------------------------------------------------


def in_order_of_decision(above: Above, today: date) -> list[tuple[int, dict[str, Any]]]:
    """L22: what was decided first is entered first."""
    ready = [deed.release for deed, _ in above.permitted if deed.release]
    return [(one.text, {}) for one in ready if one.slot == today]


def as_soon_as_decided(above: Above, today: date) -> list[tuple[int, dict[str, Any]]]:
    """L22: a text is entered on the day on which it may be."""
    return [(deed.release.text, {}) for deed, _ in above.permitted
            if deed.release and deed.day == today]  # fmt: skip


def one_of_so_many(above: Above, today: date) -> list[tuple[int, dict[str, Any]]]:
    """L22: entry 17 of 20, where most of them stay above."""
    of = len({document for _, document in above._acts})
    return [
        (text, {"facts": {"title": f"Van ban {n} trong so {of}"}})
        for n, (text, _) in enumerate(texts_alone(above, today), 1)
    ]


def by_its_number_above(above: Above, today: date) -> list[tuple[int, dict[str, Any]]]:
    """L22: the act below has the id of the one that let it go down."""
    ids = {deed.release.text: act_id for deed, act_id in above.permitted if deed.release}
    return [(text, {"act_id": ids[text]}) for text, _ in texts_alone(above, today)]


def _two_histories() -> list[list[Deed]]:
    """Two texts of one slot, decided the one way and the other, beside one that stays."""
    plan = [Release(0, SLOTS[0]), Release(1, SLOTS[0])]

    def way(document: int, release: Release | None, day: int) -> list[Deed]:
        days = [FIRST + timedelta(days=day + n) for n in range(3)]
        deeds = [Deed(days[0], "classify", document, 0), Deed(days[1], "declassify", document, 0)]
        return deeds if release is None else [*deeds, Deed(days[2], "permit", document, 0, release)]

    one = [*way(0, plan[0], 0), *way(1, plan[1], 2)]
    other = [*way(0, plan[1], 1), *way(1, plan[0], 4), *way(2, None, 1)]
    return [sorted(deeds, key=lambda deed: deed.day) for deeds in (one, other)]


@pytest.mark.parametrize(
    "leak",
    shared_with_soak(
        [in_order_of_decision, as_soon_as_decided, one_of_so_many, by_its_number_above], 2, "leaks"
    ),
)
def test_a_release_that_tells_more_is_found(
    tmp_path: Path, leak: Carried, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each shows in what whoever is below gets; as it should be, nothing does."""
    histories = _two_histories()

    def seen(name: str, carried: Carried) -> str:
        one, other = (
            played(tmp_path / f"{name} {n}", f"history {n}", deeds, carried)[0]
            for n, deeds in enumerate(histories)
        )
        return first_difference(one, other)

    assert seen("right", texts_alone) == ""
    # the guard refuses what is entered on another day; here it is asked what would be seen else
    monkeypatch.setattr(secrecy, "is_release_day", lambda *_: True)
    assert seen("wrong", leak) != ""
