"""Opens stored records: unwrap, decrypt, recompute the entry, parse, in that order (access.md K3).

What opens is proven to be what the tree commits to; that its signature is good, and stands where it
may, is the audit's question. A mismatch is an integrity alarm with an index and a kind, never "not
found".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile
from typing import Any, Final
from uuid import UUID

from keys import envelope_encryption
from keys.envelope_encryption import Keks
from keys.errors import KeysError, Unsealable
from ledger.errors import Rejected, VerificationError
from ledger.log import record as records
from ledger.log.statement import ACT_TYP, Statement, parse_compact, recorded
from ledger.message import Message
from ledger.ports import NIL_UNIT, RecordStore, StoredRecord
from ledger.regulation.acts.act import Act, known_act, parse_act
from ledger.streams.event import TOPIC, SetAside
from ledger.streams.names import is_stream, stream_id
from ledger.streams.opener import record_keys
from ledger.values import frozen_value

TOPICS: Final = frozenset({TOPIC})
NONSENSE: Final = (
    Rejected,
    KeysError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What taking bytes apart that nobody looked at before may raise."""


@frozen_value(frozen=True, slots=True)
class Opened:
    """One record, opened and compared with its entry.

    Attributes:
        index: Leaf index.
        stream_id: Id of its stream.
        stream: Name of its stream; "" where the record is erased and the name is lost.
        seq: Position in the stream.
        recorded_at: When the log took it.
        entry: 32 bytes.
        envelope: What the entry is the hash of; empty where erased.
        statement: What was signed; None where erased.
        act: The payload, parsed; None where erased, and for a service statement.
        act_id: The act's id as the row says it.
        author: Whether the row says that it is the first statement of its payload.
        unit: What the row says that access is granted by.
        registry: Whether the row says that the registry changed by it.
        aside: Why it is set aside: then it has no statement that anybody may go by.
    """

    index: int
    stream_id: UUID
    stream: str
    seq: int
    recorded_at: datetime
    entry: bytes
    envelope: bytes
    statement: Statement | None
    act: Act | None
    act_id: str
    author: bool = True
    unit: UUID = NIL_UNIT
    registry: bool = False
    aside: SetAside | None = None

    @property
    def erased(self) -> bool:
        """Whether its content is gone: it has no wrap any more."""
        return self.statement is None and self.aside is None

    def put_aside(self, aside: SetAside) -> Opened:
        """The same record, set aside."""
        return replace(self, envelope=b"", statement=None, act=None, aside=aside)


@dataclass(frozen=True, slots=True)
class Parser:
    """How an envelope of this log, a statement and an act are parsed, one out of the other."""

    envelope: Callable[[bytes, str], tuple[datetime, str]]
    statement: Callable[[str], Statement]
    act: Callable[[Mapping[str, Any]], Act]


class Reader:
    """Records in index order, opened.

    Args:
        store: Where they lie.
        kek: Opens their wraps.
        origin: Origin of the log.
        level: Level of the log.
        parser: How they are parsed: as strictly as at the door, if left out.

    Attributes:
        origin: Origin of the log.
        level: Its level.
    """

    def __init__(
        self,
        store: RecordStore,
        kek: Keks,
        origin: str,
        level: str = "ordinary",
        parser: Parser | None = None,
    ) -> None:
        self._store = store
        self._kek = kek
        self.origin = origin
        self.level = level
        self._parser = parser or Parser(
            _envelope, parse_compact, lambda members: parse_act(members, level=level)
        )

    def for_folds(self) -> Reader:
        """The same records, whose form is not asked again.

        Their bytes are still proven to be those of the entry, and what is in it passed the door. A
        record that does not open is set aside, and stops nobody (formats.md §3).
        """
        parser = Parser(records.recorded, recorded, known_act)
        return _Tolerant(self._store, self._kek, self.origin, self.level, parser)

    def for_judges(self) -> Reader:
        """The same records, parsed as strictly as at the door."""
        return Reader(self._store, self._kek, self.origin, self.level)

    def read(self, start: int, limit: int) -> list[Opened]:
        """Records `start` …, at most `limit`; a gap is damage.

        Raises:
            VerificationError: At the first record that does not open to what its entry commits to.
        """
        return self.open_all(self._store.read(start, limit), start)

    def cases(self, start: int, end: int, digits: str) -> list[Opened]:
        """Records [start, end) but for those that are of other cases alone, opened.

        Raises:
            VerificationError: At the first record that does not open to what its entry commits to.
        """
        return self.open_each(self._store.cases(start, end, digits))

    def open_all(self, stored: Sequence[StoredRecord], start: int) -> list[Opened]:
        """Rows that must be `start`, `start` + 1, …, opened. Raises: VerificationError."""
        dense = list(takewhile(lambda n: stored[n].index == start + n, range(len(stored))))
        opened = self.open_each(stored[: len(dense)])
        if len(dense) < len(stored):
            found = stored[len(dense)].index
            raise VerificationError("gap", f"found index {found}", start + len(dense))
        return opened

    def open(self, row: StoredRecord) -> Opened:
        """One row, opened.

        Raises:
            VerificationError: `topic`, `stream_name`, `wrap`, `state`, `entry_mismatch`,
                `envelope`, `time_mismatch`, `statement`, `act` or `place_mismatch`, with its index.
        """
        return self.open_each((row,))[0]

    def open_each(self, rows: Sequence[StoredRecord]) -> list[Opened]:
        """The same of each row: all are decrypted before the first is parsed.

        One after the other through both costs a quarter more: a cipher and a parser that take turns
        drive each other out of the processor's cache.
        """
        sealed = [
            b"" if key is None else self._envelope(row, key)
            for row, key in zip(rows, self._keys(rows), strict=True)
        ]
        return [self._parsed(row, one) for row, one in zip(rows, sealed, strict=True)]

    def _parsed(self, row: StoredRecord, envelope: bytes) -> Opened:
        if row.wrap is None:
            return _opened(row, b"", None, None)
        kind = "envelope"
        try:
            recorded_at, compact = self._parser.envelope(envelope, self.origin)
            kind = "statement"
            statement = self._parser.statement(compact)
            kind = "act"
            act = None if statement.typ != ACT_TYP else self._parser.act(statement.members)
        except VerificationError as error:
            raise VerificationError(error.kind, error.message, row.index) from error
        except Rejected as error:
            raise VerificationError(kind, str(error.text), row.index) from error
        except NONSENSE as error:
            raise VerificationError(kind, repr(error), row.index) from error
        if recorded_at != row.recorded_at:
            raise VerificationError("time_mismatch", "recorded_at differs from the row", row.index)
        opened = _opened(row, envelope, statement, act)
        _check_place(opened, statement)
        return opened

    def _keys(self, rows: Sequence[StoredRecord]) -> list[bytes | Unsealable | None]:
        """The key of each, asked for in one go; None where its wrap is gone."""
        there = [row for row in rows if row.wrap is not None and row.topic in TOPICS]
        found = iter(record_keys(self._kek, self.origin, there))
        nothing = Unsealable("it was not asked for")
        return [
            None if row.wrap is None else next(found) if row.topic in TOPICS else nothing
            for row in rows
        ]

    def _envelope(self, row: StoredRecord, key: bytes | Unsealable) -> bytes:
        # eventsourcing resolves topics to imports: only known ones, and never one with a colon.
        if row.topic not in TOPICS:
            raise VerificationError("topic", f"no such topic: {row.topic!r}", row.index)
        if stream_id(self.origin, row.stream) != row.stream_id:
            raise VerificationError("stream_name", "the name is not that of the id", row.index)
        if isinstance(key, Unsealable):
            raise VerificationError("wrap", str(key), row.index) from key
        try:
            envelope = envelope_encryption.open_state(
                row.state, key, origin=self.origin, stream=row.stream, seq=row.seq
            )
        except Unsealable as error:
            raise VerificationError("state", str(error), row.index) from error
        if records.entry(envelope) != row.entry:
            raise VerificationError("entry_mismatch", "the envelope has another hash", row.index)
        return envelope


class _Tolerant(Reader):
    """A reader to whom a record that does not open is one that is set aside."""

    def open(self, row: StoredRecord) -> Opened:
        """One row, opened or set aside."""
        return self.open_each((row,))[0]

    def open_each(self, rows: Sequence[StoredRecord]) -> list[Opened]:
        """The same of each row."""
        keys = zip(rows, self._keys(rows), strict=True)
        sealed = [self._sealed(row, key) for row, key in keys]
        return [self._told(row, one) for row, one in zip(rows, sealed, strict=True)]

    def _sealed(
        self, row: StoredRecord, key: bytes | Unsealable | None
    ) -> bytes | VerificationError:
        """What is under the seal; or why nobody can tell."""
        try:
            if not is_stream(row.stream):
                _refuse_name(row)
            return b"" if key is None else self._envelope(row, key)
        except VerificationError as error:
            return error

    def _told(self, row: StoredRecord, sealed: bytes | VerificationError) -> Opened:
        if not isinstance(sealed, VerificationError):
            try:
                return self._parsed(row, sealed)
            except VerificationError as error:
                sealed = error
        opened = _opened(row, b"", None, None)
        return opened.put_aside(unread(sealed.kind, sealed.message))


def unread(kind: str, message: str) -> SetAside:
    """A record that nobody can read."""
    text = Message("it does not open, or is no statement of this log: {detail}", detail=message)
    return SetAside(kind, text, unread=True)


def _refuse_name(row: StoredRecord) -> None:
    raise VerificationError("stream_name", "no stream has such a name", row.index)


def _envelope(data: bytes, log: str) -> tuple[datetime, str]:
    parsed = records.parse_envelope(data, log=log)
    return parsed.recorded_at, parsed.statement


def _opened(
    row: StoredRecord, envelope: bytes, statement: Statement | None, act: Act | None
) -> Opened:
    return Opened(
        index=row.index,
        stream_id=row.stream_id,
        stream=row.stream,
        seq=row.seq,
        recorded_at=row.recorded_at,
        entry=row.entry,
        envelope=envelope,
        statement=statement,
        act=act,
        act_id=str(row.act_id),
        author=row.author,
        unit=row.unit,
        registry=row.registry,
    )


def _check_place(row: Opened, statement: Statement) -> None:
    """The columns say what the signed bytes say: they are only there to be searched."""
    members = statement.members
    if type(members) is not dict:
        raise VerificationError("statement", "the payload is no object", row.index)
    named = members.get("act_id", members.get("event_id"))
    if (statement.seq, members.get("stream"), named) != (row.seq, row.stream, row.act_id):
        raise VerificationError("place_mismatch", "the row says another place or act", row.index)
