"""The keys of a log as a process has followed it: record 0 names them, a recovery turns them.

A process that has not followed the log yet would take ended keys for good, so it follows first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from keys.log_keys import LogKeys
from keys.lost_checkpoint import known
from keys.note import VKey
from ledger.write.registry_follower import RegistryFollower


class FollowedKeys:
    """The keys by size.

    Args:
        follower: Follows the registry; asked when it is needed.
    """

    def __init__(self, follower: Callable[[], RegistryFollower]) -> None:
        self._follower = follower

    @property
    def now(self) -> LogKeys:
        """As this process has followed the log. Raises: VerificationError."""
        follower = self._follower()
        current = follower.current if follower.current.index >= 0 else follower.catch_up()
        return current.registry.log_keys

    def at(self, size: int) -> Sequence[VKey]:
        """Those that sign a tree of this size."""
        return known(self.now.at(size))

    def follow(self) -> None:
        """Follows the log on. Raises: VerificationError, Unavailable."""
        self._follower().catch_up()
