"""Who sees a case, decided once more from its records before any of them is shown (access.md G17).

The rows by which the database shows a case are written by whoever may write views. They decide
lists, and what may be looked for; what is opened is decided here, from the case as the rules have
it and from the registry, whatever those rows say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from ledger.asker import asker
from ledger.errors import NotFound
from ledger.regulation.case.state import StreamState
from ledger.regulation.participation.below import shown_below
from ledger.regulation.participation.reach import reach
from ledger.regulation.participation.viewpoint import Viewpoint
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.grants import Grant, LowerAct
from ledger.regulation.registry.registry import Registry
from ledger.streams.kept import BoundedCache
from ledger.streams.names import is_case, stream_id
from projections.queries.guard_lookups import Connecting
from projections.queries.row_evidence import RowEvidence
from projections.views import acts

_MOST_STATEMENTS: Final = 10_000
"""Statements of cases kept folded, about 35 MiB."""


class _Folded(NamedTuple):
    """A case right after its newest record."""

    newest: int
    erased: Mapping[int, str]
    state: StreamState


class Rights:
    """What whoever asks may open.

    Args:
        connecting: Lends a connection of the writer's login, which sees every case.
        evidence: The records, by the same.
        registry: The registry as the process knows it.
        origin: Origin of the log.
        level: Its level.
        now: The ledger's time.
    """

    def __init__(
        self,
        connecting: Connecting,
        evidence: RowEvidence,
        registry: Callable[[], Registry],
        *,
        origin: str,
        level: str,
        now: Callable[[], datetime],
    ) -> None:
        self._connecting = connecting
        self._evidence = evidence
        self._registry = registry
        self._origin = origin
        self._level = level
        self._now = now
        self._kept: BoundedCache[str, _Folded] = BoundedCache(_MOST_STATEMENTS)

    def require(self, stream: str, act_ids: Iterable[str], *, whole: bool = False) -> None:
        """Whether the asker may see these acts of a stream.

        Args:
            stream: Its name; what is no case is everybody's.
            act_ids: The acts that are to be shown.
            whole: Whether what is shown was made of the whole case.

        Raises:
            NotFound: They may not, whatever a row said.
        """
        who = asker()
        if who is None or not is_case(stream):
            return
        at = who.at or self._now()
        case = Viewpoint(
            self._state(stream), self._registry(), at, self._level, lambda s: self._handler(s, at)
        )
        found = reach(who.officer, case)
        if (whole and not found.whole) or not found.shows(act_ids):
            raise NotFound(stream)

    def below(self, stream: str) -> Mapping[LowerAct, Grant]:
        """Acts of lower logs by which a case shows the asker what they are of, each by its grant.

        Nobody in particular is shown none.
        """
        who = asker()
        if who is None or not is_case(stream):
            return {}
        at = who.at or self._now()
        case = Viewpoint(self._state(stream), self._registry(), at, self._level)
        return shown_below(who.officer, case)

    def case(self, stream: str) -> StreamState:
        """A case as the rules have it now, for whoever has required it; nobody changes it."""
        return self._state(stream)

    def forget(self) -> None:
        """Lets go of every case it keeps, folded or judged."""
        self._kept.clear()
        self._evidence.forget()

    def _handler(self, stream: str, at: datetime) -> str | None:
        return self._state(stream).handler(self._registry(), local_day(at))

    def _state(self, stream: str) -> StreamState:
        """A case as it stands; nobody changes it once it is folded."""
        with self._connecting() as connection:
            newest, erased = acts.newest(connection, stream_id(self._origin, stream), stream)
        known = self._kept.take(stream)
        if known is None or (known.newest, known.erased) != (newest, erased):
            known = _Folded(newest, erased, self._evidence.fold(stream, erased))
        self._kept.put(stream, known, known.state.seq)
        return known.state
