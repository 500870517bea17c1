"""Holds a log to what one role of a home remembers of it."""

from __future__ import annotations

from ledger.checkpoints.log_watch import LogWatch
from ledger.checkpoints.seen_checkpoint import SeenCheckpoint
from ledger.checkpoints.seen_file import SeenFile
from ledger.checkpoints.verified_checkpoints import SignedCheckpoints
from ledger.postgres.checkpoints import PostgresCheckpoints
from ledger.postgres.connect import Pool
from ledger.postgres.records import PostgresRecords
from ledger.postgres.tiles import PostgresTiles
from ledger.streams.record_reader import Reader
from ledger.write.log_keys_follower import FollowedKeys
from ledger.write.registry_follower import RegistryFollower


def watching(
    store: SeenFile,
    pool: Pool,
    records: PostgresRecords,
    reader: Reader,
    follower: RegistryFollower,
) -> LogWatch:
    """Holds a log to what one role remembers, by the keys that the log itself tells."""
    keys, origin = FollowedKeys(lambda: follower), reader.origin
    return LogWatch(
        SeenCheckpoint(store, keys.at, origin),
        SignedCheckpoints(PostgresCheckpoints(pool), keys.at, origin, follow=keys.follow),
        records,
        PostgresTiles(pool),
    )
