"""What an edition changes in the one before, line by line, in words; and which cases it touches."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
            if (subject, section) == ("holidays", "years"):
                yield from _holidays(old, new)
                continue
            for key in dict.fromkeys((*old, *new)):
                called = _called(after, f"{subject}.{section}", key, new.get(key) or old.get(key))
                yield from _line(what, called, old.get(key), new.get(key), after)


def _holidays(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Text]:
    """Of each year the days that come and go, and not those that stay."""
    for year in dict.fromkeys((*old, *new)):
        was, now = set(old.get(year) or ()), set(new.get(year) or ())
        if now - was:
            yield Message("holidays as well: {days}", days=_days(year, now - was))
        if was - now:
            yield Message("no holidays any more: {days}", days=_days(year, was - now))


def _days(year: str, days: Iterable[str]) -> str:
    return ", ".join(_day(f"{year}-{day}") for day in sorted(days))


def _day(said: str) -> str:
    year, month, day = said.split("-")
    return f"{day}/{month}/{year}"


def _called(edition: Edition, section: str, key: str, line: Any) -> Text | str:  # noqa: ANN401 - JSON
    """What a line is called: by its name where it has one, a clock with its first day."""
    if section == "registry.clock_rules":
        code, first = str(line["code"]), _day(str(line["valid_from"]))
        words = life_cycle_of(edition).clock_labels.get(code, (code, code))
        return Message("{clock}, from {day}", clock=Wording(*words), day=first)
    if section == "registry.agencies":
        name = str(line["names"][-1]["vi"])
        return Wording(name, name)
    return key


def _lines(subject: str, section: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    value, members = data.get(section), KEYS.get((subject, section))
    if members is not None:
        return {key_of(line, members): line for line in value or ()}
    return value if isinstance(value, Mapping) else {"": value}


def _line(
    what: Text,
    key: Text | str,
    old: Any,  # noqa: ANN401 - JSON
    new: Any,  # noqa: ANN401 - JSON
    edition: Edition,
) -> Iterator[Text]:
    if old == new:
        return
    lines = isinstance(new, Mapping) and (old is None or isinstance(old, Mapping))
    named = old is None and (_name(new, edition) if lines else key)
    if named:
        yield Message("{what} “{key}” is new: {name}", what=what, key=key, name=named)
    elif new is None:
        yield Message("{what} “{key}” goes", what=what, key=key)
    elif lines:
        was = old or {}
        for member in dict.fromkeys((*was, *new)):
            if _said(was.get(member)) != _said(new.get(member)):
                yield Message(
                    "{what} “{key}”: {member} was {old}, will be {new}",
                    what=what, key=key, member=_HEADINGS.get(member, member),
                    old=_cell(member, was.get(member), edition),
                    new=_cell(member, new.get(member), edition),
                )  # fmt: skip
    else:
        yield Message(
            "{what} “{key}” was {old}, will be {new}",
            what=what, key=key, old=_said(old), new=_said(new),
        )  # fmt: skip


def _name(line: Mapping[str, Any], edition: Edition) -> Text | str:
    """What a new line is called; one without a name is told by what it says."""
    if line.get("vi"):
        return Wording(str(line["vi"]), str(line.get("en") or line["vi"]))
    said = [
        (_HEADINGS[member], _cell(member, value, edition))
        for member, value in line.items()
        if member in _HEADINGS and member not in _IN_KEY and value not in (None, [], {}, "")
    ]
    return Wording(
        "; ".join(f"{_in(heading, 'vi')} {_in(cell, 'vi')}" for heading, cell in said),
        "; ".join(f"{_in(heading, 'en')} {_in(cell, 'en')}" for heading, cell in said),
    )


_IN_KEY: Final = frozenset({"code", "valid_from"})


def _in(text: Text | str, lang: str) -> str:
    """A word of a table in a language: each is a pair, or the same in both."""
    return str(getattr(text, lang, text))


def _cell(member: str, value: object, edition: Edition) -> Text | str:
    """What a member says, in the word of its table, of an act type, as a day."""
    if isinstance(value, (list, tuple)) and value:
        cells = [_cell(member, one, edition) for one in value]
        return Wording(
            ", ".join(_in(one, "vi") for one in cells), ", ".join(_in(one, "en") for one in cells)
        )
    if not isinstance(value, str):
        return _said(value)
    kind = catalogue_of(edition).types.get(value)
    if kind is not None:
        return Wording(kind.vi, kind.en)
    day = _day(value) if _DAY.fullmatch(value) else None
    return _CELLS.get((member, value)) or day or _said(value)


_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


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
