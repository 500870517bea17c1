"""What a statement is judged by: the door, its stream, and what both ask beside it.

As the log stands for this process; whether it still stood so is the append's to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from keys import canonical
from ledger.admission.submission import Submission
from ledger.errors import Fault, Rejected
from ledger.log import record
from ledger.log.merkle import Frontier
from ledger.log.statement import AUTHOR, Statement
from ledger.message import Message
from ledger.ports import (
    Asking,
    AttachedFiles,
    Clock,
    Grounds,
    Identities,
    LowerLogs,
    OtherCases,
    RecordStore,
    Sight,
    Sights,
)
from ledger.regulation.acts.act import ORDINARY, Act
from ledger.regulation.case.guard_input import DecisionContext
from ledger.regulation.case.state import ERASURE, RECOVERING, SEALING
from ledger.regulation.decide import Decision
from ledger.regulation.registry.registry import Registry
from ledger.steps import Steps
from ledger.streams.event import Said, StatementRecorded
from ledger.streams.names import is_case, stream_id
from ledger.streams.stream import Stream
from ledger.values import frozen_value
from ledger.write.erasures import Erasures, NamedRecords
from ledger.write.eventsourcing_adapter import Preconditions
from ledger.write.ledger_clock import Time, by_clock, rehearsed
from ledger.write.lower_check import LowerCheck
from ledger.write.see_check import SeeCheck
from ledger.write.stream_cache import StreamCache
from ledger.write.unasked_cases import AsksOthers, UnaskedCases

_ENTRIES: Final = 32_768
_ASKED_APART: Final = frozenset({RECOVERING, SEALING})
_ERASABLE: Final = frozenset({"case", "programme"})
_MS: Final = timedelta(milliseconds=1)


@frozen_value(frozen=True, slots=True)
class JudgedStatement:
    """A statement that may stand, and how long that is so.

    Attributes:
        event: To be recorded.
        decision: What it brings about.
        ends: When this answer ends: with the key, or with the window of `iat`.
        grounds: What else it was judged by.
    """

    event: StatementRecorded
    decision: Decision
    ends: datetime
    grounds: Grounds


class Judging:
    """Judges statements of one log.

    Attributes:
        memory: Of the streams and the registry.
        store: Reads of the records.
        cases: What guards may ask about other cases; what they were told goes with the append.
        erasures: What acts of erasure name.
        see: What callers see of cases.
        lower: The lower logs that are mirrored here; None where none can be.
        origin: Origin of the log.
        level: Its level.
    """

    def __init__(  # noqa: PLR0913 - the ports of one process, as `Ledger` has them
        self,
        memory: StreamCache,
        store: RecordStore,
        clock: Clock,
        cases: OtherCases,
        erasures: Erasures,
        *,
        origin: str,
        level: str,
        rehearsal: bool,
        files: AttachedFiles | None,
        sights: Sights | None,
        compartment: Identities | None,
        lower: LowerLogs | None,
    ) -> None:
        self.memory, self.store, self.cases, self._clock = memory, store, cases, clock
        self.erasures, self.origin, self.level, self._rehearsal = erasures, origin, level, rehearsal
        self.see = SeeCheck(sights, by_name=level != ORDINARY)
        self.lower = LowerCheck(lower) if level != ORDINARY and lower is not None else None
        self._files, self._compartment = files, compartment

    def submission(self, statement: Statement, signer_officer: str | None = None) -> Submission:
        """What a sender sent, in form. Raises: as `Submission.of`."""
        return Submission.of(
            statement,
            origin=self.origin,
            level=self.level,
            registry=self.memory.current.registry,
            session=signer_officer,
        )

    def require_sight(self, sent: Submission) -> Sight:
        """Before life cycle, guards, replay and signature, none of which says that a case is there.

        What these then say of it is for whoever sees all of it.

        Raises:
            NotFound: The sender sees no such case.
        """
        name = sent.act.stream

        def stream() -> Stream:
            with self.memory.fresh(name, self.see.hides) as found:
                return found

        sight = self.see.require(sent.act, sent.statement.seq, stream)
        sent.whole = sight != "part"
        return sight

    def time(self, at: datetime | None) -> Time:
        """The ledger's time now. Raises: Rejected: it is no rehearsal, and the sender states it."""
        if self._rehearsal:
            return rehearsed(at, self.memory.look().recorded_at)
        if at is not None:
            raise Rejected(
                "not_a_rehearsal",
                Message("Only a rehearsal takes its time from the sender."),
            )
        return by_clock(self._clock.now(), self.memory.head.recorded_at)

    def asks_apart(self, sent: Submission) -> bool:
        """Whether more is asked of it than what this process knows: of files, vault, tree, logs."""
        act, author = sent.act, sent.statement.role == AUTHOR
        return bool(act.attachments) or act.act in _ASKED_APART or (author and bool(self.lower))

    def judge(
        self, stream: Stream, sent: Submission, time: Time
    ) -> Steps[tuple[Said, Preconditions]]:
        """Judges it in its group, in the thread of whoever leads: nothing is waited for here.

        The signature is the first step, by which nothing is refused: what does not verify is
        refused where it always was, behind what was asked before it.

        A token of an author's statement is presumed to stand in no other case, since the append is
        told of it and says otherwise (ADR 37). No refusal and no other statement goes by that.

        Raises:
            AsksOthers: It is for its own thread to judge.
            Conflict: As `record`.
            Rejected: As `record`.
        """
        sent.check_signature(self.memory.current.registry)
        yield
        current, asking = self.memory.current, UnaskedCases()
        officer, ends = sent.admit(current.registry, time.at), sent.ends(current.registry)
        ground = self.context(current.registry, time.at, asking, whole=sent.whole)
        try:
            event, _ = yield from stream.deciding(sent.statement, sent.act, officer, ground)
        except Rejected as refused:
            if asking.presumed:
                raise AsksOthers from refused
            raise
        if asking.presumed and not event.author:
            raise AsksOthers
        grounds = self._grounds(sent.act.act_id, stream)
        return event, Preconditions(current.index, time.at, until(time.latest, ends), grounds)

    def _grounds(self, act_id: str, stream: Stream) -> Grounds:
        """What one is judged by in a group beside stream and registry.

        Raises:
            AsksOthers: This process has not asked yet which records are to be erased.
            Rejected: As `require_unerased`.
        """
        if not _may_be_erased(act_id, stream):
            return Grounds()
        if self.erasures.known is None:
            raise AsksOthers
        return _unerased(act_id, stream, self.erasures.known).grounds

    def judged_apart(
        self, stream: Stream, sent: Submission, time: Time, *, presuming: bool
    ) -> tuple[Said, Preconditions]:
        """Judges it in its own thread, which asks whatever there is to ask."""
        current = self.memory.catch_up()
        found = self.judged(stream, sent, current.registry, time.at, presuming=presuming)
        latest = until(time.latest, found.ends)
        return found.event, Preconditions(current.index, time.at, latest, found.grounds)

    def judged(
        self,
        stream: Stream,
        sent: Submission,
        registry: Registry,
        at: datetime,
        *,
        presuming: bool = False,
    ) -> JudgedStatement:
        """Every question of the door and of the stream.

        Where it may, a token of an author's statement is presumed to stand in no other case, since
        the append is told of it and says otherwise (ADR 37). No refusal and no other statement goes
        by that: they are judged by what stands there.
        """
        officer, ends = sent.admit(registry, at), sent.ends(registry)
        seen = self.see.asked_of_others(sent.act)
        asking = self.cases.asking(seen, presuming=presuming and is_case(sent.act.stream))
        ground = self.context(registry, at, asking, whole=sent.whole)
        try:
            event, decision = stream.decide(sent.statement, sent.act, officer, ground)
        except Rejected:
            if asking.presumed:
                return self.judged(stream, sent, registry, at)
            raise
        if asking.presumed and not event.author:
            return self.judged(stream, sent, registry, at)
        grounds = asking.grounds
        unerased = self.require_unerased(sent.act.act_id, stream)
        if unerased is not None:
            streams = {**grounds.streams, **unerased.grounds.streams}
            grounds = replace(grounds, streams=streams)
        self.require_files(sent.act, stream)
        self._require_identity(sent.act)
        self._require_prefix(sent.act)
        self._require_whole_acts(sent.act)
        if self.lower is not None and sent.statement.role == AUTHOR:
            self.lower.require(sent.act)
        return JudgedStatement(event, decision, ends, grounds)

    def context(
        self, registry: Registry, at: datetime, asking: Asking, *, whole: bool = True
    ) -> DecisionContext:
        """What guards are told of the log."""
        return DecisionContext(
            registry=registry,
            origin=self.origin,
            level=self.level,
            log_size=self.memory.head.size,
            cases=asking,
            at=at,
            whole=whole,
        )

    def require_unerased(self, act_id: str, stream: Stream) -> NamedRecords | None:
        """An act that an erasure in force names takes no further signature (access.md K8).

        Each holds the whole payload: what is to go would be recorded anew, and nothing of it went.
        It may be returned or taken back, which repeats nothing of it. No guard asks this, since it
        is no verdict on what is said, and what stands in a log of any edition stays.

        Returns:
            By what that is known; None where nothing of the kind waits.

        Raises:
            Rejected: `act_erased`.
        """
        if not _may_be_erased(act_id, stream):
            return None
        return _unerased(act_id, stream, self.erasures.look())

    def require_files(self, act: Act, stream: Stream) -> None:
        """An act never lists a file that nobody could open, nor one that is hidden from its author.

        It is opened through any act that lists it. Whoever signs after the author is not asked.
        """
        if self._files is None or not act.attachments:
            return
        digests = {listed["digest"] for listed in act.attachments}
        earlier: Sequence[Act] = [
            entry.act
            for entry in stream.state.entries.values()
            if any(listed["digest"] in digests for listed in entry.act.attachments)
        ]
        if act.act_id not in stream.state.entries:
            earlier = self.see.among(act.stream, earlier)
        self._files.require(act, earlier)

    def _require_whole_acts(self, act: Act) -> None:
        """An erasure names every statement of an act or none: the content is the same in each.

        Its guard asks each case named, so that a statement that comes meanwhile is heard of.
        """
        if act.act != ERASURE:
            return
        named = {int(one["index"]): n for n, one in enumerate(act.facts["entries"])}
        for index, n in named.items():
            for row in self.store.read(index, 1):
                left = [one.index for one in self.store.act(row.act_id) if one.index not in named]
                if left:
                    raise Rejected(
                        "act_in_part",
                        Message(
                            "Not recorded: record {left} holds the same content as record {index},"
                            " which the act names. Return it if it waits, and sign one that names"
                            " both, as `socai record entries` prints them now.",
                            index=index,
                            left=left[0],
                        ),
                        faults=[Fault(f"/facts/entries/{n}", Message("an act named in part"))],
                    )

    def _require_identity(self, act: Act) -> None:
        """What a sealing names lies in R, sealed for this reporter of this case (access.md A5)."""
        if self._compartment is None or act.act != SEALING:
            return
        item, token = act.facts["vault_item"], act.facts["reporter"]
        if not self._compartment.holds(item, token, stream_id(self.origin, act.stream)):
            raise Rejected(
                "identity_missing",
                Message("Not recorded: the vault has no such identity for this reporter."),
                faults=[Fault("/facts/vault_item", Message("nothing is kept under it"))],
            )

    def _require_prefix(self, act: Act) -> None:
        """A recovery names the root of what is left; no guard sees the tree, so it stands here."""
        if act.act == RECOVERING and act.facts["root"] != self._root(act.facts["size"]):
            raise Rejected(
                "guard",
                Message(
                    "Not recorded: the root is not that of the records that are left. Run socai"
                    " log recover again."
                ),
                guard="RECOVERY_FOLLOWS_PREFIX",
                faults=[Fault("/facts/root", Message("another root"))],
            )

    def _root(self, size: int) -> str:
        frontier = Frontier()
        for start in range(0, size, _ENTRIES):
            for entry in self.store.entries(start, min(start + _ENTRIES, size)):
                frontier.append(record.leaf(entry))
        return canonical.b64(frontier.root())


def _may_be_erased(act_id: str, stream: Stream) -> bool:
    """Whether it waits in a stream of which something may be erased."""
    return act_id in stream.state.pending and stream.state.kind in _ERASABLE


def _unerased(act_id: str, stream: Stream, named: NamedRecords) -> NamedRecords:
    erasure = named.names(stream.state.pending[act_id])
    if erasure is None:
        return named
    raise Rejected(
        "act_erased",
        Message(
            "Not recorded: act of erasure {erasure} names this act, so it takes no further"
            " signature. Whatever of it is to be decided still is a new act, without what was to"
            " go.",
            erasure=erasure,
        ),
        params={"erasure": erasure},
    )


def until(latest: datetime | None, ends: datetime) -> datetime:
    """How late it may be recorded: a signature is never judged otherwise at its index."""
    last = ends - _MS
    return last if latest is None else min(latest, last)
