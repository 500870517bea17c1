"""Who read what under which act: the log of reads, for whom access.md A11 names (http.md §4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from flask import Response

from api.http.framework import cursor
from api.http.framework.admission import Heavy
from api.http.framework.endpoint import BYTES, NOTE, Resource, in_path
from api.http.framework.request_context import caller, malformed, now
from api.http.framework.responses import answer, finish
from api.http.resources.common import filter_checks
from api.http.resources.common.served import enclave
from api.http.schemas.access_log import AccessLogQuerySchema, AccessLogSchema
from api.problems.problem import Problem
from api.texts.catalogue import both, translate
from keys import read_tags
from ledger.errors import NotFound
from ledger.log import tiles
from ledger.log.moment import stamp
from ledger.message import Message
from ledger.reads.access_logged import AccessRow
from ledger.reads.noted_rows import NotedLine
from ledger.reads.read import KINDS, RULES, NotedRead, ReadBy
from ledger.reads.scope import ReadScope

access_log = Resource(
    "access_log", __name__, description="Nhật ký truy cập · Who read what under which act"
)
_FILTERS: Final = ("of", "case", "record", "order", "agency", "post", "limit")
_END: Final = 2**62
#: Signed with each look, and so in one language for all (access.md U5).
_PURPOSE: Final[Mapping[str, Message]] = {
    "own": Message("To see one's own reads"),
    "agency": Message("To see the reads of an agency's officers"),
    "all": Message("To audit the log of reads"),
}
_RAW: Final = {"type": "string", "format": "binary"}


@access_log.call(
    "/v1/access-log",
    query=AccessLogQuerySchema,
    answers=AccessLogSchema,
    headers=("Link",),
    problems=(
        "bad_cursor", "own_reads_only", "audience_late", "read_not_logged", "database_unavailable",
    ),
    heavy=Heavy("listing"),
    of_cases=False,
)  # fmt: skip
def list_reads(params: dict[str, Any]) -> Response:
    """Ai đã xem gì · Reads under an order, an opening or a permit, newest first.

    Each officer is told of their own; whoever supervises or audits an agency, of those of its
    officers; the auditors of an overseer, of all. Looking is a read itself, and noted before the
    answer leaves.
    """
    who, at = caller(), now()
    scope = enclave().access_log.scope(who.officer, at)
    of = _of(params, scope)
    bound = {name: params.get(name) for name in _FILTERS} | {"of": of}
    place = cursor.read(params.get("cursor"), "reads", bound)
    tags, wanted = _filters(params, everybody=of == "all")
    key = enclave().access_log.key
    mine = read_tags.tag(key, "officer", who.officer)
    either = {
        "own": [[mine, *tags]],
        "agency": [[read_tags.tag(key, "agency", a), *tags] for a in sorted(scope.agencies)],
        "all": [tags],
    }[of]
    page = enclave().access_log.rows.page(
        either, before=_END - (place.index if place else 0), limit=params["limit"], wanted=wanted
    )
    case = params.get("case")
    looked = NotedRead(
        "A11",
        translate(_PURPOSE[of], "vi"),
        "ACCESS_LOG",
        ReadBy(who.officer, who.kid),
        via=params.get("order"),
        stream=None if case is None else f"case/{case}",
        agencies={"own": frozenset(), "agency": scope.agencies, "all": scope.overseeing}[of],
    )
    enclave().reads.note([looked])
    body: dict[str, Any] = {
        "of": of,
        "scope": {"all": scope.every, "agencies": sorted(scope.agencies)},
        "reads": [_line(one, placed=scope.every) for one in page.lines],
    }
    following = None
    if page.before is not None:
        # counted from the end: of one length, however many reads there are
        following = body["next"] = cursor.write(_END - page.before, (), "reads", bound)
    return answer(body, headers={**cursor.link(following), "Cache-Control": "no-store"})


def _of(params: Mapping[str, Any], scope: ReadScope) -> str:
    """Whose reads are asked for. Raises: Problem: `own_reads_only`."""
    named = params.get("of")
    if named is None:
        return "all" if scope.every else "agency" if scope.agencies else "own"
    if (named == "all" and not scope.every) or (named == "agency" and not scope.agencies):
        raise Problem("own_reads_only")
    return str(named)


def _filters(
    params: Mapping[str, Any], *, everybody: bool
) -> tuple[list[bytes], Callable[[AccessRow, datetime], bool] | None]:
    """What rows have to have, and what is looked for in them.

    Of a record that the caller does not see, rows that name it are all that is found: of which case
    it is would be told by what else there is. Only to whom `everybody`'s reads are told is it known
    whatever they see.
    """
    key, named = enclave().access_log.key, dict[str, str]()
    if (case := params.get("case")) is not None:
        named["case"] = f"case/{case}"
    if (order := params.get("order")) is not None:
        named["via"] = order
    agency, post = params.get("agency"), params.get("post")
    if post is not None and agency is None:
        raise malformed("post", Message("a post is of an agency: name that too"))
    if agency is not None:
        filter_checks.agency(agency)
        named["agency" if post is None else "post"] = agency if post is None else f"{agency}/{post}"
    record = params.get("record")
    if record is None:
        return [read_tags.tag(key, *one) for one in named.items()], None
    found = enclave().record_at(record, seen=not everybody)
    whole = found is not None and named.setdefault("case", found.stream) == found.stream

    def shows(row: AccessRow, at: datetime) -> bool:
        if row.read.records:
            return record in row.read.records
        # made of the whole case, as it was by then
        return found is not None and whole and at >= found.recorded_at

    return [read_tags.tag(key, *one) for one in named.items()], shows


def _line(line: NotedLine, *, placed: bool) -> dict[str, Any]:
    """A row; its place to whom the tree is told, or two of one's own would tell how many others."""
    body: dict[str, Any] = {
        "index": line.index if placed else None,
        "at": stamp(line.at),
        "readable": line.row is not None,
        **dict.fromkeys(_EMPTY),
        "posts": [],
        "records": [],
    }
    if line.row is None:
        return body
    read = line.row.read
    return {
        **body,
        "rule": read.rule,
        **_said("rule", RULES.get(read.rule)),
        "purpose": read.purpose,
        "kind": read.kind,
        **_said("kind", KINDS[read.kind]),
        "officer": read.session.officer,
        "kid": read.session.kid,
        "posts": [{"agency": one.agency, "post": one.post} for one in line.row.posts],
        "via": read.via,
        "case": None if read.stream is None else read.stream.removeprefix("case/"),
        "copy": None if read.copy is None else asdict(read.copy),
        "records": list(read.records),
    }


_EMPTY: Final = (
    "rule", "rule_vi", "rule_en", "purpose", "kind", "kind_vi", "kind_en", "officer", "kid", "via",
    "case", "copy",
)  # fmt: skip


def _said(name: str, text: Message | None) -> dict[str, str | None]:
    words = both(text) if text is not None else {"vi": None, "en": None}
    return {f"{name}_{lang}": said for lang, said in words.items()}


# -- tree ------------------------------------------------------------------------------------------


@access_log.call(
    "/logs/access/checkpoint",
    answers={"type": "string"},
    produces=NOTE,
    problems=("not_found", "database_unavailable"),
    of_cases=False,
)
def get_access_checkpoint() -> Response:
    """Điểm kiểm tra của nhật ký truy cập · The newest checkpoint of the log of reads.

    For the auditors of an overseer alone: its size tells how much is read (access.md D2). To
    everybody else there is none.
    """
    _require_auditor()
    latest = enclave().access_log.stored.latest()
    if latest is None:
        raise NotFound
    return finish(latest[1], NOTE, headers={"Cache-Control": "no-store"})


@access_log.call(
    "/logs/access/tile/<path:tile>",
    answers=_RAW,
    produces=BYTES,
    problems=("not_found", "database_unavailable"),
    of_cases=False,
    parameters=(
        in_path(
            "tile",
            "`<L>/<N…>[.p/<W>]` or `entries/<N…>[.p/<W>]`, C2SP tlog-tiles.",
            example="0/000.p/1",
        ),
    ),
)
def get_access_tile(tile: str) -> Response:
    """Mảnh cây của nhật ký truy cập · Hash tiles and entry bundles of the log of reads.

    As those of the log of acts, and for the auditors of an overseer alone.
    """
    _require_auditor()
    data = enclave().access_log.tile_bytes(tiles.parse_path(f"tile/{tile}"))
    return finish(data, BYTES, headers={"Cache-Control": "no-store"})


def _require_auditor() -> None:
    if not enclave().access_log.scope(caller().officer, now()).every:
        raise Problem("not_found")
