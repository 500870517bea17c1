"""Insiders who agree: what nobody can prevent is noticed by whom it concerns (threat-model.md)."""

from __future__ import annotations

import pytest

from keys.jwk import SoftwareSigner
from tests.a_ledger import a_report, appointment, approved, enrolment, revocation
from tests.attacks import attack
from tests.fixtures.app import Service
from tests.fixtures.page_reader import PageReader

pytestmark = pytest.mark.postgres

MINE = SoftwareSigner.from_secret("Ed25519", b"the key of whoever took over ...")


@attack(
    "a registrar and a personnel officer enrol a key of their own in an officer's name, sign with"
    " it as that officer, and revoke it again",
    stopped_by="-",
    noticed_by="the officer, above all that waits for them (worklist, its page, the command);"
    " whoever reads the officer's stream",
)
def test_a_key_in_an_officers_name_is_told_to_the_officer(service: Service) -> None:
    """Whoever keeps the registry says whose a key is: no rule can tell, and the owner can.

    It is told also once it is revoked, and no key that the officer's own has replaced is.
    """
    service.hire("gd", "hotline")
    now = service.clock.now()
    for act in (appointment("keeper", now, powers=["PERSONNEL_OFFICER"]), enrolment("keeper", now)):
        service.say(act, "founder")

    def told(by: str) -> tuple[list[str], bool]:
        """By the API, and whether the page names it."""
        service.folded()
        page = PageReader(service).sign_in(by).get("/viec-can-lam").text
        others = service.get("/v1/worklist", by, {"Prefer": "wait=20"}).get_json()["other_keys"]
        return others, MINE.kid in page

    assert told("hotline") == ([], False)
    planted = approved(enrolment("hotline", service.step(minutes=1), key=MINE), "keeper")
    service.say(planted, "founder", "keeper")
    assert told("hotline") == ([MINE.kid], True)
    report = a_report(1, service.step(minutes=1))
    made = service.send(service.sign(report, "hotline", key=MINE), "hotline")
    assert made.status_code == 201, made.text
    service.say(revocation("hotline", service.step(minutes=1), key=MINE), "founder")
    assert told("hotline") == ([MINE.kid], True)
    assert told("gd") == ([], False)
