"""Worklist, statistics and feed (http.md §4)."""

from __future__ import annotations

from marshmallow import fields

from api.http.schemas.base import (
    AGENCY,
    DAY,
    MAX_LIMIT,
    AnswerSchema,
    ProjectedSchema,
    StrictSchema,
    maybe,
    number,
    pattern,
    several,
    text,
    texts,
    whole,
    yes_or_no,
)
from api.http.schemas.enumerations import (
    ACT_STATUS,
    CASE_STATE,
    DEADLINE_SOURCE,
    FIGURES_OF,
    IN_VAIN,
    SIGNER_ROLE,
    TASK_KIND,
    TASK_STATUS,
)


class WorklistQuerySchema(ProjectedSchema):
    """Whose work."""

    team = fields.Boolean(
        truthy={"true"},
        falsy={"false"},
        load_default=False,
        metadata={"description": "Also what waits for others of the agencies one supervises."},
    )
    limit = whole("Most of each part; without it all of them.", low=1, high=MAX_LIMIT)


class TaskShownSchema(StrictSchema):
    """One thing that waits, with its clock and where that comes from."""

    kind = TASK_KIND.one("What has to be done.", required=True)
    stream = text("Case.", required=True)
    act_id = text("The act it is about.", required=True)
    act = text("Act type.", required=True)
    act_vi = text("Vietnamese name.", required=True)
    act_en = text("English name.", required=True)
    officer = maybe("Who has to act, where one is named; of `started` who began it.")
    agency = maybe("Agency that has to act; of `awaited` the one that holds the case.")
    agency_label = maybe("Its name, and who carries on for it.")
    post = maybe(
        "Post in which the officer signs, of `started` whoever is next; null above ordinary and"
        " where none is named."
    )
    post_vi = maybe("The post in Vietnamese.")
    waits_for = maybe("Body whose move it is; of `awaited` alone.")
    waits_for_label = maybe("Its name, and who carries on for it.")
    role = SIGNER_ROLE.one(
        "As what the officer signs, of `started` whoever is next.", required=True, null=True
    )
    power = maybe("Power of a post whose holders are told, wherever they are; null for all others.")
    code = maybe("Clock.")
    clock_vi = maybe("The clock in Vietnamese.")
    clock_en = maybe("The clock in English.")
    sub = maybe("Sub-process it is about.")
    started_at = maybe("From when the clock runs.")
    due_at = maybe("When it is due.")
    alarm_at = maybe("When the product reminds where no deadline is stated.")
    status = TASK_STATUS.one("How it stands.", required=True)
    source = maybe("Instrument and article the clock comes from.")
    source_kind = DEADLINE_SOURCE.one("Whose rule it is.", required=True, null=True)
    certainty = maybe("How sure the source is.")
    case_number = maybe("Case number.")
    register_no = maybe("Number in the intake register; null where you see an act only.")
    title = maybe("What it is about; null there too, and where its registration says none.")
    state = CASE_STATE.one(
        "Main state of the case; null where you see an act of it only.", required=True, null=True
    )
    last_at = maybe("When its newest statement was recorded; null where you see an act only.")
    next = maybe(
        "Of `started` and `sign` who signs next; null where that is not known here, and elsewhere."
    )
    in_vain = IN_VAIN.one(
        "Of `started` and `sign`: why whoever signs next cannot. `LEFT`: they hold the post no"
        " longer, and whoever holds it signs instead. `SHUT_OUT`: of the case, which at ordinary is"
        " asked for the first 20 cases and told to whoever sees them whole. Null: nothing is known"
        " to be in the way.",
        required=True,
        null=True,
    )


class WorklistShownSchema(AnswerSchema):
    """What waits for the caller, each part in the order in which it presses."""

    officer = text("uuid of the caller.", required=True)
    at = text("Judged at.", required=True)
    team = texts("Agencies whose whole work is shown, by id.")
    other_keys = texts(
        "Thumbprints of keys in the caller's name beside the one that signed in: those that are"
        " good now, and those enrolled after it. Whoever keeps the registry can enrol one."
    )
    left_out = number("How many `limit` leaves out, of all parts; as the first are done they come.")
    sign = several(TaskShownSchema, "Waits for the officer's signature now.")
    later = several(TaskShownSchema, "Will wait for it once others have signed.")
    returned = several(TaskShownSchema, "Came back to its author.")
    started = several(TaskShownSchema, "The officer began it, and it waits for others' signatures.")
    overdue = several(TaskShownSchema, "A limit has passed.")
    due = several(TaskShownSchema, "Ends today or within two days.")
    running = several(
        TaskShownSchema, "Has a limit further off, or only a reminder, or none stated."
    )
    referrals = several(TaskShownSchema, "Sent to the agency and not accepted yet.")
    cases = several(TaskShownSchema, "Cases the agency holds in which nothing else asks for it.")
    held = several(
        TaskShownSchema, "Documents that the officer holds by name, until their end is near."
    )
    awaited = several(
        TaskShownSchema, "What other bodies are asked in cases that the agency holds, and by when."
    )
    disputed = several(
        TaskShownSchema,
        "Cases of the agencies one supervises, or signed by their officers, with signatures that a"
        " revocation disputes; the first 100, until signed off behind it. All are listed by the"
        " flag SIGNATURE_DISPUTED.",
    )


class StatisticsQuerySchema(ProjectedSchema):
    """A period, and of which cases."""

    of = FIGURES_OF.one(
        "`seen`: of the cases you see, which is what is answered by default. `province`: of all"
        " cases, of one calendar year, for officers of the lead, of the committee of its province"
        " and of its overseers.",
    )
    from_ = pattern(
        DAY,
        "First day; a year before `to` by default. With `of=province` 1 January, this year's by"
        " default.",
        name="from",
    )
    to = pattern(
        DAY, "Last day; today by default. With `of=province` 31 December of the same year."
    )
    agency = pattern(AGENCY, "Only this agency; not with `of=province`.")


def _counted(description: str) -> fields.Integer:
    """A count, or null where it is hidden."""
    body = f"{description} null: hidden, being 1 to 4 or beside such a cell (`province`)."
    return fields.Integer(allow_none=True, required=True, metadata={"description": body})


class FigureShownSchema(StrictSchema):
    """One oversight indicator."""

    code = text("Code.", required=True)
    vi = text("Vietnamese.", required=True)
    en = text("English.", required=True)
    means_vi = text("What exactly is counted, in Vietnamese.", required=True)
    means_en = text("The same in English.", required=True)
    count = _counted("Acts.")
    cases = _counted("Cases they are in.")
    list = maybe("Address of these cases; null of `province`.")


class CellShownSchema(StrictSchema):
    """One cell; small ones are hidden, and what would give them away."""

    key = text("What is counted; empty where the case has none yet.", required=True)
    vi = text("The same in Vietnamese words.", required=True)
    en = text("In English words.", required=True)
    count = _counted("Cases; of `overturned_by_basis` acts.")


class VolumeShownSchema(CellShownSchema):
    """One cell of the cases that came in."""

    list = maybe("Address of these cases; null of `province`, and where the case has none yet.")


class MonthsShownSchema(StrictSchema):
    """One kind of thing, by month."""

    code = text("Code.", required=True)
    vi = text("Vietnamese.", required=True)
    en = text("English.", required=True)
    months = fields.List(
        fields.Nested(CellShownSchema),
        required=True,
        allow_none=True,
        metadata={
            "description": "Months in which it happened, oldest first; null: not counted here."
        },
    )


class StatisticsShownSchema(AnswerSchema):
    """Everything counted over a period."""

    from_ = fields.String(
        required=True, data_key="from", metadata={"description": "First day of the period."}
    )
    to = text("Last day.", required=True)
    of = FIGURES_OF.one(
        "Of which cases: those you see (`seen`), or all of them (`province`).",
        required=True,
    )
    index = number("Newest record that is counted.")
    total = _counted("Cases that came in.")
    list = maybe("Address of these cases; null of `province`.")
    figures = several(FigureShownSchema, "Oversight indicators.")
    overturned_by_basis = several(CellShownSchema, "Acts overturned, by ground.")
    volumes = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.Nested(VolumeShownSchema)),
        required=True,
        metadata={
            "description": "Cases that came in, by `period`, `agency`, `channel`, `outcome`."
        },
    )
    median_days = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        metadata={"description": "Median days from intake to the result, by outcome that shows."},
    )
    access_by_month = several(
        MonthsShownSchema,
        "Emergency openings by how they were reviewed, disclosures, withdrawals and erasures; for"
        " whoever is told of everybody's reads also reads and copies. With `of=province` alone.",
    )


class FeedQuerySchema(StrictSchema):
    """Where to go on."""

    after = whole("Last index one has; left out: from the beginning.")
    limit = whole("Events, at most 200.", low=1, high=MAX_LIMIT, default=100)


class EventDataSchema(StrictSchema):
    """What the event is about; never the content of the act."""

    index = number("Index of the record.")
    entry = text("What the leaf commits to.", required=True)
    stream = text("Stream.", required=True)
    seq = number("Position in the stream.")
    act_id = text("uuid.", required=True)
    act = maybe("Act type; null where erased.")
    status = ACT_STATUS.one("Where the act stands after it.", required=True)
    effect = yes_or_no("Whether the act took effect with it.")
    state = CASE_STATE.one("Main state of the case after it.", required=True, null=True)
    title = maybe(
        "What the case is about now; null where you see an act of it only, or none is said."
    )


class EventShownSchema(StrictSchema):
    """A CloudEvent 1.0."""

    specversion = text("1.0.", required=True)
    id = text("Index of the record.", required=True)
    source = text("`/logs/<origin>`.", required=True)
    type = text("`socai.act.<status>.v1`.", required=True)
    subject = text("Stream.", required=True)
    time = text("When the ledger took it.", required=True)
    datacontenttype = text("`application/json`.", required=True)
    data = fields.Nested(
        EventDataSchema, required=True, metadata={"description": "What the event is about."}
    )
