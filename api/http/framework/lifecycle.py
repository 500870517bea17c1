"""The hooks that every request passes, as Flask runs them (docs/http-layer.md)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import cache, partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from flask import Flask, Request, Response, request
from flask.sessions import NullSession, SessionInterface
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, InternalServerError, NotFound
from werkzeug.routing import MapAdapter, Rule

from api.http.framework.admission import MAX_BODY_BYTES, ended
from api.http.framework.host import Host
from api.http.framework.read_budget import Budgets
from api.http.framework.request_context import Environ, begin, context, context_or_new, forget
from api.http.framework.responses import complete
from api.ops import log_lines, telemetry
from api.problems import problem as problems

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse


class _NoSessions(SessionInterface):
    """Nothing is kept of a client by Flask: one empty session for all, that takes nothing."""

    _none = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:
        """The one."""
        del app, request
        return self._none


class _Route(Rule):
    """A rule that compiles how an address is written from it when somebody first writes one.

    Werkzeug does so as a rule is made: four fifths of making an application, for what nobody asks.
    """

    def _compile_builder(
        self,
        append_unknown: bool = True,  # noqa: FBT001, FBT002  Werkzeug's own
    ) -> Callable[..., tuple[str, str]]:
        compiled = cache(partial(super()._compile_builder, append_unknown))

        def build(route: Rule, /, **values: Any) -> tuple[str, str]:  # noqa: ANN401  what fills the rule
            return compiled()(route, **values)

        return build


class Service(Flask):
    """Flask, whose log of an error has neither its text nor the address: both may quote content.

    Every answer passes `complete` once, whichever hooks of others have raised before it.
    """

    session_interface = _NoSessions()
    url_rule_class = _Route

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Every view and hook is called as it is: none is a coroutine."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """As Flask does, for calls that are the same whatever host is named: it leads nowhere.

        Raises:
            NotFound: Werkzeug would pass over slashes before the first one: what a program before
                us lets through or keeps out by the path would be another address than ours.
        """
        if request is None:
            return None
        if request.environ.get("PATH_INFO", "").startswith("//"):
            raise NotFound
        return MapAdapter(
            self.url_map,
            server_name="localhost",
            script_name=request.root_path,
            subdomain="",
            url_scheme=request.scheme,
            path_info=request.path,
            default_method=request.method,
        )

    def finalize_request(
        self,
        rv: ResponseReturnValue | HTTPException,
        from_error_handler: bool = False,  # noqa: FBT001, FBT002  Flask's own
    ) -> Response:
        """As Flask does, hooks and signal; then our headers, over what all of them have left.

        What goes out is known only here: a heavy read is paid for with its last byte.
        """
        response = complete(super().finalize_request(rv, from_error_handler))
        sent = context().sent
        if response.is_streamed:
            response.call_on_close(partial(ended, sent))
        else:
            ended(sent)
        return response

    def wsgi_app(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """As Flask does; where nothing goes out, nobody else would end the request."""
        try:
            return super().wsgi_app(environ, start_response)
        except BaseException:
            ended(environ)
            raise
        finally:
            forget()

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
    # not by Flask's property: whoever asks it gets a handler on the logger of all of socai
    logging.getLogger(app.name).addFilter(_without_text)
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
    """Our hook, the first of all before a request, and the handlers of errors.

    What a sender did is answered by a handler of its class. Everything else goes Flask's way: the
    signal `got_request_exception`, a log line, the handler of 500, and teardown is told.
    """
    app.extensions["socai"] = host
    app.extensions["socai-budgets"] = budgets
    app.before_request(_begin)
    for kind in (*problems.REFUSALS, HTTPException):
        app.register_error_handler(kind, answered)
    app.register_error_handler(InternalServerError, _broken)


def _begin() -> None:
    """The context; nothing of a database is shown or written before it is known to be this home's.

    Raises:
        Problem: `database_unavailable`.
    """
    if not begin().host.started and request.blueprint not in _OF_NO_DATABASE:
        raise problems.Problem("database_unavailable", headers={"Retry-After": "2"})


_OF_NO_DATABASE: Final = frozenset({"health", "docs", "files"})


def _without_text(record: logging.LogRecord) -> bool:
    """Flask's own log of an error beside `log_exception`, where a hook fails over an error."""
    if record.exc_info and record.exc_info[1] is not None:
        record.__dict__["fields"] = log_lines.where(record.exc_info[1])
        record.exc_info = record.exc_text = None
    return True


#: Statuses of others that are answered and no more: what the sender did, or 503, which says when.
_ASKED_FOR: Final = frozenset({*range(400, 500), 503})


def _broken(error: InternalServerError) -> Response:
    return answered(error.original_exception or error)


def answered(error: BaseException) -> Response:
    """The problem document of an error."""
    if isinstance(error, HTTPException) and isinstance(error.response, Response):
        return error.response  # an extension's own
    problem, known = problems.of(error), context_or_new()
    if isinstance(error, HTTPException) and error.code not in _ASKED_FOR:
        telemetry.failed(error, known.trace_id)
    known.code = problem.code
    return problem.response(known.lang, known.trace_id)
