"""Where the next statement of a stream must stand (http.md §3)."""

from __future__ import annotations

from flask import Response

from api.http.framework.admission import Heavy
from api.http.framework.endpoint import Resource, in_path
from api.http.framework.responses import answer
from api.http.resources.common.served import enclave
from api.http.schemas.act import StreamHeadSchema
from api.http.schemas.case import EXAMPLE_CASE
from ledger.reads.shown import shows_nothing

streams = Resource("streams", __name__, url_prefix="/v1/streams", description="Dòng ghi · Streams")


@streams.call(
    "/<path:stream>/head",
    answers=StreamHeadSchema,
    problems=("not_found", "database_unavailable"),
    parameters=(
        in_path(
            "stream",
            "Name of the stream, formats.md §2.",
            example=f"case/{EXAMPLE_CASE}",
        ),
    ),
    heavy=Heavy("writing"),
)
def get_stream_head(stream: str) -> Response:
    """Vị trí của bản ký kế tiếp · Where the next statement must stand.

    A stream that has not begun answers `seq` 1 without `prev`.
    """
    shows_nothing()  # where it is of a case, whoever asks what is seen of it says so
    head = enclave().ledger.head(stream)
    aside = list(head.aside) or None
    body = {"seq": head.seq, "prev": head.prev, "state": head.state, "set_aside": aside}
    return answer({name: value for name, value in body.items() if value is not None})
