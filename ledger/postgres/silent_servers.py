"""Which servers were silent to this process, and which one let it in last.

A server that hangs says nothing of it: each of its connections would be found out by itself, after
a wait of its own, and each new one would be asked of it first.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Any, Final, NamedTuple

from psycopg.conninfo import conninfo_to_dict, make_conninfo

_NEVER: Final = float("-inf")
_LISTS: Final = ("host", "hostaddr", "port")


class ServerAddress(NamedTuple):
    """One of an address, as the driver names it on a connection."""

    host: str
    port: str


class SilentServers:
    """What the connections of one process have found; asked and told from any thread."""

    def __init__(self) -> None:
        self._silent: dict[ServerAddress, float] = {}
        self._let_in: dict[ServerAddress, float] = {}

    def was_silent(self, server: ServerAddress) -> None:
        """Somebody waited for an answer of it in vain."""
        self._silent[server] = monotonic()

    def let_in(self, server: ServerAddress) -> float:
        """It gave a connection; returns when, in seconds of this process's clock."""
        at = self._let_in[server] = monotonic()
        return at

    def doubts(self, server: ServerAddress, made_at: float) -> bool:
        """Whether a connection that it gave then may hang, as another one did since."""
        return self._silent.get(server, _NEVER) >= made_at

    def ordered(self, dsn: str) -> str:
        """The address with who let somebody in last at its head, and who was silent since behind.

        Of one server alone it is left as it is, as are those between which they stand equal.
        """
        if "," not in dsn:
            return dsn
        said = conninfo_to_dict(dsn)
        lists = {name: str(said[name]).split(",") for name in _LISTS if said.get(name)}
        many = max(map(len, lists.values()), default=0)
        if many < 2 or any(len(one) not in (1, many) for one in lists.values()):  # noqa: PLR2004
            return dsn
        rows = [
            {name: one[n] if len(one) > 1 else one[0] for name, one in lists.items()}
            for n in range(many)
        ]
        ranked = sorted(rows, key=self._rank)
        if ranked == rows:
            return dsn
        return make_conninfo(dsn, **{n: ",".join(row[n] for row in ranked) for n in lists})

    def _rank(self, one: Mapping[str, Any]) -> tuple[bool, float]:
        server = ServerAddress(
            one.get("host") or one.get("hostaddr", ""), one.get("port") or "5432"
        )
        let_in = self._let_in.get(server, _NEVER)
        return self._silent.get(server, _NEVER) > let_in, -let_in
