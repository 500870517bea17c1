"""What `Sessions` promises."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ledger.ports import Sessions
from tests.contract.append import T0

CHALLENGE = "c" * 43


class SessionsContract:
    """Inherit it with a `sessions` fixture."""

    @pytest.fixture
    def sessions(self) -> Sessions:
        """An empty store."""
        raise NotImplementedError

    def test_a_challenge_is_taken_once(self, sessions: Sessions) -> None:
        """A sign-in that is overheard cannot be sent again."""
        sessions.put(CHALLENGE, "kid", T0 + timedelta(minutes=1))
        assert sessions.take(CHALLENGE, T0) == "kid"
        assert sessions.take(CHALLENGE, T0) is None
        assert sessions.take("unknown" * 4, T0) is None

    def test_an_expired_challenge_is_no_challenge(self, sessions: Sessions) -> None:
        """Its last instant is already too late."""
        sessions.put(CHALLENGE, "kid", T0)
        assert sessions.take(CHALLENGE, T0) is None

    def test_attempts_are_limited_in_a_window(self, sessions: Sessions) -> None:
        """Guessing costs time, and only the guesser's."""
        got = [sessions.attempt("kid", T0, 60, 3) for _ in range(5)]
        assert got == [True, True, True, False, False]
        assert sessions.attempt("another", T0, 60, 3)
        assert sessions.attempt("kid", T0 + timedelta(seconds=61), 60, 3)
