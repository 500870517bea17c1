"""The vault: takes what it is asked one by one, and is the only process that opens anything of R.

It reaches reporters with its own key, and opens who they are with a key that two of three
custodians lend it for one act. Its store and its mail are ports; of the log it knows the origin.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from keys import canonical, jwk
from keys.errors import InvalidSignature, KeysError, Unsealable
from keys.hpke import OpeningKey, OpeningKeys, SealingKey
from keys.sealed_identity import Place, SealedPart, key_of, open_part
from ledger.errors import Rejected
from ledger.vault import share
from ledger.vault.disclosure import Disclosure, proven
from ledger.vault.identity import CONTACT, IDENTITY, Contact, Identity, SealedIdentity
from ledger.vault.openings import OpenIdentity, Openings
from ledger.vault.ports import (
    LetterDelayed,
    LetterRefused,
    Letters,
    LetterUnsure,
    Notice,
    VaultStore,
    Waiting,
)
from ledger.vault.refusal import VaultRefusal
from ledger.vault.request import (
    Answer,
    Letter,
    Look,
    Request,
    ShareGiven,
    look_bytes,
    look_label,
    open_request,
)

_log = logging.getLogger("socai.vault")

SENT: Final = "sent"
NO_ADDRESS: Final = "no_address"
NO_CONSENT: Final = "no_consent"
UNKNOWN: Final = "unknown"
REFUSED: Final = "refused"
UNREACHABLE: Final = "unreachable"
UNSURE: Final = "unsure"
UNREADABLE: Final = "unreadable"
KEPT: Final = "one_of_two"
OPEN: Final = "open"
CLOSED: Final = "closed"
OVER: Final = "over"
NOT_TOLD: Final = "law_forbids"


class Vault:
    """One enclave's R.

    Args:
        store: Schema `r`.
        keys: The vault's own: open requests and contacts; two while one is turned.
        letters: Writes to reporters.
        clock: The machine's time.
        origin: Origin of the log.
        rehearsal: Whether the ledger's time is what a request says.
    """

    def __init__(
        self,
        store: VaultStore,
        keys: OpeningKeys,
        letters: Letters,
        *,
        clock: Callable[[], datetime],
        origin: str,
        rehearsal: bool,
    ) -> None:
        self._store = store
        self._keys = keys
        self._letters = letters
        self._clock = clock
        self._origin = origin
        self._rehearsal = rehearsal
        self._openings = Openings()

    def step(self) -> bool:
        """Does what it is asked next; False where nothing waits."""
        waiting = self._store.take()
        if waiting is None:
            self._store.forget()
            self._keys.look()
            if not self._rehearsal:
                self._openings.forget(self._clock())
            return False
        answer = self._answered(waiting)
        if answer is None:
            self._store.put_off(waiting.request_id)
        else:
            self._store.done(waiting.request_id, answer.encode())
            _log.info("request %s: %s", waiting.request_id, answer.outcome)
        return True

    def _answered(self, waiting: Waiting) -> Answer | None:
        """The answer; None: to be tried again later."""
        try:
            key = self._keys.of(waiting.key)
        except Unsealable:
            # R's key, and its file is not here: whoever turned it has it elsewhere, or not yet here
            _log.warning(
                "request %s waits for a key that is not here: whoever turned it brings its file",
                waiting.request_id,
            )
            return Answer(UNREADABLE) if waiting.given_up else None
        try:
            request = open_request(
                waiting.sealed, key, origin=self._origin, request_id=waiting.request_id
            )
            asked, now = request.asked, self._now(request)
            if isinstance(asked, Letter):
                return self._write(asked, waiting)
            if isinstance(asked, ShareGiven):
                return self._lend(asked, now)
            return self._look(asked, now)
        except VaultRefusal as refusal:
            return Answer(refusal.outcome)
        except Rejected as refusal:
            return Answer(refusal.code)

    def _now(self, request: Request) -> datetime:
        return request.at if self._rehearsal else self._clock()

    # -- a letter ----------------------------------------------------------------------------------

    def _write(self, letter: Letter, waiting: Waiting) -> Answer | None:
        if waiting.interrupted:
            return Answer(UNSURE)  # never twice: it may be with the server already
        if waiting.given_up:
            return Answer(UNREACHABLE)
        item = self._store.item(letter.token, letter.comp)
        if item is None:
            return Answer(UNKNOWN)
        contact = self._contact(item)
        if not contact.consent:
            return Answer(NO_CONSENT)
        outcome = self._send(contact, letter.text, waiting.request_id)
        return None if outcome == UNREACHABLE else Answer(outcome)

    def _send(self, contact: Contact, text: str | Notice, letter_id: str) -> str:
        """What became of it. Nothing that the mail server says is told: it names the address."""
        if contact.email is None:
            return NO_ADDRESS
        try:
            self._letters.send(contact.email, contact.language, text, letter_id=letter_id)
        except LetterRefused:
            return REFUSED
        except LetterDelayed:
            return UNREACHABLE
        except LetterUnsure:
            return UNSURE
        return SENT

    def _contact(self, item: SealedIdentity) -> Contact:
        place = Place(self._origin, CONTACT, item.item, item.token)
        return Contact.parse(_opened(self._keys, item.contact, place))

    # -- an opening --------------------------------------------------------------------------------

    def _lend(self, asked: ShareGiven, now: datetime) -> Answer:
        act = proven(asked.statements, asked.jwks, origin=self._origin)
        if now >= act.until:
            return Answer(OVER)
        standing = self._openings.opened(act.act_id, now)
        if standing is not None and standing.disclosure.digest == act.digest:
            return Answer(OPEN, until=standing.until)
        item = self._store.item(act.token, asked.comp)
        if item is None:
            return Answer(UNKNOWN)
        given = share.taken(asked.share, self._keys, origin=self._origin, digest=act.digest)
        if given.key_id != key_of(item.identity.wrap):
            raise VaultRefusal("share_of_other_key")  # of before a turn, or a stranger's
        key = self._openings.lend(act, given)
        if key is None:
            return Answer(KEPT)
        opened = self._open(act, item, key, now)
        return Answer(OPEN, notice=self._tell(act, item, opened), until=opened.until)

    def _open(
        self, act: Disclosure, item: SealedIdentity, key: OpeningKey, now: datetime
    ) -> OpenIdentity:
        place = Place(self._origin, IDENTITY, item.item, item.token)
        identity = Identity.parse(_opened(key, item.identity, place))
        return self._openings.open(act, identity.only(act.shown), now)

    def _tell(self, act: Disclosure, item: SealedIdentity, opened: OpenIdentity) -> str:
        """Consent or not: who is disclosed is told, unless the act names a ground not to."""
        if not act.told:
            return NOT_TOLD
        notice = Notice(act.disclosed_to, act.legal_ground, opened.until)
        return self._send(self._contact(item), notice, act.act_id)

    def _look(self, asked: Look, now: datetime) -> Answer:
        opened = self._openings.opened(asked.act_id, now)
        if opened is None or not self._store.keeps(opened.disclosure.token):
            return Answer(CLOSED)  # nothing, or it was erased meanwhile
        signed = look_bytes(self._origin, asked.act_id, asked.key)
        try:
            jwk.public_key(opened.disclosure.author).verify(asked.signature, signed)
            sealed = SealingKey(asked.key).seal(
                canonical.encode(opened.shown), info=look_label(self._origin, asked.act_id)
            )
        except (InvalidSignature, KeysError):
            return Answer(CLOSED)  # another officer is told what everybody is told
        return Answer(OPEN, until=opened.until, sealed=sealed)


def _opened(keys: OpeningKeys, part: SealedPart, place: Place) -> bytes:
    """Raises: VaultRefusal: `unreadable`: sealed for another item, or changed."""
    try:
        return open_part(part, keys.of(key_of(part.wrap)), place)
    except KeysError as error:
        raise VaultRefusal(UNREADABLE) from error
