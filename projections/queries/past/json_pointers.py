"""JSON Pointers into a case file (RFC 6901), with members of lists by what names them.

A list grows and shrinks; what names a member stays, so a new one moves no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ledger.json_pointer import child, names

_INDEX: Final = re.compile("0|[1-9][0-9]{0,8}")  # of RFC 6901; the rest is a name
_NAMES: Final = ("id", "act_id", "code", "agency")


def flatten(value: Any, pointer: str = "") -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Every leaf of a case file by pointer; members of a list by what names them."""
    if isinstance(value, Mapping):
        items: Iterable[tuple[str, Any]] = value.items()
    elif isinstance(value, list):
        items = _named(value)
    else:
        return {pointer: value}
    found: dict[str, Any] = {}
    for name, item in items:
        found |= flatten(item, child(pointer, name))
    return found


def differing(old: Any, new: Any) -> dict[str, tuple[Any, Any]]:  # noqa: ANN401 - JSON
    """Where two values differ, by pointers of `flatten`: what each has there, None for nothing.

    What is equal is not looked into.
    """
    found: dict[str, tuple[Any, Any]] = {}
    _compare(old, new, "", found)
    return found


def _compare(
    old: Any,  # noqa: ANN401 - JSON
    new: Any,  # noqa: ANN401
    pointer: str,
    found: dict[str, tuple[Any, Any]],
) -> None:
    if old == new:
        return
    if isinstance(old, list) and isinstance(new, list):
        old, new = dict(_named(old)), dict(_named(new))
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in {**old, **new}:
            _compare(old.get(name), new.get(name), child(pointer, name), found)
        return
    before, after = flatten(old, pointer), flatten(new, pointer)
    for name in {**before, **after}:
        was, is_ = before.get(name), after.get(name)
        if was != is_:
            found[name] = was, is_


def resolve(value: Any, pointer: str) -> Any:  # noqa: ANN401 - JSON
    """What a pointer of `flatten` (or of RFC 6901) leads to; None where there is nothing."""
    return _followed(value, names(pointer))


def _followed(value: Any, names: Iterable[str]) -> Any:  # noqa: ANN401 - JSON
    for name in names:
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list):
            named = dict(_named(value))
            value = _nth(value, int(name)) if _INDEX.fullmatch(name) else named.get(name)
        else:
            return None
    return value


def exists(value: Any, pointer: str) -> bool:  # noqa: ANN401 - JSON
    """Whether there is such a member, be it null."""
    *way, name = names(pointer)
    parent = _followed(value, way)
    return isinstance(parent, Mapping) and name in parent


def _nth(items: Sequence[Any], n: int) -> Any:  # noqa: ANN401 - JSON
    return items[n] if n < len(items) else None


def _named(items: Sequence[Any]) -> list[tuple[str, Any]]:
    found: dict[str, Any] = {}
    alike: dict[str, int] = {}
    for n, item in enumerate(items):
        name = str(n)
        if isinstance(item, Mapping):
            parts = [str(item[k]) for k in _NAMES if item.get(k) is not None]
            name = ".".join(dict.fromkeys(parts)) or name
        elif isinstance(item, str):
            name = item
        base = name
        while name in found:
            alike[base] = alike.get(base, 1) + 1
            name = f"{base}'{alike[base]}"
        found[name] = item
    return list(found.items())
