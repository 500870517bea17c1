"""What the framework asks of the program that it serves: this alone, and no resource of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from api.auth import Caller, SignIn, TokenBox
from api.home import EnclaveFacts
from api.page_sessions import PageSessions
from api.settings import Settings
from ledger.asker import Asker
from ledger.ports import Entropy
from ledger.reads.shown import ShownCases


class Positions(Protocol):
    """How far the views have been folded."""

    def index(self, *views: str) -> int:
        """Last index folded into all of these views."""

    def wait(self, index: int, timeout_s: float, *views: str) -> int:
        """Waits until it is there; the position reached, which may be short of it."""


class Views(Protocol):
    """What is asked of the views."""

    @property
    def positions(self) -> Positions:
        """How far they are."""


class Host(Protocol):
    """One enclave as the framework knows it; `api.ops.wiring.enclave.Enclave` is it."""

    @property
    def settings(self) -> Settings:
        """What the process was told."""

    @property
    def facts(self) -> EnclaveFacts:
        """Level, and whether it is a rehearsal."""

    @property
    def started(self) -> bool:
        """Whether its database is known to be its own."""

    @property
    def in_doubt(self) -> bool:
        """Whether the database has another log than was seen before: nothing is recorded."""

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
    def page_sessions(self) -> PageSessions:
        """Who reads pages, by the cookie of their browser."""

    @property
    def queries(self) -> Views:
        """Every reading of the views."""

    def asker(self, caller: Caller, *, of_cases: bool, at: datetime | None) -> Asker:
        """The ticket by which the database knows who asks."""

    def read_ticket_key(self) -> None:
        """Has the next ticket made by the key that is there then: the last was not believed."""

    def note_shown(self, shown: ShownCases, caller: Caller) -> None:
        """Notes what an answer shows, as far as it is noted at all. Raises: ReadNotLogged."""

    def read_under(self, shown: ShownCases) -> Sequence[tuple[str, str, str]]:
        """Rule, act and end of each order or opening by which alone something of it is seen."""

    def ledger_time(self) -> datetime:
        """The ledger's time where a request states none."""

    def last_recorded_at(self) -> datetime | None:
        """When the last record was taken; None: there is none."""

    def work_s(self) -> float:
        """Seconds of a processor or the database that were ever this thread's work."""
