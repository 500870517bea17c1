"""How much of a case its writer sees, and for what the question waits (access.md N2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import pytest

from ledger.asker import Asker, asking
from ledger.postgres.sight import PostgresSight
from tests.builders import an_id
from tests.memory_log import ORIGIN

CASE = f"case/{an_id('a case')}"
NEWEST, LAST = 7, 9


class _Lends:
    """A pool whose connection gives these rows in turn, the last one again and again."""

    def __init__(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self.rows = list(rows)
        self.asked = 0

    @contextmanager
    def connection(self) -> Iterator[_Lends]:
        """Itself."""
        yield self

    def check(self) -> None:
        """None is lost."""

    def execute(self, _query: str, _arguments: object) -> _Lends:
        """The next row."""
        self.asked += 1
        return self

    def fetchone(self) -> tuple[Any, ...]:
        """Of what was asked last."""
        return self.rows[min(self.asked, len(self.rows)) - 1]


def _seen(*rows: tuple[int, bool | None], begins: bool = False) -> tuple[str, int]:
    """The answer, and how often the views were asked for it."""
    reader = _Lends(rows)
    sight = PostgresSight(cast("Any", reader), cast("Any", _Lends([(NEWEST, LAST)])), ORIGIN)
    with asking(Asker("a ticket", an_id("an officer"))):
        return sight.of(CASE, begins=begins), reader.asked


def test_who_sees_all_of_a_case_writes_on_without_waiting_for_the_views() -> None:
    """A case in which one officer records act after act went at the pace of the projector."""
    assert _seen((NEWEST - 1, True)) == ("whole", 1)


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
