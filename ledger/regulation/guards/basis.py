"""Guards on the legal basis: competence and substance, never the regulation alone (G1)."""

from __future__ import annotations

from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.guards.breach import Breach

COMPETENCE, SUBSTANCE = "COMPETENCE", "SUBSTANCE"


def basis_competence_and_substance(q: GuardInput) -> Breach | None:
    """G1 (added).

    A deciding act says by which power and on which law it acts, each by an entry of its own.
    """
    roles = {b.role for b in q.act.basis}
    return None if {COMPETENCE, SUBSTANCE} <= roles else Breach(pointers=("/basis",))


def not_decision_90_alone(q: GuardInput) -> Breach | None:
    """G1 (added; regulation.md §1).

    Decision 90 coordinates agencies and grants no power over a person.
    """
    other = {b.role for b in q.act.basis if not q.registry.is_decision90(b.instrument)}
    return None if {COMPETENCE, SUBSTANCE} <= other else Breach(pointers=("/basis",))


def basis_missing(q: GuardInput) -> Breach | None:
    """5.2.

    A first measure without a competence basis, or on the regulation alone, is recorded and shown as
    such.
    """
    competence = any(b.role == COMPETENCE for b in q.act.basis)
    law = any(
        b.role in (COMPETENCE, SUBSTANCE) and not q.registry.is_decision90(b.instrument)
        for b in q.act.basis
    )
    return None if competence and law else Breach(pointers=("/basis",))
