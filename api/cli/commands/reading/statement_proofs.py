"""Whether the statements of a case hold, as whoever reads checks it here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from api.cli.commands.signer_options import log_keys
from api.client.case_check import ASIDE, BAD, RecordFault, faults, keyring_of
from api.client.client import Client
from api.client.connection import understood
from keys import canonical
from keys.note import VKey
from ledger.errors import VerificationError
from ledger.log import proof
from ledger.message import Message


def proven(body: Mapping[str, Any]) -> bool:
    """Whether there is a proof for every statement; a server that gives none is not believed."""
    return all("proof" in line for line in body["statements"])


def bad_proofs(client: Client, body: Mapping[str, Any], vkey: VKey | None) -> Iterable[int]:
    """Indices whose proof is wrong: it does not lead from their entry to a signed checkpoint."""
    keys = log_keys(client, vkey)
    for line in body["statements"]:
        path = line.get("proof")
        if path is None:
            continue  # not proven yet: the outcome says so
        given = {**path, "index": line["index"], "checkpoint": body["checkpoint"]}
        try:
            proof.verify_inclusion(
                proof.inclusion_from_json(given),
                canonical.unb64(line["entry"]),
                keys,
                origin=client.origin,
            )
        except VerificationError:
            yield line["index"]


def case_faults(
    client: Client, case: str, body: Mapping[str, Any], vkey: VKey | None
) -> list[RecordFault]:
    """What is wrong with a case by its own bytes: signatures, order, places and proofs.

    Of the server is believed which keys the registry enrolled and ended, what the rules refuse, and
    what was voided of that; a record that it tells of otherwise than its bytes say is a fault.

    Args:
        client: Of whoever reads.
        case: Its uuid.
        body: Of `Client.verification`.
        vkey: The log's key as typed.
    """
    lines, every = body["statements"], client.case_records(case)
    with understood():
        newest = max((line["index"] for line in lines), default=-1)
        records = [one for one in every if one["index"] <= newest]  # others came meanwhile
        keys = {line["key"]["kid"]: line["key"] for line in lines if line["key"] is not None}
        found = faults(
            f"case/{case}",
            records,
            {"statements": len(lines), "open": [one for one in lines if one["outcome"] != "VALID"]},
            keyring=keyring_of(keys.values()),
            vkeys=log_keys(client, vkey),
            origin=client.origin,
        )
        voided = {line["index"] for line in lines if line["voided_by"] is not None}
        shown = {record["index"]: record["entry"] for record in records}
        found += [
            RecordFault(line["index"], BAD, Message("its bytes are those of another record"))
            for line in lines
            if shown.get(line["index"], line["entry"]) != line["entry"]
        ]
    return [one for one in found if one.outcome != ASIDE or one.index not in voided]
