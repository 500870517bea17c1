"""A short text is guessed from what stands in the open of its record (access.md V15, L9)."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import pytest

from keys import canonical
from keys.stub_commitment import SALT_BYTES, commitment
from ledger.log import record
from ledger.ports import Entropy
from tests.a_ledger import ALedger, in_memory
from tests.attacks import attack
from tests.builders import an_act, an_id
from tests.fakes import MemoryRecordStore
from tests.fixtures.clock import CountingEntropy
from tests.guessing import Guesser, text_of, windows

GUESSES = range(2_000)
TRUE = text_of(1_234)


class NoBlind(CountingEntropy):
    """What a ledger would draw that blinds nothing."""

    def take(self, n_bytes: int) -> bytes:
        """Zeros where a blind is drawn."""
        return bytes(n_bytes) if n_bytes == 32 else super().take(n_bytes)


def material(store: MemoryRecordStore) -> Iterator[bytes]:
    """What is told of records to whoever may ask for proofs, and what is stored in the open."""
    for row in store._records:
        yield from (row.entry, row.stream_id.bytes, row.act_id.bytes, row.state, row.wrap or b"")
    yield from store._tiles.values()
    for note in store._notes.values():
        yield note
        yield canonical.unb64std(note.decode().splitlines()[2])  # the root


def written(entropy: Entropy) -> tuple[Guesser, frozenset[bytes]]:
    """A report that says the text, in a small log with its tree; and all that is told of it."""
    store = MemoryRecordStore()
    ledger = ALedger(in_memory(store), entropy=entropy)
    ledger.found()
    ledger.hire("hotline")
    at = ledger.clock.now()
    act = an_act(
        "ReportReceived", by="hotline", when=at, stream=f"case/{an_id('guessed')}",
        facts={"summary": TRUE},
    )  # fmt: skip
    statement = ledger.sign(act, "hotline")
    ledger.send(statement, by="hotline")
    ledger.checkpointer().checkpoint_once()
    row = store._records[-1]
    guesser = Guesser(statement, TRUE, ledger.origin, row.recorded_at, row.entry)
    return guesser, windows(material(store))


@attack(
    "a short text guessed, among two thousand, by who knows all of its act but text and blind",
    stopped_by="32 random bytes in the envelope of each record",
    noticed_by="-",
)
def test_no_guess_of_a_text_is_told_by_any_hash_of_its_record() -> None:
    """Neither by entry and leaf nor by tiles, checkpoints and rows; a million in the soak."""
    guesser, known = written(CountingEntropy("blinds"))
    assert len(known) > 1_000
    assert guesser.hits(map(text_of, GUESSES), known) == []


@pytest.mark.parametrize("where", ["entry", "leaf", "anywhere"])
def test_without_a_blind_the_text_is_told(where: str) -> None:
    """L9: one guess hits, and it is the text; by its entry or its leaf alone."""
    guesser, told = written(NoBlind("none"))
    digests = {"entry": guesser.entry, "leaf": record.leaf(guesser.entry)}
    known = told if where == "anywhere" else told & {digests[where]}
    assert guesser.hits(map(text_of, GUESSES), known) == [TRUE]


def salts(text: str) -> Iterator[bytes]:
    """What somebody below could take for the salt: what is known, and what would be careless."""
    yield bytes(SALT_BYTES)
    yield b"\xff" * SALT_BYTES
    for told in (text, "117/2025/QH15", "14/CAT", an_id("of the case below")):
        yield sha256(told.encode()).digest()
        yield told.encode().ljust(SALT_BYTES, b"\0")[:SALT_BYTES]


def guessed(committed: bytes) -> list[str]:
    """The texts of which a digest, or a commitment under a salt that is no secret, is the one."""
    found = []
    for text in map(text_of, GUESSES):
        document = text.encode()
        tried = {sha256(document).digest(), *(commitment(one, document) for one in salts(text))}
        if committed in tried:
            found.append(text)
    return found


@attack(
    "a short document above guessed, among two thousand, from the commitment of its stub below",
    stopped_by="a salt of 32 random bytes, which stays above until the text is released (A17)",
    noticed_by="-",
)
def test_no_guess_of_a_document_is_told_by_its_stub() -> None:
    """Whatever is known below; once text and salt are published, anybody tells."""
    salt = CountingEntropy("salt").take(SALT_BYTES)
    committed = commitment(salt, TRUE.encode())
    assert guessed(committed) == []
    published = [
        one for one in map(text_of, GUESSES) if commitment(salt, one.encode()) == committed
    ]
    assert published == [TRUE]


def test_without_a_salt_the_document_is_told() -> None:
    """L9: a bare digest tells it, and one under a salt of zeros."""
    document = TRUE.encode()
    for careless in (sha256(document).digest(), commitment(bytes(SALT_BYTES), document)):
        assert guessed(careless) == [TRUE]
