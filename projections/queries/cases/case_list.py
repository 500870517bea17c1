"""Lists of cases that whoever asks sees whole, and what these are called."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ledger.asker import asker
from ledger.reads.shown import shows_nothing
from ledger.regulation.acts.act import ORDINARY
from projections.queries.cases import case_list_snapshot
from projections.queries.sources import Sources
from projections.queries.view_positions import folded_span, folded_to
from projections.queries.visibility import OrdinaryOnly, Visibility
from projections.queries.ways import Ways
from projections.views import case_file, case_names
from projections.views.case_file import CaseLine, Filter, Scope
from projections.views.case_names import Called


class CaseList:
    """Which cases there are, by what is asked for."""

    def __init__(self, over: Sources, visibility: Visibility, ways: Ways) -> None:
        self._over, self._visibility, self._ways = over, visibility, ways

    def page(
        self,
        wanted: Filter,
        *,
        limit: int,
        after: tuple[Any, str] | None = None,
        snapshot: int | None = None,
    ) -> tuple[int, list[CaseLine]]:
        """(snapshot index, lines) of one page of the case list; a later page is of its snapshot.

        A first page is of the last record of which it is known who takes part by it: whoever goes
        on in the feed from there is told of every case that it lacks.

        Raises:
            TooOld: More has changed behind the snapshot than is folded again.
        """
        registries = self._over.registries
        with self._over.connecting() as connection:
            index, newest = snapshot, None
            if index is None:
                index, newest = folded_span(connection, ("case_file", "audience"))
            then: list[dict[str, Any]] = []
            if index != newest:
                fill, level = self._over.evidence.fill_stream, self._over.level
                then = case_list_snapshot.then(connection, registries, index, fill, level)
            if (who := asker()) is not None:
                self._ways.choose(connection, who.officer)
            disputes = registries.as_of(connection, index).disputes
            lines = case_file.listed(
                connection,
                wanted,
                limit=limit,
                after=after,
                snapshot=index,
                then=then,
                disputes=disputes,
            )
            lines = case_file.flagged(connection, lines, disputes, index)
            self._visibility.shows_cases("LIST", (line.stream for line in lines))
        return index, lines

    def numbered(self, number: str, agency: str | None) -> list[CaseLine]:
        """Cases that have this number and are an agency's, of those that are seen whole."""
        with self._over.connecting() as connection:
            lines = case_file.numbered(connection, number, agency)
            index = folded_to(connection, ("case_file", "acts"))
            disputes = self._over.registries.newest(connection).disputes
            lines = case_file.flagged(connection, lines, disputes, index)
            self._visibility.shows_cases("CASE_FILE", (line.stream for line in lines))
        return lines

    def in_scope(self, scope: Scope, *, upto: int, after: str, limit: int) -> list[str]:
        """Streams of the next cases of a scope that the asker sees whole, by id.

        Raises:
            OrdinaryOnly: It is by key, and above ordinary no view holds which key signed in a case.
        """
        if scope.kid is not None and self._over.level != ORDINARY:
            raise OrdinaryOnly
        with self._over.connecting() as connection:
            shows_nothing()  # which they are; what is judged of each says so
            return case_file.in_scope(connection, scope, upto=upto, after=after, limit=limit)

    def called(self, streams: Collection[str]) -> dict[str, Called]:
        """What cases are called by stream, of those that the asker sees whole."""
        with self._over.connecting() as connection:
            return case_names.called(connection, streams)

    def called_beside(self, streams: Collection[str]) -> dict[str, Called]:
        """The same, in an answer that is of another case: their names are read with it."""
        with self._over.connecting() as connection:
            found = case_names.called(connection, streams)
            self._visibility.shows_cases("LIST", found)
            return found
