"""The registry over time: agencies, officers, keys, instruments (http.md §4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any, Final

from flask import Response

from api.http.framework import cursor, freshness
from api.http.framework.admission import Heavy
from api.http.framework.endpoint import Noun
from api.http.framework.request_context import now
from api.http.framework.responses import answer, encode, finish
from api.http.resources import moments
from api.http.resources.served import enclave
from api.http.schemas.registry import (
    Agencies,
    AgencyQuery,
    Instruments,
    JwkSet,
    JwksQuery,
    Keys,
    OfficerQuery,
    Officers,
    RegistryQuery,
)
from api.problems.problem import Problem
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.registry import Registry
from projections.queries import registry_as_of as lines

registry = Noun("registry", __name__, url_prefix="/v1", description="Danh bạ · Registry")
JWKS: Final = "application/jwk-set+json"
_HEAVY: Final = Heavy("registry")
_PROBLEMS: Final = ("bad_cursor", "as_of_in_future")
_Lines = Callable[[Registry, datetime, date], Iterator[dict[str, Any]]]


@registry.call(
    "/agencies",
    query=AgencyQuery,
    answers=Agencies,
    projected=True,
    headers=("Link",),
    problems=_PROBLEMS,
    heavy=_HEAVY,
)
def list_agencies(asked: dict[str, Any]) -> Response:
    """Cơ quan tại một thời điểm · Agencies as they were.

    With their names, functions and successors on that day: an agency that was merged is shown with
    who carries on for it.
    """
    wanted = asked.get("function")
    return _listing(
        asked,
        "agencies",
        lambda known, _, day: (
            line
            for line in lines.agencies(known, day)
            if wanted is None or wanted in line["functions"]
        ),
        function=wanted,
    )


@registry.call(
    "/officers",
    query=OfficerQuery,
    answers=Officers,
    projected=True,
    headers=("Link",),
    problems=_PROBLEMS,
    heavy=_HEAVY,
)
def list_officers(asked: dict[str, Any]) -> Response:
    """Cán bộ và chức vụ · Officers and the posts they held; never a name.

    An officer is an id with posts, powers and keys.
    """
    wanted = asked.get("officer")
    return _listing(
        asked,
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
    query=OfficerQuery,
    answers=Keys,
    projected=True,
    headers=("Link",),
    problems=_PROBLEMS,
    heavy=_HEAVY,
)
def list_keys(asked: dict[str, Any]) -> Response:
    """Khóa và lịch sử của khóa · Keys with their history.

    Also those that ended: a signature is judged by the registry as it stood at its record.
    """
    wanted = asked.get("officer")
    return _listing(
        asked,
        "keys",
        lambda known, at, _: (
            line for line in lines.keys(known, at) if wanted is None or line["officer"] == wanted
        ),
        officer=wanted,
    )


@registry.call(
    "/keys/jwks",
    query=JwksQuery,
    answers=JwkSet,
    produces=JWKS,
    projected=True,
    problems=("as_of_in_future",),
    heavy=_HEAVY,
)
def get_key_set(asked: dict[str, Any]) -> Response:
    """Bộ khóa JWK kèm lịch sử · Every key as a JWK set (RFC 7517) with its history.

    For any library of JOSE. What is null elsewhere is left out here.
    """
    stood, at, _ = _moment(asked)
    found = []
    for line in lines.keys(stood, at):
        history = {name: value for name, value in line.items() if value is not None}
        del history["jwk"]
        found.append({**line["jwk"], "use": "sig", **history})
    body: dict[str, Any] = {"keys": found}
    if enclave().facts.rehearsal:
        body["rehearsal"] = True
    return finish(encode(body), JWKS, index=enclave().inquiry.index())


@registry.call(
    "/instruments",
    query=RegistryQuery,
    answers=Instruments,
    projected=True,
    headers=("Link",),
    problems=_PROBLEMS,
    heavy=_HEAVY,
)
def list_instruments(asked: dict[str, Any]) -> Response:
    """Văn bản pháp luật và hiệu lực · Legal instruments and whether they were in force.

    Laws, decrees and decisions that acts cite as their basis.
    """
    return _listing(asked, "instruments", lambda known, _, day: lines.instruments(known, day))


def _listing(asked: dict[str, Any], name: str, rows: _Lines, **filters: str | None) -> Response:
    """One page; every page is of the registry that the first one saw."""
    bound = {**filters, "as_of": asked.get("as_of"), "limit": asked["limit"]}
    place = cursor.read(asked.get("cursor"), name, bound)
    stood, at, index = _moment(asked, place.index if place else None)
    found = list(rows(stood, at, local_day(at)))
    body, following = cursor.page(
        name, found, asked["limit"], index=index, place=place, filters=bound
    )
    folded = enclave().inquiry.index()
    return answer(body, index=folded, headers=cursor.link(following))


def _moment(asked: dict[str, Any], snapshot: int | None = None) -> tuple[Registry, datetime, int]:
    """The registry asked for, the instant to look at it from, and the index it is a view of.

    As of an index it is looked at from when that record was taken, as a case file is.
    """
    freshness.require(asked)
    wanted = moments.moment(asked.get("as_of"))
    newest = enclave().inquiry.index() if snapshot is None else snapshot
    if wanted is None:
        return enclave().inquiry.registry(newest).registry, now(), newest
    if isinstance(wanted, int) and wanted > newest:
        raise Problem("as_of_in_future")
    at = moments.instant(wanted)
    if at > now():
        raise Problem("as_of_in_future")
    found = enclave().inquiry.registry(wanted).registry
    return found, at, wanted if isinstance(wanted, int) else found.version
