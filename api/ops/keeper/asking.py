"""How a process without a KEK asks the keeper (access.md U3): it notes first, then asks.

Implements `Keks` and what `ledger.streams.opener` asks for, so that whoever reads, writes or notes
need not know who holds the key. No answer is never taken for damage: a record that cannot be opened
now is not one that does not open.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final
from uuid import UUID

from api.ops.keeper import words
from api.ops.keeper.words import Broken, Json
from keys.canonical import b64
from keys.envelope_encryption import Kek, KeyElsewhere
from keys.errors import Malformed, Unsealable
from ledger.errors import Unavailable
from ledger.message import Message
from ledger.ports import NIL_UNIT, CustodyRow, StoredRecord
from ledger.reads.access_logged import WrapsRow, origin_of
from ledger.reads.read import MOST_RECORDS, ReadBy
from ledger.reads.writer import RowPlace
from ledger.streams.opener import KeptApart, OpenedBy

_TIMEOUT_S: Final = 30.0
_PATIENCE_S: Final = 5.0
"""How long a keeper that is being started again is waited for."""
_STEP_S: Final = 0.05
_ATTEMPTS: Final = 2

_log = logging.getLogger("socai.keeper")


class KeeperLine:
    """Connections to a keeper, lent one at a time.

    Args:
        path: Of its socket.
        patience_s: How long it may not be there.
    """

    def __init__(self, path: Path, patience_s: float = _PATIENCE_S) -> None:
        self._path = path
        self._patience_s = patience_s
        self._free: SimpleQueue[socket.socket] = SimpleQueue()

    def ask(self, **asked: object) -> Json:
        """What it answers.

        Raises:
            KeeperRefused: It does not open that.
            Unsealable: What is stored does not open.
            Unavailable: It does not answer.
        """
        answer = self._answer(asked)
        if "refused" in answer:
            raise KeeperRefused(answer["refused"])
        if "unsealable" in answer:
            raise Unsealable(answer["unsealable"])
        if "failed" in answer:
            raise _away()
        return answer

    def well(self) -> bool:
        """Whether it opens what is asked for by the rules. Raises: Unavailable."""
        return bool(self.ask(op="status")["well"])

    def close(self) -> None:
        """Gives the connections back."""
        while True:
            try:
                self._free.get_nowait().close()
            except Empty:
                return

    def _answer(self, asked: Json) -> Json:
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                return self._once(asked)
            except (OSError, Broken) as error:
                if time.monotonic() >= deadline:
                    raise _away() from error
                time.sleep(_STEP_S)

    def _once(self, asked: Json) -> Json:
        line = self._connected()
        try:
            words.send(line, asked)
            answer = words.answered(line)
        except BaseException:
            line.close()
            raise
        self._free.put(line)
        return answer

    def _connected(self) -> socket.socket:
        try:
            return self._free.get_nowait()
        except Empty:
            line = socket.socket(socket.AF_UNIX)
            line.settimeout(_TIMEOUT_S)
            try:
                line.connect(str(self._path))
            except BaseException:
                line.close()
                raise
            return line


class KeeperRefused(Exception):
    """The keeper does not open that; why stands in its log and in this one's."""


class KeptKeks(KeyElsewhere, KeptApart):
    """Implements `Keks`, `KeyElsewhere` and `KeptApart` by a keeper.

    Args:
        line: To it.
        origin: Of the log of acts.
        note: Notes what is to be opened; where each row stands.
        who: For whom this thread opens; None where it folds, and shows nobody.
        kept: Keys that were opened for the same answer; None where this thread makes none.
    """

    def __init__(
        self,
        line: KeeperLine,
        origin: str,
        note: Callable[[Sequence[WrapsRow]], Sequence[RowPlace]],
        who: Callable[[], ReadBy | None],
        kept: Callable[[], dict[tuple[str, int], bytes] | None] = lambda: None,
    ) -> None:
        self._ahead: dict[int, dict[tuple[str, int], bytes]] = {}  # by thread
        self._kept = kept
        self._line = line
        self._origin = origin
        self._note = note
        self._who = who

    # -- Keks ----------------------------------------------------------------------------------

    @property
    def current(self) -> Kek:
        """It is not here. Raises: Unsealable."""
        raise _apart()

    @property
    def every(self) -> tuple[Kek, ...]:
        """None is here."""
        return ()

    def of(self, kek_id: bytes) -> Kek:
        """It is not here. Raises: Unsealable."""
        del kek_id
        raise _apart()

    def look(self) -> None:
        """Nothing is held, so nothing changes."""

    def forget(self) -> None:
        """Lets go of what was opened ahead: of what is shredded no key stays here (K8)."""
        self._ahead.clear()

    # -- KeyElsewhere --------------------------------------------------------------------------

    def wrapped(self, dek: bytes, *, origin: str, entry: bytes) -> bytes:
        """See `KeyElsewhere`. Raises: Unavailable."""
        return self._bytes("wrap", op="wrap", key=b64(dek), origin=origin, entry=b64(entry))

    def unwrapped(self, wrap: bytes, *, origin: str, entry: bytes) -> bytes:
        """See `KeyElsewhere`. Raises: Unsealable, Unavailable."""
        return self._bytes("key", op="unwrap", wrap=b64(wrap), origin=origin, entry=b64(entry))

    # -- KeptApart -----------------------------------------------------------------------------

    def records(self, origin: str, rows: Sequence[StoredRecord]) -> list[bytes | Unsealable]:
        """See `KeptApart`."""
        if origin == origin_of(self._origin):
            return [self._of_reads(origin, row) for row in rows]
        of_registry = [row.index for row in rows if row.unit == NIL_UNIT]
        known, log = self._known(), None if origin == self._origin else origin
        found: dict[int, bytes | None] = {
            row.index: known[origin, row.index] for row in rows if (origin, row.index) in known
        }
        for index in found:
            self._ahead.get(threading.get_ident(), {}).pop((origin, index), None)
        of_cases = sorted({row.index for row in rows if row.unit != NIL_UNIT} - found.keys())
        if of_registry:
            found |= self._keys(op="registry", indices=of_registry, log=log)
        if of_cases:
            found |= self._opened(of_cases, log)
        kept = self._kept()
        if kept is not None:
            kept |= {(origin, n): key for n, key in found.items() if key is not None}
        shut = Unsealable("the key does not unwrap")
        keys = (found.get(row.index) for row in rows)
        return [shut if key is None else key for key in keys]

    def prepare(self, rows: Sequence[StoredRecord]) -> None:
        """Has records of a case opened in one go that this thread is about to fold one by one."""
        apart = [row for row in rows if row.wrap is not None and row.unit != NIL_UNIT]
        if apart:
            keys = self._opened(sorted({row.index for row in apart}), None)
            self._ahead[threading.get_ident()] = {
                (self._origin, n): key for n, key in keys.items() if key is not None
            }

    def spent(self, thread: int) -> None:
        """Lets go of what was opened ahead of a fold of this thread that is over."""
        self._ahead.pop(thread, None)

    def _known(self) -> dict[tuple[str, int], bytes]:
        """What was opened already for this answer, or ahead of this fold."""
        return self._ahead.get(threading.get_ident(), {}) | (self._kept() or {})

    def event(self, row: CustodyRow) -> bytes:
        """See `KeptApart`."""
        return self._bytes("key", op="event", name=str(row.name), seq=row.seq)

    def file(self, name: UUID, entry: bytes, index: int, by: OpenedBy) -> bytes:
        """See `KeptApart`."""
        reader = ReadBy(by.officer, by.kid)
        (place,) = self._note([WrapsRow((index,), reader, name)])
        return self._bytes(
            "key", op="file", place=_said(place), by=_by(reader), name=str(name), entry=b64(entry)
        )

    def _of_reads(self, origin: str, row: StoredRecord) -> bytes | Unsealable:
        try:
            return self.unwrapped(row.wrap or b"", origin=origin, entry=row.entry)
        except Unsealable as error:
            return error

    def _opened(self, indices: Sequence[int], log: str | None) -> dict[int, bytes | None]:
        """Noted, then opened; once more where the rows were reckoned in between."""
        by = self._who()
        rows = [
            WrapsRow(tuple(indices[start : start + MOST_RECORDS]), by, log=log)
            for start in range(0, len(indices), MOST_RECORDS)
        ]
        for attempt in range(_ATTEMPTS):
            places = [_said(place) for place in self._note(rows)]
            try:
                return self._keys(op="open", places=places, by=_by(by))
            except Unavailable:
                if attempt == _ATTEMPTS - 1:
                    raise
        raise _away()

    def _keys(self, **asked: object) -> dict[int, bytes | None]:
        return {index: words.data(key) for index, key in self._ask(**asked)["keys"]}

    def _bytes(self, member: str, **asked: object) -> bytes:
        found = words.data(self._ask(**asked)[member])
        if found is None:
            raise _away()
        return found

    def _ask(self, **asked: object) -> Json:
        try:
            return self._line.ask(**asked)
        except KeeperRefused as error:
            _log.error("the keeper does not open it: %s", error)
            raise _away() from error
        except Unavailable as error:
            _log.warning("the keeper does not answer: %s", error.__cause__)
            raise
        except (Malformed, KeyError, TypeError) as error:
            raise _away() from error


def _said(place: RowPlace) -> list[object]:
    return [str(place.stream_id), place.seq]


def _by(who: ReadBy | None) -> list[str] | None:
    return None if who is None else [who.officer, who.kid]


def _apart() -> Unsealable:
    return Unsealable("the KEK is with the keeper")


def _away() -> Unavailable:
    return Unavailable(
        "unavailable",
        Message(
            "What is sealed here cannot be opened now: nothing is shown and nothing was recorded."
            " Ask again in a few seconds; if it stays so, tell the operator: socai health --role"
            " keeper."
        ),
        retry_after_s=5,
    )
