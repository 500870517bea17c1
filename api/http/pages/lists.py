"""Lists: cases, what waits for the reader, agencies and keys."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Final
from urllib.parse import urlencode

from flask import Response, request

from api.http.framework.request_context import context, now
from api.http.pages.frame import Answered, ask, page, render, spoken
from api.http.resources.cases import list_cases
from api.http.resources.common import moments
from api.http.resources.registry import list_agencies, list_keys
from api.http.resources.worklist import get_worklist
from api.http.schemas.enumerations import CASE_SORT
from api.texts.case_words import Speech, act_title, coded_flag
from api.texts.labels import PARTS_OF_WORK
from ledger.regulation.acts.catalogue import load
from ledger.regulation.acts.json_shape import parse_date
from ledger.regulation.acts.lifecycle import life_cycle
from ledger.regulation.case_file.flags import DISPUTED
from ledger.regulation.edition import load_edition
from ledger.regulation.registry.calendar import local_day, local_time
from ledger.regulation.words import vocabulary

_FILTERS: Final = (
    "q", "state", "agency", "outcome", "act", "flag", "due_before", "opened_from", "opened_to",
    "sort",
)  # fmt: skip
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_OF_A_PAGE: Final = ("limit", "cursor")


def _wanted() -> dict[str, str]:
    """The filters as the call knows them: a day stands for its end."""
    given = dict(request.args)
    due = given.get("due_before", "")
    if _DAY.fullmatch(due):
        with suppress(ValueError):
            given["due_before"] = local_time(moments.midnight(parse_date(due), days=1))
    return given


@page("/ho-so", list_cases, twin_query=_wanted)
def show_cases() -> Response:
    """The cases that the reader sees, by filters that stand in the address."""
    given = request.args
    found = ask(list_cases, _wanted())
    narrowed = any(given.get(name) for name in _FILTERS if name != "sort")
    return render(
        "cases.html",
        spoken("cases_title"),
        of=found,
        lines_of=found.body["cases"],
        given={name: given.get(name, "") for name in _FILTERS},
        choices=_choices(given.get("agency", "")),
        narrowed=narrowed,
        open_filter=narrowed or "sort" in given,
        older=older(found),
        first=_without_cursor() if "cursor" in given else None,
    )


def _choices(agency: str) -> dict[str, list[tuple[str, str]]]:
    """(code, words) of each filter that is chosen from a list."""
    speech = Speech(context().lang)
    n = 0 if speech.lang == "vi" else 1
    agencies = ask(list_agencies, {"limit": "200"}).body["agencies"]
    named = [(one["agency"], one["label"]) for one in agencies]
    if agency and agency not in dict(named):
        named.append((agency, agency))
    raised = [one["code"] for one in load_edition().guards["guards"] if one["kind"] == "flag"]
    return {
        "state": [(code, words[n]) for code, words in life_cycle().labels.items()],
        "outcome": [(code, speech.text(one)) for code, one in vocabulary("outcomes").items()],
        "act": sorted(
            ((code, act_title(speech, code) or code) for code in load().types),
            key=lambda one: one[1],
        ),
        "agency": named,
        "flag": [(code, coded_flag(code, speech.lang)) for code in (*raised, DISPUTED)],
        "sort": [(code, spoken(f"f_sorted_{code}")) for code in CASE_SORT.words],
    }


def older(found: Answered) -> str | None:
    """The address of the next page, as its `Link` says it."""
    return None if found.link is None else found.link.partition("<")[2].partition(">")[0]


def _without_cursor() -> str:
    kept = [(name, value) for name, value in request.args.items() if name not in _OF_A_PAGE]
    query = urlencode(kept)
    return f"{request.path}?{query}" if query else request.path


@page("/viec-can-lam", get_worklist)
def show_worklist() -> Response:
    """What waits for the reader, and for their agencies where they supervise."""
    found = ask(get_worklist, request.args)
    return render(
        "worklist.html",
        spoken("work_title"),
        of=found,
        at=found.body["at"],
        team="team" in request.args,
        parts=[(part, found.body[part]) for part in PARTS_OF_WORK if found.body[part]],
    )


@page("/co-quan", list_agencies)
def show_agencies() -> Response:
    """Agencies as they were on a day."""
    found = ask(list_agencies, request.args)
    return render(
        "agencies.html",
        spoken("agencies_title"),
        of=found,
        agencies=found.body["agencies"],
        on=request.args.get("as_of") or local_day(now()).isoformat(),
        older=older(found),
        first=_without_cursor() if "cursor" in request.args else None,
    )


@page("/khoa", list_keys)
def show_keys() -> Response:
    """Keys with their history; whose they are stands with the officer, and no list of acts."""
    found = ask(list_keys, request.args)
    return render(
        "keys.html",
        spoken("keys_title"),
        of=found,
        keys=found.body["keys"],
        older=older(found),
        first=_without_cursor() if "cursor" in request.args else None,
    )
