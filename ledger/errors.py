"""The ledger's errors, named by whose move it is next.

`Rejected` is the sender's move, `Conflict` means read the stream again, `NotFound` says nothing is
there to see, `VerificationError` means the evidence fails, `Unavailable` means try again later,
`Fatal` means memory and store may disagree: stop, reload, audit. `api/problems/problem.py` maps
each to HTTP once; nothing here knows HTTP or SQL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from keys.errors import Carried
from ledger.message import Text


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with what was sent.

    Attributes:
        pointer: JSON Pointer (RFC 6901) into the act, "" for the whole.
        text: What is wrong.
    """

    pointer: str
    text: Text


class LedgerError(Carried):
    """Root of everything this package raises on purpose."""


class Rejected(LedgerError):
    """The sender's move: nothing was recorded, and the text says what to do.

    Args:
        code: Stable machine code (`malformed_act`, `not_canonical`, `guard` …).
        text: Sentence for the officer.
        guard: Code of `data/guards.json` where a guard refused.
        faults: Each fault with its pointer, all at once.
        params: Values that were filled into a guard's sentence.
    """

    def __init__(
        self,
        code: str,
        text: Text,
        *,
        guard: str | None = None,
        faults: Sequence[Fault] = (),
        params: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{guard or code}: {text}")
        self.code = code
        self.text = text
        self.guard = guard
        self.faults = tuple(faults)
        self.params = dict(params or {})


@dataclass(frozen=True, slots=True)
class Head:
    """Where the next statement of a stream must stand; `prev` is b64, None at the start.

    `aside` are the indices of records that must be voided first (formats.md §3).
    """

    seq: int
    prev: str | None
    state: str | None = None
    aside: tuple[int, ...] = ()


class Conflict(LedgerError):
    """Read the stream again: it has moved on (`stale`) or the act id names another act (`taken`).

    Args:
        code: `stale`, `taken` or `clock_back`.
        text: Sentence for the sender.
        head: Where the stream stands now.
        since: What has happened since the sender's `prev`, as JSON-able objects.
    """

    def __init__(
        self,
        code: str,
        text: Text,
        *,
        head: Head | None = None,
        since: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
        self.head = head
        self.since = tuple(since)


class NotFound(LedgerError):
    """Nothing that the caller may see stands under this name.

    Attributes:
        code: Stable machine code.
    """

    code: ClassVar[str] = "not_found"


class VerificationError(LedgerError):
    """The evidence fails: bytes, hashes or signatures disagree.

    Args:
        kind: Stable kind of damage (`entry_mismatch`, `place_mismatch` …).
        message: What was expected and what was found.
        index: First bad index in the log, where one can be named.
    """

    def __init__(self, kind: str, message: str, index: int | None = None) -> None:
        super().__init__(
            f"{kind} at {index}: {message}" if index is not None else f"{kind}: {message}"
        )
        self.kind = kind
        self.message = message
        self.index = index


class Unavailable(LedgerError):
    """Try again later: database, disk or clock do not allow it now.

    Nothing was recorded, but where the type of its code says otherwise (`api/problems/types.py`).

    Args:
        code: Stable machine code.
        text: For whoever asked.
        retry_after_s: When to try again, in seconds.
        why: What the database or its driver said, for who operates it; nobody else is told.
    """

    def __init__(self, code: str, text: Text, *, retry_after_s: int = 2, why: str = "") -> None:
        super().__init__(code, text)  # as it is made anew in another process
        self.code = code
        self.text = text
        self.retry_after_s = retry_after_s
        self.why = why

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"


class Fatal(LedgerError):
    """Memory and store may disagree: stop this process, reload, audit."""


class Doubt(Fatal):
    """What a home has seen of its log does not agree with what is stored: nothing is signed over.

    Args:
        kind: `shorter`, records that were signed over are gone; `forked`, another root at a size
            that was signed; `planted`, something stands in the checkpointer's place that it did not
            put there; `damaged`, the memory does not open; `unseen`, there is none.
        text: What disagrees, to stand in a sentence; its English is `str`.
        size: Records that are sure, where that is known.
    """

    def __init__(
        self,
        kind: Literal["shorter", "forked", "planted", "damaged", "unseen"],
        text: Text,
        size: int | None = None,
    ) -> None:
        super().__init__(str(text))
        self.kind = kind
        self.text = text
        self.size = size
