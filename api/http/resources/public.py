"""What anybody may read without signing in (http.md §4, access.md A3)."""

from __future__ import annotations

import uuid
from typing import Any, Final

from flask import Response

from api.http.framework import cursor
from api.http.framework.endpoint import Resource, in_path
from api.http.framework.request_context import require_uuid
from api.http.framework.responses import answer
from api.http.resources.common.serializers import act_names
from api.http.resources.common.served import enclave
from api.http.schemas.base import UUID
from api.http.schemas.log import PublicActShownSchema, PublicActsQuerySchema, PublicActsSchema
from api.problems.problem import Problem
from api.settings import ORDINARY
from ledger.log.moment import stamp, unstamp
from projections.queries.published import Publications
from projections.views.public_acts import PublicAct

public = Resource("public", __name__, url_prefix="/v1/public", description="Công khai · Public")
_ACT: Final = in_path(
    "act_id",
    "`act_id` of a publication.",
    example="3f1c2d5e-8a9b-4c7d-9e0f-1a2b3c4d5e6f",
    pattern=f"^{UUID}$",
)
#: It may be kept, and is asked for again each time: what is withdrawn is shown to nobody.
_KEPT: Final = {"Cache-Control": "public, no-cache"}
_PROBLEMS: Final = ("not_found", "database_unavailable")


@public.call(
    "/acts",
    query=PublicActsQuerySchema,
    answers=PublicActsSchema,
    access="level",
    headers=("Link",),
    problems=(*_PROBLEMS, "bad_cursor"),
    of_cases=False,
)
def list_public_acts(params: dict[str, Any]) -> Response:
    """Các thông tin đã công bố · What was published, the newest first.

    Effective acts that were signed to be public, of types that speak to everybody: official
    information, corrections, intake points, versions of the regulation. Anybody may ask. A page
    goes on behind the last line of the one before; what is published meanwhile stands before the
    first. No figure is told of how many there are.
    """
    filters = {name: params.get(name) for name in ("act", "agency")}
    place = cursor.read(params.get("cursor"), "public", filters)
    after = None if place is None else (unstamp(place.after[0]), place.after[1])
    limit = params["limit"]
    found = _published().page(**filters, after=after, limit=limit + 1)
    body: dict[str, Any] = {"acts": [_shown(one) for one in found[:limit]]}
    following = None
    if len(found) > limit:
        last = found[limit - 1]
        following = cursor.write(0, (stamp(last.occurred_at), last.act_id), "public", filters)
        body["next"] = following
    return answer(body, headers={**_KEPT, **cursor.link(following)})


@public.call(
    "/acts/<act_id>",
    answers=PublicActShownSchema,
    access="level",
    problems=_PROBLEMS,
    parameters=(_ACT,),
    of_cases=False,
)
def get_public_act(act_id: str) -> Response:
    """Một thông tin đã công bố · One publication.

    `corrected_by` names the public corrections of it. What is not public, was withdrawn or was
    never there is one 404.
    """
    found = _published().one(uuid.UUID(require_uuid(act_id)))
    body = {**_shown(found.said), "corrected_by": list(found.corrected_by)}
    return answer(body, headers=_KEPT)


def _published() -> Publications:
    """Raises: Problem: `not_found`: above ordinary nothing is public."""
    if enclave().facts.level != ORDINARY:
        raise Problem("not_found")
    return enclave().published


def _shown(one: PublicAct) -> dict[str, Any]:
    return {
        "act_id": one.act_id,
        "act": one.act,
        **act_names(one.act),
        "agency": one.agency,
        "agency_name": one.agency_name,
        "occurred_at": stamp(one.occurred_at),
        "facts": one.facts,
        "corrects": one.corrects,
        "corrected": one.corrected,
    }
