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
from typing import Final, NamedTuple
from uuid import UUID

from ledger.checks.content import Checked, RawRecord
from ledger.checks.findings import Damage
from ledger.checks.folds import Folds
from ledger.checks.known import Asked, Assumed, Known, Learned
from ledger.checks.tokens import Tokens
from ledger.errors import Conflict, Rejected
from ledger.log.moment import of_milliseconds
from ledger.log.statement import SERVICE_TYP, Statement
from ledger.reader import NONSENSE
from ledger.regulation.act import Act, parse_act
from ledger.regulation.cases import REPORTS, report_of, state_told
from ledger.regulation.catalogue import load
from ledger.regulation.registry import Registry
from ledger.regulation.registry_lines import REGISTRY_ACTS
from ledger.regulation.stream import Signed, apply
from ledger.replay import judged
from ledger.streams.kinds import begin
from ledger.streams.stream import Ground, Stream

#: Refusals that are damage of a kind of their own.
_KINDS: Final = {
    "invalid_signature": Damage.SIGNATURE_INVALID,
    "malformed_act": Damage.ACT_MALFORMED,
    "unknown_act": Damage.ACT_MALFORMED,
}


class Refusal(NamedTuple):
    """Why the rules refuse a recorded statement.

    Attributes:
        kind: Which damage that is; where no kind says it more precisely, AGAINST_THE_RULES.
        message: The guard and its sentence.
        vi: The same in Vietnamese.
    """

    kind: Damage
    message: str
    vi: str


class Ruling(NamedTuple):
    """What the rules say of a record.

    Attributes:
        refusal: Why the rules refuse it; None where they do not, or could not be asked.
        stands: Whether it moves its stream and the registry; it does not where it is refused, and
            not where its row is damaged so that the log itself could not read it.
        hangs_on: Index of the record that can no longer be read, without which it cannot be judged
            in full; None where it was.
        lost: Whether that holds for all that follows in its stream.
        registry: Whether it brings an act of the registry into effect.
        learned: What it leaves for later ones to ask about.
        asked: What was assumed of other cases.
        also: Earlier records of the stream that were not judged and do not stand, as it shows now.
    """

    refusal: Refusal | None = None
    stands: bool = True
    hangs_on: int | None = None
    lost: bool = False
    registry: bool = False
    learned: Learned = Learned()
    asked: tuple[Asked, ...] = ()
    also: tuple[int, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether the record stands, judged in full, and what it leaves is in a slip."""
        whole = self.stands and self.hangs_on is None and not self.registry
        return whole and not self.asked and not self.also and self.learned.report is None


STANDS: Final = Ruling()
"""Of a record that leaves nothing, or where the rules are not asked."""


class Applied(NamedTuple):
    """An act by which the registry changes, and the index of the record that does it."""

    record: int
    recorded_at: datetime
    act: Act


class _Left(NamedTuple):
    """A stream that was lost to a record that cannot be read.

    Attributes:
        head: What stood before that record.
        since: The records behind it.
    """

    head: str | None
    since: list[int]


class WrongGuess(Exception):
    """What was assumed of the rest of the log does not hold; asked again, nothing is assumed."""


class Rules:
    """The rules along a log; rows are asked about in its order.

    Args:
        origin: Origin of the log.
        level: Its level.
        folds: Its streams.
        tokens: Whose each token is.
        timeline: How the registry changes, where only some streams' rows come by; None where all
            do, so that it changes by what stands.
        expected: Indices at which others assume that the registry changes; None where nobody does.

    Attributes:
        registry: Before the next record.
        cases: What guards ask of other cases.
    """

    def __init__(
        self,
        origin: str,
        level: str,
        folds: Folds,
        tokens: Tokens,
        *,
        timeline: Iterable[Applied] | None = None,
        expected: Collection[int] | None = None,
    ) -> None:
        self._origin = origin
        self._level = level
        self._folds = folds
        self._catalogue = load()
        self._timeline = None if timeline is None else deque(timeline)
        self._expected = expected
        self.registry = Registry.founded()
        self.known = Known(folds, lambda: self.registry, tokens)
        self._cases = self.known if timeline is None else Assumed()
        self._left: dict[bytes, _Left] = {}

    def settle(
        self, row: RawRecord, said: Checked, statement: Statement | None, ruling: Ruling | None
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
            self.known.begin(row.at)
            names = row.name or "", said.tokens if ruling.stands else ()
            if self.known.agrees(ruling.asked) and self._brings(*names):
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
        self.known.begin(at)
        if not self._brings(stream[1], learned.tokens):
            raise WrongGuess(at)
        self.known.learn(at, *stream, leaf, learned)

    def _brings(self, stream: str, tokens: Iterable[str]) -> bool:
        """Whether a record may name these, which whoever judged it did not ask."""
        return not any(self.known.token_elsewhere(token, stream) for token in tokens)

    def _take(self, row: RawRecord, said: Checked, ruling: Ruling) -> None:
        """Goes on behind a record that somebody else has judged."""
        if not ruling.stands:
            self._folds.set_aside.add(row.at)
        if ruling.lost and ruling.hangs_on is not None:
            self._folds.lose(row.stream_id, ruling.hangs_on)
        elif ruling.also:
            self._folds.find_again(row.stream_id, ruling.also)
        if ruling.registry and said.members is not None:
            act = parse_act(said.members, level=self._level)
            at = of_milliseconds(said.recorded_ms)
            self.registry.apply(act, index=row.at, recorded_at=at)

    def follow(self, row: RawRecord, said: Checked, statement: Statement | None) -> Ruling:
        """Judges the next record, and goes on with or without it.

        Args:
            row: The row.
            said: What it says, checked by itself.
            statement: The statement; None where it cannot be read.
        """
        folds, key = self._folds, row.stream_id
        self._cases.begin(row.at)
        if self._timeline is not None:
            self._catch_up(self._timeline, row.at)
        stream = self._stream(row, said)
        if stream is None:
            return self._unknown(row, said, statement)
        if statement is None or said.damage is not None:
            folds.doubted.setdefault(key, row.at)
            return self._set_aside(stream, row, None)
        doubted = folds.doubted.pop(key, None)
        if doubted is not None and statement.prev != stream.state.head:
            self._left[key] = _Left(stream.state.head, [])
            folds.lose(key, doubted)
            return self._unknown(row, said, statement)
        if statement.typ == SERVICE_TYP:
            return self._service(stream, row, statement)
        return self._judged(stream, row, said, statement)

    def _unknown(self, row: RawRecord, said: Checked, statement: Statement | None) -> Ruling:
        """In a stream that is not known: counted, unless it shows that the stream is known."""
        key = row.stream_id
        left, hangs_on = self._left.get(key), self._folds.lost[key]
        if said.damage is Damage.WRAP_MISSING:
            self._left.pop(key, None)  # what it was nobody will tell
        if statement is None or said.damage is not None:
            self._folds.set_aside.add(row.at)
            return Ruling(stands=False, hangs_on=hangs_on, lost=True)
        if left is not None and statement.prev == left.head:
            since = tuple(self._left.pop(key).since)
            self._folds.find_again(key, since)
            return self.follow(row, said, statement)._replace(also=since)
        if left is not None:
            left.since.append(row.at)
        return Ruling(hangs_on=hangs_on, lost=True, registry=self._believed(row, said, statement))

    def _believed(self, row: RawRecord, said: Checked, statement: Statement) -> bool:
        """Whether the registry changes by an act of a stream that is not known.

        If the rules take it where nothing stands but what its earlier signers must have signed.
        """
        if not row.registry or said.act not in REGISTRY_ACTS:
            return False
        alone = begin(UUID(bytes=row.stream_id), row.name or "")
        try:
            act = self._catalogue.parse(statement.members, self._level)
            ground = self._ground(row, act, of_milliseconds(said.recorded_ms))
            for n, signer in enumerate(act.signers[:-1], 1):
                apply(alone.state, Signed(act, signer.officer, signer.role, "", 0, n, ""))
            alone.state.seq, alone.state.head = statement.seq - 1, statement.prev
            event, _ = judged(alone, statement, act, ground, verified=said.signed is True)
            if event.registry and self._timeline is None:
                ground.registry.apply(act, index=row.at, recorded_at=ground.at)
        except (Conflict, *NONSENSE):
            return False
        return event.registry

    def _catch_up(self, timeline: deque[Applied], at: int) -> None:
        while timeline and timeline[0].record < at:
            index, recorded_at, act = timeline.popleft()
            self.registry.apply(act, index=index, recorded_at=recorded_at)

    def _stream(self, row: RawRecord, said: Checked) -> Stream | None:
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

    def _service(self, stream: Stream, row: RawRecord, statement: Statement) -> Ruling:
        """No act: it takes its place. Whether its key may, is asked by the chain."""
        if (statement.seq, statement.prev) != (stream.version + 1, stream.state.head):
            return self._refuse(stream, row, statement, stream.stale(statement))
        self._folds.pass_over(stream, row, statement.digest_b64)
        return STANDS

    def _judged(
        self, stream: Stream, row: RawRecord, said: Checked, statement: Statement
    ) -> Ruling:
        try:
            act = self._catalogue.parse(statement.members, self._level)
            ground = self._ground(row, act, of_milliseconds(said.recorded_ms))
            event, decision = judged(stream, statement, act, ground, verified=said.signed is True)
            if event.registry != row.registry:
                said_so = f"the column says {row.registry} for an {decision.status} {act.act}"
                return self._set_aside(stream, row, Refusal(Damage.COLUMN_REGISTRY, said_so, ""))
            if event.registry and row.at and self._timeline is None:
                ground.registry.apply(act, index=row.at, recorded_at=ground.at)
        except (Rejected, Conflict) as refusal:
            return self._refuse(stream, row, statement, refusal)
        except NONSENSE as error:
            kind = Damage.REGISTRY_ACT if said.act in REGISTRY_ACTS else Damage.ACT_MALFORMED
            return self._set_aside(stream, row, Refusal(kind, f"it cannot stand: {error!r}", ""))
        self.registry = ground.registry
        self._folds.grow(stream, row, event)
        counts = decision.status == "effective" and act.act in REPORTS
        report = report_of(act, row.at) if counts else None
        learned = Learned(state_told(stream.state), said.tokens, report)
        return Ruling(
            hangs_on=self._cases.guessed,
            registry=event.registry,
            learned=learned,
            asked=self._cases.asked,
        )

    def _ground(self, row: RawRecord, act: Act, at: datetime) -> Ground:
        """The log as the record found it; record 0 appoints its own signer (formats.md §9)."""
        registry = self.registry
        if row.at == 0:
            registry = registry.copy()
            registry.apply(act, index=0, recorded_at=at)
        return Ground(
            registry=registry,
            catalogue=self._catalogue,
            origin=self._origin,
            level=self._level,
            log_size=row.at,
            cases=self._cases,
            at=at,
        )

    # -- refusals ---------------------------------------------------------------------------------

    def _refuse(
        self, stream: Stream, row: RawRecord, statement: Statement, why: Rejected | Conflict
    ) -> Ruling:
        where = f"{row.name} {row.seq}"
        if isinstance(why, Rejected):
            kind = self._kind(statement.kid, why)
            code = why.guard or why.code
            refusal = Refusal(kind, f"{where}: {code}: {why.en}", f"{where}: {code}: {why.vi}")
        elif why.code == "taken":
            text = f"{where}: other bytes than the author of the act signed"
            refusal = Refusal(Damage.ACT_BYTES_DIFFER, text, "")
        elif statement.seq != stream.version + 1:
            text = f"{where}: after {stream.version}"
            refusal = Refusal(Damage.SEQ_GAP, text, "")
        else:
            text = f"{where}: prev is not the digest of the last statement that stands"
            refusal = Refusal(Damage.PREV_BROKEN, text, "")
        return self._set_aside(stream, row, refusal)

    def _kind(self, kid: str, why: Rejected) -> Damage:
        if why.code == "unknown_key":
            gone = self.registry.keyring.retired(kid)
            return Damage.KEY_REVOKED if gone else Damage.KEY_UNKNOWN
        return _KINDS.get(why.code, Damage.AGAINST_THE_RULES)

    def _set_aside(self, stream: Stream, row: RawRecord, refusal: Refusal | None) -> Ruling:
        self._folds.pass_over(stream, row)
        learned, asked = Learned(state_told(stream.state)), self._cases.asked
        return Ruling(refusal, stands=False, learned=learned, asked=asked)
