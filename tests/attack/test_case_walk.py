"""Cases that live on at random: what the texts promise of them holds wherever they come to.

What a guard asks is not asked here: who may go on is found by trying, whose signature stands where
is read off the acts, and what was folded is folded again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ledger.errors import Rejected
from ledger.regulation.acts.act import Act
from ledger.regulation.case.exclusions import about
from ledger.regulation.case.state import Entry, StreamState
from ledger.regulation.registry.lines import REGISTRY_ACTS
from tests import builders
from tests.a_ledger import ALedger, _by_keeper, enrolment, in_memory
from tests.attacks import attack
from tests.builders import Others
from tests.case_ends import Willing
from tests.case_walk import CASES, T0, Json, Said, Seat, World, appointed
from tests.case_walk_offices import cases_shown, moved
from tests.case_walk_promises import broken_by, seen, unlisted, untold
from tests.case_walker import Walker
from tests.examples import examples
from tests.fakes import MemoryRecordStore
from tests.fixtures.clock import StepClock
from tests.fold_log import FoldLog

_REGISTERING: Final = frozenset({"keeper", "keeper2", "tc", "ubgk", "giamsat"})
_NO_SHRINKING: Final = (Phase.explicit, Phase.reuse, Phase.generate)
"""A smaller seed is no shorter walk."""
_STEPS: Final = 80
_SEEDS: Final = st.integers(min_value=0, max_value=2**32)


@dataclass(slots=True)
class Tried:
    """A statement that was tried, and what was said by it where it was taken."""

    act: Act
    officer: str
    role: str
    at: datetime
    stand_in: Json | None
    seats: Sequence[Seat]
    said: Said | None = None


class Watched(World):
    """A world in which each answer is looked at.

    Attributes:
        broken: What did not hold, each with how many statements there were.
        verdicts: What was answered to each statement that was tried, in order.
        then: How many statements there were, when, and what was shown of cases.
    """

    def __init__(self, *, names: str = "") -> None:
        super().__init__(names=names)
        self.broken: list[tuple[int, str]] = []
        self.verdicts: list[tuple[str, ...]] = []
        self.tried: list[Tried] = []
        self.then: list[tuple[int, datetime, object]] = []

    def told(self, act: Act, refused: Rejected) -> None:
        """A refusal says what is wrong."""
        self._note(untold(refused))
        self.verdicts.append((act.act, refused.code, str(refused.guard)))

    def take(self, act: Act, who: str, role: str, stand_in: Json | None = None) -> Entry:
        """Every third act is looked up in what its author was offered, every ninth twice."""
        begins = act.act_id not in self.stream(act.stream).entries
        looked_up = begins and self.judged % 3 == 0
        missing = list(unlisted(self, act, who)) if looked_up else []
        moves = act.act in REGISTRY_ACTS and who == act.signers[-1].officer
        before = cases_shown(self) if moves else None
        folds = self._seen() if self.judged % 9 == 0 else None
        tried = Tried(act, who, role, self.now, stand_in, self.seats)
        self.tried.append(tried)
        try:
            entry = super().take(act, who, role, stand_in)
        except Rejected:
            if folds is not None and folds != self._seen():
                self._note(["§7: what is refused changes nothing"])
            raise
        said = tried.said = self.said[-1]
        self._note([*missing, *broken_by(self, said, entry)])
        if before is not None and entry.status == "effective":
            self._note(moved(self, act, before))
        if len(self.said) % 30 == 0:
            self.then.append((len(self.said), self.now, cases_shown(self)))
        self.verdicts.append((act.act, said.decision.status, *said.decision.flags))
        return entry

    def _seen(self) -> list[object]:
        return [seen(self.streams[n]) for n in sorted(self.streams) if self.streams[n].seq]

    def _note(self, broken: Any) -> None:  # noqa: ANN401 - any iterable of sentences
        self.broken += [(len(self.said), one) for one in broken]


def walked(
    seed: int, steps: int = _STEPS, *, names: str = "", registering: float = 0.06
) -> Watched:
    """A world after so many steps, of which a share are acts of the registry."""
    world = Watched(names=names)
    walker = Walker(world, Random(seed), registering)  # noqa: S311 - acts, no keys
    walker.begin()
    for _ in range(steps):
        walker.step()
    assert len(world.said) > steps // 8, "where next to nothing is taken nothing can be broken"
    return world


def _is_folded_again(world: Watched) -> None:
    """From nothing all is as it is, and as it was then: folds, terms and who holds a case."""
    again = world.copy()
    for name, stream in world.streams.items():
        assert seen(again.streams.get(name, StreamState(name))) == seen(stream)
    assert cases_shown(again) == cases_shown(world)
    for number, at, shown in world.then:
        then = world.played(world.said[:number])
        then.now = at
        assert cases_shown(then) == shown


def _apart(one: Said, other: Said) -> bool:
    """Whether neither of two statements can be about the other: other streams, no registry."""
    names = [s.act.stream for s in (one, other)]
    said = [repr(s.act.signed) for s in (one, other)]
    return (
        names[0] != names[1]
        and not {one.act.act, other.act.act} & {*REGISTRY_ACTS}
        and names[0] not in said[1]
        and names[1] not in said[0]
    )


def _swapped(world: World, draw: Random) -> list[str]:
    """Statements of two streams that stand next to each other, and are not taken in turn."""
    pairs = [n for n in range(len(world.said) - 1) if _apart(*world.said[n : n + 2])]
    wrong = []
    for n in draw.sample(pairs, min(2, len(pairs))):
        other = world.played(world.said[:n])
        for said in (world.said[n + 1], world.said[n]):
            other.now = said.at
            decision = other.judge(said.act, said.officer, said.role, said.stand_in)
            if decision != said.decision:
                wrong.append(f"{said.act.act}: {decision} and not {said.decision}")
            other.repeat(said)
    return wrong


@attack(
    "officers of many agencies do in several cases whatever is let pass, dated early and late, half"
    " signed, lent, withdrawn, returned, complained of and reviewed",
    stopped_by="the guards, whose promises are asked by what stands afterwards",
    noticed_by="log audit, which asks the rules again",
)
@settings(phases=_NO_SHRINKING, max_examples=examples(3))
@given(_SEEDS)
def test_whatever_is_done_what_is_promised_of_it_holds(seed: int) -> None:
    """Two persons, a basis, other deciders; what is taken was offered; folds are equal."""
    world = walked(seed)
    assert world.broken == []
    _is_folded_again(world)
    assert _swapped(world, Random(seed)) == []  # noqa: S311 - acts, no keys


@attack(
    "lawful acts one after the other bring a case to where nobody can end it, lift its measures or"
    " answer who complains",
    stopped_by="an act for every end, by whoever is appointed",
    noticed_by="-",
)
@settings(phases=_NO_SHRINKING, max_examples=examples(2))
@given(_SEEDS)
def test_whatever_is_done_a_case_comes_to_its_end(seed: int) -> None:
    """regulation.md §6, §7 G7, §9.6, §9.7: with all officers willing, and new ones appointed."""
    world = walked(seed, registering=0)
    name = CASES[seed % len(CASES)]
    lifting = Willing(world.copy(), name)
    assert lifting.seals(), lifting.why
    assert lifting.lifts(), lifting.why
    ending = Willing(world.copy(), name)
    assert ending.to_the_end(), ending.why
    assert ending.from_there_on(), ending.why


@pytest.mark.soak
@settings(phases=_NO_SHRINKING, max_examples=examples(20))
@given(_SEEDS)
def test_registrars_who_reorganise_all_the_time_take_nothing_from_a_case(seed: int) -> None:
    """law.md §13: posts, keys, agencies, terms and days off change between any two acts."""
    world = walked(seed, 160, registering=0.2)
    assert world.broken == []
    _is_folded_again(world)


@settings(phases=_NO_SHRINKING, max_examples=examples(1))
@given(_SEEDS)
def test_no_answer_hangs_on_what_somebody_or_something_is_called(seed: int) -> None:
    """formats.md §2: an id says nothing; the same acts under other ids have the same answers."""
    assert (
        walked(seed, 30, registering=0.03).verdicts
        == walked(seed, 30, names="other", registering=0.03).verdicts
    )


def test_a_review_that_nobody_may_decide_comes_to_an_end() -> None:
    """regulation.md §6: a ministry took it in, and the log has nobody above; it goes to court."""
    world, name = World(), CASES[0]
    world.seats = tuple(s for s in (*world.seats, *world.fresh) if s.agency == "tw.btttt")
    case = Willing(world, name)
    taken = case.do("ReportReceived")
    assert taken is not None
    assert case.registers()
    against = {"against": taken.act.act_id, "instance": "SECOND"}
    assert case.do("ComplaintReceived", **against) is not None
    assert case.to_the_end(), case.why
    reviews = case.case.effective("ReviewDecided")
    assert [e.act.disposition for e in reviews] == ["inadmissible"]
    assert [s.state for s in case.case.subs_in("complaint")] == ["COURT"]


# -- the door, and the audit's rules ---------------------------------------------------------------


def _founded(world: World) -> ALedger:
    """A real ledger in memory with the officers of a world in post, and one more in each agency."""
    store = MemoryRecordStore()
    clock = StepClock(T0 - timedelta(hours=3))
    a = ALedger(in_memory(store), origin=builders.ORIGIN, clock=clock)
    a.found()
    posts = {s[1:] for s in world.seats}
    more = {s.agency: s for s in world.fresh if s[1:] in posts}
    for seat in (*world.seats, *more.values()):
        clock.step(seconds=1)
        facts = appointed(a.ledger.refresh(), seat)
        a.say(_by_keeper("OfficerAppointed", seat.alias, "founder", facts, clock.now()), "founder")
        a.say(enrolment(seat.alias, clock.now()), "founder")
    return a


def _tell(others: Others, world: World) -> None:
    """What guards hear of other cases is what a world knows of them."""
    cases = {n: s for n, s in world.streams.items() if s.kind == "case"}
    others.states = {n: told for n in cases if (told := world.state(n)) is not None}
    others.tokens = world.tokens
    others.signed = {n: [*world.signers(n)] for n in cases}
    others.about = {n: [*about(s)] for n, s in cases.items()}


def _answer(a: ALedger, said: Tried) -> tuple[str, ...]:
    """What the door answers to a statement that was tried."""
    alias = next(s.alias for s in said.seats if s.officer == said.officer)
    signed = a.sign(said.act, alias, role=said.role, at=said.at, stand_in=said.stand_in)
    try:
        recorded = a.send(signed, at=said.at, by=alias)
    except Rejected as refused:
        return (said.act.act, refused.code, str(refused.guard))
    return (said.act.act, str(recorded.receipt["status"]))


@settings(phases=_NO_SHRINKING, max_examples=examples(1))
@given(_SEEDS)
def test_what_the_door_answers_stands_when_it_is_asked_again(seed: int) -> None:
    """architecture.md §6: a walk is signed, sent to a real ledger, and judged from its records."""
    world = Watched()
    world.seats = tuple(
        s
        for s in world.seats
        if s.alias.split("'")[0] not in _REGISTERING and world.registry.exists(s.agency, T0.date())
    )
    walker = Walker(world, Random(seed), registering=0)  # noqa: S311 - acts, no keys
    for _ in range(30):
        walker.step()
    a, beside = _founded(world), World()
    for tried, verdict in zip(world.tried, world.verdicts, strict=True):
        _tell(a.others, beside)
        assert _answer(a, tried) == (verdict if tried.said is None else verdict[:2])
        if tried.said is not None:
            beside.now = tried.at
            beside.repeat(tried.said)
    log = FoldLog(a.stores.records, a.keys.kek, a.origin)
    assert [log.refused(name, log.size()) for name in world.streams] == [[] for _ in world.streams]
