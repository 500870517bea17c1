"""Asks of a recorded statement what the door asked of it, by the log as it stood at its index.

Whoever holds the writer's login and the KEK can append past the door. What the rules say of a
statement is pure, so everybody who has folded the log up to an index can ask again and does not
have to believe that somebody asked before. Not asked again: whose session sent it, and whether its
files were there, since neither stands in the log.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from ledger.admission.submission import Submission
from ledger.errors import Rejected, VerificationError
from ledger.log.statement import Statement, require_log
from ledger.regulation.acts.act import Act
from ledger.regulation.case.guard_input import DecisionContext
from ledger.regulation.case.other_cases_port import Cases
from ledger.regulation.decide import Decision
from ledger.regulation.registry.registry import Registry
from ledger.steps import Steps
from ledger.streams.event import StatementRecorded
from ledger.streams.stream import Stream

_UNKNOWN_EDITION: Final = "EDITION_KNOWN"


def judging(  # noqa: PLR0913 - the record and the log that it found
    stream: Stream,
    statement: Statement,
    act: Act,
    *,
    index: int,
    at: datetime,
    registry: Registry,
    cases: Cases,
    origin: str,
    level: str,
    verified: bool = False,
) -> Steps[tuple[StatementRecorded, Decision]]:
    """Judges a statement that has been recorded as if it were sent now; changes nothing.

    Args:
        stream: As the record found it.
        statement: What was signed.
        act: Its payload, parsed.
        index: Of the record.
        at: Its `recorded_at`.
        registry: As the record found it.
        cases: Other cases as the record found them.
        origin: Origin of the log.
        level: Its level.
        verified: Whether the signature has been checked already with the key of this `kid`.

    Returns:
        The event and the decision that the door would have answered with: `author`, `registry` and
        `unit` of the event are what the columns of the row must say.

    Raises:
        Rejected: The rules refuse it: by a guard, or by what is asked of log, key, signature and
            time.
        Conflict: It is well signed, and does not follow in its stream, or its act id names other
            bytes.
        VerificationError: `edition`: from here on the log goes by rules that this version of the
            program does not know.
    """
    require_log(statement, origin)
    if index == 0:
        registry = founded(registry, act, at)
    officer = Submission(statement, act, None, verified=verified).admit(registry, at)
    ground = DecisionContext(
        registry=registry,
        origin=origin,
        level=level,
        log_size=index,
        cases=cases,
        at=at,
    )
    try:
        return (yield from stream.deciding(statement, act, officer, ground))
    except Rejected as refused:
        if refused.guard == _UNKNOWN_EDITION:
            # Not set aside: whoever goes on by the rules of before would tell another story.
            name = act.facts.get("edition")
            raise VerificationError(
                "edition", f"edition {name} needs a newer program", index
            ) from (refused)
        raise


def founded(registry: Registry, act: Act, at: datetime) -> Registry:
    """The registry that record 0 is judged by: it makes it, and appoints its own signer.

    formats.md §9.

    Args:
        registry: Before there is any record; it is not changed.
        act: What record 0 says.
        at: Its `recorded_at`.
    """
    made = registry.copy()
    made.apply(act, index=0, recorded_at=at)
    return made
