"""What `Appender` and `RecordStore` promise, whoever keeps the promise."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID, uuid5

import pytest

from ledger.ports import NIL_UNIT, Appended, Appender, Draft, NotAppended, RecordStore, SealedRecord
from tests.fixtures.clock import CountingEntropy

T0 = datetime.fromisoformat("2024-06-04T01:00:00+00:00")
SPACE = UUID(int=7)
entropy = CountingEntropy("contract")


class Store(RecordStore, Appender, Protocol):
    """Both ends of one log."""


@dataclass(frozen=True, slots=True)
class BothEnds:
    """A store made of two adapters."""

    records: RecordStore
    appender: Appender


def a_draft(
    stream: str = "case/a",
    seq: int = 1,
    *,
    at: datetime = T0,
    latest: datetime | None = None,
    registry_index: int = -1,
    registry: bool = False,
) -> Draft:
    """A draft whose entry says with which time it was sealed."""

    def seal(when: datetime) -> SealedRecord:
        entry = when.isoformat().encode()[:32].ljust(32, b"\0")
        return SealedRecord(entry, b"state of " + entry, b"k" * 16, entropy.take(77))

    return Draft(
        stream_id=uuid5(SPACE, stream),
        stream=stream,
        seq=seq,
        unit=NIL_UNIT,
        act_id=entropy.uuid(),
        author=True,
        topic="socai.statement.v1",
        registry=registry,
        registry_index=registry_index,
        at=at,
        latest=latest,
        seal=seal,
    )


class AppendContract:
    """Inherit it with a `store` fixture."""

    @pytest.fixture
    def store(self) -> BothEnds:
        """Both ends of an empty log."""
        raise NotImplementedError

    def test_indices_are_dense_from_zero(self, store: BothEnds) -> None:
        """A leaf index is a position in the tree: a gap would be a hole in it."""
        got = [store.appender.append(a_draft(f"case/{n}")).index for n in range(5)]
        assert got == [0, 1, 2, 3, 4]
        assert [r.index for r in store.records.read(0, 10)] == got
        assert store.records.head().size == 5

    def test_cases_are_told_apart_by_their_last_digit(self, store: BothEnds) -> None:
        """Several processes share a log: each case is read by one, all else by everyone."""
        for name in ("case/10", "case/1a", "officer/1a", "case/2a", "ledger", "case/2f"):
            store.appender.append(a_draft(name))
        first, second = (store.records.cases(0, 5, digits) for digits in ("0f", "a"))
        assert [row.index for row in first] == [0, 2, 4]
        assert [row.index for row in second] == [1, 2, 3, 4]
        assert second[0] == store.records.read(1, 1)[0]
        assert [row.index for row in store.records.cases(2, 6, "af")] == [2, 3, 4, 5]
        assert [row.index for row in store.records.cases(0, 1, "a")] == []

    def test_what_was_appended_is_read_back_whole(self, store: BothEnds) -> None:
        """Bytes travel as they came."""
        draft = replace(a_draft("officer/x"), registry=True)
        answer = store.appender.append(draft)
        (row,) = store.records.stream(draft.stream_id)
        assert (row.stream, row.seq, row.act_id, row.author, row.topic) == (
            "officer/x", 1, draft.act_id, True, "socai.statement.v1",
        )  # fmt: skip
        assert (row.entry, row.recorded_at) == (answer.entry, T0)
        assert row.state == b"state of " + row.entry
        assert row.wrap is not None
        assert list(store.records.registry(-1)) == [row]
        assert list(store.records.act(draft.act_id)) == [row]
        assert list(store.records.entries(0, 1)) == [row.entry]

    def test_a_place_in_a_stream_is_given_once(self, store: BothEnds) -> None:
        """Two statements cannot both be the next one."""
        store.appender.append(a_draft())
        for late_comer in (a_draft(), a_draft(seq=3)):
            with pytest.raises(NotAppended) as refused:
                store.appender.append(late_comer)
            assert refused.value.status == "stale"
            assert refused.value.head.size == 1
        assert store.records.head().size == 1

    def test_an_act_id_names_one_payload(self, store: BothEnds) -> None:
        """The same id over other bytes is refused, in whatever stream."""
        first = a_draft()
        store.appender.append(first)
        with pytest.raises(NotAppended) as refused:
            store.appender.append(replace(a_draft("case/b"), act_id=first.act_id))
        assert refused.value.status == "taken"

    def test_a_countersignature_repeats_the_id_of_its_act(self, store: BothEnds) -> None:
        """Only the first statement of a payload owns its id."""
        first = a_draft()
        store.appender.append(first)
        store.appender.append(replace(a_draft(seq=2), act_id=first.act_id, author=False))
        assert [row.index for row in store.records.act(first.act_id)] == [0, 1]

    def test_what_an_older_registry_judged_is_judged_again(self, store: BothEnds) -> None:
        """No signature is judged otherwise at its index than at the door."""
        store.appender.append(a_draft("officer/x", registry=True))
        with pytest.raises(NotAppended) as refused:
            store.appender.append(a_draft())
        assert (refused.value.status, refused.value.head.registry_index) == ("judge_again", 0)
        store.appender.append(a_draft(registry_index=0))

    def test_recorded_at_never_decreases(self, store: BothEnds) -> None:
        """An item with an earlier time is sealed again with the log's."""
        store.appender.append(a_draft(at=T0 + timedelta(seconds=5)))
        answer = store.appender.append(a_draft("case/b", at=T0))
        assert answer.recorded_at == T0 + timedelta(seconds=5)
        assert answer.entry.startswith(answer.recorded_at.isoformat().encode()[:19])

    def test_a_draft_is_not_recorded_past_its_latest_time(self, store: BothEnds) -> None:
        """A key may have run out meanwhile: whoever judged it must look again."""
        store.appender.append(a_draft(at=T0 + timedelta(seconds=5)))
        with pytest.raises(NotAppended) as refused:
            store.appender.append(a_draft("case/b", at=T0, latest=T0 + timedelta(seconds=1)))
        assert refused.value.status == "late"

    def test_one_stale_submitter_never_fails_its_neighbours(self, store: BothEnds) -> None:
        """Item by item: twelve race for one place, one gets it, the other cases go through."""
        store.appender.append(a_draft("case/contested"))
        answers = _at_once(
            store.appender,
            [a_draft("case/contested", 2) for _ in range(12)]
            + [a_draft(f"case/{n}") for n in range(12)],
        )
        assert sum(isinstance(a, Appended) for a in answers[:12]) == 1
        assert all(isinstance(a, Appended) for a in answers[12:])
        rows = store.records.read(0, 100)
        assert [row.index for row in rows] == list(range(14))

    def test_a_tailing_reader_misses_nothing_while_many_write(self, store: BothEnds) -> None:
        """A committed index is never followed by a smaller one that appears later."""
        drafts = [a_draft(f"case/{n}") for n in range(120)]
        seen: list[int] = []
        done = threading.Event()

        def tail() -> None:
            while not done.is_set() or len(seen) < store.records.head().size:
                rows = store.records.read(len(seen), 50)
                assert [row.index for row in rows] == list(range(len(seen), len(seen) + len(rows)))
                seen.extend(row.index for row in rows)

        reader = threading.Thread(target=tail)
        reader.start()
        _at_once(store.appender, drafts)
        done.set()
        reader.join(timeout=20)
        assert seen == list(range(120))


def _at_once(appender: Appender, drafts: list[Draft]) -> list[Appended | Exception]:
    """Sixteen threads append these drafts; answers in the order of the drafts."""
    answers: dict[int, Appended | Exception] = {}
    lots = [range(start, len(drafts), 16) for start in range(16)]

    def send(lot: range) -> None:
        for n in lot:
            try:
                answers[n] = appender.append(drafts[n])
            except NotAppended as refused:
                answers[n] = refused

    threads = [threading.Thread(target=send, args=(lot,)) for lot in lots]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answers[n] for n in range(len(drafts))]
