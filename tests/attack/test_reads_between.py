"""Which routes show a case under an order, and what may change while one of them answers."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from threading import Thread
from typing import Any

import psycopg
import pytest

from api.home import Home
from api.ops.reads.which_log import API_READS, READS
from api.ops.wiring.checkpointer import open_checkpointer
from ledger.checkpoints.log_watch import LogWatch
from ledger.checkpoints.seen_file import DoubtMark, SeenFile
from ledger.errors import NotFound
from ledger.message import Wording
from ledger.postgres.connect import Connection
from ledger.reads.shown import ShownCases
from projections.queries.cases import stored_case_file
from projections.queries.visibility import Visibility
from tests.attack.test_reads import ask, ways
from tests.attacks import attack
from tests.builders import officer
from tests.examples import share
from tests.fixtures.app import Service
from tests.fixtures.compartments import WHOLE
from tests.fixtures.under_order import INSPECTOR, UnderOrder
from tests.other_servers import programs_of
from tests.rows import each

pytestmark = pytest.mark.postgres
#: Routes that may answer of cases, and why none is among the ways to read one under an order.
_NO_WAYS = {
    "/v1/attachments": "a file is of no case until an act lists it",
    "/v1/acts/<act_id>/letter": "for the act's author, by the vault",
    "/v1/acts/<act_id>/shares": "for custodians, by the vault",
    "/v1/acts/<act_id>/identity": "for the act's author, noted by the vault",
    "/v1/acts/<act_id>/attachments/<digest>/copies": "by a permit, and noted first",
    "/v1/cases/<case>/print.pdf": "by a permit, and noted first",
    "/v1/cases/<case>/lower-acts/<act_id>/attachments/<digest>": (
        "by a grant above ordinary: tests/e2e/test_merged_history.py"
    ),
    "/v1/keys/<kid>/affected": "by key, and each look a row of its own (test_reads)",
    "/v1/lower-logs": "of no case: how far each lower log is taken in",
    "/v1/worklist": "of what waits for one's own posts, which an order gives nothing",
}
_BROKEN_OFF = (
    "SELECT {}(pid) FROM pg_stat_activity WHERE datname = current_database()"
    " AND wait_event_type = 'Lock' AND query LIKE '%proj.file_now%'"
)
_PLACED = (
    "UPDATE proj.views SET position = (SELECT size - {} FROM log.log_head)"
    " WHERE view = 'audience' AND state = 'live'"
)


@pytest.fixture
def admin(under_order: UnderOrder) -> Iterator[psycopg.Connection[Any]]:
    """The owner of the database."""
    with psycopg.connect(under_order.service.database.admin, autocommit=True) as connection:
        yield connection


@contextmanager
def folded_anew(admin: psycopg.Connection[Any], case: str) -> Iterator[None]:
    """The stored file of a case is not right any more, so that it is read in a transaction."""
    said = "SELECT changes_at FROM proj.case_file WHERE case_id = %s"
    before = admin.execute(said, [case]).fetchone()
    assert before is not None
    change = "UPDATE proj.case_file SET changes_at = %s WHERE case_id = %s"
    admin.execute(change, ["2000-01-01Z", case])
    try:
        yield
    finally:
        admin.execute(change, [*before, case])


@attack(
    "a case read under an order so slowly that nobody knows any more by what it is seen",
    stopped_by="503 audience_late where the database does not tell at the end of the read",
    noticed_by="-",
)
def test_a_slow_answer_is_not_shown_without_its_row(
    under_order: UnderOrder, admin: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The beat is good when the read begins, and not when it ends: a file that is folded anew."""
    service, case = under_order.service, under_order.world.hidden.case
    read, waits = stored_case_file.stored, list[int]()

    def slow(connection: Connection, stream: str) -> Any:  # noqa: ANN401  what is patched
        found = read(connection, stream)
        assert found is not None
        for _ in range(500):
            if connection.execute("SELECT sec.gen() IS NULL").fetchone() == (True,):
                waits.append(1)
                break
            time.sleep(0.02)
        return found

    monkeypatch.setattr(stored_case_file, "stored", slow)
    try:
        with folded_anew(admin, case):
            # a machine that is slow has not begun to read by then, or has caught up
            while not waits:
                before = len(under_order.rows())
                admin.execute(_PLACED.format(2).encode())
                admin.execute("UPDATE sec.beat SET at = clock_timestamp() - interval '3 seconds'")
                answer = ask(service, f"/v1/cases/{case}", INSPECTOR)
    finally:
        admin.execute(_PLACED.format(1).encode())
    assert (answer.status_code, answer.get_json()["code"]) == (503, "audience_late")
    assert case not in answer.text
    assert len(under_order.rows()) == before


@attack(
    "the database breaks off a case that is read under an order, or the connection is lost midway",
    stopped_by="file, order and whether it may be told are one statement: all of it, or 503",
    noticed_by="-",
)
@pytest.mark.parametrize(
    ("breaks", "status"),
    [("pg_cancel_backend", 503), ("pg_terminate_backend", 200)],
    ids=["the statement", "the connection"],
)
def test_a_case_is_read_whole_or_not_at_all(
    under_order: UnderOrder, admin: psycopg.Connection[Any], breaks: str, status: int
) -> None:
    """Nothing of it and no row; or asked again over another connection, with one row."""
    service, case = under_order.service, under_order.world.hidden.case
    before, answers = len(under_order.rows()), list[Any]()
    asking = Thread(
        target=lambda: answers.append(ask(service, f"/v1/cases/{case}", INSPECTOR)), daemon=True
    )
    with closing(psycopg.connect(service.database.admin)) as holder:
        holder.execute("LOCK TABLE proj.case_file IN ACCESS EXCLUSIVE MODE")
        asking.start()
        while not admin.execute(_BROKEN_OFF.format(breaks).encode()).fetchall():
            time.sleep(0.02)
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            asking.join()  # nobody has to let go of anything
    asking.join()
    (answer,) = answers
    assert answer.status_code == status, answer.text
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        assert answer.get_json()["code"] == "database_unavailable"
        assert case not in answer.text
    told = [row.read.via for row in under_order.rows()[before:]]
    assert told == [under_order.order] * (status == HTTPStatus.OK)


@attack(
    "a part in a case that ends between the two tries of one answer, so that the second is by an"
    " order alone",
    stopped_by="each transaction in which something was shown is asked by what it is seen",
    noticed_by="-",
)
def test_what_a_second_try_shows_is_asked_again(
    under_order: UnderOrder, admin: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """First by post, then by the order: a row."""
    service, ids = under_order.service, under_order.world.hidden
    before, tries = len(under_order.rows()), list[str]()
    admin.execute(
        "INSERT INTO sec.members (gen, officer, who, via, since, until, rule)"
        " SELECT a.gen, %s, a.who, 'a post', '-infinity', 'infinity', 'A1' FROM sec.audience a"
        " JOIN log.streams s ON s.stream_id = a.comp"
        " WHERE s.name = %s AND a.act = '00000000-0000-0000-0000-000000000000' LIMIT 1",
        [officer(INSPECTOR), under_order.world.stream],
    )
    told = Visibility.read_under

    def ended(self: Visibility, stream: str) -> Any:  # noqa: ANN401  what is patched
        tries.append(stream)
        if len(tries) == 1:
            admin.execute("DELETE FROM sec.members WHERE via = 'a post'")
            raise NotFound(stream)
        return told(self, stream)

    monkeypatch.setattr(Visibility, "read_under", ended)
    try:
        answer = ask(service, f"/v1/cases/{ids.case}", INSPECTOR)
    finally:
        admin.execute("DELETE FROM sec.members WHERE via = 'a post'")
    assert (answer.status_code, len(tries)) == (200, 2)
    assert [row.read.via for row in under_order.rows()[before:]] == [under_order.order]


@attack(
    "whoever is inspected asks for the custody of a file that an inspector has read",
    stopped_by="a read under an order is told to whom the log of reads tells it (D2)",
    noticed_by="-",
)
def test_the_custody_of_a_file_tells_the_inspected_nothing(under_order: UnderOrder) -> None:
    """The reader sees it in the same history, and the handler sees their own read beside it."""
    service, ids = under_order.service, under_order.world.hidden
    path = f"/v1/acts/{ids.act}/attachments/{ids.digest}"
    for by in (WHOLE, INSPECTOR):
        assert ask(service, path, by).status_code == 200

    def readers(by: str) -> set[str]:
        events = ask(service, f"{path}/custody", by).get_json()["events"]
        return {event["officer"] for event in events if event["event"] == "READ"}

    assert readers(WHOLE) == {officer(WHOLE)}
    assert readers(INSPECTOR) == {officer(WHOLE), officer(INSPECTOR)}


def test_every_route_of_cases_is_tried(under_order: UnderOrder) -> None:
    """A new route stands among the ways of reading, or nobody has thought of who notes it."""
    app = under_order.service.app
    urls = app.url_map.bind("")
    tried = {urls.match(path.partition("?")[0], return_rule=True)[0].rule
             for path, _ in ways(under_order)}  # fmt: skip
    tried |= {"/v1/acts/prepare", "/v1/acts/check"}
    gates = {
        rule.rule: app.view_functions[rule.endpoint].__dict__.get("gate")
        for rule in app.url_map.iter_rules()
    }
    of_cases = {
        rule for rule, gate in gates.items() if gate and gate.of_cases and gate.access == "officer"
    }
    assert of_cases == tried | _NO_WAYS.keys()
    assert not tried & _NO_WAYS.keys()


@attack(
    "a case looked at under an order by what shows no body: HEAD, 304, bytes to sign, a check",
    stopped_by="whatever way is asked, the answer is noted before it is sent (U1)",
    noticed_by="-",
)
def test_answers_without_a_body_and_before_a_write_are_noted(under_order: UnderOrder) -> None:
    """Each of them a row; work of one's own, none."""
    service, client = under_order.service, under_order.service.client
    headers = service.headers(INSPECTOR)
    for path, kind in each(share(list(ways(under_order)), 2, "without a body")):
        tag = ask(service, path, INSPECTOR).headers.get("ETag")
        for method, more, status in (("HEAD", {}, 200), ("GET", {"If-None-Match": tag}, 304)):
            if status == 304 and tag is None:
                continue
            before = len(under_order.rows())
            answer = client.open(path, method=method, headers=headers | more, buffered=True)
            assert answer.status_code == status, (method, path)
            assert {row.read.kind for row in under_order.rows()[before:]} == {kind}, (method, path)
    act = dict(under_order.world.pending.signed)
    for path in ("/v1/acts/prepare", "/v1/acts/check"):
        before = len(under_order.rows())
        answer = client.post(path, json={"act": act}, headers=headers)
        assert answer.status_code != 404, answer.text
        rows = under_order.rows()[before:]
        assert [(row.read.kind, row.read.via) for row in rows] == [("RECORD", under_order.order)]
    before = len(under_order.rows())
    assert ask(service, "/v1/worklist", INSPECTOR).status_code == 200
    assert len(under_order.rows()) == before


@attack(
    "an answer to a POST of which nothing was said",
    stopped_by="it is not sent, as to a GET",
    noticed_by="the log of the API",
)
def test_a_post_of_which_nothing_was_said_is_not_answered(
    under_order: UnderOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever wrote it forgot to say which cases it shows."""
    service, act = under_order.service, dict(under_order.world.pending.signed)
    sent = {"json": {"act": act}, "headers": service.headers(WHOLE)}
    assert service.client.post("/v1/acts/check", **sent).status_code == 200
    monkeypatch.setattr(ShownCases, "said", property(lambda _: False, lambda *_: None))
    answer = service.client.post("/v1/acts/check", **sent)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "stopped")


def _dumped(service: Service) -> bytes:
    """The log of reads alone, as its backup has it."""
    command = [
        str(programs_of(service.database.server) / "pg_dump"),
        "--format=custom",
        "--schema=access",
    ]
    dsn = service.database.dsn("backup")
    return subprocess.run([*command, dsn], check=True, capture_output=True).stdout


def _put_back(service: Service, dump: bytes) -> None:
    """In the place of what is there; nobody's connection ends."""
    with psycopg.connect(service.database.admin) as admin:
        admin.execute("DROP SCHEMA access CASCADE")
    command = [
        str(programs_of(service.database.server) / "pg_restore"),
        f"--dbname={service.database.admin}",
    ]
    subprocess.run(command, input=dump, check=True, capture_output=True)


def _watching(service: Service) -> LogWatch:
    """The API's watch of the log of reads, once it has seen a checkpoint over every row."""
    watch = service.enclave.access_log.watch
    assert watch is not None
    checkpointer, pool = open_checkpointer(service.settings, which=READS)
    with closing(pool):
        while watch.covered < service.enclave.access_log.stored.head().size:
            checkpointer.checkpoint_once()
            watch.look()
    return watch


def _reads_check(service: Service) -> dict[str, Any]:
    """What readiness says of the log of reads."""
    answer = service.readiness("reads", "en")
    (check,) = [one for one in answer.get_json()["checks"] if one["name"] == "reads"]
    assert check["ok"] or answer.status_code == 503
    found: dict[str, Any] = check
    return found


@attack(
    "an older copy of the log of reads alone is put back under the running service, so that a read"
    " is noted where its row is thrown away again",
    stopped_by="what the API has seen of it, kept outside the database, and the last row it saw in"
    " the very statement of the append",
    noticed_by="503 read_not_logged, readiness, which tells no figure of it",
)
def test_over_an_older_log_of_reads_nothing_is_shown(under_order: UnderOrder) -> None:
    """At once, and before anybody has looked; then the truth comes back. Last of this module."""
    service, path = under_order.service, f"/v1/cases/{under_order.world.hidden.case}"
    _watching(service)
    older = _dumped(service)
    assert ask(service, path, INSPECTOR).status_code == 200
    watch = _watching(service)
    right, size = _dumped(service), service.enclave.access_log.stored.head().size
    watch.close()  # so that it is the append which refuses, and not a look that came before it
    _put_back(service, older)
    assert service.enclave.access_log.stored.head().size < size
    rows = len(under_order.rows())
    for _ in range(2):
        answer = ask(service, path, INSPECTOR)
        assert (answer.status_code, answer.get_json()["code"]) == (503, "read_not_logged")
        assert ask(service, path, WHOLE).status_code == 200
        watch.look()  # the second time it is known
    assert len(under_order.rows()) == rows
    assert not (told := _reads_check(service))["ok"]
    assert not any(letter.isdigit() for letter in told["detail"]), told
    kept = SeenFile(Home(service.settings).seen_folder(API_READS)).read()
    assert kept is not None
    assert kept.split(b"\n")[1] == str(size).encode(), "the memory stays at what was seen"
    _put_back(service, right)
    watch.look()
    assert _reads_check(service)["ok"]
    assert ask(service, path, INSPECTOR).status_code == 200


@attack(
    "reads go on being noted after the checkpointer of the log of reads stopped on doubt, where no"
    " checkpoint covers them and they can be taken away unseen",
    stopped_by="its mark, where it is on this machine: what needs a row is not shown",
    noticed_by="503 read_not_logged, readiness",
)
def test_where_the_checkpointer_of_reads_stopped_nothing_is_shown(under_order: UnderOrder) -> None:
    """Until `log resume` takes the mark away."""
    service, path = under_order.service, f"/v1/cases/{under_order.world.hidden.case}"
    mark, rows = DoubtMark(Home(service.settings).seen_folder(READS.seen)), len(under_order.rows())
    mark.leave(Wording("vì 1", "for 1"))
    try:
        answer = ask(service, path, INSPECTOR)
        told = _reads_check(service)
        assert ask(service, path, WHOLE).status_code == 200
    finally:
        mark.clear()
    assert (answer.status_code, answer.get_json()["code"]) == (503, "read_not_logged")
    assert not told["ok"]
    assert "1" not in told["detail"]
    assert len(under_order.rows()) == rows
    assert ask(service, path, INSPECTOR).status_code == 200
    assert _reads_check(service)["ok"]


@attack(
    "an operator at night, on a machine that has seen nothing of the log of reads, is sent to a"
    " command that finds nothing in doubt",
    stopped_by="readiness names the command that helps: of the API's memory and of its own mark's",
    noticed_by="readiness",
)
def test_without_a_memory_of_reads_readiness_names_what_helps(under_order: UnderOrder) -> None:
    """`log remember` while one is missing, `log resume` once both are there."""
    service, watch = under_order.service, _watching(under_order.service)
    home = Home(service.settings)
    mark = DoubtMark(home.seen_folder(READS.seen))
    memories = [SeenFile(home.seen_folder(role)) for role in (API_READS, READS.seen)]
    kept = [memory.read() or b"" for memory in memories]
    for memory in memories:
        memory.path.unlink()
    told = list[str]()
    try:
        watch.look()
        told += [_reads_check(service)["detail"]]
        memories[0].write(kept[0])
        watch.look()
        assert _reads_check(service)["ok"], "the API may be on another machine than its signer"
        mark.leave(Wording("vì", "for"))
        told += [_reads_check(service)["detail"]]
        memories[1].write(kept[1])
        told += [_reads_check(service)["detail"]]
    finally:
        for memory, note in zip(memories, kept, strict=True):
            memory.write(note)
        mark.clear()
    assert ["socai log remember" in one for one in told] == [True, True, False], told
    assert "socai log resume" in told[2]
    watch.look()
    assert _reads_check(service)["ok"]
