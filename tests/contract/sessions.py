"""What `Sessions` promises."""

from __future__ import annotations

import pytest

from ledger.ports import Sessions

CHALLENGE = "c" * 43


class SessionsContract:
    """Inherit it with a `sessions` fixture."""

    @pytest.fixture
    def sessions(self) -> Sessions:
        """An empty store."""
        raise NotImplementedError

    def test_a_challenge_is_taken_once(self, sessions: Sessions) -> None:
        """A sign-in that is overheard cannot be sent again."""
        sessions.put(CHALLENGE, "kid", 60)
        assert sessions.take(CHALLENGE) == "kid"
        assert sessions.take(CHALLENGE) is None
        assert sessions.take("unknown" * 4) is None

    def test_an_expired_challenge_is_no_challenge(self, sessions: Sessions) -> None:
        """Its last instant is already too late."""
        sessions.put(CHALLENGE, "kid", 0)
        assert sessions.take(CHALLENGE) is None

    def test_attempts_are_limited_in_a_window(self, sessions: Sessions) -> None:
        """Guessing costs time, and only the guesser's."""
        got = [sessions.attempt("kid", 60, 3) for _ in range(5)]
        assert got == [True, True, True, False, False]
        assert sessions.attempt("another", 60, 3)

    def test_a_window_that_is_over_is_counted_anew(self, sessions: Sessions) -> None:
        """Here the window is no time at all: it is over at once."""
        assert all(sessions.attempt("kid", 0, 1) for _ in range(3))
