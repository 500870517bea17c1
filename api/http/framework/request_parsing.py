"""How flask-smorest's `arguments` reads a request: strictly, and refused as a problem (http.md §1).

Unknown members and parameters are refused everywhere, with every fault of a shape at once. That no
parameter comes twice has been seen to before (`api.http.framework.admission`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, cast

import orjson
from flask import Request
from marshmallow import RAISE, Schema, ValidationError
from webargs.flaskparser import FlaskParser

from api.http.framework.admission import MAX_BODY_BYTES
from api.http.framework.request_body import body_bytes
from api.http.framework.request_context import context, malformed
from api.http.schemas.base import form_of
from api.problems.problem import Problem
from api.texts.validation_faults import PLUS, faults
from keys import unambiguous_json
from ledger.message import Message


class StrictParser(FlaskParser):
    """webargs over bodies that are read within bounds."""

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {"json": RAISE, "query": RAISE}  # noqa: RUF012  as webargs declares it
    DEFAULT_VALIDATION_STATUS = 400

    def __init__(self) -> None:
        super().__init__()
        self._unasked: dict[Schema, Mapping[str, Any]] = {}

    def parse(  # type: ignore[override]  # of its arguments those that `arguments` gives
        self,
        argmap: Schema,
        req: Request | None = None,
        *,
        location: str,
        **more: Any,  # noqa: ANN401  its own
    ) -> dict[str, Any]:
        """As webargs does; what a request without parameters asks is found out once."""
        if location != "query" or context().sent.get("QUERY_STRING"):
            found: dict[str, Any] = super().parse(argmap, req, location=location, **more)
            return found
        known = self._unasked.get(argmap)
        if known is None:
            known = self._unasked[argmap] = super().parse(argmap, req, location=location, **more)
        return dict(known)

    def load_json(self, req: Request, schema: Schema) -> Any:  # noqa: ANN401  any JSON
        """The body, of which its type has been asked for already.

        Raises:
            Problem: `malformed_request`, and those of `body_bytes`.
        """
        del req, schema
        try:
            return unambiguous_json.read(body_bytes(MAX_BODY_BYTES))
        except orjson.JSONDecodeError as error:
            raise malformed("body", Message("the body is not JSON")) from error
        except unambiguous_json.SaidTwice as error:
            raise malformed(
                "body", Message("it says {member} twice: say it once", member=error.member)
            ) from error

    def handle_error(
        self,
        error: ValidationError,
        req: Request,
        schema: Schema,
        *,
        error_status_code: int | None,
        error_headers: Mapping[str, str] | None,
    ) -> NoReturn:
        """Raises: Problem: `malformed_request`, each fault with its pointer."""
        del error_status_code, error_headers
        by_location = cast("dict[str, Any]", error.messages)  # of the one that was read
        ((location, messages),) = by_location.items()
        if location == "query":
            messages = messages | {name: [PLUS] for name in _with_plus(req, schema)}
        raise Problem("malformed_request", faults=faults(messages)) from error


def _with_plus(req: Request, schema: Schema) -> Iterator[str]:
    """Parameters that have their form but for a `+`, which every address writes as a space."""
    for attribute, field in schema.fields.items():
        name = field.data_key or attribute
        sent, form = req.args.get(name, ""), form_of(field)
        if " " in sent and form and re.fullmatch(form, sent.replace(" ", "+")):
            yield name
