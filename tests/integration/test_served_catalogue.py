"""The catalogue over HTTP: that of the edition in force, asked for again only when it changes."""

from __future__ import annotations

import pytest

from ledger.regulation.edition import load_edition
from tests.fixtures.app import Service

pytestmark = pytest.mark.postgres


def test_the_catalogue_is_that_of_the_edition_in_force(service: Service) -> None:
    """To whoever is signed in; a second time there is nothing to send."""
    service.hire("cv")
    told = service.get("/v1/catalogue", "cv")
    body = told.get_json()
    assert body["edition"] == {
        "name": load_edition().name,
        "digest": load_edition().digest,
        "form": load_edition().form,
    }
    assert [one["from_index"] for one in body["editions"]] == [0]
    assert {act["act"] for act in body["acts"]} >= {"CaseRegistered", "ReportReceived"}
    again = service.get("/v1/catalogue", "cv", headers={"If-None-Match": told.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert service.client.get("/v1/catalogue").status_code == 401
