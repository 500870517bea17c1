"""Scenario files are read as their README says; a wrong one is named before anything is sent."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from api.rehearsal.scenario import (
    ScenarioError,
    file_or_shipped,
    read_file,
    read_files,
    resolve,
    shipped,
)
from api.texts.catalogue import translate

SHIPPED = ("SC1", "SC2", "SC3", "SC4", "SC6", "SC7")


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_scenario_is_read_whole(name: str) -> None:
    """A step lost in reading would be a step never checked."""
    raw = orjson.loads(shipped(name).read_bytes())
    (play,) = read_file(shipped(name))
    assert [step.n for step in play.steps] == [step["n"] for step in raw["steps"]]
    assert play.finals[next(iter(play.cases))] == raw["expect_final"]
    assert play.id == raw["id"]


@pytest.mark.parametrize(
    "file", sorted(shipped("SC1").parent.glob("SC*.json")), ids=lambda file: file.stem
)
def test_no_shipped_file_names_a_case_by_a_number_where_the_ledger_reads_its_name(
    file: Path,
) -> None:
    """The ledger gives the number as it is played, so that of the file is a label."""
    (play,) = read_file(file)
    labels = {repr(number) for number in play.cases.values()}
    words = ("case_number", "possible_duplicates", "now")
    for step in play.steps:
        said = repr({n: v for n, v in step.facts.items() if n not in words})
        assert not [label for label in labels if label in said], step.n


def test_a_negative_is_its_scenario_up_to_the_step_then_setup_then_the_probe() -> None:
    """N03 stands on SC2 up to step 19, one setup step, and the sanction that must be refused."""
    plays = {play.id: play for play in read_file(shipped("negative"))}
    n03 = plays["N03"]
    assert [step.n for step in n03.steps] == list(range(1, 22))
    assert n03.steps[-2].expect is None
    assert n03.steps[-1].must_not_stand
    assert n03.finals == {}
    assert "ntp" in plays["N04"].cast


def test_files_are_played_in_the_order_of_their_dates() -> None:
    """A rehearsal's clock only goes forward."""
    plays = read_files([shipped("SC7"), shipped("SC6"), shipped("SC2"), shipped("SC1")])
    assert [play.id for play in plays] == ["SC2", "SC1", "SC6", "SC7"]


def test_a_late_entry_keeps_when_it_happened_apart_from_when_it_is_signed() -> None:
    """`signed_at` is the author's signature; `at` stays `occurred_at`."""
    (play,) = read_file(shipped("SC2"))
    late = [step for step in play.steps if step.signed != step.at]
    assert len(late) == 1
    assert late[0].members["late_reason"]
    assert late[0].signed > late[0].at


def test_references_are_replaced_wherever_they_stand() -> None:
    """Deep in a list of objects too; a text that only begins with @ is no reference."""
    seen: list[tuple[str, str]] = []

    def answer(kind: str, name: str) -> str:
        seen.append((kind, name))
        return f"<{kind}>"

    facts = {"a": ["@step:5", {"b": "@officer:cv"}], "c": "@someone", "d": "x @step:1"}
    assert resolve(facts, answer) == {
        "a": ["<step>", {"b": "<officer>"}],
        "c": "@someone",
        "d": "x @step:1",
    }
    assert seen == [("step", "5"), ("officer", "cv")]


def test_a_step_needs_everybody_it_names() -> None:
    """A countersigner who does not sign yet is named in the payload, so must be enrolled."""
    (play,) = read_file(shipped("SC7"))
    step = next(step for step in play.steps if step.n == 5)
    assert step.aliases() == {"nst", "ctq", "bm", "vtm", "pgd", "gd"}


def _file(folder: Path, step_changes: dict[str, object] | None = None, **changes: object) -> Path:
    step: dict[str, object] = {
        "n": 1,
        "at": "2024-01-02T08:00:00+07:00",
        "act": "ReportReceived",
        "case": "A",
        "author": "cv",
        "countersigners": [],
        "facts": {},
    }
    step |= step_changes or {}
    document = {
        "v": 1,
        "id": "X",
        "cast": {"cv": {"agency": "bacninh.stttt", "post": "chuyen-vien"}},
        "cases": {"A": "2024/1"},
        "steps": [step],
        **changes,
    }
    path = folder / "X.json"
    path.write_bytes(orjson.dumps(document))
    return path


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"step_changes": {"author": "ai"}}, "ai is not in the cast"),
        ({"step_changes": {"case": "B"}}, "B is not among the cases"),
        ({"step_changes": {"officer": "cv"}}, "more than one stream"),
        ({"step_changes": {"at": "2024-01-02T08:00:00"}}, "has no offset"),
        ({"steps": []}, "has no steps"),
        ({"cast": {"cv": {"post": "chuyen-vien"}}}, "not of the scenario form"),
    ],
)
def test_a_file_that_cannot_be_played_is_named_before_anything_is_sent(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    """The file's writer learns what is wrong; nothing was recorded."""
    with pytest.raises(ScenarioError, match=words):
        read_file(_file(tmp_path, **changes))


def test_a_file_that_is_no_json_or_not_there_is_said_plainly(tmp_path: Path) -> None:
    """A path typed wrong is the commonest mistake."""
    (tmp_path / "no.json").write_text("{")
    with pytest.raises(ScenarioError, match="is not JSON"):
        read_file(tmp_path / "no.json")
    with pytest.raises(ScenarioError, match="cannot read"):
        read_file(tmp_path / "absent.json")


def test_a_name_that_is_not_shipped_is_told_which_are() -> None:
    """There is no SC5; who asks for it sees what there is, in the reader's language."""
    with pytest.raises(ScenarioError, match="SC4, SC6") as told:
        read_file(file_or_shipped(Path("SC5")))
    assert translate(told.value.text, "vi").startswith("không có kịch bản SC5; có sẵn: SC1, SC2")


def test_a_negatives_scenario_is_taken_from_beside_the_file_first(tmp_path: Path) -> None:
    """`scenarios/<id>.json` beside the file, else the one the product ships."""
    (tmp_path / "scenarios").mkdir()
    base = _file(tmp_path, id="SC1")
    base.rename(tmp_path / "scenarios" / "SC1.json")
    step = orjson.loads((tmp_path / "scenarios" / "SC1.json").read_bytes())["steps"][0]
    negative = {
        "id": "N",
        "scenario": "SC1",
        "after_step": 1,
        "step": {**step, "n": 2},
        "expect": {"refused": "STATE_ILLEGAL"},
    }
    path = tmp_path / "mine.json"
    path.write_bytes(orjson.dumps({"v": 1, "negatives": [negative]}))
    (play,) = read_file(path)
    assert [step.n for step in play.steps] == [1, 2]
    assert play.begins == datetime.fromisoformat("2024-01-02T08:00:00+07:00")
