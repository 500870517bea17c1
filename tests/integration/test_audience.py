"""The rows of `sec` on a real PostgreSQL: for every officer and act what the rule says (V9).

However the log was cut, whoever folded it, whatever was erased, set aside or learned late. Rows are
read as the policies read them; and the policies themselves show of each table what the rule says,
asked a few times here and two thousand times in tests/soak/test_policies.py.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
import pytest

from api.ops.embedded_postgres import Embedded
from ledger.postgres.records import PostgresRecords
from ledger.regulation.acts.act import Act
from ledger.regulation.case.state import StreamState
from ledger.regulation.participation.narrowing import Ended, narrowings
from ledger.regulation.participation.sees import acts_seen
from ledger.regulation.participation.viewpoint import Viewpoint
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.registry import Registry
from ledger.streams.names import stream_id
from ledger.streams.record_reader import Reader
from ledger.write.registry_follower import RegistryFollower
from projections.engine import generations
from projections.engine.log_source import RecordsLog
from projections.fold.fold import Fold
from projections.views.audience import NAME
from tests.builders import an_act, an_id
from tests.fixtures.postgres import Database
from tests.fixtures.projected import projected
from tests.integration.test_rebuild_shards import Yard
from tests.memory_log import ORIGIN, VN, Person
from tests.played_log import played
from tests.policies import Policies
from tests.unit.regulation.test_participation import NAMES

pytestmark = pytest.mark.postgres
NIL: Final = UUID(int=0)
LATER: Final = [timedelta(days=days) for days in (0, 1, 31, 300, 900)]

_MEMBERS: Final[LiteralString] = """
SELECT officer::text, who, via, nullif(since, '-infinity'), nullif(until, 'infinity')
FROM sec.members WHERE gen = %s
"""
_CASES: Final[LiteralString] = """
SELECT comp, who, act, nullif(until, 'infinity') FROM sec.audience WHERE gen = %s
"""
_EXCLUDED: Final[LiteralString] = """
SELECT comp, officer::text, nullif(until, 'infinity') FROM sec.excluded WHERE gen IN (0, %s)
"""
_LIVE: Final[LiteralString] = """
SELECT gen FROM proj.views WHERE view = 'audience' AND state = 'live' AND error IS NULL
"""


_TRANSFER: Final = 13
"""The step of SC3 that waits for the deputy of the department that takes the case over."""
_TAKES_OVER: Final = "bacninh.svhttdl"


@dataclass
class Shown:
    """Rows of the generation that is read."""

    members: list[tuple[Any, ...]]
    cases: dict[UUID, list[tuple[Any, ...]]] = field(default_factory=dict)
    excluded: list[tuple[Any, ...]] = field(default_factory=list)
    ended: set[tuple[str, str]] = field(default_factory=set)

    def acts(self, officer: str, comp: UUID, acts: Sequence[str], at: datetime) -> set[str]:
        """Acts of a case that an officer is shown at an instant."""
        if (officer, "*") in self.ended or any(
            (c, o) == (comp, officer) and (u is None or at < u) for c, o, u in self.excluded
        ):
            return set()
        whos = {
            who
            for o, who, via, since, until in self.members
            if o == officer and (officer, via) not in self.ended
            if (since is None or since <= at) and (until is None or at < until)
        }
        shown = {
            act
            for who, act, until in self.cases.get(comp, ())
            if who in whos and (until is None or at < until)
        }
        return set(acts) if NIL in shown else {act for act in acts if UUID(act) in shown}


class Rule:
    """The log as far as it is folded by one who writes nothing."""

    def __init__(self, log: RecordsLog) -> None:
        self._log = log
        self._fold = Fold(log, ORIGIN, "ordinary")
        self._streams: dict[str, StreamState] = {}
        self._at: datetime | None = None

    def stands(self) -> tuple[Registry, dict[str, StreamState], datetime]:
        """Registry and cases after the last record there is, and when that was recorded."""
        for step in self._fold.steps(self._log.read(self._fold.position + 1, 100_000)):
            self._streams[step.stream.name] = step.stream
            self._streams.update((s.name, s) for s in step.refolded.values())
            self._at = step.opened.recorded_at
        assert self._at is not None
        cases = {name: s for name, s in self._streams.items() if s.kind == "case"}
        return self._fold.registry, cases, self._at


@dataclass
class Town(Yard):
    """A yard that knows what the rule says of its log.

    Attributes:
        second: A registrar beside the founder, once one was hired.
    """

    second: Person | None = None
    legal: Person | None = None
    _rule: Rule | None = None
    _follower: RegistryFollower | None = None

    def shown(self) -> Shown:
        """What the rows say."""
        with psycopg.connect(self.database.admin) as connection:
            (gen,) = connection.execute(_LIVE).fetchone() or (None,)
            assert gen is not None
            found = Shown(connection.execute(_MEMBERS, [gen]).fetchall())
            for comp, *row in connection.execute(_CASES, [gen]).fetchall():
                found.cases.setdefault(comp, []).append(tuple(row))
            found.excluded = connection.execute(_EXCLUDED, [gen]).fetchall()
            ended = connection.execute("SELECT officer::text, what FROM sec.ended").fetchall()
            found.ended = {(officer, what) for officer, what in ended}
        return found

    def stands(self, *, afresh: bool = False) -> tuple[Registry, dict[str, StreamState], datetime]:
        """The log folded by one who writes nothing.

        Args:
            afresh: From record 0, and not on from where it was folded to.
        """
        if self._rule is None or afresh:
            records = PostgresRecords(self.database.pool("projector"))
            reader = Reader(records, self.played.log.kek, ORIGIN).for_folds()
            follower = RegistryFollower(records, reader)
            self._rule = Rule(
                RecordsLog(records, reader, self.database.connection("projector"), follower)
            )
        return self._rule.stands()

    def require_rule(self, *, afresh: bool = False) -> int:
        """For every officer, act and day what the rule says; how often it says yes."""
        shown, (registry, cases, now) = self.shown(), self.stands(afresh=afresh)
        found = 0
        for at in (now + later for later in LATER):

            def handler(name: str, at: datetime = at) -> str | None:
                other = cases.get(name)
                return None if other is None else other.handler(registry, local_day(at))

            for name, fold in cases.items():
                case, comp = (
                    Viewpoint(fold, registry, at, handler_of=handler),
                    stream_id(ORIGIN, name),
                )
                officers = [line.uuid for line in registry.officers.all()]
                for officer, by_rule in acts_seen(officers, case).items():
                    rows = shown.acts(officer, comp, list(fold.entries), at)
                    assert rows == by_rule, (name, officer, at)
                    found += len(by_rule)
        return found

    def policies(self) -> Policies:
        """What the rows of this log show by the policies, beside the rule."""
        return Policies(self.database, *self.stands())

    def catch_up(self, batch: int = 500) -> None:
        """Folds everything, in a process of its own."""
        projector = self.projector(batch)
        projector.catch_up()
        projector.close()

    def enter(self, name: str, facts: dict[str, Any], stream: str) -> None:
        """A registry act by the registrars, which the rules let stand."""
        log, start = self.played.log, len(self.played.log.rows)
        log.clock += timedelta(minutes=5)
        founder = self.played.player.cast["_founder"]
        if self.second is None:
            self.second, self.legal = self.played.hire(
                ("keeper", "PERSONNEL_OFFICER"), ("pc", "LEGAL_OFFICER")
            )
        approver = self.legal if name == "ClockRuleSet" else self.second
        assert approver is not None
        people = [Person(founder.officer, founder.key, founder.post), approver]
        signers = [
            {"officer": one.uuid, "post": one.post, "role": role}
            for one, role in zip(people, ("AUTHOR", "APPROVER"), strict=False)
        ]
        act = an_act(
            name, when=log.clock.astimezone(VN), stream=stream, facts=facts, exact=True,
            agency=self.played.keeper, post=people[0].post, signers=signers,
        )  # fmt: skip
        for person, signer in zip(people, act.signers, strict=True):
            log.sign(dict(act.signed), person, signer.role)
        self.played.fill(self.database.admin, start=start)
        if self._follower is None:
            records = PostgresRecords(self.database.pool("projector"))
            self._follower = RegistryFollower(records, Reader(records, log.kek, ORIGIN))
        assert self._follower.stands(len(log.rows) - 1)

    @property
    def position(self) -> int:
        """How far the audience is folded."""
        with self.connect() as connection:
            return generations.live_position(connection, NAME)


@pytest.fixture
def folded(postgres_server: Embedded) -> Iterator[Town]:
    """SC1, and every view of it folded by another process."""
    made = Town(projected(postgres_server, "SC1"), played("SC1"))
    yield made
    made.database.close()


def town(database: Database, *scenarios: str) -> Town:
    """Scenarios in a database, nothing folded yet."""
    made = Town(database, played(*scenarios))
    made.played.fill(database.admin)
    return made


def _some_of(names: Iterable[str], *usual: str) -> list[Any]:
    """Scenarios as parameters; but for the usual ones they are the soak's."""
    return [pytest.param(one, marks=() if one in usual else pytest.mark.soak) for one in names]


@pytest.mark.parametrize("name", _some_of(NAMES, "SC9", "SC15"))
def test_rows_say_what_the_rule_says(database: Database, name: str) -> None:
    """After each scenario, however it is cut, now and on days that have not begun.

    After two of them on a push: one of two agencies, one of openings. One that is opened anew is
    below, and whole in `make soak`.
    """
    made = town(database, name)
    made.catch_up(batch=7)
    assert made.require_rule() > 0
    assert made.compared() == []
    draw = random.Random(f"policies of {name}")  # noqa: S311 - the same questions in every run
    assert made.policies().compare(8, draw) > 0


def test_rows_grow_with_the_log(database: Database) -> None:
    """After each tenth record, and no row is wrong in between."""
    made = Town(database, played("SC8"))
    projector = made.projector()
    for start in range(0, len(made.played.log.rows), 10):
        made.played.fill(database.admin, start=start, end=start + 10)
        projector.catch_up()
        made.require_rule()
    projector.close()
    made.require_rule(afresh=True)


def test_a_record_set_aside_gives_nobody_anything_and_stops_nothing(folded: Town) -> None:
    """Attack: an officer without a say grants a stranger the case, past the door."""
    made = folded
    log, player = made.played.log, made.played.player
    before = made.require_rule()
    stream = player.cases["C1"]
    thief = next(p for p in player.cast.values() if p.agency != "bacninh.stttt")
    facts = {"officer": thief.officer, "scope": "CASE", "may": "READ", "reason": "x"}
    facts["until"] = (log.clock + timedelta(days=30)).astimezone(VN).isoformat(timespec="seconds")
    start = len(log.rows)
    person = Person(thief.officer, thief.key, thief.post)
    members = log.act("ParticipationGranted", stream, person, facts=facts, agency=thief.agency)
    log.sign(members, person)
    made.played.fill(made.database.admin, start=start)
    made.catch_up()
    assert made.position == start
    assert made.require_rule() == before
    assert made.compared() == []


def test_what_ended_is_over_before_it_is_folded_and_cleared_after(folded: Town) -> None:
    """access.md G18: a projector that sleeps lets nobody read on, and one that wakes forgets."""
    made, database = folded, folded.database
    stream, comp = made.played.player.cases["C1"], None
    comp = stream_id(ORIGIN, stream)
    _, cases, now = made.stands()
    acts = list(cases[stream].entries)
    reader = next(o for o in _officers(made) if made.shown().acts(o, comp, acts, now))
    line = made.stands()[0].officer(reader)
    assert line is not None
    post = line.appointments[0]
    index = made.position + 1
    made.enter("OfficerEnded", {
        "officer": reader, "agency": post.agency, "post": post.post, "keys_end": True,
        "reason": "LEFT", "ended_on": local_day(now - timedelta(days=1)).isoformat(),
    }, f"officer/{reader}")  # fmt: skip
    with psycopg.connect(database.dsn("writer")) as writer:
        writer.execute("SELECT sec.end(%s, '*', %s)", [reader, index])
    assert made.shown().acts(reader, comp, acts, now) == set()
    with psycopg.connect(database.dsn("writer")) as writer:
        writer.execute(
            "SELECT sec.exclude(%s, %s, %s, 'infinity', %s)", [comp, reader, comp, index]
        )
    other = an_id("whoever ends by the next record")
    with psycopg.connect(database.admin) as admin:
        admin.execute("INSERT INTO sec.ended VALUES (%s, '*', %s)", [other, index + 1_000])
    assert len(made.shown().ended) == 2, "not folded yet"
    made.catch_up()
    assert made.shown().ended == {(other, "*")}
    assert made.shown().excluded == []
    assert made.shown().acts(reader, comp, acts, now) == set()
    made.require_rule()
    assert made.compared() == []


def _officers(made: Town) -> list[str]:
    return [p.officer for p in made.played.player.cast.values()]


@pytest.mark.parametrize("name", _some_of(("SC2", "SC8", "SC9"), "SC9"))
def test_what_the_registry_learns_late_reaches_the_cases_it_is_about(
    database: Database, name: str
) -> None:
    """A limit, a function, an end and a post of days past: rows are those of a fresh fold."""
    made = town(database, name)
    made.catch_up()
    registry, _, now = made.stands()
    back = local_day(now - timedelta(days=25)).isoformat()
    busy, other, *_ = (line for line in registry.officers.all() if line.appointments)
    post = busy.appointments[0]
    agencies = [a for a in registry.agencies.all() if a.existed(local_day(now))]
    changes: list[tuple[str, dict[str, Any], str]] = [
        ("ClockRuleSet", {
            "rule": "PARTICIPATION_OVERLAP", "value": 3, "unit": "d", "valid_from": back,
            "source_kind": "PRODUCT_RULE", "certainty": "CONFIRMED",
        }, "ledger"),
        ("FunctionAssigned", {
            "agency": agencies[5].id, "function": "LEAD", "territory": agencies[5].territory,
            "valid_from": back, "basis_document": "QĐ", "assumed": False,
        }, f"agency/{agencies[5].id}"),
        ("OfficerEnded", {
            "officer": busy.uuid, "agency": post.agency, "post": post.post, "keys_end": False,
            "reason": "LEFT", "ended_on": back,
        }, f"officer/{busy.uuid}"),
        ("OfficerAppointed", {
            "officer": busy.uuid, "agency": agencies[5].id, "post": post.post, "powers": [],
            "capacities": ["TRUC_TIEP"], "valid_from": back, "basis_document": "QĐ",
            "person": busy.person,
        }, f"officer/{busy.uuid}"),
        ("PersonLinked", {
            "officer": busy.uuid, "other": other.uuid, "reasons": "Hai mã của một người.",
            "basis_document": "QĐ",
        }, f"officer/{busy.uuid}"),
    ]  # fmt: skip
    projector = made.projector()
    for act, facts, stream in changes:
        made.enter(act, facts, stream)
        projector.catch_up()
        made.require_rule()
        assert made.compared() == [], act
    projector.close()


def test_the_beat_says_as_of_when(database: Database) -> None:
    """access.md G18: it is never later than what was folded, and goes on where nothing comes."""
    made = town(database, "SC1")
    projector = made.projector()
    assert _beat(made) < _now(made) - timedelta(days=1)
    before = _now(made)
    projector.catch_up()
    said = _beat(made)
    assert said >= before
    with psycopg.connect(database.admin) as connection:
        connection.execute("SELECT pg_sleep(1.1)")
    projector.advance()
    assert _beat(made) > said
    with psycopg.connect(database.admin) as connection:
        connection.execute(
            "UPDATE proj.views SET error = 'x', error_at = 5 WHERE view = 'audience'"
        )
    said = _beat(made)
    with psycopg.connect(database.admin) as connection:
        connection.execute("SELECT pg_sleep(1.1)")
    projector.advance()
    projector.close()
    assert _beat(made) == said, "one that stopped says nothing"


def _beat(made: Town) -> datetime:
    with psycopg.connect(made.database.admin) as connection:
        row = connection.execute("SELECT at FROM sec.beat").fetchone()
    assert row is not None
    found: datetime = row[0]
    return found


def _now(made: Town) -> datetime:
    with psycopg.connect(made.database.admin) as connection:
        row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    found: datetime = row[0]
    return found


def test_whom_a_signer_lets_sign_is_let_in_for_its_term(database: Database) -> None:
    """Of another agency than the author's (W1); over at once where it is ended, folded or not."""
    made = _waiting(database)
    giver, taker = (made.played.player.cast[alias] for alias in ("spgd", "scv"))
    made.enter("OfficerAppointed", {
        "officer": taker.officer, "agency": _TAKES_OVER, "post": taker.post, "powers": [],
        "capacities": ["TRUC_TIEP"], "valid_from": "2023-03-21", "basis_document": "QĐ",
        "person": taker.person,
    }, f"officer/{taker.officer}")  # fmt: skip
    person = Person(giver.officer, giver.key, giver.post)
    day = made.played.log.clock.astimezone(VN).date()
    line = _says(made, person, "DelegationGiven", {
        "officer": taker.officer, "post": taker.post, "capacity": "TUQ", "ground": "LEAVE",
        "scope": "Ký văn bản đang chờ.", "valid_from": day.isoformat(),
        "valid_to": (day + timedelta(days=9)).isoformat(), "basis_document": "Giấy ủy quyền",
    })  # fmt: skip
    made.catch_up()
    assert _let_in(made, taker.officer, line) == 1
    made.require_rule()
    ended = {"delegation": line.act_id, "reason": "Đã về."}
    ending = _says(made, person, "DelegationEnded", ended)
    registry, _, now = made.stands()
    assert list(narrowings(ending, registry, local_day(now))) == [Ended(taker.officer, line.act_id)]
    made.catch_up()
    assert _let_in(made, taker.officer, line) == 0
    made.require_rule()
    assert made.compared() == []


def _waiting(database: Database) -> Town:
    """SC3 up to the transfer that its author has signed."""
    log = played("SC3")
    named = log.player.acts[_TRANSFER]
    at = next(n for n, s in enumerate(log.log.statements) if s.members["act_id"] == named)
    log.log.rows, log.log.statements = log.log.rows[: at + 1], log.log.statements[: at + 1]
    log.log.heads.clear()
    for one in log.log.statements:
        log.log.heads[one.members["stream"]] = (one.seq, one.digest_b64)
    log.fill(database.admin)
    made = Town(database, log)
    made.catch_up()
    return made


def _says(made: Town, person: Person, name: str, facts: dict[str, Any]) -> Act:
    """An act of the deputy's in the stream of the department that takes over."""
    log, start = made.played.log, len(made.played.log.rows)
    act = an_act(
        name, when=log.clock.astimezone(VN), stream=f"agency/{_TAKES_OVER}", facts=facts,
        exact=True, agency=_TAKES_OVER, post=person.post,
        signers=[{"officer": person.uuid, "post": person.post, "role": "AUTHOR"}],
    )  # fmt: skip
    log.sign(dict(act.signed), person)
    made.played.fill(made.database.admin, start=start)
    return act


def _let_in(made: Town, officer: str, line: Act) -> int:
    """As how many principals an officer is shown something of the case by a delegation."""
    shown, comp = made.shown(), stream_id(ORIGIN, made.played.player.cases["C1"])
    whos = {who for o, who, via, *_ in shown.members if (o, via) == (officer, line.act_id)}
    return len(whos & {who for who, *_ in shown.cases[comp]})
