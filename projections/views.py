"""The tuple of views: one name here, one file and one DDL file of that name."""

from __future__ import annotations

from typing import Final

from projections.case_file import CaseFiles
from projections.statistics import Statistics
from projections.timeline import Acts
from projections.view import View
from projections.worklist import Worklist

VIEWS: Final[tuple[View, ...]] = (
    Acts(),
    CaseFiles(),
    Worklist(),
    Statistics(),
)
