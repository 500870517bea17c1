"""Case roles: which agencies hold FINDER, HANDLER, ASKED … in a stream on a day.

acts.json, roles of kind case. Functions and posts are the registry's answer; here stand only the
roles that come from the acts of the stream itself, and the rule that an incoming answer may be
recorded by the agency that received it (acts.json, notes).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import Final

from ledger.regulation.acts.act import Act
from ledger.regulation.case.stand_ins import stand_ins_of
from ledger.regulation.case.state import Entry, StreamState, present_agency
from ledger.regulation.registry.registry import Registry

CASE_ROLES: Final = frozenset(
    {
        "FINDER",
        "HANDLER",
        "ASKED",
        "RECEIVER",
        "TEAM",
        "ISSUER",
        "SUPERIOR",
        "TAKES_PART",
        "COUNCIL",
        "NEXT_SIGNER",
    }
)
INCOMING: Final = ("Received", "Answered", "Accepted", "Acknowledged", "Given", "Reported")

#: Facts that name the act that somebody else issued and that is now complained about, reviewed or
#: put right.
_CONCERNED: Final = (
    "against",
    "earlier",
    "complaint",
    "review",
    "under_review",
    "acts_overturned",
    "sanction",
    "measure",
    "release",
    "corrected_act",
    "takedown",
)


def holds_case_role(
    code: str, act: Act, stream: StreamState, registry: Registry, day: date
) -> bool:
    """Whether the author holds this case role on that day.

    Args:
        code: One of CASE_ROLES.
        act: The act at hand; its author's agency and post are judged.
        stream: The fold before it.
        registry: For succession and parents.
        day: Day of occurred_at.
    """
    return _ROLES[code](act, stream, registry, day)


def may_record_incoming(act: Act, stream: StreamState, registry: Registry, day: date) -> bool:
    """Whether the author's agency received the answer this act records (acts.json, notes, who).

    It received it where the act is addressed to it, where it wrote the act that is answered, or
    where it holds the case.
    """
    if not act.act.endswith(INCOMING):
        return False
    if act.agency in act.to or act.agency == stream.handler(registry, day):
        return True
    return act.agency in _writers(_answered(act, stream), registry, day)


def _answered(act: Act, stream: StreamState) -> Iterator[Entry]:
    """The acts this one answers: by refers_to and by its references."""
    for named in (act.refers_to, *(v for v in act.facts.values() if isinstance(v, str))):
        entry = stream.get(named) if named is not None else None
        if entry is not None:
            yield entry


def _writers(entries: Iterator[Entry], registry: Registry, day: date) -> set[str]:
    return {present_agency(registry, e.act.agency, day) for e in entries}


def concerned(act: Act, stream: StreamState) -> list[Entry]:
    """The acts whose issuer is meant: those named, those behind them, those of a sanction named."""
    found: dict[str, Entry] = {}
    waiting = [act]
    while waiting:
        for named in _names(waiting.pop(), stream):
            entry = stream.get(named)
            if entry is not None and named not in found:
                found[named] = entry
                waiting.append(entry.act)
    return list(found.values())


def _names(act: Act, stream: StreamState) -> Iterator[str]:
    sanction = stream.sub("sanction", str(act.facts.get("sanction")))
    if sanction is not None:
        yield from (e.act.act_id for e, _ in sanction.moves if e.act.act == "SanctionDecided")
    for member in _CONCERNED:
        value = act.facts.get(member)
        if isinstance(value, str):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from (v for v in value if isinstance(v, str))
    if act.corrects is not None:
        yield act.corrects
    if act.refers_to is not None:
        yield act.refers_to


def issuers(act: Act, stream: StreamState, registry: Registry, day: date) -> set[str]:
    """Agencies that issued the acts concerned, as they are called on that day.

    Intake and complaints issue nothing.
    """
    silent = ("ComplaintReceived", "ComplaintAccepted", "ReviewOpened", "ReportReceived")
    return {
        present_agency(registry, e.act.agency, day)
        for e in concerned(act, stream)
        if e.act.act not in silent
    }


def agencies_of_role(
    code: str, act: Act, stream: StreamState, registry: Registry, day: date
) -> frozenset[str]:
    """Agencies that hold a case role on that day; empty for one that is held by a person."""
    find = _AGENCIES.get(code)
    return frozenset() if find is None else frozenset(find(act, stream, registry, day))


def _finders(_act: Act, stream: StreamState, registry: Registry, day: date) -> frozenset[str]:
    return stream.finders(registry, day)


def _handlers(_act: Act, stream: StreamState, registry: Registry, day: date) -> set[str]:
    handler = stream.handler(registry, day)
    return set() if handler is None else {handler}


def _those_asked(act: Act, stream: StreamState, registry: Registry, day: date) -> set[str]:
    request = stream.get(str(act.facts.get("request")))
    return set() if request is None else _present(request.act.to, registry, day)


def _receivers(act: Act, stream: StreamState, registry: Registry, day: date) -> set[str]:
    sent = stream.get(str(act.facts.get("referral")))
    told = act if sent is None else sent.act
    stated = (told.facts.get("competent_agency"), told.facts.get("to_agency"))
    named = {*(() if sent is None else told.to), *(a for a in stated if isinstance(a, str))}
    return _present(named, registry, day)


def _present(named: Iterable[str], registry: Registry, day: date) -> set[str]:
    return {present_agency(registry, a, day) for a in named if not a.startswith("sealed:")}


def _taking_part(_act: Act, stream: StreamState, registry: Registry, day: date) -> set[str]:
    """Agencies that wrote in the case, or were sent something in it."""
    named = {a for e in stream.effective() for a in (e.act.agency, *e.act.to)}
    return _present(named, registry, day)


def _council(act: Act, stream: StreamState, registry: Registry, day: date) -> set[str]:
    """Agencies of the members of the expert council that the case has, or that an act makes."""
    made = [e.act for e in stream.effective("ExpertCouncilEstablished")]
    made += [act] if act.act == "ExpertCouncilEstablished" else []
    members = (m for one in made[-1:] for m in one.facts.get("members", ()))
    named = (m.get("agency") for m in members if isinstance(m, Mapping))
    return _present((a for a in named if isinstance(a, str)), registry, day)


def _in_council(act: Act, stream: StreamState, registry: Registry, day: date) -> bool:
    return act.agency in _council(act, stream, registry, day)


def _takes_part(act: Act, stream: StreamState, registry: Registry, day: date) -> bool:
    return act.agency in _taking_part(act, stream, registry, day)


def _finder(act: Act, stream: StreamState, registry: Registry, day: date) -> bool:
    return act.agency in stream.finders(registry, day)


def _handler(act: Act, stream: StreamState, registry: Registry, day: date) -> bool:
    return act.agency == stream.handler(registry, day)


def _asked(act: Act, stream: StreamState, registry: Registry, day: date) -> bool:
    request = stream.get(str(act.facts.get("request")))
    return request is not None and act.agency in {
        present_agency(registry, a, day) for a in request.act.to
    }


def _receiver(act: Act, stream: StreamState, registry: Registry, day: date) -> bool:
    sent = stream.get(str(act.facts.get("referral")))
    if sent is None:
        return False
    named = {*sent.act.to, sent.act.facts.get("competent_agency")}
    return act.agency in {present_agency(registry, a, day) for a in named if isinstance(a, str)}


def _team(act: Act, stream: StreamState, registry: Registry, day: date) -> bool:
    named = act.facts.get("team")
    for sub in stream.subs_in("team"):
        if named is not None and sub.id != named:
            continue
        formed = sub.opened_by.act
        if act.post == formed.facts.get("head_post") and act.agency == present_agency(
            registry, formed.agency, day
        ):
            return True
    return False


def _issuer(act: Act, stream: StreamState, registry: Registry, day: date) -> bool:
    return act.agency in issuers(act, stream, registry, day)


def _superior(act: Act, stream: StreamState, registry: Registry, day: date) -> bool:
    return act.agency in _superiors(act, stream, registry, day)


def _superiors(act: Act, stream: StreamState, registry: Registry, day: date) -> set[str]:
    below = issuers(act, stream, registry, day)
    handler = stream.handler(registry, day)
    if handler is not None:
        below.add(handler)
    parents = (registry.parent(a) for a in below)
    return {present_agency(registry, p, day) for p in parents if p is not None}


def _next_signer(act: Act, stream: StreamState, registry: Registry, day: date) -> bool:
    pending = stream.pending.get(act.refers_to or "")
    if pending is None:
        return False
    if act.author.officer == pending.waiting_for[0].officer:
        return True
    return registry.edition.form > 1 and any(
        stand_ins_of(registry, pending, act.author.officer, day)
    )


_ROLES: Final[Mapping[str, Callable[[Act, StreamState, Registry, date], bool]]] = {
    "FINDER": _finder,
    "HANDLER": _handler,
    "ASKED": _asked,
    "RECEIVER": _receiver,
    "TEAM": _team,
    "ISSUER": _issuer,
    "SUPERIOR": _superior,
    "TAKES_PART": _takes_part,
    "COUNCIL": _in_council,
    "NEXT_SIGNER": _next_signer,
}
_AGENCIES: Final[Mapping[str, Callable[[Act, StreamState, Registry, date], Iterable[str]]]] = {
    "FINDER": _finders,
    "HANDLER": _handlers,
    "ASKED": _those_asked,
    "RECEIVER": _receivers,
    "ISSUER": issuers,
    "SUPERIOR": _superiors,
    "TAKES_PART": _taking_part,
    "COUNCIL": _council,
}
