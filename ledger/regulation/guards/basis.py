"""Guards on the legal basis: competence and substance, never the regulation alone (G1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from ledger.regulation.acts.act import Basis
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.reading import objects
from ledger.regulation.edition import optional_date, within
from ledger.regulation.guards import verification
from ledger.regulation.guards.breach import Breach
from ledger.regulation.guards.registry_day import author_is

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


def lines_on(q: GuardInput, section: str, day: date) -> list[Mapping[str, Any]]:
    """Dated lines of the edition's registry that are in force on a day."""
    return [
        line
        for line in q.edition.registry.get(section, ())
        if within(date.fromisoformat(line["from"]), optional_date(line.get("to")), day)
    ]


def basis_unchecked(q: GuardInput) -> Breach | None:
    """4.3. What is cited for power, and for a limb that is met, is on the list that was checked."""
    powers = lines_on(q, "competences", q.day)
    cited = [
        f"/basis/{n}"
        for n, b in enumerate(q.act.basis)
        if b.role == COMPETENCE and not _gives_power(q, b, powers)
    ]
    days = verification.days_of_content(q)
    met = [
        f"/facts/limbs/{n}"
        for n, limb in enumerate(objects(q.facts.get("limbs")))
        if limb.get("result") == "MET" and not any(_tests(q, limb, day) for day in days)
    ]
    return Breach(pointers=(*cited, *met)) if cited or met else None


def _gives_power(q: GuardInput, cited: Basis, lines: Sequence[Mapping[str, Any]]) -> bool:
    return any(
        (line["instrument"], line["article"]) == (cited.instrument, cited.article)
        and any(
            code == "ANY_AGENCY" or q.registry.holds(q.act.agency, code, q.day)
            for code in line["who"]
        )
        for line in lines
    )


def _tests(q: GuardInput, limb: Mapping[str, Any], day: date) -> bool:
    return any(
        all(line[m] == limb.get(m) for m in ("limb", "instrument", "article"))
        for line in lines_on(q, "limb_provisions", day)
    )


def recorded_for_other(q: GuardInput) -> Breach | None:
    """Added (6.1). What another body said or did is recorded for it from its own paper."""
    own = any(author_is(q, code) for code in q.kind.spoken_by) or q.act.agency in (
        q.facts.get("given_by"),
        q.facts.get("answered_by"),
    )
    oral = q.facts.get("form") == "ORAL"  # shown as such (ORAL_UNCONFIRMED)
    if own or oral or (q.act.document is not None and q.act.attachments):
        return None
    return Breach(pointers=("/document", "/attachments"))
