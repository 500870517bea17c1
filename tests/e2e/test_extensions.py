"""Flask's hooks run as Flask documents them, so that what is made for Flask works here unchanged.

Extensions as they are installed, against the real application on a real database; and a resource of
the test's own, which knows nothing of the ledger: the framework stands without ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn
from uuid import UUID

import orjson
import pytest
import sentry_sdk
import sentry_sdk.logger
from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    got_request_exception,
    request,
    request_finished,
    request_started,
)
from flask.testing import FlaskClient
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from marshmallow import fields
from opentelemetry import trace
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from prometheus_client import REGISTRY
from sentry_sdk.envelope import Envelope
from sentry_sdk.integrations.flask import FlaskIntegration
from sentry_sdk.transport import Transport
from werkzeug.datastructures import Headers, WWWAuthenticate
from werkzeug.exceptions import (
    MethodNotAllowed,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
)
from werkzeug.routing import IntegerConverter, Map, PathConverter, Rule, UUIDConverter
from werkzeug.test import EnvironBuilder

from api.http.app import create_app
from api.http.framework.admission import Heavy
from api.http.framework.endpoint import Resource
from api.http.framework.read_budget import AT_ONCE
from api.http.framework.request_context import context
from api.http.framework.responses import answer
from api.http.schemas.base import ProjectedSchema, StrictSchema
from api.ops.log_lines import JsonLines
from api.ops.redaction import SENTRY, RedactedSpans
from ledger.reads.shown import shows_nothing
from tests.builders import an_act, an_id, officer
from tests.fixtures.app import Service

pytestmark = [pytest.mark.postgres]

_CONTENT = "a name of a citizen"


class Told(Exception):
    """What a view of the test's own raises, and its own handler answers."""


def _probe() -> Resource:
    """A resource of four calls: one answers, one fails, one streams, one raises `Told`."""
    probe = Resource("probe", __name__, url_prefix="/probe", description="Probe")

    @probe.call("/fine", answers=None, query=ProjectedSchema, access="open")
    def fine(asked: dict[str, Any]) -> Response:
        """Fine."""
        return answer({"asked": dict(asked)})

    @probe.call("/broken", answers=None, heavy=Heavy("registry"))
    def broken() -> Response:
        """Fails as a mistake of ours does."""
        raise RuntimeError(_CONTENT)

    @probe.call("/streamed", answers=None, heavy=Heavy("registry"))
    def streamed() -> Response:
        """Answers byte by byte."""
        shows_nothing()
        return Response(iter([b"1", b"2"]))

    @probe.call("/told", answers=None, access="open")
    def told() -> Response:
        """Raises what the blueprint answers itself."""
        raise Told

    return probe


@pytest.fixture
def probe() -> Resource:
    """Calls of the test's own."""
    return _probe()


@pytest.fixture
def app(shared: Service) -> Flask:
    """The API of a running enclave, fresh: a hook of one test is none of another."""
    return create_app(shared.enclave)


def _with(app: Flask, probe: Blueprint) -> FlaskClient:
    app.register_blueprint(probe)
    return app.test_client()


@pytest.fixture
def case(shared: Service) -> str:
    """A case that can be asked for."""
    made = an_id("a case of the extensions")
    if shared.get(f"/v1/cases/{made}").status_code != 200:
        act = an_act("ReportReceived", by="hotline", when=shared.step(), stream=f"case/{made}")
        index = shared.say(act, "hotline")["index"]
        shared.get(f"/v1/cases/{made}", at_least=index, headers={"Prefer": "wait=20"})
    return made


# -- Flask's own ----------------------------------------------------------------------------------


def test_addresses_are_written_from_rules_as_flask_writes_them(app: Flask, probe: Resource) -> None:
    """`url_for`, of every rule: how one is written is found out when it is first asked for."""
    app.register_blueprint(probe)
    plain = Map(strict_slashes=True)
    for rule in app.url_map.iter_rules():
        plain.add(Rule(rule.rule, endpoint=rule.endpoint, methods=rule.methods))
    of_kind: dict[type, Any] = {
        IntegerConverter: 7,
        UUIDConverter: UUID(int=7),
        PathConverter: "a/b c",
    }
    written = set()
    for rule in app.url_map.iter_rules():
        values = {name: of_kind.get(type(kind), "ý/?") for name, kind in rule._converters.items()}
        for asked in (values, {**values, "lang": "vi", "q": "một hai"}):
            with app.test_request_context():
                url = app.url_for(rule.endpoint, **asked)
            assert url == plain.bind("localhost").build(rule.endpoint, asked)
            written.add(url)
    assert len(written) > 100, "those with parameters too"


def test_hooks_of_application_and_blueprint_run_in_flasks_order(
    app: Flask, probe: Resource
) -> None:
    """Before, the view, after in reverse; our headers come last, over what a hook has answered."""
    order: list[str] = []
    app.before_request(lambda: order.append("app before"))
    probe.before_request(lambda: order.append("resource before"))
    app.url_value_preprocessor(lambda *_: order.append("values"))

    @probe.after_request  # type: ignore[untyped-decorator]  # flask-smorest ships no types
    def resource_after(response: Response) -> Response:
        order.append("resource after")
        assert "X-Request-Id" not in response.headers
        response.headers["X-Of-The-Resource"] = "1"
        return response

    @app.after_request
    def app_after(response: Response) -> Response:
        order.append("app after")
        return response

    app.teardown_request(lambda _: order.append("teardown"))
    response = _with(app, probe).get("/probe/fine?at_least=0", headers={"X-Request-Id": "abc"})
    assert response.get_json()["asked"] == {"at_least": 0}
    assert order == [
        "values",
        "app before",
        "resource before",
        "resource after",
        "app after",
        "teardown",
    ]
    assert response.headers["X-Of-The-Resource"] == "1"
    assert response.headers["X-Request-Id"] == "abc"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_what_waits_for_the_end_of_an_answer_is_told(app: Flask, probe: Resource) -> None:
    """Also of an answer that leaves as it was made; and then its thread keeps nothing of it."""
    order: list[str] = []

    @app.after_request
    def after(response: Response) -> Response:
        assert context().trace_id == "abc"
        response.call_on_close(lambda: order.append("out"))
        return response

    client = _with(app, probe)
    response = client.get("/probe/fine", headers={"X-Request-Id": "abc"}, buffered=True)
    assert (response.get_json()["asked"], order) == ({}, ["out"])
    with pytest.raises(LookupError):
        context()


def test_a_hook_that_answers_is_the_answer(app: Flask) -> None:
    """A page for the time of maintenance, say: no view is asked, and our headers are on it."""
    app.before_request(lambda: Response("later", 503))
    response = app.test_client().get("/health/live")
    assert (response.status_code, response.text) == (503, "later")
    assert response.headers["X-Frame-Options"] == "DENY"
    assert len(response.headers["X-Request-Id"]) == 32


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/cases", 401),
        ("GET", "/nowhere", 404),
        ("PATCH", "/health/live", 405),
        ("GET", "/health/live?x=1&x=2", 400),
    ],
)
def test_what_is_refused_passes_the_hooks_too(
    app: Flask, method: str, path: str, status: int
) -> None:
    """Whoever counts or traces requests counts those that are refused, with their trace id."""
    seen: list[Any] = []
    app.before_request(lambda: seen.append(request.path))
    app.teardown_request(seen.append)

    @app.after_request
    def after(response: Response) -> Response:
        seen.append(response.status_code)
        return response

    response = app.test_client().open(path, method=method)
    assert response.status_code == status
    assert seen == [path.partition("?")[0], status, None]
    assert response.get_json()["trace_id"] == response.headers["X-Request-Id"]


def test_signals_are_sent_and_an_error_of_ours_is_told_to_everybody(
    app: Flask, probe: Resource, shared: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """The signal, the teardown and the log have it; the answer and the log line have no content."""
    told: list[Any] = []
    torn: list[BaseException | None] = []

    def started(_: Flask, **_more: object) -> None:
        told.append("started")

    def finished(_: Flask, response: Response, **_more: object) -> None:
        told.append(response.status_code)

    def failed(_: Flask, exception: Exception, **_more: object) -> None:
        told.append(exception)

    app.teardown_request(torn.append)
    client = _with(app, probe)
    with (
        request_started.connected_to(started, app),
        request_finished.connected_to(finished, app),
        got_request_exception.connected_to(failed, app),
    ):
        response = client.get("/probe/broken", headers=shared.headers("cv"))
        refused = client.get("/probe/broken")
    assert (response.status_code, refused.status_code) == (500, 401)
    assert [str(one) for one in told] == ["started", _CONTENT, "500", "started", "401"]
    assert [str(one) for one in torn] == [_CONTENT, "None"]
    assert response.get_json()["code"] == "internal"
    assert _CONTENT not in response.text
    lines = [record for record in caplog.records if record.name == "socai.http"]
    failure = next(one for one in lines if one.getMessage() == "failed").__dict__["fields"]
    assert failure["error"] == "RuntimeError"
    assert failure["trace_id"] == response.headers["X-Request-Id"]
    assert _CONTENT not in caplog.text


def test_a_hook_that_always_fails_takes_no_header_and_tells_no_text(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    """It fails over its own error too: the answer is complete, the log has class and places."""

    @app.after_request
    def after(_: Response) -> Response:
        raise RuntimeError(_CONTENT)

    before = REGISTRY.get_sample_value("socai_http_requests_total", _LIVE) or 0
    with caplog.at_level("INFO"):
        response = app.test_client().get("/health/live", headers={"X-Request-Id": "abc"})
    assert (response.status_code, response.get_json()["code"]) == (500, "internal")
    assert response.headers.getlist("X-Request-Id") == ["abc"]
    assert response.headers.getlist("X-Content-Type-Options") == ["nosniff"]
    assert response.headers.getlist("X-Frame-Options") == ["DENY"]
    assert REGISTRY.get_sample_value("socai_http_requests_total", _LIVE) == before + 1
    lines = [JsonLines().format(record) for record in caplog.records]
    assert [line for line in lines if _CONTENT in line] == []
    assert _CONTENT not in caplog.text
    over = next(orjson.loads(line) for line in lines if "Request finalizing failed" in line)
    assert (over["error"], over["where"][-1].split()[-1]) == ("RuntimeError", "after")
    assert sum('"event":"answered"' in line for line in lines) == 1


_LIVE = {"call": "/health/live", "method": "GET", "status": "500"}


def test_a_view_that_fails_gives_its_officers_place_back(
    app: Flask, probe: Resource, shared: Service
) -> None:
    """Four heavy reads may be under way: ten that fail are none."""
    client = _with(app, probe)
    for _ in range(10):
        response = client.get("/probe/broken", headers=shared.headers("cv2"))
        assert response.status_code == 500, response.text


def test_nobody_is_charged_who_is_not_let_in(app: Flask, probe: Resource, shared: Service) -> None:
    """What has a wrong form is told so also where a budget is spent, and takes no place of it."""
    client, headers = _with(app, probe), shared.headers("cv2")
    budgets = app.extensions["socai-budgets"]
    who = officer("cv2")
    under_way = [budgets.charge(who, "registry") for _ in range(AT_ONCE)]
    assert client.get("/probe/broken", headers=headers).status_code == 429
    for wrong, status in (({"Accept": "text/csv"}, 406), ({"X-Request-Id": "a b"}, 400)):
        answer = client.get("/probe/broken", headers={**headers, **wrong})
        assert answer.status_code == status, answer.text
    assert client.get("/probe/broken").status_code == 401
    for one in under_way:
        budgets.settle(one, 0.0)


@pytest.mark.parametrize("status", [500, 200])
def test_a_stream_that_is_dropped_gives_its_officers_place_back(
    app: Flask, probe: Resource, shared: Service, status: int
) -> None:
    """A hook that fails over it, or answers in its place: nobody closes the stream."""

    @app.after_request
    def after(response: Response) -> Response:
        if not response.is_streamed:
            return response
        if status == 500:
            raise RuntimeError(_CONTENT)
        return Response("in its place", status)

    client, headers = _with(app, probe), shared.headers("cv2")
    for _ in range(10):
        assert client.get("/probe/streamed", headers=headers).status_code == status


def test_an_answer_that_cannot_begin_gives_its_officers_place_back(
    app: Flask, probe: Resource, shared: Service
) -> None:
    """The server refuses its head, as gunicorn does a header with a line break."""
    app.register_blueprint(probe)
    headers = shared.headers("cv2")

    def refused(*_: object) -> NoReturn:
        raise RuntimeError(_CONTENT)

    for _ in range(10):
        environ = EnvironBuilder(path="/probe/streamed", headers=Headers(headers)).get_environ()
        with pytest.raises(RuntimeError, match=_CONTENT):
            app.wsgi_app(environ, refused)
    assert app.test_client().get("/probe/streamed", headers=headers).status_code == 200


def test_a_stream_holds_its_officers_place_until_it_is_closed(
    app: Flask, probe: Resource, shared: Service
) -> None:
    """Four may be under way; each that is closed makes room for one."""
    client, headers = _with(app, probe), shared.headers("cv2")
    open_ones = [client.get("/probe/streamed", headers=headers) for _ in range(4)]
    assert [one.status_code for one in open_ones] == [200] * 4
    assert client.get("/probe/streamed", headers=headers).status_code == 429
    open_ones[0].close()
    assert client.get("/probe/streamed", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("sent", "status", "logged"), [(502, 503, 1), (501, 500, 1), (503, 503, 0), (410, 404, 0)]
)
def test_a_failure_of_an_extension_is_logged(
    app: Flask, caplog: pytest.LogCaptureFixture, sent: int, status: int, logged: int
) -> None:
    """By class and place; what it says of its sender, or sends away for a while, is not one."""
    app.before_request(lambda: abort(sent, _CONTENT))
    response = app.test_client().get("/health/live")
    assert response.status_code == status
    assert [one.getMessage() for one in caplog.records].count("failed") == logged
    assert _CONTENT not in response.text + caplog.text


def test_what_an_extension_says_beside_its_page_goes_with_the_problem(app: Flask) -> None:
    """When to ask again, what is allowed and how to sign in; where it does not say when, in two."""
    refusals = {
        "/health/live": (TooManyRequests(retry_after=37), 429, {"Retry-After": "37"}),
        "/health/ready": (ServiceUnavailable(), 503, {"Retry-After": "2"}),
        "/v1/log": (MethodNotAllowed(["PUT"]), 405, {"Allow": "PUT"}),
        "/docs": (
            Unauthorized(www_authenticate=WWWAuthenticate("digest")),
            401,
            {"WWW-Authenticate": "Digest"},
        ),
    }

    def refuse() -> None:
        raise refusals[request.path][0]

    app.before_request(refuse)
    for path, (_, status, said) in refusals.items():
        answer = app.test_client().get(path)
        found = {name: answer.headers.get(name) for name in said}
        assert (answer.status_code, found) == (status, said)
        assert answer.mimetype == "application/problem+json"


def test_a_blueprint_answers_its_own_errors(app: Flask, probe: Resource) -> None:
    """`errorhandler` of a resource, for a class of its own; nobody else's is touched."""
    probe.register_error_handler(Told, lambda _: Response("as told", 418))
    response = _with(app, probe).get("/probe/told")
    assert (response.status_code, response.text) == (418, "as told")
    assert response.headers["Cache-Control"] == "no-cache"


# -- OpenTelemetry --------------------------------------------------------------------------------


@pytest.fixture
def spans(app: Flask) -> Iterator[InMemorySpanExporter]:
    """What the instrumentation of Flask exports, set up as docs/http-layer.md says, at once."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(RedactedSpans(exporter)))  # type: ignore[arg-type]  # as one
    FlaskInstrumentor.instrument_app(app, tracer_provider=provider)  # type: ignore[no-untyped-call]
    yield exporter
    FlaskInstrumentor.uninstrument_app(app)  # type: ignore[no-untyped-call]
    provider.shutdown()


def _spans(exporter: InMemorySpanExporter) -> list[ReadableSpan]:
    return list(exporter.get_finished_spans())


def test_opentelemetry_has_a_span_of_every_request(
    app: Flask, probe: Resource, spans: InMemorySpanExporter, shared: Service, case: str
) -> None:
    """One each, by rule and status: answered, refused, not found and failed, under its parent."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    parent = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    client = _with(app, probe)
    client.get(f"/v1/cases/{case}", headers={**shared.headers("cv"), **parent})
    client.get(f"/v1/cases/{case}")
    client.get("/nowhere")
    client.get("/probe/broken", headers=shared.headers("cv"))
    found = _spans(spans)
    assert [(one.attributes or {})["http.status_code"] for one in found] == [200, 401, 404, 500]
    assert [one.name for one in found][:2] == ["GET /v1/cases/<case>"] * 2
    assert found[0].context is not None
    assert f"{found[0].context.trace_id:032x}" == trace
    assert found[3].status.status_code is StatusCode.ERROR
    assert [event.name for event in found[3].events] == ["exception"]
    assert [one for one in found[:3] if one.status.status_code is StatusCode.ERROR] == []


def test_a_trace_has_no_address_and_no_text(
    app: Flask, probe: Resource, spans: InMemorySpanExporter, shared: Service, case: str
) -> None:
    """What a span is exported as: neither whose case was asked for, nor what an error said."""
    headers = {**shared.headers("cv"), "tracestate": "k=secret-in-state", "User-Agent": "secret-ua"}
    headers["traceparent"] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    app.before_request(lambda: trace.get_current_span().add_event(_CONTENT))
    client = _with(app, probe)
    client.get(f"/v1/cases/{case}?at_least=0", headers=headers)
    client.get(f"/nowhere/{case}?secret-query=1", headers=headers)
    client.get("/probe/broken", headers=headers)
    found = _spans(spans)
    assert [one.name for one in found] == [
        "GET /v1/cases/<case>", "GET none", "GET /probe/broken"
    ]  # fmt: skip
    exported = [one.to_json() for one in found]
    for text in (_CONTENT, case, "at_least", "secret", "nowhere", "Traceback", "127.0.0.1"):
        assert [one for one in exported if text in one] == [], text
    (event,) = found[2].events
    assert event.attributes == {"exception.type": "RuntimeError"}
    assert found[2].attributes == {
        "http.method": "GET", "http.route": "/probe/broken", "http.status_code": 500
    }  # fmt: skip


# -- Sentry ---------------------------------------------------------------------------------------


class Kept(Transport):
    """A transport that keeps what it is to send."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[dict[str, Any]] = []
        self.sent = b""

    def capture_envelope(self, envelope: Envelope) -> None:
        """Keeps its event, and every byte beside it."""
        self.sent += envelope.serialize()
        event = envelope.get_event()
        if event is not None:
            self.events.append(dict(event))


@pytest.fixture
def sentry() -> Iterator[Kept]:
    """Sentry as docs/http-layer.md says to set it up, with a transport that keeps."""
    kept = Kept()
    sentry_sdk.init(
        "https://key@sentry.test/1",
        transport=kept,
        integrations=[FlaskIntegration()],
        traces_sample_rate=1.0,  # asked for beside it, transactions and logs are not sent either
        enable_logs=True,
        **SENTRY,
    )
    yield kept
    sentry_sdk.get_client().close()
    sentry_sdk.init(default_integrations=False, auto_enabling_integrations=False)


def test_sentry_is_told_of_our_errors_and_of_no_refusal(
    app: Flask, probe: Resource, sentry: Kept, shared: Service
) -> None:
    """One event for one mistake, with call and class; no token and no body goes with it."""
    client = _with(app, probe)
    headers = shared.headers("cv")
    client.get("/probe/broken")
    client.get("/nowhere")
    client.post("/v1/acts/check", json={"act": _CONTENT}, headers=headers)
    assert sentry.events == []
    assert client.get("/probe/broken", headers=headers).status_code == 500
    (event,) = sentry.events
    assert event["transaction"] == "probe.broken"
    assert event["exception"]["values"][-1]["type"] == "RuntimeError"
    assert event["exception"]["values"][-1]["mechanism"]["handled"] is False
    assert event["request"] == {"method": "GET"}


def test_a_report_has_no_address_and_no_text(
    app: Flask, probe: Resource, sentry: Kept, shared: Service, case: str
) -> None:
    """The error's class and where it arose, and its cause's; a message is no report at all."""

    class Query(StrictSchema):
        secret = fields.String()

    @probe.call("/caused/<case>", answers=None, query=Query, access="open")
    def caused(_params: object, case: str) -> Response:
        """Fails on account of another failure."""
        sentry_sdk.add_breadcrumb(message=_CONTENT)
        sentry_sdk.set_tag("case", case)
        sentry_sdk.set_user({"id": "secret-officer"})
        sentry_sdk.capture_message(_CONTENT)
        sentry_sdk.logger.info(_CONTENT)
        try:
            return Response(UUID(f"{case} of nobody").hex)
        except ValueError as error:
            raise RuntimeError(_CONTENT) from error

    client = _with(app, probe)
    asked = {**shared.headers("cv"), "User-Agent": "secret-ua"}
    client.get(f"/probe/caused/{case}?secret=1", headers=asked)
    sentry_sdk.flush()
    (event,) = sentry.events
    for text in (_CONTENT, case, "secret", asked["Authorization"], "vars", "context_line"):
        assert text.encode() not in sentry.sent, text
    cause, error = event["exception"]["values"]
    assert (cause["type"], error["type"]) == ("ValueError", "RuntimeError")
    place = error["stacktrace"]["frames"][-1]
    assert (place["function"], place["module"]) == ("caused", __name__)
    assert place["lineno"] > 0


# -- a limiter ------------------------------------------------------------------------------------


def _limiter(app: Flask, **options: Any) -> Limiter:  # noqa: ANN401  its own options
    return Limiter(
        get_remote_address, app=app, storage_uri="memory://", headers_enabled=True, **options
    )


def test_a_limiter_refuses_as_a_problem_before_anybody_is_looked_up(
    app: Flask, shared: Service
) -> None:
    """flask-limiter over the whole application: 429 with `Retry-After`, also without a token."""
    _limiter(app, default_limits=["3 per minute"])
    client = app.test_client()
    path, headers = "/v1/agencies", shared.headers("cv")
    assert [client.get(path, headers=headers).status_code for _ in range(3)] == [200] * 3
    refused = client.get(path)
    assert refused.status_code == 429
    assert refused.content_type == "application/problem+json"
    assert refused.get_json()["code"] == "too_many_requests"
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["X-RateLimit-Remaining"] == "0"


def test_a_limit_on_one_view_holds_under_its_declaration(app: Flask, probe: Resource) -> None:
    """A decorator under `call` is the view's; other calls of the resource are not counted."""
    limiter = _limiter(app)

    @probe.call("/rare", answers=None, access="open")
    @limiter.limit("1 per minute")
    def rare() -> Response:
        """Rarely."""
        return answer({})

    client = _with(app, probe)
    assert [client.get("/probe/rare").status_code for _ in range(2)] == [200, 429]
    assert [client.get("/probe/fine").status_code for _ in range(3)] == [200] * 3
