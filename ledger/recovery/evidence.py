"""What shows a reader who holds no database that a log was recovered lawfully (formats.md §7).

Every statement of the registry that the signers of a recovery stand on, the recoveries themselves,
and their places in one signed tree. Each is judged again by the rules, as its index found the
registry. How the evidence is gathered is `recoveries`'; what a reader then trusts is
`log.verify.TrustedLog`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from keys import canonical
from keys.errors import KeysError
from keys.log_keys import LogKeys
from keys.lost_checkpoint import known
from ledger.admission.replay import judging
from ledger.admission.submission import parsed
from ledger.errors import Conflict, VerificationError
from ledger.log import checkpoint as checkpoints
from ledger.log import merkle, proof, record
from ledger.log.checkpoint import Checkpoint
from ledger.log.record import Envelope
from ledger.log.recovery import Recovery, turned
from ledger.log.statement import Statement, parse_compact
from ledger.regulation.acts.act import Act
from ledger.regulation.case.other_cases_port import STILL_OPEN, NoCases
from ledger.regulation.case.state import RECOVERING, VOIDING, pass_over
from ledger.regulation.edition import ADOPTION
from ledger.regulation.registry.added_lines import ADDING
from ledger.regulation.registry.lines import REGISTRY_ACTS
from ledger.regulation.registry.registry import Registry
from ledger.steps import finished
from ledger.streams.kinds import begin
from ledger.streams.names import stream_id
from ledger.streams.record_reader import NONSENSE
from ledger.streams.stream import Stream

SHOWN: Final = REGISTRY_ACTS & frozenset(
    {
        "LedgerOpened",
        RECOVERING,
        ADOPTION,
        "AgencyRegistered",
        ADDING,
        "FunctionAssigned",
        "AgencySuccessionRecorded",
        "OfficerAppointed",
        "OfficerEnded",
        "KeyEnrolled",
        "KeyRevoked",
        "InstrumentRegistered",
        "ClockRuleSet",
        "RegulationVersionAdopted",
    }
)
"""Registry acts that bear on who is a registrar; grants do not, and may name a case."""
OFFICERS: Final = "officer/"
"""Streams that are shown whole, as far as they are shown: `prev` tells that nothing is left out."""
_GENESIS: Final = "LedgerOpened"


@dataclass(frozen=True, slots=True)
class Shown:
    """One statement, and its path in the tree.

    Attributes:
        index: Leaf index.
        envelope: Its bytes.
        hashes: Inclusion, sibling of the leaf first.
    """

    index: int
    envelope: bytes
    hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class RecoveryEvidence:
    """What a server hands out; nothing of it is believed until `verified`.

    Attributes:
        checkpoint: The signed note of the tree that everything stands in.
        records: Statements in index order.
        prefixes: For each size that a recovery names, consistency from there to the tree.
    """

    checkpoint: str
    records: tuple[Shown, ...]
    prefixes: Mapping[int, tuple[bytes, ...]]

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        return {
            "checkpoint": self.checkpoint,
            "records": [
                {
                    "index": one.index,
                    "envelope": canonical.b64(one.envelope),
                    "hashes": [canonical.b64std(h) for h in one.hashes],
                }
                for one in self.records
            ],
            "prefixes": [
                {"size": size, "hashes": [canonical.b64std(h) for h in hashes]}
                for size, hashes in sorted(self.prefixes.items())
            ],
        }

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> Self:
        """Strict inverse of `to_json`. Raises: VerificationError: `recovery`."""
        try:
            records = tuple(
                Shown(
                    _whole(one["index"]),
                    canonical.unb64(one["envelope"]),
                    proof.parse_hashes(one["hashes"]),
                )
                for one in members["records"]
            )
            prefixes = {
                _whole(one["size"]): proof.parse_hashes(one["hashes"])
                for one in members["prefixes"]
            }
            return cls(str(members["checkpoint"]), records, prefixes)
        except (KeysError, KeyError, TypeError, ValueError) as error:
            raise VerificationError("recovery", f"no evidence of a recovery: {error}") from error

    def verified(self, *, origin: str, level: str, genesis: str | None) -> VerifiedRecoveries:
        """Judges every statement again, and asks for its place in the tree.

        Args:
            origin: The log it must be of.
            level: Its level.
            genesis: Entry of record 0 in hex, from a trusted place. Without it the evidence holds
                only for who trusts a checkpoint that the tree extends.

        Raises:
            VerificationError: What fails first.
        """
        tree = checkpoints.unverified(self.checkpoint.encode())
        replayed = _Judged(origin, level)
        last = -1
        for one in self.records:
            if one.index <= last:
                raise VerificationError("recovery", "the records are not in order", one.index)
            last = one.index
            entry = record.entry(one.envelope)
            leaf = record.leaf(entry)
            merkle.verify_inclusion(one.index, tree.size, leaf, one.hashes, tree.root)
            if one.index == 0 and genesis not in (None, entry.hex()):
                raise VerificationError("recovery", "record 0 is not the genesis of this log", 0)
            replayed.take(one.index, one.envelope)
        for broken in replayed.recoveries:
            hashes = self.prefixes.get(broken.size)
            if hashes is None:
                raise VerificationError("recovery", "nothing shows what was left", broken.index)
            merkle.verify_consistency(broken.size, tree.size, hashes, broken.root, tree.root)
        keys = turned(replayed.first_vkeys, replayed.recoveries)
        opened = checkpoints.open_checkpoint(
            self.checkpoint.encode(), known(keys.at(tree.size)), origin=origin
        )
        return VerifiedRecoveries(opened.checkpoint, tuple(replayed.recoveries), keys)


@dataclass(frozen=True, slots=True)
class VerifiedRecoveries:
    """A signed tree, and every recovery in it.

    Attributes:
        checkpoint: The tree.
        recoveries: Oldest first.
        keys: The keys of the log by them.
    """

    checkpoint: Checkpoint
    recoveries: tuple[Recovery, ...]
    keys: LogKeys


class _Judged:
    """The registry as far as it is shown, and every statement judged by it."""

    def __init__(self, origin: str, level: str) -> None:
        self._origin = origin
        self._level = level
        self._registry = Registry.founded()
        self._streams: dict[str, Stream] = {}
        self._rehearsal = False
        self.first_vkeys: Sequence[str] = ()
        self.recoveries: list[Recovery] = []

    def take(self, index: int, envelope: bytes) -> None:
        """The next statement shown. Raises: VerificationError."""
        said = record.parse_envelope(envelope, log=self._origin)
        try:
            statement = parse_compact(said.statement)
            act = parsed(statement.members, self._registry, self._level)
            belongs = act.act in SHOWN or act.stream.startswith(OFFICERS)
            if not belongs or (act.act == _GENESIS) != (index == 0):
                raise VerificationError("recovery", f"{act.act} shows nothing here", index)
            if self._judge(index, said, statement, act) and act.act in SHOWN:
                self._take_effect(index, said, act)
        except (Conflict, *NONSENSE) as error:
            raise VerificationError("recovery", f"refused by the rules: {error}", index) from error

    def _judge(self, index: int, said: Envelope, statement: Statement, act: Act) -> bool:
        """Whether it brings its act into effect."""
        stream = self._streams.get(act.stream)
        if stream is None:
            stream = begin(stream_id(self._origin, act.stream), act.stream)
            self._streams[act.stream] = stream
        whole = act.stream.startswith(OFFICERS)
        if statement.seq > stream.version + 1:  # what stands between is not shown, or stands not
            pass_over(stream.state, statement.seq - 1, None if whole else statement.prev)
        if act.act == VOIDING:  # nor is what it voids
            for named in act.facts["entries"]:
                stream.state.aside[named["index"]] = named["entry"].removeprefix("sha-256:")
        steps = judging(
            stream,
            statement,
            act,
            index=index,
            at=said.recorded_at,
            registry=self._registry,
            cases=_Unseen(),
            origin=self._origin,
            level=self._level,
        )
        event, decision = finished(steps)
        stream.add(event.recorded(index, said.recorded_at, b""))
        return decision.status == "effective"

    def _take_effect(self, index: int, said: Envelope, act: Act) -> None:
        if index == 0:
            self.first_vkeys = tuple(act.facts["vkeys"])
            self._rehearsal = bool(act.facts.get("demo", False))
        elif act.act == RECOVERING:
            if len(act.signers) == 1 and not self._rehearsal:
                # That there was no second registrar cannot be shown by parts of a log.
                raise VerificationError("recovery", "one registrar alone has signed it", index)
            self.recoveries.append(Recovery.of(act.facts, index))
        self._registry.apply(act, index=index, recorded_at=said.recorded_at)


class _Unseen(NoCases):
    """Cases are not shown: what is asked about one refuses nothing."""

    def state(self, _stream: str) -> str | None:
        """As of a case that is not known any more."""
        return STILL_OPEN


def _whole(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("an index or a size is a whole number")
    return value
