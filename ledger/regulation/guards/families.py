"""The modules that hold guards, by family; `table.py` looks each guard up in them by its name."""

from __future__ import annotations

from types import ModuleType
from typing import Final

from ledger.regulation.guards import (
    appraisal,
    basis,
    closing,
    custody,
    editions,
    exclusion,
    form,
    grants,
    handling,
    intake,
    life,
    measures,
    programme,
    public,
    recovery,
    referral,
    registry_acts,
    registry_day,
    review,
    sanction,
    secrecy,
    separation,
    signers,
    time_order,
    verification,
    wording,
)

FAMILIES: Final[tuple[ModuleType, ...]] = (
    appraisal,
    basis,
    closing,
    custody,
    editions,
    exclusion,
    form,
    grants,
    handling,
    intake,
    life,
    measures,
    programme,
    public,
    recovery,
    referral,
    registry_acts,
    registry_day,
    review,
    sanction,
    secrecy,
    separation,
    signers,
    time_order,
    verification,
    wording,
)
