"""What an edition changes in the one before, line by line, in words; and which cases it touches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from ledger.message import Message, Text, Wording
from ledger.regulation.acts.catalogue import catalogue_of
from ledger.regulation.acts.lifecycle import life_cycle_of
from ledger.regulation.edition import SUBJECTS, Edition
from ledger.regulation.edition_change import KEYS, key_of
from ledger.regulation.registry.rules import Rule, Rules
from ledger.regulation.sheets.tables import TABLES

_NOTHING: Final = Message("nothing")
_WORDS: Final = {
    "acts.acts": Message("act type"),
    "acts.roles": Message("role"),
    "guards.guards": Message("guard"),
    "life_cycle.states": Message("state"),
    "life_cycle.transitions": Message("move of a case"),
    "life_cycle.clocks": Message("clock"),
    "life_cycle.limits": Message("limit"),
    "registry.agencies": Message("agency"),
    "registry.clock_rules": Message("length of a clock"),
    "registry.instruments": Message("instrument"),
    "participation.acts": Message("who takes part by an act"),
    "holidays.years": Message("holidays of a year"),
}

_HEADINGS: Final[Mapping[str, Text]] = {
    column.member: Wording(column.heading, column.member)
    for table in TABLES
    for column in table.columns
}
"""What a member is called where it stands in a table."""
_CELLS: Final[Mapping[tuple[str, object], Text]] = {
    (column.member, code): Wording(word, code)
    for table in TABLES
    for column in table.columns
    for word, code in column.codes.items()
}
"""What a code is called there."""


def difference(before: Edition, after: Edition) -> Iterator[Text]:
    """Each line that is new, gone or otherwise, by subject."""
    for subject in SUBJECTS:
        was, now = before.subjects[subject], after.subjects[subject]
        for section in now:
            if was.get(section) == now[section]:
                continue
            old, new = _lines(subject, section, was), _lines(subject, section, now)
            what = _WORDS.get(f"{subject}.{section}", Wording(section, section))
            for key in dict.fromkeys((*old, *new)):
                yield from _line(what, key, old.get(key), new.get(key))


def _lines(subject: str, section: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    value, members = data.get(section), KEYS.get((subject, section))
    if members is not None:
        return {key_of(line, members): line for line in value or ()}
    return value if isinstance(value, Mapping) else {"": value}


def _line(what: Text, key: str, old: Any, new: Any) -> Iterator[Text]:  # noqa: ANN401 - JSON
    if old == new:
        return
    lines = isinstance(new, Mapping) and (old is None or isinstance(old, Mapping))
    named = old is None and (new.get("vi") if lines else key)
    if named:
        yield Message("{what} “{key}” is new: {name}", what=what, key=key, name=named)
    elif new is None:
        yield Message("{what} “{key}” goes", what=what, key=key)
    elif lines:  # a line without a name is new by what it says
        was = old or {}
        for member in dict.fromkeys((*was, *new)):
            if _said(was.get(member)) != _said(new.get(member)):
                yield Message(
                    "{what} “{key}”: {member} was {old}, will be {new}",
                    what=what, key=key, member=_HEADINGS.get(member, member),
                    old=_cell(member, was.get(member)), new=_cell(member, new.get(member)),
                )  # fmt: skip
    else:
        yield Message(
            "{what} “{key}” was {old}, will be {new}",
            what=what, key=key, old=_said(old), new=_said(new),
        )  # fmt: skip


def _cell(member: str, value: object) -> Text | str:
    """What a member says, in the word of its table where that has one."""
    known = _CELLS.get((member, value)) if isinstance(value, str) else None
    return known or _said(value)


def _said(value: object) -> Text | str:
    if value is None or value in ([], {}, ""):
        return _NOTHING
    if isinstance(value, Mapping):
        return "; ".join(f"{n}: {_plain(v)}" for n, v in value.items())
    return _plain(value)


def _plain(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(_plain(one) for one in value)
    if isinstance(value, Mapping):
        return "{" + "; ".join(f"{n}: {_plain(v)}" for n, v in value.items()) + "}"
    return str(value)


def judged_otherwise(
    case: Mapping[str, Any], before: Edition, after: Edition, today: date
) -> Iterator[Text]:
    """What would be otherwise in an open case, as its case file shows it.

    Acts that it takes or takes no more, acts that wait for a signature and have other rules, clocks
    that run and would have another length.
    """
    state = case.get("state")
    old, new = life_cycle_of(before), life_cycle_of(after)
    types = {**catalogue_of(before).types, **catalogue_of(after).types}
    gone = [a for a in old.allowed(state) if a not in new.allowed(state)]
    come = [a for a in new.allowed(state) if a not in old.allowed(state)]
    if gone:
        yield Message("takes no more: {acts}", acts=_named(gone, types))
    if come:
        yield Message("takes as well: {acts}", acts=_named(come, types))
    waiting = [str(one["act"]) for one in case.get("pending", ())]
    other = [a for a in dict.fromkeys(waiting) if _differs(a, before, after)]
    if other:
        yield Message("waits to be signed under other rules: {acts}", acts=_named(other, types))
    rules = Rules.of(before), Rules.of(after)
    for clock in case.get("clocks", ()):
        code = str(clock["code"])
        if clock.get("status") in ("STOPPED", "EXTENDED", "ENDED"):
            continue
        day = date.fromisoformat(str(clock.get("started_at") or today)[:10])
        length = [_length(found.on(code, day)) for found in rules]
        if length[0] != length[1]:
            yield Message(
                "clock “{clock}”: {old}, then {new}",
                clock=Wording(str(clock.get("vi") or code), str(clock.get("en") or code)),
                old=length[0], new=length[1],
            )  # fmt: skip


def _named(acts: Sequence[str], types: Mapping[str, Any]) -> Text:
    return Wording("; ".join(types[a].vi for a in acts), "; ".join(types[a].en for a in acts))


def _differs(act: str, before: Edition, after: Edition) -> bool:
    old, new = catalogue_of(before).types.get(act), catalogue_of(after).types.get(act)
    return old is None or new is None or old.raw != new.raw


def _length(rule: Rule | None) -> str:
    return "–" if rule is None else f"{rule.value} {rule.unit}"
