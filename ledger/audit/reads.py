"""Recomputes a whole log of reads: rows, chains, signatures, tree and tags (access.md U2).

Of the same form as the log of acts, and simpler: every row is the service's, in the stream of the
chain it was written in, and moves nothing. One walk in index order, in this process.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import accumulate
from typing import Any, Final, NamedTuple, Protocol

from keys import read_tags
from keys.envelope_encryption import Keks
from keys.keyring import Verdict
from keys.log_keys import LogKeys
from ledger.admission import service_statements
from ledger.audit import content, tables, tree
from ledger.audit.content import CheckedRecord, Job, RawRecord
from ledger.audit.findings import Damage, Finding
from ledger.audit.tables import Beside, Reckoning
from ledger.audit.tree import RawCheckpoint, RawTile, Roots, Tiles
from ledger.errors import VerificationError
from ledger.log.merkle import Frontier
from ledger.log.moment import EPOCH, of_milliseconds
from ledger.log.record import leaf
from ledger.log.recovery import Recovery, turned
from ledger.log.statement import Statement
from ledger.ports import LogHead
from ledger.reads.access_logged import (
    ACCESS_LOG_OPENED,
    ACCESS_LOG_RECOVERED,
    ACCESS_LOGGED,
    OF_READS,
    WRAPS_OPENED,
    row_of,
    tags,
    wraps_of,
)
from ledger.reads.recovered import require
from ledger.regulation.registry.registry import Registry

_ROWS: Final = 500
_LAST_INDEX: Final = 1 << 62
_HASH_BYTES: Final = 32
_MOST_MISSING: Final = 1 << 20
"""How far indices may reach beyond the number of rows; what lies behind is not followed."""
_MILLISECOND: Final = timedelta(milliseconds=1)
_MOST_FINDINGS: Final = 1000
_UNOPENED: Final = ("content", "signatures", "tags")
_GOOD: Final = frozenset({Verdict.VALID, Verdict.VALID_KEY_SINCE_REVOKED})


class ReadEvidence(Protocol):
    """The stored bytes of one log of reads, in one snapshot."""

    @property
    def sealed(self) -> bool:
        """Whether rows can be opened at all."""

    def head(self) -> LogHead:
        """The one row of the head."""

    def count(self) -> int:
        """Rows, whatever their index."""

    def last(self) -> int:
        """Highest index, -1 without rows."""

    def beside(self) -> Beside:
        """What stands beside the rows."""

    def gates(self) -> Sequence[bytes]:
        """What the functions that read are opened by: SHA-256 of it, once."""

    def opens(self) -> Iterable[tuple[int, int]]:
        """Which rows were opened against, and how many wraps, by row."""

    def reckonings(self) -> Iterable[Reckoning]:
        """How that was held against the rows, by `upto`."""

    def records(self, start: int, end: int) -> Sequence[RawRecord]:
        """Every row of an index in [`start`, `end`), by index."""

    def tiles(self) -> Iterable[RawTile]:
        """Every stored tile."""

    def checkpoints(self) -> Iterable[RawCheckpoint]:
        """Every stored checkpoint by size."""

    def sizes(self) -> Iterable[int]:
        """The size of every stored checkpoint."""

    def tags(self, start: int, end: int) -> Sequence[tuple[int, bytes]]:
        """What rows of an index in [`start`, `end`) are found by."""


class Opening(NamedTuple):
    """What rows are opened and judged with.

    Attributes:
        kek: Opens them.
        registry: Whose keys are the service's.
        key: Of tags (`keys.read_tags.key_of`).
        genesis: Entry of record 0 of the log of acts, in hex.
        ceremony: Facts of the KeyCeremonyRecorded of an id that stands and is effective; None:
            there is none.
    """

    kek: Keks
    registry: Registry
    key: bytes
    genesis: str
    ceremony: Callable[[str], Mapping[str, Any] | None] = lambda _: None


@dataclass(frozen=True, slots=True)
class ReadsReport:
    """What the audit of a log of reads found.

    Attributes:
        origin: The log.
        records: Rows read.
        size: Size of the newest checkpoint, 0 without one.
        root: Root of that checkpoint as recomputed, hex.
        findings: Everything wrong, the first bad index first.
        skipped: What could not be checked.
        checkpoints: Checkpoints verified.
        tiles: Tiles compared.
    """

    origin: str
    records: int
    size: int
    root: str
    findings: tuple[Finding, ...]
    skipped: tuple[str, ...]
    checkpoints: int
    tiles: int

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with what was checked."""
        return not self.findings

    def as_dict(self, told: Callable[[Finding], dict[str, Any]]) -> dict[str, Any]:
        """For reports in JSON; `told` makes an object of a finding."""
        return {
            "ok": self.ok,
            "origin": self.origin,
            "records": self.records,
            "size": self.size,
            "root": self.root,
            "findings": [told(finding) for finding in self.findings],
            "skipped": list(self.skipped),
            "checkpoints": self.checkpoints,
            "tiles": self.tiles,
        }


def audit_reads(  # noqa: PLR0913 - what an auditor brings along is the argument list
    source: ReadEvidence,
    *,
    acts: str,
    origin: str,
    level: str,
    vkeys: Sequence[str],
    opening: Opening | None = None,
    trusted: Sequence[bytes] = (),
) -> ReadsReport:
    """Audits one log of reads.

    Args:
        source: Stored bytes.
        acts: Origin of the log of acts.
        origin: Its own.
        level: Of both.
        vkeys: Its keys.
        opening: What opens it; None: hashes, tiles and checkpoints only.
        trusted: Checkpoints kept outside this database; the log must lead to each of them.
    """
    roots = Roots({*source.sizes(), *tree.trusted_sizes(trusted)})
    walk = _Walk(source, acts, origin, level, vkeys, opening if source.sealed else None, roots)
    walk.run()
    keys = walk.keys()
    signed = tree.read_checkpoints(source.checkpoints(), keys, origin)
    walk.findings += signed.findings
    tiles = Tiles(source.tiles())
    beside = source.beside()
    judged = tree.judge(roots, tiles, signed, beside.pruned)
    walk.findings += judged.findings
    for index in judged.replaced:
        walk.find(index, Damage.RECORD_REPLACED, "the tree was signed over another row")
    for held in tree.check_trusted(trusted, keys, walk.recoveries, origin, roots.at):
        if isinstance(held, Finding):
            walk.findings.append(held)
    walk.check_extent(signed.newest or 0)
    walk.check_gate()
    walk.check_opens()
    walk.findings += tables.judge(beside, walk.rows, rehearsal=False)
    newest = signed.newest or 0
    order = {kind: n for n, kind in enumerate(Damage)}
    found = sorted(set(walk.findings), key=lambda f: (f.index, order[f.kind], f.message))
    return ReadsReport(
        origin=origin,
        records=walk.rows,
        size=newest,
        root=roots.at.get(newest, b"").hex(),
        findings=tuple(found[:_MOST_FINDINGS]),
        skipped=() if walk.opening is not None else _UNOPENED,
        checkpoints=signed.count,
        tiles=sum(1 for _ in tiles),
    )


@dataclass(slots=True)
class _Walk:
    """One audit under way."""

    source: ReadEvidence
    acts: str
    origin: str
    level: str
    vkeys: Sequence[str]
    opening: Opening | None
    roots: Roots
    findings: list[Finding] = field(default_factory=list)
    rows: int = 0
    recoveries: list[Recovery] = field(default_factory=list)
    _first_vkeys: Sequence[str] = ()
    _tree: Frontier = field(default_factory=Frontier)
    _next: int = 0
    _last_ms: float = 0.0
    _chains: dict[str, tuple[int, str]] = field(default_factory=dict)
    _wraps: dict[int, int] = field(default_factory=dict)
    _job: Job | None = None

    def __post_init__(self) -> None:
        if self.opening is not None:
            jwks = {line.kid: dict(line.jwk) for line in self.opening.registry.keyring.lines()}
            keks = {kek.kek_id: kek for kek in self.opening.kek.every}
            self._job = Job(
                self.origin,
                keks,
                frozenset({ACCESS_LOGGED, ACCESS_LOG_OPENED, ACCESS_LOG_RECOVERED, WRAPS_OPENED}),
                jwks,
                self.level,
                OF_READS,
            )

    def run(self) -> None:
        """Walks every row once, in index order."""
        last, count = self.source.last(), self.source.count()
        end = min(last + 1, count + _MOST_MISSING)
        for start in range(0, end, _ROWS):
            upto = min(start + _ROWS, end)
            noted = self._noted(start, upto)
            rows = self.source.records(start, upto)
            for row in rows:
                self._take(row, noted.pop(row.at, set()))
            self._untaken(noted)
            self.rows += len(rows)
        self._untaken(self._noted(end, _LAST_INDEX))
        if end <= last:
            self.find(end, Damage.RECORD_UNDECLARED, "a row lies far behind all others")
        elif count > self.rows:
            self.find(0, Damage.RECORD_UNDECLARED, "there are rows of a negative index")

    def _noted(self, start: int, end: int) -> dict[int, set[bytes]]:
        noted: dict[int, set[bytes]] = {}
        if self.opening is not None:
            for index, tag in self.source.tags(start, end):
                noted.setdefault(index, set()).add(tag)
        return noted

    def _untaken(self, noted: Iterable[int]) -> None:
        for index in noted:
            self.find(index, Damage.READ_TAG, "a tag of a row that is not there")

    def _take(self, row: RawRecord, noted: set[bytes]) -> None:
        if row.at < self._next:
            self.find(row.at, Damage.INDEX_DUPLICATED, "a second row of this index")
            return
        while self._next < row.at:
            self.find(self._next, Damage.RECORD_MISSING, "there is no row of this index")
            self._append(bytes(_HASH_BYTES))
        before = self._tree.root()
        self._append(leaf(row.entry))
        if row.recorded_ms < self._last_ms:
            self.find(row.at, Damage.TIME_BACKWARDS, "dated before the row in front of it")
        self._last_ms = max(self._last_ms, row.recorded_ms)
        if self.opening is not None and self._job is not None:
            said, statement = content.open_one(row, self._job)
            if said.damage is not None:
                self.find(row.at, said.damage, said.message)
            if statement is not None:
                self._judge(row.at, said, statement, noted, self.opening)
                self._go_on(row.at, statement, before, self.opening)

    def _append(self, hashed: bytes) -> None:
        self.roots.append(hashed)
        self._tree.append(hashed)
        self._next += 1

    def _go_on(self, at: int, statement: Statement, root: bytes, by: Opening) -> None:
        """A recovery, where the row is one: said by two custodians, over what stands before it."""
        event = service_statements.parse(statement.members, OF_READS)
        if event.event != ACCESS_LOG_RECOVERED:
            return
        try:
            found = require(event.facts, at, self.origin, by.ceremony(event.facts["act"]))
        except VerificationError as error:
            self.find(at, Damage.AGAINST_THE_RULES, error.message)
            return
        if found.root != root:
            message = f"it names another root of the {at} rows that were left"
            self.find(at, Damage.RECOVERY_ROOT, message)
        self.recoveries.append(found)

    def keys(self) -> LogKeys:
        """The keys by size: those of the first row, until a recovery turns them."""
        if self.opening is None:  # nobody tells which of the home's keys began where
            return LogKeys.of(self.vkeys)
        try:
            found = turned(self._first_vkeys or self.vkeys, self.recoveries)
        except VerificationError as error:
            self.find(error.index or 0, Damage.RECOVERY_KEYS, error.message)
            return LogKeys.of(self.vkeys)
        if self._first_vkeys and Counter(found.every) != Counter(self.vkeys):
            self.find(0, Damage.GENESIS_KEYS, "the log's keys are not those that its rows name")
        return found

    def _judge(
        self, at: int, said: CheckedRecord, statement: Statement, noted: set[bytes], by: Opening
    ) -> None:
        verdict = by.registry.keyring.judge(
            said.kid,
            officer=None,
            index=_LAST_INDEX,
            recorded_at=of_milliseconds(said.recorded_ms),
            signature_ok=said.signed is True,
        )
        if said.signed is False:
            self.find(at, Damage.SIGNATURE_INVALID, "the signature does not verify")
        elif verdict not in _GOOD:
            self.find(at, Damage.KEY_UNKNOWN, f"no key of the service signed it: {verdict}")
        self._follow(at, said)
        event = service_statements.parse(statement.members, OF_READS)
        expected: set[bytes] = set()
        if event.event == ACCESS_LOG_OPENED:
            self._opened(at, event.facts, by.genesis)
        elif event.event == WRAPS_OPENED:  # found by its place: a tag would tell an agency (D2)
            self._wraps[at] = wraps_of(event).wraps
        elif event.event == ACCESS_LOG_RECOVERED:
            pass  # as above
        else:
            expected = set(tags(row_of(event), by.key))
            if at == 0:
                self.find(0, Damage.GENESIS_MALFORMED, "the first row does not open the log")
        if noted != expected:
            self.find(at, Damage.READ_TAG, "it is not found by what it says")

    def _follow(self, at: int, said: CheckedRecord) -> None:
        seq, digest = self._chains.get(said.stream, (0, ""))
        if said.seq != seq + 1:
            self.find(at, Damage.SEQ_GAP, f"{said.stream} goes on with {said.seq} behind {seq}")
        elif (said.prev or "") != digest:
            self.find(at, Damage.PREV_BROKEN, f"{said.stream} does not follow the row before")
        self._chains[said.stream] = said.seq, said.digest

    def _opened(self, at: int, facts: Any, genesis: str) -> None:  # noqa: ANN401  JSON
        if at:
            self.find(at, Damage.AGAINST_THE_RULES, "a log is opened once")
        elif (facts["log"], facts["genesis"]) != (self.acts, genesis):
            self.find(0, Damage.GENESIS_REPLACED, "it is of another log of acts")
        else:
            self._first_vkeys = facts["vkeys"]

    def check_extent(self, newest: int) -> None:
        """How far the log reaches, by its head, its checkpoints and its rows."""
        found = self.source.head()
        head, at = found.size, found.recorded_at
        promised = max(head, newest)
        if self._next < promised:
            message = f"{promised} records are declared, the rows end at {self._next}"
            self.find(self._next, Damage.TAIL_MISSING, message)
        elif self._next > head:
            message = f"the head declares {head} records, there are {self._next}"
            self.find(head, Damage.RECORD_UNDECLARED, message)
        elif self._next and (at is None or (at - EPOCH) / _MILLISECOND != self._last_ms):
            message = "the head's recorded_at is not that of the last row"
            self.find(head - 1, Damage.HEAD_WRONG, message)

    def check_gate(self) -> None:
        """Whoever may read is answered: by another gate the log would seem to be empty."""
        if self.opening is None:
            return
        own = hashlib.sha256(read_tags.gate(self.opening.key)).digest()
        if list(self.source.gates()) != [own]:
            message = "the functions that read it are opened by something else, or by nothing"
            self.find(0, Damage.READ_TAG, message)

    def check_opens(self) -> None:
        """What the keeper opened is what the rows noted, and was reckoned as that (access.md U4).

        A server that fell may have forgotten an open, which the keeper counted all the same.
        """
        opened = list(self.source.opens())
        for row, wraps in opened:
            if not 0 <= row < self._next:
                message = f"{wraps} wraps were opened against row {row}, which is not there"
                self.find(max(row, 0), Damage.AGAINST_THE_RULES, message)
            elif self.opening is not None and wraps != (noted := self._wraps.get(row, 0)):
                message = f"{wraps} wraps were opened against it, {noted} are noted in it"
                self.find(row, Damage.AGAINST_THE_RULES, message)
        start, used = 0, _Sums(opened)
        by_rows = _Sums(sorted(self._wraps.items()))
        for one in self.source.reckonings():
            self._reckoned(one, used.within(start, one.upto), by_rows.within(start, one.upto))
            start = one.upto

    def _reckoned(self, one: Reckoning, used: int, noted: int) -> None:
        at = max(one.upto - 1, 0)
        if one.upto > self._next:
            message = f"opens were reckoned up to {one.upto}, the rows end at {self._next}"
            self.find(at, Damage.AGAINST_THE_RULES, message)
        elif one.differed:
            if one.opened or one.lapsed:
                message = "a reckoning that differed says what was opened"
                self.find(at, Damage.AGAINST_THE_RULES, message)
        elif self.opening is not None and (one.opened + one.lapsed != noted or one.opened < used):
            message = (
                f"{one.opened} wraps were reckoned as opened and {one.lapsed} as lapsed,"
                f" of {noted} noted and at least {used} opened"
            )
            self.find(at, Damage.AGAINST_THE_RULES, message)

    def find(self, index: int, kind: Damage, message: str) -> None:
        """One more thing wrong."""
        self.findings.append(Finding(index, kind, message))


class _Sums:
    """How many wraps there are of the rows of a span."""

    def __init__(self, rows: Sequence[tuple[int, int]]) -> None:
        self._rows = [row for row, _ in rows]
        self._sums = [0, *accumulate(wraps for _, wraps in rows)]

    def within(self, start: int, end: int) -> int:
        """Of rows in [`start`, `end`)."""
        first, behind = (bisect_left(self._rows, at) for at in (start, end))
        return self._sums[behind] - self._sums[first]
