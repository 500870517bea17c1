"""What a guard may ask about the rest of its own log: `OtherCases` of the write path.

What lets an act pass is not taken from a row that whoever may write views could have made up, nor
from one that is a moment old: cases and programmes are folded from their records, a record is
looked up at its index, a token where the append notes it.
Each answer is kept with how far it knew the log, so that the append refuses an act that was judged
by what has moved since.
Nothing here judges.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final

from ledger.ports import Grounds, Sight
from ledger.regulation.acts.act import ORDINARY, Act
from ledger.regulation.case.exclusions import is_about
from ledger.regulation.case.other_cases_port import (
    REPORTS,
    UNTOLD,
    CountedReport,
    report_of,
    state_told,
)
from ledger.regulation.case.registers import Number, Register, kept_by, register_of
from ledger.regulation.case.reviews import open_reviews, signers
from ledger.regulation.case.state import ERASURE, StreamState
from ledger.regulation.participation.reach import takes_part
from ledger.regulation.participation.viewpoint import Viewpoint
from ledger.regulation.registry.registry import Registry
from ledger.streams.names import is_case
from projections.engine.generations import live_position
from projections.queries.row_evidence import RowEvidence
from projections.views import acts
from projections.views.base import Connection

_MOST_BEHIND: Final = 2_000
"""Records behind which a view may be for a number to be told at once: a few tenths of a second."""
Connecting = Callable[[], AbstractContextManager[Connection]]


class LogCases:
    """The other cases of one log.

    Args:
        connecting: Lends a connection of the writer's login, e.g. `pool.connection`.
        evidence: The records, by the same.
        registry: The registry as the process knows it.
    """

    def __init__(
        self, connecting: Connecting, evidence: RowEvidence, registry: Callable[[], Registry]
    ) -> None:
        self._connecting = connecting
        self._evidence = evidence
        self._registry = registry
        self._programmes = Programmes(evidence)

    def forget(self) -> None:
        """Lets go of the reports it keeps."""
        self._programmes.forget()

    def number(self, act: Act, index: int, recorded_at: datetime) -> str | None:
        """The number that the log gives an act in its register; None: none, or not known yet.

        By the view as far as it has come, and from there by the records, each judged.
        """
        register = register_of(act, recorded_at)
        if register is None:
            return None
        with self._connecting() as connection:
            reached = live_position(connection, acts.NAME)
            given = acts.given(connection, index)
            if given is None and reached < index - _MOST_BEHIND:
                return None
            if given is None:
                given = self._entered(connection, register, min(reached, index))
                given += self._evidence.entered(register, reached + 1, index)
        return str(Number(register, given)) if given else None

    def _entered(self, connection: Connection, register: Register, upto: int) -> int:
        """How many are entered in a register up to an index, by the view."""
        if self._evidence.level == ORDINARY:
            return acts.last_given(connection, register, upto)
        kept = {
            at: found
            for row in acts.effective_rows(connection, [ERASURE])
            if (act := acts.act_of(row)) is not None
            for at, found in kept_by(act)
        }
        rows = (at for at, _ in acts.registered(connection, upto))
        return sum((kept.get(at) or self._evidence.register(at)) == register for at in rows)

    def asking(
        self, seen: Callable[[str], Sight] | None = None, *, presuming: bool = False
    ) -> CasesAsked:
        """Begins a judgement, for whoever sees of cases what `seen` says; None: everything."""
        return CasesAsked(
            self._connecting, self._evidence, self._registry, self._programmes, seen,
            presuming=presuming,
        )  # fmt: skip


class Programmes:
    """The reports of each programme, folded again only where its stream has moved."""

    def __init__(self, evidence: RowEvidence) -> None:
        self._evidence = evidence
        self._known: dict[str, tuple[int, Mapping[int, str], Sequence[CountedReport]]] = {}

    def forget(self) -> None:
        """Lets go of what it knows."""
        self._known = {}

    def reports(self, name: str, newest: int, erased: Mapping[int, str]) -> Sequence[CountedReport]:
        """Effective reports of one programme.

        Args:
            name: Its stream.
            newest: Index of the newest record there.
            erased: Indices that a view says are erased, each with the act that erased it.
        """
        known = self._known.get(name)
        if known is None or known[:2] != (newest, erased):
            state = self._evidence.fold(name, erased)
            told = [
                report_of(entry.act, entry.effect.index)
                for entry in state.effective(*REPORTS)
                if entry.effect is not None and entry.effect.index is not None
            ]
            known = self._known[name] = newest, erased, told
        return known[2]


class CasesAsked:
    """Answers for one judgement; see `LogCases` for the arguments.

    Attributes:
        presumed: Whether a token was presumed to stand nowhere else.
    """

    def __init__(
        self,
        connecting: Connecting,
        evidence: RowEvidence,
        registry: Callable[[], Registry],
        programmes: Programmes,
        seen: Callable[[str], Sight] | None,
        *,
        presuming: bool,
    ) -> None:
        self.presumed = False
        self._presuming = presuming
        self._connecting = connecting
        self._evidence = evidence
        self._registry = registry
        self._programmes = programmes
        self._seen = seen
        self._streams: dict[str, StreamState] = {}
        self._reports: tuple[int, Sequence[CountedReport]] | None = None

    @property
    def grounds(self) -> Grounds:
        """What was told so far, and from where."""
        return Grounds(
            streams={name: state.seq for name, state in self._streams.items()},
            programmes=None if self._reports is None else self._reports[0],
        )

    def state(self, stream: str) -> str | None:
        """Main state of a case as `state_told`, None where there is none that the author sees.

        Nothing can stand on that: it is not among the grounds. Whoever sees a part of it is told
        of its state here as little as there.
        """
        sight = self._of(stream)
        if sight == "part":
            return UNTOLD
        return state_told(self._folded(stream)) if sight == "whole" else None

    def token_elsewhere(self, token: str, stream: str) -> bool:
        """Whether the sealed token stands in another case; the append asks again of each."""
        if self._presuming:
            self.presumed = True
            return False
        return self._evidence.token_elsewhere(token, stream)

    def record(self, index: int, entry: str) -> str | None:
        """The stream of the record at an index; None where its entry is not this one (b64)."""
        return self._evidence.record(index, entry)

    def changes_registry(self, index: int) -> bool:
        """Whether a record says that the registry changed by it."""
        return self._evidence.changes_registry(index)

    def running(self, stream: str, at: datetime) -> Sequence[str]:
        """Codes of open complaint, review or complaint-window clocks of a case at an instant."""
        return open_reviews(self._folded(stream), self._registry(), at)

    def reports(self) -> Sequence[CountedReport]:
        """Effective StatisticsSubmitted and SituationReportSubmitted, in order of effect."""
        if self._reports is None:
            with self._connecting() as connection:
                last, programmes = acts.programmes(connection)
                erased = {name: acts.erasures(connection, name) for name in programmes}
            told = [
                report
                for name, newest in programmes.items()
                for report in self._programmes.reports(name, newest, erased[name])
            ]
            told.sort(key=lambda report: report.index)
            self._reports = last, told
        return self._reports[1]

    def signers(self, stream: str) -> Sequence[str]:
        """Officers who signed an effective act of a case; empty where there is no such case."""
        return signers(self._folded(stream))

    def is_about(self, stream: str, named: Sequence[str]) -> bool:
        """Whether reports of a case that the author sees all of name these as whom it is about."""
        return self._of(stream) == "whole" and is_about(self._folded(stream), named)

    def takes_part(self, stream: str, officer: str, at: datetime, level: str) -> bool:
        """Whether an officer sees all of a case, by no order and no opening."""
        return takes_part(officer, Viewpoint(self._folded(stream), self._registry(), at, level))

    def _of(self, stream: str) -> Sight:
        """How much the author sees of it."""
        return self._seen(stream) if self._seen is not None and is_case(stream) else "whole"

    def _folded(self, stream: str) -> StreamState:
        """A case right after its newest record; empty where there is none."""
        state = self._streams.get(stream)
        if state is None:
            with self._connecting() as connection:
                erased = acts.erasures(connection, stream)
            state = self._streams[stream] = self._evidence.fold(stream, erased)
        return state
