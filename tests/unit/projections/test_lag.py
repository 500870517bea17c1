"""How far a view is behind, in records and in seconds: one reckoning for all who tell it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from ledger.ports import LogHead
from ledger.streams.record_reader import Reader
from ledger.write.registry_follower import RegistryFollower
from projections.engine.batch_transaction import BatchTransaction
from projections.engine.generations import ViewState
from projections.fold.fold import Fold
from projections.views.base import Connection
from tests.fold_log import FoldLog, Stored
from tests.memory_log import ORIGIN
from tests.played_log import played

_NOW = datetime(2024, 6, 4, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("position", "recorded_at", "told"),
    [
        (9, _NOW, (0, 0)),
        (6, _NOW - timedelta(seconds=90), (3, 90)),
        (-1, None, (10, None)),
        (12, _NOW, (0, 0)),
    ],
)
def test_lag_is_told_in_records_and_seconds(
    position: int, recorded_at: datetime | None, told: tuple[int, int | None]
) -> None:
    """A view that has folded nothing has no time to be behind by; one ahead is not behind."""
    view = ViewState("acts", 1, "live", "", position, position, recorded_at, None, None, None)
    assert view.behind(LogHead(size=10, recorded_at=_NOW, registry_index=0)) == told


def test_a_look_back_that_fails_is_told_of_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It stops no view and is tried again each second: else nobody would ever know."""
    log = played("SC1")
    rows = Stored(log.stored(), log.log.noted)
    reader = Reader(rows, log.log.kek, ORIGIN).for_folds()
    follower = RegistryFollower(rows, reader)
    group = BatchTransaction(
        {}, rows, reader, origin=ORIGIN, level="ordinary", most=1, follower=follower
    )
    group._fold = Fold(FoldLog(rows, log.log.kek, ORIGIN), ORIGIN, "ordinary", 9)
    view = ViewState("acts", 1, "live", "", 9, 3, _NOW, None, None, None)

    def fail(*_: object) -> None:
        raise ValueError("a record of no kind")

    monkeypatch.setattr(Fold, "look_back", fail)
    connection = cast("Connection", None)
    with caplog.at_level(logging.ERROR, "socai.views"):
        assert [group.look_back(connection, [view]) for _ in range(3)] == [False] * 3
    assert [record.getMessage() for record in caplog.records] == [
        "what views show is not judged beyond record 3"
    ]
