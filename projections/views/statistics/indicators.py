"""The oversight indicators of regulation.md §9, and the marks that each one counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ledger.message import Message


@dataclass(frozen=True, slots=True)
class Indicator:
    """What one figure means.

    The order of the table is the order it is shown in (regulation.md §9).

    Attributes:
        code: Its stable name.
        title: What it is called.
        marks: Codes that are added up; none: open cases past a set age.
        means: What exactly is counted; `{days}` is the age set for a case.
    """

    code: str
    title: Message
    marks: tuple[str, ...]
    means: Message


NO_FINDING: Final = Indicator(
    "MEASURE_NO_FINDING",
    Message("measures still in force without a finding"),
    ("MEASURE_NO_FINDING",),
    Message(
        "measures, and take-downs carried out, that hold when looked at while nothing has been"
        " found in their case"
    ),
)
INDICATORS: Final = (
    Indicator(
        "CORRECTIONS",
        Message("errors and corrections"),
        ("CORRECTION",),
        Message("corrections of a record or in public; confirmations in writing are left out"),
    ),
    Indicator(
        "BASIS_MISSING",
        Message("acts with a missing basis"),
        ("BASIS_MISSING",),
        Message("acts that were flagged, when they took effect, for a missing ground"),
    ),
    Indicator(
        "OVERTURNED",
        Message("decisions overturned"),
        ("OVERTURNED",),
        Message("reviews that overturned, and sanctions annulled without a review"),
    ),
    Indicator(
        "NO_VIOLATION",
        Message("no violation found"),
        ("NO_VIOLATION",),
        Message("cases closed with no violation or not enough to conclude: an ordinary result"),
    ),
    Indicator(
        "MEASURE_BEFORE_VERIFICATION",
        Message("measures before verification"),
        ("MEASURE_BEFORE_VERIFICATION",),
        Message("measures in effect before a verification was concluded"),
    ),
    Indicator(
        "MEASURE_LAPSED",
        Message("measures lapsed"),
        ("MEASURE_LAPSED",),
        Message("measures whose review date passed with nobody confirming them"),
    ),
    Indicator(
        "SAME_DECIDER",
        Message("reviews by the same decider"),
        ("SAME_DECIDER",),
        Message("reviews made by whoever had made the decision"),
    ),
    Indicator(
        "NO_EXPLANATION_HEARD",
        Message("sanctions with no explanation heard"),
        ("NO_EXPLANATION_HEARD",),
        Message("sanctions that took effect with no explanation heard"),
    ),
    Indicator(
        "REFERRAL_NOT_ACCEPTED",
        Message("referrals not accepted"),
        ("REFERRAL_NOT_ACCEPTED", "REFERRAL_RETURNED"),
        Message("referrals that still wait to be accepted, and those sent back"),
    ),
    Indicator(
        "PROPOSAL_UNANSWERED",
        Message("proposals unanswered"),
        ("PROPOSAL_UNANSWERED",),
        Message("take-down and council proposals and submissions that still wait for an answer"),
    ),
    Indicator(
        "OLD_CASES",
        Message("cases open past a set age"),
        (),
        Message("cases open for more than {days} days when looked at, whenever they came in"),
    ),
    Indicator(
        "NO_FUNCTION",
        Message("acts by an agency without the function"),
        ("NO_FUNCTION",),
        Message("acts whose agency, by the registry as it stands, had no such function that day"),
    ),
    Indicator(
        "LATE_ENTRY",
        Message("late entries"),
        ("LATE_ENTRY",),
        Message("acts entered late, with their reason"),
    ),
    NO_FINDING,
)
OF_ACTS: Final = tuple(one.code for one in INDICATORS if one.marks)
"""Figures that count acts; the others count cases."""


def marks_of(figure: str | None) -> list[str]:
    """The marks that a figure adds up; none where it counts no acts."""
    return [mark for one in INDICATORS if one.code == figure for mark in one.marks]
