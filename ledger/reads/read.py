"""A read that is to be noted before anything of it is shown (access.md U1).

Who needs a note, and of what, is decided where an answer is made; here stands what a note says, and
what whoever shows may rely on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, Protocol
from uuid import UUID

from ledger.errors import Unavailable
from ledger.message import Message

Kind = Literal[
    "RECORD",
    "ATTACHMENT",
    "CASE_FILE",
    "HISTORY",
    "LIST",
    "FEED",
    "FIGURES",
    "ACCESS_LOG",
    "EXPORT",
    "REVEAL",
]
"""What was shown: acts with their bytes; a file; a case as it stands or stood; what changed in one;
lines of a list, a search or a worklist; the feed; counts; this log; a copy handed out; an identity
of compartment R."""
KINDS: Final[Mapping[Kind, Message]] = {
    "RECORD": Message("acts of a case"),
    "ATTACHMENT": Message("a file of an act"),
    "CASE_FILE": Message("the case file"),
    "HISTORY": Message("what changed in a case"),
    "LIST": Message("a line of a list"),
    "FEED": Message("the feed"),
    "FIGURES": Message("figures"),
    "ACCESS_LOG": Message("the log of reads"),
    "EXPORT": Message("a copy handed out"),
    "REVEAL": Message("a reporter's identity"),
}
"""What people read."""
RULES: Final[Mapping[str, Message]] = {
    "A1": Message("own case or document, above ordinary"),
    "A2": Message("list, figures or feed, above ordinary"),
    "A7": Message("grant of a case of a lower level"),
    "A9": Message("inspection order"),
    "A11": Message("audit of reads"),
    "A18": Message("revelation of a reporter"),
    "A19": Message("emergency opening"),
    "A23": Message("permit to hand out"),
    "A27": Message("totals of all cases"),
    "A28": Message("acts of one key"),
    "K2": Message("answer to a reporter"),
}
"""Rules of access.md by which something is read and noted, in a few words."""
MOST_RECORDS: Final = 100
"""Of one row; who shows more has more rows (U2)."""
MOST_PURPOSE: Final = 2_000
"""Characters of a purpose; what is longer is cut."""


@dataclass(frozen=True, slots=True)
class ReadBy:
    """Who reads.

    Attributes:
        officer: Id of the officer.
        kid: The key that they signed in with.
    """

    officer: str
    kid: str


@dataclass(frozen=True, slots=True)
class Copy:
    """What leaves by a permit (access.md A23).

    Attributes:
        number: The copy's number, of those that the permit names.
        file: Digest of the file, as its act lists it.
    """

    number: str
    file: str


@dataclass(frozen=True, slots=True)
class NotedRead:
    """Something is about to be shown.

    Attributes:
        rule: The rule of access.md by which it may be, as its code: A7, A9, A11, A18 …, K2.
        purpose: What for, in words, as the act says by which it may be.
        kind: What is shown.
        session: To whom.
        via: `act_id` of the order, opening, permit or revelation by which alone they see it, or of
            the grant above that shows a case of a lower log; None where no act gives it.
        stream: Name of the case's stream, `case/<uuid>`; None where it is of no case.
        records: Leaf indices of the records shown, in the log of acts; empty where what is shown is
            made of the whole case, or of no record.
        copy: Which copy it is, where one is handed out, and only there.
        agencies: Those of the reader's for which it is read: of posts in others nothing is told,
            or who inspects an agency in which they hold a second post would be told of there (D2).
            None: of all.
    """

    rule: str
    purpose: str
    kind: Kind
    session: ReadBy
    via: str | None = None
    stream: str | None = None
    records: tuple[int, ...] = ()
    copy: Copy | None = None
    agencies: frozenset[str] | None = None


class ReadLog(Protocol):
    """Where reads are noted. Safe to call from many threads and processes at once."""

    def note(self, reads: Sequence[NotedRead]) -> None:
        """Notes all of them; committed when it returns.

        Nothing of what is noted may be shown before. Where it fails, some of very many may
        be noted, as of an answer that did not arrive. Noted twice is read twice: who cannot tell
        whether it was noted notes it again.

        Raises:
            ReadNotLogged: Nothing may be shown.
        """

    def note_at(self, read: NotedRead, chain: UUID, seq: int, prev: str | None) -> bool:
        """Notes one read at a place that is nobody else's; committed when it returns.

        Args:
            read: The read, of no more than `MOST_RECORDS`.
            chain: Id of the chain of rows.
            seq: Its place there, from 1.
            prev: Digest of the row before it; None for the first.

        Returns:
            False where the place is taken, and nothing was noted.

        Raises:
            ReadNotLogged: Nothing may be shown; whether it was noted is not known.
        """


class ReadNotLogged(Unavailable):
    """A read could not be noted, so what was asked for is not shown (access.md U1)."""

    def __init__(self, *, retry_after_s: int = 2) -> None:
        super().__init__(
            "read_not_logged",
            Message(
                "This is shown only once it is noted who read it, and that cannot be noted now:"
                " nothing is shown. Ask again in a few seconds."
            ),
            retry_after_s=retry_after_s,
        )


def rows(reads: Sequence[NotedRead]) -> list[NotedRead]:
    """Reads cut so that none has more records than a row may name."""
    return [row for one in reads for row in _rows(one)]


def _rows(read: NotedRead) -> list[NotedRead]:
    if len(read.purpose) <= MOST_PURPOSE and len(read.records) <= 1:
        return [read]
    records = tuple(sorted(set(read.records)))
    return [
        replace(
            read,
            purpose=read.purpose[:MOST_PURPOSE],
            records=records[start : start + MOST_RECORDS],
        )
        for start in range(0, max(1, len(records)), MOST_RECORDS)
    ]
