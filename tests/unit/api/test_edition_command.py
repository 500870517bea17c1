"""`socai edition`: tables written, checked, told in words, tried on open cases, and signed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner, Result

from api.cli.commands import edition
from api.cli.main import main
from api.cli.terminal.shell import Refusal
from api.client.client import Client
from api.texts.catalogue import translate
from keys import canonical
from ledger.regulation.edition import load_edition
from ledger.regulation.sheets.draft import RuleDraft, read
from tests.unit.regulation.test_edition_sheets import FILES

NOW = datetime(2027, 3, 1, 1, 0, tzinfo=UTC)


def ask(*words: str, lang: str = "en") -> Result:
    """What the command answers."""
    env = {"SOCAI_HOME": "/nonexistent"}
    return CliRunner().invoke(main, ["--lang", lang, "edition", *words], env=env)


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A folder with the tables of a change."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8-sig")
    return tmp_path


def test_new_tables_have_vietnamese_headings_and_change_nothing(tmp_path: Path) -> None:
    """Once written they are not written over."""
    folder = tmp_path / "doi"
    assert ask("new", str(folder)).exit_code == 0
    head = (folder / "thoi-han.csv").read_text("utf-8-sig").splitlines()
    assert head[0].startswith("Mã,Có hiệu lực từ,Tên")
    assert head[1].startswith("# NOTIFY_LEAD")
    again = ask("new", str(folder))
    assert again.exit_code == 2
    assert "Nothing was written" in again.output
    empty = ask("check", str(folder))
    assert empty.exit_code == 1
    assert "the tables change nothing" in empty.output


def test_check_names_file_and_line_in_the_reader_s_language(filled: Path) -> None:
    """One sentence a fault, and no traceback."""
    for path in filled.iterdir():  # what changes a day that is over is a fault, by today's date
        text = path.read_text("utf-8-sig").replace("/2027", "/2999")
        path.write_text(text, encoding="utf-8-sig")
    sound = ask("check", str(filled))
    assert sound.exit_code == 0, sound.output
    (filled / "ngay-nghi.csv").write_text("Ngày\n31/02/2027\n", encoding="utf-8")
    wrong = ask("check", str(filled), lang="vi")
    assert wrong.exit_code == 1
    assert f"{filled / 'ngay-nghi.csv'}:2: “Ngày” không thể là “31/02/2027”" in wrong.output
    (filled / "ngay-nghi.csv").write_bytes(b"\xff\xfe")
    assert ask("check", str(filled)).exit_code == 2


def test_diff_tells_what_changes_and_follows_earlier_tables(filled: Path, tmp_path: Path) -> None:
    """`--after` names what was adopted before."""
    told = ask("diff", str(filled))
    assert told.exit_code == 0
    assert "act type “WorkshopHeld” is new" in told.output
    later = tmp_path / "sau"
    later.mkdir()
    text = "Diễn biến,Mã,Bỏ\nWorkshopHeld,form,x\n"
    (later / "noi-dung.csv").write_text(text, encoding="utf-8")
    assert ask("check", str(later)).exit_code == 1
    assert ask("check", str(later), "--after", str(filled)).exit_code == 0


class Server:
    """What a server says to a client that tries and adopts."""

    officer = "00000000-0000-4000-8000-000000000001"
    origin = "rehearsal.bacninh.example/ordinary"

    def __init__(self, **verdict: Any) -> None:  # noqa: ANN401 - JSON
        self.verdict = {"ok": True} | verdict
        self.asked: list[dict[str, Any]] = []

    def login(self) -> None:
        """Signed in already."""

    def log(self) -> dict[str, Any]:
        """Its time, of a rehearsal."""
        return {"now": "2027-03-01T01:00:00.000Z"}

    def whole(self, _path: str, rows: str, **_: object) -> dict[str, Any]:
        """A registrar and a legal officer, and their keys."""
        if rows == "keys":
            both = (self.officer, LEGAL)
            return {"keys": [{"officer": one, "status": "ACTIVE"} for one in both]}

        def post(power: str) -> dict[str, Any]:
            return {
                "agency": "bacninh.stttt", "post": "x", "on_day": True, "powers": [power],
                "capacities": ["TRUC_TIEP"],
            }  # fmt: skip

        return {
            "officers": [
                {"officer": self.officer, "posts": [post("REGISTRY_KEEPER")]},
                {"officer": LEGAL, "posts": [post("LEGAL_OFFICER")]},
            ]
        }

    def pages(self, _path: str) -> list[dict[str, Any]]:
        """One open case, one closed."""
        cases = [{"id": "c1", "state": "HANDLING"}, {"id": "c2", "state": "CLOSED"}]
        return [{"cases": cases}]

    def case(self, case: str) -> dict[str, Any]:
        """Its case file; the closed one is not asked for."""
        assert case == "c1"
        return {"state": "HANDLING", "pending": [], "clocks": []}

    def check(self, act: dict[str, Any]) -> dict[str, Any]:
        """The rules' answer."""
        self.asked.append(act)
        return self.verdict


LEGAL = "00000000-0000-4000-8000-000000000002"


def made_of(folder: Path) -> RuleDraft:
    """What the tables come to."""
    return read({p.name: p.read_text("utf-8-sig") for p in folder.glob("*.csv")}, load_edition())


def test_try_names_the_open_cases_that_would_be_judged_otherwise(filled: Path) -> None:
    """Closed ones are judged by what they were, and are not even read."""
    base = load_edition()
    after = base.changed("x", made_of(filled).change)
    found = edition.touched(cast("Client", Server()), base, after, NOW.date())
    told = {case: [translate(text, "en") for text in texts] for case, texts in found.items()}
    assert told == {"c1": ["takes no more: Whole case referred"]}
    assert edition.touched(cast("Client", Server()), base, base, NOW.date()) == {}


def test_adopt_asks_the_rules_and_puts_the_change_into_the_act(filled: Path) -> None:
    """The change itself is what is signed, by registrar and then legal officer."""
    base, draft, server = load_edition(), made_of(filled), Server()
    said = {"called": "2-bn.1", "summary": "Đổi", "document": "QĐ 1"}
    act = edition.adoption(cast("Client", server), base, draft, LEGAL, NOW, **said)
    assert [s["role"] for s in act["signers"]] == ["AUTHOR", "APPROVER"]
    assert act["signers"][1]["officer"] == LEGAL
    assert act["facts"]["base"] == base.digest
    made = base.changed("2-bn.1", act["facts"]["change"])
    assert act["facts"]["digest"] == made.digest
    assert server.asked == [act]
    assert canonical.encode(act)
    refusing = Server(ok=False, guard="EDITION_FOLLOWS", detail="another edition is in force")
    with pytest.raises(Refusal, match="another edition is in force"):
        edition.adoption(cast("Client", refusing), base, draft, LEGAL, NOW, **said)
