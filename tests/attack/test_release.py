"""What goes down from a higher log, and when: by API, at a terminal and past the door by SQL.

access.md A13-A15, A17, L22, S4. Above: who lets a declassified text go down, and on which day.
Below: that nothing of it stands on any other day, and that no stub does until a log takes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson
import pytest
from click.testing import CliRunner, Result
from werkzeug.test import TestResponse

from api.cli.main import main
from api.ops.embedded_postgres import Embedded
from api.ops.enclave_audit import PROJECTOR, run
from keys.custody.file import write_key
from ledger.audit.findings import Damage
from ledger.log.statement import AUTHOR
from ledger.regulation.acts.act import Act
from tests import builders
from tests.a_ledger import appointment, enrolment, rule_set
from tests.attacks import attack
from tests.builders import CAST, an_act, an_id, at, officer
from tests.fixtures.above import (
    HOLDER,
    OTHER,
    PROTECTED_UNTIL,
    STRANGER,
    UNITS,
    WHOLE,
    Above,
    classification,
    holder,
)
from tests.fixtures.app import Service, found, listening, open_service
from tests.fixtures.postgres import make_database
from tests.smuggle import smuggler_into

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("release")]

FRIDAY, NEXT_FRIDAY = "2026-11-06", "2026-11-13"
MONDAY: Final = "2026-11-02"
APPROVER: Final = "APPROVER"
LEGAL: Final = "chutri"
"""Legal officer, who approves what the founder sets."""


@dataclass
class Low:
    """An ordinary enclave with a case, on a Monday.

    Attributes:
        service: It.
        stream: Of the case, in which `nst` takes part.
    """

    service: Service
    stream: str

    def act(self, name: str, **more: Any) -> Act:  # noqa: ANN401 - members of an act
        """An act of the case by `nst` and `ctq`, a minute later than whatever was before."""
        now = self.service.step(minutes=1)
        more.setdefault("when", now)
        return an_act(name, by="nst", also=["ctq"], stream=self.stream, **more)


@pytest.fixture(scope="module")
def low(postgres_server: Embedded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Low]:
    """One for the module, whose tests go on from day to day."""
    database = make_database(postgres_server)
    service = open_service(found(database, tmp_path_factory.mktemp("low") / "home"), database)
    service.start()
    service.clock.set(at(f"{MONDAY} 08:00"))
    service.hire("ncv", "ngd", "nst", "ctq")
    registrar = appointment(LEGAL, service.clock.now(), powers=["LEGAL_OFFICER"])
    service.say(registrar, "founder")
    service.say(enrolment(LEGAL, service.clock.now()), "founder")
    made = Low(service, f"case/{an_id('a case that a text comes down to')}")
    report = an_act("DetectionRecorded", by="ncv", stream=made.stream, when=service.clock.now())
    service.known(service.say(report, "ncv")["index"])
    until = (service.step(minutes=1) + timedelta(days=90)).isoformat(timespec="seconds")
    facts = {"officer": officer("nst"), "until": until}
    granted = an_act(
        "ParticipationGranted", by="ngd", stream=made.stream, when=service.clock.now(), facts=facts
    )
    service.known(service.say(granted, "ngd")["index"])
    yield made
    service.stop()
    database.close()


def refusal(told: TestResponse) -> Mapping[str, Any]:
    """What a guard says of what it refused."""
    body: Mapping[str, Any] = told.get_json()
    assert (told.status_code, body["code"]) == (422, "guard"), told.text
    return body


def typed(service: Service, folder: Path, by: str, *words: str, stdin: str = "") -> Result:
    """One call of the command line as an officer."""
    phrase, key = folder / "phrase", folder / f"{by}.socaikey"
    if not phrase.exists():
        phrase.write_bytes(b"of one officer")
        phrase.chmod(0o600)
    if not key.exists():
        write_key(key, builders.key(by), b"of one officer", t=1, p=1, m_kib=64)
    env = {"SOCAI_PASSPHRASE_FILE": str(phrase), "SOCAI_HOME": str(folder / "none")}
    with listening(service) as url:
        words = (*words, "--key", str(key), "--server", url)
        words = (*words, "--log", service.enclave.facts.origin)
        return CliRunner().invoke(main, ["--lang", "en", *words], env=env, input=stdin)


def sent_by_command(service: Service, folder: Path, act: Act, *by: str) -> list[Result]:
    """An act signed and sent at a terminal, by each of its signers in turn; what each was told."""
    told = []
    for alias, signer in zip(by, act.signers, strict=False):
        at_ = service.step(minutes=1).isoformat(timespec="seconds")
        words: tuple[str, ...] = ("-",)
        if signer.role != AUTHOR:
            words = ("--countersign", act.act_id, "--role", signer.role)
        members = orjson.dumps(dict(act.signed)).decode()
        signed = typed(service, folder, alias, "act", "sign", *words, "--iat", at_, stdin=members)
        if signed.exit_code == 0:
            signed = typed(
                service, folder, alias, "act", "submit", "-", "--at", at_, stdin=signed.stdout
            )
        told.append(signed)
    return told


# -- below: when a text stands --------------------------------------------------------------------


@attack(
    "whoever is below learns from the day of a released text when it was decided above",
    stopped_by="it is entered, signed by all and recorded on a fixed day of release (A15, L22)",
    noticed_by="-",
)
def test_a_released_text_stands_below_on_a_day_of_release_alone(low: Low, tmp_path: Path) -> None:
    """By API and at a terminal: refused on Monday with the day to come, taken on Friday."""
    service = low.service
    service.clock.set(at(f"{MONDAY} 10:00"))
    early = low.act("ReleasedTextEntered", facts=_read_again())
    body = refusal(service.send(service.sign(early, "nst"), "nst"))
    assert body["guard"] == "RELEASE_IN_SLOT"
    assert "06/11/2026" in body["detail"], body
    size = service.size()
    (told,) = sent_by_command(service, tmp_path, early, "nst")
    assert told.exit_code == 1, told.output
    assert "06/11/2026" in " ".join(told.stderr.split())
    assert "Traceback" not in told.stderr
    assert service.size() == size
    service.clock.set(at(f"{FRIDAY} 09:00"))
    first = low.act("ReleasedTextEntered", facts=_read_again())
    assert service.say(first, "nst", "ctq")["status"] == "effective"
    second = low.act("ReleasedTextEntered", facts=_read_again())
    told, countersigned = sent_by_command(service, tmp_path, second, "nst", "ctq")
    assert (told.exit_code, countersigned.exit_code) == (0, 0), countersigned.output


@attack(
    "a released text is signed in part on a day of release, and finished when it suits",
    stopped_by="each signature is asked: made on that very day, by who read the text again (A15)",
    noticed_by="-",
)
def test_a_released_text_is_not_finished_on_another_day(low: Low) -> None:
    """Dated back by a signer, dated back by the act, and by another who read it."""
    service = low.service
    service.clock.set(at(f"{FRIDAY} 11:00"))
    act = low.act("ReleasedTextEntered", facts=_read_again())
    service.say(act, "nst")
    service.clock.set(at("2026-11-07 08:00"))
    late = service.send(service.sign(act, "ctq", role=APPROVER), "ctq")
    assert refusal(late)["guard"] == "RELEASE_IN_SLOT"
    back = service.sign(act, "ctq", role=APPROVER, iat=at(f"{FRIDAY} 11:30"))
    assert service.send(back, "ctq").status_code == 422
    told = service.get(f"/v1/acts/{act.act_id}", "nst").get_json()
    assert told["status"] == "pending"
    dated = low.act("ReleasedTextEntered", when=at(f"{FRIDAY} 23:00"), facts=_read_again())
    assert refusal(service.send(service.sign(dated, "nst"), "nst"))["guard"] == "RELEASE_IN_SLOT"
    service.clock.set(at(f"{NEXT_FRIDAY} 08:00"))
    unread = {"read_again_by_post": "nguoi-soan-thao"}
    act = low.act("ReleasedTextEntered", facts=unread)
    assert refusal(service.send(service.sign(act, "nst"), "nst"))["guard"] == "READ_AGAIN"


@attack(
    "a stub is entered in a log that takes none, or before its days are over",
    stopped_by="STUB_PERMITTED: off until registrar and legal officer say from when on (A17)",
    noticed_by="-",
)
def test_a_log_takes_no_stub_until_its_registrars_let_it(low: Low, tmp_path: Path) -> None:
    """By API and at a terminal; the same act stands once the rule does."""
    service = low.service
    service.clock.set(max(service.clock.now(), at("2026-11-16 09:00")))
    facts = {"assigned_on": "2026-11-10", "protect_until": "2036-11-10", "commitment": "A" * 43}
    stub = low.act("StubReleased", facts=facts)
    assert refusal(service.send(service.sign(stub, "nst"), "nst"))["guard"] == "STUB_PERMITTED"
    (told,) = sent_by_command(service, tmp_path, stub, "nst")
    assert told.exit_code == 1, told.output
    now = service.step(minutes=1)
    day = now.date().isoformat()
    line = rule_set(now, also=LEGAL, rule="STUB_RELEASE", value=5, unit="d", valid_from=day)
    service.known(service.say(line, "founder", LEGAL)["index"])
    soon = low.act("StubReleased", facts={**facts, "assigned_on": "2026-11-12"})
    assert refusal(service.send(service.sign(soon, "nst"), "nst"))["guard"] == "STUB_PERMITTED"
    stub = low.act("StubReleased", facts=facts)
    assert service.say(stub, "nst", "ctq")["status"] == "effective"


@attack(
    "content is withdrawn by who has no authority, by one, in words that say why, of another case",
    stopped_by="its authority and an approver; grounds of a common list; acts of the case (A16)",
    noticed_by="past the door: log audit, against the rules",
)
def test_content_is_withdrawn_by_its_authority_on_a_common_ground(low: Low, tmp_path: Path) -> None:
    """By API and at a terminal; what waits for its approver withdraws nothing."""
    service = low.service
    service.clock.set(max(service.clock.now(), at("2026-11-17 09:00")))
    acts = service.get(f"/v1/cases/{low.stream.removeprefix('case/')}/acts", "nst").get_json()
    report = next(one["act_id"] for one in acts["acts"] if one["act"] == "DetectionRecorded")

    def act(*by: str, **facts: object) -> Act:
        named = {"withdrawn": [report], "ground": "NOT_FOR_THIS_LOG", **facts}
        now = service.step(minutes=1)
        return an_act(
            "ContentWithdrawn", by=by[0], also=by[1:], stream=low.stream, when=now, facts=named
        )

    def sent(one: Act, by: str) -> TestResponse:
        return service.send(service.sign(one, by), by)

    unfit = act("nst", "ctq")
    assert sent(unfit, "nst").status_code in (403, 422)
    (told,) = sent_by_command(service, tmp_path, unfit, "nst")
    assert (told.exit_code, "Traceback" in told.stderr) == (1, False), told.output
    powers = ["CONTENT_AUTHORITY", "SUPERVISOR"]
    for alias in ("ngd", "ctq"):
        service.known(
            service.say(appointment(alias, service.clock.now(), powers=powers), "founder")["index"]
        )
    for facts in ({"ground": "RAISED"}, {"reason": "Đã nâng độ mật"}, {"withdrawn": [an_id("x")]}):
        assert sent(act("ngd", "ctq", **facts), "ngd").status_code == 422, facts
    pending = act("ngd", "ctq")
    assert service.say(pending, "ngd")["status"] == "pending"
    assert not _withdrawn(service, low, report)


def _withdrawn(service: Service, low: Low, act_id: str) -> bool:
    told = service.get(f"/v1/cases/{low.stream.removeprefix('case/')}/acts", "nst").get_json()
    return any(
        one["act"] == "ContentWithdrawn" and one["status"] == "effective" for one in told["acts"]
    ) or act_id not in {one["act_id"] for one in told["acts"]}


@attack(
    "whoever has the writer's login and the KEK enters a released text or a stub when they like, or"
    " withdraws content without authority",
    stopped_by="-",
    noticed_by="log audit, which asks the rules again",
)
def test_what_is_written_past_the_door_below_is_against_the_rules(low: Low) -> None:
    """By SQL: what an honest text of a Friday beside it is not; a stub too early; a withdrawal."""
    service, smuggler = low.service, smuggler_into(low.service)
    service.clock.set(at("2026-11-20 08:00"))  # a Friday
    good = low.act("ReleasedTextEntered", facts=_read_again())
    receipt = service.say(good, "nst", "ctq")
    service.clock.set(at("2026-11-23 08:00"))
    bad = low.act("ReleasedTextEntered", facts=_read_again())
    put = smuggler.put(service.sign(bad, "nst"), service.clock.now()).index
    service.step(minutes=1)
    last = _goes_on(service)
    folded = service.get("/v1/cases", "ncv", headers={"Prefer": "wait=20"}, at_least=last)
    assert folded.status_code == 200, folded.text
    today = service.step(minutes=1).date().isoformat()
    facts = {"assigned_on": today, "commitment": "B" * 43}
    stream = f"case/{an_id('of a stub alone')}"
    stub = an_act(
        "StubReleased", by="nst", also=["ctq"], stream=stream, when=service.clock.now(), facts=facts
    )
    second = smuggler.put(service.sign(stub, "nst"), service.clock.now()).index
    withdrawal = an_act(
        "ContentWithdrawn",
        by="nst",
        also=["ctq"],
        stream=f"case/{an_id('of a withdrawal alone')}",
        when=service.clock.now(),
        facts={"withdrawn": [an_id("x")], "ground": "NOT_FOR_THIS_LOG"},
    )
    third = smuggler.put(service.sign(withdrawal, "nst"), service.clock.now()).index
    assert breaking(service) == [put, second, third]
    assert service.get(f"/v1/acts/{good.act_id}", "nst").get_json()["status"] == "effective"
    assert receipt["index"] < put


def breaking(service: Service) -> list[int | None]:
    """Indices of the records that an audit finds to be against the rules."""
    found = run(
        service.settings, service.enclave.facts, lambda *_: None, login=PROJECTOR, workers=1,
        definitions=False,
    )  # fmt: skip
    against = (Damage.AGAINST_THE_RULES,)
    return [one.index for one in found.report.findings if one.kind in against]


def _read_again() -> dict[str, Any]:
    return {"read_again_by_post": CAST["ctq"][1]}


def _goes_on(service: Service) -> int:
    """A record behind all others, of a case of its own."""
    stream = f"case/{an_id(f'goes on at {service.size()}')}"
    act = an_act("DetectionRecorded", by="ncv", stream=stream, when=service.clock.now())
    return int(service.say(act, "ncv")["index"])


# -- above: who lets it go down -------------------------------------------------------------------


def said(above: Above, name: str, *by: str, **more: Any) -> Act:  # noqa: ANN401 - members of an act
    """An act about the first annex, a minute later than whatever was before."""
    facts = {"classification": above.annexes[0].act_id, **more.pop("facts", {})}
    now = above.service.step(minutes=1)
    author, *also = by
    return an_act(
        name, by=author, also=also, level="mat", stream=above.stream, when=now, facts=facts, **more
    )


@attack(
    "a document is named to somebody past the end of its own protection",
    stopped_by="HOLDER_HAS_TERM: to an end ahead, within the protection as it stands (A13, A14)",
    noticed_by="-",
)
def test_nobody_holds_a_document_longer_than_it_is_protected(above: Above, tmp_path: Path) -> None:
    """By API and at a terminal; to its last day it is taken."""
    service = above.service

    def copy(day: str) -> Act:
        until = at(f"{day} 17:00").isoformat(timespec="seconds")
        facts = {"unit": UNITS[0], "copy_nos": [day], "holder": holder("npgd", until)}
        return said(above, "SecretCopyPermitted", "npgd", "ngd", facts=facts)

    service.clock.set(max(service.clock.now(), at(f"{MONDAY} 14:00")))
    service.hire("ngd")
    late = copy("2027-09-16")
    body = refusal(service.send(service.sign(late, "npgd"), "npgd"))
    assert body["guard"] == "HOLDER_HAS_TERM"
    assert "15/09/2027" in body["detail"]
    (told,) = sent_by_command(service, tmp_path, late, "npgd")
    assert told.exit_code == 1, told.output
    assert "15/09/2027" in " ".join(told.stderr.split())
    assert service.say(copy(PROTECTED_UNTIL), "npgd", "ngd")["status"] == "effective"


@attack(
    "a loss is told to some of those who hold the document, and its term is ended by that",
    stopped_by="HOLDERS_TOLD: a notice names everybody to whom it is named then (A14)",
    noticed_by="the worklist, where the term runs on",
)
def test_a_loss_is_told_to_everybody_who_holds_the_document(above: Above, tmp_path: Path) -> None:
    """By API and at a terminal: one is left out; then all are told, and nothing waits any more."""
    service = above.service
    loss = said(above, "SecretLossReported", HOLDER, facts={"unit": UNITS[0]})
    service.known(service.say(loss, HOLDER)["index"])

    def notice(*aliases: str) -> Act:
        now = service.clock.now().isoformat(timespec="seconds")
        told = [
            {"officer": officer(one), "agency": CAST[one][0], "post": CAST[one][1], "at": now}
            for one in aliases
        ]
        facts = {"about": loss.act_id, "told": told}
        return said(above, "HoldersNotified", HOLDER, facts=facts)

    def waits() -> list[str]:
        above.fold()
        body = service.get("/v1/worklist", HOLDER).get_json()
        return [one["act_id"] for part in ("overdue", "due", "running") for one in body[part]
                if one["code"] == "SECRET_LOSS"]  # fmt: skip

    assert loss.act_id in waits()
    half = notice("ca")
    body = refusal(service.send(service.sign(half, HOLDER), HOLDER))
    assert (body["guard"], body["params"]["count"]) == ("HOLDERS_TOLD", "1")
    (told,) = sent_by_command(service, tmp_path, half, HOLDER)
    assert told.exit_code == 1, told.output
    assert loss.act_id in waits()
    (told,) = sent_by_command(service, tmp_path, notice("npgd"), HOLDER)
    assert told.exit_code == 0, told.output
    assert loss.act_id not in waits()


@attack(
    "a declassified text is let go down by who decided it, at once, or another one instead",
    stopped_by="RELEASE_DECIDED, RELEASER_APART, RELEASE_SLOT (A15, S4)",
    noticed_by="-",
)
def test_a_text_goes_down_by_decision_another_hand_and_a_fixed_day(
    above: Above, tmp_path: Path
) -> None:
    """By API and at a terminal: nothing before the decision, then each rule, then it stands."""
    service = above.service
    service.clock.set(max(service.clock.now(), at(f"{MONDAY} 09:00")))
    slot = {"slot": FRIDAY, "down_to": "ordinary", "text_digest": builders.DIGEST}
    kept = said(
        above, "Declassified", "nst", "hd", "ca", facts={"scope": "PART", "release_text": False}
    )
    service.known(service.say(kept, "nst", "hd", "ca")["index"])

    def tried(*by: str, **facts: str) -> str:
        act = said(above, "ReleasePermitted", *by, facts={**slot, **facts})
        return str(refusal(service.send(service.sign(act, by[0]), by[0]))["guard"])

    assert tried("nst", "ctq", decision=kept.act_id) == "RELEASE_DECIDED"
    decided = said(above, "Declassified", "nst", "hd", "ca")
    service.known(service.say(decided, "nst", "hd", "ca")["index"])
    named = {"decision": decided.act_id}
    assert tried("nst", "ca", **named) == "RELEASER_APART"
    assert tried("nst", "ctq", slot="2026-11-05", **named) == "RELEASE_SLOT"
    assert tried("nst", "ctq", down_to="toi-mat", **named) == "RELEASE_DECIDED"
    assert tried("nst", "hd", **named) == "SIGNER_POWERS"
    by_self = said(above, "ReleasePermitted", "nst", "ca", facts={**slot, **named})
    (told,) = sent_by_command(service, tmp_path, by_self, "nst")
    assert told.exit_code == 1, told.output
    act = said(above, "ReleasePermitted", "nst", "ctq", facts={**slot, **named})
    for told in sent_by_command(service, tmp_path, act, "nst", "ctq"):
        assert told.exit_code == 0, told.output
    above.fold()
    assert service.get(f"/v1/acts/{act.act_id}", HOLDER).get_json()["status"] == "effective"
    assert service.get(f"/v1/acts/{act.act_id}", OTHER).status_code == 404


def work(above: Above, alias: str, when: datetime) -> dict[str, list[str]]:
    """Of somebody's worklist the acts by which documents are named to them, by part."""
    service = above.service
    headers = {"Prefer": "wait=20", **service.headers(alias, when)}
    told = service.get("/v1/worklist", alias, headers=headers, at_least=service.size() - 1)
    assert told.status_code == 200, told.text
    body = told.get_json()
    return {
        part: [one["act_id"] for one in body[part] if one["kind"] == "HOLDING"]
        for part in ("held", "due", "overdue", "running")
    }


def test_whoever_is_named_is_told_before_it_ends(above: Above) -> None:
    """A7, A13: their own documents with the end of each, two days ahead as due, and then no more.

    Whoever holds another annex, or takes part in the case, is told nothing of it.
    """
    until = at("2027-06-30 17:00")
    first, second = (one.act_id for one in above.annexes)
    nothing: dict[str, list[str]] = {"held": [], "due": [], "overdue": [], "running": []}
    for alias, act in ((HOLDER, first), (OTHER, second)):
        assert work(above, alias, until - timedelta(days=30)) == {**nothing, "held": [act]}
        assert work(above, alias, until - timedelta(hours=30)) == {**nothing, "due": [act]}
        assert work(above, alias, until + timedelta(minutes=1)) == nothing
    for alias in (WHOLE, STRANGER):
        assert work(above, alias, until - timedelta(days=30)) == nothing


@attack(
    "whoever has the writer's login and the KEK lets a text go down, or tells nobody of a loss",
    stopped_by="-",
    noticed_by="log audit, which asks the rules again",
)
def test_what_is_written_past_the_door_above_is_against_the_rules(above: Above) -> None:
    """By SQL: a release, a notice to nobody, a name for ever; last, since nothing is taken then."""
    service, smuggler = above.service, smuggler_into(above.service)
    facts = {"decision": an_id("no decision"), "slot": NEXT_FRIDAY, "down_to": "ordinary"}
    act = said(above, "ReleasePermitted", "nst", "ctq", facts=facts)
    unit = UUID(UNITS[0])
    put = smuggler.put(service.sign(act, "nst"), service.clock.now(), unit=unit).index
    stream = f"case/{an_id('goes on above')}"
    loss = an_act(
        "SecretLossReported", by="nst", level="mat", stream=stream, when=service.step(minutes=1)
    )
    service.known(service.say(loss, "nst")["index"])
    blind = an_act(
        "HoldersNotified", by="nst", level="mat", stream=stream, when=service.step(minutes=1),
        facts={"about": loss.act_id, "classification": above.annexes[0].act_id},
    )  # fmt: skip
    second = smuggler.put(service.sign(blind, "nst"), service.clock.now()).index
    until = (service.clock.now() + timedelta(days=3_000)).isoformat(timespec="seconds")
    named = classification(
        "mat", f"case/{an_id('held for ever')}", an_id("a third annex"), [holder(HOLDER, until)],
        service.step(minutes=1),
    )  # fmt: skip
    third = UUID(an_id("a third annex"))
    for_ever = smuggler.put(service.sign(named, "nst"), service.clock.now(), unit=third).index
    above.fold()
    assert breaking(service) == [put, second, for_ever]
