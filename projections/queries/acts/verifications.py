"""Streams with every statement judged, by its key and by the rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ledger.errors import NotFound
from ledger.reads.shown import shows_nothing
from projections.queries import limits
from projections.queries.acts.shown_acts import ShownActs
from projections.queries.signature_verdicts import Verification, verified
from projections.queries.sources import Sources
from projections.queries.visibility import PartOnly, Visibility
from projections.views import acts as timeline


class Verifications:
    """The verdict on all of a stream, and up to where an agency has signed off what it checked."""

    def __init__(self, over: Sources, visibility: Visibility, acts: ShownActs) -> None:
        self._over, self._visibility, self._acts = over, visibility, acts

    def of(self, stream: str) -> tuple[int, Verification]:
        """(index, every statement of a stream by its key and by the rules, and one outcome).

        Raises:
            NotFound: There is no such stream.
        """
        with self._over.connecting() as connection:
            self._visibility.refuse_part(connection, stream)
            index, judged_rows = self._acts.of(stream)
        found = self._over.judge.judged(stream)
        told = [
            one if (aside := found.get(one.row.index)) is None else one.against(aside)
            for one in judged_rows
        ]
        return index, verified(stream, told)

    def of_each(self, streams: Iterable[str]) -> Iterator[Verification]:
        """The same for many, one after the other.

        A stream that is not there is left out, and so is one of which the asker sees a part.

        Raises:
            TooMuch: They have too many statements together.
        """
        judged_so_far = 0
        shows_nothing()
        for stream in streams:
            limits.within(judged_so_far, limits.JUDGED)
            try:
                found = self.of(stream)[1]
            except (NotFound, PartOnly):
                continue
            yield found
            judged_so_far += len(found.statements)

    def signed_off(self, agency: str) -> int:
        """The last record that an agency has signed off with all before it; -1: none."""
        stream = f"agency/{agency}"  # by its own acts: nobody else signs off for it
        with self._over.connecting() as connection:
            rows = timeline.signed_off(connection, stream)
            rows = self._over.evidence.fill_stream(stream, rows)
        facts = [row.members["facts"] for row in rows if row.agency == agency]
        return max((one["checked_to"] for one in facts if one["scope"] == "LOG"), default=-1)
