"""Records byte for byte, with their proofs: who has them need not believe the server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from api.http.resources.common.served import enclave
from keys import canonical
from ledger.checkpoints.proofs import CheckpointTree
from ledger.errors import NotFound
from ledger.ports import StoredRecord
from ledger.reads.shown import shows
from ledger.streams.names import stream_id
from ledger.streams.record_reader import Opened


def of_act(act_id: str) -> list[dict[str, Any]]:
    """Those of an act, of which the caller sees it. Raises: NotFound."""
    with enclave().connections.lend():
        rows = enclave().records.act(UUID(act_id))
        if not rows:
            raise NotFound(act_id)
        enclave().rights.require(rows[0].stream, [act_id])
        shows("RECORD", rows[0].stream, rows[0].stream_id, [row.index for row in rows])
    return _records(rows)


def of_case(stream: str) -> list[dict[str, Any]]:
    """All of a case that the caller sees whole.

    Raises:
        NotFound: There is none.
        PartOnly: They see acts of it.
    """
    enclave().queries.visibility.require_whole(stream)
    with enclave().connections.lend():
        comp = stream_id(enclave().facts.origin, stream)
        rows = list(enclave().records.stream(comp))
        if not rows:
            raise NotFound(stream)
        shows("RECORD", stream, comp, [row.index for row in rows])
    return _records(rows)


def _records(rows: Sequence[StoredRecord]) -> list[dict[str, Any]]:
    tree = enclave().proofs.newest(row.index for row in rows)
    opened = enclave().reader.open_each(rows)
    return [_record(row, one, tree) for row, one in zip(rows, opened, strict=True)]


def _record(row: StoredRecord, opened: Opened, tree: CheckpointTree | None) -> dict[str, Any]:
    body: dict[str, Any] = {"index": row.index, "entry": canonical.b64(row.entry)}
    if opened.envelope:
        body["envelope"] = canonical.b64(opened.envelope)
    if tree is None:
        return body
    try:
        body["proof"] = tree.inclusion(row.index)
    except NotFound:
        return body  # durable, not proven yet
    return body
