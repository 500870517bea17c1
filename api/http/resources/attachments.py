"""Files of acts: taken as a stream, given out whole and unchanged or not at all (http.md §3, §4).

The digest is declared in `Content-Digest` (RFC 9530), never in the address of the upload. What a
file is, is said by the act that lists it; a browser is told to save it and to guess nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from flask import Response, request

from api.http.framework.admission import ANY, Heavy
from api.http.framework.endpoint import BYTES, FORM, Resource, in_path
from api.http.framework.request_body import body_parts
from api.http.framework.request_context import caller, malformed, now, require_uuid
from api.http.framework.responses import answer, settle, tag
from api.http.resources.served import enclave
from api.http.schemas.act import EXAMPLE_ACT
from api.http.schemas.attachment import FILE_DIGEST, CustodySchema, KeptFileSchema
from api.http.schemas.base import UUID
from api.problems.problem import Problem
from keys.canonical import unb64std
from keys.errors import KeysError
from ledger.files.attachments import Listed, text_digest
from ledger.files.custody import Actor
from ledger.log.moment import stamp
from ledger.message import Message

attachments = Resource(
    "attachments", __name__, url_prefix="/v1", description="Tệp kèm · Files of acts"
)
_DIGEST: Final = re.compile(FILE_DIGEST)
_MEDIA_TYPE: Final = re.compile(
    r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}"
)
_SHA_256: Final = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/]+={0,2}):\s*(?:,|$)")
_SHA_256_BYTES: Final = 32
_FORMS: Final = ("multipart/form-data", FORM)
_ID: Final = in_path(
    "act_id", "uuid of an act that lists the file.", example=EXAMPLE_ACT, pattern=f"^{UUID}$"
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
    for name, value in _headers(listed).items():
        response.headers[name] = value
    settle(response)
    if response.status_code == 304:  # noqa: PLR2004  the caller has it: nothing is handed out
        return response
    if request.method != "HEAD":
        by = Actor(who.officer, who.kid)
        response.response = enclave().attachments.disclose(listed, by=by, at=now())
    response.headers["Content-Length"] = str(listed.size)
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


def _attached(listed: Listed) -> dict[str, Any]:
    return {
        "event": "ATTACHED",
        "at": stamp(listed.recorded_at),
        "officer": listed.act.signers[0].officer,
        "kid": listed.kid,
        "act_id": listed.act.act_id,
        "index": listed.index,
    }


def _through(about: Mapping[str, Any]) -> dict[str, Any]:
    return {"act_id": about["act_id"]} if "act_id" in about else {}


def _listed(act_id: str, digest: str) -> Listed:
    require_uuid(act_id)
    if not _DIGEST.fullmatch(digest):
        raise Problem("not_found")
    return enclave().attachments.find(act_id, digest)


def _headers(listed: Listed) -> dict[str, str]:
    digest = listed.digest.partition(":")[2].replace("-", "+").replace("_", "/")
    return {
        **_SEALED_IN,
        "Repr-Digest": f"sha-256=:{digest}=:",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(_file_name(listed), safe='')}",
    }


def _file_name(listed: Listed) -> str:
    """The act's name for it, without what a file system could take for a place or a command."""
    plain = "".join("_" if c in '/\\:*?"<>|' or not c.isprintable() else c for c in listed.name)
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
    found = _SHA_256.search(stated)
    try:
        raw = unb64std(found[1]) if found else b""
    except KeysError:
        raw = b""
    if len(raw) != _SHA_256_BYTES:
        raise malformed("Content-Digest", Message("write sha-256=:base64: (RFC 9530)"))
    return text_digest(raw)
