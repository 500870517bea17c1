"""What an anchor says: of one length, never alike, and for one statement alone."""

from __future__ import annotations

import pytest

from keys import sealed_anchor
from keys.errors import Malformed, Unsealable

ORIGIN = "bacninh.example/ordinary"
EVENT = "5a3f0f1e-8f0f-4b1c-9a51-6a2a6f0a1c11"
KEY = sealed_anchor.key_of(bytes(range(32)))


def sealed(count: int = 7, event_id: str = EVENT) -> bytes:
    """An anchor."""
    return sealed_anchor.seal(KEY, count, b"d" * 32, origin=ORIGIN, event_id=event_id)


def test_figures_come_back() -> None:
    """As they were."""
    assert sealed_anchor.open_sealed(sealed(), KEY, origin=ORIGIN, event_id=EVENT) == (7, b"d" * 32)


def test_its_length_does_not_tell_and_no_two_are_alike() -> None:
    """Nothing, one or all the events there could be."""
    made = [sealed(count) for count in (0, 0, 1, 2**40, 2**63)]
    assert {len(one) for one in made} == {sealed_anchor.SEALED_BYTES}
    assert len(set(made)) == len(made)


def test_a_known_answer() -> None:
    """The bytes stay what they are: anchors are opened in thirty years."""
    aad = b"socai/anchor/1\0" + ORIGIN.encode() + b"\0" + EVENT.encode()
    made = sealed_anchor._seal_with(KEY, bytes(12), 7, bytes(32), aad)
    assert KEY.hex() == "c629c87070b6a59f83536f146baa6e639eb2b665fe06aadc39c82619421f8add"
    assert (
        made.hex() == "0400000000000000000000000004fb060a2269c32625839c38b750e450720b21e43af"
        "65e5a181a6e629c2e8d12d9d8de696db55e0d94e889987e4e7479da88b125c1a9f346"
    )


@pytest.mark.parametrize("at", [0, 1, 13, 40, 68])
def test_a_changed_byte_opens_nothing(at: int) -> None:
    """Version, nonce, figures, tag."""
    made = bytearray(sealed())
    made[at] ^= 1
    with pytest.raises(Unsealable):
        sealed_anchor.open_sealed(bytes(made), KEY, origin=ORIGIN, event_id=EVENT)


def test_it_opens_for_its_own_statement_log_and_key_alone() -> None:
    """An anchor of yesterday is none of today."""
    for change in (
        {"origin": "other/ordinary"},
        {"event_id": EVENT.replace("5", "6")},
        {"key": sealed_anchor.key_of(bytes(32))},
    ):
        given = {"key": KEY, "origin": ORIGIN, "event_id": EVENT, **change}
        with pytest.raises(Unsealable):
            sealed_anchor.open_sealed(sealed(), **given)  # type: ignore[arg-type]


def test_lengths_are_those_of_the_format() -> None:
    """Nothing else is a key, a digest or an anchor."""
    with pytest.raises(Malformed):
        sealed_anchor.key_of(bytes(31))
    with pytest.raises(Malformed):
        sealed_anchor.seal(KEY, 1, bytes(31), origin=ORIGIN, event_id=EVENT)
    with pytest.raises(Unsealable):
        sealed_anchor.open_sealed(sealed()[:-1], KEY, origin=ORIGIN, event_id=EVENT)
