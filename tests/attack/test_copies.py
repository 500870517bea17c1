"""A copy of a file leaves by a permit of its case, its number and its row before its first byte."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from api.home import write_private
from keys.custody.file import write_key
from ledger.reads.access_logged import AccessRow
from ledger.regulation.acts.json_shape import fmt_time
from tests import builders
from tests.attack.test_reads_audit import audited
from tests.attacks import attack
from tests.builders import CAST, an_act, officer
from tests.fixtures.app import Service, listening
from tests.fixtures.compartments import DIGEST, FILE, PART, STRANGER, WHOLE
from tests.fixtures.under_order import INSPECTOR, UnderOrder

pytestmark = pytest.mark.postgres

PURPOSE: Final = "Gửi tòa án theo yêu cầu"


def permit(under: UnderOrder, *numbers: str, days: float = 30, case: str = "", **facts: Any) -> str:  # noqa: ANN401
    """An ExportPermitted in the name of `cv`; its act_id."""
    service = under.service
    until = (service.clock.now() + timedelta(days=days)).isoformat(timespec="seconds")
    agency, post = CAST[WHOLE]
    said: dict[str, Any] = {
        "purpose": PURPOSE,
        "holder": {"officer": officer(WHOLE), "agency": agency, "post": post, "until": until},
        "copies": len(numbers),
        "copy_nos": list(numbers),
        "return_by": None,
        "records": None,
        "redaction": None,
        **facts,
    }
    act = an_act(
        "ExportPermitted",
        by="gd",
        when=service.clock.now(),
        stream=case or under.world.stream,
        facts=said,
    )
    service.say(act, "gd")
    return act.act_id


def path(under: UnderOrder) -> str:
    """Where a copy of the file of the case is asked for."""
    return f"/v1/acts/{under.world.hidden.act}/attachments/{DIGEST}/copies"


def ask(under: UnderOrder, by: str, named: str) -> Any:  # noqa: ANN401  a response of Flask
    """The request for a copy, answered to its end."""
    service = under.service
    now = {"X-Rehearsal-Time": fmt_time(service.clock.now())}
    return service.client.post(
        path(under), json={"permit": named}, headers=service.headers(by) | now, buffered=True
    )


def refused(answer: Any, code: str, status: int = 403) -> None:  # noqa: ANN401  a response of Flask
    """It says so, and not one byte of the file."""
    assert (answer.status_code, answer.get_json()["code"]) == (status, code), answer.text
    assert FILE[:22] not in answer.data
    assert "Copy-Mark" not in answer.headers


def exported(under: UnderOrder) -> list[AccessRow]:
    """The rows that say that a copy left."""
    return [row for row in under.rows() if row.read.kind == "EXPORT"]


def taken_out(under: UnderOrder) -> int:
    """How often the file's custody says that it left."""
    answer = under.service.get(path(under).replace("/copies", "/custody"), WHOLE)
    return [event["event"] for event in answer.get_json()["events"]].count("EXPORTED")


@pytest.fixture
def nothing_leaves(under_order: UnderOrder) -> Iterator[None]:
    """Holds a test to leaving no row of a copy and no custody event."""
    before = len(exported(under_order)), taken_out(under_order)
    yield
    assert (len(exported(under_order)), taken_out(under_order)) == before


def test_a_copy_has_a_number_a_mark_and_a_row(under_order: UnderOrder) -> None:
    """Numbers in the permit's order; row and register say the same; the bytes are whole."""
    named = permit(under_order, "01/2024", "02/2024")
    for number in ("01/2024", "02/2024"):
        answer = ask(under_order, WHOLE, named)
        assert (answer.status_code, answer.data) == (200, FILE), answer.text
        assert answer.headers["Content-Length"] == str(len(FILE))
        assert answer.headers["Cache-Control"] == "no-store"
        mark = dict(re.findall(r'(\w+)="([^"]*)"', answer.headers["Copy-Mark"]))
        agency, post = CAST[WHOLE]
        assert mark.pop("at")
        assert mark == {
            "number": number,
            "permit": named,
            "case": under_order.world.hidden.case,
            "log": under_order.service.enclave.facts.origin,
            "agency": agency,
            "post": post,
        }
        row = exported(under_order)[-1]
        assert (row.read.rule, row.read.via, row.read.purpose) == ("A23", named, PURPOSE)
        assert row.read.session.officer == officer(WHOLE)
        assert row.read.stream == under_order.world.stream
        assert row.read.records == (under_order.world.hidden.index,)
        assert row.read.copy is not None
        assert (row.read.copy.number, row.read.copy.file) == (number, DIGEST)
    shown = under_order.service.get("/v1/access-log", WHOLE, order=named).get_json()["reads"]
    assert [one["copy"] for one in shown if one["kind"] == "EXPORT"] == [
        {"number": number, "file": DIGEST} for number in ("02/2024", "01/2024")
    ]
    told = register(under_order, WHOLE)
    mine = [one for one in told["copies"] if one["permit"] == named]
    assert [one["number"] for one in mine] == ["01/2024", "02/2024"]
    assert {(one["officer"], one["file"], one["readable"]) for one in mine} == {
        (officer(WHOLE), DIGEST, True)
    }
    (shown,) = [one for one in told["permits"] if one["act_id"] == named]
    assert (shown["standing"], shown["given"]) == ("USED_UP", 2)


def register(under: UnderOrder, by: str) -> dict[str, Any]:
    """`GET /v1/cases/{id}/copies`."""
    answer = under.service.get(f"/v1/cases/{under.world.hidden.case}/copies", by)
    assert answer.status_code == 200, answer.text
    assert "index" not in answer.text, "places in the log of reads tell how much is read (D2)"
    return dict(answer.get_json())


@attack(
    "a file taken out without a permit: none, one of another case, another act's id",
    stopped_by="a copy leaves by an ExportPermitted of its own case alone (A23)",
    noticed_by="-",
)
@pytest.mark.usefixtures("nothing_leaves")
def test_no_copy_leaves_without_a_permit_of_the_case(under_order: UnderOrder) -> None:
    """Alike for all three, so nothing tells that the permit of another case is there."""
    world = under_order.world
    service = under_order.service
    other = f"case/{builders.an_id('a case of the same officers')}"
    report = an_act("ReportReceived", by="hotline", when=service.clock.now(), stream=other)
    service.say(report, "hotline")
    opened = {"intake": [report.act_id], "case_number": "2024/0190"}
    service.say(
        an_act("CaseRegistered", by="cv", when=service.step(minutes=1), stream=other, facts=opened),
        "cv",
    )
    of_another = permit(under_order, "01", case=other)
    told = []
    for named in (builders.an_id("no permit"), of_another, world.hidden.act):
        answer = ask(under_order, WHOLE, named)
        refused(answer, "export_not_permitted")
        told.append({k: v for k, v in answer.get_json().items() if k != "trace_id"})
    assert told[0] == told[1] == told[2]
    assert "ExportPermitted" in told[0]["next"], "it says what to do"


@attack(
    "another officer uses a permit: of the same case, of a part of it, an inspector, a stranger",
    stopped_by="a permit is its holder's alone; who does not see the file is told 404 (N1)",
    noticed_by="-",
)
@pytest.mark.usefixtures("nothing_leaves")
def test_a_permit_is_of_its_holder_alone(under_order: UnderOrder) -> None:
    """The signer, who holds the same post, an inspector by order; and two who do not see it."""
    service = under_order.service
    service.hire("cv2")
    service.known(service.size() - 1)
    assert CAST["cv2"] == CAST[WHOLE]
    named = permit(under_order, "01")
    for by in ("gd", "cv2", INSPECTOR):
        refused(ask(under_order, by, named), "export_not_permitted")
    for by in (PART, STRANGER):
        refused(ask(under_order, by, named), "not_found", 404)


@attack(
    "a permit used after its term, after it was revoked, or for another act than it names",
    stopped_by="it is judged from the case at each copy",
    noticed_by="the register shows that it is over",
)
@pytest.mark.usefixtures("nothing_leaves")
def test_a_permit_that_is_over_lets_nothing_out(under_order: UnderOrder) -> None:
    """Revoked in the case, expired, another act named, something to be left out of it."""
    service = under_order.service
    revoked = permit(under_order, "01", "02")
    act = an_act(
        "ParticipationRevoked",
        by="gd",
        when=service.clock.now(),
        stream=under_order.world.stream,
        facts={"grant": revoked, "officer": officer(WHOLE), "reason": "Không còn cần"},
    )
    service.say(act, "gd")
    refused(ask(under_order, WHOLE, revoked), "permit_over")
    expired = permit(under_order, "01", days=0.01)
    service.step(hours=1)
    refused(ask(under_order, WHOLE, expired), "permit_over")
    narrow = permit(under_order, "01", records=[under_order.world.asked])
    refused(ask(under_order, WHOLE, narrow), "export_not_permitted")
    redacted = permit(under_order, "01", redaction="Bỏ mọi mục niêm phong")
    refused(ask(under_order, WHOLE, redacted), "export_not_permitted")
    standing = {one["act_id"]: one["standing"] for one in register(under_order, WHOLE)["permits"]}
    assert (standing[revoked], standing[expired]) == ("REVOKED", "EXPIRED")
    assert (standing[narrow], standing[redacted]) == ("STANDS", "STANDS")


@attack(
    "more copies than a permit says, all asked for at once",
    stopped_by="the n-th number is the n-th row of the permit's own chain: one place, one copy",
    noticed_by="-",
)
def test_a_permit_gives_each_number_once(under_order: UnderOrder) -> None:
    """Eight at once for three copies: three leave, each with its number."""
    named = permit(under_order, "A", "B", "C")
    before = taken_out(under_order)
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: ask(under_order, WHOLE, named), range(8)))
    left = [one for one in answers if one.status_code == 200]
    marks = sorted(re.findall(r'number="(.)"', "".join(o.headers["Copy-Mark"] for o in left)))
    assert marks == ["A", "B", "C"]
    for one in answers:
        if one.status_code != 200:
            assert one.get_json()["code"] in ("permit_over", "too_many_requests"), one.text
    refused(ask(under_order, WHOLE, named), "permit_over")
    assert taken_out(under_order) == before + 3


@attack(
    "the log of reads, or the history of the file, is made to take no row",
    stopped_by="nothing leaves: 503; the number of a copy that did not leave is spent at worst",
    noticed_by="the refusal; the log of the API",
)
@pytest.mark.parametrize(
    ("harm", "mend"),
    [
        (
            "REVOKE USAGE ON SCHEMA access FROM {}_reader",
            "GRANT USAGE ON SCHEMA access TO {}_reader",
        ),
        ("ALTER TABLE log.custody RENAME TO gone", "ALTER TABLE log.gone RENAME TO custody"),
    ],
    ids=["reads", "custody"],
)
def test_what_cannot_be_noted_does_not_leave(under_order: UnderOrder, harm: str, mend: str) -> None:
    """Row first, custody second, bytes last."""
    named = permit(under_order, "01")
    service = under_order.service
    before = taken_out(under_order)
    with psycopg.connect(service.database.admin, autocommit=True) as admin:
        admin.execute(harm.format(service.database.slug).encode())
        try:
            answer = ask(under_order, WHOLE, named)
        finally:
            admin.execute(mend.format(service.database.slug).encode())
    assert answer.status_code in (500, 503), answer.text
    assert FILE[:22] not in answer.data
    assert taken_out(under_order) == before


@pytest.mark.parametrize("by", [PART, STRANGER])
def test_the_register_is_for_who_sees_the_whole_case(under_order: UnderOrder, by: str) -> None:
    """Part of it: 403 as for the case; a stranger: what is told of no case."""
    asked = under_order.service.get(f"/v1/cases/{under_order.world.hidden.case}/copies", by)
    whole = under_order.service.get(f"/v1/cases/{under_order.world.hidden.case}/participants", by)
    assert asked.status_code == whole.status_code
    assert asked.get_json()["code"] == whole.get_json()["code"]


@attack(
    "a second copy under a number that was given, asked for at a terminal",
    stopped_by="the permit's own chain; no file appears",
    noticed_by="-",
)
def test_an_empty_register_says_so_and_a_copy_is_taken_at_a_terminal(
    under_order: UnderOrder, tmp_path: Path
) -> None:
    """`socai case copies` and `socai attachment export`, and what is refused there."""
    service, ids = under_order.service, under_order.world.hidden
    named = permit(under_order, "07")
    secret = tmp_path / "passphrase"
    write_private(secret, b"of a test")
    with listening(service) as url:

        def socai(by: str, *words: str, lang: str = "en") -> Result:
            key = tmp_path / f"{by}.socaikey"
            if not key.exists():
                write_key(key, builders.key(by), b"of a test")
            env = {"SOCAI_PASSPHRASE_FILE": str(secret), "SOCAI_HOME": str(tmp_path / "none"),
                   "COLUMNS": "80"}  # fmt: skip
            log = ["--key", str(key), "--server", url, "--log", service.enclave.facts.origin]
            return CliRunner().invoke(main, ["--lang", lang, *words, *log], env=env)

        for lang, words in (("en", "No copy of this case"), ("vi", "Không bản nào")):
            empty = socai(STRANGER, "case", "copies", under_order.world.own.case, lang=lang)
            assert empty.exit_code == 0, empty.output
            assert words in empty.output
        into = tmp_path / "don.pdf"
        take = ("attachment", "export", ids.act, DIGEST, "--permit", named, "-o")
        taken = socai(WHOLE, *take, str(into))
        assert taken.exit_code == 0, taken.output
        assert into.read_bytes() == FILE
        assert 'number="07"' in taken.output
        again = socai(WHOLE, *take, str(tmp_path / "again.pdf"))
        assert again.exit_code != 0
        assert "Traceback" not in again.output
        assert not (tmp_path / "again.pdf").exists()
        shown = socai(WHOLE, "case", "copies", ids.case)
        assert shown.exit_code == 0, shown.output
        assert max(map(len, shown.output.splitlines())) <= 80
        assert "used up" in shown.output


def test_an_audit_holds_copies_to_what_it_holds_reads_to(under_order: UnderOrder) -> None:
    """Form, chain, signature and tags of each row; and the chain's name tells of no permit."""
    service: Service = under_order.service
    named = permit(under_order, "01", "02")
    for _ in range(2):
        assert ask(under_order, WHOLE, named).status_code == 200
    assert [one.seq for one in service.enclave.access_log.copies.taken(named)] == [1, 2]
    report = audited(service)
    assert (report.findings, report.skipped) == ((), ())
    with psycopg.connect(service.database.admin) as admin:
        names = admin.execute("SELECT name FROM access.streams").fetchall()
    assert f"reads/{named}" not in [name for (name,) in names]


@attack(
    "the reader's login, taken, gives a number that was given once more, or the next one to nobody",
    stopped_by="access.append: a place of a chain is taken once; its rows tell that login nothing",
    noticed_by="log audit: a row that the service did not sign",
)
def test_the_readers_login_gives_no_number_twice(under_order: UnderOrder) -> None:
    """Neither by a row in a place that is taken, nor by changing or reading the one there."""
    service: Service = under_order.service
    named = permit(under_order, "01", "02")
    assert ask(under_order, WHOLE, named).status_code == 200
    with psycopg.connect(service.database.admin) as admin:
        found = admin.execute(
            "SELECT s.stream_id, s.name, r.seq, r.entry, r.state, w.kek_id, w.wrap"
            " FROM access.records r JOIN access.streams s USING (stream_id)"
            " JOIN access.wraps w ON w.index = r.index ORDER BY r.index DESC LIMIT 1"
        ).fetchone()
    assert found is not None
    stream, name, seq, entry, state, kek_id, wrap = found
    assert seq == 1
    row = [
        stream,
        name,
        seq,
        service.clock.now(),
        [builders.an_id("a row")],
        [entry],
        [state],
        kek_id,
        [wrap],
    ]
    alone = [*row[:4], builders.an_id("a row"), entry, state, wrap]
    with psycopg.connect(service.database.dsn("reader")) as thief:
        told = thief.execute(
            "SELECT access.append(%s, %s, %s, %s, %s, %s, %s, %s, %s, '{}', '{}')", row
        ).fetchone()
        assert told == ("stale",)
        told = thief.execute(
            "SELECT access.append_one(%s, %s, %s, %s, %s, %s, %s, %s, '')", alone
        ).fetchone()
        assert told == ("stale",)
        for query in ("SELECT seq FROM access.records", "UPDATE access.records SET seq = 3"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), thief.transaction():
                thief.execute(query.encode())
    taken = ask(under_order, WHOLE, named)
    assert 'number="02"' in taken.headers["Copy-Mark"]
    refused(ask(under_order, WHOLE, named), "permit_over")
