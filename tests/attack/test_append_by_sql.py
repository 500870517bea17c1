"""The writer's login in other hands: what `log.append` can see is wrong, it refuses."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import psycopg
import pytest

from api.ops.embedded_postgres import Embedded
from api.ops.machine import RealClock
from keys import canonical
from keys.canonical import b64
from ledger.errors import Fatal
from ledger.log import record as records
from ledger.ports import NIL_UNIT, Draft, NotAppended
from ledger.postgres import evidence as postgres_evidence
from ledger.postgres import migrate
from ledger.postgres import records as postgres_records
from ledger.postgres.connect import reading
from ledger.postgres.evidence import PostgresEvidence
from ledger.postgres.recorder import GroupAppender
from ledger.postgres.records import PostgresRecords
from ledger.regulation.acts.json_shape import STREAM
from tests.attacks import attack
from tests.contract.append import KEK_ID, T0, a_draft, entropy
from tests.examples import share
from tests.fixtures.postgres import Database, make_database

pytestmark = pytest.mark.postgres

COLUMNS = {
    "streams": "uuid[]", "names": "text[]", "seqs": "bigint[]", "units": "uuid[]",
    "acts": "uuid[]", "author": "boolean[]", "registry": "boolean[]", "judged": "bigint[]",
    "topics": "text[]", "at": "timestamptz[]", "entries": "bytea[]", "states": "bytea[]",
    "kek": "bytea", "wraps": "bytea[]", "of": "bigint[]", "read": "uuid[]", "upto": "bigint[]",
    "names_of": "bigint[]", "tags": "bytea[]",
}  # fmt: skip
ARGUMENTS = ", ".join(f"%({name})s::{kind}" for name, kind in COLUMNS.items())
CALL = f"SELECT status FROM log.append({ARGUMENTS})"  # noqa: S608 - of the table above
V1 = UUID("2f1acc6c-3f5a-11ee-be56-0242ac120002")
CASE = a_draft("case/c")
Group = dict[str, Any]


def group(*drafts: Draft) -> Group:
    """The arguments of one call, as the product sends them."""
    sealed = [draft.seal(draft.at) for draft in drafts]
    empty: Group = {name: [] for name in ("of", "read", "upto", "names_of", "tags")}
    return empty | {
        "streams": [draft.stream_id for draft in drafts],
        "names": [draft.stream for draft in drafts],
        "seqs": [draft.seq for draft in drafts],
        "units": [draft.unit for draft in drafts],
        "acts": [draft.act_id for draft in drafts],
        "author": [draft.author for draft in drafts],
        "registry": [draft.registry for draft in drafts],
        "judged": [draft.registry_index for draft in drafts],
        "topics": [draft.topic for draft in drafts],
        "at": [draft.at for draft in drafts],
        "entries": [one.entry for one in sealed],
        "states": [one.state for one in sealed],
        "kek": KEK_ID,
        "wraps": [one.wrap for one in sealed],
    }


@pytest.fixture(scope="module")
def stolen(postgres_server: Embedded) -> Iterator[Database]:
    """A log of one case and one officer, and the writer's login in other hands."""
    made = make_database(postgres_server)
    for name in ("case/a", "officer/b"):
        made.appender().append(a_draft(name))
    yield made
    made.close()


def called(database: Database, arguments: Group) -> list[str]:
    """Statuses of one call by the writer's login."""
    with psycopg.connect(database.dsn("writer"), autocommit=True) as connection:
        return [row[0] for row in connection.execute(CALL.encode(), arguments).fetchall()]


def size(database: Database) -> int:
    """Records there are, by head and by count."""
    with psycopg.connect(database.admin) as connection:
        row = connection.execute(
            "SELECT size, (SELECT count(*) FROM log.records) FROM log.log_head"
        ).fetchone()
    assert row is not None
    assert row[0] == row[1]
    return int(row[0])


def of(draft: Draft, **columns: object) -> Group:
    """A call with one item, some of its columns made up."""
    return group(draft) | {name: [value] for name, value in columns.items()}


JUNK: dict[str, Callable[[], Group]] = {
    "a stream of no kind": lambda: of(a_draft("junk")),
    "a kind that there is not": lambda: of(a_draft("cases/x")),
    "a case without an id": lambda: of(CASE, names="case/the-director"),
    "an officer by a name": lambda: of(a_draft("officer/c"), names="officer/the-director"),
    "a name and more": lambda: of(CASE, names=f"{CASE.stream}\nledger"),
    "a stream under a random id": lambda: of(CASE, streams=UUID(int=4 << 76 | 2 << 62)),
    "a case that everybody reads": lambda: of(CASE, units=NIL_UNIT),
    "a case of another one's unit": lambda: of(CASE, units=a_draft("case/a").stream_id),
    "an officer in a case's unit": lambda: of(
        a_draft("officer/c"), units=a_draft("case/a").stream_id
    ),
    "the unit changed later": lambda: of(a_draft("case/a", 2), units=NIL_UNIT),
    "a stream begun by a countersignature": lambda: of(CASE, author=False),
    "a countersignature of no act": lambda: of(a_draft("case/a", 2), author=False),
    "a place before the first": lambda: of(CASE, seqs=0),
    "no place": lambda: of(CASE, seqs=None),
    "an act by clock and address": lambda: of(CASE, acts=V1),
    "neither of the registry nor not": lambda: of(CASE, registry=None),
    "another topic": lambda: of(CASE, topics="socai.statement.v2"),
    "no time": lambda: of(CASE, at=None),
    "a time finer than times are": lambda: of(CASE, at=T0 + timedelta(microseconds=1)),
    "a short entry": lambda: of(CASE, entries=bytes(31)),
    "no state": lambda: of(CASE, states=b""),
    "a state of no version": lambda: of(CASE, states=b"\7" + bytes(1024)),
    "a state shorter than any": lambda: of(CASE, states=b"\1" + bytes(500)),
    "a state longer than any": lambda: of(CASE, states=b"\1" + bytes((1 << 18) + 25)),
    "a state padded to no step": lambda: of(CASE, states=b"\2" + bytes(28 + 2048)),
    "a longer wrap": lambda: of(CASE, wraps=b"\1" + KEK_ID + bytes(61)),
    "a wrap of no version": lambda: of(CASE, wraps=b"\3" + KEK_ID + bytes(60)),
    "a wrap under another key": lambda: of(CASE, wraps=b"\1" + bytes(76)),
    "a key without a name": lambda: group(CASE) | {"kek": b"k" * 15},
    "a name it is not known by": lambda: of(a_draft("officer/c"), streams=None),
}


@attack(
    "a taken writer login appends junk by SQL",
    stopped_by="log.fits, inside the append",
    noticed_by="log audit, where it has the form of a record",
)
@pytest.mark.parametrize("name", share(list(JUNK), 2, "junk"))
def test_junk_is_not_recorded(stolen: Database, name: str) -> None:
    """Alone, and beside an honest record, which it does not hold up."""
    before, made = size(stolen), JUNK[name]()
    assert called(stolen, made) == ["unfit"]
    assert size(stolen) == before
    honest = group(a_draft(f"officer/{entropy.uuid()}"))
    both = {
        name: value if name == "kek" else [*honest[name], *value]
        for name, value in made.items()
        if name not in ("of", "read", "upto", "names_of", "tags")
    }
    if made["kek"] == KEK_ID:
        assert called(stolen, made | both) == ["ok", "unfit"]
        assert size(stolen) == before + 1


@attack(
    "a taken writer login dates a rehearsal's record at the end of time",
    stopped_by="log.fits, inside the append",
    noticed_by="-",
)
@pytest.mark.parametrize("at", ["infinity", "-infinity"])
def test_no_record_is_at_the_end_of_time(postgres_server: Embedded, at: str) -> None:
    """Where senders set the time too: after it there would be no other."""
    database = make_database(postgres_server, rehearsal=True)
    assert called(database, of(CASE, at=at)) == ["unfit"]
    assert size(database) == 0
    database.close()


@attack(
    "an act signed by a stolen key is dated before the key was found stolen",
    stopped_by="log.append takes the machine's time alone",
    noticed_by="the refusal",
)
def test_a_writer_taken_over_cannot_date_a_record_back(postgres_server: Embedded) -> None:
    """On an idle night the last record's time is old, and its key is revoked since a later one."""
    database = make_database(postgres_server)
    idle = a_draft("case/a", at=RealClock().now() - timedelta(hours=8))
    database.appender().append(idle)
    database.end_rehearsal()
    now = RealClock().now()
    back = [a_draft(f"case/{n}", at=now - timedelta(minutes=n)) for n in (8 * 60, 6)]
    assert called(database, group(*back)) == ["apart", "apart"]
    assert called(database, group(*back, a_draft("case/b", at=now))) == ["apart", "apart", "ok"]
    database.close()


@pytest.mark.parametrize(
    "column", ["names", "seqs", "judged", "at", "states", "wraps", "upto", "tags"]
)
@pytest.mark.parametrize("change", [lambda column: column[1:], lambda column: [*column, None]])
def test_columns_of_another_length_are_no_group(
    stolen: Database, column: str, change: Callable[[list[Any]], list[Any]]
) -> None:
    """Nothing of it is recorded, not the items that are whole either."""
    before = size(stolen)
    asked = {"of": [1], "read": [CASE.stream_id], "upto": [0]}
    tagged = {"names_of": [1], "tags": [bytes(32)]}
    made = group(a_draft("officer/c"), CASE) | asked | tagged
    with pytest.raises(psycopg.errors.DataError, match="one length"):
        called(stolen, made | {column: change(made[column])})
    assert size(stolen) == before


def _back() -> tuple[Group, list[str]]:
    later = T0 + timedelta(seconds=1)
    drafts = [a_draft(f"case/back{n}", at=at) for n, at in enumerate((later, T0, later))]
    return group(*drafts), ["ok", "late", "ok"]


def _behind_a_registry_act() -> tuple[Group, list[str]]:
    drafts = [a_draft(f"officer/behind{n}", registry=n == 0) for n in range(2)]
    return group(*drafts), ["ok", "judge_again"]


def _a_tag_twice() -> tuple[Group, list[str]]:
    drafts = [a_draft(f"case/tag{n}") for n in range(3)]
    tags = [bytes([1]) * 32, bytes([1]) * 32, bytes([2]) * 32]
    return group(*drafts) | {"names_of": [1, 1, 2], "tags": tags}, ["ok", "ok", "ok"]


def _a_tag_of_two() -> tuple[Group, list[str]]:
    drafts = [a_draft(f"case/tags{n}") for n in range(3)]
    tags = [bytes([3]) * 32, bytes([3]) * 32]
    return group(*drafts) | {"names_of": [1, 3], "tags": tags}, ["ok", "ok", "judge_again"]


def _two_of_one_stream() -> tuple[Group, list[str]]:
    drafts = [a_draft("case/two", 1), a_draft("case/two", 2), a_draft("case/two", 4)]
    return group(*drafts), ["ok", "ok", "stale"]


@pytest.mark.parametrize(
    "made", [_back, _behind_a_registry_act, _a_tag_twice, _a_tag_of_two, _two_of_one_stream]
)
def test_places_that_were_taken_are_given_back(
    postgres_server: Embedded, made: Callable[[], tuple[Group, list[str]]]
) -> None:
    """A group takes its places before it is looked through: of one that is refused none is left."""
    database = make_database(postgres_server, rehearsal=True)
    database.appender().append(a_draft("case/a"))
    database.appender().append(a_draft("case/b"))  # the head names the key
    arguments, told = made()
    assert called(database, arguments) == told
    assert size(database) == 2 + told.count("ok")
    with psycopg.connect(database.admin) as connection:
        row = connection.execute(
            "SELECT h.recorded_at = r.recorded_at, h.size = w.n"
            " FROM log.log_head h JOIN log.records r ON r.index = h.size - 1,"
            " (SELECT count(*) AS n FROM log.wraps) w"
        ).fetchone()
    assert row == (True, True)
    database.close()


def test_an_empty_group_is_none(stolen: Database) -> None:
    """The head does not move, and nobody is told of a record."""
    with pytest.raises(psycopg.errors.DataError, match="one length"):
        called(stolen, {name: [] if name != "kek" else KEK_ID for name in COLUMNS})


@attack(
    "a taken writer login puts a name under another id, to keep out its owner",
    stopped_by="a name keeps nobody out: the id follows from it",
    noticed_by="log audit",
)
def test_a_name_that_is_squatted_is_free_all_the_same(stolen: Database) -> None:
    """The officer's stream begins when the officer is appointed, whoever used its name before."""
    owner = a_draft("officer/5a5a5a")
    squatter = replace(owner, stream_id=uuid5(UUID(int=9), owner.stream), act_id=entropy.uuid())
    assert called(stolen, group(squatter)) == ["ok"]
    assert called(stolen, group(owner)) == ["ok"]


@attack(
    "one act id is used for two acts at the same moment, by way of two processes",
    stopped_by="the unique index of the append",
    noticed_by="-",
)
def test_an_act_id_is_given_once(stolen: Database) -> None:
    """Whatever groups the two come in: one is recorded, the others are told that it is taken."""
    act_id, appenders = entropy.uuid(), (stolen.appender(), stolen.appender())
    drafts = [replace(a_draft(f"case/{n + 100}"), act_id=act_id) for n in range(24)]

    def put(n: int) -> str:
        try:
            appenders[n % 2].append(drafts[n])
        except NotAppended as refused:
            return refused.status
        return "ok"

    with ThreadPoolExecutor(12) as pool:
        told = Counter(pool.map(put, range(len(drafts))))
    assert told == {"ok": 1, "taken": 23}


def test_of_the_product_it_would_be_a_defect(stolen: Database) -> None:
    """Whoever asked for it is told, and not the neighbours."""
    appender: GroupAppender = stolen.appender()
    with pytest.raises(Fatal, match="no record of this form"):
        appender.append(replace(CASE, topic="socai.statement.v9"))


def test_sql_and_python_name_streams_alike() -> None:
    """One rule for names, said twice since a database has no Python."""
    texts = [m.text.decode() for m in migrate.shipped() if b"FUNCTION log.fits" in m.text]
    assert texts
    for text in texts:
        said = text.partition("_name ~ (")[2].partition("_unit =")[0]
        assert "".join(re.findall(r"'([^']*)'", said)) == f"^{STREAM}$"


def test_as_long_as_an_act_can_be_fits(stolen: Database) -> None:
    """What passes the door is never refused here: payload, header, signature at their longest."""
    signature = b64(bytes(3309))  # of ML-DSA-65
    part = b64(bytes(canonical.LIMIT_BYTES))
    longest = records.build(
        log="x" * 200, recorded_at=T0, blind=bytes(32), statement=f"{part}.{part}.{signature}"
    )
    lengths = len(longest), *(k << 10 for k in (1, 4, 16, 64, 256))
    for n, length in enumerate(lengths):
        version = b"\1" if n == 0 else b"\2"
        draft = a_draft(f"officer/{entropy.uuid()}", at=datetime.now(UTC).replace(microsecond=0))  # noqa: TID251 - as the machine has it
        assert called(stolen, of(draft, states=version + bytes(28 + length))) == ["ok"], length


@attack(
    "a taken writer login marks thousands of long rows as changes of the registry",
    stopped_by="a row is no longer than an act can make it, and none are read all at once",
    noticed_by="log audit",
)
def test_junk_is_read_a_page_at_a_time(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are there for ever: what begins must not need memory for all of them, nor an audit."""
    page = 3
    junk = [replace(a_draft("officer/a", n), registry=True) for n in range(1, 3 * page)]
    appender = database.appender()
    for n, draft in enumerate(junk):
        appender.append(replace(draft, registry_index=n - 1))
    fetched: list[int] = []

    def counted(pool: Any, read: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - as `reading`
        rows = reading(pool, read)
        fetched.append(len(rows))
        return rows

    monkeypatch.setattr(postgres_records, "PAGE", page)
    monkeypatch.setattr(postgres_records, "_FURTHER", page)
    monkeypatch.setattr(postgres_records, "reading", counted)
    stored = PostgresRecords(database.pool("writer"))
    for rows in (stored.registry(-1), stored.stream(junk[0].stream_id)):
        assert [row.index for row in rows] == list(range(len(junk)))
        assert max(fetched) == page
    monkeypatch.setattr(postgres_evidence, "_PAGE", page)
    with PostgresEvidence(database.dsn("projector")) as source:
        read_all = PostgresEvidence._all

        def all_counted(self: PostgresEvidence, *asked: Any) -> list[Any]:  # noqa: ANN401 - as `_all`
            rows = read_all(self, *asked)
            fetched.append(len(rows))
            return rows

        monkeypatch.setattr(PostgresEvidence, "_all", all_counted)
        of, end = junk[0].stream_id.bytes, len(junk)
        for raw in (source.registry(), source.stream(of, end), source.streams({of}, end)):
            assert [row.at for row in raw] == list(range(len(junk)))
    assert max(fetched) == page
