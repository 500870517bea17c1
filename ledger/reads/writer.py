"""Notes reads: signs a row for each, seals it, and has it committed before anything is shown.

Reads that are under way at once are noted together, by one append and one COMMIT of at most
`_MOST_ROWS`; whoever brings more takes part in several, with as many in each as others have. Each
chain of rows has a stream of its own that begins with it (`reads/<uuid>`), so nobody waits for
another's place and a lost answer costs nothing: the next rows begin another stream. What needs a
note is not decided here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple, Protocol
from uuid import UUID

from keys import canonical, envelope_encryption
from keys.envelope_encryption import Keks
from keys.errors import KeysError
from keys.signer import Signer
from ledger.errors import LedgerError
from ledger.log import record as records
from ledger.log import statement as statements
from ledger.log.moment import cut
from ledger.log.statement import AUTHOR, SERVICE_TYP
from ledger.ports import Entropy, SealedRecord
from ledger.reads import read as reading
from ledger.reads.access_logged import (
    AccessRow,
    HeldPost,
    WrapsRow,
    access_logged,
    tags,
    wraps_opened,
)
from ledger.reads.read import NotedRead, ReadBy, ReadNotLogged
from ledger.streams.names import stream_id
from ledger.values import frozen_value
from ledger.write.groups import Groups

_ATTEMPTS: Final = 8
_MOST_ROWS: Final = 64
"""Of one append: so long who reads one line waits for who reads a thousand."""

_log = logging.getLogger("socai.reads")


@frozen_value(frozen=True, slots=True)
class RowGroup:
    """Rows that follow one another in a stream, dated alike.

    Attributes:
        stream_id: UUIDv5 of `stream`.
        stream: Its name.
        seq: Place of the first, from 1.
        at: When they are recorded.
        ids: An id each.
        sealed: Each, sealed.
        tags: What each is found by.
    """

    stream_id: UUID
    stream: str
    seq: int
    at: datetime
    ids: Sequence[UUID]
    sealed: Sequence[SealedRecord]
    tags: Sequence[frozenset[bytes]]


class GroupTaken(NamedTuple):
    """What became of a group: `ok`; `stale`, the place is taken; `late`, dated before the last row.

    `elsewhere`: this is not the log that was seen. `head_at` is the time of the last row of the
    log, where it was late.
    """

    status: Literal["ok", "stale", "late", "apart", "elsewhere"]
    head_at: datetime | None


class RowStore(Protocol):
    """The one way into the log of reads. Durable on return."""

    def append(self, group: RowGroup) -> GroupTaken:
        """Records all rows of a group, or none.

        Raises:
            Unavailable: It cannot be asked, or the answer was lost: it may have been recorded.
            Fatal: It takes no such rows.
        """


class RowPlace(NamedTuple):
    """Where a row stands: its stream, and its place there."""

    stream_id: UUID
    seq: int


@dataclass(slots=True)
class _Waiting:
    """A row of a read of that time; once it is committed, where it stands."""

    row: AccessRow | WrapsRow
    at: datetime
    place: RowPlace | None = None


@dataclass(slots=True)
class _Chain:
    """A stream, and where its next row stands."""

    stream: str
    seq: int = 1
    prev: str | None = None


class ReadWriter:
    """`ReadLog` of one process.

    Args:
        store: Takes the rows.
        signer: The service's key.
        kek: Wraps.
        key: Of tags (`keys.read_tags.key_of`).
        entropy: Ids and blinds.
        origin: Origin of the log of reads.
        level: Its level.
        now: The ledger's time.
        posts: Posts that an officer holds at an instant.
    """

    def __init__(  # noqa: PLR0913 - wired once, by api.ops.wiring
        self,
        *,
        store: RowStore,
        signer: Signer,
        kek: Keks,
        key: bytes,
        entropy: Entropy,
        origin: str,
        level: str,
        now: Callable[[], datetime],
        posts: Callable[[ReadBy, datetime], Sequence[HeldPost]],
    ) -> None:
        self._store = store
        self._signer = signer
        self._kek = kek
        self._key = key
        self._entropy = entropy
        self._origin = origin
        self._level = level
        self._now = now
        self._posts = posts
        self._chain: _Chain | None = None  # of whoever leads a group, and so of one at a time
        self._groups = Groups(self._commit, _MOST_ROWS)

    def note(self, reads: Sequence[NotedRead]) -> None:
        """See `ReadLog.note`."""
        try:
            at = cut(self._now())
            posts: dict[ReadBy, Sequence[HeldPost]] = {}
            waiting: list[_Waiting] = []
            for row in reading.rows(reads):
                by = row.session
                if (held := posts.get(by)) is None:
                    held = posts[by] = self._posts(by, at)
                waiting.append(_Waiting(_row(row, held), at))
            self._append(waiting)
        except (LedgerError, KeysError) as error:
            _log.exception("a read cannot be noted, so nothing is shown")
            raise ReadNotLogged from error

    def note_opens(self, rows: Sequence[WrapsRow]) -> list[RowPlace]:
        """Notes what the keeper is to open; committed when it returns, and where each row stands.

        Raises:
            ReadNotLogged: Nothing may be opened.
        """
        try:
            at = cut(self._now())
            return self._append([_Waiting(row, at) for row in rows])
        except (LedgerError, KeysError) as error:
            _log.exception("what is to be opened cannot be noted, so nothing is")
            raise ReadNotLogged from error

    def note_at(self, read: NotedRead, chain: UUID, seq: int, prev: str | None) -> bool:
        """See `ReadLog.note_at`."""
        try:
            return self._append_at(read, _Chain(f"reads/{chain}", seq, prev))
        except (LedgerError, KeysError) as error:
            _log.exception("a copy cannot be noted, so none leaves")
            raise ReadNotLogged from error

    def _append_at(self, read: NotedRead, chain: _Chain) -> bool:
        at = cut(self._now())
        said = [_row(read, self._posts(read.session, at))]
        for _ in range(_ATTEMPTS):
            group, _ = self._sealed(said, chain, at)
            found = self._store.append(group)
            if found.status in ("ok", "stale"):
                return found.status == "ok"
            if found.status != "late" or found.head_at is None:
                break
            at = max(found.head_at, cut(self._now()))
        raise ReadNotLogged

    def _append(self, waiting: Sequence[_Waiting]) -> list[RowPlace]:
        error = self._groups.join(waiting) if waiting else None
        places = [one.place for one in waiting if one.place is not None]
        if len(places) < len(waiting):
            raise ReadNotLogged if error is None else error
        return places

    def _commit(self, group: Sequence[_Waiting]) -> None:
        rows = [one.row for one in group]
        at = max(cut(self._now()), *(one.at for one in group))
        chain, self._chain = self._chain or self._new(), None
        for _ in range(_ATTEMPTS):
            sealed, last = self._sealed(rows, chain, at)
            found = self._store.append(sealed)  # where it raises the chain is not used again
            if found.status == "ok":
                for seq, one in enumerate(group, sealed.seq):
                    one.place = RowPlace(sealed.stream_id, seq)
                self._chain = _Chain(chain.stream, chain.seq + len(rows), last)
                return
            if found.status == "stale":
                chain = self._new()
            elif found.status == "late" and found.head_at is not None:
                at = max(found.head_at, cut(self._now()))
            else:
                break
        raise ReadNotLogged

    def _new(self) -> _Chain:
        return _Chain(f"reads/{self._entropy.uuid()}")

    def _sealed(
        self, rows: Sequence[AccessRow | WrapsRow], chain: _Chain, at: datetime
    ) -> tuple[RowGroup, str]:
        """The rows in their places, and the digest of the last."""
        origin, stream, prev = self._origin, chain.stream, chain.prev
        ids: list[UUID] = []
        sealed: list[SealedRecord] = []
        found_by: list[frozenset[bytes]] = []
        for seq, row in enumerate(rows, chain.seq):
            one = self._entropy.uuid()
            if isinstance(row, WrapsRow):
                members = wraps_opened(row, event_id=one, stream=stream, at=at)
                found_by.append(frozenset())
            else:
                members = access_logged(row.read, row.posts, event_id=one, stream=stream, at=at)
                found_by.append(frozenset(tags(row, self._key)))
            payload = canonical.ordered(members)
            statement = said(payload, self._signer, origin, at, seq=seq, prev=prev)
            prev = statements.digest_b64(statement)
            ids.append(one)
            sealed.append(
                seal_row(
                    statement,
                    self._kek,
                    self._entropy,
                    origin=origin,
                    level=self._level,
                    stream=stream,
                    seq=seq,
                    at=at,
                )
            )
        place = stream_id(origin, stream)
        return RowGroup(place, stream, chain.seq, at, ids, sealed, found_by), prev or ""


def _row(read: NotedRead, held: Sequence[HeldPost]) -> AccessRow:
    """With the posts in the agencies for which it is read."""
    of = read.agencies
    return AccessRow(read, tuple(one for one in held if of is None or one.agency in of))


def said(
    payload: bytes,
    signer: Signer,
    origin: str,
    at: datetime,
    *,
    seq: int,
    prev: str | None,
) -> str:
    """A statement of the service in compact form; of its own making, and so not read again.

    Its payload is canonical.
    """
    protected = statements.protected_header(
        alg=signer.alg,
        kid=signer.kid,
        iat=int(at.timestamp()),
        log=origin,
        seq=seq,
        prev=prev,
        role=AUTHOR,
        typ=SERVICE_TYP,
    )
    return statements.signed(protected, payload, signer)


def seal_row(  # noqa: PLR0913 - what formats.md §5 binds a state to
    statement: str,
    kek: Keks,
    entropy: Entropy,
    *,
    origin: str,
    level: str,
    stream: str,
    seq: int,
    at: datetime,
) -> SealedRecord:
    """A statement as it is stored, dated; `seq` is its place in the stream."""
    envelope = records.build(
        log=origin,
        recorded_at=at,
        blind=entropy.take(records.BLIND_BYTES),
        statement=statement,
    )
    entry = records.entry(envelope)
    sealed = envelope_encryption.seal(envelope, origin=origin, stream=stream, seq=seq, level=level)
    wrap = envelope_encryption.wrap(kek, sealed.dek, origin=origin, entry=entry)
    return SealedRecord(entry, sealed.state, envelope_encryption.kek_id_of(wrap), wrap)
