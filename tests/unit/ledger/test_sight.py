"""How much of a case its writer sees, and for what the question waits (access.md N2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import Any, cast

import pytest

from ledger.asker import Asker, asking
from ledger.postgres.sight import PostgresSight
from tests.builders import an_id
from tests.memory_log import ORIGIN

CASE = f"case/{an_id('a case')}"
NEWEST, LAST = 7, 9


class _Lends:
    """A pool whose connection gives these rows in turn, the last one again and again.

    Args:
        rows: What is asked for.
        within: Whether another question is under way, so that nothing is asked at once.
    """

    def __init__(self, rows: Sequence[tuple[Any, ...]], *, within: bool = False) -> None:
        self.rows = list(rows)
        self.asked = 0
        self.within = within

    def at_once(self, *_said: object) -> tuple[None, list[bytes | None]] | None:
        """The next row, in binary form."""
        return None if self.within else _told(*self.execute("").fetchone())

    @contextmanager
    def connection(self) -> Iterator[_Lends]:
        """Itself."""
        yield self

    def check(self) -> None:
        """None is lost."""

    def execute(self, _query: str, _arguments: object = None) -> _Lends:
        """The next row."""
        self.asked += 1
        return self

    def fetchone(self) -> tuple[Any, ...]:
        """Of what was asked last."""
        return self.rows[min(self.asked, len(self.rows)) - 1]


def _told(position: int, whole: bool | None) -> tuple[None, list[bytes | None]]:  # noqa: FBT001
    """Under no order; how far the audience is, and how much is seen."""
    seen = None if whole is None else bytes([whole])
    return None, [position.to_bytes(8, signed=True), seen]


def _seen(
    *rows: tuple[int, bool | None], begins: bool = False, within: bool = False
) -> tuple[str, int]:
    """The answer, and how often the views were asked for it; the audience comes on by one."""
    reader = _Lends(rows, within=within)
    written = _Lends([(NEWEST, LAST), *((n,) for n in range(NEWEST - 2, LAST + 1))])
    sight = PostgresSight(cast("Any", reader), cast("Any", written), ORIGIN)
    with asking(Asker("a ticket", an_id("an officer"))):
        return sight.of(CASE, begins=begins), reader.asked


def test_who_sees_all_of_a_case_writes_on_without_waiting_for_the_views() -> None:
    """A case in which one officer records act after act went at the pace of the projector."""
    assert _seen((NEWEST - 1, True)) == ("whole", 1)
    assert _seen((NEWEST - 1, True), within=True) == ("whole", 1)


def test_of_who_sees_all_of_a_case_nothing_else_is_looked_for() -> None:
    """One question an act: how far the case has come only matters to whoever waits."""
    written = _Lends([(NEWEST, LAST)])
    sight = PostgresSight(cast("Any", _Lends([(0, True)])), cast("Any", written), ORIGIN)
    with asking(Asker("a ticket", an_id("an officer"))):
        assert sight.of(CASE) == "whole"
    assert not written.asked


@pytest.mark.parametrize("before", [False, None])
def test_who_does_not_see_all_of_it_waits_for_what_was_recorded_since(
    before: bool | None,  # noqa: FBT001  pytest's
) -> None:
    """What was recorded may have made it the whole."""
    assert _seen((NEWEST - 1, before), (NEWEST, True)) == ("whole", 2)


def test_a_part_is_answered_once_the_newest_act_of_the_case_is_folded() -> None:
    """Not before, and then it stays one."""
    assert _seen((NEWEST - 1, False), (NEWEST, False)) == ("part", 2)


def test_what_is_not_seen_waits_for_the_whole_log() -> None:
    """Else how long an answer takes would tell that there is something."""
    assert _seen((NEWEST, None), (LAST, None)) == ("hidden", 2)


class _Audience:
    """Both pools of a log whose audience comes to the newest record at the fifth question."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.asked = {"sec.sight": 0, "log_head": 0, "'audience'": 0}

    def at_once(self, *_said: object) -> tuple[None, list[bytes | None]]:
        """One question of the case."""
        return _told(*_Question(self).execute("sec.sight").fetchone())

    @contextmanager
    def connection(self) -> Iterator[_Question]:
        """One question each."""
        yield _Question(self)


class _Question:
    def __init__(self, audience: _Audience) -> None:
        self.audience, self.what = audience, ""

    def execute(self, query: str, _arguments: object = None) -> _Question:
        """Counts it."""
        with self.audience.lock:
            self.what = next(what for what in self.audience.asked if what in query)
            self.audience.asked[self.what] += 1
        return self

    def fetchone(self) -> tuple[Any, ...]:
        """As far as it has come."""
        come = self.audience.asked["'audience'"] >= 5
        position = NEWEST if come else NEWEST - 1
        answers = {"sec.sight": (position, come or None), "log_head": (NEWEST, LAST)}
        return answers.get(self.what, (position,))


def test_all_that_wait_have_one_of_them_ask_how_far_it_has_come() -> None:
    """Each of them asked under a ticket every ten milliseconds, which took more than the acts."""
    waiting, audience = 8, _Audience()
    sight = PostgresSight(cast("Any", audience), cast("Any", audience), ORIGIN)

    def ask() -> str:
        with asking(Asker("a ticket", an_id("an officer"))):
            return sight.of(CASE)

    with ThreadPoolExecutor(waiting) as threads:
        answers = [threads.submit(ask) for _ in range(waiting)]
        assert {answer.result() for answer in answers} == {"whole"}
    assert audience.asked["sec.sight"] <= 2 * waiting
    assert audience.asked["'audience'"] <= 5 + waiting  # and not five for each
