"""Guards on handing a case over: both sides sign, and no running clock is left out."""

from __future__ import annotations

from ledger.regulation.case.clocks import running
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.reading import inherited, objects
from ledger.regulation.guards.breach import Breach


def handover_both_sign(q: GuardInput) -> Breach | None:
    """Added.

    The giver, who holds the case, and the receiver both sign; for a giver that has ended, its
    successor does.
    """
    giver, receiver = str(q.facts.get("from_agency")), str(q.facts.get("to_agency"))
    ended = not q.registry.exists(giver, q.day)
    held = q.stream.handler(q.registry, q.day)
    if ended:
        gives = q.facts.get("ground") == "SUCCESSION" and q.act.agency in _heirs(q, giver)
        holds = q.stream.handler_raw == giver or held == q.act.agency
    else:
        gives = q.act.agency == giver
        holds = held == giver
    takers = [s for s in q.act.signers if s.role == "APPROVER"]
    takes = bool(takers) and all(
        q.registry.appointment(s.officer, receiver, s.post, q.day) is not None for s in takers
    )
    if gives and holds and takes:
        return None
    return Breach(pointers=("/signers", "/facts/from_agency", "/facts/to_agency"))


def _heirs(q: GuardInput, agency: str) -> set[str]:
    """Agencies that took over a function of one that has ended."""
    known = q.registry.agency(agency)
    last = known.valid_to if known is not None else None
    if last is None:
        return set()
    return inherited(q, agency, last) - {agency}


def open_clocks_listed(q: GuardInput) -> Breach | None:
    """Added. The receiver is told every clock of the case that runs on that day."""
    listed = {c.get("clock") for c in objects(q.facts.get("open_clocks"))}
    codes = {c.code for c in running(q.stream, q.registry, q.act.occurred_at, q.cases)}
    missing = sorted(codes - listed)
    return Breach({"clocks": ", ".join(missing)}, ("/facts/open_clocks",)) if missing else None
