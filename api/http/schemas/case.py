"""Cases: the listing and the file (http.md §4)."""

from __future__ import annotations

from typing import Final

from marshmallow import fields

from api.http.schemas.base import (
    AGENCY,
    AS_OF,
    BEGINNING,
    DAY,
    DUE,
    UUID,
    AnswerSchema,
    ListingSchema,
    PageSchema,
    ProjectedSchema,
    StrictSchema,
    choice,
    maybe,
    maybe_number,
    number,
    part,
    pattern,
    several,
    text,
    texts,
    whole,
    yes_or_no,
)
from api.http.schemas.enumerations import (
    ACT_TYPE,
    CAPACITY,
    CASE_OUTCOME,
    CASE_SORT,
    CASE_STATE,
    DEADLINE_SOURCE,
    DEADLINE_STATUS,
    FLAG,
    LOG_CLOCK,
    OPENING_RULE,
    SIGNER_ROLE,
    URGENCY,
)
from projections.views.statistics.behind import FIGURES

EXAMPLE_CASE: Final = "5523b6af-da6c-4673-a82c-db8a22dc42d6"
"""Of the statement that the document shows (`api/http/examples.json`): its addresses lead on."""


class CasesQuerySchema(PageSchema):
    """Filters of the case list; all given must hold."""

    state = CASE_STATE.one("Main state.")
    agency = pattern(AGENCY, "Agency id that holds the case, as registered then or now.")
    outcome = CASE_OUTCOME.one("Outcome of the case.")
    act = ACT_TYPE.one("Has an effective act of this type.")
    due_before = pattern(
        DUE, "Has a running clock due before this; a day means its end in Vietnam."
    )
    opened_from = pattern(DAY, "First act on this day or later.")
    opened_to = pattern(DAY, "First act on this day or earlier.")
    flag = FLAG.one("Has had this flag.")
    id_ = pattern(
        BEGINNING,
        "Id begins so; at least six digits.",
        name="id",
    )
    q = pattern(
        r"[^\x00-\x1f\x7f]{1,200}",
        "Words; tone marks and đ/d make no difference. Ordinary only.",
    )
    figure = choice(FIGURES, "Is counted by this figure of `/v1/statistics`, with `counted_from`.")
    counted_from = pattern(DAY, "First day of the period of the figure.")
    counted_to = pattern(DAY, "Its last day.")
    counted_agency = pattern(AGENCY, "The agency that the figure is of.")
    counted_channel = pattern(r"[A-Z_]{1,32}", "The channel, of cases that came in (`CASES_IN`).")
    sort = CASE_SORT.one(
        "Order, `-last_act` by default; `-` turns it round. A case without a deadline or a number"
        " comes behind those that have one.",
    )


class ByNumberQuerySchema(ProjectedSchema):
    """Which of several cases that have a number."""

    agency = pattern(AGENCY, "Agency id that holds the case.")


class AsOfQuerySchema(ProjectedSchema):
    """A moment of the past."""

    as_of = pattern(
        AS_OF,
        "An index, a time like 2024-06-04T08:12:00+07:00, a `recorded_at`, or a day, which means"
        " its end in Vietnam: the file as it stood then.",
    )
    clock = LOG_CLOCK.one(
        "Which clock `as_of` is read on; `recorded` by default, and always for an index.",
    )


class LeadShownSchema(StrictSchema):
    """The lead agency of today."""

    agency = text("Agency id.", required=True)
    label = text("Its name.", required=True)


class AgencyShownSchema(StrictSchema):
    """An agency as the reader should name it."""

    agency = text("Agency id that carries the matter now.", required=True)
    name = text("Name on the day of the act.", required=True)
    label = text("Name then and, where it is gone, who carries on.", required=True)


class HandlerShownSchema(AgencyShownSchema):
    """The agency that handles a case."""

    registered_as = text("Agency id as the case was taken.", required=True)


class ActNamedSchema(StrictSchema):
    """An act as a line refers to it."""

    act_id = text("uuid.", required=True)
    act = text("Act type.", required=True)
    vi = text("Vietnamese name.", required=True)
    en = text("English name.", required=True)
    occurred_at = text("As signed.", required=True)
    agency = text("Agency id.", required=True)


class FindingShownSchema(ActNamedSchema):
    """What the verification found."""

    finding = maybe("Code of the finding.")
    limbs_met = texts("Limbs of article 3.3 found to be met.")


class SinceShownSchema(StrictSchema):
    """The act that brought the state about."""

    act_id = text("uuid.", required=True)
    at = text("When it happened, as signed.", required=True)


class MoveShownSchema(StrictSchema):
    """One step of a sub-process."""

    act_id = text("uuid.", required=True)
    act = text("Act type.", required=True)
    state = text("Where it stood after it.", required=True)


class SubProcessShownSchema(StrictSchema):
    """A measure, a verification, a referral or another sub-process."""

    name = text("Kind.", required=True)
    vi = text("The kind in Vietnamese.", required=True)
    en = text("The kind in English.", required=True)
    id = text("act_id of the act that opened it.", required=True)
    state = text("Where it stands.", required=True)
    open = yes_or_no("Whether somebody has to act.")
    opened_by = fields.Nested(
        ActNamedSchema, required=True, metadata={"description": "The act that opened it."}
    )
    moves = several(MoveShownSchema, "Oldest first.")


class SignedShownSchema(StrictSchema):
    """Who has signed an act that still waits."""

    officer = text("uuid.", required=True)
    role = SIGNER_ROLE.one("As what.", required=True)
    iat = fields.Integer(
        required=True, metadata={"description": "When the signer says it signed: seconds of Unix."}
    )


class AwaitedShownSchema(StrictSchema):
    """Whose signature an act waits for."""

    officer = text("uuid.", required=True)
    post = text("Post, not a name.", required=True)
    post_vi = text("The post in Vietnamese.", required=True)
    role = SIGNER_ROLE.one("As what.", required=True)
    capacity = CAPACITY.one("In whose name; left out where an act of form 1 does not say it.")


class PendingShownSchema(ActNamedSchema):
    """An act that waits for signatures."""

    signed = several(SignedShownSchema, "Who has signed, in their order.")
    waiting_for = several(AwaitedShownSchema, "Who has yet to sign, in their order.")


class ReturnedShownSchema(ActNamedSchema):
    """An act that was sent back unsigned."""

    returned_by = maybe("act_id of the act that returned it.")
    reason = maybe("Why, as its signer wrote.")


class CorrectionShownSchema(ActNamedSchema):
    """A correction of the record or in public."""

    corrects = maybe("act_id of what it corrects.")
    mark = maybe("Kind of correction of the record; null of one in public.")
    member = text("Which member was put right, as a path; only where one was.")
    was = text("What stood there, as it was signed or put right before.")
    now = text("What is right, and what everybody hears from there on.")


class BodyShownSchema(StrictSchema):
    """A body that decides a complaint."""

    agency = text("Agency id.", required=True)
    label = text("Name then and, where it is gone, who carries on.", required=True)


class ComplaintPathSchema(StrictSchema):
    """Where and until when one may complain about a restrictive act."""

    act_id = text("The act.", required=True)
    act = text("Act type.", required=True)
    first_instance = fields.Nested(
        BodyShownSchema, required=True, metadata={"description": "Where a first complaint goes."}
    )
    second_instance = part(BodyShownSchema, "Where a second one goes; null: to court only.")
    until = maybe("Last instant for a first complaint; null: the law names none.")
    source = maybe("Article it comes from.")
    certainty = maybe("How sure the article is.")
    vi = text("All of it as a Vietnamese sentence.", required=True)
    en = text("The same in English.", required=True)


class ClockShownSchema(StrictSchema):
    """A deadline with its source."""

    code = text("Clock.", required=True)
    vi = text("The clock in Vietnamese.", required=True)
    en = text("The clock in English.", required=True)
    act_id = text("Act that started it.", required=True)
    act = text("Its type.", required=True)
    sub_process = maybe("Sub-process it is about.")
    started_at = text("From when it runs.", required=True)
    due = maybe("When it is due; null: none is stated.")
    alarm = maybe("When the product reminds where no deadline is stated.")
    status = DEADLINE_STATUS.one("How it stands.", required=True)
    source = maybe("Instrument and article it comes from.")
    source_kind = DEADLINE_SOURCE.one("Whose rule it is.", required=True)
    certainty = maybe("How sure the source is.")
    stopped_by = maybe("act_id of the act that stopped it.")
    stopped_at = maybe("When that act happened.")


class FlagShownSchema(StrictSchema):
    """A flag that shows."""

    code = text("Guard code.", required=True)
    act_id = text("The act it stands on.", required=True)
    vi = text("Vietnamese.", required=True)
    en = text("English.", required=True)
    source = texts("Articles and rules it comes from.")


class AssumptionShownSchema(StrictSchema):
    """A configured line of the registry that is not known for sure and bites in this case."""

    code = text("Code.", required=True)
    vi = text("Vietnamese.", required=True)
    en = text("English.", required=True)


class SilenceShownSchema(StrictSchema):
    """What the regulation doesn't say where this case stands, and what this ledger does."""

    n = number("Row of the list of silences.")
    vi = text("Vietnamese.", required=True)
    en = text("English.", required=True)
    bites = texts("Acts, clocks, flags, state.")


class ViewShownSchema(StrictSchema):
    """Which moment a case file of the past shows."""

    as_of = text("As asked.", required=True)
    clock = LOG_CLOCK.one("On which clock.", required=True)
    index = number("Newest record in it.")
    at = text("The moment that is, where no index was asked for.")


class ReadUnderSchema(StrictSchema):
    """By what a case is read in which the reader takes no part."""

    rule = OPENING_RULE.one("A9, an inspection order, or A19, an emergency.", required=True)
    act_id = text("The order or the opening.", required=True)
    act = text("Its type.", required=True)
    stream = text("Where it stands.", required=True)
    until = text("Until when.", required=True)


class MirroredCaseSchema(StrictSchema):
    """A case of a lower log, taken in and verified, that a grant here shows with this one."""

    log = text("Origin of the lower log.", required=True)
    level = text("Its level.", required=True)
    stream = text("`case/<uuid>` there.", required=True)
    statements = number("Statements of it that are shown in the timeline.")
    records = number("Records of that log that are taken in.")
    published_at = text("Turn of the clock there that the newest segment is of.", required=True)
    taken_in_at = text("When that came, by the clock here.", required=True)
    shown_by = pattern(UUID, "`act_id` of the grant here that shows it to you.", required=True)


class CaseFileSchema(AnswerSchema):
    """One case at one moment."""

    id = pattern(UUID, "uuid of the case.", required=True)
    read_under = part(
        ReadUnderSchema, "By which order or emergency opening you see it; null: you take part."
    )
    stream = text("`case/<uuid>`.", required=True)
    state = CASE_STATE.one("Main state.", required=True, null=True)
    state_vi = maybe("Vietnamese name of the state.")
    state_en = maybe("English name of the state.")
    state_since = part(SinceShownSchema, "The act that brought the state about.")
    outcome = CASE_OUTCOME.one("How it ended; null: it has not.", required=True, null=True)
    outcome_vi = maybe("The same in Vietnamese.")
    outcome_en = maybe("The same in English.")
    case_number = maybe("Case number.")
    register_no = maybe("Number in the intake register.")
    title = fields.String(
        metadata={
            "description": "What the case is about, naming nobody: of its registration, as put"
            " right since. Left out where that says none."
        }
    )
    urgency = URGENCY.one("Null before the case is registered.", required=True, null=True)
    alleged_limb = texts("Limbs of article 3.3 alleged, not found.")
    opened_at = maybe("When the first act happened.")
    registered_at = maybe("When the case was registered.")
    handler = part(HandlerShownSchema, "Who handles it; null before the case is registered.")
    lead = part(LeadShownSchema, "The lead agency today.")
    finders = several(AgencyShownSchema, "Where reports and findings came in.")
    reporters = number("Reports received; never by whom.")
    result = part(ActNamedSchema, "The act that determined the result.")
    finding = part(FindingShownSchema, "What the verification found.")
    open_sub_processes = several(SubProcessShownSchema, "Those in which somebody has to act.")
    sub_processes = several(SubProcessShownSchema, "All of them.")
    pending = several(PendingShownSchema, "Acts that wait for signatures.")
    returned = several(ReturnedShownSchema, "Acts that were sent back.")
    clocks = several(ClockShownSchema, "Deadlines, running and ended.")
    flags = several(FlagShownSchema, "Flags that show.")
    complaint_paths = several(ComplaintPathSchema, "One for each restrictive act.")
    corrections = several(CorrectionShownSchema, "Corrections, of the record and in public.")
    assumptions = several(AssumptionShownSchema, "What is configured and not known for sure.")
    silences = several(SilenceShownSchema, "Where the regulation says nothing.")
    statements = number("Statements in the stream.")
    acts = number("Acts.")
    officers = texts("uuid of everyone who has signed in it.")
    head = maybe("Digest of the last statement.")
    set_aside = fields.List(
        fields.Integer(),
        metadata={
            "description": "Indices of records against the rules, not voided yet: they move"
            " nothing, and the case takes no other act. Left out where there are none."
        },
    )
    unshown = whole(
        "Statements of which nothing is in this file: their content was erased, or they count for"
        " nothing, or are of a document that is not named to you. Left out where there are none.",
        low=1,
    )
    mirrored = fields.List(
        fields.Nested(MirroredCaseSchema),
        metadata={
            "description": "Cases of lower logs that are shown with it; left out where there are"
            " none, and of moments of the past."
        },
    )
    view = fields.Nested(
        ViewShownSchema, metadata={"description": "Left out where it is as of now."}
    )


class StateTimeSchema(StrictSchema):
    """One state that the case was in."""

    state = CASE_STATE.one("The state.", required=True, null=True)
    vi = maybe("In Vietnamese.")
    en = maybe("In English.")
    act_id = text("The act that brought it.", required=True)
    since = text("When that happened.", required=True)
    until = maybe("When the act happened that ended it; null: it lasts.")
    took_s = number("Seconds until then, or until `at`.")


class StepTimeSchema(StrictSchema):
    """One run of one deadline."""

    code = text("Clock.", required=True)
    vi = text("The clock in Vietnamese.", required=True)
    en = text("The clock in English.", required=True)
    act_id = text("Act that started it.", required=True)
    act = text("Its type.", required=True)
    sub_process = maybe("Sub-process it is about.")
    bodies = several(BodyShownSchema, "Whose move it is or was.")
    since = text("From when it runs.", required=True)
    due = maybe("When it is due; null: no length is stated.")
    until = maybe("When it ended; null: it runs.")
    ended_by = maybe("act_id of the act that ended it; null: none did.")
    status = DEADLINE_STATUS.one("How it stands.", required=True)
    took_s = number("Seconds until it ended, or until `at`.")
    allowed_s = maybe_number("Seconds that it has; null: no length is stated.")
    percent = maybe_number("How much of these it took, in whole percent; null likewise.")
    late_s = number("Seconds past its end; 0 for a window, past whose end nobody is late.")
    source = maybe("Instrument and article it comes from.")
    source_kind = DEADLINE_SOURCE.one("Whose rule it is.", required=True)
    certainty = maybe("How sure the source is.")


class LongestStepSchema(StrictSchema):
    """The step that took most of what it was given."""

    code = text("Clock.", required=True)
    act_id = text("Act that started it.", required=True)
    percent = number("How much of its time it took.")


class DurationsSchema(AnswerSchema):
    """How long each state and each step of a case took."""

    id = pattern(UUID, "uuid of the case.", required=True)
    index = number("Newest record in it.")
    at = text("Looked at from this instant, in Vietnam's time.", required=True)
    states = several(StateTimeSchema, "In the order in which they began.")
    steps = several(StepTimeSchema, "In the order in which they began.")
    longest = part(LongestStepSchema, "Of the steps with a limit; null: there is none.")


class CaseLineShownSchema(StrictSchema):
    """One line of the case list."""

    id = pattern(UUID, "uuid of the case.", required=True)
    stream = text("`case/<uuid>`.", required=True)
    state = CASE_STATE.one("Main state.", required=True, null=True)
    state_vi = maybe("Its Vietnamese name.")
    state_en = maybe("Its English name.")
    outcome = CASE_OUTCOME.one("How it ended; null: it has not.", required=True, null=True)
    outcome_vi = maybe("The same in Vietnamese.")
    outcome_en = maybe("The same in English.")
    agency = maybe("Agency that holds it.")
    handler_label = maybe("Its name then and now.")
    case_number = maybe("Case number.")
    register_no = maybe("Number in the intake register.")
    title = maybe("What it is about, naming nobody; null: its registration says none.")
    opened_at = maybe("When the first act happened.")
    last_at = text("When the newest statement was recorded.", required=True)
    due_at = maybe("Nearest deadline.")
    flags = texts("Flags it has had; which still show is said by the case file.")
    last_index = number("Newest record.")
    seq = number("Statements.")


class CasePageSchema(ListingSchema):
    """A page of the case list."""

    cases = several(CaseLineShownSchema, "In the order asked for.")


class RelatedCaseSchema(StrictSchema):
    """Another case that the caller sees whole."""

    kind = choice(
        ("MERGED_INTO", "MERGED_FROM", "PERHAPS_THE_SAME", "PERHAPS_THE_SAME_BY_IT"),
        "Merged into it, or it into this one; looked at as perhaps the same incident when this one"
        " was registered, or that one.",
        required=True,
    )
    id = pattern(UUID, "uuid of the other case.", required=True)
    case_number = maybe("Its case number.")
    register_no = maybe("Its number in the intake register.")
    title = maybe("What it is about.")
    act_id = pattern(UUID, "The act that says so.", required=True)
    act = text("Its type.", required=True)
    act_vi = maybe("Vietnamese name.")
    act_en = maybe("English name.")
    occurred_at = text("As signed.", required=True)
    precision = text(
        "How exactly that is known: `day`, `hour`, `minute` or `second`.", required=True
    )


class WayStepSchema(BodyShownSchema):
    """One act by which a case, or a part of it, was passed on, taken, returned or answered."""

    act_id = pattern(UUID, "The act.", required=True)
    act = text("Its type.", required=True)
    act_vi = maybe("Vietnamese name.")
    act_en = maybe("English name.")
    occurred_at = text("As signed.", required=True)
    precision = text(
        "How exactly that is known: `day`, `hour`, `minute` or `second`.", required=True
    )
    to = several(BodyShownSchema, "To whom.")
    state = maybe("Where the referral stood after it; null of a handing over.")


class ReferralWaySchema(StrictSchema):
    """The way of a referral between agencies."""

    id = pattern(UUID, "act_id of the act that sent it.", required=True)
    name = text("Kind.", required=True)
    vi = text("The kind in Vietnamese.", required=True)
    en = text("The kind in English.", required=True)
    part = yes_or_no("Whether a part of the case was split off by it.")
    state = text("Where it stands.", required=True)
    open = yes_or_no("Whether somebody has to act.")
    steps = several(WayStepSchema, "Oldest first.")


class RelationsSchema(AnswerSchema):
    """What a case has to do with others, and the way of what was passed on."""

    id = pattern(UUID, "uuid of the case.", required=True)
    index = number("Newest record in it.")
    cases = several(RelatedCaseSchema, "Other cases, of those that the caller sees whole.")
    more = yes_or_no(
        "Whether more acts name this case than are looked through: the first 200 that the caller"
        " sees."
    )
    referrals = several(ReferralWaySchema, "In the order in which they were sent.")
    custody = several(WayStepSchema, "Acts by which the case itself was handed over.")
