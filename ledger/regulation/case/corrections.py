"""What a correction does to the act it names: the right value stands from its index on.

An act type says which of its members may be put right and by whom (`correctable`); what is found,
decided, held or counted is among none of them: it is reconsidered, by an act with signatures of its
own. The act as it was signed stays what it is (`Entry.signed`), and the correction says what stood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from ledger.json_pointer import names
from ledger.regulation.acts.act import Act
from ledger.regulation.acts.catalogue import ActType, catalogue_of
from ledger.regulation.edition import Edition

MEMBER_MARKS: Final = frozenset({"ERROR", "WRONG_LABEL"})
"""Marks that put one member right and so have to name it."""
COMPLETED: Final = "COMPLETED"
"""The mark that says a member which the act left out (`completable`)."""
_FACTS: Final = "facts"
_INT: Final = re.compile(r"-?[0-9]{1,18}")


def path_of(member: str) -> tuple[str, ...]:
    """A JSON Pointer, or names joined by dots, as steps."""
    if member.startswith("/"):
        return names(member)
    return tuple(s for s in re.split(r"[.\[\]]+", member) if s)


def value_at(value: Any, path: Sequence[str]) -> Any:  # noqa: ANN401 - any JSON value may stand there
    """What stands at a path; None where nothing does."""
    for step in path:
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, (list, tuple)) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def member_of(act: Act, member: str) -> tuple[str, ...] | None:
    """The path of a member as a correction names it, `facts` left out or not; None: not there."""
    path = path_of(member)
    return next((p for p in (path, (_FACTS, *path)) if value_at(act.members, p) is not None), None)


def completed_in(kind: ActType, act: Act, member: str) -> tuple[str, ...] | None:
    """The path of a member that an act left out and may be given later; None: none such."""
    path = path_of(member)
    return next(
        (
            p
            for p in (path, (_FACTS, *path))
            if p in kind.completable and value_at(act.members, p) is None
        ),
        None,
    )


def parties(kind: ActType, path: Sequence[str]) -> frozenset[str]:
    """Who may put a member right: WRITER, HANDLER; nobody where it is none to be corrected."""
    for pattern, who in kind.correctable.items():
        if len(pattern) == len(path) and all(
            p in ("*", s) for p, s in zip(pattern, path, strict=True)
        ):
            return who
    return frozenset()


def corrected(act: Act, by: Act, edition: Edition) -> Act | None:
    """An act with the member put right that another one names; None where it puts none right.

    Args:
        act: What is corrected, with what was put right before.
        by: The correction.
        edition: By which the correction is judged.
    """
    kind = catalogue_of(edition).types.get(act.act)
    member, now = by.facts.get("member"), by.facts.get("now")
    if kind is None or not isinstance(member, str) or not isinstance(now, str):
        return None
    if by.facts.get("mark") == COMPLETED:
        left_out = completed_in(kind, act, member)
        return None if left_out is None else _made(act, left_out, now)
    if by.facts.get("mark") not in MEMBER_MARKS:
        return None
    path = member_of(act, member)
    if path is None or not parties(kind, path):
        return None
    value = _like(value_at(act.members, path), now)
    return None if value is None else _made(act, path, value)


def _made(act: Act, path: Sequence[str], value: object) -> Act:
    members = _with(act.members, path, value)
    return replace(act, facts=members[_FACTS], document=members.get("document"), members=members)


def _like(stands: object, now: str) -> object:
    """The right value, of the kind that stands there; None where the text is of no such kind."""
    if isinstance(stands, bool):
        return {"true": True, "false": False}.get(now)
    if isinstance(stands, int):
        return int(now) if _INT.fullmatch(now) else None
    return now if isinstance(stands, str) else None


def _with(value: Any, path: Sequence[str], new: object) -> Any:  # noqa: ANN401 - JSON
    if not path:
        return new
    step, below = path[0], path[1:]
    if isinstance(value, Mapping):
        return {**value, step: _with(value.get(step), below, new)}
    return [_with(v, below, new) if n == int(step) else v for n, v in enumerate(value)]
