"""The rules, replayed over what the scenarios recorded, refuse nothing and raise the same flags."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.admission import replay
from ledger.audit.audit import audit
from ledger.regulation.decide import Decision
from ledger.steps import Steps
from projections.fold.fold import Fold
from tests.examples import shared_with_soak
from tests.fold_log import FoldLog, Stored
from tests.play_pure import SCENARIOS
from tests.played_log import PlayedLog, played
from tests.source_files import files_below

#: What is played in one ordinary log.
NAMES = [path.stem for path in files_below(SCENARIOS, "SC*.json") if path.stem != "SC12"]


@pytest.mark.parametrize("name", shared_with_soak(NAMES, 2, "replayed"))
def test_scenario_is_clean_and_its_flags_are_those_of_the_views(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every flag of a view is what the rules said when the act took effect, by the log alone."""
    made = played(name)
    log = made.log
    gone = made.shred()
    told: dict[tuple[str, int], tuple[str, ...]] = {}
    ask = replay.judging

    def noted(*asked: Any, **how: Any) -> Steps[tuple[Any, Decision]]:  # noqa: ANN401 - as it is asked
        event, decision = yield from ask(*asked, **how)
        if decision.status == "effective":
            told[event.stream, event.originator_version] = decision.flags
        return event, decision

    monkeypatch.setattr("ledger.audit.rules.rules.judging", noted)
    report = audit(log, origin=log.origin, vkeys=[], kek=log.kek, genesis=log.genesis)
    assert report.ok, report.findings
    assert report.skipped == ()
    assert report.erased == len(gone)
    # nobody knows any more how the case stood from there on, nor who erases whether it was over
    behind = {
        at: [row for row in log.rows[at + 1 :] if row.name in {log.rows[at].name, "ledger"}]
        for at in gone
    }
    assert {one.record: one.statements for one in report.unjudged} == {
        at: len(rows) for at, rows in behind.items()
    }
    hanging = {(row.name, row.seq) for rows in behind.values() for row in rows}
    shown = flags_of(made)
    assert told == {place: shown[place] for place in shown.keys() - hanging | told.keys()}


def test_processes_that_judge_cases_between_them_say_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Real processes over a case with a review, and nothing is walked twice."""
    monkeypatch.setattr("ledger.audit.audit.ROWS", 16)
    log, seen = played("SC8").log, list[int]()
    given: dict[str, Any] = {
        "origin": log.origin,
        "vkeys": [],
        "kek": log.kek,
        "genesis": log.genesis,
    }
    spread = audit(log, **given, workers=2, progress=lambda done, _: seen.append(done))
    assert spread == audit(log, **given)
    assert spread.ok, spread.findings
    assert seen == sorted(seen)


def flags_of(made: PlayedLog) -> dict[tuple[str, int], tuple[str, ...]]:
    """Flags by stream and position as the projections fold them."""
    log = FoldLog(Stored(made.stored(), made.log.noted), made.log.kek, made.log.origin)
    fold = Fold(log, made.log.origin, "ordinary")
    return {
        (step.opened.stream, step.opened.seq): step.flags
        for step in fold.steps(log.read(0, log.size()))
        if step.effect
    }
