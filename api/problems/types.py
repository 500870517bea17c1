"""Every problem code: status, what happened, what to do next, what the log holds (http.md §1).

One table, in both languages; each code has a page at `/problems/<code>`. `problems.py` says which
error becomes which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from api.texts.text import Text

Recorded = Literal["nothing", "yes", "unknown"]


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One kind of problem.

    Attributes:
        status: HTTP status.
        title: What happened.
        step: What the caller does next.
        recorded: What the log holds afterwards: `nothing` of this request, `yes` (the act is in
            the log) or `unknown` (send the same bytes again to learn it).
    """

    status: int
    title: Text
    step: Text
    recorded: Recorded = "nothing"


_FIX_AND_SIGN: Final = Text(
    "Chưa ghi gì. Sửa chỗ nêu trong `errors`, ký lại rồi gửi.",
    "Nothing was recorded. Correct what `errors` names, sign again and send.",
)
_SIGN_IN: Final = Text(
    "Chưa ghi gì. Đăng nhập lại: POST /v1/auth/challenge rồi POST /v1/auth/token.",
    "Nothing was recorded. Sign in again: POST /v1/auth/challenge, then POST /v1/auth/token.",
)
_SAME_BYTES: Final = Text(
    "Chưa ghi gì. Chờ theo Retry-After rồi gửi lại đúng các byte này; gửi hai lần vẫn chỉ ghi một.",
    "Nothing was recorded. Wait for Retry-After and send the same bytes; twice is recorded once.",
)
_FIX_REQUEST: Final = Text(
    "Chưa ghi gì. Sửa yêu cầu theo `errors` và tài liệu ở /docs.",
    "Nothing was recorded. Correct the request as `errors` and /docs say.",
)

TYPES: Final[Mapping[str, ProblemType]] = {
    # The sender's bytes
    "not_canonical": ProblemType(
        400,
        Text("Dữ liệu ký không ở dạng chuẩn tắc", "The signed data is not canonical JSON"),
        _FIX_AND_SIGN,
    ),
    "malformed_statement": ProblemType(
        400,
        Text(
            "Bản ký không đúng khuôn mẫu",
            "The statement does not have the form of /spec/formats#s3",
        ),
        _FIX_AND_SIGN,
    ),
    "malformed_act": ProblemType(
        400,
        Text(
            "Nội dung diễn biến không đúng khuôn mẫu",
            "The act does not have the form of /spec/formats#s2",
        ),
        _FIX_AND_SIGN,
    ),
    "invisible_characters": ProblemType(
        400,
        Text(
            "Nội dung có ký tự không nhìn thấy: chữ đọc được khác chữ được ký",
            "The text holds characters that nobody sees: what is read is not what is signed",
        ),
        Text(
            "Chưa ghi gì. Bỏ các ký tự nêu trong `errors` (POST /v1/acts/prepare soạn lại không có"
            " chúng), ký lại rồi gửi.",
            "Nothing was recorded. Take out what `errors` names (POST /v1/acts/prepare builds the"
            " text without them), sign again and send.",
        ),
    ),
    "unknown_act": ProblemType(
        400,
        Text("Không có loại diễn biến này trong danh mục", "The catalogue has no such act type"),
        _FIX_AND_SIGN,
    ),
    "wrong_log": ProblemType(
        400,
        Text("Bản ký được lập cho một sổ khác", "The statement was signed for another log"),
        Text(
            "Chưa ghi gì. Lấy `origin` ở GET /v1/log, ký lại cho đúng sổ này.",
            "Nothing was recorded. Take `origin` from GET /v1/log and sign for this log.",
        ),
    ),
    "wrong_stream": ProblemType(
        400,
        Text(
            "Loại diễn biến này không thuộc dòng ghi đã nêu",
            "This act type does not belong in the stream named",
        ),
        _FIX_AND_SIGN,
    ),
    "clock_off": ProblemType(
        400,
        Text(
            "Thời điểm ký lệch quá xa đồng hồ của sổ",
            "`iat` is too far from the ledger's clock (-24 h … +5 min)",
        ),
        Text(
            "Chưa ghi gì. Chỉnh đồng hồ máy ký, ký lại rồi gửi.",
            "Nothing was recorded. Set the signing machine's clock, sign again and send.",
        ),
    ),
    "malformed_request": ProblemType(
        400,
        Text("Yêu cầu không đúng khuôn mẫu", "The request does not have the documented form"),
        _FIX_REQUEST,
    ),
    "bad_cursor": ProblemType(
        400,
        Text(
            "Con trỏ trang không dùng được cho bộ lọc này",
            "The cursor is not one of ours, or belongs to other filters",
        ),
        Text(
            "Bỏ `cursor` để đọc lại từ trang đầu với bộ lọc này.",
            "Leave `cursor` out to read from the first page with these filters.",
        ),
    ),
    "as_of_in_future": ProblemType(
        400,
        Text("Thời điểm cần xem chưa tới", "The moment asked for has not come yet"),
        Text(
            "Chọn thời điểm đã qua, hoặc vị trí không vượt Ledger-Index.",
            "Choose a moment that has passed, or an index up to Ledger-Index.",
        ),
    ),
    "too_much_asked": ProblemType(
        400,
        Text("Hỏi quá nhiều trong một lần", "Too much asked at once"),
        Text(
            "Hỏi khoảng ngắn hơn (from, to, as_of) hoặc ít hồ sơ hơn trong một lần.",
            "Ask for a shorter span (from, to, as_of), or for fewer cases at once.",
        ),
    ),
    "not_a_rehearsal": ProblemType(
        400,
        Text(
            "Chỉ sổ diễn tập mới nhận X-Rehearsal-Time", "Only a rehearsal takes X-Rehearsal-Time"
        ),
        Text(
            "Chưa ghi gì. Bỏ tiêu đề X-Rehearsal-Time.",
            "Nothing was recorded. Leave X-Rehearsal-Time out.",
        ),
    ),
    # Who is calling
    "not_signed_in": ProblemType(
        401,
        Text("Chưa đăng nhập hoặc phiên đã hết hạn", "Not signed in, or the token has expired"),
        _SIGN_IN,
    ),
    "sign_in_failed": ProblemType(
        401,
        Text("Đăng nhập không thành công", "Signing in failed"),
        Text(
            "Xin mã thử mới và ký bằng khóa đã đăng ký còn hiệu lực.",
            "Ask for a new challenge and sign it with an enrolled, living key.",
        ),
    ),
    "wrong_session": ProblemType(
        401,
        Text(
            "Bản ký phải do chính phiên của người ký gửi",
            "A statement is sent by its signer's own session",
        ),
        Text(
            "Chưa ghi gì. Đăng nhập bằng chính khóa đã ký.",
            "Nothing was recorded. Sign in with the key that signed this statement.",
        ),
    ),
    "unknown_key": ProblemType(
        401,
        Text(
            "Không có khóa này trong sổ, hoặc khóa không còn hiệu lực",
            "The key is not enrolled, or not valid now",
        ),
        Text(
            "Chưa ghi gì. Ký bằng khóa đã đăng ký còn hiệu lực.",
            "Nothing was recorded. Sign with an enrolled key that is valid.",
        ),
    ),
    "invalid_signature": ProblemType(
        401,
        Text(
            "Chữ ký không khớp với nội dung và khóa",
            "The signature does not fit these bytes and this key",
        ),
        Text(
            "Chưa ghi gì. Ký lại đúng các byte gửi đi.",
            "Nothing was recorded. Sign exactly the bytes that are sent.",
        ),
    ),
    "not_found": ProblemType(
        404,
        Text("Không tìm thấy", "Not found"),
        Text(
            "Kiểm tra lại địa chỉ. Thứ không có và thứ không được xem trả lời như nhau.",
            "Check the address. What is absent and what may not be seen answer alike.",
        ),
    ),
    "before_case": ProblemType(
        404,
        Text("Vào thời điểm đó chưa có hồ sơ này", "The case had not begun at that moment"),
        Text(
            "Chọn thời điểm từ bản ghi đầu tiên của hồ sơ trở đi.",
            "Choose a moment from the first record of the case on.",
        ),
    ),
    "search_refused": ProblemType(
        400,
        Text(
            "Không tìm theo người, tài khoản hay liên kết",
            "A search for a person, an account or a link is not made",
        ),
        Text(
            "Tìm theo số, ký hiệu, trích yếu, loại diễn biến, trạng thái hoặc cơ quan.",
            "Search by number, symbol, abstract, act type, state or agency.",
        ),
    ),
    "method_not_allowed": ProblemType(
        405,
        Text("Địa chỉ này không nhận phương thức đó", "This address does not take that method"),
        Text(
            "Chưa ghi gì. Dùng phương thức nêu trong Allow; muốn sửa thì ghi diễn biến mới.",
            "Nothing was recorded. Use a method of Allow; a correction is a new act.",
        ),
    ),
    "not_acceptable": ProblemType(
        406,
        Text("Không có dạng trả lời mà Accept đòi hỏi", "No answer of a type that Accept allows"),
        Text(
            "Chưa ghi gì. Để Accept nhận kiểu mà địa chỉ này trả, hoặc bỏ Accept.",
            "Nothing was recorded. Let Accept take what this address answers, or leave it out.",
        ),
    ),
    "request_timeout": ProblemType(
        408, Text("Yêu cầu gửi quá chậm", "The request came too slowly"), _SAME_BYTES
    ),
    "stale": ProblemType(
        409,
        Text("Dòng ghi đã có bản ghi mới hơn", "The stream has moved on"),
        Text(
            "Chưa ghi gì. Đọc `since`, rồi ký lại nối vào `head`.",
            "Nothing was recorded. Read `since`, then sign again upon `head`.",
        ),
    ),
    "stream_set_aside": ProblemType(
        409,
        Text(
            "Dòng ghi có bản ghi trái quy định chưa được loại",
            "A record of the stream is against the rules and has not been voided",
        ),
        Text(
            "Chưa ghi gì. Báo người giữ sổ đăng ký: hai người ký RecordVoided (socai log void), rồi"
            " ký lại diễn biến này nối vào đầu dòng mới và gửi.",
            "Nothing was recorded. Tell the registrars: two of them sign RecordVoided (`socai log"
            " void`); then sign this act again upon the new head and send.",
        ),
    ),
    "taken": ProblemType(
        409,
        Text("Mã diễn biến đã thuộc về một diễn biến khác", "The act id names another act"),
        Text(
            "Chưa ghi gì. Chọn UUID ngẫu nhiên mới, ký lại rồi gửi.",
            "Nothing was recorded. Choose a new random UUID, sign again and send.",
        ),
    ),
    "clock_back": ProblemType(
        409,
        Text("Đồng hồ của sổ không đi lùi", "The ledger's clock never goes back"),
        Text(
            "Chưa ghi gì. Dùng thời điểm không sớm hơn bản ghi cuối (GET /v1/log, `now`).",
            "Nothing was recorded. Use a time not before the last record (GET /v1/log, `now`).",
        ),
    ),
    "precondition_failed": ProblemType(
        412,
        Text("Không còn đúng bản mà If-Match nêu", "It is not what If-Match names"),
        Text(
            "Chưa ghi gì. Bỏ If-Match để đọc bản hiện nay.",
            "Nothing was recorded. Leave out If-Match to read what stands now.",
        ),
    ),
    "too_large": ProblemType(
        413,
        Text("Dữ liệu gửi quá lớn", "The request is too large"),
        Text(
            "Chưa ghi gì. Một diễn biến tối đa 64 KiB, một yêu cầu tối đa 1 MiB.",
            "Nothing was recorded. An act has at most 64 KiB, a request at most 1 MiB.",
        ),
    ),
    "uri_too_long": ProblemType(
        414, Text("Địa chỉ quá dài", "The address is too long"), _FIX_REQUEST
    ),
    "headers_too_large": ProblemType(
        431, Text("Tiêu đề yêu cầu quá lớn", "The request's headers are too large"), _FIX_REQUEST
    ),
    "unsupported_media_type": ProblemType(
        415,
        Text("Không nhận kiểu nội dung này", "This content type is not taken"),
        Text(
            "Chưa ghi gì. Gửi lại bằng kiểu nêu trong Accept-Post.",
            "Nothing was recorded. Send it in a type that Accept-Post names.",
        ),
    ),
    "guard": ProblemType(
        422,
        Text(
            "Quy chế không cho phép diễn biến này lúc này",
            "The regulation refuses this act at this point",
        ),
        Text(
            "Chưa ghi gì. Làm theo `detail`; `guard` nêu điều kiện chưa đạt.",
            "Nothing was recorded. Do as `detail` says; `guard` names the condition not met.",
        ),
    ),
    "rejected": ProblemType(
        422,
        Text("Sổ không nhận bản ký này", "The ledger does not take this statement"),
        Text(
            "Chưa ghi gì. Làm theo `detail`, ký lại rồi gửi.",
            "Nothing was recorded. Do as `detail` says, sign again and send.",
        ),
    ),
    "attachment_missing": ProblemType(
        422,
        Text(
            "Tệp kèm chưa được người soạn tải lên",
            "The author has not uploaded a file that the act lists",
        ),
        Text(
            "Chưa ghi gì. Tải tệp lên (POST /v1/attachments), rồi gửi lại đúng các byte này.",
            "Nothing was recorded. Upload it (POST /v1/attachments), then send the same bytes.",
        ),
    ),
    "digest_mismatch": ProblemType(
        422,
        Text(
            "Tệp nhận được không khớp mã băm đã khai",
            "What came has another digest than Content-Digest declares",
        ),
        Text(
            "Chưa giữ gì. Tính lại mã băm của tệp rồi gửi lại.",
            "Nothing was kept. Compute the digest of the file again and send it again.",
        ),
    ),
    "too_many_attempts": ProblemType(
        429,
        Text("Quá nhiều lần thử", "Too many attempts"),
        Text("Chờ theo Retry-After rồi thử lại.", "Wait for Retry-After, then try again."),
    ),
    "too_many_requests": ProblemType(
        429,
        Text("Quá nhiều yêu cầu cùng lúc", "Too many requests at once"),
        Text(
            "Chưa ghi gì. Chờ theo Retry-After rồi gửi lại.",
            "Nothing was recorded. Wait for Retry-After, then send it again.",
        ),
    ),
    # Ours
    "internal": ProblemType(
        500,
        Text("Lỗi của hệ thống", "An error of ours"),
        Text(
            "Gửi lại đúng các byte này để biết đã ghi hay chưa; báo người vận hành `trace_id`.",
            "Send the same bytes to learn whether they were recorded; report `trace_id`.",
        ),
        "unknown",
    ),
    "evidence_fails": ProblemType(
        500,
        Text(
            "Dữ liệu lưu không khớp với bằng chứng của sổ",
            "What is stored does not match the log's evidence",
        ),
        Text(
            "Không trả nội dung nghi ngờ. Báo người vận hành: chạy `socai log audit`.",
            "Doubtful content is not served. Tell the operator: run `socai log audit`.",
        ),
    ),
    "stopped": ProblemType(
        503,
        Text(
            "Sổ tạm dừng nhận vì có nghi ngờ về toàn vẹn",
            "The ledger has stopped on a doubt about its integrity",
        ),
        _SAME_BYTES,
        "unknown",
    ),
    "log_in_doubt": ProblemType(
        503,
        Text(
            "Sổ trong cơ sở dữ liệu không khớp với sổ mà máy chủ này đã thấy",
            "The log in the database is not the one that this server has seen",
        ),
        Text(
            "Chưa ghi gì; vẫn đọc được. Báo người vận hành: có thể bản sao lưu cũ đã được khôi phục"
            " (`socai log audit`). Khi sổ đã đúng lại, gửi lại đúng các byte này.",
            "Nothing was recorded; reading goes on. Tell the operator: an old backup may have been"
            " restored (`socai log audit`). Once the log is right again, send the same bytes.",
        ),
    ),
    "unavailable": ProblemType(
        503, Text("Tạm thời không phục vụ được", "Unavailable for the moment"), _SAME_BYTES
    ),
    "database_unavailable": ProblemType(
        503,
        Text("Cơ sở dữ liệu tạm thời không trả lời", "The database does not answer at the moment"),
        Text(
            "Chờ theo Retry-After rồi gửi lại đúng các byte này: câu trả lời cho biết đã ghi chưa.",
            "Wait for Retry-After and send the same bytes: the answer tells what was recorded.",
        ),
        "unknown",
    ),
    "files_unavailable": ProblemType(
        503,
        Text("Kho tệp tạm thời không trả lời", "The file store does not answer at the moment"),
        Text(
            "Chưa giữ gì. Chờ theo Retry-After rồi gửi lại.",
            "Nothing was kept. Wait for Retry-After, then send it again.",
        ),
    ),
    "disk_full": ProblemType(
        503,
        Text(
            "Ổ đĩa gần đầy nên tạm dừng ghi; vẫn đọc được",
            "The disk is nearly full: writing is paused, reading goes on",
        ),
        _SAME_BYTES,
    ),
    "clock_jumped": ProblemType(
        503,
        Text(
            "Đồng hồ máy chủ lùi về trước bản ghi cuối",
            "The server's clock is before the last record",
        ),
        _SAME_BYTES,
    ),
    "clocks_apart": ProblemType(
        503,
        Text(
            "Đồng hồ máy chủ sổ và máy cơ sở dữ liệu lệch nhau",
            "The clocks of server and database are apart",
        ),
        _SAME_BYTES,
    ),
    "proof_late": ProblemType(
        503,
        Text("Đã ghi bền, chứng minh đến chậm", "Recorded; its proof is late"),
        Text(
            "Diễn biến đã nằm trong sổ và không mất. Gửi lại đúng các byte này để lấy biên nhận.",
            "The act is in the log and will not be lost. Send the same bytes for its receipt.",
        ),
        "yes",
    ),
    "projection_late": ProblemType(
        503,
        Text(
            "Khung nhìn chưa theo kịp vị trí được yêu cầu",
            "The view has not reached the index asked for",
        ),
        Text(
            "Chờ theo Retry-After rồi đọc lại; không trả nội dung cũ.",
            "Wait for Retry-After and read again; an old answer is not given.",
        ),
    ),
}
"""By code: stable, and the last part of a problem's `type`."""
