"""The log of a home for whoever follows it with the library."""

from __future__ import annotations

from collections.abc import Mapping

from api.home import Home, memory_needed
from api.ops.wiring.genesis import require_genesis
from api.ops.wiring.key_files import open_kek
from api.ops.wiring.logins import HUNG_READ_S, require_schema, role_dsn
from api.ops.wiring.role_watch import watching
from api.settings import Settings
from ledger.checkpoints.seen_file import SeenFile
from ledger.postgres.connect import open_pool
from ledger.postgres.notices import PostgresNotices
from ledger.postgres.records import PostgresRecords
from ledger.streams.record_reader import Reader
from ledger.write.followed_log import FollowedLog
from ledger.write.registry_follower import RegistryFollower


def followed_log(settings: Settings) -> type[FollowedLog]:
    """The log of a home as an application class, for eventsourcing's `ProjectionRunner`.

    Whoever uses it needs the projector's login and the KEK; each application has its own
    connections, until it is closed. What followers have seen of the log is in the folder `follower`
    of `SOCAI_SEEN_DIR`, one for all of them: it is of one log, and only moves on.

    Raises:
        SettingsError: No enclave in the home; by the class, where record 0 is not that of it, or
            no checkpoint of it is known to followers.
    """
    home = Home(settings)
    facts, folder = home.facts(), home.seen_folder("follower")
    dsn, kek = role_dsn(settings, facts, "projector"), open_kek(settings)

    class Log(FollowedLog):
        """The log of this home."""

        def __init__(self, env: Mapping[str, str] | None = None) -> None:
            store = SeenFile(folder)
            if store.read() is None:
                raise memory_needed(folder)
            require_schema(dsn)
            self._pool = open_pool(dsn, most=2, hung_after_s=HUNG_READ_S)
            records = PostgresRecords(self._pool)
            reader = Reader(records, kek, facts.origin, facts.level)
            try:
                require_genesis(reader, facts)
            except Exception:
                self._pool.close()
                raise
            watch = watching(store, self._pool, records, reader, RegistryFollower(records, reader))
            super().__init__(
                records,
                reader,
                watch,
                PostgresNotices(dsn),
                env,
                shreds=records.shreds,
                always=kek.look,
            )

        def close(self) -> None:
            """Gives the connections back."""
            super().close()
            self._pool.close()

    return Log
