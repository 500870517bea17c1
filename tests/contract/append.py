"""What `Appender` and `RecordStore` promise, whoever keeps the promise."""

from __future__ import annotations

import hashlib
import re
import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid5

import pytest

from ledger.ports import NIL_UNIT, Appended, Appender, Draft, NotAppended, RecordStore, SealedRecord
from ledger.steps import Steps
from tests.fixtures.clock import CountingEntropy

T0 = datetime.fromisoformat("2024-06-04T01:00:00+00:00")
SPACE = UUID(int=7)
KEK_ID = b"k" * 16
_PAGE = 64
"""As PostgreSQL is read; no promise, a place where one may break."""
entropy = CountingEntropy("contract")


@dataclass(frozen=True, slots=True)
class BothEnds:
    """A store made of two adapters."""

    records: RecordStore
    appender: Appender


def lawful(name: str) -> str:
    """A stream's name as the log takes it: what is short or made up becomes an id of its own."""
    kind, _, short = name.partition("/")
    if kind not in ("case", "officer"):
        return name
    if not re.fullmatch("[0-9a-f]{1,12}", short):
        short = hashlib.sha256(short.encode()).hexdigest()[:12]
    return f"{kind}/00000000-0000-4000-8000-{short:0>12}"


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
        return SealedRecord(entry, state_of(entry), KEK_ID, b"\1" + KEK_ID + entropy.take(60))

    stream = lawful(stream)
    stream_id = uuid5(SPACE, stream)
    return Draft(
        stream_id=stream_id,
        stream=stream,
        seq=seq,
        unit=stream_id if stream.startswith("case/") else NIL_UNIT,
        act_id=entropy.uuid(),
        author=True,
        topic="socai.statement.v1",
        registry=registry,
        registry_index=registry_index,
        at=at,
        latest=latest,
        seal=seal,
    )


def state_of(entry: bytes) -> bytes:
    """What looks like a sealed record of this entry."""
    return b"\1state of " + entry.ljust(1024, b"\0")


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

    def test_what_changes_the_registry_is_read_with_every_share_of_the_cases(
        self, store: BothEnds
    ) -> None:
        """Attack: a case where somebody's sight ends is another process's, who reads it alone."""
        store.appender.append(a_draft("case/10"))
        store.appender.append(a_draft("case/10", 2, registry=True))
        assert [row.index for row in store.records.cases(0, 2, "a")] == [1]
        assert [row.index for row in store.records.cases(0, 2, "0")] == [0, 1]

    def test_what_was_appended_is_read_back_whole(self, store: BothEnds) -> None:
        """Bytes travel as they came."""
        draft = replace(a_draft("officer/x"), registry=True)
        answer = store.appender.append(draft)
        (row,) = store.records.stream(draft.stream_id)
        assert (row.stream, row.seq, row.act_id, row.author, row.topic) == (
            lawful("officer/x"), 1, draft.act_id, True, "socai.statement.v1",
        )  # fmt: skip
        assert (row.entry, row.recorded_at) == (answer.entry, T0)
        assert row.state == state_of(row.entry)
        assert row.wrap is not None
        assert list(store.records.registry(-1)) == [row]
        assert list(store.records.act(draft.act_id)) == [row]
        assert list(store.records.entries(0, 1)) == [row.entry]

    def test_a_stream_is_read_whole_whatever_its_length(self, store: BothEnds) -> None:
        """It is read by the page: the last one may be full, short or of one record.

        The second page of a stream is three times as long as its first.
        """
        for n in range(1, 4 * _PAGE + 2):
            draft = replace(a_draft("officer/x", n, registry_index=n - 2), registry=True)
            store.appender.append(draft)
            if n % _PAGE in (0, 1, _PAGE - 1):
                whole = list(range(1, n + 1))
                assert [row.seq for row in store.records.stream(draft.stream_id)] == whole
                assert [row.seq for row in store.records.stream(draft.stream_id, 1)] == whole[1:]
                assert [row.seq for row in store.records.registry(-1)] == whole

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

    def test_what_was_judged_by_another_stream_is_judged_again_when_that_moves(
        self, store: BothEnds
    ) -> None:
        """Two acts that are lawful alone, each of a case that the other speaks of: one stands."""
        a, b, c = (a_draft(f"case/{n}") for n in "abc")
        for draft in (a, replace(b, asked={c.stream_id: 0})):
            store.appender.append(draft)
        mine, yours = a_draft("case/a", 2), a_draft("case/b", 2)
        store.appender.append(replace(mine, asked={b.stream_id: 1, c.stream_id: 0}))
        with pytest.raises(NotAppended) as refused:
            store.appender.append(replace(yours, asked={a.stream_id: 1}))
        assert (refused.value.status, refused.value.head.size) == ("judge_again", 3)
        store.appender.append(replace(yours, asked={a.stream_id: 2}))
        with pytest.raises(NotAppended) as begun:
            store.appender.append(replace(c, asked={a_draft("case/b").stream_id: 0}))
        assert begun.value.status == "judge_again"

    def test_what_was_judged_by_reports_is_judged_again_after_one(self, store: BothEnds) -> None:
        """Reports stand in streams of programmes: any record of one since is in question."""
        store.appender.append(a_draft("programme/90"))
        store.appender.append(replace(a_draft("case/a"), asked={NIL_UNIT: 0}))
        store.appender.append(a_draft("programme/90", 2))
        with pytest.raises(NotAppended) as refused:
            store.appender.append(replace(a_draft("case/b"), asked={NIL_UNIT: 1}))
        assert refused.value.status == "judge_again"
        store.appender.append(replace(a_draft("case/b"), asked={NIL_UNIT: 2}))

    def test_a_token_stands_in_one_stream(self, store: BothEnds) -> None:
        """Whoever names it first has it, from that record on and for good (rule 10)."""
        tag, other = (bytes(31) + end for end in (b"t", b"o"))
        assert store.records.token(tag) is None
        first = store.appender.append(replace(a_draft("case/a"), tags=frozenset({tag})))
        store.appender.append(replace(a_draft("case/a", 2), tags=frozenset({tag, other})))
        with pytest.raises(NotAppended) as refused:
            store.appender.append(replace(a_draft("case/b"), tags=frozenset({tag})))
        assert refused.value.status == "judge_again"
        store.appender.append(a_draft("case/b"))
        assert store.records.token(tag) == (a_draft("case/a").stream_id, first.index)
        assert store.records.token(other) == (a_draft("case/a").stream_id, first.index + 1)

    def test_of_many_that_bring_one_token_one_is_recorded(self, store: BothEnds) -> None:
        """Also in one group: the check is inside the append."""
        tag = bytes(31) + b"u"
        answers = _at_once(
            store.appender,
            [replace(a_draft(f"case/{n}"), tags=frozenset({tag})) for n in range(32)],
        )
        assert sum(isinstance(answer, Appended) for answer in answers) == 1

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

    def test_what_is_judged_in_its_group_is_answered_by_itself(self, store: BothEnds) -> None:
        """What stands against one is its caller's to hear, and of its group nobody else's."""

        def judge(stream: str | None) -> Steps[Draft]:
            yield
            if stream is None:
                raise LookupError
            return a_draft(stream)

        assert store.appender.append_judged(judge("case/a")).index == 0
        with pytest.raises(LookupError):
            store.appender.append_judged(judge(None))
        assert store.appender.append_judged(judge("case/b")).index == 1
        assert store.records.head().size == 2

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
        reader.join(timeout=120)
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
