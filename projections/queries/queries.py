"""Everything that is asked of the views of one enclave, each question over a connection of its own.

What an answer means stands with its noun: the file as it stands, the past, what changed, verdicts.
Who may ask is not decided here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime
from functools import partial
from time import monotonic, sleep
from typing import Any, Final, LiteralString
from uuid import UUID

import orjson

from ledger.errors import NotFound
from ledger.ports import StoredRecord
from ledger.regulation.case.state import present_agency
from ledger.regulation.participation.viewpoint import Viewpoint
from ledger.regulation.registry.calendar import local_day
from ledger.write.registry_follower import RegistryFollower
from projections.engine import generations
from projections.engine.generations import ViewState
from projections.queries import (
    as_of,
    case_list_snapshot,
    cloud_events,
    limits,
    stored_case_file,
)
from projections.queries import (
    diff as changes,
)
from projections.queries.as_of import BeforeCase, Clock, Moment
from projections.queries.case_at import CaseAt, folded_from, nothing
from projections.queries.diff import Change
from projections.queries.guard_lookups import Connecting
from projections.queries.json_pointers import exists
from projections.queries.participants import participants
from projections.queries.registry_as_of import RegistryReader, RegistrySnapshot
from projections.queries.row_evidence import RowEvidence
from projections.queries.signature_verdicts import StatementVerdict, Verification, judged, verified
from projections.views import acts as timeline
from projections.views import case_file, worklist
from projections.views.base import Connection
from projections.views.case_file import CaseLine, Filter
from projections.views.statistics import view
from projections.views.statistics.hidden_cells import SMALLEST
from projections.views.worklist import Tasks

_STEP_S: Final = 0.01
_MOST_STEP_S: Final = 0.1
_ONE_STATE: Final[LiteralString] = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_INDEX: Final[LiteralString] = """
SELECT coalesce(min(position), -1) FROM proj.views WHERE state = 'live' AND view = ANY (%s)
"""
_SUPERVISOR: Final = "SUPERVISOR"
_LAST: Final[LiteralString] = "SELECT size - 1 FROM log.log_head"


class Queries:
    """Every reading of the views, for one enclave.

    Args:
        connecting: Lends a connection of the reader's login, e.g. `pool.connection`.
        origin: Origin of the log.
        standing: Follows the registry. What it reads by is lent no connection of `connecting`,
            since it may be asked while one is held.
        evidence: The records that rows of views are held against.
    """

    def __init__(
        self,
        connecting: Connecting,
        *,
        origin: str,
        standing: RegistryFollower,
        evidence: RowEvidence,
    ) -> None:
        self._connecting = connecting
        self._origin = origin
        self._registries = RegistryReader(standing)
        self._evidence = evidence

    # -- how far -------------------------------------------------------------------------------

    def status(self) -> list[ViewState]:
        """Every generation of every view."""
        with self._connecting() as connection:
            return generations.states(connection)

    def altered(self) -> list[str]:
        """Tables of the views that are not the plain ones this program makes."""
        with self._connecting() as connection:
            return generations.altered(connection)

    def set_aside(self) -> timeline.Unvoided:
        """Records that are set aside and not voided: how many, and the first of them."""
        with self._connecting() as connection:
            return timeline.unvoided(connection)

    def index(self, *views: str) -> int:
        """Last record folded into all of these views; of the log itself, where none is named."""
        with self._connecting() as connection:
            return _index(connection, views)

    def wait(self, index: int, timeout_s: float, *views: str) -> int:
        """Waits until a record is folded; the position reached, which may be short of it."""
        end, step = monotonic() + timeout_s, _STEP_S
        while True:
            reached = self.index(*views)
            if reached >= index or monotonic() >= end:
                return reached
            sleep(min(step, max(0.0, end - monotonic())))
            step = min(2 * step, _MOST_STEP_S)

    # -- cases ---------------------------------------------------------------------------------

    def cases(
        self,
        wanted: Filter,
        *,
        limit: int,
        after: tuple[Any, str] | None = None,
        snapshot: int | None = None,
    ) -> tuple[int, list[CaseLine]]:
        """(snapshot index, lines) of one page of the case list; a later page is of its snapshot."""
        then: list[dict[str, Any]] = []
        with self._connecting() as connection, connection.transaction():
            connection.execute(_ONE_STATE)
            if snapshot is None:
                index = _index(connection, ("case_file",))
            else:
                index = snapshot
                then = case_list_snapshot.then(connection, self._registries, snapshot)
            lines = case_file.listed(
                connection, wanted, limit=limit, after=after, snapshot=index, then=then
            )
        return index, lines

    def case(self, stream: str, at: datetime) -> tuple[int, str]:
        """(index, JSON text of the case file) of a case as it stands at `at`, which is now.

        Raises:
            NotFound: There is no such case.
        """
        with self._connecting() as connection:
            row = stored_case_file.stored(connection, stream)
            if row is None:
                raise NotFound(stream)
            known = self._registries.newest(connection, row.registry)
            if row.right(at, known):
                return row.position, row.body
            rows = timeline.stream_rows(connection, stream, upto=row.last_index)
            reports = as_of.reports_for(connection, rows)
        folded = folded_from(stream, rows, known.registry, at, reports)
        return row.position, orjson.dumps(folded.file()).decode()

    def case_as_of(
        self, stream: str, moment: Moment, now: datetime, clock: Clock = "recorded"
    ) -> tuple[int, dict[str, Any]]:
        """(newest index in it, case file) as of an index or a time on either clock.

        Raises:
            NotFound: There is no such case.
            BeforeCase: It had not begun.
            InFuture: The moment has not come.
        """
        folded = self._as_of(stream, moment, now, clock)
        return folded.index, folded.file()

    def participants(
        self, stream: str, moment: Moment, now: datetime, level: str
    ) -> tuple[int, dict[str, Any]]:
        """(newest index in it, who takes part in a case) as of an index or a recorded time.

        Raises:
            NotFound: There is no such case.
            BeforeCase: It had not begun.
            InFuture: The moment has not come.
        """
        folded = self._as_of(stream, moment, now, "recorded")

        def handler_of(other: str) -> str | None:
            try:
                found = self._as_of(other, moment, now, "recorded")
            except NotFound:
                return None
            return found.stream.handler(found.registry, local_day(folded.at))

        case = Viewpoint(folded.stream, folded.registry, folded.at, level, handler_of)
        return folded.index, participants(case)

    def _as_of(self, stream: str, moment: Moment, now: datetime, clock: Clock) -> CaseAt:
        """A case as of a moment, from the statements that the log has."""
        with self._connecting() as connection:
            index = _index(connection, ("acts",))
            cut = as_of.cut(connection, self._registries, stream, moment, now, clock)

        def due(one: StoredRecord) -> bool:
            if isinstance(moment, int):
                return one.index <= min(moment, index)
            return one.index <= index and (clock == "occurred" or one.recorded_at <= moment)

        return cut.folded(self._evidence.hold_stream(stream, cut.rows, due))

    def acts(self, stream: str) -> tuple[int, list[StatementVerdict]]:
        """(index, statements with verdicts) of a stream in order.

        Raises:
            NotFound: There is no such stream.
        """
        with self._connecting() as connection:
            index = _index(connection, ("acts",))
            rows = timeline.stream_rows(connection, stream)
            known = self._registries.newest(connection)
        self._evidence.hold_stream(stream, rows, lambda one: one.index <= index)
        if not rows:
            raise NotFound(stream)
        return index, [judged(row, known.registry, now=None) for row in rows]

    def act(self, act_id: str) -> list[StatementVerdict]:
        """Every statement of one act.

        Raises:
            NotFound: There is no such act.
        """
        if not _is_uuid(act_id):
            raise NotFound(act_id)
        with self._connecting() as connection:
            index = _index(connection, ("acts",))
            rows = timeline.act_rows(connection, act_id)
            known = self._registries.newest(connection)
        self._evidence.hold_act(act_id, rows, lambda one: one.index <= index)
        if not rows:
            raise NotFound(act_id)
        return [judged(row, known.registry, now=None) for row in rows]

    # -- what changed, and why -----------------------------------------------------------------

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
        later = self._as_of(stream, new, now, clock)
        try:
            earlier = self._as_of(stream, old, now, clock)
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
        folded = self._as_of(stream, now if moment is None else moment, now, "recorded")
        found = changes.of_field(folded, pointer)
        if not found and not exists(folded.file(), pointer):
            raise NotFound(pointer)
        return found

    # -- verification --------------------------------------------------------------------------

    def verification(self, stream: str) -> tuple[int, Verification]:
        """(index, every statement of a stream by its key and by the rules, and one outcome).

        Raises:
            NotFound: There is no such stream.
        """
        index, judged_rows = self.acts(stream)
        found = self._evidence.judged(stream)
        told = [
            one if (aside := found.get(one.row.index)) is None else one.against(aside)
            for one in judged_rows
        ]
        return index, verified(stream, told)

    def verifications(self, streams: Iterable[str]) -> Iterator[Verification]:
        """The same for many, one after the other; a stream that is not there is left out.

        Raises:
            TooMuch: They have too many statements together.
        """
        judged_so_far = 0
        for stream in streams:
            limits.within(judged_so_far, limits.JUDGED)
            try:
                found = self.verification(stream)[1]
            except NotFound:
                continue
            yield found
            judged_so_far += len(found.statements)

    # -- registry ------------------------------------------------------------------------------

    def registry(self, moment: Moment | None = None) -> RegistrySnapshot:
        """The registry now, or as the log stood at an index or a recorded time."""
        with self._connecting() as connection:
            if moment is None:
                return self._registries.newest(connection)
            if isinstance(moment, datetime):
                moment = self._registries.index_at(connection, moment)
            return self._registries.as_of(connection, moment)

    # -- work, counts, feed --------------------------------------------------------------------

    def supervised(self, officer: str, at: datetime) -> list[str]:
        """Agencies in which an officer holds a post that supervises, at `at`."""
        day = local_day(at)
        with self._connecting() as connection:
            registry = self._registries.newest(connection).registry
        held = registry.appointments(officer, day)
        return sorted(
            {
                one.agency
                for one in held
                if registry.holds_code(_SUPERVISOR, one.agency, one.post, officer, day)
            }
        )

    def worklist(
        self, officer: str, at: datetime, *, team: Collection[str] = ()
    ) -> tuple[int, Tasks]:
        """(index, what waits for an officer and for the agencies the officer acts for at `at`).

        Args:
            officer: Officer id.
            at: Who the officer is, and how late a task is, is judged by this instant.
            team: Agencies of which the other officers' work is asked for too.
        """
        day = local_day(at)
        with self._connecting() as connection:
            index = _index(connection, ("worklist",))
            known = self._registries.newest(connection)
            mine = {a.agency for a in known.registry.appointments(officer, day)}

            def is_one_of(agencies: Collection[str], agency: str) -> bool:
                heir = present_agency(known.registry, agency, day)
                return agency in agencies or heir in agencies

            carries, exists = partial(is_one_of, mine), partial(is_one_of, team)
            return index, worklist.worklist(connection, officer, carries, exists, at)

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
        """(index, tables); arguments as of `statistics.tables`."""
        with self._connecting() as connection:
            index = _index(connection, ("statistics",))
            return index, view.tables(
                connection, start, end, at, agency=agency, smallest=smallest, old_days=old_days
            )

    def feed(self, after: int, limit: int) -> tuple[int, list[dict[str, Any]]]:
        """(index, CloudEvents behind an index)."""
        with self._connecting() as connection:
            index = _index(connection, ("acts",))
            rows = timeline.rows_after(connection, after, limit)
        self._evidence.hold_span(after + 1, limit, rows, lambda one: one.index <= index)
        return index, cloud_events.events(rows, self._origin)


def _index(connection: Connection, views: Iterable[str]) -> int:
    named = list(views)
    asked = connection.execute(_INDEX, [named]) if named else connection.execute(_LAST)
    row = asked.fetchone()
    return -1 if row is None else int(row[0])


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
