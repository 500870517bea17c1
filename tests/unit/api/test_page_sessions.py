"""Sessions of the pages end by clock, key and post, and nobody makes one up (ADR 74)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from api.auth import Caller, TokenBox
from api.page_sessions import IDLE_S, RENEWED_S, WHOLE_S, PageSessions
from api.problems.problem import Problem
from tests.fixtures.clock import CountingEntropy

BOX = TokenBox(b"a key of the tests")
WHO = Caller("an officer", "a key", "the session of a token", 0)


class World:
    """A clock, a registry of one key and one officer, and the sessions."""

    def __init__(self, origin: str = "test.example/ordinary", box: TokenBox = BOX) -> None:
        self.now = datetime(2026, 11, 26, 8, tzinfo=UTC)
        self.key_lives = self.in_office = True
        self.sessions = PageSessions(
            origin=origin,
            token_box=box,
            entropy=CountingEntropy(),
            now=lambda: self.now,
            holder=lambda kid: WHO.officer if self.key_lives and kid == WHO.kid else None,
            in_office=lambda officer: self.in_office and officer == WHO.officer,
        )

    def begun(self) -> str:
        """The text of a new session."""
        return self.sessions.sealed(self.sessions.begin(WHO))

    def holds(self, text: str | None) -> bool:
        """Whether it is one now."""
        try:
            return self.sessions.of(text).caller.officer == WHO.officer
        except Problem as refused:
            return refused.code != "not_signed_in"


def test_a_session_ends_half_an_hour_after_the_last_page() -> None:
    """And not a second before."""
    world = World()
    text = world.begun()
    world.now += timedelta(seconds=IDLE_S - 1)
    assert world.holds(text)
    world.now += timedelta(seconds=1)
    assert not world.holds(text)


def test_a_session_that_is_used_ends_after_eight_hours_all_the_same() -> None:
    """Sealing it anew carries it over the half hour, and never over the day's end."""
    world = World()
    text, steps = world.begun(), 0
    while world.holds(text):
        world.now += timedelta(seconds=RENEWED_S)
        steps += 1
        if not world.holds(text):
            break
        fresh = world.sessions.renewed(world.sessions.of(text))
        assert fresh is not None
        text = world.sessions.sealed(fresh)
    assert steps * RENEWED_S == WHOLE_S


def test_a_cookie_is_not_sealed_anew_at_every_page() -> None:
    """Once a minute does."""
    world = World()
    session = world.sessions.of(world.begun())
    world.now += timedelta(seconds=RENEWED_S - 1)
    assert world.sessions.renewed(session) is None


def test_a_session_ends_with_its_key_and_with_the_post() -> None:
    """Whatever its clock says; where the post is over, none begins."""
    world = World()
    text = world.begun()
    world.key_lives = False
    assert not world.holds(text)
    world.key_lives = True
    assert world.holds(text)
    world.in_office = False
    assert not world.holds(text)
    with pytest.raises(Problem, match="sign_in_failed"):
        world.sessions.begin(WHO)


def test_what_the_service_did_not_seal_for_this_is_no_session() -> None:
    """Another log's, another key's, a changed one, what was sealed for another use, nothing."""
    world = World()
    text = world.begun()
    assert not world.holds(World("other.example/ordinary").begun())
    assert not world.holds(World(box=TokenBox(b"another key")).begun())
    for forged in (text[:-1] + ("A" if text[-1] != "A" else "B"), text[1:], "", "{}", None):
        assert not world.holds(forged)
    value = BOX.open("page", text)
    assert value is not None
    assert not world.holds(BOX.shut("token", value))


def test_a_session_never_has_the_id_of_what_was_brought() -> None:
    """Each sign-in has one of its own."""
    world = World()
    ids = {world.sessions.begin(WHO).caller.session for _ in range(3)}
    assert len(ids) == 3
    assert WHO.session not in ids


def test_a_form_fits_its_browser_alone() -> None:
    """The value is made from the mark, by the service."""
    sessions = World().sessions
    mark, other = sessions.mark(), sessions.mark()
    assert sessions.fits(sessions.form_token(mark), mark)
    for token, of in ((sessions.form_token(other), mark), ("", mark), ("ngữ", mark),
                      (sessions.form_token(mark), None)):  # fmt: skip
        assert not sessions.fits(token, of)
