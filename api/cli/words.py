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
    "author": Text("người ký", "signed by"),
    "case": Text("hồ sơ", "case"),
    "clock": Text("thời hạn", "clock"),
    "code": Text("mã", "code"),
    "due": Text("đến hạn", "due"),
    "effect": Text("hiệu lực", "effect"),
    "field": Text("trường", "field"),
    "flags": Text("dấu lưu ý", "flags"),
    "from": Text("từ", "from"),
    "index": Text("chỉ mục", "index"),
    "kid": Text("khóa", "key"),
    "kind": Text("loại", "kind"),
    "level": Text("độ mật", "level"),
    "name": Text("tên", "name"),
    "note": Text("ghi chú", "note"),
    "number": Text("số", "number"),
    "occurred": Text("xảy ra lúc", "occurred at"),
    "officer": Text("cán bộ", "officer"),
    "open_sub_processes": Text("việc còn mở", "open sub-processes"),
    "outcome": Text("kết quả", "outcome"),
    "post": Text("chức danh", "post"),
    "recorded": Text("ghi sổ lúc", "recorded at"),
    "refused": Text("bị từ chối", "refused"),
    "result": Text("đạt", "ok"),
    "seq": Text("thứ tự", "seq"),
    "source": Text("căn cứ", "source"),
    "state": Text("trạng thái", "state"),
    "statements": Text("số bản ký", "statements"),
    "status": Text("tình trạng", "status"),
    "step": Text("bước", "step"),
    "to": Text("đến", "to"),
    "value": Text("giá trị", "value"),
    "verdict": Text("kiểm chữ ký", "verdict"),
    "what": Text("nội dung", "what"),
}


def name(member: str, lang: Lang) -> str:
    """The word for a member or column; the member itself where the table has none."""
    text = NAMES.get(member)
    return text[lang] if text is not None else member.replace("_", " ")
