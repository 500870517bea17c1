"""A stream with a record that is set aside, as writers and folds go on with it (formats.md §3)."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from api.texts.catalogue import translate
from keys import canonical
from keys.jwk import SoftwareSigner
from ledger.errors import Conflict, Rejected
from ledger.ports import SealedRecord
from ledger.regulation.acts.act import Act
from ledger.streams.names import stream_id
from projections.fold.fold import Fold
from tests import builders
from tests.a_ledger import ALedger, a_report, enrolment, in_memory, revocation, voiding
from tests.builders import Story, a_case_in, an_act
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


MINE = SoftwareSigner.from_secret("Ed25519", b"the key of whoever took over ...")
DIRECTOR = f"officer/{builders.officer('gd')}"


def junk(a: ALedger, stream: str, *, registry: bool = False) -> int:
    """Noise as the next record of a stream."""
    size = a.stores.records.head().size
    statement = a.sign(replace_stream(a_report(size, a.clock.now()), stream), "hotline")
    noise = SealedRecord(bytes(32), b"\1" + bytes(60), bytes(16), b"\1" + bytes(76))
    columns = {"seal": lambda _: noise, "registry": registry}
    return smuggler_of(a).put(statement, a.clock.now(), **columns).index


def replace_stream(act: Act, stream: str) -> Act:
    """The same act for another stream, under an id of its own."""
    members = {**act.signed, "stream": stream, "act_id": builders.an_id(f"{stream} {act.act_id}")}
    return replace(act, stream=stream, act_id=members["act_id"], members=members, signed=members)


def test_act_that_waits_behind_junk_takes_effect_once_it_is_voided(a: ALedger) -> None:
    """Nothing is lost: the approver signs upon the new head, and others agree on it."""
    story = told(a)
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
    assert str(stood.index) in translate(refused.value.text, "en")


def test_damage_that_a_statement_follows_is_no_junk(a: ALedger) -> None:
    """It is said what the honest statements behind it hang on; nothing is built on any of them."""
    story = told(a)
    damaged, *behind = records_of(a, story.stream.name)
    spoil(a, damaged)
    beside = a.beside()
    assert beside.ledger.head(story.stream.name).aside == (damaged, *behind)
    with pytest.raises(Rejected) as refused:
        beside.send(beside.sign(story.act("HandlingDecided"), "cv"))
    assert refused.value.code == "stream_set_aside"
    log = FoldLog(a.stores.records, a.keys.kek, a.origin)
    steps = list(Fold(log, a.origin, "ordinary").steps(log.read(0, log.size())))
    authors = [step for step in steps[damaged:] if step.opened.author]
    assert {step.status for step in authors} == {"set_aside"}
    for step in authors[1:]:
        aside = step.opened.aside
        assert aside is not None
        assert aside.code == "hanging"
        assert f"follows record {damaged}, which cannot be read" in translate(aside.text, "en")
        assert f"bản ghi {damaged} không đọc được" in translate(aside.text, "vi")


def test_what_was_damaged_and_is_restored_stands_with_what_follows_it(a: ALedger) -> None:
    """Nothing honest is lost: whoever puts the bytes back has stream and registry back."""
    case = told(a).stream.name
    before = [a.ledger.head(stream) for stream in (case, DIRECTOR)]
    kid, (appointed, enrolled) = builders.key("gd").kid, records_of(a, DIRECTOR)
    damaged = (records_of(a, case)[1], appointed)
    for index in damaged:
        spoil(a, index)
    beside = a.beside()
    assert kid not in beside.ledger.refresh().keyring
    assert beside.ledger.head(DIRECTOR).aside == (appointed, enrolled)
    beside.say(a_report(1, a.clock.now()), "hotline")  # and what does not hang on them goes on
    for index in damaged:
        spoil(a, index)
    again = a.beside()
    assert kid in again.ledger.refresh().keyring
    assert [again.ledger.head(stream) for stream in (case, DIRECTOR)] == before


def told(a: ALedger) -> Story:
    """An honest case on its way."""
    story = a_case_in("ASSESSING", start=a.clock.now().astimezone(builders.T0.tzinfo))
    by = {builders.officer(alias): alias for alias in ("hotline", "cv", "gd")}
    for entry in story.stream.entries.values():
        for one in entry.signed:
            a.clock.set(max(a.clock.now(), entry.act.occurred_at))
            a.send(a.sign(one.act, by[one.officer], role=one.role))
    return story


def records_of(a: ALedger, stream: str) -> list[int]:
    """Indices of the records of a stream."""
    return [row.index for row in a.stores.records.stream(stream_id(a.origin, stream))]


def spoil(a: ALedger, index: int) -> None:
    """Turns one bit of a sealed state; done twice, nothing has happened."""
    store = cast("MemoryRecordStore", a.stores.records)
    row = store._records[index]
    store._records[index] = replace(row, state=row.state[:-1] + bytes([row.state[-1] ^ 1]))


@pytest.mark.parametrize("flagged", [False, True])
def test_noise_that_a_statement_follows_stops_nobody(a: ALedger, flagged: bool) -> None:  # noqa: FBT001
    """With the writer's login, the KEK and one bought signature, in the registry too."""
    first = junk(a, DIRECTOR, registry=flagged)
    act = enrolment("gd", a.clock.now(), by="hotline", key=MINE)
    seq = a.ledger.head(DIRECTOR).seq
    statement = a.sign(act, "hotline", head=(seq, canonical.b64(bytes(range(32)))))
    second = smuggler_of(a).put(statement, a.clock.now(), registry=flagged).index
    beside = a.beside()
    assert MINE.kid not in beside.ledger.refresh().keyring
    assert beside.ledger.head(DIRECTOR).aside == (first, second)
    beside.say(a_report(1, a.clock.now()), "hotline")
    for one in (revocation("gd", a.clock.now()), enrolment("gd", a.clock.now(), key=MINE)):
        with pytest.raises(Rejected, match="stream_set_aside"):
            beside.say(one, "founder")
    beside.say(voiding(a, DIRECTOR, first, second), "founder", "keeper")
    assert beside.ledger.head(DIRECTOR).aside == ()
    beside.say(revocation("gd", a.clock.now()), "founder")
    assert a.beside().ledger.refresh().keyring.retired(builders.key("gd").kid)


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
