"""Reads that are under way at once are noted by one append, each in a row of its own (U1)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import pairwise
from threading import Event
from time import monotonic, sleep
from typing import Final

import pytest

from keys.envelope_encryption import Kek
from keys.jwk import SoftwareSigner
from ledger.admission import service_statements
from ledger.errors import Unavailable
from ledger.message import Message
from ledger.ports import NIL_UNIT, NoRecords, StoredRecord
from ledger.reads.access_logged import OF_READS, HeldPost, row_of
from ledger.reads.read import NotedRead, ReadBy, ReadNotLogged
from ledger.reads.writer import GroupTaken, ReadWriter, RowGroup
from ledger.streams.record_reader import Reader
from tests.contract.reads import a_read
from tests.fixtures.clock import CountingEntropy

ORIGIN: Final = "bacninh.example/ordinary/access"
AT: Final = datetime.fromisoformat("2024-06-04T01:00:00+00:00")
_LONG_S: Final = 20.0


class SlowStore:
    """Takes groups; stands still at its first until told to go on, and then may refuse it."""

    def __init__(self, refused: Exception | None = None) -> None:
        self.groups: list[RowGroup] = []
        self.begun, self.go_on = Event(), Event()
        self._refused = refused

    def append(self, group: RowGroup) -> GroupTaken:
        """See `RowStore`."""
        self.groups.append(group)
        if len(self.groups) == 1:
            self.begun.set()
            assert self.go_on.wait(_LONG_S)
            if self._refused is not None:
                raise self._refused
        return GroupTaken("ok", None)


class Office:
    """Five who read at once: four come while the row of the first is being noted."""

    def __init__(self, store: SlowStore) -> None:
        self.store = store
        self.kek = Kek.generate()
        self.log = ReadWriter(
            store=store,
            signer=SoftwareSigner.generate("Ed25519"),
            kek=self.kek,
            key=b"k" * 32,
            entropy=CountingEntropy("together"),
            origin=ORIGIN,
            level="ordinary",
            now=lambda: AT,
            posts=lambda by, _at: [HeldPost("so-tttt", by.kid[:4])],
        )

    def read(self) -> tuple[list[NotedRead], list[BaseException | None]]:
        """What each reads, and what each is told."""
        reads = [
            a_read(ReadBy(f"00000000-0000-4000-8000-00000000000{n}", kid * 43))
            for n, kid in enumerate("AEIMQ")
        ]
        with ThreadPoolExecutor(5) as pool:
            first = pool.submit(self.log.note, reads[:1])
            assert self.store.begun.wait(_LONG_S)
            others = [pool.submit(self.log.note, [one]) for one in reads[1:]]
            end = monotonic() + _LONG_S
            while len(self.log._groups._waiting) < 4:
                assert monotonic() < end
                sleep(0.001)
            self.store.go_on.set()
            return reads, [one.exception(_LONG_S) for one in (first, *others)]

    def noted(self) -> list[NotedRead]:
        """Every row that stands, opened, each behind the one before it."""
        reader = Reader(NoRecords(), self.kek, ORIGIN)
        digests: list[tuple[str | None, str]] = []
        found: list[NotedRead] = []
        for group in self.store.groups:
            for n, sealed in enumerate(group.sealed):
                stored = StoredRecord(
                    index=len(found), stream_id=group.stream_id, seq=group.seq + n,
                    act_id=group.ids[n], author=True, topic="socai.statement.v1",
                    state=sealed.state, entry=sealed.entry, recorded_at=group.at, wrap=sealed.wrap,
                    stream=group.stream, unit=NIL_UNIT, registry=False,
                )  # fmt: skip
                statement = reader.open(stored).statement
                assert statement is not None
                digests.append((statement.prev, statement.digest_b64))
                row = row_of(service_statements.parse(statement.members, OF_READS))
                assert [post.post for post in row.posts] == [row.read.session.kid[:4]]
                assert group.tags[n]
                found.append(row.read)
        assert digests[0][0] is None
        assert all(later[0] == earlier[1] for earlier, later in pairwise(digests))
        return found


def test_who_reads_while_another_is_noted_shares_one_append() -> None:
    """Five reads, two appends, one chain; each is noted as who they are, before it is told so."""
    office = Office(SlowStore())
    reads, told = office.read()
    assert told == [None] * 5
    assert [len(group.ids) for group in office.store.groups] == [1, 4]
    noted = office.noted()
    assert noted[0] == reads[0]
    assert sorted(noted[1:], key=str) == sorted(reads[1:], key=str)


def test_what_is_not_noted_is_shown_to_none_of_the_group() -> None:
    """The database goes away: all that wait are told, and the next row begins another chain."""
    gone = Unavailable("database_unavailable", Message("x"))
    office = Office(SlowStore(gone))
    reads, told = office.read()
    assert [type(one) for one in told] == [ReadNotLogged] * 5
    assert len(office.store.groups) == 1
    office.log.note(reads[:1])
    first, second = office.store.groups
    assert (first.stream != second.stream, second.seq) == (True, 1)


def test_more_rows_than_an_append_takes_go_in_several(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that belong together are noted together; the chain goes on behind them."""
    monkeypatch.setattr("ledger.reads.writer._MOST_ROWS", 2)
    office = Office(SlowStore())
    _, told = office.read()
    assert told == [None] * 5
    assert [len(group.ids) for group in office.store.groups] == [1, 2, 2]
    assert len(office.noted()) == 5
