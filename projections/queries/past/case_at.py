"""A case folded from its statements, all of them or the first: the same pure fold at any moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from keys import canonical
from ledger.log.statement import COUNTERSIGNERS
from ledger.regulation.acts.act import Act
from ledger.regulation.case.state import Signed, StreamState, apply, pass_over
from ledger.regulation.case_file.render import case_file, case_file_until
from ledger.regulation.registry.registry import Registry
from projections.fold.reports import Reports
from projections.views import acts as timeline
from projections.views.acts import ActRow


@dataclass(slots=True)
class CaseAt:
    """A case as of a moment.

    Attributes:
        stream: The fold.
        raised: Flags by act.
        registry: The registry of that moment.
        at: The instant it is looked at from.
        index: Newest record in it.
        statements: What it was folded from: rows, and how the fold takes them.
        reports: Reports of article 9 of that moment, where the case asks for them.
    """

    stream: StreamState
    raised: dict[str, tuple[str, ...]]
    registry: Registry
    at: datetime
    index: int
    statements: list[tuple[ActRow, Signed | None]]
    reports: Reports

    @property
    def rows(self) -> list[ActRow]:
        """The rows of its statements."""
        return [row for row, _ in self.statements]

    def file(self) -> dict[str, Any]:
        """The case file."""
        return case_file(self.stream, self.raised, self.registry, self.at, self.reports)

    def file_until(self) -> tuple[dict[str, Any], datetime | None]:
        """The case file, and when it reads otherwise without a new act or report; None: never."""
        return case_file_until(self.stream, self.raised, self.registry, self.at, self.reports)


def folded_from(
    stream: str,
    rows: Sequence[ActRow],
    registry: Registry,
    at: datetime,
    reports: Reports,
    acts: Mapping[str, Act] | None = None,
) -> CaseAt:
    """Folds statements that need not be all of the stream; gaps are stepped over.

    Args:
        stream: Its name.
        rows: The statements.
        registry: Of that moment.
        at: The instant it is looked at from.
        reports: Of article 9.
        acts: By id, where they have been parsed already.
    """
    state = StreamState(stream)
    statements = timeline.signeds(rows, registry, acts)
    for row, signed in statements:
        add(state, row, signed)
    index = rows[-1].index if rows else -1
    return CaseAt(state, timeline.raised_of(rows), registry, at, index, statements, reports)


def add(state: StreamState, row: ActRow, signed: Signed | None) -> None:
    """Adds one statement; one erased, set aside or without its author's only takes its place."""
    state.seq = row.seq - 1
    if row.aside:
        pass_over(state, row.seq, None, (row.index, canonical.b64(row.entry)))
        return
    orphan = row.role in COUNTERSIGNERS and row.act_id not in state.entries
    if signed is None or orphan:
        state.seq, state.head = row.seq, row.digest
        return
    entry = apply(state, signed)
    if row.effect:
        entry.given = timeline.number_of(row, signed.act)


def nothing(later: CaseAt, moment: int | datetime) -> CaseAt:
    """The case before it began."""
    at = moment if isinstance(moment, datetime) else later.rows[0].recorded_at
    return CaseAt(StreamState(later.stream.name), {}, later.registry, at, -1, [], Reports())


def walk(folded: CaseAt) -> Iterator[tuple[CaseAt, ActRow, bool]]:
    """The case just before each of its statements, then right after it (True).

    Both are looked at from when that was recorded: what differs, the statement did. The state goes
    on as it is walked; what is wanted of it is taken before the next step.
    """
    state = StreamState(folded.stream.name)
    raised: dict[str, tuple[str, ...]] = {}
    seen: list[tuple[ActRow, Signed | None]] = []
    for row, signed in folded.statements:
        at, newest = row.recorded_at, seen[-1][0].index if seen else -1
        known = Reports([one for one in folded.reports.known if one.index < row.index])
        yield CaseAt(state, raised, folded.registry, at, newest, seen, known), row, False
        add(state, row, signed)
        seen.append((row, signed))
        if row.flags:
            raised[row.act_id] = tuple(row.flags)
        yield CaseAt(state, raised, folded.registry, at, row.index, seen, known), row, True
