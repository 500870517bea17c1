"""The short way along the log finds what the long way finds."""

from __future__ import annotations

import pytest

from ledger.audit import content
from ledger.audit.chain import FOLDED, RecordChain
from ledger.audit.content import Job
from ledger.audit.range_check import ROWS, FullRow, RangeChecker, whole_of
from ledger.regulation.registry.registry import Registry
from tests.memory_log import MemoryLog, a_log
from tests.unit.ledger.test_audit_mutations import TABLE, Row


def _job(log: MemoryLog) -> Job:
    jwks = {p.signer.kid: dict(p.signer.jwk) for p in [*log.people, log.registrar]}
    return Job(log.origin, {log.kek.kek_id: log.kek}, FOLDED, jwks)


@pytest.mark.parametrize(
    "row",
    [pytest.param(row, marks=pytest.mark.soak if n % 3 else ()) for n, row in enumerate(TABLE)],
    ids=lambda row: row.damage.__name__,
)
def test_slips_lose_nothing(row: Row) -> None:
    """What is left of a sound record is enough to find what is wrong around it.

    Of each third kind of damage on a push, of all in `make soak`.
    """
    log = a_log()
    row.damage(log)
    job, checker = _job(log), RangeChecker(log, _job(log))
    long = RecordChain(Registry.founded(), log.origin, "ordinary")
    short = RecordChain(Registry.founded(), log.origin, "ordinary")
    for start in range(0, min(log.last(), 10_000) + 1, ROWS):
        part = checker.part(start, start + ROWS)
        for raw, slip in zip(log.records(start, start + ROWS), part.slips, strict=True):
            said, _ = content.open_one(raw, job)
            long.follow(raw, said)
            if isinstance(slip, FullRow):
                short.follow(slip.row, slip.said)
            else:
                short.follow_slip(part, slip)
                whole = whole_of(part, slip)
                assert (whole.said.act_id, whole.said.signers) == (said.act_id, said.signers)
    long.close()
    short.close()
    assert short.findings == long.findings
    assert short.verdicts == long.verdicts
    assert short.registry_index == long.registry_index


def test_most_records_leave_a_slip() -> None:
    """Only countersigned acts and those of the registry are kept whole."""
    log = a_log()
    part = RangeChecker(log, _job(log)).part(0, 10_000)
    wholes = sum(isinstance(slip, FullRow) for slip in part.slips)
    several = sum(len(s.members["signers"]) > 1 or s.role != "AUTHOR" for s in log.statements)
    marked = sum(row.registry for row in log.rows)
    assert wholes == several + marked
