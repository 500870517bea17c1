"""The file of a case as it stands: the stored one, where neither time nor the registry moved on.

One question brings the row and how far the registry had come at the same moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString

from ledger.errors import VerificationError
from ledger.postgres import direct
from ledger.postgres.direct import PreparedStatement
from projections.queries.registry_as_of import RegistrySnapshot
from projections.views.base import Connection

_COLUMNS: Final[LiteralString] = "body, changes_at, last_index, position, registry"
#: Takes ticket, time, name and id of the case.
AT_ONCE: Final = PreparedStatement(
    b"file_now",
    f"SELECT timely, via, rule, {_COLUMNS}"  # noqa: S608  our own names
    " FROM proj.file_now($1::text, $2::text, $3::text, $4::uuid)".encode(),
)
#: Takes its name: ticket and time are what the transaction has said already.
_IN_TURN: Final[LiteralString] = f"SELECT {_COLUMNS} FROM proj.file_now(NULL, NULL, %s, NULL)"  # noqa: S608


@dataclass(slots=True)
class CurrentFile:
    """The stored case file.

    Attributes:
        body: The file as JSON, as its newest statement was recorded.
        changes_at: From when the file reads otherwise without a new act; None: never.
        last_index: Index of its newest record.
        position: Last record folded into the view, the index it may be shown with.
        registry: Newest registry act at the same moment, -1 for none.
    """

    body: bytes
    changes_at: datetime | None
    last_index: int
    position: int
    registry: int

    def right(self, at: datetime, known: RegistrySnapshot) -> bool:
        """Whether the body is right at that instant, under the registry as it then stands."""
        fresh = self.changes_at is None or at < self.changes_at
        return fresh and self.last_index > known.renamed and not self._disputed(known)

    def _disputed(self, known: RegistrySnapshot) -> bool:
        """Whether a key revoked since may have signed in it what is disputed now."""
        return bool(known.disputes) and any(
            one.behind < self.last_index < one.revoked and one.officer.encode() in self.body
            for one in known.disputes
        )


def stored(connection: Connection, stream: str) -> CurrentFile | None:
    """The stored file of a case; None where there is no such case."""
    row = connection.execute(_IN_TURN, [stream]).fetchone()
    return None if row is None or row[0] is None else CurrentFile(row[0].encode(), *row[1:])


def told_at_once(row: Sequence[bytes | None]) -> CurrentFile:
    """The stored file, as `AT_ONCE` brings it. Raises: VerificationError: it changes at no time."""
    body, changes_at, last_index, position, registry = row
    try:
        changes = None if changes_at is None else direct.moment(changes_at)
    except OverflowError as error:
        raise VerificationError("view", "a case file changes at no time that there is") from error
    return CurrentFile(
        body or b"",
        changes,
        direct.bigint(last_index or b""),
        direct.bigint(position or b""),
        direct.bigint(registry or b""),
    )
