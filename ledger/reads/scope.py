"""Whose reads an officer is told of (access.md A11): by registry alone.

Their own, always. Of an agency, whoever supervises or audits it: what its officers read. All, the
auditors of an overseer of the lead's province. Nobody is told who read the cases of their agency:
an inspected agency does not see that it is read (D2).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from ledger.regulation.case.state import present_agency
from ledger.regulation.participation.members import overview
from ledger.regulation.participation.reach import OPENING
from ledger.regulation.registry.membership import posts
from ledger.regulation.registry.registry import Registry

_OF_AGENCY: Final = "agency/"
_AUDITOR: Final = "AUDITOR"
_SUPERVISOR: Final = "SUPERVISOR"


@dataclass(frozen=True, slots=True)
class ReadScope:
    """Of whose reads an officer is told beside their own.

    Attributes:
        overseeing: Overseers whose auditors they are: of everybody's reads, with tiles and
            checkpoints of the log.
        agencies: Of those of officers of these.
    """

    overseeing: frozenset[str]
    agencies: frozenset[str]

    @property
    def every(self) -> bool:
        """Whether of everybody's."""
        return bool(self.overseeing)

    def tells_of(self, officer: str, via: str, registry: Registry, day: date) -> bool:
        """Whether of what somebody else, in post on a day, read by an order or an opening."""
        held = {one.agency for one in registry.appointments(officer, day)}
        return self.every or not (held & for_whom(officer, via, registry, day)).isdisjoint(
            self.agencies
        )


def for_whom(officer: str, via: str, registry: Registry, day: date) -> frozenset[str]:
    """Agencies for which an officer reads by an order, an opening or a grant.

    The body that inspects, or that of whoever asked for the opening, and who carries on for it. By
    a grant (A7) it is the officer's own work, in every post of theirs.
    """
    found = [one for one in registry.grants(officer=officer) if one.act_id == via]
    if any(grant.act not in OPENING for grant in found):
        return frozenset(one.agency for one in registry.appointments(officer, day))
    bodies = {grant.body or grant.stream.removeprefix(_OF_AGENCY) for grant in found}
    return frozenset({*bodies, *(present_agency(registry, body, day) for body in bodies)})


def scope_of(officer: str, registry: Registry, day: date) -> ReadScope:
    """Whose reads an officer is told of on a day."""
    _, overseeing = overview(registry, day)
    found: dict[str, set[str]] = {_AUDITOR: set(), _SUPERVISOR: set()}
    for held in posts(officer, registry, day):
        for code, agencies in found.items():
            if registry.holds_code(code, held.agency, held.post, officer, day):
                agencies.add(held.agency)
    auditing = found[_AUDITOR]
    return ReadScope(frozenset(auditing & overseeing), frozenset(auditing | found[_SUPERVISOR]))
