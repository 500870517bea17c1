"""What a call demands before its view is asked: who may call, in which type, for which type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final, Literal

from flask import Response, request
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from api.http.framework.read_budget import Budgets, Charge, Kind, Spent
from api.http.framework.request_context import budgets, caller, context, enclave, wait_s
from api.http.framework.responses import cache_control
from api.http.framework.thread_budget import counts_for
from api.ops.telemetry import HEAVY_REFUSED, HEAVY_SECONDS
from api.ops.wiring import Enclave
from api.problems.problem import Problem
from api.texts.text import Text

Access = Literal["officer", "level", "open"]
"""`officer`: a bearer token. `level`: open at ordinary, a token above. `open`: anyone."""
ANY: Final = "*/*"
_SPENT: Final = Text(
    "Tài khoản này đang đọc quá nhiều nội dung nặng (so sánh, lịch sử, kiểm chứng, thống kê,"
    " danh sách, tệp). Đọc nhẹ và ghi vẫn tiếp tục được.",
    "This officer is asking for too much heavy reading (difference, history, verification,"
    " statistics, lists, files). Light reads and writing go on.",
)
_OTHERWISE: Final[Mapping[Kind, Text]] = {
    "writing": Text(
        "Tài khoản này đang gửi, kiểm tra hoặc soạn quá nhiều diễn biến cùng lúc. Đọc nhẹ vẫn tiếp"
        " tục được.",
        "This officer is sending, checking or preparing too many acts at once. Light reads go on.",
    ),
    "wait": Text(
        "Tài khoản này đang đọc hoặc chờ tin mới ở quá nhiều yêu cầu. Hãy hỏi lại mà không có"
        " Prefer: wait: như vậy vẫn được trả lời ngay.",
        "This officer reads, or waits for news, in too many requests. Ask without Prefer: wait:"
        " that is answered at once.",
    ),
}


@dataclass(frozen=True, slots=True)
class Heavy:
    """A call whose work is charged to its officer (`api.http.framework.read_budget`).

    Attributes:
        kind: What it is charged as.
        only_with: The parameters of which one makes it heavy; none where it always is.
    """

    kind: Kind
    only_with: tuple[str, ...] = ()

    def asked(self) -> bool:
        """Whether this request asks for what is heavy."""
        return not self.only_with or not request.args.keys().isdisjoint(self.only_with)


@dataclass(frozen=True, slots=True)
class Gate:
    """What a call demands before its view is asked; found by `app` through the view."""

    access: Access
    consumes: tuple[str, ...]
    produces: str
    streams: bool = False
    heavy: Heavy | None = None
    waits: bool = False

    def check(self) -> None:
        """The caller, content type, Accept, then budget: none of it depends on an object."""
        sent = request.environ
        if self.access == "officer" or (
            self.access == "level" and enclave().facts.level != "ordinary"
        ):
            known = context().caller = enclave().sign_in.caller(sent.get("HTTP_AUTHORIZATION"))
            counts_for(known.officer)
        if self.consumes and request.mimetype not in self.consumes:
            kinds = ", ".join(self.consumes)
            raise Problem(
                "unsupported_media_type",
                Text(f"Địa chỉ này nhận {kinds}.", f"This address takes {kinds}."),
                headers={"Accept-Post": kinds},
            )
        if not _takes(sent.get("HTTP_ACCEPT", ""), self.produces):
            raise Problem(
                "not_acceptable",
                Text(f"Địa chỉ này trả {self.produces}.", f"This address answers {self.produces}."),
            )
        kind = self._kind()
        if kind is not None:
            _charge(kind)

    def _kind(self) -> Kind | None:
        """What the request is charged as: where it only waits, an officer's place too."""
        if self.access != "officer":
            return None
        if self.heavy is not None and self.heavy.asked():
            return self.heavy.kind
        return "wait" if self.waits and wait_s() else None

    def seal(self, response: Response) -> Response:
        """Cache rules of what was answered; its work is told once there is no more to come."""
        if (charged := context().charged) is not None:
            context().charged = None
            settle = partial(_settle, budgets(), *charged)
            if response.is_streamed:
                response.call_on_close(settle)
            else:
                settle()
        if "Cache-Control" not in response.headers:
            rule = cache_control(signed_in=context().caller is not None)
            response.headers.add("Cache-Control", rule)
        return response


def _charge(kind: Kind) -> None:
    try:
        charged = budgets().charge(caller().officer, kind)
    except Spent as spent:
        HEAVY_REFUSED.labels(kind).inc()
        raise Problem(
            "too_many_requests",
            _OTHERWISE.get(kind, _SPENT),
            headers={"Retry-After": str(spent.wait_s)},
        ) from None
    context().charged = charged, Enclave.work_s()


def _settle(spent: Budgets, charge: Charge, before_s: float) -> None:
    work_s = Enclave.work_s() - before_s
    HEAVY_SECONDS.labels(charge.kind).inc(work_s)
    spent.settle(charge, work_s)


@lru_cache(maxsize=256)
def _takes(accept: str, produces: str) -> bool:
    """Whether the client takes what a call produces; a client that says nothing takes all."""
    kind = produces.partition(";")[0]
    accepted = parse_accept_header(accept, MIMEAccept)
    return not accepted or kind == ANY or accepted.quality(kind) > 0
