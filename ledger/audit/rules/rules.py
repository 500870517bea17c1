"""Replays the rules: asks of every statement what the door asked, by the log as it stood.

Whoever has the writer's login and the KEK can append what the door never saw. What the rules refuse
at its index is set aside (formats.md §3): it moves neither registry nor stream, and the walk goes
on as if it were not there, so that one such record is one finding and not a thousand. What the
chain of a stream and the keys say is asked here too, by the very code of the door, while `chain`
asks it by its own: on purpose, so that a fault of one shows in the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple
from uuid import UUID

from ledger.admission import service_statements
from ledger.admission.replay import judging
from ledger.admission.submission import parsed
from ledger.audit.content import CheckedRecord, RawRecord
from ledger.audit.findings import Damage
from ledger.audit.rules.other_cases import AssumedCases, CasesAtIndex, CrossCaseQuestion, Learned
from ledger.audit.rules.stream_folds import Folds
from ledger.audit.rules.token_owners import Tokens
from ledger.errors import Conflict, Rejected
from ledger.log.moment import of_milliseconds
from ledger.log.statement import SERVICE_TYP, Statement
from ledger.message import Message, Text
from ledger.regulation.acts.act import Act, parse_act
from ledger.regulation.case.other_cases_port import REPORTS, report_of, state_told
from ledger.regulation.decide import Decision
from ledger.regulation.registry.lines import REGISTRY_ACTS
from ledger.regulation.registry.registry import Registry
from ledger.steps import Steps, by_turns, finished
from ledger.streams.event import StatementRecorded
from ledger.streams.kinds import begin
from ledger.streams.record_reader import NONSENSE
from ledger.streams.stream import Stream

#: Refusals that are damage of a kind of their own.
_KINDS: Final = {
    "invalid_signature": Damage.SIGNATURE_INVALID,
    "malformed_act": Damage.ACT_MALFORMED,
    "unknown_act": Damage.ACT_MALFORMED,
}


class RuleRefusal(NamedTuple):
    """Why the rules refuse a recorded statement.

    Attributes:
        kind: Which damage that is; where no kind says it more precisely, AGAINST_THE_RULES.
        message: The guard and its sentence.
        text: The same for the reader, where a rule has a sentence for it.
    """

    kind: Damage
    message: str
    text: Text | None = None


class Ruling(NamedTuple):
    """What the rules say of a record.

    Attributes:
        refusal: Why the rules refuse it; None where they do not, or could not be asked.
        stands: Whether it moves its stream and the registry; it does not where it is refused, not
            where its row is damaged so that the log itself could not read it, and not where it is
            well signed and follows such a record, if anything.
        hangs_on: Index of the record that can no longer be read, without which it cannot be judged
            in full; None where it was.
        lost: Whether that holds for all that follows in its stream.
        registry: Whether it brings an act of the registry into effect.
        learned: What it leaves for later ones to ask about.
        asked: What was assumed of other cases.
        also: Earlier records of the stream that were not judged and do not stand, as it shows now.
    """

    refusal: RuleRefusal | None = None
    stands: bool = True
    hangs_on: int | None = None
    lost: bool = False
    registry: bool = False
    learned: Learned = Learned()
    asked: tuple[CrossCaseQuestion, ...] = ()
    also: tuple[int, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether the record stands, judged in full, and what it leaves is in a slip."""
        whole = self.stands and self.hangs_on is None and not self.registry
        return whole and not self.asked and not self.also and self.learned.report is None


_BESIDE: Final = 16
"""Records judged by turns at most: what they read is to stay in the caches as well."""
AskedCases = CasesAtIndex | AssumedCases
Asked = tuple[RawRecord, CheckedRecord, Statement | None, Act | None]
"""A record to be judged: the row, what it says, the statement, and the act where it is parsed."""
STANDS: Final = Ruling()
"""Of a record that leaves nothing, or where the rules are not asked."""


class RegistryChange(NamedTuple):
    """An act by which the registry changes, and the index of the record that does it."""

    record: int
    recorded_at: datetime
    act: Act


class WrongGuess(Exception):
    """What was assumed of the rest of the log does not hold; asked again, nothing is assumed."""


class RuleReplay:
    """The rules along a log; rows are asked about in its order.

    Args:
        origin: Origin of the log.
        level: Its level.
        folds: Its streams.
        tokens: Whose each token is.
        timeline: How the registry changes, where only some streams' rows come by; None where all
            do, so that it changes by what stands.
        expected: Indices at which others assume that the registry changes; None where nobody does.
        apart: Whether no case comes by, so that what is asked about one is assumed.

    Attributes:
        registry: Before the next record.
        cases: What guards ask of other cases.
    """

    def __init__(  # noqa: PLR0913 - one log, and what is known of it beforehand
        self,
        origin: str,
        level: str,
        folds: Folds,
        tokens: Tokens,
        *,
        timeline: Iterable[RegistryChange] | None = None,
        expected: Collection[int] | None = None,
        apart: bool = False,
    ) -> None:
        self._origin = origin
        self._level = level
        self._folds = folds
        self._timeline = None if timeline is None else deque(timeline)
        self._expected = expected
        self.registry = Registry.founded()
        folds.edition_at = self.registry.edition_at
        self._tokens = tokens
        self.known = CasesAtIndex(folds, lambda: self.registry, tokens)
        self._cases = self.known if timeline is None and not apart else AssumedCases()
        self._hanging: dict[bytes, list[int]] = {}  # by stream: what follows what cannot be read

    def settle(
        self,
        row: RawRecord,
        said: CheckedRecord,
        statement: Statement | None,
        ruling: Ruling | None,
    ) -> Ruling:
        """The ruling on the next record, wherever it was judged.

        Args:
            row: The row.
            said: What it says, checked by itself.
            statement: The statement, where it has to be judged, or may have to be.
            ruling: Of whoever has its stream and assumed the rest of the log; None: nobody yet.

        Raises:
            WrongGuess: What was assumed does not hold, and something rests on it.
        """
        if ruling is None:
            settled = self.follow(row, said, statement)
        else:
            self._folds.forget(row.stream_id)
            self.known.begin(said)
            names = said.tokens if ruling.stands else ()
            brings = self._brings(row.at, row.name or "", names)
            if brings and self.known.agrees(ruling.asked):
                guessed = self.known.guessed
                hangs_on = guessed if ruling.hangs_on is None else ruling.hangs_on
                settled = ruling._replace(asked=(), hangs_on=hangs_on)
                self._take(row, said, settled)
            else:
                settled = self.follow(row, said, statement)
                if settled.stands != ruling.stands:
                    raise WrongGuess(row.at)
        if self._expected is not None and settled.registry != (row.at in self._expected):
            raise WrongGuess(row.at)
        return settled

    def pass_by(self, at: int, stream: tuple[bytes, str], leaf: bytes, learned: Learned) -> None:
        """A record of which only a slip is left, since whoever has its stream lets it stand.

        Raises:
            WrongGuess: It names a token of another stream.
        """
        self._folds.forget(stream[0])
        if not self._brings(at, stream[1], learned.tokens):
            raise WrongGuess(at)
        self.known.learn(at, *stream, leaf, learned)

    def _brings(self, at: int, stream: str, tokens: Iterable[str]) -> bool:
        """Whether a record may name these, which whoever judged it did not ask."""
        return not any(self._tokens.elsewhere(token, stream, at) for token in tokens)

    def _take(self, row: RawRecord, said: CheckedRecord, ruling: Ruling) -> None:
        """Goes on behind a record that somebody else has judged."""
        if not ruling.stands:
            self._folds.set_aside.add(row.at)
        if ruling.lost and ruling.hangs_on is not None:
            self._folds.lose(row.stream_id, ruling.hangs_on)
        if ruling.registry and said.members is not None:
            self._apply(row, said, parse_act(said.members, level=self._level))

    def act_of(self, statement: Statement | None) -> Act | None:
        """The act that was signed, for `follow`; None where it is none: `follow` says why.

        Whether the edition in force has its type is asked again when it is judged.
        """
        if statement is None or statement.typ == SERVICE_TYP:
            return None
        try:
            return parsed(statement.members, self.registry, self._level)
        except NONSENSE:
            return None

    def follow_each(self, records: Iterable[Asked]) -> list[Ruling]:
        """The same of the next records, by turns where they stand beside each other.

        That is as long as none is of the stream of another, and the registry is one for all: so
        only for whoever assumes what is asked of other streams, and has a timeline.

        Args:
            records: What `follow` takes of each.
        """
        found: list[Ruling] = []
        beside: dict[bytes, Steps[Ruling]] = {}
        for record in records:
            row = record[0]
            if row.stream_id in beside or len(beside) == _BESIDE or self._changes(row.at):
                found += by_turns(beside.values())
                beside = {}
            beside[row.stream_id] = self._following(*record)
        return found + by_turns(beside.values())

    def follow(
        self,
        row: RawRecord,
        said: CheckedRecord,
        statement: Statement | None,
        act: Act | None = None,
    ) -> Ruling:
        """Judges the next record, and goes on with or without it.

        Args:
            row: The row.
            said: What it says, checked by itself.
            statement: The statement; None where it cannot be read.
            act: Of `act_of`, where somebody has asked already.
        """
        return finished(self._following(row, said, statement, act))

    def _following(
        self,
        row: RawRecord,
        said: CheckedRecord,
        statement: Statement | None,
        act: Act | None,
    ) -> Steps[Ruling]:
        folds, key = self._folds, row.stream_id
        cases = self._cases.begin(said)
        if self._timeline is not None:
            self._catch_up(self._timeline, row.at)
        stream = self._stream(row, said)
        if stream is None:
            return self._unknown(row, said, statement, cases)
        if statement is None or said.damage is not None:
            folds.doubted.setdefault(key, row.at)
            return self._set_aside(stream, row, None)
        if statement.typ == SERVICE_TYP:
            ruling = self._service(stream, row, said, statement)
        else:
            ruling = yield from self._judged(stream, row, said, statement, act, cases)
        if ruling.stands and key in folds.doubted:
            return self._doubted_no_more(key, ruling)
        return ruling

    def _doubted_no_more(self, key: bytes, ruling: Ruling) -> Ruling:
        """The stream has gone on as if what cannot be read did not stand: nor did what follows it.

        Behind it the rules take nothing but a service statement and what voids it.
        """
        self._folds.doubted.pop(key)
        return ruling._replace(also=tuple(self._hanging.pop(key, ())))

    def _unknown(
        self, row: RawRecord, said: CheckedRecord, statement: Statement | None, cases: AskedCases
    ) -> Ruling:
        """In a stream that is not known any more: counted."""
        hangs_on = self._folds.lost[row.stream_id]
        if statement is None or said.damage is not None:
            self._folds.set_aside.add(row.at)
            return Ruling(stands=False, hangs_on=hangs_on, lost=True)
        believed = self._believed(row, said, statement, cases)
        return Ruling(hangs_on=hangs_on, lost=True, registry=believed)

    def _believed(
        self, row: RawRecord, said: CheckedRecord, statement: Statement, cases: AskedCases
    ) -> bool:
        """Whether the registry changes by an act of a stream that is not known.

        If the rules take it alone (`Stream.suppose`), as for every process (`Judge.alone`).
        """
        if not row.registry or said.act not in REGISTRY_ACTS:
            return False
        try:
            act = parsed(statement.members, self.registry, self._level)
            begun = begin(UUID(bytes=row.stream_id), row.name or "")
            alone = begun.suppose(statement, act, self.registry)
            event, _ = finished(self._asked(alone, row, said, statement, act, cases))
            if event.registry:
                self._apply(row, said, act)
        except (Conflict, *NONSENSE):
            return False
        return event.registry

    def _changes(self, at: int) -> bool:
        """Whether the registry has changed before a record, and nobody has gone on to it yet."""
        return self._timeline is not None and any(
            change.record < at for change in islice(self._timeline, 1)
        )

    def _catch_up(self, timeline: deque[RegistryChange], at: int) -> None:
        while timeline and timeline[0].record < at:
            index, recorded_at, act = timeline.popleft()
            self.registry.apply(act, index=index, recorded_at=recorded_at)

    def _stream(self, row: RawRecord, said: CheckedRecord) -> Stream | None:
        """The stream of a row; None where it is not known, from here on or since before."""
        folds, key = self._folds, row.stream_id
        if row.at and self.registry.version < 0:
            folds.lose(key, 0)  # nobody has opened this log
        elif row.name is None or said.damage is Damage.WRAP_MISSING:
            folds.lose(key, row.at)
        if key in folds.lost:
            return None
        stream = folds.stream(key, row.name or "", row.at, new=row.seq == 1)
        if stream is not None and row.seq > stream.version + 1:
            folds.lose(key, row.at)  # what stood before it is gone
            return None
        return stream

    def _service(
        self, stream: Stream, row: RawRecord, said: CheckedRecord, statement: Statement
    ) -> Ruling:
        """No act: it takes its place, and moves nothing."""
        at, verified = of_milliseconds(said.recorded_ms), said.signed is True
        try:
            service_statements.judged(
                stream, statement, self.registry, at, origin=self._origin, verified=verified
            )
        except (Rejected, Conflict) as refusal:
            return self._refuse(stream, row, statement, refusal)
        if row.registry:
            said_so = f"the column says True for {said.act}"
            return self._set_aside(stream, row, RuleRefusal(Damage.COLUMN_REGISTRY, said_so))
        self._folds.pass_over(stream, row, statement.digest_b64)
        return STANDS

    def _judged(
        self,
        stream: Stream,
        row: RawRecord,
        said: CheckedRecord,
        statement: Statement,
        act: Act | None,
        cases: AskedCases,
    ) -> Steps[Ruling]:
        try:
            if act is None:
                act = parsed(statement.members, self.registry, self._level)
            event, decision = yield from self._asked(stream, row, said, statement, act, cases)
            if event.registry != row.registry:
                said_so = f"the column says {row.registry} for an {decision.status} {act.act}"
                return self._set_aside(stream, row, RuleRefusal(Damage.COLUMN_REGISTRY, said_so))
            if row.unit not in (None, event.unit.bytes):
                said_so = f"the column is not the unit of this {act.act}"
                return self._set_aside(stream, row, RuleRefusal(Damage.COLUMN_UNIT, said_so))
            if event.registry:
                self._apply(row, said, act)
        except (Rejected, Conflict) as refusal:
            return self._refuse(stream, row, statement, refusal)
        except NONSENSE as error:
            kind = Damage.REGISTRY_ACT if said.act in REGISTRY_ACTS else Damage.ACT_MALFORMED
            return self._set_aside(stream, row, RuleRefusal(kind, f"it cannot stand: {error!r}"))
        self._folds.grow(stream, row, event)
        counts = decision.status == "effective" and act.act in REPORTS
        report = report_of(act, row.at) if counts else None
        learned = Learned(state_told(stream.state), said.tokens, report)
        return Ruling(
            hangs_on=cases.guessed,
            registry=event.registry,
            learned=learned,
            asked=cases.asked,
        )

    def _asked(
        self,
        stream: Stream,
        row: RawRecord,
        said: CheckedRecord,
        statement: Statement,
        act: Act,
        cases: AskedCases,
    ) -> Steps[tuple[StatementRecorded, Decision]]:
        return judging(
            stream,
            statement,
            act,
            index=row.at,
            at=of_milliseconds(said.recorded_ms),
            registry=self.registry,
            cases=cases,
            origin=self._origin,
            level=self._level,
            verified=said.signed is True,
        )

    def _apply(self, row: RawRecord, said: CheckedRecord, act: Act) -> None:
        """The registry changes by what stands, unless it does so by a timeline."""
        if self._timeline is None:
            at = of_milliseconds(said.recorded_ms)
            self.registry.apply(act, index=row.at, recorded_at=at)

    # -- refusals ---------------------------------------------------------------------------------

    def _refuse(
        self, stream: Stream, row: RawRecord, statement: Statement, why: Rejected | Conflict
    ) -> Ruling:
        where = f"{row.name} {row.seq}"
        if isinstance(why, Rejected):
            kind = self._kind(statement, why)
            code = why.guard or why.code
            said = Message("{where}: {code}: {why}", where=where, code=code, why=why.text)
            refusal = RuleRefusal(kind, str(said), said)
        elif why.code == "stale" and row.stream_id in self._folds.doubted:
            return self._hang(stream, row)
        elif why.code == "taken":
            text = f"{where}: other bytes than the author of the act signed"
            refusal = RuleRefusal(Damage.ACT_BYTES_DIFFER, text)
        elif statement.seq != stream.version + 1:
            text = f"{where}: after {stream.version}"
            refusal = RuleRefusal(Damage.SEQ_GAP, text)
        else:
            text = f"{where}: prev is not the digest of the last statement that stands"
            refusal = RuleRefusal(Damage.PREV_BROKEN, text)
        return self._set_aside(stream, row, refusal)

    def _kind(self, statement: Statement, why: Rejected) -> Damage:
        if why.code == "unknown_key":
            keyring, kid = self.registry.keyring, statement.kid
            line = keyring.line(kid)
            if line is not None and line.is_service is not (statement.typ == SERVICE_TYP):
                return Damage.WRONG_SIGNER
            return Damage.KEY_REVOKED if keyring.retired(kid) else Damage.KEY_UNKNOWN
        return _KINDS.get(why.code, Damage.AGAINST_THE_RULES)

    def _hang(self, stream: Stream, row: RawRecord) -> Ruling:
        """Well signed, and it follows what cannot be read, if anything: nobody can tell."""
        self._hanging.setdefault(row.stream_id, []).append(row.at)
        hangs_on = self._folds.doubted[row.stream_id]
        return self._set_aside(stream, row, None)._replace(hangs_on=hangs_on)

    def _set_aside(self, stream: Stream, row: RawRecord, refusal: RuleRefusal | None) -> Ruling:
        self._folds.pass_over(stream, row)
        learned, asked = Learned(state_told(stream.state)), self._cases.asked
        return Ruling(refusal, stands=False, learned=learned, asked=asked)
