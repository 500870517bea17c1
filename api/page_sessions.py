"""Sessions of the pages: a sealed text in a cookie, so that every worker knows it after a restart.

The text says who signed in, with which key, when, and when they were last here; only this API can
make or read it (`TokenBox`). Whether it still holds is asked of the registry at every request: it
ends at once when the key is revoked or past its validity, or the officer holds no post any more
(ADR 74).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from api.auth import Caller, TokenBox
from api.problems.problem import Problem
from keys.canonical import b64
from ledger.ports import Entropy

IDLE_S: Final = 30 * 60
"""Nobody has asked for so long: the session is over."""
WHOLE_S: Final = 8 * 3600
"""A session is over then, whatever its holder does."""
RENEWED_S: Final = 60
"""The cookie is sealed anew when it is older."""
_NONCE: Final = 16


@dataclass(frozen=True, slots=True)
class PageSession:
    """A session that holds.

    Attributes:
        caller: Who reads, as a bearer token would say it.
        began: When they signed in, in Unix seconds.
        seen: When the cookie was sealed.
    """

    caller: Caller
    began: int
    seen: int


class PageSessions:
    """Makes and reads sessions, and the marks of forms.

    Args:
        origin: Of this enclave's log; a session of another is none.
        token_box: Seals.
        entropy: For session ids and marks.
        now: Real time, also in a rehearsal.
        holder: The officer who holds a key that may sign in now.
        in_office: Whether an officer holds a post now.
    """

    def __init__(
        self,
        *,
        origin: str,
        token_box: TokenBox,
        entropy: Entropy,
        now: Callable[[], datetime],
        holder: Callable[[str], str | None],
        in_office: Callable[[str], bool],
    ) -> None:
        self._origin = origin
        self._token_box = token_box
        self._entropy = entropy
        self._now = now
        self._holder = holder
        self._in_office = in_office

    def begin(self, caller: Caller) -> PageSession:
        """A new session of whoever has just signed in; never one that a browser brought.

        Raises:
            Problem: `sign_in_failed`: the officer holds no post.
        """
        if not self._in_office(caller.officer):
            raise Problem("sign_in_failed")
        at = self._at()
        fresh = b64(self._entropy.take(12))
        return PageSession(Caller(caller.officer, caller.kid, fresh, at + WHOLE_S), at, at)

    def renewed(self, session: PageSession) -> PageSession | None:
        """The same with the time of now, where its cookie is to be sealed anew."""
        at = self._at()
        if at - session.seen < RENEWED_S:
            return None
        return PageSession(session.caller, session.began, at)

    def sealed(self, session: PageSession) -> str:
        """The text of its cookie."""
        who = session.caller
        return self._token_box.shut(
            "page",
            {
                "began": session.began,
                "kid": who.kid,
                "log": self._origin,
                "officer": who.officer,
                "seen": session.seen,
                "session": who.session,
            },
        )

    def of(self, text: str | None) -> PageSession:
        """The session of a cookie.

        Raises:
            Problem: `not_signed_in`: none, forged, over, or its holder may not sign in any more.
        """
        value = None if text is None else self._token_box.open("page", text)
        if value is None or value["log"] != self._origin:
            raise Problem("not_signed_in")
        began, seen, at = int(value["began"]), int(value["seen"]), self._at()
        officer, kid = value["officer"], value["kid"]
        lives = at < began + WHOLE_S and at < seen + IDLE_S
        if not lives or self._holder(kid) != officer or not self._in_office(officer):
            raise Problem("not_signed_in")
        return PageSession(Caller(officer, kid, value["session"], began + WHOLE_S), began, seen)

    def mark(self) -> str:
        """What a browser is given to hold beside its forms."""
        return b64(self._entropy.take(_NONCE))

    def form_token(self, mark: str) -> str:
        """What a form carries that was made for the browser with this mark."""
        return b64(self._token_box.mac("form", mark.encode())[:18])

    def fits(self, token: str, mark: str | None) -> bool:
        """Whether a form was made for the browser that sends it."""
        if mark is None:
            return False
        return hmac.compare_digest(token.encode(), self.form_token(mark).encode())

    def _at(self) -> int:
        return int(self._now().timestamp())
