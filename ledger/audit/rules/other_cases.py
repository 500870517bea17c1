"""What guards ask about other cases, as the log stood: `Cases` from replayed statements alone.

It answers for the index that the replay is at, never from a view. Where content has been erased an
answer can no longer be had: then what would let the act pass is answered, and that it was a guess
is noted. Whoever judges one share of the streams assumes such answers for all others, and has them
looked at by whoever follows the whole log.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

from keys import canonical
from keys.errors import Malformed
from ledger.audit.content import CheckedRecord
from ledger.audit.rules.stream_folds import Folds
from ledger.audit.rules.token_owners import Tokens
from ledger.log.merkle import HASH_BYTES
from ledger.log.record import leaf as leaf_of
from ledger.regulation.case.exclusions import is_about
from ledger.regulation.case.other_cases_port import STILL_OPEN, CountedReport
from ledger.regulation.case.reviews import open_reviews, signers
from ledger.regulation.participation.reach import takes_part
from ledger.regulation.participation.viewpoint import Viewpoint
from ledger.regulation.registry.registry import Registry
from ledger.streams.stream import Stream

_Answer = TypeVar("_Answer")


class Learned(NamedTuple):
    """What a record leaves for later ones to ask about.

    Attributes:
        state: Main state of its stream after it; None in other streams than cases.
        tokens: Sealed tokens that it names, of a case only.
        report: The report of article 9 that takes effect with it.
    """

    state: str | None = None
    tokens: tuple[str, ...] = ()
    report: CountedReport | None = None


class CrossCaseQuestion(NamedTuple):
    """A question about other cases, and what was assumed to be its answer.

    Attributes:
        name: Of the method of `Cases`.
        arguments: What it was asked with.
        answer: What was assumed.
    """

    name: str
    arguments: tuple[Any, ...]
    answer: Any


class CasesAtIndex:
    """`Cases` as of the index that a replay is at.

    Args:
        folds: The streams.
        registry: As the log stands at that index.
        tokens: Whose each token is.

    Attributes:
        guessed: Index of the erased or damaged record for which an answer was a guess, since
            `begin`; None where none was.
        asked: Nothing: no answer is assumed.
    """

    asked: Final[tuple[CrossCaseQuestion, ...]] = ()

    def __init__(self, folds: Folds, registry: Callable[[], Registry], tokens: Tokens) -> None:
        self._folds = folds
        self._registry = registry
        self._tokens = tokens
        self._at = 0
        self._ids: dict[str, bytes] = {}
        self._states: dict[str, str | None] = {}
        self._reports: list[CountedReport] = []
        self._leaves = bytearray()
        self._names: list[str] = []
        self._numbers: dict[str, int] = {}
        self._registry_at: set[int] = set()
        self._places = array("q")  # by index the number of the stream, -1 where there is no record
        self.guessed: int | None = None

    def begin(self, said: CheckedRecord) -> CasesAtIndex:
        """What the next statement asks: this, and nobody else before that is answered."""
        self._at = said.at
        self.guessed = None
        return self

    def agrees(self, asked: Iterable[CrossCaseQuestion]) -> bool:
        """Whether the answers to these questions are what somebody assumed."""
        return all(getattr(self, one.name)(*one.arguments) == one.answer for one in asked)

    def learn(
        self,
        at: int,
        stream_id: bytes,
        name: str,
        leaf: bytes,
        said: Learned,
        *,
        registry: bool = False,
    ) -> None:
        """The next record, as the rules have judged it; indices may be missing, never go back."""
        if registry:
            self._registry_at.add(at)
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self._names)
            self._names.append(name)
            self._ids[name] = stream_id
        missing = at - len(self._places)
        if missing > 0:
            self._leaves += bytes(missing * HASH_BYTES)
            self._places.extend([-1] * missing)
        self._leaves += leaf
        self._places.append(number)
        if said.state is not None or name not in self._states:
            self._states[name] = said.state
        if said.report is not None:
            self._reports.append(said.report)

    # -- Cases ------------------------------------------------------------------------------------

    def state(self, stream: str) -> str | None:
        """See `Cases`."""
        return STILL_OPEN if self._is_lost(stream) else self._states.get(stream)

    def token_elsewhere(self, token: str, stream: str) -> bool:
        """See `Cases`."""
        return self._tokens.elsewhere(token, stream, self._at)

    def record(self, index: int, entry: str) -> str | None:
        """See `Cases`."""
        if not 0 <= index < len(self._places) or self._places[index] < 0:
            return None
        leaf = self._leaves[index * HASH_BYTES : (index + 1) * HASH_BYTES]
        try:
            found = leaf_of(canonical.unb64(entry)) == leaf
        except Malformed:
            return None
        return self._names[self._places[index]] if found else None

    def changes_registry(self, index: int) -> bool:
        """See `Cases`."""
        return index in self._registry_at

    def running(self, stream: str, at: datetime) -> Sequence[str]:
        """See `Cases`."""
        folded = self._folded(stream)
        if folded is None:
            return ()
        return tuple(open_reviews(folded.state, self._registry(), at))

    def reports(self) -> Sequence[CountedReport]:
        """See `Cases`."""
        return tuple(self._reports)

    def signers(self, stream: str) -> Sequence[str]:
        """See `Cases`."""
        folded = self._folded(stream)
        return () if folded is None else tuple(signers(folded.state))

    def is_about(self, stream: str, named: Sequence[str]) -> bool:
        """See `Cases`."""
        if self._is_lost(stream):
            return True
        folded = self._folded(stream)
        return folded is not None and is_about(folded.state, named)

    def takes_part(self, stream: str, officer: str, at: datetime, level: str) -> bool:
        """See `Cases`."""
        if self._is_lost(stream):
            return True
        folded = self._folded(stream)
        return folded is not None and takes_part(
            officer, Viewpoint(folded.state, self._registry(), at, level)
        )

    def _folded(self, stream: str) -> Stream | None:
        """A stream of this log; None where there is none, or where it is lost."""
        if self._is_lost(stream) or stream not in self._ids:
            return None
        return self._folds.stream(self._ids[stream], stream, len(self._places))

    def _is_lost(self, stream: str) -> bool:
        lost = self._folds.lost.get(self._ids.get(stream, b""))
        if lost is not None:
            self.guessed = lost
        return lost is not None


class AssumedCases:
    """`Cases` for whoever sees some streams only: what lets an act pass, and that it was asked.

    Attributes:
        asked: What was.
        guessed: None: whether an answer can be had at all is not known here.
    """

    guessed: Final = None

    def __init__(self) -> None:
        self.asked: tuple[CrossCaseQuestion, ...] = ()

    def begin(self, _said: CheckedRecord) -> AssumedCases:
        """What the next statement asks, whoever asks beside it."""
        return AssumedCases()

    def state(self, stream: str) -> str | None:
        """See `Cases`."""
        return self._assume(STILL_OPEN, "state", stream)

    def token_elsewhere(self, _token: str, _stream: str) -> bool:
        """See `Cases`; what a record names is in its slip, so this need not be remembered."""
        return False

    def record(self, index: int, entry: str) -> str | None:
        """See `Cases`: it stands where the act says, and nobody knows in which stream."""
        return self._assume("", "record", index, entry)

    def changes_registry(self, index: int) -> bool:
        """See `Cases`."""
        return self._assume(False, "changes_registry", index)  # noqa: FBT003 - an answer

    def running(self, stream: str, at: datetime) -> Sequence[str]:
        """See `Cases`."""
        return self._assume((), "running", stream, at)

    def reports(self) -> Sequence[CountedReport]:
        """See `Cases`."""
        return self._assume((), "reports")

    def signers(self, stream: str) -> Sequence[str]:
        """See `Cases`."""
        return self._assume((), "signers", stream)

    def is_about(self, stream: str, named: Sequence[str]) -> bool:
        """See `Cases`."""
        return self._assume(True, "is_about", stream, named)  # noqa: FBT003 - an answer

    def takes_part(self, stream: str, officer: str, at: datetime, level: str) -> bool:
        """See `Cases`."""
        return self._assume(True, "takes_part", stream, officer, at, level)  # noqa: FBT003 - an answer

    def _assume(self, answer: _Answer, name: str, *arguments: object) -> _Answer:
        self.asked = (*self.asked, CrossCaseQuestion(name, arguments, answer))
        return answer
