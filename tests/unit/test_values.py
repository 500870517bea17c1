"""Values that are quick to make are to everybody what frozen dataclasses are."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest

from ledger.values import frozen_value


@dataclass(frozen=True, slots=True)
class Frozen:
    """What Python makes."""

    name: str
    seq: int = 0
    memo: dict[str, int] = field(default_factory=dict, repr=False, compare=False)


@frozen_value(frozen=True, slots=True)
class Quick:
    """What is quick to make."""

    name: str
    seq: int = 0
    memo: dict[str, int] = field(default_factory=dict, repr=False, compare=False)


def test_a_value_is_compared_hashed_shown_and_replaced_as_a_frozen_one() -> None:
    """Sets, keys and copies of values stay what they were."""
    frozen, quick = Frozen("a", 1, {"x": 1}), Quick("a", 1, {"x": 1})
    assert quick == Quick("a", 1)
    assert quick != replace(quick, seq=2)
    assert hash(quick) == hash(frozen) == hash(Quick("a", 1))
    assert repr(quick) == repr(frozen).replace("Frozen", "Quick")
    assert pickle.loads(pickle.dumps(quick)) == quick  # noqa: S301 - our own bytes


def test_a_value_has_no_field_but_its_own() -> None:
    """Who writes a field that is not there is told so while it runs; who sets one, by the types."""
    with pytest.raises(AttributeError):
        Quick("a").other = 1  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(FrozenInstanceError):
        Frozen("a").seq = 1  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    Quick("a").seq = 1  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
