"""Sealed files in a folder and in an S3 store.

The promises of `BlobStore`, and what a failing store means.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from ledger.errors import NotFound, Unavailable
from ledger.files.folder_store import FolderBlobs
from ledger.files.object_store import ObjectBlobs
from tests.attacks import attack
from tests.contract.files import MEGABYTE, BlobsContract
from tests.fixtures.s3 import Bucket

NAME = UUID("0b5c1f0e-2f7e-4a39-8f0e-3d1a2b3c4d5e")
OPTIONS = {
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
    "aws_region": "hn-1",
    "client_options": {"allow_http": True},
}


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    """An empty bucket."""
    made = Bucket()
    yield made
    made.close()


def in_s3(bucket: Bucket) -> ObjectBlobs:
    """The adapter over it."""
    quick = {"retry_config": {"max_retries": 0}}
    return ObjectBlobs.at("s3://files/enclave", OPTIONS | quick | {"aws_endpoint": bucket.url})


class TestFolder(BlobsContract):
    """A folder of the home."""

    @pytest.fixture
    def blobs(self, tmp_path: Path) -> FolderBlobs:
        """An empty folder."""
        return FolderBlobs(tmp_path / "blobs")


class TestS3(BlobsContract):
    """A bucket."""

    @pytest.fixture
    def blobs(self, bucket: Bucket) -> ObjectBlobs:
        """An empty bucket."""
        return in_s3(bucket)


def test_a_folder_shows_random_names_and_nothing_half_done(tmp_path: Path) -> None:
    """Whoever lists the folder learns how many and how long, and no more."""
    folder = tmp_path / "blobs"
    blobs = FolderBlobs(folder)
    blobs.put(NAME, [MEGABYTE] * 3)

    def breaking() -> Iterator[bytes]:
        yield MEGABYTE
        raise KeyError

    with pytest.raises(KeyError):
        blobs.put(UUID(int=1), breaking())
    files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    assert files == [Path(NAME.hex[:2]) / NAME.hex]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@attack(
    "whoever has a backup of the sealed files and of the database tells by the time at which a file"
    " came in which case it is",
    stopped_by="files and folders have one time, that of no upload; names are random",
    noticed_by="-",
)
def test_no_time_of_a_file_says_when_it_came(tmp_path: Path) -> None:
    """Neither its own nor its folders', after it came, was read, and another went."""
    folder = tmp_path / "blobs"
    blobs = FolderBlobs(folder)
    names = [NAME, UUID(int=NAME.int + 1), UUID(int=1)]
    for name in names:
        blobs.put(name, [MEGABYTE])
    assert b"".join(blobs.get(NAME)) == MEGABYTE
    blobs.remove(names[1])
    there = [folder, *folder.rglob("*")]
    assert len(there) == 5  # two files in two folders
    assert {path.stat().st_mtime_ns for path in there} == {946_684_800 * 10**9}
    assert {path.stat().st_size for path in there if path.is_file()} == {len(MEGABYTE)}


def test_what_a_crash_left_half_done_is_no_file(tmp_path: Path) -> None:
    """It is neither listed nor read, and is in nobody's way."""
    blobs = FolderBlobs(tmp_path)
    blobs.put(NAME, [b"whole"])
    half = UUID(int=NAME.int + 1)
    (tmp_path / NAME.hex[:2] / f"{half.hex}.part").write_bytes(b"ha")
    assert blobs.sizes() == {NAME: 5}
    with pytest.raises(NotFound):
        blobs.get(half)
    blobs.put(half, [b"ha", b"lf"])
    assert blobs.sizes() == {NAME: 5, half: 4}
    assert b"".join(blobs.get(half)) == b"half"
    assert stat.S_IMODE((tmp_path / NAME.hex[:2] / NAME.hex).stat().st_mode) == 0o600


def test_a_folder_that_fails_says_try_again_and_a_senders_error_stays_its_own(
    tmp_path: Path,
) -> None:
    """A lost disk is not the sender's fault, and a lost sender is no broken disk."""
    blobs = FolderBlobs(tmp_path / "blobs")

    def cut_off() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        blobs.put(NAME, cut_off())
    (tmp_path / "blobs" / NAME.hex[:2]).rmdir()
    (tmp_path / "blobs" / NAME.hex[:2]).write_bytes(b"a file where a folder belongs")
    with pytest.raises(Unavailable, match="files_unavailable"):
        blobs.put(NAME, [b"x"])
    with pytest.raises(Unavailable, match="files_unavailable"):
        blobs.get(NAME)


def test_a_full_disk_is_refused_before_it_is_full(tmp_path: Path) -> None:
    """Writing stops, reading goes on."""
    folder = tmp_path / "blobs"
    FolderBlobs(folder).put(NAME, [b"kept"])
    full = FolderBlobs(folder, min_free_bytes=1 << 60)
    with pytest.raises(Unavailable, match="disk_full"):
        full.put(UUID(int=1), [b"more"])
    assert b"".join(full.get(NAME)) == b"kept"


def test_a_broken_upload_is_aborted_in_the_bucket(bucket: Bucket) -> None:
    """Parts that nobody can finish would cost money for ever."""

    def breaking() -> Iterator[bytes]:
        for _ in range(12):
            yield MEGABYTE
        raise KeyError

    with pytest.raises(KeyError):
        in_s3(bucket).put(NAME, breaking())
    assert bucket.objects == {}
    assert bucket.uploads == {}


def test_a_store_that_is_away_says_try_again(bucket: Bucket) -> None:
    """The officer hears that nothing was kept, never a driver's words."""
    blobs = in_s3(bucket)
    bucket.down = True
    with pytest.raises(Unavailable, match="files_unavailable"):
        blobs.put(NAME, [b"x"])
    with pytest.raises(Unavailable, match="files_unavailable"):
        blobs.get(NAME)


@pytest.mark.parametrize(
    ("url", "options"),
    [("nowhere://x", {}), ("s3://files", {"no_such_option": "x"}), ("not a url", {})],
    ids=["unknown kind", "unknown option", "no url"],
)
def test_a_store_that_does_not_exist_is_refused_at_start(url: str, options: dict[str, str]) -> None:
    """A mistyped address must not show at the first upload."""
    with pytest.raises(ValueError, match="not a blob store"):
        ObjectBlobs.at(url, options)
