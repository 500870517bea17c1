"""The shared fold in memory: wherever it is interrupted, its steps are the same.

An erased record is stepped over.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache, partial
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.signer import PublicKey
from ledger.log.statement import Statement, check_signature, recorded
from ledger.regulation.case.state import StreamState
from projections.fold.fold import Fold
from projections.fold.statement_check import Form
from projections.fold.step import Step
from tests.examples import examples
from tests.fold_log import FoldLog, Stored
from tests.memory_log import ORIGIN
from tests.played_log import PlayedLog, played

NAMES = ("SC1", "SC2", "SC3", "SC4", "SC6")
_FLAGS = 3
"""Where they stand in what `seen` says."""


def rows_of(log: PlayedLog) -> FoldLog:
    """The rows of a played log, as a fold reads them."""
    return FoldLog(Stored(log.stored(), log.log.noted), log.log.kek, ORIGIN)


def seen(step: Step) -> tuple[object, ...]:
    """What a step says, as values."""
    entry = step.entry
    return (
        step.opened.index,
        step.status,
        step.effect,
        step.flags,
        step.stream.state,
        step.stream.seq,
        step.stream.head,
        step.stream.outcome,
        None if entry is None else (entry.act.act_id, entry.number, entry.state_after),
        sorted((s.id, s.name, s.state) for s in step.stream.subs.values()),
    )


@cache
def whole(name: str) -> list[tuple[object, ...]]:
    """The steps of one uninterrupted fold."""
    rows = rows_of(played(name))
    return [seen(step) for step in Fold(rows, ORIGIN, "ordinary").steps(rows.read(0, 10_000))]


@pytest.mark.parametrize("name", NAMES)
def test_flags_and_states_are_those_decided_at_the_door(name: str) -> None:
    """The fold asks the same flag guards with the same registry, and comes to the same."""
    player = played(name).player
    by_act = {}
    for _, _, effect, flags, state, *rest in whole(name):
        if effect:
            by_act[rest[3][0]] = (flags, state)  # type: ignore[index]
    for stream in player.streams.values():
        for entry in stream.entries.values():
            if entry.effect is not None:
                flags, state = by_act[entry.act.act_id]
                assert flags == player.raised[entry.act.act_id], entry.act.act
                if stream.kind == "case":
                    assert state == entry.state_after


@given(name=st.sampled_from(NAMES), cuts=st.sets(st.integers(1, 60), max_size=6))
@settings(max_examples=examples(4), deadline=None)
def test_a_fold_begun_again_anywhere_takes_the_same_steps(name: str, cuts: set[int]) -> None:
    """A restart leaves no trace: memory is a cache and nothing more."""
    rows = rows_of(played(name))
    size = rows.size()
    bounds = [0, *sorted(c for c in cuts if c < size), size]
    steps: list[tuple[object, ...]] = []
    for start, end in pairwise(bounds):
        fold = Fold(rows, ORIGIN, "ordinary", start - 1)
        steps += [seen(step) for step in fold.steps(rows.read(start, end - start))]
    assert steps == whole(name)


def test_a_lean_fold_takes_the_same_steps_and_raises_no_flag() -> None:
    """Who takes part is asked by no flag, and a guard asked twice is asked for nothing."""
    rows = rows_of(played("SC1"))
    fold = Fold(rows, ORIGIN, "ordinary", flags=False, lean=True)
    steps = [seen(step) for step in fold.steps(rows.read(0, 10_000))]
    assert any(one[_FLAGS] for one in whole("SC1"))
    assert steps == [(*one[:_FLAGS], (), *one[_FLAGS + 1 :]) for one in whole("SC1")]


def test_erased_records_take_their_place_and_move_nothing() -> None:
    """A shredded record folds to "content erased", not to an exception."""
    log = played("SC1")
    case = log.player.cases["C1"]
    mine = [i for i, s in enumerate(log.log.statements) if s.members["stream"] == case]
    # Author and approver of one act, and the author alone of another: its countersignature is
    # orphaned.
    pairs = [i for i in mine if len(log.log.statements[i].members["signers"]) == 2]
    for at in (*pairs[:2], pairs[2]):
        log.log.rows[at] = log.log.rows[at]._replace(wraps=())
    rows = rows_of(log)
    steps = [
        (s.opened.index, s.status, s.stream.seq)
        for s in Fold(rows, ORIGIN, "ordinary").steps(rows.read(0, 10_000))
    ]
    assert len(steps) == rows.size()
    assert {status for at, status, _ in steps if at in pairs[:3]} == {"erased"}
    assert steps[pairs[3]][1] == "service" or steps[pairs[3]][1] == "erased"
    assert max(seq for _, _, seq in steps) == len(mine)


def test_streams_forgotten_are_folded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory stays flat; what is forgotten comes back from the records."""
    remembered = whole("SC3")
    monkeypatch.setattr("projections.fold.fold.MOST_STATEMENTS", 0)
    rows = rows_of(played("SC3"))
    fold = Fold(rows, ORIGIN, "ordinary")
    steps = []
    for at in range(rows.size()):
        steps += [seen(step) for step in fold.steps(rows.read(at, 1))]
    assert steps == remembered
    assert fold.take_forgotten() > rows.size() // 2


def test_folds_that_share_a_form_check_each_signature_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is the dearest thing asked of a record, and the answer is the same for every view."""
    checked: list[str] = []

    def check(statement: Statement, key: PublicKey) -> None:
        checked.append(statement.digest_b64)
        check_signature(statement, key)

    every = whole("SC1")  # where nobody has asked for it yet, it is folded now, and checks too
    monkeypatch.setattr("ledger.log.statement.check_signature", check)
    rows, form = rows_of(played("SC1")), Form(ORIGIN, "ordinary")
    ahead = Fold(rows, ORIGIN, "ordinary", lean=True, form=form)
    behind = Fold(rows, ORIGIN, "ordinary", form=form)
    assert len(list(ahead.steps(rows.read(0, 10_000)))) == rows.size()
    once = len(checked)
    of_cases = [s for s in played("SC1").log.statements if s.members["stream"].startswith("case/")]
    assert {s.digest_b64 for s in of_cases} <= set(checked)
    assert [seen(step) for step in behind.steps(rows.read(0, 10_000))] == every
    again = Counter(checked[once:])
    assert not again.keys() & {s.digest_b64 for s in of_cases}


def test_a_signature_that_is_not_good_is_not_remembered() -> None:
    """Whoever asks second is told the same as who asked first."""
    rows, form = rows_of(played("SC1")), Form(ORIGIN, "ordinary")
    every = rows.read(0, 10_000)
    first = next(one for one in every if one.stream.startswith("case/"))
    assert first.statement is not None
    head, words, signature = first.statement.compact.split(".")
    turned = signature[:-4] + ("AAAA" if signature[-4:] != "AAAA" else "BBBB")
    forged = replace(first, statement=recorded(f"{head}.{words}.{turned}"))
    fold = Fold(rows, ORIGIN, "ordinary")
    list(fold.steps(every[: first.index]))
    asked = partial(form.explains, stream=StreamState(first.stream), registry=fold.registry)
    assert [asked(one) for one in (forged, forged, first, forged, first)] == [
        False,
        False,
        True,
        False,
        True,
    ]
