"""Acts that are judged in one group by whoever leads it: each is answered as if it came alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from functools import partial
from random import Random
from threading import Event
from typing import Any, Final, cast

import orjson
import pytest

from keys import canonical
from keys.jwk import SoftwareSigner
from ledger.errors import Conflict, LedgerError, NotFound, Rejected, Unavailable
from ledger.log.statement import AUTHOR, Statement, flattened, make
from ledger.ports import Appended, Draft
from ledger.postgres.recorder import GroupAppender
from ledger.regulation import decide
from ledger.regulation.acts.act import Act
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.guards.breach import Breach
from ledger.regulation.guards.table import Guard, GuardTable, guards_in
from ledger.steps import Steps
from ledger.work import bill, work_s
from ledger.write.receipt import Recorded
from tests.a_ledger import ALedger, a_report, all_entries, in_memory, in_postgres
from tests.attacks import attack
from tests.builders import an_act, changed
from tests.contract.append import a_draft
from tests.examples import examples
from tests.fakes import MemoryRecordStore
from tests.fixtures.postgres import Database
from tests.waiting import started, until

pytestmark = pytest.mark.postgres

_LONG_S: Final = 60.0
_OTHER_KEY: Final = SoftwareSigner.from_secret("Ed25519", bytes(range(32)))
Sent = tuple[Statement | bytes, str]
"""What is sent, and by whose session."""


class Stopped(BaseException):
    """As an interrupt, which is no `Exception`."""


def _founded(made: ALedger) -> ALedger:
    made.found()
    made.clock.step(seconds=1)
    made.hire("hotline", "cv", "pgd")
    return made


@pytest.fixture
def a(database: Database) -> ALedger:
    """A rehearsal with the hotline and two officers of the lead agency in post."""
    return _founded(ALedger(in_postgres(database)))


def _in_one_group(
    appender: GroupAppender, each: Iterable[Callable[[], Any]], *, elsewhere: Event | None = None
) -> list[Future[Any]]:
    """All of them, in this order: one has the lead until all have come or need no group.

    Args:
        appender: Their way in.
        each: What each calls, in a thread of its own.
        elsewhere: Set where one of them comes to no group before it is answered from elsewhere.
    """
    leads, go_on = Event(), Event()

    def judge() -> Steps[Draft]:
        leads.set()
        assert go_on.wait(_LONG_S)
        yield from ()
        raise LookupError

    def come() -> int:
        asked = elsewhere is not None and elsewhere.is_set()
        return len(appender._groups._waiting) + sum(one.done() for one in told) + asked

    first = started(lambda: appender.append_judged(judge()))
    assert leads.wait(_LONG_S)
    told: list[Future[Any]] = []
    try:
        for n, do in enumerate(each, 1):
            told.append(started(do))
            until(lambda n=n: come() == n)  # type: ignore[misc]
    finally:
        go_on.set()
    assert isinstance(first.exception(_LONG_S), LookupError)
    return told


def _sends(a: ALedger, sent: Sent) -> Recorded:
    statement, by = sent
    if isinstance(statement, bytes):
        return a.ledger.record(statement, at=a.clock.now())
    return a.send(statement, by=by)


def _answer(told: Recorded | BaseException) -> object:
    """What the sender learns, but for the place in the log, which is another in every order."""
    if isinstance(told, Recorded):
        kept = told.receipt.keys() - {"index", "entry", "recorded_at"}
        return told.created, {name: told.receipt[name] for name in kept}
    if isinstance(told, Rejected):
        return told.code, told.guard, told.text, told.faults, told.params
    if isinstance(told, Conflict):
        since = [{n: v for n, v in one.items() if n != "index"} for one in told.since]
        return told.code, told.text, told.head, since
    assert isinstance(told, LedgerError | NotFound)
    return type(told), told.args


def _tried(do: Callable[[], Recorded]) -> object:
    try:
        return _answer(do())
    except Exception as error:  # noqa: BLE001 - compared
        return _answer(error)


def _all_told(a: ALedger, sent: Sequence[Sent]) -> list[object]:
    return [_tried(partial(_sends, a, one)) for one in sent]


# -- as one after the other ---------------------------------------------------------------------


def _turned(statement: Statement) -> bytes:
    """With one bit of its signature turned."""
    body = flattened(statement)
    good = canonical.unb64(body["signature"])
    return orjson.dumps({**body, "signature": canonical.b64(bytes((good[0] ^ 1,)) + good[1:])})


class Case:
    """What one sender says of a case of its own, drawn: lawful, unlawful, stale, once more."""

    def __init__(self, a: ALedger, number: int) -> None:
        self._a = a
        self._report = a_report(number)
        self._head: tuple[int, str | None] = (1, None)
        self._said: list[Statement] = []

    def sent(self, kind: str) -> Sent:
        """The next thing to send."""
        made: Sent = getattr(self, f"_{kind}")()
        return made

    def _signed(self, act: Act, by: str = "hotline", **said: Any) -> Statement:  # noqa: ANN401 - as `sign`
        return self._a.sign(act, by, **{"head": self._head, **said})

    def _lawful(self) -> Sent:
        act = self._report if not self._said else self._note()
        statement = self._signed(act)
        self._said.append(statement)
        self._head = (self._head[0] + 1, statement.digest_b64)
        return statement, "hotline"

    def _note(self) -> Act:
        facts = {"summary": "Nội dung nêu rõ sự việc.", "disclaims_competence": False}
        return an_act(
            "LeadAgencyNotified", by="hotline", when=self._report.occurred_at,
            stream=self._report.stream, facts=facts,
        )  # fmt: skip

    def _again(self) -> Sent:
        return (self._said[-1], "hotline") if self._said else self._stale()

    def _stale(self) -> Sent:
        return self._signed(self._note(), head=(7, _OTHER_KEY.kid)), "hotline"

    def _turned(self) -> Sent:
        return _turned(self._signed(self._note())), "hotline"

    def _unknown(self) -> Sent:
        act = self._note()
        statement = make(
            canonical.encode(dict(act.signed)), _OTHER_KEY,
            iat=int(self._a.clock.now().timestamp()), log=self._a.origin, role=AUTHOR,
            seq=self._head[0], prev=self._head[1],
        )  # fmt: skip
        return statement, "hotline"

    def _anothers(self) -> Sent:
        return self._signed(self._note(), by="cv"), "cv"

    def _session(self) -> Sent:
        return self._signed(self._note()), "pgd"

    def _early(self) -> Sent:
        return self._signed(self._note(), at=self._a.clock.now() - timedelta(hours=25)), "hotline"

    def _garbled(self) -> Sent:
        return b'{"payload":"e30","protected":"e30"}', "hotline"


_KINDS: Final = (
    *["lawful"] * 4, "again", "stale", "turned", "unknown", "anothers", "session", "early",
    "garbled",
)  # fmt: skip


@pytest.mark.slow
def test_a_group_answers_as_its_acts_would_be_answered_one_after_the_other(a: ALedger) -> None:
    """Each case has a sender of its own; the order among the cases is the group's."""
    alone = _founded(ALedger(in_memory(MemoryRecordStore())))
    groups = cast("GroupAppender", a.stores.appender)
    number = 1_000
    for seed in range(examples(12)):
        draw = Random(seed)  # noqa: S311 - and not hypothesis: a pool's threads draw beside it
        each: list[list[Sent]] = []
        for _ in range(draw.randint(2, 8)):
            number += 1
            case = Case(a, number)
            each.append([case.sent(kind) for kind in draw.choices(_KINDS, k=draw.randint(1, 4))])
        together = _in_one_group(groups, [partial(_all_told, a, one) for one in each])
        apart = [_all_told(alone, one) for one in each]
        assert [one.result(_LONG_S) for one in together] == apart, seed
    assert len(all_entries(a)) == len(all_entries(alone))


def test_of_two_for_one_place_in_one_stream_the_second_is_judged_behind_the_first(
    a: ALedger,
) -> None:
    """The one whose turn it is comes with the group, the other with a later one, and is stale."""
    groups = cast("GroupAppender", a.stores.appender)
    one, two = (a.sign(a_report(1), "hotline", head=(1, None)) for _ in "ab")
    begun: list[Future[Any]] = []

    def both() -> Recorded:
        begun.append(started(partial(a.send, two, by="hotline")))
        return a.send(one, by="hotline")

    told = _in_one_group(groups, [both])
    answers = [_answer(f.exception(_LONG_S) or f.result()) for f in (*told, *begun)]
    assert sorted(str(cast("Any", answer)[0]) for answer in answers) == ["True", "stale"]


# -- one that is not as the others ---------------------------------------------------------------


class Waits:
    """What is asked outside this process, and does not answer until it is told to."""

    def __init__(self) -> None:
        self.asked, self.go_on = Event(), Event()

    def token_elsewhere(self, token: str, stream: str) -> bool:  # noqa: ARG002 - the port
        """As `Cases`."""
        return self._wait()

    def require(self, act: Act, earlier: Iterable[Act]) -> None:  # noqa: ARG002 - the port
        """As `AttachedFiles`."""
        self._wait()

    def _wait(self) -> bool:
        self.asked.set()
        assert self.go_on.wait(_LONG_S)
        return False


def _boom() -> Steps[Draft]:
    yield
    raise ZeroDivisionError


@attack(
    "one act of a group is malformed, forged, against a guard, or breaks the judge",
    stopped_by="each is judged by itself, and what it raises is its own sender's answer",
    noticed_by="-",
)
def test_a_poisoned_act_changes_no_neighbours_answer(a: ALedger) -> None:
    """Its sender is told what is wrong with it; the others are recorded."""
    groups = cast("GroupAppender", a.stores.appender)
    before = len(all_entries(a))
    good = [a.sign(a_report(n), "hotline", head=(1, None)) for n in range(1, 4)]
    forged = _turned(a.sign(a_report(4), "hotline", head=(1, None)))
    unlawful = a.sign(a_report(5), "cv", head=(1, None))
    told = _in_one_group(
        groups,
        [
            partial(a.send, good[0], by="hotline"),
            partial(_sends, a, (b"{}", "hotline")),
            partial(a.send, good[1], by="hotline"),
            partial(_sends, a, (forged, "hotline")),
            partial(groups.append_judged, _boom()),
            partial(a.send, unlawful, by="cv"),
            partial(a.send, good[2], by="hotline"),
        ],
    )
    ends = [one.exception(_LONG_S) or one.result() for one in told]
    codes = [getattr(end, "code", type(end).__name__) for end in ends]
    assert codes == [
        "Recorded", "malformed_statement", "Recorded", "invalid_signature", "ZeroDivisionError",
        "guard", "Recorded",
    ]  # fmt: skip
    assert len(all_entries(a)) == before + 3


@pytest.mark.parametrize("asked", ["files", "cases"])
def test_an_act_that_asks_elsewhere_keeps_no_group_waiting(a: ALedger, asked: str) -> None:
    """A file that it lists, or a token that a refusal hangs on: its own thread asks, and waits."""
    waits = Waits()
    report = a_report(9)
    if asked == "files":
        a.ledger._judging._files = waits
        digest = "sha-256:" + canonical.b64(bytes(32))
        listed = {"digest": digest, "size": 1, "media_type": "text/plain", "name": "a.txt"}
        act = changed(report, attachments=[listed])
    else:
        a.others.token_elsewhere = waits.token_elsewhere  # type: ignore[method-assign]
        when = report.occurred_at
        act = an_act("ReporterInformed", by="hotline", when=when, stream=report.stream)
    slow, good = (
        partial(a.send, a.sign(one, "hotline", head=(1, None)), by="hotline")
        for one in (act, a_report(10))
    )
    groups = cast("GroupAppender", a.stores.appender)
    asks, other = _in_one_group(groups, [slow, good], elsewhere=waits.asked)
    assert other.result(_LONG_S).created
    assert waits.asked.wait(_LONG_S)
    assert not asks.done()
    waits.go_on.set()
    assert isinstance(asks.exception(_LONG_S), Rejected if asked == "cases" else type(None))


def test_a_step_of_all_of_a_group_is_done_before_the_next_of_any(a: ALedger) -> None:
    """Whoever has fewer is no trouble; what a step raises is its own sender's answer alone."""
    groups = cast("GroupAppender", a.stores.appender)
    size = a.stores.records.head()
    done: list[str] = []
    drafts = [
        a_draft(f"case/{n:x}", at=a.clock.now(), registry_index=size.registry_index)
        for n in range(3)
    ]

    def judge(n: int) -> Steps[Draft]:
        for step in range(3 - n):
            done.append(f"{step} of {n}")
            yield
            if n == 1:
                raise ZeroDivisionError
        return drafts[n]

    told = _in_one_group(groups, [partial(groups.append_judged, judge(n)) for n in range(3)])
    ends = [type(one.exception(_LONG_S) or one.result()) for one in told]
    assert ends == [Appended, ZeroDivisionError, Appended]
    assert done == ["0 of 0", "0 of 1", "0 of 2", "1 of 0", "2 of 0"]


def test_the_guards_of_a_group_are_asked_a_few_of_each_act_at_a_time(
    a: ALedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first ones of every act before the last ones of any."""
    asked: list[str] = []

    def noting(guard: Guard) -> Guard:
        def check(q: GuardInput) -> Breach | None:
            if q.stream.kind == "case":  # who was hired is judged once more on the way there
                asked.append(guard.code)
            return guard.check(q)

        return replace(guard, check=check)

    table = GuardTable(map(noting, guards_in(a.ledger.registry.edition).guards))
    monkeypatch.setattr(decide, "guards_in", lambda _edition: table)
    reports = [a.sign(a_report(n), "hotline", head=(1, None)) for n in range(1, 4)]
    groups = cast("GroupAppender", a.stores.appender)
    told = _in_one_group(groups, [partial(a.send, one, by="hotline") for one in reports])
    assert all(one.result(_LONG_S).created for one in told)
    few = asked.index(asked[0], 1)
    assert 1 < few < len(set(asked)) // 3
    assert asked[: 3 * few] == asked[:few] * 3
    assert set(Counter(asked).values()) == {3}


def test_a_signature_that_is_checked_ahead_is_refused_in_its_turn(a: ALedger) -> None:
    """Of what is wrong with a statement the first is named that was named before."""
    forged = _turned(a.sign(a_report(1), "hotline", head=(1, None)))
    a.clock.step(days=2)
    with pytest.raises(Rejected) as refused:
        _sends(a, (forged, "hotline"))
    assert refused.value.code == "clock_off"


def test_who_brings_what_takes_long_to_judge_pays_for_it_alone(a: ALedger) -> None:
    """Whoever led, and whoever was in the group."""
    groups = cast("GroupAppender", a.stores.appender)
    long_s = 1_000.0

    def paid_s(draft: Draft, judging_s: float) -> float:
        def judge() -> Steps[Draft]:
            bill(judging_s / 2)
            yield
            bill(judging_s / 2)
            return draft

        before = work_s()
        groups.append_judged(judge())
        return work_s() - before

    size = a.stores.records.head()
    drafts = [
        a_draft(f"case/{n:x}", at=a.clock.now(), registry_index=size.registry_index)
        for n in range(3)
    ]
    told = _in_one_group(groups, [partial(paid_s, one, long_s * n) for n, one in enumerate(drafts)])
    assert [round(one.result(_LONG_S) / long_s) for one in told] == [0, 1, 2]


def test_a_leader_that_is_stopped_while_it_judges_loses_nobodys_act(a: ALedger) -> None:
    """Those of its group are told to send again, and are recorded once."""
    groups = cast("GroupAppender", a.stores.appender)
    before = len(all_entries(a))
    sent = [a.sign(a_report(n), "hotline", head=(1, None)) for n in range(1, 5)]

    def stop() -> Steps[Draft]:
        yield
        raise Stopped

    told = _in_one_group(
        groups,
        [
            partial(groups.append_judged, stop()),
            *(partial(a.send, one, by="hotline") for one in sent),
        ],
    )
    ends = [one.exception(_LONG_S) for one in told]
    assert isinstance(ends[0], Stopped)
    assert all(isinstance(end, Unavailable) for end in ends[1:])
    assert len(all_entries(a)) == before
    assert [a.send(one, by="hotline").created for one in sent] == [True] * 4
