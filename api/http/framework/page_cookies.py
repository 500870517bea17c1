"""Cookies of the pages: who reads, the mark of the browser's forms, its language (ADR 74).

Every cookie is `__Host-`, HttpOnly, Secure and SameSite=Strict: no other host sets or gets one, no
script reads one, no link from elsewhere brings one along. One exception: a rehearsal that is asked
over plain HTTP by this very machine (`127.0.0.1`, `localhost`, `[::1]`), where no browser takes the
prefix; there the names are others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal

from flask import Response, g, request

from api.http.framework.request_context import host
from api.page_sessions import PageSession
from api.problems.problem import Problem
from api.settings import ORDINARY
from api.texts.lang import LANGS, Lang

Name = Literal["session", "form", "lang", "zone", "visit"]
_OF_THIS_MACHINE: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
_A_YEAR_S: Final = 365 * 24 * 3600
FORM_MEMBER: Final = "form"
"""Name of the member by which a form says for which browser it was made."""
_UTC: Final = "utc"
_OWN_ZONE: Final = "vn"
_VISIT: Final = re.compile(r"([\w-]{43})\.([0-9]{1,15})")
_SAME: Final = "same-origin"
_OWN: Final = frozenset({_SAME, "none"})


def plain() -> bool:
    """Whether the exception holds: a rehearsal, over plain HTTP, on this machine."""
    here = request.host.rpartition(":")[0] or request.host
    if request.host.endswith("]"):
        here = request.host
    return host().facts.rehearsal and request.scheme == "http" and here in _OF_THIS_MACHINE


def _named(name: Name) -> str:
    return f"socai-rehearsal-{name}" if plain() else f"__Host-socai-{name}"


def _got(name: Name) -> str | None:
    return request.cookies.get(_named(name))


def _give(response: Response, name: Name, value: str, life_s: int | None = None) -> None:
    response.set_cookie(
        _named(name),
        value,
        max_age=life_s,
        path="/",
        secure=not plain(),
        httponly=True,
        samesite="Strict",
    )


def _from_own() -> bool:
    """Whether a page of ours asks, or who sits there; as far as the browser says who it is."""
    return request.headers.get("Sec-Fetch-Site", _SAME) in _OWN


def session() -> PageSession:
    """The session that this request brings, where no page of another host makes it.

    A browser takes a neighbour of the same domain for us (`SameSite`), and any other port too.

    Raises:
        Problem: `not_signed_in`.
    """
    if not _from_own():
        raise Problem("not_signed_in")
    return host().page_sessions.of(_got("session"))


def used() -> PageSession:
    """The same, of a page that asks for one: its use keeps it from ending as idle.

    Never of a page for anyone: behind a sign-out, or another's sign-in, it would be given back.
    """
    found = g.page_session = session()
    return found


def begin(response: Response, fresh: PageSession) -> None:
    """Gives the browser a new session, and its forms a new mark."""
    _give(response, "session", host().page_sessions.sealed(fresh))
    _give(response, "form", host().page_sessions.mark())


def end(response: Response) -> None:
    """Takes session and mark from the browser."""
    names: tuple[Name, ...] = ("session", "form")
    for name in names:
        _give(response, name, "", 0)


def renew(response: Response) -> None:
    """Seals the session that was used anew, where it is a minute old; an idle one ends."""
    known: PageSession | None = g.get("page_session")
    fresh = None if known is None else host().page_sessions.renewed(known)
    if fresh is not None:
        _give(response, "session", host().page_sessions.sealed(fresh))


def form_token() -> str:
    """What the forms of the page carry that is being made."""
    if "page_mark" not in g:
        g.page_mark = _got("form")
        if g.page_mark is None:
            g.page_mark = g.new_page_mark = host().page_sessions.mark()
    return host().page_sessions.form_token(g.page_mark)


def give_mark(response: Response) -> None:
    """Gives the browser the mark of the forms that its page has, where it had none."""
    fresh: str | None = g.get("new_page_mark")
    if fresh is not None:
        _give(response, "form", fresh)


def is_own(form: Mapping[str, str]) -> bool:
    """Whether a form was made for this browser, and since it signed in: no other is taken."""
    sent = form.get(FORM_MEMBER, "")
    return _from_own() and host().page_sessions.fits(sent, _got("form"))


def was_own() -> bool:
    """Whether a form that is not taken came from a page of ours in this browser all the same.

    By what no other site can have sent: what such a form says may be shown to be sent anew.
    """
    return request.headers.get("Sec-Fetch-Site") == _SAME and _got("form") is not None


def lang() -> Lang | None:
    """The language that the reader chose."""
    chosen = _got("lang")
    return next((one for one in LANGS if one == chosen), None)


def in_utc() -> bool:
    """Whether the reader chose to have times in UTC."""
    return _got("zone") == _UTC


def tell_in(response: Response, chosen: str) -> None:
    """Keeps a zone. Raises: Problem: `malformed_request`: there is no such."""
    if chosen not in (_UTC, _OWN_ZONE):
        raise Problem("malformed_request")
    _give(response, "zone", chosen, _A_YEAR_S)


def visited(kid: str) -> int | None:
    """How far whoever holds this key had read the log when they said so in this browser."""
    found = _VISIT.fullmatch(_got("visit") or "")
    return None if found is None or found[1] != kid else int(found[2])


def visit(response: Response, kid: str, index: int) -> None:
    """Keeps how far they have read; above ordinary only until the browser is closed."""
    life_s = _A_YEAR_S if host().facts.level == ORDINARY else None
    _give(response, "visit", f"{kid}.{index}", life_s)


def speak(response: Response, chosen: str) -> None:
    """Keeps a language. Raises: Problem: `malformed_request`: there is no such."""
    if chosen not in LANGS:
        raise Problem("malformed_request")
    _give(response, "lang", chosen, _A_YEAR_S)
