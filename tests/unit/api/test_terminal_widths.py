"""Tables at every width: nothing is cut without a sign, dates and indices stand whole."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len

from api.cli.commands.demo import _caught
from api.cli.commands.reading import cases, work
from api.cli.commands.registry import listing
from api.cli.terminal import case_tables
from api.cli.terminal.shell import WIDTH, Shell, folded
from api.rehearsal.tampering_drill import WHAT, Caught
from api.texts.lang import Lang
from ledger.message import Message

_BOLD = re.compile("\x1b\\[[0-9]*m")
"""What a terminal is told of the heads of columns."""
COLUMNS = ("#", "occurred", "agency", "act", "source")
ROWS = [
    (
        f"2024/{n:04}#{n}",
        "04/06/2024 08:12:00",
        "bacninh.svhttdl Sở Văn hóa, Thể thao và Du lịch tỉnh Bắc Ninh",
        "Yêu cầu xác minh\n⚑ MEASURE_BEFORE_VERIFICATION",
        "90/QĐ-UBND 7.2.b",
    )
    for n in (1, 140, 99_999)
]


def shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int | None
) -> str:
    """The table, on a terminal of so many columns; None: in a pipe."""
    for name in ("FORCE_COLOR", "COLUMNS", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    if width is not None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setenv("LINES", "40")
    Shell("vi").table(COLUMNS, ROWS, whole=("#",), widths={"occurred": 10, "act": 18})
    return _BOLD.sub("", capsys.readouterr().out)


@pytest.mark.parametrize(("width", "said"), [(40, "act: one · two three"), (120, "one")])
def test_what_stood_in_lines_of_its_own_stays_apart_where_it_is_told_in_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int, said: str
) -> None:
    """A deadline and its rule were one sentence on a terminal of 40 columns."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(width))
    long = "Sở Thông tin và Truyền thông tỉnh Bắc Ninh"
    Shell("en").table(("act", "agency"), [("one\ntwo three", long)], whole=("agency",))
    assert said in [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()]


def test_a_short_column_is_whole_before_a_long_one_takes_the_room(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """“có hiệu lực” stood in three lines beside the name of an agency, in every row of `acts`."""
    long = "Sở Thông tin và Truyền thông tỉnh Bắc Ninh, cơ quan chủ trì " * 2
    Shell("vi").table(("agency", "status"), [(long, "có hiệu lực")])
    assert "có hiệu lực" in capsys.readouterr().out


def test_who_was_let_in_has_room_for_words(capsys: pytest.CaptureFixture[str]) -> None:
    """Two whole ids left a column of five letters for the rule: a word a line, six of them."""
    id_ = "b55f1df6-1ace-481b-ac57-9345a57400e9"
    line = {
        "rule": "A9", "act_vi": "Quyết định thanh tra việc ghi sổ, xem hồ sơ", "officer": id_,
        "cases": [f"case/{id_}"], "agencies": [], "running": False, "review": None,
        "revoked_at": None, "until": "2024-09-09T22:00:00+07:00", "act_id": id_,
    }  # fmt: skip
    columns, whole, row = listing._REGISTRY["openings"]
    Shell("vi").table(columns, [row(Shell("vi"), line)], whole=whole)
    told = capsys.readouterr().out
    assert "A9 Quyết" in told
    assert id_ in told, "to be copied into `act show`"
    assert max(map(cell_len, told.splitlines())) <= WIDTH


@pytest.mark.parametrize(("lang", "said"), [("vi", "diễn biến cuối, mới"), ("en", "last act")])
def test_the_order_of_a_list_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lang: Lang, said: str
) -> None:
    """It was the code that the API takes: `-last_act`."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    cases._counted(Shell(lang), {"cases": [{}]}, "cases", "-last_act")
    told = capsys.readouterr().out
    assert said in told
    assert "-last_act" not in told


def test_a_code_is_broken_only_where_no_line_takes_it() -> None:
    """It is copied from there into an option: half of it is another code or none."""
    text = "quyết định xử phạt khi chưa nghe giải trình (NO_EXPLANATION_HEARD)"
    assert folded(text, 60).splitlines()[-1] == "(NO_EXPLANATION_HEARD)"
    assert folded("NO_EXPLANATION_HEARD", 16).splitlines() == ["NO_EXPLANATION_", "HEARD"]


def test_a_cell_is_folded_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """To the width that there is: first to another, and lines had one word that stood alone."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "40")
    long = "Trưởng phòng, Sở Thông tin và Truyền thông tỉnh Bắc Ninh"
    Shell("vi").table(("author", "act"), [(long, long)], widths={"author": 26, "act": 26})
    head, *lines = _BOLD.sub("", capsys.readouterr().out).splitlines()
    left = head.index("diễn")
    for column in (slice(0, left), slice(left, None)):
        said = [line[column].strip() for line in lines]
        said = [line for line in said if line]
        assert said == folded(long, max(map(len, said))).splitlines()


@pytest.mark.parametrize("width", [None, 20, 40, 60, 80, 100, 120, 160, 200, 300])
def test_no_table_cuts_a_cell(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int | None
) -> None:
    """Every character of every cell is there, and indices and dates are on one line each."""
    said = shown(monkeypatch, capsys, width)
    letters = sorted("".join(said.split()))
    for row in ROWS:
        assert row[0] in said, "an index is never broken"
        for word in row[1].split():
            assert word in said, "nor is a date"
        for cell in row:
            missing = [one for one in "".join(cell.split()) if one not in letters]
            assert not missing
    wanted = sum(len("".join("".join(row).split())) for row in ROWS)
    heads = len("".join("".join(Shell("vi").name(one) for one in COLUMNS).split()))
    assert len(letters) >= wanted + heads
    if width is not None and width >= 40:
        assert max(cell_len(line.rstrip()) for line in said.splitlines()) <= min(width, 200)


def test_a_wide_terminal_is_used(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At 200 columns a row of this table takes no more lines than its cells have."""
    wide = shown(monkeypatch, capsys, 200).splitlines()
    assert max(cell_len(line.rstrip()) for line in wide) > WIDTH
    assert len(wide) == 1 + 2 * len(ROWS)
    assert len(shown(monkeypatch, capsys, 80).splitlines()) > len(wide)


@pytest.mark.parametrize("width", [80, 100])
def test_a_worklist_breaks_no_agency_and_no_date(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    """Seven columns at 80: rich alone would break `bacninh.csdt` to give another its spaces."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", str(width))
    row = (
        "chờ nơi khác", "2025/0001", "Yêu cầu xác minh", "10/02/2025 15:00:00", "quá hạn",
        "Giải quyết tin báo tội phạm\n→tochuc.benhvien", "90/QĐ-UBND 7.2.b",
    )  # fmt: skip
    columns = ("kind", "number", "act", "due", "status", "clock", "source")
    widths = {"kind": 10, "due": 10, "status": 12, "act": 18, "clock": 14, "source": 15}
    Shell("vi").table(columns, [row] * 3, whole=("number",), widths=widths)
    said = _BOLD.sub("", capsys.readouterr().out)
    for word in " ".join(row).split():
        assert said.split().count(word) >= 3, word
    assert len(said.splitlines()) <= 2 + 4 * 3
    assert max(cell_len(line.rstrip()) for line in said.splitlines()) <= width


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_the_work_of_an_agency_is_a_table_at_80(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lang: Lang
) -> None:
    """It says whose each is as well, and had no room for that: a list of lines, or words in two."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    line = {
        "due_at": "2025-03-05T17:00:00+07:00", "case_number": "2025/0001", "register_no": None,
        "act_vi": "Yêu cầu xác minh", "act_en": "Verification requested", "title": "Tin sai lệch",
        "code": "X", "status": "OVERDUE", "kind": "CLOCK", "waits_for": "bacninh.csdt",
        "waits_for_label": None, "clock_vi": "Hạn trả lời yêu cầu xác minh",
        "clock_en": "Answer to a request for verification", "post_vi": None,
        "officer": "0b8f4c1e-1111-4111-8111-111111111111", "source": "90/QĐ-UBND 7.2.b",
    }  # fmt: skip
    shell = Shell(lang)
    row = work.task_row(shell, "overdue", line, team=True)
    shell.table(work.TASKS_OF_ALL, [row] * 3, whole=("number", "officer"), widths=work.TASK_WIDTHS)
    said = _BOLD.sub("", capsys.readouterr().out)
    assert max(cell_len(one.rstrip()) for one in said.splitlines()) <= 80
    assert said.splitlines()[0].split()[-1] == shell.name("officer").split()[-1]
    for text in ("2025/0001", "05/03/2025", "17:00", "0b8f4c1e", "→bacninh.csdt"):
        assert said.split().count(text) == 3, said


def test_a_worklist_says_below_its_table_what_is_waited_for_in_vain(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A sentence has no room in a column; it names the case and the act that it is of."""
    line = {"case_number": None, "register_no": "12/TN", "act_vi": "Yêu cầu xác minh"}
    for code, why in (("LEFT", "không còn giữ chức danh này"), ("SHUT_OUT", "bị loại khỏi hồ sơ")):
        work._waits_in_vain(Shell("vi"), {**line, "in_vain": code})
        said = capsys.readouterr().out
        assert said.startswith("12/TN, Yêu cầu xác minh: ")
        assert why in " ".join(said.split())
        assert max(map(cell_len, said.splitlines())) <= 80


def test_one_line_an_act_is_whole_where_no_terminal_says_how_wide_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a pipe it was cut at 100 columns, and `grep` found no agency behind them."""
    act = {
        "statements": [{"seq": 7, "signer": {"agency_name": "Ủy ban nhân dân tỉnh Bắc Ninh " * 4}}],
        "status": "effective", "occurred_at": None, "act_en": "Verification requested",
    }  # fmt: skip
    monkeypatch.setenv("COLUMNS", "60")
    case_tables.compact(Shell("en"), [act])
    assert capsys.readouterr().out.rstrip("\n").endswith("Bắc Ninh ")
    for name, value in (("TERM", "xterm-256color"), ("FORCE_COLOR", "1")):
        monkeypatch.setenv(name, value)
    case_tables.compact(Shell("en"), [act])
    line = capsys.readouterr().out.rstrip("\n")
    assert (line[-1], cell_len(line) <= 60) == ("…", True)


@pytest.mark.parametrize("colour", ["", "1"])
def test_nothing_is_coloured_where_no_colour_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], colour: str
) -> None:
    """NO_COLOR, and without it: a table says what it says in words."""
    for name, value in (("TERM", "xterm-256color"), ("FORCE_COLOR", "1"), ("COLUMNS", "100")):
        monkeypatch.setenv(name, value)
    if colour:
        monkeypatch.setenv("NO_COLOR", colour)
    Shell("en").table(COLUMNS, ROWS, whole=("#",))
    said = capsys.readouterr().out
    assert not any(f"\x1b[{code}m" in said for code in range(30, 50))


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_a_compact_history_has_one_line_an_act(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    """What does not fit ends with a sign; place and date stand first and whole."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", str(width))
    acts = [
        {
            "statements": [{"seq": n}], "status": "effective" if n % 2 else "pending",
            "late": n == 3, "flags": ["ORAL_UNCONFIRMED"] * (n - 1), "agency": "bacninh.svhttdl",
            "occurred_at": "2024-06-04T08:12:00+07:00", "act_vi": "Yêu cầu xác minh " * n,
        }
        for n in (1, 2, 3)
    ]  # fmt: skip
    case_tables.compact(Shell("vi"), acts)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(acts)
    for n, line in enumerate(lines, 1):
        assert line.split()[0] == str(n)
        assert cell_len(line) <= width
        assert line.endswith(("…", "bacninh.svhttdl"))
        if width >= 40:
            assert "04/06/2024" in line


@pytest.mark.parametrize("width", [80, 200])
def test_what_the_demo_caught_is_named_in_whole_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    """The kind of a finding is a code: it stands on one line."""
    for name in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(width))
    caught = [
        Caught(forgery, 140, 140, "against_the_rules", Message("the act is against the rules"))
        for forgery in WHAT
    ]
    _caught(Shell("vi"), caught)
    said = capsys.readouterr().out
    assert said.count("against_the_rules") == len(caught)
