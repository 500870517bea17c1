"""Guards on complaints, reviews, corrections: ground, another decider, no edits (G8, G13)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ledger.regulation.acts.act import Act, fits_form
from ledger.regulation.acts.catalogue import ActType
from ledger.regulation.case.corrections import (
    COMPLETED,
    MEMBER_MARKS,
    completed_in,
    corrected,
    member_of,
    parties,
    path_of,
    value_at,
)
from ledger.regulation.case.counted_reports import CHANGED, changes_result, last_change, unrestated
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.reading import (
    filled,
    inherited,
    named_as,
    share_a_person,
    term_end,
    texts,
    time_of,
)
from ledger.regulation.case.roles import issuers
from ledger.regulation.case.stand_ins import answerable
from ledger.regulation.case.state import Entry, present_agency
from ledger.regulation.guards.breach import Breach
from ledger.regulation.guards.registry_day import author_is, not_below
from ledger.regulation.registry.clock_terms import term
from ledger.regulation.words import vocabulary

#: All that a document about a denunciation may say of it.
_DENUNCIATION = re.compile(
    r"^\W*((về|việc|v/v|chuyển|gửi|phiếu|công văn|văn bản|đơn|thư|tố cáo|theo|đến|tới|để|có"
    r"|cơ quan|thẩm quyền|xem xét|giải quyết|xử lý)\b\W*)*$",
    re.IGNORECASE,
)
DENUNCIATION_FACTS = frozenset({"routed_number", "routed_on", "to_body"})
LIVE: Final = ("RECEIVED", "ACCEPTED")
"""States in which a complaint waits for its decision."""
_ABOVE: Final = ("SUPERIOR", "COMPLAINTS_BODY")
_HEARING: Final = ("ISSUER", *_ABOVE)
"""Who hears a complaint; a second one those above alone."""


def complaint_late(q: GuardInput) -> Breach | None:
    """Added (02/2011/QH13 Art. 9, 33).

    A complaint after the time limit is taken all the same and shows so.
    """
    second = q.facts.get("instance") == "SECOND"
    against = q.ref("earlier", "ReviewDecided") if second else None
    against = against or q.stream.get(str(q.facts.get("against")))
    received = time_of(q.facts.get("received_at"))
    if against is None or received is None:
        return None
    code = "COMPLAINT_LODGE_SECOND" if second else "COMPLAINT_LODGE"
    end = term_end(q, code, against.act.occurred_at)
    late = end is not None and received > end
    return Breach(pointers=("/facts/received_at",)) if late else None


def complaint_late_v2(q: GuardInput) -> Breach | None:
    """Added (02/2011/QH13 Art. 9, 33).

    As `complaint_late`; how long the time is says the rule of the day on which it began, as the
    clock does that the case shows: a rule that is set meanwhile changes none that runs.
    """
    second = q.facts.get("instance") == "SECOND"
    against = q.ref("earlier", "ReviewDecided") if second else None
    against = against or q.stream.get(str(q.facts.get("against")))
    received = time_of(q.facts.get("received_at"))
    if against is None or received is None:
        return None
    code = "COMPLAINT_LODGE_SECOND" if second else "COMPLAINT_LODGE"
    stated = term(code, against.act, q.registry)
    late = stated is not None and stated.due is not None and received > stated.due
    return Breach(pointers=("/facts/received_at",)) if late else None


def first_once(q: GuardInput) -> Breach | None:
    """4.3; G8 (02/2011/QH13 Art. 7). A complaint that was decided is no first one again.

    Nor is one against the decision on a complaint: or whoever issued what is complained about would
    decide again, where it is their superior's turn.
    """
    if q.facts.get("instance") != "FIRST":
        return None
    against, by = str(q.facts.get("against")), q.facts.get("complainant")
    for complaint, decision in _decided(q):
        facts = complaint.act.facts
        the_same = facts["against"] == against and facts["complainant"] == by
        if the_same or against == decision.act.act_id:
            return Breach(pointers=("/facts/instance",))
    return None


def _decided(q: GuardInput) -> Iterator[tuple[Entry, Entry]]:
    """Complaints that were decided, each with the decision.

    By a review that rested on one also where its decision did not name it, as edition 1 let it.
    """
    for decision in q.stream.effective("ReviewDecided"):
        complaint = _complaint_of(q, q.stream.get(str(decision.act.facts.get("review"))))
        if complaint is not None:
            yield complaint, decision
    for sub in q.stream.subs_in("complaint"):
        yield from ((sub.opened_by, entry) for entry, state in sub.moves if state == "DECIDED")


def review_decided_by(q: GuardInput) -> Breach | None:
    """4.3; G8 (added). Who holds the case decides no review by that, but ends one that is empty.

    What somebody issued is reviewed by them, whoever is above them, or who hears complaints. Where
    the log has none of these, and the complaint has gone to court, the case would stay under review
    for ever. Nor does whoever received a complaint take it up or turn it away by that: they enter
    that it was withdrawn, or went to court; and that it is not accepted, where the log has nobody
    who hears it: nobody else could answer.
    """
    if any(author_is(q, code) for code in _HEARING):
        return None
    answer = q.facts.get("answer")
    if answer in ("WITHDRAWN", "TO_COURT") or _only_ends(q):
        return None
    if answer == "NOT_ACCEPTED" and not not_below(q, _HEARING):
        return None
    return Breach({"agency": q.registry.name(q.act.agency, q.day)}, ("/agency",))


def _only_ends(q: GuardInput) -> bool:
    """Whether nothing is decided: inadmissible, of one's own motion or with nobody who waits."""
    review = q.ref("review", "ReviewOpened")
    if review is None or q.facts.get("decision") != "INADMISSIBLE":
        return False
    if review.act.facts.get("ground") != "COMPLAINT":
        return bool(review.act.facts.get("ground") == "OWN_FINDING")
    sub = q.stream.sub("complaint", str(review.act.facts.get("complaint")))
    return sub is not None and sub.state not in LIVE


def decides_its_complaint(q: GuardInput) -> Breach | None:
    """4.3; G8 (02/2011/QH13 Art. 7). What is decided ends the complaint about it, and no other.

    A complaint about something else would be over without anybody having looked at it; and one
    that is left out would be decided again.
    """
    named = q.facts.get("complaint")
    if q.act.act == "MeasureReviewed":
        complaint = q.ref("complaint", "ComplaintReceived")
        if complaint is None:
            return None  # none is named, or REFERS_TO_OTHER_CASE answers
        against = q.stream.get(str(complaint.act.facts["against"]))
        measure = q.facts.get("measure")
        fits = against is not None and measure in (
            against.act.act_id,
            against.act.facts.get("measure"),
        )
    else:
        own = _complaint(q)
        sub = None if own is None else q.stream.sub("complaint", own.act.act_id)
        waits = sub is not None and sub.state in LIVE
        fits = not waits if named is None else own is not None and named == own.act.act_id
    return None if fits else Breach(pointers=("/facts/complaint",))


def review_has_ground(q: GuardInput) -> Breach | None:
    """Added.

    A review rests on a live complaint, a numbered order, or a reason of one's own, and says where
    it began.
    """
    if q.facts.get("opened_from") != q.stream.state:
        return Breach(pointers=("/facts/opened_from",))
    ground = q.facts.get("ground")
    if ground == "COMPLAINT":
        complaint = q.stream.sub("complaint", str(q.facts.get("complaint")))
        live = complaint is not None and complaint.state in ("RECEIVED", "ACCEPTED")
        return None if live else Breach(pointers=("/facts/complaint",))
    member = "reasons" if ground == "OWN_FINDING" else "order_number"
    return None if filled(q.facts.get(member)) else Breach(pointers=(f"/facts/{member}",))


def review_disposition(q: GuardInput) -> Breach | None:
    """Added.

    The branch is the decision itself, or back to handling where the case had no result yet.
    """
    branch, decision = q.act.disposition, str(q.facts.get("decision"))
    review = q.ref("review", "ReviewOpened")
    from_handling = review is not None and review.act.facts.get("opened_from") == "HANDLING"
    no_result = q.stream.result is None
    if branch == "resumed":
        fits = from_handling and no_result and decision != "REMANDED"
    else:
        fits = branch == decision.lower()
    if not fits:
        return Breach(pointers=("/disposition",))
    stated = q.facts.get("outcome")
    if no_result and branch in ("upheld", "amended", "inadmissible") and not stated:
        return Breach(pointers=("/facts/outcome",))
    if decision in CHANGED and not texts(q.facts.get("acts_overturned")):
        return Breach(pointers=("/facts/acts_overturned",))
    wrong = branch == "overturned" and stated not in (None, "OVERTURNED")
    return Breach(pointers=("/facts/outcome",)) if wrong else None


def _under_review(q: GuardInput) -> list[Entry]:
    """The acts that the review named by this decision looks at."""
    review = q.ref("review", "ReviewOpened")
    named = texts(review.act.facts.get("under_review")) if review is not None else []
    return [e for i in named if (e := q.stream.get(i)) is not None]


def same_decider(q: GuardInput) -> Breach | None:
    """G8 (added).

    At first instance the law sends a complaint to the issuer; that the same person decided is
    shown.
    """
    deciders = [
        o for e in _under_review(q) for o in (e.signed_by("APPROVER") or e.signed_by("AUTHOR"))
    ]
    same = share_a_person(q, named_as(q, "APPROVER"), deciders)
    return Breach(pointers=("/signers",)) if same else None


def own_review_other_decider(q: GuardInput) -> Breach | None:
    """G8 (added).

    A review of one's own, of second instance or after a court is decided by others.
    """
    if q.facts.get("instance") not in ("OWN", "SECOND", "COURT"):
        return None
    before = [o for e in _under_review(q) for o in e.signed_by()]
    same = share_a_person(q, named_as(q, "APPROVER", "CHECKER"), before)
    return Breach(pointers=("/signers",)) if same else None


def same_decider_v2(q: GuardInput) -> Breach | None:
    """G8 (added). So is that of whoever lent the power to sign what is reviewed."""
    deciders = [
        o
        for e in _decided_about(q)
        for o in answerable(q, e, "APPROVER" if e.signed_by("APPROVER") else "AUTHOR")
    ]
    same = share_a_person(q, named_as(q, "APPROVER"), deciders)
    return Breach(pointers=("/signers",)) if same else None


def own_review_other_decider_v2(q: GuardInput) -> Breach | None:
    """G8 (added).

    A review of one's own, of second instance or after a court is decided neither by whoever signed
    what is under review nor by whoever lent the power to sign it.
    """
    if q.facts.get("instance") not in ("OWN", "SECOND", "COURT"):
        return None
    before = [o for e in _decided_about(q) for o in answerable(q, e)]
    same = share_a_person(q, named_as(q, "APPROVER", "CHECKER"), before)
    return Breach(pointers=("/signers",)) if same else None


def _decided_about(q: GuardInput) -> list[Entry]:
    """The acts that a decision is about, whether or not who opened the review named them.

    Also what is complained about, what was decided about that before, and what is overturned.
    """
    complaint = _complaint(q)
    facts = {} if complaint is None else complaint.act.facts
    named = [*texts(q.facts.get("acts_overturned")), facts.get("against"), facts.get("earlier")]
    more = (q.stream.get(str(one)) for one in named)
    return [*_under_review(q), *(entry for entry in more if entry is not None)]


def _complaint(q: GuardInput) -> Entry | None:
    """The complaint on which the review that is decided rests; None: it rests on none."""
    return _complaint_of(q, q.ref("review", "ReviewOpened"))


def _complaint_of(q: GuardInput, review: Entry | None) -> Entry | None:
    """The complaint on which a review rests; None: it rests on none, or is none."""
    if review is None or review.act.facts.get("ground") != "COMPLAINT":
        return None
    return q.stream.get(str(review.act.facts.get("complaint")), "ComplaintReceived")


def second_by_another(q: GuardInput) -> Breach | None:
    """4.3; G8 (02/2011/QH13 Art. 7). A second complaint goes to somebody else than the first did.

    Neither who issued what is complained about decides it, nor who decided it at first instance,
    nor do they turn it away or end it by reviewing a measure; and it is not called a first one. Nor
    is what nobody complained about: whoever took a decision hears a first complaint about it, and
    nothing else. Where the log has nobody else (a ministry has nobody above: its first decision
    goes to court), they say that it is not accepted.
    """
    told = {"agency": q.registry.name(q.act.agency, q.day)}
    if q.act.act == "ReviewDecided":
        complaint, instance = _complaint(q), q.facts.get("instance")
        if complaint is None:
            return Breach(told, ("/facts/instance",)) if instance in ("FIRST", "SECOND") else None
        if instance != complaint.act.facts.get("instance"):
            return Breach(told, ("/facts/instance",))
    else:
        complaint = q.ref("complaint", "ComplaintReceived")
        if complaint is None or q.facts.get("answer", "NOT_ACCEPTED") != "NOT_ACCEPTED":
            return None
    if complaint.act.facts.get("instance") != "SECOND" or _only_ends(q):
        return None
    before = issuers(q.act, q.stream, q.registry, q.day) | {
        present_agency(q.registry, e.act.agency, q.day)
        for e in (
            *(e for e in q.stream.effective("ReviewDecided") if e.act.facts["instance"] == "FIRST"),
            *(e for c, e in _decided(q) if c.act.facts["instance"] == "FIRST"),
        )
    }
    if q.act.agency not in before:
        return None
    alone = q.act.act == "ComplaintAccepted" and not not_below(q, _ABOVE) - before
    return None if alone else Breach(told, ("/agency",))


def statistics_restated(q: GuardInput) -> Breach | None:
    """9.

    A case that was counted and then overturned, amended or annulled shows until the report is
    restated.
    """
    if changes_result(q.act):
        return Breach() if unrestated(q.stream, q.cases, None) else None
    change = last_change(q.stream) if q.act.act == "CaseClosed" else None
    wrong = change is not None and unrestated(q.stream, q.cases, change)
    return Breach() if wrong else None


def denunciation_no_content(q: GuardInput) -> Breach | None:
    """Added (25/2018/QH14).

    What a denunciation says stays in its own channel; here only number, day and receiver.
    """
    if q.act.attachments:
        return Breach(pointers=("/attachments",))
    abstract = str(q.act.document.get("abstract", "")) if q.act.document is not None else ""
    if not _DENUNCIATION.match(abstract):
        return Breach(pointers=("/document/abstract",))
    more = sorted(set(q.facts) - DENUNCIATION_FACTS - {"seen", "low_ref"})
    return Breach(pointers=tuple(f"/facts/{m}" for m in more)) if more else None


def corrects_named(q: GuardInput) -> Breach | None:
    """G13 (added).

    A correction names an entry of this stream that the author's agency wrote, holds or has
    inherited.
    """
    entry = q.stream.get(q.act.corrects) if q.act.corrects is not None else None
    if entry is None:
        return Breach(pointers=("/corrects",))
    writer, own = entry.act.agency, q.act.agency
    if own in (writer, q.stream.handler(q.registry, q.day)):
        return None
    taken_over = own in inherited(q, writer, entry.act.day)
    return None if taken_over else Breach(pointers=("/corrects",))


def mark_needs_member(q: GuardInput) -> Breach | None:
    """Added.

    An error names the member, what stood and what is right; a confirmation brings its document.
    """
    mark = q.facts.get("mark")
    entry = q.stream.get(q.act.corrects) if q.act.corrects is not None else None
    if mark in MEMBER_MARKS:
        missing = [m for m in ("member", "was", "now") if not filled(q.facts.get(m))]
        if missing:
            return Breach(pointers=tuple(f"/facts/{m}" for m in missing))
        return None if entry is not None and _stood(q, entry) else Breach(pointers=("/facts/was",))
    if mark == "WRITTEN_CONFIRMATION":
        proof = q.act.document is not None or q.act.attachments
        return None if proof else Breach(pointers=("/document", "/attachments"))
    if mark == "STUB_OPENED":
        stub = entry is not None and entry.act.act == "StubReleased"
        return None if stub else Breach(pointers=("/corrects",))
    return None


def mark_needs_member_v2(q: GuardInput) -> Breach | None:
    """Added. As before; what was left out names the member and says it, and nothing stood there."""
    if q.facts.get("mark") != COMPLETED:
        return mark_needs_member(q)
    missing = [m for m in ("member", "now") if not filled(q.facts.get(m))]
    if missing or filled(q.facts.get("was")):
        return Breach(pointers=tuple(f"/facts/{m}" for m in missing or ("was",)))
    return None


def member_correctable(q: GuardInput) -> Breach | None:
    """G13 (added).

    What is put right is a member that the act type lets be, by whom it lets, and as its form asks;
    what is found, decided, held or counted is reconsidered, never corrected.
    """
    entry = q.stream.get(q.act.corrects) if q.act.corrects is not None else None
    found = None if entry is None else _member_named(q, entry)
    if entry is None or found is None:
        return None
    path, may = found
    standing = _standing_of(q, entry)
    if not may & standing:
        return Breach(_correctable_words(q, entry, path, standing), ("/facts/member",))
    made = corrected(entry.act, q.act, q.edition)
    if made is not None and _fits(made, q.catalogue.type(made.act, made.form), q.level):
        return None
    return Breach(_correctable_words(q, entry, path, standing), ("/facts/now",))


def _member_named(q: GuardInput, entry: Entry) -> tuple[tuple[str, ...], frozenset[str]] | None:
    """The member that a correction puts right or says, and who may; None: it does neither."""
    kind, member = q.catalogue.types.get(entry.act.act), str(q.facts.get("member"))
    mark = q.facts.get("mark")
    if kind is None or mark not in {*MEMBER_MARKS, COMPLETED}:
        return None
    if mark == COMPLETED:
        left_out = completed_in(kind, entry.act, member)
        if left_out is not None:
            return left_out, kind.completable[left_out]
        named = path_of(member)
        return ("facts", *named) if named[:1] and named[0] in kind.facts else named, frozenset()
    path = member_of(entry.act, member)
    return None if path is None else (path, parties(kind, path))


def _fits(made: Act, kind: ActType, level: str) -> bool:
    """Whether an act that was put right is still one of its form."""
    return fits_form(made.members, level) and not kind.check(made.facts, level)


def _correctable_words(
    q: GuardInput, entry: Entry, path: Sequence[str], standing: set[str]
) -> dict[str, str]:
    """What is not to be corrected, what may be, and by what else the substance is changed."""
    kind = q.catalogue.types[entry.act.act]
    mine = [p for p, who in kind.correctable.items() if who & standing]
    there = [p for p in mine if value_at(entry.act.members, p[:1]) is not None]
    other = q.catalogue.types.get(kind.reconsidered_by or "")
    instead = vocabulary("sentences")["nothing_else" if other is None else "reconsider"]
    nothing = vocabulary("sentences")["nothing"]
    return {
        "member": _label(kind, path, "vi"),
        "member_en": _label(kind, path, "en"),
        "act": kind.vi,
        "act_en": kind.en,
        "may": "; ".join(_label(kind, p, "vi") for p in there) or nothing.vi,
        "may_en": "; ".join(_label(kind, p, "en") for p in there) or nothing.en,
        "instead": instead.vi.format(other="" if other is None else other.vi),
        "instead_en": instead.en.format(other="" if other is None else other.en),
    }


def _label(kind: ActType, path: Sequence[str], language: str) -> str:
    """What a member is called, from outside in."""
    if path[:1] != ("facts",):
        words = vocabulary("members")
        return " / ".join(getattr(words[s], language) if s in words else s for s in path)
    told: list[str] = []
    fields: Mapping[str, Any] = kind.facts
    for step in path[1:]:
        spec = fields.get(step)
        if spec is not None:
            told.append(spec[language])
            fields = spec.get("fields", {})
    return " / ".join(told)


def _standing_of(q: GuardInput, entry: Entry) -> set[str]:
    """Whether the author's agency wrote the act, or carries on for who did, and holds the case."""
    writer = q.act.agency in inherited(q, entry.act.agency, entry.act.day)
    handler = q.act.agency == q.stream.handler(q.registry, q.day)
    return {code for code, is_so in (("WRITER", writer), ("HANDLER", handler)) if is_so}


def _stood(q: GuardInput, entry: Entry) -> bool:
    """Whether the member exists and holds what the correction quotes, earlier ones applied."""
    member, was = path_of(str(q.facts["member"])), q.facts["was"]
    found = value_at(entry.act.members, member)
    if found is None:
        member = ("facts", *member)
        found = value_at(entry.act.members, member)
    if found is None:
        return False
    stands = _as_text(found)
    for later in q.stream.corrected_by(entry.act.act_id):
        facts = later.act.facts
        same = facts.get("mark") in MEMBER_MARKS and path_of(str(facts.get("member"))) in (
            member,
            member[1:],
        )
        stands = str(facts.get("now")) if same else stands
    return bool(stands == was)


def _as_text(value: object) -> str:
    """A JSON value as a correction quotes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ", ".join(_as_text(v) for v in value)
    return str(value)
