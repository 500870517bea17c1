"""Cases: list, file, timeline, differences, reasons, verification (http.md §4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from flask import Response

from api.http.framework import cursor, freshness
from api.http.framework.admission import Heavy
from api.http.framework.endpoint import Resource, in_path
from api.http.framework.request_context import caller, malformed, now, require_uuid
from api.http.framework.responses import JSON, answer, encode, finish
from api.http.resources import verdicts
from api.http.resources.common import filter_checks, key_reads, moments, raw_records, serializers
from api.http.resources.common.proven import path
from api.http.resources.common.served import enclave
from api.http.schemas.base import UUID, ProjectedSchema
from api.http.schemas.case import (
    EXAMPLE_CASE,
    AsOfQuerySchema,
    CaseFileSchema,
    CasePageSchema,
    CasesQuerySchema,
    DurationsSchema,
    RelationsSchema,
)
from api.http.schemas.change import (
    DifferenceSchema,
    DiffQuerySchema,
    FieldHistorySchema,
    FieldQuerySchema,
)
from api.http.schemas.statement import ActsPageSchema, CaseActsQuerySchema
from api.http.schemas.verification import (
    BulkQuerySchema,
    RawCaseSchema,
    VerificationShownSchema,
    VerificationsSchema,
)
from api.problems.problem import Problem
from ledger.log.moment import stamp
from ledger.message import Message
from ledger.regulation.registry.calendar import local_day
from projections.queries import limits
from projections.queries.cases.case_list_snapshot import TooOld
from projections.queries.cases.mirrored import MirroredCase, history
from projections.queries.signature_verdicts import StatementVerdict, Verification
from projections.views import search_terms
from projections.views.acts import ActRow
from projections.views.case_file import Filter, Scope
from projections.views.case_names import Called
from projections.views.statistics.behind import Behind

cases = Resource("cases", __name__, url_prefix="/v1", description="Hồ sơ · Cases")
_ID: Final = in_path("case", "uuid of the case.", example=EXAMPLE_CASE, pattern=f"^{UUID}$")
_POINTER: Final = in_path(
    "pointer", "JSON Pointer into the case file, without its first slash.", example="state"
)
_PAST: Final = ("before_case", "as_of_in_future", "not_found", "part_only")


@cases.call(
    "/cases",
    query=CasesQuerySchema,
    answers=CasePageSchema,
    projected=True,
    headers=("Link",),
    problems=("bad_cursor", "search_refused"),
    heavy=Heavy("listing"),
)
def list_cases(params: dict[str, Any]) -> Response:
    """Danh sách hồ sơ · Cases by filter, one snapshot over all pages.

    Only what the caller may see. The snapshot of the first page holds for all pages, so that
    nothing is listed twice and nothing is missed.
    """
    freshness.require(params, "case_file")
    wanted = _filter(params)
    bound = {name: params.get(name) for name in (*CASE_FILTERS, "sort", "limit")}
    place = cursor.read(params.get("cursor"), "cases", bound)
    try:
        index, lines = enclave().queries.cases.page(
            wanted,
            limit=params["limit"] + 1,
            after=(place.after[0], place.after[1]) if place else None,
            snapshot=place.index if place else None,
        )
    except TooOld as much:
        if place is None:  # nothing of the caller's is old: it is not known yet who takes part
            raise freshness.late() from much
        raise
    body, following = cursor.keyset(
        "cases",
        "cases",
        lines,
        params["limit"],
        index=index,
        filters=bound,
        key=lambda line: line.key(wanted.sort),
        shown=serializers.case_line,
    )
    return answer(body, index=index, headers=cursor.link(following))


CASE_FILTERS: Final = (
    "state",
    "agency",
    "outcome",
    "act",
    "flag",
    "id_",
    "due_before",
    "opened_from",
    "opened_to",
    "q",
    "figure",
    "counted_from",
    "counted_to",
    "counted_agency",
    "counted_channel",
)


def _filter(params: dict[str, Any]) -> Filter:
    first, last = (moments.day(params.get(name), name) for name in ("opened_from", "opened_to"))
    if first is not None and last is not None and first > last:
        raise malformed("opened_from", Message("is after `opened_to`"))
    filter_checks.agency(params.get("agency"))
    return Filter(
        state=params.get("state"),
        agency=params.get("agency"),
        outcome=params.get("outcome"),
        act=params.get("act"),
        flag=params.get("flag"),
        begins=params.get("id_"),
        due_before=moments.before(params.get("due_before"), "due_before"),
        opened_from=first,
        opened_to=last,
        q=_words(params.get("q")),
        sort=params.get("sort", "-last_act"),
        behind=_figured(params),
    )


def _figured(params: dict[str, Any]) -> Behind | None:
    """The figure that is asked about, with its period."""
    first, last = (moments.day(params.get(f"counted_{one}"), f"counted_{one}") for one in _SPAN)
    if "figure" not in params:
        for name in ("counted_from", "counted_to", "counted_agency", "counted_channel"):
            if name in params:
                raise malformed(name, Message("it goes with `figure`"))
        return None
    if first is None or last is None:
        raise malformed("figure", Message("state `counted_from` and `counted_to` too"))
    filter_checks.agency(params.get("counted_agency"), "counted_agency")
    return Behind(
        params["figure"],
        first,
        last,
        now(),
        params.get("counted_agency"),
        params.get("counted_channel"),
    )


_SPAN: Final = ("from", "to")


def _words(text: str | None) -> str | None:
    if text is None:
        return None
    if enclave().facts.level != "ordinary" or search_terms.refused(text):
        raise Problem("search_refused")
    if search_terms.question(text) is None:
        raise malformed("q", Message("it has no letter or digit to find"))
    return text


@cases.call(
    "/cases/<case>",
    query=AsOfQuerySchema,
    answers=CaseFileSchema,
    projected=True,
    problems=_PAST,
    parameters=(_ID,),
    heavy=Heavy("past", only_with=("as_of",)),
)
def get_case(params: dict[str, Any], case: str) -> Response:
    """Hồ sơ, bây giờ hoặc tại một thời điểm · The case file, now or as of a time or index.

    Folded from its acts alone: state, deadlines with their source, flags, who has to sign, where
    one may complain. `as_of` shows it as it stood, on either clock.
    """
    stream = _stream(case)
    freshness.require(params, "case_file")
    at = now()
    moment = moments.moment(params["as_of"]) if "as_of" in params else None
    if moment is None:
        return _file(stream, at)
    clock = params.get("clock", "recorded")
    moments.on_clock(moment, clock)
    with enclave().connections.lend():
        index, body = enclave().queries.past.file(stream, moment, at, clock)
        folded = enclave().queries.positions.index("acts")
    view: dict[str, Any] = {"as_of": params["as_of"], "clock": clock, "index": index}
    if isinstance(moment, datetime):
        view["at"] = stamp(moment)
    under = enclave().queries.visibility.read_under(stream)
    file = {"id": case, "read_under": serializers.read_under(under), **body, "view": view}
    return answer(file, index=folded)


def file_now(case: str) -> Response:
    """The case file as it stands. Raises: NotFound, PartOnly."""
    return _file(_stream(case), now())


def _file(stream: str, at: datetime) -> Response:
    """Its JSON as it is; before it id, rehearsal's mark and by what it is read."""
    served = enclave()
    queries = served.queries
    index, body = queries.case.file(stream, at)
    mark = b',"rehearsal":true' if served.facts.rehearsal else b""
    if below := queries.lower.below(stream, "CASE_FILE"):
        mark += b',"mirrored":' + encode([serializers.mirrored_case(one) for one in below])
    under = queries.visibility.read_under(stream)
    by = b"null" if under is None else encode(serializers.read_under(under))
    case = stream.removeprefix("case/").encode()
    text = b'{"id":"%b"%b,"read_under":%b,%b' % (case, mark, by, body[1:])
    return finish(text, JSON, index=index)


@cases.call(
    "/cases/<case>/acts",
    query=CaseActsQuerySchema,
    answers=ActsPageSchema,
    projected=True,
    headers=("Link",),
    problems=("bad_cursor", "not_found"),
    parameters=(_ID,),
    heavy=Heavy("history"),
)
def list_case_acts(params: dict[str, Any], case: str) -> Response:
    """Dòng thời gian · Each act with all its statements, both clocks, verdict and effect.

    In the order in which their authors signed, or in which they happened. Who was sent some acts
    of the case gets those; `part` says how many statements there are and which are withheld, and
    to who sees the whole case `statements` how many. Above ordinary `documents` is the register of
    those classified documents that are named to the caller, and acts of a case of a lower log that
    a grant in this one shows them stand among its own, marked `mirrored`: each act of this log
    behind what its author had been shown (`facts.seen`).
    """
    stream = _stream(case)
    freshness.require(params, "acts")
    bound = {"case": case} | {name: params.get(name) for name in (*_OF_ACTS, "limit")}
    place = cursor.read(params.get("cursor"), "acts", bound)
    with enclave().connections.lend():
        index, statements = enclave().queries.acts.of(stream)
        below = enclave().queries.lower.below(stream)
        part = enclave().queries.visibility.part(stream)
    sizes = dict(place.after[1:]) if place else {one.log: one.size for one in below}
    if place:  # of a log that was not shown then, nothing is now
        index = place.index
        statements = [one for one in statements if one.row.index <= index]
        below = [one.upto(sizes.get(one.log, 0)) for one in below]
    facts = enclave().facts
    every = history(statements, facts.origin, facts.level, below)
    firsts = [act[0].row for _, act in every]
    agencies = sorted({row.agency for row in firsts if row.agency})
    if params.get("agency") not in agencies:  # one of a lower log's own is not in the registry here
        filter_checks.agency(params.get("agency"))
    body, following = cursor.page(
        "acts",
        _asked_for(every, params),
        params["limit"],
        index=index,
        place=place,
        filters=bound,
        more=sorted(sizes.items()),
    )
    body |= {
        "acts": [serializers.shown_act(*one) for one in body["acts"]],
        "agencies": agencies,
        "types": sorted({row.act for row in firsts if row.act}),
    }
    if part is None:
        body["statements"] = len(statements)
    else:
        body["part"] = {"positions": part.positions, "withheld": part.withheld}
    register = enclave().queries.case.documents(stream, statements)
    if register:
        known, today = enclave().queries.registries.at().registry, local_day(now())
        body["documents"] = [serializers.document(one, known, today) for one in register]
    return answer(body, index=index, headers=cursor.link(following))


_OF_ACTS: Final = ("agency", "act", "clock")


def _asked_for(every: list[_Listed], params: dict[str, Any]) -> list[_Listed]:
    """Those of the agency and the type that are asked for, if any is, in the order that is."""
    agency, kind = params.get("agency"), params.get("act")
    acts = [
        one
        for one in every
        if agency in (None, one[1][0].row.agency) and kind in (None, one[1][0].row.act)
    ]
    if params.get("clock") == "occurred":
        acts.sort(key=lambda one: _happened(one[1][0].row))
    return acts


_Listed = tuple[MirroredCase | None, list[StatementVerdict]]


def _happened(first: ActRow) -> datetime:
    """When an act happened; of one that is erased, when it was recorded."""
    return first.occurred_at or first.recorded_at


@cases.call(
    "/cases/<case>/durations",
    query=AsOfQuerySchema,
    answers=DurationsSchema,
    projected=True,
    problems=_PAST,
    parameters=(_ID,),
    heavy=Heavy("past"),
)
def get_case_durations(params: dict[str, Any], case: str) -> Response:
    """Mỗi bước mất bao lâu · How long each state and each step took, against deadline and rule.

    A step is a run of a deadline, with the bodies whose move it is or was, how much of its time it
    took, and by which act it ended; `longest` is the one that took most of what it was given.
    """
    stream = _stream(case)
    freshness.require(params, "acts")
    at = now()
    named = moments.moment(params.get("as_of"))
    moment = at if named is None else named
    clock = params.get("clock", "recorded")
    moments.on_clock(moment, clock)
    with enclave().connections.lend():
        index, found = enclave().queries.past.durations(stream, moment, at, clock)
        folded = enclave().queries.positions.index("acts")
    return answer({"id": case, "index": index, **found}, index=folded)


@cases.call(
    "/cases/<case>/relations",
    query=ProjectedSchema,
    answers=RelationsSchema,
    projected=True,
    problems=("not_found", "part_only"),
    parameters=(_ID,),
    heavy=Heavy("past"),
)
def get_case_relations(params: dict[str, Any], case: str) -> Response:
    """Liên hệ với hồ sơ khác · Cases merged, perhaps the same, and the way of each referral.

    Of other cases those alone that the caller sees whole: of any other nothing is said, not even
    that there is one.
    """
    stream = _stream(case)
    freshness.require(params, "acts", "case_file")
    with enclave().connections.lend():
        found = enclave().queries.related.to(stream, now())
        folded = enclave().queries.positions.index("acts")
    body = {
        "id": case,
        "index": found.index,
        "cases": [serializers.related(one) for one in found.cases],
        "more": found.more,
        "referrals": found.referrals,
        "custody": found.custody,
    }
    return answer(body, index=folded)


@cases.call(
    "/cases/<case>/diff",
    query=DiffQuerySchema,
    answers=DifferenceSchema,
    projected=True,
    problems=(*_PAST, "too_much_asked"),
    parameters=(_ID,),
    heavy=Heavy("difference"),
)
def get_case_diff(params: dict[str, Any], case: str) -> Response:
    """Khác nhau giữa hai thời điểm · Changed fields, old → new, with the acts that changed them.

    Of two moments in either order; `swapped` says where they were turned round.
    """
    stream = _stream(case)
    freshness.require(params, "acts")
    old = moments.moment(params["from_"], "from")
    new = moments.moment(params.get("to"), "to")
    at = now()
    clock = params.get("clock", "recorded")
    moments.on_clock(old, clock, "from")
    moments.on_clock(new, clock, "to")
    first, last = (at if moment is None else moment for moment in (old, new))
    with enclave().connections.lend():
        swapped = _later(first, last)
        if swapped:
            first, last = last, first
        earlier, later, changes = enclave().queries.past.diff(stream, first, last, at, clock)
        folded = enclave().queries.positions.index("acts")
    body: dict[str, Any] = {
        "id": case,
        "clock": clock,
        "from": earlier.index,
        "to": later.index,
        "changes": [serializers.change(one) for one in changes],
    }
    if swapped:
        body["swapped"] = True
    return answer(body, index=folded)


def _later(first: int | datetime, last: int | datetime) -> bool:
    if isinstance(first, int) and isinstance(last, int):
        return first > last
    return moments.instant(first) > moments.instant(last)


@cases.call(
    "/cases/<case>/fields/<path:pointer>/history",
    query=FieldQuerySchema,
    answers=FieldHistorySchema,
    projected=True,
    problems=(*_PAST, "too_much_asked"),
    parameters=(_ID, _POINTER),
    heavy=Heavy("reasons"),
)
def get_field_history(params: dict[str, Any], case: str, pointer: str) -> Response:
    """Vì sao trường này có giá trị này · Every change of one field, with act and signers.

    The pointer is that of the case file. An empty history says that the field has had no value.
    """
    stream = _stream(case)
    freshness.require(params, "acts")
    at = now()
    named = pointer if pointer.startswith("/") else f"/{pointer}"
    moment = moments.moment(params.get("as_of"))
    with enclave().connections.lend():
        changes = enclave().queries.past.history(stream, named, at, moment=moment)
        folded = enclave().queries.positions.index("acts")
    body = {"id": case, "pointer": named, "changes": [serializers.change(one) for one in changes]}
    return answer(body, index=folded)


@cases.call(
    "/cases/<case>/verification",
    query=ProjectedSchema,
    answers=VerificationShownSchema,
    projected=True,
    problems=("not_found", "part_only"),
    parameters=(_ID,),
    heavy=Heavy("verification"),
)
def verify_case(params: dict[str, Any], case: str) -> Response:
    """Kiểm chứng hồ sơ · Every statement's verdict, key history, index and proof; one verdict.

    A supervisor's own sign-off is an act, `VerificationSignedOff`; those there are stand in
    `signed_off`.
    """
    stream = _stream(case)
    freshness.require(params, "acts")
    index, found = enclave().queries.verifications.of(stream)
    newest = max(one.row.index for one in found.statements)
    enclave().proofs.wait(newest, 0.5)
    tree = enclave().proofs.newest(one.row.index for one in found.statements)
    verdict = verdicts.conclude(found, 0 if tree is None else tree.size)
    body: dict[str, Any] = {
        "id": case,
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "counts": {str(verdict): n for verdict, n in found.counts.items()},
        "statements": [
            {
                "act_id": one.row.act_id,
                "act": one.row.act,
                **serializers.statement(one),
                **path(one.row.index, tree),
            }
            for one in found.statements
        ],
        "signed_off": verdicts.signed_off(found),
        "checked_by": caller().officer,
    }
    if tree is not None:
        body["checkpoint"] = tree.note
    return answer(body, index=index)


@cases.call(
    "/verification",
    query=BulkQuerySchema,
    answers=VerificationsSchema,
    projected=True,
    headers=("Link",),
    problems=("too_much_asked", "bad_cursor", "ordinary_only", "key_not_yours"),
    heavy=Heavy("bulk_verification"),
)
def verify_cases(params: dict[str, Any]) -> Response:
    """Kiểm chứng nhiều hồ sơ · The verdict of many cases.

    Of up to 50 by name, `missing` those that are not there; or of all of an agency, of a key, or
    with something new since an index or a sign-off, page by page. Each as
    `/v1/cases/{case}/verification` would say, less the statements that are plainly valid. Of a
    scope nothing is told of cases that the caller does not see, nor how many there are: by `size`
    they know how many records of the log they have not seen.
    """
    freshness.require(params, "acts", "case_file")
    latest = enclave().checkpoints.latest()
    size = latest[0] if latest else 0
    body: dict[str, Any] = {"missing": [], "size": size, "changed_since": None}
    if latest is not None:
        body["checkpoint"] = latest[1].decode("utf-8")
    scope: dict[str, str] = {
        name: params[name] for name in ("agency", "kid", "changed_since") if name in params
    }
    if ("cases" in params) is bool(scope):
        raise malformed("cases", Message("name either cases, or a scope"))
    if scope:
        return _scope_page(params, scope, body)
    freshness.require_all_of(size, "acts", "case_file")
    cases_asked = list(dict.fromkeys(params["cases"].split(",")))
    streams = [_stream(case) for case in cases_asked]
    found = _in_bulk(list(enclave().queries.verifications.of_each(streams)), size)
    there = {one["id"] for one in found}
    body |= {"cases": found, "missing": [case for case in cases_asked if case not in there]}
    return answer(body, index=enclave().queries.positions.index("acts"))


def _scope_page(
    params: dict[str, Any], scope_named: dict[str, str], body: dict[str, Any]
) -> Response:
    """One page; its end comes early where the cases are long."""
    queries, limit = enclave().queries, params["limit"]
    bound = {**scope_named, "limit": limit}
    place = cursor.read(params.get("cursor"), "verification", bound)
    if place is None:
        size, behind, after = body["size"], _behind(scope_named), ""
        freshness.require_all_of(size, "acts", "case_file")
    else:
        size, (behind, after) = place.index, place.after
    scope = Scope(scope_named.get("agency"), scope_named.get("kid"), behind)
    bodies = key_reads.bodies_for(scope.kid)
    streams = queries.cases.in_scope(scope, upto=size - 1, after=after, limit=limit + 1)
    found: list[Verification] = []
    statements = 0
    for stream in streams[:limit]:
        if statements > limits.JUDGED:
            break
        judged = list(queries.verifications.of_each([stream]))
        found += judged
        statements += sum(len(one.statements) for one in judged)
        after = stream
    key_reads.note(scope.kid, bodies)
    if "changed_since" in scope_named:
        body["changed_since"] = behind
    body |= {"cases": _in_bulk(found, size), "size": size}
    following = None
    if streams and after != streams[-1]:
        following = cursor.write(size, (behind, after), "verification", bound)
        body["next"] = following
    return answer(body, index=queries.positions.index("acts"), headers=cursor.link(following))


def _behind(scope_named: dict[str, str]) -> int:
    """The index behind which something must have been recorded. Raises: Problem."""
    agency, since = scope_named.get("agency"), scope_named.get("changed_since")
    filter_checks.agency(agency)
    if since is None:
        return -1
    if since != "sign_off":
        return int(since)
    if agency is None:
        raise malformed("agency", Message("is needed: a sign-off is an agency's"))
    return enclave().queries.verifications.signed_off(agency)


@cases.call(
    "/cases/<case>/raw",
    answers=RawCaseSchema,
    problems=("not_found", "part_only", "database_unavailable", "evidence_fails"),
    parameters=(_ID,),
    heavy=Heavy("verification"),
)
def get_case_records(case: str) -> Response:
    """Bản ghi nguyên văn của hồ sơ · Every record of a case: the bytes committed to, with proofs.

    Who has them, and the log's key, can check signatures, order and inclusion alone. Of what was
    erased by law the bytes are left out and the proofs stay.
    """
    return answer({"id": case, "records": raw_records.of_case(_stream(case))})


def _in_bulk(found: Sequence[Verification], size: int) -> list[dict[str, Any]]:
    numbers = enclave().queries.cases.called({one.stream for one in found})
    return [_verdict_on(one, size, numbers.get(one.stream, Called())) for one in found]


def _verdict_on(one: Verification, size: int, called: Called) -> dict[str, Any]:
    verdict = verdicts.conclude(one, size)
    return {
        "id": one.stream.removeprefix("case/"),
        "case_number": called.case_number,
        "register_no": called.register_no,
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "statements": len(one.statements),
        "counts": {str(name): n for name, n in one.counts.items()},
        "open": list(verdict.open),
        "signed_off": verdicts.signed_off(one),
    }


def _stream(case: str) -> str:
    return f"case/{require_uuid(case)}"
