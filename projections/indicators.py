"""The oversight indicators of regulation.md §9, and the marks that each one counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Indicator:
    """What one figure means.

    The order of the table is the order it is shown in (regulation.md §9).
    """

    code: str
    vi: str
    en: str
    marks: tuple[str, ...]


INDICATORS: Final = (
    Indicator("CORRECTIONS", "Sai sót và đính chính", "errors and corrections", ("CORRECTION",)),
    Indicator(
        "BASIS_MISSING", "Biện pháp thiếu căn cứ", "acts with a missing basis", ("BASIS_MISSING",)
    ),
    Indicator(
        "OVERTURNED",
        "Quyết định bị hủy, sửa khi xem xét lại",
        "decisions overturned",
        ("OVERTURNED",),
    ),
    Indicator(
        "NO_VIOLATION",
        "Kết thúc không vi phạm hoặc không đủ căn cứ",
        "no violation found",
        ("NO_VIOLATION",),
    ),
    Indicator(
        "MEASURE_BEFORE_VERIFICATION",
        "Biện pháp trước khi xác minh",
        "measures before verification",
        ("MEASURE_BEFORE_VERIFICATION",),
    ),
    Indicator(
        "MEASURE_LAPSED",
        "Biện pháp hết hiệu lực vì không xem xét",
        "measures lapsed",
        ("MEASURE_LAPSED",),
    ),
    Indicator(
        "SAME_DECIDER",
        "Xem xét lại bởi chính người quyết định",
        "reviews by the same decider",
        ("SAME_DECIDER",),
    ),
    Indicator(
        "NO_EXPLANATION_HEARD",
        "Xử phạt không nghe giải trình",
        "sanctions with no explanation heard",
        ("NO_EXPLANATION_HEARD",),
    ),
    Indicator(
        "REFERRAL_NOT_ACCEPTED",
        "Chuyển vụ việc chưa được tiếp nhận hoặc bị trả lại",
        "referrals not accepted",
        ("REFERRAL_NOT_ACCEPTED", "REFERRAL_RETURNED"),
    ),
    Indicator(
        "PROPOSAL_UNANSWERED",
        "Đề xuất chưa được trả lời",
        "proposals unanswered",
        ("PROPOSAL_UNANSWERED",),
    ),
    Indicator("OLD_CASES", "Hồ sơ mở quá thời gian định trước", "cases open past a set age", ()),
    Indicator(
        "NO_FUNCTION",
        "Diễn biến của cơ quan không còn chức năng",
        "acts by an agency without the function",
        ("NO_FUNCTION",),
    ),
    Indicator("LATE_ENTRY", "Ghi muộn", "late entries", ("LATE_ENTRY",)),
)
