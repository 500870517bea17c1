"""The log and its proofs (api.md §5, formats.md §6-7)."""

from __future__ import annotations

from marshmallow import fields, validate

from api.schemas.base import (
    MAX_INDEX,
    MOMENT,
    Answer,
    Strict,
    StrictInteger,
    pattern,
    text,
    whole,
)


class InclusionProof(Strict):
    """RFC 9162 §2.1.3, sibling of the leaf first."""

    index = whole("Leaf index.", required=True)
    size = whole("Tree size of the checkpoint.", required=True)
    hashes = fields.List(fields.String(), required=True)
    checkpoint = text("Signed note.", required=True)


class ConsistencyProof(Strict):
    """RFC 9162 §2.1.4."""

    from_ = fields.Integer(
        required=True, data_key="from", metadata={"description": "Smaller size."}
    )
    to = whole("Larger size.", required=True)
    hashes = fields.List(fields.String(), required=True)
    checkpoint = text("Signed note of size `to`.", required=True)


class InclusionQuery(Strict):
    """Which leaf, in which tree."""

    index = whole("Leaf index.", required=True)
    size = whole("A size with a checkpoint; the newest by default.", low=1)


class ConsistencyQuery(Strict):
    """Between which sizes."""

    from_ = StrictInteger(
        required=True,
        data_key="from",
        validate=validate.Range(0, MAX_INDEX),
        metadata={"description": "Smaller size."},
    )
    to = whole("A size with a checkpoint; the newest by default.", low=1)


class Witness(Strict):
    """A witness and when it last cosigned."""

    name = text("Key name.", required=True)
    last_cosigned_at = text("RFC 3339; left out: never.")


class LogFacts(Answer):
    """What a verifier needs to know about this log."""

    origin = text("Origin.", required=True, example="rehearsal.bacninh.example/ordinary")
    level = text("Secrecy level of the enclave.", required=True)
    vkeys = fields.List(fields.String(), required=True)
    size = whole("Records in the newest checkpoint.", required=True)
    records = whole("Records committed.", required=True)
    genesis = text("Entry of record 0, lower-case hex: where trust starts.", required=True)
    policy = text("C2SP tlog-policy.", required=True)
    now = pattern(MOMENT, "The ledger's time.", required=True)
    witnesses = fields.List(fields.Nested(Witness), required=True)
    set_aside = fields.List(
        fields.Integer(),
        required=True,
        metadata={
            "description": "Indices of records against the rules that no act has voided yet, at"
            " most the first 100 (formats.md §3)."
        },
    )
