"""Guards on the act by which a log goes on under another edition of its rules."""

from __future__ import annotations

from ledger.regulation.acts.adopted_edition import UnknownEdition, adopted
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.edition import Edition
from ledger.regulation.guards import edition_check
from ledger.regulation.guards.breach import Breach


def edition_follows(q: GuardInput) -> Breach | None:
    """Added. It was made from the edition in force, and is another."""
    base = q.registry.edition
    if q.facts.get("base") == base.digest and q.facts.get("digest") != base.digest:
        return None
    return Breach({"edition": base.name}, ("/facts/base",))


def edition_fits(q: GuardInput) -> Breach | None:
    """Added. The change fits, makes what it says, and leaves no line in use otherwise.

    An edition that does not know of adoption is followed by a shipped one only.
    """
    base = q.registry.edition
    if q.facts.get("change") is None or edition_follows(q) is not None:
        return None
    made = _adopted(q, base) if base.adopts else None
    if made is not None and not edition_check.faults(made, base, q.day_taken):
        return None
    return Breach({"edition": base.name}, ("/facts/change",))


def edition_known(q: GuardInput) -> Breach | None:
    """Added. Asked last: what it alone refuses stops an older program (`admission.replay`)."""
    if q.facts.get("change") is not None or edition_follows(q) is not None:
        return None
    if _adopted(q, q.registry.edition) is not None:
        return None
    return Breach({"edition": str(q.facts.get("edition"))}, ("/facts/digest",))


def _adopted(q: GuardInput, base: Edition) -> Edition | None:
    try:
        return adopted(q.act, base)
    except (UnknownEdition, ValueError):
        return None
