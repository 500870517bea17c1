"""The oversight indicators of regulation.md §9, and the marks that each one counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Indicator:
    """What one figure means.

    The order of the table is the order it is shown in (regulation.md §9).

    Attributes:
        code: Its stable name.
        vi: Title in Vietnamese.
        en: Title in English.
        marks: Codes that are added up; none: open cases past a set age.
        means_vi: What exactly is counted, in Vietnamese; `{days}` is the age set for a case.
        means_en: The same in English.
    """

    code: str
    vi: str
    en: str
    marks: tuple[str, ...]
    means_vi: str
    means_en: str


INDICATORS: Final = (
    Indicator(
        "CORRECTIONS",
        "Sai sót và đính chính",
        "errors and corrections",
        ("CORRECTION",),
        "lần đính chính hồ sơ hoặc cải chính công khai, không tính việc bổ sung xác nhận bằng văn"
        " bản",
        "corrections of a record or in public; confirmations in writing are left out",
    ),
    Indicator(
        "BASIS_MISSING",
        "Biện pháp thiếu căn cứ",
        "acts with a missing basis",
        ("BASIS_MISSING",),
        "diễn biến mang dấu lưu ý BASIS_MISSING khi có hiệu lực",
        "acts flagged BASIS_MISSING when they took effect",
    ),
    Indicator(
        "OVERTURNED",
        "Quyết định bị hủy, sửa khi xem xét lại",
        "decisions overturned",
        ("OVERTURNED",),
        "kết quả xem xét lại là hủy, sửa, và quyết định xử phạt bị hủy ngoài việc xem xét lại",
        "reviews that overturned, and sanctions annulled without a review",
    ),
    Indicator(
        "NO_VIOLATION",
        "Kết thúc không vi phạm hoặc không đủ căn cứ",
        "no violation found",
        ("NO_VIOLATION",),
        "hồ sơ kết thúc với kết quả không vi phạm hoặc không đủ căn cứ; là kết quả bình thường",
        "cases closed with no violation or not enough to conclude: an ordinary result",
    ),
    Indicator(
        "MEASURE_BEFORE_VERIFICATION",
        "Biện pháp trước khi xác minh",
        "measures before verification",
        ("MEASURE_BEFORE_VERIFICATION",),
        "biện pháp có hiệu lực khi chưa có kết luận xác minh",
        "measures in effect before a verification was concluded",
    ),
    Indicator(
        "MEASURE_LAPSED",
        "Biện pháp hết hiệu lực vì không xem xét",
        "measures lapsed",
        ("MEASURE_LAPSED",),
        "biện pháp đã qua ngày phải xem xét mà không ai xác nhận",
        "measures whose review date passed with nobody confirming them",
    ),
    Indicator(
        "SAME_DECIDER",
        "Xem xét lại bởi chính người quyết định",
        "reviews by the same decider",
        ("SAME_DECIDER",),
        "lần xem xét lại do chính người đã quyết định ban đầu thực hiện",
        "reviews made by whoever had made the decision",
    ),
    Indicator(
        "NO_EXPLANATION_HEARD",
        "Xử phạt không nghe giải trình",
        "sanctions with no explanation heard",
        ("NO_EXPLANATION_HEARD",),
        "quyết định xử phạt có hiệu lực khi chưa nghe giải trình",
        "sanctions that took effect with no explanation heard",
    ),
    Indicator(
        "REFERRAL_NOT_ACCEPTED",
        "Chuyển vụ việc chưa được tiếp nhận hoặc bị trả lại",
        "referrals not accepted",
        ("REFERRAL_NOT_ACCEPTED", "REFERRAL_RETURNED"),
        "lần chuyển còn chờ tiếp nhận và lần chuyển bị trả lại",
        "referrals that still wait to be accepted, and those sent back",
    ),
    Indicator(
        "PROPOSAL_UNANSWERED",
        "Đề xuất chưa được trả lời",
        "proposals unanswered",
        ("PROPOSAL_UNANSWERED",),
        "đề xuất gỡ bỏ, đề nghị lập hội đồng và tờ trình xin chỉ đạo còn chờ trả lời",
        "take-down and council proposals and submissions that still wait for an answer",
    ),
    Indicator(
        "OLD_CASES",
        "Hồ sơ mở quá thời gian định trước",
        "cases open past a set age",
        (),
        "hồ sơ còn mở quá {days} ngày vào lúc xem, tiếp nhận bất cứ khi nào",
        "cases open for more than {days} days when looked at, whenever they came in",
    ),
    Indicator(
        "NO_FUNCTION",
        "Diễn biến của cơ quan không còn chức năng",
        "acts by an agency without the function",
        ("NO_FUNCTION",),
        "diễn biến mà theo danh bạ hiện nay cơ quan không có chức năng đó vào ngày ấy",
        "acts whose agency, by the registry as it stands, had no such function that day",
    ),
    Indicator(
        "LATE_ENTRY",
        "Ghi muộn",
        "late entries",
        ("LATE_ENTRY",),
        "diễn biến được ghi muộn và nêu lý do ghi muộn",
        "acts entered late, with their reason",
    ),
)
