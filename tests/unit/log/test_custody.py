"""The chain over custody events, by hand."""

from __future__ import annotations

import hashlib
from itertools import permutations
from uuid import UUID

import pytest

from keys import canonical
from keys.errors import KeysError
from ledger.log.custody import CustodyChain, read_event

ONE, TWO = UUID(int=1), UUID(int=2)
EVENTS = ((ONE, 1, b"a" * 32), (TWO, 1, b"b" * 32), (ONE, 2, b"c" * 32))


def chain(events: tuple[tuple[UUID, int, bytes], ...] = EVENTS) -> CustodyChain:
    """Over these."""
    done = CustodyChain()
    for event in events:
        done = done.after(*event)
    return done


def test_the_digest_is_that_of_formats_3() -> None:
    """SHA-256 over the one before, name, position and entry."""
    digest = bytes(32)
    for name, seq, entry in EVENTS:
        digest = hashlib.sha256(digest + name.bytes + seq.to_bytes(8, "big") + entry).digest()
    assert chain() == CustodyChain(3, digest)


def test_any_other_order_or_event_is_another_chain() -> None:
    """Moved, left out, changed, given to another file."""
    others = {chain(some) for some in permutations(EVENTS)}
    others |= {chain(EVENTS[:2]), chain(EVENTS[1:])}
    for at in range(3):
        name, seq, entry = EVENTS[at]
        for changed in (
            (TWO if name == ONE else ONE, seq, entry),
            (name, 3, entry),
            (name, seq, b"d" * 32),
        ):
            others.add(chain((*EVENTS[:at], changed, *EVENTS[at + 1 :])))
    assert len(others) == 6 + 2 + 9


EVENT = {
    "v": 1, "log": "a/ordinary", "file": str(ONE), "seq": 2, "event": "READ", "at": "x",
    "officer": "o", "kid": "k", "about": {}, "blind": "b", "prev": canonical.b64(b"a" * 32),
}  # fmt: skip


def read(**changes: object) -> None:
    """The event with changes; None leaves a member out."""
    members = {k: v for k, v in (EVENT | changes).items() if v is not None}
    read_event(canonical.encode(members), origin="a/ordinary", name=ONE, seq=2, before=b"a" * 32)


def test_an_event_stands_where_it_says() -> None:
    """As it was made."""
    read()


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 2}, {"log": "b/ordinary"}, {"file": str(TWO)}, {"seq": 3}, {"event": "ADDED"},
        {"event": "SEEN"}, {"prev": None}, {"prev": canonical.b64(bytes(32))}, {"officer": 1},
        {"about": "x"}, {"more": 1}, {"blind": None},
    ],
)  # fmt: skip
def test_any_other_event_is_refused(changes: dict[str, object]) -> None:
    """Another form, place, file, log, or another event before it."""
    with pytest.raises(KeysError):
        read(**changes)
