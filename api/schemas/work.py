"""Worklist, statistics and feed (api.md §4)."""

from __future__ import annotations

from marshmallow import fields, validate

from api.schemas.base import (
    DAY,
    MAX_LIMIT,
    Answer,
    Projected,
    Strict,
    pattern,
    text,
    whole,
)
from api.schemas.case import AGENCY, Shown, maybe


class WorklistQuery(Projected):
    """Whose work."""

    team = fields.Boolean(
        truthy={"true"},
        falsy={"false"},
        load_default=False,
        metadata={"description": "Also what waits for others of one's agencies."},
    )


class TaskShown(Shown):
    """One thing that waits, with its clock and where that comes from."""

    kind = text("What has to be done.", required=True)
    stream = text("Case.", required=True)
    act_id = text("The act it is about.", required=True)
    act = text("Act type.")
    act_vi = text("Vietnamese name.")
    act_en = text("English name.")
    officer = maybe("Who has to act, where one is named.")
    agency = maybe("Agency that has to act.")
    code = maybe("Clock.")
    clock_vi = maybe("The clock in Vietnamese.")
    clock_en = maybe("The clock in English.")
    due_at = maybe("When it is due.")
    status = text("NONE_STATED, RUNNING, NEAR, DUE, OVERDUE or ALARM.", required=True)
    source = maybe("Article the clock comes from.")
    case_number = maybe("Case number.")


class WorklistShown(Answer):
    """What waits for the caller, each part in the order in which it presses."""

    officer = text("uuid of the caller.", required=True)
    at = text("Judged at.", required=True)
    sign = fields.List(fields.Nested(TaskShown), required=True)
    later = fields.List(fields.Nested(TaskShown), required=True)
    returned = fields.List(fields.Nested(TaskShown), required=True)
    overdue = fields.List(fields.Nested(TaskShown), required=True)
    due = fields.List(fields.Nested(TaskShown), required=True)
    running = fields.List(fields.Nested(TaskShown), required=True)
    referrals = fields.List(fields.Nested(TaskShown), required=True)
    cases = fields.List(fields.Nested(TaskShown), required=True)


class StatisticsQuery(Projected):
    """A period and, where wanted, one agency."""

    from_ = fields.String(
        data_key="from",
        validate=validate.Regexp(rf"^{DAY}\Z"),
        metadata={
            "description": "First day; a year before `to` by default.",
            "pattern": f"^{DAY}$",
        },
    )
    to = pattern(DAY, "Last day; today by default.")
    agency = pattern(AGENCY, "Only this agency.")


class FigureShown(Strict):
    """One oversight indicator."""

    code = text("Code.", required=True)
    vi = text("Vietnamese.", required=True)
    en = text("English.", required=True)
    means_vi = text("What exactly is counted, in Vietnamese.", required=True)
    means_en = text("The same in English.", required=True)
    count = fields.Integer(
        allow_none=True, required=True, metadata={"description": "null: fewer than 5."}
    )
    cases = fields.Integer(
        allow_none=True, required=True, metadata={"description": "null: fewer than 5."}
    )


class CellShown(Strict):
    """One cell; small ones are hidden, and what would give them away."""

    key = text("What is counted; empty where the case has none yet.", required=True)
    vi = text("The same in Vietnamese words.", required=True)
    en = text("In English words.", required=True)
    count = fields.Integer(allow_none=True, required=True)


class StatisticsShown(Answer):
    """Everything counted over a period."""

    from_ = fields.String(required=True, data_key="from")
    to = text("Last day.", required=True)
    total = fields.Integer(allow_none=True, required=True)
    figures = fields.List(fields.Nested(FigureShown), required=True)
    overturned_by_basis = fields.List(fields.Nested(CellShown), required=True)
    volumes = fields.Dict(
        keys=fields.String(), values=fields.List(fields.Nested(CellShown)), required=True
    )
    median_days = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


class FeedQuery(Strict):
    """Where to go on."""

    after = whole("Last index one has; left out: from the beginning.")
    limit = whole("Events, at most 200.", low=1, high=MAX_LIMIT, default=100)


class EventShown(Shown):
    """A CloudEvent 1.0."""

    specversion = text("1.0.", required=True)
    id = text("Index of the record.", required=True)
    source = text("`/logs/<origin>`.", required=True)
    type = text("`socai.act.<status>.v1`.", required=True)
    subject = text("Stream.")
    time = text("When the ledger took it.")
    data = fields.Dict()
