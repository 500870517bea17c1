"""The reporters' compartment over HTTP: sealed at intake, written to, disclosed, seen (A5, A18)."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from api.client import reporters
from api.client.client import Client
from api.client.connection import Refused
from api.client.pinned_keys import pinned
from api.home import Home, write_private
from api.ops.embedded_postgres import Embedded
from api.ops.machine import RealEntropy
from api.ops.wiring.vault import open_vault
from keys import canonical
from keys.custody.file import write_key, write_opening_key
from keys.hpke import OpeningKey
from ledger.errors import Rejected
from ledger.postgres.vault.store import PostgresVaultStore
from ledger.reads.read import ReadLog
from ledger.regulation.acts.act import Act
from ledger.regulation.acts.json_shape import fmt_time
from ledger.streams.names import stream_id
from ledger.vault.identity import SealedIdentity
from ledger.vault.vault import Vault
from tests import builders
from tests.a_ledger import appointment, enrolment
from tests.attacks import attack
from tests.builders import Story, an_act
from tests.fake_reads import MemoryReads
from tests.fixtures.app import Service, found, listening, open_service
from tests.fixtures.postgres import make_database
from tests.fixtures.under_order import noted
from tests.fixtures.vault import SAID, Kept, MailServer

pytestmark = pytest.mark.postgres
CUSTODIANS = ("ubgk", "ytcv")
ADDRESS = str(SAID["email"])


@dataclass
class Compartment:
    """A served enclave with its vault, and a case with a reporter.

    Attributes:
        reads: Where reads are noted: in memory, so that a test can see and refuse them.
        before: How R's keys were refused before there were any.
        logged: Where they are noted in the enclave itself.
        at_work: Held by the vault while it does something.
    """

    service: Service
    kept: Kept
    mail: MailServer
    reads: MemoryReads
    before: str = ""
    logged: ReadLog | None = None
    at_work: threading.Lock = field(default_factory=threading.Lock)
    case: Story = field(default_factory=lambda: Story(f"case/{RealEntropy().uuid()}"))

    def noting(self, reads: ReadLog) -> None:
        """From here on reads are noted there."""
        self.service.enclave.reads = reads
        self.service.enclave.__dict__.pop("desk", None)

    @contextmanager
    def client(self, alias: str) -> Iterator[Client]:
        """Somebody's client, over WSGI."""
        tries = 1 if self.reads.refuses else 6  # where it would be refused again, it asks once
        with self.service.http() as http:
            key = builders.key(alias)
            client = Client("http://socai.test", key, http=http, attempts=tries)
            with client:
                yield client

    def ask(self, alias: str, call: Callable[..., Any], *said: object) -> Any:  # noqa: ANN401
        """A call of the client's, at the ledger's time."""
        with self.client(alias) as client:
            return call(client, *said, at=self.service.clock.now())

    def refusal(self, alias: str, call: Callable[..., Any], *said: object) -> str:
        """The code by which a call is refused."""
        with pytest.raises(Refused) as refused:
            self.ask(alias, call, *said)
        return str(refused.value.code)

    def say(self, name: str, *by: str, **more: Any) -> Act:  # noqa: ANN401  as `an_act`
        """An act of the case, signed by everybody named."""
        self.case.now = max(self.case.now, self.service.step(minutes=1))
        act = self.case.act(name, **more)
        receipt = self.service.say(act, *by)
        self.service.known(receipt["index"])
        return act

    def sealed(self, **more: object) -> tuple[str, str]:
        """A new case whose reporter is sealed by the hotline's own machine: token and item."""
        self.case = Story(f"case/{RealEntropy().uuid()}", start=self.service.clock.now())
        facts = {"identity_given": True, "reporter": None}
        report = self.say("ReportReceived", "hotline", facts=facts)
        with self.client("hotline") as client:
            at = self.service.clock.now()
            keys = reporters.keys_of(client, at=at)
            said = {name: text for name, text in {**SAID, **more}.items() if text is not None}
            item = reporters.seal(client, said, keys, RealEntropy())
            reporters.keep(client, self.case.stream.name[5:], item, at=at)
        self.say(
            "ReporterIdentitySealed",
            "hotline",
            refers_to=report.act_id,
            facts={"reporter": item.token, "vault_item": item.item, "contact_consent": True},
        )
        return item.token, item.item

    def informed(self, token: str | None, **facts: object) -> Act:
        """The hotline's act by which a reporter was told."""
        said = {
            "reporter": token,
            "told": "Đã tiếp nhận phản ánh của ông/bà.",
            "about": "RECEIPT",
            "through_vault": True,
            **facts,
        }
        return self.say("ReporterInformed", "hotline", by="hotline", facts=said, to=None)

    def disclosed(self, token: str, *by: str, **facts: object) -> Act:
        """The protection officer's act, signed by these."""
        said = {
            "reporter": token,
            "disclosed_to": "Cơ quan Cảnh sát điều tra",
            "legal_ground": "101/2015/QH13 Điều 56: bảo vệ người báo tin",
            "purpose": "Xác minh nguồn tin",
            "shown": ["NAME"],
            "reporter_told": True,
            **facts,
        }
        return self.say("ReporterIdentityDisclosed", *(by or ("vault", "pc", "ct")), facts=said)

    def give(self, place: int, act: Act) -> dict[str, Any]:
        """What becomes of a custodian's share."""
        alias = CUSTODIANS[place]
        with self.client(alias) as client:
            shown = reporters.disclosure(client, act.act_id)
        own = self.kept.shares[place], self.kept.custodians[place]
        answer: dict[str, Any] = self.ask(
            alias, reporters.give_share, shown, *own, self.kept.public
        )
        return answer


def _keep(vault: Vault, stop: threading.Event, at_work: threading.Lock) -> None:
    while not stop.is_set():
        with at_work:
            busy = vault.step()
        if not busy:
            stop.wait(0.02)


def _staff(service: Service) -> None:
    service.start()
    service.hire("hotline", "cv", "vault", "pc", "gd", "giamsat")
    agency, post = builders.CAST["ct"]
    line = builders.a_registry().agency(agency)
    assert line is not None
    powers = sorted({*line.posts[post].powers, *builders.MORE_POWERS["ct"]})
    service.say(appointment("ct", service.clock.now(), powers=powers), "founder")
    service.say(enrolment("ct", service.clock.now()), "founder")
    for alias in CUSTODIANS:
        at = service.step(minutes=1)
        service.say(appointment(alias, at, powers=["KEY_CUSTODIAN"]), "founder")
        service.say(enrolment(alias, at), "founder")


@pytest.fixture(scope="module")
def served(
    postgres_server: Embedded, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Compartment]:
    """One enclave for this file, its vault a thread as in its own process."""
    database = make_database(postgres_server)
    settings = found(database, tmp_path_factory.mktemp("reporters") / "home")
    kept, stop = Kept(), threading.Event()
    with MailServer().running() as mail:
        settings = replace(
            settings,
            mail_host="127.0.0.1",
            mail_port=mail.port,
            mail_security="none",
            mail_from="khong-tra-loi@socai.example",
        )
        write_private(settings.secrets_dir / "vault.passphrase", b"of the vault alone")
        path = Home(settings).key_path("vault")
        write_opening_key(path, kept.contact, b"of the vault alone", t=1, p=1, m_kib=64)
        service = open_service(settings, database)
        vault, pool, _ = open_vault(settings)
        made = Compartment(service, kept, mail, MemoryReads())
        thread = threading.Thread(target=_keep, args=(vault, stop, made.at_work), daemon=True)
        thread.start()
        _staff(service)
        made.before = made.refusal("hotline", reporters.keys_of)
        PostgresVaultStore(pool).found(kept.public)
        made.logged = service.enclave.reads
        made.noting(made.reads)
        yield made
        stop.set()
        thread.join(timeout=120)
        service.stop()
        pool.close()
    database.close()


@pytest.fixture
def r(served: Compartment) -> Compartment:
    """With an empty letter box, and nothing noted."""
    served.mail.arrived.clear()
    served.mail.refuses = None
    served.reads.noted.clear()
    served.reads.refuses = False
    return served


def test_before_the_vault_is_founded_nothing_is_sealed(served: Compartment) -> None:
    """What is sealed to keys that nobody has would be lost."""
    assert served.before == "vault_not_founded"


def test_an_answer_goes_out_by_the_act_that_says_it(r: Compartment) -> None:
    """Once, with the very text that was signed; and it is noted before (U1, K2)."""
    token, _ = r.sealed()
    act = r.informed(token)
    bodies = [r.ask("hotline", reporters.write, act.act_id) for _ in range(2)]
    assert [body["outcome"] for body in bodies] == ["sent", "sent"]
    (arrived,) = r.mail.arrived
    assert arrived.to == [ADDRESS]
    assert "Đã tiếp nhận phản ánh" in arrived.text
    assert [(n.rule, n.via, n.stream) for n in r.reads.noted] == [
        ("K2", act.act_id, r.case.stream.name)
    ]


def test_three_signatures_and_two_custodians_show_it_to_the_author(r: Compartment) -> None:
    """A18, from the act to what is shown; each step is noted, and the reporter is told."""
    token, _ = r.sealed()
    act = r.disclosed(token)
    assert r.refusal("vault", reporters.look, act.act_id) == "opening_over"
    assert r.give(0, act)["outcome"] == "one_of_two"
    opened = r.give(1, act)
    assert (opened["outcome"], opened["notice"]) == ("open", "sent")
    shown, _ = r.ask("vault", reporters.look, act.act_id)
    assert shown == {"NAME": SAID["name"]}
    assert "Cơ quan Cảnh sát điều tra" in r.mail.arrived[-1].text
    assert [n.rule for n in r.reads.noted] == ["A18"] * 4
    assert {n.via for n in r.reads.noted} == {act.act_id}


def test_it_stands_in_the_log_of_reads(r: Compartment) -> None:
    """The enclave's own: a row before the letter, under the act; asked again, no second one."""
    token, _ = r.sealed()
    act = r.informed(token)
    assert r.logged is not None
    before = noted(r.service)
    r.noting(r.logged)
    try:
        for _ in range(2):
            assert r.ask("hotline", reporters.write, act.act_id)["outcome"] == "sent"
    finally:
        r.noting(r.reads)
    (row,) = noted(r.service)[len(before) :]
    assert (row.read.rule, row.read.via) == ("K2", act.act_id)


@attack(
    "the API tells, in any answer, where a letter went or who was disclosed",
    stopped_by="it never has either",
    noticed_by="-",
)
def test_no_answer_and_no_log_line_has_the_address(
    r: Compartment, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where the server refuses and says the address, and in the search for it."""
    r.mail.refuses = "550 no such user {to}"
    with caplog.at_level(0):
        token, _ = r.sealed()
        act = r.informed(token)
        body = r.ask("hotline", reporters.write, act.act_id)
    assert body["outcome"] == "refused"
    assert ADDRESS not in str(body)
    ours = [record for record in caplog.records if record.name.startswith("socai")]
    assert ours
    assert not any(ADDRESS in record.getMessage() + str(record.__dict__) for record in ours)
    found_ = r.service.get("/v1/cases", "hotline", q=ADDRESS)
    assert ADDRESS not in found_.get_data(as_text=True) or found_.status_code == 400
    file = r.service.get(f"/v1/cases/{r.case.stream.name[5:]}", "hotline")
    assert (file.status_code, ADDRESS in file.text) == (200, False)


@attack(
    "R opened although the read cannot be noted",
    stopped_by="the note comes first, and fails the request",
    noticed_by="-",
)
def test_what_cannot_be_noted_is_not_asked(r: Compartment) -> None:
    """Neither a letter, nor a share, nor a look (U1)."""
    token, _ = r.sealed()
    letter, act = r.informed(token), r.disclosed(token)
    r.reads.refuses = True
    assert r.refusal("hotline", reporters.write, letter.act_id) == "read_not_logged"
    assert r.refusal("vault", reporters.look, act.act_id) == "read_not_logged"
    with pytest.raises(Refused, match="read_not_logged"):
        r.give(0, act)
    assert not r.mail.arrived


@attack(
    "a disclosure with two of its three signatures",
    stopped_by="the act is not effective",
    noticed_by="-",
)
def test_a_disclosure_that_waits_for_its_last_signer_opens_nothing(r: Compartment) -> None:
    """The custodians do not see it, and the author asks in vain."""
    token, _ = r.sealed()
    act = r.disclosed(token, "vault", "pc")
    assert r.refusal("vault", reporters.look, act.act_id) == "not_disclosed"
    with pytest.raises(Refused, match="not_found"):
        r.give(0, act)
    assert not r.reads.noted


@attack(
    "an identity looked at when its time is over",
    stopped_by="the API, and the vault again",
    noticed_by="-",
)
def test_when_its_time_is_over_the_api_refuses(r: Compartment) -> None:
    """The custodians do not reach it any more either."""
    token, _ = r.sealed()
    act = r.disclosed(token)
    for place in (0, 1):
        r.give(place, act)
    assert r.ask("vault", reporters.look, act.act_id)[0]
    r.service.clock.step(hours=12)
    assert r.refusal("vault", reporters.look, act.act_id) == "opening_over"
    with pytest.raises(Refused, match="not_found"):
        r.give(0, act)


@attack(
    "an officer asks the vault by another's act, or without being a custodian",
    stopped_by="author and custodian, asked at the desk",
    noticed_by="-",
)
def test_who_did_not_write_the_act_asks_nothing(r: Compartment) -> None:
    """Nor does who cannot see it learn that it is there."""
    token, _ = r.sealed()
    letter, act = r.informed(token), r.disclosed(token)
    assert r.refusal("cv", reporters.write, letter.act_id) == "not_yours"
    assert r.refusal("pc", reporters.look, act.act_id) == "not_yours"
    assert r.refusal(CUSTODIANS[0], reporters.write, letter.act_id) == "not_found"
    share = {"share": "AAAA"}
    path = f"/v1/acts/{act.act_id}/shares"
    with r.client("vault") as client, pytest.raises(Refused) as refused:
        client.json("POST", path, body=share, at=r.service.clock.now())
    assert refused.value.code == "not_yours"
    assert not r.reads.noted


@attack(
    "a custodian who was given a post that works beside it, before the rule was asked, opens with"
    " their share",
    stopped_by="the desk takes no share of such a person",
    noticed_by="-",
)
def test_a_custodian_with_another_post_gives_no_share(
    r: Compartment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """access.md S5 at use; nothing is noted, since nothing is asked of the vault."""
    token, _ = r.sealed()
    act, desk = r.disclosed(token), r.service.enclave.desk
    known = desk._registry().copy()
    clerk = appointment(CUSTODIANS[0], r.service.clock.now(), powers=[])
    builders.enter(known, "OfficerAppointed", dict(clerk.facts), stream=clerk.stream)
    with monkeypatch.context() as patch:
        patch.setattr(desk, "_registry", lambda: known)
        with pytest.raises(Refused, match="not_yours"):
            r.give(0, act)
    assert not r.reads.noted
    assert r.give(0, act)["outcome"] == "one_of_two"


def test_an_act_that_says_nothing_of_the_vault_sends_nothing(r: Compartment) -> None:
    """Told by telephone, or nobody told: the vault has no part in it."""
    token, _ = r.sealed()
    for facts in ({"through_vault": False}, {"status": "UNTRACEABLE"}, {"reporter": None}):
        act = r.informed(token, **facts)
        assert r.refusal("hotline", reporters.write, act.act_id) == "nothing_to_send"


@attack(
    "a sealing that names an item of another reporter, of another case or of nobody",
    stopped_by="the door asks R before it records",
    noticed_by="-",
)
def test_a_sealing_names_what_r_keeps_for_this_reporter(r: Compartment) -> None:
    """`vault_item` is what was sealed for this token in this case, and nothing else."""
    _, item = r.sealed()
    r.case = Story(f"case/{RealEntropy().uuid()}", start=r.service.step(minutes=1))
    report = r.say("ReportReceived", "hotline", facts={"identity_given": True, "reporter": None})
    for named in (item, str(RealEntropy().uuid())):
        facts = {"reporter": f"sealed:{RealEntropy().uuid()}", "vault_item": named}
        act = r.case.act("ReporterIdentitySealed", refers_to=report.act_id, facts=facts)
        answer = r.service.send(r.service.sign(act, "hotline"), "hotline")
        assert (answer.status_code, answer.get_json()["code"]) == (422, "identity_missing")


def test_a_client_that_cannot_seal_has_the_door_do_it(r: Compartment) -> None:
    """K1: in the same step, and nothing of it comes back or is written in a log line."""
    case = str(RealEntropy().uuid())
    body = {"case": case, "said": {"name": SAID["name"], "contact_consent": False}}
    with r.client("hotline") as client:
        kept = client.json("POST", "/v1/reporters", body=body, at=r.service.clock.now())
        assert kept.keys() - {"rehearsal"} == {"item", "token"}
        bad = {**body, "said": {"email": "a@b.vn\nBcc: c@d.vn", "contact_consent": True}}
        with pytest.raises(Refused) as refused:
            client.json("POST", "/v1/reporters", body=bad, at=r.service.clock.now())
    assert refused.value.code == "malformed_identity"
    assert "Bcc" not in str(refused.value.problem)


def _keep_item(client: Client, case: str, item: SealedIdentity, *, at: datetime) -> None:
    reporters.keep(client, case, item, at=at)


def test_what_r_keeps_is_of_one_reporter_of_one_case(r: Compartment) -> None:
    """Sent again it is kept once; its item or token for anything else is refused, and not kept."""
    case, other = (str(RealEntropy().uuid()) for _ in range(2))
    with r.client("hotline") as client:
        keys = reporters.keys_of(client, at=r.service.clock.now())
        one, two = (reporters.seal(client, SAID, keys, RealEntropy()) for _ in range(2))
    for _ in range(2):
        r.ask("hotline", _keep_item, case, one)
    for item, place in ((replace(two, item=one.item), case), (replace(two, token=one.token), case),
                        (one, other)):  # fmt: skip
        assert r.refusal("hotline", _keep_item, place, item) == "identity_taken"
    r.ask("hotline", _keep_item, other, two)


def test_a_share_that_is_none_is_refused_and_a_late_vault_is_told(r: Compartment) -> None:
    """Neither is a share of the opening; one that is given again behind it is one."""
    token, _ = r.sealed()
    act = r.disclosed(token)
    headers = r.service.headers(CUSTODIANS[0], r.service.clock.now())
    path, none = f"/v1/acts/{act.act_id}/shares", {"share": "AAAA"}
    refused = r.service.client.post(path, json=none, headers=headers)
    assert (refused.status_code, refused.get_json()["code"]) == (422, "share_refused")
    with r.at_work:
        late = r.service.client.post(path, json=none, headers=headers | {"Prefer": "wait=0"})
    assert (late.status_code, late.get_json()["code"]) == (503, "vault_late")
    assert late.headers["Retry-After"]
    assert [r.give(place, act)["outcome"] for place in (0, 0, 1)] == ["one_of_two"] * 2 + ["open"]


# -- at a terminal --------------------------------------------------------------------------------


@dataclass
class Terminal:
    """A machine with files of its own, and the service behind a socket."""

    r: Compartment
    folder: Path
    url: str

    def run(self, *words: str, by: str | None = None, stdin: str | None = None) -> Result:
        """One call of the command line, as somebody or as the operator."""
        who: tuple[str, ...] = ()
        if by is not None:
            key = self.folder / f"{by}.socaikey"
            if not key.exists():
                write_key(key, builders.key(by), b"secret", t=1, p=1, m_kib=64)
            origin = self.r.service.enclave.facts.origin
            at = fmt_time(self.r.service.clock.now())
            who = ("--key", str(key), "--server", self.url, "--log", origin, "--at", at)
        env = {
            "SOCAI_HOME": str(self.folder / "home"),
            "SOCAI_PASSPHRASE_FILE": str(self.folder / "passphrase"),
            "COLUMNS": "100",
        }
        return CliRunner().invoke(
            main, ["--lang", "en", *words, *who], env=env, input=stdin, catch_exceptions=False
        )


@pytest.fixture
def terminal(r: Compartment, tmp_path: Path) -> Iterator[Terminal]:
    """An officer's machine."""
    write_private(tmp_path / "passphrase", b"secret")
    with listening(r.service) as url:
        yield Terminal(r, tmp_path, url)


def test_at_a_terminal_from_sealing_to_what_is_shown(terminal: Terminal, r: Compartment) -> None:
    """Intake seals from standard input; answer, two custodians and the author follow."""
    r.case = Story(f"case/{RealEntropy().uuid()}", start=r.service.clock.now())
    r.say("ReportReceived", "hotline", facts={"identity_given": True, "reporter": None})
    case, said = r.case.stream.name[5:], orjson.dumps(SAID).decode()
    sealed = terminal.run("reporter", "seal", case, "--identity", "-", by="hotline", stdin=said)
    assert sealed.exit_code == 0, sealed.output
    assert ADDRESS not in sealed.output
    draft, _ = json.JSONDecoder().raw_decode(sealed.stderr)  # the log's key is told of behind it
    token = draft["facts"]["reporter"]
    letter = r.informed(token)
    answered = terminal.run("reporter", "answer", letter.act_id, by="hotline")
    assert (answered.exit_code, answered.stdout) == (0, "It is sent.\n")
    act = r.disclosed(token)
    for place, said in ((0, "The vault has your share."), (1, "It is open until")):
        share, own = terminal.folder / f"{place}.socaishare", terminal.folder / f"{place}.own"
        write_private(share, r.kept.shares[place].data() + b"\n")
        write_opening_key(own, r.kept.custodians[place], b"secret", t=1, p=1, m_kib=64)
        given = terminal.run(
            "reporter", "open", act.act_id, "--share", str(share), "--custodian-key", str(own),
            "--yes", by=CUSTODIANS[place],
        )  # fmt: skip
        assert given.exit_code == 0, given.output
        assert given.stdout.startswith(said), given.stdout
    shown = terminal.run("reporter", "show", act.act_id, "--json", by="vault")
    assert orjson.loads(shown.stdout)["identity"] == {"NAME": SAID["name"]}


@attack(
    "a share given by another custodian's key, or for an act that nobody signed, at a terminal",
    stopped_by="the share opens for its own key alone, the act has to stand",
    noticed_by="-",
)
def test_at_a_terminal_one_custodian_opens_nothing(terminal: Terminal, r: Compartment) -> None:
    """One sentence, exit 1, and nothing is given."""
    token, _ = r.sealed()
    act = r.disclosed(token)
    share, own = terminal.folder / "0.socaishare", terminal.folder / "1.own"
    write_private(share, r.kept.shares[0].data() + b"\n")
    write_opening_key(own, r.kept.custodians[1], b"secret", t=1, p=1, m_kib=64)
    words = ("--share", str(share), "--custodian-key", str(own), "--yes")
    wrong = terminal.run("reporter", "open", act.act_id, *words, by=CUSTODIANS[0])
    assert (wrong.exit_code, "It does not open" in wrong.output) == (1, True), wrong.output
    assert not r.reads.noted
    refused = terminal.run("reporter", "show", act.act_id, by="vault")
    assert (refused.exit_code, "opening_over" in refused.output) == (1, True), refused.output


@attack(
    "another server names a key of its own to seal to",
    stopped_by="the machine keeps the keys it saw first",
    noticed_by="whoever seals",
)
def test_keys_of_r_that_changed_are_not_sealed_to(terminal: Terminal, r: Compartment) -> None:
    """Compared with what this machine saw before, or with the minutes."""
    origin, home = r.service.enclave.facts.origin, terminal.folder / "home"
    assert pinned(home, origin, r.kept.public) == r.kept.public
    other = Kept().public
    with pytest.raises(Rejected, match=f"other keys.*{other.contact.kid}.*delete"):
        pinned(home, origin, other)


@attack(
    "a server in the server's place names a key of its own, and reads the shares that two"
    " custodians give: with both it opens every identity",
    stopped_by="the custodian's machine keeps R's keys as it saw them first, as intake's does",
    noticed_by="the custodian",
)
def test_no_share_is_given_to_keys_that_changed(
    terminal: Terminal, r: Compartment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing leaves the machine; what is said names the keys, and what to compare them with."""
    token, _ = r.sealed()
    act, other = r.disclosed(token), Kept().public
    share, own = terminal.folder / "0.socaishare", terminal.folder / "0.own"
    write_private(share, r.kept.shares[0].data() + b"\n")
    write_opening_key(own, r.kept.custodians[0], b"secret", t=1, p=1, m_kib=64)
    words = ("reporter", "open", act.act_id, "--share", str(share), "--custodian-key", str(own))
    pinned(terminal.folder / "home", r.service.enclave.facts.origin, r.kept.public)
    with monkeypatch.context() as patch:
        patch.setattr(reporters, "keys_of", lambda *_, **__: other)
        refused = terminal.run(*words, "--yes", by=CUSTODIANS[0])
    assert refused.exit_code == 1, refused.output
    assert "minutes" in refused.output.replace("\n", " ")
    given = terminal.run(*words, "--yes", by=CUSTODIANS[0])
    assert given.stdout.startswith("The vault has your share."), given.output


def test_what_is_typed_wrongly_is_said_in_one_sentence(terminal: Terminal, r: Compartment) -> None:
    """Exit 2 or 1, no trace, and nothing of what was typed."""
    case = r.case.stream.name[5:]
    for text in ("not json", "[]", '{"email": "a@b.vn,c@d.vn", "contact_consent": true}'):
        wrong = terminal.run("reporter", "seal", case, "--identity", "-", by="hotline", stdin=text)
        assert wrong.exit_code in (1, 2), wrong.output
        assert wrong.output.count("\n") == 1, wrong.output
        assert "c@d.vn" not in wrong.output
    made = terminal.run("vault", "custodian", str(terminal.folder / "me.socaikey"))
    assert made.exit_code == 0, made.output
    again = terminal.run("vault", "custodian", str(terminal.folder / "me.socaikey"))
    assert again.exit_code == 2, again.output


@attack(
    "a reporter who was to be forgotten is written to, looked at, or found in R, once the act by"
    " which they were sealed is erased",
    stopped_by="log.shred takes away what R keeps of them with the act's key; the vault asks R"
    " before each look",
    noticed_by="the receipt: how many reporters",
)
def test_an_erasure_reaches_what_r_keeps(r: Compartment) -> None:
    """That reporter alone; an opening of before shows nothing more, and no letter goes out."""
    service = r.service
    _, other = r.sealed()
    token, item = r.sealed()
    letter, act = r.informed(token), r.disclosed(token)
    for place in (0, 1):
        r.give(place, act)
    assert r.ask("vault", reporters.look, act.act_id)[0] == {"NAME": SAID["name"]}
    rows = service.records.stream(stream_id(service.enclave.facts.origin, r.case.stream.name))
    opened = [service.reader.open(row) for row in rows]
    named = [
        {"index": one.index, "entry": canonical.b64(one.entry)}
        for one in opened
        if one.act is not None and one.act.act == "ReporterIdentitySealed"
    ]
    erasing = an_act(
        "RecordErased", when=service.step(minutes=1), facts={"entries": named, "attachments": None}
    )
    service.say(erasing, "ct", "ubgk", "giamsat")
    env = {"SOCAI_HOME": str(service.settings.home)}
    shred = ["log", "shred", erasing.act_id, "--yes", "--json"]
    told = CliRunner().invoke(main, shred, env=env)
    assert told.exit_code == 0, told.output
    receipt = orjson.loads(told.stdout)
    assert (receipt["records"], receipt["reporters"]) == (1, 1)
    with psycopg.connect(service.database.admin) as admin:
        kept = admin.execute(
            "SELECT item::text FROM r.items WHERE item = ANY (%s::uuid[])", [[item, other]]
        ).fetchall()
    assert kept == [(other,)]
    assert r.refusal("vault", reporters.look, act.act_id) == "opening_over"
    assert r.ask("hotline", reporters.write, letter.act_id)["outcome"] == "unknown"
    assert not [mail for mail in r.mail.arrived if "Đã tiếp nhận" in mail.text]


OF_R = {
    "moved to another case": (
        "UPDATE r.items SET comp = gen_random_uuid() WHERE item = %s",
        "reporter_missing",
    ),
    "another in their place": (
        "UPDATE r.items SET item = gen_random_uuid() WHERE item = %s",
        "reporter_missing",
    ),
    "taken away": ("DELETE FROM r.items WHERE item = %s", "reporter_missing"),
    "sealed to another key": (
        (
            "UPDATE r.items SET contact_wrap = set_byte(contact_wrap, 3, 7 #"
            " get_byte(contact_wrap, 3)) WHERE item = %s"
        ),
        "reporter_other_keys",
    ),
    "another key to seal to": (
        (
            "UPDATE r.keys SET public = set_byte(public, 9, 7 # get_byte(public, 9))"
            " WHERE part = 'contact' AND %s::uuid IS NOT NULL"
        ),
        "keys_wrong",
    ),
    "a letter that no act says": (
        (
            "INSERT INTO r.requests (id, key, sealed)"
            " SELECT gen_random_uuid(), decode(repeat('00', 16), 'hex'),"
            " decode(repeat('00', 1137), 'hex') FROM generate_series(1, 9)"
            " WHERE %s::uuid IS NOT NULL"
        ),
        "request_unexplained",
    ),
}


@contextmanager
def of_r(admin: psycopg.Connection[Any], harm: str, item: str, letter: str) -> Iterator[None]:
    """Something is done to R, and undone."""
    kept = admin.execute("SELECT * FROM r.items WHERE item = %s", [item]).fetchall()
    keys = admin.execute("SELECT part, public FROM r.keys").fetchall()
    admin.execute(harm.encode(), [item])
    yield
    admin.execute("DELETE FROM r.items WHERE token = %s", [kept[0][1]])
    admin.execute("INSERT INTO r.items VALUES (%s, %s, %s, %s, %s, %s, %s)", kept[0])
    for part, public in keys:
        admin.execute("UPDATE r.keys SET public = %s WHERE part = %s", [public, part])
    admin.execute("DELETE FROM r.requests WHERE id <> %s", [letter])


@contextmanager
def to_a_stranger(admin: psycopg.Connection[Any]) -> Iterator[None]:
    """R's key for contact is a stranger's, in everything that the database has; and is back."""
    mine = OpeningKey.generate().public
    old = admin.execute("SELECT kek_id, public FROM r.keys WHERE part = 'contact'").fetchone()
    assert old is not None
    swap = "UPDATE r.items SET contact_wrap = overlay(contact_wrap PLACING %s FROM 2 FOR 16)"
    for kek_id, public in ((mine.kek_id, mine.raw), old):
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "UPDATE r.keys SET kek_id = %s, public = %s WHERE part = 'contact'", [kek_id, public]
        )
        admin.execute(swap, [kek_id])
        admin.execute("SET session_replication_role = origin")
        if kek_id == mine.kek_id:
            yield


@attack(
    "whoever owns the database moves a reporter to another case, puts another in their place, seals"
    " to keys of their own, or has the vault write a letter that no act says",
    stopped_by="-",
    noticed_by="socai vault audit",
)
def test_what_is_done_to_r_is_named(r: Compartment) -> None:
    """Each by its kind; what acts and rows of reads explain is sound."""
    service = r.service
    assert r.logged is not None

    def audited() -> tuple[int, dict[str, Any]]:
        env = {"SOCAI_HOME": str(service.settings.home)}
        told = CliRunner().invoke(main, ["--lang", "en", "vault", "audit", "--json"], env=env)
        return told.exit_code, orjson.loads(told.stdout)

    with psycopg.connect(service.database.admin, autocommit=True) as admin:
        # the other tests of this file note reads in memory, where no audit finds them
        admin.execute("DELETE FROM r.requests")
        r.noting(r.logged)
        try:
            token, item = r.sealed()
            letter, act = r.informed(token), r.disclosed(token)
            assert r.ask("hotline", reporters.write, letter.act_id)["outcome"] == "sent"
            for place in (0, 1):
                r.give(place, act)
            assert r.ask("vault", reporters.look, act.act_id)[0]
        finally:
            r.noting(r.reads)
        status, sound = audited()
        assert (status, sound["findings"], sound["held_to_file"]) == (0, [], True), sound
        assert sound["keys"]["contact"] == r.kept.contact.public.kid
        assert sound["items"] > sound["strays"] >= 0
        for name, (harm, kind) in OF_R.items():
            with of_r(admin, harm, item, letter.act_id):
                status, told = audited()
            assert (status, kind in {one["kind"] for one in told["findings"]}) == (1, True), name
        with to_a_stranger(admin):
            status, told = audited()
        assert (status, [one["kind"] for one in told["findings"]]) == (1, ["keys_wrong"])
        assert "vault's key file" in told["findings"][0]["what"]
