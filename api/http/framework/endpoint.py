"""The blueprint of a resource: one declaration a call, from which checks and document both come.

A call states its query and body shapes, what it produces, who may call and which problems it
answers. So the OpenAPI document cannot say anything else than what the server does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import Any, Final, cast

from flask import Response
from flask_smorest import Blueprint
from marshmallow import Schema

from api.http.framework.admission import ANY, READ_UNDER, Access, Gate, Heavy, View
from api.http.framework.request_parsing import StrictParser
from api.http.framework.responses import IN_DOUBT, JSON
from api.http.schemas.base import StrictSchema
from api.problems.problem import CONTENT_TYPE
from api.problems.types import TYPES

JOSE: Final = "application/jose+json"
FORM: Final = "application/x-www-form-urlencoded"
NOTE: Final = "text/plain; charset=utf-8"
BYTES: Final = "application/octet-stream"
_SECURITY: Final[Mapping[str, list[dict[str, list[str]]]]] = {
    "officer": [{"bearer": []}],
    "level": [{}, {"bearer": []}],
    "open": [],
}
_EVERY_CALL: Final = (
    "malformed_request",
    "not_acceptable",
    "uri_too_long",
    "headers_too_large",
    "internal",
    "unavailable",
)
_SIGNED_IN: Final = ("not_signed_in",)
_WITH_BODY: Final = ("unsupported_media_type", "too_large", "request_timeout")
_TICKETED: Final = ("ticket_refused", "clocks_apart")
_OF_CASES: Final = ("audience_late", "read_not_logged")
_TAGGED: Final = ("precondition_failed",)
_HEAVY: Final = ("too_many_requests",)
_ORDINARY: Final = ("ordinary_only",)
_OF_EVERY_PROBLEM: Final = ("X-Request-Id", "Cache-Control", "Content-Language", "Vary")
_NO_QUERY: Final = StrictSchema()
IN_WORDS: Final = ("Content-Language", "Vary")
"""Headers of an answer that is written in the reader's language."""
_PROJECTED: Final = ("projection_late", "database_unavailable", "evidence_fails", "stopped")


def in_path(name: str, description: str, *, example: str, **schema: Any) -> dict[str, Any]:  # noqa: ANN401  JSON Schema
    """A path parameter for the spec.

    Args:
        name: As in the rule.
        description: What it is.
        example: One that could be asked for.
        schema: What its text is held to, beside being a string.
    """
    return {
        "in": "path",
        "name": name,
        "required": True,
        "schema": {"type": "string", **schema},
        "example": example,
        "description": description,
    }


@dataclass(frozen=True, slots=True)
class Call:
    """What a registered call is made of: a page beside it asks the same (`api.http.pages`).

    Attributes:
        view: What answers.
        query: Shape of its query.
        gate: What it demands.
    """

    view: View
    query: Schema | None
    gate: Gate


def call_of(registered: View) -> Call:
    """The call that `Resource.call` made of a function."""
    return cast("Call", registered.__dict__["call"])


class Resource(Blueprint):  # type: ignore[misc]  # flask-smorest ships no types
    """Calls of one resource: flask-smorest's blueprint, with a gate around each view."""

    ARGUMENTS_PARSER = StrictParser()

    def call(  # noqa: PLR0913  a declaration, read as a table
        self,
        rule: str,
        *,
        answers: type[Schema] | Schema | dict[str, Any] | None,
        method: str = "GET",
        query: type[Schema] | None = None,
        body: type[Schema] | None = None,
        consumes: Sequence[str] = (),
        produces: str = JSON,
        access: Access = "officer",
        status: int = 200,
        also: Mapping[int, str] | None = None,
        problems: Sequence[str] = (),
        projected: bool = False,
        headers: Sequence[str] = (),
        parameters: Sequence[Mapping[str, Any]] = (),
        body_doc: Mapping[str, Any] | None = None,
        streams: bool = False,
        heavy: Heavy | None = None,
        of_cases: bool = True,
        ordinary_alone: bool = False,
    ) -> Callable[[View], View]:
        """Registers a view.

        Args:
            rule: Path; its parameters are plain text, a malformed one is `not_found`.
            answers: Schema of the answer, or a JSON Schema where it is no JSON.
            method: GET or POST; the ledger has nothing to PUT, PATCH or DELETE.
            query: Query parameters; the view gets them as its first argument.
            body: JSON body; the view gets it as its first argument.
            consumes: Content types of the body; application/json where `body` is given.
            produces: Content type of the answer.
            access: Who may call.
            status: Status of the plain answer.
            also: Other good statuses with their description, same schema.
            problems: Problem codes besides those that every such call can answer.
            projected: Answered from a view: `Ledger-Index`, `at_least`, `Prefer: wait`.
            headers: Documented response headers besides the common ones.
            parameters: Path parameters for the spec.
            body_doc: OpenAPI request body where the view reads the bytes itself.
            streams: Whether the view takes a body of any size, under a limit of its own.
            heavy: What its work is charged as, to the officer who asks; else a projected one is
                charged for `Prefer: wait`.
            of_cases: Whether the answer may be of cases: it is refused while nobody knows who takes
                part in them (access.md G18).
            ordinary_alone: Whether it is refused above ordinary, where no view holds what it is
                answered from (access.md G15).
        """
        taken = tuple(consumes) or ((JSON,) if body is not None else ())
        tagged = method == "GET" and status == HTTPStatus.OK
        more = (
            *(_PROJECTED if projected else ()),
            *(_TAGGED if tagged else ()),
            *(_HEAVY if heavy or (projected and access == "officer") else ()),
            *(_TICKETED if access == "officer" else ()),
            *(_OF_CASES if access == "officer" and of_cases else ()),
            *(_ORDINARY if ordinary_alone else ()),
        )
        codes = _codes(access, taken, (*problems, *more))
        common = ["X-Request-Id", "Cache-Control", *(["ETag"] if tagged else [])]
        common += [IN_DOUBT] if access in {"officer", "level"} else []
        common += ["Ledger-Index"] if projected else []
        common += [READ_UNDER] if access == "officer" and of_cases else []
        shown = {name: name for name in (*common, *headers)}
        manual: dict[str, Any] = {
            "security": _SECURITY[access],
            "responses": _problem_responses(codes),
        }
        if tagged:
            manual["responses"][304] = {"$ref": "#/components/responses/NotModified"}
        if body_doc is not None:
            manual["requestBody"] = dict(body_doc)
        shapes = [
            (shape(), place)
            for shape, place in ((query, "query"), (body, "json"))
            if shape is not None
        ]
        writers = [
            *(self.arguments(shape, location=place) for shape, place in reversed(shapes)),
            *self._answering(status, answers, also or {}, _documented(produces), shown),
        ]
        gate = Gate(access, taken, produces, streams, heavy, projected, of_cases, ordinary_alone)

        def register(view: View) -> View:
            described = view
            for writer in writers:
                described = writer(described)
            described = self.doc(operationId=view.__name__, **manual)(described)
            run = gate.around(self._given(view, shapes))
            run.__dict__["_apidoc"] = described.__dict__["_apidoc"]
            shape = next((shape for shape, place in shapes if place == "query"), None)
            run.__dict__["call"] = Call(view, shape, gate)
            self.route(
                rule,
                methods=[method],
                parameters=[*parameters, *_header_parameters(method, projected=projected)],
            )(run)
            return run

        return register

    def _given(self, view: View, shapes: Sequence[tuple[Schema, str]]) -> View:
        """The view, given what its shapes make of the request.

        The decorators that write the document would do no more, each in a layer of its own.
        """
        takes_query = any(place == "query" for _, place in shapes)

        @wraps(view)
        def given(**path: str) -> Response:
            parse = self.ARGUMENTS_PARSER.parse
            if not takes_query:  # whatever is asked for there is unknown
                parse(_NO_QUERY, location="query")
            return view(*[parse(shape, location=place) for shape, place in shapes], **path)

        return given

    def _answering(
        self,
        status: int,
        answers: type[Schema] | Schema | dict[str, Any] | None,
        also: Mapping[int, str],
        produces: str,
        body: Mapping[str, str],
    ) -> Iterator[Callable[[View], View]]:
        yield self.response(
            status,
            answers,
            content_type=produces,
            headers=body,
            description=also.get(status),
        )
        for other, text in also.items():
            if other != status:
                shape = None if other == HTTPStatus.NOT_MODIFIED else answers
                yield self.alt_response(
                    other, schema=shape, content_type=produces, headers=body, description=text
                )


def _documented(produces: str) -> str:
    """A file is bytes to whoever asks, whatever type the act says that it has."""
    return BYTES if produces == ANY else produces


def _codes(access: Access, consumes: Sequence[str], more: Sequence[str]) -> list[str]:
    codes = [*_EVERY_CALL, *more]
    if access != "open":
        codes += (*_SIGNED_IN, "clock_back")
    if consumes:
        codes += _WITH_BODY
    return sorted(set(codes), key=lambda code: (TYPES[code].status, code))


def _problem_responses(codes: Sequence[str]) -> dict[int, Any]:
    """One response a status, with an example of every problem that comes under it."""
    found: dict[int, Any] = {}
    for code in codes:
        kind = TYPES[code]
        response = found.setdefault(
            kind.status,
            {
                "description": "",
                "headers": {
                    name: {"$ref": f"#/components/headers/{name}"}
                    for name in _headers_of(kind.status)
                },
                "content": {
                    CONTENT_TYPE: {
                        "schema": {"$ref": "#/components/schemas/Problem"},
                        "examples": {},
                    }
                },
            },
        )
        line = f"`{code}`: {kind.title}."
        response["description"] = f"{response['description']} {line}".strip()
        response["content"][CONTENT_TYPE]["examples"][code] = {
            "$ref": f"#/components/examples/{code}"
        }
    return found


def _headers_of(status: int) -> list[str]:
    more = {
        HTTPStatus.UNAUTHORIZED: ["WWW-Authenticate"],
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE: ["Accept-Post"],
        HTTPStatus.TOO_MANY_REQUESTS: ["Retry-After"],
        HTTPStatus.SERVICE_UNAVAILABLE: ["Retry-After"],
    }
    return [*_OF_EVERY_PROBLEM, *more.get(HTTPStatus(status), [])]


def _header_parameters(method: str, *, projected: bool) -> list[str]:
    names = ["RequestId", "AcceptLanguage", "RehearsalTime"]
    if method == "GET":
        names.append("IfNoneMatch")
    if projected or method == "POST":
        names.append("Prefer")
    return names
