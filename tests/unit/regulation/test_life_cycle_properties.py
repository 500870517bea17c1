"""Random walks: legal ones never leave the tables, illegal ones are refused.

And any prefix folds to what was seen.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ledger.errors import Rejected
from ledger.regulation.acts.act import Act, NamedSigner
from ledger.regulation.acts.json_shape import parse_time
from ledger.regulation.acts.lifecycle import life_cycle
from ledger.regulation.case.state import RESULTS, Signed, StreamState, apply, fold
from ledger.regulation.case_file.render import case_file
from ledger.regulation.edition import load_edition
from ledger.regulation.guards.life import state_illegal, sub_process_illegal
from ledger.regulation.registry.registry import Registry
from tests.examples import examples
from tests.play_pure import Player, player_for, scenario, steps

CYCLE = life_cycle()
STATES = set(CYCLE.labels)
REGISTRY = Registry.founded()
AT = parse_time("2024-06-04T08:00:00+07:00")
NAMES = ("SC1", "SC2", "SC3", "SC4", "SC6", "SC7", "SC8", "SC9", "SC10", "SC11")
CASE = "case/0b1f3c52-6a43-4d8e-9d53-0c5f8b8f7a11"


def an_act(name: str, number: int, disposition: str | None, facts: dict[str, Any]) -> Act:
    """An act with what the life cycle reads; its other members are of no interest here."""
    signer = NamedSigner(
        f"{number:08x}-0000-4000-8000-000000000000", "chuyen-vien", "AUTHOR", "TRUC_TIEP"
    )
    return Act(
        act=name,
        act_id=f"{number:08x}-0000-4000-8000-000000000001",
        stream=CASE,
        occurred_at=AT,
        precision="minute",
        agency="bacninh.stttt",
        post="chuyen-vien",
        basis=(),
        circulation="INTERNAL",
        facts=facts,
        signers=(signer,),
        late_reason=None,
        to=(),
        channel=None,
        document=None,
        disposition=disposition,
        attachments=(),
        corrects=None,
        refers_to=None,
        members={"act_id": f"{number:08x}"},
        signed={"act_id": f"{number:08x}", "v": 1},
    )


@cache
def branches(name: str) -> tuple[str | None, ...]:
    """Every disposition the tables know for an act, and none."""
    known = {d for a, _, d in CYCLE.transitions if a == name}
    return tuple(sorted(known | {None}, key=str))


def facts_for(name: str, stream: StreamState, draw: st.DataObject) -> dict[str, Any]:
    """Facts that name sub-processes of the case, or none, and take any branch of the table."""
    facts: dict[str, Any] = {"review_at": "2024-06-05T08:00:00+07:00"}
    for move in CYCLE.sub_moves[name]:
        if move.by is not None:
            value = draw.draw(st.sampled_from(sorted(move.mapping)))
            facts[move.by] = {"true": True, "false": False}.get(value, value)
        if move.id_fact is not None:
            known = [s.id for s in stream.subs_in(move.name)]
            named = draw.draw(st.sampled_from([None, *known, *list(stream.entries)[:1]]))
            if named is not None:
                facts[move.id_fact] = named
    return facts


class Walk(RuleBasedStateMachine):
    """A case to which any act with any branch is put.

    Only what the two life guards let pass is taken.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stream = StreamState(CASE)
        self.player = Player()
        self.number = 0

    @rule(data=st.data(), name=st.sampled_from(sorted(CYCLE.states_from)))
    def put(self, data: st.DataObject, name: str) -> None:
        """One act: the guards and the tables agree on it, and it lands where the row says."""
        disposition = data.draw(st.sampled_from(branches(name)))
        self._put(name, disposition, facts_for(name, self.stream, data))

    @precondition(lambda self: self.stream.state != "ARCHIVED")
    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        """One act that has a row from the present state, so that walks get far."""
        rows = sorted(((a, d) for a, s, d in CYCLE.transitions if s == self.stream.state), key=str)
        name, disposition = data.draw(st.sampled_from(rows))
        self._put(name, disposition, facts_for(name, self.stream, data))

    def _put(self, name: str, disposition: str | None, facts: dict[str, Any]) -> None:
        self.number += 1
        act = an_act(name, self.number, disposition, facts)
        self.player.streams[CASE] = self.stream
        question = self.player.question(act, act.signers[0].officer, "AUTHOR", AT)
        before = self.stream.state
        legal, target = CYCLE.next_state(name, disposition, before)
        assert (state_illegal(question) is None) == legal
        if not legal or sub_process_illegal(question) is not None:
            return
        signed = Signed(
            act,
            act.signers[0].officer,
            "AUTHOR",
            "",
            0,
            self.stream.seq + 1,
            "d",
            load_edition(),
        )
        entry = apply(self.stream, signed)
        assert self.stream.state == target
        for moved in entry.moved:
            row = (moved.before, name, moved.after)
            time_moved = ("LAPSED", name, moved.after)
            assert row in CYCLE.rows[moved.sub.name] or time_moved in CYCLE.rows[moved.sub.name]

    @invariant()
    def state_is_one_of_the_tables(self) -> None:
        """No walk reaches a state that life_cycle.json does not name."""
        assert self.stream.state is None or self.stream.state in STATES
        for sub in self.stream.subs.values():
            assert sub.id == sub.opened_by.act.act_id

    @invariant()
    def closed_has_a_result_or_came_from_screening(self) -> None:
        """G7: nothing closes without a result or a recorded ground."""
        closed = self.stream.last("CaseClosed")
        if closed is not None and closed.state_before != "SCREENING":
            assert self.stream.effective(*RESULTS)


Walk.TestCase.settings = settings(max_examples=examples(40), stateful_step_count=40, deadline=None)
TestWalk = Walk.TestCase


def statements(player: Player, name: str) -> list[Signed]:
    """Every statement of a stream in order."""
    stream = player.stream(name)
    return sorted((s for e in stream.entries.values() for s in e.signed), key=lambda s: s.seq)


@pytest.mark.parametrize("name", NAMES)
def test_fold_of_any_prefix_equals_the_view_as_of_then(name: str) -> None:
    """architecture.md §5: one pure function for the live view and the view as of a date."""
    file = scenario(name)
    player, cast = player_for(file)
    seen: list[tuple[int, dict[str, Any]]] = []
    for step in steps(file):
        player.step(step, cast)
        if "C1" not in player.cases:
            continue
        stream = player.stream(player.cases["C1"])
        assert player.now is not None
        raised = dict(player.raised)
        seen.append((stream.seq, case_file(stream, raised, player.registry, player.now)))
        again = fold(stream.name, statements(player, stream.name)[: stream.seq])
        assert case_file(again, raised, player.registry, player.now) == seen[-1][1]


@cache
def prefix(name: str, upto: int) -> tuple[Player, dict[str, Any]]:
    """A scenario played to a step, made once; each use copies it."""
    file = scenario(name)
    player, cast = player_for(file)
    for step in steps(file, upto):
        player.step(step, cast)
    return player, cast


def _moments() -> Iterator[tuple[str, int, int]]:
    for name in (n for n in NAMES if n != "SC7"):
        numbers = [s["n"] for s in steps(scenario(name)) if s.get("case") == "C1"]
        for upto in numbers[3:]:
            for other in numbers:
                yield name, upto, other


@settings(max_examples=examples(3))
@given(st.sampled_from(list(_moments())))
def test_step_put_at_another_moment_is_taken_only_where_the_tables_allow(
    moment: tuple[str, int, int],
) -> None:
    """Random illegal steps are always refused, whatever else is in order about them."""
    _put_at_another_moment(*moment)


@pytest.mark.soak
@pytest.mark.parametrize("name", sorted({name for name, _, _ in _moments()}))
def test_every_step_put_at_every_other_moment(name: str) -> None:
    """The same of each, not of some."""
    for moment in _moments():
        if moment[0] == name:
            _put_at_another_moment(*moment)


def _put_at_another_moment(name: str, upto: int, number: int) -> None:
    player, cast = copy.deepcopy(prefix(name, upto))
    last = next(s for s in scenario(name)["steps"] if s["n"] == upto)
    step = copy.deepcopy(next(s for s in scenario(name)["steps"] if s["n"] == number))
    step |= {
        "n": 99,
        "at": last.get("signed_at", last["at"]),
        "countersigners": step["countersigners"],
    }
    step.pop("signed_at", None)
    for other in step["countersigners"]:
        other["at"] = step["at"]
    stream = player.stream(player.cases["C1"])
    before = stream.state
    legal, target = CYCLE.next_state(step["act"], step.get("disposition"), before)
    try:
        entry, _ = player.step(step, cast)
    except (Rejected, KeyError):
        # KeyError: the step refers to one that has not been played.
        assert stream.state == before
        return
    assert legal
    assert stream.state == (target if entry.status == "effective" else before)
