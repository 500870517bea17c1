"""A play that is broken off: what serves it ends before what it is served from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from api.cli.commands import play
from api.cli.terminal.shell import Shell
from api.rehearsal.scenario import read_files, shipped


def test_who_serves_a_play_ends_before_its_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ended some time later, beside a database that was gone, and made its folder anew."""
    ended: list[str] = []

    class Stages:
        def __init__(self, _keep: Path | None) -> None:
            pass

        @contextmanager
        def fresh(self, *_: object, **__: object) -> Iterator[None]:
            try:
                yield
            finally:
                ended.append("processes")

        def close(self) -> None:
            ended.append("database")

    monkeypatch.setattr(play, "PlayEnclaves", Stages)
    monkeypatch.setattr(play, "player_at", lambda *_: nullcontext())
    plays = read_files([shipped("SC1")])

    def broken_off() -> None:
        with play._players(plays, None, None, None, Shell()) as players:
            next(players)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()
    assert ended == ["processes", "database"]
