"""What the vault asks of the world, and what the rest of the ledger asks of the vault's store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from ledger.vault.identity import Keys, Language, SealedIdentity
from ledger.vault.request import Answer


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that the vault has taken.

    Attributes:
        request_id: Its id.
        sealed: Its bytes.
        key: The 16 bytes that name the key it is sealed to, as whoever asked says.
        interrupted: Whether the vault died over it: nobody knows how far it came.
        given_up: Whether it has been tried for as long as it is tried.
    """

    request_id: str
    sealed: bytes
    key: bytes
    interrupted: bool
    given_up: bool


class VaultStore(Protocol):
    """Schema `r`, by the vault's own login."""

    def take(self) -> Waiting | None:
        """The next request, now the vault's: committed before this returns."""

    def done(self, request_id: str, answer: bytes) -> None:
        """Keeps the answer, and nothing of the request."""

    def put_off(self, request_id: str) -> None:
        """The request waits again, longer each time."""

    def item(self, token: str, comp: str) -> SealedIdentity | None:
        """The item of a reporter of this case; None: there is none in this case."""

    def keeps(self, token: str) -> bool:
        """Whether a reporter of this token is kept: an erasure takes one away."""

    def forget(self) -> None:
        """Takes away answers that were only to be read once."""


class Letters(Protocol):
    """Writes to a reporter. No answer is fetched."""

    def send(self, to: str, language: Language, text: str | Notice, *, letter_id: str) -> None:
        """Sent once it is with the next server.

        Args:
            to: A plain address.
            language: Of the words around the text.
            text: What an act says, or the notice of a disclosure.
            letter_id: The same for the same letter.

        Raises:
            LetterRefused: The server does not take it, and will not.
            LetterDelayed: Nobody took it; it may be sent again.
            LetterUnsure: It may have been taken.
        """


@dataclass(frozen=True, slots=True)
class Notice:
    """To the reporter: that their identity is disclosed.

    Attributes:
        disclosed_to: The body.
        legal_ground: The ground.
        until: When it is over.
    """

    disclosed_to: str
    legal_ground: str
    until: datetime


class LetterRefused(Exception):
    """The server does not take this letter."""


class LetterDelayed(Exception):
    """Nobody took it."""


class LetterUnsure(Exception):
    """The connection broke where nobody knows whether it was taken."""


class Compartment(Protocol):
    """R as the API may use it: puts in and asks, and reads nothing back."""

    def keys(self) -> Keys | None:
        """The public halves; None: this enclave has no R."""

    def put(self, item: SealedIdentity, comp: UUID) -> bool:
        """Keeps an item; the same again is the same. False: it is another's, or for other keys."""

    def holds(self, item: str, token: str, comp: UUID) -> bool:
        """Whether it keeps this item for this reporter of this case; True where there is no R."""

    def ask(self, request_id: str, sealed: bytes, key: bytes) -> bool:
        """Asks the vault; under an id that was asked before, nothing.

        Returns:
            False where `key`, by the 16 bytes that name it, is the vault's no more.
        """

    def answer(self, request_id: str) -> Answer | None:
        """What the vault said.

        Raises:
            NotFound: Nobody asked under this id.
        """
