"""Anchors the custody of files in the log: how many events there are, and their digest.

One service statement in a fixed interval, also where nothing happened, of one length and with its
figures sealed: whoever watches the log learns nothing of who reads files, nor when, nor whether
(access.md U6). The log itself decides which of several processes makes it, since only one
statement takes a place in a stream. What is shorter than it was anchored is not anchored again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, Protocol

from keys import canonical, sealed_anchor
from keys.errors import KeysError
from keys.keyring import Verdict
from keys.signer import Signer
from ledger.admission import service_statements
from ledger.admission.judge import event_of
from ledger.errors import Conflict, Head, LedgerError, Rejected, Unavailable, VerificationError
from ledger.files.file_key import FileKey
from ledger.log import statement as statements
from ledger.log.custody import CustodyChain
from ledger.log.moment import EPOCH
from ledger.log.statement import AUTHOR, SERVICE_TYP, Statement
from ledger.ports import Appended, Clock, Entropy, FileIndex, RecordStore, StoredRecord
from ledger.regulation.registry.calendar import VIETNAM
from ledger.regulation.registry.registry import Registry
from ledger.streams.event import PositionPassed, SetAside
from ledger.streams.names import stream_id
from ledger.streams.record_reader import Reader
from ledger.write.judged_stream import JudgedStream
from ledger.write.registry_follower import RegistryFollower

_SPAN: Final = 10_000
_SOME: Final = 256
"""Records that are looked at by one look at the registry."""
_LOOK_S: Final = 30.0
_AGAIN_S: Final = 1.0
_SETTLE: Final = timedelta(seconds=5)
_ATTEMPTS: Final = 8
_GOOD: Final = frozenset({Verdict.VALID, Verdict.VALID_KEY_SINCE_REVOKED})

_log = logging.getLogger("socai.anchors")


@dataclass(frozen=True, slots=True)
class LoggedAnchor:
    """An anchor that stands in the log.

    Attributes:
        index: Leaf index of its record.
        recorded_at: When the log took it.
        chain: What it says: the first `count` events and their digest.
    """

    index: int
    recorded_at: datetime
    chain: CustodyChain


class Door(Protocol):
    """What is asked of the write path."""

    def head(self, stream: str) -> Head:
        """Where the next statement of a stream must stand."""

    def serve(self, statement: Statement) -> Appended:
        """Records what the service itself says."""

    def refresh(self) -> Registry:
        """The registry as the log stands now."""


class Anchors:
    """The anchors of one log, as one process makes and reads them.

    Args:
        index: The custody events.
        records: The records of the log.
        reader: Opens them, as strictly as the door parses.
        follower: Follows the registry: which records of the stream stand.
        door: Takes the statement.
        file_key: What the figures are sealed under.
        entropy: Ids.
        origin: Origin of the log.
        now: The ledger's time.
        every: The fixed interval.
    """

    def __init__(  # noqa: PLR0913 - wired once, by api.ops.wiring
        self,
        *,
        index: FileIndex,
        records: RecordStore,
        reader: Reader,
        follower: RegistryFollower,
        door: Door,
        file_key: FileKey,
        entropy: Entropy,
        origin: str,
        now: Callable[[], datetime],
        every: timedelta,
    ) -> None:
        self._index = index
        self._records = records
        self._reader = reader
        self._follower = follower
        self._judged = JudgedStream(follower, records, reader, service_statements.STREAM)
        self._door = door
        self._file_key = file_key
        self._entropy = entropy
        self._origin = origin
        self._now = now
        self.every = every
        self._stream = stream_id(origin, service_statements.STREAM)
        self._lock = threading.Lock()
        self._seq = 0
        self._newest: LoggedAnchor | None = None

    def newest(self) -> LoggedAnchor | None:
        """The last anchor that stands in the log, by a key that is still good for it."""
        with self._lock:
            rows = iter(self._records.stream(self._stream, self._seq))
            while some := list(islice(rows, _SOME)):
                registry, key = self._door.refresh(), self._file_key.standing()
                aside = self._judged.upto()
                for row in some:
                    statement = self._stood(row, aside)
                    if statement is not None and key is not None:
                        self._newest = self._good(row, statement, registry, key) or self._newest
                    self._seq = row.seq
            return self._newest

    def make(
        self,
        signer: Signer,
        due: Callable[[LoggedAnchor | None], bool] = lambda _: True,
        settle: Callable[[], None] = lambda: None,
    ) -> LoggedAnchor | None:
        """Anchors every event taken so far.

        Args:
            signer: The service's key.
            due: Whether another is due after the last one.
            settle: Waits, once every event is read, so that what is left takes one time always.

        Returns:
            The anchor; None where none is due, or another statement took its place first.

        Raises:
            VerificationError: `custody`: there are fewer events than were anchored, or a gap.
            Rejected: The key signs nothing now.
            Unavailable: Try again later.
        """
        head = self._door.head(
            service_statements.STREAM
        )  # whatever comes after this makes it stale
        last = self.newest()
        if not due(last):
            return None
        chain = self._grown(CustodyChain() if last is None else last.chain)
        settle()
        at = self._now()
        key = sealed_anchor.key_of(self._file_key.made())
        event_id = self._entropy.uuid()
        sealed = sealed_anchor.seal(
            key, chain.count, chain.digest, origin=self._origin, event_id=str(event_id)
        )
        members = service_statements.custody_anchored(
            event_id=event_id,
            at=at.astimezone(VIETNAM),
            sealed=sealed,
            every_s=int(self.every.total_seconds()),
        )
        statement = statements.make(
            canonical.encode(members),
            signer,
            iat=int(at.timestamp()),
            log=self._origin,
            seq=head.seq,
            prev=head.prev,
            role=AUTHOR,
            typ=SERVICE_TYP,
        )
        try:
            taken = self._door.serve(statement)
        except Conflict:
            return None
        return LoggedAnchor(taken.index, taken.recorded_at, chain)

    def _grown(self, chain: CustodyChain) -> CustodyChain:
        """The chain over every event taken so far."""
        size = self._index.taken()
        if size < chain.count:
            raise VerificationError(
                "custody", f"{chain.count} events were anchored, {size} are here"
            )
        while chain.count < size:
            rows = self._index.span(chain.count, min(_SPAN, size - chain.count))
            for place, name, seq, entry in rows:
                if place != chain.count:
                    break
                chain = chain.after(name, seq, entry)
            else:
                if rows:
                    continue
            raise VerificationError("custody", f"event {chain.count} of all files is missing")
        return chain

    def _stood(self, row: StoredRecord, aside: Mapping[int, SetAside | None]) -> Statement | None:
        """The service statement of a record that stands; None of any other, which others name.

        Behind an erased record nobody can tell what it follows: it is asked all but that.
        """
        if aside.get(row.index) is not None:
            return None
        try:
            event = event_of(self._reader, row)
            if not isinstance(event, PositionPassed) or event.aside is not None:
                return None
            if event.statement is not None and row.index not in aside:
                then = self._follower.before(row.index)
                service_statements.admit(
                    event.statement, then, row.recorded_at, origin=self._origin
                )
        except (VerificationError, Rejected):
            return None
        return event.statement

    def _good(
        self, row: StoredRecord, statement: Statement, registry: Registry, file_key: bytes
    ) -> LoggedAnchor | None:
        event = service_statements.parse(statement.members)
        try:
            count, digest = sealed_anchor.open_sealed(
                service_statements.sealed_of(event),
                sealed_anchor.key_of(file_key),
                origin=self._origin,
                event_id=event.event_id,
            )
        except KeysError:
            return None
        verdict = registry.keyring.judge(
            statement.kid,
            officer=None,
            index=row.index,
            recorded_at=row.recorded_at,
            signature_ok=True,
        )
        return (
            LoggedAnchor(row.index, row.recorded_at, CustodyChain(count, digest))
            if verdict in _GOOD
            else None
        )


class Anchoring:
    """Makes an anchor on time, whatever happened meanwhile.

    Times are whole intervals of the machine's clock and five seconds, the same for every process,
    so that neither what it had to read nor when it was started shows. In a rehearsal, where the
    clock is the senders', an interval is counted from when this process saw the last one come.

    Args:
        anchors: What is made.
        signer: The service's key.
        clock: The machine's clock.
        rehearsal: Whether this is a rehearsal.

    Attributes:
        doubt: Why nothing is anchored any more, for whoever watches; None while all is well.
    """

    def __init__(self, anchors: Anchors, signer: Signer, clock: Clock, *, rehearsal: bool) -> None:
        self._anchors = anchors
        self._signer = signer
        self._clock = clock
        self._rehearsal = rehearsal
        self._seen: LoggedAnchor | None = None
        self._since = clock.now()
        self._told = threading.Event()
        self.doubt: str | None = None

    def start(self) -> None:
        """Looks from now on, in a thread of its own."""
        threading.Thread(target=self._run, name="anchors", daemon=True).start()

    def stop(self) -> None:
        """Makes no more; one that is under way is recorded whole or not at all."""
        self._told.set()

    def _run(self) -> None:
        while not self._told.wait(self.look()):
            continue

    def look(self) -> float:
        """Makes the anchor that is due; how many seconds to wait before the next look."""
        try:
            self._make_due()
        except Unavailable:
            return _AGAIN_S
        except LedgerError as error:
            if self.doubt != str(error):
                self.doubt = str(error)
                _log.exception("the custody of files is not anchored; run: socai log audit")
            return _LOOK_S
        self.doubt = None
        left = (self._due() - self._clock.now()).total_seconds()
        return min(max(left, _AGAIN_S), _LOOK_S)

    def _make_due(self) -> None:
        for _ in range(_ATTEMPTS):
            if not self._is_due(self._anchors.newest()):
                return
            self._anchors.make(self._signer, self._is_due, self._settle)

    def _settle(self) -> None:
        """How long the reading took would tell how much there was: it is waited out."""
        left = (self._due() + _SETTLE - self._clock.now()).total_seconds()
        if not self._rehearsal and 0 < left <= _SETTLE.total_seconds():
            self._told.wait(left)

    def _is_due(self, newest: LoggedAnchor | None) -> bool:
        if newest is not None and newest != self._seen:
            self._seen = newest
            self._since = self._clock.now() if self._rehearsal else newest.recorded_at
        return self._clock.now() >= self._due()

    def _due(self) -> datetime:
        every = self._anchors.every
        if self._rehearsal:
            return self._since + every
        return EPOCH + ((self._since - EPOCH) // every + 1) * every
