"""A stream with a record that is set aside, as writers and folds go on with it (formats.md §3)."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from keys import canonical
from ledger.errors import Conflict, Rejected, VerificationError
from ledger.ports import SealedRecord
from ledger.regulation.act import Act
from projections.fold import Fold
from tests import builders
from tests.a_ledger import ALedger, a_report, in_memory
from tests.builders import CAST, a_case_in, an_act
from tests.fakes import MemoryRecordStore
from tests.fold_log import FoldLog
from tests.smuggle import smuggler_of


@pytest.fixture
def a() -> ALedger:
    """A rehearsal with officers in post, two registrars among them."""
    made = ALedger(in_memory(MemoryRecordStore()))
    made.found()
    made.clock.step(seconds=1)
    made.hire("hotline", "cv", "gd", "keeper")
    return made


def junk(a: ALedger, stream: str) -> int:
    """Noise as the next record of a stream."""
    statement = a.sign(replace_stream(a_report(99, a.clock.now()), stream), "hotline")
    noise = SealedRecord(bytes(32), b"\1" + bytes(60), bytes(16), b"\1" + bytes(76))
    return smuggler_of(a).put(statement, a.clock.now(), seal=lambda _: noise).index


def replace_stream(act: Act, stream: str) -> Act:
    """The same act for another stream, under an id of its own."""
    members = {**act.members, "stream": stream, "act_id": builders.an_id(f"{stream} {id(act)}")}
    return replace(act, stream=stream, act_id=members["act_id"], members=members)


def voiding(a: ALedger, stream: str, *indices: int) -> Act:
    """RecordVoided by founder and keeper."""
    entries = [
        {"index": i, "entry": canonical.b64(a.stores.records.read(i, 1)[0].entry)} for i in indices
    ]
    signers = [
        {"officer": builders.officer(alias), "post": CAST["keeper"][1], "role": role}
        for alias, role in (("founder", "AUTHOR"), ("keeper", "APPROVER"))
    ]
    return an_act(
        "RecordVoided", by="keeper", when=a.clock.now().astimezone(builders.T0.tzinfo),
        stream=stream, facts={"entries": entries, "reason": "Thử"}, exact=True, signers=signers,
    )  # fmt: skip


def test_act_that_waits_behind_junk_takes_effect_once_it_is_voided(a: ALedger) -> None:
    """Nothing is lost: the approver signs upon the new head, and others agree on it."""
    story = a_case_in("ASSESSING", start=a.clock.now().astimezone(builders.T0.tzinfo))
    by = {builders.officer(alias): alias for alias in ("hotline", "cv", "gd")}
    for entry in story.stream.entries.values():
        for one in entry.signed:
            a.clock.set(max(a.clock.now(), entry.act.occurred_at))
            a.send(a.sign(one.act, by[one.officer], role=one.role))
    act = story.act("HandlingDecided")
    a.clock.set(max(a.clock.now(), act.occurred_at))
    a.send(a.sign(act, "cv"))
    first, second = junk(a, act.stream), junk(a, act.stream)
    with pytest.raises(Rejected) as refused:
        a.send(a.sign(act, "gd", role="APPROVER"))
    assert (refused.value.code, refused.value.params["index"]) == ("stream_set_aside", str(first))
    void = voiding(a, act.stream, first, second)
    a.send(a.sign(void, "founder"))
    back = an_act("ActReturned", by="keeper", when=void.occurred_at, stream=act.stream,
                  refers_to=void.act_id, also=[])  # fmt: skip
    a.say(back, "keeper")  # and the way out stays open
    a.say(voiding(a, act.stream, first, second), "founder", "keeper")
    beside = a.beside()
    assert beside.head(act.stream) == a.head(act.stream)
    a.send(beside.sign(act, "gd", role="APPROVER"))
    log = FoldLog(a.stores.records, a.keys.kek, a.origin)
    steps = list(Fold(log, a.origin, "ordinary").steps(log.read(0, log.size())))
    assert [s.opened.index for s in steps if s.status == "set_aside"] == [first, second]
    last = steps[-1]
    assert (last.status, last.effect, last.stream.aside) == ("effective", True, {})
    assert last.stream.head == a.head(act.stream)[1]


def test_a_record_that_stands_is_voided_by_nobody(a: ALedger) -> None:
    """G13: whoever keeps the registry hides nothing."""
    stood = a.say(a_report(1), "hotline")
    act = voiding(a, a_report(1).stream, stood.index)
    with pytest.raises(Rejected) as refused:
        a.say(act, "founder", "keeper")
    assert refused.value.guard == "VOIDED_STANDS_NOT"
    assert str(stood.index) in refused.value.en


def test_damage_that_a_statement_follows_is_no_junk(a: ALedger) -> None:
    """The honest statement behind it is neither refused nor voided: the stream has a hole."""
    damaged = a.say(a_report(1), "hotline")
    stream = a_report(1).stream
    follows = replace_stream(a_report(2, a.clock.now()), stream)
    smuggler_of(a).put(a.sign(follows, "hotline"), a.clock.now())
    store = cast("MemoryRecordStore", a.stores.records)
    row = store._records[damaged.index]
    store._records[damaged.index] = replace(row, state=row.state[:-1] + bytes([row.state[-1] ^ 1]))
    with pytest.raises(VerificationError) as hole:
        a.beside().head(stream)
    assert (hole.value.kind, hole.value.index) == ("damaged", damaged.index)
    log = FoldLog(store, a.keys.kek, a.origin)
    *_, before, last = Fold(log, a.origin, "ordinary").steps(log.read(0, log.size()))
    assert (before.status, last.status) == ("set_aside", "effective")


def test_junk_takes_the_place_of_nobody(a: ALedger) -> None:
    """Whoever signed upon the head before it is told to look, not that the act was wrong."""
    a.say(a_report(1), "hotline")
    stream = a_report(1).stream
    drafted = a.sign(replace_stream(a_report(2, a.clock.now()), stream), "hotline")
    junk(a, stream)
    with pytest.raises(Conflict) as stale:
        a.send(drafted)
    assert stale.value.head is not None
    assert stale.value.head.aside == (a.stores.records.head().size - 1,)
