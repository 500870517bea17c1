"""Which clock runs until when and by which source, and which flags show at which instant.

On the scenario files.
"""

from __future__ import annotations

import copy
from datetime import datetime, timedelta
from typing import Any

import pytest

from ledger.regulation.case.clocks import ClockRun, clock_runs, running
from ledger.regulation.case_file.flags import standing
from ledger.regulation.case_file.render import case_file, case_file_until
from ledger.regulation.registry.calendar import end_of
from tests.play_pure import Player, player_for, scenario, steps


def played(name: str, upto: int | None = None) -> tuple[Player, dict[str, Any], Any]:
    """A scenario to a step; the player, its cast and the case's stream."""
    file = scenario(name)
    player, cast = player_for(file)
    for step in steps(file, upto):
        player.step(step, cast)
    return player, cast, player.stream(player.cases[next(iter(file["cases"]))])


def at(text: str) -> datetime:
    """An instant."""
    return datetime.fromisoformat(text)


def run(runs: list[ClockRun], code: str) -> ClockRun:
    """The last run of a clock."""
    return [r for r in runs if r.code == code][-1]


def test_clocks_that_run_at_the_handover_are_those_the_minutes_list() -> None:
    """SC3: on 28/02/2025 three clocks run, one with no length stated.

    Duties move with the function.
    """
    player, _, stream = played("SC3", 12)
    found = {
        r.code: r.due for r in running(stream, player.registry, at("2025-02-28T17:00:00+07:00"))
    }
    assert found == {
        "TAKEDOWN_ANSWER": None,
        "INFORM_AFFECTED": end_of(at("2025-03-07T00:00:00+07:00").date()),
        "CRIME_REPORT": end_of(at("2025-03-17T00:00:00+07:00").date()),
    }


def test_none_stated_is_a_value_with_a_reminder_of_the_product() -> None:
    """5.2 says "đồng thời": no deadline of law is invented, and the alarm is labelled as one."""
    player, _, stream = played("SC2", 2)
    found = run(clock_runs(stream, player.registry, at("2023-10-16T20:00:00+07:00")), "NOTIFY_LEAD")
    assert found.status == "NONE_STATED"
    assert found.due is None
    assert found.kind == "REGULATION"
    assert found.alarm == found.started_at + timedelta(hours=24)
    player, _, stream = played("SC2", 3)
    runs = clock_runs(stream, player.registry, at("2023-10-16T20:00:00+07:00"))
    assert run(runs, "NOTIFY_LEAD").status == "STOPPED"


@pytest.mark.parametrize(
    ("moment", "status"),
    [
        ("2024-06-04T16:00:00+07:00", "RUNNING"),
        ("2024-06-10T16:00:00+07:00", "NEAR"),
        ("2024-06-11T00:00:00+07:00", "DUE"),
        ("2024-06-11T23:59:59+07:00", "DUE"),
        ("2024-06-12T00:00:00+07:00", "OVERDUE"),
    ],
)
def test_clock_is_near_due_and_overdue(moment: str, status: str) -> None:
    """INFORM_AFFECTED of the take-down of 04/6/2024: five working days, to 11/6/2024."""
    player, _, stream = played("SC1", 11)
    assert run(clock_runs(stream, player.registry, at(moment)), "INFORM_AFFECTED").status == status


def test_extension_of_the_crime_report_takes_the_place_of_the_first_term() -> None:
    """101/2015/QH13 Art. 147: the earlier runs show as extended.

    The last one runs to its own date.
    """
    player, _, stream = played("SC6", 13)
    runs = [
        r
        for r in clock_runs(stream, player.registry, at("2024-12-01T09:00:00+07:00"))
        if r.code == "CRIME_REPORT"
    ]
    assert [r.status for r in runs] == ["EXTENDED", "EXTENDED", "RUNNING"]
    assert runs[-1].due == end_of(at("2025-01-06T00:00:00+07:00").date())


def test_complaint_window_ends_and_nobody_is_late() -> None:
    """02/2011/QH13 Art. 9: ninety days; a window that is over is neither running nor overdue."""
    player, _, stream = played("SC1")
    inside, after = at("2024-09-09T12:00:00+07:00"), at("2024-09-10T00:00:00+07:00")
    assert run(clock_runs(stream, player.registry, inside), "COMPLAINT_LODGE").live
    assert run(clock_runs(stream, player.registry, after), "COMPLAINT_LODGE").status == "ENDED"


def test_archive_term_is_counted_from_the_end_of_the_year() -> None:
    """33/2024/QH15, from 01/7/2025: closed in April 2026, due at the end of 2027."""
    player, _, stream = played("SC7", 19)
    found = run(clock_runs(stream, player.registry, at("2026-05-01T09:00:00+07:00")), "ARCHIVE")
    assert found.due == end_of(at("2027-12-31T00:00:00+07:00").date())
    player, _, stream = played("SC1")
    assert not [
        r
        for r in clock_runs(stream, player.registry, at("2024-07-01T09:00:00+07:00"))
        if r.code == "ARCHIVE"
    ]


def test_measure_lapses_with_time_and_without_a_record() -> None:
    """life_cycle.json: a move with act null is judged by time; the view shows it."""
    player, _, stream = played("SC2", 6)
    sub = stream.subs_in("measure")[0]
    assert stream.sub_state(sub, at("2023-10-17T08:00:00+07:00"), player.registry) == "TAKEN"
    assert stream.sub_state(sub, at("2023-10-17T08:00:01+07:00"), player.registry) == "LAPSED"
    assert sub.state == "TAKEN"
    seen = case_file(stream, player.raised, player.registry, at("2023-10-17T09:00:00+07:00"))
    assert [s["state"] for s in seen["open_sub_processes"] if s["name"] == "measure"] == ["LAPSED"]


def test_partial_answer_keeps_the_clock_running() -> None:
    """7.2.b: somebody still has to answer."""
    file = scenario("SC1")
    player, cast = player_for(file)
    for step in steps(file, 5):
        player.step(step, cast)
    answer = copy.deepcopy(next(s for s in file["steps"] if s["n"] == 6))
    answer["facts"]["completeness"] = "PARTIAL"
    player.step(answer, cast)
    stream = player.stream(player.cases["C1"])
    assert run(
        clock_runs(stream, player.registry, at("2024-06-04T12:00:00+07:00")), "ANSWER_VERIFICATION"
    ).live


def test_flag_of_an_oral_notice_ends_with_its_confirmation() -> None:
    """6.1: SC2 confirms the telephone notice in writing next morning.

    The measure's own flag stays for ever.
    """
    player, _, stream = played("SC2", 9)
    now = at("2023-10-17T07:00:00+07:00")
    codes = [c for c, _ in standing(player.raised, stream, player.registry, now)]
    assert codes == ["MEASURE_BEFORE_VERIFICATION", "ORAL_UNCONFIRMED"]
    player, _, stream = played("SC2", 10)
    codes = [c for c, _ in standing(player.raised, stream, player.registry, now)]
    assert codes == ["MEASURE_BEFORE_VERIFICATION"]


def test_affected_party_not_told_in_time_shows_without_a_new_act() -> None:
    """§8, row 3: the flag appears after the last day and goes with the notice."""
    player, _, stream = played("SC1", 21)
    measures = {stream.entries[i].act.act for i in player.acts.values()}
    assert "TakedownProposed" in measures
    untold = [("AFFECTED_NOT_TOLD", player.acts[n]) for n in (9, 11)]
    shown = standing(player.raised, stream, player.registry, at("2024-06-11T23:00:00+07:00"))
    assert not set(untold) & set(shown)
    shown = standing(player.raised, stream, player.registry, at("2024-06-12T00:00:01+07:00"))
    assert set(untold) <= set(shown)
    player, _, stream = played("SC1", 22)
    shown = standing(player.raised, stream, player.registry, at("2025-01-01T00:00:00+07:00"))
    assert "AFFECTED_NOT_TOLD" not in {c for c, _ in shown}


def test_case_file_says_when_it_changes_next() -> None:
    """Between two changes a stored case file may be served as it is; at each it is folded again."""
    player, _, stream = played("SC1", 11)
    moment = at("2024-06-04T15:30:00+07:00")
    seen = 0
    while seen < 40:
        _, after = case_file_until(stream, player.raised, player.registry, moment)
        if after is None:
            break
        still = case_file(
            stream, player.raised, player.registry, after - timedelta(milliseconds=1100)
        )
        assert still == case_file(stream, player.raised, player.registry, moment)
        moment = after
        seen += 1
    assert seen > 3
    later = moment + timedelta(days=3000)
    assert case_file(stream, player.raised, player.registry, moment) == case_file(
        stream, player.raised, player.registry, later
    )


def test_case_goes_on_across_the_reorganisation() -> None:
    """law.md §13: a reader sees what the agency was called then and who carries on today."""
    player, _, stream = played("SC1")
    seen = case_file(stream, player.raised, player.registry, at("2025-08-01T09:00:00+07:00"))
    assert seen["handler"]["registered_as"] == "bacninh.stttt"
    assert seen["handler"]["agency"] == "bacninh2025.svhttdl"
    assert seen["handler"]["label"].startswith("Sở Thông tin và Truyền thông")
    assert "đến 28/02/2025; nay Sở Văn hóa, Thể thao và Du lịch" in seen["handler"]["label"]
    assert {a["code"] for a in seen["assumptions"]} == {"LEAD_SUCCESSOR_2025", "TERRITORY_2023"}


def test_complaint_path_stands_on_every_restrictive_entry() -> None:
    """regulation.md §9, rule 8: in the view, with the dated time limit and its source."""
    player, _, stream = played("SC2")
    seen = case_file(stream, player.raised, player.registry, at("2023-11-07T09:00:00+07:00"))
    paths = {p["act"]: p for p in seen["complaint_paths"]}
    assert set(paths) == {"ImmediateMeasureTaken", "HandlingDecided", "SanctionDecided"}
    sanction = paths["SanctionDecided"]
    assert sanction["until"] == "2024-01-29T23:59:59+07:00"
    assert "90 ngày (02/2011/QH13 Điều 9)" in sanction["vi"]
    assert "90 days" in sanction["en"]


def test_flags_are_shown_in_both_languages_with_their_source() -> None:
    """A flag is words for a reader, not a code alone."""
    player, _, stream = played("SC4")
    seen = case_file(stream, player.raised, player.registry, at("2024-05-17T09:00:00+07:00"))
    basis = next(f for f in seen["flags"] if f["code"] == "BASIS_MISSING")
    assert basis["vi"].startswith("Đã ghi")
    assert basis["en"].startswith("Recorded with the flag")
    assert basis["act_id"] == player.acts[3]


def test_clock_names_its_source_and_how_sure_it_is() -> None:
    """A line nobody confirmed is shown as such wherever it decides (law.md)."""
    player, _, stream = played("SC2", 19)
    found = run(
        clock_runs(stream, player.registry, at("2023-10-21T09:00:00+07:00")), "SANCTION_DECISION"
    )
    assert found.source == "15/2012/QH13 Điều 66"
    assert found.kind == "LAW"
    assert found.certainty == "UNCONFIRMED"
    assert found.due == end_of(at("2023-11-20T00:00:00+07:00").date())
