"""The registry as the log stands, kept up with what every process records.

Architecture §3.4. A registry once handed out never changes: a newer one takes its place, so that
whoever judges by it may go on. The index it was current at travels with the judgement and is
checked under the lock of the append. Nothing changes the registry that its signer's key, by the
registry before it, does not make good: whoever can append without the door still enrols nobody.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime

from keys.errors import KeysError
from ledger.errors import Rejected, VerificationError
from ledger.log.statement import check_signature
from ledger.ports import RecordStore
from ledger.reader import Opened, Reader
from ledger.regulation.act import Act
from ledger.regulation.registry import Registry


@dataclass(frozen=True, slots=True)
class Applied:
    """An act by which the registry changed, and where it took effect."""

    index: int
    recorded_at: datetime
    act: Act


@dataclass(frozen=True, slots=True)
class Current:
    """A registry, the index of the last record that changed it (-1: none), and all that did."""

    registry: Registry
    index: int
    acts: tuple[Applied, ...] = ()


class Standing:
    """Follows the registry records of one log.

    Args:
        store: Where they lie.
        reader: Opens them.
        founded: The registry before record 0.
    """

    def __init__(self, store: RecordStore, reader: Reader, founded: Registry) -> None:
        self._store = store
        self._reader = reader
        self._lock = threading.Lock()
        self._current = Current(founded, -1)

    @property
    def current(self) -> Current:
        """The newest registry this process has seen."""
        return self._current

    def catch_up(self, index: int | None = None) -> Current:
        """The registry with every registry record that is committed.

        Args:
            index: Index that `log_head` shows, where it is known: nothing is read if this process
                is that far.

        Raises:
            VerificationError: A registry record does not open, is not signed by whose act it is, or
                says it changes nothing.
        """
        with self._lock:
            if index is None or index > self._current.index:
                self._current = self._followed(self._current)
            return self._current

    def _followed(self, current: Current) -> Current:
        rows = self._store.registry(current.index)
        if not rows:
            return current
        registry, acts = current.registry.copy(), list(current.acts)
        for row in rows:
            opened = self._reader.open(row)
            act = opened.act
            if act is None:
                raise VerificationError("erased", "a registry record is gone", row.index)
            if row.index:
                require_signed(registry, opened)
            registry.apply(act, index=row.index, recorded_at=row.recorded_at)
            acts.append(Applied(row.index, row.recorded_at, act))
            if registry.version != row.index:
                raise VerificationError("registry", "no registry act stands here", row.index)
            if row.index == 0:  # it enrols the key that signed it (formats.md §9)
                require_signed(registry, opened)
        return Current(registry, rows[-1].index, tuple(acts))


def require_signed(registry: Registry, opened: Opened) -> None:
    """The statement that brings a registry act into effect is its last signer's.

    Args:
        registry: As the record found it; record 0 enrols the key that signed it.
        opened: The record.

    Raises:
        VerificationError: `signature`, with its index.
    """
    act, statement, keyring = opened.act, opened.statement, registry.keyring
    if act is None or statement is None:
        raise VerificationError("signature", "nothing is signed here", opened.index)
    try:
        line = keyring.usable(statement.kid, index=None, at=opened.recorded_at, service=False)
        check_signature(statement, keyring.key(statement.kid))
    except (KeysError, Rejected) as error:
        raise VerificationError("signature", str(error), opened.index) from error
    if line.officer != act.signers[-1].officer:
        raise VerificationError("signature", "another officer signed it", opened.index)
