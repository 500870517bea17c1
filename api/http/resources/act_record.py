"""Acts across cases; one act, and its records byte for byte (http.md §4)."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from flask import Response

from api.http.framework import cursor, freshness
from api.http.framework.admission import Heavy
from api.http.framework.endpoint import Resource, in_path
from api.http.framework.request_context import malformed, now, require_uuid
from api.http.framework.responses import answer
from api.http.resources.common import filter_checks, key_reads, moments, raw_records, serializers
from api.http.resources.common.served import enclave
from api.http.resources.common.told_act import told_act
from api.http.schemas.act import EXAMPLE_ACT
from api.http.schemas.base import UUID as UUID_FORM
from api.http.schemas.base import ProjectedSchema
from api.http.schemas.statement import ActPageSchema, ActsQuerySchema, RawActSchema
from api.http.schemas.told_act import ToldActSchema
from ledger.message import Message
from ledger.streams.names import is_case
from projections.queries.acts.told_act import ToldAct
from projections.views.act_list import ActFilter

act_record = Resource("act", __name__, url_prefix="/v1/acts", description="Diễn biến · Acts")
_ID: Final = in_path("act_id", "uuid of the act.", example=EXAMPLE_ACT, pattern=f"^{UUID_FORM}$")


@act_record.call(
    "",
    query=ActsQuerySchema,
    answers=ActPageSchema,
    projected=True,
    headers=("Link",),
    problems=("bad_cursor", "key_not_yours"),
    heavy=Heavy("listing"),
    ordinary_alone=True,
)
def list_acts(params: dict[str, Any]) -> Response:
    """Diễn biến của mọi hồ sơ · Acts of all cases, newest first, one snapshot over all pages.

    Only what the caller may see, and never by person. By key (`kid`) for whoever supervises the
    agency of its officer, or reads under an inspection order; that is a read itself, and noted.
    """
    wanted = _filter(params)
    freshness.require(params, *wanted.views)
    bodies = key_reads.bodies_for(wanted.kid)
    bound = {name: params.get(name) for name in (*_FILTERS, "limit")}
    place = cursor.read(params.get("cursor"), "acts across", bound)
    index, lines = enclave().queries.acts.across(
        wanted,
        limit=params["limit"] + 1,
        after=(place.after[0], place.after[1]) if place else None,
        snapshot=place.index if place else None,
    )
    key_reads.note(wanted.kid, bodies)
    registry = enclave().queries.registries.at().registry
    body, following = cursor.keyset(
        "acts across",
        "acts",
        lines,
        params["limit"],
        index=index,
        filters=bound,
        key=lambda line: line.key(wanted.clock),
        shown=partial(serializers.act_line, at=now(), registry=registry),
    )
    return answer(body, index=index, headers=cursor.link(following))


_FILTERS: Final = (
    "agency", "act", "flag", "id_", "late", "pending", "kid", "figure", "from_", "to", "clock",
)  # fmt: skip


def _filter(params: dict[str, Any]) -> ActFilter:
    first, last = (moments.day(params.get(name), name.rstrip("_")) for name in ("from_", "to"))
    if first is not None and last is not None and first > last:
        raise malformed("from", Message("is after `to`"))
    filter_checks.agency(params.get("agency"))
    return ActFilter(
        agency=params.get("agency"),
        act=params.get("act"),
        flag=params.get("flag"),
        begins=params.get("id_"),
        late="late" in params,
        pending="pending" in params,
        kid=params.get("kid"),
        figure=params.get("figure"),
        at=now(),
        start=None if first is None else moments.midnight(first),
        end=None if last is None else moments.midnight(last, days=1),
        clock=params.get("clock", "recorded"),
    )


@act_record.call(
    "/<string(length=36):act_id>",
    query=ProjectedSchema,
    answers=ToldActSchema,
    projected=True,
    problems=("not_found", "too_much_asked"),
    parameters=(_ID,),
    heavy=Heavy("history"),
)
def get_act(params: dict[str, Any], act_id: str) -> Response:
    """Một diễn biến, đầy đủ · One act, whole.

    Who did what in a sentence, on which grounds and whether they were in force, facts with their
    labels, every signature with verdict and proof, what it changed (old → new), which acts it names
    and which of its case name it.
    """
    require_uuid(act_id)
    freshness.require(params, "acts")
    return act_whole(enclave().queries.acts.told(act_id, now()))


def act_whole(found: ToldAct) -> Response:
    """One act, whole."""
    tree = enclave().proofs.newest(one.row.index for one in found.statements)
    body = told_act(found, tree)
    _call_cases(body)
    return answer(body, index=found.index)


def _call_cases(body: dict[str, Any]) -> None:
    """Other cases that an act names, by what the caller knows them by."""
    others = {one["vi"] for one in body["facts"] if is_case(one["vi"])} - {body["stream"]}
    called = enclave().queries.cases.called_beside(others) if others else {}
    for one in body["facts"]:
        if (known := called.get(one["vi"])) is not None:
            one["case_number"] = known.case_number or known.register_no


@act_record.call(
    "/<string(length=36):act_id>/raw",
    answers=RawActSchema,
    problems=("not_found", "database_unavailable", "evidence_fails"),
    parameters=(_ID,),
    heavy=Heavy("writing"),  # whoever countersigns signs these: no debt of reading is in the way
)
def get_act_records(act_id: str) -> Response:
    """Bản ghi nguyên văn · Its records: the bytes committed to, with their proofs.

    Who has them can check signature, entry and inclusion with the log's key alone. Of what was
    erased by law the bytes are left out and the proofs stay.
    """
    require_uuid(act_id)
    return answer({"act_id": act_id, "records": raw_records.of_act(act_id)})
