"""One record of the log with what it did to its stream, for every view (architecture.md §5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal
from uuid import UUID

from ledger.regulation.acts.act import ORDINARY
from ledger.regulation.case.other_cases_port import Cases
from ledger.regulation.case.registers import Number
from ledger.regulation.case.state import VOIDING, Entry, Signed, StreamState
from ledger.regulation.edition import ADOPTION
from ledger.regulation.registry.added_lines import ADDING
from ledger.regulation.registry.registry import Registry
from ledger.streams.record_reader import Opened
from projections.fold.shard import NOBODY, Shard

#: Acts that end keys, perhaps as of before: what other streams hold may be disputed from here on.
ENDING_KEYS: Final = frozenset({"KeyRevoked", "OfficerEnded"})
Status = Literal["pending", "effective", "returned", "erased", "service", "set_aside"]

#: Acts after which agencies, functions, instruments or clocks read otherwise: a view that shows
#: names or deadlines writes what it has gathered before one of these takes effect.
RENAMING: Final = frozenset(
    {
        ADOPTION,
        "AgencyRegistered",
        ADDING,
        "FunctionAssigned",
        "AgencySuccessionRecorded",
        "InstrumentRegistered",
        "ClockRuleSet",
        "RegulationVersionAdopted",
    }
)


@dataclass(slots=True)
class Step:
    """One record, folded.

    Attributes:
        opened: The record.
        stream: The fold of its stream after it; it moves on with the next record of that stream.
        signed: The statement as the fold sees it; None where erased or a service statement.
        entry: Its act; None likewise.
        status: Status of the act after this statement.
        effect: Whether this statement made the act effective.
        flags: What its taking effect raised.
        registry: The registry as the record found it.
        cases: What a flag may ask about the rest of the log, as the record found it.
        erases: Streams and indices whose content this record erases, of the share.
        taken_back: The same of records before it that turn out to be set aside, of this stream.
        share: What the process that folds it writes rows about.
        load: The fold of another stream by its name, as of this record.
        comp: The id of a stream by its name: the compartment of a row about it.
        level: Level of the log.
        number: The place in its register of the act that takes effect here.
        renumbered: Streams with a record whose number is another one since one before it was taken
            back, by its index.
    """

    opened: Opened
    stream: StreamState
    signed: Signed | None
    entry: Entry | None
    status: Status
    effect: bool
    flags: tuple[str, ...]
    registry: Registry
    cases: Cases
    erases: Mapping[int, StreamState]
    taken_back: Mapping[int, StreamState]
    share: Shard
    load: Callable[[str], StreamState]
    comp: Callable[[str], UUID]
    level: str
    number: Number | None = None
    renumbered: Mapping[int, StreamState] = field(default_factory=dict)

    @property
    def own(self) -> bool:
        """Whether rows about its stream are written here; if not, it only moves the fold."""
        return self.share.owns(self.stream.name)

    @property
    def bare(self) -> bool:
        """Whether views hold nothing that its stream says: cases above ordinary (access.md G15)."""
        return self.level != ORDINARY and self.stream.kind == "case"

    @property
    def of_whole(self) -> bool:
        """Whether whoever takes part in the whole case is shown it: it is of no named unit."""
        return not self.bare or self.opened.unit == self.opened.stream_id

    def owns(self, name: str) -> bool:
        """Whether rows about another stream are written here; a look back is by who writes all."""
        return self.share is NOBODY or self.share.owns(name)

    @property
    def refolded(self) -> Mapping[int, StreamState]:
        """Streams of which something before this record reads otherwise now, by its index."""
        return {**self.renumbered, **self.erases, **self.taken_back}

    @property
    def voids(self) -> tuple[int, ...]:
        """Records set aside that this one names and so puts out of the way."""
        if not self.effect or self.entry is None or self.entry.act.act != VOIDING:
            return ()
        return tuple(named["index"] for named in self.entry.act.facts["entries"])

    @property
    def revokes(self) -> bool:
        """Whether signatures of other streams may be disputed from here on."""
        return self.effect and self.entry is not None and self.entry.act.act in ENDING_KEYS

    @property
    def renames(self) -> bool:
        """Whether names or deadlines of other streams read otherwise from here on."""
        return self.effect and self.entry is not None and self.entry.act.act in RENAMING
