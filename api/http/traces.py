"""A span of every request to an operator's own collector, where `SOCAI_TRACES_URL` names one.

Off by default. What may leave is what `api.ops.redaction` names. Spans go out behind the answers,
in batches: a collector that is away or slow loses them and holds nobody up. Above ordinary nothing
leaves of itself, so there it is refused.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, Final

from api.ops.redaction import RedactedSpans
from api.settings import ORDINARY, SettingsError
from api.version import VERSION
from ledger.message import Message

_EXPORTER: Final = "opentelemetry.exporter"


def require(level: str) -> None:
    """Looks before anything is started whether this can be done here.

    Args:
        level: Of the enclave.

    Raises:
        SettingsError: The extra is not installed, or the enclave is above ordinary.
    """
    if level != ORDINARY:
        raise SettingsError(Message("SOCAI_TRACES_URL: nothing leaves an enclave above ordinary"))
    if find_spec("opentelemetry") is None or find_spec(_EXPORTER) is None:
        raise SettingsError(Message("SOCAI_TRACES_URL needs an extra: pip install 'socai[traces]'"))


def begin(app: Any, url: str) -> None:  # noqa: ANN401  a Flask application
    """Begins it, in the process that answers: after the fork, since a thread of it sends.

    Args:
        app: Of one worker.
        url: OTLP over HTTP: the collector's address for traces.
    """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  an extra
    from opentelemetry.instrumentation.flask import FlaskInstrumentor  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON  # noqa: PLC0415

    # by its constructor: what is told of this program has nothing of the environment or the machine
    resource = Resource({"service.name": "socai", "service.version": VERSION})
    # nor does a client say whether it is told
    provider = TracerProvider(resource=resource, sampler=ALWAYS_ON)
    exporter = RedactedSpans(OTLPSpanExporter(endpoint=url))
    provider.add_span_processor(BatchSpanProcessor(exporter))  # type: ignore[arg-type]  # as one
    FlaskInstrumentor.instrument_app(app, tracer_provider=provider)  # type: ignore[no-untyped-call]
