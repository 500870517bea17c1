"""Whatever an officer types at any command that reaches a server: told, and no trace."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.any_input import call_with, leaves, require_told, run, wrong_words
from tests.fixtures.desk import Desk

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.drill,
    pytest.mark.xdist_group("access commands"),
]
AS: Final = {"--as": "cv"}
GROUPS: Final = (
    "act", "acts", "attachment", "case", "changes", "delegate", "exclude", "grant", "keys",
    "public", "readmit", "reads", "record", "registry", "revoke", "search", "sign-next", "stats",
    "verify", "worklist",
)  # fmt: skip


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # click's own files
@pytest.mark.parametrize("group", GROUPS)
def test_no_input_that_reaches_the_server_ends_in_a_trace(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: str
) -> None:
    """Signed in as a clerk, each parameter with each wrong word."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inputs").mkdir()
    wrong = wrong_words(tmp_path / "inputs")
    tried = 0
    for leaf in leaves():
        if leaf.words[0] != group:
            continue
        for at in leaf.command.params:
            if getattr(at, "is_flag", False):
                continue
            for word in wrong:
                words = call_with(leaf, word, at, tmp_path / "inputs", AS)
                require_told(words, run(words, desk.home), most=80)
                tried += 1
    assert tried
