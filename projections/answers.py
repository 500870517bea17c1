"""What a guard may ask about the rest of its own log: `OtherCases` of the write path.

What lets an act pass is not taken from a row that whoever may write views could have made up, nor
from one that is a moment old: a case is folded from its records, a token is looked up where the
append notes it. The place of a record and older reports are found by the views. Each answer is kept
with how far it knew the log, so that the append refuses an act that was judged by what has moved
since.
Nothing here judges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

from keys import canonical
from keys.errors import Malformed
from ledger.ports import Grounds
from ledger.regulation.act import known_act
from ledger.regulation.cases import REPORTS, Report, report_of, state_told
from ledger.regulation.registry import Registry
from ledger.regulation.reviews import open_reviews, signers
from ledger.regulation.stream import StreamState
from projections import timeline
from projections.evidence import Evidence
from projections.view import Connection

Connecting = Callable[[], AbstractContextManager[Connection]]


class LogCases:
    """The other cases of one log.

    Args:
        connecting: Lends a connection of the reader's login, e.g. `pool.connection`.
        evidence: The records, by the writer's login.
        registry: The registry as the process knows it.
    """

    def __init__(
        self, connecting: Connecting, evidence: Evidence, registry: Callable[[], Registry]
    ) -> None:
        self._connecting = connecting
        self._evidence = evidence
        self._registry = registry

    def asking(self) -> CasesAsked:
        """Begins a judgement."""
        return CasesAsked(self._connecting, self._evidence, self._registry)


class CasesAsked:
    """Answers for one judgement; see `LogCases` for the arguments."""

    def __init__(
        self, connecting: Connecting, evidence: Evidence, registry: Callable[[], Registry]
    ) -> None:
        self._connecting = connecting
        self._evidence = evidence
        self._registry = registry
        self._streams: dict[str, StreamState] = {}
        self._reports: tuple[int, Sequence[Report]] | None = None

    @property
    def grounds(self) -> Grounds:
        """What was told so far, and from where."""
        return Grounds(
            streams={name: state.seq for name, state in self._streams.items()},
            programmes=None if self._reports is None else self._reports[0],
        )

    def state(self, stream: str) -> str | None:
        """Main state of a case as `state_told`, None where there is no such case."""
        return state_told(self._folded(stream))

    def token_elsewhere(self, token: str, stream: str) -> bool:
        """Whether the sealed token stands in another case; the append asks again of each."""
        return self._evidence.token_elsewhere(token, stream)

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
        return open_reviews(self._folded(stream), self._registry(), at)

    def reports(self) -> Sequence[Report]:
        """Effective StatisticsSubmitted and SituationReportSubmitted, in order of effect.

        By the view as far as that has come, behind it by the streams of programmes themselves.
        """
        if self._reports is None:
            with self._connecting() as connection:
                seen, last = timeline.reach(connection)
                rows = timeline.effective_rows(connection, sorted(REPORTS))
                moved = timeline.programmes_between(connection, seen, last)
            known = [report_of(known_act(r.members), r.index) for r in rows if r.index <= seen]
            late = [report for name in moved for report in self._reports_of(name, seen)]
            late.sort(key=lambda report: report.index)
            self._reports = last, [*known, *late]
        return self._reports[1]

    def _reports_of(self, programme: str, after: int) -> Iterator[Report]:
        for entry in self._folded(programme).effective(*REPORTS):
            index = None if entry.effect is None else entry.effect.index
            if index is not None and index > after:
                yield report_of(entry.act, index)

    def signers(self, stream: str) -> Sequence[str]:
        """Officers who signed an effective act of a case; empty where there is no such case."""
        return signers(self._folded(stream))

    def _folded(self, stream: str) -> StreamState:
        """A case right after its newest record; empty where there is none."""
        state = self._streams.get(stream)
        if state is None:
            with self._connecting() as connection:
                erased = timeline.erasures(connection, stream)
            state = self._streams[stream] = self._evidence.fold(stream, erased)
        return state
