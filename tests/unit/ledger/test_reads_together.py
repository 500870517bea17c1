"""Reads that are under way at once are noted by one append, each in a row of its own (U1)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Event
from time import monotonic, sleep
from typing import Final

from keys.envelope_encryption import Kek
from keys.jwk import SoftwareSigner
from ledger.admission import service_statements
from ledger.errors import Unavailable
from ledger.message import Message
from ledger.ports import NIL_UNIT, NoRecords, StoredRecord
from ledger.reads.access_logged import OF_READS, AccessRow, HeldPost, WrapsRow, row_of
from ledger.reads.read import MOST_PURPOSE, MOST_RECORDS, NotedRead, ReadBy, ReadNotLogged
from ledger.reads.writer import GroupTaken, ReadWriter, RowGroup, RowPlace
from ledger.streams.record_reader import Reader
from ledger.work import bill, work_s
from tests.contract.reads import a_read
from tests.fixtures.clock import CountingEntropy

ORIGIN: Final = "bacninh.example/ordinary/access"
AT: Final = datetime.fromisoformat("2024-06-04T01:00:00+00:00")
TAKEN: Final = GroupTaken("ok", None)
GONE: Final = Unavailable("database_unavailable", Message("x"))
_LONG_S: Final = 20.0
_EACH_S: Final = 100.0
"""Work that a row is to the store, so that what the test itself takes does not count."""


class SlowStore:
    """Takes groups; stands still at its first until told to go on.

    Args:
        answers: What it answers or raises, one call after the other; `ok` after that.

    Attributes:
        asked: Every group that it was asked to take.
        groups: Those that it took.
        third: It stands still at its third while this is not set.
    """

    def __init__(self, *answers: GroupTaken | Exception) -> None:
        self.asked: list[RowGroup] = []
        self.groups: list[RowGroup] = []
        self.begun, self.go_on, self.third = Event(), Event(), Event()
        self.third.set()
        self._answers = iter(answers)

    def append(self, group: RowGroup) -> GroupTaken:
        """See `RowStore`."""
        self.asked.append(group)
        if len(self.asked) == 1:
            self.begun.set()
            assert self.go_on.wait(_LONG_S)
        if len(self.asked) == 3:
            assert self.third.wait(_LONG_S)
        bill(_EACH_S * len(group.ids))
        answer = next(self._answers, TAKEN)
        if isinstance(answer, Exception):
            raise answer
        if answer.status == "ok":
            self.groups.append(group)
        return answer


class Office:
    """Some who read at once: all but one come while the rows of the first are being noted."""

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
        self.paid_s: list[float] = []

    def read(self, *many: int) -> tuple[list[list[NotedRead]], list[BaseException | None]]:
        """What each reads, so many rows each, and what each is told: the last to come first."""
        reads = [
            [
                a_read(ReadBy(f"00000000-0000-4000-8000-00000000000{n}", f"{n}{one:041}A"))
                for one in range(of_each)
            ]
            for n, of_each in enumerate(many)
        ]

        def note(some: list[NotedRead]) -> float:
            before = work_s()
            self.log.note(some)
            return work_s() - before

        with ThreadPoolExecutor(len(many)) as pool:
            told = [pool.submit(note, reads[0])]
            assert self.store.begun.wait(_LONG_S)
            for n, some in enumerate(reads[1:], 1):
                told.append(pool.submit(note, some))
                end = monotonic() + _LONG_S
                while len(self.log._groups._waiting) < n:
                    assert monotonic() < end
                    sleep(0.001)
            self.store.go_on.set()
            told[-1].exception(_LONG_S)
            self.store.third.set()
            errors = [one.exception(_LONG_S) for one in told]
            if not any(errors):
                self.paid_s = [one.result() for one in told]
            return reads, errors

    def noted(self) -> list[NotedRead]:
        """Every read that is noted, by whoever reads in the post that they hold."""
        rows = self.rows()
        assert all([p.post for p in row.posts] == [row.read.session.kid[:4]] for row in rows)
        return [row.read for row in rows]

    def rows(self) -> list[AccessRow]:
        """Every row that stands, opened, each behind the one before it in its stream."""
        reader = Reader(NoRecords(), self.kek, ORIGIN)
        last: dict[str, tuple[int, str]] = {}
        found: list[AccessRow] = []
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
                seq, prev = last.get(group.stream, (0, None))
                assert (statement.seq, statement.prev) == (seq + 1, prev)
                last[group.stream] = statement.seq, statement.digest_b64
                assert group.tags[n]
                found.append(row_of(service_statements.parse(statement.members, OF_READS)))
        return found


def test_who_reads_while_another_is_noted_shares_one_append() -> None:
    """Five reads, two appends, one chain; each is noted as who they are, before it is told so."""
    office = Office(SlowStore())
    reads, told = office.read(1, 1, 1, 1, 1)
    assert told == [None] * 5
    assert [len(group.ids) for group in office.store.groups] == [1, 4]
    assert len({group.stream for group in office.store.groups}) == 1
    assert office.noted() == [one for some in reads for one in some]


def test_a_row_names_the_posts_for_which_it_is_read_and_no_more_records_than_it_may() -> None:
    """Of posts in other agencies nothing is told (D2); a purpose is cut, and records are shared."""
    office, (one, other) = Office(store := SlowStore()), ("bacninh.thanhtra", "so-tttt")
    store.go_on.set()
    long = a_read(records=MOST_RECORDS + 1)
    for of in (frozenset({other}), frozenset({one}), None):
        office.log.note([replace(long, agencies=of, purpose="a" * (MOST_PURPOSE + 1))])
    office.log.note([long])
    rows = office.rows()
    assert [row.posts for row in rows] == [
        *([(HeldPost(other, row.read.session.kid[:4]),) for row in rows[:2]]),
        *([()] * 2),
        *([(HeldPost(other, row.read.session.kid[:4]),) for row in rows[4:]]),
    ]
    assert [len(row.read.records) for row in rows] == [MOST_RECORDS, 1] * 4
    assert {row.read.purpose for row in rows} == {"a" * MOST_PURPOSE, long.purpose}


def test_what_is_not_noted_is_shown_to_none_of_the_group() -> None:
    """The database goes away: all that wait are told, and the next row begins another chain."""
    office = Office(SlowStore(GONE))
    reads, told = office.read(1, 1, 1, 1, 1)
    assert [type(one) for one in told] == [ReadNotLogged] * 5
    office.log.note(reads[0])
    first, second = office.store.asked
    assert (first.stream != second.stream, second.seq) == (True, 1)


def test_who_reads_one_line_is_told_while_hundreds_are_noted() -> None:
    """Four have lists of 200 lines noted, one a single line: it waits for one append."""
    store = SlowStore()
    store.third.clear()
    office = Office(store)
    reads, told = office.read(200, 200, 200, 200, 1)
    assert told == [None] * 5
    assert max(len(group.ids) for group in store.groups) == 64
    noted = office.noted()
    for some in reads:
        assert [one for one in noted if one.session.officer == some[0].session.officer] == some


def test_who_reads_pays_for_their_own_rows() -> None:
    """Whoever leads signs for all and waits for all; else what they pay tells that others read."""
    office = Office(SlowStore())
    _, told = office.read(1, 200, 3, 200, 200)
    assert told == [None] * 5
    assert [round(paid_s / _EACH_S) for paid_s in office.paid_s] == [1, 200, 3, 200, 200]


def test_the_chain_goes_on_where_a_group_comes_late_or_its_place_is_taken() -> None:
    """Several wait: each row stands once, dated no earlier than the log, and so does the next."""
    until = AT + timedelta(seconds=5)
    late, stale = GroupTaken("late", until), GroupTaken("stale", None)
    office = Office(SlowStore(TAKEN, late, stale, late))
    reads, told = office.read(1, 2, 2, 2)
    assert told == [None] * 4
    office.log.note(reads[0])
    assert office.noted() == [one for some in (*reads, reads[0]) for one in some]
    first, *again, last, after = office.store.asked
    assert [(group.stream == first.stream, group.seq) for group in again] == [
        (True, 2), (True, 2), (False, 1)
    ]  # fmt: skip
    assert (last.stream, last.seq, last.at) == (again[-1].stream, 1, until)
    assert (after.stream, after.seq) == (last.stream, 7)


def test_a_group_that_the_log_does_not_take_is_told_and_the_next_begins_a_chain() -> None:
    """None of several that wait is shown anything, nor who had some of their rows noted before."""
    store = SlowStore(TAKEN, TAKEN, GroupTaken("apart", None))
    office = Office(store)
    reads, told = office.read(1, 100, 1)
    assert [type(one) for one in told] == [type(None), ReadNotLogged, type(None)]
    office.log.note(reads[0])
    assert (store.asked[-1].seq, store.asked[-1].stream != store.asked[0].stream) == (1, True)
    office.noted()


def test_what_is_to_be_opened_is_told_where_its_row_stands() -> None:
    """Across groups, each row its own place."""
    store = SlowStore()
    store.go_on.set()
    office = Office(store)
    places = office.log.note_opens([WrapsRow((n,)) for n in range(130)])
    assert [len(group.ids) for group in store.groups] == [64, 64, 2]
    assert places == [RowPlace(store.groups[0].stream_id, n) for n in range(1, 131)]
