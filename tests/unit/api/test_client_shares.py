"""Who has to go when there are too many connections, and whom a connection counts for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.client_shares import Crowd, Room
from api.peer import Proxies

MOST, MOST_OF_ONE = 12, 4


def _let_in(crowd: Crowd[int], one: int, address: str) -> bool:
    """What a worker does with a newcomer; whether it was let in."""
    first = crowd.first_to_go(address)
    if first is not None:
        crowd.leave(first)
    if crowd.full_of(address) or len(crowd) >= MOST:
        return False
    crowd.enter(one, address)
    return True


def test_one_address_displaces_only_itself() -> None:
    """However often it opens anew: whoever else is silent stays."""
    crowd: Crowd[int] = Crowd(MOST, MOST_OF_ONE)
    assert _let_in(crowd, 0, "honest")
    for number in range(1, 500):
        assert _let_in(crowd, number, "one")
    assert len(crowd) == 1 + MOST_OF_ONE
    assert crowd.first_to_go("honest") is None


def test_who_says_nothing_is_waited_for_less_once_half_the_places_are_taken() -> None:
    """And as long as before when they are free again."""
    crowd: Crowd[int] = Crowd(MOST, MOST_OF_ONE)
    pressed = list[bool]()
    for number in range(MOST // 2 + 1):
        crowd.enter(number, f"of {number}")
        pressed.append(crowd.pressed)
    crowd.leave(0)
    assert [*pressed, crowd.pressed] == [*[False] * (MOST // 2), True, False]


def test_many_addresses_leave_room_for_one_more() -> None:
    """The oldest silent one of whoever has most goes; who is being answered stays."""
    crowd: Crowd[int] = Crowd(MOST, MOST_OF_ONE)
    for number in range(MOST):
        assert _let_in(crowd, number, f"many {number % 3}")
    crowd.speaks(0)
    assert crowd.first_to_go("honest") == 3
    assert _let_in(crowd, 99, "honest")


def test_an_address_whose_every_connection_is_answered_gets_no_more() -> None:
    """It has its share of the threads' queue."""
    crowd: Crowd[int] = Crowd(MOST, MOST_OF_ONE)
    for number in range(MOST_OF_ONE):
        crowd.enter(number, "one")
        crowd.speaks(number)
    assert not _let_in(crowd, 9, "one")
    assert _let_in(crowd, 10, "another")
    crowd.falls_silent(2)
    assert crowd.first_to_go("one") == 2


def test_what_counts_for_nobody_has_no_cap_and_goes_last() -> None:
    """A proxy's connections carry everybody: others make room before they do."""
    crowd: Crowd[int] = Crowd(MOST, MOST_OF_ONE)
    for number in range(MOST - 1):
        assert _let_in(crowd, number, "")
    assert _let_in(crowd, 50, "direct")
    assert crowd.first_to_go("") == 50
    crowd.leave(50)
    crowd.speaks(3)
    crowd.counts_for(3, "behind")
    assert not crowd.full_of("behind")
    crowd.counts_for(3, "")
    crowd.falls_silent(3)
    assert len(crowd) == MOST - 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["open", "close", "ask", "answered"]),
            st.integers(0, 30),
            st.sampled_from(["", "a", "b", "c"]),
        ),
        max_size=80,
    )
)
def test_no_count_is_lost(steps: list[tuple[str, int, str]]) -> None:
    """Whatever the order: never more than there is room for, and empty again at the end."""
    crowd: Crowd[int] = Crowd(MOST, MOST_OF_ONE)
    there: dict[int, str] = {}
    for what, one, address in steps:
        if what == "open" and one not in there:
            first = crowd.first_to_go(address)
            there.pop(first if first is not None else -1, None)
            if _let_in(crowd, one, address):
                there[one] = address
        elif what == "close":
            crowd.leave(one)
            there.pop(one, None)
        elif one in there:
            (crowd.speaks if what == "ask" else crowd.falls_silent)(one)
        assert len(crowd) == len(there) <= MOST
        for name in "abc":
            assert list(there.values()).count(name) <= MOST_OF_ONE
    for one in list(there):
        crowd.leave(one)
    assert (len(crowd), dict(crowd._count), dict(crowd._silent)) == (0, {}, {})


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.7", [], "192.0.2.7"),
        ("192.0.2.7", ["198.51.100.1"], "192.0.2.7"),  # no proxy of ours: not believed
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),  # the first was sent by the client
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1, 10.9.9.9"], "198.51.100.1"),  # two of our proxies
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.2"], "10.0.0.2"),
        ("::ffff:10.0.0.1", ["2001:db8:1:2:3::4"], "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", [], "2001:db8:1:2::/64"),
        ("fe80::1%eth0", [], "fe80::/64"),
        ("::ffff:192.0.2.7", [], "192.0.2.7"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_a_forwarded_address_is_believed_from_our_proxies_only(
    peer: str, forwarded: list[str], client: str
) -> None:
    """Else everybody could choose whom their attempts and connections count for."""
    assert Proxies("10.0.0.0/8, 203.0.113.1").client(peer, forwarded) == client


@pytest.mark.parametrize("text", ["*", "proxy.example", "10.0.0.1/8", "10.0.0.1;10.0.0.2"])
def test_what_is_no_address_is_refused(text: str) -> None:
    """A proxy that is not recognised would make all clients one."""
    with pytest.raises(ValueError, match=r"address|network|host bits"):
        Proxies(text)


def test_one_client_holds_no_more_threads_than_it_leaves_free() -> None:
    """The other half is for the others, of whom each may have half of what is left."""
    room = Room(6)
    assert [room.take("a") for _ in range(4)] == [True, True, True, False]
    assert [room.take("b") for _ in range(3)] == [True, True, False]
    assert [room.take("c"), room.take("d")] == [True, False]
    room.leave("a")
    assert [room.take("b"), room.take("a"), room.take("d")] == [False, False, True]
    alone = Room(1)
    assert [alone.take("a"), alone.take("a")] == [True, False]


def test_who_counts_twice_does_not_hold_all_threads() -> None:
    """One officer, and their address for what they ask without saying who they are."""
    room = Room(16)
    both = [room.take(who) for _ in range(16) for who in ("officer", "address")]
    assert both.count(True) == 11  # 12 where the one has its half before the other begins
    assert [room.take(f"another {number}") for number in range(5)] == [True] * 5


def test_officers_behind_one_address_share_no_threads() -> None:
    """Nor with strangers there, who have what one client has."""
    room = Room(16)
    strangers = [room.take("192.0.2.1") for _ in range(16)]
    assert strangers.count(True) == 8
    assert all(room.take(f"officer {number}") for number in range(8))


def test_who_cannot_be_told_apart_is_one_client() -> None:
    """Behind a proxy on a Unix socket: whoever signs in there is known, and gets a thread."""
    room = Room(16)
    assert [room.take("") for _ in range(16)].count(True) == 8
    assert room.take("officer")
