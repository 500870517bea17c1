"""What one of the cast sees at the end of a play, asked of the API as that officer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import orjson
import pytest
from click.testing import CliRunner, Result

from api.cli.commands import play as command
from api.cli.main import main
from api.rehearsal.enclaves import PlayEnclaves, ServedEnclave, player_at
from api.rehearsal.player import Outcome, Player
from api.rehearsal.scenario import Play, read_file, shipped

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


@dataclass(frozen=True, slots=True)
class Played:
    """A play, the enclave in which it was played, and what came of it."""

    play: Play
    player: Player
    venue: ServedEnclave
    outcome: Outcome


@pytest.fixture(scope="module")
def sc14_played() -> Iterator[Played]:
    """SC14, once for all who look."""
    (one,) = read_file(shipped("SC14"))
    with (
        closing(PlayEnclaves()) as stages,
        stages.fresh(one, alone=True) as venue,
        player_at(venue, "vi") as player,
    ):
        yield Played(one, player, venue, player.play(one))


@pytest.fixture
def sc14(sc14_played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command finds it played: only who looks differs. SC13 it plays by itself, as ever."""
    one = sc14_played
    found = (one.play, one.player, one.venue)
    monkeypatch.setattr(command, "_fresh_players", lambda *_: (each for each in [found]))
    monkeypatch.setattr(Player, "play", lambda *_: one.outcome)


def play(*words: str, lang: str = "en") -> Result:
    """One call of `socai play`."""
    return CliRunner().invoke(main, ["--lang", lang, "play", *words])


@pytest.mark.drill
def test_the_handler_sees_the_whole_case_at_the_end() -> None:
    """SC13: its list, its file and each act of it, in the session of that officer."""
    told = play("SC13", "--as-seen-by", "cv", "--json")
    assert told.exit_code == 0, told.output
    answer = orjson.loads(told.stdout)
    (seen,) = answer["seen"]
    (final,) = answer["plays"][0]["final"]
    assert (seen["id"], seen["as_seen_by"]) == ("SC13", "cv")
    assert [line["id"] for line in seen["cases"]] == [final["id"]]
    assert seen["files"][final["id"]]["state"] == final["state"]
    acts = [act["act_id"] for act in seen["acts"][final["id"]]]
    played = [step["act_id"] for step in answer["plays"][0]["steps"]]
    assert acts == [act_id for act_id in played if act_id is not None]


@pytest.mark.drill
@pytest.mark.usefixtures("sc14")
def test_at_a_terminal_it_stands_behind_the_play() -> None:
    """The table of the play first, with what was read in it, then whose eyes these are."""
    told = play("SC14", "--as-seen-by", "tp", lang="vi")
    assert told.exit_code == 0, told.output
    before, _, after = told.stdout.partition("── Như tp xem được ──")
    assert "SC14" in before
    (read,) = (line.split() for line in before.splitlines() if "đọc hồ sơ C1" in line)
    assert read[-5:] == ["dtv", "đọc", "được", "A19", "✓"]
    assert after.strip()


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_who_is_not_in_the_cast_looks_at_nothing_and_nothing_is_played(lang: str) -> None:
    """One sentence that names the cast; before any enclave is made."""
    told = play("SC13", "--as-seen-by", "nobody", lang=lang)
    assert told.exit_code == 2
    assert told.stdout == ""
    assert "SC13" in told.stderr
    assert "cv" in told.stderr


@pytest.mark.drill
@pytest.mark.usefixtures("sc14")
def test_an_inspector_reads_the_case_under_the_order_and_the_file_says_so() -> None:
    """SC14: over HTTP, with who takes part kept by the database; the emergency is long over."""
    told = play("SC14", "--as-seen-by", "ttv", "--json")
    assert told.exit_code == 0, told.output
    answer = orjson.loads(told.stdout)
    (seen,), (final,) = answer["seen"], answer["plays"][0]["final"]
    under = seen["files"][final["id"]]["read_under"]
    assert (under["rule"], under["act"]) == ("A9", "InspectionOrdered")
    assert under["act_id"] == answer["plays"][0]["steps"][-1]["act_id"]
    assert len(seen["acts"][final["id"]]) > 1


@pytest.mark.drill
@pytest.mark.usefixtures("sc14")
def test_who_read_in_an_emergency_sees_nothing_afterwards() -> None:
    """SC14: the opening was for two hours."""
    told = play("SC14", "--as-seen-by", "dtv", "--json")
    assert told.exit_code == 0, told.output
    answer = orjson.loads(told.stdout)
    opened = answer["plays"][0]["steps"][4]
    (read,) = opened["reads"]
    assert (read["by"], read["under"], read["via"]) == ("dtv", "A19", opened["act_id"])
    (seen,) = answer["seen"]
    assert (seen["cases"], seen["files"], seen["acts"]) == ([], {}, {})
