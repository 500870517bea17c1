"""The projector of a home, wired."""

from __future__ import annotations

import os

from api.home import Home
from api.ops.wiring.genesis import require_genesis
from api.ops.wiring.key_files import open_kek
from api.ops.wiring.logins import HUNG_WRITE_S, role_dsn
from api.ops.wiring.role_watch import watching
from api.settings import Settings
from keys.custody.key_files import KeyFiles
from keys.envelope_encryption import Kek
from ledger.checkpoints.seen_file import SeenFile
from ledger.postgres.connect import Connection, Pool, connect, open_pool, translating
from ledger.postgres.migrate import check
from ledger.postgres.notices import PostgresNotices
from ledger.postgres.records import PostgresRecords
from ledger.streams.record_reader import Reader
from ledger.write.forgetting import Forgetting
from ledger.write.registry_follower import RegistryFollower
from projections.engine import generations
from projections.engine.last_holder import LastHolder
from projections.engine.noted_signatures import NotedSignatures
from projections.engine.projector import Projector
from projections.engine.rebuild_pool import Builders
from projections.engine.rebuild_worker import WorkerConfig
from projections.fold.shard import DIGITS
from projections.views import search_terms


def open_projector(
    settings: Settings, *, kek: KeyFiles[Kek] | None = None, last: LastHolder | None = None
) -> tuple[Projector, PostgresNotices, Pool]:
    """The projector of a home, its hints, and the pool to close behind it.

    Args:
        settings: Of the home.
        kek: Its KEK, where that is open already.
        last: Where it is the home's only one, which its role lock proves: whose place it takes.

    Raises:
        SettingsError: Record 0 is not that of this home.
        Unavailable: The database cannot be reached.
        Fatal: As `require_schema`, or the views are not this program's.
    """
    home = Home(settings)
    facts = home.facts()
    dsn, kek = role_dsn(settings, facts, "projector"), kek or open_kek(settings)
    cores = min(len(os.sched_getaffinity(0)), len(DIGITS))
    with connect(dsn, hung_after_s=HUNG_WRITE_S) as connection, translating():
        check(connection)
        pool = open_pool(dsn, most=2, hung_after_s=HUNG_WRITE_S)
        records = PostgresRecords(pool)
        reader = Reader(records, kek, facts.origin, facts.level)
        try:
            require_genesis(reader, facts)
            generations.require_installed(connection)
        except Exception:
            pool.close()
            raise
    follower = RegistryFollower(records, reader)
    seen = home.seen_folder("projector")
    watch = watching(SeenFile(seen), pool, records, reader, follower)
    opening = WorkerConfig(dsn, kek, facts.origin, facts.level, seen)

    begun = False

    def connected() -> Connection:
        """Where there was one before, it was lost, or hung: those of the pool may hang as well."""
        nonlocal begun
        if begun:
            pool.drain()
        begun = True
        return connect(dsn, hung_after_s=HUNG_WRITE_S)

    projector = Projector(
        connected,
        records,
        reader,
        origin=facts.origin,
        level=facts.level,
        builders=Builders(opening, cores) if cores > 1 else None,
        follower=follower,
        watch=watch,
        forgetting=Forgetting(
            records.shreds, [follower.forget, search_terms.forget], always=kek.look, after_s=0
        ),
        checked=NotedSignatures(seen),
        last=last,
    )
    return projector, PostgresNotices(dsn), pool
