"""Tells what stands in a stream from what is set aside, each record judged at its index.

Whoever has the writer's login and the KEK can append what no rule allows. Such a record keeps its
place in the log and in its stream and moves nothing there (formats.md §3). What a guard asks about
the rest of the log is answered from its records, judged as well, and in favour of the record where
they do not tell: a record is set aside for what it is, never for what was not looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from keys import canonical
from keys.errors import KeysError
from ledger.errors import Conflict, Rejected, VerificationError
from ledger.log.statement import check_signature, require_log
from ledger.ports import RecordStore, StoredRecord
from ledger.reader import NONSENSE, Reader, unread
from ledger.regulation.act import Act
from ledger.regulation.cases import STILL_OPEN, Report, state_told
from ledger.regulation.catalogue import load
from ledger.regulation.registry import Registry
from ledger.regulation.reviews import open_reviews, signers
from ledger.replay import judged
from ledger.streams.event import Aside, Event, PositionPassed, StatementRecorded
from ledger.streams.kinds import begin
from ledger.streams.names import is_stream, stream_id
from ledger.streams.stream import Ground, Stream
from ledger.streams.tokens import token_tag
from ledger.submission import Submission

_NONSENSE_VI: Final = "nội dung không theo quy định nào"
_COLUMNS: Final = Aside(
    "columns",
    "các cột của bản ghi nói khác nội dung đã ký",
    "the columns of the row say something else than what is signed",
)


def event_of(reader: Reader, row: StoredRecord) -> Event:
    """A row as its stream takes it, before it is judged.

    Raises:
        VerificationError: `erased`: its content is gone. Nobody can tell what stands behind it.
    """
    if not is_stream(row.stream):
        return passed(row, None, unread("stream_name", "no stream has such a name"))
    try:
        opened = reader.open(row)
    except VerificationError as error:
        return passed(row, None, unread(error.kind, error.message))
    if opened.statement is None:
        raise VerificationError("erased", "the content of this record is gone", row.index)
    if opened.act is None:
        return replace(passed(row, opened.statement.digest_b64), statement=opened.statement)
    return StatementRecorded(
        originator_id=row.stream_id,
        originator_version=row.seq,
        stream=opened.stream,
        statement=opened.statement,
        act=opened.act,
        author=row.author,
        registry=row.registry,
        unit=row.unit,
        index=row.index,
        recorded_at=row.recorded_at,
        entry=row.entry,
    )


def passed(row: StoredRecord, digest: str | None, aside: Aside | None = None) -> PositionPassed:
    """The position of a row that holds no act."""
    return PositionPassed(
        originator_id=row.stream_id,
        originator_version=row.seq,
        stream=row.stream,
        digest=digest,
        index=row.index,
        recorded_at=row.recorded_at,
        entry=row.entry,
        registry=row.registry,
        aside=aside,
    )


@dataclass(frozen=True, slots=True)
class Judge:
    """Asks of each record of a stream what the door asks of a statement.

    Attributes:
        store: Where records lie.
        reader: Opens them, as strictly as the door parses.
        origin: Origin of the log.
        level: Its level.
        before: The registry as a record of the past found it.
    """

    store: RecordStore
    reader: Reader
    origin: str
    level: str
    before: Callable[[int], Registry]

    def settled(
        self, stream: Stream, event: Event, registry: Registry, *, nested: bool = False
    ) -> Event:
        """The event if it stands, else its position, set aside; pure but for what guards look up.

        Args:
            stream: As the record found it.
            event: Of `event_of`.
            registry: As the record found it.
            nested: Whether a judgement of another stream asks: then nothing more is looked up.

        Raises:
            VerificationError: `damaged`: an officer's statement follows what cannot be read, so
                that stood when it was signed. Nobody can tell what it said, nor what is behind it.
        """
        if isinstance(event, PositionPassed):
            aside = event.aside or _service_refusal(stream, event, registry)
            return event if aside is None else replace(event, digest=None, aside=aside)
        aside = self._refusal(stream, event, registry, nested=nested)
        if aside is None:
            return event
        if aside.code == "stale" and stream.unread is not None:
            self._require_junk(event, registry, stream.unread)
        return PositionPassed(
            originator_id=event.originator_id,
            originator_version=event.originator_version,
            stream=event.stream,
            digest=None,
            index=_index(event),
            recorded_at=_at(event),
            entry=event.entry or b"",
            aside=aside,
        )

    def _require_junk(self, event: StatementRecorded, registry: Registry, unread: int) -> None:
        """What cannot be read is junk, unless somebody signed upon it."""
        try:
            Submission(event.statement, event.act, None).admit(registry, _at(event))
        except Rejected:
            return
        raise VerificationError("damaged", "it does not open, and a statement follows it", unread)

    def _refusal(
        self, stream: Stream, event: StatementRecorded, registry: Registry, *, nested: bool
    ) -> Aside | None:
        ground = Ground(
            registry=registry,
            catalogue=load(),
            origin=self.origin,
            level=self.level,
            log_size=_index(event),
            cases=Elsewhere(self, _index(event), event.act, registry, nested=nested),
            at=_at(event),
        )
        try:
            require_log(event.statement, self.origin)
            found, _ = judged(stream, event.statement, event.act, ground)
        except Rejected as refused:
            return Aside(refused.code, refused.vi, refused.en, refused.guard)
        except Conflict as conflict:
            return Aside(conflict.code, conflict.vi, conflict.en)
        except NONSENSE as error:  # a guard that stumbles over what no door let in
            return Aside("act", _NONSENSE_VI, repr(error))
        said = (found.author, found.registry, found.unit)
        return None if said == (event.author, event.registry, event.unit) else _COLUMNS


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """`Cases` as of a record: other streams folded from what stands of them before it.

    A stream of which something is erased or damaged refuses nothing here, nor any where this itself
    is asked on the way to another stream's answer: else cases that name one another could be made
    to cost as much as one likes. Whose a token is stands beside the records, of every moment.
    """

    judge: Judge
    before: int
    act: Act
    registry: Registry
    nested: bool = False

    def state(self, stream: str) -> str | None:
        """Main state of a case then, as `state_told`."""
        folded = self._folded(stream)
        return STILL_OPEN if folded is None else state_told(folded.state)

    def signers(self, stream: str) -> Sequence[str]:
        """Officers who had signed an effective act of a case then."""
        folded = self._folded(stream)
        return () if folded is None else signers(folded.state)

    def token_elsewhere(self, token: str, stream: str) -> bool:
        """Whether another case had the token then, or no append was told that this one names it."""
        judge = self.judge
        found = judge.store.token(token_tag(judge.origin, token))
        return (
            found is None or found[0] != stream_id(judge.origin, stream) or found[1] > self.before
        )

    def record(self, index_or_entry: str) -> tuple[int, str] | None:
        """The record of this entry, where it stands at the index that the act names."""
        for named in self.act.facts.get("entries", ()):
            if str(named["entry"]).removeprefix("sha-256:") == index_or_entry:
                for row in self.judge.store.read(named["index"], 1):
                    if row.index < self.before and canonical.b64(row.entry) == index_or_entry:
                        return row.index, row.stream
        return None

    def running(self, stream: str, at: datetime) -> Sequence[str]:
        """Complaints, reviews and their windows that ran in a case then."""
        folded = self._folded(stream)
        return () if folded is None else open_reviews(folded.state, self.registry, at)

    def reports(self) -> Sequence[Report]:
        """None: they only raise flags."""
        return ()

    def _folded(self, name: str) -> Stream | None:
        """The stream as its records have it; None where they do not tell."""
        if self.nested:
            return None
        judge, of = self.judge, stream_id(self.judge.origin, name)
        stream = begin(of, name)
        for row in judge.store.stream(of):
            if row.index >= self.before:
                break
            try:
                event, registry = event_of(judge.reader, row), judge.before(row.index)
                judge.settled(stream, event, registry, nested=True).mutate(stream)
            except (VerificationError, *NONSENSE):
                return None
        return stream


def _service_refusal(stream: Stream, event: PositionPassed, registry: Registry) -> Aside | None:
    """What a service statement lacks: its place, a service key, or that key's signature."""
    statement = event.statement
    if statement is None or event.registry:
        return _COLUMNS
    if statement.prev != stream.state.head:
        return Aside("stale", "không nối tiếp bản ký trước", "it does not follow its stream")
    try:
        registry.keyring.usable(statement.kid, index=None, at=event.recorded_at, service=True)
        check_signature(statement, registry.keyring.key(statement.kid))
    except KeysError as error:
        return Aside("unknown_key", "không phải khóa của dịch vụ", str(error))
    except Rejected as refused:
        return Aside(refused.code, refused.vi, refused.en)
    return None


def _index(event: StatementRecorded) -> int:
    if event.index is None:
        raise ValueError("only what is recorded is judged again")
    return event.index


def _at(event: StatementRecorded) -> datetime:
    if event.recorded_at is None:
        raise ValueError("only what is recorded is judged again")
    return event.recorded_at
