"""What a call demands before its view is asked: who may call, in which type, for which type."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from flask import Response, request
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from api.problem_types import Words
from api.problems import Problem
from api.resources.answer import cache_control
from api.resources.request import context, enclave

Access = Literal["officer", "level", "open"]
"""`officer`: a bearer token. `level`: open at ordinary, a token above. `open`: anyone."""
ANY: Final = "*/*"


@dataclass(frozen=True, slots=True)
class Gate:
    """What a call demands before its view is asked; found by `app` through the view."""

    access: Access
    consumes: tuple[str, ...]
    produces: str
    streams: bool = False

    def check(self) -> None:
        """The caller, then content type and Accept: none of it depends on an object."""
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

    def seal(self, response: Response) -> Response:
        """Cache rules of what was answered."""
        if "Cache-Control" not in response.headers:
            rule = cache_control(signed_in=context().caller is not None)
            response.headers.add("Cache-Control", rule)
        return response


@lru_cache(maxsize=256)
def _takes(accept: str, produces: str) -> bool:
    """Whether the client takes what a call produces; a client that says nothing takes all."""
    kind = produces.partition(";")[0]
    accepted = parse_accept_header(accept, MIMEAccept)
    return not accepted or kind == ANY or accepted.quality(kind) > 0
