"""Past the door: appends what nobody judged, as whoever has the writer's login and the KEK could.

For the tampering drill and for tests. The rows are sealed as the ledger seals them, so nothing but
the rules can tell that they never came through the door.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from keys import envelope_encryption
from keys.envelope_encryption import Keks
from ledger.log import record as records
from ledger.log.statement import COUNTERSIGNERS, SERVICE_TYP, Statement
from ledger.ports import NIL_UNIT, Appended, Appender, Draft, RecordStore, SealedRecord
from ledger.regulation.registry.lines import REGISTRY_ACTS
from ledger.streams.event import TOPIC
from ledger.streams.names import stream_id
from ledger.streams.tokens import token_tag, tokens_of


@dataclass(frozen=True, slots=True)
class Smuggler:
    """The writer's login and the KEK of one log.

    Attributes:
        records: Says where the log stands.
        appender: The way in, without the door.
        kek: What makes a row look like the ledger's own.
        origin: Origin of the log.
        level: Its level.
    """

    records: RecordStore
    appender: Appender
    kek: Keks
    origin: str
    level: str = "ordinary"

    def put(self, statement: Statement, at: datetime, **columns: Any) -> Appended:  # noqa: ANN401 - the members of a draft
        """Appends a statement that nobody judged, with the columns an honest one would have.

        Args:
            statement: Signed by whoever likes, whatever it says.
            at: When it claims to have been taken.
            columns: Members of the draft that shall say something else.
        """
        members = statement.members
        stream = members["stream"]
        key = stream_id(self.origin, stream)
        author = statement.role not in COUNTERSIGNERS
        signers = members.get("signers", ())
        completes = len(signers) == 1 or (not author and statement.role == signers[-1]["role"])
        named = tokens_of(stream, statement.payload) if author else ()
        draft = Draft(
            stream_id=key,
            stream=stream,
            seq=statement.seq,
            unit=key if stream.startswith("case/") else NIL_UNIT,
            act_id=UUID(members["event_id" if statement.typ == SERVICE_TYP else "act_id"]),
            author=author,
            topic=TOPIC,
            registry=members.get("act") in REGISTRY_ACTS and completes,
            registry_index=self.records.head().registry_index,
            at=at,
            latest=None,
            tags=frozenset(token_tag(self.origin, token) for token in named),
            seal=lambda moment: self.seal(statement.compact, stream, statement.seq, moment),
        )
        return self.appender.append(replace(draft, **columns))

    def seal(self, compact: str, stream: str, seq: int, at: datetime) -> SealedRecord:
        """Seals any text as the statement of a place."""
        envelope = records.build(
            log=self.origin, recorded_at=at, blind=bytes(32), statement=compact
        )
        entry = records.entry(envelope)
        sealed = envelope_encryption.seal(
            envelope, origin=self.origin, stream=stream, seq=seq, level=self.level
        )
        wrap = envelope_encryption.wrap(self.kek, sealed.dek, origin=self.origin, entry=entry)
        return SealedRecord(entry, sealed.state, envelope_encryption.kek_id_of(wrap), wrap)
