"""Guards on the programme: difficulties by the lead, versions by the issuer, terms in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ledger.regulation.case.counted_reports import SMALLEST
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.places import reaches
from ledger.regulation.case.reading import objects
from ledger.regulation.edition import Edition
from ledger.regulation.guards.breach import Breach


def via_lead_in_writing(q: GuardInput) -> Breach | None:
    """11.3. Difficulties go to the provincial committee in writing and through the lead."""
    if q.act.document is None:
        return Breach(pointers=("/document",))
    return None if reaches(q, q.act.to, "LEAD", q.day) else Breach(pointers=("/to",))


def indicator_known(q: GuardInput) -> Breach | None:
    """9; 8.1.a. What is counted has a code of the list: no words that could tell of a person."""
    known = q.edition.of(_indicators)
    for n, one in enumerate(q.facts.get("indicators", ())):
        code = one.get("code") if isinstance(one, Mapping) else one
        if code not in known:
            place = f"/facts/indicators/{n}" + ("/code" if isinstance(one, Mapping) else "")
            return Breach({"code": str(code)}, (place,))
    return None


def small_number_public(q: GuardInput) -> Breach | None:
    """9 (access.md A3). In what the public reads small numbers are left out, as in figures."""
    if q.act.circulation == "INTERNAL":
        return None
    stated = [(f"/facts/indicators/{n}/value", one) for n, one in _figures(q)]
    for place, value in (*stated, ("/facts/number", q.facts.get("number"))):
        if isinstance(value, int) and 0 < value < SMALLEST:
            return Breach({"smallest": str(SMALLEST)}, (place,))
    return None


def _figures(q: GuardInput) -> Iterator[tuple[int, object]]:
    for n, one in enumerate(objects(q.facts.get("indicators"))):
        yield n, one.get("value")


def _indicators(edition: Edition) -> frozenset[str]:
    return frozenset(line["code"] for line in edition.acts.get("indicators", ()))


def regulation_by_issuer(q: GuardInput) -> Breach | None:
    """QĐ.1. Only the provincial committee issues or amends the regulation, and by a document."""
    if not reaches(q, [q.act.agency], "PPC", q.day):
        return Breach(pointers=("/agency",))
    return None if q.act.document is not None else Breach(pointers=("/document",))
