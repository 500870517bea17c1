"""The checkpointer of a home, wired."""

from __future__ import annotations

from api.home import EnclaveFacts, Home, memory_needed
from api.ops.machine import RealClock
from api.ops.reads.which_log import ACTS, WhichLog
from api.ops.wiring.key_files import log_signers
from api.ops.wiring.logins import HUNG_READ_S, require_schema, role_dsn
from api.settings import Settings
from keys.note import NoteSigner
from ledger.checkpoints.checkpointer import Checkpointer
from ledger.checkpoints.seen_checkpoint import SeenCheckpoint
from ledger.checkpoints.seen_file import SeenFile
from ledger.ports import Clock
from ledger.postgres.checkpoints import PostgresCheckpoints
from ledger.postgres.connect import Pool, open_pool
from ledger.postgres.notices import PostgresNotices
from ledger.postgres.records import PostgresRecords
from ledger.postgres.tiles import PostgresTiles


def open_checkpointer(
    settings: Settings,
    *,
    clock: Clock | None = None,
    facts: EnclaveFacts | None = None,
    which: WhichLog = ACTS,
    signers: tuple[NoteSigner, NoteSigner] | None = None,
) -> tuple[Checkpointer, Pool]:
    """The checkpointer of a home's log, and the pool to close behind it.

    Args:
        settings: Of the home.
        clock: Dates the second signature; the machine's if left out.
        facts: Where its database is, if not where the home says.
        which: The log of acts or that of reads. Of the latter nobody is told when it grows: it is
            looked at on a clock.
        signers: Its keys, where they are open already.

    Raises:
        SettingsError: A key does not open, or is not of its kind; no checkpoint of the log of acts
            is known. Where none of reads is, signing ends on doubt, and that of acts goes on.
        Unavailable: The database cannot be reached.
        Fatal: As `require_schema`.
    """
    home = Home(settings)
    facts, store = facts or home.facts(), SeenFile(home.seen_folder(which.seen))
    if which is ACTS and store.read() is None:
        raise memory_needed(home.seen_folder(which.seen))
    dsn = role_dsn(settings, facts, "checkpointer")
    require_schema(dsn)
    log_key, pq_key = signers or log_signers(settings, which=which)
    pool, origin = open_pool(dsn, most=2, hung_after_s=HUNG_READ_S), which.origin(facts)
    checkpointer = Checkpointer(
        records=PostgresRecords(pool, which.schema),
        tiles=PostgresTiles(pool, which.schema),
        checkpoints=PostgresCheckpoints(pool, which.schema),
        seen=SeenCheckpoint(store, lambda _: [log_key.vkey, pq_key.vkey], origin),
        log_key=log_key,
        pq_key=pq_key,
        clock=clock or RealClock(),
        origin=origin,
        notices=PostgresNotices(dsn) if which is ACTS else None,
    )
    return checkpointer, pool
