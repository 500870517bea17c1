"""The registry over time: agencies, officers, keys, instruments (http.md §4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any, Final

from flask import Response

from api.http.framework import cursor, freshness
from api.http.framework.admission import Heavy
from api.http.framework.endpoint import Resource, in_path
from api.http.framework.request_context import caller, now
from api.http.framework.responses import answer, encode, finish
from api.http.resources.common import moments, serializers
from api.http.resources.common.served import enclave
from api.http.schemas.base import DIGEST
from api.http.schemas.registry import (
    EXAMPLE_KEY,
    AffectedQuerySchema,
    AffectedSchema,
    AgenciesSchema,
    AgencyQuerySchema,
    CatalogueSchema,
    InstrumentsSchema,
    JwkSetSchema,
    JwksQuerySchema,
    KeysSchema,
    OfficerQuerySchema,
    OfficersSchema,
    OpeningsQuerySchema,
    OpeningsSchema,
    RegistryQuerySchema,
)
from api.problems.problem import Problem
from api.texts.catalogue import translate
from ledger.message import Message
from ledger.reads.read import NotedRead, ReadBy
from ledger.regulation.docs import forms
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.registry import Registry
from projections.queries import openings
from projections.queries import registry_as_of as lines

registry = Resource("registry", __name__, url_prefix="/v1", description="Danh bạ · Registry")
JWKS: Final = "application/jwk-set+json"
_HEAVY: Final = Heavy("registry")
_PROBLEMS: Final = ("bad_cursor", "as_of_in_future")
_KID: Final = in_path("kid", "Thumbprint of the key.", example=EXAMPLE_KEY, pattern=f"^{DIGEST}$")
_Lines = Callable[[Registry, datetime, date], Iterator[dict[str, Any]]]


@registry.call(
    "/agencies",
    query=AgencyQuerySchema,
    answers=AgenciesSchema,
    projected=True,
    headers=("Link",),
    problems=_PROBLEMS,
    heavy=_HEAVY,
    of_cases=False,
)
def list_agencies(params: dict[str, Any]) -> Response:
    """Cơ quan tại một thời điểm · Agencies as they were.

    With their names, functions and successors on that day: an agency that was merged is shown with
    who carries on for it.
    """
    wanted = params.get("function")
    return _listing(
        params,
        "agencies",
        lambda known, _, day: (
            line
            for line in lines.agencies(known, day)
            if wanted is None or wanted in line["functions"]
        ),
        function=wanted,
    )


@registry.call(
    "/catalogue",
    answers=CatalogueSchema,
    heavy=_HEAVY,
    of_cases=False,
)
def get_catalogue() -> Response:
    """Danh mục của bản quy tắc đang áp dụng · What a form for any act is drawn from.

    The edition in force, with those before it: act types with the JSON Schema of their facts, who
    authors and signs them, their clocks and guards, and a label in both languages for every code.
    It changes with an adoption alone: ask with `If-None-Match`.
    """
    known = enclave().ledger.refresh()
    editions = [
        {"name": one.name, "digest": one.digest, "from_index": first}
        for first, one in known.edition_spans
    ]
    return answer({"editions": editions, **forms.catalogue(known.edition, enclave().facts.level)})


@registry.call(
    "/officers",
    query=OfficerQuerySchema,
    answers=OfficersSchema,
    projected=True,
    headers=("Link",),
    problems=_PROBLEMS,
    heavy=_HEAVY,
    of_cases=False,
)
def list_officers(params: dict[str, Any]) -> Response:
    """Cán bộ và chức vụ · Officers and the posts they held; never a name.

    An officer is an id with posts, powers and keys.
    """
    wanted = params.get("officer")
    return _listing(
        params,
        "officers",
        lambda known, _, day: (
            line
            for line in lines.officers(known, day)
            if wanted is None or line["officer"] == wanted
        ),
        officer=wanted,
    )


@registry.call(
    "/keys",
    query=OfficerQuerySchema,
    answers=KeysSchema,
    projected=True,
    headers=("Link",),
    problems=_PROBLEMS,
    heavy=_HEAVY,
    of_cases=False,
)
def list_keys(params: dict[str, Any]) -> Response:
    """Khóa và lịch sử của khóa · Keys with their history.

    Also those that ended: a signature is judged by the registry as it stood at its record.
    """
    wanted = params.get("officer")
    return _listing(
        params,
        "keys",
        lambda known, at, _: (
            line for line in lines.keys(known, at) if wanted is None or line["officer"] == wanted
        ),
        officer=wanted,
    )


@registry.call(
    "/keys/jwks",
    query=JwksQuerySchema,
    answers=JwkSetSchema,
    produces=JWKS,
    projected=True,
    problems=("as_of_in_future",),
    heavy=_HEAVY,
    of_cases=False,
)
def get_key_set(params: dict[str, Any]) -> Response:
    """Bộ khóa JWK kèm lịch sử · Every key as a JWK set (RFC 7517) with its history.

    For any library of JOSE. What is null elsewhere is left out here.
    """
    stood, at, _ = _moment(params)
    found = []
    for line in lines.keys(stood, at):
        history = {name: value for name, value in line.items() if value is not None}
        del history["jwk"]
        found.append({**line["jwk"], "use": "sig", **history})
    body: dict[str, Any] = {"keys": found}
    if enclave().facts.rehearsal:
        body["rehearsal"] = True
    return finish(encode(body), JWKS, index=enclave().queries.positions.index())


@registry.call(
    "/instruments",
    query=RegistryQuerySchema,
    answers=InstrumentsSchema,
    projected=True,
    headers=("Link",),
    problems=_PROBLEMS,
    heavy=_HEAVY,
    of_cases=False,
)
def list_instruments(params: dict[str, Any]) -> Response:
    """Văn bản pháp luật và hiệu lực · Legal instruments and whether they were in force.

    Laws, decrees and decisions that acts cite as their basis.
    """
    return _listing(params, "instruments", lambda known, _, day: lines.instruments(known, day))


@registry.call(
    "/keys/<kid>/affected",
    query=AffectedQuerySchema,
    answers=AffectedSchema,
    projected=True,
    problems=("key_not_yours", "too_much_asked"),
    parameters=(_KID,),
    heavy=Heavy("listing"),
    ordinary_alone=True,
)
def list_affected(params: dict[str, Any], kid: str) -> Response:
    """Khóa này đã ký gì · What a key touched, before it is revoked and after.

    Every statement that it signed from `from` on, with its act and case, of those that the caller
    sees: those that a revocation as of that instant makes disputed, or has made so. For whoever
    may revoke it, supervises an agency of its officer, or reads under an inspection order; it is a
    read itself, and noted.
    """
    freshness.require(params, "acts")
    who, at = caller(), now()
    queries = enclave().queries
    bodies = queries.keys.told_for(kid, who.officer, at) | queries.keys.revoked_for(
        kid, who.officer, at
    )
    if not bodies:
        raise Problem("key_not_yours")
    since = moments.moment(params.get("from_"), "from")
    if isinstance(since, int):
        since = moments.instant(since)
    found = queries.keys.affected(kid, since)
    purpose = translate(Message("To see what the key {kid} touched", kid=kid), "vi")
    by = ReadBy(who.officer, who.kid)
    enclave().reads.note([NotedRead("A28", purpose, "LIST", by, agencies=bodies)])
    return answer(serializers.affected(found), index=found.index)


@registry.call(
    "/openings",
    query=OpeningsQuerySchema,
    answers=OpeningsSchema,
    projected=True,
    headers=("Link",),
    problems=_PROBLEMS,
    heavy=_HEAVY,
    of_cases=False,
)
def list_openings(params: dict[str, Any]) -> Response:
    """Quyền xem đã cho · Inspection orders, emergency openings and grants, each with its end.

    Orders and openings stand in agencies' streams, which everybody reads; grants that stand in
    cases are for auditors. Nothing of a case is told but its id.
    """
    filters = {name: params.get(name) for name in ("rule", "running", "as_of")}
    bound = {**filters, "limit": params["limit"]}
    place = cursor.read(params.get("cursor"), "openings", bound)
    stood, at, index = _moment(params, place.index if place else None)
    audits = openings.audits(enclave().queries.registries.at().registry, caller().officer, now())
    every = list(openings.openings(stood, at, of_cases=audits))
    rule, running = filters["rule"], filters["running"]
    found = [
        line
        for line in every
        if (rule is None or line["rule"] == rule)
        and (running is None or line["running"] is running)
    ]
    body, following = cursor.page(
        "openings", found, params["limit"], index=index, place=place, filters=bound
    )
    body |= {"by_month": openings.by_month(every), "of_cases": audits}
    return answer(body, index=enclave().queries.positions.index(), headers=cursor.link(following))


def _listing(params: dict[str, Any], name: str, rows: _Lines, **filters: str | None) -> Response:
    """One page; every page is of the registry that the first one saw."""
    bound = {**filters, "as_of": params.get("as_of"), "limit": params["limit"]}
    place = cursor.read(params.get("cursor"), name, bound)
    stood, at, index = _moment(params, place.index if place else None)
    found = list(rows(stood, at, local_day(at)))
    body, following = cursor.page(
        name, found, params["limit"], index=index, place=place, filters=bound
    )
    folded = enclave().queries.positions.index()
    return answer(body, index=folded, headers=cursor.link(following))


def _moment(params: dict[str, Any], snapshot: int | None = None) -> tuple[Registry, datetime, int]:
    """The registry asked for, the instant to look at it from, and the index it is a view of.

    As of an index it is looked at from when that record was taken, as a case file is.
    """
    freshness.require(params)
    wanted = moments.moment(params.get("as_of"))
    newest = enclave().queries.positions.index() if snapshot is None else snapshot
    if wanted is None:
        return enclave().queries.registries.at(newest).registry, now(), newest
    if isinstance(wanted, int) and wanted > newest:
        raise Problem("as_of_in_future")
    at = moments.instant(wanted)
    if at > now():
        raise Problem("as_of_in_future")
    found = enclave().queries.registries.at(wanted).registry
    return found, at, wanted if isinstance(wanted, int) else found.version
