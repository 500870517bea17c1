"""Metrics of the vault, in a file for Prometheus' textfile collector: it listens on no port (G9).

They say whether it works, and nothing of what it does: written on a clock, also when nothing
happened, without the figures of a process, in minutes, and with no count of letters, shares or
looks. How often identities are opened is told to those whom access.md A27 names.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from ledger.errors import Unavailable
from ledger.ports import Clock
from ledger.vault.identity import Language
from ledger.vault.ports import LetterDelayed, Letters, Notice

EVERY_S: Final = 15
_MINUTE_S: Final = 60


class VaultMetrics:
    """What is told of one vault.

    Args:
        path: The file, whose name ends in `.prom`.
        waiting_s: How long the request that is longest due has waited, in seconds.
        clock: The machine's.

    Attributes:
        registry: What stands in the file.
    """

    def __init__(self, path: Path, waiting_s: Callable[[], float], clock: Clock) -> None:
        self._path = path
        self._waiting_s = waiting_s
        self._clock = clock
        self._told = 0
        self.registry = CollectorRegistry()

        def gauge(name: str, what: str) -> Gauge:
            return Gauge(f"socai_vault_{name}", what, registry=self.registry)

        self._beat = gauge("beat_timestamp_seconds", "When the vault last told anything")
        self._database = gauge("database_reached", "1 where it reaches its database")
        self._waiting = gauge(
            "waiting_minutes", "Whole minutes that the request longest due has waited for it"
        )
        self._mail = gauge("mail_unreached", "1 where the last letter could not be handed in")

    def tell(self) -> None:
        """Writes the file anew, at most once in `EVERY_S` and at its whole multiples.

        Raises:
            OSError: It cannot be written.
        """
        now = int(self._clock.now().timestamp()) // EVERY_S
        if now == self._told:
            return
        self._told = now
        self._beat.set(now * EVERY_S)
        try:
            self._waiting.set(int(self._waiting_s() // _MINUTE_S))
            self._database.set(1)
        except Unavailable:
            self._database.set(0)
        write_to_textfile(os.fspath(self._path), self.registry)

    def watching(self, letters: Letters) -> Letters:
        """The same letters, of which is told whether they can be handed in."""
        return _Watched(letters, self._mail)


class _Watched:
    """Implements `Letters`."""

    def __init__(self, letters: Letters, unreached: Gauge) -> None:
        self._letters = letters
        self._unreached = unreached

    def send(self, to: str, language: Language, text: str | Notice, *, letter_id: str) -> None:
        """As `Letters.send`."""
        try:
            self._letters.send(to, language, text, letter_id=letter_id)
        except LetterDelayed:
            self._unreached.set(1)
            raise
        self._unreached.set(0)
