"""A change of the rules written in tables: what it comes to, what is wrong with it, in words."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from api.texts.catalogue import translate
from ledger.regulation.acts.catalogue import catalogue_of
from ledger.regulation.edition import load_edition
from ledger.regulation.registry.agencies import Agencies
from ledger.regulation.registry.rules import Rules
from ledger.regulation.sheets.difference import difference, judged_otherwise
from ledger.regulation.sheets.draft import read
from ledger.regulation.sheets.tables import TABLES
from tests.builders import Story, a_registry, adopt, adoption_facts
from tests.codes_in_words import codes_in

BASE = load_edition()
DAY = date(2027, 3, 1)
#: What the issue names: an act type, a clock, an agency's end, a renaming, a holiday; and a move.
FILES = {
    "dien-bien.csv": (
        "Mã,Tên,Tên tiếng Anh,Nhóm,Dòng,Ai lập,Vai ký,Thẩm quyền người phê duyệt,Điều kiện\n"
        "# ví dụ,,,,,,,,\n"
        "WorkshopHeld,Tổ chức tập huấn,Workshop held,programme,programme,LEAD,"
        "AUTHOR; APPROVER,SUPERVISOR,LEAD_ONLY\n"
    ),
    "noi-dung.csv": (
        "Diễn biến,Mã,Kiểu,Bắt buộc,Các giá trị,Tên,Tên tiếng Anh\n"
        "WorkshopHeld,held_on,ngày,có,,Ngày tổ chức,day it was held\n"
        "WorkshopHeld,form,danh mục,không,ROOM; ONLINE,Hình thức,form\n"
    ),
    "chuyen-trang-thai.csv": "Từ,Diễn biến,Nhánh,Đến,Bỏ\nHANDLING,ReferralSent,,,x\n",
    "thoi-han.csv": (
        "Mã,Có hiệu lực từ,Từ diễn biến,Đến diễn biến,Độ dài,Đơn vị,Loại nguồn,Nguồn,Chắc chắn\n"
        "NOTIFY_LEAD,01/01/2027,DetectionRecorded,LeadAgencyNotified,2,ngày làm việc,luật,"
        "01/2027/NĐ-CP Điều 5,đã xem văn bản\n"
    ),
    "co-quan.csv": (
        "Mã,Tên,Từ ngày,Đến hết ngày\n"
        "bacninh2025.syt,Sở Y tế và Dân số tỉnh Bắc Ninh,01/01/2027,\n"
        "bacninh2025.congan,,,31/01/2027\n"
    ),
    "ngay-nghi.csv": "Ngày,Tên\n24/12/2027,Nghỉ theo quyết định\n",
}


def told(files: dict[str, str]) -> list[tuple[str, int, str]]:
    """Faults with file and line, in English."""
    found = read(files, BASE).faults
    return [
        ("" if f.place is None else f.place.file, 0 if f.place is None else f.place.line,
         translate(f.text, "en"))
        for f in found
    ]  # fmt: skip


def test_tables_make_an_edition_that_two_officers_adopt() -> None:
    """Act type, clock, end, renaming, holiday, move: no release, and the log holds it all."""
    draft = read(FILES, BASE)
    assert draft.faults == []
    ledger = Story("ledger", registry=a_registry())
    facts = adoption_facts(draft.change, BASE)
    ledger.then("EditionAdopted", by="keeper", also=["pc"], facts=facts)
    edition = ledger.registry.edition
    kind = catalogue_of(edition).type("WorkshopHeld")
    assert kind.check({"held_on": "2027-03-01", "form": "ROOM"}) == []
    assert [f.pointer for f in kind.check({"form": "TENT"})] == ["/facts/form", "/facts/held_on"]
    assert (kind.signature_class, kind.signer_powers) == (2, {"APPROVER": ("SUPERVISOR",)})
    rule = Rules.of(edition).on("NOTIFY_LEAD", DAY)
    assert rule is not None
    assert (rule.value, rule.unit, rule.kind) == (2, "wd", "LAW")
    agencies = Agencies.of(edition)
    renamed = agencies.get("bacninh2025.syt")
    assert renamed is not None
    assert renamed.name(DAY).vi == "Sở Y tế và Dân số tỉnh Bắc Ninh"
    assert renamed.name(date(2026, 12, 31)).vi != renamed.name(DAY).vi
    assert not agencies.exists("bacninh2025.congan", DAY)
    assert not edition.calendar.is_working(date(2027, 12, 24))


@pytest.mark.parametrize(
    ("file", "rows", "line", "words"),
    [
        ("dien-bien.csv", "Mã,Màu\nX,đỏ\n", 1, "no column “Màu”"),
        ("dien-bien.csv", "Mã,Tên\nWorkshopHeld,Tập huấn\n", 2, "“Tên tiếng Anh” is empty"),
        ("dien-bien.csv", "Mã,Tên\n,Tập huấn\n", 2, "“Mã” is empty"),
        ("dien-bien.csv", "Mã,Điều kiện\nCaseClosed,NO_SUCH\n", 2, "requires names “NO_SUCH”"),
        ("dien-bien.csv", "Mã,Hạn chế quyền\nCaseClosed,tím\n", 2, "write one of: có, không"),
        ("noi-dung.csv", "Diễn biến,Mã\nNoAct,x\n", 2, "no act type “NoAct”"),
        ("noi-dung.csv", "Diễn biến,Mã,Kiểu\nCaseClosed,x,màu\n", 2, "write one of: chữ"),
        ("thoi-han.csv", "Mã,Có hiệu lực từ\nNOTIFY_LEAD,1.1.2027\n", 2, "a day as dd/mm/yyyy"),
        (
            "thoi-han.csv",
            "Mã,Có hiệu lực từ,Độ dài\nNOTIFY_LEAD,01/01/2027,hai\n",
            2,
            "whole number",
        ),
        (
            "thoi-han.csv",
            "Mã,Có hiệu lực từ,Độ dài\nNOTIFY_LEAD,21/03/2023,9\n",
            2,
            "a line in use is not edited",
        ),
        ("co-quan.csv", "Mã,Tên\nbacninh2025.syt,Tên khác\n", 2, "“Từ ngày” is empty"),
        ("co-quan.csv", "Mã,Đến hết ngày\nmoi.example,01/01/2027\n", 2, "“Tên” is empty"),
        ("ngay-nghi.csv", "Ngày\n31/02/2027\n", 2, "a day as dd/mm/yyyy"),
        (
            "chuyen-trang-thai.csv",
            "Từ,Diễn biến,Đến\nCLOSED,CaseClosed,NOWHERE\n",
            2,
            "to names “NOWHERE”",
        ),
        ("khac.csv", "a\n", 1, "no table has such a name"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence_with_file_and_line(
    file: str, rows: str, line: int, words: str
) -> None:
    """A legal officer mends a cell, and reads no program."""
    found = told({file: rows})
    assert any(f == file and at == line and words in text for f, at, text in found), found


def test_faults_have_no_line_where_nobody_wrote_one() -> None:
    """Empty tables change nothing; a line that is not there cannot be dropped."""
    assert told({}) == [("", 0, "the tables change nothing")]
    known = {"ngay-nghi.csv": "Ngày,Tên\n02/09/2027,Quốc khánh\n"}
    assert told(known) == [("", 0, "the tables change nothing")]
    gone = told({"dien-bien.csv": "Mã,Bỏ\nNoAct,x\n"})
    assert gone == [("", 0, "acts.acts: there is no line 'NoAct' to drop")]


def test_a_holiday_that_is_gone_is_named_at_its_row() -> None:
    """Terms ended by what the day was."""
    days = {"ngay-nghi.csv": "Ngày,Tên\n24/12/2027,Nghỉ\n22/12/2027,Nghỉ\n"}
    assert read(days, BASE, date(2027, 12, 21)).faults == []
    (fault,) = read(days, BASE, date(2027, 12, 22)).faults
    assert fault.place is not None
    assert (fault.place.file, fault.place.line) == ("ngay-nghi.csv", 3)


def test_every_example_is_in_order() -> None:
    """What the empty tables show beside their headings can be written so."""
    for table in TABLES:
        cells = [column.example for column in table.columns]
        rows = ",".join(table.headings) + "\n" + ",".join(f'"{cell}"' for cell in cells) + "\n"
        wrong = [text for _, _, text in told({table.file: rows}) if "cannot be" in text]
        assert wrong == []


def test_a_difference_is_told_in_words() -> None:
    """Both languages; what is new, what goes, and what was."""
    draft = read(FILES, BASE)
    lines = list(difference(BASE, BASE.changed("x", draft.change)))
    en = [translate(line, "en") for line in lines]
    assert "act type “WorkshopHeld” is new: Workshop held" in en
    assert "move of a case “HANDLING / ReferralSent / ” goes" in en
    assert any("valid_to was nothing, will be 31/01/2027" in x for x in en)
    assert "holidays as well: 24/12/2027" in en
    vi = [translate(line, "vi") for line in lines]
    assert "loại diễn biến “WorkshopHeld” là mới: Tổ chức tập huấn" in vi
    told = "cơ quan “Công an tỉnh Bắc Ninh”: Đến hết ngày trước là không có, nay là 31/01/2027"
    assert told in vi
    assert list(difference(BASE, BASE)) == []


def test_a_new_line_without_a_name_is_told_by_what_it_says() -> None:
    """Under the headings of the table that it was written in."""
    rows = "Mã,Có hiệu lực từ,Độ dài,Đơn vị,Loại nguồn,Nguồn,Chắc chắn\n"
    rows += "NOTIFY_LEAD,01/01/2027,2,ngày làm việc,luật,01/2027/NĐ-CP Điều 5,đã xem văn bản\n"
    draft = read({"thoi-han.csv": rows}, BASE)
    assert draft.faults == []
    lines = list(difference(BASE, BASE.changed("x", draft.change)))
    vi = [translate(line, "vi") for line in lines]
    (line,) = (line for line in vi if line.startswith("độ dài thời hạn"))
    assert "từ 01/01/2027” là mới: Độ dài 2; Đơn vị ngày làm việc; Loại luật" in line
    assert codes_in(line) == []
    assert not any("None" in line or ": length" in line for line in vi)


def test_a_simulation_names_what_would_be_otherwise_in_an_open_case() -> None:
    """A move that goes, an act that waits under other rules, a clock of another length."""
    draft = read(
        FILES
        | {
            "dien-bien.csv": "Mã,Vai ký\nCompetenceDetermined,AUTHOR; CHECKER; APPROVER\n",
            "noi-dung.csv": "",
        },
        BASE,
    )
    assert draft.faults == []
    after = BASE.changed("x", draft.change)

    def said(**case: Any) -> list[str]:  # noqa: ANN401 - of a case file
        found = judged_otherwise({"state": "VERIFYING", **case}, BASE, after, DAY)
        return [translate(text, "en") for text in found]

    assert said() == []
    assert said(state="HANDLING") == ["takes no more: Whole case referred"]
    waits = said(pending=[{"act": "CompetenceDetermined"}, {"act": "CaseClosed"}])
    assert waits == ["waits to be signed under other rules: Competence determined"]
    clock = {"code": "NOTIFY_LEAD", "vi": "Thông báo", "en": "notify the lead", "status": "RUNNING"}
    late = said(clocks=[clock | {"started_at": "2027-02-01T08:00:00+07:00"}])
    assert late == ["clock “notify the lead”: None none, then 2 wd"]
    assert said(clocks=[clock | {"started_at": "2026-02-01T08:00:00+07:00"}]) == []
    assert said(clocks=[clock | {"status": "STOPPED", "started_at": "2027-02-01"}]) == []


def test_tables_may_follow_tables() -> None:
    """An edition of a log is changed again by the next one."""
    first = BASE.changed("", read(FILES, BASE).change)
    second = read({"noi-dung.csv": "Diễn biến,Mã,Bỏ\nWorkshopHeld,form,x\n"}, first)
    assert second.faults == []
    registry = a_registry()
    adopt(registry, read(FILES, BASE).change)
    assert registry.edition.digest == first.digest
    adopt(registry, second.change, "2-thu.2")
    assert "form" not in catalogue_of(registry.edition).type("WorkshopHeld").facts
