"""Measures: a finding first or a review date, one that carries them, the note of 4.2."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ledger.regulation.case_file.flags import standing
from ledger.regulation.case_file.render import case_file_until
from projections.views.statistics.counted_events import counted_events_of
from tests.builders import LAW, LONG, NONE_MET, NOTE, Story, a_case_in, breaks, holds

PLAN_ITEM = {
    "object": "Một trang mạng",
    "competence": {"instrument": "24/2014/NĐ-CP", "article": "4"},
    "substance": LAW,
}


def after(case: Story, **span: float) -> str:
    """A time of the facts, this long after the next act."""
    return (case.now + timedelta(**span)).isoformat()


def test_a_measure_before_a_finding_needs_a_review_date_inside_the_limit() -> None:
    """G4: a first measure always, an urgent order or proposal while no finding stands."""
    case = a_case_in("VERIFYING")
    urgent = {"urgent": True, "finding_ref": None}
    for name, more in (
        ("ImmediateMeasureTaken", {}),
        ("TechnicalMeasureOrdered", urgent),
        ("TakedownProposed", urgent),
    ):
        soon = {**more, "review_at": after(case, hours=20)}
        holds("URGENT_REVIEW_DUE", case.asks(name, facts=soon))
        for late in (None, after(case, hours=25), after(case, hours=-1)):
            asked = case.asks(name, facts={**more, "review_at": late})
            assert breaks("URGENT_REVIEW_DUE", asked)["limit"] == "24 giờ"
    found = a_case_in("HANDLING")
    holds("URGENT_REVIEW_DUE", found.asks("TechnicalMeasureOrdered", facts={"urgent": True}))


def test_a_take_down_proposal_straight_after_intake_is_refused() -> None:
    """G4; 7.2.a: verification comes before measures."""
    early = a_case_in("VERIFYING")
    nothing = {"finding_ref": None}
    breaks("FINDING_BEFORE_MEASURE", early.asks("TakedownProposed", facts=nothing))
    holds(
        "FINDING_BEFORE_MEASURE", early.asks("TakedownProposed", facts={**nothing, "urgent": True})
    )
    case = a_case_in("HANDLING")
    holds("FINDING_BEFORE_MEASURE", case.asks("TakedownProposed"))
    breaks("FINDING_BEFORE_MEASURE", case.asks("TakedownProposed", facts=nothing))


def test_a_superseded_finding_carries_nothing_any_more() -> None:
    """7.2.a: the finding named is the one that stands."""
    case = a_case_in("ASSESSING")
    old = case.stream.finding
    assert old is not None
    case.forced("VerificationConcluded", facts={"supersedes": old.act.act_id})
    stale = {"finding_ref": old.act.act_id}
    breaks(
        "FINDING_BEFORE_MEASURE", case.asks("HandlingDecided", facts=stale), "/facts/finding_ref"
    )
    holds("FINDING_BEFORE_MEASURE", case.asks("HandlingDecided"))


@pytest.mark.parametrize(
    ("finding", "limbs"),
    [
        ("TRUE_NO_BREACH", NONE_MET),
        ("OPINION_NOT_FACT", NONE_MET),
        ("UNVERIFIABLE", NONE_MET),
        ("OUT_OF_SCOPE", NONE_MET),
        ("FALSE", NONE_MET),
    ],
)
def test_truth_and_opinion_cannot_be_measured_against(finding: str, limbs: object) -> None:
    """3.3: a measure needs a limb that is met, or another law that is broken and named."""
    case = a_case_in("VERIFYING")
    case.then("VerificationConcluded", facts={"finding": finding, "limbs": limbs})
    asked = case.asks("TechnicalMeasureOrdered")
    assert breaks("FINDING_SUPPORTS_MEASURE", asked)["finding_en"] == finding
    breaks("FINDING_SUPPORTS_MEASURE", case.asks("HandlingDecided"))
    for harmless in ("REMINDER", "NONE", "OfficialInformationReleased", "PartialReferralSent"):
        plan = [{**PLAN_ITEM, "act": harmless}]
        holds("FINDING_SUPPORTS_MEASURE", case.asks("HandlingDecided", facts={"plan": plan}))


def test_true_but_breach_carries_a_sanction_under_the_other_law_alone() -> None:
    """3.3 (gap 12): never under a limb, and what is true is not blocked."""
    case = a_case_in("VERIFYING")
    other = {"finding": "TRUE_BUT_BREACH", "limbs": NONE_MET, "other_law": [LAW]}
    case.then("VerificationConcluded", facts=other)
    holds("FINDING_SUPPORTS_MEASURE", case.asks("SanctionDecided"))
    breaks("FINDING_SUPPORTS_MEASURE", case.asks("TechnicalMeasureOrdered"))
    breaks("FINDING_SUPPORTS_MEASURE", case.asks("TakedownProposed"))


def test_a_take_down_names_a_limb_that_the_finding_holds_met() -> None:
    """3.3, 8.1.g: the limb proposed is one that was found."""
    case = a_case_in("HANDLING")
    holds("FINDING_SUPPORTS_MEASURE", case.asks("TakedownProposed"))
    breaks("FINDING_SUPPORTS_MEASURE", case.asks("TakedownProposed", facts={"limb": "c"}))


def test_a_measure_before_verification_is_counted_as_such() -> None:
    """7.2.a: recorded, and one of the oversight indicators."""
    breaks("MEASURE_BEFORE_VERIFICATION", a_case_in("VERIFYING").asks("ImmediateMeasureTaken"))
    holds("MEASURE_BEFORE_VERIFICATION", a_case_in("HANDLING").asks("ImmediateMeasureTaken"))


@pytest.mark.parametrize("member", ["necessity", "milder_means", "speech_note"])
def test_a_restriction_without_its_note_is_refused(member: str) -> None:
    """4.2: why it is needed, which milder means there were, why speech is not obstructed."""
    case = a_case_in("HANDLING")
    holds("PROPORTIONALITY_NOTE", case.asks("TechnicalMeasureOrdered"))
    short = {"proportionality": {**NOTE, member: "Cần thiết."}}
    asked = case.asks("TechnicalMeasureOrdered", facts=short)
    breaks("PROPORTIONALITY_NOTE", asked, f"/facts/proportionality/{member}")
    other = "necessity" if member != "necessity" else "speech_note"
    copied = {"proportionality": {**NOTE, member: NOTE[other]}}
    breaks("PROPORTIONALITY_NOTE", case.asks("TechnicalMeasureOrdered", facts=copied))


def test_who_took_a_measure_does_not_review_it() -> None:
    """G8; 4.2: confirming one's own measure would make the review date worth nothing."""
    case = a_case_in("HANDLING")
    case.then("TechnicalMeasureOrdered", by="tp", also=["gd"])
    holds("REVIEWER_NOT_TAKER", case.asks("MeasureReviewed", by="cv", also=["pgd"]))
    holds("REVIEWER_NOT_TAKER", case.asks("MeasureReviewed", by="tp", also=["pgd"]))
    for by, also in (("cv", "gd"), ("cv", "tp"), ("gd", "pgd")):
        breaks("REVIEWER_NOT_TAKER", case.asks("MeasureReviewed", by=by, also=[also]), "/signers")


def test_a_technical_measure_without_an_end_is_refused() -> None:
    """Added: it ends, or it is reviewed, after it began."""
    case = a_case_in("HANDLING")
    holds("END_OR_REVIEW_DATE", case.asks("TechnicalMeasureOrdered"))
    ends = {"review_at": None, "end_at": after(case, days=30)}
    holds("END_OR_REVIEW_DATE", case.asks("TechnicalMeasureOrdered", facts=ends))
    for bad in ({"review_at": None}, {"review_at": after(case, days=-1)}):
        breaks("END_OR_REVIEW_DATE", case.asks("TechnicalMeasureOrdered", facts=bad))


def test_an_affected_party_who_was_not_told_in_time_shows() -> None:
    """4.2: at its effect only an act entered late can be late already."""
    case = a_case_in("HANDLING")
    holds("AFFECTED_NOT_TOLD", case.asks("TechnicalMeasureOrdered"))
    act = case.act("TechnicalMeasureOrdered", late_reason="Ghi bổ sung")
    late = case.question(act)
    asked = replace(late, iat=late.iat + 15 * 24 * 3600)
    breaks("AFFECTED_NOT_TOLD", asked)
    public = a_case_in("RECEIVED").act("ImmediateMeasureTaken", facts={"kind": "INFORM_PUBLIC"})
    holds("AFFECTED_NOT_TOLD", replace(late, act=public, iat=late.iat + 15 * 24 * 3600))


def test_a_notice_that_misses_the_lead_is_refused() -> None:
    """5.2, 7.2.c, 8.4.b: it goes to the lead of that day, with a reason for disclaiming."""
    case = a_case_in("SCREENING")
    holds("ADDRESSED_TO_LEAD", case.asks("LeadAgencyNotified"))
    params = breaks("ADDRESSED_TO_LEAD", case.asks("LeadAgencyNotified", to=["bacninh.syt"]), "/to")
    assert params["agency"] == "bacninh.stttt"
    disclaims = {"disclaims_competence": True}
    breaks("ADDRESSED_TO_LEAD", case.asks("LeadAgencyNotified", facts=disclaims))
    reasoned = {**disclaims, "competence_reason": LONG}
    holds("ADDRESSED_TO_LEAD", case.asks("LeadAgencyNotified", facts=reasoned))


def test_another_agency_proposing_to_the_ministry_is_refused() -> None:
    """G10; 8.1.g: the lead is the focal point, and who leads is a question of the day."""
    case = a_case_in("HANDLING")
    holds("LEAD_ONLY", case.asks("TakedownProposed", by="tp"))
    params = breaks("LEAD_ONLY", case.asks("TakedownProposed", by="yt"), "/agency")
    assert params["agency"] == "bacninh.stttt"
    reorganised = Story(start=case.now.replace(year=2025, month=3, day=5))
    breaks("LEAD_ONLY", reorganised.asks("TakedownProposed", by="tp"))
    holds("LEAD_ONLY", reorganised.asks("TakedownProposed", by="scv"))


@pytest.mark.parametrize(
    "words",
    [
        "Rất có hại.",
        "Làm cản trở đến sự phát triển của tỉnh Bắc Ninh",
        "Gây hoang mang trong Nhân dân trên địa bàn tỉnh Bắc Ninh",
        "Thông tin liên quan đến tỉnh Bắc Ninh làm ảnh hưởng đến sự phát triển kinh tế - xã hội",
    ],
)
def test_the_scope_words_of_the_regulation_are_no_harm(words: str) -> None:
    """8.1.g, 2.1 (gap 17): a take-down proposal says who is harmed and how."""
    case = a_case_in("HANDLING")
    holds("HARM_SHOWN", case.asks("TakedownProposed"))
    asked = case.asks("TakedownProposed", facts={"harm_to_province": words})
    breaks("HARM_SHOWN", asked, "/facts/harm_to_province")


def test_what_one_officer_took_alone_shows_until_somebody_else_has_looked() -> None:
    """5.2, "ngay": recorded at once, flagged; with an approver there is nothing to confirm."""
    case = a_case_in("RECEIVED")
    alone = case.asks("ImmediateMeasureTaken", by="hotline", also=[])
    breaks("MEASURE_UNCONFIRMED", alone)
    approved = case.asks("ImmediateMeasureTaken", by="hotline", also=["gd"])
    holds("MEASURE_UNCONFIRMED", approved)
    taken = case.then("ImmediateMeasureTaken", by="hotline", also=[])
    assert taken.status == "effective"
    raised = {taken.act.act_id: ("MEASURE_UNCONFIRMED",)}
    assert standing(raised, case.stream, case.registry, case.now)
    case.then("MeasureConfirmed", by="gd", also=[], facts={"measure": taken.act.act_id})
    assert not standing(raised, case.stream, case.registry, case.now)


def test_a_measure_is_confirmed_once_and_by_another_who_is_competent() -> None:
    """G8: not by who took it, by whatever id, and not by a clerk."""
    case = a_case_in("RECEIVED")
    taken = case.then("ImmediateMeasureTaken", by="tp", also=[])
    measure = {"facts": {"measure": taken.act.act_id}, "also": []}
    holds("CONFIRMED_BY_ANOTHER", case.asks("MeasureConfirmed", by="gd", **measure))
    breaks("CONFIRMED_BY_ANOTHER", case.asks("MeasureConfirmed", by="tp", **measure), "/signers")
    breaks("SIGNER_POWERS", case.asks("MeasureConfirmed", by="cv", **measure))
    case.then("MeasureConfirmed", by="gd", **measure)
    again = case.asks("MeasureConfirmed", by="pgd", **measure)
    breaks("CONFIRMED_BY_ANOTHER", again, "/facts/measure")
    approved = case.then("ImmediateMeasureTaken", by="cv", also=["gd"])
    done = case.asks("MeasureConfirmed", by="pgd", also=[], facts={"measure": approved.act.act_id})
    breaks("CONFIRMED_BY_ANOTHER", done, "/facts/measure")


def test_a_measure_that_nobody_confirms_in_a_day_lapses_for_all_to_see() -> None:
    """Its review date may lie no later; a confirmed one goes on to that date."""
    for confirmed in (False, True):
        case = a_case_in("RECEIVED")
        case.registry.rules.set(
            replace(case.registry.limit("URGENT_REVIEW", case.now.date()), value=72)
        )
        taken = case.then("ImmediateMeasureTaken", by="hotline", also=[],
                          facts={"review_at": after(case, hours=60)})  # fmt: skip
        took = taken.act.occurred_at
        if confirmed:
            case.then("MeasureConfirmed", by="gd", also=[], facts={"measure": taken.act.act_id})
        sub = case.stream.sub("measure", taken.act.act_id)
        assert sub is not None
        ends = took + timedelta(hours=60 if confirmed else 24)
        lapse = case.stream.lapse(sub, case.registry)
        assert lapse == (ends, "LAPSED")
        assert case.stream.sub_state(sub, ends, case.registry) == "TAKEN"
        later = ends + timedelta(seconds=1)
        assert case.stream.sub_state(sub, later, case.registry) == "LAPSED"
        file, until = case_file_until(case.stream, {}, case.registry, took)
        assert file["sub_processes"][0]["state"] == "TAKEN"
        assert until is not None
        assert until <= later
        marks = [m for m in counted_events_of(case.stream, (), case.registry)
                 if m.code == "MEASURE_LAPSED"]  # fmt: skip
        assert [m.until for m in marks] == [ends]
        case.now = later + timedelta(minutes=1)
        late = case.asks("MeasureConfirmed", by="pgd", also=[],
                         facts={"measure": taken.act.act_id})  # fmt: skip
        breaks("SUB_PROCESS_ILLEGAL", late)
        case.then("MeasureLifted", facts={"measure": taken.act.act_id})


# -- safeguards that mean something -------------------------------------------------------------


@pytest.mark.parametrize("name", ["TechnicalMeasureOrdered", "TakedownProposed"])
def test_an_urgent_order_or_proposal_without_a_finding_shows(name: str) -> None:
    """As an immediate measure does."""
    urgent = {"urgent": True, "finding_ref": None}
    case = a_case_in("VERIFYING")
    breaks("MEASURE_BEFORE_VERIFICATION", case.asks(name, facts=urgent))
    holds("MEASURE_BEFORE_VERIFICATION", a_case_in("HANDLING").asks(name))


def test_an_urgent_take_down_lapses_and_is_counted() -> None:
    """At its review date; with a finding behind it nothing is provisional."""
    case = a_case_in("VERIFYING")
    ends = case.now + timedelta(hours=20)
    urgent = {"urgent": True, "finding_ref": None, "review_at": ends.isoformat()}
    asked = case.then("TakedownProposed", facts=urgent)
    sub = case.stream.sub("takedown", asked.act.act_id)
    assert sub is not None
    assert case.stream.lapse(sub, case.registry) == (ends, "LAPSED")
    marks = [m for m in counted_events_of(case.stream, (), case.registry)
             if m.code == "MEASURE_LAPSED"]  # fmt: skip
    assert [m.until for m in marks] == [ends]
    case.now = ends + timedelta(hours=1)
    assert case.stream.sub_state(sub, case.now, case.registry) == "LAPSED"
    case.then("TakedownWithdrawn", facts={"takedown": asked.act.act_id, "ask": "WITHDRAW"})
    assert sub.state == "WITHDRAWN"
    found = a_case_in("HANDLING")
    verified = found.then("TakedownProposed")
    stands = found.stream.sub("takedown", verified.act.act_id)
    assert stands is not None
    assert found.stream.lapse(stands, found.registry) is None


def test_what_is_confirmed_without_a_finding_has_a_near_review_date() -> None:
    """4.2: and a measure always ends; what is narrowed may take longer, never for years."""
    case = a_case_in("SCREENING")
    taken = case.then("ImmediateMeasureTaken")
    measure = {"measure": taken.act.act_id}
    near = {**measure, "review_at": after(case, hours=20)}
    holds("MEASURE_HAS_END", case.asks("MeasureReviewed", facts=near))
    for late in (None, after(case, days=14)):
        open_ended = {**measure, "review_at": late}
        breaks("MEASURE_HAS_END", case.asks("MeasureReviewed", facts=open_ended))
    narrowed = {**measure, "decision": "NARROW", "review_at": after(case, days=14)}
    holds("MEASURE_HAS_END", case.asks("MeasureReviewed", facts=narrowed))
    lifted = {**measure, "decision": "LIFT"}
    holds("MEASURE_HAS_END", case.asks("MeasureReviewed", facts=lifted))
    ordered = a_case_in("HANDLING")
    years = {"review_at": None, "end_at": after(ordered, days=3650)}
    breaks("MEASURE_HAS_END", ordered.asks("TechnicalMeasureOrdered", facts=years))
    holds("MEASURE_HAS_END", ordered.asks("TechnicalMeasureOrdered"))


def test_a_confirmed_measure_lapses_at_its_next_review() -> None:
    """With a finding and no date it is six months."""
    case = a_case_in("HANDLING")
    taken = case.then("ImmediateMeasureTaken")
    confirmed = {"measure": taken.act.act_id, "review_at": None}
    case.then("MeasureReviewed", also=["pgd"], facts=confirmed)
    sub = case.stream.sub("measure", taken.act.act_id)
    assert sub is not None
    assert sub.state == "CONFIRMED"
    lapse = case.stream.lapse(sub, case.registry)
    assert lapse is not None
    assert (lapse[0].month, lapse[1]) == (12, "LAPSED")


@pytest.mark.parametrize(
    "said",
    ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "cần thiết cần thiết cần thiết cần thiết",
     "xx zz qq ww rr tt pp xx zz qq ww", "1234567890 1234567890 1234567890"],
)  # fmt: skip
def test_what_is_no_text_is_no_reason(said: str) -> None:
    """4.2: a key held down, one word again and again, letters without a word."""
    case = a_case_in("HANDLING")
    holds("PROPORTIONALITY_NOTE", case.asks("TechnicalMeasureOrdered"))
    note = {**NOTE, "necessity": said}
    asked = case.asks("TechnicalMeasureOrdered", facts={"proportionality": note})
    breaks("PROPORTIONALITY_NOTE", asked, "/facts/proportionality/necessity")


def test_content_of_the_press_is_the_heads() -> None:
    """4.2: a division's head approves no measure on it, and whoever signs is shown."""
    press = [{"where": "PRESS", "title": "Một bài báo", "seen_at": "2024-06-04T07:50:00+07:00"}]
    case = Story()
    report = case.then("ReportReceived", facts={"content": press})
    case.then("CaseRegistered", facts={"intake": [report.act.act_id]})
    measure = case.asks("ImmediateMeasureTaken", also=["gd"])
    holds("PRESS_NEEDS_HEAD", measure)
    breaks("PRESS_CONTENT", measure)
    breaks("PRESS_NEEDS_HEAD", case.asks("ImmediateMeasureTaken", also=["tp"]), "/signers")
    breaks("PRESS_NEEDS_HEAD", case.asks("ImmediateMeasureTaken", also=[]), "/signers")
    informs = case.asks("ImmediateMeasureTaken", also=[], facts={"kind": "INFORM_PUBLIC"})
    holds("PRESS_NEEDS_HEAD", informs)
    holds("PRESS_CONTENT", a_case_in("SCREENING").asks("ImmediateMeasureTaken"))


def test_what_is_true_is_neither_blocked_nor_taken_down() -> None:
    """Row 12 of the gaps: another law is enforced by its own means."""
    case = a_case_in("VERIFYING")
    true = {"finding": "TRUE_BUT_BREACH", "limbs": NONE_MET, "other_law": [LAW]}
    case.then("VerificationConcluded", facts=true)
    for name in ("TechnicalMeasureOrdered", "TakedownProposed", "HandlingDecided"):
        breaks("FINDING_SUPPORTS_MEASURE", case.asks(name), "/facts")
    holds("FINDING_SUPPORTS_MEASURE", case.asks("ViolationRecordMade"))
    holds("FINDING_SUPPORTS_MEASURE", a_case_in("HANDLING").asks("TechnicalMeasureOrdered"))


def test_what_one_officer_took_alone_is_not_taken_alone_night_after_night() -> None:
    """4.2: it lapses within the day, and lifting one's own and taking it anew is the same."""
    for ending in ("lapses", "is lifted by its taker"):
        case = a_case_in("SCREENING")
        taken = case.then("ImmediateMeasureTaken", by="cv", also=[])
        holds("ALONE_ONCE", case.asks("ImmediateMeasureTaken", by="cv", also=[]))
        if ending == "lapses":
            case.later(hours=30)
        else:
            case.then("MeasureLifted", by="cv", facts={"measure": taken.act.act_id})
        again = {"by": "cv", "also": list[str]()}
        breaks("ALONE_ONCE", case.asks("ImmediateMeasureTaken", **again), "/signers")
        holds("ALONE_ONCE", case.asks("ImmediateMeasureTaken", by="cv", also=["tp"]))
        kept = case.asks("ImmediateMeasureTaken", facts={"kind": "PRESERVE_RECORD"}, **again)
        holds("ALONE_ONCE", kept)
    looked_at = a_case_in("SCREENING")
    taken = looked_at.then("ImmediateMeasureTaken", by="cv", also=[])
    looked_at.then("MeasureLifted", by="tp", facts={"measure": taken.act.act_id})
    holds("ALONE_ONCE", looked_at.asks("ImmediateMeasureTaken", by="cv", also=[]))


def test_what_has_lapsed_is_not_confirmed_by_an_act_that_is_dated_back() -> None:
    """A lapse stays visible: the moment of signing counts, and lifting is always open."""
    case = a_case_in("SCREENING")
    taken = case.then("ImmediateMeasureTaken", by="cv", also=[])
    in_time, late = case.now + timedelta(hours=10), case.now + timedelta(hours=30)
    facts = {"measure": taken.act.act_id}
    confirmed = case.act("MeasureConfirmed", by="gd", also=[], when=in_time, facts=facts)
    holds("CONFIRMED_IN_TIME", case.question(confirmed, day=in_time))
    breaks("CONFIRMED_IN_TIME", case.question(confirmed, day=late), "/occurred_at")
    reviewed = {"by": "cv2", "also": ["gd"], "when": in_time}
    kept = case.act("MeasureReviewed", facts={**facts, "decision": "CONFIRM"}, **reviewed)
    holds("CONFIRMED_IN_TIME", case.question(kept, 1, day=late))  # held in time, entered next day
    much_later = case.now + timedelta(hours=40)
    breaks("CONFIRMED_IN_TIME", case.question(kept, 1, day=much_later), "/facts/measure")
    lifted = case.act("MeasureReviewed", facts={**facts, "decision": "LIFT"}, **reviewed)
    holds("CONFIRMED_IN_TIME", case.question(lifted, 1, day=much_later))
