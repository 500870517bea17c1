"""Guards on the programme: difficulties by the lead, versions by the issuer, terms in order."""

from __future__ import annotations

from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.reading import reaches
from ledger.regulation.guards.breach import Breach


def via_lead_in_writing(q: GuardInput) -> Breach | None:
    """11.3. Difficulties go to the provincial committee in writing and through the lead."""
    if q.act.document is None:
        return Breach(pointers=("/document",))
    return None if reaches(q, q.act.to, "LEAD", q.day) else Breach(pointers=("/to",))


def regulation_by_issuer(q: GuardInput) -> Breach | None:
    """QĐ.1. Only the provincial committee issues or amends the regulation, and by a document."""
    if not q.registry.holds(q.act.agency, "PPC", q.day):
        return Breach(pointers=("/agency",))
    return None if q.act.document is not None else Breach(pointers=("/document",))
