"""The case list over 50 000 cases and 1 000 000 acts: a page and a search in SQL, and policies.

Rows are made straight in the view's tables. The policy has the form access.md gives it (an array of
the caller's cases from a function, asked once); the view ships without one until participation is
recorded.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg

from projections.views import case_file, search_terms
from projections.views.case_file import Filter
from tests.bench.enclave import Founded
from tests.bench.row import Row
from tests.bench.run import Run, each_us, median

GROUP: Final = "listing"
_PAGE: Final = 50
_START: Final = datetime(2024, 1, 1, tzinfo=UTC)
_STATES: Final = ("RECEIVED", "SCREENING", "VERIFYING", "ASSESSING", "HANDLING", "CLOSED")
_SYLLABLES: Final = (  # noqa: SIM905 - ninety words in a list are no easier to read
    "hồ sơ thông tin sai sự thật mạo danh ngân hàng lừa đảo bệnh viện dịch tung tin đồn xuyên tạc "
    "y tế giáo dục đường dây nóng tiếp nhận phản ánh xác minh xử lý chuyển cơ quan công an huyện "
    "xã phường trang mạng tài khoản quảng cáo thuốc giả từ thiện xổ số điện nước đất đai "
    "quy hoạch tuyển sinh học phí giao thông"
).split()
_COPY_CASES: Final[LiteralString] = """
COPY proj.case_file (gen, stream, case_id, body, raised, at, changes_at, first_index,
  last_index, seq, state, outcome, agency, agencies, acts, flags, case_number, opened_at,
  last_at, due_at, words)
FROM STDIN
"""
_FILL_ACTS: Final[LiteralString] = """
SET LOCAL synchronous_commit = off;
SET LOCAL maintenance_work_mem = '256MB';
DROP INDEX proj.acts_stream, proj.acts_act;
INSERT INTO proj.acts (gen, index, stream, seq, act_id, act, role, officer, kid, iat, occurred_at,
    recorded_at, agency, status, effect, state_after, flags, late, registry, digest, entry,
    protected, payload, signature)
  SELECT 1, i, c.stream, i % {each} + 1, md5(i::text)::uuid, 'LeadAgencyNotified', 'AUTHOR',
    'officer', 'kid', 0, c.at, c.at, c.agency, 'effective', true, c.state, '{}', false, false,
    'digest', sha256(int8send(i)), '', '', ''
  FROM generate_series(0::bigint, {acts}::bigint - 1) AS i
  JOIN proj.case_file c ON c.first_index = i / {each} * {each};
CREATE UNIQUE INDEX acts_stream ON proj.acts (gen, stream, seq);
CREATE INDEX acts_act ON proj.acts (gen, act_id);
UPDATE proj.views SET position = {acts} - 1;
"""
_POLICY: Final[LiteralString] = """
CREATE TABLE sec.bench_in (officer text, case_id uuid, PRIMARY KEY (officer, case_id));
INSERT INTO sec.bench_in SELECT 'one', case_id FROM proj.case_file ORDER BY case_id LIMIT {share};
CREATE FUNCTION sec.bench_cases() RETURNS uuid[] LANGUAGE sql STABLE SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp AS
  $$ SELECT coalesce(array_agg(case_id), '{}') FROM sec.bench_in WHERE officer = 'one' $$;
GRANT EXECUTE ON FUNCTION sec.bench_cases() TO PUBLIC;
CREATE POLICY own ON proj.case_file USING (true);
"""
_OFF: Final[LiteralString] = "ALTER TABLE proj.case_file DISABLE ROW LEVEL SECURITY"
_ALL: Final[LiteralString] = """
ALTER TABLE proj.case_file ENABLE ROW LEVEL SECURITY;
ALTER POLICY own ON proj.case_file USING (true)
"""
_MINE: Final[LiteralString] = """
ALTER TABLE proj.case_file ENABLE ROW LEVEL SECURITY;
ALTER POLICY own ON proj.case_file USING (case_id = ANY ((SELECT sec.bench_cases())::uuid[]))
"""


def rows(run: Run) -> Iterator[Row]:
    """Fills, measures without a policy, then with each."""
    cases = 5_000 if run.quick else 50_000
    acts = 20 * cases
    enclave = run.enclave("lists.example", officers=0)
    run.tell(f"listing: {cases} cases, {acts} acts")
    _fill(enclave, cases, acts)
    reader = psycopg.connect(enclave.dsn("reader"), autocommit=True)
    many = f"{cases} cases, {acts} acts"
    pages: dict[str, Callable[[], list[Any]]] = {
        "newest first": lambda: _listed(reader, Filter(), cases),
        "by state": lambda: _listed(reader, Filter(state="HANDLING"), cases),
        "by agency, due first": lambda: _listed(reader, Filter(agency="a.7", sort="due"), cases),
        "far page": lambda: _listed(reader, Filter(), cases, after=_middle(cases)),
    }
    searches: dict[str, Callable[[], list[Any]]] = {
        "two frequent words": lambda: _listed(reader, Filter(q="lừa đảo"), cases),
        "beginning of a number": lambda: _listed(reader, Filter(q="2024 0187"), cases),
        "a rare pair": lambda: _listed(reader, Filter(q="xổ số quy hoạch"), cases),
    }
    times = 5 if run.quick else 11
    found = {name: each_us(ask, times) / 1000 for name, ask in searches.items()}
    share = cases // 25
    _change(enclave, _POLICY.replace("{share}", str(share)))
    took: dict[str, dict[str, list[float]]] = {}
    for turn in range(run.rounds):
        run.tell(f"listing: round {turn + 1} of {run.rounds}")
        for under, change in (("none", _OFF), ("all", _ALL), ("mine", _MINE)):
            _change(enclave, change)
            for name, ask in pages.items():
                ms = each_us(ask, times) / 1000
                took.setdefault(under, {}).setdefault(name, []).append(ms)
    reader.close()
    plain, all_, mine = (
        {name: median(ms) for name, ms in took[under].items()} for under in ("none", "all", "mine")
    )
    for name, ms in plain.items():
        yield Row(GROUP, f"list page of {_PAGE}, {name}", ms, "ms", sense="<=", goal=20, note=many)
    for name, ms in found.items():
        yield Row(GROUP, f"search, {name}", ms, "ms", sense="<=", goal=50, note=many)
    for told, held, goal in (("that admits all", all_, 2.0), ("by participation", mine, None)):
        worst = max(held, key=lambda name: held[name] / plain[name])
        note = f"the page that suffers most of {len(held)}: {worst}"
        yield Row(
            GROUP, f"list page under a row policy {told}", held[worst], "ms", "without policy",
            plain[worst], sense="<=", goal=goal,
            note=note if goal else f"{note}; the caller is in {share} cases",
        )  # fmt: skip


def _listed(
    reader: psycopg.Connection[Any],
    wanted: Filter,
    cases: int,
    after: tuple[Any, str] | None = None,
) -> list[Any]:
    found = case_file.listed(reader, wanted, limit=_PAGE + 1, after=after, snapshot=20 * cases)
    return list(found)


def _middle(cases: int) -> tuple[str, str]:
    return (_START + timedelta(minutes=cases)).isoformat(), str(UUID(int=0))


def _fill(enclave: Founded, cases: int, acts: int) -> None:
    pick = random.Random(90)  # noqa: S311 - the same rows in every run
    each = acts // cases
    with psycopg.connect(enclave.admin) as connection:
        with connection.cursor().copy(_COPY_CASES) as copy:
            for n in range(cases):
                copy.write_row(_case(n, each, pick))
        text = _FILL_ACTS.replace("{each}", str(each)).replace("{acts}", str(acts))
        connection.execute(text.encode())
    with psycopg.connect(enclave.admin, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE proj.case_file, proj.acts")


def _case(n: int, each: int, pick: random.Random) -> tuple[Any, ...]:
    case = UUID(int=pick.getrandbits(128), version=4)
    stream, state = f"case/{case}", pick.choice(_STATES)
    opened = _START + timedelta(minutes=2 * n)
    number = f"2024/{n:06}"
    agency = f"a.{pick.randrange(40)}"
    words = search_terms.vector([number, *pick.choices(_SYLLABLES, k=28)])
    body = (
        f'{{"stream":"{stream}","state":"{state}","state_vi":"Đang xử lý","state_en":"handling",'
        f'"register_no":"TN-{n}","handler":{{"agency":"{agency}","label":"Cơ quan {agency}"}},'
        f'"filler":"{"x" * 2000}"}}'
    )
    due = opened + timedelta(days=15) if pick.random() < 0.4 else None
    return (
        1, stream, case, body, "{}", opened, due, n * each, n * each + each - 1, each, state, None,
        agency, [agency], ["CaseRegistered", "ReportReceived"], [], number, opened,
        opened + timedelta(minutes=pick.randrange(60)), due, words,
    )  # fmt: skip


def _change(enclave: Founded, text: str) -> None:
    with psycopg.connect(enclave.admin, autocommit=True) as connection:
        connection.execute(text.encode())
        connection.execute("ANALYZE proj.case_file")
