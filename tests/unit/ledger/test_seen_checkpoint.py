"""The memory of a log moves forward, to what the log has signed, and says so where it cannot."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from api.texts.catalogue import translate
from keys.jwk import SoftwareSigner
from keys.note import NoteSigner
from ledger.checkpoints.seen_checkpoint import SeenCheckpoint, require
from ledger.errors import Doubt
from ledger.log import checkpoint
from ledger.log.checkpoint import Checkpoint
from ledger.log.merkle import EMPTY_ROOT
from tests.fakes import MemoryRecordStore, MemorySeen
from tests.fixtures.keys import log_keys
from tests.memory_log import a_log

ORIGIN = "rehearsal.bacninh.example/ordinary"
KEYS = log_keys(ORIGIN)


def _note(size: int, root: bytes = b"r" * 32, origin: str = ORIGIN) -> bytes:
    keys = log_keys(origin)
    return checkpoint.sign(Checkpoint(origin, size, root), keys.log, keys.pq, time_s=1)


def _seen(store: MemorySeen) -> SeenCheckpoint:
    return SeenCheckpoint(store, lambda _: [KEYS.log.vkey, KEYS.pq.vkey], ORIGIN)


def test_a_reader_is_told_in_their_language_what_does_not_open() -> None:
    """The cause is for who repairs it, in English; the Vietnamese sentence has none of it."""
    store = MemorySeen()
    store.write(b"junk")
    with pytest.raises(Doubt) as doubt:
        _seen(store).last()
    assert "signature lines" in translate(doubt.value.text, "en")
    assert (
        translate(doubt.value.text, "vi")
        == "điểm kiểm tra đã thấy không mở được, hoặc không do khóa của sổ này ký"
    )


def _kind(ask: Callable[..., object], *given: bytes) -> str:
    with pytest.raises(Doubt) as doubt:
        ask(*given)
    return doubt.value.kind


@pytest.fixture
def store() -> MemorySeen:
    """One that has seen size 5."""
    made = MemorySeen()
    _seen(made).begin(_note(5))
    return made


def test_no_memory_is_no_empty_log() -> None:
    """It says so, and begins once."""
    seen = _seen(MemorySeen())
    with pytest.raises(Doubt) as unseen:
        seen.last()
    assert unseen.value.kind == "unseen"
    seen.begin(_note(0, EMPTY_ROOT))
    assert seen.last().checkpoint.size == 0
    with pytest.raises(Doubt, match="already"):
        seen.begin(_note(0, EMPTY_ROOT))


@pytest.mark.parametrize(
    "harm",
    [
        b"",
        b"junk",
        _note(5)[:-9],
        _note(5).replace(b"\n5\n", b"\n6\n"),
        _note(5, origin="bacninh.example/ordinary"),
        checkpoint.sign(
            Checkpoint(ORIGIN, 5, b"r" * 32),
            NoteSigner(ORIGIN, SoftwareSigner.generate("Ed25519")),
            None,
            time_s=0,
        ),
    ],
    ids=["empty", "junk", "cut", "edited", "another log", "another key"],
)
def test_a_damaged_or_foreign_memory_is_doubt(store: MemorySeen, harm: bytes) -> None:
    """Read, moved on from, or begun with: never "nothing seen"."""
    kinds = [_kind(_seen(store).keep, harm), _kind(_seen(MemorySeen()).begin, harm)]
    store.note = harm
    kinds += [_kind(_seen(store).last), _kind(_seen(store).keep, _note(9))]
    assert kinds == ["damaged"] * 4


def test_it_moves_forward_only(store: MemorySeen) -> None:
    """An older checkpoint changes nothing; another root at its size is a fork."""
    seen = _seen(store)
    for size in (4, 5):
        seen.keep(_note(size))
        assert seen.last().checkpoint.size == 5
    seen.keep(_note(9))
    assert seen.last().checkpoint.size == 9
    with pytest.raises(Doubt) as fork:
        seen.keep(_note(9, b"x" * 32))
    assert fork.value.kind == "forked"


def test_the_next_checkpoint_grows_from_the_one_remembered(store: MemorySeen) -> None:
    """Kept before the caller has it; nothing is signed where another was faster, or differs."""
    seen = _seen(store)
    signed: list[bytes] = []

    def sign() -> bytes:
        signed.append(_note(6))
        return signed[-1]

    assert seen.extend(Checkpoint(ORIGIN, 4, b"q" * 32), sign) is None
    for known in (Checkpoint(ORIGIN, 5, b"x" * 32), Checkpoint(ORIGIN, 6, b"r" * 32)):
        with pytest.raises(Doubt):
            seen.extend(known, sign)
    assert signed == []
    assert seen.extend(Checkpoint(ORIGIN, 5, b"r" * 32), sign) == store.note == signed[0]


def test_a_log_must_hold_what_was_seen() -> None:
    """Everything in it, in that order."""
    log = a_log(cases=3, acts=4, every=7)
    seen = {
        size: Checkpoint(log.origin, size, checkpoint.unverified(note).root)
        for size, (_, note) in log.signed.items()
    }
    for one in seen.values():
        require(one, len(log.rows), log)
    newest = seen[max(seen)]
    with pytest.raises(Doubt) as gone:
        require(newest, newest.size - 1, log)
    assert (gone.value.kind, gone.value.size) == ("shorter", newest.size - 1)
    with pytest.raises(Doubt) as fork:
        require(Checkpoint(log.origin, newest.size, b"x" * 32), len(log.rows), log)
    assert fork.value.kind == "forked"
    with pytest.raises(Doubt) as bare:
        require(newest, len(log.rows), MemoryRecordStore())
    assert bare.value.kind == "shorter"
