"""`log.tokens` altered by the owner of the database: the command reads it with a login that may."""

from __future__ import annotations

import orjson
import psycopg
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from ledger.regulation.acts.act import Act
from tests.attacks import attack
from tests.builders import a_token, an_act, an_id
from tests.fixtures.app import Service

pytestmark = pytest.mark.postgres


def _audited(service: Service, *options: str) -> Result:
    env = {"SOCAI_HOME": str(service.settings.home)}
    keys = [word for vkey in service.enclave.vkeys for word in ("--vkey", vkey)]
    alone = ("--no-views", "--no-definitions", "--workers", "0", *keys)
    return CliRunner().invoke(main, ["--lang", "vi", "log", "audit", *alone, *options], env=env)


@attack(
    "a hotline officer opens a case with another's token, so that its identity is never sealed",
    stopped_by="the door: whoever names a token first has it (TOKEN_OF_ONE_CASE)",
    noticed_by="the refusal, which names the member",
)
def test_no_second_case_takes_a_token_away(service: Service) -> None:
    """The report itself is recorded with a token of its own; the first case goes on."""
    service.hire("hotline", "cv")
    facts = {"reporter": a_token("told"), "identity_given": True}
    first, second = (f"case/{an_id(name)}" for name in ("first", "second"))

    def report(stream: str, **more: str) -> Act:
        given = {**facts, **more}
        return an_act("ReportReceived", when=service.clock.now(), stream=stream, facts=given)

    service.say(report(first), "hotline")
    refused = service.send(service.sign(report(second), "hotline"), "hotline")
    body = refused.get_json()
    assert (refused.status_code, body["guard"]) == (422, "TOKEN_OF_ONE_CASE"), refused.text
    assert [one["pointer"] for one in body["errors"]] == ["/facts/reporter"]
    service.say(report(second, reporter=a_token("drawn anew")), "hotline")
    sealing = {"reporter": facts["reporter"]}
    when = service.step(minutes=1)
    other = an_act("ReporterIdentitySealed", when=when, stream=second, facts=sealing)
    named = service.send(service.sign(other, "hotline"), "hotline").get_json()["guard"]
    assert named == "TOKEN_OF_ONE_CASE"  # and not what is asked later
    service.say(an_act("ReporterIdentitySealed", when=when, stream=first, facts=sealing), "hotline")
    assert _audited(service).exit_code == 0


@attack(
    "the owner takes away where a reporter's token stands",
    stopped_by="-",
    noticed_by="log audit: token_missing, exit 1",
)
def test_the_command_misses_a_token(service: Service) -> None:
    """The reader's login may not see the table; the one that an audit asks by does."""
    facts = {"reporter": a_token("told"), "identity_given": True}
    report = an_act(
        "ReportReceived", when=service.clock.now(), stream=f"case/{an_id('told')}", facts=facts
    )
    service.hire("hotline")
    index = service.say(report, "hotline")["index"]
    sound = _audited(service, "--json")
    said = orjson.loads(sound.stdout)
    assert (sound.exit_code, "tokens" in said["skipped"]) == (0, False), sound.output
    with psycopg.connect(service.database.admin) as connection:
        connection.execute("SET session_replication_role = replica")
        assert connection.execute("DELETE FROM log.tokens").rowcount == 1
    named = _audited(service)
    assert (named.exit_code, "mất dòng tra mã" in named.output) == (1, True), named.output
    found = orjson.loads(_audited(service, "--json").stdout)
    assert (found["first_bad_index"], found["kind"]) == (index, "token_missing")
