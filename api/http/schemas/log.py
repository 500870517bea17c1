"""What anybody may read: the log and its proofs (http.md §5), what is published (http.md §4)."""

from __future__ import annotations

from marshmallow import fields, validate

from api.http.schemas.base import (
    AGENCY,
    MAX_INDEX,
    MAX_LIMIT,
    MOMENT,
    UUID,
    AnswerSchema,
    StrictInteger,
    StrictSchema,
    choice,
    maybe,
    pattern,
    several,
    text,
    texts,
    whole,
    yes_or_no,
)
from api.http.schemas.enumerations import ACT_TYPE, SECRECY_LEVEL
from keys.custody.kek_custody import FILE, PKCS11


class InclusionProofSchema(StrictSchema):
    """RFC 9162 §2.1.3, sibling of the leaf first."""

    index = whole("Leaf index.", required=True)
    size = whole("Tree size of the checkpoint.", required=True)
    hashes = texts("Path, b64, sibling of the leaf first.")
    checkpoint = text("Signed note.", required=True)


class ConsistencyProofSchema(StrictSchema):
    """RFC 9162 §2.1.4."""

    from_ = fields.Integer(
        required=True, data_key="from", metadata={"description": "Smaller size."}
    )
    to = whole("Larger size.", required=True)
    hashes = texts("Path, b64.")
    checkpoint = text("Signed note of size `to`.", required=True)


class InclusionQuerySchema(StrictSchema):
    """Which leaf, in which tree."""

    index = whole("Leaf index.", required=True)
    size = whole("A size with a checkpoint; the newest by default.", low=1)


class ConsistencyQuerySchema(StrictSchema):
    """Between which sizes."""

    from_ = StrictInteger(
        required=True,
        data_key="from",
        validate=validate.Range(0, MAX_INDEX),
        metadata={"description": "Smaller size."},
    )
    to = whole("A size with a checkpoint; the newest by default.", low=1)


class WitnessSchema(StrictSchema):
    """A witness and when it last cosigned."""

    name = text("Key name.", required=True)
    last_cosigned_at = text("RFC 3339; left out: never.")


class KeySpanSchema(StrictSchema):
    """Keys of the log, and the sizes they sign (formats.md §7)."""

    vkeys = texts("Verifier keys (C2SP signed note).")
    from_ = fields.Integer(
        required=True, data_key="from", metadata={"description": "Smallest size."}
    )
    to = whole("Largest size; left out while they are in force.")


class LostCheckpointSchema(StrictSchema):
    """A checkpoint that was signed over what is lost."""

    size = whole("Size.", required=True)
    root = text("Root, b64.", required=True)


class LostRecordSchema(StrictSchema):
    """A lost record, known from a receipt."""

    index = whole("Index it had.", required=True)
    entry = text("Entry, b64.", required=True)


class RecoverySchema(StrictSchema):
    """The log lost its tail and went on under other keys."""

    index = whole("Record that brought it into effect.", required=True)
    size = whole("Records that were left.", required=True)
    root = text("Root over them, b64.", required=True)
    lost = several(LostCheckpointSchema, "Checkpoints that were signed over it.")
    lost_acts = several(LostRecordSchema, "Records known from receipts.")
    old_vkeys = texts("Keys until then.")
    new_vkeys = texts("Keys from then on.")


class ShownRecordSchema(StrictSchema):
    """A registry record and its path in the tree."""

    index = whole("Leaf index.", required=True)
    envelope = text("Envelope, b64.", required=True)
    hashes = texts("Path, b64.")


class PrefixSchema(StrictSchema):
    """That what was left is the beginning of the tree."""

    size = whole("Records that were left.", required=True)
    hashes = texts("Path, b64.")


class RecoveryEvidenceSchema(StrictSchema):
    """What shows each recovery lawful, without a database."""

    checkpoint = text("Signed note of the tree that everything stands in.", required=True)
    records = several(ShownRecordSchema, "Registry records, in their order.")
    prefixes = several(PrefixSchema, "One for each recovery.")


class LogFactsSchema(AnswerSchema):
    """What a verifier needs to know about this log."""

    origin = text("Origin.", required=True, example="rehearsal.bacninh.example/ordinary")
    level = SECRECY_LEVEL.one("Secrecy level of the enclave.", required=True)
    vkeys = texts("Keys in force.")
    keys = several(KeySpanSchema, "Every key, by size.")
    recoveries = several(RecoverySchema, "Every time the log lost its tail; mostly none.")
    size = whole("Records in the newest checkpoint.", required=True)
    records = whole("Records committed.", required=True)
    genesis = text("Entry of record 0, lower-case hex: where trust starts.", required=True)
    custody = choice(
        (FILE, PKCS11),
        "What keeps the KEK: files, or a PKCS#11 token; left out where another process has it.",
    )
    policy = text("C2SP tlog-policy.", required=True)
    now = pattern(MOMENT, "The ledger's time.", required=True)
    witnesses = several(WitnessSchema, "Who cosigns its checkpoints.")
    set_aside = fields.List(
        fields.Integer(),
        required=True,
        metadata={
            "description": "Indices of records against the rules that no act has voided yet, at"
            " most the first 100 (formats.md §3)."
        },
    )


class LowerLogSchema(StrictSchema):
    """How far a lower log is taken in, as an act may say that its author was shown it."""

    log = text("Origin of the log.", required=True)
    level = text("Its level.", required=True)
    size = whole("Records taken in.", required=True)
    root = text(
        "Root of these, b64: with `log` and `size` a member of `facts.seen`.",
        required=True,
    )
    published_at = text("Turn of the clock there that the newest segment is of.", required=True)
    taken_in_at = text("When that came, by the clock here.", required=True)


class LowerLogsSchema(AnswerSchema):
    """Every lower log of which something is taken in."""

    logs = several(LowerLogSchema, "By origin; none where nothing is.")


class PublicActsQuerySchema(StrictSchema):
    """Which publications."""

    act = ACT_TYPE.one("Of this type.")
    agency = pattern(AGENCY, "Of this agency, by its id.")
    limit = whole("Rows a page, at most 200.", low=1, high=MAX_LIMIT, default=50)
    cursor = fields.String(
        validate=validate.Length(1, 1024),
        metadata={"description": "`next` of the page before, with the same filters."},
    )


class PublicActSchema(StrictSchema):
    """One publication."""

    act_id = text("Its id, by which it is spoken of.", required=True)
    act = text("Act type.", required=True)
    act_vi = text("Vietnamese name.", required=True)
    act_en = text("English name.", required=True)
    agency = text("Who published it.", required=True)
    agency_name = text("As that was called on the day.", required=True)
    occurred_at = text("When.", required=True)
    facts = fields.Dict(
        required=True,
        metadata={"description": "What it says to everybody, by the names of the catalogue."},
    )
    corrects = maybe("The publication that it puts right; null where it is none, or none is told.")
    corrected = yes_or_no("Whether something of it was put right since.")


class PublicActShownSchema(PublicActSchema, AnswerSchema):
    """One publication, with what put it right."""

    corrected_by = several(
        pattern(UUID, "`act_id` of a publication."), "The newest first; of those that are public."
    )


class PublicActsSchema(AnswerSchema):
    """A page of publications, the newest first."""

    acts = several(PublicActSchema, "None where nothing is published.")
    next = text("Cursor of the next page; left out on the last.")
