"""Fault tables of recording and sealing: what landed, and that the next try is right."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ledger.errors import Conflict, Fatal, LedgerError, Unavailable
from ledger.log import checkpoint
from ledger.message import Wording
from ledger.regulation.acts.act import parse_act
from tests.a_ledger import ALedger, a_report, all_entries, in_memory
from tests.fakes import MemoryRecordStore


class Fault:
    """Raises once, at the point named."""

    def __init__(self) -> None:
        self.point = ""
        self.error: LedgerError | None = None

    def __call__(self, point: str) -> None:
        """Fails where it was told to."""
        if point == self.point and self.error is not None:
            error, self.error = self.error, None
            raise error


def gone() -> Unavailable:
    """The database is away."""
    return Unavailable("database_unavailable", Wording("", "the database is away"))


@pytest.fixture
def fault() -> Fault:
    """Nothing fails yet."""
    return Fault()


@pytest.fixture
def a(fault: Fault) -> ALedger:
    """A founded log that can be made to fail."""
    made = ALedger(in_memory(MemoryRecordStore(fault)))
    made.found()
    made.clock.step(seconds=1)
    made.hire("hotline")
    return made


@dataclass(frozen=True, slots=True)
class Row:
    """fault | landed before the failure? | sent again: created?"""

    point: str
    landed: bool
    created_again: bool


RECORDING = {
    "the database is away when the head is read": Row("read", landed=False, created_again=True),
    "the database is away when the draft arrives": Row("append", landed=False, created_again=True),
    "the answer is lost after the commit": Row("appended", landed=True, created_again=False),
}


@pytest.mark.parametrize("name", RECORDING)
def test_a_fault_while_recording_loses_nothing_acknowledged(
    a: ALedger, fault: Fault, name: str
) -> None:
    """Nothing or all; sending again tells which, in this process and in another."""
    row = RECORDING[name]
    statement = a.sign(a_report(1), "hotline")
    before = len(all_entries(a))
    fault.point, fault.error = row.point, gone()
    with pytest.raises(Unavailable):
        a.send(statement)
    assert len(all_entries(a)) == before + row.landed
    again = a.send(statement)
    assert (again.created, again.index) == (row.created_again, before)
    assert not a.beside().send(statement).created
    assert len(all_entries(a)) == before + 1


SEALING = {
    "the database is away when the head is read": Row("read", landed=False, created_again=True),
    "the swap never arrives": Row("seal", landed=False, created_again=True),
    "the answer to the swap is lost": Row("sealed", landed=True, created_again=False),
}


@pytest.mark.parametrize("name", SEALING)
def test_a_fault_while_sealing_never_makes_two_roots(a: ALedger, fault: Fault, name: str) -> None:
    """The next call finds out what became of this one, and the tree is the same."""
    row = SEALING[name]
    checkpointer = a.checkpointer()
    fault.point, fault.error = row.point, gone()
    with pytest.raises(Unavailable):
        checkpointer.checkpoint_once()
    landed = a.stores.checkpoints.latest()
    assert (landed is not None) == row.landed
    again = checkpointer.checkpoint_once()
    assert (again is not None) == row.created_again
    latest = a.stores.checkpoints.latest()
    assert latest is not None
    assert latest[0] == len(all_entries(a))
    assert (
        a.checkpointer().checkpoint_once() is None
    )  # a fresh checkpointer agrees with what is stored


def test_a_second_checkpointer_loses_every_swap_and_harms_nothing(a: ALedger) -> None:
    """Two of them by mistake is one too many, not a fork."""
    first, second = a.checkpointer(), a.checkpointer()
    assert first.checkpoint_once() is not None
    assert second.checkpoint_once() is None
    for n in range(1, 6):
        a.say(a_report(n), "hotline")
        one, other = (first, second) if n % 2 else (second, first)
        assert one.checkpoint_once() is not None
        assert other.checkpoint_once() is None


def test_checkpoint_of_a_size_the_records_do_not_reach_stops_the_checkpointer(a: ALedger) -> None:
    """A replica promoted behind the last checkpoint, or an old backup: it must not go on."""
    a.checkpointer().checkpoint_once()
    signed, behind = a.stores.checkpoints, MemoryRecordStore()
    assert isinstance(signed, MemoryRecordStore)
    behind._notes, behind._tiles = signed._notes, signed._tiles
    other = ALedger(in_memory(behind))
    with pytest.raises(Fatal, match="records are there"):
        other.checkpointer().checkpoint_once()


def test_checkpoint_of_same_size_with_other_root_stops_the_checkpointer(a: ALedger) -> None:
    """Tiles that lead elsewhere than what was signed: memory and store disagree."""
    a.checkpointer().checkpoint_once()
    store = a.stores.tiles
    assert isinstance(store, MemoryRecordStore)
    place, data = next(iter(store._tiles.items()))
    store._tiles[place] = bytes((data[0] ^ 1,)) + data[1:]
    with pytest.raises(Fatal, match="another root"):
        a.checkpointer().checkpoint_once()


def test_a_checkpoint_of_another_key_stops_the_checkpointer(a: ALedger) -> None:
    """The log stands by its own notes only."""
    a.checkpointer().checkpoint_once()
    store = a.stores.checkpoints
    assert isinstance(store, MemoryRecordStore)
    ((size, note),) = store._notes.items()
    found = checkpoint.unverified(note)
    forged = checkpoint.sign(found, ALedger(a.stores, origin=a.origin).keys.log, None, time_s=1)
    store._notes[size] = forged.replace(forged[-20:-10], b"AAAAAAAAAA")
    with pytest.raises(Fatal, match="does not hold"):
        a.checkpointer().checkpoint_once()


def test_a_conflict_is_told_after_a_lost_answer_too(a: ALedger, fault: Fault) -> None:
    """This process never heard that its own act landed; the next one at its place is told so."""
    act = a_report(1)
    fault.point, fault.error = "appended", gone()
    with pytest.raises(Unavailable):
        a.say(act, "hotline")
    other = parse_act({**a_report(2).signed, "stream": act.stream})
    with pytest.raises(Conflict) as refused:
        a.send(a.sign(other, "hotline", head=(1, None)))
    assert refused.value.code == "stale"
    assert [told["act_id"] for told in refused.value.since] == [act.act_id]
