"""What changes the file of a case without a record of the case (http.md §6, "Keeping a copy")."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ledger.regulation.case_file.render import case_file
from tests.play_pure import Player, player_for, scenario, steps
from tests.source_files import ROOT

_RULES = (ROOT / "docs/spec/http.md").read_text("utf-8").partition("Keeping a copy")[2]
Files = Mapping[str, Mapping[str, Any]]


def test_a_report_of_figures_changes_cases_that_it_counted() -> None:
    """It stands in a stream of its own: a copy that follows cases alone would keep the flag."""
    file = scenario("SC10")
    player, aliases = player_for(file)
    changed: dict[str, set[str]] = {}
    for step in steps(file):
        at = player.now
        before = {} if at is None else _files(player, at)
        act = player.step(step, aliases)[0].act
        if at is not None and not act.stream.startswith("case/"):
            for name in _differing(before, _files(player, at)):
                changed.setdefault(act.act, set()).add(name)
    assert changed == {"StatisticsSubmitted": {"clocks", "flags"}}
    assert f"`{next(iter(changed))}`" in _RULES


def test_time_changes_what_the_rules_of_a_copy_say() -> None:
    """No record tells of it, and the stored file is another a year on."""
    changed: set[str] = set()
    for name in ("SC2", "SC10", "SC16"):
        file = scenario(name)
        player, aliases = player_for(file)
        for step in steps(file):
            player.step(step, aliases)
            assert player.now is not None
            later = player.now + timedelta(days=365)
            changed |= _differing(_files(player, player.now), _files(player, later))
    (line,) = (one for one in _RULES.splitlines() if one.startswith("| time passes"))
    assert len(changed) > 5
    assert {one for one in changed if f"`{one}`" not in line} == set()


def _files(player: Player, at: datetime) -> Files:
    return {
        name: case_file(stream, player.raised, player.registry, at, player)
        for name, stream in player.streams.items()
        if stream.kind == "case"
    }


def _differing(before: Files, after: Files) -> set[str]:
    """Members of the files of the cases that were there, which are others."""
    return {
        name
        for stream, file in before.items()
        for name in file
        if file[name] != after[stream][name]
    }
