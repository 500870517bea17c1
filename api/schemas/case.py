"""Cases: the listing, the file, the timeline, the verification (api.md §4)."""

from __future__ import annotations

from typing import Any

from marshmallow import INCLUDE, Schema, fields, validate

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
UUIDS = rf"{UUID}(,{UUID}){{0,49}}"


class Shown(Schema):
    """A part of a view; a later edition of the rulebook may show more in it."""

    class Meta:
        """Only in answers."""

        unknown = INCLUDE


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
    sort = choice(SORTS, "Order; `-` turns it round.")


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


class AgencyShown(Shown):
    """An agency as the reader should name it."""

    agency = text("Agency id that carries the matter now.")
    name = text("Name on the day of the act.")
    label = text("Name then and, where it is gone, who carries on.")


class ActNamed(Shown):
    """An act as a line refers to it."""

    act_id = text("uuid.")
    act = text("Act type.")
    vi = text("Vietnamese name.")
    en = text("English name.")
    occurred_at = text("As signed.")
    agency = text("Agency id.")


class SubProcessShown(Shown):
    """A measure, a verification, a referral or another sub-process."""

    name = text("Kind.")
    id = text("act_id of the act that opened it.")
    state = text("Where it stands.")
    open = fields.Boolean(metadata={"description": "Whether somebody has to act."})
    opened_by = part(ActNamed)


class ClockShown(Shown):
    """A deadline with its source."""

    code = text("Clock.")
    act_id = text("Act that started it.")
    due = maybe("When it is due; null: none is stated.")
    status = text("NONE_STATED, RUNNING, NEAR, DUE, OVERDUE, STOPPED or EXTENDED.")
    source = maybe("Article it comes from.")


class FlagShown(Shown):
    """A flag that shows."""

    code = text("Guard code.")
    act_id = text("The act it stands on.")
    vi = text("Vietnamese.")
    en = text("English.")


class SilenceShown(Shown):
    """What the regulation doesn't say where this case stands, and what this ledger does."""

    n = fields.Integer(metadata={"description": "Row of the list of silences."})
    vi = text("Vietnamese.")
    en = text("English.")
    bites = fields.List(fields.String(), metadata={"description": "Acts, clocks, flags, state."})


class ViewShown(Strict):
    """Which moment a case file of the past shows."""

    as_of = text("As asked.", required=True)
    clock = choice(("recorded", "occurred"), "On which clock.", required=True)
    index = fields.Integer(required=True, metadata={"description": "Newest record in it."})
    at = text("The moment that is, where no index was asked for.")


class CaseFile(Answer):
    """One case at one moment."""

    class Meta:
        """A later edition may show more."""

        unknown = INCLUDE

    id = pattern(UUID, "uuid of the case.", required=True)
    stream = text("`case/<uuid>`.", required=True)
    state = maybe("Main state.")
    state_vi = maybe("Vietnamese name of the state.")
    state_en = maybe("English name of the state.")
    outcome = maybe("How it ended.")
    outcome_vi = maybe("The same in Vietnamese.")
    outcome_en = maybe("The same in English.")
    case_number = maybe("Case number.")
    register_no = maybe("Number in the intake register.")
    opened_at = maybe("When the first act happened.")
    handler = part(AgencyShown)
    lead = part(AgencyShown)
    result = part(ActNamed)
    finding = part(ActNamed)
    open_sub_processes = fields.List(fields.Nested(SubProcessShown))
    sub_processes = fields.List(fields.Nested(SubProcessShown))
    pending = fields.List(fields.Nested(ActNamed))
    clocks = fields.List(fields.Nested(ClockShown))
    flags = fields.List(fields.Nested(FlagShown))
    assumptions = fields.List(fields.Dict())
    silences = fields.List(fields.Nested(SilenceShown))
    statements = fields.Integer(metadata={"description": "Statements in the stream."})
    acts = fields.Integer(metadata={"description": "Acts."})
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


class KeyShown(Shown):
    """What the registry says of a key."""

    kid = text("Thumbprint.")
    status = text("ACTIVE, NOT_YET_VALID, EXPIRED or REVOKED.")


class SignerShown(Shown):
    """Who signed, by post: the registry knows no names."""

    officer = text("uuid.")
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


class ActTouch(Shown):
    """An act that changed a field."""

    act_id = text("uuid.")
    act = maybe("Act type.")
    index = fields.Integer()
    officer = maybe("Who signed.")
    signer = part(SignerShown)
    recorded_at = text("When the ledger took it.")


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
