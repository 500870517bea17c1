"""Tickets: HMAC-SHA-256 by the pads alone, and asked for while a block lasts (access.md G13)."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.asker import Asker, asker, asking
from ledger.postgres import ticket as tickets
from ledger.postgres.ticket import LIFE_S, TicketKey, Tickets
from tests.builders import T0
from tests.fixtures.clock import StepClock

OFFICER = "6ba7b810-9dad-41d1-80b4-00c04fd430c8"


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**40))
def test_who_has_the_pads_alone_can_check_every_ticket(secret: bytes, expires: int) -> None:
    """As the database does: sha256(outer || sha256(inner || body)) is RFC 2104's HMAC."""
    key = TicketKey(secret)
    inner, outer = key.pads
    body, _, mac = key.ticket(OFFICER, "a_kid-1", expires).partition("#")
    assert hashlib.sha256(outer + hashlib.sha256(inner + body.encode()).digest()).hexdigest() == mac
    assert mac == hmac.new(secret, body.encode(), "sha256").hexdigest()
    assert body == f"v1|{key.id}|{OFFICER}|a_kid-1|{expires}"


@given(st.binary(min_size=32, max_size=32))
def test_the_id_of_a_key_says_nothing_of_the_key(secret: bytes) -> None:
    """It is no prefix of it and no MAC by it: 16 hex digits of a hash under a name of its own."""
    key = TicketKey(secret)
    assert len(key.id) == 16
    assert key.id not in secret.hex()
    assert key.id != hashlib.sha256(secret).hexdigest()[:16]


def test_an_officer_is_given_the_same_ticket_for_some_seconds_and_nobody_else_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of each officer, session's key and time; good for as long as said, whenever it was made."""
    clock, key = StepClock(T0), [TicketKey(b"a" * 32)]
    made = Tickets(lambda: key[0], clock)

    def of(officer: str = OFFICER, kid: str = "a_kid", at: datetime | None = None) -> Asker:
        return made.of(officer, kid, of_cases=True, at=at)

    first, given = of(), set[str]()
    assert of() is first
    assert (first.officer, first.kid, first.of_cases, first.at) == (OFFICER, "a_kid", True, None)
    assert not made.of(OFFICER, "a_kid", of_cases=False, at=None).of_cases
    for other in (of(OFFICER[::-1]), of(kid="another"), of(at=T0)):
        body, _, _mac = other.ticket.partition("#")
        assert body.split("|")[2:4] == [other.officer, other.kid]
    assert of(at=T0).at == T0
    assert of().at is None
    for _ in range(30):
        ticket = of().ticket
        left = int(ticket.partition("#")[0].rpartition("|")[2]) - clock.now().timestamp()
        assert LIFE_S <= left <= LIFE_S + 10
        given.add(ticket)
        clock.step(seconds=1)
    assert len(given) in (3, 4)
    key[0] = TicketKey(b"b" * 32)
    monkeypatch.setattr(tickets, "_LOOK_S", -1.0)  # a minute has gone by
    assert key[0].id in of().ticket


def test_nobody_asks_for_somebody_else_after_a_block() -> None:
    """A thread goes back to whom it asked for, also where the block failed."""
    one, other = Asker("one", OFFICER), Asker("other", OFFICER, of_cases=False)
    assert asker() is None
    with asking(one):
        with pytest.raises(ZeroDivisionError), asking(other):
            assert 1 // (asker() is not other)
        assert asker() is one
    assert asker() is None
