"""Checkpoints, notes and trust, beyond the vectors (formats.md §6, §7)."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import note
from keys.errors import InvalidSignature, Malformed
from keys.jwk import SoftwareSigner
from keys.note import TYPE_COSIGNATURE, TYPE_ML_DSA_44, Note, NoteSignature, NoteSigner
from ledger.errors import VerificationError
from ledger.log import checkpoint, merkle, proof, record
from ledger.log.checkpoint import Checkpoint
from ledger.log.proof import Consistency, Inclusion
from ledger.log.verify import TrustedLog
from tests.leaf_nodes import LeafNodes

ORIGIN = "x.example/ordinary"
LOG = NoteSigner(ORIGIN, SoftwareSigner.generate())
PQ = NoteSigner(f"{ORIGIN}/pq", SoftwareSigner.generate("ML-DSA-44"), TYPE_ML_DSA_44)
ENTRIES = [hashlib.sha256(bytes((i,))).digest() for i in range(50)]
LEAVES = [record.leaf(entry) for entry in ENTRIES]
NODES = LeafNodes(LEAVES)
TIME = 1_717_463_551


def signed(size: int, root: bytes | None = None) -> bytes:
    """The log's note at a size."""
    at = Checkpoint(ORIGIN, size, merkle.root(size, NODES) if root is None else root)
    return checkpoint.sign(at, LOG, None, time_s=TIME)


def trusting(size: int | None = None) -> TrustedLog:
    """A reader who trusts the log at a size."""
    reader = TrustedLog(ORIGIN, [LOG.vkey, PQ.vkey])
    if size is not None:
        reader.advance(signed(size))
    return reader


names = st.from_regex(r"[a-zé][a-z0-9é./-]{0,10}", fullmatch=True)


@given(
    st.from_regex(r"([a-zé0-9 —]{0,9}\n){1,4}", fullmatch=True),
    st.lists(
        st.builds(NoteSignature, names, st.binary(min_size=4, max_size=4), st.binary(min_size=1)),
        min_size=1,
        max_size=4,
    ).map(tuple),
)
def test_note_round_trip(text: str, signatures: tuple[NoteSignature, ...]) -> None:
    """Writing and reading a note changes nothing, whatever its text holds."""
    one = Note(text, signatures)
    assert note.parse_note(note.format_note(one)) == one


@given(st.text("abc/.", min_size=1), st.integers(1, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_checkpoint_round_trip(origin: str, size: int, root: bytes) -> None:
    """Three lines, and back."""
    at = Checkpoint(origin, size, root)
    assert checkpoint.unmarshal(at.marshal()) == at


def test_second_signature_is_over_the_same_tree() -> None:
    """The post-quantum line must not vouch for another size or root."""
    at = Checkpoint(ORIGIN, 5, merkle.root(5, NODES))
    both = checkpoint.sign(at, LOG, PQ, time_s=TIME)
    opened = checkpoint.open_checkpoint(both, [LOG.vkey, PQ.vkey], origin=ORIGIN)
    assert [good.time_s for good in opened.verified] == [None, TIME]
    line = both.splitlines(keepends=True)[-1]
    with pytest.raises(VerificationError):
        checkpoint.open_checkpoint(signed(6) + line, [LOG.vkey, PQ.vkey])


def test_keys_sign_under_their_own_names_and_types_only() -> None:
    """A log key under another name would have another id, and prove nothing."""
    at = Checkpoint("other.example/ordinary", 1, bytes(32))
    with pytest.raises(ValueError, match="origin"):
        checkpoint.sign(at, LOG, None, time_s=TIME)
    at = Checkpoint(ORIGIN, 1, bytes(32))
    wrong = NoteSigner(f"{ORIGIN}/x", PQ.key, TYPE_ML_DSA_44)
    with pytest.raises(ValueError, match="pq"):
        checkpoint.sign(at, LOG, wrong, time_s=TIME)
    with pytest.raises(Malformed):
        NoteSigner(ORIGIN, PQ.key)
    with pytest.raises(Malformed):
        PQ.sign(at.marshal())
    with pytest.raises(Malformed):
        LOG.sign(at.marshal(), time_s=TIME)


def test_type_6_signs_checkpoints_only() -> None:
    """It signs a tree, not a text."""
    for text in ("hello\n", "a\nb\nc\n", "a\n1\nAAAA\n"):
        with pytest.raises((InvalidSignature, Malformed)):
            PQ.sign(text, time_s=TIME)


def test_a_size_of_any_length_is_refused_and_no_trace() -> None:
    """A note is up to a megabyte long: a number of thousands of digits is no number of Python's."""
    blob = (1).to_bytes(8) + bytes(2420)
    text = f"{ORIGIN}\n{'9' * 5_000}\n{'A' * 43}=\n"
    held = note.format_note(Note(text, (NoteSignature(PQ.name, PQ.vkey.key_id, blob),)))
    with pytest.raises(VerificationError):
        checkpoint.open_checkpoint(held, [PQ.vkey])


def test_an_origin_of_any_length_is_refused_and_no_trace() -> None:
    """What a known key seems to have signed: its length stands in one byte (formats.md §7)."""
    seems = NoteSignature(PQ.name, PQ.vkey.key_id, (1).to_bytes(8) + bytes(2_420))
    for origin in ("x" * 255, "x" * 256, "x" * 90_000):
        text = note.checkpoint_text(origin, 5, bytes(32))
        with pytest.raises(VerificationError):
            checkpoint.open_checkpoint(note.format_note(Note(text, (seems,))), [PQ.vkey])


def test_time_zero_is_refused_on_the_second_signature() -> None:
    """formats.md §7: the time of signing, never 0."""
    text = Checkpoint(ORIGIN, 1, bytes(32)).marshal()
    with pytest.raises(InvalidSignature):
        PQ.vkey.verify(PQ.sign(text, time_s=0).blob, text)


def test_reader_moves_forward_only() -> None:
    """Checkpoint, then consistency: the trusted state stays where a step fails."""
    reader = trusting(7)
    path = merkle.consistency_path(7, 20, NODES)
    assert reader.advance(signed(20), path).size == 20
    assert reader.advance(signed(20)).size == 20
    for data, hashes in [
        (signed(7), []),
        (signed(20, bytes(32)), []),
        (signed(30), []),
        (signed(30, bytes(32)), merkle.consistency_path(20, 30, NODES)),
        (b"not a note", []),
    ]:
        with pytest.raises(VerificationError):
            reader.advance(data, hashes)
        assert reader.trusted is not None
        assert reader.trusted.size == 20


def test_consistency_proof_advances_a_reader() -> None:
    """The JSON form carries all that is needed."""
    hashes = tuple(merkle.consistency_path(7, 20, NODES))
    given_proof = Consistency(7, 20, hashes, signed(20).decode())
    again = proof.consistency_from_json(given_proof.to_json())
    assert again == given_proof
    assert trusting(7).extend(again).size == 20
    with pytest.raises(VerificationError):
        trusting(8).extend(again)
    with pytest.raises(VerificationError):
        trusting(7).extend(Consistency(7, 21, hashes, signed(20).decode()))


def test_inclusion_is_checked_under_the_checkpoint() -> None:
    """A receipt's proof needs the log's key and nothing else."""
    path = tuple(merkle.inclusion_path(3, 20, NODES))
    receipt = Inclusion(3, 20, path, signed(20).decode())
    assert proof.inclusion_from_json(receipt.to_json()) == receipt
    assert proof.inclusion_from_file(receipt.to_file()) == receipt
    reader = trusting(20)
    assert reader.includes(receipt, ENTRIES[3]).size == 20
    with pytest.raises(VerificationError):
        reader.includes(receipt, ENTRIES[4])
    with pytest.raises(VerificationError):
        reader.includes(Inclusion(3, 19, path, signed(20).decode()), ENTRIES[3])


def test_fork_shows_in_a_receipt_too() -> None:
    """A second tree of the trusted size is a fork, however good its proof."""
    other = [bytes(32), *LEAVES[1:20]]
    nodes = LeafNodes(other)
    forged = Inclusion(
        3,
        20,
        tuple(merkle.inclusion_path(3, 20, nodes)),
        signed(20, merkle.root(20, nodes)).decode(),
    )
    with pytest.raises(VerificationError, match="fork"):
        trusting(20).includes(forged, ENTRIES[3])


@pytest.mark.parametrize(
    "change",
    [
        {"index": -1},
        {"index": True},
        {"index": "3"},
        {"hashes": "AAAA"},
        {"hashes": [1]},
        {"hashes": ["AAAA"]},
        {"hashes": ["A" * 43 + "="] * 64},
        {"checkpoint": 1},
        {"extra": 1},
    ],
    ids=str,
)
def test_proof_json_of_another_shape_is_refused(change: dict[str, object]) -> None:
    """A proof is foreign bytes."""
    good = Inclusion(3, 20, tuple(merkle.inclusion_path(3, 20, NODES)), "x").to_json()
    with pytest.raises(VerificationError):
        proof.inclusion_from_json({**good, **change})


def test_cosignature_kind_is_not_a_log_signature() -> None:
    """A witness vouches that it saw a tree, not that the log is his."""
    witness = NoteSigner(ORIGIN, SoftwareSigner.generate(), TYPE_COSIGNATURE)
    text = Checkpoint(ORIGIN, 1, LEAVES[0]).marshal()
    data = note.format_note(Note(text, (witness.sign(text, time_s=TIME),)))
    with pytest.raises(VerificationError, match="log itself"):
        checkpoint.open_checkpoint(data, [witness.vkey])
