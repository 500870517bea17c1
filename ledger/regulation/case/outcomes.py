"""How a case can end, in words (regulation.md §6, ResultDetermined; closing reasons too)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

OUTCOMES: Final[Mapping[str, tuple[str, str]]] = {
    "NO_VIOLATION": ("Không vi phạm", "no violation"),
    "INSUFFICIENT_BASIS": ("Không đủ căn cứ để kết luận", "not enough to conclude"),
    "HANDLED": ("Đã xử lý", "handled"),
    "HANDLED_REMOVED": ("Đã xử lý: nội dung đã được gỡ", "handled: the content was removed"),
    "HANDLED_CORRECTED": ("Đã xử lý: nội dung đã được sửa", "handled: the content was corrected"),
    "SANCTIONED": ("Xử phạt vi phạm hành chính", "sanctioned"),
    "REMINDED": ("Nhắc nhở", "reminded"),
    "REFERRED_RESULT": ("Cơ quan nhận chuyển đã có kết quả", "result of the body referred to"),
    "REFERRED_FINAL": ("Đã chuyển, kết thúc tại đây", "referred, closed here"),
    "CRIMINAL_REFERRED": ("Chuyển cơ quan điều tra", "referred to the investigating body"),
    "OVERTURNED": ("Quyết định bị hủy khi xem xét lại", "overturned on review"),
    "DUPLICATE": ("Trùng với hồ sơ khác", "the same as another case"),
    "OUT_OF_SCOPE": ("Ngoài phạm vi quy chế", "outside the regulation"),
}


def words(outcome: str | None) -> tuple[str | None, str | None]:
    """Vietnamese and English; the code itself where the table has none."""
    return (None, None) if outcome is None else OUTCOMES.get(outcome, (outcome, outcome))
