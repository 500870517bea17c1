"""Tables read: the change that they come to, and every fault with its file and line."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from ledger.message import Message, Text
from ledger.regulation.edition import Edition
from ledger.regulation.edition_change import APART, GONE, KEYS, key_of
from ledger.regulation.guards.edition_check import faults
from ledger.regulation.sheets.tables import DROPPED, NEW_PART, NO, TABLES, YES, Column, Table

Json = dict[str, Any]
_DAY: Final = timedelta(days=1)


class TablePlace(NamedTuple):
    """Where in the tables something stands."""

    file: str
    line: int


class SheetFault(NamedTuple):
    """One thing that is wrong, and where; no line: with the tables as a whole."""

    place: TablePlace | None
    text: Text


class Row(NamedTuple):
    """One row that says something, its cells by member."""

    place: TablePlace
    cells: Mapping[str, Any]
    dropped: bool


@dataclass(slots=True)
class RuleDraft:
    """What tables come to.

    Attributes:
        change: The change; of no use while there are faults.
        faults: What is wrong.
        places: Where each line that is changed stands, by subject and key.
    """

    change: Json = field(default_factory=dict)
    faults: list[SheetFault] = field(default_factory=list)
    places: dict[tuple[str, str], TablePlace] = field(default_factory=dict)

    def wrong(self, place: TablePlace, text: Text) -> None:
        """Notes a fault."""
        self.faults.append(SheetFault(place, text))

    def line(self, subject: str, section: str, key: str, place: TablePlace) -> Json:
        """The line of this key in the change, to be filled."""
        self.places.setdefault((subject, key), place)
        made: Json = self.section(subject, section).setdefault(key, {})
        return made

    def section(self, subject: str, section: str) -> Json:
        """A list of the change."""
        made: Json = self.change.setdefault(subject, {}).setdefault(section, {})
        return made

    def drop(self, subject: str, section: str, key: str, place: TablePlace) -> None:
        """A line goes."""
        self.places.setdefault((subject, key), place)
        self.section(subject, section).setdefault(GONE, []).append(key)


def read(files: Mapping[str, str], base: Edition, on: date = date.min) -> RuleDraft:
    """The change that tables come to, checked against the edition it is to follow.

    Args:
        files: Text by file name; a file that is left out changes nothing.
        base: The edition in force.
        on: The day on which it is adopted.
    """
    draft = RuleDraft()
    for name in sorted(files.keys() - {table.file for table in TABLES}):
        draft.wrong(TablePlace(name, 1), Message("no table has such a name"))
    for table in TABLES:
        said = rows(table, files.get(table.file, ""), draft)
        _TAKE[table.what](table, said, base, draft)
    if not draft.faults:
        draft.faults = list(_judged(draft, base, on))
    return draft


def _judged(draft: RuleDraft, base: Edition, on: date) -> Iterator[SheetFault]:
    """What is wrong with the edition that the change makes, at the row that says so."""
    try:
        made = base.changed("", draft.change)
    except ValueError as error:
        yield SheetFault(None, Message("{why}", why=str(error)))
        return
    if made.subjects == base.subjects:  # also where every line says what is in force
        yield SheetFault(None, Message("the tables change nothing"))
        return
    for fault in faults(made, base, on):
        place = draft.places.get((fault.subject, fault.key))
        where = " ".join(part for part in (fault.subject, fault.key) if part)
        text = fault.text
        if place is None:
            text = Message("{where}: {text}", where=where, text=text)
        yield SheetFault(place, text)


# -- cells ----------------------------------------------------------------------------------------


def rows(table: Table, text: str, draft: RuleDraft) -> list[Row]:
    """The rows of a table that say something; what is wrong with a cell is noted."""
    lines = csv.reader(text.removeprefix("\ufeff").splitlines(keepends=True))
    found: list[Row] = []
    headings: list[str] | None = None
    try:
        for cells in lines:
            cells = [cell.strip() for cell in cells]  # noqa: PLW2901
            place = TablePlace(table.file, lines.line_num)
            if not any(cells) or cells[0].startswith("#"):
                continue
            if headings is None:
                headings = cells
                unknown = [h for h in cells if h and h not in table.headings]
                for heading in unknown:
                    draft.wrong(place, Message("there is no column “{heading}”", heading=heading))
                if unknown:
                    return []
                continue
            found.append(_row(table, dict(zip(headings, cells, strict=False)), place, draft))
    except csv.Error as error:
        draft.wrong(
            TablePlace(table.file, lines.line_num), Message("no table: {why}", why=str(error))
        )
    return found


def _row(table: Table, cells: Mapping[str, str], place: TablePlace, draft: RuleDraft) -> Row:
    said: Json = {}
    for column in table.columns:
        text = cells.get(column.heading, "")
        if not text:
            continue
        try:
            said[column.member] = _READ[column.kind](text, column)
        except ValueError:
            wrong = Message(
                "“{heading}” cannot be “{cell}”: write {how}",
                heading=column.heading, cell=text, how=_how(column),
            )  # fmt: skip
            draft.wrong(place, wrong)
    return Row(place, said, cells.get(DROPPED, "").lower() in YES)


def _how(column: Column) -> Text:
    if column.kind == "codes":
        return Message("one of: {values}", values=", ".join(column.codes))
    return _HOW[column.kind]


_HOW: Final[Mapping[str, Text]] = MappingProxyType(
    {
        "day": Message("a day as dd/mm/yyyy"),
        "number": Message("a whole number"),
        "yes": Message("one of: {values}", values=", ".join((YES[0], NO[0]))),
    }
)


def _day(text: str, _column: Column) -> str:
    return datetime.strptime(text, "%d/%m/%Y").date().isoformat()  # noqa: DTZ007 - a day


def _yes(text: str, _column: Column) -> bool:
    if text.lower() not in (*YES, *NO):
        raise ValueError(text)
    return text.lower() in YES


def _code(text: str, column: Column) -> str:
    code = column.codes.get(text.lower())
    if code is None:
        raise ValueError(text)
    return code


_READ: Final[Mapping[str, Callable[[str, Column], Any]]] = MappingProxyType(
    {
        "text": lambda text, _: text,
        "list": lambda text, _: [part.strip() for part in text.split(";") if part.strip()],
        "day": _day,
        "number": lambda text, _: int(text),
        "yes": _yes,
        "codes": _code,
    }
)


def _lacks(table: Table, row: Row, draft: RuleDraft, members: Iterable[str] = ()) -> bool:
    """Whether a row that makes a new line leaves out what one must say."""
    needed = {c.member for c in table.columns if c.needed} | set(members)
    missing = [c for c in table.columns if c.member in needed and c.member not in row.cells]
    for column in missing:
        draft.wrong(row.place, Message("“{heading}” is empty", heading=column.heading))
    return bool(missing)


def _named(table: Table, row: Row, draft: RuleDraft) -> bool:
    """Whether a row names its line."""
    missing = [c for c in table.columns[: table.keys] if c.member not in row.cells]
    for column in missing:
        draft.wrong(row.place, Message("“{heading}” is empty", heading=column.heading))
    return not missing


# -- tables ---------------------------------------------------------------------------------------


def _acts(table: Table, rows: Iterable[Row], base: Edition, draft: RuleDraft) -> None:
    known = {entry["act"] for entry in base.acts["acts"]}
    for row in rows:
        if not _named(table, row, draft):
            continue
        act = row.cells["act"]
        if row.dropped:
            draft.drop("acts", "acts", act, row.place)
            continue
        if act not in known and _lacks(table, row, draft):
            continue
        line = draft.line("acts", "acts", act, row.place)
        if act not in known:
            line |= {
                "act": act, "origin": "ADD", "to": [], "requires": [], "restrictive": False,
                "clocks": {"starts": [], "stops": []}, "source": [], "facts": {},
            }  # fmt: skip
            part = draft.line("participation", "acts", f"{act}{APART}", row.place)
            part |= {"act": act, "gives": [], "vi": NEW_PART.vi, "en": NEW_PART.en}  # fmt: skip
        for member, value in row.cells.items():
            _put(line, member, value)
        if "signer_roles" in row.cells:
            line["signature_class"] = len(row.cells["signer_roles"])


def _put(line: Json, member: str, value: object) -> None:
    first, _, below = member.partition(".")
    if below:
        line[first] = {**line.get(first, {}), below: value}
    else:
        line[first] = value


def _facts(table: Table, rows: Iterable[Row], base: Edition, draft: RuleDraft) -> None:
    types = {entry["act"]: entry["facts"] for entry in base.acts["acts"]}
    new = draft.change.get("acts", {}).get("acts", {})
    for row in rows:
        if not _named(table, row, draft):
            continue
        act, fact = row.cells["of"], row.cells["fact"]
        if act not in types and act not in new:
            draft.wrong(row.place, Message("there is no act type “{act}”", act=act))
            continue
        facts = draft.line("acts", "acts", act, row.place).setdefault("facts", {})
        if row.dropped:
            facts.setdefault(GONE, []).append(fact)
            continue
        known = fact in types.get(act, {})
        if not known and _lacks(table, row, draft):
            continue
        said = {n: v for n, v in row.cells.items() if n not in ("of", "fact")}
        facts[fact] = said if known else {"required": False, **said}


def _moves(table: Table, rows: Iterable[Row], _base: Edition, draft: RuleDraft) -> None:
    members = KEYS["life_cycle", "transitions"]
    for row in rows:
        if "act" not in row.cells:
            draft.wrong(row.place, Message("“{heading}” is empty", heading=table.heading("act")))
            continue
        key = key_of(row.cells, members)
        if row.dropped:
            draft.drop("life_cycle", "transitions", key, row.place)
        elif not _lacks(table, row, draft):
            draft.line("life_cycle", "transitions", key, row.place).update(row.cells)


def _clocks(table: Table, rows: Iterable[Row], base: Edition, draft: RuleDraft) -> None:
    known = {c["code"] for c in (*base.life_cycle["clocks"], *base.life_cycle["limits"])}
    lines = {
        key_of(line, KEYS["registry", "clock_rules"]): line for line in base.registry["clock_rules"]
    }
    for row in rows:
        if not _named(table, row, draft):
            continue
        cells = dict(row.cells)
        code: str = cells["code"]
        names: Json = {n: cells.pop(n) for n in ("vi", "en") if n in cells}
        key = key_of(cells, KEYS["registry", "clock_rules"])
        if key not in lines and _lacks(table, row, draft):
            continue
        if code not in known:
            if len(names) < 2:  # noqa: PLR2004 - both languages
                draft.wrong(row.place, Message("a new clock needs a name in both languages"))
                continue
            clock = draft.line("life_cycle", "clocks", code, row.place)
            clock |= {"code": code, **names, "name_en": names["en"], "values": "registry.json"}
            known.add(code)
        new: Json = {} if key in lines else {"from_act": [], "to_act": []}
        draft.line("registry", "clock_rules", key, row.place).update({**new, **cells})


def _agencies(table: Table, rows: Iterable[Row], base: Edition, draft: RuleDraft) -> None:
    known = {entry["id"]: entry for entry in base.registry["agencies"]}
    for row in rows:
        if not _named(table, row, draft):
            continue
        cells, before = row.cells, known.get(row.cells["id"])
        if before is None and _lacks(table, row, draft, ("name", "kind", "territory", "from")):
            continue
        line = draft.line("registry", "agencies", cells["id"], row.place)
        if before is None:
            line |= {
                "id": cells["id"], "kind": cells["kind"], "territory": cells["territory"],
                "valid_from": cells["from"], "posts": [], "fictitious": False,
                "certainty": "known", "names": [_name(cells)],
            }  # fmt: skip
        elif "name" in cells:
            if "from" not in cells:
                draft.wrong(
                    row.place, Message("“{heading}” is empty", heading=table.heading("from"))
                )
                continue
            line["names"] = [*_closed(before["names"], cells["from"]), _name(cells)]
        if "to" in cells:
            line["valid_to"] = cells["to"]


def _name(cells: Mapping[str, Any]) -> Json:
    named = {"vi": cells["name"], "from": cells["from"]}
    return named | ({"abbr": cells["abbr"]} if "abbr" in cells else {})


def _closed(names: Iterable[Mapping[str, Any]], first: str) -> list[Json]:
    last = (date.fromisoformat(first) - _DAY).isoformat()
    return [{**name, "to": name["to"] or last} for name in names]


def _holidays(table: Table, rows: Iterable[Row], base: Edition, draft: RuleDraft) -> None:
    years: dict[str, set[str]] = {}
    for row in rows:
        if not _named(table, row, draft):
            continue
        draft.places.setdefault(("holidays", row.cells["day"]), row.place)
        year, day = row.cells["day"][:4], row.cells["day"][5:]
        years.setdefault(year, set(base.subjects["holidays"]["years"].get(year, ()))).add(day)
    for year, days in years.items():
        draft.section("holidays", "years")[year] = sorted(days)


_TAKE: Final[Mapping[str, Callable[[Table, Iterable[Row], Edition, RuleDraft], None]]] = (
    MappingProxyType(
        {
            "act": _acts,
            "fact": _facts,
            "transition": _moves,
            "clock_rule": _clocks,
            "agency": _agencies,
            "holiday": _holidays,
        }
    )
)
