"""Cases and acts by the addresses that people have: a number, a place in a case (http.md §4)."""

from __future__ import annotations

from typing import Any, Final

from flask import Response

from api.http.framework import freshness
from api.http.framework.admission import Heavy
from api.http.framework.endpoint import Resource, in_path
from api.http.framework.request_context import now, require_uuid
from api.http.resources.act_record import act_whole
from api.http.resources.cases import file_now
from api.http.resources.common import filter_checks
from api.http.resources.common.served import enclave
from api.http.schemas.base import UUID, ProjectedSchema
from api.http.schemas.case import EXAMPLE_CASE, ByNumberQuerySchema, CaseFileSchema
from api.http.schemas.told_act import ToldActSchema
from api.problems.problem import Problem

addresses = Resource("addresses", __name__, url_prefix="/v1", description="Địa chỉ · Addresses")
_CASE: Final = in_path("case", "uuid of the case.", example=EXAMPLE_CASE, pattern=f"^{UUID}$")
_PLACE: Final = in_path(
    "place",
    "Place (`seq`) of a statement in the case, from 1.",
    example="1",
    pattern="^[1-9][0-9]{0,8}$",
)
_NUMBER: Final = in_path(
    "number", "Case number or intake number, with its slashes.", example="2024/0187"
)


@addresses.call(
    "/cases/by-number/<path:number>",
    query=ByNumberQuerySchema,
    answers=CaseFileSchema,
    projected=True,
    problems=("not_found", "number_of_several", "part_only"),
    parameters=(_NUMBER,),
    heavy=Heavy("listing"),
)
def get_case_by_number(params: dict[str, Any], number: str) -> Response:
    """Hồ sơ theo số · The case file of a number, of the cases that you see whole.

    Agencies count their cases by themselves: where several have the number, `agency` says which.
    """
    freshness.require(params, "case_file")
    agency = params.get("agency")
    filter_checks.agency(agency)
    found = enclave().queries.cases.numbered(number.strip(), agency)
    if not found:
        raise Problem("not_found")
    if len(found) > 1:
        several = [
            {"id": line.id, "agency": line.agency, "handler": line.handler_label} for line in found
        ]
        raise Problem("number_of_several", members={"cases": several})
    return file_now(found[0].id)


@addresses.call(
    "/cases/<case>/acts/<place>",
    query=ProjectedSchema,
    answers=ToldActSchema,
    projected=True,
    problems=("not_found", "too_much_asked"),
    parameters=(_CASE, _PLACE),
    heavy=Heavy("history"),
)
def get_case_act(params: dict[str, Any], case: str, place: str) -> Response:
    """Một diễn biến theo thứ tự · The act of which a statement of the case is, whole.

    As `/v1/acts/{act_id}`; every statement of an act leads to it.
    """
    stream = f"case/{require_uuid(case)}"
    if not (place.isascii() and place.isdigit() and len(place) < _LONGEST and place[0] != "0"):
        raise Problem("not_found")
    freshness.require(params, "acts")
    with enclave().connections.lend():
        act_id = enclave().queries.acts.at(stream, int(place))
        found = enclave().queries.acts.told(act_id, now())
    return act_whole(found)


_LONGEST: Final = 10
