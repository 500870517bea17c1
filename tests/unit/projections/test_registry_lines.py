"""Who the registry says is in which post on a day: the founder too, and nobody in a gone agency."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from keys.jwk import SoftwareSigner
from ledger.regulation.registry.registry import Registry
from projections.queries import registry_as_of as lines
from tests.builders import a_registry, officer
from tests.unit.regulation.registry_acts import (
    FOUNDER,
    FOUNDERS_KEY,
    SECOND,
    enrolled,
    founded,
    revoked,
)

BEFORE = date(2025, 2, 28)
AFTER = date(2025, 3, 1)


def _line(registry: Registry, who: str, day: date) -> dict[str, Any]:
    (line,) = (one for one in lines.officers(registry, day) if one["officer"] == who)
    return line


def test_nobody_is_in_post_in_an_agency_that_has_ended() -> None:
    """The department ended on 28 February 2025; a post in it is the past from then on."""
    registry = a_registry()
    for day, held in ((BEFORE, True), (AFTER, False)):
        line = _line(registry, officer("cv"), day)
        assert line["in_post"] is held
        assert [post["on_day"] for post in line["posts"]] == [held]
        assert line["posts"][0]["post_vi"] == "Chuyên viên"


def test_the_founder_has_the_post_that_record_0_gave() -> None:
    """No act appointed the founding registrar; who asks sees the post and the key all the same."""
    registry = founded().registry
    line = _line(registry, FOUNDER, date(2024, 6, 4))
    (post,) = line["posts"]
    assert (post["post"], post["on_day"], line["in_post"]) == ("quan-tri-danh-ba", True, True)
    assert post["valid_from"] is None
    (key,) = (
        k for k in lines.keys(registry, datetime(2024, 6, 4, tzinfo=UTC)) if k["officer"] == FOUNDER
    )
    assert key["valid_from"] is None
    assert key["status"] == "ACTIVE"


def test_an_officer_is_told_of_keys_that_are_good_or_came_after_their_own() -> None:
    """One enrolled before theirs and good is told; one that ended before theirs came is not.

    Nor is another officer's; and whoever signs in with the other key is told of theirs.
    """
    before, gone, over, mine, after = (SoftwareSigner.generate("Ed25519") for _ in range(5))
    book, on = founded(), datetime(2024, 6, 4, tzinfo=UTC)
    book.take(enrolled(SECOND, before))
    book.take(enrolled(SECOND, gone))
    book.take(revoked(SECOND, gone.kid, "2023-06-01T08:00:00+07:00"))
    book.take(enrolled(SECOND, over, valid_to="2024-01-01T08:00:00+07:00"))
    book.take(enrolled(SECOND, mine))
    book.take(enrolled(SECOND, after))
    book.take(revoked(SECOND, after.kid, "2024-06-01T08:00:00+07:00"))
    assert lines.other_keys(book.registry, SECOND, mine.kid, on) == [before.kid, after.kid]
    assert lines.other_keys(book.registry, SECOND, after.kid, on) == [before.kid, mine.kid]
    assert lines.other_keys(book.registry, FOUNDER, FOUNDERS_KEY.kid, on) == []
