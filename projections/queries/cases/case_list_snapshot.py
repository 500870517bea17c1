"""The case list as the log stood at one index: every page of a listing shows the same cases.

Rows of the view are of now. A case with a record behind the listing's index is folded again as it
stood then: it is on the page where it was, once, under the filters that it met.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, LiteralString

from ledger.errors import Rejected
from ledger.message import Message
from ledger.regulation.acts.act import ORDINARY
from projections.queries import limits
from projections.queries.past import as_of
from projections.queries.past.case_at import folded_from
from projections.queries.registry_as_of import RegistryReader
from projections.views import acts, case_file
from projections.views.acts import ActRow
from projections.views.base import Connection

MOST: Final = 200
"""Cases changed since a listing began; with more of them it is begun again. Each costs a fold."""
_CHANGED: Final[LiteralString] = """
SELECT c.stream, c.first_index, c.seq FROM proj.views v JOIN proj.case_file c ON c.gen = v.gen
WHERE v.view = 'case_file' AND v.state = 'live'
  AND c.first_index <= %(snapshot)s AND c.last_index > %(snapshot)s
LIMIT %(most)s
"""


class TooOld(Rejected):
    """So much has changed since the listing began that it must be begun again."""

    def __init__(self) -> None:
        super().__init__(
            "bad_cursor",
            Message("Too many cases have changed since this listing began."),
        )


def then(
    connection: Connection, registries: RegistryReader, snapshot: int, fill: as_of.Fill, level: str
) -> list[dict[str, Any]]:
    """What `case_file.listed` needs of every case that has changed behind the snapshot.

    Args:
        connection: As reader.
        registries: Registries of this process.
        snapshot: An index of the log.
        fill: Gives rows of a stream what no view holds of them.
        level: Of the log: above ordinary a line says as little as the view does.

    Raises:
        TooOld: More than `MOST` have, or they are long.
    """
    asked = {"snapshot": snapshot, "most": MOST + 1}
    changed = connection.execute(_CHANGED, asked).fetchall()
    if len(changed) > MOST or sum(seq for _, _, seq in changed) > limits.JUDGED:
        raise TooOld
    found = []
    for stream, first, _ in changed:
        rows = fill(stream, acts.stream_rows(connection, stream, upto=snapshot))
        if rows:
            line = _stood(connection, registries, stream, first, rows)
            found.append(line if level == ORDINARY else case_file.bare_line(line))
    return found


def _stood(
    connection: Connection,
    registries: RegistryReader,
    stream: str,
    first: int,
    rows: Sequence[ActRow],
) -> dict[str, Any]:
    """As its row was written after its newest record, by what was known then."""
    last = rows[-1]
    known = registries.as_of(connection, last.index)
    reports = as_of.reports_for(connection, rows, lambda report: report.index <= last.index)
    folded = folded_from(stream, rows, known.registry, last.recorded_at, reports)
    return case_file.line_then(
        folded.stream, folded.raised, folded.registry, (first, last.index), folded.reports
    )
