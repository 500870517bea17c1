"""Replays the rules: asks of every statement what the door asked, by the log as it stood.

Whoever has the writer's login and the KEK can append what the door never saw. What the rules refuse
at its index is set aside (formats.md §3): it moves neither registry nor stream, and the walk goes
on as if it were not there, so that one such record is one finding and not a thousand. What the
chain of a stream and the keys say is asked here too, by the very code of the door, while `chain`
asks it by its own: on purpose, so that a fault of one shows in the other.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from keys.errors import KeysError
from ledger.checks.content import Checked, RawRecord
from ledger.checks.findings import Damage
from ledger.checks.folds import Folds
from ledger.checks.known import Known, Learned
from ledger.errors import Conflict, Rejected
from ledger.log.moment import of_milliseconds
from ledger.log.statement import SERVICE_TYP, Statement
from ledger.regulation.act import Act
from ledger.regulation.cases import REPORTS, report_of
from ledger.regulation.catalogue import load
from ledger.regulation.registry import Registry
from ledger.regulation.registry_lines import REGISTRY_ACTS
from ledger.regulation.reporters import tokens_in
from ledger.replay import judged
from ledger.streams.stream import Ground, Stream

#: Damage to a row that leaves its statement in its place: it is judged nevertheless.
_IN_PLACE: Final = frozenset({None, Damage.COLUMN_AUTHOR, Damage.COLUMN_UNIT})
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
        learned: What it leaves for later ones to ask about.
    """

    refusal: Refusal | None = None
    stands: bool = True
    hangs_on: int | None = None
    learned: Learned = Learned()

    @property
    def plain(self) -> bool:
        """Whether the record stands, judged in full."""
        return self.stands and self.hangs_on is None


_STANDS: Final = Ruling()


class Rules:
    """The rules along a log; rows are asked about in its order.

    Args:
        origin: Origin of the log.
        level: Its level.
        folds: Its streams.
        registry: Before record 0.
    """

    def __init__(self, origin: str, level: str, folds: Folds, registry: Registry) -> None:
        self._origin = origin
        self._level = level
        self._folds = folds
        self._catalogue = load()
        self.registry = registry
        self.known = Known(folds, lambda: self.registry)

    def follow(self, row: RawRecord, said: Checked, statement: Statement | None) -> Ruling:
        """Judges the next record, and goes on with or without it.

        Args:
            row: The row.
            said: What it says, checked by itself.
            statement: The statement; None where it cannot be read.
        """
        ruling = self._ruled(row, said, statement)
        name = row.name or ""
        self.known.learn(row.at, row.stream_id, name, row.entry, ruling.learned)
        return ruling

    def _ruled(self, row: RawRecord, said: Checked, statement: Statement | None) -> Ruling:
        folds, key = self._folds, row.stream_id
        stream = self._stream(row, said)
        if stream is None:
            return Ruling(hangs_on=folds.lost[key])
        if statement is None or said.damage not in _IN_PLACE:
            folds.doubted.setdefault(key, row.at)
            return self._set_aside(stream, row, None)
        doubted = folds.doubted.pop(key, None)
        if doubted is not None and statement.prev != stream.state.head:
            folds.lose(key, doubted)
            return Ruling(hangs_on=doubted)
        if statement.typ == SERVICE_TYP:
            return self._service(stream, row, statement)
        return self._judged(stream, row, said, statement)

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
        if row.seq <= stream.version + 1:
            return stream
        folds.lose(key, row.at)  # what stood before it is gone
        return None

    def _service(self, stream: Stream, row: RawRecord, statement: Statement) -> Ruling:
        """No act: it takes its place. Whether its key may, is asked by the chain."""
        if (statement.seq, statement.prev) != (stream.version + 1, stream.state.head):
            return self._refuse(stream, row, statement, stream.stale(statement))
        self._folds.pass_over(stream, row, statement.digest_b64)
        return _STANDS

    def _judged(
        self, stream: Stream, row: RawRecord, said: Checked, statement: Statement
    ) -> Ruling:
        self.known.guessed = None
        try:
            act = self._catalogue.parse(statement.members, self._level)
            ground = self._ground(row, act, of_milliseconds(said.recorded_ms))
            event, decision = judged(stream, statement, act, ground, verified=said.signed is True)
            if event.registry:
                ground.registry.apply(act, index=row.at, recorded_at=ground.at)
        except (Rejected, Conflict) as refusal:
            return self._refuse(stream, row, statement, refusal)
        except (KeysError, KeyError, TypeError, ValueError, AttributeError) as error:
            kind = Damage.REGISTRY_ACT if said.act in REGISTRY_ACTS else Damage.ACT_MALFORMED
            return self._set_aside(stream, row, Refusal(kind, f"it cannot stand: {error!r}", ""))
        self.registry = ground.registry
        self._folds.grow(stream, row, event)
        state = stream.state
        tokens = tuple(tokens_in(statement.payload)) if state.kind == "case" else ()
        counts = decision.status == "effective" and act.act in REPORTS
        report = report_of(act, row.at) if counts else None
        learned = Learned(state.state, tokens, report)
        return Ruling(hangs_on=self.known.guessed, learned=learned)

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
            cases=self.known,
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
        return Ruling(refusal, stands=False, learned=Learned(stream.state.state))
