"""What a guard is asked: one statement, the stream before it, and the registry as the log stands.

A guard sees nothing else: not the wall clock, not another log (guards.json, notes). It is built
once per statement, by `DecisionContext.guard_input` alone, and is never changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, date, datetime
from typing import Any

from ledger.regulation.acts.act import Act
from ledger.regulation.acts.catalogue import ActType, Catalogue, catalogue_of
from ledger.regulation.case.other_cases_port import Cases
from ledger.regulation.case.state import Entry, StreamState
from ledger.regulation.edition import Edition
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.registry import Registry
from ledger.values import frozen_value


@frozen_value(frozen=True, slots=True)
class GuardInput:
    """May this statement stand, as the log is now?

    Attributes:
        act: The payload, parsed (formats.md §2).
        kind: Its type in the catalogue.
        edition: The rules it is judged by.
        iat: When the signer says it signed, in seconds since 1970 (formats.md §3).
        role: Role of the protected header: AUTHOR, CHECKER, APPROVER or RETURNER.
        seq: Position the statement takes in its stream, from 1.
        prev: b64 digest of the statement before, None where seq is 1.
        stand_in: What the header says of who signs instead (formats.md §3); None: nobody does.
        kid: Thumbprint of the signing key.
        officer: The officer whose key it is, by the registry; None where the key is unknown.
        stream: The fold of the stream before this statement.
        registry: The registry as the log stands.
        origin: Origin of the log (formats.md §7).
        level: `ordinary`, `mat`, `toi-mat` or `tuyet-mat`.
        log_size: Records in the log before this one.
        cases: What may be asked about other cases of this log.
        at: The ledger's own time; only for what is not judged by occurred_at or iat.
        whole: Whether whoever asks may be told of all of the stream; only for what is told.
        memo: What the guards of this statement have computed once and share; another has its own.
        day: The day of occurred_at in its own offset, by which all registry questions are judged.
        facts: The facts of the act.
    """

    act: Act
    kind: ActType
    edition: Edition
    iat: int
    role: str
    seq: int
    prev: str | None
    kid: str
    officer: str | None
    stream: StreamState
    registry: Registry
    origin: str
    level: str
    log_size: int
    cases: Cases
    at: datetime
    stand_in: Mapping[str, str] | None = None
    whole: bool = True
    memo: dict[str, Any] = field(init=False, default_factory=dict, repr=False, compare=False)
    # guards ask for these some thirty times an act
    day: date = field(init=False, repr=False, compare=False)
    facts: Mapping[str, Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "day", self.act.day)
        object.__setattr__(self, "facts", self.act.facts)

    @property
    def signed_at(self) -> datetime:
        """`iat` as a UTC datetime."""
        return datetime.fromtimestamp(self.iat, UTC)

    @property
    def day_taken(self) -> date:
        """The day on which the ledger takes the statement: that of `at`."""
        found: date | None = self.memo.get("day_taken")
        if found is None:
            found = self.memo["day_taken"] = local_day(self.at)
        return found

    @property
    def standing(self) -> Entry | None:
        """The pending act of this act_id that is countersigned, signed by its author; else None."""
        return self.stream.pending.get(self.act.act_id)

    def ref(self, member: str, *types: str) -> Entry | None:
        """The effective act of this stream and these types that facts.<member> names; else None."""
        named = self.facts.get(member)
        return self.stream.get(named, *types) if isinstance(named, str) else None

    @property
    def catalogue(self) -> Catalogue:
        """The whole catalogue in force."""
        return catalogue_of(self.edition)

    def above_ordinary(self) -> bool:
        """Whether the log's level is above ordinary."""
        return self.level != "ordinary"


@frozen_value(frozen=True, slots=True)
class DecisionContext:
    """What a statement is judged by beside its stream: the log as it stands.

    Attributes:
        registry: As the log stands, with the edition in force.
        origin: Origin of the log.
        level: Its level.
        log_size: Records before this one.
        cases: What may be asked about other cases.
        at: The ledger's time.
        whole: Whether whoever sends the statement sees all of its stream.
    """

    registry: Registry
    origin: str
    level: str
    log_size: int
    cases: Cases
    at: datetime
    whole: bool = True

    def guard_input(  # noqa: PLR0913 - what a statement says of itself
        self,
        stream: StreamState,
        act: Act,
        officer: str,
        *,
        kid: str,
        iat: int,
        role: str,
        stand_in: Mapping[str, str] | None = None,
    ) -> GuardInput:
        """The input of the guards for the statement that would come next in a stream.

        Whoever signs instead of an officer named is asked about as if the act had named them.

        Raises:
            Rejected: `unknown_act`: the edition in force has no such type.
        """
        edition = self.registry.judging(act.act)
        if stand_in is not None:
            stream = stream.signed_instead(act.act_id, stand_in)
        standing = stream.pending.get(act.act_id)
        if standing is not None and standing.act.signed == act.signed:
            act = standing.act  # with whoever has signed instead of somebody it names
        return GuardInput(
            act=act,
            kind=catalogue_of(edition).type(act.act, act.form),
            edition=edition,
            iat=iat,
            role=role,
            seq=stream.seq + 1,
            prev=stream.head,
            stand_in=stand_in,
            kid=kid,
            officer=officer,
            stream=stream,
            registry=self.registry,
            origin=self.origin,
            level=self.level,
            log_size=self.log_size,
            cases=self.cases,
            at=self.at,
            whole=self.whole,
        )
