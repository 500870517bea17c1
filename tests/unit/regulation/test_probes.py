"""Histories of somebody who wanted honest work done and dishonest work refused, played to the end.

`tests/probes` has them, fictitious as scenarios are; `point` says what must hold, `notes` what a
step tries, and `expect: {"refused": "?"}` marks the step in question. `outcomes.json` says what
comes of each: the guard that refuses a step, or the flags that it is recorded with; a step that is
not named there takes effect without a flag.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import Rejected
from ledger.regulation.participation.reach import reach
from ledger.regulation.participation.viewpoint import Viewpoint
from tests.play_pure import Player, player_for

PROBES = Path(__file__).parents[2] / "probes"
NAMES = sorted(path.stem for path in PROBES.glob("D*.json"))


def _read(name: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads((PROBES / f"{name}.json").read_text(encoding="utf-8"))


OUTCOMES: Mapping[str, Mapping[str, Any]] = _read("outcomes")


def outcome(player: Player, step: Mapping[str, Any], aliases: Mapping[str, Any]) -> object:
    """What a step comes to; who signs after the author sees what waits (line 14)."""
    try:
        entry, decision = player.step(step, aliases)
    except Rejected as refused:
        return refused.guard or refused.code
    stream = player.stream(entry.act.stream)
    assert player.now is not None
    if stream.kind == "case" and entry.status != "returned":
        view = Viewpoint(stream, player.registry, player.now, player.level)
        for signer in entry.act.signers:
            seen = reach(signer.officer, view)
            assert seen.whole or entry.act.act_id in seen.acts, (step["n"], signer.post)
    flags = sorted(decision.flags)
    return flags if entry.status == "effective" else [entry.status, *flags]


@pytest.mark.parametrize("name", NAMES)
def test_a_probe_ends_as_its_point_says(name: str) -> None:
    """Each step is taken, flagged or refused as it must be; the play goes on behind a refusal."""
    file, wanted = _read(name), OUTCOMES[name]
    player, aliases = player_for(file)
    came = {str(step["n"]): outcome(player, step, aliases) for step in file["steps"]}
    assert {n: one for n, one in came.items() if one != []} == wanted


def test_every_step_in_question_is_answered() -> None:
    """None that a probe asks about is left to chance: refused, flagged, or named as possible."""
    for name in NAMES:
        file = _read(name)
        asked = {str(s["n"]) for s in file["steps"] if "refused" in s.get("expect", {})}
        open_ = asked - OUTCOMES[name].keys()
        assert open_ == set(POSSIBLE.get(name, ())), name


#: Steps in question that honest work must be able to take.
POSSIBLE: Mapping[str, tuple[str, ...]] = {"D53": ("6",)}
