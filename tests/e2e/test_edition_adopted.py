"""Two officers change the rules by tables, over HTTP: everybody goes by it from then on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from api.ops.wiring.key_files import open_kek
from keys.custody.file import write_key
from ledger.audit.audit import audit
from ledger.audit.report import Report
from ledger.postgres.evidence import PostgresEvidence
from tests import builders
from tests.a_ledger import appointment, enrolment
from tests.fixtures.app import Service, listening, open_service

pytestmark = pytest.mark.postgres
PASSPHRASE = b"mat khau cua can bo"
#: No case of its own edition is closed from there any more.
MOVES = "Từ,Diễn biến,Nhánh,Đến,Bỏ\nHANDLING,ReferralSent,,,x\n"


class Hands:
    """Officers at their terminals, each with a key file."""

    def __init__(self, service: Service, url: str, folder: Path, more: Sequence[str] = ()) -> None:
        self._url = url
        self._folded = service.folded
        self._folder = folder
        self._home = service.settings.home
        (folder / "passphrase").write_bytes(PASSPHRASE)
        (folder / "passphrase").chmod(0o600)
        for alias in ("founder", "pc", "cv", *more):
            file = folder / f"{alias}.socaikey"
            write_key(file, builders.key(alias), PASSPHRASE, t=1, p=1, m_kib=8)

    def by(self, alias: str | None, *words: str, stdin: bytes | None = None) -> Result:
        """A command, by somebody, once the views have what the one before it recorded."""
        self._folded()
        passphrase = str(self._folder / "passphrase")
        env = {"SOCAI_HOME": str(self._home), "SOCAI_PASSPHRASE_FILE": passphrase}
        key = str(self._folder / f"{alias}.socaikey")
        more = [] if alias is None else ["--key", key, "--server", self._url]
        return CliRunner().invoke(main, ["--lang", "en", *words, *more], env=env, input=stdin)


def _with_a_legal_officer(service: Service) -> None:
    service.hire("hotline", "cv", "tp", "gd")
    powers = sorted(builders.MORE_POWERS["pc"])
    service.say(appointment("pc", service.clock.now(), powers=powers), "founder")
    service.say(enrolment("pc", service.clock.now()), "founder")


def test_a_change_in_tables_is_adopted_by_two_and_rules_from_then_on(
    service: Service, tmp_path: Path
) -> None:
    """A clerk cannot; what was closed stays closed; a second process and the audit agree."""
    _with_a_legal_officer(service)
    closed = builders.a_case_in("CLOSED", start=service.clock.now())
    service.tell(closed)
    waiting = builders.a_case_in(
        "HANDLING", name=f"case/{builders.an_id('waits')}", start=service.clock.now()
    )
    service.tell(waiting)
    folder = tmp_path / "thay-doi"
    with listening(service) as url:
        hands = Hands(service, url, tmp_path)
        _written(hands, folder)
        _adopted(service, hands, folder)
    beside = open_service(service.settings, service.database, service.clock)
    try:
        at = service.step(minutes=5)
        sending = waiting.act("ReferralSent", when=at)
        for one in (service, beside):
            assert one.enclave.ledger.refresh().edition.name == "2-bn.1"
            one.folded()
            asked = {"act": dict(sending.signed)}
            told = one.client.post("/v1/acts/check", json=asked, headers=one.headers("cv", at))
            assert told.get_json()["guard"] == "STATE_ILLEGAL", told.text
    finally:
        beside.stop()
    service.known(service.size() - 1)
    for case, state in ((closed, "CLOSED"), (waiting, "HANDLING")):
        number = case.stream.name.removeprefix("case/")
        assert service.get(f"/v1/cases/{number}", by="cv").get_json()["state"] == state
    report = _audited(service)
    assert report.ok, report.findings


def _written(hands: Hands, folder: Path) -> None:
    """The legal officer's tables, checked and tried on the open cases that are seen."""
    assert hands.by(None, "edition", "new", str(folder)).exit_code == 0
    (folder / "chuyen-trang-thai.csv").write_text(MOVES, "utf-8")
    checked = hands.by(None, "edition", "check", str(folder))
    assert checked.exit_code == 0, checked.output
    tried = hands.by("cv", "edition", "try", str(folder))
    assert tried.exit_code == 0, tried.output
    assert tried.stdout.count("takes no more") == 1


def _adopted(service: Service, hands: Hands, folder: Path) -> None:
    """By the registrar and the legal officer; a clerk is told which power it takes."""
    words = [
        "edition", "adopt", str(folder), "--name", "2-bn.1", "--summary", "Bớt một bước",
        "--document", "QĐ 12/2024", "--approver", builders.officer("pc"),
    ]  # fmt: skip
    clerk = hands.by("cv", *words)
    assert (clerk.exit_code, clerk.stdout) == (2, "")
    assert "the power REGISTRY_KEEPER" in clerk.stderr
    at = service.step(minutes=1).isoformat()
    signed = hands.by("founder", *words, "--iat", at)
    assert signed.exit_code == 0, signed.output
    sent = hands.by("founder", "act", "submit", "-", "--json", stdin=signed.stdout_bytes)
    assert sent.exit_code == 0, sent.output
    act_id = orjson.loads(sent.stdout)["act_id"]
    assert service.enclave.ledger.registry.edition.name != "2-bn.1"
    counter = hands.by("pc", "act", "sign", "--countersign", act_id, "--iat", at)
    assert counter.exit_code == 0, counter.output
    done = hands.by("pc", "act", "submit", "-", stdin=counter.stdout_bytes)
    assert done.exit_code == 0, done.output


def _audited(service: Service) -> Report:
    facts = service.enclave.facts
    with PostgresEvidence(service.database.dsn("projector")) as source:
        return audit(
            source, origin=facts.origin, vkeys=service.enclave.vkeys,
            kek=open_kek(service.settings), genesis=facts.genesis,
        )  # fmt: skip
