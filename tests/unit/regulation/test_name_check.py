"""The name check of reports, measured: whom it sees, whom it leaves alone, and what is refused."""

from __future__ import annotations

from ledger.regulation.acts import text_lint
from ledger.regulation.case.clocks import ClockRun, clock_runs
from ledger.regulation.case_file.flags import standing
from ledger.regulation.decide import raised
from ledger.regulation.edition import load_edition
from ledger.regulation.guards.table import BY_CODE
from tests.builders import Story, a_case_in
from tests.rows import each, of
from tests.unit.regulation.name_texts import HARMLESS, HARMLESS_TRIED, NAMING, NAMING_TRIED

EDITION = load_edition()


def flagged(texts: tuple[str, ...]) -> list[str]:
    """Those in which somebody seems to be named."""
    return [text for text in texts if text_lint.suspects(text, EDITION)]


def test_most_texts_that_name_somebody_are_seen() -> None:
    """Four of five is what is promised; what is missed stands here, so that it is known."""
    assert len(flagged(NAMING_TRIED)) == len(NAMING_TRIED) == 18
    missed = sorted(set(NAMING) - set(flagged(NAMING)))
    assert len(NAMING) == 100
    assert missed == [
        "anh H. ở xã bên",
        "gia đình nhà Hùng Lan đầu ngõ",
        "người có biển số xe 99A-123.45",
    ]


def test_what_names_nobody_is_left_alone() -> None:
    """Temples, schools, brands, streets, sums and numbers of documents raise no flag."""
    assert len(HARMLESS_TRIED) == 18
    assert len(HARMLESS) == 100
    assert flagged(HARMLESS_TRIED) == []
    assert flagged(HARMLESS) == []


def test_no_report_is_refused_for_its_words() -> None:
    """It is taken as it comes, and flagged where it seems to name somebody."""
    for text in each([*NAMING_TRIED, *HARMLESS_TRIED, *NAMING, *HARMLESS]):
        with of(text):
            case = Story()
            case.then("ReportReceived", facts={"summary": text, "place_or_sector": text})
            suspected = bool(text_lint.suspects(text, EDITION))
            assert ("NAME_SUSPECTED" in case.decision.flags) == suspected


def test_a_warning_says_where_and_repeats_nothing() -> None:
    """Positions in characters, in order and apart."""
    text = "Người gọi tên Nguyễn Văn An, số 0912 345 678, ở Bắc Ninh"
    found = text_lint.suspects(text, EDITION)
    assert [(s.code, text[s.start : s.end]) for s in found] == [
        ("PERSONAL_NAME", "Người gọi tên Nguyễn Văn An"),
        ("PHONE", "0912 345 678"),
    ]
    assert "An" not in str([(s.code, s.vi, s.en) for s in found])


def test_a_flagged_report_waits_to_be_dealt_with() -> None:
    """A task from the report on; it ends by putting the text right, or by two who read it."""
    for facts in (
        {"mark": "ERROR", "member": "summary", "was": "Nguyễn Văn An gọi", "now": "Có người gọi"},
        {"mark": "NAMES_NOBODY"},
    ):
        case = Story()
        report = case.then("ReportReceived", facts={"summary": "Nguyễn Văn An gọi"})
        flags = {report.act.act_id: case.decision.flags}
        assert [run.code for run in _waiting(case)] == ["NAME_CLEAR"]
        assert "NAME_SUSPECTED" in dict(standing(flags, case.stream, case.registry, case.now))
        case.then("RecordCorrected", facts=facts, by="hotline", also=["tp"],
                  corrects=report.act.act_id)  # fmt: skip
        assert _waiting(case) == []
        assert "NAME_SUSPECTED" not in dict(standing(flags, case.stream, case.registry, case.now))


def test_a_report_without_a_name_waits_for_nothing() -> None:
    """No task where there is nothing to do."""
    case = Story()
    case.then("ReportReceived", facts={"summary": HARMLESS[0]})
    assert _waiting(case) == []


def test_other_acts_are_refused_only_for_what_is_sure() -> None:
    """What seems a name is flagged; a telephone, an identity number, a mail address is refused.

    So is a full name after a form of address (N11): no temple and no brand is called so.
    """
    case = a_case_in("SCREENING")
    named = case.asks("CompetenceDetermined", facts={"reasons": "Anh Tuấn nêu rõ vụ việc."})
    assert BY_CODE["NO_PERSON_IDENTIFIER"].check(named) is None
    assert BY_CODE["NAME_SUSPECTED"].check(named) is not None
    assert "NAME_SUSPECTED" in raised(named)
    for text in ("gọi 0912 345 678", "CCCD 027089001234", "thư lan88@gmail.com",
                 "Theo bà Trần Thị Ví Dụ phản ánh"):  # fmt: skip
        sure = case.asks("CompetenceDetermined", facts={"reasons": text})
        assert BY_CODE["NO_PERSON_IDENTIFIER"].check(sure) is not None
    for text in ("số tiền 0 912 345 678 đồng", "văn bản số 0912345678/CV", "mã 000.123.456.789",
                 "Trường Tiểu học Nguyễn Văn Cừ", "đền thờ ông Nguyễn Văn Cừ"):  # fmt: skip
        unsure = case.asks("CompetenceDetermined", facts={"reasons": text})
        assert BY_CODE["NO_PERSON_IDENTIFIER"].check(unsure) is None


def _waiting(case: Story) -> list[ClockRun]:
    runs = clock_runs(case.stream, case.registry, case.now)
    return [run for run in runs if run.code == "NAME_CLEAR" and run.live]
