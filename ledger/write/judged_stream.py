"""One stream as the rules have it: which of its records stand, and why the others do not.

Judged as far as anybody asks, and gone on with from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ledger.admission.judge import event_of
from ledger.errors import VerificationError
from ledger.ports import RecordStore
from ledger.streams.event import Aside, PositionPassed
from ledger.streams.kinds import begin
from ledger.streams.names import stream_id
from ledger.streams.record_reader import Reader
from ledger.write.registry_follower import Standing

END: Final = 2**62


class Docket:
    """The records of one stream, each judged at its index.

    Args:
        standing: The registry at every index.
        store: Where records lie.
        reader: Opens them, as strictly as the door parses.
        name: Name of the stream.
    """

    def __init__(self, standing: Standing, store: RecordStore, reader: Reader, name: str) -> None:
        self._standing = standing
        self._store = store
        self._reader = reader
        self._stream = begin(stream_id(reader.origin, name), name)
        self._found: dict[int, Aside | None] = {}
        self._reached = 0
        self._ended = False

    def upto(self, before: int = END) -> dict[int, Aside | None]:
        """Why each record before an index is set aside, None where it stands.

        It ends at an erased record: what stands behind one nobody can tell from the log.
        """
        if self._ended or before <= self._reached:
            return self._found
        for row in self._store.stream(self._stream.id, self._stream.version):
            if row.index >= before:
                break
            self._standing.reach(row.index)
            try:
                event = self._standing.settled(self._stream, event_of(self._reader, row))
            except VerificationError:
                self._ended = True
                break
            event.mutate(self._stream)
            self._found[row.index] = event.aside if isinstance(event, PositionPassed) else None
        self._reached = before if before < END else 0
        return self._found

    @property
    def weight(self) -> int:
        """What it takes of memory, as `StreamState.weight`."""
        return self._stream.state.weight

    def open(self) -> Mapping[int, str]:
        """Entry in b64, by index, of what is set aside and no act has voided yet."""
        return self._stream.state.aside
