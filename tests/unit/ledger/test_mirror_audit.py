"""Whoever owns the database above changes nothing of a mirror unseen."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from keys import envelope_encryption
from ledger.mirror.audit import MirrorFinding, findings
from ledger.ports import StoredRecord
from tests.attacks import attack
from tests.builders import an_id, turned
from tests.mirrored import Above, Below, MemoryMirror

Change = Callable[[Above], None]


@pytest.fixture(scope="module")
def taken() -> Above:
    """A mirror with a case, an erasure, and noise."""
    below = Below.founded()
    erased = below.case(2)
    below.case(1, "CaseRegistered", "CompetenceDetermined", files=[b"one", bytes(9_000_000)])
    above = Above(below)
    mirror = above.mirror()
    mirror.take(above.opened(below.publish()))
    below.erase(erased)
    damaged = below.case(3)
    rows = below.store._records
    rows[damaged] = replace(rows[damaged], state=turned(rows[damaged].state))
    mirror.take(above.opened(below.publish()))
    return above


@pytest.fixture
def above(taken: Above) -> Above:
    """The same, to be damaged."""
    store = MemoryMirror()
    for name, value in vars(taken.store).items():
        setattr(store, name, copy(value))
    return replace(taken, store=store)


def _found(above: Above) -> list[MirrorFinding]:
    return list(findings(above.store, above.kek, above.below.lower, "mat"))


def _row(above: Above, stream: str = "case/", *, seq: int = 1) -> StoredRecord:
    return next(
        row
        for row in reversed(above.store.rows)
        if row.stream.startswith(stream) and row.wrap and row.seq >= seq
    )


def _put(above: Above, row: StoredRecord, **columns: object) -> None:
    above.store.rows[row.index] = replace(row, **columns)  # type: ignore[arg-type]


def _resealed(above: Above, row: StoredRecord, envelope: bytes) -> StoredRecord:
    """Another content under the same entry, by whoever has the KEK."""
    sealed = envelope_encryption.seal(
        envelope, origin=above.below.a.origin, stream=row.stream, seq=row.seq, level="mat"
    )
    wrap = envelope_encryption.wrap(
        above.kek, sealed.dek, origin=above.below.a.origin, entry=row.entry
    )
    return replace(row, state=sealed.state, wrap=wrap)


def _swap(above: Above) -> None:
    one, other = _row(above), _row(above, "officer/")
    above.store.rows[one.index] = replace(other, index=one.index)
    above.store.rows[other.index] = replace(one, index=other.index)


def _forget(above: Above) -> None:
    above.store.gone.clear()


def _cut(above: Above) -> None:
    del above.store.rows[-1]
    above.store.rows.append(replace(above.store.rows[-1]))


def _put_segment(above: Above, **columns: object) -> None:
    above.store.brought[0] = replace(above.store.brought[0], **columns)  # type: ignore[arg-type]


def _put_files(above: Above, change: Callable[[list[Any]], list[Any]]) -> None:
    ((index, files),) = above.store.files.items()
    above.store.files[index] = change(files)


def _longer(note: bytes) -> bytes:
    lines = note.split(b"\n")
    lines[1] = b"%d" % (int(lines[1]) + 1)
    return b"\n".join(lines)


CHANGES: dict[str, Change] = {
    "a state": lambda a: _put(a, r := _row(a), state=turned(r.state)),
    "a wrap": lambda a: _put(a, r := _row(a), wrap=turned(r.wrap or b"")),
    "a key that goes": lambda a: _put(a, _row(a), wrap=None),
    "an entry": lambda a: _put(a, _row(a), entry=bytes(32)),
    "another content": lambda a: a.store.rows.__setitem__(
        (r := _row(a)).index, _resealed(a, r, b"{}")
    ),
    "a time": lambda a: _put(a, r := _row(a), recorded_at=r.recorded_at + timedelta(days=1)),
    "whose it is": lambda a: _put(a, _row(a, seq=2), author=True),
    "an act": lambda a: _put(a, _row(a), act_id=UUID(an_id("another"))),
    "a unit": lambda a: _put(a, _row(a), unit=UUID(int=0)),
    "what changed the registry": lambda a: _put(a, _row(a, "officer/"), registry=False),
    "two records": _swap,
    "a record twice": _cut,
    "a mark": lambda a: a.store.aside.clear(),
    "a mark more": lambda a: a.store.aside.__setitem__(_row(a).index, "guard"),
    "an erasure": _forget,
    "an erasure more": lambda a: a.store.gone.__setitem__(_row(a).index, UUID(an_id("x"))),
    "a checkpoint": lambda a: setattr(a.store, "_note", _longer(a.store._note or b"")),
    "the root behind a segment": lambda a: _put_segment(a, root=bytes(32)),
    "how far a segment came": lambda a: _put_segment(a, size=3),
    "a segment that goes": lambda a: a.store.brought.clear(),
    "as what grants name an act": lambda a: a.store.named.__setitem__(3, UUID(an_id("x"))),
    "a file": lambda a: _put_files(a, lambda files: [turned(files[0]), None]),
    "a file that goes": lambda a: _put_files(a, lambda files: files[:1]),
    "files in each other's place": lambda a: _put_files(a, lambda files: files[::-1]),
    "a file of a record without one": lambda a: a.store.files.__setitem__(0, [b"x"]),
    "an older checkpoint": lambda a: setattr(
        a.store, "_note", min(a.below.store._notes.items())[1]
    ),
}


def test_a_mirror_that_nobody_changed_is_sound(above: Above) -> None:
    """With what is erased, set aside and unreadable below."""
    assert above.store.gone
    assert [[one is None for one in files] for files in above.store.files.values()] == [
        [False, True]
    ]
    assert "unread" in above.store.aside.values()
    assert _found(above) == []


@attack(
    "whoever owns the database above changes something of a mirror",
    stopped_by="-",
    noticed_by="socai mirror audit: kind and index",
)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_a_mirror_is_named(above: Above, change: Change) -> None:
    """One change at a time, by whoever has the tables and the KEK."""
    change(above)
    assert _found(above) != []
