"""Rows of signing_for.json: acts of form 2 (formats.md §2), and who signs instead (§3)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keys import canonical, jwk
from ledger.errors import Rejected
from ledger.log import statement
from ledger.regulation.acts.act import parse_act
from tests.vector_files import load, name_of, rows, signer

LOG = load("signing_for")["log"]


def _body(row: dict[str, Any]) -> bytes:
    return json.dumps(row["statement"]).encode()  # noqa: TID251 - a body is not signed bytes


@pytest.mark.parametrize("row", rows("signing_for", "acts"), ids=name_of)
def test_act_of_form_2_is_read_with_the_capacity_of_each_signer(row: dict[str, Any]) -> None:
    """And is written as the same bytes."""
    members = canonical.parse(row["text"].encode())
    act = parse_act(members)
    assert act.form == 2
    said = [
        (one["officer"], one["post"], one["role"], one["capacity"]) for one in members["signers"]
    ]
    assert [(s.officer, s.post, s.role, s.capacity) for s in act.signers] == said
    assert canonical.encode(act.signed) == row["text"].encode()


@pytest.mark.parametrize("row", rows("signing_for", "reject_acts"), ids=name_of)
def test_act_of_neither_form_is_refused(row: dict[str, Any]) -> None:
    """A capacity is said where its form says it, and nowhere else."""
    with pytest.raises(Rejected) as refused:
        parse_act(canonical.parse(row["text"].encode()))
    assert refused.value.code == "malformed_act"


@pytest.mark.parametrize("row", rows("signing_for", "statements"), ids=name_of)
def test_statement_says_who_signs_instead(row: dict[str, Any]) -> None:
    """Read, verified and made again as the same bytes."""
    found = statement.parse_flattened(_body(row))
    assert found.stand_in == row["stand_in"]
    assert (found.protected.decode(), found.digest_b64) == (row["protected_text"], row["digest"])
    key = signer(row["key"])
    statement.check_signature(found, jwk.public_key(key.jwk))
    own = statement.make(
        found.payload, key, iat=found.iat, log=LOG, seq=found.seq, prev=found.prev,
        role=found.role, stand_in=found.stand_in,
    )  # fmt: skip
    assert own == found
    assert statement.recorded(found.compact) == found


@pytest.mark.parametrize("row", rows("signing_for", "reject"), ids=name_of)
def test_stand_in_out_of_form_is_refused(row: dict[str, Any]) -> None:
    """Nor does an author, or who returns, sign instead of somebody."""
    with pytest.raises(Rejected):
        statement.parse_flattened(_body(row))
