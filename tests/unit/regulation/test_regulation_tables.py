"""Every row of the tables of the regulation page, held against the data, each with its article.

§2 the article map, §3 who is bound and how far, §4 duties that become acts, §5 the acts by group,
§6 states and sub-processes, §7 the guards, §8 the silences, §9 what must not be there.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from ledger.regulation.acts.act import CHANNELS
from ledger.regulation.acts.catalogue import load
from ledger.regulation.acts.lifecycle import life_cycle
from ledger.regulation.case.silences import about, silences
from ledger.regulation.case.state import INTAKE
from ledger.regulation.docs import catalogue_page
from ledger.regulation.edition import load_edition, within
from ledger.regulation.guards.table import BY_CODE, GUARDS
from ledger.regulation.registry.duties import duties
from ledger.regulation.registry.registry import Registry
from tests.rows import each, of

EDITION = load_edition()
TYPES = load().types
CYCLE = life_cycle()
THEN, SINCE = date(2024, 6, 4), date(2025, 8, 4)


def acts_citing(article: str) -> set[str]:
    """Act types whose source is this article, or a point of it."""
    dotted = f"{article}."
    return {
        name
        for name, kind in TYPES.items()
        if any(s == article or s.startswith(dotted) for s in kind.source)
    }


def guards_citing(article: str) -> set[str]:
    """Guards whose source is this article, or a point of it."""
    dotted = f"{article}."
    return {g.code for g in GUARDS if any(s == article or s.startswith(dotted) for s in g.source)}


# -- §2 the article map ---------------------------------------------------------------------------

#: Article to acts and guards that take something from it.
ARTICLES: Final = [
    ("QĐ.1", {"RegulationVersionAdopted", "REGULATION_BY_ISSUER"}),
    ("QĐ.2", {"RegulationVersionAdopted"}),
    ("2.1", {"ExternalRequestReceived", "EXTERNAL_REQUEST_WRITTEN"}),
    ("3.3", {"VerificationConcluded", "LIMBS_TESTED", "FINDING_SUPPORTS_MEASURE"}),
    ("4.1", {"DirectionReceived"}),
    ("4.2", {"PROPORTIONALITY_NOTE", "HandlingDecided", "TechnicalMeasureOrdered"}),
    ("4.3", {"AGENCY_HOLDS_FUNCTION", "REFERRAL_COMPETENCE", "ReferralReturned"}),
    ("4.4", {"ClassificationAssigned", "SECRET_CONTENT_LOW", "CIRCULATION_LEVEL"}),
    ("5.2", {"ImmediateMeasureTaken", "LeadAgencyNotified", "BASIS_MISSING"}),
    ("5.3", {"AppraisalRequested", "AppraisalGiven", "VerificationAnswered"}),
    ("5.4", {"InspectionTeamEstablished", "InspectionConcluded", "HandlingDecided"}),
    ("5.5", {"PressResultProvided", "OfficialInformationReleased"}),
    ("6.1", {"ORAL_UNCONFIRMED"}),
    ("6.2", {"MeetingConvened", "MeetingConcluded"}),
    ("6.3", {"InspectionTeamEstablished", "TEAM_KIND_BY_DATE"}),
    ("6.4", {"ReviewConferenceHeld"}),
    ("7.1", {"IntakePointPublished", "ReportReceived"}),
    ("7.2.a", {"VerificationConcluded", "FINDING_BEFORE_MEASURE", "MEASURE_BEFORE_VERIFICATION"}),
    ("7.2.b", {"VerificationRequested", "VerificationAnswered", "STATUTORY_BASIS_FOR_REQUEST"}),
    ("7.2.c", {"ReportReceived", "LeadAgencyNotified", "ADDRESSED_TO_LEAD"}),
    ("8.1", {"ProposalSubmitted", "HandlingDecided", "TakedownProposed", "LEAD_ONLY"}),
    ("8.2", {"AppraisalGiven"}),
    ("8.3", {"MemberSeconded", "SECONDED_NO_CONFLICT"}),
    ("8.4", {"ResultNotified", "RESULT_NOTICE_BOTH", "LEAD_NOT_INFORMED"}),
    ("8.5", {"AppraisalGiven", "InternalHandlingCounted"}),
    ("8.6", {"AppraisalGiven", "MEDIA_NEEDS_WRITTEN_REQUEST"}),
    ("8.7", {"ReportReceived"}),
    ("9", {"ResultNotified", "StatisticsRequested", "STATISTICS_RESTATED"}),
    ("11.3", {"DifficultyReported", "AmendmentProposed", "VIA_LEAD_IN_WRITING"}),
]


def test_article_is_taken_into_the_ledger() -> None:
    """§2: what each article asks for is an act or a guard that cites it."""
    for article, taken in each(ARTICLES):
        with of(article):
            assert taken <= acts_citing(article) | guards_citing(article)


@pytest.mark.parametrize("article", ["1.1", "1.2", "3.1", "3.2", "5.1", "10", "11.1", "11.2"])
def test_article_from_which_the_ledger_takes_no_act(article: str) -> None:
    """§2: purpose (1), terms (3.1, 3.2), propaganda (5.1), funding (10), implementation (11)."""
    assert not acts_citing(article) | guards_citing(article)


def test_article_2_2_names_bodies_that_the_registry_holds() -> None:
    """2.2: departments, central line agencies in the province, district committees."""
    registry = Registry.founded()
    for function in ("DEPT", "CENTRAL_LINE", "DISTRICT"):
        assert registry.holders(function, THEN), function


def test_article_6_1_gives_the_channels() -> None:
    """6.1: document, email, telephone, text message, audio and video recording, other forms."""
    named = {"DOCUMENT", "EMAIL", "PHONE", "SMS", "AUDIO", "VIDEO", "OTHER"}
    assert named <= set(CHANNELS)


def test_article_7_1_gives_hotline_and_address() -> None:
    """7.1: the lead offers a hotline and an email address."""
    kinds = TYPES["IntakePointPublished"].facts["kind"]["enum"]
    assert {"HOTLINE", "EMAIL"} <= set(kinds)
    assert TYPES["IntakePointPublished"].who == ("LEAD",)


def test_article_3_3_has_three_limbs_tested_one_by_one() -> None:
    """3.3: each limb has a result, reasons, and the provision with article and clause."""
    limb = TYPES["VerificationConcluded"].facts["limbs"]["fields"]
    assert limb["limb"]["enum"] == ["a", "b", "c"]
    assert {"result", "reasons"} <= {n for n, f in limb.items() if f.get("required")}
    assert {"instrument", "article", "clause", "point"} <= limb.keys()


def test_article_4_2_asks_for_a_note_on_every_act_that_restricts() -> None:
    """4.2: no obstruction of press and speech; the note is a fact wherever the guard asks it."""
    asked = {n for n, kind in TYPES.items() if "PROPORTIONALITY_NOTE" in kind.requires}
    assert asked
    for name in asked:
        note = TYPES[name].facts["proportionality"]
        assert {"necessity", "milder_means", "speech_note"} == note["fields"].keys()
        assert note["required"]
        assert TYPES[name].restrictive, name
    unasked = {n for n, kind in TYPES.items() if kind.restrictive} - asked
    assert not unasked


# -- §3 actors ------------------------------------------------------------------------------------

#: Code, modality on 04/6/2024, modality on 04/8/2025, articles.
BODIES: Final = [
    ("PPC", "NONE", "NONE", ("8.1.a", "8.1.d", "8.4.b", "9", "11.3")),
    ("PPC_OFFICE", "OBLIGED", "OBLIGED", ("QĐ.2",)),
    ("LEAD", "OBLIGED", "OBLIGED", ("QĐ.2", "8.1")),
    ("PPB", "REQUESTED", "REQUESTED", ("8.2",)),
    ("STEERING", "NONE", "NONE", ("4.1",)),
    ("POLICE", "OBLIGED", "OBLIGED", ("8.3",)),
    ("INVESTIGATOR", "LAW", "LAW", ("8.1.d",)),
    ("DEPT", "OBLIGED", "OBLIGED", ("8.4",)),
    ("CENTRAL_LINE", "OBLIGED", "OBLIGED", ("8.4", "2.2")),
    ("DISTRICT", "OBLIGED", None, ("QĐ.2", "8.4")),
    ("COMMUNE", "NONE", "LAW", ("8.1.b",)),
    ("JOURNALISTS", "OBLIGED", "OBLIGED", ("8.5",)),
    ("MEDIA", "OBLIGED", "OBLIGED", ("8.6",)),
    ("BUREAUS", "NONE", "NONE", ("8.1.i",)),
    ("FRONT", "REQUESTED", "REQUESTED", ("8.7",)),
    ("MINISTRY", "LAW", "LAW", ("8.1.g",)),
    ("PROVIDER", "LAW", "LAW", ("8.1.c",)),
    ("OTHER_AUTH", "NONE", "NONE", ("2.1",)),
    ("EXPERT", "LAW", "LAW", ("8.1.h",)),
    ("EXPERT_COUNCIL", "LAW", "LAW", ("8.1.h",)),
    ("REPORTER", "VOLUNTARY", "VOLUNTARY", ("7.1",)),
    ("AFFECTED", "NONE", "NONE", ("ADD",)),
    ("COMPLAINTS_BODY", "LAW", "LAW", ("ADD",)),
    ("OVERSEER", "NONE", "NONE", ("ADD",)),
]
PARTIES: Final = {"REPORTER", "AFFECTED"}
#: Bodies that are formed for one case or that the edition names no agency for.
NOT_IN_REGISTRY: Final = {"EXPERT_COUNCIL", "BUREAUS"}


def modality(code: str, day: date) -> str | None:
    """How far a body is bound that day; None where no line covers it."""
    for line in duties(EDITION)[code].lines:
        if within(line.valid_from, line.valid_to, day):
            return line.modality
    return None


def test_body_is_bound_as_its_article_says() -> None:
    """§3 (gap 27): modality is data, by date, with the article, and is shown."""
    for code, then, since, source in each(BODIES):
        with of(code):
            duty = duties(EDITION)[code]
            assert (modality(code, THEN), modality(code, SINCE)) == (then, since)
            assert duty.lines[0].source == source
            shown = catalogue_page.explain("duty", code)
            assert f"`{then}`" in shown
            assert ", ".join(source) in shown


def test_every_body_of_the_table_and_no_other_is_in_the_data() -> None:
    """§3: 24 rows, in their order."""
    assert list(duties(EDITION)) == [code for code, *_ in BODIES]
    codes = {m["code"] for m in EDITION.duties["modalities"]}
    assert codes == {"OBLIGED", "REQUESTED", "LAW", "VOLUNTARY", "NONE"}
    asked = TYPES["AgencyRegistered"].facts["duty_modality"]["enum"]
    assert set(asked) == codes


@pytest.mark.parametrize("code", [b[0] for b in BODIES])
def test_body_is_an_agency_of_the_registry_or_a_token(code: str) -> None:
    """§3: which agency holds a role on a day is the registry's answer; a person is a token."""
    if code in PARTIES:
        assert code in load().addressees
        assert not Registry.founded().is_function(code)
        return
    assert load().roles[code]["kind"] == "function"
    if code not in NOT_IN_REGISTRY:
        day = SINCE if code == "COMMUNE" else THEN
        assert Registry.founded().holders(code, day), code


def test_modality_is_shown_beside_the_agency_for_the_days_it_existed() -> None:
    """§3: OBLIGED until 30/6/2025 for a district; LAW since 01/7/2025 for a commune."""
    district = catalogue_page.explain("agency", "bacninh.h-g")
    assert "`DISTRICT` `OBLIGED`" in district
    assert "2025-06-30 (QĐ.2, 8.4)" in district
    commune = catalogue_page.explain("agency", "bacninh2025.x-q")
    assert "`COMMUNE` `LAW`" in commune
    assert "`COMMUNE` `NONE`" not in commune


def test_nobody_is_bound_before_the_regulation() -> None:
    """QĐ.2: in force from the day of signing, 21/3/2023."""
    day = date(2023, 3, 20)
    assert {modality(code, day) for code, *_ in BODIES} == {None}


# -- §4 duties and acts ---------------------------------------------------------------------------

DUTIES: Final = [
    ("LEAD", "8.1.a", "ProposalSubmitted"),
    ("LEAD", "8.1.d", "HandlingDecided"),
    ("LEAD", "8.1.c", "TechnicalMeasureOrdered"),
    ("LEAD", "8.1.d", "InspectionTeamEstablished"),
    ("LEAD", "8.1.d", "CriminalReferralSent"),
    ("LEAD", "8.1.g", "TakedownProposed"),
    ("LEAD", "8.1.h", "ExpertiseRequested"),
    ("LEAD", "8.1.h", "ExpertCouncilProposed"),
    ("LEAD", "8.1.i", "OfficialInformationReleased"),
    ("LEAD", "7.1", "IntakePointPublished"),
    ("LEAD", "8.1.a", "ReviewConferenceHeld"),
    ("PPB", "8.2.c", "AppraisalGiven"),
    ("POLICE", "8.3.c", "MemberSeconded"),
    ("DEPT", "8.4.b", "ResultNotified"),
    ("DEPT", "8.4.b", "LeadAgencyNotified"),
    ("DEPT", "8.4.c", "MemberSeconded"),
    ("DEPT", "8.4.d", "OfficialInformationReleased"),
    ("CENTRAL_LINE", "8.4.c", "MemberSeconded"),
    ("DISTRICT", "8.4.c", "MemberSeconded"),
    ("COMMUNE", "8.4.c", "MemberSeconded"),
    ("JOURNALISTS", "8.5.b", "ReportReceived"),
    ("JOURNALISTS", "8.5.b", "AppraisalGiven"),
    ("JOURNALISTS", "8.5.c", "InternalHandlingCounted"),
    ("MEDIA", "8.6.a", "OfficialInformationReleased"),
    ("MEDIA", "8.6.b", "AppraisalGiven"),
    ("FRONT", "8.7", "ReportReceived"),
    ("DEPT", "8.4.a", "InternalHandlingCounted"),
    ("DEPT", "9", "StatisticsSubmitted"),
    ("DEPT", "9", "SituationReportSubmitted"),
    ("DEPT", "11.3", "DifficultyReported"),
]
#: Roles of a case that any body may come to hold by its acts.
ANY_BODY: Final = {"ANY_AGENCY", "HANDLER", "FINDER", "ASKED", "RECEIVER"}


def test_duty_is_an_act_that_the_body_may_write() -> None:
    """§4: the duty of the article is recorded, by the body that has it."""
    for body, article, act in each(DUTIES):
        with of((body, article, act)):
            kind = TYPES[act]
            assert article in kind.source
            assert {body, *ANY_BODY} & set(kind.who)


def test_acts_of_a_body_exist_and_name_it_or_are_open_to_it() -> None:
    """§4: what duties.json says is recorded is in the catalogue."""
    for code in each([b[0] for b in BODIES]):
        with of(code):
            for act in duties(EDITION)[code].acts:
                kind = TYPES[act]
                open_to = {*kind.who, *kind.to}
                incoming = act.endswith(
                    ("Received", "Answered", "Accepted", "Acknowledged", "Given")
                )
                assert incoming or {code, *ANY_BODY, "LEAD", "OVERSEER"} & open_to, (code, act)


def test_what_is_only_counted_has_no_fact_for_a_name() -> None:
    """8.4.a, 8.5.c: own staff's and members' discipline is a number, never a name."""
    facts = TYPES["InternalHandlingCounted"].facts
    assert facts.keys() == {"period_from", "period_to", "number", "kind"}
    counted = {n["source"] for d in duties(EDITION).values() for n in d.not_recorded}
    assert {"8.1.b", "8.1.đ", "8.2.a", "8.2.b", "8.3.a", "8.4.a", "8.4.đ", "8.5.a"} <= counted


def test_awareness_rebuttal_and_watching_have_no_act() -> None:
    """5.1, 8.1.b, 8.1.đ, 8.2.a: nothing here monitors, imports, ranks or rebuts."""
    names = " ".join(TYPES)
    assert not re.search(
        r"Monitor|Crawl|Scan|Import|Score|Rank|Predict|Rebut|Trend|Awareness", names
    )
    assert not acts_citing("8.1.đ") | guards_citing("8.1.đ") | acts_citing("8.2.a")


# -- §5 the acts by group -------------------------------------------------------------------------

#: Subsection, act, articles it stands on (none: added).
ACTS: Final = [
    ("5.1", "ReportReceived", "7.1 7.2.a 7.2.c"),
    ("5.1", "DetectionRecorded", "5.2 8.4.b 9"),
    ("5.1", "ExternalRequestReceived", "2.1"),
    ("5.1", "ReporterIdentitySealed", ""),
    ("5.1", "ReporterIdentityDisclosed", ""),
    ("5.1", "CaseRegistered", "8.1.a 8.4.b"),
    ("5.1", "CaseMerged", ""),
    ("5.2", "ImmediateMeasureTaken", "5.2"),
    ("5.2", "LeadAgencyNotified", "5.2 7.2.c 8.4.b"),
    ("5.2", "MeasureReviewed", "4.2"),
    ("5.2", "MeasureLifted", "4.2"),
    ("5.3", "CompetenceDetermined", "7.2.a 8.4.b 4.3"),
    ("5.3", "VerificationRequested", "7.2.b 5.3"),
    ("5.3", "VerificationAnswered", "7.2.b 5.3"),
    ("5.3", "VerificationConcluded", "7.2.a"),
    ("5.4", "AppraisalRequested", "5.3 8.2.c 8.5.b 8.6.b"),
    ("5.4", "AppraisalGiven", "5.3 8.2.c 8.5.b 8.6.b"),
    ("5.4", "ExpertiseRequested", "8.1.h"),
    ("5.4", "ExpertCouncilProposed", "8.1.h"),
    ("5.4", "ExpertCouncilEstablished", "8.1.h"),
    ("5.4", "ExpertConclusionReceived", "8.1.h"),
    ("5.4", "MeetingConvened", "6.2"),
    ("5.4", "MeetingConcluded", "6.2"),
    ("5.5", "HandlingDecided", "5.4 8.1.d 8.4.b"),
    ("5.5", "ProposalSubmitted", "8.1.a 8.1.d"),
    ("5.5", "DirectionReceived", "8.1.a 8.1.d"),
    ("5.5", "InspectionTeamEstablished", "6.3 8.1.d 5.4"),
    ("5.5", "MemberSecondmentRequested", "8.3.c 8.4.c"),
    ("5.5", "MemberSeconded", "8.3.c 8.4.c"),
    ("5.5", "InspectionConcluded", "5.4 8.1.d"),
    ("5.5", "ViolationRecordMade", "8.1.d"),
    ("5.5", "ExplanationReceived", ""),
    ("5.5", "SanctionProposed", ""),
    ("5.5", "SanctionDecided", "8.1.d 5.4"),
    ("5.5", "SanctionExecuted", ""),
    ("5.5", "SanctionAnnulled", ""),
    ("5.5", "TechnicalMeasureOrdered", "8.1.c"),
    ("5.5", "TechnicalMeasureReported", "8.1.c"),
    ("5.5", "TakedownProposed", "8.1.g"),
    ("5.5", "TakedownAnswered", "8.1.g"),
    ("5.5", "TakedownWithdrawn", "4.2"),
    ("5.6", "ReferralSent", "8.4.b 7.2.a"),
    ("5.6", "PartialReferralSent", "8.4.b"),
    ("5.6", "ReferralAccepted", "4.3"),
    ("5.6", "ReferralReturned", "4.3"),
    ("5.6", "ReferredResultReceived", "8.4.b 9"),
    ("5.6", "CriminalReferralSent", "8.1.d"),
    ("5.6", "PartialCriminalReferralSent", "8.1.d"),
    ("5.6", "CriminalReferralAcknowledged", ""),
    ("5.6", "CriminalResultReceived", ""),
    ("5.7", "OfficialInformationReleased", "5.5 8.1.e 8.1.i 8.4.d 8.6.a"),
    ("5.7", "CorrectionPublished", ""),
    ("5.7", "PressResultProvided", "5.5"),
    ("5.8", "ResultDetermined", "8.4.b 9"),
    ("5.8", "ResultNotified", "8.4.b 9"),
    ("5.8", "ReporterInformed", ""),
    ("5.8", "AffectedPartyInformed", ""),
    ("5.8", "CaseClosed", ""),
    ("5.8", "CaseReopened", ""),
    ("5.8", "FileArchived", ""),
    ("5.9", "ComplaintReceived", ""),
    ("5.9", "ComplaintAccepted", ""),
    ("5.9", "ReviewOpened", ""),
    ("5.9", "ReviewDecided", ""),
    ("5.9", "DenunciationRouted", ""),
    ("5.9", "RecordCorrected", ""),
    ("5.10", "ClassificationAssigned", "4.4"),
    ("5.10", "ClassificationAdjusted", "4.4"),
    ("5.10", "ClassificationExtended", "4.4"),
    ("5.10", "Declassified", "4.4"),
    ("5.10", "SecretDelivered", "4.4"),
    ("5.10", "SecretAccessed", "4.4"),
    ("5.10", "SecretCopyPermitted", "4.4"),
    ("5.10", "SecretProvisionPermitted", "4.4"),
    ("5.10", "SecretDestroyed", "4.4"),
    ("5.10", "SecretLossReported", "4.4"),
    ("5.11", "CaseCustodyTransferred", ""),
    ("5.11", "AccessLogged", ""),
    ("5.12", "IntakePointPublished", "7.1"),
    ("5.12", "RegulationVersionAdopted", "QĐ.1 QĐ.2"),
    ("5.12", "StatisticsRequested", "9"),
    ("5.12", "StatisticsSubmitted", "9"),
    ("5.12", "SituationReportSubmitted", "9 8.4.b"),
    ("5.12", "ReviewConferenceHeld", "6.4 8.1.a"),
    ("5.12", "DifficultyReported", "11.3"),
    ("5.12", "AmendmentProposed", "11.3"),
    ("5.12", "AgencySuccessionRecorded", ""),
    ("5.12", "InternalHandlingCounted", "8.4.a 8.5.c"),
]
CLASS_3: Final = {
    "ReporterIdentityDisclosed",
    "CriminalReferralSent",
    "PartialCriminalReferralSent",
    "Declassified",
    "SecretDestroyed",
    "AgencySuccessionRecorded",
    "RecordErased",
}
#: Lifting costs fewer signatures than imposing (regulation.md §9, rule 7).
ONE_LIFTS: Final = {"MeasureLifted", "TakedownWithdrawn"}


def test_act_exists_with_its_article_author_and_states() -> None:
    """§5: the catalogue has it, cites the article, and says who, to whom, whence and where to."""
    for section, act, articles in each(ACTS):
        with of(section):
            kind = TYPES[act]
            assert set(articles.split()) <= set(kind.source)
            if not articles:
                assert kind.origin == "ADD" or kind.law
            assert kind.who, "somebody must be able to write it"
            codes = set(load().roles) | set(load().addressees)
            assert {*kind.who, *kind.to} <= codes
            assert kind.signer_roles[0] == "AUTHOR"
            assert len(kind.signer_roles) == kind.signature_class
            assert set(kind.requires) <= BY_CODE.keys()
            if section == "5.12":
                assert "programme" in kind.streams
                assert kind.states_from is None
            elif kind.states_from is not None:
                assert set(kind.states_from) <= {None, *CYCLE.labels}
            shown = catalogue_page.explain("act", act)
            assert kind.vi in shown
            assert kind.en in shown


def test_signature_classes_are_those_of_the_page() -> None:
    """§5 (added): class 3 where the page says so; one approver lifts what two imposed."""
    assert {n for n, kind in TYPES.items() if kind.signature_class == 3} == CLASS_3
    assert {TYPES[n].signature_class for n in ONE_LIFTS} == {1}
    assert TYPES["TechnicalMeasureOrdered"].signature_class == 2


def test_acts_on_secrets_have_no_state_of_a_case() -> None:
    """4.4; §5.10: they live only in the log of their level."""
    for name in (a for s, a, _ in ACTS if s == "5.10"):
        assert TYPES[name].states_from is None
        assert "SECRET_CONTENT_LOW" in TYPES[name].requires


def test_findings_and_outcomes_are_those_of_the_page() -> None:
    """7.2.a, 3.3 and 8.4.b, 9: the words a finding and a result may say."""
    finding = TYPES["VerificationConcluded"].facts["finding"]["enum"]
    assert finding == [
        "TRUE_NO_BREACH",
        "TRUE_BUT_BREACH",
        "FALSE",
        "FALSE_FABRICATED",
        "FALSE_IMPERSONATION",
        "UNVERIFIABLE",
        "OPINION_NOT_FACT",
        "OUT_OF_SCOPE",
    ]
    outcome = TYPES["ResultDetermined"].facts["outcome"]["enum"]
    assert outcome == [
        "NO_VIOLATION",
        "INSUFFICIENT_BASIS",
        "HANDLED_REMOVED",
        "HANDLED_CORRECTED",
        "SANCTIONED",
        "REMINDED",
        "REFERRED_RESULT",
        "CRIMINAL_REFERRED",
        "OVERTURNED",
        "DUPLICATE",
        "OUT_OF_SCOPE",
    ]


# -- §6 the life of a case ------------------------------------------------------------------------

#: The diagram: from, to, act, dispositions (none: the act always moves so).
MOVES: Final = """
- RECEIVED ReportReceived
- RECEIVED DetectionRecorded
- RECEIVED ExternalRequestReceived
RECEIVED SCREENING CaseRegistered
SCREENING SCREENING CompetenceDetermined other,outside
SCREENING VERIFYING CompetenceDetermined own,shared
SCREENING ESCALATED ProposalSubmitted
SCREENING REFERRED ReferralSent
SCREENING REFERRED_CRIMINAL CriminalReferralSent
SCREENING CLOSED CaseClosed
VERIFYING ASSESSING VerificationConcluded
VERIFYING REFERRED ReferralSent
VERIFYING REFERRED_CRIMINAL CriminalReferralSent
VERIFYING RESULT_RECORDED ResultDetermined
ASSESSING ESCALATED ProposalSubmitted
VERIFYING ESCALATED ProposalSubmitted
HANDLING ESCALATED ProposalSubmitted
ASSESSING VERIFYING ConclusionReconsidered
ASSESSING HANDLING HandlingDecided
ASSESSING REFERRED ReferralSent
ASSESSING REFERRED_CRIMINAL CriminalReferralSent
ASSESSING RESULT_RECORDED ResultDetermined
ESCALATED SCREENING DirectionReceived assign
ESCALATED ASSESSING DirectionReceived refer,reassess
ESCALATED HANDLING DirectionReceived own
ESCALATED VERIFYING DirectionReceived verify
HANDLING REFERRED ReferralSent
HANDLING REFERRED_CRIMINAL CriminalReferralSent
HANDLING RESULT_RECORDED ResultDetermined
HANDLING UNDER_REVIEW ReviewOpened
REFERRED SCREENING ReferralReturned whole
REFERRED RESULT_RECORDED ReferredResultReceived whole
REFERRED_CRIMINAL VERIFYING CriminalResultReceived returned_unverified
REFERRED_CRIMINAL ASSESSING CriminalResultReceived returned
REFERRED_CRIMINAL RESULT_RECORDED CriminalResultReceived final
RESULT_RECORDED VERIFYING CriminalResultReceived returned_unverified
RESULT_RECORDED ASSESSING CriminalResultReceived returned
RESULT_RECORDED CLOSED CaseClosed
RESULT_RECORDED UNDER_REVIEW ReviewOpened
CLOSED SCREENING CaseReopened
CLOSED UNDER_REVIEW ReviewOpened
CLOSED ARCHIVED FileArchived
UNDER_REVIEW VERIFYING ReviewDecided remanded
UNDER_REVIEW HANDLING ReviewDecided resumed
UNDER_REVIEW RESULT_RECORDED ReviewDecided upheld,amended,overturned,inadmissible
ARCHIVED UNDER_REVIEW ReviewOpened
"""
#: Results and returns of a part, interim criminal news: they stay in the state they meet.
NOT_DRAWN: Final = {"part", "noted"}
STATES: Final = [
    ("RECEIVED", "7.1 7.2.a 7.2.c 5.2 2.1"),
    ("SCREENING", "7.2.a 8.4.b"),
    ("VERIFYING", "7.2.a 7.2.b 8.4.b"),
    ("ASSESSING", "5.3 6.2 8.1.h 8.2.c"),
    ("ESCALATED", "8.1.a 8.1.d"),
    ("HANDLING", "5.4 8.1.d 8.4.b"),
    ("REFERRED", "8.4.b"),
    ("REFERRED_CRIMINAL", "8.1.d"),
    ("RESULT_RECORDED", "8.4.b 9"),
    ("CLOSED", ""),
    ("UNDER_REVIEW", ""),
    ("ARCHIVED", ""),
]
#: Sub-process to the steps of the page: act and the states it leads to.
STEPS: Final[dict[str, list[tuple[str, str]]]] = {
    "measure": [
        ("ImmediateMeasureTaken", "TAKEN"),
        ("TechnicalMeasureOrdered", "TAKEN"),
        ("MeasureReviewed", "CONFIRMED NARROWED LIFTED"),
        ("MeasureLifted", "LIFTED"),
    ],
    "verification": [
        ("VerificationRequested", "REQUESTED"),
        ("VerificationAnswered", "ANSWERED PARTLY_ANSWERED REFUSED"),
        ("VerificationConcluded", "CONCLUDED"),
    ],
    "finding": [("VerificationConcluded", "CONCLUDED SUPERSEDED")],
    "appraisal": [("AppraisalRequested", "REQUESTED"), ("AppraisalGiven", "GIVEN")],
    "expertise": [
        ("ExpertiseRequested", "ORDERED"),
        ("ExpertCouncilProposed", "COUNCIL_PROPOSED"),
        ("ExpertCouncilEstablished", "COUNCIL_ESTABLISHED COUNCIL_REFUSED"),
        ("ExpertConclusionReceived", "CONCLUDED DECLINED"),
    ],
    "meeting": [("MeetingConvened", "CONVENED"), ("MeetingConcluded", "CONCLUDED CANCELLED")],
    "team": [
        ("InspectionTeamEstablished", "ESTABLISHED"),
        ("InspectionConcluded", "CONCLUDED DISSOLVED"),
    ],
    "secondment": [
        ("MemberSecondmentRequested", "REQUESTED"),
        ("MemberSeconded", "SECONDED REFUSED"),
    ],
    "sanction": [
        ("ViolationRecordMade", "RECORD_MADE"),
        ("ExplanationReceived", "EXPLAINED"),
        ("SanctionProposed", "PROPOSED"),
        ("SanctionDecided", "DECIDED DROPPED"),
        ("SanctionExecuted", "EXECUTED SUSPENDED"),
        ("SanctionAnnulled", "ANNULLED AMENDED"),
        ("CriminalReferralSent", "TRANSFERRED"),
    ],
    "takedown": [
        ("TakedownProposed", "PROPOSED"),
        ("TakedownAnswered", "ACCEPTED EXECUTED REJECTED RESTORED"),
        ("TakedownWithdrawn", "WITHDRAWN RESTORATION_ASKED"),
    ],
    "referral": [
        ("ReferralSent", "SENT"),
        ("PartialReferralSent", "SENT"),
        ("ReferralAccepted", "ACCEPTED"),
        ("ReferredResultReceived", "RESULT"),
        ("ReferralReturned", "RETURNED CONFLICT"),
        ("DirectionReceived", "DECIDED"),
    ],
    "criminal_referral": [
        ("CriminalReferralSent", "SENT"),
        ("PartialCriminalReferralSent", "SENT"),
        ("CriminalReferralAcknowledged", "ACKNOWLEDGED EXTENDED"),
        ("CriminalResultReceived", "OPENED NOT_OPENED SUSPENDED RETURNED_FOR_SANCTION"),
    ],
    "complaint": [
        ("ComplaintReceived", "RECEIVED"),
        ("ComplaintAccepted", "ACCEPTED NOT_ACCEPTED WITHDRAWN COURT"),
        ("ReviewDecided", "DECIDED"),
    ],
    "review": [("ReviewOpened", "OPEN"), ("ReviewDecided", "DECIDED")],
    "classification": [
        ("ClassificationAssigned", "CLASSIFIED"),
        ("ClassificationAdjusted", "ADJUSTED"),
        ("ClassificationExtended", "EXTENDED"),
        ("Declassified", "PARTLY_DECLASSIFIED DECLASSIFIED"),
        ("SecretDestroyed", "DESTROYED"),
    ],
    "public_text": [
        ("OfficialInformationReleased", "RELEASED"),
        ("CorrectionPublished", "CORRECTED"),
    ],
}


def test_diagram_and_transitions_are_the_same_rows() -> None:
    """§6: every arrow is a row, and every row is one but those of a part and of what joins."""
    drawn = set()
    for line in MOVES.split("\n"):
        if line:
            start, end, act, *branches = line.split()
            for branch in branches[0].split(",") if branches else [None]:
                drawn.add((act, None if start == "-" else start, branch, end))
    rows = {
        (a, s, d, t)
        for (a, s, d), t in CYCLE.transitions.items()
        if d not in NOT_DRAWN and not (a in INTAKE and s == t)
    }
    assert rows == drawn
    for (_, before, undrawn), after in CYCLE.transitions.items():
        assert undrawn not in NOT_DRAWN or before == after


def test_state_has_its_article_and_its_words() -> None:
    """§6: twelve states, with the article from which each comes (none: added)."""
    for code, source in each(STATES):
        with of(code):
            entry = next(s for s in EDITION.life_cycle["states"] if s["code"] == code)
            assert set(source.split()) <= set(entry.get("source", ()))
            assert CYCLE.labels[code] == (entry["vi"], entry["name_en"])
            assert entry["vi"]
            assert entry["en"]
            if not source:
                assert entry["origin"] == "ADD"


def test_states_and_clocks_have_a_short_name_in_english() -> None:
    """A heading is a name; what the table explains in `en` is for the catalogue."""
    tables = EDITION.life_cycle
    names = [entry["name_en"] for entry in (*tables["states"], *tables["clocks"])]
    assert all(0 < len(name) <= 40 and not set(name) & set("?;/(:") for name in names)
    assert len(set(names)) == len(names)


def test_there_are_no_other_states_and_no_waiting_one() -> None:
    """§6, gap 24: no pause; a case waits in its state."""
    assert list(CYCLE.labels) == [code for code, _ in STATES]


def test_sub_process_takes_the_steps_of_the_page() -> None:
    """§6: each step is a row of moves, and its act is one that moves this sub-process."""
    for name in each(sorted(STEPS)):
        with of(name):
            for act, states in STEPS[name]:
                reached = {t for _, a, t in CYCLE.rows[name] if a == act}
                assert set(states.split()) <= reached, (name, act)
                assert name in {m.name for m in CYCLE.sub_moves[act]}


def test_every_sub_process_is_on_the_page() -> None:
    """§6: sixteen kinds, each keyed by its own id."""
    assert set(CYCLE.rows) == set(STEPS)


def test_a_measure_lapses_by_time_alone() -> None:
    """4.2; §6: review date passed unconfirmed."""
    measure = next(p for p in EDITION.life_cycle["sub_processes"] if p["name"] == "measure")
    by_time = [m for m in measure["moves"] if m["act"] is None]
    assert [(m["from"], m["clock"], m["to"]) for m in by_time] == [
        ("TAKEN", "REVIEW_MEASURE", "LAPSED"),
        ("TAKEN", "MEASURE_CONFIRM", "LAPSED"),
        ("CONFIRMED", "REVIEW_MEASURE", "LAPSED"),
        ("NARROWED", "REVIEW_MEASURE", "LAPSED"),
    ]


# -- §7 guards ------------------------------------------------------------------------------------

#: Rule of the page to the guards that keep it, and the article where it has one.
RULES: Final = [
    ("G1", {"BASIS_PRESENT", "BASIS_COMPETENCE_AND_SUBSTANCE", "NOT_DECISION_90_ALONE"}, ()),
    ("G2", {"INSTRUMENT_IN_FORCE"}, ()),
    ("G3", {"AGENCY_EXISTS", "AGENCY_HOLDS_FUNCTION", "ADDRESSEE_EXISTS"}, ("4.3",)),
    ("G4", {"FINDING_BEFORE_MEASURE", "URGENT_REVIEW_DUE"}, ("7.2.a",)),
    ("G5", {"RECORD_BEFORE_SANCTION", "EXPLANATION_WINDOW_OVER", "NO_EXPLANATION_HEARD"}, ()),
    ("G6", {"NO_SANCTION_AFTER_CRIMINAL_REFERRAL"}, ()),
    ("G7", {"CLOSING_CHECKLIST", "CLOSE_FROM_SCREENING"}, ()),
    (
        "G8",
        {"DISTINCT_SIGNERS", "SECONDED_NO_CONFLICT", "EXPERT_NOT_PARTY", "REVIEWER_NOT_TAKER"},
        ("8.3.c", "8.4.c"),
    ),
    ("G9", {"MEDIA_NEEDS_WRITTEN_REQUEST"}, ("8.6.b",)),
    ("G10", {"LEAD_ONLY"}, ("8.1.g",)),
    ("G11", {"SECRET_LIST_ITEM", "LEVEL_POWER", "SECRET_CONTENT_LOW"}, ("4.4",)),
    ("G12", {"RESULT_PATH"}, ()),
    ("G13", {"CORRECT_NOT_EDIT", "CORRECTS_NAMED", "LINE_ADDED_NOT_EDITED"}, ()),
    ("G14", {"NO_PERSON_IDENTIFIER"}, ()),
]
BASES_OF_BOTH_KINDS: Final = [
    "HandlingDecided",
    "SanctionDecided",
    "TechnicalMeasureOrdered",
    "TakedownProposed",
    "ReferralSent",
    "PartialReferralSent",
    "CriminalReferralSent",
    "PartialCriminalReferralSent",
    "ReviewDecided",
]


def test_rule_is_kept_by_its_guards() -> None:
    """§7: the guards of a rule carry its number, and its article where it has one."""
    for rule, codes, source in each(RULES):
        with of(rule):
            kept = {g.code for g in GUARDS if g.rule == rule}
            assert codes <= kept
            cited = {s for code in kept for s in BY_CODE[code].source}
            assert set(source) <= cited


@pytest.mark.parametrize("act", BASES_OF_BOTH_KINDS)
def test_deciding_act_needs_competence_and_substance_beside_decision_90(act: str) -> None:
    """G1: the regulation grants no power over a person and is never the only basis."""
    assert {"BASIS_COMPETENCE_AND_SUBSTANCE", "NOT_DECISION_90_ALONE"} <= TYPES[act].requires


@cache
def _sources() -> str:
    here = Path(__file__).parent
    return "\n".join(
        p.read_text("utf-8") for p in sorted(here.rglob("test_*.py")) if p != Path(__file__)
    )


def test_every_guard_is_tested_by_name_and_cites_its_source() -> None:
    """§7: 133 guards, each with a test that names it, a source or an origin, and two sentences."""
    for code in each([g.code for g in GUARDS]):
        with of(code):
            guard = BY_CODE[code]
            entry = next(g for g in EDITION.guards["guards"] if g["code"] == code)
            assert guard.source or entry["origin"] == "ADD" or guard.rule
            assert guard.vi
            assert guard.en
            assert f'"{code}"' in _sources(), f"no test names {code}"


# -- §8 silences ----------------------------------------------------------------------------------


def codes_of_the_data() -> set[str]:
    """Every act type, clock, limit, guard and state."""
    tables = EDITION.life_cycle
    named = {e["code"] for part in ("clocks", "limits", "states") for e in tables[part]}
    return {*TYPES, *BY_CODE, *named}


def test_there_are_thirty_one_silences_in_order() -> None:
    """§8: each row once."""
    assert [s.n for s in silences(EDITION)] == list(range(1, 32))


def test_silence_is_shown_where_it_bites() -> None:
    """§8: “the regulation doesn't say; this ledger does …”, in both languages, at each place."""
    for n in each(range(1, 32)):
        with of(n):
            row = silences(EDITION)[n - 1]
            assert row.vi.startswith("Quy chế không nêu ")
            assert "; sổ này " in row.vi
            assert row.en.startswith("The regulation doesn't say ")
            assert "; this ledger " in row.en
            assert row.bites
            assert set(row.bites) <= codes_of_the_data()
            for code in row.bites:
                assert row in about(code, EDITION)
                kind = next(k for k in ("act", "guard", "clock", "state") if _knows(k, code))
                shown = catalogue_page.explain(kind, code)
                assert row.vi in shown
                assert row.en in shown
            listed = catalogue_page.explain("silence", str(n))
            assert row.vi in listed
            for act, wanted in row.only.items():
                assert act in row.bites
                for fact, values in wanted.items():
                    spec: Any = TYPES[act].facts[fact]
                    assert set(values) <= {"*", True, *spec.get("enum", ())}


def _knows(kind: str, code: str) -> bool:
    return any(item.code == code for item in catalogue_page.listing(kind))


#: Row, and where it bites first of all.
PLACES: Final = [
    (1, "NOTIFY_LEAD"),
    (2, "ReporterInformed"),
    (3, "AffectedPartyInformed"),
    (4, "CLOSING_CHECKLIST"),
    (5, "SECOND_RETURN_ESCALATES"),
    (6, "ResultNotified"),
    (7, "ORAL_UNCONFIRMED"),
    (8, "ReviewConferenceHeld"),
    (9, "LIMBS_TESTED"),
    (10, "FINDING_SUPPORTS_MEASURE"),
    (11, "RESULT_MATCHES_FINDING"),
    (12, "FINDING_SUPPORTS_MEASURE"),
    (13, "ImmediateMeasureTaken"),
    (14, "TEAM_KIND_BY_DATE"),
    (15, "OfficialInformationReleased"),
    (16, "RESULT_MATCHES_FINDING"),
    (17, "HARM_SHOWN"),
    (18, "ReferralSent"),
    (19, "TechnicalMeasureOrdered"),
    (20, "ExpertCouncilEstablished"),
    (21, "CaseClosed"),
    (22, "SECRET_LIST_ITEM"),
    (23, "ReporterIdentitySealed"),
    (24, "REFERRED"),
    (25, "CaseCustodyTransferred"),
    (26, "CaseRegistered"),
    (27, "AppraisalRequested"),
    (28, "StatisticsRequested"),
    (29, "REFERRAL_COMPETENCE"),
    (30, "DUPLICATE_NAMES_SURVIVOR"),
    (31, "COMPLAINT_LATE"),
]


def test_silence_bites_at_its_place() -> None:
    """§8: where an officer meets the decision."""
    for n, code in each(PLACES):
        with of((n, code)):
            assert code in silences(EDITION)[n - 1].bites


# -- §9 what is not there -------------------------------------------------------------------------


def test_no_fact_holds_an_opinion_a_religion_a_name_or_an_account() -> None:
    """§9: no person entity, and no field for what a profile would be made of."""
    forbidden = re.compile(
        r"(^|_)(name|full_name|religion|ethnic\w*|political\w*|party|phone|email|account|handle"
        r"|ip|birth\w*|gender|score|rank|risk|similar\w*)($|_)"
    )
    found = {
        (act, fact)
        for act, kind in TYPES.items()
        for fact in _facts(kind.facts)
        if forbidden.search(fact)
    }
    # an agency has a name, and so has its territory; nobody else has
    lines = {("RegistryLinesAdded", n) for n in ("name", "short_name", "territory_name")}
    assert found == {("AgencyRegistered", "name"), ("AgencyRegistered", "short_name"), *lines}


def _facts(fields: Any) -> set[str]:  # noqa: ANN401 - facts of acts.json, nested
    return {*fields, *(n for f in fields.values() for n in _facts(f.get("fields", {})))}


def test_whoever_is_touched_is_a_token() -> None:
    """§9, rule 10: reporter, subject, complainant and person are sealed tokens everywhere."""
    for act, kind in TYPES.items():
        for name, spec in kind.facts.items():
            if name in ("reporter", "subject", "complainant", "person"):
                assert spec["type"] == "token", (act, name)
