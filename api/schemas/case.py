"""Cases: the listing, the file, the timeline, the verification (api.md §4)."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from api.schemas.base import (
    DAY,
    OFFSET_TIME,
    PAST,
    UUID,
    Answer,
    Listing,
    Page,
    Projected,
    Strict,
    choice,
    pattern,
    text,
)
from api.schemas.log import InclusionProof
from ledger.regulation.catalogue import load
from ledger.regulation.guards.table import GUARDS
from ledger.regulation.lifecycle import life_cycle
from ledger.regulation.outcomes import OUTCOMES as ENDS
from projections.case_file import SORTS

AGENCY = r"[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?"
AS_OF = rf"(0|[1-9][0-9]{{0,15}}|{PAST})"
CLOCK_STATUSES = (
    "NONE_STATED",
    "RUNNING",
    "NEAR",
    "DUE",
    "OVERDUE",
    "ENDED",
    "STOPPED",
    "EXTENDED",
)
SOURCE_KINDS = ("REGULATION", "LAW", "PRODUCT_RULE")
UUIDS = rf"{UUID}(,{UUID}){{0,49}}"


def maybe(description: str) -> fields.String:
    """A text, or null where the case has none yet."""
    return fields.String(allow_none=True, metadata={"description": description})


def part(shape: type[Schema], **more: Any) -> fields.Nested:  # noqa: ANN401  marshmallow's own options
    """A nested part that may be null."""
    return fields.Nested(shape, allow_none=True, **more)


class CasesQuery(Page):
    """Filters of the case list; all given must hold."""

    state = choice(tuple(life_cycle().labels), "Main state.")
    agency = pattern(AGENCY, "Agency id that holds the case, as registered then or now.")
    outcome = choice(tuple(ENDS), "Outcome of the case.")
    act = choice(tuple(load().types), "Has an act of this type.")
    due_before = pattern(OFFSET_TIME, "Has a running clock due before this.")
    opened_from = pattern(DAY, "First act on this day or later.")
    opened_to = pattern(DAY, "First act on this day or earlier.")
    flag = choice(tuple(g.code for g in GUARDS if g.kind == "flag"), "Has had this flag.")
    q = pattern(
        r"[^\x00-\x1f\x7f]{1,200}",
        "Words; tone marks and đ/d make no difference. Ordinary only.",
    )
    sort = choice(
        SORTS,
        "Order, `-last_act` by default; `-` turns it round. A case without a deadline or a number"
        " comes behind those that have one.",
    )


class AsOfQuery(Projected):
    """A moment of the past."""

    as_of = pattern(
        AS_OF,
        "An index, a time like 2024-06-04T08:12:00+07:00, a `recorded_at`, or a day, which means"
        " its end in Vietnam: the file as it stood then.",
    )
    clock = choice(
        ("recorded", "occurred"),
        "Which clock `as_of` is read on; `recorded` by default, and always for an index.",
    )


class ActsQuery(Page):
    """A page of a timeline."""


class DiffQuery(Projected):
    """Two moments."""

    from_ = fields.String(
        required=True,
        data_key="from",
        validate=validate.Regexp(rf"^{AS_OF}\Z"),
        metadata={"description": "Index, time or day.", "pattern": f"^{AS_OF}$"},
    )
    to = pattern(AS_OF, "Index, time or day; now by default.")
    clock = choice(("recorded", "occurred"), "`recorded` by default.")


class AgencyShown(Strict):
    """An agency as the reader should name it."""

    agency = text("Agency id that carries the matter now.", required=True)
    name = text("Name on the day of the act; left out of `lead`.")
    label = text("Name then and, where it is gone, who carries on.", required=True)
    registered_as = text("Agency id as the case was taken; only in `handler`.")


class ActNamed(Strict):
    """An act as a line refers to it."""

    act_id = text("uuid.", required=True)
    act = text("Act type.", required=True)
    vi = text("Vietnamese name.", required=True)
    en = text("English name.", required=True)
    occurred_at = text("As signed.", required=True)
    agency = text("Agency id.", required=True)


class FindingShown(ActNamed):
    """What the verification found."""

    finding = maybe("Code of the finding.")
    limbs_met = fields.List(
        fields.String(), metadata={"description": "Limbs of article 3.3 found to be met."}
    )


class SinceShown(Strict):
    """The act that brought the state about."""

    act_id = text("uuid.", required=True)
    at = text("When it happened, as signed.", required=True)


class MoveShown(Strict):
    """One step of a sub-process."""

    act_id = text("uuid.", required=True)
    act = text("Act type.", required=True)
    state = text("Where it stood after it.", required=True)


class SubProcessShown(Strict):
    """A measure, a verification, a referral or another sub-process."""

    name = text("Kind.", required=True)
    vi = text("The kind in Vietnamese.", required=True)
    en = text("The kind in English.", required=True)
    id = text("act_id of the act that opened it.", required=True)
    state = text("Where it stands.", required=True)
    open = fields.Boolean(required=True, metadata={"description": "Whether somebody has to act."})
    opened_by = part(ActNamed)
    moves = fields.List(fields.Nested(MoveShown), metadata={"description": "Oldest first."})


class SignedShown(Strict):
    """Who has signed an act that still waits."""

    officer = text("uuid.", required=True)
    role = text("AUTHOR, CHECKER or APPROVER.", required=True)
    iat = fields.Integer(
        required=True, metadata={"description": "When the signer says it signed: seconds of Unix."}
    )


class AwaitedShown(Strict):
    """Whose signature an act waits for."""

    officer = text("uuid.", required=True)
    post = text("Post, not a name.", required=True)
    post_vi = text("The post in Vietnamese.", required=True)
    role = text("CHECKER or APPROVER.", required=True)


class PendingShown(ActNamed):
    """An act that waits for signatures."""

    signed = fields.List(fields.Nested(SignedShown), required=True)
    waiting_for = fields.List(fields.Nested(AwaitedShown), required=True)


class ReturnedShown(ActNamed):
    """An act that was sent back unsigned."""

    returned_by = maybe("act_id of the act that returned it.")
    reason = maybe("Why, as its signer wrote.")


class CorrectionShown(ActNamed):
    """A correction of the record or in public."""

    corrects = maybe("act_id of what it corrects.")
    mark = maybe("Kind of correction of the record; null of one in public.")


class BodyShown(Strict):
    """A body that decides a complaint."""

    agency = text("Agency id.", required=True)
    label = text("Name then and, where it is gone, who carries on.", required=True)


class ComplaintPath(Strict):
    """Where and until when one may complain about a restrictive act."""

    act_id = text("The act.", required=True)
    act = text("Act type.", required=True)
    first_instance = fields.Nested(BodyShown, required=True)
    second_instance = part(BodyShown)
    until = maybe("Last instant for a first complaint; null: the law names none.")
    source = maybe("Article it comes from.")
    certainty = maybe("How sure the article is.")
    vi = text("All of it as a Vietnamese sentence.", required=True)
    en = text("The same in English.", required=True)


class ClockShown(Strict):
    """A deadline with its source."""

    code = text("Clock.", required=True)
    vi = text("The clock in Vietnamese.", required=True)
    en = text("The clock in English.", required=True)
    act_id = text("Act that started it.", required=True)
    sub_process = maybe("Sub-process it is about.")
    started_at = text("From when it runs.", required=True)
    due = maybe("When it is due; null: none is stated.")
    alarm = maybe("When the product reminds where no deadline is stated.")
    status = choice(CLOCK_STATUSES, "How it stands.", required=True)
    source = maybe("Instrument and article it comes from.")
    source_kind = choice(SOURCE_KINDS, "Whose rule it is: a product rule is no deadline of law.")
    certainty = maybe("How sure the source is.")
    stopped_by = maybe("act_id of the act that stopped it.")
    stopped_at = maybe("When that act happened.")


class FlagShown(Strict):
    """A flag that shows."""

    code = text("Guard code.", required=True)
    act_id = text("The act it stands on.", required=True)
    vi = text("Vietnamese.", required=True)
    en = text("English.", required=True)
    source = fields.List(
        fields.String(), metadata={"description": "Articles and rules it comes from."}
    )


class AssumptionShown(Strict):
    """A configured line of the registry that is not known for sure and bites in this case."""

    code = text("Code.", required=True)
    vi = text("Vietnamese.", required=True)
    en = text("English.", required=True)


class SilenceShown(Strict):
    """What the regulation doesn't say where this case stands, and what this ledger does."""

    n = fields.Integer(required=True, metadata={"description": "Row of the list of silences."})
    vi = text("Vietnamese.", required=True)
    en = text("English.", required=True)
    bites = fields.List(fields.String(), metadata={"description": "Acts, clocks, flags, state."})


class ViewShown(Strict):
    """Which moment a case file of the past shows."""

    as_of = text("As asked.", required=True)
    clock = choice(("recorded", "occurred"), "On which clock.", required=True)
    index = fields.Integer(required=True, metadata={"description": "Newest record in it."})
    at = text("The moment that is, where no index was asked for.")


class CaseFile(Answer):
    """One case at one moment."""

    id = pattern(UUID, "uuid of the case.", required=True)
    stream = text("`case/<uuid>`.", required=True)
    state = maybe("Main state.")
    state_vi = maybe("Vietnamese name of the state.")
    state_en = maybe("English name of the state.")
    state_since = part(SinceShown)
    outcome = maybe("How it ended.")
    outcome_vi = maybe("The same in Vietnamese.")
    outcome_en = maybe("The same in English.")
    case_number = maybe("Case number.")
    register_no = maybe("Number in the intake register.")
    urgency = maybe("NONE, KHAN, THUONG_KHAN or HOA_TOC; null before the case is registered.")
    alleged_limb = fields.List(
        fields.String(), metadata={"description": "Limbs of article 3.3 alleged, not found."}
    )
    opened_at = maybe("When the first act happened.")
    registered_at = maybe("When the case was registered.")
    handler = part(AgencyShown)
    lead = part(AgencyShown)
    finders = fields.List(
        fields.Nested(AgencyShown), metadata={"description": "Where reports and findings came in."}
    )
    reporters = fields.Integer(metadata={"description": "Reports received; never by whom."})
    result = part(ActNamed)
    finding = part(FindingShown)
    open_sub_processes = fields.List(fields.Nested(SubProcessShown))
    sub_processes = fields.List(fields.Nested(SubProcessShown))
    pending = fields.List(fields.Nested(PendingShown))
    returned = fields.List(fields.Nested(ReturnedShown))
    clocks = fields.List(fields.Nested(ClockShown))
    flags = fields.List(fields.Nested(FlagShown))
    complaint_paths = fields.List(fields.Nested(ComplaintPath))
    corrections = fields.List(fields.Nested(CorrectionShown))
    assumptions = fields.List(fields.Nested(AssumptionShown))
    silences = fields.List(fields.Nested(SilenceShown))
    statements = fields.Integer(metadata={"description": "Statements in the stream."})
    acts = fields.Integer(metadata={"description": "Acts."})
    officers = fields.List(
        fields.String(), metadata={"description": "uuid of everyone who has signed in it."}
    )
    head = maybe("Digest of the last statement.")
    view = fields.Nested(ViewShown, metadata={"description": "Left out where it is as of now."})


class CaseLineShown(Strict):
    """One line of the case list."""

    id = pattern(UUID, "uuid of the case.", required=True)
    stream = text("`case/<uuid>`.", required=True)
    state = maybe("Main state.")
    state_vi = maybe("Its Vietnamese name.")
    state_en = maybe("Its English name.")
    outcome = maybe("How it ended.")
    outcome_vi = maybe("The same in Vietnamese.")
    outcome_en = maybe("The same in English.")
    agency = maybe("Agency that holds it.")
    handler_label = maybe("Its name then and now.")
    case_number = maybe("Case number.")
    register_no = maybe("Number in the intake register.")
    opened_at = maybe("When the first act happened.")
    last_at = text("When the newest statement was recorded.", required=True)
    due_at = maybe("Nearest deadline.")
    flags = fields.List(
        fields.String(),
        metadata={"description": "Flags it has had; which still show is said by the case file."},
    )
    last_index = fields.Integer(metadata={"description": "Newest record."})
    seq = fields.Integer(metadata={"description": "Statements."})


class CasePage(Listing):
    """A page of the case list."""

    cases = fields.List(fields.Nested(CaseLineShown), required=True)


class Words(Strict):
    """One sentence in both languages."""

    vi = text("Vietnamese.", required=True)
    en = text("English.", required=True)


class KeyShown(Strict):
    """One key with its history, as the registry has it."""

    kid = text("Thumbprint.", required=True)
    jwk = fields.Dict(required=True, metadata={"description": "Public JWK."})
    officer = maybe("uuid; null: a service key.")
    custody = text("SOFTWARE, BROWSER, PKCS11 or SERVICE.")
    status = choice(
        ("ACTIVE", "NOT_YET_VALID", "EXPIRED", "REVOKED"), "At that moment.", required=True
    )
    valid_from = maybe("First instant; null: from record 0 on.")
    valid_to = maybe("First instant after; null: no end.")
    enrolled_index = fields.Integer(
        required=True, metadata={"description": "Record that enrolled it."}
    )
    revoked_index = fields.Integer(
        allow_none=True, metadata={"description": "Record that revoked it."}
    )
    revoked_recorded_at = maybe("When the ledger took that record.")
    invalid_from = maybe("From when it is not to be trusted.")
    reason = maybe("Why it was revoked.")


class SignerShown(Strict):
    """Who signed, by post: the registry knows no names."""

    officer = text("uuid.", required=True)
    post = maybe("Post in which the officer signed.")
    post_vi = maybe("The post in Vietnamese.")
    agency = maybe("Agency of that post.")
    agency_name = maybe("Its name on that day.")


VERDICTS = (
    "VALID",
    "VALID_KEY_SINCE_REVOKED",
    "DISPUTED",
    "INVALID_SIGNATURE",
    "UNKNOWN_KEY",
    "WRONG_SIGNER",
    "ERASED",
)
OUTCOMES = ("VALID", "NOT_VALID", "NOT_CONCLUDED")


class StatementShown(Strict):
    """One statement with its verdict."""

    index = fields.Integer(required=True)
    seq = fields.Integer(required=True)
    role = maybe("AUTHOR, CHECKER, APPROVER or RETURNER; null where erased.")
    officer = maybe("Who signed.")
    kid = maybe("With which key.")
    iat = fields.Integer(
        allow_none=True, metadata={"description": "When the signer says it signed."}
    )
    recorded_at = text("When the ledger took it.", required=True)
    status = text("Status of the act after it.", required=True)
    effect = fields.Boolean(metadata={"description": "Whether it made the act effective."})
    state_after = maybe("State of the case after it.")
    flags = fields.List(fields.String())
    digest = maybe("Statement digest.")
    entry = text("What the leaf commits to.", required=True)
    verdict = choice(VERDICTS, "formats.md §9.", required=True)
    outcome = choice(OUTCOMES, "The verdict in three.", required=True)
    reason = fields.Nested(Words, required=True)
    key = part(KeyShown)
    signer = part(SignerShown)


class ActShown(Answer):
    """An act with all its statements."""

    act_id = text("uuid.", required=True)
    stream = text("Its stream.", required=True)
    act = maybe("Act type; null where erased.")
    act_vi = maybe("Vietnamese name.")
    act_en = maybe("English name.")
    agency = maybe("Agency of the author.")
    occurred_at = maybe("As signed.")
    late = fields.Boolean(metadata={"description": "Entered late, with a reason."})
    status = text("pending, effective, returned, erased or service.", required=True)
    flags = fields.List(fields.String())
    erased_by = maybe("The act that erased the content.")
    payload = fields.Dict(
        allow_none=True, metadata={"description": "What was signed, parsed; null where erased."}
    )
    statements = fields.List(fields.Nested(StatementShown), required=True)


class ActsPage(Listing):
    """A page of a timeline, in the order in which authors signed."""

    acts = fields.List(fields.Nested(ActShown), required=True)


class ActTouch(Strict):
    """An act that changed a field, by the statement that brought the change about."""

    act_id = text("uuid.", required=True)
    act = maybe("Act type.")
    act_vi = maybe("Vietnamese name.")
    act_en = maybe("English name.")
    index = fields.Integer(required=True, metadata={"description": "Record of the statement."})
    seq = fields.Integer(required=True, metadata={"description": "Its position in the case."})
    role = maybe("AUTHOR, CHECKER, APPROVER or RETURNER; null where erased.")
    officer = maybe("Who signed.")
    signer = part(SignerShown)
    agency = maybe("Agency of the author.")
    status = text("Status of the act after it.", required=True)
    late = fields.Boolean(required=True, metadata={"description": "Entered late, with a reason."})
    occurred_at = maybe("As signed.")
    recorded_at = text("When the ledger took it.", required=True)


class ChangeShown(Strict):
    """One changed field."""

    pointer = text("JSON Pointer into the case file.", required=True)
    old = fields.Raw(allow_none=True, metadata={"description": "Value before; null: not there."})
    new = fields.Raw(allow_none=True, metadata={"description": "Value after; null: gone."})
    acts = fields.List(
        fields.Nested(ActTouch),
        metadata={"description": "Acts that changed it; empty where only time did."},
    )


class Difference(Answer):
    """What differs between two moments."""

    id = pattern(UUID, "uuid of the case.", required=True)
    clock = choice(("recorded", "occurred"), "Which clock.", required=True)
    from_ = fields.Integer(
        required=True, data_key="from", metadata={"description": "Newest index (-1: before it)."}
    )
    to = fields.Integer(required=True, metadata={"description": "Newest index of the later."})
    swapped = fields.Boolean(
        metadata={
            "description": "True where `from` was the later moment: told the other way round."
        }
    )
    changes = fields.List(fields.Nested(ChangeShown), required=True)


class FieldQuery(Projected):
    """The field as of a moment."""

    as_of = pattern(AS_OF, "Index, time or day; now by default.")


class FieldHistory(Answer):
    """Why a field says what it says."""

    id = pattern(UUID, "uuid of the case.", required=True)
    pointer = text("JSON Pointer.", required=True)
    changes = fields.List(fields.Nested(ChangeShown), required=True)


class VerificationQuery(Projected):
    """The newest state."""


class BulkQuery(Projected):
    """Several cases."""

    cases = pattern(UUIDS, "Up to 50 uuids with commas between.", required=True)


class PathShown(Strict):
    """An inclusion proof; with the `checkpoint` of the answer it is formats.md §6."""

    index = fields.Integer(required=True)
    size = fields.Integer(required=True)
    hashes = fields.List(fields.String(), required=True)


class VerifiedStatement(StatementShown):
    """A statement of a case with its proof."""

    act_id = text("uuid.", required=True)
    act = maybe("Act type.")
    proof = fields.Nested(
        PathShown, metadata={"description": "Left out where no checkpoint covers it yet."}
    )


class SignOffShown(Strict):
    """A supervisor's own sign-off, itself an act."""

    act_id = text("uuid.", required=True)
    index = fields.Integer(required=True)
    recorded_at = text("When the ledger took it.", required=True)
    officer = maybe("Who signed.")
    signer = part(SignerShown)
    verdict = maybe("What was signed off.")
    checked_from = fields.Integer(allow_none=True)
    checked_to = fields.Integer(allow_none=True)


class VerificationShown(Answer):
    """The verdict on a case."""

    id = pattern(UUID, "uuid of the case.", required=True)
    outcome = choice(
        OUTCOMES,
        "The worst of its statements; NOT_CONCLUDED too while no checkpoint covers one.",
        required=True,
    )
    reason = fields.Nested(Words, required=True)
    counts = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    statements = fields.List(fields.Nested(VerifiedStatement), required=True)
    checkpoint = text("Signed note that the proofs lead to.")
    signed_off = fields.List(fields.Nested(SignOffShown), required=True)
    checked_by = text("Officer who asked.", required=True)


class OpenStatement(Strict):
    """A statement that is not plainly valid."""

    index = fields.Integer(required=True)
    act_id = text("uuid.", required=True)
    verdict = choice(VERDICTS, "formats.md §9.", required=True)
    outcome = choice(OUTCOMES, "In three, with its proof.", required=True)
    reason = fields.Nested(Words, required=True)


class VerifiedCase(Strict):
    """One case of a bulk verification."""

    id = pattern(UUID, "uuid of the case.", required=True)
    outcome = choice(OUTCOMES, "Verdict.", required=True)
    reason = fields.Nested(Words, required=True)
    statements = fields.Integer(required=True)
    counts = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    open = fields.List(
        fields.Nested(OpenStatement),
        required=True,
        metadata={"description": "Statements that are not plainly valid."},
    )
    signed_off = fields.List(fields.Nested(SignOffShown), required=True)


class Verifications(Answer):
    """Verdicts on several cases."""

    cases = fields.List(fields.Nested(VerifiedCase), required=True)
    missing = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Asked for and not there, or not to be seen."},
    )


class RawRecord(Strict):
    """One record of an act, byte for byte."""

    index = fields.Integer(required=True)
    envelope = text("b64 of the bytes committed to; left out where erased.")
    entry = text("What the leaf commits to.", required=True)
    proof = fields.Nested(InclusionProof)


class RawAct(Answer):
    """The records of one act."""

    act_id = pattern(UUID, "The act.", required=True)
    records = fields.List(fields.Nested(RawRecord), required=True)
