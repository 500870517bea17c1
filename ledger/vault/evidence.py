"""Holds R against the log: who was sealed is kept, and the vault was asked by an act or a look.

What is sealed in an item no act has a digest of: that an item's bytes are those of the intake
cannot be asked. Where rows lie, and how a finding is shown, is not known here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, NamedTuple
from uuid import UUID

from keys.errors import KeysError
from keys.hpke import SealingKey
from ledger.errors import VerificationError
from ledger.message import Message, Text, plural
from ledger.ports import RecordStore, StoredRecord
from ledger.regulation.acts.act import Act
from ledger.regulation.case.state import SEALING
from ledger.streams.names import stream_id
from ledger.streams.record_reader import Reader
from ledger.vault.desk import INFORMING
from ledger.vault.identity import CONTACT, PARTS
from ledger.write.judged_stream import JudgedStream
from ledger.write.registry_follower import RegistryFollower

Wrong = Literal["keys_wrong", "reporter_missing", "reporter_other_keys", "request_unexplained"]
_TOKEN: Final = "sealed:"  # noqa: S105 - how tokens begin


class KeptItem(NamedTuple):
    """An item of R, as it lies: of whom, and by which keys its two parts are sealed."""

    item: UUID
    token: UUID
    comp: UUID
    contact: bytes
    identity: bytes


@dataclass(frozen=True, slots=True)
class KeptInR:
    """What R has.

    Attributes:
        keys: By part the first 16 bytes that name its key in force, and the key.
        items: Every item.
        requests: Ids of everything that the vault was asked and that is still there.
        left: By part, how many items turns of its key left behind, since they did not open.
    """

    keys: Mapping[str, tuple[bytes, bytes]]
    items: Sequence[KeptItem]
    requests: Sequence[UUID]
    left: Mapping[str, int] = field(default_factory=dict)


class Sealing(NamedTuple):
    """An act by which a reporter was sealed: of which case, and at which index."""

    token: UUID
    comp: UUID
    at: int


@dataclass(slots=True)
class SaidOfReporters:
    """What the log has of reporters.

    Attributes:
        sealed: By item, the act that names it.
        letters: Ids of acts that a letter went out by, or may have, where nobody can tell any more.
        looks: How many shares and looks are noted in the log of reads.
    """

    sealed: dict[UUID, Sealing] = field(default_factory=dict)
    letters: set[UUID] = field(default_factory=set)
    looks: int = 0


class RFinding(NamedTuple):
    """Something wrong: its kind, and what."""

    kind: Wrong
    what: Text


def said_of_reporters(
    streams: Iterable[str],
    records: RecordStore,
    reader: Reader,
    follower: RegistryFollower,
    since: datetime | None,
) -> SaidOfReporters:
    """What the acts of cases say that stand by the rules.

    Args:
        streams: Names of the cases that have a reporter.
        records: Every record.
        reader: Opens them.
        follower: Follows the registry.
        since: When R was founded: what was sealed before is kept nowhere. None: at all times.
    """
    said = SaidOfReporters()
    for name in streams:
        comp = stream_id(reader.origin, name)
        judged = JudgedStream(follower, records, reader.for_judges(), name).upto()
        for row in records.stream(comp):
            if row.author and judged.get(row.index) is None:
                act = _opened(row, reader)
                if row.wrap is None or (act is not None and act.act == INFORMING):
                    said.letters.add(row.act_id)
                elif act is not None and act.act == SEALING and _kept_since(row, since):
                    token = UUID(act.facts["reporter"].removeprefix(_TOKEN))
                    said.sealed[UUID(act.facts["vault_item"])] = Sealing(token, comp, row.index)
    return said


def _opened(row: StoredRecord, reader: Reader) -> Act | None:
    """The act; None where it is erased, or does not open, as log audit says."""
    try:
        return None if row.wrap is None else reader.for_folds().open(row).act
    except VerificationError:
        return None


def _kept_since(row: StoredRecord, since: datetime | None) -> bool:
    return since is None or row.recorded_at >= since


def hold(
    kept: KeptInR, said: SaidOfReporters, own: Collection[str] | None = None
) -> list[RFinding]:
    """Everything of R that the log does not explain, or that it explains and R has not.

    Args:
        kept: What R has.
        said: What the log has.
        own: Thumbprints of the keys that the vault's key files hold; more than one while a turn is
            cut off. None: there is no file to ask.
    """
    if not (kept.keys or kept.items or said.sealed):
        return []
    found = [*_keys(kept), *_own(kept, own)]
    items = {one.item: one for one in kept.items}
    for item, sealing in said.sealed.items():
        one = items.get(item)
        if one is None or (one.token, one.comp) != (sealing.token, sealing.comp):
            text = Message(
                "the reporter whom record {index} seals is not kept, or for another case or token",
                index=sealing.at,
            )
            found.append(RFinding("reporter_missing", text))
    asked = [one for one in kept.requests if one not in said.letters]
    if len(asked) > said.looks:
        text = plural(
            "{n} request to the vault more than acts and the log of reads explain",
            "{n} requests to the vault more than acts and the log of reads explain",
            n=len(asked) - said.looks,
        )
        found.append(RFinding("request_unexplained", text))
    return found


def _keys(kept: KeptInR) -> Iterable[RFinding]:
    for part in PARTS:
        kek_id, public = kept.keys.get(part, (b"", b""))
        try:
            good = SealingKey(public).kek_id == kek_id
        except KeysError:
            good = False
        if not good:
            yield RFinding(
                "keys_wrong",
                Message("the key of R for {part} is not what it is named by", part=part),
            )
            continue
        others = sum(1 for one in kept.items if getattr(one, part) != kek_id)
        others -= kept.left.get(part, 0)
        if others > 0:
            text = plural(
                "{n} reporter is sealed to another key than R's for {part}",
                "{n} reporters are sealed to another key than R's for {part}",
                n=others,
                part=part,
            )
            yield RFinding("reporter_other_keys", text)


def _own(kept: KeptInR, own: Collection[str] | None) -> Iterable[RFinding]:
    """What intake seals how to reach a reporter to, against the key that the vault opens with."""
    try:
        kid = SealingKey(kept.keys[CONTACT][1]).kid
    except (KeyError, KeysError):
        return  # said already
    if own is not None and kid not in own:
        yield RFinding(
            "keys_wrong",
            Message(
                "R's key for contact, {kid}, is not that of the vault's key file: whoever has the"
                " other half reads how reporters are reached",
                kid=kid,
            ),
        )


def strays(kept: KeptInR, said: SaidOfReporters) -> int:
    """How many items no act names: intake that was broken off, or of an act that was erased."""
    return sum(1 for one in kept.items if one.item not in said.sealed)
