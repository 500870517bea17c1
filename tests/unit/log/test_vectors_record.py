"""Every row of record.json (formats.md §4)."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.errors import VerificationError
from ledger.log import merkle, moment, record, statement
from tests.vector_files import load, name_of, rows

LOG = load("record")["log"]


@pytest.mark.parametrize("row", rows("record", "records"), ids=lambda row: row["name"])
def test_envelope_entry_and_leaf_are_these(row: dict[str, Any]) -> None:
    """What the tree commits to must be recomputable by anyone who has the envelope."""
    data = row["envelope"].encode()
    assert len(data) == row["length"]
    found = record.parse_envelope(data, log=LOG)
    assert (found.blind.hex(), moment.stamp(found.recorded_at)) == (
        row["blind_hex"],
        row["recorded_at"],
    )
    assert data == record.build(
        log=found.log,
        recorded_at=found.recorded_at,
        blind=found.blind,
        statement=found.statement,
    )
    inside = statement.parse_compact(found.statement)
    assert (inside.members["stream"], inside.seq) == (row["stream"], row["seq"])
    entry = record.entry(data)
    assert (entry.hex(), record.leaf(entry).hex()) == (row["entry"], row["leaf"])


def test_root_at_every_size_and_genesis() -> None:
    """The small log of the vectors grows to the same roots."""
    frontier = merkle.Frontier()
    roots = {row["size"]: row["root"] for row in rows("record", "roots")}
    assert frontier.root().hex() == roots[0]
    for row in rows("record", "records"):
        frontier.append(bytes.fromhex(row["leaf"]))
        assert frontier.root().hex() == roots[frontier.size]
    assert load("record")["genesis_entry"] == rows("record", "records")[0]["entry"]


@pytest.mark.parametrize("row", rows("record", "reject"), ids=name_of)
def test_bad_envelope_is_refused(row: dict[str, Any]) -> None:
    """An auditor must not read two envelopes as one record."""
    with pytest.raises(VerificationError):
        record.parse_envelope(row["text"].encode(), log=LOG)
