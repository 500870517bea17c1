"""One case as it stands, and who takes part in it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import orjson

from ledger.errors import NotFound
from ledger.reads.shown import shows_under
from ledger.regulation.acts.act import ORDINARY
from ledger.regulation.case.documents import Document, documents
from ledger.regulation.case.state import StreamState
from ledger.regulation.participation.units import own_part
from ledger.regulation.participation.viewpoint import Viewpoint
from ledger.regulation.registry.calendar import local_day
from ledger.streams.names import is_case, stream_id
from projections.fold.reports import Reports
from projections.queries import limits
from projections.queries.acts.shown_acts import ShownActs
from projections.queries.acts.told_act import CaseInFull, in_full
from projections.queries.acts.verifications import Verifications
from projections.queries.cases import stored_case_file
from projections.queries.cases.participants import participants
from projections.queries.cases.stored_case_file import CurrentFile
from projections.queries.past import as_of
from projections.queries.past.as_of import Moment, Past
from projections.queries.past.case_at import folded_from
from projections.queries.signature_verdicts import StatementVerdict
from projections.queries.sources import Sources
from projections.queries.visibility import PartOnly, Visibility
from projections.views import acts as timeline


class OneCase:
    """What is asked of one case as it stands."""

    def __init__(
        self,
        over: Sources,
        visibility: Visibility,
        past: Past,
        acts: ShownActs,
        verifications: Verifications,
    ) -> None:
        self._over = over
        self._visibility = visibility
        self._past = past
        self._acts = acts
        self._verifications = verifications

    def file(self, stream: str, at: datetime) -> tuple[int, bytes]:
        """(index, JSON of the case file) of a case as it stands at `at`, which is now.

        Raises:
            NotFound: There is no such case.
        """
        kept = self._kept(stream, at)
        if kept is not None:
            return kept.position, kept.body
        with self._over.connecting() as connection:
            row = stored_case_file.stored(connection, stream)
            if row is None:
                self._visibility.refuse_part(connection, stream)
                raise NotFound(stream)
            self._visibility.shows_cases("CASE_FILE", [stream])
            known = self._over.registries.reaching(row.registry)
            if row.right(at, known):
                return row.position, row.body
            stored = timeline.stream_rows(connection, stream, upto=row.last_index)
            rows = self._over.evidence.fill_stream(stream, stored)
            reports = as_of.reports_for(connection, rows)
        folded = folded_from(stream, rows, known.registry, at, reports)
        return row.position, orjson.dumps(folded.file())

    def _kept(self, stream: str, at: datetime) -> CurrentFile | None:
        """The stored file where it is right; who asks and by what they see it goes with it.

        None: it is to be asked in a transaction, whether it is there at all and what it is made of.
        """
        if self._over.level != ORDINARY:  # nothing of a case is stored to be shown
            return None
        comp = stream_id(self._over.origin, stream)
        told = self._over.at_once(stored_case_file.AT_ONCE, stream, comp)
        if told is None:
            return None
        under, kept = told[0], stored_case_file.told_at_once(told[1])
        if not kept.right(at, self._over.registries.reaching(kept.registry)):
            return None
        shows_under("CASE_FILE", stream, comp, under)
        return kept

    def participants(
        self, stream: str, moment: Moment, now: datetime, level: str
    ) -> tuple[int, dict[str, Any]]:
        """(newest index in it, who takes part in a case) as of an index or a recorded time.

        Raises:
            NotFound: There is no such case.
            BeforeCase: It had not begun.
            InFuture: The moment has not come.
        """
        folded = self._past.folded(stream, moment, now, "recorded", "CASE_FILE")

        def handler_of(other: str) -> str | None:
            try:
                # Who reads a file is told to whoever sees all of it, by whatever case that is so.
                with self._over.lending_whole() as connection:
                    stands = self._past.footing(connection, None)
                    found = self._past.cut(
                        connection, self._over.judge, other, moment, now, "recorded", stands=stands
                    )
            except (NotFound, PartOnly):
                return None
            return found.stream.handler(found.registry, local_day(folded.at))

        case = Viewpoint(folded.stream, folded.registry, folded.at, level, handler_of)
        return folded.index, participants(case)

    def whole(self, stream: str) -> StreamState:
        """A case as it stands, for what is told to whoever sees all of it: without its annexes.

        Raises:
            NotFound: There is no such case.
            PartOnly: They see acts of it.
        """
        with self._over.connecting() as connection:
            self._visibility.refuse_part(connection, stream)
            self._visibility.shows_cases("CASE_FILE", [stream])
        self._over.rights.require(stream, (), whole=True)
        return own_part(self._over.rights.case(stream), self._over.level)

    def documents(self, stream: str, shown: Iterable[StatementVerdict]) -> list[Document]:
        """The register of a case's documents, of the statements that whoever asks is shown of it.

        At the ordinary level there is none: no act there classifies anything.
        """
        if self._over.level == ORDINARY or not is_case(stream):
            return []
        rows, registry = [one.row for one in shown], self._over.registries.known
        folded = folded_from(stream, rows, registry, datetime.max.replace(tzinfo=UTC), Reports())
        return documents(folded.stream)

    def printed(self, stream: str, now: datetime) -> CaseInFull:
        """Everything that a print of a case says, looked at from its last statement.

        Of whoever sees acts of it alone, these acts and no more.

        Raises:
            NotFound: There is no such case.
            TooMuch: It has more statements than are set in one print.
        """
        with self._over.connecting() as connection:
            try:
                index, found = self._verifications.of(stream)
                judged_rows = list(found.statements)
            except PartOnly:
                (index, judged_rows), found = self._acts.of(stream), None
            limits.within(len(judged_rows), limits.PRINTED)
            rows = [one.row for one in judged_rows]
            folded = None
            if found is not None:
                folded = self._past.folded(stream, rows[-1].index, now, "recorded", "RECORD")
            registry = self._over.registries.newest(connection).registry
            part = self._visibility.part(stream)
        return in_full(index, judged_rows, registry, folded, found, part)
