"""What a person types for a case, an act, a key, an agency: rows, short forms, names."""

from __future__ import annotations

import os
import re
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from api.cli.main import main
from api.cli.terminal import shown_rows
from tests.fixtures.inspected import LEAD, STRANGER, Inspected, Who
from tests.terminals import on_a_terminal

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.xdist_group("inspected"),
]
BOSS: Who = ("SC3", "spgd")


def listed(inspected: Inspected) -> list[str]:
    """Shows the list of cases; ids in its order."""
    assert inspected.cli("case", "list").exit_code == 0
    return [one["id"] for one in inspected.read("/v1/cases", limit=50)["cases"]]


def test_a_row_of_the_list_just_shown_is_an_address(inspected: Inspected) -> None:
    """Of cases and of acts; one command, the same answer as by number or id."""
    ids = listed(inspected)
    for row in (1, len(ids)):
        told = inspected.told("case", "show", str(row))
        assert told == inspected.told("case", "show", ids[row - 1])
    said = inspected.cli("case", "list", terminal=True, lang="vi").stdout
    assert not [line for line in said.splitlines() if len(line.rstrip()) > 80]
    told = " ".join(said.split())
    order = "diễn biến cuối, mới trước"
    assert f"Tất cả {len(ids)} dòng trong phần bạn được xem; thứ tự: {order}." in told
    first = inspected.cli("acts", "--limit", "2", terminal=True).stdout
    assert "The first 2 lines of more; order: recorded, newest first." in first
    assert "order:" not in inspected.cli("acts", "--limit", "2").stdout, "where nobody looks"
    assert inspected.cli("case", "list").exit_code == 0
    beyond = inspected.cli("case", "show", str(len(ids) + 1))
    assert (beyond.exit_code, len(beyond.stderr.strip().splitlines())) == (2, 1)
    assert inspected.cli("acts", "--limit", "5").exit_code == 0
    acts = inspected.read("/v1/acts", limit=5)["acts"]
    assert inspected.told("act", "show", "3")["act_id"] == acts[2]["act_id"]
    assert inspected.cli("case", "show", "1").exit_code == 2  # the list shown last is of acts


def test_rows_are_of_whom_they_were_shown_to_and_for_an_hour(
    inspected: Inspected, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another officer has none, nor anybody later; a file that is spoiled is no row."""
    listed(inspected)
    assert inspected.cli("case", "show", "1").exit_code == 0
    assert inspected.cli("case", "show", "1", by=STRANGER).exit_code == 2
    kept = inspected.home / "shown.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert orjson.loads(kept.read_bytes()).keys() == {"of", "kind", "at", "ids"}
    with monkeypatch.context() as other:
        other.setattr(os, "ttyname", lambda _: "/dev/pts/77")
        assert inspected.cli("case", "show", "1").exit_code == 2, "of another terminal's list"
    monkeypatch.setattr(shown_rows, "KEPT", -shown_rows.KEPT)
    assert inspected.cli("case", "show", "1").exit_code == 2
    monkeypatch.undo()
    kept.write_bytes(b"[")
    ended = inspected.cli("case", "show", "1")
    assert (ended.exit_code, "Traceback" in ended.output) == (2, False)


def test_a_row_is_never_taken_for_a_case_of_that_number(
    inspected: Inspected, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a case has the number 1, both are named and nothing is shown."""
    first, second, *_ = listed(inspected)
    monkeypatch.setattr(
        "api.cli.terminal.addresses._numbered", lambda *_: [(second, "")], raising=True
    )
    ended = inspected.cli("case", "show", "1")
    assert ended.exit_code == 2
    assert {first, second} <= set(ended.stderr.replace(",", " ").split())
    assert inspected.told("case", "show", "2")["id"] == second


def test_short_forms_that_are_one_things_alone(inspected: Inspected) -> None:
    """Of cases, keys and officers; too short or of none is one sentence."""
    (case, *_) = listed(inspected)
    assert inspected.told("case", "show", case[:8])["id"] == case
    kid = inspected.threads("SC2").officers["gd"].kid
    whole = inspected.told("keys", "affected", kid, by=BOSS)
    assert inspected.told("keys", "affected", kid[:8], by=BOSS) == whole
    officer = inspected.officer("SC2", "gd")
    (line,) = inspected.told("registry", "officers", "--officer", officer[:8])["officers"]
    assert line["officer"] == officer
    for words in (
        ("case", "show", "ffffffff"), ("case", "show", "abc"),
        ("keys", "affected", kid[:3]), ("keys", "affected", "zzzzzzzz"),
    ):  # fmt: skip
        ended = inspected.cli(*words, by=BOSS)
        assert (ended.exit_code, "Traceback" in ended.output) == (2, False), words
        assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr


def test_an_act_by_how_its_id_begins(inspected: Inspected) -> None:
    """By API and by command; of an act that one does not see nothing is told, not even that it is.

    Wherever an act is named, the places of a case and rows of the list do as well.
    """
    act = inspected.act("SC2", 14)
    (found,) = inspected.read("/v1/acts", id=act[:8])["acts"]
    assert found["act_id"] == act
    whole = inspected.told("act", "show", act)
    place = f"{found['case_number']}#{found['seq']}"
    for named in (act[:8], act[:6], act[:13], place):
        assert inspected.told("act", "show", named) == whole
    assert inspected.read("/v1/acts", id=act[:8], by=STRANGER)["acts"] == []
    nowhere = "ffffff" if act[0] != "f" else "000000"
    said = set()
    for named, by in ((act[:8], STRANGER), (nowhere, LEAD), (act[:5], LEAD)):
        ended = inspected.cli("act", "show", named, by=by)
        assert (ended.exit_code, len(ended.stderr.strip().splitlines())) == (2, 1), ended.stderr
        said.add(ended.stderr.replace(named, ""))
    assert len(said) == 1
    for words in (
        ("attachment", "custody", act[:8], "x"), ("attachment", "get", place, "x", "-o", "y"),
        ("record", "entries", act[:8], place), ("reads", "--order", act[:8]),
    ):  # fmt: skip
        told = inspected.cli(*words)
        assert "Traceback" not in told.output
        assert "names no act" not in told.stderr, words
    entries = orjson.loads(inspected.cli("record", "entries", act[:8]).stdout)["entries"]
    assert [one["index"] for one in entries] == [one["index"] for one in whole["statements"]]


def test_what_was_set_in_type_or_quoted_is_an_address_too(inspected: Inspected) -> None:
    """As a letter or a PDF brings it: no such case was found, of one that whoever asked sees."""
    case, act = inspected.case("SC2"), inspected.act("SC2", 14)
    whole, shown = inspected.told("case", "show", case), inspected.told("act", "show", act)
    number = whole["case_number"]
    for named in (
        case.upper(), case.replace("-", "\u2011"), f"“{number}”", f' "{number}" ',
        number.replace("/", "\u2044"),
    ):  # fmt: skip
        assert inspected.told("case", "show", named) == whole, named
    for named in (act.upper(), act[:13].replace("-", "\u2013"), f"'{act}'"):
        assert inspected.told("act", "show", named) == shown, named


def test_several_acts_that_begin_alike_are_named(
    inspected: Inspected, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is guessed; whoever typed is told which there are."""
    acts = [one["act_id"] for one in inspected.read("/v1/acts", limit=2)["acts"]]
    monkeypatch.setattr("api.cli.terminal.addresses._acts_beginning", lambda *_: acts)
    ended = inspected.cli("act", "show", "abcdef")
    assert ended.exit_code == 2
    assert set(acts) <= set(ended.stderr.replace(",", " ").split())


def test_a_number_with_its_agency(inspected: Inspected) -> None:
    """`NUMBER@AGENCY` is the case of that number which the agency holds, and no other's."""
    (line, *_) = [
        one for one in inspected.read("/v1/cases", limit=50)["cases"] if one["case_number"]
    ]
    named = f"{line['case_number']}@{line['agency']}"
    assert inspected.told("case", "show", named)["id"] == line["id"]
    assert inspected.cli("case", "show", f"{line['case_number']}@bacninh.syt").exit_code == 2


def test_an_agency_by_its_name_and_what_is_near(inspected: Inspected) -> None:
    """Without tone marks and case; a slip names what may be meant, in both languages."""
    lines = inspected.read("/v1/agencies", by=LEAD, limit=200)["agencies"]
    (line,) = [one for one in lines if one["agency"] == "bacninh.stttt"]
    by_id = inspected.told("case", "list", "--agency", "bacninh.stttt")
    assert inspected.told("case", "list", "--agency", line["name"].upper()) == by_id
    for lang in ("vi", "en"):
        slip = inspected.cli("case", "list", "--agency", "bacninh.sttt", lang=lang)
        assert slip.exit_code == 2
        assert "bacninh.stttt" in slip.stderr
    assert inspected.cli("acts", "--agency", "không hề có").exit_code == 2


def test_completion_is_installed_and_removed(
    inspected: Inspected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One file, where the shell looks; it asks the program, and goes again."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for shell in ("bash", "zsh", "fish"):
        words = ("completion", "install", "--shell", shell)
        assert inspected.cli(*words, by=None).exit_code == 0
        (path,) = [one for one in tmp_path.rglob("*") if one.is_file()]
        assert "_SOCAI_COMPLETE" in path.read_text("utf-8")
        assert str(path) in "".join(inspected.cli(*words, by=None).stdout.split("\n"))
        assert inspected.cli("completion", "remove", "--shell", shell, by=None).exit_code == 0
        assert not path.exists()
    monkeypatch.setenv("SHELL", "/bin/dash")
    assert inspected.cli("completion", "install", by=None).exit_code == 2
    monkeypatch.setenv("HOME", str(tmp_path / "other"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / ".config").write_text("no folder")
    assert inspected.cli("completion", "install", "--shell", "fish", by=None).exit_code == 2


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_help_names_the_values_where_they_are_few(inspected: Inspected, lang: str) -> None:
    """States and outcomes on the help page; of many it says which command lists them."""
    said = inspected.cli("case", "list", "--help", by=None, lang=lang, terminal=True).stdout
    assert "VERIFYING" in said
    assert "socai catalogue act" in " ".join(said.split())
    assert not [line for line in said.splitlines() if len(line.rstrip()) > 80]


@pytest.mark.parametrize("lang", ["vi", pytest.param("en", marks=pytest.mark.drill)])
def test_the_tour_asks_twelve_questions_and_runs_each(inspected: Inspected, lang: str) -> None:
    """Without a terminal all of them, each with its command; at 80 columns nothing is longer."""
    said = inspected.cli("tour", lang=lang, terminal=True)
    assert said.exit_code == 0, said.output
    commands = [line for line in said.stdout.splitlines() if line.startswith("$ socai ")]
    assert len(commands) == 12
    assert "Traceback" not in said.output
    for n in range(1, 13):
        assert f"{n}/12" in said.stdout or f"{n} of 12" in said.stdout
    assert not [line for line in said.stdout.splitlines() if len(line.rstrip()) > 80]


def test_the_tour_goes_on_by_enter_and_ends_by_q(inspected: Inspected) -> None:
    """At a real terminal each command is shown before it runs; what is not wanted does not."""
    alias = inspected.threads(LEAD[0]).officers[LEAD[1]].alias
    env = {"NO_PAGER": "1"}
    words = ("tour", "--as", alias)
    status, said = on_a_terminal(words, inspected.home, env, ("", "", "q"), b"q ends ")
    assert status == 0, said
    assert [f"── {n} of 12." in said for n in (1, 2, 3, 4)] == [True, True, True, False]
    first, second, third = said.split("$ socai ")[1:]
    assert "Grounds" in first  # the act was shown
    assert "Case " in second
    assert third.rstrip().endswith("q ends q")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", said)
    assert not [line for line in plain.splitlines() if cell_len(line.rstrip()) > 80]


def test_a_tour_without_a_demo_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says how to get one."""
    monkeypatch.setenv("SOCAI_HOME", str(tmp_path / "nowhere"))
    for lang in ("vi", "en"):
        ended = CliRunner().invoke(main, ["--lang", lang, "tour"])
        assert (ended.exit_code, len(ended.stderr.strip().splitlines())) == (2, 1)
        assert "make demo" in ended.stderr


def test_what_was_copied_is_found_without_what_nobody_sees(inspected: Inspected) -> None:
    """A case, an act, an officer, an agency, each with a sign that nobody sees."""
    (case, *_) = listed(inspected)
    number = inspected.told("case", "show", case)["case_number"]
    for typed in (f"\u200b{number}", f"{number}\u00a0", f"{case[:8]}\u200b{case[8:]}"):
        assert inspected.told("case", "show", typed)["id"] == case
    act = inspected.told("act", "show", f"{number}#1")["act_id"]
    for typed in (f"{number}\u200b#1", f"{act}\ufeff"):
        assert inspected.told("act", "show", typed)["act_id"] == act
    officer = inspected.threads("SC2").officers["gd"].officer
    shown = inspected.told("registry", "officers", "--officer", f"{officer}\u200b")
    assert [one["officer"] for one in shown["officers"]] == [officer]
    held = inspected.told("case", "list", "--agency", "bacninh.stttt")
    assert inspected.told("case", "list", "--agency", "\u00a0bacninh.\u200bstttt") == held
