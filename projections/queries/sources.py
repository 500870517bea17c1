"""What every question of one enclave is asked over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from ledger.postgres.direct import PreparedStatement
from ledger.reads.shown import Under
from projections.queries.guard_lookups import Connecting
from projections.queries.registry_as_of import RegistryReader
from projections.queries.rights import Rights
from projections.queries.row_evidence import RowEvidence

AtOnce = Callable[[PreparedStatement, str, UUID], tuple[Under | None, list[bytes | None]] | None]


@dataclass(frozen=True, slots=True)
class Sources:
    """What every question is asked over, for one enclave.

    Attributes:
        connecting: Lends a connection of the reader's login in a transaction that says who asks
            and sees one state of the database (`ledger.postgres.ticketed`); within it, the same.
        at_once: Asks in one statement what is asked of one case, where that is possible (there).
        origin: Origin of the log.
        level: Its level.
        registries: What they read by is lent no connection of `connecting`, since it may be asked
            while one is held.
        evidence: The records that rows of views are held against, over the same connection.
        lending_whole: Lends a connection of the writer's login, which sees every case: for what
            tells of none.
        judge: The records by that login: what a statement is judged by may be hidden from whoever
            reads it.
        rights: Decides once more what is opened.
    """

    connecting: Connecting
    at_once: AtOnce
    origin: str
    level: str
    registries: RegistryReader
    evidence: RowEvidence
    lending_whole: Connecting
    judge: RowEvidence
    rights: Rights
