"""Above ordinary: an annex is shown to whom it names, each read is a row, and nothing lies about.

access.md §1, A1, A2, U1, N1, N2, L14, L24, by API, at a terminal and by SQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, LiteralString

import orjson
import psycopg
import pytest
from click.testing import CliRunner
from psycopg import sql
from werkzeug.test import TestResponse

from api.cli.main import main
from api.home import write_private
from api.ops.enclave_audit import AUDITOR, PROJECTOR, Audited, run
from keys.custody.file import write_key
from ledger.audit.findings import Damage
from ledger.log.checkpoint import unverified
from ledger.reads.access_logged import AccessRow
from ledger.streams.names import stream_id
from projections.views.acts import naming
from tests import builders
from tests.attacks import attack
from tests.builders import an_act, an_id, at, officer
from tests.fixtures.above import (
    DIGEST,
    FILE,
    HOLDER,
    OTHER,
    PLAIN,
    SECRET,
    STRANGER,
    UNITS,
    WHOLE,
    Above,
)  # fmt: skip
from tests.fixtures.app import listening
from tests.fixtures.under_order import noted

pytestmark = pytest.mark.postgres

_STEPS: Final = {k << 10 for k in (1, 4, 16, 64, 256)}
#: Whoever takes part in the case, holds the other annex, or has nothing to do with it.
_NOT_NAMED: Final = (WHOLE, OTHER, STRANGER)


def ways(above: Above, act: str) -> Iterator[tuple[str, str]]:
    """(path, kind of its row) of every read that may show something of an act of the case."""
    case, last = above.case, above.service.size() - 1
    yield f"/v1/acts/{act}", "RECORD"
    yield f"/v1/acts/{act}/raw", "RECORD"
    yield f"/v1/cases/{case}/acts", "RECORD"
    yield f"/v1/cases/{case}", "CASE_FILE"
    yield f"/v1/cases/{case}?as_of={last}", "CASE_FILE"
    yield f"/v1/cases/{case}/participants", "CASE_FILE"
    yield f"/v1/cases/{case}/diff?from=0&to={last}", "HISTORY"
    yield f"/v1/cases/{case}/verification", "RECORD"
    yield "/v1/feed?limit=200", "FEED"
    yield "/v1/cases", "LIST"
    yield "/v1/worklist?team=true", "LIST"
    yield "/v1/statistics", "FIGURES"
    yield f"/v1/streams/{above.stream}/head", "RECORD"


def rows_of(above: Above, alias: str) -> list[AccessRow]:
    """What is noted of somebody's reads."""
    return [row for row in noted(above.service) if row.read.session.officer == officer(alias)]


def asked(above: Above, path: str, by: str | None) -> TestResponse:
    """A GET of a path with its query."""
    service = above.service
    return service.client.get(path, headers=service.headers(by), buffered=True)


def same(one: TestResponse, other: TestResponse) -> bool:
    """Whether two refusals tell the same."""
    left, right = orjson.loads(one.data), orjson.loads(other.data)
    for told in (left, right):
        told.pop("instance", None)
        told.pop("trace_id", None)
    return (one.status_code, left) == (other.status_code, right)


# -- named units ----------------------------------------------------------------------------------


def test_a_holder_reads_the_annex_and_whoever_takes_part_reads_the_case(above: Above) -> None:
    """Each what was named to them: the text arrives, and says that it is no real one."""
    service, annex = above.service, above.annexes[0]
    for alias in (HOLDER, "npgd"):
        told = service.get(f"/v1/acts/{annex.act_id}", by=alias)
        assert told.status_code == 200, told.text
        assert SECRET in told.text
        assert told.headers["Demonstration"] == "mat; not real data"
    file = service.get(f"/v1/cases/{above.case}", by=WHOLE)
    assert file.status_code == 200, file.text
    timeline = service.get(f"/v1/cases/{above.case}/acts", by=WHOLE).get_json()
    shown = {act["act_id"] for act in timeline["acts"]}
    assert above.plain.act_id in shown
    assert not shown & {one.act_id for one in above.annexes}
    assert timeline["part"]["withheld"] == [1, 2, 3, 4]


def test_what_may_be_begun_is_not_told_where_it_hangs_on_acts_named_to_others(above: Above) -> None:
    """To nobody above ordinary, holder or not: the answer would say that such an act is there."""
    for alias in (HOLDER, WHOLE):
        told = asked(above, f"/v1/streams/{above.stream}/head?acts=true", alias)
        assert told.status_code == 200, told.text
        assert "acts" not in told.get_json()


def test_the_register_of_documents_is_of_those_named_to_the_reader(above: Above) -> None:
    """A13, A14: level, term and holders of one's own, and no line of another's."""
    service = above.service
    for alias, units in ((HOLDER, UNITS[:1]), (OTHER, UNITS[1:]), (WHOLE, ())):
        told = service.get(f"/v1/cases/{above.case}/acts", by=alias).get_json()
        assert tuple(one["unit"] for one in told.get("documents", ())) == units, alias
        for one in told.get("documents", ()):
            assert (one["level"], one["state"]) == ("MAT", "CLASSIFIED")
            assert officer(alias) in [holder["officer"] for holder in one["holders"]]
            for holder in one["holders"]:
                for code, name in (("post", "post_vi"), ("agency", "agency_name")):
                    assert (holder[code] is None) == (holder[name] is None), holder
                    assert holder[code] is None or " " in holder[name], "a code, not a name"


@attack(
    "an officer who takes part in a case, holds another annex of it or neither reads an annex",
    stopped_by="named units, by the database and once more by the records (A1)",
    noticed_by="the log of reads",
)
@pytest.mark.parametrize("alias", _NOT_NAMED)
def test_an_annex_is_hidden_from_whom_it_does_not_name(above: Above, alias: str) -> None:
    """By every way of reading; its id answers as one that was never given."""
    annex = above.annexes[0].act_id
    absent = an_id("an absent act")
    for path, _ in ways(above, annex):
        told = asked(above, path, alias)
        assert annex not in told.text.replace(path, ""), path
        assert UNITS[0] not in told.text, path
        if annex in path:
            assert same(told, asked(above, path.replace(annex, absent), alias)), path
            assert told.status_code == 404, path
        if alias != OTHER:
            assert SECRET not in told.text, path


@attack(
    "an officer who takes part in the case writes about an annex that is hidden from them",
    stopped_by="the see-check before anything else (N2)",
    noticed_by="-",
)
@pytest.mark.parametrize("alias", [WHOLE, STRANGER])
def test_nobody_writes_about_an_annex_that_is_hidden_from_them(above: Above, alias: str) -> None:
    """Neither naming the act that classified it, nor told that there is one."""
    service = above.service
    told = []
    for named in (above.annexes[0].act_id, an_id("an absent act")):
        act = an_act(
            "SecretLossReported", by=alias, also=[], level="mat", stream=above.stream,
            when=at("2026-10-16 09:00"), refers_to=named,
            facts={"classification": named, "unit": None},
        )  # fmt: skip
        told.append(service.send(service.sign(act, alias), alias))
    size = service.size()
    assert told[0].status_code in (404, 422)
    if alias == STRANGER:
        assert same(*told)
    else:
        assert told[0].status_code == 404
    assert service.size() == size


@attack(
    "an officer with the reader's login and a good ticket asks the tables for an annex",
    stopped_by="row policies ask for the unit",
    noticed_by="-",
)
def test_an_annex_is_hidden_by_sql_too(above: Above) -> None:
    """Records, wrapped keys, rows of views, by either way that the policies ask; and no ticket."""
    asked: dict[str, LiteralString] = {
        "log.records": "SELECT act_id::text FROM log.records WHERE stream_id = %(comp)s",
        "log.wraps": "SELECT r.act_id::text FROM log.wraps w JOIN log.records r USING (index)"
        " WHERE w.stream_id = %(comp)s",
        "proj.acts": "SELECT act_id::text FROM proj.acts WHERE comp = %(comp)s",
        "proj.tasks": "SELECT act_id::text FROM proj.tasks WHERE comp = %(comp)s",
    }
    first, second = (one.act_id for one in above.annexes)
    for alias, hidden, shown in (
        (HOLDER, {second, above.plain.act_id}, {first}),
        (OTHER, {first, above.plain.act_id}, {second}),
        (WHOLE, {first, second}, {above.plain.act_id}),
        (STRANGER, {first, second, above.plain.act_id}, set()),
        (None, {first, second, above.plain.act_id}, set()),
    ):
        for by_set in ("", "on"):
            for table, query in asked.items():
                found = _asked(above, alias, query, by_set)
                assert not found & hidden, (alias, table)
                if table in ("log.records", "proj.acts"):
                    assert found >= shown, (alias, table)


def _asked(above: Above, alias: str | None, query: LiteralString, by_set: str) -> set[str]:
    """Ids that the reader's login is shown with somebody's ticket."""
    service = above.service
    with psycopg.connect(service.database.dsn("reader")) as connection:
        connection.execute("SELECT set_config('app.by_set', %s, true)", [by_set])
        if alias is not None:
            caller = service.enclave.sign_in.caller(f"Bearer {service.token(alias)}")
            ticket = service.enclave.asker(caller, of_cases=True, at=None).ticket
            connection.execute("SELECT set_config('app.ticket', %s, true)", [ticket])
        comp = connection.execute("SELECT stream_id FROM log.streams WHERE name = %s",
                                  [above.stream]).fetchone()  # fmt: skip
        if comp is None:
            return set()
        return {row[0] for row in connection.execute(query, {"comp": comp[0]}).fetchall()}


@attack(
    "a stolen projector login names a stranger to an annex",
    stopped_by="what is opened is decided once more from the records",
    noticed_by="log audit",
)
def test_a_planted_name_opens_no_annex(above: Above) -> None:
    """A row that shows one act, as a naming leaves it."""
    service, annex = above.service, above.annexes[0].act_id
    with psycopg.connect(service.database.dsn("projector")) as projector:
        projector.execute(
            "INSERT INTO sec.audience (gen, comp, who, act, via, until)"
            " SELECT gen, comp, %s, act, via, until FROM sec.audience WHERE act = %s LIMIT 1",
            [officer(STRANGER), annex],
        )
    try:
        for path in (f"/v1/acts/{annex}", f"/v1/acts/{annex}/raw", f"/v1/cases/{above.case}/acts"):
            told = service.get(path, by=STRANGER)
            assert told.status_code == 404, (path, told.text)
    finally:
        with psycopg.connect(service.database.dsn("projector")) as projector:
            projector.execute("DELETE FROM sec.audience WHERE who = %s", [officer(STRANGER)])


@attack(
    "an officer asks at a terminal for an annex that is not named to them",
    stopped_by="the API's one answer to what is hidden and what is not there (A1, N1)",
    noticed_by="-",
)
def test_a_command_opens_no_annex(above: Above, tmp_path: Path) -> None:
    """Signing in to a log that tells nobody what it is, whoever does not know it beforehand."""
    phrase = tmp_path / "phrase"
    write_private(phrase, b"of one officer")
    env = {"SOCAI_PASSPHRASE_FILE": str(phrase), "SOCAI_HOME": str(tmp_path / "home"),
           "COLUMNS": "80"}  # fmt: skip
    annex, told, shown = above.annexes[0].act_id, {}, {}
    with listening(above.service) as url:
        for alias in (HOLDER, WHOLE):
            key = tmp_path / f"{alias}.socaikey"
            write_key(key, builders.key(alias), b"of one officer", t=1, p=1, m_kib=64)
            command = ["case", "history", above.case, "--key", str(key), "--server", url]
            command += ["--log", above.service.enclave.facts.origin]
            told[alias] = CliRunner().invoke(main, ["--json", *command], env=env)
            shown[alias] = CliRunner().invoke(main, ["--lang", "en", *command], env=env)
    for alias, own in ((HOLDER, annex), (WHOLE, above.plain.act_id)):
        assert told[alias].exit_code == shown[alias].exit_code == 0, told[alias].output
        assert own in told[alias].output
    assert annex not in told[WHOLE].output
    assert above.plain.act_id not in told[HOLDER].output
    register = "Classified documents that are named to you"
    assert register not in shown[WHOLE].output
    _, found, table = shown[HOLDER].output.partition(register)
    assert found
    assert max(map(len, table.splitlines())) <= 80
    assert officer(HOLDER)[:8] in table
    assert officer(OTHER)[:8] not in table


def test_an_officer_prints_the_checkpoint_to_be_kept(above: Above, tmp_path: Path) -> None:
    """`socai log checkpoint --key`; without a key it is shown to nobody, as all else there."""
    phrase, key = tmp_path / "phrase", tmp_path / "own.socaikey"
    write_private(phrase, b"of one officer")
    write_key(key, builders.key(WHOLE), b"of one officer", t=1, p=1, m_kib=64)
    env = {"SOCAI_PASSPHRASE_FILE": str(phrase), "SOCAI_HOME": str(tmp_path / "home")}
    enclave = above.service.enclave
    with listening(above.service) as url:
        asked = ["--lang", "en", "log", "checkpoint", "--server", url]
        asked += ["--log", enclave.facts.origin]
        nobody = CliRunner().invoke(main, asked, env=env)
        told = CliRunner().invoke(main, [*asked, "--key", str(key)], env=env)
    assert (nobody.exit_code, nobody.stdout) == (1, "")
    assert told.exit_code == 0, told.output
    assert unverified(told.stdout.encode()).origin == enclave.facts.origin


# -- each read is a row ---------------------------------------------------------------------------


def test_every_read_of_a_case_is_noted_before_it_is_sent(above: Above) -> None:
    """U1: what is opened, listed, followed and counted, each with its kind and its records."""
    for path, kind in ways(above, above.plain.act_id):
        before = len(rows_of(above, WHOLE))
        told = asked(above, path, WHOLE)
        assert told.status_code == 200, (path, told.text)
        new = rows_of(above, WHOLE)[before:]
        if "worklist" in path:  # where nothing waits no case is shown, and nothing noted
            assert new == []
            continue
        assert [row.read.kind for row in new if row.read.kind == kind], path
        if kind != "FIGURES":
            assert {row.read.stream for row in new} == {above.stream}, path
        assert all(row.read.rule in ("A1", "A2") and row.read.via is None for row in new), path
    (shown,) = rows_of(above, WHOLE)[-1:]
    assert shown.read.purpose == "Việc được giao, tại sổ cấp độ mat"
    opened = [row.read for row in rows_of(above, WHOLE) if row.read.records]
    assert any(len(read.records) == 1 for read in opened)


def test_one_act_is_read_without_the_rest_of_its_case(above: Above) -> None:
    """What it changed and what names it would open every other act: neither is told there."""
    before = len(rows_of(above, WHOLE))
    told = asked(above, f"/v1/acts/{above.plain.act_id}", WHOLE)
    assert told.status_code == 200, told.text
    body = told.get_json()
    new = [row.read for row in rows_of(above, WHOLE)[before:]]
    assert [(read.kind, list(read.records)) for read in new] == [
        ("RECORD", [one["index"] for one in body["statements"]])
    ]
    assert "changes" not in body
    assert (body["named_by"], body["before"], body["after"]) == ([], None, None)
    assert body["sentence"]


@attack(
    "an officer reads above ordinary while reads cannot be noted",
    stopped_by="the row is committed before the first byte, else nothing is shown (U1)",
    noticed_by="503 read_not_logged",
)
@pytest.mark.parametrize("alias", [WHOLE, HOLDER])
def test_what_cannot_be_noted_is_not_shown(above: Above, alias: str) -> None:
    """Whatever is asked: neither text nor id leaves."""
    service = above.service
    shown = above.plain if alias == WHOLE else above.annexes[0]
    slug = sql.Identifier(f"{service.database.slug}_reader")
    denied, allowed = (
        sql.SQL("{} EXECUTE ON ALL FUNCTIONS IN SCHEMA access {} {}").format(
            sql.SQL(verb), sql.SQL(to), slug
        )
        for verb, to in (("REVOKE", "FROM"), ("GRANT", "TO"))
    )
    with psycopg.connect(service.database.admin, autocommit=True) as admin:
        admin.execute(denied)
        try:
            for path in (f"/v1/acts/{shown.act_id}", f"/v1/cases/{above.case}/acts", "/v1/feed"):
                told = service.get(path, by=alias)
                assert told.status_code == 503, (path, told.text)
                assert told.get_json()["code"] == "read_not_logged"
                assert SECRET not in told.text
                assert PLAIN not in told.text
        finally:
            admin.execute(allowed)
    assert service.get(f"/v1/acts/{shown.act_id}", by=alias).status_code == 200


# -- nothing lies about ---------------------------------------------------------------------------


def test_totals_say_that_disclosures_and_withdrawals_are_not_counted_here(above: Above) -> None:
    """No view says what an act of a case is: none is told, and not that there was none."""
    query = "?of=province&from=2026-01-01"
    body = orjson.loads(asked(above, f"/v1/statistics{query}", "npgd").data)
    months = {one["code"]: (one["months"], one["en"], one["vi"]) for one in body["access_by_month"]}
    assert months["erased"][0] == []
    for code in ("disclosed", "withdrawn"):
        told, english, vietnamese = months[code]
        assert told is None
        assert english.endswith("(not counted above ordinary)")
        assert vietnamese.endswith("(không đếm ở sổ trên mức thường)")
    table = asked(above, f"/v1/statistics.csv{query}", "npgd").get_data(as_text=True)
    (row,) = [line for line in table.splitlines() if ",withdrawn," in line]
    assert row.endswith(",,")


@attack(
    "whoever copies the views of an enclave above ordinary reads what acts say",
    stopped_by="no view holds any of it; a file is folded from records when it is read",
    noticed_by="-",
)
def test_no_view_holds_what_an_act_of_a_case_says(above: Above) -> None:
    """Not its text, type, signature, signer or key, in any row that is the projector's."""
    service = above.service
    signers = [officer(alias) for alias in ("nst", "ctq")]
    secrets = (SECRET, PLAIN, builders.key("nst").kid, "ClassificationAssigned")
    with psycopg.connect(service.database.admin) as admin:
        for table in ("acts", "case_file", "counted", "marks"):
            query = sql.SQL("SELECT to_jsonb(t)::text FROM proj.{} t WHERE comp IN"
                            " (SELECT stream_id FROM log.streams WHERE name = %s)")  # fmt: skip
            rows = admin.execute(query.format(sql.Identifier(table)), [above.stream]).fetchall()
            assert rows or table == "marks", table
            for (row,) in rows:
                assert not [one for one in (*secrets, *signers) if one in row], (table, row)
        asked = "SELECT to_jsonb(t)::text FROM proj.tasks t"
        for (row,) in admin.execute(asked).fetchall():
            assert SECRET not in row
            assert PLAIN not in row


def test_an_erasure_looks_for_a_file_where_no_view_says_what_is_listed(above: Above) -> None:
    """Every statement that stands may list it: which does, its record says."""
    with psycopg.connect(above.service.database.dsn("projector")) as projector:
        found = set(naming(projector, f"sha-256:{'A' * 43}", []))
        rows = projector.execute(
            "SELECT r.index FROM log.records r JOIN log.streams s USING (stream_id)"
            " WHERE s.name = %s",
            [above.stream],
        )
        case = {row[0] for row in rows.fetchall()}
        assert found >= case
        assert found.isdisjoint(naming(projector, f"sha-256:{'A' * 43}", list(case)))


@attack(
    "a backup thief tells acts above ordinary apart by how long they are",
    stopped_by="states are padded to five lengths (formats.md §5)",
    noticed_by="log audit",
)
def test_every_state_is_padded(above: Above) -> None:
    """Of acts and of reads."""
    queries: tuple[LiteralString, ...] = (
        "SELECT get_byte(state, 0), octet_length(state) - 29 FROM log.records",
        "SELECT get_byte(state, 0), octet_length(state) - 29 FROM access.records",
    )
    with psycopg.connect(above.service.database.admin) as admin:
        for query in queries:
            found = admin.execute(query).fetchall()
            assert len(found) > 1
            assert {version for version, _ in found} == {2}
            assert {length for _, length in found} <= _STEPS


@attack(
    "whoever has the folder of files tells one above ordinary by its length",
    stopped_by="steps of a sixteenth; an audit knows each form's length (L14)",
    noticed_by="`log audit`",
)
def test_files_are_sealed_in_steps(above: Above) -> None:
    """Two of one step are of one length, and come back as they were."""
    service, folder = above.service, Path(above.service.settings.blobs)
    before = set(folder.rglob("*"))
    for size in (70_000, 71_000):
        sent = {**service.headers(HOLDER), "Content-Type": "application/pdf"}
        told = service.client.post("/v1/attachments", data=b"%" * size, headers=sent)
        assert told.status_code == 201, told.text
    kept = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    new = [path.read_bytes() for path in set(folder.rglob("*")) - before if path.is_file()]
    assert len(new) == 2
    assert {data[0] for data in kept} == {4}
    assert len({len(data) for data in new}) == 1
    get = f"/v1/acts/{above.annexes[0].act_id}/attachments/{DIGEST}"
    assert service.get(get, HOLDER).data == FILE


@attack(
    "the next one at a terminal reads above ordinary what a browser or a proxy kept",
    stopped_by="no-store on every answer, errors and open addresses too (L24)",
    noticed_by="-",
)
def test_nothing_that_is_answered_may_be_stored(above: Above) -> None:
    """Reads, what is open, tiles, refusals."""
    paths = [path for path, _ in ways(above, above.plain.act_id)]
    paths += ["/v1/log", "/logs/acts/checkpoint", "/v1/agencies", "/health", "/v1/acts/none"]
    paths += ["/logs/acts/tile/entries/000.p/5", "/v1/openapi.json", "/nowhere"]
    for path in paths:
        for alias in (WHOLE, None):
            told = asked(above, path, alias)
            assert told.status_code < 500, (path, alias, told.text)
            assert told.headers["Cache-Control"] == "no-store", (path, alias)


@attack(
    "somebody without a session asks an enclave above ordinary what it is",
    stopped_by="log, checkpoint and tiles are for who is signed in (D2)",
    noticed_by="-",
)
@pytest.mark.parametrize(
    "path", ["/v1/log", "/logs/acts/checkpoint", "/v1/log/proof/inclusion?index=0"]
)
def test_a_log_above_ordinary_tells_nobody_what_it_is(above: Above, path: str) -> None:
    """Neither origin nor size."""
    told = asked(above, path, None)
    assert told.status_code == 401
    assert "mat" not in told.text


# -- grants by name, last: they leave records behind ----------------------------------------------


@attack(
    "an officer whose grant of an annex was revoked reads on",
    stopped_by="a revocation is over before its answer goes out (A8)",
    noticed_by="-",
)
def test_an_annex_is_granted_by_name_and_taken_back_at_once(above: Above) -> None:
    """A7: that one and no other; two sign it."""
    service, (first, second) = above.service, above.annexes
    when = at("2026-10-17 09:00")
    service.clock.set(when)
    until = at("2026-12-30 17:00").isoformat(timespec="seconds")
    more: dict[str, Any] = {"level": "mat", "stream": above.stream, "when": when}
    grant = an_act(
        "ParticipationGranted", by="nst", also=["ca"], **more,
        facts={"officer": officer("hd"), "scope": "UNIT", "unit": UNITS[0], "until": until},
    )  # fmt: skip
    assert service.get(f"/v1/acts/{first.act_id}", by="hd").status_code == 404
    service.known(service.say(grant, "nst", "ca")["index"])
    told = service.get(f"/v1/acts/{first.act_id}", by="hd")
    assert told.status_code == 200, told.text
    assert service.get(f"/v1/acts/{second.act_id}", by="hd").status_code == 404
    assert service.get(f"/v1/acts/{above.plain.act_id}", by="hd").status_code == 404
    assert service.get(f"/v1/acts/{grant.act_id}", by=WHOLE).status_code == 404
    facts = {"grant": grant.act_id, "officer": officer("hd"), "reason": "Xong viec"}
    # whoever named them takes it back, and asks no supervisor (A8)
    ended = an_act("ParticipationRevoked", by="nst", also=[], **more, facts=facts)
    service.say(ended, "nst")
    assert service.get(f"/v1/acts/{first.act_id}", by="hd").status_code == 404


# -- the audit ------------------------------------------------------------------------------------


def audited(above: Above, login: str = PROJECTOR) -> Audited:
    """Log, reads and views of the enclave as an auditor asks of them."""
    service = above.service
    return run(
        service.settings, service.enclave.facts, lambda *_: None, login=login, workers=1,
        definitions=False,
    )  # fmt: skip


def test_an_audit_finds_an_enclave_above_ordinary_sound(above: Above) -> None:
    """With content and without; its views, which hold none, are what a fresh fold makes."""
    above.fold()
    for login in (PROJECTOR, AUDITOR):
        found = audited(above, login)
        assert found.report.ok, found.report
        assert not found.report.findings
        assert not found.views
        assert found.sound_reads, found.reads


@attack(
    "a database administrator says of an annex that it is of the whole case",
    stopped_by="-",
    noticed_by="log audit",
)
def test_an_audit_names_a_record_of_another_unit(above: Above) -> None:
    """The column is no part of what was signed; what was signed says what it must be."""
    annex, origin = above.annexes[0].act_id, above.service.enclave.facts.origin
    comp = stream_id(origin, above.stream)
    of_wraps: LiteralString = (
        "UPDATE log.wraps w SET unit = %s FROM log.records r"
        " WHERE r.index = w.index AND r.act_id = %s"
    )
    tables = (of_wraps, "UPDATE log.records SET unit = %s WHERE act_id = %s")
    with psycopg.connect(above.service.database.admin, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        for table in tables:
            admin.execute(table, [comp, annex])
        try:
            found = audited(above).report
        finally:
            for table in tables:
                admin.execute(table, [UNITS[0], annex])
    assert found.findings[0].kind is Damage.COLUMN_UNIT
    assert not found.ok
