"""What `SeenStore` promises."""

from __future__ import annotations

import threading

import pytest

from ledger.ports import SeenStore


class SeenContract:
    """Inherit it with a `store` fixture."""

    @pytest.fixture
    def store(self) -> SeenStore:
        """One that has seen nothing."""
        raise NotImplementedError

    def test_nothing_seen_is_none_and_what_is_written_is_read(self, store: SeenStore) -> None:
        """Bytes for bytes; the next stands in the place of the one before."""
        assert store.read() is None
        for note in (b"one\n", b"the second, which is longer\n", b"3"):
            store.write(note)
            assert store.read() == note

    def test_whoever_is_alone_is_alone(self, store: SeenStore) -> None:
        """Two that read, think and write do not write over each other."""
        store.write(b"0")

        def count() -> None:
            for _ in range(25):
                with store.alone():
                    store.write(str(int(store.read() or b"0") + 1).encode())

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.read() == b"100"

    def test_an_error_inside_lets_the_next_one_in(self, store: SeenStore) -> None:
        """A checkpointer that stops holds nobody."""
        with pytest.raises(ZeroDivisionError), store.alone():
            raise ZeroDivisionError
        with store.alone():
            assert store.read() is None
