"""The two logs of an enclave: what of each lies where, and is called what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from api.home import EnclaveFacts
from api.ops.home_notes import ACCESS_VKEYS, VKEYS
from ledger.postgres.records import LogSchema
from ledger.reads.access_logged import origin_of


@dataclass(frozen=True, slots=True)
class WhichLog:
    """One of the two.

    Attributes:
        name: As people and addresses call it.
        schema: Where it lies in the database.
        keys: Names of its key files: the log's and `/pq`.
        seen: Name of the folder of what its checkpointer has seen.
        vkeys: Name of the file of its public keys, in the home.
    """

    name: str
    schema: LogSchema
    keys: tuple[str, str]
    seen: str
    vkeys: str

    def origin(self, facts: EnclaveFacts) -> str:
        """Its origin (formats.md §7)."""
        return facts.origin if self.schema == "log" else origin_of(facts.origin)


ACTS: Final = WhichLog("acts", "log", ("log", "pq"), "checkpointer", VKEYS)
READS: Final = WhichLog("access", "access", ("access", "access-pq"), "access", ACCESS_VKEYS)
API_READS: Final = "api/access"
"""Name of the folder of what API processes have seen of the log of reads: within their own."""
REMEMBERING_READS: Final = (READS.seen, API_READS)
"""Whoever remembers how far the log of reads has signed."""
