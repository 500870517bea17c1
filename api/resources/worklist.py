"""What waits for the caller (api.md §4)."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from flask import Response

from api.resources import fresh, shown
from api.resources.answer import answer
from api.resources.gate import Heavy
from api.resources.noun import Noun
from api.resources.request import caller, enclave, now
from api.schemas.work import WorklistQuery, WorklistShown
from ledger.log.moment import stamp

worklist = Noun("worklist", __name__, url_prefix="/v1", description="Việc cần làm · Worklist")


@worklist.call(
    "/worklist",
    query=WorklistQuery,
    answers=WorklistShown,
    projected=True,
    heavy=Heavy("worklist"),
)
def my_work(asked: dict[str, Any]) -> Response:
    """Việc chờ tôi · To sign, to do, due and overdue, with which clock and its source.

    With `team=true` also what waits for others of the agencies that the caller supervises; the
    answer names these.
    """
    fresh.require(asked, "worklist")
    who, at = caller().officer, now()
    team = enclave().inquiry.supervised(who, at) if asked["team"] else []
    index, tasks = enclave().inquiry.worklist(who, at, team=team)
    parts = {
        part.name: [shown.task(row, at) for row in getattr(tasks, part.name)]
        for part in fields(tasks)
    }
    return answer({"officer": who, "at": stamp(at), "team": team, **parts}, index=index)
