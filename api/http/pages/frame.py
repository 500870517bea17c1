"""What every page has: the frame, its headers, the reader's language, problems as pages.

A page declares the call of the API that it shows; it asks that call's own view, behind a gate that
demands the same of a session as the call does of a bearer token, and notes the same reads. Its twin
`.json` answers what the call answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, Final, cast
from urllib.parse import parse_qs, urlencode

import orjson
from flask import Blueprint, Response, request
from jinja2 import Environment, PackageLoader, StrictUndefined
from marshmallow import ValidationError
from werkzeug.exceptions import HTTPException, InternalServerError, NotFound

from api.http.framework import page_cookies
from api.http.framework.admission import ANY, Gate, View
from api.http.framework.endpoint import FORM, Call, call_of
from api.http.framework.lifecycle import answered
from api.http.framework.request_body import body_bytes
from api.http.framework.request_context import context, context_or_new, malformed, now
from api.http.framework.responses import JSON, finish
from api.http.pages import parts
from api.http.pages.files import address
from api.http.pages.say import SAY
from api.http.pages.typed import fault_told, filled_in
from api.http.resources.common.served import enclave
from api.problems import problem as problems
from api.problems.problem import Problem
from api.settings import ORDINARY
from api.texts.case_words import Speech
from api.texts.catalogue import said_once, translate
from api.texts.lang import Lang
from api.texts.validation_faults import faults
from api.version import VERSION
from ledger.message import Message
from ledger.regulation.registry.calendar import local_day

pages: Final = Blueprint("pages", __name__)
_HTML_TYPE: Final = "text/html"
HTML: Final = f"{_HTML_TYPE}; charset=utf-8"
_API: Final = "/v1/"
_READING: Final = ("GET", "HEAD")
SIGN_IN: Final = "/dang-nhap"
HOME: Final = "/ho-so"
TWIN: Final = ".json"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; font-src 'self';"
    " img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_CONDITIONS: Final = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH")
"""Of a page they are none: it is made anew, by calls that each have a tag of their own."""
_PREFER: Final = "HTTP_PREFER"
"""No page waits: its reader is charged for no waiting."""
_MOST_FORM_BYTES: Final = 16_384
#: An address on this server and no other: one slash, then nothing that a browser reads as a host.
_LOCAL: Final = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,2000}")
_TOO_MUCH: Final = "too_much_asked"
_STEPS: Final = {
    "malformed_request": "problem_mend",
    "not_signed_in": "problem_signed_out",
    "bad_cursor": "problem_list_gone",
    "as_of_in_future": "problem_future",
    "ordinary_only": "problem_ordinary",
    _TOO_MUCH: "problem_too_much",
    "other_form": "problem_other_form",
}
"""What a reader does next, where the call's own words are for whoever writes a program."""
_FIELDS: Final = {
    "as_of": "moment_when",
    "lan": "moment_at",
    "dien-bien agency": "f_author",
    "dien-bien act": "f_type",
    "dien-bien clock": "compare_clock",
    "so-sanh tu": "compare_from",
    "so-sanh from": "compare_from",
    "so-sanh den": "compare_to",
    "so-sanh to": "compare_to",
    "thay-doi tu": "new_since",
    "answer": "sign_in_answer",
    "permit": "copies_permit",
    "upto": "new_upto",
}
"""By what words a page asks for a member, where that is not `f_` and its name; of some behind the
last part of the page's address."""
_ASKED_AS: Final = {
    "from": "tu",
    "to": "den",
    "clock": "dong-ho",
    "agency": "co-quan",
    "act": "hanh-vi",
    "as_of": "luc",
}
"""What the address of a page calls a member of its call, where it is not by the same name."""
_NAMED: Final = re.compile(r"`(\w+)`")
_GATES: Final[dict[str, Gate]] = {}
"""What the page of each rule demands that has an address to be read at."""
_NO_HIDDEN: Final = frozenset({"not_found"})
"""Problems whose page is the same to the byte, whatever was asked for (access.md N1)."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a call of the API answered to a page.

    Attributes:
        body: The JSON body.
        index: `Ledger-Index`, as far as the answer goes.
        link: `Link` to the page that follows.
    """

    body: Any
    index: str | None
    link: str | None


class OtherForm(Problem):
    """A form of before this sign-in, or of another page.

    Args:
        said: What it says, to be shown and sent anew; None: another site may have written it.
    """

    def __init__(self, said: Mapping[str, str] | None) -> None:
        super().__init__("other_form")
        self.kept = said and {k: text for k, text in said.items() if k != page_cookies.FORM_MEMBER}


def ask(registered: View, query: Mapping[str, str] | None = None, /, **path: str) -> Answered:
    """What a call answers to whoever reads this page.

    Args:
        registered: A function registered by `Resource.call`.
        query: Its query; what is empty was not filled in.
        path: Its path parameters.

    Raises:
        Problem: Whatever the call refuses; `malformed_request` by its shape.
    """
    response = given_out(registered, query, **path)
    shown = response.headers
    return Answered(orjson.loads(response.data), shown.get("Ledger-Index"), shown.get("Link"))


def given_out(registered: View, query: Mapping[str, str] | None = None, /, **path: str) -> Response:
    """The very answer of a call, such as a file; as `ask`."""
    return _asked(call_of(registered), query or {}, path)


def _asked(call: Call, query: Mapping[str, str], path: Mapping[str, str]) -> Response:
    if call.query is None:
        return call.view(**path)
    try:
        params = call.query.load(filled_in(query, call.query))
    except ValidationError as error:
        raise Problem(
            "malformed_request", faults=faults(cast("dict[str, Any]", error.messages))
        ) from error
    return call.view(params, **path)


def page(
    rule: str,
    of: View | None = None,
    *,
    method: str = "GET",
    produces: str = HTML,
    twin_query: Callable[..., Mapping[str, str]] | None = None,
    ordinary_alone: bool = False,
) -> Callable[[View], View]:
    """Registers a page, and its twin.

    Args:
        rule: Its path.
        of: The call that it shows first: its gate, and its twin, are that call's. Without one the
            page is open to anyone.
        method: GET or POST; a POST takes a form, and has no twin.
        produces: What it answers; a page that gives out a file has no twin either.
        twin_query: What the twin asks, by the path, where a page names it otherwise than the call.
        ordinary_alone: Whether it is refused above ordinary, where its call may not be.
    """
    call = None if of is None else call_of(of)
    gate = _gate(call, (FORM,) if method == "POST" else (), produces)
    if ordinary_alone:
        gate = replace(gate, ordinary_alone=True)
    if method == "GET":
        _GATES[rule] = gate

    def register(view: View) -> View:
        def shown(**path: str) -> Response:
            _forget(() if produces == ANY else _CONDITIONS)
            if call is None:
                _know_reader()
            return view(**path)

        pages.route(rule, endpoint=view.__name__, methods=[method])(gate.around(shown))
        if call is not None and method == "GET" and produces == HTML:
            _give_twin(rule, f"{view.__name__}_json", call, twin_query or _query)
        return view

    return register


def leads(rule: str) -> bool:
    """Whether the page of a rule answers at this level: where not, no link leads there."""
    return _GATES[rule].answers_at(enclave().facts.level)


def _gate(call: Call | None, consumes: tuple[str, ...], produces: str) -> Gate:
    if call is None:
        return Gate("open", consumes, produces, of_cases=False)
    return replace(call.gate, access="session", consumes=consumes, produces=produces, waits=False)


def _give_twin(
    rule: str, name: str, call: Call, ask_twin: Callable[..., Mapping[str, str]]
) -> None:
    def as_json(**path: str) -> Response:
        _forget()
        return _asked(call, ask_twin(**path), path)

    own = replace(call.gate, access="session", waits=False)
    pages.route(f"{rule}{TWIN}", endpoint=name, methods=["GET"])(own.around(as_json))


def _forget(conditions: Sequence[str] = ()) -> None:
    """What the calls behind a page are not to be asked under."""
    for name in (*conditions, _PREFER):
        request.environ.pop(name, None)


def _know_reader() -> None:
    """A page for anyone says who reads it, where somebody has signed in."""
    with suppress(Problem):
        context().caller = page_cookies.session().caller


def _query(**_: str) -> Mapping[str, str]:
    return request.args


def form() -> dict[str, str]:
    """The members of the form that was sent, taken from a page of this browser's alone.

    Raises:
        Problem: `malformed_request`, `too_large`, `other_form`.
    """
    try:
        text = body_bytes(_MOST_FORM_BYTES).decode("ascii")
        found = parse_qs(text, keep_blank_values=True, max_num_fields=20)
    except ValueError as error:
        raise malformed("body", Message("the body is no form")) from error
    twice = next((name for name, values in found.items() if len(values) > 1), None)
    if twice is not None:
        raise malformed("body", Message("it says {member} twice: say it once", member=twice))
    members = {name: values[0] for name, values in found.items()}
    if not page_cookies.is_own(members):
        raise OtherForm(members if page_cookies.was_own() else None)
    return members


def local(to: str | None, otherwise: str = HOME) -> str:
    """An address on this server; anything else is another page of ours, and leads nowhere else."""
    return to if to is not None and _LOCAL.fullmatch(to) else otherwise


def redirect(to: str) -> Response:
    """Leads on with a GET, and keeps nothing of it."""
    response = Response(status=303)
    response.headers["Location"] = to
    response.headers["Cache-Control"] = "no-store"
    return response


def render(  # noqa: PLR0913 - what a page is of
    template: str,
    title: str,
    *,
    status: int = 200,
    of: Answered | None = None,
    headers: Mapping[str, str] | None = None,
    case: str | None = None,
    called: str | None = None,
    **given: object,
) -> Response:
    """A page.

    Args:
        template: Its name.
        title: Of the window, in the reader's language.
        status: HTTP status.
        of: The answer that it shows: how far it goes stands in the footer.
        headers: Further headers.
        case: The case that it is of: what that is called stands in the window's title and in the
            way to the page, for whoever sees it whole.
        called: That, where the page knows it; empty where its title says it.
        given: What the template lays out; it asks nothing.
    """
    if called is None and case is not None:
        called = _case_called(case)
    lang, at = context().lang, enclave().ledger_time()
    facts, utc = enclave().facts, page_cookies.in_utc()
    html = (
        _templates(lang, utc)
        .get_template(template)
        .render(
            title=title,
            level=facts.level,
            rehearsal=facts.rehearsal,
            in_doubt=enclave().in_doubt,
            viewer=_viewer(at),
            form_token=page_cookies.form_token(),
            here=_here(status),
            index=None if of is None else of.index,
            printed_at=parts.PageSpeech(lang, utc).clock(at),
            version=VERSION,
            case=case,
            called=called,
            **given,
        )
    )
    response = finish(
        html.encode(),
        HTML,
        status=status,
        headers={
            "Content-Language": lang,
            "Vary": "Accept-Language, Cookie",
            "Content-Security-Policy": _POLICY,
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            **_kept(),
            **(headers or {}),
        },
    )
    response.headers.pop("ETag", None)
    page_cookies.give_mark(response)
    return response


def _case_called(case: str) -> str:
    """Case and its number; empty where it has none, or the reader sees a part of it."""
    stream = f"case/{case}"
    known = enclave().queries.cases.called([stream]).get(stream)
    number = known and (known.case_number or known.register_no)
    return spoken("case", number=number) if number else ""


def _kept() -> dict[str, str]:
    """Also a stranger's page has a form of this browser's; above ordinary nothing is stored."""
    return {"Cache-Control": "private, no-cache"} if enclave().facts.level == ORDINARY else {}


def _here(status: int) -> str:
    """Where the language form leads back to: an error's page names no address."""
    if status != 200 or request.method not in _READING:  # noqa: PLR2004  what was shown
        return "/"
    query = urlencode(list(request.args.items()))
    return f"{request.path}?{query}" if query else request.path


def _viewer(at: datetime) -> str | None:
    """The posts of whoever reads, with their agencies; None where nobody has signed in."""
    who = context().caller
    if who is None:
        return None
    return posts_of(who.officer, at) or who.officer[:8]


def posts_of(officer: str, at: datetime) -> str:
    """The posts that an officer held on the day of an instant, with their agencies."""
    day = local_day(at)
    known = enclave().ledger.follower.current.registry
    return "; ".join(
        post_name(held.agency, held.post, at) for held in known.appointments(officer, day)
    )


def holds_post(act: Mapping[str, Any], officer: str, post: str) -> bool:
    """Whether an officer holds a post yet that they held when an act named them in it."""
    then = local_day(datetime.fromisoformat(act["occurred_at"]))
    known = enclave().ledger.follower.current.registry
    return known.holds_yet(officer, post, then, local_day(now()))


def post_name(agency: str, post: str, at: datetime) -> str:
    """A post of an agency by what both were called on the day of an instant."""
    known = enclave().ledger.follower.current.registry
    return f"{known.post_name(agency, post)}, {agency_name(agency, at)}"


def agency_name(agency: str, at: datetime | None = None) -> str:
    """What an agency was called on the day of an instant, and who carries on for it; now."""
    day = local_day(at or now())
    return enclave().ledger.follower.current.registry.label(agency, day, day)


@cache
def _templates(lang: Lang, utc: bool) -> Environment:  # noqa: FBT001  a key of the cache
    speech = parts.PageSpeech(lang, utc)
    made = Environment(
        loader=PackageLoader("api.http.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def say(name: str, **params: object) -> str:
        return speech.text(SAY[name].filled(**params) if params else SAY[name])

    made.globals.update(
        lang=lang, other="en" if lang == "vi" else "vi", say=say, file=address, utc=utc,
        leads=leads, **parts.of(speech),
    )  # fmt: skip
    return made


def spoken(name: str, **params: object) -> str:
    """A text of the table in the reader's language."""
    return Speech(context().lang).text(SAY[name].filled(**params) if params else SAY[name])


@pages.before_request
def _speak() -> None:
    """The language that the reader chose, before what their browser asks for."""
    known = context()
    known.lang = page_cookies.lang() or known.lang


@pages.after_request
def _renew(response: Response) -> Response:
    page_cookies.renew(response)
    return response


def _refused(error: BaseException) -> Response:
    """A problem as a page; of a twin as the API says it. Whoever is not signed in is led there."""
    if isinstance(error, InternalServerError):
        error = error.original_exception or error
    if isinstance(error, HTTPException) and isinstance(error.response, Response):
        return error.response
    problem, known = problems.of(error), context_or_new()
    kept = error.kept if isinstance(error, OtherForm) else None
    known.code = problem.code
    if request.endpoint and request.endpoint.endswith("_json"):
        return problem.response(known.lang, known.trace_id)
    if problem.code == "not_signed_in" and request.method in _READING:
        return redirect(f"{SIGN_IN}?{urlencode({'next': _here(200)})}")
    body = problem.body(known.lang, known.trace_id)
    same = problem.code in _NO_HIDDEN
    title = spoken("problem_absent") if same else body["title"]
    headers = {"Cache-Control": "no-store", **problem.headers}
    faults = [
        (one.pointer, _of_fields(translate(fault_told(one.text), known.lang)))
        for one in problem.faults
    ]
    mend = _mend(faults)
    step = "problem_mend_here" if mend else _STEPS.get(problem.code)
    too_long = (request.view_args or {}).get("case") if problem.code == _TOO_MUCH else None
    if too_long and "pointer" in (request.view_args or {}):
        step = "problem_too_much_why"
    lead, step_told = told_once(
        title, body.get("detail") or "", body["next"] if step is None else spoken(step)
    )
    return render(
        "problem.html",
        title,
        status=problem.type.status,
        problem=None if same else body,
        lead=lead,
        step=step_told,
        action=request.path,
        back=_back(kept or {}),
        kept=kept,
        label=_label,
        faults=[(_field(pointer), fault) for pointer, fault in faults],
        mend=mend,
        too_long=too_long,
        rest=[(k, v) for k, v in request.args.items() if k not in {one[0] for one in mend}],
        headers=headers,
    )


def told_once(title: str, detail: str, step: str) -> tuple[str, str]:
    """What a page says below a problem's title: the sentence, and what to do."""
    lead = said_once(title, detail)
    return lead, said_once(f"{title}. {lead}", step)


def _mend(faults: Sequence[tuple[str, str]]) -> list[tuple[str, str, str, str]]:
    """Fields to be put right where it is said what is wrong with them, the rest being kept.

    Returns:
        (name in the address, label, as it was typed, what is wrong) of each; nothing where a fault
        is of none that stands in the address.
    """
    found: dict[str, tuple[str, str, str, str]] = {}
    for pointer, fault in faults:
        member = pointer.strip("/")
        name = member if member in request.args else _ASKED_AS.get(member, member)
        if request.method not in _READING or name not in request.args:
            return []
        found[name] = (name, _field(pointer), request.args[name], fault)
    return list(found.values())


def _back(kept: Mapping[str, str]) -> str:
    """The page of a form that was sent: its own address, or where it would have led."""
    if request.url_rule is None or request.url_rule.rule in _GATES:
        return request.path
    return local(kept.get("next"), "/")


def _label(member: str) -> str | None:
    """By which words a form asked for a member; None where nobody filled it in."""
    return spoken(_FIELDS[member]) if member in _FIELDS else None


def _field(pointer: str) -> str:
    """What was filled in, by the words with which it was asked for; else by its name."""
    name = pointer.strip("/")
    of_page = f"{request.path.rpartition('/')[2]} {name}"
    asked_by = _FIELDS.get(of_page, _FIELDS.get(name, f"f_{name}"))
    return spoken(asked_by) if asked_by in SAY else name


def _of_fields(detail: str) -> str:
    """A sentence with the fields that it names by their words."""
    return _NAMED.sub(lambda found: f"“{_field(found[1])}”", detail)


for _kind in (*problems.REFUSALS, HTTPException):
    pages.register_error_handler(_kind, _refused)
pages.register_error_handler(InternalServerError, _refused)


def lost(error: NotFound) -> Response:
    """An address that leads nowhere: whoever typed it into a browser gets a page."""
    wanted = request.accept_mimetypes.best_match((JSON, _HTML_TYPE))
    if request.blueprint is None and wanted == _HTML_TYPE and not request.path.startswith(_API):
        _speak()
        _know_reader()
        return _refused(error)
    return answered(error)
