"""Recomputes a whole log from stored bytes: each leaf, root, signature, verdict and erasure.

One walk in index order: parts are read, opened and hashed by `checks.part` (in as many processes as
asked for) and followed by `checks.chain`; then tiles and checkpoints are held against the entries
by `checks.tree`. Nothing is changed. Who keeps the rows and prints the report is not known here,
nor are projections.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from keys import vault
from keys.errors import KeysError
from keys.log_keys import LogKeys
from keys.vault import Kek
from ledger.checks import content, tree
from ledger.checks.chain import FOLDED, Chain
from ledger.checks.content import Job, RawRecord
from ledger.checks.evidence import Evidence
from ledger.checks.findings import IN_VIETNAMESE, Damage, Finding
from ledger.checks.part import ROWS, Desk, Part, Slip, Whole
from ledger.checks.tree import RawCheckpoint, RawTile, Roots, Signed, Tiles
from ledger.checks.workers import Workers
from ledger.errors import Rejected
from ledger.log.checkpoint import Checkpoint
from ledger.log.merkle import HASH_BYTES
from ledger.log.moment import milliseconds, of_milliseconds
from ledger.log.record import entry as entry_of
from ledger.log.recovery import Recovery
from ledger.regulation.act import parse_act
from ledger.regulation.registry import Registry

__all__ = [
    "Damage",
    "Evidence",
    "Finding",
    "RawCheckpoint",
    "RawRecord",
    "RawTile",
    "Report",
    "audit",
]

_MOST_FINDINGS: Final = 1000
_MOST_SWAPS: Final = 64
_MOST_MISSING: Final = 1 << 20
"""How far indices may reach beyond the number of rows; what lies behind is not followed."""
_NOTES: Final = 64
"""Checkpoints verified at a time."""
#: What a swap or a replacement at an index explains, so that it is not named beside it.
_EXPLAINED: Final = frozenset(
    {
        Damage.WRAP_OTHER_RECORD,
        Damage.WRAP_OTHER_KEK,
        Damage.STATE_UNREADABLE,
        Damage.SEQ_GAP,
        Damage.PREV_BROKEN,
        Damage.TIME_BACKWARDS,
        Damage.SIGNER_ORDER,
    }
)


@dataclass(frozen=True, slots=True)
class Report:
    """What an audit found.

    Attributes:
        origin: The log.
        records: Rows read.
        size: Size of the newest checkpoint, 0 without one.
        root: Root of that checkpoint as recomputed, hex.
        findings: Everything wrong, the first bad index first.
        skipped: What could not be checked and why; empty for a full audit.
        verdicts: How many statements have which verdict (formats.md §9), as they read today.
        checkpoints: Checkpoints verified.
        tiles: Tiles compared.
        erased: Records whose content a recorded act has erased.
        recoveries: The breaks that the log records of itself: its tail was lost there.
        lost: Checkpoints kept outside that a recovery says are lost.
    """

    origin: str
    records: int
    size: int
    root: str
    findings: tuple[Finding, ...]
    skipped: tuple[str, ...]
    verdicts: Mapping[str, int]
    checkpoints: int
    tiles: int
    erased: int = 0
    recoveries: tuple[Recovery, ...] = ()
    lost: tuple[Checkpoint, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with what was checked."""
        return not self.findings

    @property
    def first_bad_index(self) -> int | None:
        """First index that anything is wrong with."""
        return self.findings[0].index if self.findings else None

    @property
    def kind(self) -> Damage | None:
        """Kind of damage at the first bad index."""
        return self.findings[0].kind if self.findings else None

    @property
    def message(self) -> str:
        """One sentence about the first finding."""
        return self.findings[0].message if self.findings else ""

    @property
    def message_vi(self) -> str:
        """The kind in Vietnamese."""
        return IN_VIETNAMESE[self.findings[0].kind] if self.findings else ""

    def as_dict(self) -> dict[str, Any]:
        """For reports in JSON."""
        return {
            "ok": self.ok,
            "origin": self.origin,
            "records": self.records,
            "size": self.size,
            "root": self.root,
            "first_bad_index": self.first_bad_index,
            "kind": None if self.kind is None else str(self.kind),
            "message": self.message,
            "message_vi": self.message_vi,
            "findings": [finding.as_dict() for finding in self.findings],
            "skipped": list(self.skipped),
            "verdicts": {str(verdict): count for verdict, count in self.verdicts.items()},
            "checkpoints": self.checkpoints,
            "tiles": self.tiles,
            "erased": self.erased,
            "recoveries": [one.as_dict() for one in self.recoveries],
            "lost": [{"size": one.size, "root": one.root.hex()} for one in self.lost],
        }


Progress = Callable[[int, int], None]


def audit(  # noqa: PLR0913 - what an auditor brings along is the argument list
    source: Evidence,
    *,
    origin: str,
    vkeys: Sequence[str],
    kek: Kek | Sequence[Kek] | None = None,
    level: str | None = None,
    genesis: str | None = None,
    trusted: Sequence[bytes] = (),
    workers: int = 0,
    progress: Progress | None = None,
) -> Report:
    """Audits one log.

    Args:
        source: Stored bytes.
        origin: The log's origin.
        vkeys: Keys its checkpoints are signed with, as vkey texts.
        kek: What opens the records; None checks hashes, tiles and checkpoints only, and says so.
        level: The log's level; None takes it from the origin.
        genesis: Entry of record 0 in hex, from paper; None leaves the anchor unchecked.
        trusted: Checkpoints kept outside this database; the log must lead to each of them.
        workers: Processes that read and open records and verify signatures; 0 does it in this one.
        progress: Called with (records done, records in all).
    """
    keks = [kek] if isinstance(kek, Kek) else list(kek or ())
    walk = _Walk(source, origin, level or origin.rpartition("/")[2], keks)
    notes = list(source.checkpoints())
    walk.learn(vkeys)
    walk.prepare({*(row.size for row in notes), *tree.trusted_sizes(trusted)})
    signed = walk.run(workers, notes, progress)
    walk.findings += signed.findings
    verdict = tree.judge(walk.roots, walk.tiles, signed)
    walk.findings += verdict.findings
    walk.check_genesis(genesis, vkeys)
    walk.check_recoveries(trusted)
    walk.check_extent(signed.newest or 0)
    walk.explain(verdict.replaced)
    return walk.report(signed)


@dataclass(slots=True)
class _Walk:
    """One audit under way."""

    source: Evidence
    origin: str
    level: str
    keks: Sequence[Kek]
    findings: list[Finding] = field(default_factory=list)
    roots: Roots = field(default_factory=lambda: Roots(()))
    tiles: Tiles = field(default_factory=lambda: Tiles(()))
    chain: Chain = field(init=False)
    keys: LogKeys = field(default_factory=LogKeys)
    job: Job | None = None
    lost: list[Checkpoint] = field(default_factory=list)
    rows: int = 0
    behind: int = 0
    _next: int = 0
    _first_entry: bytes | None = None
    _last_ms: float | None = None

    def __post_init__(self) -> None:
        self.chain = Chain(Registry.founded(), self.origin, self.level)

    @property
    def opens(self) -> bool:
        """Whether records are opened at all."""
        return bool(self.keks) and self.source.sealed

    def learn(self, vkeys: Sequence[str]) -> None:
        """Which keys sign which sizes: as the registry says, else as they were handed in."""
        self.keys = LogKeys.of(vkeys)
        if self.opens:
            self.job, registry = self._job()
            if registry.log_keys.spans:
                self.keys = registry.log_keys

    def prepare(self, sizes: Iterable[int]) -> None:
        """Loads the tiles and says which roots will be asked for."""
        self.tiles = Tiles(self.source.tiles())
        turns = (span.upto for span in self.keys.spans)
        self.roots = Roots({*sizes, *(size for size in turns if size is not None)})

    def run(
        self,
        workers: int,
        notes: Sequence[RawCheckpoint],
        progress: Progress | None,
    ) -> Signed:
        """Walks every row once, in index order, and reads the checkpoints."""
        total, job = self.source.count(), self.job
        signed = Signed()
        with ExitStack() as stack:
            parts: Iterator[Part]
            if workers and total > ROWS:
                pool = stack.enter_context(Workers(workers, self.source.share(), job))
                read = pool.each(tree.read_checkpoints, self._shares(notes))
                parts = pool.parts(self._ranges(total))
            else:
                desk = Desk(self.source, job)
                read = (tree.read_checkpoints(*some) for some in self._shares(notes))
                parts = (desk.part(*some) for some in self._ranges(total))
            for part in parts:
                self._take(part)
                if progress is not None:
                    progress(self.rows, total)
            for some in read:
                signed.add(some)
        self.chain.close()
        self.findings += self.chain.findings
        return signed

    def _ranges(self, total: int) -> Iterator[tuple[int, int]]:
        """Index ranges that hold every row, but for one that was moved out of all reach."""
        last = self.source.last()
        end = min(last + 1, total + _MOST_MISSING)
        if end <= last:
            self.behind = end
        return ((start, start + ROWS) for start in range(0, end, ROWS))

    def _shares(
        self, notes: Sequence[RawCheckpoint]
    ) -> Iterator[tuple[Sequence[RawCheckpoint], LogKeys, str]]:
        for at in range(0, len(notes), _NOTES):
            yield notes[at : at + _NOTES], self.keys, self.origin

    def _job(self) -> tuple[Job, Registry]:
        """Keys of rows marked as registry records, so that signatures can be checked in any order.

        Whether a key was enrolled where it is used is asked by the chain, in its place.
        """
        job = Job(self.origin, {kek.kek_id: kek for kek in self.keks}, FOLDED, {})
        registry = Registry.founded()
        for row in self.source.registry():
            said = content.open_one(row, job)
            if said.members is None:
                continue
            at = of_milliseconds(said.recorded_ms)
            try:
                act = parse_act(said.members, level=self.level)
                registry.apply(act, index=row.at, recorded_at=at)
            except (Rejected, KeysError, KeyError, ValueError):
                continue
        jwks = {line.kid: dict(line.jwk) for line in registry.keyring.lines()}
        return Job(self.origin, job.keks, FOLDED, jwks), registry

    def _take(self, part: Part) -> None:
        if not part.slips:
            return
        if part.dense and part.start >= self._next:
            self._reach(part.start)
            self.roots.extend(part.leaves, part.tops)
            self._next += len(part.slips)
            for slip in part.slips:
                self._follow(part, slip)
        else:
            self._take_singly(part)
        self.rows += len(part.slips)
        if part.first is not None:
            self._first_entry = part.first

    def _take_singly(self, part: Part) -> None:
        """Rows with gaps or doubles between them."""
        for n, slip in enumerate(part.slips):
            at = slip.row.at if isinstance(slip, Whole) else slip[0]
            if at < self._next:
                self._find(at, Damage.INDEX_DUPLICATED, "a second row of this index")
                continue
            self._reach(at)
            self.roots.append(part.leaves[n * HASH_BYTES : (n + 1) * HASH_BYTES])
            self._next = at + 1
            self._follow(part, slip)

    def _follow(self, part: Part, slip: Slip | Whole) -> None:
        if isinstance(slip, Whole):
            self.chain.follow(*slip)
            self._last_ms = slip.row.recorded_ms
        else:
            self.chain.follow_slip(part, slip)
            self._last_ms = slip[1]

    def _reach(self, index: int) -> None:
        """Rows before `index` that have not come by are not there."""
        while self._next < index:
            self._miss(self._next)

    def _miss(self, index: int) -> None:
        """A row that is not there: the tree goes on over the leaf that the tiles remember."""
        self._find(index, Damage.RECORD_MISSING, "there is no row of this index")
        self.roots.append(self.tiles.claimed_leaf(index) or bytes(32))
        self._next = index + 1

    def _find(self, index: int, kind: Damage, message: str) -> None:
        self.findings.append(Finding(index, kind, message))

    def check_genesis(self, genesis: str | None, vkeys: Sequence[str]) -> None:
        """Holds record 0 to the digest from paper, the log's keys to record 0 (formats.md §9)."""
        if genesis is not None and not self.rows:
            self._find(0, Damage.TAIL_MISSING, "there is no record at all, not even record 0")
        elif genesis is not None and self._first_entry is not None:
            found = self._first_entry.hex()
            if found != genesis:
                self._find(0, Damage.GENESIS_REPLACED, f"record 0 has entry {found}, not {genesis}")
        if self.chain.genesis is not None:
            named = self.chain.registry.log_keys
            if not set(vkeys) <= set(named.every):
                message = "the log's keys are not those of record 0 or of a recovery"
                self._find(0, Damage.GENESIS_KEYS, message)

    def check_recoveries(self, trusted: Sequence[bytes]) -> None:
        """Holds recoveries against the tree, and the log to checkpoints kept outside."""
        recoveries = self.chain.recoveries
        if self.opens and self.chain.registry.log_keys != self.keys:
            at = recoveries[0].index if recoveries else 0
            message = "a recovery turns keys that it may not"
            self._find(at, Damage.RECOVERY_KEYS, message)
        self.findings += tree.check_recoveries(recoveries, self.roots.at)
        for held in tree.check_trusted(trusted, self.keys, recoveries, self.origin, self.roots.at):
            if isinstance(held, Finding):
                self.findings.append(held)
            else:
                self.lost.append(held)

    def check_extent(self, newest: int) -> None:
        """How far the log reaches, by its head, its checkpoints and its rows."""
        head = self.source.head()
        promised = max(head.size, newest)
        if self._next < promised:
            message = f"{promised} records are declared, the rows end at {self._next}"
            self._find(self._next, Damage.TAIL_MISSING, message)
        elif self._next > head.size:
            message = f"the head declares {head.size} records, there are {self._next}"
            self._find(head.size, Damage.RECORD_UNDECLARED, message)
        elif (
            head.recorded_at is not None
            and self._last_ms is not None
            and milliseconds(head.recorded_at) != self._last_ms
        ):
            message = "the head's recorded_at is not that of the last record"
            self._find(max(head.size - 1, 0), Damage.HEAD_WRONG, message)
        elif head.registry_index != self.chain.registry_index:
            found = self.chain.registry_index
            message = f"the head names {head.registry_index} as last registry record, not {found}"
            self._find(max(head.size - 1, 0), Damage.HEAD_REGISTRY, message)
        if self.behind:
            self._find(self.behind, Damage.RECORD_UNDECLARED, "a row lies far behind all others")
        elif self.source.count() > self.rows:
            self._find(0, Damage.RECORD_UNDECLARED, "there are rows of a negative index")

    def explain(self, replaced: Sequence[int]) -> None:
        """Names swaps and replacements, in place of what they bring about at the same index."""
        by_leaf = {self.tiles.claimed_leaf(i): i for i in replaced}
        for index in replaced:
            partner = by_leaf.get(self.roots.leaf_at(index))
            if partner is not None:
                message = f"the record here is the one signed at index {partner}"
                self._instead(index, Damage.ROWS_SWAPPED, message)
            elif self._has(index, Damage.WRAP_OTHER_RECORD):
                message = "the entry of the row is not the one the tree was signed over"
                self._instead(index, Damage.ENTRY_WRONG, message)
            else:
                message = "the record is sound by itself, but the tree was signed over another"
                self._find(index, Damage.RECORD_REPLACED, message)
        self._explain_states()

    def _explain_states(self) -> None:
        unread = [f.index for f in self.findings if f.kind is Damage.STATE_UNREADABLE][:_MOST_SWAPS]
        rows = {i: row for i in unread for row in self.source.records(i, i + 1)[:1]}
        for index, row in rows.items():
            for other, whose in rows.items():
                if other != index and self._opens_as(row, whose):
                    message = f"the sealed content here is that of index {other}"
                    self._instead(index, Damage.STATES_SWAPPED, message)

    def _opens_as(self, row: RawRecord, whose: RawRecord) -> bool:
        """Whether the state of one row is the content of another."""
        for kek in self.keks:
            for wrapped in whose.wraps:
                try:
                    dek = vault.unwrap(kek, wrapped, origin=self.origin, entry=whose.entry)
                    envelope = vault.unverified_envelope(row.state or b"", dek)
                except KeysError:
                    continue
                if entry_of(envelope) == whose.entry:
                    return True
        return False

    def _has(self, index: int, kind: Damage) -> bool:
        return any(f.index == index and f.kind is kind for f in self.findings)

    def _instead(self, index: int, kind: Damage, message: str) -> None:
        kept = [f for f in self.findings if f.index != index or f.kind not in _EXPLAINED]
        self.findings = [*kept, Finding(index, kind, message)]

    def report(self, signed: tree.Signed) -> Report:
        """Everything, the first bad index first; at one index in the order of `Damage`."""
        order = {kind: n for n, kind in enumerate(Damage)}
        findings = sorted(set(self.findings), key=lambda f: (f.index, order[f.kind], f.message))
        newest = signed.newest or 0
        skipped = () if self.opens else ("content", "statements", "signatures", "wraps")
        return Report(
            origin=self.origin,
            records=self.rows,
            size=newest,
            root=self.roots.at.get(newest, b"").hex(),
            findings=tuple(findings[:_MOST_FINDINGS]),
            skipped=skipped,
            verdicts=dict(self.chain.verdicts),
            checkpoints=signed.count,
            tiles=sum(1 for _ in self.tiles),
            erased=len(self.chain.erased),
            recoveries=tuple(self.chain.recoveries),
            lost=tuple(self.lost),
        )
