"""One verdict on a case out of three, with its reason: signatures and proofs (formats.md §9).

A signature is judged by the registry (`projections.queries.signature_verdicts`); here it is added
whether a checkpoint covers the record. Where none does yet, that is not enough to conclude, and
never a failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from api.http.resources.common import serializers
from api.texts.catalogue import both
from ledger.message import Message
from projections.queries.signature_verdicts import WORST, StatementVerdict, Verification

SIGN_OFF: Final = "VerificationSignedOff"
_ALL_GOOD: Final = Message("every signature is valid, and a checkpoint covers every record")
_ALL_BUT_VOIDED: Final = Message(
    "{all_good}; what was recorded against the rules is voided by RecordVoided",
    all_good=_ALL_GOOD,
)
_UNPROVEN: Final = Message("no checkpoint covers this record yet; ask again later")


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The verdict on one case.

    Attributes:
        outcome: `VALID`, `NOT_VALID`, `NOT_CONCLUDED` or `AGAINST_THE_RULES`.
        reason: Why, in Vietnamese and English; of the first record with that outcome.
        open: Records that are not plainly valid, each with its reason.
    """

    outcome: str
    reason: Mapping[str, str]
    open: tuple[Mapping[str, Any], ...]


def conclude(found: Verification, size: int) -> Conclusion:
    """The worst of all statements, by signature and by proof.

    Args:
        found: Every statement, judged.
        size: Records that the newest checkpoint covers.
    """
    faults = [fault for one in found.statements if (fault := _fault(one, size)) is not None]
    voided = {one.row.index for one in found.statements if one.row.voided_by is not None}
    counting = [fault for fault in faults if fault["index"] not in voided]
    worst = max(counting, key=lambda fault: WORST.index(fault["outcome"]), default=None)
    if worst is None:
        return Conclusion("VALID", both(_ALL_BUT_VOIDED if voided else _ALL_GOOD), tuple(faults))
    reason = {lang: f"#{worst['index']}: {text}" for lang, text in worst["reason"].items()}
    return Conclusion(worst["outcome"], reason, tuple(faults))


def _fault(one: StatementVerdict, size: int) -> Mapping[str, Any] | None:
    """What keeps a statement from being plainly valid; None where nothing does."""
    place = {"index": one.row.index, "act_id": one.row.act_id, "verdict": str(one.verdict)}
    if one.outcome != "VALID":
        return {**place, "outcome": one.outcome, "reason": both(one.reason)}
    if one.row.index >= size:
        return {**place, "outcome": "NOT_CONCLUDED", "reason": both(_UNPROVEN)}
    return None


def signed_off(found: Verification) -> list[dict[str, Any]]:
    """Effective sign-offs of this case, oldest first: by whom, up to where, with which verdict."""
    body = []
    for one in found.statements:
        row = one.row
        if row.act != SIGN_OFF or not row.effect:
            continue
        facts = row.members.get("facts", {})
        body.append(
            {
                "act_id": row.act_id,
                "index": row.index,
                "recorded_at": serializers.statement(one)["recorded_at"],
                "officer": row.officer,
                "signer": one.signer,
                **{name: facts.get(name) for name in ("verdict", "checked_from", "checked_to")},
            }
        )
    return body
