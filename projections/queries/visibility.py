"""How much of a case whoever asks sees, and what an answer shows of it (access.md §1, U1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, LiteralString

from ledger.asker import asker
from ledger.errors import Rejected
from ledger.message import Message
from ledger.reads.read import Kind
from ledger.reads.shown import Under, gathered, shows, shows_nothing
from ledger.regulation.acts.act import ORDINARY
from ledger.regulation.participation.reach import OPENING
from ledger.regulation.registry.grants import Grant
from ledger.streams.names import is_case, stream_id
from projections.queries.sources import Sources
from projections.views import acts as timeline
from projections.views.act_list import ActLine, SignedRow
from projections.views.acts import ActRow
from projections.views.base import Connection

#: As the policies ask (access.md G14), of many cases at once.
_WHOLE: Final[LiteralString] = """
SELECT DISTINCT comp FROM sec.shown WHERE comp = ANY (%s) AND whole
"""
_SIGHT: Final[LiteralString] = "SELECT whole, positions FROM sec.sight(%s)"


class PartOnly(Rejected):
    """The asker sees acts of this case and not the case (scope ACT, access.md §1)."""

    def __init__(self) -> None:
        super().__init__(
            "part_only",
            Message("You see some acts of this case, and not the whole file."),
        )


class OrdinaryOnly(Rejected):
    """Above ordinary views hold nothing of what acts say, so acts are read in their cases."""

    def __init__(self) -> None:
        super().__init__(
            "ordinary_only",
            Message("Acts are listed across cases in an enclave of the ordinary level alone."),
        )


@dataclass(frozen=True, slots=True)
class PartSeen:
    """What somebody sees of a case who sees some acts of it (access.md D1).

    Attributes:
        positions: How many statements its stream has.
        withheld: Which of them are not shown, by `seq`.
    """

    positions: int
    withheld: list[int]


@dataclass(frozen=True, slots=True)
class ReadUnder:
    """By what somebody reads a case in which they take no part.

    Attributes:
        rule: A9, an inspection order, or A19, an emergency opening (access.md §4).
        grant: What it gives them.
    """

    rule: str
    grant: Grant


class Visibility:
    """How much whoever asks sees, by the database and by the rules, and what they are shown."""

    def __init__(self, over: Sources) -> None:
        self._over = over

    def shows_cases(self, kind: Kind, streams: Iterable[str]) -> None:
        """What is answered is made of these cases (access.md U1); none is something to say too."""
        shows_nothing()
        for stream in streams:
            shows(kind, stream, stream_id(self._over.origin, stream))

    def shows_records(self, kind: Kind, rows: Iterable[ActRow | ActLine | SignedRow]) -> None:
        """What is answered is made of these statements."""
        shows_nothing()
        for row in rows:
            shows(kind, row.stream, stream_id(self._over.origin, row.stream), [row.index])

    def read_under(self, stream: str) -> ReadUnder | None:
        """The order or the opening by which the asker sees what nothing else shows of a case.

        Asked once the case was read: in that transaction the database was asked for it.
        """
        shown = gathered()
        under = None if shown is None else shown.under(stream_id(self._over.origin, stream))
        return None if under is None else next(iter(self.let_in_by([under])), None)

    def let_in_by(self, under: Sequence[Under]) -> list[ReadUnder]:
        """What orders and openings give to the asker."""
        who = asker()
        if who is None or not under:
            return []
        held = self._over.registries.known.grants(officer=who.officer)
        opened = {grant.act_id: grant for grant in held if grant.act in OPENING}
        return [ReadUnder(rule, opened[str(via)]) for via, rule in under if str(via) in opened]

    def part(self, stream: str) -> PartSeen | None:
        """How little of a case the asker sees; None: all of it, or nothing.

        Above ordinary whoever sees the whole case may not see units of it that are named to others.
        """
        with self._over.connecting() as connection:
            found = self._sight(connection, stream)
            if found is None or (found[0] and self._over.level == ORDINARY):
                return None
            seen = {row.seq for row in timeline.stream_rows(connection, stream)}
        withheld = [n for n in range(1, found[1] + 1) if n not in seen]
        return PartSeen(found[1], withheld) if withheld or not found[0] else None

    def as_seen(self, connection: Connection, rows: list[ActRow]) -> list[ActRow]:
        """Statements without the state of a case of which the asker sees no more than acts.

        Where a case stands follows from all of it (access.md §1, scope ACT).
        """
        partly = self._partly(connection, {row.stream for row in rows})
        return [replace(row, state_after=None) if row.stream in partly else row for row in rows]

    def _partly(self, connection: Connection, streams: Iterable[str]) -> frozenset[str]:
        """Those of streams that the asker sees something of, of which they do not see all."""
        cases = {stream_id(self._over.origin, name): name for name in streams if is_case(name)}
        if asker() is None or not cases:
            return frozenset()
        whole = {row[0] for row in connection.execute(_WHOLE, [list(cases)]).fetchall()}
        return frozenset(name for comp, name in cases.items() if comp not in whole)

    def refuse_part(self, connection: Connection, stream: str) -> None:
        """What is folded from all of a case is for whoever sees all of it. Raises: PartOnly."""
        found = self._sight(connection, stream)
        if found is not None and not found[0]:
            raise PartOnly

    def require_whole(self, stream: str) -> None:
        """For who hands out its records: whether the asker sees all of a case.

        Raises:
            NotFound: There is no such case, or they see nothing of it.
            PartOnly: They see acts of it.
        """
        with self._over.connecting() as connection:
            self.refuse_part(connection, stream)
        self._over.rights.require(stream, (), whole=True)

    def _sight(self, connection: Connection, stream: str) -> tuple[bool, int] | None:
        """Whether all of a case is seen, and how many positions it has.

        None: nothing of it is, or nobody in particular asks.
        """
        if asker() is None:
            return None
        return connection.execute(_SIGHT, [stream_id(self._over.origin, stream)]).fetchone()
