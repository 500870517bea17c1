"""The command line's words in both languages: one table for headings and columns.

Sentences stand where they are said, as `Text(vi, en)`; not: what the ledger answers, which comes
in the caller's language already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Lang = Literal["vi", "en"]


@dataclass(frozen=True, slots=True)
class Text:
    """One text in both languages."""

    vi: str
    en: str

    def __getitem__(self, lang: Lang) -> str:
        return self.vi if lang == "vi" else self.en


NAMES: Final[dict[str, Text]] = {
    "act": Text("diễn biến", "act"),
    "agency": Text("cơ quan", "agency"),
    "assumption": Text("giả định", "assumption"),
    "author": Text("người ký", "signed by"),
    "case": Text("hồ sơ", "case"),
    "clock": Text("thời hạn", "clock"),
    "clocks": Text("thời hạn", "clock"),
    "channel": Text("kênh", "channel"),
    "code": Text("mã", "code"),
    "complaint": Text("quyền khiếu nại", "complaint"),
    "complaint_paths": Text("quyền khiếu nại", "complaint"),
    "corrected": Text("đính chính", "corrected"),
    "corrections": Text("đính chính", "corrected"),
    "due": Text("đến hạn", "due"),
    "duration": Text("thời gian xử lý", "duration"),
    "effect": Text("hiệu lực", "effect"),
    "field": Text("trường", "field"),
    "finding": Text("kết luận", "finding"),
    "flags": Text("dấu lưu ý", "flags"),
    "from": Text("từ", "from"),
    "functions": Text("chức năng", "functions"),
    "handler": Text("cơ quan", "agency"),
    "index": Text("chỉ mục", "index"),
    "kid": Text("khóa", "key"),
    "kind": Text("loại", "kind"),
    "lead": Text("cơ quan chủ trì", "lead agency"),
    "level": Text("độ mật", "level"),
    "name": Text("tên", "name"),
    "note": Text("ghi chú", "note"),
    "number": Text("số", "number"),
    "occurred": Text("xảy ra lúc", "occurred at"),
    "officer": Text("cán bộ", "officer"),
    "open_sub_processes": Text("việc còn mở", "open sub-processes"),
    "outcome": Text("kết quả", "outcome"),
    "pending": Text("chờ ký", "pending"),
    "period": Text("kỳ", "period"),
    "post": Text("chức danh", "post"),
    "recorded": Text("ghi sổ lúc", "recorded at"),
    "refused": Text("bị từ chối", "refused"),
    "result_act": Text("phiếu kết quả", "result determined"),
    "result": Text("đạt", "ok"),
    "returned": Text("trả lại", "returned"),
    "seq": Text("thứ tự", "seq"),
    "silence": Text("quy chế để trống", "left open"),
    "source": Text("căn cứ", "source"),
    "state": Text("trạng thái", "state"),
    "statements": Text("số bản ký", "statements"),
    "status": Text("tình trạng", "status"),
    "sub_processes": Text("việc", "sub-process"),
    "step": Text("bước", "step"),
    "to": Text("đến", "to"),
    "value": Text("giá trị", "value"),
    "waiting_for": Text("chờ ai ký", "waits for"),
    "verdict": Text("kiểm chữ ký", "verdict"),
    "what": Text("nội dung", "what"),
}


def name(member: str, lang: Lang) -> str:
    """The word for a member or column; the member itself where the table has none."""
    text = NAMES.get(member)
    return text[lang] if text is not None else member.replace("_", " ")


#: How a clock stands, and where a task stands on a worklist.
WORDS: Final[dict[str, Text]] = {
    "ALARM": Text("quá lời nhắc", "reminder passed"),
    "DUE": Text("đến hạn hôm nay", "due today"),
    "EXTENDED": Text("đã gia hạn", "extended"),
    "NEAR": Text("sắp đến hạn", "nearly due"),
    "NONE_STATED": Text("không định hạn", "no limit stated"),
    "OVERDUE": Text("quá hạn", "overdue"),
    "RUNNING": Text("đang tính", "running"),
    "STOPPED": Text("đã xong", "stopped"),
    "cases": Text("hồ sơ đang giữ", "case held"),
    "due": Text("đến hạn", "due"),
    "later": Text("sẽ ký", "to sign later"),
    "overdue": Text("quá hạn", "overdue"),
    "referrals": Text("chờ tiếp nhận", "to accept"),
    "returned": Text("bị trả lại", "returned"),
    "running": Text("đang làm", "to do"),
    "sign": Text("chờ ký", "to sign"),
}


def word(code: str, lang: Lang) -> str:
    """The word for a code of clocks and tasks; the code itself where the table has none."""
    text = WORDS.get(code)
    return text[lang] if text is not None else code
