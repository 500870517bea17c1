"""The guards in the order of guards.json, and which of them an act must pass.

Each has the function of its name, and the first refusal in this order is named (guards.json,
notes). Texts, kinds and sources are data; a guard without a function, or a function without a
guard, does not load.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

from ledger.message import Wording
from ledger.regulation.acts.catalogue import ActType, load
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.edition import load_edition
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
    """

    code: str
    kind: Literal["refuse", "flag"]
    applies_to: str
    check: Check
    vi: str
    en: str
    source: tuple[str, ...]
    rule: str | None

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
    found = [f for family in FAMILIES if (f := getattr(family, code.lower(), None)) is not None]
    if len(found) != 1:
        raise LookupError(f"guard {code}: {len(found)} functions")
    return Guard(
        code,
        entry["kind"],
        entry["applies_to"],
        found[0],
        entry["vi"],
        entry["en"],
        tuple(entry["source"]),
        entry.get("rule"),
    )


GUARDS: Final[tuple[Guard, ...]] = tuple(_guard(e) for e in load_edition().guards["guards"])
BY_CODE: Final[Mapping[str, Guard]] = {g.code: g for g in GUARDS}


def guards_of(kind: ActType, stream_kind: str) -> tuple[Guard, ...]:
    """The guards an act of this type must pass in a stream of this kind, in order."""
    return _guards_of(kind.act, stream_kind)


def flag_guards_of(kind: ActType, stream_kind: str) -> tuple[Guard, ...]:
    """Those of them that only flag."""
    return _flags_of(kind.act, stream_kind)


@cache
def _guards_of(name: str, stream_kind: str) -> tuple[Guard, ...]:
    kind = load().types[name]
    return tuple(g for g in GUARDS if _applies(g, kind, stream_kind))


@cache
def _flags_of(name: str, stream_kind: str) -> tuple[Guard, ...]:
    return tuple(g for g in _guards_of(name, stream_kind) if g.kind == "flag")


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
