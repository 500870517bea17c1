"""An act of an older form is read as the newest says it, and its bytes stay as they were signed."""

from __future__ import annotations

from typing import Any
from uuid import uuid5

import orjson
import pytest
from eventsourcing.domain import AggregateEvent
from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent
from eventsourcing.utils import register_topic

from keys import canonical
from ledger.errors import Rejected
from ledger.log import record, statement
from ledger.regulation.acts.act import known_act, parse_act
from ledger.regulation.acts.act_forms import ActForm, upcast
from ledger.streams.event import StatementRecorded
from ledger.streams.kinds import begin
from ledger.streams.names import stream_id
from ledger.streams.record_reader import Parser, Reader
from ledger.write.eventsourcing_adapter import RecordEvent, SealingMapper
from tests.a_ledger import ALedger, a_report, in_memory
from tests.builders import a_case_in, breaks, holds
from tests.fakes import MemoryRecordStore
from tests.fixtures.clock import CountingEntropy


class Third(ActForm):
    """A form of some later year: a reason is always given, and a fact has another name."""

    class_version = 3

    @staticmethod
    def upcast_v2_v3(state: dict[str, Any]) -> None:
        """A fact under another name, and what was left out was always meant so."""
        facts = dict(state["facts"])
        facts["taken_at"] = facts.pop("intake_point")
        state["facts"] = facts
        state.setdefault("late_reason", "không ghi")


class Stock(Third, AggregateEvent):
    """The same steps on an event of the library's own."""


@pytest.fixture
def a() -> ALedger:
    """A rehearsal with an officer who takes reports."""
    made = ALedger(in_memory(MemoryRecordStore()))
    made.found()
    made.clock.step(seconds=1)
    made.hire("hotline")
    return made


def test_an_older_act_is_upcast_in_memory_and_its_bytes_are_never_rewritten(a: ALedger) -> None:
    """The row, its entry, the signature and what a countersigner signs are of the form signed."""
    act = a_report(1, a.clock.now())
    a.send(a.sign(act, "hotline"))
    store = a.stores.records
    size = store.head().size
    before = list(store.read(0, size))
    parser = Parser(
        record.recorded, statement.recorded, lambda members: parse_act(members, form=Third)
    )
    reader = Reader(store, a.keys.kek, a.origin, parser=parser)
    mapper = SealingMapper(
        reader, origin=a.origin, level="ordinary", kek=a.keys.kek, entropy=CountingEntropy("seal")
    )
    event = mapper.to_domain_event(RecordEvent.of(before[-1]))
    assert isinstance(event, StatementRecorded)
    assert event.act.late_reason == "không ghi"
    assert event.act.facts["taken_at"] == act.facts["intake_point"]
    assert "intake_point" not in event.act.facts
    assert event.statement.payload == canonical.encode(dict(act.signed))
    assert record.entry(reader.open(before[-1]).envelope) == before[-1].entry
    stream = begin(stream_id(a.origin, act.stream), act.stream)
    event.under(a.ledger.registry.edition).mutate(stream)
    signed_next = stream.payload_members(act.act_id)
    assert signed_next is not None
    assert canonical.encode(dict(signed_next)) == event.statement.payload
    assert list(store.read(0, size)) == before


def test_the_steps_are_those_that_eventsourcings_own_mapper_takes() -> None:
    """Our loop stands in the pure core, and does what the library's does."""
    members = _members()
    topic = "socai.test.stock"
    register_topic(topic, Stock)
    row = StoredEvent(uuid5(stream_id("x", "y"), "z"), 1, topic, orjson.dumps(members))
    found = vars(Mapper[Any](JSONTranscoder()).to_domain_event(row))
    ours = upcast(members, Third)
    assert {k: v for k, v in found.items() if k in ours and k != "v"} == {
        k: v for k, v in ours.items() if k != "v"
    }
    assert ours["v"] == Third.class_version


def test_an_act_of_the_form_in_force_is_not_copied() -> None:
    """Every record is read through here: it costs a look at one member."""
    members = {**_members(), "v": 2}
    members["signers"] = [{**members["signers"][0], "capacity": members.pop("capacity")}]
    assert upcast(members) is members
    assert known_act(members).members is members
    assert known_act(members).signed is members


@pytest.mark.parametrize("form", [ActForm, Third])
@pytest.mark.parametrize("version", [0, -1, 4, True, "1", 1.0, None, 2**70])
def test_a_form_that_nobody_knows_is_not_guessed_at(version: object, form: type[ActForm]) -> None:
    """Neither by the door nor by a fold, which checks nothing else; `True == 1.0 == 1` is no 1."""
    members = {**_members(), "v": version}
    with pytest.raises(Rejected) as refused:
        parse_act(members, form=form)
    assert any(fault.pointer == "/v" for fault in refused.value.faults)
    with pytest.raises(ValueError, match="an act of form"):
        known_act(members, form)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("facts", [[], {}, "text", None, 7, ...])
def test_an_act_that_is_not_of_its_own_form_is_rejected(version: int, facts: object) -> None:
    """A step meets what nobody has looked at yet: that is the sender's fault, and no crash."""
    members = {**_members(), "v": version, "facts": facts}
    if facts is ...:
        del members["facts"]
    with pytest.raises(Rejected) as refused:
        parse_act(members, form=Third)
    assert refused.value.code == "malformed_act"
    shapeless = version == 1 and not isinstance(
        facts, dict
    )  # form 1 is asked before it is brought up
    assert [fault.pointer for fault in refused.value.faults] == ["/facts" if shapeless else "/v"]


def test_what_a_correction_quotes_is_asked_of_the_form_in_force() -> None:
    """Who corrects an old act reads it as the newest form says it, and so do the rules."""
    case = a_case_in("SCREENING")
    entry = case.stream.intake[0]
    point, signed = entry.act.facts["intake_point"], entry.act.signed
    entry.act = parse_act(signed, form=Third)
    assert entry.act.signed is signed
    quoted = {"mark": "ERROR", "was": point, "now": "PHONE"}
    asked = {
        member: case.asks(
            "RecordCorrected", facts={**quoted, "member": member}, corrects=entry.act.act_id
        )
        for member in ("taken_at", "facts.taken_at", "/facts/taken_at", "intake_point")
    }
    holds("MARK_NEEDS_MEMBER", asked["taken_at"])
    holds("MARK_NEEDS_MEMBER", asked["facts.taken_at"])
    holds("MARK_NEEDS_MEMBER", asked["/facts/taken_at"])
    breaks("MARK_NEEDS_MEMBER", asked["intake_point"], "/facts/was")


def _members() -> dict[str, Any]:
    made = ALedger(in_memory(MemoryRecordStore()))
    return dict(a_report(1, made.clock.now()).signed)
