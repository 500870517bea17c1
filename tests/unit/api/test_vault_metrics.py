"""Metrics of the vault say whether it works, and nothing of reporters, cases or their pace."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.ops.vault.mail import NoLetters
from api.ops.vault.metrics import EVERY_S, VaultMetrics
from ledger.errors import Unavailable
from ledger.message import Message
from ledger.vault.identity import Language
from ledger.vault.ports import LetterDelayed, Letters, Notice
from tests.attacks import attack
from tests.fixtures.clock import StepClock

NOON = 1_764_244_800


class _Sent:
    """Every letter is taken."""

    def send(self, to: str, language: Language, text: str | Notice, *, letter_id: str) -> None:
        """Takes it."""
        del to, language, text, letter_id


class Room:
    """A vault's metrics, its clock, and how long a request waits."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = StepClock(datetime.fromtimestamp(NOON, UTC))
        self.waiting: Callable[[], float] = lambda: 0.0
        self.metrics = VaultMetrics(path, self._waiting, self.clock)

    def _waiting(self) -> float:
        return self.waiting()

    def told(self, after_s: float = EVERY_S) -> dict[str, float]:
        """What the file says `after_s` seconds later."""
        self.clock.set(self.clock.now() + timedelta(seconds=after_s))
        self.metrics.tell()
        lines = self.path.read_text("utf-8").splitlines()
        rows = [line.rpartition(" ") for line in lines if not line.startswith("#")]
        return {name: float(value) for name, _, value in rows}

    def send(self, letters: Letters) -> None:
        """A letter to somebody."""
        self.metrics.watching(letters).send("a@example.vn", "vi", "Đã xử lý.", letter_id="one")


@pytest.fixture
def room(tmp_path: Path) -> Room:
    """With a file that is not there yet."""
    return Room(tmp_path / "vault.prom")


def test_what_goes_wrong_is_told(room: Room) -> None:
    """Nobody takes a request, no mail server, no database; and that it is well again."""
    assert room.told() == {
        "socai_vault_beat_timestamp_seconds": NOON + EVERY_S,
        "socai_vault_database_reached": 1,
        "socai_vault_waiting_minutes": 0,
        "socai_vault_mail_unreached": 0,
    }
    room.waiting = lambda: 185.0
    with pytest.raises(LetterDelayed):
        room.send(NoLetters())
    told = room.told()
    assert told["socai_vault_waiting_minutes"] == 3
    assert told["socai_vault_mail_unreached"] == 1

    unavailable = Unavailable("database_unavailable", Message("Not reached."))

    def unreached() -> float:
        raise unavailable

    room.waiting = unreached
    assert room.told()["socai_vault_database_reached"] == 0
    room.waiting = lambda: 0.0
    room.send(_Sent())
    told = room.told()
    assert told["socai_vault_mail_unreached"] == 0
    assert told["socai_vault_database_reached"] == 1


@attack(
    "whoever reads the metrics learns when a reporter is written to, or an identity opened",
    stopped_by="no counts, no figures of the process, minutes only, and a file on a clock",
    noticed_by="-",
)
def test_a_busy_vault_tells_what_an_idle_one_tells(tmp_path: Path) -> None:
    """Byte for byte, at every look; and between two whole multiples nothing is written."""
    idle, busy = Room(tmp_path / "idle.prom"), Room(tmp_path / "busy.prom")
    for step in range(40):
        busy.waiting = lambda step=step: step * 1.4  # type: ignore[misc]  # below a minute
        busy.send(_Sent())
        idle.told(1.0)
        busy.told(1.0)
        assert idle.path.read_bytes() == busy.path.read_bytes()
    written = busy.path.stat().st_mtime_ns
    while int(busy.clock.now().timestamp() + 1) % EVERY_S:
        busy.told(1.0)
        assert busy.path.stat().st_mtime_ns == written
    busy.told(1.0)
    assert busy.path.stat().st_mtime_ns > written
