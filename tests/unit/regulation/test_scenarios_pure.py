"""The invented histories of the scenario files, played through the rules alone, step by step."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta
from typing import Any

import pytest

from ledger.errors import Rejected
from ledger.regulation.acts.catalogue import load
from tests.play_pure import DEPLOYMENT, SCENARIOS, Player, player_for, scenario, steps

NAMES = [f"SC{n}" for n in range(1, 19) if n not in (5, 12)]
NEGATIVES = scenario("negative")["negatives"]


@pytest.mark.parametrize("name", NAMES)
def test_scenario_comes_out_as_its_file_says(name: str) -> None:
    """Every step takes effect in the state and with the flags named; the case ends as written."""
    file = scenario(name)
    player, aliases = player_for(file)
    for step in steps(file):
        entry, _ = player.step(step, aliases)
        expect = step["expect"]
        seen = {
            "status": entry.status,
            "state": player.stream(entry.act.stream).state,
            "flags": sorted(player.raised.get(entry.act.act_id, ())),
        }
        wanted = {
            "status": expect["status"],
            "state": expect["state"],
            "flags": sorted(expect.get("flags", [])),
        }
        assert seen == wanted, f"{name} step {step['n']} {step['act']}"
        for read in step.get("reads", ()):
            assert player.read(read) == read["expect"], f"{name} step {step['n']} {read['by']}"
    assert player.final(next(iter(file["cases"]))) == file["expect_final"]


def test_mat_steps_of_sc7_play_in_a_log_of_their_level() -> None:
    """A secrecy level is an enclave.

    The same rules in a log of its own, whose stream has no case state.
    """
    file = scenario("SC7")
    secret = [s for s in file["steps"] if s["level"] == "mat"]
    player = Player(origin=f"{DEPLOYMENT}/mat", level="mat")
    player.found(datetime.fromisoformat(secret[0]["at"]) - timedelta(hours=2))
    for step in secret:
        entry, decision = player.step(step, file["cast"])
        assert (entry.status, decision.flags) == ("effective", ())
    assert player.final("M1") == file["expect_final_by_case"]["M1"]


def test_classified_annex_of_sc12_lives_and_ends_in_a_log_of_its_level() -> None:
    """4.4: provision, suspected loss, adjustment, extension in time, destruction by a council."""
    file = scenario("SC12")
    player, aliases = player_for(file)
    for step in steps(file, level="mat"):
        entry, decision = player.step(step, aliases)
        assert (entry.status, decision.flags) == ("effective", ())
    assert player.final("M1") == file["expect_final"]


NOT_IN_A_FILE = {
    "EditionAdopted",  # changes the rules that a file is played by
    "AccessLogged",  # written by the service of the access log, one record a read
    "LedgerOpened",  # record 0, written before the first step
    "LogRecovered",  # is behind a loss, which no history that is played has
    "RecordVoided",  # likewise, and none that a lawful story could bring about
}


def test_scenario_files_together_reach_every_act_type_a_file_can_hold() -> None:
    """regulation.md §5: the histories we ship use the whole catalogue."""
    files = [scenario(name) for name in [*NAMES, "SC12"]]
    used = {step["act"] for file in files for step in file["steps"]}
    assert set(load().types) - used == NOT_IN_A_FILE


@pytest.mark.parametrize("name", [*NAMES, "SC12"])
def test_scenario_text_is_nfc_and_its_steps_are_in_signing_order(name: str) -> None:
    """`docs/reference/scenarios.md`: n counts from 1, in order of signature; text is NFC."""
    file = scenario(name)
    assert unicodedata.is_normalized(
        "NFC", (SCENARIOS / f"{name}.json").read_text(encoding="utf-8")
    )
    assert [s["n"] for s in file["steps"]] == list(range(1, len(file["steps"]) + 1))
    signed = [datetime.fromisoformat(s.get("signed_at", s["at"])) for s in file["steps"]]
    assert signed == sorted(signed)


def test_intake_has_no_place_in_a_higher_log() -> None:
    """life_cycle.json, notes: a higher stream joined to no lower case has no state."""
    file = scenario("SC7")
    player = Player(origin=f"{DEPLOYMENT}/mat", level="mat")
    player.found(datetime.fromisoformat(file["steps"][0]["at"]) - timedelta(hours=2))
    with pytest.raises(Rejected) as caught:
        player.step(file["steps"][0], file["cast"])
    assert caught.value.guard == "STATE_ILLEGAL"


@pytest.mark.parametrize("entry", NEGATIVES, ids=[e["id"] for e in NEGATIVES])
def test_negative_is_refused_or_flagged_by_the_guard_named(entry: dict[str, Any]) -> None:
    """regulation.md §7: what a build must refuse is refused by this guard first.

    What it must flag shows the flag.
    """
    file = scenario(entry["scenario"])
    player, aliases = player_for(file, entry.get("cast"))
    for step in [*steps(file, entry["after_step"]), *entry.get("setup", ())]:
        done, _ = player.step(step, aliases)
        assert done.status == step.get("expect", {}).get("status", "effective")
    before = player.size
    if "refused" in entry["expect"]:
        with pytest.raises(Rejected) as caught:
            player.step(entry["step"], aliases)
        assert caught.value.guard == entry["expect"]["refused"]
        assert not any(
            e.act.act_id == player.acts[entry["step"]["n"]]
            for s in player.streams.values()
            for e in s.entries.values()
        )
    else:
        done, _ = player.step(entry["step"], aliases)
        assert done.status == "effective"
        assert entry["expect"]["effective_with_flag"] in player.flags_of(
            done.act.act_id, done.act.stream
        )
    assert player.size >= before
