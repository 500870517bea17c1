"""How the registry of a log changes, judged before the log is walked.

Whoever audits has to know it beforehand: which keys sign which sizes, and what processes that see
some streams only judge by. So the streams in which the registry changes are judged first, each
record at its index, and the walk, which sees everything, looks at the answer again. Cases are left
to the walk: of a registry act in one it is asked who signed it and no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from heapq import merge
from operator import attrgetter
from typing import Final, NamedTuple

from ledger.admission.submission import Submission
from ledger.audit import content
from ledger.audit.content import CheckedRecord, Job, RawRecord
from ledger.audit.range_check import history
from ledger.audit.rules.rules import RegistryChange, RuleReplay
from ledger.audit.rules.stream_folds import Folds
from ledger.audit.rules.token_owners import Tokens
from ledger.audit.snapshot_port import Evidence
from ledger.log.moment import of_milliseconds
from ledger.log.statement import Statement
from ledger.regulation.acts.act import parse_act
from ledger.regulation.registry.lines import REGISTRY_ACTS
from ledger.regulation.registry.registry import Registry
from ledger.streams.record_reader import NONSENSE

_CASE: Final = "case/"


class RegistryChanges(NamedTuple):
    """How the registry changes.

    Attributes:
        acts: Every act by which it does, in index order.
        registry: After all of them.
    """

    acts: tuple[RegistryChange, ...]
    registry: Registry


def registry_changes(source: Evidence, job: Job) -> RegistryChanges:
    """Judges the streams that have a registry record.

    Args:
        source: The stored bytes.
        job: What the rows are opened with.
    """
    folds, tokens = Folds(history(source, job)), Tokens(job.origin)
    rules = RuleReplay(job.origin, job.level, folds, tokens, apart=True)
    unsigned = replace(job, jwks={})  # a signature is checked where it is judged, with its key then
    acts: list[RegistryChange] = []
    for row in _rows(source):
        said, statement = content.open_one(row, unsigned)
        if not _is_case(row):
            changes = rules.follow(row, said, statement).registry
        elif statement is None or said.damage is not None:
            changes = False
        else:
            changes = _signed(said, statement, rules.registry, job.level)
        if changes and said.members is not None:
            at = of_milliseconds(said.recorded_ms)
            acts.append(RegistryChange(row.at, at, parse_act(said.members, level=job.level)))
    return RegistryChanges(tuple(acts), rules.registry)


def _rows(source: Evidence) -> Iterator[RawRecord]:
    """Of every stream but cases that has a registry record; of cases these records alone."""
    streams = {row.stream_id for row in source.registry() if not _is_case(row)}
    whole = source.streams(streams, source.last() + 1)
    in_cases = (row for row in source.registry() if _is_case(row))
    return merge(whole, in_cases, key=attrgetter("at"))


def _is_case(row: RawRecord) -> bool:
    return row.name is not None and row.name.startswith(_CASE)


def _signed(said: CheckedRecord, statement: Statement, registry: Registry, level: str) -> bool:
    """Whether the last signer of a registry act signed it; then the registry changes by it."""
    try:
        act, at = parse_act(statement.members, level=level), of_milliseconds(said.recorded_ms)
        officer = Submission(statement, act, None).admit(registry, at)
        last = act.signers[-1]
        if statement.stand_in is not None and statement.role == last.role:
            act = act.signed_instead(len(act.signers) - 1, statement.stand_in)
            last = act.signers[-1]
        if act.act not in REGISTRY_ACTS or officer != last.officer:
            return False
        registry.apply(act, index=said.at, recorded_at=at)
    except NONSENSE:
        return False
    return True
