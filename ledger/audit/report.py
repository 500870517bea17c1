"""What an audit of a log found, and what of it could not be checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from ledger.audit.chain import Disputed
from ledger.audit.files.files import FileReport
from ledger.audit.findings import Damage, Finding
from ledger.log.checkpoint import Checkpoint
from ledger.log.recovery import Recovery


class Unjudged(NamedTuple):
    """Statements that the rules cannot be asked about in full, since a record is unreadable.

    Attributes:
        record: Index of what they hang on.
        erased_by: The act that erased it; None where it is damaged.
        statements: How many.
    """

    record: int
    erased_by: str | None
    statements: int


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
        files: What was checked of the files.
        unjudged: What hangs on them: signed, in order, and not judged again.
        voided: Records set aside that two registrars have voided: what was wrong, and by which act.
        unreadable: Those of them that nobody can read: junk, or an act that somebody has spoiled.
            No damage, since nobody can tell which, and never just sound.
        strays: Tokens noted beside records of their case that do not name them: no damage, since
            no act can take such a row back, and never just sound: the writer's login was taken.
        recoveries: The breaks that the log records of itself: its tail was lost there.
        lost: Checkpoints kept outside that a recovery says are lost.
        disputed: Revoked keys with what they signed that is not to be trusted: no damage, since the
            log holds what it was given, and never just sound.
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
    files: FileReport = field(default_factory=FileReport)
    unjudged: tuple[Unjudged, ...] = ()
    voided: tuple[tuple[Finding, str], ...] = ()
    unreadable: tuple[tuple[Finding, str], ...] = ()
    strays: tuple[Finding, ...] = ()
    recoveries: tuple[Recovery, ...] = ()
    lost: tuple[Checkpoint, ...] = ()
    disputed: tuple[Disputed, ...] = ()

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

    def as_dict(
        self, told: Callable[[Finding], dict[str, Any]] = Finding.as_dict
    ) -> dict[str, Any]:
        """For reports in JSON; `told` makes an object of a finding."""
        return {
            "ok": self.ok,
            "origin": self.origin,
            "records": self.records,
            "size": self.size,
            "root": self.root,
            "first_bad_index": self.first_bad_index,
            "kind": None if self.kind is None else str(self.kind),
            "message": self.message,
            "findings": [told(finding) for finding in self.findings],
            "skipped": list(self.skipped),
            "verdicts": {str(verdict): count for verdict, count in self.verdicts.items()},
            "checkpoints": self.checkpoints,
            "tiles": self.tiles,
            "erased": self.erased,
            "files": asdict(self.files),
            "unjudged": [one._asdict() for one in self.unjudged],
            "voided": [{**told(finding), "voided_by": by} for finding, by in self.voided],
            "unreadable": [{**told(finding), "voided_by": by} for finding, by in self.unreadable],
            "strays": [told(finding) for finding in self.strays],
            "recoveries": [one.as_dict() for one in self.recoveries],
            "lost": [{"size": one.size, "root": one.root.hex()} for one in self.lost],
            "disputed": [one.as_dict() for one in self.disputed],
        }


def unread(origin: str) -> Report:
    """The report where the tables are such that no row could be read."""
    return Report(origin, 0, 0, "", (), ("records",), {}, 0, 0)
