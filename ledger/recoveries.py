"""Gathers what shows that a log was recovered, from its records and its newest signed tree.

What is in it, and how it is verified, is `recovery_evidence`'s.
"""

from __future__ import annotations

from uuid import UUID

from ledger.errors import NotFound
from ledger.log.proof import consistency_from_json, inclusion_from_json
from ledger.log.recovery import Recovery
from ledger.ports import RecordStore
from ledger.proofs import Proofs
from ledger.reader import Reader
from ledger.recovery_evidence import RecoveryEvidence, Shown, needed
from ledger.regulation.stream import RECOVERING
from ledger.standing import Standing


class Recoveries:
    """The recoveries of one log.

    Args:
        standing: Follows the registry.
        records: Stored records.
        reader: Opens them.
        proofs: Places in the signed tree.
    """

    def __init__(
        self, standing: Standing, records: RecordStore, reader: Reader, proofs: Proofs
    ) -> None:
        self._standing = standing
        self._records = records
        self._reader = reader
        self._proofs = proofs

    def all(self) -> list[Recovery]:
        """Every recovery in effect, oldest first, as this process has followed the registry."""
        acts = self._standing.current.acts
        return [Recovery.of(one.act.facts, one.index) for one in acts if one.act.act == RECOVERING]

    def evidence(self) -> RecoveryEvidence:
        """What a reader needs to go over every break.

        Raises:
            NotFound: The log was never recovered, or no checkpoint covers it yet.
        """
        recoveries = self.all()
        if not recoveries:
            raise NotFound("this log was never recovered")
        tree = inclusion_from_json(self._proofs.inclusion(recoveries[-1].index))
        shown: dict[int, bytes] = {}
        for act in needed(one.act for one in self._standing.current.acts):
            for row in self._records.act(UUID(act.act_id)):
                opened = self._reader.open(row)
                if opened.act is not None and row.index < tree.size:
                    shown[row.index] = opened.envelope
        return RecoveryEvidence(
            tree.checkpoint,
            tuple(
                Shown(index, envelope, self._path(index, tree.size))
                for index, envelope in sorted(shown.items())
            ),
            {one.size: self._prefix(one.size, tree.size) for one in recoveries},
        )

    def _path(self, index: int, size: int) -> tuple[bytes, ...]:
        return inclusion_from_json(self._proofs.inclusion(index, size)).hashes

    def _prefix(self, old: int, size: int) -> tuple[bytes, ...]:
        return consistency_from_json(self._proofs.consistency(old, size)).hashes
