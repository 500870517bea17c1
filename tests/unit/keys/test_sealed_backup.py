"""Parts of a backup: whoever makes them opens none, and what is cut is not taken for whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.errors import Unsealable
from keys.hpke import OpeningKey
from keys.sealed_backup import HEAD_BYTES, MOST_FRAME, FrameWriter, open_sealed, seal, sealed_to

KEY = OpeningKey.generate()
OTHER = OpeningKey.generate()
PARTS = [b"views in the open", b"", b"x" * 70_000, b"the end"]
SEALED = b"".join(seal(PARTS, KEY.public, "wal/1"))


def opened(sealed: bytes, name: str = "wal/1", *, whole: bool = True) -> bytes:
    """What comes out."""
    return b"".join(open_sealed([sealed], KEY, name, whole=whole))


@given(st.lists(st.binary(max_size=400), max_size=8), st.integers(1, 4000))
def test_what_was_sealed_comes_back_in_whatever_parts_it_is_read(
    parts: list[bytes], step: int
) -> None:
    """Nothing of it stands in the open on the way."""
    sealed = b"".join(seal(parts, KEY.public, "base/a/cluster"))
    pieces = [sealed[at : at + step] for at in range(0, len(sealed), step)]
    assert b"".join(open_sealed(pieces, KEY, "base/a/cluster")) == b"".join(parts)
    behind = sealed[HEAD_BYTES:]  # a drawn part may be of the words that every head begins with
    assert all(part not in behind for part in parts if len(part) > 8)


def test_a_long_part_is_several_frames() -> None:
    """And one that is just full is one, and its end."""
    for size in (MOST_FRAME - 1, MOST_FRAME, MOST_FRAME + 1):
        plain = bytes(size)
        sealed = b"".join(seal([plain], KEY.public, "a"))
        assert b"".join(open_sealed([sealed], KEY, "a")) == plain


def test_only_the_private_half_opens_it() -> None:
    """The head says whose it is, and another key says that it is not its own."""
    assert sealed_to(SEALED) == KEY.kek_id
    with pytest.raises(Unsealable):
        b"".join(open_sealed([SEALED], OTHER, "wal/1"))


def test_what_is_cut_short_is_not_whole_and_opens_as_far_as_it_came() -> None:
    """A copy that was broken off is never taken for one that was finished."""
    for end in (HEAD_BYTES + 3, HEAD_BYTES + 30, HEAD_BYTES + 60, len(SEALED) - 1):
        cut = SEALED[:end]
        with pytest.raises(Unsealable, match="cut short"):
            opened(cut)
        assert b"".join(PARTS).startswith(opened(cut, whole=False))
    assert opened(SEALED[:-1], whole=False) == b"".join(PARTS)


@pytest.mark.parametrize("torn", [b"", b"\0", bytes(9), b"\0\0\1\0\0" + bytes(300)])
@pytest.mark.parametrize("zeros", [0, 1, 5, 70_000])
def test_what_a_lost_machine_left_behind_the_last_frame_keeps_nobody_from_it(
    torn: bytes, zeros: int
) -> None:
    """A file grew and its bytes never came: what was made durable before opens all the same."""
    writer = FrameWriter(KEY.public, "wal/1")
    one, two = writer.frames(b"one"), writer.frames(b"two")
    left = writer.head + one + torn + bytes(zeros)
    assert b"".join(open_sealed([left[:50], left[50:]], KEY, "wal/1", whole=False)) == b"one"
    with pytest.raises(Unsealable):
        opened(left)
    changed = bytes([two[0], *two[1:-1], two[-1] ^ 1])
    with pytest.raises(Unsealable, match="frame 1 of wal/1 does not open"):
        opened(writer.head + one + changed + writer.frames(b"three"), whole=False)


def test_a_changed_moved_or_renamed_frame_does_not_open() -> None:
    """Each counts itself and names the object."""
    writer = FrameWriter(KEY.public, "wal/1")
    one, two = writer.frames(b"one"), writer.frames(b"two")
    end = writer.frames(b"", last=True)
    with pytest.raises(Unsealable, match="frame 0"):
        opened(writer.head + two + one + end)
    with pytest.raises(Unsealable, match="frame 1"):
        opened(writer.head + one + end)
    with pytest.raises(Unsealable):
        opened(writer.head + one + two + end, "wal/2")
    with pytest.raises(Unsealable, match="behind the end"):
        opened(writer.head + one + two + end + b"x")
    changed = bytearray(writer.head + one + two + end)
    changed[-1] ^= 1
    with pytest.raises(Unsealable):
        opened(bytes(changed))
    claimed = writer.head + (1 << 30).to_bytes(4) + b"\0"
    with pytest.raises(Unsealable, match="length"):
        opened(claimed)
    with pytest.raises(Unsealable, match=r"^wal/1 is not a sealed part of a backup$"):
        opened(b"junk")
