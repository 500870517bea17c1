"""The form of what the service says, strictly, and who may say it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from keys import sealed_anchor
from keys.canonical import b64
from ledger.admission import service_statements
from ledger.errors import Rejected
from tests.builders import T0, an_id

EVENT = service_statements.custody_anchored(
    event_id=UUID(an_id("an anchor")), at=T0, sealed=bytes(sealed_anchor.SEALED_BYTES), every_s=3600
)


def test_an_anchor_is_read_as_it_was_made() -> None:
    """Every member in its place."""
    read = service_statements.parse(EVENT)
    assert (read.event, read.event_id) == ("CustodyAnchored", an_id("an anchor"))
    assert service_statements.sealed_of(read) == bytes(sealed_anchor.SEALED_BYTES)


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 2}, {"v": True}, {"event": "AccessLogged"}, {"event": ["CustodyAnchored"]},
        {"event_id": "x"}, {"event_id": None}, {"stream": "case/x"}, {"occurred_at": "2024"},
        {"occurred_at": 5}, {"occurred_at": "2024-06-04T08:00:00Z"}, {"facts": None}, {"more": 1},
        {"facts": {}}, {"facts": {"sealed": "", "every_s": 3600}},
        {"facts": {"sealed": b64(bytes(68)), "every_s": 3600}},
        {"facts": {"sealed": "!", "every_s": 3600}}, {"facts": {"sealed": 5, "every_s": 3600}},
        {"facts": {**EVENT["facts"], "every_s": 0}}, {"facts": {**EVENT["facts"], "every_s": True}},
        {"facts": {**EVENT["facts"], "count": 7}}, {"facts": {**EVENT["facts"], "every_s": 86_401}},
    ],
)  # fmt: skip
def test_any_other_form_is_refused(changes: dict[str, Any]) -> None:
    """Also one that says more than an anchor does."""
    with pytest.raises(Rejected, match="malformed_statement"):
        service_statements.parse(EVENT | changes)


def test_a_member_that_is_left_out_is_missed() -> None:
    """Each of them."""
    for name in EVENT:
        with pytest.raises(Rejected, match="malformed_statement"):
            service_statements.parse({k: v for k, v in EVENT.items() if k != name})


def test_every_anchor_is_of_one_length() -> None:
    """Whatever it says and whenever."""
    others = [
        service_statements.custody_anchored(
            event_id=UUID(an_id(name)),
            at=datetime(year, 1, 1, tzinfo=UTC),
            sealed=sealed_anchor.seal(
                bytes(32), count, bytes(32), origin="o", event_id=an_id(name)
            ),
            every_s=3600,
        )
        for name, year, count in (("a", 2024, 0), ("b", 2053, 10**12))
    ]
    assert len({len(str(one)) for one in others}) == 1
