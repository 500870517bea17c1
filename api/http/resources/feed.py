"""The feed for other systems: CloudEvents in log order, with long poll (http.md §4)."""

from __future__ import annotations

from typing import Any, Final

from flask import Response

from api.http.framework import freshness
from api.http.framework.admission import Heavy
from api.http.framework.endpoint import Resource
from api.http.framework.responses import encode, finish
from api.http.resources.common.served import enclave
from api.http.schemas.work import EventShownSchema, FeedQuerySchema

feed = Resource("feed", __name__, url_prefix="/v1", description="Dòng tin · Feed")
BATCH: Final = "application/cloudevents-batch+json"


@feed.call(
    "/feed",
    query=FeedQuerySchema,
    answers=EventShownSchema(many=True),
    produces=BATCH,
    projected=True,
    headers=("Link",),
    heavy=Heavy("feed"),
)
def read_feed(params: dict[str, Any]) -> Response:
    """Sự kiện sau một vị trí · CloudEvents after an index; `Prefer: wait=20` waits for the next.

    Whoever keeps the last index is told once of every record that they see by then: never the
    content of an act, nor that a case begins or ceases to be yours. How a copy is kept:
    /spec/http#s6.
    A request looks at `limit` indices and answers with what you see of them: `Link` leads on, also
    from an empty batch. An index that the log does not have is refused: it
    would wait in silence.
    """
    after = params.get("after", -1)
    freshness.require_in_log("after", after)
    freshness.waited(after + 1, "acts")
    index, last, events = enclave().queries.feed.after(after, params["limit"])
    place = "" if last < 0 else f"after={last}&"
    link = f'</v1/feed?{place}limit={params["limit"]}>; rel="next"'
    return finish(encode(events), BATCH, index=index, headers={"Link": link})
