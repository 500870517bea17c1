"""Gathers what shows that a log was recovered, from its records and its newest signed tree.

What is in it, and how it is verified, is `ledger.recovery.evidence`'s.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Final
from uuid import UUID

from ledger.checkpoints.proofs import Proofs
from ledger.errors import NotFound
from ledger.log.proof import Inclusion, consistency_from_json, inclusion_from_json
from ledger.log.recovery import Recovery
from ledger.ports import RecordStore, StoredRecord
from ledger.recovery.evidence import OFFICERS, SHOWN, RecoveryEvidence, Shown
from ledger.regulation.acts.act import Act
from ledger.regulation.case.state import RECOVERING
from ledger.regulation.registry.lines import KEEPER
from ledger.streams.names import stream_id
from ledger.streams.record_reader import Opened, Reader
from ledger.write.judged_stream import JudgedStream
from ledger.write.registry_follower import RegistryFollower

_NONE: Final = -1


class Recoveries:
    """The recoveries of one log; safe to use from many threads.

    Whoever asks need not have signed in: what is shown is opened and judged once for each recovery,
    and proven once for each tree.

    Args:
        follower: Follows the registry.
        records: Stored records.
        reader: Opens them.
        proofs: Places in the signed tree.
    """

    def __init__(
        self, follower: RegistryFollower, records: RecordStore, reader: Reader, proofs: Proofs
    ) -> None:
        self._follower = follower
        self._records = records
        self._reader = reader
        self._proofs = proofs
        self._lock = threading.Lock()
        self._newest = _NONE
        self._shown: dict[int, bytes] = {}
        self._made: RecoveryEvidence | None = None

    def all(self) -> list[Recovery]:
        """Every recovery in effect, oldest first, as this process has followed the registry."""
        acts = self._follower.current.acts
        return [Recovery.of(one.act.facts, one.index) for one in acts if one.act.act == RECOVERING]

    def evidence(self) -> RecoveryEvidence:
        """What a reader needs to go over every break.

        Raises:
            NotFound: The log was never recovered, or no checkpoint covers it yet.
        """
        recoveries = self.all()
        if not recoveries:
            raise NotFound("this log was never recovered")
        newest = recoveries[-1].index
        tree = inclusion_from_json(self._proofs.inclusion(newest))
        with self._lock:
            if newest != self._newest:
                self._shown = _Gathered(self._follower, self._records, self._reader, newest).shown
                self._newest, self._made = newest, None
            if self._made is None or self._made.checkpoint != tree.checkpoint:
                self._made = self._proven(tree, recoveries)
            return self._made

    def _proven(self, tree: Inclusion, recoveries: list[Recovery]) -> RecoveryEvidence:
        return RecoveryEvidence(
            tree.checkpoint,
            tuple(
                Shown(index, envelope, self._path(index, tree.size))
                for index, envelope in sorted(self._shown.items())
            ),
            {one.size: self._prefix(one.size, tree.size) for one in recoveries},
        )

    def _path(self, index: int, size: int) -> tuple[bytes, ...]:
        return inclusion_from_json(self._proofs.inclusion(index, size)).hashes

    def _prefix(self, old: int, size: int) -> tuple[bytes, ...]:
        return consistency_from_json(self._proofs.consistency(old, size)).hashes


class _Gathered:
    """What stands of the registry up to a recovery, as far as it bears on who the registrars were.

    The acts of nobody in particular, and whole the streams of the officers who were ever
    registrars or have signed anything that is shown. Grants are left out: they may name a case.

    Args:
        follower: Follows the registry.
        records: Stored records.
        reader: Opens them.
        newest: Index of the last recovery: what came after it shows nothing of it.

    Attributes:
        shown: Envelope of each statement, by index.
    """

    def __init__(
        self, follower: RegistryFollower, records: RecordStore, reader: Reader, newest: int
    ) -> None:
        self._follower = follower
        self._records = records
        self._reader = reader
        self._before = newest + 1
        self._judged: dict[str, JudgedStream] = {}
        self.shown: dict[int, bytes] = {}
        applied = (one for one in follower.current.acts if one.index < self._before)
        acts = [one.act for one in applied if one.act.act in SHOWN]
        officers = {
            str(act.facts["officer"]) for act in acts if KEEPER in act.facts.get("powers", ())
        }
        for act in acts:
            if not act.stream.startswith(OFFICERS):
                officers |= self._show(self._statements(act))
        done: set[str] = set()
        while waiting := officers - done:
            officer = min(waiting)
            done.add(officer)
            name = f"{OFFICERS}{officer}"
            officers |= self._show(iter(self._records.stream(stream_id(reader.origin, name))))

    def _statements(self, act: Act) -> Iterator[StoredRecord]:
        rows = self._records.act(UUID(act.act_id))
        return (row for row in rows if row.stream == act.stream)

    def _show(self, rows: Iterator[StoredRecord]) -> set[str]:
        """Takes what stands of these rows; the officers who sign it."""
        signers: set[str] = set()
        for row in rows:
            opened = self._standing_one(row)
            if opened is not None and opened.act is not None:
                self.shown[row.index] = opened.envelope
                signers.update(signer.officer for signer in opened.act.signers)
                if opened.statement is not None and opened.statement.stand_in is not None:
                    signers.add(opened.statement.stand_in["officer"])
        return signers

    def _standing_one(self, row: StoredRecord) -> Opened | None:
        if row.index >= self._before:
            return None
        judged = self._judged.get(row.stream)
        if judged is None:
            judged = JudgedStream(self._follower, self._records, self._reader, row.stream)
            self._judged[row.stream] = judged
        found = judged.upto(self._before)
        return self._reader.open(row) if found.get(row.index, row) is None else None
