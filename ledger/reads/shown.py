"""What one answer shows of cases, gathered while it is made (access.md U1).

Whoever reads rows says of which cases they are; whoever lends connections asks the database, in the
very transaction in which they were read, what of it the asker sees by an order or an opening alone;
and whoever sends the answer has that noted first. Between them nobody has to hand it on, so nobody
can forget to; an answer about cases of which nothing was said is not sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Final, NamedTuple
from uuid import UUID

from ledger.asker import Held
from ledger.reads.read import Kind, NotedRead, ReadBy
from ledger.streams.names import is_case


class Under(NamedTuple):
    """By which act alone something is seen: `via`, its id, and the rule that it is an act of."""

    via: UUID
    rule: str


@dataclass(slots=True)
class ShownCases:
    """What is shown by one answer.

    Attributes:
        said: Whether anything was said of it, were it that it shows no case.
        totals: Of what figures of all cases are shown (A27); empty where none are.
        keys: Of records that the keeper opened for it, by log and index: what an answer looks at
            twice is opened once.
    """

    said: bool = False
    totals: str = ""
    _cases: dict[UUID, str] = field(default_factory=dict)
    _records: dict[tuple[UUID, Kind], set[int] | None] = field(default_factory=dict)
    _whole: set[Kind] = field(default_factory=set)
    _to_ask: set[UUID] = field(default_factory=set)
    keys: dict[tuple[str, int], bytes] = field(default_factory=dict, repr=False)
    _counted: bool = False
    _below: set[tuple[Kind, str, UUID, str]] = field(default_factory=set)
    _under: dict[UUID, dict[Under, None]] = field(default_factory=dict)
    _orders: set[Under] = field(default_factory=set)

    def add(self, kind: Kind, stream: str, comp: UUID, records: Iterable[int]) -> None:
        """Something of one stream; of one that is no case it is everybody's."""
        self.said = True
        if is_case(stream):
            self._cases[comp] = stream
            self._to_ask.add(comp)
            self._add((comp, kind), set(records))

    def add_under(self, kind: Kind, stream: str, comp: UUID, under: Under | None) -> None:
        """A whole case, of which it was told with it by what alone it is seen."""
        self.said = True
        self._cases[comp] = stream
        self._add((comp, kind), set())
        if under is not None:
            self._under.setdefault(comp, {})[under] = None

    def _add(self, what: tuple[UUID, Kind], records: set[int]) -> None:
        """Records of a case, or where there are none the whole: which records beside are less."""
        known = self._records.setdefault(what, records)
        self._records[what] = known | records if known and records else None

    def add_below(self, kind: Kind, stream: str, via: UUID, purpose: str) -> None:
        """A case of a lower log, by a grant above: of it the whole, since its indices are of there.

        The purpose is noted as it is told here: the grant stands in a case.
        """
        self.said = True
        self._below.add((kind, stream, via, purpose))

    def add_figures(self) -> None:
        """Counts of everything that the asker sees, under whatever order."""
        self.said = self._counted = True
        self._whole.add("FIGURES")

    @property
    def pending(self) -> bool:
        """Whether something was said that the database was not asked about since.

        What is said in another transaction is asked again: a part in the case may have ended
        between two tries, so that an order alone shows now what was seen otherwise before.
        """
        return self._counted or bool(self._to_ask)

    @property
    def to_ask(self) -> list[UUID]:
        """The cases among it."""
        return sorted(self._to_ask)

    @property
    def counted(self) -> bool:
        """Whether figures of what the asker sees are."""
        return self._counted

    def under(self, comp: UUID) -> Under | None:
        """By which order or opening alone a case is seen, as far as it was asked."""
        return next(iter(self._under.get(comp, ())), None)

    @property
    def by_order(self) -> list[Under]:
        """Each order and opening by which alone something is seen, as far as it was asked."""
        if not (self._under or self._orders):
            return []
        of_cases = {one for under in self._under.values() for one in under}
        return sorted(of_cases | self._orders)

    def ask(
        self,
        read_under: Callable[[Sequence[UUID]], Iterable[tuple[UUID, UUID, str]]],
        orders: Callable[[], Iterable[tuple[UUID, str]]],
    ) -> None:
        """Asks what of it is seen by an order or an opening alone.

        Args:
            read_under: Of cases: which of them, by which act and rule.
            orders: The orders and openings that the asker reads by now.
        """
        if self._to_ask:
            for comp, via, rule in read_under(self.to_ask):
                self._under.setdefault(comp, {})[Under(via, rule)] = None
            self._to_ask.clear()
        if self._counted:
            self._orders |= {Under(*one) for one in orders()}
            self._counted = False

    def reads(
        self,
        by: ReadBy,
        purpose: Callable[[UUID], str],
        for_whom: Callable[[UUID | None], frozenset[str]],
        totals: Callable[[str], str],
        own: str | None = None,
    ) -> list[NotedRead]:
        """What is to be noted.

        Args:
            by: Who asks.
            purpose: What an order or opening says that it is for; asked once of each.
            for_whom: For which agencies it is read; of None: totals.
            totals: What figures of all cases are read for, by what they are of.
            own: The same of what somebody sees by taking part in it, or because it was named to
                them, where that is noted too: above ordinary. None: it is not.
        """
        if own is None and not (self._under or self._orders or self.totals or self._below):
            return []
        purpose, for_whom = cache(purpose), cache(for_whom)
        mine = [] if own is None else self._own(by, own)
        found = [
            NotedRead(
                one.rule,
                purpose(one.via),
                kind,
                by,
                via=str(one.via),
                stream=self._cases[comp],
                records=tuple(sorted(records or ())),
                agencies=for_whom(one.via),
            )
            for (comp, kind), records in self._records.items()
            for one in self._under.get(comp, ())
        ]
        for kind in sorted(self._whole):
            found += [
                NotedRead(
                    one.rule,
                    purpose(one.via),
                    kind,
                    by,
                    via=str(one.via),
                    agencies=for_whom(one.via),
                )
                for one in sorted(self._orders)
            ]
        if self.totals:
            of = totals(self.totals)
            found.append(NotedRead("A27", of, "FIGURES", by, agencies=for_whom(None)))
        found += [
            NotedRead("A7", of, kind, by, via=str(via), stream=stream)
            for kind, stream, via, of in sorted(self._below)
        ]
        return mine + found

    def _own(self, by: ReadBy, purpose: str) -> list[NotedRead]:
        """Everything that is shown, but what is noted under an order or an opening."""
        found = [
            NotedRead(_OPENED.get(kind, "A2"), purpose, kind, by, stream=self._cases[comp],
                      records=tuple(sorted(records or ())))
            for (comp, kind), records in self._records.items()
            if not self._under.get(comp)
        ]  # fmt: skip
        if self._whole and not self._orders:
            found += [NotedRead("A2", purpose, kind, by) for kind in sorted(self._whole)]
        return found


_OPENED: Final[Mapping[Kind, str]] = dict.fromkeys(
    ("RECORD", "ATTACHMENT", "CASE_FILE", "HISTORY"), "A1"
)
"""What is opened by taking part (A1); all else is listed, counted or followed (A2)."""
_gathered: ContextVar[ShownCases | None] = ContextVar("shown", default=None)


def gathering() -> Held[ShownCases]:
    """Gathers what is shown until the block ends."""
    return Held(_gathered, ShownCases())


def gathered() -> ShownCases | None:
    """What this thread's answer shows so far; None where it makes none, and nobody is shown."""
    return _gathered.get()


def shows(kind: Kind, stream: str, comp: UUID, records: Iterable[int] = ()) -> None:
    """Says that the answer shows something of a stream.

    Args:
        kind: What.
        stream: Name of the stream.
        comp: Its id.
        records: The records that are shown; none where it is made of the whole.
    """
    one = _gathered.get()
    if one is not None:
        one.add(kind, stream, comp, records)


def shows_under(kind: Kind, stream: str, comp: UUID, under: Under | None) -> None:
    """Says that the answer shows a whole case, as `shows`, and by what alone it is seen.

    For whoever read it in a statement that told this too, so that nobody asks again.
    """
    one = _gathered.get()
    if one is not None:
        one.add_under(kind, stream, comp, under)


def shows_below(kind: Kind, stream: str, via: UUID, purpose: str) -> None:
    """Says that the answer shows a case of a lower log, by a grant above and for its purpose."""
    one = _gathered.get()
    if one is not None:
        one.add_below(kind, stream, via, purpose)


def shows_figures() -> None:
    """Says that the answer counts what the asker sees."""
    one = _gathered.get()
    if one is not None:
        one.add_figures()


def shows_totals(what: str) -> None:
    """Says that the answer counts all cases (A27): of which year."""
    one = _gathered.get()
    if one is not None:
        one.said, one.totals = True, what


def shows_nothing() -> None:
    """Says that the answer shows nothing of a case."""
    one = _gathered.get()
    if one is not None:
        one.said = True
