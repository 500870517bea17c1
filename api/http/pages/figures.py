"""Statistics: each figure with what it counts, its period, and a way to the cases behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Response, request

from api.http.pages.frame import ask, page, render, spoken
from api.http.pages.lists import agencies_by_name
from api.http.resources.common.served import enclave
from api.http.resources.statistics import get_statistics
from api.texts.case_words import day
from projections.views.statistics.indicators import OF_ACTS

_FORM: Final = ("from", "to", "agency")
_LISTED: Final = "/v1/cases?"


@page("/thong-ke", get_statistics)
def show_statistics() -> Response:
    """Of the cases that the reader may list; totals of all for whoever oversees (`of`)."""
    found = ask(get_statistics, request.args)
    body = found.body
    given = {name: request.args.get(name, "") for name in _FORM}
    return render(
        "statistics.html",
        spoken("stats_title"),
        of=found,
        body=body,
        given=given | {"from": body["from"], "to": body["to"]},
        agencies=agencies_by_name(given["agency"]),
        first=day(body["from"]),
        last=day(body["to"]),
        of_acts=OF_ACTS,
        totals=enclave().queries.figures.tells_totals(),
        behind=_behind,
    )


def _behind(line: Mapping[str, Any]) -> str | None:
    """The page of the list that a call names; None where there is no such list."""
    named = line.get("list")
    return None if not named else f"/ho-so?{named.removeprefix(_LISTED)}"
