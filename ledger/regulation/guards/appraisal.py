"""Guards on opinions: a media body on written request only, an expert who is no party (G8, G9)."""

from __future__ import annotations

from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.reading import filled, objects, share_a_person, signed_in_stream
from ledger.regulation.case.state import Entry
from ledger.regulation.guards.breach import Breach

MEDIA = "MEDIA"
#: Facts that hold the token of a reporter, an affected party or a complainant.
PARTY_TOKENS = ("reporter", "subject", "complainant", "person")


def media_needs_written_request(q: GuardInput) -> Breach | None:
    """G9; 8.6.b. A media body appraises only on a written request of a state body."""
    if q.act.act == "AppraisalRequested":
        asked = any(q.registry.holds(a, MEDIA, q.day) for a in q.act.to)
        written = q.facts.get("in_writing") is True and q.act.document is not None
        return Breach(pointers=("/document",)) if asked and not written else None
    spoke = str(q.facts.get("given_by") or q.act.agency)
    if not any(q.registry.holds(a, MEDIA, q.day) for a in (q.act.agency, spoke)):
        return None
    request = q.ref("request", "AppraisalRequested")
    if request is not None and _asked_in_writing(q, request, {spoke, q.act.agency}):
        return None
    return Breach(pointers=("/facts/request",))


def _asked_in_writing(q: GuardInput, request: Entry, bodies: set[str]) -> bool:
    act = request.act
    written = act.facts.get("in_writing") is True and act.document is not None
    return written and any(
        a in bodies or q.registry.successor(a, MEDIA, q.day) in bodies for a in act.to
    )


def request_or_meeting(q: GuardInput) -> Breach | None:
    """Added. An opinion hangs on the request for it, or on the meeting where it was given."""
    named = q.facts.get("request") or q.facts.get("meeting")
    return None if named else Breach(pointers=("/facts/request", "/facts/meeting"))


def expert_not_party(q: GuardInput) -> Breach | None:
    """G8 (added); 8.1.h.

    Conflicts are checked and there is none: no expert reported, complained, is affected or handles.
    """
    members = objects(q.facts.get("members"))
    if q.act.act == "ExpertCouncilEstablished":
        if q.facts.get("established") is not True:
            return None
        if not members:
            return Breach(pointers=("/facts/members",))
        checked = all(_unbiased(m) for m in members)
    else:
        checked = _unbiased(q.facts)
    officers = [str(m["officer"]) for m in members if filled(m.get("officer"))]
    if checked and not share_a_person(q, officers, signed_in_stream(q)) and not _is_party(q):
        return None
    return Breach(pointers=("/facts/members" if members else "/facts/expert",))


def _unbiased(said: object) -> bool:
    """Whether somebody's conflict of interest was looked for and not found."""
    member = said if hasattr(said, "get") else {}
    return member.get("conflict_checked") is True and member.get("conflict") is False


def _is_party(q: GuardInput) -> bool:
    """Whether the expert named is the agency that handles the case, or a party by token."""
    expert = q.facts.get("expert")
    if not filled(expert):
        return False
    if expert == q.stream.handler(q.registry, q.day):
        return True
    return any(
        e.act.facts.get(token) == expert for e in q.stream.effective() for token in PARTY_TOKENS
    )
