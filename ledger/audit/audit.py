"""Recomputes a whole log from stored bytes: each leaf, root, signature, verdict and erasure.

One walk in index order: ranges are read, opened and hashed by `range_check` (in as many processes
as asked for) and followed by `chain`; then tiles and checkpoints are held against the entries by
`tree`. Nothing is changed. Who keeps the rows and prints the report is not known here,
nor are projections.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import islice
from typing import Final

from keys import envelope_encryption
from keys.envelope_encryption import Kek, Keks
from keys.errors import KeysError
from keys.log_keys import LogKeys
from ledger.admission.genesis import REHEARSAL
from ledger.audit import content, tables, tree
from ledger.audit.chain import FOLDED, RecordChain
from ledger.audit.content import Job, RawRecord
from ledger.audit.files.files import FileChecks, FileReport, most_listed
from ledger.audit.files.late_anchors import Anchored, Gap, gaps
from ledger.audit.files.snapshot_port import FileBytes
from ledger.audit.findings import OF_FILES, Damage, Finding
from ledger.audit.range_check import (
    ROWS,
    CheckedRange,
    CompactRow,
    FullRow,
    RangeChecker,
    history,
    in_order,
    tops,
)
from ledger.audit.registry_changes import registry_changes
from ledger.audit.report import Report, Unjudged
from ledger.audit.rules.other_cases import Learned
from ledger.audit.rules.rules import STANDS, RegistryChange, RuleReplay, WrongGuess
from ledger.audit.rules.stream_folds import Folds
from ledger.audit.rules.token_owners import Tokens
from ledger.audit.snapshot_port import Evidence
from ledger.audit.tree import RawCheckpoint, ReadCheckpoints, Roots, Tiles
from ledger.audit.workers import Workers
from ledger.errors import Rejected
from ledger.log.checkpoint import Checkpoint
from ledger.log.moment import EPOCH, of_milliseconds
from ledger.log.record import entry as entry_of
from ledger.regulation.acts.act import parse_act
from ledger.regulation.registry.registry import Registry

_MOST_FINDINGS: Final = 1000
_UNOPENED: Final = ("content", "statements", "signatures", "wraps", "rules", "tokens")
_MOST_SWAPS: Final = 64
_MOST_MISSING: Final = 1 << 20
"""How far indices may reach beyond the number of rows; what lies behind is not followed."""
_NOTES: Final = 64
"""Checkpoints verified at a time."""
_LONGEST: Final = 4
_LEFT: Final = 8
"""Of the shortest ranges so many at a time, as long as a process has so many of them before it."""
_MILLISECOND: Final = timedelta(milliseconds=1)
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
        Damage.AGAINST_THE_RULES,
    }
)


Progress = Callable[[int, int], None]


def audit(  # noqa: PLR0913 - what an auditor brings along is the argument list
    source: Evidence,
    *,
    origin: str,
    vkeys: Sequence[str],
    kek: Keks | Sequence[Kek] | None = None,
    level: str | None = None,
    genesis: str | None = None,
    trusted: Sequence[bytes] = (),
    replay: bool = True,
    workers: int = 0,
    progress: Progress | None = None,
    blobs: FileBytes | None = None,
    whole_files: bool = False,
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
        replay: Whether the rules are asked again of every statement; where not, the report says so.
        workers: Processes that read and open records and verify signatures; 0 does it in this one.
        progress: Called with (records done, records in all).
        blobs: The files of acts themselves; None leaves them alone.
        whole_files: Whether each is read and hashed; else only that it is there, and how long.
    """
    keks = list(kek or ()) if kek is None or isinstance(kek, Sequence) else list(kek.every)
    sizes = {*source.sizes(), *tree.trusted_sizes(trusted)}
    level = level or origin.rpartition("/")[2]
    walk = _Walk(source, origin, level, keks, replay, assumes=replay and workers > 0)
    walk.prepare(sizes, vkeys)
    try:
        signed = walk.run(workers, progress)
    except WrongGuess:
        walk = _Walk(source, origin, level, keks, replay, assumes=False)
        walk.prepare(sizes, vkeys)
        signed = walk.run(workers, progress)
    walk.findings += signed.findings
    beside = walk.beside
    verdict = tree.judge(walk.roots, walk.tiles, signed, beside.pruned)
    walk.findings += verdict.findings
    walk.check_genesis(genesis, vkeys)
    walk.check_recoveries(trusted)
    walk.check_extent(signed.newest or 0)
    walk.check_files(blobs, whole=whole_files)
    walk.findings += tables.judge(beside, walk.rows, rehearsal=origin.startswith(REHEARSAL))
    walk.explain(verdict.replaced)
    return walk.report(signed)


def shared_out(end: int, rows: int, processes: int) -> Iterator[tuple[int, int]]:
    """Index ranges up to `end`, each of `rows` or several times as many.

    Where processes share them, long ones first: a range has a price of its own, and short ones in
    the end let all processes end together.
    """
    start = 0
    while start < end:
        left = (end - start) // (rows * processes * _LEFT) if processes else 1
        upto = start + rows * min(max(left, 1), _LONGEST)
        yield start, upto
        start = upto


@dataclass(slots=True)
class _Walk:
    """One audit under way."""

    source: Evidence
    origin: str
    level: str
    keks: Sequence[Kek]
    replays: bool
    assumes: bool
    findings: list[Finding] = field(default_factory=list)
    roots: Roots = field(default_factory=lambda: Roots(()))
    tiles: Tiles = field(default_factory=lambda: Tiles(()))
    chain: RecordChain = field(init=False)
    tokens: Tokens = field(init=False)
    keys: LogKeys = field(default_factory=LogKeys)
    beside: tables.Beside = field(init=False)
    job: Job | None = None
    lost: list[Checkpoint] = field(default_factory=list)
    rows: int = 0
    behind: int = 0
    files: FileReport = field(default_factory=FileReport)
    _next: int = 0
    _first_entry: bytes | None = None
    _rules: RuleReplay | None = None
    _timeline: Sequence[RegistryChange] | None = None
    _last_ms: float | None = None

    def __post_init__(self) -> None:
        self.chain = RecordChain(Registry.founded(), self.origin, self.level)

    @property
    def opens(self) -> bool:
        """Whether records are opened at all."""
        return bool(self.keks) and self.source.sealed

    def prepare(self, sizes: Iterable[int], vkeys: Sequence[str]) -> None:
        """Says which keys sign which sizes, and which roots are asked for.

        The keys are those of the registry as the rules have it, else those that were handed in.
        """
        self.keys = LogKeys.of(vkeys)
        if self.opens:
            self.job, registry = self._job()
            if self.replays:
                registry = self._foresee(self.job)
            if registry.log_keys.spans:
                self.keys = registry.log_keys
        ends = (span.upto for span in self.keys.spans)
        self.roots = Roots({*sizes, *(size for size in ends if size is not None)})

    def run(self, workers: int, progress: Progress | None) -> ReadCheckpoints:
        """Walks every row once, in index order, and reads the checkpoints.

        Raises:
            WrongGuess: What the processes assumed does not hold; asked again, they assume nothing.
        """
        total, job = self.source.count(), self.job
        signed = ReadCheckpoints()
        with ExitStack() as stack:
            parts: Iterator[Sequence[CheckedRange]]
            if workers and total > ROWS:
                share, timeline = self.source.share(), self._timeline
                crew = Workers(workers, share, job, replays=self.replays, timeline=timeline)
                pool = stack.enter_context(crew)
                beside = pool.beside()
                read = pool.each(tree.read_checkpoints, self._shares())
                each = workers // pool.partitions
                parts = pool.parts(self._ranges(total, ROWS * pool.partitions, each))
            else:
                checker = RangeChecker(self.source, job, self.replays)
                beside = self.source.beside
                read = (tree.read_checkpoints(*some) for some in self._shares())
                parts = ([checker.part(*some)] for some in self._ranges(total, ROWS))
            self._load()  # the processes have begun
            for some_parts in parts:
                self._take(some_parts)
                if progress is not None:
                    progress(self.rows, total)
            for some in read:
                signed.add(some)
            self.beside = beside()
        self.check_tokens()
        self.chain.close()
        self.findings += self.chain.findings
        return signed

    def _load(self) -> None:
        """Reads what rows are held against as they come by."""
        self.tiles = Tiles(self.source.tiles())
        self.tokens = Tokens(self.origin, self.source.tokens() if self.opens else None)
        if self.job is not None and self.replays:
            guess = self._timeline
            self._rules = RuleReplay(
                self.origin,
                self.level,
                Folds(history(self.source, self.job)),
                self.tokens,
                expected=None if guess is None else {one.record for one in guess},
            )

    def _ranges(self, total: int, rows: int, processes: int = 0) -> Iterator[tuple[int, int]]:
        """Index ranges that hold every row, but for one that was moved out of all reach."""
        last = self.source.last()
        end = min(last + 1, total + _MOST_MISSING)
        if end <= last:
            self.behind = end
        return shared_out(end, rows, processes)

    def _shares(self) -> Iterator[tuple[Sequence[RawCheckpoint], LogKeys, str]]:
        notes = iter(self.source.checkpoints())
        while some := list(islice(notes, _NOTES)):
            yield some, self.keys, self.origin

    def _job(self) -> tuple[Job, Registry]:
        """Keys of rows marked as registry records, so that signatures can be checked in any order.

        Whether a key was enrolled where it is used is asked by the chain, in its place. The
        registry is that of whoever believes these rows.
        """
        job = Job(self.origin, {kek.kek_id: kek for kek in self.keks}, FOLDED, {}, self.level)
        registry = Registry.founded()
        for row in self.source.registry():
            said, _ = content.open_one(row, job)
            if said.members is None:
                continue
            try:
                act = parse_act(said.members, level=self.level)
                at = of_milliseconds(said.recorded_ms)
                registry.apply(act, index=row.at, recorded_at=at)
            except (Rejected, KeysError, KeyError, ValueError):
                continue
        jwks = {line.kid: dict(line.jwk) for line in registry.keyring.lines()}
        return replace(job, jwks=jwks), registry

    def _foresee(self, job: Job) -> Registry:
        """The registry that the rules leave, and how processes are told that it changes."""
        found = registry_changes(self.source, job)
        self._timeline = found.acts if self.assumes else None
        return found.registry

    def _take(self, parts: Sequence[CheckedRange]) -> None:
        start, rows = parts[0].start, in_order(parts)
        if not rows:
            return
        if start >= self._next and all(at == n for n, (at, *_) in enumerate(rows, start)):
            self._reach(start)
            leaves = parts[0].leaves if len(parts) == 1 else b"".join([leaf for *_, leaf in rows])
            self.roots.extend(leaves, tops(leaves))
            self._next += len(rows)
            for _, part, slip, leaf in rows:
                self._follow(part, slip, leaf)
        else:
            self._take_singly(rows)
        self.rows += len(rows)
        firsts = (part.first for part in parts if part.first is not None)
        self._first_entry = next(firsts, self._first_entry)

    def _take_singly(
        self, rows: Iterable[tuple[int, CheckedRange, CompactRow | FullRow, bytes]]
    ) -> None:
        """Rows with gaps or doubles between them."""
        for at, part, slip, leaf in rows:
            if at < self._next:
                self._find(at, Damage.INDEX_DUPLICATED, "a second row of this index")
                continue
            self._reach(at)
            self.roots.append(leaf)
            self._next = at + 1
            self._follow(part, slip, leaf)

    def _follow(self, part: CheckedRange, slip: CompactRow | FullRow, leaf: bytes) -> None:
        rules = self._rules
        if isinstance(slip, FullRow):
            row, said, statement, ruling = slip
            if rules is not None:
                ruling = rules.settle(row, said, statement, ruling)
                rules.known.learn(
                    row.at,
                    row.stream_id,
                    row.name or "",
                    leaf,
                    ruling.learned,
                    registry=row.registry,
                )
            self.chain.follow(row, said, ruling or STANDS)
            self.tokens.read(row, said)
            self._last_ms = row.recorded_ms
        else:
            if rules is not None:
                rules.pass_by(slip[0], part.streams[slip[2]], leaf, Learned(*slip[8:]))
            self.chain.follow_slip(part, slip)
            self.tokens.name(slip[0], part.streams[slip[2]][0], slip[9])
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
            None if head.recorded_at is None else (head.recorded_at - EPOCH) / _MILLISECOND
        ) != self._last_ms:
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

    def check_tokens(self) -> None:
        """Rows about tokens, against what the records name.

        They are the chain's to excuse: an append notes what its caller says, and two registrars who
        void a record that another has slipped in void that too.
        """
        if self.tokens.rows is not None:
            self.chain.findings += self.tokens.judge()

    def check_files(self, blobs: FileBytes | None, *, whole: bool) -> None:
        """Rows about files, against what the log says of them, and the files themselves."""
        anchors = self.chain.anchors_standing()
        checks = FileChecks(
            self.source.files(),
            {kek.kek_id: kek for kek in self.keks} if self.opens else {},
            self.origin,
            max(self._next - 1, 0),
            anchors,
            self.chain.attached,
            erasable=self._erasable(),
            blobs=blobs,
            whole=whole,
        )
        self.files = replace(checks.run(), gaps=self._gaps(anchors))
        self.findings += checks.findings

    def _erasable(self) -> int:
        """How many files the erased records could have listed, at most."""
        rows = (row for at in self.chain.erased for row in self.source.records(at, at + 1))
        return sum(most_listed(len(row.state or b"")) for row in rows if row.author)

    def _gaps(self, anchors: Sequence[Anchored]) -> tuple[Gap, ...]:
        """A rehearsal's times are its senders', and say nothing of the service."""
        keys = [line for line in self.chain.registry.keyring.lines() if line.is_service]
        if self.origin.startswith(REHEARSAL) or self._last_ms is None or not keys:
            return ()
        newest = (max(self._next - 1, 0), of_milliseconds(int(self._last_ms)))
        return gaps(anchors, (keys[0].enrolled_index, keys[0].valid_from), newest)

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
                    dek = envelope_encryption.unwrap(
                        kek, wrapped, origin=self.origin, entry=whose.entry
                    )
                    envelope = envelope_encryption.unverified_envelope(row.state or b"", dek)
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

    def _skipped(self) -> tuple[str, ...]:
        if not self.opens:
            return _UNOPENED
        asked = {"rules": self.replays, "tokens": self.tokens.rows is not None}
        return tuple(name for name, done in asked.items() if not done)

    def report(self, signed: tree.ReadCheckpoints) -> Report:
        """Everything, the first bad index first; at one index in the order of `Damage`."""
        order = {kind: n for n, kind in enumerate(Damage)}
        findings = sorted(set(self.findings), key=lambda f: (f.index, order[f.kind], f.message))
        # junk beside the log, however much, crowds out nothing that is wrong with the log
        told = set(sorted(findings, key=lambda f: f.kind in OF_FILES)[:_MOST_FINDINGS])
        newest = signed.newest or 0
        return Report(
            origin=self.origin,
            records=self.rows,
            size=newest,
            root=self.roots.at.get(newest, b"").hex(),
            findings=tuple(one for one in findings if one in told),
            skipped=self._skipped(),
            verdicts=dict(self.chain.verdicts),
            checkpoints=signed.count,
            tiles=sum(1 for _ in self.tiles),
            erased=len(self.chain.erased),
            files=self.files,
            unjudged=tuple(
                Unjudged(index, self.chain.erased.get(index), count)
                for index, count in sorted(self.chain.unjudged.items())
            ),
            voided=tuple(self.chain.voided),
            unreadable=tuple(self.chain.unreadable),
            strays=tuple(self.tokens.strays),
            recoveries=tuple(self.chain.recoveries),
            lost=tuple(self.lost),
            disputed=tuple(self.chain.disputed),
        )
