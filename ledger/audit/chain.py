"""Follows the records in order: streams, `prev`, acts and their signers, keys as of each index.

It keeps what an audit must remember and no more. Records come as `content.CheckedRecord`, already
opened; the hashes are `tree`'s. formats.md §3 (several signatures), §9 (verdicts, genesis).
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from keys import canonical
from keys.errors import KeysError
from keys.keyring import Verdict
from ledger.admission.service_statements import CUSTODY_ANCHORED
from ledger.audit.content import CheckedRecord, RawRecord, holds, unit_fits
from ledger.audit.files.files import Attached
from ledger.audit.files.late_anchors import Anchored
from ledger.audit.findings import Damage, Finding
from ledger.audit.range_check import CheckedRange, CompactRow, whole_of
from ledger.audit.rules.rules import STANDS, RuleRefusal, Ruling
from ledger.errors import Rejected, VerificationError
from ledger.log import statement as statements
from ledger.log.moment import EPOCH, of_milliseconds, stamp
from ledger.log.recovery import Recovery
from ledger.regulation.acts.act import parse_act
from ledger.regulation.case.state import ERASURE, NOTHING, RECOVERING, VOIDING
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.lines import REGISTRY_ACTS
from ledger.regulation.registry.registry import Registry

#: Acts whose payload the fold reads: they change who may sign, or what may be gone.
FOLDED: Final = frozenset(REGISTRY_ACTS) | {ERASURE, VOIDING, CUSTODY_ANCHORED}
#: What no append leaves behind (`log.fits`): done since, and no voiding excuses it.
_DONE_SINCE: Final = frozenset({Damage.WRAP_MISSING, Damage.WRAP_RESTORED, Damage.WRAP_MALFORMED})
#: Of a record that no process can read: junk may be so from the start, an act may be spoiled to it.
_UNREADABLE: Final = frozenset(
    {Damage.STATE_UNREADABLE, Damage.WRAP_OTHER_RECORD, Damage.WRAP_OTHER_KEK}
)
_GENESIS: Final = "LedgerOpened"
_BAD: Final = {
    Verdict.INVALID_SIGNATURE: Damage.SIGNATURE_INVALID,
    Verdict.WRONG_SIGNER: Damage.WRONG_SIGNER,
    Verdict.UNKNOWN_KEY: Damage.KEY_UNKNOWN,
}

#: What a statement reads as beside the verdicts of formats.md §9, which are by its signature alone.
NOT_REJUDGED: Final = "NOT_REJUDGED"
AGAINST_THE_RULES: Final = "AGAINST_THE_RULES"
_VERDICTS: Final[Mapping[Damage, str]] = {kind: verdict for verdict, kind in _BAD.items()} | {
    Damage.KEY_REVOKED: Verdict.UNKNOWN_KEY
}


class Disputed(NamedTuple):
    """A revoked key with what it signed that is not to be trusted.

    Attributes:
        kid: The key.
        officer: Whose it is; None of a service key.
        since: From when it is not to be trusted.
        revoked_index: Record of the revocation.
        statements: How many statements it signed from then on.
        first: When the first of them was recorded.
        last: When the last was.
    """

    kid: str
    officer: str | None
    since: datetime
    revoked_index: int
    statements: int
    first: datetime
    last: datetime

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        times = {name: stamp(getattr(self, name)) for name in ("since", "first", "last")}
        return {**self._asdict(), **times}


@dataclass(slots=True)
class _Stream:
    """Where a stream stands: last position, what the next `prev` must name, how many are unread."""

    seq: int = 0
    head: str | None = None
    known: bool = True
    unread: int = 0


@dataclass(slots=True)
class _Act:
    """An act that has not taken effect yet."""

    payload: bytes
    stream: str
    signers: tuple[tuple[str, str], ...]
    members: Mapping[str, Any] | None
    done: int = 1


class _Trust(NamedTuple):
    """When one officer's statements with one key are good without a second look, by what is known.

    Attributes:
        after: Index of the enrolment.
        since: First good millisecond.
        until: First one that is not.
        times: Where the times of good statements are kept.
    """

    after: int
    since: int
    until: float
    times: array[int]


@dataclass(slots=True)
class RecordChain:
    """The audit's memory along the log.

    Attributes:
        registry: The registry folded so far.
        origin: Origin of the log.
        findings: What is wrong, in the order it was met.
        verdicts: How many statements have which verdict, as the log stands at the end (see
            `close`).
        disputed: Revoked keys that signed what is not to be trusted, likewise.
        erased: Indices whose content a recorded act has erased.
        anchors: Anchors of the custody of files.
        attached: What acts list of files.
        level: Level of the log.
        registry_index: Index of the last record by which the registry changed, -1 for none.
        voided: What was wrong with records that an act has voided since, with that act.
        unreadable: The same of those that nobody can read: what they said nobody can tell.
        recoveries: Every recovery in effect, oldest first.
    """

    registry: Registry
    origin: str
    level: str
    findings: list[Finding] = field(default_factory=list)
    verdicts: Counter[str] = field(default_factory=Counter)
    disputed: list[Disputed] = field(default_factory=list)
    erased: dict[int, str] = field(default_factory=dict)
    anchors: list[Anchored] = field(default_factory=list)
    attached: list[Attached] = field(default_factory=list)
    genesis: Mapping[str, Any] | None = None
    registry_index: int = -1
    voided: list[tuple[Finding, str]] = field(default_factory=list)
    unreadable: list[tuple[Finding, str]] = field(default_factory=list)
    recoveries: list[Recovery] = field(default_factory=list)
    _voids: dict[int, str] = field(default_factory=dict)
    _unjudged: dict[int, int] = field(default_factory=dict)
    _hangs_on: int | None = None
    _streams: dict[bytes, _Stream] = field(default_factory=dict)
    _pending: dict[bytes, _Act] = field(default_factory=dict)
    _done: set[bytes] = field(default_factory=set)
    _by_kid: dict[str, array[int]] = field(default_factory=dict)
    _trusted: dict[tuple[str, str], _Trust | None] = field(default_factory=dict)
    _wrapless: list[int] = field(default_factory=list)
    _time_ms: float = -1

    def follow_slip(self, part: CheckedRange, slip: CompactRow) -> None:
        """Takes the next record where a slip is left of it: the same as `follow`, in less time.

        Whatever is out of order goes the long way, which says what it is.
        """
        at, recorded_ms, stream_no, seq, prev, digest, act_id, signer_no = slip[:8]
        signer = part.signers[signer_no]
        trust = self._trusted.get(signer) or self._trust(*signer)
        stream_id = part.streams[stream_no][0]
        stream = self._streams.get(stream_id)
        if stream is None:
            stream = self._streams[stream_id] = _Stream()
        if (
            trust is None
            or not trust.since <= recorded_ms < trust.until
            or at <= trust.after
            or recorded_ms < self._time_ms
            or seq != stream.seq + 1
            or prev != stream.head
            or act_id in self._done
            or act_id in self._pending
        ):
            whole = whole_of(part, slip)
            self.follow(whole.row, whole.said)
            return
        self._time_ms = recorded_ms
        stream.seq, stream.head, stream.known = seq, digest, True
        self._done.add(act_id)
        trust.times.append(int(recorded_ms))

    def _trust(self, officer: str, kid: str) -> _Trust | None:
        """By the registry as folded so far; asked again after every change of it."""
        line = self.registry.keyring.line(kid)
        trust = None
        if (
            line is not None
            and line.officer == officer
            and not line.is_service
            and line.revoked_index is None
            and line.invalid_from is None
        ):
            until = float("inf") if line.valid_to is None else _first_ms(line.valid_to)
            times = self._by_kid.setdefault(kid, array("q"))
            trust = _Trust(line.enrolled_index, _first_ms(line.valid_from), until, times)
        self._trusted[officer, kid] = trust
        return trust

    def follow(self, row: RawRecord, checked: CheckedRecord, ruling: Ruling = STANDS) -> None:
        """Takes the next record; rows come in the order of the log.

        Args:
            row: The row.
            checked: What it says.
            ruling: What the rules say of it.
        """
        self._tick(row)
        self._damage(row, checked)
        hangs = not ruling.stands and ruling.refusal is None
        if not checked.readable or (hangs and checked.damage is not None):
            if row.registry:
                self.registry_index = row.at
            self._skip(row)
            return
        if row.at == 0:
            self._open_log(checked)
        self._fall(row, ruling.also)
        if ruling.refusal is not None:
            self._set_aside(row, ruling.refusal)
            return
        if hangs and ruling.hangs_on is not None:
            self._hang(row, ruling.hangs_on)
            return
        self._hangs_on = ruling.hangs_on
        self._place(row, checked)
        self._sign(row, checked)

    def _damage(self, row: RawRecord, checked: CheckedRecord) -> None:
        """What is wrong with a record by itself; one that is erased still says who may see it."""
        if checked.damage is not Damage.WRAP_MISSING:
            if checked.damage is not None:
                self._find(row.at, checked.damage, checked.message)
            return
        self._wrapless.append(row.at)
        if row.name and not unit_fits(row, row.name, self.level):
            self._find(row.at, Damage.COLUMN_UNIT, f"the column is not the unit of {row.name}")

    def _fall(self, row: RawRecord, indices: Sequence[int]) -> None:
        """Records that were not judged turn out not to stand."""
        for index in indices:
            self._unjudged.pop(index, None)
            self._find(index, Damage.PREV_BROKEN, "what stands behind it does not follow it")
            self._streams[row.stream_id].known = False

    def _tick(self, row: RawRecord) -> None:
        if row.recorded_ms < self._time_ms:
            message = (
                f"recorded {self._time_ms - row.recorded_ms} ms before the record in front of it"
            )
            self._find(row.at, Damage.TIME_BACKWARDS, message)
        self._time_ms = max(self._time_ms, row.recorded_ms)

    def close(self) -> None:
        """Ends the walk: missing wraps against recorded erasures, verdicts as they read today."""
        for index in self._wrapless:
            if index in self.erased:
                self.verdicts[Verdict.ERASED] += 1
            else:
                message = "the wrapped key is gone and no recorded act erased the record"
                self._find(index, Damage.WRAP_MISSING, message)
        for index in sorted(self.erased.keys() - set(self._wrapless)):
            message = f"erased by {self.erased[index]}, and its wrapped key is there"
            self._find(index, Damage.WRAP_RESTORED, message)
        for kid, times in self._by_kid.items():
            if times:
                self._count(kid, times)
        self.verdicts[NOT_REJUDGED] += len(self._unjudged)
        self.verdicts = +self.verdicts
        self._excuse()

    @property
    def unjudged(self) -> Mapping[int, int]:
        """How many statements hang on a record that can no longer be read, by its index.

        They are well signed, and what the rules say of them is not known.
        """
        return Counter(self._unjudged.values())

    def _excuse(self) -> None:
        """Voiding excuses what a record says, never that its key has gone."""
        left = []
        for found in self.findings:
            by = self._voids.get(found.index)
            if by is None or found.kind in _DONE_SINCE:
                left.append(found)
            elif found.kind in _UNREADABLE:
                self.unreadable.append((found, by))
            else:
                self.voided.append((found, by))
        self.findings = left

    def _count(self, kid: str, times: Sequence[int]) -> None:
        line = self.registry.keyring.line(kid)
        limit = line.invalid_from if line is not None else None
        if limit is None:
            self.verdicts[Verdict.VALID] += len(times)
            return
        since = [at for ms in times if (at := of_milliseconds(ms)) >= limit]
        self.verdicts[Verdict.VALID_KEY_SINCE_REVOKED] += len(times) - len(since)
        self.verdicts[Verdict.DISPUTED] += len(since)
        if since and line is not None and line.revoked_index is not None:
            self.disputed.append(
                Disputed(
                    kid, line.officer, limit, line.revoked_index, len(since), since[0], since[-1]
                )
            )

    def _find(self, index: int, kind: Damage, message: str) -> None:
        self.findings.append(Finding(index, kind, message))

    # -- the stream -------------------------------------------------------------------------------

    def _skip(self, row: RawRecord) -> None:
        """A record that cannot be read still takes its place in its stream, by its columns."""
        stream = self._streams.setdefault(row.stream_id, _Stream())
        if row.seq != stream.seq + 1:
            message = f"position {row.seq} of its stream after {stream.seq}"
            self._find(row.at, Damage.SEQ_GAP, message)
        stream.seq, stream.head, stream.known = row.seq, None, False
        stream.unread += 1

    def _place(self, row: RawRecord, said: CheckedRecord) -> None:
        stream = self._streams.setdefault(row.stream_id, _Stream())
        if said.seq != stream.seq + 1:
            message = f"statement {said.seq} of {said.stream} after {stream.seq}"
            self._find(row.at, Damage.SEQ_GAP, message)
        elif stream.known and said.prev != stream.head:
            message = f"prev of {said.stream} {said.seq} is not the digest of the statement before"
            self._find(row.at, Damage.PREV_BROKEN, message)
        stream.seq, stream.head, stream.known = said.seq, said.digest, True

    def _set_aside(self, row: RawRecord, refusal: RuleRefusal) -> None:
        """What the rules refuse takes its position and moves nothing."""
        self.findings.append(Finding(row.at, *refusal))
        self.verdicts[_VERDICTS.get(refusal.kind, AGAINST_THE_RULES)] += 1
        stream = self._streams.setdefault(row.stream_id, _Stream())
        if row.seq == stream.seq + 1:
            stream.seq, stream.head = row.seq, stream.head or NOTHING
        if row.registry:
            self.registry_index = row.at

    def _hang(self, row: RawRecord, hangs_on: int) -> None:
        """Well signed behind what cannot be read: it takes its position, and is counted."""
        self._unjudged[row.at] = hangs_on
        stream = self._streams.setdefault(row.stream_id, _Stream())
        if row.seq == stream.seq + 1:
            stream.seq, stream.head, stream.known = row.seq, None, False
        if row.registry:
            self.registry_index = row.at

    # -- the act and its signers ------------------------------------------------------------------

    def _sign(self, row: RawRecord, said: CheckedRecord) -> None:
        index = row.at
        if said.typ == statements.SERVICE_TYP:
            self._serve(row, said)
            return
        act = self._pending.get(_name(said.act_id))
        if act is None:
            if said.role in statements.COUNTERSIGNERS and self._streams[row.stream_id].unread:
                return  # its author's statement is one of those that cannot be read
            act = self._first(row, said)
            if act is None:
                return
            officer = act.signers[0][0]
            self.attached += [
                Attached(index, said.stream, officer, *listed) for listed in said.attachments
            ]
        else:
            officer = self._next(index, said, act)
        if index == 0:
            self._apply(row, said, act)
            self._judge(index, said, officer)
            self._done.add(_name(said.act_id))
            return
        self._judge(index, said, officer)
        if act.done == len(act.signers):
            self._pending.pop(_name(said.act_id), None)
            self._done.add(_name(said.act_id))
            self._apply(row, said, act)
        elif row.registry:
            self._find(
                index,
                Damage.COLUMN_REGISTRY,
                "marked as a registry record while the act is pending",
            )

    def _serve(self, row: RawRecord, said: CheckedRecord) -> None:
        """What the service said; an anchor counts where nothing is wrong with it."""
        index, wrong = row.at, len(self.findings)
        if row.registry:
            self._find(index, Damage.COLUMN_REGISTRY, f"the column says True for {said.act}")
        if self._once(index, said):
            self._done.add(_name(said.act_id))
        self._judge(index, said, None, service=True)
        if said.members is not None and len(self.findings) == wrong:
            facts, at = said.members["facts"], of_milliseconds(said.recorded_ms)
            sealed = canonical.unb64(facts["sealed"])
            self.anchors.append(
                Anchored(index, said.act_id, sealed, said.kid, at, facts["every_s"])
            )

    def anchors_standing(self) -> list[Anchored]:
        """Anchors but those of a time from which their key is not to be trusted."""
        ends = {line.kid: line.invalid_from for line in self.registry.keyring.lines()}
        return [
            one
            for one in self.anchors
            if (end := ends.get(one.kid)) is None or one.recorded_at < end
        ]

    def _once(self, index: int, said: CheckedRecord) -> bool:
        name = _name(said.act_id)
        if name in self._done:
            self._find(index, Damage.ACT_ID_REUSED, f"{said.act_id} names an earlier act already")
            return False
        return True

    def _first(self, row: RawRecord, said: CheckedRecord) -> _Act | None:
        index = row.at
        if not self._once(index, said):
            return None
        if said.role in statements.COUNTERSIGNERS:
            message = f"a statement as {said.role} of an act that nobody has signed as AUTHOR"
            self._find(index, Damage.SIGNER_ORDER, message)
        if not said.signers:
            self._find(index, Damage.ACT_MALFORMED, "the act names no signer")
            return None
        act = _Act(said.payload, said.stream, said.signers, said.members)
        if len(act.signers) > 1:
            self._pending[_name(said.act_id)] = act
        if said.role == statements.RETURNER:
            self._return(row, said)
        return act

    def _return(self, row: RawRecord, said: CheckedRecord) -> None:
        index, name = row.at, _name(said.refers_to or "")
        dead = self._pending.get(name)
        if dead is None and self._streams[row.stream_id].unread:
            return  # what it returns is one of those that cannot be read
        if dead is None or dead.stream != said.stream:
            message = f"returns {said.refers_to}, which is not pending in {said.stream}"
            self._find(index, Damage.SIGNER_ORDER, message)
            return
        named, by = dead.signers[dead.done][0], said.signers[0][0]
        if named != by and not self._takes_over(named, by, said.recorded_ms):
            self._find(index, Damage.SIGNER_ORDER, "returned by an officer whose turn it is not")
        self._pending.pop(name, None)
        self._done.add(name)

    def _next(self, index: int, said: CheckedRecord, act: _Act) -> str:
        officer, role = act.signers[act.done]
        if said.payload != act.payload or said.stream != act.stream:
            message = f"other bytes than the author of {said.act_id} signed"
            self._find(index, Damage.ACT_BYTES_DIFFER, message)
        elif said.role != role:
            message = f"signed as {said.role} where it was the turn of {role}"
            self._find(index, Damage.SIGNER_ORDER, message)
        act.done += 1
        if said.stand_in is None:
            return officer
        if not self._takes_over(officer, said.stand_in, said.recorded_ms):
            message = f"{said.stand_in} signed instead of {officer}, and has taken over nothing"
            self._find(index, Damage.SIGNER_ORDER, message)
        return said.stand_in

    def _takes_over(self, named: str, by: str, recorded_ms: int) -> bool:
        """Whether a post of one officer has passed to another, or a delegation lets them sign.

        Asked otherwise than the rules ask, and of less: which post, agency and capacity is theirs.
        """
        if self.registry.edition.form == 1:
            return False
        day = local_day(of_milliseconds(recorded_ms))
        given = self.registry.delegations.taken_by(by)
        if any(line.giver == named and line.runs(day) for line in given):
            return True
        was, now = self.registry.officer(named), self.registry.appointments(by, day)
        return was is not None and any(
            not (left.on(day) and self.registry.exists(left.agency, day))
            and any(held.post == left.post or held.agency != left.agency for held in now)
            for left in was.appointments
        )

    # -- keys -------------------------------------------------------------------------------------

    def _judge(
        self, index: int, said: CheckedRecord, officer: str | None, *, service: bool = False
    ) -> None:
        keyring = self.registry.keyring
        line = keyring.line(said.kid)
        verdict = keyring.judge(
            said.kid,
            officer=officer,
            index=index,
            recorded_at=of_milliseconds(said.recorded_ms),
            signature_ok=self._holds(said),
        )
        if verdict in _BAD:
            kind = _BAD[verdict]
            if verdict is Verdict.UNKNOWN_KEY and keyring.retired(said.kid, index=index):
                kind = Damage.KEY_REVOKED
            self.verdicts[verdict] += 1
            self._find(index, kind, f"key {said.kid} on {said.stream} {said.seq}: {verdict}")
            return
        if line is not None and line.is_service is not service:
            self._find(
                index, Damage.WRONG_SIGNER, f"custody {line.custody} on a {said.typ} statement"
            )
        if self._hangs_on is None:
            self._by_kid.setdefault(said.kid, array("q")).append(said.recorded_ms)
        else:
            self._unjudged[index] = self._hangs_on

    def _holds(self, said: CheckedRecord) -> bool:
        """A key enrolled too late for the worker to know it is checked here."""
        if said.signed is not None:
            return said.signed
        if said.compact is None or said.kid not in self.registry.keyring:
            return False
        return holds(statements.parse_compact(said.compact), self.registry.keyring.key(said.kid))

    # -- the registry -----------------------------------------------------------------------------

    def _apply(self, row: RawRecord, said: CheckedRecord, act: _Act) -> None:
        members = act.members
        if row.registry != (said.act in REGISTRY_ACTS):
            message = f"the column says {row.registry} for an effective {said.act}"
            self._find(row.at, Damage.COLUMN_REGISTRY, message)
        if said.act in REGISTRY_ACTS:
            self.registry_index = row.at
        if members is None:
            return
        if said.act in (ERASURE, VOIDING):
            named = self.erased if said.act == ERASURE else self._voids
            for one in members["facts"].get("entries", ()):
                named.setdefault(one["index"], said.act_id)
            return
        self._trusted.clear()
        try:
            parsed = parse_act(members, level=self.level)
            self.registry.apply(
                parsed,
                index=row.at,
                recorded_at=of_milliseconds(said.recorded_ms),
            )
            if parsed.act == RECOVERING:
                self.recoveries.append(Recovery.of(parsed.facts, row.at))
        except (Rejected, VerificationError, KeysError, KeyError, ValueError) as error:
            self._find(row.at, Damage.REGISTRY_ACT, f"{said.act} cannot stand: {error}")

    def _open_log(self, said: CheckedRecord) -> None:
        self.genesis = said.members
        if said.act != _GENESIS or said.stream != "ledger" or said.members is None:
            self._find(0, Damage.GENESIS_MALFORMED, f"record 0 is {said.act} of {said.stream}")
        elif said.members["facts"].get("log") != self.origin:
            self._find(0, Damage.GENESIS_MALFORMED, "record 0 opens another log")


def _first_ms(at: datetime) -> int:
    """The first whole millisecond that is not before a moment."""
    return -((EPOCH - at) // timedelta(milliseconds=1))


def _name(act_id: str) -> bytes:
    """16 bytes for an id: the audit remembers every one it has met."""
    return bytes.fromhex(act_id.replace("-", ""))
