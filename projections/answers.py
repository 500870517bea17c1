"""`Cases` of the write path, as last projected: what a guard may ask about the rest of its own log.

Every answer may be a moment old, and the guards that ask say so; nothing here judges.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Final

import orjson

from keys import canonical
from keys.errors import Malformed
from ledger.regulation.act import known_act
from ledger.regulation.cases import Report
from projections import case_file, current_file, timeline, tokens
from projections.fold import REPORTS, report_of
from projections.view import Connection

Connecting = Callable[[], AbstractContextManager[Connection]]
_REVIEW_CLOCKS: Final = ("COMPLAINT_", "REVIEW_")
_REVIEW_SUBS: Final = frozenset({"complaint", "review"})
_OVER: Final = frozenset({"STOPPED", "EXTENDED", "ENDED"})


class ProjectedCases:
    """Answers from the views.

    Args:
        connecting: Lends a connection of the reader's login, e.g. `pool.connection`.
    """

    def __init__(self, connecting: Connecting) -> None:
        self._connecting = connecting

    def state(self, stream: str) -> str | None:
        """Main state of a case, None where there is no such case."""
        with self._connecting() as connection:
            return case_file.state_of(connection, stream)

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
            return timeline.place_of(connection, entry)

    def running(self, stream: str) -> Sequence[str]:
        """Codes of open complaint, review or complaint-window clocks of a case."""
        with self._connecting() as connection:
            row = current_file.stored(connection, stream)
        if row is None:
            return ()
        body = orjson.loads(row.body)
        clocks = [
            clock["code"]
            for clock in body["clocks"]
            if clock["status"] not in _OVER
            and clock["code"].startswith(_REVIEW_CLOCKS)
            and clock["code"] != "REVIEW_MEASURE"
        ]
        open_subs = [s["name"] for s in body["open_sub_processes"] if s["name"] in _REVIEW_SUBS]
        return [*clocks, *open_subs]

    def reports(self) -> Sequence[Report]:
        """Effective StatisticsSubmitted and SituationReportSubmitted, in order of effect."""
        with self._connecting() as connection:
            rows = timeline.effective_rows(connection, sorted(REPORTS))
        return [report_of(known_act(row.members), row.index) for row in rows]

    def signers(self, stream: str) -> Sequence[str]:
        """Officers who signed an effective act of a case; empty where there is no such case."""
        with self._connecting() as connection:
            rows = timeline.stream_rows(connection, stream)
        effective = {row.act_id for row in rows if row.effect}
        found = (row.officer for row in rows if row.act_id in effective)
        return list(dict.fromkeys(officer for officer in found if officer is not None))
