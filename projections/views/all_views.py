"""The tuple of views: one name here, one file and one DDL file of that name."""

from __future__ import annotations

from typing import Final

from projections.views.acts import Acts
from projections.views.audience import Audience
from projections.views.base import View
from projections.views.case_file import CaseFiles
from projections.views.public_acts import PublicActs
from projections.views.statistics.view import Statistics
from projections.views.worklist import Worklist

VIEWS: Final[tuple[View, ...]] = (
    Audience(),
    Acts(),
    CaseFiles(),
    Worklist(),
    Statistics(),
    PublicActs(),
)
