"""How much of a server one officer's heavy reads may take (api.http.framework.read_budget)."""

from __future__ import annotations

import heapq
import math
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.http.framework.read_budget import (
    AT_ONCE,
    FIRST_S,
    FULL_S,
    KINDS,
    Budgets,
    Charge,
    Kind,
    Spent,
)
from tests.examples import examples

ONE, ANOTHER = str(UUID(int=1 << 120)), str(UUID(int=2 << 120))
SHARE = 0.5
READS: Final[tuple[Kind, ...]] = tuple(k for k in KINDS if k not in ("feed", "wait", "writing"))


class Time:
    """Seconds that a test lets pass."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        """This moment."""
        return self.now


@pytest.fixture
def time() -> Time:
    """A clock that stands."""
    return Time()


@pytest.fixture
def budgets(time: Time) -> Iterator[Budgets]:
    """Full ones."""
    made = Budgets(SHARE, clock=time)
    yield made
    made.close()


def _spend(budgets: Budgets, officer: str = ONE, kind: Kind = "difference") -> int:
    """Asks, each worth a second, until it is refused; seconds to wait."""
    while True:
        try:
            budgets.settle(budgets.charge(officer, kind), 1.0)
        except Spent as spent:
            return spent.wait_s


def test_a_spent_budget_fills_again(budgets: Budgets, time: Time) -> None:
    """The seconds that are told are enough, and one who waits them is answered."""
    wait_s = _spend(budgets)
    assert wait_s >= 1
    budgets.charge(ANOTHER, "difference")  # nobody else is touched
    with pytest.raises(Spent):
        budgets.charge(ONE, "statistics")  # of whatever kind
    time.now += wait_s
    budgets.charge(ONE, "difference")


def test_a_budget_is_full_and_never_fuller(budgets: Budgets, time: Time) -> None:
    """Whoever has asked for nothing for a year has what everybody has."""
    time.now += 10_000_000
    for _ in range(int(FULL_S)):
        budgets.settle(budgets.charge(ONE, "statistics"), 1.0)
    with pytest.raises(Spent):
        budgets.charge(ONE, "statistics")


def test_only_so_many_are_under_way_at_once(budgets: Budgets, time: Time) -> None:
    """Before one is answered nobody knows what it costs, however long it takes."""
    charges = [budgets.charge(ONE, kind) for kind in KINDS[:AT_ONCE]]
    time.now += 1_000_000
    with pytest.raises(Spent) as spent:
        budgets.charge(ONE, KINDS[0])
    assert spent.value.wait_s == 1
    budgets.charge(ANOTHER, KINDS[0])
    budgets.settle(charges[0], 0.001)
    budgets.charge(ONE, KINDS[0])
    with pytest.raises(Spent):
        budgets.charge(ONE, KINDS[0])


def test_what_is_found_changes_no_answer_to_this_request(budgets: Budgets, time: Time) -> None:
    """Two officers with one past get one answer, whatever their last request found (N4)."""
    for officer, found_s in ((ONE, 0.001), (ANOTHER, 3.0)):
        charge = budgets.charge(officer, "listing")
        assert charge.held_s == FIRST_S
        budgets.settle(charge, found_s)
    time.now += 1_000
    assert budgets.charge(ONE, "listing").held_s < FIRST_S
    assert budgets.charge(ANOTHER, "listing").held_s == 3.0


def test_a_read_dearer_than_a_full_budget_is_lent_and_paid_back(
    budgets: Budgets, time: Time
) -> None:
    """Else it could never be asked again."""
    for _ in range(2):
        budgets.settle(budgets.charge(ONE, "bulk_verification"), 3 * FULL_S)
        with pytest.raises(Spent) as spent:
            budgets.charge(ONE, "listing")
        assert spent.value.wait_s >= 2 * FULL_S / SHARE
        time.now += 1_000


def test_who_waits_for_news_reads_all_the_same(budgets: Budgets) -> None:
    """Long polls have places of their own, and out of the same budget."""
    kinds: tuple[Kind, ...] = ("feed", "wait") * (AT_ONCE // 2)
    waits = [budgets.charge(ONE, kind) for kind in kinds]
    with pytest.raises(Spent):
        budgets.charge(ONE, "feed")
    reads = [budgets.charge(ONE, "listing") for _ in range(AT_ONCE)]
    with pytest.raises(Spent):
        budgets.charge(ONE, "listing")
    for charge in (*waits, *reads):
        budgets.settle(charge, FULL_S)
    with pytest.raises(Spent) as spent:
        budgets.charge(ONE, "feed")
    assert spent.value.wait_s >= (2 * AT_ONCE - 1) * FULL_S / SHARE - 1


def test_reading_keeps_nobody_from_writing(budgets: Budgets, time: Time) -> None:
    """Whoever writes waits for proofs as often as they like; what was too much is paid back."""
    budgets.settle(budgets.charge(ONE, "difference"), 1_000 * FULL_S)
    under_way = [budgets.charge(ONE, "writing") for _ in range(64)]
    for charge in under_way:
        budgets.settle(charge, 1.0)
    with pytest.raises(Spent) as spent:
        budgets.charge(ONE, "writing")
    assert spent.value.wait_s >= (64 - FULL_S) / SHARE - 1
    budgets.charge(ANOTHER, "writing")
    time.now += spent.value.wait_s
    budgets.charge(ONE, "writing")


def test_reading_has_what_writing_leaves(budgets: Budgets, time: Time) -> None:
    """Else one officer would take the share twice."""
    budgets.settle(budgets.charge(ONE, "writing"), 3 * FULL_S)
    with pytest.raises(Spent) as spent:
        budgets.charge(ONE, "difference")
    assert spent.value.wait_s >= 2 * FULL_S / SHARE
    budgets.charge(ANOTHER, "difference")
    time.now += spent.value.wait_s
    budgets.charge(ONE, "difference")


class Officer:
    """One who asks at full speed, with many threads and a plan; the reads end when they end."""

    def __init__(self, pattern: list[tuple[Kind, float]], threads: int) -> None:
        self._pattern, self._threads = pattern, threads
        self.time = Time()
        self._begun = self.time.now
        self.budgets = Budgets(SHARE, clock=self.time)
        self.under_way: list[tuple[float, int, Charge, float]] = []
        self.turns, self.most, self.work_s = 0, 0, 0.0

    @property
    def passed_s(self) -> float:
        """Since the beginning."""
        return self.time.now - self._begun

    def run(self, seconds: float, turns: int) -> None:
        """Asks so long, or so often; then nothing is under way any more."""
        while self.passed_s < seconds and self.turns < turns:
            wait_s = self._asked()
            if wait_s is None:
                continue
            end_s = self.under_way[0][0] if self.under_way else math.inf
            if end_s <= self.time.now + wait_s:
                self._ended()
            else:
                self.time.now += wait_s
        while self.under_way:
            self._ended()
        self.budgets.close()

    def _asked(self) -> float | None:
        """Seconds until there is sense in asking again; None where the answer was no refusal."""
        if len(self.under_way) >= self._threads:
            return math.inf
        kind, work_s = self._pattern[self.turns % len(self._pattern)]
        try:
            charge = self.budgets.charge(ONE, kind)
        except Spent as spent:
            return float(spent.wait_s)
        self.turns += 1
        heapq.heappush(self.under_way, (self.time.now + work_s, self.turns, charge, work_s))
        self.most = max(self.most, len(self.under_way))
        self.time.now += 0.001
        return None

    def _ended(self) -> None:
        end, _, charge, work_s = heapq.heappop(self.under_way)
        self.time.now = max(self.time.now, end)
        self.budgets.settle(charge, work_s)
        self.work_s += work_s


Plan = list[tuple[Kind, float]]


def _reads(seconds: float, times: int = 1, kind: Kind = "difference") -> Plan:
    return [(kind, seconds)] * times


SLOW: Final[tuple[Plan, ...]] = (
    _reads(30),
    _reads(60),
    _reads(30, 4) + _reads(0.01, 15),
    _reads(30, 12) + _reads(0.01, 25),
    [(kind, 30.0) for kind in READS],
    _reads(30, 4) + _reads(0, 400, "history"),
)
"""Reads of a database so slow that a full budget has filled again before one of them ends."""


def _never_more_than_the_share(plan: Plan, threads: int) -> None:
    officer = Officer(plan, threads)
    officer.run(3_600, 2_000)
    reads = [work_s for kind, work_s in plan if kind != "writing"]
    writes = [work_s for kind, work_s in plan if kind == "writing"]
    assert officer.most <= (threads if writes else min(AT_ONCE, threads))
    at_once_s = AT_ONCE * max(reads, default=0.0) + threads * max(writes, default=0.0)
    full_s = 2 * FULL_S if writes else FULL_S
    assert officer.work_s <= SHARE * officer.passed_s + full_s + at_once_s


@pytest.mark.parametrize("plan", SLOW, ids=range(len(SLOW)))
@pytest.mark.parametrize("threads", [4, 64])
def test_reads_that_outlast_a_budget_get_no_more_than_the_share(plan: Plan, threads: int) -> None:
    """Four at once and half of one processor, also where each takes as long as it may."""
    _never_more_than_the_share(plan, threads)


@settings(max_examples=examples(30))
@given(
    st.lists(
        st.tuples(st.sampled_from(KINDS[:2]), st.sampled_from([0.0, 0.01, 0.2, 2.0, 13.0, 60.0])),
        min_size=1,
        max_size=30,
    ),
    st.sampled_from([1, 3, 4, 5, 16, 64]),
)
def test_no_order_of_cheap_and_dear_gets_more_than_the_share(plan: Plan, threads: int) -> None:
    """An officer at full speed for an hour, with any number of threads and any plan."""
    _never_more_than_the_share(plan, threads)


@settings(max_examples=examples(8))
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*KINDS[:2], "writing"]),
            st.sampled_from([0.0, 0.01, 0.05, 0.2, 2.0]),
        ),
        min_size=1,
        max_size=30,
    ),
    st.sampled_from([1, 4, 16, 64]),
)
def test_reads_and_writes_together_get_no_more_than_the_share(plan: Plan, threads: int) -> None:
    """Acts in vain and the dearest reads, in any order, at full speed for an hour."""
    _never_more_than_the_share(plan, threads)


@pytest.mark.parametrize("threads", [4, 64])
def test_who_reads_and_writes_at_full_speed_takes_the_share_once(threads: int) -> None:
    """Two threads of which each would take all of it."""
    _never_more_than_the_share([("writing", 0.5), ("difference", 0.5)], threads)


def test_processes_of_one_server_share_the_budgets(budgets: Budgets) -> None:
    """Forked behind it, as gunicorn's workers are: what one takes, the other has not."""
    child = os.fork()
    if child == 0:
        _spend(budgets)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    with pytest.raises(Spent):
        budgets.charge(ONE, "difference")


def test_a_killed_process_holds_nothing(budgets: Budgets) -> None:
    """A worker may die in the very moment in which it has the budgets for itself."""
    child = os.fork()
    if child == 0:
        with budgets._alone():
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    budgets.charge(ONE, "difference")


def test_what_a_killed_process_had_under_way_is_under_way_no_more(budgets: Budgets) -> None:
    """Its places are free again, and nobody else's; what was held for them stays paid."""
    mine = budgets.charge(ONE, "statistics")
    child = os.fork()
    if child == 0:
        for _ in range(AT_ONCE - 1):
            budgets.charge(ONE, "statistics")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    with pytest.raises(Spent):
        budgets.charge(ONE, "statistics")
    budgets.ended(child)
    for _ in range(AT_ONCE - 1):
        budgets.charge(ONE, "statistics")
    with pytest.raises(Spent):
        budgets.charge(ONE, "statistics")
    budgets.settle(mine, 0.0)
    budgets.charge(ONE, "statistics")


def test_who_has_a_full_budget_is_forgotten_first(budgets: Budgets, time: Time) -> None:
    """A full budget is as good as none; a debt is not forgotten because others ask."""
    budgets.settle(budgets.charge(ONE, "statistics"), 100 * FULL_S)
    for turn in range(3):
        for other in range(1, 30):
            officer = str(UUID(int=(1 << 120) + 30 * turn + other))
            budgets.settle(budgets.charge(officer, "listing"), 0.01)
            time.now += 1
        with pytest.raises(Spent):
            budgets.charge(ONE, "listing")
    time.now += 100 * FULL_S / SHARE
    for other in range(100, 108):
        budgets.charge(str(UUID(int=(1 << 120) + other)), "listing")
    assert budgets.charge(ONE, "statistics").held_s == FIRST_S


def test_the_page_says_how_much_an_officer_has() -> None:
    """docs/spec/http.md §1: whoever writes a client goes by these numbers."""
    page = (Path(__file__).parents[3] / "docs/spec/http.md").read_text("utf-8")
    assert "Four of them are under way at most" in page
    assert AT_ONCE == 4
    assert f"up to {FULL_S:g} s, for all workers" in page
