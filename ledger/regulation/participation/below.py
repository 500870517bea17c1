"""Who sees in a case above what was mirrored from below: whom a grant there names (access.md F13).

Nothing that stands below gives anybody anything above. A grant of a case above (A7) may name an act
of a lower log, and shows whoever it names the document which that act is of, while it runs.
"""

from __future__ import annotations

from ledger.regulation.acts.act import ORDINARY
from ledger.regulation.case.exclusions import shut_out
from ledger.regulation.participation.viewpoint import Viewpoint
from ledger.regulation.registry.grants import Grant, LowerAct
from ledger.regulation.registry.membership import posts


def acts_below(case: Viewpoint) -> list[LowerAct]:
    """Acts of lower logs that grants in a case name, each once, were they over."""
    return list(dict.fromkeys(one.below for one in _granting(case) if one.below is not None))


def shown_below(officer: str, case: Viewpoint) -> dict[LowerAct, Grant]:
    """Acts of lower logs by which a case shows an officer what they are of, each by which grant."""
    if not posts(officer, case.registry, case.day):
        return {}
    if shut_out(officer, case.fold, case.registry, case.at) is not None:
        return {}
    return {
        one.below: one
        for one in _granting(case)
        if one.below is not None and one.officer == officer
        if one.revoked_at is None and one.starts_at <= case.at < one.until
    }


def _granting(case: Viewpoint) -> list[Grant]:
    if case.level == ORDINARY:
        return []
    return [one for one in case.registry.grants(stream=case.fold.name) if one.below is not None]
