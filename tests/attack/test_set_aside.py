"""Junk of a stolen writer's login: it is set aside, stops nobody, and is put out of the way.

The attacker holds the writer's login, and in most shapes the KEK and a bought officer's key: the
rows are sealed as the ledger seals them. On a real database, with checkpointer and projector
running.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from api.client.client import Client
from api.client.connection import Refused
from api.ops.wiring.enclave import Enclave
from api.ops.wiring.key_files import open_kek
from api.ops.wiring.projector import open_projector
from api.rehearsal.past_door import Smuggler
from keys import canonical
from keys.custody.file import write_key
from keys.jwk import SoftwareSigner
from ledger.audit.audit import audit
from ledger.audit.report import Report
from ledger.log.statement import Statement, parse_compact
from ledger.ports import SealedRecord
from ledger.postgres.evidence import PostgresEvidence
from ledger.regulation.acts.act import Act
from ledger.regulation.acts.json_shape import fmt_time
from ledger.streams.names import stream_id
from projections.views.all_views import VIEWS
from tests import builders
from tests.a_ledger import enrolment, revocation
from tests.attacks import attack
from tests.builders import CAST, Story, a_case_in, an_act, an_id, at
from tests.fixtures.app import PASSPHRASE, Service
from tests.smuggle import smuggler_into

pytestmark = pytest.mark.postgres
MINE = SoftwareSigner.from_secret("Ed25519", b"the key of whoever took over ...")
#: What the attack costs: nothing else is done while it lasts.
WAIT = {"Prefer": "wait=20"}
DIRECTOR = f"officer/{builders.officer('gd')}"


def voided(entries: list[dict[str, Any]], stream: str, now: Any) -> Act:  # noqa: ANN401 - a time
    """RecordVoided by two registrars."""
    signers = [
        {"officer": builders.officer(alias), "post": CAST["keeper"][1], "role": role}
        for alias, role in (("founder", "AUTHOR"), ("keeper", "APPROVER"))
    ]
    return an_act(
        "RecordVoided",
        by="keeper",
        when=now.astimezone(builders.T0.tzinfo),
        stream=stream,
        facts={"entries": entries, "reason": "Bản ghi không đi qua cửa ghi của sổ."},
        exact=True,
        signers=signers,
    )


@dataclass
class Raid:
    """A service under attack, and what has been done to it.

    Attributes:
        service: As production wires it.
        case: An honest case.
        junk: (index, stream) of every record that came past the door.
        hanging: Of those, the ones that may follow what cannot be read.
    """

    service: Service
    case: str
    junk: list[tuple[int, str]] = field(default_factory=list)
    hanging: list[int] = field(default_factory=list)

    @classmethod
    def on(cls, service: Service) -> Raid:
        """Officers in post, an honest case, everything read once."""
        service.hire("hotline", "cv", "gd", "keeper")
        case = f"case/{an_id('honest case')}"
        service.say(an_act("ReportReceived", when=service.clock.now(), stream=case), "hotline")
        return cls(service, case)

    @property
    def smuggler(self) -> Smuggler:
        """The writer's login and the KEK."""
        return smuggler_into(self.service)

    def put(self, statement: Statement, into: str | None = None, **columns: Any) -> int:  # noqa: ANN401 - members of a draft
        """Appends past the door; its index."""
        found = self.smuggler.put(statement, self.service.clock.now(), **columns)
        self.junk.append((found.index, into or statement.members["stream"]))
        return found.index

    def report(self, stream: str | None = None, **more: Any) -> Act:  # noqa: ANN401 - see `an_act`
        """A report of the hotline's, by default in a new case."""
        name = stream or f"case/{an_id(f'case {len(self.junk)} {self.service.size()}')}"
        return an_act("ReportReceived", when=self.service.clock.now(), stream=name, **more)

    def closing(self, stream: str) -> Act:
        """A decision of two by one clerk (SIGNER_ORDER), of a case that was only received."""
        now = self.service.clock.now()
        return an_act("CaseClosed", by="hotline", also=[], when=now, stream=stream)

    def goes_on(self) -> None:
        """Sign-in, another act, reads, views, feed and readiness, after whatever was appended."""
        service = self.service
        service._tokens.clear()
        receipt = service.say(self.report(), "hotline")
        at_least = receipt["index"]
        assert at_least == service.size() - 1
        for path in (
            f"/v1/cases/{self.case.removeprefix('case/')}",
            f"/v1/cases/{self.case.removeprefix('case/')}/acts",
            f"/v1/cases/{self.case.removeprefix('case/')}/verification",
            "/v1/cases",
            "/v1/feed?after=0",
            "/v1/worklist",
        ):
            response = service.client.get(
                path, query_string={"at_least": at_least} if "?" not in path else None,
                headers={**service.headers("cv"), **WAIT},
            )  # fmt: skip
            assert response.status_code == 200, (path, response.text)
        ready = service.readiness("log")
        assert ready.status_code == 200, ready.text
        banner = [c for c in ready.get_json()["checks"] if c["name"] == "set_aside"]
        assert bool(banner) == bool(self.junk)
        told = service.client.get("/v1/log").get_json()["set_aside"]
        assert told == [index for index, _ in self.junk]

    def entry(self, index: int) -> str:
        """The entry of a record in b64."""
        return canonical.b64(self.service.records.read(index, 1)[0].entry)

    def audited(self) -> Report:
        """What `log audit` says, as the projector."""
        facts = self.service.enclave.facts
        dsn = self.service.database.dsn
        with PostgresEvidence(dsn("projector")) as source:
            return audit(
                source, origin=facts.origin, vkeys=self.service.enclave.vkeys,
                kek=open_kek(self.service.settings), genesis=facts.genesis,
            )  # fmt: skip

    def clear(self) -> None:
        """Two registrars void everything, stream by stream."""
        for stream in dict.fromkeys(stream for _, stream in self.junk):
            indices = [index for index, name in self.junk if name == stream]
            entries = [{"index": i, "entry": self.entry(i)} for i in indices]
            act = voided(entries, stream, self.service.clock.now())
            assert self.service.say(act, "founder", "keeper")["status"] == "effective"
        self.junk = []


def _noise(_: Raid) -> SealedRecord:
    """Of the lengths and versions that the append looks at."""
    return SealedRecord(bytes(31) + b"\1", b"\1" + bytes(600), bytes(16), b"\1" + bytes(76))


def _text(raid: Raid, text: str, stream: str, seq: int) -> Callable[[Any], SealedRecord]:
    return lambda at: raid.smuggler.seal(text, stream, seq, at)


def bytes_of_no_kind(raid: Raid) -> None:
    """State and wrap are noise, and the row says that the registry changed by it."""
    statement = raid.service.sign(enrolment("gd", raid.service.clock.now(), key=MINE), "hotline")
    raid.put(statement, registry=True, seal=lambda _: _noise(raid))


def text_of_no_kind(raid: Raid) -> None:
    """Sealed well, and no statement: the first record of a new case."""
    statement = raid.service.sign(raid.report(), "hotline")
    stream = statement.members["stream"]
    raid.put(statement, seal=_text(raid, "hello.world." + "!" * 600, stream, 1))


def a_payload_that_is_no_object(raid: Raid) -> None:
    """What a fold that asks for no form stumbles over."""
    honest = raid.service.sign(raid.report(), "hotline")
    protected, _, signature = honest.compact.split(".")
    text = ".".join((protected, canonical.b64(b"[%s1]" % (300 * b"1,")), signature))
    raid.put(honest, seal=_text(raid, text, honest.members["stream"], 1))


def facts_of_another_shape(raid: Raid) -> None:
    """Signed by a bought officer, and nothing in it is of the type that a view expects."""
    act = raid.report()
    members = {**act.signed, "facts": {"register_no": {"a": []}, "received_at": 7, "content": "x"}}
    raid.put(raid.service.sign(members, "hotline"))


def another_streams_statement(raid: Raid) -> None:
    """A good statement of one case, in a row of another."""
    honest = raid.service.sign(raid.report(), "hotline")
    other = f"case/{an_id(f'other {len(raid.junk)}')}"
    raid.put(
        honest, other, stream=other, stream_id=stream_id(raid.smuggler.origin, other),
        unit=stream_id(raid.smuggler.origin, other), seal=_text(raid, honest.compact, other, 1),
    )  # fmt: skip


def a_closing_by_one_clerk(raid: Raid) -> None:
    """Good form, good signature, and a decision that takes two and another state."""
    case = a_case_in("RESULT_RECORDED").act("CaseClosed", by="hotline", also=[])
    members = {**case.signed, "stream": raid.report().stream, "act_id": an_id("closing")}
    raid.put(raid.service.sign(members, "hotline"))


def a_director_of_ones_own(raid: Raid) -> None:
    """KeyEnrolled for the director by the hotline officer alone."""
    act = enrolment("gd", raid.service.clock.now(), key=MINE, by="hotline")
    raid.put(raid.service.sign(act, "hotline", head=raid_head(raid, DIRECTOR)))


def a_forged_registrar(raid: Raid) -> None:
    """KeyEnrolled for the director that names the founder's key, signed with another."""
    act = enrolment("gd", raid.service.clock.now(), key=MINE)
    honest = raid.service.sign(act, "founder", head=raid_head(raid, DIRECTOR))
    wrong = canonical.b64(MINE.sign(honest.signing_input))
    raid.put(parse_compact(f"{honest.compact.rpartition('.')[0]}.{wrong}"))


def a_report_that_nobody_signed(raid: Raid) -> None:
    """Of good form, in a new case: the header names the officer's key, another has signed."""
    honest = raid.service.sign(raid.report(), "hotline")
    wrong = canonical.b64(MINE.sign(honest.signing_input))
    raid.put(parse_compact(f"{honest.compact.rpartition('.')[0]}.{wrong}"))


def a_second_time(raid: Raid) -> None:
    """The bytes of an honest statement again, as the next of its stream."""
    seq, _ = raid_head(raid, raid.case)
    records = raid.service.records.stream(stream_id(raid.smuggler.origin, raid.case))
    opened = raid.service.reader.open(next(records))
    assert opened.statement is not None
    raid.put(
        opened.statement, seq=seq, author=False,
        seal=_text(raid, opened.statement.compact, raid.case, seq),
    )  # fmt: skip


def a_voiding_of_what_stands(raid: Raid) -> None:
    """A bought officer voids an honest record, past the door."""
    entries = [{"index": 0, "entry": raid.entry(0)}]
    stream = raid.report().stream
    members = {**voided(entries, stream, raid.service.clock.now()).signed}
    members["signers"] = [
        {"officer": builders.officer("hotline"), "post": CAST["hotline"][1], "role": "AUTHOR"}
    ]
    raid.put(raid.service.sign(members, "hotline"))


def columns_of_ones_own(raid: Raid) -> None:
    """A lawful report whose row says that the registry changed by it."""
    raid.put(raid.service.sign(raid.report(), "hotline"), registry=True)


def noise_that_a_statement_follows(raid: Raid) -> None:
    """Two rows of the registry: noise, and what a bought officer signs upon nobody knows what.

    Whether the noise was a statement once, and was damaged since, nobody can tell.
    """
    bytes_of_no_kind(raid)
    act = enrolment("gd", raid.service.clock.now(), key=MINE, by="hotline")
    _follow(raid, act, DIRECTOR, registry=True)


def noise_that_a_statement_of_a_case_follows(raid: Raid) -> None:
    """The same two in an honest case."""
    head = raid_head(raid, raid.case)
    statement = raid.service.sign(raid.report(raid.case), "hotline", head=head)
    raid.put(statement, seal=lambda _: _noise(raid))
    _follow(raid, raid.report(raid.case), raid.case)


def _follow(raid: Raid, act: Act, stream: str, **columns: Any) -> None:  # noqa: ANN401 - see `put`
    seq, _ = raid_head(raid, stream)
    invented = canonical.b64(bytes([seq]) * 32)
    statement = raid.service.sign(act, "hotline", head=(seq, invented))
    raid.hanging.append(raid.put(statement, **columns))


SHAPES = (
    bytes_of_no_kind,
    noise_that_a_statement_follows,
    noise_that_a_statement_of_a_case_follows,
    text_of_no_kind,
    a_payload_that_is_no_object,
    facts_of_another_shape,
    another_streams_statement,
    a_closing_by_one_clerk,
    a_director_of_ones_own,
    a_forged_registrar,
    a_report_that_nobody_signed,
    a_second_time,
    a_voiding_of_what_stands,
    columns_of_ones_own,
)


def raid_head(raid: Raid, stream: str) -> tuple[int, str | None]:
    """Where the next row of a stream stands, whatever stands before."""
    rows = raid.service.records.stream(stream_id(raid.smuggler.origin, stream))
    return len([*rows]) + 1, raid.service.head(stream)[1]


@attack(
    "a stolen writer's login appends junk of every shape",
    stopped_by="what the rules refuse at its index is set aside, everywhere",
    noticed_by="readiness, GET /v1/log, metrics, log audit",
)
def test_junk_of_every_shape_stops_nobody_and_is_put_out_of_the_way(service: Service) -> None:
    """Issue 8, line 4: before, one such record took the whole service down for good."""
    raid = Raid.on(service)
    raid.goes_on()
    for shape in SHAPES:
        shape(raid)
        raid.goes_on()
    junk = [index for index, _ in raid.junk]
    report = raid.audited()
    assert {finding.index for finding in report.findings} == set(junk) - set(raid.hanging)
    assert sum(one.statements for one in report.unjudged) == len(raid.hanging)
    raid.clear()
    raid.goes_on()
    report = raid.audited()
    assert report.ok, report.message
    assert sorted({f.index for f, _ in (*report.voided, *report.unreadable)}) == junk
    bytes_of_no_kind = {junk[0], *(index - 1 for index in raid.hanging)}
    assert {f.index for f, _ in report.unreadable} == bytes_of_no_kind
    assert report.unjudged == ()


@attack(
    "junk in a case, so that the files of what comes after it do not open",
    stopped_by="what is before an act is asked only where it must be, and of what stands alone",
    noticed_by="readiness, log audit",
)
def test_junk_in_a_case_closes_none_of_its_files(service: Service) -> None:
    """Voided or not: what its author uploaded, and what an earlier act had listed."""
    raid, story = Raid.on(service), Story(start=service.clock.now())
    papers, case = [_uploaded(service, by, by.encode()) for by in ("hotline", "cv")], story.stream
    first = story.then("ReportReceived", attachments=papers[:1]).act
    service.say(first, "hotline")
    raid.put(service.sign(raid.report(case.name), "hotline"), seal=lambda _: _noise(raid))
    raid.clear()
    second = story.later(minutes=9).act("CaseRegistered", attachments=papers)
    service.clock.set(second.occurred_at)
    service.say(second, "cv")
    raid.put(service.sign(raid.report(case.name), "hotline"), seal=lambda _: _noise(raid))
    service.known(service.size() - 1)
    for act, file, data in (
        (first, papers[0], b"hotline"), (second, papers[1], b"cv"), (second, papers[0], b"hotline"),
    ):  # fmt: skip
        path = f"/v1/acts/{act.act_id}/attachments/{file['digest']}"
        assert service.get(path).get_data() == data
        assert service.get(f"{path}/custody").status_code == 200


def _uploaded(service: Service, by: str, data: bytes) -> dict[str, Any]:
    sent = {**service.headers(by), "Content-Type": "application/pdf"}
    kept = service.client.post("/v1/attachments", data=data, headers=sent).get_json()
    return {"name": "Đơn.pdf", **{name: kept[name] for name in ("digest", "media_type", "size")}}


@attack(
    "a key for the director, enrolled by the hotline officer with the writer's own login",
    stopped_by="every process asks the rules of registry acts before it believes them",
    noticed_by="readiness, log audit",
)
def test_a_key_that_nobody_may_enrol_opens_no_door(service: Service) -> None:
    """Issue 8, line 3: in this process, in one that starts anew, in the views and their rebuild."""
    raid = Raid.on(service)
    a_director_of_ones_own(raid)
    a_forged_registrar(raid)
    raid.goes_on()
    with service.http() as http, pytest.raises(Refused) as refused:
        Client("http://socai.test", MINE, http=http).login()
    assert refused.value.code == "sign_in_failed"
    beside = Enclave.open(service.settings)  # a second process, from record 0
    assert MINE.kid not in beside.ledger.refresh().keyring
    beside.close()
    assert MINE.kid not in service.get("/v1/keys", headers=WAIT).text
    service.halt()
    projector, _, pool = open_projector(service.settings)
    projector.rebuild("acts")
    projector.close()
    pool.close()
    with psycopg.connect(service.database.admin) as connection:
        found = connection.execute(
            "SELECT index, act, payload FROM proj.acts WHERE status = 'set_aside'"
            " AND gen = (SELECT gen FROM proj.views WHERE view = 'acts' AND state = 'live')"
            " ORDER BY index"
        ).fetchall()
    assert found == [(index, None, None) for index, _ in raid.junk]


@attack(
    "an act in good form that only a guard refuses, in an honest case",
    stopped_by="writers judge a stream when they load it: nothing is built upon it",
    noticed_by="the case's verification, log audit",
)
def test_what_only_a_guard_refuses_is_never_built_upon(service: Service) -> None:
    """Its form is good; what is built on it nobody takes, however far the views have looked."""
    raid = Raid.on(service)
    law = [{"instrument": "72/2013/NĐ-CP", "article": "5", "role": "SUBSTANCE"}]
    late = at("2025-02-10 09:00")
    service.clock.set(late)
    act = an_act("ReportReceived", when=late, basis=law)
    second = {**act.signed, "stream": raid.case}
    index = raid.put(service.sign(second, "hotline", head=raid_head(raid, raid.case)))
    path = f"/v1/cases/{raid.case.removeprefix('case/')}"
    told = service.get(f"{path}/verification", headers=WAIT, at_least=index).get_json()
    last = told["statements"][-1]
    assert told["outcome"] == last["verdict"] == "AGAINST_THE_RULES"
    assert (last["index"], last["guard"]) == (index, "INSTRUMENT_IN_FORCE")
    honest = service.sign({**an_act("ReportReceived", when=late).signed, "stream": raid.case},
                          "hotline")  # fmt: skip
    refused = service.send(honest, "hotline")
    assert (refused.status_code, refused.get_json()["code"]) == (409, "stream_set_aside")
    assert refused.get_json()["params"] == {"index": str(index)}
    assert service.get(f"/v1/streams/{raid.case}/head").get_json()["set_aside"] == [index]
    raid.clear()
    size = service.size()
    file = service.get(path, headers=WAIT, at_least=size - 1).get_json()
    assert (file["acts"], "set_aside" in file) == (2, False)  # the honest report, and RecordVoided
    rows = service.get(f"{path}/acts", headers=WAIT, at_least=size - 1).get_json()["acts"]
    (gone,) = [row for row in rows if row["status"] == "set_aside"]
    assert (gone["act"], gone["payload"]) == (None, None)
    assert gone["statements"][0]["voided_by"] == rows[-1]["act_id"]
    told = service.get(f"{path}/verification", headers=WAIT).get_json()
    assert told["outcome"] in ("VALID", "NOT_CONCLUDED")  # but for the proof of the newest
    raid.goes_on()


@attack(
    "an act in good form that only a guard refuses, in a case that nobody goes on with",
    stopped_by="what views have folded by form is judged in full behind them, and taken back",
    noticed_by="readiness, log audit",
)
def test_what_only_a_guard_refuses_is_taken_back_by_itself(service: Service) -> None:
    """A law that was no longer in force; a rebuild, and a look begun anew, agree."""
    raid = Raid.on(service)
    service.clock.set(at("2025-02-10 09:00"))
    story = a_case_in("SCREENING", start=service.step(minutes=1))
    service.tell(story)
    service.halt()
    law = [{"instrument": "72/2013/NĐ-CP", "article": "5", "role": "SUBSTANCE"}]
    act = story.act("CompetenceDetermined", by="cv", basis=law)
    service.clock.set(max(service.clock.now(), act.occurred_at))
    first = service.sign(act, "cv")
    index = raid.put(first)
    head = (first.seq + 1, first.digest_b64)
    built_on = raid.put(service.sign(act, "gd", role="APPROVER", head=head))
    projector, _, pool = open_projector(service.settings)

    def shown() -> list[Any]:
        projector.catch_up()
        while projector.look_back():
            pass
        with psycopg.connect(service.database.admin) as connection:
            return connection.execute(
                "SELECT a.act, a.status, (c.body->>'acts')::int, a.payload IS NULL"
                " FROM proj.acts a JOIN proj.case_file c ON c.stream = a.stream"
                " WHERE a.index = ANY (%s) AND (a.gen, c.gen) = ((SELECT gen FROM proj.views v"
                " WHERE v.view = 'acts' AND v.state = 'live'), (SELECT gen FROM proj.views v"
                " WHERE v.view = 'case_file' AND v.state = 'live'))",
                [[index, built_on]],
            ).fetchall()

    taken_back = [(None, "set_aside", 2, True)] * 2
    assert shown() == taken_back
    assert service.enclave.queries.positions.set_aside().first == [index, built_on]
    for view in ("case_file", "acts"):
        projector.rebuild(view)
        assert shown() == taken_back
    projector.close()
    pool.close()


#: Facts of no type that the rules have: a guard that flags stumbles over them, or the fold does.
NO_FACTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ReportReceived", {"register_no": {"a": []}, "received_at": 7, "content": 5}),
    ("RecordVoided", {"entries": True, "reason": "x"}),
    ("RecordVoided", {"entries": [7], "reason": 7}),
    ("CaseClosed", {"pending": [{}], "reason": []}),
)


@attack(
    "facts out of form behind what is erased, where no guard can be asked",
    stopped_by="views ask the form of what an act says of itself: it is set aside",
    noticed_by="readiness",
)
@pytest.mark.parametrize("hole", [False, True], ids=["whole", "behind what is erased"])
def test_facts_out_of_form_stop_no_view(service: Service, hole: bool) -> None:  # noqa: FBT001
    """Once one such record behind an erased one stopped every view, for good."""
    raid = Raid.on(service)
    head, erased = raid_head(raid, raid.case), service.size() - 1
    service.halt()
    if hole:
        with psycopg.connect(service.database.admin) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute("DELETE FROM log.wraps WHERE index = %s", [erased])
    signer = {"officer": builders.officer("hotline"), "post": CAST["hotline"][1], "role": "AUTHOR"}
    for n, (name, facts) in enumerate(NO_FACTS):
        lawful = an_act(name, when=service.clock.now(), stream=raid.case)
        author = {"agency": CAST["hotline"][0], "post": CAST["hotline"][1], "signers": [signer]}
        members = {**lawful.signed, **author, "facts": facts}
        raid.put(service.sign(members, "hotline", head=(head[0] + n, head[1])))
    honest = raid.put(service.sign(raid.report(), "hotline"))
    projector, _, pool = open_projector(service.settings)
    assert projector.catch_up() == honest
    positions = service.enclave.queries.positions
    assert [state.error for state in positions.status()] == [None] * len(VIEWS)
    assert positions.set_aside().first == [n for n, s in raid.junk if s == raid.case]
    projector.close()
    pool.close()


@attack(
    "a countersignature on an act whose author's key was stolen before the author signed",
    stopped_by="SIGNATURES_STAND: earlier signatures are asked again with each one that comes",
    noticed_by="the refusal; the approver returns the act",
)
def test_a_disputed_signature_brings_nothing_into_effect(service: Service) -> None:
    """Issue 8, line 6a: of two signatures one may have been made by whoever took the key."""
    service.hire("hotline", "cv", "gd")
    story = a_case_in("ASSESSING", start=service.clock.now())
    service.tell(story)
    act = story.act("HandlingDecided")
    service.clock.set(max(service.clock.now(), act.occurred_at))
    stolen_at = service.clock.now()
    service.step(minutes=2)
    assert service.send(service.sign(act, "cv"), "cv").get_json()["status"] == "pending"
    service.step(minutes=2)
    service.say(revocation("cv", stolen_at), "founder")
    refused = service.send(service.sign(act, "gd", role="APPROVER"), "gd")
    assert (refused.status_code, refused.get_json()["guard"]) == (422, "SIGNATURES_STAND")
    back = story.act("ActReturned", by="gd", refers_to=act.act_id, also=[])
    assert service.say(back, "gd")["status"] == "effective"


class Night:
    """The registrars at their terminals, when junk has come in.

    Args:
        service: Where.
        url: Of it.
        folder: Their key files.
    """

    def __init__(self, service: Service, url: str, folder: Path) -> None:
        self.service, self._url, self._folder = service, url, folder
        for alias in ("founder", "keeper", "hotline"):
            write_key(folder / alias, builders.key(alias), PASSPHRASE, t=1, p=1, m_kib=64)

    def socai(self, *words: str, by: str = "founder", stdin: str | None = None) -> Result:
        """One call of the command line, once the views have what the one before it recorded."""
        self.service.folded()
        who = ("--key", str(self._folder / by), "--server", self._url)
        env = {"SOCAI_HOME": str(self.service.settings.home)}
        return CliRunner().invoke(main, ["--lang", "en", *words, *who], env=env, input=stdin)

    def refused(self, *indices: int, by: str = "founder") -> str:
        """What the command says where it signs nothing."""
        result = self.socai("log", "void", *map(str, indices), *WHY, by=by)
        assert (result.exit_code != 0, result.stdout) == (True, ""), result.output
        assert result.stderr.count("\n") == 1, result.stderr
        return result.stderr

    def void(self, *indices: int) -> None:
        """Signed by one, sent, signed by the other, sent."""
        for index in indices:
            assert self.service.enclave.proofs.wait(index, 120) is not None
        signed = self.socai("log", "void", *map(str, indices), *WHY)
        assert signed.exit_code == 0, signed.output
        act_id = orjson.loads(signed.stderr)["act_id"]
        sent = self.socai("act", "submit", "-", stdin=signed.stdout)
        assert "pending" in sent.stdout, sent.output
        now = fmt_time(self.service.clock.now())
        signed = self.socai("act", "sign", "--countersign", act_id, "--iat", now, by="keeper")
        sent = self.socai("act", "submit", "-", by="keeper", stdin=signed.stdout)
        assert "effective" in sent.stdout, sent.output


WHY = ("--reason", "Không qua cửa ghi của sổ.")


@attack(
    "what stands is voided, or what is set aside by a clerk, or twice, at a terminal",
    stopped_by="told to registrars alone; what stands stands (A26)",
    noticed_by="-",
)
def test_registrars_void_what_is_set_aside_from_the_command_line(
    service: Service, url: str, tmp_path: Path
) -> None:
    """The operator at night: in the registry, and by index in a case that no registrar sees."""
    raid, night = Raid.on(service), Night(service, url, tmp_path)
    for _ in range(2):
        bytes_of_no_kind(raid)
    raid.put(service.sign(raid.closing(raid.case), "hotline"))
    raid.goes_on()
    *registry, hidden = [index for index, _ in raid.junk]
    case = raid.case.removeprefix("case/")
    assert service.get(f"/v1/cases/{case}", "founder").status_code == 404
    assert "record 1 stands" in night.refused(1)
    assert "no record 999 yet" in night.refused(999)
    assert "of several streams" in night.refused(*registry, hidden)
    assert "only registrars" in night.refused(hidden, by="hotline")
    night.void(*registry)
    night.void(hidden)
    raid.junk = []
    raid.goes_on()
    assert f"record {hidden} stands" in night.refused(hidden)  # once
    (seen,) = service.get(f"/v1/cases/{case}/acts", "founder").get_json()["acts"]
    assert seen["act"] == "RecordVoided"  # W1: what one signed, and no more
    assert service.get(f"/v1/cases/{case}", "founder").get_json()["code"] == "part_only"
    report = service.get(f"/v1/cases/{case}/acts", "cv").get_json()["acts"][0]["act_id"]
    facts, now = {"intake": [report]}, service.step(minutes=1)
    act = an_act("CaseRegistered", by="cv", when=now, stream=raid.case, facts=facts)
    assert service.send(service.sign(act, "cv"), "cv").status_code == 201


@attack(
    "the stream of a record that is set aside is asked for: by a clerk, in a registrar's name, of"
    " what stands, of a guess",
    stopped_by="told to registrars alone, by index and entry; else the answer of what is not there",
    noticed_by="-",
)
def test_where_a_record_is_set_aside_is_told_to_registrars_alone(service: Service) -> None:
    """W2, N1: index and entry are open to everybody, the case is not."""
    raid = Raid.on(service)
    raid.put(service.sign(raid.closing(raid.case), "hotline"))
    raid.goes_on()
    ((index, stream),) = raid.junk

    def asked(by: str, index: int, entry: str, kid: str) -> tuple[int, Any]:
        act = dict(voided([{"index": index, "entry": entry}], stream, service.clock.now()).signed)
        del act["stream"]
        body = {"act": act, "kid": builders.key(kid).kid}
        headers = {**service.headers(by, service.clock.now()), "X-Request-Id": "the-same"}
        answer = service.client.post("/v1/acts/prepare", json=body, headers=headers)
        return answer.status_code, answer.get_json()

    status, told = asked("keeper", index, raid.entry(index), "keeper")
    assert (status, told["shown"]["stream"]) == (200, stream)
    refused = [
        asked("hotline", index, raid.entry(index), "hotline"),
        asked("hotline", index, raid.entry(index), "keeper"),
        asked("cv", index, raid.entry(index), "founder"),
        asked("keeper", index - 1, raid.entry(index - 1), "keeper"),
        asked("keeper", index, raid.entry(index - 1), "keeper"),
        asked("keeper", 10_000, raid.entry(index), "keeper"),
    ]
    assert [one[0] for one in refused] == [404] * len(refused)
    assert all(one == refused[0] for one in refused)
