"""Lists: cases, what waits for the reader, agencies and keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from flask import Response, request

from api.http.framework.admission import View
from api.http.framework.request_context import caller, context, now
from api.http.pages.frame import Answered, ask, leads, page, render, spoken
from api.http.resources.act_record import list_acts
from api.http.resources.cases import list_cases
from api.http.resources.common.served import enclave
from api.http.resources.common.spreadsheet import CSV, sheet
from api.http.resources.registry import list_agencies, list_keys
from api.http.resources.worklist import get_worklist
from api.http.schemas.enumerations import CASE_SORT
from api.texts.case_words import IN_VAIN, Speech, act_title, day, flag
from api.texts.labels import PARTS_OF_WORK, function, word
from ledger.regulation.acts.catalogue import load
from ledger.regulation.acts.lifecycle import life_cycle
from ledger.regulation.case_file.flags import DISPUTED
from ledger.regulation.edition import load_edition
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.words import vocabulary
from projections.views.statistics.indicators import INDICATORS, NO_FINDING

_FILTERS: Final = (
    "q", "state", "agency", "outcome", "act", "flag", "due_before", "opened_from", "opened_to",
    "sort",
)  # fmt: skip
_MOST: Final = "200"
_OF_A_PAGE: Final = ("limit", "cursor")
_MEASURES: Final = "20"
"""Of a worklist: the link beside them leads to all."""
_FIRST: Final = "100"
"""Of each part of a worklist: whoever begins acts for another to sign makes no page longer."""


@page("/ho-so", list_cases)
def show_cases() -> Response:
    """The cases that the reader sees, by filters that stand in the address."""
    given = request.args
    found = ask(list_cases, given)
    figure = given.get("figure", "")
    narrowed = bool(figure) or any(given.get(name) for name in _FILTERS if name != "sort")
    return render(
        "cases.html",
        spoken("cases_title"),
        of=found,
        lines_of=found.body["cases"],
        given={name: given.get(name, "") for name in _FILTERS},
        choices=_choices(given.get("agency", "")),
        narrowed=narrowed,
        counted=_figure_named(figure),
        open_filter=(narrowed and not figure) or "sort" in given,
        older=older(found),
        first=without_cursor() if "cursor" in given else None,
    )


def _figure_named(code: str) -> str:
    """What a figure is called by which cases are listed; empty where by none."""
    named = next((one.title for one in INDICATORS if one.code == code), None)
    if named is not None:
        return Speech(context().lang).text(named)
    return spoken("stats_came").rstrip(":") if code else ""


def _choices(agency: str) -> dict[str, list[tuple[str, str]]]:
    """(code, words) of each filter that is chosen from a list."""
    speech = Speech(context().lang)
    n = 0 if speech.lang == "vi" else 1
    return {
        "state": [(code, words[n]) for code, words in life_cycle().labels.items()],
        "outcome": [(code, speech.text(one)) for code, one in vocabulary("outcomes").items()],
        "act": types_by_name(speech),
        "agency": agencies_by_name(agency),
        "flag": flags_by_name(speech),
        "sort": [(code, spoken(f"f_sorted_{code}")) for code in CASE_SORT.words],
    }


def agencies_by_name(chosen: str) -> list[tuple[str, str]]:
    """(id, name) of every agency, and of the one that was chosen.

    Several that were called alike, one after the other, say since when each is.
    """
    agencies = ask(list_agencies, {"limit": "200"}).body["agencies"]
    called = Counter(one["label"] for one in agencies)
    named = [
        (one["agency"], _called_since(one) if called[one["label"]] > 1 else one["label"])
        for one in agencies
    ]
    if chosen and chosen not in dict(named):
        named.append((chosen, chosen))
    return named


def _called_since(line: Mapping[str, Any]) -> str:
    since = day(line["valid_from"])
    return spoken("agency_since", agency=line["label"], day=since) if since else str(line["label"])


def types_by_name(speech: Speech) -> list[tuple[str, str]]:
    """(code, name) of every type of act, by name."""
    named = ((code, act_title(speech, code) or code) for code in load().types)
    return sorted(named, key=lambda one: one[1])


def flags_by_name(speech: Speech) -> list[tuple[str, str]]:
    """(code, words) of every flag."""
    raised = [one["code"] for one in load_edition().guards["guards"] if one["kind"] == "flag"]
    return [(code, flag(code, speech.lang)) for code in (*raised, DISPUTED)]


def older(found: Answered) -> str | None:
    """The address of the next page, as its `Link` says it."""
    return None if found.link is None else found.link.partition("<")[2].partition(">")[0]


def without_cursor() -> str:
    """The address of the first page."""
    kept = [(name, value) for name, value in request.args.items() if name not in _OF_A_PAGE]
    query = urlencode(kept)
    return f"{request.path}?{query}" if query else request.path


@page("/viec-can-lam", get_worklist)
def show_worklist() -> Response:
    """What waits for the reader, and for their agencies where they supervise."""
    found = ask(get_worklist, {"limit": str(_FIRST), **request.args})
    measures = []
    if found.body["team"] and leads("/dien-bien"):
        measures = ask(list_acts, {"figure": NO_FINDING.code, "limit": _MEASURES}).body["acts"]
    return render(
        "worklist.html",
        spoken("work_title"),
        of=found,
        at=found.body["at"],
        team="team" in request.args,
        other_keys=found.body["other_keys"],
        measures=measures,
        figure=NO_FINDING,
        in_vain=IN_VAIN,
        parts=[(part, found.body[part]) for part in PARTS_OF_WORK if found.body[part]],
        left_out=found.body["left_out"],
    )


def _as_csv(name: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """A table of the registry to take along."""
    response = Response(sheet([[*map(spoken, heads)], *rows]), content_type=CSV)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _every(call: View, name: str) -> list[Mapping[str, Any]]:
    """All lines: a table that is taken along says nowhere that there are more."""
    kept = {name: value for name, value in request.args.items() if name not in _OF_A_PAGE}
    given, lines = {**kept, "limit": _MOST}, []
    while True:
        body = ask(call, given).body
        lines += body[name]
        if "next" not in body:
            return lines
        given = {**given, "cursor": body["next"]}


@page("/co-quan.csv", list_agencies, produces=CSV)
def give_agencies() -> Response:
    """The agencies as a table; nothing of a case is in it (ADR 86)."""
    heads = ("a_name", "a_code", "a_functions", "a_posts", "a_until", "a_carried_on_by")
    return _as_csv("co-quan", heads, (
        (one["label"], one["agency"], "; ".join(functions), "; ".join(posts),
         one["valid_to"] or "", one["carried_on_by"] or "")
        for one, functions, posts
        in _agencies_in_words(_every(list_agencies, "agencies"))
    ))  # fmt: skip


@page("/khoa.csv", list_keys, produces=CSV)
def give_keys() -> Response:
    """The keys as a table; likewise."""
    heads = ("k_kid", "k_status", "k_custody", "k_from", "k_to", "k_enrolled", "k_revoked")
    lang = context().lang
    return _as_csv("khoa", heads, (
        (one["kid"], word(one["status"], lang), word(one["custody"] or "", lang),
         one["valid_from"] or "", one["valid_to"] or "", one["enrolled_index"],
         "" if one["revoked_index"] is None else one["revoked_index"])
        for one in _every(list_keys, "keys")
    ))  # fmt: skip


def _agencies_in_words(
    lines: Sequence[Mapping[str, Any]],
) -> list[tuple[Mapping[str, Any], list[str], list[str]]]:
    """(line, its functions, its posts), each by what it is called."""
    known = enclave().ledger.follower.current.registry
    lang = context().lang
    named = []
    for line in lines:
        called = [known.post_name(line["agency"], code) for code in line["posts"]]
        named.append((line, [function(one, lang) for one in line["functions"]], called))
    return named


@page("/co-quan", list_agencies)
def show_agencies() -> Response:
    """Agencies as they were on a day."""
    found = ask(list_agencies, request.args)
    return render(
        "agencies.html",
        spoken("agencies_title"),
        of=found,
        agencies=_agencies_in_words(found.body["agencies"]),
        on=request.args.get("as_of") or local_day(now()).isoformat(),
        older=older(found),
        first=without_cursor() if "cursor" in request.args else None,
    )


@page("/khoa", list_keys)
def show_keys() -> Response:
    """Keys with their history; whose they are stands with the officer, and no list of acts."""
    found = ask(list_keys, {"limit": "200", **request.args})
    kids = [one["kid"] for one in found.body["keys"]] if leads("/khoa/<kid>") else []
    return render(
        "keys.html",
        spoken("keys_title"),
        of=found,
        keys=found.body["keys"],
        answered=enclave().queries.keys.answered_for(kids, caller().officer, now()),
        older=older(found),
        first=without_cursor() if "cursor" in request.args else None,
    )
