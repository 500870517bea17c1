"""The only place where ports meet adapters; the real clock and the real randomness."""

from __future__ import annotations

import secrets
import uuid
from datetime import UTC, datetime
from typing import Any

from api.auth import Seal, SignIn
from api.settings import EnclaveFacts, Settings


class RealClock:
    """The machine's clock, UTC, cut to milliseconds."""

    def now(self) -> datetime:
        """This instant."""
        at = datetime.now(UTC)
        return at.replace(microsecond=at.microsecond // 1000 * 1000)


class RealEntropy:
    """The operating system's randomness."""

    def take(self, n_bytes: int) -> bytes:
        """Unpredictable bytes."""
        return secrets.token_bytes(n_bytes)

    def uuid(self) -> uuid.UUID:
        """A random UUIDv4."""
        return uuid.uuid4()


class Enclave:
    settings: Settings
    facts: EnclaveFacts
    clock: RealClock
    entropy: RealEntropy
    seal: Seal
    sign_in: SignIn
    ledger: Any
    proofs: Any
    tiles: Any
    checkpoints: Any
    records: Any
    vkeys: Any
    policy: Any

    def ledger_time(self) -> datetime:
        return self.clock.now()

    def readiness(self) -> list[dict[str, Any]]:
        return []

    def tile_bytes(self, t: Any) -> bytes:
        return b""
