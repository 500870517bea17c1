"""The reader's login in other hands: what a ticket does not show is not there (access.md G13-G18).

Rows say who takes part in which of two cases, tickets are made as the API makes them, and every
table that holds something of a case is asked by SQL.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from api.ops.embedded_postgres import Embedded
from api.ops.machine import RealClock
from ledger.asker import Asker, asking
from ledger.errors import Unavailable
from ledger.ports import NIL_UNIT, Draft
from ledger.postgres.direct import PreparedStatement
from ledger.postgres.ticket import TicketKey, keep_ticket_key
from ledger.postgres.ticketed import Ticketed
from ledger.regulation.registry.grants import Grant
from projections.queries.ways import KEPT_S, Ways
from tests.attacks import attack
from tests.contract.append import T0, a_draft
from tests.examples import share
from tests.fixtures.postgres import Database, make_database

pytestmark = pytest.mark.postgres

EVER: Final = "infinity"
OFFICER: Final = UUID("11111111-1111-4111-8111-111111111111")
OTHER: Final = UUID("22222222-2222-4222-8222-222222222222")
STRANGER: Final = UUID("55555555-5555-4555-8555-555555555555")
AGENCY: Final = UUID("33333333-3333-5333-8333-333333333333")
GRANT: Final = UUID("44444444-4444-4444-8444-444444444444")
KID: Final = "kid-of-the-session"
KEY: Final = b"k" * 32

#: What is asked of each table: the act where a row is of one, the index that tells it, the stream.
ASKED: Final[dict[str, LiteralString]] = {
    "log.records": "SELECT act_id FROM log.records",
    "log.wraps": "SELECT index FROM log.wraps",
    "log.streams": "SELECT name FROM log.streams",
    "proj.acts": "SELECT act_id FROM proj.acts",
    "proj.tasks": "SELECT act_id FROM proj.tasks",
    "proj.case_file": "SELECT stream FROM proj.case_file",
    "proj.counted": "SELECT stream FROM proj.counted",
    "proj.marks": "SELECT stream FROM proj.marks",
}
OF_ACTS: Final = ("log.records", "log.wraps", "proj.acts", "proj.tasks")
OF_CASES: Final = ("proj.case_file", "proj.counted", "proj.marks")
AT_ONCE: Final = "proj.file_now"
"""The file of a case, asked in one statement that brings its ticket with it."""
SECRET: Final = ("sec.members", "sec.excluded", "sec.ended", "sec.beat", "sec.ticket_keys")

#: A case as a question in one statement tells it, whatever it was asked with.
_FOUND: Final = (
    "NULL::uuid, NULL::text, 'the file' FROM (SELECT $1::text, $2::text, $3::text, $4::uuid) said"
)

#: As `stored_case_file.AT_ONCE` asks.
_FILE: Final[LiteralString] = "SELECT timely, via, rule, body FROM proj.file_now(%s, %s, %s, %s)"
#: As `sight.py` asks before a write.
_SIGHT: Final[LiteralString] = (
    "SELECT timely, via, rule, whole, position FROM proj.sight_now(%s, %s, %s)"
)

Seen = dict[str, set[object]]


@dataclass(frozen=True)
class Stream:
    """A stream of two acts.

    Attributes:
        comp: Its id.
        name: Its name.
        acts: Ids of its acts.
        first: Index of its first record.
    """

    comp: UUID
    name: str
    acts: tuple[UUID, UUID]
    first: int


@dataclass
class Bench:
    """A database with two cases and what everybody reads, and whoever takes part.

    Attributes:
        database: The enclave.
        case: The case that tests are about.
        other: Another, which nobody of these tests has to do with.
        open: A programme, which everybody reads.
        act_at: Acts by the index of their record.
    """

    database: Database
    case: Stream
    other: Stream
    open: Stream
    act_at: dict[object, UUID]

    @contextmanager
    def login(self, name: str) -> Iterator[psycopg.Connection]:
        """A connection of a login."""
        with psycopg.connect(self.database.dsn(name), autocommit=True) as connection:
            yield connection

    def member(  # noqa: PLR0913 - columns of a row
        self, who: UUID, officer: UUID = OFFICER, *, via: str = "self", gen: int = 1,
        since: str | datetime = "-infinity", until: str | datetime = EVER, rule: str = "A1",
    ) -> None:  # fmt: skip
        """The officer acts as the principal."""
        with self.login("projector") as projector:
            projector.execute(
                "INSERT INTO sec.members VALUES (%s, %s, %s, %s, %s, %s, %s)",
                [gen, officer, who, via, since, until, rule],
            )

    def takes_part(
        self, who: UUID, comp: UUID | None = None, *, act: UUID = NIL_UNIT, gen: int = 1,
        until: str | datetime = EVER,
    ) -> None:  # fmt: skip
        """The principal takes part in the case."""
        with self.login("projector") as projector:
            projector.execute(
                "INSERT INTO sec.audience VALUES (%s, %s, %s, %s, %s, NULL, %s)",
                [gen, comp or self.case.comp, who, act, GRANT, until],
            )

    def exclude(self, officer: UUID = OFFICER, *, until: str | datetime = EVER) -> None:
        """As the writer: at once, by a record that nobody has folded."""
        with self.login("writer") as writer:
            writer.execute(
                "SELECT sec.exclude(%s, %s, %s, %s, %s)",
                [self.case.comp, officer, GRANT, until, self.unfolded()],
            )

    def end(self, what: str, officer: UUID = OFFICER) -> None:
        """As the writer: at once, by a record that nobody has folded."""
        with self.login("writer") as writer:
            writer.execute("SELECT sec.end(%s, %s, %s)", [officer, what, self.unfolded()])

    def unfolded(self, records: int = 1) -> int:
        """The first of the newest records, which an audience that is in time has yet to fold."""
        self.live(behind=records)
        self.beat(RealClock().now() + timedelta(hours=1))
        return self.open.first + 2 - records

    def live(self, *, gen: int = 1, behind: int = 0, error: str | None = None) -> None:
        """The audience as the projector says it stands."""
        size = self.open.first + 2
        with self.login("projector") as projector:
            projector.execute("DELETE FROM proj.views WHERE view = 'audience'")
            projector.execute(
                "INSERT INTO proj.views (view, gen, state, shape, position, error)"
                " VALUES ('audience', %s, 'live', '', %s, %s)",
                [gen, size - 1 - behind, error],
            )

    def beat(self, at: datetime) -> None:
        """As of when everything is folded."""
        with self.login("projector") as projector:
            projector.execute("UPDATE sec.beat SET at = %s", [at])

    def empty(self) -> None:
        """Nobody takes part in anything; one key of tickets."""
        with psycopg.connect(self.database.admin) as admin:
            admin.execute("DELETE FROM sec.audience")
            for table in ("members", "excluded", "ended", "ticket_keys"):
                admin.execute(sql.SQL("DELETE FROM sec.{}").format(sql.Identifier(table)))
            admin.execute("UPDATE sec.beat SET at = '1970-01-01Z'")
        self.add_key("one", KEY)
        self.live()

    def add_key(self, name: str, key: bytes) -> None:
        """A key of tickets, as whoever migrates puts it there."""
        with self.login("migrator") as owner:
            owner.execute(f"SET ROLE {self.database.slug}_owner".encode())
            owner.execute(
                "INSERT INTO sec.ticket_keys (id, inner_pad, outer_pad) VALUES (%s, %s, %s)",
                [name, _pad(key, 0x36), _pad(key, 0x5C)],
            )

    def date_key(self, name: str, made_at: datetime) -> None:
        """Has a key made at another time."""
        with psycopg.connect(self.database.admin) as admin:
            admin.execute("UPDATE sec.ticket_keys SET made_at = %s WHERE id = %s", [made_at, name])

    def age_keys(self, by: timedelta, *names: str) -> None:
        """Makes keys older."""
        with psycopg.connect(self.database.admin) as admin:
            admin.execute(
                "UPDATE sec.ticket_keys SET made_at = made_at - %s WHERE id = ANY (%s)",
                [by, list(names)],
            )

    def seen(self, ticket: str | None, *, by_set: str = "") -> Seen:
        """What the reader's login is shown with a ticket, table by table."""
        with psycopg.connect(self.database.dsn("reader")) as connection:
            connection.execute("SELECT set_config('app.by_set', %s, true)", [by_set])
            if ticket is not None:
                connection.execute("SELECT set_config('app.ticket', %s, true)", [ticket])
            found: Seen = {}
            for table, query in ASKED.items():
                rows = {row[0] for row in connection.execute(query).fetchall()}
                found[table] = {self.act_at.get(row, row) for row in rows}
            sights = [
                connection.execute("SELECT whole FROM sec.sight(%s)", [one.comp]).fetchone()
                for one in (self.case, self.other, self.open)
            ]
            connection.execute("SELECT set_config('app.ticket', '', true)")
            for one, sight in zip((self.case, self.other, self.open), sights, strict=True):
                told = connection.execute(_SIGHT, [ticket, "", one.comp]).fetchone()
                assert told is not None
                assert (told[3],) == (sight or (None,))
            connection.execute("SELECT set_config('app.ticket', '', true)")
            found[AT_ONCE] = {
                one.name
                for one in (self.case, self.other, self.open)
                if (row := _at_once(connection, ticket, one)) is not None and row[3] is not None
            }
            return found

    def everybody(self) -> Seen:
        """What is shown with or without a ticket."""
        return self._plus(self.open, {})

    def whole(self) -> Seen:
        """The case, and what everybody is shown."""
        return self._plus(self.case, self.everybody())

    def one_act(self) -> Seen:
        """The first act of the case, and what everybody is shown."""
        act = {self.case.acts[0]}
        found = self.everybody()
        for table in OF_ACTS:
            found[table] = found[table] | act
        found["log.streams"] = found["log.streams"] | {self.case.name}
        return found

    def _plus(self, stream: Stream, before: Seen) -> Seen:
        found = {table: set(before.get(table, ())) for table in (*ASKED, AT_ONCE)}
        for table in OF_ACTS:
            found[table] |= set(stream.acts)
        for table in (*OF_CASES, AT_ONCE, "log.streams"):
            found[table] |= {stream.name}
        return found


def _at_once(
    connection: psycopg.Connection, ticket: str | None, stream: Stream
) -> tuple[Any, ...] | None:
    """The file of a stream by a statement that brings its ticket with it; NULL brings none."""
    return connection.execute(_FILE, [ticket, "", stream.name, stream.comp]).fetchone()


def _pad(key: bytes, byte: int) -> bytes:
    return bytes(one ^ byte for one in key.ljust(64, b"\0"))


def a_ticket(
    officer: UUID = OFFICER, *, kid: str = KID, key_id: str = "one", key: bytes = KEY,
    life_s: int = 60, version: str = "v1",
) -> str:  # fmt: skip
    """A ticket as the API makes it."""
    body = f"{version}|{key_id}|{officer}|{kid}|{int(RealClock().now().timestamp()) + life_s}"
    return f"{body}#{hmac.new(key, body.encode(), hashlib.sha256).hexdigest()}"


def _stream(drafts: list[Draft], first: int) -> Stream:
    one, two = drafts
    return Stream(one.stream_id, one.stream, (one.act_id, two.act_id), first)


def _projected(projector: psycopg.Connection, stream: Stream) -> None:
    """Rows of every view about a stream."""
    kind = (1, stream.name, stream.comp)
    for n, act in enumerate(stream.acts):
        projector.execute(
            "INSERT INTO proj.acts (gen, stream, comp, unit, index, seq, act_id, recorded_at,"
            " status, effect, flags, late, registry, entry)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'effective', true, '{}', false, false, '')",
            [*kind, stream.comp, stream.first + n, n + 1, act, T0],
        )
        projector.execute(
            "INSERT INTO proj.tasks (gen, stream, comp, unit, n, kind, act_id, act, last_at)"
            " VALUES (%s, %s, %s, %s, %s, 'SIGN', %s, 'ReportReceived', %s)",
            [*kind, stream.comp, n, act, T0],
        )
    projector.execute(
        "INSERT INTO proj.case_file (gen, stream, comp, case_id, body, raised, at, first_index,"
        " last_index, seq, agencies, acts, flags, last_at, words)"
        " VALUES (%s, %s, %s, gen_random_uuid(), '{}', '{}', %s, 0, 0, 1, '{}', '{}', '{}', %s,"
        " '')",
        [*kind, T0, T0],
    )
    projector.execute(
        "INSERT INTO proj.counted (gen, stream, comp, acts) VALUES (%s, %s, %s, 2)", [*kind]
    )
    projector.execute(
        "INSERT INTO proj.marks (gen, stream, comp, n, code, act_id, on_day)"
        " VALUES (%s, %s, %s, 0, 'LATE_ENTRY', %s, %s)",
        [*kind, stream.acts[0], T0],
    )


@pytest.fixture(scope="module")
def filled(postgres_server: Embedded) -> Iterator[Bench]:
    """Two acts in each of two cases and a programme."""
    database = make_database(postgres_server)
    appender, streams = database.appender(), []
    for n, name in enumerate(("case/a", "case/b", "programme/x")):
        drafts = [a_draft(name), a_draft(name, 2)]
        for draft in drafts:
            appender.append(draft)
        streams.append(_stream(drafts, 2 * n))
    with psycopg.connect(database.dsn("projector"), autocommit=True) as projector:
        for stream in streams:
            _projected(projector, stream)
    case, other, programme = streams
    acts = [act for stream in streams for act in stream.acts]
    yield Bench(database, case, other, programme, dict(enumerate(acts)))
    database.close()


@pytest.fixture
def bench(filled: Bench) -> Bench:
    """Nobody takes part in anything yet."""
    filled.empty()
    return filled


@pytest.fixture
def taking_part(bench: Bench) -> Bench:
    """The officer takes part in one case, through an agency; somebody else in the other."""
    bench.member(AGENCY, via="appointment")
    bench.takes_part(AGENCY)
    bench.member(OTHER, OTHER)
    bench.takes_part(OTHER, bench.other.comp)
    return bench


# -- tickets ---------------------------------------------------------------------------------------


@attack(
    "an officer asks every table by SQL, with a good ticket of their own: records, lists, work",
    stopped_by="row policies (A1, A2, A10)",
    noticed_by="-",
)
def test_a_good_ticket_shows_the_case_and_no_other(taking_part: Bench) -> None:
    """Every table: the case of the ticket's officer, what everybody reads, and nothing else."""
    assert taking_part.seen(a_ticket()) == taking_part.whole()


@attack(
    "a taken reader login asks without a ticket, or with one of nobody's",
    stopped_by="row policies",
    noticed_by="-",
)
@pytest.mark.parametrize(
    "ticket",
    [lambda: None, lambda: "", lambda: a_ticket(STRANGER), lambda: a_ticket(AGENCY)],
    ids=["none", "empty", "a stranger's", "an agency's"],
)
def test_without_a_ticket_there_is_no_case(
    taking_part: Bench, ticket: Callable[[], str | None]
) -> None:
    """Registry records and programmes, and no error: nothing tells that there is more (N6)."""
    assert taking_part.seen(ticket()) == taking_part.everybody()


GARBLED: Final[dict[str, Callable[[str], str]]] = {
    "another officer": lambda t: t.replace(str(OFFICER), str(OTHER)),
    "another key of the session": lambda t: t.replace(KID, "another"),
    "a later end": lambda t: re.sub(r"\|(\d+)#", lambda m: f"|{int(m[1]) + 1}#", t),
    "another version": lambda t: "v2" + t[2:],
    "no version": lambda t: t[3:],
    "no MAC": lambda t: t.partition("#")[0],
    "an empty MAC": lambda t: t.partition("#")[0] + "#",
    "half a MAC": lambda t: t[:-32],
    "a MAC of zeros": lambda t: t[:-64] + "0" * 64,
    "a MAC that is one bit off": lambda t: t[:-1] + f"{int(t[-1], 16) ^ 1:x}",
    "a MAC in capitals": lambda t: t[:-64] + t[-64:].upper() + "A",
    "a plain digest": lambda t: t[:-64] + hashlib.sha256(t.partition("#")[0].encode()).hexdigest(),
    "more behind it": lambda t: t + "#" + "0" * 64,
    "a line behind it": lambda t: t + "\n",
    "a blank before it": lambda t: " " + t,
    "no officer": lambda t: t.replace(str(OFFICER), ""),
    "no end": lambda t: re.sub(r"\|\d+#", "|#", t),
    "an end without end": lambda t: re.sub(r"\|\d+#", "|infinity#", t),
    "an end of digits of another script": lambda t: re.sub(r"\|\d+#", "|٩٩٩٩٩٩٩٩٩٩#", t),
    "an end too long for a number": lambda t: re.sub(r"\|\d+#", "|" + "9" * 40 + "#", t),
    "the key id of another": lambda t: t.replace("|one|", "|two|"),
    "no key id": lambda t: t.replace("|one|", "||"),
    "parts that changed places": lambda t: t.replace(f"{OFFICER}|{KID}", f"{KID}|{OFFICER}"),
    "itself twice": lambda t: t + t,
    "a megabyte": lambda t: t + "x" * 1_000_000,
    "quotes": lambda t: t + "' OR true --",
    "no text at all": lambda _: "#|||| #",
}


@attack(
    "a taken reader login makes up a ticket, or changes one that it has",
    stopped_by="a MAC whose key the login does not have",
    noticed_by="-",
)
@pytest.mark.parametrize("how", share(list(GARBLED), 3, "tickets"))
def test_a_garbled_ticket_is_none(taking_part: Bench, how: str) -> None:
    """Whatever is wrong with it: as without one, and no error (V11)."""
    taking_part.member(AGENCY, OTHER)
    good, garble = a_ticket(), GARBLED[how]
    assert garble(good) != good
    assert taking_part.seen(garble(good)) == taking_part.everybody()


@attack(
    "a ticket is signed with a key that is not the API's",
    stopped_by="a MAC whose key the login does not have",
    noticed_by="-",
)
@pytest.mark.parametrize(
    "made",
    [
        lambda: a_ticket(key=b"x" * 32),
        lambda: a_ticket(key=b""),
        lambda: a_ticket(key_id="two"),
        lambda: a_ticket(version="v2"),
        lambda: a_ticket(kid=""),
        lambda: a_ticket(kid="a|b"),
    ],
)
def test_a_forged_ticket_is_none(taking_part: Bench, made: Callable[[], str]) -> None:
    """Also one that is well signed and says what no ticket says."""
    assert taking_part.seen(made()) == taking_part.everybody()


def test_a_ticket_ends(taking_part: Bench) -> None:
    """By the database's clock."""
    assert taking_part.seen(a_ticket(life_s=-1)) == taking_part.everybody()
    assert taking_part.seen(a_ticket(life_s=-400 * 86400)) == taking_part.everybody()


def test_the_older_key_is_good_for_an_hour(taking_part: Bench) -> None:
    """From when the newer was made: a ticket of a request that is under way still opens."""
    taking_part.age_keys(timedelta(days=90), "one")
    taking_part.add_key("two", b"2" * 32)
    newer = a_ticket(key_id="two", key=b"2" * 32)
    assert taking_part.seen(a_ticket()) == taking_part.whole()
    assert taking_part.seen(newer) == taking_part.whole()
    taking_part.age_keys(timedelta(minutes=59), "two")
    assert taking_part.seen(a_ticket()) == taking_part.whole()
    taking_part.age_keys(timedelta(minutes=1, seconds=1), "two")
    assert taking_part.seen(a_ticket()) == taking_part.everybody()
    assert taking_part.seen(newer) == taking_part.whole()


def test_of_three_keys_the_oldest_is_none(taking_part: Bench) -> None:
    """Also within the hour: whoever turns twice wants the first one gone."""
    taking_part.age_keys(timedelta(minutes=2), "one")
    taking_part.add_key("two", b"2" * 32)
    taking_part.age_keys(timedelta(minutes=1), "two")
    taking_part.add_key("three", b"3" * 32)
    assert taking_part.seen(a_ticket()) == taking_part.everybody()
    assert taking_part.seen(a_ticket(key_id="two", key=b"2" * 32)) == taking_part.whole()


@attack(
    "a taken reader login asks on in a transaction that was begun while its ticket was good, or"
    " before the ticket key was turned",
    stopped_by="both ends are asked of the clock, and not of when the transaction began",
    noticed_by="-",
)
def test_no_transaction_outlives_ticket_and_key(taking_part: Bench) -> None:
    """Both end while it is open: the ticket, and the hour of the key before the newest.

    A question may cross the end of its ticket, here for no time at all.
    """
    with psycopg.connect(taking_part.database.admin) as admin:
        row = admin.execute("SELECT pg_get_functiondef('sec.ticket()'::regprocedure)").fetchone()
        assert row is not None
        admin.execute(str(row[0]).replace("'10 minutes'", "'0 minutes'").encode())
    try:
        taking_part.age_keys(timedelta(days=90), "one")
        taking_part.add_key("two", b"2" * 32)
        two: dict[str, Any] = {"key_id": "two", "key": b"2" * 32}
        with psycopg.connect(taking_part.database.dsn("reader")) as held:
            ((begun,),) = held.execute("SELECT now()").fetchall()
            assert _shown(held, a_ticket()) == 1
            held.execute("SELECT pg_sleep(2.5)")
            over = int(begun.timestamp()) + 1 - int(RealClock().now().timestamp())
            assert _shown(held, a_ticket(life_s=over, **two)) == 0
            assert _shown(held, a_ticket(**two)) == 1
            assert _shown(held, a_ticket()) == 1
            taking_part.date_key("two", begun + timedelta(seconds=1) - timedelta(hours=1))
            assert _shown(held, a_ticket()) == 0
    finally:
        with psycopg.connect(taking_part.database.admin) as admin:
            admin.execute(str(row[0]).encode())


def _shown(held: psycopg.Connection, ticket: str) -> int:
    held.execute("SELECT set_config('app.ticket', %s, false)", [ticket])
    return len(held.execute("SELECT FROM proj.case_file WHERE starts_with(stream, 'c')").fetchall())


_OF_TOMORROW: Final[LiteralString] = (
    "INSERT INTO sec.ticket_keys SELECT id || n, outer_pad, inner_pad, '2999-01-01'"
    " FROM sec.ticket_keys, generate_series(1, 3) n"
)


@attack(
    "the database's keys of tickets are garbled, taken away, or pushed out by others of tomorrow",
    stopped_by="- ; `socai migrate` sets what this machine holds, and nobody's of the future",
    noticed_by="503 ticket_refused, never an empty list",
)
@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE sec.ticket_keys SET inner_pad = outer_pad",
        "UPDATE sec.ticket_keys SET made_at = 'epoch'",
        "DELETE FROM sec.ticket_keys",
        _OF_TOMORROW,
    ],
    ids=["garbled", "aged", "gone", "of tomorrow"],
)
def test_an_installation_sets_the_keys_of_tickets(taking_part: Bench, harm: LiteralString) -> None:
    """Before it, what is refused shows nothing; behind it, the API's tickets are good again."""
    held, database = TicketKey(b"h" * 32), taking_part.database
    good = held.ticket(str(OFFICER), KID, int(RealClock().now().timestamp()) + 60)
    keep_ticket_key(database.dsn("migrator"), database.slug, held)
    assert taking_part.seen(good) == taking_part.whole()
    with psycopg.connect(database.admin) as admin:
        admin.execute("DELETE FROM sec.ticket_keys WHERE id <> %s", [held.id])
        admin.execute(harm)
    keep_ticket_key(database.dsn("migrator"), database.slug, held)
    assert taking_part.seen(good) == taking_part.whole()
    with psycopg.connect(database.admin) as admin:
        kept = admin.execute("SELECT id FROM sec.ticket_keys").fetchall()
    assert kept == [(held.id,)]


def test_a_ticket_is_of_its_transaction(taking_part: Bench) -> None:
    """The next question over the same connection begins without one (PF1)."""
    with psycopg.connect(taking_part.database.dsn("reader"), autocommit=True) as connection:
        count = "SELECT count(*) FROM log.records"
        with connection.transaction():
            connection.execute("SELECT set_config('app.ticket', %s, true)", [a_ticket()])
            assert connection.execute(count).fetchone() == (4,)
        assert connection.execute(count).fetchone() == (2,)


def test_a_ticket_says_whose_it_is(taking_part: Bench) -> None:
    """Officer and key of the session, as the policies are told; without a ticket nobody."""
    with psycopg.connect(taking_part.database.dsn("reader")) as connection:
        asked = "SELECT officer, kid FROM sec.asked()"
        assert connection.execute(asked).fetchone() == (None, None)
        connection.execute("SELECT set_config('app.ticket', %s, true)", [a_ticket()])
        assert connection.execute(asked).fetchone() == (OFFICER, KID)


# -- who takes part --------------------------------------------------------------------------------


def test_scope_act_shows_that_act_and_no_other(bench: Bench) -> None:
    """Its record, wrap, row and task, and the name of the case; of the case nothing else."""
    bench.member(OFFICER)
    bench.takes_part(OFFICER, act=bench.case.acts[0])
    assert bench.seen(a_ticket()) == bench.one_act()


@pytest.mark.parametrize(
    ("since", "until", "sees"),
    [
        (timedelta(), timedelta(milliseconds=1), True),
        (timedelta(milliseconds=1), timedelta(days=1), False),
        (timedelta(days=-1), timedelta(), False),
        (timedelta(days=-1), timedelta(milliseconds=1), True),
    ],
    ids=["begins now", "begins later", "ends now", "ends later"],
)
def test_an_officer_acts_as_somebody_from_since_to_before_until(
    bench: Bench, since: timedelta, until: timedelta, *, sees: bool
) -> None:
    """By the ledger's time, which is that of the last record in a rehearsal.

    The rules say the same of a grant with that term: nobody may act by what shows nothing.
    """
    bench.member(AGENCY, since=T0 + since, until=T0 + until)
    bench.takes_part(AGENCY)
    assert bench.seen(a_ticket()) == (bench.whole() if sees else bench.everybody())
    granted = Grant(
        act_id=str(GRANT), act="ParticipationGranted", stream="case/x", officer=str(OFFICER),
        scope="CASE", may="HANDLE", unit=None, cases=("case/x",), agencies=(), opened=None,
        body=None, granted_by=(), starts_at=T0 + since, until=T0 + until, index=0,
    )  # fmt: skip
    assert granted.runs(T0) == sees


@pytest.mark.parametrize(("later", "sees"), [(0, False), (1, True)], ids=["now", "later"])
def test_taking_part_ends(bench: Bench, later: int, *, sees: bool) -> None:
    """At `until`, not behind it, in every table."""
    bench.member(AGENCY)
    bench.takes_part(AGENCY, until=T0 + timedelta(milliseconds=later))
    assert bench.seen(a_ticket()) == (bench.whole() if sees else bench.everybody())


@attack(
    "an officer who is shut out of a case asks for it through the agency, or by a grant",
    stopped_by="sec.excluded, in every policy",
    noticed_by="-",
)
def test_whoever_is_shut_out_sees_nothing_of_the_case(taking_part: Bench) -> None:
    """At once, and whatever else lets them in; colleagues go on."""
    bench = taking_part
    bench.member(bench.case.comp, via=str(GRANT))
    bench.takes_part(bench.case.comp)
    bench.takes_part(AGENCY, act=bench.case.acts[0])
    bench.member(AGENCY, OTHER)
    bench.exclude()
    assert bench.seen(a_ticket()) == bench.everybody()
    assert bench.case.name in bench.seen(a_ticket(OTHER))["log.streams"]
    bench.exclude(until=T0)
    assert bench.seen(a_ticket()) == bench.whole()


@attack(
    "an officer who is shut out drops or changes the ticket in the midst of a statement",
    stopped_by="sec.asked: who asks, as whom and shut out of what is one answer",
    noticed_by="-",
)
@pytest.mark.parametrize("then", ["nobody's", "a colleague's"])
@pytest.mark.parametrize("table", ["log.records", "proj.acts"])
def test_no_statement_is_answered_for_two(taking_part: Bench, table: str, then: str) -> None:
    """As whom one asks is known at the first row that is held against it: so is all the rest."""
    bench = taking_part
    bench.member(AGENCY, OTHER)
    bench.exclude()
    other = "" if then == "nobody's" else a_ticket(OTHER)
    # a hidden case, then what everybody reads and with it the change, then the case
    order = (bench.other.first, bench.open.first, bench.case.first, bench.case.first + 1)
    query = sql.SQL(
        "SELECT r.index FROM unnest(%s::bigint[]) AS i JOIN {} r ON r.index = i"
        " WHERE r.index <> %s OR set_config('app.ticket', %s, true) IS NOT NULL"
    ).format(sql.Identifier(*table.split(".")))
    with psycopg.connect(bench.database.dsn("reader")) as connection:
        connection.execute(
            "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;"
            " SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off"
        )
        connection.execute("SELECT set_config('app.ticket', %s, true)", [a_ticket()])
        found = connection.execute(query, [list(order), bench.open.first, other]).fetchall()
    assert found == [(bench.open.first,)]


def test_what_is_folded_shuts_out_too(taking_part: Bench) -> None:
    """The generation that is read, and no other."""
    row = [taking_part.case.comp, OFFICER, GRANT]
    insert = "INSERT INTO sec.excluded VALUES (%s, %s, %s, %s, 'infinity', 5)"
    with taking_part.login("projector") as projector:
        projector.execute(insert, [2, *row])
        assert taking_part.seen(a_ticket()) == taking_part.whole()
        projector.execute(insert, [1, *row])
        assert taking_part.seen(a_ticket()) == taking_part.everybody()


@attack(
    "a revoked grant, an ended office or a revoked key is used before the projector comes round",
    stopped_by="sec.ended, written with the record",
    noticed_by="-",
)
@pytest.mark.parametrize("what", ["*", KID, "appointment"])
def test_what_has_ended_gives_nothing(taking_part: Bench, what: str) -> None:
    """At once, and only of that officer: all of it, what is asked with one key, or by one grant."""
    taking_part.member(AGENCY, OTHER)
    taking_part.end(what)
    assert taking_part.seen(a_ticket()) == taking_part.everybody()
    assert taking_part.case.name in taking_part.seen(a_ticket(OTHER))["log.streams"]


def test_only_what_has_ended_is_gone(taking_part: Bench) -> None:
    """Another key, another grant: the officer goes on."""
    taking_part.end("another")
    taking_part.end(str(GRANT))
    assert taking_part.seen(a_ticket()) == taking_part.whole()
    taking_part.end(KID)
    assert taking_part.seen(a_ticket(kid="another one")) == taking_part.whole()


def test_an_end_said_twice_is_as_late_as_the_later(taking_part: Bench) -> None:
    """The projector clears it only once it has folded the later one."""
    first = taking_part.unfolded(records=3)
    with taking_part.login("writer") as writer:
        for index in (first, first + 2, first + 1):
            writer.execute("SELECT sec.end(%s, '*', %s)", [OFFICER, index])
    with taking_part.login("projector") as projector:
        found = projector.execute("SELECT what, index FROM sec.ended").fetchall()
    assert found == [("*", first + 2)]


@attack(
    "a taken writer's login shuts an officer out of everything, by a record that will never come",
    stopped_by="what ends at once ends by a record that is there: it is over when that is folded",
    noticed_by="-",
)
def test_nobody_is_shut_out_by_a_record_that_is_not_there(taking_part: Bench) -> None:
    """Nor is what ends by one that is there drawn out until then."""
    there = taking_part.unfolded(records=2)
    with taking_part.login("writer") as writer:
        for index in (there + 2, 2**62):
            writer.execute("SELECT sec.end(%s, '*', %s)", [OFFICER, index])
            writer.execute(
                "SELECT sec.exclude(%s, %s, %s, %s, %s)",
                [taking_part.case.comp, OFFICER, GRANT, EVER, index],
            )
    assert taking_part.seen(a_ticket()) == taking_part.whole()
    taking_part.end("*")
    with taking_part.login("writer") as writer:
        writer.execute("SELECT sec.end(%s, '*', %s)", [OFFICER, 2**62])
    assert taking_part.seen(a_ticket()) == taking_part.everybody()
    with taking_part.login("projector") as projector:
        assert projector.execute("SELECT index FROM sec.ended").fetchall() == [(there + 1,)]


def test_another_generation_shows_nothing(bench: Bench) -> None:
    """One that is being built is nobody's yet."""
    bench.member(AGENCY, gen=2)
    bench.takes_part(AGENCY, gen=2)
    assert bench.seen(a_ticket()) == bench.everybody()
    bench.member(AGENCY)
    assert bench.seen(a_ticket()) == bench.everybody()
    bench.live(gen=2)
    assert bench.seen(a_ticket()) == bench.whole()


@attack(
    "the audience stands still, so that old rights go on",
    stopped_by="sec.gen: stopped or late shows no case to anybody",
    noticed_by="503 audience_late",
)
def test_a_late_or_stopped_audience_shows_no_case(taking_part: Bench) -> None:
    """Late: something is not folded, and nothing was said for five seconds (access.md G18)."""
    bench = taking_part
    now = RealClock().now()
    bench.live(behind=1)
    assert bench.seen(a_ticket()) == bench.everybody()
    bench.beat(now)
    assert bench.seen(a_ticket()) == bench.whole()
    bench.beat(now - timedelta(seconds=6))
    assert bench.seen(a_ticket()) == bench.everybody()
    bench.live()
    assert bench.seen(a_ticket()) == bench.whole()
    bench.beat(now)
    bench.live(error="a record")
    assert bench.seen(a_ticket()) == bench.everybody()


def test_a_question_in_one_statement_says_whether_it_could_be_answered(taking_part: Bench) -> None:
    """As `sec.answers` at the beginning of a transaction: nobody's ticket, late, or good (G13)."""
    bench = taking_part

    def timely(ticket: str) -> object:
        with bench.login("reader") as connection:
            found = [_at_once(connection, ticket, one) for one in (bench.case, bench.other)]
            with connection.transaction():
                connection.execute("SELECT set_config('app.ticket', %s, true)", [ticket])
                said = connection.execute("SELECT sec.answers()").fetchone()
        assert said is not None
        assert [row and row[0] for row in found] == [said[0]] * 2
        return said[0]

    assert timely(a_ticket()) is True
    assert timely(a_ticket(STRANGER)) is True
    assert timely(a_ticket(key=b"x" * 32)) is None
    bench.live(behind=1)
    assert timely(a_ticket()) is False
    assert timely(a_ticket(life_s=-1)) is None


@attack(
    "a case is found, and by then it is not known any more for whom, or by what order it is seen",
    stopped_by="the statement that tells the case says so too, and nothing of it is told",
    noticed_by="-",
)
@pytest.mark.parametrize(
    ("question", "code"),
    [
        (f"SELECT NULL::boolean, {_FOUND}", "ticket_refused"),
        (f"SELECT false, {_FOUND}", "audience_late"),
    ],
    ids=["nobody's ticket", "late"],
)
def test_what_is_told_too_late_is_not_told(taking_part: Bench, question: str, code: str) -> None:
    """Whatever came with it."""
    asked, case = Ticketed(taking_part.database.pool("reader")), taking_part.case
    with (
        asking(Asker(a_ticket(), str(OFFICER))),
        pytest.raises(Unavailable) as refused,
    ):
        asked.at_once(PreparedStatement(b"told", question.encode()), case.name, case.comp)
    assert refused.value.code == code


def test_the_ticket_of_a_statement_is_of_no_other(taking_part: Bench) -> None:
    """The next question over the same connection begins without one (PF1)."""
    with taking_part.login("reader") as connection:
        row = _at_once(connection, a_ticket(), taking_part.case)
        assert row is not None
        assert row[3] is not None
        assert connection.execute("SELECT count(*) FROM log.records").fetchone() == (2,)
        asked = connection.execute("SELECT current_setting('app.ticket', true)").fetchone()
        assert asked == ("",)


def test_without_views_there_is_no_case_and_no_error(taking_part: Bench) -> None:
    """As right after a restore, before the views are made anew."""
    with psycopg.connect(taking_part.database.admin) as admin:
        admin.execute("ALTER TABLE proj.views RENAME TO gone")
        try:
            admin.commit()
            with psycopg.connect(taking_part.database.dsn("reader")) as connection:
                connection.execute("SELECT set_config('app.ticket', %s, true)", [a_ticket()])
                assert connection.execute("SELECT sec.gen()").fetchone() == (None,)
                assert connection.execute("SELECT count(*) FROM log.records").fetchone() == (2,)
        finally:
            admin.execute("ALTER TABLE proj.gone RENAME TO views")


def test_outside_a_rehearsal_the_clock_is_the_machines(database: Database) -> None:
    """A grant ends on its day, whether or not anybody records anything."""
    with psycopg.connect(database.dsn("reader"), autocommit=True) as connection:
        database.appender().append(a_draft())
        assert connection.execute("SELECT sec.clock()").fetchone() == (T0,)
        database.end_rehearsal()
        assert connection.execute("SELECT sec.clock() = now()").fetchone() == (True,)


# -- by which order or opening (access.md A9, A19) -------------------------------------------------

ORDER: Final = UUID("66666666-6666-4666-8666-666666666666")
OPENING: Final = UUID("77777777-7777-4777-8777-777777777777")


UNKNOWN: Final = [(None, None, None)]
"""Of whatever case: nobody asks, or nobody knows who takes part in what (access.md G18)."""


def _under(bench: Bench, ticket: str | None, *comps: UUID) -> list[tuple[object, ...]]:
    """What the reader's login is told of these cases."""
    with psycopg.connect(bench.database.dsn("reader")) as connection:
        if ticket is not None:
            connection.execute("SELECT set_config('app.ticket', %s, true)", [ticket])
        asked = connection.execute("SELECT * FROM sec.read_under(%s)", [list(comps)])
        found = sorted(asked.fetchall())
        if ticket is not None:
            _told_at_once(connection, bench, ticket, found, comps)
        return found


def _told_at_once(
    connection: psycopg.Connection,
    bench: Bench,
    ticket: str,
    found: list[tuple[Any, ...]],
    comps: tuple[UUID, ...],
) -> None:
    """In one statement the same is told of each case."""
    under = {row[0]: row[1:] for row in found}
    for one in (bench.case, bench.other):
        if one.comp in comps:
            row = _at_once(connection, ticket, one)
            assert row is not None
            sight = connection.execute(_SIGHT, [ticket, "", one.comp]).fetchone()
            assert sight is not None
            if found == UNKNOWN:
                assert not row[0]
                assert not sight[0]
            else:
                assert row[:3] == (True, *under.get(one.comp, (None, None)))
                assert sight[:3] == row[:3]


def _opened(bench: Bench, act: UUID, rule: str, comp: UUID | None = None, **terms: Any) -> None:  # noqa: ANN401
    """The officer acts as the case itself, by this act."""
    bench.member(comp or bench.case.comp, via=str(act), rule=rule, **terms)
    bench.takes_part(comp or bench.case.comp, comp)


def test_a_case_seen_by_an_order_or_an_opening_alone_says_by_which(bench: Bench) -> None:
    """Each of those asked for, however often, and no other."""
    _opened(bench, ORDER, "A9")
    _opened(bench, OPENING, "A19", bench.other.comp)
    asked = (bench.other.comp, bench.case.comp, bench.case.comp)
    assert _under(bench, a_ticket(), *asked) == sorted(
        [(bench.case.comp, ORDER, "A9"), (bench.other.comp, OPENING, "A19")]
    )
    assert _under(bench, a_ticket(), bench.case.comp) == [(bench.case.comp, ORDER, "A9")]
    assert _under(bench, a_ticket()) == []
    with psycopg.connect(bench.database.dsn("reader")) as connection:
        assert connection.execute("SELECT * FROM sec.read_under(NULL)").fetchall() == UNKNOWN


def test_what_is_seen_otherwise_is_under_no_order(taking_part: Bench) -> None:
    """The agency takes part in the whole case: an order or an opening adds nothing there."""
    _opened(taking_part, ORDER, "A9")
    taking_part.member(taking_part.case.comp, via=str(OPENING), rule="A19")
    assert _under(taking_part, a_ticket(), taking_part.case.comp) == []


@pytest.mark.parametrize("rule", ["A1", "A7"])
def test_whoever_sees_one_act_reads_the_rest_under_the_order(bench: Bench, rule: str) -> None:
    """A letter that was sent to the agency, or a grant, is no ground for the whole case."""
    bench.member(AGENCY, rule=rule)
    bench.takes_part(AGENCY, act=bench.case.acts[0])
    _opened(bench, ORDER, "A9")
    assert _under(bench, a_ticket(), bench.case.comp) == [(bench.case.comp, ORDER, "A9")]
    with psycopg.connect(bench.database.admin) as admin:
        admin.execute("DELETE FROM sec.audience WHERE who = %s", [bench.case.comp])
    bench.takes_part(bench.case.comp, act=bench.case.acts[0])
    assert _under(bench, a_ticket(), bench.case.comp) == [], "the same act, and no more"
    bench.takes_part(bench.case.comp, act=bench.case.acts[1])
    assert _under(bench, a_ticket(), bench.case.comp) == [(bench.case.comp, ORDER, "A9")]


def test_of_two_that_show_the_same_the_order_comes_first(bench: Bench) -> None:
    """And before both what shows more: an opening of the case before an order for one act."""
    _opened(bench, OPENING, "A19")
    bench.member(AGENCY, via=str(ORDER), rule="A9")
    bench.takes_part(AGENCY, act=bench.case.acts[0])
    assert _under(bench, a_ticket(), bench.case.comp) == [(bench.case.comp, OPENING, "A19")]
    bench.takes_part(AGENCY)
    assert _under(bench, a_ticket(), bench.case.comp) == [(bench.case.comp, ORDER, "A9")]


@attack(
    "a taken reader login asks by which order a case is read, to learn of cases and of inspections",
    stopped_by="sec.read_under tells what the ticket's officer sees now, and nothing else",
    noticed_by="-",
)
def test_nothing_is_told_of_what_is_not_seen(bench: Bench) -> None:
    """Others' orders, one that is over, revoked, not begun or of a late audience: as if none."""
    _opened(bench, ORDER, "A9")
    comp, told = bench.case.comp, [(bench.case.comp, ORDER, "A9")]
    assert _under(bench, a_ticket(), comp) == told
    for ticket in (a_ticket(STRANGER), a_ticket(OTHER)):
        assert _under(bench, ticket, comp, bench.other.comp) == []
    for bad in (None, a_ticket(key=b"x" * 32)):
        assert _under(bench, bad, comp, bench.other.comp) == UNKNOWN
    bench.takes_part(bench.other.comp, bench.other.comp)
    assert _under(bench, a_ticket(), bench.other.comp, ORDER, NIL_UNIT) == []
    bench.exclude()
    assert _under(bench, a_ticket(), comp) == []
    bench.exclude(until=T0)
    bench.end(str(ORDER))
    assert _under(bench, a_ticket(), comp) == [], "revoked, and the projector sleeps"
    for later in ({"until": T0}, {"since": T0 + timedelta(seconds=1)}, {"gen": 2}):
        bench.empty()
        _opened(bench, ORDER, "A9", **later)
        assert _under(bench, a_ticket(), comp) == []
    bench.empty()
    _opened(bench, ORDER, "A9")
    bench.live(behind=1)
    assert _under(bench, a_ticket(), comp) == UNKNOWN, "late"
    bench.live()
    assert _under(bench, a_ticket(), comp) == told


@attack(
    "a taken reader login says that a case was shown to somebody, which was not",
    stopped_by="sec.told_by believes it of nothing but orders and openings, which everybody reads",
    noticed_by="-",
)
def test_who_says_that_a_case_was_shown_learns_nothing_of_it(bench: Bench) -> None:
    """Whatever case it names; of the officer no more than the streams of agencies say."""
    _opened(bench, ORDER, "A9")
    comps = (bench.case.comp, bench.other.comp, NIL_UNIT)

    def told(ticket: str, *of: UUID, shown: bool = True) -> set[object]:
        with bench.login("reader") as connection, connection.transaction():
            connection.execute("SELECT set_config('app.ticket', %s, true)", [ticket])
            ask = "SELECT * FROM sec.told_by(%s, %s, %s)"
            return {connection.execute(ask, [ticket, one, shown]).fetchone() for one in of}

    for forged in (a_ticket(key=b"x" * 32), a_ticket(life_s=-1)):
        assert told(forged, *comps) == told(forged, *comps, shown=False) == set(UNKNOWN)
    forged = a_ticket(STRANGER, key=b"x" * 32)
    assert told(forged, *comps) == {(True, None, None)}, "they read by none"
    assert told(forged, *comps, shown=False) == set(UNKNOWN)
    assert told(a_ticket(), bench.case.comp) == {(True, ORDER, "A9")}
    assert told(a_ticket(), bench.other.comp, NIL_UNIT) == {(True, None, None)}
    bench.live(behind=1)
    for ticket in (a_ticket(), a_ticket(STRANGER)):
        assert told(ticket, *comps) == told(ticket, *comps, shown=False) == {(False, None, None)}


def test_whoever_reads_by_no_order_has_the_ticket_verified_once(taking_part: Bench) -> None:
    """In the statement that tells a case, and before a write; it costs as much as the rest."""
    bench = taking_part

    def verified(question: LiteralString, *values: object) -> int:
        with psycopg.connect(bench.database.admin) as connection:
            connection.execute("SET LOCAL track_functions = 'pl'")
            connection.execute(f"SET LOCAL ROLE {bench.database.slug}_reader".encode())
            row = connection.execute(question, values).fetchone()
            assert row is not None
            assert row[0] is True
            connection.execute("RESET ROLE")
            calls = connection.execute(
                "SELECT pg_stat_get_xact_function_calls('sec.ticket()'::regprocedure)"
            ).fetchone()
        assert calls is not None
        return int(calls[0])

    ticket, case = a_ticket(), bench.case
    of_file, of_sight = (ticket, "", case.name, case.comp), (ticket, "", case.comp)
    assert verified(_FILE, *of_file) == verified(_SIGHT, *of_sight) == 1
    _opened(bench, ORDER, "A9", bench.other.comp)
    assert min(verified(_FILE, *of_file), verified(_SIGHT, *of_sight)) > 1


# -- what the reader is never shown ----------------------------------------------------------------


@attack(
    "a taken reader login reads who takes part in which case",
    stopped_by="a policy of the audience's own; the rest is for functions alone",
    noticed_by="-",
)
def test_rows_about_others_are_never_shown(taking_part: Bench) -> None:
    """Of the audience what is about the officer of the ticket, and of that not by which act."""
    with psycopg.connect(taking_part.database.dsn("reader")) as connection:
        count = "SELECT * FROM sec.shown"
        assert connection.execute(count).fetchall() == []
        connection.execute("SELECT set_config('app.ticket', %s, true)", [a_ticket()])
        assert connection.execute(count).fetchall() == [(taking_part.case.comp, NIL_UNIT, True)]
        for query in (
            "SELECT FROM sec.audience",
            *(f"SELECT FROM {table}" for table in SECRET),
            "SELECT sec.ticket()",
            f"SELECT sec.end('{OTHER}', '*', 1)",
            f"SELECT sec.exclude('{NIL_UNIT}', '{OTHER}', '{NIL_UNIT}', 'infinity', 1)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(query.encode())


@attack(
    "a taken reader login asks for the entries of records that nobody shows it",
    stopped_by="a function that gives entries alone: hashes with a random blind (A12, L9)",
    noticed_by="-",
)
def test_entries_are_open_and_nothing_but_hashes(taking_part: Bench) -> None:
    """A proof of what one sees needs the entries of what one does not; the tiles give the same."""
    with psycopg.connect(taking_part.database.dsn("reader")) as connection:
        rows = connection.execute("SELECT * FROM log.entries(1, 5)").fetchall()
    with taking_part.login("projector") as projector:
        stored = projector.execute(
            "SELECT index, entry FROM log.records WHERE index BETWEEN 1 AND 4 ORDER BY index"
        ).fetchall()
    assert rows == stored


@attack(
    "a function or an operator of the caller's own is run where a policy asks",
    stopped_by="pinned search paths; no schema the reader may write",
    noticed_by="-",
)
def test_no_name_of_the_callers_own_is_asked(taking_part: Bench) -> None:
    """A temporary object would come first in a path that is not pinned."""
    with psycopg.connect(taking_part.database.dsn("reader"), autocommit=True) as connection:
        for own in (
            "CREATE TEMP TABLE ticket_keys (id text, inner_pad bytea, outer_pad bytea)",
            "CREATE FUNCTION pg_temp.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT $1'",
            "CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL'",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(own.encode())
    with psycopg.connect(taking_part.database.admin) as admin:
        assert _sets_more(admin) == [("log.append", PLANNED)]
        admin.execute("ALTER FUNCTION sec.ticket() SET row_security = off")
        assert dict(_sets_more(admin))["sec.ticket"] == [PINNED, "row_security=off"]
        admin.rollback()


PINNED: Final = "search_path=pg_catalog, pg_temp"
PLANNED: Final = [PINNED, "plan_cache_mode=force_generic_plan", "enable_seqscan=off"]


def _sets_more(admin: psycopg.Connection) -> list[tuple[Any, ...]]:
    """Functions that run as their owner, with what they set, but those that pin the path alone."""
    return admin.execute(
        "SELECT p.oid::regproc::text, p.proconfig FROM pg_proc p"
        " WHERE p.pronamespace IN ('log'::regnamespace, 'sec'::regnamespace) AND p.prosecdef"
        " AND p.proconfig IS DISTINCT FROM ARRAY[%s]",
        [PINNED],
    ).fetchall()


# -- the plan (access.md G14) ----------------------------------------------------------------------

QUESTIONS: Final[tuple[LiteralString, ...]] = (
    "SELECT index, state FROM log.records",
    "SELECT index, state FROM log.records WHERE stream_id = gen_random_uuid() ORDER BY seq",
    "SELECT index, wrap FROM log.wraps",
    """SELECT r.index, w.wrap, s.name FROM log.records r JOIN log.wraps w USING (index)
    LEFT JOIN log.streams s ON s.stream_id = r.stream_id ORDER BY r.index LIMIT 50""",
    "SELECT name FROM log.streams",
    "SELECT index FROM proj.acts WHERE gen = 1 AND index > 2 ORDER BY index LIMIT 200",
    "SELECT case_id FROM proj.case_file WHERE gen = 1 ORDER BY last_at DESC, case_id DESC LIMIT 50",
    "SELECT act_id FROM proj.tasks WHERE gen = 1 AND officer = 'x'",
    "SELECT agency, count(*) FROM proj.counted WHERE gen = 1 GROUP BY agency",
    "SELECT code, count(*) FROM proj.marks WHERE gen = 1 GROUP BY code",
)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _plan(bench: Bench, question: LiteralString, *, by_set: str = "") -> dict[str, Any]:
    with psycopg.connect(bench.database.dsn("reader")) as connection:
        return _explained(connection, question, by_set=by_set)


def _explained(
    connection: psycopg.Connection, question: LiteralString, *, by_set: str = ""
) -> dict[str, Any]:
    connection.execute(
        "SELECT set_config('app.ticket', %s, true), set_config('app.by_set', %s, true)",
        [a_ticket(), by_set],
    )
    explain = b"EXPLAIN (ANALYZE, VERBOSE, FORMAT JSON) " + question.encode()
    row = connection.execute(explain).fetchone()
    assert row is not None
    plan: dict[str, Any] = row[0][0]["Plan"]
    return plan


#: Questions of a hidden text or of hidden bytes that one answer is true of, and the other not.
TRIED: Final = (
    "{0} >= {1} || 'a'",
    "{0} BETWEEN {1} AND {1} || 'z'",
    "starts_with({0}, {1})",
    "{0} LIKE {1} || '%'",
    "{0} ~>=~ {1}",
    "bttextcmp({0}, {1}) >= 0",
    "greatest({0}, {1}) = {0}",
    "text_larger({0}, {1}) = {0}",
    "ROW({0}, 1) >= ROW({1}, 1)",
    "{0}::bpchar >= {1}::bpchar",
    "{0}::name = {1}::name",
    "{0} > {1}::name",
    "md5({0}) = md5({1})",
    "hashtext({0}) = hashtext({1})",
    "convert_to({0}, 'UTF8') >= convert_to({1}, 'UTF8')",
)
_OF_BYTES: Final = (
    "{0} >= {1}",
    "{0} = {1}",
    "byteacmp({0}, {1}) >= 0",
    "sha256({0}) = sha256({1})",
    "octet_length({0}) = octet_length({1})",
    "substring({0} FROM 1 FOR 1) = substring({1} FROM 1 FOR 1)",
)


@attack(
    "a taken reader login asks what a hidden act says, by what a plan tells of rows not shown",
    stopped_by="texts are not compared before the policy was asked: the belt",
    noticed_by="a warning of `socai migrate`, where the server keeps its functions to itself",
)
def test_no_plan_tells_what_a_hidden_row_says(bench: Bench) -> None:
    """Of a column each question that is true of it, and the same of another text: one plan."""
    with psycopg.connect(bench.database.admin) as admin:
        for set_column in ("acts SET payload", "case_file SET title"):
            hidden = f"UPDATE proj.{set_column} = 'the secret' WHERE starts_with(stream, 'case/')"
            admin.execute(hidden.encode())
    told = {
        question
        for table, column, questions, text in (
            ("proj.case_file", "title", TRIED, "{}::text"),
            ("proj.acts", "payload", _OF_BYTES, "{}::bytea"),
        )
        for question in questions
        if len(
            {
                _told(bench, f"SELECT FROM {table} WHERE {question.format(column, text.format(x))}")
                for x in ("'the secret'", "'xyz'")
            }
        )
        > 1
    }
    assert told == set()


def _told(bench: Bench, question: str) -> str:
    """How often each step of a plan was taken and what it left out, but not what was asked."""
    with bench.login("reader") as connection:
        told = "EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF, BUFFERS OFF, FORMAT JSON) "
        row = connection.execute((told + question).encode()).fetchone()
        assert row is not None
        return str(
            [
                sorted((k, v) for k, v in node.items() if k.startswith(("Actual", "Rows")))
                for node in _nodes(row[0][0]["Plan"])
            ]
        )


def test_of_texts_no_more_is_asked_before_a_policy_than_whether_they_are_one(
    bench: Bench,
) -> None:
    """By it rows are looked up. Of any server: what a newer one calls leakproof is seen here."""
    with psycopg.connect(bench.database.admin) as admin:
        told = admin.execute(
            "SELECT DISTINCT p.proname FROM pg_proc p WHERE p.proleakproof AND ARRAY['text',"
            " 'varchar', 'bpchar', 'bytea']::regtype[] && p.proargtypes::oid[]::regtype[]"
        ).fetchall()
    assert {name for (name,) in told} == {
        "texteq", "textne", "bpchareq", "bpcharne", "nameeqtext", "namenetext", "texteqname",
        "textnename",
    }  # fmt: skip


def test_who_asks_is_asked_once_in_each_place(taking_part: Bench) -> None:
    """However many rows are held against the answer, and nowhere else."""
    asked = "SELECT coalesce(pg_stat_get_xact_function_calls('sec.asked()'::regprocedure), 0)"
    held = []
    for question in QUESTIONS:
        with psycopg.connect(taking_part.database.admin) as connection:
            connection.execute("SET LOCAL track_functions = 'pl'")
            connection.execute(f"SET LOCAL ROLE {taking_part.database.slug}_reader".encode())
            plan = _explained(connection, question)
            connection.execute("RESET ROLE")
            calls = connection.execute(asked).fetchone()
        places = [node for node in _nodes(plan) if node.get("Function Name") == "asked"]
        loops = [node["Actual Loops"] for node in places if node["Actual Loops"]]
        assert calls == (len(loops),)
        assert str(plan).count("sec.asked()") == len(places) > 0
        held += loops
    assert max(held) > 1


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_set_of_cases_is_made_for_who_has_many(
    taking_part: Bench, question: LiteralString
) -> None:
    """A set of them would be slow: each row that the question meets is looked up."""
    _many_cases(taking_part)
    assert _sets_made(_plan(taking_part, question)) == 0


def test_a_question_through_all_rows_makes_the_set_once(taking_part: Bench) -> None:
    """Where it says so: as many look-ups as there are rows would be slower still."""
    _many_cases(taking_part)
    for question in QUESTIONS:
        if "proj.counted" in question or "proj.marks" in question:
            assert _sets_made(_plan(taking_part, question, by_set="on")) == 1


def test_which_way_is_asked_once_in_a_while(taking_part: Bench) -> None:
    """Of whoever has few; where they come to have many, it is known a minute later."""
    at, ways, found = 0.0, Ways(lambda: at), []
    with taking_part.login("reader") as connection:
        for at in (0.0, KEPT_S - 1, KEPT_S):  # noqa: B007 - the clock reads it
            with connection.transaction():
                connection.execute("SELECT set_config('app.ticket', %s, true)", [a_ticket()])
                ways.choose(connection, str(OFFICER))
                row = connection.execute("SELECT current_setting('app.by_set', true)").fetchone()
            found.append(row == ("on",))
            _many_cases(taking_part)
    assert found == [True, True, False]


def _many_cases(bench: Bench) -> None:
    with bench.login("projector") as projector:
        projector.execute(
            "INSERT INTO sec.audience SELECT 1, gen_random_uuid(), %s, %s, %s, NULL, 'infinity'"
            " FROM generate_series(1, 2000)",  # few are counted in a part of them
            [AGENCY, NIL_UNIT, GRANT],
        )


def _sets_made(plan: dict[str, Any]) -> int:
    hashed = set(re.findall(r"hashed (SubPlan \d+)", str(plan)))
    return sum(n["Actual Loops"] for n in _nodes(plan) if n.get("Subplan Name") in hashed)


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("act", [False, True])
def test_by_set_or_by_look_up_the_same_is_seen(taking_part: Bench, many: bool, act: bool) -> None:  # noqa: FBT001 - a table of cases
    """How rows are found is the caller's to say, and gives nobody anything."""
    if act:
        taking_part.member(GRANT)
        with psycopg.connect(taking_part.database.admin) as admin:
            admin.execute("DELETE FROM sec.audience WHERE who = %s", [AGENCY])
        taking_part.takes_part(GRANT, act=taking_part.case.acts[0])
    if many:
        _many_cases(taking_part)
    wanted = taking_part.one_act() if act else taking_part.whole()
    for by_set in ("", "on", "off", "x"):
        assert taking_part.seen(a_ticket(), by_set=by_set) == wanted
