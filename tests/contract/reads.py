"""What `ReadLog` promises, whoever keeps the promise."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import uuid4  # noqa: TID251  any id will do

import pytest

from ledger.reads import writer
from ledger.reads.read import MOST_RECORDS, Copy, NotedRead, ReadBy, ReadLog, ReadNotLogged

OFFICER = ReadBy("0a5b7c1e-3f52-4f0a-9d50-6f3f6f6b1a11", "k" * 43)


def a_read(officer: ReadBy = OFFICER, *, records: int = 1) -> NotedRead:
    """A read of a case under an order."""
    return NotedRead(
        "A9",
        "Thanh tra việc tiếp nhận",
        "RECORD",
        officer,
        via=str(uuid4()),
        stream=f"case/{uuid4()}",
        records=tuple(range(records)),
    )


def a_copy() -> NotedRead:
    """A copy handed out by a permit."""
    return replace(a_read(), rule="A23", kind="EXPORT", copy=Copy("01", f"sha-256:{'A' * 43}"))


@dataclass(frozen=True, slots=True)
class NotedReads:
    """A log of reads, and what somebody else finds in it.

    Attributes:
        log: The log.
        noted: Every row of it as others see it, oldest first.
        refuse: Lets nothing be noted from now on.
    """

    log: ReadLog
    noted: Callable[[], list[NotedRead]]
    refuse: Callable[[], None]


class ReadLogContract:
    """Inherit it with a `reads` fixture."""

    @pytest.fixture
    def reads(self) -> NotedReads:
        """An empty log."""
        raise NotImplementedError

    def test_what_is_noted_others_see_when_it_returns(self, reads: NotedReads) -> None:
        """Each as it was said, in order."""
        first, second = a_read(), replace(a_read(), rule="A27", via=None, stream=None, records=())
        reads.log.note([first])
        assert reads.noted() == [first]
        reads.log.note([second, first])
        assert reads.noted() == [first, second, first]

    def test_more_records_are_more_rows(self, reads: NotedReads) -> None:
        """None is lost, and no row names more than a hundred."""
        reads.log.note([a_read(records=2 * MOST_RECORDS + 1)])
        noted = [row.records for row in reads.noted()]
        assert [len(one) for one in noted] == [MOST_RECORDS, MOST_RECORDS, 1]
        assert [n for one in noted for n in one] == list(range(2 * MOST_RECORDS + 1))

    def test_what_shows_more_than_a_group_takes_is_noted_whole(self, reads: NotedReads) -> None:
        """In as many groups as it needs: else it could never be shown."""
        many = [a_read(replace(OFFICER, kid=f"{n:042}A")) for n in range(writer._MOST_ROWS + 1)]
        reads.log.note(many)
        assert reads.noted() == many

    def test_nothing_to_note_is_noted_by_no_row(self, reads: NotedReads) -> None:
        """Whoever shows nothing need not ask first."""
        reads.log.note([])
        assert reads.noted() == []

    def test_many_who_read_at_once_are_noted_each(self, reads: NotedReads) -> None:
        """None is lost, none stands twice."""
        mine = [[a_read(ReadBy(str(uuid4()), "k" * 43)) for _ in range(5)] for _ in range(4)]

        def note(some: list[NotedRead]) -> None:
            for one in some:
                reads.log.note([one])

        threads = [threading.Thread(target=note, args=[some]) for some in mine]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        noted = reads.noted()
        assert len(noted) == 20
        for some in mine:
            assert [one for one in noted if one in some] == some

    def test_a_place_of_a_chain_is_taken_once(self, reads: NotedReads) -> None:
        """Whoever comes second is told so, and nothing of theirs stands; no gap is begun."""
        chain, copied = uuid4(), [replace(a_copy(), purpose=str(n)) for n in range(2)]
        assert reads.log.note_at(copied[0], chain, 1, None)
        assert not reads.log.note_at(copied[1], chain, 1, None)
        assert not reads.log.note_at(copied[1], chain, 3, "A" * 43)
        assert reads.noted() == copied[:1]
        reads.refuse()
        with pytest.raises(ReadNotLogged):
            reads.log.note_at(copied[1], uuid4(), 1, None)

    def test_what_cannot_be_noted_is_said(self, reads: NotedReads) -> None:
        """None of a group, and whoever shows is told not to."""
        reads.log.note([a_read()])
        before = reads.noted()
        reads.refuse()
        with pytest.raises(ReadNotLogged) as refused:
            reads.log.note([a_read(), a_read()])
        assert refused.value.code == "read_not_logged"
        assert reads.noted() == before
