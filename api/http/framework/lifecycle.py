"""The hooks that every request passes, as Flask runs them (docs/http-layer.md)."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from flask import Flask, Response
from werkzeug.exceptions import HTTPException, InternalServerError

from api.http.framework.admission import MAX_BODY_BYTES
from api.http.framework.host import Host
from api.http.framework.read_budget import Budgets
from api.http.framework.request_context import begin, context_or_new
from api.http.framework.responses import complete
from api.ops import telemetry
from api.problems import problem as problems


class Service(Flask):
    """Flask, whose log of an error has neither its text nor the address: both may quote content."""

    def log_exception(
        self,
        exc_info: tuple[type, BaseException, TracebackType] | tuple[None, None, None],
    ) -> None:
        """An error of ours as a log line: classes and places."""
        if isinstance(exc_info[1], Exception):
            telemetry.failed(exc_info[1], context_or_new().trace_id)


def blank(**config: Any) -> Flask:  # noqa: ANN401  Flask's settings
    """An application without a call: addresses are taken as they are written, or not at all."""
    app = Service("socai", static_folder=None)
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = True
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        PROPAGATE_EXCEPTIONS=False,
        PROVIDE_AUTOMATIC_OPTIONS=False,
        **config,
    )
    return app


def install(app: Flask, host: Host, budgets: Budgets) -> None:
    """Our hooks: the first of all before a request, the last of all after it.

    What a sender did is answered by a handler of its class. Everything else goes Flask's way: the
    signal `got_request_exception`, a log line, the handler of 500, and teardown is told.
    """
    app.extensions["socai"] = host
    app.extensions["socai-budgets"] = budgets
    app.before_request(begin)
    app.after_request(complete)
    for kind in problems.REFUSALS:
        app.register_error_handler(kind, _answered)
    app.register_error_handler(InternalServerError, _broken)


def _broken(error: InternalServerError) -> Response:
    return _answered(error.original_exception or error)


def _answered(error: BaseException) -> Response:
    if isinstance(error, HTTPException) and isinstance(error.response, Response):
        return error.response  # an extension's own
    problem, known = problems.of(error), context_or_new()
    known.code = problem.code
    return problem.response(known.lang, known.trace_id)
