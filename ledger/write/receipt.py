"""The answer to a statement that stands in the log (formats.md §8), before its proof is added."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

from keys import canonical
from ledger.errors import Fatal
from ledger.log.moment import stamp
from ledger.streams.stream import RecordedStatement
from ledger.values import frozen_value


@frozen_value(frozen=True, slots=True)
class Recorded:
    """The answer to a statement that stands in the log.

    Attributes:
        receipt: formats.md §8, without `proof`; for the same statement always the same.
        created: False where the same statement stood there already.
        index: Leaf index; a checkpoint of more than this covers it.
    """

    receipt: dict[str, Any]
    created: bool
    index: int

    @classmethod
    def at(cls, place: RecordedStatement, log: str, *, created: bool) -> Self:
        """The answer for a place in the log of this origin."""
        signed = place.signed
        if signed.index is None or signed.recorded_at is None:
            raise Fatal("a receipt is for a recorded statement")
        receipt = {
            "act_id": signed.act.act_id,
            "stream": signed.act.stream,
            "seq": signed.seq,
            "status": place.status,
            "waiting_for": [signer.member() for signer in place.waiting_for],
            "log": log,
            "index": signed.index,
            "entry": canonical.b64(place.entry),
            "recorded_at": stamp(signed.recorded_at),
        }
        return cls(receipt, created, signed.index)

    def with_number(self, number: str) -> Self:
        """The same with the number in its register that the log gives the act."""
        return replace(self, receipt={**self.receipt, "number": number})
