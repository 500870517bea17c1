"""Which tokens of reporters the records of cases name, held against the rows of `log.tokens`.

Whoever judges a record asks that table whose a token is, so a row that is gone sets aside what
named it, and one too many keeps a token out of its own case. The rows hold no more than digests,
and whoever has the records makes them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from ledger.audit.content import CheckedRecord, RawRecord
from ledger.audit.findings import Damage, Finding
from ledger.streams.names import stream_id
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
    """The rows that the records of a log give, gathered in index order, beside those it has.

    Args:
        origin: The log.
        rows: As stored; None where they may not be read: then whoever names a token first has it.

    Attributes:
        strays: Rows that an append has written beside a record of their case that does not name
            them, as whoever has the writer's login can; known once `judge` has ended. Such a row
            keeps its token out of every other case and misleads nobody else.
    """

    def __init__(self, origin: str, rows: Iterable[RawToken] | None = None) -> None:
        self._origin = origin
        self.rows = None if rows is None else sorted(rows, key=lambda row: row.at)
        self._noted = {row.tag: row for row in reversed(self.rows or ())}
        self._owners: dict[bytes, bytes] = {}
        self._first: dict[tuple[bytes, bytes], int] = {}
        self._unread: dict[int, bytes] = {}
        self._streams: dict[int, bytes | None] = {row.at: None for row in self.rows or ()}
        self.strays: list[Finding] = []

    def name(self, at: int, case: bytes, tokens: Sequence[str]) -> None:
        """The next record names these."""
        self._stand(at, case)
        for token in tokens:
            tag = token_tag(self._origin, token)
            self._first.setdefault((tag, case), at)
            self._owners.setdefault(tag, case)

    def read(self, row: RawRecord, said: CheckedRecord) -> None:
        """The next record, as it was opened."""
        self._stand(row.at, row.stream_id)
        if said.damage is None:
            self.name(row.at, row.stream_id, said.tokens)
        elif said.damage is not Damage.WRAP_MISSING:
            self._unread[row.at] = _ANY
        elif row.author:
            self._unread[row.at] = row.stream_id

    def elsewhere(self, token: str, stream: str, at: int) -> bool:
        """Whether another stream has the token, or none has, as the record of this index finds it.

        The append notes a token with the record that names it: the row is there when that is
        judged.
        """
        tag, of = token_tag(self._origin, token), stream_id(self._origin, stream).bytes
        if self.rows is None:
            return self._owners.get(tag, of) != of
        row = self._noted.get(tag)
        return row is None or row.stream_id != of or row.at > at

    def judge(self) -> Iterator[Finding]:
        """Rows that no record gives, and rows that are not there.

        A row may stand at a record that can no longer be read: whether it named the token is not
        known, and then a later record of the same case does not give it first. A token that
        another stream has is not missed: that is against the rules. Nor is one that its case had
        before it was named.
        """
        left, kept = dict(self._first), set[tuple[bytes, bytes]]()
        for tag, case, at in self.rows or ():
            key = tag, case
            first = left.get(key)
            if key in kept or (at != first and not self._excuses(at, case, first)):
                message = "a token is noted that no record of this case names first at this index"
                stray = Finding(max(at, 0), Damage.TOKEN_STRAY, message)
                if key in kept or self._streams[at] != case:
                    yield stray
                else:
                    self.strays.append(stray)
                continue
            kept.add(key)
            left.pop(key, None)
        for (tag, case), at in left.items():
            row = self._noted.get(tag)
            if row is not None and (row.stream_id != case or row.at <= at):
                continue
            message = f"a token that the case {case.hex()} names here is not noted"
            yield Finding(at, Damage.TOKEN_MISSING, message)

    def _stand(self, at: int, stream_id: bytes) -> None:
        """The record of this index is of this stream; remembered where a row names the index."""
        if at in self._streams:
            self._streams[at] = stream_id

    def _excuses(self, at: int, case: bytes, first: int | None) -> bool:
        """Whether an unreadable record may have named a token before all that can be read."""
        unread = self._unread.get(at)
        return unread in {_ANY, case} and (first is None or at < first)
