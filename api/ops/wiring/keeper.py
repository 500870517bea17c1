"""The keeper of a home, wired."""

from __future__ import annotations

from typing import Final

from api.home import EnclaveFacts, Home
from api.ops.machine import RealClock
from api.ops.wiring.key_files import required_kek
from api.ops.wiring.logins import POOL_MOST, require_schema, role_dsn
from api.settings import Settings
from keys.custody.key_files import KeyFiles
from keys.envelope_encryption import Kek
from ledger.keeper.keeper import MOST_AGE, WrapKeeper
from ledger.keeper.pace import Pace
from ledger.ports import Clock
from ledger.postgres.connect import Pool, open_pool
from ledger.postgres.keeping.opens import PostgresOpens

_KEEPER_PATIENCE_S: Final = 5
"""How long the keeper waits for a lock, and ten times as long for the end of a statement."""


def open_keeper(
    settings: Settings,
    *,
    clock: Clock | None = None,
    facts: EnclaveFacts | None = None,
    kek: KeyFiles[Kek] | None = None,
) -> tuple[WrapKeeper, KeyFiles[Kek], Pool]:
    """The keeper of a home, its KEK, and the pool to close behind it.

    Args:
        settings: Of the home.
        clock: Says when it is time to reckon; the machine's if left out.
        facts: Where its database is, if not where the home says.
        kek: Its KEK, where that is open already.

    Raises:
        SettingsError: The KEK does not open.
        Unavailable: The database cannot be reached.
        Fatal: As `require_schema`.
    """
    facts = facts or Home(settings).facts()
    dsn = role_dsn(settings, facts, "keeper")
    require_schema(dsn)
    kek = kek or required_kek(settings)
    pool = open_pool(dsn, most=POOL_MOST, patience_s=_KEEPER_PATIENCE_S)
    keeper = WrapKeeper(
        PostgresOpens(pool),
        kek,
        origin=facts.origin,
        level=facts.level,
        now=(clock or RealClock()).now,
        most_age=None if facts.rehearsal else MOST_AGE,
        pace=Pace(settings.keeper_opens),
    )
    return keeper, kek, pool
