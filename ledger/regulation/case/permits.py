"""Permits to take a copy out of a case (access.md A23): whose, of what, until when, how many.

A permit is an act of the case and nothing else; whoever takes part reads by that, and takes nothing
away by it. How many copies have been handed out is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from ledger.errors import Rejected
from ledger.message import Message
from ledger.regulation.acts.json_shape import parse_time
from ledger.regulation.case.state import Entry, StreamState
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.registry import Registry

PERMITTING: Final = "ExportPermitted"
_REVOKING: Final = "ParticipationRevoked"
_MOST_NUMBER: Final = 128
"""Characters of a copy's number (formats.md §3); what is longer is cut."""
Standing = Literal["STANDS", "EXPIRED", "REVOKED"]


@dataclass(frozen=True, slots=True)
class Permit:
    """One permit.

    Attributes:
        act_id: The act.
        purpose: What for, as it says.
        officer: Who may take copies.
        agency: Of the post in which they may.
        post: That post.
        until: Its last instant.
        numbers: Of the copies, each once, in order.
        acts: The acts whose files it names; empty where it names none.
        redacted: Whether it asks that something be left out.
        return_by: By when copies are to be given back or destroyed, as it says.
        revoked: Whether it has been revoked.
    """

    act_id: str
    purpose: str
    officer: str
    agency: str
    post: str
    until: datetime
    numbers: tuple[str, ...]
    acts: tuple[str, ...]
    redacted: bool
    return_by: str | None
    revoked: bool

    def standing(self, at: datetime) -> Standing:
        """How it stands at an instant."""
        if self.revoked:
            return "REVOKED"
        return "STANDS" if at <= self.until else "EXPIRED"

    @property
    def covers_all(self) -> bool:
        """Whether it covers a case and all of its acts."""
        return not self.acts and not self.redacted

    def covers(self, act_id: str) -> bool:
        """Whether files of an act leave by it.

        A file leaves as it is or not at all. So where something is to be left out, it is only what
        the permit names: files that were made for that and listed by an act of their own.
        """
        return act_id in self.acts if self.acts or self.redacted else True


def permits(case: StreamState) -> list[Permit]:
    """Every permit of a case that has taken effect, in that order."""
    return [_permit(entry, case) for entry in case.effective(PERMITTING)]


def require_permit(
    case: StreamState,
    permit: str,
    *,
    officer: str,
    act_id: str | None,
    at: datetime,
    registry: Registry,
) -> Permit:
    """The permit by which an officer takes a file of an act, or a print, out of a case.

    Args:
        case: The case as it stands.
        permit: `act_id` of the permit that they name.
        officer: Who asks.
        act_id: The act that lists the file; None of a print, which holds the acts that the permit
            covers.
        at: The ledger's time.
        registry: Of that time.

    Raises:
        Rejected: `export_not_permitted`: no such permit of this case is theirs; the same whether
            it is another's or another case's. `permit_over`: theirs has ended.
    """
    entry = case.get(permit, PERMITTING)
    found = None if entry is None else _permit(entry, case)
    if found is None or found.officer != officer:
        raise Rejected(
            "export_not_permitted",
            Message("No permit of this case by that id is yours."),
        )
    day = local_day(at)
    if registry.appointment(officer, found.agency, found.post, day) is None:
        raise Rejected(
            "export_not_permitted",
            Message("The permit names you in a post that you do not hold today."),
        )
    if act_id is not None and not found.covers(act_id):
        raise Rejected(
            "export_not_permitted",
            Message("The permit does not name the act of this file."),
        )
    standing = found.standing(at)
    if standing == "REVOKED":
        raise Rejected("permit_over", Message("This permit has been revoked."))
    if standing == "EXPIRED":
        raise Rejected("permit_over", Message("The term of this permit is over."))
    return found


def _permit(entry: Entry, case: StreamState) -> Permit:
    facts: Mapping[str, Any] = entry.act.facts
    holder = facts["holder"]
    named = tuple(dict.fromkeys(no[:_MOST_NUMBER] for no in facts["copy_nos"]))
    return Permit(
        act_id=entry.act.act_id,
        purpose=facts["purpose"],
        officer=holder["officer"],
        agency=holder["agency"],
        post=holder["post"],
        until=parse_time(holder["until"]),
        numbers=named[: max(0, facts["copies"])],
        acts=tuple(facts.get("records", ())),
        redacted="redaction" in facts,
        return_by=facts.get("return_by"),
        revoked=any(
            one.act.facts.get("grant") == entry.act.act_id for one in case.effective(_REVOKING)
        ),
    )
