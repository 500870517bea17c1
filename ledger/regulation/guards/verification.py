"""Guards on verifying: a statute for asking, every limb tested, contrary evidence named."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from ledger.regulation.acts.lifecycle import OPEN_STATES
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.reading import day_of, filled, fmt_day, inherited, objects, time_of
from ledger.regulation.case.state import present_agency
from ledger.regulation.guards.breach import Breach
from ledger.regulation.registry.calendar import as_instant, local_day
from ledger.regulation.words import sentence

LIMBS = ("a", "b", "c")
#: Findings with which no limb of 3.3 can be met (regulation.md §8, rows 10-12 and 16).
NO_LIMB_MET = frozenset({
    "TRUE_NO_BREACH",
    "OPINION_NOT_FACT",
    "UNVERIFIABLE",
    "OUT_OF_SCOPE",
    "TRUE_BUT_BREACH",
})  # fmt: skip


def statutory_basis_for_request(q: GuardInput) -> Breach | None:
    """7.2.b ("theo quy định của pháp luật").

    Asking a person, or an organisation outside the registry, needs a statute.
    """
    person = q.facts.get("natural_person_asked") is True
    person = person or any(a.startswith("sealed:") for a in q.act.to)
    if not person and not _unregistered(q):
        return None
    law = any(
        b.role in ("COMPETENCE", "SUBSTANCE") and not q.registry.is_decision90(b.instrument)
        for b in q.act.basis
    )
    return None if law else Breach(pointers=("/basis",))


def _unregistered(q: GuardInput) -> bool:
    """Whether an organisation is asked that the registry does not know as an addressee."""
    named = q.facts.get("organisation")
    if not filled(named):
        return False
    return all(q.registry.name(a, q.day) != named for a in q.act.to)


def rights_notice(q: GuardInput) -> Breach | None:
    """Added.

    A natural person who is asked, and whoever a violation record names, is told their rights.
    """
    due = q.act.act == "ViolationRecordMade" or q.facts.get("natural_person_asked") is True
    if not due or q.facts.get("rights_notice") is True:
        return None
    return Breach(pointers=("/facts/rights_notice",))


def limbs_tested(q: GuardInput) -> Breach | None:
    """3.3.

    Each limb is tested once; one that is met names a provision in force when the content stood; all
    agree.
    """
    limbs = objects(q.facts.get("limbs"))
    if sorted(str(x.get("limb")) for x in limbs) != list(LIMBS):
        return Breach(pointers=("/facts/limbs",))
    met = [(n, x) for n, x in enumerate(limbs) if x.get("result") == "MET"]
    days = _content_days(q)
    unlawful = [n for n, x in met if not _in_force(q, x, days)]
    if unlawful:
        return Breach(pointers=tuple(f"/facts/limbs/{n}" for n in unlawful))
    finding = q.facts.get("finding")
    if finding in NO_LIMB_MET and met:
        return Breach(pointers=("/facts/finding",))
    if finding == "TRUE_BUT_BREACH" and not objects(q.facts.get("other_law")):
        return Breach(pointers=("/facts/other_law",))
    return None


def limbs_tested_v2(q: GuardInput) -> Breach | None:
    """3.3.

    Each limb is tested once; one that is met names a provision in force when the content stood, as
    the finding or the reopening says when that was; all agree.
    """
    limbs, plain = objects(q.facts.get("limbs")), {"law": ""}
    if sorted(str(x.get("limb")) for x in limbs) != list(LIMBS):
        return Breach(plain, ("/facts/limbs",))
    met = [(n, x) for n, x in enumerate(limbs) if x.get("result") == "MET"]
    days = _stated_days(q) or _content_days(q)
    unlawful = [(n, x) for n, x in met if not _in_force(q, x, days)]
    if unlawful:
        pointers = tuple(f"/facts/limbs/{n}" for n, _ in unlawful)
        return Breach(_not_then(unlawful[0][1], days), pointers)
    finding = q.facts.get("finding")
    if finding in NO_LIMB_MET and met:
        return Breach(plain, ("/facts/finding",))
    if finding == "TRUE_BUT_BREACH" and not objects(q.facts.get("other_law")):
        return Breach(plain, ("/facts/other_law",))
    return None


def days_of_content(q: GuardInput) -> list[date]:
    """When the content stood: as stated, else when it was seen or came in."""
    return _stated_days(q) or _content_days(q)


def _stated_days(q: GuardInput) -> list[date]:
    """First and last days of the content, as the finding states them, else the last reopening."""
    reopened = q.stream.last("CaseReopened")
    stated = objects(q.facts.get("content"))
    if not stated and reopened is not None:
        stated = objects(reopened.act.facts.get("content"))
    named = (day_of(one.get(member)) for one in stated for member in ("stood_from", "stood_to"))
    return [day for day in named if day is not None]


def _not_then(limb: Mapping[str, Any], days: list[date]) -> Mapping[str, str]:
    """Which law was not in force, and when; nothing where the limb names none."""
    if not filled(limb.get("instrument")):
        return {"law": ""}
    dates = ", ".join(fmt_day(day) for day in sorted(set(days)))
    said = {"instrument": str(limb["instrument"]), "dates": dates}
    law = sentence("law_of_content", said, said)
    return {"law": law.vi, "law_en": law.en}


def _content_days(q: GuardInput) -> list[date]:
    """Days on which the content was seen, else on which it came in, else the act's own."""
    seen = [
        t.date()
        for e in q.stream.intake
        for c in objects(e.act.facts.get("content"))
        if (t := time_of(c.get("seen_at"))) is not None
    ]
    return seen or [e.act.day for e in q.stream.intake] or [q.day]


def _in_force(q: GuardInput, limb: Mapping[str, Any], days: list[date]) -> bool:
    instrument, article = limb.get("instrument"), limb.get("article")
    if not filled(instrument) or not filled(article):
        return False
    clause, point = limb.get("clause"), limb.get("point")
    return any(q.registry.in_force(str(instrument), d, article, clause, point) for d in days)


def contrary_evidence(q: GuardInput) -> Breach | None:
    """Added (regulation.md §9, rule 4).

    Every finding has evidence, and names what speaks against it or that none was found.
    """
    if not objects(q.facts.get("evidence")):
        return Breach(pointers=("/facts/evidence",))
    against = bool(objects(q.facts.get("contrary_evidence")))
    none_found = q.facts.get("contrary_none_found") is True
    return None if against != none_found else Breach(pointers=("/facts/contrary_evidence",))


def request_open(q: GuardInput) -> Breach | None:
    """Added (7.2.b). What is reminded of or extended is one's own request, which still waits."""
    request = q.ref("request")
    sub = None if request is None else q.stream.subs.get(request.act.act_id)
    if request is None or sub is None:
        return Breach(pointers=("/facts/request",))
    state = q.stream.sub_state(sub, q.act.occurred_at, q.registry)
    own = q.act.agency in inherited(q, request.act.agency, request.act.day)
    if state not in OPEN_STATES[sub.name] or not own:
        return Breach(pointers=("/facts/request",))
    asked = {present_agency(q.registry, one, q.day) for one in request.act.to}
    return None if asked <= set(q.act.to) else Breach(pointers=("/to",))


def extension_later(q: GuardInput) -> Breach | None:
    """Added. An answer date that is extended lies behind the one that stands, and ahead."""
    request, until = q.ref("request"), time_of(q.facts.get("answer_by"))
    if request is None or until is None:
        return None
    before = [
        e.act.facts["answer_by"]
        for e in q.stream.effective("AnswerExtended")
        if e.act.facts.get("request") == request.act.act_id
    ]
    stands = before[-1] if before else request.act.facts.get("answer_by")
    due = None if stands is None else as_instant(stands)
    if until > q.act.occurred_at and (due is None or until > due):
        return None
    shown = "—" if due is None else fmt_day(local_day(due))
    return Breach({"date": shown}, ("/facts/answer_by",))


def reconsiders_standing(q: GuardInput) -> Breach | None:
    """Added (4.2). What is reconsidered is the finding that stands."""
    finding = q.stream.finding
    stands = finding is not None and q.facts.get("finding_ref") == finding.act.act_id
    return None if stands else Breach(pointers=("/facts/finding_ref",))


def supersedes_earlier_finding(q: GuardInput) -> Breach | None:
    """Added. Two findings never stand side by side: the later one names the one it replaces."""
    standing = q.stream.finding
    if standing is None or q.facts.get("supersedes") == standing.act.act_id:
        return None
    return Breach(pointers=("/facts/supersedes",))
