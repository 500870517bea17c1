"""`log.tokens` altered by the owner of the database: the command reads it with a login that may."""

from __future__ import annotations

import orjson
import psycopg
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
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
    "the owner takes away where a reporter's token stands",
    stopped_by="-",
    noticed_by="log audit: token_missing, exit 1",
)
def test_the_command_misses_a_token_and_says_where_it_cannot_look(service: Service) -> None:
    """The reader's login may not see the table: the auditor's does, or the report says skipped."""
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
    (service.settings.secrets_dir / "auditor.password").unlink()
    blind = orjson.loads(_audited(service, "--json").stdout)
    assert (blind["ok"], "tokens" in blind["skipped"]) == (True, True)
