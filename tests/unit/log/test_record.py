"""Envelopes and moments, beyond the vectors (formats.md §1, §4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import VerificationError
from ledger.log import moment, record

moments = st.datetimes(timezones=st.just(UTC)).map(
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
)


@given(
    moments,
    st.binary(min_size=32, max_size=32),
    st.from_regex(r"[\w-]{0,9}\.\w{0,9}\.\w{0,9}", fullmatch=True),
)
def test_envelope_round_trip(at: datetime, blind: bytes, text: str) -> None:
    """What is kept is what was taken."""
    text = text.encode("ascii", "ignore").decode()
    data = record.build(log="x.example/mat", recorded_at=at, blind=blind, statement=text)
    assert record.parse_envelope(data) == record.Envelope("x.example/mat", at, blind, text)


@given(moments)
def test_moment_round_trip(at: datetime) -> None:
    """Every moment has one text."""
    assert moment.unstamp(moment.stamp(at)) == at


@pytest.mark.parametrize(
    "text",
    [
        "2024-06-04T01:12:31Z",
        "2024-06-04T01:12:31.042+00:00",
        "2024-06-04 01:12:31.042Z",
        "2024-02-30T01:12:31.042Z",
        "2024-06-04T24:00:00.000Z",
        "2024-06-04T01:12:60.000Z",
        "2024-06-04T01:12:31.042Z\n",
        "٢٠٢٤-06-04T01:12:31.042Z",
    ],
)
def test_other_forms_of_a_moment_are_refused(text: str) -> None:
    """Two texts of one moment would be two entries of one record."""
    with pytest.raises(ValueError, match=r"moment|day|must be in"):
        moment.unstamp(text)


def test_moment_is_written_in_utc_and_cut_to_milliseconds() -> None:
    """`recorded_at` never says more than the ledger keeps."""
    at = datetime(2024, 6, 4, 8, 12, 31, 42_999, tzinfo=timezone(timedelta(hours=7)))
    assert moment.stamp(at) == "2024-06-04T01:12:31.042Z"
    with pytest.raises(ValueError, match="zone"):
        moment.stamp(at.replace(tzinfo=None))


def test_blind_of_another_length_is_refused() -> None:
    """Without a full blind an entry can be guessed."""
    at = datetime(2024, 6, 4, tzinfo=UTC)
    with pytest.raises(ValueError, match="32"):
        record.build(log="x", recorded_at=at, blind=b"short", statement="a.b.c")
    with pytest.raises(VerificationError):
        record.parse_envelope(b"{}")
