"""One act, and its records byte for byte (http.md §4)."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from flask import Response

from api.http.framework import freshness
from api.http.framework.admission import Heavy
from api.http.framework.endpoint import Resource, in_path
from api.http.framework.request_context import now, require_uuid
from api.http.framework.responses import answer
from api.http.resources.common.served import enclave
from api.http.resources.common.told_act import told_act
from api.http.schemas.act import EXAMPLE_ACT
from api.http.schemas.base import UUID as UUID_FORM
from api.http.schemas.base import ProjectedSchema
from api.http.schemas.statement import RawActSchema
from api.http.schemas.told_act import ToldActSchema
from api.problems.problem import Problem
from keys import canonical
from ledger.errors import NotFound
from ledger.ports import StoredRecord
from ledger.reads.shown import shows

act_record = Resource("act", __name__, url_prefix="/v1/acts", description="Diễn biến · Acts")
_ID: Final = in_path("act_id", "uuid of the act.", example=EXAMPLE_ACT, pattern=f"^{UUID_FORM}$")


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
    return act_whole(act_id)


def act_whole(act_id: str) -> Response:
    """One act, whole. Raises: NotFound."""
    found = enclave().queries.told(act_id, now())
    latest = enclave().checkpoints.latest()
    return answer(told_act(found, latest), index=enclave().queries.index("acts"))


@act_record.call(
    "/<string(length=36):act_id>/raw",
    answers=RawActSchema,
    problems=("not_found", "database_unavailable", "evidence_fails"),
    parameters=(_ID,),
)
def get_act_records(act_id: str) -> Response:
    """Bản ghi nguyên văn · Its records: the bytes committed to, with their proofs.

    Who has them can check signature, entry and inclusion with the log's key alone. Of what was
    erased by law the bytes are left out and the proofs stay.
    """
    require_uuid(act_id)
    with enclave().lend():
        rows = enclave().records.act(UUID(act_id))
        if not rows:
            raise Problem("not_found")
        enclave().rights.require(rows[0].stream, [act_id])
        shows("RECORD", rows[0].stream, rows[0].stream_id, [row.index for row in rows])
    records = [_record(row) for row in rows]
    return answer({"act_id": act_id, "records": records})


def _record(row: StoredRecord) -> dict[str, Any]:
    opened = enclave().reader.open(row)
    body: dict[str, Any] = {"index": row.index, "entry": canonical.b64(row.entry)}
    if opened.envelope:
        body["envelope"] = canonical.b64(opened.envelope)
    try:
        body["proof"] = enclave().proofs.inclusion(row.index)
    except NotFound:
        return body  # durable, not proven yet
    return body
