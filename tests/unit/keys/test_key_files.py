"""The KEKs of a process: it takes up what changes in their files, and forgets what is gone."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

import pytest

from keys import envelope_encryption
from keys.custody.file import write_kek
from keys.custody.kek_custody import FileCustody
from keys.custody.key_files import GRACE_S, KeyFiles, next_path, old_path
from keys.envelope_encryption import Kek
from keys.errors import KeyAway, Malformed, Unsealable

CHEAP = {"t": 1, "p": 1, "m_kib": 8}


def passphrase() -> bytes:
    """Of every file here; a function that is found by its name goes to another process."""
    return b"a passphrase"


CUSTODY = FileCustody(passphrase)


@dataclass
class Clock:
    """Seconds that the test sets."""

    now: float = 0.0

    def __call__(self) -> float:
        """As `time.monotonic`."""
        return self.now


def written(path: Path) -> Kek:
    """A new KEK in a file."""
    kek = Kek.generate()
    write_kek(path, kek, passphrase(), **CHEAP)
    return kek


def wrapped(kek: Kek | KeyFiles[Kek]) -> bytes:
    """A wrap under what is in force."""
    return envelope_encryption.wrap(kek, bytes(32), origin="o", entry=bytes(32))


def opens(keks: KeyFiles[Kek], wrap: bytes) -> bool:
    """Whether it opens."""
    try:
        envelope_encryption.unwrap(keks, wrap, origin="o", entry=bytes(32))
    except Unsealable:
        return False
    return True


def test_a_turn_is_followed_without_a_restart(tmp_path: Path) -> None:
    """What waits opens and does not wrap; what is over opens for as long as a request may take."""
    path, clock = tmp_path / "kek.socaikek", Clock()
    one = written(path)
    keks = KeyFiles(path, CUSTODY.open, clock)
    first = wrapped(keks)
    assert keks.every == (one,)
    two = written(next_path(path))
    assert keks.current == one
    assert opens(keks, wrapped(two))
    old_path(path).hardlink_to(path)
    next_path(path).replace(path)
    assert keks.current == two
    assert envelope_encryption.kek_id_of(wrapped(keks)) == two.kek_id
    assert opens(keks, first)
    CUSTODY.destroy(old_path(path))
    keks.look()
    assert opens(keks, first)  # read a moment ago, opened now
    clock.now = GRACE_S + 1
    keks.look()
    assert not opens(keks, first)
    assert keks.every == (two,)
    with pytest.raises(Unsealable):
        keks.of(one.kek_id)


def test_what_lies_beside_it_and_is_no_key_stops_nobody(tmp_path: Path) -> None:
    """Half of it is written, or half of it is destroyed; the one in force must open."""
    path = tmp_path / "kek.socaikek"
    written(path)
    next_path(path).write_bytes(b"half")
    old_path(path).write_bytes(bytes(300))
    keks = KeyFiles(path, CUSTODY.open)
    assert opens(keks, wrapped(keks))
    path.write_bytes(b"no key")
    with pytest.raises(Malformed):
        KeyFiles(path, CUSTODY.open)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        KeyFiles(path, CUSTODY.open)


def test_it_goes_to_another_process_and_is_followed_there(tmp_path: Path) -> None:
    """Whoever builds a view anew may meet the next key."""
    path = tmp_path / "kek.socaikek"
    written(path)
    keks: KeyFiles[Kek] = pickle.loads(pickle.dumps(KeyFiles(path, CUSTODY.open)))  # noqa: S301 - our own
    two = written(next_path(path))
    assert opens(keks, wrapped(two))


def test_a_destroyed_key_is_overwritten_before_it_is_taken_away(tmp_path: Path) -> None:
    """By its second name too; and where it is gone already there is nothing to do."""
    path, kept = tmp_path / "kek-old.socaikek", tmp_path / "hard link"
    written(path)
    kept.hardlink_to(path)
    before = kept.read_bytes()
    CUSTODY.destroy(path)
    CUSTODY.destroy(path)
    assert not path.exists()
    assert kept.read_bytes() == bytes(len(before))


@pytest.mark.parametrize("left", [None, b"half"], ids=["gone", "half-written"])
def test_no_wrap_is_damaged_while_the_key_in_force_is_away(
    tmp_path: Path, left: bytes | None
) -> None:
    """It may be under that very key: nobody can tell, and nothing is wrapped meanwhile."""
    path, elsewhere = tmp_path / "kek.socaikek", tmp_path / "elsewhere"
    written(path)
    keks = KeyFiles(path, CUSTODY.open)
    held, under_it = wrapped(keks), wrapped(written(elsewhere))
    path.unlink()
    if left is not None:
        path.write_bytes(left)
    for _ in range(2):
        assert opens(keks, held)
        with pytest.raises(KeyAway):
            opens(keks, under_it)
        with pytest.raises(KeyAway):
            wrapped(keks)
    elsewhere.replace(path)
    assert opens(keks, under_it)
    assert not opens(keks, wrapped(Kek.generate()))


def test_a_file_that_is_between_two_places_ends_no_loop(tmp_path: Path) -> None:
    """A turn that is given up puts the key back: whoever looks meanwhile goes on."""
    path = tmp_path / "kek.socaikek"
    written(path)
    keks = KeyFiles(path, CUSTODY.open)
    wrap = wrapped(keks)
    path.rename(tmp_path / "elsewhere")
    keks.look()
    assert opens(keks, wrap)
    (tmp_path / "elsewhere").rename(path)
    keks.look()
    assert opens(keks, wrap)
