"""How long the steps of a case took, held against what the scenario files say."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from api.cli.terminal.duration_tables import bar
from ledger.regulation.acts.lifecycle import ENDED, life_cycle_of
from ledger.regulation.case_file.durations import durations
from ledger.regulation.edition import Edition, shipped
from ledger.regulation.guards.edition_check import faults
from tests.played_log import PlayedLog, played


def _stream(log: PlayedLog) -> str:
    return next(iter(log.player.cases.values()))


@pytest.mark.parametrize("scenario", ["SC1", "SC2", "SC4"])
def test_states_follow_each_other_without_a_gap(scenario: str) -> None:
    """Each from the act that brought it to the act that ended it.

    The last one lasts, but where the case is closed: it counts no more.
    """
    log = played(scenario)
    now = log.player.now
    assert now is not None
    fold = log.player.streams[_stream(log)]
    states = durations(fold, log.player.registry, now)["states"]
    assert states[-1]["state"] == fold.state
    over = fold.state in ENDED
    assert states[-1]["until"] == (states[-1]["since"] if over else None)
    later = durations(fold, log.player.registry, now + timedelta(days=90))["states"]
    assert (later == states) is over
    for one, after in pairwise(states):
        assert one["until"] == after["since"]
    for one in states:
        entry = fold.entries[one["act_id"]]
        assert datetime.fromisoformat(one["since"]) == entry.act.occurred_at
        assert one["took_s"] >= 0


def test_a_step_is_told_against_its_deadline_and_by_whom(
) -> None:  # fmt: skip
    """The investigators' limit runs on; what it took grows, its rule and its body are named."""
    log = played("SC1")
    now = log.player.now
    assert now is not None
    fold = log.player.streams[_stream(log)]
    later = now + timedelta(days=200)
    (before,), (after,) = (
        [s for s in durations(fold, log.player.registry, at)["steps"] if s["until"] is None
         and s["code"] == "CRIME_REPORT"]
        for at in (now, later)
    )  # fmt: skip
    assert [one["agency"] for one in before["bodies"]] == ["bacninh.csdt"]
    assert after["took_s"] - before["took_s"] == timedelta(days=200).total_seconds()
    assert (before["late_s"], before["status"]) == (0, "RUNNING")
    assert after["late_s"] == after["took_s"] - after["allowed_s"]
    assert after["percent"] == 100 * after["took_s"] // after["allowed_s"]
    assert after["source"]
    for step in durations(fold, log.player.registry, now)["steps"]:
        assert step["act"] == fold.entries[step["act_id"]].act.act
    longest = durations(fold, log.player.registry, later)["longest"]
    assert longest["percent"] >= after["percent"]
    answered = [s for s in durations(fold, log.player.registry, now)["steps"] if s["ended_by"]]
    assert answered
    for step in answered:
        ended = fold.entries[step["ended_by"]].act.occurred_at
        assert datetime.fromisoformat(step["until"]) == ended


def test_whom_a_clock_asks_is_said_by_the_edition_of_the_act_that_began_it() -> None:
    """The second says it in its data; the first says nothing, and is read as it always was."""
    first, second = (life_cycle_of(shipped(name)) for name in ("1", "2"))
    assert first.asks == {}
    assert second.asks
    log = played("SC1")
    now = log.player.now
    assert now is not None
    fold = deepcopy(log.player.streams[_stream(log)])

    def bodies(of: Edition) -> dict[str, list[str]]:
        """By clock, whom it asks if the acts were of this edition."""
        for entry in fold.entries.values():
            entry.effect = entry.effect and replace(entry.effect, edition=of)
        found = durations(fold, log.player.registry, now)["steps"]
        return {one["code"]: [body["agency"] for body in one["bodies"]] for one in found}

    by_first = bodies(shipped("1"))
    assert by_first == bodies(shipped("2"))
    assert by_first["CRIME_REPORT"] == ["bacninh.csdt"]
    patch = {"life_cycle": {"clocks": {code: {"asks": "AUTHOR"} for code in second.asks}}}
    assert bodies(shipped("2").changed("x", patch)) != by_first
    wrong = shipped("2").changed("x", {"life_cycle": {"clocks": {"CRIME_REPORT": {"asks": "ME"}}}})
    assert [(one.subject, one.key) for one in faults(wrong, shipped("2"))] == [
        ("life_cycle", "CRIME_REPORT")
    ]


@pytest.mark.parametrize(
    ("percent", "shown"),
    [
        (None, ""),
        (0, "··········|"),
        (1, "█·········|"),
        (50, "█████·····|"),
        (100, "██████████|"),
        (101, "██████████|▒"),
        (160, "██████████|▒▒▒▒▒▒"),
        (161, "██████████|▒▒▒▒▒»"),
        (9_999, "██████████|▒▒▒▒▒»"),
    ],
)
def test_a_bar_is_never_cut_without_a_sign(percent: int | None, shown: str) -> None:
    """Late begins behind the mark, however little; what does not fit says so."""
    assert bar(percent) == shown
