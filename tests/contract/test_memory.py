"""The fakes keep the promises of the ports."""

from __future__ import annotations

import pytest

from tests.contract.append import T0, AppendContract, BothEnds
from tests.contract.checkpoints import CheckpointContract, TreeStore
from tests.contract.seen import SeenContract
from tests.contract.sessions import SessionsContract
from tests.fakes import MemoryRecordStore, MemorySeen, MemorySessions


class TestMemoryAppend(AppendContract):
    """In one process."""

    @pytest.fixture
    def store(self) -> BothEnds:
        """An empty fake."""
        fake = MemoryRecordStore()
        return BothEnds(fake, fake)


class TestMemoryCheckpoints(CheckpointContract):
    """In one process."""

    @pytest.fixture
    def tree(self) -> TreeStore:
        """An empty fake."""
        fake = MemoryRecordStore()
        return TreeStore(fake, fake, fake)


class TestMemorySessions(SessionsContract):
    """In one process."""

    @pytest.fixture
    def sessions(self) -> MemorySessions:
        """An empty fake."""
        return MemorySessions(lambda: T0)


class TestMemorySeen(SeenContract):
    """In one process."""

    @pytest.fixture
    def store(self) -> MemorySeen:
        """One that has seen nothing."""
        return MemorySeen()
