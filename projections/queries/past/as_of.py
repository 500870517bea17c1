"""A case as of a moment: an index, or a time on either clock.

`recorded` is what the ledger knew at that moment, `occurred` what had happened by then as far as is
known today.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, LiteralString

from ledger.asker import asker
from ledger.errors import NotFound, Rejected
from ledger.message import Message
from ledger.ports import StoredRecord
from ledger.reads.read import Kind
from ledger.regulation.acts.act import Act, known_act
from ledger.regulation.case.other_cases_port import REPORTS, report_of
from ledger.regulation.case_file.durations import durations
from ledger.regulation.registry.registry import Registry
from ledger.streams.names import stream_id
from projections.engine import generations
from projections.fold.reports import Reports
from projections.queries.past import diff as changes
from projections.queries.past.case_at import CaseAt, folded_from, nothing
from projections.queries.past.diff import Change
from projections.queries.past.json_pointers import exists
from projections.queries.registry_as_of import RegistrySnapshot
from projections.queries.row_evidence import RowEvidence
from projections.queries.sources import Sources
from projections.queries.view_positions import folded_to
from projections.queries.visibility import PartOnly, Visibility
from projections.views import acts as timeline
from projections.views.acts import ActRow
from projections.views.base import Connection
from projections.views.case_file import RESTATED

Clock = Literal["recorded", "occurred"]
Moment = int | datetime
#: In one question, as far as the answer to it may depend on the others.
_FOOTING: Final[LiteralString] = """
SELECT (SELECT v.position FROM proj.views v WHERE v.state = 'live' AND v.view = 'acts'),
  (SELECT h.registry_index FROM log.log_head h), s.whole
FROM (VALUES (%s::uuid)) c (comp) LEFT JOIN LATERAL sec.sight(c.comp) s ON true
"""
_REPORTS: Final = sorted(REPORTS)


class BeforeCase(NotFound):
    """The case had not begun at the moment asked for."""

    code = "before_case"


class InFuture(Rejected):
    """The moment asked for has not come yet."""

    def __init__(self) -> None:
        super().__init__(
            "as_of_in_future",
            Message("The moment asked for has not come yet; choose one that has passed."),
        )


Fill = Callable[[str, Sequence[ActRow]], Sequence[ActRow]]
"""What gives rows of a stream the content that no view holds (access.md G15)."""


@dataclass(frozen=True, slots=True)
class CaseSnapshot:
    """What the views have of a case as of a moment, to be held against the log and then folded.

    Attributes:
        stream: `case/<uuid>`.
        there: Whether there is such a case.
        rows: The statements that were looked through.
        counted: Those of them that count.
        registry: The registry of that moment.
        at: The instant the case is looked at from.
        reports: Reports of article 9, where the case asks for them.
    """

    stream: str
    there: bool
    rows: Sequence[ActRow]
    counted: Sequence[ActRow]
    registry: Registry
    at: datetime
    reports: Reports

    def folded(self, acts: Mapping[str, Act]) -> CaseAt:
        """The case.

        Args:
            acts: Of its records, by id.

        Raises:
            NotFound: There is no such case.
            BeforeCase: It had not begun.
        """
        if not self.counted:
            raise BeforeCase(self.stream) if self.there else NotFound(self.stream)
        return folded_from(self.stream, self.counted, self.registry, self.at, self.reports, acts)


@dataclass(frozen=True, slots=True)
class Footing:
    """What an answer made of the statements of a stream stands on.

    Attributes:
        index: Last record folded into view `acts`.
        newest: The registry now.
        whole: Whether the asker sees no less than all of the stream, or nothing at all.
    """

    index: int
    newest: RegistrySnapshot
    whole: bool


class Past:
    """Cases as of a moment, for whoever sees all of them."""

    def __init__(self, over: Sources, visibility: Visibility) -> None:
        self._over, self._visibility = over, visibility

    def file(
        self, stream: str, moment: Moment, now: datetime, clock: Clock = "recorded"
    ) -> tuple[int, dict[str, Any]]:
        """(newest index in it, case file) as of an index or a time on either clock.

        Raises:
            NotFound: There is no such case.
            BeforeCase: It had not begun.
            InFuture: The moment has not come.
        """
        folded = self.folded(stream, moment, now, clock, "CASE_FILE")
        return folded.index, folded.file()

    def durations(
        self, stream: str, moment: Moment, now: datetime, clock: Clock = "recorded"
    ) -> tuple[int, dict[str, Any]]:
        """(newest index in it, how long each step took) as of an index or a time on either clock.

        Raises:
            NotFound: There is no such case.
            BeforeCase: It had not begun.
            InFuture: The moment has not come.
        """
        found = self.folded(stream, moment, now, clock, "CASE_FILE")
        return found.index, durations(found.stream, found.registry, found.at, found.reports)

    def diff(
        self,
        stream: str,
        old: Moment,
        new: Moment,
        now: datetime,
        clock: Clock = "recorded",
    ) -> tuple[CaseAt, CaseAt, list[Change]]:
        """Both moments and every field that differs, with the acts that touched it.

        Raises:
            NotFound: There is no such case.
            BeforeCase: It had not begun at the later moment.
            InFuture: One of the moments has not come.
        """
        later = self.folded(stream, new, now, clock)
        try:
            earlier = self.folded(stream, old, now, clock)
        except BeforeCase:
            earlier = nothing(later, old)
        return earlier, later, changes.difference(earlier, later)

    def history(
        self, stream: str, pointer: str, now: datetime, *, moment: Moment | None = None
    ) -> list[Change]:
        """Why a field says what it says.

        Every change of its value, oldest first, with act and signers.

        Raises:
            NotFound: There is no such case, or no such field; one that has no value yet is there.
        """
        folded = self.folded(stream, now if moment is None else moment, now, "recorded")
        found = changes.of_field(folded, pointer)
        if not found and not exists(folded.file(), pointer):
            raise NotFound(pointer)
        return found

    def folded(
        self, stream: str, moment: Moment, now: datetime, clock: Clock, kind: Kind = "HISTORY"
    ) -> CaseAt:
        """A case as of a moment, from the statements that the log has."""
        with self._over.connecting() as connection:
            stands = self.footing(connection, stream)
            if not stands.whole:
                raise PartOnly
            self._visibility.shows_cases(kind, [stream])
            folded = self.cut(
                connection, self._over.evidence, stream, moment, now, clock, stands=stands
            )
        self._over.rights.require(stream, (), whole=True)
        return folded

    def footing(self, connection: Connection, stream: str | None) -> Footing:
        """What an answer made of the statements of a stream stands on; None: told to nobody."""
        if stream is None or asker() is None:
            newest = self._over.registries.newest(connection)
            return Footing(folded_to(connection, ("acts",)), newest, whole=True)
        comp = stream_id(self._over.origin, stream)
        ((index, registry, whole),) = connection.execute(_FOOTING, [comp]).fetchall()
        return Footing(
            -1 if index is None else index,
            self._over.registries.reaching(-1 if registry is None else registry),
            whole is not False,
        )

    def standing(
        self, connection: Connection, stream: str, now: datetime, stands: Footing
    ) -> CaseAt:
        """A case as it stands, from what the log has."""
        evidence = self._over.evidence
        rows = evidence.fill_stream(stream, timeline.stream_rows(connection, stream))
        reports = reports_for(connection, rows)
        found = CaseSnapshot(stream, bool(rows), rows, rows, stands.newest.registry, now, reports)
        return found.folded(
            evidence.hold_stream(stream, rows, lambda one: one.index <= stands.index)
        )

    def cut(  # noqa: PLR0913 - a question, its parts named
        self,
        connection: Connection,
        evidence: RowEvidence,
        stream: str,
        moment: Moment,
        now: datetime,
        clock: Clock,
        *,
        stands: Footing,
    ) -> CaseAt:
        """A case as of a moment, whoever sees it, by these records.

        Raises:
            NotFound: There is no such case.
            BeforeCase: It had not begun.
            InFuture: The moment has not come.
        """
        fill, index = evidence.fill_stream, stands.index
        cut = self._snapshot(
            connection, stream, moment, now, clock, newest=stands.newest, fill=fill
        )

        def due(one: StoredRecord) -> bool:
            if isinstance(moment, int):
                return one.index <= min(moment, index)
            return one.index <= index and (clock == "occurred" or one.recorded_at <= moment)

        return cut.folded(evidence.hold_stream(stream, cut.rows, due))

    def _snapshot(  # noqa: PLR0913 - a question, its parts named
        self,
        connection: Connection,
        stream: str,
        moment: Moment,
        now: datetime,
        clock: Clock,
        *,
        newest: RegistrySnapshot,
        fill: Fill,
    ) -> CaseSnapshot:
        """What the views have of a case as of a moment.

        Raises:
            NotFound: There is no such case, at a moment that has not come.
            InFuture: The moment has not come.
        """
        if isinstance(moment, int):
            at = _looked_at(connection, stream, moment)
        else:
            at = moment if moment <= now else None
        if at is None:
            raise InFuture if _is_there(connection, stream) else NotFound(stream)
        if clock == "occurred" and not isinstance(moment, int):
            return _happened(connection, newest, stream, moment, fill)
        if isinstance(moment, int):
            index: int | None = moment
            known = self._over.registries.then(newest, moment)
        else:
            index = timeline.index_at(connection, stream, moment)
            known = self._over.registries.then(newest, newest.index_at(moment))
        rows: Sequence[ActRow] = (
            [] if index is None else timeline.stream_rows(connection, stream, upto=index)
        )
        rows = fill(stream, rows)
        reports = reports_for(connection, rows, lambda report: _by(report, moment))
        there = bool(rows) or _is_there(connection, stream)
        return CaseSnapshot(stream, there, rows, rows, known.registry, at, reports)


def _looked_at(connection: Connection, stream: str, index: int) -> datetime | None:
    """The instant from which a case is looked at as of an index; None: it has not come.

    That of its record; where the asker does not see that one, of the newest record of the case
    before it: a time would say when others were at work (access.md N8).
    """
    at = timeline.recorded_at(connection, index)
    if at is not None or index > generations.live_position(connection, timeline.NAME):
        return at
    return timeline.recorded_by(connection, stream, index) or datetime.min.replace(tzinfo=UTC)


def _is_there(connection: Connection, stream: str) -> bool:
    return bool(timeline.stream_rows(connection, stream, limit=1))


def _by(report: ActRow, moment: Moment) -> bool:
    """Whether a report was recorded by then."""
    return report.index <= moment if isinstance(moment, int) else report.recorded_at <= moment


def reports_for(
    connection: Connection,
    rows: Sequence[ActRow],
    known: Callable[[ActRow], bool] = lambda _: True,
) -> Reports:
    """Reports of article 9 that were known at a moment, for a case that asks for them.

    Only one with STATISTICS_RESTATED does: a report that counted it is what raised the flag.
    """
    if not any(RESTATED in row.flags for row in rows):
        return Reports()
    found = timeline.effective_rows(connection, _REPORTS)
    return Reports([report_of(known_act(row.members), row.index) for row in found if known(row)])


def _happened(
    connection: Connection, newest: RegistrySnapshot, stream: str, moment: datetime, fill: Fill
) -> CaseSnapshot:
    """What had happened by then, by everything that is known now; late entries count."""

    def happened(row: ActRow) -> bool:
        return row.occurred_at is None or row.occurred_at <= moment

    rows = fill(stream, timeline.stream_rows(connection, stream))
    counted = [row for row in rows if happened(row)]
    if all(row.occurred_at is None for row in counted):
        counted = []
    reports = reports_for(connection, counted, happened)
    return CaseSnapshot(stream, bool(rows), rows, counted, newest.registry, moment, reports)
