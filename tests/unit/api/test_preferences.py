"""What a request prefers (RFC 7240): how long it waits, and whether for its proof."""

from __future__ import annotations

import pytest
from flask import Flask

from api.http.framework.request_context import prefers_async, wait_s


@pytest.mark.parametrize(
    ("preferred", "seconds"),
    [
        ("", None),
        ("respond-async", None),
        ("wait=0", 0),
        ("wait=20", 20),
        ("respond-async, wait=30", 30),
        ("wait=31", 30),
        ("wait=999", 30),
        ("wait=-1", None),
        ("waiting=20", None),
    ],
)
def test_nobody_waits_longer_than_half_a_minute(preferred: str, seconds: int | None) -> None:
    """However long they ask for: a thread of the server waits with them."""
    with Flask(__name__).test_request_context(headers={"Prefer": preferred}):
        assert wait_s() == seconds
        assert prefers_async() == ("respond-async" in preferred)
