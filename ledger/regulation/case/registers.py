"""Numbers that the ledger gives: of cases, of what comes in, of complaints.

An act of form 2 does not say its number (formats.md §2): it is the n-th effective registration of
its agency, its year and its kind, in the order of the log. So numbers are unique and without gaps,
and no guard tells one agency's clerk of cases that they may not see. An act of form 1 says its own,
which stays, and is counted as every other. An erased registration keeps its number, since the act
of erasure says which register it stood in; what is set aside has none.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from ledger.regulation.acts.act import Act
from ledger.regulation.registry.calendar import local_day

FORM_GIVEN: Final = 2
"""The form of an act from which on the ledger gives the number."""
KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ReportReceived": "INTAKE",
        "DetectionRecorded": "INTAKE",
        "ExternalRequestReceived": "INTAKE",
        "CaseRegistered": "CASE",
        "ComplaintReceived": "COMPLAINT",
    }
)
"""By act type, the register that an act of it is entered in; all of them have one signer."""
_SHOWN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "CASE": "{year}/{n:04}",
        "INTAKE": "{n:04}/TN-{year}",
        "COMPLAINT": "{n:04}/KN-{year}",
    }
)


class Register(NamedTuple):
    """One book of one agency: `kind` is of `KINDS`, `year` that in which it was recorded."""

    kind: str
    year: int
    agency: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.year}/{self.agency}"

    @classmethod
    def parse(cls, text: str) -> Register:
        """The register of its text. Raises: ValueError."""
        kind, year, agency = text.split("/", 2)
        return cls(kind, int(year), agency)


class Number(NamedTuple):
    """A place in a register, from 1."""

    register: Register
    n: int

    def __str__(self) -> str:
        return _SHOWN[self.register.kind].format(year=self.register.year, n=self.n)


def register_of(act: Act, recorded_at: datetime) -> Register | None:
    """The register that an act is entered in when it takes effect; None where in none.

    Args:
        act: The act.
        recorded_at: When the ledger took it: nobody chooses a year by its date.
    """
    kind = KINDS.get(act.act)
    return None if kind is None else Register(kind, local_day(recorded_at).year, act.agency)


def signed_number(act: Act) -> str | None:
    """The number that an act of form 1 says of itself, as corrected since; None: it says none."""
    for member in ("case_number", "register_no"):
        value = act.facts.get(member)
        if isinstance(value, str):
            return value
    return None


def kept_by(erasure: Act) -> Iterator[tuple[int, Register]]:
    """The registrations that an act of erasure names, each with its index."""
    for named in erasure.facts.get("registered", ()):
        yield named["index"], Register(named["register"], named["year"], named["agency"])


def kept(index: int, register: Register) -> dict[str, Any]:
    """How an act of erasure names a registration."""
    return {"index": index, "register": register.kind,
        "agency": register.agency, "year": register.year
    }  # fmt: skip


class Registers:
    """Which records are entered in which register: eight bytes each."""

    def __init__(self) -> None:
        self._entered: dict[Register, array[int]] = {}

    def enter(self, register: Register, index: int) -> Number:
        """Enters a record where it is not entered yet; its number."""
        entered = self._entered.setdefault(register, array("q"))
        at = bisect_left(entered, index)
        if at == len(entered) or entered[at] != index:
            entered.insert(at, index)
        return Number(register, at + 1)

    def strike(self, register: Register, index: int) -> list[int]:
        """Takes a record out that turns out not to stand; the indices whose number changes."""
        entered = self._entered.get(register, array("q"))
        at = bisect_left(entered, index)
        if at == len(entered) or entered[at] != index:
            return []
        entered.pop(at)
        return list(entered[at:])

    def number(self, register: Register, index: int) -> Number | None:
        """The number of a record; None where it is not entered."""
        entered = self._entered.get(register, array("q"))
        at = bisect_left(entered, index)
        return Number(register, at + 1) if at < len(entered) and entered[at] == index else None
