"""What others ask of a case before they touch it: open reviews, and who has taken part.

Views answer it from what was projected and an audit from what it has replayed, by one rule
(`ledger.regulation.case.other_cases_port.Cases`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from ledger.regulation.case.clocks import running
from ledger.regulation.case.state import WITHDRAWAL, Entry, StreamState
from ledger.regulation.registry.registry import Registry

_CLOCKS: Final = ("COMPLAINT_", "REVIEW_")
_NO_PART: Final = frozenset({"VerificationSignedOff", "ActReturned", WITHDRAWAL})
_SUBS: Final = frozenset({"complaint", "review"})


def open_reviews(stream: StreamState, registry: Registry, at: datetime) -> list[str]:
    """Complaint, review and complaint-window clocks and sub-processes that run at an instant."""
    codes = (run.code for run in running(stream, registry, at))
    clocks = [c for c in codes if c.startswith(_CLOCKS) and c != "REVIEW_MEASURE"]
    subs = stream.open_subs(at, registry)
    return [*clocks, *(sub.name for sub, _ in subs if sub.name in _SUBS)]


def signers(stream: StreamState) -> list[str]:
    """Officers who signed an effective act, each once; whoever signs off a check takes no part."""
    return list(dict.fromkeys(o for e in stream.effective() if _works(e) for o in e.signed_by()))


def took_part(officer: str, stream: StreamState, registry: Registry) -> bool:
    """Whether an officer, by whatever id, ever signed in a case: also what waits or came back.

    Signing off a check, and giving back what waited, is no part taken (access.md S7).
    """
    signed = {o for e in stream.entries.values() if _works(e) for o in e.signed_by()}
    return any(registry.same_person(officer, one) for one in signed)


def _works(entry: Entry) -> bool:
    return entry.act.act not in _NO_PART
