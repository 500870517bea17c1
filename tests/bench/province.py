"""A province that is made up: 50,000 cases, 1 M acts, 2,000 officers, in the product's own tables.

Rows are made straight in the tables of the log, the views and the audience, under the policies that
`migrate` made: what is measured is plans and policies. No state of it opens and no statement of it
is signed, and only the lengths of what stands there are those of real rows.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg

from ledger.regulation.participation import principals
from ledger.streams.names import stream_id
from projections.views import search_terms
from tests.bench.enclave import Founded

ROOT: Final = Path(__file__).parents[2]
ACTS_A_CASE: Final = 20
OFFICERS: Final = 2_000
START: Final = datetime(2024, 1, 1, tzinfo=UTC)
LEAD: Final = "lead"
"""Takes part in nine cases of ten."""
MANY: Final = "nine cases of ten"
AGENCIES: Final = {
    MANY: LEAD, "one case in 25": "body.7", "one case in 2500": "station.7", "no case": "elsewhere"
}  # fmt: skip
"""Of the first officers, by what they take part in."""
_BODIES: Final = 25
"""Agencies that handle every 25th case each."""
_STATIONS: Final = 2_500
"""Agencies that took in every 2,500th case each."""
_ASKED: Final = 60
"""Bodies that were asked one thing in some cases and see that act."""
_LETTERS: Final = 10
"""Of a case: who was sent one, and whose officer signed an act, sees that act and no more."""
_STATES: Final = ("RECEIVED", "SCREENING", "VERIFYING", "ASSESSING", "HANDLING", "CLOSED")
_SYLLABLES: Final = (  # noqa: SIM905 - ninety words in a list are no easier to read
    "hồ sơ thông tin sai sự thật mạo danh ngân hàng lừa đảo bệnh viện dịch tung tin đồn xuyên tạc "
    "y tế giáo dục đường dây nóng tiếp nhận phản ánh xác minh xử lý chuyển cơ quan công an huyện "
    "xã phường trang mạng tài khoản quảng cáo thuốc giả từ thiện xổ số điện nước đất đai "
    "quy hoạch tuyển sinh học phí giao thông"
).split()
_NIL: Final = UUID(int=0)
_NEVER: Final = datetime(9000, 1, 1, tzinfo=UTC)

_COPY_CASES: Final[LiteralString] = """
COPY proj.case_file (gen, stream, comp, case_id, body, raised, at, changes_at, first_index,
  last_index, seq, state, outcome, agency, agencies, acts, flags, case_number, opened_at, last_at,
  due_at, words)
FROM STDIN
"""
_COPY_AUDIENCE: Final[LiteralString] = """
COPY sec.audience (gen, comp, who, act, via, opened, until) FROM STDIN
"""
_COPY_MEMBERS: Final[LiteralString] = """
COPY sec.members (gen, officer, who, via, since, until, rule) FROM STDIN
"""
#: Indexes are dropped and made again: what counts is the table that stands there.
_FILL: Final[LiteralString] = """
SET LOCAL synchronous_commit = off;
SET LOCAL maintenance_work_mem = '256MB';
DROP INDEX proj.acts_stream, proj.acts_act, proj.acts_taken, proj.acts_happened, proj.acts_agency,
  proj.acts_agency_happened, proj.acts_type, proj.acts_key, log.records_act;
ALTER TABLE log.records DROP CONSTRAINT records_stream_seq;
CREATE TEMPORARY TABLE made ON COMMIT DROP AS
  SELECT i AS index, c.stream, c.comp, c.agency, c.state, c.at, i - c.first_index + 1 AS seq,
    md5('act' || i)::uuid AS act_id
  FROM proj.case_file c, generate_series(c.first_index, c.last_index) AS i ORDER BY i;
INSERT INTO proj.acts (gen, index, stream, comp, unit, seq, act_id, act, role, officer, kid, iat,
    occurred_at, recorded_at, agency, status, effect, state_after, flags, late, registry, digest,
    entry, protected, payload, signature)
  SELECT 1, index, stream, comp, comp, seq, act_id,
    CASE seq WHEN 1 THEN 'ReportReceived' WHEN 2 THEN 'CaseRegistered' WHEN 7 THEN
      CASE WHEN index % 500 = 6 THEN 'MeasureLifted' ELSE 'LeadAgencyNotified' END
      ELSE 'LeadAgencyNotified' END,
    'AUTHOR', 'officer', 'kid' || hashtext(stream) % 1000, 0,
    at + (abs(hashtext(stream)) % 100) * interval '1 hour', at, agency,
    CASE WHEN index % 5000 = 7 THEN 'pending' ELSE 'effective' END, index % 5000 <> 7, state,
    CASE WHEN index % 20 = 3 THEN '{ORAL_UNCONFIRMED}'::text[]
      WHEN index % 50000 = 11 THEN '{SAME_DECIDER}'::text[] ELSE '{}'::text[] END,
    index % 100 = 5, false, 'digest', sha256(int8send(index)), '', '', ''
  FROM made;
INSERT INTO log.streams (stream_id, name) SELECT comp, stream FROM proj.case_file;
INSERT INTO log.records (index, seq, recorded_at, stream_id, unit, act_id, author, registry, topic,
    entry, state)
  SELECT index, seq, (SELECT recorded_at FROM log.log_head), comp, comp, act_id, true, false,
    'socai.statement.v1', sha256(int8send(index)), sha256(int8send(index))
  FROM made;
INSERT INTO log.wraps (index, kek_id, stream_id, unit, wrap)
  SELECT index, substr(sha256(int8send(index)), 1, 16), comp, comp,
    sha256(int8send(index)) || sha256(int8send(index))
  FROM made;
ALTER TABLE log.records ADD CONSTRAINT records_stream_seq UNIQUE (stream_id, seq);
CREATE UNIQUE INDEX records_act ON log.records (act_id) WHERE author;
CREATE UNIQUE INDEX acts_stream ON proj.acts (gen, stream, seq);
CREATE INDEX acts_act ON proj.acts (gen, act_id);
{acts}
INSERT INTO proj.tasks (gen, stream, comp, unit, n, kind, act_id, act, agency, started_at, due_at,
    case_number, state, last_at)
  SELECT 1, stream, comp, comp, 0, 'OPEN_CASE', md5('act' || first_index)::uuid, 'CaseRegistered',
    CASE WHEN hashtext(stream) % 20 = 0 THEN '{lead}' ELSE agency END,
    opened_at, due_at, case_number, state, last_at
  FROM proj.case_file WHERE state <> 'CLOSED';
INSERT INTO proj.tasks (gen, stream, comp, unit, n, kind, act_id, act, officer, agency, started_at,
    case_number, state, last_at)
  SELECT 1, a.stream, a.comp, a.comp, 1, 'SIGN', a.act_id, a.act, 'officer', a.agency,
    a.recorded_at, c.case_number, c.state, c.last_at
  FROM proj.acts a JOIN proj.case_file c USING (stream) WHERE a.status = 'pending';
INSERT INTO proj.counted (gen, stream, comp, opened_on, channel, agency, state, outcome, result_on,
    acts)
  SELECT 1, stream, comp, opened_at::date, 'HOTLINE', agency, state,
    CASE WHEN ended THEN (ARRAY['CORRECTED', 'REMOVED', 'REFERRED'])[1 + any_ % 3] END,
    CASE WHEN ended THEN opened_at::date + any_ % 61 END, {each}
  FROM (SELECT *, state IN ('ASSESSING', 'HANDLING', 'CLOSED') AS ended,
    abs(hashtext(stream)) AS any_ FROM proj.case_file) c;
INSERT INTO proj.marks (gen, stream, comp, n, code, act_id, on_day, agency)
  SELECT 1, stream, comp, 0, 'OVERTURNED', md5('act' || first_index)::uuid, opened_at::date, agency
  FROM proj.case_file WHERE hashtext(stream) % 3 = 0;
UPDATE log.log_head SET size = (SELECT max(index) + 1 FROM log.records);
UPDATE proj.views SET position = (SELECT size - 1 FROM log.log_head);
"""
_ANALYZE: Final[LiteralString] = """
VACUUM ANALYZE proj.case_file, proj.acts, proj.tasks, proj.counted, proj.marks, log.records,
  log.wraps, log.streams, log.log_head, sec.audience, sec.members
"""


@dataclass(frozen=True, slots=True)
class Province:
    """What was made.

    Attributes:
        cases: How many.
        first: Index of its first record.
        officers: One of each kind, by how many cases their agency takes part in.
        shown: A case that each of them sees; None where there is none.
    """

    cases: int
    first: int
    officers: Mapping[str, str]
    shown: Mapping[str, str | None]


def fill(enclave: Founded, cases: int) -> Province:
    """Makes the rows.

    Args:
        enclave: Founded, and nothing folded.
        cases: How many; a multiple of 2,500 gives each kind of officer its share.
    """
    pick = random.Random(90)  # noqa: S311 - the same rows in every run
    names = [f"case/{UUID(int=pick.getrandbits(128), version=4)}" for _ in range(cases)]
    origin = enclave.facts.origin
    with psycopg.connect(enclave.admin) as connection:
        row = connection.execute("SELECT size FROM log.log_head").fetchone()
        first = 0 if row is None else int(row[0])
        with connection.cursor().copy(_COPY_CASES) as copy:
            for n, name in enumerate(names):
                copy.write_row(_case(n, name, origin, first + n * ACTS_A_CASE, pick))
        text = _FILL.replace("{each}", str(ACTS_A_CASE)).replace("{lead}", LEAD)
        text = text.replace("{acts}", "\n".join(_indexes_of_acts()))
        connection.execute(text.encode())
        with connection.cursor().copy(_COPY_AUDIENCE) as copy:
            for n, name in enumerate(names):
                for line in _audience(n, name, origin, pick):
                    copy.write_row(line)
        officers = [str(UUID(int=pick.getrandbits(128), version=4)) for _ in range(OFFICERS)]
        with connection.cursor().copy(_COPY_MEMBERS) as copy:
            for n, officer in enumerate(officers):
                for line in _members(n, officer, names, origin, pick):
                    copy.write_row(line)
    with psycopg.connect(enclave.admin, autocommit=True) as connection:
        connection.execute(_ANALYZE)
    seen = (names[-1], names[cases // 2 // _BODIES * _BODIES + 7], names[7], None)
    return Province(
        cases,
        first,
        dict(zip(AGENCIES, officers, strict=False)),
        dict(zip(AGENCIES, seen, strict=True)),
    )


def _indexes_of_acts() -> Iterator[str]:
    """Those of acts across cases, as the schema makes them."""
    statements = (ROOT / "projections/schema/acts.sql").read_text("utf-8").split(";")
    for name in ("taken", "happened", "agency", "agency_happened", "type", "key"):
        yield next(one for one in statements if f"INDEX acts_{name} " in one).strip() + ";"


def _agency(n: int) -> str:
    """Of an officer: the first four are of one kind each, the others of all agencies."""
    if n < len(AGENCIES):
        return tuple(AGENCIES.values())[n]
    return (LEAD, f"body.{n % _BODIES}", f"station.{n % _STATIONS}", f"asked.{n % _ASKED}")[n % 4]


def _members(
    n: int, officer: str, names: list[str], origin: str, pick: random.Random
) -> Iterator[tuple[Any, ...]]:
    agency, who = _agency(n), UUID(officer)
    held = [(principals.agency(agency), "A1"), (principals.power(agency, "SUPERVISOR"), "A1")]
    if n % 10 == 9:  # grants that name a case
        held += [(name, "A7") for name in pick.sample(names, 3)]
    for name, rule in held:
        yield 1, who, stream_id(origin, name), str(who), START, _NEVER, rule
    yield 1, who, who, "self", START, _NEVER, "A1"


def _audience(n: int, name: str, origin: str, pick: random.Random) -> Iterator[tuple[Any, ...]]:
    comp, opened = stream_id(origin, name), (START + timedelta(minutes=2 * n)).date()
    body = f"body.{n % _BODIES}"
    whole = [body, f"station.{n % _STATIONS}", *([LEAD] if n % 10 else [])]
    via = UUID(int=pick.getrandbits(128), version=4)
    yield 1, comp, comp, _NIL, _NIL, opened, _NEVER
    for agency in whole:
        yield 1, comp, stream_id(origin, principals.agency(agency)), _NIL, via, opened, _NEVER
    power = stream_id(origin, principals.power(body, "APPROVER"))
    yield 1, comp, power, _NIL, via, opened, _NEVER
    for turn in range(_LETTERS):
        asked = stream_id(origin, principals.agency(f"asked.{(n + turn) % _ASKED}"))
        yield 1, comp, asked, UUID(int=pick.getrandbits(128), version=4), via, opened, _NEVER


def _case(n: int, stream: str, origin: str, first: int, pick: random.Random) -> tuple[Any, ...]:
    case, comp = stream.partition("/")[2], stream_id(origin, stream)
    state = pick.choice(_STATES)
    opened = START + timedelta(minutes=2 * n)
    number, agency = f"2024/{n:06}", f"body.{n % _BODIES}"
    words = search_terms.vector([number, *pick.choices(_SYLLABLES, k=28)])
    body = (
        f'{{"stream":"{stream}","state":"{state}","state_vi":"Đang xử lý","state_en":"handling",'
        f'"register_no":"TN-{n}","handler":{{"agency":"{agency}","label":"Cơ quan {agency}"}},'
        f'"filler":"{"x" * 2000}"}}'
    )
    due = opened + timedelta(days=15) if pick.random() < 0.4 else None
    return (
        1, stream, comp, case, body, "{}", opened, due, first, first + ACTS_A_CASE - 1, ACTS_A_CASE,
        state, None, agency, [agency], ["CaseRegistered", "ReportReceived"], [], number, opened,
        opened + timedelta(minutes=pick.randrange(60)), due, words,
    )  # fmt: skip
