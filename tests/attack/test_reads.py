"""Whoever reads under an order is noted before the first byte leaves, whatever way they read."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import psycopg
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from api.home import write_private
from api.ops.home_notes import ACCESS_VKEYS
from api.ops.reads.which_log import READS
from api.ops.wiring.checkpointer import open_checkpointer
from api.settings import child_environment
from keys.custody.file import write_key
from keys.note import VKey
from ledger.log.checkpoint import open_checkpoint, unverified
from ledger.log.record import leaf
from ledger.reads.access_logged import origin_of
from ledger.reads.read import NotedRead, ReadBy
from tests import builders
from tests.a_ledger import appointment
from tests.attacks import attack
from tests.builders import CAST, an_act, an_id, officer
from tests.examples import share
from tests.fixtures.app import Service, listening
from tests.fixtures.compartments import STRANGER, WHOLE
from tests.fixtures.under_order import AUDITOR, INSPECTOR, PURPOSE, UnderOrder

pytestmark = pytest.mark.postgres
_TILE: Final = 256
"""Hashes of a full tile."""


def ways(under: UnderOrder) -> Iterator[tuple[str, str]]:  # noqa: PLR0915 - a list
    """(path, kind of the row) of every read that shows something of the case."""
    ids = under.world.hidden
    case, act, digest = ids.case, ids.act, ids.digest
    last = under.service.size() - 1
    yield f"/v1/cases/{case}", "CASE_FILE"
    yield f"/v1/cases/{case}?as_of={ids.index}", "CASE_FILE"
    yield f"/v1/cases/{case}/participants", "CASE_FILE"
    yield f"/v1/cases/{case}/copies", "CASE_FILE"
    yield f"/v1/cases/{case}/durations", "CASE_FILE"
    yield f"/v1/cases/{case}/relations", "CASE_FILE"
    yield f"/v1/cases/{case}/acts", "RECORD"
    yield f"/v1/cases/{case}/diff?from={ids.index}&to={last}", "HISTORY"
    yield f"/v1/cases/{case}/fields/state/history", "HISTORY"
    yield f"/v1/cases/{case}/verification", "RECORD"
    yield f"/v1/verification?cases={case}", "RECORD"
    yield "/v1/verification?changed_since=0", "RECORD"
    yield f"/v1/cases/{case}/raw", "RECORD"
    yield f"/v1/acts/{act}", "RECORD"
    yield f"/v1/cases/{case}/acts/1", "RECORD"
    yield f"/v1/acts/{act}/raw", "RECORD"
    yield f"/v1/acts/{act}/attachments/{digest}", "ATTACHMENT"
    yield f"/v1/acts/{act}/attachments/{digest}/custody", "ATTACHMENT"
    yield "/v1/cases", "LIST"
    yield "/v1/cases?q=2024/0187", "LIST"
    yield "/v1/cases/by-number/2024/0187", "CASE_FILE"
    yield "/v1/acts", "LIST"
    yield "/v1/acts?act=ReportReceived&clock=occurred", "LIST"
    yield "/v1/acts?pending=true", "LIST"
    yield "/v1/feed?limit=200", "FEED"
    yield "/v1/statistics", "FIGURES"
    yield "/v1/statistics.csv", "FIGURES"
    yield "/v1/statistics.xlsx", "FIGURES"
    yield f"/v1/streams/case/{case}/head", "RECORD"


def ask(service: Service, path: str, by: str) -> Any:  # noqa: ANN401  a response of Flask
    """A GET as an alias, read to its end."""
    return service.client.get(path, headers=service.headers(by), buffered=True)


@attack(
    "a case read under an order by any way there is, so that no row says so",
    stopped_by="one gate notes what every answer says that it shows, before it is sent (U1)",
    noticed_by="-",
)
def test_no_way_of_reading_under_an_order_is_unnoted(under_order: UnderOrder) -> None:
    """Each way leaves exactly its rows: who, under which order, what for, which case."""
    for path, kind in ways(under_order):
        before = len(under_order.rows())
        answer = ask(under_order.service, path, INSPECTOR)
        assert answer.status_code == 200, (path, answer.text)
        told = answer.headers["Read-Under"]
        assert told.startswith(f"A9; act={under_order.order}; until="), (path, told)
        rows = under_order.rows()[before:]
        assert {row.read.kind for row in rows} == {kind}, path
        for row in rows:
            assert (row.read.rule, row.read.via) == ("A9", under_order.order)
            assert row.read.purpose == PURPOSE
            assert row.read.session.officer == officer(INSPECTOR)
            assert row.posts[0] == CAST[INSPECTOR]
            if kind != "FIGURES":
                assert row.read.stream == under_order.world.stream, path
            if kind in ("RECORD", "ATTACHMENT", "FEED") and "/head" not in path:
                assert row.read.records, path


def test_what_is_seen_otherwise_is_not_noted(under_order: UnderOrder) -> None:
    """By part in the case, or not at all: a handler's work leaves no row, a stranger's 404 none."""
    before = len(under_order.rows())
    for path, _ in ways(under_order):
        seen = ask(under_order.service, path, WHOLE)
        assert (seen.status_code, "Read-Under" in seen.headers) == (200, False), path
        assert "Read-Under" not in ask(under_order.service, path, STRANGER).headers, path
    assert len(under_order.rows()) == before


@attack(
    "the log of reads is made to take no row, so that a case is read without one",
    stopped_by="nothing is shown: 503 read_not_logged",
    noticed_by="the refusal; the log of the API",
)
@pytest.mark.parametrize("how", share(["revoked", "closed"], 2, "no row"))
def test_what_cannot_be_noted_is_not_shown(under_order: UnderOrder, how: str) -> None:
    """V13: every way, and what is seen otherwise or not at all is answered as ever."""
    service = under_order.service
    reader = f"{service.database.slug}_reader"
    harm, mend = {
        "revoked": (f"REVOKE USAGE ON SCHEMA access FROM {reader}",
                    f"GRANT USAGE ON SCHEMA access TO {reader}"),
        # of a table that noting alone asks for: without another the checkpointer would stop
        "closed": ("ALTER TABLE access.tags RENAME TO gone",
                   "ALTER TABLE access.gone RENAME TO tags"),
    }[how]  # fmt: skip
    before = len(under_order.rows())
    unseen = ask(service, f"/v1/cases/{under_order.world.own.case}", INSPECTOR)
    with psycopg.connect(service.database.admin, autocommit=True) as admin:
        admin.execute(harm.encode())
        try:
            for path, _ in ways(under_order):
                answer = ask(service, path, INSPECTOR)
                assert answer.status_code == 503, (path, answer.text)
                assert answer.get_json()["code"] == "read_not_logged", path
                assert under_order.world.hidden.case not in answer.text
                assert ask(service, path, WHOLE).status_code == 200, path
            hidden = ask(service, f"/v1/cases/{under_order.world.own.case}", INSPECTOR)
        finally:
            admin.execute(mend.encode())
    assert len(under_order.rows()) == before
    assert plain(hidden) == plain(unseen), "what is not seen is answered alike (N1)"


def plain(answer: Any) -> tuple[int, dict[str, Any]]:  # noqa: ANN401  a response of Flask
    """Status and body, but for the request's own id."""
    body = dict(answer.get_json())
    return answer.status_code, {name: body[name] for name in body if name != "trace_id"}


_CHILD: Final = """
import os, signal, sys
from datetime import datetime
from api.http.app import create_app
from api.ops.wiring.enclave import Enclave
from api.settings import Settings

when, path, token = sys.argv[1:]
note = Enclave.note_shown

def killed(self, shown, caller):
    if when == "after":
        note(self, shown, caller)
    os.kill(os.getpid(), signal.SIGKILL)

Enclave.note_shown = killed
app = create_app(Enclave.open(Settings.from_env()))
answer = app.test_client().get(path, headers={"Authorization": "Bearer " + token}, buffered=True)
print(answer.text, flush=True)
"""


@attack(
    "the process is killed between the row and the reply, or before the row",
    stopped_by="the row is committed before the first byte leaves: never a reply without a row",
    noticed_by="a row of a read that perhaps nobody got",
)
@pytest.mark.parametrize(("when", "rows"), share([("before", 0), ("after", 1)], 2, "kills"))
def test_a_kill_loses_the_reply_and_never_the_row(
    under_order: UnderOrder, when: str, rows: int
) -> None:
    """V13: rows and replies compared."""
    service = under_order.service
    path, before = f"/v1/cases/{under_order.world.hidden.case}", len(under_order.rows())
    child = subprocess.run(
        [sys.executable, "-c", _CHILD, when, path, service.token(INSPECTOR)],
        env=child_environment(service.settings),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert (child.returncode, child.stdout) == (-signal.SIGKILL, b""), child.stderr.decode()
    assert len(under_order.rows()) == before + rows


def rows_of(service: Service, by: str, **query: object) -> dict[str, Any]:
    """What `GET /v1/access-log` answers."""
    answer = service.get("/v1/access-log", by, None, **query)
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


def test_an_answer_is_of_one_state_of_the_database(under_order: UnderOrder) -> None:
    """What it shows is asked by the reader's login in one transaction; its row is the next one.

    By what right is decided once more behind it, from the records, by the login that sees them all.
    """
    service, ids = under_order.service, under_order.world.hidden
    headers = service.headers(INSPECTOR, at=service.clock.now())
    # in a rehearsal the log is asked what day it is, for the last day of the caller's key, and
    # whether the time that is stated is behind it; the row goes over a connection that is kept
    beside = 2
    for path, proofs in (
        (f"/v1/cases/{ids.case}", 0),
        (f"/v1/cases/{ids.case}?as_of={ids.index}", 0),
        (f"/v1/cases/{ids.case}/durations", 0),
        (f"/v1/cases/{ids.case}/relations", 0),
        (f"/v1/cases/{ids.case}/participants", 0),
        (f"/v1/cases/{ids.case}/acts", 0),
        (f"/v1/cases/{ids.case}/diff?from={ids.index}", 0),
        (f"/v1/cases/{ids.case}/fields/state/history", 0),
        (f"/v1/cases/{ids.case}/acts/1", 1),
        (f"/v1/acts/{ids.act}", 1),
        (f"/v1/acts/{ids.act}/raw", 1),
    ):
        lent: list[int] = []
        while len(lent) < 60 and (not lent or min(lent) > 1 + beside + proofs):
            # others of the process, who look now and then, leave some of several alone
            before = service.enclave.connections.stats()["reader"]["requests_num"]
            assert service.client.get(path, headers=headers, buffered=True).status_code == 200, path
            lent.append(service.enclave.connections.stats()["reader"]["requests_num"] - before)
        assert min(lent) == 1 + beside + proofs, path


def test_the_log_of_reads_is_told_by_whom_it_concerns(under_order: UnderOrder) -> None:
    """Each their own; a supervisor those of the agency; an auditor of the overseer all (A11)."""
    service, case = under_order.service, under_order.world.hidden.case
    ask(service, f"/v1/cases/{case}", INSPECTOR)
    mine = rows_of(service, INSPECTOR)
    assert (mine["of"], mine["scope"]) == ("own", {"all": False, "agencies": []})
    newest = mine["reads"][0]
    assert (newest["rule"], newest["via"], newest["case"]) == ("A9", under_order.order, case)
    assert (newest["purpose"], newest["readable"]) == (PURPOSE, True)
    told = rows_of(service, AUDITOR)
    assert (told["of"], told["scope"]["all"]) == ("all", True)
    assert told["reads"][0]["kind"] == "ACCESS_LOG", "looking is a read (U5)"
    assert told["reads"][0]["officer"] == officer(INSPECTOR)
    assert newest in [row | {"index": None} for row in told["reads"]]
    for query in ({"case": case}, {"order": under_order.order}, {"agency": "bacninh.thanhtra"},
                  {"agency": "bacninh.thanhtra", "post": CAST[INSPECTOR][1]}):  # fmt: skip
        found = rows_of(service, AUDITOR, **query)["reads"]
        assert found, query
        assert {row["officer"] for row in found} <= {officer(INSPECTOR), officer(AUDITOR)}, query
    ids = under_order.world.hidden
    ask(service, f"/v1/acts/{ids.act}", INSPECTOR)
    shown = rows_of(service, AUDITOR, record=ids.index)["reads"]
    assert any(ids.index in row["records"] for row in shown)
    assert all(row["records"] == [] or ids.index in row["records"] for row in shown)
    other = under_order.world.own
    assert rows_of(service, AUDITOR, record=other.index)["reads"] == []
    assert rows_of(service, AUDITOR, case=other.case)["reads"] == []


@attack(
    "records looked for by index in one's own reads, to learn of which case each is",
    stopped_by="a record that the caller does not see is found by rows that name it, and no others",
    noticed_by="each look is a row",
)
def test_the_log_of_reads_tells_nobody_of_which_case_a_record_is(under_order: UnderOrder) -> None:
    """An inspector whose order has ended asks for each index that there is."""
    service, ids = under_order.service, under_order.world.hidden
    for path in (f"/v1/cases/{ids.case}", f"/v1/acts/{ids.act}"):
        assert ask(service, path, INSPECTOR).status_code == 200
    ended = [officer(INSPECTOR), under_order.order]

    def found() -> dict[int, list[list[int]]]:
        """Of each record: what the rows name that it is found by."""
        rows = {n: rows_of(service, INSPECTOR, record=n)["reads"] for n in range(service.size())}
        return {n: [row["records"] for row in told] for n, told in rows.items() if told}

    of_case = found()
    assert set(of_case) >= set(under_order.world.times[under_order.world.stream])
    assert [] in of_case[ids.index], "who sees the case is told of reads of all of it"
    with psycopg.connect(service.database.admin, autocommit=True) as admin:
        # of a record that the loop of the views never comes to, or it would take it away again
        admin.execute("INSERT INTO sec.ended VALUES (%s, %s, 1::bigint << 40)", ended)
        try:
            told = found()
        finally:
            admin.execute("DELETE FROM sec.ended WHERE officer = %s AND what = %s", ended)
    assert ids.index in told
    assert all(index in named for index, rows in told.items() for named in rows)


def test_what_was_shown_before_a_record_was_taken_did_not_show_it(under_order: UnderOrder) -> None:
    """A case file of yesterday is no read of what came today."""
    service, world = under_order.service, under_order.world
    path = f"/v1/cases/{world.hidden.case}"
    ask(service, path, INSPECTOR)
    service.step(minutes=7)
    sent = service.send(service.sign(world.pending, "gd", role="APPROVER"), "gd")
    assert sent.status_code == 201, sent.text
    index = sent.get_json()["index"]
    world.fold()
    assert rows_of(service, AUDITOR, record=index)["reads"] == []
    assert ask(service, path, INSPECTOR).status_code == 200
    rows = rows_of(service, AUDITOR, record=index)["reads"]
    assert [(row["kind"], row["case"]) for row in rows] == [("CASE_FILE", world.hidden.case)]


def test_pages_lead_on_to_every_row(under_order: UnderOrder) -> None:
    """Newest first, each once, with no row of the looking that came meanwhile."""
    service = under_order.service
    for _ in range(5):
        ask(service, "/v1/statistics", INSPECTOR)
    for by, of in ((INSPECTOR, "own"), (AUDITOR, "all")):
        before = len(under_order.rows())
        seen, query = list[dict[str, Any]](), {"limit": 2, "of": of}
        while True:
            page = rows_of(service, by, **query)
            seen += page["reads"]
            if "next" not in page:
                break
            query = query | {"cursor": page["next"]}
        rows = under_order.rows()[:before]
        told = [r for r in rows if of == "all" or r.read.session.officer == officer(by)]
        assert [(one["rule"], one["kind"], one["via"]) for one in seen] == [
            (one.read.rule, one.read.kind, one.read.via) for one in reversed(told)
        ]
        looked = len(under_order.rows()) - before
        assert looked == -(-len(seen) // 2), "each page looked at is a row"
        if of == "all":
            places = [one["index"] for one in seen]
            assert places == sorted(set(places), reverse=True)


@attack(
    "one's own reads looked at again and again, to learn by their places how much others read",
    stopped_by="a row's place is told to whom everybody's reads are told; cursors are of one"
    " length (D2)",
    noticed_by="each look is a row",
)
def test_ones_own_reads_tell_nothing_of_the_pace_of_others(under_order: UnderOrder) -> None:
    """Looked at while an inspector is at work and while nobody is: the same but for the time."""
    service, case = under_order.service, under_order.world.hidden.case

    def look(by: str) -> tuple[list[dict[str, Any]], int]:
        page = rows_of(service, by, of="own", limit=1)
        return [row | {"at": None} for row in page["reads"]], len(page.get("next", ""))

    lookers = (WHOLE, STRANGER)
    for by in lookers * 2:
        look(by)
    quiet = [look(by) for by in lookers]
    size = service.reads.head().size
    inspector = ReadBy(officer(INSPECTOR), builders.key(INSPECTOR).kid)
    read = NotedRead("A9", PURPOSE, "CASE_FILE", inspector, under_order.order, f"case/{case}")
    service.enclave.reads.note([read] * (10 ** len(str(size)) - size - 1))
    assert ask(service, f"/v1/cases/{case}", INSPECTOR).status_code == 200
    assert len(str(service.reads.head().size)) > len(str(size))
    for by in lookers:
        look(by)
    assert [look(by) for by in lookers] == quiet


@attack(
    "somebody else asks who reads the cases of their agency: by API, its tiles and checkpoints",
    stopped_by="each is told of their own reads; to everybody else the tree is not there (D2)",
    noticed_by="each look is a row",
)
@pytest.mark.parametrize("by", [WHOLE, STRANGER, INSPECTOR, "gd"])
def test_the_inspected_do_not_see_that_they_are_read(under_order: UnderOrder, by: str) -> None:
    """A handler, a stranger, the inspector, the head of the inspected agency."""
    service, case = under_order.service, under_order.world.hidden.case
    ask(service, f"/v1/cases/{case}", INSPECTOR)
    theirs = rows_of(service, by, case=case)["reads"]
    assert by == INSPECTOR or officer(INSPECTOR) not in {row["officer"] for row in theirs}
    assert rows_of(service, by)["of"] in ("own", "agency")
    refused = service.get("/v1/access-log", by, of="all")
    assert (refused.status_code, refused.get_json()["code"]) == (403, "own_reads_only")
    nothing = service.get("/logs/nothing/checkpoint", by)
    for path in ("/logs/access/checkpoint", "/logs/access/tile/0/000.p/1",
                 "/logs/access/tile/entries/000.p/1"):  # fmt: skip
        assert plain(service.get(path, by)) == plain(nothing)
        assert service.client.get(path).status_code == 401


@attack(
    "acts are listed by the key of somebody, to see at what they work",
    stopped_by="for a supervisor of the key's agency and under an inspection order alone, of what"
    " they see (A28); a key that is not there is refused alike",
    noticed_by="each look is a row of its own",
)
def test_acts_are_listed_by_key_for_few_and_each_look_is_noted(under_order: UnderOrder) -> None:
    """The supervisor and the inspector; no handler, auditor, stranger or supervisor elsewhere."""
    service, case = under_order.service, under_order.world.stream
    kid, absent = builders.key("cv").kid, "A" * 43
    before = len(under_order.rows())
    for by in ("cv", "hotline", STRANGER, "hpct", AUDITOR):
        refused = service.get("/v1/acts", by, kid=kid)
        assert (refused.status_code, refused.get_json()["code"]) == (403, "key_not_yours"), by
        assert plain(service.get("/v1/acts", by, kid=absent)) == plain(refused), by
    assert plain(service.get("/v1/acts", "gd", kid=absent)) == plain(refused)
    theirs = builders.key(STRANGER).kid
    assert plain(service.get("/v1/acts", "gd", kid=theirs)) == plain(refused)
    assert len(under_order.rows()) == before
    told = {}
    for by, agency in (("gd", CAST["gd"][0]), (INSPECTOR, CAST[INSPECTOR][0])):
        before = len(under_order.rows())
        answer = service.get("/v1/acts", by, kid=kid)
        assert answer.status_code == 200, answer.text
        told[by] = [line["act_id"] for line in answer.get_json()["acts"]]
        assert {line["stream"] for line in answer.get_json()["acts"]} == {case}
        rows = under_order.rows()[before:]
        (looked,) = [row for row in rows if row.read.rule == "A28"]
        assert looked.read.purpose.endswith(kid)
        assert (looked.read.session.officer, looked.read.kind) == (officer(by), "LIST")
        assert {post.agency for post in looked.posts} == {agency}
        assert {row.read.rule for row in rows} == ({"A28"} if by == "gd" else {"A28", "A9"})
    assert told["gd"] == told[INSPECTOR] != []
    other = service.get("/v1/acts", INSPECTOR, kid=theirs)
    assert other.get_json()["acts"] == [], "of what the order shows"


@attack(
    "what a key touched is asked for by whoever may neither revoke it nor supervises it",
    stopped_by="one refusal, also of a key that is not there (A28)",
    noticed_by="each look is a row of its own",
)
def test_what_a_key_touched_is_told_to_few_and_each_look_is_noted(under_order: UnderOrder) -> None:
    """Its officer, their supervisor, an inspector; of what they see, from an instant on."""
    service = under_order.service
    kid, absent = builders.key("cv").kid, "A" * 43
    acts = {one["act_id"] for one in service.get("/v1/acts", "gd", kid=kid).get_json()["acts"]}
    touched = f"/v1/keys/{kid}/affected"
    for by in ("hotline", STRANGER, "hpct", AUDITOR):
        refused = service.get(touched, by)
        assert (refused.status_code, refused.get_json()["code"]) == (403, "key_not_yours"), by
        assert plain(service.get(f"/v1/keys/{absent}/affected", by)) == plain(refused), by
    for by in ("gd", INSPECTOR, "cv"):
        before = len(under_order.rows())
        body = service.get(touched, by).get_json()
        assert {one["act_id"] for one in body["statements"]} == acts, by
        (theirs_of,) = body["cases"]
        assert theirs_of["id"] == under_order.world.hidden.case
        assert theirs_of["statements"] == len(body["statements"])
        rows = under_order.rows()[before:]
        assert [row.read.rule for row in rows if row.read.rule == "A28"] == ["A28"], by
    later = quote(service.clock.now().isoformat(timespec="seconds"))
    assert ask(service, f"{touched}?from={later}", "gd").get_json()["statements"] == []


def test_an_auditor_follows_the_tree(under_order: UnderOrder) -> None:
    """Checkpoint by its own key, tiles and entries that lead to its root, over more than one."""
    service = under_order.service
    by = ReadBy(officer(AUDITOR), builders.key(AUDITOR).kid)
    service.enclave.reads.note([NotedRead("A11", "Kiểm tra", "ACCESS_LOG", by)] * _TILE)
    there = service.enclave.access_log.stored.head().size
    for _ in range(1_200):
        answer = service.get("/logs/access/checkpoint", AUDITOR)
        if answer.status_code == 200 and int(answer.text.split("\n")[1]) >= there:
            break
        time.sleep(0.1)
    else:
        pytest.fail(f"no checkpoint covers what is noted: {service.stopped}")
    vkeys = (service.settings.home / ACCESS_VKEYS).read_text("ascii").split()
    origin = origin_of(service.enclave.facts.origin)
    note = open_checkpoint(answer.data, [VKey.parse(one) for one in vkeys], origin=origin)
    size = note.checkpoint.size
    full, rest = divmod(size, _TILE)
    assert full
    leaves: list[bytes] = []
    for place in [f"{n:03}" for n in range(full)] + [f"{full:03}.p/{rest}"] * (rest > 0):
        entries = service.get(f"/logs/access/tile/entries/{place}", AUDITOR).data
        some = [leaf(entries[n + 2 : n + 34]) for n in range(0, len(entries), 34)]
        assert service.get(f"/logs/access/tile/0/{place}", AUDITOR).data == b"".join(some)
        leaves += some
    assert len(leaves) == size
    assert merkle_root(leaves) == note.checkpoint.root
    above = [merkle_root(leaves[_TILE * n : _TILE * (n + 1)]) for n in range(full)]
    assert service.get(f"/logs/access/tile/1/000.p/{full}", AUDITOR).data == b"".join(above)


@attack(
    "reads looked for by SQL over the reader's login, with a ticket and without",
    stopped_by="it notes and reads nothing: the functions answer to a key outside the database",
    noticed_by="-",
)
@pytest.mark.parametrize("by", [None, WHOLE, AUDITOR])
def test_the_readers_login_reads_no_read(under_order: UnderOrder, by: str | None) -> None:
    """Neither rows nor how many there are, whoever's ticket comes with it (D2)."""
    service = under_order.service
    with psycopg.connect(service.database.dsn("reader")) as connection:
        if by is not None:
            who = service.enclave.sign_in.caller(service.headers(by)["Authorization"])
            ticket = service.enclave.asker(who, of_cases=True, at=None).ticket
            connection.execute("SELECT set_config('app.ticket', %s, true)", [ticket])
        for query in (
            "SELECT * FROM access.noted(%s, '{}', 1000000, 100)",
            "SELECT * FROM access.latest(%s)",
            "SELECT * FROM access.bundle(%s, 0, 100)",
        ):
            for gate in (b"", b"x" * 32):
                assert connection.execute(query.encode(), [gate]).fetchall() == []
        tile = connection.execute("SELECT access.tile('', 0::int2, 0, 1::int2)").fetchone()
        assert tile == (None,)
        for table in ("records", "wraps", "streams", "tags", "log_head", "tiles", "checkpoints"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(f"SELECT FROM access.{table}".encode())


@attack(
    "the last read's time asked by noting a row that is dated before it",
    stopped_by="the answer says that it is late, and neither when nor where the last one stands",
    noticed_by="what is not late is junk among the rows",
)
def test_who_may_note_is_not_told_when_the_last_was(under_order: UnderOrder) -> None:
    """Nor the key of the gate being asked for it with another."""
    service = under_order.service
    ask(service, "/v1/statistics", INSPECTOR)
    with psycopg.connect(service.database.dsn("reader")) as connection:
        told = connection.execute(
            "SELECT * FROM access.append("
            "  '00000000-0000-5000-8000-000000000002', %s, 1, '2020-01-01Z',"
            "  ARRAY[gen_random_uuid()], ARRAY[decode(repeat('00', 32), 'hex')],"
            "  ARRAY['\\x01'::bytea || decode(repeat('00', 600), 'hex')],"
            "  decode(repeat('00', 16), 'hex'),"
            "  ARRAY['\\x01'::bytea || decode(repeat('00', 76), 'hex')], '{}', '{}')",
            ["reads/00000000-0000-4000-8000-000000000002"],
        ).fetchall()
        assert told == [("late",)]
        told = connection.execute(
            "SELECT * FROM access.append_one("
            "  '00000000-0000-5000-8000-000000000002', %s, 1, '2020-01-01Z',"
            "  gen_random_uuid(), decode(repeat('00', 32), 'hex'),"
            "  '\\x01'::bytea || decode(repeat('00', 600), 'hex'),"
            "  '\\x01'::bytea || decode(repeat('00', 76), 'hex'), '')",
            ["reads/00000000-0000-4000-8000-000000000002"],
        ).fetchall()
        assert told == [("late",)]
        head = connection.execute("SELECT * FROM access.head(%s)", [b"x" * 32]).fetchall()
    assert head == []


@attack(
    "a supervisor of the inspected agency, where the inspector has been given a second post, asks"
    " for the reads of the agency's officers and for the custody of a file",
    stopped_by="a row has the posts alone that are of the body it is read for (D2)",
    noticed_by="each look is a row",
)
def test_a_second_post_tells_the_inspected_of_no_read(under_order: UnderOrder) -> None:
    """A post apart, which shows its holder no case: what is read is by the order all the same."""
    service, ids = under_order.service, under_order.world.hidden
    agency, post = CAST["cv2"]
    facts: dict[str, Any] = {"agency": agency, "post": post, "powers": ["SECURITY_OFFICER"]}
    second = appointment(INSPECTOR, service.step(minutes=1), **facts)
    service.say(second, "founder")
    service.known(service.size() - 1)
    file = f"/v1/acts/{ids.act}/attachments/{ids.digest}"
    before = len(under_order.rows())
    for path in (f"/v1/cases/{ids.case}", file, "/v1/statistics"):
        assert ask(service, path, INSPECTOR).status_code == 200
    rows_of(service, INSPECTOR)
    rows = under_order.rows()[before:]
    held = [(CAST[INSPECTOR],)] * 3 + [()]
    assert [row.posts for row in rows] == held, [row.read.kind for row in rows]
    told = rows_of(service, "gd", of="agency", limit=200)
    assert told["scope"]["agencies"] == [agency]
    assert officer(INSPECTOR) not in {row["officer"] for row in told["reads"]}
    events = ask(service, f"{file}/custody", "gd").get_json()["events"]
    assert officer(INSPECTOR) not in {event["officer"] for event in events}


@attack(
    "junk noted over the reader's login",
    stopped_by="- ; it is in the form of a row and says nothing",
    noticed_by="it is told as unreadable; log audit",
)
def test_junk_among_the_rows_stops_nobody(under_order: UnderOrder) -> None:
    """An auditor is told that it is there, and of all the rest."""
    service = under_order.service
    ask(service, "/v1/statistics", INSPECTOR)
    head = noted_head(service)
    with psycopg.connect(service.database.dsn("reader")) as connection:
        status = connection.execute(
            "SELECT access.append("
            "  '00000000-0000-5000-8000-000000000001', %s, 1, %s, ARRAY[gen_random_uuid()],"
            "  ARRAY[decode(repeat('00', 32), 'hex')],"
            "  ARRAY['\\x01'::bytea || decode(repeat('00', 600), 'hex')],"
            "  decode(repeat('00', 16), 'hex'),"
            "  ARRAY['\\x01'::bytea || decode(repeat('00', 76), 'hex')], '{}', '{}')",
            ["reads/00000000-0000-4000-8000-000000000001", head],
        ).fetchone()
    assert status == ("ok",)
    told = rows_of(service, AUDITOR)["reads"]
    assert [row["readable"] for row in told[:2]] == [False, True]


def merkle_root(leaves: list[bytes]) -> bytes:
    """RFC 9162 §2.1.1, as it says it: no code of ours."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    left, right = merkle_root(leaves[:k]), merkle_root(leaves[k:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def noted_head(service: Service) -> object:
    """When the newest row was noted."""
    with psycopg.connect(service.database.dsn("auditor")) as connection:
        found = connection.execute("SELECT recorded_at FROM access.log_head").fetchone()
    assert found is not None
    return found[0]


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_reads_at_a_terminal(under_order: UnderOrder, tmp_path: Path, lang: str) -> None:
    """`socai reads`: who, under which order and what for, at 80 columns; an empty list says so."""
    service = under_order.service
    ask(service, f"/v1/cases/{under_order.world.hidden.case}", INSPECTOR)
    secret = tmp_path / "passphrase"
    write_private(secret, b"of a test")
    with listening(service) as url:

        def socai(by: str, *words: str) -> Result:
            path = tmp_path / f"{by}.socaikey"
            if not path.exists():
                write_key(path, builders.key(by), b"of a test")
            env = {"SOCAI_PASSPHRASE_FILE": str(secret), "SOCAI_HOME": str(tmp_path / "none"),
                   "COLUMNS": "80"}  # fmt: skip
            log = service.enclave.facts.origin
            named = ["--key", str(path), "--server", url, "--log", log]
            return CliRunner().invoke(main, ["--lang", lang, "reads", *words, *named], env=env)

        found = socai(AUDITOR, "--order", under_order.order)
        assert found.exit_code == 0, found.output
        lines = [line for line in found.output.splitlines() if "--cursor" not in line]
        assert max(map(len, lines)) <= 80, "but for a cursor, which is to be copied"
        assert "Thanh tra" in found.output, "a post by what it is called"
        assert under_order.order[:8] in found.output
        told = socai(STRANGER, "--order", builders.an_id(f"no order, {lang}"))
        assert told.exit_code == 0, told.output
        assert ("Bạn chưa xem gì" if lang == "vi" else "You have read nothing") in told.output
        refused = socai(STRANGER, "--of", "all")
        assert refused.exit_code != 0
        assert "Traceback" not in refused.output


def test_a_checkpoint_of_the_log_of_reads_is_printed_to_whom_its_tree_is_told(
    under_order: UnderOrder, tmp_path: Path
) -> None:
    """`socai log checkpoint --reads`: for an overseer's auditor; a sentence to everybody else."""
    service = under_order.service
    ask(service, "/v1/statistics", INSPECTOR)
    checkpointer, pool = open_checkpointer(service.settings, which=READS)
    with closing(pool):
        while service.enclave.access_log.stored.latest() is None:
            checkpointer.checkpoint_once()
    secret = tmp_path / "passphrase"
    write_private(secret, b"of a test")
    vkeys = (service.settings.home / ACCESS_VKEYS).read_text("ascii").split()
    origin = origin_of(service.enclave.facts.origin)
    with listening(service) as url:

        def socai(by: str, *words: str) -> Result:
            path = tmp_path / f"{by}.socaikey"
            if not path.exists():
                write_key(path, builders.key(by), b"of a test")
            env = {"SOCAI_PASSPHRASE_FILE": str(secret), "SOCAI_HOME": str(service.settings.home)}
            asked = ["log", "checkpoint", *words, "--key", str(path), "--server", url]
            return CliRunner().invoke(main, ["--lang", "en", *asked], env=env)

        told = socai(AUDITOR, "--reads")
        assert told.exit_code == 0, told.output
        note = told.output.encode()
        found = open_checkpoint(note, [VKey.parse(one) for one in vkeys], origin=origin)
        assert found.checkpoint.size <= service.enclave.access_log.stored.head().size
        for by in (INSPECTOR, WHOLE):
            refused = socai(by, "--reads")
            assert (refused.exit_code, refused.stdout) == (1, "")
            assert "for the auditors of an overseer alone" in refused.stderr
        of_acts = unverified(socai(AUDITOR).stdout.encode()).origin
        assert of_acts == service.enclave.facts.origin, "that of acts is for everybody"


@attack(
    "an inspected officer records an act whose id begins as the order's does that they are read by",
    stopped_by="acts of agencies are found by how their id begins too, and two are told as two",
    noticed_by="-",
)
def test_a_short_id_of_an_order_is_never_another_act(under_order: UnderOrder) -> None:
    """Whoever looks up the reads under it would be shown another's, which are none."""
    service, order = under_order.service, under_order.order
    (found,) = service.get("/v1/acts", AUDITOR, id=order[:8]).get_json()["acts"]
    assert (found["act_id"], found["stream"]) == (order, "agency/bacninh.thanhtra")
    alike = f"{order[:8]}-0000-4000-8000-000000000000"
    stream = f"case/{an_id('alike')}"
    act = an_act("ReportReceived", when=service.clock.now(), stream=stream, act_id=alike)
    service.known(service.say(act, "hotline")["index"])
    under_order.world.fold()
    both = service.get("/v1/acts", "hotline", id=order[:8]).get_json()["acts"]
    assert {one["act_id"] for one in both} == {order, alike}
