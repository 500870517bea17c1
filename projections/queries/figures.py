"""Counts of the cases that whoever asks sees, and of all of them."""

from __future__ import annotations

from datetime import date, datetime

from ledger.errors import Rejected
from ledger.message import Message
from ledger.reads.shown import shows_figures, shows_totals
from ledger.regulation.case.counted_reports import SMALLEST
from projections.queries.sources import Sources
from projections.queries.view_positions import folded_to
from projections.views.statistics import view


class SeenOnly(Rejected):
    """The asker is told figures of the cases they see, and no totals (access.md A27)."""

    def __init__(self) -> None:
        super().__init__(
            "seen_only",
            Message(
                "You are shown figures of the cases that you see; those of all cases are for the"
                " lead, the committee of the province and its overseers."
            ),
        )


class Figures:
    """Counts over a span of days, and of a year."""

    def __init__(self, over: Sources) -> None:
        self._over = over

    def statistics(
        self,
        start: date,
        end: date,
        at: datetime,
        *,
        agency: str | None = None,
        smallest: int = SMALLEST,
        old_days: int = view.OLD_CASE_DAYS,
    ) -> tuple[int, view.Tables]:
        """(index, tables) of what the asker sees; arguments as of `statistics.tables`."""
        with self._over.connecting() as connection:
            index = folded_to(connection, ("statistics", "audience"))
            shows_figures()
            return index, view.tables(
                connection, start, end, at, agency=agency, smallest=smallest, old_days=old_days
            )

    def tells_totals(self) -> bool:
        """Whether the asker is told totals of all cases."""
        with self._over.connecting() as connection:
            return view.tells_totals(connection)

    def totals(self, year: int) -> tuple[int, view.Tables]:
        """(index, tables) of all cases over one calendar year.

        Raises:
            SeenOnly: The asker is told none.
        """
        with self._over.connecting() as connection:
            index = folded_to(connection, ("statistics", "acts"))
            found = view.totals(connection, year)
        if found is None:
            raise SeenOnly
        shows_totals(str(year))
        return index, found
