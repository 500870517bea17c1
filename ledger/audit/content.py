"""Opens stored records and checks each by itself, from wrap and seal to statement and signature.

Pure over bytes and picklable both ways, so that an audit can spread it over processes. Whether a
key was enrolled, what came before in the stream and what the tree says is for `chain` and `tree`.
formats.md §3-§5.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

from keys import envelope_encryption
from keys import jwk as jwks
from keys.envelope_encryption import Kek
from keys.errors import Carried, InvalidSignature, KeysError
from keys.signer import PublicKey
from ledger.admission import service_statements as services
from ledger.audit.findings import Damage
from ledger.errors import Rejected, VerificationError
from ledger.log import record
from ledger.log import statement as statements
from ledger.log.moment import milliseconds
from ledger.log.record import Envelope
from ledger.log.statement import Statement
from ledger.regulation.acts.act import ORDINARY
from ledger.streams.event import TOPIC
from ledger.streams.names import stream_id
from ledger.streams.tokens import tokens_of

_NIL_UNIT: Final = bytes(16)
_RANDOM: Final = 4  # version of an id that nothing follows from


class RawRecord(NamedTuple):
    """One row of `records` with its wrap, as stored.

    Columns in the cheapest form that loses nothing.

    Attributes:
        at: Leaf index (a tuple has a method `index`).
        stream_id: 16 bytes.
        seq: Position in the stream.
        act_id: 16 bytes.
        author: True on the first statement of a payload.
        topic: Event topic.
        recorded_ms: Milliseconds since 1970, UTC; not whole where somebody has moved it.
        entry: 32 bytes.
        state: Sealed envelope; None where the reader's role may not read it.
        wraps: Every wrapped key of the record; empty where erased or not readable.
        name: Stream name kept beside the id; None where there is none.
        registry: True where the statement changed the registry.
        unit: 16 bytes: what access to it is granted by; None where it is not asked for.
        astray: Whether a wrap is kept under another stream, unit or KEK than is its own.
    """

    at: int
    stream_id: bytes
    seq: int
    act_id: bytes
    author: bool
    topic: str
    recorded_ms: float
    entry: bytes
    state: bytes | None
    wraps: tuple[bytes, ...]
    name: str | None
    registry: bool
    unit: bytes | None = None
    astray: bool = False


class CheckedRecord(NamedTuple):
    """What one record says, checked by itself, or which damage stopped it.

    Attributes:
        at: Leaf index of the row.
        damage: First thing wrong with the record by itself; the members below stand as far
            as they were reached.
        message: What was expected and what was found.
        stream: Stream name.
        seq: Position the statement claims.
        prev: b64 digest it claims to follow.
        digest: b64 digest of the statement.
        act: Act type or service event.
        act_id: Id of the act or the service event.
        typ: Statement type.
        role: Role of the header.
        kid: Key named.
        recorded_ms: `recorded_at` of the envelope.
        signed: Whether the signature verifies; None while the key is not known.
        payload: SHA-256 of the payload bytes where several sign them.
        signers: (officer, role) of the payload, in order.
        refers_to: Act it refers to.
        members: The payload where the fold must read it, else None.
        compact: The statement where the signature is still open, else None.
        attachments: Digest and size of each file that an author lists.
        tokens: Sealed tokens that an author names in a case.
        stand_in: Officer who says to sign instead of one that the act names.
    """

    at: int
    damage: Damage | None = None
    message: str = ""
    stream: str = ""
    seq: int = 0
    prev: str | None = None
    digest: str = ""
    act: str = ""
    act_id: str = ""
    typ: str = ""
    role: str = ""
    kid: str = ""
    recorded_ms: int = 0
    signed: bool | None = None
    payload: bytes = b""
    signers: tuple[tuple[str, str], ...] = ()
    refers_to: str | None = None
    members: Mapping[str, Any] | None = None
    compact: str | None = None
    attachments: tuple[tuple[str, int], ...] = ()
    tokens: tuple[str, ...] = ()
    stand_in: str | None = None

    @property
    def readable(self) -> bool:
        """Whether the statement could be read, whatever else is wrong with the row."""
        return bool(self.digest)


_make: Final = CheckedRecord._make


@dataclass(frozen=True, slots=True)
class Job:
    """What rows are opened and checked with.

    Attributes:
        origin: The log's origin.
        keks: Key-encryption keys by id.
        folded: Act types whose payload the fold must read.
        jwks: Public keys by kid as far as they are known.
        level: Level of the log.
        events: Service events it takes; those of a log of acts, if left out.
    """

    origin: str
    keks: Mapping[bytes, Kek]
    folded: frozenset[str]
    jwks: Mapping[str, Mapping[str, str]]
    level: str = ""
    events: services.Events | None = None


class _Damaged(Carried):
    """Stops the check of one record; never leaves this file."""

    def __init__(self, damage: Damage, message: str) -> None:
        super().__init__(message)
        self.damage = damage
        self.message = message


class _Opened(NamedTuple):
    """What lies under a row's seal.

    Attributes:
        dek: The key that the wrap gives.
        envelope: Its bytes, whatever they were sealed for.
        sealed: Whether they were for the row's own stream name and place.
        committed: Whether they hash to the entry.
    """

    dek: bytes
    envelope: bytes
    sealed: bool
    committed: bool


class _Parsed(NamedTuple):
    """The same, parsed.

    Attributes:
        opened: The bytes.
        held: The envelope.
        statement: The statement inside.
    """

    opened: _Opened
    held: Envelope
    statement: Statement


Checked = tuple[CheckedRecord, Statement | None]
"""What a row says; and what was signed, where it can be read."""
_Step = TypeVar("_Step")
#: What bytes raise that are no envelope, no statement or no act.
_NO_RECORD: Final = (KeysError, VerificationError, Rejected, KeyError, TypeError, ValueError)
_loaded: dict[str, PublicKey] = {}


def open_one(row: RawRecord, job: Job) -> Checked:
    """Opens and checks one row.

    Damage is an answer here, never an exception: the audit goes on behind it.
    """
    return open_all((row,), job)[0]


def open_all(rows: Sequence[RawRecord], job: Job) -> list[Checked]:
    """The same for each row, one step after the other over all of them.

    A cipher, a parser and a signature that take turns drive each other's code and tables out of
    the processor's cache, which costs an audit a tenth.
    """
    opened = [_reach(row, _open, row, job) for row in rows]
    parsed = [
        one if isinstance(one, CheckedRecord) else _reach(row, _parse, row, one)
        for row, one in zip(rows, opened, strict=True)
    ]
    signed = [
        None if isinstance(one, CheckedRecord) else _verify(one.statement, job) for one in parsed
    ]
    return [
        (one, None) if isinstance(one, CheckedRecord) else _check(row, one, job, signed=good)
        for row, one, good in zip(rows, parsed, signed, strict=True)
    ]


def _reach(row: RawRecord, step: Callable[..., _Step], *arguments: object) -> _Step | CheckedRecord:
    """What a step gives of a row; where it cannot be taken, the damage that the row ends with."""
    try:
        return step(*arguments)
    except _Damaged as stop:
        return CheckedRecord(row.at, stop.damage, stop.message)


def _open(row: RawRecord, job: Job) -> _Opened:
    if row.state is None:
        raise _Damaged(Damage.STATE_UNREADABLE, "the row has no state")
    dek = _unwrap(row, job)
    envelope = _opened_by_name(row, dek, job.origin)
    sealed = envelope is not None
    try:
        if envelope is None:
            envelope = envelope_encryption.unverified_envelope(row.state, dek)
    except KeysError as error:
        raise _unreadable(row, dek, error) from error
    return _Opened(dek, envelope, sealed, record.entry(envelope) == row.entry)


def _parse(row: RawRecord, opened: _Opened) -> _Parsed:
    try:
        held = record.parse_envelope(opened.envelope)
        return _Parsed(opened, held, statements.parse_compact(held.statement))
    except _NO_RECORD as error:
        raise _unreadable(row, opened.dek, error) from error


def _check(row: RawRecord, parsed: _Parsed, job: Job, *, signed: bool | None) -> Checked:
    (dek, _, sealed, committed), held, statement = parsed
    try:
        said = _said(row.at, statement, held.recorded_at, job, signed=signed)
    except _NO_RECORD as error:
        stop = _unreadable(row, dek, error)
        return CheckedRecord(row.at, stop.damage, stop.message), None
    wrong = (
        (None if sealed else _unsealed(row, dek, said, job.origin))
        or (None if committed else _UNCOMMITTED)
        or _foreign(held.log, statement.log, job.origin)
        or _misplaced(row, said, job.origin)
        or _misgranted(row, said, job)
        or _miswrapped(row, dek, job)
    )
    if wrong is not None:
        said = said._replace(damage=wrong[0], message=wrong[1])
    return said, statement


def _opened_by_name(row: RawRecord, dek: bytes, origin: str) -> bytes | None:
    """The envelope, where the row's own stream name and place are what it was sealed for."""
    if row.name is None or row.state is None:
        return None
    try:
        return envelope_encryption.open_state(
            row.state, dek, origin=origin, stream=row.name, seq=row.seq
        )
    except KeysError:
        return None


def _unreadable(row: RawRecord, dek: bytes, error: Exception) -> _Damaged:
    """Bytes that hash to the entry were committed like that; others were changed under the seal."""
    text = getattr(error, "message", None) or str(error)
    try:
        committed = (
            record.entry(envelope_encryption.unverified_envelope(row.state or b"", dek))
            == row.entry
        )
    except KeysError:
        committed = False
    if not committed:
        return _Damaged(Damage.STATE_UNREADABLE, f"the state does not open to an envelope: {text}")
    if isinstance(error, VerificationError):
        return _Damaged(Damage.ENVELOPE_MALFORMED, text)
    if isinstance(error, Rejected):
        return _Damaged(Damage.STATEMENT_MALFORMED, str(error.text))
    return _Damaged(Damage.ACT_MALFORMED, f"the payload is no act: {error!r}")


def _unsealed(
    row: RawRecord, dek: bytes, said: CheckedRecord, origin: str
) -> tuple[Damage, str] | None:
    """The seal binds log, stream and position; here by what the statement says of them."""
    try:
        envelope_encryption.open_state(
            row.state or b"", dek, origin=origin, stream=said.stream, seq=said.seq
        )
    except KeysError:
        return Damage.STATE_UNREADABLE, f"the state is not sealed for {said.stream} {said.seq}"
    return None


_UNCOMMITTED: Final = (
    Damage.ENTRY_WRONG,
    "the envelope inside does not hash to the entry of the row",
)
"""The entry binds the bytes."""


@lru_cache(maxsize=65_536)
def _stream_bytes(origin: str, stream: str) -> bytes:
    return stream_id(origin, stream).bytes


def _unwrap(row: RawRecord, job: Job) -> bytes:
    if not row.wraps:
        raise _Damaged(Damage.WRAP_MISSING, "the record has no wrapped key")
    known = 0
    for wrapped in row.wraps:
        try:
            kek = job.keks.get(envelope_encryption.kek_id_of(wrapped))
        except KeysError as error:
            raise _Damaged(Damage.WRAP_MALFORMED, f"{error}") from error
        if kek is None:
            continue
        known += 1
        try:
            return envelope_encryption.unwrap(kek, wrapped, origin=job.origin, entry=row.entry)
        except KeysError:
            continue
    if not known:
        raise _Damaged(
            Damage.WRAP_OTHER_KEK, "the key is wrapped under a KEK that is not this log's"
        )
    raise _Damaged(Damage.WRAP_OTHER_RECORD, "the wrapped key is not of this entry")


def _said(
    index: int, statement: Statement, recorded_at: datetime, job: Job, *, signed: bool | None
) -> CheckedRecord:
    members = statement.members
    service = statement.typ == statements.SERVICE_TYP
    if service:
        services.parse(members, job.events)
    act, act_id = (
        members["event" if service else "act"],
        members["event_id" if service else "act_id"],
    )
    refers_to = members.get("refers_to")
    _uuid_bytes(act_id)
    if refers_to:
        _uuid_bytes(refers_to)
    signers: tuple[tuple[str, str], ...] = ()
    if not service:
        signers = tuple([(str(s["officer"]), str(s["role"])) for s in members["signers"]])
    return _make(
        (
            index,
            None,
            "",
            str(members["stream"]),
            statement.seq,
            statement.prev,
            statement.digest_b64,
            str(act),
            str(act_id),
            statement.typ,
            statement.role,
            statement.kid,
            milliseconds(recorded_at),
            signed,
            hashlib.sha256(statement.payload).digest() if len(signers) > 1 else b"",
            signers,
            refers_to,
            members if act in job.folded else None,
            statement.compact if signed is None else None,
            _attachments(statement),
            _tokens(statement),
            None if statement.stand_in is None else statement.stand_in["officer"],
        )
    )  # members by name take longer than opening the record


def _attachments(statement: Statement) -> tuple[tuple[str, int], ...]:
    """What the first statement of a payload lists; the others list the same."""
    if statement.role in statements.COUNTERSIGNERS:
        return ()
    listed = statement.members.get("attachments")
    if not listed:
        return ()
    return tuple((str(one["digest"]), int(one["size"])) for one in listed)


def _tokens(statement: Statement) -> tuple[str, ...]:
    """What the first statement of a payload names; the others name the same."""
    if statement.role in statements.COUNTERSIGNERS:
        return ()
    found = tokens_of(str(statement.members["stream"]), statement.payload)
    return tuple(sorted(found)) if found else ()


def _uuid_bytes(text: object) -> bytes:
    return bytes.fromhex(str(text).replace("-", ""))


def _verify(statement: Statement, job: Job) -> bool | None:
    known = job.jwks.get(statement.kid)
    if known is None:
        return None
    key = _loaded.get(statement.kid)
    if key is None:
        key = _loaded[statement.kid] = jwks.public_key(known)
    return holds(statement, key)


def holds(statement: Statement, key: PublicKey) -> bool:
    """Whether the signature verifies with this key."""
    if statement.alg != key.alg:
        return False
    try:
        key.verify(statement.signature, statement.signing_input)
    except InvalidSignature:
        return False
    return True


def _foreign(envelope_log: str, statement_log: str, origin: str) -> tuple[Damage, str] | None:
    if envelope_log == statement_log == origin:
        return None
    return Damage.OTHER_LOG, f"recorded for {envelope_log} and signed for {statement_log}"


def unit_fits(row: RawRecord, stream: str, level: str) -> bool:
    """Whether a row of a stream may be granted by its unit (access.md §1).

    The case's own id, nil outside cases; above ordinary also one that an act names, which nobody
    can tell of a row by itself: the rules do.
    """
    if not stream.startswith("case/"):
        return row.unit in (None, _NIL_UNIT)
    if row.unit in (None, row.stream_id):
        return True
    return level != ORDINARY and UUID(bytes=row.unit).version == _RANDOM


def _misgranted(row: RawRecord, said: CheckedRecord, job: Job) -> tuple[Damage, str] | None:
    """What access to the row and its key is granted by, against the stream it is of."""
    if not unit_fits(row, said.stream, job.level):
        return Damage.COLUMN_UNIT, f"the column is not the unit of {said.stream}"
    if row.astray:
        return Damage.COLUMN_UNIT, "the wrapped key is kept under another stream, unit or KEK"
    return None


def _miswrapped(row: RawRecord, dek: bytes, job: Job) -> tuple[Damage, str] | None:
    """Beside the key that opened the record no other may stand: nobody could say what it opens."""
    if len(row.wraps) == 1:
        return None
    held: set[bytes] = set()
    for wrapped in row.wraps:
        try:
            kek = job.keks.get(envelope_encryption.kek_id_of(wrapped))
            same = (
                kek
                and envelope_encryption.unwrap(kek, wrapped, origin=job.origin, entry=row.entry)
                == dek
            )
        except KeysError:
            return Damage.WRAP_OTHER_RECORD, "a second wrapped key is not of this entry"
        if kek is None:
            return (
                Damage.WRAP_OTHER_KEK,
                "a second key is wrapped under a KEK that is not this log's",
            )
        if not same or kek.kek_id in held:
            return Damage.WRAP_OTHER_RECORD, "a second wrapped key under the same KEK"
        held.add(kek.kek_id)
    return None


def _misplaced(  # noqa: PLR0911 - one return a column
    row: RawRecord, said: CheckedRecord, origin: str
) -> tuple[Damage, str] | None:
    """What the row's columns claim against what the bytes say."""
    if row.stream_id != _stream_bytes(origin, said.stream):
        return Damage.COLUMN_STREAM, f"the column is not the id of {said.stream}"
    if row.name != said.stream:
        return Damage.STREAM_NAME, f"the stream is kept as {row.name}, the act says {said.stream}"
    if row.seq != said.seq:
        return Damage.COLUMN_SEQ, f"the column says {row.seq}, the statement {said.seq}"
    if row.act_id != _uuid_bytes(said.act_id):
        return Damage.COLUMN_ACT, f"the column says {UUID(bytes=row.act_id)}, the act {said.act_id}"
    if row.author != (said.role in {statements.AUTHOR, statements.RETURNER}):
        return Damage.COLUMN_AUTHOR, f"the column says {row.author}, the header {said.role}"
    if row.recorded_ms != said.recorded_ms:
        return Damage.COLUMN_RECORDED, (
            f"the column says {row.recorded_ms} ms, the envelope {said.recorded_ms} ms"
        )
    if row.topic != TOPIC:
        return Damage.COLUMN_TOPIC, f"the topic is {row.topic}"
    return None
