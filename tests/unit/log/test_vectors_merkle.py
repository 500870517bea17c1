"""Every row of merkle.json (formats.md §4, §6; RFC 9162)."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

import pytest

from keys import canonical
from ledger.errors import VerificationError
from ledger.log import merkle, record
from tests.leaf_nodes import LeafNodes
from tests.rows import each, of
from tests.vector_files import name_of, rows


@cache
def _nodes() -> LeafNodes:
    largest = max(row["size"] for row in rows("merkle", "roots"))
    return LeafNodes(_leaf(i) for i in range(largest))


def _leaf(index: int) -> bytes:
    return record.leaf(hashlib.sha256(str(index).encode()).digest())


def _hashes(row: dict[str, Any]) -> list[bytes]:
    return [canonical.unb64std(one) for one in row["hashes"]]


def _get(row: dict[str, Any], *members: str) -> tuple[bytes, ...]:
    return tuple(canonical.unb64std(row[member]) for member in members)


def test_first_leaves() -> None:
    """Domain byte 0x00 over the entry."""
    for index, text in enumerate(rows("merkle", "first_leaves")):
        assert canonical.b64std(_leaf(index)) == text


def test_root() -> None:
    """The split is at the largest power of two below n."""
    for row in each(rows("merkle", "roots")):
        with of(name_of(row)):
            found = merkle.root(row["size"], _nodes())
            assert (canonical.b64std(found), found.hex()) == (row["root"], row["root_hex"])


def test_inclusion() -> None:
    """The proof is made and found good."""
    for row in each(rows("merkle", "inclusion")):
        with of(name_of(row)):
            leaf, root = _get(row, "leaf", "root")
            assert leaf == _leaf(row["index"])
            assert merkle.inclusion_path(row["index"], row["size"], _nodes()) == _hashes(row)
            merkle.verify_inclusion(row["index"], row["size"], leaf, _hashes(row), root)


def test_consistency() -> None:
    """The proof is made and found good, at the edges too."""
    for row in each(rows("merkle", "consistency")):
        with of(f"{row['from']}-{row['to']}"):
            old_root, new_root = _get(row, "from_root", "to_root")
            assert merkle.consistency_path(row["from"], row["to"], _nodes()) == _hashes(row)
            merkle.verify_consistency(row["from"], row["to"], _hashes(row), old_root, new_root)


def test_bad_proof_is_refused() -> None:
    """A proof longer or shorter than the path, or leading elsewhere, proves nothing."""
    for row in each(rows("merkle", "reject")):
        with of(f"{row['kind']}-{row['name']}"):
            if row["kind"] == "inclusion":
                leaf, root = _get(row, "leaf", "root")
                with pytest.raises(VerificationError):
                    merkle.verify_inclusion(row["index"], row["size"], leaf, _hashes(row), root)
            else:
                old_root, new_root = _get(row, "from_root", "to_root")
                with pytest.raises(VerificationError):
                    merkle.verify_consistency(
                        row["from"], row["to"], _hashes(row), old_root, new_root
                    )
