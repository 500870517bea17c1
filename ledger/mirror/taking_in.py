"""Takes a segment in: whole, after everything it says was held against the log, or not at all.

The leaves must be those of a checkpoint that the log has signed, which goes on from the one taken
in before; the content of each record is hashed to its leaf. Whose each signature is, is asked of
the registry below as it stood at that index, folded here from the very records: what the rules set
aside there is stored with its mark and moves nothing, since one record of noise must not end a
mirror (formats.md §3). Where a segment is opened and taken apart is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

from keys import canonical, envelope_encryption, sealed_file
from keys.envelope_encryption import Keks
from keys.errors import KeysError
from keys.log_keys import LogKeys
from keys.lost_checkpoint import known
from ledger.errors import Rejected, VerificationError
from ledger.log import checkpoint as checkpoints
from ledger.log import merkle, record
from ledger.log.checkpoint import Checkpoint
from ledger.log.merkle import Frontier
from ledger.log.statement import ACT_TYP, AUTHOR, Statement, parse_compact
from ledger.message import Message
from ledger.mirror.ahead import Ahead
from ledger.mirror.ports import Claimed, MirrorStore, Standing, Taken, TakenRow
from ledger.mirror.refusal import SegmentRefused, TakenBefore
from ledger.mirror.segment import (
    Gone,
    Item,
    Kept,
    RecordPlace,
    Segment,
    SegmentFile,
    file_digest,
    going_up,
    signed_by,
)
from ledger.mirror.unit import unit_below
from ledger.ports import NIL_UNIT, StoredRecord
from ledger.regulation.acts.act import ORDINARY, Act, parse_act
from ledger.regulation.registry.lines import REGISTRY_ACTS
from ledger.regulation.registry.registry import Registry
from ledger.streams.event import TOPIC, PositionPassed, StatementRecorded
from ledger.streams.names import is_case, is_stream, stream_id
from ledger.streams.record_reader import NONSENSE, Reader
from ledger.streams.tokens import token_tag, tokens_of
from ledger.write.judged_stream import JudgedStreams
from ledger.write.registry_follower import RegistryFollower

ERASED: Final = "RecordErased"
AHEAD_S: Final = 3_600
"""How far the clock of a lower enclave may be ahead of ours."""
_RETURNER: Final = "RETURNER"
_UNREAD: Final = "unread"
_PAGE: Final = 128
"""Records that are looked at together: what a page holds stays in the processor's cache."""
_START: Final = datetime(1970, 1, 1, tzinfo=UTC)
_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(frozen=True, slots=True)
class Lower:
    """A lower log that is trusted from its first record on.

    Attributes:
        origin: Its name.
        level: Its level, which is below ours.
        genesis: Entry of its record 0, 32 bytes.
    """

    origin: str
    level: str
    genesis: bytes


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What a segment brought.

    Attributes:
        records: How many.
        size: Of the mirror now.
        checkpoint: Size of the log's newest checkpoint: what is behind the mirror is still to come.
        aside: How many of the records the rules below set aside, or nobody there can read.
        erased: How many records lost their content by it.
        files: How many files of acts.
        left_out: How many files did not come: too long, or nowhere below.
    """

    records: int
    size: int
    checkpoint: int
    aside: int
    erased: int
    files: int
    left_out: int


class Mirror:
    """One lower log, as it is taken in.

    Args:
        store: What was taken in of it.
        kek: The own KEK: everything is sealed anew.
        lower: The log.
        level: The own level; states are padded above ordinary.
        now: The own clock.
    """

    def __init__(
        self, store: MirrorStore, kek: Keks, lower: Lower, level: str, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._kek = kek
        self.lower = lower
        self._level = level
        self._now = now
        self._folded: TakingIn | None = None

    def take(self, segment: Segment) -> TakenIn:
        """Takes a segment in.

        Raises:
            SegmentRefused: With its kind; nothing was stored.
            Conflict: Another import was first; nothing was stored.
        """
        standing = self._store.standing()
        try:
            self._require_place(segment, standing)
        except SegmentRefused as refused:
            if refused.kind == "replay" and self._is_here(segment):
                raise TakenBefore(refused.text) from refused
            raise
        folded = self._folded_to(standing.size)
        try:
            taken = folded.judged(segment, standing)
            self._store.take(taken)
        except BaseException:
            self._folded = None  # it has gone further than the store
            raise
        folded.settle()
        aside = sum(row.aside is not None for row in taken.rows)
        signed = checkpoints.unverified(segment.checkpoint).size
        came = [one.data is not None for one in segment.files if one.index >= standing.size]
        return TakenIn(
            len(taken.rows),
            segment.end,
            signed,
            aside,
            len(taken.erased),
            came.count(True),
            came.count(False),
        )

    def _folded_to(self, size: int) -> TakingIn:
        folded = self._folded
        if folded is None or folded.frontier.size != size:
            folded = TakingIn(self._store, self._kek, self.lower, self._level)
            self._folded = folded
        return folded

    def _is_here(self, segment: Segment) -> bool:
        """Whether this very segment was taken in: its turn of the clock, and its records."""
        known = any(
            (one.at, one.size) == (segment.at, segment.end) for one in self._store.segments()
        )
        entries = [_entry(item) for item in segment.items]
        return known and list(self._store.entries(segment.start, segment.end)) == entries

    def _require_place(self, segment: Segment, standing: Standing) -> None:
        if segment.log != self.lower.origin:
            raise SegmentRefused(
                "foreign",
                Message("it is of {found}, not of {log}", found=segment.log, log=self.lower.origin),
            )
        if segment.at > self._now().timestamp() + AHEAD_S:
            raise SegmentRefused("clock", Message("it says that it is of a time that is not yet"))
        if segment.start > standing.size:
            raise SegmentRefused(
                "gap",
                Message(
                    "records {first} to {last} are missing before it: bring the segments between",
                    first=standing.size,
                    last=segment.start - 1,
                ),
            )
        nothing_new = segment.start < standing.size and segment.end <= standing.size
        if nothing_new or segment.at <= standing.at:
            raise SegmentRefused(
                "replay",
                Message(
                    "it begins with record {first}, and {size} records are taken in already, to"
                    " the segment of {at}",
                    first=segment.start,
                    size=standing.size,
                    at=datetime.fromtimestamp(max(standing.at, 0), UTC).isoformat(),
                ),
            )


class TakingIn:
    """A mirrored log folded as far as it is stored, and on by what comes next."""

    def __init__(self, store: MirrorStore, kek: Keks, lower: Lower, level: str) -> None:
        self._kek = kek
        self._lower = lower
        self._level = level
        self._store = store
        self._ahead = Ahead(store)
        reader = Reader(self._ahead, kek, lower.origin, lower.level)
        self._registry = RegistryFollower(self._ahead, reader)
        self._streams = JudgedStreams(self._registry, self._ahead, reader)
        self._last = store.head().recorded_at or _START
        self.frontier = Frontier()
        for entry in store.entries(0, store.head().size):
            self.frontier.append(record.leaf(entry))
        if self.frontier.size:
            self._registry.catch_up()

    @property
    def log_keys(self) -> LogKeys:
        """The keys of the log by size, as its records tell them."""
        return self._registry.current.registry.log_keys

    def settle(self) -> None:
        """What came next is stored."""
        self._ahead.clear()

    def again(self, segment: Segment) -> Taken:
        """What records that are stored would be stored as, but for files; they are settled by it.

        Raises:
            SegmentRefused: `malformed`: one does not stand where its stream goes on.
        """
        self._grow(entries := [_entry(one) for one in segment.items], None)
        rows = list(self._rows(segment, entries, files=False))
        gone = [(index, act) for index, (_, act) in sorted(self._erased(rows).items())]
        self.settle()
        return self._taken_in(segment, rows, gone)

    def judged(self, segment: Segment, standing: Standing) -> Taken:
        """What is to be stored of a segment: what is behind the records that are here.

        Those before them were published again for another mirror, or as nobody below remembered
        that they had been; they are the very ones that are here, or this is another history.

        Raises:
            SegmentRefused: With its kind.
        """
        entries, here = [_entry(one) for one in segment.items], standing.size - segment.start
        if entries[:here] != list(self._store.entries(segment.start, standing.size)):
            self._require_signed(segment, _unverified(segment.checkpoint).size)
            raise _forked(standing.size)
        whole, entries = segment, entries[here:]
        segment = replace(segment, start=standing.size, items=segment.items[here:])
        signed, accused = self._signed_tree(segment, standing, entries)
        if accused is not None and self._unsigned(whole, signed.size) is None:
            raise accused
        if segment.start == 0 and entries and entries[0] != self._lower.genesis:
            raise SegmentRefused(
                "genesis",
                Message(
                    "its first record is not the one that {log} is trusted by", log=segment.log
                ),
            )
        rows = list(self._rows(segment, entries))
        self._require_signed(whole, signed.size)
        if accused is not None:  # by a key that its own records tell of
            raise accused
        erased = self._erased(rows)
        self._require_explained(segment.end, standing, rows, erased)
        gone = [(index, act) for index, (_, act) in sorted(erased.items())]
        return self._taken_in(segment, rows, gone)

    def _taken_in(
        self, segment: Segment, rows: Sequence[TakenRow], gone: Sequence[tuple[int, UUID]]
    ) -> Taken:
        root = self.frontier.root()
        return Taken(segment.start, rows, segment.checkpoint, segment.at, root, gone)

    # --- the tree ---

    def _signed_tree(
        self, segment: Segment, standing: Standing, entries: Sequence[bytes]
    ) -> tuple[Checkpoint, SegmentRefused | None]:
        """The checkpoint of a segment, whose tree has its records behind those taken in.

        Beside it: what the log has done where it has signed this. Whoever seals to the slots may
        have made it up, so it is said once that is known.
        """
        found = _unverified(segment.checkpoint)
        if found.origin != segment.log:
            raise SegmentRefused(
                "foreign", Message("its checkpoint is of {found}", found=found.origin)
            )
        trusted = None if standing.checkpoint is None else _unverified(standing.checkpoint)
        if trusted is not None and found.size < trusted.size:
            return found, SegmentRefused(
                "rollback",
                Message(
                    "its checkpoint is of {found} records, and one of {trusted} is taken in",
                    found=found.size,
                    trusted=trusted.size,
                ),
            )
        holds = self._grow(entries, trusted)
        behind = trusted is not None and trusted.size > segment.end
        if trusted is not None and behind:
            holds = (trusted.size, trusted.root) == (found.size, found.root)
        try:
            merkle.verify_consistency(
                segment.end, found.size, segment.consistency, self.frontier.root(), found.root
            )
        except VerificationError as error:
            raise SegmentRefused(
                "tree",
                Message("its records are not those that its checkpoint stands over"),
            ) from error
        return found, None if trusted is None or holds else _forked(trusted.size)

    def _grow(self, entries: Sequence[bytes], trusted: Checkpoint | None) -> bool:
        """Whether the checkpoint taken in before, where the records come to it, is over these."""
        holds = self._holds(trusted)
        for entry in entries:
            self.frontier.append(record.leaf(entry))
            holds = holds and self._holds(trusted)
        return holds

    def _holds(self, trusted: Checkpoint | None) -> bool:
        here = trusted is not None and trusted.size == self.frontier.size
        return trusted is None or not here or trusted.root == self.frontier.root()

    def _require_signed(self, segment: Segment, size: int) -> None:
        refused = self._unsigned(segment, size)
        if refused is not None:
            raise refused

    def _unsigned(self, segment: Segment, size: int) -> SegmentRefused | None:
        """Of what no key signed that the log had at that size: record 0 tells, and recoveries."""
        vkeys = known(self.log_keys.at(size))
        try:
            checkpoints.open_checkpoint(segment.checkpoint, vkeys, origin=segment.log)
        except VerificationError as error:
            return SegmentRefused(
                "checkpoint",
                Message("the log has not signed its checkpoint: {error}", error=error.message),
            )
        if not signed_by(segment, vkeys):
            return SegmentRefused("checkpoint", Message("the log has not signed the segment"))
        return None

    # --- the records ---

    def _rows(
        self, segment: Segment, entries: Sequence[bytes], *, files: bool = True
    ) -> Iterator[TakenRow]:
        heads: dict[UUID, int] = {}
        brought: dict[int, list[SegmentFile]] = {}
        for file in segment.files:
            brought.setdefault(file.index, []).append(file)
        for first in range(0, len(segment.items), _PAGE):
            items = segment.items[first : first + _PAGE]
            page = self._page(items, entries[first : first + _PAGE], segment.start + first, heads)
            for index, one in enumerate(page, segment.start + first):
                row = self._row(index, one)
                if one.said is not None:
                    heads[row.stream_id] = _next(heads.get(row.stream_id, 0), row)
                self._last = row.recorded_at
                sealed = self._files(row, one.said, brought.get(index, ())) if files else ()
                yield self._taken(row, one.item, one.said, sealed)

    def _page(
        self, items: Sequence[Item], entries: Sequence[bytes], start: int, heads: dict[UUID, int]
    ) -> Iterator[_Looked]:
        """Records, each with its entry, with what it says, and as it is sealed.

        One thing after the other is done to all of a page: parsers, ciphers and who checks
        signatures drive each other out of the processor's cache, and what a whole segment says is
        more than fits into it.
        """
        origin = self._lower.origin
        said = _said(items, start, self._lower)
        ids = {stream_id(origin, one.stream) for one in said if one is not None}
        if new := ids - heads.keys():
            heads.update(self._store.heads(new))
        sealed = [
            self._sealed(item.envelope, entry, one)
            if isinstance(one, _Said) and isinstance(item, Kept)
            else None
            for item, entry, one in zip(items, entries, said, strict=True)
        ]
        yield from map(_Looked, items, entries, said, sealed)

    def _row(self, index: int, looked: _Looked) -> StoredRecord:
        """A record as it is stored, before it is asked whether it stands."""
        item, entry, said, sealed = looked
        wrap = None if isinstance(item, Gone) else b""
        if said is None:
            return StoredRecord(
                index=index,
                stream_id=NIL_UNIT,
                seq=0,
                act_id=NIL_UNIT,
                author=False,
                topic=TOPIC,
                state=b"",
                entry=entry,
                recorded_at=self._last,
                wrap=wrap,
            )
        named = stream_id(self._lower.origin, said.stream)
        state, at, author, registry = b"", self._last, False, False
        if isinstance(said, _Said) and sealed is not None:
            state, wrap = sealed
            before = self._registry.before(index) if index else Registry.founded()
            at, author = said.recorded_at, said.statement.role in {AUTHOR, _RETURNER}
            registry = _changes(said, before, first=index == 0)
        return StoredRecord(
            index=index,
            stream_id=named,
            seq=said.seq,
            act_id=said.act_id,
            author=author,
            topic=TOPIC,
            state=state,
            entry=entry,
            recorded_at=at,
            wrap=wrap,
            stream=said.stream,
            unit=self._unit(index, named, said),
            registry=registry,
        )

    def _unit(self, index: int, named: UUID, said: _Said | RecordPlace) -> UUID:
        if not is_case(said.stream):
            return NIL_UNIT
        if self._lower.level == ORDINARY:
            return named
        act = said.act if isinstance(said, _Said) else None
        edition = self._registry.before(index).edition
        return unit_below(act, said.act_id, named, self._ahead.act, edition)

    def _files(
        self, row: StoredRecord, said: _Said | RecordPlace | None, brought: Sequence[SegmentFile]
    ) -> tuple[bytes | None, ...]:
        """Files of a record's act, under keys that go with its own. Raises: SegmentRefused."""
        listed: list[tuple[Mapping[str, Any], bool]] = []
        if isinstance(said, _Said) and said.act is not None:
            listed = going_up(said.act, said.statement.role)
        if [one.n for one in brought] != list(range(len(listed))):
            raise SegmentRefused(
                "file",
                Message(
                    "record {index} lists {count} files ({digests}), and others come with it",
                    index=row.index,
                    count=len(listed),
                    digests=", ".join(str(one["digest"]) for one, _ in listed) or "–",
                ),
            )
        if not listed:
            return ()
        dek = envelope_encryption.unwrap(
            self._kek, row.wrap or b"", origin=self._lower.origin, entry=row.entry
        )
        return tuple(
            _sealed_file(file, one, sealed_file.key_beside(dek, file.n), fits=fits)
            for file, (one, fits) in zip(brought, listed, strict=True)
        )

    def _taken(
        self,
        row: StoredRecord,
        item: Item,
        said: _Said | RecordPlace | None,
        files: tuple[bytes | None, ...],
    ) -> TakenRow:
        if not isinstance(said, _Said):
            self._ahead.add(row)
            if isinstance(item, Gone):
                return TakenRow(row, erased_by=(item.erased_by, item.erased_at))
            return TakenRow(row, aside=_UNREAD)
        tags = _tags(self._lower.origin, said, row)
        self._ahead.add(row, tags)
        return TakenRow(row, self._aside(row, said), tags=tags, files=files)

    def _aside(self, row: StoredRecord, said: _Said) -> str | None:
        """Why the rules below set a record aside; of a case no guard is asked (`Judge.signed`)."""
        if row.registry:
            self._registry.catch_up(row.index)
            return None if self._registry.stands(row.index) else "registry"
        if not is_case(said.stream):
            event: object = self._streams.event(row)
        elif said.act is None:
            return "act"
        else:
            event = self._registry.signed(_event(row, said))
        if isinstance(event, PositionPassed) and event.aside is not None:
            return event.aside.guard or event.aside.code
        return None

    def _sealed(self, envelope: bytes, entry: bytes, said: _Said) -> tuple[bytes, bytes]:
        origin = self._lower.origin
        sealed = envelope_encryption.seal(
            envelope, origin=origin, stream=said.stream, seq=said.seq, level=self._level
        )
        return sealed.state, envelope_encryption.wrap(
            self._kek, sealed.dek, origin=origin, entry=entry
        )

    # --- erasure ---

    def _erased(self, rows: Sequence[TakenRow]) -> dict[int, tuple[bytes, UUID]]:
        """What the acts of erasure among these records name, by index: entry and act."""
        found: dict[int, tuple[bytes, UUID]] = {}
        for taken in rows:
            if taken.aside is None and taken.row.stream == "ledger":
                event = self._streams.event(taken.row)
                if isinstance(event, StatementRecorded) and _erases(event):
                    for one in event.act.facts["entries"]:
                        entry = canonical.unb64(str(one["entry"]).removeprefix("sha-256:"))
                        found[int(one["index"])] = entry, UUID(event.act.act_id)
        return found

    def _require_explained(
        self,
        end: int,
        standing: Standing,
        rows: Sequence[TakenRow],
        erased: dict[int, tuple[bytes, UUID]],
    ) -> None:
        """What came without its content was erased by law, once the act that did it is there."""
        new = [
            Claimed(taken.row.index, taken.row.entry, *taken.erased_by)
            for taken in rows
            if taken.erased_by is not None
        ]
        for one in (*standing.unexplained, *new):
            known = erased.get(one.index) == (one.entry, one.act_id)
            if one.at < end and not known and not self._known_erasure(one):
                raise SegmentRefused(
                    "erased",
                    Message(
                        "record {index} comes without its content, and no act of erasure names it",
                        index=one.index,
                    ),
                )

    def _known_erasure(self, claimed: Claimed) -> bool:
        """Whether an act taken in before erased a record."""
        for row in self._ahead.act(claimed.act_id):
            event: Any = self._streams.event(row) if row.stream == "ledger" else None
            if isinstance(event, StatementRecorded) and _erases(event):
                named = {(one["index"], one["entry"]) for one in event.act.facts["entries"]}
                plain, index = canonical.b64(claimed.entry), claimed.index
                return bool(named & {(index, plain), (index, f"sha-256:{plain}")})
        return False


@dataclass(frozen=True, slots=True)
class _Said:
    """What a record says: when it was taken, and what was signed."""

    recorded_at: datetime
    statement: Statement
    act: Act | None
    act_id: UUID
    stream: str

    @property
    def seq(self) -> int:
        return self.statement.seq


class _Looked(NamedTuple):
    """A record of a segment: with its entry, what it says, and state and wrap, if it is kept."""

    item: Item
    entry: bytes
    said: _Said | RecordPlace | None
    sealed: tuple[bytes, bytes] | None


def _said(items: Sequence[Item], start: int, lower: Lower) -> list[_Said | RecordPlace | None]:
    """What is known of each record, from `start` on. Raises: SegmentRefused."""
    kept = {n: one.envelope for n, one in enumerate(items, start) if isinstance(one, Kept)}
    parsed = _each(partial(record.parse_envelope, log=lower.origin), kept)
    statements = _each(parse_compact, {n: one.statement for n, one in parsed.items()})
    acts = _each(partial(_act, level=lower.level), statements)

    def said(index: int) -> _Said:
        members = statements[index].members
        stream, act = str(members["stream"]), members.get("act_id", members.get("event_id"))
        if not is_stream(stream) or statements[index].seq < 1:
            raise ValueError("no stream has such a name")
        when, statement = parsed[index].recorded_at, statements[index]
        return _Said(when, statement, acts[index], UUID(str(act)), stream)

    every = _each(said, {n: n for n in kept})
    return [every[n] if isinstance(one, Kept) else one.place for n, one in enumerate(items, start)]


def _each(step: Callable[[_In], _Out], things: Mapping[int, _In]) -> dict[int, _Out]:
    """A step of reading, done to each of these records by index. Raises: SegmentRefused."""
    done: dict[int, _Out] = {}
    index = -1
    try:
        for index, thing in things.items():
            done[index] = step(thing)
    except (VerificationError, *NONSENSE) as error:
        raise SegmentRefused(
            "malformed",
            Message(
                "record {index} cannot be read ({error}): the program above may be older",
                index=index,
                error=error,
            ),
        ) from error
    return done


def _act(statement: Statement, level: str) -> Act | None:
    """The act of a statement; None where it is none, or in no form that the rules take."""
    if statement.typ != ACT_TYP:
        return None
    try:
        return parse_act(statement.members, level=level)
    except Rejected:
        return None


def _next(last: int, row: StoredRecord) -> int:
    """The place behind the last one of a stream. Raises: SegmentRefused: it is another."""
    if row.seq != last + 1:
        raise SegmentRefused(
            "malformed",
            Message("record {index} does not stand where its stream goes on", index=row.index),
        )
    return row.seq


def _event(row: StoredRecord, said: _Said) -> StatementRecorded:
    if said.act is None:
        raise ValueError("no act")
    return StatementRecorded(
        originator_id=row.stream_id,
        originator_version=row.seq,
        stream=row.stream,
        statement=said.statement,
        act=said.act,
        author=row.author,
        registry=row.registry,
        unit=row.unit,
        index=row.index,
        recorded_at=row.recorded_at,
        entry=row.entry,
    )


def _changes(said: _Said, registry: Registry, *, first: bool) -> bool:
    """Whether a record says that the registry changed by it, as the log below marks it."""
    act = said.act
    if act is None or act.act not in REGISTRY_ACTS:
        return False
    if first:
        return True
    line, instead = registry.keyring.line(said.statement.kid), said.statement.stand_in
    if line is None:
        return False
    if instead is not None:
        return said.statement.role == act.signers[-1].role and line.officer == instead["officer"]
    return line.officer == act.signers[-1].officer


def _erases(event: StatementRecorded) -> bool:
    act = event.act
    return act.act == ERASED and event.statement.role == act.signers[-1].role


def _tags(origin: str, said: _Said, row: StoredRecord) -> tuple[bytes, ...]:
    if not row.author:
        return ()
    return tuple(
        token_tag(origin, one) for one in sorted(tokens_of(row.stream, said.statement.payload))
    )


def _sealed_file(
    file: SegmentFile, listed: Mapping[str, Any], key: bytes, *, fits: bool
) -> bytes | None:
    """A file under a key of its own; None where it did not come. Raises: SegmentRefused."""
    if file.data is None:
        return None
    digest = str(listed["digest"])
    if not fits:
        raise SegmentRefused(
            "file",
            Message(
                "the file {digest} of record {index} is longer than one that may come",
                digest=digest,
                index=file.index,
            ),
        )
    if (file_digest(file.data), len(file.data)) != (digest, listed["size"]):
        raise SegmentRefused(
            "file",
            Message(
                "what comes as the file {digest} of record {index} is another",
                digest=digest,
                index=file.index,
            ),
        )
    return b"".join(sealed_file.seal([file.data], key, digest=digest, stepped=True))


def _entry(item: Item) -> bytes:
    return record.entry(item.envelope) if isinstance(item, Kept) else item.entry


def _unverified(note: bytes) -> Checkpoint:
    try:
        return checkpoints.unverified(note)
    except (VerificationError, KeysError) as error:
        raise SegmentRefused(
            "checkpoint", Message("its checkpoint is none: {error}", error=error)
        ) from error


def _forked(size: int) -> SegmentRefused:
    return SegmentRefused(
        "fork",
        Message(
            "the log has signed two histories of {size} records: keep both, and tell the security"
            " officer",
            size=size,
        ),
    )
