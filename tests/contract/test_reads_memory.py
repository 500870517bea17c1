"""The fake of the log of reads keeps the promises of the port."""

from __future__ import annotations

import pytest

from tests.contract.reads import NotedReads, ReadLogContract
from tests.fake_reads import MemoryReads


class TestMemoryReads(ReadLogContract):
    """In one process."""

    @pytest.fixture
    def reads(self) -> NotedReads:
        """An empty fake."""
        log = MemoryReads()

        def refuse() -> None:
            log.refuses = True

        return NotedReads(log, lambda: list(log.noted), refuse)
