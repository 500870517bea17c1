"""The modules that hold guards, by family; `table.py` looks each guard up in them by its name."""

from __future__ import annotations

from types import ModuleType
from typing import Final

from ledger.regulation.guards import (
    appraisal,
    basis,
    custody,
    form,
    handling,
    intake,
    life,
    measures,
    programme,
    public,
    referral,
    registry_day,
    review,
    sanction,
    signers,
    time_order,
    verification,
    wording,
)

FAMILIES: Final[tuple[ModuleType, ...]] = (
    form, registry_day, signers, time_order, wording, life, basis, intake, measures, verification, appraisal, handling,
    sanction, referral, public, review, custody, programme,
)  # fmt: skip
