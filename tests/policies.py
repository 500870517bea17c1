"""What the reader's login is shown under a ticket, table by table, beside what the rule says (V9).

The rule is asked of the log, folded by one who writes nothing; the policies of the rows that are in
the database. Nothing here knows how either finds its answer.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, LiteralString

import psycopg

from api.ops.machine import RealClock
from ledger.postgres.ticket import TicketKey, keep_ticket_key
from ledger.regulation.case.state import StreamState
from ledger.regulation.participation.reach import reach
from ledger.regulation.participation.sees import acts_seen
from ledger.regulation.participation.viewpoint import Viewpoint
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.registry import Registry
from ledger.streams.names import is_case
from tests.fixtures.postgres import Database

Shows = Literal["act", "whole", "any"]
"""To whom a row of a case is shown: who sees its act, who sees the whole case, or any act of it."""
#: Of each table with a policy: to whom its rows are shown, and their key, stream and act.
ASKED: Final[Mapping[str, tuple[Shows, LiteralString]]] = {
    "log.records": (
        "act",
        """
        SELECT t.index::text, s.name, t.act_id::text
        FROM log.records t LEFT JOIN log.streams s USING (stream_id)
        """,
    ),
    "log.wraps": (
        "act",
        """
        SELECT t.index::text, s.name, r.act_id::text FROM log.wraps t
        LEFT JOIN log.streams s USING (stream_id) LEFT JOIN log.records r USING (index)
        """,
    ),
    "log.streams": ("any", "SELECT t.name, t.name, NULL FROM log.streams t"),
    "proj.acts": ("act", "SELECT t.index::text, t.stream, t.act_id::text FROM proj.acts t"),
    "proj.case_file": ("whole", "SELECT t.stream, t.stream, NULL FROM proj.case_file t"),
    "proj.tasks": (
        "act",
        "SELECT t.stream || ' ' || t.n, t.stream, t.act_id::text FROM proj.tasks t",
    ),
    "proj.counted": ("whole", "SELECT t.stream, t.stream, NULL FROM proj.counted t"),
    "proj.marks": ("whole", "SELECT t.stream || ' ' || t.n, t.stream, NULL FROM proj.marks t"),
}
#: What of it a reader asks: the key alone, since whose row it is, is told by who sees everything.
_KEYS: Final[Mapping[str, LiteralString]] = {
    "log.records": "SELECT index::text FROM log.records",
    "log.wraps": "SELECT index::text FROM log.wraps",
    "log.streams": "SELECT name FROM log.streams",
    "proj.acts": "SELECT index::text FROM proj.acts",
    "proj.case_file": "SELECT stream FROM proj.case_file",
    "proj.tasks": "SELECT stream || ' ' || n FROM proj.tasks",
    "proj.counted": "SELECT stream FROM proj.counted",
    "proj.marks": "SELECT stream || ' ' || n FROM proj.marks",
}
_LATER: Final = [timedelta(days=days) for days in (0, 0, 1, 31, 300, 900)]
_KEY: Final = TicketKey(bytes(range(32)))
_TICKET_S: Final = 3_600


@dataclass(frozen=True, slots=True)
class Asked:
    """A question: of everything, by an officer, at a time.

    Attributes:
        officer: Who asks.
        at: The ledger's time, which a rehearsal's caller states.
        by_set: Whether the policies make the set of what is seen, or look each row up.
    """

    officer: str
    at: datetime
    by_set: bool


@dataclass(frozen=True, slots=True)
class Policies:
    """Both sides of the comparison.

    Attributes:
        database: With every view folded to the end of the log.
        registry: As the log leaves it.
        cases: Every case, by stream.
        now: When the last record was taken.
    """

    database: Database
    registry: Registry
    cases: Mapping[str, StreamState]
    now: datetime

    def compare(self, number: int, draw: random.Random) -> int:
        """Asks so often, of every table; how many rows of cases were shown.

        Raises:
            AssertionError: A policy shows what the rule hides, or hides what it shows.
        """
        keep_ticket_key(self.database.dsn("migrator"), self.database.slug, _KEY)
        with psycopg.connect(self.database.admin) as admin:
            rows = {name: admin.execute(query).fetchall() for name, (_, query) in ASKED.items()}
        shown = 0
        with psycopg.connect(self.database.dsn("reader")) as reader:
            for asked in self._drawn(number, draw):
                rule = {name: self._rule(asked, name) for name in self.cases}
                for table, (shows, _) in ASKED.items():
                    due = {k for k, name, act in rows[table] if _is_shown(shows, name, act, rule)}
                    found = self._seen(reader, asked, table)
                    assert found == due, (table, asked, sorted(found ^ due))
                    shown += sum(1 for k, name, _ in rows[table] if k in due and is_case(name))
                reader.rollback()
        return shown

    def _drawn(self, number: int, draw: random.Random) -> Iterable[Asked]:
        officers = sorted(line.uuid for line in self.registry.officers.all())
        for _ in range(number):
            later = draw.choice(_LATER) + timedelta(seconds=draw.randrange(86_400))
            yield Asked(draw.choice(officers), self.now + later, draw.random() < 0.5)

    def _rule(self, asked: Asked, name: str) -> tuple[bool, frozenset[str]]:
        """Whether the officer sees the whole case, and which acts of it."""
        case = Viewpoint(
            self.cases[name], self.registry, asked.at, handler_of=self._handlers(asked.at)
        )
        return reach(asked.officer, case).whole, acts_seen([asked.officer], case)[asked.officer]

    def _handlers(self, at: datetime) -> Callable[[str], str | None]:
        def handler(name: str) -> str | None:
            other = self.cases.get(name)
            return None if other is None else other.handler(self.registry, local_day(at))

        return handler

    @staticmethod
    def _seen(reader: psycopg.Connection[Any], asked: Asked, table: str) -> set[str]:
        ends = int(RealClock().now().timestamp()) + _TICKET_S
        settings = {
            "app.ticket": _KEY.ticket(asked.officer, "kid", ends),
            "app.time": asked.at.isoformat(),
            "app.by_set": "on" if asked.by_set else "",
        }
        for name, value in settings.items():
            reader.execute("SELECT set_config(%s, %s, true)", [name, value])
        return {row[0] for row in reader.execute(_KEYS[table]).fetchall()}


def _is_shown(
    shows: Shows,
    name: str | None,
    act: str | None,
    rule: Mapping[str, tuple[bool, frozenset[str]]],
) -> bool:
    if name is None or not is_case(name):
        return True  # everybody's (access.md N6)
    whole, acts = rule[name] if name in rule else (False, frozenset[str]())
    if shows == "any":
        return whole or bool(acts)
    return whole or (shows == "act" and act in acts)
