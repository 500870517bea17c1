"""This machine's clock and randomness, for whoever is handed a `Clock` or an `Entropy`."""

from __future__ import annotations

import secrets
import uuid
from datetime import UTC, datetime

from ledger.log.moment import cut


class RealClock:
    """The machine's clock, UTC, cut to milliseconds."""

    def now(self) -> datetime:
        """This instant."""
        return cut(datetime.now(UTC))


class RealEntropy:
    """The operating system's randomness."""

    def take(self, n_bytes: int) -> bytes:
        """Unpredictable bytes."""
        return secrets.token_bytes(n_bytes)

    def uuid(self) -> uuid.UUID:
        """A random UUIDv4."""
        return uuid.uuid4()
