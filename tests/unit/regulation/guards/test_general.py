"""Guards of every act and of every case act, each alone: form, day, hands and words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from keys.keyring import KeyRecord
from ledger.errors import Rejected
from ledger.regulation.case.registers import KINDS
from ledger.regulation.case.state import apply
from ledger.regulation.decide import decide
from ledger.regulation.edition import first_edition
from ledger.regulation.guards.table import GUARDS, guards_in
from tests.builders import (
    DOCUMENT,
    REPORTER,
    Story,
    a_basis,
    a_case_in,
    an_id,
    at,
    breaks,
    hire,
    holds,
    officer,
    signed,
)


def test_facts_that_do_not_fit_are_refused_with_a_pointer_each() -> None:
    """acts.json: missing, unknown, mistyped and outside an enum, all at once."""
    case = Story()
    holds("FACTS_INVALID", case.asks("ReportReceived"))
    bad = {"register_no": None, "petition_kind": "KHAC", "identity_given": "yes", "more": 1}
    asked = case.asks("ReportReceived", facts=bad)
    for member in bad:
        breaks("FACTS_INVALID", asked, f"/facts/{member}")


def test_an_act_without_a_basis_is_refused() -> None:
    """G1: also where a payload comes past the parser."""
    asked = Story().asks("ReportReceived")
    holds("BASIS_PRESENT", asked)
    breaks("BASIS_PRESENT", replace(asked, act=replace(asked.act, basis=())), "/basis")


def test_law_is_cited_as_it_stood_on_the_day() -> None:
    """G2: Decree 72/2013 on 10/01/2025, the 2018 Cybersecurity Law on 02/7/2026."""
    cited = [{"instrument": "72/2013/NĐ-CP", "article": "5", "role": "SUBSTANCE"}]
    early, late = Story(start=at("2024-12-24 09:00")), Story(start=at("2025-01-10 09:00"))
    holds("INSTRUMENT_IN_FORCE", early.asks("ReportReceived", basis=cited))
    params = breaks("INSTRUMENT_IN_FORCE", late.asks("ReportReceived", basis=cited), "/basis/0")
    assert params["instrument"] == "72/2013/NĐ-CP"
    assert params["date"] == "10/01/2025"
    security = [{"instrument": "24/2018/QH14", "article": "8", "role": "SUBSTANCE"}]
    after = Story(start=at("2026-07-02 09:00"))
    breaks("INSTRUMENT_IN_FORCE", after.asks("ReportReceived", by="ncv", basis=security))


def test_an_abolished_agency_acts_no_more() -> None:
    """G3: an act by Sở TT&TT dated 05/3/2025."""
    holds("AGENCY_EXISTS", Story(start=at("2025-02-28 09:00")).asks("ReportReceived"))
    late = Story(start=at("2025-03-05 09:00"))
    breaks("AGENCY_EXISTS", late.asks("ReportReceived"), "/agency")


def test_an_agency_does_what_its_functions_allow() -> None:
    """4.3; G3: the lead refers to the ministry, the health department does not."""
    case = a_case_in("HANDLING")
    holds("AGENCY_HOLDS_FUNCTION", case.asks("TakedownProposed"))
    params = breaks("AGENCY_HOLDS_FUNCTION", case.asks("TakedownProposed", by="yt"))
    assert "Thông tin và Truyền thông" in params["competent"]


def test_nothing_is_addressed_to_an_agency_that_is_not_there() -> None:
    """G3: its successor is; sealed tokens pass."""
    late = Story(start=at("2025-03-05 09:00"))
    holds("ADDRESSEE_EXISTS", late.asks("ReportReceived", by="scv", to=["tw.bvhttdl", REPORTER]))
    asked = late.asks("ReportReceived", by="scv", to=["tw.btttt"])
    breaks("ADDRESSEE_EXISTS", asked, "/to/0")


def test_who_does_not_hold_the_post_does_not_sign() -> None:
    """Added: on the day of the act, in that agency, in that capacity."""
    case = a_case_in("SCREENING")
    holds("OFFICER_IN_POST", case.asks("CompetenceDetermined"))
    breaks("OFFICER_IN_POST", case.asks("CompetenceDetermined", capacity="TM"), "/capacity")
    breaks("OFFICER_IN_POST", case.asks("CompetenceDetermined", post="giam-doc"))
    breaks("OFFICER_IN_POST", case.asks("CompetenceDetermined", also=["hct"]))


def test_one_person_does_not_propose_and_approve() -> None:
    """G8: nor under a second id."""
    case = a_case_in("SCREENING")
    holds("DISTINCT_SIGNERS", case.asks("CompetenceDetermined"))
    breaks("DISTINCT_SIGNERS", case.asks("CompetenceDetermined", also=["cv"]), "/signers")
    for alias in ("cv", "gd"):
        hire(case.registry, alias, person=an_id("one person"))
    breaks("DISTINCT_SIGNERS", case.asks("CompetenceDetermined"))


def test_signers_come_in_order_and_in_number() -> None:
    """formats.md §3: a class 2 act has its approver, and nobody signs before their turn."""
    case = a_case_in("SCREENING")
    act = case.act("CompetenceDetermined")
    holds("SIGNER_ORDER", case.question(act))
    assert breaks("SIGNER_ORDER", case.question(act, at=1))["roles_en"] == "author, approver"
    breaks("SIGNER_ORDER", case.asks("CompetenceDetermined", also=[]))
    apply(case.stream, signed(act, case.stream)[0])
    holds("SIGNER_ORDER", case.question(act, at=1))


def test_a_back_dated_act_says_why() -> None:
    """Added: more than a day after it happened."""
    case = Story()
    asked = case.asks("ReportReceived")
    holds("LATE_REASON", asked)
    late = replace(asked, iat=asked.iat + 25 * 3600)
    assert breaks("LATE_REASON", late, "/late_reason")["limit"] == "24 giờ"
    reasoned = case.asks("ReportReceived", late_reason="Mất điện trong ca trực")
    holds("LATE_REASON", replace(reasoned, iat=reasoned.iat + 25 * 3600))


def test_the_future_is_not_recorded() -> None:
    """Added: five minutes of another clock, no more."""
    asked = Story().asks("ReportReceived")
    holds("OCCURRED_IN_FUTURE", replace(asked, iat=asked.iat - 240))
    breaks("OCCURRED_IN_FUTURE", replace(asked, iat=asked.iat - 3600), "/occurred_at")


def test_an_act_dated_before_what_it_follows_shows() -> None:
    """Added: if it is wrong, it is corrected."""
    case = a_case_in("SCREENING")
    holds("OCCURRED_OUT_OF_ORDER", case.asks("CompetenceDetermined"))
    early = case.asks("CompetenceDetermined", when=case.now - timedelta(hours=2))
    breaks("OCCURRED_OUT_OF_ORDER", early)


def test_a_reference_stays_in_its_case() -> None:
    """Added: to an effective act of an allowed type."""
    case = a_case_in("ASSESSING")
    holds("REFERS_TO_OTHER_CASE", case.asks("HandlingDecided"))
    elsewhere = {"finding_ref": an_id("an act of another case")}
    asked = case.asks("HandlingDecided", facts=elsewhere)
    breaks("REFERS_TO_OTHER_CASE", asked, "/facts/finding_ref")
    wrong = {"finding_ref": case.stream.intake[0].act.act_id}
    breaks("REFERS_TO_OTHER_CASE", case.asks("HandlingDecided", facts=wrong))


def test_an_entry_is_corrected_and_never_edited() -> None:
    """G13: neither by the same id over other bytes nor by another history."""
    case = a_case_in("SCREENING")
    asked = case.asks("CompetenceDetermined")
    holds("CORRECT_NOT_EDIT", asked)
    stood = case.stream.intake[0].act.act_id
    breaks("CORRECT_NOT_EDIT", case.asks("ReportReceived", act_id=stood), "/act_id")
    breaks("CORRECT_NOT_EDIT", replace(asked, seq=1))
    breaks("CORRECT_NOT_EDIT", replace(asked, prev="another history"))


@pytest.mark.parametrize(
    "text",
    [
        "Theo bà Trần Thị Ví Dụ phản ánh, trang này là giả.",
        "Người báo tin có số điện thoại 0912 345 678 đã gọi.",
        "Liên hệ qua hộp thư vidu.nguoidan@gmail.com để hỏi.",
    ],
)
def test_a_persons_name_or_number_stays_out_of_free_text(text: str) -> None:
    """G14: tokens are the only place for a person; posts and offices pass."""
    case = Story()
    holds("NO_PERSON_IDENTIFIER", case.asks("DetectionRecorded"))
    holds("NAME_SUSPECTED", case.asks("DetectionRecorded"))
    named = case.asks("DetectionRecorded", facts={"summary": text})
    breaks("NAME_SUSPECTED", named, "/facts/summary")
    breaks("NO_PERSON_IDENTIFIER", named, "/facts/summary")


def test_words_that_prejudge_show_before_a_finding() -> None:
    """Added (regulation.md §9.1): quoted they are a quotation."""
    early, found = a_case_in("SCREENING"), a_case_in("ASSESSING")
    harsh = {"reasons": "Kẻ xấu tung tin xấu, độc trên mạng."}
    breaks("NEUTRAL_WORDS", early.asks("CompetenceDetermined", facts=harsh))
    quoted = {"reasons": "Nội dung được phản ánh là “tin xấu, độc” theo Quy chế."}
    holds("NEUTRAL_WORDS", early.asks("CompetenceDetermined", facts=quoted))
    holds("NEUTRAL_WORDS", found.asks("HandlingDecided", facts=harsh))
    before = early.asks("CompetenceDetermined", facts=harsh)
    act = replace(before.act, occurred_at=at("2023-03-20 08:00"))  # a day before the list begins
    holds("NEUTRAL_WORDS", replace(before, act=act))


def test_above_ordinary_nothing_is_public() -> None:
    """4.4."""
    mat = Story(start=at("2026-04-13 15:00"), level="mat").asks("ClassificationAssigned")
    holds("CIRCULATION_LEVEL", mat)
    public = replace(mat.act, circulation="PUBLIC")
    breaks("CIRCULATION_LEVEL", replace(mat, act=public), "/circulation")
    holds("CIRCULATION_LEVEL", Story().asks("ReportReceived", circulation="PUBLIC"))


def test_secret_text_in_an_open_field_is_refused() -> None:
    """G11; 4.4: a stamp or a secret register mark stops the entry."""
    holds("SECRET_MARK_IN_TEXT", Story().asks("ReportReceived"))
    stamped = {"summary": "Tài liệu đóng dấu TỐI MẬT kèm theo phản ánh."}
    breaks("SECRET_MARK_IN_TEXT", Story().asks("ReportReceived", facts=stamped))


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ("Tài liệu tuyệt mật của cấp trên cho thấy việc này.", True),
        ("Theo công văn mật đã nhận, trang này là giả mạo.", True),
        ("Một văn bản Tối mật nêu việc này.", True),
        ("Trang này thu thập mật khẩu và dữ liệu được bảo mật.", False),
        ("Người gọi nói đây là chuyện bí mật của gia đình.", False),
        ("Hồ sơ mật độ giao thông quanh chợ đông.", False),
    ],
)
def test_a_level_in_small_letters_is_a_marking_too(said: str, refused: bool) -> None:  # noqa: FBT001
    """Q31, D50; G11: but whoever reports may say what they heard, and is taken in."""
    case = a_case_in("SCREENING")
    asked = case.asks("CompetenceDetermined", facts={"reasons": said})
    (breaks if refused else holds)("SECRET_MARK_IN_TEXT", asked)
    holds("SECRET_MARK_IN_TEXT", Story().asks("ReportReceived", facts={"summary": said}))
    first = guards_in(first_edition()).by_code["SECRET_MARK_IN_TEXT"]
    assert first.check(asked) is None


def test_an_act_in_the_wrong_state_is_refused() -> None:
    """regulation.md §6: and the officer hears what may be recorded instead."""
    case = a_case_in("SCREENING")
    holds("STATE_ILLEGAL", case.asks("CompetenceDetermined"))
    params = breaks("STATE_ILLEGAL", case.asks("HandlingDecided"))
    assert set(params) >= {"state", "act", "allowed"}
    breaks("STATE_ILLEGAL", case.asks("CompetenceDetermined", disposition=None))


def test_a_sub_process_takes_its_steps_in_order() -> None:
    """regulation.md §6: what was lifted is not confirmed any more."""
    case = a_case_in("HANDLING")
    measure = case.then("TechnicalMeasureOrdered", by="tp")
    named: dict[str, Any] = {"by": "cv", "also": ["pgd"], "facts": {"measure": measure.act.act_id}}
    holds("SUB_PROCESS_ILLEGAL", case.asks("MeasureReviewed", **named))
    case.then("MeasureLifted", facts={"measure": measure.act.act_id})
    breaks("SUB_PROCESS_ILLEGAL", case.asks("MeasureReviewed", **named))


def test_an_identity_is_sealed_before_anything_else() -> None:
    """Added: by the very next act."""
    case = Story()
    case.then("ReportReceived", facts={"identity_given": True, "reporter": REPORTER})
    breaks("IDENTITY_SEALED_FIRST", case.asks("CaseRegistered"))
    holds("IDENTITY_SEALED_FIRST", case.asks("ReporterIdentitySealed"))
    case.then("ReporterIdentitySealed")
    holds("IDENTITY_SEALED_FIRST", case.asks("CaseRegistered"))


def test_the_cast_signs_with_lawful_bases() -> None:
    """The builders' acts are lawful, so that a refusal is the guard's and not theirs."""
    case = a_case_in("ARCHIVED")
    assert case.stream.state == "ARCHIVED"
    assert officer("cv") in case.stream.effective()[1].signed_by("AUTHOR")
    assert a_basis()[0]["instrument"] == "90/QĐ-UBND"


def test_a_signature_that_is_disputed_by_now_brings_nothing_into_effect() -> None:
    """Four eyes: of two signatures one may have been made by whoever took the key."""
    case = a_case_in("ASSESSING")
    act = case.act("HandlingDecided")
    author = signed(act, case.stream)[0]
    entry = apply(case.stream, author)
    assert (entry.status, author.recorded_at is None) == ("pending", False)
    taken_at = author.recorded_at or case.now
    holds("SIGNATURES_STAND", case.question(act, 1))
    key = KeyRecord(author.officer, author.kid, {}, "SOFTWARE", taken_at, None, 0)
    lines = case.registry.keyring._lines
    for since, stands in ((timedelta(0), False), (timedelta(hours=-1), False),
                          (timedelta(milliseconds=1), True)):  # fmt: skip
        lines[author.kid] = replace(key, invalid_from=taken_at + since, revoked_index=9)
        if stands:
            holds("SIGNATURES_STAND", case.question(act, 1))
        else:
            params = breaks("SIGNATURES_STAND", case.question(act, 1), "/signers/0")
            assert params["post"] == act.signers[0].post


def test_an_addressee_that_has_ended_is_told_with_its_successor() -> None:
    """G3: whoever writes to the old ministry hears where it went, or that nobody knows."""
    case = a_case_in("VERIFYING")
    case.now = at("2025-03-05 16:00")
    told = breaks("ADDRESSEE_EXISTS", case.asks("VerificationRequested", to=["tw.btttt"]))
    assert told["successor"] == "Bộ Văn hóa, Thể thao và Du lịch"
    asked = case.asks("VerificationRequested", to=["nowhere.at-all"])
    assert breaks("ADDRESSEE_EXISTS", asked)["successor"] == "chưa ghi nhận cơ quan kế thừa"


def test_what_comes_first_is_told_and_nothing_else() -> None:
    """Only steps on the way: after closing a finding needs the case reopened, or reviewed."""
    told = breaks("STATE_ILLEGAL", a_case_in("CLOSED").asks("VerificationConcluded"))
    assert told["allowed"] == "Mở lại hồ sơ; Mở xem xét lại"
    told = breaks("STATE_ILLEGAL", a_case_in("RECEIVED").asks("HandlingDecided"))
    assert told["allowed"] == "Lập hồ sơ vụ việc"


def test_the_state_is_named_before_what_an_act_refers_to() -> None:
    """What cannot be recorded in any case is not mended by another reference."""
    codes = [guard.code for guard in GUARDS]
    assert codes.index("STATE_ILLEGAL") < codes.index("REFERS_TO_OTHER_CASE")
    with pytest.raises(Rejected) as refused:
        decide(a_case_in("CLOSED").asks("HandlingDecided", facts={"finding_ref": an_id("none")}))
    assert refused.value.guard == "STATE_ILLEGAL"


def test_a_document_that_cannot_be_right_is_flagged_and_recorded() -> None:
    """Added: its number, its date, and another document of the case by the same number."""
    case, wrote = a_case_in("VERIFYING"), {**DOCUMENT, "number": "345", "date": "2024-06-04"}
    for number in ("345", "12a", "BBTH-01", "90/QĐ-UBND"):
        asked = case.asks("VerificationRequested", document={**wrote, "number": number})
        holds("DOCUMENT_DOUBTED", asked)
    for wrong, pointer in (
        ({"number": "Bà Trần Thị Hoa"}, "/document/number"),
        ({"date": "2024-07-30"}, "/document/date"),
        ({"date": "2019-06-04"}, "/document/date"),
    ):
        asked = case.asks("VerificationRequested", document={**wrote, **wrong})
        breaks("DOCUMENT_DOUBTED", asked, pointer)
    case.then("VerificationRequested", document=wrote)
    holds("DOCUMENT_DOUBTED", case.asks("VerificationRequested", document=wrote))
    other = {**wrote, "abstract": "Một văn bản khác hẳn"}
    asked = case.asks("VerificationRequested", document=other)
    breaks("DOCUMENT_DOUBTED", asked, "/document/number")


@pytest.mark.parametrize("name", ["ReportReceived", "DetectionRecorded", "CaseRegistered"])
def test_no_case_begins_and_no_number_is_given_above_ordinary(name: str) -> None:
    """Line 13: a case and its number are of the ordinary log, and the refusal says so."""
    assert name in KINDS
    above = Story(f"case/{an_id('above')}", start=at("2026-10-20 09:00"), level="mat")
    params = breaks("STATE_ILLEGAL", above.asks(name, by="ncv", also=[]))
    assert params["allowed"].startswith("lập hồ sơ ở sổ thường")
    assert params["allowed_en"].startswith("the case is registered in the ordinary log")
