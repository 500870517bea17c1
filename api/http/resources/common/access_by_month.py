"""What was opened, disclosed, withdrawn, erased, read and copied, by month (access.md A27).

Counts alone, small cells hidden. Reads and copies are told to nobody but whoever is told of
everybody's reads: how fast a log of reads grows would tell the inspected that they are read (D2).
Above ordinary no view says what an act of a case is (access.md G15): disclosures and withdrawals
are not counted there, and the answer says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from api.http.resources.common.served import enclave
from ledger.message import Message
from ledger.reads import counts
from ledger.reads.scope import ReadScope
from ledger.regulation.acts.act import ORDINARY
from projections.queries import openings
from projections.views.statistics.view import Cell, Tables, cells_of

_TITLES: Final[Mapping[str, Message]] = {
    openings.IN_TIME.lower(): Message("emergency openings reviewed in time"),
    openings.LATE.lower(): Message("emergency openings reviewed late"),
    openings.NOT_REVIEWED.lower(): Message("emergency openings that nobody has reviewed"),
    "disclosed": Message("reporters' identities disclosed"),
    "withdrawn": Message("contents withdrawn"),
    "erased": Message("acts of erasure"),
    counts.BY_ORDER: Message("reads under inspection orders"),
    counts.BY_OPENING: Message("reads under emergency openings"),
    counts.COPIED: Message("copies handed out by permits"),
}
_NOT_COUNTED: Final[Mapping[str, Message]] = {
    "disclosed": Message("reporters' identities disclosed (not counted above ordinary)"),
    "withdrawn": Message("contents withdrawn (not counted above ordinary)"),
}
"""Acts of cases."""


class CountedByMonth(NamedTuple):
    """One kind of thing, counted by month; months without one are left out.

    Attributes:
        code: Of what.
        title: It, in words.
        months: Figures; None: not counted here.
    """

    code: str
    title: Message
    months: tuple[Cell, ...] | None


def access_by_month(
    tables: Tables, year: int, at: datetime, scope: ReadScope
) -> list[CountedByMonth]:
    """Of all of the enclave in a calendar year.

    Args:
        tables: Totals of the year.
        year: It.
        at: By which it is told how openings stand.
        scope: Of whose reads the asker is told.
    """
    found = dict(_openings(year, at)) | dict(tables.acts_by_month)
    if scope.every:
        read = enclave().access_log.counts.of_year(year)
        found |= {name: cells_of(months) for name, months in read.items()}
    above = enclave().facts.level != ORDINARY
    return [
        CountedByMonth(code, _NOT_COUNTED[code], None)
        if above and code in _NOT_COUNTED
        else CountedByMonth(code, _TITLES[code], months)
        for code, months in found.items()
    ]


def _openings(year: int, at: datetime) -> Iterator[tuple[str, tuple[Cell, ...]]]:
    """Of one table, month by how it stands: what is hidden of one is not told by the others."""
    known = enclave().queries.registries.at().registry
    lines = openings.openings(known, at, of_cases=False)
    codes = [code.lower() for code in openings.REVIEWS]
    table = cells_of(
        {
            f"{line['month']} {code}": line[code]
            for line in openings.by_month(lines)
            if line["month"].startswith(f"{year:04}-")
            for code in codes
            if line[code]
        }
    )
    for code in codes:
        ours = [cell for cell in table if cell.key.endswith(f" {code}")]
        yield code, tuple(Cell(cell.key.partition(" ")[0], cell.count) for cell in ours)
