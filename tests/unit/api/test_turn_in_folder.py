"""One at a time in a folder."""

from __future__ import annotations

import contextlib
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from types import FrameType
from typing import Final

import pytest

from api.ops.turn_in_folder import turn_in

_LONG_S: Final = 20.0
_SOON_S: Final = 0.2


def _told_as_the_block_is_left(frame: FrameType, event: str, _arg: object) -> None:
    """As a signal is heard: between two steps of the interpreter, wherever it is."""
    left = contextlib._GeneratorContextManager.__exit__
    if event == "call" and frame.f_code is left.__code__:
        sys.settrace(None)
        raise KeyboardInterrupt


def _ended_in_order(folder: Path) -> None:
    sys.settrace(_told_as_the_block_is_left)
    with contextlib.suppress(KeyboardInterrupt):
        try:
            with turn_in(folder):
                pass
        finally:
            sys.settrace(None)
            with turn_in(folder):
                (folder / "ended").touch()


def test_who_is_told_to_end_as_a_turn_is_over_does_not_wait_for_itself(tmp_path: Path) -> None:
    """`serve` did, with its database left running, until it was killed."""
    told = threading.Thread(target=_ended_in_order, args=(tmp_path,), daemon=True)
    told.start()
    told.join(_LONG_S)
    assert not told.is_alive()
    assert (tmp_path / "ended").exists()


def test_others_wait_for_their_turn(tmp_path: Path) -> None:
    """Also in one process: each opens the lock for itself."""

    def enter() -> None:
        with turn_in(tmp_path):
            pass

    with ThreadPoolExecutor(1) as others:
        with turn_in(tmp_path):
            waits = others.submit(enter)
            with pytest.raises(FutureTimeout):
                waits.result(_SOON_S)
        waits.result(_LONG_S)
