"""Officers who go on working while everything under them is killed.

One plays scenario files, the others take reports. All of them do what any client has to do: where
no answer comes they send the same bytes again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from time import monotonic, sleep
from typing import Any, TypeVar

import httpx

from api.client.client import Client
from api.client.connection import Refused, Unreachable
from api.rehearsal.cast import Cast, EditionDirectory
from api.rehearsal.http_ledger import HttpLedger
from api.rehearsal.player import Player, Registrar, StreamHead, Watching
from api.rehearsal.player import PlayRefused as Answered
from keys import canonical
from keys.custody.file import read_key
from keys.jwk import SoftwareSigner
from ledger.log.moment import unstamp
from ledger.log.statement import AUTHOR, Statement, make
from ledger.regulation.acts.act import Act
from ledger.regulation.edition import load_edition
from tests import builders
from tests.a_ledger import appointment, enrolment
from tests.fixtures.clock import CountingEntropy
from tests.soak.book import Book
from tests.soak.enclave import ServedEnclave

_Found = TypeVar("_Found")
VIETNAM = timezone(timedelta(hours=7))
PATIENCE_S = 600.0
_SCREEN_S = 5.0
_SHOWN = 60  # by then the first ones are folded
AGAIN = frozenset(
    {
        "database_unavailable",
        "audience_late",
        "proof_late",
        "projection_late",
        "unavailable",
        "disk_full",
        "too_many_requests",
        "",
    }
)
RACE = 4  # every fourth report
SIGN_AGAIN = frozenset({"stale", "clock_off"})


def patiently(book: Book, ask: Callable[[], _Found]) -> _Found:
    """Asks until there is an answer; a person at a desk does not give up after six attempts."""
    deadline = monotonic() + PATIENCE_S
    while True:
        try:
            return ask()
        except Unreachable:
            if monotonic() > deadline:
                raise
            book.retry("nobody answers")
        except (Refused, Answered) as problem:
            if problem.code not in AGAIN or monotonic() > deadline:
                raise
            book.retry(problem.code)
        sleep(0.1)


class PatientDesk:
    """A player's desk that sends again where nobody answers, and notes every receipt."""

    def __init__(self, url: str, book: Book) -> None:
        self._book = book
        self._desk = HttpLedger(url, "en")
        self.origin, self.level = self._desk.origin, self._desk.level

    def close(self) -> None:
        """Gives its connections back."""
        self._desk.close()

    def client(self, signer: SoftwareSigner) -> Client:
        """See `HttpLedger`."""
        return self._desk.client(signer)

    def time(self) -> datetime | None:
        """See `PlayedLedger`."""
        return patiently(self._book, self._desk.time)

    def drafted(
        self, act: Mapping[str, Any], _signer: SoftwareSigner, _at: datetime
    ) -> Mapping[str, Any]:
        """Nothing is filled in."""
        return act

    def head(self, act: Mapping[str, Any], signer: SoftwareSigner, at: datetime) -> StreamHead:
        """See `PlayedLedger`."""
        return patiently(self._book, lambda: self._desk.head(act, signer, at))

    def place(self, stream: str, signer: SoftwareSigner, at: datetime | None) -> StreamHead:
        """See `PlayedLedger`."""
        return patiently(self._book, lambda: self._desk.place(stream, signer, at))

    def submit(self, made: Statement, signer: SoftwareSigner, at: datetime) -> Mapping[str, Any]:
        """See `PlayedLedger`."""
        self._book.sign(made)
        try:
            receipt = patiently(self._book, lambda: self._desk.submit(made, signer, at))
        except Answered as refused:
            self._book.refuse(made, refused.guard or refused.code)
            raise
        self._book.acknowledge(made, receipt)
        return receipt

    def act(self, act_id: str, index: int, signer: SoftwareSigner) -> Mapping[str, Any]:
        """See `PlayedLedger`."""
        return patiently(self._book, lambda: self._desk.act(act_id, index, signer))

    def case(self, case_id: str, index: int, signer: SoftwareSigner) -> Mapping[str, Any]:
        """See `PlayedLedger`."""
        return patiently(self._book, lambda: self._desk.case(case_id, index, signer))

    def show(
        self, path: str, index: int, signer: SoftwareSigner, at: datetime
    ) -> tuple[str, str] | None:
        """See `PlayedLedger`."""
        return patiently(self._book, lambda: self._desk.show(path, index, signer, at))


@contextmanager
def a_player(enclave: ServedEnclave, book: Book, watch: Watching) -> Iterator[Player]:
    """A player who enrols its cast as the registrar of the enclave."""
    desk = PatientDesk(enclave.url, book)
    signer = registrar_key(enclave)
    yield Player(
        desk,
        Registrar(enclave.made.officer, signer),
        Cast(desk.origin, None),
        EditionDirectory(load_edition()),
        new_uuid=CountingEntropy("kills").uuid,
        watch=watch,
    )
    desk.close()


def registrar_key(enclave: ServedEnclave) -> SoftwareSigner:
    """The key of the founding registrar."""
    return read_key(enclave.home.key_path("registrar"), enclave.home.passphrase())


def hire_the_hotline(enclave: ServedEnclave, book: Book) -> None:
    """Appoints the officer who takes reports and enrols the key."""
    when = enclave.clock.now()
    with Client(enclave.url, registrar_key(enclave), lang="en", http=enclave.http()) as client:
        for act in (appointment("hotline", when), enrolment("hotline", when)):
            members = dict(act.signed)
            signer = {**members["signers"][0], "officer": enclave.made.officer}
            payload = canonical.encode({**members, "signers": [signer]})
            signed = client.sign(payload, stream=act.stream, iat=when)
            book.sign(signed)
            book.acknowledge(signed, client.submit(signed).receipt)


class Asker:
    """Reads one thing after the other, as somebody at a screen does.

    Args:
        url: Of the API.
        book: Notes what was answered, and what was not.
        http: What it is asked by, where a plain client is not enough.
    """

    def __init__(self, url: str, book: Book, http: httpx.Client | None = None) -> None:
        self._book = book
        self._case = ""
        self._kid = builders.key("hotline").kid
        self._client = Client(
            url,
            builders.key("hotline"),
            lang="en",
            attempts=1,
            http=http or httpx.Client(base_url=url, timeout=_SCREEN_S),
        )

    def run(self, stop: threading.Event) -> None:
        """Until told to stop."""
        with self._client:
            while not stop.wait(0.05):
                try:
                    self._client.json("GET", self._path())
                except Unreachable as why:
                    self._book.unanswered(str(why))
                except Refused as why:
                    if why.code not in AGAIN:
                        raise  # what was shown before is hidden now, and not late
                    self._book.unanswered(why.code)
                else:
                    self._book.answered()

    def _path(self) -> str:
        """A case that was taken a while ago, asked for under the officer's ticket; no list."""
        if not self._case and len(self._book.acknowledged) > _SHOWN:
            self._case = self._taken()
        return self._case or "/v1/log"

    def _taken(self) -> str:
        """The first case that this officer opened; "" where there is none."""
        for digest, receipt in list(self._book.acknowledged.items()):
            one = self._book.signed[digest]
            place, _, case = one.members["stream"].partition("/")
            if one.kid == self._kid and place == "case":
                return f"/v1/cases/{case}?at_least={receipt['index']}"
        return ""


class Reporter:
    """Takes one report after the other; some would open a case that another one opens too.

    Args:
        url: Of the API.
        book: What is remembered.
        number: Of this reporter; no two take the same report.
        waits: Whether it waits for proofs. Without, its receipts say `durable` and no more.
        http: What it is asked by, where a plain client is not enough.
    """

    def __init__(
        self,
        url: str,
        book: Book,
        number: int,
        *,
        waits: bool,
        http: httpx.Client | None = None,
    ) -> None:
        self._book = book
        self._number = number
        self._waits = waits
        self._client = Client(url, builders.key("hotline"), lang="en", attempts=1, http=http)
        self._taken = 0

    def run(self, stop: threading.Event) -> None:
        """Until told to stop."""
        with self._client:
            while not stop.wait(0.02):
                self.take_one()

    def close(self) -> None:
        """For whoever takes one alone."""
        self._client.close()

    def take_one(self) -> None:
        """One report, signed again only where the ledger says so; then it is another act."""
        while True:
            self._taken += 1
            now = unstamp(patiently(self._book, self._client.log)["now"]).replace(microsecond=0)
            signed = patiently(self._book, lambda at=now: self._signed(at))  # type: ignore[misc]
            self._book.sign(signed)
            try:
                sent = patiently(
                    self._book,
                    lambda one=signed: self._client.submit(one, wait=self._waits),  # type: ignore[misc]
                )
            except Refused as refused:
                self._book.refuse(signed, refused.guard or refused.code)
                if refused.code in SIGN_AGAIN:
                    continue
                raise
            self._book.acknowledge(signed, sent.receipt)
            return

    def _signed(self, now: datetime) -> Statement:
        """Each report opens a case of its own, so its place is known."""
        return make(
            canonical.encode(dict(self._act(now).signed)),
            builders.key("hotline"),
            iat=int(now.timestamp()),
            log=self._client.origin,
            seq=1,
            prev=None,
            role=AUTHOR,
        )

    def _act(self, now: datetime) -> Act:
        report = f"report {self._number} {self._taken}"
        case = report if self._taken % RACE else f"the case of turn {self._taken}"
        return builders.an_act(
            "ReportReceived",
            by="hotline",
            when=now.astimezone(VIETNAM),
            stream=f"case/{builders.an_id(case)}",
            act_id=builders.an_id(report),
        )
