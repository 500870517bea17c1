"""Guards on what the public is told: verified or marked, corrected as widely, of real results."""

from __future__ import annotations

import re

from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.reading import filled, texts
from ledger.regulation.case.state import RESULTS
from ledger.regulation.guards.breach import Breach

#: A source that is a record: it has a number and a symbol (233/BV-CNTT), or says what it is.
_OFFICIAL = re.compile(
    r"\d+/[A-ZĐ]|công văn|văn bản|quyết định|biên bản|báo cáo|thông báo|kết luận|phiếu|công điện"
    r"|nghị quyết",
    re.IGNORECASE,
)
DURING_HANDLING = ("SanctionDecided", "InspectionConcluded", "TechnicalMeasureReported")


def unverified_statement(q: GuardInput) -> Breach | None:
    """4.2.

    What was said before it was verified shows so: if it proves wrong, the correction must reach as
    far.
    """
    if q.facts.get("verified") is not True:
        return Breach(pointers=("/facts/verified",))
    finding = q.stream.finding
    if finding is not None and finding.act.occurred_at <= q.act.occurred_at:
        return None
    recorded = any(_OFFICIAL.search(s) for s in texts(q.facts.get("sources")))
    return None if recorded else Breach(pointers=("/facts/sources",))


def reach_not_smaller(q: GuardInput) -> Breach | None:
    """Added (regulation.md §9, rule 9).

    A correction goes out on every channel of what it corrects.
    """
    if not any(filled(q.facts.get(m)) for m in ("release", "corrected_act", "press_item")):
        return Breach(pointers=("/facts/release", "/facts/corrected_act", "/facts/press_item"))
    channels = set(texts(q.facts.get("channels")))
    release = q.stream.get(str(q.facts.get("release")))
    first = set(texts(release.act.facts.get("channels"))) if release is not None else set()
    if q.facts.get("reach_not_smaller") is True and first <= channels:
        return None
    return Breach(pointers=("/facts/channels",))


def result_exists(q: GuardInput) -> Breach | None:
    """8.4.b, 9, 5.5. A result is notified or given to the press only when there is one."""
    if q.stream.last(*RESULTS, "CaseClosed") is not None:
        return None
    if q.act.act == "PressResultProvided":
        early = q.stream.state == "HANDLING" and q.stream.last(*DURING_HANDLING) is not None
        return None if early else Breach(pointers=("/act",))
    other = q.facts.get("kind") == "OTHER" and filled(q.facts.get("result_ref"))
    return None if other else Breach(pointers=("/facts/result_ref",))
