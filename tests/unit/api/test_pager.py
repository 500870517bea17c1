"""A long answer on a terminal is paged, and nothing else is."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.examples import share
from tests.rows import each, of
from tests.terminals import on_a_terminal

LONG: Final = ("catalogue", "act")
SHORT: Final = ("catalogue", "act", "ReportReceived")


_CALLS: Final[tuple[tuple[tuple[str, ...], dict[str, str], bool], ...]] = (
    (LONG, {}, True),
    (("--lang", "vi", *LONG), {}, True),
    (("--no-pager", *LONG), {}, False),
    (("--json", *LONG), {}, False),
    (LONG, {"NO_PAGER": "1"}, False),
    (SHORT, {"LINES": "400"}, False),
    ((*LONG, "--json"), {}, False),
)


@pytest.mark.slow
def test_only_a_long_answer_on_a_terminal_goes_through_a_pager(tmp_path: Path) -> None:
    """`PAGER` is used, and all of the answer reaches it."""
    pager = tmp_path / "pager"
    pager.write_text("#!/bin/sh\necho PAGED\nexec cat\n")
    pager.chmod(0o700)
    for words, env, paged in each(share(_CALLS, 2, "pager")):
        with of(" ".join(words)):
            env_ = {"PAGER": str(pager), **env}
            status, said = on_a_terminal(words, tmp_path / "home", env_)
            assert status == 0, said
            assert ("PAGED" in said) == paged
            assert "ReportReceived" in said
            assert "PersonLinked" in said or words == SHORT


@pytest.mark.slow
def test_a_pager_is_told_no_colour_that_it_would_spell_out(tmp_path: Path) -> None:
    """`less` is asked to show them (-R) where `LESS` says nothing; another is given plain text."""
    words = ("catalogue", "act")
    for name, env, shows in (
        ("less", {}, True),
        ("less", {"LESS": "-S"}, False),
        ("less", {"LESS": "-SR"}, True),
        ("most", {}, False),
    ):
        pager = tmp_path / name
        pager.write_text('#!/bin/sh\necho "LESS=$LESS="\nexec cat\n')
        pager.chmod(0o700)
        _, said = on_a_terminal(words, tmp_path / "home", {"PAGER": str(pager), **env})
        assert ("\x1b[1m" in said) == shows, (name, env)
        assert ("R=" in said) == shows, (name, env)


@pytest.mark.slow
def test_no_color_is_told_nothing_but_text(tmp_path: Path) -> None:
    """NO_COLOR: no sequence that colours; heads of columns may stay bold."""
    words = ("--no-pager", *LONG)
    _, plain = on_a_terminal(words, tmp_path / "home", {"NO_COLOR": "1"})
    assert "\x1b[3" not in plain
    assert "\x1b[9" not in plain
    assert "ReportReceived" in plain
