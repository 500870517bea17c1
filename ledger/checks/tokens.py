"""Which tokens of reporters the records of cases name, held against the rows of `log.tokens`.

An append asks that table whether a token stands in another case, so a row that is gone lets one
token into two cases, and one too many keeps it out of its own. The rows hold no more than digests,
and whoever has the records makes them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from ledger.checks.content import Checked, RawRecord
from ledger.checks.findings import Damage, Finding
from ledger.streams.tokens import token_tag

_ANY: Final = b""
"""A stream that nobody knows: the record is damaged, which is named by itself."""


class RawToken(NamedTuple):
    """One row of `tokens`.

    Attributes:
        tag: Digest of the token.
        stream_id: 16 bytes: the case.
        at: Index of the first record of the case that names it.
    """

    tag: bytes
    stream_id: bytes
    at: int


class Tokens:
    """The rows that the records of a log give, gathered in index order.

    Args:
        origin: The log.
    """

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._first: dict[tuple[bytes, bytes], int] = {}
        self._unread: dict[int, bytes] = {}

    def name(self, at: int, stream_id: bytes, tokens: Sequence[str]) -> None:
        """The next record names these."""
        for token in tokens:
            self._first.setdefault((token_tag(self._origin, token), stream_id), at)

    def read(self, row: RawRecord, said: Checked) -> None:
        """The next record, as it was opened."""
        if said.damage is None:
            self.name(row.at, row.stream_id, said.tokens)
        elif said.damage is not Damage.WRAP_MISSING:
            self._unread[row.at] = _ANY
        elif row.author:
            self._unread[row.at] = row.stream_id

    def judge(self, rows: Iterable[RawToken]) -> Iterator[Finding]:
        """Rows that no record gives, and rows that are not there.

        A row may stand at a record that can no longer be read: whether it named the token is not
        known, and then a later record of the same case does not give it first.

        Args:
            rows: As stored.
        """
        left, kept = dict(self._first), set[tuple[bytes, bytes]]()
        for tag, stream_id, at in sorted(rows, key=lambda row: row.at):
            key = tag, stream_id
            first = left.get(key)
            if key in kept or (at != first and not self._excuses(at, stream_id, first)):
                message = "a token is noted that no record of this case names first at this index"
                yield Finding(max(at, 0), Damage.TOKEN_STRAY, message)
                continue
            kept.add(key)
            left.pop(key, None)
        for (_, stream_id), at in left.items():
            message = f"a token that the case {stream_id.hex()} names here is not noted"
            yield Finding(at, Damage.TOKEN_MISSING, message)

    def _excuses(self, at: int, stream_id: bytes, first: int | None) -> bool:
        """Whether an unreadable record may have named a token before all that can be read."""
        unread = self._unread.get(at)
        return unread in {_ANY, stream_id} and (first is None or at < first)
