"""What waits for the caller (http.md §4)."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from flask import Response

from api.http.framework import freshness
from api.http.framework.admission import Heavy
from api.http.framework.endpoint import Resource
from api.http.framework.request_context import caller, now
from api.http.framework.responses import answer
from api.http.resources.common import serializers
from api.http.resources.common.served import enclave
from api.http.schemas.work import WorklistQuerySchema, WorklistShownSchema
from ledger.log.moment import stamp
from projections.queries.registry_as_of import other_keys

worklist = Resource("worklist", __name__, url_prefix="/v1", description="Việc cần làm · Worklist")


@worklist.call(
    "/worklist",
    query=WorklistQuerySchema,
    answers=WorklistShownSchema,
    projected=True,
    heavy=Heavy("worklist"),
)
def get_worklist(params: dict[str, Any]) -> Response:
    """Việc chờ tôi · To sign, to do, due and overdue, with which clock and its source.

    With `team=true` also what waits for others of the agencies that the caller supervises; the
    answer names these. It also names the keys that sign in the caller's name, beside the one that
    signed in.
    """
    freshness.require(params, "worklist")
    who, at = caller().officer, now()
    supervised = enclave().queries.registries.supervised(who, at)
    team = supervised if params["team"] else []
    index, tasks = enclave().queries.worklists.of(who, at, team=team, supervised=supervised)
    registry = enclave().queries.registries.at().registry
    first = slice(params.get("limit"))
    parts = {
        part.name: [serializers.task(row, at, registry) for row in getattr(tasks, part.name)[first]]
        for part in fields(tasks)
    }
    left_out = sum(1 for _ in tasks.every()) - sum(map(len, parts.values()))
    others = other_keys(registry, who, caller().kid, at)
    head = {"officer": who, "at": stamp(at), "team": team, "other_keys": others}
    return answer({**head, "left_out": left_out, **parts}, index=index)
