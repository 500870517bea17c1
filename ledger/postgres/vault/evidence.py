"""What R has, by the vault's login, and which cases have a reporter, by the projector's."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any, Final, LiteralString, cast

from ledger.postgres.connect import Pool, reading
from ledger.vault.evidence import KeptInR, KeptItem

_KEYS: Final[LiteralString] = """
SELECT part, kek_id, public, made_at, over_at IS NULL, coalesce(left_behind, 0) FROM r.keys
"""
_ITEMS: Final[LiteralString] = """
SELECT item, token, comp, substr(contact_wrap, 2, 16), substr(identity_wrap, 2, 16) FROM r.items
"""
_REQUESTS: Final[LiteralString] = "SELECT id FROM r.requests"
_CASES: Final[LiteralString] = """
SELECT DISTINCT s.name FROM log.tokens t JOIN log.streams s ON s.stream_id = t.stream_id
ORDER BY s.name
"""


def kept_in_r(pool: Pool) -> tuple[KeptInR, datetime | None]:
    """What lies in R, and when it was founded."""
    keys = _rows(pool, _KEYS)
    items = [KeptItem(*row) for row in _rows(pool, _ITEMS)]
    requests = [row[0] for row in _rows(pool, _REQUESTS)]
    halves = {part: (kek_id, public) for part, kek_id, public, _, good, _ in keys if good}
    left = Counter[str]()
    for part, *_, count in keys:
        left[part] += count
    return KeptInR(halves, items, requests, left), min((row[3] for row in keys), default=None)


def cases_with_reporters(pool: Pool) -> list[str]:
    """Streams in which a reporter's token stands."""
    return [row[0] for row in _rows(pool, _CASES)]


def _rows(pool: Pool, query: LiteralString) -> list[tuple[Any, ...]]:
    found = reading(pool, lambda connection: connection.execute(query, binary=True).fetchall())
    return cast("list[tuple[Any, ...]]", found)
