"""Across cases: acts by what they are, what is new since the reader's last visit, a key's acts."""

from __future__ import annotations

import re
from typing import Any, Final

from flask import Response, request

from api.http.framework import page_cookies
from api.http.framework.request_context import caller, context, malformed, now
from api.http.pages.frame import Answered, ask, form, page, redirect, render, spoken
from api.http.pages.lists import (
    agencies_by_name,
    flags_by_name,
    older,
    types_by_name,
    without_cursor,
)
from api.http.resources.act_record import list_acts
from api.http.resources.common.served import enclave
from api.http.resources.feed import read_feed
from api.http.resources.registry import list_affected
from api.texts.case_words import Speech
from api.texts.copied import copied
from ledger.message import Message
from ledger.reads.shown import shows_nothing
from ledger.regulation.registry.calendar import local_day
from projections.views.statistics.indicators import INDICATORS, NO_FINDING

_FILTERS: Final = (
    "agency", "act", "flag", "figure", "late", "pending", "from", "to", "clock",
)  # fmt: skip
_EVENTS: Final = 50
"""Of what is new, a page; no more than so many batches are looked through for them."""
_BATCHES: Final = 5
_OF_A_BATCH: Final = "200"
_NEW: Final = "/thay-doi"
_AFTER: Final = re.compile(r"[?]after=([0-9]+)")


@page("/dien-bien", list_acts)
def show_acts() -> Response:
    """Acts of every case that the reader sees, by what they are; never by person."""
    given = request.args
    found = ask(list_acts, given)
    speech = Speech(context().lang)
    agencies = agencies_by_name(given.get("agency", ""))
    narrowed = any(given.get(name) for name in _FILTERS)
    return render(
        "acts.html",
        spoken("acts_title"),
        of=found,
        acts=found.body["acts"],
        given={name: given.get(name, "") for name in _FILTERS},
        kid_asked=given.get("kid", ""),
        agencies=agencies,
        names=dict(agencies),
        types=types_by_name(speech),
        flags=flags_by_name(speech),
        figures=[(one.code, speech.text(one.title)) for one in INDICATORS if one.marks],
        measures=NO_FINDING,
        year=local_day(now()).year,
        narrowed=narrowed,
        older=older(found),
        first=without_cursor() if "cursor" in given else None,
    )


def _from_here(**_: str) -> dict[str, str]:
    since = _since()
    return {"limit": _OF_A_BATCH} | ({} if since is None else {"after": str(since)})


def _since() -> int | None:
    """Behind which index: as the address says, else as this browser keeps it for its reader."""
    named = copied(request.args.get("tu", ""))
    if not named:
        return page_cookies.visited(caller().kid)
    return _index("tu", named)


def _index(member: str, text: str) -> int:
    """The number of a record, as somebody wrote it."""
    if not (text.isascii() and text.isdigit() and len(text) < 16):  # noqa: PLR2004  digits
        raise malformed(member, Message("it is the number of a record"))
    return int(text)


@page(_NEW, read_feed, twin_query=_from_here)
def show_new() -> Response:
    """What was recorded behind an index, of what the reader sees; never what an act says."""
    since = after = _since()
    events: list[dict[str, Any]] = []
    if after is None:
        shows_nothing()
    else:
        for _ in range(_BATCHES):
            found = ask(read_feed, {"after": str(after), "limit": _OF_A_BATCH})
            events += [one["data"] | {"time": one["time"]} for one in found.body]
            before, after = after, _reached(found, after)
            if after == before or len(events) >= _EVENTS:
                break
    newest = enclave().queries.positions.index()
    return render(
        "new.html",
        spoken("new_title"),
        since=since,
        upto=after,
        newest=newest,
        events=events,
        names=dict(agencies_by_name("")) if events else {},
        cases=enclave().queries.cases.called({one["stream"] for one in events}),
    )


def _reached(found: Answered, after: int) -> int:
    """The last index that was looked at, from which the feed leads on."""
    leads = _AFTER.search(found.link or "")
    return after if leads is None else int(leads[1])


@page(_NEW, read_feed, method="POST")
def keep_visit() -> Response:
    """Keeps in this browser how far its reader has read."""
    upto = _index("upto", form().get("upto", ""))
    shows_nothing()
    response = redirect(_NEW)
    page_cookies.visit(response, caller().kid, upto)
    return response


@page("/khoa/<kid>", list_affected)
def show_affected(kid: str) -> Response:
    """What a key touched, before it is revoked and after; a read that is noted."""
    found = ask(list_affected, request.args, kid=kid)
    return render(
        "affected.html",
        spoken("affected_title"),
        of=found,
        body=found.body,
        kid_asked=kid,
        acts_too=bool(enclave().queries.keys.told_for(kid, caller().officer, now())),
    )
