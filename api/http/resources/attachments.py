"""Files of acts: taken as a stream, given out whole and unchanged or not at all (http.md §3, §4).

The digest is declared in `Content-Digest` (RFC 9530), never in the address of the upload. What a
file is, is said by the act that lists it; a browser is told to save it and to guess nothing. A copy
that leaves needs a permit of its case (access.md A23); a file is evidence and goes out byte for
byte, so its mark stands beside it, in a header and in the register.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from flask import Response, request

from api.http.framework.admission import ANY, Heavy
from api.http.framework.endpoint import BYTES, FORM, Resource, in_path
from api.http.framework.request_body import body_parts
from api.http.framework.request_context import caller, malformed, now, require_uuid
from api.http.framework.responses import answer, settle, tag
from api.http.resources.common.copy_mark import COPY_MARK, copy_mark
from api.http.resources.common.served import enclave
from api.http.schemas.act import EXAMPLE_ACT
from api.http.schemas.attachment import FILE_DIGEST, CustodySchema, KeptFileSchema
from api.http.schemas.base import UUID as UUID_FORM
from api.http.schemas.case import EXAMPLE_CASE
from api.http.schemas.copies import CopiesSchema, CopyRequestSchema
from api.problems.problem import Problem
from keys.canonical import unb64std
from keys.errors import KeysError
from ledger.files.attachments import Listed, text_digest
from ledger.files.custody import Actor, Event
from ledger.log.moment import stamp
from ledger.message import Message
from ledger.reads.copies import MOST_COPIES
from ledger.reads.noted_rows import NotedCopy
from ledger.reads.read import MOST_PURPOSE, Copy, NotedRead, ReadBy
from ledger.reads.shown import gathered, shows, shows_nothing
from ledger.regulation.case.permits import Permit, permits, require_permit
from ledger.regulation.registry.calendar import local_time
from ledger.streams.names import stream_id

attachments = Resource(
    "attachments", __name__, url_prefix="/v1", description="Tệp kèm · Files of acts"
)
_DIGEST: Final = re.compile(FILE_DIGEST)
_MEDIA_TYPE: Final = re.compile(
    r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}"
)
_SHA_256: Final = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/]+={0,2}):\s*(?=,|$)")
_SHA_256_BYTES: Final = 32
_FORMS: Final = ("multipart/form-data", FORM)
_ID: Final = in_path(
    "act_id", "uuid of an act that lists the file.", example=EXAMPLE_ACT, pattern=f"^{UUID_FORM}$"
)
_FILE: Final = in_path(
    "digest",
    "As the act lists it.",
    example="sha-256:vMhmfov4UZtbKnGfNlbIdhfwQ1AqRJvtetxUoQmrmjc",
    pattern=f"^{FILE_DIGEST}$",
)
_DECLARED: Final = {
    "in": "header",
    "name": "Content-Digest",
    "schema": {"type": "string"},
    "example": "sha-256=:vMhmfov4UZtbKnGfNlbIdhfwQ1AqRJvtetxUoQmrmjc=:",
    "description": "RFC 9530. Spares the server a second pass; a mismatch keeps nothing.",
}
_LOWER_ACT: Final = in_path(
    "act_id", "uuid of an act below that lists the file.", example=EXAMPLE_ACT,
    pattern=f"^{UUID_FORM}$",
)  # fmt: skip
_CASE: Final = in_path("case", "uuid of the case.", example=EXAMPLE_CASE, pattern=f"^{UUID_FORM}$")
_HEAVY: Final = Heavy("file")
_ORDER: Final = {"ADDED": 0, "ATTACHED": 1}  # within one moment; a rehearsal's stand still
_HANDED_OUT: Final = ("Content-Disposition", "Repr-Digest", "Content-Security-Policy")
_SEALED_IN: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "sandbox; default-src 'none'",
}


@attachments.call(
    "/attachments",
    method="POST",
    answers=KeptFileSchema,
    status=201,
    streams=True,
    heavy=_HEAVY,
    parameters=(_DECLARED,),
    problems=(
        "too_large", "unsupported_media_type", "digest_mismatch", "request_timeout",
        "not_a_rehearsal", "disk_full", "files_unavailable", "database_unavailable",
        "log_in_doubt",
    ),
    body_doc={
        "required": True,
        "description": "The file's bytes as they are, no form around them; any other media type"
        " of its own is taken too, and kept.",
        "content": {BYTES: {"schema": {"type": "string", "format": "binary"}}},
    },
)  # fmt: skip
def add_attachment() -> Response:
    """Tải một tệp lên · Take a file, sealed as it comes.

    The answer is the same whether or not the bytes were known. An act of the same officer may list
    the digest from now on; until one does, nobody can read the file. Sending it again is safe.
    """
    shows_nothing()  # it is of no case until an act lists it
    who = caller()
    media_type = _media_type()
    declared = _declared()
    enclave().watch.require()
    kept = enclave().attachments.keep(
        body_parts(enclave().attachments.limit_bytes),
        media_type=media_type,
        by=Actor(who.officer, who.kid),
        at=now(),
        declared=declared,
    )
    body = {"digest": kept.digest, "size": kept.size, "media_type": kept.media_type}
    return answer(body, status=201)


@attachments.call(
    "/acts/<act_id>/attachments/<digest>",
    answers={"type": "string", "format": "binary"},
    produces=ANY,
    headers=_HANDED_OUT,
    parameters=(_ID, _FILE),
    problems=("not_found", "evidence_fails", "files_unavailable", "database_unavailable"),
    heavy=_HEAVY,
)
def read_attachment(act_id: str, digest: str) -> Response:
    """Đọc một tệp kèm · The file as received, found through an act that lists it.

    All of it is checked against its digest, and the custody event is committed, before the first
    byte leaves. A file that differs is never served.
    """
    who = caller()
    listed = _listed(act_id, digest)
    response = Response(content_type=listed.media_type)
    tag(response, listed.digest.encode())
    for name, value in _headers(listed.digest, listed.name).items():
        response.headers[name] = value
    settle(response)
    if response.status_code == 304:  # noqa: PLR2004  the caller has it: nothing is handed out
        return response
    if request.method != "HEAD":
        by = Actor(who.officer, who.kid)
        response.response = enclave().attachments.disclose(
            listed, by=by, at=now(), under=_under(listed.act.stream)
        )
    response.headers["Content-Length"] = str(listed.size)
    return response


@attachments.call(
    "/cases/<case>/lower-acts/<act_id>/attachments/<digest>",
    answers={"type": "string", "format": "binary"},
    produces=ANY,
    headers=_HANDED_OUT,
    parameters=(_CASE, _LOWER_ACT, _FILE),
    problems=("not_found", "file_left_out", "evidence_fails", "database_unavailable"),
    heavy=_HEAVY,
)
def read_lower_attachment(case: str, act_id: str, digest: str) -> Response:
    """Đọc tệp kèm của cấp dưới · A file of an act of a lower log, as it was taken in here.

    For whom a grant in this case shows the case below (`mirrored` in its acts). All of it is
    checked against its digest, and the read is noted with the grant, before the first byte leaves.
    One that did not come is told with its act (`left_out`), and refused here as such.
    """
    stream = f"case/{require_uuid(case)}"
    require_uuid(act_id)
    if not _DIGEST.fullmatch(digest):
        raise Problem("not_found")
    found = enclave().queries.lower.file(stream, act_id, digest)
    response = Response(found.data, content_type=found.listed["media_type"])
    tag(response, digest.encode())
    for name, value in _headers(digest, found.listed["name"]).items():
        response.headers[name] = value
    settle(response)
    return response


@attachments.call(
    "/acts/<act_id>/attachments/<digest>/custody",
    answers=CustodySchema,
    parameters=(_ID, _FILE),
    problems=("not_found", "evidence_fails", "database_unavailable"),
    heavy=_HEAVY,
)
def get_attachment_custody(act_id: str, digest: str) -> Response:
    """Lịch sử lưu giữ · Who added, attached, read and exported the file, and when.

    An anchor in the log covers what had happened before it: none of that can be taken away unseen.
    What was read under an order or an opening is told to whom the log of reads tells it.
    """
    listed = _listed(act_id, digest)
    anchor = enclave().anchors.newest()
    covered = 0 if anchor is None else anchor.chain.count
    events: list[dict[str, Any]] = [
        {
            "event": event.what,
            "at": stamp(event.at),
            "officer": event.by.officer,
            "kid": event.by.kid,
            **_through(event.about),
            "anchored": event.place is not None and event.place < covered,
        }
        for event in enclave().attachments.history(listed)
        if _is_told(event)
    ]
    events.append(_attached(listed))
    events.sort(key=lambda event: (event["at"], _ORDER.get(event["event"], len(_ORDER))))
    body = {
        "act_id": listed.act.act_id,
        "digest": listed.digest,
        "name": listed.name,
        "media_type": listed.media_type,
        "size": listed.size,
        "events": events,
    }
    if anchor is not None:
        body["anchor"] = {"index": anchor.index, "at": stamp(anchor.recorded_at)}
    return answer(body, headers={"Cache-Control": "no-store"})


@attachments.call(
    "/acts/<act_id>/attachments/<digest>/copies",
    method="POST",
    body=CopyRequestSchema,
    answers={"type": "string", "format": "binary"},
    produces=ANY,
    headers=(*_HANDED_OUT, COPY_MARK),
    parameters=(_ID, _FILE),
    problems=(
        "not_found", "export_not_permitted", "permit_over", "evidence_fails", "files_unavailable",
        "database_unavailable", "log_in_doubt",
    ),
    heavy=Heavy("file"),
)  # fmt: skip
def add_copy(params: dict[str, Any], act_id: str, digest: str) -> Response:
    """Xuất một bản · A copy of a file that leaves the ledger, by a permit of its case.

    The number is given, and noted with the permit, before the first byte leaves. It is not given
    again: whoever loses the answer takes the next one. To read a file no permit is needed.
    """
    enclave().watch.require()  # as for what is printed
    who, at = caller(), now()
    listed = _listed(act_id, digest)

    def permitted() -> Permit:
        return require_permit(
            enclave().rights.case(listed.act.stream),
            params["permit"],
            officer=who.officer,
            act_id=listed.act.act_id,
            at=now(),
            registry=enclave().ledger.follower.current.registry,
        )

    permit = permitted()
    given: list[str] = []

    def noted(number: str) -> NotedRead:
        return NotedRead(
            "A23",
            permit.purpose[:MOST_PURPOSE],
            "EXPORT",
            ReadBy(who.officer, who.kid),
            via=permit.act_id,
            stream=listed.act.stream,
            records=(listed.index,),
            copy=Copy(number, listed.digest),
            agencies=frozenset({permit.agency}),
        )

    def numbered() -> None:
        permitted()  # what ended while the file was read lets nothing out
        enclave().rights.require(listed.act.stream, (listed.act.act_id,))
        numbers = permit.numbers[:MOST_COPIES]
        given.append(enclave().access_log.copies.take(permit.act_id, numbers, noted))

    response = Response(content_type=listed.media_type)
    by = Actor(who.officer, who.kid)
    response.response = enclave().attachments.hand_out(listed, by=by, at=at, numbered=numbered)
    mark = {COPY_MARK: copy_mark(given[0], permit, listed.act.stream, stamp(at))}
    for name, value in (_headers(listed.digest, listed.name) | mark).items():
        response.headers[name] = value
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Length"] = str(listed.size)
    return response


@attachments.call(
    "/cases/<case>/copies",
    answers=CopiesSchema,
    problems=("not_found", "part_only", "evidence_fails", "database_unavailable"),
    parameters=(_CASE,),
    heavy=Heavy("past"),
)
def list_copies(case: str) -> Response:
    """Sổ bản xuất · The register of copies: what may leave a case, and what has left it.

    Made of the case's permits and of the rows of the log of reads; for whoever sees the whole case.
    """
    stream, at = f"case/{require_uuid(case)}", now()
    found = [
        (one, enclave().access_log.copies.taken(one.act_id))
        for one in permits(enclave().queries.case.whole(stream))
    ]
    taken = [(one.at, one.seq, permit, one) for permit, rows in found for one in rows]
    taken.sort(key=lambda line: line[:2])
    body = {
        "id": case,
        "permits": [_permit(one, len(rows), one.standing(at)) for one, rows in found],
        "copies": [_copy(permit.act_id, one) for _, _, permit, one in taken],
    }
    return answer(body, headers={"Cache-Control": "no-store"})


def _permit(permit: Permit, given: int, standing: str) -> dict[str, Any]:
    used_up = standing == "STANDS" and given >= len(permit.numbers[:MOST_COPIES])
    return {
        "act_id": permit.act_id,
        "purpose": permit.purpose,
        "officer": permit.officer,
        "agency": permit.agency,
        "post": permit.post,
        "until": local_time(permit.until),
        "standing": "USED_UP" if used_up else standing,
        "numbers": list(permit.numbers),
        "given": given,
        "acts": list(permit.acts),
        "return_by": permit.return_by,
    }


def _copy(permit: str, one: NotedCopy) -> dict[str, Any]:
    row = one.row
    copied = None if row is None else row.read.copy
    return {
        "permit": permit,
        "at": stamp(one.at),
        "readable": copied is not None,
        "number": None if copied is None else copied.number,
        "file": None if copied is None else copied.file,
        "record": None if row is None else next(iter(row.read.records), None),
        "officer": None if row is None else row.read.session.officer,
        "posts": [] if row is None else [{"agency": p.agency, "post": p.post} for p in row.posts],
    }


def _attached(listed: Listed) -> dict[str, Any]:
    return {
        "event": "ATTACHED",
        "at": stamp(listed.recorded_at),
        "officer": listed.act.signers[0].officer,
        "kid": listed.kid,
        "act_id": listed.act.act_id,
        "index": listed.index,
    }


def _under(stream: str) -> UUID | None:
    """The order or opening by which alone the caller sees a case that was shown to them."""
    shown = gathered()
    found = None if shown is None else shown.under(stream_id(enclave().facts.origin, stream))
    return None if found is None else found.via


def _is_told(event: Event) -> bool:
    """The inspected do not see that they are read (access.md D2)."""
    return "under" not in event.about or enclave().access_log.tells_of(
        caller().officer, event.by.officer, str(event.about["under"]), event.at, now()
    )


def _through(about: Mapping[str, Any]) -> dict[str, Any]:
    return {"act_id": about["act_id"]} if "act_id" in about else {}


def _listed(act_id: str, digest: str) -> Listed:
    require_uuid(act_id)
    if not _DIGEST.fullmatch(digest):
        raise Problem("not_found")
    with enclave().connections.lend():
        listed = enclave().attachments.find(act_id, digest)
        stream = listed.act.stream
        shows("ATTACHMENT", stream, stream_id(enclave().facts.origin, stream), [listed.index])
        return listed


def _headers(digest: str, name: str) -> dict[str, str]:
    raw = digest.partition(":")[2].replace("-", "+").replace("_", "/")
    return {
        **_SEALED_IN,
        "Repr-Digest": f"sha-256=:{raw}=:",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(_file_name(name), safe='')}",
    }


def _file_name(name: str) -> str:
    """The act's name for it, without what a file system could take for a place or a command."""
    plain = "".join("_" if c in '/\\:*?"<>|' or not c.isprintable() else c for c in name)
    return plain.strip(". ") or "tep"


def _media_type() -> str:
    stated = request.headers.get("Content-Type")
    if stated is None:
        return BYTES
    if request.mimetype in _FORMS or not _MEDIA_TYPE.fullmatch(request.mimetype):
        raise Problem(
            "unsupported_media_type",
            Message("Send the file's own bytes in the file's own type, with no form around them."),
            headers={"Accept-Post": ANY},
        )
    return request.mimetype


def _declared() -> str | None:
    """The digest of `Content-Digest`; None where none is stated."""
    stated = request.headers.get("Content-Digest")
    if stated is None:
        return None
    found = _SHA_256.findall(stated)
    try:
        raw = unb64std(found[0]) if len(found) == 1 else b""  # two would say two things
    except KeysError:
        raw = b""
    if len(raw) != _SHA_256_BYTES:
        raise malformed("Content-Digest", Message("write sha-256=:base64: (RFC 9530)"))
    return text_digest(raw)
