"""Rows of statement.json that concern one statement (§3); sequences are regulation's tests."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from keys import canonical, jwk
from keys.signer import PublicKey
from ledger.errors import Rejected
from ledger.log import statement
from ledger.message import Wording
from tests.rows import each, of
from tests.vector_files import load, name_of, rows, signer

LOG = load("statement")["log"]


def _body(row: dict[str, Any]) -> bytes:
    return json.dumps(row["statement"]).encode()  # noqa: TID251 - a body is not signed bytes


def _known() -> dict[str, PublicKey]:
    known = [row for row in rows("statement", "keys") if row["known"]]
    return {row["thumbprint"]: jwk.public_key(row["jwk"]) for row in known}


KNOWN = _known()


def _take(row: dict[str, Any], log: str) -> statement.Statement:
    """What a log asks of one statement before it asks what it says."""
    found = statement.parse_flattened(_body(row))
    statement.require_log(found, log)
    if found.kid not in KNOWN:
        raise Rejected("unknown_key", Wording("", "unknown key"))
    statement.check_signature(found, KNOWN[found.kid])
    return found


def test_statement_is_read_and_verified() -> None:
    """Header, digest and signing input are the same in every implementation."""
    for row in each(rows("statement", "statements")):
        with of(name_of(row)):
            found = _take(row, LOG)
            (act,) = (one for one in rows("statement", "acts") if one["name"] == row["act"])
            assert found.payload == act["text"].encode()
            assert found.protected == row["protected_text"].encode()
            assert found.members == json.loads(act["text"])
            assert (found.alg, found.seq, found.members["stream"]) == (
                row["alg"],
                row["seq"],
                row["stream"],
            )
            assert hashlib.sha256(found.signing_input).hexdigest() == row["signing_input_sha256"]
            assert (found.digest.hex(), found.digest_b64) == (row["digest_hex"], row["digest"])
            assert statement.flattened(found) == row["statement"]
            assert statement.parse_compact(found.compact) == found


def test_statement_made_with_the_same_key_is_the_same_but_for_chance() -> None:
    """Ed25519 is deterministic: there the whole statement must be these bytes."""
    for row in each(rows("statement", "statements")):
        with of(name_of(row)):
            found = statement.parse_flattened(_body(row))
            own = statement.make(
                found.payload,
                signer(row["key"]),
                iat=found.iat,
                log=found.log,
                seq=found.seq,
                prev=found.prev,
                role=found.role,
            )
            assert (own.payload, own.protected) == (found.payload, found.protected)
            statement.check_signature(own, KNOWN[own.kid])
            if found.alg == "Ed25519":
                assert own == found


def test_act_text_is_canonical() -> None:
    """Acts of the vectors pass the door as they stand."""
    for row in each(rows("statement", "acts")):
        with of(name_of(row)):
            data = row["text"].encode()
            assert canonical.encode(canonical.parse(data)) == data
            assert hashlib.sha256(data).hexdigest() == row["sha256"]
            assert len(data) == row["length"]


def test_bad_statement_is_refused() -> None:
    """Every defect shows in the one statement, before anything is asked of the stream."""
    for row in each(rows("statement", "reject")):
        with of(name_of(row)), pytest.raises(Rejected):
            _take(row, row["log"])


def test_statement_refused_in_context_is_good_by_itself() -> None:
    """They fail for what stands before them; a refusal here would hide a missing rule."""
    for row in each(rows("statement", "reject_in_context")):
        with of(name_of(row)):
            found = _take(row, LOG)
            names = {one["name"]: one for one in rows("statement", "statements")}
            last = statement.parse_flattened(_body(names[row["after"][-1]]))
            if row["reason"] == "prev":
                assert found.prev != last.digest_b64
            if row["reason"] == "seq":
                assert found.seq != last.seq + 1
            if row["reason"] in {"signer", "act-id"}:
                assert (found.seq, found.prev) == (last.seq + 1, last.digest_b64)


def test_statements_of_a_stream_are_chained() -> None:
    """`prev` names the digest of the statement before: none can be left out or exchanged."""
    heads: dict[str, str] = {}
    for row in rows("statement", "statements"):
        found = statement.parse_flattened(_body(row))
        assert found.prev == heads.get(row["stream"])
        heads[row["stream"]] = found.digest_b64


def test_attachment_digest() -> None:
    """An attachment is named by the b64 of its SHA-256."""
    attachment = load("statement")["attachment"]
    digest = hashlib.sha256(bytes.fromhex(attachment["hex"])).digest()
    assert attachment["digest"] == "sha-256:" + canonical.b64(digest)
