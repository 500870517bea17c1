"""Cases: list, file, timeline, differences, reasons, verification (api.md §4)."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, Final

from flask import Response

from api.problems import Problem
from api.resources import cursor, fresh, shown
from api.resources.answer import JSON, answer, finish
from api.resources.noun import Noun
from api.resources.request import caller, enclave, malformed, now
from api.schemas.base import UUID
from api.schemas.case import (
    ActsPage,
    ActsQuery,
    AsOfQuery,
    BulkQuery,
    CaseFile,
    CasePage,
    CasesQuery,
    Difference,
    DiffQuery,
    FieldHistory,
    FieldQuery,
    Verification,
    VerificationQuery,
    Verifications,
)
from ledger.errors import NotFound
from ledger.regulation.shape import parse_date
from projections import search
from projections.case_file import Filter
from projections.past import BeforeCase

cases = Noun("cases", __name__, url_prefix="/v1", description="Hồ sơ · Cases")
_UUID: Final = re.compile(UUID)
_ID: Final = {
    "in": "path",
    "name": "case",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
    "description": "uuid of the case.",
}
_POINTER: Final = {
    "in": "path",
    "name": "pointer",
    "required": True,
    "schema": {"type": "string"},
    "example": "state",
    "description": "JSON Pointer into the case file, without its first slash.",
}
_PAST: Final = ("before_case", "as_of_in_future", "not_found")


@cases.call(
    "/cases",
    query=CasesQuery,
    answers=CasePage,
    projected=True,
    headers=("Link",),
    problems=("bad_cursor", "search_refused"),
)
def list_cases(asked: dict[str, Any]) -> Response:
    """Danh sách hồ sơ · Cases by filter, one snapshot over all pages."""
    fresh.require(asked, "case_file")
    wanted = _filter(asked)
    bound = {name: asked.get(name) for name in (*CASE_FILTERS, "sort", "limit")}
    place = cursor.read(asked.get("cursor"), "cases", bound)
    index, lines = enclave().inquiry.cases(
        wanted,
        limit=asked["limit"] + 1,
        after=(place.after[0], place.after[1]) if place else None,
        snapshot=place.index if place else None,
    )
    page = lines[: asked["limit"]]
    following = None
    if len(lines) > len(page):
        following = cursor.write(index, page[-1].key(wanted.sort), "cases", bound)
    body: dict[str, Any] = {"cases": [shown.case_line(line) for line in page], "index": index}
    if following:
        body["next"] = following
    return answer(body, index=index, headers=cursor.link(following))


CASE_FILTERS: Final = (
    "state",
    "agency",
    "outcome",
    "act",
    "flag",
    "due_before",
    "opened_from",
    "opened_to",
    "q",
)


def _filter(asked: dict[str, Any]) -> Filter:
    words = asked.get("q")
    if words is not None and (enclave().facts.level != "ordinary" or search.refused(words)):
        raise Problem("search_refused")
    due_before = fresh.moment(asked.get("due_before"), "due_before")
    return Filter(
        state=asked.get("state"),
        agency=asked.get("agency"),
        outcome=asked.get("outcome"),
        act=asked.get("act"),
        flag=asked.get("flag"),
        due_before=None if isinstance(due_before, int) else due_before,
        opened_from=_day(asked, "opened_from"),
        opened_to=_day(asked, "opened_to"),
        q=words,
        sort=asked.get("sort", "-last_act"),
    )


def _day(asked: dict[str, Any], name: str) -> date | None:
    text = asked.get(name)
    try:
        return None if text is None else parse_date(text)
    except ValueError as error:
        raise malformed(name, "không có ngày này", "there is no such day") from error


@cases.call(
    "/cases/<case>",
    query=AsOfQuery,
    answers=CaseFile,
    projected=True,
    problems=_PAST,
    parameters=(_ID,),
)
def one_case(asked: dict[str, Any], case: str) -> Response:
    """Hồ sơ, bây giờ hoặc tại một thời điểm · The case file, now or as of a time or index."""
    stream = _stream(case)
    fresh.require(asked, "case_file")
    moment = fresh.moment(asked.get("as_of"))
    at = now()
    if moment is None:
        return _as_text(case, *enclave().inquiry.case(stream, at))
    try:
        index, body = enclave().inquiry.case_as_of(
            stream, moment, at, asked.get("clock", "recorded")
        )
    except BeforeCase as error:
        raise Problem("before_case") from error
    view = {"as_of": asked["as_of"], "clock": asked.get("clock", "recorded"), "index": index}
    return answer({"id": case, **body, "view": view}, index=enclave().inquiry.index("acts"))


def _as_text(case: str, index: int, body: str) -> Response:
    """The file's JSON text as it is, with its id and the rehearsal's mark in front."""
    mark = ',"rehearsal":true' if enclave().facts.rehearsal else ""
    return finish(f'{{"id":"{case}"{mark},{body[1:]}'.encode(), JSON, index=index)


@cases.call(
    "/cases/<case>/acts",
    query=ActsQuery,
    answers=ActsPage,
    projected=True,
    headers=("Link",),
    problems=("bad_cursor", "not_found"),
    parameters=(_ID,),
)
def case_acts(asked: dict[str, Any], case: str) -> Response:
    """Dòng thời gian · Each act with all its statements, both clocks, verdict and effect."""
    stream = _stream(case)
    fresh.require(asked, "acts")
    bound = {"case": case, "limit": asked["limit"]}
    place = cursor.read(asked.get("cursor"), "acts", bound)
    index, statements = enclave().inquiry.acts(stream)
    if place:
        index = place.index
        statements = [one for one in statements if one.row.index <= index]
    acts = shown.grouped(statements)
    start = place.after[0] if place else 0
    page = acts[start : start + asked["limit"]]
    following = None
    if start + len(page) < len(acts):
        following = cursor.write(index, (start + len(page),), "acts", bound)
    body: dict[str, Any] = {"acts": page, "index": index} | (
        {"next": following} if following else {}
    )
    return answer(body, index=index, headers=cursor.link(following))


@cases.call(
    "/cases/<case>/diff",
    query=DiffQuery,
    answers=Difference,
    projected=True,
    problems=_PAST,
    parameters=(_ID,),
)
def case_diff(asked: dict[str, Any], case: str) -> Response:
    """Khác nhau giữa hai thời điểm · Changed fields, old → new, with the acts that changed them."""
    stream = _stream(case)
    fresh.require(asked, "acts")
    old = fresh.moment(asked["from_"], "from")
    new = fresh.moment(asked.get("to"), "to")
    at = now()
    clock = asked.get("clock", "recorded")
    try:
        earlier, later, changes = enclave().inquiry.diff(
            stream, at if old is None else old, at if new is None else new, at, clock
        )
    except BeforeCase as error:
        raise Problem("before_case") from error
    body = {
        "id": case,
        "clock": clock,
        "from": earlier.index,
        "to": later.index,
        "changes": [shown.change(one) for one in changes],
    }
    return answer(body, index=enclave().inquiry.index("acts"))


@cases.call(
    "/cases/<case>/fields/<path:pointer>/history",
    query=FieldQuery,
    answers=FieldHistory,
    projected=True,
    problems=_PAST,
    parameters=(_ID, _POINTER),
)
def field_history(asked: dict[str, Any], case: str, pointer: str) -> Response:
    """Vì sao trường này có giá trị này · Every change of one field, with act and signers."""
    stream = _stream(case)
    fresh.require(asked, "acts")
    at = now()
    named = pointer if pointer.startswith("/") else f"/{pointer}"
    try:
        changes = enclave().inquiry.history(
            stream, named, at, moment=fresh.moment(asked.get("as_of"))
        )
    except BeforeCase as error:
        raise Problem("before_case") from error
    body = {"id": case, "pointer": named, "changes": [shown.change(one) for one in changes]}
    return answer(body, index=enclave().inquiry.index("acts"))


@cases.call(
    "/cases/<case>/verification",
    query=VerificationQuery,
    answers=Verification,
    projected=True,
    problems=("not_found",),
    parameters=(_ID,),
)
def case_verification(asked: dict[str, Any], case: str) -> Response:
    """Kiểm chứng hồ sơ · Every statement's verdict, key history, index and proof; one verdict."""
    stream = _stream(case)
    fresh.require(asked, "acts")
    index, found = enclave().inquiry.verification(stream)
    newest = max(one.row.index for one in found.statements)
    enclave().proofs.wait(newest, 0.5)
    latest = enclave().checkpoints.latest()
    body: dict[str, Any] = {
        "id": case,
        "outcome": found.outcome,
        "counts": {str(verdict): n for verdict, n in found.counts.items()},
        "statements": [
            {
                "act_id": one.row.act_id,
                "act": one.row.act,
                **shown.statement(one),
                **_proof(one.row.index, latest[0] if latest else 0),
            }
            for one in found.statements
        ],
        "checked_by": caller().officer,
    }
    if latest is not None:
        body["checkpoint"] = latest[1].decode("utf-8")
    return answer(body, index=index)


def _proof(index: int, size: int) -> dict[str, Any]:
    """The inclusion proof without the checkpoint, which stands once in the answer."""
    if index >= size:
        return {}
    try:
        proof = enclave().proofs.inclusion(index, size)
    except NotFound:
        return {}
    return {"proof": {name: proof[name] for name in ("index", "size", "hashes")}}


@cases.call(
    "/verification",
    query=BulkQuery,
    answers=Verifications,
    projected=True,
    problems=("not_found",),
)
def bulk_verification(asked: dict[str, Any]) -> Response:
    """Kiểm chứng nhiều hồ sơ · The verdict of up to 50 cases; what is not there is left out."""
    fresh.require(asked, "acts")
    streams = [_stream(case) for case in asked["cases"].split(",")]
    found = [
        {
            "id": one.stream.removeprefix("case/"),
            "outcome": one.outcome,
            "statements": len(one.statements),
            "counts": {str(verdict): n for verdict, n in one.counts.items()},
        }
        for one in enclave().inquiry.verifications(streams)
    ]
    return answer({"cases": found}, index=enclave().inquiry.index("acts"))


def _stream(case: str) -> str:
    if not _UUID.fullmatch(case):
        raise Problem("not_found")
    return f"case/{case}"
