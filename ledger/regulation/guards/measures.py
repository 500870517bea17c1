"""Guards on what restricts: finding or review date, the note of 4.2, the lead (G4, G10)."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final

from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.places import lead, reaches
from ledger.regulation.case.reading import (
    SHORTEST_REASON,
    agency_of,
    filled,
    finding_words,
    fmt_day,
    limbs_met,
    limit_words,
    named_as,
    objects,
    share_a_person,
    supports,
    term_end,
    time_of,
    within,
)
from ledger.regulation.case.stand_ins import (
    answerable,
    body_of,
    delegation_of,
    heads,
    may_order,
    signed_on,
)
from ledger.regulation.case.state import Entry
from ledger.regulation.guards.breach import Breach
from ledger.regulation.registry.calendar import local_day

#: Acts that may go before a finding where they are urgent (G4).
MAY_BE_URGENT = frozenset({"TechnicalMeasureOrdered", "TakedownProposed"})
#: Items of a plan that restrict nobody and need no finding behind them.
PLAN_WITHOUT_FINDING = frozenset({
    "REMINDER",
    "NONE",
    "OfficialInformationReleased",
    "CorrectionPublished",
    "PartialReferralSent",
    "PartialCriminalReferralSent",
})  # fmt: skip
#: Kinds of immediate measures that take nothing from anybody.
UNRESTRICTED: Final = ("INFORM_PUBLIC", "PRESERVE_RECORD")
#: The vague words of 2.1: accepted as scope, never as a harm (regulation.md §8, row 17).
_SCOPE_WORDS = re.compile(
    r"(làm\s+)?(ảnh hưởng|cản trở)\s+(đến\s+)?(sự\s+)?phát triển(\s+kinh tế)?(\s*[-,]\s*xã hội)?"
    r"(\s+của)?(\s+(địa phương|tỉnh)(\s+Bắc Ninh)?)?"
    r"|gây\s+hoang mang(\s+(trong\s+)?(dư luận|nhân dân|quần chúng|người dân|xã hội))*"
    r"|(nội dung|thông tin)\s+liên quan\s+(đến|tới)\s+tỉnh(\s+Bắc Ninh)?"
    r"|trên địa bàn(\s+tỉnh)?(\s+Bắc Ninh)?|hoặc|và",
    re.IGNORECASE,
)
_LETTERS = re.compile(r"[^\w]+")
#: The finding of what is true and breaks another law.
TRUE_BREACH: Final = "TRUE_BUT_BREACH"
_FEWEST_WORDS: Final = 5
_WORD: Final = re.compile(r"[^\W\d_]+(?:[\u0300-\u036f]+[^\W\d_]*)*")
_VOWEL: Final = re.compile(r"[aeiouy]")
_HELD: Final = re.compile(r"(.)\1{3}")


def urgent_review_due(q: GuardInput) -> Breach | None:
    """G4; 7.2.a (clock added).

    A measure before a finding carries a review date inside the dated limit.
    """
    if q.act.act in MAY_BE_URGENT and (q.stream.finding is not None or not q.facts.get("urgent")):
        return None
    review = time_of(q.facts.get("review_at"))
    if review is not None and within(q, "URGENT_REVIEW", q.act.occurred_at, review):
        return None
    return Breach(limit_words(q, "URGENT_REVIEW"), ("/facts/review_at",))


def finding_before_measure(q: GuardInput) -> Breach | None:
    """G4; 7.2.a.

    Verification comes before measures; only an urgent order or proposal goes without a finding.
    """
    finding, named = q.stream.finding, q.facts.get("finding_ref")
    if finding is not None and named == finding.act.act_id:
        return None
    if named is None and q.act.act in MAY_BE_URGENT and q.facts.get("urgent") is True:
        return None
    return Breach(pointers=("/facts/finding_ref",))


def finding_supports_measure(q: GuardInput) -> Breach | None:
    """3.3.

    A finding carries a measure only if a limb is met, or another law is broken and named.
    """
    finding = q.stream.finding
    if finding is None or not _needs_support(q):
        return None
    if q.act.act == "TakedownProposed":
        carried = supports(finding) and q.facts.get("limb") in limbs_met(finding)
    else:
        carried = supports(finding)
    return None if carried else Breach(finding_words(finding), ("/facts",))


def finding_supports_measure_v2(q: GuardInput) -> Breach | None:
    """3.3.

    As before; and what is true is neither blocked nor taken down: another law that it breaks is
    enforced by that law's own means (regulation.md §8, row 12).
    """
    finding = q.stream.finding
    restricts = q.act.act in MAY_BE_URGENT or any(
        i.get("act") in MAY_BE_URGENT for i in objects(q.facts.get("plan"))
    )
    if finding is not None and restricts and finding.act.facts.get("finding") == TRUE_BREACH:
        return Breach(finding_words(finding), ("/facts",))
    return finding_supports_measure(q)


def _needs_support(q: GuardInput) -> bool:
    if q.act.act != "HandlingDecided":
        return True
    return any(i.get("act") not in PLAN_WITHOUT_FINDING for i in objects(q.facts.get("plan")))


def measure_before_verification(q: GuardInput) -> Breach | None:
    """7.2.a.

    A measure taken with no finding in the case is counted as such among the oversight indicators.
    """
    return Breach() if q.stream.finding is None else None


def measure_unconfirmed(q: GuardInput) -> Breach | None:
    """5.2 ("ngay"). One officer may take it alone, at once; it shows until another has looked."""
    return Breach() if q.act.approver is None else None


def confirmed_by_another(q: GuardInput) -> Breach | None:
    """G8 (added). What one officer took alone is confirmed once, by somebody else."""
    measure = q.ref("measure", "ImmediateMeasureTaken")
    if measure is None:
        return None
    done = any(
        e.act.facts.get("measure") == measure.act.act_id
        for e in q.stream.effective("MeasureConfirmed")
    )
    if measure.act.approver is not None or done:
        return Breach(pointers=("/facts/measure",))
    same = share_a_person(q, named_as(q), answerable(q, measure))
    return Breach(pointers=("/signers",)) if same else None


def confirmed_in_time(q: GuardInput) -> Breach | None:
    """4.2 (added). What has lapsed is not brought back by a confirmation that is dated back.

    A confirmation is its signature, and is signed in time, so that a lapse stays visible. A review
    that was held in time may be entered after it, as any act, but no later than what is not late.
    """
    if q.facts.get("decision") == "LIFT":
        return None
    sub = q.stream.sub("measure", str(q.facts.get("measure")))
    ended = None if sub is None else q.stream.lapse(sub, q.registry)
    if ended is None or q.signed_at <= ended[0]:
        return None
    if q.act.act == "MeasureReviewed" and within(q, "LATE_ENTRY", q.act.occurred_at, q.signed_at):
        return None
    return Breach({"date": fmt_day(local_day(ended[0]))}, ("/occurred_at", "/facts/measure"))


def alone_once(q: GuardInput) -> Breach | None:
    """4.2, 5.2 (added). What one officer took alone and nobody looked at is not taken alone again.

    It lapses within the day; taken anew each night by one signature it would have no end.
    """
    if q.act.approver is not None or q.facts.get("kind") in UNRESTRICTED:
        return None
    for sub in q.stream.subs_in("measure"):
        taken = sub.opened_by
        if taken.act.act != q.act.act or taken.act.approver is not None:
            continue
        over = q.stream.sub_state(sub, q.act.occurred_at, q.registry) in ("LAPSED", "LIFTED")
        if over and not _looked_at(q, taken):
            return Breach(pointers=("/signers",))
    return None


def _looked_at(q: GuardInput, taken: Entry) -> bool:
    """Whether somebody else confirmed, reviewed or lifted a measure."""
    return any(
        e.act.facts.get("measure") == taken.act.act_id
        and not share_a_person(q, e.signed_by(), taken.signed_by())
        for e in q.stream.effective("MeasureConfirmed", "MeasureReviewed", "MeasureLifted")
    )


def proportionality_note(q: GuardInput) -> Breach | None:
    """4.2.

    Every restrictive act says why it is needed, what milder means there were, and why speech is not
    obstructed.
    """
    note: Any = q.facts.get("proportionality")
    members = ("necessity", "milder_means", "speech_note")
    said = [str(note.get(m, "")).strip() if isinstance(note, dict) else "" for m in members]
    short = [m for m, s in zip(members, said, strict=True) if len(s) < SHORTEST_REASON]
    if short:
        return Breach(pointers=tuple(f"/facts/proportionality/{m}" for m in short))
    same = len({s.casefold() for s in said}) < len(members)
    return Breach(pointers=("/facts/proportionality",)) if same else None


def proportionality_note_v2(q: GuardInput) -> Breach | None:
    """4.2. As before; and what is no text is no reason."""
    breach = proportionality_note(q)
    note: Any = q.facts.get("proportionality")
    if breach is not None or not isinstance(note, dict):
        return breach
    empty = [m for m in ("necessity", "milder_means", "speech_note") if not is_text(note[m])]
    return Breach(pointers=tuple(f"/facts/proportionality/{m}" for m in empty)) if empty else None


def is_text(said: str) -> bool:
    """Whether something is said: five words that differ, most with a vowel, no letter many times.

    It knows no language; it sees a key held down and one word repeated.
    """
    words = _WORD.findall(unicodedata.normalize("NFD", said.casefold()))
    plain = ["".join(c for c in word if not unicodedata.combining(c)) for word in words]
    spoken = [word for word in plain if _VOWEL.search(word) and not _HELD.search(word)]
    return len(set(spoken)) >= _FEWEST_WORDS and len(set(spoken)) * 3 >= len(words)


def _of_press(q: GuardInput) -> bool:
    """Whether content of the case or of the act stands in the press; and it restricts somebody."""
    if q.facts.get("kind") in UNRESTRICTED:
        return False
    intake = [c for e in q.stream.intake for c in objects(e.act.facts.get("content"))]
    return any(c.get("where") == "PRESS" for c in (*intake, *objects(q.facts.get("content"))))


def press_needs_head(q: GuardInput) -> Breach | None:
    """4.2. What touches the press is approved by the head of the agency."""
    if not _of_press(q):
        return None
    approver = q.act.approver
    agency = None if approver is None else agency_of(q, approver.officer, approver.post)
    if approver is None or agency is None:
        return Breach(pointers=("/signers",))
    head = heads(q.registry, agency, approver.post, approver.officer, q.day)
    return None if head else Breach(pointers=("/signers",))


def press_content(q: GuardInput) -> Breach | None:
    """4.2. Whoever signs is shown that the press is touched."""
    return Breach() if _of_press(q) else None


def measure_has_end(q: GuardInput) -> Breach | None:
    """4.2 (added). A measure ends or is looked at again in time; unverified, within the day."""
    if q.facts.get("decision") == "LIFT":
        return None
    given = [t for m in ("review_at", "end_at") if (t := time_of(q.facts.get(m))) is not None]
    if not given and q.stream.finding is not None:
        return None  # it lapses after MEASURE_MAX (`clock_terms.term`)
    unverified = q.facts.get("decision") == "CONFIRM" and q.stream.finding is None
    code = "URGENT_REVIEW" if unverified else "MEASURE_MAX"
    if any(within(q, code, q.act.occurred_at, t) for t in given):
        return None
    return Breach(limit_words(q, code), ("/facts/review_at", "/facts/end_at"))


def reviewer_not_taker(q: GuardInput) -> Breach | None:
    """G8 (added from 4.2).

    A measure is confirmed, narrowed or lifted on review by others than those who took it.
    """
    measure = q.ref("measure", "ImmediateMeasureTaken", "TechnicalMeasureOrdered")
    if measure is None:
        return None
    deciding = named_as(q, "APPROVER", "CHECKER")
    same = share_a_person(q, deciding, measure.signed_by()) or share_a_person(
        q, named_as(q, "AUTHOR"), measure.signed_by("APPROVER")
    )
    return Breach(pointers=("/signers",)) if same else None


def reviewer_not_taker_v2(q: GuardInput) -> Breach | None:
    """G8 (added from 4.2). Nor by those who lent the power to take it."""
    measure = q.ref("measure", "ImmediateMeasureTaken", "TechnicalMeasureOrdered")
    if measure is None:
        return None
    deciding = named_as(q, "APPROVER", "CHECKER")
    same = share_a_person(q, deciding, answerable(q, measure)) or share_a_person(
        q, named_as(q, "AUTHOR"), answerable(q, measure, "APPROVER")
    )
    return Breach(pointers=("/signers",)) if same else None


def end_or_review_date(q: GuardInput) -> Breach | None:
    """Added.

    A technical measure has an end or a review date, and each that is given lies ahead of it.
    """
    given = [t for m in ("end_at", "review_at") if (t := time_of(q.facts.get(m))) is not None]
    if given and all(t > q.act.occurred_at for t in given):
        return None
    return Breach(pointers=("/facts/end_at", "/facts/review_at"))


def affected_not_told(q: GuardInput) -> Breach | None:
    """4.2 (clock added). Whom a measure touches is told in time, or the act shows they were not.

    At its own taking of effect an act can only be late already where it was entered late.
    """
    if q.facts.get("kind") == "INFORM_PUBLIC":
        return None
    if any(
        q.act.act_id in e.act.facts.get("about", ())
        for e in q.stream.effective("AffectedPartyInformed")
    ):
        return None
    end = term_end(q, "INFORM_AFFECTED", q.act.occurred_at)
    return Breach() if end is not None and q.signed_at > end else None


def measure_power(q: GuardInput) -> Breach | None:
    """8.1.c, 4.3; G8. What cuts somebody off is approved by a post that may order that kind.

    By dated lines of the power MEASURE; a kind that none of them names needs no such line.
    """
    signer = q.act.approver
    if signer is None:
        return None
    on = q.day if signer.instead_of is None else signed_on(q)
    given = delegation_of(q, signer, on)
    posts = [signer.post] if given is None else [signer.post, given.from_post]
    if may_order(q, q.act, body_of(q, signer) or "", posts, on):
        return None
    place = len(q.act.signers) - 1
    return Breach({"post": signer.post, "date": fmt_day(on)}, (f"/signers/{place}",))


def lifter_competent(q: GuardInput) -> Breach | None:
    """4.2, 4.3; G8. One signature lifts: of whoever signed the measure, or of a supervisor or head.

    Lifting costs less than imposing, and still is no accountant's.
    """
    author, measure = q.act.author, q.ref("measure")
    if measure is not None and share_a_person(q, [author.officer], measure.signed_by()):
        return None
    held = any(
        q.registry.holds_code(code, q.act.agency, author.post, author.officer, q.day)
        for code in ("SUPERVISOR", "HEAD")
    )
    return None if held else Breach(pointers=("/signers/0",))


def addressed_to_lead(q: GuardInput) -> Breach | None:
    """5.2, 7.2.c, 8.4.b.

    The notice goes to the lead of that day; disclaiming competence needs its reason.
    """
    if lead(q) not in q.act.to:
        return Breach({"agency": lead(q)}, ("/to",))
    disclaims = q.facts.get("disclaims_competence") is True
    if disclaims and not filled(q.facts.get("competence_reason")):
        return Breach({"agency": lead(q)}, ("/facts/competence_reason",))
    return None


def lead_only(q: GuardInput) -> Breach | None:
    """G10; 8.1.g, 7.1, 9, 11.3, 8.1.a.

    Only the lead of that day may do this; the others go through it.
    """
    held = reaches(q, [q.act.agency], "LEAD", q.day)
    return None if held else Breach({"agency": lead(q)}, ("/agency",))


def harm_shown(q: GuardInput) -> Breach | None:
    """8.1.g.

    A take-down proposal shows a concrete harm to the province; the scope words of 2.1 are not one.
    """
    said = str(q.facts.get("harm_to_province", "")).strip()
    own = _LETTERS.sub("", _SCOPE_WORDS.sub("", said))
    provision = q.facts.get("provision")
    if len(said) < SHORTEST_REASON or len(own) < SHORTEST_REASON // 2:
        return Breach(pointers=("/facts/harm_to_province",))
    if not q.facts.get("limb") or not isinstance(provision, dict):
        return Breach(pointers=("/facts/limb", "/facts/provision"))
    return None
