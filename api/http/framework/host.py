"""What the framework asks of the program that it serves: this alone, and no resource of it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from api.auth import SignIn, TokenBox
from api.settings import EnclaveFacts, Settings
from ledger.ports import Entropy


class Positions(Protocol):
    """How far the views have been folded."""

    def index(self, *views: str) -> int:
        """Last index folded into all of these views."""

    def wait(self, index: int, timeout_s: float, *views: str) -> int:
        """Waits until it is there; the position reached, which may be short of it."""


class Host(Protocol):
    """One enclave as the framework knows it; `api.ops.wiring.Enclave` is it."""

    @property
    def settings(self) -> Settings:
        """What the process was told."""

    @property
    def facts(self) -> EnclaveFacts:
        """Level, and whether it is a rehearsal."""

    @property
    def entropy(self) -> Entropy:
        """For trace ids."""

    @property
    def token_box(self) -> TokenBox:
        """HMACs of cursors and ETags."""

    @property
    def sign_in(self) -> SignIn:
        """Who is calling."""

    @property
    def queries(self) -> Positions:
        """How far the views are."""

    def ledger_time(self) -> datetime:
        """The ledger's time where a request states none."""

    def last_recorded_at(self) -> datetime | None:
        """When the last record was taken; None: there is none."""

    def work_s(self) -> float:
        """Seconds that this thread has ever kept a processor or the database busy."""
