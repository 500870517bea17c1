"""The timeline of a case: every act on both clocks, in lanes; how the case stood at a moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from flask import Response, request

from api.http.framework.request_context import context, malformed
from api.http.pages.frame import agency_name, ask, page, render, spoken
from api.http.pages.lists import older, without_cursor
from api.http.pages.typed import moment_typed
from api.http.resources.addresses import get_case_act
from api.http.resources.cases import get_case, list_case_acts
from api.problems.problem import Problem
from api.texts.case_words import Speech, act_title
from api.texts.copied import copied
from ledger.errors import NotFound
from ledger.message import Message
from projections.queries.past.as_of import BeforeCase

MOST: Final = "200"
MOST_DETAILED: Final = "100"
"""Acts on a page: one of either kind stays below 100 kB."""
_LANES: Final = 5
"""Beside each other; what further agencies did shares the last."""
_FILTERS: Final = ("co-quan", "hanh-vi")
CLOCKS: Final = ("recorded", "occurred")
_STATED: Final = ("state", "outcome", "finding", "handler", "lead", "sub_processes")
"""What is shown of the state at a moment."""


def page_of_timeline(**_: str) -> Mapping[str, str]:
    """What the call is asked for a page of it."""
    most = MOST_DETAILED if is_detailed() else MOST
    return {"limit": most, "cursor": request.args.get("cursor", "")}


def _narrowed(**_: str) -> Mapping[str, str]:
    """The same, by the filters and in the order that the timeline is asked for."""
    given = request.args
    wanted = {"agency": given.get("co-quan", ""), "act": given.get("hanh-vi", "")}
    return {**page_of_timeline(), **wanted, "clock": given.get("dong-ho", "")}


def is_detailed() -> bool:
    """Whether every signature is shown."""
    return request.args.get("xem") == "chi-tiet"


@page("/ho-so/<case>/dien-bien", list_case_acts, twin_query=_narrowed)
def show_timeline(case: str) -> Response:
    """Every act in its order, on both clocks; and how the case stood at one moment."""
    found = ask(list_case_acts, _narrowed(), case=case)
    acts, clock = found.body["acts"], request.args.get("dong-ho") or CLOCKS[0]
    lanes = _lanes(acts)
    given = {name: request.args.get(name, "") for name in _FILTERS}
    return render(
        "timeline.html",
        spoken("timeline_title"),
        of=found,
        case=case,
        acts=[(act, _lane(act, lanes)) for act in acts],
        lanes=lanes,
        given=given,
        agencies=_by_name(found.body["agencies"], agency_name),
        types=_by_name(found.body["types"], partial(act_title, Speech(context().lang))),
        clock=clock,
        part=found.body.get("part"),
        documents=found.body.get("documents", ()),
        detailed=is_detailed(),
        moment=_moment(case, acts, found.body.get("statements", 0), clock),
        asked=request.args.get("luc", ""),
        last=found.body.get("statements", 0),
        newest=_newest(acts),
        older=older(found),
        first=without_cursor() if "cursor" in request.args else None,
    )


def _by_name(codes: Sequence[str], called: Callable[[str], str | None]) -> list[tuple[str, str]]:
    """(code, name) of each, by name."""
    return sorted(((code, called(code) or code) for code in codes), key=lambda one: one[1])


def index_at(case: str, place: str, member: str) -> int:
    """Index in the log of the statement at a place of the case.

    Args:
        case: Its id.
        place: The place, as it was typed.
        member: What it was asked by.

    Raises:
        Problem: `malformed_request`, where there is none that the reader sees.
        NotFound: They see nothing of the case.
    """
    try:
        act = ask(get_case_act, case=case, place=place.lstrip("0")).body
    except (NotFound, Problem) as error:
        if isinstance(error, Problem) and error.code != "not_found":
            raise
        ask(list_case_acts, {"limit": "1"}, case=case)  # a case that is not seen is not there
        raise malformed(
            member,
            Message("there is no statement of this number among those that you see here"),
        ) from error
    return int(next(one["index"] for one in act["statements"] if one["seq"] == int(place)))


def _newest(acts: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The last statement of the case among these, by its place, of those that have a digest.

    Of what is erased nobody knows one: a sheet of paper is held to the last that can be read.
    """
    own = [
        one
        for act in acts
        if "mirrored" not in act
        for one in act["statements"]
        if one["digest"] is not None
    ]
    return max(own, key=lambda one: int(one["seq"]), default=None)


def _lanes(acts: Sequence[Mapping[str, Any]]) -> list[str]:
    """The agencies whose officers wrote acts, in the order in which they came in."""
    named = [name for act in acts if (name := _written_by(act))]
    return list(dict.fromkeys(named))


def _written_by(act: Mapping[str, Any]) -> str:
    signer = act["statements"][0]["signer"] or {}
    return str(signer.get("agency_name") or signer.get("agency") or "")


def _lane(act: Mapping[str, Any], lanes: Sequence[str]) -> int:
    """Which lane, from 1."""
    name = _written_by(act)
    return min(lanes.index(name) + 1, _LANES) if name else 1


def _moment(
    case: str, acts: Sequence[Mapping[str, Any]], last: int, clock: str
) -> dict[str, Any] | None:
    """How the case stood at the entry `lan`, or at the time `luc`; None where none is asked for.

    Args:
        case: Its id.
        acts: Of this page: where statements are withheld, those beside it are sought among these.
        last: How many statements the case has, where all are shown; 0 else.
        clock: By which a time is meant.
    """
    named = copied(request.args.get("lan", ""))
    if not named:
        at = moment_typed(request.args.get("luc", ""))
        return _on(case, at, clock) if at else None
    index = index_at(case, named, "lan")
    place = int(named)
    now = ask(get_case, {"as_of": str(index)}, case=case).body
    before: Mapping[str, Any] = {}
    with suppress(BeforeCase):  # nothing of it was shown then
        before = ask(get_case, {"as_of": str(index - 1)}, case=case).body
    known: Sequence[int] = range(1, last + 1)
    if place not in known:
        known = sorted({*_places(acts), place})
    here = known.index(place)
    return {
        **_at(now, before),
        "place": place,
        "first": known[0],
        "last": known[-1],
        "earlier": None if here == 0 else known[here - 1],
        "later": None if here + 1 == len(known) else known[here + 1],
    }


def _places(acts: Sequence[Mapping[str, Any]]) -> Iterator[int]:
    """Of the statements of these acts, but for those of a lower log."""
    for act in acts:
        if "mirrored" not in act:
            yield from (one["seq"] for one in act["statements"])


def _on(case: str, at: str, clock: str) -> dict[str, Any]:
    try:
        return _at(ask(get_case, {"as_of": at, "clock": clock}, case=case).body)
    except BeforeCase:
        return {"place": None, "state": None, "facts": []}


def _at(now: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The state then, and what of it had just changed."""
    facts = [
        (name, now.get(name), before is not None and now.get(name) != before.get(name))
        for name in _STATED
    ]
    return {"place": None, "state": now, "facts": facts}
