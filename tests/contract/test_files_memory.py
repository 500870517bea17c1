"""The fakes of files keep the promises of the ports."""

from __future__ import annotations

import pytest

from tests.contract.files import BlobsContract, FileIndexContract
from tests.fake_files import MemoryBlobs, MemoryFiles


class TestMemoryBlobs(BlobsContract):
    """In one process."""

    @pytest.fixture
    def blobs(self) -> MemoryBlobs:
        """An empty fake."""
        return MemoryBlobs()


class TestMemoryFiles(FileIndexContract):
    """In one process."""

    @pytest.fixture
    def index(self) -> MemoryFiles:
        """An empty fake."""
        return MemoryFiles()
