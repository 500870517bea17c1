"""What the ledger asks of the world.

Each Protocol is a contract about durability, order and errors, not a shape. Adapters live in
`ledger/postgres` and `api/ops/wiring/`, fakes in `tests/fakes.py`; `tests/contract` holds both to
it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, NamedTuple, Protocol
from uuid import UUID

from keys.errors import Carried
from ledger.regulation.acts.act import Act
from ledger.regulation.case.other_cases_port import Cases, CountedReport, NoCases
from ledger.steps import Steps
from ledger.values import frozen_value

__all__ = [
    "NIL_UNIT",
    "Appended",
    "Appender",
    "Asking",
    "AttachedFiles",
    "BlobStore",
    "Cases",
    "CheckpointStore",
    "Checkpoints",
    "Clock",
    "CountedReport",
    "CustodyRow",
    "Draft",
    "Entropy",
    "FileIndex",
    "Grounds",
    "Identities",
    "LogHead",
    "NewestTree",
    "NoRecords",
    "NotAppended",
    "Notices",
    "OtherCases",
    "Pruned",
    "RecordStore",
    "SealedRecord",
    "SeenStore",
    "Sessions",
    "Sight",
    "Sights",
    "StoredFile",
    "StoredRecord",
    "TileStore",
    "Watch",
]

NIL_UNIT = UUID(int=0)


class Clock(Protocol):
    """Now, in UTC with millisecond precision. May jump; the log refuses to go back with it."""

    def now(self) -> datetime:
        """This instant."""


class Entropy(Protocol):
    """Unpredictable bytes and UUIDv4."""

    def take(self, n_bytes: int) -> bytes:
        """Fresh bytes."""

    def uuid(self) -> UUID:
        """A fresh UUIDv4."""


@frozen_value(frozen=True, slots=True)
class StoredRecord:
    """One row of `records` with its wrap, as stored.

    Attributes:
        index: Leaf index, dense from 0.
        stream_id: UUIDv5 of the stream's name.
        seq: Position in the stream, from 1.
        act_id: Act the statement belongs to.
        author: True on the first statement of a payload.
        topic: eventsourcing topic, e.g. `socai.statement.v1`.
        state: Sealed envelope (formats.md §5); empty where the reader's role may not read it.
        entry: 32 bytes (formats.md §4).
        recorded_at: UTC, milliseconds.
        wrap: Wrapped DEK, or None where erased or not readable.
        stream: Name of the stream, "" where the store has lost it; the sealed state is bound to it.
        unit: What access is granted by: nil outside cases, else the case's default unit.
        registry: Whether the statement brought a registry act into effect.
    """

    index: int
    stream_id: UUID
    seq: int
    act_id: UUID
    author: bool
    topic: str
    state: bytes
    entry: bytes
    recorded_at: datetime
    wrap: bytes | None
    stream: str = ""
    unit: UUID = NIL_UNIT
    registry: bool = False


@frozen_value(frozen=True, slots=True)
class LogHead:
    """The one row of `log_head`.

    Attributes:
        size: Records in the log.
        recorded_at: Of the last record; None where the log is empty.
        registry_index: Of the last registry record; -1 for none.
    """

    size: int
    recorded_at: datetime | None
    registry_index: int


class RecordStore(Protocol):
    """The ordered records of one log.

    What is returned is committed; a reader that tails by index misses nothing.
    """

    def head(self) -> LogHead:
        """The log as it stands."""

    def read(self, start: int, limit: int) -> Sequence[StoredRecord]:
        """Records `start` … in index order, at most `limit`, without a gap."""

    def cases(self, start: int, end: int, digits: str) -> Sequence[StoredRecord]:
        """Records [start, end) in index order, but for those that are of other cases alone.

        Args:
            start: First index.
            end: Index behind the last.
            digits: Last digits of the ids of the cases that are wanted, "0" for an id that ends in
                none; what is in no case always is, and whatever changes the registry.
        """

    def stream(self, stream_id: UUID, after_seq: int = 0) -> Iterable[StoredRecord]:
        """One stream in `seq` order, from `after_seq` + 1 on; in bounded memory."""

    def registry(self, after_index: int) -> Iterable[StoredRecord]:
        """Every record after `after_index` by which the registry changed, in index order.

        In bounded memory: whoever can append can mark as many as he likes.
        """

    def act(self, act_id: UUID) -> Sequence[StoredRecord]:
        """Every record of one act, in index order."""

    def entries(self, start: int, end: int) -> Sequence[bytes]:
        """The 32-byte entries of indices [start, end)."""

    def token(self, tag: bytes) -> tuple[UUID, int] | None:
        """The one stream that the token of this tag stands in, and the record that brought it.

        Never another one later; None where no append was told of it.
        """


class NoRecords:
    """`RecordStore` of nothing: for whoever opens rows that are at hand."""

    def head(self) -> LogHead:
        """Nothing is known of it."""
        return LogHead(0, None, -1)

    def read(self, start: int, limit: int) -> Sequence[StoredRecord]:
        """None."""
        del start, limit
        return ()

    def cases(self, start: int, end: int, digits: str) -> Sequence[StoredRecord]:
        """None."""
        del start, end, digits
        return ()

    def stream(self, stream_id: UUID, after_seq: int = 0) -> Iterable[StoredRecord]:
        """None."""
        del stream_id, after_seq
        return ()

    def registry(self, after_index: int) -> Iterable[StoredRecord]:
        """None."""
        del after_index
        return ()

    def act(self, act_id: UUID) -> Sequence[StoredRecord]:
        """None."""
        del act_id
        return ()

    def entries(self, start: int, end: int) -> Sequence[bytes]:
        """None."""
        del start, end
        return ()

    def token(self, tag: bytes) -> tuple[UUID, int] | None:
        """None."""
        del tag
        return None


@frozen_value(frozen=True, slots=True)
class Grounds:
    """What a judgement rests on beside its own stream and the registry; it may have moved since.

    Attributes:
        streams: Streams that were asked about, each with the last `seq` that the answer knew; 0
            where there was no such stream.
        programmes: The record up to which the streams of programmes were known; None where they
            were not asked about.
    """

    streams: Mapping[str, int] = field(default_factory=dict)
    programmes: int | None = None


class Asking(Cases, Protocol):
    """What guards may ask about other cases, for one judgement; it remembers what it told from."""

    @property
    def grounds(self) -> Grounds:
        """What was told so far, and from where."""

    @property
    def presumed(self) -> bool:
        """Whether a token was told to stand nowhere else before anybody looked."""


Sight = Literal["absent", "hidden", "part", "whole"]
"""What an officer sees of a case: there is none, nothing, the acts sent to them, all of it."""


class Sights(Protocol):
    """What the officer who calls sees of cases, asked before anything of a write is answered."""

    def of(self, stream: str, *, begins: bool = False) -> Sight:
        """How much of a case, by everything recorded of it so far; `begins`: one that is begun.

        Raises: Unavailable.
        """

    def acts(self, stream: str, act_ids: Collection[str]) -> frozenset[str]:
        """Which of these acts of a case."""


class OtherCases(Protocol):
    """The other cases of a log, to be asked about in one judgement after another."""

    def asking(
        self, seen: Callable[[str], Sight] | None = None, *, presuming: bool = False
    ) -> Asking:
        """Begins a judgement.

        Args:
            seen: How much whoever writes sees of a case: one that is not seen does not exist for
                what they are told, and of one that is seen in part no more than that it does
                (access.md A4). None: everything is seen.
            presuming: Whether a token may be presumed to stand in no other case, since the append
                says otherwise: nearly every one is new, and each would be a question of its own.
        """

    def forget(self) -> None:
        """Lets go of what it remembers: something of the log was shredded."""

    def number(self, act: Act, index: int, recorded_at: datetime) -> str | None:
        """The number that the log gives an act in its register; None: none, or not known yet.

        Args:
            act: Of form 2, in effect from the record at `index`.
            index: Of that record.
            recorded_at: When the log took it.
        """


class Alone(NoCases):
    """`OtherCases` of a log that has no case yet, or where none matters."""

    grounds = Grounds()
    presumed = False

    def asking(
        self, _seen: Callable[[str], Sight] | None = None, *, presuming: bool = False
    ) -> Alone:
        """Nothing to remember."""
        del presuming
        return self

    def forget(self) -> None:
        """Nothing to let go of."""

    def number(self, _act: Act, _index: int, _recorded_at: datetime) -> str | None:
        """Nobody counts."""
        return None


@frozen_value(frozen=True, slots=True)
class SealedRecord:
    """What sealing one envelope gives (formats.md §4, §5)."""

    entry: bytes
    state: bytes
    kek_id: bytes
    wrap: bytes


@frozen_value(frozen=True, slots=True)
class Draft:
    """A judged statement that asks for its place in the log.

    Attributes:
        stream_id: UUIDv5 of `stream`.
        stream: Name of the stream.
        seq: The place it takes there, from 1.
        unit: What access to it is granted by.
        act_id: Act it belongs to.
        author: Whether it is the first statement of its payload.
        topic: eventsourcing topic.
        registry: Whether it brings a registry act into effect.
        registry_index: The last registry record it was judged by; -1 for none.
        at: The time it was judged at, and is recorded with if no later one stands in the log
            already.
        latest: Past this time it must be judged again; None: any later time will do.
        seal: Seals it with a time; asked again where the time has to be a later one.
        asked: Other streams it was judged by, with the last `seq` known of each; under `NIL_UNIT`
            the last record known of all programmes.
        tags: Of the tokens that it names: each stands in one stream, and whoever is first has it.
    """

    stream_id: UUID
    stream: str
    seq: int
    unit: UUID
    act_id: UUID
    author: bool
    topic: str
    registry: bool
    registry_index: int
    at: datetime
    latest: datetime | None
    seal: Callable[[datetime], SealedRecord]
    asked: Mapping[UUID, int] = field(default_factory=dict)
    tags: frozenset[bytes] = frozenset()


@frozen_value(frozen=True, slots=True)
class Appended:
    """A record that is committed and will never be lost.

    `head` is the log as it stood right after its group.
    """

    index: int
    recorded_at: datetime
    entry: bytes
    head: LogHead


class NotAppended(Carried):
    """This draft was not recorded, its neighbours in the group may have been.

    Attributes:
        status: `stale`, the place in the stream is taken or not reached; `taken`, the act id names
            another act; `judge_again`, what it was judged by has moved; `late`, the log is past
            the draft's `latest`.
        head: The log as it stands.
    """

    def __init__(
        self, status: Literal["stale", "taken", "judge_again", "late"], head: LogHead
    ) -> None:
        super().__init__(status)
        self.status = status
        self.head = head


class Appender(Protocol):
    """The one way into the log. Durable on return.

    Safe to call from many threads and processes at once.
    """

    def append(self, draft: Draft) -> Appended:
        """Records one statement, in a group with whatever waits beside it.

        Raises:
            NotAppended: With the reason; nothing of this draft was recorded.
            Unavailable: The store cannot be reached or is full, or its clock is far from the
                draft's time. Where an answer was lost on the way the draft may have been recorded:
                the sender sends the same statement again and is told.
        """

    def append_judged(self, draft: Steps[Draft]) -> Appended:
        """The same of what is judged in its group: whoever leads judges all of it, step by step.

        Args:
            draft: Makes the draft, in whichever thread leads, and waits for nothing there. A step
                of all of the group is done before the next of any. What one raises is this caller's
                answer, and nothing to the others.

        Raises:
            NotAppended: As `append`.
            Unavailable: As `append`.
        """


HINTS_APART_S: Final = 0.02
"""Between two hints of records, or of what was shredded: one says as much as many, since whoever
follows it looks for all there is. So one may be held back as long behind the one before it."""


class Notices(Protocol):
    """Hints that something was committed.

    A hint may be lost or come twice: whoever waits also polls.
    """

    def listen(
        self, channel: Literal["records", "checkpoint", "shreds"]
    ) -> AbstractContextManager[Callable[[float], bool]]:
        """A wait that returns True on a hint and False after that many seconds."""

    def giving(
        self, channel: Literal["records", "checkpoint", "shreds"]
    ) -> AbstractContextManager[Callable[[], None]]:
        """Gives a hint that something is committed; costs no wait and never fails."""


class TileStore(Protocol):
    """Hash tiles (C2SP tlog-tiles).

    Levels 0 … hold hashes; a stored tile never changes, a wider one is another row.
    """

    def tile(self, level: int, n: int, width: int) -> bytes:
        """`width` * 32 bytes. Raises: NotFound."""


class NewestTree(NamedTuple):
    """The newest checkpoint, with parts of the tree under it as they are stored.

    Attributes:
        size: Of the tree.
        note: As it was signed.
        edge: Its partial tiles, but for those that the caller has, as `advance` takes tiles.
        groups: Level and position of each, and its sixteen hashes with the sixteen nodes in the
            middle of its tile behind them.
    """

    size: int
    note: bytes
    edge: Sequence[tuple[int, int, int, bytes]]
    groups: Sequence[tuple[int, int, bytes]]


class Checkpoints(Protocol):
    """The checkpoints of a log, to be read."""

    def latest(self) -> tuple[int, bytes] | None:
        """Size and note of the newest checkpoint."""

    def at(self, size: int) -> bytes | None:
        """The note of exactly this size."""

    def latest_with(self, known: int, groups: Sequence[tuple[int, int]]) -> NewestTree | None:
        """The newest checkpoint, and in the same answer what proofs of its tree are made of.

        Args:
            known: Size of a tree whose partial tiles the caller has.
            groups: Level, and position of sixteen hashes among the groups of that level; those of
                tiles that are not full yet do not come.
        """


class Pruned(NamedTuple):
    """What a prune came to.

    Attributes:
        upto: No partial tile stands below it, and of its checkpoints one a day.
        more: Whether there is more to do at once.
        apart: Whether a tile behind it is missing, or differs from a narrower one: nothing goes
            from there on.
    """

    upto: int
    more: bool
    apart: bool


class Uncovered(NamedTuple):
    """What no checkpoint covers yet, in one state of the database.

    Attributes:
        latest: Size and note of the newest checkpoint.
        size: How many records there are.
        entries: Those asked for, in index order.
    """

    latest: tuple[int, bytes] | None
    size: int
    entries: Sequence[bytes]


class CheckpointStore(Checkpoints, Protocol):
    """The checkpoints this log stands by. Durable on return; linearizable across processes."""

    def uncovered(self, start: int, most: int) -> Uncovered:
        """The log as it stands, with the entries of at most `most` records from `start` on."""

    def advance(
        self,
        old_size: int | None,
        size: int,
        root: bytes,
        note: bytes,
        tiles: Sequence[tuple[int, int, int, bytes]],
    ) -> None:
        """Stores tiles and checkpoint in one transaction if the newest is still `old_size`.

        Raises: Conflict: it is not; nothing was written.
        """

    def prune(self, most: int) -> Pruned:
        """Takes what is said twice, of at most `most` full tiles; may be repeated."""


class SeenStore(Protocol):
    """Where one role of a home keeps the newest note it has seen: outside database and backup.

    It holds bytes; what they must be is `seen_checkpoint`'s.
    """

    def alone(self) -> AbstractContextManager[None]:
        """Nobody else of this home reads and writes meanwhile; not to be nested."""

    def read(self) -> bytes | None:
        """The note, durable whoever wrote it; None where none was ever kept.

        Raises:
            Unavailable: No room to make it durable.
            Doubt: It cannot be read.
        """

    def write(self, note: bytes) -> None:
        """Puts it in the place of the one before: whole or not at all, durable on return.

        Raises:
            Unavailable: No room; the one before stands.
            Doubt: It cannot be written.
        """


class Watch(Protocol):
    """Holds the log to what a role of a home has seen of it; `log_watch.LogWatch` is one."""

    def look(self) -> None:
        """Asks the database, and moves on with it. Raises: Unavailable: it cannot be asked."""

    def require(self) -> None:
        """Raises: Doubt: as of the last look it is not the log that was seen."""


class Sessions(Protocol):
    """Sign-in challenges, taken once, and counted attempts; shared by all workers.

    The time is the store's own.
    """

    def put(self, challenge: str, kid: str, life_s: int) -> None:
        """Keeps a challenge until it is taken or expires, in ten minutes at most."""

    def take(self, challenge: str) -> str | None:
        """The kid it was made for, or None where unknown, used or expired.

        A second take gives None.
        """

    def attempt(self, subject: str, window_s: int, limit: int) -> bool:
        """Counts one attempt; False where `subject` is over its limit in the window."""


class BlobStore(Protocol):
    """Sealed files under random names (access.md L16).

    Nothing in it opens without a wrap that is kept elsewhere.
    """

    def put(self, name: UUID, sealed: Iterable[bytes]) -> None:
        """Keeps a file; durable and whole on return.

        What `sealed` raises comes through, and then nothing is kept.

        Raises:
            Unavailable: The store cannot be reached or is full; nothing is kept.
        """

    def get(self, name: UUID) -> Iterator[bytes]:
        """Its bytes in parts of any size, in constant memory.

        Raises:
            NotFound: No such file; at the call, not at the first part.
            Unavailable: The store cannot be reached.
        """

    def remove(self, name: UUID) -> None:
        """Takes a file away for good; safe to repeat. Raises: Unavailable."""


@dataclass(frozen=True, slots=True)
class CustodyRow:
    """One event in the history of a file, sealed like a record.

    Nothing about an actor stands in a column.

    Attributes:
        name: Of the file.
        seq: Position in its history, dense from 1; 1 is its upload.
        entry: SHA-256 of the event's bytes.
        state: The sealed event.
        wrap: Its wrapped DEK; None where erased.
        place: Position among the events of all files, from 0; None before it is kept.
    """

    name: UUID
    seq: int
    entry: bytes
    state: bytes
    wrap: bytes | None
    place: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One upload.

    Attributes:
        name: Random; where the sealed bytes lie.
        tag: What it is found by (`keys.sealed_file.lookup_tag`).
        wrap: The file's wrapped DEK; None where erased.
        first: The event of its upload.
    """

    name: UUID
    tag: bytes
    wrap: bytes | None
    first: CustodyRow


class FileIndex(Protocol):
    """Which uploads there are, and what became of each. Only grows; durable on return."""

    def lookup_key(self) -> bytes | None:
        """The wrapped key of every tag; None before the first upload."""

    def keep_lookup_key(self, wrap: bytes) -> bytes:
        """Keeps it where none is kept yet; the one that stands."""

    def add(self, file: StoredFile) -> None:
        """Keeps an upload with the first event of its history, together or not at all."""

    def find(self, tags: Sequence[bytes]) -> Sequence[StoredFile]:
        """Every upload with one of these tags, in any order."""

    def history(self, name: UUID) -> Sequence[CustodyRow]:
        """The history of a file, in order."""

    def last(self, name: UUID) -> tuple[int, bytes] | None:
        """`seq` and `entry` of the newest event; None where there is no such file."""

    def note(self, row: CustodyRow) -> bool:
        """Adds an event right after the last; False where its place is taken or not reached."""

    def taken(self) -> int:
        """How many events of all files there are; places are dense, from 0."""

    def span(self, start: int, limit: int) -> Sequence[tuple[int, UUID, int, bytes]]:
        """Place, file, position and entry of events from a place on, in order, at most `limit`."""


class Identities(Protocol):
    """What the write path asks of the reporters' compartment."""

    def holds(self, item: str, token: str, comp: UUID) -> bool:
        """Whether it keeps this item for this reporter of this case; True where there is no R.

        Raises:
            Unavailable: Nobody knows now.
        """


@dataclass(frozen=True, slots=True)
class LowerLogState:
    """How far a lower log is taken in: what somebody above is shown of it.

    Attributes:
        log: Its origin.
        level: Its level.
        size: Records taken in.
        root: Of these, 32 bytes.
        published_at: Turn of the clock below that the newest segment is of.
        taken_at: When that came, by the clock of the database here.
    """

    log: str
    level: str
    size: int
    root: bytes
    published_at: datetime
    taken_at: datetime


class LowerLogs(Protocol):
    """What the write path asks of the mirror: which lower logs there are, and what was shown."""

    def states(self) -> Sequence[LowerLogState]:
        """Each lower log of which something is taken in, as it stands, by name."""

    def trusts(self, log: str) -> bool:
        """Whether a lower log of this name is mirrored here, were nothing of it taken in yet."""

    def was_shown(self, log: str, size: int, root: bytes) -> bool:
        """Whether so many records of a lower log were ever all that was taken in, of this root."""


class AttachedFiles(Protocol):
    """What the write path asks of the files that an act lists."""

    def require(self, act: Act, earlier: Iterable[Act]) -> None:
        """Whether each file of an act was uploaded by an officer who may list it.

        That is its author, or the author of an earlier act that lists it.

        Args:
            act: It.
            earlier: Acts of its stream that its author sees.

        Raises:
            Rejected: `attachment_missing`, with a fault for each that was not; the same whoever
                else has the bytes.
        """
