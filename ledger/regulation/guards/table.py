"""The guards in the order of guards.json, and which of them an act must pass.

Each has the function of its name, of the version that the edition names, and the first refusal in
this order is named (guards.json, notes). Texts, kinds and sources are data; a guard without a
function does not load. A function that a released edition names is never changed: what rules
otherwise is a function beside it, `<name>_v2`, and an edition that names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

from ledger.message import Wording
from ledger.regulation.acts.catalogue import ActType
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.edition import Edition, load_edition
from ledger.regulation.guards.breach import Breach
from ledger.regulation.guards.families import FAMILIES

Check = Callable[[GuardInput], Breach | None]


@dataclass(frozen=True, slots=True)
class Guard:
    """One guard of guards.json.

    Attributes:
        code: Its name.
        kind: `refuse` or `flag`.
        applies_to: `every_act`, `case_act` or `listed`.
        check: The function that judges it.
        vi: Sentence for the officer, with words in braces to fill in.
        en: The same in English.
        source: Provisions of the regulation it rests on.
        rule: Number G1 to G14 of regulation.md §7, where it has one.
        version: Of its code.
        of_lender: Whether it is asked of whoever lent the power to sign as well: it is about
            persons, and hears of every document of a case (`decide`).
    """

    code: str
    kind: Literal["refuse", "flag"]
    applies_to: str
    check: Check
    vi: str
    en: str
    source: tuple[str, ...]
    rule: str | None
    version: int = 1
    of_lender: bool = False

    def breach(self, q: GuardInput, lenders: GuardInput | None) -> Breach | None:
        """What the guard finds, of the signers and where it says so of who lent them a power.

        Args:
            q: The question.
            lenders: The question with them in the place of the signers; None: nobody lent.
        """
        found = self.check(q)
        if found is None and self.of_lender and lenders is not None:
            return self.check(lenders)
        return found

    def text(self, params: Mapping[str, str]) -> Wording:
        """The sentence with the braces filled; `<word>_en` wins in English."""
        english = {
            **params,
            **{k.removesuffix("_en"): v for k, v in params.items() if k.endswith("_en")},
        }
        return Wording(self.vi.format_map(_Filled(params)), self.en.format_map(_Filled(english)))


class _Filled(dict[str, str]):
    """Words in braces that a breach does not fill are shown as an ellipsis."""

    def __missing__(self, key: str) -> str:
        return "…"


def _guard(entry: Mapping[str, Any]) -> Guard:
    code = entry["code"]
    version = entry.get("version", 1)
    name = code.lower() if version == 1 else f"{code.lower()}_v{version}"
    found = [f for family in FAMILIES if (f := getattr(family, name, None)) is not None]
    if len(found) != 1:
        raise LookupError(f"guard {code}, version {version}: {len(found)} functions")
    return Guard(
        code,
        entry["kind"],
        entry["applies_to"],
        found[0],
        entry["vi"],
        entry["en"],
        tuple(entry["source"]),
        entry.get("rule"),
        version,
        entry.get("of_lender", False),
    )


class GuardTable:
    """The guards of one edition.

    Attributes:
        guards: In their order.
        by_code: By name.
    """

    def __init__(self, guards: Iterable[Guard]) -> None:
        self.guards = tuple(guards)
        self.by_code: Mapping[str, Guard] = {g.code: g for g in self.guards}
        self._asked: dict[tuple[str, str], tuple[Guard, ...]] = {}
        self._flags: dict[tuple[str, str], tuple[Guard, ...]] = {}

    @classmethod
    def of(cls, edition: Edition) -> Self:
        """The table of an edition. Raises: LookupError: a guard without a function."""
        return cls(_guard(entry) for entry in edition.guards["guards"])

    def asked(self, kind: ActType, stream_kind: str) -> tuple[Guard, ...]:
        """The guards an act of this type must pass in a stream of this kind, in order."""
        key = kind.act, stream_kind
        found = self._asked.get(key)
        if found is None:
            found = tuple(g for g in self.guards if _applies(g, kind, stream_kind))
            self._asked[key] = found
        return found

    def flags(self, kind: ActType, stream_kind: str) -> tuple[Guard, ...]:
        """Those of them that only flag."""
        key = kind.act, stream_kind
        found = self._flags.get(key)
        if found is None:
            found = tuple(g for g in self.asked(kind, stream_kind) if g.kind == "flag")
            self._flags[key] = found
        return found


def guards_in(edition: Edition) -> GuardTable:
    """The guards of an edition, compiled once."""
    return edition.of(GuardTable.of)


GUARDS: Final[tuple[Guard, ...]] = guards_in(load_edition()).guards
"""Of the newest shipped edition, for pages and labels."""
BY_CODE: Final[Mapping[str, Guard]] = guards_in(load_edition()).by_code
"""The same by name."""


def guards_of(kind: ActType, stream_kind: str) -> tuple[Guard, ...]:
    """The guards an act of this type must pass by the newest shipped edition, in order."""
    return guards_in(load_edition()).asked(kind, stream_kind)


def _applies(guard: Guard, kind: ActType, stream_kind: str) -> bool:
    if guard.applies_to == "every_act":
        return True
    if guard.applies_to == "case_act":
        return stream_kind == "case"
    if guard.code == "REGISTRY_FOUNDING":
        # The condition of a signature variant: each act it lets the founder sign alone carries this
        # flag.
        return any("rule" in v.when for v in kind.variants)
    return guard.code in kind.requires
