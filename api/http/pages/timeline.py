"""The timeline of a case: every act on both clocks, in lanes; how the case stood at a moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flask import Response, request

from api.http.framework.request_context import context, malformed
from api.http.pages.frame import Answered, ask, page, render, spoken
from api.http.pages.lists import older
from api.http.pages.typed import moment_typed
from api.http.resources.cases import get_case, list_case_acts
from api.texts.copied import copied
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


def is_detailed() -> bool:
    """Whether every signature is shown."""
    return request.args.get("xem") == "chi-tiet"


def timeline(case: str) -> Answered:
    """The acts of a case, a page of them."""
    return ask(list_case_acts, page_of_timeline(), case=case)


@page("/ho-so/<case>/dien-bien", list_case_acts, twin_query=page_of_timeline)
def show_timeline(case: str) -> Response:
    """Every act in its order, on both clocks; and how the case stood at one moment."""
    found = timeline(case)
    clock = _clock()
    acts = found.body["acts"]
    lanes = _lanes(acts)
    types = {act["act"]: _titled(act) for act in acts if act["act"]}
    given = {name: request.args.get(name, "") for name in _FILTERS}
    acts = [act for act in acts if _is_wanted(act, given)]
    if clock == "occurred":
        acts = sorted(acts, key=_happened)
    return render(
        "timeline.html",
        spoken("timeline_title"),
        of=found,
        case=case,
        acts=[(act, _lane(act, lanes)) for act in acts],
        lanes=lanes,
        given=given,
        agencies=[(name, name) for name in lanes],
        types=sorted(types.items(), key=lambda one: one[1]),
        clock=clock,
        part=found.body.get("part"),
        documents=found.body.get("documents", ()),
        detailed=is_detailed(),
        moment=_moment(case, found.body["acts"], clock),
        asked=request.args.get("luc", ""),
        places=sorted(places_of(found.body["acts"])),
        newest=_newest(found.body["acts"]),
        older=older(found),
    )


def _titled(act: Mapping[str, Any]) -> str:
    return str(act[f"act_{context().lang}"] or act["act"])


def _is_wanted(act: Mapping[str, Any], given: Mapping[str, str]) -> bool:
    """Whether an act is of the agency and the type that are asked for, if any is."""
    agency, kind = given["co-quan"], given["hanh-vi"]
    return (not agency or _written_by(act) == agency) and (not kind or act["act"] == kind)


def places_of(acts: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """Index in the log of each entry of the case, by its place there."""
    return {
        one["seq"]: one["index"]
        for act in acts
        if "mirrored" not in act
        for one in act["statements"]
    }


def _newest(acts: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The last statement of the case among these, by its place."""
    own = [one for act in acts if "mirrored" not in act for one in act["statements"]]
    return max(own, key=lambda one: int(one["seq"]), default=None)


def _clock() -> str:
    clock = request.args.get("dong-ho") or CLOCKS[0]
    if clock not in CLOCKS:
        raise malformed("dong-ho", Message("it is `recorded` or `occurred`"))
    return clock


def _happened(act: Mapping[str, Any]) -> tuple[str, int]:
    first = act["statements"][0]
    return act["occurred_at"] or first["recorded_at"], first["seq"]


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


def _moment(case: str, acts: Sequence[Mapping[str, Any]], clock: str) -> dict[str, Any] | None:
    """How the case stood at the entry `lan`, or at the time `luc`; None where none is asked for."""
    named = copied(request.args.get("lan", ""))
    if not named:
        at = moment_typed(request.args.get("luc", ""))
        return _on(case, at, clock) if at else None
    places = places_of(acts)
    if named not in map(str, places):
        raise malformed(
            "lan",
            Message("there is no statement of this number among those that you see here"),
        )
    place = int(named)
    known = sorted(places)
    at_place = known.index(place)
    now = ask(get_case, {"as_of": str(places[place])}, case=case).body
    earlier = None if at_place == 0 else known[at_place - 1]
    before: Mapping[str, Any] = {}
    if earlier is not None:
        before = ask(get_case, {"as_of": str(places[earlier])}, case=case).body
    later = None if at_place + 1 == len(known) else known[at_place + 1]
    return {
        **_at(now, before),
        "place": place,
        "first": known[0],
        "last": known[-1],
        "earlier": earlier,
        "later": later,
    }


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
