"""The command line's words in both languages: one table for headings and columns.

Sentences stand where they are said, as `Text(vi, en)`; not: what the ledger answers, which comes
in the caller's language already.
"""

from __future__ import annotations

from typing import Final

from api.texts.text import Lang, Text

NAMES: Final[dict[str, Text]] = {
    "act": Text("diễn biến", "act"),
    "acts": Text("số diễn biến", "acts"),
    "alg": Text("thuật toán", "algorithm"),
    "alleged_limb": Text("căn cứ được nêu", "limbs alleged"),
    "at": Text("lúc", "at"),
    "assumptions": Text("giả định", "assumption"),
    "agency": Text("cơ quan", "agency"),
    "assumption": Text("giả định", "assumption"),
    "author": Text("người ký", "signed by"),
    "case": Text("hồ sơ", "case"),
    "case_number": Text("số hồ sơ", "case number"),
    "cases": Text("số hồ sơ", "cases"),
    "count": Text("số lượng", "count"),
    "custody": Text("nơi giữ", "custody"),
    "clock": Text("thời hạn", "clock"),
    "clocks": Text("thời hạn", "clock"),
    "channel": Text("kênh", "channel"),
    "code": Text("mã", "code"),
    "complaint": Text("quyền khiếu nại", "complaint"),
    "complaint_paths": Text("quyền khiếu nại", "complaint"),
    "corrected": Text("đính chính", "corrected"),
    "corrections": Text("đính chính", "corrected"),
    "days": Text("số ngày", "days"),
    "due": Text("đến hạn", "due"),
    "effect": Text("hiệu lực", "effect"),
    "error": Text("lỗi", "error"),
    "event": Text("việc", "event"),
    "field": Text("trường", "field"),
    "file": Text("tệp", "file"),
    "finders": Text("nơi phát hiện", "found by"),
    "finding": Text("kết luận", "finding"),
    "flags": Text("dấu lưu ý", "flags"),
    "from": Text("từ", "from"),
    "functions": Text("chức năng", "functions"),
    "genesis": Text("mã gốc", "genesis digest"),
    "handler": Text("cơ quan", "agency"),
    "index": Text("chỉ mục", "index"),
    "kid": Text("khóa", "key"),
    "kind": Text("loại", "kind"),
    "lag": Text("còn thiếu", "behind"),
    "lag_s": Text("chậm (giây)", "seconds behind"),
    "lead": Text("cơ quan chủ trì", "lead agency"),
    "level": Text("độ mật", "level"),
    "name": Text("tên", "name"),
    "median_days": Text("số ngày trung vị đến kết quả", "median days to a result"),
    "note": Text("ghi chú", "note"),
    "now": Text("giờ của sổ", "ledger's time"),
    "number": Text("số", "number"),
    "occurred": Text("xảy ra lúc", "occurred at"),
    "officer": Text("cán bộ", "officer"),
    "officers": Text("cán bộ đã ký", "who has signed"),
    "opened_at": Text("tiếp nhận lúc", "came in at"),
    "origin": Text("sổ", "origin"),
    "open_sub_processes": Text("việc còn mở", "open sub-processes"),
    "outcome": Text("kết quả", "outcome"),
    "overturned_by_basis": Text("bị hủy, sửa theo căn cứ", "overturned by ground"),
    "pending": Text("chờ ký", "pending"),
    "period": Text("tháng tiếp nhận", "month of intake"),
    "position": Text("đến chỉ mục", "position"),
    "post": Text("chức danh", "post"),
    "recorded": Text("ghi sổ lúc", "recorded at"),
    "records": Text("số bản ghi", "records"),
    "refused": Text("bị từ chối", "refused"),
    "register_no": Text("số tiếp nhận", "intake number"),
    "registered_at": Text("lập hồ sơ lúc", "registered at"),
    "rehearsal": Text("sổ diễn tập", "rehearsal"),
    "reporters": Text("số phản ánh", "reports"),
    "result_act": Text("phiếu kết quả", "result determined"),
    "result": Text("đạt", "ok"),
    "returned": Text("trả lại", "returned"),
    "seq": Text("thứ tự", "seq"),
    "silence": Text("quy chế để trống", "left open"),
    "silences": Text("quy chế để trống", "left open"),
    "size": Text("số bản ghi đã chốt", "records sealed"),
    "source": Text("căn cứ", "source"),
    "state": Text("trạng thái", "state"),
    "state_since": Text("trạng thái có từ", "in this state since"),
    "statements": Text("số bản ký", "statements"),
    "status": Text("tình trạng", "status"),
    "sub_processes": Text("việc", "sub-process"),
    "step": Text("bước", "step"),
    "to": Text("đến", "to"),
    "urgency": Text("mức độ khẩn", "urgency"),
    "value": Text("giá trị", "value"),
    "verified": Text("kết luận", "verdict"),
    "view": Text("khung nhìn", "view"),
    "waiting_for": Text("chờ ai ký", "waits for"),
    "verdict": Text("kiểm chữ ký", "verdict"),
    "what": Text("nội dung", "what"),
}


def name(member: str, lang: Lang) -> str:
    """The word for a member or column; the member itself where the table has none."""
    text = NAMES.get(member)
    return text[lang] if text is not None else member.replace("_", " ")


#: What an audit could not ask, and how a row or a definition differs.
AUDITED: Final[dict[str, Text]] = {
    "altered": Text("bị sửa", "altered"),
    "beyond": Text("vượt quá sổ", "beyond the log"),
    "content": Text("nội dung", "content"),
    "extra": Text("thừa", "extra"),
    "file bytes": Text("nội dung tệp", "file bytes"),
    "missing": Text("thiếu", "missing"),
    "rules": Text("quy định", "rules"),
    "signatures": Text("chữ ký", "signatures"),
    "statements": Text("bản ký", "statements"),
    "stopped": Text("đã dừng", "stopped"),
    "tokens": Text("mã người phản ánh", "tokens"),
    "views": Text("khung nhìn", "views"),
    "views (the log comes first)": Text(
        "khung nhìn (phải đúng sổ trước)", "views (the log comes first)"
    ),
    "wraps": Text("khóa của bản ghi", "wraps"),
}


def audited(code: str, lang: Lang) -> str:
    """A word of an audit."""
    return _said(AUDITED, code, lang)


#: How a clock stands, where a task stands on a worklist, how a key does, how urgent a case is.
WORDS: Final[dict[str, Text]] = {
    "ACTIVE": Text("còn hiệu lực", "active"),
    "ALARM": Text("quá mức nhắc nội bộ", "internal reminder passed"),
    "BROWSER": Text("trình duyệt", "browser"),
    "DUE": Text("đến hạn hôm nay", "due today"),
    "ENDED": Text("đã qua", "over"),
    "EXPIRED": Text("hết hạn", "expired"),
    "EXTENDED": Text("đã gia hạn", "extended"),
    "HOA_TOC": Text("hỏa tốc", "at once"),
    "KHAN": Text("khẩn", "urgent"),
    "NEAR": Text("sắp đến hạn", "nearly due"),
    "NONE": Text("không khẩn", "not urgent"),
    "NONE_STATED": Text("không ấn định thời hạn", "no limit stated"),
    "NOT_YET_VALID": Text("chưa có hiệu lực", "not valid yet"),
    "OVERDUE": Text("quá hạn", "overdue"),
    "PKCS11": Text("thiết bị", "device"),
    "REVOKED": Text("đã thu hồi", "revoked"),
    "RUNNING": Text("đang tính", "running"),
    "SERVICE": Text("dịch vụ", "service"),
    "SOFTWARE": Text("tệp", "file"),
    "STOPPED": Text("đã xong", "stopped"),
    "THUONG_KHAN": Text("thượng khẩn", "very urgent"),
    "building": Text("đang dựng", "building"),
    "cases": Text("hồ sơ đang giữ", "case held"),
    "due": Text("đến hạn", "due"),
    "later": Text("sẽ ký", "to sign later"),
    "live": Text("đang dùng", "live"),
    "old": Text("đang xóa", "being cleared"),
    "overdue": Text("quá hạn", "overdue"),
    "referrals": Text("chờ tiếp nhận", "to accept"),
    "returned": Text("bị trả lại", "returned"),
    "running": Text("đang làm", "to do"),
    "sign": Text("chờ ký", "to sign"),
}


def word(code: str, lang: Lang) -> str:
    """The word for a code of clocks, tasks and keys; the code itself where the table has none."""
    return _said(WORDS, code, lang)


#: The three outcomes of a check and the verdicts on a signature (formats.md §9, formats.md §9).
VERDICTS: Final[dict[str, Text]] = {
    "VALID": Text("Hợp lệ", "valid"),
    "NOT_VALID": Text("Không hợp lệ", "not valid"),
    "NOT_CONCLUDED": Text("Chưa đủ căn cứ kết luận", "not enough to conclude"),
    "VALID_KEY_SINCE_REVOKED": Text("Hợp lệ, khóa thu hồi sau đó", "valid, key revoked later"),
    "DISPUTED": Text("Đang tranh chấp", "disputed"),
    "AGAINST_THE_RULES": Text("Ghi trái quy định", "recorded against the rules"),
    "NOT_REJUDGED": Text("Không xét lại được", "not judged again"),
    "INVALID_SIGNATURE": Text("Chữ ký không khớp", "signature does not fit"),
    "WRONG_SIGNER": Text("Không đúng người ký", "wrong signer"),
    "UNKNOWN_KEY": Text("Khóa không có trong sổ", "unknown key"),
    "ERASED": Text("Nội dung đã xóa", "content erased"),
}


def verdict(code: str, lang: Lang) -> str:
    """A verdict or outcome in words."""
    return _said(VERDICTS, code, lang)


#: As whom an officer signs (formats.md §3).
ROLES: Final[dict[str, Text]] = {
    "AUTHOR": Text("người trình", "author"),
    "CHECKER": Text("người kiểm tra", "checker"),
    "APPROVER": Text("người phê duyệt", "approver"),
    "RETURNER": Text("người trả lại", "returner"),
}


def role(code: str, lang: Lang) -> str:
    """A signer's role in words."""
    return _said(ROLES, code, lang)


#: Where a measure, a referral or another sub-process stands, and what a verification found.
STANDINGS: Final[dict[str, Text]] = {
    "ACCEPTED": Text("đã tiếp nhận", "accepted"),
    "ACKNOWLEDGED": Text("đã xác nhận", "acknowledged"),
    "ADJUSTED": Text("đã điều chỉnh", "adjusted"),
    "AMENDED": Text("đã sửa", "amended"),
    "ANNULLED": Text("đã hủy", "annulled"),
    "ANSWERED": Text("đã trả lời", "answered"),
    "CANCELLED": Text("đã hủy", "cancelled"),
    "CLASSIFIED": Text("đã xác định độ mật", "classified"),
    "CONCLUDED": Text("đã kết luận", "concluded"),
    "CONFIRMED": Text("đã xác nhận", "confirmed"),
    "CONFLICT": Text("tranh chấp thẩm quyền", "competence disputed"),
    "CONVENED": Text("đã triệu tập", "convened"),
    "CORRECTED": Text("đã đính chính", "corrected"),
    "COUNCIL_ESTABLISHED": Text("đã lập hội đồng", "council set up"),
    "COUNCIL_PROPOSED": Text("đã đề nghị lập hội đồng", "council proposed"),
    "COUNCIL_REFUSED": Text("không lập hội đồng", "council refused"),
    "COURT": Text("đã khởi kiện", "at court"),
    "DECIDED": Text("đã quyết định", "decided"),
    "DECLASSIFIED": Text("đã giải mật", "declassified"),
    "DECLINED": Text("từ chối", "declined"),
    "DESTROYED": Text("đã tiêu hủy", "destroyed"),
    "DISSOLVED": Text("đã giải thể", "dissolved"),
    "DROPPED": Text("không xử phạt", "dropped"),
    "ESTABLISHED": Text("đã thành lập", "established"),
    "EXECUTED": Text("đã thi hành", "executed"),
    "EXPLAINED": Text("đã giải trình", "explained"),
    "EXTENDED": Text("đã gia hạn", "extended"),
    "GIVEN": Text("đã có ý kiến", "given"),
    "LAPSED": Text("hết hiệu lực vì không xem xét", "lapsed"),
    "LIFTED": Text("đã gỡ bỏ", "lifted"),
    "NARROWED": Text("đã thu hẹp", "narrowed"),
    "NOT_ACCEPTED": Text("không thụ lý", "not accepted"),
    "NOT_OPENED": Text("không khởi tố", "not opened"),
    "OPEN": Text("đang xem xét", "open"),
    "OPENED": Text("đã khởi tố", "opened"),
    "ORDERED": Text("đã trưng cầu", "ordered"),
    "PARTLY_ANSWERED": Text("đã trả lời một phần", "partly answered"),
    "PARTLY_DECLASSIFIED": Text("đã giải mật một phần", "partly declassified"),
    "PROPOSED": Text("đã đề xuất", "proposed"),
    "RECEIVED": Text("đã nhận", "received"),
    "RECORD_MADE": Text("đã lập biên bản", "record made"),
    "REFUSED": Text("bị từ chối", "refused"),
    "REJECTED": Text("không chấp nhận", "rejected"),
    "RELEASED": Text("đã công bố", "released"),
    "REQUESTED": Text("đã yêu cầu", "requested"),
    "RESTORATION_ASKED": Text("đã đề nghị khôi phục", "restoration asked"),
    "RESTORED": Text("đã khôi phục", "restored"),
    "RESULT": Text("đã có kết quả", "has a result"),
    "RETURNED": Text("bị trả lại", "returned"),
    "RETURNED_FOR_SANCTION": Text("trả hồ sơ để xử phạt", "returned for a sanction"),
    "SECONDED": Text("đã cử", "seconded"),
    "SENT": Text("đã gửi, chờ tiếp nhận", "sent"),
    "SUPERSEDED": Text("đã được thay thế", "superseded"),
    "SUSPENDED": Text("tạm đình chỉ", "suspended"),
    "TAKEN": Text("đang áp dụng", "taken"),
    "TRANSFERRED": Text("đã chuyển", "transferred"),
    "WITHDRAWN": Text("đã rút", "withdrawn"),
    "ERROR": Text("ghi sai", "an error"),
    "NOT_JUSTIFIED": Text("không có căn cứ", "not justified"),
    "NOT_ON_LIST": Text("không thuộc danh mục", "not on the list"),
    "OUTCOME_SUPERSEDED": Text("kết quả đã được thay thế", "outcome superseded"),
    "STUB_OPENED": Text("mở phần đã niêm phong", "stub opened"),
    "WRITTEN_CONFIRMATION": Text("bổ sung xác nhận bằng văn bản", "confirmed in writing"),
    "WRONG_LABEL": Text("sai độ mật", "wrong label"),
    "FALSE": Text("sai sự thật", "false"),
    "FALSE_FABRICATED": Text("bịa đặt", "fabricated"),
    "FALSE_IMPERSONATION": Text("mạo danh, giả mạo", "impersonation"),
    "OPINION_NOT_FACT": Text("ý kiến, không phải sự kiện", "opinion, not fact"),
    "OUT_OF_SCOPE": Text("ngoài phạm vi quy chế", "outside the regulation"),
    "TRUE_BUT_BREACH": Text("đúng nhưng có vi phạm", "true but in breach"),
    "TRUE_NO_BREACH": Text("đúng, không vi phạm", "true, no breach"),
    "UNVERIFIABLE": Text("không xác minh được", "cannot be verified"),
    "effective": Text("có hiệu lực", "effective"),
    "erased": Text("đã xóa nội dung", "erased"),
    "pending": Text("chờ ký", "pending"),
    "returned": Text("bị trả lại", "returned"),
}


def standing(code: str, lang: Lang) -> str:
    """Where a sub-process or an act stands, or a finding, in words."""
    return _said(STANDINGS, code, lang)


def _said(table: dict[str, Text], code: str, lang: Lang) -> str:
    text = table.get(code)
    return text[lang] if text is not None else code
