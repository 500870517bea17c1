"""Asks of a recorded statement what the door asked of it, by the log as it stood at its index.

Whoever holds the writer's login and the KEK can append past the door. What the rules say of a
statement is pure, so everybody who has folded the log up to an index can ask again and does not
have to believe that somebody asked before. Not asked again: whose session sent it, and whether its
files were there, since neither stands in the log.
"""

from __future__ import annotations

from ledger.log.statement import Statement
from ledger.regulation.act import Act
from ledger.regulation.decide import Decision
from ledger.streams.event import StatementRecorded
from ledger.streams.stream import Ground, Stream
from ledger.submission import Submission


def judged(
    stream: Stream, statement: Statement, act: Act, ground: Ground, *, verified: bool = False
) -> tuple[StatementRecorded, Decision]:
    """Judges a statement that has been recorded as if it were sent now; pure.

    Args:
        stream: As the record found it.
        statement: What was signed.
        act: Its payload, parsed.
        ground: The log as the record found it: `at` is its `recorded_at`, `log_size` its index. For
            record 0 the registry is the one it makes: it appoints its own signer (formats.md §9).
        verified: Whether the signature has been checked already with the key of this `kid`.

    Returns:
        The event and the decision that the door would have answered with: `author`, `registry` and
        `unit` of the event are what the columns of the row must say.

    Raises:
        Rejected: The rules refuse it: by a guard, or by what is asked of key, signature and time.
        Conflict: It does not follow in its stream, or its act id names other bytes.
    """
    sent = Submission(statement, act, None, verified=verified)
    officer, _ = sent.admit(ground.registry, ground.at)
    return stream.decide(statement, act, officer, ground)
