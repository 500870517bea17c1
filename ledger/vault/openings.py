"""What custodians lent and what it opened: in this process's memory alone, and never for long.

Nothing of it is written anywhere, so that a dump, a WAL or a backup has none of it, and a vault
that is started again has to be lent anew. A custodian's parts stand until the act is over; R's key
is there while one item is opened.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from keys.errors import KeysError
from keys.hpke import OpeningKey
from keys.shares import Lent, joined
from ledger.vault.disclosure import Disclosure
from ledger.vault.refusal import VaultRefusal
from ledger.vault.share import Given

LONGEST: Final = timedelta(hours=24)
_MOST_SHARES: Final = 8


@dataclass(frozen=True, slots=True)
class OpenIdentity:
    """What an act lets its author see.

    Attributes:
        disclosure: The act.
        shown: The identity, as far as the act says.
        until: When it is over: as the act says, and at most 24 hours after it was opened.
    """

    disclosure: Disclosure
    shown: Mapping[str, str] = field(repr=False)
    until: datetime


class Openings:
    """What is lent and open now."""

    def __init__(self) -> None:
        self._lent: dict[str, tuple[datetime, deque[Lent]]] = {}
        self._opened: dict[str, OpenIdentity] = {}

    def lend(self, act: Disclosure, given: Given) -> OpeningKey | None:
        """R's key once two custodians have given their share for this act; None before.

        Raises:
            VaultRefusal: `wrong_share`: its custodian saw the act under other signatures.
        """
        if given.kids != act.kids:
            raise VaultRefusal("wrong_share")
        _, lent = self._lent.setdefault(act.digest, (act.until, deque(maxlen=_MOST_SHARES)))
        for other in lent:
            key = _key(given.lent, other)
            if key is not None:
                del self._lent[act.digest]
                return key
        # Whether one share is good is not known before it meets another: a made-up one beside it
        # must not keep two good ones apart.
        lent.append(given.lent)
        return None

    def open(self, act: Disclosure, shown: Mapping[str, str], now: datetime) -> OpenIdentity:
        """Keeps what may be shown, until it is over."""
        opened = OpenIdentity(act, shown, min(act.until, now + LONGEST))
        self._opened[act.act_id] = opened
        return opened

    def opened(self, act_id: str, now: datetime) -> OpenIdentity | None:
        """What an act opened; None: nothing, or it is over."""
        self.forget(now)
        return self._opened.get(act_id)

    def forget(self, now: datetime) -> None:
        """Lets go of everything that is over."""
        self._lent = {at: kept for at, kept in self._lent.items() if now < kept[0]}
        self._opened = {at: one for at, one in self._opened.items() if now < one.until}


def _key(one: Lent, other: Lent) -> OpeningKey | None:
    """R's key of two shares; None: they are no two shares of it."""
    try:
        key = OpeningKey(joined(one, other))
    except KeysError:
        return None
    return key if key.kid == one.share.secret.kid else None
