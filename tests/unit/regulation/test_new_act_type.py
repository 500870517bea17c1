"""A newcomer adds act types as CONTRIBUTING, "A new act type", says: data and a test, no code.

The rulebook is copied to a folder of its own and grows there; another interpreter loads the copy,
judges one acceptance and one refusal, and writes the page anew.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

ROOT = Path(__file__).parents[3]

#: Press guidance (8.1.e), which the edition leaves out: beside the cases.
GUIDANCE: dict[str, Any] = {
    "act": "PressGuidanceHeld",
    "vi": "Hướng dẫn, tập huấn cho báo chí",
    "en": "Press guidance held",
    "group": "programme",
    "stream": "programme",
    "who": ["LEAD"],
    "to": ["MEDIA"],
    "states_from": None,
    "moves": None,
    "requires": ["LEAD_ONLY"],
    "signature_class": 2,
    "signer_roles": ["AUTHOR", "APPROVER"],
    "sub_process": None,
    "clocks": {"starts": [], "stops": []},
    "restrictive": False,
    "source": ["8.1.e"],
    "origin": "SEED",
    "facts": {
        "held_on": {"type": "date", "required": True, "vi": "Ngày tổ chức", "en": "day held"},
        "topics": {
            "type": "list",
            "of": "text",
            "required": True,
            "vi": "Nội dung",
            "en": "topics",
        },
    },
}
#: A second look that sends a verified case back: it moves the case, so it has rows of its own.
SECOND_LOOK: dict[str, Any] = GUIDANCE | {
    "act": "SecondLookTaken",
    "vi": "Xem lại kết luận trước khi xử lý",
    "en": "Second look taken before handling",
    "group": "verification",
    "stream": "case",
    "who": ["HANDLER"],
    "to": [],
    "states_from": ["ASSESSING"],
    "moves": "VERIFYING",
    "requires": [],
    "source": ["7.2.a"],
    "facts": {"reasons": {"type": "text", "required": True, "vi": "Lý do", "en": "reasons"}},
}

JUDGE = """
import sys
from ledger.errors import Rejected
from ledger.regulation.docs import catalogue_page
from ledger.regulation.acts.catalogue import load
from ledger.regulation.participation.participation import participation
from ledger.regulation.participation.viewpoint import Viewpoint
from tests.builders import Story, a_case_in

assert "PressGuidanceHeld" in load().types
programme = Story("programme/2024")
topics = {"topics": ["Kiểm chứng nguồn tin"]}
programme.then("PressGuidanceHeld", facts=topics)
try:
    programme.then("PressGuidanceHeld", by="yt", also=["ytcv"], facts=topics)
except Rejected as refusal:
    print(refusal.guard)
try:
    programme.then("PressGuidanceHeld", facts={"topics": []})
except Rejected as refusal:
    print([f.pointer for f in refusal.faults])
case = a_case_in("ASSESSING")
case.then("SecondLookTaken")
print(case.stream.state)
who = participation(Viewpoint(case.stream, case.registry, case.now)).parts
print({part.scope for part in who if part.act == "SecondLookTaken"})
try:
    case.then("SecondLookTaken")
except Rejected as refusal:
    print(refusal.guard)
print(case.then("VerificationConcluded", facts={
    "supersedes": case.stream.finding.act.act_id}).state_after)
open("catalogue.md", "w", encoding="utf-8").write(catalogue_page.page())
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages that the rules need, and the builders of tests, in a folder of their own."""
    skip = shutil.ignore_patterns("__pycache__")
    for package in ("keys", "ledger"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=skip)
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "builders.py", tmp_path / "tests" / "builders.py")
    return tmp_path


def code(folder: Path) -> dict[str, bytes]:
    """Every source file of the copy."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*.py"))}


def add(folder: Path, entry: dict[str, Any], *rows: dict[str, str]) -> None:
    """What the paragraph says: the entry, its rows if it moves something, who takes part by it."""
    data = folder / "ledger" / "regulation" / "data"
    acts = orjson.loads((data / "acts.json").read_bytes())
    acts["acts"].append(entry)
    (data / "acts.json").write_bytes(orjson.dumps(acts))
    tables = orjson.loads((data / "life_cycle.json").read_bytes())
    tables["transitions"].extend(rows)
    (data / "life_cycle.json").write_bytes(orjson.dumps(tables))
    parts = orjson.loads((data / "participation.json").read_bytes())
    why = {"vi": "chỉ cơ quan lập xem", "en": "its agency alone sees it"}
    parts["acts"].append({"act": entry["act"], "from": None, "to": None, "gives": [], **why})
    (data / "participation.json").write_bytes(orjson.dumps(parts))


def test_contributing_has_the_paragraph_and_it_names_these_files() -> None:
    """CONTRIBUTING: acts.json, life_cycle.json, who takes part, the page, a test; nothing else."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    found = re.search(r"\*\*A new act type\.\*\*.*?\n\n", text, re.DOTALL)
    assert found is not None
    for named in (
        "acts.json",
        "life_cycle.json",
        "participation.json",
        "docs/reference/catalogue.md",
        "a test",
    ):
        assert named in found[0]


def test_newcomer_adds_two_act_types_without_touching_code(copy: Path) -> None:
    """8.1.e beside the cases, and an act that moves a case: accepted, refused, and on the page."""
    before = code(copy)
    add(copy, GUIDANCE)
    add(copy, SECOND_LOOK, {"from": "ASSESSING", "act": "SecondLookTaken", "to": "VERIFYING"})
    script = copy / "judge.py"
    script.write_text(JUDGE, "utf-8")
    ran = subprocess.run(
        [sys.executable, "-P", str(script)],
        cwd=copy,
        env={"PYTHONPATH": str(copy), "PATH": "", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert ran.stderr == ""
    assert ran.stdout.splitlines() == [
        "AGENCY_HOLDS_FUNCTION",
        "['/facts/topics']",
        "VERIFYING",
        "{'ACT'}",
        "STATE_ILLEGAL",
        "ASSESSING",
    ]
    script.unlink()
    assert code(copy) == before
    page = (copy / "catalogue.md").read_text("utf-8")
    assert "`PressGuidanceHeld` · Hướng dẫn, tập huấn cho báo chí · Press guidance held" in page
    assert "| `SecondLookTaken` |  | `VERIFYING` |" in page
