"""What a call demands before its view is asked, in this order, and none of it knows an object.

The form of the request, who is calling, in which type, for which type, within which budget, at what
time of the ledger (access.md N4). It stands around the view: behind every hook of Flask, before
anything of the body is read (docs/http-layer.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial, wraps
from typing import Final, Literal
from urllib.parse import unquote

from flask import Response, request
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from api.auth import Caller
from api.http.framework import freshness, page_cookies
from api.http.framework.host import Host
from api.http.framework.read_budget import Kind, Spent
from api.http.framework.request_context import (
    Context,
    Environ,
    budgets,
    caller,
    context,
    malformed,
    sound,
    wait_s,
)
from api.http.schemas.base import OFFSET_TIME
from api.ops.telemetry import HEAVY_REFUSED, HEAVY_SECONDS
from api.problems.problem import Problem
from api.settings import ORDINARY
from ledger.asker import asking
from ledger.errors import Fatal, NotFound, Unavailable
from ledger.message import Message, Text
from ledger.reads.shown import gathering

Access = Literal["officer", "level", "open", "session"]
"""`officer`: a bearer token. `level`: open at ordinary, a token above. `open`: anyone. `session`:
the cookie of a page's reader, who is an officer like any other from then on."""
_OF_OFFICERS: Final = frozenset({"officer", "session"})
View = Callable[..., Response]
ANY: Final = "*/*"
MAX_BODY_BYTES: Final = 1 << 20
_PLAIN: Final = "identity"
_REHEARSAL_TIME: Final = "X-Rehearsal-Time"
_TIME_HEADER: Final = "HTTP_X_REHEARSAL_TIME"  # as WSGI calls it (PEP 3333)
_TIME: Final = re.compile(OFFSET_TIME)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
#: Headers whose one value has no comma.
_SINGLE: Final = (("HTTP_AUTHORIZATION", "Authorization"), (_TIME_HEADER, _REHEARSAL_TIME))
_UNPAID: Final = "socai.unpaid"
"""In a request's environ, which outlives its context: how to pay for the heavy read that it is."""
_SPENT: Final = Message(
    "This officer is asking for too much heavy reading (difference, history, verification,"
    " statistics, lists, files). Light reads and writing go on."
)
_OTHERWISE: Final[Mapping[Kind, Text]] = {
    "writing": Message(
        "This officer is sending, checking or preparing too many acts at once. Light reads go on."
    ),
    "wait": Message(
        "This officer reads, or waits for news, in too many requests. Ask without Prefer: wait:"
        " that is answered at once."
    ),
}


@dataclass(frozen=True, slots=True)
class Heavy:
    """A call whose work is charged to its officer (`api.http.framework.read_budget`).

    Attributes:
        kind: What it is charged as.
        only_with: The parameters of which one makes it heavy; none where it always is.
    """

    kind: Kind
    only_with: tuple[str, ...] = ()

    def asked(self, sent: Environ) -> bool:
        """Whether this request asks for what is heavy."""
        if not self.only_with:
            return True
        return bool(sent.get("QUERY_STRING")) and not request.args.keys().isdisjoint(self.only_with)


@dataclass(frozen=True, slots=True)
class Gate:
    """What one call demands."""

    access: Access
    consumes: tuple[str, ...]
    produces: str
    streams: bool = False
    heavy: Heavy | None = None
    waits: bool = False
    of_cases: bool = True
    ordinary_alone: bool = False

    def answers_at(self, level: str) -> bool:
        """Whether an enclave of this level answers it at all: whoever is led there knows before."""
        return level == ORDINARY or not self.ordinary_alone

    def around(self, view: View) -> View:
        """The view, asked only where everything holds."""

        @wraps(view)
        def admitted(**path: str) -> Response:
            known = context()
            self._require_form(known)
            self._require_caller(known)
            if any(map(_CONTROL.search, path.values())):
                raise Problem("not_found")  # no id, number or place has any; no database takes them
            if not self.answers_at(known.host.facts.level):
                raise Problem("ordinary_only")
            self._require_types(known.sent)
            kind = self._kind(known.sent)
            if kind is not None:
                return _charged(kind, known, partial(self._ask, view, path, known))
            return self._ask(view, path, known)

        admitted.__dict__["gate"] = self
        return admitted

    def _ask(self, view: View, path: Mapping[str, str], known: Context) -> Response:
        """The view, asked on behalf of the caller: the database answers by their ticket."""
        self._set_time(known)
        who = known.caller
        if who is None:
            return view(**path)
        ask = partial(view, **path)
        if self.of_cases:
            if known.method != "POST":
                ask = partial(_once_more, ask)
            noted, must_say = ask, self.access in _OF_OFFICERS
            ask = partial(_noted, noted, known.host, who, must_say=must_say)
        with asking(known.host.asker(who, of_cases=self.of_cases, at=known.at)):
            try:
                return ask()
            except Unavailable as error:
                if error.code == "ticket_refused":  # the key was turned, twice since it was read
                    known.host.read_ticket_key()
                raise

    def _require_form(self, known: Context) -> None:
        """The cheap refusals: nothing is looked up."""
        sent = known.sent
        claimed = sent.get("HTTP_X_REQUEST_ID")
        if claimed is not None and not sound(claimed):
            raise malformed("X-Request-Id", Message("1-64 of A-Za-z0-9._-"))
        _refuse_doubles(sent)
        if "CONTENT_LENGTH" in sent and not self.streams:
            stated = request.content_length or 0
            if stated > MAX_BODY_BYTES:
                raise Problem("too_large")
        if _TIME_HEADER in sent and not known.host.facts.rehearsal:
            raise Problem("not_a_rehearsal")

    def _require_caller(self, known: Context) -> None:
        """Who calls; what the request holds of this process counts for them from now on."""
        if self.access == "open" or (self.access == "level" and known.host.facts.level == ORDINARY):
            return
        if self.access == "session":
            who = page_cookies.used().caller
        else:
            who = known.host.sign_in.caller(known.sent.get("HTTP_AUTHORIZATION"))
        known.caller = who
        link = known.sent.get("gunicorn.socket")
        if link is not None and hasattr(link, "room"):  # our worker's (`thread_budget`)
            link.client = who.officer

    def _require_types(self, sent: Environ) -> None:
        if sent.get("HTTP_CONTENT_ENCODING", _PLAIN).lower() != _PLAIN and (
            self.consumes or self.streams
        ):
            raise Problem(
                "unsupported_media_type",
                Message("Send the bytes as they are: no Content-Encoding is undone here."),
                headers={"Accept-Encoding": _PLAIN},
            )
        if self.consumes and request.mimetype not in self.consumes:
            kinds = ", ".join(self.consumes)
            raise Problem(
                "unsupported_media_type",
                Message("This address takes {kinds}.", kinds=kinds),
                headers={"Accept-Post": kinds},
            )
        if not _takes(sent.get("HTTP_ACCEPT", ""), self.produces):
            raise Problem(
                "not_acceptable",
                Message("This address answers {produces}.", produces=self.produces),
            )

    def _kind(self, sent: Environ) -> Kind | None:
        """What the request is charged as: where it only waits, an officer's place too."""
        if self.access not in _OF_OFFICERS:
            return None
        if self.heavy is not None and self.heavy.asked(sent):
            return self.heavy.kind
        return "wait" if self.waits and "HTTP_PREFER" in sent and wait_s() else None

    def _set_time(self, known: Context) -> None:
        """The ledger's time of this request, where a rehearsal's caller states one.

        An answer that shows the log is of no time before its last record. What writes is held to
        that by the ledger itself.

        Raises:
            Problem: `clock_back`, or the header has another form.
        """
        stated = known.sent.get(_TIME_HEADER)
        if stated is None:
            return
        if not _TIME.fullmatch(stated):
            raise malformed(
                _REHEARSAL_TIME,
                Message("write it like 2024-06-04T08:12:00+07:00"),
            )
        at = known.at = datetime.fromisoformat(stated).astimezone(UTC)
        if self.access != "open" and known.method != "POST":
            last = known.host.last_recorded_at()
            if last is not None and at < last:
                raise Problem("clock_back")


READ_UNDER: Final = "Read-Under"
"""Header of an answer that shows what its reader sees by an order or an opening alone, and by which
(access.md A9, A19): of each rule, act and end, as a list with parameters (RFC 9110 §5.6)."""


def _noted(
    ask: Callable[[], Response], host: Host, who: Caller, *, must_say: bool = False
) -> Response:
    """An answer of cases, once it is noted who gets it by which order (access.md U1).

    An error may tell of a case too. What cannot be noted is not sent; nor is an answer of which
    nothing was said: whoever made it forgot to say which cases it shows.

    Args:
        ask: Makes the answer.
        host: Whose answer it is.
        who: Who gets it.
        must_say: Whether it is wrong to say nothing.

    Raises:
        ReadNotLogged: Nothing is shown.
    """
    with gathering() as shown:
        try:
            response = ask()
        except Exception:
            host.note_shown(shown, who)
            raise
        if must_say and not shown.said:
            raise Fatal(f"{request.endpoint} does not say which cases it shows")
        host.note_shown(shown, who)
        if under := host.read_under(shown):
            members = (f'{rule}; act={act}; until="{until}"' for rule, act, until in under)
            response.headers[READ_UNDER] = ", ".join(members)
        return response


def _once_more(read: Callable[[], Response]) -> Response:
    """An answer; where nothing was found, asked again once it is known who takes part by now.

    Who has just recorded an act sees it at once. Nothing tells what was looked for: it waits by how
    long the log is, and what is hidden waits as long as what is absent (access.md N1, G18).
    """
    try:
        return read()
    except (NotFound, Problem) as nothing:
        if isinstance(nothing, Problem) and nothing.code != "not_found":
            raise
    freshness.await_audience()
    return read()


def _refuse_doubles(sent: Environ) -> None:
    """Two values under one name mean two things to two readers."""
    if query := sent.get("QUERY_STRING"):
        _refuse_other_than_text(query)
        for name, values in request.args.lists():
            if len(values) > 1:
                raise malformed(name, Message("the parameter is repeated"))
            if _CONTROL.search(values[0].replace("\t", " ")):  # as between cells of a table
                raise malformed(name, Message("it has control characters"))
    for name, header in _SINGLE:
        if "," in sent.get(name, ""):  # how WSGI joins a header that came twice
            raise malformed(header, Message("the header is repeated"))


def _refuse_other_than_text(query: str) -> None:
    """Else it is looked for as it is written, and an empty list is the answer."""
    for part in query.split("&"):
        try:
            unquote(part, errors="strict")
        except UnicodeDecodeError:
            raise malformed(part.partition("=")[0], Message("is not UTF-8")) from None


def _charged(kind: Kind, known: Context, ask: Callable[[], Response]) -> Response:
    """The answer of a heavy read, which `ended` pays for once there is no more to come."""
    spent, work_s = budgets(), known.host.work_s
    try:
        charge = spent.charge(caller().officer, kind)
    except Spent as refused:
        HEAVY_REFUSED.labels(kind).inc()
        raise Problem(
            "too_many_requests",
            _OTHERWISE.get(kind, _SPENT),
            headers={"Retry-After": str(refused.wait_s)},
        ) from None
    before_s = work_s()

    def settle() -> None:
        done_s = work_s() - before_s
        HEAVY_SECONDS.labels(kind).inc(done_s)
        spent.settle(charge, done_s)

    known.sent[_UNPAID] = settle
    return ask()


def ended(sent: Environ) -> None:
    """There is no more to come of this request: a heavy read gives its place back, once."""
    settle: Callable[[], None] | None = sent.pop(_UNPAID, None)
    if settle is not None:
        settle()


@lru_cache(maxsize=256)
def _takes(accept: str, produces: str) -> bool:
    """Whether the client takes what a call produces; a client that says nothing takes all."""
    kind = produces.partition(";")[0]
    accepted = parse_accept_header(accept, MIMEAccept)
    return not accepted or kind == ANY or accepted.quality(kind) > 0
