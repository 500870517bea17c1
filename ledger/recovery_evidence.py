"""What shows a reader who holds no database that a log was recovered lawfully (formats.md §7).

Every statement of the registry that the signers of a recovery stand on, the recoveries themselves,
and their places in one signed tree. Each is judged again by the rules, as its index found the
registry. How the evidence is gathered is `recoveries`'; what a reader then trusts is
`log.verify.TrustedLog`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from keys import canonical
from keys.errors import KeysError
from keys.log_keys import LogKeys
from keys.lost_checkpoint import known
from ledger.errors import Rejected, VerificationError
from ledger.log import checkpoint as checkpoints
from ledger.log import merkle, proof, record
from ledger.log.checkpoint import Checkpoint
from ledger.log.record import Envelope
from ledger.log.recovery import Recovery, turned
from ledger.log.statement import Statement, parse_compact
from ledger.regulation.act import Act
from ledger.regulation.cases import NoCases
from ledger.regulation.catalogue import load
from ledger.regulation.decide import decide
from ledger.regulation.question import Question
from ledger.regulation.registry import Registry
from ledger.regulation.registry_lines import KEEPER, REGISTRY_ACTS
from ledger.regulation.stream import RECOVERING, Signed, StreamState, apply
from ledger.submission import Submission

SHOWN: Final = REGISTRY_ACTS & frozenset(
    {
        "LedgerOpened",
        RECOVERING,
        "AgencyRegistered",
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

    def verified(self, *, origin: str, level: str, genesis: str | None) -> Verified:
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
        judged = _Judged(origin, level)
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
            judged.take(one.index, one.envelope)
        for broken in judged.recoveries:
            hashes = self.prefixes.get(broken.size)
            if hashes is None:
                raise VerificationError("recovery", "nothing shows what was left", broken.index)
            merkle.verify_consistency(broken.size, tree.size, hashes, broken.root, tree.root)
        keys = turned(judged.first_vkeys, judged.recoveries)
        opened = checkpoints.open_checkpoint(
            self.checkpoint.encode(), known(keys.at(tree.size)), origin=origin
        )
        return Verified(opened.checkpoint, tuple(judged.recoveries), keys)


@dataclass(frozen=True, slots=True)
class Verified:
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
        self._streams: dict[str, StreamState] = {}
        self._rehearsal = False
        self.first_vkeys: Sequence[str] = ()
        self.recoveries: list[Recovery] = []

    def take(self, index: int, envelope: bytes) -> None:
        """The next statement shown. Raises: VerificationError."""
        said = record.parse_envelope(envelope, log=self._origin)
        try:
            statement = parse_compact(said.statement)
            act = load().parse(statement.members, self._level)
            if act.act not in SHOWN or (act.act == _GENESIS) != (index == 0):
                raise VerificationError("recovery", f"{act.act} shows nothing here", index)
            self._judge(index, said, statement, act)
        except (Rejected, KeysError, ValueError) as error:
            raise VerificationError("recovery", f"refused by the rules: {error}", index) from error

    def _judge(self, index: int, said: Envelope, statement: Statement, act: Act) -> None:
        registry, at = self._registry, said.recorded_at
        if index == 0:  # it appoints its own signer (formats.md §9)
            registry.apply(act, index=0, recorded_at=at)
        officer, _ = Submission(statement, act, None).admit(registry, at)
        stream = self._streams.setdefault(act.stream, StreamState(act.stream))
        stream.seq = statement.seq - 1  # what stands between is not shown
        decision = decide(
            Question(
                act=act,
                kind=load().type(act.act),
                catalogue=load(),
                iat=statement.iat,
                role=statement.role,
                seq=statement.seq,
                prev=statement.prev,
                kid=statement.kid,
                officer=officer,
                stream=stream,
                registry=registry,
                origin=self._origin,
                level=self._level,
                log_size=index,
                cases=NoCases(),
                at=at,
            )
        )
        apply(stream, _signed(index, said, statement, act, officer))
        if decision.status == "effective":
            self._take_effect(index, said, act)

    def _take_effect(self, index: int, said: Envelope, act: Act) -> None:
        if index == 0:
            self.first_vkeys = tuple(act.facts["vkeys"])
            self._rehearsal = bool(act.facts.get("demo", False))
            return
        if act.act == RECOVERING:
            if len(act.signers) == 1 and not self._rehearsal:
                # That there was no second registrar cannot be shown by parts of a log.
                raise VerificationError("recovery", "one registrar alone has signed it", index)
            self.recoveries.append(Recovery.of(act.facts, index))
        self._registry.apply(act, index=index, recorded_at=said.recorded_at)


def _signed(index: int, said: Envelope, statement: Statement, act: Act, officer: str) -> Signed:
    return Signed(
        act=act,
        officer=officer,
        role=statement.role,
        kid=statement.kid,
        iat=statement.iat,
        seq=statement.seq,
        digest=statement.digest_b64,
        index=index,
        recorded_at=said.recorded_at,
    )


def _whole(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("an index or a size is a whole number")
    return value


def needed(acts: Iterable[Act]) -> list[Act]:
    """The acts that show who the registrars were: those of nobody in particular, and of officers.

    An officer's lines are shown where the officer was ever a registrar, or has signed another one
    that is shown; the lines of everybody else are left out.

    Args:
        acts: Effective registry acts of a log, in order.
    """
    every = [act for act in acts if act.act in SHOWN]
    registrars = {act.facts["officer"] for act in every if KEEPER in act.facts.get("powers", ())}
    taken = {act.act_id for act in every if not act.stream.startswith("officer/")}
    while True:
        shown = (act for act in every if act.act_id in taken)
        officers = registrars | {signer.officer for act in shown for signer in act.signers}
        more = {act.act_id for act in every if act.stream.removeprefix("officer/") in officers}
        if more <= taken:
            return [act for act in every if act.act_id in taken]
        taken |= more
