"""Anchors of custody where they live: by the service's own thread, in views, feed and audit."""

from __future__ import annotations

from time import monotonic, sleep

import pytest

from api.ops.wiring.key_files import open_kek
from api.settings import SettingsError
from keys.custody.file import write_key
from keys.jwk import SoftwareSigner
from ledger.audit.audit import audit
from ledger.postgres.connect import connect
from ledger.postgres.evidence import PostgresEvidence
from ledger.postgres.records import PostgresRecords
from ledger.streams.record_reader import Reader
from projections.checks.rebuild_comparison import compare
from tests.a_ledger import service_enrolment
from tests.builders import an_act, an_id
from tests.fixtures.app import PASSPHRASE, Service

pytestmark = pytest.mark.postgres
WAIT_S = 120.0


def wait_for_size(service: Service, size: int) -> None:
    """Until the log has so many records."""
    deadline = monotonic() + WAIT_S
    while service.size() < size:
        assert monotonic() < deadline, service.size()
        sleep(0.02)


def test_a_served_enclave_anchors_by_itself(real: Service) -> None:
    """An hour after the last one, and not before: with the key of its home."""
    real.enrol_service()
    last = real.anchor()
    size = real.size()
    real.step(hours=1)
    real.enclave.start_anchoring()
    wait_for_size(real, size + 1)
    newest = real.enclave.anchors.newest()
    assert newest is not None
    assert newest.index == size
    assert newest.chain == last.chain
    real.readiness("custody")  # which says something of it


def test_an_enclave_without_the_key_of_its_service_does_not_serve(real: Service) -> None:
    """It would go on for months and nobody would miss the anchors."""
    real.settings.keys_dir.joinpath("service.socaikey").unlink()
    with pytest.raises(SettingsError, match="the service's key does not open"):
        real.enclave.start_anchoring()


def test_a_key_that_nobody_enrolled_is_said_and_nothing_else_suffers(real: Service) -> None:
    """The operator is told by readiness; acts are taken as before."""
    path = real.settings.keys_dir / "service.socaikey"
    path.unlink()
    write_key(path, SoftwareSigner.generate("Ed25519"), PASSPHRASE, t=1, p=1, m_kib=64)
    real.enclave.start_anchoring()
    real.step(hours=2)
    anchoring = real.enclave.anchoring
    assert anchoring is not None
    anchoring.look()
    ready = real.readiness("custody")
    lines = {line["name"]: line for line in ready.get_json()["checks"]}
    assert ready.status_code == 503
    assert "socai log audit" in lines["custody"]["detail"]
    real.hire("hotline")


def test_views_feed_and_audit_go_on_over_an_anchor(service: Service) -> None:
    """It stands in its place everywhere and is no act of anybody."""
    service.enrol_service()
    service.hire("hotline")
    anchor = service.anchor()
    now, case = service.clock.now(), f"case/{an_id('over an anchor')}"
    act = an_act("ReportReceived", by="hotline", when=now, stream=case)
    index = service.say(act, "hotline")["index"]
    service.hire("cv")  # `ledger` is not the only stream that goes on
    wait = {"Prefer": "wait=20"}
    assert service.get(f"/v1/acts/{act.act_id}", headers=wait, at_least=index).status_code == 200
    (event,) = [
        one for one in service.get("/v1/feed").get_json() if one["data"]["index"] == anchor.index
    ]
    assert (event["type"], event["data"]["act"]) == ("socai.act.service.v1", "CustodyAnchored")
    shown = service.get(f"/v1/acts/{event['data']['act_id']}").get_json()
    assert (shown["act_vi"], shown["status"]) == ("Neo lịch sử lưu giữ tệp", "service")
    assert [one["verdict"] for one in shown["statements"]] == ["VALID"]
    head = service.get("/v1/streams/ledger/head").get_json()
    assert head["seq"] == 4
    assert head["prev"] == shown["statements"][0]["digest"]
    _same_views(service)


def _same_views(service: Service) -> None:
    facts, kek = service.enclave.facts, open_kek(service.settings)
    with PostgresEvidence(service.database.dsn("projector")) as source:
        report = audit(source, origin=facts.origin, vkeys=service.enclave.vkeys, kek=kek)
    assert report.ok, report.findings
    records = PostgresRecords(service.database.pool("projector"))
    reader = Reader(records, kek, facts.origin, facts.level)
    with connect(service.database.dsn("projector")) as connection:
        assert not compare(connection, records, reader, origin=facts.origin, level=facts.level)


def test_a_registrar_who_drafted_before_an_anchor_is_told(service: Service) -> None:
    """409 like after any other statement; drafted again, the same act is taken."""
    service.enrol_service()
    service.hire("hotline")
    before = service.head("ledger")
    service.anchor()
    act = service_enrolment(SoftwareSigner.generate(), service.clock.now())
    late = service.send(service.sign(act, "founder", head=before), "founder")
    assert late.status_code == 409
    assert late.get_json()["head"]["seq"] == before[0] + 1
    assert service.say(act, "founder")["seq"] == before[0] + 1
