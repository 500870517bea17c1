"""A ledger behind HTTP, as a play needs it: one session an officer, over `api.client.client`.

Not: what is sent, or what an answer means for a scenario.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, Self

from api.client.client import Client, Read
from api.client.connection import Refused as Problem
from api.rehearsal.player import PlayRefused, StreamHead
from api.texts.lang import Lang
from keys.jwk import SoftwareSigner
from ledger.log.moment import unstamp
from ledger.log.statement import Statement

_WAIT_S: Final = 20
_ENROLLING: Final = frozenset({"OfficerAppointed", "KeyEnrolled"})
"""Acts by the dozen before a play begins; each would wait for a checkpoint of its own."""
_UNDER: Final = re.compile(r"(A\d+); act=([0-9a-f-]{36})", re.ASCII)
"""Of the header `Read-Under` (docs/spec/http.md)."""


class HttpLedger:
    """Every call goes out in the session of the officer it is made as.

    Args:
        url: Base of the API.
        lang: Language of refusals.
        log: Origin of the log that is meant; above ordinary it must be known.
        signer: Who asks what is nobody's in particular, where the log is not told to everybody.
    """

    def __init__(
        self,
        url: str,
        lang: Lang = "vi",
        *,
        log: str | None = None,
        signer: SoftwareSigner | None = None,
    ) -> None:
        self._url = url
        self._lang = lang
        self._log = log
        self._clients: dict[str, Client] = {}
        self._open = Client(url, signer, log=log, lang=lang)
        facts = self._open.log()
        self.origin: str = facts["origin"]
        self.level: str = facts["level"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives every connection back."""
        for client in (self._open, *self._clients.values()):
            client.close()

    def time(self) -> datetime | None:
        """The ledger's time; None while nothing is recorded."""
        facts = self._open.log()
        return unstamp(facts["now"]) if facts.get("records") else None

    def head(self, act: Mapping[str, Any], signer: SoftwareSigner, at: datetime) -> StreamHead:
        """Where the next statement of an act stands."""
        with _refusing():
            return StreamHead(*self.client(signer).head(str(act["stream"]), act=act, at=at), None)

    def drafted(
        self, act: Mapping[str, Any], signer: SoftwareSigner, at: datetime
    ) -> Mapping[str, Any]:
        """An act to be, above ordinary with what its author is shown of lower logs."""
        with _refusing():
            return self.client(signer).with_seen(act, at=at)

    def place(self, stream: str, signer: SoftwareSigner, at: datetime | None) -> StreamHead:
        """The stream's head."""
        with _refusing():
            body = self.client(signer).read(f"/v1/streams/{stream}/head", at=at).body
        return StreamHead(int(body["seq"]), body.get("prev"), body.get("state"))

    def submit(self, made: Statement, signer: SoftwareSigner, at: datetime) -> Mapping[str, Any]:
        """Sends a statement and waits for its proof; enrolling waits for that of the first step."""
        with _refusing():
            wait = made.members["act"] not in _ENROLLING
            return self.client(signer).submit(made, at=at, wait=wait).receipt

    def act(self, act_id: str, index: int, signer: SoftwareSigner) -> Mapping[str, Any]:
        """The act as projected at least up to `index`."""
        return self._read(f"acts/{act_id}", index, signer).body

    def case(self, case_id: str, index: int, signer: SoftwareSigner) -> Mapping[str, Any]:
        """The case file as projected at least up to `index`."""
        return self._read(f"cases/{case_id}", index, signer).body

    def show(
        self, path: str, index: int, signer: SoftwareSigner, at: datetime
    ) -> tuple[str, str] | None:
        """Shows a case file or an act; by which order or opening alone, where by one."""
        under = self._read(path, index, signer, at).under
        found = None if under is None else _UNDER.match(under)
        return None if found is None else (found[1], found[2])

    def client(self, signer: SoftwareSigner) -> Client:
        """The officer's own client, signed in at its first call."""
        if signer.kid not in self._clients:
            self._clients[signer.kid] = Client(self._url, signer, log=self._log, lang=self._lang)
        return self._clients[signer.kid]

    def _read(
        self, path: str, index: int, signer: SoftwareSigner, at: datetime | None = None
    ) -> Read:
        with _refusing():
            return self.client(signer).read(f"/v1/{path}", at_least=index, wait_s=_WAIT_S, at=at)


@contextmanager
def _refusing() -> Iterator[None]:
    """What the API refuses, as a play is told: it goes on, and says so of the step.

    Raises:
        PlayRefused: By code, guard and detail.
    """
    try:
        yield
    except Problem as problem:
        raise PlayRefused(problem.code, problem.guard, problem.detail) from problem
