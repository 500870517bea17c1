"""Error class → RFC 9457 problem and status, one table (api.md §1); not why it was raised.

A problem says what was not recorded and what to do next, in the caller's language. Each code has a
page at `/problems/<code>`. What the caller may not know of and what does not exist give the same
`not_found`, and nothing from below (SQLSTATE, paths, traces) ever leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson
from flask import Response
from werkzeug.exceptions import HTTPException

from keys.errors import (
    InvalidSignature,
    KeysError,
    Malformed,
    NotCanonical,
    UnknownKey,
    Unsealable,
    WrongCustody,
)
from ledger.errors import (
    Conflict,
    Fatal,
    Fault,
    LedgerError,
    NotFound,
    Rejected,
    Unavailable,
    VerificationError,
)

Lang = Literal["vi", "en"]
CONTENT_TYPE: Final = "application/problem+json"
Recorded = Literal["nothing", "yes", "unknown"]


@dataclass(frozen=True, slots=True)
class Words:
    """One text in both languages."""

    vi: str
    en: str

    def __getitem__(self, lang: Lang) -> str:
        return self.vi if lang == "vi" else self.en


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One row of the table.

    Attributes:
        code: Stable; the last part of the problem's `type`.
        status: HTTP status.
        title: What happened.
        step: What the caller does next.
        recorded: What the log holds afterwards: `nothing` of this request, `yes` (the act is in
            the log) or `unknown` (send the same bytes again to learn it).
    """

    code: str
    status: int
    title: Words
    step: Words
    recorded: Recorded = "nothing"


class Problem(Exception):
    """A refusal on its way to the caller.

    Args:
        code: A code of `TYPES`.
        detail: What exactly, in both languages; the type's title where left out.
        faults: Each fault with its JSON Pointer.
        members: Extension members (`guard`, `head`, `since` …).
        headers: Further response headers (`Retry-After`, `Allow` …).
    """

    def __init__(
        self,
        code: str,
        detail: Words | None = None,
        *,
        faults: Sequence[Fault] = (),
        members: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.type = TYPES[code]
        self.detail = detail or self.type.title
        self.faults = tuple(faults)
        self.members = dict(members or {})
        self.headers = dict(headers or {})

    def body(self, lang: Lang, trace_id: str) -> dict[str, Any]:
        """The members of the problem document in one language."""
        body: dict[str, Any] = {
            "type": f"/problems/{self.type.code}",
            "title": self.type.title[lang],
            "status": self.type.status,
            "detail": self.detail[lang],
            "code": self.type.code,
            "next": self.type.step[lang],
            "recorded": self.type.recorded,
            "trace_id": trace_id,
        }
        if self.faults:
            body["errors"] = [
                {"pointer": f.pointer, "detail": f.vi if lang == "vi" else f.en}
                for f in self.faults
            ]
        return body | self.members

    def response(self, lang: Lang, trace_id: str) -> Response:
        """The answer itself: never cached, and its language stated."""
        response = Response(
            orjson.dumps(self.body(lang, trace_id)),
            status=self.type.status,
            content_type=CONTENT_TYPE,
        )
        response.headers["Content-Language"] = lang
        response.headers["Cache-Control"] = "no-store"
        response.headers["Vary"] = "Accept-Language"
        for name, value in self.headers.items():
            response.headers[name] = value
        return response


def plain_answer(code: str) -> bytes:
    """A whole HTTP/1.1 answer, for what the server refuses before it is a request."""
    problem = Problem(code)
    body = orjson.dumps(problem.body("vi", "none"))
    reason = problem.type.title.en.encode("ascii", "replace")
    head = (
        b"HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %d\r\n"
        b"Content-Language: vi\r\nCache-Control: no-store\r\n\r\n"
    )
    return head % (problem.type.status, reason, CONTENT_TYPE.encode(), len(body)) + body


def of(error: Exception) -> Problem:
    """The problem that an exception becomes; the one place where errors meet HTTP."""
    if isinstance(error, Problem):
        return error
    for kind, translate in _TRANSLATIONS:
        if isinstance(error, kind):
            return translate(error)
    return Problem("internal")


def _rejected(error: Rejected) -> Problem:
    members: dict[str, Any] = {}
    if error.guard:
        members["guard"] = error.guard
    if error.params:
        members["params"] = error.params
    code = error.code if error.code in TYPES else "rejected"
    return Problem(code, Words(error.vi, error.en), faults=error.faults, members=members)


def _conflict(error: Conflict) -> Problem:
    members: dict[str, Any] = {}
    if error.head is not None:
        head = {"seq": error.head.seq, "prev": error.head.prev, "state": error.head.state}
        members["head"] = {name: value for name, value in head.items() if value is not None}
    if error.code == "stale":
        members["since"] = [dict(act) for act in error.since]
    code = error.code if error.code in TYPES else "unavailable"
    return Problem(code, Words(error.vi, error.en), members=members)


def _door(code: str, vi: str) -> Callable[[KeysError], Problem]:
    """A refusal of `keys` over the sender's own bytes: its reason may be told."""

    def problem(error: KeysError) -> Problem:
        return Problem(code, Words(f"{vi}: {error}", str(error)))

    return problem


def _unavailable(error: Unavailable) -> Problem:
    code = error.code if error.code in TYPES else "unavailable"
    return Problem(
        code, Words(error.vi, error.en), headers={"Retry-After": str(max(1, error.retry_after_s))}
    )


def _http(error: HTTPException) -> Problem:
    code = _BY_STATUS.get(error.code or 500, "malformed_request")
    allow = getattr(error, "valid_methods", None)
    headers = {"Allow": ", ".join(sorted(allow))} if allow else {}
    data: Mapping[str, Any] = getattr(error, "data", None) or {}
    faults = tuple(_faults("", data.get("messages", {}), top=True))
    return Problem(code, faults=faults, headers=headers)


def _faults(pointer: str, messages: Any, *, top: bool = False) -> list[Fault]:  # noqa: ANN401  marshmallow's tree
    """Marshmallow's nested messages as faults with JSON Pointers (RFC 6901).

    The outermost level of webargs names the place (`json`, `query`, `path`) and is left out.
    """
    if isinstance(messages, Mapping):
        found: list[Fault] = []
        for name, inner in messages.items():
            place = str(name).replace("~", "~0").replace("/", "~1")
            here = pointer if top or name == "_schema" else f"{pointer}/{place}"
            found += _faults(here, inner)
        return found
    texts = messages if isinstance(messages, list) else [messages]
    return [Fault(pointer, vi=_vi(str(text)), en=str(text)) for text in texts]


def _vi(text: str) -> str:
    for en, vi in _MARSHMALLOW_VI.items():
        if text.startswith(en):
            return vi
    return f"Giá trị không hợp lệ: {text}"


_MARSHMALLOW_VI: Final = {
    "Unknown field.": "Trường không có trong khuôn mẫu.",
    "Missing data for required field.": "Thiếu trường bắt buộc.",
    "Field may not be null.": "Không được để null; hãy bỏ hẳn trường này.",
    "Not a valid string.": "Phải là chuỗi ký tự.",
    "Not a valid integer.": "Phải là số nguyên.",
    "Not a valid UUID.": "Phải là UUID.",
    "Not a valid boolean.": "Phải là đúng hoặc sai.",
    "Not a valid list.": "Phải là danh sách.",
    "Invalid input type.": "Sai kiểu dữ liệu.",
    "Must be one of": "Không thuộc các giá trị cho phép.",
    "Must be greater": "Số quá nhỏ.",
    "Must be less": "Số quá lớn.",
}


def _type(
    code: str, status: int, vi: str, en: str, step: tuple[str, str], recorded: Recorded = "nothing"
) -> ProblemType:
    return ProblemType(code, status, Words(vi, en), Words(*step), recorded)


_FIX_AND_SIGN = (
    "Chưa ghi gì. Sửa chỗ nêu trong `errors`, ký lại rồi gửi.",
    "Nothing was recorded. Correct what `errors` names, sign again and send.",
)
_SIGN_IN = (
    "Chưa ghi gì. Đăng nhập lại: POST /v1/auth/challenge rồi POST /v1/auth/token.",
    "Nothing was recorded. Sign in again: POST /v1/auth/challenge, then POST /v1/auth/token.",
)
_SAME_BYTES = (
    "Chưa ghi gì. Chờ theo Retry-After rồi gửi lại đúng các byte này; gửi hai lần vẫn chỉ ghi một.",
    "Nothing was recorded. Wait for Retry-After and send the same bytes; twice is recorded once.",
)
_FIX_REQUEST = (
    "Chưa ghi gì. Sửa yêu cầu theo `errors` và tài liệu ở /docs.",
    "Nothing was recorded. Correct the request as `errors` and /docs say.",
)

_ROWS: Final = (
    # The sender's bytes
    _type(
        "not_canonical",
        400,
        "Dữ liệu ký không ở dạng chuẩn tắc",
        "The signed data is not canonical JSON",
        _FIX_AND_SIGN,
    ),
    _type(
        "malformed_statement",
        400,
        "Tuyên bố ký không đúng khuôn mẫu",
        "The statement does not have the form of formats.md §3",
        _FIX_AND_SIGN,
    ),
    _type(
        "malformed_act",
        400,
        "Nội dung hành vi không đúng khuôn mẫu",
        "The act does not have the form of formats.md §2",
        _FIX_AND_SIGN,
    ),
    _type(
        "unknown_act",
        400,
        "Không có loại hành vi này trong danh mục",
        "The catalogue has no such act type",
        _FIX_AND_SIGN,
    ),
    _type(
        "wrong_algorithm",
        400,
        "Thuật toán ký không được chấp nhận",
        "The signature algorithm is not accepted",
        (
            "Chưa ghi gì. Ký bằng Ed25519, ES256 hoặc ML-DSA-65.",
            "Nothing was recorded. Sign with Ed25519, ES256 or ML-DSA-65.",
        ),
    ),
    _type(
        "wrong_log",
        400,
        "Tuyên bố được ký cho một sổ khác",
        "The statement was signed for another log",
        (
            "Chưa ghi gì. Lấy `origin` ở GET /v1/log, ký lại cho đúng sổ này.",
            "Nothing was recorded. Take `origin` from GET /v1/log and sign for this log.",
        ),
    ),
    _type(
        "wrong_stream",
        400,
        "Loại hành vi này không thuộc dòng ghi đã nêu",
        "This act type does not belong in the stream named",
        _FIX_AND_SIGN,
    ),
    _type(
        "clock_off",
        400,
        "Thời điểm ký lệch quá xa đồng hồ của sổ",
        "`iat` is too far from the ledger's clock (-24 h … +5 min)",
        (
            "Chưa ghi gì. Chỉnh đồng hồ máy ký, ký lại rồi gửi.",
            "Nothing was recorded. Set the signing machine's clock, sign again and send.",
        ),
    ),
    _type(
        "malformed_request",
        400,
        "Yêu cầu không đúng khuôn mẫu",
        "The request does not have the documented form",
        _FIX_REQUEST,
    ),
    _type(
        "bad_cursor",
        400,
        "Con trỏ trang không dùng được cho bộ lọc này",
        "The cursor is not one of ours, or belongs to other filters",
        (
            "Bỏ `cursor` để đọc lại từ trang đầu với bộ lọc này.",
            "Leave `cursor` out to read from the first page with these filters.",
        ),
    ),
    _type(
        "as_of_in_future",
        400,
        "Thời điểm cần xem chưa tới",
        "The moment asked for has not come yet",
        (
            "Chọn thời điểm đã qua, hoặc vị trí không vượt Ledger-Index.",
            "Choose a moment that has passed, or an index up to Ledger-Index.",
        ),
    ),
    _type(
        "not_a_rehearsal",
        400,
        "Chỉ sổ diễn tập mới nhận X-Rehearsal-Time",
        "Only a rehearsal takes X-Rehearsal-Time",
        (
            "Chưa ghi gì. Bỏ tiêu đề X-Rehearsal-Time.",
            "Nothing was recorded. Leave X-Rehearsal-Time out.",
        ),
    ),
    # Who is calling
    _type(
        "not_signed_in",
        401,
        "Chưa đăng nhập hoặc phiên đã hết hạn",
        "Not signed in, or the token has expired",
        _SIGN_IN,
    ),
    _type(
        "sign_in_failed",
        401,
        "Đăng nhập không thành công",
        "Signing in failed",
        (
            "Xin mã thử mới và ký bằng khóa đã đăng ký còn hiệu lực.",
            "Ask for a new challenge and sign it with an enrolled, living key.",
        ),
    ),
    _type(
        "wrong_session",
        401,
        "Tuyên bố phải do chính phiên của người ký gửi",
        "A statement is sent by its signer's own session",
        (
            "Chưa ghi gì. Đăng nhập bằng khóa đã ký tuyên bố này.",
            "Nothing was recorded. Sign in with the key that signed this statement.",
        ),
    ),
    _type(
        "unknown_key",
        401,
        "Không có khóa này trong sổ, hoặc khóa không còn hiệu lực",
        "The key is not enrolled, or not valid now",
        (
            "Chưa ghi gì. Ký bằng khóa đã đăng ký còn hiệu lực.",
            "Nothing was recorded. Sign with an enrolled key that is valid.",
        ),
    ),
    _type(
        "invalid_signature",
        401,
        "Chữ ký không khớp với nội dung và khóa",
        "The signature does not fit these bytes and this key",
        (
            "Chưa ghi gì. Ký lại đúng các byte gửi đi.",
            "Nothing was recorded. Sign exactly the bytes that are sent.",
        ),
    ),
    _type(
        "not_found",
        404,
        "Không tìm thấy",
        "Not found",
        (
            "Kiểm tra lại địa chỉ. Thứ không có và thứ không được xem trả lời như nhau.",
            "Check the address. What is absent and what may not be seen answer alike.",
        ),
    ),
    _type(
        "before_case",
        404,
        "Vào thời điểm đó chưa có hồ sơ này",
        "The case had not begun at that moment",
        (
            "Chọn thời điểm từ lần ghi đầu tiên của hồ sơ trở đi.",
            "Choose a moment from the first record of the case on.",
        ),
    ),
    _type(
        "search_refused",
        400,
        "Không tìm theo người, tài khoản hay liên kết",
        "A search for a person, an account or a link is not made",
        (
            "Tìm theo số, ký hiệu, trích yếu, loại hành vi, trạng thái hoặc cơ quan.",
            "Search by number, symbol, abstract, act type, state or agency.",
        ),
    ),
    _type(
        "method_not_allowed",
        405,
        "Địa chỉ này không nhận phương thức đó",
        "This address does not take that method",
        (
            "Chưa ghi gì. Dùng phương thức nêu trong Allow; muốn sửa thì ghi hành vi mới.",
            "Nothing was recorded. Use a method of Allow; a correction is a new act.",
        ),
    ),
    _type(
        "not_acceptable",
        406,
        "Không có dạng trả lời mà Accept đòi hỏi",
        "No answer of a type that Accept allows",
        (
            "Chưa ghi gì. Nhận application/json và application/problem+json.",
            "Nothing was recorded. Accept application/json and application/problem+json.",
        ),
    ),
    _type(
        "request_timeout",
        408,
        "Yêu cầu gửi quá chậm",
        "The request came too slowly",
        _SAME_BYTES,
    ),
    _type(
        "stale",
        409,
        "Dòng ghi đã có lần ghi mới hơn",
        "The stream has moved on",
        (
            "Chưa ghi gì. Đọc `since`, rồi ký lại nối vào `head`.",
            "Nothing was recorded. Read `since`, then sign again upon `head`.",
        ),
    ),
    _type(
        "taken",
        409,
        "Mã hành vi đã thuộc về một hành vi khác",
        "The act id names another act",
        (
            "Chưa ghi gì. Chọn UUID ngẫu nhiên mới, ký lại rồi gửi.",
            "Nothing was recorded. Choose a new random UUID, sign again and send.",
        ),
    ),
    _type(
        "clock_back",
        409,
        "Đồng hồ của sổ không đi lùi",
        "The ledger's clock never goes back",
        (
            "Chưa ghi gì. Dùng thời điểm không sớm hơn lần ghi cuối (GET /v1/log, `now`).",
            "Nothing was recorded. Use a time not before the last record (GET /v1/log, `now`).",
        ),
    ),
    _type(
        "too_large",
        413,
        "Dữ liệu gửi quá lớn",
        "The request is too large",
        (
            "Chưa ghi gì. Một hành vi tối đa 64 KiB, một yêu cầu tối đa 1 MiB.",
            "Nothing was recorded. An act has at most 64 KiB, a request at most 1 MiB.",
        ),
    ),
    _type(
        "uri_too_long",
        414,
        "Địa chỉ quá dài",
        "The address is too long",
        _FIX_REQUEST,
    ),
    _type(
        "headers_too_large",
        431,
        "Tiêu đề yêu cầu quá lớn",
        "The request's headers are too large",
        _FIX_REQUEST,
    ),
    _type(
        "unsupported_media_type",
        415,
        "Không nhận kiểu nội dung này",
        "This content type is not taken",
        (
            "Chưa ghi gì. POST /v1/acts nhận application/jose+json; chỗ khác application/json.",
            "Nothing was recorded. POST /v1/acts takes application/jose+json, others JSON.",
        ),
    ),
    _type(
        "guard",
        422,
        "Quy chế không cho phép hành vi này lúc này",
        "The regulation refuses this act at this point",
        (
            "Chưa ghi gì. Làm theo `detail`; `guard` nêu điều kiện chưa đạt.",
            "Nothing was recorded. Do as `detail` says; `guard` names the condition not met.",
        ),
    ),
    _type(
        "rejected",
        422,
        "Sổ không nhận tuyên bố này",
        "The ledger does not take this statement",
        (
            "Chưa ghi gì. Làm theo `detail`, ký lại rồi gửi.",
            "Nothing was recorded. Do as `detail` says, sign again and send.",
        ),
    ),
    _type(
        "attachment_missing",
        422,
        "Tệp kèm chưa được người soạn tải lên",
        "The author has not uploaded a file that the act lists",
        (
            "Chưa ghi gì. Tải tệp lên (POST /v1/attachments), rồi gửi lại đúng các byte này.",
            "Nothing was recorded. Upload it (POST /v1/attachments), then send the same bytes.",
        ),
    ),
    _type(
        "digest_mismatch",
        422,
        "Tệp nhận được không khớp mã băm đã khai",
        "What came has another digest than Content-Digest declares",
        (
            "Chưa giữ gì. Tính lại mã băm của tệp rồi gửi lại.",
            "Nothing was kept. Compute the digest of the file again and send it again.",
        ),
    ),
    _type(
        "too_many_attempts",
        429,
        "Quá nhiều lần thử",
        "Too many attempts",
        (
            "Chờ theo Retry-After rồi thử lại.",
            "Wait for Retry-After, then try again.",
        ),
    ),
    # Ours
    _type(
        "internal",
        500,
        "Lỗi của hệ thống",
        "An error of ours",
        (
            "Gửi lại đúng các byte này để biết đã ghi hay chưa; báo người vận hành `trace_id`.",
            "Send the same bytes to learn whether they were recorded; report `trace_id`.",
        ),
        "unknown",
    ),
    _type(
        "evidence_fails",
        500,
        "Dữ liệu lưu không khớp với bằng chứng của sổ",
        "What is stored does not match the log's evidence",
        (
            "Không trả nội dung nghi ngờ. Báo người vận hành: chạy `socai log audit`.",
            "Doubtful content is not served. Tell the operator: run `socai log audit`.",
        ),
    ),
    _type(
        "stopped",
        503,
        "Sổ tạm dừng nhận vì có nghi ngờ về toàn vẹn",
        "The ledger has stopped on a doubt about its integrity",
        _SAME_BYTES,
        "unknown",
    ),
    _type(
        "unavailable",
        503,
        "Tạm thời không phục vụ được",
        "Unavailable for the moment",
        _SAME_BYTES,
    ),
    _type(
        "database_unavailable",
        503,
        "Cơ sở dữ liệu tạm thời không trả lời",
        "The database does not answer at the moment",
        (
            "Chờ theo Retry-After rồi gửi lại đúng các byte này: câu trả lời cho biết đã ghi chưa.",
            "Wait for Retry-After and send the same bytes: the answer tells what was recorded.",
        ),
        "unknown",
    ),
    _type(
        "files_unavailable",
        503,
        "Kho tệp tạm thời không trả lời",
        "The file store does not answer at the moment",
        (
            "Chưa giữ gì. Chờ theo Retry-After rồi gửi lại.",
            "Nothing was kept. Wait for Retry-After, then send it again.",
        ),
    ),
    _type(
        "disk_full",
        503,
        "Ổ đĩa gần đầy nên tạm dừng ghi; vẫn đọc được",
        "The disk is nearly full: writing is paused, reading goes on",
        _SAME_BYTES,
    ),
    _type(
        "clock_jumped",
        503,
        "Đồng hồ máy chủ lùi về trước lần ghi cuối",
        "The server's clock is before the last record",
        _SAME_BYTES,
    ),
    _type(
        "proof_late",
        503,
        "Đã ghi bền, chứng minh đến chậm",
        "Recorded; its proof is late",
        (
            "Hành vi đã nằm trong sổ và không mất. Gửi lại đúng các byte này để lấy biên nhận.",
            "The act is in the log and will not be lost. Send the same bytes for its receipt.",
        ),
        "yes",
    ),
    _type(
        "projection_late",
        503,
        "Chế độ xem chưa theo kịp vị trí được yêu cầu",
        "The view has not reached the index asked for",
        (
            "Chờ theo Retry-After rồi đọc lại; không trả nội dung cũ.",
            "Wait for Retry-After and read again; an old answer is not given.",
        ),
    ),
)

TYPES: Final[Mapping[str, ProblemType]] = {row.code: row for row in _ROWS}
"""Every problem code with its status, texts and what the log holds afterwards."""

_BY_STATUS: Final = {
    400: "malformed_request",
    401: "not_signed_in",
    403: "not_found",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "request_timeout",
    413: "too_large",
    414: "uri_too_long",
    415: "unsupported_media_type",
    422: "malformed_request",
    429: "too_many_attempts",
    431: "headers_too_large",
    500: "internal",
    503: "unavailable",
}

_Translate = Callable[[Any], Problem]
_TRANSLATIONS: Final[tuple[tuple[type[Exception], _Translate], ...]] = (
    (Rejected, _rejected),
    (Conflict, _conflict),
    (NotFound, lambda _: Problem("not_found")),
    (Unavailable, _unavailable),
    (VerificationError, lambda _: Problem("evidence_fails")),
    (Fatal, lambda _: Problem("stopped", headers={"Retry-After": "30"})),
    (LedgerError, lambda _: Problem("internal")),
    (NotCanonical, _door("not_canonical", "Không ở dạng chuẩn tắc")),
    (Malformed, _door("malformed_statement", "Sai khuôn mẫu")),
    (UnknownKey, lambda _: Problem("unknown_key")),
    (WrongCustody, lambda _: Problem("unknown_key")),
    (InvalidSignature, lambda _: Problem("invalid_signature")),
    (Unsealable, lambda _: Problem("evidence_fails")),
    (KeysError, lambda _: Problem("internal")),
    (HTTPException, _http),
)
