"""What a request asks: its parameters and its JSON body, by the shapes its call declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

import orjson
from flask import request
from marshmallow import RAISE, Schema, ValidationError

from api.http.framework.request_body import body_bytes
from api.http.framework.request_context import MAX_BODY_BYTES, malformed
from api.problems.problem import Problem
from api.problems.validation_faults import faults


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters and the body of a request, by the shapes of its call.

    Unknown members and parameters are refused everywhere; a malformed request is 400.

    Attributes:
        query: Shape of the parameters.
        body: Shape of the body.
        unasked: What a request without parameters asks; None where it must have some.
    """

    query: Schema | None
    body: Schema | None
    unasked: Mapping[str, Any] | None

    @classmethod
    def by(cls, query: type[Schema] | None, body: type[Schema] | None) -> Self:
        """The shapes of one call, made once: reading changes nothing in them."""
        shape = None if query is None else query()
        unasked = None if shape is None or shape.validate({}) else MappingProxyType(shape.load({}))
        return cls(shape, None if body is None else body(), unasked)

    def read(self) -> list[Mapping[str, Any]]:
        """What the view is called with before its path.

        Raises:
            Problem: `malformed_request`, with every fault of a shape at once.
        """
        found: list[Mapping[str, Any]] = []
        if self.query is not None:
            if self.unasked is not None and not request.query_string:
                found.append(self.unasked)
            else:  # no parameter comes twice: the door has seen to that
                found.append(_loaded(self.query, request.args.to_dict()))
        if self.body is not None:
            try:
                told = orjson.loads(body_bytes(MAX_BODY_BYTES))
            except orjson.JSONDecodeError as error:
                raise malformed("body", "không phải JSON", "the body is not JSON") from error
            found.append(_loaded(self.body, told))
        return found


def _loaded(shape: Schema, told: Any) -> Mapping[str, Any]:  # noqa: ANN401  any JSON
    try:
        found: Mapping[str, Any] = shape.load(told, unknown=RAISE)
    except ValidationError as error:
        raise Problem("malformed_request", faults=faults(error.messages)) from error
    return found
