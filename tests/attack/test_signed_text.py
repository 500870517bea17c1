"""Text that reads otherwise than it was signed."""

from __future__ import annotations

import orjson
import pytest

from keys import canonical
from tests import builders
from tests.attacks import attack
from tests.builders import an_act, an_id
from tests.fixtures.app import Service

pytestmark = pytest.mark.postgres
TURNED = "Tôi \u202eton\u202c đồng ý"


@attack(
    "an officer is shown a text with bidirectional controls and signs another than they read",
    stopped_by="the door refuses what nobody sees, and names where it stands",
    noticed_by="-",
)
def test_text_that_reads_otherwise_than_it_is_signed_is_refused(shared: Service) -> None:
    """400 with the place; `prepare` offers the text without, which is taken."""
    stream = f"case/{an_id('a text turned round')}"
    act = an_act("ReportReceived", by="hotline", when=shared.clock.now(), stream=stream)
    turned = {**act.signed, "facts": {**act.facts, "summary": TURNED}}
    before = shared.size()
    refused = shared.send(shared.sign(turned, "hotline"), "hotline")
    told = refused.get_json()
    assert (refused.status_code, told["code"]) == (400, "invisible_characters")
    (error,) = told["errors"]
    assert error["pointer"] == "/facts/summary"
    assert "U+202E" in str(error)
    assert shared.size() == before
    prepared = shared.client.post(
        "/v1/acts/prepare",
        json={"act": turned},
        headers=shared.headers("hotline", shared.clock.now()),
    ).get_json()
    assert [one["pointer"] for one in prepared["left_out"]] == ["/facts/summary"]
    assert prepared["shown"]["facts"]["summary"] == "Tôi ton đồng ý"
    signature = builders.key("hotline").sign(prepared["signing_input"].encode())
    body = {**prepared, "signature": canonical.b64(signature)}
    body = {name: body[name] for name in ("payload", "protected", "signature")}
    taken = shared.post(orjson.dumps(body), "hotline", shared.clock.now())
    assert taken.status_code == 201, taken.text


def test_the_check_before_signing_says_so_too(shared: Service) -> None:
    """`acts/check` answers what the door would."""
    act = an_act(
        "ReportReceived",
        by="hotline",
        when=shared.clock.now(),
        stream=f"case/{an_id('a text that is checked')}",
    )
    members = {**act.signed, "facts": {**act.facts, "summary": TURNED}}
    told = shared.client.post(
        "/v1/acts/check", json={"act": members}, headers=shared.headers("hotline")
    ).get_json()
    assert (told["ok"], told["code"]) == (False, "invisible_characters")
