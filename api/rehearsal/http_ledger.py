"""A ledger behind HTTP, as a play needs it: one session an officer, over `api.client.client`.

Not: what is sent, or what an answer means for a scenario.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Self

from api.client.client import Client
from api.client.connection import Refused as Problem
from api.rehearsal.player import PlayRefused, StreamHead
from api.texts.lang import Lang
from keys.jwk import SoftwareSigner
from ledger.log.moment import unstamp
from ledger.log.statement import Statement

_WAIT_S: Final = 20


class HttpLedger:
    """Every call goes out in the session of the officer it is made as.

    Args:
        url: Base of the API.
        lang: Language of refusals.
    """

    def __init__(self, url: str, lang: Lang = "vi") -> None:
        self._url = url
        self._lang = lang
        self._clients: dict[str, Client] = {}
        self._open = Client(url, lang=lang)
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

    def place(self, stream: str, signer: SoftwareSigner) -> StreamHead:
        """The stream's head."""
        body = self.client(signer).read(f"/v1/streams/{stream}/head").body
        return StreamHead(int(body["seq"]), body.get("prev"), body.get("state"))

    def submit(self, made: Statement, signer: SoftwareSigner, at: datetime) -> Mapping[str, Any]:
        """Sends a statement and waits for its proof. Raises: Refused."""
        try:
            return self.client(signer).submit(made, at=at).receipt
        except Problem as problem:
            raise PlayRefused(problem.code, problem.guard, problem.detail) from problem

    def act(self, act_id: str, index: int, signer: SoftwareSigner) -> Mapping[str, Any]:
        """The act as projected at least up to `index`."""
        return self._read(f"/v1/acts/{act_id}", index, signer)

    def case(self, case_id: str, index: int, signer: SoftwareSigner) -> Mapping[str, Any]:
        """The case file as projected at least up to `index`."""
        return self._read(f"/v1/cases/{case_id}", index, signer)

    def client(self, signer: SoftwareSigner) -> Client:
        """The officer's own client, signed in at its first call."""
        if signer.kid not in self._clients:
            self._clients[signer.kid] = Client(self._url, signer, lang=self._lang)
        return self._clients[signer.kid]

    def _read(self, path: str, index: int, signer: SoftwareSigner) -> Mapping[str, Any]:
        try:
            return self.client(signer).read(path, at_least=index, wait_s=_WAIT_S).body
        except Problem as problem:
            raise PlayRefused(problem.code, problem.guard, problem.detail) from problem
