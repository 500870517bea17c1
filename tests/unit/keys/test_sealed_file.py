"""Sealed files (formats.md §5, 0x03): what was sealed opens, and nothing else does.

Any bytes in any parts come back, and nothing else ever does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from keys import sealed_file
from keys.canonical import b64
from keys.errors import Malformed, Unsealable

HEAD = 8
SEALED_CHUNK = sealed_file.CHUNK_BYTES + 16
SIZES = (0, 1, 65_535, 65_536, 65_537, 131_072, 200_000)
KEY = bytes(range(32))


def digest_of(data: bytes) -> str:
    """As an act writes it."""
    return "sha-256:" + b64(hashlib.sha256(data).digest())


def parts_of(data: bytes, size: int) -> Iterator[bytes]:
    """The bytes in parts of one size."""
    return (data[at : at + size] for at in range(0, len(data), size))


def sealed(data: bytes, key: bytes = KEY) -> bytes:
    """The whole sealed form."""
    return b"".join(sealed_file.seal([data], key, digest=digest_of(data)))


def opened(data: bytes, digest: str, key: bytes = KEY, *, part: int = 40_000) -> bytes:
    """What opens, in parts as a store gives them."""
    return b"".join(sealed_file.open_sealed(parts_of(data, part), key, digest=digest))


def a_file(size: int) -> bytes:
    """Bytes that do not repeat by chunk."""
    return hashlib.shake_256(b"file").digest(size)


@pytest.mark.parametrize("size", SIZES)
def test_a_file_of_any_length_comes_back(size: int) -> None:
    """Around every border of a chunk."""
    data = a_file(size)
    kept = sealed(data)
    assert opened(kept, digest_of(data)) == data
    chunks = max(1, -(-size // sealed_file.CHUNK_BYTES))
    assert len(kept) == HEAD + size + 16 * chunks


@given(
    data=st.binary(max_size=300),
    size=st.sampled_from((0, 65_400, 65_536, 131_000)),
    coming=st.integers(1, 150_000),
    going=st.integers(1, 150_000),
    stepped=st.booleans(),
)
def test_how_the_bytes_arrive_makes_no_difference(
    data: bytes,
    size: int,
    coming: int,
    going: int,
    stepped: bool,  # noqa: FBT001 - drawn
) -> None:
    """Networks and stores cut streams where they like."""
    data = a_file(size) + data
    digest = digest_of(data)
    way = sealed_file.seal(parts_of(data, coming), KEY, digest=digest, stepped=stepped)
    kept = b"".join(way)
    assert len(kept) == sealed_file.sealed_bytes(len(data), stepped=stepped)
    assert b"".join(sealed_file.open_sealed(parts_of(kept, going), KEY, digest=digest)) == data


def test_a_step_is_a_sixteenth_at_most_and_told_as_one_number() -> None:
    """Of the length of a file above ordinary nothing else is told (access.md L14)."""
    for size in (0, 1, 4_096, 4_097, 65_536, 70_000, 1 << 20, (1 << 20) + 1, 10**9):
        step = sealed_file.step_of(size)
        assert max(size, sealed_file.LEAST_STEP) <= step <= max(size, 4_096) * 17 // 16
        assert sealed_file.step_of(step) == step
    assert sealed_file.step_of(70_000) == sealed_file.step_of(71_000)


def test_the_bytes_are_those_of_the_format() -> None:
    """Written out once more by hand: what was kept in 2023 must open in 2053."""
    data = a_file(sealed_file.CHUNK_BYTES + 5)
    digest, prefix = digest_of(data), b"\x01\x02\x03\x04\x05\x06\x07"
    aad = b"socai/blob/1\x00" + digest.encode()
    gcm = AESGCM(KEY)
    first = gcm.encrypt(
        prefix + b"\x00\x00\x00\x00" + b"\x00", data[: sealed_file.CHUNK_BYTES], aad
    )
    last = gcm.encrypt(prefix + b"\x00\x00\x00\x01" + b"\x01", data[sealed_file.CHUNK_BYTES :], aad)
    by_hand = b"\x03" + prefix + first + last
    assert b"".join(sealed_file._seal_with(KEY, prefix, [data], digest)) == by_hand
    assert opened(by_hand, digest) == data


def test_sealing_holds_two_chunks_at_most() -> None:
    """A film of an hour must not fill the server's memory."""
    taken = 0

    def source() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(64):
            taken += 1
            yield a_file(sealed_file.CHUNK_BYTES)

    out = sealed_file.seal(source(), KEY, digest="sha-256:x")
    next(out)
    next(out)
    assert taken <= 2


def test_two_uploads_of_one_file_have_nothing_in_common() -> None:
    """Nobody who sees the store can tell that two people sent the same (access.md L16)."""
    data = a_file(1000)
    one, two = sealed(data, sealed_file.new_key()), sealed(data, sealed_file.new_key())
    assert one[1:8] != two[1:8]
    assert one[8:] != two[8:]


DATA = a_file(3 * sealed_file.CHUNK_BYTES + 100)
OTHER = a_file(3 * sealed_file.CHUNK_BYTES + 101)[::-1]
KEPT = sealed(DATA)


def _chunk(n: int) -> bytes:
    return KEPT[HEAD + n * SEALED_CHUNK : HEAD + (n + 1) * SEALED_CHUNK]


HEADER = KEPT[:HEAD]
HARMED = {
    "nothing is left": b"",
    "only the version is left": KEPT[:1],
    "only version and prefix are left": HEADER,
    "the last byte is cut off": KEPT[:-1],
    "the last chunk is cut off": HEADER + _chunk(0) + _chunk(1) + _chunk(2),
    "all but the first chunk are cut off": HEADER + _chunk(0),
    "the last chunk is cut to its tag": KEPT[: HEAD + 3 * SEALED_CHUNK + 16],
    "the first chunk is left out": HEADER + _chunk(1) + _chunk(2) + _chunk(3),
    "a chunk in the middle is left out": HEADER + _chunk(0) + _chunk(2) + _chunk(3),
    "two chunks are swapped": HEADER + _chunk(1) + _chunk(0) + _chunk(2) + _chunk(3),
    "a chunk comes twice": HEADER + _chunk(0) + _chunk(0) + _chunk(2) + _chunk(3),
    "the last chunk comes twice": KEPT + _chunk(3),
    "a byte follows": KEPT + b"\x00",
    "an empty last chunk follows": KEPT
    + AESGCM(KEY).encrypt(
        KEPT[1:8] + (4).to_bytes(4) + b"\x01", b"", b"socai/blob/1\x00" + digest_of(DATA).encode()
    ),
    "another version": b"\x01" + KEPT[1:],
    "the version of padded records": b"\x02" + KEPT[1:],
    "another prefix": KEPT[:1] + bytes(7) + KEPT[8:],
    "a chunk of another file under the same key": HEADER
    + _chunk(0)
    + sealed(OTHER)[HEAD + SEALED_CHUNK : HEAD + 2 * SEALED_CHUNK]
    + _chunk(2)
    + _chunk(3),
    "another file under the same key": sealed(OTHER),
    "another file under another key": sealed(OTHER, bytes(32)),
}


@pytest.mark.parametrize("harmed", HARMED.values(), ids=HARMED.keys())
def test_a_file_that_was_tampered_with_does_not_open(harmed: bytes) -> None:
    """Evidence that was cut, reordered or exchanged must never pass for the original."""
    with pytest.raises(Unsealable):
        opened(harmed, digest_of(DATA))


@given(at=st.integers(1, len(KEPT) - 1), bit=st.integers(0, 7))
def test_no_single_bit_can_change(at: int, bit: int) -> None:
    """Neither by chance on a disk nor by design."""
    harmed = bytearray(KEPT)
    harmed[at] ^= 1 << bit
    with pytest.raises(Unsealable):
        opened(bytes(harmed), digest_of(DATA))


def test_no_byte_of_a_bad_chunk_comes_out() -> None:
    """What is handed out before the fault was good; the faulty chunk gives nothing."""
    harmed = bytearray(KEPT)
    harmed[HEAD + SEALED_CHUNK + 5] ^= 1
    came: list[bytes] = []
    with pytest.raises(Unsealable):
        came.extend(sealed_file.open_sealed([bytes(harmed)], KEY, digest=digest_of(DATA)))
    assert came == [DATA[: sealed_file.CHUNK_BYTES]]


def test_a_file_opens_only_for_its_own_digest_and_key() -> None:
    """A wrap that was moved to another row must not lead to another file."""
    with pytest.raises(Unsealable):
        opened(KEPT, digest_of(OTHER))
    with pytest.raises(Unsealable):
        opened(KEPT, digest_of(DATA), bytes(32))


def test_what_the_source_raises_comes_through() -> None:
    """A sender that stops half-way must not look like the end of a file."""

    def broken() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        list(sealed_file.seal(broken(), KEY, digest="sha-256:x"))


def test_a_lookup_tag_needs_its_key() -> None:
    """Whoever steals the table cannot ask it for a file he knows (access.md L9)."""
    digest = digest_of(DATA)
    tag = sealed_file.lookup_tag(KEY, officer="a", digest=digest)
    assert len(tag) == 32
    assert tag == sealed_file.lookup_tag(KEY, officer="a", digest=digest)
    assert tag != sealed_file.lookup_tag(bytes(32), officer="a", digest=digest)
    assert tag != sealed_file.lookup_tag(KEY, officer="b", digest=digest)
    assert tag != sealed_file.lookup_tag(KEY, officer="a", digest=digest_of(OTHER))
    with pytest.raises(Malformed):
        sealed_file.lookup_tag(b"short", officer="a", digest=digest)
