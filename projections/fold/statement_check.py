"""What a record says for itself: that it follows, moves what it may, and who signed it.

No guard is asked: that takes ten times as long. Where something of the stream is erased or damaged
it is all that anybody can ask.
"""

from __future__ import annotations

from typing import Final, Protocol

from ledger.admission import service_statements
from ledger.admission.submission import Submission, facts_fit, parsed
from ledger.log.statement import COUNTERSIGNERS, RETURNER, Statement, require_log
from ledger.message import Message
from ledger.ports import NIL_UNIT
from ledger.regulation.acts.act import Act
from ledger.regulation.acts.catalogue import catalogue_of
from ledger.regulation.acts.lifecycle import life_cycle_of
from ledger.regulation.case.stand_ins import may_stand_in
from ledger.regulation.case.state import RECOVERING, VOIDING, StreamState, awaited
from ledger.regulation.edition import Edition
from ledger.regulation.registry.lines import REGISTRY_ACTS
from ledger.regulation.registry.registry import Registry
from ledger.streams.event import SetAside
from ledger.streams.record_reader import NONSENSE, Opened
from projections.fold.shard import CASE

WAYS_ON: Final = frozenset({VOIDING, RECOVERING, "ActReturned"})
UNEXPLAINED: Final = SetAside(
    "stale",
    Message("it does not follow what stands before it in its stream"),
)


REMEMBERED: Final = 50_000
"""Statements whose signature is not checked again: seven megabytes.

The audience may be that far ahead of the other views before any is checked twice."""


class CheckedSignatures(Protocol):
    """Records whose signature was checked and is good.

    That is so for ever, whatever becomes of the key: its name is its digest. Whether it might sign
    then is asked each time.
    """

    def knows(self, opened: Opened) -> bool:
        """Whether the signature in these very bytes was good."""

    def keep(self, opened: Opened) -> None:
        """It was."""


class RememberedSignatures:
    """The last ones that this process has checked."""

    def __init__(self) -> None:
        self._good: dict[str, None] = {}  # digests of statements, the oldest first

    def knows(self, opened: Opened) -> bool:
        """Whether it is among them: the digest covers header, words and signature."""
        return opened.statement is not None and opened.statement.digest_b64 in self._good

    def keep(self, opened: Opened) -> None:
        """Remembers it, in the place of the oldest one."""
        if opened.statement is None:
            return
        if len(self._good) >= REMEMBERED:
            del self._good[next(iter(self._good))]
        self._good[opened.statement.digest_b64] = None


class Form:
    """Asks for it, in one log.

    Several folds may share one: a signature is checked once, whoever of them comes to it first.

    Args:
        origin: Of the log.
        level: Of the log.
        checked: Whose signature need not be checked again; what it checked itself, if left out.
    """

    def __init__(self, origin: str, level: str, checked: CheckedSignatures | None = None) -> None:
        self._origin = origin
        self._level = level
        self._checked = checked or RememberedSignatures()

    def explains(
        self, opened: Opened, stream: StreamState, registry: Registry, *, hole: bool = False
    ) -> bool:
        """Whether a record follows in its stream, moves what it may, and is signed by who is next.

        Args:
            opened: The record.
            stream: As the record found it.
            registry: As the record found it.
            hole: Whether the stream has a record that nobody can read any more: what the record
                follows is not known then.
        """
        statement, act = opened.statement, opened.act
        try:
            if statement is None or (hole and act and not self._in_form(statement, registry)):
                return False
            if stream.seq and stream.head and statement.prev != stream.head and not hole:
                return False
            if act is None:
                service_statements.admit(
                    statement, registry, opened.recorded_at, origin=self._origin
                )
                return not opened.registry
            signer = self._signer(opened, statement, act, registry)
            instead = _stands_in(statement, act, signer, registry)
            if hole and orphaned(stream, opened):
                named = {s.officer for s in act.signers if s.role == statement.role}
                return instead or (statement.stand_in is None and signer in named)
            entry = stream.entries.get(act.act_id)
            turn = awaited(stream, act)[0]
            return (
                statement.role in (turn.role, RETURNER)
                and (entry is None or entry.act.signed == act.signed)
                and (hole or not stream.aside or act.act in WAYS_ON)
                and _in_columns(opened, act, first=entry is None)
                and self._may_move(act, stream, registry.judging(act.act), hole=hole)
                and act.form <= registry.judging(act.act).form
                and (instead or (statement.stand_in is None and signer == turn.officer))
            )
        except NONSENSE:
            return False

    def _signer(self, opened: Opened, statement: Statement, act: Act, registry: Registry) -> str:
        """Who signed, with a key that was good then. Raises: Rejected."""
        require_log(statement, self._origin)
        known = self._checked.knows(opened)
        officer = Submission(statement, act, None, verified=known).admit(
            registry, opened.recorded_at
        )
        if not known:
            self._checked.keep(opened)
        return officer

    def _in_form(self, statement: Statement, registry: Registry) -> bool:
        """Whether an act is in form as the door asks it, its facts too, which needs no stream.

        Where a guard can be asked as well, its judgement says so (`Fold`).
        """
        return facts_fit(parsed(statement.members, registry, self._level), registry, self._level)

    def _may_move(self, act: Act, stream: StreamState, edition: Edition, *, hole: bool) -> bool:
        """Whether an act of so many signers may stand in a stream of this kind and state.

        Behind a record that nobody can read the state is not known: it may have been that one's.
        """
        kind = catalogue_of(edition).types[act.act]
        least, _ = kind.signature(act, self._level)
        legal, _ = life_cycle_of(edition).next_state(act.act, act.disposition, stream.state)
        return stream.kind in kind.streams and len(act.signers) >= least and (legal or hole)


def _stands_in(statement: Statement, act: Act, signer: str, registry: Registry) -> bool:
    """Whether it says to be signed instead of an officer named, by one who may."""
    instead = statement.stand_in
    return (
        instead is not None
        and signer == instead["officer"]
        and may_stand_in(registry, act, statement.role, instead, statement.iat)
    )


def _in_columns(opened: Opened, act: Act, *, first: bool) -> bool:
    """Whether the row says what the statement says, but for its effect on the registry."""
    unit = opened.stream_id if opened.stream.startswith(CASE) else NIL_UNIT
    return (
        opened.author is first
        and opened.unit == unit
        and (not opened.registry or act.act in REGISTRY_ACTS)
    )


def orphaned(stream: StreamState, opened: Opened) -> bool:
    """Whether a countersignature stands alone because its author's statement is erased."""
    return (
        opened.act is not None
        and opened.statement is not None
        and opened.statement.role in COUNTERSIGNERS
        and opened.act.act_id not in stream.entries
    )
