"""Guards on sanctions: record, explanation, power of the post, limitation, complaint (G5, G6)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.reading import agency_of, filled, fmt_day, texts
from ledger.regulation.case.stand_ins import body_of, delegation_of, signed_on
from ledger.regulation.case.state import Entry, SubProcess
from ledger.regulation.guards.breach import Breach
from ledger.regulation.registry.clock_terms import term

PROVISION = ("instrument", "article", "clause", "point")
BANDS = ("NONE", "UP_TO_10M", "TO_30M", "TO_100M", "ABOVE_100M")


def _record(q: GuardInput) -> Entry | None:
    """The ViolationRecordMade that opened the sanction named."""
    return q.ref("sanction", "ViolationRecordMade")


def record_before_sanction(q: GuardInput) -> Breach | None:
    """G5 (sanctions law). First the record, then the proposal, then the decision."""
    sanction = q.stream.sub("sanction", str(q.facts.get("sanction")))
    if _record(q) is None or sanction is None:
        return Breach(pointers=("/facts/sanction",))
    decides = q.act.act == "SanctionDecided"
    return (
        Breach(pointers=("/facts/sanction",)) if decides and sanction.state != "PROPOSED" else None
    )


def one_sanction(q: GuardInput) -> Breach | None:
    """G5 (15/2012/QH13 Art. 3). One act of one subject is sanctioned once."""
    decides = q.act.act == "SanctionDecided"
    named = _record(q) if decides else None
    record = q.act if named is None else named.act
    if decides and q.facts.get("decision") != "SANCTION":
        return None
    for sub in q.stream.subs_in("sanction"):
        if sub.id == record.act_id or sub.state in ("DROPPED", "ANNULLED"):
            continue
        if _same_act(sub.opened_by.act.facts, record.facts):
            return Breach(pointers=("/facts/sanction" if decides else "/facts/subject",))
    return None


def _same_act(other: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    """Whether two records are of one act: same subject, same provision, not a later breach."""
    ended = str(facts.get("breach_ended_on", ""))
    later = ended > max(str(other.get("record_date", "")), str(other.get("breach_ended_on", "")))
    same = _overlap(other.get("provision"), facts.get("provision"))
    return other.get("subject") == facts.get("subject") and same and not later


def _overlap(one: object, other: object) -> bool:
    """Whether one provision is the other or a part of it: an article, its clause, its point."""
    if not (isinstance(one, Mapping) and isinstance(other, Mapping)):
        return one == other
    return all(one[m] == other[m] for m in PROVISION if m in one and m in other)


def explanation_window_over(q: GuardInput) -> Breach | None:
    """G5 (15/2012/QH13 Art. 61).

    Where the law opens an explanation, it was given and weighed, waived, or its time is over.
    """
    record = _record(q)
    if record is None or record.act.facts.get("explanation_open") is not True:
        return None
    if record.act.facts.get("explanation_waived") is True or _explained_then_proposed(q, record):
        return None
    # as the record says, else as the rule of that day gives it; a window without an end is not over
    window = term("EXPLANATION", record.act, q.registry)
    until = window.due if window is not None else None
    if until is not None and q.act.occurred_at > until:
        return None
    return Breach({"date": fmt_day(until.date()) if until else "—"}, ("/facts/sanction",))


def _explained_then_proposed(q: GuardInput, record: Entry) -> bool:
    steps = [
        e.act.act
        for e in q.stream.effective("ExplanationReceived", "SanctionProposed")
        if e.act.facts.get("sanction") == record.act.act_id
    ]
    explained = steps.index("ExplanationReceived") if "ExplanationReceived" in steps else len(steps)
    return "SanctionProposed" in steps[explained:]


def no_explanation_heard(q: GuardInput) -> Breach | None:
    """G5 (added).

    A decision with no explanation heard shows so, whether or not the law opened a window.
    """
    heard = any(
        e.act.facts.get("sanction") == q.facts.get("sanction")
        for e in q.stream.effective("ExplanationReceived")
    )
    return None if heard else Breach()


def no_sanction_after_criminal_referral(q: GuardInput) -> Breach | None:
    """G6 (15/2012/QH13 Art. 62, 63).

    What went to the investigating body is sanctioned only after its return.
    """
    own = str(q.facts.get("sanction"))
    sanction = q.stream.sub("sanction", own)
    stopped = sanction is not None and sanction.state == "TRANSFERRED"
    for referral in q.stream.subs_in("criminal_referral"):
        opened = referral.opened_by.act
        whole = opened.act == "CriminalReferralSent"
        took = stopped and own in opened.facts.get("sanction_stopped", ())
        if (whole or took) and not _returned(q, referral):
            return Breach(pointers=("/facts/sanction",))
    return None


def _returned(q: GuardInput, referral: SubProcess) -> bool:
    """Whether it came back for sanction, or was not opened and the case was taken up again."""
    if referral.state == "RETURNED_FOR_SANCTION":
        return True
    if referral.state != "NOT_OPENED":
        return False
    refused = next(e for e, state in reversed(referral.moves) if state == "NOT_OPENED")
    again = q.stream.last("CaseReopened", "ReviewDecided")
    order = q.stream.effective()
    return again is not None and order.index(again) > order.index(refused)


def sanction_power(q: GuardInput) -> Breach | None:
    """8.1.d.

    On that day the post of the approver, which is the decider's, had a sanction power up to the
    amount.
    """
    signer = q.act.approver
    article = q.facts.get("competence_article")
    breach = Breach({"date": fmt_day(q.day)}, ("/facts/decider_post",))
    if signer is None or signer.post != q.facts.get("decider_post"):
        return breach
    agency = agency_of(q, signer.officer, signer.post)
    limit = agency and q.registry.post_power("SANCTION", agency, signer.post, q.day)
    if not limit or not _within(q, limit):
        return breach
    if isinstance(article, dict) and q.registry.in_force(
        str(article.get("instrument")),
        q.day,
        article.get("article"),
        article.get("clause"),
        article.get("point"),
    ):
        return None
    return Breach({"date": fmt_day(q.day)}, ("/facts/competence_article",))


def sanction_power_v2(q: GuardInput) -> Breach | None:
    """8.1.d. As before; in a form that the post may impose, or by giao quyền of a post that may.

    Nobody sanctions by any other delegation (15/2012/QH13, article 54).
    """
    signer = q.act.approver
    if signer is None:
        return sanction_power(q)
    on = q.day if signer.instead_of is None else signed_on(q)
    given = delegation_of(q, signer, on)
    if signer.instead_of is None and given is None:
        agency = agency_of(q, signer.officer, signer.post)
        return sanction_power(q) or _formed(q, agency, signer.post, on)
    breach = Breach({"date": fmt_day(q.day)}, ("/facts/decider_post",))
    by_right = given is not None and given.capacity == "GQ"
    post = given.from_post if given is not None and by_right else signer.post
    agency = body_of(q, signer)
    limit = agency and q.registry.post_power("SANCTION", agency, post, on)
    if q.facts.get("decider_post") not in (signer.post, post) or not limit:
        return breach
    return _formed(q, agency, post, on) if _within(q, limit) and _cited(q) else breach


def _formed(q: GuardInput, agency: str | None, post: str, on: date) -> Breach | None:
    """Whether a line of the post covers every form that is imposed; one that names none does."""
    forms = {str(form) for form in texts(q.facts.get("forms"))}
    lines = q.registry.post_lines("SANCTION", agency or "", post, on)
    if any("forms" not in line or forms <= {*line["forms"]} for line in lines):
        return None
    return Breach({"date": fmt_day(q.day)}, ("/facts/forms",))


def _cited(q: GuardInput) -> bool:
    """Whether the provision that gives the power was in force."""
    article = q.facts.get("competence_article")
    return isinstance(article, dict) and q.registry.in_force(
        str(article.get("instrument")),
        q.day,
        article.get("article"),
        article.get("clause"),
        article.get("point"),
    )


def _within(q: GuardInput, up_to: str) -> bool:
    """Whether the band is covered; a fine that states no band is judged as the highest."""
    band = q.facts.get("amount_band")
    if band in (None, "NONE"):
        band = BANDS[-1] if "FINE" in q.facts.get("forms", ()) else "NONE"
    return up_to in BANDS and BANDS.index(str(band)) <= BANDS.index(up_to)


def limitation_passed(q: GuardInput) -> Breach | None:
    """Added (15/2012/QH13 Art. 6).

    A decision after the limitation period, or with no day to count it from, shows so.
    """
    record = _record(q)
    limitation = term("SANCTION_LIMITATION", record.act, q.registry) if record is not None else None
    end = limitation.due if limitation is not None else None
    return None if end is not None and q.act.occurred_at <= end else Breach()


def complaint_route_missing(q: GuardInput) -> Breach | None:
    """Added (regulation.md §9, rule 8).

    What restricts a person prints the way to complain and its time limit.
    """
    if q.act.act == "SanctionDecided" and q.facts.get("decision") != "SANCTION":
        return None
    printed = q.facts.get("complaint_route_printed") is not False
    return None if printed else Breach(pointers=("/facts/complaint_route_printed",))


def annulment_has_ground(q: GuardInput) -> Breach | None:
    """Added.

    A decision falls by a review that overturned or amended it, by a court, or by an error that is
    named.
    """
    ground = q.facts.get("ground")
    if ground == "OWN_ERROR":
        return None if filled(q.facts.get("reasons")) else Breach(pointers=("/facts/reasons",))
    review = q.ref("review", "ReviewOpened")
    if review is not None and (ground == "COURT" or _changed(q, review)):
        return None
    return Breach(pointers=("/facts/review",))


def _changed(q: GuardInput, review: Entry) -> bool:
    return any(
        e.act.facts.get("review") == review.act.act_id
        and e.act.facts.get("decision") in ("OVERTURNED", "AMENDED")
        for e in q.stream.effective("ReviewDecided")
    )
