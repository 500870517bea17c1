"""Codes that whoever reads may ask by: of states, outcomes, acts, flags and figures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from api.cli.terminal.codes import Code
from ledger.regulation.acts.catalogue import load
from ledger.regulation.acts.lifecycle import life_cycle
from ledger.regulation.case_file.flags import DISPUTED
from ledger.regulation.edition import load_edition
from ledger.regulation.words import vocabulary
from projections.views.statistics.indicators import OF_ACTS


def _flags() -> Iterable[str]:
    raised = (one["code"] for one in load_edition().guards["guards"] if one["kind"] == "flag")
    return (*raised, DISPUTED)


STATE: Final = Code("state", lambda: life_cycle().labels)
OUTCOME: Final = Code(None, lambda: vocabulary("outcomes"))
ACT: Final = Code("act", lambda: load().types)
FLAG: Final = Code("guard", _flags)
FIGURE: Final = Code(None, lambda: OF_ACTS)
