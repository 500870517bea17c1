"""How much of a server one officer's heavy reads may take (api.budget)."""

from __future__ import annotations

import heapq
import os
import signal
from collections.abc import Iterator
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.budget import AT_ONCE, FIRST_S, FULL_S, KINDS, Budgets, Charge, Kind, Spent

ONE, ANOTHER = str(UUID(int=1 << 120)), str(UUID(int=2 << 120))
SHARE = 0.5


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
    time.now += 1_000
    for _ in range(AT_ONCE):
        budgets.charge(ONE, "statistics")  # full, and not fuller
    with pytest.raises(Spent):
        budgets.charge(ONE, "statistics")


def test_only_so_many_are_under_way_at_once(budgets: Budgets) -> None:
    """Before one is answered nobody knows what it costs."""
    charges = [budgets.charge(ONE, kind) for kind in KINDS[:AT_ONCE]]
    with pytest.raises(Spent):
        budgets.charge(ONE, KINDS[0])
    for charge in charges:
        budgets.settle(charge, 0.001)
    budgets.charge(ONE, KINDS[0])


def test_what_is_found_changes_no_answer_to_this_request(budgets: Budgets, time: Time) -> None:
    """Two officers with one past get one answer, whatever their last request found (N4)."""
    for officer, found_s in ((ONE, 0.001), (ANOTHER, 3.0)):
        charge = budgets.charge(officer, "search")
        assert (charge.held_s, charge.price_s) == (FULL_S / AT_ONCE, FIRST_S)
        budgets.settle(charge, found_s)
    time.now += 1_000
    assert budgets.charge(ONE, "search").price_s < FIRST_S
    assert budgets.charge(ANOTHER, "search").price_s == 3.0


def test_a_read_dearer_than_a_full_budget_is_lent_and_paid_back(
    budgets: Budgets, time: Time
) -> None:
    """Else it could never be asked again."""
    budgets.settle(budgets.charge(ONE, "bulk_verification"), 3 * FULL_S)
    time.now += 1_000
    budgets.settle(budgets.charge(ONE, "bulk_verification"), 3 * FULL_S)
    with pytest.raises(Spent) as spent:
        budgets.charge(ONE, "search")
    assert spent.value.wait_s >= 2 * FULL_S / SHARE


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from(KINDS[:2]), st.sampled_from([0.0, 0.01, 0.2, 2.0])),
        min_size=1,
        max_size=30,
    ),
    st.integers(1, 16),
)
def test_no_order_of_cheap_and_dear_gets_more_than_the_share(
    pattern: list[tuple[Kind, float]], threads: int
) -> None:
    """An officer at full speed for an hour, with any number of threads and any plan."""
    time = Time()
    budgets, begun = Budgets(SHARE, clock=time), time.now
    under_way: list[tuple[float, int, Charge, float]] = []
    work, turn = 0.0, 0
    while time.now < begun + 3_600 and turn < 400:
        kind, work_s = pattern[turn % len(pattern)]
        try:
            charge = budgets.charge(ONE, kind) if len(under_way) < threads else None
            wait_s = 0.0
        except Spent as spent:
            charge, wait_s = None, float(spent.wait_s)
        if charge is not None:
            turn += 1
            heapq.heappush(under_way, (time.now + work_s, turn, charge, work_s))
        elif under_way:
            end, _, charge, done_s = heapq.heappop(under_way)
            time.now = max(time.now, end)
            budgets.settle(charge, done_s)
            work += done_s
        else:
            time.now += wait_s
        time.now += 0.001
    budgets.close()
    dearest = max(seconds for _, seconds in pattern)
    slack = FULL_S + AT_ONCE * dearest * len(KINDS[:2])
    assert work <= SHARE * (time.now - begun) + slack


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


def test_who_has_not_asked_for_longest_is_forgotten_first(budgets: Budgets, time: Time) -> None:
    """A full budget is as good as none: there is room for the officers of a minute."""
    _spend(budgets)
    same_place = [str(UUID(int=(1 << 120) + other)) for other in range(1, 8)]
    for officer in same_place:
        budgets.charge(officer, "search")
    with pytest.raises(Spent):
        budgets.charge(ONE, "search")
    time.now += 1_000
    for officer in same_place:
        budgets.charge(officer, "search")
    budgets.charge(str(UUID(int=(1 << 120) + 99)), "search")
    assert budgets.charge(ONE, "difference").price_s == FIRST_S
