"""One case: its file, its timeline with the state at a place, one act, two moments, its check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from flask import Response, request

from api.http.framework.request_context import malformed
from api.http.pages.frame import Answered, ask, page, redirect, render, spoken
from api.http.pages.lists import older
from api.http.resources.addresses import get_case_act
from api.http.resources.cases import get_case, get_case_diff, list_case_acts, verify_case
from ledger.message import Message
from ledger.reads.shown import shows_nothing
from projections.queries.queries import PartOnly

_MOST: Final = "200"
_ENDED: Final = frozenset({"STOPPED", "ENDED", "EXTENDED"})
_FACTS: Final = (
    "outcome", "finding", "handler", "lead", "finders", "register_no", "urgency", "alleged_limb",
    "opened_at", "registered_at", "reporters", "statements",
)  # fmt: skip
_STATED: Final = ("state", "outcome", "finding", "handler", "lead", "open_sub_processes")
"""What is shown of the state at a statement."""


@page("/ho-so/<case>", get_case)
def show_case(case: str) -> Response:
    """The case file as it stands."""
    try:
        found = ask(get_case, case=case)
    except PartOnly:  # the timeline says how much of it they see
        shows_nothing()
        return redirect(f"/ho-so/{case}/dien-bien")
    file = found.body
    return render(
        "case.html",
        spoken("case", number=_called(file)),
        of=found,
        case=case,
        body=file,
        facts=[(name, file.get(name)) for name in _FACTS],
        clocks=[one for one in file.get("clocks", ()) if one["status"] not in _ENDED],
    )


def _called(file: Mapping[str, Any]) -> str:
    return str(file.get("case_number") or file.get("register_no") or file["id"])


def _page_of_timeline(**_: str) -> Mapping[str, str]:
    return {"limit": _MOST, "cursor": request.args.get("cursor", "")}


def _timeline(case: str) -> Answered:
    return ask(list_case_acts, _page_of_timeline(), case=case)


@page("/ho-so/<case>/dien-bien", list_case_acts, twin_query=_page_of_timeline)
def show_timeline(case: str) -> Response:
    """Every act in its order, on both clocks; and how the case stood at one entry."""
    found = _timeline(case)
    acts = found.body["acts"]
    places = _places(acts)
    return render(
        "timeline.html",
        spoken("timeline_title"),
        of=found,
        case=case,
        acts=acts,
        part=found.body.get("part"),
        documents=found.body.get("documents", ()),
        detailed=request.args.get("xem") == "chi-tiet",
        moment=_moment(case, places),
        places=sorted(places),
        older=older(found),
    )


def _places(acts: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """Index in the log of each entry of the case, by its place there."""
    return {
        one["seq"]: one["index"]
        for act in acts
        if "mirrored" not in act
        for one in act["statements"]
    }


def _moment(case: str, places: Mapping[int, int]) -> dict[str, Any] | None:
    """How the case stood at the entry that `lan` names; None where none is asked for."""
    named = request.args.get("lan", "")
    if not named:
        return None
    if not (named.isascii() and named.isdigit() and int(named) in places):
        raise malformed(
            "lan",
            Message("there is no statement of this number among those that you see here"),
        )
    place = int(named)
    known = sorted(places)
    at = known.index(place)
    now = ask(get_case, {"as_of": str(places[place])}, case=case).body
    earlier = None if at == 0 else known[at - 1]
    before: Mapping[str, Any] = {}
    if earlier is not None:
        before = ask(get_case, {"as_of": str(places[earlier])}, case=case).body
    return {
        "place": place,
        "last": known[-1],
        "earlier": earlier,
        "later": None if at + 1 == len(known) else known[at + 1],
        "state": now,
        "facts": [(name, now.get(name), now.get(name) != before.get(name)) for name in _STATED],
    }


@page("/ho-so/<case>/lan-ghi/<place>", get_case_act)
def show_act(case: str, place: str) -> Response:
    """One act: the sentence first, the bytes last."""
    found = ask(get_case_act, case=case, place=place)
    act = found.body
    named = {one["pointer"]: one for one in act["names"]}
    return render(
        "act.html",
        spoken("act_title", n=place),
        of=found,
        case=case,
        place=place,
        act=act,
        payload=act["payload"] or {},
        facts=_set_in(act["facts"]),
        named=named,
    )


def _set_in(facts: Sequence[Mapping[str, Any]]) -> list[tuple[int, Mapping[str, str], Any]]:
    """(depth, label, fact) a line; what several facts lie within stands once above them."""
    lines: list[tuple[int, Mapping[str, str], Any]] = []
    for earlier, one in pairwise([None, *facts]):
        assert one is not None  # noqa: S101  only the first of all pairs begins with none
        above = [] if earlier is None else earlier["labels"][:-1]
        labels = one["labels"]
        same = 0
        while same < len(labels) - 1 and same < len(above) and above[same] == labels[same]:
            same += 1
        lines += [(depth, labels[depth], None) for depth in range(same, len(labels) - 1)]
        lines.append((len(labels) - 1, labels[-1], one))
    return lines


def _moments() -> dict[str, str]:
    """`tu`, `den` and `dong-ho`, by the names that the call knows."""
    given = request.args
    clock = given.get("dong-ho", "")
    return {"from": given.get("tu", ""), "to": given.get("den", ""), "clock": clock}


def _by_index(case: str, given: Mapping[str, str]) -> dict[str, str]:
    """The same, where a small number is a statement of the case, by its index in the log."""
    entries = {name for name in ("from", "to") if given[name].isascii() and given[name].isdigit()}
    if not entries:
        return dict(given)
    places = _places(_timeline(case).body["acts"])
    found = dict(given)
    for name in entries:
        place = int(given[name])
        if place not in places:
            raise malformed(
                "tu" if name == "from" else "den",
                Message("there is no statement of this number among those that you see here"),
            )
        found[name] = str(places[place])
    return found


def _twin_moments(case: str) -> Mapping[str, str]:
    return _by_index(case, _moments())


@page("/ho-so/<case>/so-sanh", get_case_diff, twin_query=_twin_moments)
def compare(case: str) -> Response:
    """What changed between two moments; with none named, the form that asks for them."""
    asked_for = _moments()
    if not asked_for["from"]:
        file = ask(get_case, case=case)
        return render(
            "compare.html", spoken("compare_title"), case=case, given=asked_for, found=None,
            body=file.body, of=None,
        )  # fmt: skip
    found = ask(get_case_diff, _by_index(case, asked_for), case=case)
    file = ask(get_case, case=case)
    return render(
        "compare.html",
        spoken("compare_title"),
        of=found,
        case=case,
        given=asked_for,
        found=found.body,
        body=file.body,
    )


@page("/ho-so/<case>/kiem-chung", verify_case)
def verify(case: str) -> Response:
    """Every statement by signature and proof, and one verdict, with its reason."""
    found = ask(verify_case, case=case)
    return render("verify.html", spoken("verify_title"), of=found, case=case, body=found.body)
