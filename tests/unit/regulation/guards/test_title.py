"""What a case is about: one neutral line that names nobody, said at registration and put right."""

from __future__ import annotations

import pytest

from ledger.regulation.acts.catalogue import catalogue_of
from ledger.regulation.case_file.render import case_file
from ledger.regulation.edition import shipped
from projections.views import search_terms
from projections.views.statistics.counted_events import counted_events_of
from tests.builders import Story, a_case_in, breaks, holds

TITLE = "Phản ánh về trang web giả mạo bệnh viện"


def registered(title: str = TITLE) -> Story:
    """A case that says what it is about."""
    case = a_case_in("RECEIVED")
    case.then("CaseRegistered", facts={"title": title})
    return case


def shown(case: Story) -> object:
    """The title in the file of a case."""
    file = case_file(case.stream, {}, case.registry, case.now)
    return file.get("title")


def test_a_title_is_short_and_names_nobody() -> None:
    """It stands in every list, so a name in it is refused and not flagged."""
    case = a_case_in("RECEIVED")
    holds("TITLE_NAMES_NOBODY", case.asks("CaseRegistered"))
    for title in (TITLE, "x" * 200):
        holds("TITLE_NAMES_NOBODY", case.asks("CaseRegistered", facts={"title": title}))
    for title in ("Ông Nguyễn Văn Bình bị phản ánh", "x" * 201, "Hai\ndòng", " "):
        asked = case.asks("CaseRegistered", facts={"title": title})
        breaks("TITLE_NAMES_NOBODY", asked, "/facts/title")


@pytest.mark.parametrize("member", ["title", "/facts/title", "facts.title"])
def test_a_title_is_put_right_by_a_correction_and_stays_one(member: str) -> None:
    """As any member that may be corrected; a name does not come in by that way either."""
    case = registered()
    assert shown(case) == TITLE
    entry = case.stream.last("CaseRegistered")
    assert entry is not None
    said = {"mark": "ERROR", "member": member, "was": TITLE, "now": "Phản ánh về trang bán vé giả"}
    named = {"corrects": entry.act.act_id}
    asked = case.asks("RecordCorrected", facts=said, **named)
    holds("TITLE_NAMES_NOBODY", asked)
    holds("MEMBER_CORRECTABLE", asked)
    for wrong in ("bà Trần Thị Hoa bán vé giả", "y" * 201):
        breaks(
            "TITLE_NAMES_NOBODY",
            case.asks("RecordCorrected", facts={**said, "now": wrong}, **named),
            "/facts/now",
        )
    case.then("RecordCorrected", facts=said, **named)
    assert shown(case) == said["now"]
    words = search_terms.vector(search_terms.searchable(case.stream, case.registry))
    assert " ve " in f" {words} "


def test_a_case_that_says_none_has_none_in_its_file() -> None:
    """Its file is as files before the title were."""
    case = a_case_in("SCREENING")
    assert "title" not in case_file(case.stream, {}, case.registry, case.now)
    number = {"mark": "ERROR", "member": "case_number", "was": "2024/0187", "now": "2024/0188"}
    entry = case.stream.last("CaseRegistered")
    assert entry is not None
    asked = case.asks("RecordCorrected", facts=number, corrects=entry.act.act_id)
    holds("TITLE_NAMES_NOBODY", asked)


@pytest.mark.parametrize("member", ["title", "/facts/title", "facts.title"])
def test_a_case_without_a_title_is_given_one_later(member: str) -> None:
    """By whoever holds it, once; no name comes in by that way, and what stands is put right."""
    case = a_case_in("SCREENING")
    entry = case.stream.last("CaseRegistered")
    assert entry is not None
    named = {"corrects": entry.act.act_id}
    said = {"mark": "COMPLETED", "member": member, "now": TITLE}
    for guard in ("MARK_NEEDS_MEMBER", "MEMBER_CORRECTABLE", "TITLE_NAMES_NOBODY"):
        holds(guard, case.asks("RecordCorrected", facts=said, **named))
    for guard, wrong, pointer in (
        ("TITLE_NAMES_NOBODY", {"now": "bà Trần Thị Hoa bán vé giả"}, "/facts/now"),
        ("MARK_NEEDS_MEMBER", {"now": " "}, "/facts/now"),
        ("MARK_NEEDS_MEMBER", {"was": "x"}, "/facts/was"),
        ("MARK_NEEDS_MEMBER", {"mark": "ERROR"}, "/facts/was"),
        ("MEMBER_CORRECTABLE", {"member": "territory"}, "/facts/member"),
        ("MEMBER_CORRECTABLE", {"member": "handling_agency"}, "/facts/member"),
        ("MEMBER_CORRECTABLE", {"member": "."}, "/facts/member"),
    ):
        asked = case.asks("RecordCorrected", facts={**said, **wrong}, **named)
        breaks(guard, asked, pointer)
    case.then("RecordCorrected", facts=said, **named)
    assert shown(case) == TITLE
    again = case.asks("RecordCorrected", facts=said, **named)
    breaks("MEMBER_CORRECTABLE", again, "/facts/member")
    right = {"mark": "ERROR", "member": member, "was": TITLE, "now": "Phản ánh về trang bán vé"}
    case.then("RecordCorrected", facts=right, **named)
    assert shown(case) == right["now"]
    words = search_terms.vector(search_terms.searchable(case.stream, case.registry))
    assert " ve " in f" {words} "
    marks = counted_events_of(case.stream, (), case.registry)
    assert [mark.code for mark in marks if mark.code == "CORRECTION"] == ["CORRECTION"]


def test_a_title_is_given_by_the_rules_that_let_it_alone() -> None:
    """The first edition knows no such mark: nothing of what it judged reads otherwise."""
    kind = catalogue_of(shipped("1")).types["CaseRegistered"]
    assert kind.completable == {}
