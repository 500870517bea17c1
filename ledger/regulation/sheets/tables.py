"""The tables in which a change of the rules is written (`data/tables.json`): one a subject.

Only what an agency changes without a release stands there: act types and their facts, moves,
clocks, agencies, holidays. What a cell says becomes a member of a line of the edition
(`edition_change.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ledger.message import Wording
from ledger.regulation.edition import read_data

_DATA: Final = read_data("tables.json")
DROPPED: Final[str] = _DATA["dropped"]
"""The heading under which a yes says that a line goes."""
YES: Final = tuple[str, ...](_DATA["yes"])
NO: Final = tuple[str, ...](_DATA["no"])
NEW_PART: Final = Wording(**_DATA["new_part"])
"""Why a new act type lets nobody take part but who signs it."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        heading: As it stands in the first row.
        member: What of a line it says, parts of a path parted by dots.
        kind: How a cell is read: `text`, `list`, `day`, `number`, `yes` or `codes`.
        needed: Whether a new line must say it.
        example: A cell as it may be written.
        codes: For `codes`: what each word means in the data.
    """

    heading: str
    member: str
    kind: str
    needed: bool
    example: str
    codes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """One file.

    Attributes:
        file: Its name.
        what: Code of what its lines are.
        columns: In order; the first ones name the line.
        keys: How many of them do.
        drops: Whether lines may be dropped.
    """

    file: str
    what: str
    columns: tuple[Column, ...]
    keys: int
    drops: bool

    @property
    def headings(self) -> Sequence[str]:
        """The first row."""
        return [*(c.heading for c in self.columns), *([DROPPED] if self.drops else [])]

    def heading(self, member: str) -> str:
        """What a member is called."""
        return next(c.heading for c in self.columns if c.member == member)


def _column(entry: Mapping[str, Any]) -> Column:
    return Column(
        heading=entry["heading"],
        member=entry["member"],
        kind=entry.get("kind", "text"),
        needed=entry.get("needed", False),
        example=entry.get("example", ""),
        codes=entry.get("codes", {}),
    )


def _table(entry: Mapping[str, Any]) -> Table:
    columns = tuple(map(_column, entry["columns"]))
    return Table(entry["file"], entry["what"], columns, entry["keys"], entry["drops"])


TABLES: Final = tuple(map(_table, _DATA["tables"]))
REGISTRY: Final = _table(_DATA["registry"])
"""Not of the rules: agencies that a log adds to its registry by an act."""
