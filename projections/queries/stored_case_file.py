"""The file of a case as it stands: the stored one, where neither time nor the registry moved on.

One question brings the row and how far the registry had come at the same moment.
"""

# ruff: noqa: S608 - pieces of SQL are constants (LiteralString)
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString

from projections.queries.registry_as_of import NEWEST, RegistrySnapshot
from projections.views.base import Connection

_GET: Final[LiteralString] = (
    "SELECT c.body::text, c.changes_at, c.last_index, v.position, " + NEWEST + " AS registry"
    " FROM proj.views v JOIN proj.case_file c ON c.gen = v.gen"
    " WHERE v.view = 'case_file' AND v.state = 'live' AND c.stream = %s"
)


@dataclass(slots=True)
class CurrentFile:
    """The stored case file.

    Attributes:
        body: The file as JSON text, as its newest statement was recorded.
        changes_at: From when the file reads otherwise without a new act; None: never.
        last_index: Index of its newest record.
        position: Last record folded into the view, the index it may be shown with.
        registry: Newest registry act at the same moment, -1 for none.
    """

    body: str
    changes_at: datetime | None
    last_index: int
    position: int
    registry: int

    def right(self, at: datetime, known: RegistrySnapshot) -> bool:
        """Whether the body is right at that instant, under the registry as it then stands."""
        fresh = self.changes_at is None or at < self.changes_at
        return fresh and self.last_index > known.renamed


def stored(connection: Connection, stream: str) -> CurrentFile | None:
    """The stored file of a case; None where there is no such case."""
    row = connection.execute(_GET, [stream]).fetchone()
    return None if row is None else CurrentFile(*row)
