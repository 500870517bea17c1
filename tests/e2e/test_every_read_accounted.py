"""SC15 with all that its file cannot hold: R by real processes, erasure, and every read counted."""

from __future__ import annotations

import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from api.client import reporters
from api.home import write_private
from api.ops.child_processes import python
from api.ops.machine import RealEntropy
from api.rehearsal.acts_of_play import References
from api.rehearsal.cast import Cast, EditionDirectory
from api.rehearsal.http_ledger import HttpLedger
from api.rehearsal.player import Outcome, Player, Registrar, StepResult
from api.rehearsal.scenario import Play, read_file, shipped
from api.settings import Settings, child_environment
from keys.custody.file import write_key
from ledger.regulation.acts.json_shape import fmt_time
from ledger.regulation.edition import load_edition
from ledger.vault.identity import sealed, told
from tests import builders
from tests.fixtures.app import T0, Service, found, listening, open_service
from tests.fixtures.postgres import Database
from tests.fixtures.under_order import noted
from tests.fixtures.vault import SAID, MailServer

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

CUSTODIANS = ("gk1", "gk2")
OPENED, TOLD, DISCLOSED, TOLD_AGAIN, ERASED = 9, 12, 13, 15, 18
"""Steps of SC15."""


@dataclass
class Scene:
    """A served enclave with its vault, and whoever acts beside the file.

    Attributes:
        service: The enclave.
        url: Where it answers.
        folder: Machines of the cast.
        mail: A real mail server.
        shares: Files of R's shares, in the order of the custodians.
        ran: What each command beside the play said, by its words.
        expected: The reads that were played: rule, kind, alias, act by which.
    """

    service: Service
    url: str
    folder: Path
    mail: MailServer
    shares: list[Path]
    ran: dict[str, dict[str, Any]] = field(default_factory=dict)
    expected: list[tuple[str, str, str, str | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.desk = HttpLedger(self.url, "en")
        self.cast = Cast(self.desk.origin)
        self.player = Player(
            self.desk,
            Registrar(builders.officer("founder"), builders.key("founder")),
            self.cast,
            EditionDirectory(load_edition()),
            new_uuid=RealEntropy().uuid,
            watch=self.after,
        )

    # -- beside the file ---------------------------------------------------------------------------

    def after(self, result: StepResult, threads: References) -> None:
        """What is done once a step stands."""
        for read in result.reads:
            if read.via is not None:
                kind = "CASE_FILE" if read.read.case is not None else "RECORD"
                assert read.under is not None
                self.expected.append((read.under, kind, read.read.by, read.via))
        beside: Mapping[int, Callable[[StepResult, References], None]] = {
            1: self.seals,
            OPENED: self.looks_into_the_reads,
            TOLD: self.writes,
            DISCLOSED: self.reveals,
            ERASED: self.shreds,
        }
        if result.step.n in beside:
            beside[result.step.n](result, threads)

    def seals(self, result: StepResult, threads: References) -> None:
        """The hotline's machine seals who reported, under the item and token of the file."""
        client = self.desk.client(self.cast.signer(threads.officers["hotline"].kid))
        at = result.step.at + timedelta(minutes=1)
        facts = result.step.facts
        step = next(s for s in self.play.steps if s.act == "ReporterIdentitySealed")
        item = sealed(
            *told(SAID),
            reporters.keys_of(client, at=at),
            origin=self.desk.origin,
            item=step.facts["vault_item"],
            token=facts["reporter"],
        )
        reporters.keep(client, threads.cases["C1"], item, at=at)

    def looks_into_the_reads(self, result: StepResult, threads: References) -> None:
        """The auditor who will review the opening counts its reads."""
        told = self.run("reads", "--order", str(result.act_id), by="gs", threads=threads)
        review = next(s for s in self.play.steps if s.act == "BreakGlassReviewed")
        assert len(told["reads"]) == review.facts["reads_checked"]
        self.expected.append(("A11", "ACCESS_LOG", "gs", result.act_id))

    def writes(self, result: StepResult, threads: References) -> None:
        """The answer goes to the reporter by the vault."""
        act, at = str(result.act_id), result.step.at + timedelta(minutes=5)
        told = self.run("reporter", "answer", act, by="hotline", at=at, threads=threads)
        assert told["outcome"] == "sent"
        (letter,) = self.mail.arrived
        assert (letter.to, result.step.facts["told"] in letter.text) == ([SAID["email"]], True)
        self.expected.append(("K2", "REVEAL", "hotline", act))

    def reveals(self, result: StepResult, threads: References) -> None:
        """Two of three custodians, then its author; who reported is told."""
        act, at = str(result.act_id), result.step.at + timedelta(hours=1)
        run = partial(self.run, at=at, threads=threads)
        for place, alias in enumerate(CUSTODIANS):
            own = self.folder / f"{place}.socaikey"
            words = ("--share", str(self.shares[place]), "--custodian-key", str(own), "--yes")
            said = run("reporter", "open", act, *words, by=alias)
            assert said["outcome"] == ("one_of_two", "open")[place]
            self.expected.append(("A18", "REVEAL", alias, act))
        shown = run("reporter", "show", act, by="kho")
        assert shown["identity"] == {"NAME": SAID["name"], "PHONE": SAID["phone"]}
        self.expected.append(("A18", "REVEAL", "kho", act))
        assert result.step.facts["disclosed_to"] in self.mail.arrived[-1].text
        assert len(self.mail.arrived) == 2

    def shreds(self, result: StepResult, _: References) -> None:
        """The operator carries the erasure out, and the epoch turns."""
        act = str(result.act_id)
        before = self.operate("log", "shred", act, "--yes")
        assert before["status"].startswith("pending epoch ")
        self.ran["turn"] = self.operate("key", "epoch", "turn")
        self.ran["shred"] = self.operate("log", "shred", act, "--yes")

    # -- machines ----------------------------------------------------------------------------------

    def run(
        self, *words: str, by: str, threads: References, at: datetime | None = None
    ) -> dict[str, Any]:
        """A command on the machine of one of the cast, at a time of the rehearsal or its own."""
        file = self.folder / f"{by}.of.socaikey"
        if not file.exists():
            key = self.cast.signer(threads.officers[by].kid)
            write_key(file, key, b"secret", t=1, p=1, m_kib=64)
        who = ("--key", str(file), "--server", self.url, "--log", self.desk.origin)
        when = () if at is None else ("--at", fmt_time(at))
        return _said(
            _socai(
                self.folder / "machine", self.folder / "passphrase", *words, *who, *when, "--json"
            )
        )

    def operate(self, *words: str) -> dict[str, Any]:
        """A command of the operator, in the enclave's home."""
        return _said(_socai(self.service.settings.home, None, *words, "--json"))

    def figures(self, outcome: Outcome) -> dict[str, dict[str, int | None]]:
        """What the auditor is told of the province by month, of both years."""
        found: dict[str, dict[str, int | None]] = {}
        for year in (2024, 2025):
            told = self.run(
                "stats", "--province", "--from", f"{year}-01-01", by="gs", threads=outcome.threads
            )
            self.expected.append(("A27", "FIGURES", "gs", None))
            for one in told["access_by_month"]:
                months = {cell["key"]: cell["count"] for cell in one["months"]}
                found.setdefault(one["code"], {}).update(months)
        return found

    def file_of(self, outcome: Outcome) -> str:
        """The case as its handler is shown it, with each act."""
        client = self.desk.client(self.player.signer(outcome, "cv"))
        case = outcome.threads.cases["C1"]
        return str([client.case(case), client.case_acts(case)])

    def playing(self, play: Play) -> Outcome:
        """A play, to its end."""
        self.play = play
        outcome = self.player.play(play)
        wrong = [*(s.wrong for s in outcome.steps), *(f.wrong for f in outcome.finals)]
        assert outcome.ok, (outcome.trouble, [one for one in wrong if one])
        return outcome


def _socai(home: Path, passphrase: Path | None, *words: str) -> Result:
    env = {"SOCAI_HOME": str(home), "SOCAI_MIN_FREE_MIB": "0", "COLUMNS": "100"}
    if passphrase is not None:
        env["SOCAI_PASSPHRASE_FILE"] = str(passphrase)
    return CliRunner().invoke(main, ["--lang", "en", *words], env=env, catch_exceptions=False)


def _said(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    said: dict[str, Any] = orjson.loads(result.stdout)
    return said


@contextmanager
def _vault(settings: Settings) -> Iterator[None]:
    """The vault, a process of its own."""
    process = subprocess.Popen(
        python("-m", "api.cli.main", "vault", "serve"), env=child_environment(settings)
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0


@pytest.fixture(name="database")
def alone(own_database: Database) -> Database:
    """Where nobody else writes: a sweep waits for every transaction of its server."""
    return own_database


@pytest.fixture
def scene(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """Founded at the tests' hour, before the file's first step."""
    write_private(tmp_path / "passphrase", b"secret")
    settings = found(database, tmp_path / "home", reads_at=T0 + timedelta(minutes=1))
    monkeypatch.setattr("api.ops.database.admin_dsn", lambda _: database.admin)
    words: list[str] = []
    for place in range(3):
        key = tmp_path / f"{place}.socaikey"
        _said(_socai(tmp_path, tmp_path / "passphrase", "vault", "custodian", str(key), "--json"))
        words += ["--custodian", f"{key}.pub"]
    founded = _socai(
        settings.home, None, "vault", "found", *words, "--shares", str(tmp_path / "s"), "--json"
    )
    shares = [Path(path) for path in _said(founded)["shares"]]
    with MailServer().running() as mail:
        sending = replace(
            settings,
            mail_host="127.0.0.1",
            mail_port=mail.port,
            mail_security="none",
            mail_from="khong-tra-loi@socai.example",
        )
        service = open_service(settings, database)
        service.start()
        service.enrol_service()
        with _vault(sending), listening(service) as url:
            made = Scene(service, url, tmp_path, mail, shares)
            yield made
            made.desk.close()
        service.stop()


def _ceremony(play: Play, turn: Mapping[str, Any]) -> Play:
    """The act by which two of those who keep keys record the turn, as the command drew it up."""
    (erased,) = [step for step in play.steps if step.n == ERASED]
    other = replace(erased.countersigners[0], by=CUSTODIANS[1], role="APPROVER")
    at = erased.at + timedelta(hours=3)
    step = replace(
        erased,
        n=ERASED + 1,
        at=at,
        signed=at,
        act="KeyCeremonyRecorded",
        author=CUSTODIANS[0],
        countersigners=(replace(other, at=at + timedelta(minutes=10)),),
        facts={**turn["ceremony"], "device_statement": "Máy không nối mạng.", "minutes": "06/BB"},
        expect=None,
    )
    return replace(play, id="SC15+", cases={}, steps=(step,), finals={})


@pytest.mark.drill
def test_every_read_of_a_whole_story_is_a_row_and_the_log_replays(scene: Scene) -> None:
    """SC15: order, opening, contact, revelation, withdrawal, erasure and a turn of the epoch."""
    (play,) = read_file(shipped("SC15"))
    outcome = scene.playing(play)
    assert (scene.ran["shred"]["status"], scene.ran["shred"]["held_by"]) == ("complete", [])
    scene.playing(_ceremony(play, scene.ran["turn"]))

    figures = scene.figures(outcome)

    alias = {one.officer: name for name, one in outcome.threads.officers.items()}
    rows = [row.read for row in noted(scene.service)]
    seen = [(one.rule, one.kind, alias[one.session.officer], one.via) for one in rows]
    assert Counter(seen) == Counter(scene.expected)

    # one or two of each, so each is hidden; what nobody did is not there
    assert figures == {
        "reviewed_in_time": {"2024-09": None},
        "reviewed_late": {},
        "not_reviewed": {},
        "disclosed": {"2024-09": None},
        "withdrawn": {"2025-01": None},
        "erased": {"2025-01": None},
        "read_by_order": {"2024-09": None},
        "read_by_opening": {"2024-09": None},
        "copied": {},
    }
    read = scene.service.enclave.access_log.counts.of_year(2024)
    assert read == {
        "read_by_order": {"2024-09": 2},
        "read_by_opening": {"2024-09": 2},
        "copied": {},
    }

    audit = scene.operate("log", "audit")
    assert audit["ok"], audit
    assert (audit["skipped"], audit["reads"]["skipped"]) == ([], [])
    assert audit["reads"]["records"] == len(rows) + 1  # and the row that opens it
    erasing = outcome.steps[ERASED - 1].act_id
    # the rules are asked of every statement, but for what hangs on what nobody knows any more
    assert audit["verdicts"].keys() == {"VALID", "ERASED", "NOT_REJUDGED"}
    assert [(one["erased_by"], one["statements"]) for one in audit["unjudged"]] == [(erasing, 5)]
    withdrawn = outcome.steps[TOLD_AGAIN - 1]
    assert withdrawn.step.facts["told"] not in scene.file_of(outcome)
