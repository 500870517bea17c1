"""The first page, for a stranger; language; signing in and out."""

from __future__ import annotations

from flask import Response, request

from api.http.framework import page_cookies
from api.http.pages.frame import SIGN_IN, Answered, ask, form, local, page, redirect, render, spoken
from api.http.resources.common.served import enclave
from api.http.resources.log import get_log
from api.http.resources.session import address_of_caller
from api.problems.problem import Problem
from api.settings import ORDINARY
from api.texts.copied import copied

_FAILED: frozenset[str] = frozenset({"sign_in_failed"})
_SIGNED_OUT = "ra"


@page("/")
def start() -> Response:
    """What this log is, and how to check it; above ordinary, nothing of it."""
    facts, note = _facts()
    return render(
        "start.html",
        spoken("start_title"),
        log=facts,
        note=note,
        url=_url(),
        signed_out=request.args.get(_SIGNED_OUT) is not None,
    )


def _url() -> str:
    """Where this is asked, as one would type it: behind its proxy a real enclave is HTTPS alone."""
    scheme = request.scheme if enclave().facts.rehearsal else "https"
    return f"{scheme}://{request.host}"


def _facts() -> tuple[Answered | None, list[str]]:
    """The log's facts, and its newest checkpoint by lines; nothing above ordinary."""
    if enclave().facts.level != ORDINARY:
        return None, []
    latest = enclave().checkpoints.latest()
    return ask(get_log), [] if latest is None else latest[1].decode("utf-8").splitlines()


@page("/ngon-ngu", method="POST")
def choose_language() -> Response:
    """Keeps the language, and leads back to where it was chosen."""
    members = form()
    response = redirect(local(members.get("next"), "/"))
    page_cookies.speak(response, members.get("lang", ""))
    return response


@page("/mui-gio", method="POST")
def choose_zone() -> Response:
    """Keeps the zone in which times are told, and leads back to where it was chosen."""
    members = form()
    response = redirect(local(members.get("next"), "/"))
    page_cookies.tell_in(response, members.get("zone", ""))
    return response


@page(SIGN_IN)
def sign_in() -> Response:
    """How to sign in: with a key in this browser, or with an answer made at a terminal."""
    return _sign_in_page(request.args.get("next"), failed=False)


def _sign_in_page(to: str | None, *, failed: bool) -> Response:
    facts = enclave().facts
    known = facts if facts.level == ORDINARY else None
    return render(
        "sign_in.html",
        spoken("sign_in_title"),
        status=403 if failed else 200,
        headers={"Cache-Control": "no-store"},  # Back would show a form that is taken no more
        failed=failed,
        origin="" if known is None else known.origin,
        genesis="" if known is None else known.genesis,
        url=_url(),
        next=local(to),
    )


@page(SIGN_IN, method="POST")
def take_sign_in() -> Response:
    """Begins a session for a signed answer (formats.md §9); every failure looks the same."""
    members = form()
    to = members.get("next")
    try:
        # one line without a blank, which a terminal that copies what it shows breaks at its width
        answer = copied(members.get("answer", "")).replace(" ", "").encode()
        _, caller = enclave().sign_in.by_challenge(answer, address_of_caller())
        fresh = enclave().page_sessions.begin(caller)
    except Problem as problem:
        if problem.code not in _FAILED:
            raise
        return _sign_in_page(to, failed=True)
    response = redirect(local(to))
    page_cookies.begin(response, fresh)
    return response


@page("/dang-xuat", method="POST")
def sign_out() -> Response:
    """Ends the session in this browser, and what it has kept of pages."""
    form()
    response = redirect(f"/?{_SIGNED_OUT}=1")
    page_cookies.end(response)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response
