"""A case checked by whoever reads it: bytes, order, signatures, keys and proofs, as they came.

Of the server nothing is believed but which keys the registry enrolled and ended, and which
statements the rules refuse: those two an audit follows from record 0 (`socai log audit`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from api.texts.catalogue import both
from keys import canonical
from keys.errors import KeysError
from keys.keyring import KeyRecord, Keyring, Verdict
from keys.note import VKey
from ledger.errors import Rejected, VerificationError
from ledger.log import proof
from ledger.log import statement as statements
from ledger.log.record import entry, parse_envelope
from ledger.log.statement import Statement
from ledger.message import Message, Text, Wording, plural
from ledger.regulation.case.state import NOTHING

Json = Mapping[str, Any]
VALID: Final = "VALID"
OPEN: Final = "NOT_CONCLUDED"
BAD: Final = "NOT_VALID"
ASIDE: Final = "AGAINST_THE_RULES"
WORST: Final = (VALID, OPEN, BAD, ASIDE)
"""Outcomes, the worst last (formats.md §9)."""
_SAID: Final[Mapping[Verdict, tuple[str, Text]]] = {
    Verdict.DISPUTED: (
        OPEN,
        Message("disputed: recorded after the key was no longer to be trusted"),
    ),
    Verdict.INVALID_SIGNATURE: (BAD, Message("the signature does not fit the content")),
    Verdict.WRONG_SIGNER: (BAD, Message("not signed by the officer who had to")),
    Verdict.UNKNOWN_KEY: (
        BAD,
        Message("the registry did not know this key when it was recorded"),
    ),
}


@dataclass(frozen=True, slots=True)
class RecordFault:
    """What keeps a record from being plainly valid."""

    index: int
    outcome: str
    reason: Text

    def to_json(self) -> dict[str, Any]:
        """As commands tell it to programs."""
        return {"index": self.index, "outcome": self.outcome, "reason": both(self.reason)}


def keyring_of(lines: Iterable[Json]) -> Keyring:
    """Keys with their history, as `GET /v1/keys` tells them.

    Raises:
        KeysError: One is no key, or not that of its thumbprint.
    """
    ring = Keyring()
    for line in lines:
        ring.enrol(
            KeyRecord(
                officer=line["officer"],
                kid=line["kid"],
                jwk=line["jwk"],
                custody=line["custody"],
                valid_from=_time(line["valid_from"]) or datetime.min.replace(tzinfo=UTC),
                valid_to=_time(line["valid_to"]),
                enrolled_index=line["enrolled_index"],
                revoked_index=line["revoked_index"],
                revoked_recorded_at=_time(line["revoked_recorded_at"]),
                invalid_from=_time(line["invalid_from"]),
                reason=line["reason"],
            )
        )
    return ring


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def faults(
    stream: str,
    records: Sequence[Json],
    said: Json,
    *,
    keyring: Keyring,
    vkeys: Sequence[VKey],
    origin: str,
) -> list[RecordFault]:
    """What is wrong with a case, by its records; nothing where all of it is plainly valid.

    Args:
        stream: `case/<uuid>`.
        records: Of `GET /v1/cases/{case}/raw`.
        said: What the server says of it: `statements`, how many, and `open`, each with an outcome.
        keyring: Of the registry.
        vkeys: The log's, from somewhere better than the server.
        origin: The log.
    """
    found = _Walk(stream, keyring, vkeys, origin, {one["index"]: one for one in said["open"]})
    for record in records:
        found.take(record)
    if not records:
        none = Message("not one record of it is shown")
        found.faults.append(RecordFault(-1, OPEN, none))
    elif len(records) < said["statements"]:
        lacking = plural(
            "{n} statement is told of and not shown",
            "{n} statements are told of and not shown",
            n=said["statements"] - len(records),
        )
        found.faults.append(RecordFault(records[-1]["index"], OPEN, lacking))
    return found.faults


def worst(outcomes: Iterable[str]) -> str:
    """The worst of some outcomes, `VALID` of none."""
    return max(outcomes, key=WORST.index, default=VALID)


class _Walk:
    """The records of a case, one after the other."""

    def __init__(
        self,
        stream: str,
        keyring: Keyring,
        vkeys: Sequence[VKey],
        origin: str,
        said: Mapping[int, Json],
    ) -> None:
        self.faults: list[RecordFault] = []
        self._stream = stream
        self._keyring = keyring
        self._vkeys = vkeys
        self._origin = origin
        self._said = said
        self._seq = 0
        self._index = -1
        self._head: str | None = None
        self._known = True  # whether what `prev` must name is known
        self._signed: Counter[str] = Counter()
        self._payloads: dict[str, bytes] = {}

    def take(self, record: Json) -> None:
        """Checks the next one."""
        index, said = record["index"], self._said.get(record["index"])
        reason = self._reason(record)
        if reason is not None:
            self.faults.append(RecordFault(index, *reason))
        if said is None:
            return
        outcome = str(said["outcome"])
        if reason is None or WORST.index(outcome) > WORST.index(reason[0]):
            why = Wording(said["reason"]["vi"], said["reason"]["en"])
            told = Message("the server says: {reason}", reason=why)
            self.faults.append(RecordFault(index, outcome, told))

    def _reason(self, record: Json) -> tuple[str, Text] | None:
        late, self._index = record["index"] <= self._index, record["index"]
        if late:
            return BAD, Message("it comes behind a record that stands behind it in the log")
        unproven = self._unproven(record)
        if unproven is not None:
            return unproven
        self._seq += 1
        if "envelope" not in record:
            self._known = False
            return OPEN, Message("the content is erased; only its place is proven")
        try:
            data = canonical.unb64(record["envelope"])
            if entry(data) != canonical.unb64(record["entry"]):
                return BAD, Message("the bytes are not those that the log committed to")
            envelope = parse_envelope(data, log=self._origin)
            statement = statements.parse_compact(envelope.statement)
        except (KeysError, Rejected, VerificationError) as error:
            return BAD, Message("no record of this log: {error}", error=str(error))
        aside = self._said.get(record["index"], {}).get("outcome") == ASIDE
        reason = self._place(statement, aside=aside)
        verdict = self._verdict(statement, record["index"], envelope.recorded_at)
        return reason or _SAID.get(verdict) or self._other_bytes(statement, aside=aside)

    def _unproven(self, record: Json) -> tuple[str, Text] | None:
        if "proof" not in record:
            return OPEN, Message("no checkpoint covers this record yet; ask again later")
        try:
            given = proof.inclusion_from_json(record["proof"])
            if given.index != record["index"]:
                return BAD, Message("the proof is of another record")
            leaf = canonical.unb64(record["entry"])
            proof.verify_inclusion(given, leaf, self._vkeys, origin=self._origin)
        except (KeysError, VerificationError, ValueError) as error:
            return BAD, Message("the proof leads to no checkpoint: {error}", error=str(error))
        return None

    def _place(self, statement: Statement, *, aside: bool) -> tuple[str, Text] | None:
        """Whether it stands where it says, behind the one that it names."""
        wrong: tuple[str, Text] | None = None
        before = self._head or (NOTHING if self._seq > 1 else None)
        if statement.log != self._origin or statement.members.get("stream") != self._stream:
            wrong = BAD, Message("it is of another case or log")
        elif statement.seq != self._seq:
            wrong = OPEN, Message("the case lacks a record right before this one")
        elif not aside and self._known and statement.prev != before:
            wrong = BAD, Message("it does not follow the record before it in the case")
        self._seq = statement.seq
        if not aside:
            self._head, self._known = statement.digest_b64, True
        return wrong

    def _other_bytes(self, statement: Statement, *, aside: bool) -> tuple[str, Text] | None:
        """Whether all who signed an act have signed the same (formats.md §3)."""
        if aside:
            return None
        act_id = str(statement.members.get("act_id"))
        if self._payloads.setdefault(act_id, statement.payload) == statement.payload:
            return None
        return BAD, Message("it signs other bytes of the act than whoever signed before")

    def _verdict(self, statement: Statement, index: int, at: datetime) -> Verdict:
        """By the key as the registry had it at its record, and whose turn it was."""
        act_id = str(statement.members.get("act_id"))
        turn, signers = self._signed[act_id], statement.members.get("signers", ())
        self._signed[act_id] += 1
        officer = signers[turn]["officer"] if turn < len(signers) else None
        if statement.stand_in is not None:
            officer = statement.stand_in["officer"]
        try:
            statements.check_signature(statement, self._keyring.key(statement.kid))
            holds = True
        except (KeysError, Rejected):
            holds = False
        return self._keyring.judge(
            statement.kid, officer=officer, index=index, recorded_at=at, signature_ok=holds
        )
