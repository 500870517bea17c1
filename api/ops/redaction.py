"""What a tracer and a reporter of errors may carry out: route, method, status, classes, places.

Both take addresses, texts of errors and lines of source by themselves, and any of these may quote
content of acts. So nothing is crossed out here: what may leave is named, and all else stays.
Neither library is needed to import this: it takes what they hand over, and makes more of the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

_OF_SPANS: Final = frozenset(
    {
        "error.type",
        "http.method",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "http.status_code",
    }
)
"""Attributes by OpenTelemetry's semantic conventions for HTTP, those of old and those in force."""
_OF_EVENTS: Final = (
    "environment",
    "event_id",
    "level",
    "platform",
    "release",
    "sdk",
    "timestamp",
)
_OF_FRAMES: Final = ("filename", "function", "in_app", "lineno", "module")
_OF_MECHANISMS: Final = ("exception_id", "handled", "parent_id", "type")


class Exporter(Protocol):
    """What takes spans in OpenTelemetry's SDK: its SpanExporter."""

    def export(self, spans: Sequence[Any], /) -> Any:  # noqa: ANN401  SpanExportResult
        """Sends spans."""

    def shutdown(self) -> None:
        """Ends it."""

    def force_flush(self, timeout_millis: int = ..., /) -> bool:
        """Sends what is held back."""


class RedactedSpans:
    """An exporter before an exporter: of each span its route, method, status and class of error.

    A trace has no places of errors: OpenTelemetry has them as text, together with the message.

    Args:
        exporter: Where spans go.
    """

    def __init__(self, exporter: Exporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[Any]) -> Any:  # noqa: ANN401  SpanExportResult
        """Sends what may leave of these."""
        return self._exporter.export([_span(span) for span in spans])

    def shutdown(self) -> None:
        """Ends the exporter behind it."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Sends what the exporter behind it holds back."""
        return self._exporter.force_flush(timeout_millis)


def _span(span: Any) -> Any:  # noqa: ANN401  ReadableSpan
    kept = _kept(span.attributes or {}, _OF_SPANS)
    method = kept.get("http.request.method", kept.get("http.method"))
    scope = span.instrumentation_scope
    maker = scope.name if scope else "span"
    return type(span)(
        name=f"{method} {kept.get('http.route', 'none')}" if method else maker,
        context=_ids(span.context),
        parent=_ids(span.parent),
        resource=span.resource,
        attributes=kept,
        events=[
            type(event)(
                event.name, _kept(event.attributes or {}, ("exception.type",)), event.timestamp
            )
            for event in span.events
            if event.name == "exception"
        ],
        kind=span.kind,
        status=type(span.status)(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=scope,
    )


def _ids(context: Any) -> Any:  # noqa: ANN401  SpanContext
    """Without its state, in which a client may write what it likes."""
    if context is None:
        return None
    return type(context)(context.trace_id, context.span_id, context.is_remote, context.trace_flags)


def sentry_event(event: Mapping[str, Any], _hint: object) -> dict[str, Any] | None:
    """`before_send`: call, method, classes and places; an event without an error is only text."""
    errors = event.get("exception", {}).get("values", ())
    if not errors:
        return None
    kept = _kept(event, _OF_EVENTS)
    if event.get("transaction_info", {}).get("source") in ("component", "route"):
        kept["transaction"] = event["transaction"]  # else it may be the address
    trace = event.get("contexts", {}).get("trace", {})
    kept["contexts"] = {"trace": _kept(trace, ("span_id", "trace_id"))}
    kept["request"] = _kept(event.get("request", {}), ("method",))
    kept["exception"] = {"values": [_error(error) for error in errors]}
    return kept


def _error(error: Mapping[str, Any]) -> dict[str, Any]:
    frames = (error.get("stacktrace") or {}).get("frames", ())
    return {
        **_kept(error, ("module", "type")),
        "mechanism": _kept(error.get("mechanism") or {}, _OF_MECHANISMS),
        "stacktrace": {"frames": [_kept(frame, _OF_FRAMES) for frame in frames]},
    }


def _kept(told: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: told[name] for name in names if name in told}


def _nothing(_told: object, _hint: object) -> None:
    """What has no class and no place: Sentry sends none of it."""


SENTRY: Final[Mapping[str, Any]] = {
    "before_send": sentry_event,
    "before_breadcrumb": _nothing,
    "before_send_transaction": _nothing,
    "before_send_log": _nothing,
    "default_integrations": False,
    "auto_enabling_integrations": False,
    "include_local_variables": False,
    "include_source_context": False,
    "max_request_body_size": "never",
}
"""For `sentry_sdk.init`, beside its address and integrations; the last five gather less."""
