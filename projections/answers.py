"""`Cases` of the write path, as last projected: what a guard may ask about the rest of its own log.

Every answer may be a moment old, and the guards that ask say so; nothing here judges. What lets an
act pass is not taken from a row that whoever may write views could have made up: a case is folded
from statements that the log has. Sealed tokens and reports are found by the views alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

from keys import canonical
from keys.errors import Malformed
from ledger.regulation.act import known_act
from ledger.regulation.cases import REPORTS, Report, report_of
from ledger.regulation.registry import Registry
from ledger.regulation.reviews import open_reviews, signers
from projections import generations, timeline, tokens
from projections.evidence import Evidence
from projections.fold import Reports
from projections.folded import Folded, folded_from
from projections.view import Connection

Connecting = Callable[[], AbstractContextManager[Connection]]


class ProjectedCases:
    """Answers from the views.

    Args:
        connecting: Lends a connection of the reader's login, e.g. `pool.connection`.
        evidence: The records that rows are held against.
        registry: The registry as the process knows it.
    """

    def __init__(
        self, connecting: Connecting, evidence: Evidence, registry: Callable[[], Registry]
    ) -> None:
        self._connecting = connecting
        self._evidence = evidence
        self._registry = registry

    def state(self, stream: str) -> str | None:
        """Main state of a case, None where there is no such case."""
        folded = self._folded(stream)
        return None if folded is None else folded.stream.state

    def token_elsewhere(self, token: str, stream: str) -> bool:
        """Whether the sealed token stands in another case."""
        with self._connecting() as connection:
            return tokens.elsewhere(connection, token, stream)

    def record(self, index_or_entry: str) -> tuple[int, str] | None:
        """(index, stream) of a record named by its b64 entry digest; None where there is none."""
        try:
            entry = canonical.unb64(index_or_entry)
        except Malformed:
            return None
        with self._connecting() as connection:
            found = timeline.place_of(connection, entry)
        if found is not None:
            self._evidence.hold_place(*found, entry)
        return found

    def running(self, stream: str, at: datetime) -> Sequence[str]:
        """Codes of open complaint, review or complaint-window clocks of a case at an instant."""
        folded = self._folded(stream, at)
        if folded is None:
            return ()
        return open_reviews(folded.stream, folded.registry, at)

    def reports(self) -> Sequence[Report]:
        """Effective StatisticsSubmitted and SituationReportSubmitted, in order of effect."""
        with self._connecting() as connection:
            rows = timeline.effective_rows(connection, sorted(REPORTS))
        return [report_of(known_act(row.members), row.index) for row in rows]

    def signers(self, stream: str) -> Sequence[str]:
        """Officers who signed an effective act of a case; empty where there is no such case."""
        folded = self._folded(stream)
        return [] if folded is None else signers(folded.stream)

    def _folded(self, stream: str, at: datetime | None = None) -> Folded | None:
        """A case at an instant, else right after its newest statement; None where there is none."""
        with self._connecting() as connection:
            position = generations.live_position(connection, timeline.NAME)
            rows = timeline.stream_rows(connection, stream)
        acts = self._evidence.hold_stream(stream, rows, lambda one: one.index <= position)
        if not rows:
            return None
        at = at or rows[-1].recorded_at
        return folded_from(stream, rows, self._registry(), at, Reports(), acts)
