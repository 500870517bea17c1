"""Which records acts of erasure in force name, as one process knows it.

An act that an erasure names takes no further signature: each holds the whole payload, so that what
was to go would be recorded anew. By how much of stream `ledger` that is known goes with the append,
which says so where the stream has moved: no erasure takes effect unheard.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ledger.admission.judge import event_of
from ledger.errors import VerificationError
from ledger.ports import Grounds, RecordStore
from ledger.regulation.case.state import ERASURE, Entry
from ledger.streams.kinds import begin
from ledger.streams.names import stream_id
from ledger.streams.record_reader import Reader
from ledger.write.registry_follower import RegistryFollower

STREAM: Final = "ledger"


@dataclass(frozen=True, slots=True)
class NamedRecords:
    """What acts of erasure in force name.

    Attributes:
        by: The act that names it first, by index of the record.
        seq: Of stream `ledger`, up to which that is known.
    """

    by: Mapping[int, str] = field(default_factory=dict)
    seq: int = 0

    def names(self, entry: Entry) -> str | None:
        """The act of erasure that names a statement of an act; None: none does.

        One is enough, though an erasure is to name all of them: the content is the same in each.
        """
        found = (self.by.get(-1 if one.index is None else one.index) for one in entry.signed)
        return next((act_id for act_id in found if act_id is not None), None)

    @property
    def grounds(self) -> Grounds:
        """What a judgement by it rests on."""
        return Grounds({STREAM: self.seq})


class Erasures:
    """Follows stream `ledger`, whose acts nobody can erase.

    It has a fold of its own, beside the one that the writer keeps: whoever has the turn with that
    may be waiting for a group in which somebody asks here.

    Args:
        store: Where records lie.
        reader: Opens them.
        follower: The registry at every index.
    """

    def __init__(self, store: RecordStore, reader: Reader, follower: RegistryFollower) -> None:
        self._store, self._reader, self._follower = store, reader.for_judges(), follower
        self._lock = threading.Lock()
        self._stream = begin(stream_id(reader.origin, STREAM), STREAM)
        self._known: NamedRecords | None = None

    @property
    def known(self) -> NamedRecords | None:
        """As far as somebody has looked; None: nobody has yet."""
        return self._known

    def look(self) -> NamedRecords:
        """As the log stands.

        Behind a record of the stream that is lost nobody can tell what stands, and no act of
        erasure is carried out.
        """
        with self._lock:
            for row in self._store.stream(self._stream.id, self._stream.version):
                self._follower.reach(row.index)
                try:
                    event = self._follower.settled(self._stream, event_of(self._reader, row))
                except VerificationError:
                    break
                event.mutate(self._stream)
            known = self._known
            if known is None or known.seq != self._stream.version:
                by: dict[int, str] = {}
                for entry in self._stream.state.effective(ERASURE):
                    for one in entry.act.facts["entries"]:
                        by.setdefault(one["index"], entry.act.act_id)
                self._known = known = NamedRecords(by, self._stream.version)
            return known
