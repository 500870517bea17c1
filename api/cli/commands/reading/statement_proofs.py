"""Whether the statements of a case are proven, as whoever reads checks it here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from api.cli.commands.signer_options import log_keys
from api.client.client import Client
from keys import canonical
from keys.note import VKey
from ledger.errors import VerificationError
from ledger.log import proof


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
