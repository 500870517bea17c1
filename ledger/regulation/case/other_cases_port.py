"""What a guard may ask about the rest of its own log: other cases, reports, records.

A Protocol and its values: `ledger.ports` names it among the ports. Whoever projects the log answers
it as last projected, and an audit as the log stood at the index it is at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, NoReturn, Protocol

from ledger.regulation.acts.act import Act
from ledger.regulation.case.state import Entry, StreamState
from ledger.regulation.registry.delegations import CASE
from ledger.regulation.registry.grants import Grant
from ledger.regulation.registry.registry import Registry

REPORTS: Final = frozenset({"StatisticsSubmitted", "SituationReportSubmitted"})
"""The reports of article 9: what `Cases.reports` answers with."""
MERGED: Final = "MERGED"
"""What is told as the state of a case that goes on in another: it is open for its own end only."""
UNTOLD: Final = "UNTOLD"
"""The same of a case of which the author sees a part: it is there, and may be named."""
STILL_OPEN: Final = "SCREENING"
"""A state that every guard lets pass: told of a case that is not known any more."""


@dataclass(frozen=True, slots=True)
class CountedReport:
    """One effective StatisticsSubmitted or SituationReportSubmitted (article 9).

    Attributes:
        act_id: Its act.
        index: Of the record at which it took effect: what it could count, and what it restates,
            was in the log before.
        period_from: First day it counts.
        period_to: Last day it counts.
        restates: act_id of the report it takes the place of.
        restated_because: Cases it names as the reason, as the act names them.
    """

    act_id: str
    period_from: date
    period_to: date
    restates: str | None = None
    restated_because: tuple[str, ...] = ()
    index: int = field(kw_only=True)


def report_of(act: Act, index: int) -> CountedReport:
    """A report of article 9 as guards ask for it, in effect from this record."""
    facts = act.facts
    return CountedReport(
        act_id=act.act_id,
        period_from=date.fromisoformat(facts["period_from"]),
        period_to=date.fromisoformat(facts["period_to"]),
        restates=facts.get("restates"),
        restated_because=tuple(facts.get("restated_because", ())),
        index=index,
    )


class Cases(Protocol):
    """What a guard may ask about other cases of this log (guards.json)."""

    def state(self, stream: str) -> str | None:
        """Main state of a case as `state_told`, None where there is no such case.

        `UNTOLD` of one of which the author sees a part.
        """

    def token_elsewhere(self, token: str, stream: str) -> bool:
        """Whether the sealed token stands in another case."""

    def record(self, index: int, entry: str) -> str | None:
        """The stream of the record at an index; None where its entry is not this one (b64).

        By index too, since whoever can append may copy an entry.
        """

    def changes_registry(self, index: int) -> bool:
        """Whether a record says that the registry changed by it."""

    def running(self, stream: str, at: datetime) -> Sequence[str]:
        """Codes of open complaint, review or complaint-window clocks of a case at an instant."""

    def reports(self) -> Sequence[CountedReport]:
        """Effective StatisticsSubmitted and SituationReportSubmitted, in order of effect."""

    def signers(self, stream: str) -> Sequence[str]:
        """Officers who signed an effective act of a case; empty where there is no such case."""

    def is_about(self, stream: str, named: Sequence[str]) -> bool:
        """Whether reports of a case name each of these agencies and officers as whom it is about.

        Not, where there is no case of which the author sees everything.
        """

    def takes_part(self, stream: str, officer: str, at: datetime, level: str) -> bool:
        """Whether an officer sees all of a case, by no order and no opening (access.md A19).

        By its own records: a case merged into it does not count.
        """


class NoCases:
    """What a guard hears of other cases where there are none, or none that matters."""

    def state(self, _stream: str) -> str | None:
        """There is no other case."""
        return None

    def token_elsewhere(self, _token: str, _stream: str) -> bool:
        """There is no other case."""
        return False

    def record(self, _index: int, _entry: str) -> str | None:
        """There is no record yet."""
        return None

    def changes_registry(self, _index: int) -> bool:
        """There is no record yet."""
        return False

    def running(self, _stream: str, _at: datetime) -> Sequence[str]:
        """No clock runs."""
        return ()

    def reports(self) -> Sequence[CountedReport]:
        """There is no report."""
        return ()

    def signers(self, _stream: str) -> Sequence[str]:
        """Nobody has signed."""
        return ()

    def is_about(self, _stream: str, _named: Sequence[str]) -> bool:
        """There is no other case."""
        return False

    def takes_part(self, _stream: str, _officer: str, _at: datetime, _level: str) -> bool:
        """Nobody takes part in what there is not."""
        return False


class Untold(Exception):
    """This is not told of a case here."""


class UntoldCases:
    """Other cases as they are told to whoever may not do what they ask by.

    Guards ask for some things on behalf of whoever is competent, whatever they see of the case
    (access.md N6); nobody else is told, not even that there is such a case. The rest says no more
    than the author sees, or held already.
    """

    def __init__(self, cases: Cases) -> None:
        self.state, self.token_elsewhere = cases.state, cases.token_elsewhere
        self.reports = cases.reports

    def record(self, index: int, entry: str) -> NoReturn:
        """Raises: Untold."""
        raise Untold(index, entry)

    def changes_registry(self, index: int) -> NoReturn:
        """Raises: Untold."""
        raise Untold(index)

    def running(self, stream: str, at: datetime) -> NoReturn:
        """Raises: Untold."""
        raise Untold(stream, at)

    def signers(self, stream: str) -> NoReturn:
        """Raises: Untold."""
        raise Untold(stream)

    def is_about(self, stream: str, named: Sequence[str]) -> NoReturn:
        """Raises: Untold."""
        raise Untold(stream, named)

    def takes_part(self, stream: str, officer: str, at: datetime, level: str) -> NoReturn:
        """Raises: Untold."""
        raise Untold(stream, officer, at, level)


class UntoldStream:
    """The case of an act as it is told to whoever sees a part of it and may not write the act.

    Attributes:
        name: Of the stream.
        kind: Of the stream.
        entries: The act itself, where it waits; nothing else is told.
        pending: The same.
    """

    def __init__(self, stream: StreamState, act_id: str) -> None:
        self.name, self.kind = stream.name, stream.kind
        self.entries = _OneAct(stream.entries, act_id)
        self.pending = _OneAct(stream.pending, act_id)

    def __getattr__(self, asked: str) -> NoReturn:
        """Raises: Untold."""
        raise Untold(asked)


class UntoldRegistry:
    """The registry as it is told to whoever may not do what they ask by (access.md N6).

    Every line of it is everybody's but a grant: that one stands in a case, and says who works there
    or whom a document is named to.

    Args:
        registry: It.
        own: The case whose grants are told; None: of no case.
    """

    def __init__(self, registry: Registry, own: str | None) -> None:
        self._registry, self._own = registry, own

    def grants(self, **of: Any) -> Sequence[Grant]:  # noqa: ANN401  as `Registry.grants` has them
        """As `Registry.grants`."""
        return [
            grant
            for grant in self._registry.grants(**of)
            if not grant.stream.startswith(CASE) or grant.stream == self._own
        ]

    def __getattr__(self, asked: str) -> Any:  # noqa: ANN401  what the registry has
        """As of the registry."""
        return getattr(self._registry, asked)


class _OneAct(Mapping[str, Entry]):
    """One act of several; whoever asks for another, or for how many, is told nothing."""

    def __init__(self, entries: Mapping[str, Entry], act_id: str) -> None:
        self._entries, self._own = entries, act_id

    def __getitem__(self, act_id: str) -> Entry:
        if act_id != self._own:
            raise Untold(act_id)
        return self._entries[act_id]

    def __iter__(self) -> NoReturn:
        raise Untold

    def __len__(self) -> NoReturn:
        raise Untold


def state_told(stream: StreamState) -> str | None:
    """The main state of a case as another case is told it."""
    return MERGED if stream.effective("CaseMerged") else stream.state
