"""A soak in pieces: `--part=K/N` is the K-th of N parts of what its tests go through.

Each piece begins anew and is told by the same numbers whenever it is run, so that an evening's work
may be done in minutes here and there, and what failed is run again alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest


@dataclass(frozen=True, slots=True)
class Part:
    """The `k`-th of `n` parts, from 1."""

    k: int = 1
    n: int = 1

    @classmethod
    def read(cls, text: str) -> Part:
        """Of `K/N`. Raises: ValueError: it is no part."""
        found = re.fullmatch(r"([1-9][0-9]{0,4})/([1-9][0-9]{0,4})", text)
        if found is None or int(found[1]) > int(found[2]):
            raise ValueError(f"{text} is no part: 1/60 is the first of sixty")
        return cls(int(found[1]), int(found[2]))

    def of(self, count: int) -> range:
        """Its share of the numbers 0 to `count`: all parts together have each of them once."""
        return range(self.k - 1, count, self.n)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--part`."""
    parser.addoption(
        "--part",
        default=Part(),
        type=Part.read,
        metavar="K/N",
        help="of a soak that goes through thousands, the K-th of N parts",
    )


@pytest.fixture
def part(request: pytest.FixtureRequest) -> Part:
    """The part that this run is asked for; without one, all."""
    found: Part = request.config.getoption("--part")
    return found
