"""Metrics, pulled and not pushed from below, and the line of a request.

Metrics stand on a port of their own, and no label is a case, an agency or a person. The layers
below know none of this.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Final, Literal
from wsgiref.simple_server import WSGIServer

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    start_http_server,
    values,
)
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from api.ops.log_lines import where

_HTTP: Final = logging.getLogger("socai.http")
#: Others are counted as one: a client names methods as it likes, and every label is kept.
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

REQUESTS: Final = Counter(
    "socai_http_requests", "Answers by call and status", ("call", "method", "status")
)
SECONDS: Final = Histogram(
    "socai_http_seconds", "Time from first byte in to answer", ("call", "method"), buckets=_BUCKETS
)
PROBLEMS: Final = Counter("socai_http_problems", "Problems by code", ("code",))
HEAVY_SECONDS: Final = Counter(
    "socai_heavy_read_seconds", "Work of heavy reads, processor and database", ("kind",)
)
HEAVY_REFUSED: Final = Counter(
    "socai_heavy_reads_refused", "Heavy reads beyond their officer's budget", ("kind",)
)
CONNECTIONS: Final = Gauge(
    "socai_http_connections", "Open connections of clients", multiprocess_mode="livesum"
)
STATEMENTS: Final = Counter("socai_statements", "Statements recorded, and sent again", ("outcome",))
STATEMENT_SECONDS: Final = Histogram(
    "socai_statement_seconds",
    "Time from a statement's last byte in until it was durable, or proven, by what came of it",
    ("until", "outcome"),
    buckets=_BUCKETS,
)
REFUSED: Final = Counter(
    "socai_statements_refused", "Statements that a guard refused, by its code", ("guard",)
)
POOL: Final = Gauge(
    "socai_database_connections",
    "Connections of the API's pools by login: open, lent, and requests that wait for one",
    ("login", "state"),
    multiprocess_mode="livesum",
)
AUDIT_AT: Final = Gauge(
    "socai_audit_timestamp_seconds",
    "When the last audit that this home was given was over; 0 where there was none",
    multiprocess_mode="mostrecent",
)
AUDIT_OK: Final = Gauge(
    "socai_audit_ok", "1 where that audit found everything sound", multiprocess_mode="mostrecent"
)
LOG_SIZE: Final = Gauge("socai_log_records", "Records committed", multiprocess_mode="mostrecent")
UNCOVERED: Final = Gauge(
    "socai_log_uncovered", "Records no checkpoint covers yet", multiprocess_mode="mostrecent"
)
UNCOVERED_S: Final = Gauge(
    "socai_log_uncovered_seconds",
    "How long the oldest record waits that no checkpoint covers, by the database's clock; in a"
    " rehearsal by its senders'",
    multiprocess_mode="mostrecent",
)
CLOCK_OFFSET_S: Final = Gauge(
    "socai_clock_offset_seconds",
    "How far this machine's clock is ahead of the database's",
    multiprocess_mode="mostrecent",
)
READY: Final = Gauge(
    "socai_ready",
    "1 where a check of readiness is well",
    ("check",),
    multiprocess_mode="mostrecent",
)
READY_AT: Final = Gauge(
    "socai_ready_timestamp_seconds",
    "When readiness was asked last; every scrape asks",
    multiprocess_mode="mostrecent",
)
PROJECTION_LAG: Final = Gauge(
    "socai_projection_lag_records",
    "Records a view has not folded yet",
    ("view",),
    multiprocess_mode="mostrecent",
)
PROJECTION_UNJUDGED: Final = Gauge(
    "socai_projection_unjudged_records",
    "Records a view shows of which no guard has been asked yet",
    ("view",),
    multiprocess_mode="mostrecent",
)
PROJECTION_LAG_S: Final = Gauge(
    "socai_projection_lag_seconds",
    "Time of the log between a view's last record and the newest; -1 where it has none",
    ("view",),
    multiprocess_mode="mostrecent",
)
PROJECTION_STOPPED: Final = Gauge(
    "socai_projection_stopped",
    "1 where a view stopped at a record it cannot fold",
    ("view",),
    multiprocess_mode="mostrecent",
)

SET_ASIDE: Final = Gauge(
    "socai_records_set_aside",
    "Records against the rules that no act has voided yet, at most 10000.",
    multiprocess_mode="mostrecent",
)


def answered(
    *, call: str, method: str, status: int, seconds: float, trace_id: str, code: str
) -> None:
    """One request as a log line and in the metrics; `call` is the rule, never the path."""
    known = method if method in _METHODS else "other"
    requests, took = _counted(call, known, status)
    requests.inc()
    took.observe(seconds)
    if code:
        PROBLEMS.labels(code).inc()
    if _HTTP.isEnabledFor(logging.INFO):
        fields = {
            "call": call,
            "method": method,
            "status": status,
            "ms": round(seconds * 1000, 2),
            "trace_id": trace_id,
        }
        _HTTP.info("answered", extra={"fields": fields | {"code": code} if code else fields})


@cache
def _counted(call: str, method: str, status: int) -> tuple[Counter, Histogram]:
    """The counters of one kind of answer; there are as many kinds as rules, methods, statuses."""
    return REQUESTS.labels(call, method, status), SECONDS.labels(call, method)


Until = Literal["durable", "proven"]
_OUTCOMES: Final[Mapping[Until, tuple[str, ...]]] = {
    "durable": ("recorded", "repeated", "refused", "unavailable"),
    "proven": ("proven", "late"),
}


def count_together() -> None:
    """Has this process count in the folder that it shares (`share_metrics`), from nothing on.

    Where a number is kept is settled as a metric is made, and that was before a role was forked.
    """
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
    for metric in globals().values():
        if isinstance(metric, MetricWrapperBase) and not metric._labelnames:  # noqa: SLF001
            # what its constructor calls; the library is below 0.27
            metric._metric_init()  # type: ignore[no-untyped-call]  # noqa: SLF001


def begin_at_zero(codes: Iterable[str]) -> None:
    """Has each series that an alert counts by be there from the start.

    Prometheus sees no increase in a series that is 1 when it sees it first: the first error of its
    kind would ring nowhere.

    Args:
        codes: Of problems, all there are.
    """
    for code in codes:
        PROBLEMS.labels(code)
    for until, outcomes in _OUTCOMES.items():
        for outcome in outcomes:
            STATEMENT_SECONDS.labels(until, outcome)


def statement(until: Until, outcome: str, seconds: float, guard: str = "") -> None:
    """What became of a statement that was sent, and how long it took; never whose it is.

    Args:
        until: What was waited for.
        outcome: `recorded`, `repeated`, `refused`, `unavailable`; of a proof `proven` or `late`.
        seconds: Since all of it was in.
        guard: Code of the guard that refused it.
    """
    STATEMENT_SECONDS.labels(until, outcome).observe(seconds)
    if guard:
        REFUSED.labels(guard).inc()


def pooled(login: str, stats: Mapping[str, int]) -> None:
    """How a pool of this process stands, as it says itself."""
    size, idle = stats.get("pool_size", 0), stats.get("pool_available", 0)
    POOL.labels(login, "open").set(size)
    POOL.labels(login, "lent").set(max(0, size - idle))
    POOL.labels(login, "waiting").set(stats.get("requests_waiting", 0))


def failed(error: Exception, trace_id: str) -> None:
    """An error of ours: its class, that of its cause, and where it arose.

    Its text may quote content and stays out.
    """
    _HTTP.error("failed", extra={"fields": {**where(error), "trace_id": trace_id}})


class _AskedFirst(Collector):
    """Has no metric of its own: what stands in the others is as it is at the scrape."""

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look

    def collect(self) -> Iterable[Metric]:
        """None, once everything was looked at."""
        self._look()
        return ()

    def describe(self) -> Iterable[Metric]:
        """None; and nothing is looked at for that."""
        return ()


def told(ready: Iterable[tuple[str, bool]], at: datetime) -> None:
    """What readiness found; of several lines of one check whether all are well."""
    found: dict[str, bool] = {}
    for check, well in ready:
        found[check] = found.get(check, True) and well
    for check, well in found.items():
        READY.labels(check).set(int(well))
    READY_AT.set(at.timestamp())


def serve_metrics(port: int, host: str, look: Callable[[], None]) -> WSGIServer:
    """Opens the port for Prometheus, the workers of one server summed up.

    Args:
        port: Where.
        host: Of which address.
        look: Called before each scrape, so that what is told does not stand still between.
    """
    registry = CollectorRegistry()
    registry.register(_AskedFirst(look))
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    server, _ = start_http_server(port, addr=host, registry=registry)
    return server


def forget_process(pid: int) -> None:
    """Leaves the gauges of an ended worker out of the sum."""
    mark_process_dead(pid)  # type: ignore[no-untyped-call]
