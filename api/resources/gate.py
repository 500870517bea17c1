"""What a call demands before its view is asked: who may call, in which type, for which type."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from flask import Response, request
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from api.budget import Kind, Spent
from api.problem_types import Words
from api.problems import Problem
from api.resources.answer import cache_control
from api.resources.request import budgets, caller, context, enclave
from api.telemetry import HEAVY_REFUSED, HEAVY_SECONDS

Access = Literal["officer", "level", "open"]
"""`officer`: a bearer token. `level`: open at ordinary, a token above. `open`: anyone."""
ANY: Final = "*/*"
_SPENT: Final = Words(
    "Tài khoản này đang đọc quá nhiều nội dung nặng (so sánh, lịch sử, kiểm chứng, thống kê,"
    " tìm kiếm); đọc nhẹ và ghi không bị hạn chế.",
    "This officer is asking for too much heavy reading (difference, history, verification,"
    " statistics, search); light reads and writes are not limited.",
)


@dataclass(frozen=True, slots=True)
class Heavy:
    """A call whose work is charged to its officer (`api.budget`).

    Attributes:
        kind: What it is charged as.
        only_with: The parameter that makes it heavy; "" where it always is.
    """

    kind: Kind
    only_with: str = ""


@dataclass(frozen=True, slots=True)
class Gate:
    """What a call demands before its view is asked; found by `app` through the view."""

    access: Access
    consumes: tuple[str, ...]
    produces: str
    streams: bool = False
    heavy: Heavy | None = None

    def check(self) -> None:
        """The caller, content type, Accept, then budget: none of it depends on an object."""
        sent = request.environ
        if self.access == "officer" or (
            self.access == "level" and enclave().facts.level != "ordinary"
        ):
            context().caller = enclave().sign_in.caller(sent.get("HTTP_AUTHORIZATION"))
        if self.consumes and request.mimetype not in self.consumes:
            kinds = ", ".join(self.consumes)
            raise Problem(
                "unsupported_media_type",
                Words(f"Địa chỉ này nhận {kinds}.", f"This address takes {kinds}."),
                headers={"Accept-Post": kinds},
            )
        if not _takes(sent.get("HTTP_ACCEPT", ""), self.produces):
            raise Problem(
                "not_acceptable",
                Words(
                    f"Địa chỉ này trả {self.produces}.", f"This address answers {self.produces}."
                ),
            )

        if self.heavy is not None and (
            not self.heavy.only_with or self.heavy.only_with in request.args
        ):
            _charge(self.heavy.kind)

    def seal(self, response: Response) -> Response:
        """Cache rules of what was answered, and the work that it was."""
        _settle()
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
            "too_many_requests", _SPENT, headers={"Retry-After": str(spent.wait_s)}
        ) from None
    context().charged = charged, enclave().work_s()


def _settle() -> None:
    if (charged := context().charged) is not None:
        context().charged = None
        work_s = enclave().work_s() - charged[1]
        HEAVY_SECONDS.labels(charged[0].kind).inc(work_s)
        budgets().settle(charged[0], work_s)


@lru_cache(maxsize=256)
def _takes(accept: str, produces: str) -> bool:
    """Whether the client takes what a call produces; a client that says nothing takes all."""
    kind = produces.partition(";")[0]
    accepted = parse_accept_header(accept, MIMEAccept)
    return not accepted or kind == ANY or accepted.quality(kind) > 0
