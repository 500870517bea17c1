"""Who takes part in a case (http.md §4, access.md §4)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from flask import Response

from api.http.framework import freshness
from api.http.framework.admission import Heavy
from api.http.framework.endpoint import Resource, in_path
from api.http.framework.request_context import now, require_uuid
from api.http.framework.responses import answer
from api.http.resources.common import moments
from api.http.resources.common.served import enclave
from api.http.schemas.base import UUID
from api.http.schemas.case import EXAMPLE_CASE
from api.http.schemas.participant import ParticipantsQuerySchema, ParticipantsSchema
from ledger.log.moment import stamp

participants = Resource(
    "participants", __name__, url_prefix="/v1", description="Ai tham gia · Who takes part"
)
_CASE: Final = in_path("case", "uuid of the case.", example=EXAMPLE_CASE, pattern=f"^{UUID}$")


@participants.call(
    "/cases/<case>/participants",
    query=ParticipantsQuerySchema,
    answers=ParticipantsSchema,
    projected=True,
    problems=("before_case", "as_of_in_future", "not_found", "part_only"),
    parameters=(_CASE,),
    heavy=Heavy("past"),
)
def list_participants(params: dict[str, Any], case: str) -> Response:
    """Ai tham gia hồ sơ · Who takes part in a case, by which act, since and until when.

    Agencies hold, and officers reach what they hold by their post; officers are named where an act
    names them. It is answered to whoever sees the whole case.
    """
    freshness.require(params, "acts")
    at = now()
    moment = moments.moment(params.get("as_of"))
    stream, level = f"case/{require_uuid(case)}", enclave().facts.level
    with enclave().connections.lend():
        index, found = enclave().queries.case.participants(
            stream, at if moment is None else moment, at, level
        )
        folded = enclave().queries.positions.index("acts")
    body: dict[str, Any] = {"id": case, **found}
    if moment is not None:
        view: dict[str, Any] = {"as_of": params["as_of"], "index": index}
        if isinstance(moment, datetime):
            view["at"] = stamp(moment)
        body["view"] = view
    return answer(body, index=folded)
