"""How much of a test is tried on a push: of draws a number, of listed forms an even share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar
from zlib import crc32

import pytest
from hypothesis import settings

_Form = TypeVar("_Form")
USUAL: Final = 100
"""Of a property that says nothing, where a number of one's own is what it says; `ci` draws half."""


def examples(usual: int) -> int:
    """So many where others have `USUAL`; in a profile that draws more or fewer, as many of these.

    Args:
        usual: That number; one at least is drawn.
    """
    return max(1, usual * settings().max_examples // USUAL)


def share(forms: Sequence[_Form], one_in: int, of: str) -> Sequence[_Form]:
    """One in so many of the forms in the profile `ci`, all of them in the others.

    Where tests of many things share their forms, each begins elsewhere: together they try all. Of
    each thing one form at least is tried.

    Args:
        forms: What could be tried.
        one_in: How many forms there are for each that is tried.
        of: Name of the thing that they are tried on.
    """
    if settings().max_examples > USUAL:
        return forms
    begin = crc32(of.encode()) % min(one_in, len(forms) or 1)
    return forms[begin::one_in]


def shared_with_soak(forms: Iterable[_Form], one_in: int, of: str) -> list[Any]:
    """Forms as parameters of what is no attack: one in so many on a push, the others in the soak.

    Args:
        forms: What could be tried, each in a case of its own.
        one_in: How many forms there are for each that a push tries.
        of: Name of the thing that they are tried on.
    """
    every = list(forms)
    begin = crc32(of.encode()) % min(one_in, len(every))
    return [
        pytest.param(form, marks=() if n % one_in == begin else pytest.mark.soak)
        for n, form in enumerate(every)
    ]


def in_share(one_in: int, of: str) -> bool:
    """Whether this one of so many is tried: in the profile `ci` one in so many, else each.

    Args:
        one_in: How many there are for each that is tried.
        of: Its name.
    """
    return settings().max_examples > USUAL or crc32(of.encode()) % one_in == 0
