"""What is told of statements: how long, what came of it, which guard; never whose, nor of what."""

from __future__ import annotations

import re
from collections.abc import Mapping

import orjson
import psycopg
import pytest
from click.testing import CliRunner
from prometheus_client import REGISTRY

from api.cli.main import main
from api.ops import telemetry
from api.ops.home_notes import AUDITED
from tests.a_ledger import a_report
from tests.builders import an_act
from tests.fixtures.app import Service

pytestmark = pytest.mark.postgres
_WORDS = {"durable", "proven", "recorded", "repeated", "refused", "late", "unavailable"}
Figures = Mapping[tuple[str, ...], float]


def _told(prefix: str) -> dict[tuple[str, ...], float]:
    """Samples of a metric by their labels, but for those of time."""
    return {
        (one.name, *(value for _, value in sorted(one.labels.items()))): one.value
        for family in REGISTRY.collect()
        for one in family.samples
        if one.name.startswith(prefix) and one.name.endswith(("_count", "_total"))
    }


def _since(before: Figures) -> dict[tuple[str, ...], float]:
    now = _told("socai_statement")
    return {
        name: value - before.get(name, 0)
        for name, value in now.items()
        if value != before.get(name, 0)
    }


def test_time_until_durable_and_proven_is_told_by_outcome_and_refusals_by_guard(
    service: Service,
) -> None:
    """Recorded, sent again, refused: each once, and which guard refused."""
    service.hire("hotline")
    act = a_report(1, service.clock.now())
    service.folded()
    before = _told("socai_statement")
    service.say(act, "hotline")
    count = "socai_statement_seconds_count"
    assert _since(before) == {
        (count, "recorded", "durable"): 1,
        (count, "proven", "proven"): 1,
        ("socai_statements_total", "recorded"): 1,
    }
    service.folded()
    before = _told("socai_statement")
    opened = an_act("CaseRegistered", by="hotline", also=[], when=service.clock.now())
    refused = service.send(service.sign(opened, "hotline"), "hotline").get_json()
    assert refused["code"] == "guard", refused
    guard = refused["guard"]
    assert _since(before) == {
        (count, "refused", "durable"): 1,
        ("socai_statements_refused_total", guard): 1,
    }
    for name, *labels in _told("socai_statement"):
        assert all(label in _WORDS or re.fullmatch("[A-Z_]+", label) for label in labels), name


def _audit(service: Service, status: int, *words: str) -> str:
    """What it says to the operator."""
    env = {"SOCAI_HOME": str(service.settings.home), "SOCAI_MIN_FREE_MIB": "0"}
    asked = ["--lang", "en", "log", "audit", "--json", "--workers", "0", *words]
    done = CliRunner().invoke(main, asked, env=env)
    assert done.exit_code == status, done.output
    assert orjson.loads(done.stdout)["ok"] is (status == 0)
    return done.stderr


def test_the_last_audit_and_its_result_are_told(service: Service) -> None:
    """Read at the scrape, from what the home was given; a damaged note is none.

    Damage stays until an audit that asks as much is sound, or the alarm ends with the first that
    does not look there.
    """
    readiness = service.enclave.readiness
    readiness.checks()
    assert telemetry.AUDIT_AT._value.get() == 0
    _audit(service, 0)
    readiness.checks()
    assert telemetry.AUDIT_OK._value.get() == 1
    assert telemetry.AUDIT_AT._value.get() > 0
    with psycopg.connect(service.database.admin, autocommit=True) as admin:
        admin.execute("GRANT SELECT ON log.records TO public")
        _audit(service, 1)
        said = _audit(service, 0, "--no-definitions")
        assert "asked more than this one" in " ".join(said.split())
        readiness.checks()
        assert telemetry.AUDIT_OK._value.get() == 0
        admin.execute("REVOKE SELECT ON log.records FROM public")
        _audit(service, 0)
        readiness.checks()
        assert telemetry.AUDIT_OK._value.get() == 1
    (service.settings.home / AUDITED).write_text("{}")
    readiness.checks()
    assert (telemetry.AUDIT_AT._value.get(), telemetry.AUDIT_OK._value.get()) == (0, 0)
