"""What was shredded leaves the memory of a process, too (access.md K8).

A notice says at once that something went; since a notice can be lost, the log is asked as well.
What was read just before may come into memory just after: so it is forgotten again for a while.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from keys.errors import KeyAway
from ledger.errors import LedgerError
from ledger.ports import Notices

POLL_S: Final = 1.0
AFTER_S: Final = 30.0
"""How long a request may go on that read something before it went."""


class Forgetting:
    """Of one process.

    Args:
        count: How many acts of erasure were carried out.
        forget: What to do when there is one more.
        always: Done at every look.
        after_s: How long it is forgotten again at every look; 0 where one thread does everything.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        count: Callable[[], int],
        forget: Sequence[Callable[[], None]],
        *,
        always: Callable[[], None] = lambda: None,
        after_s: float = AFTER_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._count = count
        self._forget = forget
        self._always = always
        self._after_s = after_s
        self._clock = clock
        self._seen: int | None = None
        self._until = 0.0
        self._closing = threading.Event()
        self._looking: threading.Thread | None = None

    def look(self) -> bool:
        """Whether something was forgotten. Raises: Unavailable; and what `always` raises, after."""
        try:
            return self._looked()
        finally:
            self._always()

    def _looked(self) -> bool:
        found = self._count()
        if found != self._seen:
            self._until = self._clock() + (self._after_s if self._seen is not None else 0)
            first, self._seen = self._seen is None, found
            if first:
                return False
        elif self._clock() >= self._until:
            return False
        for forget in self._forget:
            forget()
        return True

    def start(self, notices: Notices) -> None:
        """Looks from now on, in a thread of its own."""
        self._looking = threading.Thread(
            target=self._run, args=(notices,), name="forgetting", daemon=True
        )
        self._looking.start()

    def close(self) -> None:
        """Ends the thread."""
        self._closing.set()
        if self._looking is not None:
            self._looking.join(timeout=2 * POLL_S)

    def _run(self, notices: Notices) -> None:
        with notices.listen("shreds") as wait:
            while not self._closing.is_set():
                # a key file or a token that is away for a while ends no looking
                with suppress(LedgerError, KeyAway):
                    self.look()
                wait(POLL_S)
