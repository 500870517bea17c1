"""The log as anyone can check it: checkpoint, tiles, facts, proofs (http.md §5, tlog-tiles)."""

from __future__ import annotations

from typing import Any

from flask import Response

from api.http.framework.endpoint import BYTES, NOTE, Resource, in_path
from api.http.framework.request_context import now
from api.http.framework.responses import JSON, answer, encode, finish
from api.http.resources.common import serializers
from api.http.resources.common.served import enclave
from api.http.schemas.log import (
    ConsistencyProofSchema,
    ConsistencyQuerySchema,
    InclusionProofSchema,
    InclusionQuerySchema,
    LogFactsSchema,
    LowerLogsSchema,
    RecoveryEvidenceSchema,
)
from api.problems.problem import Problem
from keys.log_keys import Span
from ledger.errors import NotFound
from ledger.log import tiles
from ledger.log.moment import stamp
from ledger.reads.shown import shows_nothing

log = Resource("log", __name__, description="Sổ và chứng minh · The log and its proofs")
_NAME = in_path("name", "`acts`; the log of reads has its own.", example="acts", enum=["acts"])
_IMMUTABLE = "public, max-age=31536000, immutable"
_RAW = {"type": "string", "format": "binary"}


@log.call(
    "/logs/<name>/checkpoint",
    answers={"type": "string"},
    produces=NOTE,
    access="level",
    problems=("not_found", "database_unavailable", "evidence_fails"),
    parameters=(_NAME,),
)
def get_checkpoint(name: str) -> Response:
    """Điểm kiểm tra mới nhất · The newest signed checkpoint (a C2SP signed note).

    Size and root of the tree with the log's signatures. Keep one: whoever holds it notices every
    later change behind it.
    """
    _require(name)
    latest = enclave().checkpoints.latest()
    if latest is None:
        raise NotFound
    return finish(latest[1], NOTE)


@log.call(
    "/logs/<name>/tile/<path:tile>",
    answers=_RAW,
    produces=BYTES,
    access="level",
    problems=("not_found", "database_unavailable", "evidence_fails"),
    parameters=(
        _NAME,
        in_path(
            "tile",
            "`<L>/<N…>[.p/<W>]` or `entries/<N…>[.p/<W>]`, C2SP tlog-tiles.",
            example="0/000.p/1",
        ),
    ),
)
def get_tile(name: str, tile: str) -> Response:
    """Mảnh cây và bó mục · Hash tiles and entry bundles.

    As C2SP tlog-tiles has them, so that any client of transparency logs can read this one. A full
    tile never changes.
    """
    _require(name)
    params = tiles.parse_path(f"tile/{tile}")
    data = enclave().tile_bytes(params)
    headers = {"Cache-Control": _IMMUTABLE} if enclave().facts.level == "ordinary" else {}
    return finish(data, BYTES, headers=headers)


@log.call(
    "/v1/log",
    answers=LogFactsSchema,
    access="level",
    problems=("database_unavailable", "evidence_fails"),
)
def get_log() -> Response:
    """Sổ này là sổ nào · Which log this is: origin, keys, size, genesis, clock, witnesses.

    A verifier starts here: compare `genesis` with the digest on paper, take `vkeys`, then ask for a
    checkpoint.
    """
    facts, size = enclave().facts, _sealed_size()  # a checkpoint by other keys tells of a recovery
    body: dict[str, Any] = {
        "origin": facts.origin,
        "level": facts.level,
        "vkeys": list(enclave().vkeys),
        "keys": [_span(span) for span in enclave().log_keys.spans],
        "recoveries": [one.as_dict() for one in enclave().recoveries.all()],
        "size": size,
        "records": enclave().records.head().size,
        "genesis": facts.genesis,
        "policy": enclave().policy,
        "now": stamp(now()),
        "witnesses": [],
        "set_aside": enclave().queries.positions.set_aside().first,
    }
    if (custody := enclave().custody) is not None:
        body["custody"] = custody
    return answer(body)


@log.call(
    "/v1/log/recoveries",
    answers=RecoveryEvidenceSchema,
    access="level",
    problems=("not_found", "database_unavailable", "evidence_fails"),
)
def get_recoveries() -> Response:
    """Chứng cứ khôi phục sổ · What shows each recovery of the log lawful, to be verified offline.

    Registry acts that the registrars' signatures stand on, the recoveries themselves, and their
    places in the newest signed tree (formats.md §7). It names no case.
    """
    enclave().ledger.refresh()
    return _as_it_travels(enclave().recoveries.evidence().to_json())


@log.call(
    "/v1/log/proof/inclusion",
    query=InclusionQuerySchema,
    answers=InclusionProofSchema,
    access="level",
    problems=("not_found", "database_unavailable", "evidence_fails"),
)
def get_inclusion_proof(params: dict[str, Any]) -> Response:
    """Chứng minh có trong sổ · That a record is in the log (RFC 9162 §2.1.3).

    Path from the record's entry to the root of a checkpoint, which comes with it.
    """
    return _as_it_travels(enclave().proofs.inclusion(params["index"], params.get("size")))


@log.call(
    "/v1/log/proof/consistency",
    query=ConsistencyQuerySchema,
    answers=ConsistencyProofSchema,
    access="level",
    problems=("not_found", "database_unavailable", "evidence_fails"),
)
def get_consistency_proof(params: dict[str, Any]) -> Response:
    """Chứng minh chỉ nối thêm · That the log only grew (RFC 9162 §2.1.4).

    Between two checkpoints; who holds the older one needs nothing else to be sure that nothing
    behind it was changed.
    """
    to = params.get("to", _sealed_size())
    return _as_it_travels(enclave().proofs.consistency(params["from_"], to))


def _as_it_travels(proof: dict[str, Any]) -> Response:
    """Exactly the members of formats.md §6: verifiers are strict, and the origin says the rest."""
    return finish(encode(proof), JSON)


def _span(span: Span) -> dict[str, Any]:
    body: dict[str, Any] = {"vkeys": list(span.vkeys), "from": span.above + 1}
    return body if span.upto is None else body | {"to": span.upto}


def _sealed_size() -> int:
    latest = enclave().checkpoints.latest()
    return latest[0] if latest else 0


def _require(name: str) -> None:
    if name != "acts":
        raise Problem("not_found")


@log.call("/v1/lower-logs", answers=LowerLogsSchema, problems=("database_unavailable",))
def list_lower_logs() -> Response:
    """Các sổ cấp dưới đã nhận về · The lower logs that are mirrored here, and how far.

    Whoever signs an act says by `facts.seen` what they had been shown: log, size and root as they
    stand here. At the ordinary level there is none.
    """
    shows_nothing()
    found = enclave().lower_logs.states()
    return answer({"logs": [serializers.lower_log(one) for one in found]})
