"""One case: its file, why a field says what it says, one act, two moments, its check."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from flask import Response, request

from api.http.framework.admission import ANY
from api.http.pages.frame import (
    Answered,
    ask,
    given_out,
    holds_post,
    leads,
    page,
    redirect,
    render,
    spoken,
)
from api.http.pages.timeline import index_at
from api.http.pages.typed import moment_typed
from api.http.resources.act_record import get_act, get_act_records
from api.http.resources.addresses import get_case_act
from api.http.resources.cases import get_case, get_case_diff, get_field_history, verify_case
from api.http.resources.participants import list_participants
from api.texts.act_words import facts_set_in
from api.texts.case_words import ENDED, FILE_FACTS, acts_named
from ledger.reads.shown import shows_nothing
from ledger.regulation import act_in_words
from projections.queries.visibility import PartOnly

_EVIDENCE: Final = "/lan-ghi/<act_id>/bang-chung"


@page("/ho-so/<case>", get_case)
def show_case(case: str) -> Response:
    """The case file as it stands."""
    try:
        found = ask(get_case, case=case)
    except PartOnly:  # the timeline says how much of it they see
        shows_nothing()
        return redirect(f"/ho-so/{case}/dien-bien")
    file = found.body
    waits = file.get("pending")  # else nobody is asked about
    excluded = ask(list_participants, case=case).body["excluded"] if waits else []
    return render(
        "case.html",
        spoken("case", number=_called(file)),
        of=found,
        case=case,
        called="",
        body=file,
        facts=[(name, file.get(name)) for name in FILE_FACTS],
        met=(file.get("finding") or {}).get("limbs_met", []),
        clocks=[one for one in file.get("clocks", ()) if one["status"] not in ENDED],
        named=acts_named(file),
        holds=holds_post,
        out={one["officer"] for one in excluded},
    )


def _called(file: Mapping[str, Any]) -> str:
    return str(file.get("case_number") or file.get("register_no") or file["id"])


@page("/ho-so/<case>/vi-sao/<path:pointer>", get_field_history)
def show_reasons(case: str, pointer: str) -> Response:
    """Every change of one field of the case file, the newest first, with its acts."""
    found = ask(get_field_history, case=case, pointer=pointer)
    return render(
        "reasons.html",
        spoken("reasons_title"),
        of=found,
        case=case,
        pointer=pointer,
        whole=pointer.strip("/"),
        changes=found.body["changes"][::-1],
    )


@page("/ho-so/<case>/lan-ghi/<place>", get_case_act)
def show_act(case: str, place: str) -> Response:
    """One act: the sentence first, the bytes last."""
    return act_page(ask(get_case_act, case=case, place=place), f"/ho-so/{case}/lan-ghi/{place}")


@page("/lan-ghi/<act_id>", get_act)
def show_act_named(act_id: str) -> Response:
    """The same by the act's id, which deadlines, flags and other acts name; also of no case."""
    return act_page(ask(get_act, act_id=act_id), f"/lan-ghi/{act_id}")


@page(_EVIDENCE, get_act_records, produces=ANY, ordinary_alone=True)
def give_evidence(act_id: str) -> Response:
    """What one checks an act by elsewhere, as one file; above ordinary it leaves by a permit."""
    response = given_out(get_act_records, act_id=act_id)
    response.headers["Content-Disposition"] = f'attachment; filename="{act_id}.json"'
    return response


def act_page(found: Answered, address: str) -> Response:
    """An act, laid out."""
    act = found.body
    kind, _, name = act["stream"].partition("/")
    place = act["statements"][0]["seq"]
    named = {one["pointer"]: one for one in act["names"]}
    return render(
        "act.html",
        spoken("act_title", n=place),
        of=found,
        case=name if kind == "case" else None,
        place=place,
        address=address,
        act=act,
        ahead=act_in_words.ahead(str(act["act"])),
        payload=act["payload"] or {},
        related=[(name, _each(act[name])) for name in ("names", "named_by")],
        facts=facts_set_in(act["facts"]),
        evidence=_EVIDENCE.replace("<act_id>", act["act_id"]) if leads(_EVIDENCE) else None,
        named=named,
    )


def _each(acts: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Each act once, however often it is named."""
    return list({one["act_id"]: one for one in acts}.values())


def _moments() -> dict[str, str]:
    """`tu`, `den` and `dong-ho`, by the names that the call knows."""
    given = request.args
    clock = given.get("dong-ho", "")
    began, ended = (moment_typed(given.get(name, "")) for name in ("tu", "den"))
    return {"from": began, "to": ended, "clock": clock}


def _by_index(case: str, given: Mapping[str, str]) -> dict[str, str]:
    """The same, where a small number is a statement of the case, by its index in the log.

    A number behind `#` is that of a record already, as a reader keeps it between visits.
    """
    found = {
        name: value[1:] if re.fullmatch(r"#[0-9]{1,15}", value) else value
        for name, value in given.items()
    }
    for name, member in (("from", "tu"), ("to", "den")):
        if re.fullmatch(r"[0-9]{1,15}", given[name]):
            found[name] = str(index_at(case, given[name], member))
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
