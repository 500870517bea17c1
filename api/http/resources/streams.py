"""Where the next statement of a stream must stand (http.md §3)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response

from api.http.framework.admission import Heavy
from api.http.framework.endpoint import Resource, in_path
from api.http.framework.request_context import caller, context
from api.http.framework.responses import answer
from api.http.resources.common.served import enclave
from api.http.schemas.act import HeadQuerySchema, StreamHeadSchema
from api.http.schemas.case import EXAMPLE_CASE
from ledger.reads.shown import shows_nothing
from ledger.regulation.acts.catalogue import catalogue_of

streams = Resource("streams", __name__, url_prefix="/v1/streams", description="Dòng ghi · Streams")


@streams.call(
    "/<path:stream>/head",
    answers=StreamHeadSchema,
    problems=("not_found", "stream_erased", "database_unavailable"),
    parameters=(
        in_path(
            "stream",
            "Name of the stream, formats.md §2.",
            example=f"case/{EXAMPLE_CASE}",
        ),
    ),
    query=HeadQuerySchema,
    heavy=Heavy("writing"),
)
def get_stream_head(params: dict[str, Any], stream: str) -> Response:
    """Vị trí của bản ký kế tiếp · Where the next statement must stand.

    A stream that has not begun answers `seq` 1 without `prev`. With `acts=true` also what the
    caller may begin there now.
    """
    shows_nothing()  # where it is of a case, whoever asks what is seen of it says so
    head = enclave().ledger.head(stream)
    aside = list(head.aside) or None
    body: dict[str, Any] = {"seq": head.seq, "prev": head.prev, "state": head.state}
    body["set_aside"] = aside
    if "acts" in params:
        body["acts"] = _open(stream)
    return answer({name: value for name, value in body.items() if value is not None})


def _open(stream: str) -> list[dict[str, Any]] | None:
    found = enclave().ledger.drafts.open_acts(stream, caller().officer, at=context().at)
    types = catalogue_of(enclave().ledger.registry.edition).types
    return (
        None
        if found is None
        else [{**asdict(one), "vi": types[one.act].vi, "en": types[one.act].en} for one in found]
    )
