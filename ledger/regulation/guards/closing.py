"""Guards on results and endings: path, finding, both notices, checklist (G7, G12)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ledger.regulation.case.clocks import running
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.places import reaches
from ledger.regulation.case.reading import finding_words, limbs_met, named, supports, texts
from ledger.regulation.case.reporters import owed
from ledger.regulation.case.state import RESULTS, Entry
from ledger.regulation.guards.breach import Breach
from ledger.regulation.words import vocabulary

#: Outcomes that go straight from verifying or assessing to a result (G12).
STRAIGHT: Final = frozenset({"NO_VIOLATION", "INSUFFICIENT_BASIS", "OUT_OF_SCOPE", "DUPLICATE"})
ADVERSE: Final = frozenset({"HANDLED_REMOVED", "HANDLED_CORRECTED", "SANCTIONED", "REMINDED"})
_NOTHING_FOUND: Final = frozenset({"NO_VIOLATION", "OUT_OF_SCOPE", "DUPLICATE"})
#: What a finding leaves open, where it leaves less than everything.
BY_FINDING: Final[Mapping[str, frozenset[str]]] = {
    "TRUE_NO_BREACH": _NOTHING_FOUND,
    "OPINION_NOT_FACT": _NOTHING_FOUND,
    "UNVERIFIABLE": frozenset({"INSUFFICIENT_BASIS", "OUT_OF_SCOPE", "DUPLICATE"}),
}
FALSE_FINDINGS: Final = frozenset({"FALSE", "FALSE_FABRICATED", "FALSE_IMPERSONATION"})
#: Part referral that an outcome rests on: the act, its sub-process, the states in which it stands.
PARTS: Final[Mapping[str, tuple[str, str, frozenset[str]]]] = {
    "REFERRED_RESULT": (
        "PartialReferralSent",
        "referral",
        frozenset({"SENT", "ACCEPTED", "RESULT"}),
    ),
    "CRIMINAL_REFERRED": (
        "PartialCriminalReferralSent",
        "criminal_referral",
        frozenset({"SENT", "ACKNOWLEDGED", "EXTENDED", "OPENED", "NOT_OPENED", "SUSPENDED"}),
    ),
}
#: Reasons for closing that an outcome allows.
REASONS: Final[Mapping[str, frozenset[str]]] = {
    "HANDLED_REMOVED": frozenset({"HANDLED"}),
    "HANDLED_CORRECTED": frozenset({"HANDLED"}),
    "SANCTIONED": frozenset({"HANDLED"}),
    "REMINDED": frozenset({"HANDLED"}),
    "REFERRED_RESULT": frozenset({"REFERRED_FINAL"}),
    "CRIMINAL_REFERRED": frozenset({"REFERRED_FINAL"}),
    **{o: frozenset({o}) for o in (*STRAIGHT, "OVERTURNED")},
}
#: Clocks of duties that must be done before a file goes to the archive.
ARCHIVE_WAITS: Final = frozenset({
    "COMPLAINT_LODGE",
    "COMPLAINT_LODGE_SECOND",
    "INFORM_REPORTER",
    "INFORM_AFFECTED",
    "NOTIFY_RESULT",
    "STATISTICS_RESTATE",
})  # fmt: skip


def pending_named(q: GuardInput) -> Breach | None:
    """G7. A case closes over nothing that waits: closing names it, and thereby voids it."""
    waits = [e for e in q.stream.pending.values() if e.act.act_id != q.act.act_id]
    if {e.act.act_id for e in waits} == set(texts(q.facts.get("pending"))):
        return None
    labels = [q.catalogue.types[e.act.act] for e in waits if e.act.act in q.catalogue.types]
    return Breach(
        {
            "acts": "; ".join(f"“{kind.vi}”" for kind in labels) or "—",
            "acts_en": "; ".join(f"“{kind.en}”" for kind in labels) or "—",
        },
        ("/facts/pending",),
    )


def result_path(q: GuardInput) -> Breach | None:
    """G12.

    Straight from verifying or assessing only what accuses nobody; anything adverse passes handling.
    """
    outcome = str(q.facts.get("outcome"))
    early = q.stream.state in ("VERIFYING", "ASSESSING")
    fits = outcome in STRAIGHT if early else outcome != "OVERTURNED"
    if fits:
        return None
    return Breach(named("outcome", "outcomes_in_sentences", outcome), ("/facts/outcome",))


def result_matches_finding(q: GuardInput) -> Breach | None:
    """3.3 (gaps 11, 12, 16).

    The outcome says no more than the finding carries, and what it rests on stands.
    """
    outcome, finding = str(q.facts.get("outcome")), q.stream.finding
    fits = _carried(finding, outcome) and _rests(q, outcome)
    return None if fits else Breach(finding_words(finding), ("/facts/outcome",))


def result_matches_finding_v2(q: GuardInput) -> Breach | None:
    """3.3. As before; and where a limb is met, nothing is no violation."""
    finding = q.stream.finding
    nothing = q.facts.get("outcome") in ("NO_VIOLATION", "INSUFFICIENT_BASIS", "OUT_OF_SCOPE")
    if finding is not None and nothing and limbs_met(finding):
        return Breach(finding_words(finding), ("/facts/outcome",))
    return result_matches_finding(q)


def _carried(finding: Entry | None, outcome: str) -> bool:
    if outcome in ADVERSE and (finding is None or not supports(finding)):
        return False
    if finding is None:
        return True
    code = str(finding.act.facts.get("finding"))
    if code in FALSE_FINDINGS and not limbs_met(finding):
        return outcome in _NOTHING_FOUND
    return code not in BY_FINDING or outcome in BY_FINDING[code]


def _rests(q: GuardInput, outcome: str) -> bool:
    if outcome == "SANCTIONED":
        return bool(q.stream.subs_in("sanction", "DECIDED", "EXECUTED", "SUSPENDED"))
    if outcome not in PARTS:
        return True
    act, name, states = PARTS[outcome]
    return any(s.opened_by.act.act == act for s in q.stream.subs_in(name, *states))


def duplicate_names_survivor(q: GuardInput) -> Breach | None:
    """Added (gap 30). A duplicate names the other case of this log in which the matter goes on."""
    if q.facts.get("outcome") != "DUPLICATE":
        return None
    survivor = str(q.facts.get("surviving_case"))
    if survivor != q.stream.name and q.cases.state(survivor) is not None:
        return None
    return Breach(pointers=("/facts/surviving_case",))


# -- the notice of a result ---------------------------------------------------------------------


def result_notice_both(q: GuardInput) -> Breach | None:
    """8.4.b, 9 ("đồng thời").

    The report to the committee and the notice to the lead go out on one day.
    """
    result = q.stream.result
    if result is None:
        return None
    notices = [*_after(q, result, "ResultNotified"), None]
    committee = _days(q, notices, "PPC")
    if reaches(q, [q.act.agency], "LEAD", q.day):
        return None if committee else Breach(pointers=("/to",))
    return None if committee & _days(q, notices, "LEAD") else Breach(pointers=("/to",))


def _days(q: GuardInput, notices: Iterable[Entry | None], function: str) -> set[object]:
    """Days on which a notice (None: the one at hand) went to whoever held the function."""
    acts = [q.act if n is None else n.act for n in notices]
    return {a.day for a in acts if reaches(q, a.to, function, a.day)}


def _after(q: GuardInput, entry: Entry, *types: str) -> list[Entry]:
    """Acts of these types that took effect after another one."""
    order = q.stream.effective()
    return [e for e in order[order.index(entry) + 1 :] if e.act.act in types]


# -- the checklist ------------------------------------------------------------------------------


def closing_checklist(q: GuardInput) -> Breach | None:
    """G7 (added; gaps 2, 3, 4, 21). A case closes over nothing that is still owed to anybody."""
    return _checklist(q, nobody=not q.stream.effective("ReportReceived"))


def closing_checklist_v2(q: GuardInput) -> Breach | None:
    """G7. As before; whoever took their report back is owed no answer, nor is it said they had one.

    So where every report was taken back the case closes with nobody who reported.
    """
    return _checklist(q, nobody=not owed(q.stream))


def _checklist(q: GuardInput, *, nobody: bool) -> Breach | None:
    if q.stream.state != "RESULT_RECORDED":
        return None
    done = (
        q.stream.result is not None,
        _notified(q),
        not _live_measures(q),
        not _unanswered(q, "RESULT", "REVIEW"),
        not _untold(q),
        _window_shown(q),
        not _contested(q),
        _says_the_same(q, nobody=nobody),
    )
    missing = [
        words for words, met in zip(vocabulary("checklist").values(), done, strict=True) if not met
    ]
    if not missing:
        return None
    return Breach(
        {
            "missing": "; ".join(words.vi for words in missing),
            "missing_en": "; ".join(words.en for words in missing),
        },
        ("/facts/checklist",),
    )


def _notified(q: GuardInput) -> bool:
    """Whether the last result went to the committee and, where another handles, to the lead."""
    result = q.stream.result
    if result is None:
        return False
    notices = _after(q, result, "ResultNotified")
    handler = q.stream.handler(q.registry, q.day)
    is_lead = handler is not None and reaches(q, [handler], "LEAD", q.day)
    return bool(_days(q, notices, "PPC")) and (is_lead or bool(_days(q, notices, "LEAD")))


def _live_measures(q: GuardInput) -> bool:
    """Whether a measure is not lifted; one that lapsed has to be lifted as well."""
    return any(
        q.stream.sub_state(s, q.act.occurred_at, q.registry) != "LIFTED"
        for s in q.stream.subs_in("measure")
    )


def _unanswered(q: GuardInput, *about: str) -> bool:
    """Whether a report is left without an answer, each token and each nameless one for itself.

    About a result or a review the answer comes after the case's first result; any status answers.
    """
    answers = list(q.stream.effective("ReporterInformed"))
    if about:
        answers = [a for a in answers if a.act.facts.get("about") in about]
        first = q.stream.effective(*RESULTS)
        answers = [a for a in answers if first and a in _after(q, first[0], a.act.act)]
    asked = [token for _, token in owed(q.stream)]
    answered = [a.act.facts.get("reporter") for a in answers]
    left = {token for token in asked if token is not None} - set(answered)
    return bool(left) or answered.count(None) < asked.count(None)


def _touched(q: GuardInput) -> set[str]:
    """Tokens of those whom a measure, a take-down or a sanction of the case touches."""
    acts = ("ImmediateMeasureTaken", "TechnicalMeasureOrdered", "TakedownProposed")
    found = {e.act.facts.get("subject") for e in q.stream.effective(*acts, "ViolationRecordMade")}
    return {s for s in found if isinstance(s, str)}


def _untold(q: GuardInput) -> set[str]:
    """Those of them who were neither informed nor served the sanction decision itself."""
    told = {e.act.facts.get("subject") for e in q.stream.effective("AffectedPartyInformed")}
    return _touched(q) - told - _served(q)


def _served(q: GuardInput) -> set[object]:
    """Tokens in whose sanction a decision was taken."""
    records = (
        q.stream.get(str(e.act.facts.get("sanction")), "ViolationRecordMade")
        for e in q.stream.effective("SanctionDecided")
    )
    return {r.act.facts.get("subject") for r in records if r is not None}


def _window_shown(q: GuardInput) -> bool:
    """Whether the end of the complaint window is named, where a decision opens one."""
    due = q.stream.last("SanctionDecided", "ReviewDecided") is not None
    return not due or "complaint_until" in q.facts


def _contested(q: GuardInput) -> bool:
    """Whether a complaint is received or accepted, or a review open."""
    live = q.stream.subs_in("complaint", "RECEIVED", "ACCEPTED")
    return bool(live or q.stream.subs_in("review", "OPEN"))


def _says_the_same(q: GuardInput, *, nobody: bool) -> bool:
    """Whether the checklist the officer filled in agrees with the case."""
    said = q.facts.get("checklist")
    if not isinstance(said, dict) or said.get("measures_lifted") is not True:
        return False
    result = q.stream.result
    notices = _after(q, result, "ResultNotified") if result is not None else []
    named = said.get("result") in (
        None,
        result.act.act_id if result is not None else None,
    ) and said.get("notice") in (None, *(n.act.act_id for n in notices))
    shown = said.get("complaint_window_shown") is True or "complaint_until" not in q.facts
    return named and shown and _statuses_agree(q, said, nobody=nobody)


def _statuses_agree(q: GuardInput, said: Mapping[str, object], *, nobody: bool) -> bool:
    reporters = {e.act.facts.get("status") for e in q.stream.effective("ReporterInformed")}
    if "AGENCY_REPORTER" in reporters:
        reporters.add("INFORMED")
    if nobody:
        reporters.add("NO_REPORTER")
    affected = {e.act.facts.get("status") for e in q.stream.effective("AffectedPartyInformed")}
    if _served(q):
        affected.add("INFORMED")
    if not _touched(q):
        affected.add("NONE")
    return said.get("reporter") in reporters and said.get("affected") in affected


def close_from_screening(q: GuardInput) -> Breach | None:
    """G7.

    Straight from screening only what is out of scope or a duplicate; elsewhere the reason is that
    of the outcome.
    """
    reason = str(q.facts.get("reason"))
    if q.stream.state != "SCREENING":
        fits = reason in _reasons(q)
        return None if fits else Breach(pointers=("/facts/reason",))
    last = q.stream.last("CompetenceDetermined")
    outside = last is not None and last.act.disposition == "outside"
    duplicate = q.facts.get("surviving_case") not in (None, q.stream.name)
    fits = {"OUT_OF_SCOPE": outside, "DUPLICATE": duplicate}.get(reason, False)
    if fits and not _unanswered(q) and not _live_measures(q):
        return None
    return Breach(pointers=("/facts/reason",))


def close_from_screening_v2(q: GuardInput) -> Breach | None:
    """G7. As before; and what every reporter took back, where nothing else was taken in."""
    if q.stream.state != "SCREENING" or q.facts.get("reason") != "WITHDRAWN":
        return close_from_screening(q)
    taken_back = not owed(q.stream) and all(e.act.act == "ReportReceived" for e in q.stream.intake)
    if taken_back and not _live_measures(q):
        return None
    return Breach(pointers=("/facts/reason",))


def _reasons(q: GuardInput) -> frozenset[str]:
    """Reasons that agree with the outcome.

    A referred result may also be closed by what the other agency found.
    """
    allowed = REASONS.get(str(q.stream.outcome), frozenset())
    result = q.stream.result
    if result is not None and result.act.act == "ReferredResultReceived":
        return allowed | ({str(result.act.facts.get("outcome"))} & STRAIGHT)
    return allowed


def no_open_clock(q: GuardInput) -> Breach | None:
    """Added.

    A file goes to the archive when nobody can complain any more and nobody is still owed a notice.
    """
    running_now = {c.code for c in running(q.stream, q.registry, q.act.occurred_at, q.cases)}
    waits = running_now & ARCHIVE_WAITS
    closed = q.stream.last("CaseClosed")
    until = closed.act.facts.get("complaint_until") if closed is not None else None
    if isinstance(until, str) and q.day.isoformat() <= until:
        waits.add("COMPLAINT_LODGE")
    if q.stream.subs_in("complaint", "RECEIVED", "ACCEPTED"):
        waits.add("COMPLAINT")
    if q.stream.subs_in("review", "OPEN"):
        waits.add("REVIEW")
    if not waits:
        return None
    words = [vocabulary("clocks_in_sentences")[code] for code in sorted(waits)]
    told = {
        "clocks": ", ".join(word.vi for word in words),
        "clocks_en": ", ".join(word.en for word in words),
    }
    return Breach(told, ("/act",))
