"""What `BlobStore` and `FileIndex` promise."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from uuid import UUID, uuid4  # noqa: TID251  any name will do

import pytest

from ledger.errors import NotFound
from ledger.ports import BlobStore, CustodyRow, FileIndex, StoredFile

MEGABYTE = bytes(range(256)) * 4096


class Stopped(Exception):
    """What a sender's stream may end in."""


def a_row(name: UUID, seq: int, mark: bytes = b"e") -> CustodyRow:
    """A row as sealing makes it, by form alone."""
    return CustodyRow(name, seq, mark * 32, b"\x01" + mark * 500, b"\x01" + bytes(76))


def a_file(tag: bytes = b"t" * 32, name: UUID | None = None) -> StoredFile:
    """An upload as sealing makes it, by form alone."""
    named = name or uuid4()
    return StoredFile(named, tag, b"\x01" + b"k" * 76, a_row(named, 1))


class BlobsContract:
    """Inherit it with a `blobs` fixture."""

    @pytest.fixture
    def blobs(self) -> BlobStore:
        """An empty store."""
        raise NotImplementedError

    @pytest.mark.parametrize("parts", [0, 1, 11])
    def test_what_was_put_is_there_whole(self, blobs: BlobStore, parts: int) -> None:
        """Nothing, one part, and more than a store takes at once."""
        name = uuid4()
        blobs.put(name, (MEGABYTE for _ in range(parts)))
        assert b"".join(blobs.get(name)) == MEGABYTE * parts

    @pytest.mark.parametrize("before", [0, 1, 11])
    def test_a_stream_that_breaks_leaves_nothing(self, blobs: BlobStore, before: int) -> None:
        """Half a file must never be found under a name; the cause comes through as it was."""

        def breaking() -> Iterator[bytes]:
            for _ in range(before):
                yield MEGABYTE
            raise Stopped

        name = uuid4()
        with pytest.raises(Stopped):
            blobs.put(name, breaking())
        with pytest.raises(NotFound):
            blobs.get(name)

    def test_what_is_not_there_says_so_at_once(self, blobs: BlobStore) -> None:
        """Before the first byte of an answer, not in the middle of it."""
        with pytest.raises(NotFound):
            blobs.get(uuid4())


class FileIndexContract:
    """Inherit it with an `index` fixture."""

    @pytest.fixture
    def index(self) -> FileIndex:
        """An empty index."""
        raise NotImplementedError

    def test_the_first_lookup_key_stays(self, index: FileIndex) -> None:
        """Two processes that start together must tag alike, for ever."""
        assert index.lookup_key() is None
        first, second = b"1" * 77, b"2" * 77
        assert index.keep_lookup_key(first) == first
        assert index.keep_lookup_key(second) == first
        assert index.lookup_key() == first

    def test_every_upload_is_found_by_its_tag(self, index: FileIndex) -> None:
        """Two uploads of the same bytes are two files."""
        one, two, other = a_file(), a_file(), a_file(b"o" * 32)
        for file in (one, two, other):
            index.add(file)
        found = {file.name: file for file in index.find([b"t" * 32])}
        assert found == {one.name: one, two.name: two}
        assert {file.name for file in index.find([b"t" * 32, b"o" * 32])} >= {other.name}
        assert list(index.find([b"n" * 32])) == []

    def test_a_history_grows_at_its_end_only(self, index: FileIndex) -> None:
        """No event can be put before, between or in place of others."""
        file = a_file()
        index.add(file)
        assert index.last(file.name) == (1, file.first.entry)
        second = a_row(file.name, 2, b"f")
        assert index.note(second)
        assert not index.note(a_row(file.name, 2, b"g"))
        assert not index.note(a_row(file.name, 1, b"g"))
        assert not index.note(a_row(file.name, 4, b"g"))
        assert list(index.history(file.name)) == [file.first, second]
        assert index.last(file.name) == (2, second.entry)

    def test_a_file_that_is_not_there_has_no_history(self, index: FileIndex) -> None:
        """Nor can one be begun by reading."""
        name = uuid4()
        assert index.last(name) is None
        assert not index.note(a_row(name, 1))
        assert not index.note(a_row(name, 2))
        assert list(index.history(name)) == []

    def test_events_of_all_files_have_one_order(self, index: FileIndex) -> None:
        """Dense from 0, in the order they were taken: an anchor speaks of the first n of them."""
        one, two = a_file(), a_file()
        assert index.taken() == 0
        index.add(one)
        index.add(two)
        index.note(a_row(one.name, 2, b"f"))
        assert not index.note(a_row(one.name, 2, b"g"))  # what is not taken has no place
        assert index.taken() == 3
        said = [(0, one.name, 1), (1, two.name, 1), (2, one.name, 2)]
        assert [row[:3] for row in index.span(0, 10)] == said
        assert [row[:3] for row in index.span(1, 1)] == said[1:2]
        assert [row.place for row in index.history(one.name)] == [0, 2]

    def test_of_many_at_once_each_place_goes_to_one(self, index: FileIndex) -> None:
        """Every reader's event finds a place, and none is lost."""
        file = a_file()
        index.add(file)
        won: list[int] = []

        def reader() -> None:
            while True:
                last = index.last(file.name)
                assert last is not None
                if index.note(a_row(file.name, last[0] + 1)):
                    won.append(last[0] + 1)
                    return

        threads = [threading.Thread(target=reader) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(won) == [2, 3, 4, 5]
        assert [row.seq for row in index.history(file.name)] == [1, 2, 3, 4, 5]
        assert [row[0] for row in index.span(0, 10)] == [0, 1, 2, 3, 4]
